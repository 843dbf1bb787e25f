#include "harness/soc/soc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "harness/soc/soc_internal.h"

/* Unicorn's translation buffer grows at every change of mstatus.MPP and never shrinks: after so many, a new instance. */
#define MOST_TRAPS 48u
#define ADDRESS_SPACE ((size_t)1 << 32)
#define MSTATUS_MIE (1u << 3)

/* ---- life ---- */

/* Pages that read 0 and cost nothing until they are touched: a program touches few of them. NULL: no memory. */
static uint8_t *zero_pages(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages != MAP_FAILED ? pages : NULL;
}

/* Makes them 0 again. */
static void clear_pages(uint8_t *pages, size_t bytes)
{
    if (madvise(pages, bytes, MADV_DONTNEED) != 0) {
        memset(pages, 0, bytes);
    }
}

static void free_pages(uint8_t *pages, size_t bytes)
{
    if (pages != NULL) {
        (void)munmap(pages, bytes);
    }
}

/* What the program has in DRAM is loaded once, like all else that is there. */
static void load_segments(struct bt_soc *soc, bool dram)
{
    for (uint32_t i = 0; i < soc->program.segment_count; i++) {
        const struct bt_soc_segment *segment = &soc->program.segments[i];
        const uint32_t base = soc->map.dram.base;
        if ((segment->addr >= base && segment->addr - base < soc->options.dram_bytes) == dram) {
            memcpy(bt_soc_memory(soc, segment->addr, segment->bytes), segment->data, segment->bytes);
        }
    }
}

static enum bt_status check_options(const struct bt_soc_options *options, struct bt_error *err)
{
    if (options->map == NULL || options->elf == NULL || options->max_instructions == 0 || options->max_cycles == 0 ||
        !(options->max_seconds > 0) || options->cpu_mips > 10000 ||
        (options->dram == NULL && options->dram_bytes != 0)) {
        return bt_fail(err, BT_EINVAL, "simulated system: no map, program, bound or DRAM, or more than 10000 MIPS");
    }
    if (options->dram_bytes % BT_SOC_PAGE != 0 || options->dram_bytes > options->map->dram.bytes) {
        return bt_fail(err, BT_EINPUT, "DRAM of %" PRIu64 " bytes: expected whole pages, at most the %" PRIu32 " of %s",
                       options->dram_bytes, options->map->dram.bytes, options->map->path);
    }
    return BT_OK;
}

enum bt_status bt_soc_open(const struct bt_soc_options *options, struct bt_soc **soc, struct bt_error *err)
{
    enum bt_status status = check_options(options, err);
    if (status != BT_OK) {
        return status;
    }
    struct bt_soc *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return bt_fail(err, BT_ENOMEM, "simulated system: out of memory");
    }
    made->options = *options;
    made->map = *options->map;
    if (options->cpu_mips != 0) {
        made->map.cpu_mips = options->cpu_mips;
    }
    made->rom = zero_pages(made->map.rom.bytes);
    made->ram = zero_pages(made->map.ram.bytes);
    made->console = calloc(1, BT_SOC_CONSOLE_BYTES);
    /* Addresses only: nothing is ever there. */
    made->hole = mmap(NULL, ADDRESS_SPACE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (made->hole == MAP_FAILED) {
        made->hole = NULL;
    }
    if (made->rom == NULL || made->ram == NULL || made->console == NULL || made->hole == NULL) {
        status = bt_fail(err, BT_ENOMEM, "simulated system: out of memory");
        goto cleanup;
    }
    status = bt_soc_program_load(made, err);
    if (status == BT_OK && options->profile) {
        status = bt_soc_profile_open(made);
    }
    if (status == BT_OK) {
        load_segments(made, true);
        *soc = made;
        made = NULL;
    }

cleanup:
    bt_soc_close(made);
    return status;
}

void bt_soc_close(struct bt_soc *soc)
{
    if (soc == NULL) {
        return;
    }
    bt_soc_cpu_close(soc);
    bt_soc_profile_close(soc);
    bt_soc_program_free(&soc->program);
    if (soc->hole != NULL) {
        (void)munmap(soc->hole, ADDRESS_SPACE);
    }
    free_pages(soc->rom, soc->map.rom.bytes);
    free_pages(soc->ram, soc->map.ram.bytes);
    free(soc->console);
    free(soc->marks);
    free(soc->spans);
    free(soc);
}

/* ---- a run ---- */

static enum bt_status reset(struct bt_soc *soc, uint32_t argument, struct bt_error *err)
{
    soc->started = bt_soc_host_seconds();
    soc->ended = false;
    soc->end = BT_SOC_FAULT;
    soc->exit_code = 0;
    soc->why.text[0] = '\0';
    soc->trouble_text.text[0] = '\0';
    soc->pc = soc->program.entry;
    clear_pages(soc->rom, soc->map.rom.bytes);
    clear_pages(soc->ram, soc->map.ram.bytes);
    load_segments(soc, false);
    bt_soc_profile_reset(soc);
    bt_soc_devices_reset(soc);
    bt_soc_time_reset(soc);
    enum bt_status status = BT_OK;
    if (soc->uc != NULL) {
        bt_soc_cpu_reset(soc);
    } else {
        status = bt_soc_cpu_open(soc, err);
    }
    if (status == BT_OK) {
        bt_soc_set_reg(soc, UC_RISCV_REG_X10, argument);
    }
    return status;
}

