#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference/common/bt_conv2d.h"
#include "reference/graph/graph_data_files.h"
#include "reference/graph/graph_exact.h"

#define MOST_LAYERS 160
#define MOST_EXTENT 4096
#define EPSILON 0.000001f /* Darknet's, added to the standard deviation */

/* A network that comes as a cfg and its weights, trained on pixels from 0 to 1, RGB, without letterbox. */
struct darknet {
    const char *name, *cfg, *weights, *source;
    int32_t extent; /* of the input, a square */
};

static const struct darknet tiny_darknet = {
    .name = "tiny_darknet",
    .cfg = "tiny_darknet/tiny.cfg",
    .weights = "tiny_darknet/tiny.weights",
    .source = "Darknet tiny.weights: trained, quantised here (min-max on 4 COCO photographs)",
    .extent = BT_DATA_PHOTO_EXTENT,
};

static const struct darknet yolo_fastest = {
    .name = "yolo_fastest_1_1",
    .cfg = "yolo/yolo_fastest_1.1/yolo-fastest-1.1.cfg",
    .weights = "yolo/yolo_fastest_1.1/yolo-fastest-1.1.weights",
    .source = "yolo-fastest-1.1.weights: trained, quantised here (min-max on 4 COCO photographs)",
    .extent = BT_DATA_IMAGE_EXTENT,
};

/* ---- cfg: sections of key=value ---- */

struct section {
    char name[24];
    int32_t filters, size, stride, pad, groups, batch_normalize, height, width, channels;
    uint32_t source_count; /* of route and shortcut */
    int32_t sources[BT_GRAPH_INPUTS];
    char activation[16];
};

struct key {
    const char *name;
    size_t offset;
};
#define KEY(member)                                                                                                    \
    {                                                                                                                  \
#member, offsetof(struct section, member)                                                                      \
    }
static const struct key keys[] = {KEY(filters),         KEY(size),  KEY(stride),  KEY(pad), KEY(groups), KEY(height),
                                  KEY(batch_normalize), KEY(width), KEY(channels)};

/* "-1,-3"; one more than there is room for is counted, so that it can be refused. */
static void set_sources(struct section *section, const char *value)
{
    char *rest = NULL;
    section->source_count = 0;
    while (section->source_count <= BT_GRAPH_INPUTS) {
        const long source = strtol(value, &rest, 10);
        if (rest == value) {
            return;
        }
        if (section->source_count < BT_GRAPH_INPUTS) {
            const long most = MOST_LAYERS; /* beyond any layer there can be */
            section->sources[section->source_count] = (int32_t)(source < -most ? -most : source > most ? most : source);
        }
        section->source_count++;
        value = rest + strspn(rest, ",");
    }
}

static void set_key(struct section *section, const char *name, const char *value)
{
    if (strcmp(name, "activation") == 0) {
        (void)snprintf(section->activation, sizeof(section->activation), "%.15s", value);
        return;
    }
    if (strcmp(name, "layers") == 0 || strcmp(name, "from") == 0) {
        set_sources(section, value);
        return;
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(name, keys[i].name) == 0) { /* the others concern training */
            *(int32_t *)(void *)((char *)section + keys[i].offset) = (int32_t)strtol(value, NULL, 10);
        }
    }
}

/* As Darknet does. */
static void drop_spaces(char *line)
{
    char *to = line;
    for (const char *from = line; *from != '\0'; from++) {
        if (*from != ' ' && *from != '\t') {
            *to++ = *from;
        }
    }
    *to = '\0';
}

