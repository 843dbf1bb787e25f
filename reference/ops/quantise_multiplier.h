#ifndef REF_QUANTISE_MULTIPLIER_H
#define REF_QUANTISE_MULTIPLIER_H

#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

/**
 * @brief  The Q31 multiplier and shift nearest to a real factor. Uses only operations that IEEE 754 makes exact, so
 *         every machine gives the same pair.
 * @param[in]  real   [0, 2^30); below 2^-32 the multiplier is 0.
 * @param[out] mult   0, or [2^30, 2^31 - 1].
 * @param[out] shift  [-31, 30], positive is left.
 * @return BT_OK; BT_EINVAL (negative, not a number, too large). On error nothing is written.
 * @source TFLite kernels/internal/quantization_util.cc, QuantizeMultiplier.
 */
BT_MUST_CHECK enum bt_status ref_quantise_multiplier(double real, int32_t *mult, int32_t *shift);

#endif
