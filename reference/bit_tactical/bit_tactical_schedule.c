#include "reference/bit_tactical/bit_tactical_schedule.h"

#include <stddef.h>
#include <string.h>

/* Candidates of a lane are counted in as many bits as BIT_TACTICAL_MAX_INPUTS needs. */
#define COUNT_BITS 4
#define ROW_WINDOW (BIT_TACTICAL_MAX_LOOKAHEAD + 1)

/* ---- interconnects ------------------------------------------------------------------------------------------------ */

static enum bt_status refuse(struct bt_reason *why, const char *what, int64_t got, int64_t limit)
{
    if (why != NULL) {
        *why = (struct bt_reason){what, got, limit};
    }
    return BT_EINVAL;
}

static enum bt_status check_sizes(int32_t lanes, int32_t lookahead, int64_t inputs, struct bt_reason *why)
{
    if (lanes < BIT_TACTICAL_MIN_LANES) {
        return refuse(why, "too few lanes", lanes, BIT_TACTICAL_MIN_LANES);
    }
    if (lanes > BIT_TACTICAL_MAX_LANES) {
        return refuse(why, "too many lanes", lanes, BIT_TACTICAL_MAX_LANES);
    }
    if (lookahead < 0) {
        return refuse(why, "lookahead below 0", lookahead, 0);
    }
    if (lookahead > BIT_TACTICAL_MAX_LOOKAHEAD) {
        return refuse(why, "lookahead too far", lookahead, BIT_TACTICAL_MAX_LOOKAHEAD);
    }
    if (inputs < 0) {
        return refuse(why, "fewer than no inputs", inputs, 0);
    }
    if (inputs > BIT_TACTICAL_MAX_INPUTS) {
        return refuse(why, "too many inputs", inputs, BIT_TACTICAL_MAX_INPUTS);
    }
    return BT_OK;
}

enum bt_status bit_tactical_connect_check(const struct bit_tactical_connect *connect, struct bt_reason *why)
{
    const enum bt_status status = check_sizes(connect->lanes, connect->lookahead, connect->inputs, why);
    if (status != BT_OK) {
        return status;
    }
    for (int32_t i = 0; i < connect->inputs; i++) {
        const int32_t ahead = connect->input[i].ahead;
        const int32_t aside = connect->input[i].aside;
        if (ahead < 1) {
            return refuse(why, "input reaches no row ahead", ahead, 1);
        }
        if (ahead > connect->lookahead) {
            return refuse(why, "input reaches beyond the window", ahead, connect->lookahead);
        }
        if (aside <= -connect->lanes) {
            return refuse(why, "input reaches round all lanes", aside, 1 - connect->lanes);
        }
        if (aside >= connect->lanes) {
            return refuse(why, "input reaches round all lanes", aside, connect->lanes - 1);
        }
        for (int32_t j = 0; j < i; j++) {
            if (connect->input[j].ahead == ahead && connect->input[j].aside == aside) {
                return refuse(why, "input is the same as an earlier one", i, j);
            }
        }
    }
    return BT_OK;
}

static void add_input(struct bit_tactical_connect *connect, int32_t ahead, int32_t aside)
{
    connect->input[connect->inputs].ahead = (int8_t)ahead;
    connect->input[connect->inputs].aside = (int8_t)aside;
    connect->inputs++;
}

enum bt_status bit_tactical_connect_shape(enum bit_tactical_shape shape, int32_t lanes, int32_t lookahead,
                                          int32_t lookaside, struct bit_tactical_connect *connect,
                                          struct bt_reason *why)
{
    struct bit_tactical_connect made = {.lanes = lanes, .lookahead = lookahead};

