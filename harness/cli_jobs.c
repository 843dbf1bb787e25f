#include "harness/cli_jobs.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/pages.h"
#include "harness/pool.h"

/* What a job costs besides its cycles: process, core, data. */
#define JOB_CYCLES 20000
/* A core that simulates fewer cycles per second than this is taken for hung. */
#define SLOWEST_CYCLES_PER_SECOND 5000
#define LEAST_SECONDS 60

struct run {
    const struct bt_plan *plan;
    const struct bt_engine_options *options;
    struct bt_cli_store *store; /* or NULL */
    uint32_t *order;            /* jobs that run, by task */
    struct bt_pool_task *tasks;
    uint32_t *first; /* record of each job */
    struct bt_record *records;
    struct bt_progress progress;
    bool quiet;
    unsigned threads; /* of the fast reference, per worker */
};

uint64_t bt_job_weight(const struct bt_job *job)
{
    uint64_t cycles = JOB_CYCLES;
    cycles += (job->engines & (1u << BT_ENGINE_ISS_SW)) != 0 ? job->macs / 50 : 0;
    if ((job->engines & (1u << BT_ENGINE_RTL | 1u << BT_ENGINE_ISS_ACCEL)) == 0) {
        return cycles + job->macs / 1000;
    }
    for (uint32_t i = 0; i < job->count; i++) {
        const bool conv = job->layers[i].work.op == BT_OP_CONV2D;
        cycles +=
            conv && job->variant->roofline != NULL ? job->variant->roofline(&job->config, &job->layers[i].work, 1) : 0;
    }
    if (job->variant->roofline == NULL) {
        cycles += job->macs;
    }
    return cycles * 100 / (100 - job->config.mem.stall_percent);
}

double bt_cli_job_seconds(const struct bt_cli *cli, uint64_t weight)
{
    return cli->timeout_seconds > 0.0 ? cli->timeout_seconds
                                      : LEAST_SECONDS + (double)weight / SLOWEST_CYCLES_PER_SECOND;
}

/* The library behind the fast reference starts one thread per CPU, unless told otherwise. */
static void limit_threads(unsigned threads)
{
    void (*set_threads)(int) = NULL;
    void *symbol = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    if (symbol != NULL) {
        memcpy(&set_threads, &symbol, sizeof(set_threads));
        set_threads((int)threads);
    }
}

static enum bt_status work(void *context, uint32_t task, void **bytes, size_t *length)
{
    const struct run *run = context;
    const struct bt_job *job = &run->plan->jobs[run->order[task]];
    struct bt_record *records = calloc(job->count, sizeof(*records));
    if (records == NULL) {
        return BT_ENOMEM;
    }
    limit_threads(run->threads);
    const enum bt_status status = bt_engine_run(job, run->options, records);
    if (status != BT_OK) {
        free(records);
        return status;
    }
    *bytes = records;
    *length = job->count * sizeof(*records);
    return BT_OK;
}

void bt_cli_fail_job(const struct bt_job *job, struct bt_record *records, const char *failure)
{
    for (uint32_t i = 0; i < job->count; i++) {
        bt_engine_label(job, i, &records[i]);
        records[i].verdict = BT_FAIL;
        (void)snprintf(records[i].reason, sizeof(records[i].reason), "%s", failure);
    }
}

static void done(void *context, uint32_t task, const void *bytes, size_t length, const char *failure)
{
    struct run *run = context;
    const uint32_t index = run->order[task];
    const struct bt_job *job = &run->plan->jobs[index];
    struct bt_record *records = &run->records[run->first[index]];
    if (failure == NULL && length != job->count * sizeof(*records)) {
        failure = "damaged result: not the job's records";
    }
    if (failure != NULL) {
        bt_cli_fail_job(job, records, failure);
    } else {
        memcpy(records, bytes, length);
    }
    if (run->store != NULL) {
        bt_cli_store_keep(run->store, index, run->first[index], records);
    }
    run->progress.work_done += run->tasks[task].weight;
    for (uint32_t i = 0; i < job->count; i++) {
        if (records[i].verdict == BT_FAIL && !run->quiet) {
            run->progress.failed++;
            bt_progress_clear(&run->progress);
            (void)fprintf(run->progress.out, "FAIL %s %s on %s %s: %s\n", records[i].network, records[i].layer,
                          records[i].variant, records[i].config, records[i].reason);
        }
    }
}

static void tick(void *context, uint32_t running, uint32_t finished)
{
    struct run *run = context;
    bt_progress_tick(&run->progress, running, finished);
}

/* The jobs whose results are not there already, with their bounds. */
static uint32_t choose(const struct bt_cli *cli, struct run *run, uint64_t *work_sum)
{
    uint32_t chosen = 0;
    uint32_t next = 0;
    for (uint32_t i = 0; i < run->plan->count; i++) {
        const struct bt_job *job = &run->plan->jobs[i];
        run->first[i] = next;
        next += job->count;
        if (run->store != NULL && bt_cli_store_answers(run->store, i, run->first[i], &run->records[run->first[i]])) {
            continue;
        }
        const uint64_t weight = bt_job_weight(job);
        run->tasks[chosen].weight = weight;
        run->tasks[chosen].timeout_seconds = bt_cli_job_seconds(cli, weight);
        run->order[chosen++] = i;
        *work_sum += weight;
    }
    return chosen;
}

enum bt_status bt_cli_jobs(const struct bt_cli *cli, const struct bt_plan *plan,
                           const struct bt_engine_options *options, struct bt_cli_store *store,
                           struct bt_record *records, int *interrupted)
{
    enum bt_status status = BT_ENOMEM;
    struct run run = {
        .plan = plan, .options = options, .store = store, .records = records, .threads = 1, .quiet = cli->quiet};
    uint64_t total = 0;

    *interrupted = 0;
    run.tasks = calloc(plan->count, sizeof(*run.tasks));
    run.first = calloc(plan->count, sizeof(*run.first));
    run.order = calloc(plan->count, sizeof(*run.order));
    if (run.tasks == NULL || run.first == NULL || run.order == NULL) {
        goto cleanup;
    }
    const uint32_t count = choose(cli, &run, &total);
    bt_progress_begin(&run.progress, stderr, count, total);
    const struct bt_pool pool = {
        .workers = cli->workers < count || count == 0 ? cli->workers : count,
        .count = count,
        .tasks = run.tasks,
        .context = &run,
        .work = work,
        .done = done,
        .tick = cli->quiet ? NULL : tick,
    };
    /* a worker makes records of its own: the pages of all of them need not be copied for each */
    bt_pages_advise(records, plan->records * sizeof(*records), MADV_DONTFORK);
    status = count != 0 ? bt_pool_run(&pool, interrupted) : BT_OK;
    bt_pages_advise(records, plan->records * sizeof(*records), MADV_DOFORK);
    if (!cli->quiet) {
        bt_progress_clear(&run.progress);
    }

cleanup:
    free(run.order);
    free(run.first);
    free(run.tasks);
    return status;
}
