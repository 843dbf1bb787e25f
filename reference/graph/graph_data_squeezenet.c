#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference/common/bt_conv2d.h"
#include "reference/graph/graph_data_files.h"
#include "reference/graph/graph_exact.h"

#define FOLDER "squeezenet/ncnn_v1.1/"
#define WEIGHTS FOLDER "squeezenet_v1.1.bin"
#define TABLE FOLDER "squeezenet_v1.1.int8_calibration.table"
#define CLASS_NAMES "squeezenet/imagenet_classes.txt"
#define SOURCE "SqueezeNet 1.1 of ncnn, fp16: trained, quantised here (ncnn's table; conv10 min-max on COCO)"

#define WEIGHTS_BYTES 2478984
#define HALF_TAG 0x01306b47 /* ncnn: binary16 weights follow, filled up to whole words, then binary32 biases */
#define CLASSES 1000
#define NODES 40
#define MOST_ENTRIES 256

/* ---- layers ---- */

struct fire {
    const char *name;
    int32_t squeeze, expand;
    bool pooled; /* 3x3 maximum behind it, called pool and its number */
};

/* The authors' v1.1: as in ncnn's file but for the padding of conv10 there, which the authors' model has not got. */
static const struct fire fires[] = {
    {"fire2", 16, 64, false},  {"fire3", 16, 64, true},   {"fire4", 32, 128, false}, {"fire5", 32, 128, true},
    {"fire6", 48, 192, false}, {"fire7", 48, 192, false}, {"fire8", 64, 256, false}, {"fire9", 64, 256, false},
};
#define FIRES (sizeof(fires) / sizeof(fires[0]))

struct build {
    struct bt_float_graph *graph;
    const unsigned char *at;
    size_t left; /* bytes */
    struct bt_error *err;
};

/* ---- weights ---- */

/* IEEE 754 binary16; what is no number becomes none. */
static float half(const unsigned char *at)
{
    const uint32_t word = (uint32_t)at[0] | (uint32_t)at[1] << 8;
    const int32_t exponent = (int32_t)(word >> 10 & 31);
    const float fraction = (float)(word & 1023);
    const float magnitude = exponent == 31  ? (fraction > 0 ? NAN : INFINITY)
                            : exponent == 0 ? ldexpf(fraction, -24)
                                            : ldexpf(1024 + fraction, exponent - 25);
    return (word & 0x8000) != 0 ? -magnitude : magnitude;
}

static enum bt_status read_weights(struct build *build, struct bt_float_node *node)
{
    const struct bt_conv2d *conv = &node->u.conv;
    const size_t channels = (size_t)conv->c_out;
    const size_t elems = (size_t)bt_conv2d_weight_elems(conv);
    const size_t half_bytes = (elems * 2 + 3) / 4 * 4;
    char what[128];
    if (build->left < 4 + half_bytes + channels * sizeof(float)) {
        return bt_fail(build->err, BT_EINPUT, "%s: too short for layer %s: expected its weights", WEIGHTS, node->name);
    }
    if (bt_data_s32(build->at) != HALF_TAG) {
        return bt_fail(build->err, BT_EINPUT, "%s: layer %s: tag %08" PRIx32 ": expected %08x, binary16", WEIGHTS,
                       node->name, (uint32_t)bt_data_s32(build->at), HALF_TAG);
    }
    float *oihw = malloc(elems * sizeof(float));
    node->weights = malloc(elems * sizeof(float));
    node->bias = malloc(channels * sizeof(float));
    enum bt_status status = BT_OK;
    if (oihw == NULL || node->weights == NULL || node->bias == NULL) {
        status = bt_fail(build->err, BT_ENOMEM, "%s: no memory for its weights", WEIGHTS);
        goto cleanup;
    }
    (void)snprintf(what, sizeof(what), "%s: weights of layer %s", WEIGHTS, node->name);
    for (size_t i = 0; status == BT_OK && i < elems; i++) {
        oihw[i] = half(build->at + 4 + 2 * i);
        status = bt_data_check_float(what, i, oihw[i], build->err);
    }
    (void)snprintf(what, sizeof(what), "%s: bias of layer %s", WEIGHTS, node->name);
    for (size_t i = 0; status == BT_OK && i < channels; i++) {
        node->bias[i] = bt_data_f32(build->at + 4 + half_bytes + i * sizeof(float));
        status = bt_data_check_float(what, i, node->bias[i], build->err);
    }
    bt_data_oihw_to_ohwi(oihw, conv->c_out, conv->c_in, conv->kh, conv->kw, node->weights);
    build->at += 4 + half_bytes + channels * sizeof(float);
    build->left -= 4 + half_bytes + channels * sizeof(float);

cleanup:
    free(oihw);
    return status;
}

