/*
 * The convolution of a float graph. Every sum starts from its bias and takes its products in one order, rows, columns, then
 * channels of the window, each rounded before it is added: only sums of different outputs are taken side by side, so that
 * every machine gets the same bits.
 */
#ifndef BT_FLOAT_CONV_H
#define BT_FLOAT_CONV_H

#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"
#include "reference/ops/isa.h"

/** Filters in the order in which they are read. */
struct bt_float_conv;

/**
 * @param[in]  conv     Geometry, bt_conv2d_check() passed; n == 1; zero points and clamps are not read.
 * @param[in]  weights  [c_out][kh][kw][c_in/groups]; copied, as is bias [c_out].
 * @param[in]  isa      ref_isa_best(), or what a test holds it to.
 * @param[out] made     Release with bt_float_conv_free().
 * @return BT_OK; BT_EINVAL (an instruction set that this machine does not have); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_float_conv_new(const struct bt_conv2d *conv, const float *weights, const float *bias,
                                               enum ref_isa isa, struct bt_float_conv **made);

/** NULL is allowed. */
void bt_float_conv_free(struct bt_float_conv *conv);

/** in [h][w][c_in], out [oh][ow][c_out]; padding adds nothing, not even a zero. */
void bt_float_conv_run(const struct bt_float_conv *conv, const float *in, float *out);

#endif
