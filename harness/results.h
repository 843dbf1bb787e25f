/* A results.json read back: what merge, compare and baselines work on. */
#ifndef BT_RESULTS_H
#define BT_RESULTS_H

#include <jansson.h>
#include <stdint.h>

#include "harness/error.h"
#include "harness/report.h"

/** Files beyond this are refused unread. */
#define BT_RESULTS_MOST_BYTES (UINT64_C(2) << 30)

struct bt_results {
    struct bt_run run;
    uint32_t count;
    struct bt_record *records;
    char **replays; /**< by record */
    uint32_t *jobs; /**< by record: its job in the order of the whole run; ascending */
    uint32_t limit_count;
    struct bt_gate_limit *limits; /**< of its gates, one per variant */
};

/**
 * @brief  Reads a file of bt_report_json(). Verdict counts, gates with their numbers, and seed in it must be those of its results, and
 *         each of these must fit together (record_json.h), so that a file that was cut or edited by hand in one place is refused.
 * @param[out] results  Release with bt_results_free().
 * @return BT_OK; BT_EINPUT (err begins with the file); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_results_read(const char *path, struct bt_results *results, struct bt_error *err);
/** The same of a file that was loaded; err does not name it. */
BT_MUST_CHECK enum bt_status bt_results_from_json(const json_t *root, struct bt_results *results, struct bt_error *err);
void bt_results_free(struct bt_results *results);

/** A report of the same content; gates are the caller's, as bt_report_gates() makes them of records and limits. */
struct bt_report bt_results_report(const struct bt_results *results, const struct bt_gate *gates, uint32_t gate_count);

#endif
