#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference/common/bt_conv2d.h"
#include "reference/graph/graph_exact.h"
#include "reference/graph/import_tflite.h"
#include "reference/graph/tflite_schema.h"

/* ---- nodes ---- */

/* Tensor that the k-th input or output of an operator is. */
static enum bt_status argument(struct bt_tfl_import *import, const struct bt_fb_vector *list, uint32_t k,
                               struct bt_tfl_tensor **tensor)
{
    return bt_tfl_get_tensor(import, k < list->count ? bt_fb_element(&import->file, list, k) : -1, tensor);
}

/* An input that an earlier operator put out, of the model's type. */
static enum bt_status computed(struct bt_tfl_import *import, const struct bt_tfl_call *call, uint32_t k,
                               struct bt_tfl_tensor **found)
{
    struct bt_tfl_tensor *tensor = NULL;
    const enum bt_status status = argument(import, &call->inputs, k, &tensor);
    if (status != BT_OK) {
        return status;
    }
    *found = tensor;
    if (tensor->data != NULL) {
        return bt_tfl_refuse(import, "input '%s' is a constant: expected what an operator puts out", tensor->name);
    }
    if (tensor->node < 0) {
        return bt_tfl_refuse(import, "input '%s' is not there yet: expected what an earlier operator puts out",
                             tensor->name);
    }
    return bt_tfl_check_type(import, tensor, import->quantised ? TFL_INT8 : TFL_FLOAT32);
}

/* The same for operators that need the shape that the node has. */
static enum bt_status shaped(struct bt_tfl_import *import, const struct bt_tfl_call *call, uint32_t k, bool pads,
                             struct bt_tfl_tensor **found)
{
    int32_t h = 0;
    int32_t w = 0;
    int32_t c = 0;
    enum bt_status status = computed(import, call, k, found);
    if (status != BT_OK) {
        return status;
    }
    const struct bt_tfl_tensor *tensor = *found;
    const struct bt_tfl_node *node = &import->nodes[tensor->node];
    if (bt_tfl_is_padded(tensor)) {
        return pads ? BT_OK
                    : bt_tfl_refuse(import, "input '%s' is put out by PAD: expected that only convolutions read it",
                                    tensor->name);
    }
    status = bt_tfl_shape_of(import, tensor, &h, &w, &c);
    if (status == BT_OK && (h != node->h || w != node->w || c != node->c)) {
        status =
            bt_tfl_refuse(import, "input '%s' is reshaped from %dx%dx%d: expected that only FULLY_CONNECTED reads it",
                          tensor->name, (int)node->h, (int)node->w, (int)node->c);
    }
    return status;
}

/* The k-th output, which must have no value yet. */
static enum bt_status output(struct bt_tfl_import *import, const struct bt_tfl_call *call, uint32_t k,
                             struct bt_tfl_tensor **found)
{
    const enum bt_status status = argument(import, &call->outputs, k, found);
    if (status != BT_OK) {
        return status;
    }
    const struct bt_tfl_tensor *tensor = *found;
    if (tensor->data != NULL || tensor->node >= 0) {
        return bt_tfl_refuse(import, "output '%s' %s: expected one without a value", tensor->name,
                             tensor->data != NULL ? "is a constant" : "is put out twice");
    }
    return BT_OK;
}

/* A node that puts out the k-th output and reads `in`; named after its tensor. */
static enum bt_status new_node(struct bt_tfl_import *import, const struct bt_tfl_call *call, uint32_t k, enum bt_op op,
                               const struct bt_tfl_tensor *in, struct bt_tfl_node **made)
{
    struct bt_tfl_tensor *tensor = NULL;
    enum bt_status status = output(import, call, k, &tensor);
    if (status == BT_OK) {
        status = bt_tfl_check_type(import, tensor, import->quantised ? TFL_INT8 : TFL_FLOAT32);
    }
    if (status != BT_OK) {
        return status;
    }
    struct bt_tfl_node *node = &import->nodes[import->count];
    *node = (struct bt_tfl_node){
        .op = op,
        .input_count = 1,
        .inputs = {(uint32_t)in->node},
        .weights = BT_TFL_NONE,
        .bias = BT_TFL_NONE,
    };
    status = bt_tfl_shape_of(import, tensor, &node->h, &node->w, &node->c);
    if (status == BT_OK && import->quantised) {
        status = bt_tfl_format_of(import, tensor, &node->scale, &node->zp);
    }
    if (status != BT_OK) {
        return status;
    }
    bt_tfl_give_name(import, node, tensor->name, "");
    node->tensor = (uint32_t)(tensor - import->tensors);
    tensor->node = (int32_t)import->count++;
    *made = node;
    return BT_OK;
}

static enum bt_status check_shape(const struct bt_tfl_import *import, const struct bt_tfl_node *node, int64_t h,
                                  int64_t w, int64_t c)
{
    return node->h == h && node->w == w && node->c == c
               ? BT_OK
               : bt_tfl_refuse(import, "output of %dx%dx%d: expected %lldx%lldx%lld", (int)node->h, (int)node->w,
                               (int)node->c, (long long)h, (long long)w, (long long)c);
}

static enum bt_status same_format(const struct bt_tfl_import *import, const struct bt_tfl_node *node, uint32_t input)
{
    const struct bt_tfl_node *in = &import->nodes[node->inputs[input]];
    return !import->quantised || (in->scale == node->scale && in->zp == node->zp)
               ? BT_OK
               : bt_tfl_refuse(import, "scale %g and zero point %d: expected those of the input, %g and %d",
                               node->scale, (int)node->zp, in->scale, (int)in->zp);
}

/* The activation that an operator does itself. */
static enum bt_status fused(struct bt_tfl_import *import, const struct bt_tfl_call *call, uint32_t field, bool relus,
                            enum bt_act *act)
{
    const int64_t value = bt_fb_integer(&import->file, &call->options, field, 1, TFL_ACTIVATION_NONE);
    *act = value == TFL_ACTIVATION_RELU ? BT_ACT_RELU : value == TFL_ACTIVATION_RELU6 ? BT_ACT_RELU6 : BT_ACT_NONE;
    if (value == TFL_ACTIVATION_NONE || (*act != BT_ACT_NONE && relus)) {
        return BT_OK;
    }
    return bt_tfl_refuse(import, "fused activation %lld: expected %s", (long long)value,
                         relus ? "NONE, RELU or RELU6" : "NONE");
}

