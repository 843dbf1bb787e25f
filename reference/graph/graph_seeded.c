#include "reference/graph/graph_seeded.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "harness/data.h"
#include "harness/layer_pool.h"
#include "reference/common/bt_conv2d.h"
#include "reference/graph/graph_exact.h"
#include "reference/graph/graph_quantise.h"
#include "reference/ops/activation_table_s8.h"
#include "reference/ops/conv2d_s8.h"
#include "reference/ops/conv2d_s8_fast.h"
#include "reference/ops/quantise_multiplier.h"

/* Standard deviation that outputs should have, in output steps; behind a ReLU only the upper half is used. */
#define OUTPUT_SIGMA 40
#define RELU_SIGMA 64
/* Channels with fewer pixels than this have no spread of their own to speak of: the layer's is taken. */
#define PIXELS_FOR_SPREAD 16
/* A channel far narrower than its layer is not blown up to the full range, where its steps would be coarse. */
#define NARROWEST_SHARE (1.0 / 8)
/* Values further from the mean than this many standard deviations are left to the clamp. */
#define RANGE_SIGMAS 3
#define FAST_FROM_MACS 1000000
#define LEAKY_SLOPE 0.1

/* A graph in the making. */
struct build {
    const struct bt_network *network;
    uint64_t seed;
    struct bt_pruning pruning;
    struct bt_graph *graph;
    uint32_t at[BT_MAX_NODES]; /* network's node -> graph's node */
    int8_t **outputs;          /* of the graph's nodes */
    struct bt_error *err;
};

/* Seeded bytes that belong to one node and purpose. */
static uint64_t key_of(const char *network, uint64_t seed, const char *node, const char *purpose)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(seed >> (8 * i));
    }
    uint64_t hash = XXH3_64bits(bytes, sizeof(bytes));
    hash = XXH3_64bits_withSeed(network, strlen(network), hash);
    hash = XXH3_64bits_withSeed(node, strlen(node), hash);
    return XXH3_64bits_withSeed(purpose, strlen(purpose), hash);
}

static enum bt_status no_memory(struct build *build)
{
    return bt_fail(build->err, BT_ENOMEM, "%.47s: no memory for the graph", build->network->name);
}

static enum bt_status refuse(struct build *build, const struct bt_graph_node *node, enum bt_status status)
{
    return bt_fail(build->err, status, "%.47s: node '%.47s': parameters cannot be expressed", build->network->name,
                   node->name);
}

/* Nominal scale of a convolution's output: near 1/16, each its own, so that what joins two of them has to requantise. */
static double nominal_scale(const struct build *build, const char *node)
{
    int8_t byte = 0;
    bt_data_fill(key_of(build->network->name, build->seed, node, "scale"), true, &byte, 1);
    return (512 + byte) / (512.0 * 16);
}

/* Scales that bt_data_make() gives to what its tables put out. */
static double table_scale(enum bt_act act)
{
    return act == BT_ACT_SIGMOID ? 1.0 / 256 : act == BT_ACT_TANH ? 1.0 / 128 : 1.0 / 32;
}

/* ---- convolutions ---- */

struct spread {
    double mean, sigma;
};

/* Spread of `count` sums, `step` apart. */
static struct spread spread_of(const int32_t *sums, int64_t count, int64_t step)
{
    int64_t total = 0;
    for (int64_t i = 0; i < count; i++) {
        total += sums[i * step];
    }
    const int64_t whole = total / count;
    const double mean = (double)whole;
    double squares = 0;
    for (int64_t i = 0; i < count; i++) {
        const double off = sums[i * step] - mean;
        squares += off * off;
    }
    return (struct spread){.mean = mean, .sigma = sqrt(squares / (double)count)};
}

static enum bt_status raw_sums(const struct bt_graph_node *node, const int8_t *ifmap, int32_t *sums)
{
    struct bt_conv2d conv = node->u.conv;
    conv.raw = true;
    conv.table = false;
    const struct bt_layer_data data = {.ifmap = ifmap, .weights = node->weights};
    if (bt_conv2d_macs(&conv) > FAST_FROM_MACS) {
        const enum bt_status status = ref_conv2d_s8_fast(&conv, &data, sums);
        if (status != BT_EUNSUPPORTED && status != BT_ENOMEM) {
            return status;
        }
    }
    return ref_conv2d_s8(&conv, &data, sums);
}

