#include "reference/ops/activation_table_s8.h"

#include <math.h>
#include <stddef.h>

#include "reference/ops/exact_math.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

static double evaluate(enum ref_activation activation, double x, double alpha)
{
    switch (activation) {
    case REF_ACTIVATION_SILU:
        return x * ref_sigmoid(x);
    case REF_ACTIVATION_LEAKY_RELU:
        return x < 0 ? alpha * x : x;
    case REF_ACTIVATION_SIGMOID:
        return ref_sigmoid(x);
    case REF_ACTIVATION_TANH:
        return ref_tanh(x);
    case REF_ACTIVATION_HARD_SWISH:
        return x * (x < -3 ? 0 : x > 3 ? 6 : x + 3) / 6;
    }
    return NAN;
}

static bool zero_point_valid(int32_t zero_point)
{
    return zero_point >= -128 && zero_point <= 127;
}

enum bt_status ref_activation_table_s8(enum ref_activation activation, const struct ref_activation_scales *scales,
                                       double alpha, int8_t table[256])
{
    if (scales == NULL || table == NULL || !isfinite(scales->in_scale) || !isfinite(scales->out_scale) ||
        scales->in_scale <= 0 || scales->out_scale <= 0 || !zero_point_valid(scales->in_zp) ||
        !zero_point_valid(scales->out_zp) || isnan(evaluate(activation, 0, 0)) ||
        (activation == REF_ACTIVATION_LEAKY_RELU && !isfinite(alpha))) {
        return BT_EINVAL;
    }
    for (int32_t q = -128; q <= 127; q++) {
        const double x = scales->in_scale * (q - scales->in_zp);
        const double y = round(evaluate(activation, x, alpha) / scales->out_scale) + scales->out_zp;
        table[q + 128] = (int8_t)(y < -128 ? -128 : y > 127 ? 127 : y);
    }
    return BT_OK;
}

enum bt_status ref_activation_s8(const int8_t table[256], int64_t elems, const int8_t *in, int8_t *out)
{
    if (table == NULL || in == NULL || out == NULL || elems < 1) {
        return BT_EINVAL;
    }
    for (int64_t i = 0; i < elems; i++) {
        out[i] = table[in[i] + 128];
    }
    return BT_OK;
}