/* A small list of numbers that an operator gets as a constant. */
static enum bt_status numbers(struct bt_tfl_import *import, const struct bt_tfl_call *call, uint32_t k, int64_t least,
                              int64_t most, int32_t *values, int64_t *count)
{
    struct bt_tfl_tensor *tensor = NULL;
    enum bt_status status = argument(import, &call->inputs, k, &tensor);
    if (status != BT_OK) {
        return status;
    }
    if (tensor->data == NULL) {
        return bt_tfl_refuse(import, "input '%s' is computed: expected a constant", tensor->name);
    }
    status = bt_tfl_check_type(import, tensor, TFL_INT32);
    if (status == BT_OK && (tensor->elems < least || tensor->elems > most)) {
        status = bt_tfl_refuse(import, "input '%s' has %lld elements: expected %lld to %lld", tensor->name,
                               (long long)tensor->elems, (long long)least, (long long)most);
    }
    for (int64_t i = 0; status == BT_OK && i < tensor->elems; i++) {
        values[i] = bt_fb_s32_at(tensor->data + i * (int64_t)sizeof(int32_t));
    }
    *count = tensor->elems;
    return status;
}

/* ---- windows ---- */

/* A number of the options that a window is made of. */
static enum bt_status extent(struct bt_tfl_import *import, const struct bt_tfl_call *call, uint32_t field,
                             const char *what, int32_t otherwise, int32_t *value)
{
    const int64_t given = bt_fb_integer(&import->file, &call->options, field, 4, otherwise);
    *value = (int32_t)given;
    return given >= 1 && given <= BT_MAX_DIM
               ? BT_OK
               : bt_tfl_refuse(import, "%s %lld: expected 1 to %d", what, (long long)given, BT_MAX_DIM);
}

static enum bt_status padding(struct bt_tfl_import *import, const struct bt_tfl_call *call, uint32_t field, bool *same)
{
    const int64_t value = bt_fb_integer(&import->file, &call->options, field, 1, TFL_PADDING_SAME);
    *same = value == TFL_PADDING_SAME;
    return *same || value == TFL_PADDING_VALID
               ? BT_OK
               : bt_tfl_refuse(import, "padding %lld: expected SAME or VALID", (long long)value);
}

/* Padding of one direction, added to what is there. @source TFLite kernels/padding.h, ComputePaddingWithOffset. */
static void pad_same(int64_t in, int64_t kernel, int64_t dilation, int64_t stride, int32_t *before, int32_t *after)
{
    const int64_t padded = in + *before + *after;
    const int64_t reach = (kernel - 1) * dilation + 1;
    const int64_t missing = ((padded + stride - 1) / stride - 1) * stride + reach - padded;
    const int64_t total = missing < 0 ? 0 : missing < 4 * BT_MAX_DIM ? missing : 4 * BT_MAX_DIM; /* refused */
    *before += (int32_t)(total / 2);
    *after += (int32_t)(total - total / 2);
}

static enum bt_status refuse_why(const struct bt_tfl_import *import, const struct bt_reason *why)
{
    return bt_tfl_refuse(import, "%s: got %lld, expected a limit of %lld", why->what, (long long)why->got,
                         (long long)why->limit);
}

/* ---- operators ---- */

/* Weights or bias: a constant of that type; of int8 models symmetric, with one scale or one to each channel. */
static enum bt_status constant(struct bt_tfl_import *import, const struct bt_tfl_call *call, uint32_t k, int32_t type,
                               int64_t channels_axis, struct bt_tfl_tensor **found)
{
    enum bt_status status = argument(import, &call->inputs, k, found);
    if (status != BT_OK) {
        return status;
    }
    const struct bt_tfl_tensor *tensor = *found;
    if (tensor->data == NULL) {
        return bt_tfl_refuse(import, "input '%s' has no data: expected a constant", tensor->name);
    }
    status = bt_tfl_check_type(import, tensor, type);
    if (status != BT_OK || type != TFL_INT8) {
        return status;
    }
    const int64_t channels = tensor->dims[channels_axis];
    const bool many = tensor->scales.count > 1;
    if (tensor->zps.count > 1 && tensor->zps.count != tensor->scales.count) {
        return bt_tfl_refuse(import, "weights '%s': %u scales, %u zero points: expected as many", tensor->name,
                             tensor->scales.count, tensor->zps.count);
    }
    if (tensor->scales.count < 1 || (many && (tensor->scales.count != channels || tensor->axis != channels_axis))) {
        return bt_tfl_refuse(import, "weights '%s': %u scales along dimension %lld: expected 1, or %lld along %lld",
                             tensor->name, tensor->scales.count, (long long)tensor->axis, (long long)channels,
                             (long long)channels_axis);
    }
    for (uint32_t i = 0; i < tensor->zps.count; i++) {
        if (bt_fb_element(&import->file, &tensor->zps, i) != 0) {
            return bt_tfl_refuse(import, "weights '%s': zero point %lld: expected 0", tensor->name,
                                 (long long)bt_fb_element(&import->file, &tensor->zps, i));
        }
    }
    return bt_tfl_check_scales(import, tensor);
}

/* Weights of that many dimensions, and a bias for each channel or none. */
static enum bt_status weigh(struct bt_tfl_import *import, const struct bt_tfl_call *call, uint32_t rank,
                            uint32_t channels_axis, const struct bt_tfl_tensor **found, uint32_t *weights_index,
                            uint32_t *bias_index)
{
    struct bt_tfl_tensor *weights = NULL;
    struct bt_tfl_tensor *bias = NULL;
    enum bt_status status = argument(import, &call->inputs, 1, &weights);
    if (status == BT_OK && weights->rank != rank) {
        status =
            bt_tfl_refuse(import, "weights '%s' of %u dimensions: expected %u", weights->name, weights->rank, rank);
    }
    if (status == BT_OK) {
        status = constant(import, call, 1, import->quantised ? TFL_INT8 : TFL_FLOAT32, channels_axis, &weights);
    }
    if (status != BT_OK) {
        return status;
    }
    *found = weights;
    *weights_index = (uint32_t)(weights - import->tensors);
    *bias_index = BT_TFL_NONE;
    if (call->inputs.count < 3 || bt_fb_element(&import->file, &call->inputs, 2) == -1) {
        return BT_OK;
    }
    status = constant(import, call, 2, import->quantised ? TFL_INT32 : TFL_FLOAT32, 0, &bias);
    if (status == BT_OK && bias->elems != weights->dims[channels_axis]) {
        status = bt_tfl_refuse(import, "bias '%s' of %lld elements: expected %d", bias->name, (long long)bias->elems,
                               (int)weights->dims[channels_axis]);
    }
    *bias_index = (uint32_t)(bias - import->tensors);
    return status;
}

/* A node for a geometry that is complete. */
static enum bt_status finish_conv(struct bt_tfl_import *import, const struct bt_tfl_call *call,
                                  const struct bt_tfl_tensor *in, const struct bt_conv2d *conv,
                                  struct bt_tfl_node **made)
{
    struct bt_reason why = {0};
    if (bt_conv2d_check(conv, &why) != BT_OK) {
        return refuse_why(import, &why);
    }
    const enum bt_status status = new_node(import, call, 0, BT_OP_CONV2D, in, made);
    if (status != BT_OK) {
        return status;
    }
    (*made)->u.conv = *conv;
    return check_shape(import, *made, bt_conv2d_oh(conv), bt_conv2d_ow(conv), conv->c_out);
}

