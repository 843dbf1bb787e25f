/*
 * What the tests of the DaDianNao family's rooms share: random layers, configurations, memories and weights; bits of model and
 * RTL against the operators, every predicted term against the RTL's counter; illegal descriptors, damaged weight streams,
 * failing memory, no reset in between. The test that includes it says which room it is, and what an ofmap must be.
 */
#ifndef TEST_BT_BRICK_H
#define TEST_BT_BRICK_H

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/data.h"
#include "harness/hal_sim.h"
#include "harness/suite.h"
#include "reference/common/bt_brick_host.h"
#include "reference/common/bt_conv2d.h"

/* Given by the test. */
extern const struct bt_variant *const brick_variant;
extern const char *const brick_full_core; /* a configuration of the paper's size */
static void brick_expect(const struct bt_layer *layer, const struct bt_layer_data *data, void *ofmap);

#define BRICK_CORES 2
static const char *const brick_cores[BRICK_CORES] = {"tiny", "tiny_int8"};

static uint64_t brick_rng_state = 0x13198a2e03707344;

static inline uint32_t rng(uint32_t below)
{
    brick_rng_state ^= brick_rng_state << 13;
    brick_rng_state ^= brick_rng_state >> 7;
    brick_rng_state ^= brick_rng_state << 17;
    return (uint32_t)((brick_rng_state >> 33) % below);
}

static inline int32_t between(int32_t low, int32_t high)
{
    return low + (int32_t)rng((uint32_t)(high - low + 1));
}

/* ---- configurations: those of the room's own file ---- */

static inline struct bt_variant_configs *brick_configs(void)
{
    static struct bt_variant_configs *configs;
    if (configs == NULL) {
        char path[256];
        struct bt_error err = {{0}};
        (void)snprintf(path, sizeof(path), "suites/variants/%s.yaml", brick_variant->name);
        if (bt_variant_configs_load(path, brick_variant, &configs, &err) != BT_OK) {
            fail_msg("%s", err.text);
        }
    }
    return configs;
}

static inline struct bt_config brick_config(const char *name)
{
    const struct bt_config *config = bt_variant_configs_find(brick_configs(), name);
    if (config == NULL) {
        fail_msg("no configuration %s", name);
    }
    return *config;
}

static inline void set_param(struct bt_config *config, const char *key, int64_t value)
{
    for (uint32_t i = 0; i < config->count; i++) {
        if (strcmp(config->param[i].key, key) == 0) {
            config->param[i].value = value;
            return;
        }
    }
    fail_msg("no parameter %s", key);
}

static inline const char *brick_core_path(const char *core)
{
    static char path[256];
    const char *build = getenv("BITTRUE_BUILD");
    (void)snprintf(path, sizeof(path), "%s/rtl/%s-%s.so", build != NULL ? build : "build", brick_variant->name, core);
    return path;
}

