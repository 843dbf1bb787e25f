/*
 * Inside of harness/soc: shared by its files, nobody else's business.
 *
 * Time is kept in cycles of the accelerator clock: now = instructions * clock / MIPS + bus_cycles + wait_cycles. Each
 * accelerator has a time of its own (bt_soc_accel.at): behind the CPU's while it runs beside it, ahead of it by what a
 * register access took, until the next one waits for that.
 */
#ifndef BT_SOC_INTERNAL_H
#define BT_SOC_INTERNAL_H

#include <unicorn/unicorn.h>

#include "harness/soc/soc.h"

#define BT_SOC_PAGE 4096u
#define BT_SOC_CONSOLE_BYTES 65536u
#define BT_SOC_MAX_EVENTS 1000000u /* marks, and spans: more is a program that runs wild */
#define BT_SOC_TRAIL 4u            /* accesses to devices that a message tells */

/** A stretch of the file, and where it is loaded. */
struct bt_soc_segment {
    uint32_t addr, bytes;
    uint8_t *data;
};

struct bt_soc_symbol {
    uint32_t value;
    const char *name; /* in bt_soc_program.strings */
};

struct bt_soc_program {
    uint32_t entry;
    uint32_t segment_count, symbol_count;
    struct bt_soc_segment *segments;
    struct bt_soc_symbol *symbols; /* by value, then as in the file */
    char *strings;
};

struct bt_soc_accel {
    struct bt_hal *hal; /* NULL: none */
    uint64_t at;        /* SoC time that it has reached */
    uint64_t done_at;   /* SoC time at which its line rose; it is high from then on while stats.done */
    uint64_t bytes;     /* of measured intervals that are over */
    uint64_t bytes_seen;
    uint64_t measured; /* stats.start_to_done when it was last looked at */
    bool running, done;
    bool fresh;    /* the open span is the first of its measured interval */
    uint32_t span; /* index of the open one, while running */
};

/** What the CPU stopped for. */
enum bt_soc_stop {
    BT_SOC_STOP_LIMIT,     /* instruction limit: pc is a block's start */
    BT_SOC_STOP_WFI,       /* pc is behind it */
    BT_SOC_STOP_EXCEPTION, /* cause and pc of the instruction, which had no effect */
    BT_SOC_STOP_EMULATOR,  /* Unicorn gave up */
};

struct bt_soc {
    struct bt_soc_options options;
    struct bt_soc_map map;
    struct bt_soc_program program;
    uint8_t *rom, *ram;
    void *hole; /* address space without memory, for what is not mapped */
    uc_engine *uc;

    /* accounting of the CPU; the block hook writes these */
    uint64_t retired; /* before the current block */
    uint64_t limit;   /* stop at the first block that starts with so many retired */
    uint32_t pc;      /* of the next instruction, while the CPU does not run */
    uint32_t block, block_bytes, cause;
    uint32_t source;                                     /* of a jump to where nothing can be executed */
    uint32_t refused_addr, refused_bytes, refused_value; /* a write that Unicorn's permissions refused */
    bool at_limit, raised;

    /* time */
    uint64_t wait_cycles, bus_cycles, accounted, accel_cycles, overlap_cycles;
    uint64_t sync_at; /* instructions at which the quantum ends */
    double started;   /* host CPU seconds */
    struct bt_soc_accel accel[BT_SOC_ACCELS];

    /* devices */
    uint64_t compare;
    uint32_t now_hi, enable, window_accel, window_addr, window_bytes;
    char *console;
    size_t console_bytes;
    struct {
        uint32_t addr, value;
        bool write;
    } trail[BT_SOC_TRAIL];
    uint64_t accesses;

    /* results */
    struct bt_soc_mark *marks;
    struct bt_soc_span *spans;
    uint32_t mark_count, mark_room, span_count, span_room, span_live;
    uint64_t mmio_reads, mmio_writes, interrupts;
    uint64_t *profile; /* instructions by the word of rom in which their block begins; or NULL */
    struct bt_soc_function *functions;
    uint32_t function_count;
    uint64_t traps; /* interrupts taken by this Unicorn instance in the runs before */
    bool ended;
    enum bt_soc_end end;
    uint32_t exit_code;
    struct bt_error why;
    enum bt_status trouble; /* of the host: BT_ENOMEM, BT_EIO */
    struct bt_error trouble_text;
};

/* ---- soc_elf.c ---- */

