#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/cli.h"
#include "harness/cli_jobs.h"
#include "harness/cli_report.h"
#include "harness/cli_slurm.h"
#include "harness/cli_stale.h"
#include "harness/model.h"
#include "harness/prepared.h"
#include "harness/report.h"

/* What the store had to do with a run. */
static void say_stored(const struct bt_cli_store *store, int64_t number)
{
    if (number == 0) {
        return;
    }
    (void)printf("stored as run %" PRId64, number);
    const char *changed = store->maker != NULL ? bt_keymaker_changed(store->maker) : NULL;
    if (store->unkept != 0 && changed != NULL) {
        (void)printf("; %" PRIu32 " jobs will run again, %s changed meanwhile", store->unkept, changed);
    }
    if (store->answered != 0) {
        (void)printf("; %" PRIu32 " of %" PRIu32 " jobs are unchanged and were not run again, --force does",
                     store->answered, store->plan->count);
    }
    (void)printf("\n");
}

/* All of it, unless the store has all of it: its tasks see no store, which a network file system does not carry. */
static enum bt_status run_on_slurm(const struct bt_cli *cli, const struct bt_plan *plan,
                                   const struct bt_engine_options *options, struct bt_cli_store *store,
                                   struct bt_environment *where, struct bt_record *records, int *interrupted,
                                   struct bt_error *err)
{
    uint32_t answered = 0;
    uint32_t first = 0;
    for (uint32_t i = 0; i < plan->count; first += plan->jobs[i++].count) {
        answered += bt_cli_store_answers(store, i, first, &records[first]) ? 1 : 0;
    }
    if (answered == plan->count) {
        return BT_OK;
    }
    store->answered = 0;
    const enum bt_status status = bt_cli_slurm(cli, plan, options, records, where, interrupted, err);
    first = 0;
    for (uint32_t i = 0; i < plan->count && status == BT_OK && *interrupted == 0; first += plan->jobs[i++].count) {
        bt_cli_store_keep(store, i, first, &records[first]);
    }
    return status;
}

