/* The result of one job: one layer, one variant, one configuration, all engines. Written once by the worker. */
#ifndef BT_RECORD_H
#define BT_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/variant.h"

enum bt_verdict { BT_PASS, BT_FAIL, BT_SKIP, BT_XFAIL };

enum bt_engine { BT_ENGINE_REF, BT_ENGINE_MODEL, BT_ENGINE_RTL, BT_ENGINE_CYCLES, BT_ENGINE_COUNT };

struct bt_engine_result {
    enum bt_verdict verdict; /**< against ref for model and rtl; against the gate for cycles */
    bool ran;
    double seconds;
    uint64_t hash; /**< XXH3-64 of the ofmap; 0 where there is none */
};

/** First differing element of an ofmap, in its own coordinates. */
struct bt_mismatch {
    uint64_t differing, total;
    int32_t n, y, x, c;
    int64_t expected, got;
    char where[96]; /**< tile and unit, from the variant */
};

#define BT_REASON_BYTES 256
struct bt_record {
    /* what: keys, copied from the job */
    char network[48], layer[64], variant[32], config[32], pattern[24];
    uint64_t seed;
    uint64_t macs;
    /* verdict of the job: FAIL if any engine failed; SKIP only with a reason */
    enum bt_verdict verdict;
    char reason[BT_REASON_BYTES];
    struct bt_engine_result engine[BT_ENGINE_COUNT];
    struct bt_mismatch mismatch; /**< of the first engine that differed; differing == 0: none */
    uint64_t rtl_cycles, predicted_cycles, roofline_cycles;
    double utilisation; /**< macs / multipliers / rtl_cycles */
    struct bt_counters measured, predicted; /**< terms by name */
};

#endif
