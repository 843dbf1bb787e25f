/* Seeded tensors: the same bytes everywhere, spread as promised, ties where promised, fast enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "harness/conv_s16.h"
#include "harness/data.h"
#include "reference/common/bt_conv2d.h"
#include "reference/ops/conv2d_s8.h"

/* Geometries whose sums have from 1 to 4608 products. */
enum shape { POINT, DEPTHWISE, MIDDLE, DEEP, SHAPES };

static struct bt_conv2d shape_of(enum shape shape)
{
    struct bt_conv2d conv = {
        .n = 1,
        .h = 20,
        .w = 20,
        .c_in = 64,
        .c_out = 64,
        .kh = 3,
        .kw = 3,
        .stride_h = 1,
        .stride_w = 1,
        .dil_h = 1,
        .dil_w = 1,
        .groups = 1,
        .act_min = -128,
        .act_max = 127,
    };
    switch (shape) {
    case POINT:
        conv.c_in = conv.kh = conv.kw = 1;
        break;
    case DEPTHWISE:
        conv.groups = 64;
        break;
    case DEEP:
        conv.c_in = 512;
        break;
    default:
        break;
    }
    return conv;
}

struct spread {
    double mean, sigma, saturated, ties;
};

static struct spread spread_of(const struct bt_conv2d *conv, const struct bt_tensors *tensors)
{
    const int64_t elems = bt_conv2d_ofmap_elems(conv);
    int8_t *ofmap = malloc((size_t)elems);
    int32_t *sums = malloc((size_t)elems * sizeof(*sums));
    struct bt_conv2d raw = *conv;
    struct bt_layer_data data = tensors->view;
    struct spread spread = {0};
    assert_non_null(ofmap);
    assert_non_null(sums);
    assert_int_equal(ref_conv2d_s8(conv, &data, ofmap), BT_OK);
    raw.raw = true;
    raw.table = false;
    data.table = NULL;
    assert_int_equal(ref_conv2d_s8(&raw, &data, sums), BT_OK);
    for (int64_t i = 0; i < elems; i++) {
        const int32_t right = -data.shift[i % conv->c_out];
        spread.mean += ofmap[i];
        spread.sigma += (double)ofmap[i] * ofmap[i];
        spread.saturated += ofmap[i] == -128 || ofmap[i] == 127 ? 1 : 0;
        /* sum / 2^(right + 1): half of an output step is left over */
        if (right >= 0 && ((uint32_t)sums[i] & ((2u << right) - 1u)) == 1u << right) {
            spread.ties += 1;
        }
    }
    spread.mean /= (double)elems;
    spread.sigma = sqrt(spread.sigma / (double)elems - spread.mean * spread.mean);
    spread.saturated /= (double)elems;
    spread.ties /= (double)elems;
    free(ofmap);
    free(sums);
    return spread;
}

/* Is half of an output step left over? By a plain sum. */
static bool is_tie_int16(const struct bt_conv2d *conv, const struct bt_layer_data *data, int64_t elem)
{
    const int16_t *ifmap = data->ifmap;
    const int16_t *weights = data->weights;
    const int32_t depth = conv->c_in / conv->groups;
    const int64_t pixel = elem / conv->c_out;
    const int32_t right = -data->shift[0];
    int64_t sum = data->bias[0];
    for (int32_t t = 0; t < conv->kh * conv->kw * depth; t++) {
        const int64_t y = pixel / bt_conv2d_ow(conv) + t / depth / conv->kw;
        const int64_t x = pixel % bt_conv2d_ow(conv) + t / depth % conv->kw;
        sum += (int64_t)ifmap[(y * conv->w + x) * conv->c_in + t % depth] * weights[t];
    }
    return right >= 0 && ((uint64_t)sum & ((UINT64_C(2) << right) - 1)) == UINT64_C(1) << right;
}

