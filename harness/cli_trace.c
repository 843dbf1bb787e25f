#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli.h"
#include "harness/hal_sim.h"
#include "harness/pool.h"
#include "harness/suite.h"
#include "harness/trace.h"

/* A core that simulates fewer cycles per second than this is taken for hung. */
#define SLOWEST_CYCLES_PER_SECOND 5000
#define LEAST_SECONDS 60

/* What a core that is named by its file alone finds behind its ports. */
static const struct bt_memory plain_memory = {
    .latency_cycles = 1, .bytes_per_cycle = 0, .outstanding = 16, .dram_bytes = UINT64_C(256) << 20};

/* What the worker process tells. */
struct outcome {
    enum bt_status status;
    uint64_t cycles;
    struct bt_error err;
};

struct run {
    const struct bt_cli *cli;
    const struct bt_trace *trace;
    const char *so_path;
    struct bt_memory mem;
    struct outcome outcome;
};

/* ---- which core ---- */

static bool wanted(const struct bt_cli *cli, const struct bt_variant *variant)
{
    if (cli->selection.variant != NULL) {
        return bt_glob(cli->selection.variant, variant->name);
    }
    return cli->core_count == 0 || bt_variant_folder(variant) != NULL;
}

/* The one configuration that the options leave over. */
static enum bt_status find_core(const struct bt_cli *cli, char *so_path, size_t so_bytes, struct bt_memory *mem,
                                struct bt_error *err)
{
    const struct bt_engine_options options = {.build_dir = cli->build_dir};
    const struct bt_variant *variant = NULL;
    unsigned found = 0;
    for (size_t i = 0; (variant = bt_variant_at(i)) != NULL; i++) {
        struct bt_variant_configs *configs = NULL;
        char path[2048];
        if (!wanted(cli, variant)) {
            continue;
        }
        bt_variant_configs_path(variant, cli->suites_dir, path, sizeof(path));
        const enum bt_status status = bt_variant_configs_load(path, variant, &configs, err);
        if (status != BT_OK) {
            return status;
        }
        for (uint32_t c = 0; c < configs->count; c++) {
            const struct bt_job job = {.variant = variant, .config = configs->configs[c]};
            if (bt_glob(cli->selection.config, job.config.name)) {
                bt_engine_core_path(&options, &job, cli->wave != NULL, so_path, so_bytes);
                *mem = job.config.mem;
                found++;
            }
        }
        bt_variant_configs_free(configs);
    }
    if (found != 1) {
        return bt_fail(err, BT_EINPUT,
                       "a trace runs on one configuration, the options leave %u; see --core, --variant, "
                       "--config",
                       found);
    }
    if (access(so_path, R_OK) != 0) {
        return bt_fail(err, BT_EINPUT, "no simulated core %s; build it with: make %s", so_path, so_path);
    }
    return BT_OK;
}

/* ---- the run, in a process of its own: the core may crash or hang ---- */

static enum bt_status work(void *context, uint32_t task, void **bytes, size_t *length)
{
    const struct run *run = context;
    struct bt_hal *hal = NULL;
    struct outcome *outcome = calloc(1, sizeof(*outcome));
    (void)task;
    if (outcome == NULL) {
        return BT_ENOMEM;
    }
    outcome->status = bt_hal_sim_open(run->so_path, &run->mem, NULL, run->cli->wave, &hal, &outcome->err);
    if (outcome->status == BT_OK) {
        struct bt_sim_stats stats;
        outcome->status = bt_trace_run(run->trace, hal, &outcome->err);
        bt_hal_sim_stats(hal, &stats);
        outcome->cycles = stats.cycles;
    }
    bt_hal_sim_close(hal);
    *bytes = outcome;
    *length = sizeof(*outcome);
    return BT_OK;
}

