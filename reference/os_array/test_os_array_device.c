/*
 * The room in C behind its registers against the RTL, in lockstep: after every access, wait and run both have the same
 * registers, the same time and the same violation, and after every run the same DRAM. Sound layers, damaged descriptors,
 * random traffic; and devices with planted differences, each of which must be noticed.
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
#include "harness/sim.h"
#include "harness/suite.h"
#include "reference/os_array/os_array_plan.h"

#define DRAM_BYTES (UINT64_C(2) << 20)

static const struct {
    const char *name;
    int64_t rows, cols;
} cores[] = {{"4x4", 4, 4}, {"3x5", 3, 5}};

enum { CORES = sizeof(cores) / sizeof(cores[0]) };

static const struct bt_memory memories[] = {
    {.latency_cycles = 32, .bytes_per_cycle = 16, .outstanding = 32, .dram_bytes = DRAM_BYTES},
    {.latency_cycles = 7, .bytes_per_cycle = 4, .outstanding = 2, .dram_bytes = DRAM_BYTES},
    {.latency_cycles = 150, .bytes_per_cycle = 8, .outstanding = 1, .dram_bytes = DRAM_BYTES},
    {.latency_cycles = 1, .bytes_per_cycle = 16, .outstanding = 64, .dram_bytes = DRAM_BYTES},
};

enum { MEMORIES = sizeof(memories) / sizeof(memories[0]) };

static uint64_t rng_state;

static uint32_t rng(uint32_t below)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return (uint32_t)((rng_state >> 33) % below);
}

static uint32_t rng_word(void)
{
    return rng(1 << 16) << 16 | rng(1 << 16);
}

static struct bt_config config_of(size_t core, size_t memory)
{
    struct bt_config config = {.name = cores[core].name, .count = 5, .mem = memories[memory]};
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
    return config;
}

/* ---- both at once ---- */

enum { RTL, DEVICE };

struct both {
    struct bt_config config;
    void *library;
    const struct bt_sim_api *api[2];
    struct bt_sim *sim[2];
    uint8_t *dram[2];
    struct bt_hal *scribe; /* writes for drivers into the device's DRAM; an instance that never starts */
    bool quiet;            /* a difference is expected */
    bool same;             /* none so far */
    bool late;             /* time went on after a violation: what is stored then comes later in the device */
    uint64_t compared;
};

__attribute__((format(printf, 3, 4))) static void expect(struct both *b, bool same, const char *format, ...)
{
    b->compared++;
    if (same) {
        return;
    }
    if (!b->quiet && b->same) {
        va_list args;
        va_start(args, format);
        (void)vfprintf(stderr, format, args);
        va_end(args);
        print_error("\n");
    }
    b->same = false;
}

static void open_sims(struct both *b)
{
    for (int i = 0; i < 2; i++) {
        b->sim[i] = b->api[i]->open(&b->config, b->dram[i], NULL);
        assert_non_null(b->sim[i]);
    }
}

static void close_sims(struct both *b)
{
    for (int i = 0; i < 2; i++) {
        b->api[i]->close(b->sim[i]);
    }
}

static void open_both(struct both *b, const struct bt_config *config, const struct bt_sim_api *device)
{
    char path[256];
    const char *build = getenv("BITTRUE_BUILD");
    const struct bt_sim_api *(*entry)(void) = NULL;
    *b = (struct both){.config = *config, .same = true};
    (void)snprintf(path, sizeof(path), "./%s/rtl/os_array-%s.so", build != NULL ? build : "build", config->name);
    b->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(b->library);
    *(void **)&entry = dlsym(b->library, BT_SIM_SYMBOL);
    assert_non_null(entry);
    b->api[RTL] = entry();
    b->api[DEVICE] = device;
    assert_int_equal(b->api[RTL]->abi, BT_SIM_ABI);
    assert_int_equal(b->api[DEVICE]->abi, BT_SIM_ABI);
    for (int i = 0; i < 2; i++) {
        b->dram[i] = calloc(1, DRAM_BYTES);
        assert_non_null(b->dram[i]);
    }
    open_sims(b);
    assert_int_equal(bt_hal_sim_open_device(&os_array_device, config, b->dram[DEVICE], &b->scribe, NULL), BT_OK);
}

