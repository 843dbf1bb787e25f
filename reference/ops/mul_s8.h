#ifndef REF_MUL_S8_H
#define REF_MUL_S8_H

#include "reference/ops/elementwise.h"

/**
 * @brief  Element-wise product, requantised and clamped; no broadcasting.
 * @param[in]  in1, in2  int8 mul->elems elements each, in any one layout.
 * @param[out] out       int8 mul->elems elements; may be in1 or in2.
 * @return BT_OK; BT_EINVAL (null, or a parameter out of the range that struct ref_mul states). On error nothing is
 *         written.
 * @source TFLite reference/integer_ops/mul.h, MulElementwise.
 */
BT_MUST_CHECK enum bt_status ref_mul_s8(const struct ref_mul *mul, const int8_t *in1, const int8_t *in2, int8_t *out);

#endif
