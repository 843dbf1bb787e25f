#include "harness/cli_slurm.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "harness/cli_jobs.h"
#include "harness/cli_report.h"
#include "harness/job_key.h"
#include "harness/merge.h"
#include "harness/progress.h"
#include "harness/record_json.h"
#include "harness/replay.h"
#include "harness/results.h"
#include "harness/slurm.h"

/* About a minute of one core: the layers of ResNet-50 on all engines, 99 million (bt_job_weight), take it 22 s. */
#define TASK_WEIGHT 270000000
/* How long a run may wait for its nodes, besides what all of its jobs would take as slowly as they may, one after the other. */
#define QUEUE_SECONDS 86400
#define POLL_SECONDS 2
#define CALL_SECONDS 60
#define SILENCE_SECONDS 600

/* Open folders while a tree is removed. */
#define WALK_FOLDERS 8
#define PATH_BYTES 4096
#define WORDS_BYTES 1024 /* of --slurm-options */

struct part {
    uint32_t jobs, records;
    uint64_t weight;
};

struct run {
    const struct bt_cli *cli;
    const struct bt_plan *plan;
    const struct bt_engine_options *options;
    char spool[PATH_BYTES / 4];
    char folder[PATH_BYTES / 4]; /* the one that we are in */
    struct bt_run own;           /* what tasks must say of themselves, too */
    struct bt_progress progress;
    double seconds; /* that all of it may take */
    uint32_t parts;
    uint32_t *part_of; /* by job */
    struct part part[BT_SLURM_MOST_TASKS];
    struct bt_slurm_task tasks[BT_SLURM_MOST_TASKS];
};

enum bt_status bt_cli_slurm_check(const struct bt_cli *cli, struct bt_error *err)
{
    if (cli->executor != BT_EXECUTOR_SLURM) {
        const char *option = cli->tasks != 0              ? "tasks"
                             : cli->spool != NULL         ? "spool"
                             : cli->slurm_options != NULL ? "slurm-options"
                                                          : NULL;
        return option == NULL ? BT_OK
                              : bt_fail(err, BT_EINPUT, "run: --%s is of --executor slurm: expected both", option);
    }
    if (cli->shards != 0) {
        return bt_fail(err, BT_EINPUT, "run: --executor slurm makes shards of its own: expected no --shard");
    }
    if (cli->jobs_asked) {
        return bt_fail(err, BT_EINPUT,
                       "run: each task of --executor slurm runs one job at a time: expected --tasks, "
                       "no --jobs");
    }
    if (cli->slurm_options != NULL && strlen(cli->slurm_options) >= WORDS_BYTES) {
        return bt_fail(err, BT_EINPUT, "run: --slurm-options: expected fewer than %d bytes", WORDS_BYTES);
    }
    return BT_OK;
}

/* ---- the spool folder ---- */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

/* Where tasks leave results: a folder for each attempt, so that no network file system has a memory of what is in it. */
static void part_path(const struct run *run, uint32_t task, uint32_t attempt, const char *file, char *path,
                      size_t path_bytes)
{
    (void)snprintf(path, path_bytes, "%s/%" PRIu32 ".%" PRIu32 "%s", run->spool, task + 1, attempt + 1, file);
}

static enum bt_status make_spool(struct run *run, struct bt_error *err)
{
    char below[sizeof(run->spool)];
    char base[PATH_BYTES];
    if (run->cli->spool != NULL) {
        (void)snprintf(below, sizeof(below), "%s", run->cli->spool);
    } else {
        (void)snprintf(below, sizeof(below), "%.1000s/slurm", run->cli->build_dir);
        (void)mkdir(below, 0777); /* what follows decides */
    }
    if (getcwd(run->folder, sizeof(run->folder)) == NULL || realpath(below, base) == NULL) {
        return bt_fail(err, BT_EINPUT, "spool folder '%s': %s", below, strerror(errno));
    }
    const int length = snprintf(run->spool, sizeof(run->spool), "%s/bittrue-XXXXXX", base);
    if (length < 0 || (size_t)length >= sizeof(run->spool)) {
        return bt_fail(err, BT_EINPUT, "spool folder '%s': path too long", base);
    }
    if (mkdtemp(run->spool) == NULL) {
        return bt_fail(err, BT_EINPUT, "spool folder '%s': cannot write in it: %s", base, strerror(errno));
    }
    return BT_OK;
}

