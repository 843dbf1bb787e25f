#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference/common/bt_conv2d.h"
#include "reference/graph/graph_data_files.h"
#include "reference/graph/graph_exact.h"

#define FOLDER "resnet/resnet8_mlperf_tiny/resnet8_int8_unpacked/"
#define GRAPH FOLDER "graph.json"
#define SOURCE "mlcommons/tiny: pretrainedResnet_quant.tflite, int8 with its own parameters"
#define EXTENT 32
#define BLOCK (BT_DATA_PHOTO_EXTENT / EXTENT)
#define MOST_TENSORS 256
#define MOST_ELEMS (1 << 24)
#define CLASSES 10

/* TFLite's enumerators. */
#define ACT_NONE 0
#define ACT_RELU 1

/* A file in the making. */
struct file {
    const char *data_dir;
    json_t *root, *tensors, *ops; /* ops, tensors: borrowed from root */
    struct bt_graph *graph;
    int32_t node_of[MOST_TENSORS]; /* node that puts out the tensor, or -1 */
    struct bt_error *err;
};

static enum bt_status bad(const struct file *file, const char *what, const char *expected)
{
    return bt_fail(file->err, BT_EINPUT, "%s: %s: expected %s", GRAPH, what, expected);
}

static json_t *item(const json_t *object, const char *key, size_t index)
{
    return json_array_get(json_object_get(object, key), index);
}

static int32_t number(const json_t *value)
{
    return (int32_t)json_integer_value(value);
}

/* Tensor that an operator reads or puts out. */
static const json_t *tensor_of(const struct file *file, const json_t *op, const char *side, size_t index)
{
    return json_array_get(file->tensors, (size_t)json_integer_value(item(op, side, index)));
}

static double scale_of(const json_t *tensor, size_t channel)
{
    const size_t count = json_array_size(json_object_get(tensor, "scale"));
    return json_number_value(item(tensor, "scale", count > 1 ? channel : 0));
}

/* [n][h][w][c] or [n][c]. */
static void shape_of(const json_t *tensor, int32_t *h, int32_t *w, int32_t *c)
{
    const size_t rank = json_array_size(json_object_get(tensor, "shape"));
    *h = rank == 4 ? number(item(tensor, "shape", 1)) : 1;
    *w = rank == 4 ? number(item(tensor, "shape", 2)) : 1;
    *c = number(item(tensor, "shape", rank - 1));
}

/* A constant's bytes, `size` to each element of its shape. */
static enum bt_status constant(const struct file *file, const json_t *tensor, size_t size, unsigned char **data)
{
    char path[256];
    size_t elems = 1;
    const json_t *shape = json_object_get(tensor, "shape");
    for (size_t i = 0; i < json_array_size(shape); i++) {
        const json_int_t extent = json_integer_value(json_array_get(shape, i));
        if (extent < 1 || extent > MOST_ELEMS || elems * (size_t)extent > MOST_ELEMS) {
            return bad(file, "shape of a constant", "extents of a small tensor");
        }
        elems *= (size_t)extent;
    }
    const char *name = json_string_value(json_object_get(tensor, "file"));
    if (name == NULL || strchr(name, '/') != NULL) {
        return bad(file, "constant without a file", "\"file\" beside it");
    }
    (void)snprintf(path, sizeof(path), FOLDER "%.64s", name);
    return bt_data_file(file->data_dir, path, elems * size, data, NULL, file->err);
}

/* ---- operators ---- */

