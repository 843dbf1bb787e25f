#include <jansson.h>

#include "harness/record_json.h"
#include "harness/report.h"

static json_t *gate_object(const struct bt_gate *gate, bool *ok)
{
    json_t *object = json_object();
    bt_json_set(object, "variant", bt_json_text(gate->variant), ok);
    bt_json_set(object, "config", bt_json_text(gate->config), ok);
    bt_json_set(object, "verdict", bt_json_text(bt_verdict_name(gate->verdict)), ok);
    bt_json_set(object, "reason", bt_json_text(gate->reason), ok);
    bt_json_set(object, "layers", json_integer(gate->layers), ok);
    bt_json_set(object, "layers_at_zero", json_integer(gate->at_zero), ok);
    bt_json_set(object, "max_percent", json_real(gate->max_percent), ok);
    bt_json_set(object, "mean_percent", json_real(gate->mean_percent), ok);
    bt_json_set(object, "roofline_max_percent", json_real(gate->roofline_max), ok);
    bt_json_set(object, "roofline_mean_percent", json_real(gate->roofline_mean), ok);
    bt_json_set(object, "limit_max_percent", json_real(gate->limit_max), ok);
    bt_json_set(object, "limit_mean_percent", json_real(gate->limit_mean), ok);
    return object;
}

/* What the firmware ran on; null where there was none. */
static json_t *system_object(const struct bt_run_system *system, bool *ok)
{
    if (!system->present) {
        return json_null();
    }
    json_t *object = json_object();
    bt_json_set(object, "map", bt_json_text(system->map), ok);
    bt_json_set(object, "cpu_mips", json_integer(system->cpu_mips), ok);
    bt_json_set(object, "clock_mhz", json_integer(system->clock_mhz), ok);
    bt_json_set(object, "device", bt_json_text(system->device), ok);
    bt_json_set(object, "wait", bt_json_text(system->wait), ok);
    return object;
}

static json_t *environment_object(const struct bt_environment *environment, bool *ok)
{
    json_t *object = json_object();
    bt_json_set(object, "cpu", bt_json_text(environment->cpu), ok);
    bt_json_set(object, "cores", json_integer(environment->cores), ok);
    bt_json_set(object, "os", bt_json_text(environment->os), ok);
    bt_json_set(object, "verilator", bt_json_text(environment->verilator), ok);
    bt_json_set(object, "compiler", bt_json_text(environment->compiler), ok);
    return object;
}

static json_t *run_object(const struct bt_report *report, bool *ok)
{
    const struct bt_totals totals = bt_report_totals(report);
    json_t *object = json_object();
    bt_json_set(object, "suite", bt_json_text(report->run.suite), ok);
    bt_json_set(object, "seed", bt_json_count(report->run.seed), ok);
    bt_json_set(object, "seconds", json_real(report->run.seconds), ok);
    bt_json_set(object, "command", bt_json_text(report->run.command), ok);
    bt_json_set(object, "commit", bt_json_text(report->run.environment.commit), ok);
    bt_json_set(object, "dirty", json_boolean(report->run.environment.dirty), ok);
    bt_json_set(object, "time", json_integer(report->run.environment.time), ok);
    bt_json_set(object, "shard", json_integer(report->run.shard + 1), ok);
    bt_json_set(object, "shards", json_integer(report->run.shards), ok);
    bt_json_set(object, "jobs", json_integer(report->run.jobs), ok);
    bt_json_set(object, "data", json_boolean(report->run.data), ok);
    bt_json_set(object, "plan", bt_json_text(report->run.plan), ok);
    bt_json_set(object, "passed", json_integer(totals.passed), ok);
    bt_json_set(object, "failed", json_integer(totals.failed), ok);
    bt_json_set(object, "skipped", json_integer(totals.skipped), ok);
    bt_json_set(object, "xfailed", json_integer(totals.xfailed), ok);
    bt_json_set(object, "system", system_object(&report->run.system, ok), ok);
    bt_json_set(object, "environment", environment_object(&report->run.environment, ok), ok);
    return object;
}

/* One value, on a line of its own. */
static bool put_line(json_t *value, bool ok, const char *end, FILE *out)
{
    ok = ok && json_dumpf(value, out, JSON_COMPACT | BT_JSON_FORMAT) == 0;
    json_decref(value);
    return fputs(end, out) != EOF && ok;
}

/* Each result is made, written and released: the tree of them all would be larger than the records. */
bool bt_report_json(const struct bt_report *report, FILE *out)
{
    bool ok = true;
    (void)fprintf(out, "{\n\"schema\": %d,\n\"run\": ", BT_RESULTS_SCHEMA);
    json_t *run = run_object(report, &ok);
    ok = put_line(run, ok, ",\n\"gates\": [\n", out);
    for (uint32_t i = 0; i < report->gate_count; i++) {
        json_t *gate = gate_object(&report->gates[i], &ok);
        ok = put_line(gate, ok, i + 1 < report->gate_count ? ",\n" : "\n", out);
    }
    (void)fputs("],\n\"results\": [\n", out);
    for (uint32_t i = 0; i < report->record_count; i++) {
        json_t *result = bt_record_to_json(&report->records[i], &ok);
        bt_json_set(result, "replay", bt_json_text(report->replays[i]), &ok);
        bt_json_set(result, "job", json_integer(report->jobs[i]), &ok);
        ok = put_line(result, ok, i + 1 < report->record_count ? ",\n" : "\n", out);
    }
    return fputs("]\n}\n", out) != EOF && ok;
}
