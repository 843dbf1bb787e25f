#include <inttypes.h>
#include <string.h>

#include "harness/compare.h"
#include "harness/report.h"

/* Numbers that were not measured or predicted are a dash, never a 0. */
static void print_count(FILE *out, int width, uint64_t value)
{
    if (value == 0) {
        (void)fprintf(out, " %*s", width, "-");
    } else {
        (void)fprintf(out, " %*" PRIu64, width, value);
    }
}

static void print_error(FILE *out, const struct bt_record *record)
{
    if (record->rtl_cycles == 0 || record->predicted_cycles == 0) {
        (void)fprintf(out, " %9s", "-");
    } else {
        (void)fprintf(out, " %+9" PRId64, (int64_t)(record->predicted_cycles - record->rtl_cycles));
    }
}

static void print_percent(FILE *out, int width, bool known, double value)
{
    if (known) {
        (void)fprintf(out, " %*.1f", width, value);
    } else {
        (void)fprintf(out, " %*s", width, "-");
    }
}

static int longest(const struct bt_report *report, size_t offset, int least)
{
    int width = least;
    for (uint32_t i = 0; i < report->record_count; i++) {
        const char *text = (const char *)&report->records[i] + offset;
        const int length = (int)strlen(text);
        width = length > width ? length : width;
    }
    return width;
}

/* What tells two records of the same layer apart, where it is not the usual. */
static void print_kind(FILE *out, const struct bt_record *record)
{
    if (strcmp(record->pattern, "uniform") != 0) {
        (void)fprintf(out, "  %s", record->pattern);
    }
    if (record->stall_percent != 0) {
        (void)fprintf(out, "  stalls %u %%", record->stall_percent);
    }
    if (record->same > 1) {
        (void)fprintf(out, "  x%u", record->same);
    }
}

static double all_seconds(const struct bt_record *record)
{
    double seconds = 0.0;
    for (int e = 0; e < BT_ENGINE_COUNT; e++) {
        seconds += record->engine[e].seconds;
    }
    return seconds;
}

void bt_report_table(const struct bt_report *report, FILE *out)
{
    const int network = longest(report, offsetof(struct bt_record, network), 7);
    const int layer = longest(report, offsetof(struct bt_record, layer), 5);
    const int config = longest(report, offsetof(struct bt_record, config), 6);
    (void)fprintf(out, "%-5s %-*s %-*s %-*s %12s %11s %11s %9s %7s %6s %7s\n", "", network, "network", layer, "layer",
                  config, "config", "MACs", "cycles", "predicted", "error", "roof %", "util %", "s");
    const char *variant = "";
    for (uint32_t i = 0; i < report->record_count; i++) {
        const struct bt_record *record = &report->records[i];
        if (strcmp(variant, record->variant) != 0) {
            variant = record->variant;
            (void)fprintf(out, "%s\n", variant);
        }
        (void)fprintf(out, "%-5s %-*s %-*s %-*s %12" PRIu64, bt_verdict_name(record->verdict), network, record->network,
                      layer, record->layer, config, record->config, record->macs);
        const bool measured = record->rtl_cycles != 0;
        print_count(out, 11, record->rtl_cycles);
        print_count(out, 11, record->predicted_cycles);
        print_error(out, record);
        print_percent(out, 7, measured && record->roofline_cycles != 0,
                      bt_error_percent(record->roofline_cycles, record->rtl_cycles));
        print_percent(out, 6, measured && record->multipliers != 0, 100.0 * record->utilisation);
        (void)fprintf(out, " %7.2f", all_seconds(record));
        print_kind(out, record);
        (void)fprintf(out, "\n");
        if (record->note[0] != '\0') {
            (void)fprintf(out, "      %s\n", record->note);
        }
    }
}

/* What the engines were told, where it is not the usual. */
static void replay_options(const struct bt_engine_options *options, char *text, size_t text_bytes)
{
    text[0] = '\0';
    if (options == NULL) {
        return;
    }
    char mips[32] = "";
    if (options->cpu_mips != 0) {
        (void)snprintf(mips, sizeof(mips), " --cpu-mips %" PRIu32, options->cpu_mips);
    }
    (void)snprintf(text, text_bytes, "%s%s%s%s%s", options->device != BT_DEVICE_RTL ? " --device " : "",
                   options->device != BT_DEVICE_RTL ? bt_device_name(options->device) : "",
                   options->wait != BT_WAIT_INTERRUPT ? " --wait " : "",
                   options->wait != BT_WAIT_INTERRUPT ? bt_wait_name(options->wait) : "", mips);
}

