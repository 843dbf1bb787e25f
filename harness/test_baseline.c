/* Each rule of the baselines, with a run that keeps it and one that breaks it; their files, whole and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/baseline.h"

enum { LAYERS = 3 };

static void holds(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        fail_msg("lacks \"%s\":\n%s", words, text);
    }
}

/* Three layers: one on its own, one of a whole network, one that is skipped. */
static void fill(struct bt_record *records)
{
    static const char *const layers[LAYERS] = {"b", "chained/a", "c"};
    for (unsigned i = 0; i < LAYERS; i++) {
        struct bt_record *record = &records[i];
        bt_record_init(record);
        (void)snprintf(record->network, sizeof(record->network), "net");
        (void)snprintf(record->layer, sizeof(record->layer), "%s", layers[i]);
        (void)snprintf(record->variant, sizeof(record->variant), "fake");
        (void)snprintf(record->config, sizeof(record->config), "4x4");
        (void)snprintf(record->pattern, sizeof(record->pattern), "uniform");
        (void)snprintf(record->dtype, sizeof(record->dtype), "int8");
        (void)snprintf(record->structure, sizeof(record->structure), "random");
        if (i != 2) {
            record->verdict = BT_PASS;
            record->engine[BT_ENGINE_REF] = (struct bt_engine_result){.ran = true, .hash = 0x123 + i};
            record->engine[BT_ENGINE_CYCLES].ran = true; /* and is held against nothing: it does not count */
            record->rtl_cycles = 1000;
            record->predicted_cycles = 1000;
        }
    }
}

static struct bt_baselines made_of(struct bt_record *records, uint32_t count)
{
    const struct bt_results results = {.run.data = true, .count = count, .records = records};
    const struct bt_areas no_areas = {.count = 0};
    struct bt_baselines baselines;
    struct bt_error err = {""};
    assert_int_equal(bt_baselines_make(&results, 1, &no_areas, &baselines, &err), BT_OK);
    return baselines;
}

/* ---- rules ---- */

static void set_exemption(struct bt_baseline *baseline, double percent)
{
    baseline->exemption_count = 1;
    baseline->exemptions = calloc(1, sizeof(*baseline->exemptions));
    baseline->exemptions[0] = (struct bt_baseline_exemption){"net", "b", "4x4", percent};
}

static void set_area(struct bt_baseline *baseline, double um2)
{
    free(baseline->areas);
    baseline->area_count = 1;
    baseline->areas = calloc(1, sizeof(*baseline->areas));
    baseline->areas[0] = (struct bt_area){"fake", "4x4", um2, 1};
}

static void nothing(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)old;
    (void)now;
}

static void bits(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)old;
    now->entries[0].hash++;
}

static void no_bits(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)old;
    now->entries[0].hash = 0;
}

static void fewer_engines(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)now;
    old->entries[0].engines |= 1u << BT_ENGINE_MODEL;
}

static void more_engines(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)old;
    now->entries[0].engines |= 1u << BT_ENGINE_ISS_SW;
}

/* As many as before. */
static void other_engine(struct bt_baseline *old, struct bt_baseline *now)
{
    old->entries[0].engines |= 1u << BT_ENGINE_MODEL;
    now->entries[0].engines |= 1u << BT_ENGINE_ISS_SW;
}

static void first_bits(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)now;
    old->entries[0].hash = 0;
}

static void fails(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)old;
    now->entries[0].verdict = BT_FAIL;
}

/* As if the file could say so: a FAIL is one whatever is recorded. */
static void failed_before(struct bt_baseline *old, struct bt_baseline *now)
{
    old->entries[0].verdict = BT_FAIL;
    now->entries[0].verdict = BT_FAIL;
}

static void skips(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)old;
    now->entries[0].verdict = BT_SKIP;
}

static void skipped_before(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)now;
    old->entries[0].verdict = BT_SKIP;
}

static void exempted(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)old;
    now->entries[0].verdict = BT_XFAIL;
}

static void slower(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)old;
    now->entries[0].rtl_cycles = 1001;
}

