/* What a report has beside the records, from a plan and the command line; and its end, the same for all commands. */
#ifndef BT_CLI_REPORT_H
#define BT_CLI_REPORT_H

#include "harness/cli.h"
#include "harness/engine.h"
#include "harness/job.h"
#include "harness/report.h"

/** The head, but for the seconds. */
void bt_cli_describe(const struct bt_cli *cli, const struct bt_plan *plan, const struct bt_engine_options *options,
                     struct bt_run *run);

/** By record, the command that runs it again; NULL when memory runs out. */
char **bt_cli_replays(const struct bt_cli *cli, const struct bt_plan *plan, const struct bt_engine_options *options,
                      const struct bt_record *records);
/** By record, its job in the order of the whole selection; freed by the caller, NULL when memory runs out. */
uint32_t *bt_cli_job_numbers(const struct bt_plan *plan);
void bt_cli_replays_free(char **replays, uint32_t count);

/**
 * @brief  Prints the table, the failures and the conclusion, and writes all files into --out, or out/<suite> of the build folder;
 *         in a step of GitHub Actions (GITHUB_ACTIONS, GITHUB_STEP_SUMMARY) also annotations and its summary.
 * @return The exit status; BT_EXIT_ERROR with one line in err where the files could not be written.
 */
int bt_cli_conclude(const struct bt_cli *cli, const struct bt_report *report, struct bt_error *err);

/** plan->configs_count limits of the cycle gates, freed by the caller; NULL when memory runs out. */
struct bt_gate_limit *bt_cli_limits(const struct bt_plan *plan);

#endif
