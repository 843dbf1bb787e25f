#ifndef REF_ACTIVATION_TABLE_S8_H
#define REF_ACTIVATION_TABLE_S8_H

#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

enum ref_activation {
    REF_ACTIVATION_SILU,       /**< x / (1 + e^-x) */
    REF_ACTIVATION_LEAKY_RELU, /**< x < 0 ? alpha x : x */
    REF_ACTIVATION_SIGMOID,    /**< 1 / (1 + e^-x) */
    REF_ACTIVATION_TANH,
    REF_ACTIVATION_HARD_SWISH, /**< x clamp(x + 3, 0, 6) / 6 */
};

/** Scales on both sides of a table: real = scale * (q - zp). */
struct ref_activation_scales {
    double in_scale, out_scale; /**< finite, above 0 */
    int32_t in_zp, out_zp;      /**< [-128, 127] */
};

/**
 * @brief  256-entry activation table: table[q + 128] is f(in_scale * (q - in_zp)) / out_scale + out_zp, rounded to
 *         nearest, ties away from zero, saturated. Bit-identical on every machine: see exact_math.h. TFLite builds the
 *         same tables in binary32 with the C library's functions, so its entries may differ by one where the
 *         real value lies next to a tie.
 * @param[in]  alpha  Slope of the leaky ReLU below 0, finite; ignored for the others.
 * @return BT_OK; BT_EINVAL (null or out of range). On error nothing is written.
 * @source TFLite kernels/internal/common.h, LUTPopulate.
 */
BT_MUST_CHECK enum bt_status ref_activation_table_s8(enum ref_activation activation,
                                                     const struct ref_activation_scales *scales, double alpha,
                                                     int8_t table[256]);

/**
 * @brief  out[i] = table[in[i] + 128]: the table as an operator of its own.
 * @param[in]  in   elems int8.
 * @param[out] out  elems int8; may be in.
 * @return BT_OK; BT_EINVAL.
 */
BT_MUST_CHECK enum bt_status ref_activation_s8(const int8_t table[256], int64_t elems, const int8_t *in, int8_t *out);

#endif