static void at_tolerance(struct bt_baseline *old, struct bt_baseline *now)
{
    old->tolerance_percent = 0.5;
    now->entries[0].rtl_cycles = 1005;
}

static void beyond_tolerance(struct bt_baseline *old, struct bt_baseline *now)
{
    old->tolerance_percent = 0.5;
    now->entries[0].rtl_cycles = 1006;
}

/* What a run says of its own tolerance counts for nothing. */
static void own_tolerance(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)old;
    now->tolerance_percent = 100;
    now->entries[0].rtl_cycles = 1001;
}

static void faster(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)old;
    now->entries[0].rtl_cycles = 999;
}

static void not_measured(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)old;
    now->entries[0].rtl_cycles = 0;
}

static void first_measured(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)now;
    old->entries[0].rtl_cycles = 0;
}

static void predicts(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)old;
    now->entries[0].predicted_cycles = 2000;
}

static void lost(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)old;
    now->count--;
}

static void fresh(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)now;
    old->count--;
}

static void other_variant(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)old;
    (void)snprintf(now->variant, sizeof(now->variant), "more");
}

static void new_exemption(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)old;
    set_exemption(now, 0.5);
}

static void same_exemption(struct bt_baseline *old, struct bt_baseline *now)
{
    set_exemption(old, 0.5);
    set_exemption(now, 0.5);
}

static void larger_exemption(struct bt_baseline *old, struct bt_baseline *now)
{
    set_exemption(old, 0.5);
    set_exemption(now, 0.6);
}

static void smaller_exemption(struct bt_baseline *old, struct bt_baseline *now)
{
    set_exemption(old, 0.5);
    set_exemption(now, 0.4);
}

static void no_exemption(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)now;
    set_exemption(old, 0.5);
}

static void area(struct bt_baseline *old, struct bt_baseline *now)
{
    set_area(old, 100);
    set_area(now, 200);
}

static void no_area(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)now;
    set_area(old, 100);
}

/* Without the data folder the whole network has other bits and cycles, and that is nobody's fault. */
static void other_data(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)old;
    now->data = false;
    now->entries[2].hash++;
    now->entries[2].rtl_cycles++;
}

static void other_data_fails(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)old;
    now->data = false;
    now->entries[2].verdict = BT_FAIL;
}

static void other_data_bits(struct bt_baseline *old, struct bt_baseline *now)
{
    (void)old;
    now->data = false;
    now->entries[0].hash++; /* of a layer by itself */
}

