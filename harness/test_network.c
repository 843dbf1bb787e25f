#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/network.h"
#include "reference/common/bt_conv2d.h"

/* ---- the shipped networks ---- */

/* What each network must be, independently of what its file says was published. */
static const struct {
    const char *name;
    int64_t params, stored, folded, macs;
    uint32_t convs, depthwise, fcs;
    const char *last;
    int32_t h, w, c;
} expected[] = {
    {"alexnet", 60965224, 60965224, 60965224, 724406816, 5, 0, 3, "prob", 1, 1, 1000},
    {"googlenet", 6998552, 6998552, 6998552, 1582671872, 57, 0, 1, "prob", 1, 1, 1000},
    {"lenet5", 61706, 61706, 61706, 416520, 3, 0, 2, "prob", 1, 1, 10},
    {"lenet5_relu", 61706, 61706, 61706, 416520, 3, 0, 2, "prob", 1, 1, 10},
    {"mobilenet_v1", 4231976, 4253864, 4221032, 568740352, 28, 13, 0, "predictions", 1, 1, 1000},
    {"resnet18", 11689512, 11699112, 11684712, 1814073344, 20, 0, 1, "prob", 1, 1, 1000},
    {"resnet34", 21797672, 21814696, 21789160, 3663761408, 36, 0, 1, "prob", 1, 1, 1000},
    {"resnet50", 25557032, 25610152, 25530472, 4089184256, 53, 0, 1, "prob", 1, 1, 1000},
    {"resnet8", 78186, 78666, 77706, 12501632, 9, 0, 1, "softmax", 1, 1, 10},
    {"squeezenet1_0", 1248424, 1248424, 1248424, 818924576, 26, 0, 0, "prob", 1, 1, 1000},
    {"squeezenet1_1", 1235496, 1235496, 1235496, 349151936, 26, 0, 0, "prob", 1, 1, 1000},
    {"tiny_darknet", 1042104, 1046488, 1039912, 491524096, 16, 0, 0, "21_softmax", 1, 1, 1000},
    {"yolo_fastest_1_1", 332798, 346062, 326166, 125437600, 84, 28, 0, "129_conv", 20, 20, 255},
    {"yolov5s", 7235389, 7254397, 7225885, 6162585600, 60, 0, 0, "24.m.2", 20, 15, 255},
};
#define EXPECTED (sizeof(expected) / sizeof(expected[0]))

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

static void test_totals(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXPECTED; i++) {
        struct bt_network *network = load(expected[i].name);
        uint32_t convs = 0;
        uint32_t depthwise = 0;
        uint32_t fcs = 0;
        int64_t params = 0;
        int64_t macs = 0;
        for (uint32_t k = 0; k < network->count; k++) {
            const struct bt_node *node = &network->nodes[k];
            convs += node->op == BT_NODE_CONV;
            depthwise += node->op == BT_NODE_CONV && node->conv.groups == node->conv.c_in && node->conv.groups > 1;
            fcs += node->op == BT_NODE_FC;
            params += node->params;
            macs += node->macs;
        }
        print_message("%-17s %9jd parameters %11jd MACs\n", network->name, (intmax_t)network->params,
                      (intmax_t)network->macs);
        const struct bt_node *last = &network->nodes[network->count - 1];
        assert_string_equal(network->name, expected[i].name);
        assert_int_equal(network->params, expected[i].params);
        assert_int_equal(network->params, params);
        assert_int_equal(network->params + network->bn_stats, expected[i].stored);
        assert_int_equal(network->folded, expected[i].folded);
        assert_int_equal(network->macs, expected[i].macs);
        assert_int_equal(network->macs, macs);
        assert_int_equal(convs, expected[i].convs);
        assert_int_equal(depthwise, expected[i].depthwise);
        assert_int_equal(fcs, expected[i].fcs);
        assert_string_equal(last->name, expected[i].last);
        assert_int_equal(last->h, expected[i].h);
        assert_int_equal(last->w, expected[i].w);
        assert_int_equal(last->c, expected[i].c);
        bt_network_free(network);
    }
}

