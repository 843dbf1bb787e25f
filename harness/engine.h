/* Runs the engines of one job and gives the verdicts: data, ref, plan, model, cycles, rtl, comparisons. */
#ifndef BT_ENGINE_H
#define BT_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/firmware/bt_program.h"
#include "harness/job.h"
#include "harness/record.h"
#include "harness/soc/soc_map.h"

/** Which reference answers: the fast path, spot-checked against the plain loops in every job, or the plain loops. */
enum bt_ref_path { BT_REF_FAST, BT_REF_PLAIN };

/** A look at the moment when one element of an ofmap gets its value: a replay's search for the tile to trace. */
struct bt_probe {
    uint32_t layer; /**< index within the job */
    uint64_t elem;
    int64_t value;
};

/** What is behind the accelerator's registers when firmware runs. */
enum bt_device { BT_DEVICE_RTL, BT_DEVICE_MODEL, BT_DEVICE_COUNT };

/** "rtl", "model". */
const char *bt_device_name(enum bt_device device);

/** "interrupt", "wfi", "poll". */
const char *bt_wait_name(enum bt_wait wait);

struct bt_engine_options {
    const char *build_dir; /**< holds rtl/<variant>-<config>.so and firmware/<variant>.elf */
    enum bt_ref_path ref;
    const char *prepared;      /**< folder of prepared weights to take in place of prepare()'s, or NULL */
    const char *save_prepared; /**< folder to write prepare()'s to, or NULL */
    /* iss:sw and iss:accel */
    const struct bt_soc_map *soc; /**< NULL: both are a SKIP */
    bool own_soc;                 /**< the map is not the suites' */
    uint32_t cpu_mips;            /**< 0: the map's */
    enum bt_device device;
    enum bt_wait wait;
    /* whole networks */
    const char *data_dir; /**< trained weights and pictures; what is not there is seeded ... */
    bool data_asked;      /**< ... unless the folder was asked for: then it is an error */
    uint32_t images;      /**< 0: as the job says */
    const char
        *timeline; /**< folder for <network>-<variant>-<config>-<engine>.trace.json of the first picture, or NULL */
    /* replay only */
    const char *wave;                /**< waveform file; the -trace build of the core runs */
    uint64_t wave_from, wave_to;     /**< cycles since reset */
    const struct bt_probe *probe;    /**< or NULL */
    uint64_t *probe_from, *probe_to; /**< cycles since reset between which the element got its value; 0, 0: never */
};

/** File of a simulated core: "<build_dir>/rtl/<variant>-<config>[-trace].so". */
void bt_engine_core_path(const struct bt_engine_options *options, const struct bt_job *job, bool trace, char *path,
                         size_t path_bytes);

/** Fills the keys of one record of the job, all engines SKIP. */
void bt_engine_label(const struct bt_job *job, uint32_t index, struct bt_record *record);

/**
 * @brief  Runs a job. Whatever goes wrong is a verdict with a reason, in the records.
 * @param[out] records  One per layer of the job.
 * @return BT_OK; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_engine_run(const struct bt_job *job, const struct bt_engine_options *options,
                                           struct bt_record *records);

/**
 * @brief  The exact prediction, its terms and the roofline, without simulation; and without data, unless the variant has a
 *         prepare(), which is given the layer's seeded tensors.
 * @param[in]  plan  Scratch of at least variant->driver->plan_bytes, aligned to 16.
 * @param[out] record  predicted, predicted_cycles, roofline_cycles, and the verdict of the cycles engine: PASS when the
 *                     invariants hold, SKIP where the variant does not do the layer.
 */
void bt_engine_predict(const struct bt_job *job, void *plan, struct bt_record *record);

/** Cycles after which a run that is not done has failed. */
uint64_t bt_engine_cycle_limit(uint64_t predicted_cycles, uint32_t stall_percent);

#endif
