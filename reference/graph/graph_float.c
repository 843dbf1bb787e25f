#include "reference/graph/graph_float.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference/common/bt_conv2d.h"
#include "reference/graph/float_conv.h"
#include "reference/graph/graph_exact.h"
#include "reference/graph/graph_quantise.h"
#include "reference/ops/activation_table_s8.h"
#include "reference/ops/exact_math.h"
#include "reference/ops/quantise_multiplier.h"

#define LEAKY_SLOPE 0.1f
/* Beyond these the functions are within one output step of their limits: finer steps inside are worth more. */
#define TANH_REACH 4.0
#define SIGMOID_REACH 8.0
/* Biases stay this far from the end of int32, whose rest belongs to the products. */
#define BIAS_LIMIT (1 << 29)

struct bt_float_graph *bt_float_graph_new(const char *name, const char *source, uint32_t capacity)
{
    struct bt_float_graph *graph = calloc(1, sizeof(*graph));
    if (graph == NULL) {
        return NULL;
    }
    graph->nodes = calloc(capacity, sizeof(*graph->nodes));
    if (graph->nodes == NULL) {
        free(graph);
        return NULL;
    }
    (void)snprintf(graph->name, sizeof(graph->name), "%s", name);
    (void)snprintf(graph->source, sizeof(graph->source), "%s", source);
    return graph;
}

struct bt_float_node *bt_float_graph_add(struct bt_float_graph *graph, enum bt_op op, const char *name, uint32_t input)
{
    struct bt_float_node *node = &graph->nodes[graph->count];
    (void)snprintf(node->name, sizeof(node->name), "%s", name);
    node->op = op;
    if (graph->count > 0) {
        const struct bt_float_node *from = &graph->nodes[input];
        node->input_count = 1;
        node->inputs[0] = input;
        node->h = from->h;
        node->w = from->w;
        node->c = from->c;
    }
    graph->count++;
    return node;
}

void bt_float_graph_free(struct bt_float_graph *graph)
{
    if (graph == NULL) {
        return;
    }
    for (uint32_t i = 0; graph->nodes != NULL && i < graph->count; i++) {
        free(graph->nodes[i].weights);
        free(graph->nodes[i].bias);
        free(graph->nodes[i].mean);
    }
    free(graph->nodes);
    free(graph);
}

size_t bt_float_elems(const struct bt_float_node *node)
{
    return (size_t)node->h * (size_t)node->w * (size_t)node->c;
}

void bt_float_outputs_free(const struct bt_float_graph *graph, float **outputs)
{
    if (outputs == NULL) {
        return;
    }
    for (uint32_t i = 0; i < graph->count; i++) {
        free(outputs[i]);
    }
    free(outputs);
}

enum bt_status bt_float_outputs_new(const struct bt_float_graph *graph, float ***outputs)
{
    float **list = calloc(graph->count, sizeof(*list));
    if (list == NULL) {
        return BT_ENOMEM;
    }
    for (uint32_t i = 0; i < graph->count; i++) {
        list[i] = calloc(bt_float_elems(&graph->nodes[i]), sizeof(float));
        if (list[i] == NULL) {
            bt_float_outputs_free(graph, list);
            return BT_ENOMEM;
        }
    }
    *outputs = list;
    return BT_OK;
}

/* ---- operators ---- */

/* One pixel of all channels, side by side: each keeps the order of its window. */
static void take_most(float *restrict most, const float *restrict in, int32_t channels)
{
    for (int32_t c = 0; c < channels; c++) {
        most[c] = in[c] > most[c] ? in[c] : most[c];
    }
}

static void add_each(float *restrict sums, const float *restrict in, int32_t channels)
{
    for (int32_t c = 0; c < channels; c++) {
        sums[c] += in[c];
    }
}

static void run_pool(const struct bt_float_node *node, const float *in, float *out)
{
    const struct ref_pool2d *pool = &node->u.pool;
    const bool most = node->op == BT_OP_MAXPOOL;
    for (int32_t oy = 0; oy < node->h; oy++) {
        for (int32_t ox = 0; ox < node->w; ox++, out += node->c) {
            const struct ref_window window = ref_pool2d_window(pool, oy, ox);
            const float elems = (float)((window.y1 - window.y0) * (window.x1 - window.x0));
            for (int32_t c = 0; c < node->c; c++) {
                out[c] = most ? -FLT_MAX : 0;
            }
            for (int32_t y = window.y0; y < window.y1; y++) {
                for (int32_t x = window.x0; x < window.x1; x++) {
                    (most ? take_most : add_each)(out, in + ((int64_t)y * pool->w + x) * pool->c, node->c);
                }
            }
            for (int32_t c = 0; !most && c < node->c; c++) {
                out[c] /= elems;
            }
        }
    }
}

