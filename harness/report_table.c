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
    char kind[BT_KIND_BYTES];
    bt_record_kind(record, "  ", kind, sizeof(kind));
    (void)fputs(kind, out);
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

/* What a whole network took, in seconds of the simulated system; `record` is its last layer. */
static void print_whole(FILE *out, const struct bt_report *report, const struct bt_record *record)
{
    const struct bt_soc_result *sw = &record->engine[BT_ENGINE_ISS_SW].soc;
    const struct bt_soc_result *accel = &record->engine[BT_ENGINE_ISS_ACCEL].soc;
    if (!report->run.system.present || sw->whole_cycles + accel->whole_cycles == 0) {
        return;
    }
    const double hz = 1e6 * report->run.system.clock_mhz;
    uint64_t wait = 0;
    uint64_t busy = 0;
    for (const struct bt_record *r = record;
         r >= report->records && strcmp(r->network, record->network) == 0 && strcmp(r->variant, record->variant) == 0 &&
         strcmp(r->config, record->config) == 0;
         r--) {
        wait += r->engine[BT_ENGINE_ISS_ACCEL].soc.wait_cycles;
        busy += r->engine[BT_ENGINE_ISS_ACCEL].soc.accel_cycles;
    }
    (void)fprintf(out, "      simulated at %" PRIu32 " MIPS and %" PRIu32 " MHz:", report->run.system.cpu_mips,
                  report->run.system.clock_mhz);
    if (sw->whole_cycles != 0) {
        (void)fprintf(out, " CPU alone %.3f ms%s", 1e3 * (double)sw->whole_cycles / hz,
                      accel->whole_cycles != 0 ? ";" : "");
    }
    if (accel->whole_cycles != 0) {
        (void)fprintf(out, " with %s %.3f ms, of which it works %.3f ms and the CPU waits %.3f ms", record->variant,
                      1e3 * (double)accel->whole_cycles / hz, 1e3 * (double)busy / hz, 1e3 * (double)wait / hz);
    }
    if (accel->next_cycles != 0) {
        (void)fprintf(out, "; the next picture, weights packed already, %.3f ms",
                      1e3 * (double)accel->next_cycles / hz);
    }
    (void)fprintf(out, "\n");
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
            print_whole(out, report, record);
        }
    }
}

static bool is_failure(const struct bt_record *record)
{
    return record->verdict == BT_FAIL || record->verdict == BT_XFAIL;
}

/* Layers by themselves before those of whole networks, which may have inherited it; then the fewest multiply-accumulates. */
static bool easier(const struct bt_record *a, const struct bt_record *b)
{
    if (a->whole != b->whole) {
        return b->whole;
    }
    return a->macs != b->macs ? a->macs < b->macs : a < b;
}

/* The failure that is the easiest to look into after `last` (NULL: of all). */
static const struct bt_record *next_failure(const struct bt_report *report, const struct bt_record *last)
{
    const struct bt_record *best = NULL;
    for (uint32_t i = 0; i < report->record_count; i++) {
        const struct bt_record *record = &report->records[i];
        if (is_failure(record) && (last == NULL || easier(last, record)) && (best == NULL || easier(record, best))) {
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
        shown = next_failure(report, shown);
        if (shown == NULL) {
            break;
        }
        (void)fprintf(out, "\n%s %s %s on %s %s\n  %s\n", bt_verdict_name(shown->verdict), shown->network, shown->layer,
                      shown->variant, shown->config, shown->reason);
        (void)fprintf(out, "  replay: %s\n", report->replays[shown - report->records]);
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
