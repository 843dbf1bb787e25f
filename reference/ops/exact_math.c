#include "reference/ops/exact_math.h"

#include <float.h>
#include <math.h>

#if FLT_EVAL_METHOD != 0
#error "binary64 must be evaluated in binary64: wider intermediates change the tables"
#endif
#ifdef __FAST_MATH__
#error "-ffast-math changes the tables"
#endif
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#elif !defined(__STRICT_ANSI__)
#error "compile with -std=c11: GNU modes fuse multiplications with additions, which changes the tables"
#endif

double ref_exp(double x)
{
    /* x = k ln 2 + r with |r| <= ln 2 / 2; the upper part of ln 2 has 32 bits, so that k times it is exact. */
    const double ln2_high = 0x1.62e42feep-1;
    const double ln2_low = 0x1.a39ef35793c76p-33;
    const double bounded = x < -700 ? -700 : x > 700 ? 700 : x;
    const double k = floor(bounded / 0x1.62e42fefa39efp-1 + 0.5);
    const double r = (bounded - k * ln2_high) - k * ln2_low;

    double series = 1; /* 1 + r/1 (1 + r/2 (1 + ... r/17)): the next term is below 2^-78 */
    for (int term = 17; term >= 1; term--) {
        series = 1 + r * series / term;
    }
    return x < -700 ? 0 : ldexp(series, (int)k);
}

double ref_log2(double x)
{
    /* x = m 2^k with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh s with s = (m - 1) / (m + 1), |s| < 0.172. */
    int k = 0;
    double m = frexp(x, &k);
    if (m < 0x1.6a09e667f3bcdp-1) {
        m *= 2;
        k--;
    }
    const double s = (m - 1) / (m + 1);
    double series = 0; /* 1 + s^2/3 + s^4/5 + ... + s^22/23: the next term is below 2^-65 */
    for (int term = 23; term >= 1; term -= 2) {
        series = 1.0 / term + s * s * series;
    }
    return k + 2 * s * series / 0x1.62e42fefa39efp-1;
}

double ref_sigmoid(double x)
{
    const double e = ref_exp(x < 0 ? x : -x); /* at most 1 */
    return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

double ref_tanh(double x)
{
    const double e = ref_exp(x < 0 ? 2 * x : -2 * x);
    const double magnitude = (1 - e) / (1 + e);
    return x < 0 ? -magnitude : magnitude;
}
