/*
 * The simulated system: an RV32IM core on Unicorn, its memories and devices, and accelerators behind harness/sim.h (the
 * Verilated RTL or the variant's C model, which is the same to it). Loosely timed, as in 002 section 4.3.1: the CPU runs at
 * a stated number of instructions per microsecond, an accelerator in cycles; they meet when the CPU touches one, when it
 * waits, and at the end of a quantum. Everything follows from the program, so that the same run gives the same numbers.
 *
 * The CPU has machine mode, Zicsr, direct and vectored traps, wfi; no compressed instructions. Misaligned loads and stores
 * to memory are done as in cores that have them; mip reads as 0; the counters (cycle, instret, time) are refused, since
 * only the timer device tells simulated time. ecall and ebreak go to the handler in mtvec; every other exception ends the
 * program.
 *
 * An accelerator that was not started, or is done, is not clocked further than a few cycles: its time jumps.
 */
#ifndef BT_SOC_H
#define BT_SOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/error.h"
#include "harness/hal_sim.h"
#include "harness/soc/soc_map.h"
#include "reference/common/bt_status.h"

struct bt_soc; /* opaque */

struct bt_soc_options {
    const struct bt_soc_map *map;
    uint32_t cpu_mips;           /**< 0: the map's */
    const char *elf;             /**< RV32 executable whose segments lie in rom, ram or dram */
    uint8_t *dram;               /**< store of dram_bytes; accelerators share it */
    uint64_t dram_bytes;         /**< multiple of 4096, at most map->dram.bytes */
    uint64_t max_instructions;   /**< watchdog, > 0 */
    uint64_t max_cycles;         /**< watchdog in simulated cycles, > 0 */
    double max_seconds;          /**< watchdog on the host's CPU time, > 0 */
    bool profile;                /**< count instructions by function */
    struct bt_hal *const *accel; /**< accel_count opened cores over `dram`, not owned; NULL where there is none */
};

/** What one function of the program retired. */
struct bt_soc_function {
    const char *name; /**< symbol; "?" below the first one */
    uint64_t instructions;
};

/** Why a program ended. */
enum bt_soc_end {
    BT_SOC_EXITED,      /**< it wrote the exit device */
    BT_SOC_FAULT,       /**< illegal access or instruction, stack overflow, an unknown register, a failed accelerator */
    BT_SOC_WATCHDOG,    /**< one of the three bounds */
    BT_SOC_NEVER_WAKES, /**< wfi, and nothing that is enabled can ever come */
};

/** A mark that the firmware left (harness/firmware/soc_regs.h), with the state at that moment. */
struct bt_soc_mark {
    uint32_t value;
    uint64_t cycle; /**< SoC time, cycles of the accelerator clock */
    uint64_t instructions;
    uint64_t wait_cycles;  /**< in wfi, so far */
    uint64_t accel_cycles; /**< with an accelerator running, so far */
    uint64_t overlap_cycles;
    uint64_t accel_bytes; /**< read and written by accelerators, so far */
};

/** When an accelerator ran. */
struct bt_soc_span {
    uint32_t accel;
    uint64_t from, to;      /**< SoC time, cycles: start accepted, done */
    uint64_t start_to_done; /**< as measured at the core */
    uint64_t bytes;         /**< over its memory ports, both directions */
};

struct bt_soc_report {
    enum bt_soc_end end;
    uint32_t exit_code;
    uint64_t soc_cycles;   /**< from the first instruction to the exit, cycles of the accelerator clock */
    uint64_t instructions; /**< retired */
    uint64_t cpu_cycles;   /**< not in wfi: the instructions' time in cycles of the accelerator clock, and bus_cycles */
    uint64_t wait_cycles;  /**< in wfi: soc_cycles = cpu_cycles + wait_cycles */
    uint64_t bus_cycles;   /**< of cpu_cycles: an access to an accelerator waited for the one before it to end */
    uint64_t accel_cycles; /**< with at least one accelerator running */
    uint64_t overlap_cycles; /**< of these, with the CPU not in wfi */
    uint64_t accel_bytes;
    uint64_t mmio_reads, mmio_writes, interrupts;
    double seconds; /**< of the host's CPU, whole run */
    uint32_t mark_count, span_count;
    const struct bt_soc_mark *marks; /**< belong to the SoC; until the next run */
    const struct bt_soc_span *spans;
    uint32_t function_count;                 /**< 0 without options.profile */
    const struct bt_soc_function *functions; /**< most instructions first; they add up to `instructions` */
    const char *console;                     /**< what the program printed, at most 64 KiB, NUL-terminated */
    /**
     * One line for everything but BT_SOC_EXITED: what happened, pc, symbol + offset, the last accesses to devices.
     */
    struct bt_error why;
};

/**
 * @brief  Loads the program and resets the CPU.
 * @return BT_OK; BT_EINPUT (not a 32-bit RISC-V executable, a segment outside the map, DRAM larger than the map's);
 *         BT_EIO (cannot be read, Unicorn failed); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_soc_open(const struct bt_soc_options *options, struct bt_soc **soc,
                                         struct bt_error *err);

/** NULL is fine. Does not close the accelerators. */
void bt_soc_close(struct bt_soc *soc);

/**
 * @brief  Runs the program from its entry point until it ends. May be called again: ROM and RAM are loaded anew, the CPU and
 *         the devices reset, time starts at 0; DRAM and the accelerators stay as they are.
 * @param[in]  argument  Handed over in a0.
 * @param[out] report    Always filled; pointers in it are valid until the next run or close.
 * @return BT_OK, whatever the program did; BT_EIO (Unicorn failed), BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_soc_run(struct bt_soc *soc, uint32_t argument, struct bt_soc_report *report,
                                        struct bt_error *err);

/** Value of a symbol of the ELF. @return false when there is none of that name. */
bool bt_soc_symbol(const struct bt_soc *soc, const char *name, uint32_t *value);

#endif
