#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference/common/bt_conv2d.h"
#include "reference/graph/graph_data_files.h"
#include "reference/graph/graph_exact.h"

#define CFG "tiny_darknet/tiny.cfg"
#define WEIGHTS "tiny_darknet/tiny.weights"
#define CALIBRATION_FILE "yolo/inputs_raw/rgb_u8_16x320x320x3.bin"
#define SOURCE "Darknet tiny.weights: trained, quantised here (min-max on 4 COCO photographs)"
#define HEADER 16 /* major, minor, revision, images seen: int32 each */
#define MOST_LAYERS 64
#define MOST_EXTENT 4096
#define EPSILON 0.000001f /* Darknet's, added to the standard deviation */

/* Of the 16 images, those from the sixth on are no samples. */
#define CALIBRATION_FIRST 5
#define CALIBRATION_COUNT 4
#define CALIBRATION_IMAGES 16
#define CALIBRATION_EXTENT 320

/* ---- cfg: sections of key=value ---- */

struct section {
    char name[24];
    int32_t filters, size, stride, pad, batch_normalize, height, width, channels;
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
static const struct key keys[] = {KEY(filters),         KEY(size),   KEY(stride), KEY(pad),
                                  KEY(batch_normalize), KEY(height), KEY(width),  KEY(channels)};

static void set_key(struct section *section, const char *name, const char *value)
{
    if (strcmp(name, "activation") == 0) {
        (void)snprintf(section->activation, sizeof(section->activation), "%.15s", value);
        return;
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(name, keys[i].name) == 0) { /* the others concern training */
            *(int32_t *)(void *)((char *)section + keys[i].offset) = (int32_t)strtol(value, NULL, 10);
        }
    }
}

static enum bt_status parse(char *text, struct section *sections, uint32_t *count, struct bt_error *err)
{
    char *rest = NULL;
    *count = 0;
    for (char *line = strtok_r(text, "\r\n", &rest); line != NULL; line = strtok_r(NULL, "\r\n", &rest)) {
        char *value = strchr(line, '=');
        if (line[0] == '[') {
            if (*count == MOST_LAYERS) {
                return bt_fail(err, BT_EINPUT, "%s: more than %d sections: expected a small network", CFG, MOST_LAYERS);
            }
            struct section *section = &sections[(*count)++];
            *section = (struct section){.stride = 1};
            (void)snprintf(section->name, sizeof(section->name), "%.*s", (int)strcspn(line + 1, "]"), line + 1);
        } else if (value != NULL && *count > 0) {
            *value = '\0';
            set_key(&sections[*count - 1], line, value + 1);
        }
    }
    const struct section *net = &sections[0];
    if (*count < 2 || strcmp(net->name, "net") != 0 || net->height != BT_DATA_PHOTO_EXTENT ||
        net->width != BT_DATA_PHOTO_EXTENT || net->channels != 3) {
        return bt_fail(err, BT_EINPUT, "%s: no [net] of 224x224x3: expected one, and layers", CFG);
    }
    return BT_OK;
}

/* ---- weights ---- */

