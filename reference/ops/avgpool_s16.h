#ifndef REF_AVGPOOL_S16_H
#define REF_AVGPOOL_S16_H

#include "reference/ops/pool2d.h"

/**
 * @brief  Average over the elements of each window that lie in the ifmap, rounded to nearest, ties away from zero,
 *         then the clamp. The scale and zero point of ifmap and ofmap are the same, so neither appears.
 * @param[in]  ifmap  [n][h][w][c] int16.
 * @param[out] ofmap  [n][oh][ow][c] int16; must not alias ifmap.
 * @return BT_OK; BT_EINVAL (null, or ref_pool2d_check()). On error nothing is written.
 * @source TFLite reference/integer_ops/pooling.h, AveragePool.
 */
BT_MUST_CHECK enum bt_status ref_avgpool_s16(const struct ref_pool2d *pool, const int16_t *ifmap, int16_t *ofmap);

#endif
