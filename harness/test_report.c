/* Reports: what they say, that they stay readable by machines whatever a name holds, and the gate's own verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/model.h"
#include "harness/progress.h"
#include "harness/report.h"
#include "harness/suite.h"

struct bench {
    struct bt_gate_limit limit;
    char *replays[4];
    struct bt_record records[4];
    struct bt_gate *gates;
    struct bt_report report;
};

static void record(struct bt_record *record, const char *layer, uint64_t predicted, uint64_t measured)
{
    bt_record_init(record);
    (void)snprintf(record->network, sizeof(record->network), "net");
    (void)snprintf(record->layer, sizeof(record->layer), "%s", layer);
    record->whole = strncmp(layer, BT_CHAINED "/", strlen(BT_CHAINED "/")) == 0;
    (void)snprintf(record->variant, sizeof(record->variant), "var");
    (void)snprintf(record->config, sizeof(record->config), "8x8");
    (void)snprintf(record->pattern, sizeof(record->pattern), "uniform");
    (void)snprintf(record->dtype, sizeof(record->dtype), "int8");
    (void)snprintf(record->structure, sizeof(record->structure), "random");
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
    static const uint32_t jobs[] = {0, 1, 2, 3};
    static const char *const replays[] = {"bt replay 0", "bt replay 1", "bt replay 2", "bt replay 3"};
    memset(bench, 0, sizeof(*bench));
    bench->limit = (struct bt_gate_limit){.variant = "var", .max_percent = limit_max, .mean_percent = limit_mean};
    for (size_t i = 0; i < sizeof(bench->replays) / sizeof(bench->replays[0]); i++) {
        bench->replays[i] = (char *)(uintptr_t)replays[i];
    }
    record(&bench->records[0], "a", 1500, 1500);
    record(&bench->records[1], "b", 2010, 2000);
    bench->report = (struct bt_report){
        .run = {.suite = "suite", .seed = 3, .seconds = 1.5, .shards = 1, .jobs = 2, .command = "bt run"},
        .records = bench->records,
        .record_count = 2,
        .replays = bench->replays,
        .jobs = jobs,
    };
}

static void make_gates(struct bench *bench)
{
    assert_int_equal(bt_report_gates(&bench->limit, 1, bench->records, bench->report.record_count, &bench->gates,
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
    contains(text,
             "\nnet,a,var,8x8,uniform,0,int8,0,random,1,64000,PASS,SKIP,SKIP,PASS,SKIP,SKIP,SKIP,1500,1500,1000,0,0."
             "000000,-33.333333,");
    contains(text, "\nnet,\"<a,\"\"b\"\"&'c'>");
    free(text);
    free(bench.gates);
}

/* ---- firmware on the ISS: every number has a value of its own ---- */

enum { SOC_WORDS = offsetof(struct bt_soc_result, host_seconds) / sizeof(uint64_t) };

/* Members in the order of the structure: base, base + 1, ... */
static void fill_soc(struct bt_soc_result *soc, uint64_t base, double host_seconds)
{
    uint64_t words[SOC_WORDS] = {0};
    for (uint64_t i = 0; i < SOC_WORDS; i++) {
        words[i] = base + i;
    }
    memset(soc, 0, sizeof(*soc));
    memcpy(soc, words, sizeof(words));
    soc->host_seconds = host_seconds;
}

/* Four verdicts for six engines: any two engines differ in one of the two rounds. */
static enum bt_verdict verdict_of(unsigned engine, unsigned round)
{
    return (enum bt_verdict)((round == 0 ? engine : engine / 2) % BT_VERDICT_COUNT);
}

static void set_up_firmware(struct bench *bench, unsigned round)
{
    set_up(bench, 1.0, 1.0);
    struct bt_record *record = &bench->records[1];
    for (unsigned e = 0; e < BT_ENGINE_COUNT; e++) {
        record->engine[e].verdict = verdict_of(e, round);
        record->engine[e].ran = (e + round) % 2 == 0;
        record->engine[e].seconds = 0.25 * (e + 1);
        record->engine[e].hash = 0x100 + e;
    }
    fill_soc(&record->engine[BT_ENGINE_ISS_SW].soc, 1000, 0.25);
    fill_soc(&record->engine[BT_ENGINE_ISS_ACCEL].soc, 2000, 0.75);
    record->stall_percent = 30;
    record->same = 4;
    record->verdict = BT_FAIL;
    (void)snprintf(record->reason, sizeof(record->reason), "why, \"so\"");
    (void)snprintf(record->note, sizeof(record->note), "two pictures");
    (void)snprintf(record->mapping, sizeof(record->mapping), "two tiles, of rows");
}

/* The next cell of a CSV line, unquoted. @return where the one behind it begins; NULL behind the last one. */
static const char *next_cell(const char *at, char *cell, size_t cell_bytes)
{
    const bool quoted = *at == '"';
    size_t length = 0;
    at += quoted ? 1 : 0;
    while (*at != '\0' && (quoted || (*at != ',' && *at != '\n'))) {
        if (quoted && *at == '"' && *++at != '"') {
            break;
        }
        assert_true(length + 1 < cell_bytes);
        cell[length++] = *at++;
    }
    cell[length] = '\0';
    assert_true(*at == ',' || *at == '\n');
    return *at == ',' ? at + 1 : NULL;
}