static void done(void *context, uint32_t task, const void *bytes, size_t length, const char *failure)
{
    struct run *run = context;
    (void)task;
    if (failure == NULL && length == sizeof(run->outcome)) {
        memcpy(&run->outcome, bytes, sizeof(run->outcome));
        return;
    }
    run->outcome.status = bt_fail(&run->outcome.err, BT_EDEVICE, "%s", failure != NULL ? failure : "damaged result");
}

static int conclude(const struct run *run, const char *file)
{
    const struct outcome *outcome = &run->outcome;
    switch (outcome->status) {
    case BT_OK:
        (void)printf("PASS %s: %u statements, %u of them checks, %" PRIu64 " cycles\n", file,
                     bt_trace_statements(run->trace), bt_trace_checks(run->trace), outcome->cycles);
        return BT_EXIT_PASS;
    case BT_EDEVICE:
        (void)printf("FAIL %s\n", outcome->err.text);
        return BT_EXIT_FAIL;
    default:
        bt_cli_complain(&outcome->err);
        return BT_EXIT_ERROR;
    }
}

static int run_trace(const struct bt_cli *cli, const char *so_path, const struct bt_memory *mem, const char *file)
{
    int exit_status = BT_EXIT_ERROR;
    int interrupted = 0;
    struct bt_error err = {""};
    struct bt_trace *trace = NULL;
    if (bt_trace_load(file, mem->dram_bytes, &trace, &err) != BT_OK) {
        bt_cli_complain(&err);
        return exit_status;
    }
    struct run run = {.cli = cli, .trace = trace, .so_path = so_path, .mem = *mem};
    run.mem.stall_percent = cli->selection.has_stalls ? cli->selection.stall_percent : 0;
    run.mem.stall_seed = cli->selection.has_seed ? cli->selection.seed : 1;
    /* Transfers on the control bus take cycles that no statement bounds. */
    const uint64_t cycles = bt_trace_max_cycles(trace) + UINT64_C(10000) * bt_trace_statements(trace);
    const struct bt_pool_task task = {
        .timeout_seconds = cli->timeout_seconds > 0.0 ? cli->timeout_seconds
                                                      : LEAST_SECONDS + (double)cycles / SLOWEST_CYCLES_PER_SECOND};
    const struct bt_pool pool = {.workers = 1, .count = 1, .tasks = &task, .context = &run, .work = work, .done = done};
    if (bt_pool_run(&pool, &interrupted) != BT_OK) {
        (void)bt_fail(&err, BT_EIO, "no worker process could be had");
        bt_cli_complain(&err);
    } else if (interrupted != 0) {
        (void)bt_fail(&err, BT_EIO, "stopped by signal %d (%s)", interrupted, strsignal(interrupted));
        bt_cli_complain(&err);
        exit_status = BT_EXIT_INTERRUPTED;
    } else {
        exit_status = conclude(&run, file);
    }
    bt_trace_free(trace);
    return exit_status;
}

int bt_cli_trace(const struct bt_cli *cli)
{
    struct bt_error err = {""};
    struct bt_memory mem = plain_memory;
    char so_path[4096];
    enum bt_status status = BT_OK;
    const bool by_file = cli->argument_count == 2;
    if (cli->argument_count == 0) {
        status = bt_fail(&err, BT_EINPUT, "trace: expected the file of a trace; see bittrue trace --help");
    } else if (by_file && (cli->core_count != 0 || cli->selection.variant != NULL || cli->selection.config != NULL)) {
        status = bt_fail(&err, BT_EINPUT, "trace: expected either a core's file or --core, --variant, --config");
    } else if (by_file) {
        (void)snprintf(so_path, sizeof(so_path), "%s", cli->arguments[0]);
    } else {
        status = find_core(cli, so_path, sizeof(so_path), &mem, &err);
    }
    if (status != BT_OK) {
        bt_cli_complain(&err);
        return BT_EXIT_ERROR;
    }
    return bt_cli_finish(run_trace(cli, so_path, &mem, cli->arguments[cli->argument_count - 1]));
}
