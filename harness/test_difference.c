/* Each rule of the comparison of two runs, with a pair of results that obeys it and one that breaks it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness/difference.h"

enum { MOST = 8 };

/* Two sides of one layer each, the same; add() adds others. Their outcomes are made when they are compared. */
struct bench {
    uint32_t count_a, count_b;
    struct bt_record records_a[MOST], records_b[MOST];
    struct bt_difference_side a, b;
};

static void fill(struct bt_record *record, const char *layer)
{
    bt_record_init(record);
    (void)snprintf(record->network, sizeof(record->network), "net");
    (void)snprintf(record->layer, sizeof(record->layer), "%s", layer);
    (void)snprintf(record->variant, sizeof(record->variant), "fake");
    (void)snprintf(record->config, sizeof(record->config), "4x4");
    (void)snprintf(record->pattern, sizeof(record->pattern), "uniform");
    (void)snprintf(record->dtype, sizeof(record->dtype), "int8");
    (void)snprintf(record->structure, sizeof(record->structure), "random");
    record->seed = 1;
    record->macs = 1000;
    record->verdict = BT_PASS;
    record->engine[BT_ENGINE_REF] = (struct bt_engine_result){.ran = true, .hash = 7};
    record->engine[BT_ENGINE_RTL] = (struct bt_engine_result){.ran = true, .hash = 7};
    record->engine[BT_ENGINE_CYCLES] = (struct bt_engine_result){.ran = true, .verdict = BT_PASS};
    record->rtl_cycles = 1000;
    record->predicted_cycles = 1000;
    record->rtl_seconds = 5.0;
    bt_counters_add(&record->measured, "fill", 100);
    bt_counters_add(&record->measured, "steady", 900);
    record->engine[BT_ENGINE_ISS_ACCEL].soc.soc_cycles = 3000;
}

static void add_a(struct bench *bench, const char *layer)
{
    fill(&bench->records_a[bench->count_a++], layer);
}

static void add_b(struct bench *bench, const char *layer)
{
    fill(&bench->records_b[bench->count_b++], layer);
}

static struct bench *make_bench(void)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    assert_non_null(bench);
    bench->a = (struct bt_difference_side){.name = "left", .run.suite = "s"};
    bench->b = (struct bt_difference_side){.name = "right"};
    add_a(bench, "l");
    add_b(bench, "l");
    return bench;
}

static void free_bench(struct bench *bench)
{
    bt_outcomes_free(&bench->a.outcomes);
    bt_outcomes_free(&bench->b.outcomes);
    free(bench);
}

static void take(struct bt_difference_side *side, const struct bt_record *records, uint32_t count)
{
    bt_outcomes_free(&side->outcomes);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(bt_outcomes_add(&side->outcomes, &records[i]));
    }
}

static enum bt_status make(struct bench *bench, bool partial, struct bt_difference *difference, struct bt_error *err)
{
    take(&bench->a, bench->records_a, bench->count_a);
    take(&bench->b, bench->records_b, bench->count_b);
    return bt_difference_make(&bench->a, &bench->b, partial, difference, err);
}

static void compare(struct bench *bench, struct bt_difference *difference)
{
    struct bt_error err = {""};
    assert_int_equal(make(bench, false, difference, &err), BT_OK);
    assert_string_equal(err.text, "");
}

static char *text_of(const struct bt_difference *difference, void (*write)(const struct bt_difference *, FILE *))
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    write(difference, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void holds(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        fail_msg("lacks \"%s\":\n%s", words, text);
    }
}

/* ---- one result ---- */

static void other_bits(struct bt_record *b)
{
    b->engine[BT_ENGINE_RTL].hash = 8;
}

static void did_not_run(struct bt_record *b)
{
    b->engine[BT_ENGINE_RTL] = (struct bt_engine_result){.ran = false, .hash = 8};
}

static void no_bits(struct bt_record *b)
{
    b->engine[BT_ENGINE_RTL].hash = 0;
}

