#ifndef REF_ADD_S16_H
#define REF_ADD_S16_H

#include "reference/ops/elementwise.h"

/**
 * @brief  Element-wise sum, requantised and clamped; no broadcasting.
 * @param[in]  in1, in2  int16 add->elems elements each, in any one layout.
 * @param[out] out       int16 add->elems elements; may be in1 or in2.
 * @return BT_OK; BT_EINVAL (null, or a parameter out of the range that struct ref_add states). On error nothing is
 *         written.
 * @source TFLite reference/integer_ops/add.h, AddElementwise.
 */
BT_MUST_CHECK enum bt_status ref_add_s16(const struct ref_add *add, const int16_t *in1, const int16_t *in2,
                                         int16_t *out);

#endif