static inline struct bt_hal *open_core(const char *core, const struct bt_memory *mem)
{
    struct bt_hal *hal = NULL;
    struct bt_error err = {{0}};
    if (bt_hal_sim_open(brick_core_path(core), mem, NULL, NULL, &hal, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    return hal;
}

/* ---- layers ---- */

/* A layer of every kind, small enough for hundreds of them, in the configuration's number format. */
static inline struct bt_layer random_layer(const struct bt_config *config)
{
    const bool wide = bt_config_get(config, "BITS", 16) == 16;
    for (;;) {
        struct bt_conv2d conv = {
            .n = rng(8) == 0 ? 2 : 1,
            .h = between(1, 18),
            .w = between(1, 18),
            .kh = between(1, 5),
            .kw = between(1, 5),
            .stride_h = between(1, 3),
            .stride_w = between(1, 3),
            .dil_h = rng(4) == 0 ? 2 : 1,
            .dil_w = rng(4) == 0 ? 2 : 1,
            .pad_top = between(0, 3),
            .pad_bottom = between(0, 3),
            .pad_left = between(0, 3),
            .pad_right = between(0, 3),
            .groups = 1,
            .in_zp = wide ? 0 : between(-128, 127),
            .out_zp = wide ? 0 : between(-128, 127),
            .act_min = wide ? INT16_MIN : -128,
            .act_max = wide ? INT16_MAX : 127,
            .rounding = !wide && rng(4) == 0 ? BT_ROUND_SINGLE : BT_ROUND_DOUBLE,
            .table = !wide && rng(4) == 0,
        };
        if (rng(3) == 0) {
            conv.act_min = between(conv.act_min, 0);
            conv.act_max = between(0, conv.act_max);
        }
        switch (rng(5)) {
        case 0: /* depthwise */
            conv.groups = between(1, 40);
            conv.c_in = conv.groups;
            conv.c_out = conv.groups * between(1, 2);
            break;
        case 1: /* grouped */
            conv.groups = between(2, 4);
            conv.c_in = conv.groups * between(1, 20);
            conv.c_out = conv.groups * between(1, 9);
            break;
        case 2: /* as many channels as lanes, filters as slots, or twice */
            conv.c_in = 8 * between(1, 4);
            conv.c_out = 4 * between(1, 6);
            break;
        default:
            conv.c_in = between(1, 40);
            conv.c_out = between(1, 30);
            break;
        }
        const struct bt_layer layer = {.op = BT_OP_CONV2D, .dtype = wide ? BT_S16 : BT_S8, .u.conv = conv};
        if (bt_layer_check(&layer, NULL) == BT_OK) {
            return layer;
        }
    }
}

/* A layer that keeps every engine busy: several bands, warps and items. */
static inline struct bt_layer long_layer(const struct bt_config *config)
{
    const bool wide = bt_config_get(config, "BITS", 16) == 16;
    struct bt_conv2d conv = bt_conv2d_1x1(14, 15, 24, 21);
    conv.kh = conv.kw = 3;
    conv.pad_top = conv.pad_bottom = conv.pad_left = conv.pad_right = 1;
    conv.in_zp = wide ? 0 : -7;
    if (wide) {
        conv.act_min = INT16_MIN;
        conv.act_max = INT16_MAX;
    }
    return (struct bt_layer){.op = BT_OP_CONV2D, .dtype = wide ? BT_S16 : BT_S8, .u.conv = conv};
}

static inline void describe_layer(const struct bt_layer *layer, const struct bt_memory *mem)
{
    const struct bt_conv2d *c = &layer->u.conv;
    print_error("n %d h %d w %d c %d->%d k %dx%d s %dx%d d %dx%d pad %d %d %d %d groups %d table %d; latency %u, %u "
                "bytes/cycle, %u outstanding\n",
                c->n, c->h, c->w, c->c_in, c->c_out, c->kh, c->kw, c->stride_h, c->stride_w, c->dil_h, c->dil_w,
                c->pad_top, c->pad_bottom, c->pad_left, c->pad_right, c->groups, c->table, mem->latency_cycles,
                mem->bytes_per_cycle, mem->outstanding);
}

static inline struct bt_pruning random_pruning(void)
{
    static const enum bt_structure structures[] = {BT_STRUCTURE_RANDOM, BT_STRUCTURE_RANDOM, BT_STRUCTURE_FILTER,
                                                   BT_STRUCTURE_CHANNEL};
    return (struct bt_pruning){.percent = rng(4) == 0 ? 0 : rng(100), .structure = structures[rng(4)]};
}

/* ---- jobs ---- */

struct job {
    struct bt_config config;
    struct bt_layer layer;
    struct bt_blob aux;
    void *plan;
    struct bt_tensors tensors;
    size_t out_bytes;
    void *expected, *got;
};

static inline const struct bt_brick_plan *plan_of(const struct job *job)
{
    return job->plan; /* at the beginning of every room's */
}

/* Weights prepared and planned again, after a test has changed them or the configuration. */
static inline enum bt_status plan_job(struct job *job, struct bt_reason *why)
{
    struct bt_io io = {.in_addr = BT_ANYWHERE, .out_addr = BT_ANYWHERE};
    free(job->aux.data);
    job->aux = (struct bt_blob){0};
    const enum bt_status status =
        brick_variant->prepare(&job->config, &job->layer, 1, &job->tensors.view, &job->aux, why);
    return status != BT_OK ? status
                           : brick_variant->driver->plan(&job->config, &job->layer, 1, &job->aux, &io, job->plan, why);
}

static inline void free_job(struct job *job)
{
    bt_data_free(&job->tensors);
    free(job->aux.data);
    free(job->plan);
    free(job->expected);
    free(job->got);
}

/* False: the configuration cannot run the layer, and says why. */
static inline bool make_job(struct job *job, const struct bt_config *config, struct bt_layer layer,
                            struct bt_pruning pruning, uint64_t seed)
{
    const struct bt_data_key key = {
        .seed = seed, .network = "random", .pattern = BT_PATTERN_UNIFORM, .dtype = layer.dtype, .pruning = pruning};
    struct bt_reason why = {0};
    *job = (struct job){.config = *config, .layer = layer};
    const enum bt_status status = brick_variant->driver->supports(config, &layer, 1, &why);
    if (status != BT_OK) {
        if (status != BT_EUNSUPPORTED || why.what == NULL || why.got <= why.limit) {
            describe_layer(&layer, &config->mem);
            fail_msg("status %d, %s: %lld, limit %lld", (int)status, why.what != NULL ? why.what : "no reason",
                     (long long)why.got, (long long)why.limit);
        }
        return false;
    }
    job->out_bytes = (size_t)bt_layer_ofmap_elems(&layer) * bt_layer_ofmap_elem_bytes(&layer);
    job->expected = malloc(job->out_bytes);
    job->got = malloc(job->out_bytes);
    job->plan = aligned_alloc(16, (brick_variant->driver->plan_bytes + 31) / 16 * 16);
    assert_true(job->expected != NULL && job->got != NULL && job->plan != NULL);
    assert_int_equal(bt_data_make(&key, BT_ACT_SILU, &layer.u.conv, NULL, &job->tensors), BT_OK);
    brick_expect(&layer, &job->tensors.view, job->expected);
    assert_int_equal(plan_job(job, &why), BT_OK);
    return true;
}

static inline void must_make_job(struct job *job, const struct bt_config *config, struct bt_layer layer,
                                 struct bt_pruning pruning, uint64_t seed)
{
    if (!make_job(job, config, layer, pruning, seed)) {
        describe_layer(&layer, &config->mem);
        fail_msg("not supported");
    }
}

static inline struct bt_counters predict(const struct job *job)
{
    struct bt_counters prediction = {0};
    assert_int_equal(brick_variant->cycles(&job->config, job->plan, &job->layer, &job->aux, NULL, &prediction), BT_OK);
    return prediction;
}

static inline uint64_t predicted_cycles(const struct job *job)
{
    const struct bt_counters prediction = predict(job);
    return bt_counters_get(&prediction, "cycles", 0);
}

static inline void lay_out(struct job *job, struct bt_hal *hal)
{
    struct bt_reason why = {0};
    if (brick_variant->driver->pack(job->plan, &job->tensors.view, &job->aux, hal, &why) != BT_OK) {
        fail_msg("packing: %s: %lld, limit %lld", why.what, (long long)why.got, (long long)why.limit);
    }
    brick_variant->driver->load(job->plan, job->tensors.view.ifmap, hal);
    brick_variant->driver->program(job->plan, hal);
}

/* From start to done. The core needs no reset before it. */
static inline enum bt_status start_job(struct job *job, struct bt_hal *hal, uint64_t budget, struct bt_reason *why)
{
    bt_hal_sim_arm(hal);
    brick_variant->driver->start(job->plan, hal);
    const enum bt_event event = bt_hal_run(hal, budget);
    return brick_variant->driver->service(job->plan, hal, event, why);
}

static inline void compare_terms(const struct job *job, const struct bt_counters *measured)
{
    const struct bt_counters prediction = predict(job);
    int wrong = 0;
    for (uint32_t i = 0; i < prediction.count; i++) {
        const char *name = prediction.item[i].name;
        const uint64_t got = bt_counters_get(measured, name, UINT64_MAX);
        if (got != prediction.item[i].value) {
            print_error("%s: predicted %llu, counted %llu\n", name, (unsigned long long)prediction.item[i].value,
                        (unsigned long long)got);
            wrong++;
        }
    }
    if (wrong != 0) {
        describe_layer(&job->layer, &job->config.mem);
        fail();
    }
}

static inline void check_model(struct job *job)
{
    struct bt_blob profile = {0};
    memset(job->got, 0x55, job->out_bytes);
    assert_int_equal(
        brick_variant->model(&job->config, job->plan, &job->layer, &job->tensors.view, &job->aux, job->got, &profile),
        BT_OK);
    if (memcmp(job->got, job->expected, job->out_bytes) != 0) {
        describe_layer(&job->layer, &job->config.mem);
        fail_msg("the model's bits differ");
    }
}

static inline void check_rtl(struct job *job, struct bt_hal *hal)
{
    struct bt_counters counters = {0};
    struct bt_sim_stats stats;
    struct bt_reason why = {0};
    memset(job->got, 0x55, job->out_bytes);
    lay_out(job, hal);
    const enum bt_status status = start_job(job, hal, UINT64_C(50000000), &why);
    if (status != BT_OK) {
        describe_layer(&job->layer, &job->config.mem);
        fail_msg("status %d, %s %lld; %s", (int)status, why.what != NULL ? why.what : "", (long long)why.got,
                 bt_hal_sim_failed(hal) != NULL ? bt_hal_sim_failed(hal) : "");
    }
    brick_variant->driver->unpack(job->plan, hal, job->got);
    brick_variant->driver->finish(job->plan, hal, &counters);
    assert_null(bt_hal_sim_failed(hal));
    if (memcmp(job->got, job->expected, job->out_bytes) != 0) {
        describe_layer(&job->layer, &job->config.mem);
        fail_msg("the RTL's bits differ");
    }
    bt_hal_sim_stats(hal, &stats);
    assert_int_equal(bt_counters_get(&counters, "cycles", 0), stats.start_to_done);
    if (job->config.mem.stall_percent == 0) {
        compare_terms(job, &counters);
    }
}

/* ---- tests ---- */

/* One open core runs layer after layer without a reset. */
static inline void run_random(const char *core, int layers, struct bt_memory mem)
{
    struct bt_config config = brick_config(core);
    config.mem = mem;
    struct bt_hal *hal = open_core(core, &mem);
    for (int i = 0; i < layers; i++) {
        struct job job;
        if (make_job(&job, &config, random_layer(&config), random_pruning(), (uint64_t)i)) {
            check_model(&job);
            check_rtl(&job, hal);
            free_job(&job);
        }
    }
    bt_hal_sim_close(hal);
}

static inline void test_random_layers(void **state)
{
    (void)state;
    for (size_t core = 0; core < BRICK_CORES; core++) {
        run_random(brick_cores[core], 150, brick_config(brick_cores[core]).mem);
    }
}

static inline void test_every_memory(void **state)
{
    (void)state;
    static const uint32_t latencies[] = {1, 2, 7, 32, 150, 400};
    static const uint32_t widths[] = {1, 4, 8, 16};
    static const uint32_t outstanding[] = {1, 2, 3, 8, 64};
    for (size_t core = 0; core < BRICK_CORES; core++) {
        for (int i = 0; i < 50; i++) {
            struct bt_memory mem = brick_config(brick_cores[core]).mem;
            mem.latency_cycles = latencies[rng(6)];
            mem.bytes_per_cycle = widths[rng(4)];
            mem.outstanding = outstanding[rng(5)];
            run_random(brick_cores[core], 3, mem);
        }
    }
}

static inline void test_random_stalls(void **state)
{
    (void)state;
    for (size_t core = 0; core < BRICK_CORES; core++) {
        for (uint32_t percent = 10; percent <= 90; percent += 40) {
            struct bt_memory mem = brick_config(brick_cores[core]).mem;
            mem.stall_percent = percent;
            mem.stall_seed = percent;
            run_random(brick_cores[core], 12, mem);
        }
    }
}

/* More bandwidth never costs cycles, the terms are all of them, and none is beyond the whole. */
static inline void test_invariants(void **state)
{
    (void)state;
    static const char *const terms[] = {"control", "fill", "compute", "turn", "load_stall", "store_stall", "drain"};
    for (int i = 0; i < 200; i++) {
        struct job job;
        struct bt_config config = brick_config(brick_cores[rng(BRICK_CORES)]);
        struct bt_reason why = {0};
        uint64_t before = UINT64_MAX;
        if (!make_job(&job, &config, i == 0 ? long_layer(&config) : random_layer(&config), random_pruning(), 1)) {
            continue;
        }
        for (uint32_t width = 1; width <= 16; width *= 2) {
            job.config.mem.bytes_per_cycle = width;
            assert_int_equal(plan_job(&job, &why), BT_OK);
            const struct bt_counters p = predict(&job);
            const uint64_t cycles = bt_counters_get(&p, "cycles", 0);
            uint64_t sum = 0;
            for (size_t t = 0; t < sizeof(terms) / sizeof(terms[0]); t++) {
                const uint64_t value = bt_counters_get(&p, terms[t], UINT64_MAX);
                assert_true(value <= cycles);
                sum += value;
            }
            assert_int_equal(sum, cycles);
            assert_true(cycles <= before);
            assert_true(cycles * brick_variant->multipliers(&job.config) >= bt_counters_get(&p, "macs_effectual", 0));
            before = cycles;
        }
        free_job(&job);
    }
}

/* ---- descriptors ---- */

#define FIELD(name) BT_BRICK_##name##_WORD, BT_BRICK_##name##_LSB, BT_BRICK_##name##_BITS

static inline void set_field(uint32_t *desc, uint32_t word, uint32_t lsb, uint32_t bits, uint32_t value)
{
    const uint32_t mask = (0xffffffffu >> (32 - bits)) << lsb;
    const uint32_t after = (desc[word] & ~mask) | (value << lsb & mask);
    desc[BT_BRICK_SUM_WORD] ^= desc[word] ^ after; /* so that only the field itself is wrong */
    desc[word] = after;
}

static inline uint32_t get_field(const uint32_t *desc, uint32_t word, uint32_t lsb, uint32_t bits)
{
    return desc[word] >> lsb & (0xffffffffu >> (32 - bits));
}

/* The error code must come, nothing may be written, and the core must go on without a reset. */
static inline void expect_refused(struct job *job, struct bt_hal *hal, const char *what, uint32_t error)
{
    struct bt_reason why = {0};
    struct bt_sim_stats before;
    struct bt_sim_stats stats;
    bt_hal_clear_windows(hal); /* whatever it writes is a violation */
    bt_hal_sim_stats(hal, &before);
    const enum bt_status status = start_job(job, hal, 100000, &why);
    if (status != BT_EDEVICE || why.got != error) {
        fail_msg("%s: status %d, error code %lld, expected %u; %s", what, (int)status, (long long)why.got, error,
                 bt_hal_sim_failed(hal) != NULL ? bt_hal_sim_failed(hal) : "");
    }
    bt_hal_sim_stats(hal, &stats);
    assert_int_equal(stats.write_bytes, before.write_bytes);
    assert_null(bt_hal_sim_failed(hal));
}

static inline void test_illegal_descriptors(void **state)
{
    (void)state;
    enum how { SET, ADD };
    static const struct {
        const char *what;
        uint32_t word, lsb, bits;
        enum how how;
        uint32_t value, error;
    } cases[] = {
        {"magic", FIELD(FLAGS_MAGIC), ADD, 1, BT_BRICK_ERR_MAGIC},
        {"magic, highest bit", FIELD(FLAGS_MAGIC), ADD, 0x8000, BT_BRICK_ERR_MAGIC},
        {"first reserved flag", FIELD(FLAGS_ZERO), SET, 1, BT_BRICK_ERR_MAGIC},
        {"last reserved flag", FIELD(FLAGS_ZERO), SET, 0x1000, BT_BRICK_ERR_MAGIC},
        {"sum", FIELD(SUM), ADD, 1, BT_BRICK_ERR_SUM},
        {"ifmap not aligned", FIELD(IFMAP), ADD, 8, BT_BRICK_ERR_ALIGN},
        {"weights not aligned", FIELD(WEIGHTS), ADD, 1, BT_BRICK_ERR_ALIGN},
        {"ofmap not aligned", FIELD(OFMAP), ADD, 4, BT_BRICK_ERR_ALIGN},
        {"table not aligned", FIELD(TABLE_ADDR), ADD, 2, BT_BRICK_ERR_ALIGN},
        {"row table not aligned", FIELD(ROWS_ADDR), ADD, 8, BT_BRICK_ERR_ALIGN},
        {"no beats of a row", FIELD(ROW_BEATS), SET, 0, BT_BRICK_ERR_SIZE},
        {"one beat of a row more", FIELD(ROW_BEATS), ADD, 1, BT_BRICK_ERR_SIZE},
        {"no ifmap rows", FIELD(H), SET, 0, BT_BRICK_ERR_SIZE},
        {"no ifmap pixels", FIELD(W), SET, 0, BT_BRICK_ERR_SIZE},
        {"one ifmap pixel more", FIELD(W), ADD, 1, BT_BRICK_ERR_SIZE},
        {"no bricks of a pixel", FIELD(PIXEL_BRICKS), SET, 0, BT_BRICK_ERR_SIZE},
        {"one brick of a pixel more", FIELD(PIXEL_BRICKS), ADD, 1, BT_BRICK_ERR_SIZE},
        {"one brick of a row more", FIELD(ROW_BRICKS), ADD, 1, BT_BRICK_ERR_SIZE},
        {"no stride down", FIELD(STRIDE_H), SET, 0, BT_BRICK_ERR_SIZE},
        {"no stride across", FIELD(STRIDE_W), SET, 0, BT_BRICK_ERR_SIZE},
        {"no ofmap pixels", FIELD(OW), SET, 0, BT_BRICK_ERR_SIZE},
        {"one ofmap pixel more", FIELD(OW), ADD, 1, BT_BRICK_ERR_SIZE},
        {"no bands", FIELD(BANDS), SET, 0, BT_BRICK_ERR_SIZE},
        {"no rows of a band", FIELD(BAND_ROWS), SET, 0, BT_BRICK_ERR_SIZE},
        {"no rows of the last band", FIELD(TAIL_ROWS), SET, 0, BT_BRICK_ERR_SIZE},
        {"a last band higher than the others", FIELD(TAIL_ROWS), SET, 200, BT_BRICK_ERR_SIZE},
        {"nothing under a band", FIELD(SPAN), SET, 0, BT_BRICK_ERR_SIZE},
        {"nothing under the last band", FIELD(SPAN_TAIL), SET, 0, BT_BRICK_ERR_SIZE},
        {"more under the last band", FIELD(SPAN_TAIL), SET, 2000, BT_BRICK_ERR_SIZE},
        {"no rows of a piece", FIELD(PIECE_ROWS), SET, 0, BT_BRICK_ERR_SIZE},
        {"no row table", FIELD(ROWS), SET, 0, BT_BRICK_ERR_SIZE},
        {"a row table too long", FIELD(ROWS), SET, 513, BT_BRICK_ERR_SIZE},
        {"pixels that are not rows times columns", FIELD(PIXELS), ADD, 1, BT_BRICK_ERR_SIZE},
        {"no items", FIELD(ITEMS), SET, 0, BT_BRICK_ERR_SIZE},
        {"no beats of the first item", FIELD(FIRST_BEATS), SET, 0, BT_BRICK_ERR_SIZE},
        {"more beats of the first item than are counted", FIELD(FIRST_BEATS), SET, 0x01000000, BT_BRICK_ERR_SIZE},
        {"no words of a pixel", FIELD(WORDS), SET, 0, BT_BRICK_ERR_SIZE},
        {"more words than the ofmap memory has", FIELD(WORDS), SET, 0x1000, BT_BRICK_ERR_SIZE},
        {"no beats of an ofmap pixel", FIELD(OUT_BEATS), SET, 0, BT_BRICK_ERR_SIZE},
        {"more beats than words hold", FIELD(OUT_BEATS), SET, 0x1000, BT_BRICK_ERR_SIZE},
        {"no bytes of an ofmap pixel", FIELD(OUT_BYTES), SET, 0, BT_BRICK_ERR_SIZE},
        {"more bytes than beats hold", FIELD(OUT_BYTES), SET, 0x10000, BT_BRICK_ERR_SIZE},
    };
    for (size_t core = 0; core < BRICK_CORES; core++) {
        const struct bt_config config = brick_config(brick_cores[core]);
        struct bt_hal *hal = open_core(brick_cores[core], &config.mem);
        struct job job;
        must_make_job(&job, &config, long_layer(&config), (struct bt_pruning){0}, 1);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            uint32_t desc[BT_BRICK_DESC_WORDS];
            lay_out(&job, hal);
            bt_hal_mem_read(hal, plan_of(&job)->desc_addr, desc, sizeof(desc));
            if (cases[i].word == BT_BRICK_SUM_WORD) {
                desc[BT_BRICK_SUM_WORD] ^= cases[i].value;
            } else {
                const uint32_t old = get_field(desc, cases[i].word, cases[i].lsb, cases[i].bits);
                set_field(desc, cases[i].word, cases[i].lsb, cases[i].bits,
                          cases[i].how == SET ? cases[i].value : old + cases[i].value);
            }
            bt_hal_mem_write(hal, plan_of(&job)->desc_addr, desc, sizeof(desc));
            expect_refused(&job, hal, cases[i].what, cases[i].error);
        }
        check_rtl(&job, hal);
        bt_hal_sim_close(hal);
        free_job(&job);
    }
    /* Flags that only operands of 8 bits have. */
    const struct bt_config config = brick_config("tiny");
    struct bt_hal *hal = open_core("tiny", &config.mem);
    struct job job;
    must_make_job(&job, &config, long_layer(&config), (struct bt_pruning){0}, 1);
    for (uint32_t flag = BT_BRICK_TABLE_LSB; flag <= BT_BRICK_SINGLE_LSB; flag++) {
        uint32_t desc[BT_BRICK_DESC_WORDS];
        lay_out(&job, hal);
        bt_hal_mem_read(hal, plan_of(&job)->desc_addr, desc, sizeof(desc));
        set_field(desc, 0, flag, 1, 1);
        bt_hal_mem_write(hal, plan_of(&job)->desc_addr, desc, sizeof(desc));
        expect_refused(&job, hal, "flag of 8 bits", BT_BRICK_ERR_MAGIC);
    }
    bt_hal_sim_close(hal);
    free_job(&job);
}

/* Counts that are one beyond what the memories hold, or what other counts leave. */
static inline void test_limits(void **state)
{
    (void)state;
    enum kind { OFMAP, IFMAP, PIECES, BYTES, BEATS, SUMS, KINDS };
    static const char *const names[] = {"ofmap memory",     "ifmap memory",     "pieces",
                                        "bytes of a pixel", "beats of a pixel", "partial sums"};
    for (size_t core = 0; core < BRICK_CORES; core++) {
        const struct bt_config config = brick_config(brick_cores[core]);
        const struct bt_brick_hw hw = bt_brick_hw(&config);
        struct bt_hal *hal = open_core(brick_cores[core], &config.mem);
        struct job job;
        must_make_job(&job, &config, long_layer(&config), (struct bt_pruning){0}, 1);
        for (enum kind kind = OFMAP; kind < KINDS; kind++) {
            uint32_t desc[BT_BRICK_DESC_WORDS];
            lay_out(&job, hal);
            bt_hal_mem_read(hal, plan_of(&job)->desc_addr, desc, sizeof(desc));
            const uint32_t pixels = get_field(desc, FIELD(PIXELS));
            const uint32_t row_bricks = get_field(desc, FIELD(ROW_BRICKS));
            const uint32_t span = get_field(desc, FIELD(SPAN));
            const uint32_t h = get_field(desc, FIELD(H));
            const uint32_t beats = get_field(desc, FIELD(OUT_BEATS));
            const uint32_t words = get_field(desc, FIELD(WORDS));
            switch (kind) {
            case OFMAP:
                set_field(desc, FIELD(WORDS), (uint32_t)(hw.ofmap_bytes / hw.word_bytes) / pixels + 1);
                break;
            case IFMAP: {
                const uint32_t rows = (uint32_t)(hw.ifmap_bytes / hw.brick_bytes) / row_bricks + 1;
                set_field(desc, FIELD(H), rows + 1);
                set_field(desc, FIELD(SPAN), rows);
                set_field(desc, FIELD(PIECE_ROWS), rows);
                break;
            }
            case PIECES:
                set_field(desc, FIELD(PIECE_ROWS), 1);
                set_field(desc, FIELD(ITEMS), (span < h ? span : h) - 1);
                break;
            case BYTES:
                set_field(desc, FIELD(OUT_BYTES), 16 * beats + 1);
                break;
            case SUMS: /* one row of so many pixels, which nothing else refuses */
                set_field(desc, FIELD(OW), (uint32_t)hw.band_pixels + 1);
                set_field(desc, FIELD(PIXELS), (uint32_t)hw.band_pixels + 1);
                set_field(desc, FIELD(BAND_ROWS), 1);
                set_field(desc, FIELD(TAIL_ROWS), 1);
                break;
            default:
                set_field(desc, FIELD(OUT_BEATS), words * (uint32_t)hw.word_bytes / 16 + 1);
                break;
            }
            bt_hal_mem_write(hal, plan_of(&job)->desc_addr, desc, sizeof(desc));
            expect_refused(&job, hal, names[kind], BT_BRICK_ERR_SIZE);
        }
        check_rtl(&job, hal);
        bt_hal_sim_close(hal);
        free_job(&job);
    }
}

/* ---- weight streams that are damaged in DRAM: the core must say so, and end ---- */

static inline void run_damaged_stream(struct job *job, struct bt_hal *hal, uint64_t beat, uint32_t word, uint32_t flip,
                                      const char *what)
{
    struct bt_reason why = {0};
    uint32_t value = 0;
    lay_out(job, hal);
    const uint64_t addr = plan_of(job)->weights_addr + beat * 16 + (uint64_t)word * 4;
    bt_hal_mem_read(hal, addr, &value, sizeof(value));
    value ^= flip;
    bt_hal_mem_write(hal, addr, &value, sizeof(value));
    const enum bt_status status = start_job(job, hal, 3000000, &why);
    if (status != BT_EDEVICE || why.got != BT_BRICK_ERR_IMAGE || bt_hal_sim_failed(hal) != NULL) {
        fail_msg("%s: status %d, error code %lld; %s", what, (int)status, (long long)why.got,
                 bt_hal_sim_failed(hal) != NULL ? bt_hal_sim_failed(hal) : "");
    }
    check_rtl(job, hal);
}

static inline void test_damaged_streams(void **state)
{
    (void)state;
    for (size_t core = 0; core < BRICK_CORES; core++) {
        const struct bt_config config = brick_config(brick_cores[core]);
        struct bt_hal *hal = open_core(brick_cores[core], &config.mem);
        struct job job;
        must_make_job(&job, &config, long_layer(&config), (struct bt_pruning){.percent = 70}, 1);
        const uint64_t second = plan_of(&job)->first_beats;
        for (int i = 0; i < 2; i++) {
            const uint64_t item = i == 0 ? 0 : second;
            run_damaged_stream(&job, hal, item, 1, 1, "one step more or less");
            run_damaged_stream(&job, hal, item, 1, 0x4000, "more steps than the memory has");
            run_damaged_stream(&job, hal, item, 0, 2, "another length of the next item");
            uint32_t next = 0;
            lay_out(&job, hal);
            bt_hal_mem_read(hal, plan_of(&job)->weights_addr + item * 16, &next, sizeof(next));
            run_damaged_stream(&job, hal, item, 0, next, "no length of the next item");
            run_damaged_stream(&job, hal, item, 0, 0x01000000, "a longer next item than is counted");
            run_damaged_stream(&job, hal, item, 1, 1 << BT_BRICK_HEAD_FIRST_LSB,
                               "records where there are none, or none");
            if (plan_of(&job)->packed) {
                uint32_t head[4];
                lay_out(&job, hal);
                bt_hal_mem_read(hal, plan_of(&job)->weights_addr + item * 16, head, sizeof(head));
                const uint64_t step =
                    item + 1 + (BT_BRICK_GET(head, HEAD_FIRST) != 0 ? (uint64_t)plan_of(&job)->hw.slots : 0);
                run_damaged_stream(&job, hal, step, 0, 0x8000, "entries without end");
                run_damaged_stream(&job, hal, item, 1, 1 << BT_BRICK_HEAD_PACKED_LSB, "packed taken for raw");
            }
        }
        bt_hal_sim_close(hal);
        free_job(&job);
    }
}

/* One step more than half of the weight memory holds, all of it there. */
static inline void test_item_over_memory(void **state)
{
    (void)state;
    for (size_t core = 0; core < BRICK_CORES; core++) {
        struct bt_config config = brick_config(brick_cores[core]);
        struct bt_hal *hal = open_core(brick_cores[core], &config.mem);
        struct bt_reason why = {0};
        struct job job;
        must_make_job(&job, &config, long_layer(&config), (struct bt_pruning){0}, 1);
        const struct bt_brick_plan *plan = plan_of(&job);
        if (!plan->packed && plan->rows > plan->hw.weight_rows) {
            uint32_t desc[BT_BRICK_DESC_WORDS];
            uint32_t head[4];
            lay_out(&job, hal);
            bt_hal_mem_read(hal, plan->desc_addr, desc, sizeof(desc));
            set_field(desc, FIELD(FIRST_BEATS), plan->first_beats + (uint32_t)plan->hw.row_beats);
            bt_hal_mem_write(hal, plan->desc_addr, desc, sizeof(desc));
            /* The stream again, behind everything, with a row more in its first item. */
            const size_t first = (size_t)plan->first_beats * 16;
            const size_t row = (size_t)plan->hw.row_beats * 16;
            const size_t all = (size_t)plan->image_beats * 16;
            const uint64_t at = (plan->out_addr + (uint64_t)plan->conv.n * plan->out_image_bytes + 255) / 256 * 256;
            uint8_t *stream = calloc(1, all + row);
            assert_non_null(stream);
            bt_hal_mem_read(hal, plan->weights_addr, stream, first);
            bt_hal_mem_read(hal, plan->weights_addr + first, stream + first + row, all - first);
            memcpy(head, stream, sizeof(head));
            head[BT_BRICK_HEAD_STEPS_WORD]++;
            memcpy(stream, head, sizeof(head));
            /* Also for the bands that follow: the last head says how long the first item is. */
            const uint32_t beats = plan->first_beats + (uint32_t)plan->hw.row_beats;
            const size_t last = (size_t)bt_brick_item(plan, NULL, plan->items - 1).beats * 16;
            memcpy(stream + all + row - last, &beats, sizeof(beats));
            bt_hal_mem_write(hal, at, stream, all + row);
            free(stream);
            set_field(desc, FIELD(WEIGHTS), (uint32_t)at);
            bt_hal_mem_write(hal, plan->desc_addr, desc, sizeof(desc));
            assert_int_equal(start_job(&job, hal, 3000000, &why), BT_EDEVICE);
            assert_int_equal(why.got, BT_BRICK_ERR_IMAGE);
            check_rtl(&job, hal);
        } else {
            assert_true(brick_variant->skips_zero_weights || plan->rows <= plan->hw.weight_rows);
        }
        bt_hal_sim_close(hal);
        free_job(&job);
    }
}

/* Is a stream that does not match its weights refused before it is used, with the first wrong lane? */
static inline void test_streams_of_other_weights(void **state)
{
    (void)state;
    for (size_t core = 0; core < BRICK_CORES; core++) {
        struct bt_config config = brick_config(brick_cores[core]);
        struct bt_hal *hal = open_core(brick_cores[core], &config.mem);
        struct bt_reason why = {0};
        struct job job;
        if (brick_variant->skips_zero_weights == false) {
            set_param(&config, "PACKED", 1);
        }
        must_make_job(&job, &config, long_layer(&config), (struct bt_pruning){.percent = 80}, 1);
        assert_true(plan_of(&job)->packed);
        const int64_t elems = bt_conv2d_weight_elems(&job.layer.u.conv);
        const size_t bytes = (size_t)elems * bt_layer_elem_bytes(&job.layer);
        uint8_t *weights = malloc(bytes);
        struct bt_layer_data data = job.tensors.view;
        assert_non_null(weights);
        memcpy(weights, data.weights, bytes);
        data.weights = weights;
        assert_int_equal(brick_variant->accept(&config, &job.layer, 1, &data, &job.aux, &why), BT_OK);

        /* Channel 0 is slot 0 of its warp: another value there, one that is gone, one that was zero. */
        const size_t elem = bt_layer_elem_bytes(&job.layer);
        size_t used = 0;
        size_t zero = 0;
        while (weights[used * elem] == 0) {
            used++;
        }
        while (weights[zero * elem] != 0 || weights[zero * elem + elem - 1] != 0) {
            zero++;
        }
        static const char *const what[] = {"first lane whose weight is not the layer's",
                                           "first lane whose weight is not the layer's",
                                           "first lane with a weight that is left out, or there twice"};
        for (int i = 0; i < 3; i++) {
            const size_t at = (i < 2 ? used : zero) * elem;
            const uint8_t old = weights[at];
            weights[at] = (uint8_t)(i == 1 ? 0 : old ^ 1);
            if (i == 1 && elem == 2) {
                weights[at + 1] = 0;
            }
            why = (struct bt_reason){0};
            assert_int_equal(brick_variant->accept(&config, &job.layer, 1, &data, &job.aux, &why), BT_EINPUT);
            assert_string_equal(why.what, what[i]);
            const int64_t lanes = plan_of(&job)->hw.lanes;
            assert_true(why.got >= 0 && why.got / lanes % plan_of(&job)->hw.slots == 0);
            if (i == 2) { /* its own lane: the first one that the layer now has more of */
                assert_int_equal(why.got % lanes, (int64_t)zero % job.layer.u.conv.c_in % lanes);
            }
            memcpy(weights, job.tensors.view.weights, bytes);
        }

        /* A blob that is not this plan's. */
        struct bt_brick_aux *made = job.aux.data;
        made->items++;
        assert_int_equal(brick_variant->driver->pack(job.plan, &data, &job.aux, hal, &why), BT_EINPUT);
        made->items--;
        made->magic ^= 1;
        assert_int_equal(brick_variant->driver->pack(job.plan, &data, &job.aux, hal, &why), BT_EINPUT);
        made->magic ^= 1;
        assert_int_equal(brick_variant->driver->pack(job.plan, &data, NULL, hal, &why), BT_EINPUT);
        assert_int_equal(brick_variant->driver->pack(job.plan, &data, &job.aux, hal, &why), BT_OK);

        free(weights);
        bt_hal_sim_close(hal);
        free_job(&job);
    }
}

/* Blobs from files may hold anything: what prepare() made is taken, and of what is damaged nothing that would not compute the same. */
static inline void test_accepting(void **state)
{
    (void)state;
    for (size_t core = 0; core < BRICK_CORES; core++) {
        struct bt_config config = brick_config(brick_cores[core]);
        struct bt_reason why = {0};
        struct job job;
        if (brick_variant->skips_zero_weights == false) {
            set_param(&config, "PACKED", 1);
        }
        must_make_job(&job, &config, long_layer(&config), (struct bt_pruning){.percent = 80}, 1);
        assert_int_equal(brick_variant->accept(&config, &job.layer, 1, &job.tensors.view, &job.aux, &why), BT_OK);
        /* Facts that nothing computes with, but reports do; a filter in place of another; a filter's scale. */
        struct bt_brick_aux *made = job.aux.data;
        made->worth.ahead++;
        assert_int_equal(brick_variant->accept(&config, &job.layer, 1, &job.tensors.view, &job.aux, &why), BT_EINPUT);
        made->worth.ahead--;
        uint32_t *record = (uint32_t *)(void *)((uint8_t *)made + made->image_at + 16);
        for (uint32_t word = BT_BRICK_RECORD_BIAS_WORD; word <= BT_BRICK_RECORD_CHANNEL_WORD; word++) {
            record[word] ^= 1;
            assert_int_equal(brick_variant->accept(&config, &job.layer, 1, &job.tensors.view, &job.aux, &why),
                             BT_EINPUT);
            record[word] ^= 1;
        }
        const size_t bytes = job.aux.bytes;
        for (int i = 0; i < 3000; i++) {
            struct bt_blob blob = {malloc(bytes), bytes};
            assert_non_null(blob.data);
            memcpy(blob.data, job.aux.data, bytes);
            /* Header and tables as often as the stream; sometimes cut off. */
            const size_t at = rng(2) == 0 ? rng(sizeof(struct bt_brick_aux) + 256) : rng((uint32_t)bytes);
            ((uint8_t *)blob.data)[at] ^= (uint8_t)(1 << rng(8));
            blob.bytes = rng(20) == 0 ? rng((uint32_t)bytes) : bytes;
            if (brick_variant->accept(&config, &job.layer, 1, &job.tensors.view, &blob, &why) == BT_OK) {
                struct bt_blob sound = job.aux;
                struct bt_io io = {.in_addr = BT_ANYWHERE, .out_addr = BT_ANYWHERE};
                job.aux = blob;
                assert_int_equal(brick_variant->driver->plan(&config, &job.layer, 1, &job.aux, &io, job.plan, &why),
                                 BT_OK);
                check_model(&job);
                job.aux = sound;
            } else {
                assert_non_null(why.what);
            }
            free(blob.data);
        }
        free_job(&job);
    }
}

/* ---- memory that fails ---- */

static inline void test_memory_errors(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint32_t word, lsb, bits;
    } cases[] = {
        {"ifmap", FIELD(IFMAP)},
        {"weights", FIELD(WEIGHTS)},
        {"row table", FIELD(ROWS_ADDR)},
    };
    for (size_t core = 0; core < BRICK_CORES; core++) {
        struct bt_config config = brick_config(brick_cores[core]);
        config.mem.dram_bytes = UINT64_C(64) << 20;
        struct bt_hal *hal = open_core(brick_cores[core], &config.mem);
        struct job job;
        struct bt_reason why = {0};
        must_make_job(&job, &config, long_layer(&config), (struct bt_pruning){.percent = 50}, 1);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            /* From the first beat on; and from one in the middle, when passes are under way. */
            for (uint32_t inside = 0; inside < 3; inside++) {
                uint32_t desc[BT_BRICK_DESC_WORDS];
                lay_out(&job, hal);
                bt_hal_mem_read(hal, plan_of(&job)->desc_addr, desc, sizeof(desc));
                set_field(desc, cases[i].word, cases[i].lsb, cases[i].bits, (64u << 20) - inside * 16);
                bt_hal_mem_write(hal, plan_of(&job)->desc_addr, desc, sizeof(desc));
                const enum bt_status status = start_job(&job, hal, 3000000, &why);
                if (status != BT_EDEVICE || why.got != BT_BRICK_ERR_READ) {
                    fail_msg("%s: status %d, error code %lld", cases[i].what, (int)status, (long long)why.got);
                }
                check_rtl(&job, hal);
            }
        }
        /* An item in mid run: the first ones are good. */
        if (plan_of(&job)->items > 2) {
            uint32_t desc[BT_BRICK_DESC_WORDS];
            lay_out(&job, hal);
            bt_hal_mem_read(hal, plan_of(&job)->desc_addr, desc, sizeof(desc));
            const uint64_t bytes = (uint64_t)plan_of(&job)->first_beats * 16;
            const uint64_t at = (64u << 20) - bytes;
            uint8_t *item = malloc(bytes);
            assert_non_null(item);
            bt_hal_mem_read(hal, plan_of(&job)->weights_addr, item, bytes);
            bt_hal_mem_write(hal, at, item, bytes);
            free(item);
            set_field(desc, FIELD(WEIGHTS), (uint32_t)at);
            bt_hal_mem_write(hal, plan_of(&job)->desc_addr, desc, sizeof(desc));
            assert_int_equal(start_job(&job, hal, 3000000, &why), BT_EDEVICE);
            assert_int_equal(why.got, BT_BRICK_ERR_READ);
            check_rtl(&job, hal);
        }
        /* The list itself is not there. */
        lay_out(&job, hal);
        bt_hal_reg_write(hal, BT_BRICK_REG_DESC_ADDR, 0x90000000);
        assert_int_equal(start_job(&job, hal, 100000, &why), BT_EDEVICE);
        assert_int_equal(why.got, BT_BRICK_ERR_READ);
        check_rtl(&job, hal);
        bt_hal_sim_close(hal);
        free_job(&job);
    }
}