static enum bt_status add_constants(struct file *file, const json_t *op, struct bt_graph_node *node)
{
    const size_t channels = (size_t)node->c;
    const json_t *mults = json_object_get(op, "output_mult");
    const json_t *shifts = json_object_get(op, "output_shift");
    const bool per_channel = json_array_size(mults) == channels && json_array_size(shifts) == channels;
    if (!per_channel && (json_array_size(mults) != 1 || json_array_size(shifts) != 1)) {
        return bad(file, "output_mult, output_shift", "one, or one per channel");
    }
    unsigned char *weights = NULL;
    unsigned char *bias = NULL;
    enum bt_status status = constant(file, tensor_of(file, op, "inputs", 1), 1, &weights);
    if (status != BT_OK) {
        return status;
    }
    node->weights = (int8_t *)weights;
    status = constant(file, tensor_of(file, op, "inputs", 2), sizeof(int32_t), &bias);
    if (status != BT_OK) {
        return status;
    }
    node->bias = malloc(channels * sizeof(int32_t));
    node->mult = malloc(channels * sizeof(int32_t));
    node->shift = malloc(channels * sizeof(int32_t));
    if (node->bias == NULL || node->mult == NULL || node->shift == NULL) {
        free(bias);
        return bt_fail(file->err, BT_ENOMEM, "%s: no memory for its constants", GRAPH);
    }
    for (size_t i = 0; i < channels; i++) {
        node->bias[i] = bt_data_s32(bias + i * sizeof(int32_t));
        node->mult[i] = number(json_array_get(mults, per_channel ? i : 0));
        node->shift[i] = number(json_array_get(shifts, per_channel ? i : 0));
    }
    free(bias);
    return BT_OK;
}

/* CONV_2D, and FULLY_CONNECTED as a 1x1 convolution. */
static enum bt_status add_conv(struct file *file, const json_t *op, struct bt_graph_node *node)
{
    const struct bt_graph_node *in = &file->graph->nodes[node->inputs[0]];
    const json_t *p = json_object_get(op, "p");
    const json_t *pads = json_object_get(op, "pad_top_bottom_left_right");
    const json_t *shape = json_object_get(tensor_of(file, op, "inputs", 1), "shape");
    const json_t *bias_shape = json_object_get(tensor_of(file, op, "inputs", 2), "shape");
    const bool fc = json_array_size(shape) == 2;
    const size_t last = json_array_size(shape) - 1;
    if ((last != 3 && !fc) || number(json_array_get(shape, 0)) != node->c || json_array_size(bias_shape) != 1 ||
        number(json_array_get(bias_shape, 0)) != node->c || (!fc && json_array_size(pads) != 4)) {
        return bad(file, "weights, bias or padding of a convolution", "[c_out][kh][kw][c_in], [c_out], four pads");
    }
    node->op = BT_OP_CONV2D;
    node->u.conv = (struct bt_conv2d){
        .n = 1,
        .h = fc ? 1 : in->h,
        .w = fc ? 1 : in->w,
        .c_in = number(json_array_get(shape, last)),
        .c_out = node->c,
        .kh = fc ? 1 : number(json_array_get(shape, 1)),
        .kw = fc ? 1 : number(json_array_get(shape, 2)),
        .stride_h = fc ? 1 : number(json_object_get(p, "sh")),
        .stride_w = fc ? 1 : number(json_object_get(p, "sw")),
        .dil_h = fc ? 1 : number(json_object_get(p, "dh")),
        .dil_w = fc ? 1 : number(json_object_get(p, "dw")),
        .pad_top = number(json_array_get(pads, 0)),
        .pad_bottom = number(json_array_get(pads, 1)),
        .pad_left = number(json_array_get(pads, 2)),
        .pad_right = number(json_array_get(pads, 3)),
        .groups = 1,
        .in_zp = in->zp,
        .out_zp = node->zp,
        .act_min = number(item(op, "act_range", 0)),
        .act_max = number(item(op, "act_range", 1)),
        .rounding = BT_ROUND_DOUBLE,
    };
    return add_constants(file, op, node);
}

static enum bt_status add_sum(struct file *file, const json_t *op, struct bt_graph_node *node)
{
    node->op = BT_OP_ADD;
    node->u.add = (struct ref_add){
        .elems = (int64_t)bt_graph_bytes(node),
        .in1_zp = file->graph->nodes[node->inputs[0]].zp,
        .in2_zp = file->graph->nodes[node->inputs[1]].zp,
        .out_zp = node->zp,
        .left_shift = number(json_object_get(op, "left_shift")),
        .in1_mult = number(item(op, "input1", 0)),
        .in1_shift = number(item(op, "input1", 1)),
        .in2_mult = number(item(op, "input2", 0)),
        .in2_shift = number(item(op, "input2", 1)),
        .out_mult = number(item(op, "output", 0)),
        .out_shift = number(item(op, "output", 1)),
        .act_min = number(item(op, "act_range", 0)),
        .act_max = number(item(op, "act_range", 1)),
        .rounding = BT_ROUND_DOUBLE,
    };
    return BT_OK;
}

