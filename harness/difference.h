/* The difference of two sets of results: bits, verdicts, cycles with their terms, area, speed of the simulation. */
#ifndef BT_DIFFERENCE_H
#define BT_DIFFERENCE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "harness/area.h"
#include "harness/error.h"
#include "harness/outcome.h"
#include "harness/report.h"

/** One side: outcomes with a name for people. */
struct bt_difference_side {
    const char *name; /**< as it was asked for */
    struct bt_run run;
    struct bt_outcomes outcomes;
    struct bt_areas areas;
};

/** One result whose two outcomes differ; a or b is NULL where only the other side has it. */
struct bt_changed {
    const struct bt_outcome *a, *b;
    uint32_t bits;  /**< 1 << engine for each that ran on both sides and gave another hash */
    uint32_t fixed; /**< of these, those that were wrong in a, where b's verdict is better */
    uint32_t lost;  /**< 1 << engine for each that ran in a and not in b, or has bits or cycles in a and none in b */
    int verdict;    /**< below 0: b's is better; above: worse, see bt_verdict_worse() */
    uint64_t terms; /**< by how much the counter or system that changed most differs; 0: none does */
    double
        cycles; /**< percent by which b takes more: measured, or predicted where nothing was measured or that did not change */
};

/** One term of the cycle breakdown; of many layers their sum. */
struct bt_term {
    const char *name;
    uint64_t a, b;
};

/** Everything that both sides have of one configuration. */
struct bt_difference_sum {
    const char *variant, *config;
    uint32_t results, bits, worse;
    uint64_t cycles_a, cycles_b; /**< measured, of results with both */
    uint64_t predicted_a, predicted_b;
    double macs, seconds_a, seconds_b; /**< of the simulation, where both sides simulated */
    const struct bt_area *area_a, *area_b;
    uint32_t term_count;
    struct bt_term terms[BT_OUTCOME_TERMS];
};

struct bt_difference {
    const struct bt_difference_side *a, *b;
    uint32_t
        count; /**< first changed bits, then verdicts, lost engines, the rest by change of the cycles; then what one side lacks */
    struct bt_changed *changed;
    uint32_t sum_count;
    struct bt_difference_sum *sums; /**< by name */
    uint32_t both, only_a, only_b, lost, worse, better, slower, faster, terms;
    uint32_t bits, fixed; /**< with other bits: where a was not wrong; where it was */
    bool partial; /**< one is a part of what the other is: what one side lacks is no loss, and not among the changed */
};

/** PASS, XFAIL, SKIP, FAIL: the later, the less is known to be right. */
bool bt_verdict_worse(enum bt_verdict than, enum bt_verdict verdict);

/**
 * @brief  Matches results by id. Of several with one id the first of a is held against the first of b, and so on.
 * @param[in]  partial     See struct bt_difference.
 * @param[out] difference  Points into both sides; release with bt_difference_free().
 * @return BT_OK; BT_EINPUT: data of another seed, whose bits mean nothing to each other; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_difference_make(const struct bt_difference_side *a, const struct bt_difference_side *b,
                                                bool partial, struct bt_difference *difference, struct bt_error *err);
void bt_difference_free(struct bt_difference *difference);

/** Bits differ that were not wrong, a verdict got worse, or what a has did not run in b, which is not a part of it. */
bool bt_difference_is_worse(const struct bt_difference *difference);

/**
 * @brief  Terms that both outcomes have, with other values: the largest change first.
 * @param[out] terms  Room for BT_OUTCOME_TERMS; names point into a.
 * @return How many.
 */
uint32_t bt_difference_terms(const struct bt_outcome *a, const struct bt_outcome *b, struct bt_term *terms);

/** For people at a terminal, and for a pull request; both name at most BT_DIFFERENCE_ROWS results. */
#define BT_DIFFERENCE_ROWS 30
void bt_difference_table(const struct bt_difference *difference, FILE *out);
void bt_difference_markdown(const struct bt_difference *difference, FILE *out);

#endif
