/* The room against its own claims: see reference/common/test_bt_brick.h; and never slower than the dense baseline. */
#include "reference/common/test_bt_brick.h"

#include "harness/conv_s16.h"
#include "reference/bit_tactical/bit_tactical_plan.h"
#include "reference/bit_tactical/bit_tactical_schedule.h"
#include "reference/ops/conv2d_s8.h"

enum {
#define BT_CONST(name, value) BIT_TACTICAL_##name = (value),
#include "reference/bit_tactical/bit_tactical_regs.def"
#undef BT_CONST
};

extern const struct bt_variant bit_tactical_variant;
const struct bt_variant *const brick_variant = &bit_tactical_variant;
const char *const brick_full_core = "T_2_5";

static void brick_expect(const struct bt_layer *layer, const struct bt_layer_data *data, void *ofmap)
{
    if (layer->dtype == BT_S16) {
        struct bt_reason why = {0};
        assert_int_equal(bt_conv_s16(&layer->u.conv, data, ofmap, &why), BT_OK);
    } else {
        assert_int_equal(ref_conv2d_s8(&layer->u.conv, data, ofmap), BT_OK);
    }
}

static void test_registers(void **state)
{
    (void)state;
    test_registers_of(BIT_TACTICAL_ID_VALUE, BIT_TACTICAL_VERSION_VALUE);
}

/* The dense baseline on the same tiles, memories and weights: raw ones, or the packed ones where they are faster. */
static uint64_t dense_cycles(const struct job *job)
{
    const struct bt_variant *dense = bt_variant_find("dadiannao");
    struct bt_counters prediction = {0};
    struct bt_reason why = {0};
    struct bt_blob aux = {0};
    struct bt_io io = {.in_addr = BT_ANYWHERE, .out_addr = BT_ANYWHERE};
    struct bt_config config = job->config;
    assert_non_null(dense);
    assert_true(config.count < BT_MAX_PARAMS || config.param[config.count - 1].key != NULL);
    void *plan = aligned_alloc(16, (dense->driver->plan_bytes + 31) / 16 * 16);
    assert_non_null(plan);
    config.param[config.count - 1].key = "PACKED"; /* in place of SHUFFLE, which the other room does not have */
    config.param[config.count - 1].value = 1;
    assert_int_equal(dense->prepare(&config, &job->layer, 1, &job->tensors.view, &aux, &why), BT_OK);
    assert_int_equal(dense->driver->plan(&config, &job->layer, 1, &aux, &io, plan, &why), BT_OK);
    assert_int_equal(dense->cycles(&config, plan, &job->layer, &aux, NULL, &prediction), BT_OK);
    free(aux.data);
    free(plan);
    return bt_counters_get(&prediction, "cycles", 0);
}

/* Any connectivity that there may be, of any list of inputs. */
static void random_connect(struct bt_config *config)
{
    static const char *const shapes[] = {"tiny", "T_2_5", "T_1_6", "T_3_4", "L_2_5", "ahead_1", "ahead_4", "T_4_6"};
    struct bt_config other = brick_config(shapes[rng(8)]);
    struct bt_reason why = {0};
    for (uint32_t i = 0; i < other.count; i++) {
        const char *key = other.param[i].key;
        if (strncmp(key, "AHEAD", 5) == 0 || strncmp(key, "ASIDE", 5) == 0 || strcmp(key, "LOOKAHEAD") == 0) {
            set_param(config, key, other.param[i].value);
        }
    }
    set_param(config, "SCHEDULER", rng(2));
    set_param(config, "SHUFFLE", rng(2));
    if (bit_tactical_variant.check(config, &why) != BT_OK) {
        fail_msg("%s %lld", why.what, (long long)why.got);
    }
}