static enum bt_status parse(const struct darknet *from, char *text, struct section *sections, uint32_t *count,
                            struct bt_error *err)
{
    char *rest = NULL;
    *count = 0;
    for (char *line = strtok_r(text, "\r\n", &rest); line != NULL; line = strtok_r(NULL, "\r\n", &rest)) {
        drop_spaces(line);
        char *value = line[0] != '#' ? strchr(line, '=') : NULL;
        if (line[0] == '[') {
            if (*count == MOST_LAYERS) {
                return bt_fail(err, BT_EINPUT, "%s: more than %d sections: expected a small network", from->cfg,
                               MOST_LAYERS);
            }
            struct section *section = &sections[(*count)++];
            *section = (struct section){.stride = 1, .groups = 1};
            (void)snprintf(section->name, sizeof(section->name), "%.*s", (int)strcspn(line + 1, "]"), line + 1);
        } else if (value != NULL && *count > 0) {
            *value = '\0';
            set_key(&sections[*count - 1], line, value + 1);
        }
    }
    const struct section *net = &sections[0];
    if (*count < 2 || strcmp(net->name, "net") != 0 || net->height != from->extent || net->width != from->extent ||
        net->channels != 3) {
        return bt_fail(err, BT_EINPUT, "%s: no [net] of %" PRId32 "x%" PRId32 "x3: expected one, and layers", from->cfg,
                       from->extent, from->extent);
    }
    return BT_OK;
}

/* ---- weights ---- */

struct weights {
    const char *name, *cfg; /* for messages */
    const unsigned char *at;
    size_t left; /* values */
};

static bool take(struct weights *file, size_t count, float *values)
{
    if (file->left < count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        values[i] = bt_data_f32(file->at + i * sizeof(float));
    }
    file->at += count * sizeof(float);
    file->left -= count;
    return true;
}

/* y = scale (x - mean) / (sqrt(variance) + epsilon) + bias, into the weights that make x. */
static void fold(const float *scales, const float *means, const float *variances, struct bt_float_node *node)
{
    const int64_t elems = bt_conv2d_weight_elems(&node->u.conv) / node->c;
    for (int32_t oc = 0; oc < node->c; oc++) {
        const float factor = scales[oc] / (sqrtf(variances[oc]) + EPSILON);
        for (int64_t i = 0; i < elems; i++) {
            node->weights[oc * elems + i] *= factor;
        }
        node->bias[oc] -= means[oc] * factor;
    }
}

/* A variance below 0 makes NaN, one near 0 what no layer can be meant to have. */
static enum bt_status check_folded(const char *file, const struct bt_float_node *node, size_t elems,
                                   struct bt_error *err)
{
    char what[128];
    (void)snprintf(what, sizeof(what), "%s: weights of layer %s with their normalisation", file, node->name);
    enum bt_status status = BT_OK;
    for (size_t i = 0; status == BT_OK && i < elems; i++) {
        status = bt_data_check_float(what, i, node->weights[i], err);
    }
    (void)snprintf(what, sizeof(what), "%s: bias of layer %s with its normalisation", file, node->name);
    for (size_t i = 0; status == BT_OK && i < (size_t)node->c; i++) {
        status = bt_data_check_float(what, i, node->bias[i], err);
    }
    return status;
}

/* Major, minor, revision, then the images seen: 32 bits, from version 0.2 on 64. */
static size_t header_bytes(const unsigned char *raw, size_t bytes)
{
    const int32_t major = bytes >= 8 ? bt_data_s32(raw) : 0;
    const int32_t minor = bytes >= 8 ? bt_data_s32(raw + 4) : 0;
    const bool wide = major >= 0 && major < 1000 && minor >= 0 && minor < 1000 && major * 10 + minor >= 2;
    return wide ? 20 : 16;
}

/* The index in a message is the value's behind the header. */
static enum bt_status check_values(const char *file, const unsigned char *raw, size_t bytes, struct bt_error *err)
{
    const size_t header = header_bytes(raw, bytes);
    if (bytes < header || (bytes - header) % sizeof(float) != 0) {
        return bt_fail(err, BT_EINPUT, "%s: %zu bytes: expected a header of %zu and whole values", file, bytes, header);
    }
    const size_t count = (bytes - header) / sizeof(float);
    enum bt_status status = BT_OK;
    for (size_t i = 0; status == BT_OK && i < count; i++) {
        status = bt_data_check_float(file, i, bt_data_f32(raw + header + i * sizeof(float)), err);
    }
    return status;
}