/* Trained on BGR less the mean colour; here the input is the pixel, RGB, 0 to 255. No padding knows of the mean. */
static void take_pixels(struct bt_float_node *conv1)
{
    static const float mean_rgb[] = {123, 117, 104};
    const int64_t elems = bt_conv2d_weight_elems(&conv1->u.conv);
    const int64_t filter = elems / conv1->u.conv.c_out;
    for (int64_t i = 0; i < elems; i += 3) {
        float *tap = conv1->weights + i;
        const float blue = tap[0];
        tap[0] = tap[2];
        tap[2] = blue;
        for (int32_t c = 0; c < 3; c++) {
            conv1->bias[i / filter] -= tap[c] * mean_rgb[c];
        }
    }
}

/* ---- the float graph ---- */

static enum bt_status add_conv(struct build *build, const char *block, const char *part, uint32_t input,
                               struct bt_conv2d shape)
{
    char name[48];
    (void)snprintf(name, sizeof(name), "%s%s", block, part);
    struct bt_float_node *node = bt_float_graph_add(build->graph, BT_OP_CONV2D, name, input);
    shape.n = 1;
    shape.h = node->h;
    shape.w = node->w;
    shape.c_in = node->c;
    shape.kw = shape.kh;
    shape.stride_w = shape.stride_h;
    shape.dil_h = 1;
    shape.dil_w = 1;
    shape.pad_bottom = shape.pad_top;
    shape.pad_left = shape.pad_top;
    shape.pad_right = shape.pad_top;
    shape.groups = 1;
    node->act = BT_ACT_RELU;
    node->u.conv = shape;
    node->h = bt_conv2d_oh(&shape);
    node->w = bt_conv2d_ow(&shape);
    node->c = shape.c_out;
    return read_weights(build, node);
}

static void add_pool(struct build *build, enum bt_op op, const char *name)
{
    struct bt_float_node *node = bt_float_graph_add(build->graph, op, name, build->graph->count - 1);
    const bool global = op == BT_OP_AVGPOOL;
    node->u.pool = (struct ref_pool2d){
        .n = 1,
        .h = node->h,
        .w = node->w,
        .c = node->c,
        .kh = global ? node->h : 3,
        .kw = global ? node->w : 3,
        .stride_h = global ? 1 : 2,
        .stride_w = global ? 1 : 2,
    };
    const int32_t oh = ref_pool2d_oh(&node->u.pool);
    const int32_t ow = ref_pool2d_ow(&node->u.pool);
    node->h = oh;
    node->w = ow;
}

static enum bt_status add_fire(struct build *build, const struct fire *fire)
{
    const struct bt_conv2d squeeze = {.c_out = fire->squeeze, .kh = 1, .stride_h = 1};
    const struct bt_conv2d expand1x1 = {.c_out = fire->expand, .kh = 1, .stride_h = 1};
    const struct bt_conv2d expand3x3 = {.c_out = fire->expand, .kh = 3, .stride_h = 1, .pad_top = 1};
    const uint32_t squeezed = build->graph->count;
    enum bt_status status = add_conv(build, fire->name, ".squeeze1x1", squeezed - 1, squeeze);
    if (status == BT_OK) {
        status = add_conv(build, fire->name, ".expand1x1", squeezed, expand1x1);
    }
    if (status == BT_OK) {
        status = add_conv(build, fire->name, ".expand3x3", squeezed, expand3x3);
    }
    if (status != BT_OK) {
        return status;
    }
    char name[48];
    (void)snprintf(name, sizeof(name), "%s.concat", fire->name);
    struct bt_float_node *concat = bt_float_graph_add(build->graph, BT_OP_CONCAT, name, squeezed + 1);
    concat->input_count = 2;
    concat->inputs[1] = squeezed + 2;
    concat->c *= 2;
    if (fire->pooled) {
        (void)snprintf(name, sizeof(name), "pool%s", fire->name + strlen("fire"));
        add_pool(build, BT_OP_MAXPOOL, name);
    }
    return BT_OK;
}

