#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zlib.h>

#include "harness/data.h"
#include "harness/network.h"
#include "reference/common/bt_conv2d.h"
#include "reference/graph/bt_graph.h"
#include "reference/graph/graph_calibrate.h"
#include "reference/graph/graph_data.h"
#include "reference/graph/graph_float.h"
#include "reference/graph/graph_quantise.h"
#include "reference/graph/graph_seeded.h"
#include "reference/ops/conv2d_s8.h"

/* Sanitizers make the float graphs some ten times slower. */
#ifdef __SANITIZE_ADDRESS__
#define MNIST_MANY 200
#define PHOTOS 2
#else
#define MNIST_MANY 1000
#define PHOTOS 5
#endif

/* ---- helpers ---- */

static struct bt_network *load(const char *name)
{
    char path[256];
    struct bt_error err = {""};
    struct bt_network *network = NULL;
    (void)snprintf(path, sizeof(path), "suites/networks/%s.yaml", name);
    if (bt_network_load(path, &network, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    return network;
}

static const struct bt_pruning dense;

static struct bt_graph *seeded(const struct bt_network *network, uint64_t seed)
{
    struct bt_error err = {""};
    struct bt_graph *graph = NULL;
    if (bt_graph_seeded(network, seed, &dense, &graph, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    return graph;
}

static int8_t **outputs_of(const struct bt_graph *graph)
{
    int8_t **outputs = NULL;
    assert_int_equal(bt_graph_outputs_new(graph, &outputs), BT_OK);
    return outputs;
}

static void run(const struct bt_graph *graph, const int8_t *input, int8_t **outputs)
{
    struct bt_error err = {""};
    if (bt_graph_run(graph, input, outputs, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
}

static int8_t **run_seeded(const struct bt_graph *graph, uint64_t seed)
{
    int8_t **outputs = outputs_of(graph);
    int8_t *input = malloc(bt_graph_bytes(&graph->nodes[0]));
    assert_non_null(input);
    bt_graph_seeded_input(graph, seed, input);
    run(graph, input, outputs);
    free(input);
    return outputs;
}

static uint64_t hash_of(const struct bt_graph *graph, int8_t *const *outputs)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < graph->count; i++) {
        hash = XXH3_64bits_withSeed(outputs[i], bt_graph_bytes(&graph->nodes[i]), hash);
    }
    return hash;
}

static uint32_t find(const struct bt_graph *graph, const char *name)
{
    for (uint32_t i = 0; i < graph->count; i++) {
        if (strcmp(graph->nodes[i].name, name) == 0) {
            return i;
        }
    }
    fail_msg("%s has no node %s", graph->name, name);
    return 0;
}

static const char *data_dir(void)
{
    const char *dir = getenv("BITTRUE_DATA");
    return dir != NULL ? dir : "../shared/data";
}

/* ---- one small network with everything in it ---- */

static const char every_operator[] = "name: net\n"
                                     "source: a test\n"
                                     "licence: none\n"
                                     "input: {h: 8, w: 6, c: 4}\n"
                                     "layers:\n"
                                     "  - {name: a, op: conv, c_out: 8, kernel: 3, pad: 1, act: relu6}\n"
                                     "  - {name: b, op: conv, in: [a], c_out: 8, kernel: 3, pads: [2, 0, 1, 1], "
                                     "groups: 8, act: leaky}\n"
                                     "  - {name: c, op: maxpool, in: [b], kernel: 3, stride: 2, pads: [0, 1, 1, 0]}\n"
                                     "  - {name: d, op: avgpool, in: [a], kernel: 2x1, stride: 2x2}\n"
                                     "  - {name: e, op: add, in: [c, d], act: hard_swish}\n"
                                     "  - {name: f, op: mul, in: [e, d], act: relu}\n"
                                     "  - {name: g, op: concat, in: [e, f, c]}\n"
                                     "  - {name: h, op: upsample, scale: 3}\n"
                                     "  - {name: i, op: slice, from: 5, c_out: 7}\n"
                                     "  - {name: j, op: fc, in: [d], c_out: 5, act: silu}\n"
                                     "  - {name: k, op: global_avgpool, in: [i]}\n"
                                     "  - {name: l, op: softmax}\n";

static struct bt_network *small_network(void)
{
    struct bt_error err = {""};
    struct bt_network *network = NULL;
    if (bt_network_parse("net.yaml", every_operator, strlen(every_operator), &network, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    return network;
}

static void test_every_operator(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum bt_op op;
        int32_t h, w, c;
    } expected[] = {
        {"input", BT_OP_INPUT, 8, 6, 4},  {"a", BT_OP_CONV2D, 8, 6, 8},  {"b", BT_OP_CONV2D, 8, 6, 8},
        {"c", BT_OP_MAXPOOL, 4, 3, 8},    {"d", BT_OP_AVGPOOL, 4, 3, 8}, {"e", BT_OP_ADD, 4, 3, 8},
        {"e.act", BT_OP_TABLE, 4, 3, 8},  {"f", BT_OP_MUL, 4, 3, 8},     {"g", BT_OP_CONCAT, 4, 3, 24},
        {"h", BT_OP_UPSAMPLE, 12, 9, 24}, {"i", BT_OP_SLICE, 12, 9, 7},  {"j", BT_OP_CONV2D, 1, 1, 5},
        {"k", BT_OP_AVGPOOL, 1, 1, 7},    {"l", BT_OP_SOFTMAX, 1, 1, 7},
    };
    struct bt_network *network = small_network();
    struct bt_graph *graph = seeded(network, 1);
    int8_t **outputs = run_seeded(graph, 1);
    assert_int_equal(graph->count, sizeof(expected) / sizeof(expected[0]));
    assert_string_equal(graph->source, "seed 1");
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct bt_graph_node *node = &graph->nodes[i];
        assert_string_equal(node->name, expected[i].name);
        assert_int_equal(node->op, expected[i].op);
        assert_int_equal(node->h, expected[i].h);
        assert_int_equal(node->w, expected[i].w);
        assert_int_equal(node->c, expected[i].c);
    }
    /* What has no reference operator of its own, element by element. */
    const uint32_t g = find(graph, "g");
    const uint32_t h = find(graph, "h");
    const uint32_t i = find(graph, "i");
    for (int32_t k = 0; k < 12 * 9 * 24; k++) {
        const int32_t c = k % 24;
        const int32_t x = k / 24 % 9;
        const int32_t y = k / 24 / 9;
        assert_int_equal(outputs[h][k], outputs[g][((y / 3) * 3 + x / 3) * 24 + c]);
        if (c >= 5 && c < 12) {
            assert_int_equal(outputs[i][(y * 9 + x) * 7 + c - 5], outputs[h][k]);
        }
    }
    const uint32_t act = find(graph, "e.act");
    for (size_t k = 0; k < bt_graph_bytes(&graph->nodes[act]); k++) {
        assert_int_equal(outputs[act][k], graph->nodes[act].table[outputs[act - 1][k] + 128]);
    }
    bt_graph_outputs_free(graph, outputs);
    bt_graph_free(graph);
    bt_network_free(network);
}

/* ---- what is refused ---- */

static void no_name(struct bt_graph_node *node)
{
    memset(node->name, 'x', sizeof(node->name));
}

#define TAMPER(name, statement)                                                                                        \
    static void name(struct bt_graph_node *node)                                                                       \
    {                                                                                                                  \
        statement;                                                                                                     \
    }
TAMPER(later_input, node->inputs[0] = 14)
TAMPER(own_input, node->inputs[0] = 2)
TAMPER(more_inputs, node->input_count = 3)
TAMPER(no_inputs, node->input_count = 0)
TAMPER(input_inside, node->op = BT_OP_INPUT)
TAMPER(unknown_op, node->op = BT_OP_COUNT)
TAMPER(higher, node->h++)
TAMPER(wider, node->w++)
TAMPER(deeper, node->c++)
TAMPER(flat, node->h = 0)
TAMPER(zp_out_of_range, node->zp = 128)
TAMPER(zp_moved, node->zp++)
TAMPER(overflowing_bias, node->bias[3] = INT32_MAX)
TAMPER(negative_mult, node->mult[2] = -1)
TAMPER(long_shift, node->shift[7] = 31)
TAMPER(least_weight, node->weights[5] = -128)
TAMPER(other_in_zp, node->u.conv.in_zp++)
TAMPER(other_out_zp, node->u.conv.out_zp = -100)
TAMPER(empty_clamp, node->u.conv.act_min = 127)
TAMPER(raw, node->u.conv.raw = true)
TAMPER(two_images, node->u.conv.n = 2)
TAMPER(less_input, node->u.conv.c_in = 48)
TAMPER(one_stride, node->u.conv.stride_h = 2)
TAMPER(no_table, free(node->table); node->table = NULL)
TAMPER(no_weights, free(node->weights); node->weights = NULL)
TAMPER(pool_stride, node->u.pool.stride_w = 1)
TAMPER(pool_size, node->u.pool.h = 5)
TAMPER(pool_clamp, node->u.pool.act_max = 128)
TAMPER(add_shift, node->u.add.in1_shift = 1)
TAMPER(add_zp, node->u.add.in2_zp++)
TAMPER(add_out_zp, node->u.add.out_zp--)
TAMPER(add_elems, node->u.add.elems--)
TAMPER(mul_mult, node->u.mul.mult = -5)
TAMPER(mul_zp, node->u.mul.in1_zp++)
TAMPER(concat_shift, node->u.concat.in[1].shift = 31)
TAMPER(concat_zp, node->u.concat.in[2].zp++)
TAMPER(concat_rounding, node->u.concat.rounding = (enum bt_rounding)2)
TAMPER(upsample_none, node->u.upsample_scale = 0)
TAMPER(upsample_more, node->u.upsample_scale = 4)
TAMPER(slice_past, node->u.slice_from = 18)
TAMPER(slice_before, node->u.slice_from = -1)
TAMPER(softmax_rows, node->u.softmax.rows = 2)
TAMPER(softmax_shift, node->u.softmax.shift = 31)

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *node;
        void (*tamper)(struct bt_graph_node *node);
        const char *message; /* behind the node's name */
        enum bt_status status;
    } cases[] = {
        {"b", later_input, "input that is no earlier node: got 14, expected 1", BT_EINVAL},
        {"b", own_input, "input that is no earlier node: got 2, expected 1", BT_EINVAL},
        {"f", more_inputs, "inputs: got 3, expected 2", BT_EINVAL},
        {"g", no_inputs, "inputs: got 0, expected 1", BT_EINVAL},
        {"input", unknown_op, "operator, BT_OP_INPUT for node 0 alone: got 11, expected 10", BT_EINVAL},
        {"h", input_inside, "operator, BT_OP_INPUT for node 0 alone: got 10, expected 10", BT_EINVAL},
        {"a", higher, "output height: got 9, expected 8", BT_EINVAL},
        {"b", wider, "output width: got 7, expected 6", BT_EINVAL},
        {"c", deeper, "output channels: got 9, expected 8", BT_EINVAL},
        {"e", flat, "extent of the output: got 0, expected 1", BT_EINVAL},
        {"input", zp_out_of_range, "zero point: got 128, expected 127", BT_EINVAL},
        {"a", zp_moved, "zero point, against that of the convolution: got", BT_EINVAL},
        {"c", zp_moved, "zero point, against that of the input: got", BT_EINVAL},
        {"h", zp_moved, "zero point, against that of the input: got", BT_EINVAL},
        {"i", zp_moved, "zero point, against that of the input: got", BT_EINVAL},
        {"l", zp_moved, "zero point: got -127, expected -128", BT_EINVAL},
        {"a", overflowing_bias, "accumulator bound of a filter above 32 bits: got", BT_EOVERFLOW},
        {"a", negative_mult, "multiplier below 0: got -1, limit 0", BT_EINVAL},
        {"b", long_shift, "shift above 30: got 31, limit 30", BT_EINVAL},
        {"j", least_weight, "weight below -127, at index: got 5", BT_EINVAL},
        {"b", other_in_zp, "zero point of the input: got", BT_EINVAL},
        {"a", other_out_zp, "zero point, against that of the convolution: got", BT_EINVAL},
        {"a", empty_clamp, "lower clamp above the upper clamp: got 127", BT_EINVAL},
        {"a", raw, "raw sums between nodes: got 1, expected 0", BT_EINVAL},
        {"a", two_images, "batch: got 2, expected 1", BT_EINVAL},
        {"j", less_input, "input height: got 1, expected 4", BT_EINVAL},
        {"a", one_stride, "output height: got 8, expected 4", BT_EINVAL},
        {"b", no_table, "activation table missing: got 0", BT_EINVAL},
        {"e.act", no_table, "activation table: got 0, expected 1", BT_EINVAL},
        {"a", no_weights, "ifmap or weights missing: got 0", BT_EINVAL},
        {"c", pool_stride, "output width: got 3, expected 5", BT_EINVAL},
        {"c", pool_size, "elements of the pool's input: got 240, expected 384", BT_EINVAL},
        {"d", pool_clamp, "pooling clamp out of range or empty: got", BT_EINVAL},
        {"e", add_shift, "valid parameters of the operator: got 0, expected 1", BT_EINVAL},
        {"e", add_zp, "zero point of an input: got", BT_EINVAL},
        {"e", add_out_zp, "zero point, against that of the operator: got", BT_EINVAL},
        {"e", add_elems, "elements: got 95, expected 96", BT_EINVAL},
        {"f", mul_mult, "valid parameters of the operator: got 0, expected 1", BT_EINVAL},
        {"f", mul_zp, "zero point of an input: got", BT_EINVAL},
        {"f", deeper, "elements: got 96, expected 108", BT_EINVAL},
        {"g", concat_shift, "valid parameters of the operator: got 0, expected 1", BT_EINVAL},
        {"g", concat_zp, "zero point of an input: got", BT_EINVAL},
        {"g", concat_rounding, "valid parameters of the operator: got 0, expected 1", BT_EINVAL},
        {"g", deeper, "output channels: got 25, expected 24", BT_EINVAL},
        {"h", upsample_none, "upsampling factor: got 0, expected 1", BT_EINVAL},
        {"h", upsample_more, "output height: got 12, expected 16", BT_EINVAL},
        {"i", slice_past, "last channel of the slice above the input's: got 25, expected 24", BT_EINVAL},
        {"i", slice_before, "last channel of the slice above the input's: got 6, expected 24", BT_EINVAL},
        {"l", softmax_rows, "rows: got 2, expected 1", BT_EINVAL},
        {"l", softmax_shift, "valid parameters of the operator: got 0, expected 1", BT_EINVAL},
        {"l", deeper, "output channels: got 8, expected 7", BT_EINVAL},
        {"d", no_name, "name of at most 47 bytes: got 0", BT_EINVAL},
    };
    struct bt_network *network = small_network();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_graph *graph = seeded(network, 1);
        const uint32_t at = find(graph, cases[i].node);
        int8_t **outputs = outputs_of(graph);
        struct bt_error err = {""};
        char named[128];
        cases[i].tamper(&graph->nodes[at]);
        (void)snprintf(named, sizeof(named), "net: node %u '%.47s': ", (unsigned)at, graph->nodes[at].name);
        const enum bt_status status = bt_graph_check(graph, &err);
        if (status != cases[i].status || strncmp(err.text, named, strlen(named)) != 0 ||
            strncmp(err.text + strlen(named), cases[i].message, strlen(cases[i].message)) != 0) {
            fail_msg("case %zu (%s): status %d, \"%s\"", i, cases[i].message, status, err.text);
        }
        /* Nothing is run before everything is checked. */
        assert_int_equal(bt_graph_run(graph, outputs[0], outputs, &err), cases[i].status);
        bt_graph_outputs_free(graph, outputs);
        bt_graph_free(graph);
    }
    bt_network_free(network);
    assert_int_equal(bt_graph_check(NULL, NULL), BT_EINVAL);
    assert_int_equal(bt_graph_run(NULL, NULL, NULL, NULL), BT_EINVAL);
    bt_graph_free(NULL);
}

/* ---- seeded weights ---- */

/* Share of a convolution's outputs that stand at an end of int8 to which nothing but saturation brings them. */
static double saturated(const struct bt_graph_node *node, const int8_t *output)
{
    const struct bt_conv2d *conv = &node->u.conv;
    const size_t bytes = bt_graph_bytes(node);
    const bool relu = !conv->table && conv->act_min == conv->out_zp; /* then -128 is 0 */
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++) {
        count += output[i] == 127 || (output[i] == -128 && !relu);
    }
    return (double)count / (double)bytes;
}