static enum bt_status read_conv(struct weights *file, bool bn, struct bt_float_node *node, struct bt_error *err)
{
    const struct bt_conv2d *conv = &node->u.conv;
    const size_t c_out = (size_t)conv->c_out;
    const size_t elems = (size_t)bt_conv2d_weight_elems(conv);
    float *oihw = malloc(elems * sizeof(float));
    float *stats = malloc(3 * c_out * sizeof(float)); /* scales, means, variances */
    node->weights = malloc(elems * sizeof(float));
    node->bias = malloc(c_out * sizeof(float));
    enum bt_status status = BT_OK;
    if (oihw == NULL || stats == NULL || node->weights == NULL || node->bias == NULL) {
        status = bt_fail(err, BT_ENOMEM, "%s: no memory for its weights", file->name);
    } else if (!take(file, c_out, node->bias) || (bn && !take(file, 3 * c_out, stats)) || !take(file, elems, oihw)) {
        status = bt_fail(err, BT_EINPUT, "%s: too short for layer %s: expected the weights of %s", file->name,
                         node->name, file->cfg);
    } else {
        bt_data_oihw_to_ohwi(oihw, conv->c_out, conv->c_in / conv->groups, conv->kh, conv->kw, node->weights);
        if (bn) {
            fold(stats, stats + c_out, stats + 2 * c_out, node);
        }
        status = check_folded(file->name, node, elems, err);
    }
    free(oihw);
    free(stats);
    return status;
}

/* ---- layers ---- */

static enum bt_status add_conv(const struct section *section, struct weights *file, struct bt_float_node *node,
                               struct bt_error *err)
{
    const int32_t pad = section->pad != 0 ? section->size / 2 : 0;
    const bool leaky = strcmp(section->activation, "leaky") == 0;
    node->act = leaky ? BT_ACT_LEAKY : BT_ACT_NONE;
    node->u.conv = (struct bt_conv2d){
        .n = 1,
        .h = node->h,
        .w = node->w,
        .c_in = node->c,
        .c_out = section->filters,
        .kh = section->size,
        .kw = section->size,
        .stride_h = section->stride,
        .stride_w = section->stride,
        .dil_h = 1,
        .dil_w = 1,
        .pad_top = pad,
        .pad_bottom = pad,
        .pad_left = pad,
        .pad_right = pad,
        .groups = section->groups,
        .act_max = 127,
    };
    struct bt_reason why = {0};
    if (bt_conv2d_check(&node->u.conv, &why) != BT_OK || section->filters > MOST_EXTENT ||
        (!leaky && strcmp(section->activation, "linear") != 0)) {
        return bt_fail(err, BT_EINPUT, "%s: layer %s: %s: expected a convolution, leaky or linear", file->cfg,
                       node->name, why.what != NULL ? why.what : "activation");
    }
    node->h = bt_conv2d_oh(&node->u.conv);
    node->w = bt_conv2d_ow(&node->u.conv);
    node->c = section->filters;
    return read_conv(file, section->batch_normalize != 0, node, err);
}

/* What windows need behind the last element, where Darknet puts half of a window less one in front of the first. */
static int32_t pad_behind(int32_t extent, int32_t size, int32_t stride)
{
    const int32_t outputs = (extent - 1) / stride + 1;
    const int32_t behind = (outputs - 1) * stride + size - extent - (size - 1) / 2;
    return behind > 0 ? behind : 0;
}

