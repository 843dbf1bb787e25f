/* The results store of a run: which jobs it answers, and what is kept. */
#ifndef BT_CLI_STORE_H
#define BT_CLI_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/cli.h"
#include "harness/engine.h"
#include "harness/job.h"
#include "harness/store.h"

struct bt_cli_store {
    struct bt_store *store; /**< NULL: there is none; everything below is then of no effect */
    const struct bt_plan *plan;
    const struct bt_engine_options *options;
    const char *suites_dir;
    struct bt_keymaker *maker;
    struct bt_key *keys; /**< by job ... */
    bool *keyed;         /**< ... where it has one */
    int64_t *rows;       /**< by record of the plan; 0: not stored */
    bool force;          /**< nothing is answered */
    uint32_t answered;   /**< jobs */
    uint32_t unkept;     /**< jobs that answer nobody, because a file changed */
};

/** Where the store is: --store, BITTRUE_STORE, or results.db in the build folder; NULL where it is "none". */
const char *bt_cli_store_path(const struct bt_cli *cli, char *path, size_t path_bytes);

/**
 * @brief  Opens the store of a run. One that was not asked for and cannot be had is said on stderr, and the run does without.
 * @return BT_OK; BT_EIO: the one that was asked for cannot be had; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_cli_store_open(const struct bt_cli *cli, const struct bt_plan *plan,
                                               const struct bt_engine_options *options, struct bt_cli_store *store,
                                               struct bt_error *err);
void bt_cli_store_close(struct bt_cli_store *store);

/** Are the results of job `index` there? Then they are in `records`. `first`: the job's first record in the plan. */
bool bt_cli_store_answers(struct bt_cli_store *store, uint32_t index, uint32_t first, struct bt_record *records);

/**
 * Keeps what a job found; it answers nobody where a file that results follow from has changed since the run began. A store that
 * fails is said once on stderr, and is not used any more.
 */
void bt_cli_store_keep(struct bt_cli_store *store, uint32_t index, uint32_t first, const struct bt_record *records);

/** Keeps the finished run. @return Its number, or 0. */
int64_t bt_cli_store_finish(struct bt_cli_store *store, const struct bt_report *report);

#endif