static uint32_t distinct(const int8_t *output, size_t bytes)
{
    bool seen[256] = {false};
    uint32_t count = 0;
    for (size_t i = 0; i < bytes; i++) {
        count += !seen[output[i] + 128];
        seen[output[i] + 128] = true;
    }
    return count;
}

/* The same bits from the plain loops, where the graph takes the fast path. */
static void compare_with_plain_loops(const struct bt_graph *graph, int8_t *const *outputs)
{
    for (uint32_t i = 1; i < graph->count; i++) {
        const struct bt_graph_node *node = &graph->nodes[i];
        if (node->op == BT_OP_CONV2D) {
            const struct bt_layer_data data = {
                .ifmap = outputs[node->inputs[0]],
                .weights = node->weights,
                .bias = node->bias,
                .mult = node->mult,
                .shift = node->shift,
                .table = node->table,
            };
            int8_t *plain = malloc(bt_graph_bytes(node));
            assert_non_null(plain);
            assert_int_equal(ref_conv2d_s8(&node->u.conv, &data, plain), BT_OK);
            assert_memory_equal(plain, outputs[i], bt_graph_bytes(node));
            free(plain);
        }
    }
}

static void test_seeded(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t hash; /* of all tensors, seed 1 */
        double most_saturated;
        uint32_t least_values; /* of a convolution with at least 256 outputs */
    } cases[] = {
        {"lenet5", UINT64_C(0x9c2cd08f16e7a5f8), 0.05, 100},
        {"resnet8", UINT64_C(0x05a482f4381e5423), 0.02, 100},
        {"squeezenet1_1", UINT64_C(0xdeaddcbc17522538), 0.02, 100},
        {"yolo_fastest_1_1", UINT64_C(0x49225de7bb0372a7), 0.02, 100},
    };
    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        struct bt_network *network = load(cases[k].name);
        struct bt_graph *graph = seeded(network, 1);
        int8_t **outputs = run_seeded(graph, 1);
        double worst = 0;
        for (uint32_t i = 0; i < graph->count; i++) {
            const struct bt_graph_node *node = &graph->nodes[i];
            const struct bt_node *from = bt_network_find(network, node->name);
            assert_non_null(from);
            assert_int_equal(node->h, from->h);
            assert_int_equal(node->w, from->w);
            assert_int_equal(node->c, from->c);
            if (node->op != BT_OP_CONV2D) {
                continue;
            }
            const double share = saturated(node, outputs[i]);
            worst = share > worst ? share : worst;
            if (share > cases[k].most_saturated) {
                fail_msg("%s, %s: %.4f of the outputs are saturated", graph->name, node->name, share);
            }
            if (bt_graph_bytes(node) >= 256 && distinct(outputs[i], bt_graph_bytes(node)) < cases[k].least_values) {
                fail_msg("%s, %s: %u values only", graph->name, node->name, distinct(outputs[i], bt_graph_bytes(node)));
            }
        }
        print_message("%-17s seed 1: hash %016" PRIx64 ", at most %.2f %% of a layer saturated\n", graph->name,
                      hash_of(graph, outputs), 100 * worst);
        assert_int_equal(hash_of(graph, outputs), cases[k].hash);
        if (strcmp(cases[k].name, "resnet8") == 0) {
            compare_with_plain_loops(graph, outputs);
        }

        if (k < 2) { /* the others are long */
            struct bt_graph *other = seeded(network, 2);
            int8_t **other_outputs = run_seeded(other, 2);
            assert_int_not_equal(hash_of(other, other_outputs), cases[k].hash);
            bt_graph_outputs_free(other, other_outputs);
            bt_graph_free(other);
        }
        bt_graph_outputs_free(graph, outputs);
        bt_graph_free(graph);
        bt_network_free(network);
    }
}

/* Two layers of one geometry have different weights. */
static void test_seeded_layers_differ(void **state)
{
    (void)state;
    struct bt_network *network = load("resnet8");
    struct bt_graph *graph = seeded(network, 1);
    const struct bt_graph_node *first = &graph->nodes[find(graph, "conv2d_1")];
    const struct bt_graph_node *second = &graph->nodes[find(graph, "conv2d_2")];
    assert_int_equal(bt_conv2d_weight_elems(&first->u.conv), bt_conv2d_weight_elems(&second->u.conv));
    assert_memory_not_equal(first->weights, second->weights, (size_t)bt_conv2d_weight_elems(&first->u.conv));
    bt_graph_free(graph);
    bt_network_free(network);
}

/* ---- quantisation parameters ---- */

static void test_ranges(void **state)
{
    (void)state;
    static const struct {
        double low, high, scale;
        int32_t zp;
    } cases[] = {
        {0, 1, 1.0 / 255, -128}, {-1, 0, 1.0 / 255, 127},    {-1, 1.55, 0.01, -28},
        {2, 2.55, 0.01, -128},   {-2.55, -1, 0.01, 127},     {0, 0, 1, 0},
        {-128, 127, 1, 0},       {-0.001, 254.999, 1, -128}, /* the zero point is a whole number */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double scale = 0;
        int32_t zp = 0;
        bt_graph_range(cases[i].low, cases[i].high, &scale, &zp);
        assert_true(fabs(scale - cases[i].scale) < 1e-12);
        assert_int_equal(zp, cases[i].zp);
    }
}

static void set_conv(struct bt_float_node *node, int32_t c_out, int32_t kernel, enum bt_act act)
{
    node->act = act;
    node->u.conv = (struct bt_conv2d){
        .n = 1,
        .h = node->h,
        .w = node->w,
        .c_in = node->c,
        .c_out = c_out,
        .kh = kernel,
        .kw = kernel,
        .stride_h = 1,
        .stride_w = 1,
        .dil_h = 1,
        .dil_w = 1,
        .pad_top = kernel / 2,
        .pad_bottom = kernel / 2,
        .pad_left = kernel / 2,
        .pad_right = kernel / 2,
        .groups = 1,
    };
    node->c = c_out;
    node->weights = calloc((size_t)bt_conv2d_weight_elems(&node->u.conv), sizeof(float));
    node->bias = calloc((size_t)c_out, sizeof(float));
    assert_true(node->weights != NULL && node->bias != NULL);
}

/* One layer by hand. */
static void test_quantise_by_hand(void **state)
{
    (void)state;
    struct bt_float_graph *graph = bt_float_graph_new("hand", "a test", 2);
    assert_non_null(graph);
    struct bt_float_node *input = bt_float_graph_add(graph, BT_OP_INPUT, "input", 0);
    input->h = 1;
    input->w = 1;
    input->c = 2;
    struct bt_float_node *node = bt_float_graph_add(graph, BT_OP_CONV2D, "conv", 0);
    set_conv(node, 3, 1, BT_ACT_RELU);
    const float weights[] = {1, -0.5f, 0, 0, 0.25f, 0.125f};
    const float bias[] = {0.25f, 3, -1};
    memcpy(node->weights, weights, sizeof(weights));
    memcpy(node->bias, bias, sizeof(bias));
    const float inputs[] = {-1, 0, 1.55f, 0.5f}; /* two of them: scale 0.01, zero point -28 */
    struct bt_error err = {""};
    struct bt_graph *quantised = NULL;
    assert_int_equal(
        bt_float_calibrate(graph, &(struct bt_calibration){.method = BT_CALIBRATE_MIN_MAX}, inputs, 2, &err), BT_OK);
    assert_true(node->low == 0 && node->high == 3 && node->pre_low == -1.25);
    assert_int_equal(bt_float_quantise(graph, &quantised, &err), BT_OK);
    assert_int_equal(quantised->nodes[0].zp, -28);
    const struct bt_graph_node *conv = &quantised->nodes[1];
    static const int8_t expected[] = {127, -64, 0, 0, 127, 64}; /* 63.5 rounds away from zero */
    assert_memory_equal(conv->weights, expected, sizeof(expected));
    assert_int_equal(conv->zp, -128); /* 0 to 3 */
    assert_int_equal(conv->u.conv.act_min, -128);
    assert_int_equal(conv->bias[0], 3175);    /* 0.25 / (0.01 / 127) */
    assert_int_equal(conv->bias[1], 255);     /* no weights: in output steps, */
    assert_int_equal(conv->mult[1], 1 << 30); /* times one */
    assert_int_equal(conv->shift[1], 1);
    assert_int_equal(conv->bias[2], -50800); /* -1 / (0.01 * 0.25 / 127) */
    const int8_t in[] = {-28 + 100, -28};    /* 1, 0 */
    int8_t **outputs = outputs_of(quantised);
    run(quantised, in, outputs);
    assert_int_equal(outputs[1][0], -128 + 106); /* 1.25 * 255 / 3 */
    assert_int_equal(outputs[1][1], 127);
    assert_int_equal(outputs[1][2], -128); /* -0.75: clamped */
    bt_graph_outputs_free(quantised, outputs);
    bt_graph_free(quantised);
    bt_float_graph_free(graph);
}

