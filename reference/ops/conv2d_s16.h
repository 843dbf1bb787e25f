/* 16-bit activations with 8-bit weights: not what the accelerators of this tree compute today, but what their kin do. */
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
    const int16_t *ifmap;  /**< [n][h][w][c_in] */
    const int8_t *weights; /**< [c_out][kh][kw][c_in/groups] in [-127, 127] */
    const int64_t *bias;   /**< [c_out], |bias| < 2^46, or NULL for zeros; 32-bit biases are widened by the caller */
    const int32_t *mult;   /**< [c_out] Q31 in [0, 2^31 - 1] */
    const int32_t *shift;  /**< [c_out] in [-31, 7], positive is left */
};

/**
 * @brief  2-D convolution, int16 activations and int8 weights, per channel; zero points are 0.
 * @param[in]  conv   Geometry as for ref_conv2d_s8(); in_zp and out_zp 0, act_min and act_max within int16, table and
 *                    raw not set, rounding ignored (kind decides).
 * @param[out] ofmap  [n][oh][ow][c_out] int16; must not alias an input.
 * @return BT_OK; BT_EINVAL; BT_EOVERFLOW (a filter could leave 48 bits, or with REF_S16_BIAS_S32 a sum did leave 32:
 *         a bound over all inputs would refuse every filter of more than 516 large weights). On BT_EINVAL nothing is
 *         written; on BT_EOVERFLOW ofmap is unspecified.
 * @source TFLite reference/integer_ops/conv.h, ConvPerChannel for int16.
 */
BT_MUST_CHECK enum bt_status ref_conv2d_s16(const struct bt_conv2d *conv, const struct ref_conv2d_s16_data *data,
                                            enum ref_s16_kind kind, int16_t *ofmap);

#endif