static void test_rules(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*change)(struct bt_baseline *old, struct bt_baseline *now);
        enum bt_finding found;
        uint32_t count;
        bool fails, fails_in_part;
        const char *words;
    } cases[] = {
        {"nothing", nothing, BT_FOUND_COUNT, 0, false, false, ""},
        {"bits", bits, BT_FOUND_BITS, 1, true, true,
         "FAIL net:b:fake:4x4:uniform:0:int8:0:random: bits 0000000000000124, recorded 0000000000000123\n"},
        {"no bits", no_bits, BT_FOUND_LOST, 1, true, false, "no engine has bits any more"},
        {"an engine less", fewer_engines, BT_FOUND_LOST, 1, true, false, "model does not run any more"},
        {"an engine more", more_engines, BT_FOUND_NEW, 1, true, false, "iss:sw ran, and has no baseline"},
        {"another engine", other_engine, BT_FOUND_LOST, 1, true, false, "model does not run any more"},
        {"first bits", first_bits, BT_FOUND_NEW, 1, true, false, "its bits have no baseline"},
        {"a failure", fails, BT_FOUND_WORSE, 1, true, true, "FAIL, recorded PASS"},
        {"a failure as before", failed_before, BT_FOUND_WORSE, 1, true, true, "FAIL, recorded FAIL"},
        {"a skip", skips, BT_FOUND_WORSE, 1, true, true, "SKIP, recorded PASS"},
        {"no skip any more", skipped_before, BT_FOUND_BETTER, 1, false, false, "note net:b"},
        {"an exempted error", exempted, BT_FOUND_WORSE, 1, true, true, "XFAIL, recorded PASS"},
        {"slower", slower, BT_FOUND_SLOWER, 1, true, true, "1001 cycles, recorded 1000, allowed 0 % more"},
        {"at the tolerance", at_tolerance, BT_FOUND_TOLERATED, 1, false, false, "note net:b"},
        {"beyond the tolerance", beyond_tolerance, BT_FOUND_SLOWER, 1, true, true, "allowed 0.5 % more"},
        {"the run's own tolerance", own_tolerance, BT_FOUND_SLOWER, 1, true, true, "allowed 0 % more"},
        {"faster", faster, BT_FOUND_FASTER, 1, false, false, "999 cycles, recorded 1000"},
        {"not measured", not_measured, BT_FOUND_LOST, 1, true, false, "its cycles are not measured any more"},
        {"first measured", first_measured, BT_FOUND_NEW, 1, true, false, "its cycles have no baseline"},
        {"prediction", predicts, BT_FOUND_PREDICTION, 1, false, false, "predicted 2000 cycles, recorded 1000"},
        {"lost", lost, BT_FOUND_LOST, 1, true, false,
         "net:chained/a:fake:4x4:uniform:0:int8:0:random: is recorded and did not run"},
        {"new", fresh, BT_FOUND_NEW, 1, true, false, "net:chained/a:fake:4x4:uniform:0:int8:0:random: has no baseline"},
        {"a variant is new", other_variant, BT_FOUND_NEW, 3, true, false, "has no baseline"},
        {"a variant is lost", other_variant, BT_FOUND_LOST, 3, true, false, "is recorded and did not run"},
        {"a new exemption", new_exemption, BT_FOUND_EXEMPTION, 1, true, true,
         "FAIL exemption of net b on fake 4x4: 0.5 %, recorded 0 %; it may only shrink"},
        {"the same exemption", same_exemption, BT_FOUND_COUNT, 0, false, false, ""},
        {"a larger exemption", larger_exemption, BT_FOUND_EXEMPTION, 1, true, true, "0.6 %, recorded 0.5 %"},
        {"a smaller exemption", smaller_exemption, BT_FOUND_FEWER, 1, false, false, "0.4 %, recorded 0.5 %"},
        {"no exemption any more", no_exemption, BT_FOUND_FEWER, 1, false, false, "is gone, recorded 0.5 %"},
        {"area", area, BT_FOUND_AREA, 1, false, false, "note area of fake 4x4: 200 um2, recorded 100"},
        {"no synthesis", no_area, BT_FOUND_COUNT, 0, false, false, ""},
        {"other data", other_data, BT_FOUND_COUNT, 0, false, false, ""},
        {"other data, a failure", other_data_fails, BT_FOUND_WORSE, 1, true, true, "net:chained/a"},
        {"other data, a layer by itself", other_data_bits, BT_FOUND_BITS, 1, true, true, "net:b"},
    };
    struct bt_record *records = calloc(LAYERS, sizeof(*records));
    fill(records);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_baselines old = made_of(records, LAYERS);
        struct bt_baselines now = made_of(records, LAYERS);
        char *text = NULL;
        size_t length = 0;
        FILE *out = open_memstream(&text, &length);
        cases[i].change(&old.item[0], &now.item[0]);
        const struct bt_findings findings = bt_baselines_compare(&old, &now, false, out);
        assert_int_equal(fclose(out), 0);
        const bool right = cases[i].found == BT_FOUND_COUNT ? !bt_findings_any(&findings)
                                                            : findings.count[cases[i].found] == cases[i].count;
        if (!right || bt_findings_fail(&findings, false) != cases[i].fails) {
            fail_msg("%s:\n%s", cases[i].name, text);
        }
        holds(text, cases[i].words);
        free(text);
        const struct bt_findings part = bt_baselines_compare(&old, &now, true, NULL);
        if (bt_findings_fail(&part, true) != cases[i].fails_in_part) {
            fail_msg("%s, of a part", cases[i].name);
        }
        bt_baselines_free(&old);
        bt_baselines_free(&now);
    }
    free(records);
}

