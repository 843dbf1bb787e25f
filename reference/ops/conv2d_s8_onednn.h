/* The fast path: same bits as ref_conv2d_s8(), for whoever needs an ofmap and not the plain loops. */
#ifndef REF_CONV2D_S8_ONEDNN_H
#define REF_CONV2D_S8_ONEDNN_H

#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

/**
 * @brief  ref_conv2d_s8() with the sums taken by oneDNN's integer matrix product: patches of ifmap + 128 as uint8,
 *         padding included as in_zp + 128, times int8 filters into int32. The zero point (in_zp + 128 times the sum
 *         of the filter), bias, requantisation and table are applied here.
 *
 *         Exact on every instruction set, by two choices:
 *         - Without VNNI, oneDNN adds neighbouring products in 16 bits with saturation (vpmaddubsw). There each
 *           weight is the sum of two halves of magnitude at most 64, whose pairs of products stay within
 *           2 * 255 * 64 = 32640, and the two results are added: half the speed.
 *         - oneDNN's convolution is not used: below AVX512 VNNI it passes its int32 sums through binary32, which
 *           rounds those above 2^24, and for int8 times int8 it halves the weights.
 *
 *         Groups of fewer than 8 filters, so all depthwise layers, are left to ref_conv2d_s8(), which is faster there.
 *         The first call of a process compiles oneDNN's kernels (some 10 ms).
 *
 *         Runs on oneDNN's OpenMP threads: where several jobs share the machine, OMP_NUM_THREADS=1 in the environment of
 *         the process is several times faster, since the threads wait for each other spinning. Nothing is kept from
 *         one call to the next.
 * @param[in]  conv, data  As for ref_conv2d_s8().
 * @param[out] ofmap       As for ref_conv2d_s8().
 * @return As ref_conv2d_s8(), and BT_ENOMEM or BT_EUNSUPPORTED (oneDNN failed). On error ofmap is unspecified.
 */
BT_MUST_CHECK enum bt_status ref_conv2d_s8_onednn(const struct bt_conv2d *conv, const struct bt_layer_data *data,
                                                  void *ofmap);

#endif
