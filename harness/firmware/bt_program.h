/*
 * What the host hands to the firmware: a list of steps in DRAM. One ELF per variant runs any layer or network; nothing is
 * compiled in. Plain data of fixed-width integers, laid out alike by both compilers. Freestanding.
 *
 * An address here is a byte offset into DRAM, which is also the accelerators' own view of it; 0 means "none". Addresses
 * of devices are the CPU's. Tensors are dense NHWC with n = 1. Everything that a step or the program points to is aligned
 * to 16.
 */
#ifndef BT_PROGRAM_H
#define BT_PROGRAM_H

#include <stdint.h>

#include "reference/common/bt_layer.h"
#include "reference/ops/elementwise.h"
#include "reference/ops/pool2d.h"
#include "reference/ops/softmax_s8.h"

#define BT_PROGRAM_MAGIC 0x31706274u /* "tbp1" */
#define BT_STEP_INPUTS 16
/** What the host writes as status, for the firmware to replace. */
#define BT_PROGRAM_UNFINISHED UINT32_MAX

enum bt_step_kind {
    BT_STEP_NONE,
    /* software kernels */
    BT_STEP_CONV2D,   /**< params: struct bt_conv2d; weights, bias, mult, shift, table; in[0] */
    BT_STEP_MAXPOOL,  /**< params: struct ref_pool2d */
    BT_STEP_AVGPOOL,  /**< params: struct ref_pool2d */
    BT_STEP_ADD,      /**< params: struct ref_add; in[0], in[1] */
    BT_STEP_MUL,      /**< params: struct ref_mul; in[0], in[1] */
    BT_STEP_CONCAT,   /**< params: struct bt_step_concat */
    BT_STEP_UPSAMPLE, /**< params: struct bt_step_upsample */
    BT_STEP_SLICE,    /**< params: struct bt_step_slice */
    BT_STEP_SOFTMAX,  /**< params: struct ref_softmax_s8 */
    BT_STEP_TABLE,    /**< params: struct bt_step_table; table */
    /* the variant's driver; plan in all of them */
    BT_STEP_ACCEL_PACK,   /**< weights, bias, mult, shift, table; aux */
    BT_STEP_ACCEL_LOAD,   /**< in[0], dense, to where the plan wants it */
    BT_STEP_ACCEL_START,  /**< program() and start() */
    BT_STEP_ACCEL_WAIT,   /**< run() and service() until done; finish() into counters */
    BT_STEP_ACCEL_UNPACK, /**< out, dense */
    BT_STEP_KIND_COUNT,
};

/** How the firmware waits for the accelerator. */
enum bt_wait {
    BT_WAIT_INTERRUPT, /**< wfi, woken by a trap */
    BT_WAIT_WFI,       /**< wfi with interrupts off: woken by the pending line, no trap taken */
    BT_WAIT_POLL,      /**< reads the interrupt controller in a loop */
    BT_WAIT_COUNT,
};

struct bt_step {
    uint32_t kind; /**< enum bt_step_kind */
    uint32_t node; /**< of the graph; for reports only */
    uint32_t params, out;
    uint32_t input_count;
    uint32_t in[BT_STEP_INPUTS];
    uint32_t weights, bias, mult, shift, table;
    uint32_t plan;
    uint32_t aux, aux_bytes; /**< what prepare() made, for pack() */
    uint32_t counters;       /**< where ACCEL_WAIT leaves a struct bt_counters */
};

struct bt_program {
    uint32_t magic, bytes; /**< BT_PROGRAM_MAGIC, sizeof(struct bt_program) */
    uint32_t step_count, steps;
    uint32_t scratch, scratch_bytes; /**< for the kernels; see fw_scratch_bytes() */
    uint32_t dram_bytes;
    /* the CPU's addresses */
    uint32_t dram_base, console, timer, interrupt, exit_, probe, accel_base;
    uint32_t accel_line;  /**< bit of the interrupt controller, and number for the probe */
    uint32_t wait;        /**< enum bt_wait */
    uint32_t wait_cycles; /**< bound of one ACCEL_WAIT, cycles of the accelerator clock; > 0 */
    /* results */
    uint32_t status; /**< enum bt_status: BT_OK, or why the step failed */
    uint32_t failed; /**< index of the step */
    int32_t why_got, why_limit;
    char why[96];
    uint32_t copied_lo, copied_hi; /**< bytes that the driver moved through the HAL */
};

struct bt_step_concat {
    int64_t pixels;
    int32_t count, out_zp;
    enum bt_rounding rounding;
    struct {
        int32_t c, zp, mult, shift; /**< as struct ref_concat_input */
    } in[BT_STEP_INPUTS];
};

/** [h][w][c] to [h * scale][w * scale][c], nearest. */
struct bt_step_upsample {
    int32_t h, w, c, scale;
};

/** Channels [from, from + c) of [pixels][c_in]. */
struct bt_step_slice {
    int64_t pixels;
    int32_t c_in, from, c;
};

/** out = table[in + 128], element by element. */
struct bt_step_table {
    int64_t elems;
};

_Static_assert(sizeof(struct bt_step) == 4 * (5 + BT_STEP_INPUTS + 9), "struct bt_step is laid out alike everywhere");
_Static_assert(sizeof(struct bt_conv2d) == 4 * 21 + 4, "struct bt_conv2d is laid out alike everywhere");

/**
 * Exit codes of the firmware. Whatever status a step ends with is in the program; a program that cannot be read has
 * nowhere to put it.
 */
#define BT_FW_EXIT_OK 0u
#define BT_FW_EXIT_STEP_FAILED 1u
#define BT_FW_EXIT_BAD_PROGRAM 2u
#define BT_FW_EXIT_TRAP 3u   /**< an exception, or an interrupt that nobody waits for */
#define BT_FW_EXIT_ASSERT 4u /**< an assertion of the driver or of the firmware failed; the console says where */

#endif
