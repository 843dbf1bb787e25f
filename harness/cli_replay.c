#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/cli.h"
#include "harness/cli_jobs.h"
#include "harness/cli_report.h"
#include "harness/cli_stale.h"
#include "harness/compare.h"
#include "harness/layer_pool.h"
#include "harness/report.h"
#include "reference/common/bt_conv2d.h"

/* Cycles that a waveform shows before and after what it is about. */
#define WAVE_MARGIN 500
/* Without a wrong element: from the start, and no longer than this. */
#define WAVE_CYCLES 100000

static void print_layer(const struct bt_job *job, uint32_t index)
{
    const struct bt_conv2d *conv = &job->layers[index].work.u.conv;
    char name[256];
    bt_job_layer_name(job, index, name, sizeof(name));
    const struct bt_layer *layer = &job->layers[index].work;
    const struct bt_maxpool *pool = &layer->pool;
    (void)printf("layer     %s %s: %dx%dx%d -> %dx%dx%d, kernel %dx%d, stride %dx%d, dilation %dx%d, padding %d %d %d "
                 "%d, groups %d%s%s%s",
                 job->layers[index].network, name, conv->h, conv->w, conv->c_in, bt_conv2d_oh(conv), bt_conv2d_ow(conv),
                 conv->c_out, conv->kh, conv->kw, conv->stride_h, conv->stride_w, conv->dil_h, conv->dil_w,
                 conv->pad_top, conv->pad_bottom, conv->pad_left, conv->pad_right, conv->groups,
                 conv->table ? ", table " : "", conv->table ? bt_act_name(job->layers[index].act) : "",
                 conv->raw ? ", raw sums" : "");
    if (bt_layer_pools(layer)) {
        (void)printf(", max-pooled -> %dx%dx%d, kernel %dx%d, stride %dx%d, padding %d %d %d %d", bt_layer_oh(layer),
                     bt_layer_ow(layer), conv->c_out, pool->kh, pool->kw, pool->stride_h, pool->stride_w, pool->pad_top,
                     pool->pad_bottom, pool->pad_left, pool->pad_right);
    }
    (void)printf("\n");
}

static void print_job(const struct bt_job *job)
{
    (void)printf("variant   %s, configuration %s:", job->variant->name, job->config.name);
    for (uint32_t i = 0; i < job->config.count; i++) {
        (void)printf(" %s %" PRId64, job->config.param[i].key, job->config.param[i].value);
    }
    char pruned[40] = "";
    if (job->pruning.percent != 0) {
        (void)snprintf(pruned, sizeof(pruned), ", %" PRIu32 " %% zero (%s)", job->pruning.percent,
                       bt_structure_name(job->pruning.structure));
    }
    (void)printf(
        "\nmemory    latency %u, %u bytes per cycle, %u outstanding, stalls %u %%\ndata      %s%s, pattern %s, seed "
        "%" PRIu64 "\n",
        job->config.mem.latency_cycles, job->config.mem.bytes_per_cycle, job->config.mem.outstanding,
        job->config.mem.stall_percent, bt_dtype_name(job->layers[0].work.dtype), pruned, bt_pattern_name(job->pattern),
        job->seed);
}

static void print_terms(const struct bt_record *record)
{
    if (record->predicted.count + record->measured.count == 0) {
        return;
    }
    (void)printf("  %-24s %12s %12s\n", "term", "predicted", "counted");
    for (uint32_t i = 0; i < record->predicted.count; i++) {
        const char *name = record->predicted.item[i].name;
        const uint64_t missing = UINT64_MAX;
        const uint64_t counted = bt_counters_get(&record->measured, name, missing);
        (void)printf("  %-24s %12" PRIu64, name, record->predicted.item[i].value);
        if (counted == missing) {
            (void)printf(" %12s\n", "-");
        } else {
            (void)printf(" %12" PRIu64 "%s\n", counted, counted != record->predicted.item[i].value ? "  differs" : "");
        }
    }
    for (uint32_t i = 0; i < record->measured.count; i++) {
        const char *name = record->measured.item[i].name;
        if (bt_counters_get(&record->predicted, name, UINT64_MAX) == UINT64_MAX) {
            (void)printf("  %-24s %12s %12" PRIu64 "\n", name, "-", record->measured.item[i].value);
        }
    }
}

