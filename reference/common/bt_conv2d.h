/* Geometry of a convolution: derived extents and the checks that every engine relies on. Freestanding. */
#ifndef BT_CONV2D_H
#define BT_CONV2D_H

#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

/**
 * A convolution of one image by 1x1 kernels, stride 1, zero points 0, full clamp, two roundings: what others start from, and
 * with h = w = 1 a fully connected layer.
 */
struct bt_conv2d bt_conv2d_1x1(int32_t h, int32_t w, int32_t c_in, int32_t c_out);

/** Output extents, elements. @pre bt_conv2d_check() passed. */
int32_t bt_conv2d_oh(const struct bt_conv2d *conv);
int32_t bt_conv2d_ow(const struct bt_conv2d *conv);

/** Sizes in elements. @pre bt_conv2d_check() passed. */
int64_t bt_conv2d_ifmap_elems(const struct bt_conv2d *conv);
int64_t bt_conv2d_weight_elems(const struct bt_conv2d *conv);
int64_t bt_conv2d_ofmap_elems(const struct bt_conv2d *conv);

/** Multiply-accumulates of the whole layer, padding included (the customary count). */
int64_t bt_conv2d_macs(const struct bt_conv2d *conv);

/**
 * The same for any layer: 0 where it is no convolution. Pooling counts nothing, but what no window reads need not be
 * computed and is left out.
 */
uint64_t bt_layer_macs(const struct bt_layer *layer);

/** Extents and elements of a layer's ofmap: the pooled one where it pools. @pre bt_layer_check() passed. */
int32_t bt_layer_oh(const struct bt_layer *layer);
int32_t bt_layer_ow(const struct bt_layer *layer);
int64_t bt_layer_ofmap_elems(const struct bt_layer *layer);

/** Bytes of one element of the layer's ifmap and of its weights; of its ofmap, where raw sums are int32. */
uint32_t bt_layer_elem_bytes(const struct bt_layer *layer);
uint32_t bt_layer_ofmap_elem_bytes(const struct bt_layer *layer);

/** bt_conv2d_check() for BT_S16: the same geometry, zero points 0, clamps within int16, no table, no raw sums. */
BT_MUST_CHECK enum bt_status bt_conv2d_check_s16(const struct bt_conv2d *conv, struct bt_reason *why);

/**
 * @brief  bt_conv2d_check() or bt_conv2d_check_s16() and, where the layer pools, the pool's: extents, pads below the kernel,
 *         at least one window, no raw sums.
 * @return BT_OK; BT_EINVAL; BT_EUNSUPPORTED for what its number format does not have: anything but int8 and int16; as
 *         int16 a table, raw sums, pooling.
 */
BT_MUST_CHECK enum bt_status bt_layer_check(const struct bt_layer *layer, struct bt_reason *why);

/**
 * @brief  Refuses an impossible shape: non-positive extents, groups that do not divide, a kernel larger than the
 *         padded input, zero points or clamps out of range, extents above BT_MAX_DIM or BT_MAX_KERNEL.
 * @param[out] why  What was refused, with the numbers; may be NULL.
 * @return BT_OK or BT_EINVAL.
 */
BT_MUST_CHECK enum bt_status bt_conv2d_check(const struct bt_conv2d *conv, struct bt_reason *why);

/**
 * @brief  Checks the accumulator bound with the actual weights: for every filter
 *         sum|w| * max|x - in_zp| + |bias| <= 2^31 - 1.
 * @return BT_OK or BT_EOVERFLOW; why->got is the bound of the first filter that exceeds it.
 */
BT_MUST_CHECK enum bt_status bt_conv2d_check_acc(const struct bt_conv2d *conv, const int8_t *weights,
                                                 const int32_t *bias, struct bt_reason *why);

#endif