static void close_both(struct both *b)
{
    close_sims(b);
    bt_hal_sim_close(b->scribe);
    free(b->dram[RTL]);
    free(b->dram[DEVICE]);
    (void)dlclose(b->library);
}

/* What was written for the device is there for the RTL as well. */
static void share_dram(struct both *b)
{
    memcpy(b->dram[RTL], b->dram[DEVICE], DRAM_BYTES);
}

/* Traffic is counted with the descriptor's end, so only where both rest, or stopped. */
static void compare_stats(struct both *b, bool traffic)
{
    struct bt_sim_stats s[2];
    for (int i = 0; i < 2; i++) {
        b->api[i]->stats(b->sim[i], &s[i]);
    }
#define SAME(member)                                                                                                   \
    expect(b, s[RTL].member == s[DEVICE].member, "%s: %llu, the device says %llu", #member,                            \
           (unsigned long long)s[RTL].member, (unsigned long long)s[DEVICE].member)
    SAME(cycles);
    SAME(start_to_done);
    expect(b, (s[RTL].violations != 0) == (s[DEVICE].violations != 0), "a violation in one of them");
    SAME(running);
    SAME(done);
    if (traffic) {
        SAME(read_bytes);
        SAME(write_bytes);
        SAME(read_bursts);
    }
#undef SAME
    const char *const error[2] = {b->api[RTL]->error(b->sim[RTL]), b->api[DEVICE]->error(b->sim[DEVICE])};
    expect(b, strcmp(error[RTL], error[DEVICE]) == 0, "\"%s\", the device says \"%s\"", error[RTL], error[DEVICE]);
}

static void reg_write(struct both *b, uint32_t offset, uint32_t value)
{
    const bool rtl = b->api[RTL]->reg_write(b->sim[RTL], offset, value);
    const bool device = b->api[DEVICE]->reg_write(b->sim[DEVICE], offset, value);
    expect(b, rtl == device, "write of 0x%x to register 0x%x: %d, the device says %d", value, offset, rtl, device);
    compare_stats(b, false);
}

static uint32_t reg_read(struct both *b, uint32_t offset)
{
    uint32_t value[2] = {0xdeadbeef, 0xdeadbeef};
    const bool rtl = b->api[RTL]->reg_read(b->sim[RTL], offset, &value[RTL]);
    const bool device = b->api[DEVICE]->reg_read(b->sim[DEVICE], offset, &value[DEVICE]);
    expect(b, rtl == device && value[RTL] == value[DEVICE], "register 0x%x: %d 0x%x, the device says %d 0x%x", offset,
           rtl, value[RTL], device, value[DEVICE]);
    compare_stats(b, false);
    return value[RTL];
}

static void read_all(struct both *b)
{
    for (uint32_t offset = 0; offset <= OS_ARRAY_REG_WRITE_BEATS + 4; offset += 4) {
        (void)reg_read(b, offset);
    }
}

static void advance(struct both *b, uint64_t cycles)
{
    for (int i = 0; i < 2; i++) {
        b->api[i]->advance(b->sim[i], cycles);
    }
    compare_stats(b, false);
}

static enum bt_event run(struct both *b, uint64_t budget)
{
    b->late = b->api[RTL]->error(b->sim[RTL])[0] != '\0';
    const enum bt_event rtl = b->api[RTL]->run(b->sim[RTL], budget);
    const enum bt_event device = b->api[DEVICE]->run(b->sim[DEVICE], budget);
    expect(b, rtl == device, "run: event %d, the device says %d", (int)rtl, (int)device);
    compare_stats(b, rtl == BT_EVENT_FAILED && !b->late);
    return rtl;
}

