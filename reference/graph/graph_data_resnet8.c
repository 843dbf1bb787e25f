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
#define MOST_REAL 1e6
#define PLACE_BYTES 128
#define CLASSES 10

/* TFLite's enumerators. */
#define ACT_NONE 0
#define ACT_RELU 1
#define PADDING_SAME 0
#define PADDING_VALID 1

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

/* Only for what check_tensor() or check_fields() has seen. */
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
        elems *= (size_t)number(json_array_get(shape, i));
    }
    const char *name = json_string_value(json_object_get(tensor, "file"));
    if (name == NULL || strchr(name, '/') != NULL) {
        return bad(file, "constant without a file", "\"file\" beside it");
    }
    (void)snprintf(path, sizeof(path), FOLDER "%.64s", name);
    return bt_data_file(file->data_dir, path, elems * size, data, NULL, file->err);
}

/* ---- what must be there: nothing is read before it is known to be a number in its range ---- */

static enum bt_status check_integer(const struct file *file, const char *what, const json_t *value, int32_t least,
                                    int32_t most)
{
    if (json_is_integer(value) && json_integer_value(value) >= least && json_integer_value(value) <= most) {
        return BT_OK;
    }
    char found[32] = "missing";
    if (json_is_integer(value)) {
        (void)snprintf(found, sizeof(found), "%lld", (long long)json_integer_value(value));
    } else if (value != NULL) {
        (void)snprintf(found, sizeof(found), "no integer");
    }
    return bt_fail(file->err, BT_EINPUT, "%s: %s: %s: expected an integer from %d to %d", GRAPH, what, found,
                   (int)least, (int)most);
}

static enum bt_status check_real(const struct file *file, const char *what, const json_t *value)
{
    if (json_is_real(value) && json_real_value(value) > 0 && json_real_value(value) <= MOST_REAL) {
        return BT_OK;
    }
    return bt_fail(file->err, BT_EINPUT, "%s: %s: %s: expected a real above 0, at most %g", GRAPH, what,
                   value == NULL         ? "missing"
                   : json_is_real(value) ? "out of range"
                                         : "no real",
                   MOST_REAL);
}

/* A list of least_count to most_count integers. */
static enum bt_status check_integers(const struct file *file, const char *what, const json_t *list, size_t least_count,
                                     size_t most_count, int32_t least, int32_t most)
{
    enum bt_status status = BT_OK;
    if (!json_is_array(list) || json_array_size(list) < least_count || json_array_size(list) > most_count) {
        return bt_fail(file->err, BT_EINPUT, "%s: %s: %s: expected a list of %zu to %zu integers", GRAPH, what,
                       list == NULL ? "missing" : "no such list", least_count, most_count);
    }
    for (size_t i = 0; status == BT_OK && i < json_array_size(list); i++) {
        char place[PLACE_BYTES + 24];
        (void)snprintf(place, sizeof(place), "%s[%zu]", what, i);
        status = check_integer(file, place, json_array_get(list, i), least, most);
    }
    return status;
}

/* Its scales and zero points: none, one, or one to each extent of the first dimension. */
static enum bt_status check_tensor(const struct file *file, size_t index)
{
    char what[PLACE_BYTES];
    const json_t *tensor = json_array_get(file->tensors, index);
    const json_t *shape = json_object_get(tensor, "shape");
    const json_t *scales = json_object_get(tensor, "scale");
    const json_t *zps = json_object_get(tensor, "zero_point");
    (void)snprintf(what, sizeof(what), "tensor %zu: index", index);
    enum bt_status status = check_integer(file, what, json_object_get(tensor, "index"), (int32_t)index, (int32_t)index);
    if (status != BT_OK) {
        return status;
    }
    (void)snprintf(what, sizeof(what), "tensor %zu: shape", index);
    status = check_integers(file, what, shape, 1, 4, 1, BT_MAX_DIM);
    if (status != BT_OK) {
        return status;
    }
    size_t elems = 1;
    for (size_t i = 0; i < json_array_size(shape); i++) {
        elems *= (size_t)number(json_array_get(shape, i)); /* MOST_ELEMS times BT_MAX_DIM fits */
        if (elems > MOST_ELEMS) {
            return bad(file, what, "extents of a small tensor");
        }
    }
    (void)snprintf(what, sizeof(what), "tensor %zu: zero_point", index);
    status = check_integers(file, what, zps, 0, (size_t)number(json_array_get(shape, 0)), INT8_MIN, INT8_MAX);
    if (status != BT_OK) {
        return status;
    }
    const size_t count = json_array_size(scales);
    (void)snprintf(what, sizeof(what), "tensor %zu: scale, zero_point", index);
    if (!json_is_array(scales) || count != json_array_size(zps) ||
        (count > 1 && count != (size_t)number(json_array_get(shape, 0)))) {
        return bad(file, what, "lists of the same length: none, one, or one to each channel");
    }
    for (size_t i = 0; status == BT_OK && i < count; i++) {
        (void)snprintf(what, sizeof(what), "tensor %zu: scale[%zu]", index, i);
        status = check_real(file, what, json_array_get(scales, i));
    }
    if (status == BT_OK) { /* channels come first */
        (void)snprintf(what, sizeof(what), "tensor %zu: qdim", index);
        status = check_integer(file, what, json_object_get(tensor, "qdim"), 0, 0);
    }
    return status;
}

