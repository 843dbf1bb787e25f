/*
 * The room against its own claims: random layers, configurations and memories; bits of model and RTL against the
 * operators, every predicted term against the RTL's counter; illegal descriptors, failing memory, no reset in between.
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/data.h"
#include "harness/hal_sim.h"
#include "reference/common/bt_conv2d.h"
#include "reference/ops/conv2d_s8.h"
#include "reference/os_array/os_array_plan.h"

extern const struct bt_variant os_array_variant;

static const struct {
    const char *name;
    int64_t rows, cols;
} cores[] = {{"4x4", 4, 4}, {"3x5", 3, 5}};

static uint64_t rng_state = 0x243f6a8885a308d3;

static uint32_t rng(uint32_t below)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return (uint32_t)((rng_state >> 33) % below);
}

static int32_t between(int32_t low, int32_t high)
{
    return low + (int32_t)rng((uint32_t)(high - low + 1));
}

static struct bt_config config_of(size_t core)
{
    struct bt_config config = {.name = cores[core].name, .count = 5};
    config.param[0].key = "ROWS";
    config.param[0].value = cores[core].rows;
    config.param[1].key = "COLS";
    config.param[1].value = cores[core].cols;
    config.param[2].key = "IBUF_BYTES";
    config.param[2].value = 65536;
    config.param[3].key = "WBUF_K";
    config.param[3].value = 4608;
    config.param[4].key = "OBUF_TILES";
    config.param[4].value = 4;
    config.mem = (struct bt_memory){
        .latency_cycles = 32, .bytes_per_cycle = 16, .outstanding = 32, .dram_bytes = UINT64_C(64) << 20};
    return config;
}

static const char *core_path(size_t core)
{
    static char path[256];
    const char *build = getenv("BITTRUE_BUILD");
    (void)snprintf(path, sizeof(path), "%s/rtl/os_array-%s.so", build != NULL ? build : "build", cores[core].name);
    return path;
}

static struct bt_hal *open_core(size_t core, const struct bt_memory *mem)
{
    struct bt_hal *hal = NULL;
    struct bt_error err = {{0}};
    if (bt_hal_sim_open(core_path(core), mem, NULL, NULL, &hal, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    return hal;
}

/* A layer of every kind, small enough for hundreds of them. */
static struct bt_conv2d random_conv(void)
{
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
            .in_zp = between(-128, 127),
            .out_zp = between(-128, 127),
            .act_min = -128,
            .act_max = 127,
            .rounding = rng(4) == 0 ? BT_ROUND_SINGLE : BT_ROUND_DOUBLE,
            .raw = rng(6) == 0,
        };
        conv.table = !conv.raw && rng(4) == 0;
        if (!conv.raw && rng(3) == 0) {
            conv.act_min = between(-128, 0);
            conv.act_max = between(0, 127);
        }
        switch (rng(4)) {
        case 0: /* depthwise */
            conv.groups = between(1, 24);
            conv.c_in = conv.groups;
            conv.c_out = conv.groups * between(1, 2);
            break;
        case 1: /* grouped */
            conv.groups = between(2, 4);
            conv.c_in = conv.groups * between(1, 20);
            conv.c_out = conv.groups * between(1, 9);
            break;
        default:
            conv.c_in = between(1, 40);
            conv.c_out = between(1, 20);
            break;
        }
        if (bt_conv2d_check(&conv, NULL) == BT_OK) {
            return conv;
        }
    }
}

struct job {
    struct bt_config config;
    struct bt_layer layer;
    struct os_array_plan plan;
    struct bt_tensors tensors;
    size_t out_bytes;
    void *expected, *got;
};

static void make_job(struct job *job, size_t core, struct bt_conv2d conv, uint64_t seed)
{
    const struct bt_data_key key = {.seed = seed, .network = "random", .pattern = BT_PATTERN_UNIFORM};
    struct bt_io io = {.in_addr = BT_ANYWHERE, .out_addr = BT_ANYWHERE};
    struct bt_reason why = {0};

    job->config = config_of(core);
    job->layer = (struct bt_layer){.op = BT_OP_CONV2D, .dtype = BT_S8, .u.conv = conv};
    job->out_bytes = (size_t)bt_conv2d_ofmap_elems(&conv) * (conv.raw ? 4 : 1);
    job->expected = malloc(job->out_bytes);
    job->got = malloc(job->out_bytes);
    assert_non_null(job->expected);
    assert_non_null(job->got);
    assert_int_equal(bt_data_make(&key, BT_ACT_SILU, &conv, NULL, &job->tensors), BT_OK);
    assert_int_equal(ref_conv2d_s8(&conv, &job->tensors.view, job->expected), BT_OK);
    assert_int_equal(os_array_driver.plan(&job->config, &job->layer, 1, NULL, &io, &job->plan, &why), BT_OK);
}

static void free_job(struct job *job)
{
    bt_data_free(&job->tensors);
    free(job->expected);
    free(job->got);
}

static struct bt_counters predict(const struct job *job)
{
    struct bt_counters prediction = {0};
    assert_int_equal(os_array_cycles(&job->config, &job->plan, &job->layer, NULL, NULL, &prediction), BT_OK);
    return prediction;
}

/* Runs a planned job; the core needs no reset before it. */
static enum bt_status run_job(struct job *job, struct bt_hal *hal, uint64_t budget, struct bt_counters *counters)
{
    struct bt_reason why = {0};
    assert_int_equal(os_array_driver.pack(&job->plan, &job->tensors.view, NULL, hal, &why), BT_OK);
    os_array_driver.load(&job->plan, job->tensors.view.ifmap, hal);
    os_array_driver.program(&job->plan, hal);
    bt_hal_sim_arm(hal);
    os_array_driver.start(&job->plan, hal);
    const enum bt_event event = bt_hal_run(hal, budget);
    const enum bt_status status = os_array_driver.service(&job->plan, hal, event, &why);
    if (status == BT_OK) {
        os_array_driver.unpack(&job->plan, hal, job->got);
        os_array_driver.finish(&job->plan, hal, counters);
    }
    if (bt_hal_sim_failed(hal) != NULL) {
        fail_msg("%s", bt_hal_sim_failed(hal));
    }
    return status;
}