static enum bt_status add_pool(struct file *file, const json_t *op, struct bt_graph_node *node)
{
    const struct bt_graph_node *in = &file->graph->nodes[node->inputs[0]];
    const json_t *p = json_object_get(op, "p");
    node->op = BT_OP_AVGPOOL;
    node->u.pool = (struct ref_pool2d){
        .n = 1,
        .h = in->h,
        .w = in->w,
        .c = in->c,
        .kh = number(json_object_get(p, "fh")),
        .kw = number(json_object_get(p, "fw")),
        .stride_h = number(json_object_get(p, "sh")),
        .stride_w = number(json_object_get(p, "sw")),
        .act_min = -128,
        .act_max = 127,
    };
    return BT_OK;
}

static enum bt_status add_softmax(struct file *file, const json_t *op, struct bt_graph_node *node)
{
    const struct bt_graph_node *in = &file->graph->nodes[node->inputs[0]];
    const double beta = json_number_value(json_object_get(json_object_get(op, "p"), "beta"));
    node->op = BT_OP_SOFTMAX;
    node->u.softmax = (struct ref_softmax_s8){.rows = (int64_t)in->h * in->w, .row_size = in->c};
    return ref_softmax_s8_scale(in->scale, beta, &node->u.softmax) == BT_OK
               ? BT_OK
               : bad(file, "scale and beta of a softmax", "numbers that can be expressed");
}

/* Keras numbers its layers from the second of a kind on. */
struct kind {
    const char *op, *name;
    uint32_t inputs;
    enum bt_status (*add)(struct file *file, const json_t *op, struct bt_graph_node *node);
};

static const struct kind kinds[] = {
    {"CONV_2D", "conv2d", 1, add_conv},        {"ADD", "add", 2, add_sum},
    {"FULLY_CONNECTED", "dense", 1, add_conv}, {"AVERAGE_POOL_2D", "average_pooling2d", 1, add_pool},
    {"SOFTMAX", "softmax", 1, add_softmax},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static enum bt_status add_op(struct file *file, const json_t *op, uint32_t seen[KINDS])
{
    const char *name = json_string_value(json_object_get(op, "op"));
    const json_int_t out = json_integer_value(item(op, "outputs", 0));
    const json_int_t in = json_integer_value(item(op, "inputs", 0));
    if (name == NULL || out < 0 || out >= MOST_TENSORS || in < 0 || in >= MOST_TENSORS || file->node_of[in] < 0) {
        return bad(file, "operator", "op, and inputs that are there");
    }
    if (strcmp(name, "RESHAPE") == 0) { /* NHWC to a row: the same bytes */
        file->node_of[out] = file->node_of[in];
        return BT_OK;
    }
    size_t k = 0;
    while (k < KINDS && strcmp(kinds[k].op, name) != 0) {
        k++;
    }
    if (k == KINDS) {
        return bad(file, name, "CONV_2D, ADD, FULLY_CONNECTED, AVERAGE_POOL_2D, RESHAPE or SOFTMAX");
    }
    const json_t *result = tensor_of(file, op, "outputs", 0);
    struct bt_graph_node *node = &file->graph->nodes[file->graph->count];
    shape_of(result, &node->h, &node->w, &node->c);
    node->scale = scale_of(result, 0);
    node->zp = number(item(result, "zero_point", 0));
    node->input_count = kinds[k].inputs;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const json_int_t from = json_integer_value(item(op, "inputs", i));
        if (from < 0 || from >= MOST_TENSORS || file->node_of[from] < 0) {
            return bad(file, name, "inputs that are there");
        }
        node->inputs[i] = (uint32_t)file->node_of[from];
    }
    if (seen[k]++ == 0) {
        (void)snprintf(node->name, sizeof(node->name), "%s", kinds[k].name);
    } else {
        (void)snprintf(node->name, sizeof(node->name), "%s_%u", kinds[k].name, (unsigned)seen[k] - 1);
    }
    file->node_of[out] = (int32_t)file->graph->count++;
    return kinds[k].add(file, op, node);
}

/* ---- the file ---- */

static void close_file(struct file *file)
{
    json_decref(file->root);
    bt_graph_free(file->graph);
    *file = (struct file){0};
}

