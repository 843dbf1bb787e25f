/* Addition, multiplication, concatenation, upsampling: by hand, and what they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "reference/ops/add_s16.h"
#include "reference/ops/add_s8.h"
#include "reference/ops/concat_s8.h"
#include "reference/ops/mul_s16.h"
#include "reference/ops/mul_s8.h"
#include "reference/ops/upsample_nearest_s8.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define HALF (1 << 30)

/* Equal scales on all three: TFLite then gives both inputs 1/2, and the output 2 / 2^20. */
static struct ref_add plain_add(int64_t elems)
{
    return (struct ref_add){
        .elems = elems,
        .left_shift = 20,
        .in1_mult = HALF,
        .in2_mult = HALF,
        .out_mult = HALF,
        .out_shift = -18,
        .act_min = -128,
        .act_max = 127,
    };
}

static void test_add_s8(void **state)
{
    (void)state;
    const int8_t a[] = {0, 1, 100, -100, 127, -128, 5};
    const int8_t b[] = {0, 2, 100, -100, -127, 127, -8};
    const int8_t sums[] = {0, 3, 127, -128, 0, -1, -3};
    int8_t out[COUNT(a)];
    struct ref_add add = plain_add(COUNT(a));
    assert_int_equal(ref_add_s8(&add, a, b, out), BT_OK);
    assert_memory_equal(out, sums, sizeof(sums));

    /* Zero points 10, -20, 3 and half the output: (a - 10 + b + 20) / 2 + 3, ties away from zero (the second rounding). */
    add.in1_zp = 10;
    add.in2_zp = -20;
    add.out_zp = 3;
    add.out_shift = -19;
    const int8_t halves[] = {8, 10, 108, -92, 8, 8, 7}; /* 5+3, 6.5, 105, -95, 5, 4.5, 3.5 */
    assert_int_equal(ref_add_s8(&add, a, b, out), BT_OK);
    assert_memory_equal(out, halves, sizeof(halves));

    add.act_min = 0;
    add.act_max = 50;
    const int8_t clamped[] = {8, 10, 50, 0, 8, 8, 7};
    memcpy(out, a, sizeof(a));
    assert_int_equal(ref_add_s8(&add, out, b, out), BT_OK); /* in place */
    assert_memory_equal(out, clamped, sizeof(clamped));
}

static void test_add_s16(void **state)
{
    (void)state;
    const int16_t a[] = {0, 1, 30000, -32768, 32767, -32768};
    const int16_t b[] = {0, 2, 30000, -32768, -32767, 32767};
    const int16_t sums[] = {0, 3, 32767, -32768, 0, -1};
    int16_t out[COUNT(a)];
    struct ref_add add = plain_add(COUNT(a));
    add.left_shift = 15;
    add.out_shift = -13;
    add.act_min = -32768;
    add.act_max = 32767;
    assert_int_equal(ref_add_s16(&add, a, b, out), BT_OK);
    assert_memory_equal(out, sums, sizeof(sums));
}

static void test_mul(void **state)
{
    (void)state;
    const int8_t a[] = {0, 3, -3, 127, -128, -128};
    const int8_t b[] = {5, 5, 5, 127, -128, 127};
    struct ref_mul mul = {.elems = COUNT(a), .mult = HALF, .shift = 0, .act_min = -128, .act_max = 127};
    int8_t out[COUNT(a)];
    const int8_t halves[] = {0, 8, -7, 127, 127, -128}; /* 7.5 and -7.5 upwards */
    assert_int_equal(ref_mul_s8(&mul, a, b, out), BT_OK);
    assert_memory_equal(out, halves, sizeof(halves));
    mul.in1_zp = -128;
    mul.in2_zp = 127;
    mul.out_zp = 100;
    mul.shift = -7; /* (a + 128) (b - 127) / 256 + 100 */
    const int8_t moved[] = {39, 38, 40, 100, 100, 100};
    assert_int_equal(ref_mul_s8(&mul, a, b, out), BT_OK);
    assert_memory_equal(out, moved, sizeof(moved));

    const int16_t wide_a[] = {-32768, -32768, 32767, 1, 3};
    const int16_t wide_b[] = {-32768, 32767, 32767, 16384, 16384};
    const struct ref_mul q15 = {
        .elems = COUNT(wide_a), .mult = HALF, .shift = -14, .act_min = -32768, .act_max = 32767};
    const int16_t products[] = {32767, -32767, 32766, 1, 2}; /* 0.5 and 1.5: away from zero */
    int16_t wide_out[COUNT(wide_a)];
    assert_int_equal(ref_mul_s16(&q15, wide_a, wide_b, wide_out), BT_OK);
    assert_memory_equal(wide_out, products, sizeof(products));
}