static void run_softmax(const struct bt_float_node *node, const float *in, float *out)
{
    const int64_t rows = (int64_t)node->h * node->w;
    for (int64_t row = 0; row < rows; row++, in += node->c, out += node->c) {
        float most = in[0];
        for (int32_t c = 1; c < node->c; c++) {
            most = in[c] > most ? in[c] : most;
        }
        double sum = 0;
        for (int32_t c = 0; c < node->c; c++) {
            sum += ref_exp((double)in[c] - most);
        }
        for (int32_t c = 0; c < node->c; c++) {
            out[c] = (float)(ref_exp((double)in[c] - most) / sum);
        }
    }
}

static void run_concat(const struct bt_float_graph *graph, const struct bt_float_node *node, float *const *outputs,
                       float *out)
{
    const int64_t pixels = (int64_t)node->h * node->w;
    for (int64_t i = 0; i < pixels; i++) {
        for (uint32_t k = 0; k < node->input_count; k++) {
            const int32_t c = graph->nodes[node->inputs[k]].c;
            memcpy(out, outputs[node->inputs[k]] + i * c, (size_t)c * sizeof(float));
            out += c;
        }
    }
}

/* Upsampling and slicing: where each element comes from. */
static void run_move(const struct bt_float_node *node, const struct bt_float_node *from, const float *in, float *out)
{
    const int32_t factor = node->op == BT_OP_UPSAMPLE ? node->u.upsample_scale : 1;
    const int32_t first = node->op == BT_OP_SLICE ? node->u.slice_from : 0;
    for (int32_t y = 0; y < node->h; y++) {
        for (int32_t x = 0; x < node->w; x++) {
            const float *pixel = in + ((int64_t)(y / factor) * from->w + x / factor) * from->c + first;
            memcpy(out, pixel, (size_t)node->c * sizeof(float));
            out += node->c;
        }
    }
}

static float slope_of(const struct bt_float_node *node)
{
    return node->slope != 0 ? node->slope : LEAKY_SLOPE;
}

static float curve(enum bt_act act, float x)
{
    switch (act) {
    case BT_ACT_SILU:
        return (float)(x * ref_sigmoid(x));
    case BT_ACT_SIGMOID:
        return (float)ref_sigmoid(x);
    case BT_ACT_TANH:
        return (float)ref_tanh(x);
    case BT_ACT_HARD_SWISH:
        return x * (x < -3 ? 0 : x > 3 ? 6 : x + 3) / 6;
    default:
        return x;
    }
}

/* What is cheap has a loop of its own, which compilers make vectors of. */
static void activate(const struct bt_float_node *node, float *x, size_t elems)
{
    const float slope = slope_of(node);
    switch (node->act) {
    case BT_ACT_NONE:
        return;
    case BT_ACT_RELU:
        for (size_t i = 0; i < elems; i++) {
            x[i] = x[i] > 0 ? x[i] : 0;
        }
        return;
    case BT_ACT_RELU6:
        for (size_t i = 0; i < elems; i++) {
            const float positive = x[i] > 0 ? x[i] : 0;
            x[i] = positive > 6 ? 6 : positive;
        }
        return;
    case BT_ACT_LEAKY:
        for (size_t i = 0; i < elems; i++) {
            const float small = x[i] * slope;
            x[i] = x[i] < 0 ? small : x[i];
        }
        return;
    default:
        for (size_t i = 0; i < elems; i++) {
            x[i] = curve(node->act, x[i]);
        }
        return;
    }
}

/* ---- the network ---- */

static enum bt_status refuse(const char *graph, const char *node, enum bt_status status, const char *what,
                             struct bt_error *err)
{
    return bt_fail(err, status, "%.47s: node '%.47s': %s", graph, node, what);
}

struct bt_float_runner {
    const struct bt_float_graph *graph;
    struct bt_float_conv **convs; /* by node */
};