static enum bt_status read_graph(struct file *file)
{
    unsigned char *text = NULL;
    size_t bytes = 0;
    json_error_t why;
    enum bt_status status = bt_data_file(file->data_dir, GRAPH, 0, &text, &bytes, file->err);
    if (status != BT_OK) {
        return status;
    }
    file->root = json_loadb((const char *)text, bytes, 0, &why);
    free(text);
    if (file->root == NULL) {
        return bt_fail(file->err, BT_EINPUT, "%s:%d: %s: expected JSON", GRAPH, why.line, why.text);
    }
    file->tensors = json_object_get(file->root, "tensors");
    file->ops = json_object_get(file->root, "ops");
    const json_int_t input = json_integer_value(item(file->root, "inputs", 0));
    if (json_array_size(file->ops) < 1 || json_array_size(file->tensors) > MOST_TENSORS || input < 0 ||
        input >= (json_int_t)json_array_size(file->tensors)) {
        return bad(file, "tensors, ops, inputs", "lists that fit each other");
    }
    file->graph = calloc(1, sizeof(*file->graph));
    if (file->graph != NULL) {
        file->graph->nodes = calloc(json_array_size(file->ops) + 1, sizeof(*file->graph->nodes));
    }
    if (file->graph == NULL || file->graph->nodes == NULL) {
        return bt_fail(file->err, BT_ENOMEM, "resnet8: no memory for the graph");
    }
    (void)snprintf(file->graph->name, sizeof(file->graph->name), "resnet8");
    (void)snprintf(file->graph->source, sizeof(file->graph->source), "%s", SOURCE);
    for (size_t i = 0; i < MOST_TENSORS; i++) {
        file->node_of[i] = -1;
    }
    const json_t *tensor = json_array_get(file->tensors, (size_t)input);
    struct bt_graph_node *node = &file->graph->nodes[file->graph->count++];
    (void)snprintf(node->name, sizeof(node->name), "input");
    node->op = BT_OP_INPUT;
    shape_of(tensor, &node->h, &node->w, &node->c);
    node->scale = scale_of(tensor, 0);
    node->zp = number(item(tensor, "zero_point", 0));
    file->node_of[input] = 0;

    uint32_t seen[KINDS] = {0};
    for (size_t i = 0; status == BT_OK && i < json_array_size(file->ops); i++) {
        status = add_op(file, json_array_get(file->ops, i), seen);
    }
    return status == BT_OK ? bt_graph_check(file->graph, file->err) : status;
}

/* ---- photographs at 32x32 ---- */

static enum bt_status load_samples(const char *data_dir, struct bt_graph_samples *samples, struct bt_error *err)
{
    static const char *const classes[CLASSES] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                                 "dog",      "frog",       "horse", "ship", "truck"};
    unsigned char *rgb = NULL;
    enum bt_status status = bt_data_photos(data_dir, &rgb, err);
    if (status != BT_OK) {
        return status;
    }
    struct bt_graph_samples made = {0};
    status = bt_data_samples_new(BT_DATA_PHOTOS, (size_t)EXTENT * EXTENT * 3, CLASSES, &made);
    for (uint32_t i = 0; status == BT_OK && i < CLASSES; i++) {
        status = bt_data_name(&made.class_names[i], classes[i]);
    }
    for (uint32_t i = 0; status == BT_OK && i < BT_DATA_PHOTOS; i++) {
        const unsigned char *photo = rgb + (size_t)i * BT_DATA_PHOTO_EXTENT * BT_DATA_PHOTO_EXTENT * 3;
        for (int32_t k = 0; k < EXTENT * EXTENT * 3; k++) {
            const int32_t c = k % 3;
            const int32_t x = k / 3 % EXTENT * BLOCK;
            const int32_t y = k / 3 / EXTENT * BLOCK;
            int32_t sum = BLOCK * BLOCK / 2; /* rounds to nearest */
            for (int32_t j = 0; j < BLOCK * BLOCK; j++) {
                sum += photo[((y + j / BLOCK) * BT_DATA_PHOTO_EXTENT + x + j % BLOCK) * 3 + c];
            }
            made.inputs[i * made.bytes + (size_t)k] = (int8_t)(sum / (BLOCK * BLOCK) - 128);
        }
        status = bt_data_name(&made.titles[i], bt_data_photo_names[i]);
    }
    free(rgb);
    if (status != BT_OK) {
        bt_graph_samples_free(&made);
        return bt_fail(err, status, "resnet8: no memory for its inputs");
    }
    (void)snprintf(made.source, sizeof(made.source),
                   "photographs of Darknet, averaged to 32x32: no CIFAR-10 images, so no measure of accuracy");
    *samples = made;
    return BT_OK;
}

