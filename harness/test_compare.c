/* Comparators and gates, each with the fault that it must catch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/compare.h"
#include "harness/data.h"
#include "harness/spot_check.h"
#include "reference/common/bt_conv2d.h"
#include "reference/ops/conv2d_s8.h"

/* Both have an ofmap [2][3][4][5], the second after pooling. */
static const struct bt_layer layers[] = {
    {.op = BT_OP_CONV2D,
     .u.conv = {.n = 2,
                .h = 3,
                .w = 4,
                .c_in = 6,
                .c_out = 5,
                .kh = 1,
                .kw = 1,
                .stride_h = 1,
                .stride_w = 1,
                .dil_h = 1,
                .dil_w = 1,
                .groups = 1,
                .act_min = -128,
                .act_max = 127}},
    {.op = BT_OP_CONV2D,
     .u.conv = {.n = 2,
                .h = 9,
                .w = 5,
                .c_in = 6,
                .c_out = 5,
                .kh = 1,
                .kw = 1,
                .stride_h = 1,
                .stride_w = 1,
                .dil_h = 1,
                .dil_w = 1,
                .groups = 1,
                .act_min = -128,
                .act_max = 127},
     .pool = {.kh = 3, .kw = 3, .stride_h = 3, .stride_w = 1, .pad_left = 1}},
};
#define ELEMS 120

static void test_equal(void **state)
{
    (void)state;
    int8_t a[ELEMS];
    int8_t b[ELEMS];
    struct bt_mismatch mismatch = {.differing = 9};
    bt_data_fill(1, false, a, ELEMS);
    memcpy(b, a, ELEMS);
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
        assert_int_equal(bt_layer_check(&layers[i], NULL), BT_OK);
        assert_int_equal(bt_ofmap_bytes(&layers[i]), ELEMS);
        assert_true(bt_compare_ofmap(&layers[i], a, b, &mismatch));
        assert_int_equal(mismatch.differing, 0);
    }
}

/* Every single bit that can flip is found, where it is. */
static void test_every_flipped_bit(void **state)
{
    (void)state;
    int8_t a[ELEMS];
    bt_data_fill(1, false, a, ELEMS);
    for (int bit = 0; bit < 2 * ELEMS * 8; bit++) {
        const struct bt_layer *layer = &layers[bit / (ELEMS * 8)];
        int8_t b[ELEMS];
        struct bt_mismatch mismatch;
        const int elem = bit / 8 % ELEMS;
        memcpy(b, a, ELEMS);
        b[elem] = (int8_t)(b[elem] ^ (1 << bit % 8));
        assert_false(bt_compare_ofmap(layer, a, b, &mismatch));
        assert_int_equal(mismatch.differing, 1);
        assert_int_equal(mismatch.total, ELEMS);
        assert_int_equal(mismatch.n, elem / 60);
        assert_int_equal(mismatch.y, elem / 20 % 3);
        assert_int_equal(mismatch.x, elem / 5 % 4);
        assert_int_equal(mismatch.c, elem % 5);
        assert_int_equal(mismatch.expected, a[elem]);
        assert_int_equal(mismatch.got, b[elem]);
        assert_int_equal(bt_mismatch_elem(layer, &mismatch), elem);
    }
}

/* The same values in another order: sums and histograms would not notice. */
static void test_permuted_tile(void **state)
{
    (void)state;
    int8_t a[ELEMS];
    int8_t b[ELEMS];
    struct bt_mismatch mismatch;
    for (int i = 0; i < ELEMS; i++) {
        a[i] = (int8_t)i;
    }
    memcpy(b, a, ELEMS);
    memcpy(b + 20, a + 30, 10);
    memcpy(b + 30, a + 20, 10);
    assert_false(bt_compare_ofmap(&layers[0], a, b, &mismatch));
    assert_int_equal(mismatch.differing, 20);
    assert_int_equal(mismatch.y, 1);
    assert_int_equal(mismatch.x, 0);
}

static void test_raw_sums(void **state)
{
    (void)state;
    struct bt_layer raw = layers[0];
    int32_t a[ELEMS] = {0};
    int32_t b[ELEMS] = {0};
    struct bt_mismatch mismatch;
    raw.u.conv.raw = true;
    assert_int_equal(bt_ofmap_bytes(&raw), 4 * ELEMS);
    a[77] = INT32_MIN;
    b[77] = INT32_MAX;
    assert_false(bt_compare_ofmap(&raw, a, b, &mismatch));
    assert_int_equal(mismatch.differing, 1);
    assert_true(mismatch.expected == INT32_MIN && mismatch.got == INT32_MAX);
    assert_int_equal(mismatch.c, 2);
}