/* Every file in the folder states what others published, and agrees with it. */
static void test_published(void **state)
{
    (void)state;
    glob_t files;
    assert_int_equal(glob("suites/networks/*.yaml", 0, NULL, &files), 0);
    assert_int_equal(files.gl_pathc, EXPECTED);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct bt_error err = {""};
        struct bt_network *network = NULL;
        if (bt_network_load(files.gl_pathv[i], &network, &err) != BT_OK) {
            fail_msg("%s", err.text);
        }
        const struct bt_published *published = &network->published;
        assert_true(published->params != 0 || published->stored != 0);
        assert_non_null(published->source);
        if (published->params != 0) {
            assert_int_equal(network->params, published->params);
        }
        if (published->stored != 0) {
            assert_int_equal(network->params + network->bn_stats, published->stored);
        }
        if (published->folded != 0) {
            assert_int_equal(network->folded, published->folded);
        }
        if (published->macs != 0) {
            const double off = 100.0 * (double)(network->macs - published->macs) / (double)published->macs;
            if (off > published->macs_percent || off < -published->macs_percent) {
                fail_msg("%s: %jd MACs are %.3f %% off the published %jd", network->name, (intmax_t)network->macs, off,
                         (intmax_t)published->macs);
            }
            assert_true(published->macs_percent < 1.0);
        }
        bt_network_free(network);
    }
    globfree(&files);
}

/* The weight files of Darknet hold exactly the floats that the tables say. */
static void test_weight_files(void **state)
{
    (void)state;
    static const struct {
        const char *network, *file;
        int64_t header;
    } cases[] = {
        {"tiny_darknet", "tiny_darknet/tiny.weights", 16},
        {"yolo_fastest_1_1", "yolo/yolo_fastest_1.1/yolo-fastest-1.1.weights", 20},
    };
    const char *data = getenv("BITTRUE_DATA");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[512];
        struct stat info;
        (void)snprintf(path, sizeof(path), "%s/%s", data != NULL ? data : "../shared/data", cases[i].file);
        if (stat(path, &info) != 0) {
            print_message("SKIP: %s is absent\n", path);
            skip();
        }
        struct bt_network *network = load(cases[i].network);
        assert_int_equal(info.st_size, cases[i].header + 4 * (network->params + network->bn_stats));
        bt_network_free(network);
    }
}

/* Shapes in the middle, where a wrong padding or rounding would show. */
static void test_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *network, *node;
        int32_t h, w, c;
        enum bt_node_op op;
        enum bt_act act;
    } cases[] = {
        {"lenet5", "input", 32, 32, 1, BT_NODE_INPUT, BT_ACT_NONE},
        {"lenet5", "s4", 5, 5, 16, BT_NODE_AVGPOOL, BT_ACT_NONE},
        {"lenet5", "f6", 1, 1, 84, BT_NODE_FC, BT_ACT_TANH},
        {"alexnet", "conv1", 55, 55, 96, BT_NODE_CONV, BT_ACT_RELU},
        {"alexnet", "pool5", 6, 6, 256, BT_NODE_MAXPOOL, BT_ACT_NONE},
        {"googlenet", "pool2.3x3_s2", 28, 28, 192, BT_NODE_MAXPOOL, BT_ACT_NONE},
        {"googlenet", "inception_3b.pool", 28, 28, 256, BT_NODE_MAXPOOL, BT_ACT_NONE},
        {"googlenet", "inception_4e.output", 14, 14, 832, BT_NODE_CONCAT, BT_ACT_NONE},
        {"googlenet", "inception_5b.output", 7, 7, 1024, BT_NODE_CONCAT, BT_ACT_NONE},
        {"mobilenet_v1", "conv1", 112, 112, 32, BT_NODE_CONV, BT_ACT_RELU6},
        {"mobilenet_v1", "conv_dw_12", 7, 7, 512, BT_NODE_CONV, BT_ACT_RELU6},
        {"resnet50", "conv1", 112, 112, 64, BT_NODE_CONV, BT_ACT_RELU},
        {"resnet50", "maxpool", 56, 56, 64, BT_NODE_MAXPOOL, BT_ACT_NONE},
        {"resnet50", "layer2.0.conv1", 56, 56, 128, BT_NODE_CONV, BT_ACT_RELU},
        {"resnet50", "layer2.0.conv2", 28, 28, 128, BT_NODE_CONV, BT_ACT_RELU},
        {"resnet50", "layer4.2.add", 7, 7, 2048, BT_NODE_ADD, BT_ACT_RELU},
        {"squeezenet1_0", "pool1", 54, 54, 96, BT_NODE_MAXPOOL, BT_ACT_NONE},
        {"squeezenet1_0", "pool4", 27, 27, 256, BT_NODE_MAXPOOL, BT_ACT_NONE},
        {"squeezenet1_0", "pool8", 13, 13, 512, BT_NODE_MAXPOOL, BT_ACT_NONE},
        {"squeezenet1_1", "fire9.concat", 13, 13, 512, BT_NODE_CONCAT, BT_ACT_NONE},
        {"tiny_darknet", "13_maxpool", 14, 14, 256, BT_NODE_MAXPOOL, BT_ACT_NONE},
        {"yolo_fastest_1_1", "2_dw", 160, 160, 8, BT_NODE_CONV, BT_ACT_LEAKY},
        {"yolo_fastest_1_1", "114_concat", 10, 10, 192, BT_NODE_CONCAT, BT_ACT_NONE},
        {"yolo_fastest_1_1", "124_concat", 20, 20, 120, BT_NODE_CONCAT, BT_ACT_NONE},
        {"yolo_fastest_1_1", "120_conv", 10, 10, 255, BT_NODE_CONV, BT_ACT_NONE},
        {"yolov5s", "0.conv", 320, 240, 32, BT_NODE_CONV, BT_ACT_SILU},
        {"yolov5s", "9.concat", 20, 15, 1024, BT_NODE_CONCAT, BT_ACT_NONE},
        {"yolov5s", "15.upsample", 80, 60, 128, BT_NODE_UPSAMPLE, BT_ACT_NONE},
        {"yolov5s", "24.m.0", 80, 60, 255, BT_NODE_CONV, BT_ACT_NONE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_network *network = load(cases[i].network);
        const struct bt_node *node = bt_network_find(network, cases[i].node);
        assert_non_null(node);
        assert_int_equal(node->h, cases[i].h);
        assert_int_equal(node->w, cases[i].w);
        assert_int_equal(node->c, cases[i].c);
        assert_int_equal(node->op, cases[i].op);
        assert_int_equal(node->act, cases[i].act);
        bt_network_free(network);
    }
}

