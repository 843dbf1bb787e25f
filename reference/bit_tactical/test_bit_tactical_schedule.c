/* The schedulers against literal transcriptions of what the paper prints; the checker against planted faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reference/bit_tactical/bit_tactical_schedule.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_ROWS 24
#define MAX_FILTERS 4
#define MAX_LANES (MAX_FILTERS * BIT_TACTICAL_MAX_LANES)

static uint64_t rng_state = 0x13198a2e03707344;

static int32_t between(int32_t low, int32_t high)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return low + (int32_t)((rng_state >> 33) % (uint64_t)((int64_t)high - low + 1));
}

/* A tile with room for its schedule. */
struct work {
    struct bit_tactical_connect connect;
    struct bit_tactical_tile tile;
    uint32_t nonzero[MAX_ROWS * MAX_FILTERS];
    uint32_t scratch[MAX_ROWS * MAX_FILTERS];
    int32_t base[MAX_ROWS];
    uint8_t select[MAX_ROWS * MAX_LANES];
    int32_t steps;
};

static struct bit_tactical_connect shape(enum bit_tactical_shape kind, int32_t lanes, int32_t h, int32_t d)
{
    struct bit_tactical_connect connect;
    struct bt_reason why = {0};
    if (bit_tactical_connect_shape(kind, lanes, h, d, &connect, &why) != BT_OK) {
        fail_msg("%s: got %d, limit %d", why.what, (int)why.got, (int)why.limit);
    }
    return connect;
}

/* Also: what lies behind the schedule is not written. */
static void schedule(struct work *work, enum bit_tactical_scheduler scheduler)
{
    work->tile.nonzero = work->nonzero;
    memset(work->base, 0x5a, sizeof(work->base));
    memset(work->select, 0x5a, sizeof(work->select));
    work->steps =
        bit_tactical_schedule(&work->connect, scheduler, &work->tile, work->scratch, work->base, work->select);
    assert_in_range(work->steps, 0, work->tile.rows);
    if (work->steps < MAX_ROWS) {
        assert_int_equal(work->base[work->steps], 0x5a5a5a5a);
    }
    const size_t end = (size_t)work->steps * work->tile.filters * work->connect.lanes;
    if (end < sizeof(work->select)) {
        assert_int_equal(work->select[end], 0x5a);
    }
}

static bool check(struct work *work, struct bit_tactical_fault *fault)
{
    return bit_tactical_schedule_check(&work->connect, &work->tile, work->steps, work->base, work->select,
                                       work->scratch, fault);
}

static void assert_sound(struct work *work)
{
    struct bit_tactical_fault fault = {0};
    if (!check(work, &fault)) {
        fail_msg("step %d filter %d lane %d, weight of row %d lane %d: %s", fault.step, fault.filter, fault.lane,
                 fault.row, fault.row_lane, fault.what);
    }
}

static int32_t weights_of(const struct work *work)
{
    int32_t count = 0;
    for (int32_t i = 0; i < work->tile.rows * work->tile.filters; i++) {
        for (uint32_t row = work->nonzero[i]; row != 0; row &= row - 1) {
            count++;
        }
    }
    return count;
}

/* Rows in which some filter has a weight. */
static int32_t rows_needed(const struct work *work)
{
    int32_t count = 0;
    for (int32_t row = 0; row < work->tile.rows; row++) {
        uint32_t any = 0;
        for (int32_t filter = 0; filter < work->tile.filters; filter++) {
            any |= work->nonzero[row * work->tile.filters + filter];
        }
        count += any != 0;
    }
    return count;
}

/* ---- Algorithm 2, line by line ------------------------------------------------------------------------------------ */

/*
 * W and W_S as printed, over all L = k N lanes. A weight's value is its place in the tile plus 1, so that a schedule can be
 * compared weight by weight; origin says which row of the tile a row was before rows above it were deleted. Read into the
 * text: (l + aside) % N stays within the filter; W_S[l] is W_S[r, l]; after deleteRow the next row is looked at, not
 * skipped; rows from R on hold nothing.
 */
struct literal {
    const struct bit_tactical_connect *I;
    int32_t R, L, N;
    int32_t W[MAX_ROWS][MAX_LANES];
    int32_t W_S[MAX_ROWS][MAX_LANES];
    int32_t origin[MAX_ROWS];
    int32_t num_candidates[MAX_LANES];
    int32_t rounds; /* how often promote was called */
};

static void literal_load(struct literal *a, const struct work *work)
{
    memset(a, 0, sizeof(*a));
    a->I = &work->connect;
    a->R = work->tile.rows;
    a->N = work->connect.lanes;
    a->L = work->tile.filters * a->N;
    for (int32_t r = 0; r < a->R; r++) {
        a->origin[r] = r;
        for (int32_t l = 0; l < a->L; l++) {
            const uint32_t row = work->nonzero[r * work->tile.filters + l / a->N];
            a->W[r][l] = (row >> (l % a->N) & 1) != 0 ? 1 + r * a->L + l : 0;
        }
    }
}

