/* results.json there and back: nothing is lost, and what is not such a file is refused with its reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/record_json.h"
#include "harness/results.h"

static uint64_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* A finite number that needs all of its digits. */
static double real(uint64_t *state)
{
    return ((double)next(state) + 1.0) / 3.0;
}

static void fill_soc(uint64_t *state, struct bt_soc_result *soc)
{
    *soc = (struct bt_soc_result){
        .soc_cycles = next(state),
        .instructions = next(state) + 1,
        .cpu_cycles = next(state),
        .wait_cycles = next(state),
        .accel_cycles = next(state),
        .overlap_cycles = next(state),
        .accel_bytes = next(state),
        .copied_bytes = next(state),
        .interrupts = next(state),
        .whole_cycles = next(state),
        .next_cycles = next(state),
        .host_seconds = real(state),
    };
}

static void fill_accuracy(uint64_t *state, struct bt_accuracy *a, bool detects, bool has_float)
{
    *a = (struct bt_accuracy){.measured = true,
                              .detects = detects,
                              .has_float = has_float,
                              .images = 100,
                              .labelled = 90,
                              .max_drop = next(state) % 2 == 0 ? -1.0 : 0.5,
                              .float_seconds = real(state),
                              .int8_seconds = real(state)};
    for (enum bt_engine e = BT_ENGINE_MODEL; e < BT_ENGINE_COUNT; e++) {
        a->compared[e] = e != BT_ENGINE_CYCLES ? (uint32_t)(next(state) % 100) : 0;
    }
    if (detects) {
        a->boxes = 12;
        a->int8_map50 = real(state);
        a->int8_map = real(state);
    } else {
        a->int8_top1 = 50;
        a->int8_top5 = 70;
    }
    if (has_float && detects) {
        a->float_map50 = real(state);
        a->float_map = real(state);
    } else if (has_float) {
        a->float_top1 = 51;
        a->float_top5 = 71;
        a->agree_top1 = 60;
        a->agree_top5 = 61;
    }
    a->drop = has_float ? 1.0 / 3.0 : 0.0;
}

/* Engines as a run can leave them: what has no verdict did not run, and cycles alone can be a known error. */
static void fill_engines(uint64_t *state, unsigned kind, struct bt_record *record)
{
    const uint64_t hash = next(state) << 40 | next(state);
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
        const bool known = record->verdict == BT_XFAIL && e != BT_ENGINE_CYCLES;
        const bool says = next(state) % 2 == 0 || e == BT_ENGINE_RTL || record->verdict == BT_XFAIL;
        const enum bt_verdict verdict = !says ? BT_SKIP : known ? BT_PASS : record->verdict;
        const bool ran = e == BT_ENGINE_CYCLES || (verdict != BT_SKIP && (verdict != BT_FAIL || next(state) % 2 == 0));
        const bool ofmap = ran && e != BT_ENGINE_CYCLES && (verdict != BT_FAIL || kind % 3 != 0);
        record->engine[e] = (struct bt_engine_result){
            .verdict = verdict,
            .ran = ran,
            .seconds = real(state),
            .hash = !ofmap          ? 0
                    : record->whole ? hash + e
                                    : hash,
        };
    }
    record->engine[BT_ENGINE_RTL].ran = record->verdict != BT_SKIP;
}

/* Cycles, and what follows from them. */
static void fill_cycles(uint64_t *state, unsigned kind, struct bt_record *record)
{
    record->rtl_cycles = record->engine[BT_ENGINE_RTL].ran ? next(state) + 1 : 0;
    record->predicted_cycles = kind % 5 == 2 && record->verdict != BT_XFAIL ? 0 : next(state) + 1;
    record->roofline_cycles = next(state) + 1;
    record->gated =
        record->rtl_cycles != 0 && record->predicted_cycles != 0 && record->engine[BT_ENGINE_CYCLES].verdict != BT_SKIP;
    record->stall_percent = record->gated ? 0 : (uint32_t)(next(state) % 96);
    record->multipliers = next(state) + 1;
    record->utilisation =
        record->rtl_cycles != 0 ? (double)record->macs / (double)record->multipliers / (double)record->rtl_cycles : 0.0;
    record->rtl_seconds = real(state);
    /* as they come back: those of a predicted name first */
    bt_counters_add(&record->predicted, "cycles", record->predicted_cycles);
    bt_counters_add(&record->predicted, "only_predicted", next(state));
    bt_counters_add(&record->measured, "cycles", next(state));
    bt_counters_add(&record->measured, "beats", next(state));
}