/* The cell of line `line` (1: the first record) under a header; no cell before it holds a line feed. */
static void find_cell(const char *text, unsigned line, const char *name, char *cell, size_t cell_bytes)
{
    const char *header = text;
    const char *row = text;
    for (unsigned i = 0; i < line; i++) {
        row = strchr(row, '\n');
        assert_non_null(row);
        row++;
    }
    while (header != NULL) {
        assert_non_null(row);
        header = next_cell(header, cell, cell_bytes);
        const bool found = strcmp(cell, name) == 0;
        row = next_cell(row, cell, cell_bytes);
        if (found) {
            return;
        }
    }
    fail_msg("no column %s:\n%s", name, text);
}

static unsigned count_cells(const char *line)
{
    char cell[512];
    unsigned count = 0;
    while (line != NULL) {
        line = next_cell(line, cell, sizeof(cell));
        count++;
    }
    return count;
}

struct cell {
    const char *name, *value;
};

static void check_cells(const char *text, unsigned line, const struct cell *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char cell[512];
        find_cell(text, line, cells[i].name, cell, sizeof(cell));
        if (strcmp(cell, cells[i].value) != 0) {
            fail_msg("%s: %s, expected %s", cells[i].name, cell, cells[i].value);
        }
    }
}

static void test_csv_columns(void **state)
{
    (void)state;
    static const struct cell cells[] = {
        {"network", "net"},
        {"layer", "b"},
        {"variant", "var"},
        {"config", "8x8"},
        {"pattern", "uniform"},
        {"stall_percent", "30"},
        {"dtype", "int8"},
        {"sparsity", "0"},
        {"structure", "random"},
        {"same", "4"},
        {"macs", "64000"},
        {"verdict", "FAIL"},
        {"rtl_cycles", "2000"},
        {"predicted_cycles", "2010"},
        {"roofline_cycles", "1000"},
        {"error_cycles", "10"},
        {"error_percent", "0.500000"},
        {"roofline_error_percent", "-50.000000"},
        {"utilisation", "0.500000"},
        {"rtl_seconds", "0.500000"},
        {"sw_instructions", "1001"},
        {"sw_soc_cycles", "1000"},
        {"accel_instructions", "2001"},
        {"accel_cpu_cycles", "2002"},
        {"accel_wait_cycles", "2003"},
        {"accel_cycles", "2004"},
        {"accel_overlap_cycles", "2005"},
        {"accel_soc_cycles", "2000"},
        {"accel_bytes", "2006"},
        {"accel_copied_bytes", "2007"},
        {"sqnr_db", "31.250"},
        {"accuracy_images", "200"},
        {"accuracy_float", "97.5000"},
        {"accuracy_int8", "96.0000"},
        {"accuracy_drop", "1.5000"},
        {"mapping", "two tiles, of rows"},
        {"reason", "why, \"so\""},
    };
    /* What did not run is empty, and 0 is a number where the engine ran. */
    static const struct cell none[] = {
        {"sw_instructions", ""},      {"sw_soc_cycles", ""},     {"accel_instructions", ""},
        {"accel_cpu_cycles", ""},     {"accel_wait_cycles", ""}, {"accel_cycles", ""},
        {"accel_overlap_cycles", ""}, {"accel_soc_cycles", ""},  {"accel_bytes", ""},
        {"accel_copied_bytes", ""},   {"sqnr_db", ""},           {"accuracy_images", ""},
        {"accuracy_float", ""},       {"accuracy_int8", ""},     {"accuracy_drop", ""},
    };
    static const struct cell zeros[] = {
        {"accel_instructions", "5"},   {"accel_wait_cycles", "0"}, {"accel_cycles", "0"},
        {"accel_overlap_cycles", "0"}, {"accel_bytes", "0"},       {"accel_copied_bytes", "0"},
    };
    for (unsigned round = 0; round < 2; round++) {
        struct bench bench;
        set_up_firmware(&bench, round);
        record(&bench.records[2], "c", 0, 0);
        bench.records[2].engine[BT_ENGINE_ISS_ACCEL].soc.instructions = 5;
        bench.records[1].quantisation = (struct bt_layer_quantisation){.measured = true, .sqnr = 31.25};
        bench.records[1].accuracy = (struct bt_accuracy){.measured = true,
                                                         .has_float = true,
                                                         .images = 200,
                                                         .labelled = 200,
                                                         .float_top1 = 195,
                                                         .int8_top1 = 192,
                                                         .drop = 1.5};
        bench.report.record_count = 3;
        char *text = text_of(&bench.report, bt_report_csv);
        check_cells(text, 1, none, sizeof(none) / sizeof(none[0]));
        check_cells(text, 2, cells, sizeof(cells) / sizeof(cells[0]));
        check_cells(text, 3, zeros, sizeof(zeros) / sizeof(zeros[0]));
        for (unsigned e = 0; e < BT_ENGINE_COUNT; e++) {
            const struct cell verdict = {bt_engine_name((enum bt_engine)e), bt_verdict_name(verdict_of(e, round))};
            check_cells(text, 2, &verdict, 1);
        }
        assert_int_equal(count_cells(text), sizeof(cells) / sizeof(cells[0]) + BT_ENGINE_COUNT);
        assert_int_equal(count_cells(strchr(text, '\n') + 1), count_cells(text));
        free(text);
    }
}