static void describe(const struct bt_conv2d *c, const struct bt_memory *mem)
{
    print_error(
        "n %d h %d w %d c %d->%d k %dx%d s %dx%d d %dx%d pad %d %d %d %d groups %d raw %d table %d; latency %u, %u "
        "bytes/cycle, %u outstanding\n",
        c->n, c->h, c->w, c->c_in, c->c_out, c->kh, c->kw, c->stride_h, c->stride_w, c->dil_h, c->dil_w, c->pad_top,
        c->pad_bottom, c->pad_left, c->pad_right, c->groups, c->raw, c->table, mem->latency_cycles,
        mem->bytes_per_cycle, mem->outstanding);
}

static void compare_terms(const struct job *job, const struct bt_counters *measured)
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
        describe(&job->layer.u.conv, &job->config.mem);
        fail();
    }
}

/* One open core runs layer after layer without a reset. */
static void run_random(size_t core, int layers, struct bt_memory mem)
{
    struct bt_hal *hal = open_core(core, &mem);
    for (int i = 0; i < layers; i++) {
        struct job job;
        struct bt_counters counters = {0};
        struct bt_sim_stats stats;
        struct bt_blob profile = {0};
        make_job(&job, core, random_conv(), (uint64_t)i);
        job.config.mem = mem;
        assert_int_equal(os_array_model(&job.config, &job.plan, &job.layer, &job.tensors.view, NULL, job.got, &profile),
                         BT_OK);
        if (memcmp(job.got, job.expected, job.out_bytes) != 0) {
            describe(&job.layer.u.conv, &mem);
            fail_msg("the model's bits differ");
        }
        memset(job.got, 0x55, job.out_bytes);
        assert_int_equal(run_job(&job, hal, UINT64_C(50000000), &counters), BT_OK);
        if (memcmp(job.got, job.expected, job.out_bytes) != 0) {
            describe(&job.layer.u.conv, &mem);
            fail_msg("the RTL's bits differ");
        }
        if (mem.stall_percent == 0) {
            bt_hal_sim_stats(hal, &stats);
            assert_int_equal(bt_counters_get(&counters, "cycles", 0), stats.start_to_done);
            compare_terms(&job, &counters);
        }
        free_job(&job);
    }
    bt_hal_sim_close(hal);
}

static void test_random_layers(void **state)
{
    (void)state;
    for (size_t core = 0; core < sizeof(cores) / sizeof(cores[0]); core++) {
        run_random(core, 120, config_of(core).mem);
    }
}

static void test_every_memory(void **state)
{
    (void)state;
    static const uint32_t latencies[] = {1, 2, 7, 32, 150, 400};
    static const uint32_t widths[] = {1, 4, 8, 16};
    static const uint32_t outstanding[] = {1, 2, 3, 8, 64};
    for (size_t core = 0; core < sizeof(cores) / sizeof(cores[0]); core++) {
        for (int i = 0; i < 60; i++) {
            struct bt_memory mem = config_of(core).mem;
            mem.latency_cycles = latencies[rng(6)];
            mem.bytes_per_cycle = widths[rng(4)];
            mem.outstanding = outstanding[rng(5)];
            run_random(core, 3, mem);
        }
    }
}

static void test_random_stalls(void **state)
{
    (void)state;
    for (uint32_t percent = 10; percent <= 90; percent += 40) {
        struct bt_memory mem = config_of(1).mem;
        mem.stall_percent = percent;
        mem.stall_seed = percent;
        run_random(1, 25, mem);
    }
}

/* A layer that keeps every engine busy: three blocks, many filter tiles, results faster than the bus. */
static struct bt_conv2d long_conv(void)
{
    return (struct bt_conv2d){.n = 1,
                              .h = 12,
                              .w = 33,
                              .c_in = 24,
                              .c_out = 37,
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
                              .in_zp = -3,
                              .out_zp = 5,
                              .act_min = -128,
                              .act_max = 127};
}

/* More bandwidth, less latency, more outstanding bursts never cost cycles; never faster than the multipliers. */
static void test_invariants(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct job job;
        make_job(&job, rng(2), i == 0 ? long_conv() : random_conv(), 1);
        uint64_t before = UINT64_MAX;
        for (uint32_t width = 1; width <= 16; width *= 2) {
            job.config.mem.bytes_per_cycle = width;
            const struct bt_counters p = predict(&job);
            const uint64_t cycles = bt_counters_get(&p, "cycles", 0);
            const uint64_t macs = (uint64_t)bt_conv2d_macs(&job.layer.u.conv);
            uint64_t sum = 0;
            static const char *const terms[] = {"control", "fill", "compute", "load_stall", "store_stall", "drain"};
            for (size_t t = 0; t < sizeof(terms) / sizeof(terms[0]); t++) {
                const uint64_t value = bt_counters_get(&p, terms[t], UINT64_MAX);
                assert_true(value <= cycles);
                sum += value;
            }
            assert_int_equal(sum, cycles);
            assert_true(cycles <= before);
            assert_true(cycles * os_array_variant.multipliers(&job.config) >= macs);
            before = cycles;
        }
        free_job(&job);
    }
}

