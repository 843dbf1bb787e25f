/* The jobs of a plan through a job array of Slurm. */
#ifndef BT_CLI_SLURM_H
#define BT_CLI_SLURM_H

#include "harness/cli.h"
#include "harness/engine.h"
#include "harness/environment.h"
#include "harness/job.h"
#include "harness/record.h"

/** Options that contradict --executor, or would have no effect. BT_EINPUT with one line. */
BT_MUST_CHECK enum bt_status bt_cli_slurm_check(const struct bt_cli *cli, struct bt_error *err);

/**
 * @brief  What bt_cli_jobs() does, on a cluster: each task of an array runs a shard of the plan and leaves its results.json in a
 *         spool folder, where they are merged. The layers of a task that was lost time and again fail. The spool is
 *         removed, but for when a task or the run failed.
 * @param[out] records      plan->records of them, in the order of the plan.
 * @param[out] where        Of the machines of the tasks what is the same for all.
 * @param[out] interrupted  The signal that stopped the run, or 0.
 * @return BT_OK; else with one line: BT_EIO (files, Slurm), BT_EINPUT (the shards do not fit each other), BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_cli_slurm(const struct bt_cli *cli, const struct bt_plan *plan,
                                          const struct bt_engine_options *options, struct bt_record *records,
                                          struct bt_environment *where, int *interrupted, struct bt_error *err);

#endif