/* W[r + ahead, (l + aside) % N] */
static int32_t *literal_at(struct literal *a, int32_t r, int32_t l, int32_t i)
{
    static int32_t nothing;
    const int32_t row = r + a->I->input[i].ahead;
    const int32_t lane = (l % a->N + a->I->input[i].aside + a->N) % a->N;
    nothing = 0;
    return row < a->R ? &a->W[row][l - l % a->N + lane] : &nothing;
}

static bool contains_non_zero(const int32_t *values, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        if (values[i] != 0) {
            return true;
        }
    }
    return false;
}

static void count_candidates(struct literal *a, int32_t r)
{
    memset(a->num_candidates, 0, sizeof(a->num_candidates));
    for (int32_t l = 0; l < a->L; l++) {
        if (a->W[r][l] == 0) {
            for (int32_t i = 0; i < a->I->inputs; i++) {
                if (*literal_at(a, r, l, i) != 0) {
                    a->num_candidates[l]++;
                }
            }
        }
    }
}

static void literal_take(struct literal *a, int32_t r, int32_t l, int32_t i)
{
    a->W[r][l] = *literal_at(a, r, l, i);
    *literal_at(a, r, l, i) = 0;
    a->W_S[r][l] = i + 1;
}

static void promote(struct literal *a, int32_t r)
{
    int32_t least = INT32_MAX;
    a->rounds++;
    for (int32_t l = 0; l < a->L; l++) {
        if (a->num_candidates[l] != 0 && a->num_candidates[l] < least) {
            least = a->num_candidates[l];
        }
    }
    for (int32_t l = 0; l < a->L; l++) {
        if (a->W[r][l] == 0 && a->num_candidates[l] == least) {
            for (int32_t i = 0; i < a->I->inputs; i++) {
                if (*literal_at(a, r, l, i) != 0) {
                    literal_take(a, r, l, i);
                    break;
                }
            }
        }
    }
}

static void greedy_row(struct literal *a, int32_t r)
{
    for (int32_t l = 0; l < a->L; l++) {
        for (int32_t pass = 0; pass < 2; pass++) {
            for (int32_t i = 0; i < a->I->inputs; i++) {
                const bool straight = a->I->input[i].aside == 0;
                if (a->W[r][l] == 0 && straight == (pass == 1) && *literal_at(a, r, l, i) != 0) {
                    literal_take(a, r, l, i);
                }
            }
        }
    }
}

static void delete_row(struct literal *a, int32_t r)
{
    a->R--;
    memmove(a->W[r], a->W[r + 1], (size_t)(a->R - r) * sizeof(a->W[0]));
    memmove(a->W_S[r], a->W_S[r + 1], (size_t)(a->R - r) * sizeof(a->W_S[0]));
    memmove(&a->origin[r], &a->origin[r + 1], (size_t)(a->R - r) * sizeof(a->origin[0]));
}

static void literal_schedule(struct literal *a, enum bit_tactical_scheduler scheduler)
{
    int32_t r = 0;
    while (r < a->R) {
        if (!contains_non_zero(a->W[r], a->L)) {
            delete_row(a, r);
            continue;
        }
        if (scheduler == BIT_TACTICAL_GREEDY) {
            greedy_row(a, r);
        } else {
            count_candidates(a, r);
            while (contains_non_zero(a->num_candidates, a->L)) {
                promote(a, r);
                count_candidates(a, r);
            }
        }
        r++;
    }
}

/* Same steps, same weight in each lane, same select. */
static bool literal_equals(const struct literal *a, const struct work *work)
{
    if (work->steps != a->R) {
        return false;
    }
    for (int32_t s = 0; s < a->R; s++) {
        if (work->base[s] != a->origin[s]) {
            return false;
        }
        for (int32_t l = 0; l < a->L; l++) {
            const int32_t want = a->W[s][l] == 0 ? BIT_TACTICAL_NO_WEIGHT : a->W_S[s][l];
            const int32_t got = work->select[s * a->L + l];
            if (got != want) {
                return false;
            }
            if (got != BIT_TACTICAL_NO_WEIGHT) {
                const int32_t ahead = got == 0 ? 0 : work->connect.input[got - 1].ahead;
                const int32_t aside = got == 0 ? 0 : work->connect.input[got - 1].aside;
                const int32_t lane = (l % a->N + aside + a->N) % a->N;
                if (a->W[s][l] != 1 + (work->base[s] + ahead) * a->L + l - l % a->N + lane) {
                    return false;
                }
            }
        }
    }
    return true;
}