    if (lookaside < 0) {
        return refuse(why, "lookaside below 0", lookaside, 0);
    }
    enum bt_status status = check_sizes(lanes, lookahead, (int64_t)lookahead + lookaside, why);
    if (status != BT_OK) {
        return status;
    }
    if (lookaside > 0 && (lookahead == 0 || shape == BIT_TACTICAL_LOOKAHEAD)) {
        return refuse(why, "lookaside without a row or a shape for it", lookaside, 0);
    }
    for (int32_t ahead = 1; ahead <= lookahead; ahead++) {
        add_input(&made, ahead, 0);
    }
    for (int32_t i = 0; i < lookaside; i++) {
        if (shape == BIT_TACTICAL_L) {
            add_input(&made, 1, i + 1);
            continue;
        }
        const int32_t prong = i / 2; /* a pair: to the left, to the right */
        const int32_t ahead = prong < lookahead ? prong + 1 : 1;
        const int32_t aside = prong < lookahead ? ahead : 2 * (prong - lookahead) + 3;
        add_input(&made, ahead, i % 2 == 0 ? -aside : aside);
    }
    status = bit_tactical_connect_check(&made, why);
    if (status == BT_OK) {
        *connect = made;
    }
    return status;
}

/* ---- scheduling --------------------------------------------------------------------------------------------------- */

/* The inputs in the order in which a scheduler tries them. */
struct order {
    int32_t lanes;
    int32_t inputs;
    uint32_t mask; /* all lanes */
    struct {
        uint8_t ahead;
        uint8_t turn; /* aside, brought into [0, lanes) */
        uint8_t select;
    } input[BIT_TACTICAL_MAX_INPUTS];
};

static int32_t turn_of(const struct bit_tactical_connect *connect, int32_t i)
{
    return (connect->input[i].aside + connect->lanes) % connect->lanes;
}

static void add_order(struct order *order, const struct bit_tactical_connect *connect, int32_t i)
{
    order->input[order->inputs].ahead = (uint8_t)connect->input[i].ahead;
    order->input[order->inputs].turn = (uint8_t)turn_of(connect, i);
    order->input[order->inputs].select = (uint8_t)(i + 1);
    order->inputs++;
}

static struct order make_order(const struct bit_tactical_connect *connect, enum bit_tactical_scheduler scheduler)
{
    struct order order = {.lanes = connect->lanes, .mask = UINT32_MAX >> (32 - connect->lanes)};

    if (scheduler == BIT_TACTICAL_HEURISTIC) {
        for (int32_t i = 0; i < connect->inputs; i++) {
            add_order(&order, connect, i);
        }
        return order;
    }
    for (int32_t straight = 0; straight <= 1; straight++) {
        for (int32_t i = 0; i < connect->inputs; i++) {
            if ((connect->input[i].aside == 0) == (straight == 1)) {
                add_order(&order, connect, i);
            }
        }
    }
    return order;
}

/* Bit l of the result is bit (l + turn) mod lanes of the row. */
static uint32_t turned(const struct order *order, uint32_t row, uint32_t turn)
{
    return turn == 0 ? row : (row >> turn | row << ((uint32_t)order->lanes - turn)) & order->mask;
}

/* Those of the empty lanes that have the fewest candidates, at least one; lanes are counted side by side, bit by bit. */
static uint32_t fewest_candidates(const struct order *order, const uint32_t *window, uint32_t empty)
{
    uint32_t count[COUNT_BITS] = {0};
    uint32_t fewest = 0;

    for (int32_t i = 0; i < order->inputs; i++) {
        uint32_t carry = turned(order, window[order->input[i].ahead], order->input[i].turn) & empty;
        fewest |= carry;
        for (int32_t bit = 0; bit < COUNT_BITS; bit++) {
            const uint32_t sum = count[bit] ^ carry;
            carry &= count[bit];
            count[bit] = sum;
        }
    }
    for (int32_t bit = COUNT_BITS - 1; bit >= 0; bit--) {
        const uint32_t fewer = fewest & ~count[bit];
        fewest = fewer != 0 ? fewer : fewest;
    }
    return fewest;
}

/* Promotes a lane's first candidate, if there is one. Returns whether. */
static bool promote(const struct order *order, uint32_t *window, int32_t lane, uint8_t *select)
{
    for (int32_t i = 0; i < order->inputs; i++) {
        int32_t from = lane + order->input[i].turn;
        from = from < order->lanes ? from : from - order->lanes;
        const uint32_t weight = UINT32_C(1) << from;
        uint32_t *row = &window[order->input[i].ahead];
        if ((*row & weight) != 0) {
            *row &= ~weight;
            select[lane] = order->input[i].select;
            return true;
        }
    }
    return false;
}