/* Random words where a descriptor should be, and single damaged words: an error code, the interrupt, no write. */
static void test_illegal_descriptors(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint32_t word, flip;
        uint32_t sum; /* 1: repair the sum, so that only the word itself is wrong */
        uint32_t error;
    } cases[] = {
        {"magic", 0, 0x00010000, 1, OS_ARRAY_ERR_MAGIC},
        {"reserved flag", 0, 0x00000100, 1, OS_ARRAY_ERR_MAGIC},
        {"magic, high byte", 0, 0x01000000, 1, OS_ARRAY_ERR_MAGIC},
        {"magic, highest bit", 0, 0x80000000, 1, OS_ARRAY_ERR_MAGIC},
        {"first reserved flag", 0, 0x00000020, 1, OS_ARRAY_ERR_MAGIC},
        {"last reserved flag", 0, 0x00008000, 1, OS_ARRAY_ERR_MAGIC},
        {"reserved word", 30, 1, 1, OS_ARRAY_ERR_MAGIC},
        {"reserved word, second bit", 30, 2, 1, OS_ARRAY_ERR_MAGIC},
        {"reserved word, middle", 30, 0x00010000, 1, OS_ARRAY_ERR_MAGIC},
        {"reserved word, highest bit", 30, 0x80000000, 1, OS_ARRAY_ERR_MAGIC},
        {"resident with more than two filter tiles", OS_ARRAY_RESIDENT_WORD, 1 << OS_ARRAY_RESIDENT_LSB, 1,
         OS_ARRAY_ERR_SIZE},
        {"one bit of a step", 9, 0x40, 0, OS_ARRAY_ERR_SUM},
        {"ifmap not aligned", OS_ARRAY_IFMAP_WORD, 4, 1, OS_ARRAY_ERR_ALIGN},
        {"weights not aligned", OS_ARRAY_WEIGHTS_WORD, 8, 1, OS_ARRAY_ERR_ALIGN},
        {"ofmap not aligned", OS_ARRAY_OFMAP_WORD, 1, 1, OS_ARRAY_ERR_ALIGN},
        {"table not aligned", OS_ARRAY_TABLE_ADDR_WORD, 2, 1, OS_ARRAY_ERR_ALIGN},
        {"pitch not aligned", OS_ARRAY_O_PITCH_WORD, 8, 1, OS_ARRAY_ERR_ALIGN},
        {"too many filters in a tile", OS_ARRAY_N_VALID_WORD, 0x40, 1, OS_ARRAY_ERR_SIZE},
        {"too many rows", OS_ARRAY_ROWS_LAST_WORD, 0x40, 1, OS_ARRAY_ERR_SIZE},
        {"steps not a multiple", OS_ARRAY_K_CYCLES_WORD, 1, 1, OS_ARRAY_ERR_SIZE},
        {"too many steps", OS_ARRAY_K_CYCLES_WORD, 0x00100000, 1, OS_ARRAY_ERR_SIZE},
        {"window beyond the buffer", OS_ARRAY_WINDOW_BYTES_WORD, 0x00100000, 1, OS_ARRAY_ERR_SIZE},
        {"weights of another length", OS_ARRAY_WEIGHT_BEATS_WORD, 2, 1, OS_ARRAY_ERR_SIZE},
    };
    const struct bt_config config = config_of(0);
    struct bt_hal *hal = open_core(0, &config.mem);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct job job;
        struct bt_reason why = {0};
        struct bt_sim_stats stats;
        make_job(&job, 0, long_conv(), i);
        assert_int_equal(os_array_driver.pack(&job.plan, &job.tensors.view, NULL, hal, &why), BT_OK);
        os_array_driver.load(&job.plan, job.tensors.view.ifmap, hal);
        os_array_driver.program(&job.plan, hal);
        uint32_t desc[OS_ARRAY_DESC_WORDS];
        bt_hal_mem_read(hal, job.plan.desc_addr, desc, sizeof(desc));
        desc[cases[i].word] ^= cases[i].flip;
        if (cases[i].sum != 0) {
            desc[OS_ARRAY_SUM_WORD] ^= cases[i].flip;
        }
        bt_hal_mem_write(hal, job.plan.desc_addr, desc, sizeof(desc));
        bt_hal_clear_windows(hal); /* whatever it writes is a violation */
        bt_hal_sim_arm(hal);
        os_array_driver.start(&job.plan, hal);
        const enum bt_event event = bt_hal_run(hal, 10000);
        assert_int_equal(event, BT_EVENT_IRQ);
        const enum bt_status status = os_array_driver.service(&job.plan, hal, event, &why);
        if (status != BT_EDEVICE || why.got != cases[i].error) {
            fail_msg("%s: status %d, error code %lld, expected %u", cases[i].what, (int)status, (long long)why.got,
                     cases[i].error);
        }
        bt_hal_sim_stats(hal, &stats);
        assert_int_equal(stats.write_bytes, 0);
        assert_null(bt_hal_sim_failed(hal));
        free_job(&job);
    }
    /* And the core still works, without a reset. */
    struct job job;
    struct bt_counters counters = {0};
    make_job(&job, 0, long_conv(), 99);
    assert_int_equal(run_job(&job, hal, 10000000, &counters), BT_OK);
    assert_memory_equal(job.got, job.expected, job.out_bytes);
    compare_terms(&job, &counters);
    free_job(&job);
    bt_hal_sim_close(hal);
}

/* Sets a field of a descriptor and repairs the sum. */
static void set_field(uint32_t *desc, uint32_t word, uint32_t lsb, uint32_t bits, uint32_t value)
{
    const uint32_t mask = (UINT32_MAX >> (32 - bits)) << lsb;
    const uint32_t changed = (desc[word] & ~mask) | (value << lsb);
    desc[OS_ARRAY_SUM_WORD] ^= desc[word] ^ changed;
    desc[word] = changed;
}

