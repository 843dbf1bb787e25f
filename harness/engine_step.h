/* One layer on its way through the engines: what the engines' files share. Not for anybody else. */
#ifndef BT_ENGINE_STEP_H
#define BT_ENGINE_STEP_H

#include "harness/data.h"
#include "harness/engine.h"

struct bt_iss;

struct bt_engine_step {
    const struct bt_job *job;
    const struct bt_engine_options *options;
    uint32_t index;
    struct bt_record *record;
    struct bt_layer layer; /**< with the zero points and clamps of its data */
    struct bt_tensors tensors;
    bool chained;         /**< its ifmap is the ofmap of the layer before */
    uint32_t misled;      /**< 1 << engine for each whose ifmap was wrong already */
    void *expected, *got; /**< ofmaps; got has bt_step_got_bytes() */
    void *plan;
    struct bt_io io;
    struct bt_blob aux, profile;
    uint64_t needed_macs; /**< with weights that are not zero; 0: not counted */
};

/** First byte of DRAM that a plan may have: address 0 stays unused, so that a register nobody wrote points at no tensor. */
#define BT_DRAM_BASE 4096
/** What ofmaps are filled with before an engine writes them. */
#define BT_POISON 0xa5

bool bt_step_selected(const struct bt_engine_step *step, enum bt_engine engine);

/** What was not made is handed on as NULL. */
const struct bt_blob *bt_step_given(const struct bt_blob *blob);

/**
 * @brief  step->aux: what prepare() makes of the weights, or the file that the options name in its place.
 * @param[out] err  "" or what is wrong with a file; why then says with what in it.
 */
BT_MUST_CHECK enum bt_status bt_step_prepare(struct bt_engine_step *step, struct bt_reason *why, struct bt_error *err);

/** Room for what an engine puts out: a pooled layer's is as large as if it did not pool, so that a room that does not is seen. */
size_t bt_step_got_bytes(const struct bt_engine_step *step);

/** The verdict of one engine, "reason: got, limit" where a function refused with numbers. */
void bt_step_refuse(struct bt_engine_step *step, enum bt_engine engine, enum bt_verdict verdict, const char *what,
                    const struct bt_reason *why);

/** Notes that an engine ran, its time since `begin` and its hash. */
void bt_step_ran(struct bt_engine_step *step, enum bt_engine engine, double begin, const void *ofmap);

/** step->got against step->expected: the engine's verdict. */
void bt_step_judge_ofmap(struct bt_engine_step *step, enum bt_engine engine);

/** Cycles after which this layer on this core has failed, whatever predictions there are. */
uint64_t bt_step_cycle_limit(const struct bt_engine_step *step);

/** Model, exact prediction and verdict on cycles of one layer whose plan, tensors and reference are there. */
void bt_step_run_model(struct bt_engine_step *step);
enum bt_verdict bt_step_predict(struct bt_engine_step *step, char *reason, size_t reason_bytes);
void bt_step_judge_cycles(struct bt_engine_step *step);

/** The layer on the simulated core, driven natively. */
void bt_step_run_rtl(struct bt_engine_step *step, struct bt_hal *hal);

/** The core of a job, opened. */
BT_MUST_CHECK enum bt_status bt_step_open_core(const struct bt_job *job, const struct bt_engine_options *options,
                                               uint8_t *dram, struct bt_hal **hal, struct bt_error *err);

/** The layer as firmware: `engine` is BT_ENGINE_ISS_SW or BT_ENGINE_ISS_ACCEL; *iss is opened at its first use. */
void bt_step_run_iss(struct bt_engine_step *step, enum bt_engine engine, struct bt_iss **iss);

#endif
