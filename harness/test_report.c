/* Reports: what they say, that they stay readable by machines whatever a name holds, and the gate's own verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "harness/progress.h"
#include "harness/report.h"

struct bench {
    struct bt_variant_configs configs;
    struct bt_variant_configs *configs_list[1];
    struct bt_plan plan;
    struct bt_record records[4];
    struct bt_gate *gates;
    struct bt_report report;
};

static void record(struct bt_record *record, const char *layer, uint64_t predicted, uint64_t measured)
{
    bt_record_init(record);
    (void)snprintf(record->network, sizeof(record->network), "net");
    (void)snprintf(record->layer, sizeof(record->layer), "%s", layer);
    (void)snprintf(record->variant, sizeof(record->variant), "var");
    (void)snprintf(record->config, sizeof(record->config), "8x8");
    (void)snprintf(record->pattern, sizeof(record->pattern), "uniform");
    record->seed = 3;
    record->same = 1;
    record->macs = 64000;
    record->multipliers = 64;
    record->rtl_cycles = measured;
    record->predicted_cycles = predicted;
    record->roofline_cycles = 1000;
    record->utilisation = measured != 0 ? 64000.0 / 64.0 / (double)measured : 0.0;
    record->rtl_seconds = 0.5;
    record->gated = true;
    bt_counters_add(&record->predicted, "cycles", predicted);
    bt_counters_add(&record->predicted, "drain", 7);
    bt_counters_add(&record->measured, "cycles", measured);
    bt_counters_add(&record->measured, "beats", 9);
    bt_record_set(record, BT_ENGINE_RTL, BT_PASS, NULL);
}

/* Two layers: one without error, one off by 10 of 2000 cycles. */
static void set_up(struct bench *bench, double limit_max, double limit_mean)
{
    memset(bench, 0, sizeof(*bench));
    bench->configs = (struct bt_variant_configs){
        .variant = (char *)(uintptr_t) "var", .gate_max_percent = limit_max, .gate_mean_percent = limit_mean};
    bench->configs_list[0] = &bench->configs;
    bench->plan =
        (struct bt_plan){.name = "suite", .seed = 3, .configs_count = 1, .configs = bench->configs_list, .records = 2};
    record(&bench->records[0], "a", 1500, 1500);
    record(&bench->records[1], "b", 2010, 2000);
    bench->report = (struct bt_report){
        .plan = &bench->plan, .records = bench->records, .record_count = 2, .program = "bt", .seconds = 1.5};
}

static void make_gates(struct bench *bench)
{
    assert_int_equal(bt_report_gates(&bench->plan, bench->records, bench->report.record_count, &bench->gates,
                                     &bench->report.gate_count),
                     BT_OK);
    bench->report.gates = bench->gates;
}

static void test_gates(void **state)
{
    (void)state;
    static const struct {
        double limit_max, limit_mean;
        enum bt_verdict verdict;
    } cases[] = {
        {0.5, 0.25, BT_PASS}, /* exactly what there is */
        {0.49, 0.25, BT_FAIL},
        {0.5, 0.24, BT_FAIL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench bench;
        set_up(&bench, cases[i].limit_max, cases[i].limit_mean);
        make_gates(&bench);
        assert_int_equal(bench.report.gate_count, 1);
        assert_int_equal(bench.gates[0].layers, 2);
        assert_int_equal(bench.gates[0].at_zero, 1);
        assert_int_equal(bench.gates[0].verdict, cases[i].verdict);
        assert_int_equal(bench.gates[0].reason[0] == '\0', cases[i].verdict == BT_PASS);
        const struct bt_totals totals = bt_report_totals(&bench.report);
        assert_int_equal(totals.passed, cases[i].verdict == BT_PASS ? 3 : 2);
        assert_int_equal(totals.failed, cases[i].verdict == BT_PASS ? 0 : 1);
        free(bench.gates);
    }
}

/* Layers under random stalls and known errors do not enter the gate; a run without measurements has none. */
static void test_gate_members(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 0.0, 0.0);
    bench.records[1].gated = false;
    make_gates(&bench);
    assert_int_equal(bench.gates[0].layers, 1);
    assert_int_equal(bench.gates[0].verdict, BT_PASS);
    free(bench.gates);
    set_up(&bench, 0.0, 0.0);
    bench.records[1].engine[BT_ENGINE_CYCLES].verdict = BT_XFAIL;
    make_gates(&bench);
    assert_int_equal(bench.gates[0].layers, 1);
    free(bench.gates);
    set_up(&bench, 0.0, 0.0);
    bench.records[0].gated = bench.records[1].gated = false;
    make_gates(&bench);
    assert_int_equal(bench.report.gate_count, 0);
    free(bench.gates);
}

static char *text_of(const struct bt_report *report, void (*write)(const struct bt_report *report, FILE *out))
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    write(report, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void write_json(const struct bt_report *report, FILE *out)
{
    assert_true(bt_report_json(report, out));
}

static void contains(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        fail_msg("lacks \"%s\":\n%s", words, text);
    }
}

/* A name with everything that JSON, CSV and XML take for their own, and a byte that is not text. */
#define NASTY "<a,\"b\"&'c'>\x01\xff\\"

static void make_nasty(struct bench *bench)
{
    set_up(bench, 1.0, 1.0);
    (void)snprintf(bench->records[1].layer, sizeof(bench->records[1].layer), "%s", NASTY);
    bt_record_set(&bench->records[1], BT_ENGINE_MODEL, BT_FAIL, NASTY);
    make_gates(bench);
}