static void test_add_and_mul_refusals(void **state)
{
    (void)state;
#define ADD(member, value)                                                                                             \
    {                                                                                                                  \
        offsetof(struct ref_add, member), value                                                                        \
    }
    static const struct {
        size_t field;
        int32_t value;
    } adds[] = {
        ADD(in1_zp, 128),   ADD(in2_zp, -129),  ADD(out_zp, 128),  ADD(left_shift, 23), ADD(left_shift, -1),
        ADD(in1_mult, -1),  ADD(in2_mult, -1),  ADD(out_mult, -1), ADD(in1_shift, 1),   ADD(in2_shift, -32),
        ADD(out_shift, 31), ADD(act_min, -129), ADD(act_max, 128), ADD(act_max, -129),  ADD(rounding, 2),
    };
#undef ADD
#define MUL(member, value)                                                                                             \
    {                                                                                                                  \
        offsetof(struct ref_mul, member), value                                                                        \
    }
    static const struct {
        size_t field;
        int32_t value;
    } muls[] = {
        MUL(in1_zp, 128), MUL(in2_zp, -129),  MUL(out_zp, 128),  MUL(mult, -1),    MUL(shift, 31),
        MUL(shift, -32),  MUL(act_min, -129), MUL(act_max, 128), MUL(rounding, 2),
    };
#undef MUL
    const int8_t in = 1;
    const int16_t wide_in = 1;
    int8_t out = 99;
    int16_t wide_out = 99;
    for (size_t i = 0; i < COUNT(adds); i++) {
        struct ref_add add = plain_add(1);
        *(int32_t *)((char *)&add + adds[i].field) = adds[i].value;
        assert_int_equal(ref_add_s8(&add, &in, &in, &out), BT_EINVAL);
    }
    for (size_t i = 0; i < COUNT(muls); i++) {
        struct ref_mul mul = {.elems = 1, .mult = HALF, .act_max = 127};
        *(int32_t *)((char *)&mul + muls[i].field) = muls[i].value;
        assert_int_equal(ref_mul_s8(&mul, &in, &in, &out), BT_EINVAL);
    }
    struct ref_add add = plain_add(0);
    struct ref_mul mul = {.mult = HALF, .act_max = 127};
    assert_int_equal(ref_add_s8(&add, &in, &in, &out), BT_EINVAL);
    assert_int_equal(ref_mul_s8(&mul, &in, &in, &out), BT_EINVAL);
    add.elems = mul.elems = 1;
    add.left_shift = 15;
    assert_int_equal(ref_add_s8(&add, NULL, &in, &out), BT_EINVAL);
    assert_int_equal(ref_add_s8(&add, &in, NULL, &out), BT_EINVAL);
    assert_int_equal(ref_add_s8(&add, &in, &in, NULL), BT_EINVAL);
    assert_int_equal(ref_mul_s8(NULL, &in, &in, &out), BT_EINVAL);
    assert_int_equal(ref_add_s16(&add, &wide_in, &wide_in, &wide_out), BT_OK);
    wide_out = 99;
    add.in1_zp = 1; /* 16-bit tensors are symmetric */
    mul.out_zp = 1;
    assert_int_equal(ref_add_s16(&add, &wide_in, &wide_in, &wide_out), BT_EINVAL);
    assert_int_equal(ref_mul_s16(&mul, &wide_in, &wide_in, &wide_out), BT_EINVAL);
    add.in1_zp = 0;
    add.left_shift = 16;
    assert_int_equal(ref_add_s16(&add, &wide_in, &wide_in, &wide_out), BT_EINVAL);
    assert_int_equal(out, 99);
    assert_int_equal(wide_out, 99);
}

