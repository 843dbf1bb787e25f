/* Ranges, biases and scales of float graphs on tensors whose best format is known, or found here by trying all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/data.h"
#include "reference/common/bt_conv2d.h"
#include "reference/graph/graph_calibrate.h"
#include "reference/graph/graph_equalise.h"
#include "reference/graph/graph_quantise.h"
#include "reference/ops/exact_math.h"

/* ---- graphs ---- */

static struct bt_float_graph *new_graph(int32_t h, int32_t w, int32_t c)
{
    struct bt_float_graph *graph = bt_float_graph_new("tested", "a test", 12);
    assert_non_null(graph);
    struct bt_float_node *input = bt_float_graph_add(graph, BT_OP_INPUT, "input", 0);
    input->h = h;
    input->w = w;
    input->c = c;
    return graph;
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

/* Weights and biases are seeded; "same" padding. A kernel of 0 is fully connected. */
static struct bt_float_node *add_conv(struct bt_float_graph *graph, const char *name, uint32_t input, int32_t c_out,
                                      int32_t kernel, int32_t groups, enum bt_act act)
{
    struct bt_float_node *node = bt_float_graph_add(graph, BT_OP_CONV2D, name, input);
    struct bt_conv2d conv = bt_conv2d_1x1(node->h, node->w, node->c, c_out);
    if (kernel == 0) {
        conv = bt_conv2d_1x1(1, 1, node->h * node->w * node->c, c_out);
        node->h = node->w = 1;
    } else {
        conv.kh = conv.kw = kernel;
        conv.pad_top = conv.pad_bottom = conv.pad_left = conv.pad_right = kernel / 2;
    }
    conv.groups = groups;
    node->c = c_out;
    node->act = act;
    node->u.conv = conv;
    const size_t elems = (size_t)bt_conv2d_weight_elems(&conv);
    node->weights = malloc(elems * sizeof(float));
    node->bias = malloc((size_t)c_out * sizeof(float));
    assert_true(node->weights != NULL && node->bias != NULL);
    fill_floats(graph->count, 1.0f / 64 / sqrtf((float)elems / (float)c_out), node->weights, elems);
    fill_floats(graph->count + 100, 1.0f / 512, node->bias, (size_t)c_out);
    return node;
}

static struct bt_float_node *add_pool(struct bt_float_graph *graph, const char *name, uint32_t input, int32_t window)
{
    struct bt_float_node *node = bt_float_graph_add(graph, BT_OP_AVGPOOL, name, input);
    node->u.pool = (struct ref_pool2d){.n = 1,
                                       .h = node->h,
                                       .w = node->w,
                                       .c = node->c,
                                       .kh = window,
                                       .kw = window,
                                       .stride_h = window,
                                       .stride_w = window};
    node->h /= window;
    node->w /= window;
    return node;
}

static struct bt_float_node *add_two(struct bt_float_graph *graph, enum bt_op op, const char *name, uint32_t a,
                                     uint32_t b)
{
    struct bt_float_node *node = bt_float_graph_add(graph, op, name, a);
    node->input_count = 2;
    node->inputs[1] = b;
    node->c += op == BT_OP_CONCAT ? graph->nodes[b].c : 0;
    return node;
}

static void calibrate(struct bt_float_graph *graph, enum bt_calibration_method method, const float *inputs,
                      uint32_t count)
{
    struct bt_error err = {""};
    if (bt_float_calibrate(graph, &(struct bt_calibration){.method = method}, inputs, count, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
}

static struct bt_graph *quantise(const struct bt_float_graph *graph)
{
    struct bt_error err = {""};
    struct bt_graph *quantised = NULL;
    if (bt_float_quantise(graph, &quantised, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    return quantised;
}

/* All outputs for one input; released with bt_float_outputs_free(). */
static float **run_real(const struct bt_float_graph *graph, const float *input)
{
    struct bt_error err = {""};
    float **outputs = NULL;
    assert_int_equal(bt_float_outputs_new(graph, &outputs), BT_OK);
    if (bt_float_run(graph, input, outputs, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    return outputs;
}

/* The same for a quantised graph, its input rounded to its format. */
static int8_t **run_quantised(const struct bt_graph *graph, const float *input)
{
    struct bt_error err = {""};
    int8_t **outputs = NULL;
    const struct bt_graph_node *node = &graph->nodes[0];
    int8_t *q = malloc(bt_graph_bytes(node));
    assert_non_null(q);
    for (size_t i = 0; i < bt_graph_bytes(node); i++) {
        const double level = round(input[i] / node->scale) + node->zp;
        q[i] = (int8_t)(level < -128 ? -128 : level > 127 ? 127 : level);
    }
    assert_int_equal(bt_graph_outputs_new(graph, &outputs), BT_OK);
    if (bt_graph_run(graph, q, outputs, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    free(q);
    return outputs;
}

/* ---- the logarithm ---- */

static void test_log2(void **state)
{
    (void)state;
    /* By Python's decimal, 40 digits, of the binary64 that is written here. */
    static const struct {
        double x, log2;
    } cases[] = {
        {3, 1.584962500721156181453738943947816508759},
        {10, 3.321928094887362347870319429489390175865},
        {0.1, -3.321928094887362267784656834116450249040},
        {1.5, 0.5849625007211561814537389439478165087598},
        {0x1.00001p+0, 0.000001375860550841138201056680283403714756},
        {0x1.ffffe00000000p-1, -0.000001375861862964634164243649147056564601},
        {0x1.0000000000001p+0, 3.203426503814917330334116224736581929838e-16},
        {0x1.fffffffffffffp-1, -1.601713251907458931905900664992489020655e-16},
        {1e300, 996.5784284662087044368441860900644126289},
        {1e-300, -996.5784284662087043249432013269802625861},
        {DBL_MAX, 1023.999999999999999839828674809254106809},
        {2.718281828459045, 1.442695040888963330633973025111757859005},
        {0x1.6a09e667f3bcdp-1, -0.4999999999999999013801274912530231778683}, /* either side of sqrt(1/2), */
        {0x1.6a09e667f3bccp-1, -0.5000000000000001278965878792772203366446}, /* where the exponent changes */
        {7.0 / 255, -5.186998514801253850157570715859015906333},
        {1e-6, -19.93156856932417415250659123659216622316},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const double got = ref_log2(cases[i].x);
        if (!(fabs(got - cases[i].log2) <= ldexp(fabs(cases[i].log2), -48))) {
            fail_msg("log2(%a): %.20g, expected %.20g", cases[i].x, got, cases[i].log2);
        }
    }
    for (int k = -1074; k <= 1023; k++) {
        assert_true(ref_log2(ldexp(1, k)) == k);
    }
}

/* ---- the range of one tensor ---- */

/* A node that copies the input: what it holds is what the test says, and its range is drawn in. */
static struct bt_float_graph *copying(size_t count)
{
    struct bt_float_graph *graph = new_graph(1, (int32_t)count, 1);
    (void)bt_float_graph_add(graph, BT_OP_TABLE, "copy", 0);
    return graph;
}

static void range_of(const float *values, size_t count, enum bt_calibration_method method, double *low, double *high)
{
    struct bt_float_graph *graph = copying(count);
    calibrate(graph, method, values, 1);
    assert_true(graph->nodes[0].low <= graph->nodes[1].low && graph->nodes[0].high >= graph->nodes[1].high);
    *low = graph->nodes[1].low;
    *high = graph->nodes[1].high;
    bt_float_graph_free(graph);
}

static void test_min_max(void **state)
{
    (void)state;
    static const float values[] = {-1.5f, 0.25f, 3, -0.5f, 2, 1};
    static const struct {
        double low, high; /* stated beforehand */
        double expected_low, expected_high;
    } cases[] = {
        {0, 0, -1.5, 3},
        {-4, 8, -4, 8},
        {-4, 1, -4, 3},
        {-1, 8, -1.5, 8},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_float_graph *graph = copying(3);
        for (uint32_t n = 0; n < 2; n++) {
            graph->nodes[n].low = cases[i].low;
            graph->nodes[n].high = cases[i].high;
        }
        calibrate(graph, BT_CALIBRATE_MIN_MAX, values, 2); /* the second input counts, too */
        for (uint32_t n = 0; n < 2; n++) {
            assert_true(graph->nodes[n].low == cases[i].expected_low);
            assert_true(graph->nodes[n].high == cases[i].expected_high);
        }
        bt_float_graph_free(graph);
    }
    assert_string_equal(bt_calibration_name(BT_CALIBRATE_MIN_MAX), "min_max");
    assert_string_equal(bt_calibration_name(BT_CALIBRATE_MSE), "mse");
    assert_string_equal(bt_calibration_name(BT_CALIBRATE_KL), "kl");
}

/* Sum of squared errors of the values themselves in the format of a range. */
static double true_square_error(const float *values, size_t count, double low, double high)
{
    double scale = 0;
    int32_t zp = 0;
    double sum = 0;
    bt_graph_range(low, high, &scale, &zp);
    for (size_t i = 0; i < count; i++) {
        const double level = round(values[i] / scale) + zp;
        const double kept = (level < -128 ? -128 : level > 127 ? 127 : level) - zp;
        sum += (values[i] - kept * scale) * (values[i] - kept * scale);
    }
    return sum;
}

/* Kullback-Leibler divergence of values, all above 0, from what the format of [0, high] leaves of them. */
static double true_divergence(const float *values, size_t count, double most, double high)
{
    enum { BINS = 2048 };
    static double bins[BINS];
    double level_mass[256] = {0};
    double level_bins[256] = {0};
    double inside = 0;
    int last = 0;
    memset(bins, 0, sizeof(bins));
    for (size_t i = 0; i < count; i++) {
        const int bin = (int)(values[i] / (most / BINS));
        bins[bin < BINS ? bin : BINS - 1] += values[i] > 0 ? 1 : 0;
    }
    const double step = high / 255;
    for (int i = 0; i < BINS; i++) {
        const double middle = (i + 0.5) * most / BINS;
        if (middle <= high + step / 2) {
            const int level = (int)floor(middle / step + 0.5);
            level_mass[level < 255 ? level : 255] += bins[i];
            level_bins[level < 255 ? level : 255] += bins[i] > 0 ? 1 : 0;
            inside += bins[i];
            last = i;
        }
    }
    double total = 0;
    for (int i = 0; i < BINS; i++) {
        total += bins[i];
    }
    double sum = 0;
    for (int i = 0; i <= last; i++) {
        const int level = (int)floor((i + 0.5) * most / BINS / step + 0.5);
        const int at = level < 255 ? level : 255;
        const double p = (bins[i] + (i == last ? total - inside : 0)) / total;
        const double q = bins[i] > 0 ? level_mass[at] / level_bins[at] / inside : 1e-6;
        sum += p > 0 ? p * log2(p / q) : 0;
    }
    return inside > 0 ? sum : HUGE_VAL;
}

enum { MANY = 60000 };

/* u^power with u evenly over (0, 1): crowded at 0, with a thin tail up to 1. */
static void crowded(float *values, size_t count, int power)
{
    for (size_t i = 0; i < count; i++) {
        const double u = ((double)i + 0.5) / (double)count;
        double x = u;
        for (int k = 1; k < power; k++) {
            x *= u;
        }
        values[i] = (float)x;
    }
}

/* The range before an activation that becomes a table is its own, and drawn in by itself; that before others is not needed. */
static void test_before_activation(void **state)
{
    (void)state;
    static float values[MANY];
    static const enum bt_act acts[] = {BT_ACT_LEAKY, BT_ACT_RELU};
    crowded(values, MANY, 6);
    for (size_t i = 0; i < MANY; i += 2) {
        values[i] = -values[i];
    }
    values[0] = -8;
    values[1] = 16;
    for (size_t a = 0; a < sizeof(acts) / sizeof(acts[0]); a++) {
        for (enum bt_calibration_method method = BT_CALIBRATE_MIN_MAX; method < BT_CALIBRATE_COUNT; method++) {
            struct bt_float_graph *graph = new_graph(1, MANY, 1);
            struct bt_float_node *node = add_conv(graph, "conv", 0, 1, 1, 1, acts[a]);
            const bool clips = method == BT_CALIBRATE_KL;
            const bool table = acts[a] == BT_ACT_LEAKY;
            node->weights[0] = 2;
            node->bias[0] = 0;
            node->slope = 0.25f;
            calibrate(graph, method, values, 1);
            assert_true(clips ? node->high > 1 && node->high < 16 : node->high > 28);
            if (!table) {
                assert_true(node->pre_low == -16 && node->pre_high == 32);
            } else {
                assert_true(clips ? node->pre_low < -1 && node->pre_low > -8 : node->pre_low < -12);
                assert_true(clips ? node->pre_high > 1 && node->pre_high < 16 : node->pre_high > 28);
            }
            if (method == BT_CALIBRATE_MIN_MAX) {
                assert_true(node->pre_low == -16 && node->pre_high == 32 && node->high == 32);
                assert_true(node->low == (table ? -4 : 0));
            }
            bt_float_graph_free(graph);
        }
    }
}

/* What the search over one end finds is the best of all that it may choose from. */
static void test_one_sided(void **state)
{
    (void)state;
    static float values[MANY];
    static const struct {
        int power;
        size_t outliers;
        float outlier;
        double kl_at_most, mse_at_most; /* of the largest value */
        double kl_at_least, mse_at_least;
    } cases[] = {
        {1, 0, 0, 1, 1, 1, 1},           /* uniform data is not clipped */
        {1, 1, 1.125f, 1, 0.95, 0, 0.8}, /* one value in 60,000 is, by its square */
        {6, 0, 0, 1, 1, 0.5, 0.5},
        {6, 3, 8, 0.5, 1, 0, 0.9}, /* their squares are too many to clip them; their information is little */
        {3, 40, 4, 1, 1, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        crowded(values, MANY, cases[i].power);
        for (size_t k = 0; k < cases[i].outliers; k++) {
            values[MANY - 1 - k * 17] = cases[i].outlier;
        }
        double most = 0;
        for (size_t k = 0; k < MANY; k++) {
            most = values[k] > most ? values[k] : most;
        }
        double low = 0;
        double kl = 0;
        double mse = 0;
        range_of(values, MANY, BT_CALIBRATE_KL, &low, &kl);
        assert_true(low == 0);
        range_of(values, MANY, BT_CALIBRATE_MSE, &low, &mse);
        assert_true(low == 0);
        double best_kl = HUGE_VAL;
        double best_kl_high = 0;
        double best_mse = HUGE_VAL;
        for (int step = 0; step <= 124; step++) {
            const double high = most * (128 - step) / 128;
            const double divergence = true_divergence(values, MANY, most, high);
            const double error = true_square_error(values, MANY, 0, high);
            best_kl_high = divergence < best_kl ? high : best_kl_high;
            best_kl = divergence < best_kl ? divergence : best_kl;
            best_mse = error < best_mse ? error : best_mse;
        }
        const double found = true_square_error(values, MANY, 0, mse);
        print_message("  %zu: of %g KL keeps %g (best %g), MSE %g: error %g (best %g)\n", i, most, kl, best_kl_high,
                      mse, found, best_mse);
        assert_true(kl == best_kl_high);
        assert_true(found <= 1.01 * best_mse);
        assert_true(kl <= cases[i].kl_at_most * most && kl >= cases[i].kl_at_least * most);
        assert_true(mse <= cases[i].mse_at_most * most && mse >= cases[i].mse_at_least * most);
    }
}

/* Both ends, of unlike tails: no pair on a grid is better. */
static void test_two_sided(void **state)
{
    (void)state;
    enum { COUNT = 4096, STEP = 4 };
    static float values[COUNT];
    static const struct {
        float low, high; /* a single value each beyond the crowd from -1 to 1 */
    } cases[] = {{-1.0625f, 1.5f}, {-1.25f, 1.03125f}, {-1, 1}, {-1, 1.0625f}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        crowded(values, COUNT, 2);
        for (size_t k = 0; k < COUNT; k += 2) {
            values[k] = -values[k];
        }
        values[100] = cases[i].low;
        values[101] = cases[i].high;
        double low = 0;
        double high = 0;
        range_of(values, COUNT, BT_CALIBRATE_MSE, &low, &high);
        double best = HUGE_VAL;
        for (int a = 0; a <= 124; a += STEP) {
            for (int b = 0; b <= 124; b += STEP) {
                const double error = true_square_error(values, COUNT, cases[i].low * (128.0 - a) / 128,
                                                       cases[i].high * (128.0 - b) / 128);
                best = error < best ? error : best;
            }
        }
        const double found = true_square_error(values, COUNT, low, high);
        print_message("  %g to %g becomes %g to %g: error %g, on the grid %g\n", (double)cases[i].low,
                      (double)cases[i].high, low, high, found, best);
        assert_true(found <= 1.02 * best);
        assert_true(low >= cases[i].low && low < 0 && high <= cases[i].high && high > 0);
    }
    /* Mirrored data has the mirrored range: neither end is preferred. */
    crowded(values, COUNT, 6);
    values[7] = 8;
    double low = 0;
    double high = 0;
    double mirrored_low = 0;
    double mirrored_high = 0;
    range_of(values, COUNT, BT_CALIBRATE_KL, &low, &high);
    for (size_t k = 0; k < COUNT; k++) {
        values[k] = -values[k];
    }
    range_of(values, COUNT, BT_CALIBRATE_KL, &mirrored_low, &mirrored_high);
    print_message("  0 to %g, mirrored %g to 0\n", high, mirrored_low);
    assert_true(low == 0 && mirrored_high == 0);
    assert_true(high < 4 && mirrored_low > -4); /* the outlier is clipped on either side */
    assert_true(fabs(high + mirrored_low) <= 8.0 / 128);
}

/* Nothing to choose from. */
static void test_trivial_ranges(void **state)
{
    (void)state;
    static const float cases[][4] = {{0, 0, 0, 0}, {3, 3, 3, 3}, {-3, -3, -3, -3}, {0, 0, 5, 0}, {0, 0, 0, -5}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (enum bt_calibration_method method = BT_CALIBRATE_MIN_MAX; method < BT_CALIBRATE_COUNT; method++) {
            double low = 1;
            double high = -1;
            double expected_low = 0;
            double expected_high = 0;
            for (size_t k = 0; k < 4; k++) {
                expected_low = cases[i][k] < expected_low ? cases[i][k] : expected_low;
                expected_high = cases[i][k] > expected_high ? cases[i][k] : expected_high;
            }
            range_of(cases[i], 4, method, &low, &high);
            assert_true(low == expected_low && high == expected_high);
        }
    }
}

/* A range that was stated beforehand, of which all parts do equally well: the wider one stays. */
static void test_equal_costs(void **state)
{
    (void)state;
    static const float values[] = {1, 1, 1, 1};
    struct bt_float_graph *graph = copying(4);
    graph->nodes[1].high = 8;
    graph->nodes[1].low = -2;
    calibrate(graph, BT_CALIBRATE_KL, values, 1);
    assert_true(graph->nodes[1].low == -2 && graph->nodes[1].high == 8);
    bt_float_graph_free(graph);
}

/* Zeros have no error in any format: however many, they move nothing. */
static void test_zeros_do_not_count(void **state)
{
    (void)state;
    static float values[MANY];
    static float with_zeros[2 * MANY];
    crowded(values, MANY, 4);
    memcpy(with_zeros, values, sizeof(values));
    for (enum bt_calibration_method method = BT_CALIBRATE_MSE; method < BT_CALIBRATE_COUNT; method++) {
        double low[2];
        double high[2];
        range_of(values, MANY, method, &low[0], &high[0]);
        range_of(with_zeros, (size_t)2 * MANY, method, &low[1], &high[1]);
        assert_true(low[0] == low[1] && high[0] == high[1]);
    }
}

static void test_no_numbers(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY, 2e30f, -2e30f};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (enum bt_calibration_method method = BT_CALIBRATE_MIN_MAX; method < BT_CALIBRATE_COUNT; method++) {
            struct bt_error err = {""};
            struct bt_float_graph *graph = copying(3);
            const float values[] = {1, 2, 3, 4, bad[i], 5};
            assert_int_equal(bt_float_calibrate(graph, &(struct bt_calibration){.method = method}, values, 2, &err),
                             BT_EINVAL);
            assert_string_equal(err.text, "tested: a value that is no number, or above 1e30: cannot be quantised");
            bt_float_graph_free(graph);
        }
    }
    /* Hidden behind an activation: infinity less infinity, which a ReLU makes 0. */
    struct bt_error err = {""};
    struct bt_float_graph *graph = new_graph(1, 1, 2);
    struct bt_float_node *node = add_conv(graph, "hides", 0, 1, 1, 1, BT_ACT_RELU);
    node->weights[0] = 1e25f;
    node->weights[1] = -1e25f;
    const float huge[] = {1e25f, 1e25f};
    assert_int_equal(bt_float_calibrate(graph, &(struct bt_calibration){.method = BT_CALIBRATE_MIN_MAX}, huge, 1, &err),
                     BT_EINVAL);
    bt_float_graph_free(graph);
}

/* ---- biases ---- */

/*
 * One weight of 40.4 steps is rounded to 40: what is lost is 0.4 / 127 of that channel's mean, 10, here in steps of
 * 0.1 / 127 of the bias: 40 of them.
 */
static void test_bias_correction(void **state)
{
    (void)state;
    enum { PLAIN, DEPTHWISE, FLATTENED, LAYOUTS };
    static const float inputs[2][8] = {{7, 5, 1, 15, 13, 2, 7, 18}, {7, 3, 1, 17, 13, 12, 7, 8}};
    for (int layout = 0; layout < LAYOUTS; layout++) {
        for (int corrected = 0; corrected < 2; corrected++) {
            struct bt_error err = {""};
            struct bt_float_graph *graph = new_graph(2, 2, 2);
            struct bt_float_node *node = layout == PLAIN       ? add_conv(graph, "conv", 0, 1, 1, 1, BT_ACT_NONE)
                                         : layout == DEPTHWISE ? add_conv(graph, "conv", 0, 2, 1, 2, BT_ACT_NONE)
                                                               : add_conv(graph, "conv", 0, 1, 0, 1, BT_ACT_NONE);
            const int64_t weights = bt_conv2d_weight_elems(&node->u.conv);
            const bool depthwise = layout == DEPTHWISE;
            const int64_t at = layout == FLATTENED ? 3 : 1;
            for (int64_t i = 0; i < weights; i++) {
                node->weights[i] = 0;
            }
            memset(node->bias, 0, (size_t)node->c * sizeof(float));
            node->weights[0] = 1;
            node->weights[at] = 40.4f / 127; /* of the second channel in each layout */
            graph->nodes[0].high = 25.5;
            const struct bt_calibration how = {.method = BT_CALIBRATE_MIN_MAX, .bias_correction = corrected != 0};
            assert_int_equal(bt_float_calibrate(graph, &how, inputs[0], 2, &err), BT_OK);
            if (corrected != 0) {
                assert_true(graph->nodes[0].mean[0] == 7 && graph->nodes[0].mean[1] == 10);
            }
            struct bt_graph *quantised = quantise(graph);
            const struct bt_graph_node *conv = &quantised->nodes[1];
            /* Alone in its filter it is the largest weight, and exact. */
            assert_int_equal(conv->weights[at], depthwise ? 127 : 40);
            assert_int_equal(conv->bias[0], depthwise || corrected == 0 ? 0 : 40);
            if (depthwise) {
                assert_int_equal(conv->bias[1], 0);
            }
            bt_graph_free(quantised);
            bt_float_graph_free(graph);
        }
    }
}

/* Filters of two taps, one group for each channel: whose mean a weight meets follows from its group. */
static void test_bias_correction_of_groups(void **state)
{
    (void)state;
    static const float inputs[] = {2, 10, 4, 2, 10, 4, 2, 10, 4};
    static const double means[] = {2, 10, 4};
    struct bt_error err = {""};
    struct bt_float_graph *graph = new_graph(3, 3, 3);
    struct bt_float_node *node = add_conv(graph, "conv", 0, 3, 3, 3, BT_ACT_NONE);
    float pixels[27];
    memset(node->bias, 0, 3 * sizeof(float));
    memset(node->weights, 0, 27 * sizeof(float));
    for (int c = 0; c < 3; c++) {
        node->weights[c * 9] = -1;
        node->weights[c * 9 + 8] = 40.25f / 127;
    }
    for (int i = 0; i < 27; i++) {
        pixels[i] = inputs[i % 9];
    }
    graph->nodes[0].high = 25.5;
    const struct bt_calibration how = {.method = BT_CALIBRATE_MIN_MAX, .bias_correction = true};
    assert_int_equal(bt_float_calibrate(graph, &how, pixels, 1, &err), BT_OK);
    struct bt_graph *quantised = quantise(graph);
    for (int c = 0; c < 3; c++) {
        assert_int_equal(quantised->nodes[1].weights[c * 9 + 8], 40);
        assert_int_equal(quantised->nodes[1].bias[c], (int)round(0.25 * means[c] * 10));
    }
    bt_graph_free(quantised);
    bt_float_graph_free(graph);
}

/* ---- what quantising costs ---- */

static void test_error(void **state)
{
    (void)state;
    struct bt_float_node real_node = {.h = 1, .w = 3, .c = 2};
    struct bt_graph_node node = {.h = 1, .w = 3, .c = 2, .scale = 0.5, .zp = -28}; /* -50 to 77.5 */
    const struct bt_float_graph real = {.count = 1, .nodes = &real_node};
    const struct bt_graph quantised = {.count = 1, .nodes = &node};
    float values[2][6] = {{1, -2, 77.75f, 78, -50.25f, -51}, {0.25f, 4, 0, 0, 0, 0}};
    int8_t levels[2][6] = {{-26, -32, 127, 127, -128, -128}, {-28, -20, -28, -28, -28, -27}};
    struct bt_quantisation_error error = {0};
    for (int i = 0; i < 2; i++) {
        float *const values_of[] = {values[i]};
        int8_t *const levels_of[] = {levels[i]};
        bt_quantisation_error_add(&real, values_of, &quantised, levels_of, &error);
    }
    assert_int_equal(error.elems, 12);
    assert_int_equal(error.clipped, 2); /* 78 and -51: half a step beyond is not yet clipped */
    assert_true(error.low == -51 && error.high == 78);
    assert_true(error.signal == 1 + 4 + 77.75 * 77.75 + 78 * 78 + 50.25 * 50.25 + 51 * 51 + 0.0625 + 16);
    assert_true(error.noise == 0.0625 + 0.25 + 0.0625 + 1 + 0.0625 + 0.25);
    static const struct {
        double signal, noise, sqnr;
    } cases[] = {{100, 1, 20}, {1, 1, 0}, {1, 1000, -30}, {2, 1, 3.010299956639812}, {0, 1, 0}, {0, 0, 0}, {5, 0, 200}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct bt_quantisation_error one = {.signal = cases[i].signal, .noise = cases[i].noise};
        assert_true(fabs(bt_quantisation_sqnr(&one) - cases[i].sqnr) < 1e-12);
    }
}

/* ---- equalisation ---- */

enum { EXTENT = 6, INPUTS = 4, CHANNELS = 8, PIXELS = EXTENT * EXTENT * 3 };

/* Filters whose sizes are far apart, as batch normalisation leaves them. */
static void spread_filters(struct bt_float_node *node)
{
    static const float factors[CHANNELS] = {1, 0.004f, 30, 0.1f, 7, 0.02f, 100, 0.5f};
    const int64_t elems = bt_conv2d_weight_elems(&node->u.conv) / node->c;
    for (int64_t i = 0; i < elems * node->c; i++) {
        node->weights[i] *= factors[i / elems % CHANNELS];
    }
    for (int32_t c = 0; c < node->c; c++) {
        node->bias[c] *= factors[c % CHANNELS];
    }
}

/* input, first, depthwise, reader, grouped, last: each convolution but the last is read by another one alone. */
static struct bt_float_graph *chain(enum bt_act act)
{
    struct bt_float_graph *graph = new_graph(EXTENT, EXTENT, 3);
    spread_filters(add_conv(graph, "first", 0, CHANNELS, 3, 1, act));
    spread_filters(add_conv(graph, "depthwise", 1, CHANNELS, 3, CHANNELS, act));
    spread_filters(add_conv(graph, "reader", 2, CHANNELS, 1, 1, act));
    (void)add_conv(graph, "grouped", 3, 4, 3, 2, act);
    (void)add_conv(graph, "last", 4, 5, 1, 1, BT_ACT_NONE);
    return graph;
}

static const float *pictures(void)
{
    static float inputs[INPUTS * PIXELS];
    fill_floats(11, 1.0f / 128, inputs, INPUTS * PIXELS);
    return inputs;
}

/* Largest magnitude of each channel of a node over the inputs. */
static void reach_of(const struct bt_float_graph *graph, const float *inputs, uint32_t node, float *reach)
{
    const int32_t channels = graph->nodes[node].c;
    memset(reach, 0, (size_t)channels * sizeof(*reach));
    for (uint32_t k = 0; k < INPUTS; k++) {
        float **outputs = run_real(graph, inputs + (size_t)k * PIXELS);
        for (size_t i = 0; i < bt_float_elems(&graph->nodes[node]); i++) {
            const float magnitude = fabsf(outputs[node][i]);
            float *at = &reach[i % (size_t)channels];
            *at = magnitude > *at ? magnitude : *at;
        }
        bt_float_outputs_free(graph, outputs);
    }
}

static float spread_of(const float *values, int32_t count)
{
    float least = values[0];
    float most = values[0];
    for (int32_t i = 1; i < count; i++) {
        least = values[i] < least ? values[i] : least;
        most = values[i] > most ? values[i] : most;
    }
    return most / least;
}

static void equalise(struct bt_float_graph *graph, const float *inputs)
{
    struct bt_error err = {""};
    if (bt_float_equalise(graph, inputs, INPUTS, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
}

static void test_equalised_computes_the_same(void **state)
{
    (void)state;
    static const enum bt_act acts[] = {BT_ACT_NONE, BT_ACT_RELU, BT_ACT_LEAKY};
    const float *inputs = pictures();
    for (size_t a = 0; a < sizeof(acts) / sizeof(acts[0]); a++) {
        struct bt_float_graph *plain = chain(acts[a]);
        struct bt_float_graph *moved = chain(acts[a]);
        equalise(moved, inputs);
        for (uint32_t k = 0; k < INPUTS; k++) {
            float **before = run_real(plain, inputs + (size_t)k * PIXELS);
            float **after = run_real(moved, inputs + (size_t)k * PIXELS);
            assert_memory_equal(before[5], after[5], bt_float_elems(&plain->nodes[5]) * sizeof(float));
            for (uint32_t n = 1; n < 5; n++) { /* it did something to each of the others */
                assert_memory_not_equal(before[n], after[n], bt_float_elems(&plain->nodes[n]) * sizeof(float));
            }
            bt_float_outputs_free(plain, before);
            bt_float_outputs_free(moved, after);
        }
        float before[CHANNELS];
        float after[CHANNELS];
        reach_of(plain, inputs, 1, before);
        reach_of(moved, inputs, 1, after);
        print_message("  %s: channels of the first convolution %g times apart, then %g\n", bt_act_name(acts[a]),
                      (double)spread_of(before, CHANNELS), (double)spread_of(after, CHANNELS));
        assert_true(spread_of(before, CHANNELS) > 1000);
        assert_true(spread_of(after, CHANNELS) <= 2);
        for (int32_t c = 0; c < CHANNELS; c++) { /* nearest power of two: to 1 */
            assert_true(after[c] >= 0.7071f && after[c] <= 1.4143f);
        }
        bt_float_graph_free(plain);
        bt_float_graph_free(moved);
    }
}

/* Behind a reader that is not depthwise: sqrt(x / w), here 2^4 / 2^-2 and 2^-6 / 2^0. */
static void test_power_by_hand(void **state)
{
    (void)state;
    struct bt_error err = {""};
    struct bt_float_graph *graph = new_graph(1, 1, 1);
    struct bt_float_node *first = add_conv(graph, "first", 0, 3, 1, 1, BT_ACT_NONE);
    struct bt_float_node *last = add_conv(graph, "last", 1, 2, 3, 1, BT_ACT_NONE);
    static const float weights[] = {16, -0.015625f, 0}, bias[] = {0, 0, 0};
    static const float reader[] = {0.25f, 1, 8, -0.125f, 0.5f, 4};
    memcpy(first->weights, weights, sizeof(weights));
    memcpy(first->bias, bias, sizeof(bias));
    /* Of nine taps the last has the largest weights. */
    for (int i = 0; i < 2 * 9 * 3; i++) {
        last->weights[i] = reader[i / 27 * 3 + i % 3] / (i / 3 % 9 == 8 ? 1.0f : 4.0f);
    }
    const float one = 1;
    assert_int_equal(bt_float_equalise(graph, &one, 1, &err), BT_OK);
    assert_true(first->weights[0] == 2 && first->weights[1] == -0.125f); /* 2^3, 2^-3 */
    assert_true(last->weights[24] == 2 && last->weights[27] == -0.25f && last->weights[51] == -1);
    assert_true(last->weights[25] == 0.125f && last->weights[28] == 0.015625f && last->weights[52] == 0.0625f);
    /* A channel that was never seen takes the largest: what it may become is not the widest. */
    assert_true(first->weights[2] == 0 && last->weights[26] == 64 && last->weights[53] == 32);
    bt_float_graph_free(graph);
}

enum obstacle { NOTHING, RELU6, SILU, ADD, CONCAT, TWO_READERS, FLATTENED, POOL, RESULT, OBSTACLES };

/* The first convolution with something behind it that its scales cannot be moved through. */
static struct bt_float_graph *obstructed(enum obstacle obstacle)
{
    struct bt_float_graph *graph = new_graph(EXTENT, EXTENT, 3);
    const enum bt_act act = obstacle == RELU6 ? BT_ACT_RELU6 : obstacle == SILU ? BT_ACT_SILU : BT_ACT_RELU;
    spread_filters(add_conv(graph, "first", 0, CHANNELS, 1, 1, act));
    switch (obstacle) {
    case ADD: /* of what the first convolution alone puts out */
        (void)bt_float_graph_add(graph, BT_OP_TABLE, "other", 0);
        (void)add_conv(graph, "wide", 2, CHANNELS, 1, 1, BT_ACT_SILU);
        (void)add_two(graph, BT_OP_ADD, "add", 1, 3);
        break;
    case CONCAT:
        (void)add_two(graph, BT_OP_CONCAT, "concat", 1, 0);
        break;
    case TWO_READERS:
        (void)add_conv(graph, "one", 1, 4, 1, 1, BT_ACT_SILU);
        (void)add_conv(graph, "two", 1, 4, 1, 1, BT_ACT_SILU);
        (void)add_two(graph, BT_OP_ADD, "add", 2, 3);
        break;
    case POOL:
        (void)add_pool(graph, "pool", 1, 2);
        break;
    case RESULT:
        return graph;
    default:
        break;
    }
    (void)add_conv(graph, "last", graph->count - 1, 5, obstacle == FLATTENED ? 0 : 1, 1, BT_ACT_NONE);
    return graph;
}

static void test_equalisation_stops(void **state)
{
    (void)state;
    static const char *const names[OBSTACLES] = {"nothing",     "relu6",     "silu", "add",   "concat",
                                                 "two readers", "flattened", "pool", "result"};
    const float *inputs = pictures();
    for (enum obstacle obstacle = NOTHING; obstacle < OBSTACLES; obstacle++) {
        struct bt_float_graph *plain = obstructed(obstacle);
        struct bt_float_graph *moved = obstructed(obstacle);
        equalise(moved, inputs);
        bool same = true;
        for (uint32_t n = 1; n < plain->count; n++) {
            const struct bt_float_node *node = &plain->nodes[n];
            if (node->op == BT_OP_CONV2D) {
                const size_t elems = (size_t)bt_conv2d_weight_elems(&node->u.conv);
                same = same && memcmp(node->weights, moved->nodes[n].weights, elems * sizeof(float)) == 0 &&
                       memcmp(node->bias, moved->nodes[n].bias, (size_t)node->c * sizeof(float)) == 0;
            }
        }
        if (same != (obstacle != NOTHING)) {
            fail_msg("%s: weights %s", names[obstacle], same ? "were left alone" : "were moved");
        }
        bt_float_graph_free(plain);
        bt_float_graph_free(moved);
    }
}

/* Signal to noise of the last node. */
static double quality(struct bt_float_graph *graph, const float *inputs)
{
    calibrate(graph, BT_CALIBRATE_MIN_MAX, inputs, INPUTS);
    struct bt_graph *quantised = quantise(graph);
    struct bt_quantisation_error errors[12] = {{0}};
    for (uint32_t k = 0; k < INPUTS; k++) {
        float **real = run_real(graph, inputs + (size_t)k * PIXELS);
        int8_t **levels = run_quantised(quantised, inputs + (size_t)k * PIXELS);
        bt_quantisation_error_add(graph, real, quantised, levels, errors);
        bt_float_outputs_free(graph, real);
        bt_graph_outputs_free(quantised, levels);
    }
    bt_graph_free(quantised);
    return bt_quantisation_sqnr(&errors[graph->count - 1]);
}

static void test_equalised_is_better(void **state)
{
    (void)state;
    const float *inputs = pictures();
    /* Channels that one format serves badly, and a depthwise reader that makes them equally large again. */
    struct bt_float_graph *graphs[2];
    double sqnr[2];
    for (int i = 0; i < 2; i++) {
        graphs[i] = new_graph(EXTENT, EXTENT, 3);
        spread_filters(add_conv(graphs[i], "first", 0, CHANNELS, 3, 1, BT_ACT_RELU));
        struct bt_float_node *depthwise = add_conv(graphs[i], "depthwise", 1, CHANNELS, 3, CHANNELS, BT_ACT_RELU);
        float reach[CHANNELS];
        reach_of(graphs[i], inputs, 1, reach);
        for (int32_t k = 0; k < CHANNELS * 9; k++) {
            depthwise->weights[k] /= reach[k / 9];
        }
        (void)add_conv(graphs[i], "last", 2, 5, 1, 1, BT_ACT_NONE);
        if (i == 1) {
            equalise(graphs[i], inputs);
        }
        sqnr[i] = quality(graphs[i], inputs);
        bt_float_graph_free(graphs[i]);
    }
    print_message("  %.1f dB, equalised %.1f dB\n", sqnr[0], sqnr[1]);
    assert_true(sqnr[1] > 25);
    assert_true(sqnr[1] > sqnr[0] + 10);
}

/* ---- narrow means ---- */

static void test_narrow_mean(void **state)
{
    (void)state;
    static const struct {
        int32_t window;
        double low, high; /* of the mean; of the plane 0 to 25.5 */
        bool narrow;
    } cases[] = {
        {2, 0, 5.1, true}, {2, 0, 12.75, true}, {2, 0, 12.8, false}, {2, 0, 25.5, false}, {1, 0, 5.1, false},
    };
    static const float plane[] = {1, 4, 2, 4, 3, 4, 4, 4.4f}; /* means 2.5 and 4.1 */
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_float_graph *graph = new_graph(2, 2, 2);
        graph->nodes[0].high = 25.5;
        struct bt_float_node *pool = add_pool(graph, "mean", 0, cases[i].window);
        pool->low = cases[i].low;
        pool->high = cases[i].high;
        struct bt_graph *quantised = quantise(graph);
        const struct bt_graph_node *node = &quantised->nodes[1];
        if (!cases[i].narrow) {
            assert_int_equal(node->op, BT_OP_AVGPOOL);
            assert_true(node->scale == quantised->nodes[0].scale && node->zp == -128);
        } else {
            int8_t **outputs = run_quantised(quantised, plane);
            assert_int_equal(node->op, BT_OP_CONV2D);
            assert_int_equal(node->u.conv.groups, 2);
            assert_int_equal(node->u.conv.kh, 2);
            assert_int_equal(node->u.conv.kw, 2);
            for (int k = 0; k < 8; k++) {
                assert_int_equal(node->weights[k], 127);
            }
            assert_int_equal(node->zp, -128);
            /* 0.02 or 0.05 a step. */
            assert_int_equal(outputs[1][0], -128 + (int)round(2.5 * 255 / cases[i].high));
            assert_int_equal(outputs[1][1], -128 + (int)round(4.1 * 255 / cases[i].high));
            bt_graph_outputs_free(quantised, outputs);
        }
        bt_graph_free(quantised);
        bt_float_graph_free(graph);
    }
}

/* Negative planes, and means that the pooled format could not tell apart. */
static void test_narrow_mean_resolves(void **state)
{
    (void)state;
    float plane[16];
    for (int i = 0; i < 16; i++) {
        plane[i] = i % 2 == 0 ? -20 : 20;
    }
    plane[0] = -19.6f; /* the mean is 0.025: a fifth of a step of the plane, 40 / 255 */
    struct bt_float_graph *graph = new_graph(4, 4, 1);
    (void)add_pool(graph, "mean", 0, 4);
    calibrate(graph, BT_CALIBRATE_MIN_MAX, plane, 1);
    struct bt_graph *quantised = quantise(graph);
    int8_t **outputs = run_quantised(quantised, plane);
    const struct bt_graph_node *node = &quantised->nodes[1];
    assert_int_equal(node->op, BT_OP_CONV2D);
    const double mean = node->scale * (outputs[1][0] - node->zp);
    assert_true(fabs(mean - 0.025) < 0.006);
    bt_graph_outputs_free(quantised, outputs);
    bt_graph_free(quantised);
    bt_float_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log2),
        cmocka_unit_test(test_min_max),
        cmocka_unit_test(test_before_activation),
        cmocka_unit_test(test_one_sided),
        cmocka_unit_test(test_two_sided),
        cmocka_unit_test(test_trivial_ranges),
        cmocka_unit_test(test_equal_costs),
        cmocka_unit_test(test_zeros_do_not_count),
        cmocka_unit_test(test_no_numbers),
        cmocka_unit_test(test_bias_correction),
        cmocka_unit_test(test_bias_correction_of_groups),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_equalised_computes_the_same),
        cmocka_unit_test(test_power_by_hand),
        cmocka_unit_test(test_equalisation_stops),
        cmocka_unit_test(test_equalised_is_better),
        cmocka_unit_test(test_narrow_mean),
        cmocka_unit_test(test_narrow_mean_resolves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