/* Results beyond the DRAM are a violation for the HAL, so this one drives the core's C ABI, on the HAL's store. */
static inline void test_write_error(void **state)
{
    (void)state;
    struct bt_config config = brick_config("tiny");
    config.mem.dram_bytes = UINT64_C(1) << 20;
    struct job job;
    must_make_job(&job, &config, long_layer(&config), (struct bt_pruning){0}, 1);
    uint8_t *dram = calloc(1, config.mem.dram_bytes);
    struct bt_hal *hal = NULL;
    assert_non_null(dram);
    assert_int_equal(bt_hal_sim_open(brick_core_path("tiny"), &config.mem, dram, NULL, &hal, NULL), BT_OK);
    void *library = dlopen(brick_core_path("tiny"), RTLD_NOW | RTLD_LOCAL);
    assert_non_null(library);
    const struct bt_sim_api *(*entry)(void) = NULL;
    *(void **)&entry = dlsym(library, BT_SIM_SYMBOL);
    assert_non_null(entry);
    const struct bt_sim_api *api = entry();
    struct bt_sim *sim = api->open(&config, dram, NULL);
    assert_non_null(sim);
    lay_out(&job, hal);
    api->allow_write(sim, plan_of(&job)->out_addr, plan_of(&job)->out_image_bytes);
    for (int bad = 1; bad >= 0; bad--) {
        uint32_t desc[BT_BRICK_DESC_WORDS];
        uint32_t status = 0;
        brick_variant->driver->program(job.plan, hal);
        if (bad != 0) {
            bt_hal_mem_read(hal, plan_of(&job)->desc_addr, desc, sizeof(desc));
            set_field(desc, FIELD(OFMAP), 0x80000000);
            bt_hal_mem_write(hal, plan_of(&job)->desc_addr, desc, sizeof(desc));
        }
        assert_true(api->reg_write(sim, BT_BRICK_REG_DESC_ADDR, (uint32_t)plan_of(&job)->desc_addr));
        assert_true(api->reg_write(sim, BT_BRICK_REG_CTRL, 1));
        for (int i = 0; i < 1000 && (status & 2) == 0; i++) {
            api->advance(sim, 1000);
            assert_true(api->reg_read(sim, BT_BRICK_REG_STATUS, &status));
        }
        assert_int_equal(status, 2 | (bad != 0 ? BT_BRICK_ERR_WRITE : BT_BRICK_ERR_NONE) << 8);
        assert_true(api->reg_write(sim, BT_BRICK_REG_IRQ_ACK, 1));
    }
    brick_variant->driver->unpack(job.plan, hal, job.got);
    assert_memory_equal(job.got, job.expected, job.out_bytes);
    api->close(sim);
    (void)dlclose(library);
    bt_hal_sim_close(hal);
    free(dram);
    free_job(&job);
}