/* Bias and multiplier of every channel from the sums that the seeded input gives rise to. */
static enum bt_status fit_channels(struct build *build, enum bt_act act, struct bt_graph_node *node,
                                   const int32_t *sums)
{
    const int32_t c_out = node->u.conv.c_out;
    const int64_t pixels = (int64_t)node->h * node->w;
    const bool per_channel = pixels >= PIXELS_FOR_SPREAD;
    const double target = act == BT_ACT_RELU ? RELU_SIGMA : OUTPUT_SIGMA;
    int8_t *jitter = malloc(2 * (size_t)c_out);
    if (jitter == NULL) {
        return no_memory(build);
    }
    bt_data_fill(key_of(build->network->name, build->seed, node->name, "channels"), true, jitter, 2 * (size_t)c_out);

    double widest = 0;
    for (int32_t oc = 0; per_channel && oc < c_out; oc++) {
        const double sigma = spread_of(sums + oc, pixels, c_out).sigma;
        widest = sigma > widest ? sigma : widest;
    }
    const struct spread layer = spread_of(sums, pixels * c_out, 1);
    enum bt_status status = BT_OK;
    for (int32_t oc = 0; status == BT_OK && oc < c_out; oc++) {
        struct spread spread = per_channel ? spread_of(sums + oc, pixels, c_out) : layer;
        spread.sigma = per_channel && spread.sigma < widest * NARROWEST_SHARE ? widest * NARROWEST_SHARE : spread.sigma;
        spread.sigma = spread.sigma < 1 ? 1 : spread.sigma;
        node->bias[oc] = (int32_t)(round(spread.sigma * jitter[2 * (size_t)oc] / 256) - spread.mean);
        const double wanted = target * (1 + jitter[2 * (size_t)oc + 1] / 512.0);
        status = ref_quantise_multiplier(wanted / spread.sigma, &node->mult[oc], &node->shift[oc]);
    }
    free(jitter);
    return status == BT_OK ? BT_OK : refuse(build, node, status);
}

static enum bt_status add_conv(struct build *build, const struct bt_node *from, struct bt_graph_node *node)
{
    const struct bt_graph_node *in = &build->graph->nodes[node->inputs[0]];
    const int8_t *ifmap = build->outputs[node->inputs[0]];
    char own[2 * BT_MAX_NAME + 2]; /* two layers of one geometry shall not have the same weights */
    (void)snprintf(own, sizeof(own), "%.47s/%.47s", build->network->name, from->name);
    const struct bt_data_key key = {
        .seed = build->seed, .network = own, .pattern = BT_PATTERN_UNIFORM, .pruning = build->pruning};
    struct bt_tensors tensors = {0};
    int32_t *sums = NULL;

    struct bt_conv2d conv = from->conv;
    bt_data_adapt(&key, from->act, &conv);
    conv.in_zp = in->zp;
    node->op = BT_OP_CONV2D;
    node->u.conv = conv;
    node->zp = bt_data_out_zp(from->act, &conv);
    node->scale = conv.table ? table_scale(from->act) : nominal_scale(build, from->name);

    const size_t weight_bytes = (size_t)bt_conv2d_weight_elems(&conv);
    const size_t channel_bytes = (size_t)conv.c_out * sizeof(int32_t);
    enum bt_status status = bt_data_make(&key, from->act, &conv, ifmap, &tensors);
    if (status != BT_OK) {
        return no_memory(build);
    }
    node->weights = malloc(weight_bytes);
    node->bias = malloc(channel_bytes);
    node->mult = malloc(channel_bytes);
    node->shift = malloc(channel_bytes);
    node->table = conv.table ? malloc(256) : NULL;
    sums = malloc((size_t)bt_conv2d_ofmap_elems(&conv) * sizeof(int32_t));
    if (node->weights == NULL || node->bias == NULL || node->mult == NULL || node->shift == NULL || sums == NULL ||
        (conv.table && node->table == NULL)) {
        status = no_memory(build);
        goto cleanup;
    }
    memcpy(node->weights, tensors.view.weights, weight_bytes);
    if (conv.table) {
        memcpy(node->table, tensors.view.table, 256);
    }
    status = raw_sums(node, ifmap, sums);
    if (status != BT_OK) {
        status = refuse(build, node, status);
        goto cleanup;
    }
    status = fit_channels(build, from->act, node, sums);

cleanup:
    free(sums);
    bt_data_free(&tensors);
    return status;
}

