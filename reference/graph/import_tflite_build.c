/* From the importer's nodes to graphs, with the integer parameters that TFLite's kernels prepare: binary32 where they
 * compute in it, since the last bit of a multiplier is at stake. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference/common/bt_conv2d.h"
#include "reference/graph/graph_exact.h"
#include "reference/graph/graph_quantise.h"
#include "reference/graph/import_tflite.h"
#include "reference/ops/activation_table_s8.h"
#include "reference/ops/quantise_multiplier.h"
#include "reference/ops/requantise.h"

#define FLOAT_MOST 1e6f /* no trained weight comes near it */

/* ---- int8 ---- */

/* @source TFLite kernels/kernel_util.cc, CalculateActivationRangeQuantizedImpl. */
static void clamp_range(enum bt_act act, double scale, int32_t zp, int32_t *act_min, int32_t *act_max)
{
    const float six = roundf(6.0f / (float)scale);
    *act_min = act == BT_ACT_NONE ? INT8_MIN : zp;
    *act_max = act == BT_ACT_RELU6 && six < (float)(INT8_MAX - zp) ? zp + (int32_t)six : INT8_MAX;
}

static int8_t saturate(int32_t value, int32_t zp)
{
    return (int8_t)ref_offset_clamp(value, zp, INT8_MIN, INT8_MAX);
}

/* Weights [1][kh][kw][c_out] of a depthwise convolution to [c_out][kh][kw][1]: where element i comes from. */
static int64_t weight_at(const struct bt_tfl_node *from, int64_t i)
{
    const int64_t taps = (int64_t)from->u.conv.kh * from->u.conv.kw;
    return from->depthwise ? i % taps * from->u.conv.c_out + i / taps : i;
}

/* @source TFLite reference/reduce.h, QuantizedMeanOrSum: 1 / elements becomes part of the multiplier. */
static enum bt_status mean_multiplier(double real, int64_t elems, int32_t *mult, int32_t *shift)
{
    int32_t extra = 0;
    const enum bt_status status = ref_quantise_multiplier(real, mult, shift);
    while (elems >> (extra + 1) != 0) {
        extra++;
    }
    extra = extra < 31 + *shift ? extra : 31 + *shift;
    *mult = (int32_t)(((int64_t)*mult << extra) / elems);
    *shift -= extra;
    return status;
}

/*
 * @source TFLite kernels/kernel_util.cc, PopulateConvolutionQuantizationParams: in binary64. For a FULLY_CONNECTED with one
 *         scale, GetQuantizedConvolutionMultipler rounds the product of the scales to binary32 first, which moves the
 *         multiplier's last bits (ResNet-8: ...742 for ...760); here it is the nearest one there, too, as in the
 *         unpacked files that the whole suite compares with.
 */
static enum bt_status conv_multiplier(const struct bt_tfl_import *import, const struct bt_tfl_node *from,
                                      uint32_t channel, double in_scale, int32_t *mult, int32_t *shift)
{
    if (from->mean) {
        return mean_multiplier(in_scale / from->scale, (int64_t)from->u.conv.kh * from->u.conv.kw, mult, shift);
    }
    const struct bt_tfl_tensor *weights = &import->tensors[from->weights];
    const double product = in_scale * (double)bt_tfl_scale(import, weights, channel);
    return ref_quantise_multiplier(product / from->scale, mult, shift);
}

