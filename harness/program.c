#include "harness/program.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Also what the vector loads of a core and a word-wise copy like. */
#define ALIGNMENT 16u

/* NOLINTNEXTLINE(readability-non-const-parameter): programs are written into it */
void bt_program_begin(struct bt_program_image *image, uint8_t *dram, uint64_t dram_bytes, uint64_t brk)
{
    *image = (struct bt_program_image){
        .dram = dram,
        .dram_bytes = dram_bytes < UINT32_MAX ? dram_bytes : UINT32_MAX,
        .brk = brk > 0 ? brk : ALIGNMENT, /* offset 0 means "none" */
    };
    image->need = image->brk;
}

void bt_program_free(struct bt_program_image *image)
{
    free(image->steps);
    *image = (struct bt_program_image){0};
}

static uint64_t align(uint64_t value)
{
    return (value + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

uint32_t bt_program_reserve(struct bt_program_image *image, uint64_t bytes)
{
    const uint64_t addr = align(image->brk);
    image->need = align(image->need) + bytes;
    if (addr > image->dram_bytes || bytes > image->dram_bytes - addr) {
        return 0;
    }
    image->brk = addr + bytes;
    return (uint32_t)addr;
}

uint32_t bt_program_put(struct bt_program_image *image, const void *data, uint64_t bytes)
{
    if (data == NULL || bytes == 0) {
        return 0;
    }
    const uint32_t addr = bt_program_reserve(image, bytes);
    if (addr != 0) {
        memcpy(image->dram + addr, data, bytes);
    }
    return addr;
}

struct bt_step *bt_program_step(struct bt_program_image *image, enum bt_step_kind kind, uint32_t node)
{
    static struct bt_step nowhere; /* what is written here is never run: the program has failed */
    if (image->count == image->capacity) {
        const uint32_t capacity = image->capacity * 2 + 32;
        struct bt_step *grown = realloc(image->steps, capacity * sizeof(*grown));
        if (grown == NULL) {
            image->failed = true;
            return &nowhere;
        }
        image->steps = grown;
        image->capacity = capacity;
    }
    struct bt_step *step = &image->steps[image->count++];
    *step = (struct bt_step){.kind = kind, .node = node};
    return step;
}

enum bt_status bt_program_end(struct bt_program_image *image, const struct bt_program_target *target, uint32_t *program,
                              struct bt_error *err)
{
    const struct bt_soc_map *map = target->map;
    struct bt_program header = {
        .magic = BT_PROGRAM_MAGIC,
        .bytes = sizeof(header),
        .step_count = image->count,
        .scratch_bytes = (uint32_t)image->scratch_bytes,
        .dram_bytes = (uint32_t)image->dram_bytes,
        .status = BT_PROGRAM_UNFINISHED,
        .dram_base = map->dram.base,
        .console = map->console,
        .timer = map->timer,
        .interrupt = map->interrupt,
        .exit_ = map->exit_,
        .probe = map->probe,
        .wait = target->wait,
        .wait_cycles = target->wait_cycles < UINT32_MAX ? (uint32_t)target->wait_cycles : UINT32_MAX,
    };
    if (target->accel < map->accel_count) {
        header.accel_base = map->accel[target->accel].base;
        header.accel_line = target->accel;
    }
    header.scratch = image->scratch_bytes != 0 ? bt_program_reserve(image, image->scratch_bytes) : 0;
    header.steps = bt_program_put(image, image->steps, (uint64_t)image->count * sizeof(struct bt_step));
    *program = bt_program_put(image, &header, sizeof(header));
    if (image->failed) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    if (image->need > image->dram_bytes) {
        return bt_fail(err, BT_ENOMEM, "DRAM too small: the program takes %" PRIu64 " bytes, there are %" PRIu64,
                       image->need, image->dram_bytes);
    }
    return BT_OK;
}

const struct bt_program *bt_program_at(const struct bt_program_image *image, uint32_t program)
{
    return (const struct bt_program *)(const void *)(image->dram + program);
}
