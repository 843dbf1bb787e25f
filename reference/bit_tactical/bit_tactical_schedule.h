/*
 * Offline scheduling of sparse weights for multiplexed multiplier lanes: which weight each lane multiplies in each step.
 * Freestanding: no allocation, no libc beyond string.h.
 *
 * A tile is `filters` filters of `rows` rows; a row is one weight for each of the `lanes` lanes of a filter. The dense
 * machine takes one row per step. Here a lane whose weight is zero takes ("is promoted") one of few weights further on:
 * in its own lane (lookahead) or in another lane of the same filter (lookaside).
 */
#ifndef BIT_TACTICAL_SCHEDULE_H
#define BIT_TACTICAL_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "reference/common/bt_status.h"

#define BIT_TACTICAL_MIN_LANES 2
#define BIT_TACTICAL_MAX_LANES 32
#define BIT_TACTICAL_MAX_LOOKAHEAD 4
#define BIT_TACTICAL_MAX_INPUTS 10  /**< besides the lane's own weight */
#define BIT_TACTICAL_NO_WEIGHT 0xff /**< the lane is idle in this step */

/**
 * What one lane can reach. Select value 0 is the lane's own weight of the step's row; value i + 1 is input[i]: for lane l
 * and row r, the weight of row r + ahead, lane (l + aside) mod lanes, same filter. Plain data.
 */
struct bit_tactical_connect {
    int32_t lanes;     /**< of one filter, the paper's N: 2..32 */
    int32_t lookahead; /**< rows beyond the step's own that are in reach, the paper's h: 0..4 */
    int32_t inputs;    /**< 0..BIT_TACTICAL_MAX_INPUTS; their order is the order of preference */
    struct {
        int8_t ahead; /**< rows, 1..lookahead */
        int8_t aside; /**< lanes, either way less than `lanes` */
    } input[BIT_TACTICAL_MAX_INPUTS];
};

/**
 * @brief   Can this interconnect be built?
 * @param[out] why  What was refused, first finding; may be NULL. Not written on BT_OK.
 * @return  BT_OK; BT_EINVAL: a number out of range, or a pair that is there twice. Two pairs that meet in the same weight
 *          because few lanes wrap round ((1,-3) and (1,1) of four) are allowed: Algorithm 2 counts them as two.
 */
BT_MUST_CHECK enum bt_status bit_tactical_connect_check(const struct bit_tactical_connect *connect,
                                                        struct bt_reason *why);

enum bit_tactical_shape {
    BIT_TACTICAL_LOOKAHEAD, /**< (1,0) .. (h,0), nothing aside */
    BIT_TACTICAL_L,         /**< L<h,d>: the same, then (1,1) .. (1,d) */
    BIT_TACTICAL_TRIDENT, /**< T<h,d>: the same, then d inputs: (1,-1) (1,1) (2,-2) (2,2) .. (h,-h) (h,h), then in row 1
                                 (1,-3) (1,3) (1,-5) (1,5) .. */
};

/**
 * @brief   The paper's named interconnects. Its figures of them are lost, and its text names only h, d and 1 + h + d
 *          inputs ("T8<2,5>"). The trident's rule is chosen so that T<2,5> is {(1,0) (2,0) (1,-1) (1,1) (2,-2) (2,2)
 *          (1,-3)}, the list that the same group prints for its eight-input interconnect in TensorDash (MICRO 2020), and
 *          goes on with odd distances where that list ends. That an L lies to the side of the higher lanes is ours.
 * @param[in]  lookahead  h, 0..4.
 * @param[in]  lookaside  d, 0 for BIT_TACTICAL_LOOKAHEAD and where h is 0; h + d <= BIT_TACTICAL_MAX_INPUTS.
 * @param[out] connect    Passes bit_tactical_connect_check().
 * @param[out] why        As there.
 * @return  BT_OK; BT_EINVAL: out of range, or an input beyond `lanes`. On error `connect` is not written.
 * @source  003 section III-IV, Table 3, Fig. 12 and 13.
 */
