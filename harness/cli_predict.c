#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli.h"
#include "harness/compare.h"
#include "harness/progress.h"

static double utilisation(uint64_t macs, uint64_t multipliers, uint64_t cycles)
{
    return cycles == 0 || multipliers == 0 ? 0.0 : 100.0 * (double)macs / (double)multipliers / (double)cycles;
}

static void print_header(const struct bt_record *record)
{
    char kind[BT_KIND_BYTES];
    bt_record_kind(record, ", ", kind, sizeof(kind));
    (void)printf("\n%s %s %s%s\n%-32s %12s %11s %11s %8s %6s", record->variant, record->config, record->network, kind,
                 "layer", "MACs", "cycles", "roofline", "roof %", "util %");
    for (uint32_t i = 1; i < record->predicted.count; i++) {
        (void)printf(" %11s", record->predicted.item[i].name);
    }
    (void)printf("%s\n", record->mapping[0] != '\0' ? "  mapping" : "");
}

static void print_layer(const struct bt_record *record)
{
    (void)printf("%-32s %12" PRIu64, record->layer, record->macs);
    if (record->predicted_cycles == 0) {
        (void)printf("  %s %s\n", bt_verdict_name(record->verdict), record->reason);
        return;
    }
    (void)printf(" %11" PRIu64 " %11" PRIu64 " %8.2f %6.1f", record->predicted_cycles, record->roofline_cycles,
                 bt_error_percent(record->roofline_cycles, record->predicted_cycles),
                 utilisation(record->macs, record->multipliers, record->predicted_cycles));
    for (uint32_t i = 1; i < record->predicted.count; i++) {
        (void)printf(" %11" PRIu64, record->predicted.item[i].value);
    }
    (void)printf("%s%s\n", record->mapping[0] != '\0' ? "  " : "", record->mapping);
}

static bool same_table(const struct bt_record *a, const struct bt_record *b)
{
    return strcmp(a->variant, b->variant) == 0 && strcmp(a->config, b->config) == 0 &&
           strcmp(a->network, b->network) == 0 && bt_record_same_kind(a, b);
}

/* The records of one table follow each other only within a network; the order is made here. */
static int by_table(const void *left, const void *right)
{
    const struct bt_record *a = *(const struct bt_record *const *)left;
    const struct bt_record *b = *(const struct bt_record *const *)right;
    int order = strcmp(a->variant, b->variant);
    order = order != 0 ? order : strcmp(a->config, b->config);
    order = order != 0 ? order : strcmp(a->network, b->network);
    order = order != 0 ? order : strcmp(a->dtype, b->dtype);
    return order != 0 ? order : (a > b) - (a < b);
}

/* A suite may want a layer with several kinds of data and of stalls, of which the prediction knows nothing: once will do. */
static bool told_before(const struct bt_record **table, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(table[i]->layer, table[index]->layer) == 0) {
            return true;
        }
    }
    return false;
}

static void print_tables(const struct bt_record **sorted, uint32_t count)
{
    for (uint32_t begin = 0, end; begin < count; begin = end) {
        uint64_t macs = 0;
        uint64_t cycles = 0;
        uint64_t roofline = 0;
        for (end = begin; end < count && same_table(sorted[begin], sorted[end]); end++) {
            if (end == begin) {
                print_header(sorted[begin]);
            }
            if (told_before(&sorted[begin], end - begin)) {
                continue;
            }
            print_layer(sorted[end]);
            if (sorted[end]->predicted_cycles != 0) {
                macs += sorted[end]->macs;
                cycles += sorted[end]->predicted_cycles;
                roofline += sorted[end]->roofline_cycles;
            }
        }
        (void)printf("%-32s %12" PRIu64 " %11" PRIu64 " %11" PRIu64 " %8.2f %6.1f\n", "total", macs, cycles, roofline,
                     bt_error_percent(roofline, cycles), utilisation(macs, sorted[begin]->multipliers, cycles));
    }
}

static int predict_all(const struct bt_plan *plan, struct bt_error *err)
{
    int status = BT_EXIT_ERROR;
    size_t plan_bytes = 16;
    for (uint32_t i = 0; i < plan->count; i++) {
        const size_t bytes = plan->jobs[i].variant->driver->plan_bytes;
        plan_bytes = bytes > plan_bytes ? bytes : plan_bytes;
    }
    struct bt_record *records = calloc(plan->records, sizeof(*records));
    const struct bt_record **sorted = calloc(plan->records, sizeof(struct bt_record *));
    void *scratch = aligned_alloc(16, (plan_bytes + 15) / 16 * 16);
    if (records == NULL || sorted == NULL || scratch == NULL) {
        (void)bt_fail(err, BT_ENOMEM, "out of memory");
        goto cleanup;
    }
    for (uint32_t i = 0; i < plan->records; i++) {
        bt_record_init(&records[i]); /* the first touch of the memory is not the prediction's time */
    }
    uint32_t count = 0;
    uint32_t predicted = 0;
    bool failed = false;
    const double begin = bt_now_seconds();
    for (uint32_t i = 0; i < plan->count; i++) {
        if (plan->jobs[i].network != NULL) {
            continue; /* its layers are predicted as it is planned, with its tensors where they are */
        }
        struct bt_job job = plan->jobs[i];
        job.count = 1;
        job.engines = 1u << BT_ENGINE_CYCLES;
        for (uint32_t l = 0; l < plan->jobs[i].count; l++) {
            job.layers = &plan->jobs[i].layers[l];
            bt_engine_predict(&job, scratch, &records[count]);
            sorted[count] = &records[count];
            failed = failed || records[count].verdict == BT_FAIL;
            predicted += records[count].predicted_cycles != 0 ? 1 : 0;
            count++;
        }
    }
    const double seconds = bt_now_seconds() - begin;
    qsort(sorted, count, sizeof(struct bt_record *), by_table);
    print_tables(sorted, count);
    (void)printf("\n%u layers predicted in %.3f ms\n", predicted, seconds * 1e3);
    if (predicted == 0) {
        (void)printf("FAIL: nothing could be predicted\n");
    }
    status = failed || predicted == 0 ? BT_EXIT_FAIL : BT_EXIT_PASS;

cleanup:
    free(scratch);
    free(sorted);
    free(records);
    return status;
}

int bt_cli_predict(const struct bt_cli *cli)
{
    struct bt_error err = {""};
    struct bt_plan plan;
    if (bt_cli_plan(cli, &plan, &err) != BT_OK) {
        bt_cli_complain(&err);
        return BT_EXIT_ERROR;
    }
    const int status = predict_all(&plan, &err);
    if (err.text[0] != '\0') {
        bt_cli_complain(&err);
    }
    bt_plan_free(&plan);
    return bt_cli_finish(status);
}
