/* The jobs of a plan through the worker pool. */
#ifndef BT_CLI_JOBS_H
#define BT_CLI_JOBS_H

#include "harness/cli.h"
#include "harness/cli_store.h"
#include "harness/engine.h"
#include "harness/job.h"
#include "harness/progress.h"
#include "harness/record.h"

/**
 * @brief  Runs all jobs that the store does not answer, each in a process of its own. A worker that crashes, hangs or answers with less than its
 *         records fails all layers of its job.
 * @param[in]  store        Keeps what each job finds, too; may be NULL.
 * @param[out] records      plan->records of them, in the order of the plan.
 * @param[out] interrupted  The signal that stopped the run, or 0.
 * @return BT_OK; BT_ENOMEM; BT_EIO.
 */
BT_MUST_CHECK enum bt_status bt_cli_jobs(const struct bt_cli *cli, const struct bt_plan *plan,
                                         const struct bt_engine_options *options, struct bt_cli_store *store,
                                         struct bt_record *records, int *interrupted);

/** Expected work of a job in simulated cycles, or something like it. */
uint64_t bt_job_weight(const struct bt_job *job);

/** Wall clock after which a job of that weight is taken for hung. */
double bt_cli_job_seconds(const struct bt_cli *cli, uint64_t weight);

/** All layers of a job that left no records: FAIL, for this reason. */
void bt_cli_fail_job(const struct bt_job *job, struct bt_record *records, const char *failure);

#endif