static void arm(struct both *b)
{
    for (int i = 0; i < 2; i++) {
        b->api[i]->arm(b->sim[i]);
    }
}

static void reset(struct both *b)
{
    for (int i = 0; i < 2; i++) {
        b->api[i]->reset(b->sim[i]);
    }
    if (b->late) {
        share_dram(b);
    }
    b->late = false;
    compare_stats(b, true);
}

static void windows(struct both *b, uint64_t addr, uint64_t bytes)
{
    for (int i = 0; i < 2; i++) {
        b->api[i]->clear_windows(b->sim[i]);
        b->api[i]->allow_write(b->sim[i], addr, bytes);
    }
}

static bool same_dram(const struct both *b)
{
    return memcmp(b->dram[RTL], b->dram[DEVICE], DRAM_BYTES) == 0;
}

static void compare_dram(struct both *b)
{
    const bool same = same_dram(b);
    uint64_t at = 0;
    while (!same && b->dram[RTL][at] == b->dram[DEVICE][at]) {
        at++;
    }
    expect(b, same, "DRAM at 0x%llx: 0x%02x, the device says 0x%02x", (unsigned long long)at, b->dram[RTL][at],
           b->dram[DEVICE][at]);
}

/* ---- jobs ---- */

struct job {
    struct bt_layer layer;
    struct os_array_plan plan;
    uint64_t out_bytes;
};

/* Plans a layer and writes everything but the registers into both DRAMs. */
static void prepare(struct both *b, struct job *job, const struct bt_suite_layer *from, int32_t images, uint64_t seed)
{
    const struct bt_data_key key = {.seed = seed, .network = BT_SHAPES, .pattern = BT_PATTERN_UNIFORM};
    struct bt_io io = {.in_addr = BT_ANYWHERE, .out_addr = BT_ANYWHERE};
    struct bt_reason why = {0};
    struct bt_tensors tensors;
    job->layer = from->work;
    job->layer.u.conv.n = images;
    bt_data_adapt(&key, from->act, &job->layer.u.conv);
    assert_int_equal(os_array_driver.plan(&b->config, &job->layer, 1, NULL, &io, &job->plan, &why), BT_OK);
    assert_int_equal(bt_data_make(&key, from->act, &job->layer.u.conv, NULL, &tensors), BT_OK);
    job->out_bytes = (uint64_t)images * job->plan.out_image_bytes;
    bt_hal_mem_fill(b->scribe, job->plan.out_addr, 0x55, job->out_bytes);
    assert_int_equal(os_array_driver.pack(&job->plan, &tensors.view, NULL, b->scribe, &why), BT_OK);
    os_array_driver.load(&job->plan, tensors.view.ifmap, b->scribe);
    os_array_driver.program(&job->plan, b->scribe);
    assert_null(bt_hal_sim_failed(b->scribe));
    bt_data_free(&tensors);
    share_dram(b);
}

static void start(struct both *b, const struct job *job)
{
    windows(b, job->plan.out_addr, job->out_bytes);
    reg_write(b, OS_ARRAY_REG_DESC_ADDR, (uint32_t)job->plan.desc_addr);
    reg_write(b, OS_ARRAY_REG_IRQ_ENABLE, 1);
    arm(b);
    reg_write(b, OS_ARRAY_REG_CTRL, 1);
}

/* From the interrupt to the acknowledge, as a driver does it. */
static void finish(struct both *b)
{
    (void)reg_read(b, OS_ARRAY_REG_STATUS);
    reg_write(b, OS_ARRAY_REG_IRQ_ACK, 1);
    read_all(b);
    (void)run(b, 20);
    compare_stats(b, true);
}

