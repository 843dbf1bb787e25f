/* TFLite models: the one of the data folder against its unpacked twin, and small ones written here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/data.h"
#include "reference/common/bt_conv2d.h"
#include "reference/graph/graph_calibrate.h"
#include "reference/graph/graph_data.h"
#include "reference/graph/import.h"
#include "reference/graph/test_tflite_writer.h"
#include "reference/ops/depthwise_conv2d_s8.h"
#include "reference/ops/quantise_multiplier.h"
#include "reference/ops/requantise.h"

#define FOLDER "resnet/resnet8_mlperf_tiny/"
#define DAMAGES 2000

/* ---- helpers ---- */

static const char *data_dir(void)
{
    const char *dir = getenv("BITTRUE_DATA");
    return dir != NULL ? dir : "../shared/data";
}

/* A file of the data folder; skips where there is none. */
static unsigned char *read_file(const char *name, size_t *bytes)
{
    enum { MOST = 1 << 20 };
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", data_dir(), name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        print_message("SKIP: %s: %s (set BITTRUE_DATA)\n", path, strerror(errno));
        skip();
        return NULL; /* not reached */
    }
    unsigned char *data = malloc(MOST);
    assert_non_null(data);
    *bytes = fread(data, 1, MOST, file);
    (void)fclose(file);
    assert_true(*bytes > 0 && *bytes < MOST);
    return data;
}

/* In a block of its own size, so that a sanitizer sees who reads past it. */
static enum bt_status import(const unsigned char *data, size_t bytes, struct bt_model *model, struct bt_error *err)
{
    unsigned char *copy = malloc(bytes > 0 ? bytes : 1);
    assert_non_null(copy);
    memcpy(copy, data, bytes);
    *model = (struct bt_model){0};
    *err = (struct bt_error){""};
    const enum bt_status status = bt_import_tflite("net", copy, bytes, model, err);
    free(copy); /* nothing refers to the file */
    const bool made = model->real != NULL || model->quantised != NULL;
    if (made != (status == BT_OK) || (status != BT_OK && status != BT_EINPUT) || strchr(err->text, '\n') != NULL ||
        (status != BT_OK && strstr(err->text, "expected") == NULL && strstr(err->text, "limit") == NULL)) {
        fail_msg("status %d, \"%s\"", status, err->text);
    }
    return status;
}

