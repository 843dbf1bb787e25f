#include "harness/cli_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "harness/environment.h"
#include "harness/replay.h"

void bt_cli_replays_free(char **replays, uint32_t count)
{
    for (uint32_t i = 0; replays != NULL && i < count; i++) {
        free(replays[i]);
    }
    free(replays);
}

uint32_t *bt_cli_job_numbers(const struct bt_plan *plan)
{
    uint32_t *jobs = calloc(plan->records + (size_t)1, sizeof(*jobs));
    uint32_t at = 0;
    for (uint32_t i = 0; jobs != NULL && i < plan->count; i++) {
        for (uint32_t l = 0; l < plan->jobs[i].count; l++) {
            jobs[at++] = plan->jobs[i].index;
        }
    }
    return jobs;
}

/* Of the selection, and of what else decides about results. */
static void describe_plan(const struct bt_plan *plan, const struct bt_engine_options *options, char *text,
                          size_t text_bytes)
{
    char said[2048];
    (void)snprintf(said, sizeof(said), "%016" PRIx64 " %d %u %s", plan->digest, (int)options->ref, options->images,
                   options->prepared != NULL ? "prepared" : "");
    (void)snprintf(text, text_bytes, "%016" PRIx64, (uint64_t)XXH3_64bits(said, strlen(said)));
}

void bt_cli_describe(const struct bt_cli *cli, const struct bt_plan *plan, const struct bt_engine_options *options,
                     struct bt_run *run)
{
    struct stat info;
    *run = (struct bt_run){
        .data = stat(cli->data_dir, &info) == 0 && S_ISDIR(info.st_mode),
        .seed = plan->seed,
        .shard = cli->shard,
        .shards = cli->shards > 1 ? cli->shards : 1,
        .jobs = plan->whole,
    };
    (void)snprintf(run->suite, sizeof(run->suite), "%s", plan->name);
    describe_plan(plan, options, run->plan, sizeof(run->plan));
    (void)snprintf(run->command, sizeof(run->command), "%s", cli->command);
    if (options->soc != NULL) {
        run->system.present = true;
        run->system.cpu_mips = options->cpu_mips != 0 ? options->cpu_mips : options->soc->cpu_mips;
        run->system.clock_mhz = options->soc->clock_mhz;
        (void)snprintf(run->system.map, sizeof(run->system.map), "%s", options->soc->path);
        (void)snprintf(run->system.device, sizeof(run->system.device), "%s", bt_device_name(options->device));
        (void)snprintf(run->system.wait, sizeof(run->system.wait), "%s", bt_wait_name(options->wait));
    }
    bt_environment_read(cli->suites_dir, &run->environment);
}

char **bt_cli_replays(const struct bt_cli *cli, const struct bt_plan *plan, const struct bt_engine_options *options,
                      const struct bt_record *records)
{
    const struct bt_replay replay = {
        .program = cli->program,
        .suite = cli->selection.suite,
        .model = cli->selection.model,
        .dataset = cli->selection.dataset,
        .options = options,
    };
    char **replays = calloc(plan->records + (size_t)1, sizeof(char *));
    uint32_t at = 0;
    bool ok = replays != NULL;
    for (uint32_t i = 0; ok && i < plan->count; i++) {
        for (uint32_t l = 0; ok && l < plan->jobs[i].count; l++, at++) {
            char text[BT_REPLAY_BYTES];
            bt_replay_command(&replay, &plan->jobs[i], &records[at], text, sizeof(text));
            replays[at] = strdup(text);
            ok = replays[at] != NULL;
        }
    }
    if (ok || replays == NULL) {
        return replays;
    }
    bt_cli_replays_free(replays, plan->records);
    return NULL;
}

struct bt_gate_limit *bt_cli_limits(const struct bt_plan *plan)
{
    struct bt_gate_limit *limits = calloc(plan->configs_count + (size_t)1, sizeof(*limits));
    for (uint32_t i = 0; limits != NULL && i < plan->configs_count; i++) {
        (void)snprintf(limits[i].variant, sizeof(limits[i].variant), "%s", plan->configs[i]->variant);
        limits[i].max_percent = plan->configs[i]->gate_max_percent;
        limits[i].mean_percent = plan->configs[i]->gate_mean_percent;
    }
    return limits;
}

static enum bt_status write_reports(const struct bt_cli *cli, const struct bt_report *report, char *dir,
                                    size_t dir_bytes, struct bt_error *err)
{
    if (cli->out[0] != '\0') {
        (void)snprintf(dir, dir_bytes, "%s", cli->out);
    } else {
        (void)snprintf(dir, dir_bytes, "%s/out/%s", cli->build_dir, report->run.suite);
    }
    return bt_report_files(report, dir, err);
}

/* What a step of GitHub Actions shows beside its output. */
static enum bt_status tell_github(const struct bt_report *report, struct bt_error *err)
{
    const char *actions = getenv("GITHUB_ACTIONS");
    const char *summary = getenv("GITHUB_STEP_SUMMARY");
    if (actions != NULL && strcmp(actions, "true") == 0) {
        bt_report_annotations(report, stdout);
    }
    return summary != NULL && summary[0] != '\0' ? bt_report_step_summary(report, summary, err) : BT_OK;
}

int bt_cli_conclude(const struct bt_cli *cli, const struct bt_report *report, struct bt_error *err)
{
    char dir[2048];
    bt_report_table(report, stdout);
    bt_report_failures(report, stdout);
    const enum bt_status status = write_reports(cli, report, dir, sizeof(dir), err);
    const struct bt_totals totals = bt_report_totals(report);
    (void)printf("\n%s: %u passed, %u failed, %u skipped, %u known errors; %.1f s", report->run.suite, totals.passed,
                 totals.failed, totals.skipped, totals.xfailed, report->run.seconds);
    if (status == BT_OK) {
        (void)printf("; reports in %s", dir);
    }
    (void)printf("\n");
    if (status != BT_OK || tell_github(report, err) != BT_OK) {
        return BT_EXIT_ERROR;
    }
    if (totals.passed + totals.failed + totals.xfailed == 0) {
        (void)printf("FAIL: nothing ran, every layer was skipped\n");
        return BT_EXIT_FAIL;
    }
    return totals.failed != 0 ? BT_EXIT_FAIL : BT_EXIT_PASS;
}