static enum bt_status build_conv(struct bt_tfl_import *import, const struct bt_tfl_node *from,
                                 const struct bt_graph_node *in, struct bt_graph_node *node)
{
    const int64_t elems = bt_conv2d_weight_elems(&from->u.conv);
    const uint32_t channels = (uint32_t)from->u.conv.c_out;
    void *weights = NULL;
    void *bias = NULL;
    void *mult = NULL;
    void *shift = NULL;
    node->u.conv = from->u.conv;
    node->u.conv.in_zp = in->zp;
    node->u.conv.out_zp = node->zp;
    clamp_range(from->act, node->scale, node->zp, &node->u.conv.act_min, &node->u.conv.act_max);
    enum bt_status status = bt_tfl_take(import, (uint64_t)elems, sizeof(int8_t), &weights);
    if (status == BT_OK && from->bias != BT_TFL_NONE) {
        status = bt_tfl_take(import, channels, sizeof(int32_t), &bias);
    }
    if (status == BT_OK) {
        status = bt_tfl_take(import, channels, sizeof(int32_t), &mult);
    }
    if (status == BT_OK) {
        status = bt_tfl_take(import, channels, sizeof(int32_t), &shift);
    }
    node->weights = weights;
    node->bias = bias;
    node->mult = mult;
    node->shift = shift;
    if (status != BT_OK) {
        return status;
    }
    for (int64_t i = 0; i < elems; i++) {
        node->weights[i] = from->mean ? 1 : (int8_t)import->tensors[from->weights].data[weight_at(from, i)];
    }
    for (uint32_t c = 0; c < channels; c++) {
        if (bias != NULL) {
            node->bias[c] = bt_fb_s32_at(import->tensors[from->bias].data + c * sizeof(int32_t));
        }
        if (conv_multiplier(import, from, c, in->scale, &node->mult[c], &node->shift[c]) != BT_OK) {
            return bt_tfl_refuse(import, "node '%s': channel %u: scales too far apart: expected a factor below 2^30",
                                 from->name, c);
        }
    }
    return BT_OK;
}

/* ---- activations as tables ---- */

/* A factor in TFLite's binary32, as multiplier and shift. */
struct factor {
    int32_t mult, shift;
};

static enum bt_status factor_of(float real, struct factor *factor)
{
    return ref_quantise_multiplier((double)real, &factor->mult, &factor->shift);
}

/* @source gemmlowp fixedpoint.h, SaturatingRoundingDoublingHighMul for int16. The one overflow does not come up. */
static int32_t high_mul_s16(int32_t a, int32_t b)
{
    const int32_t product = a * b;
    return (product + (product >= 0 ? 1 << 14 : 1 - (1 << 14))) / (1 << 15);
}

static int32_t saturate_s16(int64_t value)
{
    return (int32_t)(value < INT16_MIN ? INT16_MIN : value > INT16_MAX ? INT16_MAX : value);
}

/* @source TFLite kernels/internal/common.h, DownScaleInt32ToInt16Multiplier. */
static int32_t down_scale(int32_t mult)
{
    return mult >= INT32_MAX - (1 << 15) ? INT16_MAX : (mult + (1 << 15)) >> 16;
}

/*
 * Fixed point of 16 bits. An exponent that TFLite does not expect is refused.
 * @source TFLite reference/hard_swish.h, HardSwish; kernels/activations.cc, HardSwishPrepare.
 */
static enum bt_status hard_swish(const struct bt_graph_node *in, const struct bt_graph_node *node, int8_t *table)
{
    struct factor out = {0};
    struct factor relu = {0};
    const float fine = (1.0f / 128.0f) * (float)in->scale;
    if (factor_of(fine / (float)node->scale, &out) != BT_OK || factor_of(fine / (3.0f / 32768.0f), &relu) != BT_OK ||
        out.shift > 0 || out.shift < -15 || relu.shift < -15) {
        return BT_EINVAL;
    }
    for (int32_t q = INT8_MIN; q <= INT8_MAX; q++) {
        const int32_t value = (q - in->zp) * (1 << 7);
        const int32_t scaled = high_mul_s16(value, down_scale(out.mult));
        int32_t share = value; /* of [-1, 1], then of [0, 1] */
        if (relu.shift > 0) {
            share = saturate_s16((int64_t)share * (INT64_C(1) << (relu.shift - 1)));
        }
        share = high_mul_s16(share, down_scale(relu.mult));
        if (relu.shift > 0) {
            share = saturate_s16((int64_t)share * 2);
        }
        if (relu.shift < 0) {
            share = ref_rounding_divide_by_pot(share, -relu.shift);
        }
        share = (share + (1 << 15)) >> 1;
        const int32_t product = share * scaled / (1 << 15);
        table[q - INT8_MIN] = saturate(ref_rounding_divide_by_pot(product, -out.shift), node->zp);
    }
    return BT_OK;
}

