/* Depthwise convolution in the weight layout of TFLite. The truth stays ref_conv2d_s8(): same sums, other layout. */
#ifndef REF_DEPTHWISE_CONV2D_S8_H
#define REF_DEPTHWISE_CONV2D_S8_H

#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

/**
 * @brief  Depthwise 2-D convolution, int8, per-channel requantisation. Output channel oc reads input channel
 *         oc / (c_out / c_in).
 * @param[in]  conv   Geometry as for ref_conv2d_s8() with groups == c_in.
 * @param[in]  data   As for ref_conv2d_s8(), but weights are [kh][kw][c_out] int8 in [-127, 127].
 * @param[out] ofmap  [n][oh][ow][c_out] int8, or int32 when conv->raw; must not alias an input.
 * @return BT_OK; BT_EINVAL (as ref_conv2d_s8(), or groups != c_in); BT_EOVERFLOW; BT_ENOMEM. On error nothing is written.
 * @source TFLite reference/integer_ops/depthwise_conv.h, DepthwiseConvPerChannel.
 */
BT_MUST_CHECK enum bt_status ref_depthwise_conv2d_s8(const struct bt_conv2d *conv, const struct bt_layer_data *data,
                                                     void *ofmap);

/**
 * @brief  Reorders depthwise weights for ref_conv2d_s8() and for accelerators.
 * @param[in]  hwo   [kh][kw][c_out] int8.
 * @param[out] ohwi  [c_out][kh][kw][1] int8; must not alias hwo.
 * @pre    bt_conv2d_check() passed and conv->groups == conv->c_in.
 */
void ref_depthwise_weights_ohwi(const struct bt_conv2d *conv, const int8_t *hwo, int8_t *ohwi);

#endif