static void remove_spool(const struct run *run)
{
    if (nftw(run->spool, remove_one, WALK_FOLDERS, FTW_DEPTH | FTW_PHYS) != 0) {
        (void)fprintf(stderr, "bittrue: %s: cannot be removed: %s\n", run->spool, strerror(errno));
    }
    if (run->cli->spool == NULL) {
        char below[sizeof(run->spool)];
        (void)snprintf(below, sizeof(below), "%.1000s/slurm", run->cli->build_dir);
        (void)rmdir(below); /* unless another run is in it */
    }
}

/* What a task runs: this command on its shard. Folders in options are seen from the folder that we are in, as here. */
static enum bt_status write_script(const struct run *run, const char *path, struct bt_error *err)
{
    static const char *const variables[] = {"BITTRUE_BUILD", "BITTRUE_SUITES", "BITTRUE_DATA"};
    char program[PATH_BYTES];
    char word[PATH_BYTES];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    FILE *file = fopen(path, "w");
    if (file == NULL || length < 0) {
        const int error = errno;
        if (file != NULL) {
            (void)fclose(file);
        }
        return bt_fail(err, BT_EIO, "%s: cannot be written: %s", path, strerror(error));
    }
    program[length] = '\0';
    (void)fprintf(file, "#!/bin/sh\n# A part of a run; $1 is the attempt.\n");
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        const char *value = getenv(variables[i]);
        if (value != NULL && value[0] != '\0') {
            bt_shell_word(value, word, sizeof(word));
            (void)fprintf(file, "export %s=%s\n", variables[i], word);
        }
    }
    bt_shell_word(program, word, sizeof(word));
    (void)fprintf(file, "exec %s run", word);
    for (unsigned i = 0; i < run->cli->what_count; i++) {
        const struct bt_cli_option *option = &run->cli->what[i];
        (void)fprintf(file, " --%s", option->name);
        if (option->value != NULL) {
            bt_shell_word(option->value, word, sizeof(word));
            (void)fprintf(file, " %s", word);
        }
    }
    bt_shell_word(run->spool, word, sizeof(word));
    (void)fprintf(file,
                  " --jobs 1 --store none --shard \"$SLURM_ARRAY_TASK_ID/%" PRIu32
                  "\" --out %s/\"$SLURM_ARRAY_TASK_ID.$1\"\n",
                  run->parts, word);
    const bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed) {
        return bt_fail(err, BT_EIO, "%s: cannot be written: %s", path, strerror(errno));
    }
    return BT_OK;
}

/* ---- parts ---- */