static int run_plan(const struct bt_cli *cli, const struct bt_plan *plan, struct bt_error *err)
{
    int exit_status = BT_EXIT_ERROR;
    int interrupted = 0;
    struct bt_gate *gates = NULL;
    char **replays = NULL;
    struct bt_cli_store store = {.store = NULL};
    uint32_t *jobs = bt_cli_job_numbers(plan);
    struct bt_gate_limit *limits = bt_cli_limits(plan);
    struct bt_record *records = calloc(plan->records, sizeof(*records));
    const struct bt_engine_options options = bt_cli_engine_options(cli);
    struct bt_report report = {.records = records, .record_count = plan->records, .jobs = jobs};
    if (records == NULL || limits == NULL || jobs == NULL) {
        (void)bt_fail(err, BT_ENOMEM, "out of memory");
        goto cleanup;
    }
    bt_cli_describe(cli, plan, &options, &report.run);
    /* what a core was built from is no revision's */
    const bool stale = bt_cli_stale(plan, &options);
    report.run.environment.dirty = stale || report.run.environment.dirty;
    const double begin = bt_now_seconds();
    enum bt_status status = bt_cli_store_open(cli, plan, &options, &store, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    const bool slurm = cli->executor == BT_EXECUTOR_SLURM;
    status = slurm ? run_on_slurm(cli, plan, &options, &store, &report.run.environment, records, &interrupted, err)
                   : bt_cli_jobs(cli, plan, &options, &store, records, &interrupted);
    if (interrupted != 0) {
        (void)bt_fail(err, BT_OK, "stopped by signal %d (%s); nothing was reported%s", interrupted,
                      strsignal(interrupted), store.store != NULL ? ", what had ended is stored" : "");
        exit_status = BT_EXIT_INTERRUPTED;
        goto cleanup;
    }
    if (status != BT_OK) {
        if (!slurm) {
            (void)bt_fail(err, status, "no worker processes could be had");
        }
        goto cleanup;
    }
    report.run.seconds = bt_now_seconds() - begin;
    replays = bt_cli_replays(cli, plan, &options, records);
    if (replays == NULL ||
        bt_report_gates(limits, plan->configs_count, records, plan->records, &gates, &report.gate_count) != BT_OK) {
        (void)bt_fail(err, BT_ENOMEM, "out of memory");
        goto cleanup;
    }
    report.replays = replays;
    report.gates = gates;
    const int64_t number = bt_cli_store_finish(&store, &report);
    exit_status = bt_cli_conclude(cli, &report, err);
    if (stale) {
        (void)fprintf(stderr, "bittrue: not the RTL as it is now: some cores are older, see above\n");
    }
    say_stored(&store, number);

cleanup:
    bt_cli_store_close(&store);
    bt_cli_replays_free(replays, plan->records);
    free(gates);
    free(limits);
    free(records);
    free(jobs);
    return exit_status;
}

/* Can something be written there? Nothing is made yet: the run may be refused or stopped. */
static enum bt_status check_folder(const char *option, const char *dir, struct bt_error *err)
{
    char path[2048];
    struct stat info;
    (void)snprintf(path, sizeof(path), "%s", dir);
    while (stat(path, &info) != 0 && errno == ENOENT && strcmp(path, ".") != 0 && strcmp(path, "/") != 0) {
        char above[2048];
        (void)snprintf(above, sizeof(above), "%s", path);
        (void)snprintf(path, sizeof(path), "%s", dirname(above));
    }
    if (stat(path, &info) == 0 && !S_ISDIR(info.st_mode)) {
        return bt_fail(err, BT_EINPUT, "--%s '%s': %s is no folder", option, dir, path);
    }
    if (access(path, W_OK | X_OK) != 0) {
        return bt_fail(err, BT_EINPUT, "--%s '%s': cannot write in %s: %s", option, dir, path, strerror(errno));
    }
    return BT_OK;
}

/* Options that contradict each other, or would have no effect. */
static enum bt_status check_options(const struct bt_cli *cli, struct bt_error *err)
{
    const struct bt_selection *selection = &cli->selection;
    if (selection->chained && selection->suite != NULL) {
        return bt_fail(err, BT_EINPUT, "run: --chained and --suite exclude each other; a suite says 'layers: chained'");
    }
    if (selection->chained && selection->layer != NULL) {
        return bt_fail(err, BT_EINPUT, "run: --chained runs whole networks: expected no --layer");
    }
    if (selection->chained && selection->pattern != NULL) {
        return bt_fail(err, BT_EINPUT, "run: --chained runs on pictures: expected no --pattern");
    }
    if (selection->chained && selection->dtype != BT_S8) {
        return bt_fail(err, BT_EINPUT, "run: --chained --dtype %s: expected int8, whole networks have no other",
                       bt_dtype_name(selection->dtype));
    }
    if (selection->model != NULL && (selection->suite != NULL || selection->network != NULL)) {
        return bt_fail(err, BT_EINPUT, "run: --model and --%s exclude each other",
                       selection->suite != NULL ? "suite" : "network");
    }
    if (selection->dataset != NULL && selection->model == NULL) {
        return bt_fail(err, BT_EINPUT, "run: --dataset without --model: expected both");
    }
    if (selection->dataset != NULL && !selection->chained) {
        return bt_fail(err, BT_EINPUT, "run: --dataset is for whole networks: expected --chained, too");
    }
    const struct bt_pictures *pictures = &selection->pictures;
    if (pictures->accuracy && !selection->chained) {
        return bt_fail(err, BT_EINPUT, "run: --accuracy is for whole networks: expected --chained, too");
    }
    if (!pictures->accuracy && (pictures->model_images != 0 || pictures->max_drop >= 0)) {
        return bt_fail(err, BT_EINPUT, "run: --%s without --accuracy: expected both",
                       pictures->model_images != 0 ? "model-images" : "max-accuracy-drop");
    }
    const bool whole = selection->chained || selection->suite != NULL;
    if (!whole && (cli->images != 0 || cli->timeline != NULL)) {
        return bt_fail(err, BT_EINPUT, "run: --%s is for whole networks: expected --chained or a --suite that has some",
                       cli->images != 0 ? "images" : "timeline");
    }
    enum bt_status status = cli->timeline != NULL ? check_folder("timeline", cli->timeline, err) : BT_OK;
    if (status == BT_OK && cli->out[0] != '\0') {
        status = check_folder("out", cli->out, err);
    }
    if (status == BT_OK && cli->prepared != NULL && cli->save_prepared != NULL) {
        return bt_fail(err, BT_EINPUT, "run: --prepared and --save-prepared exclude each other");
    }
    if (status == BT_OK && cli->save_prepared != NULL) {
        status = check_folder("save-prepared", cli->save_prepared, err);
        if (status == BT_OK && mkdir(cli->save_prepared, 0777) != 0 && errno != EEXIST) {
            return bt_fail(err, BT_EINPUT, "--save-prepared '%s': %s", cli->save_prepared, strerror(errno));
        }
    }
    return status;
}

/* Files of prepared weights: all there and whole, before anything runs. Whether they are the layers' is a verdict of each. */
static enum bt_status check_prepared(const struct bt_cli *cli, const struct bt_plan *plan, struct bt_error *err)
{
    for (uint32_t i = 0; i < plan->count && cli->prepared != NULL; i++) {
        const struct bt_job *job = &plan->jobs[i];
        if (job->variant->accept == NULL) {
            return bt_fail(err, BT_EINPUT,
                           "--prepared: %s takes no prepared weights: expected --variant for one that does",
                           job->variant->name);
        }
        for (uint32_t l = 0; l < job->count && job->network == NULL; l++) {
            char path[4096];
            char layer[sizeof(((struct bt_record *)NULL)->layer)];
            struct bt_blob blob;
            bt_job_layer_name(job, l, layer, sizeof(layer));
            bt_prepared_path(cli->prepared, job->layers[l].network, layer, job->variant->name, job->config.name, path,
                             sizeof(path));
            const enum bt_status status = bt_prepared_read(path, job->variant->name, &blob, err);
            if (status != BT_OK) {
                return status;
            }
            free(blob.data);
        }
    }
    return BT_OK;
}

/* Pictures and heads of the models that run whole. */
static enum bt_status check_models(const struct bt_cli *cli, const struct bt_plan *plan, struct bt_error *err)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct bt_network *network = plan->jobs[i].network;
        bool done = network == NULL || network->card == NULL;
        for (uint32_t k = 0; k < i && !done; k++) {
            done = plan->jobs[k].network == network;
        }
        const enum bt_status status = done ? BT_OK : bt_model_check(network, cli->data_dir, err);
        if (status != BT_OK) {
            return status;
        }
    }
    return BT_OK;
}