static enum bt_status add_layers(struct build *build)
{
    const struct bt_conv2d first = {.c_out = 64, .kh = 3, .stride_h = 2};
    const struct bt_conv2d last = {.c_out = CLASSES, .kh = 1, .stride_h = 1};
    enum bt_status status = add_conv(build, "conv1", "", 0, first);
    if (status != BT_OK) {
        return status;
    }
    take_pixels(&build->graph->nodes[1]);
    add_pool(build, BT_OP_MAXPOOL, "pool1");
    for (size_t i = 0; status == BT_OK && i < FIRES; i++) {
        status = add_fire(build, &fires[i]);
    }
    if (status == BT_OK) {
        status = add_conv(build, "conv10", "", build->graph->count - 1, last);
    }
    if (status == BT_OK) {
        add_pool(build, BT_OP_AVGPOOL, "pool10");
        (void)bt_float_graph_add(build->graph, BT_OP_SOFTMAX, "prob", build->graph->count - 1);
    }
    return status;
}

enum bt_status bt_data_squeezenet_float(const char *data_dir, struct bt_float_graph **graph, struct bt_error *err)
{
    unsigned char *raw = NULL;
    enum bt_status status = bt_data_file(data_dir, WEIGHTS, WEIGHTS_BYTES, &raw, NULL, err);
    if (status != BT_OK) {
        return status;
    }
    struct build build = {
        .graph = bt_float_graph_new("squeezenet1_1", SOURCE, NODES),
        .at = raw,
        .left = WEIGHTS_BYTES,
        .err = err,
    };
    if (build.graph == NULL) {
        free(raw);
        return bt_fail(err, BT_ENOMEM, "squeezenet1_1: no memory for the float graph");
    }
    struct bt_float_node *input = bt_float_graph_add(build.graph, BT_OP_INPUT, "input", 0);
    input->h = BT_DATA_PHOTO_EXTENT;
    input->w = BT_DATA_PHOTO_EXTENT;
    input->c = 3;
    input->high = 255;
    status = add_layers(&build);
    if (status == BT_OK) {
        *graph = build.graph;
        build.graph = NULL;
    }
    bt_float_graph_free(build.graph);
    free(raw);
    return status;
}

/* ---- ranges ---- */

struct entry {
    const char *name;
    double scale;
};

/* Lines of a name and a scale above 0. */
static enum bt_status parse_table(char *text, struct entry *entries, size_t *count, struct bt_error *err)
{
    char *rest = NULL;
    *count = 0;
    for (char *line = strtok_r(text, "\r\n", &rest); line != NULL; line = strtok_r(NULL, "\r\n", &rest)) {
        char *space = strchr(line, ' ');
        char *end = NULL;
        const double scale = space != NULL ? strtod(space, &end) : 0;
        if (*count == MOST_ENTRIES || !(scale >= 1 / (double)BT_DATA_FLOAT_MOST) ||
            !(scale <= (double)BT_DATA_FLOAT_MOST) || end == NULL || *end != '\0') {
            return bt_fail(err, BT_EINPUT, "%s: line %zu: expected a name and a scale from 1e-6 to 1e6", TABLE,
                           *count + 1);
        }
        *space = '\0';
        entries[(*count)++] = (struct entry){.name = line, .scale = scale};
    }
    return BT_OK;
}

/* The table's names have a slash where ours have a dot. */
static bool same_name(const char *theirs, const char *ours)
{
    for (; *theirs != '\0' && (*theirs == *ours || (*theirs == '/' && *ours == '.')); theirs++) {
        ours++;
    }
    return *theirs == '\0' && *ours == '\0';
}

/*
 * ncnn quantises the input of each convolution; what is in between it leaves in float. So a tensor has the range of the
 * one that it becomes by pooling and concatenation, which then cost nothing. What no convolution reads, from conv10 on,
 * has no range from there: the table has scales of it that ncnn never uses, and that of conv10 would clip it at 52, of
 * more than 200 that a photograph reaches. All are behind a relu.
 */
