#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness/report.h"

/* XML 1.0: markup is escaped, control characters and bytes that are not ASCII (names are) become '?'. */
static void escaped(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            (void)fputs("&amp;", out);
            break;
        case '<':
            (void)fputs("&lt;", out);
            break;
        case '>':
            (void)fputs("&gt;", out);
            break;
        case '"':
            (void)fputs("&quot;", out);
            break;
        default:
            (void)fputc((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e ? '?' : *text, out);
            break;
        }
    }
}

static void begin_suite(FILE *out, const char *name, const uint32_t by_verdict[BT_VERDICT_COUNT], double seconds)
{
    const uint32_t skipped = by_verdict[BT_SKIP] + by_verdict[BT_XFAIL];
    (void)fputs("  <testsuite name=\"", out);
    escaped(out, name);
    (void)fprintf(out, "\" tests=\"%u\" failures=\"%u\" errors=\"0\" skipped=\"%u\" time=\"%.3f\">\n",
                  skipped + by_verdict[BT_PASS] + by_verdict[BT_FAIL], by_verdict[BT_FAIL], skipped, seconds);
}

static void testcase(FILE *out, const char *class_name, const char *name, double seconds)
{
    (void)fputs("    <testcase classname=\"", out);
    escaped(out, class_name);
    (void)fputs("\" name=\"", out);
    escaped(out, name);
    (void)fprintf(out, "\" time=\"%.3f\">\n", seconds);
}

/* Jenkins shows the message, GitLab the text: both say it all. */
static void said(FILE *out, const char *element, const char *before, const char *reason, const char *replay)
{
    (void)fprintf(out, "      <%s message=\"%s", element, before);
    escaped(out, reason);
    (void)fprintf(out, "\">%s", before);
    escaped(out, reason);
    if (replay != NULL) {
        (void)fputs("\nreplay: ", out);
        escaped(out, replay);
    }
    (void)fprintf(out, "</%s>\n", element);
}

static void outcome(FILE *out, enum bt_verdict verdict, const char *reason, const char *replay)
{
    if (verdict == BT_FAIL) {
        said(out, "failure", "", reason, replay);
    } else if (verdict == BT_SKIP || verdict == BT_XFAIL) {
        said(out, "skipped", verdict == BT_XFAIL ? "XFAIL: " : "", reason, NULL);
    }
    (void)fputs("    </testcase>\n", out);
}

static void record_case(const struct bt_record *record, const char *replay, FILE *out)
{
    char class_name[256];
    char name[256];
    (void)snprintf(class_name, sizeof(class_name), "%s.%s.%s", record->variant, record->config, record->network);
    char kind[BT_KIND_BYTES];
    bt_record_kind(record, ", ", kind, sizeof(kind));
    (void)snprintf(name, sizeof(name), "%s [%s, stalls %u %%%s]", record->layer, record->pattern, record->stall_percent,
                   kind);
    double seconds = 0.0;
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
        seconds += record->engine[e].seconds;
    }
    testcase(out, class_name, name, seconds);
    outcome(out, record->verdict, record->reason, replay);
}

void bt_report_junit(const struct bt_report *report, FILE *out)
{
    const struct bt_totals totals = bt_report_totals(report);
    uint32_t layers[BT_VERDICT_COUNT] = {0};
    uint32_t gates[BT_VERDICT_COUNT] = {0};
    for (uint32_t i = 0; i < report->record_count; i++) {
        layers[report->records[i].verdict]++;
    }
    for (uint32_t i = 0; i < report->gate_count; i++) {
        gates[report->gates[i].verdict]++;
    }
    (void)fprintf(out,
                  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"%u\" failures=\"%u\" errors=\"0\" "
                  "time=\"%.3f\">\n",
                  totals.passed + totals.failed + totals.skipped + totals.xfailed, totals.failed, report->run.seconds);
    begin_suite(out, report->run.suite, layers, report->run.seconds);
    for (uint32_t i = 0; i < report->record_count; i++) {
        record_case(&report->records[i], report->replays[i], out);
    }
    (void)fputs("  </testsuite>\n", out);
    if (report->gate_count != 0) {
        begin_suite(out, "cycle gates", gates, 0.0);
        for (uint32_t i = 0; i < report->gate_count; i++) {
            const struct bt_gate *gate = &report->gates[i];
            char class_name[128];
            (void)snprintf(class_name, sizeof(class_name), "%s.%s", gate->variant, gate->config);
            testcase(out, class_name, "cycle gate", 0.0); /* the same name whatever layers a suite has */
            outcome(out, gate->verdict, gate->reason, NULL);
        }
        (void)fputs("  </testsuite>\n", out);
    }
    (void)fputs("</testsuites>\n", out);
}