static void test_int16(void **state)
{
    (void)state;
    struct bt_layer wide = layers[0];
    int16_t a[ELEMS] = {0};
    struct bt_mismatch mismatch;
    wide.dtype = BT_S16;
    assert_int_equal(bt_ofmap_bytes(&wide), 2 * ELEMS);
    for (int bit = 0; bit < ELEMS * 16; bit++) {
        int16_t b[ELEMS] = {0};
        b[bit / 16] = (int16_t)(1 << bit % 16);
        assert_false(bt_compare_ofmap(&wide, a, b, &mismatch));
        assert_int_equal(mismatch.differing, 1);
        assert_int_equal(mismatch.expected, 0);
        assert_int_equal(mismatch.got, b[bit / 16]);
        assert_int_equal(bt_mismatch_elem(&wide, &mismatch), bit / 16);
        assert_int_equal(bt_ofmap_elem(&wide, b, (uint64_t)bit / 16), b[bit / 16]);
    }
}

static struct bt_counters counters(const char *second, uint64_t cycles, uint64_t value)
{
    struct bt_counters made = {0};
    bt_counters_add(&made, "cycles", cycles);
    if (second != NULL) {
        bt_counters_add(&made, second, value);
    }
    return made;
}

static void test_cycle_gate(void **state)
{
    (void)state;
    static const struct {
        uint64_t predicted, measured;
        double gate;
        enum bt_verdict verdict;
    } cases[] = {
        {1000, 1000, 0.0, BT_PASS}, {1001, 1000, 0.0, BT_FAIL}, {999, 1000, 0.0, BT_FAIL},
        {1010, 1000, 1.0, BT_PASS}, {1011, 1000, 1.0, BT_FAIL}, /* one cycle beyond */
        {990, 1000, 1.0, BT_PASS},  {989, 1000, 1.0, BT_FAIL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct bt_counters predicted = counters(NULL, cases[i].predicted, 0);
        const struct bt_counters measured = counters(NULL, cases[i].measured, 0);
        const struct bt_cycle_facts facts = {
            .start_to_done = cases[i].measured,
            .measured = &measured,
            .predicted = &predicted,
            .gate_percent = cases[i].gate,
        };
        char reason[BT_REASON_BYTES];
        assert_int_equal(bt_check_cycles(&facts, reason, sizeof(reason)), cases[i].verdict);
        assert_int_equal(reason[0] == '\0', cases[i].verdict == BT_PASS);
    }
}

static void test_terms(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t value;
        double gate;
        enum bt_verdict verdict;
    } cases[] = {
        {"drain", 50, 0.0, BT_PASS}, {"drain", 51, 0.0, BT_FAIL}, {"drain", 60, 1.0, BT_PASS}, /* 10 of 1000 */
        {"drain", 61, 1.0, BT_FAIL}, {"fill", 50, 1.0, BT_FAIL},                               /* nothing counts it */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct bt_counters predicted = counters(cases[i].name, 1000, cases[i].value);
        const struct bt_counters measured = counters("drain", 1000, 50);
        const struct bt_cycle_facts facts = {
            .start_to_done = 1000, .measured = &measured, .predicted = &predicted, .gate_percent = cases[i].gate};
        char reason[BT_REASON_BYTES];
        assert_int_equal(bt_check_cycles(&facts, reason, sizeof(reason)), cases[i].verdict);
    }
}

static void test_invariants(void **state)
{
    (void)state;
    const struct bt_counters none = {0};
    const struct bt_counters misnamed = {.count = 1, .item = {{"clocks", 100}}};
    const struct bt_counters good = counters("drain", 100, 5);
    const struct bt_counters negative = counters("drain", 100, (uint64_t)-5);
    const struct bt_counters fast = counters("drain", 99, 5);
    const struct {
        const struct bt_counters *predicted;
        enum bt_verdict verdict;
        const char *words;
    } cases[] = {
        {&good, BT_PASS, ""},
        {&none, BT_FAIL, "does not begin with cycles"},
        {&misnamed, BT_FAIL, "does not begin with cycles"},
        {&negative, BT_FAIL, "predicted drain is negative: -5"},
        {&fast, BT_FAIL, "99 cycles predicted, but 1600 MACs on 16 multipliers need at least 100"},
    };
    char reason[BT_REASON_BYTES];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct bt_cycle_facts facts = {.macs = 1600, .multipliers = 16, .predicted = cases[i].predicted};
        assert_int_equal(bt_check_prediction(&facts, reason, sizeof(reason)), cases[i].verdict);
        assert_non_null(strstr(reason, cases[i].words));
    }
    const struct {
        uint64_t start_to_done, counter;
        enum bt_verdict verdict;
    } measured[] = {{100, 100, BT_PASS}, {100, 101, BT_FAIL}, {99, 99, BT_FAIL}, {0, 0, BT_FAIL}};
    for (size_t i = 0; i < sizeof(measured) / sizeof(measured[0]); i++) {
        const struct bt_counters counted = counters(NULL, measured[i].counter, 0);
        const struct bt_cycle_facts facts = {
            .macs = 1600, .multipliers = 16, .start_to_done = measured[i].start_to_done, .measured = &counted};
        assert_int_equal(bt_check_measurement(&facts, reason, sizeof(reason)), measured[i].verdict);
    }
}

