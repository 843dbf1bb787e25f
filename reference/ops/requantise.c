#include "reference/ops/requantise.h"

#include <stddef.h>

/* Right shifts of negative values are arithmetic on every compiler that builds this (GCC, Clang). */

static int32_t saturate_s32(int64_t x)
{
    return x > INT32_MAX ? INT32_MAX : x < INT32_MIN ? INT32_MIN : (int32_t)x;
}

int32_t ref_saturating_rounding_doubling_high_mul(int32_t a, int32_t b)
{
    /* gemmlowp nudges by 1 - 2^30 and truncates where the product is negative: the same as one nudge and a floor. */
    return saturate_s32(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

int32_t ref_rounding_divide_by_pot(int32_t x, int32_t exponent)
{
    const int32_t mask = (int32_t)((INT64_C(1) << exponent) - 1);
    const int32_t remainder = x & mask;
    const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
    return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

int32_t ref_requantise(int32_t acc, int32_t mult, int32_t shift, enum bt_rounding rounding)
{
    if (rounding == BT_ROUND_SINGLE) {
        const int32_t total_shift = 31 - shift;
        return saturate_s32(((int64_t)acc * mult + (INT64_C(1) << (total_shift - 1))) >> total_shift);
    }
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    const int32_t shifted = saturate_s32(acc * (INT64_C(1) << left));
    return ref_rounding_divide_by_pot(ref_saturating_rounding_doubling_high_mul(shifted, mult), right);
}

int32_t ref_requantise_s64(int64_t acc, int32_t mult, int32_t shift)
{
    const int32_t reduced = mult < 0x7FFF0000 ? (mult + (1 << 15)) >> 16 : 0x7FFF;
    const int32_t total_shift = 15 - shift;
    return saturate_s32((acc * reduced + (INT64_C(1) << (total_shift - 1))) >> total_shift);
}

int32_t ref_offset_clamp(int32_t value, int32_t zero_point, int32_t min, int32_t max)
{
    const int64_t moved = (int64_t)value + zero_point;
    return moved < min ? min : moved > max ? max : (int32_t)moved;
}

int8_t ref_conv2d_finish(const struct bt_conv2d *conv, int32_t acc, int32_t mult, int32_t shift, const int8_t *table)
{
    const int32_t scaled = ref_requantise(acc, mult, shift, conv->rounding);
    const int32_t q = ref_offset_clamp(scaled, conv->out_zp, conv->act_min, conv->act_max);
    return table != NULL ? table[q + 128] : (int8_t)q;
}
