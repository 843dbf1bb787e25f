/* What a run leaves behind: a table on the terminal, results.json, results.csv, junit.xml, summary.md, badge.svg. */
#ifndef BT_REPORT_H
#define BT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "harness/environment.h"
#include "harness/error.h"
#include "harness/record.h"

/** The cycle gate over all layers of one configuration: a verdict of its own beside those of the layers. */
struct bt_gate {
    char variant[48], config[48];
    uint32_t layers, at_zero;           /**< layers gated, and those of them without any error */
    double max_percent, mean_percent;   /**< of the errors' magnitudes */
    double roofline_max, roofline_mean; /**< the same for the roofline */
    double limit_max, limit_mean;
    enum bt_verdict verdict;
    char reason[BT_REASON_BYTES];
};

/** The largest cycle errors that a variant's configurations may have, percent. */
struct bt_gate_limit {
    char variant[48];
    double max_percent, mean_percent;
};

/** What firmware ran on. */
struct bt_run_system {
    bool present;
    char map[1024]; /**< file */
    uint32_t cpu_mips, clock_mhz;
    char device[16], wait[16];
};

/** What a run was, beside its results: the head of results.json. */
struct bt_run {
    char suite[64]; /**< its name, or "run" */
    uint64_t seed;
    double seconds;         /**< wall clock */
    char command[2048];     /**< as it was called; "" where it is not known */
    uint32_t shard, shards; /**< the run was part shard + 1 of shards; 1 shard is the whole */
    uint32_t jobs;          /**< of the whole */
    bool data;              /**< there was a data folder: whole networks had its weights and pictures */
    char plan[20];          /**< digest of what the whole was asked to run, hexadecimal */
    struct bt_run_system system;
    struct bt_environment environment;
};

/** A command line and the program's answer to it are at most this long. */
#define BT_REPLAY_BYTES 1024

struct bt_report {
    struct bt_run run;
    const struct bt_record *records;
    uint32_t record_count;
    char *const *replays; /**< by record: the command that runs it again, see replay.h */
    const uint32_t *jobs; /**< by record: its job in the order of the whole; ascending */
    const struct bt_gate *gates;
    uint32_t gate_count;
};

/** Verdicts over everything, layers and gates. */
struct bt_totals {
    uint32_t passed, failed, skipped, xfailed;
};
struct bt_totals bt_report_totals(const struct bt_report *report);

/**
 * @brief  Holds the errors of each configuration against its gate.
 * @param[in]  limits  One per variant; a variant without any is allowed nothing.
 * @param[out] gates   One per variant and configuration with at least one gated record; freed by the caller.
 * @return BT_OK; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_report_gates(const struct bt_gate_limit *limits, uint32_t limit_count,
                                             const struct bt_record *records, uint32_t count, struct bt_gate **gates,
                                             uint32_t *gate_count);
/** The verdict of one gate, from its numbers and limits. */
enum bt_verdict bt_gate_judge(struct bt_gate *gate);

/* One writer per format. What went wrong with the stream is found by whoever closes it. */
void bt_report_table(const struct bt_report *report, FILE *out);
void bt_report_failures(const struct bt_report *report, FILE *out);
/** @return false when memory ran out or the stream failed. */
BT_MUST_CHECK bool bt_report_json(const struct bt_report *report, FILE *out);
void bt_report_csv(const struct bt_report *report, FILE *out);
void bt_report_junit(const struct bt_report *report, FILE *out);
void bt_report_summary(const struct bt_report *report, FILE *out);
/** What passed or failed as a small picture (SVG). */
void bt_report_badge(const struct bt_report *report, FILE *out);
/** Failures as annotations of GitHub Actions: as many as it shows, and the number of the others. */
void bt_report_annotations(const struct bt_report *report, FILE *out);

/**
 * @brief  Appends summary.md to the job summary of GitHub Actions, cut at its size limit.
 * @return BT_OK; BT_EIO with one line: nothing was appended; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_report_step_summary(const struct bt_report *report, const char *path,
                                                    struct bt_error *err);

/**
 * @brief  Writes all files into a folder (made if missing): first all of them under temporary names, then, when every
 *         byte is on its way, under their own. On failure none has changed and no temporary file is left.
 * @return BT_OK; BT_EIO with one line.
 */
BT_MUST_CHECK enum bt_status bt_report_files(const struct bt_report *report, const char *dir, struct bt_error *err);

#endif