static void test_text(void **state)
{
    (void)state;
    struct bt_findings findings = {.held = 9};
    char text[512];
    bt_findings_text(&findings, text, sizeof(text));
    assert_string_equal(text, "9 results held");
    for (int i = 0; i < BT_FOUND_COUNT; i++) {
        findings.count[i] = (uint32_t)i + 1;
    }
    findings.not_held = 4;
    bt_findings_text(&findings, text, sizeof(text));
    assert_string_equal(
        text, "9 results held, 1 with other bits, 2 with a worse verdict, 3 slower, 4 lost, 5 without a baseline, "
              "6 larger exemptions, 7 slower within the tolerance, 8 faster, 9 with a better verdict, 10 with "
              "another prediction, 11 other areas, 12 smaller exemptions; 4 of whole networks not held, their "
              "data is another");
}

/* ---- several runs ---- */

static void test_runs(void **state)
{
    (void)state;
    struct bt_record *records = calloc(LAYERS, sizeof(*records));
    struct bt_record *again = calloc(LAYERS, sizeof(*again));
    struct bt_area item[] = {{"fake", "8x8", 2, 1}, {"fake", "4x4", 1, 1}, {"stranger", "4x4", 3, 1}};
    const struct bt_areas areas = {3, item};
    struct bt_baselines baselines;
    struct bt_baselines turned;
    struct bt_error err = {""};
    fill(records);
    fill(again);
    (void)snprintf(again[2].variant, sizeof(again[2].variant), "a_variant");
    again[0].engine[BT_ENGINE_ISS_SW] = again[0].engine[BT_ENGINE_REF];
    const struct bt_results runs[] = {{.count = LAYERS, .records = records}, {.count = LAYERS, .records = again}};
    assert_int_equal(bt_baselines_make(runs, 2, &areas, &baselines, &err), BT_OK);
    assert_int_equal(bt_baselines_make((const struct bt_results[]){runs[1], runs[0]}, 2, &areas, &turned, &err), BT_OK);
    assert_int_equal(turned.item[1].entries[0].engines, baselines.item[1].entries[0].engines);
    bt_baselines_free(&turned);
    assert_int_equal(baselines.count, 2); /* by name, and what both have once */
    assert_string_equal(baselines.item[0].variant, "a_variant");
    assert_int_equal(baselines.item[0].count, 1);
    assert_int_equal(baselines.item[0].area_count, 0);
    assert_int_equal(baselines.item[1].count, LAYERS);
    assert_int_equal(baselines.item[1].area_count, 2);
    assert_string_equal(baselines.item[1].areas[0].config, "4x4");
    assert_false(baselines.item[1].data);
    assert_int_equal(baselines.item[1].entries[0].hash, 0x123);
    /* the engines of both runs, in either order */
    assert_int_equal(baselines.item[1].entries[0].engines, 1u << BT_ENGINE_REF | 1u << BT_ENGINE_ISS_SW);
    assert_int_equal(baselines.item[1].entries[1].hash, 0);
    bt_baselines_free(&baselines);
    struct bt_results seeds[] = {runs[0], runs[1]};
    seeds[1].run.seed = 2;
    assert_int_equal(bt_baselines_make(seeds, 2, &areas, &baselines, &err), BT_EINPUT);
    assert_string_equal(err.text, "a run of seed 0 and one of 2: expected the same data");
    seeds[0].run.seed = 2;
    seeds[0].run.data = true;
    assert_int_equal(bt_baselines_make(seeds, 2, &areas, &baselines, &err), BT_EINPUT);
    assert_string_equal(err.text, "a run with a data folder and one without: expected the same data");
    seeds[0].run.data = false;
    struct bt_baselines other;
    assert_int_equal(bt_baselines_make(seeds, 2, &areas, &baselines, &err), BT_OK);
    assert_int_equal(bt_baselines_make(runs, 2, &areas, &other, &err), BT_OK);
    assert_int_equal(bt_baselines_same_data(&baselines, &baselines, &err), BT_OK);
    assert_int_equal(bt_baselines_same_data(&baselines, &other, &err), BT_EINPUT);
    assert_string_equal(err.text, "baseline: a run of seed 0: a_variant is recorded with seed 2");
    bt_baselines_free(&other);
    bt_baselines_free(&baselines);
    again[0].rtl_cycles++;
    assert_int_equal(bt_baselines_make(runs, 2, &areas, &baselines, &err), BT_EINPUT);
    assert_string_equal(
        err.text,
        "net:b:fake:4x4:uniform:0:int8:0:random: is there twice, and not the same: expected runs of one revision");
    assert_int_equal(baselines.count, 0);
    free(records);
    free(again);
}

