/* Shards of one run as one. */
#ifndef BT_MERGE_H
#define BT_MERGE_H

#include <stdint.h>

#include "harness/error.h"
#include "harness/results.h"

/**
 * @brief  Reads the results.json of all shards of one run and puts their results together in the order of the whole run.
 * @param[in]  paths    In any order.
 * @param[out] merged   Release with bt_results_free(); shard 1 of 1, seconds are those of the slowest shard.
 * @return BT_OK; BT_EINPUT with the file: not a results.json, another run's (suite, seed, jobs, commit, number of shards), a
 *         shard that is there twice or not at all, a result that is in two of them; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_merge(const char *const *paths, uint32_t count, struct bt_results *merged,
                                      struct bt_error *err);

#endif
