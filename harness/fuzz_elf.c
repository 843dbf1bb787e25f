/* Any bytes as an executable: accepted, or refused with one line; what is accepted ends within its bounds. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/soc/soc.h"

/* The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* NOLINT(readability-identifier-naming) */

static const struct bt_soc_map map = {
    .cpu_mips = 40,
    .clock_mhz = 100,
    .quantum_instructions = 100,
    .rom = {0x00010000, 0x4000},
    .ram = {0x10000000, 0x4000},
    .stack_bytes = 0x1000,
    .dram = {0x80000000, 0x10000},
    .console = 0x20000000,
    .timer = 0x20001000,
    .interrupt = 0x20002000,
    .exit_ = 0x20003000,
    .probe = 0x20004000,
    .path = "fuzz.yaml",
};

static void run(struct bt_soc *soc)
{
    struct bt_soc_report report;
    struct bt_error err = {""};
    if (bt_soc_run(soc, 0, &report, &err) == BT_OK && report.end != BT_SOC_EXITED && report.why.text[0] == '\0') {
        abort();
    }
}

/* The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) /* NOLINT(readability-identifier-naming) */
{
    static _Alignas(4096) uint8_t dram[0x10000];
    char path[64];
    struct bt_error err = {""};
    struct bt_soc *soc = NULL;
    const int file = memfd_create("fuzz.elf", 0);
    if (file < 0 || write(file, data, size) != (ssize_t)size) {
        abort();
    }
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    const struct bt_soc_options options = {.map = &map,
                                           .elf = path,
                                           .dram = dram,
                                           .dram_bytes = sizeof(dram),
                                           .max_instructions = 10000,
                                           .max_cycles = 100000,
                                           .max_seconds = 5};
    const enum bt_status status = bt_soc_open(&options, &soc, &err);
    if (status == BT_OK) {
        run(soc);
    } else if (status != BT_EINPUT || soc != NULL || strchr(err.text, '\n') != NULL) {
        abort();
    }
    bt_soc_close(soc);
    (void)close(file);
    return 0;
}
