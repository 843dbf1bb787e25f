/* Activation tables: against the C library where no tie is near, by hand, and pinned to one hash on every machine. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reference/ops/activation_table_s8.h"
#include "reference/ops/exact_math.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const enum ref_activation activations[] = {REF_ACTIVATION_SILU, REF_ACTIVATION_LEAKY_RELU,
                                                  REF_ACTIVATION_SIGMOID, REF_ACTIVATION_TANH,
                                                  REF_ACTIVATION_HARD_SWISH};

static const struct ref_activation_scales scales[] = {
    {.in_scale = 1.0 / 256, .out_scale = 1.0 / 256, .in_zp = 0, .out_zp = -128},
    {.in_scale = 0.0471234, .out_scale = 0.0235294122, .in_zp = -11, .out_zp = -116},
    {.in_scale = 0.1, .out_scale = 1.0 / 128, .in_zp = 0, .out_zp = 0},
    {.in_scale = 0.25, .out_scale = 0.125, .in_zp = 127, .out_zp = 127},
    {.in_scale = 3, .out_scale = 0.5, .in_zp = -128, .out_zp = -128},
    {.in_scale = 20, .out_scale = 0.01, .in_zp = 5, .out_zp = -7},
};

static double real(enum ref_activation activation, double x)
{
    switch (activation) {
    case REF_ACTIVATION_SILU:
        return x / (1 + exp(-x));
    case REF_ACTIVATION_LEAKY_RELU:
        return fmax(x, 0.1 * x);
    case REF_ACTIVATION_SIGMOID:
        return 1 / (1 + exp(-x));
    case REF_ACTIVATION_TANH:
        return tanh(x);
    case REF_ACTIVATION_HARD_SWISH:
        return x * fmin(fmax(x + 3, 0), 6) / 6;
    }
    return 0;
}

static void test_exp(void **state)
{
    (void)state;
    int64_t checked = 0;
    for (double x = -699; x < 700; x += 0.00917) {
        const double expected = exp(x);
        const double ulp = nextafter(expected, INFINITY) - expected;
        assert_true(fabs(ref_exp(x) - expected) <= 2 * ulp);
        checked++;
    }
    assert_true(checked > 100000);
    assert_true(ref_exp(0) == 1);
    assert_true(ref_exp(-701) == 0);
    assert_true(ref_exp(-INFINITY) == 0);
    assert_true(ref_exp(1e300) == ref_exp(700));
    for (double x = -50; x < 50; x += 0.0013) {
        assert_true(fabs(ref_sigmoid(x) - 1 / (1 + exp(-x))) < 0x1p-50);
        assert_true(fabs(ref_tanh(x) - tanh(x)) < 0x1p-50);
    }
    assert_true(ref_sigmoid(0) == 0.5);
    assert_true(ref_tanh(0) == 0);
    assert_true(ref_sigmoid(1e6) == 1);
    assert_true(ref_sigmoid(-1e6) == 0);
    assert_true(ref_tanh(-1e6) == -1);
}

/* Equal to the C library's result, save where that lies within 1e-9 of a tie. */
static void test_tables_follow_reals(void **state)
{
    (void)state;
    int compared = 0;
    for (size_t a = 0; a < COUNT(activations); a++) {
        for (size_t s = 0; s < COUNT(scales); s++) {
            int8_t table[256];
            assert_int_equal(ref_activation_table_s8(activations[a], &scales[s], 0.1, table), BT_OK);
            for (int q = -128; q <= 127; q++) {
                const double y = real(activations[a], scales[s].in_scale * (q - scales[s].in_zp)) / scales[s].out_scale;
                if (fabs(y - floor(y) - 0.5) < 1e-9) {
                    continue;
                }
                assert_int_equal(table[q + 128], (int)fmin(fmax(round(y) + scales[s].out_zp, -128), 127));
                compared++;
            }
        }
    }
    assert_true(compared > 7000);
}

