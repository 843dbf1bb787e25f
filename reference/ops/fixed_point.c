#include "reference/ops/fixed_point.h"

#include <stddef.h>

#include "reference/ops/requantise.h"

int32_t ref_count_leading_zeros(uint32_t x)
{
    int32_t zeros = 0;
    for (uint32_t bit = UINT32_C(1) << 31; bit != 0 && (x & bit) == 0; bit >>= 1) {
        zeros++;
    }
    return zeros;
}

int32_t ref_saturating_shift_left(int32_t x, int32_t exponent)
{
    const int64_t shifted = x * (INT64_C(1) << exponent);
    return shifted > INT32_MAX ? INT32_MAX : shifted < INT32_MIN ? INT32_MIN : (int32_t)shifted;
}

/* The product of raw values with I and J integer bits has I + J of them. */
static int32_t product(int32_t a, int32_t b)
{
    return ref_saturating_rounding_doubling_high_mul(a, b);
}

/* exp(a) for a in [-1/4, 0), 0 integer bits: Taylor to the fourth order around -1/8. */
static int32_t exp_on_last_quarter(int32_t a)
{
    const int32_t exp_of_minus_eighth = 1895147668;
    const int32_t third = 715827883;
    const int32_t x = a + (1 << 28);
    const int32_t x2 = product(x, x);
    const int32_t x3 = product(x2, x);
    const int32_t x4 = product(x2, x2);
    const int32_t x4_over_4 = ref_rounding_divide_by_pot(x4, 2);
    const int32_t tail = ref_rounding_divide_by_pot(product(x4_over_4 + x3, third) + x2, 1);
    return ref_offset_clamp(exp_of_minus_eighth, product(exp_of_minus_eighth, x + tail), INT32_MIN, INT32_MAX);
}

int32_t ref_exp_on_negative_values_q5(int32_t a)
{
    /* exp(-2^k) for k = -2..4, 0 integer bits: the factors of the bits above a quarter. */
    static const int32_t factors[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    const int32_t fractional_bits = 26;
    const int32_t quarter = 1 << (fractional_bits - 2);

    if (a == 0) {
        return INT32_MAX;
    }
    const int32_t in_quarter = (a & (quarter - 1)) - quarter;
    const int32_t remainder = in_quarter - a;
    int32_t result = exp_on_last_quarter(ref_saturating_shift_left(in_quarter, 5));
    for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++) {
        if ((remainder & (quarter << i)) != 0) {
            result = product(result, factors[i]);
        }
    }
    return result;
}

int32_t ref_one_over_one_plus_x(int32_t a)
{
    /* Newton's iteration for the reciprocal of d = (1 + a) / 2, 2 integer bits. */
    const int32_t forty_eight_17ths = 1515870810;
    const int32_t minus_thirty_two_17ths = -1010580540;
    const int32_t one_q2 = 1 << 29;
    const int32_t half_denominator = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);

    int32_t x = forty_eight_17ths + product(half_denominator, minus_thirty_two_17ths);
    for (int i = 0; i < 3; i++) {
        const int32_t error = one_q2 - product(half_denominator, x);
        x += ref_saturating_shift_left(product(x, error), 2);
    }
    return ref_saturating_shift_left(x, 1);
}
