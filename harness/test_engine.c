/* One job through all engines, on a core that goes wrong on request: every fault has its verdict and its words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/data.h"
#include "harness/engine.h"
#include <time.h>

#include "harness/test_fake.h"

static char build_dir[] = P_tmpdir "/bt_test_engine_XXXXXX";

static int make_build(void **state)
{
    (void)state;
    if (mkdtemp(build_dir) == NULL) {
        return -1;
    }
    char command[256];
    (void)snprintf(command, sizeof(command), "mkdir %s/rtl && touch %s/rtl/fake-c.so", build_dir, build_dir);
    return system(command);
}

static int remove_build(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s", build_dir);
    return system(command);
}

static const struct bt_conv2d small = {
    .n = 1,
    .h = 6,
    .w = 5,
    .c_in = 3,
    .c_out = 4,
    .kh = 3,
    .kw = 3,
    .stride_h = 1,
    .stride_w = 1,
    .dil_h = 1,
    .dil_w = 1,
    .pad_top = 1,
    .pad_bottom = 1,
    .pad_left = 1,
    .pad_right = 1,
    .groups = 1,
    .act_min = -128,
    .act_max = 127,
};

struct bench {
    struct bt_suite_layer layers[3];
    struct bt_variant_configs configs;
    struct bt_exemption exemption;
    struct bt_job job;
    struct bt_record records[3];
    struct bt_engine_options options;
};

static void set_up(struct bench *bench, enum fake_fault fault)
{
    memset(bench, 0, sizeof(*bench));
    for (int i = 0; i < 3; i++) {
        bench->layers[i] = (struct bt_suite_layer){
            .network = "net",
            .layer = i == 0   ? "first"
                     : i == 1 ? "second"
                              : "third",
            .work = {.op = BT_OP_CONV2D, .dtype = BT_S8, .u.conv = small},
            .act = BT_ACT_NONE,
            .same = 1,
        };
    }
    bench->job = (struct bt_job){
        .variant = &fake_variant,
        .configs = &bench->configs,
        .config = {.name = "c", .mem = {.dram_bytes = 1 << 20, .outstanding = 1, .bytes_per_cycle = 16}, .count = 1},
        .count = 1,
        .layers = bench->layers,
        .pattern = BT_PATTERN_UNIFORM,
        .seed = 1,
        .engines = BT_ENGINES_ALL,
    };
    bench->job.config.param[0].key = "FAULT";
    bench->job.config.param[0].value = fault;
    bench->options = (struct bt_engine_options){.build_dir = build_dir};
}

static void run(struct bench *bench)
{
    assert_int_equal(bt_engine_run(&bench->job, &bench->options, bench->records), BT_OK);
}

/* What each fault must lead to. Verdicts of ref, model, rtl, cycles; words that the reason must hold. */
static const struct {
    enum fake_fault fault;
    enum bt_verdict verdict, engines[BT_ENGINE_CYCLES + 1];
    const char *words;
} faults[] = {
    {FAKE_GOOD, BT_PASS, {BT_PASS, BT_PASS, BT_PASS, BT_PASS}, ""},
    {FAKE_FLIP, BT_FAIL, {BT_PASS, BT_PASS, BT_FAIL, BT_PASS}, "rtl: 1 of 120 elements differ, first n 0 y 3 x 0 c 0"},
    {FAKE_PERMUTE, BT_FAIL, {BT_PASS, BT_PASS, BT_FAIL, BT_PASS}, "elements differ, first n 0 y 0 x 0 c "},
    {FAKE_HANG, BT_FAIL, {BT_PASS, BT_PASS, BT_FAIL, BT_SKIP}, "rtl: timeout: not done after 103"},
    {FAKE_DEVICE, BT_FAIL, {BT_PASS, BT_PASS, BT_FAIL, BT_SKIP}, "rtl: the core reported error 7: descriptor refused"},
    {FAKE_VIOLATION, BT_FAIL, {BT_PASS, BT_PASS, BT_FAIL, BT_SKIP}, "outside the allowed windows"},
    {FAKE_ONE_CYCLE,
     BT_FAIL,
     {BT_PASS, BT_PASS, BT_PASS, BT_FAIL},
     "cycles: cycles predicted 820, measured 821, error -1"},
    {FAKE_COUNTER, BT_FAIL, {BT_PASS, BT_PASS, BT_FAIL, BT_PASS}, "rtl: the core's cycles counter says 821"},
    {FAKE_TERM, BT_FAIL, {BT_PASS, BT_PASS, BT_PASS, BT_FAIL}, "cycles: term overhead: predicted 10, counted 11"},
    {FAKE_IMPOSSIBLE, BT_FAIL, {BT_PASS, BT_PASS, BT_FAIL, BT_FAIL}, "cycles: 3 cycles predicted, but 3240 MACs"},
    {FAKE_MODEL,
     BT_FAIL,
     {BT_PASS, BT_FAIL, BT_PASS, BT_PASS},
     "model: 1 of 120 elements differ, first n 0 y 0 x 0 c 0"},
    {FAKE_UNSUPPORTED,
     BT_SKIP,
     {BT_SKIP, BT_SKIP, BT_SKIP, BT_SKIP},
     "not supported: layers of this kind: got 1, limit 0"},
    {FAKE_NOTHING, BT_FAIL, {BT_PASS, BT_PASS, BT_FAIL, BT_PASS}, "elements differ"},
    {FAKE_MEASURES_NOTHING, BT_FAIL, {BT_PASS, BT_PASS, BT_FAIL, BT_SKIP}, "rtl: no cycles were measured"},
};

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct bench bench;
        set_up(&bench, faults[i].fault);
        run(&bench);
        const struct bt_record *record = &bench.records[0];
        if (strstr(record->reason, faults[i].words) == NULL) {
            fail_msg("fault %d: \"%s\" lacks \"%s\"", (int)faults[i].fault, record->reason, faults[i].words);
        }
        for (int e = 0; e < BT_ENGINE_COUNT; e++) {
            /* There is no system to run firmware on. */
            const enum bt_verdict wanted = e <= BT_ENGINE_CYCLES ? faults[i].engines[e] : BT_SKIP;
            if (record->engine[e].verdict != wanted) {
                fail_msg("fault %d: engine %s is %s", (int)faults[i].fault, bt_engine_name((enum bt_engine)e),
                         bt_verdict_name(record->engine[e].verdict));
            }
        }
        assert_int_equal(record->verdict, faults[i].verdict);
    }
}