void bt_report_replay(const struct bt_report *report, const struct bt_record *record, char *text, size_t text_bytes)
{
    char extra[96];
    const struct bt_variant *variant = bt_variant_find(record->variant);
    replay_options(report->options, extra, sizeof(extra));
    if (strncmp(record->layer, BT_CHAINED "/", strlen(BT_CHAINED "/")) == 0) {
        (void)snprintf(text, text_bytes,
                       "%s run --chained --network '%s' --variant %s --config %s --seed %" PRIu64 "%s", report->program,
                       record->network, record->variant, record->config, record->seed, extra);
        return;
    }
    const char *folder = variant != NULL ? bt_variant_folder(variant) : NULL;
    (void)snprintf(
        text, text_bytes,
        "%s replay%s%s%s%s%s --network '%s' --layer '%s' --variant %s --config %s --pattern %s --stalls %u --seed "
        "%" PRIu64 "%s",
        report->program, report->suite != NULL ? " --suite " : "", report->suite != NULL ? report->suite : "",
        folder != NULL ? " --core '" : "", folder != NULL ? folder : "", folder != NULL ? "'" : "", record->network,
        record->layer, record->variant, record->config, record->pattern, record->stall_percent, record->seed, extra);
}

static bool is_failure(const struct bt_record *record)
{
    return record->verdict == BT_FAIL || record->verdict == BT_XFAIL;
}

/* The failure with the fewest multiply-accumulates after `last` (NULL: of all), the easiest to look into. */
static const struct bt_record *next_failure(const struct bt_report *report, const struct bt_record *last)
{
    const struct bt_record *best = NULL;
    for (uint32_t i = 0; i < report->record_count; i++) {
        const struct bt_record *record = &report->records[i];
        const bool after = last == NULL || record->macs > last->macs || (record->macs == last->macs && record > last);
        if (is_failure(record) && after && (best == NULL || record->macs < best->macs)) {
            best = record;
        }
    }
    return best;
}

void bt_report_failures(const struct bt_report *report, FILE *out)
{
    enum { SHOWN = 10 };
    const struct bt_record *shown = NULL;
    uint32_t failures = 0;
    for (uint32_t i = 0; i < report->record_count; i++) {
        failures += is_failure(&report->records[i]) ? 1 : 0;
    }
    for (uint32_t i = 0; i < failures && i < SHOWN; i++) {
        char replay[1024];
        shown = next_failure(report, shown);
        bt_report_replay(report, shown, replay, sizeof(replay));
        (void)fprintf(out, "\n%s %s %s on %s %s\n  %s\n", bt_verdict_name(shown->verdict), shown->network, shown->layer,
                      shown->variant, shown->config, shown->reason);
        (void)fprintf(out, "  replay: %s\n", replay);
    }
    if (failures > SHOWN) {
        (void)fprintf(out, "\n%u more failures, all of them in summary.md and results.json\n", failures - SHOWN);
    }
    /* Skips share few reasons; each is said once, with the number of layers it took. */
    for (uint32_t i = 0; i < report->record_count; i++) {
        const struct bt_record *record = &report->records[i];
        uint32_t layers = 0;
        for (uint32_t j = 0; j < report->record_count && record->verdict == BT_SKIP; j++) {
            const struct bt_record *other = &report->records[j];
            const bool same = other->verdict == BT_SKIP && strcmp(other->reason, record->reason) == 0;
            if (same && j < i) {
                layers = 0;
                break;
            }
            layers += same ? 1 : 0;
        }
        if (layers > 0) {
            (void)fprintf(out, "\nSKIP %u layer%s, first %s %s on %s %s\n  %s\n", layers, layers > 1 ? "s" : "",
                          record->network, record->layer, record->variant, record->config, record->reason);
        }
    }
    for (uint32_t i = 0; i < report->gate_count; i++) {
        const struct bt_gate *gate = &report->gates[i];
        if (gate->verdict == BT_FAIL) {
            (void)fprintf(out, "\nFAIL cycle gate of %s %s\n  %s\n", gate->variant, gate->config, gate->reason);
        }
    }
}