/* What the registers read, which bits count, and what an address without a register answers. */
static inline void test_registers_of(uint32_t id, uint32_t version)
{
    for (size_t core = 0; core < BRICK_CORES; core++) {
        const struct bt_config config = brick_config(brick_cores[core]);
        const struct bt_brick_hw hw = bt_brick_hw(&config);
        struct job job;
        struct bt_reason why = {0};
        struct bt_counters counters = {0};
        must_make_job(&job, &config, long_layer(&config), (struct bt_pruning){0}, 1);
        struct bt_hal *hal = open_core(brick_cores[core], &config.mem);
        assert_int_equal(bt_hal_reg_read(hal, BT_BRICK_REG_ID), id);
        assert_int_equal(bt_hal_reg_read(hal, BT_BRICK_REG_VERSION), version);
        assert_int_equal(bt_hal_reg_read(hal, BT_BRICK_REG_GEOMETRY), (uint32_t)hw.tiles | (uint32_t)hw.filters << 8 |
                                                                          (uint32_t)hw.lanes << 16 |
                                                                          (uint32_t)hw.bits << 24);
        assert_int_equal(bt_hal_reg_read(hal, BT_BRICK_REG_STATUS), 0);
        bt_hal_reg_write(hal, BT_BRICK_REG_DESC_ADDR, 0x9234567f);
        assert_int_equal(bt_hal_reg_read(hal, BT_BRICK_REG_DESC_ADDR), 0x92345670);
        bt_hal_reg_write(hal, BT_BRICK_REG_IRQ_ENABLE, 0xfffffffe);
        assert_int_equal(bt_hal_reg_read(hal, BT_BRICK_REG_IRQ_ENABLE), 0);
        bt_hal_reg_write(hal, BT_BRICK_REG_IRQ_ENABLE, 1);
        assert_int_equal(bt_hal_reg_read(hal, BT_BRICK_REG_IRQ_ENABLE), 1);

        lay_out(&job, hal);
        bt_hal_reg_write(hal, BT_BRICK_REG_IRQ_ENABLE, 0);
        bt_hal_reg_write(hal, BT_BRICK_REG_CTRL, 0xfffffffe); /* not the start bit */
        bt_hal_sim_advance(hal, 100);
        assert_int_equal(bt_hal_reg_read(hal, BT_BRICK_REG_STATUS), 0);
        bt_hal_sim_arm(hal);
        brick_variant->driver->start(job.plan, hal);
        for (int i = 0; i < 15; i++) { /* starts while busy, from the fetch on */
            bt_hal_reg_write(hal, BT_BRICK_REG_CTRL, 1);
            bt_hal_sim_advance(hal, (uint64_t)i * 20);
        }
        assert_int_equal(bt_hal_reg_read(hal, BT_BRICK_REG_STATUS), 1);
        assert_int_equal(bt_hal_run(hal, 1000000), BT_EVENT_BUDGET);
        assert_int_equal(bt_hal_reg_read(hal, BT_BRICK_REG_STATUS), 2);
        bt_hal_reg_write(hal, BT_BRICK_REG_IRQ_ACK, 0xfffffffe);
        assert_int_equal(bt_hal_reg_read(hal, BT_BRICK_REG_STATUS), 2);
        bt_hal_reg_write(hal, BT_BRICK_REG_IRQ_ENABLE, 1);
        assert_int_equal(brick_variant->driver->service(job.plan, hal, bt_hal_run(hal, 10), &why), BT_OK);
        assert_int_equal(bt_hal_run(hal, 100), BT_EVENT_BUDGET);
        brick_variant->driver->unpack(job.plan, hal, job.got);
        brick_variant->driver->finish(job.plan, hal, &counters);
        assert_memory_equal(job.got, job.expected, job.out_bytes);
        compare_terms(&job, &counters);

        static const uint32_t unknown[] = {BT_BRICK_REG_WRITE_BEATS + 4, 0x100, 0xffc};
        for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
            assert_null(bt_hal_sim_failed(hal));
            (void)bt_hal_reg_read(hal, unknown[i]);
            assert_non_null(bt_hal_sim_failed(hal));
            bt_hal_sim_reset(hal);
            bt_hal_reg_write(hal, unknown[i], 1);
            assert_non_null(bt_hal_sim_failed(hal));
            bt_hal_sim_reset(hal);
        }
        bt_hal_reg_write(hal, BT_BRICK_REG_ID, 1); /* read only */
        assert_non_null(bt_hal_sim_failed(hal));
        bt_hal_sim_close(hal);
        free_job(&job);
    }
}

