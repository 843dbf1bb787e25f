/* ref_conv2d_finish() for whole rows of sums at once: the same bits, by vector instructions. */
#ifndef REF_REQUANTISE_ROWS_H
#define REF_REQUANTISE_ROWS_H

#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"
#include "reference/ops/isa.h"

/** What is worked out once per layer: multipliers, shifts and roundings of every channel in the vectors' terms. */
struct ref_requantiser;

/**
 * @param[in]  conv    c_out, out_zp, act_min, act_max, rounding and table are read.
 * @param[in]  add     [c_out] added to every sum modulo 2^32, or NULL.
 * @param[in]  mult, shift, table  As struct bt_conv2d states them; table is read when conv->table. All are copied.
 * @param[in]  isa     ref_isa_available(); tests hold it to each.
 * @param[out] made    Release with ref_requantiser_free().
 * @return BT_OK; BT_EINVAL (null, a multiplier or shift out of range); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status ref_requantiser_new(const struct bt_conv2d *conv, const int32_t *add, const int32_t *mult,
                                                 const int32_t *shift, const int8_t *table, enum ref_isa isa,
                                                 struct ref_requantiser **made);

/** NULL is allowed. */
void ref_requantiser_free(struct ref_requantiser *requantiser);

/**
 * @brief  out[p][c] = ref_conv2d_finish(sums[p][c] + add[first + c]) for every pixel p and c in [0, count).
 * @param[in]  first  Channel of the first column, that of a group for instance.
 * @param[in]  sums   [pixels][count], without gaps.
 * @param[out] out    Where channel `first` of the first pixel goes; pixels are c_out apart.
 */
void ref_requantise_rows(const struct ref_requantiser *requantiser, const int32_t *sums, int64_t pixels, int32_t first,
                         int32_t count, int8_t *out);

#endif
