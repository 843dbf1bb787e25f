#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "harness/accuracy.h"
#include "harness/compare.h"
#include "harness/report.h"

/* json_object_set_new() takes NULL and then fails; one failed member makes the object incomplete, so it is noted. */
static void set(json_t *object, const char *key, json_t *value, bool *ok)
{
    *ok = json_object_set_new(object, key, value) == 0 && *ok;
}

/* A name that was cut may end within a character; then only its ASCII survives. */
static json_t *string(const char *text)
{
    json_t *value = json_string(text);
    if (value != NULL) {
        return value;
    }
    char ascii[1024];
    (void)snprintf(ascii, sizeof(ascii), "%s", text);
    for (char *c = ascii; *c != '\0'; c++) {
        *c = (unsigned char)*c > 0x7e ? '?' : *c;
    }
    return json_string(ascii);
}

static json_t *integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *cycles_or_null(uint64_t value)
{
    return value == 0 ? json_null() : integer(value);
}

static json_t *soc(const struct bt_soc_result *result, bool *ok)
{
    json_t *object = json_object();
    set(object, "soc_cycles", integer(result->soc_cycles), ok);
    set(object, "instructions", integer(result->instructions), ok);
    set(object, "cpu_cycles", integer(result->cpu_cycles), ok);
    set(object, "wait_cycles", integer(result->wait_cycles), ok);
    set(object, "accel_cycles", integer(result->accel_cycles), ok);
    set(object, "overlap_cycles", integer(result->overlap_cycles), ok);
    set(object, "accel_bytes", integer(result->accel_bytes), ok);
    set(object, "copied_bytes", integer(result->copied_bytes), ok);
    set(object, "interrupts", integer(result->interrupts), ok);
    set(object, "whole_cycles", cycles_or_null(result->whole_cycles), ok);
    set(object, "next_cycles", cycles_or_null(result->next_cycles), ok);
    set(object, "host_seconds", json_real(result->host_seconds), ok);
    return object;
}

static json_t *engines(const struct bt_record *record, bool *ok)
{
    json_t *object = json_object();
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
        const struct bt_engine_result *result = &record->engine[e];
        json_t *one = json_object();
        set(one, "verdict", string(bt_verdict_name(result->verdict)), ok);
        set(one, "ran", json_boolean(result->ran), ok);
        set(one, "seconds", json_real(result->seconds), ok);
        if (result->hash != 0) {
            char hash[17];
            (void)snprintf(hash, sizeof(hash), "%016" PRIx64, result->hash);
            set(one, "hash", string(hash), ok);
        }
        if (result->soc.instructions != 0) {
            set(one, "soc", soc(&result->soc, ok), ok);
        }
        set(object, bt_engine_name(e), one, ok);
    }
    return object;
}

/* Every predicted term beside the counter of its name, then the counters that nobody predicted. */
static json_t *terms(const struct bt_record *record, bool *ok)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < record->predicted.count; i++) {
        json_t *one = json_object();
        set(one, "predicted", integer(record->predicted.item[i].value), ok);
        set(object, record->predicted.item[i].name, one, ok);
    }
    for (uint32_t i = 0; i < record->measured.count; i++) {
        const char *name = record->measured.item[i].name;
        json_t *one = json_object_get(object, name);
        if (one == NULL) {
            one = json_object();
            set(object, name, one, ok);
        }
        set(one, "measured", integer(record->measured.item[i].value), ok);
    }
    return object;
}

static json_t *mismatch(const struct bt_record *record, bool *ok)
{
    const struct bt_mismatch *m = &record->mismatch;
    if (m->differing == 0) {
        return json_null();
    }
    json_t *object = json_object();
    set(object, "engine", string(bt_engine_name(record->mismatch_engine)), ok);
    set(object, "differing", integer(m->differing), ok);
    set(object, "total", integer(m->total), ok);
    set(object, "n", json_integer(m->n), ok);
    set(object, "y", json_integer(m->y), ok);
    set(object, "x", json_integer(m->x), ok);
    set(object, "c", json_integer(m->c), ok);
    set(object, "expected", json_integer(m->expected), ok);
    set(object, "got", json_integer(m->got), ok);
    set(object, "where", string(m->where), ok);
    return object;
}

/* What quantising did to the layer's tensor; null where it was not measured. */
static json_t *quantisation(const struct bt_record *record, bool *ok)
{
    const struct bt_layer_quantisation *q = &record->quantisation;
    if (!q->measured) {
        return json_null();
    }
    json_t *object = json_object();
    set(object, "low", json_real(q->low), ok);
    set(object, "high", json_real(q->high), ok);
    set(object, "scale", json_real(q->scale), ok);
    set(object, "zero_point", json_integer(q->zp), ok);
    set(object, "clipped", json_real(q->clipped), ok);
    set(object, "sqnr_db", json_real(q->sqnr), ok);
    return object;
}

