#include "harness/shard.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/engine.h"
#include "harness/record_json.h"

struct item {
    uint64_t work;
    uint32_t job;
};

static int longest_first(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;
    if (x->work != y->work) {
        return x->work > y->work ? -1 : 1;
    }
    return x->job < y->job ? -1 : x->job > y->job;
}

enum bt_status bt_shard_assign(const uint64_t *work, uint32_t count, uint32_t shards, uint32_t *shard)
{
    const uint32_t used = shards < count ? shards : count; /* of more shards than jobs the last ones have none */
    struct item *items = calloc(count + (size_t)1, sizeof(*items));
    uint64_t *load = calloc(used + (size_t)1, sizeof(*load));
    const bool ok = items != NULL && load != NULL;
    for (uint32_t i = 0; ok && i < count; i++) {
        items[i] = (struct item){.work = work[i] > 0 ? work[i] : 1, .job = i};
    }
    if (ok) {
        qsort(items, count, sizeof(*items), longest_first);
    }
    for (uint32_t i = 0; ok && i < count; i++) {
        uint32_t least = 0;
        for (uint32_t s = 1; s < used; s++) {
            least = load[s] < load[least] ? s : least;
        }
        load[least] += items[i].work;
        shard[items[i].job] = least;
    }
    free(items);
    free(load);
    return ok ? BT_OK : BT_ENOMEM;
}

/* ---- recorded durations ---- */

struct duration {
    char id[BT_ID_BYTES];
    double seconds;
};

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct duration *)a)->id, ((const struct duration *)b)->id);
}

static double seconds_of(const struct bt_record *record)
{
    double seconds = 0.0;
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
        seconds += record->engine[e].seconds;
    }
    return seconds;
}

/* Seconds of all layers of a job; negative where one of them is not known. */
static double find(const struct bt_job *job, const struct duration *durations, uint32_t count)
{
    double seconds = 0.0;
    for (uint32_t i = 0; i < job->count; i++) {
        struct bt_record record;
        struct duration key = {.seconds = 0.0};
        bt_engine_label(job, i, &record);
        bt_record_id(&record, key.id, sizeof(key.id));
        const struct duration *found = bsearch(&key, durations, count, sizeof(*durations), by_id);
        if (found == NULL) {
            return -1.0;
        }
        seconds += found->seconds;
    }
    return seconds;
}

/* A file may say anything: beyond a year per job it is no duration. */
static uint64_t microseconds(double seconds)
{
    return (uint64_t)llround(fmin(fmax(seconds, 0.0), 365.0 * 86400.0) * 1e6);
}

enum bt_status bt_shard_recorded(const struct bt_plan *plan, const struct bt_results *earlier, uint64_t *work)
{
    struct duration *durations = calloc(earlier->count + (size_t)1, sizeof(*durations));
    double *seconds = calloc(plan->count + (size_t)1, sizeof(*seconds));
    double recorded = 0.0;
    double expected = 0.0;
    enum bt_status status = BT_ENOMEM;
    if (durations == NULL || seconds == NULL) {
        goto cleanup;
    }
    for (uint32_t i = 0; i < earlier->count; i++) {
        bt_record_id(&earlier->records[i], durations[i].id, sizeof(durations[i].id));
        durations[i].seconds = seconds_of(&earlier->records[i]);
    }
    qsort(durations, earlier->count, sizeof(*durations), by_id);
    for (uint32_t i = 0; i < plan->count; i++) {
        seconds[i] = find(&plan->jobs[i], durations, earlier->count);
        recorded += seconds[i] >= 0.0 ? seconds[i] : 0.0;
        expected += seconds[i] >= 0.0 ? (double)work[i] : 0.0;
    }
    for (uint32_t i = 0; expected > 0.0 && i < plan->count; i++) {
        work[i] = microseconds(seconds[i] >= 0.0 ? seconds[i] : (double)work[i] * recorded / expected);
    }
    status = BT_OK;

cleanup:
    free(durations);
    free(seconds);
    return status;
}