static void check_json_soc(const json_t *soc, uint64_t base, double host_seconds)
{
    static const struct {
        const char *name;
        size_t offset;
    } members[] = {
#define MEMBER(name) {#name, offsetof(struct bt_soc_result, name)}
        MEMBER(soc_cycles),   MEMBER(instructions),   MEMBER(cpu_cycles),  MEMBER(wait_cycles),
        MEMBER(accel_cycles), MEMBER(overlap_cycles), MEMBER(accel_bytes), MEMBER(copied_bytes),
        MEMBER(whole_cycles), MEMBER(next_cycles),    MEMBER(interrupts),
#undef MEMBER
    };
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const json_t *value = json_object_get(soc, members[i].name);
        const uint64_t expected = base + members[i].offset / sizeof(uint64_t);
        if (!json_is_integer(value) || (uint64_t)json_integer_value(value) != expected) {
            fail_msg("%s: %lld, expected %llu", members[i].name, (long long)json_integer_value(value),
                     (unsigned long long)expected);
        }
    }
    assert_true(json_real_value(json_object_get(soc, "host_seconds")) == host_seconds);
    /* A member that is new in the structure is there as well. */
    const char *key;
    json_t *value;
    uint64_t seen = 0;
    json_object_foreach((json_t *)(uintptr_t)soc, key, value)
    {
        seen |= json_is_integer(value) ? UINT64_C(1) << ((uint64_t)json_integer_value(value) - base) : 0;
    }
    assert_int_equal(seen, (UINT64_C(1) << SOC_WORDS) - 1);
}

static void test_json_engines(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        struct bench bench;
        set_up_firmware(&bench, round);
        char *text = text_of(&bench.report, write_json);
        json_t *json = json_loads(text, 0, NULL);
        assert_non_null(json);
        const json_t *results = json_object_get(json, "results");
        const json_t *second = json_array_get(results, 1);
        assert_string_equal(json_string_value(json_object_get(second, "note")), "two pictures");
        assert_string_equal(json_string_value(json_object_get(second, "mapping")), "two tiles, of rows");
        const json_t *engines = json_object_get(second, "engines");
        assert_int_equal(json_object_size(engines), BT_ENGINE_COUNT);
        for (unsigned e = 0; e < BT_ENGINE_COUNT; e++) {
            const json_t *engine = json_object_get(engines, bt_engine_name((enum bt_engine)e));
            char hash[17];
            (void)snprintf(hash, sizeof(hash), "%016x", 0x100 + e);
            assert_string_equal(json_string_value(json_object_get(engine, "verdict")),
                                bt_verdict_name(verdict_of(e, round)));
            assert_int_equal(json_is_true(json_object_get(engine, "ran")), (e + round) % 2 == 0);
            assert_true(json_real_value(json_object_get(engine, "seconds")) == 0.25 * (e + 1));
            assert_string_equal(json_string_value(json_object_get(engine, "hash")), hash);
            if (e < BT_ENGINE_ISS_SW) {
                assert_null(json_object_get(engine, "soc"));
            }
        }
        check_json_soc(json_object_get(json_object_get(engines, "iss:sw"), "soc"), 1000, 0.25);
        check_json_soc(json_object_get(json_object_get(engines, "iss:accel"), "soc"), 2000, 0.75);
        const json_t *first = json_object_get(json_array_get(results, 0), "engines");
        assert_null(json_object_get(json_object_get(first, "iss:accel"), "soc"));
        assert_true(json_is_null(json_object_get(json_object_get(json, "run"), "system")));
        json_decref(json);
        free(text);
    }
}

static void test_json_system(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 1.0, 1.0);
    bench.report.run.system = (struct bt_run_system){
        .present = true, .map = "soc.yaml", .cpu_mips = 80, .clock_mhz = 100, .device = "model", .wait = "poll"};
    char *text = text_of(&bench.report, write_json);
    json_t *json = json_loads(text, 0, NULL);
    const json_t *system = json_object_get(json_object_get(json, "run"), "system");
    assert_string_equal(json_string_value(json_object_get(system, "map")), "soc.yaml");
    assert_int_equal(json_integer_value(json_object_get(system, "cpu_mips")), 80);
    assert_int_equal(json_integer_value(json_object_get(system, "clock_mhz")), 100);
    assert_string_equal(json_string_value(json_object_get(system, "device")), "model");
    assert_string_equal(json_string_value(json_object_get(system, "wait")), "poll");
    json_decref(json);
    free(text);
}

