#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/compare.h"
#include "harness/report.h"

struct bt_totals bt_report_totals(const struct bt_report *report)
{
    uint32_t by_verdict[BT_VERDICT_COUNT] = {0};
    for (uint32_t i = 0; i < report->record_count; i++) {
        by_verdict[report->records[i].verdict]++;
    }
    for (uint32_t i = 0; i < report->gate_count; i++) {
        by_verdict[report->gates[i].verdict]++;
    }
    return (struct bt_totals){
        .passed = by_verdict[BT_PASS],
        .failed = by_verdict[BT_FAIL],
        .skipped = by_verdict[BT_SKIP],
        .xfailed = by_verdict[BT_XFAIL],
    };
}

enum bt_verdict bt_gate_judge(struct bt_gate *gate)
{
    gate->reason[0] = '\0';
    gate->verdict = BT_PASS;
    if (gate->mean_percent > gate->limit_mean) {
        gate->verdict = BT_FAIL;
        (void)snprintf(gate->reason, sizeof(gate->reason), "mean cycle error %.4f %% over %u layers, allowed %.4f %%",
                       gate->mean_percent, gate->layers, gate->limit_mean);
    }
    if (gate->max_percent > gate->limit_max) {
        gate->verdict = BT_FAIL;
        (void)snprintf(gate->reason, sizeof(gate->reason), "largest cycle error %.4f %%, allowed %.4f %%",
                       gate->max_percent, gate->limit_max);
    }
    return gate->verdict;
}

/* The gate of a record's configuration, made on first sight. */
static struct bt_gate *gate_of(const struct bt_gate_limit *limits, uint32_t limit_count, const struct bt_record *record,
                               struct bt_gate *gates, uint32_t *count)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (strcmp(gates[i].variant, record->variant) == 0 && strcmp(gates[i].config, record->config) == 0) {
            return &gates[i];
        }
    }
    struct bt_gate *gate = &gates[(*count)++];
    (void)snprintf(gate->variant, sizeof(gate->variant), "%s", record->variant);
    (void)snprintf(gate->config, sizeof(gate->config), "%s", record->config);
    for (uint32_t i = 0; i < limit_count; i++) {
        if (strcmp(limits[i].variant, record->variant) == 0) {
            gate->limit_max = limits[i].max_percent;
            gate->limit_mean = limits[i].mean_percent;
        }
    }
    return gate;
}

enum bt_status bt_report_gates(const struct bt_gate_limit *limits, uint32_t limit_count,
                               const struct bt_record *records, uint32_t count, struct bt_gate **gates,
                               uint32_t *gate_count)
{
    struct bt_gate *made = calloc(count + (size_t)1, sizeof(*made));
    uint32_t used = 0;
    if (made == NULL) {
        return BT_ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct bt_record *record = &records[i];
        /* A known exemption has its own limit and would hide the rest behind its size. */
        if (!record->gated || record->engine[BT_ENGINE_CYCLES].verdict == BT_XFAIL) {
            continue;
        }
        struct bt_gate *gate = gate_of(limits, limit_count, record, made, &used);
        const double error = fabs(bt_error_percent(record->predicted_cycles, record->rtl_cycles));
        const double roofline = fabs(bt_error_percent(record->roofline_cycles, record->rtl_cycles));
        gate->layers++;
        gate->at_zero += record->predicted_cycles == record->rtl_cycles ? 1 : 0;
        gate->max_percent = fmax(gate->max_percent, error);
        gate->mean_percent += error;
        gate->roofline_max = fmax(gate->roofline_max, roofline);
        gate->roofline_mean += roofline;
    }
    for (uint32_t i = 0; i < used; i++) {
        made[i].mean_percent /= made[i].layers;
        made[i].roofline_mean /= made[i].layers;
        (void)bt_gate_judge(&made[i]);
    }
    *gates = made;
    *gate_count = used;
    return BT_OK;
}
