/* ref_maxpool_s8() and ref_avgpool_s8() with the channels of a pixel taken in vectors: the same bits. */
#ifndef REF_POOL2D_S8_FAST_H
#define REF_POOL2D_S8_FAST_H

#include "reference/ops/isa.h"
#include "reference/ops/pool2d.h"

/**
 * @param[in]  isa    ref_isa_best(), or what a test holds it to.
 * @param[in]  ifmap  As for the operator.
 * @param[out] ofmap  As for the operator.
 * @return As the operator; BT_EINVAL for an instruction set that this machine does not have, too.
 */
BT_MUST_CHECK enum bt_status ref_maxpool_s8_fast(const struct ref_pool2d *pool, enum ref_isa isa, const int8_t *ifmap,
                                                 int8_t *ofmap);
BT_MUST_CHECK enum bt_status ref_avgpool_s8_fast(const struct ref_pool2d *pool, enum ref_isa isa, const int8_t *ifmap,
                                                 int8_t *ofmap);

#endif