/* Average over everything. */
static enum bt_status add_pool(const char *cfg, const struct section *section, struct bt_float_node *node,
                               struct bt_error *err)
{
    const bool global = node->op == BT_OP_AVGPOOL;
    const int32_t size = section->size;
    const int32_t stride = section->stride;
    if (!global && (size < 1 || size > MOST_EXTENT || stride < 1 || stride > MOST_EXTENT)) {
        return bt_fail(err, BT_EINPUT, "%s: layer %s: size %" PRId32 ", stride %" PRId32 ": expected 1 to %d", cfg,
                       node->name, size, stride, MOST_EXTENT);
    }
    node->u.pool = (struct ref_pool2d){
        .n = 1,
        .h = node->h,
        .w = node->w,
        .c = node->c,
        .kh = global ? node->h : size,
        .kw = global ? node->w : size,
        .stride_h = global ? 1 : stride,
        .stride_w = global ? 1 : stride,
        .pad_top = global ? 0 : (size - 1) / 2,
        .pad_bottom = global ? 0 : pad_behind(node->h, size, stride),
        .pad_left = global ? 0 : (size - 1) / 2,
        .pad_right = global ? 0 : pad_behind(node->w, size, stride),
        .act_max = 127,
    };
    struct bt_reason why = {0};
    if (ref_pool2d_check(&node->u.pool, INT8_MIN, INT8_MAX, &why) != BT_OK) {
        return bt_fail(err, BT_EINPUT, "%s: layer %s: %s: expected a pool", cfg, node->name, why.what);
    }
    const int32_t oh = ref_pool2d_oh(&node->u.pool);
    const int32_t ow = ref_pool2d_ow(&node->u.pool);
    node->h = oh;
    node->w = ow;
    return BT_OK;
}

static enum bt_status add_upsample(const char *cfg, const struct section *section, struct bt_float_node *node,
                                   struct bt_error *err)
{
    const int32_t factor = section->stride;
    if (factor < 1 || factor > MOST_EXTENT / node->h || factor > MOST_EXTENT / node->w) {
        return bt_fail(err, BT_EINPUT, "%s: layer %s: stride %" PRId32 ": expected an upsampling to at most %d", cfg,
                       node->name, factor, MOST_EXTENT);
    }
    node->u.upsample_scale = factor;
    node->h *= factor;
    node->w *= factor;
    return BT_OK;
}