static void test_numbers_of_a_pass(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, FAKE_GOOD);
    run(&bench);
    const struct bt_record *record = &bench.records[0];
    assert_int_equal(record->macs, 3240);
    assert_int_equal(record->rtl_cycles, 820);
    assert_int_equal(record->predicted_cycles, 820);
    assert_int_equal(record->roofline_cycles, 811);
    assert_string_equal(record->mapping, "all at once, \"in C\"");
    assert_true(record->utilisation > 0.98 && record->utilisation < 0.99);
    assert_true(record->gated);
    assert_true(record->engine[BT_ENGINE_REF].hash != 0);
    assert_true(record->engine[BT_ENGINE_REF].hash == record->engine[BT_ENGINE_RTL].hash);
    assert_string_equal(record->reason, "");
}

static void test_mismatch_is_located(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, FAKE_FLIP);
    run(&bench);
    const struct bt_mismatch *mismatch = &bench.records[0].mismatch;
    assert_int_equal(mismatch->differing, 1);
    assert_int_equal(mismatch->expected ^ mismatch->got, 1);
    assert_string_equal(mismatch->where, "tile 3");
    assert_int_equal(bench.records[0].mismatch_engine, BT_ENGINE_RTL);
}

/* A layer that pools: everything is of the pooled ofmap, and each fault has its words. */
static const struct bt_maxpool window = {
    .kh = 3, .kw = 2, .stride_h = 2, .stride_w = 2, .pad_top = 1, .pad_bottom = 0, .pad_left = 0, .pad_right = 1};