static void fails(struct bt_record *b)
{
    b->verdict = BT_FAIL;
    (void)snprintf(b->reason, sizeof(b->reason), "because");
}

static void skips(struct bt_record *b)
{
    b->verdict = BT_SKIP;
}

static void is_exempted(struct bt_record *b)
{
    b->verdict = BT_XFAIL;
}

static void takes_more(struct bt_record *b)
{
    b->rtl_cycles = 1010;
    b->measured.item[0].value = 110;
}

static void takes_less(struct bt_record *b)
{
    b->rtl_cycles = 990;
}

static void measures_nothing(struct bt_record *b)
{
    b->rtl_cycles = 0;
    b->measured.count = 0;
}

static void predicts_nothing(struct bt_record *b)
{
    b->predicted_cycles = 0;
}

static void holds_no_cycles(struct bt_record *b)
{
    b->engine[BT_ENGINE_CYCLES].ran = false;
}

static void judges_no_cycles(struct bt_record *b)
{
    b->engine[BT_ENGINE_CYCLES].verdict = BT_SKIP;
}

static void predicts_more(struct bt_record *b)
{
    b->predicted_cycles = 1020;
}

static void moves_a_term(struct bt_record *b)
{
    b->measured.item[0].value = 90;
    b->measured.item[1].value = 910;
}

static void orders_terms(struct bt_record *b)
{
    b->measured = (struct bt_counters){.count = 0};
    bt_counters_add(&b->measured, "steady", 900);
    bt_counters_add(&b->measured, "new", 5);
    bt_counters_add(&b->measured, "fill", 100);
}

static void moves_ordered_terms(struct bt_record *b)
{
    b->measured = (struct bt_counters){.count = 0};
    bt_counters_add(&b->measured, "steady", 890);
    bt_counters_add(&b->measured, "fill", 110);
}

static void drives_slower(struct bt_record *b)
{
    b->engine[BT_ENGINE_ISS_ACCEL].soc.soc_cycles = 3020;
    b->measured.item[0].value = 101;
}

static void has_no_system(struct bt_record *b)
{
    b->engine[BT_ENGINE_ISS_ACCEL].soc.soc_cycles = 0;
}

static void has_another_system(struct bt_record *b)
{
    b->engine[BT_ENGINE_ISS_SW].soc.soc_cycles = 5;
}

static void simulates_faster(struct bt_record *b)
{
    b->rtl_seconds = 2.5;
}

static void nothing(struct bt_record *b)
{
    (void)b;
}