static void test_records(void **state)
{
    (void)state;
    struct bt_record record;
    bt_record_init(&record);
    assert_int_equal(record.verdict, BT_SKIP); /* nothing ran */
    bt_record_set(&record, BT_ENGINE_CYCLES, BT_SKIP, "why not");
    assert_string_equal(record.reason, "cycles: why not");
    bt_record_set(&record, BT_ENGINE_MODEL, BT_PASS, NULL);
    assert_int_equal(record.verdict, BT_PASS);
    assert_string_equal(record.reason, "");
    bt_record_set(&record, BT_ENGINE_CYCLES, BT_XFAIL, "known");
    assert_int_equal(record.verdict, BT_XFAIL);
    bt_record_set(&record, BT_ENGINE_RTL, BT_FAIL, "bits");
    bt_record_set(&record, BT_ENGINE_MODEL, BT_FAIL, "later");
    bt_record_set(&record, BT_ENGINE_CYCLES, BT_PASS, NULL);
    bt_record_set(&record, BT_ENGINE_MODEL, BT_PASS, NULL); /* at the next picture */
    assert_int_equal(record.verdict, BT_FAIL);
    assert_string_equal(record.reason, "rtl: bits");
    assert_int_equal(record.engine[BT_ENGINE_MODEL].verdict, BT_FAIL);
    assert_int_equal(record.engine[BT_ENGINE_RTL].verdict, BT_FAIL);
    assert_int_equal(record.engine[BT_ENGINE_CYCLES].verdict, BT_XFAIL);
}

/* The rows that a spot check works out again must be those of the whole layer; a wrong one is found. */
static void test_spot_check(void **state)
{
    (void)state;
    static const struct bt_conv2d cases[] = {
        {2, 9, 8, 6, 10, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, -128, 127, BT_ROUND_DOUBLE, false, false},
        {1, 11, 7, 4, 8, 5, 3, 2, 2, 1, 2, 2, 3, 2, 2, 2, 0, 0, -128, 127, BT_ROUND_DOUBLE, false, true},
        {1, 10, 10, 12, 12, 3, 3, 2, 1, 2, 1, 1, 0, 0, 1, 12, 0, 0, -128, 127, BT_ROUND_SINGLE, false, false},
        {1, 40, 60, 64, 256, 5, 5, 1, 1, 1, 1, 2, 2, 2, 2, 1, 0, 0, -128, 127, BT_ROUND_DOUBLE, false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct bt_data_key key = {.seed = 4, .network = "net", .pattern = BT_PATTERN_UNIFORM};
        struct bt_layer work = {.op = BT_OP_CONV2D, .u.conv = cases[i]};
        struct bt_conv2d *layer = &work.u.conv;
        struct bt_tensors tensors;
        struct bt_mismatch mismatch;
        bt_data_adapt(&key, BT_ACT_NONE, layer);
        assert_int_equal(bt_data_make(&key, BT_ACT_NONE, layer, NULL, &tensors), BT_OK);
        uint8_t *ofmap = malloc(bt_ofmap_bytes(&work));
        assert_non_null(ofmap);
        assert_int_equal(ref_conv2d_s8(layer, &tensors.view, ofmap), BT_OK);
        for (uint64_t seed = 0; seed < 12; seed++) {
            assert_int_equal(bt_spot_check(layer, &tensors.view, ofmap, seed * 7919, &mismatch), BT_OK);
            assert_int_equal(mismatch.differing, 0);
        }
        for (size_t b = 0; b < bt_ofmap_bytes(&work); b++) {
            ofmap[b] ^= 1; /* everywhere: wherever it looks, it must see it */
        }
        assert_int_equal(bt_spot_check(layer, &tensors.view, ofmap, 12345, &mismatch), BT_OK);
        assert_true(mismatch.differing > 0);
        free(ofmap);
        bt_data_free(&tensors);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal),         cmocka_unit_test(test_every_flipped_bit),
        cmocka_unit_test(test_permuted_tile), cmocka_unit_test(test_raw_sums),
        cmocka_unit_test(test_int16),         cmocka_unit_test(test_cycle_gate),
        cmocka_unit_test(test_terms),         cmocka_unit_test(test_invariants),
        cmocka_unit_test(test_records),       cmocka_unit_test(test_spot_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