enum bt_status bt_data_resnet8(const char *data_dir, struct bt_graph **graph, struct bt_graph_samples *samples,
                               struct bt_error *err)
{
    struct file file = {.data_dir = data_dir, .err = err};
    enum bt_status status = read_graph(&file);
    if (status == BT_OK) {
        const struct bt_graph_node *input = &file.graph->nodes[0];
        status = input->h == EXTENT && input->w == EXTENT && input->c == 3 && input->zp == -128
                     ? load_samples(data_dir, samples, err)
                     : bad(&file, "input", "32x32x3 with zero point -128");
    }
    if (status == BT_OK) {
        *graph = file.graph;
        file.graph = NULL;
    }
    close_file(&file);
    return status;
}

/* ---- the same in float ---- */

static enum bt_status dequantise(const struct file *file, const json_t *op, const struct bt_graph_node *from,
                                 struct bt_float_node *node)
{
    const json_t *weights = tensor_of(file, op, "inputs", 1);
    const json_t *bias = tensor_of(file, op, "inputs", 2);
    const int64_t elems = bt_conv2d_weight_elems(&from->u.conv);
    const int64_t filter = elems / from->c;
    node->weights = malloc((size_t)elems * sizeof(float));
    node->bias = malloc((size_t)from->c * sizeof(float));
    if (node->weights == NULL || node->bias == NULL) {
        return bt_fail(file->err, BT_ENOMEM, "resnet8: no memory for the float graph");
    }
    for (int64_t i = 0; i < elems; i++) {
        node->weights[i] = (float)(from->weights[i] * scale_of(weights, (size_t)(i / filter)));
    }
    for (int32_t oc = 0; oc < from->c; oc++) {
        node->bias[oc] = (float)(from->bias[oc] * scale_of(bias, (size_t)oc));
    }
    return BT_OK;
}

enum bt_status bt_data_resnet8_float(const char *data_dir, struct bt_float_graph **graph, struct bt_error *err)
{
    struct file file = {.data_dir = data_dir, .err = err};
    struct bt_float_graph *made = NULL;
    enum bt_status status = read_graph(&file);
    if (status != BT_OK || file.graph == NULL) {
        goto cleanup;
    }
    made = bt_float_graph_new("resnet8", SOURCE ", dequantised", file.graph->count);
    if (made == NULL) {
        status = bt_fail(err, BT_ENOMEM, "resnet8: no memory for the float graph");
        goto cleanup;
    }
    size_t at = 0; /* operator that belongs to the node */
    for (uint32_t i = 0; status == BT_OK && i < file.graph->count; i++) {
        const struct bt_graph_node *from = &file.graph->nodes[i];
        struct bt_float_node *node = bt_float_graph_add(made, from->op, from->name, from->inputs[0]);
        node->input_count = from->input_count;
        memcpy(node->inputs, from->inputs, sizeof(node->inputs));
        node->h = from->h;
        node->w = from->w;
        node->c = from->c;
        if (i == 0) {
            continue;
        }
        const json_t *op = json_array_get(file.ops, at++);
        while (strcmp(json_string_value(json_object_get(op, "op")), "RESHAPE") == 0) {
            op = json_array_get(file.ops, at++);
        }
        const int32_t act = number(json_object_get(json_object_get(op, "p"), "act"));
        if (act != ACT_NONE && act != ACT_RELU) {
            status = bad(&file, "activation", "none or ReLU");
            break;
        }
        node->act = act == ACT_RELU ? BT_ACT_RELU : BT_ACT_NONE;
        if (from->op == BT_OP_CONV2D) {
            node->u.conv = from->u.conv;
            status = dequantise(&file, op, from, node);
        } else if (from->op == BT_OP_AVGPOOL) {
            node->u.pool = from->u.pool;
        }
    }
    if (status == BT_OK) {
        *graph = made;
        made = NULL;
    }

cleanup:
    bt_float_graph_free(made);
    close_file(&file);
    return status;
}
