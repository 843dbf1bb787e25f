/* The firmware's main program: one program of harness/firmware/bt_program.h, from its address in a0 to the exit code. */
#include <string.h>

#include "harness/firmware/fw_steps.h"
#include "harness/firmware/rv32/hal_rv32.h"

/* -DBT_FW_DRIVER=<variant>_driver */
extern const struct bt_driver BT_FW_DRIVER;

uint32_t fw_main(struct bt_program *program);

/* A room's planning is linked with its driver, though it runs on the host alone. */
int64_t bt_config_get(const struct bt_config *config, const char *key, int64_t fallback)
{
    for (uint32_t i = 0; i < config->count; i++) {
        if (strcmp(config->param[i].key, key) == 0) {
            return config->param[i].value;
        }
    }
    return fallback;
}

uint32_t fw_main(struct bt_program *program)
{
    if (program == NULL || program->magic != BT_PROGRAM_MAGIC || program->bytes != sizeof(*program) ||
        program->dram_base == 0) {
        return BT_FW_EXIT_BAD_PROGRAM;
    }
    const struct fw_machine machine = {
        .dram = (uint8_t *)(uintptr_t)program->dram_base,
        .dram_bytes = program->dram_bytes,
        .driver = &BT_FW_DRIVER,
        .hal = fw_hal_open(program),
        .mark = fw_hal_mark,
        .arm = fw_hal_arm,
        .now = fw_hal_now,
        .failed = fw_hal_failed,
        .copied = fw_hal_copied,
    };
    return fw_run(&machine, program);
}
