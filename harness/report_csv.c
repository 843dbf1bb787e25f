#include <inttypes.h>
#include <string.h>

#include "harness/accuracy.h"
#include "harness/compare.h"
#include "harness/report.h"

/* RFC 4180: quoted where it must be, quotes doubled. */
static void text(FILE *out, const char *value)
{
    if (strpbrk(value, ",\"\r\n") == NULL) {
        (void)fputs(value, out);
        return;
    }
    (void)fputc('"', out);
    for (; *value != '\0'; value++) {
        if (*value == '"') {
            (void)fputc('"', out);
        }
        (void)fputc(*value, out);
    }
    (void)fputc('"', out);
}

static void cycles_of(FILE *out, bool known, uint64_t value)
{
    if (known) {
        (void)fprintf(out, "%" PRIu64, value);
    }
    (void)fputc(',', out);
}

static void cycles(FILE *out, uint64_t value)
{
    cycles_of(out, value != 0, value);
}

/* Percent: top-1, or mAP@0.5. */
static void accuracy(FILE *out, const struct bt_accuracy *measured)
{
    if (!measured->measured) {
        (void)fputs(",,,,", out);
        return;
    }
    const bool known = measured->labelled != 0;
    (void)fprintf(out, "%" PRIu32 ",", measured->images);
    if (known && measured->has_float) {
        (void)fprintf(out, "%.4f", bt_accuracy_float(measured));
    }
    (void)fputc(',', out);
    if (known) {
        (void)fprintf(out, "%.4f", bt_accuracy_int8(measured));
    }
    (void)fputc(',', out);
    if (known && measured->has_float) {
        (void)fprintf(out, "%.4f", measured->drop);
    }
    (void)fputc(',', out);
}

void bt_report_csv(const struct bt_report *report, FILE *out)
{
    (void)fputs(
        "network,layer,variant,config,pattern,stall_percent,dtype,sparsity,structure,same,macs,verdict,ref,model,rtl,"
        "cycles,"
        "iss:sw,iss:accel,rtl_cycles,"
        "predicted_cycles,roofline_cycles,error_cycles,error_percent,roofline_error_percent,utilisation,"
        "rtl_seconds,sw_instructions,sw_soc_cycles,accel_instructions,accel_cpu_cycles,accel_wait_cycles,accel_cycles,"
        "accel_overlap_cycles,accel_soc_cycles,accel_bytes,accel_copied_bytes,"
        "sqnr_db,accuracy_images,accuracy_float,accuracy_int8,accuracy_drop,mapping,reason\n",
        out);
    for (uint32_t i = 0; i < report->record_count; i++) {
        const struct bt_record *record = &report->records[i];
        text(out, record->network);
        (void)fputc(',', out);
        text(out, record->layer);
        (void)fputc(',', out);
        text(out, record->variant);
        (void)fputc(',', out);
        text(out, record->config);
        (void)fputc(',', out);
        (void)fprintf(out, "%s,%u,%s,%u,%s,%u,%" PRIu64 ",%s,", record->pattern, record->stall_percent, record->dtype,
                      record->sparsity, record->structure, record->same, record->macs,
                      bt_verdict_name(record->verdict));
        for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
            (void)fprintf(out, "%s,", bt_verdict_name(record->engine[e].verdict));
        }
        cycles(out, record->rtl_cycles);
        cycles(out, record->predicted_cycles);
        cycles(out, record->roofline_cycles);
        if (record->rtl_cycles != 0 && record->predicted_cycles != 0) {
            (void)fprintf(out, "%" PRId64 ",%.6f,", (int64_t)(record->predicted_cycles - record->rtl_cycles),
                          bt_error_percent(record->predicted_cycles, record->rtl_cycles));
        } else {
            (void)fputs(",,", out);
        }
        if (record->rtl_cycles != 0 && record->roofline_cycles != 0) {
            (void)fprintf(out, "%.6f", bt_error_percent(record->roofline_cycles, record->rtl_cycles));
        }
        (void)fputc(',', out);
        if (record->rtl_cycles != 0) {
            (void)fprintf(out, "%.6f,%.6f,", record->utilisation, record->rtl_seconds);
        } else {
            (void)fputs(",,", out);
        }
        const struct bt_soc_result *sw = &record->engine[BT_ENGINE_ISS_SW].soc;
        const struct bt_soc_result *accel = &record->engine[BT_ENGINE_ISS_ACCEL].soc;
        const bool ran = accel->instructions != 0;
        cycles(out, sw->instructions);
        cycles(out, sw->soc_cycles);
        cycles(out, accel->instructions);
        cycles(out, accel->cpu_cycles);
        cycles_of(out, ran, accel->wait_cycles);
        cycles_of(out, ran, accel->accel_cycles);
        cycles_of(out, ran, accel->overlap_cycles);
        cycles(out, accel->soc_cycles);
        cycles_of(out, ran, accel->accel_bytes);
        cycles_of(out, ran, accel->copied_bytes);
        if (record->quantisation.measured) {
            (void)fprintf(out, "%.3f", record->quantisation.sqnr);
        }
        (void)fputc(',', out);
        accuracy(out, &record->accuracy);
        text(out, record->mapping);
        (void)fputc(',', out);
        text(out, record->reason);
        (void)fputc('\n', out);
    }
}
