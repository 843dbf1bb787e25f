#include <inttypes.h>
#include <string.h>

#include "harness/accuracy.h"
#include "harness/compare.h"
#include "harness/markdown.h"
#include "harness/report.h"

/* What one network took on one configuration. */
struct network_sum {
    uint32_t layers, failed;
    uint64_t macs, multiplier_cycles, cycles, predicted, roofline;
    double rtl_seconds;
};

/* Layers measured without random stalls and on uniform data: adding up several runs of one layer would mean nothing. */
static bool counts(const struct bt_record *record)
{
    return record->gated && strcmp(record->pattern, "uniform") == 0 && strchr(record->layer, '/') == NULL;
}

static bool same_row(const struct bt_record *a, const struct bt_record *b)
{
    return strcmp(a->network, b->network) == 0 && strcmp(a->variant, b->variant) == 0 &&
           strcmp(a->config, b->config) == 0 && bt_record_same_kind(a, b);
}

static bool first_of_row(const struct bt_report *report, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++) {
        if (counts(&report->records[i]) && same_row(&report->records[i], &report->records[index])) {
            return false;
        }
    }
    return true;
}

static struct network_sum sum_of(const struct bt_report *report, uint32_t index)
{
    struct network_sum sum = {0};
    for (uint32_t i = index; i < report->record_count; i++) {
        const struct bt_record *record = &report->records[i];
        if (!counts(record) || !same_row(record, &report->records[index])) {
            continue;
        }
        sum.layers++;
        sum.failed += record->verdict == BT_FAIL ? 1 : 0;
        sum.macs += record->macs;
        sum.cycles += record->rtl_cycles;
        sum.multiplier_cycles += record->rtl_cycles * record->multipliers;
        sum.predicted += record->predicted_cycles;
        sum.roofline += record->roofline_cycles;
        sum.rtl_seconds += record->rtl_seconds;
    }
    return sum;
}

static void percent_or_dash(FILE *out, bool known, double value, int decimals)
{
    if (known) {
        (void)fprintf(out, " %.*f |", decimals, value);
    } else {
        (void)fputs(" - |", out);
    }
}

static void cell(FILE *out, const char *name, const char *rest)
{
    (void)fputc(' ', out);
    bt_markdown_text(out, name);
    (void)fprintf(out, "%s |", rest);
}

/* The first columns of most tables. */
static void names(FILE *out, const struct bt_record *record, const char *kind)
{
    (void)fputc('|', out);
    cell(out, record->network, kind);
    cell(out, record->variant, "");
    cell(out, record->config, "");
}

static void networks(const struct bt_report *report, FILE *out)
{
    bool any = false;
    for (uint32_t i = 0; i < report->record_count; i++) {
        any = any || counts(&report->records[i]);
    }
    if (!any) {
        return;
    }
    (void)fputs("\n## Networks\n\nLayers on uniform data without random stalls; each distinct layer once.\n\n"
                "| network | variant | config | layers | MACs | rtl cycles | predicted | error % | roofline error % | "
                "utilisation % | GMAC/s simulated |\n|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
                out);
    for (uint32_t i = 0; i < report->record_count; i++) {
        const struct bt_record *record = &report->records[i];
        if (!counts(record) || !first_of_row(report, i)) {
            continue;
        }
        const struct network_sum sum = sum_of(report, i);
        char kind[BT_KIND_BYTES];
        bt_record_kind(record, ", ", kind, sizeof(kind));
        names(out, record, kind);
        (void)fprintf(out, " %u | %" PRIu64 " | %" PRIu64 " | %" PRIu64 " |", sum.layers, sum.macs, sum.cycles,
                      sum.predicted);
        percent_or_dash(out, true, bt_error_percent(sum.predicted, sum.cycles), 4);
        percent_or_dash(out, sum.roofline != 0, bt_error_percent(sum.roofline, sum.cycles), 2);
        percent_or_dash(out, sum.multiplier_cycles != 0, 100.0 * (double)sum.macs / (double)sum.multiplier_cycles, 1);
        percent_or_dash(out, sum.rtl_seconds > 0.0, (double)sum.macs / sum.rtl_seconds * 1e-9, 3);
        (void)fputc('\n', out);
    }
}

