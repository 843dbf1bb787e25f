/*
 * The firmware's convolution: what a careful programmer gets out of an RV32IM core. Integers only, no allocation, bit for
 * bit ref_conv2d_s8(). Portable; the loops are written for 28 registers, three-operand instructions and a one-cycle multiplier.
 */
#ifndef FW_CONV2D_S8_H
#define FW_CONV2D_S8_H

#include <stdint.h>

#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

/** Bytes of scratch memory that a convolution wants. @pre bt_conv2d_check() passed. */
uint64_t fw_conv2d_s8_scratch_bytes(const struct bt_conv2d *conv);

/**
 * @brief  2-D convolution, int8, as ref_conv2d_s8().
 * @param[in]  data     As there.
 * @param[in]  scratch  fw_conv2d_s8_scratch_bytes() bytes, aligned to 16; overwritten.
 * @param[out] ofmap    [n][oh][ow][c_out] int8, or int32 when conv->raw; must not alias an input.
 * @pre    ref_conv2d_s8_check() passed. It reads all weights, so that whoever writes the program does it once.
 */
void fw_conv2d_s8(const struct bt_conv2d *conv, const struct bt_layer_data *data, void *scratch, void *ofmap);

#endif