static void test_one(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*change)(struct bt_record *b);
        uint32_t changed, bits, lost, worse, slower, faster, terms;
        const char *words; /* of the table */
    } cases[] = {
        {"nothing", nothing, 0, 0, 0, 0, 0, 0, 0, "Nothing got worse: 1 result has the same bits."},
        {"other bits", other_bits, 1, 1, 0, 0, 0, 0, 0, "bits (rtl)"},
        {"other bits", other_bits, 1, 1, 0, 0, 0, 0, 0, "Other bits in 1 of 1 results, 0 verdicts are worse."},
        {"a failure", fails, 1, 0, 0, 1, 0, 0, 0, "Worse: other bits in 0 of 1 results, 1 verdict is worse."},
        {"an engine that did not run", did_not_run, 1, 0, 1, 0, 0, 0, 0, "did not run (rtl)"},
        {"an engine without bits", no_bits, 1, 0, 1, 0, 0, 0, 0, "0 verdicts are worse, 1 did not run in B."},
        {"a failure", fails, 1, 0, 0, 1, 0, 0, 0, "net l on fake 4x4, uniform: because"},
        {"a skip", skips, 1, 0, 0, 1, 0, 0, 0, "PASS to SKIP"},
        {"an exemption", is_exempted, 1, 0, 0, 1, 0, 0, 0, "PASS to XFAIL"},
        {"more cycles", takes_more, 1, 0, 0, 0, 1, 0, 1, "+1.000  fill +10"},
        {"fewer cycles", takes_less, 1, 0, 0, 0, 0, 1, 0, "-1.000"},
        {"nothing measured", measures_nothing, 1, 0, 1, 0, 0, 0, 0, "did not run (rtl)"},
        {"nothing predicted", predicts_nothing, 1, 0, 1, 0, 0, 0, 0, "did not run (cycles)"},
        {"an engine without bits that did not run", holds_no_cycles, 1, 0, 1, 0, 0, 0, 0, "did not run (cycles)"},
        {"a prediction that was held against nothing", judges_no_cycles, 1, 0, 1, 0, 0, 0, 0, "did not run (cycles)"},
        {"terms in another order", moves_ordered_terms, 1, 0, 0, 0, 0, 0, 1, "fill +10, steady -10"},
        {"prediction", predicts_more, 1, 0, 0, 0, 1, 0, 0,
         "prediction  net      l      fake     4x4     uniform      1000      1020"},
        {"terms", moves_a_term, 1, 0, 0, 0, 0, 0, 1, "0 faster. Counters: 1 result has others.\n"},
        {"the same terms", orders_terms, 0, 0, 0, 0, 0, 0, 0, "Nothing got worse"},
        {"the system", drives_slower, 1, 0, 0, 0, 0, 0, 1, "iss:accel system cycles +20, fill +1"},
        {"no system", has_no_system, 0, 0, 0, 0, 0, 0, 0, "Nothing got worse"},
        {"another system", has_another_system, 0, 0, 0, 0, 0, 0, 0, "Nothing got worse"},
        {"speed", simulates_faster, 0, 0, 0, 0, 0, 0, 0, " 2.00\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench *bench = make_bench();
        struct bt_difference difference;
        cases[i].change(&bench->records_b[0]);
        compare(bench, &difference);
        char *text = text_of(&difference, bt_difference_table);
        if (difference.count != cases[i].changed || difference.bits != cases[i].bits ||
            difference.lost != cases[i].lost || difference.worse != cases[i].worse ||
            difference.slower != cases[i].slower || difference.faster != cases[i].faster ||
            difference.terms != cases[i].terms ||
            bt_difference_is_worse(&difference) != (cases[i].bits + cases[i].lost + cases[i].worse != 0)) {
            fail_msg("%s:\n%s", cases[i].name, text);
        }
        holds(text, cases[i].words);
        free(text);
        bt_difference_free(&difference);
        free_bench(bench);
    }
}

static void test_verdicts(void **state)
{
    (void)state;
    static const enum bt_verdict order[] = {BT_PASS, BT_XFAIL, BT_SKIP, BT_FAIL};
    for (size_t i = 0; i < BT_VERDICT_COUNT; i++) {
        for (size_t k = 0; k < BT_VERDICT_COUNT; k++) {
            assert_int_equal(bt_verdict_worse(order[i], order[k]), k > i);
        }
    }
    struct bench *bench = make_bench();
    struct bt_difference difference;
    bench->records_a[0].verdict = BT_FAIL; /* what failed and passes is no reason to fail */
    compare(bench, &difference);
    assert_int_equal(difference.better, 1);
    assert_int_equal(difference.count, 1);
    assert_false(bt_difference_is_worse(&difference));
    bt_difference_free(&difference);
    free_bench(bench);
}