static void print_record(const struct bt_record *record)
{
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
        const struct bt_engine_result *result = &record->engine[e];
        (void)printf("  %-9s %-5s %8.3f s", bt_engine_name(e), result->ran ? bt_verdict_name(result->verdict) : "-",
                     result->seconds);
        if (result->hash != 0) {
            (void)printf("  ofmap %016" PRIx64, result->hash);
        }
        (void)printf("\n");
        if (result->soc.instructions != 0) {
            (void)printf("            %" PRIu64 " instructions; cycles: %" PRIu64 " in all, CPU %" PRIu64
                         ", waiting %" PRIu64 ", accelerator %" PRIu64 "\n",
                         result->soc.instructions, result->soc.soc_cycles, result->soc.cpu_cycles,
                         result->soc.wait_cycles, result->soc.accel_cycles);
        }
    }
    if (record->rtl_cycles != 0) {
        (void)printf("  %" PRIu64 " cycles, predicted %" PRIu64 ", roofline %" PRIu64 ", utilisation %.1f %%, %.3f "
                     "GMAC/s simulated\n",
                     record->rtl_cycles, record->predicted_cycles, record->roofline_cycles, 100.0 * record->utilisation,
                     record->rtl_seconds > 0.0 ? (double)record->macs / record->rtl_seconds * 1e-9 : 0.0);
    }
    print_terms(record);
}

/* ---- the waveform ---- */

static const struct bt_record *first_rtl_mismatch(const struct bt_record *records, uint32_t count, uint32_t *index)
{
    for (uint32_t i = 0; i < count; i++) {
        if (records[i].mismatch.differing != 0 && records[i].mismatch_engine == BT_ENGINE_RTL) {
            *index = i;
            return &records[i];
        }
    }
    return NULL;
}

static bool run_again(const struct bt_cli *cli, const struct bt_plan *plan, const struct bt_engine_options *options)
{
    int interrupted = 0;
    struct bt_cli quiet = *cli;
    quiet.quiet = true; /* the verdicts have been said */
    struct bt_record *scratch = calloc(plan->records, sizeof(*scratch));
    const bool ok =
        scratch != NULL && bt_cli_jobs(&quiet, plan, options, NULL, scratch, &interrupted) == BT_OK && interrupted == 0;
    free(scratch);
    return ok;
}