static enum bt_status prepare_conv(const struct bt_float_graph *graph, const struct bt_float_node *node,
                                   struct bt_float_conv **conv, struct bt_error *err)
{
    if (bt_conv2d_check(&node->u.conv, NULL) != BT_OK || node->weights == NULL || node->bias == NULL ||
        bt_conv2d_oh(&node->u.conv) != node->h || bt_conv2d_ow(&node->u.conv) != node->w ||
        bt_conv2d_ifmap_elems(&node->u.conv) != (int64_t)bt_float_elems(&graph->nodes[node->inputs[0]])) {
        return refuse(graph->name, node->name, BT_EINVAL, "impossible convolution", err);
    }
    const enum bt_status status = bt_float_conv_new(&node->u.conv, node->weights, node->bias, ref_isa_best(), conv);
    return status == BT_OK ? BT_OK : refuse(graph->name, node->name, status, "cannot be prepared", err);
}

enum bt_status bt_float_runner_new(const struct bt_float_graph *graph, struct bt_float_runner **runner,
                                   struct bt_error *err)
{
    enum bt_status status = BT_OK;
    struct bt_float_runner *made = calloc(1, sizeof(*made));
    if (made != NULL) {
        made->graph = graph;
        made->convs = calloc(graph->count, sizeof(struct bt_float_conv *));
    }
    if (made == NULL || made->convs == NULL) {
        bt_float_runner_free(made);
        (void)bt_fail(err, BT_ENOMEM, "%.47s: no memory to prepare it", graph->name);
        return BT_ENOMEM;
    }
    for (uint32_t i = 1; status == BT_OK && i < graph->count; i++) {
        if (graph->nodes[i].op == BT_OP_CONV2D) {
            status = prepare_conv(graph, &graph->nodes[i], &made->convs[i], err);
        }
    }
    if (status != BT_OK) {
        bt_float_runner_free(made);
        return status;
    }
    *runner = made;
    return BT_OK;
}

void bt_float_runner_free(struct bt_float_runner *runner)
{
    if (runner == NULL) {
        return;
    }
    for (uint32_t i = 0; runner->convs != NULL && i < runner->graph->count; i++) {
        bt_float_conv_free(runner->convs[i]);
    }
    free(runner->convs);
    free(runner);
}

static enum bt_status run_node(const struct bt_float_runner *runner, const struct bt_float_node *node,
                               float *const *outputs, float *out, struct bt_error *err)
{
    const struct bt_float_graph *graph = runner->graph;
    const struct bt_float_node *from = &graph->nodes[node->inputs[0]];
    const float *in = outputs[node->inputs[0]];
    const size_t elems = bt_float_elems(node);
    switch (node->op) {
    case BT_OP_CONV2D:
        bt_float_conv_run(runner->convs[node - graph->nodes], in, out);
        return BT_OK;
    case BT_OP_MAXPOOL:
    case BT_OP_AVGPOOL:
        run_pool(node, in, out);
        return BT_OK;
    case BT_OP_ADD:
    case BT_OP_MUL: {
        const float *in2 = outputs[node->inputs[1]];
        for (size_t i = 0; i < elems; i++) {
            out[i] = node->op == BT_OP_ADD ? in[i] + in2[i] : in[i] * in2[i];
        }
        return BT_OK;
    }
    case BT_OP_CONCAT:
        run_concat(graph, node, outputs, out);
        return BT_OK;
    case BT_OP_UPSAMPLE:
    case BT_OP_SLICE:
        run_move(node, from, in, out);
        return BT_OK;
    case BT_OP_SOFTMAX:
        run_softmax(node, in, out);
        return BT_OK;
    case BT_OP_TABLE: /* the activation follows */
        memcpy(out, in, elems * sizeof(float));
        return BT_OK;
    default:
        return refuse(graph->name, node->name, BT_EINVAL, "no operator of a float graph", err);
    }
}

enum bt_status bt_float_runner_run(const struct bt_float_runner *runner, const struct bt_float_observer *observer,
                                   const float *input, float *const *outputs, struct bt_error *err)
{
    const struct bt_float_graph *graph = runner->graph;
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct bt_float_node *node = &graph->nodes[i];
        const size_t elems = bt_float_elems(node);
        if (i == 0) {
            memcpy(outputs[0], input, elems * sizeof(float));
        } else {
            const enum bt_status status = run_node(runner, node, outputs, outputs[i], err);
            if (status != BT_OK) {
                return status;
            }
        }
        if (observer != NULL) {
            observer->see(observer->context, i, true, outputs[i], elems);
        }
        activate(node, outputs[i], elems);
        if (observer != NULL) {
            observer->see(observer->context, i, false, outputs[i], elems);
        }
    }
    return BT_OK;
}