/* CONV_2D: weights [c_out][kh][kw][c_in/groups]; DEPTHWISE_CONV_2D: [1][kh][kw][c_out]. */
static enum bt_status convolve(struct bt_tfl_import *import, const struct bt_tfl_call *call, bool depthwise)
{
    struct bt_tfl_tensor *in = NULL;
    const struct bt_tfl_tensor *weights = NULL;
    struct bt_tfl_node *node = NULL;
    uint32_t weights_index = 0;
    uint32_t bias_index = 0;
    bool same = false;
    enum bt_act act = BT_ACT_NONE;
    enum bt_status status = shaped(import, call, 0, true, &in);
    if (status == BT_OK) {
        status = weigh(import, call, 4, depthwise ? 3 : 0, &weights, &weights_index, &bias_index);
    }
    if (status != BT_OK) {
        return status;
    }
    const struct bt_tfl_node *from = &import->nodes[in->node];
    struct bt_conv2d conv = bt_conv2d_1x1(from->h, from->w, from->c, weights->dims[depthwise ? 3 : 0]);
    conv.kh = weights->dims[1];
    conv.kw = weights->dims[2];
    conv.groups = depthwise ? from->c : from->c / weights->dims[3];
    conv.pad_top = in->pad_top;
    conv.pad_bottom = in->pad_bottom;
    conv.pad_left = in->pad_left;
    conv.pad_right = in->pad_right;
    if (depthwise ? weights->dims[0] != 1 : from->c % weights->dims[3] != 0) {
        return bt_tfl_refuse(import, "weights '%s' for other inputs than of %d channels: expected %s", weights->name,
                             (int)from->c, depthwise ? "[1][kh][kw][c_out]" : "a divisor of them as last dimension");
    }
    status = padding(import, call, depthwise ? TFL_DEPTHWISE_PADDING : TFL_CONV_PADDING, &same);
    if (status == BT_OK) {
        status =
            extent(import, call, depthwise ? TFL_DEPTHWISE_STRIDE_H : TFL_CONV_STRIDE_H, "stride_h", 0, &conv.stride_h);
    }
    if (status == BT_OK) {
        status =
            extent(import, call, depthwise ? TFL_DEPTHWISE_STRIDE_W : TFL_CONV_STRIDE_W, "stride_w", 0, &conv.stride_w);
    }
    if (status == BT_OK) {
        status = extent(import, call, depthwise ? TFL_DEPTHWISE_DILATION_H : TFL_CONV_DILATION_H, "dilation_h_factor",
                        1, &conv.dil_h);
    }
    if (status == BT_OK) {
        status = extent(import, call, depthwise ? TFL_DEPTHWISE_DILATION_W : TFL_CONV_DILATION_W, "dilation_w_factor",
                        1, &conv.dil_w);
    }
    if (status == BT_OK) {
        status = fused(import, call, depthwise ? TFL_DEPTHWISE_ACTIVATION : TFL_CONV_ACTIVATION, true, &act);
    }
    if (status != BT_OK) {
        return status;
    }
    if (same) {
        pad_same(conv.h, conv.kh, conv.dil_h, conv.stride_h, &conv.pad_top, &conv.pad_bottom);
        pad_same(conv.w, conv.kw, conv.dil_w, conv.stride_w, &conv.pad_left, &conv.pad_right);
    }
    status = finish_conv(import, call, in, &conv, &node);
    if (status == BT_OK) {
        node->act = act;
        node->depthwise = depthwise;
        node->weights = weights_index;
        node->bias = bias_index;
    }
    return status;
}

static enum bt_status add_conv(struct bt_tfl_import *import, const struct bt_tfl_call *call)
{
    return convolve(import, call, false);
}

static enum bt_status add_depthwise(struct bt_tfl_import *import, const struct bt_tfl_call *call)
{
    return convolve(import, call, true);
}

static enum bt_status add_fully_connected(struct bt_tfl_import *import, const struct bt_tfl_call *call)
{
    struct bt_tfl_tensor *in = NULL;
    const struct bt_tfl_tensor *weights = NULL;
    struct bt_tfl_node *node = NULL;
    uint32_t weights_index = 0;
    uint32_t bias_index = 0;
    enum bt_act act = BT_ACT_NONE;
    enum bt_status status = computed(import, call, 0, &in);
    if (status == BT_OK) {
        status = weigh(import, call, 2, 0, &weights, &weights_index, &bias_index);
    }
    if (status == BT_OK) {
        status = fused(import, call, TFL_FC_ACTIVATION, true, &act);
    }
    if (status != BT_OK) {
        return status;
    }
    if (bt_fb_integer(&import->file, &call->options, TFL_FC_WEIGHTS_FORMAT, 1, 0) != 0) {
        return bt_tfl_refuse(import, "weights '%s' are shuffled: expected the default format", weights->name);
    }
    const bool keep = bt_fb_integer(&import->file, &call->options, TFL_FC_KEEP_NUM_DIMS, 1, 0) != 0;
    const int32_t depth = weights->dims[1];
    struct bt_conv2d conv = bt_conv2d_1x1(1, 1, depth, weights->dims[0]);
    if (depth != in->elems || bt_tfl_is_padded(in)) { /* the layer at each place, or none that can be */
        status = shaped(import, call, 0, false, &in);
        const struct bt_tfl_node *from = &import->nodes[in->node];
        if (status == BT_OK && (!keep || depth != from->c)) {
            status = bt_tfl_refuse(import, "weights '%s' for %d inputs: expected %lld", weights->name, (int)depth,
                                   (long long)in->elems);
        }
        conv.h = from->h;
        conv.w = from->w;
    }
    if (status == BT_OK) {
        status = finish_conv(import, call, in, &conv, &node);
    }
    if (status == BT_OK) {
        node->act = act;
        node->weights = weights_index;
        node->bias = bias_index;
    }
    return status;
}