static void make(enum bt_pattern pattern, enum bt_act act, struct bt_conv2d *conv, struct bt_tensors *tensors)
{
    const struct bt_data_key key = {.seed = 1, .network = "net", .pattern = pattern};
    struct bt_reason why = {0};
    bt_data_adapt(&key, act, conv);
    assert_int_equal(bt_conv2d_check(conv, &why), BT_OK);
    assert_int_equal(bt_data_make(&key, act, conv, NULL, tensors), BT_OK);
}

static void test_spread(void **state)
{
    (void)state;
    static const struct {
        enum bt_pattern pattern;
        double sigma_min, sigma_max, saturated_max, ties_min;
    } cases[] = {
        {BT_PATTERN_UNIFORM, 35, 48, 0.05, 0.0},
        {BT_PATTERN_EXTREME_ZP, 30, 60, 0.05, 0.0},
        {BT_PATTERN_TIES, 30, 60, 0.05, 0.4},
        {BT_PATTERN_MIN, 5, 80, 0.75, 0.0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (enum shape shape = POINT; shape < SHAPES; shape++) {
            struct bt_conv2d conv = shape_of(shape);
            struct bt_tensors tensors;
            make(cases[i].pattern, BT_ACT_NONE, &conv, &tensors);
            const struct spread spread = spread_of(&conv, &tensors);
            bt_data_free(&tensors);
            if (spread.sigma < cases[i].sigma_min || spread.sigma > cases[i].sigma_max ||
                spread.saturated > cases[i].saturated_max || spread.ties < cases[i].ties_min) {
                fail_msg("%s, shape %d: mean %.1f sigma %.1f saturated %.3f ties %.3f",
                         bt_pattern_name(cases[i].pattern), (int)shape, spread.mean, spread.sigma, spread.saturated,
                         spread.ties);
            }
        }
    }
}

static void test_ranges(void **state)
{
    (void)state;
    struct bt_conv2d conv = shape_of(MIDDLE);
    struct bt_tensors tensors;
    unsigned ifmap[256] = {0};
    unsigned weights[256] = {0};
    int32_t differing = 0;
    make(BT_PATTERN_UNIFORM, BT_ACT_NONE, &conv, &tensors);
    for (int64_t i = 0; i < bt_conv2d_ifmap_elems(&conv); i++) {
        ifmap[((const int8_t *)tensors.view.ifmap)[i] + 128]++;
    }
    for (int64_t i = 0; i < bt_conv2d_weight_elems(&conv); i++) {
        weights[((const int8_t *)tensors.view.weights)[i] + 128]++;
    }
    for (int value = 0; value < 256; value++) {
        assert_true(ifmap[value] > 0);
        assert_true(value == 0 ? weights[value] == 0 : weights[value] > 0);
    }
    for (int32_t oc = 0; oc < conv.c_out; oc++) {
        assert_in_range(tensors.view.mult[oc], 1 << 30, INT32_MAX);
        assert_true(tensors.view.shift[oc] >= -31 && tensors.view.shift[oc] <= 30);
        differing += tensors.view.mult[oc] != tensors.view.mult[0] ? 1 : 0;
    }
    assert_true(differing > conv.c_out / 2);
    assert_ptr_equal(tensors.view.table, NULL);
    bt_data_free(&tensors);

    conv = shape_of(MIDDLE);
    make(BT_PATTERN_MIN, BT_ACT_NONE, &conv, &tensors);
    assert_int_equal(conv.in_zp, 127);
    for (int64_t i = 0; i < bt_conv2d_ifmap_elems(&conv); i++) {
        assert_int_equal(((const int8_t *)tensors.view.ifmap)[i], -128);
    }
    for (int64_t i = 0; i < bt_conv2d_weight_elems(&conv); i++) {
        assert_int_equal(((const int8_t *)tensors.view.weights)[i], -127);
    }
    bt_data_free(&tensors);
}

static struct bt_conv2d int16_shape(enum shape shape)
{
    struct bt_conv2d conv = shape_of(shape);
    conv.act_min = INT16_MIN;
    conv.act_max = INT16_MAX;
    return conv;
}

/* Outputs of int16 tensors; those that met an end of the range, each by itself. */
static struct spread spread_of_int16(const struct bt_conv2d *conv, const struct bt_layer_data *data, double *low,
                                     double *high)
{
    const int64_t elems = bt_conv2d_ofmap_elems(conv);
    int16_t *ofmap = malloc((size_t)elems * sizeof(*ofmap));
    struct spread spread = {0};
    struct bt_reason why = {0};
    assert_non_null(ofmap);
    assert_int_equal(bt_conv_s16(conv, data, ofmap, &why), BT_OK);
    *low = *high = 0;
    for (int64_t i = 0; i < elems; i++) {
        spread.mean += ofmap[i];
        spread.sigma += (double)ofmap[i] * ofmap[i];
        *low += ofmap[i] == INT16_MIN;
        *high += ofmap[i] == INT16_MAX;
        spread.ties += i % conv->c_out == 0 && is_tie_int16(conv, data, i);
    }
    *low /= (double)elems;
    *high /= (double)elems;
    spread.mean /= (double)elems;
    spread.sigma = sqrt(spread.sigma / (double)elems - spread.mean * spread.mean);
    spread.ties *= (double)conv->c_out / (double)elems;
    free(ofmap);
    return spread;
}

/* Nearly all outputs lie between the ends of the range, and both ends are met. */
static void test_spread_int16(void **state)
{
    (void)state;
    static const struct {
        enum bt_pattern pattern;
        double sigma_min, sigma_max, end_min, end_max, ties_min;
    } cases[] = {
        {BT_PATTERN_UNIFORM, 9000, 15000, 0.0005, 0.03, 0.0},
        {BT_PATTERN_EXTREME_ZP, 9000, 15000, 0.0005, 0.03, 0.0},
        {BT_PATTERN_TIES, 9000, 15000, 0.0005, 0.03, 0.4},
        {BT_PATTERN_MIN, 1000, 20000, 0.0, 0.75, 0.0}, /* all sums are large and positive */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (enum shape shape = POINT; shape < SHAPES; shape++) {
            const struct bt_data_key key = {.seed = 1, .network = "net", .pattern = cases[i].pattern, .dtype = BT_S16};
            struct bt_conv2d conv = int16_shape(shape);
            const struct bt_conv2d before = conv;
            struct bt_tensors tensors;
            double low = 0;
            double high = 0;
            bt_data_adapt(&key, BT_ACT_NONE, &conv);
            assert_memory_equal(&conv, &before, sizeof(conv));
            assert_int_equal(bt_data_make(&key, BT_ACT_NONE, &conv, NULL, &tensors), BT_OK);
            const struct spread spread = spread_of_int16(&conv, &tensors.view, &low, &high);
            bt_data_free(&tensors);
            /* A single product of a uniform weight and an end of the range has no tails. */
            const bool tails = shape != POINT || cases[i].pattern != BT_PATTERN_EXTREME_ZP;
            if (spread.sigma < cases[i].sigma_min || spread.sigma > cases[i].sigma_max ||
                (tails && low < cases[i].end_min) || (tails && high < cases[i].end_min) || low > cases[i].end_max ||
                high > cases[i].end_max || spread.ties < cases[i].ties_min) {
                fail_msg("%s, shape %d: sigma %.1f low %.5f high %.5f ties %.3f", bt_pattern_name(cases[i].pattern),
                         (int)shape, spread.sigma, low, high, spread.ties);
            }
        }
    }
}

static void test_ranges_int16(void **state)
{
    (void)state;
    static unsigned char seen[2][65536];
    const struct bt_conv2d conv = int16_shape(DEEP);
    const struct bt_data_key key = {.seed = 1, .network = "net", .pattern = BT_PATTERN_UNIFORM, .dtype = BT_S16};
    struct bt_tensors tensors;
    int values[2] = {0};
    assert_int_equal(bt_data_make(&key, BT_ACT_NONE, &conv, NULL, &tensors), BT_OK);
    for (int64_t i = 0; i < bt_conv2d_ifmap_elems(&conv); i++) {
        seen[0][((const int16_t *)tensors.view.ifmap)[i] + 32768] = 1;
    }
    for (int64_t i = 0; i < bt_conv2d_weight_elems(&conv); i++) {
        seen[1][((const int16_t *)tensors.view.weights)[i] + 32768] = 1;
    }
    for (int i = 0; i < 65536; i++) {
        values[0] += seen[0][i];
        values[1] += seen[1][i];
    }
    assert_true(values[0] > 60000 && values[1] > 60000 && seen[1][0] && seen[1][65535]);
    bt_data_free(&tensors);
}

/* The spread follows an ifmap that is given, however narrow. */
static void test_given_ifmap_int16(void **state)
{
    (void)state;
    static const enum bt_pattern patterns[] = {BT_PATTERN_UNIFORM, BT_PATTERN_TIES};
    static const int divisors[] = {1, 4, 64, 512};
    const struct bt_conv2d conv = int16_shape(MIDDLE);
    const size_t elems = (size_t)bt_conv2d_ifmap_elems(&conv);
    int16_t *ifmap = malloc(elems * sizeof(*ifmap));
    assert_non_null(ifmap);
    for (size_t d = 0; d < sizeof(divisors) / sizeof(divisors[0]); d++) {
        bt_data_fill(3, false, (int8_t *)ifmap, elems * sizeof(*ifmap));
        for (size_t i = 0; i < elems; i++) {
            ifmap[i] = (int16_t)(ifmap[i] / divisors[d]);
        }
        for (size_t p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++) {
            const struct bt_data_key key = {.seed = 1, .network = "net", .pattern = patterns[p], .dtype = BT_S16};
            struct bt_tensors tensors;
            double low = 0;
            double high = 0;
            assert_int_equal(bt_data_make(&key, BT_ACT_NONE, &conv, ifmap, &tensors), BT_OK);
            assert_ptr_equal(tensors.view.ifmap, ifmap);
            const struct spread spread = spread_of_int16(&conv, &tensors.view, &low, &high);
            bt_data_free(&tensors);
            if (spread.sigma < 5000 || spread.sigma > 22000) {
                fail_msg("%s, divided by %d: sigma %.0f", bt_pattern_name(patterns[p]), divisors[d], spread.sigma);
            }
        }
    }
    free(ifmap);
}

/* Pruned weights are the dense ones with as many zeros as asked for, and outputs spread as before. */
static void test_pruned(void **state)
{
    (void)state;
    static const struct bt_pruning prunings[] = {
        {50, BT_STRUCTURE_RANDOM}, {90, BT_STRUCTURE_RANDOM},  {50, BT_STRUCTURE_FILTER},
        {95, BT_STRUCTURE_FILTER}, {75, BT_STRUCTURE_CHANNEL}, {95, BT_STRUCTURE_CHANNEL},
    };
    for (size_t i = 0; i < 2 * sizeof(prunings) / sizeof(prunings[0]); i++) {
        const enum bt_dtype dtype = i % 2 == 0 ? BT_S8 : BT_S16;
        for (enum bt_pattern pattern = BT_PATTERN_UNIFORM; pattern < BT_PATTERN_COUNT; pattern++) {
            struct bt_data_key key = {.seed = 1, .network = "net", .pattern = pattern, .dtype = dtype};
            struct bt_conv2d conv = dtype == BT_S8 ? shape_of(MIDDLE) : int16_shape(MIDDLE);
            struct bt_tensors full;
            struct bt_tensors tensors;
            double low = 0;
            double high = 0;
            bt_data_adapt(&key, BT_ACT_NONE, &conv);
            assert_int_equal(bt_data_make(&key, BT_ACT_NONE, &conv, NULL, &full), BT_OK);
            key.pruning = prunings[i / 2];
            assert_int_equal(bt_data_make(&key, BT_ACT_NONE, &conv, NULL, &tensors), BT_OK);
            const size_t bytes = (size_t)bt_conv2d_weight_elems(&conv) * (dtype == BT_S16 ? 2 : 1);
            void *expected = malloc(bytes);
            assert_non_null(expected);
            memcpy(expected, full.view.weights, bytes);
            bt_prune(&key.pruning, &conv, dtype, expected);
            assert_memory_equal(tensors.view.weights, expected, bytes);
            free(expected);
            if (pattern == BT_PATTERN_UNIFORM) {
                const struct spread spread =
                    dtype == BT_S16 ? spread_of_int16(&conv, &tensors.view, &low, &high) : spread_of(&conv, &tensors);
                /* What has no weights left puts out its bias. */
                const bool gone = key.pruning.structure == BT_STRUCTURE_FILTER;
                const double unit = dtype == BT_S16 ? 300 : 1;
                if (spread.sigma < (gone ? 8 : 30) * unit || spread.sigma > 50 * unit) {
                    fail_msg("%u %% by %s: sigma %.0f", key.pruning.percent, bt_structure_name(key.pruning.structure),
                             spread.sigma);
                }
            }
            bt_data_free(&tensors);
            bt_data_free(&full);
        }
    }
}

/* Bytes that any machine must reproduce. */
static void test_known_bytes(void **state)
{
    (void)state;
    int8_t bytes[21];
    bt_data_fill(42, false, bytes, sizeof(bytes));
    assert_int_equal(XXH3_64bits(bytes, sizeof(bytes)), UINT64_C(0x11abd11e53c339b9));
    struct bt_conv2d conv = shape_of(MIDDLE);
    struct bt_tensors tensors;
    make(BT_PATTERN_UNIFORM, BT_ACT_RELU, &conv, &tensors);
    assert_int_equal(XXH3_64bits(tensors.view.weights, (size_t)bt_conv2d_weight_elems(&conv)),
                     UINT64_C(0x18b0b35c8c8b6b51));
    assert_int_equal(XXH3_64bits(tensors.view.mult, (size_t)conv.c_out * 4), UINT64_C(0xd6c926c8f2d87cf7));
    bt_data_free(&tensors);
}

static uint64_t ifmap_hash(uint64_t seed, const char *network, const struct bt_conv2d *conv)
{
    const struct bt_data_key key = {.seed = seed, .network = network, .pattern = BT_PATTERN_UNIFORM};
    struct bt_tensors tensors;
    assert_int_equal(bt_data_make(&key, BT_ACT_NONE, conv, NULL, &tensors), BT_OK);
    const uint64_t hash = XXH3_64bits(tensors.view.ifmap, (size_t)bt_conv2d_ifmap_elems(conv));
    bt_data_free(&tensors);
    return hash;
}

static void test_key(void **state)
{
    (void)state;
    struct bt_conv2d conv = shape_of(MIDDLE);
    const uint64_t hash = ifmap_hash(1, "net", &conv);
    assert_true(hash == ifmap_hash(1, "net", &conv));
    assert_true(hash != ifmap_hash(2, "net", &conv));
    assert_true(hash != ifmap_hash(1, "other", &conv));
    conv.pad_right = 1;
    assert_true(hash != ifmap_hash(1, "net", &conv));
}

static void test_activations(void **state)
{
    (void)state;
    static const struct {
        enum bt_act act;
        bool table;
    } cases[] = {
        {BT_ACT_NONE, false}, {BT_ACT_RELU, false},   {BT_ACT_RELU6, false}, {BT_ACT_SILU, true},
        {BT_ACT_LEAKY, true}, {BT_ACT_SIGMOID, true}, {BT_ACT_TANH, true},   {BT_ACT_HARD_SWISH, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (enum bt_pattern pattern = BT_PATTERN_UNIFORM; pattern < BT_PATTERN_COUNT; pattern++) {
            struct bt_conv2d conv = shape_of(MIDDLE);
            struct bt_tensors tensors;
            bt_act_apply(cases[i].act, &conv);
            make(pattern, cases[i].act, &conv, &tensors);
            assert_int_equal(tensors.view.table != NULL, cases[i].table);
            if (cases[i].act == BT_ACT_RELU || cases[i].act == BT_ACT_RELU6) {
                assert_int_equal(conv.act_min, conv.out_zp);
                assert_true(conv.act_max > conv.act_min);
            }
            if (cases[i].act == BT_ACT_RELU6) {
                assert_int_equal(conv.act_max - conv.act_min, 96);
            }
            if (cases[i].table) { /* real zero becomes f(0): 0 but for sigmoid, which gives 0.5 */
                const int32_t at_zero = cases[i].act == BT_ACT_SIGMOID ? 0 : bt_data_out_zp(cases[i].act, &conv);
                assert_int_equal(tensors.view.table[conv.out_zp + 128], at_zero);
                assert_true(tensors.view.table[255] > tensors.view.table[0] || conv.out_zp == 127);
            }
            bt_data_free(&tensors);
        }
    }
}

/* A layer that states its zero points keeps them. */
static void test_stated_format(void **state)
{
    (void)state;
    const struct bt_data_key key = {.seed = 1, .network = "net", .pattern = BT_PATTERN_UNIFORM};
    struct bt_conv2d conv = shape_of(MIDDLE);
    conv.in_zp = 5;
    conv.out_zp = -7;
    conv.act_max = 99;
    const struct bt_conv2d before = conv;
    bt_data_adapt(&key, BT_ACT_NONE, &conv);
    assert_memory_equal(&conv, &before, sizeof(conv));
}

/* A given ifmap is used as it is, and the multipliers follow how far it spreads. */
static void test_given_ifmap(void **state)
{
    (void)state;
    const struct bt_data_key key = {.seed = 1, .network = "net", .pattern = BT_PATTERN_UNIFORM};
    struct bt_conv2d conv = shape_of(MIDDLE);
    const size_t elems = (size_t)bt_conv2d_ifmap_elems(&conv);
    int8_t *ifmap = malloc(elems);
    struct bt_tensors tensors;
    assert_non_null(ifmap);
    bt_data_fill(3, false, ifmap, elems);
    for (size_t i = 0; i < elems; i++) {
        ifmap[i] = (int8_t)(ifmap[i] / 16);
    }
    assert_int_equal(bt_data_make(&key, BT_ACT_NONE, &conv, ifmap, &tensors), BT_OK);
    assert_ptr_equal(tensors.view.ifmap, ifmap);
    const struct spread spread = spread_of(&conv, &tensors);
    assert_true(spread.sigma > 35 && spread.sigma < 48);
    bt_data_free(&tensors);
    free(ifmap);
}

static void test_isqrt(void **state)
{
    (void)state;
    static const uint64_t roots[] = {0, 1, 2, 3, 46340, 65535, 65536, 4294967295};
    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
        const uint64_t square = roots[i] * roots[i];
        assert_true(bt_isqrt(square) == roots[i]);
        assert_true(roots[i] < 2 || bt_isqrt(square - 1) == roots[i] - 1);
        assert_true(roots[i] < 1 || bt_isqrt(square + 1) == roots[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pruned),       cmocka_unit_test(test_spread_int16),
        cmocka_unit_test(test_ranges_int16), cmocka_unit_test(test_given_ifmap_int16),
        cmocka_unit_test(test_spread),       cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_known_bytes),  cmocka_unit_test(test_key),
        cmocka_unit_test(test_activations),  cmocka_unit_test(test_stated_format),
        cmocka_unit_test(test_given_ifmap),  cmocka_unit_test(test_isqrt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
