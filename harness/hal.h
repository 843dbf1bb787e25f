/*
 * What a driver may do to the world. The driver's source is compiled twice: natively, where these calls reach a
 * Verilated core or a C model, and for RV32, where they are loads and stores. Freestanding: no libc.
 *
 * Addresses are byte addresses in the accelerator's own view of memory, starting at 0.
 */
#ifndef BT_HAL_H
#define BT_HAL_H

#include <stddef.h>
#include <stdint.h>

#include "reference/common/bt_status.h"

struct bt_hal; /* opaque: one accelerator instance and the memory it sees */

/* Control registers, over whatever bus the core has (AXI4-Lite or APB). Byte offsets. */
void bt_hal_reg_write(struct bt_hal *hal, uint32_t offset, uint32_t value);
uint32_t bt_hal_reg_read(struct bt_hal *hal, uint32_t offset);

/* Bare pins, for cores without a register bus; `pin` is the index in the core's description. */
void bt_hal_pin_set(struct bt_hal *hal, unsigned pin, uint64_t value);
uint64_t bt_hal_pin_get(struct bt_hal *hal, unsigned pin);

/* The store that all memory ports of the core share. Out-of-range accesses are an error of the job. */
void bt_hal_mem_write(struct bt_hal *hal, uint64_t addr, const void *src, size_t bytes);
void bt_hal_mem_read(struct bt_hal *hal, uint64_t addr, void *dst, size_t bytes);
void bt_hal_mem_fill(struct bt_hal *hal, uint64_t addr, uint8_t value, size_t bytes);

/** Declares [addr, addr+bytes) writable by the core; a write outside every window fails the job. */
void bt_hal_allow_write(struct bt_hal *hal, uint64_t addr, uint64_t bytes);

/** Withdraws all windows; program() calls this before it declares its own. */
void bt_hal_clear_windows(struct bt_hal *hal);

/* Why bt_hal_run() returned. */
enum bt_event {
    BT_EVENT_IRQ,    /**< interrupt output is high */
    BT_EVENT_PULSE,  /**< an event output pulsed; latched, so that a pulse during a register access is not lost */
    BT_EVENT_DONE,   /**< the polled value or the output count of the core's description was reached */
    BT_EVENT_BUDGET, /**< max_cycles went by: poll what you have to and call again, or give up */
    BT_EVENT_FAILED, /**< protocol violation, write outside an allowed window, or simulator failure: the job is over */
};

/** Lets the accelerator run for at most max_cycles clock cycles, until something happens. */
enum bt_event bt_hal_run(struct bt_hal *hal, uint64_t max_cycles);

#endif
