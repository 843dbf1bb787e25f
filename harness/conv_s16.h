/* The reference of an int16 layer, from its tensors as every engine has them. */
#ifndef BT_CONV_S16_H
#define BT_CONV_S16_H

#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

/**
 * @brief  ref_conv2d_s16() on the tensors of a BT_S16 layer.
 * @param[out] ofmap  [n][oh][ow][c_out] int16.
 * @param[out] why    What was refused, with the numbers.
 * @return BT_OK; BT_EINVAL; BT_EOVERFLOW; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_conv_s16(const struct bt_conv2d *conv, const struct bt_layer_data *data, int16_t *ofmap,
                                         struct bt_reason *why);

#endif