static const struct {
    const char *section, *name; /* no name: what comes in goes out, or for training, or decoding of boxes */
    enum bt_op op;
} kinds[] = {
    {"convolutional", "conv", BT_OP_CONV2D},
    {"maxpool", "maxpool", BT_OP_MAXPOOL},
    {"avgpool", "avgpool", BT_OP_AVGPOOL},
    {"softmax", "softmax", BT_OP_SOFTMAX},
    {"upsample", "upsample", BT_OP_UPSAMPLE},
    {"shortcut", "add", BT_OP_ADD},
    {"route", "concat", BT_OP_CONCAT},
    {"dropout", NULL, BT_OP_COUNT},
    {"yolo", NULL, BT_OP_COUNT},
    {"cost", NULL, BT_OP_COUNT},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* A network in the making. */
struct build {
    const struct darknet *from;
    struct bt_float_graph *graph;
    struct weights file;
    uint32_t at[MOST_LAYERS]; /* of each layer so far, the node that puts out what it does */
};

/* Nodes that a route or shortcut names, by the index of a layer or, below 0, by how far back it is. */
static enum bt_status find_sources(const struct build *build, const struct section *section, uint32_t index,
                                   uint32_t most, uint32_t *nodes, struct bt_error *err)
{
    if (section->source_count < 1 || section->source_count > most) {
        return bt_fail(err, BT_EINPUT, "%s: layer %u, [%s]: %u sources: expected 1 to %u", build->from->cfg,
                       (unsigned)index, section->name, (unsigned)section->source_count, (unsigned)most);
    }
    for (uint32_t i = 0; i < section->source_count; i++) {
        const int64_t source = section->sources[i] < 0 ? (int64_t)index + section->sources[i] : section->sources[i];
        if (source < 0 || source >= index) {
            return bt_fail(err, BT_EINPUT, "%s: layer %u, [%s]: source %" PRId32 ": expected an earlier layer",
                           build->from->cfg, (unsigned)index, section->name, section->sources[i]);
        }
        nodes[i] = build->at[source];
    }
    return BT_OK;
}

/* Sum of what came before and the source. */
static enum bt_status join_add(const struct build *build, const struct section *section, uint32_t source,
                               struct bt_float_node *node, struct bt_error *err)
{
    const struct bt_float_node *other = &build->graph->nodes[source];
    if (section->activation[0] != '\0' && strcmp(section->activation, "linear") != 0) {
        return bt_fail(err, BT_EINPUT, "%s: layer %s: activation %s: expected linear", build->from->cfg, node->name,
                       section->activation);
    }
    if (other->h != node->h || other->w != node->w || other->c != node->c) {
        return bt_fail(err, BT_EINPUT, "%s: layer %s: sources of different shapes: expected the same", build->from->cfg,
                       node->name);
    }
    node->input_count = 2;
    node->inputs[1] = source;
    return BT_OK;
}

static enum bt_status join_concat(const struct build *build, const uint32_t *sources, uint32_t count,
                                  struct bt_float_node *node, struct bt_error *err)
{
    const struct bt_float_node *first = &build->graph->nodes[sources[0]];
    node->h = first->h;
    node->w = first->w;
    node->c = 0;
    node->input_count = count;
    for (uint32_t i = 0; i < count; i++) {
        const struct bt_float_node *source = &build->graph->nodes[sources[i]];
        node->inputs[i] = sources[i];
        node->c += source->c;
        if (source->h != first->h || source->w != first->w || node->c > MOST_EXTENT) {
            return bt_fail(err, BT_EINPUT,
                           "%s: layer %s: sources of different extents, or of more than %d channels: "
                           "expected one extent",
                           build->from->cfg, node->name, MOST_EXTENT);
        }
    }
    return BT_OK;
}

/* A route with one source only says where to go on. */
static enum bt_status add_layer(struct build *build, const struct section *section, uint32_t index,
                                struct bt_error *err)
{
    const uint32_t before = index > 0 ? build->at[index - 1] : 0;
    const char *cfg = build->from->cfg;
    uint32_t sources[BT_GRAPH_INPUTS] = {0};
    char name[48];
    size_t k = 0;
    while (k < KINDS && strcmp(kinds[k].section, section->name) != 0) {
        k++;
    }
    if (k == KINDS) {
        return bt_fail(err, BT_EINPUT,
                       "%s: [%s]: expected convolutional, maxpool, avgpool, softmax, upsample, shortcut, route, "
                       "dropout, yolo or cost",
                       cfg, section->name);
    }
    build->at[index] = before;
    if (kinds[k].name == NULL) {
        return BT_OK;
    }
    enum bt_status status = BT_OK;
    if (kinds[k].op == BT_OP_ADD || kinds[k].op == BT_OP_CONCAT) {
        status = find_sources(build, section, index, kinds[k].op == BT_OP_ADD ? 1 : BT_GRAPH_INPUTS, sources, err);
        if (status != BT_OK) {
            return status;
        }
    }
    if (kinds[k].op == BT_OP_CONCAT && section->source_count == 1) {
        build->at[index] = sources[0];
        return BT_OK;
    }
    const bool depthwise = section->groups > 1 && section->groups == build->graph->nodes[before].c;
    (void)snprintf(name, sizeof(name), "%u_%s", (unsigned)index,
                   kinds[k].op == BT_OP_CONV2D && depthwise ? "dw" : kinds[k].name);
    build->at[index] = build->graph->count;
    struct bt_float_node *node = bt_float_graph_add(build->graph, kinds[k].op, name, before);
    switch (node->op) {
    case BT_OP_CONV2D:
        return add_conv(section, &build->file, node, err);
    case BT_OP_SOFTMAX:
        return BT_OK;
    case BT_OP_ADD:
        return join_add(build, section, sources[0], node, err);
    case BT_OP_CONCAT:
        return join_concat(build, sources, section->source_count, node, err);
    case BT_OP_UPSAMPLE:
        return add_upsample(cfg, section, node, err);
    default:
        return add_pool(cfg, section, node, err);
    }
}

static enum bt_status load_float(const struct darknet *from, const char *data_dir, struct bt_float_graph **graph,
                                 struct bt_error *err)
{
    unsigned char *cfg = NULL;
    unsigned char *raw = NULL;
    size_t bytes = 0;
    uint32_t count = 0;
    struct build build = {.from = from};
    struct section *sections = calloc(MOST_LAYERS, sizeof(*sections));
    enum bt_status status = bt_data_file(data_dir, from->cfg, 0, &cfg, NULL, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    status = bt_data_file(data_dir, from->weights, 0, &raw, &bytes, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    build.graph = bt_float_graph_new(from->name, from->source, MOST_LAYERS);
    if (sections == NULL || build.graph == NULL) {
        status = bt_fail(err, BT_ENOMEM, "%s: no memory for the float graph", from->name);
        goto cleanup;
    }
    status = parse(from, (char *)cfg, sections, &count, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    status = check_values(from->weights, raw, bytes, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    struct bt_float_node *input = bt_float_graph_add(build.graph, BT_OP_INPUT, "input", 0);
    input->h = sections[0].height;
    input->w = sections[0].width;
    input->c = sections[0].channels;
    input->high = 1;
    const size_t header = header_bytes(raw, bytes);
    build.file = (struct weights){
        .name = from->weights,
        .cfg = from->cfg,
        .at = raw + header,
        .left = (bytes - header) / sizeof(float),
    };
    for (uint32_t i = 1; status == BT_OK && i < count; i++) {
        status = add_layer(&build, &sections[i], i - 1, err);
    }
    if (status == BT_OK && build.file.left != 0) {
        status = bt_fail(err, BT_EINPUT, "%s: %zu values too many: expected the weights of %s", from->weights,
                         build.file.left, from->cfg);
    }
    if (status == BT_OK) {
        *graph = build.graph;
        build.graph = NULL;
    }

cleanup:
    bt_float_graph_free(build.graph);
    free(sections);
    free(cfg);
    free(raw);
    return status;
}

/* ---- the networks ---- */

static enum bt_status load(const struct darknet *from, const char *data_dir, struct bt_graph **graph,
                           struct bt_graph_samples *samples, struct bt_error *err)
{
    struct bt_float_graph *real = NULL;
    struct bt_graph *made = NULL;
    enum bt_status status = load_float(from, data_dir, &real, err);
    if (status == BT_OK) {
        status = bt_data_calibrate(data_dir, from->extent, 255, real, err);
    }
    if (status == BT_OK) {
        status = bt_float_quantise(real, &made, err);
    }
    if (status == BT_OK) {
        status = bt_data_photo_samples(data_dir, from->extent, samples, err);
    }
    if (status == BT_OK) {
        *graph = made;
        made = NULL;
    }
    bt_graph_free(made);
    bt_float_graph_free(real);
    return status;
}

enum bt_status bt_data_tiny_darknet_float(const char *data_dir, struct bt_float_graph **graph, struct bt_error *err)
{
    return load_float(&tiny_darknet, data_dir, graph, err);
}

enum bt_status bt_data_tiny_darknet(const char *data_dir, struct bt_graph **graph, struct bt_graph_samples *samples,
                                    struct bt_error *err)
{
    return load(&tiny_darknet, data_dir, graph, samples, err);
}

enum bt_status bt_data_yolo_fastest_float(const char *data_dir, struct bt_float_graph **graph, struct bt_error *err)
{
    return load_float(&yolo_fastest, data_dir, graph, err);
}

enum bt_status bt_data_yolo_fastest(const char *data_dir, struct bt_graph **graph, struct bt_graph_samples *samples,
                                    struct bt_error *err)
{
    return load(&yolo_fastest, data_dir, graph, samples, err);
}