struct weights {
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
static enum bt_status check_folded(const struct bt_float_node *node, size_t elems, struct bt_error *err)
{
    char what[128];
    (void)snprintf(what, sizeof(what), "%s: weights of layer %s with their normalisation", WEIGHTS, node->name);
    enum bt_status status = BT_OK;
    for (size_t i = 0; status == BT_OK && i < elems; i++) {
        status = bt_data_check_float(what, i, node->weights[i], err);
    }
    (void)snprintf(what, sizeof(what), "%s: bias of layer %s with its normalisation", WEIGHTS, node->name);
    for (size_t i = 0; status == BT_OK && i < (size_t)node->c; i++) {
        status = bt_data_check_float(what, i, node->bias[i], err);
    }
    return status;
}

/* The index in a message is the value's behind the header. */
static enum bt_status check_values(const unsigned char *raw, size_t bytes, struct bt_error *err)
{
    if (bytes < HEADER || (bytes - HEADER) % sizeof(float) != 0) {
        return bt_fail(err, BT_EINPUT, "%s: %zu bytes: expected a header of %d and whole values", WEIGHTS, bytes,
                       HEADER);
    }
    const size_t count = (bytes - HEADER) / sizeof(float);
    enum bt_status status = BT_OK;
    for (size_t i = 0; status == BT_OK && i < count; i++) {
        status = bt_data_check_float(WEIGHTS, i, bt_data_f32(raw + HEADER + i * sizeof(float)), err);
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
        status = bt_fail(err, BT_ENOMEM, "%s: no memory for its weights", WEIGHTS);
    } else if (!take(file, c_out, node->bias) || (bn && !take(file, 3 * c_out, stats)) || !take(file, elems, oihw)) {
        status =
            bt_fail(err, BT_EINPUT, "%s: too short for layer %s: expected the weights of %s", WEIGHTS, node->name, CFG);
    } else {
        bt_data_oihw_to_ohwi(oihw, conv->c_out, conv->c_in, conv->kh, conv->kw, node->weights);
        if (bn) {
            fold(stats, stats + c_out, stats + 2 * c_out, node);
        }
        status = check_folded(node, elems, err);
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
        .groups = 1,
        .act_max = 127,
    };
    struct bt_reason why = {0};
    if (bt_conv2d_check(&node->u.conv, &why) != BT_OK || section->filters > MOST_EXTENT ||
        (!leaky && strcmp(section->activation, "linear") != 0)) {
        return bt_fail(err, BT_EINPUT, "%s: layer %s: %s: expected a convolution, leaky or linear", CFG, node->name,
                       why.what != NULL ? why.what : "activation");
    }
    node->h = bt_conv2d_oh(&node->u.conv);
    node->w = bt_conv2d_ow(&node->u.conv);
    node->c = section->filters;
    return read_conv(file, section->batch_normalize != 0, node, err);
}

/* Maximum over windows that fit without padding (even extents), average over everything. */
static enum bt_status add_pool(const struct section *section, struct bt_float_node *node, struct bt_error *err)
{
    const bool global = node->op == BT_OP_AVGPOOL;
    node->u.pool = (struct ref_pool2d){
        .n = 1,
        .h = node->h,
        .w = node->w,
        .c = node->c,
        .kh = global ? node->h : section->size,
        .kw = global ? node->w : section->size,
        .stride_h = global ? 1 : section->stride,
        .stride_w = global ? 1 : section->stride,
        .act_max = 127,
    };
    if (ref_pool2d_check(&node->u.pool, INT8_MIN, INT8_MAX, NULL) != BT_OK ||
        (!global && (node->h % section->stride != 0 || section->size != section->stride))) {
        return bt_fail(err, BT_EINPUT, "%s: layer %s: expected a pool whose windows divide its input", CFG, node->name);
    }
    const int32_t oh = ref_pool2d_oh(&node->u.pool);
    const int32_t ow = ref_pool2d_ow(&node->u.pool);
    node->h = oh;
    node->w = ow;
    return BT_OK;
}

static const struct {
    const char *section, *name;
    enum bt_op op;
} kinds[] = {
    {"convolutional", "conv", BT_OP_CONV2D},
    {"maxpool", "maxpool", BT_OP_MAXPOOL},
    {"avgpool", "avgpool", BT_OP_AVGPOOL},
    {"softmax", "softmax", BT_OP_SOFTMAX},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static enum bt_status add_layer(const struct section *section, uint32_t index, struct weights *file,
                                struct bt_float_graph *graph, struct bt_error *err)
{
    char name[48];
    size_t k = 0;
    while (k < KINDS && strcmp(kinds[k].section, section->name) != 0) {
        k++;
    }
    if (k == KINDS) { /* [cost] is for training */
        return strcmp(section->name, "cost") == 0
                   ? BT_OK
                   : bt_fail(err, BT_EINPUT, "%s: [%s]: expected convolutional, maxpool, avgpool, softmax or cost", CFG,
                             section->name);
    }
    (void)snprintf(name, sizeof(name), "%u_%s", (unsigned)index, kinds[k].name);
    struct bt_float_node *node = bt_float_graph_add(graph, kinds[k].op, name, graph->count - 1);
    switch (node->op) {
    case BT_OP_CONV2D:
        return add_conv(section, file, node, err);
    case BT_OP_SOFTMAX:
        return BT_OK;
    default:
        return add_pool(section, node, err);
    }
}

enum bt_status bt_data_tiny_darknet_float(const char *data_dir, struct bt_float_graph **graph, struct bt_error *err)
{
    unsigned char *cfg = NULL;
    unsigned char *raw = NULL;
    size_t bytes = 0;
    uint32_t count = 0;
    struct bt_float_graph *made = NULL;
    struct section *sections = calloc(MOST_LAYERS, sizeof(*sections));
    enum bt_status status = bt_data_file(data_dir, CFG, 0, &cfg, NULL, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    status = bt_data_file(data_dir, WEIGHTS, 0, &raw, &bytes, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    made = bt_float_graph_new("tiny_darknet", SOURCE, MOST_LAYERS);
    if (sections == NULL || made == NULL) {
        status = bt_fail(err, BT_ENOMEM, "tiny_darknet: no memory for the float graph");
        goto cleanup;
    }
    status = parse((char *)cfg, sections, &count, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    status = check_values(raw, bytes, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    struct bt_float_node *input = bt_float_graph_add(made, BT_OP_INPUT, "input", 0);
    input->h = sections[0].height;
    input->w = sections[0].width;
    input->c = sections[0].channels;
    input->high = 1;
    struct weights file = {.at = raw + HEADER, .left = (bytes - HEADER) / sizeof(float)};
    for (uint32_t i = 1; status == BT_OK && i < count; i++) {
        status = add_layer(&sections[i], i - 1, &file, made, err);
    }
    if (status == BT_OK && file.left != 0) {
        status =
            bt_fail(err, BT_EINPUT, "%s: %zu values too many: expected the weights of %s", WEIGHTS, file.left, CFG);
    }
    if (status == BT_OK) {
        *graph = made;
        made = NULL;
    }

cleanup:
    bt_float_graph_free(made);
    free(sections);
    free(cfg);
    free(raw);
    return status;
}

/* ---- photographs ---- */

static enum bt_status calibrate(const char *data_dir, struct bt_float_graph *graph, struct bt_error *err)
{
    const size_t row = (size_t)BT_DATA_PHOTO_EXTENT * 3;
    const size_t elems = BT_DATA_PHOTO_EXTENT * row;
    const size_t border = (CALIBRATION_EXTENT - BT_DATA_PHOTO_EXTENT) / 2;
    const size_t image = (size_t)CALIBRATION_EXTENT * CALIBRATION_EXTENT * 3;
    unsigned char *rgb = NULL;
    enum bt_status status = bt_data_file(data_dir, CALIBRATION_FILE, CALIBRATION_IMAGES * image, &rgb, NULL, err);
    if (status != BT_OK) {
        return status;
    }
    float *inputs = malloc(CALIBRATION_COUNT * elems * sizeof(float));
    if (inputs == NULL) {
        free(rgb);
        return bt_fail(err, BT_ENOMEM, "tiny_darknet: no memory to calibrate");
    }
    for (size_t i = 0; i < CALIBRATION_COUNT * elems; i++) { /* the middle of each */
        const size_t y = i % elems / row + border;
        const size_t x = i % row + border * 3;
        const size_t at = (CALIBRATION_FIRST + i / elems) * image + y * CALIBRATION_EXTENT * 3 + x;
        inputs[i] = rgb[at] / 255.0f;
    }
    status = bt_float_calibrate(graph, inputs, CALIBRATION_COUNT, err);
    free(inputs);
    free(rgb);
    return status;
}

static enum bt_status load_samples(const char *data_dir, struct bt_graph_samples *samples, struct bt_error *err)
{
    unsigned char *rgb = NULL;
    enum bt_status status = bt_data_photos(data_dir, &rgb, err);
    if (status != BT_OK) {
        return status;
    }
    struct bt_graph_samples made = {0};
    status = bt_data_samples_new(BT_DATA_PHOTOS, (size_t)BT_DATA_PHOTO_EXTENT * BT_DATA_PHOTO_EXTENT * 3, 0, &made);
    for (size_t i = 0; status == BT_OK && i < made.count * made.bytes; i++) {
        made.inputs[i] = (int8_t)(rgb[i] - 128);
    }
    for (uint32_t i = 0; status == BT_OK && i < made.count; i++) {
        status = bt_data_name(&made.titles[i], bt_data_photo_names[i]);
    }
    free(rgb);
    if (status != BT_OK) {
        bt_graph_samples_free(&made);
        return bt_fail(err, status, "tiny_darknet: no memory for its inputs");
    }
    (void)snprintf(made.source, sizeof(made.source), "photographs of Darknet, 224x224");
    *samples = made;
    return BT_OK;
}

enum bt_status bt_data_tiny_darknet(const char *data_dir, struct bt_graph **graph, struct bt_graph_samples *samples,
                                    struct bt_error *err)
{
    struct bt_float_graph *real = NULL;
    struct bt_graph *made = NULL;
    enum bt_status status = bt_data_tiny_darknet_float(data_dir, &real, err);
    if (status == BT_OK) {
        status = calibrate(data_dir, real, err);
    }
    if (status == BT_OK) {
        status = bt_float_quantise(real, &made, err);
    }
    if (status == BT_OK) {
        status = load_samples(data_dir, samples, err);
    }
    if (status == BT_OK) {
        *graph = made;
        made = NULL;
    }
    bt_graph_free(made);
    bt_float_graph_free(real);
    return status;
}