#define FIELD(name) OS_ARRAY_##name##_WORD, OS_ARRAY_##name##_LSB, OS_ARRAY_##name##_BITS

/* Counts of zero, and the first value beyond each limit, with a sum that is right. */
static void test_illegal_counts(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct {
            uint32_t word, lsb, bits, value;
        } set[2];
    } cases[] = {
        {"no pixels in a row", {{FIELD(OW), 0}}},
        {"no runs in a kernel row", {{FIELD(RUNS_X), 0}}},
        {"no kernel rows", {{FIELD(RUNS_Y), 0}}},
        {"no words in a run", {{FIELD(RUN_WORDS), 0}}},
        {"no filter tiles", {{FIELD(N_TILES), 0}}},
        {"no filter tiles in a group", {{FIELD(GROUP_TILES), 0}}},
        {"no blocks", {{FIELD(BLOCKS), 0}}},
        {"no pixel tiles", {{FIELD(TILES), 0}}},
        {"no pixel tiles in the last block", {{FIELD(TILES_TAIL), 0}}},
        {"no filters in a tile", {{FIELD(N_VALID), 0}, {FIELD(N_TAIL), 0}}},
        {"no filters in the last tile", {{FIELD(N_TAIL), 0}}},
        {"more filters in the last tile than in the others", {{FIELD(N_VALID), 2}, {FIELD(N_TAIL), 3}}},
        {"one filter more than columns", {{FIELD(N_VALID), 5}}},
        {"no pixels in the last tile", {{FIELD(ROWS_LAST), 0}}},
        {"no pixels in the last tile of the last block", {{FIELD(ROWS_TAIL), 0}}},
        {"one pixel more than rows", {{FIELD(ROWS_LAST), 5}}},
        {"one pixel more than rows in the last block", {{FIELD(ROWS_TAIL), 5}}},
        {"no steps", {{FIELD(K_CYCLES), 0}, {FIELD(WEIGHT_BEATS), 4}}},
        {"one word more than the weight buffer holds", {{FIELD(K_CYCLES), 4624}, {FIELD(WEIGHT_BEATS), 1160}}},
        {"no ifmap", {{FIELD(WINDOW_BYTES), 0}}},
        {"one byte more than the ifmap buffer holds", {{FIELD(WINDOW_BYTES), 65537}}},
        {"resident, three filter tiles", {{FIELD(RESIDENT), 1}, {FIELD(N_TILES), 3}}},
    };
    const struct bt_config config = config_of(0);
    struct bt_hal *hal = open_core(0, &config.mem);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct job job;
        struct bt_reason why = {0};
        struct bt_sim_stats stats;
        make_job(&job, 0, long_conv(), i);
        assert_int_equal(os_array_driver.pack(&job.plan, &job.tensors.view, NULL, hal, &why), BT_OK);
        os_array_driver.load(&job.plan, job.tensors.view.ifmap, hal);
        os_array_driver.program(&job.plan, hal);
        uint32_t desc[OS_ARRAY_DESC_WORDS];
        bt_hal_mem_read(hal, job.plan.desc_addr, desc, sizeof(desc));
        for (size_t s = 0; s < 2 && cases[i].set[s].bits != 0; s++) {
            set_field(desc, cases[i].set[s].word, cases[i].set[s].lsb, cases[i].set[s].bits, cases[i].set[s].value);
        }
        bt_hal_mem_write(hal, job.plan.desc_addr, desc, sizeof(desc));
        bt_hal_clear_windows(hal);
        bt_hal_sim_arm(hal);
        os_array_driver.start(&job.plan, hal);
        const enum bt_event event = bt_hal_run(hal, 10000);
        const enum bt_status status = os_array_driver.service(&job.plan, hal, event, &why);
        if (status != BT_EDEVICE || why.got != OS_ARRAY_ERR_SIZE) {
            fail_msg("%s: event %d, status %d, error code %lld", cases[i].what, (int)event, (int)status,
                     (long long)why.got);
        }
        bt_hal_sim_stats(hal, &stats);
        assert_int_equal(stats.write_bytes, 0);
        free_job(&job);
    }
    bt_hal_sim_close(hal);
}

/* Operands or results beyond the DRAM: the memory answers with an error, the core ends with its code. */
static void test_memory_errors(void **state)
{
    (void)state;
    static const struct {
        uint32_t word, error;
    } cases[] = {{OS_ARRAY_IFMAP_WORD, OS_ARRAY_ERR_READ},
                 {OS_ARRAY_WEIGHTS_WORD, OS_ARRAY_ERR_READ},
                 {OS_ARRAY_TABLE_ADDR_WORD, OS_ARRAY_ERR_READ}};
    const struct bt_config config = config_of(0);
    struct bt_hal *hal = open_core(0, &config.mem);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct job job;
        struct bt_reason why = {0};
        struct bt_conv2d conv = long_conv();
        conv.table = true;
        make_job(&job, 0, conv, i);
        assert_int_equal(os_array_driver.pack(&job.plan, &job.tensors.view, NULL, hal, &why), BT_OK);
        os_array_driver.load(&job.plan, job.tensors.view.ifmap, hal);
        os_array_driver.program(&job.plan, hal);
        uint32_t desc[OS_ARRAY_DESC_WORDS];
        bt_hal_mem_read(hal, job.plan.desc_addr, desc, sizeof(desc));
        desc[cases[i].word] ^= 0x80000000;
        desc[OS_ARRAY_SUM_WORD] ^= 0x80000000;
        bt_hal_mem_write(hal, job.plan.desc_addr, desc, sizeof(desc));
        bt_hal_sim_arm(hal);
        os_array_driver.start(&job.plan, hal);
        const enum bt_event event = bt_hal_run(hal, 1000000);
        assert_int_equal(event, BT_EVENT_IRQ);
        assert_int_equal(os_array_driver.service(&job.plan, hal, event, &why), BT_EDEVICE);
        assert_int_equal(why.got, cases[i].error);
        free_job(&job);
    }
    bt_hal_sim_close(hal);
}

