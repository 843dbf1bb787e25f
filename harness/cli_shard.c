#include <stdlib.h>

#include "harness/cli.h"
#include "harness/cli_jobs.h"
#include "harness/shard.h"

/* In place of the expected work what a file recorded. */
static enum bt_status read_durations(const char *path, const struct bt_plan *plan, uint64_t *work, struct bt_error *err)
{
    struct bt_results earlier;
    enum bt_status status = bt_results_read(path, &earlier, err);
    if (status != BT_OK) {
        return status;
    }
    status = bt_shard_recorded(plan, &earlier, work);
    bt_results_free(&earlier);
    return status == BT_OK ? BT_OK : bt_fail(err, status, "out of memory");
}

enum bt_status bt_cli_shards(const struct bt_cli *cli, const struct bt_plan *plan, uint32_t shards, uint32_t *shard,
                             struct bt_error *err)
{
    uint64_t *work = calloc(plan->count + (size_t)1, sizeof(*work));
    if (work == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < plan->count; i++) {
        work[i] = bt_job_weight(&plan->jobs[i]);
    }
    enum bt_status status = cli->durations != NULL ? read_durations(cli->durations, plan, work, err) : BT_OK;
    if (status == BT_OK && bt_shard_assign(work, plan->count, shards, shard) != BT_OK) {
        status = bt_fail(err, BT_ENOMEM, "out of memory");
    }
    free(work);
    return status;
}

static enum bt_status take_shard(const struct bt_cli *cli, struct bt_plan *plan, struct bt_error *err)
{
    uint32_t *shard = calloc(plan->count + (size_t)1, sizeof(*shard));
    if (shard == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    enum bt_status status = bt_cli_shards(cli, plan, cli->shards, shard, err);
    if (status == BT_OK) {
        bt_plan_keep(plan, shard, cli->shard);
    }
    if (status == BT_OK && plan->count == 0) {
        status = bt_fail(err, BT_EINPUT, "shard %u/%u is empty: the selection has %u jobs", cli->shard + 1, cli->shards,
                         plan->whole);
    }
    free(shard);
    return status;
}

enum bt_status bt_cli_plan(const struct bt_cli *cli, struct bt_plan *plan, struct bt_error *err)
{
    if (cli->durations != NULL && cli->shards == 0 && cli->executor == BT_EXECUTOR_LOCAL) {
        return bt_fail(err, BT_EINPUT, "--durations without --shard: expected both");
    }
    enum bt_status status = bt_plan_make(&cli->selection, plan, err);
    if (status != BT_OK || cli->shards <= 1) {
        return status;
    }
    status = take_shard(cli, plan, err);
    if (status != BT_OK) {
        bt_plan_free(plan);
    }
    return status;
}