static const struct {
    enum fake_fault fault;
    enum bt_verdict verdict, engines[BT_ENGINE_CYCLES + 1];
    const char *words;
} pooled_faults[] = {
    {FAKE_GOOD, BT_PASS, {BT_PASS, BT_PASS, BT_PASS, BT_PASS}, ""},
    /* [3][3][4], element 18 */
    {FAKE_FLIP,
     BT_FAIL,
     {BT_PASS, BT_PASS, BT_FAIL, BT_PASS},
     "rtl: 1 of 36 pooled elements differ, first n 0 y 1 x 1 c 2"},
    {FAKE_MODEL, BT_FAIL, {BT_PASS, BT_FAIL, BT_PASS, BT_PASS}, "model: 1 of 36 pooled elements differ, first n 0 y 0"},
    {FAKE_NOTHING, BT_FAIL, {BT_PASS, BT_PASS, BT_FAIL, BT_PASS}, "pooled elements differ"},
    {FAKE_POOL_WINDOW, BT_FAIL, {BT_PASS, BT_PASS, BT_FAIL, BT_PASS}, "pooled elements differ"},
    {FAKE_POOL_SHORT,
     BT_FAIL,
     {BT_PASS, BT_PASS, BT_FAIL, BT_PASS},
     "rtl: 4 of 36 pooled elements differ, first n 0 y 2 x 2 c 0"},
    {FAKE_FORGETS,
     BT_FAIL,
     {BT_PASS, BT_FAIL, BT_FAIL, BT_PASS},
     "model: too much was put out: bytes of the pooled ofmap: got 120, limit 36"},
    {FAKE_NO_POOL,
     BT_SKIP,
     {BT_SKIP, BT_SKIP, BT_SKIP, BT_SKIP},
     "not supported: max-pooling on write-back: got 3, limit 0"},
    {FAKE_ONE_CYCLE, BT_FAIL, {BT_PASS, BT_PASS, BT_PASS, BT_FAIL}, "cycles: cycles predicted 820, measured 821"},
};

static void test_pooled_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pooled_faults) / sizeof(pooled_faults[0]); i++) {
        struct bench bench;
        set_up(&bench, pooled_faults[i].fault);
        bench.layers[0].work.pool = window;
        run(&bench);
        const struct bt_record *record = &bench.records[0];
        if (strstr(record->reason, pooled_faults[i].words) == NULL) {
            fail_msg("fault %d: \"%s\" lacks \"%s\"", (int)pooled_faults[i].fault, record->reason,
                     pooled_faults[i].words);
        }
        for (int e = 0; e <= BT_ENGINE_CYCLES; e++) {
            if (record->engine[e].verdict != pooled_faults[i].engines[e]) {
                fail_msg("fault %d: engine %s is %s", (int)pooled_faults[i].fault, bt_engine_name((enum bt_engine)e),
                         bt_verdict_name(record->engine[e].verdict));
            }
        }
        assert_int_equal(record->verdict, pooled_faults[i].verdict);
        assert_int_equal(record->macs, 3240); /* of the convolution alone */
    }
}

/* The reference's own bits: what ref gives without pooling, pooled here by hand; by the fast path, too. */
static void test_pooled_reference(void **state)
{
    (void)state;
    for (int large = 0; large < 2; large++) {
        struct bench bench;
        uint64_t hash[2];
        set_up(&bench, FAKE_GOOD);
        struct bt_layer *work = &bench.layers[0].work;
        work->u.conv.n = 2;
        if (large != 0) { /* the fast path begins at a million MACs */
            work->u.conv.h = work->u.conv.w = 24;
            work->u.conv.c_in = work->u.conv.c_out = 40;
        }
        work->pool = window;
        for (enum bt_ref_path path = BT_REF_FAST; path <= BT_REF_PLAIN; path++) {
            bench.options.ref = path;
            run(&bench);
            assert_int_equal(bench.records[0].verdict, BT_PASS);
            hash[path] = bench.records[0].engine[BT_ENGINE_REF].hash;
            assert_true(hash[path] == bench.records[0].engine[BT_ENGINE_RTL].hash);
        }
        assert_true(hash[0] == hash[1]);
        work->pool = (struct bt_maxpool){0};
        run(&bench);
        assert_true(hash[0] != bench.records[0].engine[BT_ENGINE_REF].hash);
    }
}