static void test_part(void **state)
{
    (void)state;
    struct bt_record *records = calloc(LAYERS, sizeof(*records));
    struct bt_error err = {""};
    fill(records);
    (void)snprintf(records[2].variant, sizeof(records[2].variant), "other");
    struct bt_baselines old = made_of(records, LAYERS);
    set_area(&old.item[0], 100);
    records[1].rtl_cycles = 7;
    struct bt_baselines now = made_of(&records[1], 1);
    now.item[0].data = true;
    /* of the whole, areas that were not taken again are all that stays */
    assert_int_equal(bt_baselines_keep(&now, &old, false, &err), BT_OK);
    assert_int_equal(now.count, 1);
    assert_int_equal(now.item[0].count, 1);
    assert_int_equal(now.item[0].area_count, 1);
    assert_int_equal(bt_baselines_keep(&now, &old, true, &err), BT_OK);
    assert_int_equal(now.count, 2);
    assert_string_equal(now.item[0].variant, "fake");
    assert_int_equal(now.item[0].count, 2);
    assert_int_equal(now.item[0].area_count, 1);
    assert_string_equal(now.item[0].entries[0].id, "net:b:fake:4x4:uniform:0:int8:0:random");
    assert_int_equal(now.item[0].entries[0].rtl_cycles, 1000);
    assert_int_equal(now.item[0].entries[1].rtl_cycles, 7);
    assert_int_equal(now.item[1].count, 1);
    assert_true(now.item[1].data);
    bt_baselines_free(&old);
    bt_baselines_free(&now);
    free(records);
}

/* ---- files ---- */

static char folder[] = P_tmpdir "/bt_test_baseline_XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[300];
    (void)snprintf(command, sizeof(command), "rm -r '%s'", folder);
    return system(command); /* NOLINT(cert-env33-c,concurrency-mt-unsafe): a folder of the test's own */
}

static char *text_of(const struct bt_baseline *baseline)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    assert_true(bt_baseline_write(baseline, out));
    assert_int_equal(fclose(out), 0);
    return text;
}

