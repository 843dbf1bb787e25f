#include "harness/results.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/record_json.h"

static void read_system(struct bt_json_reader *reader, struct bt_run_system *system)
{
    struct bt_json_reader inner = {.object = bt_json_read_object(reader, "system"), .err = reader->err};
    if (inner.object == NULL) {
        return;
    }
    system->present = true;
    bt_json_read_text(&inner, "map", system->map, sizeof(system->map));
    system->cpu_mips = (uint32_t)bt_json_read_count(&inner, "cpu_mips", UINT32_MAX);
    system->clock_mhz = (uint32_t)bt_json_read_count(&inner, "clock_mhz", UINT32_MAX);
    bt_json_read_text(&inner, "device", system->device, sizeof(system->device));
    bt_json_read_text(&inner, "wait", system->wait, sizeof(system->wait));
    reader->failed = reader->failed || inner.failed;
}

static void read_environment(struct bt_json_reader *reader, struct bt_environment *environment)
{
    struct bt_json_reader inner = {.object = bt_json_read_object(reader, "environment"), .err = reader->err};
    if (inner.object == NULL) {
        return;
    }
    bt_json_read_text(&inner, "cpu", environment->cpu, sizeof(environment->cpu));
    environment->cores = (uint32_t)bt_json_read_count(&inner, "cores", UINT32_MAX);
    bt_json_read_text(&inner, "os", environment->os, sizeof(environment->os));
    bt_json_read_text(&inner, "verilator", environment->verilator, sizeof(environment->verilator));
    bt_json_read_text(&inner, "compiler", environment->compiler, sizeof(environment->compiler));
    reader->failed = reader->failed || inner.failed;
}

static void read_run(struct bt_json_reader *reader, struct bt_run *run, struct bt_totals *totals)
{
    struct bt_json_reader inner = {.object = bt_json_read_object(reader, "run"), .err = reader->err};
    if (inner.object == NULL) {
        bt_json_expected(reader, "run", "an object");
        return;
    }
    bt_json_read_text(&inner, "suite", run->suite, sizeof(run->suite));
    /* Reports go to a folder of that name. */
    if (run->suite[0] == '\0' || run->suite[0] == '.' || strchr(run->suite, '/') != NULL) {
        bt_json_expected(&inner, "suite", "a name without '/', not led by '.'");
    }
    run->seed = bt_json_read_count(&inner, "seed", INT64_MAX);
    run->seconds = bt_json_read_non_negative(&inner, "seconds");
    bt_json_read_text(&inner, "command", run->command, sizeof(run->command));
    run->shard = (uint32_t)bt_json_read_count(&inner, "shard", UINT32_MAX) - 1;
    run->data = bt_json_read_bool(&inner, "data");
    run->shards = (uint32_t)bt_json_read_count(&inner, "shards", UINT32_MAX);
    run->jobs = (uint32_t)bt_json_read_count(&inner, "jobs", UINT32_MAX);
    bt_json_read_text(&inner, "plan", run->plan, sizeof(run->plan));
    if (run->shard >= run->shards) {
        bt_json_expected(&inner, "shard", "1 to the number of shards");
    }
    totals->passed = (uint32_t)bt_json_read_count(&inner, "passed", UINT32_MAX);
    totals->failed = (uint32_t)bt_json_read_count(&inner, "failed", UINT32_MAX);
    totals->skipped = (uint32_t)bt_json_read_count(&inner, "skipped", UINT32_MAX);
    totals->xfailed = (uint32_t)bt_json_read_count(&inner, "xfailed", UINT32_MAX);
    read_system(&inner, &run->system);
    read_environment(&inner, &run->environment);
    bt_json_read_text(&inner, "commit", run->environment.commit, sizeof(run->environment.commit));
    run->environment.dirty = bt_json_read_bool(&inner, "dirty");
    run->environment.time = (int64_t)bt_json_read_count(&inner, "time", INT64_MAX);
    reader->failed = reader->failed || inner.failed;
}

static enum bt_status read_limits(const json_t *gates, struct bt_results *results, struct bt_error *err)
{
    results->limits = calloc(json_array_size(gates) + 1, sizeof(*results->limits));
    if (results->limits == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < json_array_size(gates); i++) {
        struct bt_json_reader reader = {.object = json_array_get(gates, i), .err = err};
        struct bt_gate_limit *limit = &results->limits[results->limit_count];
        bool known = false;
        bt_json_read_text(&reader, "variant", limit->variant, sizeof(limit->variant));
        limit->max_percent = bt_json_read_real(&reader, "limit_max_percent");
        limit->mean_percent = bt_json_read_real(&reader, "limit_mean_percent");
        if (reader.failed) {
            return BT_EINPUT;
        }
        for (uint32_t k = 0; k < results->limit_count && !known; k++) {
            known = strcmp(results->limits[k].variant, limit->variant) == 0;
        }
        results->limit_count += known ? 0 : 1;
    }
    return BT_OK;
}

