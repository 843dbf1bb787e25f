/*
 * Baselines: what results were when somebody last accepted them, with a reason. A later run is held against them: bits and
 * verdicts must be the same or better, cycles no more than a tolerance allows, and nothing may be missing. They only compare:
 * no verdict of a baseline replaces one of a run.
 */
#ifndef BT_BASELINE_H
#define BT_BASELINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "harness/area.h"
#include "harness/error.h"
#include "harness/record.h"
#include "harness/record_json.h"
#include "harness/results.h"

/** Of the file format; another one is refused. */
#define BT_BASELINE_SCHEMA 3

struct bt_baseline_entry {
    char id[BT_ID_BYTES];
    enum bt_verdict verdict;               /**< never FAIL in a file */
    uint64_t hash;                         /**< of the ofmap; 0: no engine had one */
    uint64_t rtl_cycles, predicted_cycles; /**< 0: none */
    uint32_t engines;                      /**< bt_record_engines() */
};

struct bt_baseline_exemption {
    char network[48], layer[104], config[48];
    double error_percent;
};

/** Of one variant: one file. */
struct bt_baseline {
    char variant[48];
    double tolerance_percent; /**< cycles may grow by so much */
    uint64_t seed;            /**< of all data */
    bool data;                /**< there was a data folder: whole networks had its weights and pictures */
    uint32_t exemption_count;
    struct bt_baseline_exemption *exemptions; /**< from the cycle gate; may only shrink */
    uint32_t area_count;
    struct bt_area *areas;
    uint32_t count;
    struct bt_baseline_entry *entries; /**< by id */
};

/** Of all variants. */
struct bt_baselines {
    uint32_t count;
    struct bt_baseline *item; /**< by variant */
};

/* ---- files: DIR/<variant>.json ---- */

/**
 * @brief  Reads every file of the folder. One whose checksum is not that of its content was edited by hand, or merged: refused.
 * @param[out] baselines  None where there is no such folder; release with bt_baselines_free().
 * @return BT_OK; BT_EINPUT with file and reason; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_baselines_read(const char *dir, struct bt_baselines *baselines, struct bt_error *err);
/**
 * @brief  One file's content; the checksum is left out of consideration.
 * @param[out] baseline  Release with bt_baseline_free().
 */
BT_MUST_CHECK enum bt_status bt_baseline_from_json(const json_t *root, struct bt_baseline *baseline,
                                                   struct bt_error *err);
/** A result per line, so that a diff reads well; the same baseline is the same bytes. @return false when memory ran out. */
BT_MUST_CHECK bool bt_baseline_write(const struct bt_baseline *baseline, FILE *out);
void bt_baseline_free(struct bt_baseline *baseline);
void bt_baselines_free(struct bt_baselines *baselines);

/* ---- what a run would be as baselines ---- */

/**
 * @brief  From one or several runs, say of two suites; of what two have, the engines of both. Exemptions are left to the
 *         caller, the tolerance is 0.
 * @return BT_OK; BT_EINPUT: runs of several seeds, or with and without a data folder, or a result is in two runs and not the same; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_baselines_make(const struct bt_results *results, uint32_t count,
                                               const struct bt_areas *areas, struct bt_baselines *baselines,
                                               struct bt_error *err);
/**
 * @brief  Adds what only `old` has: of the areas, which who accepts need not have taken again; and where `partial`, of the results,
 *         which are then of a part of the suites.
 * @return BT_OK; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_baselines_keep(struct bt_baselines *baselines, const struct bt_baselines *old,
                                               bool partial, struct bt_error *err);
/** Are both of the same data, where both have a variant? @return BT_OK; BT_EINPUT: another seed. */
BT_MUST_CHECK enum bt_status bt_baselines_same_data(const struct bt_baselines *old, const struct bt_baselines *now,
                                                    struct bt_error *err);
/** That variant's, or NULL. */
struct bt_baseline *bt_baseline_find(const struct bt_baselines *baselines, const char *variant);

/* ---- comparison ---- */

enum bt_finding {
    /* these fail */
    BT_FOUND_BITS,      /**< another hash */
    BT_FOUND_WORSE,     /**< FAIL, or a worse verdict than recorded */
    BT_FOUND_SLOWER,    /**< beyond the tolerance */
    BT_FOUND_LOST,      /**< recorded, and not there any more: the result, an engine, its bits, its cycles */
    BT_FOUND_NEW,       /**< not recorded: it would be held to nothing */
    BT_FOUND_EXEMPTION, /**< a new exemption, or a larger one */
    /* these are there to be accepted */
    BT_FOUND_TOLERATED, /**< slower within the tolerance */
    BT_FOUND_FASTER,
    BT_FOUND_BETTER,     /**< verdict */
    BT_FOUND_PREDICTION, /**< another one; whether it is right the cycle gate says */
    BT_FOUND_AREA,
    BT_FOUND_FEWER, /**< an exemption that is gone or smaller */
    BT_FOUND_COUNT,
};

struct bt_findings {
    uint32_t held;     /**< results that were compared */
    uint32_t not_held; /**< of whole networks, recorded with the data folder and run without, or the other way round */
    uint32_t count[BT_FOUND_COUNT];
};

/**
 * @brief  Holds `now` against `old`.
 * @param[in]  partial  `now` is a part of the suites: what only one of them has is no failure.
 * @param[in]  out      One line per finding, at most BT_FINDING_LINES of each kind; NULL: none.
 */
#define BT_FINDING_LINES 10
struct bt_findings bt_baselines_compare(const struct bt_baselines *old, const struct bt_baselines *now, bool partial,
                                        FILE *out);
/** Must a check fail? */
bool bt_findings_fail(const struct bt_findings *findings, bool partial);
/** Is there anything at all? */
bool bt_findings_any(const struct bt_findings *findings);
/** "4450 results held, 3 other bits, 2 faster" */
void bt_findings_text(const struct bt_findings *findings, char *text, size_t text_bytes);

#endif