static void cycle_errors(const struct bt_report *report, FILE *out)
{
    (void)fputs("\n## Cycle error\n\n"
                "| variant | config | layers | at 0 | max % | mean % | allowed max / mean % | roofline max % | "
                "roofline mean % | gate |\n|---|---|--:|--:|--:|--:|--:|--:|--:|---|\n",
                out);
    for (uint32_t i = 0; i < report->gate_count; i++) {
        const struct bt_gate *gate = &report->gates[i];
        (void)fputc('|', out);
        cell(out, gate->variant, "");
        cell(out, gate->config, "");
        (void)fprintf(out, " %u | %u | %.4f | %.4f | %.4f / %.4f | %.2f | %.2f | %s |\n", gate->layers, gate->at_zero,
                      gate->max_percent, gate->mean_percent, gate->limit_max, gate->limit_mean, gate->roofline_max,
                      gate->roofline_mean, bt_verdict_name(gate->verdict));
    }
}

/* What the layers of one network took as firmware. */
struct firmware_sum {
    uint32_t layers;
    uint64_t sw_instructions, sw_cycles, instructions, cycles, cpu, wait, accel, overlap, bytes;
    double seconds;
};

static bool same_firmware(const struct bt_record *a, const struct bt_record *b)
{
    return same_row(a, b) && a->whole == b->whole;
}

static bool has_firmware(const struct bt_record *record)
{
    return record->stall_percent == 0 && strcmp(record->pattern, "uniform") == 0 &&
           (strchr(record->layer, '/') == NULL || record->whole) &&
           (record->engine[BT_ENGINE_ISS_SW].soc.instructions != 0 ||
            record->engine[BT_ENGINE_ISS_ACCEL].soc.instructions != 0);
}

static void add_firmware(struct firmware_sum *sum, const struct bt_record *record)
{
    const struct bt_soc_result *sw = &record->engine[BT_ENGINE_ISS_SW].soc;
    const struct bt_soc_result *accel = &record->engine[BT_ENGINE_ISS_ACCEL].soc;
    sum->layers++;
    sum->sw_instructions += sw->instructions;
    sum->sw_cycles += sw->soc_cycles;
    sum->instructions += accel->instructions;
    sum->cycles += accel->soc_cycles;
    sum->cpu += accel->cpu_cycles;
    sum->accel += accel->accel_cycles;
    sum->overlap += accel->overlap_cycles;
    sum->bytes += accel->accel_bytes;
    sum->wait += accel->wait_cycles;
    sum->seconds += sw->host_seconds;
}

/* Where the first is 0 the engine did not run. */
static void counts_or_dashes(FILE *out, const uint64_t *values, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (values[0] != 0) {
            (void)fprintf(out, " %" PRIu64 " |", values[i]);
        } else {
            (void)fputs(" - |", out);
        }
    }
}

static void firmware(const struct bt_report *report, FILE *out)
{
    bool any = false;
    for (uint32_t i = 0; i < report->record_count; i++) {
        const struct bt_record *record = &report->records[i];
        bool first = has_firmware(record);
        for (uint32_t j = 0; first && j < i; j++) {
            first = !has_firmware(&report->records[j]) || !same_firmware(&report->records[j], record);
        }
        if (!first) {
            continue;
        }
        struct firmware_sum sum = {0};
        for (uint32_t j = i; j < report->record_count; j++) {
            if (has_firmware(&report->records[j]) && same_firmware(&report->records[j], record)) {
                add_firmware(&sum, &report->records[j]);
            }
        }
        if (!any) {
            (void)fputs(
                "\n## Firmware on the ISS\n\nSums over layers, weights packed by the CPU included; times in cycles of "
                "the "
                "accelerator clock. A whole network is its first picture. The CPU alone runs once per layer, whatever "
                "configurations there are.\n\n"
                "| network | variant | config | layers | CPU alone: instructions | time | with accelerator: "
                "instructions | time | CPU | waiting | accelerator | overlap | accelerator bytes | ISS speed, MIPS |\n"
                "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
                out);
            any = true;
        }
        names(out, record, record->whole ? ", whole" : "");
        (void)fprintf(out, " %u |", sum.layers);
        const uint64_t alone[] = {sum.sw_instructions, sum.sw_cycles};
        const uint64_t with[] = {sum.instructions, sum.cycles, sum.cpu, sum.wait, sum.accel, sum.overlap, sum.bytes};
        counts_or_dashes(out, alone, 2);
        counts_or_dashes(out, with, 7);
        percent_or_dash(out, sum.seconds > 0.0 && sum.sw_instructions != 0,
                        (double)sum.sw_instructions / sum.seconds * 1e-6, 0);
        (void)fputc('\n', out);
    }
}