/* Every member has a value of its own, or that which follows from the others. */
static void fill(uint64_t *state, unsigned kind, struct bt_record *record)
{
    bt_record_init(record);
    (void)snprintf(record->network, sizeof(record->network), "net<\"&'\xc3\xa9");
    (void)snprintf(record->layer, sizeof(record->layer), "chained/l%u", kind);
    (void)snprintf(record->variant, sizeof(record->variant), "var%u", kind % 2);
    (void)snprintf(record->config, sizeof(record->config), kind % 8 < 4 ? "8x8" : "3x5");
    (void)snprintf(record->pattern, sizeof(record->pattern), "uniform");
    (void)snprintf(record->dtype, sizeof(record->dtype), "int16");
    (void)snprintf(record->structure, sizeof(record->structure), "filter");
    (void)snprintf(record->reason, sizeof(record->reason), "why %u", kind);
    (void)snprintf(record->note, sizeof(record->note), "note %u", kind);
    (void)snprintf(record->mapping, sizeof(record->mapping), "mapping %u", kind);
    record->whole = kind % 8 >= 4;
    record->sparsity = (uint32_t)(next(state) % 99);
    record->seed = INT64_MAX;
    record->same = (uint32_t)next(state) % 9 + 1;
    record->macs = next(state);
    record->verdict = (enum bt_verdict)(kind % BT_VERDICT_COUNT);
    fill_engines(state, kind, record);
    if (kind % 3 != 2) {
        fill_soc(state, &record->engine[BT_ENGINE_ISS_SW].soc);
        fill_soc(state, &record->engine[BT_ENGINE_ISS_ACCEL].soc);
    }
    fill_cycles(state, kind, record);
    if (record->verdict == BT_FAIL) {
        record->mismatch = (struct bt_mismatch){
            .differing = 1, .total = 9, .n = 1, .y = -2, .x = 3, .c = 4, .expected = INT64_MIN, .got = INT64_MAX};
        (void)snprintf(record->mismatch.where, sizeof(record->mismatch.where), "tile %u", kind);
        record->mismatch_engine = BT_ENGINE_ISS_ACCEL;
    }
    if (kind % 3 != 0) {
        record->quantisation = (struct bt_layer_quantisation){.measured = true,
                                                              .low = -real(state),
                                                              .high = real(state),
                                                              .scale = 1e-300 * real(state),
                                                              .zp = -128,
                                                              .clipped = 0.1,
                                                              .sqnr = -3.3};
    }
    if (kind % 5 != 0) {
        fill_accuracy(state, &record->accuracy, kind % 5 >= 3, kind % 2 == 1);
    }
}

static void test_record(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (unsigned kind = 0; kind < 200; kind++) {
        struct bt_record record;
        struct bt_record back;
        struct bt_error err = {""};
        bool ok = true;
        fill(&seed, kind, &record);
        json_t *object = bt_record_to_json(&record, &ok);
        assert_true(ok);
        char *text = json_dumps(object, BT_JSON_FORMAT);
        json_t *read = json_loads(text, 0, NULL);
        assert_int_equal(bt_record_from_json(read, &back, &err), BT_OK);
        assert_memory_equal(&back, &record, sizeof(record)); /* bt_record_init() clears the padding */
        json_decref(read);
        json_decref(object);
        free(text);
    }
}

/* Each member of a record, of its engines, and so on, left out or of another type: refused, with its name. */
static void damage(json_t *root, json_t *object, unsigned *refused)
{
    const char *key;
    json_t *value;
    void *next_one;
    json_object_foreach_safe(object, next_one, key, value)
    {
        static const char *const derived[] = {"percent", "low", "high", "hash", "soc"};
        bool skip = false;
        for (size_t i = 0; i < sizeof(derived) / sizeof(derived[0]); i++) {
            skip = skip || strcmp(key, derived[i]) == 0;
        }
        if (skip) {
            continue;
        }
        char *name = strdup(key);
        json_t *kept = json_incref(value);
        json_t *wrong = json_array();
        struct bt_record record;
        struct bt_error err = {""};
        assert_int_equal(json_object_set(object, name, wrong), 0);
        if (bt_record_from_json(root, &record, &err) != BT_EINPUT) {
            fail_msg("'%s' may be anything", name);
        }
        if (strstr(err.text, name) == NULL && strstr(err.text, "predicted") == NULL &&
            strstr(err.text, "measured") == NULL) {
            fail_msg("'%s' is wrong, the message is: %s", name, err.text);
        }
        assert_int_equal(json_object_set(object, name, kept), 0);
        assert_int_equal(bt_record_from_json(root, &record, &err), BT_OK);
        json_decref(wrong);
        ++*refused;
        if (json_is_object(kept)) {
            damage(root, kept, refused);
        }
        json_decref(kept);
        free(name);
    }
}

