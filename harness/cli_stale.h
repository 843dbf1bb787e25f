/* Simulated cores that are older than their RTL: a run takes them as they were last built. */
#ifndef BT_CLI_STALE_H
#define BT_CLI_STALE_H

#include <stdbool.h>

#include "harness/engine.h"
#include "harness/job.h"

/**
 * @brief  A line on stderr for each core of the plan that is, with a file that it was built from and that is newer. Says nothing
 *         of a core that Verilator left no list of sources for.
 * @return Whether there is one: then results are not those of the tree.
 */
bool bt_cli_stale(const struct bt_plan *plan, const struct bt_engine_options *options);

#endif