/* A batch of two small images with several filter tiles: two descriptors. */
static struct bt_conv2d two_images(void)
{
    struct bt_conv2d conv = long_conv();
    conv.n = 2;
    conv.h = 6;
    conv.w = 16;
    conv.c_out = 19;
    return conv;
}

/* Runs a sound job on a core that met an error before, and expects nothing of it to be left. */
static void run_after_error(struct job *job, struct bt_hal *hal, const char *what)
{
    struct bt_counters counters = {0};
    memset(job->got, 0x55, job->out_bytes);
    const enum bt_status status = run_job(job, hal, UINT64_C(10000000), &counters);
    if (status != BT_OK) {
        fail_msg("after %s: status %d", what, (int)status);
    }
    if (memcmp(job->got, job->expected, job->out_bytes) != 0) {
        fail_msg("after %s: the bits differ", what);
    }
    compare_terms(job, &counters);
}

/* Errors while results are under way, in the first descriptor and in the second; the next layer needs no reset. */
static void test_errors_in_mid_run(void **state)
{
    (void)state;
    enum { TILES_FROM_END, ADDRESS };
    static const struct {
        const char *what;
        uint32_t image;
        uint32_t word, lsb, bits;
        uint32_t kind, value;
        uint32_t error;
    } cases[] = {
        {"weights of the second tile", 0, FIELD(WEIGHTS), TILES_FROM_END, 1, OS_ARRAY_ERR_READ},
        {"weights of the third tile", 0, FIELD(WEIGHTS), TILES_FROM_END, 2, OS_ARRAY_ERR_READ},
        {"weights of the fourth tile", 0, FIELD(WEIGHTS), TILES_FROM_END, 3, OS_ARRAY_ERR_READ},
        {"ifmap, in the middle of a window", 0, FIELD(IFMAP), ADDRESS, (64U << 20) - 1024, OS_ARRAY_ERR_READ},
        {"weights of the second image", 1, FIELD(WEIGHTS), TILES_FROM_END, 3, OS_ARRAY_ERR_READ},
        {"magic of the second image", 1, FIELD(FLAGS_MAGIC), ADDRESS, 0, OS_ARRAY_ERR_MAGIC},
        {"ifmap of the second image", 1, FIELD(IFMAP), ADDRESS, 0x90000000, OS_ARRAY_ERR_READ},
        {"size of the second image", 1, FIELD(N_TAIL), ADDRESS, 0, OS_ARRAY_ERR_SIZE},
    };
    static const uint32_t latencies[] = {2, 9, 32};
    for (size_t core = 0; core < sizeof(cores) / sizeof(cores[0]); core++) {
        for (size_t l = 0; l < sizeof(latencies) / sizeof(latencies[0]); l++) {
            struct job job;
            make_job(&job, core, two_images(), 1);
            job.config.mem.latency_cycles = latencies[l];
            struct bt_hal *hal = open_core(core, &job.config.mem);
            for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct bt_reason why = {0};
                uint32_t desc[2][OS_ARRAY_DESC_WORDS];
                assert_int_equal(os_array_driver.pack(&job.plan, &job.tensors.view, NULL, hal, &why), BT_OK);
                os_array_driver.load(&job.plan, job.tensors.view.ifmap, hal);
                os_array_driver.program(&job.plan, hal);
                bt_hal_mem_read(hal, job.plan.desc_addr, desc, sizeof(desc));
                const uint32_t tile = (uint32_t)job.plan.weight_beats * 16;
                set_field(desc[cases[i].image], cases[i].word, cases[i].lsb, cases[i].bits,
                          cases[i].kind == ADDRESS ? cases[i].value : (64U << 20) - cases[i].value * tile);
                bt_hal_mem_write(hal, job.plan.desc_addr, desc, sizeof(desc));
                bt_hal_sim_arm(hal);
                os_array_driver.start(&job.plan, hal);
                const enum bt_event event = bt_hal_run(hal, 3000000);
                const enum bt_status status = os_array_driver.service(&job.plan, hal, event, &why);
                if (status != BT_EDEVICE || why.got != cases[i].error) {
                    fail_msg("%s: event %d, status %d, error code %lld, expected %u", cases[i].what, (int)event,
                             (int)status, (long long)why.got, cases[i].error);
                }
                run_after_error(&job, hal, cases[i].what);
            }
            bt_hal_sim_close(hal);
            free_job(&job);
        }
    }
}