/* A device that was asked for and does not exist must not end as a SKIP that nobody sees. */
static enum bt_status check_device(const struct bt_cli *cli, const struct bt_plan *plan, struct bt_error *err)
{
    for (uint32_t i = 0; i < plan->count && cli->device == BT_DEVICE_MODEL; i++) {
        const struct bt_job *job = &plan->jobs[i];
        if ((job->engines & 1u << BT_ENGINE_ISS_ACCEL) != 0 && job->variant->device == NULL) {
            return bt_fail(err, BT_EINPUT,
                           "--device model: %s has no C model behind its registers: expected rtl, or --variant "
                           "for one that has",
                           job->variant->name);
        }
    }
    return BT_OK;
}

int bt_cli_run(const struct bt_cli *cli)
{
    struct bt_error err = {""};
    struct bt_plan plan;
    if (check_options(cli, &err) != BT_OK || bt_cli_slurm_check(cli, &err) != BT_OK) {
        bt_cli_complain(&err);
        return BT_EXIT_ERROR;
    }
    if (bt_cli_plan(cli, &plan, &err) != BT_OK) {
        bt_cli_complain(&err);
        return BT_EXIT_ERROR;
    }
    int status = BT_EXIT_ERROR;
    if (check_device(cli, &plan, &err) == BT_OK && check_prepared(cli, &plan, &err) == BT_OK &&
        check_models(cli, &plan, &err) == BT_OK) {
        status = bt_cli_finish(run_plan(cli, &plan, &err));
    }
    if (err.text[0] != '\0') {
        bt_cli_complain(&err);
    }
    bt_plan_free(&plan);
    return status;
}