/* One layer from start to acknowledge; looks in `looks` times while it runs. */
static void run_job(struct both *b, const struct job *job, uint32_t looks)
{
    start(b, job);
    for (uint32_t i = 0; i < looks; i++) {
        advance(b, 1 + rng(rng(4) == 0 ? 3000 : 60));
        (void)reg_read(b, 4 * rng(OS_ARRAY_REG_WRITE_BEATS / 4 + 1));
        if (rng(8) == 0) {
            read_all(b);
        }
    }
    const enum bt_event event = run(b, UINT64_C(20000000));
    expect(b, event == BT_EVENT_IRQ, "event %d", (int)event);
    finish(b);
    compare_dram(b);
}

static struct bt_suite *load_shapes(void)
{
    struct bt_suite *suite = NULL;
    struct bt_error err = {{0}};
    if (bt_suite_load("suites/smoke.yaml", &suite, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(suite->runs[0].layer_count > 30);
    return suite;
}

/* ---- tests ---- */

static void test_layers(void **state)
{
    (void)state;
    uint64_t compared = 0;
    struct bt_suite *suite = load_shapes();
    rng_state = 0x9e3779b97f4a7c15;
    for (size_t core = 0; core < CORES; core++) {
        for (size_t memory = 0; memory < MEMORIES; memory++) {
            struct both b;
            const struct bt_config config = config_of(core, memory);
            open_both(&b, &config, &os_array_device);
            for (uint32_t i = 0; i < suite->runs[0].layer_count; i++) {
                struct job job;
                prepare(&b, &job, &suite->runs[0].layers[i], (int32_t)((i + memory) % 4 == 0 ? 3 : 1), i);
                run_job(&b, &job, memory == 0 ? 20 : 3);
                if (!b.same) {
                    fail_msg("%s on %s, memory %zu", suite->runs[0].layers[i].layer, cores[core].name, memory);
                }
            }
            compared += b.compared;
            close_both(&b);
        }
    }
    bt_suite_free(suite);
    print_message("%llu comparisons\n", (unsigned long long)compared);
}

/* May the operands of a descriptor lie where the core may write? Then bytes depend on who is first. */
static bool overlaps(const struct both *b, const struct job *job)
{
    for (int32_t image = 0; image < job->layer.u.conv.n; image++) {
        uint32_t d[OS_ARRAY_DESC_WORDS];
        memcpy(d, b->dram[DEVICE] + job->plan.desc_addr + (uint64_t)image * sizeof(d), sizeof(d));
        const struct {
            uint64_t addr, bytes;
        } operands[] = {
            {OS_ARRAY_GET(d, IFMAP), OS_ARRAY_GET(d, IMAGE_BYTES)},
            {OS_ARRAY_GET(d, WEIGHTS), (uint64_t)OS_ARRAY_GET(d, N_TILES) * OS_ARRAY_GET(d, WEIGHT_BEATS) * 16},
            {OS_ARRAY_GET(d, TABLE_ADDR), 256},
        };
        for (size_t i = 0; i < sizeof(operands) / sizeof(operands[0]); i++) {
            if (operands[i].addr < job->plan.out_addr + job->out_bytes &&
                operands[i].addr + operands[i].bytes > job->plan.out_addr) {
                return true;
            }
        }
    }
    return false;
}

/* Changes one word of one descriptor, and mostly repairs the sum. */
static void damage(struct both *b, const struct job *job, char *text, size_t text_bytes)
{
    uint32_t d[OS_ARRAY_DESC_WORDS];
    const uint32_t image = rng((uint32_t)job->layer.u.conv.n);
    const uint64_t addr = job->plan.desc_addr + image * sizeof(d);
    const uint32_t word = rng(4) == 0 ? rng(OS_ARRAY_DESC_WORDS) : 1 + rng(OS_ARRAY_IN_ZP_WORD);
    const bool repair = rng(8) != 0;
    memcpy(d, b->dram[DEVICE] + addr, sizeof(d));
    uint32_t changed = d[word];
    switch (rng(6)) {
    case 0:
        changed = rng_word();
        break;
    case 1:
        changed = 0;
        break;
    case 2:
        changed += 16 * (rng(65) - 32);
        break;
    case 3: /* a half of it */
        changed = rng(2) == 0 ? (changed & 0xffff0000) | rng(20) : (changed & 0xffff) | rng(20) << 16;
        break;
    default:
        changed ^= UINT32_C(1) << rng(32);
        break;
    }
    (void)snprintf(text, text_bytes, "image %u, word %u: 0x%x -> 0x%x%s", image, word, d[word], changed,
                   repair ? ", sum repaired" : "");
    if (repair && word != OS_ARRAY_SUM_WORD) {
        d[OS_ARRAY_SUM_WORD] ^= d[word] ^ changed;
    }
    d[word] = changed;
    memcpy(b->dram[DEVICE] + addr, d, sizeof(d));
    share_dram(b);
}

static void test_damaged_descriptors(void **state)
{
    (void)state;
    enum { DAMAGES = 1200 };
    static const char *const shapes[] = {"primes", "depthwise", "table_silu", "raw_sums", "k16_two_tiles", "groups_2"};
    struct bt_suite *suite = load_shapes();
    uint32_t codes[16] = {0};
    uint32_t events[5] = {0};
    uint32_t excused = 0;
    rng_state = 0xb7e151628aed2a6a;
    for (uint32_t i = 0; i < DAMAGES; i++) {
        const struct bt_config config = config_of(i % CORES, rng(MEMORIES));
        const char *shape = shapes[rng(sizeof(shapes) / sizeof(shapes[0]))];
        const struct bt_suite_layer *layer = NULL;
        struct both b;
        struct job job;
        char text[128];
        for (uint32_t l = 0; l < suite->runs[0].layer_count; l++) {
            layer = strcmp(suite->runs[0].layers[l].layer, shape) == 0 ? &suite->runs[0].layers[l] : layer;
        }
        assert_non_null(layer);
        open_both(&b, &config, &os_array_device);
        prepare(&b, &job, layer, 1 + (int32_t)rng(2), i);
        damage(&b, &job, text, sizeof(text));
        start(&b, &job);
        for (uint32_t looks = rng(3); looks > 0; looks--) {
            advance(&b, rng(2000));
            (void)reg_read(&b, OS_ARRAY_REG_STATUS);
            read_all(&b);
        }
        const enum bt_event event = run(&b, 60000);
        events[event]++;
        const uint32_t status = reg_read(&b, OS_ARRAY_REG_STATUS);
        if (event == BT_EVENT_IRQ) {
            codes[(status >> 8) & 15]++;
            finish(&b);
        } else {
            if (event == BT_EVENT_BUDGET) {
                read_all(&b);
            }
            reset(&b);
        }
        if (!same_dram(&b) && overlaps(&b, &job)) {
            excused++;
        } else {
            compare_dram(&b);
        }
        if (!b.same) {
            fail_msg("%u: %s on %s, %s", i, shape, config.name, text);
        }
        /* Nothing of it is left: the next layer runs, without a reset unless there was one. */
        prepare(&b, &job, layer, 1, i);
        run_job(&b, &job, 0);
        if (!b.same) {
            fail_msg("%u: %s on %s, after %s", i, shape, config.name, text);
        }
        close_both(&b);
    }
    bt_suite_free(suite);
    print_message("%u damaged descriptors: %u ended (codes 0 to 6: %u %u %u %u %u %u %u), %u wrote outside, %u ran on; "
                  "bytes not compared: %u\n",
                  DAMAGES, events[BT_EVENT_IRQ], codes[0], codes[1], codes[2], codes[3], codes[4], codes[5], codes[6],
                  events[BT_EVENT_FAILED], events[BT_EVENT_BUDGET], excused);
    for (uint32_t code = OS_ARRAY_ERR_NONE; code <= OS_ARRAY_ERR_READ; code++) {
        assert_true(codes[code] > 0);
    }
    assert_true(events[BT_EVENT_FAILED] > 0);
    assert_true(events[BT_EVENT_BUDGET] > 0);
    assert_true(excused * 20 < DAMAGES);
}

/* Results beyond the DRAM are a violation for run(), but advance() goes on to the error code. */
static void test_write_error(void **state)
{
    (void)state;
    struct bt_suite *suite = load_shapes();
    for (size_t core = 0; core < CORES; core++) {
        for (uint32_t image = 0; image < 2; image++) {
            struct both b;
            struct job job;
            uint32_t d[OS_ARRAY_DESC_WORDS];
            const struct bt_config config = config_of(core, core);
            open_both(&b, &config, &os_array_device);
            prepare(&b, &job, &suite->runs[0].layers[7], 2, 1);
            uint8_t *at = b.dram[DEVICE] + job.plan.desc_addr + image * sizeof(d);
            memcpy(d, at, sizeof(d));
            d[OS_ARRAY_OFMAP_WORD] ^= 0x80000000;
            d[OS_ARRAY_SUM_WORD] ^= 0x80000000;
            memcpy(at, d, sizeof(d));
            share_dram(&b);
            start(&b, &job);
            uint32_t status = 0;
            for (int i = 0; i < 1000 && (status & 2) == 0; i++) {
                for (int s = 0; s < 2; s++) {
                    b.api[s]->advance(b.sim[s], 1000);
                    status = 0;
                    assert_true(b.api[s]->reg_read(b.sim[s], OS_ARRAY_REG_STATUS, &status));
                }
            }
            assert_int_equal(status, OS_ARRAY_ERR_WRITE << 8 | 2);
            compare_stats(&b, true);
            finish(&b);
            compare_dram(&b);
            assert_true(b.same);
            close_both(&b);
        }
    }
    bt_suite_free(suite);
}

/* Accesses in each of the cycles around the one in which done rises: who wins, and from when on a start is heard. */
static void test_around_done(void **state)
{
    (void)state;
    static const struct {
        uint32_t offset, value;
        bool write;
    } accesses[] = {{OS_ARRAY_REG_IRQ_ACK, 1, true},    {OS_ARRAY_REG_CTRL, 1, true},
                    {OS_ARRAY_REG_IRQ_ENABLE, 0, true}, {OS_ARRAY_REG_IRQ_ENABLE, 1, true},
                    {OS_ARRAY_REG_STATUS, 0, false},    {OS_ARRAY_REG_CYCLES, 0, false},
                    {OS_ARRAY_REG_DRAIN, 0, false}};
    struct bt_suite *suite = load_shapes();
    for (size_t core = 0; core < CORES; core++) {
        struct both b;
        struct job job;
        struct bt_sim_stats stats;
        const struct bt_config config = config_of(core, core);
        open_both(&b, &config, &os_array_device);
        for (uint32_t damaged = 0; damaged < 2; damaged++) { /* the second descriptor: sound, refused */
            prepare(&b, &job, &suite->runs[0].layers[0], 2, 1);
            b.dram[DEVICE][job.plan.desc_addr + 128 + 40] ^= (uint8_t)damaged;
            share_dram(&b);
            run_job(&b, &job, 0);
            b.api[RTL]->stats(b.sim[RTL], &stats);
            assert_true(stats.start_to_done > 20);
            for (size_t a = 0; a < sizeof(accesses) / sizeof(accesses[0]); a++) {
                for (uint64_t before = 0; before < 12; before++) {
                    start(&b, &job);
                    advance(&b, stats.start_to_done - before);
                    if (accesses[a].write) {
                        reg_write(&b, accesses[a].offset, accesses[a].value);
                    } else {
                        (void)reg_read(&b, accesses[a].offset);
                    }
                    for (int i = 0; i < 4; i++) {
                        (void)reg_read(&b, OS_ARRAY_REG_STATUS);
                    }
                    while (b.same && (reg_read(&b, OS_ARRAY_REG_STATUS) & 1) != 0) { /* started again */
                        (void)run(&b, 100);
                    }
                    finish(&b);
                    compare_dram(&b);
                    if (!b.same) {
                        fail_msg("register 0x%x, %u cycles before done, on %s", accesses[a].offset, (unsigned)before,
                                 cores[core].name);
                    }
                }
            }
        }
        close_both(&b);
    }
    bt_suite_free(suite);
}

/* Whatever somebody may do to registers, windows and time. */
static void test_random_traffic(void **state)
{
    (void)state;
    enum { STEPS = 6000 };
    static const uint32_t offsets[] = {OS_ARRAY_REG_CTRL,
                                       OS_ARRAY_REG_CTRL,
                                       OS_ARRAY_REG_IRQ_ENABLE,
                                       OS_ARRAY_REG_IRQ_ACK,
                                       OS_ARRAY_REG_IRQ_ACK,
                                       OS_ARRAY_REG_DESC_ADDR,
                                       OS_ARRAY_REG_DESC_ADDR,
                                       OS_ARRAY_REG_ID,
                                       OS_ARRAY_REG_STATUS,
                                       OS_ARRAY_REG_WRITE_BEATS + 4,
                                       0x102,
                                       0xffc};
    struct bt_suite *suite = load_shapes();
    rng_state = 0x452821e638d01377;
    for (size_t core = 0; core < CORES; core++) {
        struct both b;
        struct job job;
        const struct bt_config config = config_of(core, 3 * core);
        uint32_t starts = 0;
        uint32_t idle = 0;
        open_both(&b, &config, &os_array_device);
        prepare(&b, &job, &suite->runs[0].layers[7], 2, 5);
        windows(&b, job.plan.out_addr, job.out_bytes);
        for (uint32_t i = 0; i < STEPS && b.same; i++) {
            const uint32_t addresses[] = {(uint32_t)job.plan.desc_addr,
                                          (uint32_t)job.plan.desc_addr,
                                          (uint32_t)job.plan.desc_addr + 128,
                                          (uint32_t)DRAM_BYTES - 64,
                                          0x80000000,
                                          (uint32_t)job.plan.in_addr,
                                          (uint32_t)job.plan.desc_addr + 7};
            switch (rng(12)) {
            case 0:
            case 1:
            case 2: {
                const uint32_t offset = offsets[rng(sizeof(offsets) / sizeof(offsets[0]))];
                const uint32_t value = offset == OS_ARRAY_REG_DESC_ADDR ? addresses[rng(7)]
                                       : rng(5) == 0                    ? rng_word()
                                                                        : rng(4);
                reg_write(&b, offset, value);
                starts += offset == OS_ARRAY_REG_CTRL;
                break;
            }
            case 3:
            case 4:
                (void)reg_read(&b, rng(20) == 0 ? rng(0x1000) : 4 * rng(21));
                break;
            case 5:
                if ((reg_read(&b, OS_ARRAY_REG_STATUS) & 1) == 0 && b.api[RTL]->error(b.sim[RTL])[0] == '\0') {
                    compare_stats(&b, true);
                    compare_dram(&b);
                    idle++;
                }
                break;
            case 6:
                advance(&b, rng(12));
                break;
            case 7:
                advance(&b, rng(3000));
                break;
            case 8:
                (void)run(&b, rng(50));
                break;
            case 9:
                (void)run(&b, rng(20) == 0 ? 100000 : rng(3000));
                break;
            case 10:
                if (rng(3) == 0) {
                    arm(&b);
                    compare_stats(&b, false);
                }
                break;
            default:
                if (rng(40) == 0) {
                    reset(&b);
                    compare_dram(&b);
                    windows(&b, job.plan.out_addr, job.out_bytes);
                } else if (rng(40) == 0) { /* half of the ofmap is closed, perhaps in the middle of a run */
                    windows(&b, job.plan.out_addr, job.out_bytes / 2);
                } else if (rng(60) == 0) {
                    reg_write(&b, 0x1000 + rng_word() % 0x10000, 1);
                }
                break;
            }
            if (b.api[RTL]->error(b.sim[RTL])[0] != '\0') {
                (void)run(&b, 0);
                reset(&b);
                compare_dram(&b);
                windows(&b, job.plan.out_addr, job.out_bytes);
            }
            if (!b.same) {
                fail_msg("step %u on %s", i, cores[core].name);
            }
        }
        assert_true(starts > 100);
        assert_true(idle > 50);
        close_both(&b);
    }
    bt_suite_free(suite);
}

/* ---- planted differences ---- */

static bool late_counter(struct bt_sim *sim, uint32_t offset, uint32_t *value)
{
    const bool ok = os_array_device.reg_read(sim, offset, value);
    *value += offset == OS_ARRAY_REG_LOAD_STALL;
    return ok;
}

static bool slow_read(struct bt_sim *sim, uint32_t offset, uint32_t *value)
{
    const bool ok = os_array_device.reg_read(sim, offset, value);
    os_array_device.advance(sim, 1);
    return ok;
}

static bool deaf_acknowledge(struct bt_sim *sim, uint32_t offset, uint32_t value)
{
    return os_array_device.reg_write(sim, offset, offset == OS_ARRAY_REG_IRQ_ACK ? 0 : value);
}

static bool lenient_write(struct bt_sim *sim, uint32_t offset, uint32_t value)
{
    (void)os_array_device.reg_write(sim, offset, value);
    return true;
}

static enum bt_event late_run(struct bt_sim *sim, uint64_t max_cycles)
{
    const enum bt_event event = os_array_device.run(sim, max_cycles);
    os_array_device.advance(sim, 1);
    return event;
}

static enum bt_event wrong_byte(struct bt_sim *sim, uint64_t max_cycles)
{
    const enum bt_event event = os_array_device.run(sim, max_cycles);
    os_array_device.dram(sim)[DRAM_BYTES - 1] = 1;
    return event;
}

static void no_windows(struct bt_sim *sim, uint64_t addr, uint64_t bytes)
{
    os_array_device.allow_write(sim, addr, bytes - 16);
}

/* Each lives in one function of the table, and the layer that every other test runs must notice it. */
static void test_planted_differences(void **state)
{
    (void)state;
    struct bt_sim_api broken[8];
    for (size_t i = 0; i < 8; i++) {
        broken[i] = os_array_device;
    }
    broken[1].reg_read = late_counter;
    broken[2].reg_read = slow_read;
    broken[3].reg_write = deaf_acknowledge;
    broken[4].reg_write = lenient_write;
    broken[5].run = late_run;
    broken[6].run = wrong_byte;
    broken[7].allow_write = no_windows;
    struct bt_suite *suite = load_shapes();
    for (size_t i = 0; i < 8; i++) {
        struct both b;
        struct job job;
        const struct bt_config config = config_of(0, 0);
        open_both(&b, &config, &broken[i]);
        b.quiet = i != 0;
        prepare(&b, &job, &suite->runs[0].layers[7], 1, 1);
        run_job(&b, &job, 0);
        reg_write(&b, OS_ARRAY_REG_ID, 1);
        if (b.same != (i == 0)) {
            fail_msg("planted difference %zu: %s", i, b.same ? "not noticed" : "noticed where there is none");
        }
        close_both(&b);
    }
    bt_suite_free(suite);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers),         cmocka_unit_test(test_damaged_descriptors),
        cmocka_unit_test(test_write_error),    cmocka_unit_test(test_around_done),
        cmocka_unit_test(test_random_traffic), cmocka_unit_test(test_planted_differences),
    };
    return cmocka_run_group_tests_name("os_array_device", tests, NULL, NULL);
}
