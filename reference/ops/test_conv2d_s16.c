/* 16-bit convolution: by hand, both kinds of requantisation, and what it refuses. Bits: see test_vectors.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reference/common/bt_conv2d.h"
#include "reference/ops/conv2d_s16.h"
#include "reference/ops/requantise.h"

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
    const int16_t weights[] = {127, -127, 1};
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
    static int16_t weights[DEPTH];
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

/* 16-bit weights to their ends, by a plain sum: every length of run, windows that hang over every edge, groups, dilation. */
static void test_against_plain_sums(void **state)
{
    (void)state;
    static const struct {
        int32_t h, w, c_in, c_out, k, stride, dil, pad, groups;
        int16_t fill; /* all of ifmap and weights; 0: pseudo-random over all of int16 */
    } cases[] = {
        {5, 6, 3, 4, 3, 1, 1, 1, 1, 0},    {7, 7, 8, 2, 5, 2, 1, 2, 1, 0},       {6, 5, 4, 6, 3, 1, 2, 2, 2, 0},
        {4, 4, 6, 6, 3, 1, 1, 1, 6, 0},    {1, 1, 1000, 3, 1, 1, 1, 0, 1, 0},    {3, 3, 100, 2, 3, 1, 1, 1, 1, -32768},
        {3, 3, 86, 2, 3, 1, 1, 1, 1, 255}, {2, 3, 257, 1, 1, 1, 1, 0, 1, 32767}, {4, 9, 2, 1, 4, 3, 2, 3, 1, 0},
    };
    enum { MOST = 4096 };
    static int16_t ifmap[MOST], weights[MOST], ofmap[MOST];
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_conv2d conv = pointwise(cases[i].c_in);
        conv.h = cases[i].h;
        conv.w = cases[i].w;
        conv.c_out = cases[i].c_out;
        conv.kh = conv.kw = cases[i].k;
        conv.stride_h = conv.stride_w = cases[i].stride;
        conv.dil_h = conv.dil_w = cases[i].dil;
        conv.pad_top = conv.pad_bottom = conv.pad_left = conv.pad_right = cases[i].pad;
        conv.groups = cases[i].groups;
        for (int e = 0; e < MOST; e++) {
            random = random * 1664525u + 1013904223u;
            ifmap[e] = cases[i].fill != 0 ? cases[i].fill : (int16_t)(random >> 16);
            random = random * 1664525u + 1013904223u;
            weights[e] = cases[i].fill != 0 ? cases[i].fill : (int16_t)(random >> 16);
        }
        const int64_t bias[6] = {0, 1, -1, INT32_MAX, INT32_MIN, 12345};
        const int32_t mult[6] = {1 << 30, INT32_MAX, 1 << 30, 3 << 29, 1 << 30, 1 << 30};
        const int32_t shift[6] = {-18, -20, -19, -18, -21, -20};
        const struct ref_conv2d_s16_data data = {ifmap, weights, bias, mult, shift};
        assert_true(bt_conv2d_ifmap_elems(&conv) <= MOST && bt_conv2d_weight_elems(&conv) <= MOST);
        assert_int_equal(ref_conv2d_s16(&conv, &data, REF_S16_BIAS_S64, ofmap), BT_OK);
        const int32_t depth = conv.c_in / conv.groups;
        const int16_t *got = ofmap;
        for (int32_t y = 0; y < bt_conv2d_oh(&conv); y++) {
            for (int32_t x = 0; x < bt_conv2d_ow(&conv); x++) {
                for (int32_t oc = 0; oc < conv.c_out; oc++) {
                    int64_t sum = bias[oc];
                    for (int32_t t = 0; t < conv.kh * conv.kw * depth; t++) {
                        const int32_t iy = y * conv.stride_h - conv.pad_top + t / depth / conv.kw * conv.dil_h;
                        const int32_t ix = x * conv.stride_w - conv.pad_left + t / depth % conv.kw * conv.dil_w;
                        const int32_t ic = oc / (conv.c_out / conv.groups) * depth + t % depth;
                        if (iy >= 0 && iy < conv.h && ix >= 0 && ix < conv.w) {
                            sum += (int64_t)ifmap[(iy * conv.w + ix) * conv.c_in + ic] *
                                   weights[oc * conv.kh * conv.kw * depth + t];
                        }
                    }
                    const int32_t scaled = ref_requantise_s64(sum, mult[oc], shift[oc]);
                    assert_int_equal(*got++, ref_offset_clamp(scaled, 0, -32768, 32767));
                }
            }
        }
    }
}

/* Exactly the last filter that 48 bits hold for certain. */
static void test_bound(void **state)
{
    (void)state;
    enum { DEPTH = 1 << 16 };
    static int16_t weights[2 * DEPTH];
    static const int16_t ifmap[2 * DEPTH] = {0};
    const int32_t mult[] = {1 << 30};
    const int32_t shift[] = {-31};
    struct bt_reason why = {0};
    struct bt_conv2d conv = pointwise(DEPTH);
    conv.w = conv.kw = 2;
    for (int i = 0; i < 2 * DEPTH; i++) {
        weights[i] = -32768;
    }
    weights[0] = -32767;
    int64_t bias[] = {(1 << 15) - 1};
    const struct ref_conv2d_s16_data data = {ifmap, weights, bias, mult, shift};
    assert_int_equal(ref_conv2d_s16_check(&conv, &data, &why), BT_OK);
    bias[0] = -(1 << 15);
    assert_int_equal(ref_conv2d_s16_check(&conv, &data, &why), BT_EOVERFLOW);
    assert_true(why.got == INT64_C(1) << 47 && why.limit == (INT64_C(1) << 47) - 1);
}

static void test_refusals(void **state)
{
    (void)state;
    const int16_t ifmap[] = {1};
    const int16_t weights[] = {1};
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
        cmocka_unit_test(test_against_plain_sums),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("conv2d_s16", tests, NULL, NULL);
}