/* ---- random tiles ------------------------------------------------------------------------------------------------- */

static struct bit_tactical_connect random_connect(void)
{
    struct bit_tactical_connect connect = {0};
    const int32_t lanes = between(0, 2) == 0 ? 16 : between(2, 32);
    const int32_t h = between(0, 4);
    const int32_t kind = between(0, 3);
    if (kind < 3) {
        const int32_t d = kind == BIT_TACTICAL_LOOKAHEAD || h == 0 ? 0 : between(0, 10 - h);
        if (bit_tactical_connect_shape((enum bit_tactical_shape)kind, lanes, h, d, &connect, NULL) == BT_OK) {
            return connect;
        }
    }
    connect.lanes = lanes;
    connect.lookahead = h;
    for (int32_t i = h == 0 ? 0 : between(0, BIT_TACTICAL_MAX_INPUTS); i > 0; i--) {
        connect.input[connect.inputs].ahead = (int8_t)between(1, h);
        connect.input[connect.inputs].aside = (int8_t)between(1 - lanes, lanes - 1);
        connect.inputs++;
        if (bit_tactical_connect_check(&connect, NULL) != BT_OK) {
            connect.inputs--; /* there already */
        }
    }
    assert_int_equal(bit_tactical_connect_check(&connect, NULL), BT_OK);
    return connect;
}

/* Densities 0..100 % of the tile; in every third tile whole rows, filters or lanes are zero besides. */
static void random_tile(struct work *work)
{
    const int32_t density = between(0, 4) == 0 ? between(0, 1) * 100 : between(0, 100);
    const int32_t structure = between(0, 8); /* 0: rows, 1: filters, 2: lanes */
    const uint32_t lanes = structure == 2 ? (uint32_t)between(0, INT32_MAX) : UINT32_MAX;
    work->tile.rows = between(1, MAX_ROWS);
    work->tile.filters = between(1, MAX_FILTERS);
    const int32_t no_filter = structure == 1 ? between(0, work->tile.filters - 1) : -1;
    for (int32_t row = 0; row < work->tile.rows; row++) {
        const bool zero = structure == 0 && between(0, 2) > 0;
        for (int32_t filter = 0; filter < work->tile.filters; filter++) {
            uint32_t bits = 0;
            for (int32_t lane = 0; lane < work->connect.lanes; lane++) {
                bits |= (uint32_t)(between(0, 99) < density) << lane;
            }
            work->nonzero[row * work->tile.filters + filter] = zero || filter == no_filter ? 0 : bits & lanes;
        }
    }
}

static void assert_invariants(struct work *work)
{
    assert_sound(work);
    const int32_t needed = rows_needed(work);
    const int32_t reach = work->connect.lookahead + 1;
    assert_in_range(work->steps, (needed + reach - 1) / reach, needed);
    const struct bit_tactical_share share =
        bit_tactical_schedule_share(&work->connect, work->tile.filters, work->steps, work->select);
    assert_int_equal(share.own + share.ahead + share.aside, weights_of(work));
    assert_int_equal(share.own + share.ahead + share.aside + share.idle,
                     work->steps * work->tile.filters * work->connect.lanes);
}

static void test_equals_algorithm_2(void **state)
{
    (void)state;
    static struct work work;
    static struct literal literal;
    static struct literal other;
    int32_t fewer = 0, rounds = 0, deleted = 0, differ = 0, wide = 0;
    for (int32_t i = 0; i < 8000; i++) {
        work.connect = random_connect();
        random_tile(&work);
        for (int32_t greedy = 0; greedy <= 1; greedy++) {
            const enum bit_tactical_scheduler scheduler = greedy ? BIT_TACTICAL_GREEDY : BIT_TACTICAL_HEURISTIC;
            schedule(&work, scheduler);
            assert_invariants(&work);
            literal_load(&literal, &work);
            literal_schedule(&literal, scheduler);
            assert_true(literal_equals(&literal, &work));
            fewer += work.steps < work.tile.rows;
            deleted += work.steps > 0 && work.base[work.steps - 1] >= work.steps;
            rounds += literal.rounds > 4 * work.steps;
        }
        /* The comparison can fail: the other scheduler's result is not taken for this one's. */
        literal_load(&other, &work);
        literal_schedule(&other, BIT_TACTICAL_HEURISTIC);
        differ += !literal_equals(&other, &work);
        wide += work.connect.lanes == BIT_TACTICAL_MAX_LANES;
    }
    assert_true(fewer > 4000 && deleted > 2000 && rounds > 200 && differ > 1000 && wide > 50);
}

/* ---- by hand ------------------------------------------------------------------------------------------------------ */

#define NONE BIT_TACTICAL_NO_WEIGHT

