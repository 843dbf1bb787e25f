/* Who was busy when: the run of a program as a trace that chrome://tracing and Perfetto open. */
#ifndef BT_TIMELINE_H
#define BT_TIMELINE_H

#include "harness/error.h"
#include "harness/firmware/bt_program.h"
#include "harness/soc/soc.h"
#include "reference/graph/bt_graph.h"

struct bt_timeline {
    const struct bt_graph *graph;
    const struct bt_step *steps;
    uint32_t step_count;
    const struct bt_soc_report *report;
    uint32_t clock_mhz;
    const char *accel; /**< name of the accelerator, NULL where there is none */
};

/** What a step is to a reader of the timeline: "pack", "load", "start", "wait", "unpack", "conv2d", "maxpool", ... */
const char *bt_timeline_category(uint32_t step_kind);

/**
 * @brief  Writes Chrome trace JSON: one complete event per step of the CPU and per run of the accelerator, times in
 *         microseconds of the simulated system; instructions by function of the firmware as otherData.instructions.
 * @return BT_OK; BT_EIO (nothing is left behind); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_timeline_write(const struct bt_timeline *timeline, const char *path,
                                               struct bt_error *err);

#endif
