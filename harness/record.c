#include "harness/record.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *bt_verdict_name(enum bt_verdict verdict)
{
    static const char *const names[BT_VERDICT_COUNT] = {
        [BT_PASS] = "PASS",
        [BT_FAIL] = "FAIL",
        [BT_SKIP] = "SKIP",
        [BT_XFAIL] = "XFAIL",
    };
    assert(verdict < BT_VERDICT_COUNT);
    return names[verdict];
}

const char *bt_engine_name(enum bt_engine engine)
{
    static const char *const names[BT_ENGINE_COUNT] = {
        [BT_ENGINE_REF] = "ref",       [BT_ENGINE_MODEL] = "model",   [BT_ENGINE_RTL] = "rtl",
        [BT_ENGINE_CYCLES] = "cycles", [BT_ENGINE_ISS_SW] = "iss:sw", [BT_ENGINE_ISS_ACCEL] = "iss:accel",
    };
    assert(engine < BT_ENGINE_COUNT);
    return names[engine];
}

bool bt_engine_parse(const char *name, enum bt_engine *engine)
{
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
        if (strcmp(name, bt_engine_name(e)) == 0) {
            *engine = e;
            return true;
        }
    }
    return false;
}

void bt_record_kind(const struct bt_record *record, const char *before, char *text, size_t text_bytes)
{
    const bool usual = strcmp(record->dtype, "int8") == 0;
    char sparsity[40] = "";
    if (record->sparsity != 0) {
        (void)snprintf(sparsity, sizeof(sparsity), "%s%" PRIu32 " %% zero (%s)", before, record->sparsity,
                       record->structure);
    }
    (void)snprintf(text, text_bytes, "%s%s%s", usual ? "" : before, usual ? "" : record->dtype, sparsity);
}

bool bt_record_same_kind(const struct bt_record *a, const struct bt_record *b)
{
    return strcmp(a->dtype, b->dtype) == 0 && a->sparsity == b->sparsity && strcmp(a->structure, b->structure) == 0;
}

/* How strongly a verdict counts: whatever ran beats a SKIP, so that nothing passes by running nothing. */
static int weight(enum bt_verdict verdict)
{
    static const int weights[BT_VERDICT_COUNT] = {
        [BT_SKIP] = 0,
        [BT_PASS] = 1,
        [BT_XFAIL] = 2,
        [BT_FAIL] = 3,
    };
    return weights[verdict];
}

void bt_record_init(struct bt_record *record)
{
    memset(record, 0, sizeof(*record)); /* padding too: records are compared and sent as bytes */
    record->verdict = BT_SKIP;
    for (int e = 0; e < BT_ENGINE_COUNT; e++) {
        record->engine[e].verdict = BT_SKIP;
    }
}

uint32_t bt_record_engines(const struct bt_record *record)
{
    uint32_t engines = 0;
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
        const struct bt_engine_result *engine = &record->engine[e];
        engines |= engine->ran && (e == BT_ENGINE_REF || engine->verdict != BT_SKIP) ? 1u << e : 0u;
    }
    return engines;
}

double bt_record_utilisation(const struct bt_record *record)
{
    const bool known = record->multipliers != 0 && record->rtl_cycles != 0;
    return known ? (double)record->macs / (double)record->multipliers / (double)record->rtl_cycles : 0.0;
}

enum bt_verdict bt_record_strongest(const struct bt_record *record)
{
    enum bt_verdict strongest = BT_SKIP;
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
        const enum bt_verdict verdict = record->engine[e].verdict;
        strongest = weight(verdict) > weight(strongest) ? verdict : strongest;
    }
    return strongest;
}

void bt_record_set(struct bt_record *record, enum bt_engine engine, enum bt_verdict verdict, const char *reason)
{
    const bool worse = weight(verdict) > weight(record->verdict);
    const bool first_skip = verdict == BT_SKIP && record->verdict == BT_SKIP && record->reason[0] == '\0';
    if (weight(verdict) > weight(record->engine[engine].verdict)) { /* another picture may have said more already */
        record->engine[engine].verdict = verdict;
    }
    if (!worse && !first_skip) {
        return;
    }
    record->verdict = verdict;
    record->reason[0] = '\0';
    if (verdict != BT_PASS) {
        (void)snprintf(record->reason, sizeof(record->reason), "%s: %s", bt_engine_name(engine), reason);
    }
}

void bt_record_withdraw(struct bt_record *record, enum bt_engine engine, const char *reason)
{
    record->engine[engine].verdict = BT_SKIP;
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
        if (e != BT_ENGINE_REF && e != BT_ENGINE_CYCLES && record->engine[e].verdict == BT_PASS) {
            return;
        }
    }
    if (record->verdict == BT_PASS) {
        record->verdict = BT_SKIP;
        (void)snprintf(record->reason, sizeof(record->reason), "%s: %s", bt_engine_name(engine), reason);
    }
}