/* A chain goes on from the pooled ofmap; a pool that cannot be is refused before anything runs. */
static void test_pooled_chain(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, FAKE_GOOD);
    bench.job.chain = "chain";
    bench.job.count = 2;
    bench.layers[0].work.pool = window;
    bench.layers[1].work.u.conv.c_in = 4;
    run(&bench);
    assert_int_equal(bench.records[1].verdict, BT_PASS);
    const uint64_t own = bench.records[1].engine[BT_ENGINE_REF].hash;
    bench.layers[1].work.u.conv.h = 3; /* what the first leaves */
    bench.layers[1].work.u.conv.w = 3;
    run(&bench);
    assert_int_equal(bench.records[0].verdict, BT_PASS);
    assert_int_equal(bench.records[1].verdict, BT_PASS);
    const uint64_t fed = bench.records[1].engine[BT_ENGINE_REF].hash;
    bench.layers[0].work.pool.stride_w = 1; /* leaves another shape: the second has data of its own */
    run(&bench);
    assert_int_equal(bench.records[1].verdict, BT_PASS);
    assert_true(fed != bench.records[1].engine[BT_ENGINE_REF].hash && fed != own);

    bench.layers[0].work.pool.pad_left = 2;
    run(&bench);
    assert_int_equal(bench.records[0].verdict, BT_FAIL);
    assert_non_null(
        strstr(bench.records[0].reason, "layer refused: pool's padding not below its kernel: got 2, limit 1"));
}

static void test_missing_core_fails(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, FAKE_GOOD);
    bench.job.config.name = "absent";
    run(&bench);
    assert_int_equal(bench.records[0].engine[BT_ENGINE_RTL].verdict, BT_FAIL);
    assert_non_null(strstr(bench.records[0].reason, "rtl/fake-absent.so; build it with: make "));
}

static void test_stalls_gate_bits_only(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, FAKE_ONE_CYCLE);
    bench.job.config.mem.stall_percent = 20;
    run(&bench);
    assert_int_equal(bench.records[0].verdict, BT_PASS);
    assert_false(bench.records[0].gated);
    set_up(&bench, FAKE_FLIP);
    bench.job.config.mem.stall_percent = 20;
    run(&bench);
    assert_int_equal(bench.records[0].verdict, BT_FAIL);
}

static void test_gate_and_exemption(void **state)
{
    (void)state;
    static const struct {
        double gate, exempted;
        enum fake_fault fault;
        enum bt_verdict verdict;
    } cases[] = {
        {0.2, -1.0, FAKE_ONE_CYCLE, BT_PASS}, /* 1 of 821 is 0.12 % */
        {0.1, -1.0, FAKE_ONE_CYCLE, BT_FAIL}, {0.0, 0.13, FAKE_ONE_CYCLE, BT_XFAIL},
        {0.0, 0.12, FAKE_ONE_CYCLE, BT_FAIL}, /* the error has grown */
        {0.0, 0.13, FAKE_GOOD, BT_FAIL},      /* the exemption is no longer needed */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench bench;
        set_up(&bench, cases[i].fault);
        bench.configs.gate_max_percent = cases[i].gate;
        bench.exemption = (struct bt_exemption){"net", "first", "c", cases[i].exempted};
        bench.configs.exemptions = &bench.exemption;
        bench.configs.exemption_count = cases[i].exempted >= 0.0 ? 1 : 0;
        run(&bench);
        assert_int_equal(bench.records[0].verdict, cases[i].verdict);
    }
}

static void test_chain_feeds_itself(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, FAKE_GOOD);
    bench.job.chain = "chain";
    bench.job.count = 3;
    bench.layers[1].work.u.conv.c_in = 4; /* what the first puts out */
    bench.layers[2].work.u.conv.c_in = 7; /* fits nothing: gets data of its own */
    run(&bench);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(bench.records[i].verdict, BT_PASS);
    }
    assert_string_equal(bench.records[1].layer, "chain/second");
    assert_int_not_equal(bench.records[1].engine[BT_ENGINE_REF].hash, bench.records[0].engine[BT_ENGINE_REF].hash);

    /* What follows from a wrong layer says so. */
    struct bench wrong;
    set_up(&wrong, FAKE_FLIP);
    wrong.job.chain = "chain";
    wrong.job.count = 3;
    wrong.layers[1].work.u.conv.c_in = 4;
    wrong.layers[2].work.u.conv.c_in = 7;
    run(&wrong);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(wrong.records[i].verdict, BT_FAIL);
        assert_true((strstr(wrong.records[i].reason, "; its input was wrong already") != NULL) == (i == 1));
    }

    /* Alone, the second layer gets seeded data instead. */
    const uint64_t chained = bench.records[1].engine[BT_ENGINE_REF].hash;
    bench.job.layers = &bench.layers[1];
    bench.job.count = 1;
    run(&bench);
    assert_int_not_equal(bench.records[0].engine[BT_ENGINE_REF].hash, chained);
}