/* What nodes put out: int8 of one image, one scale. */
static enum bt_status check_activation(const struct file *file, const json_t *tensor)
{
    char what[PLACE_BYTES];
    const char *type = json_string_value(json_object_get(tensor, "dtype"));
    const size_t rank = json_array_size(json_object_get(tensor, "shape"));
    (void)snprintf(what, sizeof(what), "tensor %d", (int)number(json_object_get(tensor, "index")));
    return type != NULL && strcmp(type, "int8") == 0 && (rank == 2 || rank == 4) &&
                   number(item(tensor, "shape", 0)) == 1 && json_array_size(json_object_get(tensor, "scale")) == 1
               ? BT_OK
               : bad(file, what, "int8, [1][h][w][c] or [1][c], one scale and zero point");
}

/* Weights and bias: symmetric, one scale or one to each channel. */
static enum bt_status check_constant(const struct file *file, const json_t *tensor, const char *dtype)
{
    char what[PLACE_BYTES];
    const char *type = json_string_value(json_object_get(tensor, "dtype"));
    const json_t *zps = json_object_get(tensor, "zero_point");
    bool good = type != NULL && strcmp(type, dtype) == 0 && json_array_size(zps) > 0;
    for (size_t i = 0; good && i < json_array_size(zps); i++) {
        good = number(json_array_get(zps, i)) == 0;
    }
    (void)snprintf(what, sizeof(what), "tensor %d, a constant of type %s",
                   (int)number(json_object_get(tensor, "index")), dtype);
    return good ? BT_OK : bad(file, what, "that type, scales, and zero points of 0");
}

/* A number, or a list of count numbers, that an operator must have. */
struct field {
    const char *op;
    const char *key;
    bool in_p;                      /* in its object "p" */
    size_t least_count, most_count; /* 0: no list */
    int32_t least, most;
};

