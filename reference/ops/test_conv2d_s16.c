/* 16-bit convolution: by hand, both kinds of requantisation, and what it refuses. Bits: see test_vectors.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reference/ops/conv2d_s16.h"

static struct bt_conv2d pointwise(int32_t c_in)
{
    return (struct bt_conv2d){
        .n = 1,
        .h = 1,
        .w = 1,
        .c_in = c_in,
        .c_out = 1,
        .kh = 1,
        .kw = 1,
        .stride_h = 1,
        .stride_w = 1,
        .dil_h = 1,
        .dil_w = 1,
        .groups = 1,
        .act_min = -32768,
        .act_max = 32767,
    };
}

static void test_by_hand(void **state)
{
    (void)state;
    const int16_t ifmap[] = {-32768, 32767, 100};
    const int8_t weights[] = {127, -127, 1};
    const int64_t bias[] = {322739}; /* the sum is -8322945 + 100 + 322739 = -8000106 */
    const int32_t mult[] = {INT32_MAX};
    const int32_t shift[] = {-8};
    const struct ref_conv2d_s16_data data = {
        .ifmap = ifmap, .weights = weights, .bias = bias, .mult = mult, .shift = shift};
    struct bt_conv2d conv = pointwise(3);
    int16_t out = 0;
    assert_int_equal(ref_conv2d_s16(&conv, &data, REF_S16_BIAS_S32, &out), BT_OK);
    assert_int_equal(out, -31250); /* -31250.41 */
    assert_int_equal(ref_conv2d_s16(&conv, &data, REF_S16_BIAS_S64, &out), BT_OK);
    assert_int_equal(out, -31249); /* times 32767 / 32768: -31249.46 */
    conv.act_min = -9999;
    assert_int_equal(ref_conv2d_s16(&conv, &data, REF_S16_BIAS_S64, &out), BT_OK);
    assert_int_equal(out, -9999);
}

static void test_sums_beyond_32_bits(void **state)
{
    (void)state;
    enum { DEPTH = 600 };
    static int16_t ifmap[DEPTH];
    static int8_t weights[DEPTH];
    const int32_t mult[] = {1 << 30};
    const int32_t shift[] = {-16};
    for (int i = 0; i < DEPTH; i++) {
        ifmap[i] = -32768;
        weights[i] = 127;
    }
    const struct ref_conv2d_s16_data data = {.ifmap = ifmap, .weights = weights, .mult = mult, .shift = shift};
    const struct bt_conv2d conv = pointwise(DEPTH);
    int16_t out = 0;
    assert_int_equal(ref_conv2d_s16(&conv, &data, REF_S16_BIAS_S32, &out), BT_EOVERFLOW);
    assert_int_equal(ref_conv2d_s16(&conv, &data, REF_S16_BIAS_S64, &out), BT_OK);
    assert_int_equal(out, -19050);   /* -600 * 127 * 2^15 / 2^17 */
    memset(ifmap, 0, sizeof(ifmap)); /* for 32-bit biases the sums themselves count, not the bound */
    assert_int_equal(ref_conv2d_s16(&conv, &data, REF_S16_BIAS_S32, &out), BT_OK);
    assert_int_equal(out, 0);
}

static void test_refusals(void **state)
{
    (void)state;
    const int16_t ifmap[] = {1};
    const int8_t weights[] = {1};
    for (int i = 0; i < 18; i++) {
        int64_t bias[] = {i == 0 ? INT64_C(1) << 46 : i == 1 ? -(INT64_C(1) << 46) : 0};
        int32_t mult[] = {i == 2 ? -1 : 1 << 30};
        int32_t shift[] = {i == 3 ? 8 : i == 4 ? -32 : 1};
        struct ref_conv2d_s16_data data = {
            .ifmap = ifmap, .weights = weights, .bias = bias, .mult = mult, .shift = shift};
        struct bt_conv2d conv = pointwise(1);
        int16_t out = 99;
        data.ifmap = i == 5 ? NULL : data.ifmap;
        data.weights = i == 6 ? NULL : data.weights;
        data.mult = i == 7 ? NULL : data.mult;
        data.shift = i == 8 ? NULL : data.shift;
        conv.in_zp = i == 9 ? 1 : 0;
        conv.out_zp = i == 10 ? 1 : 0;
        conv.table = i == 11;
        conv.raw = i == 12;
        conv.act_min = i == 13 ? -32769 : -32768;
        conv.act_max = i == 14 ? 32768 : i == 15 ? -32769 : 32767;
        conv.kh = i == 16 ? 2 : 1;
        const enum bt_status status = ref_conv2d_s16(&conv, &data, REF_S16_BIAS_S64, i == 17 ? NULL : &out);
        assert_int_equal(status, BT_EINVAL);
        assert_int_equal(out, 99);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_sums_beyond_32_bits),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("conv2d_s16", tests, NULL, NULL);
}
