/* A selection in parts of about equal work, for several machines. */
#ifndef BT_SHARD_H
#define BT_SHARD_H

#include <stdint.h>

#include "harness/error.h"
#include "harness/job.h"
#include "harness/results.h"

/**
 * @brief  Gives each job to a shard: the longest first, each to the shard that has the least work so far; of equal jobs and of
 *         equal shards the first. The same work always gives the same shards, and none is empty while there are jobs.
 * @param[in]  work   By job, any unit.
 * @param[out] shard  By job, 0 to shards - 1.
 * @return BT_OK; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_shard_assign(const uint64_t *work, uint32_t count, uint32_t shards, uint32_t *shard);

/**
 * @brief  Puts the microseconds that an earlier run took in place of the work that is expected. A job of which a layer is not in
 *         it gets its expected work, in the ratio of what the others took to what was expected of them.
 * @param[in,out] work  By job; without any job of the plan in the earlier run it stays as it is.
 * @return BT_OK; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_shard_recorded(const struct bt_plan *plan, const struct bt_results *earlier,
                                               uint64_t *work);

#endif