/* At any sparsity, structure, shape, connectivity and memory. */
static void test_never_slower(void **state)
{
    (void)state;
    int faster = 0;
    int planned = 0;
    for (int i = 0; planned < 10000; i++) {
        struct job job;
        struct bt_config config = brick_config(brick_cores[rng(BRICK_CORES)]);
        random_connect(&config);
        config.mem.bytes_per_cycle = 1u << rng(5);
        config.mem.latency_cycles = rng(100);
        if (!make_job(&job, &config, random_layer(&config), random_pruning(), (uint64_t)i)) {
            continue;
        }
        const uint64_t dense = dense_cycles(&job);
        const uint64_t cycles = predicted_cycles(&job);
        if (cycles > dense) {
            describe_layer(&job.layer, &job.config.mem);
            fail_msg("%llu cycles, dense %llu", (unsigned long long)cycles, (unsigned long long)dense);
        }
        faster += cycles < dense;
        planned++;
        free_job(&job);
    }
    assert_true(faster > 5000);
}

/* The same, measured: the prediction of either room is what its RTL takes (check_rtl, and test_dadiannao). */
static void test_never_slower_on_rtl(void **state)
{
    (void)state;
    int measured = 0;
    for (size_t core = 0; core < BRICK_CORES; core++) {
        struct bt_config config = brick_config(brick_cores[core]);
        struct bt_hal *hal = open_core(brick_cores[core], &config.mem);
        struct bt_config dense_config = config;
        char path[256];
        const char *build = getenv("BITTRUE_BUILD");
        struct bt_hal *dense_hal = NULL;
        const struct bt_variant *dense = bt_variant_find("dadiannao");
        (void)snprintf(path, sizeof(path), "%s/rtl/dadiannao-%s.so", build != NULL ? build : "build",
                       brick_cores[core]);
        assert_int_equal(bt_hal_sim_open(path, &config.mem, NULL, NULL, &dense_hal, NULL), BT_OK);
        dense_config.param[dense_config.count - 1].key = "PACKED";
        for (int i = 0; i < 125; i++) {
            struct job job;
            struct bt_sim_stats stats;
            struct bt_sim_stats dense_stats;
            struct bt_reason why = {0};
            struct bt_blob aux = {0};
            struct bt_io io = {.in_addr = BT_ANYWHERE, .out_addr = BT_ANYWHERE};
            dense_config.param[dense_config.count - 1].value = rng(2);
            if (!make_job(&job, &config, random_layer(&config), random_pruning(), (uint64_t)i)) {
                continue;
            }
            check_rtl(&job, hal);
            bt_hal_sim_stats(hal, &stats);
            void *plan = aligned_alloc(16, (dense->driver->plan_bytes + 31) / 16 * 16);
            assert_non_null(plan);
            assert_int_equal(dense->prepare(&dense_config, &job.layer, 1, &job.tensors.view, &aux, &why), BT_OK);
            assert_int_equal(dense->driver->plan(&dense_config, &job.layer, 1, &aux, &io, plan, &why), BT_OK);
            assert_int_equal(dense->driver->pack(plan, &job.tensors.view, &aux, dense_hal, &why), BT_OK);
            dense->driver->load(plan, job.tensors.view.ifmap, dense_hal);
            dense->driver->program(plan, dense_hal);
            bt_hal_sim_arm(dense_hal);
            dense->driver->start(plan, dense_hal);
            const enum bt_event event = bt_hal_run(dense_hal, UINT64_C(50000000));
            assert_int_equal(dense->driver->service(plan, dense_hal, event, &why), BT_OK);
            bt_hal_sim_stats(dense_hal, &dense_stats);
            assert_true(stats.start_to_done <= dense_stats.start_to_done);
            measured++;
            free(plan);
            free(aux.data);
            free_job(&job);
        }
        bt_hal_sim_close(dense_hal);
        bt_hal_sim_close(hal);
    }
    assert_true(measured >= 200);
}

static struct bt_layer small_layer(const struct bt_config *config)
{
    struct bt_layer layer = long_layer(config);
    layer.u.conv.h = 5;
    layer.u.conv.w = 6;
    return layer;
}

