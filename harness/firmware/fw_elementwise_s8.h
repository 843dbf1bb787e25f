/*
 * The firmware's sum and concatenation: bit for bit ref_add_s8() and ref_concat_s8(), with the scaling of an int8 input, which
 * has 256 values, looked up. Portable, freestanding.
 */
#ifndef FW_ELEMENTWISE_S8_H
#define FW_ELEMENTWISE_S8_H

#include "reference/ops/concat_s8.h"
#include "reference/ops/elementwise.h"

/** As ref_add_s8(). */
BT_MUST_CHECK enum bt_status fw_add_s8(const struct ref_add *add, const int8_t *in1, const int8_t *in2, int8_t *out);

/** As ref_concat_s8(); no more than 2^31 - 1 bytes. */
BT_MUST_CHECK enum bt_status fw_concat_s8(const struct ref_concat *concat, const struct ref_concat_input *inputs,
                                          int8_t *out);

#endif
