#include <inttypes.h>
#include <string.h>

#include "harness/firmware/soc_regs.h"
#include "harness/soc/soc_internal.h"

static uint32_t bits(uint32_t word, unsigned high, unsigned low)
{
    return word >> low & ((2u << (high - low)) - 1);
}

static uint32_t sign_extend(uint32_t value, unsigned width)
{
    const uint32_t sign = 1u << (width - 1);
    return ((value & ((sign << 1) - 1)) ^ sign) - sign;
}

bool bt_soc_decode(const struct bt_soc *soc, uint32_t pc, struct bt_soc_insn *insn)
{
    const uint8_t *code = bt_soc_memory(soc, pc, 4);
    uint32_t word = 0;
    if (code != NULL) {
        memcpy(&word, code, 4);
    }
    const uint32_t opcode = bits(word, 6, 0);
    const uint32_t kind = bits(word, 14, 12);
    const bool load = opcode == 0x03 && kind != 3 && kind <= 5;
    const bool store = opcode == 0x23 && kind <= 2;
    const uint32_t base = bt_soc_reg(soc, UC_RISCV_REG_X0 + (int)bits(word, 19, 15));
    const uint32_t offset = store ? bits(word, 31, 25) << 5 | bits(word, 11, 7) : bits(word, 31, 20);
    insn->addr = base + sign_extend(offset, 12);
    insn->bytes = 1u << (kind & 3);
    insn->write = store;
    insn->rd = bits(word, 11, 7);
    insn->value = store ? bt_soc_reg(soc, UC_RISCV_REG_X0 + (int)bits(word, 24, 20)) : 0;
    return load || store;
}

/* ---- the five devices; each answers whether it has that register ---- */

static bool console(struct bt_soc *soc, uint32_t offset, struct bt_soc_insn *access)
{
    if (offset != SOC_CONSOLE_TX || !access->write) {
        return false;
    }
    if (soc->console_bytes < BT_SOC_CONSOLE_BYTES - 1) {
        const char c = (char)access->value;
        soc->console[soc->console_bytes++] = c != '\0' ? c : '?'; /* the text ends at a NUL */
    }
    return true;
}

static bool timer(struct bt_soc *soc, uint32_t offset, struct bt_soc_insn *access)
{
    const uint64_t now = bt_soc_now(soc);
    if (offset == SOC_TIMER_NOW_LO && !access->write) {
        access->value = (uint32_t)now;
        soc->now_hi = (uint32_t)(now >> 32);
    } else if (offset == SOC_TIMER_NOW_HI && !access->write) {
        access->value = soc->now_hi;
    } else if (offset == SOC_TIMER_COMPARE_LO || offset == SOC_TIMER_COMPARE_HI) {
        const unsigned shift = offset == SOC_TIMER_COMPARE_HI ? 32 : 0;
        if (access->write) {
            soc->compare = (soc->compare & ~((uint64_t)UINT32_MAX << shift)) | (uint64_t)access->value << shift;
        } else {
            access->value = (uint32_t)(soc->compare >> shift);
        }
    } else {
        return false;
    }
    return true;
}

static bool interrupt(struct bt_soc *soc, uint32_t offset, struct bt_soc_insn *access)
{
    if (offset == SOC_INTERRUPT_PENDING && !access->write) {
        bt_soc_sync(soc);
        access->value = bt_soc_lines(soc);
    } else if (offset == SOC_INTERRUPT_ENABLE && access->write) {
        soc->enable = access->value;
    } else if (offset == SOC_INTERRUPT_ENABLE) {
        access->value = soc->enable;
    } else {
        return false;
    }
    return true;
}

static bool exit_device(struct bt_soc *soc, uint32_t offset, struct bt_soc_insn *access)
{
    if (offset != SOC_EXIT_CODE || !access->write) {
        return false;
    }
    soc->exit_code = access->value;
    soc->ended = true;
    soc->end = BT_SOC_EXITED;
    return true;
}

static bool probe(struct bt_soc *soc, uint32_t offset, struct bt_soc_insn *access)
{
    if (!access->write) {
        return false;
    }
    struct bt_hal *hal = soc->window_accel < BT_SOC_ACCELS ? soc->accel[soc->window_accel].hal : NULL;
    const bool needs_accel =
        offset == SOC_PROBE_WINDOW_ADD || offset == SOC_PROBE_WINDOW_CLEAR || offset == SOC_PROBE_ARM;
    if (needs_accel && hal == NULL) {
        bt_soc_finish(soc, BT_SOC_FAULT, "probe: there is no accelerator %" PRIu32, soc->window_accel);
        return true;
    }
    switch (offset) {
    case SOC_PROBE_MARK:
        bt_soc_mark(soc, access->value);
        break;
    case SOC_PROBE_ACCEL:
        soc->window_accel = access->value;
        break;
    case SOC_PROBE_WINDOW_ADDR:
        soc->window_addr = access->value;
        break;
    case SOC_PROBE_WINDOW_BYTES:
        soc->window_bytes = access->value;
        break;
    case SOC_PROBE_WINDOW_ADD:
        bt_hal_allow_write(hal, soc->window_addr, soc->window_bytes);
        break;
    case SOC_PROBE_WINDOW_CLEAR:
        bt_hal_clear_windows(hal);
        break;
    case SOC_PROBE_ARM:
        bt_soc_arm(soc, soc->window_accel);
        break;
    default:
        return false;
    }
    if (needs_accel && bt_hal_sim_failed(hal) != NULL) {
        bt_soc_finish(soc, BT_SOC_FAULT, "accelerator %" PRIu32 ": %.180s", soc->window_accel, bt_hal_sim_failed(hal));
    }
    return true;
}