enum bt_status bt_float_run(const struct bt_float_graph *graph, const float *input, float *const *outputs,
                            struct bt_error *err)
{
    struct bt_float_runner *runner = NULL;
    enum bt_status status = bt_float_runner_new(graph, &runner, err);
    if (status == BT_OK) {
        status = bt_float_runner_run(runner, NULL, input, outputs, err);
    }
    bt_float_runner_free(runner);
    return status;
}

/* ---- quantisation ---- */

static double clip(double x, double reach)
{
    return x < -reach ? -reach : x > reach ? reach : x;
}

/* The table behind values of that scale and zero point, and the format of what it puts out. */
static enum bt_status fill_table(const struct bt_float_node *from, double in_scale, int32_t in_zp,
                                 struct bt_graph_node *node)
{
    static const enum ref_activation functions[BT_ACT_COUNT] = {
        [BT_ACT_NONE] = REF_ACTIVATION_LEAKY_RELU,  /* of slope 1 */
        [BT_ACT_RELU] = REF_ACTIVATION_LEAKY_RELU,  /* of slope 0 */
        [BT_ACT_RELU6] = REF_ACTIVATION_LEAKY_RELU, /* the same: its range ends at 6 */
        [BT_ACT_SILU] = REF_ACTIVATION_SILU,
        [BT_ACT_LEAKY] = REF_ACTIVATION_LEAKY_RELU,
        [BT_ACT_SIGMOID] = REF_ACTIVATION_SIGMOID,
        [BT_ACT_TANH] = REF_ACTIVATION_TANH,
        [BT_ACT_HARD_SWISH] = REF_ACTIVATION_HARD_SWISH,
    };
    const double slope = from->act == BT_ACT_NONE ? 1 : from->act == BT_ACT_LEAKY ? (double)slope_of(from) : 0;
    if (from->act == BT_ACT_TANH) {
        node->scale = 1.0 / 128;
        node->zp = 0;
    } else if (from->act == BT_ACT_SIGMOID) {
        node->scale = 1.0 / 256;
        node->zp = -128;
    } else {
        bt_graph_range(from->low, from->high, &node->scale, &node->zp);
    }
    node->table = malloc(256);
    if (node->table == NULL) {
        return BT_ENOMEM;
    }
    const struct ref_activation_scales scales = {
        .in_scale = in_scale,
        .out_scale = node->scale,
        .in_zp = in_zp,
        .out_zp = node->zp,
    };
    return ref_activation_table_s8(functions[from->act], &scales, slope, node->table);
}

/* Format in front of a convolution's table, and the table. */
static enum bt_status quantise_table(const struct bt_float_node *from, struct bt_graph_node *node, double *pre_scale)
{
    const double reach = from->act == BT_ACT_TANH ? TANH_REACH : from->act == BT_ACT_SIGMOID ? SIGMOID_REACH : HUGE_VAL;
    struct bt_conv2d *conv = &node->u.conv;
    bt_graph_range(clip(from->pre_low, reach), clip(from->pre_high, reach), pre_scale, &conv->out_zp);
    conv->table = true;
    return fill_table(from, *pre_scale, conv->out_zp, node);
}

/* Mean over the calibration inputs of what one rounded weight adds to a sum too much; of padding nothing is known. */
static double mean_error(const struct bt_float_node *from, const struct bt_float_node *in, int32_t oc, int64_t i,
                         double rounded)
{
    const struct bt_conv2d *conv = &from->u.conv;
    const int64_t depth = conv->c_in / conv->groups;
    const int64_t channel = oc / (conv->c_out / conv->groups) * depth + i % depth;
    const int64_t elems = bt_conv2d_weight_elems(conv) / conv->c_out;
    return (rounded - (double)from->weights[oc * elems + i]) * in->mean[channel % in->c]; /* flattened: the channel */
}