/*
 * Activations that only scale: one factor from 0 on, perhaps another below, and a clamp.
 * @source TFLite kernels/activations.cc, ReluPrepare, LeakyReluPrepare; reference/leaky_relu.h, QuantizeLeakyRelu;
 *         reference/requantize.h, whose factor kernels/quantize.cc computes in binary64.
 */
static enum bt_status scale_table(const struct bt_tfl_node *from, const struct bt_graph_node *in,
                                  const struct bt_graph_node *node, int8_t *table)
{
    const enum bt_tfl_table function = from->u.table.function;
    const float in_scale = (float)in->scale;
    const float out_scale = (float)node->scale;
    struct factor above = {0};
    enum bt_status status = function == BT_TFL_REQUANTISE
                                ? ref_quantise_multiplier(in->scale / node->scale, &above.mult, &above.shift)
                                : factor_of(in_scale / out_scale, &above);
    struct factor below = above;
    if (status == BT_OK && function == BT_TFL_LEAKY_RELU) {
        status = factor_of(in_scale * from->u.table.alpha / out_scale, &below);
    }
    if (status != BT_OK) {
        return status;
    }
    int32_t least = 0;
    int32_t most = 0;
    clamp_range(function == BT_TFL_RELU    ? BT_ACT_RELU
                : function == BT_TFL_RELU6 ? BT_ACT_RELU6
                                           : BT_ACT_NONE,
                node->scale, node->zp, &least, &most);
    for (int32_t q = INT8_MIN; q <= INT8_MAX; q++) {
        const int32_t value = q - in->zp;
        const struct factor *factor = value >= 0 ? &above : &below;
        const int32_t scaled = ref_requantise(value, factor->mult, factor->shift, BT_ROUND_DOUBLE);
        table[q - INT8_MIN] = (int8_t)ref_offset_clamp(scaled, node->zp, least, most);
    }
    return BT_OK;
}

static enum bt_status build_table(struct bt_tfl_import *import, const struct bt_tfl_node *from,
                                  const struct bt_graph_node *in, struct bt_graph_node *node)
{
    const enum bt_tfl_table function = from->u.table.function;
    const struct ref_activation_scales scales = {in->scale, node->scale, in->zp, node->zp};
    void *table = NULL;
    enum bt_status status = bt_tfl_take(import, 256, 1, &table);
    node->table = table;
    if (status != BT_OK) {
        return status;
    }
    if (function == BT_TFL_LOGISTIC || function == BT_TFL_TANH) {
        status = ref_activation_table_s8(function == BT_TFL_TANH ? REF_ACTIVATION_TANH : REF_ACTIVATION_SIGMOID,
                                         &scales, 0, node->table);
    } else if (function == BT_TFL_HARD_SWISH) {
        status = hard_swish(in, node, node->table);
    } else {
        status = scale_table(from, in, node, node->table);
    }
    return status == BT_OK ? BT_OK
                           : bt_tfl_refuse(import, "node '%s': scales %g and %g: expected nearer ones", from->name,
                                           in->scale, node->scale);
}

/* ---- the quantised graph ---- */