static void take_interrupt(struct bt_soc *soc)
{
    const uint32_t cause = bt_soc_pending(soc, bt_soc_reg(soc, UC_RISCV_REG_MIE));
    if (cause == 0 || (bt_soc_reg(soc, UC_RISCV_REG_MSTATUS) & MSTATUS_MIE) == 0) {
        return;
    }
    if (bt_soc_reg(soc, UC_RISCV_REG_MTVEC) == 0) {
        bt_soc_finish(soc, BT_SOC_FAULT, "%s interrupt without a handler (mtvec is 0)",
                      (cause & 0xff) == 7 ? "timer" : "external");
        return;
    }
    bt_soc_trap(soc, cause);
    soc->interrupts++;
}

/* How far the CPU may run without a look at anything else. */
static uint64_t next_limit(const struct bt_soc *soc)
{
    const uint64_t bounds[] = {
        soc->options.max_instructions,
        bt_soc_instructions_at(soc, soc->options.max_cycles),
        bt_soc_instructions_at(soc, soc->compare),
    };
    uint64_t limit = soc->sync_at;
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        if (bounds[i] > soc->retired && bounds[i] < limit) {
            limit = bounds[i];
        }
    }
    return limit;
}

static void bad_jump(struct bt_soc *soc, const char *what)
{
    char place[48];
    const uint32_t to = soc->pc;
    bt_soc_place(soc, to, place, sizeof(place));
    soc->pc = soc->source; /* where it came from says more */
    bt_soc_finish(soc, BT_SOC_FAULT, "%s to 0x%08" PRIx32 " (%s)", what, to, place);
}

static void take_exception(struct bt_soc *soc)
{
    uint32_t word = 0;
    const uint8_t *code = bt_soc_memory(soc, soc->pc, 4);
    if (code != NULL) {
        memcpy(&word, code, 4);
    }
    switch (soc->cause) {
    case 0:
    case 1:
        bad_jump(soc, soc->cause == 0 ? "misaligned jump" : "jump");
        return;
    case 3:
    case 8:
    case 9:
    case 10:
    case 11:
        if (bt_soc_reg(soc, UC_RISCV_REG_MTVEC) == 0) {
            bt_soc_finish(soc, BT_SOC_FAULT, "%s without a handler (mtvec is 0)", soc->cause == 3 ? "ebreak" : "ecall");
            return;
        }
        bt_soc_retire(soc, soc->pc, 1); /* so that a handler that traps into itself meets the watchdog */
        bt_soc_trap(soc, soc->cause == 3 ? 3 : 11);
        return;
    case 4:
    case 5:
    case 6:
    case 7:
        bt_soc_access(soc);
        return;
    default:
        bt_soc_finish(soc, BT_SOC_FAULT, "illegal instruction 0x%08" PRIx32, word);
    }
}

static enum bt_status step(struct bt_soc *soc, struct bt_error *err)
{
    if (soc->retired >= soc->sync_at) {
        bt_soc_sync(soc);
        bt_soc_watchdog(soc);
        soc->sync_at = soc->retired + soc->map.quantum_instructions;
    } else if (soc->retired >= soc->options.max_instructions || bt_soc_now(soc) >= soc->options.max_cycles) {
        bt_soc_watchdog(soc);
    }
    if (!soc->ended) {
        take_interrupt(soc);
    }
    if (soc->ended) {
        return BT_OK;
    }
    soc->limit = next_limit(soc);
    switch (bt_soc_cpu_run(soc)) {
    case BT_SOC_STOP_LIMIT:
        if (soc->pc % 4 != 0) {
            bad_jump(soc, "misaligned jump");
        }
        break;
    case BT_SOC_STOP_WFI:
        soc->pc -= 4; /* should it never end, this is where */
        bt_soc_wait(soc);
        soc->pc += soc->ended ? 0 : 4;
        break;
    case BT_SOC_STOP_EXCEPTION:
        take_exception(soc);
        break;
    case BT_SOC_STOP_EMULATOR:
        return bt_fail(err, BT_EIO, "%s", soc->trouble_text.text);
    }
    return BT_OK;
}

static void fill_report(struct bt_soc *soc, struct bt_soc_report *report)
{
    soc->console[soc->console_bytes] = '\0';
    bt_soc_profile_sum(soc);
    const uint64_t now = bt_soc_now(soc);
    *report = (struct bt_soc_report){
        .end = soc->end,
        .exit_code = soc->exit_code,
        .soc_cycles = now,
        .instructions = soc->retired,
        .cpu_cycles = now - soc->wait_cycles,
        .wait_cycles = soc->wait_cycles,
        .bus_cycles = soc->bus_cycles,
        .accel_cycles = soc->accel_cycles,
        .overlap_cycles = soc->overlap_cycles,
        .accel_bytes = bt_soc_accel_bytes(soc),
        .mmio_reads = soc->mmio_reads,
        .mmio_writes = soc->mmio_writes,
        .interrupts = soc->interrupts,
        .seconds = bt_soc_host_seconds() - soc->started,
        .mark_count = soc->mark_count,
        .span_count = soc->span_count,
        .marks = soc->marks,
        .spans = soc->spans,
        .function_count = soc->function_count,
        .functions = soc->functions,
        .console = soc->console,
        .why = soc->why,
    };
}

enum bt_status bt_soc_run(struct bt_soc *soc, uint32_t argument, struct bt_soc_report *report, struct bt_error *err)
{
    enum bt_status status = reset(soc, argument, err);
    while (status == BT_OK && !soc->ended) {
        status = step(soc, err);
    }
    if (status == BT_OK) {
        bt_soc_sync(soc);
    }
    fill_report(soc, report);
    soc->traps += soc->interrupts;
    if (status != BT_OK || soc->end != BT_SOC_EXITED || soc->traps > MOST_TRAPS) {
        bt_soc_cpu_close(soc); /* who knows where it was; and see MOST_TRAPS */
        soc->traps = 0;
    }
    return status;
}