/* ---- the other operators ---- */

static void add_pool(const struct bt_node *from, const struct bt_graph_node *in, struct bt_graph_node *node)
{
    const bool global = from->op == BT_NODE_GLOBAL_AVGPOOL;
    const struct bt_window whole = {.kh = in->h, .kw = in->w, .stride_h = 1, .stride_w = 1};
    const struct bt_window *window = global ? &whole : &from->window;
    node->op = from->op == BT_NODE_MAXPOOL ? BT_OP_MAXPOOL : BT_OP_AVGPOOL;
    node->u.pool = bt_window_pool2d(window, in->h, in->w, in->c);
}

/* Real value of one element of an earlier node. */
static double real(const struct build *build, uint32_t node, size_t i)
{
    const struct bt_graph_node *from = &build->graph->nodes[node];
    return from->scale * (build->outputs[node][i] - from->zp);
}

/* Format of a sum or product from the spread of its real values. */
static void fit_elementwise(const struct build *build, struct bt_graph_node *node, bool clamped)
{
    const size_t elems = bt_graph_bytes(node);
    double mean = 0;
    double squares = 0;
    for (size_t i = 0; i < elems; i++) {
        const double x1 = real(build, node->inputs[0], i);
        const double x2 = real(build, node->inputs[1], i);
        const double y = node->op == BT_OP_ADD ? x1 + x2 : x1 * x2;
        mean += y;
        squares += y * y;
    }
    mean /= (double)elems;
    const double variance = squares / (double)elems - mean * mean;
    const double reach = RANGE_SIGMAS * sqrt(variance > 0 ? variance : 0);
    bt_graph_range(clamped ? 0 : mean - reach, mean + reach, &node->scale, &node->zp);
}

static enum bt_status add_elementwise(struct build *build, const struct bt_node *from, struct bt_graph_node *node)
{
    const enum bt_graph_clamp clamp = from->act == BT_ACT_RELU    ? BT_GRAPH_CLAMP_RELU
                                      : from->act == BT_ACT_RELU6 ? BT_GRAPH_CLAMP_RELU6
                                                                  : BT_GRAPH_CLAMP_NONE;
    node->op = from->op == BT_NODE_ADD ? BT_OP_ADD : BT_OP_MUL;
    fit_elementwise(build, node, clamp != BT_GRAPH_CLAMP_NONE);
    const enum bt_status status = node->op == BT_OP_ADD ? bt_graph_quantise_add(build->graph, node, clamp)
                                                        : bt_graph_quantise_mul(build->graph, node, clamp);
    return status == BT_OK ? BT_OK : refuse(build, node, status);
}

static enum bt_status add_concat(struct build *build, struct bt_graph_node *node)
{
    double low = 0;
    double high = 0;
    for (uint32_t k = 0; k < node->input_count; k++) {
        const size_t elems = bt_graph_bytes(&build->graph->nodes[node->inputs[k]]);
        for (size_t i = 0; i < elems; i++) {
            const double x = real(build, node->inputs[k], i);
            low = x < low ? x : low;
            high = x > high ? x : high;
        }
    }
    node->op = BT_OP_CONCAT;
    bt_graph_range(low, high, &node->scale, &node->zp);
    const enum bt_status status = bt_graph_quantise_concat(build->graph, node);
    return status == BT_OK ? BT_OK : refuse(build, node, status);
}

static enum bt_status add_softmax(struct build *build, struct bt_graph_node *node)
{
    node->op = BT_OP_SOFTMAX;
    const enum bt_status status = bt_graph_quantise_softmax(build->graph, node);
    return status == BT_OK ? BT_OK : refuse(build, node, status);
}