static void test_concat(void **state)
{
    (void)state;
    const int8_t a[] = {-128, 127, 1, 2}; /* two pixels of two channels, copied */
    const int8_t b[] = {11, -10};         /* two pixels of one channel: half of (b - 10), plus -5 */
    struct ref_concat_input inputs[] = {
        {.data = a, .c = 2, .zp = -5, .mult = HALF, .shift = 1},
        {.data = b, .c = 1, .zp = 10, .mult = HALF, .shift = 0},
    };
    struct ref_concat concat = {.pixels = 2, .count = 2, .out_zp = -5};
    int8_t out[6];
    const int8_t expected[] = {-128, 127, -4, 1, 2, -15}; /* 0.5 upwards; -20/2 - 5 */
    assert_int_equal(ref_concat_s8(&concat, inputs, out), BT_OK);
    assert_memory_equal(out, expected, sizeof(expected));
    concat.out_zp = 0;
    const int8_t saturated[] = {-123, 127, 1, 6, 7, -10};
    assert_int_equal(ref_concat_s8(&concat, inputs, out), BT_OK);
    assert_memory_equal(out, saturated, sizeof(saturated));

    for (int i = 0; i < 10; i++) {
        struct ref_concat_input bad[] = {inputs[0], inputs[1]};
        struct ref_concat shape = concat;
        bad[1].data = i == 0 ? NULL : bad[1].data;
        bad[1].c = i == 1 ? 0 : bad[1].c;
        bad[1].zp = i == 2 ? 128 : bad[1].zp;
        bad[1].mult = i == 3 ? -1 : bad[1].mult;
        bad[1].shift = i == 4 ? 31 : i == 5 ? -32 : bad[1].shift;
        shape.pixels = i == 6 ? 0 : shape.pixels;
        shape.count = i == 7 ? 0 : shape.count;
        shape.out_zp = i == 8 ? -129 : shape.out_zp;
        assert_int_equal(ref_concat_s8(i == 9 ? NULL : &shape, bad, out), BT_EINVAL);
    }
    assert_int_equal(ref_concat_s8(&concat, NULL, out), BT_EINVAL);
    assert_int_equal(ref_concat_s8(&concat, inputs, NULL), BT_EINVAL);
    assert_memory_equal(out, saturated, sizeof(saturated));
}

static void test_upsample(void **state)
{
    (void)state;
    const int8_t ifmap[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}; /* 2 x 2 x 2 x 2 */
    const struct ref_upsample good = {.n = 2, .h = 2, .w = 2, .c = 2, .factor_h = 2, .factor_w = 3};
    int8_t expected[96];
    int8_t *next = expected;
    for (int row = 0; row < 8; row++) { /* each of the four input rows twice, each of its two pixels three times */
        for (int column = 0; column < 6; column++) {
            *next++ = ifmap[row / 2 * 4 + column / 3 * 2];
            *next++ = ifmap[row / 2 * 4 + column / 3 * 2 + 1];
        }
    }
    int8_t out[sizeof(expected)];
    assert_int_equal(ref_upsample_nearest_s8(&good, ifmap, out), BT_OK);
    assert_memory_equal(out, expected, sizeof(expected));
    for (int i = 0; i < 8; i++) {
        struct ref_upsample bad = good;
        bad.n = i == 0 ? 0 : bad.n;
        bad.h = i == 1 ? 65537 : bad.h;
        bad.w = i == 2 ? -1 : bad.w;
        bad.c = i == 3 ? 0 : bad.c;
        bad.factor_h = i == 4 ? 0 : i == 5 ? 65537 : bad.factor_h;
        bad.factor_w = i == 6 ? 32769 : bad.factor_w; /* 65538 columns */
        assert_int_equal(ref_upsample_nearest_s8(i == 7 ? NULL : &bad, ifmap, out), BT_EINVAL);
    }
    assert_int_equal(ref_upsample_nearest_s8(&good, NULL, out), BT_EINVAL);
    assert_int_equal(ref_upsample_nearest_s8(&good, ifmap, NULL), BT_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_s8), cmocka_unit_test(test_add_s16),
        cmocka_unit_test(test_mul),    cmocka_unit_test(test_add_and_mul_refusals),
        cmocka_unit_test(test_concat), cmocka_unit_test(test_upsample),
    };
    return cmocka_run_group_tests_name("elementwise", tests, NULL, NULL);
}
