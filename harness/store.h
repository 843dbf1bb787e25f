/*
 * The results store: one SQLite file. Every result is kept under the key of what it follows from (job_key.h), and every finished
 * run as the list of its results. Several processes may use it at once; a process that is killed leaves what it had stored. Every
 * row carries a checksum of all of it, and a run one of its list, looked at whenever they are read: a store with a wrong one is set
 * aside as <file>.damaged-<n> and another is begun; err then has a line that says so, whatever else a function returns, and row numbers of
 * before mean nothing. The clock orders nothing: runs are numbered.
 *
 * The file must not lie on a network file system: SQLite's write-ahead log is memory shared between processes of one machine.
 */
#ifndef BT_STORE_H
#define BT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/error.h"
#include "harness/key.h"
#include "harness/record.h"
#include "harness/report.h"

struct bt_store;

/** What may be done with the file. */
enum bt_store_use {
    BT_STORE_READ,  /**< nothing but to read it: it must be there, and is left as it is, damaged or not */
    BT_STORE_WRITE, /**< the user named it: what was never a results store is refused and left as it is */
    BT_STORE_OWN,   /**< the build folder's own: whatever is there in its place is set aside */
};

/**
 * @brief  Opens a store, or makes one.
 * @return BT_OK; BT_EIO (cannot be opened, made or written to, or is no results store); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_store_open(const char *path, enum bt_store_use use, struct bt_store **store,
                                           struct bt_error *err);
void bt_store_close(struct bt_store *store);

/**
 * @brief  The results of one job.
 * @param[out] rows  By record, its number in the store.
 * @return BT_OK: all are there; BT_EUNSUPPORTED: not all of them, or the store was damaged; BT_EIO; BT_ENOMEM;
 *         out-parameters are written only with BT_OK.
 */
BT_MUST_CHECK enum bt_status bt_store_get(struct bt_store *store, const struct bt_key *key, uint32_t count,
                                          struct bt_record *records, int64_t *rows, struct bt_error *err);

/**
 * @brief  Keeps the results of one job, all or none. What was stored under the key answers no more, though runs of before keep
 *         what they had; these do from now on, unless there is a FAIL among them: such a job is always run again.
 * @param[in]  key     NULL: there is none, they answer nothing.
 * @param[in]  sound   False: nobody knows whether they are of that key, they answer nothing.
 * @return BT_OK; BT_EIO: not stored, and err says why (a full disk).
 */
BT_MUST_CHECK enum bt_status bt_store_put(struct bt_store *store, const struct bt_key *key, bool sound, uint32_t count,
                                          const struct bt_record *records, int64_t *rows, struct bt_error *err);

/**
 * @brief  Keeps a finished run; where the last one of that suite and command has the same results at the same revision, that one.
 * @param[in]  rows    By record of the report; 0 for one that is not stored, which is stored now.
 * @param[out] number  From 1.
 * @return BT_OK; BT_EIO: not stored, and err says why (also a store that was damaged).
 */
BT_MUST_CHECK enum bt_status bt_store_add_run(struct bt_store *store, const struct bt_report *report, int64_t *rows,
                                              int64_t *number, struct bt_error *err);

/**
 * @brief  The results of a stored run, in their order, as far as they are compared: names, seeds, verdicts, reasons, hashes, cycles
 *         of core and systems, measured terms, MACs and seconds of the simulation. Everything else is as bt_record_init() leaves it.
 * @param[out] run   What is known of the run itself; the rest is 0.
 * @param[in]  take  Called for each; the record lasts as long as the call. false: memory ran out.
 * @return BT_OK; BT_EINPUT: no such run; BT_EIO and BT_ENOMEM: some may have been taken before.
 */
BT_MUST_CHECK enum bt_status bt_store_run(struct bt_store *store, int64_t number, struct bt_run *run,
                                          bool (*take)(void *context, const struct bt_record *record), void *context,
                                          struct bt_error *err);

/** One stored run and its sums. */
struct bt_store_summary {
    int64_t number, time; /**< time: of the clock, as it was; seconds since 1970 */
    char suite[64], commit[48];
    char command[512]; /**< its beginning */
    bool dirty;
    double seconds, rtl_seconds;
    struct bt_totals totals;
    uint64_t rtl_cycles, predicted_cycles, macs;
};

/** One result of one run. */
struct bt_store_point {
    int64_t run;
    char commit[48];
    bool dirty;
    uint64_t seed;
    int64_t row; /**< the same number: the same result, not run again */
    enum bt_verdict verdict;
    uint64_t rtl_cycles, predicted_cycles,
        hash; /**< hash: of the ofmap, of the first engine that failed or else of the reference */
};

/** Runs, oldest first. @return BT_OK; BT_EIO; BT_ENOMEM. The array is freed by the caller. */
BT_MUST_CHECK enum bt_status bt_store_runs(struct bt_store *store, struct bt_store_summary **runs, uint32_t *count,
                                           struct bt_error *err);

/**
 * @brief  Calls `point` for each result that the globs select (NULL: all), by id, seed and then by run.
 * @return As bt_store_runs().
 */
BT_MUST_CHECK enum bt_status
bt_store_history(struct bt_store *store, const char *network, const char *layer, const char *variant,
                 const char *config, void (*point)(void *context, const char *id, const struct bt_store_point *point),
                 void *context, struct bt_error *err);

#endif