static void percent_of(FILE *out, bool known, const struct bt_accuracy *accuracy, double percent, uint32_t right)
{
    double low = 0;
    double high = 0;
    bt_wilson(right, accuracy->labelled, &low, &high);
    if (!known) {
        (void)fputs(" - |", out);
    } else if (accuracy->detects) {
        (void)fprintf(out, " %.2f |", percent);
    } else {
        (void)fprintf(out, " %.2f (%.2f to %.2f) |", percent, low, high);
    }
}

static void accuracies(const struct bt_report *report, FILE *out)
{
    bool any = false;
    for (uint32_t i = 0; i < report->record_count; i++) {
        const struct bt_record *record = &report->records[i];
        const struct bt_accuracy *accuracy = &record->accuracy;
        if (!accuracy->measured) {
            continue;
        }
        if (!any) {
            (void)fputs(
                "\n## Accuracy\n\nTop-1, or mAP@0.5 of a detector, in percent, with Wilson's interval (95 %). int8 is "
                "the reference; model, rtl, iss:sw and iss:accel gave the same bits in every tensor that they compute "
                "on as many pictures as their columns say.\n\n"
                "| network | variant | config | pictures | float | int8 | drop | allowed | same class as float | "
                "model | rtl | iss:sw | iss:accel | verdict "
                "|\n|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n",
                out);
            any = true;
        }
        const bool known = accuracy->labelled != 0;
        const bool both = known && accuracy->has_float;
        names(out, record, "");
        (void)fprintf(out, " %" PRIu32 " |", accuracy->images);
        percent_of(out, both, accuracy, bt_accuracy_float(accuracy), accuracy->float_top1);
        percent_of(out, known, accuracy, bt_accuracy_int8(accuracy), accuracy->int8_top1);
        percent_or_dash(out, both, accuracy->drop, 2);
        percent_or_dash(out, accuracy->max_drop >= 0, accuracy->max_drop, 2);
        if (accuracy->has_float && !accuracy->detects) {
            (void)fprintf(out, " %" PRIu32 " |", accuracy->agree_top1);
        } else {
            (void)fputs(" - |", out);
        }
        (void)fprintf(out, " %" PRIu32 " | %" PRIu32 " | %" PRIu32 " | %" PRIu32 " | %s |\n",
                      accuracy->compared[BT_ENGINE_MODEL], accuracy->compared[BT_ENGINE_RTL],
                      accuracy->compared[BT_ENGINE_ISS_SW], accuracy->compared[BT_ENGINE_ISS_ACCEL],
                      bt_verdict_name(record->verdict));
    }
}

static void failures(const struct bt_report *report, FILE *out)
{
    bool any = false;
    for (uint32_t i = 0; i < report->record_count; i++) {
        const struct bt_record *record = &report->records[i];
        if (record->verdict != BT_FAIL && record->verdict != BT_XFAIL) {
            continue;
        }
        if (!any) {
            (void)fputs("\n## Failures and known errors\n\n", out);
            any = true;
        }
        (void)fprintf(out, "- %s ", bt_verdict_name(record->verdict));
        bt_markdown_code(out, record->network);
        (void)fputc(' ', out);
        bt_markdown_code(out, record->layer);
        (void)fputs(" on ", out);
        bt_markdown_text(out, record->variant);
        (void)fputc(' ', out);
        bt_markdown_text(out, record->config);
        (void)fputs(": ", out);
        bt_markdown_text(out, record->reason);
        (void)fputs("\n  ", out);
        bt_markdown_code(out, report->replays[i]);
        (void)fputc('\n', out);
    }
}

void bt_report_summary(const struct bt_report *report, FILE *out)
{
    const struct bt_totals totals = bt_report_totals(report);
    uint64_t macs = 0;
    double seconds = 0.0;
    for (uint32_t i = 0; i < report->record_count; i++) {
        if (report->records[i].rtl_cycles != 0) {
            macs += report->records[i].macs;
            seconds += report->records[i].rtl_seconds;
        }
    }
    (void)fputs("# bittrue: ", out);
    bt_markdown_text(out, report->run.suite);
    (void)fprintf(out, "\n\n%u passed, %u failed, %u skipped, %u known errors; seed %" PRIu64 ", %.1f s.\n",
                  totals.passed, totals.failed, totals.skipped, totals.xfailed, report->run.seed, report->run.seconds);
    if (seconds > 0.0) {
        (void)fprintf(out, "RTL simulation: %.3f GMAC in %.1f s of one core, %.3f GMAC/s.\n", (double)macs * 1e-9,
                      seconds, (double)macs / seconds * 1e-9);
    }
    if (report->gate_count != 0) {
        cycle_errors(report, out);
        networks(report, out);
    }
    firmware(report, out);
    accuracies(report, out);
    failures(report, out);
}
