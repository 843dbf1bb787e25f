/* Geometry that the pooling operators share. Freestanding. */
#ifndef REF_POOL2D_H
#define REF_POOL2D_H

#include <stdint.h>

#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

/**
 * 2-D pooling. Extents in elements. ifmap [n][h][w][c], ofmap [n][oh][ow][c], one type and one scale for both.
 * Padding holds nothing: it is no candidate for a maximum and is not counted by an average. "Ceiling mode" is a
 * larger pad_bottom and pad_right.
 */
struct ref_pool2d {
    int32_t n, h, w, c;          /**< [1, BT_MAX_DIM] */
    int32_t kh, kw;              /**< [1, BT_MAX_DIM]: a global pool's window is the whole ifmap */
    int32_t stride_h, stride_w;  /**< [1, BT_MAX_DIM] */
    int32_t pad_top, pad_bottom; /**< [0, BT_MAX_DIM]; every window reaches at least one element of the ifmap */
    int32_t pad_left, pad_right;
    int32_t act_min, act_max; /**< clamp of the result, within the range of the element type */
};

/** Output extents, elements. @pre ref_pool2d_check() passed. */
int32_t ref_pool2d_oh(const struct ref_pool2d *pool);
int32_t ref_pool2d_ow(const struct ref_pool2d *pool);

/** Elements of the window of one output, cut to the ifmap: rows [y0, y1), columns [x0, x1). */
struct ref_window {
    int32_t y0, y1, x0, x1;
};
struct ref_window ref_pool2d_window(const struct ref_pool2d *pool, int32_t oy, int32_t ox);

/**
 * @param[in] min, max  Range of the element type, which the clamp must lie within.
 * @return BT_OK or BT_EINVAL (why says what, with the numbers; may be NULL).
 */
BT_MUST_CHECK enum bt_status ref_pool2d_check(const struct ref_pool2d *pool, int32_t min, int32_t max,
                                              struct bt_reason *why);

#endif