static enum bt_status build_elementwise(struct bt_tfl_import *import, const struct bt_tfl_node *from,
                                        const struct bt_graph *graph, struct bt_graph_node *node)
{
    enum bt_status status = BT_OK;
    if (from->op == BT_OP_ADD) {
        status = bt_graph_quantise_add(graph, node, BT_GRAPH_CLAMP_NONE);
        clamp_range(from->act, node->scale, node->zp, &node->u.add.act_min, &node->u.add.act_max);
    } else if (from->op == BT_OP_MUL) {
        const float in1 = (float)graph->nodes[node->inputs[0]].scale;
        const float in2 = (float)graph->nodes[node->inputs[1]].scale;
        struct factor factor = {0};
        status = bt_graph_quantise_mul(graph, node, BT_GRAPH_CLAMP_NONE);
        if (status == BT_OK) { /* @source TFLite kernels/mul.cc, Prepare: in binary32 */
            status = factor_of(in1 * in2 / (float)node->scale, &factor);
        }
        node->u.mul.mult = factor.mult;
        node->u.mul.shift = factor.shift;
        clamp_range(from->act, node->scale, node->zp, &node->u.mul.act_min, &node->u.mul.act_max);
    } else {
        status = bt_graph_quantise_concat(graph, node);
    }
    return status == BT_OK ? BT_OK
                           : bt_tfl_refuse(import, "node '%s': scales too far apart: expected nearer ones", from->name);
}

static enum bt_status build_softmax(struct bt_tfl_import *import, const struct bt_tfl_node *from,
                                    const struct bt_graph_node *in, struct bt_graph_node *node)
{
    node->u.softmax = (struct ref_softmax_s8){.rows = (int64_t)in->h * in->w, .row_size = in->c};
    return ref_softmax_s8_scale(in->scale, (double)from->u.beta, &node->u.softmax) == BT_OK
               ? BT_OK
               : bt_tfl_refuse(import, "node '%s': beta %g and scale %g: expected a product from 2^-26 to 16",
                               from->name, (double)from->u.beta, in->scale);
}

static enum bt_status build_node(struct bt_tfl_import *import, const struct bt_tfl_node *from,
                                 const struct bt_graph *graph, struct bt_graph_node *node)
{
    const struct bt_graph_node *in = &graph->nodes[node->inputs[0]];
    switch (from->op) {
    case BT_OP_CONV2D:
        return build_conv(import, from, in, node);
    case BT_OP_MAXPOOL:
    case BT_OP_AVGPOOL:
        node->u.pool = from->u.pool;
        clamp_range(from->act, node->scale, node->zp, &node->u.pool.act_min, &node->u.pool.act_max);
        return BT_OK;
    case BT_OP_ADD:
    case BT_OP_MUL:
    case BT_OP_CONCAT:
        return build_elementwise(import, from, graph, node);
    case BT_OP_SOFTMAX:
        return build_softmax(import, from, in, node);
    case BT_OP_TABLE:
        return build_table(import, from, in, node);
    case BT_OP_UPSAMPLE:
        node->u.upsample_scale = from->u.upsample_scale;
        return BT_OK;
    case BT_OP_SLICE:
        node->u.slice_from = from->u.slice_from;
        return BT_OK;
    default:
        return BT_OK; /* the input */
    }
}

enum bt_status bt_tfl_build_s8(struct bt_tfl_import *import, struct bt_graph **graph)
{
    void *memory = NULL;
    struct bt_graph *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return bt_fail(import->err, BT_ENOMEM, "%.47s: no memory for the graph", import->name);
    }
    enum bt_status status = bt_tfl_take(import, import->count, sizeof(*made->nodes), &memory);
    made->nodes = memory;
    (void)snprintf(made->name, sizeof(made->name), "%.47s", import->name);
    (void)snprintf(made->source, sizeof(made->source), "%.40s: TFLite int8 with its own parameters", import->name);
    for (uint32_t i = 0; status == BT_OK && i < import->count; i++) {
        const struct bt_tfl_node *from = &import->nodes[i];
        struct bt_graph_node *node = &made->nodes[made->count++];
        memcpy(node->name, from->name, sizeof(node->name));
        node->op = from->op;
        node->input_count = from->input_count;
        memcpy(node->inputs, from->inputs, sizeof(node->inputs));
        node->h = from->h;
        node->w = from->w;
        node->c = from->c;
        node->zp = from->zp;
        node->scale = from->scale;
        status = build_node(import, from, made, node);
    }
    if (status == BT_OK) {
        status = bt_graph_check(made, import->err);
        status = status == BT_EINVAL || status == BT_EOVERFLOW ? BT_EINPUT : status;
    }
    if (status == BT_OK) {
        *graph = made;
        made = NULL;
    }
    bt_graph_free(made);
    return status;
}