static json_t *share(uint32_t right, uint32_t count, bool *ok)
{
    double low = 0;
    double high = 0;
    json_t *object = json_object();
    bt_wilson(right, count, &low, &high);
    set(object, "right", json_integer(right), ok);
    set(object, "percent", count > 0 ? json_real(100.0 * right / count) : json_null(), ok);
    set(object, "low", json_real(low), ok);
    set(object, "high", json_real(high), ok);
    return object;
}

static json_t *classes(uint32_t top1, uint32_t top5, uint32_t count, bool *ok)
{
    json_t *object = json_object();
    set(object, "top1", share(top1, count, ok), ok);
    set(object, "top5", share(top5, count, ok), ok);
    return object;
}

static json_t *boxes(double at_50, double at_50_95, bool *ok)
{
    json_t *object = json_object();
    set(object, "map_50", json_real(at_50), ok);
    set(object, "map_50_95", json_real(at_50_95), ok);
    return object;
}

/* Of a whole network; null elsewhere. */
static json_t *accuracy(const struct bt_record *record, bool *ok)
{
    const struct bt_accuracy *a = &record->accuracy;
    if (!a->measured) {
        return json_null();
    }
    json_t *object = json_object();
    const bool known = a->labelled != 0;
    set(object, "images", json_integer(a->images), ok);
    set(object, "labelled", json_integer(a->labelled), ok);
    json_t *compared = json_object();
    for (enum bt_engine e = BT_ENGINE_MODEL; e < BT_ENGINE_COUNT; e++) {
        if (e != BT_ENGINE_CYCLES) {
            set(compared, bt_engine_name(e), json_integer(a->compared[e]), ok);
        }
    }
    set(object, "compared", compared, ok);
    if (a->detects) {
        set(object, "boxes", json_integer(a->boxes), ok);
        set(object, "float", a->has_float ? boxes(a->float_map50, a->float_map, ok) : json_null(), ok);
        set(object, "int8", boxes(a->int8_map50, a->int8_map, ok), ok);
    } else {
        set(object, "float",
            a->has_float && known ? classes(a->float_top1, a->float_top5, a->labelled, ok) : json_null(), ok);
        set(object, "int8", known ? classes(a->int8_top1, a->int8_top5, a->labelled, ok) : json_null(), ok);
        set(object, "agree_top1", a->has_float ? json_integer(a->agree_top1) : json_null(), ok);
        set(object, "agree_top5", a->has_float ? json_integer(a->agree_top5) : json_null(), ok);
    }
    set(object, "drop_points", a->has_float && known ? json_real(a->drop) : json_null(), ok);
    set(object, "max_drop_points", a->max_drop >= 0 ? json_real(a->max_drop) : json_null(), ok);
    set(object, "float_seconds", json_real(a->float_seconds), ok);
    set(object, "int8_seconds", json_real(a->int8_seconds), ok);
    return object;
}