static void test_by_hand(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct bit_tactical_connect connect;
        enum bit_tactical_scheduler scheduler;
        int32_t rows, filters;
        uint32_t nonzero[6];
        int32_t steps;
        int32_t base[6];
        uint8_t select[24];
    } cases[] = {
        {"own weights only",
         {.lanes = 3},
         BIT_TACTICAL_HEURISTIC,
         2,
         1,
         {5, 2},
         2,
         {0, 1},
         {0, NONE, 0, NONE, 0, NONE}},
        {"a row that is zero costs nothing",
         {.lanes = 2},
         BIT_TACTICAL_HEURISTIC,
         6,
         1,
         {0, 1, 0, 0, 2, 0},
         2,
         {1, 4},
         {0, NONE, NONE, 0}},
        {"lane 1 has the fewest candidates and goes first; then lane 0 is left with its own lane",
         {.lanes = 3, .lookahead = 1, .inputs = 2, .input = {{1, 1}, {1, 0}}},
         BIT_TACTICAL_HEURISTIC,
         2,
         1,
         {4, 3},
         1,
         {0},
         {2, 2, 0}},
        {"greedy: lane 0 takes what lane 1 needs",
         {.lanes = 3, .lookahead = 1, .inputs = 2, .input = {{1, 1}, {1, 0}}},
         BIT_TACTICAL_GREEDY,
         2,
         1,
         {4, 3},
         2,
         {0, 1},
         {1, NONE, 0, 0, NONE, NONE}},
        {"greedy: aside before ahead, whatever the order of the inputs",
         {.lanes = 2, .lookahead = 1, .inputs = 2, .input = {{1, 0}, {1, 1}}},
         BIT_TACTICAL_GREEDY,
         2,
         1,
         {2, 3},
         2,
         {0, 1},
         {2, 0, 0, NONE}},
        {"heuristic: the order of the inputs",
         {.lanes = 2, .lookahead = 1, .inputs = 2, .input = {{1, 0}, {1, 1}}},
         BIT_TACTICAL_HEURISTIC,
         2,
         1,
         {2, 3},
         2,
         {0, 1},
         {1, 0, NONE, 0}},
        {"a row emptied by promotion is passed over",
         {.lanes = 2, .lookahead = 2, .inputs = 2, .input = {{1, 0}, {2, 0}}},
         BIT_TACTICAL_HEURISTIC,
         4,
         1,
         {1, 2, 1, 2},
         2,
         {0, 2},
         {0, 1, 0, 1}},
        {"a row that one filter still needs is everybody's",
         {.lanes = 2, .lookahead = 1, .inputs = 1, .input = {{1, 0}}},
         BIT_TACTICAL_HEURISTIC,
         2,
         2,
         {1, 3, 2, 1},
         2,
         {0, 1},
         {0, 1, 0, 0, NONE, NONE, 0, NONE}},
        {"lanes wrap round",
         {.lanes = 2, .lookahead = 1, .inputs = 1, .input = {{1, -1}}},
         BIT_TACTICAL_HEURISTIC,
         2,
         1,
         {2, 2},
         1,
         {0},
         {1, 0}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        static struct work work;
        work.connect = cases[i].connect;
        assert_int_equal(bit_tactical_connect_check(&work.connect, NULL), BT_OK);
        work.tile = (struct bit_tactical_tile){.rows = cases[i].rows, .filters = cases[i].filters};
        memcpy(work.nonzero, cases[i].nonzero, sizeof(cases[i].nonzero));
        schedule(&work, cases[i].scheduler);
        if (work.steps != cases[i].steps) {
            fail_msg("%s: %d steps, expected %d", cases[i].name, work.steps, cases[i].steps);
        }
        const size_t lanes = (size_t)work.steps * work.tile.filters * work.connect.lanes;
        if (memcmp(work.base, cases[i].base, (size_t)work.steps * sizeof(work.base[0])) != 0 ||
            memcmp(work.select, cases[i].select, lanes) != 0) {
            fail_msg("%s: another schedule", cases[i].name);
        }
        assert_invariants(&work);
    }
}

