/* Shards of one run as one. */
#ifndef BT_MERGE_H
#define BT_MERGE_H

#include <stdint.h>

#include "harness/error.h"
#include "harness/results.h"

/**
 * @brief  Reads the results.json of all shards of one run and puts their results together in the order of the whole run.
 * @param[in]  paths    In any order.
 * @param[out] merged   Release with bt_results_free(). Shard 1 of 1; the command is that of the first shard, seconds are those of
 *                      the slowest, the time is the earliest; of the machine what is the same for all.
 * @return BT_OK; BT_EINPUT with the file: not a results.json, another run's (suite, seed, selection, commit, simulated system,
 *         number of shards, gates), a shard that is there twice or not at all, a job that is in two of them or in none; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_merge(const char *const *paths, uint32_t count, struct bt_results *merged,
                                      struct bt_error *err);

#endif
