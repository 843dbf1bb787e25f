#ifndef REF_SOFTMAX_S16_H
#define REF_SOFTMAX_S16_H

#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

/** Softmax over each row of int16. The output has scale 1/32768 and zero point 0. */
struct ref_softmax_s16 {
    int64_t rows;     /**< at least 1 */
    int32_t row_size; /**< [1, 65536] */
    int32_t mult;     /**< beta * input scale * 65535 / 10, Q31 in [0, 2^31 - 1] ... */
    int32_t shift;    /**< ... and its shift, [-31, 14], positive is left */
};

/**
 * @brief  Softmax, int16, with interpolated tables of exp on [-10, 0] and of 1/(1+x) on [0, 1], 513 entries each.
 * @param[in]  in   [rows][row_size] int16.
 * @param[out] out  [rows][row_size] int16; must not alias in.
 * @return BT_OK; BT_EINVAL (null or out of range). On error nothing is written.
 * @source TFLite reference/softmax.h, SoftmaxInt16; kernels/internal/common.h, gen_lut and lut_lookup.
 */
BT_MUST_CHECK enum bt_status ref_softmax_s16(const struct ref_softmax_s16 *softmax, const int16_t *in, int16_t *out);

#endif