static enum bt_status quantise_filter(const struct bt_float_node *from, const struct bt_float_node *in, double in_scale,
                                      double pre_scale, int32_t oc, struct bt_graph_node *node)
{
    const int64_t elems = bt_conv2d_weight_elems(&from->u.conv) / from->u.conv.c_out;
    const float *weights = from->weights + oc * elems;
    double bias = from->bias[oc];
    double largest = 0;
    for (int64_t i = 0; i < elems; i++) {
        const double magnitude = fabs((double)weights[i]);
        largest = magnitude > largest ? magnitude : largest;
    }
    /* A filter of zeros has no scale of its own: its bias is put out as it is. */
    double scale = largest > 0 ? largest / 127 : pre_scale / in_scale;
    const double least = fabs(bias) / BIAS_LIMIT / in_scale;
    scale = scale < least ? least : scale;
    for (int64_t i = 0; i < elems; i++) {
        const double q = round(weights[i] / scale);
        node->weights[oc * elems + i] = (int8_t)(q < -127 ? -127 : q > 127 ? 127 : q);
    }
    for (int64_t i = 0; in->mean != NULL && i < elems; i++) {
        bias -= mean_error(from, in, oc, i, node->weights[oc * elems + i] * scale);
    }
    node->bias[oc] = (int32_t)round(bias / (in_scale * scale));
    return ref_quantise_multiplier(in_scale * scale / pre_scale, &node->mult[oc], &node->shift[oc]);
}

static enum bt_graph_clamp clamp_of(enum bt_act act)
{
    return act == BT_ACT_RELU ? BT_GRAPH_CLAMP_RELU : act == BT_ACT_RELU6 ? BT_GRAPH_CLAMP_RELU6 : BT_GRAPH_CLAMP_NONE;
}

static enum bt_status quantise_conv(const struct bt_float_node *from, const struct bt_float_node *from_in,
                                    const struct bt_graph_node *in, struct bt_graph_node *node)
{
    struct bt_conv2d conv = from->u.conv;
    conv.in_zp = in->zp;
    conv.out_zp = 0;
    conv.act_min = -128;
    conv.act_max = 127;
    conv.rounding = BT_ROUND_DOUBLE;
    conv.table = false;
    conv.raw = false;
    node->u.conv = conv;
    const size_t channels = (size_t)conv.c_out;
    node->weights = malloc((size_t)bt_conv2d_weight_elems(&conv));
    node->bias = malloc(channels * sizeof(int32_t));
    node->mult = malloc(channels * sizeof(int32_t));
    node->shift = malloc(channels * sizeof(int32_t));
    if (node->weights == NULL || node->bias == NULL || node->mult == NULL || node->shift == NULL) {
        return BT_ENOMEM;
    }
    double pre_scale = 0;
    enum bt_status status = BT_OK;
    if (bt_act_is_table(from->act)) {
        status = quantise_table(from, node, &pre_scale);
    } else {
        bt_graph_range(from->low, from->high, &node->scale, &node->zp);
        bt_graph_clamp_range(clamp_of(from->act), node->scale, node->zp, &node->u.conv.act_min, &node->u.conv.act_max);
        node->u.conv.out_zp = node->zp;
        pre_scale = node->scale;
    }
    for (int32_t oc = 0; status == BT_OK && oc < conv.c_out; oc++) {
        status = quantise_filter(from, from_in, in->scale, pre_scale, oc, node);
    }
    return status;
}

/* The mean of a whole plane, and less than half of the plane's range is enough for it. */
static bool is_narrow_mean(const struct bt_float_node *from, const struct bt_float_node *in)
{
    const struct ref_pool2d *pool = &from->u.pool;
    return pool->kh == in->h && pool->kw == in->w && pool->h == in->h && pool->w == in->w && from->h == 1 &&
           from->w == 1 && (from->high - from->low) * 2 <= in->high - in->low;
}

/*
 * Average pooling puts out its input's format, too coarse for a mean that spans a part of it: five classes of SqueezeNet would
 * share one score. A depthwise convolution whose weights are all 127 takes the same mean and has a format of its own, as
 * TFLite's MEAN has.
 */
static enum bt_status quantise_mean(const struct bt_float_node *from, const struct bt_graph_node *in,
                                    struct bt_graph_node *node)
{
    struct bt_conv2d conv = bt_conv2d_1x1(in->h, in->w, in->c, in->c);
    conv.kh = in->h;
    conv.kw = in->w;
    conv.groups = in->c;
    conv.in_zp = in->zp;
    const size_t channels = (size_t)in->c;
    const int64_t weights = bt_conv2d_weight_elems(&conv);
    bt_graph_range(from->low, from->high, &node->scale, &node->zp);
    conv.out_zp = node->zp;
    node->op = BT_OP_CONV2D;
    node->u.conv = conv;
    node->weights = malloc((size_t)weights);
    node->mult = malloc(channels * sizeof(int32_t));
    node->shift = malloc(channels * sizeof(int32_t));
    node->bias = calloc(channels, sizeof(int32_t));
    if (node->weights == NULL || node->mult == NULL || node->shift == NULL || node->bias == NULL) {
        return BT_ENOMEM;
    }
    memset(node->weights, 127, (size_t)weights);
    enum bt_status status = BT_OK;
    for (size_t c = 0; status == BT_OK && c < channels; c++) {
        const double share = (double)weights / (double)channels;
        status = ref_quantise_multiplier(in->scale / (127 * share * node->scale), &node->mult[c], &node->shift[c]);
    }
    return status;
}