static void test_selected_engines_only(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, FAKE_FLIP);
    bench.job.engines = (1u << BT_ENGINE_MODEL) | (1u << BT_ENGINE_CYCLES);
    run(&bench);
    assert_int_equal(bench.records[0].verdict, BT_PASS);
    assert_int_equal(bench.records[0].engine[BT_ENGINE_RTL].verdict, BT_SKIP);
    assert_int_equal(bench.records[0].rtl_cycles, 0);

    /* Nothing to hold the results against. */
    const unsigned alone[] = {1u << BT_ENGINE_REF, 1u << BT_ENGINE_CYCLES,
                              (1u << BT_ENGINE_REF) | (1u << BT_ENGINE_CYCLES)};
    for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
        set_up(&bench, FAKE_GOOD);
        bench.job.engines = alone[i];
        run(&bench);
        assert_int_equal(bench.records[0].verdict, BT_SKIP);
        assert_string_equal(bench.records[0].reason, "nothing to compare with");
        assert_true(bench.records[0].engine[BT_ENGINE_REF].hash != 0);
        set_up(&bench, FAKE_IMPOSSIBLE); /* a prediction that makes no sense is an error all the same */
        bench.job.engines = alone[i];
        run(&bench);
        assert_int_equal(bench.records[0].verdict, i == 0 ? BT_SKIP : BT_FAIL);
    }
}

/* A verdict without data: gigabytes of it for the layer here. */
static void test_refused_before_data(void **state)
{
    (void)state;
    static const struct {
        enum fake_fault fault;
        enum bt_verdict verdict;
        const char *words;
    } cases[] = {
        {FAKE_UNSUPPORTED, BT_SKIP, "not supported: layers of this kind: got 1, limit 0"},
        {FAKE_GOOD, BT_FAIL, "plan: DRAM bytes: got 8589"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench bench;
        set_up(&bench, cases[i].fault);
        struct bt_conv2d *conv = &bench.layers[0].work.u.conv;
        conv->h = conv->w = 65536;
        conv->c_in = conv->c_out = conv->kh = conv->kw = 1;
        conv->pad_top = conv->pad_bottom = conv->pad_left = conv->pad_right = 0;
        const time_t begin = time(NULL);
        run(&bench);
        assert_true(time(NULL) - begin < 5);
        assert_int_equal(bench.records[0].verdict, cases[i].verdict);
        if (strstr(bench.records[0].reason, cases[i].words) == NULL) {
            fail_msg("\"%s\" lacks \"%s\"", bench.records[0].reason, cases[i].words);
        }
        assert_false(bench.records[0].engine[BT_ENGINE_REF].ran);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, FAKE_GOOD);
    bench.job.config.mem.dram_bytes = 4200;
    run(&bench);
    assert_int_equal(bench.records[0].verdict, BT_FAIL);
    assert_non_null(strstr(bench.records[0].reason, "plan: DRAM bytes: got "));

    set_up(&bench, FAKE_GOOD); /* 9 * 60000 products of up to 127 * 255 do not fit 31 bits */
    struct bt_conv2d *conv = &bench.layers[0].work.u.conv;
    *conv = small;
    conv->h = conv->w = conv->kh = conv->kw = 3;
    conv->pad_top = conv->pad_bottom = conv->pad_left = conv->pad_right = 0;
    conv->c_in = 60000;
    bench.job.pattern = BT_PATTERN_MIN;
    run(&bench);
    assert_int_equal(bench.records[0].verdict, BT_FAIL);
    assert_non_null(strstr(bench.records[0].reason, "ref: refused: accumulator bound"));
}

static void test_probe_finds_the_moment(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, FAKE_FLIP);
    run(&bench);
    uint64_t from = 0;
    uint64_t to = 0;
    const struct bt_probe probe = {.elem = 60, .value = bench.records[0].mismatch.got};
    bench.options.probe = &probe;
    bench.options.probe_from = &from;
    bench.options.probe_to = &to;
    run(&bench);
    assert_int_equal(from, 512);
    assert_int_equal(to, 820);
}

