/* TFLite models: the one of the data folder against its unpacked twin, and small ones written here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/data.h"
#include "reference/common/bt_conv2d.h"
#include "reference/graph/graph_data.h"
#include "reference/graph/import.h"
#include "reference/graph/test_tflite_writer.h"
#include "reference/ops/activation_table_s8.h"
#include "reference/ops/add_s8.h"
#include "reference/ops/depthwise_conv2d_s8.h"
#include "reference/ops/quantise_multiplier.h"

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
        (status != BT_OK && strstr(err->text, "expected") == NULL)) {
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
        const int64_t filter = bt_conv2d_weight_elems(&got->u.conv) / got->c;
        for (int32_t oc = 0; oc < got->c; oc++) {
            double step = 0; /* 127 of them are the largest weight, of a filter or of the layer */
            for (int64_t k = 0; k < filter * (i == graph->count - 2 ? got->c : 1); k++) {
                const double magnitude = fabs((double)got->weights[(i == graph->count - 2 ? 0 : oc * filter) + k]);
                step = magnitude > step ? magnitude / 127 : step;
                step = magnitude / 127 > step ? magnitude / 127 : step;
            }
            for (int64_t k = oc * filter; k < (oc + 1) * filter; k++) {
                const double off = fabs((double)got->weights[k] - (double)from->weights[k]);
                worst = step > 0 && off / step > worst ? off / step : worst;
            }
        }
    }
    if (getenv("DBG"))
        for (uint32_t i = 1; i < graph->count; i++) {
            const struct bt_float_node *a = &graph->nodes[i], *b = &expected->nodes[i];
            if (a->op != BT_OP_CONV2D)
                continue;
            double d = 0, m = 0;
            int64_t n = bt_conv2d_weight_elems(&a->u.conv);
            double sa = 0, sb = 0, sab = 0;
            for (int64_t k = 0; k < n; k++) {
                double x = a->weights[k], y = b->weights[k];
                sa += x * x;
                sb += y * y;
                sab += x * y;
                d = fabs(x - y) > d ? fabs(x - y) : d;
                m = fabs(x) > m ? fabs(x) : m;
            }
            print_message("%s max %f diff %f corr %f\n", a->name, m, d, sab / sqrt(sa * sb));
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
    from = find(graph, "mean", outputs, &in);
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
            if (fabs(node->table[q + 128] - clamped) > (i == 0 ? 1.0 : 0.51)) { /* HARD_SWISH has 16 bits only */
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

    node = find(graph, "split_1", outputs, &out);
    from = find(graph, "dw.act", outputs, &in);
    assert_memory_equal(out + 4, in + 8 + 4, 4);
    node = find(graph, "slice", outputs, &out);
    from = find(graph, "up", outputs, &in);
    assert_memory_equal(out, in + 2, 4);
    node = find(graph, "rest", outputs, &in2);
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
    for (size_t c = 0; c < 4; c++) {
        double sum = 0;
        for (size_t k = 0; k < 12; k++) {
            sum += real_of(from, in, k * 4 + c);
        }
        check_near(node, out, c, sum / 12);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resnet8),
        cmocka_unit_test(test_resnet8_changed),
        cmocka_unit_test(test_resnet8_float),
        cmocka_unit_test(test_every_operator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
