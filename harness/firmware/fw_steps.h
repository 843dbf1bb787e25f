/*
 * Runs the program of harness/firmware/bt_program.h. Portable: on the RISC-V the store is the DRAM, in a unit test a buffer.
 * Freestanding.
 */
#ifndef FW_STEPS_H
#define FW_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/firmware/bt_program.h"
#include "harness/variant.h"

/** Where a program runs. */
struct fw_machine {
    uint8_t *dram; /**< aligned to 16 */
    uint32_t dram_bytes;
    const struct bt_driver *driver; /**< NULL: steps of the accelerator are refused */
    struct bt_hal *hal;             /**< may be NULL when driver is; so may what takes it */
    /** Where a step begins or ends (SOC_PROBE_MARK); NULL: nothing is marked. */
    void (*mark)(struct bt_hal *hal, uint32_t value);
    /** The next start begins a measured interval; NULL: nothing is measured. */
    void (*arm)(struct bt_hal *hal);
    uint64_t (*now)(struct bt_hal *hal); /**< cycles of the accelerator clock */
    /** Why the HAL gave up, false when it did not. */
    bool (*failed)(struct bt_hal *hal, struct bt_reason *why);
    uint64_t (*copied)(struct bt_hal *hal); /**< bytes moved through the HAL so far */
};

/**
 * @brief  What a step needs of program->scratch; the program needs the most that any of its steps does.
 * @param[in] kind    enum bt_step_kind.
 * @param[in] params  What step->params will point to. Must have passed its operator's own check.
 * @return Bytes; 0 for every kind but BT_STEP_CONV2D.
 */
uint64_t fw_scratch_bytes(uint32_t kind, const void *params);

/**
 * @brief  One step. Every address is checked against the DRAM as far as its size follows from the parameters; tensors,
 *         parameters and plans are aligned to 16.
 * @param[out] why  What was refused, with the numbers.
 * @return BT_OK; BT_EINVAL (kind, address, alignment, parameters, scratch memory too small); BT_EUNSUPPORTED (no driver);
 *         BT_EDEVICE (the accelerator, or the HAL); BT_ETIMEOUT (program->wait_cycles went by); what pack() returned.
 */
BT_MUST_CHECK enum bt_status fw_run_step(const struct fw_machine *machine, const struct bt_program *program,
                                         const struct bt_step *step, struct bt_reason *why);

/** Is this a program that fw_run() can run? @return BT_OK or BT_EINVAL. */
BT_MUST_CHECK enum bt_status fw_check_program(const struct fw_machine *machine, const struct bt_program *program,
                                              struct bt_reason *why);

/**
 * @brief  All steps in order, until one fails; status, failed, why and copied of the program are written.
 * @return BT_FW_EXIT_*: BAD_PROGRAM with program->status written when its size can be believed.
 */
uint32_t fw_run(const struct fw_machine *machine, struct bt_program *program);

#endif