/* Multipliers, shifts, biases, operands and clamps at their ends: results saturate at both. */
static inline void test_extremes(void **state)
{
    (void)state;
    for (size_t core = 0; core < BRICK_CORES; core++) {
        const struct bt_config config = brick_config(brick_cores[core]);
        const bool wide = bt_config_get(&config, "BITS", 16) == 16;
        struct bt_hal *hal = open_core(brick_cores[core], &config.mem);
        struct bt_layer layer = long_layer(&config);
        struct bt_reason why = {0};
        layer.u.conv.h = layer.u.conv.w = 4;
        layer.u.conv.in_zp = 0;
        int low = 0;
        int high = 0;
        for (int round = 0; round < 24; round++) {
            struct job job;
            layer.u.conv.act_min = round % 3 == 1 ? 0 : wide ? INT16_MIN : -128;
            layer.u.conv.act_max = round % 3 == 2 ? 5 : wide ? INT16_MAX : 127;
            must_make_job(&job, &config, layer, (struct bt_pruning){0}, (uint64_t)round);
            const int64_t weights = bt_conv2d_weight_elems(&layer.u.conv);
            const int64_t inputs = bt_conv2d_ifmap_elems(&layer.u.conv);
            for (int64_t i = 0; i < weights; i++) { /* tensors of the seed: ours to change */
                const int32_t value = rng(2) == 0 ? (wide ? INT16_MIN : -127) : (wide ? INT16_MAX : 127);
                if (wide) {
                    ((int16_t *)(uintptr_t)job.tensors.view.weights)[i] = (int16_t)(round % 2 == 0 ? value : INT16_MIN);
                } else {
                    ((int8_t *)(uintptr_t)job.tensors.view.weights)[i] = (int8_t)(round % 2 == 0 ? value : -127);
                }
            }
            for (int64_t i = 0; i < inputs; i++) {
                const bool least = round % 2 != 0 || rng(2) == 0;
                if (wide) {
                    ((int16_t *)(uintptr_t)job.tensors.view.ifmap)[i] = least ? INT16_MIN : INT16_MAX;
                } else {
                    ((int8_t *)(uintptr_t)job.tensors.view.ifmap)[i] = least ? -128 : 127;
                }
            }
            for (int32_t c = 0; c < layer.u.conv.c_out; c++) {
                ((int32_t *)(uintptr_t)job.tensors.view.bias)[c] = rng(2) == 0 ? -1000000 : 1000000;
                ((int32_t *)(uintptr_t)job.tensors.view.mult)[c] = rng(4) == 0   ? INT32_MAX
                                                                   : rng(4) == 0 ? 0x7ffeffff + (int32_t)rng(3)
                                                                                 : (int32_t)rng(0x7fffffff);
                ((int32_t *)(uintptr_t)job.tensors.view.shift)[c] = wide ? between(-31, 7) : between(-31, 30);
            }
            brick_expect(&layer, &job.tensors.view, job.expected);
            assert_int_equal(plan_job(&job, &why), BT_OK);
            check_model(&job);
            check_rtl(&job, hal);
            for (size_t i = 0; i < job.out_bytes / bt_layer_ofmap_elem_bytes(&layer); i++) {
                const int32_t got = wide ? ((int16_t *)job.got)[i] : ((int8_t *)job.got)[i];
                low += got == (wide ? INT16_MIN : -128);
                high += got == (wide ? INT16_MAX : 127);
            }
            free_job(&job);
        }
        assert_true(low > 100 && high > 100);
        bt_hal_sim_close(hal);
    }
}