/* Cycles between which the first wrong element was written. The worker tells them through shared memory. */
static bool find_window(const struct bt_cli *cli, const struct bt_plan *plan, const struct bt_record *record,
                        uint32_t index, uint64_t *from, uint64_t *to)
{
    const struct bt_layer *layer = &plan->jobs[0].layers[index].work;
    const struct bt_probe probe = {
        .layer = index, .elem = bt_mismatch_elem(layer, &record->mismatch), .value = record->mismatch.got};
    uint64_t *seen = mmap(NULL, 2 * sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (seen == MAP_FAILED) {
        return false;
    }
    struct bt_engine_options options = bt_cli_engine_options(cli);
    options.probe = &probe;
    options.probe_from = &seen[0];
    options.probe_to = &seen[1];
    const bool ok = run_again(cli, plan, &options) && seen[1] != 0;
    *from = seen[0] > WAVE_MARGIN ? seen[0] - WAVE_MARGIN : 0;
    *to = seen[1] + WAVE_MARGIN;
    (void)munmap(seen, 2 * sizeof(*seen));
    return ok;
}

static bool write_wave(const struct bt_cli *cli, const struct bt_plan *plan, const struct bt_record *records)
{
    const struct bt_job *job = &plan->jobs[0];
    const struct bt_engine_options plain = bt_cli_engine_options(cli);
    char core[2048];
    char trace[2048];
    char wave[1200];
    struct stat built;
    struct stat traced;
    bt_engine_core_path(&plain, job, false, core, sizeof(core));
    bt_engine_core_path(&plain, job, true, trace, sizeof(trace));
    /* A tracing core that is older shows another design than the one that failed. */
    if (stat(trace, &traced) != 0 || stat(core, &built) != 0 || traced.st_mtime < built.st_mtime) {
        (void)printf("for a waveform of this design: make %s, then this command again\n", trace);
        return cli->wave == NULL;
    }
    uint32_t index = 0;
    uint64_t from = 0;
    uint64_t to = WAVE_CYCLES;
    const struct bt_record *wrong = first_rtl_mismatch(records, job->count, &index);
    if (wrong == NULL && cli->wave == NULL) {
        return true;
    }
    if (wrong != NULL && !find_window(cli, plan, wrong, index, &from, &to)) {
        (void)printf("the wrong element was there from the beginning or never written; the waveform shows the start\n");
        from = 0;
        to = WAVE_CYCLES;
    }
    const int folder = snprintf(wave, sizeof(wave), "%s/", cli->build_dir);
    (void)snprintf(wave + folder, sizeof(wave) - (size_t)folder, "%s-%s-%s-%s.fst", job->layers[index].network,
                   job->layers[index].layer, job->variant->name, job->config.name);
    for (char *c = wave + folder; *c != '\0'; c++) {
        *c = *c == '/' ? '_' : *c;
    }
    struct bt_engine_options options = plain;
    options.wave = cli->wave != NULL ? cli->wave : wave;
    options.wave_from = from;
    options.wave_to = to;
    if (!run_again(cli, plan, &options) || access(options.wave, R_OK) != 0) {
        (void)printf("no waveform: %s could not be written\n", options.wave);
        return false;
    }
    (void)printf("waveform  %s, cycles %" PRIu64 " to %" PRIu64 "\n", options.wave, from, to);
    return true;
}

/* ---- the command ---- */

static int replay(const struct bt_cli *cli, const struct bt_plan *plan, struct bt_error *err)
{
    int exit_status = BT_EXIT_ERROR;
    int interrupted = 0;
    const struct bt_job *job = &plan->jobs[0];
    const struct bt_engine_options options = bt_cli_engine_options(cli);
    char **replays = NULL;
    struct bt_record *records = calloc(plan->records, sizeof(*records));
    if (records == NULL) {
        (void)bt_fail(err, BT_ENOMEM, "out of memory");
        return exit_status;
    }
    (void)bt_cli_stale(plan, &options);
    print_job(job);
    const enum bt_status status = bt_cli_jobs(cli, plan, &options, NULL, records, &interrupted);
    if (interrupted != 0) {
        exit_status = BT_EXIT_INTERRUPTED;
        goto cleanup;
    }
    if (status != BT_OK) {
        (void)bt_fail(err, status, "no worker process could be had");
        goto cleanup;
    }
    for (uint32_t i = 0; i < job->count; i++) {
        print_layer(job, i);
        print_record(&records[i]);
    }
    replays = bt_cli_replays(cli, plan, &options, records);
    if (replays == NULL) {
        (void)bt_fail(err, BT_ENOMEM, "out of memory");
        goto cleanup;
    }
    const struct bt_report report = {.records = records, .record_count = plan->records, .replays = replays};
    bt_report_failures(&report, stdout);
    const struct bt_totals totals = bt_report_totals(&report);
    exit_status = totals.failed != 0 || totals.passed + totals.xfailed == 0 ? BT_EXIT_FAIL : BT_EXIT_PASS;
    (void)printf("\n%s\n", totals.failed != 0 ? "FAIL" : totals.passed != 0 ? "PASS" : "SKIP");
    (void)fflush(stdout);
    if ((totals.failed != 0 || cli->wave != NULL) && !write_wave(cli, plan, records)) {
        exit_status = BT_EXIT_ERROR;
    }

cleanup:
    bt_cli_replays_free(replays, plan->records);
    free(records);
    return exit_status;
}

int bt_cli_replay(const struct bt_cli *cli)
{
    struct bt_error err = {""};
    struct bt_plan plan;
    if (bt_plan_make(&cli->selection, &plan, &err) != BT_OK) {
        bt_cli_complain(&err);
        return BT_EXIT_ERROR;
    }
    int status = BT_EXIT_ERROR;
    if (plan.count != 1) {
        (void)bt_fail(&err, BT_EINPUT,
                      "replay runs one job, the selection has %u; narrow it by network, layer, "
                      "variant, config, pattern, stalls, dtype, sparsity, structure",
                      plan.count);
    } else {
        struct bt_cli one = *cli;
        one.workers = 1;
        one.quiet = true; /* all of it is said on stdout */
        status = replay(&one, &plan, &err);
    }
    if (err.text[0] != '\0') {
        bt_cli_complain(&err);
    }
    bt_plan_free(&plan);
    return bt_cli_finish(status);
}