/* Other bits are what a fix is for: of an engine that was wrong, where the verdict gets better, and of no other. */
static void test_fixes(void **state)
{
    (void)state;
    static const struct {
        enum bt_verdict of_engine, of_a, of_b;
        uint64_t ref;
        uint32_t bits, fixed;
        const char *words;
    } cases[] = {
        {BT_FAIL, BT_FAIL, BT_PASS, 7, 0, 1,
         "Nothing got worse: 1 result has the same bits, 1 others where A was wrong."},
        {BT_XFAIL, BT_XFAIL, BT_PASS, 7, 0, 1, "bits (rtl), XFAIL to PASS"},
        {BT_FAIL, BT_FAIL, BT_FAIL, 7, 1, 0, "Other bits in 1 of 2 results, 0 verdicts are worse."},
        {BT_PASS, BT_FAIL, BT_PASS, 7, 1, 0,
         "Other bits in 1 of 2 results, 0 verdicts are worse."}, /* another's fault */
        {BT_FAIL, BT_FAIL, BT_PASS, 6, 1, 0, "bits (ref, rtl), FAIL to PASS"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench *bench = make_bench();
        struct bt_difference difference;
        add_a(bench, "other");
        add_b(bench, "other");
        bench->records_a[0].verdict = cases[i].of_a;
        bench->records_a[0].engine[BT_ENGINE_RTL].verdict = cases[i].of_engine;
        bench->records_a[0].engine[BT_ENGINE_RTL].hash = 8;
        bench->records_b[0].verdict = cases[i].of_b;
        bench->records_b[0].engine[BT_ENGINE_REF].hash = cases[i].ref;
        compare(bench, &difference);
        char *text = text_of(&difference, bt_difference_table);
        holds(text, cases[i].words);
        assert_int_equal(difference.bits, cases[i].bits);
        assert_int_equal(difference.fixed, cases[i].fixed);
        assert_int_equal(bt_difference_is_worse(&difference), cases[i].bits != 0);
        free(text);
        bt_difference_free(&difference);
        free_bench(bench);
    }
}

/* ---- several results ---- */

/* A sum has room for the terms of one result; results of one configuration with more names between them are no overflow. */
static void test_terms(void **state)
{
    (void)state;
    struct bench *bench = make_bench();
    struct bt_difference difference;
    add_a(bench, "other");
    add_b(bench, "other");
    for (unsigned side = 0; side < 2; side++) {
        for (unsigned n = 0; n < 2; n++) {
            struct bt_record *record = side == 0 ? &bench->records_a[n] : &bench->records_b[n];
            for (unsigned i = 0; i < 60; i++) {
                char name[BT_COUNTER_NAME_BYTES];
                (void)snprintf(name, sizeof(name), "counter_%u_%u", n, i);
                bt_counters_add(&record->measured, name, 10 + side);
            }
        }
    }
    compare(bench, &difference);
    assert_int_equal(difference.sums[0].term_count, BT_OUTCOME_TERMS);
    assert_int_equal(difference.terms, 2);
    bt_difference_free(&difference);
    free_bench(bench);
}

static void test_order(void **state)
{
    (void)state;
    struct bench *bench = make_bench();
    struct bt_difference difference;
    static const char *const layers[] = {"less", "bits", "only_a", "worse", "more", "fill", "system"};
    static const char *const expected[] = {"bits", "worse", "more", "less", "system", "fill", "only_a", "only_b"};
    enum { LAYERS = sizeof(layers) / sizeof(layers[0]), EXPECTED = sizeof(expected) / sizeof(expected[0]) };
    for (size_t i = 0; i < LAYERS; i++) {
        add_a(bench, layers[i]);
    }
    add_b(bench, "only_b");
    for (size_t i = LAYERS; i-- > 0;) { /* the order of the runs is not that of the other */
        if (strcmp(layers[i], "only_a") != 0) {
            add_b(bench, layers[i]);
        }
    }
    for (uint32_t i = 0; i < bench->count_b; i++) {
        struct bt_record *record = &bench->records_b[i];
        if (strcmp(record->layer, "less") == 0) {
            record->rtl_cycles = 999;
        } else if (strcmp(record->layer, "more") == 0) {
            record->rtl_cycles = 1002;
        } else if (strcmp(record->layer, "bits") == 0) {
            record->engine[BT_ENGINE_REF].hash = 1;
        } else if (strcmp(record->layer, "worse") == 0) {
            record->verdict = BT_FAIL;
        } else if (strcmp(record->layer, "fill") == 0) {
            record->measured.item[0].value -= 3;
        } else if (strcmp(record->layer, "system") == 0) {
            record->engine[BT_ENGINE_ISS_ACCEL].soc.soc_cycles += 4;
        }
    }
    compare(bench, &difference);
    assert_int_equal(difference.both, LAYERS);
    assert_int_equal(difference.only_a, 1);
    assert_int_equal(difference.only_b, 1);
    assert_int_equal(difference.count, EXPECTED);
    for (uint32_t i = 0; i < EXPECTED; i++) {
        const struct bt_changed *change = &difference.changed[i];
        assert_string_equal((change->a != NULL ? change->a : change->b)->layer, expected[i]);
    }
    assert_int_equal(difference.sum_count, 1);
    assert_int_equal(difference.sums[0].results, 7);
    assert_int_equal(difference.sums[0].cycles_a, 7000);
    assert_int_equal(difference.sums[0].cycles_b, 7001);
    assert_string_equal(difference.sums[0].terms[0].name, "iss:accel system cycles");
    assert_int_equal(difference.sums[0].terms[0].a, 7 * 3000);
    assert_int_equal(difference.sums[0].terms[0].b, 7 * 3000 + 4);
    bt_difference_free(&difference);
    free_bench(bench);
}

/* What did not run any more is a loss, unless it is a part that was asked for. */
static void test_lost(void **state)
{
    (void)state;
    struct bench *bench = make_bench();
    struct bt_difference difference;
    struct bt_error err = {""};
    add_a(bench, "other");
    did_not_run(&bench->records_b[0]);
    assert_int_equal(make(bench, true, &difference, &err), BT_OK);
    assert_false(bt_difference_is_worse(&difference));
    assert_int_equal(difference.only_a, 1);
    assert_int_equal(difference.count, 0);
    bt_difference_free(&difference);
    compare(bench, &difference);
    assert_int_equal(difference.count, 2);
    assert_true(bt_difference_is_worse(&difference));
    char *text = text_of(&difference, bt_difference_table);
    holds(text, "2 did not run in B.");
    free(text);
    bt_difference_free(&difference);
    did_not_run(&bench->records_a[0]); /* nor before */
    compare(bench, &difference);
    assert_int_equal(difference.lost, 0);
    assert_true(bt_difference_is_worse(&difference));
    bt_difference_free(&difference);
    bench->count_a--;
    add_b(bench, "new");
    compare(bench, &difference);
    assert_false(bt_difference_is_worse(&difference));
    bt_difference_free(&difference);
    free_bench(bench);
}

/* Results that share an id are paired in order, and not one with all. */
static void test_same_id(void **state)
{
    (void)state;
    struct bench *bench = make_bench();
    struct bt_difference difference;
    add_a(bench, "l");
    add_b(bench, "l");
    add_b(bench, "l");
    bench->records_a[1].engine[BT_ENGINE_REF].hash = 9;
    bench->records_b[1].engine[BT_ENGINE_REF].hash = 9;
    compare(bench, &difference);
    assert_int_equal(difference.both, 2);
    assert_int_equal(difference.bits, 0);
    assert_int_equal(difference.only_b, 1);
    bt_difference_free(&difference);
    bench->records_b[0].stall_percent = 30; /* another id */
    compare(bench, &difference);
    assert_int_equal(difference.bits, 2);
    assert_int_equal(difference.only_b, 1);
    bt_difference_free(&difference);
    free_bench(bench);
}

static void test_seeds(void **state)
{
    (void)state;
    struct bench *bench = make_bench();
    struct bt_difference difference;
    struct bt_error err = {""};
    bench->records_b[0].seed = 2;
    assert_int_equal(make(bench, false, &difference, &err), BT_EINPUT);
    assert_string_equal(err.text,
                        "net:l:fake:4x4:uniform:0:int8:0:random: seed 1 in left, 2 in right: expected the same data");
    assert_null(difference.changed);
    free_bench(bench);
}

static void test_areas(void **state)
{
    (void)state;
    struct bench *bench = make_bench();
    struct bt_difference difference;
    struct bt_area areas[] = {{"fake", "4x4", 1000.0, 10}, {"fake", "8x8", 9.0, 1}, {"other", "4x4", 9.0, 1}};
    struct bt_area bigger = {"fake", "4x4", 1250.0, 12};
    bench->a.areas = (struct bt_areas){3, areas};
    compare(bench, &difference);
    char *text = text_of(&difference, bt_difference_markdown);
    holds(text, "| um2 A | um2 B | % |");
    holds(text, "| 1000 | - | - |\n"); /* one side does not know it */
    free(text);
    bt_difference_free(&difference);
    bench->b.areas = (struct bt_areas){1, &bigger};
    compare(bench, &difference);
    text = text_of(&difference, bt_difference_markdown);
    holds(text, "| 1000 | 1250 | +25.000 |\n");
    assert_false(bt_difference_is_worse(&difference));
    free(text);
    bt_difference_free(&difference);
    free_bench(bench);
}

static void test_area_file(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected; /* NULL: read */
    } cases[] = {
        {"{\"areas\": []}", NULL},
        {"{\"areas\": [{\"variant\": \"v\", \"config\": \"c\", \"um2\": 590160.5, \"cells\": 7}]}", NULL},
        {"{}", "'areas': expected an array"},
        {"[", "no areas of bittrue"},
        {"{\"areas\": [{\"variant\": \"v\", \"config\": \"c\", \"um2\": \"big\", \"cells\": 7}]}",
         "'um2': expected a number"},
        {"{\"areas\": [{\"variant\": \"v\", \"config\": \"c\", \"um2\": 1, \"cells\": -7}]}",
         "'cells': expected a whole number"},
        {"{\"areas\": [{\"variant\": \"v\", \"config\": \"c\", \"um2\": 1, \"cells\": 1},"
         "{\"variant\": \"v\", \"config\": \"c\", \"um2\": 1, \"cells\": 1}]}",
         "area of v c a second time"},
    };
    char path[] = P_tmpdir "/bt_test_difference_XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_areas areas;
        struct bt_error err = {""};
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, cases[i].text, strlen(cases[i].text), 0), strlen(cases[i].text));
        assert_int_equal(bt_areas_read(path, &areas, &err), cases[i].expected == NULL ? BT_OK : BT_EINPUT);
        assert_int_equal(areas.count, i == 1 ? 1 : 0);
        if (cases[i].expected != NULL) {
            holds(err.text, cases[i].expected);
            assert_int_equal(strncmp(err.text, path, strlen(path)), 0);
        } else if (i == 1) {
            assert_true(bt_area_find(&areas, "v", "c")->um2 == 590160.5);
            assert_null(bt_area_find(&areas, "v", "d"));
        }
        bt_areas_free(&areas);
    }
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    struct bt_areas areas;
    struct bt_error err = {""};
    assert_int_equal(bt_areas_read(path, &areas, &err), BT_OK); /* they are optional */
    assert_int_equal(areas.count, 0);
}

