#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "harness/firmware/soc_regs.h"
#include "harness/soc/soc_internal.h"

static bool inside(uint32_t addr, uint32_t base, uint64_t bytes)
{
    return addr >= base && addr - base < bytes;
}

void bt_soc_place(const struct bt_soc *soc, uint32_t addr, char *text, size_t bytes)
{
    const struct bt_soc_map *map = &soc->map;
    const struct {
        const char *name;
        uint32_t base;
    } devices[] = {
        {"console", map->console}, {"timer", map->timer}, {"interrupt", map->interrupt},
        {"exit", map->exit_},      {"probe", map->probe},
    };
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        if (inside(addr, devices[i].base, SOC_DEVICE_BYTES)) {
            (void)snprintf(text, bytes, "%s+0x%02" PRIx32, devices[i].name, addr - devices[i].base);
            return;
        }
    }
    for (uint32_t i = 0; i < map->accel_count; i++) {
        if (inside(addr, map->accel[i].base, map->accel[i].bytes)) {
            (void)snprintf(text, bytes, "accel%" PRIu32 "+0x%02" PRIx32, i, addr - map->accel[i].base);
            return;
        }
    }
    const uint32_t guard = map->ram.base + map->ram.bytes - map->stack_bytes - BT_SOC_PAGE;
    const char *name = inside(addr, map->rom.base, map->rom.bytes)             ? "rom"
                       : inside(addr, guard, BT_SOC_PAGE)                      ? "below the stack"
                       : inside(addr, map->ram.base, map->ram.bytes)           ? "ram"
                       : inside(addr, map->dram.base, soc->options.dram_bytes) ? "dram"
                       : inside(addr, map->dram.base, map->dram.bytes)         ? "beyond the end of dram"
                                                                               : "unmapped";
    (void)snprintf(text, bytes, "%s", name);
}

void bt_soc_where(const struct bt_soc *soc, uint32_t pc, char *text, size_t bytes)
{
    const struct bt_soc_symbol *found = NULL;
    for (uint32_t i = 0; i < soc->program.symbol_count && soc->program.symbols[i].value <= pc; i++) {
        /* Of several at one address, the first in the file; markers of the linker lie outside of rom. */
        if (soc->program.symbols[i].value >= soc->map.rom.base &&
            (found == NULL || found->value != soc->program.symbols[i].value)) {
            found = &soc->program.symbols[i];
        }
    }
    text[0] = '\0';
    if (found != NULL && inside(pc, soc->map.rom.base, soc->map.rom.bytes)) {
        (void)snprintf(text, bytes, " <%.60s+0x%" PRIx32 ">", found->name, pc - found->value);
    }
}

/* "; last device accesses: W interrupt+0x04=0x1 ...", oldest first. */
static void trail(const struct bt_soc *soc, char *text, size_t bytes)
{
    const uint64_t count = soc->accesses < BT_SOC_TRAIL ? soc->accesses : BT_SOC_TRAIL;
    size_t used = 0;
    text[0] = '\0';
    for (uint64_t i = soc->accesses - count; i < soc->accesses && used < bytes; i++) {
        char place[40];
        const size_t at = (size_t)(i % BT_SOC_TRAIL);
        bt_soc_place(soc, soc->trail[at].addr, place, sizeof(place));
        const int length =
            snprintf(text + used, bytes - used, "%s%c %s=0x%" PRIx32, used == 0 ? "; last device accesses: " : " ",
                     soc->trail[at].write ? 'W' : 'R', place, soc->trail[at].value);
        used += length > 0 ? (size_t)length : 0;
    }
}

void bt_soc_finish(struct bt_soc *soc, enum bt_soc_end end, const char *fmt, ...)
{
    if (soc->ended) {
        return; /* the first reason is the one to tell */
    }
    char what[260];
    char where[80];
    char accesses[200];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    bt_soc_where(soc, soc->pc, where, sizeof(where));
    trail(soc, accesses, sizeof(accesses));
    soc->ended = true;
    soc->end = end;
    (void)bt_fail(&soc->why, BT_OK, "%s at pc 0x%08" PRIx32 "%s%s", what, soc->pc, where, accesses);
}