/* An activation behind anything but a convolution: a table, clamps included. */
static enum bt_status add_table(struct build *build, enum bt_act act, struct bt_graph_node *node)
{
    static const enum ref_activation functions[BT_ACT_COUNT] = {
        [BT_ACT_SILU] = REF_ACTIVATION_SILU,
        [BT_ACT_LEAKY] = REF_ACTIVATION_LEAKY_RELU,
        [BT_ACT_SIGMOID] = REF_ACTIVATION_SIGMOID,
        [BT_ACT_TANH] = REF_ACTIVATION_TANH,
        [BT_ACT_HARD_SWISH] = REF_ACTIVATION_HARD_SWISH,
    };
    const struct bt_graph_node *in = &build->graph->nodes[node->inputs[0]];
    node->op = BT_OP_TABLE;
    node->table = malloc(256);
    if (node->table == NULL) {
        return no_memory(build);
    }
    if (!bt_act_is_table(act)) {
        int32_t act_min = 0;
        int32_t act_max = 0;
        bt_graph_clamp_range(act == BT_ACT_RELU6 ? BT_GRAPH_CLAMP_RELU6 : BT_GRAPH_CLAMP_RELU, in->scale, in->zp,
                             &act_min, &act_max);
        for (int32_t q = -128; q < 128; q++) {
            node->table[q + 128] = (int8_t)(q < act_min ? act_min : q > act_max ? act_max : q);
        }
        return BT_OK;
    }
    if (act == BT_ACT_SIGMOID || act == BT_ACT_TANH) {
        node->scale = act == BT_ACT_SIGMOID ? 1.0 / 256 : 1.0 / 128;
        node->zp = act == BT_ACT_SIGMOID ? -128 : 0;
    } else {
        /* The least value of SiLU is -0.28, that of hard swish -0.375. */
        const double low = act == BT_ACT_LEAKY ? LEAKY_SLOPE * in->scale * (-128 - in->zp) : -0.375;
        bt_graph_range(low, in->scale * (127 - in->zp), &node->scale, &node->zp);
    }
    const struct ref_activation_scales scales = {
        .in_scale = in->scale,
        .out_scale = node->scale,
        .in_zp = in->zp,
        .out_zp = node->zp,
    };
    const enum bt_status status = ref_activation_table_s8(functions[act], &scales, LEAKY_SLOPE, node->table);
    return status == BT_OK ? BT_OK : refuse(build, node, status);
}

/* ---- the graph ---- */

/* Clamps that the operator does itself. */
static bool fused(const struct bt_node *from)
{
    const bool elementwise = from->op == BT_NODE_ADD || from->op == BT_NODE_MUL;
    return from->act == BT_ACT_NONE || bt_node_is_layer(from) || (elementwise && !bt_act_is_table(from->act));
}

static enum bt_status add_node(struct build *build, const struct bt_node *from, struct bt_graph_node *node)
{
    const struct bt_graph_node *in = &build->graph->nodes[node->inputs[0]]; /* the input's: itself */
    /* For all that only moves or picks values. */
    node->zp = in->zp;
    node->scale = in->scale;
    switch (from->op) {
    case BT_NODE_CONV:
    case BT_NODE_FC:
        return add_conv(build, from, node);
    case BT_NODE_MAXPOOL:
    case BT_NODE_AVGPOOL:
    case BT_NODE_GLOBAL_AVGPOOL:
        add_pool(from, in, node);
        return BT_OK;
    case BT_NODE_ADD:
    case BT_NODE_MUL:
        return add_elementwise(build, from, node);
    case BT_NODE_CONCAT:
        return add_concat(build, node);
    case BT_NODE_UPSAMPLE:
        node->op = BT_OP_UPSAMPLE;
        node->u.upsample_scale = from->scale;
        return BT_OK;
    case BT_NODE_SLICE:
        node->op = BT_OP_SLICE;
        node->u.slice_from = from->slice_from;
        return BT_OK;
    case BT_NODE_SOFTMAX:
        return add_softmax(build, node);
    default: {
        int8_t byte = 0;
        bt_data_fill(key_of(build->network->name, build->seed, from->name, "zero point"), true, &byte, 1);
        node->op = BT_OP_INPUT;
        node->zp = byte / 8;
        node->scale = 1.0 / 64;
        return BT_OK;
    }
    }
}