/* A name is the text of its cell and nothing else, whatever it holds. */
static void test_names(void **state)
{
    (void)state;
    struct bench *bench = make_bench();
    struct bt_difference difference;
    static const char name[] = "<b onclick=x>|`a`\\|*_[c](d)&amp;@you\n# \x1b[1m";
    (void)snprintf(bench->records_a[0].layer, sizeof(bench->records_a[0].layer), "%s", name);
    (void)snprintf(bench->records_b[0].layer, sizeof(bench->records_b[0].layer), "%s", name);
    (void)snprintf(bench->records_b[0].reason, sizeof(bench->records_b[0].reason), "<script>|");
    (void)snprintf(bench->records_a[0].network, sizeof(bench->records_a[0].network), "res_net_");
    (void)snprintf(bench->records_b[0].network, sizeof(bench->records_b[0].network), "res_net_");
    bench->a.name = "<left>";
    bench->records_b[0].verdict = BT_FAIL;
    compare(bench, &difference);
    char *text = text_of(&difference, bt_difference_markdown);
    holds(
        text,
        "| PASS to FAIL | res_net&#95; | &#60;b onclick=x&#62;&#124;&#96;a&#96;&#92;&#124;&#42;_&#91;c&#93;(d)&#38;amp;"
        "&#64;&#8203;you?&#35; ?&#91;1m | fake |");
    holds(text, ": &#60;script&#62;&#124;\n");
    holds(text, "- A: &#60;left&#62;: suite s, 1 results\n");
    assert_null(strchr(text, '<'));
    free(text);
    text = text_of(&difference, bt_difference_table);
    assert_null(strchr(text, '\x1b'));
    holds(text, "<b onclick=x>");
    free(text);
    bt_difference_free(&difference);
    free_bench(bench);
}

