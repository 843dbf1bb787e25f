#include "harness/merge.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Which file, counted from 1, and which record of it a job begins at; 0: none yet. */
struct place {
    uint32_t file, record;
};

static const char *or_none(const char *text)
{
    return text[0] != '\0' ? text : "none";
}

/* Do both come from one run? */
static enum bt_status check_same(const struct bt_run *first, const struct bt_run *run, struct bt_error *err)
{
    const struct bt_run_system *a = &first->system;
    const struct bt_run_system *b = &run->system;
    if (strcmp(run->suite, first->suite) != 0) {
        return bt_fail(err, BT_EINPUT, "suite '%s', not '%s'", run->suite, first->suite);
    }
    if (run->seed != first->seed) {
        return bt_fail(err, BT_EINPUT, "seed %" PRIu64 ", not %" PRIu64, run->seed, first->seed);
    }
    if (run->data != first->data) {
        return bt_fail(err, BT_EINPUT, "a run %s a data folder, not %s", run->data ? "with" : "without",
                       first->data ? "with" : "without");
    }
    if (run->shards != first->shards) {
        return bt_fail(err, BT_EINPUT, "one of %" PRIu32 " shards, not of %" PRIu32, run->shards, first->shards);
    }
    if (strcmp(run->environment.commit, first->environment.commit) != 0) {
        return bt_fail(err, BT_EINPUT, "commit %s, not %s", or_none(run->environment.commit),
                       or_none(first->environment.commit));
    }
    if (run->environment.dirty != first->environment.dirty) {
        return bt_fail(err, BT_EINPUT, "a tree %s changes, not %s", run->environment.dirty ? "with" : "without",
                       first->environment.dirty ? "with" : "without");
    }
    if (run->jobs != first->jobs) {
        return bt_fail(err, BT_EINPUT, "a run of %" PRIu32 " jobs, not of %" PRIu32, run->jobs, first->jobs);
    }
    if (strcmp(run->plan, first->plan) != 0) {
        return bt_fail(err, BT_EINPUT, "another selection or other options: '%s', not '%s'", run->command,
                       first->command);
    }
    if (a->present != b->present || a->cpu_mips != b->cpu_mips || a->clock_mhz != b->clock_mhz ||
        strcmp(a->device, b->device) != 0 || strcmp(a->wait, b->wait) != 0) {
        return bt_fail(err, BT_EINPUT, "another simulated system: %s, %" PRIu32 " MIPS, %" PRIu32 " MHz, device %s",
                       or_none(b->map), b->cpu_mips, b->clock_mhz, or_none(b->device));
    }
    return BT_OK;
}

/* Every shard once. */
static enum bt_status check_shards(const char *const *paths, const struct bt_results *files, uint32_t count,
                                   struct bt_error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        struct bt_error why = {""};
        if (check_same(&files[0].run, &files[i].run, &why) != BT_OK) {
            return bt_fail(err, BT_EINPUT, "%s: %s as in %s", paths[i], why.text, paths[0]);
        }
        for (uint32_t k = 0; k < i; k++) {
            if (files[k].run.shard == files[i].run.shard) {
                return bt_fail(err, BT_EINPUT, "%s: shard %" PRIu32 "/%" PRIu32 ", as %s: expected each shard once",
                               paths[i], files[i].run.shard + 1, files[i].run.shards, paths[k]);
            }
        }
    }
    for (uint32_t shard = 0; shard < files[0].run.shards; shard++) {
        bool found = false;
        for (uint32_t i = 0; i < count && !found; i++) {
            found = files[i].run.shard == shard;
        }
        if (!found) {
            return bt_fail(err, BT_EINPUT, "%s: shard %" PRIu32 "/%" PRIu32 " is missing beside it", paths[0],
                           shard + 1, files[0].run.shards);
        }
    }
    return BT_OK;
}

/* Every job in one file. */
static enum bt_status find_jobs(const char *const *paths, const struct bt_results *files, uint32_t count,
                                struct place *places, struct bt_error *err)
{
    const uint32_t jobs = files[0].run.jobs;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t r = 0; r < files[i].count; r++) {
            struct place *place = &places[files[i].jobs[r]];
            if (place->file == 0) {
                *place = (struct place){i + 1, r};
            } else if (place->file != i + 1) {
                return bt_fail(err, BT_EINPUT, "%s: job %" PRIu32 " is in %s, too (%s %s on %s %s)", paths[i],
                               files[i].jobs[r], paths[place->file - 1], files[i].records[r].network,
                               files[i].records[r].layer, files[i].records[r].variant, files[i].records[r].config);
            }
        }
    }
    for (uint32_t j = 0; j < jobs; j++) {
        if (places[j].file == 0) {
            return bt_fail(err, BT_EINPUT, "%s: job %" PRIu32 " of %" PRIu32 " is in no shard", paths[0], j, jobs);
        }
    }
    return BT_OK;
}