static void test_summary_firmware(void **state)
{
    (void)state;
    struct bench bench;
    struct bt_record records[6];
    set_up(&bench, 1.0, 1.0);
    record(&records[0], "a", 0, 0);
    record(&records[1], "chained/a", 0, 0);
    record(&records[2], "b", 0, 0);
    record(&records[3], "chained/b", 0, 0);
    record(&records[4], "c", 0, 0);
    record(&records[5], "d", 0, 0);
    for (unsigned i = 0; i < 4; i++) {
        fill_soc(&records[i].engine[BT_ENGINE_ISS_SW].soc, UINT64_C(1000000) << 4 * i, 0.5);
        fill_soc(&records[i].engine[BT_ENGINE_ISS_ACCEL].soc, UINT64_C(2000000) << 4 * i, 0.125);
    }
    (void)snprintf(records[4].network, sizeof(records[4].network), "other");
    fill_soc(&records[4].engine[BT_ENGINE_ISS_SW].soc, 7000000, 0.5);
    (void)snprintf(records[5].network, sizeof(records[5].network), "third");
    fill_soc(&records[5].engine[BT_ENGINE_ISS_ACCEL].soc, 8000, 0.5);
    bench.report.records = records;
    bench.report.record_count = 6;
    char *text = text_of(&bench.report, bt_report_summary);
    contains(text,
             "| network | variant | config | layers | CPU alone: instructions | time | with accelerator: "
             "instructions | time | CPU | waiting | accelerator | overlap | accelerator bytes | ISS speed, MIPS |\n");
    contains(text, "\n| net | var | 8x8 | 2 | 257000002 | 257000000 | 514000002 | 514000000 | 514000004 | 514000006 | "
                   "514000008 | 514000010 | 514000012 | 257 |\n");
    contains(text, "\n| net, whole | var | 8x8 | 2 | 4112000002 | 4112000000 | 8224000002 | 8224000000 | 8224000004 | "
                   "8224000006 | 8224000008 | 8224000010 | 8224000012 | 4112 |\n");
    contains(text, "\n| other | var | 8x8 | 1 | 7000001 | 7000000 | - | - | - | - | - | - | - | 14 |\n");
    contains(text, "\n| third | var | 8x8 | 1 | - | - | 8001 | 8000 | 8002 | 8003 | 8004 | 8005 | 8006 | - |\n");
    free(text);
}

/* Records of another network and of another configuration stand before the whole one's, and do not count. */
static void test_table_whole(void **state)
{
    (void)state;
    static const struct {
        uint32_t mips; /* 0: no system */
        bool sw, accel, next;
        const char *line; /* behind the note; "" for none */
    } cases[] = {
        {40, true, true, true,
         "      simulated at 40 MIPS and 100 MHz: CPU alone 30.000 ms; with var 5.000 ms, of which it works 0.700 ms "
         "and "
         "the CPU waits 1.100 ms; the next picture, weights packed already, 4.000 ms\n"},
        {80, true, true, false,
         "      simulated at 80 MIPS and 100 MHz: CPU alone 30.000 ms; with var 5.000 ms, of which it works 0.700 ms "
         "and "
         "the CPU waits 1.100 ms\n"},
        {40, true, false, false, "      simulated at 40 MIPS and 100 MHz: CPU alone 30.000 ms\n"},
        {40, false, true, false,
         "      simulated at 40 MIPS and 100 MHz: with var 5.000 ms, of which it works 0.700 ms and the CPU waits "
         "1.100 "
         "ms\n"},
        {40, false, false, false, ""},
        {0, true, true, true, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench bench;
        set_up(&bench, 1.0, 1.0);
        record(&bench.records[0], "chained/a", 0, 0);
        record(&bench.records[1], "chained/a", 0, 0);
        record(&bench.records[2], "chained/a", 0, 0);
        record(&bench.records[3], "chained/b", 0, 0);
        struct bt_record *network = &bench.records[i % 2];
        struct bt_record *config = &bench.records[1 - i % 2]; /* either is the one that ends the sum once */
        (void)snprintf(network->network, sizeof(network->network), "other");
        (void)snprintf(config->config, sizeof(config->config), "4x4");
        for (unsigned r = 0; r < 4; r++) {
            struct bt_soc_result *soc = &bench.records[r].engine[BT_ENGINE_ISS_ACCEL].soc;
            fill_soc(&bench.records[r].engine[BT_ENGINE_ISS_SW].soc, 77000, 0.0);
            bench.records[r].engine[BT_ENGINE_ISS_SW].soc.whole_cycles = 0;
            *soc = (struct bt_soc_result){.wait_cycles = 100000, .accel_cycles = 60000};
        }
        struct bt_record *last = &bench.records[3];
        last->engine[BT_ENGINE_ISS_ACCEL].soc = (struct bt_soc_result){.wait_cycles = 10000, .accel_cycles = 10000};
        last->engine[BT_ENGINE_ISS_SW].soc.whole_cycles = cases[i].sw ? 3000000 : 0;
        last->engine[BT_ENGINE_ISS_ACCEL].soc.whole_cycles = cases[i].accel ? 500000 : 0;
        last->engine[BT_ENGINE_ISS_ACCEL].soc.next_cycles = cases[i].next ? 400000 : 0;
        (void)snprintf(last->note, sizeof(last->note), "two pictures");
        bench.report.record_count = 4;
        bench.report.run.system =
            (struct bt_run_system){.present = cases[i].mips != 0, .cpu_mips = cases[i].mips, .clock_mhz = 100};
        char expected[400];
        (void)snprintf(expected, sizeof(expected), "\n      two pictures\n%s", cases[i].line);
        char *text = text_of(&bench.report, bt_report_table);
        contains(text, expected);
        assert_non_null(strstr(text, expected));
        assert_int_equal(strstr(text, expected)[strlen(expected)], '\0'); /* the last that there is */
        free(text);
    }
}

static void test_failures_in_order(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 1.0, 1.0);
    record(&bench.records[0], "chained/b", 0, 0);
    record(&bench.records[1], "big", 0, 0);
    bench.records[0].macs = 0;
    for (uint32_t i = 0; i < 2; i++) {
        bt_record_set(&bench.records[i], BT_ENGINE_RTL, BT_FAIL, "bits");
    }
    char *text = text_of(&bench.report, bt_report_failures);
    const char *alone = strstr(text, "bt replay 1");
    const char *whole = strstr(text, "bt replay 0");
    assert_true(alone != NULL && whole != NULL && alone < whole);
    free(text);
}