/* Weights that are all zero, of one filter, of one row of all filters; dense ones; a single one. */
static void test_extreme_sparsity(void **state)
{
    (void)state;
    enum { NOTHING, FILTER, ROW, DENSE, ONE, CASES };
    for (size_t core = 0; core < BRICK_CORES; core++) {
        const struct bt_config config = brick_config(brick_cores[core]);
        struct bt_hal *hal = open_core(brick_cores[core], &config.mem);
        for (int kind = 0; kind < CASES; kind++) {
            struct job job;
            struct bt_reason why = {0};
            const struct bt_layer layer = small_layer(&config);
            const struct bt_conv2d *conv = &layer.u.conv;
            const size_t elem = bt_layer_elem_bytes(&layer);
            must_make_job(&job, &config, layer, (struct bt_pruning){0}, 3);
            uint8_t *weights = (uint8_t *)(uintptr_t)job.tensors.view.weights;
            const size_t filter = (size_t)(conv->kh * conv->kw * conv->c_in) * elem;
            const size_t all = filter * (size_t)conv->c_out;
            for (size_t i = 0; i < all; i += elem) {
                const size_t in_filter = i % filter / elem;
                const bool keep = kind == DENSE || (kind == FILTER && i / filter != 5) ||
                                  (kind == ROW && in_filter / (size_t)conv->c_in != 4) ||
                                  (kind == ONE && i == 7 * elem);
                memset(weights + i, keep ? 1 : 0, elem);
            }
            brick_expect(&layer, &job.tensors.view, job.expected);
            assert_int_equal(plan_job(&job, &why), BT_OK);
            check_model(&job);
            check_rtl(&job, hal);
            const struct bt_counters p = predict(&job);
            const uint64_t steps =
                bt_counters_get(&p, "compute", 0) / ((uint64_t)plan_of(&job)->oh * (uint64_t)plan_of(&job)->ow);
            const uint64_t warps = (uint64_t)plan_of(&job)->warps;
            const uint64_t rows = (uint64_t)plan_of(&job)->rows;
            if (kind == NOTHING || kind == ONE) {
                assert_int_equal(steps, warps);
            } else if (kind == DENSE || kind == FILTER) {
                /* What the channels leave of a brick, and slots without a filter, are zeros to skip even here. */
                assert_true(steps <= rows * warps);
            } else {
                assert_true(steps < rows * warps);
            }
            assert_true(predicted_cycles(&job) <= dense_cycles(&job));
            free_job(&job);
        }
        bt_hal_sim_close(hal);
    }
}

/* The schedule that the stream holds is the scheduler's: proved by the checker for every tile of every warp. */
struct stream {
    const struct bt_brick_plan *plan;
    int32_t *base;   /* [warps][tiles][rows] */
    uint8_t *select; /* [warps][tiles][rows][filters][lanes] */
    int32_t *steps;  /* [warps][tiles] */
    const struct bt_brick_connect *connect;
};

static void keep_use(void *context, const struct bt_brick_use *use)
{
    struct stream *s = context;
    const struct bt_brick_hw *hw = &s->plan->hw;
    const int32_t tile = use->warp * hw->tiles + use->slot / hw->filters;
    const int64_t step = (int64_t)tile * s->plan->rows + use->step;
    s->base[step] = use->row - (use->select > 0 ? s->connect->ahead[use->select - 1] : 0);
    s->select[(step * hw->filters + use->slot % hw->filters) * hw->lanes + use->lane] = (uint8_t)use->select;
    if (s->steps[tile] <= use->step) {
        s->steps[tile] = use->step + 1;
    }
}