static enum bt_status quantise_node(const struct bt_float_graph *real, const struct bt_float_node *from,
                                    const struct bt_graph *graph, struct bt_graph_node *node)
{
    const struct bt_graph_node *in = &graph->nodes[node->inputs[0]];
    const bool elementwise = from->op == BT_OP_ADD || from->op == BT_OP_MUL;
    if (from->op != BT_OP_CONV2D && from->op != BT_OP_TABLE && from->act != BT_ACT_NONE &&
        (bt_act_is_table(from->act) || !elementwise)) {
        return BT_EINVAL;
    }
    if (elementwise || from->op == BT_OP_CONCAT || from->op == BT_OP_INPUT) {
        bt_graph_range(from->low, from->high, &node->scale, &node->zp);
    } else {
        node->scale = in->scale;
        node->zp = in->zp;
    }
    switch (from->op) {
    case BT_OP_CONV2D:
        return quantise_conv(from, &real->nodes[from->inputs[0]], in, node);
    case BT_OP_MAXPOOL:
    case BT_OP_AVGPOOL:
        if (from->op == BT_OP_AVGPOOL && is_narrow_mean(from, &real->nodes[from->inputs[0]])) {
            return quantise_mean(from, in, node);
        }
        node->u.pool = from->u.pool;
        node->u.pool.act_min = -128;
        node->u.pool.act_max = 127;
        return BT_OK;
    case BT_OP_ADD:
        return bt_graph_quantise_add(graph, node, clamp_of(from->act));
    case BT_OP_MUL:
        return bt_graph_quantise_mul(graph, node, clamp_of(from->act));
    case BT_OP_CONCAT:
        return bt_graph_quantise_concat(graph, node);
    case BT_OP_SOFTMAX:
        return bt_graph_quantise_softmax(graph, node);
    case BT_OP_UPSAMPLE:
        node->u.upsample_scale = from->u.upsample_scale;
        return BT_OK;
    case BT_OP_SLICE:
        node->u.slice_from = from->u.slice_from;
        return BT_OK;
    case BT_OP_TABLE:
        return fill_table(from, in->scale, in->zp, node);
    default:
        return from->op == BT_OP_INPUT ? BT_OK : BT_EINVAL;
    }
}

enum bt_status bt_float_quantise(const struct bt_float_graph *graph, struct bt_graph **quantised, struct bt_error *err)
{
    if (graph == NULL || graph->count < 1) {
        return bt_fail(err, BT_EINVAL, "float graph without nodes: expected at least an input");
    }
    enum bt_status status = BT_OK;
    struct bt_graph *made = calloc(1, sizeof(*made));
    if (made != NULL) {
        made->nodes = calloc(graph->count, sizeof(*made->nodes));
    }
    if (made == NULL || made->nodes == NULL) {
        status = bt_fail(err, BT_ENOMEM, "%.47s: no memory for the quantised graph", graph->name);
        goto cleanup;
    }
    (void)snprintf(made->name, sizeof(made->name), "%s", graph->name);
    (void)snprintf(made->source, sizeof(made->source), "%s", graph->source);
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct bt_float_node *from = &graph->nodes[i];
        struct bt_graph_node *node = &made->nodes[made->count++];
        memcpy(node->name, from->name, sizeof(node->name));
        node->op = from->op;
        node->input_count = from->input_count;
        memcpy(node->inputs, from->inputs, sizeof(node->inputs));
        node->h = from->h;
        node->w = from->w;
        node->c = from->c;
        status = quantise_node(graph, from, made, node);
        if (status != BT_OK) {
            status = refuse(graph->name, from->name, status, "cannot be quantised", err);
            goto cleanup;
        }
    }
    status = bt_graph_check(made, err);
    if (status == BT_OK) {
        *quantised = made;
        made = NULL;
    }

cleanup:
    bt_graph_free(made);
    return status;
}