/* Tiles whose number of steps is known for every interconnect. */
static void test_structured(void **state)
{
    (void)state;
    static struct work work;
    for (int32_t i = 0; i < 2000; i++) {
        const enum bit_tactical_scheduler scheduler = i % 2 ? BIT_TACTICAL_GREEDY : BIT_TACTICAL_HEURISTIC;
        work.connect = random_connect();
        const uint32_t all = UINT32_MAX >> (32 - work.connect.lanes);
        work.tile.rows = between(1, MAX_ROWS);
        work.tile.filters = between(1, MAX_FILTERS);
        const int32_t words = work.tile.rows * work.tile.filters;

        memset(work.nonzero, 0, sizeof(work.nonzero));
        schedule(&work, scheduler); /* all zero */
        assert_int_equal(work.steps, 0);
        assert_invariants(&work);

        for (int32_t w = 0; w < words; w++) { /* dense */
            work.nonzero[w] = all;
        }
        schedule(&work, scheduler);
        assert_int_equal(work.steps, work.tile.rows);
        assert_invariants(&work);
        const struct bit_tactical_share share =
            bit_tactical_schedule_share(&work.connect, work.tile.filters, work.steps, work.select);
        assert_int_equal(share.own, words * work.connect.lanes);
        assert_int_equal(share.ahead + share.aside + share.idle, 0);

        /* dense but for one row: the row is free, and nothing else changes */
        const int32_t zero = between(0, work.tile.rows - 1);
        memset(&work.nonzero[zero * work.tile.filters], 0, (size_t)work.tile.filters * sizeof(work.nonzero[0]));
        schedule(&work, scheduler);
        assert_int_equal(work.steps, work.tile.rows - 1);
        assert_invariants(&work);

        /* dense but for one filter, which is idle and saves nothing, unless it is the only one */
        const int32_t filter = between(0, work.tile.filters - 1);
        for (int32_t w = 0; w < words; w++) {
            work.nonzero[w] = w % work.tile.filters == filter ? 0 : all;
        }
        schedule(&work, scheduler);
        assert_int_equal(work.steps, work.tile.filters == 1 ? 0 : work.tile.rows);
        assert_invariants(&work);
    }
}

/* One lane has all the weights: h + 1 rows are done in one step where as many lanes reach them straight or aside. */
static void test_one_lane(void **state)
{
    (void)state;
    static const struct {
        enum bit_tactical_shape shape;
        int32_t h, d, rows_per_step;
    } cases[] = {
        {BIT_TACTICAL_LOOKAHEAD, 0, 0, 1},                            /* nobody else reaches this lane */
        {BIT_TACTICAL_LOOKAHEAD, 4, 0, 1}, {BIT_TACTICAL_L, 1, 1, 2}, /* the lane below takes the next row's */
        {BIT_TACTICAL_L, 2, 5, 2},                                    /* nobody aside reaches two rows ahead */
        {BIT_TACTICAL_TRIDENT, 1, 6, 2},   {BIT_TACTICAL_TRIDENT, 2, 5, 3},
        {BIT_TACTICAL_TRIDENT, 3, 4, 3}, /* three rows ahead only straight */
        {BIT_TACTICAL_TRIDENT, 3, 6, 4},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int32_t lane = 0; lane < 16; lane++) {
            for (int32_t greedy = 0; greedy <= 1; greedy++) {
                static struct work work;
                work.connect = shape(cases[i].shape, 16, cases[i].h, cases[i].d);
                work.tile = (struct bit_tactical_tile){.rows = 24, .filters = 3};
                for (int32_t w = 0; w < 24 * 3; w++) {
                    work.nonzero[w] = UINT32_C(1) << lane;
                }
                schedule(&work, greedy ? BIT_TACTICAL_GREEDY : BIT_TACTICAL_HEURISTIC);
                assert_int_equal(work.steps, 24 / cases[i].rows_per_step);
                assert_invariants(&work);
            }
        }
    }
}

static void test_no_rows(void **state)
{
    (void)state;
    const struct bit_tactical_connect connect = shape(BIT_TACTICAL_TRIDENT, 16, 2, 5);
    const struct bit_tactical_tile tile = {.rows = 0, .filters = 16};
    assert_int_equal(bit_tactical_schedule(&connect, BIT_TACTICAL_HEURISTIC, &tile, NULL, NULL, NULL), 0);
    assert_true(bit_tactical_schedule_check(&connect, &tile, 0, NULL, NULL, NULL, NULL));
}

static void test_share(void **state)
{
    (void)state;
    const struct bit_tactical_connect connect = {
        .lanes = 2, .lookahead = 2, .inputs = 3, .input = {{1, 0}, {1, 1}, {2, 0}}};
    static const uint8_t select[] = {0, 1, NONE, 2, 3, 3, 0, NONE, NONE, NONE, NONE, 0};
    const struct bit_tactical_share share = bit_tactical_schedule_share(&connect, 2, 3, select);
    assert_int_equal(share.own, 3);
    assert_int_equal(share.ahead, 3);
    assert_int_equal(share.aside, 1);
    assert_int_equal(share.idle, 5);
}

/* ---- planted faults ----------------------------------------------------------------------------------------------- */

