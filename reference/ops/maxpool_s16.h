#ifndef REF_MAXPOOL_S16_H
#define REF_MAXPOOL_S16_H

#include "reference/ops/pool2d.h"

/**
 * @brief  Maximum over each window, then the clamp.
 * @param[in]  ifmap  [n][h][w][c] int16.
 * @param[out] ofmap  [n][oh][ow][c] int16; must not alias ifmap.
 * @return BT_OK; BT_EINVAL (null, or ref_pool2d_check()). On error nothing is written.
 * @source TFLite reference/integer_ops/pooling.h, MaxPool.
 */
BT_MUST_CHECK enum bt_status ref_maxpool_s16(const struct ref_pool2d *pool, const int16_t *ifmap, int16_t *ofmap);

#endif
