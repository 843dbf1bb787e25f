/* Builds a program for the firmware (harness/firmware/bt_program.h) in the DRAM of a simulated system. */
#ifndef BT_HOST_PROGRAM_H
#define BT_HOST_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/error.h"
#include "harness/firmware/bt_program.h"
#include "harness/soc/soc_map.h"
#include "harness/variant.h"

/** A program in the making. Offsets are those of the accelerators' view of DRAM. */
struct bt_program_image {
    uint8_t *dram;
    uint64_t dram_bytes;
    uint64_t brk;  /**< first byte that nobody owns */
    uint64_t need; /**< as brk, but also counts what found no room */
    uint32_t count, capacity;
    struct bt_step *steps;
    uint64_t scratch_bytes;
    bool failed; /**< the host ran out of memory; said by bt_program_end() */
};

/** Starts an empty program whose parts lie from brk on. Release with bt_program_free(). */
void bt_program_begin(struct bt_program_image *image, uint8_t *dram, uint64_t dram_bytes, uint64_t brk);
void bt_program_free(struct bt_program_image *image);

/** Room of that size, aligned to 16, not written. @return its offset, or 0 where DRAM is full (bt_program_end() says so). */
uint32_t bt_program_reserve(struct bt_program_image *image, uint64_t bytes);

/** The same with a copy of the bytes; NULL or 0 bytes give offset 0. */
uint32_t bt_program_put(struct bt_program_image *image, const void *data, uint64_t bytes);

/** Appends a step, all zero but its kind and node. @return it, until the next call; never NULL. */
struct bt_step *bt_program_step(struct bt_program_image *image, enum bt_step_kind kind, uint32_t node);

/** Where the program meets the system. */
struct bt_program_target {
    const struct bt_soc_map *map;
    uint32_t accel; /**< index in the map; not looked at where map->accel_count is 0 */
    enum bt_wait wait;
    uint64_t wait_cycles; /**< bound of one wait for the accelerator */
};

/**
 * @brief  Writes header and steps.
 * @param[out] program  Offset of the struct bt_program.
 * @return BT_OK; BT_ENOMEM (err says how many bytes of DRAM it takes and how many there are, or that the host has none).
 */
BT_MUST_CHECK enum bt_status bt_program_end(struct bt_program_image *image, const struct bt_program_target *target,
                                            uint32_t *program, struct bt_error *err);

/** The header that the firmware has left its results in. */
const struct bt_program *bt_program_at(const struct bt_program_image *image, uint32_t program);

#endif