/* Results beyond the DRAM are a violation for the HAL, so this one drives the core's C ABI, on the HAL's store. */
static void test_write_error(void **state)
{
    (void)state;
    struct job job;
    struct bt_reason why = {0};
    struct bt_counters counters = {0};
    make_job(&job, 0, two_images(), 1);
    job.config.mem.dram_bytes = UINT64_C(1) << 20;
    uint8_t *dram = calloc(1, job.config.mem.dram_bytes);
    struct bt_hal *hal = NULL;
    assert_non_null(dram);
    assert_int_equal(bt_hal_sim_open(core_path(0), &job.config.mem, dram, NULL, &hal, NULL), BT_OK);
    void *library = dlopen(core_path(0), RTLD_NOW | RTLD_LOCAL);
    assert_non_null(library);
    const struct bt_sim_api *(*entry)(void) = NULL;
    *(void **)&entry = dlsym(library, BT_SIM_SYMBOL);
    assert_non_null(entry);
    const struct bt_sim_api *api = entry();
    struct bt_sim *sim = api->open(&job.config, dram, NULL);
    assert_non_null(sim);

    assert_int_equal(os_array_driver.pack(&job.plan, &job.tensors.view, NULL, hal, &why), BT_OK);
    os_array_driver.load(&job.plan, job.tensors.view.ifmap, hal);
    api->allow_write(sim, job.plan.out_addr, 2 * job.plan.out_image_bytes);
    for (int bad = 2; bad >= 0; bad--) { /* the second image's results, the first one's, none */
        uint32_t desc[OS_ARRAY_DESC_WORDS], status = 0;
        os_array_driver.program(&job.plan, hal);
        if (bad != 0) {
            const uint64_t addr = job.plan.desc_addr + (uint64_t)(bad - 1) * sizeof(desc);
            bt_hal_mem_read(hal, addr, desc, sizeof(desc));
            set_field(desc, FIELD(OFMAP), 0x80000000);
            bt_hal_mem_write(hal, addr, desc, sizeof(desc));
        }
        assert_true(api->reg_write(sim, OS_ARRAY_REG_DESC_ADDR, (uint32_t)job.plan.desc_addr));
        assert_true(api->reg_write(sim, OS_ARRAY_REG_CTRL, 1));
        for (int i = 0; i < 1000 && (status & 2) == 0; i++) {
            api->advance(sim, 1000);
            assert_true(api->reg_read(sim, OS_ARRAY_REG_STATUS, &status));
        }
        assert_int_equal(status, 2 | (bad != 0 ? OS_ARRAY_ERR_WRITE : OS_ARRAY_ERR_NONE) << 8);
        uint32_t tiles = 0;
        assert_true(api->reg_read(sim, OS_ARRAY_REG_TILES, &tiles));
        counters = predict(&job);
        const uint64_t both = bt_counters_get(&counters, "tiles", 0);
        assert_int_equal(tiles, bad == 1 ? both / 2 : both); /* nothing follows a descriptor that failed */
        assert_true(api->reg_write(sim, OS_ARRAY_REG_IRQ_ACK, 1));
    }
    os_array_driver.unpack(&job.plan, hal, job.got);
    assert_memory_equal(job.got, job.expected, job.out_bytes);
    api->close(sim);
    (void)dlclose(library);
    bt_hal_sim_close(hal);
    free(dram);
    free_job(&job);
}

/* What the registers read, which bits count, and what an address without a register answers. */
static void test_registers(void **state)
{
    (void)state;
    for (size_t core = 0; core < sizeof(cores) / sizeof(cores[0]); core++) {
        struct job job;
        struct bt_reason why = {0};
        struct bt_counters counters = {0};
        make_job(&job, core, two_images(), 1);
        struct bt_hal *hal = open_core(core, &job.config.mem);
        assert_int_equal(bt_hal_reg_read(hal, OS_ARRAY_REG_ID), OS_ARRAY_ID_VALUE);
        assert_int_equal(bt_hal_reg_read(hal, OS_ARRAY_REG_VERSION), OS_ARRAY_VERSION_VALUE);
        assert_int_equal(bt_hal_reg_read(hal, OS_ARRAY_REG_GEOMETRY), cores[core].rows | cores[core].cols << 8);
        assert_int_equal(bt_hal_reg_read(hal, OS_ARRAY_REG_STATUS), 0);
        bt_hal_reg_write(hal, OS_ARRAY_REG_DESC_ADDR, 0x9234567f);
        assert_int_equal(bt_hal_reg_read(hal, OS_ARRAY_REG_DESC_ADDR), 0x92345670);
        bt_hal_reg_write(hal, OS_ARRAY_REG_IRQ_ENABLE, 0xfffffffe);
        assert_int_equal(bt_hal_reg_read(hal, OS_ARRAY_REG_IRQ_ENABLE), 0);
        bt_hal_reg_write(hal, OS_ARRAY_REG_IRQ_ENABLE, 1);
        assert_int_equal(bt_hal_reg_read(hal, OS_ARRAY_REG_IRQ_ENABLE), 1);

        assert_int_equal(os_array_driver.pack(&job.plan, &job.tensors.view, NULL, hal, &why), BT_OK);
        os_array_driver.load(&job.plan, job.tensors.view.ifmap, hal);
        os_array_driver.program(&job.plan, hal);
        bt_hal_reg_write(hal, OS_ARRAY_REG_IRQ_ENABLE, 0);
        bt_hal_reg_write(hal, OS_ARRAY_REG_CTRL, 0xfffffffe); /* not the start bit */
        bt_hal_sim_advance(hal, 100);
        assert_int_equal(bt_hal_reg_read(hal, OS_ARRAY_REG_STATUS), 0);
        bt_hal_sim_arm(hal);
        os_array_driver.start(&job.plan, hal);
        for (int i = 0; i < 20; i++) { /* starts while busy, from the fetch on */
            bt_hal_reg_write(hal, OS_ARRAY_REG_CTRL, 1);
            bt_hal_sim_advance(hal, (uint64_t)i * 30);
        }
        assert_int_equal(bt_hal_reg_read(hal, OS_ARRAY_REG_STATUS), 1);
        assert_int_equal(bt_hal_run(hal, 1000000), BT_EVENT_BUDGET);
        assert_int_equal(bt_hal_reg_read(hal, OS_ARRAY_REG_STATUS), 2);
        bt_hal_reg_write(hal, OS_ARRAY_REG_IRQ_ACK, 0xfffffffe);
        assert_int_equal(bt_hal_reg_read(hal, OS_ARRAY_REG_STATUS), 2);
        bt_hal_reg_write(hal, OS_ARRAY_REG_IRQ_ENABLE, 1);
        assert_int_equal(os_array_driver.service(&job.plan, hal, bt_hal_run(hal, 10), &why), BT_OK);
        assert_int_equal(bt_hal_run(hal, 100), BT_EVENT_BUDGET);
        os_array_driver.unpack(&job.plan, hal, job.got);
        os_array_driver.finish(&job.plan, hal, &counters);
        assert_memory_equal(job.got, job.expected, job.out_bytes);
        compare_terms(&job, &counters);

        static const uint32_t unknown[] = {OS_ARRAY_REG_WRITE_BEATS + 4, 0x100, 0xffc};
        for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
            assert_null(bt_hal_sim_failed(hal));
            (void)bt_hal_reg_read(hal, unknown[i]);
            assert_non_null(bt_hal_sim_failed(hal));
            bt_hal_sim_reset(hal);
            bt_hal_reg_write(hal, unknown[i], 1);
            assert_non_null(bt_hal_sim_failed(hal));
            bt_hal_sim_reset(hal);
        }
        bt_hal_reg_write(hal, OS_ARRAY_REG_ID, 1); /* read only */
        assert_non_null(bt_hal_sim_failed(hal));
        bt_hal_sim_close(hal);
        free_job(&job);
    }
}

