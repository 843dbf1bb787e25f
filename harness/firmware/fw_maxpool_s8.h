/* The firmware's maximum pooling: bit for bit ref_maxpool_s8(), in a quarter of the instructions. Portable, freestanding. */
#ifndef FW_MAXPOOL_S8_H
#define FW_MAXPOOL_S8_H

#include "reference/ops/pool2d.h"

/**
 * @brief  Maximum over each window, then the clamp.
 * @param[in]  ifmap  [n][h][w][c] int8, less than 2 GiB.
 * @param[out] ofmap  [n][oh][ow][c] int8; must not alias ifmap.
 * @return BT_OK; BT_EINVAL (null, or ref_pool2d_check()). On error nothing is written.
 */
BT_MUST_CHECK enum bt_status fw_maxpool_s8(const struct ref_pool2d *pool, const int8_t *ifmap, int8_t *ofmap);

#endif