static enum bt_status set_ranges(struct bt_float_graph *graph, const struct entry *entries, size_t count,
                                 struct bt_error *err)
{
    const uint32_t logits = graph->count - 3;
    for (uint32_t i = logits - 1; i > 0; i--) {
        struct bt_float_node *node = &graph->nodes[i];
        size_t k = 0;
        while (k < count && !same_name(entries[k].name, node->name)) {
            k++;
        }
        if (k == count) {
            return bt_fail(err, BT_EINPUT, "%s: no scale of %s: expected one", TABLE, node->name);
        }
        node->high = 127 / entries[k].scale;
        for (uint32_t r = i + 1; r < logits; r++) {
            const struct bt_float_node *reader = &graph->nodes[r];
            const bool reads = reader->inputs[0] == i || (reader->input_count == 2 && reader->inputs[1] == i);
            if (reads && (reader->op == BT_OP_CONCAT || reader->op == BT_OP_MAXPOOL)) {
                node->high = reader->high;
            }
        }
    }
    return BT_OK;
}

static enum bt_status calibrate(const char *data_dir, struct bt_float_graph *graph, struct bt_error *err)
{
    struct entry entries[MOST_ENTRIES];
    size_t count = 0;
    unsigned char *text = NULL;
    enum bt_status status = bt_data_file(data_dir, TABLE, 0, &text, NULL, err);
    if (status != BT_OK) {
        return status;
    }
    status = parse_table((char *)text, entries, &count, err);
    if (status == BT_OK) {
        status = bt_data_calibrate(data_dir, BT_DATA_PHOTO_EXTENT, 1, graph, err);
    }
    if (status == BT_OK) {
        status = set_ranges(graph, entries, count, err);
    }
    free(text);
    return status;
}

/* ---- classes ---- */

/* "<index> <synset> <name>", names with underscores. */
static enum bt_status parse_classes(char *text, char **names, struct bt_error *err)
{
    char *rest = NULL;
    char *line = strtok_r(text, "\r\n", &rest);
    for (long i = 0; i < CLASSES || line != NULL; i++) {
        char *synset = NULL;
        const long index = line != NULL ? strtol(line, &synset, 10) : -1;
        char *name = line != NULL && synset != line && *synset == ' ' ? strchr(synset + 1, ' ') : NULL;
        if (i == CLASSES || index != i || name == NULL || name[1] == '\0') {
            return bt_fail(err, BT_EINPUT, "%s: line %ld: expected %d lines of index, synset, name", CLASS_NAMES, i + 1,
                           CLASSES);
        }
        for (char *c = name; *c != '\0'; c++) {
            *c = (char)(*c == '_' ? ' ' : *c);
        }
        const enum bt_status status = bt_data_name(&names[i], name + 1);
        if (status != BT_OK) {
            return bt_fail(err, status, "%s: no memory for it", CLASS_NAMES);
        }
        line = strtok_r(NULL, "\r\n", &rest);
    }
    return BT_OK;
}

static enum bt_status load_samples(const char *data_dir, struct bt_graph_samples *samples, struct bt_error *err)
{
    unsigned char *text = NULL;
    struct bt_graph_samples made = {0};
    enum bt_status status = bt_data_file(data_dir, CLASS_NAMES, 0, &text, NULL, err);
    if (status != BT_OK) {
        return status;
    }
    status = bt_data_photo_samples(data_dir, BT_DATA_PHOTO_EXTENT, &made, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    made.class_names = calloc(CLASSES, sizeof(*made.class_names));
    if (made.class_names == NULL) {
        status = bt_fail(err, BT_ENOMEM, "%s: no memory for it", CLASS_NAMES);
        goto cleanup;
    }
    made.class_count = CLASSES;
    status = parse_classes((char *)text, made.class_names, err);
    if (status == BT_OK) {
        *samples = made;
        made = (struct bt_graph_samples){0};
    }

cleanup:
    bt_graph_samples_free(&made);
    free(text);
    return status;
}

enum bt_status bt_data_squeezenet(const char *data_dir, struct bt_graph **graph, struct bt_graph_samples *samples,
                                  struct bt_error *err)
{
    struct bt_float_graph *real = NULL;
    struct bt_graph *made = NULL;
    struct bt_graph_samples photographs = {0};
    enum bt_status status = bt_data_squeezenet_float(data_dir, &real, err);
    if (status != BT_OK || real == NULL) {
        return status;
    }
    status = load_samples(data_dir, &photographs, err);
    if (status == BT_OK) {
        status = calibrate(data_dir, real, err);
    }
    if (status == BT_OK) {
        status = bt_float_quantise(real, &made, err);
    }
    if (status == BT_OK) {
        *graph = made;
        *samples = photographs;
    } else {
        bt_graph_samples_free(&photographs);
    }
    bt_float_graph_free(real);
    return status;
}
