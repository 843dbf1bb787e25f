/* Verdicts: ofmaps bit by bit, cycles against their prediction and its invariants. Knows only tensors and counters. */
#ifndef BT_COMPARE_H
#define BT_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/record.h"
#include "harness/suite.h"
#include "harness/variant.h"
#include "reference/common/bt_layer.h"

/**
 * @brief  Compares two ofmaps of a layer bit by bit.
 * @param[in]  layer     Geometry, pooled where it pools, and bytes of an element (bt_layer_ofmap_elem_bytes()).
 * @param[out] mismatch  How many differ and the first that does (where is left empty); all zero when equal.
 * @return true when every bit is equal.
 */
bool bt_compare_ofmap(const struct bt_layer *layer, const void *expected, const void *got,
                      struct bt_mismatch *mismatch);

/** Index of the first differing element in the ofmap. */
uint64_t bt_mismatch_elem(const struct bt_layer *layer, const struct bt_mismatch *mismatch);

/** An element of an ofmap, dense. */
int64_t bt_ofmap_elem(const struct bt_layer *layer, const void *ofmap, uint64_t index);

/** Bytes of an ofmap, dense; the pooled one where the layer pools. */
size_t bt_ofmap_bytes(const struct bt_layer *layer);

/** Everything the verdict on cycles looks at. */
struct bt_cycle_facts {
    uint64_t macs, multipliers;           /**< multipliers 0: the lower bound is not known */
    uint64_t start_to_done;               /**< counted outside the RTL */
    const struct bt_counters *measured;   /**< counters of the RTL; its "cycles" must equal start_to_done */
    const struct bt_counters *predicted;  /**< first "cycles", then terms, each with a counter of its name */
    double gate_percent;                  /**< largest error allowed, of start_to_done; 0 demands equality */
    const struct bt_exemption *exemption; /**< or NULL */
};

/**
 * @brief  Does what was measured make sense by itself? Fails on: done without a measured interval, a "cycles" counter
 *         that differs from the outside count, fewer cycles than MACs / multipliers. Holds under stalls as well.
 * @param[out] reason  One line, "" on BT_PASS.
 */
enum bt_verdict bt_check_measurement(const struct bt_cycle_facts *facts, char *reason, size_t reason_bytes);

/**
 * @brief  Does the prediction make sense by itself? Fails on: no "cycles" in front, a negative term, a term beyond
 *         the whole, fewer cycles than MACs / multipliers.
 * @param[out] reason  One line, "" on BT_PASS.
 */
enum bt_verdict bt_check_prediction(const struct bt_cycle_facts *facts, char *reason, size_t reason_bytes);

/**
 * @brief  Does the prediction meet the measurement? Fails on an error above the gate, a term without its counter, or
 *         further from it than the gate allows of the whole. An exempted layer outside the gate is BT_XFAIL while its
 *         error is no larger than the exemption says, and BT_FAIL when it is inside the gate again.
 * @param[out] reason  One line, "" on BT_PASS.
 */
enum bt_verdict bt_check_cycles(const struct bt_cycle_facts *facts, char *reason, size_t reason_bytes);

/** predicted - measured in percent of measured; 0 where nothing was measured. */
double bt_error_percent(uint64_t predicted, uint64_t measured);

#endif
