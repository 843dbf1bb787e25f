/*
 * When the beats of a read transfer come: rtl/common/bt_axi_read.sv on the simulated memory (harness/CONTRACT.md, Memory), in
 * clock cycles. For the cycle models of rooms whose operands come that way. Freestanding.
 */
#ifndef BT_AXI_TIME_H
#define BT_AXI_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/variant.h"

/** Memory as one direction of a 128-bit port sees it. */
struct bt_axi_memory {
    int64_t latency;     /**< cycles, at least 1 */
    int64_t beat;        /**< cycles from one beat to the next */
    int64_t outstanding; /**< bursts, [1, BT_AXI_MAX_OUTSTANDING] */
};
#define BT_AXI_MAX_OUTSTANDING 64
/** Cycles from the start of a transfer to its first address on the bus. */
#define BT_AXI_START_TO_ADDRESS 1

/** @return false where outstanding is out of range. */
bool bt_axi_memory(const struct bt_memory *mem, struct bt_axi_memory *axi);

/** Do enough bursts fit under way to hide the latency of transfers of one row, however they are cut? */
bool bt_axi_streams(const struct bt_axi_memory *mem);

/** A transfer of `rows` rows of `beats` beats of 16 bytes, `pitch` bytes apart; rows, beats >= 1, addr and pitch multiples of 16. */
struct bt_axi_transfer {
    uint32_t addr, pitch;
    int64_t beats, rows;
};

/**
 * @brief  Cycle of the last beat. Bursts end at 256-byte lines and at the end of a row; burst i is accepted after i-1, and
 *         after i-N has left; its first beat comes `latency` later, a beat's interval after the last of i-1 at the earliest.
 * @param[in] start   Cycle in which the transfer is started: the first address is on the bus in the next.
 * @param[in] before  Cycle of the last beat of the transfer before, as returned; long ago: very small.
 */
int64_t bt_axi_read_end(const struct bt_axi_memory *mem, int64_t start, int64_t before,
                        const struct bt_axi_transfer *transfer);

#endif