static void test_record_damaged(void **state)
{
    (void)state;
    uint64_t seed = 9;
    struct bt_record record;
    bool ok = true;
    unsigned refused = 0;
    fill(&seed, 1, &record); /* FAIL, with everything */
    json_t *object = bt_record_to_json(&record, &ok);
    damage(object, object, &refused);
    assert_in_range(refused, 90, 200);
    /* values that do not fit */
    static const struct {
        const char *parent, *key, *value; /* of the record itself: NULL */
    } cases[] = {
        {NULL, "macs", "-1"},
        {NULL, "same", "4294967296"},
        {NULL, "verdict", "\"PASSED\""},
        {NULL, "rtl_seconds", "\"1\""},
        {NULL, "rtl_seconds", "-1"},
        {NULL, "gated", "1"},
        {NULL, "utilisation", "true"},
        {NULL, "utilisation", "-0.5"},
        {"accuracy", "max_drop_points", "-0.5"},
        {"accuracy", "float_seconds", "-1"},
        {"accuracy", "int8_seconds", "-1"},
        {NULL, "dtype", "\"int8888888\""},
        {NULL, "layer", "5"},
        {NULL, "mismatch", "[]"},
        {NULL, "terms", "{\"a_name_that_is_longer_than_any\": {\"measured\": 1}}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_record back;
        struct bt_error err = {""};
        json_t *parent = cases[i].parent != NULL ? json_object_get(object, cases[i].parent) : object;
        json_t *kept = json_incref(json_object_get(parent, cases[i].key));
        assert_non_null(kept);
        assert_int_equal(json_object_set_new(parent, cases[i].key, json_loads(cases[i].value, JSON_DECODE_ANY, NULL)),
                         0);
        assert_int_equal(bt_record_from_json(object, &back, &err), BT_EINPUT);
        assert_non_null(strstr(err.text, cases[i].key));
        assert_int_equal(json_object_set_new(parent, cases[i].key, kept), 0);
    }
    json_decref(object);
}

/* A PASS of every engine, in 7 cycles as predicted. */
static void pass_all(struct bt_record *record)
{
    record->verdict = BT_PASS;
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
        record->engine[e].verdict = BT_PASS;
        record->engine[e].ran = true;
        record->engine[e].hash = e != BT_ENGINE_CYCLES ? 77 : 0;
    }
    record->macs = 100;
    record->multipliers = 16;
    record->rtl_cycles = 7;
    record->predicted_cycles = 7;
    record->predicted.item[0].value = 7;
    record->utilisation = 100.0 / 16.0 / 7.0;
    record->stall_percent = 0;
    record->gated = true;
    record->whole = false;
    (void)snprintf(record->network, sizeof(record->network), "net");
    (void)snprintf(record->layer, sizeof(record->layer), "chained/l");
}

static void no_cycles(struct bt_record *record)
{
    record->rtl_cycles = 0;
    record->utilisation = 0.0;
    record->gated = false;
}

/* What a record says must fit together; one edit at a time. */
static void test_record_consistent(void **state)
{
    (void)state;
    uint64_t seed = 11;
    struct bt_record sound;
    bt_record_init(&sound);
    fill(&seed, 200, &sound); /* PASS, by itself */
    assert_int_equal(sound.verdict, BT_PASS);
    pass_all(&sound);
    for (int i = 0; i < 17; i++) {
        struct bt_record record = sound;
        struct bt_record back;
        struct bt_error err = {""};
        bool ok = true;
        record.engine[BT_ENGINE_RTL].hash = i == 1 || i == 2 ? 78 : 77;
        record.whole = i == 2; /* may differ by pictures */
        record.engine[BT_ENGINE_MODEL].verdict = i == 3 ? BT_FAIL : BT_PASS;
        record.mismatch.differing = i == 4 ? 1 : 0;
        record.verdict = i == 5 ? BT_SKIP : i == 6 || i == 7 ? BT_FAIL : i == 8 ? BT_XFAIL : BT_PASS;
        record.engine[BT_ENGINE_ISS_SW].verdict = i == 7 ? BT_FAIL : BT_PASS;
        record.engine[BT_ENGINE_RTL].ran = i != 9;
        record.engine[BT_ENGINE_RTL].hash = i == 10 ? 0 : record.engine[BT_ENGINE_RTL].hash;
        if (i == 11) {
            no_cycles(&record);
        }
        if (i == 12) { /* ran, and says nothing, with other bits */
            record.engine[BT_ENGINE_RTL].verdict = BT_SKIP;
            record.engine[BT_ENGINE_RTL].hash = 78;
        }
        if (i == 13) {
            record.whole = true;
            (void)snprintf(record.layer, sizeof(record.layer), "l");
        }
        for (enum bt_engine e = BT_ENGINE_MODEL; e < BT_ENGINE_COUNT && i >= 14; e++) { /* nothing to compare with */
            record.engine[e].verdict = e == BT_ENGINE_CYCLES || (i == 15 && e == BT_ENGINE_RTL) ? BT_PASS : BT_SKIP;
            record.engine[e].ran = record.engine[e].verdict == BT_PASS;
            record.engine[e].hash = i == 15 && e == BT_ENGINE_RTL ? 77 : 0;
            record.verdict = i == 16 ? BT_PASS : BT_SKIP;
        }
        if (i == 14 || i == 16) {
            no_cycles(&record);
        }
        json_t *object = bt_record_to_json(&record, &ok);
        /* 6: a FAIL of no engine is a worker's */
        const bool fits = i == 0 || i == 2 || i == 6 || i == 7 || i == 14 || i == 16;
        if (bt_record_from_json(object, &back, &err) != (fits ? BT_OK : BT_EINPUT)) {
            fail_msg("case %d: %s", i, err.text);
        }
        json_decref(object);
    }
}