static enum bt_status add_pool(struct bt_tfl_import *import, const struct bt_tfl_call *call)
{
    const enum bt_op op = strcmp(call->kind, "MAX_POOL_2D") == 0 ? BT_OP_MAXPOOL : BT_OP_AVGPOOL;
    struct bt_tfl_tensor *in = NULL;
    struct bt_tfl_node *node = NULL;
    struct bt_reason why = {0};
    bool same = false;
    enum bt_act act = BT_ACT_NONE;
    enum bt_status status = shaped(import, call, 0, op == BT_OP_MAXPOOL, &in);
    if (status != BT_OK) {
        return status;
    }
    const struct bt_tfl_node *from = &import->nodes[in->node];
    struct ref_pool2d pool = {
        .n = 1,
        .h = from->h,
        .w = from->w,
        .c = from->c,
        .pad_top = in->pad_top,
        .pad_bottom = in->pad_bottom,
        .pad_left = in->pad_left,
        .pad_right = in->pad_right,
        .act_min = INT8_MIN,
        .act_max = INT8_MAX,
    };
    /* What is padded with the least value there is, is no candidate for the maximum. */
    if (bt_tfl_is_padded(in) && (!import->quantised || from->zp != INT8_MIN)) {
        return bt_tfl_refuse(import, "input '%s' is put out by PAD: expected that only convolutions read it", in->name);
    }
    status = padding(import, call, TFL_POOL_PADDING, &same);
    if (status == BT_OK) {
        status = extent(import, call, TFL_POOL_STRIDE_H, "stride_h", 0, &pool.stride_h);
    }
    if (status == BT_OK) {
        status = extent(import, call, TFL_POOL_STRIDE_W, "stride_w", 0, &pool.stride_w);
    }
    if (status == BT_OK) {
        status = extent(import, call, TFL_POOL_FILTER_HEIGHT, "filter_height", 0, &pool.kh);
    }
    if (status == BT_OK) {
        status = extent(import, call, TFL_POOL_FILTER_WIDTH, "filter_width", 0, &pool.kw);
    }
    if (status == BT_OK) { /* a pool of a float graph has none */
        status = fused(import, call, TFL_POOL_ACTIVATION, import->quantised, &act);
    }
    if (status != BT_OK) {
        return status;
    }
    if (same) {
        pad_same(pool.h, pool.kh, 1, pool.stride_h, &pool.pad_top, &pool.pad_bottom);
        pad_same(pool.w, pool.kw, 1, pool.stride_w, &pool.pad_left, &pool.pad_right);
    }
    if (ref_pool2d_check(&pool, INT8_MIN, INT8_MAX, &why) != BT_OK) {
        return refuse_why(import, &why);
    }
    status = new_node(import, call, 0, op, in, &node);
    if (status == BT_OK) {
        node->act = act;
        node->u.pool = pool;
        status = check_shape(import, node, ref_pool2d_oh(&pool), ref_pool2d_ow(&pool), pool.c);
    }
    return status == BT_OK ? same_format(import, node, 0) : status;
}

/*
 * The average of each channel. Float: a pool over everything. Int8: TFLite requantises sums of differences to the zero
 * point, where a pool divides sums: which values end up on a tie differs. A depthwise convolution by ones is exactly it.
 */
static enum bt_status add_mean(struct bt_tfl_import *import, const struct bt_tfl_call *call)
{
    struct bt_tfl_tensor *in = NULL;
    struct bt_tfl_node *node = NULL;
    int32_t axes[BT_TFL_RANK] = {0};
    int64_t count = 0;
    enum bt_status status = shaped(import, call, 0, false, &in);
    if (status == BT_OK) {
        status = numbers(import, call, 1, 1, BT_TFL_RANK, axes, &count);
    }
    if (status != BT_OK) {
        return status;
    }
    const int32_t first = axes[0] < 0 ? axes[0] + BT_TFL_RANK : axes[0];
    const int32_t second = axes[1] < 0 ? axes[1] + BT_TFL_RANK : axes[1];
    if (in->rank != BT_TFL_RANK || count != 2 || first + second != 3 || first * second != 2) {
        return bt_tfl_refuse(import, "other axes: expected the mean over height and width of [1][h][w][c]");
    }
    const struct bt_tfl_node *from = &import->nodes[in->node];
    if (import->quantised) {
        struct bt_conv2d conv = bt_conv2d_1x1(from->h, from->w, from->c, from->c);
        conv.kh = from->h;
        conv.kw = from->w;
        conv.groups = from->c;
        status = finish_conv(import, call, in, &conv, &node);
        if (status == BT_OK) {
            node->mean = true;
        }
        return status;
    }
    const struct ref_pool2d pool = {
        .n = 1,
        .h = from->h,
        .w = from->w,
        .c = from->c,
        .kh = from->h,
        .kw = from->w,
        .stride_h = 1,
        .stride_w = 1,
        .act_min = INT8_MIN,
        .act_max = INT8_MAX,
    };
    status = new_node(import, call, 0, BT_OP_AVGPOOL, in, &node);
    if (status == BT_OK) {
        node->u.pool = pool;
        status = check_shape(import, node, 1, 1, pool.c);
    }
    return status;
}

/* ADD and MUL of two tensors of one shape. */
static enum bt_status add_elementwise(struct bt_tfl_import *import, const struct bt_tfl_call *call)
{
    const bool sum = strcmp(call->kind, "ADD") == 0;
    struct bt_tfl_tensor *in[2] = {NULL, NULL};
    struct bt_tfl_node *node = NULL;
    enum bt_act act = BT_ACT_NONE;
    enum bt_status status = shaped(import, call, 0, false, &in[0]);
    if (status == BT_OK) {
        status = shaped(import, call, 1, false, &in[1]);
    }
    if (status == BT_OK) {
        status = fused(import, call, sum ? TFL_ADD_ACTIVATION : TFL_MUL_ACTIVATION, true, &act);
    }
    if (status == BT_OK) {
        status = new_node(import, call, 0, sum ? BT_OP_ADD : BT_OP_MUL, in[0], &node);
    }
    if (status != BT_OK) {
        return status;
    }
    node->act = act;
    node->input_count = 2;
    node->inputs[1] = (uint32_t)in[1]->node;
    for (uint32_t i = 0; status == BT_OK && i < 2; i++) {
        const struct bt_tfl_node *from = &import->nodes[node->inputs[i]];
        if (from->h != node->h || from->w != node->w || from->c != node->c) {
            status =
                bt_tfl_refuse(import, "input '%s' of %dx%dx%d: expected the shape of the output, %dx%dx%d", in[i]->name,
                              (int)from->h, (int)from->w, (int)from->c, (int)node->h, (int)node->w, (int)node->c);
        }
    }
    return status;
}

