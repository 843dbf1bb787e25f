/*
 * gemmlowp's fixed point, as far as softmax needs it: an int32 with I integer bits stands for raw / 2^(31 - I).
 * Freestanding.
 */
#ifndef REF_FIXED_POINT_H
#define REF_FIXED_POINT_H

#include <stdint.h>

/** Leading zero bits of x; 32 for 0. */
int32_t ref_count_leading_zeros(uint32_t x);

/** x * 2^exponent, saturated. @param[in] exponent  [0, 31]. */
int32_t ref_saturating_shift_left(int32_t x, int32_t exponent);

/**
 * @brief  exp(a) for a <= 0.
 * @param[in] a  5 integer bits: [-32, 0].
 * @return 0 integer bits: [0, 1).
 * @source gemmlowp fixedpoint.h, exp_on_negative_values.
 */
int32_t ref_exp_on_negative_values_q5(int32_t a);

/**
 * @brief  1 / (1 + a).
 * @param[in] a  0 integer bits: [0, 1).
 * @return 0 integer bits: (1/2, 1).
 * @source gemmlowp fixedpoint.h, one_over_one_plus_x_for_x_in_0_1.
 */
int32_t ref_one_over_one_plus_x(int32_t a);

#endif