/* What is not the usual is said wherever two records of a layer could be mistaken for each other. */
static void test_kind(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 1.0, 1.0);
    (void)snprintf(bench.records[1].dtype, sizeof(bench.records[1].dtype), "int16");
    (void)snprintf(bench.records[1].structure, sizeof(bench.records[1].structure), "filter");
    bench.records[1].sparsity = 50;
    assert_true(bt_record_same_kind(&bench.records[0], &bench.records[0]));
    for (int i = 0; i < 3; i++) {
        struct bt_record other = bench.records[0];
        other.dtype[3] = i == 0 ? '9' : other.dtype[3];
        other.sparsity = i == 1 ? 1 : 0;
        other.structure[0] = i == 2 ? 'R' : other.structure[0];
        assert_false(bt_record_same_kind(&bench.records[0], &other));
    }
    make_gates(&bench);
    static const struct {
        void (*write)(const struct bt_report *report, FILE *out);
        const char *words[2];
    } cases[] = {
        {bt_report_table, {"0.00\n", "0.00  int16  50 % zero (filter)\n"}},
        {bt_report_junit,
         {"name=\"a [uniform, stalls 0 %]\"", "name=\"b [uniform, stalls 0 %, int16, 50 % zero (filter)]\""}},
        {bt_report_summary, {"| net | var | 8x8 | 1 |", "| net, int16, 50 % zero (filter) | var | 8x8 | 1 |"}},
        {bt_report_csv, {"net,a,var,8x8,uniform,0,int8,0,random,1,", "net,b,var,8x8,uniform,0,int16,50,filter,1,"}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = text_of(&bench.report, cases[i].write);
        contains(text, cases[i].words[0]);
        contains(text, cases[i].words[1]);
        free(text);
    }
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
    contains(text, "<testcase classname=\"var.8x8\" name=\"cycle gate\" time=\"0.000\">\n");
    free(text);
    free(bench.gates);
}

static void test_annotations(void **state)
{
    (void)state;
    struct bench bench;
    make_nasty(&bench);
    (void)snprintf(bench.records[1].layer, sizeof(bench.records[1].layer), "a:b,c%%\r\n::error::d");
    (void)snprintf(bench.records[1].reason, sizeof(bench.records[1].reason), "50%% off:\n::stop-commands::x");
    char *text = text_of(&bench.report, bt_report_annotations);
    assert_string_equal(text, "::error title=net a%3Ab%2Cc%25%0D%0A%3A%3Aerror%3A%3Ad on var 8x8::50%25 "
                              "off:%0A::stop-commands::x%0Areplay: bt replay 1\n");
    free(text);
    free(bench.gates);

    set_up(&bench, 1.0, 1.0);
    text = text_of(&bench.report, bt_report_annotations);
    assert_string_equal(text, "");
    free(text);

    /* a gate before everything else, and no more than are shown */
    enum { MANY = 15 };
    struct bt_record records[MANY];
    char *replays[MANY];
    set_up(&bench, 0.1, 0.1);
    make_gates(&bench);
    for (int i = 0; i < MANY; i++) {
        records[i] = bench.records[0];
        bt_record_set(&records[i], BT_ENGINE_RTL, BT_FAIL, "bits");
        replays[i] = bench.replays[0];
    }
    bench.report.records = records;
    bench.report.record_count = MANY;
    bench.report.replays = replays;
    text = text_of(&bench.report, bt_report_annotations);
    assert_int_equal(strncmp(text, "::error title=cycle gate of var 8x8::largest", 44), 0);
    unsigned errors = 0;
    for (const char *at = text; (at = strstr(at, "::error ")) != NULL; at++) {
        errors++;
    }
    assert_int_equal(errors, 10);
    contains(text, "\n::notice title=bittrue::6 more failures, all of them in summary.md and results.json\n");
    free(text);
    free(bench.gates);
}

/* What a step's summary file holds after `before` bytes of others and then this report. */
static char *step_summary(const struct bt_report *report, size_t before)
{
    char path[] = P_tmpdir "/bt_test_report_XXXXXX";
    const int fd = mkstemp(path);
    struct bt_error err = {""};
    struct stat info;
    assert_true(fd >= 0);
    char *text = calloc(before + (1 << 21), 1);
    assert_non_null(text);
    memset(text, '#', before);
    assert_int_equal(write(fd, text, before), before);
    assert_int_equal(bt_report_step_summary(report, path, &err), BT_OK);
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(pread(fd, text, (size_t)info.st_size, 0), info.st_size);
    assert_int_equal(close(fd) | unlink(path), 0);
    return text;
}