static void fill_floats(uint64_t seed, float scale, float *values, size_t count)
{
    int8_t *bytes = malloc(count);
    assert_non_null(bytes);
    bt_data_fill(seed, true, bytes, count);
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)bytes[i] * scale;
    }
    free(bytes);
}

static struct bt_float_node *add_conv(struct bt_float_graph *graph, const char *name, uint32_t input, int32_t c_out,
                                      int32_t kernel, enum bt_act act)
{
    struct bt_float_node *node = bt_float_graph_add(graph, BT_OP_CONV2D, name, input);
    set_conv(node, c_out, kernel, act);
    const size_t elems = (size_t)bt_conv2d_weight_elems(&node->u.conv);
    const float fan_in = (float)elems / (float)c_out;
    fill_floats(graph->count, 1.0f / 64 / sqrtf(fan_in), node->weights, elems);
    fill_floats(graph->count + 100, 1.0f / 512, node->bias, (size_t)c_out);
    return node;
}

static void add_pool(struct bt_float_graph *graph, enum bt_op op, const char *name, uint32_t input, int32_t window)
{
    struct bt_float_node *node = bt_float_graph_add(graph, op, name, input);
    node->u.pool = (struct ref_pool2d){
        .n = 1,
        .h = node->h,
        .w = node->w,
        .c = node->c,
        .kh = window,
        .kw = window,
        .stride_h = window,
        .stride_w = window,
    };
    node->h /= window;
    node->w /= window;
}

static void add_second_input(struct bt_float_node *node, uint32_t input)
{
    node->input_count = 2;
    node->inputs[1] = input;
}

/* Every operator of float graphs: after quantisation each tensor is still what it was, within int8's noise. */
static void test_quantised_is_close(void **state)
{
    (void)state;
    struct bt_float_graph *graph = bt_float_graph_new("close", "a test", 20);
    assert_non_null(graph);
    struct bt_float_node *input = bt_float_graph_add(graph, BT_OP_INPUT, "input", 0);
    input->h = 12;
    input->w = 12;
    input->c = 3;
    struct bt_conv2d *aside = &add_conv(graph, "leaky", 0, 8, 3, BT_ACT_LEAKY)->u.conv;
    aside->pad_top = 0;
    aside->pad_bottom = 2;
    aside->pad_left = 2;
    aside->pad_right = 0;
    (void)add_conv(graph, "relu", 1, 8, 3, BT_ACT_RELU);
    add_second_input(bt_float_graph_add(graph, BT_OP_ADD, "add", 1), 2);
    add_pool(graph, BT_OP_MAXPOOL, "maxpool", 3, 2);
    add_conv(graph, "silu", 4, 8, 3, BT_ACT_SILU)->u.conv.groups = 4; /* of its weights, the first quarter is used */
    (void)add_conv(graph, "sigmoid", 4, 8, 1, BT_ACT_SIGMOID);
    add_second_input(bt_float_graph_add(graph, BT_OP_MUL, "mul", 5), 6);
    struct bt_float_node *up = bt_float_graph_add(graph, BT_OP_UPSAMPLE, "upsample", 7);
    up->u.upsample_scale = 2;
    up->h *= 2;
    up->w *= 2;
    struct bt_float_node *concat = bt_float_graph_add(graph, BT_OP_CONCAT, "concat", 8);
    add_second_input(concat, 3);
    concat->c = 16;
    struct bt_float_node *slice = bt_float_graph_add(graph, BT_OP_SLICE, "slice", 9);
    slice->u.slice_from = 5;
    slice->c = 6;
    (void)add_conv(graph, "hard_swish", 10, 8, 1, BT_ACT_HARD_SWISH);
    (void)add_conv(graph, "tanh", 11, 8, 1, BT_ACT_TANH);
    (void)add_conv(graph, "relu6", 12, 8, 1, BT_ACT_RELU6);
    add_pool(graph, BT_OP_AVGPOOL, "avgpool", 13, 12);
    (void)add_conv(graph, "fc", 14, 10, 1, BT_ACT_NONE);
    (void)bt_float_graph_add(graph, BT_OP_SOFTMAX, "softmax", 15);

    enum { ELEMS = 12 * 12 * 3, RUNS = 4 };
    static float inputs[RUNS * ELEMS];
    fill_floats(7, 1.0f / 64, inputs, RUNS * ELEMS);
    struct bt_error err = {""};
    struct bt_graph *quantised = NULL;
    if (bt_float_calibrate(graph, &(struct bt_calibration){.method = BT_CALIBRATE_MIN_MAX}, inputs, RUNS, &err) !=
            BT_OK ||
        bt_float_quantise(graph, &quantised, &err) != BT_OK || quantised == NULL) {
        fail_msg("%s", err.text);
        return;
    }
    int8_t **outputs = outputs_of(quantised);
    float **real = NULL;
    assert_int_equal(bt_float_outputs_new(graph, &real), BT_OK);
    double *signal = calloc(graph->count, sizeof(*signal));
    double *noise = calloc(graph->count, sizeof(*noise));
    assert_true(signal != NULL && noise != NULL);
    for (uint32_t r = 0; r < RUNS; r++) {
        int8_t q[ELEMS];
        for (size_t i = 0; i < ELEMS; i++) {
            const double step = round(inputs[r * ELEMS + i] / quantised->nodes[0].scale) + quantised->nodes[0].zp;
            q[i] = (int8_t)(step < -128 ? -128 : step > 127 ? 127 : step);
        }
        run(quantised, q, outputs);
        assert_int_equal(bt_float_run(graph, inputs + (size_t)r * ELEMS, real, &err), BT_OK);
        for (uint32_t i = 0; i < graph->count; i++) {
            const struct bt_graph_node *node = &quantised->nodes[i];
            for (size_t k = 0; k < bt_graph_bytes(node); k++) {
                const double off = node->scale * (outputs[i][k] - node->zp) - real[i][k];
                signal[i] += (double)real[i][k] * real[i][k];
                noise[i] += off * off;
            }
        }
    }
    for (uint32_t i = 0; i < graph->count; i++) {
        const double db = 10 * log10(signal[i] / noise[i]);
        print_message("  %-10s %.1f dB\n", graph->nodes[i].name, db);
        if (!(db > 25)) {
            fail_msg("%s: %.1f dB", graph->nodes[i].name, db);
        }
    }
    free(signal);
    free(noise);
    bt_float_outputs_free(graph, real);
    bt_graph_outputs_free(quantised, outputs);

    /* Activations that have no place in the int8 operator. */
    bt_graph_free(quantised);
    quantised = NULL;
    graph->nodes[3].act = BT_ACT_SILU;
    assert_int_equal(bt_float_quantise(graph, &quantised, &err), BT_EINVAL);
    assert_string_equal(err.text, "close: node 'add': cannot be quantised");
    assert_null(quantised);
    bt_float_graph_free(graph);
}

/* ---- trained networks ---- */

/* A graph, its samples and its float twin; NULL where the data folder has not got it. */
struct real {
    struct bt_graph *graph;
    struct bt_graph_samples samples;
    struct bt_float_graph *twin;
    int8_t **outputs;
    float **twin_outputs;
    float *input;
};

static struct real load_real(const char *name)
{
    struct real real = {0};
    struct bt_error err = {""};
    enum bt_status status = bt_graph_load_real(name, data_dir(), &real.graph, &real.samples, &err);
    if (status == BT_EUNSUPPORTED) {
        print_message("SKIP: %s\n", err.text);
        skip();
    }
    if (status == BT_OK) {
        status = bt_graph_load_float(name, data_dir(), &real.twin, &err);
    }
    if (status != BT_OK) {
        fail_msg("%s", err.text);
    }
    print_message("%s: %s; %s\n", real.graph->name, real.graph->source, real.samples.source);
    real.outputs = outputs_of(real.graph);
    assert_int_equal(bt_float_outputs_new(real.twin, &real.twin_outputs), BT_OK);
    real.input = malloc(bt_graph_bytes(&real.graph->nodes[0]) * sizeof(float));
    assert_non_null(real.input);
    return real;
}

static void free_real(struct real *real)
{
    bt_graph_outputs_free(real->graph, real->outputs);
    bt_float_outputs_free(real->twin, real->twin_outputs);
    bt_graph_samples_free(&real->samples);
    bt_graph_free(real->graph);
    bt_float_graph_free(real->twin);
    free(real->input);
}

/* The same weights, scales and tensors on every machine: the first sample tells. */
static void check_hash(struct real *real, uint64_t expected)
{
    run(real->graph, real->samples.inputs, real->outputs);
    const uint64_t hash = hash_of(real->graph, real->outputs);
    print_message("  hash of %s: %016" PRIx64 "\n", real->samples.titles[0], hash);
    assert_int_equal(hash, expected);
}

/* Both of them on one sample; the classes that they say, before the softmax. */
static void run_both(struct real *real, const int8_t *input, int32_t *quantised, int32_t *floating)
{
    struct bt_error err = {""};
    const uint32_t logits = real->graph->count - 2;
    run(real->graph, input, real->outputs);
    bt_graph_dequantise(&real->graph->nodes[0], input, real->input);
    if (bt_float_run(real->twin, real->input, real->twin_outputs, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    *quantised = 0;
    *floating = 0;
    for (int32_t c = 1; c < real->graph->nodes[logits].c; c++) {
        *quantised = real->outputs[logits][c] > real->outputs[logits][*quantised] ? c : *quantised;
        *floating = real->twin_outputs[logits][c] > real->twin_outputs[logits][*floating] ? c : *floating;
    }
}

/* Each node has the name and the shape that the table states. */
static void check_against_table(const struct bt_graph *graph)
{
    struct bt_network *network = load(graph->name);
    assert_int_equal(graph->count, network->count);
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct bt_graph_node *node = &graph->nodes[i];
        assert_string_equal(node->name, network->nodes[i].name);
        assert_int_equal(node->h, network->nodes[i].h);
        assert_int_equal(node->w, network->nodes[i].w);
        assert_int_equal(node->c, network->nodes[i].c);
    }
    bt_network_free(network);
}

/* Each node is what the table states: the same operator on the same inputs, with the same geometry. */
static void check_operators_against_table(const struct bt_float_graph *graph)
{
    static const enum bt_op ops[BT_NODE_OP_COUNT] = {
        [BT_NODE_INPUT] = BT_OP_INPUT,     [BT_NODE_CONV] = BT_OP_CONV2D,
        [BT_NODE_FC] = BT_OP_CONV2D,       [BT_NODE_MAXPOOL] = BT_OP_MAXPOOL,
        [BT_NODE_AVGPOOL] = BT_OP_AVGPOOL, [BT_NODE_GLOBAL_AVGPOOL] = BT_OP_AVGPOOL,
        [BT_NODE_ADD] = BT_OP_ADD,         [BT_NODE_MUL] = BT_OP_MUL,
        [BT_NODE_CONCAT] = BT_OP_CONCAT,   [BT_NODE_UPSAMPLE] = BT_OP_UPSAMPLE,
        [BT_NODE_SLICE] = BT_OP_SLICE,     [BT_NODE_SOFTMAX] = BT_OP_SOFTMAX,
    };
    struct bt_network *network = load(graph->name);
    assert_int_equal(graph->count, network->count);
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct bt_float_node *node = &graph->nodes[i];
        const struct bt_node *from = &network->nodes[i];
        bool same = node->op == ops[from->op] && node->act == from->act && node->input_count == from->input_count;
        for (uint32_t k = 0; k < from->input_count; k++) {
            same = same && node->inputs[k] == from->inputs[k];
        }
        if (node->op == BT_OP_CONV2D) { /* all that is geometry */
            same = same && memcmp(&node->u.conv, &from->conv, offsetof(struct bt_conv2d, in_zp)) == 0;
        }
        if (from->op == BT_NODE_MAXPOOL) {
            const struct ref_pool2d *pool = &node->u.pool;
            const struct bt_window window = {
                .kh = pool->kh,
                .kw = pool->kw,
                .stride_h = pool->stride_h,
                .stride_w = pool->stride_w,
                .pad_top = pool->pad_top,
                .pad_bottom = pool->pad_bottom,
                .pad_left = pool->pad_left,
                .pad_right = pool->pad_right,
            };
            same = same && memcmp(&window, &from->window, sizeof(window)) == 0;
        }
        if (!same) {
            fail_msg("%s: %s is not as in the table", graph->name, node->name);
        }
    }
    bt_network_free(network);
}