/* Multipliers, shifts and biases at their ends: 16 filters of every shift, with sums small and as large as they get. */
static void test_requantisation_extremes(void **state)
{
    (void)state;
    enum { FILTERS = 248, CHANNELS = 16 };
    static int8_t weights[FILTERS * CHANNELS];
    static int32_t bias[FILTERS], mult[FILTERS], shift[FILTERS];
    static const int32_t zero_points[] = {-128, 127, 0};
    for (int32_t f = 0; f < FILTERS; f++) {
        const int32_t kind = f / 62;
        shift[f] = f % 62 - 31;
        switch (kind) {
        case 0: /* the largest of everything, both signs */
            mult[f] = INT32_MAX;
            bias[f] = f % 2 == 0 ? INT32_MAX : -INT32_MAX;
            break;
        case 1: /* single bits, results inside int8 */
            mult[f] = shift[f] > 0 ? INT32_C(0x50000000) >> (shift[f] > 24 ? shift[f] - 6 : shift[f]) : INT32_MAX;
            bias[f] = (int32_t)rng(200) - 100;
            break;
        case 2: /* the shifted sum saturates, a small multiplier brings it back */
            mult[f] = (int32_t)rng(100) + 1;
            bias[f] = f % 3 == 0 ? 3 : f % 3 == 1 ? -5 : INT32_MAX - (int32_t)rng(1000);
            break;
        default: /* large sums of weights; nothing at all */
            mult[f] = f % 4 == 0 ? 0 : (int32_t)(rng(INT32_MAX) >> rng(31));
            bias[f] = between(-100000000, 100000000);
            for (int c = 0; c < CHANNELS; c++) {
                weights[f * CHANNELS + c] = (int8_t)between(-127, 127);
            }
            break;
        }
    }
    for (size_t core = 0; core < sizeof(cores) / sizeof(cores[0]); core++) {
        const struct bt_config config = config_of(core);
        struct bt_hal *hal = open_core(core, &config.mem);
        for (size_t i = 0; i < 6; i++) {
            struct job job;
            struct bt_blob profile = {0};
            struct bt_counters counters = {0};
            struct bt_conv2d conv = long_conv();
            conv.h = conv.w = 2;
            conv.kh = conv.kw = 1;
            conv.pad_top = conv.pad_bottom = conv.pad_left = conv.pad_right = 0;
            conv.c_in = CHANNELS;
            conv.c_out = FILTERS;
            conv.out_zp = zero_points[i % 3];
            conv.rounding = i < 3 ? BT_ROUND_DOUBLE : BT_ROUND_SINGLE;
            make_job(&job, core, conv, i);
            job.tensors.view.weights = weights;
            job.tensors.view.bias = bias;
            job.tensors.view.mult = mult;
            job.tensors.view.shift = shift;
            assert_int_equal(ref_conv2d_s8(&conv, &job.tensors.view, job.expected), BT_OK);
            assert_int_equal(
                os_array_model(&job.config, &job.plan, &job.layer, &job.tensors.view, NULL, job.got, &profile), BT_OK);
            assert_memory_equal(job.got, job.expected, job.out_bytes);
            memset(job.got, 0x55, job.out_bytes);
            assert_int_equal(run_job(&job, hal, UINT64_C(1000000), &counters), BT_OK);
            assert_memory_equal(job.got, job.expected, job.out_bytes);
            compare_terms(&job, &counters);
            free_job(&job);
        }
        bt_hal_sim_close(hal);
    }
}

/* Layers that are long in one thing: writes not yet answered, descriptors, an ifmap beyond 1 MiB. */
static void test_long_layers(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int32_t n, h, w, c_in, c_out, stride;
        uint32_t latency;
    } cases[] = {
        {"more than 256 writes not yet answered", 1, 40, 40, 16, 4, 1, 1400},
        {"hundreds of writes, slow answers", 1, 20, 20, 16, 4, 1, 400},
        {"nine images", 9, 4, 4, 16, 5, 1, 32},
        {"ifmap beyond 1 MiB", 1, 300, 64, 64, 3, 8, 32},
    };
    for (size_t core = 0; core < sizeof(cores) / sizeof(cores[0]); core++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct job job;
            struct bt_counters counters = {0};
            struct bt_conv2d conv = long_conv();
            conv.n = cases[i].n;
            conv.h = cases[i].h;
            conv.w = cases[i].w;
            conv.c_in = cases[i].c_in;
            conv.c_out = cases[i].c_out;
            conv.kh = conv.kw = 1;
            conv.pad_top = conv.pad_bottom = conv.pad_left = conv.pad_right = 0;
            conv.stride_h = conv.stride_w = cases[i].stride;
            make_job(&job, core, conv, i);
            job.config.mem.latency_cycles = cases[i].latency;
            struct bt_hal *hal = open_core(core, &job.config.mem);
            if (run_job(&job, hal, UINT64_C(1000000), &counters) != BT_OK ||
                memcmp(job.got, job.expected, job.out_bytes) != 0) {
                fail_msg("%s: failed, or the bits differ", cases[i].what);
            }
            compare_terms(&job, &counters);
            bt_hal_sim_close(hal);
            free_job(&job);
        }
    }
}

