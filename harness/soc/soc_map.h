/* The memory map of the simulated system, from suites/soc.yaml: where memories, devices and accelerators are. */
#ifndef BT_SOC_MAP_H
#define BT_SOC_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "harness/error.h"
#include "reference/common/bt_status.h"

#define BT_SOC_ACCELS 4

struct bt_soc_range {
    uint32_t base;
    uint32_t bytes; /**< multiple of 4096 */
};

struct bt_soc_map {
    uint32_t cpu_mips;             /**< instructions per microsecond of simulated time, [1, 10000] */
    uint32_t clock_mhz;            /**< of accelerators, memory and timer, [1, 10000] */
    uint32_t quantum_instructions; /**< at most so many between two looks at the interrupt lines, [1, 10^7] */
    struct bt_soc_range rom;       /**< code and constants: writes end the job */
    struct bt_soc_range ram;       /**< data; the stack grows down from its end */
    uint32_t stack_bytes;          /**< of ram, multiple of 4096; the page below is not mapped */
    struct bt_soc_range dram;      /**< bytes: the largest it may be; a job takes what its configuration says */
    uint32_t console, timer, interrupt, exit_, probe; /**< bases */
    uint32_t accel_count;
    struct bt_soc_range accel[BT_SOC_ACCELS]; /**< control registers */
    char path[256];
};

/**
 * @brief  Loads and checks a map: every key known, ranges aligned to pages, none overlapping another.
 * @return BT_OK; BT_EINPUT ("path:line: what: expected what"); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_soc_map_load(const char *path, struct bt_soc_map *map, struct bt_error *err);

/** The same for text in memory; path only names it in messages. */
BT_MUST_CHECK enum bt_status bt_soc_map_parse(const char *path, const void *text, size_t bytes, struct bt_soc_map *map,
                                              struct bt_error *err);

#endif