/* Signal and noise of each node over all samples so far. */
#define MOST_NODES 128
struct sums {
    double signal[MOST_NODES], noise[MOST_NODES];
};

static void add_to_sums(const struct real *real, struct sums *sums)
{
    assert_in_range(real->graph->count, 1, MOST_NODES);
    assert_int_equal(real->graph->count, real->twin->count);
    for (uint32_t i = 0; i < real->graph->count; i++) {
        const struct bt_graph_node *node = &real->graph->nodes[i];
        for (size_t k = 0; k < bt_graph_bytes(node); k++) {
            const double value = real->twin_outputs[i][k];
            const double off = node->scale * (real->outputs[i][k] - node->zp) - value;
            sums->signal[i] += value * value;
            sums->noise[i] += off * off;
        }
    }
}

static double decibels(const struct sums *sums, uint32_t node)
{
    return 10 * log10(sums->signal[node] / sums->noise[node]);
}

static void test_lenet5(void **state)
{
    (void)state;
    struct real real = load_real("lenet5");
    check_hash(&real, UINT64_C(0x25c3595e458cd280));
    struct bt_graph_samples many = {0};
    struct bt_error err = {""};
    check_against_table(real.graph);
    assert_int_equal(real.samples.count, 100);
    assert_string_equal(real.samples.class_names[9], "9");
    if (bt_graph_load_mnist(data_dir(), 0, MNIST_MANY, &many, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    assert_memory_equal(many.inputs, real.samples.inputs, real.samples.count * real.samples.bytes);
    int32_t first = 0;
    int32_t right = 0;
    int32_t twin_right = 0;
    for (uint32_t i = 0; i < many.count; i++) {
        int32_t quantised = 0;
        int32_t floating = 0;
        run_both(&real, many.inputs + i * many.bytes, &quantised, &floating);
        right += quantised == many.labels[i];
        twin_right += floating == many.labels[i];
        first = i < 100 ? right : first;
    }
    print_message("  int8 %d of the first 100; of %d: int8 %d, float %d\n", first, MNIST_MANY, right, twin_right);
    assert_true(first >= 95);
    assert_true(abs(right - twin_right) * 1000 <= 15 * MNIST_MANY);
    assert_true(twin_right * 100 >= 97 * MNIST_MANY);
    bt_graph_samples_free(&many);
    assert_int_equal(bt_graph_load_mnist(data_dir(), 9999, 2, &many, &err), BT_EINVAL);
    free_real(&real);
}

static void test_tiny_darknet(void **state)
{
    (void)state;
    /* In Darknet's order: dogsled, kite, zebra (it is in the picture), bighorn, Great Pyrenees. */
    static const int32_t classes[] = {252, 396, 79, 51, 171};
    struct real real = load_real("tiny_darknet");
    check_hash(&real, UINT64_C(0x6f4f5e7dad988c01));
    check_against_table(real.graph);
    check_operators_against_table(real.twin);
    int32_t same = 0;
    for (uint32_t i = 0; i < PHOTOS; i++) {
        int32_t quantised = 0;
        int32_t floating = 0;
        run_both(&real, real.samples.inputs + i * real.samples.bytes, &quantised, &floating);
        print_message("  %-8s int8 class %d (%.2f), float class %d (%.2f)\n", real.samples.titles[i], quantised,
                      (real.outputs[real.graph->count - 1][quantised] + 128) / 256.0, floating,
                      (double)real.twin_outputs[real.graph->count - 1][floating]);
        assert_int_equal(floating, classes[i]);
        same += quantised == floating;
    }
    assert_true(same >= PHOTOS - 1);
    free_real(&real);
}

static void test_resnet8(void **state)
{
    (void)state;
    struct real real = load_real("resnet8");
    check_hash(&real, UINT64_C(0x82de4f1ebb62f17f));
    check_against_table(real.graph);
    struct sums sums = {0};
    for (uint32_t s = 0; s < real.samples.count; s++) {
        int32_t quantised = 0;
        int32_t floating = 0;
        run_both(&real, real.samples.inputs + s * real.samples.bytes, &quantised, &floating);
        print_message("  %-8s int8 %s, float %s\n", real.samples.titles[s], real.samples.class_names[quantised],
                      real.samples.class_names[floating]);
        add_to_sums(&real, &sums);
    }
    /* Two ways through the file's numbers: multipliers and shifts here, scales there. */
    for (uint32_t i = 1; i < real.graph->count; i++) {
        const double db = decibels(&sums, i);
        const double least = real.graph->nodes[i].op == BT_OP_SOFTMAX ? 14 : 24;
        if (!(db > least)) {
            fail_msg("%s: %.1f dB", real.graph->nodes[i].name, db);
        }
    }
    /* What TFLite prepared for its sums is what we prepare from the scales. */
    for (uint32_t i = 1; i < real.graph->count; i++) {
        struct bt_graph_node again = real.graph->nodes[i];
        if (again.op == BT_OP_ADD) {
            const struct ref_add file = again.u.add;
            assert_int_equal(bt_graph_quantise_add(real.graph, &again, BT_GRAPH_CLAMP_RELU), BT_OK);
            assert_int_equal(again.u.add.left_shift, file.left_shift);
            assert_int_equal(again.u.add.in1_mult, file.in1_mult);
            assert_int_equal(again.u.add.in1_shift, file.in1_shift);
            assert_int_equal(again.u.add.in2_mult, file.in2_mult);
            assert_int_equal(again.u.add.in2_shift, file.in2_shift);
            assert_int_equal(again.u.add.out_mult, file.out_mult);
            assert_int_equal(again.u.add.out_shift, file.out_shift);
            assert_int_equal(again.u.add.act_min, file.act_min);
            assert_int_equal(again.u.add.act_max, file.act_max);
        }
    }
    free_real(&real);
}

/* The least of all nodes but the input and a softmax, and which. */
static uint32_t worst_node(const struct real *real, const struct sums *sums)
{
    uint32_t worst = 1;
    for (uint32_t i = 1; i < real->graph->count; i++) {
        if (real->graph->nodes[i].op != BT_OP_SOFTMAX && decibels(sums, i) < decibels(sums, worst)) {
            worst = i;
        }
    }
    return worst;
}

static void test_squeezenet(void **state)
{
    (void)state;
    /* There is a dog, a bird of prey, a giraffe before zebras, horses, a person with a dog and a horse. */
    static const char *const classes[] = {"dogsled", "kite", "cheetah", "bighorn", "Great Pyrenees"};
    struct real real = load_real("squeezenet1_1");
    check_hash(&real, UINT64_C(0x114271089a2f7e20));
    check_against_table(real.graph);
    check_operators_against_table(real.twin);
    assert_string_equal(real.samples.class_names[0], "tench");
    assert_string_equal(real.samples.class_names[999], "toilet tissue");
    const uint32_t prob = real.graph->count - 1;
    const uint32_t logits = find(real.graph, "pool10");
    struct sums sums = {0};
    int32_t same = 0;
    for (uint32_t i = 0; i < PHOTOS; i++) {
        int32_t quantised = 0;
        int32_t floating = 0;
        run_both(&real, real.samples.inputs + i * real.samples.bytes, &quantised, &floating);
        add_to_sums(&real, &sums);
        print_message("  %-8s int8 %s (%.2f), float %s (%.2f)\n", real.samples.titles[i],
                      real.samples.class_names[quantised], (real.outputs[prob][quantised] + 128) / 256.0,
                      real.samples.class_names[floating], (double)real.twin_outputs[prob][floating]);
        assert_string_equal(real.samples.class_names[floating], classes[i]);
        same += quantised == floating;
    }
    const uint32_t worst = worst_node(&real, &sums);
    print_message("  top 1 alike %d of %d; logits %.1f dB, least %.1f dB at %s, probabilities %.1f dB\n", same, PHOTOS,
                  decibels(&sums, logits), decibels(&sums, worst), real.graph->nodes[worst].name,
                  decibels(&sums, prob));
    assert_int_equal(same, PHOTOS); /* the mean has a format of its own, finer than what it is the mean of */
    assert_true(decibels(&sums, logits) > 29 && decibels(&sums, worst) > 20 && decibels(&sums, prob) > 18);
    /* What is pooled or concatenated has the format of the result. */
    for (uint32_t i = 1; i < real.graph->count; i++) {
        const struct bt_graph_node *node = &real.graph->nodes[i];
        for (uint32_t k = 0; node->op == BT_OP_CONCAT && k < 2; k++) {
            assert_true(real.graph->nodes[node->inputs[k]].scale == node->scale);
        }
    }
    free_real(&real);
}

/* ---- boxes ---- */

struct box {
    uint32_t class;
    double score, x, y, w, h; /* of the upper left corner, in pixels */
    uint32_t head, cell, anchor;
};

#define COCO_CLASSES 80
static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

/* Box of the highest score, objectness times class, of both heads: 10x10 cells for large things, 20x20 for small. */
static struct box best_box(float *const heads[2])
{
    static const double anchors[2][3][2] = {{{115, 73}, {119, 199}, {242, 238}}, {{12, 18}, {37, 49}, {52, 132}}};
    struct box best = {0};
    for (uint32_t head = 0; head < 2; head++) {
        const uint32_t extent = head == 0 ? 10 : 20;
        for (uint32_t i = 0; i < extent * extent * 3; i++) {
            const uint32_t cell = i / 3;
            const uint32_t row = cell / extent;
            const float *at = heads[head] + (size_t)i * (5 + COCO_CLASSES);
            uint32_t class = 0;
            for (uint32_t c = 1; c < COCO_CLASSES; c++) {
                class = at[5 + c] > at[5 + class] ? c : class;
            }
            const double score = logistic(at[4]) * logistic(at[5 + class]);
            if (score > best.score) {
                const double w = exp((double)at[2]) * anchors[head][i % 3][0];
                const double h = exp((double)at[3]) * anchors[head][i % 3][1];
                best = (struct box){
                    .class = class,
                    .score = score,
                    .x = (cell % extent + logistic(at[0])) * 320 / extent - w / 2,
                    .y = (row + logistic(at[1])) * 320 / extent - h / 2,
                    .w = w,
                    .h = h,
                    .head = head,
                    .cell = cell,
                    .anchor = i % 3,
                };
            }
        }
    }
    return best;
}

static double overlap(const struct box *a, const struct box *b)
{
    const double w = fmin(a->x + a->w, b->x + b->w) - fmax(a->x, b->x);
    const double h = fmin(a->y + a->h, b->y + b->h) - fmax(a->y, b->y);
    const double both = w > 0 && h > 0 ? w * h : 0;
    return both / (a->w * a->h + b->w * b->h - both);
}

static void test_yolo_fastest(void **state)
{
    (void)state;
    /* Highest score of each photograph as OpenCV found it in float, in the data folder's yolo/inputs_raw/index.json. */
    static const struct box boxes[] = {
        {.class = 2, .score = 0.8967, .x = 189.2, .y = 42.4, .w = 96.1, .h = 57.8},   /* car */
        {.class = 14, .score = 0.8765, .x = 92.6, .y = 54.8, .w = 150.7, .h = 222.8}, /* bird */
        {.class = 23, .score = 0.9478, .x = 103.4, .y = -7.3, .w = 162.3, .h = 290},  /* giraffe */
        {.class = 17, .score = 0.8346, .x = 171.4, .y = 133.5, .w = 76.9, .h = 81.4}, /* horse */
        {.class = 0, .score = 0.9861, .x = 91.2, .y = 66.2, .w = 44, .h = 220.9},     /* person */
    };
    struct real real = load_real("yolo_fastest_1_1");
    check_hash(&real, UINT64_C(0xdc0a7d4f95cc860d));
    check_against_table(real.graph);
    check_operators_against_table(real.twin);
    const uint32_t heads[] = {find(real.graph, "120_conv"), find(real.graph, "129_conv")};
    float *dequantised[2];
    for (uint32_t k = 0; k < 2; k++) {
        dequantised[k] = malloc(bt_graph_bytes(&real.graph->nodes[heads[k]]) * sizeof(float));
        assert_non_null(dequantised[k]);
    }
    struct sums sums = {0};
    int32_t same = 0;
    for (uint32_t i = 0; i < PHOTOS; i++) {
        int32_t unused[2];
        run_both(&real, real.samples.inputs + i * real.samples.bytes, &unused[0], &unused[1]);
        add_to_sums(&real, &sums);
        for (uint32_t k = 0; k < 2; k++) {
            bt_graph_dequantise(&real.graph->nodes[heads[k]], real.outputs[heads[k]], dequantised[k]);
        }
        const struct box floating =
            best_box((float *const[]){real.twin_outputs[heads[0]], real.twin_outputs[heads[1]]});
        const struct box quantised = best_box(dequantised);
        const double iou = overlap(&quantised, &floating);
        print_message("  %-8s int8 class %u (%.2f), float class %u (%.2f), boxes overlap by %.2f, %s\n",
                      real.samples.titles[i], quantised.class, quantised.score, floating.class, floating.score, iou,
                      quantised.head == floating.head && quantised.cell == floating.cell &&
                              quantised.anchor == floating.anchor
                          ? "same place"
                          : "another place");
        same += quantised.class == floating.class && iou > 0.5;
        assert_int_equal(floating.class, boxes[i].class);
        assert_true(fabs(floating.score - boxes[i].score) < 0.002);
        assert_true(overlap(&floating, &boxes[i]) > 0.98);
    }
    const uint32_t worst = worst_node(&real, &sums);
    print_message("  best box alike %d of %d; heads %.1f and %.1f dB, least %.1f dB at %s\n", same, PHOTOS,
                  decibels(&sums, heads[0]), decibels(&sums, heads[1]), decibels(&sums, worst),
                  real.graph->nodes[worst].name);
    assert_true(same >= PHOTOS - 1);
    assert_true(decibels(&sums, heads[0]) > 17 && decibels(&sums, heads[1]) > 17);
    free(dequantised[0]);
    free(dequantised[1]);
    free_real(&real);
}

/* ---- a data folder that is not whole ---- */

static void test_missing_files(void **state)
{
    (void)state;
    static const struct {
        const char *name, *file;
    } cases[] = {
        {"lenet5", "no-such-folder/lenet/changwoolee_lenet5/Wconv1.f32.bin: missing"},
        {"resnet8", "no-such-folder/resnet/resnet8_mlperf_tiny/resnet8_int8_unpacked/graph.json: missing"},
        {"tiny_darknet", "no-such-folder/tiny_darknet/tiny.cfg: missing"},
        {"squeezenet1_1", "no-such-folder/squeezenet/ncnn_v1.1/squeezenet_v1.1.bin: missing"},
        {"yolo_fastest_1_1", "no-such-folder/yolo/yolo_fastest_1.1/yolo-fastest-1.1.cfg: missing"},
        {"resnet18",
         "resnet18: no trained weights are known here: expected lenet5, lenet5_relu, resnet8, tiny_darknet, "
         "squeezenet1_1 or yolo_fastest_1_1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_graph *graph = NULL;
        struct bt_float_graph *twin = NULL;
        struct bt_graph_samples samples = {0};
        struct bt_error err = {""};
        assert_int_equal(bt_graph_load_real(cases[i].name, "no-such-folder", &graph, &samples, &err), BT_EUNSUPPORTED);
        assert_string_equal(err.text, cases[i].file);
        assert_int_equal(bt_graph_load_float(cases[i].name, "no-such-folder", &twin, &err), BT_EUNSUPPORTED);
        assert_string_equal(err.text, cases[i].file);
        assert_true(graph == NULL && twin == NULL && samples.inputs == NULL);
    }
}

static void write_file(const char *dir, const char *name, const char *text, size_t bytes)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    for (char *slash = strchr(path + strlen(dir) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about;
    (void)type;
    (void)where;
    return remove(path);
}

static void remove_folder(const char *dir)
{
    assert_int_equal(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void test_broken_files(void **state)
{
    (void)state;
    static const struct {
        const char *network, *file, *text, *message;
    } cases[] = {
        {"lenet5", "lenet/changwoolee_lenet5/Wconv1.f32.bin", "12345678", "8 bytes: expected 600"},
        {"resnet8", "resnet/resnet8_mlperf_tiny/resnet8_int8_unpacked/graph.json", "{", "expected JSON"},
        {"resnet8", "resnet/resnet8_mlperf_tiny/resnet8_int8_unpacked/graph.json", "{\"ops\": []}",
         "graph.json: tensors, ops: expected lists of some, and not too many"},
        {"resnet8", "resnet/resnet8_mlperf_tiny/resnet8_int8_unpacked/graph.json", "{\"ops\": [], \"ops\": []}",
         "expected JSON"},
        {"tiny_darknet", "tiny_darknet/tiny.cfg", "[net]\nheight=7\n", "expected one, and layers"},
        {"tiny_darknet", "tiny_darknet/tiny.cfg",
         "[net]\nheight=224\nwidth=224\nchannels=3\n[convolutional]\nfilters=2\nsize=3\nactivation=leaky\n",
         "too short for layer 0_conv: expected the weights of"},
        {"tiny_darknet", "tiny_darknet/tiny.cfg", "[net]\nheight=224\nwidth=224\nchannels=3\n[lstm]\n",
         "[lstm]: expected convolutional"},
        {"tiny_darknet", "tiny_darknet/tiny.cfg", "[net]\nheight=224\nwidth=224\nchannels=3\n[softmax]\n",
         "1 values too many"},
    };
    char dir[] = P_tmpdir "/bt_test_graph_XXXXXX";
    assert_non_null(mkdtemp(dir));
    write_file(dir, "tiny_darknet/tiny.weights", "01234567890123456789", 20); /* header and one value */
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_float_graph *twin = NULL;
        struct bt_error err = {""};
        write_file(dir, cases[i].file, cases[i].text, strlen(cases[i].text));
        const enum bt_status status = bt_graph_load_float(cases[i].network, dir, &twin, &err);
        if (status != BT_EINPUT || strstr(err.text, cases[i].message) == NULL || twin != NULL) {
            fail_msg("case %zu: status %d, \"%s\"", i, status, err.text);
        }
    }
    remove_folder(dir);
}

/* ---- numbers of resnet8's graph.json ---- */

#define RESNET8 "resnet/resnet8_mlperf_tiny/resnet8_int8_unpacked/"
#define ACTIVATION(index, shape)                                                                                       \
    "{\"index\": " #index ", \"shape\": [" shape "], \"dtype\": \"int8\", \"scale\": [0.5], \"zero_point\": [-128], "  \
    "\"qdim\": 0}"
#define CONSTANT(index, shape, type, file)                                                                             \
    "{\"index\": " #index ", \"shape\": [" shape "], \"dtype\": \"" type                                               \
    "\", \"scale\": [0.25], \"zero_point\": [0], "                                                                     \
    "\"qdim\": 0, \"file\": \"" file "\"}"

/* One operator of each kind. */
static const char
    small_graph[] =
        "{\"inputs\": [0], \"tensors\": [" ACTIVATION(0, "1, 2, 2, 1") ", " CONSTANT(1, "1, 1, 1, 1", "int8", "w.bin") ", " CONSTANT(2, "1", "int32", "b.bin") ", " ACTIVATION(3, "1, 2, 2, 1") ", " ACTIVATION(4, "1, 2, 2, 1") ", " ACTIVATION(
            5,
            "1, 1, 1, 1") ", " ACTIVATION(6,
                                          "1, 1") ", " ACTIVATION(7,
                                                                  "1, 1") ", " CONSTANT(8, "1, 1", "int8",
                                                                                        "w.bin") ", "
                                                                                                 "{\"index\": 9, "
                                                                                                 "\"shape\": [1, 1], "
                                                                                                 "\"dtype\": \"int8\", "
                                                                                                 "\"scale\": "
                                                                                                 "[0.00390625], "
                                                                                                 "\"zero_point\": "
                                                                                                 "[-128], "
                                                                                                 "\"qdim\": 0}], "
                                                                                                 "\"ops\": ["
                                                                                                 "{\"op\": "
                                                                                                 "\"CONV_2D\", "
                                                                                                 "\"inputs\": [0, 1, "
                                                                                                 "2], \"outputs\": "
                                                                                                 "[3], "
                                                                                                 "\"p\": {\"padding\": "
                                                                                                 "0, \"sw\": 1, "
                                                                                                 "\"sh\": 1, \"dw\": "
                                                                                                 "1, \"dh\": 1, "
                                                                                                 "\"act\": 1}, "
                                                                                                 "\"output_mult\": "
                                                                                                 "[1073741824], "
                                                                                                 "\"output_shift\": "
                                                                                                 "[-1], \"act_range\": "
                                                                                                 "[-128, 127], "
                                                                                                 "\"pad_top_bottom_"
                                                                                                 "left_right\": [0, 0, "
                                                                                                 "0, 0]}, "
                                                                                                 "{\"op\": \"ADD\", "
                                                                                                 "\"inputs\": [0, 3], "
                                                                                                 "\"outputs\": [4], "
                                                                                                 "\"p\": {\"act\": 0}, "
                                                                                                 "\"left_shift\": 20, "
                                                                                                 "\"input1\": "
                                                                                                 "[1073741825, 0], "
                                                                                                 "\"input2\": "
                                                                                                 "[1073741824, 0], "
                                                                                                 "\"output\": "
                                                                                                 "[1073741826, -18], "
                                                                                                 "\"act_range\": "
                                                                                                 "[-127, 127]}, "
                                                                                                 "{\"op\": "
                                                                                                 "\"AVERAGE_POOL_2D\", "
                                                                                                 "\"inputs\": [4], "
                                                                                                 "\"outputs\": [5], "
                                                                                                 "\"p\": {\"padding\": "
                                                                                                 "1, \"sw\": 2, "
                                                                                                 "\"sh\": 2, \"fw\": "
                                                                                                 "2, \"fh\": 2, "
                                                                                                 "\"act\": 0}}, "
                                                                                                 "{\"op\": "
                                                                                                 "\"RESHAPE\", "
                                                                                                 "\"inputs\": [5], "
                                                                                                 "\"outputs\": [6], "
                                                                                                 "\"p\": {}}, "
                                                                                                 "{\"op\": "
                                                                                                 "\"FULLY_CONNECTED\", "
                                                                                                 "\"inputs\": [6, 8, "
                                                                                                 "2], \"outputs\": "
                                                                                                 "[7], \"p\": "
                                                                                                 "{\"act\": 0}, "
                                                                                                 "\"output_mult\": "
                                                                                                 "[1073741827], "
                                                                                                 "\"output_shift\": "
                                                                                                 "[-2], \"act_range\": "
                                                                                                 "[-126, 127]}, "
                                                                                                 "{\"op\": "
                                                                                                 "\"SOFTMAX\", "
                                                                                                 "\"inputs\": [7], "
                                                                                                 "\"outputs\": [9], "
                                                                                                 "\"p\": {\"beta\": "
                                                                                                 "1.0}}]}";

/* The text with its first `from` replaced. */
static void write_changed(const char *dir, const char *name, const char *text, const char *from, const char *to)
{
    char changed[4096];
    const char *at = strstr(text, from);
    assert_non_null(at);
    const int bytes = snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    assert_in_range(bytes, 1, sizeof(changed) - 1);
    write_file(dir, name, changed, (size_t)bytes);
}

static void test_numbers_of_a_graph(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *message; /* NULL: accepted */
    } cases[] = {
        {"\"inputs\"", "\"inputs\"", NULL},
        {"\"inputs\": [0]", "\"inputs\": [10]", "json: inputs[0]: 10: expected an integer from 0 to 9"},
        {"\"inputs\": [0]", "\"inputs\": [\"0\"]", "json: inputs[0]: no integer: expected an integer from 0 to 9"},
        {"\"inputs\": [0], ", "", "json: inputs: missing: expected a list of 1 to 1 integers"},
        {"\"index\": 3", "\"index\": 4", "tensor 3: index: 4: expected an integer from 3 to 3"},
        {"[1, 2, 2, 1]", "[1, 2.0, 2, 1]", "tensor 0: shape[1]: no integer: expected an integer from 1 to 65536"},
        {"[1, 2, 2, 1]", "[1, 2, 4294967298, 1]",
         "tensor 0: shape[2]: 4294967298: expected an integer from 1 to 65536"},
        {"[1, 2, 2, 1]", "[1, 2, 2, null]", "tensor 0: shape[3]: no integer: expected an integer from 1 to 65536"},
        {"[1, 2, 2, 1]", "[1, 65536, 65536, 1]", "tensor 0: shape: expected extents of a small tensor"},
        {"[1, 2, 2, 1]", "[2, 2, 2, 1]", "tensor 0: expected int8, [1][h][w][c] or [1][c], one scale and zero point"},
        {"\"shape\": [1, 2, 2, 1], ", "", "tensor 0: shape: missing: expected a list of 1 to 4 integers"},
        {"\"dtype\": \"int8\"", "\"dtype\": \"uint8\"", "tensor 0: expected int8"},
        {"\"scale\": [0.5]", "\"scale\": [\"0.5\"]", "tensor 0: scale[0]: no real: expected a real above 0, at most"},
        {"\"scale\": [0.5]", "\"scale\": [1]", "tensor 0: scale[0]: no real: expected a real above 0, at most"},
        {"\"scale\": [0.5]", "\"scale\": [0.0]", "tensor 0: scale[0]: out of range: expected a real above 0, at most"},
        {"\"scale\": [0.5]", "\"scale\": [1e7]", "tensor 0: scale[0]: out of range: expected a real above 0, at most"},
        {"\"scale\": [0.5], ", "", "tensor 0: scale, zero_point: expected lists of the same length"},
        {"\"scale\": [0.5]", "\"scale\": [0.5, 0.5]", "tensor 0: scale, zero_point: expected lists of the same length"},
        {"\"zero_point\": [-128]", "\"zero_point\": [128]",
         "tensor 0: zero_point[0]: 128: expected an integer from -128 to 127"},
        {"\"zero_point\": [-128]", "\"zero_point\": [-4294967424]",
         "tensor 0: zero_point[0]: -4294967424: expected an integer from -128 to 127"},
        {"\"zero_point\": [-128], ", "", "tensor 0: zero_point: missing: expected a list of 0 to 1 integers"},
        {"\"qdim\": 0", "\"qdim\": 3", "tensor 0: qdim: 3: expected an integer from 0 to 0"},
        {"\"zero_point\": [0]", "\"zero_point\": [1]", "tensor 1, a constant of type int8: expected that type, scales"},
        {"\"int32\"", "\"int8\"", "tensor 2, a constant of type int32: expected that type, scales"},
        {"[0, 1, 2]", "[0, 1]", "operator 0, CONV_2D: inputs: no such list: expected a list of 3 to 3 integers"},
        {"[0, 1, 2]", "[0, 1.5, 2]", "operator 0, CONV_2D: inputs[1]: no integer: expected an integer from 0 to 255"},
        {"[0, 1, 2]", "[0, 1, 10]", "operator 0, CONV_2D: inputs[2]: 10: expected an integer from 0 to 9"},
        {"[0, 1, 2]", "[7, 1, 2]", "CONV_2D: expected an input that is there"},
        {"\"outputs\": [3]", "\"outputs\": [0]", "CONV_2D: expected an input that is there, and an output that is not"},
        {"\"outputs\": [3], ", "", "operator 0, CONV_2D: outputs: missing: expected a list of 1 to 1 integers"},
        {"\"outputs\": [3]", "\"outputs\": [10]", "operator 0, CONV_2D: outputs[0]: 10: expected an integer from 0 to"},
        {"\"sw\": 1", "\"sw\": 1.0", "operator 0, CONV_2D: p.sw: no integer: expected an integer from 1 to 65536"},
        {"\"sh\": 1", "\"sh\": 4294967297", "operator 0, CONV_2D: p.sh: 4294967297: expected an integer from 1 to"},
        {"\"dw\": 1", "\"dw\": 0", "operator 0, CONV_2D: p.dw: 0: expected an integer from 1 to 65536"},
        {"\"dh\": 1", "\"dx\": 1", "operator 0, CONV_2D: p.dh: missing: expected an integer from 1 to 65536"},
        {"\"padding\": 0", "\"padding\": 2", "operator 0, CONV_2D: p.padding: 2: expected an integer from 0 to 1"},
        {"\"act\": 1", "\"act\": 3", "operator 0, CONV_2D: p.act: 3: expected an integer from 0 to 1"},
        {"[1073741824]", "[-1]", "operator 0, CONV_2D: output_mult[0]: -1: expected an integer from 0 to 2147483647"},
        {"[1073741824]", "[5368709120]", "operator 0, CONV_2D: output_mult[0]: 5368709120: expected an integer from 0"},
        {"[1073741824]", "[true]", "operator 0, CONV_2D: output_mult[0]: no integer: expected an integer from 0 to"},
        {"[-1]", "[31]", "operator 0, CONV_2D: output_shift[0]: 31: expected an integer from -31 to 30"},
        {"[-1]", "[]", "operator 0, CONV_2D: output_shift: no such list: expected a list of 1 to 65536 integers"},
        {"[-128, 127]", "[-128, 128]", "operator 0, CONV_2D: act_range[1]: 128: expected an integer from -128 to 127"},
        {"[-128, 127]", "[5, 4]", "operator 0, CONV_2D: act_range: expected the lower end first"},
        {"\"act_range\": [-128, 127], ", "", "operator 0, CONV_2D: act_range: missing: expected a list of 2 to 2"},
        {", \"act_range\": [-127, 127]", "", "operator 1, ADD: act_range: missing: expected a list of 2 to 2 integers"},
        {", \"act_range\": [-126, 127]", "", "operator 4, FULLY_CONNECTED: act_range: missing: expected a list of 2"},
        {"[0, 0, 0, 0]", "[0, 0, 0]", "CONV_2D: pad_top_bottom_left_right: no such list: expected a list of 4 to 4"},
        {"[0, 0, 0, 0]", "[0, 0, -1, 0]", "CONV_2D: pad_top_bottom_left_right[2]: -1: expected an integer from 0 to"},
        {"\"left_shift\": 20", "\"left_shift\": \"20\"", "operator 1, ADD: left_shift: no integer: expected an"},
        {"\"left_shift\": 20", "\"left_shift\": 23",
         "operator 1, ADD: left_shift: 23: expected an integer from 0 to 22"},
        {"[1073741825, 0]", "[1073741825, 1]", "operator 1, ADD: input1[1]: 1: expected an integer from -31 to 0"},
        {"[1073741824, 0]", "[1073741824]", "operator 1, ADD: input2: no such list: expected a list of 2 to 2"},
        {"[1073741826, -18]", "[-4, -18]", "operator 1, ADD: output[0]: -4: expected an integer from 0 to 2147483647"},
        {"[1073741826, -18]", "[1073741826, -18.0]", "operator 1, ADD: output[1]: no integer: expected an integer"},
        {"\"padding\": 1", "\"padding\": 0", "operator 2, AVERAGE_POOL_2D: p.padding: 0: expected an integer from 1"},
        {"\"fw\": 2", "\"fw\": null", "operator 2, AVERAGE_POOL_2D: p.fw: no integer: expected an integer from 1 to"},
        {"\"fh\": 2, ", "", "operator 2, AVERAGE_POOL_2D: p.fh: missing: expected an integer from 1 to 65536"},
        {"\"fh\": 2, \"act\": 0", "\"fh\": 2, \"act\": 1",
         "AVERAGE_POOL_2D: p.act: 1: expected an integer from 0 to 0"},
        {"\"index\": 6, \"shape\": [1, 1]", "\"index\": 6, \"shape\": [1, 2]", "RESHAPE: expected as many elements"},
        {"[1073741827]", "[1073741827, 5]", "output_mult, output_shift: expected one, or one per channel"},
        {"\"beta\": 1.0", "\"beta\": 1", "operator 5, SOFTMAX: p.beta: no real: expected a real above 0, at most"},
        {"\"beta\": 1.0", "\"beta\": -1.0", "operator 5, SOFTMAX: p.beta: out of range: expected a real above 0"},
        {"\"beta\": 1.0", "", "operator 5, SOFTMAX: p.beta: missing: expected a real above 0, at most"},
        {"SOFTMAX", "LSTM",
         "operator 5, LSTM: expected CONV_2D, ADD, FULLY_CONNECTED, AVERAGE_POOL_2D, RESHAPE or SOF"},
    };
    char dir[] = P_tmpdir "/bt_test_graph_XXXXXX";
    assert_non_null(mkdtemp(dir));
    write_file(dir, RESNET8 "w.bin", "\1", 1);
    write_file(dir, RESNET8 "b.bin", "\0\0\0\0", 4);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_float_graph *graph = NULL;
        struct bt_error err = {""};
        write_changed(dir, RESNET8 "graph.json", small_graph, cases[i].from, cases[i].to);
        const enum bt_status status = bt_graph_load_float("resnet8", dir, &graph, &err);
        const bool good = cases[i].message == NULL;
        if (status != (good ? BT_OK : BT_EINPUT) || (graph != NULL) != good ||
            (!good && (strstr(err.text, cases[i].message) == NULL || strstr(err.text, "graph.json: ") == NULL))) {
            fail_msg("case %zu (%s): status %d, \"%s\"", i, cases[i].to, status, err.text);
        }
        bt_float_graph_free(graph);
    }
    remove_folder(dir);
}

/* ---- float weights ---- */

static void test_float_weights(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t count;
    } lenet5[] = {
        {"Wconv1", 150}, {"bconv1", 6},  {"Wpool1", 6},  {"bpool1", 6},     {"Wconv3", 2400},
        {"bconv3", 16},  {"Wpool2", 16}, {"bpool2", 16}, {"Wconv5", 48000}, {"bconv5", 120},
        {"Wfc1", 10080}, {"bfc1", 84},   {"Wfc2", 840},  {"bfc2", 10},
    };
    static const struct {
        size_t file, index;
        float value;
        const char *message; /* NULL: accepted */
    } cases[] = {
        {0, 0, 1e6f, NULL},
        {0, 149, -1e6f, NULL},
        {0, 149, NAN, "Wconv1.f32.bin: value 149 is "},
        {1, 2, INFINITY, "bconv1.f32.bin: value 2 is inf"},
        {2, 5, -INFINITY, "Wpool1.f32.bin: value 5 is -inf"},
        {8, 47999, NAN, "Wconv5.f32.bin: value 47999 is "},
        {9, 0, 1.1e6f, "bconv5.f32.bin: value 0 is 1.1e+06: expected finite values of at most 1e+06 in magnitude"},
        {13, 9, -3e38f, "bfc2.f32.bin: value 9 is -3e+38: expected finite values of at most 1e+06 in magnitude"},
    };
    char dir[] = P_tmpdir "/bt_test_graph_XXXXXX";
    char path[128];
    float *values = calloc(48000, sizeof(float));
    assert_non_null(values);
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < sizeof(lenet5) / sizeof(lenet5[0]); i++) {
        (void)snprintf(path, sizeof(path), "lenet/changwoolee_lenet5/%s.f32.bin", lenet5[i].name);
        write_file(dir, path, (const char *)values, lenet5[i].count * sizeof(float));
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_float_graph *graph = NULL;
        struct bt_error err = {""};
        const size_t bytes = lenet5[cases[i].file].count * sizeof(float);
        (void)snprintf(path, sizeof(path), "lenet/changwoolee_lenet5/%s.f32.bin", lenet5[cases[i].file].name);
        values[cases[i].index] = cases[i].value;
        write_file(dir, path, (const char *)values, bytes);
        const enum bt_status status = bt_graph_load_float("lenet5", dir, &graph, &err);
        const bool good = cases[i].message == NULL;
        if (status != (good ? BT_OK : BT_EINPUT) || (graph != NULL) != good ||
            (!good && strstr(err.text, cases[i].message) == NULL)) {
            fail_msg("case %zu: status %d, \"%s\"", i, status, err.text);
        }
        bt_float_graph_free(graph);
        values[cases[i].index] = 0;
        write_file(dir, path, (const char *)values, bytes);
    }
    free(values);
    remove_folder(dir);
}

static void test_darknet_weights(void **state)
{
    (void)state;
    /* Header of 4 words; bias, scale, mean, variance, three weights. */
    static const struct {
        size_t index;
        float value;
        size_t more_bytes;
        const char *message; /* NULL: accepted */
    } cases[] = {
        {4, 1, 0, NULL},
        {4, NAN, 0, "tiny.weights: value 0 is "},
        {10, INFINITY, 0, "tiny.weights: value 6 is inf: expected finite values of at most 1e+06 in magnitude"},
        {7, -1, 0, "tiny.weights: weights of layer 0_conv with their normalisation: value 0 is "},
        {6, -7e5f, 0, "tiny.weights: bias of layer 0_conv with its normalisation: value 0 is 1.4e+06"},
        {4, 1, 3, "tiny.weights: 47 bytes: expected a header of 16 and whole values"},
    };
    char dir[] = P_tmpdir "/bt_test_graph_XXXXXX";
    assert_non_null(mkdtemp(dir));
    static const char cfg[] =
        "[net]\nheight=224\nwidth=224\nchannels=3\n[convolutional]\nbatch_normalize=1\nfilters=1\n"
        "size=1\nactivation=leaky\n";
    write_file(dir, "tiny_darknet/tiny.cfg", cfg, strlen(cfg));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        float words[12] = {0, 0, 0, 0, 1, 2, 0, 1, 1, 1, 1};
        struct bt_float_graph *graph = NULL;
        struct bt_error err = {""};
        words[cases[i].index] = cases[i].value;
        write_file(dir, "tiny_darknet/tiny.weights", (const char *)words, 11 * sizeof(float) + cases[i].more_bytes);
        const enum bt_status status = bt_graph_load_float("tiny_darknet", dir, &graph, &err);
        const bool good = cases[i].message == NULL;
        if (status != (good ? BT_OK : BT_EINPUT) || (graph != NULL) != good ||
            (!good && strstr(err.text, cases[i].message) == NULL)) {
            fail_msg("case %zu: status %d, \"%s\"", i, status, err.text);
        }
        bt_float_graph_free(graph);
    }
    remove_folder(dir);
}