/* ---- one small network with everything in it ---- */

#define HEAD                                                                                                           \
    "name: net\n"                                                                                                      \
    "source: a test\n"                                                                                                 \
    "licence: none\n"                                                                                                  \
    "input: {h: 8, w: 6, c: 4}\n"                                                                                      \
    "layers:\n"

static void test_every_operator(void **state)
{
    (void)state;
    static const char text[] = HEAD "  - {name: a, op: conv, c_out: 8, kernel: 3, pad: 1, bn: true, act: relu6}\n"
                                    "  - {name: b, op: conv, c_out: 8, kernel: 1x3, stride: 2x1, dilation: 1x2, "
                                    "pads: [0, 0, 3, 1], groups: 8, bias: false}\n"
                                    "  - {name: c, op: maxpool, in: [a], kernel: 3, stride: 2, pads: [0, 1, 1, 0]}\n"
                                    "  - {name: d, op: avgpool, in: [a], kernel: 2x1, stride: 2x2}\n"
                                    "  - {name: e, op: add, in: [c, d], act: hard_swish}\n"
                                    "  - {name: f, op: mul, in: [e, d]}\n"
                                    "  - {name: g, op: concat, in: [e, f, c]}\n"
                                    "  - {name: h, op: upsample, scale: 3}\n"
                                    "  - {name: i, op: slice, from: 5, c_out: 7}\n"
                                    "  - {name: j, op: fc, in: [d], c_out: 5, bn: true, bias: true, act: silu}\n"
                                    "  - {name: k, op: global_avgpool, in: [i]}\n"
                                    "  - {name: l, op: softmax}\n";
    static const struct {
        int32_t h, w, c;
        int64_t params, bn_stats, macs;
        unsigned line;
    } nodes[] = {
        {8, 6, 4, 0, 0, 0, 4},
        {8, 6, 8, 3 * 3 * 4 * 8 + 16, 16, 8 * 6 * 8 * 36, 6},
        {4, 6, 8, 24, 0, 4 * 6 * 8 * 3, 7},
        {4, 3, 8, 0, 0, 0, 8},
        {4, 3, 8, 0, 0, 0, 9},
        {4, 3, 8, 0, 0, 0, 10},
        {4, 3, 8, 0, 0, 0, 11},
        {4, 3, 24, 0, 0, 0, 12},
        {12, 9, 24, 0, 0, 0, 13},
        {12, 9, 7, 0, 0, 0, 14},
        {1, 1, 5, 96 * 5 + 5 + 10, 10, 96 * 5, 15},
        {1, 1, 7, 0, 0, 0, 16},
        {1, 1, 7, 0, 0, 0, 17},
    };
    struct bt_error err = {""};
    struct bt_network *network = NULL;
    if (bt_network_parse("net.yaml", text, strlen(text), &network, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(network->count, sizeof(nodes) / sizeof(nodes[0]));
    for (uint32_t i = 0; i < network->count; i++) {
        const struct bt_node *node = &network->nodes[i];
        assert_int_equal(node->h, nodes[i].h);
        assert_int_equal(node->w, nodes[i].w);
        assert_int_equal(node->c, nodes[i].c);
        assert_int_equal(node->params, nodes[i].params);
        assert_int_equal(node->bn_stats, nodes[i].bn_stats);
        assert_int_equal(node->macs, nodes[i].macs);
        assert_int_equal(node->line, nodes[i].line);
        assert_int_equal(bt_node_is_layer(node), nodes[i].macs != 0);
    }
    assert_int_equal(network->folded, 3 * 3 * 4 * 8 + 8 + 24 + 96 * 5 + 5);

    const struct bt_conv2d *a = &network->nodes[1].conv;
    assert_int_equal(a->act_min, 0);
    assert_int_equal(a->act_max, 96);
    assert_false(a->table);
    const struct bt_conv2d *b = &network->nodes[2].conv;
    assert_int_equal(b->kh, 1);
    assert_int_equal(b->kw, 3);
    assert_int_equal(b->stride_h, 2);
    assert_int_equal(b->stride_w, 1);
    assert_int_equal(b->dil_h, 1);
    assert_int_equal(b->dil_w, 2);
    assert_int_equal(b->pad_left, 3);
    assert_int_equal(b->pad_right, 1);
    assert_int_equal(b->act_min, -128);
    assert_int_equal(b->act_max, 127);
    const struct bt_window *c = &network->nodes[3].window;
    assert_int_equal(c->pad_top, 0);
    assert_int_equal(c->pad_bottom, 1);
    assert_int_equal(c->pad_left, 1);
    assert_int_equal(c->pad_right, 0);
    assert_int_equal(network->nodes[9].slice_from, 5);
    const struct bt_layer fc = bt_node_layer(&network->nodes[10]);
    assert_int_equal(fc.u.conv.c_in, 96);
    assert_true(fc.u.conv.table);
    bt_network_free(network);
}

/* ---- what is refused, and how ---- */

#define LAYER(text) HEAD "  - {name: a, op: conv, c_out: 4, kernel: 3}\n  - {name: b, " text "}\n"
#define CONV(text) LAYER("op: conv, c_out: 4, kernel: 3, " text)

static const struct {
    const char *text, *message;
} refused[] = {
    /* not YAML, or not one mapping */
    {"", "net.yaml:1: empty: expected a mapping"},
    {"name: net\nlayers: [\n", "net.yaml:3: did not find expected node content: expected well-formed YAML"},
    {"name: net\n  source: x\n",
     "net.yaml:2: mapping values are not allowed in this context: expected well-formed YAML"},
    {"name: net\nsource: \xff\n", "net.yaml:2: invalid leading UTF-8 octet: expected UTF-8 text in YAML"},
    {"\tname: net\n", "net.yaml:1: found character that cannot start any token: expected well-formed YAML"},
    {"- a\n", "net.yaml:1: document: expected a mapping (key: value)"},
    {HEAD "  - {name: a, op: softmax}\n---\nname: other\n", "net.yaml:7: second document: expected one"},
    {"name: &x net\nsource: *x\n", "net.yaml:1: anchor with an alias: expected every value written out"},
    /* not the schema */
    {HEAD "  - {name: a, op: softmax}\ncolour: red\n",
     "net.yaml:7: unknown key 'colour': expected one of name, source, licence, published, input, layers"},
    {CONV("padding: 1"), "net.yaml:7: unknown key 'padding': expected one of name, op, in, c_out, kernel, stride, "
                         "dilation, pad, pads, groups, act, bias, bn, scale, from"},
    {HEAD "  - {name: a, op: softmax}\nname: net\n", "net.yaml:7: key 'name' a second time: expected it once"},
    {HEAD, "net.yaml:5: layers: expected a list [...]"},
    {HEAD "  []\n", "net.yaml:6: layers: 0 items: expected 1 to 4095"},
    {"name: net\nsource: x\n", "net.yaml:1: document: missing key 'licence': expected a value for it"},
    {LAYER("c_out: 3"), "net.yaml:7: layers: missing key 'op': expected a value for it"},
    {LAYER("op: convolution"), "net.yaml:7: unknown op 'convolution': expected one of conv, fc, maxpool, avgpool, add, "
                               "mul, concat, global_avgpool, upsample, slice, softmax"},
    {LAYER("op: input"), "net.yaml:7: unknown op 'input': expected one of conv, fc, maxpool, avgpool, add, mul, "
                         "concat, global_avgpool, upsample, slice, softmax"},
    {CONV("act: swish"), "net.yaml:7: unknown act 'swish': expected one of none, relu, relu6, silu, leaky, sigmoid, "
                         "tanh, hard_swish"},
    {CONV("pad: 1.5"), "net.yaml:7: pad: '1.5': expected a decimal integer of 32 bits"},
    {CONV("pad: 5x"), "net.yaml:7: pad: '5x': expected a decimal integer of 32 bits"},
    {CONV("pad: 010"), "net.yaml:7: pad: '010': expected a decimal integer of 32 bits"},
    {CONV("pad: 4294967297"), "net.yaml:7: pad: '4294967297': expected a decimal integer of 32 bits"},
    {CONV("pad: "), "net.yaml:7: pad: '': expected a decimal integer of 32 bits"},
    {CONV("pad: [1, 1]"), "net.yaml:7: pad: expected a single value"},
    {CONV("pads: 1"), "net.yaml:7: pads: expected a list [...]"},
    {CONV("pads: [1, 1]"), "net.yaml:7: pads: 2 items: expected 4"},
    {CONV("bn: yes"), "net.yaml:7: bn: 'yes': expected true or false"},
    {CONV("in: [a\\0]"), "net.yaml:7: layer 'b': unknown input 'a\\0': expected 'input' or an earlier layer"},
    {CONV("in: [\"a\\0\"]"), "net.yaml:7: in: holds a zero byte: expected text"},
    {"name: net\nsource: a test\nlicence: none\npublished: {macs: 5, macs_percent: nan, source: x}\n"
     "input: {h: 8, w: 6, c: 4}\nlayers: [{name: a, op: softmax}]\n",
     "net.yaml:4: macs_percent: 'nan': expected a decimal number"},
    {"name: net\nsource: a test\nlicence: none\npublished: {macs: -5, source: x}\n"
     "input: {h: 8, w: 6, c: 4}\nlayers: [{name: a, op: softmax}]\n",
     "net.yaml:4: published: negative or above 100 percent: expected counts and a tolerance"},
    /* names and inputs */
    {"name: ../net\nsource: a test\nlicence: none\ninput: {h: 8, w: 6, c: 4}\nlayers: [{name: a, op: softmax}]\n",
     "net.yaml:1: name '../net': expected 1 to 47 of A-Z a-z 0-9 _ . -, not led by . or -"},
    {HEAD "  - {name: a b, op: softmax}\n",
     "net.yaml:6: name 'a b': expected 1 to 47 of A-Z a-z 0-9 _ . -, not led by . or -"},
    {HEAD "  - {name: 'x\x7fy', op: softmax}\n",
     "net.yaml:6: control characters are not allowed: expected UTF-8 text in YAML"},
    {HEAD "  - {name: a, op: softmax}\n  - {name: b, op: softmax}\n  - {name: a, op: softmax}\n",
     "net.yaml:8: layer 'a': name already taken in line 6: expected a unique name"},
    {HEAD "  - {name: input, op: softmax}\n",
     "net.yaml:6: layer 'input': name already taken in line 4: expected a unique name"},
    {CONV("in: [c]"), "net.yaml:7: layer 'b': unknown input 'c': expected 'input' or an earlier layer"},
    {CONV("in: [b]"), "net.yaml:7: layer 'b': unknown input 'b': expected 'input' or an earlier layer"},
    {CONV("in: [a, input]"), "net.yaml:7: layer 'b': 2 inputs: expected 1 for conv"},
    {LAYER("op: add, in: [a]"), "net.yaml:7: layer 'b': 1 inputs: expected 2 for add"},
    {LAYER("op: concat, in: [a]"), "net.yaml:7: layer 'b': 1 inputs: expected at least 2 for concat"},
    {LAYER("op: add"), "net.yaml:7: layer 'b': missing key 'in': expected it for add"},
    {LAYER("op: conv, c_out: 3"), "net.yaml:7: layer 'b': missing key 'kernel': expected it for conv"},
    {LAYER("op: softmax, stride: 2"), "net.yaml:7: layer 'b': softmax does not take 'stride': expected no such key"},
    {LAYER("op: fc, c_out: 2, kernel: 1"), "net.yaml:7: layer 'b': fc does not take 'kernel': expected no such key"},
    /* shapes */
    {"name: net\nsource: a test\nlicence: none\ninput: {h: 0, w: 6, c: 4}\nlayers: [{name: a, op: softmax}]\n",
     "net.yaml:4: input: extent 0: expected 1 to 65536"},
    {CONV("stride: 0"), "net.yaml:7: stride: '0': expected a number, or <vertical>x<horizontal>, from 1"},
    {CONV("stride: 2x"), "net.yaml:7: stride: '2x': expected a number, or <vertical>x<horizontal>, from 1"},
    {CONV("dilation: 1x1x1"), "net.yaml:7: dilation: '1x1x1': expected a number, or <vertical>x<horizontal>, from 1"},
    {CONV("pad: 1, pads: [1, 1, 1, 1]"), "net.yaml:7: pad and pads: expected one of them"},
    {CONV("pad: -1"), "net.yaml:7: layer 'b': top padding below 0: got -1, limit 0"},
    {CONV("groups: 3"), "net.yaml:7: layer 'b': groups do not divide the input channels: got 3, limit 4"},
    {CONV("groups: 0"), "net.yaml:7: layer 'b': groups below 1: got 0, limit 1"},
    {CONV("dilation: 4"), "net.yaml:7: layer 'b': kernel higher than the padded input: got 9, limit 6"},
    {LAYER("op: conv, c_out: 4, kernel: 1x5"),
     "net.yaml:7: layer 'b': kernel wider than the padded input: got 5, limit 4"},
    {LAYER("op: conv, c_out: 4, kernel: 65"), "net.yaml:7: layer 'b': kernel height above 64: got 65, limit 64"},
    {LAYER("op: conv, c_out: 0, kernel: 1"), "net.yaml:7: layer 'b': output channels below 1: got 0, limit 1"},
    {LAYER("op: maxpool, kernel: 7"), "net.yaml:7: layer 'b': kernel higher than the padded input: got 7, limit 6"},
    {LAYER("op: avgpool, kernel: 2, pad: 2"),
     "net.yaml:7: layer 'b': padding 2: expected 0 to 1, less than the kernel"},
    {LAYER("op: add, in: [a, input]"),
     "net.yaml:7: layer 'b': 'a' is 6x4x4 and 'input' is 8x6x4: expected equal shapes"},
    {LAYER("op: concat, in: [a, input]"),
     "net.yaml:7: layer 'b': 'a' is 6x4x4 and 'input' is 8x6x4: expected equal height and width"},
    {LAYER("op: upsample, scale: 0"),
     "net.yaml:7: layer 'b': scale 0 of 6x4: expected from 1, and extents of at most 65536"},
    {LAYER("op: upsample, scale: 20000"),
     "net.yaml:7: layer 'b': scale 20000 of 6x4: expected from 1, and extents of at most 65536"},
    {LAYER("op: slice, from: 3, c_out: 2"),
     "net.yaml:7: layer 'b': 2 channels from 3: expected a part of the 4 of 'a'"},
    {LAYER("op: slice, from: -1, c_out: 2"),
     "net.yaml:7: layer 'b': 2 channels from -1: expected a part of the 4 of 'a'"},
    {HEAD "  - {name: a, op: upsample, scale: 1000}\n  - {name: b, op: fc, c_out: 1}\n",
     "net.yaml:7: layer 'b': 192000000 inputs: expected at most 65536"},
    {"name: net\nsource: a test\nlicence: none\ninput: {h: 65536, w: 65536, c: 65536}\nlayers:\n"
     "  - {name: a, op: conv, c_out: 65536, kernel: 64}\n",
     "net.yaml:6: layer 'a': layer too large: its bytes or MACs exceed 64 bits: got 9223372036854775807, limit "
     "9223372036854775807"},
};

static void test_refused(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct bt_error err = {""};
        struct bt_network *network = NULL;
        const enum bt_status status =
            bt_network_parse("net.yaml", refused[i].text, strlen(refused[i].text), &network, &err);
        if (status != BT_EINPUT || strcmp(err.text, refused[i].message) != 0) {
            print_error("case %zu: status %d\n  expected %s\n  got      %s\n", i, (int)status, refused[i].message,
                        err.text);
            wrong++;
        }
        assert_null(network);
    }
    assert_int_equal(wrong, 0);
}

/* The sum over layers, each of which fits, does not. */
static void test_macs_overflow(void **state)
{
    (void)state;
    static const char text[] =
        "name: net\nsource: a test\nlicence: none\ninput: {h: 65536, w: 65536, c: 8192}\nlayers:\n"
        "  - {name: a, op: conv, in: [input], c_out: 8192, kernel: 2}\n"
        "  - {name: b, op: conv, in: [input], c_out: 8192, kernel: 2}\n"
        "  - {name: c, op: conv, in: [input], c_out: 8192, kernel: 2}\n"
        "  - {name: d, op: conv, in: [input], c_out: 8192, kernel: 2}\n"
        "  - {name: e, op: conv, in: [input], c_out: 8192, kernel: 2}\n"
        "  - {name: f, op: conv, in: [input], c_out: 8192, kernel: 2}\n"
        "  - {name: g, op: conv, in: [input], c_out: 8192, kernel: 2}\n"
        "  - {name: h, op: conv, in: [input], c_out: 8192, kernel: 2}\n"
        "  - {name: i, op: conv, in: [input], c_out: 8192, kernel: 2}\n";
    struct bt_error err = {""};
    struct bt_network *network = NULL;
    assert_int_equal(bt_network_parse("net.yaml", text, strlen(text), &network, &err), BT_EINPUT);
    assert_string_equal(err.text, "net.yaml:14: layer 'i': MACs of the network: expected at most 2^63 - 1");
}

static void test_files(void **state)
{
    (void)state;
    static const char text[] = HEAD "  - {name: a, op: softmax}\n";
    struct bt_error err = {""};
    struct bt_network *network = NULL;
    assert_int_equal(bt_network_load("suites/networks/none.yaml", &network, &err), BT_EINPUT);
    assert_string_equal(err.text, "suites/networks/none.yaml: cannot be opened (No such file or directory): expected a "
                                  "YAML file");
    assert_int_equal(bt_network_load("suites/networks", &network, &err), BT_EINPUT);
    assert_string_equal(err.text, "suites/networks: not a regular file: expected a YAML file");

    char path[] = "build/test_network_XXXXXX";
    const int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    char message[256];
    (void)snprintf(message, sizeof(message), "%s:1: name: 'net': expected '%s' as in the file's name", path,
                   strrchr(path, '/') + 1);
    assert_int_equal(bt_network_load(path, &network, &err), BT_EINPUT);
    assert_string_equal(err.text, message);

    assert_int_equal(ftruncate(file, (5 << 20)), 0);
    (void)snprintf(message, sizeof(message), "%s: 5242880 bytes: expected at most 4194304", path);
    assert_int_equal(bt_network_load(path, &network, &err), BT_EINPUT);
    assert_string_equal(err.text, message);
    assert_int_equal(close(file), 0);
    assert_int_equal(unlink(path), 0);
}

/* A message stays one line of printable text, whatever the file holds. */
static void test_message_is_one_line(void **state)
{
    (void)state;
    static const char text[] = "\"a\\nb\\e[31m\": 1\n";
    struct bt_error err = {""};
    struct bt_network *network = NULL;
    assert_int_equal(bt_network_parse("net.yaml", text, strlen(text), &network, &err), BT_EINPUT);
    assert_string_equal(err.text, "net.yaml:1: unknown key 'a?b?[31m': expected one of name, source, licence, "
                                  "published, input, layers");
    assert_int_equal(bt_fail(NULL, BT_EIO, "%s", "nobody listens"), BT_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_totals),
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_weight_files),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_every_operator),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_macs_overflow),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_message_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
