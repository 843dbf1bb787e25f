#ifndef REF_SOFTMAX_S8_H
#define REF_SOFTMAX_S8_H

#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

/** Softmax over each row. The output has scale 1/256 and zero point -128. */
struct ref_softmax_s8 {
    int64_t rows;     /**< at least 1 */
    int32_t row_size; /**< [1, 4095]: the sum of exponentials has 12 integer bits */
    int32_t mult;     /**< beta * input scale * 2^26, Q31 in [0, 2^31 - 1] ... */
    int32_t shift;    /**< ... and its left shift, [0, 30] */
    int32_t diff_min; /**< [-255, 0]: inputs further below the row's maximum than this give 0 */
};

/**
 * @brief  Softmax, int8, in 32-bit fixed point: exp on differences to the row's maximum, reciprocal by Newton.
 * @param[in]  in   [rows][row_size] int8.
 * @param[out] out  [rows][row_size] int8; may be in.
 * @return BT_OK; BT_EINVAL (null or out of range). On error nothing is written.
 * @source TFLite reference/softmax.h, Softmax; CMSIS-NN arm_softmax_s8.
 */
BT_MUST_CHECK enum bt_status ref_softmax_s8(const struct ref_softmax_s8 *softmax, const int8_t *in, int8_t *out);

/**
 * @brief  Parameters for an input scale, as TFLite prepares them.
 * @param[in]  in_scale  Real value of one input step; 2^-26 <= beta * in_scale < 16.
 * @param[out] softmax   mult, shift and diff_min are set, the rest stays.
 * @return BT_OK; BT_EINVAL.
 * @source TFLite kernels/internal/quantization_util.cc, PreprocessSoftmaxScaling and CalculateInputRadius.
 */
BT_MUST_CHECK enum bt_status ref_softmax_s8_scale(double in_scale, double beta, struct ref_softmax_s8 *softmax);

#endif
