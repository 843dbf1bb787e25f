/* The fast path: same bits as ref_conv2d_s8(), for whoever needs an ofmap and not the plain loops. */
#ifndef REF_CONV2D_S8_FAST_H
#define REF_CONV2D_S8_FAST_H

#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"
#include "reference/ops/isa.h"

/**
 * A convolution prepared for many ifmaps. A block of output rows at a time, so that all of it stays in the second-level
 * cache: the input rows it needs are copied as uint8 (ifmap + 128) with the padding around them (in_zp + 128), multiplied
 * with the int8 filters into int32, and requantised. The zero point, (in_zp + 128) times the sum of each filter, goes off
 * with the bias. The sums are taken in one of three ways, exact on every instruction set:
 *  - by oneDNN's convolution, where it has one that adds the products of uint8 and int8 in 32 bits and leaves the sums
 *    alone: its kernels "brgconv", which need AVX-512 VNNI. Others pass the sums through binary32, which rounds those
 *    above 2^24.
 *  - else by oneDNN's matrix product over patches. Without VNNI it adds neighbouring products in 16 bits with saturation
 *    (vpmaddubsw). There each weight is the sum of two halves of magnitude at most 64, whose pairs of products stay
 *    within 2 * 255 * 64 = 32640, and the two results are added: half the speed.
 *  - depthwise layers (one filter of one channel each) by vectors of channels, compiled here.
 * Groups of 2 to 7 filters for which oneDNN has no such kernel are left to ref_conv2d_s8().
 *
 * It all runs in the thread that calls, and no other is started: jobs share the machine by processes, and OpenMP's threads
 * would wait for each other spinning. One prepared convolution is for one thread at a time.
 */
struct ref_conv2d_fast;

/**
 * @brief  Prepares a convolution; compiles oneDNN's kernels the first time that a process meets its shape (some 1 ms).
 * @param[in]  conv, data  As for ref_conv2d_s8(), but data->ifmap is not read. Nothing is kept of data: what is changed
 *                         later is not seen.
 * @param[in]  isa   For what is compiled here: ref_isa_best(), or what a test holds it to. oneDNN decides for itself.
 * @param[out] made  Release with ref_conv2d_fast_free().
 * @return As ref_conv2d_s8_check(); BT_ENOMEM; BT_EUNSUPPORTED (oneDNN failed).
 */
BT_MUST_CHECK enum bt_status ref_conv2d_fast_new(const struct bt_conv2d *conv, const struct bt_layer_data *data,
                                                 enum ref_isa isa, struct ref_conv2d_fast **made);

/** NULL is allowed. */
void ref_conv2d_fast_free(struct ref_conv2d_fast *fast);

/**
 * @param[in]  ifmap  As struct bt_conv2d states it.
 * @param[out] ofmap  As for ref_conv2d_s8().
 * @return BT_OK; BT_EINVAL (null); BT_ENOMEM or BT_EUNSUPPORTED (oneDNN failed). On error ofmap is unspecified.
 */
BT_MUST_CHECK enum bt_status ref_conv2d_fast_run(struct ref_conv2d_fast *fast, const int8_t *ifmap, void *ofmap);

/** The three of them for a single ifmap. @return As they do. */
BT_MUST_CHECK enum bt_status ref_conv2d_s8_fast(const struct bt_conv2d *conv, const struct bt_layer_data *data,
                                                void *ofmap);

#endif