static enum bt_status add_concat(struct bt_tfl_import *import, const struct bt_tfl_call *call)
{
    struct bt_tfl_tensor *in = NULL;
    struct bt_tfl_node *node = NULL;
    enum bt_act act = BT_ACT_NONE;
    uint32_t inputs[BT_GRAPH_INPUTS] = {0};
    int64_t channels = 0;
    uint32_t rank = 0;
    if (call->inputs.count > BT_GRAPH_INPUTS) {
        return bt_tfl_refuse(import, "%u inputs: expected at most %d", call->inputs.count, BT_GRAPH_INPUTS);
    }
    enum bt_status status = fused(import, call, TFL_CONCAT_ACTIVATION, false, &act);
    for (uint32_t i = 0; status == BT_OK && i < call->inputs.count; i++) {
        status = shaped(import, call, i, false, &in);
        if (status == BT_OK) {
            inputs[i] = (uint32_t)in->node;
            rank = in->rank;
            channels += import->nodes[in->node].c;
        }
    }
    if (status != BT_OK) {
        return status;
    }
    const int64_t axis = bt_fb_integer(&import->file, &call->options, TFL_CONCAT_AXIS, 4, 0);
    if (axis != -1 && axis != (int64_t)rank - 1) {
        return bt_tfl_refuse(import, "axis %lld: expected the channels, %u", (long long)axis, rank - 1);
    }
    status = new_node(import, call, 0, BT_OP_CONCAT, in, &node);
    if (status != BT_OK) {
        return status;
    }
    node->input_count = call->inputs.count;
    memcpy(node->inputs, inputs, sizeof(inputs));
    for (uint32_t i = 0; status == BT_OK && i < node->input_count; i++) {
        const struct bt_tfl_node *from = &import->nodes[inputs[i]];
        status = check_shape(import, node, from->h, from->w, channels);
        if (status == BT_OK) { /* as TFLite's int8 kernel requires */
            status = same_format(import, node, i);
        }
    }
    return status;
}

/* Is pixel i of the output pixel i / factor of the input, in TFLite's binary32 arithmetic? */
static bool is_upsampling(int32_t in, int32_t out, bool half_pixel)
{
    const float scale = (float)in / (float)out;
    const float offset = half_pixel ? 0.5f : 0.0f;
    for (int32_t i = 0; i < out; i++) {
        const int32_t at = (int32_t)floorf(((float)i + offset) * scale);
        if ((at < in - 1 ? at : in - 1) != i / (out / in)) {
            return false;
        }
    }
    return true;
}

/* @source TFLite reference/resize_nearest_neighbor.h, GetNearestNeighbor. */
static enum bt_status add_resize(struct bt_tfl_import *import, const struct bt_tfl_call *call)
{
    struct bt_tfl_tensor *in = NULL;
    struct bt_tfl_node *node = NULL;
    int32_t size[2] = {0};
    int64_t count = 0;
    enum bt_status status = shaped(import, call, 0, false, &in);
    if (status == BT_OK) {
        status = numbers(import, call, 1, 2, 2, size, &count);
    }
    if (status == BT_OK) {
        status = new_node(import, call, 0, BT_OP_UPSAMPLE, in, &node);
    }
    if (status != BT_OK) {
        return status;
    }
    const struct bt_tfl_node *from = &import->nodes[in->node];
    status = check_shape(import, node, size[0], size[1], from->c);
    if (status != BT_OK) {
        return status;
    }
    const bool corners = bt_fb_integer(&import->file, &call->options, TFL_RESIZE_ALIGN_CORNERS, 1, 0) != 0;
    const bool half = bt_fb_integer(&import->file, &call->options, TFL_RESIZE_HALF_PIXEL_CENTERS, 1, 0) != 0;
    const int32_t factor = node->h / from->h;
    if (corners || factor < 1 || node->h != (int64_t)from->h * factor || node->w != (int64_t)from->w * factor ||
        !is_upsampling(from->h, node->h, half) || !is_upsampling(from->w, node->w, half)) {
        return bt_tfl_refuse(import, "%dx%d to %dx%d%s: expected one whole factor, corners not aligned", (int)from->h,
                             (int)from->w, (int)node->h, (int)node->w, corners ? " with aligned corners" : "");
    }
    node->u.upsample_scale = factor;
    return same_format(import, node, 0);
}

static enum bt_status add_softmax(struct bt_tfl_import *import, const struct bt_tfl_call *call)
{
    struct bt_tfl_tensor *in = NULL;
    struct bt_tfl_node *node = NULL;
    enum bt_status status = shaped(import, call, 0, false, &in);
    if (status == BT_OK) {
        status = new_node(import, call, 0, BT_OP_SOFTMAX, in, &node);
    }
    if (status != BT_OK) {
        return status;
    }
    const struct bt_tfl_node *from = &import->nodes[in->node];
    node->u.beta = bt_fb_float(&import->file, &call->options, TFL_SOFTMAX_BETA, 0);
    if (!(node->u.beta > 0 && node->u.beta <= BT_TFL_SCALE_MOST) || (!import->quantised && node->u.beta != 1)) {
        return bt_tfl_refuse(import, "beta %g: expected %s", (double)node->u.beta,
                             import->quantised ? "a positive number" : "1");
    }
    if (import->quantised && (node->scale != 1.0 / 256 || node->zp != INT8_MIN)) {
        return bt_tfl_refuse(import, "output with scale %g and zero point %d: expected 1/256 and -128", node->scale,
                             (int)node->zp);
    }
    return check_shape(import, node, from->h, from->w, from->c);
}

/* RESHAPE, SQUEEZE and EXPAND_DIMS: the same bytes under another shape. */
static enum bt_status add_reshape(struct bt_tfl_import *import, const struct bt_tfl_call *call)
{
    struct bt_tfl_tensor *in = NULL;
    struct bt_tfl_tensor *out = NULL;
    struct bt_tfl_node to = {.input_count = 1};
    enum bt_status status = computed(import, call, 0, &in);
    if (status == BT_OK) {
        status = output(import, call, 0, &out);
    }
    if (status == BT_OK) {
        status = bt_tfl_check_type(import, out, in->type);
    }
    if (status == BT_OK) {
        status = bt_tfl_shape_of(import, out, &to.h, &to.w, &to.c);
    }
    if (status == BT_OK && import->quantised) {
        status = bt_tfl_format_of(import, out, &to.scale, &to.zp);
    }
    if (status != BT_OK) {
        return status;
    }
    const struct bt_tfl_node *from = &import->nodes[in->node];
    const bool flat = to.h == 1 && to.w == 1;
    if (bt_tfl_is_padded(in) || out->elems != in->elems ||
        (!flat && (to.h != from->h || to.w != from->w || to.c != from->c))) {
        return bt_tfl_refuse(import, "from %dx%dx%d to %dx%dx%d: expected that it only flattens", (int)from->h,
                             (int)from->w, (int)from->c, (int)to.h, (int)to.w, (int)to.c);
    }
    to.inputs[0] = (uint32_t)in->node;
    status = same_format(import, &to, 0);
    if (status == BT_OK) {
        out->node = in->node;
    }
    return status;
}