static void test_by_hand(void **state)
{
    (void)state;
    const struct ref_activation_scales unit = {.in_scale = 1, .out_scale = 1, .in_zp = 0, .out_zp = 0};
    int8_t table[256];
    assert_int_equal(ref_activation_table_s8(REF_ACTIVATION_LEAKY_RELU, &unit, 0.5, table), BT_OK);
    assert_int_equal(table[128 + 7], 7);
    assert_int_equal(table[128 - 7], -4); /* -3.5: away from zero */
    assert_int_equal(table[128 - 6], -3);
    assert_int_equal(table[0], -64);
    assert_int_equal(ref_activation_table_s8(REF_ACTIVATION_HARD_SWISH, &unit, 0, table), BT_OK);
    assert_int_equal(table[128 - 3], 0);
    assert_int_equal(table[128 - 2], 0); /* -1/3 */
    assert_int_equal(table[128 + 1], 1); /* 2/3 */
    assert_int_equal(table[128 + 2], 2); /* 5/3 */
    assert_int_equal(table[128 + 3], 3);
    assert_int_equal(table[128 + 100], 100);
    const struct ref_activation_scales usual = {.in_scale = 0.125, .out_scale = 1.0 / 256, .in_zp = 0, .out_zp = -128};
    assert_int_equal(ref_activation_table_s8(REF_ACTIVATION_SIGMOID, &usual, 0, table), BT_OK);
    assert_int_equal(table[128], 0);
    assert_int_equal(table[128 + 8], 59);  /* sigmoid(1) = 0.73106: 187.15 */
    assert_int_equal(table[128 - 8], -59); /* 68.85 */
    assert_int_equal(table[255], 127);     /* 256 saturates */
    assert_int_equal(table[0], -128);

    const int8_t in[] = {-128, 0, 8};
    int8_t out[3];
    assert_int_equal(ref_activation_s8(table, 3, in, out), BT_OK);
    const int8_t expected[] = {-128, 0, 59};
    assert_memory_equal(out, expected, 3);
    assert_int_equal(ref_activation_s8(NULL, 3, in, out), BT_EINVAL);
    assert_int_equal(ref_activation_s8(table, 0, in, out), BT_EINVAL);
    assert_int_equal(ref_activation_s8(table, 3, NULL, out), BT_EINVAL);
}

/* FNV-1a over all tables above: the same with every compiler, optimisation level and instruction set. */
static void test_same_bits_everywhere(void **state)
{
    (void)state;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t a = 0; a < COUNT(activations); a++) {
        for (size_t s = 0; s < COUNT(scales); s++) {
            int8_t table[256];
            assert_int_equal(ref_activation_table_s8(activations[a], &scales[s], 0.1, table), BT_OK);
            for (size_t i = 0; i < sizeof(table); i++) {
                hash = (hash ^ (uint8_t)table[i]) * UINT64_C(0x100000001b3);
            }
        }
    }
    for (double x = -20; x < 20; x += 0.125) { /* all bits of the function below the tables, too */
        const double y = ref_exp(x * 0.9);
        uint64_t bits = 0;
        memcpy(&bits, &y, sizeof(bits));
        hash = (hash ^ bits) * UINT64_C(0x100000001b3);
    }
    assert_int_equal(hash, UINT64_C(0x91f72f811d5e42d1));
}

static void test_refusals(void **state)
{
    (void)state;
    const struct ref_activation_scales good = {.in_scale = 1, .out_scale = 1};
    int8_t table[256] = {99};
    for (int i = 0; i < 8; i++) {
        struct ref_activation_scales bad = good;
        bad.in_scale = i == 0 ? 0 : i == 1 ? -1 : i == 2 ? strtod("nan", NULL) : i == 3 ? strtod("inf", NULL) : 1;
        bad.out_scale = i == 4 ? 0 : i == 5 ? strtod("inf", NULL) : 1;
        bad.in_zp = i == 6 ? 128 : 0;
        bad.out_zp = i == 7 ? -129 : 0;
        assert_int_equal(ref_activation_table_s8(REF_ACTIVATION_TANH, &bad, 0, table), BT_EINVAL);
    }
    assert_int_equal(ref_activation_table_s8(REF_ACTIVATION_TANH, NULL, 0, table), BT_EINVAL);
    assert_int_equal(ref_activation_table_s8(REF_ACTIVATION_TANH, &good, 0, NULL), BT_EINVAL);
    assert_int_equal(ref_activation_table_s8(REF_ACTIVATION_LEAKY_RELU, &good, strtod("nan", NULL), table), BT_EINVAL);
    assert_int_equal(ref_activation_table_s8((enum ref_activation)99, &good, 0, table), BT_EINVAL);
    assert_int_equal(table[0], 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exp),      cmocka_unit_test(test_tables_follow_reals),
        cmocka_unit_test(test_by_hand),  cmocka_unit_test(test_same_bits_everywhere),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("activation_table_s8", tests, NULL, NULL);
}
