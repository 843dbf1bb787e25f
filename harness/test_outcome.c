/* An outcome says what its record said, however many there are and whatever became of the record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "harness/outcome.h"
#include "harness/record_json.h"

/* Everything of it follows from n. Names stay the same for some, and have all lengths. */
static void fill(struct bt_record *record, unsigned n)
{
    bt_record_init(record);
    (void)snprintf(record->network, sizeof(record->network), "net%u", n / 100);
    (void)snprintf(record->layer, sizeof(record->layer), "%.*s%u", (int)(n % 90),
                   "a.very.long.name.of.a.layer.within.a.chain.within.a.network.that.somebody.has.made.from.others",
                   n / 3);
    (void)snprintf(record->variant, sizeof(record->variant), "variant%u", n / 7 % 3);
    (void)snprintf(record->config, sizeof(record->config), "%ux%u", n % 4, n % 4);
    (void)snprintf(record->pattern, sizeof(record->pattern), "uniform");
    (void)snprintf(record->dtype, sizeof(record->dtype), n % 5 == 0 ? "int16" : "int8");
    (void)snprintf(record->structure, sizeof(record->structure), "random");
    (void)snprintf(record->reason, sizeof(record->reason), "%s", n % 11 == 0 ? "rtl: because" : "");
    record->sparsity = n % 13 == 0 ? 50 : 0;
    record->stall_percent = n % 17 == 0 ? 30 : 0;
    record->seed = n;
    record->macs = 1000 + n;
    record->rtl_cycles = 2000 + n;
    record->predicted_cycles = 3000 + n;
    record->rtl_seconds = 0.5 + n;
    record->verdict = (enum bt_verdict)(n % BT_VERDICT_COUNT);
    for (unsigned e = 0; e < BT_ENGINE_COUNT; e++) {
        record->engine[e].ran = (n + e) % 3 != 0;
        record->engine[e].verdict = (enum bt_verdict)((n + 2 * e) % BT_VERDICT_COUNT);
        record->engine[e].hash = UINT64_C(0xfedcba9876543210) + n + e;
    }
    record->engine[BT_ENGINE_RTL].soc.soc_cycles = 1; /* no system */
    record->engine[BT_ENGINE_ISS_SW].soc.soc_cycles = n % 2 == 0 ? 0 : 70 + n;
    record->engine[BT_ENGINE_ISS_ACCEL].soc.soc_cycles = n % 19 == 0 ? 0 : 80 + n;
    for (unsigned i = 0; i < n % (BT_MAX_COUNTERS + 1); i++) {
        char name[BT_COUNTER_NAME_BYTES];
        (void)snprintf(name, sizeof(name), "counter_%u_%u", i, n / 200);
        bt_counters_add(&record->measured, name, UINT64_C(1) << i | n);
    }
    bt_counters_add(&record->predicted, "not kept", 1);
}

static void expect_term(const struct bt_outcome *outcome, uint32_t at, const char *name, uint64_t value)
{
    assert_true(at < outcome->term_count);
    assert_string_equal(outcome->terms[at].name, name);
    assert_true(outcome->terms[at].value == value);
}

static void expect(const struct bt_outcome *outcome, const struct bt_record *record)
{
    char id[BT_ID_BYTES];
    uint32_t terms = record->measured.count;
    bt_record_id(record, id, sizeof(id));
    assert_string_equal(outcome->id, id);
    assert_string_equal(outcome->network, record->network);
    assert_string_equal(outcome->layer, record->layer);
    assert_string_equal(outcome->variant, record->variant);
    assert_string_equal(outcome->config, record->config);
    assert_string_equal(outcome->reason, record->reason);
    assert_true(outcome->seed == record->seed && outcome->macs == record->macs);
    assert_true(outcome->rtl_cycles == record->rtl_cycles && outcome->predicted_cycles == record->predicted_cycles);
    assert_true(outcome->rtl_seconds == record->rtl_seconds);
    assert_int_equal(outcome->verdict, record->verdict);
    for (int e = 0; e < BT_ENGINE_COUNT; e++) {
        const enum bt_verdict verdict = record->engine[e].verdict;
        assert_true(outcome->hash[e] == (record->engine[e].ran ? record->engine[e].hash : 0));
        assert_int_equal(outcome->ran >> e & 1, record->engine[e].ran && (e == BT_ENGINE_REF || verdict != BT_SKIP));
        assert_int_equal(outcome->failed >> e & 1, verdict == BT_FAIL || verdict == BT_XFAIL);
    }
    for (uint32_t i = 0; i < terms; i++) {
        expect_term(outcome, i, record->measured.item[i].name, record->measured.item[i].value);
    }
    if (record->engine[BT_ENGINE_ISS_SW].soc.soc_cycles != 0) {
        expect_term(outcome, terms++, "iss:sw system cycles", record->engine[BT_ENGINE_ISS_SW].soc.soc_cycles);
    }
    if (record->engine[BT_ENGINE_ISS_ACCEL].soc.soc_cycles != 0) {
        expect_term(outcome, terms++, "iss:accel system cycles", record->engine[BT_ENGINE_ISS_ACCEL].soc.soc_cycles);
    }
    assert_int_equal(outcome->term_count, terms);
}

/* More than one block of them. */
static void test_many(void **state)
{
    (void)state;
    enum { MANY = 4000 };
    struct bt_outcomes outcomes = {.count = 0};
    struct bt_record record;
    for (unsigned n = 0; n < MANY; n++) {
        fill(&record, n);
        assert_true(bt_outcomes_add(&outcomes, &record));
    }
    assert_int_equal(outcomes.count, MANY);
    for (unsigned n = 0; n < MANY; n++) {
        fill(&record, n);
        expect(&outcomes.items[n], &record);
    }
    bt_outcomes_free(&outcomes);
    assert_null(outcomes.items);
    bt_outcomes_free(&outcomes); /* of none */
}

static void test_data(void **state)
{
    (void)state;
    static const struct {
        unsigned n;
        const char *data;
    } cases[] = {
        {1, "uniform"},
        {5, "uniform int16"},
        {13, "uniform 50 % zero (random)"},
        {17, "uniform stalls 30 %"},
        {65 * 17, "uniform int16 50 % zero (random) stalls 30 %"},
    };
    struct bt_outcomes outcomes = {.count = 0};
    struct bt_record record;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fill(&record, cases[i].n);
        assert_true(bt_outcomes_add(&outcomes, &record));
        assert_string_equal(outcomes.items[i].data, cases[i].data);
    }
    bt_outcomes_free(&outcomes);
}

/* What follows with the same names takes no memory for them. */
static void test_shared_names(void **state)
{
    (void)state;
    struct bt_outcomes outcomes = {.count = 0};
    struct bt_record record;
    fill(&record, 63);
    assert_true(bt_outcomes_add(&outcomes, &record));
    assert_true(bt_outcomes_add(&outcomes, &record));
    const struct bt_outcome *one = &outcomes.items[0];
    const struct bt_outcome *two = &outcomes.items[1];
    assert_ptr_equal(one->network, two->network);
    assert_ptr_equal(one->layer, two->layer);
    assert_ptr_equal(one->variant, two->variant);
    assert_ptr_equal(one->config, two->config);
    assert_ptr_equal(one->data, two->data);
    assert_ptr_equal(one->reason, two->reason);
    assert_ptr_equal(one->terms[62].name, two->terms[62].name);
    bt_outcomes_free(&outcomes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_shared_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
