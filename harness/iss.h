/*
 * Firmware of a variant on the simulated system: the ELF, the DRAM and, where asked for, the accelerator, which is the
 * Verilated core or the variant's C model.
 */
#ifndef BT_ISS_H
#define BT_ISS_H

#include "harness/engine.h"
#include "harness/program.h"
#include "harness/soc/soc.h"

struct bt_iss; /* opaque */

/**
 * @brief  Opens the system for a job.
 * @param[in]  accel  With the accelerator, or the CPU alone.
 * @param[in]  work   Multiply-accumulates and tensor bytes of the largest program: the watchdogs follow from it.
 * @param[out] iss    Close with bt_iss_close().
 * @return BT_OK; BT_EUNSUPPORTED (the variant has no firmware, or no C model where that was asked for: a SKIP);
 *         BT_EIO, BT_EINPUT, BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_iss_open(const struct bt_job *job, const struct bt_engine_options *options, bool accel,
                                         uint64_t work, struct bt_iss **iss, struct bt_error *err);
void bt_iss_close(struct bt_iss *iss);

/** What a layer adds to `work`. */
uint64_t bt_iss_layer_work(const struct bt_layer *layer);

/** The store that CPU and accelerator share, job->config.mem.dram_bytes. */
uint8_t *bt_iss_dram(struct bt_iss *iss);

/** The accelerator, NULL without one. */
struct bt_hal *bt_iss_accel(struct bt_iss *iss);

/**
 * @brief  Completes a program and runs it.
 * @param[in,out] image        Its DRAM is bt_iss_dram().
 * @param[in]     wait_cycles  Bound of one wait for the accelerator.
 * @param[out]    result       Times and counts.
 * @param[out]    report       The run in detail, until the next one; may be NULL.
 * @param[out]    err          One line, also from the firmware: which step failed and why.
 * @return BT_OK when every step ended well; BT_EDEVICE (a step failed, a fault, a watchdog), BT_ENOMEM (DRAM too small),
 *         BT_EIO.
 */
BT_MUST_CHECK enum bt_status bt_iss_run(struct bt_iss *iss, struct bt_program_image *image, uint64_t wait_cycles,
                                        struct bt_soc_result *result, struct bt_soc_report *report,
                                        struct bt_error *err);

#endif