static void test_predict(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, FAKE_GOOD);
    _Alignas(16) struct fake_plan plan;
    bt_engine_predict(&bench.job, &plan, &bench.records[0]);
    assert_int_equal(bench.records[0].verdict, BT_PASS);
    assert_int_equal(bench.records[0].predicted_cycles, 820);
    bench.layers[0].work.pool = window;
    bt_engine_predict(&bench.job, &plan, &bench.records[0]);
    assert_int_equal(bench.records[0].verdict, BT_PASS);
    assert_int_equal(bench.records[0].predicted_cycles, 820);
    assert_int_equal(bench.records[0].macs, 3240);
    bench.job.config.param[0].value = FAKE_NO_POOL;
    bt_engine_predict(&bench.job, &plan, &bench.records[0]);
    assert_int_equal(bench.records[0].verdict, BT_SKIP);
    assert_int_equal(bench.records[0].predicted_cycles, 0);
    set_up(&bench, FAKE_IMPOSSIBLE);
    bt_engine_predict(&bench.job, &plan, &bench.records[0]);
    assert_int_equal(bench.records[0].verdict, BT_FAIL);
    set_up(&bench, FAKE_UNSUPPORTED);
    bt_engine_predict(&bench.job, &plan, &bench.records[0]);
    assert_int_equal(bench.records[0].verdict, BT_SKIP);
}

static int64_t prepared_zeros; /* that the room below was shown */

/* A schedule that needs the weights: here their zeros. */
static enum bt_status count_zeros(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                                  const struct bt_layer_data *data, struct bt_blob *aux, struct bt_reason *why)
{
    (void)count;
    if (bt_config_get(config, "FAULT", 0) == FAKE_DEVICE) {
        *why = (struct bt_reason){"zeros in a schedule", 1, 0};
        return BT_EUNSUPPORTED;
    }
    const int8_t *weights = data->weights;
    prepared_zeros = 0;
    for (int64_t i = 0; i < bt_conv2d_weight_elems(&layers[0].u.conv); i++) {
        prepared_zeros += weights[i] == 0;
    }
    aux->data = malloc(sizeof(prepared_zeros));
    aux->bytes = sizeof(prepared_zeros);
    return aux->data == NULL ? BT_ENOMEM : BT_OK;
}

static enum bt_status cycles_of_aux(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                                    const struct bt_blob *aux, const struct bt_blob *profile,
                                    struct bt_counters *prediction)
{
    return aux == NULL ? BT_EUNSUPPORTED : fake_predict(config, plan, layers, aux, profile, prediction);
}

/* A room with offline work is predicted from the weights that a run would have; one without gets no data at all. */
static void test_predict_prepared(void **state)
{
    (void)state;
    struct bt_variant room = fake_variant;
    struct bench bench;
    _Alignas(16) struct fake_plan plan;
    room.prepare = count_zeros;
    room.cycles = cycles_of_aux;
    set_up(&bench, FAKE_GOOD);
    bench.job.variant = &room;
    bench.job.pruning = (struct bt_pruning){50, BT_STRUCTURE_RANDOM};
    bt_engine_predict(&bench.job, &plan, &bench.records[0]);
    assert_int_equal(bench.records[0].verdict, BT_PASS);
    assert_int_equal(bench.records[0].predicted_cycles, 820);
    assert_int_equal(bench.records[0].sparsity, 50);
    assert_int_equal(prepared_zeros, 54);
    const int64_t predicted = prepared_zeros;
    prepared_zeros = 0;
    run(&bench);
    assert_int_equal(bench.records[0].verdict, BT_PASS);
    assert_int_equal(prepared_zeros, predicted);

    set_up(&bench, FAKE_DEVICE);
    bench.job.variant = &room;
    bt_engine_predict(&bench.job, &plan, &bench.records[0]);
    assert_int_equal(bench.records[0].verdict, BT_SKIP);
    assert_non_null(strstr(bench.records[0].reason, "preparation: zeros in a schedule"));

    /* More bytes than any host has: only who asks for them would fail. */
    set_up(&bench, FAKE_GOOD);
    bench.job.config.mem.dram_bytes = UINT64_MAX / 2;
    bench.layers[0].work.u.conv.h = bench.layers[0].work.u.conv.w = 65536;
    bench.layers[0].work.u.conv.n = 65536;
    bt_engine_predict(&bench.job, &plan, &bench.records[0]);
    assert_int_equal(bench.records[0].verdict, BT_PASS);
}