/* ---- layers of a cfg ---- */

#define YOLO "yolo/yolo_fastest_1.1/yolo-fastest-1.1"

static void test_darknet_layers(void **state)
{
    (void)state;
    static const struct {
        const char *layers;  /* behind [net] */
        uint32_t values;     /* all 0 */
        const char *message; /* NULL: accepted */
    } cases[] = {
        {"[maxpool]\nsize=3\n", 0, NULL},
        {"[route]\n", 0, "cfg: layer 0, [route]: 0 sources: expected 1 to 16"},
        {"[dropout]\n[route]\nlayers=0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0\n", 0,
         "cfg: layer 1, [route]: 17 sources: expected 1 to 16"},
        {"[dropout]\n[route]\nlayers=-2\n", 0, "cfg: layer 1, [route]: source -2: expected an earlier layer"},
        {"[dropout]\n[route]\nlayers=1\n", 0, "cfg: layer 1, [route]: source 1: expected an earlier layer"},
        {"[route]\nlayers=99999999999999999999\n", 0, "source 160: expected an earlier layer"},
        {"[shortcut]\nfrom=x\n", 0, "cfg: layer 0, [shortcut]: 0 sources: expected 1 to 1"},
        {"[dropout]\n[shortcut]\nfrom=-1,-1\n", 0, "cfg: layer 1, [shortcut]: 2 sources: expected 1 to 1"},
        {"[dropout]\n[shortcut]\nfrom=-1\nactivation=leaky\n", 0, "layer 1_add: activation leaky: expected linear"},
        {"[maxpool]\nsize=2\nstride=2\n[dropout]\n[maxpool]\nsize=2\nstride=2\n[shortcut]\nfrom=-3\n", 0,
         "cfg: layer 3_add: sources of different shapes: expected the same"},
        {"[dropout]\n[maxpool]\nsize=2\nstride=2\n[route]\nlayers=-1,-2\n", 0,
         "cfg: layer 2_concat: sources of different extents"},
        {"[upsample]\nstride=0\n", 0, "cfg: layer 0_upsample: stride 0: expected an upsampling to at most 4096"},
        {"[upsample]\nstride=13\n", 0, "cfg: layer 0_upsample: stride 13: expected an upsampling to at most 4096"},
        {"[maxpool]\n", 0, "cfg: layer 0_maxpool: size 0, stride 1: expected 1 to 4096"},
        {"[maxpool]\nsize=5000\n", 0, "cfg: layer 0_maxpool: size 5000, stride 1: expected 1 to 4096"},
        {"[maxpool]\nsize=2\nstride=-1\n", 0, "cfg: layer 0_maxpool: size 2, stride -1: expected 1 to 4096"},
        {"[convolutional]\nfilters=4\nsize=1\ngroups=2\nactivation=leaky\n", 10, "cfg: layer 0_conv: "},
        {"[convolutional]\nfilters=3\nsize=1\ngroups=0\nactivation=leaky\n", 12, "cfg: layer 0_conv: "},
        {"[convolutional]\nfilters=3\nsize=1\ngroups=3\nactivation=mish\n", 6,
         "cfg: layer 0_dw: activation: expected a convolution, leaky or linear"},
        {"[convolutional]\nfilters=3\nsize=1\ngroups=3\nactivation=leaky\n", 5,
         "weights: too short for layer 0_dw: expected the weights of"},
        {"[convolutional]\nfilters=3\nsize=1\ngroups=3\nactivation=leaky\n", 7,
         "weights: 1 values too many: expected the weights of"},
    };
    char dir[] = P_tmpdir "/bt_test_graph_XXXXXX";
    char cfg[1024];
    const uint32_t words[5 + 16] = {0, 2, 5, 7, 7}; /* from version 0.2 on the header has five */
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_float_graph *graph = NULL;
        struct bt_error err = {""};
        (void)snprintf(cfg, sizeof(cfg), "[net]\nheight=320\nwidth=320\nchannels=3\n%s", cases[i].layers);
        write_file(dir, YOLO ".cfg", cfg, strlen(cfg));
        write_file(dir, YOLO ".weights", (const char *)words, (5 + cases[i].values) * sizeof(words[0]));
        const enum bt_status status = bt_graph_load_float("yolo_fastest_1_1", dir, &graph, &err);
        const bool good = cases[i].message == NULL;
        if (status != (good ? BT_OK : BT_EINPUT) || (graph != NULL) != good ||
            (!good && strstr(err.text, cases[i].message) == NULL)) {
            fail_msg("case %zu (%s): status %d, \"%s\"", i, cases[i].layers, status, err.text);
        }
        bt_float_graph_free(graph);
    }

    /* One of each, with Darknet's spaces, comments and layers that put out what comes in. */
    static const struct {
        const char *name;
        int32_t h, c;
        uint32_t inputs[2];
    } expected[] = {
        {"input", 320, 3, {0}},      {"0_dw", 320, 3, {0}},        {"1_maxpool", 320, 3, {1}},
        {"2_add", 320, 3, {2, 1}},   {"3_maxpool", 160, 3, {3}},   {"4_maxpool", 160, 3, {4}},
        {"7_upsample", 320, 3, {4}}, {"8_concat", 320, 6, {6, 3}},
    };
    static const char all[] = "[net]\nheight = 320\nwidth=320\nchannels=3\n# height=7\n"
                              "[convolutional]\nfilters=3\nsize=1\npad=1\ngroups=3\nactivation=linear\n[maxpool]\nsize="
                              "3\n[shortcut]\nfrom=-2\n"
                              "[maxpool]\nsize=3\nstride=2\n[maxpool]\nsize=5\nstride=1\n[yolo]\n[route]\nlayers = -3\n"
                              "[upsample]\nstride=2\n[route]\nlayers=-1, 2\n";
    struct bt_float_graph *graph = NULL;
    struct bt_error err = {""};
    write_file(dir, YOLO ".cfg", all, strlen(all));
    write_file(dir, YOLO ".weights", (const char *)words, (5 + 6) * sizeof(words[0]));
    if (bt_graph_load_float("yolo_fastest_1_1", dir, &graph, &err) != BT_OK || graph == NULL) {
        fail_msg("%s", err.text);
        return;
    }
    assert_int_equal(graph->count, sizeof(expected) / sizeof(expected[0]));
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct bt_float_node *node = &graph->nodes[i];
        assert_string_equal(node->name, expected[i].name);
        assert_int_equal(node->h, expected[i].h);
        assert_int_equal(node->w, expected[i].h);
        assert_int_equal(node->c, expected[i].c);
        for (uint32_t k = 0; k < node->input_count; k++) {
            assert_int_equal(node->inputs[k], expected[i].inputs[k]);
        }
    }
    /* Half of a window less one in front: 3 by 2 over 320 needs nothing behind. */
    assert_int_equal(graph->nodes[4].u.pool.pad_top, 1);
    assert_int_equal(graph->nodes[4].u.pool.pad_bottom, 0);
    assert_int_equal(graph->nodes[5].u.pool.pad_left, 2);
    assert_int_equal(graph->nodes[5].u.pool.pad_right, 2);
    bt_float_graph_free(graph);
    remove_folder(dir);
}

