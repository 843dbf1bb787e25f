/*
 * C ABI of a simulated core. Usually a shared object that holds the Verilated design, its bus-functional models and the
 * DRAM, so that the loop over clock cycles never leaves it. One per (core description, parameters); built from the
 * core's YAML by `make`. A worker process loads it, so a crash or a hang costs one job.
 */
#ifndef BT_SIM_H
#define BT_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/variant.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BT_SIM_ABI 2u
#define BT_SIM_SYMBOL "bt_sim_entry"

struct bt_sim; /* opaque */

/** What the outside of the RTL counted since arm(), but for `cycles`. */
struct bt_sim_stats {
    uint64_t cycles;        /**< clock cycles since reset */
    uint64_t start_to_done; /**< from the edge that accepted the start to the edge at which done rose; 0 until then */
    uint64_t read_bytes;    /**< per measured interval, all memory ports */
    uint64_t write_bytes;   /**< bytes with their strobe set */
    uint64_t read_bursts;
    uint64_t violations; /**< protocol rules broken, writes outside the windows */
    bool running;        /**< a start was accepted and done has not risen since */
    bool done;           /**< level of done at the last edge: an interrupt line; false where done is no level */
};

struct bt_sim_api {
    uint32_t abi; /**< BT_SIM_ABI */
    const char *top;
    /**
     * @param config  Its memory; its parameters are those this build was made with, or, in a C model, what it obeys.
     * @param dram  Store of config->mem.dram_bytes that several cores may share, or NULL for one of its own.
     * @param wave  File for a waveform (FST), or NULL.
     * @return NULL when this build cannot trace or memory ran out.
     */
    struct bt_sim *(*open)(const struct bt_config *config, uint8_t *dram, const char *wave);
    void (*close)(struct bt_sim *sim);
    void (*reset)(struct bt_sim *sim);
    bool (*reg_write)(struct bt_sim *sim, uint32_t offset, uint32_t value); /**< false: bus timeout or error response */
    bool (*reg_read)(struct bt_sim *sim, uint32_t offset, uint32_t *value);
    void (*pin_set)(struct bt_sim *sim, unsigned pin, uint64_t value);
    uint64_t (*pin_get)(struct bt_sim *sim, unsigned pin);
    uint8_t *(*dram)(struct bt_sim *sim); /**< config->mem.dram_bytes bytes */
    void (*allow_write)(struct bt_sim *sim, uint64_t addr, uint64_t bytes);
    void (*clear_windows)(struct bt_sim *sim);
    /** Opens a new measured interval: the next start (see the YAML) begins it, later ones do not. */
    void (*arm)(struct bt_sim *sim);
    enum bt_event (*run)(struct bt_sim *sim, uint64_t max_cycles);
    /** Exactly that many cycles, events ignored (a CPU that is busy elsewhere). */
    void (*advance)(struct bt_sim *sim, uint64_t cycles);
    void (*stats)(const struct bt_sim *sim, struct bt_sim_stats *stats);
    const char *(*error)(const struct bt_sim *sim); /**< first violation as one line, or "" */
    void (*wave_window)(struct bt_sim *sim, uint64_t from_cycle, uint64_t to_cycle); /**< trace only these cycles */
};

/** The one exported symbol. */
const struct bt_sim_api *bt_sim_entry(void);

#ifdef __cplusplus
}
#endif

#endif
