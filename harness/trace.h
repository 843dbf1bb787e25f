/*
 * Text traces: what somebody else's test bench did to a core, as statements that can be run on it here. The format is in
 * harness/CONTRACT.md.
 */
#ifndef BT_TRACE_H
#define BT_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "harness/error.h"
#include "harness/hal.h"

/** Longest wait that one statement may ask for, in cycles. */
#define BT_TRACE_MAX_CYCLES UINT64_C(1000000000)

struct bt_trace; /* opaque */

/**
 * @brief  Reads a trace and the files of data that it names, which are looked for beside it.
 * @param[in]  dram_bytes  No statement may reach beyond.
 * @param[out] trace       Release with bt_trace_free().
 * @return BT_OK; BT_EINPUT with "file:line: ..." (also for a trace that checks nothing); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_trace_load(const char *path, uint64_t dram_bytes, struct bt_trace **trace,
                                           struct bt_error *err);
/** The same for text in memory; path names it in messages and says where its files are. */
BT_MUST_CHECK enum bt_status bt_trace_parse(const char *path, const void *text, size_t bytes, uint64_t dram_bytes,
                                            struct bt_trace **trace, struct bt_error *err);
void bt_trace_free(struct bt_trace *trace);

/** Statements, and those of them that check something. */
uint32_t bt_trace_statements(const struct bt_trace *trace);
uint32_t bt_trace_checks(const struct bt_trace *trace);
/** Sum of all waits, in cycles: no run takes longer, but for the transfers on the control bus. */
uint64_t bt_trace_max_cycles(const struct bt_trace *trace);

/**
 * @brief  Runs a trace up to its first failure.
 * @param[in]  hal  A simulated core (harness/hal_sim.h) after reset.
 * @param[out] err  Of a failure: "file:line: ...", with address, expected and got.
 * @return BT_OK; BT_EDEVICE: a check failed, a wait ran out, or the core broke a rule; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_trace_run(const struct bt_trace *trace, struct bt_hal *hal, struct bt_error *err);

#endif