/* One row of one filter: window[0] is the row, window[i] is i rows ahead, of which the promoted weights are taken. */
static void fill_row(const struct order *order, enum bit_tactical_scheduler scheduler, uint32_t *window,
                     uint8_t *select)
{
    uint32_t empty = ~window[0] & order->mask;

    for (int32_t lane = 0; lane < order->lanes; lane++) {
        select[lane] = (empty >> lane & 1) != 0 ? BIT_TACTICAL_NO_WEIGHT : 0;
    }
    for (;;) {
        const uint32_t chosen = scheduler == BIT_TACTICAL_GREEDY ? empty : fewest_candidates(order, window, empty);
        for (int32_t lane = 0; lane < order->lanes; lane++) {
            if ((chosen >> lane & 1) != 0 && promote(order, window, lane, select)) {
                empty &= ~(UINT32_C(1) << lane);
            }
        }
        /* Candidates only become fewer: what the greedy scheduler has passed over has none. */
        if (chosen == 0 || scheduler == BIT_TACTICAL_GREEDY) {
            return;
        }
    }
}

static bool is_empty(const uint32_t *row, int32_t filters)
{
    for (int32_t filter = 0; filter < filters; filter++) {
        if (row[filter] != 0) {
            return false;
        }
    }
    return true;
}

int32_t bit_tactical_schedule(const struct bit_tactical_connect *connect, enum bit_tactical_scheduler scheduler,
                              const struct bit_tactical_tile *tile, uint32_t *scratch, int32_t *base, uint8_t *select)
{
    const struct order order = make_order(connect, scheduler);
    const size_t filters = (size_t)tile->filters;
    int32_t steps = 0;

    if (tile->rows == 0) {
        return 0;
    }
    memcpy(scratch, tile->nonzero, (size_t)tile->rows * filters * sizeof(*scratch));
    for (int32_t row = 0; row < tile->rows; row++) {
        uint32_t *here = scratch + (size_t)row * filters;
        if (is_empty(here, tile->filters)) {
            continue;
        }
        const int32_t left = tile->rows - 1 - row;
        const int32_t ahead = connect->lookahead < left ? connect->lookahead : left;
        for (size_t filter = 0; filter < filters; filter++) {
            uint32_t window[ROW_WINDOW] = {0}; /* no candidates beyond the last row */
            for (int32_t i = 0; i <= ahead; i++) {
                window[i] = here[(size_t)i * filters + filter];
            }
            fill_row(&order, scheduler, window, select + ((size_t)steps * filters + filter) * (size_t)order.lanes);
            for (int32_t i = 1; i <= ahead; i++) {
                here[(size_t)i * filters + filter] = window[i];
            }
        }
        base[steps] = row;
        steps++;
    }
    return steps;
}

/* ---- checking ----------------------------------------------------------------------------------------------------- */

/* One lane of one step. `fault` holds where; what and which weight are filled in. `unused` are the weights not yet seen. */
static bool check_lane(const struct bit_tactical_connect *connect, const struct bit_tactical_tile *tile, int32_t base,
                       uint8_t select, uint32_t *unused, struct bit_tactical_fault *fault)
{
    if (select == BIT_TACTICAL_NO_WEIGHT) {
        return true;
    }
    if (select > connect->inputs) {
        fault->what = "the lane has no such input";
        return false;
    }
    const int32_t input = select - 1;
    const int32_t row = base + (select == 0 ? 0 : connect->input[input].ahead);
    const int32_t lane = select == 0 ? fault->lane : (fault->lane + turn_of(connect, input)) % connect->lanes;
    fault->row = row;
    fault->row_lane = lane;
    if (row >= tile->rows) {
        fault->what = "the weight is beyond the last row";
        return false;
    }
    const size_t word = (size_t)row * (size_t)tile->filters + (size_t)fault->filter;
    if ((tile->nonzero[word] >> lane & 1) == 0) {
        fault->what = "the weight is zero";
        return false;
    }
    if ((unused[word] >> lane & 1) == 0) {
        fault->what = "the weight was used before";
        return false;
    }
    unused[word] &= ~(UINT32_C(1) << lane);
    return true;
}