/* ---- SqueezeNet's files ---- */

#define SQUEEZENET "squeezenet/ncnn_v1.1/squeezenet_v1.1"
#define SQUEEZENET_BYTES 2478984

/* Tags at their places, weights and biases 0. Gives the place of a layer's tag: 0 to 25. */
static size_t fill_squeezenet(unsigned char *bytes, uint32_t layer)
{
    static const unsigned char tag[] = {0x47, 0x6b, 0x30, 0x01};
    static const uint32_t squeezes[] = {16, 16, 32, 32, 48, 48, 64, 64};
    size_t at = 0;
    size_t found = 0;
    uint32_t from = 64;
    for (uint32_t i = 0; i < 26; i++) {
        const uint32_t squeeze = i > 0 && i < 25 ? squeezes[(i - 1) / 3] : 0;
        const uint32_t c_out = i == 0 ? 64 : i == 25 ? 1000 : i % 3 == 1 ? squeeze : 4 * squeeze;
        const uint32_t filter = i == 0 ? 27 : i == 25 ? 512 : i % 3 == 1 ? from : i % 3 == 2 ? squeeze : 9 * squeeze;
        found = i == layer ? at : found;
        memcpy(bytes + at, tag, sizeof(tag));
        at += sizeof(tag) + 2 * (size_t)c_out * filter + 4 * (size_t)c_out;
        from = i % 3 == 0 && i > 0 ? 8 * squeeze : from;
    }
    assert_int_equal(at, SQUEEZENET_BYTES);
    return found;
}