/* Remembered at its output; the operators behind it do it. */
static enum bt_status add_pad(struct bt_tfl_import *import, const struct bt_tfl_call *call)
{
    struct bt_tfl_tensor *in = NULL;
    struct bt_tfl_tensor *out = NULL;
    struct bt_tfl_node to = {.input_count = 1};
    int32_t pads[2 * BT_TFL_RANK] = {0};
    int64_t count = 0;
    enum bt_status status = shaped(import, call, 0, false, &in);
    if (status == BT_OK) {
        status = numbers(import, call, 1, (int64_t)2 * BT_TFL_RANK, (int64_t)2 * BT_TFL_RANK, pads, &count);
    }
    if (status == BT_OK) {
        status = output(import, call, 0, &out);
    }
    if (status == BT_OK) {
        status = bt_tfl_check_type(import, out, in->type);
    }
    if (status == BT_OK) {
        status = bt_tfl_shape_of(import, out, &to.h, &to.w, &to.c);
    }
    if (status == BT_OK && import->quantised) {
        status = bt_tfl_format_of(import, out, &to.scale, &to.zp);
    }
    if (status != BT_OK) {
        return status;
    }
    for (int64_t i = 0; i < count; i++) {
        if (pads[i] < 0 || pads[i] > BT_MAX_DIM || ((i < 2 || i >= 6) && pads[i] != 0)) {
            return bt_tfl_refuse(import, "padding %d of dimension %lld: expected that of height and width alone",
                                 (int)pads[i], (long long)(i / 2));
        }
    }
    const struct bt_tfl_node *from = &import->nodes[in->node];
    status =
        check_shape(import, &to, (int64_t)from->h + pads[2] + pads[3], (int64_t)from->w + pads[4] + pads[5], from->c);
    to.inputs[0] = (uint32_t)in->node;
    if (status == BT_OK) {
        status = same_format(import, &to, 0);
    }
    if (status == BT_OK) {
        out->node = in->node;
        out->pad_top = pads[2];
        out->pad_bottom = pads[3];
        out->pad_left = pads[4];
        out->pad_right = pads[5];
    }
    return status;
}

/* Float: part of the operator before it. */
static enum bt_status fuse_activation(struct bt_tfl_import *import, const struct bt_tfl_call *call,
                                      const struct bt_tfl_tensor *in, enum bt_act act)
{
    struct bt_tfl_tensor *out = NULL;
    struct bt_tfl_node *from = &import->nodes[in->node];
    const bool relu = act == BT_ACT_RELU || act == BT_ACT_RELU6;
    const bool can = from->op == BT_OP_CONV2D || (relu && (from->op == BT_OP_ADD || from->op == BT_OP_MUL));
    if (!can || from->act != BT_ACT_NONE || in->readers != 1 || in != &import->tensors[from->tensor]) {
        return bt_tfl_refuse(import,
                             "input '%s' of a float model: expected the convolution%s that nothing else reads and "
                             "that has no activation yet",
                             in->name, relu ? ", sum or product" : "");
    }
    enum bt_status status = output(import, call, 0, &out);
    if (status == BT_OK) {
        status = bt_tfl_check_type(import, out, in->type);
    }
    if (status == BT_OK && (out->rank != in->rank || memcmp(out->dims, in->dims, sizeof(out->dims)) != 0)) {
        status = bt_tfl_refuse(import, "output '%s' of another shape: expected that of the input", out->name);
    }
    if (status == BT_OK) {
        from->act = act;
        out->node = in->node;
    }
    return status;
}

static enum bt_status add_table(struct bt_tfl_import *import, const struct bt_tfl_call *call,
                                const struct bt_tfl_tensor *in, enum bt_tfl_table function, float alpha)
{
    struct bt_tfl_node *node = NULL;
    const enum bt_status status = new_node(import, call, 0, BT_OP_TABLE, in, &node);
    if (status != BT_OK) {
        return status;
    }
    const struct bt_tfl_node *from = &import->nodes[in->node];
    node->u.table.function = function;
    node->u.table.alpha = alpha;
    if (function != BT_TFL_REQUANTISE) {
        node->name[0] = '\0'; /* its own is not in its way */
        bt_tfl_give_name(import, node, from->name, ".act");
    }
    return check_shape(import, node, from->h, from->w, from->c);
}

static enum bt_status add_activation(struct bt_tfl_import *import, const struct bt_tfl_call *call)
{
    static const struct {
        const char *kind;
        enum bt_tfl_table table;
        enum bt_act act;
    } functions[] = {
        {"RELU", BT_TFL_RELU, BT_ACT_RELU},
        {"RELU6", BT_TFL_RELU6, BT_ACT_RELU6},
        {"LEAKY_RELU", BT_TFL_LEAKY_RELU, BT_ACT_LEAKY},
        {"LOGISTIC", BT_TFL_LOGISTIC, BT_ACT_SIGMOID},
        {"TANH", BT_TFL_TANH, BT_ACT_TANH},
        {"HARD_SWISH", BT_TFL_HARD_SWISH, BT_ACT_HARD_SWISH},
    };
    struct bt_tfl_tensor *in = NULL;
    size_t k = 0;
    while (strcmp(functions[k].kind, call->kind) != 0) {
        k++;
    }
    const enum bt_status status = shaped(import, call, 0, false, &in);
    if (status != BT_OK) {
        return status;
    }
    const float alpha = bt_fb_float(&import->file, &call->options, TFL_LEAKY_RELU_ALPHA, 0);
    if (functions[k].table == BT_TFL_LEAKY_RELU && !(import->quantised ? alpha >= 0 && alpha <= 1 : alpha == 0.1f)) {
        return bt_tfl_refuse(import, "slope %g: expected %s", (double)alpha,
                             import->quantised ? "0 to 1" : "0.1 in a float model");
    }
    return import->quantised ? add_table(import, call, in, functions[k].table, alpha)
                             : fuse_activation(import, call, in, functions[k].act);
}

/* To int8 at the border of an int8 model, or from one int8 format to another. */
static enum bt_status add_quantize(struct bt_tfl_import *import, const struct bt_tfl_call *call)
{
    struct bt_tfl_tensor *in = NULL;
    struct bt_tfl_tensor *out = NULL;
    double scale = 0;
    int32_t zp = 0;
    enum bt_status status = argument(import, &call->inputs, 0, &in);
    if (status != BT_OK) {
        return status;
    }
    if (in != &import->tensors[import->input] || in->type != TFL_FLOAT32) {
        status = shaped(import, call, 0, false, &in);
        return status == BT_OK ? add_table(import, call, in, BT_TFL_REQUANTISE, 0) : status;
    }
    status = output(import, call, 0, &out);
    if (status == BT_OK) {
        status = bt_tfl_check_type(import, out, TFL_INT8);
    }
    if (status == BT_OK) {
        status = bt_tfl_format_of(import, out, &scale, &zp);
    }
    if (status != BT_OK) {
        return status;
    }
    struct bt_tfl_node *node = &import->nodes[0];
    if (import->input_formatted && (node->scale != scale || node->zp != zp)) {
        return bt_tfl_refuse(import, "a second format of the input: expected scale %g and zero point %d", node->scale,
                             (int)node->zp);
    }
    if (out->rank != in->rank || memcmp(out->dims, in->dims, sizeof(out->dims)) != 0) {
        return bt_tfl_refuse(import, "output '%s' of another shape: expected that of the input", out->name);
    }
    node->scale = scale;
    node->zp = zp;
    import->input_formatted = true;
    out->node = 0;
    return BT_OK;
}

