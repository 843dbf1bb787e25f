/* From an accumulator to a quantised value: the roundings of TFLite, written once for the whole tree. Freestanding. */
#ifndef REF_REQUANTISE_H
#define REF_REQUANTISE_H

#include <stdint.h>

#include "reference/common/bt_layer.h"

/**
 * @brief  High half of the doubled product, (a * b * 2 + 2^31) >> 32 on exact integers: rounds to nearest, ties
 *         upwards. Saturates its one overflow, a == b == -2^31, to 2^31 - 1.
 * @source gemmlowp fixedpoint.h, SaturatingRoundingDoublingHighMul.
 */
int32_t ref_saturating_rounding_doubling_high_mul(int32_t a, int32_t b);

/**
 * @brief  x / 2^exponent, rounded to nearest, ties away from zero.
 * @param[in] exponent  [0, 31].
 * @source gemmlowp fixedpoint.h, RoundingDivideByPOT.
 */
int32_t ref_rounding_divide_by_pot(int32_t x, int32_t exponent);

/**
 * @brief  acc * mult / 2^31 * 2^shift.
 *         BT_ROUND_DOUBLE: sat32(acc * 2^max(shift, 0)), then the doubling high multiplication, then the rounding
 *         division by 2^max(-shift, 0): two roundings.
 *         BT_ROUND_SINGLE: sat32((acc * mult + 2^(30 - shift)) >> (31 - shift)): one, ties upwards.
 *         TFLite leaves a left shift beyond 32 bits undefined; here it saturates, which the clamp that follows
 *         turns into the right end of the range.
 * @param[in] mult   [0, 2^31 - 1].
 * @param[in] shift  [-31, 30], positive is left.
 * @source TFLite kernels/internal/common.cc, MultiplyByQuantizedMultiplier, without and with TFLITE_SINGLE_ROUNDING.
 */
int32_t ref_requantise(int32_t acc, int32_t mult, int32_t shift, enum bt_rounding rounding);

/**
 * @brief  The same for 64-bit accumulators of 16-bit activations: the multiplier is first reduced to 16 bits,
 *         (mult + 2^15) >> 16 and at most 32767, then one rounding, ties upwards; saturates to 32 bits.
 * @param[in] acc    [-2^47, 2^47 - 1].
 * @param[in] shift  [-31, 7].
 * @source TFLite kernels/internal/common.cc, MultiplyByQuantizedMultiplier(int64_t, int32_t, int).
 */
int32_t ref_requantise_s64(int64_t acc, int32_t mult, int32_t shift);

/** Saturation of value + zero point to [min, max]; exact for every int32 value. */
int32_t ref_offset_clamp(int32_t value, int32_t zero_point, int32_t min, int32_t max);

/** All that a convolution does to one sum: requantise, add out_zp, clamp; then table[q + 128] unless table is NULL. */
int8_t ref_conv2d_finish(const struct bt_conv2d *conv, int32_t acc, int32_t mult, int32_t shift, const int8_t *table);

#endif