static struct bt_model import_written(const struct tw_model *written)
{
    static struct tw_file file;
    struct bt_model model;
    struct bt_error err;
    tw_write(written, &file);
    if (import(file.bytes, file.count, &model, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    return model;
}

static const struct bt_graph_node *find(const struct bt_graph *graph, const char *name, const int8_t *const *outputs,
                                        const int8_t **output)
{
    for (uint32_t i = 0; i < graph->count; i++) {
        if (strcmp(graph->nodes[i].name, name) == 0) {
            if (output != NULL) {
                *output = outputs[i];
            }
            return &graph->nodes[i];
        }
    }
    fail_msg("no node %s", name);
    return NULL;
}

static void run(const struct bt_graph *graph, const int8_t *input, int8_t **outputs)
{
    struct bt_error err = {""};
    if (bt_graph_run(graph, input, outputs, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
}

static int8_t **outputs_of(const struct bt_graph *graph)
{
    int8_t **outputs = NULL;
    assert_int_equal(bt_graph_outputs_new(graph, &outputs), BT_OK);
    return outputs;
}

static void check_bytes(const char *node, const char *what, const void *got, const void *expected, size_t bytes)
{
    if ((got == NULL) != (expected == NULL) || (got != NULL && memcmp(got, expected, bytes) != 0)) {
        fail_msg("%s: other %s", node, what);
    }
}

/* ---- ResNet-8 of MLPerf Tiny ---- */

static void check_same(const struct bt_graph_node *got, const struct bt_graph_node *expected)
{
    assert_int_equal(got->op, expected->op);
    assert_int_equal(got->input_count, expected->input_count);
    check_bytes(got->name, "inputs", got->inputs, expected->inputs, got->input_count * sizeof(uint32_t));
    assert_int_equal(got->h, expected->h);
    assert_int_equal(got->w, expected->w);
    assert_int_equal(got->c, expected->c);
    assert_int_equal(got->zp, expected->zp);
    assert_true(got->scale == expected->scale);
    /* Both were zeroed, and both set the members that the operator has. */
    check_bytes(got->name, "parameters", &got->u, &expected->u, sizeof(got->u));
    if (got->op == BT_OP_CONV2D) {
        const size_t channels = (size_t)got->c * sizeof(int32_t);
        check_bytes(got->name, "weights", got->weights, expected->weights,
                    (size_t)bt_conv2d_weight_elems(&got->u.conv));
        check_bytes(got->name, "bias", got->bias, expected->bias, channels);
        check_bytes(got->name, "multipliers", got->mult, expected->mult, channels);
        check_bytes(got->name, "shifts", got->shift, expected->shift, channels);
    }
}

/* The file, and what somebody else unpacked from it: the same integers, multipliers and shifts included. */
static void test_resnet8(void **state)
{
    (void)state;
    size_t bytes = 0;
    struct bt_model model;
    struct bt_error err;
    struct bt_graph *expected = NULL;
    struct bt_graph_samples samples = {0};
    unsigned char *data = read_file(FOLDER "pretrainedResnet_quant.tflite", &bytes);
    if (import(data, bytes, &model, &err) != BT_OK ||
        bt_graph_load_real("resnet8", data_dir(), &expected, &samples, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    free(data);
    const struct bt_graph *graph = model.quantised;
    assert_string_equal(model.format, "TFLite int8");
    assert_string_equal(graph->name, "net");
    assert_string_equal(graph->source, "net: TFLite int8 with its own parameters");
    assert_int_equal(graph->count, expected->count);
    assert_string_equal(graph->nodes[0].name, "input_1_int8");
    assert_string_equal(graph->nodes[1].name, "model_activation_Relu_model_batch_normalization");
    assert_string_equal(graph->nodes[graph->count - 1].name, "Identity_int8");
    for (uint32_t i = 0; i < graph->count; i++) {
        check_same(&graph->nodes[i], &expected->nodes[i]);
    }
    int8_t **got_outputs = outputs_of(graph);
    int8_t **expected_outputs = outputs_of(expected);
    size_t compared = 0;
    for (uint32_t s = 0; s < samples.count; s++) {
        run(graph, samples.inputs + s * samples.bytes, got_outputs);
        run(expected, samples.inputs + s * samples.bytes, expected_outputs);
        for (uint32_t i = 0; i < graph->count; i++) {
            check_bytes(graph->nodes[i].name, "output", got_outputs[i], expected_outputs[i],
                        bt_graph_bytes(&graph->nodes[i]));
            compared += bt_graph_bytes(&graph->nodes[i]);
        }
    }
    print_message("  %u nodes, %u inputs: %zu bytes of layer outputs are the same\n", graph->count, samples.count,
                  compared);
    assert_int_equal(samples.count, 5);
    bt_graph_outputs_free(graph, got_outputs);
    bt_graph_outputs_free(expected, expected_outputs);
    bt_graph_samples_free(&samples);
    bt_graph_free(expected);
    bt_model_free(&model);
}

/* A changed weight, multiplier or stride in the file does not go unnoticed by the comparison above. */
static void test_resnet8_changed(void **state)
{
    (void)state;
    size_t bytes = 0;
    struct bt_model models[2];
    struct bt_error err;
    unsigned char *data = read_file(FOLDER "pretrainedResnet_quant.tflite", &bytes);
    assert_int_equal(import(data, bytes, &models[0], &err), BT_OK);
    const struct bt_graph_node *node = &models[0].quantised->nodes[2];
    const size_t elems = (size_t)bt_conv2d_weight_elems(&node->u.conv);
    unsigned char *place = memmem(data, bytes, node->weights, elems);
    assert_non_null(place);
    place[elems - 1] = (unsigned char)(place[elems - 1] == 1 ? 2 : 1);
    assert_int_equal(import(data, bytes, &models[1], &err), BT_OK);
    assert_memory_not_equal(models[0].quantised->nodes[2].weights, models[1].quantised->nodes[2].weights, elems);
    assert_memory_equal(models[0].quantised->nodes[2].weights, models[1].quantised->nodes[2].weights, elems - 1);
    free(data);
    bt_model_free(&models[0]);
    bt_model_free(&models[1]);
}

/* The float file is what the int8 file was made of: weights within half a step, outputs near. */
static void test_resnet8_float(void **state)
{
    (void)state;
    size_t bytes = 0;
    struct bt_model model;
    struct bt_model quantised;
    struct bt_error err;
    struct bt_float_graph *expected = NULL;
    struct bt_graph_samples samples = {0};
    struct bt_graph *unused = NULL;
    unsigned char *data = read_file(FOLDER "pretrainedResnet.tflite", &bytes);
    if (import(data, bytes, &model, &err) != BT_OK ||
        bt_graph_load_float("resnet8", data_dir(), &expected, &err) != BT_OK ||
        bt_graph_load_real("resnet8", data_dir(), &unused, &samples, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    free(data);
    data = read_file(FOLDER "pretrainedResnet_quant.tflite", &bytes);
    assert_int_equal(import(data, bytes, &quantised, &err), BT_OK);
    free(data);
    const struct bt_float_graph *graph = model.real;
    assert_string_equal(model.format, "TFLite float");
    assert_int_equal(graph->count, expected->count);
    double worst = 0;
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct bt_float_node *got = &graph->nodes[i];
        const struct bt_float_node *from = &expected->nodes[i];
        assert_int_equal(got->op, from->op);
        assert_int_equal(got->act, from->act);
        assert_int_equal(got->h, from->h);
        assert_int_equal(got->w, from->w);
        assert_int_equal(got->c, from->c);
        if (got->op != BT_OP_CONV2D) {
            continue;
        }
        /* 127 steps are the largest weight: of a filter, and of all of the fully connected layer's. */
        const int64_t elems = bt_conv2d_weight_elems(&got->u.conv);
        const int64_t filter = i + 2 == graph->count ? elems : elems / got->c;
        for (int64_t first = 0; first < elems; first += filter) {
            double largest = 0;
            double off = 0;
            for (int64_t k = first; k < first + filter; k++) {
                largest = fmax(largest, fabs((double)got->weights[k]));
                off = fmax(off, fabs((double)got->weights[k] - (double)from->weights[k]));
            }
            worst = largest > 0 ? fmax(worst, off / (largest / 127)) : worst;
        }
    }
    print_message("  weights differ by at most %.3f steps\n", worst);
    assert_true(worst < 0.51);

    float **got_outputs = NULL;
    float **expected_outputs = NULL;
    float *input = malloc(samples.bytes * sizeof(float));
    assert_non_null(input);
    assert_int_equal(bt_float_outputs_new(graph, &got_outputs), BT_OK);
    assert_int_equal(bt_float_outputs_new(expected, &expected_outputs), BT_OK);
    bt_graph_dequantise(&quantised.quantised->nodes[0], samples.inputs, input);
    assert_int_equal(bt_float_run(graph, input, got_outputs, &err), BT_OK);
    assert_int_equal(bt_float_run(expected, input, expected_outputs, &err), BT_OK);
    for (uint32_t i = 1; i + 1 < graph->count; i++) {
        double signal = 0;
        double noise = 0;
        for (size_t k = 0; k < bt_float_elems(&graph->nodes[i]); k++) {
            const double off = (double)got_outputs[i][k] - (double)expected_outputs[i][k];
            signal += (double)got_outputs[i][k] * (double)got_outputs[i][k];
            noise += off * off;
        }
        if (!(signal > 100 * noise)) {
            fail_msg("%s: %.1f dB", graph->nodes[i].name, 10 * log10(signal / noise));
        }
    }
    free(input);
    bt_float_outputs_free(graph, got_outputs);
    bt_float_outputs_free(expected, expected_outputs);
    bt_graph_samples_free(&samples);
    bt_graph_free(unused);
    bt_float_graph_free(expected);
    bt_model_free(&model);
    bt_model_free(&quantised);
}

/* ---- every operator ---- */

static const struct {
    const char *name;
    enum bt_op op;
    int32_t h, w, c;
} every_node[] = {
    {"in", BT_OP_INPUT, 8, 6, 3},
    {"conv", BT_OP_CONV2D, 7, 6, 4},
    {"dw", BT_OP_CONV2D, 4, 3, 8},
    {"dw.act", BT_OP_TABLE, 4, 3, 8},
    {"split_0", BT_OP_SLICE, 4, 3, 4},
    {"split_1", BT_OP_SLICE, 4, 3, 4},
    {"cat", BT_OP_CONCAT, 4, 3, 12},
    {"up", BT_OP_UPSAMPLE, 8, 6, 12},
    {"slice", BT_OP_SLICE, 8, 6, 4},
    {"rest", BT_OP_SLICE, 8, 6, 4},
    {"add", BT_OP_ADD, 8, 6, 4},
    {"mul", BT_OP_MUL, 8, 6, 4},
    {"pool", BT_OP_MAXPOOL, 4, 3, 4},
    {"avg", BT_OP_AVGPOOL, 2, 2, 4},
    {"fc", BT_OP_CONV2D, 1, 1, 5},
    {"mean", BT_OP_CONV2D, 1, 1, 4},
    {"mean.act", BT_OP_TABLE, 1, 1, 4},
    {"requantised", BT_OP_TABLE, 1, 1, 4},
    {"requantised.act", BT_OP_TABLE, 1, 1, 4},
    {"requantised.act.act", BT_OP_TABLE, 1, 1, 4},
    {"requantised.act.act.act", BT_OP_TABLE, 1, 1, 4},
    /* results, in the order of the file's outputs */
    {"requantised.act.act.act.act", BT_OP_TABLE, 1, 1, 4},
    {"prob", BT_OP_SOFTMAX, 1, 1, 5},
};
#define EVERY (sizeof(every_node) / sizeof(every_node[0]))

/* The same sums by ref_depthwise_conv2d_s8(), which takes the weights as the file has them. */
static void check_depthwise(const struct bt_graph_node *node, const int8_t *in, const int8_t *out)
{
    int8_t weights[3 * 3 * 8];
    int8_t expected[4 * 3 * 8];
    tw_fill(weights, sizeof(weights));
    assert_int_equal(node->u.conv.groups, 4);
    assert_int_equal(node->u.conv.pad_top, 1); /* 7 rows, every second, 3 high */
    assert_int_equal(node->u.conv.pad_bottom, 1);
    assert_int_equal(node->u.conv.pad_left, 0); /* 6 columns: one is missing, behind */
    assert_int_equal(node->u.conv.pad_right, 1);
    const struct bt_layer_data data = {.ifmap = in, .weights = weights, .mult = node->mult, .shift = node->shift};
    assert_null(node->bias);
    assert_int_equal(ref_depthwise_conv2d_s8(&node->u.conv, &data, expected), BT_OK);
    assert_memory_equal(out, expected, sizeof(expected));
    for (int32_t c = 0; c < 8; c++) {
        int32_t mult = 0;
        int32_t shift = 0;
        const double real = (double)0.5f * (double)(0.01f * (float)(c + 1)) / (double)0.25f;
        assert_int_equal(ref_quantise_multiplier(real, &mult, &shift), BT_OK);
        assert_int_equal(node->mult[c], mult);
        assert_int_equal(node->shift[c], shift);
    }
}

/* What is added, multiplied and averaged, in real numbers: within a step. */
static void check_near(const struct bt_graph_node *node, const int8_t *out, size_t k, double real)
{
    const double q = real / node->scale + node->zp;
    const double clamped = q < -128 ? -128 : q > 127 ? 127 : q;
    if (fabs(out[k] - clamped) > 0.51) {
        fail_msg("%s[%zu] is %d, expected %.3f", node->name, k, out[k], clamped);
    }
}

static double real_of(const struct bt_graph_node *node, const int8_t *values, size_t k)
{
    return node->scale * (values[k] - node->zp);
}

/* In the order of the tables, what the node before it put out is the input. */
static void check_activations(const struct bt_graph *graph, const int8_t *const *outputs)
{
    const int8_t *in = NULL;
    const int8_t *out = NULL;
    const struct bt_graph_node *from = find(graph, "dw", outputs, &in);
    const struct bt_graph_node *node = find(graph, "dw.act", outputs, &out);
    for (int32_t q = -128; q < 128; q++) { /* 0.25 to 0.05: five steps for one, up to 6 */
        const int32_t five = (q - from->zp) * 5;
        assert_int_equal(node->table[q + 128], -128 + (five < 0 ? 0 : five > 120 ? 120 : five));
    }
    node = find(graph, "mean.act", outputs, &out);
    for (int32_t q = -128; q < 128; q++) { /* one format */
        assert_int_equal(node->table[q + 128], q < -120 ? -120 : q);
    }
    from = node;
    node = find(graph, "requantised", outputs, &out);
    for (int32_t q = -128; q < 128; q++) { /* half as many steps; ties go up */
        const int32_t twice = q - from->zp + 256;
        assert_int_equal(node->table[q + 128], (twice + 1) / 2 - 128 - 20);
    }
    static const char *const names[] = {"requantised.act", "requantised.act.act", "requantised.act.act.act",
                                        "requantised.act.act.act.act"};
    for (size_t i = 0; i < 4; i++) {
        from = node;
        node = find(graph, names[i], outputs, &out);
        for (int32_t q = -128; q < 128; q++) {
            const double x = from->scale * (q - from->zp);
            const double share = x < -3 ? 0 : x > 3 ? 1 : (x + 3) / 6;
            const double y = i == 0 ? x * share : i == 1 ? (x < 0 ? 0.2 * x : x) : i == 2 ? tanh(x) : 1 / (1 + exp(-x));
            const double exact = y / node->scale + node->zp;
            const double clamped = exact < -128 ? -128 : exact > 127 ? 127 : exact;
            if (fabs(node->table[q + 128] - clamped) > (i < 2 ? 1.0 : 0.51)) { /* the first two by TFLite's integers */
                fail_msg("%s: table[%d] is %d, expected %.3f", node->name, q, node->table[q + 128], clamped);
            }
        }
    }
}

static void check_every_output(const struct bt_graph *graph, const int8_t *const *outputs)
{
    const int8_t *in = NULL;
    const int8_t *in2 = NULL;
    const int8_t *out = NULL;
    const struct bt_graph_node *from = find(graph, "conv", outputs, &in);
    const struct bt_graph_node *node = find(graph, "dw", outputs, &out);
    assert_int_equal(from->u.conv.pad_top, 1); /* those of PAD */
    assert_int_equal(from->u.conv.pad_bottom + from->u.conv.pad_left, 0);
    assert_int_equal(from->u.conv.pad_right, 1);
    assert_int_equal(from->bias[1], -200);
    check_depthwise(node, in, out);

    (void)find(graph, "split_1", outputs, &out);
    (void)find(graph, "dw.act", outputs, &in);
    assert_memory_equal(out + 4, in + 8 + 4, 4);
    (void)find(graph, "slice", outputs, &out);
    (void)find(graph, "up", outputs, &in);
    assert_memory_equal(out, in + 2, 4);
    (void)find(graph, "rest", outputs, &in2);
    assert_memory_equal(in2, in + 8, 4);

    from = find(graph, "slice", outputs, &in);
    const struct bt_graph_node *other = find(graph, "rest", outputs, &in2);
    node = find(graph, "add", outputs, &out);
    assert_int_equal(node->u.add.act_min, -100);
    assert_int_equal(node->u.add.act_max, -100 + 67); /* 6 / 0.09 */
    for (size_t k = 0; k < bt_graph_bytes(node); k++) {
        const double sum = real_of(from, in, k) + real_of(other, in2, k);
        check_near(node, out, k, sum > 67 * node->scale ? 67 * node->scale : sum);
    }
    from = node;
    in = out;
    node = find(graph, "mul", outputs, &out);
    int32_t mult = 0;
    int32_t shift = 0;
    const float product = 0.09f * 0.05f / 0.3f; /* TFLite multiplies in binary32 */
    assert_int_equal(ref_quantise_multiplier((double)product, &mult, &shift), BT_OK);
    assert_int_equal(node->u.mul.mult, mult);
    assert_int_equal(node->u.mul.shift, shift);
    assert_int_equal(node->u.mul.act_min, -128);
    for (size_t k = 0; k < bt_graph_bytes(node); k++) {
        check_near(node, out, k, real_of(from, in, k) * real_of(other, in2, k));
    }
    node = find(graph, "pool", outputs, &out);
    assert_int_equal(node->u.pool.pad_top + node->u.pool.pad_left, 0);
    assert_int_equal(node->u.pool.pad_bottom + node->u.pool.pad_right, 2);
    node = find(graph, "fc", outputs, &out);
    assert_int_equal(ref_quantise_multiplier((double)0.3f * (double)0.01f / (double)0.2f, &mult, &shift), BT_OK);
    assert_int_equal(node->mult[4], mult);
    assert_int_equal(node->shift[4], shift);

    from = find(graph, "split_1", outputs, &in);
    node = find(graph, "mean", outputs, &out);
    /* TFLite's integers: a twelfth of the multiplier, with 8 of it in the shift. */
    assert_int_equal(ref_quantise_multiplier((double)0.05f / (double)0.04f, &mult, &shift), BT_OK);
    const int32_t twelfth = (int32_t)((int64_t)mult * 8 / 12);
    for (size_t c = 0; c < 4; c++) {
        int32_t sum = 0;
        for (size_t k = 0; k < 12; k++) {
            sum += in[k * 4 + c] - from->zp;
        }
        const int32_t scaled = ref_requantise(sum, twelfth, shift - 3, BT_ROUND_DOUBLE) + node->zp;
        assert_int_equal(out[c], scaled > 127 ? 127 : scaled);
        assert_true(fabs(sum * 1.25 / 12 + node->zp - scaled) < 1);
    }
    check_activations(graph, outputs);
}

static void test_every_operator(void **state)
{
    (void)state;
    int8_t input[8 * 6 * 3];
    struct tw_model *written = tw_every_operator(false);
    struct bt_model model = import_written(written);
    const struct bt_graph *graph = model.quantised;
    assert_non_null(graph);
    assert_int_equal(graph->count, EVERY);
    for (uint32_t i = 0; i < EVERY; i++) {
        const struct bt_graph_node *node = &graph->nodes[i];
        assert_string_equal(node->name, every_node[i].name);
        assert_int_equal(node->op, every_node[i].op);
        assert_int_equal(node->h, every_node[i].h);
        assert_int_equal(node->w, every_node[i].w);
        assert_int_equal(node->c, every_node[i].c);
    }
    int8_t **outputs = outputs_of(graph);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        bt_data_fill(seed, false, input, sizeof(input));
        run(graph, input, outputs);
        check_every_output(graph, (const int8_t *const *)outputs);
    }
    bt_graph_outputs_free(graph, outputs);
    bt_model_free(&model);
    free(written);
}

/* The same network in float, without what only int8 models have. Activations are part of the operators before them. */
static void test_every_float_operator(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum bt_op op;
        enum bt_act act;
    } expected[] = {
        {"in", BT_OP_INPUT, BT_ACT_NONE},      {"conv", BT_OP_CONV2D, BT_ACT_NONE},
        {"dw", BT_OP_CONV2D, BT_ACT_RELU6},    {"split_0", BT_OP_SLICE, BT_ACT_NONE},
        {"split_1", BT_OP_SLICE, BT_ACT_NONE}, {"cat", BT_OP_CONCAT, BT_ACT_NONE},
        {"up", BT_OP_UPSAMPLE, BT_ACT_NONE},   {"slice", BT_OP_SLICE, BT_ACT_NONE},
        {"rest", BT_OP_SLICE, BT_ACT_NONE},    {"add", BT_OP_ADD, BT_ACT_RELU6},
        {"mul", BT_OP_MUL, BT_ACT_RELU},       {"pool", BT_OP_MAXPOOL, BT_ACT_NONE},
        {"avg", BT_OP_AVGPOOL, BT_ACT_NONE},   {"fc", BT_OP_CONV2D, BT_ACT_NONE},
        {"mean", BT_OP_AVGPOOL, BT_ACT_NONE},  {"prob", BT_OP_SOFTMAX, BT_ACT_NONE},
    };
    enum { INPUTS = 8 * 6 * 3 };
    int8_t weights[3 * 3 * 8];
    int8_t bytes[INPUTS];
    float input[INPUTS];
    struct bt_error err = {""};
    float **outputs = NULL;
    struct tw_model *written = tw_every_operator(true);
    struct bt_model model = import_written(written);
    const struct bt_float_graph *graph = model.real;
    assert_non_null(graph);
    assert_int_equal(graph->count, sizeof(expected) / sizeof(expected[0]));
    for (uint32_t i = 0; i < graph->count; i++) {
        assert_string_equal(graph->nodes[i].name, expected[i].name);
        assert_int_equal(graph->nodes[i].op, expected[i].op);
        assert_int_equal(graph->nodes[i].act, expected[i].act);
    }
    const struct bt_float_node *dw = &graph->nodes[2];
    tw_fill(weights, sizeof(weights));
    for (int32_t c = 0; c < 8; c++) {
        for (int32_t tap = 0; tap < 9; tap++) { /* [kh][kw][c_out] */
            assert_true(dw->weights[c * 9 + tap] == (float)weights[tap * 8 + c] / 64);
        }
        assert_true(dw->bias[c] == 0);
    }
    assert_true(graph->nodes[1].bias[1] == -200);

    bt_data_fill(1, false, bytes, sizeof(bytes));
    for (size_t i = 0; i < INPUTS; i++) {
        input[i] = (float)bytes[i];
    }
    assert_int_equal(bt_float_outputs_new(graph, &outputs), BT_OK);
    assert_int_equal(bt_float_run(graph, input, outputs, &err), BT_OK);
    for (size_t c = 0; c < 4; c++) { /* mean of the second half of the split */
        double sum = 0;
        for (size_t k = 0; k < 12; k++) {
            sum += (double)outputs[2][k * 8 + 4 + c];
        }
        assert_true(fabs(sum / 12 - (double)outputs[14][c]) < 1e-4);
    }
    struct bt_graph *quantised = NULL;
    assert_int_equal(
        bt_float_calibrate(model.real, &(struct bt_calibration){.method = BT_CALIBRATE_MIN_MAX}, input, 1, &err),
        BT_OK);
    if (bt_float_quantise(model.real, &quantised, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    bt_graph_free(quantised);
    bt_float_outputs_free(graph, outputs);
    bt_model_free(&model);
    free(written);
}

/* ---- damage ---- */

/* A file that lacks bytes is refused or, where nothing reads them, accepted. */
static void test_prefixes(void **state)
{
    (void)state;
    static struct tw_file file;
    struct bt_model model;
    struct bt_error err;
    for (int32_t real = 0; real < 2; real++) {
        struct tw_model *written = tw_every_operator(real == 1);
        size_t accepted = 0;
        tw_write(written, &file);
        for (size_t bytes = 0; bytes < file.count; bytes++) {
            if (import(file.bytes, bytes, &model, &err) == BT_OK) {
                accepted++;
                bt_model_free(&model);
            }
        }
        print_message("  %zu prefixes of a %s model, %zu accepted\n", file.count, real == 1 ? "float" : "int8",
                      accepted);
        assert_true(accepted < 200); /* at the end are the empty buffers of tensors that operators put out */
        free(written);
    }
}

static void test_damages(void **state)
{
    (void)state;
    static struct tw_file file;
    struct bt_model model;
    struct bt_error err;
    struct tw_model *written = tw_every_operator(false);
    uint32_t random = 1;
    uint32_t accepted = 0;
    tw_write(written, &file);
    for (int32_t i = 0; i < DAMAGES; i++) {
        random = random * 1664525 + 1013904223;
        const size_t at = (random >> 8) % file.count;
        random = random * 1664525 + 1013904223;
        const unsigned char was = file.bytes[at];
        file.bytes[at] = (unsigned char)(random >> 16);
        if (import(file.bytes, file.count, &model, &err) == BT_OK) {
            accepted++;
            int8_t **outputs = outputs_of(model.quantised);
            int8_t *input = calloc(bt_graph_bytes(&model.quantised->nodes[0]), 1);
            assert_non_null(input);
            run(model.quantised, input, outputs);
            free(input);
            bt_graph_outputs_free(model.quantised, outputs);
            bt_model_free(&model);
        }
        file.bytes[at] = was;
    }
    print_message("  %d damaged bytes, %u models still sound\n", DAMAGES, accepted);
    assert_true(accepted > 0 && accepted < DAMAGES);
    free(written);
}

/* ---- refusals ---- */

/* A sound model: in, conv, then RELU6 as an operator of its own. */
enum { IN, WEIGHTS, BIAS, CONV, ACT };
static struct tw_model *small(bool real)
{
    int8_t values[64];
    struct tw_model *m = tw_new(real);
    tw_fill(values, sizeof(values));
    m->inputs[0] = tw_act(m, "in", 4, 4, 2, 0.5f, 1);
    m->input_count = 1;
    (void)tw_weights(m, "w", 4, (int32_t[]){3, 3, 3, 2}, 0, values);
    (void)tw_bias(m, "b", 3, (int32_t[]){1, 2, 3});
    (void)tw_act(m, "conv", 4, 4, 3, 0.25f, 2);
    (void)tw_act(m, "act", 4, 4, 3, 0.25f, 3);
    struct tw_operator *op = tw_op(m, TFL_CONV_2D_OP, TFL_OPTIONS_CONV_2D, 3, (int32_t[]){IN, WEIGHTS, BIAS}, CONV);
    tw_set_window(op, TFL_PADDING_SAME, 1, 1, 0, 0);
    (void)tw_op(m, TFL_RELU6_OP, TFL_OPTIONS_NONE, 1, (int32_t[]){CONV}, ACT);
    m->outputs[0] = ACT;
    m->output_count = 1;
    return m;
}

/* The second operator instead: its inputs, its options, and its result's shape. */
static struct tw_operator *second(struct tw_model *m, int32_t code, int32_t options, int32_t h, int32_t w, int32_t c)
{
    struct tw_operator *op = &m->operators[1];
    op->code = code;
    op->options = options;
    memcpy(m->tensors[ACT].dims, (int32_t[]){1, h, w, c}, 4 * sizeof(int32_t));
    m->tensors[ACT].zp[0] = 2; /* the format of its input */
    return op;
}

static void also(struct tw_operator *op, int32_t tensor)
{
    op->inputs[op->input_count++] = tensor;
}

static void refuse_identifier(struct tw_model *m)
{
    m->identifier = "TFL2";
}

static void refuse_version(struct tw_model *m)
{
    m->version = 2;
}

static void refuse_subgraphs(struct tw_model *m)
{
    m->subgraphs = 2;
}

static void refuse_no_subgraph(struct tw_model *m)
{
    m->subgraphs = 0;
}

static void refuse_inputs(struct tw_model *m)
{
    m->inputs[m->input_count++] = CONV;
}

static void refuse_no_outputs(struct tw_model *m)
{
    m->output_count = 0;
}

static void refuse_no_operators(struct tw_model *m)
{
    m->operator_count = 0;
}

static void refuse_unsupported(struct tw_model *m)
{
    m->operators[1].code = 56;
}

static void refuse_unknown(struct tw_model *m)
{
    m->operators[1].code = 205;
}

static void refuse_custom(struct tw_model *m)
{
    m->operators[1].code = TFL_CUSTOM_OP;
    m->operators[1].custom = "My Op";
}

static void refuse_dynamic(struct tw_model *m)
{
    m->tensors[CONV].dynamic = 2;
}

static void refuse_batch(struct tw_model *m)
{
    m->tensors[IN].dims[0] = 2;
}

static void refuse_rank(struct tw_model *m)
{
    m->tensors[CONV].rank = 5;
    m->tensors[CONV].dims[4] = 1;
}

static void refuse_scalar(struct tw_model *m)
{
    m->tensors[CONV].rank = 0;
}

static void refuse_zero(struct tw_model *m)
{
    m->tensors[CONV].dims[3] = 0;
}

static void refuse_huge(struct tw_model *m)
{
    m->tensors[CONV].dims[3] = 65537;
}

static void refuse_many(struct tw_model *m)
{
    m->tensors[CONV].dims[1] = m->tensors[CONV].dims[2] = 65536;
}

static void refuse_no_data(struct tw_model *m)
{
    m->tensors[WEIGHTS].data_bytes = 0;
}

static void refuse_no_such_buffer(struct tw_model *m)
{
    m->tensors[WEIGHTS].buffer_plus = 100;
}

static void refuse_short_data(struct tw_model *m)
{
    m->tensors[WEIGHTS].data_bytes = 53;
}

static void refuse_outside(struct tw_model *m)
{
    m->tensors[WEIGHTS].outside = true;
}

static void refuse_int16(struct tw_model *m)
{
    m->tensors[IN].type = TFL_INT16;
}

static void refuse_uint8(struct tw_model *m)
{
    m->tensors[CONV].type = TFL_UINT8;
}

static void refuse_float16(struct tw_model *m)
{
    m->tensors[WEIGHTS].type = TFL_FLOAT16;
}

static void refuse_hybrid(struct tw_model *m)
{
    m->tensors[WEIGHTS].type = TFL_INT8;
    m->tensors[WEIGHTS].data_bytes = 54;
}

static void refuse_mixed(struct tw_model *m)
{
    m->tensors[ACT].type = TFL_FLOAT32;
}

static void refuse_float_input(struct tw_model *m)
{
    m->tensors[IN].type = TFL_FLOAT32;
}

static void refuse_sparse(struct tw_model *m)
{
    m->tensors[WEIGHTS].sparse = true;
}

static void refuse_variable(struct tw_model *m)
{
    m->tensors[IN].variable = true;
}

static void refuse_details(struct tw_model *m)
{
    m->tensors[IN].details = true;
}

static void refuse_constant_input(struct tw_model *m)
{
    m->tensors[IN].data_bytes = 32;
}

static void refuse_forward(struct tw_model *m)
{
    m->operators[0].inputs[0] = ACT;
}

static void refuse_itself(struct tw_model *m)
{
    m->operators[0].inputs[0] = CONV;
}

static void refuse_twice(struct tw_model *m)
{
    m->operators[1].outputs[0] = CONV;
}

static void refuse_puts_out_input(struct tw_model *m)
{
    m->operators[1].outputs[0] = IN;
}

static void refuse_puts_out_constant(struct tw_model *m)
{
    m->operators[1].outputs[0] = WEIGHTS;
}

static void refuse_no_tensor(struct tw_model *m)
{
    m->operators[0].inputs[0] = 77;
}

static void refuse_missing_input(struct tw_model *m)
{
    m->operators[0].inputs[0] = -1;
}

static void refuse_many_inputs(struct tw_model *m)
{
    m->operators[1].input_count = 2;
}

static void refuse_options(struct tw_model *m)
{
    m->operators[0].options = TFL_OPTIONS_POOL_2D;
}

static void refuse_no_options(struct tw_model *m)
{
    m->operators[0].options = TFL_OPTIONS_NONE;
}

static void refuse_stride(struct tw_model *m)
{
    tw_set(&m->operators[0], TFL_CONV_STRIDE_W, 4, -1);
}

static void refuse_dilation(struct tw_model *m)
{
    tw_set(&m->operators[0], TFL_CONV_DILATION_H, 4, 65537);
}

static void refuse_far_dilation(struct tw_model *m)
{
    tw_set(&m->operators[0], TFL_CONV_DILATION_H, 4, 65536);
    tw_set(&m->operators[0], TFL_CONV_PADDING, 1, TFL_PADDING_VALID);
}

static void refuse_padding(struct tw_model *m)
{
    tw_set(&m->operators[0], TFL_CONV_PADDING, 1, 2);
}

static void refuse_fused(struct tw_model *m)
{
    tw_set(&m->operators[0], TFL_CONV_ACTIVATION, 1, 4);
}

static void refuse_output_shape(struct tw_model *m)
{
    tw_set(&m->operators[0], TFL_CONV_PADDING, 1, TFL_PADDING_VALID);
}

static void refuse_weights_rank(struct tw_model *m)
{
    m->tensors[WEIGHTS].rank = 3;
    m->tensors[WEIGHTS].data_bytes = 27;
}

static void refuse_weights_depth(struct tw_model *m)
{
    m->tensors[WEIGHTS].dims[3] = 3;
    m->tensors[WEIGHTS].data_bytes = 81;
}

static void refuse_weights_scales(struct tw_model *m)
{
    m->tensors[WEIGHTS].scale_count = 2;
    m->tensors[WEIGHTS].zp_count = 2;
}

static void refuse_weights_axis(struct tw_model *m)
{
    m->tensors[WEIGHTS].axis = 1;
}

static void refuse_weights_zps(struct tw_model *m)
{
    m->tensors[WEIGHTS].zp_count = 2;
}

static void refuse_weights_zp(struct tw_model *m)
{
    m->tensors[WEIGHTS].zp[1] = 1;
}

static void refuse_weights_scale(struct tw_model *m)
{
    m->tensors[WEIGHTS].scale[2] = 0;
}

static void refuse_weights_nan(struct tw_model *m)
{
    m->tensors[WEIGHTS].scale[2] = NAN;
}

static void refuse_weights_128(struct tw_model *m)
{
    m->tensors[WEIGHTS].data[7] = 0x80;
}

static void refuse_far_scales(struct tw_model *m)
{
    m->tensors[IN].scale[0] = 1e6f;
    m->tensors[CONV].scale[0] = 1e-6f;
}

static void refuse_overflow(struct tw_model *m)
{
    m->tensors[BIAS].data[3] = 0x7f;
    memset(m->tensors[BIAS].data, 0xff, 3);
}

static void refuse_bias(struct tw_model *m)
{
    m->tensors[BIAS].dims[0] = 2;
    m->tensors[BIAS].data_bytes = 8;
}

static void refuse_bias_type(struct tw_model *m)
{
    m->tensors[BIAS].type = TFL_FLOAT32;
}

static void refuse_formats(struct tw_model *m)
{
    m->tensors[CONV].scale_count = 2;
}

static void refuse_zero_point(struct tw_model *m)
{
    m->tensors[CONV].zp[0] = 128;
}

static void refuse_input_format(struct tw_model *m)
{
    m->tensors[IN].scale_count = 0;
}

static void refuse_table_shape(struct tw_model *m)
{
    m->tensors[ACT].dims[3] = 4;
}

static void refuse_output_input(struct tw_model *m)
{
    m->outputs[0] = IN;
}

static void refuse_output_constant(struct tw_model *m)
{
    m->outputs[0] = WEIGHTS;
}

static void refuse_output_twice(struct tw_model *m)
{
    m->outputs[m->output_count++] = ACT;
}

static void refuse_output_read(struct tw_model *m)
{
    m->outputs[m->output_count++] = CONV;
}

static void refuse_no_such_output(struct tw_model *m)
{
    m->outputs[0] = 9;
}

static void refuse_slope(struct tw_model *m)
{
    struct tw_operator *op = second(m, TFL_LEAKY_RELU_OP, TFL_OPTIONS_LEAKY_RELU, 4, 4, 3);
    tw_set_float(op, TFL_LEAKY_RELU_ALPHA, -0.5f);
}

static void refuse_slope_float(struct tw_model *m)
{
    struct tw_operator *op = second(m, TFL_LEAKY_RELU_OP, TFL_OPTIONS_LEAKY_RELU, 4, 4, 3);
    tw_set_float(op, TFL_LEAKY_RELU_ALPHA, 0.2f);
}

static void refuse_hard_swish(struct tw_model *m)
{
    (void)second(m, TFL_HARD_SWISH_OP, TFL_OPTIONS_HARD_SWISH, 4, 4, 3);
    m->tensors[CONV].scale[0] = 100;
    m->tensors[ACT].scale[0] = 0.1f;
}

static void refuse_not_fused(struct tw_model *m)
{
    tw_set(&m->operators[0], TFL_CONV_ACTIVATION, 1, TFL_ACTIVATION_RELU);
}

static void refuse_pool_window(struct tw_model *m)
{
    struct tw_operator *op = second(m, TFL_MAX_POOL_2D_OP, TFL_OPTIONS_POOL_2D, 2, 2, 3);
    tw_set_window(op, TFL_PADDING_VALID, 2, 2, 5, 2);
}

static void refuse_pool_shape(struct tw_model *m)
{
    struct tw_operator *op = second(m, TFL_MAX_POOL_2D_OP, TFL_OPTIONS_POOL_2D, 2, 3, 3);
    tw_set_window(op, TFL_PADDING_VALID, 2, 2, 2, 2);
}

static void refuse_pool_format(struct tw_model *m)
{
    struct tw_operator *op = second(m, TFL_AVERAGE_POOL_2D_OP, TFL_OPTIONS_POOL_2D, 2, 2, 3);
    tw_set_window(op, TFL_PADDING_VALID, 2, 2, 2, 2);
    m->tensors[ACT].zp[0] = 4;
}

static void refuse_pool_act(struct tw_model *m)
{
    struct tw_operator *op = second(m, TFL_MAX_POOL_2D_OP, TFL_OPTIONS_POOL_2D, 2, 2, 3);
    tw_set_window(op, TFL_PADDING_VALID, 2, 2, 2, 2);
    tw_set(op, TFL_POOL_ACTIVATION, 1, TFL_ACTIVATION_RELU);
}

static void refuse_mean_axes(struct tw_model *m)
{
    also(second(m, TFL_MEAN_OP, TFL_OPTIONS_REDUCER, 1, 1, 3), tw_ints(m, "axes", 2, (int32_t[]){1, 3}));
}

static void refuse_mean_computed(struct tw_model *m)
{
    also(second(m, TFL_MEAN_OP, TFL_OPTIONS_REDUCER, 1, 1, 3), CONV);
}

static void refuse_mean_type(struct tw_model *m)
{
    also(second(m, TFL_MEAN_OP, TFL_OPTIONS_REDUCER, 1, 1, 3), WEIGHTS);
}

static void refuse_mean_many(struct tw_model *m)
{
    also(second(m, TFL_MEAN_OP, TFL_OPTIONS_REDUCER, 1, 1, 3), tw_ints(m, "axes", 5, (int32_t[]){1, 2, 1, 2, 1}));
}

static void refuse_broadcast(struct tw_model *m)
{
    also(second(m, TFL_MUL_OP, TFL_OPTIONS_MUL, 4, 4, 3), IN);
}

static void refuse_add_constant(struct tw_model *m)
{
    also(second(m, TFL_ADD_OP, TFL_OPTIONS_ADD, 4, 4, 3), BIAS);
}

static void refuse_add_far(struct tw_model *m)
{
    also(second(m, TFL_ADD_OP, TFL_OPTIONS_ADD, 4, 4, 3), CONV);
    m->tensors[IN].scale[0] = 1;
    m->tensors[CONV].scale[0] = 1e6f;
    m->tensors[ACT].scale[0] = 1e-10f;
}

static void refuse_concat_axis(struct tw_model *m)
{
    tw_set(second(m, TFL_CONCATENATION_OP, TFL_OPTIONS_CONCATENATION, 4, 4, 3), TFL_CONCAT_AXIS, 4, 1);
}

static void refuse_concat_format(struct tw_model *m)
{
    struct tw_operator *op = second(m, TFL_CONCATENATION_OP, TFL_OPTIONS_CONCATENATION, 4, 4, 5);
    also(op, IN);
    tw_set(op, TFL_CONCAT_AXIS, 4, -1);
}

static void refuse_concat_many(struct tw_model *m)
{
    struct tw_operator *op = second(m, TFL_CONCATENATION_OP, TFL_OPTIONS_CONCATENATION, 4, 4, 51);
    for (int32_t i = 1; i < 17; i++) {
        also(op, CONV);
    }
}

static void refuse_resize(struct tw_model *m)
{
    also(second(m, TFL_RESIZE_NEAREST_NEIGHBOR_OP, TFL_OPTIONS_RESIZE_NEAREST_NEIGHBOR, 8, 12, 3),
         tw_ints(m, "size", 2, (int32_t[]){8, 12}));
}

static void refuse_resize_corners(struct tw_model *m)
{
    struct tw_operator *op = second(m, TFL_RESIZE_NEAREST_NEIGHBOR_OP, TFL_OPTIONS_RESIZE_NEAREST_NEIGHBOR, 8, 8, 3);
    also(op, tw_ints(m, "size", 2, (int32_t[]){8, 8}));
    tw_set(op, TFL_RESIZE_ALIGN_CORNERS, 1, 1);
}

static void refuse_softmax_format(struct tw_model *m)
{
    tw_set_float(second(m, TFL_SOFTMAX_OP, TFL_OPTIONS_SOFTMAX, 4, 4, 3), TFL_SOFTMAX_BETA, 1);
}

static void refuse_softmax_beta(struct tw_model *m)
{
    (void)second(m, TFL_SOFTMAX_OP, TFL_OPTIONS_SOFTMAX, 4, 4, 3);
}

static void refuse_softmax_float(struct tw_model *m)
{
    tw_set_float(second(m, TFL_SOFTMAX_OP, TFL_OPTIONS_SOFTMAX, 4, 4, 3), TFL_SOFTMAX_BETA, 2);
}

static void refuse_reshape(struct tw_model *m)
{
    (void)second(m, TFL_RESHAPE_OP, TFL_OPTIONS_RESHAPE, 2, 8, 3);
}

static void refuse_reshape_read(struct tw_model *m)
{
    (void)second(m, TFL_RESHAPE_OP, TFL_OPTIONS_RESHAPE, 1, 1, 48);
    (void)tw_op(m, TFL_TANH_OP, TFL_OPTIONS_NONE, 1, (int32_t[]){ACT}, tw_act(m, "tanh", 1, 1, 48, 1, 0));
    m->outputs[0] = ACT + 1;
}

static void refuse_pad_channels(struct tw_model *m)
{
    also(second(m, TFL_PAD_OP, TFL_OPTIONS_PAD, 4, 4, 4), tw_ints(m, "pads", 8, (int32_t[]){0, 0, 0, 0, 0, 0, 0, 1}));
}

static void refuse_pad_output(struct tw_model *m)
{
    also(second(m, TFL_PAD_OP, TFL_OPTIONS_PAD, 5, 4, 3), tw_ints(m, "pads", 8, (int32_t[]){0, 0, 0, 1, 0, 0, 0, 0}));
}

static void refuse_pad_read(struct tw_model *m)
{
    also(second(m, TFL_PAD_OP, TFL_OPTIONS_PAD, 5, 4, 3), tw_ints(m, "pads", 8, (int32_t[]){0, 0, 0, 1, 0, 0, 0, 0}));
    const int32_t out = tw_act(m, "pool", 5, 4, 3, 0.25f, 2);
    tw_set_window(tw_op(m, TFL_MAX_POOL_2D_OP, TFL_OPTIONS_POOL_2D, 1, (int32_t[]){ACT}, out), TFL_PADDING_SAME, 1, 1,
                  3, 3);
    m->outputs[0] = out;
}

static void refuse_slice_stride(struct tw_model *m)
{
    struct tw_operator *op = second(m, TFL_STRIDED_SLICE_OP, TFL_OPTIONS_STRIDED_SLICE, 4, 4, 2);
    also(op, tw_ints(m, "begin", 4, (int32_t[]){0, 0, 0, 0}));
    also(op, tw_ints(m, "end", 4, (int32_t[]){1, 4, 4, 3}));
    also(op, tw_ints(m, "strides", 4, (int32_t[]){1, 1, 1, 2}));
}

static void refuse_slice_rows(struct tw_model *m)
{
    struct tw_operator *op = second(m, TFL_STRIDED_SLICE_OP, TFL_OPTIONS_STRIDED_SLICE, 3, 4, 3);
    also(op, tw_ints(m, "begin", 4, (int32_t[]){0, 1, 0, 0}));
    also(op, tw_ints(m, "end", 4, (int32_t[]){1, 4, 4, 3}));
    also(op, tw_ints(m, "strides", 4, (int32_t[]){1, 1, 1, 1}));
}

static void refuse_split(struct tw_model *m)
{
    struct tw_operator *op = second(m, TFL_SPLIT_OP, TFL_OPTIONS_SPLIT, 4, 4, 3);
    op->inputs[0] = tw_ints(m, "axis", 1, (int32_t[]){1});
    also(op, CONV);
}

static void refuse_fc_depth(struct tw_model *m)
{
    also(second(m, TFL_FULLY_CONNECTED_OP, TFL_OPTIONS_FULLY_CONNECTED, 1, 1, 4),
         tw_weights(m, "fc/w", 2, (int32_t[]){4, 12}, 0, (const int8_t[48]){1}));
}

static void refuse_fc_shuffled(struct tw_model *m)
{
    struct tw_operator *op = second(m, TFL_FULLY_CONNECTED_OP, TFL_OPTIONS_FULLY_CONNECTED, 1, 1, 2);
    also(op, tw_weights(m, "fc/w", 2, (int32_t[]){2, 48}, 0, (const int8_t[96]){1}));
    tw_set(op, TFL_FC_WEIGHTS_FORMAT, 1, 1);
}

static void refuse_depthwise(struct tw_model *m)
{
    m->operators[0].code = TFL_DEPTHWISE_CONV_2D_OP;
    m->operators[0].options = TFL_OPTIONS_DEPTHWISE_CONV_2D;
    m->tensors[WEIGHTS].axis = 3;
    m->tensors[WEIGHTS].scale_count = m->tensors[WEIGHTS].zp_count = 2;
    m->operators[0].input_count = 2;
}

static void refuse_quantise_again(struct tw_model *m)
{
    (void)second(m, TFL_QUANTIZE_OP, TFL_OPTIONS_QUANTIZE, 4, 4, 3);
    m->tensors[CONV].type = TFL_FLOAT32;
}

static void refuse_dequantise_read(struct tw_model *m)
{
    m->tensors[CONV].type = TFL_FLOAT32;
    m->operators[0] = (struct tw_operator){TFL_DEQUANTIZE_OP, NULL, 1, 1, {IN}, {CONV}, TFL_OPTIONS_DEQUANTIZE, {{0}}};
    memcpy(m->tensors[CONV].dims, m->tensors[IN].dims, sizeof(m->tensors[IN].dims));
}

static void refuse_float_weight(struct tw_model *m)
{
    const float big = 2e6f;
    memcpy(m->tensors[WEIGHTS].data + 8, &big, sizeof(big));
}

static void refuse_float_nan(struct tw_model *m)
{
    memset(m->tensors[BIAS].data, 0xff, 4);
}

static void refuse_memory(struct tw_model *m)
{
    static const int32_t before[] = {1, 64, 64, 4096};
    static const int32_t behind[] = {1, 1, 1, 4096};
    const int32_t axes = tw_ints(m, "axes", 2, (int32_t[]){1, 2});
    m->operators[0] = (struct tw_operator){TFL_MEAN_OP, NULL, 2, 1, {IN, axes}, {CONV}, TFL_OPTIONS_REDUCER, {{0}}};
    memcpy(m->tensors[IN].dims, before, sizeof(before));
    memcpy(m->tensors[CONV].dims, behind, sizeof(behind));
    memcpy(m->tensors[ACT].dims, behind, sizeof(behind));
}

static const struct {
    void (*change)(struct tw_model *m);
    bool real;
    const char *message;
} refusals[] = {
    {refuse_memory, false, "its graph takes more memory than a file of "},
    {refuse_identifier, false, "byte 4: other file identifier: expected a whole TFLite file"},
    {refuse_version, false, "schema version 2: expected 3"},
    {refuse_subgraphs, false, "2 subgraphs: expected one"},
    {refuse_no_subgraph, false, "0 subgraphs: expected one"},
    {refuse_inputs, false, "2 inputs, 1 outputs: expected one, and at least one"},
    {refuse_no_outputs, false, "1 inputs, 0 outputs: expected one, and at least one"},
    {refuse_no_operators, false, "0 operators: expected 1 to 4096"},
    {refuse_unsupported, false,
     "operator 1, ARG_MAX 'act': not supported: expected an operator of convolutional networks"},
    {refuse_unknown, false, "operator 1, number 205 'act': not supported: expected an operator"},
    {refuse_custom, false, "operator 1 'act': custom operator My_Op: expected built-in operators only"},
    {refuse_dynamic, false,
     "operator 0, CONV_2D 'conv': tensor 'conv': dimension 2 is dynamic: expected a fixed shape"},
    {refuse_batch, false, "net: tensor 'in': batch of 2: expected 1"},
    {refuse_rank, false, "tensor 'conv': 5 dimensions: expected at most 4"},
    {refuse_scalar, false, "tensor 'conv' is a scalar: expected [1][h][w][c] or [1][c]"},
    {refuse_zero, false, "tensor 'conv': dimension 3 is 0: expected 1 to 65536"},
    {refuse_huge, false, "tensor 'conv': dimension 3 is 65537: expected 1 to 65536"},
    {refuse_many, false, "tensor 'conv': more than 268435456 elements: expected a smaller one"},
    {refuse_no_data, false, "operator 0, CONV_2D 'conv': input 'w' has no data: expected a constant"},
    {refuse_no_such_buffer, false, "tensor 'w': buffer 102: expected one of 6"},
    {refuse_short_data, false, "tensor 'w': buffer of 53 bytes: expected 54"},
    {refuse_outside, false, "tensor 'w': data outside the FlatBuffer: expected a vector"},
    {refuse_int16, false, "net: tensor 'in' is INT16: expected INT8"},
    {refuse_uint8, false, "operator 0, CONV_2D 'conv': tensor 'conv' is UINT8: expected INT8"},
    {refuse_float16, true, "tensor 'w': constant FLOAT16: expected INT8, INT32 or FLOAT32"},
    {refuse_hybrid, true, "tensor 'w' is INT8: expected FLOAT32"},
    {refuse_mixed, false, "operator 1, RELU6 'act': tensor 'act' is FLOAT32: expected INT8"},
    {refuse_float_input, false, "operator 0, CONV_2D 'conv': tensor 'in' is FLOAT32: expected INT8"},
    {refuse_sparse, false, "tensor 'w' is sparse: expected a plain one"},
    {refuse_variable, false, "tensor 'in' is a variable: expected a plain one"},
    {refuse_details, false, "tensor 'in' is quantised by a method of its own: expected a plain one"},
    {refuse_constant_input, false, "input 'in' is a constant: expected one without data"},
    {refuse_forward, false,
     "operator 0, CONV_2D 'conv': input 'act' is not there yet: expected what an earlier operator puts out"},
    {refuse_itself, false, "input 'conv' is not there yet"},
    {refuse_twice, false, "operator 1, RELU6 'conv': output 'conv' is put out twice: expected one without a value"},
    {refuse_puts_out_input, false, "output 'in' is put out twice"},
    {refuse_puts_out_constant, false, "output 'w' is a constant: expected one without a value"},
    {refuse_no_tensor, false, "tensor 77: expected one of 5"},
    {refuse_missing_input, false, "tensor -1: expected one of 5"},
    {refuse_many_inputs, false, "2 inputs, 1 outputs: expected 1 to 1, and 1 to 1"},
    {refuse_options, false, "operator 0, CONV_2D 'conv': options of kind 5: expected 1"},
    {refuse_no_options, false, "operator 0, CONV_2D 'conv': stride_h 0: expected 1 to 65536"},
    {refuse_stride, false, "stride_w -1: expected 1 to 65536"},
    {refuse_dilation, false, "dilation_h_factor 65537: expected 1 to 65536"},
    {refuse_far_dilation, false, "kernel higher than the padded input: got 131073, expected a limit of 4"},
    {refuse_padding, false, "padding 2: expected SAME or VALID"},
    {refuse_fused, false, "fused activation 4: expected NONE, RELU or RELU6"},
    {refuse_output_shape, false, "output of 4x4x3: expected 2x2x3"},
    {refuse_weights_rank, false, "weights 'w' of 3 dimensions: expected 4"},
    {refuse_weights_depth, false, "weights 'w' for other inputs than of 2 channels: expected a divisor"},
    {refuse_weights_scales, false, "weights 'w': 2 scales along dimension 0: expected 1, or 3 along 0"},
    {refuse_weights_axis, false, "weights 'w': 3 scales along dimension 1: expected 1, or 3 along 0"},
    {refuse_weights_zps, false, "weights 'w': 3 scales, 2 zero points: expected as many"},
    {refuse_weights_zp, false, "weights 'w': zero point 1: expected 0"},
    {refuse_weights_scale, false, "tensor 'w': scale 0: expected above 0, at most 1e+06"},
    {refuse_weights_nan, false, "expected above 0, at most 1e+06"},
    {refuse_weights_128, false, "node 1 'conv': weight below -127, at index: got 7, expected -1"},
    {refuse_far_scales, false, "node 'conv': channel 0: scales too far apart: expected a factor below 2^30"},
    {refuse_overflow, false, "accumulator bound of a filter above 32 bits"},
    {refuse_bias, false, "bias 'b' of 2 elements: expected 3"},
    {refuse_bias_type, false, "tensor 'b' is FLOAT32: expected INT32"},
    {refuse_formats, false, "tensor 'conv': 2 scales, 1 zero points: expected one of each"},
    {refuse_zero_point, false, "tensor 'conv': zero point 128: expected -128 to 127"},
    {refuse_input_format, false, "tensor 'in': 0 scales, 0 zero points: expected one of each"},
    {refuse_table_shape, false, "operator 1, RELU6 'act': output of 4x4x4: expected 4x4x3"},
    {refuse_output_input, false, "output 'in' is the input: expected the result of an operator"},
    {refuse_output_constant, false, "output 'w' is computed by no operator: expected the result of an operator"},
    {refuse_output_twice, false, "output 'act' is another output, too: expected the result of an operator"},
    {refuse_output_read, false, "output 'conv' is read by 'conv.act': expected outputs that nothing reads"},
    {refuse_no_such_output, false, "tensor 9: expected one of 5"},
    {refuse_slope, false, "slope -0.5: expected 0 to 1"},
    {refuse_slope_float, true, "slope 0.2: expected 0.1 in a float model"},
    {refuse_hard_swish, false, "node 'conv.act': scales 100 and 0.1: expected nearer ones"},
    {refuse_not_fused, true,
     "input 'conv' of a float model: expected the convolution, sum or product that nothing else reads"},
    {refuse_pool_window, false, "pooling window higher than the padded input: got 5, expected a limit of 4"},
    {refuse_pool_shape, false, "output of 2x3x3: expected 2x2x3"},
    {refuse_pool_format, false, "scale 0.25 and zero point 4: expected those of the input, 0.25 and 2"},
    {refuse_pool_act, true, "fused activation 1: expected NONE"},
    {refuse_mean_axes, false, "other axes: expected the mean over height and width of [1][h][w][c]"},
    {refuse_mean_computed, false, "input 'conv' is computed: expected a constant"},
    {refuse_mean_type, false, "tensor 'w' is INT8: expected INT32"},
    {refuse_mean_many, false, "input 'axes' has 5 elements: expected 1 to 4"},
    {refuse_broadcast, false, "input 'in' of 4x4x2: expected the shape of the output, 4x4x3"},
    {refuse_add_constant, false, "input 'b' is a constant: expected what an operator puts out"},
    {refuse_add_far, false, "node 'act': scales too far apart: expected nearer ones"},
    {refuse_concat_axis, false, "axis 1: expected the channels, 3"},
    {refuse_concat_format, false, "scale 0.25 and zero point 2: expected those of the input, 0.5 and 1"},
    {refuse_concat_many, false, "17 inputs: expected at most 16"},
    {refuse_resize, false, "4x4 to 8x12: expected one whole factor, corners not aligned"},
    {refuse_resize_corners, false, "4x4 to 8x8 with aligned corners: expected one whole factor"},
    {refuse_softmax_format, false, "output with scale 0.25 and zero point 2: expected 1/256 and -128"},
    {refuse_softmax_beta, false, "beta 0: expected a positive number"},
    {refuse_softmax_float, true, "beta 2: expected 1"},
    {refuse_reshape, false, "from 4x4x3 to 2x8x3: expected that it only flattens"},
    {refuse_reshape_read, false, "input 'act' is reshaped from 4x4x3: expected that only FULLY_CONNECTED reads it"},
    {refuse_pad_channels, false, "padding 1 of dimension 3: expected that of height and width alone"},
    {refuse_pad_output, false, "output 'act' is put out by PAD: expected the result of an operator"},
    {refuse_pad_read, false, "input 'act' is put out by PAD: expected that only convolutions read it"},
    {refuse_slice_stride, false, "other parts of 'conv': expected a range of its channels, with strides of 1"},
    {refuse_slice_rows, false, "other parts of 'conv': expected a range of its channels"},
    {refuse_split, false, "axis 1, 1 parts: expected a divisor of the 3 channels, axis 3"},
    {refuse_fc_depth, false, "weights 'fc_w' for 12 inputs: expected 48"},
    {refuse_fc_shuffled, false, "weights 'fc_w' are shuffled: expected the default format"},
    {refuse_depthwise, false, "weights 'w' for other inputs than of 2 channels: expected [1][kh][kw][c_out]"},
    {refuse_quantise_again, false, "operator 0, CONV_2D 'conv': tensor 'conv' is FLOAT32: expected INT8"},
    {refuse_dequantise_read, false, "operator 1, RELU6 'act': tensor 'conv' is FLOAT32: expected INT8"},
    {refuse_float_weight, true, "tensor 'w': value 2 is 2e+06: expected at most 1e+06 in magnitude"},
    {refuse_float_nan, true, "tensor 'b': value 0 is"},
};

static void test_refusals(void **state)
{
    (void)state;
    static struct tw_file file;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct bt_model model;
        struct bt_error err;
        struct tw_model *written = small(refusals[i].real);
        refusals[i].change(written);
        tw_write(written, &file);
        const enum bt_status status = import(file.bytes, file.count, &model, &err);
        if (status != BT_EINPUT || strncmp(err.text, "net: ", 5) != 0 ||
            strstr(err.text, refusals[i].message) == NULL) {
            fail_msg("%zu: status %d, \"%s\", expected \"%s\"", i, status, err.text, refusals[i].message);
        }
        free(written);
    }
    struct bt_model model = {0};
    struct bt_error err = {""};
    assert_int_equal(bt_import_tflite("net", file.bytes, (size_t)BT_IMPORT_FILE_MOST + 1, &model, &err), BT_EINPUT);
    assert_string_equal(err.text, "net: 268435457 bytes: expected at most 268435456");
    assert_int_equal(bt_import_tflite("net", NULL, 0, &model, &err), BT_EINPUT);
    assert_string_equal(err.text, "net: byte 0: file too short: expected a whole TFLite file");
}

/* ---- odd, but sound ---- */

static void test_accepted(void **state)
{
    (void)state;
    struct tw_model *m = small(false);
    struct bt_model model = import_written(m);
    assert_int_equal(model.quantised->count, 3);
    assert_string_equal(model.quantised->nodes[2].name, "conv.act");
    bt_model_free(&model);

    /* Nothing needs an operator's result: it is left out. Names that are taken get a number, what no name may have a '_'. */
    m->tensors[CONV].name = "in";
    m->tensors[ACT].name = "a name/of more than 47 bytes, of which the end is cut";
    tw_set(second(m, TFL_MAX_POOL_2D_OP, TFL_OPTIONS_POOL_2D, 4, 4, 3), TFL_POOL_PADDING, 1, TFL_PADDING_SAME);
    tw_set_window(&m->operators[1], TFL_PADDING_SAME, 1, 1, 3, 3);
    (void)tw_op(m, TFL_TANH_OP, TFL_OPTIONS_NONE, 1, (int32_t[]){CONV}, tw_act(m, "dead", 4, 4, 3, 1, 0));
    m->tensors[IN].dynamic = 0; /* the batch */
    model = import_written(m);
    assert_int_equal(model.quantised->count, 3);
    assert_string_equal(model.quantised->nodes[0].name, "in");
    assert_string_equal(model.quantised->nodes[1].name, "in_1");
    assert_string_equal(model.quantised->nodes[2].name, "a_name_of_more_than_47_bytes__of_which_the_end_");
    bt_model_free(&model);
    free(m);

    /* PAD in front of a maximum, where the zero point is the least value; PAD and SAME add up in front of a convolution. */
    m = small(false);
    m->tensors[CONV].zp[0] = -128;
    also(second(m, TFL_PAD_OP, TFL_OPTIONS_PAD, 5, 6, 3), tw_ints(m, "pads", 8, (int32_t[]){0, 0, 1, 0, 1, 1, 0, 0}));
    m->tensors[ACT].zp[0] = -128;
    const int32_t pool = tw_act(m, "pool", 2, 3, 3, 0.25f, -128);
    tw_set_window(tw_op(m, TFL_MAX_POOL_2D_OP, TFL_OPTIONS_POOL_2D, 1, (int32_t[]){ACT}, pool), TFL_PADDING_VALID, 2, 2,
                  2, 2);
    const int32_t again = tw_act(m, "again", 5, 6, 3, 1, 0);
    const int32_t weights =
        tw_weights(m, "w2", 4, (int32_t[]){3, 3, 3, 1}, 0, (const int8_t[27]){1}); /* three groups */
    tw_set_window(tw_op(m, TFL_CONV_2D_OP, TFL_OPTIONS_CONV_2D, 3, (int32_t[]){ACT, weights, -1}, again),
                  TFL_PADDING_SAME, 1, 1, 0, 0);
    m->outputs[0] = again; /* behind the pool, though its node comes first in the list of outputs */
    m->outputs[1] = pool;
    m->output_count = 2;
    model = import_written(m);
    const struct bt_graph_node *node = find(model.quantised, "pool", NULL, NULL);
    assert_int_equal(node->u.pool.pad_top, 1);
    assert_int_equal(node->u.pool.pad_bottom, 0);
    assert_int_equal(node->u.pool.pad_right, 1);
    node = find(model.quantised, "again", NULL, NULL);
    assert_int_equal(node->u.conv.groups, 3);
    assert_int_equal(node->u.conv.pad_top, 2);
    assert_int_equal(node->u.conv.pad_bottom, 1);
    assert_int_equal(node->u.conv.pad_left, 2);
    assert_null(node->bias);
    assert_string_equal(model.quantised->nodes[2].name, "again");
    assert_string_equal(model.quantised->nodes[3].name, "pool");
    bt_model_free(&model);
    free(m);

    /* A FULLY_CONNECTED that keeps the dimensions is the layer at each place. */
    m = small(false);
    struct tw_operator *op = second(m, TFL_FULLY_CONNECTED_OP, TFL_OPTIONS_FULLY_CONNECTED, 4, 4, 2);
    also(op, tw_weights(m, "fc/w", 2, (int32_t[]){2, 3}, 0, (const int8_t[6]){1, 2, 3, 4, 5, 6}));
    tw_set(op, TFL_FC_KEEP_NUM_DIMS, 1, 1);
    model = import_written(m);
    assert_int_equal(model.quantised->nodes[2].u.conv.h, 4);
    assert_int_equal(model.quantised->nodes[2].u.conv.c_in, 3);
    bt_model_free(&model);
    free(m);
}

/* ---- convolutions of TFLite Micro's own tests ---- */

static size_t number_at(const json_t *object, const char *key, size_t index)
{
    return (size_t)json_integer_value(json_array_get(json_object_get(object, key), index));
}

/* As a model: multipliers that TFLite computed from the scales, and outputs that it printed. */
static void check_tflm(const char *name)
{
    char path[256];
    size_t bytes = 0;
    (void)snprintf(path, sizeof(path), "vectors/tflm/%s/params.json", name);
    unsigned char *text = read_file(path, &bytes);
    json_t *params = json_loadb((const char *)text, bytes, 0, NULL);
    free(text);
    assert_non_null(params);
    unsigned char *files[4];
    static const char *const names[4] = {"input", "weights", "bias", "golden"};
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(path, sizeof(path), "vectors/tflm/%s/%s.bin", name, names[i]);
        files[i] = read_file(path, &bytes);
    }
    int32_t shapes[3][4];
    static const char *const keys[3] = {"input_shape", "weight_shape_ohwi", "output_shape"};
    for (size_t i = 0; i < 12; i++) {
        shapes[i / 4][i % 4] = (int32_t)number_at(params, keys[i / 4], i % 4);
    }
    const int32_t channels = shapes[1][0];
    struct tw_model *m = tw_new(false);
    m->inputs[0] = tw_act(m, "in", shapes[0][1], shapes[0][2], shapes[0][3],
                          (float)json_number_value(json_object_get(params, "input_scale")),
                          (int32_t)json_integer_value(json_object_get(params, "input_zero_point")));
    m->input_count = 1;
    const int32_t weights = tw_weights(m, "w", 4, shapes[1], 0, (const int8_t *)files[1]);
    for (int32_t c = 0; c < channels; c++) {
        m->tensors[weights].scale[c] =
            (float)json_number_value(json_array_get(json_object_get(params, "weight_scales"), (size_t)c));
    }
    const int32_t bias = tw_constant(m, "b", TFL_INT32, 1, &channels, files[2], (size_t)channels * sizeof(int32_t));
    m->outputs[0] = tw_act(m, "out", shapes[2][1], shapes[2][2], shapes[2][3],
                           (float)json_number_value(json_object_get(params, "output_scale")),
                           (int32_t)json_integer_value(json_object_get(params, "output_zero_point")));
    m->output_count = 1;
    struct tw_operator *op =
        tw_op(m, TFL_CONV_2D_OP, TFL_OPTIONS_CONV_2D, 3, (int32_t[]){m->inputs[0], weights, bias}, m->outputs[0]);
    tw_set_window(op, TFL_PADDING_SAME, (int32_t)number_at(params, "stride", 0),
                  (int32_t)number_at(params, "stride", 1), 0, 0);
    if (strcmp(json_string_value(json_object_get(params, "activation")), "RELU6") == 0) {
        tw_set(op, TFL_CONV_ACTIVATION, 1, TFL_ACTIVATION_RELU6);
    }
    struct bt_model model = import_written(m);
    const struct bt_graph_node *node = &model.quantised->nodes[1];
    for (int32_t c = 0; c < channels; c++) {
        assert_int_equal(node->mult[c], number_at(params, "output_mult", (size_t)c));
        assert_int_equal(node->shift[c], (int32_t)number_at(params, "output_shift", (size_t)c));
    }
    assert_int_equal(node->u.conv.act_min, json_integer_value(json_object_get(params, "act_min")));
    assert_int_equal(node->u.conv.act_max, json_integer_value(json_object_get(params, "act_max")));
    int8_t **outputs = outputs_of(model.quantised);
    run(model.quantised, (const int8_t *)files[0], outputs);
    const int64_t tolerance = json_integer_value(json_object_get(params, "upstream_tolerance")); /* null: 0 */
    for (size_t i = 0; i < bt_graph_bytes(node); i++) {
        const int8_t *golden = (const int8_t *)files[3];
        if (abs(outputs[1][i] - golden[i]) > tolerance) {
            fail_msg("%s: output %zu is %d, expected %d", name, i, outputs[1][i], golden[i]);
        }
    }
    bt_graph_outputs_free(model.quantised, outputs);
    bt_model_free(&model);
    free(m);
    json_decref(params);
    for (size_t i = 0; i < 4; i++) {
        free(files[i]);
    }
}

static void test_tflm(void **state)
{
    (void)state;
    check_tflm("conv_int8_4x4_same");
    check_tflm("conv_int8_5x5_same");
    check_tflm("conv_int8_32x32x3_f8x3x3_relu6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resnet8),
        cmocka_unit_test(test_resnet8_changed),
        cmocka_unit_test(test_resnet8_float),
        cmocka_unit_test(test_every_operator),
        cmocka_unit_test(test_every_float_operator),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_damages),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_tflm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