static void put(const char *name, const char *text)
{
    char path[300];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* One with something in every list. */
static struct bt_baselines full(void)
{
    struct bt_record *records = calloc(LAYERS, sizeof(*records));
    fill(records);
    (void)snprintf(records[0].network, sizeof(records[0].network), "a<\"&'\xc3\xa9");
    struct bt_baselines baselines = made_of(records, LAYERS);
    set_exemption(&baselines.item[0], 0.1);
    set_area(&baselines.item[0], 590160.25);
    baselines.item[0].tolerance_percent = 1.0 / 3.0;
    free(records);
    return baselines;
}

static void test_file(void **state)
{
    (void)state;
    struct bt_baselines made = full();
    struct bt_baselines read;
    struct bt_error err = {""};
    char *text = text_of(&made.item[0]);
    put("fake.json", text);
    put("REASONS.md", "not read");
    put(".fake.json.17", "not read");
    assert_int_equal(bt_baselines_read(folder, &read, &err), BT_OK);
    assert_string_equal(err.text, "");
    assert_int_equal(read.count, 1);
    assert_memory_equal(read.item[0].entries, made.item[0].entries, LAYERS * sizeof(*read.item[0].entries));
    assert_true(read.item[0].tolerance_percent == 1.0 / 3.0);
    assert_true(read.item[0].exemptions[0].error_percent == 0.1);
    assert_true(read.item[0].areas[0].um2 == 590160.25);
    assert_true(read.item[0].data);
    char *again = text_of(&read.item[0]);
    assert_string_equal(again, text);
    holds(text,
          "\n[\"net:chained/a:fake:4x4:uniform:0:int8:0:random\",\"PASS\",\"0000000000000124\",1000,1000,\"ref\"]\n");
    free(again);
    free(text);
    bt_baselines_free(&read);
    bt_baselines_free(&made);
    assert_int_equal(bt_baselines_read("/nowhere/at/all", &read, &err), BT_OK);
    assert_int_equal(read.count, 0);
}

static void test_damaged(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *expected;
    } cases[] = {
        {"\"SKIP\"", "\"PASS\"", "fake.json: the checksum is not that of the content: it was edited by hand"},
        {"\"0000000000000124\"", "\"0000000000000125\"", "the checksum is not"},
        {",1000,1000,\"ref\"]", ",1001,1000,\"ref\"]", "the checksum is not"},
        {"\"tolerance_percent\": 0.3", "\"tolerance_percent\": 9.3", "the checksum is not"},
        {",0.10", ",0.20", "the checksum is not"},
        {",590160.25", ",590160.5", "the checksum is not"},
        {"\"data\": true", "\"data\": false", "the checksum is not"},
        {"\"checksum\": \"", "\"checksum\": \"0", "the checksum is not"},
        {"\"checksum\"", "\"summary\"", "the checksum is not"},
        {"\"SKIP\"", "\"FAIL\"", "results 1: 'verdict': expected PASS, SKIP or XFAIL"},
        {"\"SKIP\"", "\"OK\"", "results 1: 'verdict': expected"},
        {"\"schema\": 3", "\"schema\": 2", "expected a baseline of schema 3"},
        {"\"variant\": \"fake\"", "\"variant\": 1", "'variant': expected a text"},
        {"\"tolerance_percent\": ", "\"tolerance_percent\": -", "'tolerance_percent': expected 0 or more"},
        {"\"data\": true", "\"data\": 1", "'data': expected true or false"},
        {"\"0000000000000124\"", "\"124\"", "'hash': expected 16 hexadecimal digits"},
        {",1000,1000,\"ref\"]", ",1000,\"ref\"]", "results 0: expected an array of 6 values"},
        {",1000,1000,\"ref\"]", ",-1,1000,\"ref\"]", "results 0: 'rtl_cycles': expected"},
        {"\"ref\"]", "\"ref rtl\"]", "the checksum is not"},
        {"\"ref\"]", "\"ref nobody\"]", "results 0: 'engines': expected names of engines"},
        {"[\"net:c", "[\"A:c", "results 1: expected an id after that of the one before"},
        {"\"areas\": [", "\"area\": [", "'areas': expected an array"},
        {"\"schema\": 3,", "\"schema\": 3,\n\"schema\": 3,", "duplicate"},
        {"]\n}", "]\n", "no baseline of bittrue"},
    };
    struct bt_baselines made = full();
    char *text = text_of(&made.item[0]);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_baselines read;
        struct bt_error err = {""};
        const char *at = strstr(text, cases[i].from);
        assert_non_null(at);
        char *bad = malloc(strlen(text) + strlen(cases[i].to) + 1);
        (void)sprintf(bad, "%.*s%s%s", (int)(at - text), text, cases[i].to, at + strlen(cases[i].from));
        put("fake.json", bad);
        assert_int_equal(bt_baselines_read(folder, &read, &err), BT_EINPUT);
        holds(err.text, cases[i].expected);
        assert_int_equal(strncmp(err.text, folder, strlen(folder)), 0);
        assert_int_equal(read.count, 0);
        free(bad);
    }
    put("fake.json", text);
    put("other.json", text);
    struct bt_baselines read;
    struct bt_error err = {""};
    assert_int_equal(bt_baselines_read(folder, &read, &err), BT_EINPUT);
    holds(err.text, "other.json: variant 'fake': expected the file's own name");
    free(text);
    bt_baselines_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules), cmocka_unit_test(test_text), cmocka_unit_test(test_runs),
        cmocka_unit_test(test_part),  cmocka_unit_test(test_file), cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
