/* harness/hal.h over loads and stores, and what the firmware needs beside it. One accelerator, one program. */
#ifndef FW_HAL_RV32_H
#define FW_HAL_RV32_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/firmware/bt_program.h"
#include "harness/hal.h"

/** The HAL of a program, whose devices and memory it takes. @pre The program passed fw_check_program(). */
struct bt_hal *fw_hal_open(const struct bt_program *program);

/* For struct fw_machine. */
void fw_hal_mark(struct bt_hal *hal, uint32_t value);
void fw_hal_arm(struct bt_hal *hal);
uint64_t fw_hal_now(struct bt_hal *hal);
bool fw_hal_failed(struct bt_hal *hal, struct bt_reason *why);
uint64_t fw_hal_copied(struct bt_hal *hal);

/** Text on the console; nothing before fw_hal_open(). */
void fw_hal_print(const char *text);

/** Ends the program at once: the exit device of the opened HAL, else of `program`. */
_Noreturn void fw_exit(uint32_t code, const struct bt_program *program);

#endif