/* A record that a run can leave, of a kind, for the edits below. */
enum base {
    ALONE,     /* every engine, PASS */
    WHOLE,     /* the same, of a whole network */
    ERROR,     /* predicted 5 of 7 cycles: FAIL of cycles */
    NO_CYCLES, /* only the model was asked for */
    UNGATED,   /* rtl and the prediction, but cycles were not asked for */
    STALLED,   /* random stalls */
    FIRMWARE,  /* of a whole network, whose cycles were measured under the firmware alone */
    WITHDRAWN, /* of a whole network in which rtl and cycles failed elsewhere */
    ACCURACY,  /* that nothing is said about */
    NO_NUMBER, /* predicted 0 cycles, which is nobody's prediction */
};

static void forget(struct bt_record *record, enum bt_engine engine)
{
    record->engine[engine] = (struct bt_engine_result){.verdict = BT_SKIP};
}

static void make_base(enum base base, struct bt_record *record)
{
    uint64_t seed = 13;
    fill(&seed, 200, record);
    pass_all(record);
    record->whole = base == WHOLE || base == FIRMWARE || base == WITHDRAWN || base == ACCURACY;
    if (base == ERROR || base == NO_NUMBER) {
        record->predicted_cycles = base == ERROR ? 5 : 0;
        record->predicted.item[0].value = record->predicted_cycles;
        record->engine[BT_ENGINE_CYCLES].verdict = BT_FAIL;
        record->verdict = BT_FAIL;
    }
    if (base == NO_CYCLES || base == FIRMWARE) {
        forget(record, BT_ENGINE_RTL);
    }
    if (base == NO_CYCLES || base == ACCURACY) {
        no_cycles(record);
        forget(record, BT_ENGINE_CYCLES);
        record->predicted_cycles = 0;
        record->predicted.count = 0;
    }
    if (base == UNGATED || base == STALLED || base == WITHDRAWN) {
        record->engine[BT_ENGINE_CYCLES].verdict = BT_SKIP;
        record->gated = base == WITHDRAWN;
        record->stall_percent = base == STALLED ? 25 : 0;
    }
    if (base == WITHDRAWN) {
        record->engine[BT_ENGINE_RTL].verdict = BT_SKIP;
    }
    if (base == ACCURACY) {
        for (enum bt_engine e = BT_ENGINE_MODEL; e < BT_ENGINE_COUNT; e++) {
            forget(record, e);
        }
        (void)snprintf(record->layer, sizeof(record->layer), "chained/accuracy");
        record->engine[BT_ENGINE_REF] = (struct bt_engine_result){.verdict = BT_SKIP, .ran = true};
        record->verdict = BT_SKIP;
    }
}

