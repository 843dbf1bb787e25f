/* The float convolution against its definition, one product after the other: equal bits, on every instruction set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reference/common/bt_conv2d.h"
#include "reference/graph/float_conv.h"

#define LAYERS 300

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static int32_t between(uint64_t *state, int32_t min, int32_t max)
{
    return min + (int32_t)(next_random(state) % ((uint64_t)max - min + 1));
}

/* Of many magnitudes, so that another order or a fused product shows; and both zeros. */
static float *values(uint64_t *state, int64_t count)
{
    float *made = malloc((size_t)count * sizeof(float));
    assert_non_null(made);
    for (int64_t i = 0; i < count; i++) {
        const float value = (float)between(state, -8388607, 8388607) / (float)(1 << between(state, 0, 30));
        made[i] = between(state, 0, 9) == 0 ? (between(state, 0, 1) == 0 ? 0.0f : -0.0f) : value;
    }
    return made;
}

static void define(const struct bt_conv2d *conv, const float *in, const float *weights, const float *bias, float *out)
{
    const int32_t depth = conv->c_in / conv->groups;
    for (int32_t oy = 0; oy < bt_conv2d_oh(conv); oy++) {
        for (int32_t ox = 0; ox < bt_conv2d_ow(conv); ox++) {
            for (int32_t oc = 0; oc < conv->c_out; oc++) {
                const float *weight = weights + (int64_t)oc * conv->kh * conv->kw * depth;
                float sum = bias[oc];
                for (int32_t ky = 0; ky < conv->kh; ky++) {
                    for (int32_t kx = 0; kx < conv->kw; kx++) {
                        const int32_t y = oy * conv->stride_h - conv->pad_top + ky * conv->dil_h;
                        const int32_t x = ox * conv->stride_w - conv->pad_left + kx * conv->dil_w;
                        for (int32_t c = 0; c < depth; c++, weight++) {
                            const int32_t channel = oc / (conv->c_out / conv->groups) * depth + c;
                            if (y >= 0 && y < conv->h && x >= 0 && x < conv->w) {
                                sum += in[((int64_t)y * conv->w + x) * conv->c_in + channel] * *weight;
                            }
                        }
                    }
                }
                *out++ = sum;
            }
        }
    }
}

static bool make_layer(uint64_t *state, struct bt_conv2d *conv)
{
    const int32_t kind = between(state, 0, 3); /* depthwise, grouped, else dense */
    const int32_t groups = kind == 0 ? between(state, 2, 40) : kind == 1 ? between(state, 2, 4) : 1;
    *conv = bt_conv2d_1x1(between(state, 1, 12), between(state, 1, 30), groups * (kind == 0 ? 1 : between(state, 1, 9)),
                          groups * (kind == 0 ? between(state, 1, 2) : between(state, 1, 40)));
    conv->groups = groups;
    conv->kh = between(state, 1, 4);
    conv->kw = between(state, 1, 4);
    conv->stride_h = between(state, 1, 3);
    conv->stride_w = between(state, 1, 3);
    conv->dil_h = between(state, 1, 2);
    conv->dil_w = between(state, 1, 2);
    conv->pad_top = between(state, 0, 3);
    conv->pad_bottom = between(state, 0, 3);
    conv->pad_left = between(state, 0, 8); /* windows that lie in the padding altogether */
    conv->pad_right = between(state, 0, 8);
    return bt_conv2d_check(conv, NULL) == BT_OK;
}

static void test_equals_definition(void **state)
{
    (void)state;
    uint64_t seed = 41;
    int made = 0;
    while (made < LAYERS) {
        struct bt_conv2d conv;
        if (!make_layer(&seed, &conv)) {
            continue;
        }
        made++;
        float *in = values(&seed, bt_conv2d_ifmap_elems(&conv));
        float *weights = values(&seed, bt_conv2d_weight_elems(&conv));
        float *bias = values(&seed, conv.c_out);
        const size_t bytes = (size_t)bt_conv2d_ofmap_elems(&conv) * sizeof(float);
        float *expected = malloc(bytes);
        float *got = malloc(bytes);
        assert_true(expected != NULL && got != NULL);
        define(&conv, in, weights, bias, expected);
        for (enum ref_isa isa = REF_ISA_BASE; isa < REF_ISA_COUNT; isa++) {
            struct bt_float_conv *one = NULL;
            if (!ref_isa_available(isa)) {
                assert_int_equal(bt_float_conv_new(&conv, weights, bias, isa, &one), BT_EINVAL);
                continue;
            }
            memset(got, 0xA5, bytes);
            assert_int_equal(bt_float_conv_new(&conv, weights, bias, isa, &one), BT_OK);
            bt_float_conv_run(one, in, got);
            bt_float_conv_free(one);
            assert_memory_equal(got, expected, bytes);
        }
        free(in);
        free(weights);
        free(bias);
        free(expected);
        free(got);
    }
    bt_float_conv_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_definition),
    };
    return cmocka_run_group_tests_name("float_conv", tests, NULL, NULL);
}