static void accelerator(struct bt_soc *soc, uint32_t index, uint32_t offset, struct bt_soc_insn *access)
{
    struct bt_hal *hal = soc->accel[index].hal;
    struct bt_sim_stats stats;
    bt_soc_catch_up(soc, index);
    if (soc->ended) {
        return;
    }
    bt_hal_sim_stats(hal, &stats);
    if (access->write) {
        bt_hal_reg_write(hal, offset, access->value);
    } else {
        access->value = bt_hal_reg_read(hal, offset);
    }
    bt_soc_accessed(soc, index, stats.cycles);
}

/* ---- any of them ---- */

typedef bool device_fn(struct bt_soc *soc, uint32_t offset, struct bt_soc_insn *access);

static device_fn *find_device(const struct bt_soc *soc, uint32_t addr)
{
    const struct bt_soc_map *map = &soc->map;
    const struct {
        uint32_t base;
        device_fn *device;
    } devices[] = {
        {map->console, console},   {map->timer, timer}, {map->interrupt, interrupt},
        {map->exit_, exit_device}, {map->probe, probe},
    };
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        if (addr >= devices[i].base && addr - devices[i].base < SOC_DEVICE_BYTES) {
            return devices[i].device;
        }
    }
    return NULL;
}

static uint32_t find_accel(const struct bt_soc *soc, uint32_t addr)
{
    uint32_t i = 0;
    while (i < soc->map.accel_count &&
           (addr < soc->map.accel[i].base || addr - soc->map.accel[i].base >= soc->map.accel[i].bytes)) {
        i++;
    }
    return i;
}

static void illegal(struct bt_soc *soc, const struct bt_soc_insn *access, const char *place)
{
    const struct bt_soc_map *map = &soc->map;
    const uint32_t stack = map->ram.base + map->ram.bytes - map->stack_bytes;
    const bool overflow = access->addr < stack && access->addr >= stack - BT_SOC_PAGE;
    bt_soc_finish(soc, BT_SOC_FAULT, "%s %s of %" PRIu32 " byte%s at 0x%08" PRIx32 " (%s)",
                  overflow ? "stack overflow:" : "illegal", access->write ? "write" : "read", access->bytes,
                  access->bytes == 1 ? "" : "s", access->addr, place);
}

static void remember(struct bt_soc *soc, const struct bt_soc_insn *access)
{
    const size_t at = (size_t)(soc->accesses++ % BT_SOC_TRAIL);
    soc->trail[at].addr = access->addr;
    soc->trail[at].value = access->value;
    soc->trail[at].write = access->write;
    soc->mmio_writes += access->write ? 1 : 0;
    soc->mmio_reads += access->write ? 0 : 1;
}

void bt_soc_access(struct bt_soc *soc)
{
    struct bt_soc_insn access;
    char place[48];
    if (!bt_soc_decode(soc, soc->pc, &access)) {
        bt_soc_finish(soc, BT_SOC_FAULT, "illegal access to memory, by no load or store of RV32I");
        return;
    }
    bt_soc_place(soc, access.addr, place, sizeof(place));
    device_fn *device = find_device(soc, access.addr);
    const uint32_t accel = find_accel(soc, access.addr);
    const bool is_accel = accel < soc->map.accel_count;
    if (device == NULL && !is_accel) {
        illegal(soc, &access, place);
        return;
    }
    if (access.bytes != 4 || access.addr % 4 != 0) {
        bt_soc_finish(soc, BT_SOC_FAULT,
                      "%s of %" PRIu32 " byte%s at 0x%08" PRIx32 " (%s): devices take aligned words only",
                      access.write ? "write" : "read", access.bytes, access.bytes == 1 ? "" : "s", access.addr, place);
        return;
    }
    if (is_accel && soc->accel[accel].hal == NULL) {
        bt_soc_finish(soc, BT_SOC_FAULT, "illegal %s of 4 bytes at 0x%08" PRIx32 " (%s): there is no such accelerator",
                      access.write ? "write" : "read", access.addr, place);
        return;
    }
    if (is_accel) {
        accelerator(soc, accel, access.addr - soc->map.accel[accel].base, &access);
    } else if (!device(soc, access.addr % SOC_DEVICE_BYTES, &access)) {
        bt_soc_finish(soc, BT_SOC_FAULT, "%s of an unknown register at 0x%08" PRIx32 " (%s)",
                      access.write ? "write" : "read", access.addr, place);
        return;
    }
    remember(soc, &access);
    if (!access.write && access.rd != 0) {
        bt_soc_set_reg(soc, UC_RISCV_REG_X0 + (int)access.rd, access.value);
    }
    bt_soc_retire(soc, soc->pc, 1);
    soc->pc += 4;
}

void bt_soc_devices_reset(struct bt_soc *soc)
{
    soc->compare = UINT64_MAX;
    soc->now_hi = soc->enable = 0;
    soc->window_accel = soc->window_addr = soc->window_bytes = 0;
    soc->console_bytes = 0;
    soc->accesses = soc->mmio_reads = soc->mmio_writes = soc->interrupts = 0;
}