static enum bt_status read_records(const json_t *list, struct bt_results *results, struct bt_error *err)
{
    const size_t count = json_array_size(list);
    if (count > UINT32_MAX) {
        return bt_fail(err, BT_EINPUT, "'results': expected fewer of them");
    }
    results->records = calloc(count + 1, sizeof(*results->records));
    results->replays = calloc(count + 1, sizeof(char *));
    results->jobs = calloc(count + 1, sizeof(*results->jobs));
    if (results->records == NULL || results->replays == NULL || results->jobs == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        struct bt_error why = {""};
        struct bt_json_reader reader = {.object = json_array_get(list, i), .err = &why};
        char replay[BT_REPLAY_BYTES];
        enum bt_status status = bt_record_from_json(reader.object, &results->records[i], &why);
        bt_json_read_text(&reader, "replay", replay, sizeof(replay));
        results->jobs[i] = (uint32_t)bt_json_read_count(&reader, "job", UINT32_MAX);
        if (results->jobs[i] >= results->run.jobs || (i > 0 && results->jobs[i] < results->jobs[i - 1])) {
            bt_json_expected(&reader, "job", "one of the run's jobs, in their order");
        }
        if (status != BT_OK || reader.failed) {
            return bt_fail(err, BT_EINPUT, "result %zu: %s", i, why.text);
        }
        results->replays[i] = strdup(replay);
        if (results->replays[i] == NULL) {
            return bt_fail(err, BT_ENOMEM, "out of memory");
        }
        results->count++;
    }
    return BT_OK;
}

/* A number of a gate that was read, beside the one that the results give. */
static void check_gate_number(struct bt_json_reader *reader, const char *key, double expected)
{
    char text[64];
    const double said = bt_json_read_real(reader, key);
    if (json_is_null(json_object_get(reader->object, key)) || said != expected) {
        (void)snprintf(text, sizeof(text), "%.17g, from its results", expected);
        bt_json_expected(reader, key, text);
    }
}

static enum bt_status check_gate_numbers(const json_t *said, const struct bt_gate *gate, uint32_t index,
                                         struct bt_error *err)
{
    struct bt_error why = {""};
    struct bt_json_reader reader = {.object = said, .err = &why};
    check_gate_number(&reader, "limit_max_percent", gate->limit_max);
    check_gate_number(&reader, "limit_mean_percent", gate->limit_mean);
    check_gate_number(&reader, "layers", gate->layers);
    check_gate_number(&reader, "layers_at_zero", gate->at_zero);
    check_gate_number(&reader, "max_percent", gate->max_percent);
    check_gate_number(&reader, "mean_percent", gate->mean_percent);
    check_gate_number(&reader, "roofline_max_percent", gate->roofline_max);
    check_gate_number(&reader, "roofline_mean_percent", gate->roofline_mean);
    return reader.failed
               ? bt_fail(err, BT_EINPUT, "gate %" PRIu32 " (%s %s): %s", index, gate->variant, gate->config, why.text)
               : BT_OK;
}

/* Has each gate the verdict and the numbers that follow from the results? */
static enum bt_status check_gates(const json_t *said, const struct bt_gate *gates, uint32_t gate_count,
                                  struct bt_error *err)
{
    if (json_array_size(said) != gate_count) {
        return bt_fail(err, BT_EINPUT, "%zu gates: its results have %" PRIu32, json_array_size(said), gate_count);
    }
    for (uint32_t i = 0; i < gate_count; i++) {
        struct bt_json_reader reader = {.object = json_array_get(said, i), .err = err};
        char variant[sizeof(gates->variant)];
        char config[sizeof(gates->config)];
        bt_json_read_text(&reader, "variant", variant, sizeof(variant));
        bt_json_read_text(&reader, "config", config, sizeof(config));
        const enum bt_verdict verdict = bt_json_read_verdict(&reader, "verdict");
        if (reader.failed) {
            return BT_EINPUT;
        }
        if (strcmp(variant, gates[i].variant) != 0 || strcmp(config, gates[i].config) != 0 ||
            verdict != gates[i].verdict) {
            return bt_fail(err, BT_EINPUT, "gate %" PRIu32 " is %s of %s %s: from its results %s of %s %s", i,
                           bt_verdict_name(verdict), variant, config, bt_verdict_name(gates[i].verdict),
                           gates[i].variant, gates[i].config);
        }
        if (check_gate_numbers(reader.object, &gates[i], i, err) != BT_OK) {
            return BT_EINPUT;
        }
    }
    return BT_OK;
}

/* The engines that found a layer of the job wrong, as bits; *end: where the next job begins. */
static unsigned failed_engines(const struct bt_results *results, uint32_t begin, uint32_t *end)
{
    unsigned failed = 0;
    uint32_t i = begin;
    for (; i < results->count && results->jobs[i] == results->jobs[begin]; i++) {
        for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
            failed |= results->records[i].engine[e].verdict == BT_FAIL ? 1u << e : 0;
        }
    }
    *end = i;
    return failed;
}

