/* A table of 256 results in vectors, where the machine can: the same bytes as one look-up after the other. */
#ifndef REF_TABLE_S8_FAST_H
#define REF_TABLE_S8_FAST_H

#include <stdint.h>

#include "reference/ops/isa.h"

/**
 * @brief  out[i] = table[in[i] + 128].
 * @param[in]  isa  ref_isa_available().
 * @param[out] out  May be in itself; must not overlap it otherwise.
 */
void ref_table_s8(const int8_t table[256], enum ref_isa isa, int64_t elems, const int8_t *in, int8_t *out);

#endif
