/* Max-pooling as an accelerator's layer has it, and as an operator of its own. */
#ifndef BT_LAYER_POOL_H
#define BT_LAYER_POOL_H

#include <stdbool.h>

#include "harness/network.h"
#include "reference/common/bt_layer.h"
#include "reference/ops/pool2d.h"

/** Does the layer pool its results on their way to memory? */
bool bt_layer_pools(const struct bt_layer *layer);

/**
 * The operator that gives a pooled layer's ofmap from the convolution's: no clamp of its own.
 * @pre bt_layer_check() passed and bt_layer_pools().
 */
struct ref_pool2d bt_layer_pool2d(const struct bt_layer *layer);

/** The operator of a pooling window over an image [h][w][c]: no clamp of its own. */
struct ref_pool2d bt_window_pool2d(const struct bt_window *window, int32_t h, int32_t w, int32_t c);

/**
 * @brief  A layer's convolution with a max-pooling that reads its ofmap, as one layer.
 * @param[out] fused  Written on true.
 * @return false where the contract has no such layer: a clamp of the pool's own, pads as large as its kernel, another shape
 *         than the ofmap's, raw sums.
 */
bool bt_layer_fuse(const struct bt_layer *layer, const struct ref_pool2d *pool, struct bt_layer *fused);

#endif