static void test_step_summary(void **state)
{
    (void)state;
    struct bench bench;
    make_nasty(&bench);
    char *expected = text_of(&bench.report, bt_report_summary);
    const size_t limit = 1 << 20;
    static const char note[] = "\n\nCut here: a job summary has at most 1 MiB.";
    char *text = step_summary(&bench.report, 0);
    assert_string_equal(text, expected);
    free(text);
    text = step_summary(&bench.report, limit - strlen(expected)); /* just fits */
    assert_int_equal(strlen(text), limit);
    assert_string_equal(text + limit - strlen(expected), expected);
    free(text);
    text = step_summary(&bench.report, limit - strlen(expected) + 1); /* one byte too many: whole lines, and the note */
    assert_true(strlen(text) <= limit);
    contains(text, "# bittrue: suite\n");
    contains(text, note);
    free(text);
    text = step_summary(&bench.report, limit - 10);
    assert_int_equal(strlen(text), limit - 10);
    free(text);
    free(expected);

    struct bt_error err = {""};
    assert_int_equal(bt_report_step_summary(&bench.report, "/dev/full", &err), BT_EIO);
    assert_string_equal(err.text, "GITHUB_STEP_SUMMARY '/dev/full': cannot be written: No space left on device");
    assert_int_equal(bt_report_step_summary(&bench.report, "/nowhere/x.md", &err), BT_EIO);
    free(bench.gates);
}