/* ---- many ---- */

/* What a run of that size has: every layer on several configurations, twenty counters each. */
static struct bt_record *many(uint32_t count)
{
    struct bt_record *records = calloc(count, sizeof(*records));
    assert_non_null(records);
    for (uint32_t i = 0; i < count; i++) {
        char layer[32];
        (void)snprintf(layer, sizeof(layer), "layer%u.conv", i / 10);
        fill(&records[i], layer);
        (void)snprintf(records[i].config, sizeof(records[i].config), "%ux%u", i % 10, i % 10);
        for (unsigned k = 0; k < 18; k++) {
            char name[BT_COUNTER_NAME_BYTES];
            (void)snprintf(name, sizeof(name), "counter_%u", k);
            bt_counters_add(&records[i].measured, name, i + k);
        }
    }
    return records;
}

/* Rows are cut, sums are not. Argument of the program: how many results, timed. */
static uint32_t asked = 1000;
static void test_many(void **state)
{
    (void)state;
    struct bt_record *records = many(asked);
    struct bt_difference_side a = {.name = "a"};
    struct bt_difference_side b = {.name = "b"};
    struct bt_difference difference;
    struct bt_error err = {""};
    take(&a, records, asked);
    for (uint32_t i = 0; i < asked; i += 2) { /* every other one */
        records[i].rtl_cycles += i / 2 + 1;
        records[i].measured.item[5].value += i;
    }
    take(&b, records, asked);
    free(records);
    const clock_t begin = clock();
    assert_int_equal(bt_difference_make(&a, &b, false, &difference, &err), BT_OK);
    char *text = text_of(&difference, bt_difference_markdown);
    if (asked > 1000) {
        (void)fprintf(stderr, "%u results: %.3f s\n", asked, (double)(clock() - begin) / CLOCKS_PER_SEC);
    }
    assert_int_equal(difference.both, asked);
    assert_int_equal(difference.slower, asked / 2);
    assert_int_equal(difference.sum_count, 10);
    assert_int_equal(difference.sums[0].results, asked / 10);
    for (uint32_t i = 1; i < difference.count; i++) {
        assert_true(difference.changed[i - 1].cycles >= difference.changed[i].cycles);
    }
    char words[64];
    (void)snprintf(words, sizeof(words), "\n%u more are left out here.\n", asked / 2 - BT_DIFFERENCE_ROWS);
    holds(text, words);
    uint32_t rows = 0;
    for (const char *at = text; (at = strstr(at, "\n| cycles |")) != NULL; at++) {
        rows++;
    }
    assert_int_equal(rows, BT_DIFFERENCE_ROWS);
    free(text);
    bt_difference_free(&difference);
    bt_outcomes_free(&a.outcomes);
    bt_outcomes_free(&b.outcomes);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one),   cmocka_unit_test(test_verdicts),  cmocka_unit_test(test_order),
        cmocka_unit_test(test_fixes), cmocka_unit_test(test_terms),     cmocka_unit_test(test_lost),
        cmocka_unit_test(test_seeds), cmocka_unit_test(test_same_id),   cmocka_unit_test(test_areas),
        cmocka_unit_test(test_names), cmocka_unit_test(test_area_file), cmocka_unit_test(test_many),
    };
    asked = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : asked;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