static void test_planted(void **state)
{
    (void)state;
    /* Two filters, three lanes, rows 0: 101 110, 1: 010 011, 2: 000 000, 3: 111 100 (lane 2 on the left). */
    static const uint32_t nonzero[] = {5, 6, 2, 3, 0, 0, 7, 4};
    static const int32_t sound_base[] = {0, 1, 3};
    static const uint8_t sound_select[] = {
        0,    NONE, 0,    1,    0,    0,    /* filter 1's lane 0: row 1, lane 0 */
        NONE, 0,    NONE, NONE, 0,    2,    /* filter 1's lane 2: row 3, lane 2 */
        0,    0,    0,    NONE, NONE, NONE, /* */
    };
    static const struct {
        const char *what;
        int32_t steps;
        int32_t base_at, base; /* -1: as it is */
        int32_t at, select;    /* [3][2][3] -1: as it is */
        struct bit_tactical_fault fault;
    } cases[] = {
        {"a lane moved to a weight that is zero", 3, -1, 0, 3, 3, {"the weight is zero", 0, 1, 0, 1, 2}},
        {"a lane moved to its own, zero weight", 3, -1, 0, 3, 0, {"the weight is zero", 0, 1, 0, 0, 0}},
        {"a lane moved to another's weight", 3, -1, 0, 3, 4, {"the weight was used before", 1, 1, 1, 1, 1}},
        {"used twice", 3, -1, 0, 8, 4, {"the weight is zero", 1, 0, 2, 2, 0}},
        {"used twice, later", 3, -1, 0, 6, 2, {"the weight was used before", 2, 0, 0, 3, 0}},
        {"dropped", 3, -1, 0, 13, NONE, {"the weight is never used", -1, 0, -1, 3, 1}},
        {"dropped, promoted", 3, -1, 0, 11, NONE, {"the weight is never used", -1, 1, -1, 3, 2}},
        {"dropped with its step", 2, -1, 0, -1, 0, {"the weight is never used", -1, 0, -1, 3, 0}},
        {"dropped, all", 0, -1, 0, -1, 0, {"the weight is never used", -1, 0, -1, 0, 0}},
        {"same base twice", 3, 1, 0, -1, 0, {"the base does not ascend", 1, -1, -1, 0, -1}},
        {"base descends", 3, 2, 0, -1, 0, {"the base does not ascend", 2, -1, -1, 0, -1}},
        {"base of a later row", 3, 1, 2, -1, 0, {"the weight is zero", 1, 0, 1, 2, 1}},
        {"negative base", 3, 0, -1, -1, 0, {"the base is outside the tile", 0, -1, -1, -1, -1}},
        {"base behind the tile", 3, 2, 4, -1, 0, {"the base is outside the tile", 2, -1, -1, 4, -1}},
        {"beyond the list", 3, -1, 0, 4, 5, {"the lane has no such input", 0, 1, 1, -1, -1}},
        {"far beyond the list", 3, -1, 0, 17, 0xfe, {"the lane has no such input", 2, 1, 2, -1, -1}},
        {"beyond the last row", 3, -1, 0, 15, 1, {"the weight is beyond the last row", 2, 1, 0, 4, 0}},
        {"more steps than rows",
         5,
         -1,
         0,
         -1,
         0,
         {"the number of steps is negative or above that of rows", -1, -1, -1, -1, -1}},
        {"steps below 0",
         -1,
         -1,
         0,
         -1,
         0,
         {"the number of steps is negative or above that of rows", -1, -1, -1, -1, -1}},
    };
    static struct work work;
    work.connect = (struct bit_tactical_connect){
        .lanes = 3, .lookahead = 2, .inputs = 4, .input = {{1, 0}, {2, 0}, {1, -1}, {1, 1}}};
    work.tile = (struct bit_tactical_tile){.rows = 4, .filters = 2, .nonzero = work.nonzero};
    memcpy(work.nonzero, nonzero, sizeof(nonzero));
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bit_tactical_fault fault = {0};
        memcpy(work.base, sound_base, sizeof(sound_base));
        memcpy(work.select, sound_select, sizeof(sound_select));
        work.steps = 3;
        assert_sound(&work);
        work.steps = cases[i].steps;
        if (cases[i].base_at >= 0) {
            work.base[cases[i].base_at] = cases[i].base;
        }
        if (cases[i].at >= 0) {
            work.select[cases[i].at] = (uint8_t)cases[i].select;
        }
        const struct bit_tactical_fault *want = &cases[i].fault;
        assert_false(check(&work, NULL));
        assert_false(check(&work, &fault));
        if (strcmp(fault.what, want->what) != 0 || fault.step != want->step || fault.filter != want->filter ||
            fault.lane != want->lane || fault.row != want->row || fault.row_lane != want->row_lane) {
            fail_msg("%s: step %d filter %d lane %d, weight of row %d lane %d: %s", cases[i].what, fault.step,
                     fault.filter, fault.lane, fault.row, fault.row_lane, fault.what);
        }
    }
}