BT_MUST_CHECK enum bt_status bit_tactical_connect_shape(enum bit_tactical_shape shape, int32_t lanes, int32_t lookahead,
                                                        int32_t lookaside, struct bit_tactical_connect *connect,
                                                        struct bt_reason *why);

/** Where the weights of a tile's filters are not zero. The filters advance together. */
struct bit_tactical_tile {
    int32_t rows;            /**< at least 0 */
    int32_t filters;         /**< at least 1 */
    const uint32_t *nonzero; /**< [rows][filters]; bit l: the weight of lane l is not zero; none at or above `lanes` */
};

enum bit_tactical_scheduler {
    /**
     * Algorithm 2: count the candidates of each lane without a weight; promote into those with the fewest, at least one,
     * each its first candidate in the order of the inputs; count again, until no lane has a candidate.
     */
    BIT_TACTICAL_HEURISTIC,
    /** Each lane without a weight, in order, takes its first candidate, inputs aside before those straight ahead. */
    BIT_TACTICAL_GREEDY,
};

/**
 * @brief   Schedules a tile. Step s multiplies in lane l of filter f the weight that select[s][f][l] says, seen from row
 *          base[s]. A row costs a step only if some filter still has a weight in it when its turn comes; however many
 *          rows in a sequence have none, they cost nothing.
 *
 * Algorithm 2 minimises over all lanes of the tile; since no lane reaches another filter, the outcome is that of each
 * filter by itself. Printed there, the lane beside is (l + aside) % N of all k N lanes: read as within the filter.
 *
 * @param[out] scratch  rows * filters words.
 * @param[out] base     [rows] rows, strictly ascending.
 * @param[out] select   [rows][filters][lanes], BIT_TACTICAL_NO_WEIGHT: none. Of base and select as many are written as
 *                      there are steps.
 * @pre     The interconnect passes bit_tactical_connect_check(); no pointer is NULL unless rows is 0.
 * @return  Steps: 0 for a tile without weights, at most the number of rows that have any.
 * @source  003 Algorithm 2; greedy: the text at Fig. 11 and 13.
 */
int32_t bit_tactical_schedule(const struct bit_tactical_connect *connect, enum bit_tactical_scheduler scheduler,
                              const struct bit_tactical_tile *tile, uint32_t *scratch, int32_t *base, uint8_t *select);

/** The first wrong lane of a schedule. -1 where a number does not apply. */
struct bit_tactical_fault {
    const char *what; /**< static string */
    int32_t step;     /**< -1: no step, a weight is left over */
    int32_t filter;
    int32_t lane;
    int32_t row;      /**< of the weight; the base, where that is what is wrong */
    int32_t row_lane; /**< of the weight */
};

/**
 * @brief   Proves that a schedule is one: every weight that is not zero is multiplied exactly once, by a lane that can
 *          reach it, and no weight that is zero; bases lie in the tile and ascend strictly.
 * @param[in]  base     [steps].
 * @param[in]  select   [steps][filters][lanes].
 * @param[out] scratch  rows * filters words.
 * @param[out] fault    May be NULL. Written only if the result is false.
 * @pre     As bit_tactical_schedule(). Nothing is assumed of steps, base and select but their size.
 */
bool bit_tactical_schedule_check(const struct bit_tactical_connect *connect, const struct bit_tactical_tile *tile,
                                 int32_t steps, const int32_t *base, const uint8_t *select, uint32_t *scratch,
                                 struct bit_tactical_fault *fault);

/** What the multipliers did, in multiplier steps; the four add up to steps * filters * lanes. */
struct bit_tactical_share {
    int64_t own;   /**< weights where the dense machine has them too */
    int64_t ahead; /**< promoted within their lane */
    int64_t aside; /**< promoted from another lane */
    int64_t idle;  /**< ineffectual */
};

/**
 * @brief   Classifies a schedule's multiplier steps.
 * @pre     bit_tactical_schedule_check() passed.
 * @source  003 Fig. 10. The zeros removed, Table 4, are 1 - idle / (rows * filters * lanes - own - ahead - aside).
 */
struct bit_tactical_share bit_tactical_schedule_share(const struct bit_tactical_connect *connect, int32_t filters,
                                                      int32_t steps, const uint8_t *select);

#endif