/* Members that follow from others; one edit at a time. */
static void test_record_edited(void **state)
{
    (void)state;
    static const struct {
        enum base base;
        const char *engine; /* NULL: the record's own member */
        const char *key, *value, *expected;
    } cases[] = {
        {ALONE, NULL, "id", "\"net:chained/l:var0\"", "'id': expected net:chained/l:var0:8x8:uniform:0:int16:"},
        {ALONE, NULL, "id", "\"net:chained/l:var0:8x8:uniform:0:int16:7:filter:x\"", "'id': expected net"},
        {ALONE, NULL, "id", "null", "'id': expected net"},
        {ALONE, NULL, "layer", "\"chained/m\"", "'id': expected net:chained/m:"},
        {ALONE, NULL, "network", "\"n\u00e9t\"", "'id': expected n\xc3\xa9t:"},
        {ALONE, NULL, "error_cycles", "1", "'error_cycles': expected 0"},
        {ALONE, NULL, "error_cycles", "null", "'error_cycles': expected 0"},
        {ALONE, NULL, "error_cycles", "0.0", "'error_cycles': expected 0"},
        {ERROR, NULL, "error_cycles", "2", "'error_cycles': expected -2"},
        {ERROR, NULL, "error_percent", "28.571428571428573", "'error_percent': expected -28.57142857142857"},
        {ERROR, NULL, "error_percent", "-28.57", "'error_percent': expected -28.57142857142857"},
        {ERROR, NULL, "error_percent", "null", "'error_percent': expected -28.57142857142857"},
        {NO_CYCLES, NULL, "error_cycles", "0", "'error_cycles': expected null"},
        {NO_CYCLES, NULL, "error_percent", "0.0", "'error_percent': expected null"},
        {ALONE, NULL, "utilisation", "0.892857", "'utilisation': expected 0.8928571428571429"},
        {ALONE, NULL, "utilisation", "null", "'utilisation': expected 0.8928571428571429"},
        {ALONE, NULL, "macs", "101", "'utilisation': expected 0.901785714285714"},
        {ALONE, NULL, "multipliers", "8", "'utilisation': expected 1.785714285714285"},
        {ALONE, NULL, "multipliers", "null", "'utilisation': expected 0"},
        {NO_CYCLES, NULL, "utilisation", "0.0", "'utilisation': expected null"},
        {ALONE, NULL, "gated", "false", "'gated': expected true where cycles have a verdict"},
        {WHOLE, NULL, "gated", "false", "'gated': expected true where cycles have a verdict"},
        {ERROR, NULL, "gated", "false", "'gated': expected true where cycles have a verdict"},
        {FIRMWARE, NULL, "gated", "false", "'gated': expected true where cycles have a verdict"},
        {UNGATED, NULL, "gated", "true", "'gated': expected false beside SKIP of cycles"},
        {STALLED, NULL, "gated", "true", "'gated': expected false under random stalls"},
        {ALONE, NULL, "stall_percent", "25", "'gated': expected false under random stalls"},
        {NO_CYCLES, NULL, "gated", "true", "'gated': expected false where cycles were not both"},
        {ACCURACY, NULL, "gated", "true", "'gated': expected false where cycles were not both"},
        {ALONE, NULL, "predicted_cycles", "6", "'predicted_cycles': expected what 'terms' predicts"},
        {ALONE, NULL, "predicted_cycles", "null", "'gated': expected false where cycles were not both"},
        {ALONE, NULL, "terms", "{}", "'predicted_cycles': expected what 'terms' predicts"},
        {WITHDRAWN, "cycles", "ran", "false", "'predicted_cycles': expected what 'terms' predicts, where cycles ran"},
        {ALONE, NULL, "rtl_cycles", "null", "'rtl_cycles': expected a number beside PASS (rtl)"},
        {WHOLE, NULL, "rtl_cycles", "null", "'rtl_cycles': expected a number beside PASS (rtl)"},
        {ERROR, NULL, "rtl_cycles", "null", "'rtl_cycles': expected a number beside PASS (rtl)"},
        {NO_CYCLES, NULL, "rtl_cycles", "7", "'rtl_cycles': expected null where rtl did not run"},
        {ACCURACY, NULL, "rtl_cycles", "7", "'rtl_cycles': expected null where rtl did not run"},
        {FIRMWARE, NULL, "whole", "false", "'rtl_cycles': expected null where rtl did not run"},
        {ALONE, "ref", "verdict", "\"SKIP\"", "'verdict': expected another one than SKIP, since it ran (ref)"},
        {ALONE, "model", "verdict", "\"SKIP\"", "'verdict': expected another one than SKIP, since it ran (model)"},
        {ERROR, "rtl", "verdict", "\"SKIP\"", "'verdict': expected another one than SKIP, since it ran (rtl)"},
        {ALONE, "iss:sw", "verdict", "\"SKIP\"", "since it ran (iss:sw)"},
        {WHOLE, "ref", "verdict", "\"SKIP\"", "'verdict': expected another one than SKIP, since it ran (ref)"},
        {ERROR, "model", "verdict", "\"XFAIL\"", "'verdict': expected another one than XFAIL"},
        {WHOLE, "model", "ran", "false", "'ran': expected true beside PASS (model)"},
        {ERROR, "model", "ran", "false", "'ran': expected true beside PASS (model)"},
        {ALONE, "cycles", "ran", "false", "'ran': expected true beside PASS (cycles)"},
        {WITHDRAWN, "rtl", "ran", "false", "'ran': expected true beside a hash (rtl)"},
        {NO_CYCLES, "rtl", "hash", "\"000000000000004d\"", "'ran': expected true beside a hash (rtl)"},
        {ALONE, "cycles", "hash", "\"000000000000004d\"", "'hash': expected none, since it has no ofmap (cycles)"},
        {ACCURACY, "ref", "hash", "\"000000000000004d\"", "'hash': expected none, since it has no ofmap (ref)"},
        {WHOLE, "rtl", "hash", "\"0000000000000000\"", "'hash': expected one beside PASS (rtl)"},
        {ERROR, "rtl", "hash", "\"000000000000004e\"", "'hash': expected the same of every engine that says PASS"},
        /* and what a run can leave */
        {WHOLE, "rtl", "hash", "\"000000000000004e\"", NULL},
        {NO_NUMBER, "rtl", "seconds", "1.0", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_record record;
        struct bt_record back;
        struct bt_error err = {""};
        bool ok = true;
        make_base(cases[i].base, &record);
        json_t *object = bt_record_to_json(&record, &ok);
        if (bt_record_from_json(object, &back, &err) != BT_OK) {
            fail_msg("case %zu, not edited: %s", i, err.text);
        }
        json_t *engines = json_object_get(object, "engines");
        json_t *parent = cases[i].engine != NULL ? json_object_get(engines, cases[i].engine) : object;
        json_t *value = json_loads(cases[i].value, JSON_DECODE_ANY, NULL);
        assert_int_equal(json_object_set_new(parent, cases[i].key, value), 0);
        const enum bt_status wanted = cases[i].expected != NULL ? BT_EINPUT : BT_OK;
        if (bt_record_from_json(object, &back, &err) != wanted) {
            fail_msg("case %zu, '%s' is %s: %s", i, cases[i].key, cases[i].value, err.text);
        }
        if (cases[i].expected != NULL && strstr(err.text, cases[i].expected) == NULL) {
            fail_msg("case %zu, '%s' is %s: expected \"%s\" in: %s", i, cases[i].key, cases[i].value, cases[i].expected,
                     err.text);
        }
        json_decref(object);
    }
}

/* A name that was cut within a character keeps its ASCII alone, and so does the id, though other names have more. */
static void test_record_cut_name(void **state)
{
    (void)state;
    struct bt_record record;
    struct bt_record back;
    struct bt_error err = {""};
    bool ok = true;
    make_base(ALONE, &record);
    (void)snprintf(record.network, sizeof(record.network), "n\xc3");
    (void)snprintf(record.layer, sizeof(record.layer), "l\xc3\xa9");
    json_t *object = bt_record_to_json(&record, &ok);
    assert_int_equal(bt_record_from_json(object, &back, &err), BT_OK);
    assert_string_equal(back.network, "n?");
    assert_string_equal(back.layer, "l\xc3\xa9");
    json_decref(object);
}

/* ---- files ---- */

static char folder[256];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "%s", P_tmpdir "/bt_test_results_XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[300];
    (void)snprintf(command, sizeof(command), "rm -r '%s'", folder);
    return system(command); /* NOLINT(cert-env33-c,concurrency-mt-unsafe): a folder of the test's own */
}

