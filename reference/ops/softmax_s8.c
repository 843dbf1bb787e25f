#include "reference/ops/softmax_s8.h"

#include <math.h>
#include <stddef.h>

#include "reference/ops/fixed_point.h"
#include "reference/ops/quantise_multiplier.h"
#include "reference/ops/requantise.h"

#define SCALED_DIFF_INTEGER_BITS 5
#define ACCUMULATION_INTEGER_BITS 12
#define MAX_ROW_SIZE ((1 << ACCUMULATION_INTEGER_BITS) - 1)

/* exp(x - max), 0 integer bits, for one difference of at least diff_min. */
static int32_t exponential(const struct ref_softmax_s8 *softmax, int32_t diff)
{
    const int32_t headroom = ref_saturating_shift_left(diff, softmax->shift);
    return ref_exp_on_negative_values_q5(ref_saturating_rounding_doubling_high_mul(headroom, softmax->mult));
}

static void softmax_row(const struct ref_softmax_s8 *softmax, const int8_t *in, int8_t *out)
{
    int32_t max = INT8_MIN;
    for (int32_t i = 0; i < softmax->row_size; i++) {
        max = in[i] > max ? in[i] : max;
    }
    int32_t sum = 0;
    for (int32_t i = 0; i < softmax->row_size; i++) {
        if (in[i] - max >= softmax->diff_min) {
            sum += ref_rounding_divide_by_pot(exponential(softmax, in[i] - max), ACCUMULATION_INTEGER_BITS);
        }
    }
    /* sum = 2^bits_over_unit * (1 + fraction); the maximum itself contributed 1, so sum is not 0. */
    const int32_t headroom = ref_count_leading_zeros((uint32_t)sum);
    const int32_t bits_over_unit = ACCUMULATION_INTEGER_BITS - headroom;
    const int32_t fraction = (int32_t)(((uint32_t)sum << headroom) - (UINT32_C(1) << 31));
    const int32_t reciprocal = ref_one_over_one_plus_x(fraction);

    for (int32_t i = 0; i < softmax->row_size; i++) {
        int32_t q = INT8_MIN;
        if (in[i] - max >= softmax->diff_min) {
            const int32_t share =
                ref_saturating_rounding_doubling_high_mul(reciprocal, exponential(softmax, in[i] - max));
            /* Where more than 512 equal inputs share the unit, each is below half a step: beyond 31 the rest is 0. */
            const int32_t exponent = bits_over_unit + 31 - 8;
            q = exponent <= 31 ? ref_rounding_divide_by_pot(share, exponent) : 0;
            q = ref_offset_clamp(q, INT8_MIN, INT8_MIN, INT8_MAX);
        }
        out[i] = (int8_t)q;
    }
}

enum bt_status ref_softmax_s8(const struct ref_softmax_s8 *softmax, const int8_t *in, int8_t *out)
{
    if (softmax == NULL || in == NULL || out == NULL || softmax->rows < 1 || softmax->row_size < 1 ||
        softmax->row_size > MAX_ROW_SIZE || softmax->mult < 0 || softmax->shift < 0 || softmax->shift > 30 ||
        softmax->diff_min < -255 || softmax->diff_min > 0) {
        return BT_EINVAL;
    }
    for (int64_t row = 0; row < softmax->rows; row++) {
        softmax_row(softmax, in + row * softmax->row_size, out + row * softmax->row_size);
    }
    return BT_OK;
}

enum bt_status ref_softmax_s8_scale(double in_scale, double beta, struct ref_softmax_s8 *softmax)
{
    const int32_t fractional_bits = 31 - SCALED_DIFF_INTEGER_BITS;
    int32_t mult = 0;
    int32_t shift = 0;
    const double real = in_scale * beta * (1 << fractional_bits);
    if (softmax == NULL || !(real >= 1) || ref_quantise_multiplier(real, &mult, &shift) != BT_OK) {
        return BT_EINVAL;
    }
    const double largest = (double)((1 << SCALED_DIFF_INTEGER_BITS) - 1) * (1 << fractional_bits);
    const double radius = floor(ldexp(largest, -shift));
    softmax->mult = mult;
    softmax->shift = shift;
    softmax->diff_min = -(int32_t)fmin(radius, 255);
    return BT_OK;
}
