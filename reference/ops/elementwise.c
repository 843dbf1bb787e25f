#include "reference/ops/elementwise.h"

#include <stddef.h>

#include "reference/ops/requantise.h"

static bool within(int64_t value, int64_t min, int64_t max)
{
    return value >= min && value <= max;
}

static bool rounding_valid(enum bt_rounding rounding)
{
    return rounding == BT_ROUND_DOUBLE || rounding == BT_ROUND_SINGLE;
}

/* 16-bit tensors are symmetric: their zero points are 0, which keeps differences and products in 32 bits. */
static bool zero_point_valid(int32_t zero_point, int32_t min, int32_t max)
{
    return max > INT8_MAX ? zero_point == 0 : within(zero_point, min, max);
}

bool ref_add_valid(const struct ref_add *add, int32_t min, int32_t max, int32_t max_left_shift)
{
    return add != NULL && add->elems >= 1 && zero_point_valid(add->in1_zp, min, max) &&
           zero_point_valid(add->in2_zp, min, max) && zero_point_valid(add->out_zp, min, max) &&
           within(add->left_shift, 0, max_left_shift) && add->in1_mult >= 0 && add->in2_mult >= 0 &&
           add->out_mult >= 0 && within(add->in1_shift, -31, 0) && within(add->in2_shift, -31, 0) &&
           within(add->out_shift, -31, 30) && within(add->act_min, min, add->act_max) && add->act_max <= max &&
           rounding_valid(add->rounding);
}

bool ref_mul_valid(const struct ref_mul *mul, int32_t min, int32_t max)
{
    return mul != NULL && mul->elems >= 1 && zero_point_valid(mul->in1_zp, min, max) &&
           zero_point_valid(mul->in2_zp, min, max) && zero_point_valid(mul->out_zp, min, max) && mul->mult >= 0 &&
           within(mul->shift, -31, 30) && within(mul->act_min, min, mul->act_max) && mul->act_max <= max &&
           rounding_valid(mul->rounding);
}

int32_t ref_add_element(const struct ref_add *add, int32_t x1, int32_t x2)
{
    const int32_t headroom = 1 << add->left_shift;
    const int32_t scaled1 = ref_requantise((x1 - add->in1_zp) * headroom, add->in1_mult, add->in1_shift, add->rounding);
    const int32_t scaled2 = ref_requantise((x2 - add->in2_zp) * headroom, add->in2_mult, add->in2_shift, add->rounding);
    /* Only two int16 minima with multipliers of 1 reach 2^31; no TFLite scale gives those. */
    const int32_t sum = ref_offset_clamp(scaled1, scaled2, INT32_MIN, INT32_MAX);
    const int32_t scaled = ref_requantise(sum, add->out_mult, add->out_shift, add->rounding);
    return ref_offset_clamp(scaled, add->out_zp, add->act_min, add->act_max);
}

int32_t ref_mul_element(const struct ref_mul *mul, int32_t x1, int32_t x2)
{
    const int32_t product = (x1 - mul->in1_zp) * (x2 - mul->in2_zp);
    const int32_t scaled = ref_requantise(product, mul->mult, mul->shift, mul->rounding);
    return ref_offset_clamp(scaled, mul->out_zp, mul->act_min, mul->act_max);
}