/* One lane of a sound schedule changed at random: never sound again, unless it reads the same weight by an alias. */
static void test_planted_random(void **state)
{
    (void)state;
    static struct work work;
    int32_t planted = 0;
    for (int32_t i = 0; i < 4000; i++) {
        work.connect = random_connect();
        random_tile(&work);
        schedule(&work, i % 2 ? BIT_TACTICAL_GREEDY : BIT_TACTICAL_HEURISTIC);
        assert_sound(&work);
        if (work.steps == 0) {
            continue;
        }
        const int32_t at = between(0, work.steps * work.tile.filters * work.connect.lanes - 1);
        const int32_t was = work.select[at];
        const int32_t now = between(0, work.connect.inputs + 1);
        const int32_t lanes = work.connect.lanes;
        if (now == was || (was == BIT_TACTICAL_NO_WEIGHT && now == BIT_TACTICAL_NO_WEIGHT)) {
            continue;
        }
        if (was > 0 && was != BIT_TACTICAL_NO_WEIGHT && now > 0 && now <= work.connect.inputs &&
            work.connect.input[was - 1].ahead == work.connect.input[now - 1].ahead &&
            (work.connect.input[was - 1].aside - work.connect.input[now - 1].aside) % lanes == 0) {
            continue;
        }
        work.select[at] = (uint8_t)now;
        assert_false(check(&work, NULL));
        planted++;
    }
    assert_true(planted > 2000);
}

/* ---- interconnects ------------------------------------------------------------------------------------------------ */