/* int16 through every engine: bits, faults located, chains, the moment of an element, and what it does not have. */
static void test_int16(void **state)
{
    (void)state;
    static const struct {
        enum fake_fault fault;
        enum bt_verdict verdict;
        const char *words;
    } cases[] = {
        {FAKE_GOOD, BT_PASS, ""},
        {FAKE_FLIP, BT_FAIL, "rtl: 1 of 120 elements differ, first n 0 y 3 x 0 c 0"},
        {FAKE_PERMUTE, BT_FAIL, "elements differ, first n 0 y 0 x 0 c "},
        {FAKE_MODEL, BT_FAIL, "model: 1 of 120 elements differ, first n 0 y 0 x 0 c 0"},
        {FAKE_NOTHING, BT_FAIL, "rtl: 120 of 120 elements differ"},
    };
    struct bench bench;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_up(&bench, cases[i].fault);
        bench.job.count = 3;
        for (int k = 0; k < 3; k++) {
            bench.layers[k].work.u.conv.c_in = k == 0 ? 3 : 4;
            bt_suite_layer_format(&bench.layers[k], BT_S16);
        }
        run(&bench);
        assert_int_equal(bench.records[0].verdict, cases[i].verdict);
        assert_string_equal(bench.records[0].dtype, "int16");
        assert_non_null(strstr(bench.records[0].reason, cases[i].words));
        assert_int_equal(bench.records[0].engine[BT_ENGINE_ISS_SW].verdict, BT_SKIP);
        assert_int_equal(bench.records[2].verdict, cases[i].verdict);
    }
    uint64_t from = 0;
    uint64_t to = 0;
    set_up(&bench, FAKE_FLIP);
    bt_suite_layer_format(&bench.layers[0], BT_S16);
    run(&bench);
    const struct bt_probe probe = {.elem = 60, .value = bench.records[0].mismatch.got};
    bench.options.probe = &probe;
    bench.options.probe_from = &from;
    bench.options.probe_to = &to;
    run(&bench);
    assert_true(from < to);

    for (int what = 0; what < 3; what++) {
        set_up(&bench, FAKE_GOOD);
        bench.layers[0].work.u.conv.table = what == 0;
        bench.layers[0].work.u.conv.raw = what == 1;
        bench.layers[0].work.pool = what == 2 ? window : (struct bt_maxpool){0};
        bt_suite_layer_format(&bench.layers[0], BT_S16);
        run(&bench);
        assert_int_equal(bench.records[0].verdict, BT_SKIP);
        assert_non_null(strstr(bench.records[0].reason, "an activation table, raw sums or pooling in int16"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_numbers_of_a_pass),
        cmocka_unit_test(test_mismatch_is_located),
        cmocka_unit_test(test_pooled_faults),
        cmocka_unit_test(test_pooled_reference),
        cmocka_unit_test(test_pooled_chain),
        cmocka_unit_test(test_missing_core_fails),
        cmocka_unit_test(test_stalls_gate_bits_only),
        cmocka_unit_test(test_gate_and_exemption),
        cmocka_unit_test(test_chain_feeds_itself),
        cmocka_unit_test(test_selected_engines_only),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_refused_before_data),
        cmocka_unit_test(test_probe_finds_the_moment),
        cmocka_unit_test(test_predict),
        cmocka_unit_test(test_predict_prepared),
        cmocka_unit_test(test_int16),
    };
    return cmocka_run_group_tests(tests, make_build, remove_build);
}
