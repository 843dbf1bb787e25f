/*
 * What of a result is held against the same one of another run. A record has room for whatever a result may have; an outcome takes
 * the room of what it has, so that a hundred thousand of them are read in less time than the memory for as many records costs.
 */
#ifndef BT_OUTCOME_H
#define BT_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/record.h"

/** A measured counter, or the cycles of the system around the core ("iss:accel system cycles"). */
struct bt_outcome_term {
    const char *name;
    uint64_t value;
};

/** An outcome has at most as many: the core's counters, and a system for each engine that simulates one. */
#define BT_OUTCOME_TERMS (BT_MAX_COUNTERS + BT_ENGINE_COUNT)

struct bt_outcome {
    uint64_t id_hash; /**< XXH3-64 of the id: faster to compare */
    const char *id;   /**< bt_record_id() */
    const char *network, *layer, *variant, *config;
    const char *data; /**< what tells it from others of its layer and configuration: "uniform int16 stalls 30 %" */
    const char *reason;
    uint64_t seed, macs, rtl_cycles, predicted_cycles; /**< 0: not measured, not predicted */
    double rtl_seconds;                                /**< CPU time of the simulated core; 0: not simulated */
    enum bt_verdict verdict;
    uint32_t ran, failed; /**< 1 << engine: bt_record_engines(); those that FAIL or XFAIL */
    uint32_t term_count;
    const struct bt_outcome_term *terms;
    uint64_t hash[BT_ENGINE_COUNT]; /**< of the ofmap; 0: it did not run, or has none */
};

struct bt_outcome_block;
struct bt_outcomes {
    uint32_t count, room;
    struct bt_outcome *items;
    struct bt_outcome_block *blocks; /**< what items point to */
};

/**
 * @brief  Appends the outcome of a record, which is not needed afterwards.
 * @param[in,out] outcomes  All 0 in the beginning; release with bt_outcomes_free().
 * @return false: memory ran out, nothing was appended.
 */
BT_MUST_CHECK bool bt_outcomes_add(struct bt_outcomes *outcomes, const struct bt_record *record);
void bt_outcomes_free(struct bt_outcomes *outcomes);

#endif
