#ifndef REF_CONCAT_S8_H
#define REF_CONCAT_S8_H

#include <stdbool.h>

#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

/** One operand of a concatenation: [pixels][c] int8 with its own scale. */
struct ref_concat_input {
    const int8_t *data;
    int32_t c;     /**< [1, BT_MAX_DIM] */
    int32_t zp;    /**< [-128, 127] */
    int32_t mult;  /**< scale / output scale, Q31 in [0, 2^31 - 1] */
    int32_t shift; /**< [-31, 30], positive is left; mult 2^30 with shift 1 is exactly one: a plain copy */
};

/** Concatenation along the innermost dimension (channels in NHWC). */
struct ref_concat {
    int64_t pixels; /**< product of the outer dimensions, at least 1 */
    int32_t count;  /**< inputs, at least 1 */
    int32_t out_zp; /**< [-128, 127] */
    enum bt_rounding rounding;
};

/** Parameters in range, and data there. */
bool ref_concat_valid(const struct ref_concat *concat, const struct ref_concat_input *inputs);

/**
 * @brief  out = saturate(requantise(x - zp) + out_zp), input after input within each pixel.
 * @param[in]  inputs  concat->count operands, in order.
 * @param[out] out     [pixels][sum of c] int8; must not alias an input.
 * @return BT_OK; BT_EINVAL (null or out of range). On error nothing is written.
 * @source TFLite reference/concatenation.h, ConcatenationWithScaling, in the integer arithmetic of its int8 operators.
 */
BT_MUST_CHECK enum bt_status ref_concat_s8(const struct ref_concat *concat, const struct ref_concat_input *inputs,
                                           int8_t *out);

#endif
