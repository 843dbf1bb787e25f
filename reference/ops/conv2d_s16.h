/* 16-bit activations and weights: BT_S16 of bt_layer.h, and TFLite's kernels with 8-bit weights, once these are widened. */
#ifndef REF_CONV2D_S16_H
#define REF_CONV2D_S16_H

#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

/** How sums become outputs: TFLite has two kernels that differ in their bits. */
enum ref_s16_kind {
    REF_S16_BIAS_S64, /**< ref_requantise_s64(): multiplier of 16 bits, one rounding */
    REF_S16_BIAS_S32, /**< ref_requantise(), double rounding; every sum must fit 32 bits, and this is checked */
};

/** Tensors of a 16-bit convolution. */
struct ref_conv2d_s16_data {
    const int16_t *ifmap;   /**< [n][h][w][c_in] */
    const int16_t *weights; /**< [c_out][kh][kw][c_in/groups], any value; 8-bit ones are widened by the caller */
    const int64_t *bias;    /**< [c_out], |bias| < 2^46, or NULL for zeros; 32-bit biases are widened by the caller */
    const int32_t *mult;    /**< [c_out] Q31 in [0, 2^31 - 1] */
    const int32_t *shift;   /**< [c_out] in [-31, 7], positive is left */
};

/**
 * @brief  Everything that ref_conv2d_s16() asks of its inputs: geometry (bt_conv2d_check_s16()), ranges, and that no
 *         filter can leave 48 bits: sum|w| * 2^15 + |bias| < 2^47.
 * @param[out] why  What was refused, with the numbers; may be NULL.
 * @return BT_OK; BT_EINVAL; BT_EOVERFLOW.
 */
BT_MUST_CHECK enum bt_status ref_conv2d_s16_check(const struct bt_conv2d *conv, const struct ref_conv2d_s16_data *data,
                                                  struct bt_reason *why);

/**
 * @brief  2-D convolution, int16 activations and weights, requantised per channel; zero points are 0.
 * @param[in]  conv   See bt_conv2d_check_s16(); rounding is ignored, kind decides.
 * @param[out] ofmap  [n][oh][ow][c_out] int16; must not alias an input.
 * @return BT_OK; what ref_conv2d_s16_check() says; BT_EOVERFLOW also where with REF_S16_BIAS_S32 a sum did leave 32 bits (a
 *         bound over all inputs would refuse every filter of more than 516 large weights): ofmap is then unspecified.
 *         Else nothing is written on error.
 * @source TFLite reference/integer_ops/conv.h, ConvPerChannel for int16; 16-bit weights: Chen et al., DaDianNao, MICRO 2014.
 */
BT_MUST_CHECK enum bt_status ref_conv2d_s16(const struct bt_conv2d *conv, const struct ref_conv2d_s16_data *data,
                                            enum ref_s16_kind kind, int16_t *ofmap);

#endif