static void test_schedules_are_proved(void **state)
{
    (void)state;
    for (size_t core = 0; core < BRICK_CORES; core++) {
        struct bt_config config = brick_config(brick_cores[core]);
        for (int i = 0; i < 60; i++) {
            struct job job;
            struct bt_reason why = {0};
            struct bt_layer layer = small_layer(&config);
            layer.u.conv.c_in = between(1, 40);
            layer.u.conv.c_out = between(1, 20);
            set_param(&config, "SHUFFLE", rng(2));
            must_make_job(&job, &config, layer, (struct bt_pruning){.percent = 60}, (uint64_t)i);
            const struct bt_brick_plan *plan = plan_of(&job);
            const struct bt_brick_connect connect = bit_tactical_connect_of(&config);
            if (!plan->scheduled) {
                free_job(&job);
                continue;
            }
            const size_t tiles = (size_t)plan->warps * (size_t)plan->hw.tiles;
            const size_t lanes = tiles * (size_t)plan->rows * (size_t)(plan->hw.filters * plan->hw.lanes);
            struct stream s = {.plan = plan,
                               .base = malloc(tiles * (size_t)plan->rows * sizeof(*s.base)),
                               .select = malloc(lanes),
                               .steps = calloc(tiles, sizeof(*s.steps)),
                               .connect = &connect};
            assert_true(s.base != NULL && s.select != NULL && s.steps != NULL);
            memset(s.base, 0xff, tiles * (size_t)plan->rows * sizeof(*s.base));
            memset(s.select, BIT_TACTICAL_NO_WEIGHT, lanes);
            const struct bt_brick_aux *made = job.aux.data;
            const struct bt_brick_visitor visitor = {.use = keep_use, .context = &s};
            assert_int_equal(bt_brick_read(plan, &connect, (const uint8_t *)made + made->image_at, &visitor, &why),
                             BT_OK);
            const int32_t *channels = (const int32_t *)(const void *)((const uint8_t *)made + made->channels_at);
            struct bit_tactical_connect checked = {
                .lanes = plan->hw.lanes, .lookahead = connect.lookahead, .inputs = connect.inputs};
            for (int32_t n = 0; n < connect.inputs; n++) {
                checked.input[n].ahead = connect.ahead[n];
                checked.input[n].aside = connect.aside[n];
            }
            uint32_t *mask = calloc(2 * (size_t)plan->rows * (size_t)plan->hw.filters, sizeof(*mask));
            assert_non_null(mask);
            for (size_t t = 0; t < tiles; t++) {
                struct bit_tactical_fault fault;
                const int32_t warp = (int32_t)t / plan->hw.tiles;
                const int32_t tile = (int32_t)t % plan->hw.tiles;
                for (int32_t r = 0; r < plan->rows; r++) {
                    for (int32_t f = 0; f < plan->hw.filters; f++) {
                        const int32_t channel = channels[warp * plan->hw.slots + tile * plan->hw.filters + f];
                        uint32_t *m = &mask[r * plan->hw.filters + f];
                        *m = 0;
                        for (int32_t l = 0; l < plan->hw.lanes; l++) {
                            *m |= (uint32_t)(bt_brick_weight(plan, job.tensors.view.weights, channel,
                                                             bt_brick_tile_brick(plan, warp, tile), r, l) != 0)
                                  << l;
                        }
                    }
                }
                const struct bit_tactical_tile of = {.rows = plan->rows, .filters = plan->hw.filters, .nonzero = mask};
                if (!bit_tactical_schedule_check(&checked, &of, s.steps[t], s.base + t * (size_t)plan->rows,
                                                 s.select +
                                                     t * (size_t)(plan->rows * plan->hw.filters * plan->hw.lanes),
                                                 mask + (size_t)plan->rows * (size_t)plan->hw.filters, &fault)) {
                    fail_msg("tile %zu: %s, step %d, filter %d, lane %d", t, fault.what, fault.step, fault.filter,
                             fault.lane);
                }
            }
            free(mask);
            free(s.base);
            free(s.select);
            free(s.steps);
            free_job(&job);
        }
    }
}