static json_t *result(const struct bt_report *report, const struct bt_record *record, bool *ok)
{
    json_t *object = json_object();
    const bool both = record->rtl_cycles != 0 && record->predicted_cycles != 0;
    char replay[1024];
    char id[512];
    bt_report_replay(report, record, replay, sizeof(replay));
    (void)snprintf(id, sizeof(id), "%s:%s:%s:%s:%s:%u:%s:%u:%s", record->network, record->layer, record->variant,
                   record->config, record->pattern, record->stall_percent, record->dtype, record->sparsity,
                   record->structure);

    set(object, "id", string(id), ok);
    set(object, "network", string(record->network), ok);
    set(object, "layer", string(record->layer), ok);
    set(object, "variant", string(record->variant), ok);
    set(object, "config", string(record->config), ok);
    set(object, "pattern", string(record->pattern), ok);
    set(object, "stall_percent", json_integer(record->stall_percent), ok);
    set(object, "seed", integer(record->seed), ok);
    set(object, "dtype", string(record->dtype), ok);
    set(object, "sparsity", json_integer(record->sparsity), ok);
    set(object, "structure", string(record->structure), ok);
    set(object, "same", json_integer(record->same), ok);
    set(object, "macs", integer(record->macs), ok);
    set(object, "verdict", string(bt_verdict_name(record->verdict)), ok);
    set(object, "reason", string(record->reason), ok);
    set(object, "note", string(record->note), ok);
    set(object, "mapping", string(record->mapping), ok);
    set(object, "engines", engines(record, ok), ok);
    set(object, "rtl_cycles", cycles_or_null(record->rtl_cycles), ok);
    set(object, "predicted_cycles", cycles_or_null(record->predicted_cycles), ok);
    set(object, "roofline_cycles", cycles_or_null(record->roofline_cycles), ok);
    set(object, "error_cycles",
        both ? json_integer((json_int_t)(record->predicted_cycles - record->rtl_cycles)) : json_null(), ok);
    set(object, "error_percent",
        both ? json_real(bt_error_percent(record->predicted_cycles, record->rtl_cycles)) : json_null(), ok);
    set(object, "gated", json_boolean(record->gated), ok);
    set(object, "multipliers", cycles_or_null(record->multipliers), ok);
    set(object, "utilisation", record->rtl_cycles != 0 ? json_real(record->utilisation) : json_null(), ok);
    set(object, "rtl_seconds", record->rtl_seconds > 0.0 ? json_real(record->rtl_seconds) : json_null(), ok);
    set(object, "terms", terms(record, ok), ok);
    set(object, "quantisation", quantisation(record, ok), ok);
    set(object, "accuracy", accuracy(record, ok), ok);
    set(object, "mismatch", mismatch(record, ok), ok);
    set(object, "replay", string(replay), ok);
    return object;
}

static json_t *gate_object(const struct bt_gate *gate, bool *ok)
{
    json_t *object = json_object();
    set(object, "variant", string(gate->variant), ok);
    set(object, "config", string(gate->config), ok);
    set(object, "verdict", string(bt_verdict_name(gate->verdict)), ok);
    set(object, "reason", string(gate->reason), ok);
    set(object, "layers", json_integer(gate->layers), ok);
    set(object, "layers_at_zero", json_integer(gate->at_zero), ok);
    set(object, "max_percent", json_real(gate->max_percent), ok);
    set(object, "mean_percent", json_real(gate->mean_percent), ok);
    set(object, "roofline_max_percent", json_real(gate->roofline_max), ok);
    set(object, "roofline_mean_percent", json_real(gate->roofline_mean), ok);
    set(object, "limit_max_percent", json_real(gate->limit_max), ok);
    set(object, "limit_mean_percent", json_real(gate->limit_mean), ok);
    return object;
}

/* What the firmware ran on; null where there was none. */
static json_t *system_object(const struct bt_engine_options *options, bool *ok)
{
    if (options == NULL || options->soc == NULL) {
        return json_null();
    }
    json_t *object = json_object();
    const uint32_t mips = options->cpu_mips != 0 ? options->cpu_mips : options->soc->cpu_mips;
    set(object, "map", string(options->soc->path), ok);
    set(object, "cpu_mips", json_integer(mips), ok);
    set(object, "clock_mhz", json_integer(options->soc->clock_mhz), ok);
    set(object, "device", string(bt_device_name(options->device)), ok);
    set(object, "wait", string(bt_wait_name(options->wait)), ok);
    return object;
}

static json_t *run_object(const struct bt_report *report, bool *ok)
{
    const struct bt_totals totals = bt_report_totals(report);
    json_t *object = json_object();
    set(object, "suite", string(report->plan->name), ok);
    set(object, "seed", integer(report->plan->seed), ok);
    set(object, "seconds", json_real(report->seconds), ok);
    set(object, "passed", json_integer(totals.passed), ok);
    set(object, "failed", json_integer(totals.failed), ok);
    set(object, "skipped", json_integer(totals.skipped), ok);
    set(object, "xfailed", json_integer(totals.xfailed), ok);
    set(object, "system", system_object(report->options, ok), ok);
    return object;
}

bool bt_report_json(const struct bt_report *report, FILE *out)
{
    bool ok = true;
    json_t *root = json_object();
    json_t *results = json_array();
    json_t *gates = json_array();
    for (uint32_t i = 0; i < report->record_count; i++) {
        ok = json_array_append_new(results, result(report, &report->records[i], &ok)) == 0 && ok;
    }
    for (uint32_t i = 0; i < report->gate_count; i++) {
        ok = json_array_append_new(gates, gate_object(&report->gates[i], &ok)) == 0 && ok;
    }
    set(root, "run", run_object(report, &ok), &ok);
    set(root, "gates", gates, &ok);
    set(root, "results", results, &ok);
    ok = ok && json_dumpf(root, out, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) == 0;
    ok = fputc('\n', out) != EOF && ok;
    json_decref(root);
    return ok;
}
