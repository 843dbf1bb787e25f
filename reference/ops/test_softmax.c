/* Softmax of both widths against real arithmetic, at its edges, and what it refuses. Bits: see test_vectors.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reference/ops/fixed_point.h"
#include "reference/ops/quantise_multiplier.h"
#include "reference/ops/softmax_s16.h"
#include "reference/ops/softmax_s8.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_fixed_point(void **state)
{
    (void)state;
    assert_int_equal(ref_count_leading_zeros(0), 32);
    assert_int_equal(ref_count_leading_zeros(1), 31);
    assert_int_equal(ref_count_leading_zeros(UINT32_C(1) << 31), 0);
    assert_int_equal(ref_saturating_shift_left(1, 30), 1 << 30);
    assert_int_equal(ref_saturating_shift_left(2, 30), INT32_MAX);
    assert_int_equal(ref_saturating_shift_left(-2, 30), INT32_MIN);
    assert_int_equal(ref_saturating_shift_left(-3, 30), INT32_MIN);
    assert_int_equal(ref_exp_on_negative_values_q5(0), INT32_MAX);
    for (int64_t a = INT32_MIN; a < 0; a += 99991) {
        const double real = exp(ldexp((double)a, -26));
        assert_true(fabs(ldexp(ref_exp_on_negative_values_q5((int32_t)a), -31) - real) < 1e-6);
    }
    for (int64_t a = 0; a <= INT32_MAX; a += 99991) {
        const double real = 1 / (1 + ldexp((double)a, -31));
        assert_true(fabs(ldexp(ref_one_over_one_plus_x((int32_t)a), -31) - real) < 1e-8);
    }
}

/* FNV-1a over both functions, pinned when the networks of test_vectors.c passed: a constant off by one shows here. */
static void test_fixed_point_bits(void **state)
{
    (void)state;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int64_t a = INT32_MIN; a < 0; a += 99991) {
        hash = (hash ^ (uint32_t)ref_exp_on_negative_values_q5((int32_t)a)) * UINT64_C(0x100000001b3);
        hash = (hash ^ (uint32_t)ref_one_over_one_plus_x((int32_t)(a + INT32_MAX + 1))) * UINT64_C(0x100000001b3);
    }
    assert_int_equal(hash, UINT64_C(0x6ef2c84d91175e6c));
}

/* The parameters that TFLite prepared for the last layer of CMSIS-NN's ds_cnn_s. */
static void test_scale(void **state)
{
    (void)state;
    struct ref_softmax_s8 softmax = {.rows = 3, .row_size = 4};
    const double in_scale = ldexp(1881344896, 24 - 31 - 26);
    assert_int_equal(ref_softmax_s8_scale(in_scale, 1, &softmax), BT_OK);
    assert_int_equal(softmax.mult, 1881344896);
    assert_int_equal(softmax.shift, 24);
    assert_int_equal(softmax.diff_min, -124);
    assert_int_equal(softmax.rows, 3);
    assert_int_equal(softmax.row_size, 4);
    assert_int_equal(ref_softmax_s8_scale(ldexp(1, -25), 1, &softmax), BT_OK);
    assert_int_equal(softmax.diff_min, -255);
    const double refused[] = {0, -1, 16, ldexp(1, -27), strtod("nan", NULL), strtod("inf", NULL)};
    for (size_t i = 0; i < COUNT(refused); i++) {
        assert_int_equal(ref_softmax_s8_scale(refused[i], 1, &softmax), BT_EINVAL);
    }
    assert_int_equal(ref_softmax_s8_scale(1, 1, NULL), BT_EINVAL);
}

static void test_s8_follows_reals(void **state)
{
    (void)state;
    static const double scales[] = {0.01, 0.1, 1.0 / 3, 1, 5};
    uint32_t random = 12345;
    for (size_t s = 0; s < COUNT(scales); s++) {
        struct ref_softmax_s8 softmax = {.rows = 20, .row_size = 37};
        int8_t in[20 * 37];
        int8_t out[20 * 37];
        assert_int_equal(ref_softmax_s8_scale(scales[s], 1, &softmax), BT_OK);
        for (size_t i = 0; i < COUNT(in); i++) {
            random = random * 1664525 + 1013904223;
            in[i] = (int8_t)(random >> 24);
        }
        assert_int_equal(ref_softmax_s8(&softmax, in, out), BT_OK);
        for (int row = 0; row < 20; row++) {
            double sum = 0;
            for (int i = 0; i < 37; i++) {
                sum += exp(scales[s] * in[row * 37 + i]);
            }
            for (int i = 0; i < 37; i++) {
                const double real = exp(scales[s] * in[row * 37 + i]) / sum * 256 - 128;
                assert_true(fabs(out[row * 37 + i] - fmin(real, 127)) < 0.51);
            }
        }
    }
}