/* An engine that ran takes its verdict back where it found another layer of the whole network wrong, and nowhere else. */
static enum bt_status check_withdrawn(const struct bt_results *results, struct bt_error *err)
{
    uint32_t end = 0;
    unsigned failed = 0;
    for (uint32_t i = 0; i < results->count; i++) {
        failed = i == end ? failed_engines(results, i, &end) : failed;
        for (enum bt_engine e = BT_ENGINE_MODEL; e < BT_ENGINE_COUNT; e++) {
            const struct bt_engine_result *engine = &results->records[i].engine[e];
            if (e != BT_ENGINE_CYCLES && engine->ran && engine->verdict == BT_SKIP && (failed & 1u << e) == 0) {
                return bt_fail(err, BT_EINPUT,
                               "result %" PRIu32 ": %s ran and is SKIP: expected a layer of its job that it failed at",
                               i, bt_engine_name(e));
            }
        }
    }
    return BT_OK;
}

/* What the file says of itself must follow from its results. */
static enum bt_status check_totals(const struct bt_results *results, const struct bt_totals *said,
                                   const json_t *said_gates, struct bt_error *err)
{
    struct bt_gate *gates = NULL;
    uint32_t gate_count = 0;
    if (bt_report_gates(results->limits, results->limit_count, results->records, results->count, &gates, &gate_count) !=
        BT_OK) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    const struct bt_report report = bt_results_report(results, gates, gate_count);
    const struct bt_totals found = bt_report_totals(&report);
    const enum bt_status status = check_gates(said_gates, gates, gate_count, err);
    free(gates);
    if (status != BT_OK) {
        return status;
    }
    for (uint32_t i = 0; i < results->count; i++) {
        if (results->records[i].seed != results->run.seed) {
            return bt_fail(err, BT_EINPUT, "result %" PRIu32 ": seed %" PRIu64 ": expected that of the run, %" PRIu64,
                           i, results->records[i].seed, results->run.seed);
        }
    }
    if (found.passed != said->passed || found.failed != said->failed || found.skipped != said->skipped ||
        found.xfailed != said->xfailed) {
        return bt_fail(err, BT_EINPUT,
                       "says %" PRIu32 " passed, %" PRIu32 " failed, %" PRIu32 " skipped, %" PRIu32
                       " known errors: its results are %" PRIu32 ", %" PRIu32 ", %" PRIu32 ", %" PRIu32,
                       said->passed, said->failed, said->skipped, said->xfailed, found.passed, found.failed,
                       found.skipped, found.xfailed);
    }
    return BT_OK;
}

static enum bt_status read_root(const json_t *root, struct bt_results *results, struct bt_error *err)
{
    struct bt_json_reader reader = {.object = root, .err = err};
    struct bt_totals totals = {0};
    const json_t *schema = json_object_get(root, "schema");
    const json_t *gates = json_object_get(root, "gates");
    const json_t *list = json_object_get(root, "results");
    if (!json_is_integer(schema)) {
        return bt_fail(err, BT_EINPUT, "no results of bittrue: expected a member 'schema'");
    }
    if (json_integer_value(schema) != BT_RESULTS_SCHEMA) {
        return bt_fail(err, BT_EINPUT, "results of schema %" JSON_INTEGER_FORMAT ": expected %d, of this version",
                       json_integer_value(schema), BT_RESULTS_SCHEMA);
    }
    if (!json_is_array(gates) || !json_is_array(list)) {
        return bt_fail(err, BT_EINPUT, "'%s': expected an array", json_is_array(gates) ? "results" : "gates");
    }
    read_run(&reader, &results->run, &totals);
    enum bt_status status = reader.failed ? BT_EINPUT : read_limits(gates, results, err);
    if (status == BT_OK) {
        status = read_records(list, results, err);
    }
    if (status == BT_OK) {
        status = check_withdrawn(results, err);
    }
    return status == BT_OK ? check_totals(results, &totals, gates, err) : status;
}

enum bt_status bt_results_from_json(const json_t *root, struct bt_results *results, struct bt_error *err)
{
    *results = (struct bt_results){.count = 0};
    const enum bt_status status = read_root(root, results, err);
    if (status != BT_OK) {
        bt_results_free(results);
    }
    return status;
}

enum bt_status bt_results_read(const char *path, struct bt_results *results, struct bt_error *err)
{
    struct bt_error why = {""};
    json_t *root = NULL;
    *results = (struct bt_results){.count = 0};
    if (bt_json_load(path, "results", BT_RESULTS_MOST_BYTES, &root, err) != BT_OK) {
        return BT_EINPUT;
    }
    const enum bt_status status = bt_results_from_json(root, results, &why);
    json_decref(root);
    return status == BT_OK ? BT_OK : bt_fail(err, status, "%s: %s", path, why.text);
}

void bt_results_free(struct bt_results *results)
{
    for (uint32_t i = 0; results->replays != NULL && i < results->count; i++) {
        free(results->replays[i]);
    }
    free(results->replays);
    free(results->jobs);
    free(results->records);
    free(results->limits);
    *results = (struct bt_results){.count = 0};
}

struct bt_report bt_results_report(const struct bt_results *results, const struct bt_gate *gates, uint32_t gate_count)
{
    return (struct bt_report){
        .run = results->run,
        .records = results->records,
        .record_count = results->count,
        .replays = results->replays,
        .jobs = results->jobs,
        .gates = gates,
        .gate_count = gate_count,
    };
}