/* ---- the float graph ---- */

static enum bt_status check_float(const struct bt_tfl_import *import, const struct bt_tfl_tensor *tensor, int64_t index,
                                  float value)
{
    return value >= -FLOAT_MOST && value <= FLOAT_MOST
               ? BT_OK
               : bt_tfl_refuse(import, "tensor '%s': value %lld is %g: expected at most %g in magnitude", tensor->name,
                               (long long)index, (double)value, (double)FLOAT_MOST);
}

static enum bt_status build_float_conv(struct bt_tfl_import *import, const struct bt_tfl_node *from,
                                       struct bt_float_node *node)
{
    const struct bt_tfl_tensor *weights = &import->tensors[from->weights];
    const int64_t elems = bt_conv2d_weight_elems(&from->u.conv);
    void *weights_memory = NULL;
    void *bias_memory = NULL;
    node->u.conv = from->u.conv;
    enum bt_status status = bt_tfl_take(import, (uint64_t)elems, sizeof(float), &weights_memory);
    if (status == BT_OK) {
        status = bt_tfl_take(import, (uint64_t)from->u.conv.c_out, sizeof(float), &bias_memory);
    }
    node->weights = weights_memory;
    node->bias = bias_memory;
    for (int64_t i = 0; status == BT_OK && i < elems; i++) {
        node->weights[i] = bt_fb_float_at(weights->data + weight_at(from, i) * (int64_t)sizeof(float));
        status = check_float(import, weights, weight_at(from, i), node->weights[i]);
    }
    for (int32_t c = 0; status == BT_OK && from->bias != BT_TFL_NONE && c < from->u.conv.c_out; c++) {
        const struct bt_tfl_tensor *bias = &import->tensors[from->bias];
        node->bias[c] = bt_fb_float_at(bias->data + c * (int64_t)sizeof(float));
        status = check_float(import, bias, c, node->bias[c]);
    }
    return status;
}

enum bt_status bt_tfl_build_float(struct bt_tfl_import *import, struct bt_float_graph **graph)
{
    char source[96];
    (void)snprintf(source, sizeof(source), "%.40s: TFLite float", import->name);
    struct bt_float_graph *made = bt_float_graph_new(import->name, source, import->count);
    if (made == NULL) {
        return bt_fail(import->err, BT_ENOMEM, "%.47s: no memory for the graph", import->name);
    }
    enum bt_status status = BT_OK;
    for (uint32_t i = 0; status == BT_OK && i < import->count; i++) {
        const struct bt_tfl_node *from = &import->nodes[i];
        struct bt_float_node *node = bt_float_graph_add(made, from->op, from->name, from->inputs[0]);
        node->act = from->act;
        node->input_count = from->input_count;
        memcpy(node->inputs, from->inputs, sizeof(node->inputs));
        node->h = from->h;
        node->w = from->w;
        node->c = from->c;
        if (from->op == BT_OP_CONV2D) {
            status = build_float_conv(import, from, node);
        } else if (from->op == BT_OP_MAXPOOL || from->op == BT_OP_AVGPOOL) {
            node->u.pool = from->u.pool;
        } else if (from->op == BT_OP_UPSAMPLE) {
            node->u.upsample_scale = from->u.upsample_scale;
        } else if (from->op == BT_OP_SLICE) {
            node->u.slice_from = from->u.slice_from;
        }
    }
    if (status == BT_OK) {
        *graph = made;
        made = NULL;
    }
    bt_float_graph_free(made);
    return status;
}