/* What a configuration cannot hold is refused with the numbers. */
static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct bt_conv2d conv;
        uint64_t dram_bytes;
        enum bt_status status;
        const char *reason;
        int64_t limit;
    } cases[] = {
        {"reduction longer than the weight buffer",
         {.n = 1,
          .h = 1,
          .w = 1,
          .c_in = 5000,
          .c_out = 4,
          .kh = 1,
          .kw = 1,
          .stride_h = 1,
          .stride_w = 1,
          .dil_h = 1,
          .dil_w = 1,
          .groups = 1,
          .act_min = -128,
          .act_max = 127},
         UINT64_C(64) << 20,
         BT_EUNSUPPORTED,
         "steps of one filter, for the weight buffer",
         4608},
        {"one ofmap row needs more ifmap than the buffer holds",
         {.n = 1,
          .h = 8,
          .w = 1024,
          .c_in = 64,
          .c_out = 4,
          .kh = 3,
          .kw = 3,
          .stride_h = 1,
          .stride_w = 1,
          .dil_h = 1,
          .dil_w = 1,
          .groups = 1,
          .act_min = -128,
          .act_max = 127},
         UINT64_C(64) << 20,
         BT_EUNSUPPORTED,
         "bytes of ifmap under one ofmap row, for the ifmap buffer",
         65536},
        {"padding beyond 32 bits of byte position",
         {.n = 1,
          .h = 1,
          .w = 4096,
          .c_in = 16,
          .c_out = 4,
          .kh = 1,
          .kw = 1,
          .stride_h = 65536,
          .stride_w = 1,
          .dil_h = 1,
          .dil_w = 1,
          .pad_top = 65536,
          .groups = 1,
          .act_min = -128,
          .act_max = 127},
         UINT64_C(64) << 20,
         BT_EUNSUPPORTED,
         "bytes that the kernel's positions span",
         INT32_MAX},
        {"tensors beyond DRAM",
         {.n = 1,
          .h = 64,
          .w = 64,
          .c_in = 16,
          .c_out = 16,
          .kh = 1,
          .kw = 1,
          .stride_h = 1,
          .stride_w = 1,
          .dil_h = 1,
          .dil_w = 1,
          .groups = 1,
          .act_min = -128,
          .act_max = 127},
         100000,
         BT_ENOMEM,
         "bytes of DRAM",
         100000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_config config = config_of(0);
        const struct bt_layer layer = {.op = BT_OP_CONV2D, .dtype = BT_S8, .u.conv = cases[i].conv};
        struct bt_io io = {.in_addr = BT_ANYWHERE, .out_addr = BT_ANYWHERE};
        struct os_array_plan plan;
        struct bt_reason why = {0};
        config.mem.dram_bytes = cases[i].dram_bytes;
        if (os_array_driver.plan(&config, &layer, 1, NULL, &io, &plan, &why) != cases[i].status) {
            fail_msg("%s: not refused as expected", cases[i].what);
        }
        assert_string_equal(why.what, cases[i].reason);
        assert_int_equal(why.limit, cases[i].limit);
        assert_true(why.got > why.limit);
    }
}

/* The array writes what it computes as it is: pooling is somebody else's. */
static void test_refuses_pooling(void **state)
{
    (void)state;
    const struct bt_config config = config_of(0);
    struct bt_layer layer = {.op = BT_OP_CONV2D, .dtype = BT_S8, .u.conv = bt_conv2d_1x1(8, 8, 16, 16)};
    struct bt_io io = {.in_addr = BT_ANYWHERE, .out_addr = BT_ANYWHERE};
    struct os_array_plan plan;
    struct bt_reason why = {0};
    assert_int_equal(os_array_driver.supports(&config, &layer, 1, &why), BT_OK);
    layer.pool = (struct bt_maxpool){.kh = 3, .kw = 2, .stride_h = 2, .stride_w = 2};
    assert_int_equal(os_array_driver.supports(&config, &layer, 1, &why), BT_EUNSUPPORTED);
    assert_string_equal(why.what, "max-pooling on write-back, rows of its kernel");
    assert_int_equal(why.got, 3);
    assert_int_equal(why.limit, 0);
    assert_int_equal(os_array_driver.plan(&config, &layer, 1, NULL, &io, &plan, &why), BT_EUNSUPPORTED);
    assert_int_equal(io.brk, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_layers),
        cmocka_unit_test(test_every_memory),
        cmocka_unit_test(test_random_stalls),
        cmocka_unit_test(test_invariants),
        cmocka_unit_test(test_illegal_descriptors),
        cmocka_unit_test(test_illegal_counts),
        cmocka_unit_test(test_memory_errors),
        cmocka_unit_test(test_errors_in_mid_run),
        cmocka_unit_test(test_write_error),
        cmocka_unit_test(test_registers),
        cmocka_unit_test(test_requantisation_extremes),
        cmocka_unit_test(test_long_layers),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_refuses_pooling),
    };
    return cmocka_run_group_tests_name("os_array", tests, NULL, NULL);
}
