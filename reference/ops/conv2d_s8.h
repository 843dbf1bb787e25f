/* The convolution of the whole suite. Depthwise is groups == c_in, fully connected is 1x1 on a 1x1 ifmap. */
#ifndef REF_CONV2D_S8_H
#define REF_CONV2D_S8_H

#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

/**
 * @brief  Checks everything ref_conv2d_s8() relies on: geometry, pointers, multipliers, shifts, accumulator bound.
 * @param[out] why  What was refused, with the numbers; may be NULL.
 * @return BT_OK; BT_EINVAL; BT_EOVERFLOW (a filter could leave 32 bits).
 */
BT_MUST_CHECK enum bt_status ref_conv2d_s8_check(const struct bt_conv2d *conv, const struct bt_layer_data *data,
                                                 struct bt_reason *why);

/**
 * @brief  2-D convolution, int8, per-channel requantisation (TFLite int8 specification):
 *         sum[oc] = bias[oc] + sum over the window of (ifmap - in_zp) * weights, padding contributing nothing, then
 *         ref_conv2d_finish(), or the sums themselves when conv->raw.
 * @param[in]  data   Tensors as struct bt_conv2d states them; bias NULL is all zero; mult and shift are not read when
 *                    conv->raw, table only when conv->table.
 * @param[out] ofmap  [n][oh][ow][c_out] int8, or int32 when conv->raw; must not alias an input.
 * @return As ref_conv2d_s8_check(). On error nothing is written.
 * @source TFLite reference/integer_ops/conv.h, ConvPerChannel.
 */
BT_MUST_CHECK enum bt_status ref_conv2d_s8(const struct bt_conv2d *conv, const struct bt_layer_data *data, void *ofmap);

#endif