static void test_shapes(void **state)
{
    (void)state;
    static const struct {
        enum bit_tactical_shape shape;
        int32_t lanes, h, d, inputs;
        int8_t input[BIT_TACTICAL_MAX_INPUTS][2];
    } cases[] = {
        {BIT_TACTICAL_LOOKAHEAD, 16, 0, 0, 0, {{0}}},
        {BIT_TACTICAL_TRIDENT, 16, 0, 0, 0, {{0}}},
        {BIT_TACTICAL_LOOKAHEAD, 16, 1, 0, 1, {{1, 0}}},
        {BIT_TACTICAL_LOOKAHEAD, 2, 4, 0, 4, {{1, 0}, {2, 0}, {3, 0}, {4, 0}}},
        {BIT_TACTICAL_L, 16, 2, 5, 7, {{1, 0}, {2, 0}, {1, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 5}}},
        {BIT_TACTICAL_L, 2, 1, 1, 2, {{1, 0}, {1, 1}}},
        {BIT_TACTICAL_TRIDENT, 16, 1, 6, 7, {{1, 0}, {1, -1}, {1, 1}, {1, -3}, {1, 3}, {1, -5}, {1, 5}}},
        {BIT_TACTICAL_TRIDENT, 16, 2, 5, 7, {{1, 0}, {2, 0}, {1, -1}, {1, 1}, {2, -2}, {2, 2}, {1, -3}}},
        {BIT_TACTICAL_TRIDENT, 16, 3, 4, 7, {{1, 0}, {2, 0}, {3, 0}, {1, -1}, {1, 1}, {2, -2}, {2, 2}}},
        {BIT_TACTICAL_TRIDENT, 4, 2, 5, 7, {{1, 0}, {2, 0}, {1, -1}, {1, 1}, {2, -2}, {2, 2}, {1, -3}}},
        {BIT_TACTICAL_TRIDENT,
         32,
         3,
         7,
         10,
         {{1, 0}, {2, 0}, {3, 0}, {1, -1}, {1, 1}, {2, -2}, {2, 2}, {3, -3}, {3, 3}, {1, -3}}},
        {BIT_TACTICAL_TRIDENT,
         10,
         1,
         9,
         10,
         {{1, 0}, {1, -1}, {1, 1}, {1, -3}, {1, 3}, {1, -5}, {1, 5}, {1, -7}, {1, 7}, {1, -9}}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct bit_tactical_connect connect = shape(cases[i].shape, cases[i].lanes, cases[i].h, cases[i].d);
        assert_int_equal(connect.lanes, cases[i].lanes);
        assert_int_equal(connect.lookahead, cases[i].h);
        assert_int_equal(connect.inputs, cases[i].inputs);
        for (int32_t k = 0; k < connect.inputs; k++) {
            assert_int_equal(connect.input[k].ahead, cases[i].input[k][0]);
            assert_int_equal(connect.input[k].aside, cases[i].input[k][1]);
        }
        assert_int_equal(bit_tactical_connect_check(&connect, NULL), BT_OK);
    }
}

static void test_shape_refusals(void **state)
{
    (void)state;
    static const struct {
        enum bit_tactical_shape shape;
        int32_t lanes, h, d;
        struct bt_reason why;
    } cases[] = {
        {BIT_TACTICAL_TRIDENT, 1, 2, 5, {"too few lanes", 1, 2}},
        {BIT_TACTICAL_TRIDENT, 33, 2, 5, {"too many lanes", 33, 32}},
        {BIT_TACTICAL_TRIDENT, 16, -1, 0, {"lookahead below 0", -1, 0}},
        {BIT_TACTICAL_TRIDENT, 16, 5, 0, {"lookahead too far", 5, 4}},
        {BIT_TACTICAL_TRIDENT, 16, 4, -1, {"lookaside below 0", -1, 0}},
        {BIT_TACTICAL_TRIDENT, 16, 4, 7, {"too many inputs", 11, 10}},
        {BIT_TACTICAL_L, 16, 2, INT32_MAX, {"too many inputs", (int64_t)INT32_MAX + 2, 10}},
        {BIT_TACTICAL_L, 16, 0, 3, {"lookaside without a row or a shape for it", 3, 0}},
        {BIT_TACTICAL_LOOKAHEAD, 16, 2, 1, {"lookaside without a row or a shape for it", 1, 0}},
        {BIT_TACTICAL_L, 4, 2, 4, {"input reaches round all lanes", 4, 3}},
        {BIT_TACTICAL_TRIDENT, 3, 2, 5, {"input reaches round all lanes", -3, -2}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bit_tactical_connect connect = {.lanes = 77};
        struct bt_reason why = {0};
        assert_int_equal(
            bit_tactical_connect_shape(cases[i].shape, cases[i].lanes, cases[i].h, cases[i].d, &connect, &why),
            BT_EINVAL);
        assert_string_equal(why.what, cases[i].why.what);
        assert_int_equal(why.got, cases[i].why.got);
        assert_int_equal(why.limit, cases[i].why.limit);
        assert_int_equal(connect.lanes, 77);
        assert_int_equal(
            bit_tactical_connect_shape(cases[i].shape, cases[i].lanes, cases[i].h, cases[i].d, &connect, NULL),
            BT_EINVAL);
    }
}

static void test_connect_refusals(void **state)
{
    (void)state;
    static const struct {
        struct bit_tactical_connect connect;
        struct bt_reason why;
    } cases[] = {
        {{.lanes = 0}, {"too few lanes", 0, 2}},
        {{.lanes = 33}, {"too many lanes", 33, 32}},
        {{.lanes = 8, .lookahead = -1}, {"lookahead below 0", -1, 0}},
        {{.lanes = 8, .lookahead = 5}, {"lookahead too far", 5, 4}},
        {{.lanes = 8, .lookahead = 2, .inputs = -1}, {"fewer than no inputs", -1, 0}},
        {{.lanes = 8, .lookahead = 2, .inputs = 11}, {"too many inputs", 11, 10}},
        {{.lanes = 8, .lookahead = 2, .inputs = 1}, {"input reaches no row ahead", 0, 1}},
        {{.lanes = 8, .lookahead = 2, .inputs = 1, .input = {{-1, 1}}}, {"input reaches no row ahead", -1, 1}},
        {{.lanes = 8, .lookahead = 2, .inputs = 2, .input = {{2, 7}, {3, 0}}},
         {"input reaches beyond the window", 3, 2}},
        {{.lanes = 8, .lookahead = 0, .inputs = 1, .input = {{1, 0}}}, {"input reaches beyond the window", 1, 0}},
        {{.lanes = 8, .lookahead = 2, .inputs = 2, .input = {{2, -7}, {1, -8}}},
         {"input reaches round all lanes", -8, -7}},
        {{.lanes = 8, .lookahead = 2, .inputs = 1, .input = {{2, 8}}}, {"input reaches round all lanes", 8, 7}},
        {{.lanes = 8, .lookahead = 2, .inputs = 4, .input = {{1, 1}, {1, 2}, {2, 1}, {1, 2}}},
         {"input is the same as an earlier one", 3, 1}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bt_reason why = {0};
        assert_int_equal(bit_tactical_connect_check(&cases[i].connect, &why), BT_EINVAL);
        assert_string_equal(why.what, cases[i].why.what);
        assert_int_equal(why.got, cases[i].why.got);
        assert_int_equal(why.limit, cases[i].why.limit);
        assert_int_equal(bit_tactical_connect_check(&cases[i].connect, NULL), BT_EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_algorithm_2),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_structured),
        cmocka_unit_test(test_one_lane),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_planted),
        cmocka_unit_test(test_planted_random),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_shape_refusals),
        cmocka_unit_test(test_connect_refusals),
    };
    return cmocka_run_group_tests_name("bit_tactical_schedule", tests, NULL, NULL);
}