/* Only what the model puts out may be float: operators refuse to read it. */
static enum bt_status add_dequantize(struct bt_tfl_import *import, const struct bt_tfl_call *call)
{
    struct bt_tfl_tensor *in = NULL;
    struct bt_tfl_tensor *out = NULL;
    enum bt_status status = shaped(import, call, 0, false, &in);
    if (status == BT_OK) {
        status = output(import, call, 0, &out);
    }
    if (status == BT_OK) {
        status = bt_tfl_check_type(import, out, TFL_FLOAT32);
    }
    if (status == BT_OK && (out->rank != in->rank || memcmp(out->dims, in->dims, sizeof(out->dims)) != 0)) {
        status = bt_tfl_refuse(import, "output '%s' of another shape: expected that of the input", out->name);
    }
    if (status == BT_OK) {
        out->node = in->node;
    }
    return status;
}

/* Output k: channels from `from` on, as many as it has. */
static enum bt_status slice(struct bt_tfl_import *import, const struct bt_tfl_call *call, uint32_t k,
                            const struct bt_tfl_tensor *in, int32_t from, int32_t channels)
{
    struct bt_tfl_node *node = NULL;
    const struct bt_tfl_node *whole = &import->nodes[in->node];
    enum bt_status status = new_node(import, call, k, BT_OP_SLICE, in, &node);
    if (status == BT_OK) {
        node->u.slice_from = from;
        status = check_shape(import, node, whole->h, whole->w, channels);
    }
    return status == BT_OK ? same_format(import, node, 0) : status;
}

/* @source TFLite kernels/internal/strided_slice_logic.h, for strides of 1. */
static enum bt_status add_strided_slice(struct bt_tfl_import *import, const struct bt_tfl_call *call)
{
    struct bt_tfl_tensor *in = NULL;
    int32_t begin[BT_TFL_RANK] = {0};
    int32_t end[BT_TFL_RANK] = {0};
    int32_t strides[BT_TFL_RANK] = {0};
    int32_t *const lists[] = {begin, end, strides};
    int64_t count = 0;
    enum bt_status status = shaped(import, call, 0, false, &in);
    for (uint32_t i = 0; status == BT_OK && i < 3; i++) {
        status = numbers(import, call, i + 1, in->rank, in->rank, lists[i], &count);
    }
    if (status != BT_OK) {
        return status;
    }
    static const uint32_t unknown[] = {TFL_STRIDED_SLICE_ELLIPSIS_MASK, TFL_STRIDED_SLICE_NEW_AXIS_MASK,
                                       TFL_STRIDED_SLICE_SHRINK_AXIS_MASK};
    int64_t others = bt_fb_integer(&import->file, &call->options, TFL_STRIDED_SLICE_OFFSET, 1, 0);
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        others |= bt_fb_integer(&import->file, &call->options, unknown[i], 4, 0);
    }
    const int64_t begin_mask = bt_fb_integer(&import->file, &call->options, TFL_STRIDED_SLICE_BEGIN_MASK, 4, 0);
    const int64_t end_mask = bt_fb_integer(&import->file, &call->options, TFL_STRIDED_SLICE_END_MASK, 4, 0);
    int64_t from = 0;
    int64_t upto = 0;
    bool good = others == 0;
    for (uint32_t i = 0; good && i < in->rank; i++) {
        const int64_t extent_here = in->dims[i];
        from = (begin_mask >> i & 1) != 0 ? 0 : begin[i] < 0 ? begin[i] + extent_here : begin[i];
        upto = (end_mask >> i & 1) != 0 ? extent_here : end[i] < 0 ? end[i] + extent_here : end[i];
        from = from < 0 ? 0 : from;
        upto = upto > extent_here ? extent_here : upto;
        good = strides[i] == 1 && upto > from && (i + 1 == in->rank || (from == 0 && upto == extent_here));
    }
    return good ? slice(import, call, 0, in, (int32_t)from, (int32_t)(upto - from))
                : bt_tfl_refuse(import,
                                "other parts of '%s': expected a range of its channels, with strides of 1 and "
                                "masks of begin and end alone",
                                in->name);
}

static enum bt_status add_split(struct bt_tfl_import *import, const struct bt_tfl_call *call)
{
    struct bt_tfl_tensor *in = NULL;
    int32_t axis = 0;
    int64_t count = 0;
    enum bt_status status = numbers(import, call, 0, 1, 1, &axis, &count);
    if (status == BT_OK) {
        status = shaped(import, call, 1, false, &in);
    }
    if (status != BT_OK) {
        return status;
    }
    const int32_t channels = import->nodes[in->node].c;
    const int32_t parts = (int32_t)call->outputs.count;
    if ((axis != -1 && axis != (int32_t)in->rank - 1) || channels % parts != 0) {
        return bt_tfl_refuse(import, "axis %d, %d parts: expected a divisor of the %d channels, axis %u", (int)axis,
                             (int)parts, (int)channels, in->rank - 1);
    }
    for (int32_t i = 0; status == BT_OK && i < parts; i++) {
        status = slice(import, call, (uint32_t)i, in, i * (channels / parts), channels / parts);
    }
    return status;
}

/* ---- the table of operators ---- */

struct kind {
    int32_t code;
    uint32_t least, most, most_outputs; /* inputs */
    int32_t options;                    /* what they must be where they are there */
    enum bt_status (*add)(struct bt_tfl_import *import, const struct bt_tfl_call *call);
};