/* How many tasks, what each of them has, and how long they may take. */
static enum bt_status divide(struct run *run, struct bt_error *err)
{
    const struct bt_plan *plan = run->plan;
    uint64_t total = 0;
    double longest = 0;
    for (uint32_t i = 0; i < plan->count; i++) {
        const uint64_t weight = bt_job_weight(&plan->jobs[i]);
        total += weight;
        longest += bt_cli_job_seconds(run->cli, weight);
    }
    uint64_t parts = run->cli->tasks != 0 ? run->cli->tasks : total / TASK_WEIGHT + 1;
    parts = parts < plan->count ? parts : plan->count;
    run->parts = (uint32_t)(parts < BT_SLURM_MOST_TASKS ? parts : BT_SLURM_MOST_TASKS);
    run->seconds = QUEUE_SECONDS + BT_SLURM_ATTEMPTS * longest;
    run->part_of = calloc(plan->count + (size_t)1, sizeof(*run->part_of));
    if (run->part_of == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    const enum bt_status status = bt_cli_shards(run->cli, plan, run->parts, run->part_of, err);
    for (uint32_t i = 0; status == BT_OK && i < plan->count; i++) {
        struct part *part = &run->part[run->part_of[i]];
        part->jobs++;
        part->records += plan->jobs[i].count;
        part->weight += bt_job_weight(&plan->jobs[i]);
    }
    bt_progress_begin(&run->progress, stderr, run->parts, total);
    return status;
}

/* Tasks read the suites when they begin, which may be long after this run was planned. @return BT_EINPUT: this one ran something else. */
static enum bt_status check_part(const struct run *run, uint32_t task, const struct bt_results *results,
                                 struct bt_error *err)
{
    const struct bt_run *own = &run->own;
    const struct bt_run *found = &results->run;
    const char *const commit = found->environment.commit;
    char ids[2][BT_ID_BYTES];
    uint32_t at = 0;
    if (own->environment.commit[0] != '\0' && commit[0] != '\0' && strcmp(commit, own->environment.commit) != 0) {
        return bt_fail(err, BT_EINPUT, "task %" PRIu32 " ran commit %s: expected %s, as when the run began", task + 1,
                       commit, own->environment.commit);
    }
    if (strcmp(found->plan, own->plan) != 0 || found->seed != own->seed || found->jobs != own->jobs ||
        strcmp(found->suite, own->suite) != 0) {
        return bt_fail(err, BT_EINPUT,
                       "task %" PRIu32 " ran another plan, %s: expected %s; suites, networks or variants were changed "
                       "after the run began",
                       task + 1, found->plan, own->plan);
    }
    if (found->shard != task || found->shards != run->parts || results->count != run->part[task].records) {
        return bt_fail(err, BT_EINPUT,
                       "task %" PRIu32 " ran shard %" PRIu32 "/%" PRIu32 " of %" PRIu32 " results: expected %" PRIu32
                       "/%" PRIu32 " of %" PRIu32,
                       task + 1, found->shard + 1, found->shards, results->count, task + 1, run->parts,
                       run->part[task].records);
    }
    for (uint32_t i = 0; i < run->plan->count; i++) {
        const struct bt_job *job = &run->plan->jobs[i];
        for (uint32_t l = 0; run->part_of[i] == task && l < job->count; l++, at++) {
            const struct bt_record *got = &results->records[at];
            struct bt_record label;
            bt_engine_label(job, l, &label);
            bt_record_id(&label, ids[0], sizeof(ids[0]));
            bt_record_id(got, ids[1], sizeof(ids[1]));
            /* Trained weights of a whole network may need more MACs than its table says. */
            if (strcmp(ids[0], ids[1]) != 0 || got->seed != label.seed ||
                (job->network == NULL && got->macs != label.macs)) {
                return bt_fail(err, BT_EINPUT,
                               "task %" PRIu32 " ran %.150s of %" PRIu64 " MACs: expected %.150s of %" PRIu64, task + 1,
                               ids[1], got->macs, ids[0], label.macs);
            }
        }
    }
    return BT_OK;
}

static enum bt_status complete(void *context, uint32_t task, uint32_t attempt, bool *done, struct bt_error *err)
{
    struct run *run = context;
    struct bt_results results;
    struct bt_error why = {""};
    char path[PATH_BYTES];
    enum bt_status status = BT_OK;
    part_path(run, task, attempt, "/results.json", path, sizeof(path));
    *done = bt_results_read(path, &results, &why) == BT_OK;
    if (*done) {
        status = check_part(run, task, &results, err);
        run->progress.work_done += run->part[task].weight;
        for (uint32_t i = 0; i < results.count; i++) {
            run->progress.failed += results.records[i].verdict == BT_FAIL ? 1 : 0;
        }
    } else {
        bt_progress_clear(&run->progress);
        (void)fprintf(stderr, "task %" PRIu32 " lost, attempt %" PRIu32 " of %d: %s\n", task + 1, attempt + 1,
                      BT_SLURM_ATTEMPTS, why.text);
    }
    bt_results_free(&results);
    return status;
}

/* Not all that a layer is can be seen in its results: the files must still say what the run began with. */
static enum bt_status check_files(const struct run *run, struct bt_error *err)
{
    struct bt_plan now;
    struct bt_error why = {""};
    struct bt_keymaker *maker = bt_keymaker_new();
    if (maker == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    enum bt_status status = bt_cli_plan(run->cli, &now, &why);
    if (status != BT_OK) {
        bt_keymaker_free(maker);
        return bt_fail(err, status, "changed while the tasks ran: %s", why.text);
    }
    bool same = now.digest == run->plan->digest && now.count == run->plan->count;
    for (uint32_t i = 0; same && i < now.count; i++) {
        struct bt_key keys[2];
        const char *dir = run->cli->suites_dir;
        const enum bt_status first = bt_job_key(&run->plan->jobs[i], run->options, dir, maker, &keys[0]);
        const enum bt_status again = bt_job_key(&now.jobs[i], run->options, dir, maker, &keys[1]);
        same = first == again && (first != BT_OK || memcmp(&keys[0], &keys[1], sizeof(keys[0])) == 0);
        if (!same) {
            const struct bt_suite_layer *layer = &run->plan->jobs[i].layers[0];
            (void)snprintf(why.text, sizeof(why.text), ", the first job is %.100s %.100s", layer->network,
                           layer->layer);
        }
    }
    bt_plan_free(&now);
    bt_keymaker_free(maker);
    return same ? BT_OK
                : bt_fail(err, BT_EINPUT,
                          "suites, networks or variants were changed while the tasks ran%s: expected those of when the "
                          "run began",
                          why.text);
}

static void tick(void *context, uint32_t running, uint32_t finished)
{
    struct run *run = context;
    bt_progress_tick(&run->progress, running, finished);
}

/* In place of what the task did not leave: the records of its jobs, failed. */
static enum bt_status fail_part(const struct run *run, uint32_t task, const char *dir, const char *reason,
                                struct bt_error *err)
{
    enum bt_status status = BT_ENOMEM;
    struct bt_plan part = *run->plan;
    struct bt_report report = {.record_count = run->part[task].records};
    struct bt_record *records = calloc(run->part[task].records, sizeof(*records));
    char **replays = NULL;
    uint32_t *jobs = NULL;
    part.count = 0;
    part.records = run->part[task].records;
    part.jobs = calloc(run->part[task].jobs, sizeof(*part.jobs));
    if (records == NULL || part.jobs == NULL) {
        (void)bt_fail(err, status, "out of memory");
        goto cleanup;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < run->plan->count; i++) {
        if (run->part_of[i] == task) {
            part.jobs[part.count++] = run->plan->jobs[i];
            bt_cli_fail_job(&run->plan->jobs[i], &records[at], reason);
            at += run->plan->jobs[i].count;
        }
    }
    replays = bt_cli_replays(run->cli, &part, run->options, records);
    jobs = bt_cli_job_numbers(&part);
    if (replays == NULL || jobs == NULL) {
        (void)bt_fail(err, status, "out of memory");
        goto cleanup;
    }
    report.run = run->own;
    report.run.shard = task;
    report.run.shards = run->parts;
    report.records = records;
    report.replays = replays;
    report.jobs = jobs;
    status = bt_report_files(&report, dir, err);

cleanup:
    bt_cli_replays_free(replays, part.records);
    free(jobs);
    free(part.jobs);
    free(records);
    return status;
}

/* All parts together, in the order of the plan. @param[out] kept  Is the spool needed to see what went wrong? */
static enum bt_status collect(const struct run *run, struct bt_record *records, struct bt_environment *where,
                              bool *kept, struct bt_error *err)
{
    enum bt_status status = BT_OK;
    struct bt_results merged = {.count = 0};
    char(*paths)[PATH_BYTES] = calloc(run->parts, sizeof(*paths));
    const char **list = calloc(run->parts, sizeof(*list));
    if (paths == NULL || list == NULL) {
        status = bt_fail(err, BT_ENOMEM, "out of memory");
        goto cleanup;
    }
    for (uint32_t i = 0; status == BT_OK && i < run->parts; i++) {
        const struct bt_slurm_task *task = &run->tasks[i];
        if (!task->done) {
            char dir[PATH_BYTES];
            char reason[BT_REASON_BYTES];
            *kept = true;
            if (task->waits) {
                (void)snprintf(reason, sizeof(reason), "task not done after %.0f s: see %.160s/%" PRIu32 ".log",
                               run->seconds, run->spool, i + 1);
            } else {
                (void)snprintf(reason, sizeof(reason), "task lost %d times: see %.160s/%" PRIu32 ".log",
                               BT_SLURM_ATTEMPTS, run->spool, i + 1);
            }
            part_path(run, i, BT_SLURM_ATTEMPTS, "", dir, sizeof(dir));
            status = fail_part(run, i, dir, reason, err);
        }
        part_path(run, i, task->done ? task->attempts - 1 : BT_SLURM_ATTEMPTS, "/results.json", paths[i],
                  sizeof(paths[i]));
        list[i] = paths[i];
    }
    if (status == BT_OK) {
        status = bt_merge(list, run->parts, &merged, err);
    }
    if (status == BT_OK && merged.count != run->plan->records) {
        status = bt_fail(err, BT_EINPUT, "%s: %" PRIu32 " results: expected %" PRIu32, run->spool, merged.count,
                         run->plan->records);
    }
    if (status == BT_OK) {
        memcpy(records, merged.records, merged.count * sizeof(*records));
        *where = merged.run.environment;
    }

cleanup:
    bt_results_free(&merged);
    free(list);
    free(paths);
    return status;
}

static enum bt_status run_array(struct run *run, int *interrupted, struct bt_error *err)
{
    char script[PATH_BYTES];
    char log[PATH_BYTES];
    char words[WORDS_BYTES] = "";
    const char *options[WORDS_BYTES] = {NULL};
    size_t count = 0;
    (void)snprintf(script, sizeof(script), "%s/task.sh", run->spool);
    (void)snprintf(log, sizeof(log), "%s/%%a.log", run->spool);
    (void)snprintf(words, sizeof(words), "%s", run->cli->slurm_options != NULL ? run->cli->slurm_options : "");
    char *rest = words;
    for (char *word = strsep(&rest, " "); word != NULL; word = strsep(&rest, " ")) {
        if (word[0] != '\0') {
            options[count++] = word;
        }
    }
    const struct bt_slurm slurm = {
        .name = strrchr(run->spool, '/') + 1,
        .script = script,
        .folder = run->folder,
        .log = log,
        .options = options,
        .tasks = run->parts,
        .seconds = run->seconds,
        .poll_seconds = POLL_SECONDS,
        .call_seconds = CALL_SECONDS,
        .silence_seconds = SILENCE_SECONDS,
        .context = run,
        .complete = complete,
        .tick = tick,
    };
    const enum bt_status status = write_script(run, script, err);
    return status == BT_OK ? bt_slurm_run(&slurm, run->tasks, interrupted, err) : status;
}

enum bt_status bt_cli_slurm(const struct bt_cli *cli, const struct bt_plan *plan,
                            const struct bt_engine_options *options, struct bt_record *records,
                            struct bt_environment *where, int *interrupted, struct bt_error *err)
{
    enum bt_status status = BT_ENOMEM;
    bool keep = false;
    sigset_t stops;
    sigset_t mask;
    const struct timespec at_once = {0};
    struct run *run = calloc(1, sizeof(*run));
    *interrupted = 0;
    if (run == NULL) {
        return bt_fail(err, status, "out of memory");
    }
    /* A Ctrl-C, or the end of the session, waits until bt_slurm_run() asks for it, or all is tidy. */
    bt_slurm_stops(&stops);
    (void)sigprocmask(SIG_BLOCK, &stops, &mask);
    run->cli = cli;
    run->plan = plan;
    run->options = options;
    bt_cli_describe(cli, plan, options, &run->own);
    status = divide(run, err);
    if (status == BT_OK) {
        status = make_spool(run, err);
    }
    if (status == BT_OK) { /* there is a spool folder */
        status = run_array(run, interrupted, err);
        bt_progress_clear(&run->progress);
        if (status == BT_OK && *interrupted == 0) {
            status = check_files(run, err);
        }
        if (status == BT_OK && *interrupted == 0) {
            status = collect(run, records, where, &keep, err);
        }
        /* Refused at once, or called off: there is nothing to see in it. */
        keep = keep || (status != BT_OK && run->tasks[0].attempts != 0);
        if (keep) {
            (void)fprintf(stderr, "what the tasks left is kept in %s\n", run->spool);
        } else {
            remove_spool(run);
        }
    }
    if (*interrupted == 0) {
        const int late = sigtimedwait(&stops, NULL, &at_once);
        *interrupted = late > 0 ? late : 0;
    }
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    free(run->part_of);
    free(run);
    if (*interrupted != 0 && status != BT_OK) {
        bt_cli_complain(err); /* the caller says who stopped it */
    }
    return status;
}