/* Layers and configurations that cannot be, each with its words and numbers. */
static inline void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const char *key; /* of the configuration, or NULL */
        int64_t value;
        const char *words;
    } configs[] = {
        {"three tiles", "TILES", 3, "TILES, a power of two"},
        {"filters", "FILTERS", 6, "FILTERS, a power of two"},
        {"lanes", "LANES", 12, "LANES, a power of two"},
        {"bricks too wide", "LANES", 32, "bytes of a brick, LANES * BITS / 8, 16 or 32"},
        {"ifmap memory", "IFMAP_BYTES", 5000, "IFMAP_BYTES, a power of two"},
        {"ofmap memory", "OFMAP_BYTES", 5000, "OFMAP_BYTES, a power of two"},
        {"weight memory", "WEIGHT_ROWS", 5, "WEIGHT_ROWS, a power of two"},
        {"partial sums", "BAND_PIXELS", 17, "BAND_PIXELS, a power of two"},
        {"row table", "TABLE_ROWS", 17, "TABLE_ROWS, a power of two"},
    };
    for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
        struct bt_config config = brick_config(brick_full_core);
        struct bt_reason why = {0};
        assert_int_equal(brick_variant->check(&config, &why), BT_OK);
        set_param(&config, configs[i].key, configs[i].value);
        assert_int_equal(brick_variant->check(&config, &why), BT_EINPUT);
        assert_string_equal(why.what, configs[i].words);
    }

    static const struct {
        const char *words;
        int32_t h, w, c_in, kernel;
        enum bt_dtype dtype;
        bool pool;
    } layers[] = {
        {"bits of an operand, which this configuration does not have", 8, 8, 8, 1, BT_S8, false},
        {"max-pooling on write-back, rows of its kernel", 8, 8, 8, 1, BT_S16, true},
        {"bricks of one filter, for the row table", 8, 8, 600, 3, BT_S16, false},
        {"pixels of a band's ofmap rows, for the partial sums", 2, 65, 8, 1, BT_S16, false},
        {"bytes of ifmap under a band, for half of the ifmap memory", 9, 50, 80, 3, BT_S16, false},
    };
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
        const struct bt_config config = brick_config("tiny");
        struct bt_reason why = {0};
        struct bt_conv2d conv = bt_conv2d_1x1(layers[i].h, layers[i].w, layers[i].c_in, 8);
        conv.kh = conv.kw = layers[i].kernel;
        struct bt_layer layer = {.op = BT_OP_CONV2D, .dtype = layers[i].dtype, .u.conv = conv};
        if (layers[i].pool) {
            layer.pool = (struct bt_maxpool){.kh = 2, .kw = 2, .stride_h = 2, .stride_w = 2};
        }
        assert_int_equal(brick_variant->driver->supports(&config, &layer, 1, &why), BT_EUNSUPPORTED);
        assert_string_equal(why.what, layers[i].words);
        assert_int_equal(brick_variant->driver->supports(&config, &layer, 2, &why), BT_EUNSUPPORTED);
    }

    /* One beyond each limit. */
    static const struct {
        const char *words;
        int32_t h, w, c_in, c_out, kernel, stride, pad, dilation;
    } beyond[] = {
        {"bytes of a band's ofmap rows, for half of the ofmap memory", 1, 57, 8, 72, 1, 1, 0, 1},
        {"bytes of ifmap under a band, for half of the ifmap memory", 2, 41, 200, 8, 1, 1, 0, 1},
        {"bricks of one filter, for the row table", 1, 1, 4104, 8, 1, 1, 0, 1},
        {"stride down", 600, 3, 1, 8, 1, 256, 0, 1},
        {"ifmap rows, padding included", 1, 1, 8, 8, 2, 1, 16384, 32768},
        {"ifmap rows, padding included", 32000, 1, 1, 1, 3, 1, 384, 1},
    };
    for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
        const struct bt_config config = brick_config("tiny");
        struct bt_reason why = {0};
        struct bt_conv2d conv = bt_conv2d_1x1(beyond[i].h, beyond[i].w, beyond[i].c_in, beyond[i].c_out);
        conv.kh = beyond[i].kernel;
        conv.stride_h = beyond[i].stride;
        conv.pad_top = conv.pad_bottom = beyond[i].pad;
        conv.dil_h = beyond[i].dilation;
        const struct bt_layer layer = {.op = BT_OP_CONV2D, .dtype = BT_S16, .u.conv = conv};
        assert_int_equal(brick_variant->driver->supports(&config, &layer, 1, &why), BT_EUNSUPPORTED);
        assert_string_equal(why.what, beyond[i].words);
        assert_true(why.got > why.limit);
    }

    /* Tensors beyond the DRAM, and layouts that the hardware cannot read. */
    struct bt_config config = brick_config("tiny");
    struct job job;
    must_make_job(&job, &config, long_layer(&config), (struct bt_pruning){0}, 1);
    struct bt_reason why = {0};
    struct bt_io io = {.in_addr = BT_ANYWHERE, .out_addr = BT_ANYWHERE};
    config.mem.dram_bytes = 8192;
    assert_int_equal(brick_variant->driver->plan(&config, &job.layer, 1, &job.aux, &io, job.plan, &why), BT_ENOMEM);
    config.mem.dram_bytes = UINT64_C(1) << 26;
    io = (struct bt_io){.in_addr = 4096, .in_pitch = 56, .out_addr = BT_ANYWHERE};
    assert_int_equal(brick_variant->driver->plan(&config, &job.layer, 1, &job.aux, &io, job.plan, &why),
                     BT_EUNSUPPORTED);
    io = (struct bt_io){.in_addr = 4100, .in_pitch = 48, .out_addr = BT_ANYWHERE};
    assert_int_equal(brick_variant->driver->plan(&config, &job.layer, 1, &job.aux, &io, job.plan, &why),
                     BT_EUNSUPPORTED);
    free_job(&job);
}

#define BRICK_TESTS                                                                                                    \
    cmocka_unit_test(test_refusals), cmocka_unit_test(test_random_layers), cmocka_unit_test(test_every_memory),        \
        cmocka_unit_test(test_random_stalls), cmocka_unit_test(test_invariants),                                       \
        cmocka_unit_test(test_illegal_descriptors), cmocka_unit_test(test_damaged_streams),                            \
        cmocka_unit_test(test_limits), cmocka_unit_test(test_item_over_memory),                                        \
        cmocka_unit_test(test_streams_of_other_weights), cmocka_unit_test(test_accepting),                             \
        cmocka_unit_test(test_memory_errors), cmocka_unit_test(test_write_error), cmocka_unit_test(test_registers),    \
        cmocka_unit_test(test_extremes)

#endif
