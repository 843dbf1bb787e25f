/* Parameters that the element-wise operators of both activation widths share. Freestanding. */
#ifndef REF_ELEMENTWISE_H
#define REF_ELEMENTWISE_H

#include <stdbool.h>
#include <stdint.h>

#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

/** Sum of two tensors of one shape, each with its own scale and zero point. */
struct ref_add {
    int64_t elems;          /**< of each tensor, at least 1 */
    int32_t in1_zp, in2_zp; /**< range of the element type; 0 for int16 */
    int32_t out_zp;
    int32_t left_shift;           /**< headroom given to the inputs: int8 [0, 22] (TFLite 20), int16 [0, 15] (15) */
    int32_t in1_mult, in2_mult;   /**< Q31 in [0, 2^31 - 1] */
    int32_t in1_shift, in2_shift; /**< [-31, 0], positive is left */
    int32_t out_mult;             /**< Q31 in [0, 2^31 - 1] */
    int32_t out_shift;            /**< [-31, 30] */
    int32_t act_min, act_max;     /**< range of the element type */
    enum bt_rounding rounding;
};

/** Product of two tensors of one shape. */
struct ref_mul {
    int64_t elems;          /**< of each tensor, at least 1 */
    int32_t in1_zp, in2_zp; /**< range of the element type; 0 for int16 */
    int32_t out_zp;
    int32_t mult;             /**< in1_scale * in2_scale / out_scale, Q31 in [0, 2^31 - 1] */
    int32_t shift;            /**< [-31, 30], positive is left */
    int32_t act_min, act_max; /**< range of the element type */
    enum bt_rounding rounding;
};

/** min, max: range of the element type; max_left_shift: as struct ref_add states. */
bool ref_add_valid(const struct ref_add *add, int32_t min, int32_t max, int32_t max_left_shift);
bool ref_mul_valid(const struct ref_mul *mul, int32_t min, int32_t max);

/** One element. @pre valid; x1 and x2 within the element type. */
int32_t ref_add_element(const struct ref_add *add, int32_t x1, int32_t x2);
int32_t ref_mul_element(const struct ref_mul *mul, int32_t x1, int32_t x2);

#endif