static const struct field fields[] = {
    {"CONV_2D", "inputs", false, 3, 3, 0, MOST_TENSORS - 1},
    {"CONV_2D", "sh", true, 0, 0, 1, BT_MAX_DIM},
    {"CONV_2D", "sw", true, 0, 0, 1, BT_MAX_DIM},
    {"CONV_2D", "dh", true, 0, 0, 1, BT_MAX_DIM},
    {"CONV_2D", "dw", true, 0, 0, 1, BT_MAX_DIM},
    {"CONV_2D", "padding", true, 0, 0, PADDING_SAME, PADDING_VALID},
    {"CONV_2D", "act", true, 0, 0, ACT_NONE, ACT_RELU},
    {"CONV_2D", "act_range", false, 2, 2, INT8_MIN, INT8_MAX},
    {"CONV_2D", "pad_top_bottom_left_right", false, 4, 4, 0, BT_MAX_DIM},
    {"CONV_2D", "output_mult", false, 1, BT_MAX_DIM, 0, INT32_MAX},
    {"CONV_2D", "output_shift", false, 1, BT_MAX_DIM, -31, 30},
    {"FULLY_CONNECTED", "inputs", false, 3, 3, 0, MOST_TENSORS - 1},
    {"FULLY_CONNECTED", "act", true, 0, 0, ACT_NONE, ACT_RELU},
    {"FULLY_CONNECTED", "act_range", false, 2, 2, INT8_MIN, INT8_MAX},
    {"FULLY_CONNECTED", "output_mult", false, 1, BT_MAX_DIM, 0, INT32_MAX},
    {"FULLY_CONNECTED", "output_shift", false, 1, BT_MAX_DIM, -31, 30},
    {"ADD", "inputs", false, 2, 2, 0, MOST_TENSORS - 1},
    {"ADD", "act", true, 0, 0, ACT_NONE, ACT_RELU},
    {"ADD", "act_range", false, 2, 2, INT8_MIN, INT8_MAX},
    {"ADD", "left_shift", false, 0, 0, 0, 22},
    {"AVERAGE_POOL_2D", "inputs", false, 1, 1, 0, MOST_TENSORS - 1},
    {"AVERAGE_POOL_2D", "fh", true, 0, 0, 1, BT_MAX_DIM},
    {"AVERAGE_POOL_2D", "fw", true, 0, 0, 1, BT_MAX_DIM},
    {"AVERAGE_POOL_2D", "sh", true, 0, 0, 1, BT_MAX_DIM},
    {"AVERAGE_POOL_2D", "sw", true, 0, 0, 1, BT_MAX_DIM},
    {"AVERAGE_POOL_2D", "padding", true, 0, 0, PADDING_VALID, PADDING_VALID}, /* the file has no pads for pools */
    {"AVERAGE_POOL_2D", "act", true, 0, 0, ACT_NONE, ACT_NONE},
    {"RESHAPE", "inputs", false, 1, 2, 0, MOST_TENSORS - 1},
    {"SOFTMAX", "inputs", false, 1, 1, 0, MOST_TENSORS - 1},
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

/* Multiplier and shift in one list. */
static enum bt_status check_scaling(const struct file *file, const json_t *op, const char *where, const char *key,
                                    int32_t most_shift)
{
    char what[PLACE_BYTES];
    const json_t *pair = json_object_get(op, key);
    (void)snprintf(what, sizeof(what), "%s: %s", where, key);
    enum bt_status status = check_integers(file, what, pair, 2, 2, INT32_MIN, INT32_MAX);
    if (status != BT_OK) {
        return status;
    }
    (void)snprintf(what, sizeof(what), "%s: %s[0]", where, key);
    status = check_integer(file, what, json_array_get(pair, 0), 0, INT32_MAX);
    if (status != BT_OK) {
        return status;
    }
    (void)snprintf(what, sizeof(what), "%s: %s[1]", where, key);
    return check_integer(file, what, json_array_get(pair, 1), -31, most_shift);
}

static enum bt_status check_clamp(const struct file *file, const json_t *op, const char *where)
{
    char what[PLACE_BYTES];
    (void)snprintf(what, sizeof(what), "%s: act_range", where);
    return json_object_get(op, "act_range") == NULL ||
                   number(item(op, "act_range", 0)) <= number(item(op, "act_range", 1))
               ? BT_OK
               : bad(file, what, "the lower end first");
}

static enum bt_status check_op(const struct file *file, size_t index)
{
    char where[PLACE_BYTES / 2];
    char what[PLACE_BYTES];
    const json_t *op = json_array_get(file->ops, index);
    const json_t *p = json_object_get(op, "p");
    const char *name = json_string_value(json_object_get(op, "op"));
    const int32_t last = (int32_t)json_array_size(file->tensors) - 1;
    enum bt_status status = BT_OK;
    size_t known = 0;
    (void)snprintf(where, sizeof(where), "operator %zu, %.24s", index, name != NULL ? name : "without a name");
    for (size_t i = 0; name != NULL && i < FIELDS; i++) {
        const struct field *field = &fields[i];
        if (strcmp(field->op, name) != 0) {
            continue;
        }
        known++;
        const json_t *value = json_object_get(field->in_p ? p : op, field->key);
        (void)snprintf(what, sizeof(what), "%s: %s%s", where, field->in_p ? "p." : "", field->key);
        status = field->most_count == 0 ? check_integer(file, what, value, field->least, field->most)
                                        : check_integers(file, what, value, field->least_count, field->most_count,
                                                         field->least, field->most);
        if (status != BT_OK) {
            return status;
        }
    }
    if (known == 0) {
        return bad(file, where, "CONV_2D, ADD, FULLY_CONNECTED, AVERAGE_POOL_2D, RESHAPE or SOFTMAX");
    }
    (void)snprintf(what, sizeof(what), "%s: inputs", where);
    status = check_integers(file, what, json_object_get(op, "inputs"), 1, 3, 0, last);
    if (status == BT_OK) {
        (void)snprintf(what, sizeof(what), "%s: outputs", where);
        status = check_integers(file, what, json_object_get(op, "outputs"), 1, 1, 0, last);
    }
    if (status == BT_OK) {
        status = check_clamp(file, op, where);
    }
    if (status == BT_OK && strcmp(name, "ADD") == 0) {
        static const char *const keys[] = {"input1", "input2", "output"};
        for (size_t i = 0; status == BT_OK && i < 3; i++) {
            status = check_scaling(file, op, where, keys[i], i < 2 ? 0 : 30);
        }
    }
    if (status == BT_OK && strcmp(name, "SOFTMAX") == 0) {
        (void)snprintf(what, sizeof(what), "%s: p.beta", where);
        status = check_real(file, what, json_object_get(p, "beta"));
    }
    return status;
}

static enum bt_status check_file(const struct file *file)
{
    enum bt_status status = BT_OK;
    if (!json_is_array(file->tensors) || json_array_size(file->tensors) < 1 ||
        json_array_size(file->tensors) > MOST_TENSORS || !json_is_array(file->ops) || json_array_size(file->ops) < 1) {
        return bad(file, "tensors, ops", "lists of some, and not too many");
    }
    for (size_t i = 0; status == BT_OK && i < json_array_size(file->tensors); i++) {
        status = check_tensor(file, i);
    }
    for (size_t i = 0; status == BT_OK && i < json_array_size(file->ops); i++) {
        status = check_op(file, i);
    }
    return status != BT_OK ? status
                           : check_integers(file, "inputs", json_object_get(file->root, "inputs"), 1, 1, 0,
                                            (int32_t)json_array_size(file->tensors) - 1);
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
    const json_t *weights_tensor = tensor_of(file, op, "inputs", 1);
    const json_t *bias_tensor = tensor_of(file, op, "inputs", 2);
    enum bt_status status = check_constant(file, weights_tensor, "int8");
    if (status == BT_OK) {
        status = check_constant(file, bias_tensor, "int32");
    }
    if (status == BT_OK) {
        status = constant(file, weights_tensor, 1, &weights);
    }
    if (status != BT_OK) {
        return status;
    }
    node->weights = (int8_t *)weights;
    status = constant(file, bias_tensor, sizeof(int32_t), &bias);
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
    const int32_t out = number(item(op, "outputs", 0));
    const int32_t in = number(item(op, "inputs", 0));
    const json_t *result = tensor_of(file, op, "outputs", 0);
    if (file->node_of[in] < 0 || file->node_of[out] >= 0) {
        return bad(file, name, "an input that is there, and an output that is not yet");
    }
    enum bt_status status = check_activation(file, result);
    if (status != BT_OK) {
        return status;
    }
    if (strcmp(name, "RESHAPE") == 0) { /* NHWC to a row: the same bytes */
        const struct bt_graph_node *from = &file->graph->nodes[file->node_of[in]];
        struct bt_graph_node to = {0};
        shape_of(result, &to.h, &to.w, &to.c);
        if (bt_graph_bytes(&to) != bt_graph_bytes(from) || number(item(result, "zero_point", 0)) != from->zp ||
            scale_of(result, 0) != from->scale) {
            return bad(file, name, "as many elements as its input has, and the same scale and zero point");
        }
        file->node_of[out] = file->node_of[in];
        return BT_OK;
    }
    size_t k = 0;
    while (k < KINDS && strcmp(kinds[k].op, name) != 0) {
        k++;
    }
    if (k == KINDS) {
        return bad(file, name, "an operator of check_op()");
    }
    struct bt_graph_node *node = &file->graph->nodes[file->graph->count];
    shape_of(result, &node->h, &node->w, &node->c);
    node->scale = scale_of(result, 0);
    node->zp = number(item(result, "zero_point", 0));
    node->input_count = kinds[k].inputs;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const int32_t from = number(item(op, "inputs", i));
        if (file->node_of[from] < 0) {
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
    file->root = json_loadb((const char *)text, bytes, JSON_REJECT_DUPLICATES, &why);
    free(text);
    if (file->root == NULL) {
        return bt_fail(file->err, BT_EINPUT, "%s:%d: %s: expected JSON", GRAPH, why.line, why.text);
    }
    file->tensors = json_object_get(file->root, "tensors");
    file->ops = json_object_get(file->root, "ops");
    status = check_file(file);
    if (status != BT_OK) {
        return status;
    }
    const int32_t input = number(item(file->root, "inputs", 0));
    const json_t *tensor = json_array_get(file->tensors, (size_t)input);
    status = check_activation(file, tensor);
    if (status != BT_OK) {
        return status;
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
        const json_t *act = json_object_get(json_object_get(op, "p"), "act"); /* a softmax has none */
        node->act = act != NULL && number(act) == ACT_RELU ? BT_ACT_RELU : BT_ACT_NONE;
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
