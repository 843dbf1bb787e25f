/* harness/hal.h over a Verilated core: the driver's calls reach the shared object that harness/sim.h describes. */
#ifndef BT_HAL_SIM_H
#define BT_HAL_SIM_H

#include "harness/error.h"
#include "harness/hal.h"
#include "harness/sim.h"

/**
 * @brief  Loads a simulated core and resets it.
 * @param[in]  so_path Shared object made by harness/sim/sim.mk (the -trace one where a wave is wanted).
 * @param[in]  mem     Memory parameters; 1 <= outstanding <= 64, stall_percent <= 95, dram_bytes > 0.
 * @param[in]  dram    Store of mem->dram_bytes shared with others, or NULL for one of its own, zeroed.
 * @param[in]  wave    FST file to write, or NULL.
 * @param[out] hal     Close with bt_hal_sim_close().
 * @param[out] err     One line; may be NULL.
 * @return BT_OK; BT_EIO (cannot be loaded, another ABI), BT_EINVAL (memory parameters), BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_hal_sim_open(const char *so_path, const struct bt_memory *mem, uint8_t *dram,
                                             const char *wave, struct bt_hal **hal, struct bt_error *err);

/**
 * @brief  The same for a core that is compiled in: the C model of a variant behind its registers.
 * @param[in]  api     Its table, bt_variant.device.
 * @param[in]  config  Parameters and memory; must outlive the instance.
 */
BT_MUST_CHECK enum bt_status bt_hal_sim_open_device(const struct bt_sim_api *api, const struct bt_config *config,
                                                    uint8_t *dram, struct bt_hal **hal, struct bt_error *err);

/** NULL is fine. The wave is complete only after this. */
void bt_hal_sim_close(struct bt_hal *hal);

/** Resets the core, the windows and a failure; the store keeps its contents. */
void bt_hal_sim_reset(struct bt_hal *hal);

/** Opens a new measured interval: the next start begins it. Call before the driver's start(). */
void bt_hal_sim_arm(struct bt_hal *hal);

/** Lets that many cycles pass, events ignored. */
void bt_hal_sim_advance(struct bt_hal *hal, uint64_t cycles);

/** Writes the waveform only from one cycle (since reset) to another, both included. */
void bt_hal_sim_wave_window(struct bt_hal *hal, uint64_t from_cycle, uint64_t to_cycle);

void bt_hal_sim_stats(const struct bt_hal *hal, struct bt_sim_stats *stats);

/**
 * @brief  Why the job is over: the first violation, failed register access or access beyond the store, as one line.
 * @return NULL while nothing failed. From a failure on, calls have no effect, reads give 0, run gives BT_EVENT_FAILED.
 */
const char *bt_hal_sim_failed(const struct bt_hal *hal);

#endif