static void test_s8_edges(void **state)
{
    (void)state;
    struct ref_softmax_s8 softmax = {.rows = 1, .row_size = 4};
    int8_t out[4];
    assert_int_equal(ref_softmax_s8_scale(1, 1, &softmax), BT_OK);
    const int8_t equal[] = {-128, -128, -128, -128};
    const int8_t quarters[] = {-64, -64, -64, -64};
    assert_int_equal(ref_softmax_s8(&softmax, equal, out), BT_OK);
    assert_memory_equal(out, quarters, 4);
    const int8_t one[] = {-128, 127, -128, -128};
    const int8_t certain[] = {-128, 127, -128, -128}; /* 1 saturates: 256 - 128 */
    assert_int_equal(ref_softmax_s8(&softmax, one, out), BT_OK);
    assert_memory_equal(out, certain, 4);
    softmax.row_size = 1;
    softmax.rows = 4;
    const int8_t alone[] = {127, 127, 127, 127};
    assert_int_equal(ref_softmax_s8(&softmax, one, out), BT_OK);
    assert_memory_equal(out, alone, 4);

    int8_t *row = calloc(4095, 1);
    assert_non_null(row);
    softmax.rows = 1;
    softmax.row_size = 4095; /* the largest sum of exponentials */
    assert_int_equal(ref_softmax_s8(&softmax, row, row), BT_OK);
    assert_int_equal(row[0], -128);
    assert_int_equal(row[4094], -128);
    free(row);
}

static void test_s16(void **state)
{
    (void)state;
    const double in_scale = 10.0 / 65535 * 2; /* two steps of the table per input step */
    struct ref_softmax_s16 softmax = {.rows = 2, .row_size = 5};
    assert_int_equal(ref_quantise_multiplier(in_scale * 65535 / 10, &softmax.mult, &softmax.shift), BT_OK);
    const int16_t in[] = {0, 100, -2000, 3000, 3100, -32768, -32768, -32768, -32768, -32768};
    int16_t out[10];
    assert_int_equal(ref_softmax_s16(&softmax, in, out), BT_OK);
    for (int row = 0; row < 2; row++) {
        double sum = 0;
        for (int i = 0; i < 5; i++) {
            sum += exp(in_scale * in[row * 5 + i]);
        }
        for (int i = 0; i < 5; i++) {
            assert_true(fabs(out[row * 5 + i] - 32768 * exp(in_scale * in[row * 5 + i]) / sum) < 8);
        }
    }
    const int16_t extremes[] = {-32768, 32767, -32768, -32768, -32768};
    softmax.rows = 1;
    assert_int_equal(ref_softmax_s16(&softmax, extremes, out), BT_OK);
    assert_true(out[1] > 32700);
    assert_in_range(out[0], 0, 8);
}

static void test_refusals(void **state)
{
    (void)state;
    const struct ref_softmax_s8 good = {.rows = 1, .row_size = 1, .mult = 1 << 30, .shift = 20, .diff_min = -31};
    const struct ref_softmax_s16 good_s16 = {.rows = 1, .row_size = 1, .mult = 1 << 30, .shift = 1};
    const int8_t in = 0;
    const int16_t in_s16 = 0;
    int8_t out = 99;
    int16_t out_s16 = 99;
    for (int i = 0; i < 9; i++) {
        struct ref_softmax_s8 bad = good;
        struct ref_softmax_s16 bad_s16 = good_s16;
        bad.rows = bad_s16.rows = i == 0 ? 0 : 1;
        bad.row_size = i == 1 ? 0 : i == 2 ? 4096 : 1;
        bad.mult = i == 3 ? -1 : good.mult;
        bad.shift = i == 4 ? -1 : i == 5 ? 31 : good.shift;
        bad.diff_min = i == 6 ? 1 : i == 7 ? -256 : good.diff_min;
        assert_int_equal(ref_softmax_s8(i == 8 ? NULL : &bad, &in, &out), BT_EINVAL);
        bad_s16.row_size = i == 1 || i == 6 ? 0 : i == 2 || i == 7 ? 65537 : 1;
        bad_s16.mult = i == 3 ? -1 : good_s16.mult;
        bad_s16.shift = i == 4 ? -32 : i == 5 ? 15 : good_s16.shift;
        assert_int_equal(ref_softmax_s16(i == 8 ? NULL : &bad_s16, &in_s16, &out_s16), BT_EINVAL);
    }
    assert_int_equal(ref_softmax_s8(&good, NULL, &out), BT_EINVAL);
    assert_int_equal(ref_softmax_s8(&good, &in, NULL), BT_EINVAL);
    assert_int_equal(ref_softmax_s16(&good_s16, NULL, &out_s16), BT_EINVAL);
    assert_int_equal(ref_softmax_s16(&good_s16, &in_s16, NULL), BT_EINVAL);
    assert_int_equal(out, 99);
    assert_int_equal(out_s16, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixed_point),      cmocka_unit_test(test_fixed_point_bits), cmocka_unit_test(test_scale),
        cmocka_unit_test(test_s8_follows_reals), cmocka_unit_test(test_s8_edges),         cmocka_unit_test(test_s16),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("softmax", tests, NULL, NULL);
}
