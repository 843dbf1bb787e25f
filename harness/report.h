/* What a run leaves behind: a table on the terminal, results.json, results.csv, junit.xml, summary.md. */
#ifndef BT_REPORT_H
#define BT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "harness/engine.h"
#include "harness/error.h"
#include "harness/job.h"
#include "harness/record.h"

/** The cycle gate over all layers of one configuration: a verdict of its own beside those of the layers. */
struct bt_gate {
    const char *variant, *config;
    uint32_t layers, at_zero;           /**< layers gated, and those of them without any error */
    double max_percent, mean_percent;   /**< of the errors' magnitudes */
    double roofline_max, roofline_mean; /**< the same for the roofline */
    double limit_max, limit_mean;
    enum bt_verdict verdict;
    char reason[BT_REASON_BYTES];
};

struct bt_report {
    const struct bt_plan *plan;
    const struct bt_record *records;
    uint32_t record_count;
    const struct bt_gate *gates;
    uint32_t gate_count;
    const char *program;                     /**< as it was called, for replay commands */
    const char *suite;                       /**< file, or NULL */
    const char *model, *dataset;             /**< of the user, or NULL */
    const struct bt_engine_options *options; /**< what the engines were told, or NULL */
    double seconds;                          /**< wall clock of the run */
};

/** Verdicts over everything, layers and gates. */
struct bt_totals {
    uint32_t passed, failed, skipped, xfailed;
};
struct bt_totals bt_report_totals(const struct bt_report *report);

/**
 * @brief  Holds the errors of each configuration against its gate.
 * @param[out] gates  One per variant and configuration with at least one gated record; freed by the caller.
 * @return BT_OK; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_report_gates(const struct bt_plan *plan, const struct bt_record *records,
                                             uint32_t count, struct bt_gate **gates, uint32_t *gate_count);
/** The verdict of one gate, from its numbers and limits. */
enum bt_verdict bt_gate_judge(struct bt_gate *gate);

/** The command that runs this record again, verbosely. */
void bt_report_replay(const struct bt_report *report, const struct bt_record *record, char *text, size_t text_bytes);

/* One writer per format. What went wrong with the stream is found by whoever closes it. */
void bt_report_table(const struct bt_report *report, FILE *out);
void bt_report_failures(const struct bt_report *report, FILE *out);
/** @return false when memory ran out or the stream failed. */
BT_MUST_CHECK bool bt_report_json(const struct bt_report *report, FILE *out);
void bt_report_csv(const struct bt_report *report, FILE *out);
void bt_report_junit(const struct bt_report *report, FILE *out);
void bt_report_summary(const struct bt_report *report, FILE *out);

/**
 * @brief  Writes all files into a folder (made if missing): first all of them under temporary names, then, when every
 *         byte is on its way, under their own. On failure none has changed and no temporary file is left.
 * @return BT_OK; BT_EIO with one line.
 */
BT_MUST_CHECK enum bt_status bt_report_files(const struct bt_report *report, const char *dir, struct bt_error *err);

#endif