/* A scale for all that is in the network, names as ncnn writes them. */
static void write_scales(char *text, size_t room)
{
    struct bt_network *network = load("squeezenet1_1");
    size_t bytes = 0;
    for (uint32_t i = 1; i < network->count; i++) {
        bytes += (size_t)snprintf(text + bytes, room - bytes, "%s 0.5\n", network->nodes[i].name);
    }
    for (char *dot = text; (dot = strchr(dot, '.')) != NULL; dot++) {
        *dot = dot[1] == '5' ? '.' : '/';
    }
    bt_network_free(network);
}

static void test_squeezenet_files(void **state)
{
    (void)state;
    static const struct {
        const char *file; /* what is changed: its first `from` (if any) to `to` */
        const char *from, *to, *message;
    } texts[] = {
        {SQUEEZENET ".int8_calibration.table", "conv1 0.5", "conv1 0", "table: line 1: expected a name and a scale"},
        {SQUEEZENET ".int8_calibration.table", "pool1 0.5", "pool1 -1", "table: line 2: expected a name and a scale"},
        {SQUEEZENET ".int8_calibration.table", "pool1 0.5", "pool1 nan", "table: line 2: expected a name and a scale"},
        {SQUEEZENET ".int8_calibration.table", "pool1 0.5", "pool1 1 x", "table: line 2: expected a name and a scale"},
        {SQUEEZENET ".int8_calibration.table", "pool1 0.5", "pool1", "table: line 2: expected a name and a scale"},
        {SQUEEZENET ".int8_calibration.table", "prob 0.5", "prob 1e9", "table: line 39: expected a name and a scale"},
        {SQUEEZENET ".int8_calibration.table", "fire5/concat", "fire5/conca", "no scale of fire5.concat: expected one"},
        {"squeezenet/imagenet_classes.txt", "7 n7 name", "8 n7 name", "txt: line 8: expected 1000 lines of index"},
        {"squeezenet/imagenet_classes.txt", "7 n7 name", "7 n7", "txt: line 8: expected 1000 lines of index"},
        {"squeezenet/imagenet_classes.txt", "7 n7 name", "7 n7 ", "txt: line 8: expected 1000 lines of index"},
        {"squeezenet/imagenet_classes.txt", "999 n999 name\n", "", "txt: line 1000: expected 1000 lines of index"},
        {"squeezenet/imagenet_classes.txt", "999 n999 name", "999 n999 name\n1000 n1 name", "txt: line 1001: expected"},
        {"squeezenet/rgb_u8_5x224x224x3.bin", NULL, "12", "5x224x224x3.bin: 2 bytes: expected 752640"},
        {"yolo/inputs_raw/rgb_u8_16x320x320x3.bin", NULL, "123", "16x320x320x3.bin: 3 bytes: expected 4915200"},
    };
    static const struct {
        uint32_t layer;
        size_t at; /* behind its tag's first byte */
        unsigned char bytes[4];
        const char *message; /* NULL: accepted */
    } weights[] = {
        {3, 4, {0xff, 0xfb}, NULL}, /* -65504, the largest there is */
        {0, 0, {0}, "bin: layer conv1: tag 01306b00: expected 01306b47, binary16"},
        {25, 3, {2}, "bin: layer conv10: tag 02306b47: expected 01306b47, binary16"},
        {1, 6, {0, 0x7c}, "bin: weights of layer fire2.squeeze1x1: value 1 is inf"},
        {24, 4, {1, 0xfc}, "bin: weights of layer fire9.expand3x3: value 0 is "},
        {0, 4 + 2 * 1728 + 8, {0, 0, 0x80, 0x7f}, "bin: bias of layer conv1: value 2 is inf"},
    };
    char dir[] = P_tmpdir "/bt_test_graph_XXXXXX";
    enum { ROOM = 32768, IMAGES = 4915200 };
    unsigned char *bytes = calloc(IMAGES, 1);
    char *scales = calloc(1, ROOM);
    char *classes = calloc(1, ROOM);
    char *changed = calloc(1, ROOM);
    assert_true(bytes != NULL && scales != NULL && classes != NULL && changed != NULL);
    assert_non_null(mkdtemp(dir));
    write_scales(scales, ROOM);
    for (size_t c = 0, at = 0; c < 1000; c++) {
        at += (size_t)snprintf(classes + at, ROOM - at, "%zu n%zu name\n", c, c);
    }

    for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
        struct bt_float_graph *graph = NULL;
        struct bt_error err = {""};
        memset(bytes, 0, SQUEEZENET_BYTES);
        const size_t at = fill_squeezenet(bytes, weights[i].layer) + weights[i].at;
        memcpy(bytes + at, weights[i].bytes, weights[i].at < 4 ? 1 : sizeof(weights[i].bytes));
        write_file(dir, SQUEEZENET ".bin", (const char *)bytes, SQUEEZENET_BYTES);
        const enum bt_status status = bt_graph_load_float("squeezenet1_1", dir, &graph, &err);
        const bool good = weights[i].message == NULL;
        if (status != (good ? BT_OK : BT_EINPUT) || (graph != NULL) != good ||
            (!good && strstr(err.text, weights[i].message) == NULL)) {
            fail_msg("weights %zu: status %d, \"%s\"", i, status, err.text);
        }
        if (graph != NULL) {
            const float *values = graph->nodes[5].weights; /* fire2.expand3x3, after conv1, pool1 and two others */
            assert_true(values[0] == -65504.0f);
        }
        bt_float_graph_free(graph);
    }

    memset(bytes, 0, SQUEEZENET_BYTES);
    (void)fill_squeezenet(bytes, 0);
    write_file(dir, SQUEEZENET ".bin", (const char *)bytes, SQUEEZENET_BYTES);
    memset(bytes, 0, IMAGES);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct bt_graph *graph = NULL;
        struct bt_graph_samples samples = {0};
        struct bt_error err = {""};
        write_file(dir, "squeezenet/rgb_u8_5x224x224x3.bin", (const char *)bytes, 752640);
        write_file(dir, "yolo/inputs_raw/rgb_u8_16x320x320x3.bin", (const char *)bytes, IMAGES);
        write_file(dir, SQUEEZENET ".int8_calibration.table", scales, strlen(scales));
        write_file(dir, "squeezenet/imagenet_classes.txt", classes, strlen(classes));
        const char *whole = strstr(texts[i].file, ".table") != NULL ? scales : classes;
        const char *from = texts[i].from != NULL ? strstr(whole, texts[i].from) : whole;
        assert_non_null(from);
        const char *rest = texts[i].from != NULL ? from + strlen(texts[i].from) : "";
        const int length = snprintf(changed, ROOM, "%.*s%s%s", (int)(from - whole), whole, texts[i].to, rest);
        write_file(dir, texts[i].file, changed, (size_t)length);
        const enum bt_status status = bt_graph_load_real("squeezenet1_1", dir, &graph, &samples, &err);
        if (status != BT_EINPUT || strstr(err.text, texts[i].message) == NULL || graph != NULL ||
            samples.inputs != NULL) {
            fail_msg("text %zu: status %d, \"%s\"", i, status, err.text);
        }
    }
    free(bytes);
    free(scales);
    free(classes);
    free(changed);
    remove_folder(dir);
}

