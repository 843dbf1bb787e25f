/* Does a fast reference give the bits of the plain loops? A few rows and filters of each layer are worked out again. */
#ifndef BT_SPOT_CHECK_H
#define BT_SPOT_CHECK_H

#include <stdint.h>

#include "harness/record.h"
#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

/**
 * @brief  Recomputes two output rows (one at an edge, one anywhere; all filters, or as many as a bounded effort
 *         allows) with ref_conv2d_s8() and compares them with an ofmap.
 * @param[in]  seed      Chooses rows and filters.
 * @param[out] mismatch  differing == 0 when all is equal.
 * @return BT_OK, whatever was found; BT_ENOMEM; what ref_conv2d_s8() returns.
 */
BT_MUST_CHECK enum bt_status bt_spot_check(const struct bt_conv2d *conv, const struct bt_layer_data *data,
                                           const void *ofmap, uint64_t seed, struct bt_mismatch *mismatch);

#endif