static double luminance(unsigned rgb)
{
    static const double weight[] = {0.0722, 0.7152, 0.2126};
    double sum = 0.0;
    for (unsigned i = 0; i < 3; i++) {
        const double c = (rgb >> (8 * i) & 0xff) / 255.0;
        sum += weight[i] * (c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
    }
    return sum;
}

static void test_badge(void **state)
{
    (void)state;
    static const struct {
        enum bt_verdict verdicts[2];
        const char *said, *colour;
    } cases[] = {
        {{BT_PASS, BT_PASS}, "2 passed", "#2e7d32"},  {{BT_PASS, BT_SKIP}, "1 passed", "#2e7d32"},
        {{BT_FAIL, BT_PASS}, "1 failed", "#c62828"},  {{BT_FAIL, BT_FAIL}, "2 failed", "#c62828"},
        {{BT_XFAIL, BT_PASS}, "1 passed", "#2e7d32"}, {{BT_SKIP, BT_SKIP}, "nothing ran", "#616161"},
        {{BT_XFAIL, BT_SKIP}, "0 passed", "#2e7d32"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench bench;
        char words[128];
        unsigned total = 0;
        unsigned left = 0;
        unsigned right = 0;
        unsigned rgb = 0;
        set_up(&bench, 1.0, 1.0);
        bench.records[0].verdict = cases[i].verdicts[0];
        bench.records[1].verdict = cases[i].verdicts[1];
        (void)snprintf(bench.report.run.suite, sizeof(bench.report.run.suite), "%s", NASTY);
        char *text = text_of(&bench.report, bt_report_badge);
        (void)snprintf(words, sizeof(words), "role=\"img\" aria-label=\"bittrue: %s\">\n<title>bittrue: %s</title>",
                       cases[i].said, cases[i].said);
        contains(text, words);
        contains(text, cases[i].colour);
        assert_int_equal(sscanf(text, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\"", &total), 1);
        assert_int_equal(sscanf(strstr(text, "<rect"), "<rect width=\"%u\"", &left), 1);
        assert_int_equal(sscanf(strstr(text, "<rect x"), "<rect x=\"%*u\" width=\"%u\"", &right), 1);
        assert_int_equal(left + right, total);
        assert_true(right > 5 * strlen(cases[i].said) && right < 9 * strlen(cases[i].said) + 20);
        for (const char *at = text; (at = strstr(at, "height=\"20\" fill=\"#")) != NULL; at++) {
            assert_int_equal(sscanf(at, "height=\"20\" fill=\"#%x", &rgb), 1);
            assert_true(1.05 / (luminance(rgb) + 0.05) >= 4.5); /* WCAG AA, white on it */
        }
        free(text);
    }
    assert_true(1.05 / (luminance(0x808080) + 0.05) < 4.5);
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

/* A name is a text and nothing else, whatever it holds. */
static void test_summary_names(void **state)
{
    (void)state;
    struct bench bench;
    static const char name[] = "<b onclick=x>|`a`\\*_@you\n# \x1b[1m";
    set_up(&bench, 1.0, 1.0);
    (void)snprintf(bench.report.run.suite, sizeof(bench.report.run.suite), "<suite>");
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(bench.records[i].network, sizeof(bench.records[i].network), "<i>|`n``");
        (void)snprintf(bench.records[i].layer, sizeof(bench.records[i].layer), "%s", name);
        (void)snprintf(bench.records[i].config, sizeof(bench.records[i].config), "8|8");
    }
    bt_record_set(&bench.records[1], BT_ENGINE_RTL, BT_FAIL, "<script>|\n# no");
    bench.replays[1] = (char *)(uintptr_t) "bt replay '`'";
    make_gates(&bench);
    char *text = text_of(&bench.report, bt_report_summary);
    contains(text, "# bittrue: &#60;suite&#62;\n");
    contains(text, "\n| var | 8&#124;8 | ");
    contains(text, "\n| &#60;i&#62;&#124;&#96;n&#96;&#96; | var | 8&#124;8 | ");
    contains(text, "\n- FAIL ``` <i>|`n`` ``` `` <b onclick=x>|`a`\\*_@you?# ?[1m `` on var 8&#124;8: rtl: "
                   "&#60;script&#62;&#124;?&#35; no\n  `` bt replay '`' ``\n");
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
    contains(text, "FAIL net b on var 8x8\n  rtl: bits\n  replay: bt replay 1\n");
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

/* ---- accuracy ---- */

static const struct bt_accuracy of_classes = {
    .measured = true,
    .has_float = true,
    .images = 300,
    .labelled = 263,
    .compared = {[BT_ENGINE_MODEL] = 50, [BT_ENGINE_RTL] = 20, [BT_ENGINE_ISS_SW] = 3, [BT_ENGINE_ISS_ACCEL] = 4},
    .float_top1 = 263,
    .float_top5 = 262,
    .int8_top1 = 81,
    .int8_top5 = 15,
    .agree_top1 = 80,
    .agree_top5 = 4,
    .drop = 69.25,
    .max_drop = 0.5,
    .float_seconds = 1.25,
    .int8_seconds = 0.75};
static const struct bt_accuracy of_boxes = {.measured = true,
                                            .has_float = true,
                                            .detects = true,
                                            .images = 27,
                                            .labelled = 27,
                                            .boxes = 213,
                                            .float_map50 = 0.5,
                                            .float_map = 0.25,
                                            .int8_map50 = 0.4375,
                                            .int8_map = 0.125,
                                            .drop = 6.25,
                                            .max_drop = -1};

/* Four networks: of classes, of boxes, one without labels, one that came as integers. */
static void set_up_accuracy(struct bench *bench)
{
    set_up(bench, 1.0, 1.0);
    for (int i = 0; i < 4; i++) {
        record(&bench->records[i], "chained/accuracy", 0, 0);
        bench->records[i].gated = false;
        bench->records[i].accuracy = i == 1 ? of_boxes : of_classes;
        bench->records[i].network[0] = (char)('a' + i);
    }
    bench->records[2].accuracy.labelled = 0;
    bench->records[3].accuracy.has_float = false;
    bt_record_set(&bench->records[0], BT_ENGINE_REF, BT_FAIL, "69.25 points below float: at most 0.50 allowed");
    bench->report.record_count = 4;
}

static void check_share(const json_t *share, json_int_t right, double percent, double low, double high)
{
    assert_int_equal(json_integer_value(json_object_get(share, "right")), right);
    const double expected[] = {percent, low, high};
    static const char *const names[] = {"percent", "low", "high"};
    for (size_t i = 0; i < 3; i++) {
        const double got = json_real_value(json_object_get(share, names[i]));
        if (!(got >= expected[i] - 0.005 && got <= expected[i] + 0.005)) {
            fail_msg("%s: %g, expected %g", names[i], got, expected[i]);
        }
    }
}

static const json_t *accuracy_of(const json_t *json, size_t index)
{
    return json_object_get(json_array_get(json_object_get(json, "results"), index), "accuracy");
}

static void test_json_accuracy(void **state)
{
    (void)state;
    struct bench bench;
    json_error_t error;
    set_up_accuracy(&bench);
    bench.records[1].quantisation = (struct bt_layer_quantisation){
        .measured = true, .low = -1.5, .high = 3, .scale = 0.25, .zp = -7, .clipped = 0.125, .sqnr = 31.5};
    char *text = text_of(&bench.report, write_json);
    json_t *json = json_loads(text, 0, &error);
    assert_non_null(json);
    const json_t *classes = accuracy_of(json, 0);
    static const struct {
        const char *name;
        json_int_t value;
    } counts[] = {{"images", 300}, {"labelled", 263}, {"agree_top1", 80}, {"agree_top5", 4}};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        assert_int_equal(json_integer_value(json_object_get(classes, counts[i].name)), counts[i].value);
    }
    const json_t *compared = json_object_get(classes, "compared");
    assert_int_equal(json_object_size(compared), 4);
    assert_int_equal(json_integer_value(json_object_get(compared, "model")), 50);
    assert_int_equal(json_integer_value(json_object_get(compared, "rtl")), 20);
    assert_int_equal(json_integer_value(json_object_get(compared, "iss:sw")), 3);
    assert_int_equal(json_integer_value(json_object_get(compared, "iss:accel")), 4);
    check_share(json_object_get(json_object_get(classes, "float"), "top1"), 263, 100, 98.56, 100);
    check_share(json_object_get(json_object_get(classes, "int8"), "top1"), 81, 30.80, 25.53, 36.62);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(json_object_get(classes, "float"), "top5"), "right")), 262);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(json_object_get(classes, "int8"), "top5"), "right")), 15);
    assert_true(json_real_value(json_object_get(classes, "drop_points")) == 69.25);
    assert_true(json_real_value(json_object_get(classes, "max_drop_points")) == 0.5);
    assert_true(json_real_value(json_object_get(classes, "float_seconds")) == 1.25);
    assert_true(json_real_value(json_object_get(classes, "int8_seconds")) == 0.75);
    assert_null(json_object_get(classes, "boxes"));

    const json_t *boxes = accuracy_of(json, 1);
    assert_int_equal(json_integer_value(json_object_get(boxes, "boxes")), 213);
    assert_true(json_real_value(json_object_get(json_object_get(boxes, "float"), "map_50")) == 0.5);
    assert_true(json_real_value(json_object_get(json_object_get(boxes, "float"), "map_50_95")) == 0.25);
    assert_true(json_real_value(json_object_get(json_object_get(boxes, "int8"), "map_50")) == 0.4375);
    assert_true(json_real_value(json_object_get(json_object_get(boxes, "int8"), "map_50_95")) == 0.125);
    assert_true(json_is_null(json_object_get(boxes, "max_drop_points")));
    assert_null(json_object_get(boxes, "agree_top1"));

    /* What is not known is null, and no number. */
    const json_t *unlabelled = accuracy_of(json, 2);
    assert_true(json_is_null(json_object_get(unlabelled, "float")));
    assert_true(json_is_null(json_object_get(unlabelled, "int8")));
    assert_true(json_is_null(json_object_get(unlabelled, "drop_points")));
    assert_int_equal(json_integer_value(json_object_get(unlabelled, "agree_top1")), 80);
    const json_t *integers = accuracy_of(json, 3);
    assert_true(json_is_null(json_object_get(integers, "float")));
    assert_true(json_is_null(json_object_get(integers, "agree_top1")));
    assert_true(json_is_null(json_object_get(integers, "drop_points")));
    check_share(json_object_get(json_object_get(integers, "int8"), "top1"), 81, 30.80, 25.53, 36.62);

    const json_t *list = json_object_get(json, "results");
    const json_t *quantisation = json_object_get(json_array_get(list, 1), "quantisation");
    static const struct {
        const char *name;
        double value;
    } reals[] = {{"low", -1.5}, {"high", 3}, {"scale", 0.25}, {"clipped", 0.125}, {"sqnr_db", 31.5}};
    for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++) {
        assert_true(json_real_value(json_object_get(quantisation, reals[i].name)) == reals[i].value);
    }
    assert_int_equal(json_integer_value(json_object_get(quantisation, "zero_point")), -7);
    assert_true(json_is_null(json_object_get(json_array_get(list, 0), "quantisation")));
    json_decref(json);
    free(text);

    set_up(&bench, 1.0, 1.0);
    text = text_of(&bench.report, write_json);
    json = json_loads(text, 0, &error);
    assert_true(json_is_null(accuracy_of(json, 0)));
    json_decref(json);
    free(text);
}