/* ---- MNIST's files ---- */

#define MNIST_IMAGES 7840016
#define MNIST_LABELS 10008

/* gzip of the bytes, then `more` of other bytes; below 0, so many fewer. */
static void write_gzip(const char *dir, const char *name, unsigned char *bytes, size_t count, long more)
{
    char path[256];
    struct stat about;
    write_file(dir, name, "", 0); /* makes the folders */
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    gzFile file = gzopen(path, "wb1");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)count), count);
    assert_int_equal(gzclose_w(file), Z_OK);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(truncate(path, about.st_size + more), 0); /* what is added is 0 */
}

static void test_mnist_files(void **state)
{
    (void)state;
    static const struct {
        bool labels; /* the file that is changed */
        size_t at;   /* byte of it, and its value there */
        unsigned char to;
        int32_t longer;      /* what is compressed */
        long more;           /* the compressed file */
        const char *message; /* NULL: accepted */
    } cases[] = {
        {false, 16, 9, 0, 0, NULL},
        {false, 16, 0, 0, 1, "images-idx3-ubyte.gz: 1 bytes behind the compressed data: expected none"},
        {true, 8, 0, 0, 70000, "labels-idx1-ubyte.gz: 70000 bytes behind the compressed data: expected none"},
        {false, 16, 0, 0, -1, "images-idx3-ubyte.gz: broken or cut short: expected a whole gzip file"},
        {false, 16, 0, 1, 0, "images-idx3-ubyte.gz: 7840017 bytes: expected 7840016"},
        {false, 16, 0, -1, 0, "images-idx3-ubyte.gz: 7840015 bytes: expected 7840016"},
        {true, 8, 0, 1, 0, "labels-idx1-ubyte.gz: 10009 bytes: expected 10008"},
        {false, 2, 9, 0, 0, "images-idx3-ubyte.gz: header: magic number: 2307: expected 2051"},
        {false, 7, 0x0f, 0, 0, "images-idx3-ubyte.gz: header: images: 9999: expected 10000"},
        {false, 11, 27, 0, 0, "images-idx3-ubyte.gz: header: rows: 27: expected 28"},
        {false, 15, 29, 0, 0, "images-idx3-ubyte.gz: header: columns: 29: expected 28"},
        {true, 3, 3, 0, 0, "labels-idx1-ubyte.gz: header: magic number: 2051: expected 2049"},
        {true, 7, 0x11, 0, 0, "labels-idx1-ubyte.gz: header: labels: 10001: expected 10000"},
        {true, 10007, 10, 0, 0, "labels-idx1-ubyte.gz: label 9999: 10: expected a digit"},
    };
    static const char *const names[] = {"lenet/mnist/t10k-images-idx3-ubyte.gz",
                                        "lenet/mnist/t10k-labels-idx1-ubyte.gz"};
    static const unsigned char headers[2][16] = {{0, 0, 8, 3, 0, 0, 0x27, 0x10, 0, 0, 0, 28, 0, 0, 0, 28},
                                                 {0, 0, 8, 1, 0, 0, 0x27, 0x10}};
    static const size_t sizes[] = {MNIST_IMAGES, MNIST_LABELS};
    char dir[] = P_tmpdir "/bt_test_graph_XXXXXX";
    unsigned char *bytes = calloc(MNIST_IMAGES + 1, 1);
    assert_non_null(bytes);
    assert_non_null(mkdtemp(dir));
    for (size_t f = 0; f < 2; f++) {
        memcpy(bytes, headers[f], 16);
        write_gzip(dir, names[f], bytes, sizes[f], 0);
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const size_t f = cases[i].labels ? 1 : 0;
        struct bt_graph_samples samples = {0};
        struct bt_error err = {""};
        memcpy(bytes, headers[f], 16);
        const unsigned char was = bytes[cases[i].at];
        bytes[cases[i].at] = cases[i].to;
        write_gzip(dir, names[f], bytes, sizes[f] + (size_t)(int64_t)cases[i].longer, cases[i].more);
        const enum bt_status status = bt_graph_load_mnist(dir, 0, 1, &samples, &err);
        const bool good = cases[i].message == NULL;
        if (status != (good ? BT_OK : BT_EINPUT) || (samples.inputs != NULL) != good ||
            (!good && strstr(err.text, cases[i].message) == NULL)) {
            fail_msg("case %zu: status %d, \"%s\"", i, status, err.text);
        }
        if (samples.inputs != NULL) { /* the first pixel, behind two rows and columns of padding */
            assert_int_equal(samples.inputs[2 * 32 + 2], cases[i].to - 128);
        }
        bt_graph_samples_free(&samples);
        bytes[cases[i].at] = was;
        write_gzip(dir, names[f], bytes, sizes[f], 0);
    }
    free(bytes);
    remove_folder(dir);
}

static void test_known(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool known;
    } cases[] = {
        {"lenet5", true},         {"resnet8", true},          {"tiny_darknet", true},
        {"squeezenet1_1", true},  {"yolo_fastest_1_1", true}, {"resnet18", false},
        {"squeezenet1_0", false}, {"lenet", false},           {"", false},
        {"lenet5 ", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(bt_graph_known(cases[i].name), cases[i].known);
    }
}

/* Each convolution of its own has as many zeros as asked for, and the rest still spreads to the end of the network. */
static void test_pruned(void **state)
{
    (void)state;
    const struct bt_pruning pruning = {.percent = 75, .structure = BT_STRUCTURE_CHANNEL};
    struct bt_network *network = load("resnet8");
    struct bt_error err = {""};
    struct bt_graph *graph = NULL;
    if (bt_graph_seeded(network, 1, &pruning, &graph, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct bt_graph_node *node = &graph->nodes[i];
        if (node->op != BT_OP_CONV2D) {
            continue;
        }
        int64_t zeros = 0;
        for (int64_t w = 0; w < bt_conv2d_weight_elems(&node->u.conv); w++) {
            zeros += node->weights[w] == 0;
        }
        const int64_t pruned = bt_prune_count(&pruning, &node->u.conv) * node->u.conv.kh * node->u.conv.kw;
        assert_true(zeros >= pruned && zeros <= pruned + bt_conv2d_weight_elems(&node->u.conv) / 50 + 2);
    }
    bt_graph_free(graph);
    bt_network_free(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pruned),
        cmocka_unit_test(test_every_operator),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_seeded),
        cmocka_unit_test(test_seeded_layers_differ),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_quantise_by_hand),
        cmocka_unit_test(test_quantised_is_close),
        cmocka_unit_test(test_lenet5),
        cmocka_unit_test(test_tiny_darknet),
        cmocka_unit_test(test_resnet8),
        cmocka_unit_test(test_squeezenet),
        cmocka_unit_test(test_yolo_fastest),
        cmocka_unit_test(test_missing_files),
        cmocka_unit_test(test_broken_files),
        cmocka_unit_test(test_numbers_of_a_graph),
        cmocka_unit_test(test_float_weights),
        cmocka_unit_test(test_darknet_weights),
        cmocka_unit_test(test_darknet_layers),
        cmocka_unit_test(test_squeezenet_files),
        cmocka_unit_test(test_mnist_files),
        cmocka_unit_test(test_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