static void write_file(const char *name, const char *text, char *path, size_t path_bytes)
{
    (void)snprintf(path, path_bytes, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

enum { RECORDS = 20 };

/* A report of twenty records, as text; freed by the caller. */
static char *report_text(struct bt_record *records)
{
    static char *replays[RECORDS];
    static uint32_t jobs[RECORDS];
    static const struct bt_gate_limit limits[] = {{"var0", 0.25, 0.125}, {"var1", 1e9, 1e9}};
    uint64_t seed = 5;
    struct bt_gate *gates = NULL;
    struct bt_report report = {
        .run = {.suite = "s",
                .seed = INT64_MAX,
                .seconds = 0.1,
                .command = "bt run",
                .shard = 1,
                .shards = 3,
                .jobs = 70,
                .plan = "0123456789abcdef"},
        .records = records,
        .record_count = RECORDS,
        .replays = replays,
        .jobs = jobs,
    };
    report.run.system = (struct bt_run_system){true, "soc.yaml", 40, 100, "rtl", "poll"};
    report.run.environment = (struct bt_environment){.cpu = "c", .os = "o", .cores = 2, .commit = "abc", .time = 17};
    for (unsigned i = 0; i < RECORDS; i++) {
        fill(&seed, i, &records[i]);
        replays[i] = (char *)(uintptr_t) "bt replay it";
        jobs[i] = 3 * (i / 2); /* two layers each, of every third job */
    }
    assert_int_equal(bt_report_gates(limits, 2, records, RECORDS, &gates, &report.gate_count), BT_OK);
    assert_int_not_equal(report.gate_count, 0);
    report.gates = gates;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    assert_true(bt_report_json(&report, out));
    assert_int_equal(fclose(out), 0);
    free(gates);
    return text;
}

static void test_file(void **state)
{
    (void)state;
    struct bt_record *records = calloc(RECORDS, sizeof(*records));
    struct bt_results results;
    struct bt_error err = {""};
    char path[300];
    char *text = report_text(records);
    write_file("good.json", text, path, sizeof(path));
    assert_int_equal(bt_results_read(path, &results, &err), BT_OK);
    assert_string_equal(err.text, "");
    assert_int_equal(results.count, RECORDS);
    assert_memory_equal(results.records, records, RECORDS * sizeof(*records));
    assert_string_equal(results.replays[7], "bt replay it");
    assert_string_equal(results.run.suite, "s");
    assert_int_equal(results.run.shard, 1);
    assert_int_equal(results.run.shards, 3);
    assert_int_equal(results.run.jobs, 70);
    assert_string_equal(results.run.plan, "0123456789abcdef");
    assert_int_equal(results.jobs[7], 9);
    assert_int_equal(results.run.environment.time, 17);
    assert_string_equal(results.run.environment.commit, "abc");
    assert_string_equal(results.run.system.wait, "poll");
    /* written again it is the same file */
    struct bt_gate *gates = NULL;
    uint32_t gate_count = 0;
    char *again = NULL;
    size_t length = 0;
    assert_int_equal(
        bt_report_gates(results.limits, results.limit_count, results.records, results.count, &gates, &gate_count),
        BT_OK);
    const struct bt_report report = bt_results_report(&results, gates, gate_count);
    FILE *out = open_memstream(&again, &length);
    assert_non_null(out);
    assert_true(bt_report_json(&report, out));
    assert_int_equal(fclose(out), 0);
    assert_string_equal(again, text);
    free(again);
    free(gates);
    bt_results_free(&results);
    free(text);
    free(records);
}

/* The first `from` becomes `to`. */
static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    char *made = malloc(strlen(text) + strlen(to) + 1);
    assert_non_null(made);
    (void)sprintf(made, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return made;
}

static void refused(const char *text, const char *expected)
{
    struct bt_results results;
    struct bt_error err = {""};
    char path[300];
    write_file("bad.json", text, path, sizeof(path));
    if (bt_results_read(path, &results, &err) != BT_EINPUT) {
        fail_msg("not refused: expected '%s'", expected);
    }
    assert_int_equal(strncmp(err.text, path, strlen(path)), 0);
    if (strstr(err.text, expected) == NULL) {
        fail_msg("expected '%s' in: %s", expected, err.text);
    }
    assert_null(results.records);
}

static void test_refused(void **state)
{
    (void)state;
    struct bt_record *records = calloc(RECORDS, sizeof(*records));
    char *text = report_text(records);
    static const struct {
        const char *from, *to, *expected;
    } cases[] = {
        {"\"schema\": 2", "\"schema\": 1", "results of schema 1: expected 2"},
        {"\"schema\": 2", "\"schema\": null", "expected a member 'schema'"},
        {"\"schema\": 2", "\"schema\": 2, \"schema\": 2", "duplicate"},
        {"\"verdict\":\"FAIL\",\"reason\":\"why", "\"verdict\":\"PASS\",\"reason\":\"why",
         "'verdict': expected FAIL"}, /* a verdict edited by hand */
        {"\"failed\":", "\"failed\":1", "its results are"},
        {"\"suite\":\"", "\"suite\":\"../", "'suite': expected a name without '/'"},
        {"\"suite\":\"s\"", "\"suite\":\"..\"", "'suite': expected a name without '/', not led by '.'"},
        {"\"suite\":\"s\"", "\"suite\":\".\"", "'suite': expected a name without '/', not led by '.'"},
        {"\"suite\":\"s\"", "\"suite\":\"\"", "'suite': expected a name without '/', not led by '.'"},
        {"\"shard\":2", "\"shard\":4", "'shard'"},
        {"\"seed\":9223372036854775807,", "\"seed\":1,",
         "result 0: seed 9223372036854775807: expected that of the run, 1"},
        {"\"config\":\"8x8\",\"verdict\":\"FAIL\"", "\"config\":\"8x8\",\"verdict\":\"PASS\"",
         "gate 0 is PASS of var0 8x8: from its results FAIL of var0 8x8"},
        {"\"config\":\"8x8\",\"verdict\"", "\"config\":\"4x4\",\"verdict\"", "gate 0 is FAIL of var0 4x4"},
        {"\"network\":\"net", "\"network\":\"\\u001b[31m", "'network': expected a text without control characters"},
        {"\"results\": [", "\"results\": 5, \"more\": [", "'results': expected an array"},
        {"\"gates\": [", "\"gates\": 5, \"more\": [", "'gates': expected an array"},
        {"\"limit_max_percent\":", "\"limit_max_percent\":[], \"x\":", "'limit_max_percent'"},
        {"\"job\":3", "\"job\":70", "result 2: 'job': expected one of the run's jobs"},
        {"\"job\":0", "\"job\":3", "result 1: 'job': expected one of the run's jobs, in their order"},
        {"\"job\":0", "\"job\":-1", "result 0: 'job'"},
        {"\"job\":0", "\"work\":0", "result 0: 'job'"},
        {"\"plan\":\"", "\"plan\":\"01234567890123456789", "'plan'"},
        {"\"replay\":\"bt", "\"replay\":5, \"x\":\"bt", "result 0: 'replay'"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *bad = replaced(text, cases[i].from, cases[i].to);
        refused(bad, cases[i].expected);
        free(bad);
    }
    for (size_t length = 0; length < strlen(text) - 2; length += 97) { /* cut anywhere */
        const char kept = text[length];
        text[length] = '\0';
        refused(text, "");
        text[length] = kept;
    }
    refused("[]", "schema");
    struct bt_results results;
    struct bt_error err = {""};
    char path[300];
    assert_int_equal(bt_results_read("/nowhere/x.json", &results, &err), BT_EINPUT);
    assert_string_equal(err.text, "/nowhere/x.json: No such file or directory");
    assert_int_equal(bt_results_read(folder, &results, &err), BT_EINPUT);
    (void)snprintf(path, sizeof(path), "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(bt_results_read(path, &results, &err), BT_EINPUT); /* without waiting for it */
    free(text);
    free(records);
}

/* The report of report_text(); release with json_decref(). */
static json_t *report_json(void)
{
    struct bt_record *records = calloc(RECORDS, sizeof(*records));
    char *text = report_text(records);
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    free(text);
    free(records);
    return root;
}

static void expect_json(const json_t *root, const char *expected)
{
    struct bt_results results;
    struct bt_error err = {""};
    const enum bt_status status = bt_results_from_json(root, &results, &err);
    if (status != (expected != NULL ? BT_EINPUT : BT_OK) || (expected != NULL && strstr(err.text, expected) == NULL)) {
        fail_msg("expected '%s', not '%s'", expected != NULL ? expected : "nothing", err.text);
    }
    bt_results_free(&results);
}

/* Every number of every gate, edited or gone. Each variant has two gates, so that a limit contradicts the other one's. */
static void test_gate_numbers(void **state)
{
    (void)state;
    static const char *const keys[] = {"layers",
                                       "layers_at_zero",
                                       "max_percent",
                                       "mean_percent",
                                       "roofline_max_percent",
                                       "roofline_mean_percent",
                                       "limit_max_percent",
                                       "limit_mean_percent"};
    json_t *root = report_json();
    json_t *gates = json_object_get(root, "gates");
    assert_int_equal(json_array_size(gates), 4);
    expect_json(root, NULL);
    for (size_t i = 0; i < 4; i++) {
        json_t *gate = json_array_get(gates, i);
        for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
            char expected[64] = "gate "; /* a limit decides the verdict, too, which is looked at first */
            json_t *kept = json_incref(json_object_get(gate, keys[k]));
            if (strncmp(keys[k], "limit_", strlen("limit_")) != 0) {
                (void)snprintf(expected, sizeof(expected), "'%s': expected", keys[k]);
            }
            assert_int_equal(json_object_set_new(gate, keys[k], json_real(json_number_value(kept) * 1.0000001 + 1e-6)),
                             0);
            expect_json(root, expected);
            assert_int_equal(json_object_set_new(gate, keys[k], json_null()), 0);
            expect_json(root, expected);
            assert_int_equal(json_object_set_new(gate, keys[k], kept), 0);
        }
    }
    expect_json(root, NULL);
    json_decref(root);
}

static void set_verdict(json_t *record, const char *engine, const char *verdict)
{
    json_t *one = json_object_get(json_object_get(record, "engines"), engine);
    assert_int_equal(json_object_set_new(one, "verdict", json_string(verdict)), 0);
}

/* A verdict is taken back only where another layer of the same network failed on that engine. */
static void test_withdrawn(void **state)
{
    (void)state;
    json_t *root = report_json();
    json_t *list = json_object_get(root, "results");
    json_t *passed = json_array_get(list, 4); /* of one job with 5, a FAIL of rtl */
    json_t *failed = json_array_get(list, 5);
    json_t *known = json_array_get(list, 7); /* with nothing that failed */
    set_verdict(passed, "rtl", "SKIP");
    expect_json(root, NULL);
    assert_int_equal(json_object_set_new(failed, "job", json_integer(9)), 0);
    expect_json(root, "result 4: rtl ran and is SKIP: expected a layer of its job that it failed at");
    assert_int_equal(json_object_set_new(failed, "job", json_integer(6)), 0);
    set_verdict(known, "model", "SKIP");
    expect_json(root, "result 7: model ran and is SKIP");
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_record_damaged),
        cmocka_unit_test(test_record_consistent),
        cmocka_unit_test(test_record_edited),
        cmocka_unit_test(test_record_cut_name),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_gate_numbers),
        cmocka_unit_test(test_withdrawn),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