static void test_json(void **state)
{
    (void)state;
    struct bench bench;
    json_error_t error;
    set_up(&bench, 1.0, 1.0);
    bench.records[1].mismatch =
        (struct bt_mismatch){.differing = 4, .total = 9, .y = 1, .x = 2, .c = 3, .expected = -5, .got = 6};
    make_gates(&bench);
    char *text = text_of(&bench.report, write_json);
    json_t *json = json_loads(text, 0, &error);
    assert_non_null(json);
    const json_t *second = json_array_get(json_object_get(json, "results"), 1);
    assert_int_equal(json_integer_value(json_object_get(second, "error_cycles")), 10);
    assert_true(json_real_value(json_object_get(second, "error_percent")) == 0.5);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(second, "mismatch"), "expected")), -5);
    const json_t *terms = json_object_get(second, "terms");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(terms, "drain"), "predicted")), 7);
    assert_null(json_object_get(json_object_get(terms, "drain"), "measured"));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(terms, "beats"), "measured")), 9);
    const json_t *gate = json_array_get(json_object_get(json, "gates"), 0);
    assert_int_equal(json_integer_value(json_object_get(gate, "layers_at_zero")), 1);
    json_decref(json);
    free(text);
    free(bench.gates);

    make_nasty(&bench);
    text = text_of(&bench.report, write_json);
    json = json_loads(text, 0, &error);
    assert_non_null(json);
    contains(text, "\"<a,\\\"b\\\"&'c'>");
    json_decref(json);
    free(text);
    free(bench.gates);
}

static void test_csv(void **state)
{
    (void)state;
    struct bench bench;
    make_nasty(&bench);
    char *text = text_of(&bench.report, bt_report_csv);
    contains(
        text,
        "\nnet,a,var,8x8,uniform,0,1,64000,PASS,SKIP,SKIP,PASS,SKIP,SKIP,SKIP,1500,1500,1000,0,0.000000,-33.333333,");
    contains(text, "\nnet,\"<a,\"\"b\"\"&'c'>");
    free(text);
    free(bench.gates);
}

static void test_junit(void **state)
{
    (void)state;
    struct bench bench;
    make_nasty(&bench);
    char *text = text_of(&bench.report, bt_report_junit);
    contains(text, "<testsuite name=\"suite\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\"");
    contains(text, "name=\"&lt;a,&quot;b&quot;&amp;'c'&gt;??\\ [uniform, stalls 0 %]\"");
    contains(text, "<failure message=\"model: &lt;a,");
    contains(text, "<testsuite name=\"cycle gates\" tests=\"1\" failures=\"0\"");
    free(text);
    free(bench.gates);
}

static void test_summary(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 1.0, 1.0);
    make_gates(&bench);
    char *text = text_of(&bench.report, bt_report_summary);
    contains(text, "3 passed, 0 failed, 0 skipped, 0 known errors; seed 3");
    contains(text, "| var | 8x8 | 2 | 1 | 0.5000 | 0.2500 | 1.0000 / 1.0000 | 50.00 | 41.67 | PASS |");
    contains(text, "| net | var | 8x8 | 2 | 128000 | 3500 | 3510 | 0.2857 | -42.86 | 57.1 | 0.000 |");
    free(text);
    free(bench.gates);
}

static void test_table_and_failures(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 0.1, 0.1);
    bt_record_set(&bench.records[1], BT_ENGINE_RTL, BT_FAIL, "bits");
    bench.records[1].mismatch = (struct bt_mismatch){
        .differing = 4, .total = 9, .y = 1, .x = 2, .c = 3, .expected = -5, .got = 6, .where = "tile 5"};
    bench.records[1].mismatch_engine = BT_ENGINE_RTL;
    record(&bench.records[2], "c", 0, 0);
    bt_record_init(&bench.records[3]);
    bt_record_set(&bench.records[3], BT_ENGINE_RTL, BT_SKIP, "no room");
    bench.report.record_count = 4;
    make_gates(&bench);
    char *text = text_of(&bench.report, bt_report_table);
    contains(text, "PASS  net     a     8x8           64000        1500        1500        +0   -33.3   66.7");
    contains(text, "PASS  net     c     8x8           64000           -           -         -       -      -");
    free(text);
    text = text_of(&bench.report, bt_report_failures);
    contains(text, "FAIL net b on var 8x8\n  rtl: bits\n  replay: bt replay --network 'net' --layer 'b' "
                   "--variant var --config 8x8 --pattern uniform --stalls 0 --seed 3\n");
    contains(text, "SKIP 1 layer, first");
    contains(text, "FAIL cycle gate of var 8x8\n  largest cycle error 0.5000 %, allowed 0.1000 %\n");
    free(text);
    free(bench.gates);
}

static void test_progress(void **state)
{
    (void)state;
    assert_true(bt_progress_left(100, 0, 5.0) < 0.0);
    assert_true(bt_progress_left(100, 25, 5.0) == 15.0);
    assert_true(bt_progress_left(100, 100, 5.0) == 0.0);
    char *text = NULL;
    size_t length = 0;
    FILE *out = tmpfile();
    assert_non_null(out);
    struct bt_progress progress;
    bt_progress_begin(&progress, out, 8, 100);
    bt_progress_tick(&progress, 2, 3); /* too early for a plain line */
    assert_int_equal(ftell(out), 0);
    progress.last -= 60.0;
    progress.begin -= 60.0;
    progress.work_done = 25;
    bt_progress_tick(&progress, 2, 3);
    rewind(out);
    assert_true(getline(&text, &length, out) > 0);
    assert_string_equal(text, "3 of 8 jobs, 2 running, 0 failed, 60 s, about 180 s left\n");
    free(text);
    assert_int_equal(fclose(out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gates),
        cmocka_unit_test(test_gate_members),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_junit),
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_table_and_failures),
        cmocka_unit_test(test_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