static const struct kind kinds[] = {
    {TFL_ADD_OP, 2, 2, 1, TFL_OPTIONS_ADD, add_elementwise},
    {TFL_AVERAGE_POOL_2D_OP, 1, 1, 1, TFL_OPTIONS_POOL_2D, add_pool},
    {TFL_CONCATENATION_OP, 1, BT_TFL_ARGUMENTS, 1, TFL_OPTIONS_CONCATENATION, add_concat},
    {TFL_CONV_2D_OP, 2, 3, 1, TFL_OPTIONS_CONV_2D, add_conv},
    {TFL_DEPTHWISE_CONV_2D_OP, 2, 3, 1, TFL_OPTIONS_DEPTHWISE_CONV_2D, add_depthwise},
    {TFL_DEQUANTIZE_OP, 1, 1, 1, TFL_OPTIONS_DEQUANTIZE, add_dequantize},
    {TFL_EXPAND_DIMS_OP, 2, 2, 1, TFL_OPTIONS_EXPAND_DIMS, add_reshape},
    {TFL_FULLY_CONNECTED_OP, 2, 3, 1, TFL_OPTIONS_FULLY_CONNECTED, add_fully_connected},
    {TFL_HARD_SWISH_OP, 1, 1, 1, TFL_OPTIONS_HARD_SWISH, add_activation},
    {TFL_LEAKY_RELU_OP, 1, 1, 1, TFL_OPTIONS_LEAKY_RELU, add_activation},
    {TFL_LOGISTIC_OP, 1, 1, 1, TFL_OPTIONS_NONE, add_activation},
    {TFL_MAX_POOL_2D_OP, 1, 1, 1, TFL_OPTIONS_POOL_2D, add_pool},
    {TFL_MEAN_OP, 2, 2, 1, TFL_OPTIONS_REDUCER, add_mean},
    {TFL_MUL_OP, 2, 2, 1, TFL_OPTIONS_MUL, add_elementwise},
    {TFL_PAD_OP, 2, 2, 1, TFL_OPTIONS_PAD, add_pad},
    {TFL_QUANTIZE_OP, 1, 1, 1, TFL_OPTIONS_QUANTIZE, add_quantize},
    {TFL_RELU_OP, 1, 1, 1, TFL_OPTIONS_NONE, add_activation},
    {TFL_RELU6_OP, 1, 1, 1, TFL_OPTIONS_NONE, add_activation},
    {TFL_RESHAPE_OP, 1, 2, 1, TFL_OPTIONS_RESHAPE, add_reshape},
    {TFL_RESIZE_NEAREST_NEIGHBOR_OP, 2, 2, 1, TFL_OPTIONS_RESIZE_NEAREST_NEIGHBOR, add_resize},
    {TFL_SOFTMAX_OP, 1, 1, 1, TFL_OPTIONS_SOFTMAX, add_softmax},
    {TFL_SPLIT_OP, 2, 2, BT_TFL_ARGUMENTS, TFL_OPTIONS_SPLIT, add_split},
    {TFL_SQUEEZE_OP, 1, 1, 1, TFL_OPTIONS_SQUEEZE, add_reshape},
    {TFL_STRIDED_SLICE_OP, 4, 4, 1, TFL_OPTIONS_STRIDED_SLICE, add_strided_slice},
    {TFL_TANH_OP, 1, 1, 1, TFL_OPTIONS_NONE, add_activation},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* ---- one operator ---- */

/* Which operator, and its row in the table; `where` is set for messages. */
static enum bt_status find_kind(struct bt_tfl_import *import, uint32_t index, const struct bt_fb_table *table,
                                struct bt_tfl_call *call, const struct kind **found)
{
    static const char *const names[] = {TFL_OPERATOR_NAMES};
    struct bt_flatbuffer *file = &import->file;
    const int64_t at = bt_fb_integer(file, table, TFL_OPERATOR_OPCODE_INDEX, 4, 0) & UINT32_MAX;
    if (at >= import->codes.count) {
        return bt_tfl_refuse(import, "operator %u: code %lld: expected one of %u", index, (long long)at,
                             import->codes.count);
    }
    const struct bt_fb_table code_table = bt_fb_table_element(file, &import->codes, (uint32_t)at);
    const int64_t old = bt_fb_integer(file, &code_table, TFL_CODE_DEPRECATED, 1, 0);
    const int64_t new = bt_fb_integer(file, &code_table, TFL_CODE_BUILTIN, 4, 0);
    const int64_t code = old > new ? old : new;
    const struct bt_fb_vector custom = bt_fb_string(file, &code_table, TFL_CODE_CUSTOM);
    const int64_t out = call->outputs.count > 0 ? bt_fb_element(file, &call->outputs, 0) : -1;
    char name[48] = "";
    if (bt_flatbuffer_damaged(file)) {
        (void)bt_tfl_damaged(import);
        return BT_EINPUT; /* for analyzers */
    }
    if (out >= 0 && out < import->tensor_tables.count) {
        const struct bt_fb_table tensor = bt_fb_table_element(file, &import->tensor_tables, (uint32_t)out);
        const struct bt_fb_vector text = bt_fb_string(file, &tensor, TFL_TENSOR_NAME);
        bt_tfl_sanitise(file->data + text.at, text.count, name, sizeof(name));
    }
    if (code == TFL_CUSTOM_OP) {
        char text[48];
        bt_tfl_sanitise(file->data + custom.at, custom.count, text, sizeof(text));
        return bt_tfl_refuse(import, "operator %u '%s': custom operator %s: expected built-in operators only", index,
                             name, text);
    }
    const bool known = code >= 0 && (size_t)code < sizeof(names) / sizeof(names[0]);
    if (known) {
        (void)snprintf(import->where, sizeof(import->where), "operator %u, %s '%s': ", index, names[code], name);
    } else {
        (void)snprintf(import->where, sizeof(import->where), "operator %u, number %lld '%s': ", index, (long long)code,
                       name);
    }
    for (size_t k = 0; k < KINDS; k++) {
        if (kinds[k].code == code) {
            *found = &kinds[k];
            call->kind = names[code];
            return BT_OK;
        }
    }
    return bt_tfl_refuse(import, "not supported: expected an operator of convolutional networks (see import.h)");
}

enum bt_status bt_tfl_add_operator(struct bt_tfl_import *import, uint32_t index)
{
    struct bt_fb_table table = {0};
    struct bt_tfl_call call = {0};
    const struct kind *kind = NULL;
    enum bt_status status = bt_tfl_open_call(import, index, &table, &call);
    if (status == BT_OK) {
        status = find_kind(import, index, &table, &call, &kind);
    }
    if (status != BT_OK) {
        return status;
    }
    if (call.inputs.count < kind->least || call.inputs.count > kind->most || call.outputs.count < 1 ||
        call.outputs.count > kind->most_outputs) {
        return bt_tfl_refuse(import, "%u inputs, %u outputs: expected %u to %u, and 1 to %u", call.inputs.count,
                             call.outputs.count, kind->least, kind->most, kind->most_outputs);
    }
    const int64_t options = bt_fb_integer(&import->file, &table, TFL_OPERATOR_OPTIONS_TYPE, 1, 0) & UINT8_MAX;
    if (options == TFL_OPTIONS_NONE || kind->options == TFL_OPTIONS_NONE) {
        call.options = (struct bt_fb_table){0};
    } else if (options != kind->options) {
        return bt_tfl_refuse(import, "options of kind %lld: expected %d", (long long)options, (int)kind->options);
    }
    status = kind->add(import, &call);
    /* Absent is what damaged looks like: its refusal is the truer one. */
    return bt_flatbuffer_damaged(&import->file) ? bt_tfl_damaged(import) : status;
}