BT_MUST_CHECK enum bt_status bt_soc_program_load(struct bt_soc *soc, struct bt_error *err);
void bt_soc_program_free(struct bt_soc_program *program);
/** Host address of [addr, addr + bytes) when that lies in one memory; NULL otherwise. */
uint8_t *bt_soc_memory(const struct bt_soc *soc, uint32_t addr, uint64_t bytes);

/* ---- soc_profile.c ---- */

BT_MUST_CHECK enum bt_status bt_soc_profile_open(struct bt_soc *soc);
void bt_soc_profile_close(struct bt_soc *soc);
void bt_soc_profile_reset(struct bt_soc *soc);
/** Adds up by function; nothing without a profile. */
void bt_soc_profile_sum(struct bt_soc *soc);

/* ---- soc_cpu.c ---- */

/** Counts instructions of the block, or the single one, that begins there. */
void bt_soc_retire(struct bt_soc *soc, uint32_t at, uint32_t count);
/** Opens Unicorn with the map and protection; every register 0. */
BT_MUST_CHECK enum bt_status bt_soc_cpu_open(struct bt_soc *soc, struct bt_error *err);
/** The state that a core has after its own reset. @pre open. */
void bt_soc_cpu_reset(struct bt_soc *soc);
void bt_soc_cpu_close(struct bt_soc *soc);
/** Runs from soc->pc, which is then as bt_soc_stop says; soc->retired counts up to it. */
enum bt_soc_stop bt_soc_cpu_run(struct bt_soc *soc);
uint32_t bt_soc_reg(const struct bt_soc *soc, int id);
void bt_soc_set_reg(struct bt_soc *soc, int id, uint32_t value);
/** Enters the trap handler, synchronous or not. */
void bt_soc_trap(struct bt_soc *soc, uint32_t cause);

/* ---- soc_time.c ---- */

uint64_t bt_soc_now(const struct bt_soc *soc);
/** Instructions retired at the earliest when the CPU's time reaches a cycle, without waiting. */
uint64_t bt_soc_instructions_at(const struct bt_soc *soc, uint64_t cycle);
void bt_soc_time_reset(struct bt_soc *soc);
/** Brings one accelerator up to the CPU's time, as before an access to it. */
void bt_soc_catch_up(struct bt_soc *soc, uint32_t index);
/** Takes over what an access changed: cycles that passed, a start, a done. */
void bt_soc_accessed(struct bt_soc *soc, uint32_t index, uint64_t cycles_before);
/** Brings all that run up to the CPU's time, and the counters of time with them. */
void bt_soc_sync(struct bt_soc *soc);
uint32_t bt_soc_lines(const struct bt_soc *soc);
/** Cause of the interrupt that is pending and enabled in mie, or 0. */
uint32_t bt_soc_pending(const struct bt_soc *soc, uint32_t mie);
/** Time passes until something enabled is pending, or the program's end. */
void bt_soc_wait(struct bt_soc *soc);
uint64_t bt_soc_accel_bytes(const struct bt_soc *soc);
void bt_soc_mark(struct bt_soc *soc, uint32_t value);
void bt_soc_arm(struct bt_soc *soc, uint32_t index);
/** Ends the program where a bound was reached. */
void bt_soc_watchdog(struct bt_soc *soc);
double bt_soc_host_seconds(void);

/* ---- soc_devices.c ---- */

/** A load or store, with its address and value from the registers as they are. */
struct bt_soc_insn {
    uint32_t addr, bytes, value, rd;
    bool write;
};

/** @return false for what is no load or store of RV32I. */
bool bt_soc_decode(const struct bt_soc *soc, uint32_t pc, struct bt_soc_insn *insn);

/** Does the load or store at pc when it goes to a device, and steps over it; ends the program when it may not be. */
void bt_soc_access(struct bt_soc *soc);
void bt_soc_devices_reset(struct bt_soc *soc);

/* ---- soc_error.c ---- */

/** Ends the program with one line: the text, where pc is, the last accesses. */
__attribute__((format(printf, 3, 4))) void bt_soc_finish(struct bt_soc *soc, enum bt_soc_end end, const char *fmt, ...);
/** Name of what lies at an address: "rom", "timer+0x04", "unmapped". */
void bt_soc_place(const struct bt_soc *soc, uint32_t addr, char *text, size_t bytes);
/** "<symbol+0x12>", or "" without one. */
void bt_soc_where(const struct bt_soc *soc, uint32_t pc, char *text, size_t bytes);

#endif