static void test_summary_accuracy(void **state)
{
    (void)state;
    struct bench bench;
    set_up_accuracy(&bench);
    char *text = text_of(&bench.report, bt_report_summary);
    contains(text, "\n## Accuracy\n\n");
    contains(text, "| network | variant | config | pictures | float | int8 | drop | allowed | same class as float | "
                   "model | rtl | iss:sw | "
                   "iss:accel | verdict |\n|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n");
    contains(text,
             "\n| aet | var | 8x8 | 300 | 100.00 (98.56 to 100.00) | 30.80 (25.53 to 36.62) | 69.25 | 0.50 | 80 | "
             "50 | 20 | 3 | 4 | FAIL |\n");
    contains(text, "\n| bet | var | 8x8 | 27 | 50.00 | 43.75 | 6.25 | - | - | 0 | 0 | 0 | 0 | PASS |\n");
    contains(text, "\n| cet | var | 8x8 | 300 | - | - | - | 0.50 | 80 | 50 | 20 | 3 | 4 | PASS |\n");
    contains(text,
             "\n| det | var | 8x8 | 300 | - | 30.80 (25.53 to 36.62) | - | 0.50 | - | 50 | 20 | 3 | 4 | PASS |\n");
    free(text);
    set_up(&bench, 1.0, 1.0);
    text = text_of(&bench.report, bt_report_summary);
    assert_null(strstr(text, "Accuracy"));
    free(text);
}

static void test_junit_accuracy(void **state)
{
    (void)state;
    struct bench bench;
    set_up_accuracy(&bench);
    bench.records[0].engine[BT_ENGINE_REF].seconds = 2;
    char *text = text_of(&bench.report, bt_report_junit);
    contains(text, "<testsuite name=\"suite\" tests=\"4\" failures=\"1\" errors=\"0\" skipped=\"0\"");
    contains(text,
             "<testcase classname=\"var.8x8.aet\" name=\"chained/accuracy [uniform, stalls 0 %]\" time=\"2.000\">\n"
             "      <failure message=\"ref: 69.25 points below float: at most 0.50 allowed\">"
             "ref: 69.25 points below float: at most 0.50 allowed\nreplay: bt replay 0</failure>\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gates),
        cmocka_unit_test(test_gate_members),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_kind),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_csv_columns),
        cmocka_unit_test(test_json_engines),
        cmocka_unit_test(test_json_system),
        cmocka_unit_test(test_summary_firmware),
        cmocka_unit_test(test_table_whole),
        cmocka_unit_test(test_failures_in_order),
        cmocka_unit_test(test_junit),
        cmocka_unit_test(test_annotations),
        cmocka_unit_test(test_step_summary),
        cmocka_unit_test(test_badge),
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_summary_names),
        cmocka_unit_test(test_table_and_failures),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_json_accuracy),
        cmocka_unit_test(test_summary_accuracy),
        cmocka_unit_test(test_junit_accuracy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
