/*
 * Models put together here, message by message, and what the import makes of them: against plain computations on the
 * file's own layouts. Vectors of the data folder where it is there.
 */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "reference/graph/graph_calibrate.h"
#include "reference/graph/import_onnx.h"
#include "reference/graph/test_onnx_maker.h"

static int release(void **state)
{
    (void)state;
    release_all();
    return 0;
}

/* ---- importing and running --------------------------------------------------------------------------------------- */

static struct bt_model imported(const struct maker *m)
{
    struct bt_model model = {{0}, NULL, NULL};
    struct bt_error err = {""};
    size_t bytes = 0;
    const unsigned char *data = pack(m, &bytes);
    if (bt_import_onnx("net", data, bytes, &model, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    assert_true((model.real != NULL) != (model.quantised != NULL));
    return model;
}

static void refused(const struct maker *m, const char *message)
{
    struct bt_model model = {{0}, NULL, NULL};
    struct bt_error err = {""};
    size_t bytes = 0;
    const unsigned char *data = pack(m, &bytes);
    const enum bt_status status = bt_import_onnx("net", data, bytes, &model, &err);
    if (status != BT_EINPUT || strstr(err.text, message) == NULL || model.real != NULL || model.quantised != NULL) {
        bt_model_free(&model);
        fail_msg("expected \"%s\", got %d \"%s\"", message, (int)status, err.text);
    }
}

static uint64_t seed_state;

/* Seeded, in [-1, 1]. */
static float draw(void)
{
    seed_state = seed_state * 6364136223846793005u + 1442695040888963407u;
    return (float)((double)(int32_t)(seed_state >> 32) / 2147483648.0);
}

static float *draw_many(size_t count)
{
    float *values = take(count * sizeof(float));
    for (size_t i = 0; i < count; i++) {
        values[i] = draw();
    }
    return values;
}

static int32_t *draw_codes(size_t count, int32_t least, int32_t most)
{
    int32_t *values = take(count * sizeof(int32_t));
    for (size_t i = 0; i < count; i++) {
        values[i] = least + (int32_t)((double)(most - least) * ((double)draw() + 1) / 2 + 0.5);
    }
    return values;
}

/* A float graph on a [c][h][w] input; the result of a node as [c][h][w]. */
static float *run_float(const struct bt_float_graph *graph, const float *x, const char *name)
{
    const struct bt_float_node *in = &graph->nodes[0];
    float **outputs = NULL;
    struct bt_error err = {""};
    float *nhwc = take(bt_float_elems(in) * sizeof(float));
    const int32_t pixels = in->h * in->w;
    for (int32_t i = 0; i < pixels * in->c; i++) {
        nhwc[i % pixels * in->c + i / pixels] = x[i];
    }
    assert_int_equal(bt_float_outputs_new(graph, &outputs), BT_OK);
    if (bt_float_run(graph, nhwc, outputs, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    uint32_t index = graph->count - 1;
    for (uint32_t i = 0; name != NULL && i < graph->count; i++) {
        index = strcmp(graph->nodes[i].name, name) == 0 ? i : index;
    }
    const struct bt_float_node *out = &graph->nodes[index];
    assert_true(name == NULL || strcmp(out->name, name) == 0);
    float *result = take(bt_float_elems(out) * sizeof(float));
    const int32_t places = out->h * out->w;
    for (int32_t i = 0; i < places * out->c; i++) {
        result[i] = outputs[index][i % places * out->c + i / places];
    }
    bt_float_outputs_free(graph, outputs);
    return result;
}

static void assert_close(const float *got, const double *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!(fabs((double)got[i] - expected[i]) <= 1e-5 * (1 + fabs(expected[i])))) {
            fail_msg("element %zu: got %g, expected %g", i, (double)got[i], expected[i]);
        }
    }
}

static void assert_nodes(const struct bt_float_graph *graph, const char *names)
{
    char *list[MOST];
    const size_t count = split(names, list);
    assert_int_equal(graph->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(graph->nodes[i].name, list[i]);
    }
}

/* ---- plain computations on [c][h][w] ------------------------------------------------------------------------------- */

struct plain {
    int32_t c, h, w; /* of the input */
    int32_t oc, kh, kw, stride, dilation, groups;
    int32_t pad[4]; /* top, left, bottom, right */
    int32_t oh, ow;
};

static size_t volume(int32_t c, int32_t h, int32_t w)
{
    return (size_t)c * (size_t)h * (size_t)w;
}

static double *plain_conv(struct plain *p, const double *x, const float *weights, const float *bias)
{
    p->oh = (p->h + p->pad[0] + p->pad[2] - (p->kh - 1) * p->dilation - 1) / p->stride + 1;
    p->ow = (p->w + p->pad[1] + p->pad[3] - (p->kw - 1) * p->dilation - 1) / p->stride + 1;
    const int32_t depth = p->c / p->groups;
    double *out = take((size_t)p->oc * (size_t)p->oh * (size_t)p->ow * sizeof(double));
    for (int32_t o = 0; o < p->oc * p->oh * p->ow; o++) {
        const int32_t f = o / (p->oh * p->ow);
        double sum = bias != NULL ? (double)bias[f] : 0;
        for (int32_t i = 0; i < depth * p->kh * p->kw; i++) {
            const int32_t c = f / (p->oc / p->groups) * depth + i / (p->kh * p->kw);
            const int32_t y = o / p->ow % p->oh * p->stride - p->pad[0] + i / p->kw % p->kh * p->dilation;
            const int32_t z = o % p->ow * p->stride - p->pad[1] + i % p->kw * p->dilation;
            if (y >= 0 && y < p->h && z >= 0 && z < p->w) {
                sum += (double)weights[f * depth * p->kh * p->kw + i] * x[(c * p->h + y) * p->w + z];
            }
        }
        out[o] = sum;
    }
    return out;
}

static double *widened(const float *values, size_t count)
{
    double *out = take(count * sizeof(double));
    for (size_t i = 0; i < count; i++) {
        out[i] = (double)values[i];
    }
    return out;
}

/* Adds the convolution to the model, with weights and a bias of its own. */
static Onnx__NodeProto *conv(struct maker *m, const struct plain *p, const char *in, const char *out, float **weights,
                             float **bias)
{
    char names[3][64];
    char inputs[160];
    const size_t elems = (size_t)p->oc * (size_t)(p->c / p->groups) * (size_t)p->kh * (size_t)p->kw;
    (void)snprintf(names[0], sizeof(names[0]), "%s.w", out);
    (void)snprintf(names[1], sizeof(names[1]), "%s.b", out);
    (void)snprintf(inputs, sizeof(inputs), "%s %s %s", in, names[0], bias != NULL ? names[1] : "-");
    float *w = draw_many(elems);
    reals(m, names[0], 4, (const int64_t[]){p->oc, p->c / p->groups, p->kh, p->kw}, w);
    if (weights != NULL) {
        *weights = w;
    }
    if (bias != NULL) {
        *bias = draw_many((size_t)p->oc);
        reals(m, names[1], 1, (const int64_t[]){p->oc}, *bias);
    }
    Onnx__NodeProto *made = node(m, "Conv", inputs, out);
    set_ints(made, "pads", 4, (const int64_t[]){p->pad[0], p->pad[1], p->pad[2], p->pad[3]});
    set_ints(made, "strides", 2, (const int64_t[]){p->stride, p->stride});
    set_ints(made, "dilations", 2, (const int64_t[]){p->dilation, p->dilation});
    set_int(made, "group", p->groups);
    return made;
}

/* A 1x1 convolution with that many filters, whose numbers do not matter. */
static void any_conv(struct maker *m, int32_t c, int32_t oc, const char *in, const char *out)
{
    const struct plain p = {.c = c, .oc = oc, .kh = 1, .kw = 1, .stride = 1, .dilation = 1, .groups = 1};
    (void)conv(m, &p, in, out, NULL, NULL);
}

/* ---- float models -------------------------------------------------------------------------------------------------- */

static void batch_norm(struct maker *m, const char *in, const char *out, int64_t channels, float *parts[4])
{
    static const char *const names[] = {"scale", "shift", "mean", "var"};
    char all[256];
    (void)snprintf(all, sizeof(all), "%s", in);
    for (size_t i = 0; i < 4; i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "%s.%s", out, names[i]);
        parts[i] = draw_many((size_t)channels);
        for (int64_t c = 0; i == 3 && c < channels; c++) {
            parts[i][c] += 1.25f;
        }
        reals(m, name, 1, &channels, parts[i]);
        (void)strcat(strcat(all, " "), name);
    }
    set_real(node(m, "BatchNormalization", all, out), "epsilon", 1e-3);
}

static double normal(double x, float *const parts[4], size_t c)
{
    return ((x - (double)parts[2][c]) / sqrt((double)parts[3][c] + (double)1e-3f)) * (double)parts[0][c] +
           (double)parts[1][c];
}

static void test_conv_with_batch_norm(void **state)
{
    (void)state;
    static const struct plain cases[] = {
        {.c = 4,
         .h = 7,
         .w = 9,
         .oc = 6,
         .kh = 3,
         .kw = 2,
         .stride = 2,
         .dilation = 1,
         .groups = 2,
         .pad = {1, 0, 2, 1}},
        {.c = 3,
         .h = 9,
         .w = 8,
         .oc = 5,
         .kh = 3,
         .kw = 3,
         .stride = 1,
         .dilation = 2,
         .groups = 1,
         .pad = {0, 2, 1, 3}},
        {.c = 4,
         .h = 5,
         .w = 6,
         .oc = 8,
         .kh = 1,
         .kw = 3,
         .stride = 1,
         .dilation = 1,
         .groups = 4,
         .pad = {0, 1, 0, 1}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct plain p = cases[i];
        struct maker *m = maker(13);
        float *w = NULL;
        float *b = NULL;
        float *parts[4];
        image(m, p.c, p.h, p.w);
        (void)conv(m, &p, "x", "conv", &w, &b);
        batch_norm(m, "conv", "norm", p.oc, parts);
        (void)node(m, "Relu", "norm", "y");
        output(m, "y");
        struct bt_model model = imported(m);
        assert_string_equal(model.format, "ONNX float");
        assert_nodes(model.real, "x conv");
        const float *x = draw_many(volume(p.c, p.h, p.w));
        double *expected = plain_conv(&p, widened(x, volume(p.c, p.h, p.w)), w, b);
        const size_t elems = volume(p.oc, p.oh, p.ow);
        for (size_t k = 0; k < elems; k++) {
            const double value = normal(expected[k], parts, k / volume(1, p.oh, p.ow));
            expected[k] = value > 0 ? value : 0;
        }
        assert_close(run_float(model.real, x, NULL), expected, elems);
        bt_model_free(&model);
    }
}

/* Where nothing can take it up: in front of a convolution, and behind one that others read. */
static void test_batch_norm_alone(void **state)
{
    (void)state;
    struct plain p = {.c = 3, .h = 4, .w = 5, .oc = 4, .kh = 1, .kw = 1, .stride = 1, .dilation = 1, .groups = 1};
    struct maker *m = maker(9);
    float *first[4];
    float *second[4];
    float *w = NULL;
    image(m, 3, 4, 5);
    batch_norm(m, "x", "before", 3, first);
    (void)conv(m, &p, "before", "conv", &w, NULL);
    batch_norm(m, "conv", "behind", 4, second);
    (void)node(m, "Add", "behind conv", "y");
    output(m, "y");
    struct bt_model model = imported(m);
    assert_nodes(model.real, "x before conv behind y");
    const float *x = draw_many(60);
    double *in = widened(x, 60);
    for (size_t i = 0; i < 60; i++) {
        in[i] = normal(in[i], first, i / 20);
    }
    double *expected = plain_conv(&p, in, w, NULL);
    for (size_t i = 0; i < 80; i++) {
        expected[i] += normal(expected[i], second, i / 20);
    }
    assert_close(run_float(model.real, x, NULL), expected, 80);
    bt_model_free(&model);
}

/* The four ways to a fully connected layer; weights belong to [c][h][w] unless the file transposes first. */
static void test_fully_connected(void **state)
{
    (void)state;
    enum { GEMM, GEMM_TRANSPOSED, MATMUL, CHANNELS_LAST, WAYS };
    for (int way = 0; way < WAYS; way++) {
        struct maker *m = maker(11);
        const float *x = draw_many(24);
        float *w = draw_many(24 * 5);
        float *b = draw_many(5);
        const bool transposed = way == GEMM_TRANSPOSED;
        image(m, 2, 3, 4);
        reals(m, "w", 2, transposed ? (const int64_t[]){5, 24} : (const int64_t[]){24, 5}, w);
        reals(m, "b", 1, (const int64_t[]){5}, b);
        const int64_t shape[] = {0, -1};
        ints(m, "shape", 2, shape);
        if (way == CHANNELS_LAST) {
            set_ints(node(m, "Transpose", "x", "t"), "perm", 4, (const int64_t[]){0, 2, 3, 1});
            (void)node(m, "Reshape", "t shape", "flat");
        } else if (way == MATMUL) {
            (void)node(m, "Reshape", "x shape", "flat");
        } else {
            (void)node(m, "Flatten", "x", "flat");
        }
        if (way == MATMUL) {
            (void)node(m, "MatMul", "flat w", "fc");
            (void)node(m, "Add", "b fc", "y");
        } else {
            Onnx__NodeProto *gemm = node(m, "Gemm", "flat w b", "fc");
            set_int(gemm, "transB", transposed);
            set_real(gemm, "alpha", 0.5);
            set_real(gemm, "beta", 2);
            (void)node(m, "Identity", "fc", "y");
        }
        output(m, "y");
        struct bt_model model = imported(m);
        assert_nodes(model.real, "x fc");
        double expected[5];
        for (int32_t o = 0; o < 5; o++) {
            expected[o] = (double)b[o] * (way == MATMUL ? 1 : 2);
            for (int32_t i = 0; i < 24; i++) {
                const int32_t k = way == CHANNELS_LAST ? i % 12 * 2 + i / 12 : i;
                expected[o] +=
                    (double)x[i] * (double)w[transposed ? o * 24 + k : k * 5 + o] * (way == MATMUL ? 1 : 0.5);
            }
        }
        assert_close(run_float(model.real, x, NULL), expected, 5);
        bt_model_free(&model);
    }
}

static double silu(double x)
{
    return x / (1 + exp(-x));
}

static double hard_swish(double x)
{
    const double gate = x / 6 + 0.5;
    return x * (gate < 0 ? 0 : gate > 1 ? 1 : gate);
}

static double leaky(double x)
{
    return x < 0 ? 0.3 * x : x;
}

static double relu6(double x)
{
    return x < 0 ? 0 : x > 6 ? 6 : x;
}

static double relu(double x)
{
    return x < 0 ? 0 : x;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static const struct {
    const char *what;
    double (*function)(double x);
} activations[] = {
    {"silu", silu},
    {"silu, turned", silu},
    {"hard swish", hard_swish},
    {"HardSwish", hard_swish},
    {"leaky", leaky},
    {"clip6", relu6},
    {"clip", relu},
    {"relu", relu},
    {"sigmoid", sigmoid},
    {"tanh", tanh},
    {"prelu", leaky},
};
#define ACTIVATIONS (sizeof(activations) / sizeof(activations[0]))

static void activate(struct maker *m, const char *what, const char *in, const char *out)
{
    char both[64];
    (void)snprintf(both, sizeof(both), "%s gate", in);
    if (strcmp(what, "silu") == 0) {
        (void)node(m, "Sigmoid", in, "gate");
        (void)node(m, "Mul", both, out);
    } else if (strcmp(what, "silu, turned") == 0) {
        (void)snprintf(both, sizeof(both), "gate %s", in);
        (void)node(m, "Sigmoid", in, "gate");
        (void)node(m, "Mul", both, out);
    } else if (strcmp(what, "hard swish") == 0) {
        set_real(node(m, "HardSigmoid", in, "gate"), "alpha", 1.0 / 6);
        (void)node(m, "Mul", both, out);
    } else if (strcmp(what, "HardSwish") == 0) {
        (void)node(m, "HardSwish", in, out);
    } else if (strcmp(what, "leaky") == 0) {
        set_real(node(m, "LeakyRelu", in, out), "alpha", 0.3);
    } else if (strcmp(what, "prelu") == 0) {
        const float slopes[] = {0.3f, 0.3f};
        reals(m, "slopes", 3, (const int64_t[]){2, 1, 1}, slopes);
        (void)snprintf(both, sizeof(both), "%s slopes", in);
        (void)node(m, "PRelu", both, out);
    } else if (strcmp(what, "clip6") == 0 || strcmp(what, "clip") == 0) {
        real(m, "low", 0);
        real(m, "high", 6);
        (void)snprintf(both, sizeof(both), "%s low %s", in, strcmp(what, "clip6") == 0 ? "high" : "-");
        (void)node(m, "Clip", both, out);
    } else {
        const char *type = strcmp(what, "relu") == 0 ? "Relu" : strcmp(what, "tanh") == 0 ? "Tanh" : "Sigmoid";
        (void)node(m, type, in, out);
    }
}

/* Done by the convolution, where nobody else reads it; behind a pool a node of its own. Quantised, both are tables. */
static void test_activations(void **state)
{
    (void)state;
    for (size_t i = 0; i < ACTIVATIONS; i++) {
        for (int pooled = 0; pooled < 2; pooled++) {
            struct plain p = {
                .c = 2, .h = 4, .w = 4, .oc = 2, .kh = 1, .kw = 1, .stride = 1, .dilation = 1, .groups = 1};
            struct maker *m = maker(14);
            float *w = NULL;
            float *x = draw_many(32);
            image(m, 2, 4, 4);
            (void)conv(m, &p, "x", "conv", &w, NULL);
            for (size_t k = 0; k < 32; k++) {
                x[k] *= 9;
            }
            double *expected = plain_conv(&p, widened(x, 32), w, NULL);
            if (pooled) {
                Onnx__NodeProto *pool = node(m, "MaxPool", "conv", "pool");
                set_ints(pool, "kernel_shape", 2, (const int64_t[]){1, 1});
            }
            activate(m, activations[i].what, pooled ? "pool" : "conv", "y");
            output(m, "y");
            struct bt_model model = imported(m);
            assert_nodes(model.real, pooled ? "x conv pool pool.act" : "x conv");
            for (size_t k = 0; k < 32; k++) {
                expected[k] = activations[i].function(expected[k]);
            }
            assert_close(run_float(model.real, x, NULL), expected, 32);

            struct bt_error err = {""};
            struct bt_graph *quantised = NULL;
            assert_int_equal(
                bt_float_calibrate(model.real, &(struct bt_calibration){.method = BT_CALIBRATE_MIN_MAX}, x, 1, &err),
                BT_OK);
            if (bt_float_quantise(model.real, &quantised, &err) != BT_OK) {
                fail_msg("%s: %s", activations[i].what, err.text);
            }
            assert_true(!pooled || quantised->nodes[3].table != NULL);
            bt_graph_free(quantised);
            bt_model_free(&model);
        }
    }
}

/* An activation of what others read too, or of the input, stands alone; twice relu is once. */
static void test_activations_alone(void **state)
{
    (void)state;
    struct maker *m = maker(14);
    image(m, 2, 3, 3);
    (void)node(m, "Tanh", "x", "t");
    any_conv(m, 2, 2, "t", "conv");
    (void)node(m, "Sigmoid", "conv", "s");
    (void)node(m, "Relu", "conv", "r");
    (void)node(m, "Add", "r s", "sum");
    (void)node(m, "Relu", "sum", "r1");
    (void)node(m, "Relu", "r1", "r2");
    (void)node(m, "Tanh", "r2", "y");
    output(m, "y");
    struct bt_model model = imported(m);
    assert_nodes(model.real, "x x.act conv conv.act conv.act_2 sum sum.act");
    assert_int_equal(model.real->nodes[5].act, BT_ACT_RELU);
    bt_model_free(&model);
}

static void test_pools(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        int64_t kernel, stride, pad[4], ceil, include;
        const char *auto_pad;
        int32_t oh, ow;
        enum bt_op op;
    } cases[] = {
        {"MaxPool", 3, 2, {1, 0, 1, 2}, 0, 0, NULL, 4, 4, BT_OP_MAXPOOL},
        {"MaxPool", 3, 2, {0, 0, 0, 0}, 1, 0, NULL, 3, 4, BT_OP_MAXPOOL},
        {"AveragePool", 3, 2, {1, 1, 1, 1}, 0, 0, NULL, 4, 4, BT_OP_AVGPOOL},
        {"AveragePool", 3, 1, {1, 1, 1, 1}, 0, 1, NULL, 7, 8, BT_OP_CONV2D},
        {"AveragePool", 2, 2, {0, 0, 0, 0}, 1, 1, NULL, 4, 4, BT_OP_AVGPOOL},
        {"AveragePool", 2, 2, {0, 0, 0, 0}, 0, 1, "SAME_UPPER", 4, 4, BT_OP_CONV2D},
        {"MaxPool", 2, 2, {0, 0, 0, 0}, 0, 0, "SAME_LOWER", 4, 4, BT_OP_MAXPOOL},
        {"MaxPool", 2, 2, {1, 1, 1, 1}, 0, 0, "VALID", 3, 4, BT_OP_MAXPOOL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct maker *m = maker(11);
        const float *x = draw_many(112);
        image(m, 2, 7, 8);
        Onnx__NodeProto *pool = node(m, cases[i].type, "x", "y");
        set_ints(pool, "kernel_shape", 2, (const int64_t[]){cases[i].kernel, cases[i].kernel});
        set_ints(pool, "strides", 2, (const int64_t[]){cases[i].stride, cases[i].stride});
        set_ints(pool, "pads", 4, cases[i].pad);
        set_int(pool, "ceil_mode", cases[i].ceil);
        set_int(pool, "count_include_pad", cases[i].include);
        if (cases[i].auto_pad != NULL) {
            set_text(pool, "auto_pad", cases[i].auto_pad);
        }
        output(m, "y");
        struct bt_model model = imported(m);
        const struct bt_float_node *made = &model.real->nodes[1];
        if (made->op != cases[i].op || made->h != cases[i].oh || made->w != cases[i].ow) {
            fail_msg("case %zu: operator %d, %dx%d", i, (int)made->op, (int)made->h, (int)made->w);
        }
        int64_t top = cases[i].auto_pad != NULL ? 0 : cases[i].pad[0];
        const int64_t left = cases[i].auto_pad != NULL ? 0 : cases[i].pad[1];
        top += cases[i].auto_pad != NULL && strcmp(cases[i].auto_pad, "SAME_LOWER") == 0 ? 1 : 0;
        double expected[2 * 64];
        for (int32_t o = 0; o < 2 * made->h * made->w; o++) {
            double most = -1e9;
            double sum = 0;
            int32_t seen = 0;
            for (int64_t k = 0; k < cases[i].kernel * cases[i].kernel; k++) {
                const int64_t y = o / made->w % made->h * cases[i].stride - top + k / cases[i].kernel;
                const int64_t z = o % made->w * cases[i].stride - left + k % cases[i].kernel;
                if (y >= 0 && y < 7 && z >= 0 && z < 8) {
                    const double value = (double)x[(o / (made->h * made->w) * 7 + y) * 8 + z];
                    most = value > most ? value : most;
                    sum += value;
                    seen++;
                }
            }
            const bool all = cases[i].op == BT_OP_CONV2D;
            expected[o] = cases[i].op == BT_OP_MAXPOOL ? most : sum / (all ? pow((double)cases[i].kernel, 2) : seen);
        }
        assert_close(run_float(model.real, x, NULL), expected, volume(2, made->h, made->w));
        bt_model_free(&model);
    }
}

/* Numbers per channel: into the convolution before, or a layer of their own. */
static void test_constants_per_channel(void **state)
{
    (void)state;
    struct maker *m = maker(13);
    const float *x = draw_many(2 * 9);
    const float mean[] = {0.25f, -0.5f};
    const float spread[] = {2, 4};
    image(m, 2, 3, 3);
    reals(m, "mean", 4, (const int64_t[]){1, 2, 1, 1}, mean);
    reals(m, "spread", 3, (const int64_t[]){2, 1, 1}, spread);
    real(m, "three", 3);
    (void)node(m, "Sub", "x mean", "centred");
    (void)node(m, "Div", "centred spread", "scaled");
    (void)node(m, "Sub", "three scaled", "turned");
    (void)node(m, "Mul", "three turned", "y");
    output(m, "y");
    struct bt_model model = imported(m);
    assert_nodes(model.real, "x centred");
    double expected[18];
    for (size_t i = 0; i < 18; i++) {
        expected[i] = 3 * (3 - ((double)x[i] - (double)mean[i / 9]) / (double)spread[i / 9]);
    }
    assert_close(run_float(model.real, x, NULL), expected, 18);
    bt_model_free(&model);
}

/* The first few go into the convolution's weights, the others into a layer behind it. */
static void test_many_factors(void **state)
{
    (void)state;
    struct plain p = {.c = 1, .h = 2, .w = 2, .oc = 1, .kh = 1, .kw = 1, .stride = 1, .dilation = 1, .groups = 1};
    struct maker *m = maker(13);
    float *w = NULL;
    char names[2][32] = {"conv", ""};
    image(m, 1, 2, 2);
    (void)conv(m, &p, "x", "conv", &w, NULL);
    real(m, "factor", 1.5);
    for (int i = 0; i < 20; i++) {
        (void)snprintf(names[1], sizeof(names[1]), "m%d", i);
        (void)strcat(names[0], " factor");
        (void)node(m, "Mul", names[0], names[1]);
        memcpy(names[0], names[1], sizeof(names[0]));
    }
    output(m, "m19");
    struct bt_model model = imported(m);
    assert_nodes(model.real, "x conv m16");
    const float *x = draw_many(4);
    double expected[4];
    for (size_t i = 0; i < 4; i++) {
        expected[i] = (double)x[i] * (double)w[0] * pow(1.5, 20);
    }
    assert_close(run_float(model.real, x, NULL), expected, 4);
    bt_model_free(&model);
}

/* Concatenation, both splits, upsampling, products with a 1x1 image, means, softmax. */
static void test_moves(void **state)
{
    (void)state;
    struct maker *m = maker(13);
    const float *x = draw_many(4 * 9);
    const int64_t one[] = {1};
    const int64_t three[] = {3};
    const int64_t parts[] = {1, 3};
    const float scales[] = {1, 1, 2, 2};
    image(m, 4, 3, 3);
    ints(m, "one", 1, one);
    ints(m, "three", 1, three);
    ints(m, "parts", 2, parts);
    reals(m, "scales", 1, (const int64_t[]){4}, scales);
    set_int(node(m, "Split", "x parts", "a b"), "axis", 1);
    (void)node(m, "Slice", "x one three one", "c");
    set_int(node(m, "Concat", "c b a", "cat"), "axis", -3);
    Onnx__NodeProto *mean = node(m, "ReduceMean", "cat", "mean");
    set_ints(mean, "axes", 2, (const int64_t[]){-1, 2});
    (void)node(m, "Mul", "mean cat", "weighed");
    Onnx__NodeProto *resize = node(m, "Resize", "weighed - scales", "up");
    set_text(resize, "coordinate_transformation_mode", "asymmetric");
    set_text(resize, "nearest_mode", "floor");
    set_int(node(m, "Softmax", "up", "y"), "axis", 1);
    output(m, "y");
    struct bt_model model = imported(m);
    assert_nodes(model.real, "x a b c cat mean weighed.spread weighed up y");
    static const size_t from[] = {1, 2, 1, 2, 3, 0};
    double expected[6 * 36];
    for (size_t p = 0; p < 36; p++) {
        double sum = 0;
        for (size_t c = 0; c < 6; c++) {
            double total = 0;
            for (size_t k = 0; k < 9; k++) {
                total += (double)x[from[c] * 9 + k];
            }
            expected[c * 36 + p] = exp((double)x[from[c] * 9 + p / 6 / 2 * 3 + p % 6 / 2] * total / 9);
            sum += expected[c * 36 + p];
        }
        for (size_t c = 0; c < 6; c++) {
            expected[c * 36 + p] /= sum;
        }
    }
    assert_close(run_float(model.real, x, NULL), expected, 6 * 36);
    bt_model_free(&model);
}

/* What PyTorch writes for x.view(x.size(0), -1), and for a padding worked out at run time. */
static void test_computed_shapes(void **state)
{
    (void)state;
    struct maker *m = maker(13);
    input(m, "x", FLOAT, 4, (const int64_t[]){-2, 3, 2, 2});
    const int64_t zero[] = {0};
    const int64_t minus[] = {-1};
    const int64_t pads[] = {1, 0, 0, 1, 0, 0, 0, 0}; /* left, right, top, bottom */
    const int64_t two[] = {-1, 2};
    const int64_t begin[] = {-1};
    const int64_t end[] = {INT64_MIN + 1};
    ints(m, "minus", 1, minus);
    ints(m, "zero", 1, zero);
    ints(m, "pads", 8, pads);
    ints(m, "two", 2, two);
    ints(m, "begin", 1, begin);
    ints(m, "end", 1, end);
    (void)node(m, "Shape", "x", "shape");
    code(m, "first", INT32, 0);
    (void)node(m, "Gather", "shape first", "size");
    (void)node(m, "Unsqueeze", "size zero", "sizes");
    set_int(node(m, "Concat", "sizes minus", "target"), "axis", 0);
    (void)node(m, "Reshape", "pads two", "pairs");
    (void)node(m, "Slice", "pairs begin end zero minus", "reversed");
    (void)node(m, "Transpose", "reversed", "rows");
    (void)node(m, "Reshape", "rows minus", "list");
    set_int(node(m, "Cast", "list", "all"), "to", INT64);
    (void)node(m, "Pad", "x all", "padded");
    any_conv(m, 3, 2, "padded", "conv");
    (void)node(m, "Reshape", "conv target", "y");
    output(m, "y");
    struct bt_model model = imported(m);
    assert_nodes(model.real, "x conv");
    const struct bt_conv2d *made = &model.real->nodes[1].u.conv;
    assert_int_equal(made->pad_top, 0);
    assert_int_equal(made->pad_left, 1);
    assert_int_equal(made->pad_bottom, 1);
    assert_int_equal(made->pad_right, 0);
    bt_model_free(&model);
}

/* Nodes in any order; names; results to the end, in their order, each read by nobody. */
static void test_order_and_names(void **state)
{
    (void)state;
    struct maker *m = maker(13);
    image(m, 2, 3, 3);
    (void)node(m, "Add", "b/1 b:1", "sum");
    any_conv(m, 2, 2, "a", "b/1");
    any_conv(m, 2, 2, "a", "b:1");
    any_conv(m, 2, 3, "x", "second");
    any_conv(m, 2, 2, "x", "a");
    any_conv(m, 2, 2, "unused", "unused2");
    any_conv(m, 2, 2, "x", "unused");
    m->nodes[0]->name = text("a name that is longer than forty-seven bytes, by far");
    output(m, "second");
    output(m, "a");
    output(m, "sum");
    output(m, "second");
    struct bt_model model = imported(m);
    assert_nodes(model.real, "x a b_1 b_1_2 second a.out a_name_that_is_longer_than_forty-seven_bytes__b");
    bt_model_free(&model);
}

/* Models from TensorFlow: [n][h][w][c] and a transposition first; results transposed back. */
static void test_channels_last(void **state)
{
    (void)state;
    struct plain p = {.c = 2, .h = 3, .w = 4, .oc = 3, .kh = 1, .kw = 1, .stride = 1, .dilation = 1, .groups = 1};
    struct maker *m = maker(13);
    float *w = NULL;
    input(m, "x", FLOAT, 4, (const int64_t[]){1, 3, 4, 2});
    set_ints(node(m, "Transpose", "x", "t"), "perm", 4, (const int64_t[]){0, 3, 1, 2});
    (void)conv(m, &p, "t", "conv", &w, NULL);
    set_ints(node(m, "Transpose", "conv", "back"), "perm", 4, (const int64_t[]){0, 2, 3, 1});
    set_int(node(m, "Softmax", "back", "y"), "axis", -1);
    output(m, "y");
    struct bt_model model = imported(m);
    assert_nodes(model.real, "x conv y");
    const float *x = draw_many(24);
    const double *sums = plain_conv(&p, widened(x, 24), w, NULL);
    double expected[36];
    for (size_t i = 0; i < 36; i++) {
        expected[i] = exp(sums[i]) / (exp(sums[i % 12]) + exp(sums[i % 12 + 12]) + exp(sums[i % 12 + 24]));
    }
    assert_close(run_float(model.real, x, NULL), expected, 36);
    bt_model_free(&model);
}

/* ---- int8 models: each layer from what the one before really put out -------------------------------------------------- */

/* Quantised and back. */
static void qdq(struct maker *m, const char *in, double scale, int32_t type, int32_t zp, const char *out)
{
    char names[256];
    char mid[64];
    (void)snprintf(names, sizeof(names), "%s.s", out);
    real(m, names, scale);
    (void)snprintf(names, sizeof(names), "%s.z", out);
    code(m, names, type, zp);
    (void)snprintf(mid, sizeof(mid), "%s.q", out);
    (void)snprintf(names, sizeof(names), "%s %s.s %s.z", in, out, out);
    (void)node(m, "QuantizeLinear", names, mid);
    (void)snprintf(names, sizeof(names), "%s %s.s %s.z", mid, out, out);
    (void)node(m, "DequantizeLinear", names, out);
}

struct int8_run {
    struct bt_model model;
    const struct bt_graph *graph;
    int8_t **outputs;
};

/* x: codes of the input as [c][h][w]. */
static struct int8_run run_int8(const struct maker *m, const int32_t *x)
{
    struct int8_run run = {.model = imported(m)};
    struct bt_error err = {""};
    assert_non_null(run.model.quantised);
    run.graph = run.model.quantised;
    const struct bt_graph_node *in = &run.graph->nodes[0];
    const int32_t pixels = in->h * in->w;
    int8_t *nhwc = take(bt_graph_bytes(in));
    for (int32_t i = 0; i < pixels * in->c; i++) {
        nhwc[i % pixels * in->c + i / pixels] = (int8_t)x[i];
    }
    assert_int_equal(bt_graph_outputs_new(run.graph, &run.outputs), BT_OK);
    if (bt_graph_run(run.graph, nhwc, run.outputs, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    return run;
}

static void close_run(struct int8_run *run)
{
    bt_graph_outputs_free(run->graph, run->outputs);
    bt_model_free(&run->model);
}

static uint32_t find(const struct int8_run *run, const char *name)
{
    for (uint32_t i = 0; i < run->graph->count; i++) {
        if (strcmp(run->graph->nodes[i].name, name) == 0) {
            return i;
        }
    }
    fail_msg("no node '%s'", name);
    return 0;
}

/* Reals that a node put out, as [c][h][w]. */
static double *reals_of(const struct int8_run *run, const char *name)
{
    const uint32_t index = find(run, name);
    const struct bt_graph_node *from = &run->graph->nodes[index];
    const int32_t pixels = from->h * from->w;
    double *out = take(bt_graph_bytes(from) * sizeof(double));
    for (int32_t i = 0; i < pixels * from->c; i++) {
        const int32_t place = i % pixels * from->c + i / pixels;
        out[i] = (run->outputs[index][place] - from->zp) * from->scale;
    }
    return out;
}

/* Two roundings against one: a code may be one off, few are. */
static void assert_codes(const struct int8_run *run, const char *name, const double *expected)
{
    const uint32_t index = find(run, name);
    const struct bt_graph_node *node = &run->graph->nodes[index];
    const int32_t pixels = node->h * node->w;
    int32_t off = 0;
    for (int32_t i = 0; i < pixels * node->c; i++) {
        const double code = nearbyint(expected[i] / node->scale) + node->zp;
        const int32_t wanted = code < -128 ? -128 : code > 127 ? 127 : (int32_t)code;
        const int32_t got = run->outputs[index][i % pixels * node->c + i / pixels];
        off += got != wanted;
        if (abs(got - wanted) > 1) {
            fail_msg("%s: element %d: got %d, expected %d", name, (int)i, (int)got, (int)wanted);
        }
    }
    if (off > 1 + pixels * node->c / 20) {
        fail_msg("%s: %d of %d codes are one off", name, (int)off, (int)(pixels * node->c));
    }
}

/* Weights of that many elements as constants "<name>", dequantised by one scale to each of `filters`, or by one. */
static float *quantised_weights(struct maker *m, const char *name, size_t rank, const int64_t *dims, bool each,
                                int32_t type)
{
    const size_t elems = product(rank, dims);
    const size_t filters = (size_t)dims[0];
    const int64_t scale_dims[] = {(int64_t)filters};
    const int32_t middle = type == UINT8 ? 128 : 0;
    int32_t *values = draw_codes(elems, middle - 127, middle + 127);
    float *scales = draw_many(filters);
    int32_t *zps = draw_codes(filters, middle, middle);
    float *out = take(elems * sizeof(float));
    char names[5][64];
    char all[256];
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "%s.%c", name, "qsz"[i]);
    }
    for (size_t i = 0; i < filters; i++) {
        scales[i] = i == 0 || each ? 0.002f * (1.5f + scales[i]) : scales[0];
    }
    for (size_t i = 0; i < elems; i++) {
        out[i] = (float)(values[i] - middle) * scales[i / (elems / filters)];
    }
    codes(m, names[0], type, rank, dims, values);
    reals(m, names[1], each ? 1 : 0, scale_dims, scales);
    codes(m, names[2], type, each ? 1 : 0, scale_dims, zps);
    (void)snprintf(all, sizeof(all), "%s %s %s", names[0], names[1], names[2]);
    set_int(node(m, "DequantizeLinear", all, name), "axis", 0);
    return out;
}

/* What a test knows of the model's constants. */
struct qdq_parts {
    const float *w1, *w2, *w3;
    float bias1[4], bias3[3], scales3[3];
};

/* A convolution with a bias in steps of its sums, its scales those of the weights times the input's. */
static void first_layer(struct maker *m, struct qdq_parts *parts)
{
    image(m, 3, 6, 6);
    qdq(m, "x", 0.02, UINT8, 100, "in");
    parts->w1 = quantised_weights(m, "w1", 4, (const int64_t[]){4, 3, 3, 3}, true, INT8);
    const int32_t *steps = draw_codes(4, -2000, 2000);
    float bias_scales[4];
    const Onnx__TensorProto *scales = NULL;
    for (size_t i = 0; i < m->graph.n_initializer; i++) {
        scales = strcmp(m->tensors[i]->name, "w1.s") == 0 ? m->tensors[i] : scales;
    }
    assert_non_null(scales);
    for (size_t i = 0; i < 4; i++) {
        float scale = 0;
        if (scales->has_raw_data) {
            memcpy(&scale, scales->raw_data.data + 4 * i, 4);
        } else {
            scale = scales->float_data[i];
        }
        bias_scales[i] = 0.02f * scale;
        parts->bias1[i] = (float)steps[i] * bias_scales[i];
    }
    codes(m, "b1.q", INT32, 1, (const int64_t[]){4}, steps);
    reals(m, "b1.s", 1, (const int64_t[]){4}, bias_scales);
    set_int(node(m, "DequantizeLinear", "b1.q b1.s", "b1"), "axis", 0);
    Onnx__NodeProto *conv1 = node(m, "Conv", "in w1 b1", "conv1");
    set_ints(conv1, "pads", 4, (const int64_t[]){1, 1, 1, 1});
    (void)node(m, "Relu", "conv1", "relu1");
    qdq(m, "relu1", 0.01, UINT8, 3, "a");
}

static void last_layer(struct maker *m, struct qdq_parts *parts)
{
    /* real weights quantised on the spot, as training with quantisation leaves them */
    static const float bias[] = {0.1f, -0.2f, 0.3f};
    static const float scales[] = {0.008f, 0.007f, 0.009f};
    parts->w3 = draw_many(24);
    memcpy(parts->bias3, bias, sizeof(bias));
    memcpy(parts->scales3, scales, sizeof(scales));
    const int32_t w3_zps[3] = {0, 0, 0};
    reals(m, "w3.f", 2, (const int64_t[]){3, 8}, parts->w3);
    reals(m, "w3.s", 1, (const int64_t[]){3}, scales);
    codes(m, "w3.z", INT8, 1, (const int64_t[]){3}, w3_zps);
    reals(m, "b3", 1, (const int64_t[]){3}, bias);
    set_int(node(m, "QuantizeLinear", "w3.f w3.s w3.z", "w3.q"), "axis", 0);
    set_int(node(m, "DequantizeLinear", "w3.q w3.s w3.z", "w3"), "axis", 0);
    set_ints(node(m, "Transpose", "w3", "w3.t"), "perm", 2, (const int64_t[]){1, 0});
    (void)node(m, "MatMul", "flat w3.t", "fc");
    (void)node(m, "Add", "fc b3", "fc.b");
    qdq(m, "fc.b", 0.01, INT8, 1, "j");
    (void)node(m, "Softmax", "j", "y");
}

/* From the concatenation on. */
static void check_rest(const struct int8_run *run, const struct qdq_parts *parts)
{
    double both[200];
    const double *cat = reals_of(run, "cat");
    for (size_t i = 0; i < 200; i++) {
        both[i] = sigmoid(cat[i]);
    }
    assert_codes(run, "cat.act", both);
    const double *gate = reals_of(run, "cat.act");
    for (size_t i = 0; i < 200; i++) {
        both[i] = cat[i] * gate[i];
    }
    assert_codes(run, "prod", both);
    const double *prod = reals_of(run, "prod");
    double means[8] = {0};
    for (size_t i = 0; i < 200; i++) {
        means[i / 25] += prod[i] / 25;
    }
    assert_codes(run, "gap", means);
    const double *gap = reals_of(run, "gap");
    double sums[3];
    for (size_t o = 0; o < 3; o++) {
        sums[o] = (double)parts->bias3[o];
        for (size_t i = 0; i < 8; i++) {
            const double w = nearbyint((double)parts->w3[o * 8 + i] / (double)parts->scales3[o]);
            sums[o] += gap[i] * (w < -128 ? -128 : w > 127 ? 127 : w) * (double)parts->scales3[o];
        }
    }
    assert_codes(run, "fc", sums);
    const double *fc = reals_of(run, "fc");
    const double total = exp(fc[0]) + exp(fc[1]) + exp(fc[2]);
    for (size_t o = 0; o < 3; o++) {
        sums[o] = exp(fc[o]) / total;
    }
    assert_codes(run, "y", sums);
}

static void test_qdq(void **state)
{
    (void)state;
    struct qdq_parts parts = {0};
    struct plain p1 = {.c = 3,
                       .h = 6,
                       .w = 6,
                       .oc = 4,
                       .kh = 3,
                       .kw = 3,
                       .stride = 1,
                       .dilation = 1,
                       .groups = 1,
                       .pad = {1, 1, 1, 1}};
    struct plain p2 = {.c = 4, .h = 6, .w = 6, .oc = 4, .kh = 1, .kw = 1, .stride = 1, .dilation = 1, .groups = 1};
    struct maker *m = maker(13);
    first_layer(m, &parts);
    parts.w2 = quantised_weights(m, "w2", 4, (const int64_t[]){4, 4, 1, 1}, false, UINT8);
    (void)node(m, "Conv", "a w2", "conv2");
    qdq(m, "conv2", 0.006, INT8, -3, "b");
    (void)node(m, "Add", "b a", "sum");
    qdq(m, "sum", 0.015, INT8, 5, "c");
    set_ints(node(m, "MaxPool", "c", "max"), "kernel_shape", 2, (const int64_t[]){2, 2});
    qdq(m, "max", 0.015, INT8, 5, "d");
    set_ints(node(m, "AveragePool", "c", "mean"), "kernel_shape", 2, (const int64_t[]){2, 2});
    qdq(m, "mean", 0.011, INT8, -7, "e");
    set_int(node(m, "Concat", "d e", "cat"), "axis", 1);
    qdq(m, "cat", 0.016, UINT8, 90, "f");
    (void)node(m, "Sigmoid", "f", "sig");
    qdq(m, "sig", 1.0 / 256, UINT8, 0, "g");
    (void)node(m, "Mul", "f g", "prod");
    qdq(m, "prod", 0.012, UINT8, 40, "h");
    (void)node(m, "GlobalAveragePool", "h", "gap");
    qdq(m, "gap", 0.004, UINT8, 60, "i");
    (void)node(m, "Flatten", "i", "flat");
    last_layer(m, &parts);
    output(m, "y");

    const int32_t *x = draw_codes(108, -128, 127);
    struct int8_run run = run_int8(m, x);
    assert_string_equal(run.model.format, "ONNX QDQ");
    assert_int_equal(run.graph->count, 12);
    assert_int_equal(run.graph->nodes[0].zp, -28);
    assert_true(run.graph->nodes[0].scale == (double)0.02f);
    double *expected = plain_conv(&p1, reals_of(&run, "x"), parts.w1, parts.bias1);
    for (size_t i = 0; i < 144; i++) {
        expected[i] = relu(expected[i]);
    }
    assert_codes(&run, "conv1", expected);
    assert_codes(&run, "conv2", plain_conv(&p2, reals_of(&run, "conv1"), parts.w2, NULL));
    const double *a = reals_of(&run, "conv1");
    const double *b = reals_of(&run, "conv2");
    for (size_t i = 0; i < 144; i++) {
        expected[i] = a[i] + b[i];
    }
    assert_codes(&run, "sum", expected);
    const double *sum = reals_of(&run, "sum");
    double pooled[2][100];
    for (size_t i = 0; i < 100; i++) {
        const size_t corner = i / 25 * 36 + i % 25 / 5 * 6 + i % 5;
        const double *at = sum + corner;
        pooled[0][i] = fmax(fmax(at[0], at[1]), fmax(at[6], at[7]));
        pooled[1][i] = (at[0] + at[1] + at[6] + at[7]) / 4;
    }
    assert_codes(&run, "max", pooled[0]);
    assert_codes(&run, "mean", pooled[1]);
    double both[200];
    memcpy(both, reals_of(&run, "max"), sizeof(pooled[0]));
    memcpy(both + 100, reals_of(&run, "mean"), sizeof(pooled[1]));
    assert_codes(&run, "cat", both);
    check_rest(&run, &parts);
    close_run(&run);
}

/* "<name>.s", "<name>.z" of an activation; the three names behind each other. */
static const char *format(struct maker *m, const char *name, double scale, int32_t type, int32_t zp)
{
    char *names = take(200);
    (void)snprintf(names, 200, "%s.s", name);
    real(m, names, scale);
    (void)snprintf(names, 200, "%s.z", name);
    code(m, names, type, zp);
    (void)snprintf(names, 200, "%s.s %s.z", name, name);
    return names;
}

#define words(...) join((const char *const[]){__VA_ARGS__, NULL})
static const char *join(const char *const *list)
{
    char *all = take(1024);
    for (size_t i = 0; list[i] != NULL; i++) {
        (void)strcat(strcat(all, list[i]), " ");
    }
    return all;
}

/* From the maximum to the mean. */
static void check_middle(const struct int8_run *run)
{
    const double *pooled = reals_of(run, "m");
    double values[128];
    for (size_t i = 0; i < 64; i++) {
        values[i] = sigmoid(pooled[i]);
    }
    assert_codes(run, "m.act", values);
    for (size_t i = 0; i < 64; i++) {
        values[i] = pooled[i] < 0 ? pooled[i] / 10 : pooled[i];
    }
    assert_codes(run, "m.act_2", values);
    const double *b = reals_of(run, "m.act");
    const double *c = reals_of(run, "m.act_2");
    const double *d = reals_of(run, "d");
    const double *e = reals_of(run, "e");
    for (size_t i = 0; i < 64; i++) {
        values[i] = b[i] + c[i];
    }
    assert_codes(run, "d", values);
    for (size_t i = 0; i < 64; i++) {
        values[i] = d[i] * c[i];
    }
    assert_codes(run, "e", values);
    memcpy(values, d, 64 * sizeof(double));
    memcpy(values + 64, e, 64 * sizeof(double));
    assert_codes(run, "f", values);
    const double *f = reals_of(run, "f");
    double means[8] = {0};
    for (size_t i = 0; i < 128; i++) {
        means[i / 16] += f[i] / 16;
    }
    assert_codes(run, "g", means);
}

static void test_qoperator(void **state)
{
    (void)state;
    struct plain p = {.c = 3,
                      .h = 5,
                      .w = 5,
                      .oc = 4,
                      .kh = 3,
                      .kw = 3,
                      .stride = 1,
                      .dilation = 1,
                      .groups = 1,
                      .pad = {1, 1, 1, 1}};
    struct maker *m = maker(13);
    input(m, "x", UINT8, 4, (const int64_t[]){-2, 3, 5, 5});
    const char *fx = format(m, "x", 0.02, UINT8, 120);
    const int32_t *w = draw_codes(4 * 27, -127, 127);
    const float ws[] = {0.002f, 0.003f, 0.001f, 0.004f};
    const int32_t wz[4] = {0};
    const int32_t *steps = draw_codes(4, -3000, 3000);
    codes(m, "w", INT8, 4, (const int64_t[]){4, 3, 3, 3}, w);
    reals(m, "w.s", 1, (const int64_t[]){4}, ws);
    codes(m, "w.z", INT8, 1, (const int64_t[]){4}, wz);
    codes(m, "bias", INT32, 1, (const int64_t[]){4}, steps);
    const char *fa = format(m, "a", 0.012, UINT8, 128);
    Onnx__NodeProto *conv = node(m, "QLinearConv", words("x", fx, "w w.s w.z", fa, "bias"), "a");
    set_ints(conv, "pads", 4, (const int64_t[]){1, 1, 1, 1});
    set_ints(node(m, "MaxPool", "a", "m"), "kernel_shape", 2, (const int64_t[]){2, 2});
    const char *fb = format(m, "b", 1.0 / 256, UINT8, 0);
    (void)microsoft(m, "QLinearSigmoid", words("m", fa, fb), "b");
    const char *fc = format(m, "c", 0.009, UINT8, 100);
    set_real(microsoft(m, "QLinearLeakyRelu", words("m", fa, fc), "c"), "alpha", 0.1);
    const char *fd = format(m, "d", 0.014, UINT8, 110);
    (void)microsoft(m, "QLinearAdd", words("b", fb, "c", fc, fd), "d");
    const char *fe = format(m, "e", 0.011, UINT8, 77);
    (void)microsoft(m, "QLinearMul", words("d", fd, "c", fc, fe), "e");
    const char *ff = format(m, "f", 0.013, UINT8, 99);
    set_int(microsoft(m, "QLinearConcat", words(ff, "d", fd, "e", fe), "f"), "axis", 1);
    const char *fg = format(m, "g", 0.005, UINT8, 88);
    (void)microsoft(m, "QLinearGlobalAveragePool", words("f", ff, fg), "g");
    (void)node(m, "Flatten", "g", "flat");
    const int32_t *w2 = draw_codes(8 * 5, 1, 255);
    const int32_t *steps2 = draw_codes(5, -500, 500);
    codes(m, "w2", UINT8, 2, (const int64_t[]){8, 5}, w2);
    code(m, "w2.z", UINT8, 128);
    real(m, "w2.s", 0.005);
    codes(m, "bias2", INT32, 1, (const int64_t[]){5}, steps2);
    const char *fh = format(m, "h", 0.01, INT8, -9);
    (void)microsoft(m, "QGemm", words("flat", fg, "w2 w2.s w2.z bias2", fh), "h");
    const int32_t *w3 = draw_codes(5 * 3, -127, 127);
    codes(m, "w3", INT8, 2, (const int64_t[]){5, 3}, w3);
    code(m, "w3.z", INT8, 0);
    real(m, "w3.s", 0.005);
    const char *fi = format(m, "i", 0.007, INT8, 4);
    (void)node(m, "QLinearMatMul", words("h", fh, "w3 w3.s w3.z", fi), "i");
    (void)node(m, "DequantizeLinear", words("i", fi), "y");
    output(m, "y");

    struct int8_run run = run_int8(m, draw_codes(75, -128, 127));
    assert_string_equal(run.model.format, "ONNX QOperator");
    assert_int_equal(run.graph->count, 11);
    assert_int_equal(run.graph->nodes[0].zp, -8);
    float weights[4 * 27];
    float bias[4];
    for (size_t i = 0; i < 4 * 27; i++) {
        weights[i] = (float)w[i] * ws[i / 27];
    }
    for (size_t i = 0; i < 4; i++) {
        bias[i] = (float)steps[i] * 0.02f * ws[i];
    }
    assert_codes(&run, "a", plain_conv(&p, reals_of(&run, "x"), weights, bias));
    check_middle(&run);
    double values[8];
    const double *g = reals_of(&run, "g");
    for (size_t o = 0; o < 5; o++) {
        values[o] = steps2[o] * 0.005 * 0.005;
        for (size_t i = 0; i < 8; i++) {
            values[o] += g[i] * (w2[i * 5 + o] - 128) * 0.005;
        }
    }
    assert_codes(&run, "h", values);
    const double *h = reals_of(&run, "h");
    for (size_t o = 0; o < 3; o++) {
        values[o] = 0;
        for (size_t i = 0; i < 5; i++) {
            values[o] += h[i] * w3[i * 3 + o] * 0.005;
        }
    }
    assert_codes(&run, "i", values);
    close_run(&run);
}

/* Changes of scale that an operator cannot do, and relu of what is quantised: tables. */
static void test_int8_tables(void **state)
{
    (void)state;
    struct maker *m = maker(13);
    image(m, 2, 4, 4);
    qdq(m, "x", 0.05, INT8, 10, "a");
    set_ints(node(m, "MaxPool", "a", "m"), "kernel_shape", 2, (const int64_t[]){2, 2});
    qdq(m, "m", 0.03, INT8, -20, "b");
    (void)node(m, "Relu", "b", "r");
    qdq(m, "r", 0.023, INT8, -128, "c");
    Onnx__NodeProto *mean = node(m, "AveragePool", "c", "v");
    set_ints(mean, "kernel_shape", 2, (const int64_t[]){2, 2});
    set_ints(mean, "pads", 4, (const int64_t[]){1, 1, 0, 0});
    qdq(m, "v", 0.0151, UINT8, 0, "d");
    set_int(node(m, "Softmax", "d", "s"), "axis", 1);
    qdq(m, "s", 1.0 / 255, UINT8, 0, "y");
    output(m, "y");
    struct int8_run run = run_int8(m, draw_codes(32, -128, 127));
    const double *pooled = reals_of(&run, "m");
    assert_codes(&run, "m.scale", pooled);
    const double *scaled = reals_of(&run, "m.scale");
    double values[18];
    for (size_t i = 0; i < 18; i++) {
        values[i] = relu(scaled[i]);
    }
    assert_codes(&run, "m.scale.act", values);
    assert_codes(&run, "v.scale", reals_of(&run, "v"));
    assert_codes(&run, "s.scale", reals_of(&run, "s"));
    close_run(&run);
}

/* ---- what is refused, in which words --------------------------------------------------------------------------------- */

static void unary(struct maker *m, const char *type, const char *names)
{
    image(m, 4, 6, 6);
    (void)node(m, type, names, "y");
    output(m, "y");
}

static Onnx__NodeProto *last(struct maker *m)
{
    return m->nodes[m->graph.n_node - 1];
}

static void numbers(struct maker *m, const char *name, size_t rank, const int64_t *dims)
{
    reals(m, name, rank, dims, draw_many(product(rank, dims)));
}

static void no_graph(struct maker *m)
{
    m->model.graph = NULL;
}

static void functions(struct maker *m)
{
    Onnx__FunctionProto *function = take(sizeof(*function));
    onnx__function_proto__init(function);
    m->model.functions = take(sizeof(void *));
    m->model.functions[0] = function;
    m->model.n_functions = 1;
    unary(m, "Relu", "x");
}

static void sparse(struct maker *m)
{
    Onnx__SparseTensorProto *one = take(sizeof(*one));
    onnx__sparse_tensor_proto__init(one);
    m->graph.sparse_initializer = take(sizeof(void *));
    m->graph.sparse_initializer[0] = one;
    m->graph.n_sparse_initializer = 1;
    unary(m, "Relu", "x");
}

static void old(struct maker *m)
{
    m->sets[0].version = 5;
    unary(m, "Relu", "x");
}

static void new (struct maker *m)
{
    m->sets[0].version = 26;
    unary(m, "Relu", "x");
}

static void unknown_operator(struct maker *m)
{
    unary(m, "LRN", "x");
}

static void foreign_operator(struct maker *m)
{
    unary(m, "Conv", "x");
    last(m)->domain = text("elsewhere");
}

static void conv_integer(struct maker *m)
{
    unary(m, "ConvInteger", "x x");
}

static void too_few_inputs(struct maker *m)
{
    unary(m, "Conv", "x");
}

static void no_input(struct maker *m)
{
    (void)node(m, "Constant", "", "y");
    output(m, "y");
}

static void two_inputs(struct maker *m)
{
    input(m, "other", FLOAT, 2, (const int64_t[]){1, 3});
    unary(m, "Relu", "x");
}

static void no_output(struct maker *m)
{
    image(m, 1, 2, 2);
}

static void unknown_output(struct maker *m)
{
    image(m, 1, 2, 2);
    output(m, "nowhere");
}

static void constant_output(struct maker *m)
{
    image(m, 1, 2, 2);
    real(m, "c", 1);
    output(m, "c");
}

static void dynamic(struct maker *m)
{
    input(m, "x", FLOAT, 4, (const int64_t[]){1, 3, -2, 6});
    (void)node(m, "Relu", "x", "y");
    output(m, "y");
}

static void zero_size(struct maker *m)
{
    input(m, "x", FLOAT, 4, (const int64_t[]){1, 0, 6, 6});
    (void)node(m, "Relu", "x", "y");
    output(m, "y");
}

static void huge(struct maker *m)
{
    input(m, "x", FLOAT, 4, (const int64_t[]){1, 3, INT64_MAX / 2, 6});
    (void)node(m, "Relu", "x", "y");
    output(m, "y");
}

static void huge_product(struct maker *m)
{
    input(m, "x", FLOAT, 4, (const int64_t[]){1, 65536, 65536, 65536});
    (void)node(m, "Relu", "x", "y");
    output(m, "y");
}

static void rank_five(struct maker *m)
{
    input(m, "x", FLOAT, 5, (const int64_t[]){1, 3, 4, 5, 6});
    (void)node(m, "Relu", "x", "y");
    output(m, "y");
}

static void no_shape(struct maker *m)
{
    unary(m, "Relu", "x");
    m->inputs[0]->type->tensor_type->shape = NULL;
}

static void int64_input(struct maker *m)
{
    input(m, "x", INT64, 2, (const int64_t[]){1, 3});
    (void)node(m, "Relu", "x", "y");
    output(m, "y");
}

static void missing(struct maker *m)
{
    unary(m, "Conv", "x w");
}

static void cycle(struct maker *m)
{
    unary(m, "Add", "x b");
    (void)node(m, "Relu", "y", "a");
    (void)node(m, "Relu", "a", "b");
}

static void twice(struct maker *m)
{
    unary(m, "Relu", "x");
    (void)node(m, "Relu", "x", "y");
}

static void initializer_twice(struct maker *m)
{
    real(m, "c", 1);
    real(m, "c", 1);
    unary(m, "Relu", "x");
}

static void external(struct maker *m)
{
    unary(m, "Conv", "x w");
    Onnx__TensorProto *w = tensor(m, "w", FLOAT, 4, (const int64_t[]){1, 4, 1, 1});
    w->has_data_location = 1;
    w->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
}

static void half(struct maker *m)
{
    unary(m, "Conv", "x w");
    (void)tensor(m, "w", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16, 4, (const int64_t[]){1, 4, 1, 1});
}

static void short_data(struct maker *m)
{
    unary(m, "Conv", "x w");
    raw(tensor(m, "w", FLOAT, 4, (const int64_t[]){1, 4, 1, 1}), "abcdefgh", 8);
}

static void huge_tensor(struct maker *m)
{
    unary(m, "Conv", "x w");
    (void)tensor(m, "w", FLOAT, 4, (const int64_t[]){1 << 20, 1 << 20, 1 << 20, 1 << 20});
}

static void not_a_number(struct maker *m)
{
    const float w[] = {1, 2, NAN, 4};
    unary(m, "Conv", "x w");
    reals(m, "w", 4, (const int64_t[]){1, 4, 1, 1}, w);
}

static void negative_variance(struct maker *m)
{
    const float four[] = {1, 1, -1, 1};
    unary(m, "BatchNormalization", "x s s s s");
    reals(m, "s", 1, (const int64_t[]){4}, four);
}

static void conv_1d(struct maker *m)
{
    input(m, "x", FLOAT, 3, (const int64_t[]){1, 4, 9});
    (void)node(m, "Conv", "x w", "y");
    numbers(m, "w", 3, (const int64_t[]){2, 4, 3});
    output(m, "y");
}

static void conv_channels(struct maker *m)
{
    unary(m, "Conv", "x w");
    numbers(m, "w", 4, (const int64_t[]){2, 3, 1, 1});
}

static void conv_groups(struct maker *m)
{
    unary(m, "Conv", "x w");
    set_int(last(m), "group", 4);
    numbers(m, "w", 4, (const int64_t[]){6, 1, 1, 1});
}

static void conv_kernel(struct maker *m)
{
    unary(m, "Conv", "x w");
    set_ints(last(m), "kernel_shape", 2, (const int64_t[]){3, 3});
    numbers(m, "w", 4, (const int64_t[]){2, 4, 1, 1});
}

static void conv_stride(struct maker *m)
{
    unary(m, "Conv", "x w");
    set_ints(last(m), "strides", 2, (const int64_t[]){1, INT64_MAX});
    numbers(m, "w", 4, (const int64_t[]){2, 4, 1, 1});
}

static void conv_pads(struct maker *m)
{
    unary(m, "Conv", "x w");
    set_ints(last(m), "pads", 2, (const int64_t[]){1, 1});
    numbers(m, "w", 4, (const int64_t[]){2, 4, 1, 1});
}

static void conv_too_large(struct maker *m)
{
    unary(m, "Conv", "x w");
    numbers(m, "w", 4, (const int64_t[]){2, 4, 9, 1});
}

static void conv_auto_pad(struct maker *m)
{
    unary(m, "Conv", "x w");
    set_text(last(m), "auto_pad", "SOME");
    numbers(m, "w", 4, (const int64_t[]){2, 4, 1, 1});
}

static void conv_bias(struct maker *m)
{
    unary(m, "Conv", "x w b");
    numbers(m, "w", 4, (const int64_t[]){2, 4, 1, 1});
    numbers(m, "b", 1, (const int64_t[]){3});
}

static void computed_weights(struct maker *m)
{
    unary(m, "Conv", "x x");
}

static void product_shape(struct maker *m)
{
    unary(m, "MatMul", "x w");
    numbers(m, "w", 2, (const int64_t[]){6, 3});
}

static void pool_dilations(struct maker *m)
{
    unary(m, "MaxPool", "x");
    set_ints(last(m), "kernel_shape", 2, (const int64_t[]){2, 2});
    set_ints(last(m), "dilations", 2, (const int64_t[]){2, 1});
}

static void pool_padding(struct maker *m)
{
    unary(m, "MaxPool", "x");
    set_ints(last(m), "kernel_shape", 2, (const int64_t[]){2, 2});
    set_ints(last(m), "pads", 4, (const int64_t[]){3, 0, 0, 0});
}

static void pool_kernel(struct maker *m)
{
    unary(m, "MaxPool", "x");
}

static void pool_ceil(struct maker *m)
{
    unary(m, "AveragePool", "x");
    set_ints(last(m), "kernel_shape", 2, (const int64_t[]){3, 3});
    set_ints(last(m), "strides", 2, (const int64_t[]){2, 2});
    set_ints(last(m), "pads", 4, (const int64_t[]){1, 1, 0, 0});
    set_int(last(m), "count_include_pad", 1);
    set_int(last(m), "ceil_mode", 1);
    m->inputs[0]->type->tensor_type->shape->dim[2]->dim_value = 7;
}

static void pool_indices(struct maker *m)
{
    image(m, 4, 6, 6);
    set_ints(node(m, "MaxPool", "x", "y i"), "kernel_shape", 2, (const int64_t[]){2, 2});
    output(m, "y");
    output(m, "i");
}

static void padded_maximum(struct maker *m)
{
    image(m, 4, 6, 6);
    set_ints(node(m, "Pad", "x", "p"), "pads", 8, (const int64_t[]){0, 0, 1, 1, 0, 0, 1, 1});
    set_ints(node(m, "MaxPool", "p", "y"), "kernel_shape", 2, (const int64_t[]){2, 2});
    output(m, "y");
    m->sets[0].version = 10;
}

static void padded_relu(struct maker *m)
{
    image(m, 4, 6, 6);
    set_ints(node(m, "Pad", "x", "p"), "pads", 8, (const int64_t[]){0, 0, 1, 1, 0, 0, 1, 1});
    (void)node(m, "Relu", "p", "y");
    output(m, "y");
    m->sets[0].version = 10;
}

static void padded_channels(struct maker *m)
{
    unary(m, "Pad", "x");
    set_ints(last(m), "pads", 8, (const int64_t[]){0, 1, 0, 0, 0, 0, 0, 0});
    m->sets[0].version = 10;
}

static void reflected(struct maker *m)
{
    unary(m, "Pad", "x");
    set_ints(last(m), "pads", 8, (const int64_t[]){0, 0, 1, 1, 0, 0, 1, 1});
    set_text(last(m), "mode", "reflect");
    m->sets[0].version = 10;
}

static void clip(struct maker *m)
{
    real(m, "low", -1);
    real(m, "high", 1);
    unary(m, "Clip", "x low high");
}

static void hard_sigmoid(struct maker *m)
{
    unary(m, "HardSigmoid", "x");
}

static void slopes(struct maker *m)
{
    numbers(m, "s", 3, (const int64_t[]){4, 1, 1});
    unary(m, "PRelu", "x s");
}

static void nan_slope(struct maker *m)
{
    unary(m, "LeakyRelu", "x");
    set_real(last(m), "alpha", NAN);
}

static void full_constant(struct maker *m)
{
    numbers(m, "c", 3, (const int64_t[]){4, 6, 6});
    unary(m, "Add", "x c");
}

static void divided(struct maker *m)
{
    real(m, "c", 1);
    unary(m, "Div", "c x");
}

static void difference(struct maker *m)
{
    unary(m, "Sub", "x x");
}

static void shapes_differ(struct maker *m)
{
    image(m, 4, 6, 6);
    any_conv(m, 4, 3, "x", "a");
    (void)node(m, "Add", "x a", "y");
    output(m, "y");
}

static void softmax_axis(struct maker *m)
{
    unary(m, "Softmax", "x");
}

static void concat_height(struct maker *m)
{
    unary(m, "Concat", "x x");
    set_int(last(m), "axis", 2);
}

static void concat_many(struct maker *m)
{
    unary(m, "Concat", "x x x x x x x x x x x x x x x x x");
    set_int(last(m), "axis", 1);
}

static void split_sum(struct maker *m)
{
    image(m, 4, 6, 6);
    set_int(node(m, "Split", "x p", "y z"), "axis", 1);
    ints(m, "p", 2, (const int64_t[]){1, 2});
    output(m, "y");
}

static void focus(struct maker *m)
{
    unary(m, "Slice", "x a b c d");
    ints(m, "a", 1, (const int64_t[]){0});
    ints(m, "b", 1, (const int64_t[]){6});
    ints(m, "c", 1, (const int64_t[]){2});
    ints(m, "d", 1, (const int64_t[]){2});
}

static void linear(struct maker *m)
{
    const float scales[] = {1, 1, 2, 2};
    unary(m, "Resize", "x - s");
    set_text(last(m), "mode", "linear");
    reals(m, "s", 1, (const int64_t[]){4}, scales);
}

static void factors(struct maker *m)
{
    const float scales[] = {1, 1, 2, 3};
    unary(m, "Resize", "x - s");
    reals(m, "s", 1, (const int64_t[]){4}, scales);
}

static void coordinates(struct maker *m)
{
    const float scales[] = {1, 1, 2, 2};
    unary(m, "Resize", "x - s");
    set_text(last(m), "nearest_mode", "ceil");
    reals(m, "s", 1, (const int64_t[]){4}, scales);
}

static void reshape_product(struct maker *m)
{
    unary(m, "Reshape", "x s");
    ints(m, "s", 2, (const int64_t[]){-1, 5});
}

static void reshape_huge(struct maker *m)
{
    unary(m, "Reshape", "x s");
    ints(m, "s", 3, (const int64_t[]){INT64_MAX, INT64_MAX, 2});
}

static void reshaped_conv(struct maker *m)
{
    image(m, 4, 6, 6);
    ints(m, "s", 4, (const int64_t[]){1, 6, 4, 6});
    (void)node(m, "Reshape", "x s", "r");
    any_conv(m, 6, 2, "r", "y");
    output(m, "y");
}

static void transposed_sum(struct maker *m)
{
    image(m, 6, 6, 6);
    set_ints(node(m, "Transpose", "x", "t"), "perm", 4, (const int64_t[]){0, 2, 3, 1});
    (void)node(m, "Add", "x t", "y");
    output(m, "y");
}

static void permutation(struct maker *m)
{
    unary(m, "Transpose", "x");
    set_ints(last(m), "perm", 4, (const int64_t[]){0, 1, 1, 3});
}

static void squeezed(struct maker *m)
{
    unary(m, "Squeeze", "x a");
    ints(m, "a", 1, (const int64_t[]){1});
}

static void gathered(struct maker *m)
{
    image(m, 4, 6, 6);
    (void)node(m, "Shape", "x", "s");
    (void)node(m, "Gather", "s i", "g");
    (void)node(m, "Reshape", "x g", "y");
    ints(m, "i", 1, (const int64_t[]){4});
    output(m, "y");
}

static void gathered_values(struct maker *m)
{
    unary(m, "Gather", "x i");
    ints(m, "i", 1, (const int64_t[]){0});
}

static void cast(struct maker *m)
{
    unary(m, "Cast", "x");
    set_int(last(m), "to", INT64);
}

static void mean_axes(struct maker *m)
{
    unary(m, "ReduceMean", "x");
    set_ints(last(m), "axes", 1, (const int64_t[]){1});
}

static void mean_everything(struct maker *m)
{
    unary(m, "ReduceMean", "x");
}

static void filled(struct maker *m)
{
    unary(m, "Reshape", "x s");
    (void)node(m, "ConstantOfShape", "n", "s");
    ints(m, "n", 1, (const int64_t[]){1 << 20});
}

static void division_by_zero(struct maker *m)
{
    unary(m, "Reshape", "x s");
    (void)node(m, "Div", "n z", "s");
    ints(m, "n", 1, (const int64_t[]){4});
    ints(m, "z", 1, (const int64_t[]){0});
}

static void not_quantised(struct maker *m)
{
    image(m, 4, 6, 6);
    qdq(m, "x", 0.1, INT8, 0, "q");
    any_conv(m, 4, 4, "q", "y");
    output(m, "y");
}

static void no_scale_behind(struct maker *m)
{
    image(m, 4, 6, 6);
    qdq(m, "x", 0.1, INT8, 0, "q");
    (void)quantised_weights(m, "w", 4, (const int64_t[]){4, 4, 1, 1}, true, INT8);
    (void)node(m, "Conv", "q w", "y");
    output(m, "y");
}

static void no_scale_between(struct maker *m)
{
    image(m, 4, 6, 6);
    qdq(m, "x", 0.1, INT8, 0, "q");
    (void)quantised_weights(m, "w", 4, (const int64_t[]){4, 4, 1, 1}, true, INT8);
    (void)node(m, "Conv", "q w", "c");
    (void)node(m, "Sigmoid", "c", "s");
    qdq(m, "s", 0.1, INT8, 0, "y");
    output(m, "y");
}

static void no_scale_before(struct maker *m)
{
    image(m, 4, 6, 6);
    (void)quantised_weights(m, "w", 4, (const int64_t[]){4, 4, 1, 1}, true, INT8);
    (void)node(m, "Conv", "x w", "c");
    qdq(m, "c", 0.1, INT8, 0, "y");
    output(m, "y");
}

static void weights_of_zero_point(struct maker *m, int32_t type, int32_t zp, int32_t value)
{
    image(m, 4, 6, 6);
    qdq(m, "x", 0.1, INT8, 0, "q");
    codes(m, "w.q", type, 4, (const int64_t[]){4, 4, 1, 1}, draw_codes(16, value, value));
    real(m, "w.s", 0.1);
    code(m, "w.z", type, zp);
    (void)node(m, "DequantizeLinear", "w.q w.s w.z", "w");
    (void)node(m, "Conv", "q w", "c");
    qdq(m, "c", 0.1, INT8, 0, "y");
    output(m, "y");
}

static void asymmetric(struct maker *m)
{
    weights_of_zero_point(m, INT8, 3, 1);
}

static void asymmetric_unsigned(struct maker *m)
{
    weights_of_zero_point(m, UINT8, 127, 1);
}

static void least_weight(struct maker *m)
{
    weights_of_zero_point(m, INT8, 0, -128);
}

static void wide_codes(struct maker *m)
{
    weights_of_zero_point(m, INT8, 0, 200);
}

static void weights_axis(struct maker *m)
{
    image(m, 4, 6, 6);
    qdq(m, "x", 0.1, INT8, 0, "q");
    (void)quantised_weights(m, "w", 4, (const int64_t[]){4, 4, 1, 1}, true, INT8);
    last(m)->attribute[0]->i = 1;
    (void)node(m, "Conv", "q w", "c");
    qdq(m, "c", 0.1, INT8, 0, "y");
    output(m, "y");
}

static void zero_scale(struct maker *m)
{
    image(m, 4, 6, 6);
    qdq(m, "x", 0, INT8, 0, "y");
    output(m, "y");
}

static void several_scales(struct maker *m)
{
    image(m, 4, 6, 6);
    numbers(m, "s", 1, (const int64_t[]){4});
    (void)node(m, "QuantizeLinear", "x s", "q");
    (void)node(m, "DequantizeLinear", "q s", "y");
    output(m, "y");
}

static void sixteen_bits(struct maker *m)
{
    image(m, 4, 6, 6);
    real(m, "s", 0.1);
    code(m, "z", INT32, 0);
    (void)node(m, "QuantizeLinear", "x s z", "q");
    (void)node(m, "DequantizeLinear", "q s z", "y");
    output(m, "y");
}

static void other_scale(struct maker *m)
{
    image(m, 4, 6, 6);
    real(m, "s", 0.1);
    real(m, "t", 0.2);
    (void)node(m, "QuantizeLinear", "x s", "q");
    (void)node(m, "DequantizeLinear", "q t", "y");
    output(m, "y");
}

static void two_formats(struct maker *m)
{
    image(m, 4, 6, 6);
    qdq(m, "x", 0.1, INT8, 0, "a");
    qdq(m, "x", 0.2, INT8, 0, "b");
    (void)node(m, "Add", "a b", "c");
    qdq(m, "c", 0.2, INT8, 0, "y");
    output(m, "y");
}

static void huge_bias(struct maker *m)
{
    image(m, 4, 6, 6);
    qdq(m, "x", 1e-9, INT8, 0, "q");
    (void)quantised_weights(m, "w", 4, (const int64_t[]){4, 4, 1, 1}, true, INT8);
    numbers(m, "b", 1, (const int64_t[]){4});
    (void)node(m, "Conv", "q w b", "c");
    qdq(m, "c", 0.1, INT8, 0, "y");
    output(m, "y");
}

static void far_scales(struct maker *m)
{
    image(m, 4, 6, 6);
    qdq(m, "x", 1e6, INT8, 0, "q");
    (void)quantised_weights(m, "w", 4, (const int64_t[]){4, 4, 1, 1}, true, INT8);
    (void)node(m, "Conv", "q w", "c");
    qdq(m, "c", 1e-9, INT8, 0, "y");
    output(m, "y");
}

static void codes_added(struct maker *m)
{
    input(m, "x", INT8, 4, (const int64_t[]){1, 4, 6, 6});
    (void)node(m, "Add", "x x", "y");
    output(m, "y");
}

static void real_in_qlinear(struct maker *m)
{
    const char *f = format(m, "f", 0.1, INT8, 0);
    unary(m, "Relu", "x");
    (void)microsoft(m, "QLinearSigmoid", words("y", f, f), "z");
    m->outputs[0]->name = text("z");
}

static void scaled_bn(struct maker *m)
{
    image(m, 4, 6, 6);
    qdq(m, "x", 0.1, INT8, 0, "q");
    numbers(m, "s", 1, (const int64_t[]){4});
    (void)node(m, "BatchNormalization", "q s s s s", "c");
    qdq(m, "c", 0.1, INT8, 0, "y");
    output(m, "y");
}

static const struct {
    const char *message;
    void (*build)(struct maker *m);
} refusals[] = {
    {"net: no ONNX model: expected a graph in it", no_graph},
    {"net: functions of its own: expected a model without", functions},
    {"net: sparse initializers: expected dense ones", sparse},
    {"net: operator set 5: expected 6 to 25", old},
    {"net: operator set 26: expected 6 to 25", new},
    {"net: node 'y' (LRN): operator of domain 'ai.onnx': expected one of those", unknown_operator},
    {"net: node 'y' (Conv): operator of domain 'elsewhere': expected one of those", foreign_operator},
    {"net: node 'y' (ConvInteger): operator of domain", conv_integer},
    {"net: node 'y' (Conv): 1 inputs, 1 outputs: expected 2 to 3 inputs", too_few_inputs},
    {"net: no input: expected one", no_input},
    {"net: inputs 'other' and 'x': expected one, and initializers for the others", two_inputs},
    {"net: no output: expected one at least", no_output},
    {"net: output 'nowhere': expected one that a node puts out", unknown_output},
    {"net: output 'c' is a constant: expected one that depends on the input", constant_output},
    {"net: input 'x': dimension 2 is dynamic or 0: expected a fixed extent", dynamic},
    {"net: input 'x': dimension 1 is dynamic or 0: expected a fixed extent", zero_size},
    {"x6: expected extents from 1 to 65536, at most 1073741824 elements", huge},
    {"65536 channels of 65536x65536: expected extents", huge_product},
    {"net: input 'x' of 5 dimensions: expected [n][c], [n][c][l] or [n][c][h][w]", rank_five},
    {"net: input 'x' without a shape", no_shape},
    {"net: input 'x' of element type 7: expected float, int8 or uint8", int64_input},
    {"net: node 'y' (Conv): input 'w': expected an initializer, or the output of a node", missing},
    {"depends on this node itself: expected no cycle", cycle},
    {"net: node 'y' (Relu): output 'y' is there already: expected a name of its own", twice},
    {"net: initializer 'c' twice", initializer_twice},
    {"tensor 'w': its data are in another file: expected them in the model", external},
    {"tensor 'w': element type 10: expected float,", half},
    {"tensor 'w': its data have another length: expected 4 elements", short_data},
    {"tensor 'w': dimension 1 is 1048576: expected at most 1073741824 elements", huge_tensor},
    {"net: node 'y': weight 2 is nan: expected finite values of at most 1e+06", not_a_number},
    {"nan: expected finite values of at most 1e+06", negative_variance},
    {"net: node 'y' (Conv): input 'x' has one spatial dimension: expected [n][c][h][w]", conv_1d},
    {"weights [2][3][1][1], 1 groups: expected kernels of at most 64 and filters for 4 channels", conv_channels},
    {"net: node 'y' (Conv): ", conv_groups},
    {"kernel_shape: expected the extents of the weights", conv_kernel},
    {"strides: 9223372036854775807: expected 1 to 65536", conv_stride},
    {"pads has 2 numbers: expected 4", conv_pads},
    {"net: node 'y' (Conv): kernel ", conv_too_large},
    {"auto_pad: expected NOTSET, VALID, SAME_UPPER or SAME_LOWER", conv_auto_pad},
    {"bias of 3 elements: expected 2", conv_bias},
    {"weights 'x' is computed: expected a constant", computed_weights},
    {"by a matrix of 6 by 3: expected a flattened input", product_shape},
    {"net: node 'y' (MaxPool): dilations 2, 1: expected 1, 1", pool_dilations},
    {"pooling window inside the padding", pool_padding},
    {"kernel_shape: expected it", pool_kernel},
    {"ceil_mode adds a window that is cut off, whose padding counts", pool_ceil},
    {"output 1 is used: expected no use of it", pool_indices},
    {"input 'p' is padded with zeros: expected no other padding here, and to take a maximum", padded_maximum},
    {"input 'p' is padded: expected a convolution or pooling behind Pad", padded_relu},
    {"pad 1 at place 1: expected 0 to 65536, of height and width only", padded_channels},
    {"8 pads: expected 8 of them, for [n][c][h][w], and zeros", reflected},
    {"from -1 to 1: expected from 0 to 6, or from 0 on", clip},
    {"alpha 0.2, beta 0.5: expected 1/6 and 0.5", hard_sigmoid},
    {"slopes that differ: expected a single one", slopes},
    {"slope nan: expected a finite number", nan_slope},
    {"a constant of 3 dimensions, 144 elements: expected one number, or one to each of 4 channels", full_constant},
    {"a constant divided by a tensor: expected a constant divisor", divided},
    {"of two computed tensors: expected a constant", difference},
    {"inputs of different shapes: expected the same, or 1x1 beside a square image", shapes_differ},
    {"axis 3: expected that of the channels, 1", softmax_axis},
    {"axis 2, input 0: expected images of one size, joined along the channels", concat_height},
    {"17 inputs: expected at most 16", concat_many},
    {"part 1 of 2 channels from channel 1 on: expected parts that make up 4", split_sum},
    {"cuts dimension 2: expected a range of the channels, dimension 1", focus},
    {"expected mode nearest of the whole image", linear},
    {"scales 1, 1, 2, 3: expected 1, 1 and twice the same whole number", factors},
    {"expected coordinates that repeat each element 2 times", coordinates},
    {"a shape of 5 elements: expected 144", reshape_product},
    {"dimension 0 of the shape is 9223372036854775807: expected those of 144 elements", reshape_huge},
    {"reshaped or transposed: expected [n][c][h][w]", reshaped_conv},
    {"inputs of different shapes", transposed_sum},
    {"perm: expected each of 4 dimensions once", permutation},
    {"dimension 1 is 4: expected 1", squeezed},
    {"index 4: expected one of 4 elements", gathered},
    {"data 'x' is computed: expected a constant", gathered_values},
    {"to element type 7: expected float of float", cast},
    {"axes: expected those of height and width, both", mean_axes},
    {"axes: expected those of height and width, both", mean_everything},
    {"1048576 integers computed: expected at most 1024", filled},
    {"4 / 0: expected numbers of at most 1073741824, no division by 0", division_by_zero},
    {"weights are not quantised: expected DequantizeLinear of int8 or uint8 ones", not_quantised},
    {"net: node 'y' has no scale: expected QuantizeLinear behind it", no_scale_behind},
    {"input 'c' has no scale: expected QuantizeLinear and DequantizeLinear behind 'c'", no_scale_between},
    {"input 'x' has no scale: expected QuantizeLinear and DequantizeLinear behind 'x'", no_scale_before},
    {"net: node 'c' (Conv): zero point 3 of int8 weights: expected 0, symmetric ones", asymmetric},
    {"net: node 'c' (Conv): zero point 127 of uint8 weights: expected 128, symmetric ones", asymmetric_unsigned},
    {"weight 0 of filter 0 is -128: expected -127 to 127", least_weight},
    {"tensor 'w.q': element 0 is 200: expected 8 bits", wide_codes},
    {"weights have 4 scales along axis 1: expected one, or one to each of 4 filters along axis 0", weights_axis},
    {"scale 0 is 0: expected a finite number above 0", zero_scale},
    {"4 scales of an activation: expected one", several_scales},
    {"to element type 6: expected int8 or uint8", sixteen_bits},
    {"input 'q' has scale 0.2 and zero point -128: expected those it was put out with, 0.1 and -128", other_scale},
    {"input 'x' is quantised already, or in another way elsewhere: expected one format", two_formats},
    {"steps of its sums: expected an int32", huge_bias},
    {"scales of filter 0 make a factor of", far_scales},
    {"input 'x' is int8: expected DequantizeLinear in front of this node", codes_added},
    {"expected QuantizeLinear", real_in_qlinear},
    {"an int8 model: expected a constant only as bias, directly behind a convolution or product", scaled_bn},
};
#define REFUSALS (sizeof(refusals) / sizeof(refusals[0]))

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < REFUSALS; i++) {
        struct maker *m = maker(13);
        refusals[i].build(m);
        refused(m, refusals[i].message);
        (void)release(NULL);
    }
}

/* ---- damaged files --------------------------------------------------------------------------------------------------- */

static struct maker *small_model(void)
{
    struct maker *m = maker(13);
    image(m, 4, 6, 6);
    any_conv(m, 4, 3, "x", "c");
    (void)node(m, "Relu", "c", "r");
    (void)node(m, "GlobalAveragePool", "r", "g");
    (void)node(m, "Flatten", "g", "f");
    numbers(m, "w", 2, (const int64_t[]){3, 5});
    (void)node(m, "MatMul", "f w", "y");
    output(m, "y");
    return m;
}

static void test_prefixes(void **state)
{
    (void)state;
    size_t bytes = 0;
    struct maker *m = small_model();
    m->model.n_opset_import = 1; /* the last field: without it there is no model */
    const unsigned char *data = pack(m, &bytes);
    for (size_t length = 0; length <= bytes; length++) {
        struct bt_model model = {{0}, NULL, NULL};
        struct bt_error err = {""};
        unsigned char *exact = malloc(length > 0 ? length : 1); /* so that a sanitizer sees what is read behind it */
        assert_non_null(exact);
        memcpy(exact, data, length);
        const enum bt_status status = bt_import_onnx("net", exact, length, &model, &err);
        free(exact);
        assert_int_equal(status, length < bytes ? BT_EINPUT : BT_OK);
        assert_true((err.text[0] != '\0') == (status != BT_OK));
        bt_model_free(&model);
    }
}

/* Each byte of a model changed in turn: taken or refused, no more. */
static void test_changed_bytes(void **state)
{
    (void)state;
    size_t bytes = 0;
    unsigned char *data = pack(small_model(), &bytes);
    for (size_t i = 0; i < bytes; i++) {
        for (unsigned change = 1; change < 256; change = change * 3 + 4) {
            struct bt_model model = {{0}, NULL, NULL};
            struct bt_error err = {""};
            data[i] ^= (unsigned char)change;
            const enum bt_status status = bt_import_onnx("net", data, bytes, &model, &err);
            data[i] ^= (unsigned char)change;
            assert_true(status == BT_OK || (status == BT_EINPUT && err.text[0] != '\0'));
            bt_model_free(&model);
        }
    }
}

static void refused_bytes(const unsigned char *data, size_t bytes, const char *message)
{
    struct bt_model model = {{0}, NULL, NULL};
    struct bt_error err = {""};
    const enum bt_status status = bt_import_onnx("net", data, bytes, &model, &err);
    if (status != BT_EINPUT || strstr(err.text, message) == NULL) {
        fail_msg("expected \"%s\", got %d \"%s\"", message, (int)status, err.text);
    }
}

static size_t put_length(unsigned char *to, size_t length)
{
    size_t used = 0;
    for (; length > 127; length >>= 7) {
        to[used++] = (unsigned char)(length & 127) | 128;
    }
    to[used++] = (unsigned char)length;
    return used;
}

/* Files made to hurt whoever parses them. */
static void test_hostile(void **state)
{
    (void)state;
    refused_bytes((const unsigned char *)"", 0, "an empty file: expected an ONNX model");
    refused_bytes((const unsigned char *)"no model at all", 15, "no ONNX model: cut short or damaged");

    /* graph, node, attribute, graph, ... a hundred thousand deep, built from the inside */
    static const unsigned char tags[] = {0x3a, 0x0a, 0x2a, 0x32}; /* model.graph, then graph.node, node.attribute, .g */
    const size_t room = 1u << 20;
    unsigned char *deep = take(room);
    size_t at = room;
    for (size_t level = 100000; level-- > 0;) {
        unsigned char head[16];
        head[0] = level == 0 ? tags[0] : tags[(level - 1) % 3 + 1];
        const size_t used = 1 + put_length(head + 1, room - at);
        at -= used;
        memcpy(deep + at, head, used);
    }
    refused_bytes(deep + at, room - at, "nested too deeply");

    /* a graph a hundred thousand times, which protobuf-c would merge */
    unsigned char *many = take(200000);
    for (size_t i = 0; i < 200000; i += 2) {
        many[i] = 0x3a;
    }
    refused_bytes(many, 200000, "a message twice that can be there only once");

    /* empty nodes: 2 bytes of file each, some 200 once parsed */
    const size_t nodes = 100000;
    unsigned char *bomb = take(2 * nodes + 8);
    bomb[0] = 0x3a;
    const size_t head = 1 + put_length(bomb + 1, 2 * nodes);
    for (size_t i = 0; i < nodes; i++) {
        bomb[head + 2 * i] = 0x0a;
    }
    struct bt_model model = {{0}, NULL, NULL};
    struct bt_error err = {""};
    assert_int_equal(onnx_import(10u << 20, "net", bomb, head + 2 * nodes, &model, &err), BT_EINPUT);
    assert_string_equal(err.text, "net: more memory than importing may take: expected at most 10 MiB");
    refused_bytes(bomb, head + 2 * nodes, "net: 100000 nodes: expected at most 65536");

    /* weights that a small file cannot have, but a product of its shapes asks for */
    struct maker *m = maker(13);
    input(m, "x", FLOAT, 4, (const int64_t[]){1, 65536, 64, 64});
    set_ints(node(m, "AveragePool", "x", "y"), "kernel_shape", 2, (const int64_t[]){64, 64});
    set_ints(last(m), "pads", 4, (const int64_t[]){1, 1, 1, 1});
    set_int(last(m), "count_include_pad", 1);
    output(m, "y");
    refused(m, "more memory than importing may take: expected at most 1024 MiB");
}

/* Each allocation refused in turn: a message, no leak. */
static void test_no_memory(void **state)
{
    (void)state;
    size_t bytes = 0;
    const unsigned char *data = pack(small_model(), &bytes);
    enum bt_status status = BT_EINPUT;
    size_t most = 0;
    for (; status != BT_OK && most < 1u << 20; most += 64 + most / 16) {
        struct bt_model model = {{0}, NULL, NULL};
        struct bt_error err = {""};
        status = onnx_import(most, "net", data, bytes, &model, &err);
        assert_true(status == BT_OK || (status == BT_EINPUT && strstr(err.text, "more memory") != NULL));
        bt_model_free(&model);
    }
    assert_int_equal(status, BT_OK);
}

static void test_too_many(void **state)
{
    (void)state;
    struct maker *m = maker(13);
    char names[2][16] = {"x", ""};
    image(m, 1, 1, 1);
    m->graph.node = take(5000 * sizeof(void *));
    for (int i = 0; i < 4999; i++) {
        (void)snprintf(names[1], sizeof(names[1]), "n%d", i);
        (void)node(m, i % 2 == 0 ? "Tanh" : "Sigmoid", names[0], names[1]);
        m->graph.node[i] = m->nodes[i % MOST] = m->nodes[m->graph.n_node - 1];
        m->graph.n_node = (size_t)i % MOST; /* node() writes to the short list */
        memcpy(names[0], names[1], sizeof(names[0]));
    }
    m->graph.n_node = 4999;
    output(m, names[1]);
    refused(m, "more than 4096 nodes of the graph to be made");
}

/* ---- files ------------------------------------------------------------------------------------------------------------- */

static void test_files(void **state)
{
    (void)state;
    char path[] = P_tmpdir "/bt_test_import_XXXXXX.onnx";
    struct bt_model model = {{0}, NULL, NULL};
    struct bt_error err = {""};
    size_t bytes = 0;
    const unsigned char *data = pack(small_model(), &bytes);
    const int file = mkstemps(path, 5);
    assert_true(file >= 0);
    assert_int_equal(write(file, data, bytes), bytes);
    assert_int_equal(bt_import_file(path, &model, &err), BT_OK);
    assert_int_equal(strncmp(model.real->name, "bt_test_import_", 15), 0);
    assert_null(strchr(model.real->name, '.'));
    bt_model_free(&model);
    assert_null(model.real);
    assert_int_equal(ftruncate(file, 40), 0);
    assert_int_equal(bt_import_file(path, &model, &err), BT_EINPUT);
    assert_int_equal(strncmp(err.text, path, strlen(path)), 0);
    assert_non_null(strstr(err.text, ": no ONNX model: cut short or damaged"));
    assert_int_equal(ftruncate(file, BT_IMPORT_FILE_MOST + 1l), 0); /* sparse: takes no room */
    assert_int_equal(bt_import_file(path, &model, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, ": too large: expected at most 256 MiB"));
    (void)close(file);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(bt_import_file(path, &model, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, ": unreadable: expected a model file"));
    assert_int_equal(bt_import_file(P_tmpdir, &model, &err), BT_EINPUT);
    bt_model_free(NULL);
}

/* ---- vectors of the data folder ---------------------------------------------------------------------------------------- */

/* Each case of the folder: what it is refused for, or NULL where it is run and compared. */
static const struct {
    const char *name;
    const char *refusal;
} vectors[] = {
    {"test_add", "a constant of 3 dimensions, 60 elements: expected one number, or one to each of 4 channels"},
    {"test_add_bcast", "a constant of 1 dimensions, 5 elements: expected one number, or one to each of 4 channels"},
    {"test_add_int8", "a constant of 3 dimensions, 60 elements: expected one number, or one to each of 4 channels"},
    {"test_add_uint16", "input 'x' of element type 4: expected float, int8 or uint8"},
    {"test_add_uint8", "a constant of 3 dimensions, 60 elements: expected one number, or one to each of 4 channels"},
    {"test_averagepool_2d_ceil", NULL},
    {"test_averagepool_2d_ceil_last_window_starts_on_pad", NULL},
    {"test_averagepool_2d_default", NULL},
    {"test_averagepool_2d_dilations", "dilations 2, 2: expected 1, 1"},
    {"test_averagepool_2d_pads_count_include_pad", NULL},
    {"test_averagepool_2d_precomputed_pads", NULL},
    {"test_averagepool_2d_precomputed_pads_count_include_pad", NULL},
    {"test_averagepool_2d_precomputed_same_upper", NULL},
    {"test_averagepool_2d_same_lower", NULL},
    {"test_averagepool_2d_same_upper", NULL},
    {"test_averagepool_2d_strides", NULL},
    {"test_basic_conv_with_padding", NULL},
    {"test_basic_conv_without_padding", NULL},
    {"test_batchnorm_example", NULL},
    {"test_clip", "from -1 to 1: expected from 0 to 6, or from 0 on"},
    {"test_clip_default_int8_max", "from -inf to 0: expected from 0 to 6, or from 0 on"},
    {"test_clip_default_int8_min", "input 'x' is int8: expected DequantizeLinear in front of this node"},
    {"test_concat_2d_axis_0", "input 1 is a constant or missing: expected one that depends on the model's input"},
    {"test_concat_2d_axis_1", "input 1 is a constant or missing: expected one that depends on the model's input"},
    {"test_concat_3d_axis_0", "input 1 is a constant or missing: expected one that depends on the model's input"},
    {"test_concat_3d_axis_1", "input 1 is a constant or missing: expected one that depends on the model's input"},
    {"test_conv_with_strides_and_asymmetric_padding", NULL},
    {"test_conv_with_strides_no_padding", NULL},
    {"test_conv_with_strides_padding", NULL},
    {"test_convinteger_with_padding", "operator of domain 'ai.onnx': expected one of those that an import knows"},
    {"test_convinteger_without_padding", "operator of domain 'ai.onnx': expected one of those that an import knows"},
    {"test_convtranspose_dilations", "operator of domain 'ai.onnx': expected one of those that an import knows"},
    {"test_convtranspose_pads", "operator of domain 'ai.onnx': expected one of those that an import knows"},
    {"test_depthtospace_example", "operator of domain 'ai.onnx': expected one of those that an import knows"},
    {"test_dequantizelinear_axis", "3 scales of an activation: expected one"},
    {"test_dequantizelinear_int16", "input 'x' of element type 5: expected float, int8 or uint8"},
    {"test_dequantizelinear_uint16", "input 'x' of element type 4: expected float, int8 or uint8"},
    {"test_dynamicquantizelinear", "input 'x' of 1 dimensions: expected [n][c], [n][c][l] or [n][c][h][w]"},
    {"test_dynamicquantizelinear_max_adjusted",
     "input 'x' of 1 dimensions: expected [n][c], [n][c][l] or [n][c][h][w]"},
    {"test_dynamicquantizelinear_min_adjusted",
     "operator of domain 'ai.onnx': expected one of those that an import knows"},
    {"test_flatten_axis1", NULL},
    {"test_gemm_default_no_bias", NULL},
    {"test_gemm_default_vector_bias", NULL},
    {"test_gemm_transposeB", NULL},
    {"test_globalaveragepool", NULL},
    {"test_globalaveragepool_precomputed", NULL},
    {"test_globalmaxpool", NULL},
    {"test_globalmaxpool_precomputed", NULL},
    {"test_leakyrelu", NULL},
    {"test_leakyrelu_default", NULL},
    {"test_lrn", "operator of domain 'ai.onnx': expected one of those that an import knows"},
    {"test_lrn_default", "operator of domain 'ai.onnx': expected one of those that an import knows"},
    {"test_matmulinteger", "operator of domain 'ai.onnx': expected one of those that an import knows"},
    {"test_maxpool_2d_ceil", NULL},
    {"test_maxpool_2d_ceil_output_size_reduce_by_one", NULL},
    {"test_maxpool_2d_default", NULL},
    {"test_maxpool_2d_dilations", "dilations 2, 2: expected 1, 1"},
    {"test_maxpool_2d_precomputed_same_upper", NULL},
    {"test_maxpool_2d_precomputed_strides", NULL},
    {"test_maxpool_2d_same_lower", NULL},
    {"test_maxpool_2d_same_upper", NULL},
    {"test_maxpool_2d_strides", NULL},
    {"test_maxpool_2d_uint8", NULL},
    {"test_prelu_broadcast", "slopes that differ: expected a single one"},
    {"test_prelu_example", "slopes that differ: expected a single one"},
    {"test_qlinearconv", "zero point 255 of uint8 weights: expected 128, symmetric ones"},
    {"test_qlinearmatmul_2D_int8_float32", "zero point -13 of int8 weights: expected 0, symmetric ones"},
    {"test_qlinearmatmul_2D_uint8_float32", "zero point 114 of uint8 weights: expected 128, symmetric ones"},
    {"test_qlinearmatmul_3D_int8_float32", "weights of 3 dimensions, 24 elements: expected a matrix"},
    {"test_qlinearmatmul_3D_uint8_float32", "weights of 3 dimensions, 24 elements: expected a matrix"},
    {"test_quantizelinear", "input 'x' of 1 dimensions: expected [n][c], [n][c][l] or [n][c][h][w]"},
    {"test_quantizelinear_int16", "input 'x' of 1 dimensions: expected [n][c], [n][c][l] or [n][c][h][w]"},
    {"test_relu", NULL},
    {"test_resize_upsample_scales_nearest", "scales 1, 1, 2, 3: expected 1, 1 and twice the same whole number"},
    {"test_sigmoid", NULL},
    {"test_softmax_axis_1", NULL},
    {"test_softmax_large_number", NULL},
    {"test_tanh", NULL},
    {"test_AvgPool2d_stride", NULL},
    {"test_Conv2d_depthwise", NULL},
    {"test_Conv2d_depthwise_padded", NULL},
    {"test_Conv2d_dilated", NULL},
    {"test_Conv2d_groups", NULL},
    {"test_Conv2d_groups_thnn", NULL},
    {"test_Conv2d_no_bias", NULL},
    {"test_Conv2d_strided", NULL},
    {"test_LeakyReLU_with_negval", NULL},
    {"test_Linear", NULL},
    {"test_Linear_no_bias", NULL},
    {"test_ReLU", NULL},
};
#define VECTOR_COUNT (sizeof(vectors) / sizeof(vectors[0]))

static const char *data_dir(void)
{
    const char *dir = getenv("BITTRUE_DATA");
    return dir != NULL ? dir : "../shared/data";
}

static unsigned char *read_file(const char *folder, const char *name, size_t *bytes)
{
    char path[1200];
    (void)snprintf(path, sizeof(path), "%.1023s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    unsigned char *data = take(1u << 18);
    *bytes = fread(data, 1, 1u << 18, file);
    assert_int_equal(fclose(file), 0);
    return data;
}

/* Inputs but for the first become initializers: their values are beside the model. */
static unsigned char *fix_inputs(const char *folder, size_t *bytes)
{
    unsigned char *file = read_file(folder, "model.onnx", bytes);
    assert_non_null(file);
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, *bytes, file);
    assert_non_null(model);
    Onnx__GraphProto *graph = model->graph;
    Onnx__TensorProto **own = graph->initializer;
    const size_t own_count = graph->n_initializer;
    Onnx__TensorProto **all = take((own_count + graph->n_input) * sizeof(void *));
    for (size_t i = 0; i < own_count; i++) {
        all[i] = own[i];
    }
    for (size_t i = 1; own_count == 0 && i < graph->n_input; i++) {
        char name[32];
        size_t length = 0;
        (void)snprintf(name, sizeof(name), "input_%zu.pb", i);
        const unsigned char *data = read_file(folder, name, &length);
        assert_non_null(data);
        Onnx__TensorProto *made = onnx__tensor_proto__unpack(NULL, length, data);
        assert_non_null(made);
        assert_string_equal(made->name, graph->input[i]->name);
        all[graph->n_initializer++] = made;
    }
    graph->initializer = all;
    *bytes = onnx__model_proto__get_packed_size(model);
    unsigned char *packed = take(*bytes);
    onnx__model_proto__pack(model, packed);
    for (size_t i = own_count; i < graph->n_initializer; i++) {
        onnx__tensor_proto__free_unpacked(all[i], NULL);
    }
    graph->initializer = own;
    graph->n_initializer = own_count;
    onnx__model_proto__free_unpacked(model, NULL);
    return packed;
}

/* Image by image, as many as the file has. One of the files has its results to 4 digits. */
static size_t compare_float(const char *name, const struct bt_float_graph *graph, const float *x, size_t x_count,
                            const float *expected, size_t count)
{
    const size_t in = bt_float_elems(&graph->nodes[0]);
    const size_t out = bt_float_elems(&graph->nodes[graph->count - 1]);
    const size_t images = x_count / in;
    assert_int_equal(images * in, x_count);
    assert_int_equal(images * out, count);
    for (size_t k = 0; k < images; k++) {
        const float *got = run_float(graph, x + k * in, NULL);
        for (size_t i = 0; i < out; i++) {
            const double wanted = (double)expected[k * out + i];
            if (!(fabs((double)got[i] - wanted) <= 5e-5 * (1 + fabs(wanted)))) {
                fail_msg("%s: image %zu, element %zu: got %g, expected %g", name, k, i, (double)got[i], wanted);
            }
        }
    }
    return images * out;
}

static size_t compare_int8(const char *name, const struct bt_graph *graph, bool is_unsigned, const unsigned char *x,
                           size_t x_count, const unsigned char *expected, size_t count)
{
    const size_t in = bt_graph_bytes(&graph->nodes[0]);
    const struct bt_graph_node *last_node = &graph->nodes[graph->count - 1];
    const size_t out = bt_graph_bytes(last_node);
    const size_t images = x_count / in;
    const size_t pixels = in / (size_t)graph->nodes[0].c;
    const size_t places = out / (size_t)last_node->c;
    const unsigned char flip = is_unsigned ? 128 : 0;
    assert_int_equal(images * in, x_count);
    assert_int_equal(images * out, count);
    for (size_t k = 0; k < images; k++) {
        int8_t **outputs = NULL;
        int8_t *nhwc = take(in);
        struct bt_error err = {""};
        assert_int_equal(bt_graph_outputs_new(graph, &outputs), BT_OK);
        for (size_t i = 0; i < in; i++) {
            nhwc[i % pixels * (in / pixels) + i / pixels] = (int8_t)(x[k * in + i] ^ flip);
        }
        assert_int_equal(bt_graph_run(graph, nhwc, outputs, &err), BT_OK);
        for (size_t i = 0; i < out; i++) {
            const int got = outputs[graph->count - 1][i % places * (out / places) + i / places];
            const int wanted = (int8_t)(expected[k * out + i] ^ flip);
            if (abs(got - wanted) > 1) {
                fail_msg("%s: image %zu, element %zu: got %d, expected %d", name, k, i, got, wanted);
            }
        }
        bt_graph_outputs_free(graph, outputs);
    }
    return images * out;
}

static size_t run_vector(const char *folder, const char *name, const char *refusal)
{
    struct bt_model model = {{0}, NULL, NULL};
    struct bt_error err = {""};
    size_t bytes = 0;
    size_t x_bytes = 0;
    size_t y_bytes = 0;
    const unsigned char *data = fix_inputs(folder, &bytes);
    const enum bt_status status = bt_import_onnx(name, data, bytes, &model, &err);
    if (refusal != NULL) {
        if (status != BT_EINPUT || strstr(err.text, refusal) == NULL) {
            bt_model_free(&model);
            fail_msg("%s: expected \"%s\", got %d \"%s\"", name, refusal, (int)status, err.text);
        }
        return 0;
    }
    if (status != BT_OK) {
        fail_msg("%s", err.text);
    }
    const unsigned char *x = read_file(folder, "input_0.bin", &x_bytes);
    const unsigned char *y = read_file(folder, "output_0.bin", &y_bytes);
    assert_non_null(x);
    assert_non_null(y);
    const size_t compared =
        model.real != NULL ? compare_float(name, model.real, (const void *)x, x_bytes / 4, (const void *)y, y_bytes / 4)
                           : compare_int8(name, model.quantised, strstr(name, "_int8") == NULL, x, x_bytes, y, y_bytes);
    bt_model_free(&model);
    return compared;
}

static void test_vectors(void **state)
{
    (void)state;
    static const char *const folders[] = {"onnx_node", "onnx_pytorch_converted"};
    bool seen[VECTOR_COUNT] = {false};
    size_t compared = 0;
    size_t run = 0;
    for (size_t f = 0; f < 2; f++) {
        char folder[512];
        (void)snprintf(folder, sizeof(folder), "%s/vectors/%s", data_dir(), folders[f]);
        DIR *dir = opendir(folder);
        if (dir == NULL) {
            print_message("no %s: set BITTRUE_DATA\n", folder);
            skip(); /* returns */
        }
        for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
            char path[1024];
            if (entry->d_name[0] == '.') {
                continue;
            }
            size_t found = VECTOR_COUNT;
            for (size_t i = 0; i < VECTOR_COUNT; i++) {
                found = strcmp(vectors[i].name, entry->d_name) == 0 ? i : found;
            }
            if (found >= VECTOR_COUNT) {
                fail_msg("%s: not in the table of this test", entry->d_name);
                continue; /* for readers: it does not return */
            }
            (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
            compared += run_vector(path, entry->d_name, vectors[found].refusal);
            run += vectors[found].refusal == NULL;
            seen[found] = true;
        }
        assert_int_equal(closedir(dir), 0);
    }
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        if (!seen[i]) {
            fail_msg("%s: not in the data folder", vectors[i].name);
        }
    }
    print_message("%zu cases run, %zu elements compared; %zu refused as they should be\n", run, compared,
                  VECTOR_COUNT - run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_conv_with_batch_norm, release),
        cmocka_unit_test_teardown(test_batch_norm_alone, release),
        cmocka_unit_test_teardown(test_fully_connected, release),
        cmocka_unit_test_teardown(test_activations, release),
        cmocka_unit_test_teardown(test_activations_alone, release),
        cmocka_unit_test_teardown(test_pools, release),
        cmocka_unit_test_teardown(test_constants_per_channel, release),
        cmocka_unit_test_teardown(test_many_factors, release),
        cmocka_unit_test_teardown(test_moves, release),
        cmocka_unit_test_teardown(test_computed_shapes, release),
        cmocka_unit_test_teardown(test_order_and_names, release),
        cmocka_unit_test_teardown(test_channels_last, release),
        cmocka_unit_test_teardown(test_qdq, release),
        cmocka_unit_test_teardown(test_qoperator, release),
        cmocka_unit_test_teardown(test_int8_tables, release),
        cmocka_unit_test_teardown(test_refusals, release),
        cmocka_unit_test_teardown(test_prefixes, release),
        cmocka_unit_test_teardown(test_changed_bytes, release),
        cmocka_unit_test_teardown(test_hostile, release),
        cmocka_unit_test_teardown(test_no_memory, release),
        cmocka_unit_test_teardown(test_too_many, release),
        cmocka_unit_test_teardown(test_files, release),
        cmocka_unit_test_teardown(test_vectors, release),
    };
    return cmocka_run_group_tests_name("import_onnx", tests, NULL, NULL);
}