static bool check_step(const struct bit_tactical_connect *connect, const struct bit_tactical_tile *tile,
                       const int32_t *base, const uint8_t *select, uint32_t *unused, struct bit_tactical_fault *fault)
{
    const int32_t step = fault->step;

    if (base[step] < 0 || base[step] >= tile->rows) {
        fault->what = "the base is outside the tile";
    } else if (step > 0 && base[step] <= base[step - 1]) {
        fault->what = "the base does not ascend";
    }
    if (fault->what != NULL) {
        fault->row = base[step];
        return false;
    }
    const uint8_t *selects = select + (size_t)step * (size_t)tile->filters * (size_t)connect->lanes;
    for (fault->filter = 0; fault->filter < tile->filters; fault->filter++) {
        for (fault->lane = 0; fault->lane < connect->lanes; fault->lane++) {
            if (!check_lane(connect, tile, base[step], *selects++, unused, fault)) {
                return false;
            }
            fault->row = fault->row_lane = -1;
        }
    }
    fault->filter = fault->lane = -1;
    return true;
}

static bool check_left_over(const struct bit_tactical_tile *tile, const uint32_t *unused,
                            struct bit_tactical_fault *fault)
{
    for (int32_t row = 0; row < tile->rows; row++) {
        for (int32_t filter = 0; filter < tile->filters; filter++, unused++) {
            if (*unused == 0) {
                continue;
            }
            fault->what = "the weight is never used";
            fault->filter = filter;
            fault->row = row;
            for (fault->row_lane = 0; (*unused >> fault->row_lane & 1) == 0; fault->row_lane++) {
            }
            return false;
        }
    }
    return true;
}

static bool check_all(const struct bit_tactical_connect *connect, const struct bit_tactical_tile *tile, int32_t steps,
                      const int32_t *base, const uint8_t *select, uint32_t *unused, struct bit_tactical_fault *fault)
{
    if (steps < 0 || steps > tile->rows) {
        fault->what = "the number of steps is negative or above that of rows";
        return false;
    }
    for (fault->step = 0; fault->step < steps; fault->step++) {
        if (!check_step(connect, tile, base, select, unused, fault)) {
            return false;
        }
    }
    fault->step = -1;
    return check_left_over(tile, unused, fault);
}

bool bit_tactical_schedule_check(const struct bit_tactical_connect *connect, const struct bit_tactical_tile *tile,
                                 int32_t steps, const int32_t *base, const uint8_t *select, uint32_t *scratch,
                                 struct bit_tactical_fault *fault)
{
    struct bit_tactical_fault found = {NULL, -1, -1, -1, -1, -1};

    if (tile->rows > 0) {
        memcpy(scratch, tile->nonzero, (size_t)tile->rows * (size_t)tile->filters * sizeof(*scratch));
    }
    const bool sound = check_all(connect, tile, steps, base, select, scratch, &found);
    if (!sound && fault != NULL) {
        *fault = found;
    }
    return sound;
}

struct bit_tactical_share bit_tactical_schedule_share(const struct bit_tactical_connect *connect, int32_t filters,
                                                      int32_t steps, const uint8_t *select)
{
    const size_t slots = (size_t)steps * (size_t)filters * (size_t)connect->lanes;
    struct bit_tactical_share share = {0};

    for (size_t i = 0; i < slots; i++) {
        if (select[i] == BIT_TACTICAL_NO_WEIGHT) {
            share.idle++;
        } else if (select[i] == 0) {
            share.own++;
        } else if (connect->input[select[i] - 1].aside == 0) {
            share.ahead++;
        } else {
            share.aside++;
        }
    }
    return share;
}