/* Asked for, the schedule is kept also where other weights are read faster: for what it does without off-chip stalls. */
static void test_schedule_always(void **state)
{
    (void)state;
    int other = 0;
    for (int i = 0; i < 60; i++) {
        struct bt_config config = brick_config("tiny");
        struct job job;
        struct job always;
        const struct bt_layer layer = random_layer(&config);
        const struct bt_pruning pruning = {.percent = rng(30)};
        const uint32_t scheduler = rng(2);
        set_param(&config, "SCHEDULER", scheduler);
        if (!make_job(&job, &config, layer, pruning, (uint64_t)i)) {
            continue;
        }
        set_param(&config, "SCHEDULER", scheduler + 2);
        must_make_job(&always, &config, layer, pruning, (uint64_t)i);
        const struct bt_counters a = predict(&job);
        const struct bt_counters b = predict(&always);
        assert_true(plan_of(&always)->scheduled);
        assert_true(bt_counters_get(&b, "cycles", 0) >= bt_counters_get(&a, "cycles", 0));
        if (plan_of(&job)->scheduled) {
            assert_int_equal(bt_counters_get(&b, "cycles", 0), bt_counters_get(&a, "cycles", 0));
        } else {
            other++;
        }
        free_job(&always);
        free_job(&job);
    }
    assert_true(other > 0);
}

/* Both schedulers are what they are called, and shuffling helps where whole filters are gone. */
static void test_schedulers_and_shuffling(void **state)
{
    (void)state;
    uint64_t cycles[3] = {0}; /* greedy; in order; shuffled */
    for (int i = 0; i < 40; i++) {
        struct bt_config config = brick_config("tiny");
        struct bt_layer layer = small_layer(&config);
        layer.u.conv.c_in = 32;
        layer.u.conv.c_out = 48;
        for (int kind = 0; kind < 3; kind++) {
            struct job job;
            set_param(&config, "SCHEDULER", kind == 0 ? 3 : 2);
            set_param(&config, "SHUFFLE", kind == 2);
            must_make_job(&job, &config, layer, (struct bt_pruning){60, BT_STRUCTURE_FILTER}, (uint64_t)i);
            const struct bt_counters p = predict(&job);
            cycles[kind] += bt_counters_get(&p, "compute", 0);
            free_job(&job);
        }
    }
    assert_true(cycles[2] < cycles[1] - cycles[1] / 20);
    cycles[0] = cycles[1] = 0;
    for (int i = 0; i < 20; i++) {
        struct bt_config config = brick_config("tiny");
        for (int kind = 0; kind < 2; kind++) {
            struct job job;
            struct bt_layer layer = small_layer(&config);
            layer.u.conv.c_in = 32;
            set_param(&config, "SCHEDULER", kind == 0 ? 3 : 2);
            must_make_job(&job, &config, layer, (struct bt_pruning){.percent = 70}, (uint64_t)i);
            const struct bt_counters p = predict(&job);
            cycles[kind] += bt_counters_get(&p, "compute", 0);
            free_job(&job);
        }
    }
    assert_true(cycles[1] < cycles[0]);
}

/* Connectivities that cannot be. */
static void test_connectivities(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int64_t value;
    } cases[] = {
        {"AHEAD_2", 3},                    /* beyond the window of T<2,5> */
        {"LOOKAHEAD", 1},                  /* now its second rows are */
        {"ASIDE_1", 16},                   /* as far as there are lanes */
        {"ASIDE_3", -16}, {"ASIDE_4", -1}, /* twice the same */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_config config = brick_config("T_2_5");
        struct bt_reason why = {0};
        assert_int_equal(bit_tactical_variant.check(&config, &why), BT_OK);
        set_param(&config, cases[i].key, cases[i].value);
        assert_int_equal(bit_tactical_variant.check(&config, &why), BT_EINPUT);
        assert_non_null(why.what);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {BRICK_TESTS,
                                       cmocka_unit_test(test_connectivities),
                                       cmocka_unit_test(test_schedule_always),
                                       cmocka_unit_test(test_schedulers_and_shuffling),
                                       cmocka_unit_test(test_never_slower),
                                       cmocka_unit_test(test_never_slower_on_rtl),
                                       cmocka_unit_test(test_extreme_sparsity),
                                       cmocka_unit_test(test_schedules_are_proved)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