/* The last node of the graph gets its output, which those after it are fitted to. */
static enum bt_status run_last(struct build *build)
{
    const uint32_t index = build->graph->count - 1;
    const struct bt_graph_node *node = &build->graph->nodes[index];
    const int8_t *in[BT_GRAPH_INPUTS] = {NULL};
    build->outputs[index] = malloc(bt_graph_bytes(node));
    if (build->outputs[index] == NULL) {
        return no_memory(build);
    }
    if (index == 0) {
        bt_graph_seeded_input(build->graph, build->seed, build->outputs[0]);
        return BT_OK;
    }
    for (uint32_t k = 0; k < node->input_count; k++) {
        in[k] = build->outputs[node->inputs[k]];
    }
    const enum bt_status status = bt_graph_run_node(build->graph, index, in, build->outputs[index]);
    return status == BT_OK ? BT_OK : refuse(build, node, status);
}

static enum bt_status build_node(struct build *build, uint32_t index)
{
    const struct bt_node *from = &build->network->nodes[index];
    struct bt_graph_node *node = &build->graph->nodes[build->graph->count++];
    (void)snprintf(node->name, sizeof(node->name), "%s", from->name);
    node->h = from->h;
    node->w = from->w;
    node->c = from->c;
    node->input_count = from->input_count;
    for (uint32_t k = 0; k < from->input_count; k++) {
        node->inputs[k] = build->at[from->inputs[k]];
    }
    enum bt_status status = add_node(build, from, node);
    if (status == BT_OK) {
        status = run_last(build);
    }
    if (status == BT_OK && !fused(from)) {
        struct bt_graph_node *table = &build->graph->nodes[build->graph->count++];
        *table = (struct bt_graph_node){
            .h = node->h,
            .w = node->w,
            .c = node->c,
            .input_count = 1,
            .inputs = {build->graph->count - 2},
            .zp = node->zp,
            .scale = node->scale,
        };
        (void)snprintf(table->name, sizeof(table->name), "%.43s.act", from->name);
        status = add_table(build, from->act, table);
        if (status == BT_OK) {
            status = run_last(build);
        }
    }
    build->at[index] = build->graph->count - 1;
    return status;
}

enum bt_status bt_graph_seeded(const struct bt_network *network, uint64_t seed, const struct bt_pruning *pruning,
                               struct bt_graph **graph, struct bt_error *err)
{
    if (network == NULL || network->count < 1 || network->count > BT_MAX_NODES || pruning == NULL || graph == NULL) {
        return bt_fail(err, BT_EINVAL, "no network, no pruning or no place for its graph: expected all of them");
    }
    struct build *build = calloc(1, sizeof(*build));
    struct bt_graph *made = calloc(1, sizeof(*made));
    enum bt_status status = BT_OK;
    uint32_t most = network->count;
    for (uint32_t i = 0; i < network->count; i++) {
        most += !fused(&network->nodes[i]);
    }
    if (build == NULL || made == NULL) {
        status = bt_fail(err, BT_ENOMEM, "%.47s: no memory for the graph", network->name);
        goto cleanup;
    }
    *build = (struct build){.network = network, .seed = seed, .pruning = *pruning, .graph = made, .err = err};
    (void)snprintf(made->name, sizeof(made->name), "%s", network->name);
    (void)snprintf(made->source, sizeof(made->source), "seed %" PRIu64, seed);
    made->nodes = calloc(most, sizeof(*made->nodes));
    build->outputs = calloc(most, sizeof(*build->outputs));
    if (made->nodes == NULL || build->outputs == NULL) {
        status = no_memory(build);
        goto cleanup;
    }
    for (uint32_t i = 0; status == BT_OK && i < network->count; i++) {
        status = build_node(build, i);
    }
    if (status == BT_OK) {
        status = bt_graph_check(made, err);
    }
    if (status == BT_OK) {
        *graph = made;
        made = NULL;
    }

cleanup:
    for (uint32_t i = 0; build != NULL && build->outputs != NULL && i < most; i++) {
        free(build->outputs[i]);
    }
    free(build != NULL ? build->outputs : NULL);
    free(build);
    bt_graph_free(made);
    return status;
}

void bt_graph_seeded_input(const struct bt_graph *graph, uint64_t seed, int8_t *input)
{
    bt_data_fill(key_of(graph->name, seed, graph->nodes[0].name, "input"), false, input,
                 bt_graph_bytes(&graph->nodes[0]));
}
