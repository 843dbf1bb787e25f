/*
 * Random programs of one software step each, for running the firmware's kernels where they can be compared: natively, on the
 * ISS, and with the reference operators. Everything follows from the index.
 */
#ifndef FW_RANDOM_H
#define FW_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "harness/firmware/bt_program.h"

#define FW_RANDOM_CASES 1000u
#define FW_RANDOM_DRAM_BYTES (UINT32_C(128) << 10)

struct fw_random_case {
    uint32_t kind;           /**< enum bt_step_kind */
    uint32_t program;        /**< offset of the struct bt_program in DRAM */
    uint32_t out, out_bytes; /**< where the result will be */
};

/**
 * @brief  Fills a DRAM with a program of one step and all that it points to; the rest is noise. The CPU's addresses in
 *         struct bt_program are 0 but for dram_base, which is 1: whoever runs it on a CPU writes them.
 * @param[in]  index  Any; FW_RANDOM_CASES of them see every kind and every corner.
 * @param[out] dram   FW_RANDOM_DRAM_BYTES, aligned to 16.
 */
void fw_random_build(uint32_t index, uint8_t *dram, struct fw_random_case *made);

/**
 * @brief  What the reference operators make of it.
 * @param[in]  dram      As fw_random_build() left it; the program has not run.
 * @param[out] expected  made->out_bytes, aligned to 4; must not lie in dram.
 * @return What the operator returns: BT_OK, unless the generator is wrong.
 */
BT_MUST_CHECK enum bt_status fw_random_expect(const uint8_t *dram, const struct fw_random_case *made, void *expected);

#endif