static enum bt_status add_limits(const char *path, const struct bt_results *file, struct bt_results *merged,
                                 struct bt_error *err)
{
    for (uint32_t i = 0; i < file->limit_count; i++) {
        const struct bt_gate_limit *limit = &file->limits[i];
        const struct bt_gate_limit *known = NULL;
        for (uint32_t k = 0; k < merged->limit_count && known == NULL; k++) {
            known = strcmp(merged->limits[k].variant, limit->variant) == 0 ? &merged->limits[k] : NULL;
        }
        if (known == NULL) {
            merged->limits[merged->limit_count++] = *limit;
        } else if (known->max_percent != limit->max_percent || known->mean_percent != limit->mean_percent) {
            return bt_fail(err, BT_EINPUT, "%s: gate of %s at %g %% and %g %%, elsewhere at %g %% and %g %%", path,
                           limit->variant, limit->max_percent, limit->mean_percent, known->max_percent,
                           known->mean_percent);
        }
    }
    return BT_OK;
}

/* What was not the same everywhere is not known of the whole. */
static void merge_text(char *text, const char *other)
{
    if (strcmp(text, other) != 0) {
        text[0] = '\0';
    }
}

static void merge_heads(const struct bt_results *files, uint32_t count, struct bt_run *run)
{
    for (uint32_t i = 0; i < count; i++) {
        if (files[i].run.shard == 0) {
            *run = files[i].run;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct bt_run *other = &files[i].run;
        struct bt_environment *environment = &run->environment;
        run->seconds = other->seconds > run->seconds ? other->seconds : run->seconds;
        merge_text(environment->cpu, other->environment.cpu);
        merge_text(environment->os, other->environment.os);
        merge_text(environment->verilator, other->environment.verilator);
        merge_text(environment->compiler, other->environment.compiler);
        environment->cores = environment->cores == other->environment.cores ? environment->cores : 0;
        environment->time = other->environment.time < environment->time ? other->environment.time : environment->time;
    }
    run->shard = 0;
    run->shards = 1;
}

/* Records in the order of the whole run; their texts change hands. */
static void take_records(struct bt_results *files, const struct place *places, struct bt_results *merged)
{
    for (uint32_t j = 0; j < merged->run.jobs; j++) {
        struct bt_results *file = &files[places[j].file - 1];
        for (uint32_t r = places[j].record; r < file->count && file->jobs[r] == j; r++) {
            merged->records[merged->count] = file->records[r];
            merged->replays[merged->count] = file->replays[r];
            merged->jobs[merged->count++] = j;
            file->replays[r] = NULL;
        }
    }
}

static enum bt_status merge(const char *const *paths, struct bt_results *files, uint32_t count,
                            struct bt_results *merged, struct bt_error *err)
{
    size_t records = 0;
    size_t limits = 0;
    struct place *places = NULL;
    enum bt_status status = check_shards(paths, files, count, err);
    if (status != BT_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        records += files[i].count;
        limits += files[i].limit_count;
    }
    /* Each job has a result. Before the number that the files state decides what is allocated. */
    if (files[0].run.jobs > records || records > UINT32_MAX) {
        return bt_fail(err, BT_EINPUT, "%s: a run of %" PRIu32 " jobs: expected at least as many results, found %zu",
                       paths[0], files[0].run.jobs, records);
    }
    places = calloc(files[0].run.jobs + (size_t)1, sizeof(*places));
    merged->records = calloc(records + 1, sizeof(*merged->records));
    merged->replays = calloc(records + 1, sizeof(char *));
    merged->jobs = calloc(records + 1, sizeof(*merged->jobs));
    merged->limits = calloc(limits + 1, sizeof(*merged->limits));
    if (places == NULL || merged->records == NULL || merged->replays == NULL || merged->jobs == NULL ||
        merged->limits == NULL) {
        status = bt_fail(err, BT_ENOMEM, "out of memory");
        goto cleanup;
    }
    status = find_jobs(paths, files, count, places, err);
    for (uint32_t i = 0; i < count && status == BT_OK; i++) {
        status = add_limits(paths[i], &files[i], merged, err);
    }
    if (status == BT_OK) {
        merge_heads(files, count, &merged->run);
        take_records(files, places, merged);
    }

cleanup:
    free(places);
    return status;
}

enum bt_status bt_merge(const char *const *paths, uint32_t count, struct bt_results *merged, struct bt_error *err)
{
    struct bt_results *files = calloc(count + (size_t)1, sizeof(*files));
    enum bt_status status = BT_OK;
    *merged = (struct bt_results){.count = 0};
    if (files == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    if (count == 0) {
        status = bt_fail(err, BT_EINPUT, "nothing to merge: expected the results.json of every shard");
    }
    for (uint32_t i = 0; i < count && status == BT_OK; i++) {
        status = bt_results_read(paths[i], &files[i], err);
    }
    if (status == BT_OK && count > 0) {
        status = merge(paths, files, count, merged, err);
    }
    for (uint32_t i = 0; i < count; i++) {
        bt_results_free(&files[i]);
    }
    free(files);
    if (status != BT_OK) {
        bt_results_free(merged);
    }
    return status;
}
