/*
 * The room against its own claims: random layers, configurations, dataflows and memories. Without RTL: the model's bits
 * against the operators, and what a driver leaves in memory, read as hardware would (every limit checked, every word
 * walked). With it: bits, every predicted term against its counter, illegal descriptors, failing memory, no reset in between.
 */
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
#include "harness/layer_pool.h"
#include "reference/common/bt_conv2d.h"
#include "reference/ops/conv2d_s8.h"
#include "reference/ops/maxpool_s8.h"
#include "reference/ops/requantise.h"
#include "reference/ws_array/ws_array_plan.h"

extern const struct bt_variant ws_array_variant;

/* The first ones are there as RTL; the others are the least that each width takes, so that little fits. */
static const struct {
    const char *name;
    int64_t dim, spad_bytes, acc_bytes;
} cores[] = {{"8x8_tiny", 8, 16384, 4096},    {"8x8", 8, 262144, 65536},       {"8x8_least", 8, 4096, 4096},
             {"16x16_least", 16, 4096, 4096}, {"32x32_least", 32, 8192, 8192}, {"64x64_least", 64, 32768, 32768}};

enum { TINY, LEAST = 2, CORES = 2, SIZES = sizeof(cores) / sizeof(cores[0]) };

/* What a layer may be planned as: any dataflow, weight stationary, output stationary. */
enum { ANY, WS, OS, DATAFLOWS };

static uint64_t rng_state = 0x452821e638d01377;

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

static struct bt_config config_with(const char *name, int64_t dim, int64_t spad_bytes, int64_t acc_bytes,
                                    int64_t dataflow)
{
    struct bt_config config = {.name = name, .count = 4};
    config.param[0].key = "DIM";
    config.param[0].value = dim;
    config.param[1].key = "SPAD_BYTES";
    config.param[1].value = spad_bytes;
    config.param[2].key = "ACC_BYTES";
    config.param[2].value = acc_bytes;
    config.param[3].key = "DATAFLOW";
    config.param[3].value = dataflow;
    config.mem = (struct bt_memory){
        .latency_cycles = 32, .bytes_per_cycle = 16, .outstanding = 32, .dram_bytes = UINT64_C(64) << 20};
    return config;
}

static struct bt_config config_of(size_t core, int64_t dataflow)
{
    return config_with(cores[core].name, cores[core].dim, cores[core].spad_bytes, cores[core].acc_bytes, dataflow);
}

/* ---- layers ---- */

/* A layer of every kind, small enough for hundreds of them. */
static struct bt_conv2d random_conv(void)
{
    for (;;) {
        struct bt_conv2d conv = {
            .n = rng(8) == 0 ? 2 : 1,
            .h = between(1, rng(4) == 0 ? 40 : 18),
            .w = between(1, rng(4) == 0 ? 40 : 18),
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

static struct bt_layer layer_of(struct bt_conv2d conv)
{
    return (struct bt_layer){.op = BT_OP_CONV2D, .dtype = BT_S8, .u.conv = conv};
}

static struct bt_layer random_layer(void)
{
    struct bt_layer layer = layer_of(random_conv());
    if (layer.u.conv.raw || rng(2) == 0) {
        return layer;
    }
    for (;;) {
        struct bt_maxpool *pool = &layer.pool;
        *pool = (struct bt_maxpool){
            .kh = between(1, 4), .kw = between(1, 4), .stride_h = between(1, 3), .stride_w = between(1, 3)};
        pool->pad_top = between(0, pool->kh - 1);
        pool->pad_bottom = between(0, pool->kh - 1);
        pool->pad_left = between(0, pool->kw - 1);
        pool->pad_right = between(0, pool->kw - 1);
        if (bt_layer_check(&layer, NULL) == BT_OK) {
            return layer;
        }
    }
}

/* A layer that keeps every engine busy: several tiles, many filter tiles. */
static struct bt_conv2d long_conv(void)
{
    struct bt_conv2d conv = bt_conv2d_1x1(12, 33, 24, 37);
    conv.kh = conv.kw = 3;
    conv.pad_top = conv.pad_bottom = conv.pad_left = conv.pad_right = 1;
    conv.in_zp = -3;
    conv.out_zp = 5;
    return conv;
}

/* A batch of two small images with several filter tiles. */
static struct bt_conv2d two_images(void)
{
    struct bt_conv2d conv = long_conv();
    conv.n = 2;
    conv.h = 6;
    conv.w = 16;
    conv.c_out = 19;
    return conv;
}

static void describe(const struct bt_layer *layer, const struct bt_memory *mem)
{
    const struct bt_conv2d *c = &layer->u.conv;
    const struct bt_maxpool *p = &layer->pool;
    print_error(
        "n %d h %d w %d c %d->%d k %dx%d s %dx%d d %dx%d pad %d %d %d %d groups %d raw %d table %d; pool %dx%d s "
        "%dx%d pad %d %d %d %d; latency %u, %u bytes/cycle, %u outstanding\n",
        c->n, c->h, c->w, c->c_in, c->c_out, c->kh, c->kw, c->stride_h, c->stride_w, c->dil_h, c->dil_w, c->pad_top,
        c->pad_bottom, c->pad_left, c->pad_right, c->groups, c->raw, c->table, p->kh, p->kw, p->stride_h, p->stride_w,
        p->pad_top, p->pad_bottom, p->pad_left, p->pad_right, mem->latency_cycles, mem->bytes_per_cycle,
        mem->outstanding);
}

/* ---- the registers and descriptors as hardware reads them, in plain C and without time ---- */

#define GET(desc, name) WS_ARRAY_GET(desc, name)

static int32_t get_signed16(uint32_t value)
{
    return (int16_t)(uint16_t)value;
}

/* The error code of a descriptor, as the loader has it. */
static uint32_t legality(const uint32_t *d, const struct ws_array_hw *hw)
{
    const uint64_t words = (uint64_t)GET(d, RUNS_Y) * GET(d, RUNS_X) * GET(d, RUN_WORDS);
    const uint64_t banks = GET(d, IFMAP_BANKS);
    const uint64_t bank_beats = (uint64_t)hw->bank_beats;
    uint32_t sum = 0;
    for (int w = 0; w < WS_ARRAY_DESC_WORDS; w++) {
        sum ^= d[w];
    }
    if (GET(d, FLAGS_MAGIC) != WS_ARRAY_DESC_MAGIC || GET(d, FLAGS_ZERO) != 0) {
        return WS_ARRAY_ERR_MAGIC;
    }
    if (sum != 0) {
        return WS_ARRAY_ERR_SUM;
    }
    if ((GET(d, IFMAP) | GET(d, WEIGHTS) | GET(d, OFMAP) | GET(d, TABLE_ADDR) | GET(d, IN_PITCH) | GET(d, O_PITCH)) %
            16 !=
        0) {
        return WS_ARRAY_ERR_ALIGN;
    }
    const uint32_t counts[] = {
        GET(d, SEG_BEATS),   GET(d, WINDOW_ROWS), GET(d, OW),           GET(d, CONV_ROWS),    GET(d, OUT_ROWS),
        GET(d, OUT_COLS),    GET(d, RUNS_X),      GET(d, RUNS_Y),       GET(d, RUN_WORDS),    GET(d, N_TILES),
        GET(d, GROUP_TILES), GET(d, N_VALID),     GET(d, N_TAIL),       GET(d, WINDOW_SLOTS), GET(d, CHUNKS),
        GET(d, CHUNK_WORDS), GET(d, CHUNK_TAIL),  GET(d, WEIGHT_SLOTS), GET(d, POOL_KH),      GET(d, POOL_KW),
        GET(d, POOL_SH),     GET(d, POOL_SW),     GET(d, PIXELS),
    };
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        if (counts[i] == 0) {
            return WS_ARRAY_ERR_SIZE;
        }
    }
    const uint32_t pool_is = GET(d, POOL_KH) << 24 | GET(d, POOL_KW) << 16 | GET(d, POOL_SH) << 8 | GET(d, POOL_SW);
    const bool unpooled = pool_is == 0x01010101 && GET(d, POOL_Y) == 0 && GET(d, POOL_X) == 0 &&
                          GET(d, OUT_ROWS) == GET(d, CONV_ROWS) && GET(d, OUT_COLS) == GET(d, OW);
    const bool fits =
        GET(d, N_VALID) <= (uint32_t)hw->dim && GET(d, N_TAIL) <= GET(d, N_VALID) && banks >= 1 && banks <= 3 &&
        (uint64_t)GET(d, WINDOW_ROWS) * GET(d, SEG_BEATS) <= GET(d, WINDOW_BEATS) &&
        (uint64_t)GET(d, WINDOW_SLOTS) * GET(d, WINDOW_BEATS) <= banks * bank_beats &&
        (uint64_t)GET(d, WEIGHT_SLOTS) * GET(d, CHUNK_WORDS) * (uint64_t)hw->word_beats <= (4 - banks) * bank_beats &&
        GET(d, CHUNK_TAIL) <= GET(d, CHUNK_WORDS) &&
        (uint64_t)(GET(d, CHUNKS) - 1) * GET(d, CHUNK_WORDS) + GET(d, CHUNK_TAIL) == words &&
        (GET(d, OS) == 0 || GET(d, CHUNKS) == 1) && (uint64_t)GET(d, CONV_ROWS) * GET(d, OW) == GET(d, PIXELS) &&
        GET(d, PIXELS) <= (uint32_t)hw->half_rows &&
        (GET(d, RESIDENT) == 0 || (uint64_t)GET(d, N_TILES) * GET(d, CHUNKS) <= GET(d, WEIGHT_SLOTS)) &&
        (GET(d, POOL) == 0 || GET(d, RAW) == 0) && GET(d, OUT_ROWS) <= GET(d, CONV_ROWS) + GET(d, POOL_KH) &&
        GET(d, OUT_COLS) <= GET(d, OW) + GET(d, POOL_KW) && (GET(d, POOL) != 0 || unpooled);
    return fits ? WS_ARRAY_ERR_NONE : WS_ARRAY_ERR_SIZE;
}

/* What must not differ from the descriptor before, nor be there alone. */
static bool in_order(const uint32_t *d, const uint32_t *before)
{
    if (GET(d, FIRST) != 0) {
        return true;
    }
    return before != NULL && GET(d, OS) == GET(before, OS) && GET(d, RESIDENT) == GET(before, RESIDENT) &&
           GET(d, IFMAP_BANKS) == GET(before, IFMAP_BANKS) && GET(d, IN_ZP) == GET(before, IN_ZP) &&
           GET(d, WINDOW_SLOTS) == GET(before, WINDOW_SLOTS) && GET(d, WINDOW_BEATS) == GET(before, WINDOW_BEATS) &&
           GET(d, WEIGHT_SLOTS) == GET(before, WEIGHT_SLOTS) && GET(d, CHUNK_WORDS) == GET(before, CHUNK_WORDS);
}

struct bt_sim {
    struct ws_array_hw hw;
    uint8_t *dram;
    uint64_t dram_bytes;
    uint64_t window_from, window_to; /* writable */
    uint32_t desc_addr, status, irq_enable;
    bool started;
    const char *violation;
    int8_t *lane; /* words of one pixel */
    uint64_t lane_bytes;
};

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is that of every core's open() */
static struct bt_sim *plain_open(const struct bt_config *config, uint8_t *dram, const char *wave)
{
    (void)dram;
    (void)wave;
    struct bt_sim *sim = calloc(1, sizeof(*sim));
    assert_non_null(sim);
    sim->hw = ws_array_hw(config);
    sim->dram_bytes = config->mem.dram_bytes;
    sim->dram = calloc(1, sim->dram_bytes);
    sim->violation = "";
    assert_non_null(sim->dram);
    return sim;
}

static void plain_close(struct bt_sim *sim)
{
    free(sim->dram);
    free(sim->lane);
    free(sim);
}

static void write_bytes(struct bt_sim *sim, uint64_t addr, const void *from, uint64_t bytes)
{
    if (addr < sim->window_from || addr + bytes > sim->window_to) {
        sim->violation = "write outside of the windows";
        return;
    }
    memcpy(sim->dram + addr, from, bytes);
}

/* The bytes that pixel (oy, ox) of the tile sees, all words of them. */
static void gather(struct bt_sim *sim, const uint32_t *d, uint32_t pixel, uint32_t group)
{
    const uint32_t dim = (uint32_t)sim->hw.dim;
    const int64_t seg_bytes = (int64_t)GET(d, SEG_BEATS) * 16;
    const int8_t zero = (int8_t)GET(d, IN_ZP);
    int8_t *lane = sim->lane;
    for (uint32_t ky = 0; ky < GET(d, RUNS_Y); ky++) {
        const int64_t y = (int64_t)(int32_t)GET(d, Y_START) + (int64_t)(pixel / GET(d, OW)) * GET(d, Y_STEP) +
                          (int64_t)ky * GET(d, KY_STEP);
        for (uint32_t kx = 0; kx < GET(d, RUNS_X); kx++) {
            for (uint32_t b = 0; b < GET(d, RUN_WORDS) * dim; b++) {
                const int64_t x = (int64_t)(int32_t)GET(d, X_START) + (int64_t)(pixel % GET(d, OW)) * GET(d, X_STEP) +
                                  (int64_t)kx * GET(d, KX_STEP) + b + (int64_t)group * GET(d, GROUP_STEP);
                const bool real = x >= 0 && x < (int32_t)GET(d, X_END) && y >= 0 &&
                                  y < GET(d, WINDOW_ROWS) * seg_bytes && b < GET(d, RUN_BYTES);
                /* What follows the window in the scratchpad is anything: 77. */
                const int64_t at = y + x;
                int8_t value = 77;
                if (real && at < GET(d, WINDOW_ROWS) * seg_bytes) {
                    const uint64_t addr =
                        GET(d, IFMAP) + (uint64_t)(at / seg_bytes) * GET(d, IN_PITCH) + (uint64_t)(at % seg_bytes);
                    assert_true(addr < sim->dram_bytes);
                    value = (int8_t)sim->dram[addr];
                }
                *lane++ = real ? value : zero;
            }
        }
    }
}

/* All pixels of the tile against filter tile n, into an accumulator half; then its write-back. */
static void run_filter_tile(struct bt_sim *sim, const uint32_t *d, uint32_t n, uint32_t *half)
{
    const uint32_t dim = (uint32_t)sim->hw.dim;
    const uint32_t steps = GET(d, RUNS_Y) * GET(d, RUNS_X) * GET(d, RUN_WORDS) * dim;
    const uint64_t params = GET(d, WEIGHTS) + (uint64_t)n * ((uint64_t)dim * 16 + (uint64_t)steps * dim);
    const int8_t *weights = (const int8_t *)sim->dram + params + (uint64_t)dim * 16;
    const uint32_t count = n == GET(d, N_TILES) - 1 ? GET(d, N_TAIL) : GET(d, N_VALID);
    const int32_t zero = (int8_t)GET(d, IN_ZP);
    const struct bt_conv2d conv = {.out_zp = (int8_t)GET(d, OUT_ZP),
                                   .act_min = (int8_t)GET(d, ACT_MIN),
                                   .act_max = (int8_t)GET(d, ACT_MAX),
                                   .rounding = GET(d, SINGLE) != 0 ? BT_ROUND_SINGLE : BT_ROUND_DOUBLE,
                                   .table = GET(d, TABLE) != 0};
    const int8_t *table = conv.table ? (const int8_t *)sim->dram + GET(d, TABLE_ADDR) : NULL;

    assert_true(params + (uint64_t)dim * 16 + (uint64_t)steps * dim <= sim->dram_bytes);
    for (uint32_t p = 0; p < GET(d, PIXELS); p++) {
        uint32_t *sums = half + (size_t)p * dim;
        gather(sim, d, p, n / GET(d, GROUP_TILES));
        memset(sums, 0, dim * sizeof(*sums));
        for (uint32_t k = 0; k < steps; k++) {
            for (uint32_t c = 0; c < dim; c++) {
                sums[c] += (uint32_t)((sim->lane[k] - zero) * weights[k * dim + c]);
            }
        }
    }
    for (uint32_t o = 0; o < GET(d, OUT_ROWS) * GET(d, OUT_COLS); o++) {
        const uint32_t oy = o / GET(d, OUT_COLS);
        const uint32_t ox = o % GET(d, OUT_COLS);
        const uint64_t to = GET(d, OFMAP) + (uint64_t)oy * GET(d, O_ROW) + (uint64_t)ox * GET(d, O_PITCH) +
                            (uint64_t)n * GET(d, O_STEP);
        for (uint32_t c = 0; c < count; c++) {
            uint32_t record[4];
            int8_t largest = 0;
            bool any = false;
            memcpy(record, sim->dram + params + (uint64_t)c * 16, sizeof(record));
            for (uint32_t place = 0; place < GET(d, POOL_KH) * GET(d, POOL_KW); place++) {
                const int32_t row =
                    get_signed16(GET(d, POOL_Y)) + (int32_t)(oy * GET(d, POOL_SH) + place / GET(d, POOL_KW));
                const int32_t col =
                    get_signed16(GET(d, POOL_X)) + (int32_t)(ox * GET(d, POOL_SW) + place % GET(d, POOL_KW));
                if (row < 0 || row >= (int32_t)GET(d, CONV_ROWS) || col < 0 || col >= (int32_t)GET(d, OW)) {
                    continue;
                }
                const uint32_t sum = half[((size_t)row * GET(d, OW) + (size_t)col) * dim + c] + record[0];
                if (GET(d, RAW) != 0) {
                    write_bytes(sim, to + (uint64_t)c * 4, &sum, 4);
                    continue;
                }
                const int32_t shift = (int32_t)(record[2] << 26) >> 26;
                const int8_t value = ref_conv2d_finish(&conv, (int32_t)sum, (int32_t)record[1], shift, table);
                largest = !any || value > largest ? value : largest;
                any = true;
            }
            if (GET(d, RAW) == 0) {
                assert_true(any);
                write_bytes(sim, to + c, &largest, 1);
            }
        }
    }
}

static uint32_t run_list(struct bt_sim *sim)
{
    uint32_t before[WS_ARRAY_DESC_WORDS];
    uint32_t d[WS_ARRAY_DESC_WORDS];
    const uint32_t *last = NULL;
    uint32_t *half = malloc((size_t)sim->hw.half_rows * (size_t)sim->hw.dim * sizeof(*half));
    uint32_t error = WS_ARRAY_ERR_NONE;
    assert_non_null(half);
    for (uint64_t addr = sim->desc_addr; error == WS_ARRAY_ERR_NONE; addr += sizeof(d)) {
        assert_true(addr + sizeof(d) <= sim->dram_bytes);
        memcpy(d, sim->dram + addr, sizeof(d));
        error = legality(d, &sim->hw);
        if (error == WS_ARRAY_ERR_NONE && !in_order(d, last)) {
            error = WS_ARRAY_ERR_ORDER;
        }
        if (error != WS_ARRAY_ERR_NONE) {
            break;
        }
        const uint64_t bytes = (uint64_t)GET(d, RUNS_Y) * GET(d, RUNS_X) * GET(d, RUN_WORDS) * (uint64_t)sim->hw.dim;
        if (bytes > sim->lane_bytes) {
            free(sim->lane);
            sim->lane = malloc(bytes);
            sim->lane_bytes = bytes;
            assert_non_null(sim->lane);
        }
        for (uint32_t n = 0; n < GET(d, N_TILES); n++) {
            run_filter_tile(sim, d, n, half);
        }
        if (GET(d, LAST) != 0) {
            break;
        }
        memcpy(before, d, sizeof(before));
        last = before;
    }
    free(half);
    return error;
}

static bool plain_write(struct bt_sim *sim, uint32_t offset, uint32_t value)
{
    switch (offset) {
    case WS_ARRAY_REG_DESC_ADDR:
        sim->desc_addr = value;
        return true;
    case WS_ARRAY_REG_IRQ_ENABLE:
        sim->irq_enable = value & 1;
        return true;
    case WS_ARRAY_REG_CTRL:
        sim->started = (value & 1) != 0;
        return true;
    case WS_ARRAY_REG_IRQ_ACK:
        sim->status = 0;
        return true;
    default:
        return false;
    }
}

static bool plain_read(struct bt_sim *sim, uint32_t offset, uint32_t *value)
{
    *value = offset == WS_ARRAY_REG_STATUS ? sim->status : 0;
    return true;
}

static enum bt_event plain_run(struct bt_sim *sim, uint64_t max_cycles)
{
    (void)max_cycles;
    if (sim->started) {
        sim->started = false;
        sim->status = 2 | run_list(sim) << 8;
    }
    if (*sim->violation != '\0') {
        return BT_EVENT_FAILED;
    }
    return (sim->status & 2) != 0 && sim->irq_enable != 0 ? BT_EVENT_IRQ : BT_EVENT_BUDGET;
}

static uint8_t *plain_dram(struct bt_sim *sim)
{
    return sim->dram;
}

static void plain_allow(struct bt_sim *sim, uint64_t addr, uint64_t bytes)
{
    sim->window_from = addr;
    sim->window_to = addr + bytes;
}

static void plain_clear(struct bt_sim *sim)
{
    sim->window_from = sim->window_to = 0;
}

static void plain_nothing(struct bt_sim *sim)
{
    (void)sim;
}

static void plain_stats(const struct bt_sim *sim, struct bt_sim_stats *stats)
{
    (void)sim;
    *stats = (struct bt_sim_stats){0};
}

static const char *plain_error(const struct bt_sim *sim)
{
    return sim->violation;
}

static const struct bt_sim_api plain = {
    .abi = BT_SIM_ABI,
    .top = "plain",
    .open = plain_open,
    .close = plain_close,
    .reset = plain_nothing,
    .reg_write = plain_write,
    .reg_read = plain_read,
    .dram = plain_dram,
    .allow_write = plain_allow,
    .clear_windows = plain_clear,
    .arm = plain_nothing,
    .run = plain_run,
    .stats = plain_stats,
    .error = plain_error,
};

static struct bt_hal *open_plain(const struct bt_config *config)
{
    struct bt_hal *hal = NULL;
    assert_int_equal(bt_hal_sim_open_device(&plain, config, NULL, &hal, NULL), BT_OK);
    return hal;
}

/* ---- the simulated cores, where they are built ---- */

static const char *core_path(size_t core)
{
    static char path[256];
    const char *build = getenv("BITTRUE_BUILD");
    (void)snprintf(path, sizeof(path), "%s/rtl/ws_array-%s.so", build != NULL ? build : "build", cores[core].name);
    return path;
}

static void need_cores(void)
{
    for (size_t core = 0; core < CORES; core++) {
        if (access(core_path(core), R_OK) != 0) {
            print_message("%s is not built\n", core_path(core));
            skip();
        }
    }
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

/* ---- jobs ---- */

struct job {
    struct bt_config config;
    struct bt_layer layer;
    struct ws_array_plan plan;
    struct bt_tensors tensors;
    size_t out_bytes;
    void *expected, *got;
};

/* The operators, one after the other. */
static void expect(const struct bt_layer *layer, const struct bt_layer_data *data, void *ofmap)
{
    const struct bt_conv2d *conv = &layer->u.conv;
    if (layer->pool.kh == 0) {
        assert_int_equal(ref_conv2d_s8(conv, data, ofmap), BT_OK);
        return;
    }
    const struct ref_pool2d pool = bt_layer_pool2d(layer);
    int8_t *between_them = malloc((size_t)bt_conv2d_ofmap_elems(conv));
    assert_non_null(between_them);
    assert_int_equal(ref_conv2d_s8(conv, data, between_them), BT_OK);
    assert_int_equal(ref_maxpool_s8(&pool, between_them, ofmap), BT_OK);
    free(between_them);
}

/* Plans for the memory the job will meet. False: the configuration cannot run the layer, or not with this dataflow. */
static bool make_job(struct job *job, struct bt_config config, struct bt_layer layer, uint64_t seed)
{
    const struct bt_data_key key = {.seed = seed, .network = "random", .pattern = BT_PATTERN_UNIFORM};
    struct bt_io io = {.in_addr = BT_ANYWHERE, .out_addr = BT_ANYWHERE};
    struct bt_reason why = {0};

    job->config = config;
    job->layer = layer;
    const enum bt_status status = ws_array_driver.plan(&job->config, &job->layer, 1, NULL, &io, &job->plan, &why);
    assert_int_equal(ws_array_driver.supports(&job->config, &job->layer, 1, &why), status);
    if (status != BT_OK) {
        if (status != BT_EUNSUPPORTED || why.what == NULL || why.got <= why.limit) {
            describe(&layer, &config.mem);
            fail_msg("status %d, %s: %lld, limit %lld", (int)status, why.what != NULL ? why.what : "no reason",
                     (long long)why.got, (long long)why.limit);
        }
        return false;
    }
    job->out_bytes = (size_t)bt_layer_ofmap_elems(&layer) * (layer.u.conv.raw ? 4 : 1);
    job->expected = malloc(job->out_bytes);
    job->got = malloc(job->out_bytes);
    assert_non_null(job->expected);
    assert_non_null(job->got);
    assert_int_equal(bt_data_make(&key, BT_ACT_SILU, &layer.u.conv, NULL, &job->tensors), BT_OK);
    expect(&layer, &job->tensors.view, job->expected);
    return true;
}

static void must_make_job(struct job *job, struct bt_config config, struct bt_layer layer, uint64_t seed)
{
    if (!make_job(job, config, layer, seed)) {
        describe(&layer, &config.mem);
        fail_msg("not supported");
    }
}

static void free_job(struct job *job)
{
    bt_data_free(&job->tensors);
    free(job->expected);
    free(job->got);
}

/* The model's bits; leaves nothing of them in job->got. */
static void check_model(struct job *job)
{
    struct bt_blob profile = {0};
    memset(job->got, 0x55, job->out_bytes);
    assert_int_equal(
        ws_array_model(&job->config, &job->plan, &job->layer, &job->tensors.view, NULL, job->got, &profile), BT_OK);
    if (memcmp(job->got, job->expected, job->out_bytes) != 0) {
        describe(&job->layer, &job->config.mem);
        fail_msg("the model's bits differ");
    }
    memset(job->got, 0x55, job->out_bytes);
}

static void lay_out(struct job *job, struct bt_hal *hal)
{
    struct bt_reason why = {0};
    assert_int_equal(ws_array_driver.pack(&job->plan, &job->tensors.view, NULL, hal, &why), BT_OK);
    ws_array_driver.load(&job->plan, job->tensors.view.ifmap, hal);
    ws_array_driver.program(&job->plan, hal);
}

/* Runs a planned job; the core needs no reset before it. */
static enum bt_status run_job(struct job *job, struct bt_hal *hal, uint64_t budget, struct bt_counters *counters)
{
    struct bt_reason why = {0};
    lay_out(job, hal);
    bt_hal_sim_arm(hal);
    ws_array_driver.start(&job->plan, hal);
    const enum bt_event event = bt_hal_run(hal, budget);
    const enum bt_status status = ws_array_driver.service(&job->plan, hal, event, &why);
    if (status == BT_OK) {
        ws_array_driver.unpack(&job->plan, hal, job->got);
        ws_array_driver.finish(&job->plan, hal, counters);
    } else {
        print_error("event %d, %s: %lld\n", (int)event, why.what != NULL ? why.what : "", (long long)why.got);
    }
    if (bt_hal_sim_failed(hal) != NULL) {
        describe(&job->layer, &job->config.mem);
        fail_msg("%s", bt_hal_sim_failed(hal));
    }
    return status;
}

static bool predicts(void)
{
    return ws_array_variant.cycles != NULL;
}

static struct bt_counters predict(const struct job *job)
{
    struct bt_counters prediction = {0};
    assert_int_equal(ws_array_variant.cycles(&job->config, &job->plan, &job->layer, NULL, NULL, &prediction), BT_OK);
    return prediction;
}

static void compare_terms(const struct job *job, const struct bt_counters *measured)
{
    if (!predicts()) {
        return;
    }
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
        describe(&job->layer, &job->config.mem);
        print_error(
            "os %d, tile %dx%d of %dx%d, banks %d, window %d x %d beats, %d chunks of %d, %d slots, resident %d\n",
            job->plan.os, job->plan.tile_rows, job->plan.tile_cols, job->plan.ph, job->plan.pw, job->plan.ifmap_banks,
            job->plan.window_slots, job->plan.window_beats, job->plan.chunks, job->plan.chunk_words,
            job->plan.weight_slots, job->plan.resident);
        fail();
    }
}

/* A job on a core that may have run anything before: bits, and terms where time is deterministic. */
static void check_rtl(struct job *job, struct bt_hal *hal)
{
    struct bt_counters counters = {0};
    struct bt_sim_stats stats;
    memset(job->got, 0x55, job->out_bytes);
    if (run_job(job, hal, UINT64_C(50000000), &counters) != BT_OK) {
        describe(&job->layer, &job->config.mem);
        fail_msg("the RTL failed");
    }
    if (memcmp(job->got, job->expected, job->out_bytes) != 0) {
        describe(&job->layer, &job->config.mem);
        fail_msg("the RTL's bits differ");
    }
    if (job->config.mem.stall_percent == 0) {
        bt_hal_sim_stats(hal, &stats);
        assert_int_equal(bt_counters_get(&counters, "cycles", 0), stats.start_to_done);
        compare_terms(job, &counters);
    }
}

/* ---- without RTL ---- */

/* What a plan promises beside what hardware checks: the tiles cover every output once, nothing is larger than it says. */
static void check_plan(const struct job *job, struct bt_hal *hal)
{
    const struct ws_array_plan *plan = &job->plan;
    const struct bt_conv2d *conv = &job->layer.u.conv;
    uint64_t addr = plan->desc_addr;
    uint32_t before[WS_ARRAY_DESC_WORDS];
    int64_t outputs = 0;

    assert_true(plan->weight_slots <= WS_ARRAY_MAX_SLOTS && plan->window_slots <= WS_ARRAY_MAX_SLOTS);
    assert_int_equal(plan->in_row_bytes % 16, 0);
    for (int64_t t = 0; t < (int64_t)conv->n * plan->tiles_y * plan->tiles_x; t++) {
        uint32_t d[WS_ARRAY_DESC_WORDS];
        bt_hal_mem_read(hal, addr, d, sizeof(d));
        assert_int_equal(legality(d, &plan->hw), WS_ARRAY_ERR_NONE);
        assert_true(in_order(d, t == 0 ? NULL : before));
        assert_int_equal(GET(d, FIRST), t == 0);
        assert_int_equal(GET(d, LAST), t == (int64_t)conv->n * plan->tiles_y * plan->tiles_x - 1);
        /* The window lies in the image. */
        const uint64_t image = GET(d, IFMAP) - plan->in_addr;
        const uint64_t in_image = image % plan->in_image_bytes;
        assert_true(in_image % plan->in_row_bytes + (uint64_t)GET(d, SEG_BEATS) * 16 <= plan->in_row_bytes);
        assert_true(in_image / plan->in_row_bytes + GET(d, WINDOW_ROWS) <= (uint64_t)conv->h);
        assert_true(image / plan->in_image_bytes < (uint64_t)conv->n);
        outputs += (int64_t)GET(d, OUT_ROWS) * GET(d, OUT_COLS);
        memcpy(before, d, sizeof(before));
        addr += sizeof(d);
    }
    assert_int_equal(outputs, (int64_t)conv->n * plan->ph * plan->pw);
}

static void test_model_and_layout(void **state)
{
    (void)state;
    int ran = 0, refused = 0, tiled = 0, columns = 0, chunked = 0, resident = 0, os = 0, pooled = 0;
    for (size_t core = 0; core < SIZES; core++) {
        const struct bt_config config = config_of(core, ANY);
        struct bt_hal *hal = open_plain(&config);
        for (int i = 0; i < 300; i++) {
            struct job job;
            struct bt_counters counters = {0};
            if (!make_job(&job, config_of(core, i % DATAFLOWS), random_layer(), (uint64_t)i)) {
                refused++;
                continue;
            }
            ran++;
            tiled += job.plan.tiles_y * job.plan.tiles_x > 1;
            columns += job.plan.tiles_x > 1;
            chunked += job.plan.chunks > 1;
            resident += job.plan.resident;
            os += job.plan.os;
            pooled += job.plan.pooled;
            assert_true(i % DATAFLOWS == ANY || job.plan.os == (i % DATAFLOWS == OS));
            check_model(&job);
            if (run_job(&job, hal, 1, &counters) != BT_OK || memcmp(job.got, job.expected, job.out_bytes) != 0) {
                describe(&job.layer, &job.config.mem);
                fail_msg("what lies in memory gives other bits");
            }
            check_plan(&job, hal);
            free_job(&job);
        }
        bt_hal_sim_close(hal);
    }
    print_message(
        "%d layers, %d refused: %d of several tiles, %d of several columns, %d chunked, %d resident, %d os, %d "
        "pooled\n",
        ran, refused, tiled, columns, chunked, resident, os, pooled);
    assert_true(ran > 1500 && tiled > 500 && columns > 200 && chunked > 200 && resident > 100 && os > 300 &&
                pooled > 500);
}

/* Layers whose pooling meets every edge: of the ofmap, of tiles, of nothing; runs them wherever `hal` leads. */
static void run_pooled(struct bt_hal *hal, size_t core, bool rtl)
{
    static const struct {
        const char *what;
        int32_t h, w, c_in, c_out, kernel, pad;
        struct bt_maxpool pool;
    } cases[] = {
        {"windows that overlap, padded all around", 30, 30, 8, 9, 3, 1, {3, 3, 2, 2, 1, 1, 1, 1}},
        {"windows that touch", 28, 28, 5, 8, 1, 0, {2, 2, 2, 2, 0, 0, 0, 0}},
        {"windows with gaps between them", 29, 31, 8, 8, 1, 0, {2, 1, 3, 4, 0, 0, 0, 0}},
        {"stride 1, pads as large as they may be", 17, 19, 8, 16, 1, 0, {3, 4, 1, 1, 2, 2, 3, 3}},
        {"pads at one end only", 20, 20, 8, 8, 3, 1, {3, 3, 2, 2, 0, 1, 1, 0}},
        {"one window over everything", 7, 7, 8, 8, 1, 0, {7, 7, 1, 1, 0, 0, 0, 0}},
        {"a window larger than the ofmap", 3, 2, 8, 8, 1, 0, {5, 4, 1, 1, 1, 1, 1, 1}},
        {"rows that no window reaches", 12, 12, 8, 8, 1, 0, {1, 1, 5, 5, 0, 0, 0, 0}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int64_t dataflow = ANY; dataflow < DATAFLOWS; dataflow++) {
            struct job job;
            struct bt_counters counters = {0};
            struct bt_layer layer = layer_of(bt_conv2d_1x1(cases[i].h, cases[i].w, cases[i].c_in, cases[i].c_out));
            struct bt_conv2d *conv = &layer.u.conv;
            conv->kh = conv->kw = cases[i].kernel;
            conv->pad_top = conv->pad_bottom = conv->pad_left = conv->pad_right = cases[i].pad;
            conv->out_zp = -128; /* a zero that entered a maximum would show in both directions */
            conv->in_zp = i % 2 == 0 ? -128 : 11;
            layer.pool = cases[i].pool;
            must_make_job(&job, config_of(core, dataflow), layer, i);
            check_model(&job);
            if (rtl) {
                check_rtl(&job, hal);
            } else if (run_job(&job, hal, 1, &counters) != BT_OK || memcmp(job.got, job.expected, job.out_bytes) != 0) {
                fail_msg("%s: what lies in memory gives other bits", cases[i].what);
            }
            free_job(&job);
        }
    }
}

static void test_pooling_laid_out(void **state)
{
    (void)state;
    const struct bt_config config = config_of(TINY, ANY);
    struct bt_hal *hal = open_plain(&config);
    run_pooled(hal, TINY, false);
    bt_hal_sim_close(hal);
}

/* Inputs and outputs that lie where the caller wants them. */
static void test_given_layouts(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int32_t w, c_in, n;
        uint64_t in_addr, out_addr;
        uint32_t in_pitch;
        const char *refused; /* NULL: runs */
    } cases[] = {
        {"padded pixels", 7, 5, 1, 0x100000, BT_ANYWHERE, 16, NULL},
        {"padded pixels, two images", 7, 5, 2, 0x100000, BT_ANYWHERE, 32, NULL},
        {"dense rows of whole beats", 4, 12, 2, 0x100010, 0x200010, 12, NULL},
        {"pixels of eight bytes in rows of whole beats", 6, 5, 1, 0x100000, 0x200000, 8, NULL},
        {"rows of an odd length", 7, 5, 1, 0x100000, BT_ANYWHERE, 5, "bytes of an ifmap row beyond a multiple of 16"},
        {"rows of half a beat too much", 7, 8, 1, 0x100000, BT_ANYWHERE, 8,
         "bytes of an ifmap row beyond a multiple of 16"},
        {"an ifmap in the middle of a beat", 4, 16, 1, 0x100008, BT_ANYWHERE, 16, "alignment of a tensor in bytes"},
        {"an ofmap in the middle of a beat", 4, 16, 1, 0x100000, 0x200004, 16, "alignment of a tensor in bytes"},
        {"pixels shorter than their channels", 8, 17, 1, 0x100000, BT_ANYWHERE, 16, "bytes per ifmap pixel"},
    };
    const struct bt_config config = config_of(TINY, ANY);
    struct bt_hal *hal = open_plain(&config);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct job job;
        struct bt_counters counters = {0};
        struct bt_reason why = {0};
        struct bt_conv2d conv = bt_conv2d_1x1(9, cases[i].w, cases[i].c_in, 11);
        conv.n = cases[i].n;
        conv.kh = conv.kw = 3;
        conv.pad_left = conv.pad_top = 1;
        must_make_job(&job, config, layer_of(conv), i);
        struct bt_io io = {
            .brk = 0x300000, .in_addr = cases[i].in_addr, .out_addr = cases[i].out_addr, .in_pitch = cases[i].in_pitch};
        const enum bt_status status = ws_array_driver.plan(&job.config, &job.layer, 1, NULL, &io, &job.plan, &why);
        if (cases[i].refused != NULL) {
            if (status != BT_EUNSUPPORTED || strcmp(why.what, cases[i].refused) != 0 || io.brk != 0x300000) {
                fail_msg("%s: not refused as expected", cases[i].what);
            }
        } else {
            assert_int_equal(status, BT_OK);
            assert_int_equal(io.in_addr, cases[i].in_addr);
            assert_int_equal(io.in_pitch, cases[i].in_pitch);
            assert_int_equal(io.out_pitch, 16);
            check_model(&job);
            if (run_job(&job, hal, 1, &counters) != BT_OK || memcmp(job.got, job.expected, job.out_bytes) != 0) {
                fail_msg("%s: the bits differ", cases[i].what);
            }
        }
        free_job(&job);
    }
    bt_hal_sim_close(hal);
}

/* The next layer reads what the one before has left, where it left it. */
static void test_chain(void **state)
{
    (void)state;
    const struct bt_config config = config_of(TINY, ANY);
    struct bt_hal *hal = open_plain(&config);
    struct bt_layer layers[2] = {layer_of(long_conv()), layer_of(bt_conv2d_1x1(6, 16, 37, 10))};
    layers[0].pool = (struct bt_maxpool){.kh = 2, .kw = 3, .stride_h = 2, .stride_w = 2};
    layers[1].u.conv.in_zp = 5;
    struct job first, second;
    struct bt_counters counters = {0};
    struct bt_reason why = {0};
    must_make_job(&first, config, layers[0], 1);
    must_make_job(&second, config, layers[1], 2);
    second.tensors.view.ifmap = first.expected;
    expect(&layers[1], &second.tensors.view, second.expected);

    struct bt_io io = {.in_addr = BT_ANYWHERE, .out_addr = BT_ANYWHERE};
    assert_int_equal(ws_array_driver.plan(&config, &layers[0], 1, NULL, &io, &first.plan, &why), BT_OK);
    assert_int_equal(run_job(&first, hal, 1, &counters), BT_OK);
    io.in_addr = io.out_addr;
    io.in_pitch = io.out_pitch;
    io.out_addr = BT_ANYWHERE;
    assert_int_equal(ws_array_driver.plan(&config, &layers[1], 1, NULL, &io, &second.plan, &why), BT_OK);
    assert_int_equal(ws_array_driver.pack(&second.plan, &second.tensors.view, NULL, hal, &why), BT_OK);
    ws_array_driver.program(&second.plan, hal);
    ws_array_driver.start(&second.plan, hal);
    assert_int_equal(ws_array_driver.service(&second.plan, hal, bt_hal_run(hal, 1), &why), BT_OK);
    ws_array_driver.unpack(&second.plan, hal, second.got);
    assert_memory_equal(second.got, second.expected, second.out_bytes);
    free_job(&first);
    free_job(&second);
    bt_hal_sim_close(hal);
}

/* What a configuration cannot hold, or fields cannot say, is refused with the numbers. */
static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t core;
        int64_t dataflow;
        int32_t h, w, c_in, c_out, kernel, stride, pad;
        struct bt_maxpool pool;
        uint64_t dram_bytes;
        enum bt_status status;
        const char *reason;
        int64_t got, limit;
    } cases[] = {
        {"the smallest window is larger than three banks",
         LEAST,
         ANY,
         9,
         9,
         64,
         8,
         7,
         1,
         0,
         {0},
         64 << 20,
         BT_EUNSUPPORTED,
         "bytes of ifmap under one ofmap pixel, for the scratchpad",
         7 * 7 * 64,
         3072},
        {"more candidates of one maximum than an accumulator half has rows",
         LEAST,
         ANY,
         9,
         9,
         8,
         8,
         1,
         1,
         0,
         {.kh = 9, .kw = 8, .stride_h = 1, .stride_w = 1},
         64 << 20,
         BT_EUNSUPPORTED,
         "pixels under one pooled pixel, for an accumulator half",
         72,
         64},
        {"a filter tile in one piece is larger than what is left for it",
         LEAST,
         OS,
         1,
         1,
         512,
         8,
         1,
         1,
         0,
         {0},
         64 << 20,
         BT_EUNSUPPORTED,
         "bytes of a filter tile, output stationary, for the scratchpad",
         4096,
         3072},
        {"a stride of the pooling beyond eight bits",
         TINY,
         ANY,
         300,
         2,
         8,
         8,
         1,
         1,
         0,
         {.kh = 1, .kw = 1, .stride_h = 256, .stride_w = 1},
         64 << 20,
         BT_EUNSUPPORTED,
         "stride of the pooling",
         256,
         255},
        {"padding beyond 32 bits of byte position",
         TINY,
         ANY,
         1,
         4096,
         16,
         4,
         1,
         65536,
         65536,
         {0},
         64 << 20,
         BT_EUNSUPPORTED,
         "bytes that the kernel's positions span",
         0,
         INT32_MAX},
        {"an ifmap beyond 32 bits",
         TINY,
         ANY,
         65536,
         2048,
         16,
         4,
         1,
         1,
         0,
         {0},
         64 << 20,
         BT_EUNSUPPORTED,
         "bytes of one ifmap image",
         INT64_C(1) << 31,
         INT32_MAX},
        {"an ofmap beyond 32 bits",
         TINY,
         ANY,
         65536,
         2048,
         4,
         17,
         1,
         1,
         0,
         {0},
         64 << 20,
         BT_EUNSUPPORTED,
         "bytes of one ofmap image",
         INT64_C(1) << 32,
         INT32_MAX},
        {"tensors beyond DRAM", TINY, ANY, 64, 64, 16, 16, 1, 1, 0, {0}, 100000, BT_ENOMEM, "bytes of DRAM", 0, 100000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_config config = config_of(cases[i].core, cases[i].dataflow);
        struct bt_layer layer = layer_of(bt_conv2d_1x1(cases[i].h, cases[i].w, cases[i].c_in, cases[i].c_out));
        struct bt_conv2d *conv = &layer.u.conv;
        struct bt_io io = {.in_addr = BT_ANYWHERE, .out_addr = BT_ANYWHERE};
        struct ws_array_plan plan;
        struct bt_reason why = {0};
        conv->kh = conv->kw = cases[i].kernel;
        conv->stride_h = cases[i].stride;
        conv->pad_top = cases[i].pad;
        layer.pool = cases[i].pool;
        config.mem.dram_bytes = cases[i].dram_bytes;
        if (ws_array_driver.plan(&config, &layer, 1, NULL, &io, &plan, &why) != cases[i].status) {
            fail_msg("%s: not refused as expected", cases[i].what);
        }
        assert_string_equal(why.what, cases[i].reason);
        assert_int_equal(why.limit, cases[i].limit);
        assert_true(cases[i].got == 0 ? why.got > why.limit : why.got == cases[i].got);
        assert_int_equal(io.brk, 0);
    }
}

/* One step less of each, and it runs; what is no layer of this room. */
static void test_limits(void **state)
{
    (void)state;
    struct bt_reason why = {0};
    struct bt_config config = config_of(LEAST, OS);
    struct bt_layer layer = layer_of(bt_conv2d_1x1(1, 1, 384, 8));
    assert_int_equal(ws_array_driver.supports(&config, &layer, 1, &why), BT_OK);
    config = config_of(LEAST, ANY);
    layer = layer_of(bt_conv2d_1x1(9, 9, 8, 8));
    layer.pool = (struct bt_maxpool){.kh = 8, .kw = 8, .stride_h = 255, .stride_w = 255};
    assert_int_equal(ws_array_driver.supports(&config, &layer, 1, &why), BT_OK);
    layer = layer_of(bt_conv2d_1x1(9, 9, 48, 8));
    layer.u.conv.kh = layer.u.conv.kw = 7;
    assert_int_equal(ws_array_driver.supports(&config, &layer, 1, &why), BT_OK);
    /* Other layers, other formats. */
    layer.dtype = BT_S16;
    assert_int_equal(ws_array_driver.supports(&config, &layer, 1, &why), BT_EUNSUPPORTED);
    layer.dtype = BT_S8;
    layer.op = BT_OP_MAXPOOL;
    assert_int_equal(ws_array_driver.supports(&config, &layer, 1, &why), BT_EUNSUPPORTED);
    layer.op = BT_OP_CONV2D;
    assert_int_equal(ws_array_driver.supports(&config, &layer, 2, &why), BT_EUNSUPPORTED);
    layer.u.conv.kh = 0;
    assert_int_equal(ws_array_driver.supports(&config, &layer, 1, &why), BT_EINVAL);
}

static void test_configurations(void **state)
{
    (void)state;
    static const struct {
        int64_t dim, spad_bytes, acc_bytes;
        const char *reason; /* NULL: fine */
    } cases[] = {
        {8, 4096, 4096, NULL},
        {64, 32768, 32768, NULL},
        {64, 4 << 20, 2 << 20, NULL},
        {12, 65536, 65536, "DIM, a power of two"},
        {16, 65537, 65536, "SPAD_BYTES, a power of two"},
        {16, 65536, 12288, "ACC_BYTES, a power of two"},
        {16, 65536, 131072, "ACC_BYTES, at most SPAD_BYTES"},
        {64, 65536, 16384, "ACC_BYTES, at least DIM rows of sums in each half"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct bt_config config = config_with("any", cases[i].dim, cases[i].spad_bytes, cases[i].acc_bytes, ANY);
        struct bt_reason why = {0};
        const enum bt_status status = ws_array_variant.check(&config, &why);
        assert_int_equal(status, cases[i].reason == NULL ? BT_OK : BT_EINPUT);
        if (cases[i].reason != NULL) {
            assert_string_equal(why.what, cases[i].reason);
        } else {
            assert_int_equal(ws_array_variant.multipliers(&config), cases[i].dim * cases[i].dim);
        }
    }
}

static void test_locate(void **state)
{
    (void)state;
    struct job job;
    char text[128];
    struct bt_layer layer = layer_of(long_conv());
    must_make_job(&job, config_of(TINY, ANY), layer, 1);
    job.plan.tile_rows = 2; /* whatever the planner thinks best */
    job.plan.tile_cols = 20;
    ws_array_variant.locate(&job.plan, (uint64_t)((3 * 33 + 22) * 37 + 17), text, sizeof(text));
    assert_string_equal(text, "tile (1, 1), filter tile 2, accumulator row 15, column 1");
    free_job(&job);

    layer.pool = (struct bt_maxpool){
        .kh = 3, .kw = 3, .stride_h = 2, .stride_w = 2, .pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1};
    must_make_job(&job, config_of(TINY, ANY), layer, 1); /* 6 x 17 */
    job.plan.tile_rows = 2;
    job.plan.tile_cols = 10;
    ws_array_variant.locate(&job.plan, 36, text, sizeof(text));
    assert_string_equal(text, "tile (0, 0), filter tile 4, accumulator row 0, column 4");
    ws_array_variant.locate(&job.plan, (uint64_t)((3 * 17 + 12) * 37), text, sizeof(text));
    assert_string_equal(text, "tile (1, 1), filter tile 0, accumulator row 32, column 0");
    free_job(&job);
}

/* More bandwidth never costs cycles; never faster than the multipliers; the terms are all there is. */
static void test_invariants(void **state)
{
    (void)state;
    if (!predicts()) {
        skip();
    }
    for (int i = 0; i < 300; i++) {
        struct job job;
        const struct bt_layer layer = i == 0 ? layer_of(long_conv()) : random_layer();
        if (!make_job(&job, config_of(rng(SIZES), i % DATAFLOWS), layer, 1)) {
            continue;
        }
        /* In the same mapping, weight stationary is never slower: why the planner need not ask. */
        struct job weight_stationary = job;
        weight_stationary.plan.os = 0;
        struct bt_counters terms_of_ws = predict(&weight_stationary);
        struct bt_counters terms_of_job = predict(&job);
        assert_true(bt_counters_get(&terms_of_ws, "cycles", UINT64_MAX) <= bt_counters_get(&terms_of_job, "cycles", 0));
        uint64_t before = UINT64_MAX;
        for (uint32_t width = 1; width <= 16; width *= 2) {
            job.config.mem.bytes_per_cycle = width;
            const struct bt_counters p = predict(&job);
            const uint64_t cycles = bt_counters_get(&p, "cycles", 0);
            const uint64_t macs = bt_layer_macs(&job.layer);
            uint64_t sum = 0;
            static const char *const terms[] = {"control", "fill", "compute", "load_stall", "store_stall", "drain"};
            for (size_t t = 0; t < sizeof(terms) / sizeof(terms[0]); t++) {
                const uint64_t value = bt_counters_get(&p, terms[t], UINT64_MAX);
                assert_true(value <= cycles);
                sum += value;
            }
            assert_int_equal(sum, cycles);
            assert_true(cycles <= before);
            assert_true(cycles * ws_array_variant.multipliers(&job.config) >= macs);
            before = cycles;
        }
        free_job(&job);
    }
}

/* ---- against the RTL ---- */

/* One open core runs layer after layer, of any dataflow, without a reset. */
static void run_random(size_t core, int layers, struct bt_memory mem)
{
    struct bt_hal *hal = open_core(core, &mem);
    for (int i = 0; i < layers; i++) {
        struct job job;
        struct bt_config config = config_of(core, rng(DATAFLOWS));
        config.mem = mem;
        if (!make_job(&job, config, random_layer(), (uint64_t)i)) {
            continue;
        }
        check_model(&job);
        check_rtl(&job, hal);
        free_job(&job);
    }
    bt_hal_sim_close(hal);
}

static void test_random_layers(void **state)
{
    (void)state;
    need_cores();
    for (size_t core = 0; core < CORES; core++) {
        run_random(core, 150, config_of(core, ANY).mem);
    }
}

static void test_every_memory(void **state)
{
    (void)state;
    static const uint32_t outstanding[] = {1, 2, 3, 8, 64};
    need_cores();
    for (size_t core = 0; core < CORES; core++) {
        for (int i = 0; i < 80; i++) {
            struct bt_memory mem = config_of(core, ANY).mem;
            mem.latency_cycles = 1 + rng(rng(2) == 0 ? 12 : 400);
            mem.bytes_per_cycle = 1U << rng(5);
            mem.outstanding = rng(3) == 0 ? 1 + rng(64) : outstanding[rng(5)];
            run_random(core, 3, mem);
        }
    }
}

static void test_random_stalls(void **state)
{
    (void)state;
    need_cores();
    for (uint32_t percent = 10; percent <= 90; percent += 40) {
        for (size_t core = 0; core < CORES; core++) {
            struct bt_memory mem = config_of(core, ANY).mem;
            mem.stall_percent = percent;
            mem.stall_seed = percent;
            run_random(core, 25, mem);
        }
    }
}

static void test_pooling(void **state)
{
    (void)state;
    need_cores();
    for (size_t core = 0; core < CORES; core++) {
        const struct bt_config config = config_of(core, ANY);
        struct bt_hal *hal = open_core(core, &config.mem);
        run_pooled(hal, core, true);
        bt_hal_sim_close(hal);
    }
}

/* The same layer in one dataflow after the other: neither leaves anything that the other stumbles over. */
static void test_dataflows_in_turn(void **state)
{
    (void)state;
    need_cores();
    for (size_t core = 0; core < CORES; core++) {
        const struct bt_config config = config_of(core, ANY);
        struct bt_hal *hal = open_core(core, &config.mem);
        static const int64_t order[] = {WS, OS, WS, WS, OS, OS, WS};
        for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
            struct job job;
            must_make_job(&job, config_of(core, order[i]), layer_of(i % 2 == 0 ? two_images() : long_conv()), i);
            assert_int_equal(job.plan.os, order[i] == OS);
            check_rtl(&job, hal);
            free_job(&job);
        }
        bt_hal_sim_close(hal);
    }
}

#define FIELD(name) WS_ARRAY_##name##_WORD, WS_ARRAY_##name##_LSB, WS_ARRAY_##name##_BITS

/* Sets a field of a descriptor and repairs the sum. */
static void set_field(uint32_t *desc, uint32_t word, uint32_t lsb, uint32_t bits, uint32_t value)
{
    const uint32_t mask = (UINT32_MAX >> (32 - bits)) << lsb;
    const uint32_t changed = (desc[word] & ~mask) | (value << lsb);
    desc[WS_ARRAY_SUM_WORD] ^= desc[word] ^ changed;
    desc[word] = changed;
}

/* Two layers in one list, the second of the other dataflow and reading what the first wrote: FIRST is a barrier. */
static void test_two_layers(void **state)
{
    (void)state;
    need_cores();
    for (size_t core = 0; core < CORES; core++) {
        const struct bt_config config = config_of(core, ANY);
        struct bt_hal *hal = open_core(core, &config.mem);
        struct bt_reason why = {0};
        struct job one;
        struct job two;
        must_make_job(&one, config_of(core, OS), layer_of(bt_conv2d_1x1(9, 8, 24, 32)), 1);
        struct bt_conv2d second = bt_conv2d_1x1(9, 8, 32, 17);
        second.table = true; /* FIRST loads it */
        must_make_job(&two, config_of(core, WS), layer_of(second), 2);
        struct bt_io io = {
            .brk = 0x800000, .in_addr = one.plan.out_addr, .in_pitch = one.plan.out_pitch, .out_addr = BT_ANYWHERE};
        assert_int_equal(ws_array_driver.plan(&two.config, &two.layer, 1, NULL, &io, &two.plan, &why), BT_OK);
        two.tensors.view.ifmap = one.expected;
        expect(&two.layer, &two.tensors.view, two.expected);

        lay_out(&one, hal);
        assert_int_equal(ws_array_driver.pack(&two.plan, &two.tensors.view, NULL, hal, &why), BT_OK);
        ws_array_driver.program(&two.plan, hal);
        bt_hal_allow_write(hal, one.plan.out_addr, one.plan.out_image_bytes);
        bt_hal_mem_fill(hal, one.plan.out_addr, 0x5a, one.plan.out_image_bytes);
        /* One list of both. */
        const uint64_t list = 0x1000000;
        uint64_t at = list;
        for (int k = 0; k < 2; k++) {
            uint64_t from = k == 0 ? one.plan.desc_addr : two.plan.desc_addr;
            uint32_t desc[WS_ARRAY_DESC_WORDS];
            do {
                bt_hal_mem_read(hal, from, desc, sizeof(desc));
                from += sizeof(desc);
                const bool last = GET(desc, LAST) != 0;
                set_field(desc, FIELD(LAST), last && k == 1);
                bt_hal_mem_write(hal, at, desc, sizeof(desc));
                at += sizeof(desc);
                desc[0] = last; /* seen */
            } while (desc[0] == 0);
        }
        bt_hal_reg_write(hal, WS_ARRAY_REG_DESC_ADDR, (uint32_t)list);
        bt_hal_sim_arm(hal);
        ws_array_driver.start(&two.plan, hal);
        assert_int_equal(ws_array_driver.service(&two.plan, hal, bt_hal_run(hal, 200000), &why), BT_OK);
        assert_null(bt_hal_sim_failed(hal));
        ws_array_driver.unpack(&one.plan, hal, one.got);
        ws_array_driver.unpack(&two.plan, hal, two.got);
        assert_memory_equal(one.got, one.expected, one.out_bytes);
        assert_memory_equal(two.got, two.expected, two.out_bytes);
        free_job(&one);
        free_job(&two);
        bt_hal_sim_close(hal);
    }
}

/* A layer on the tiny core in a mapping of the test's own, whatever the planner thinks: nine tiles, resident weights. */
static void make_pinned_job(struct job *job, uint64_t seed)
{
    struct bt_conv2d conv = long_conv();
    conv.c_out = 29;
    must_make_job(job, config_of(TINY, WS), layer_of(conv), seed);
    struct ws_array_plan *plan = &job->plan;
    assert_true(plan->words == 27 && plan->map.n_tiles == 4);
    plan->desc_addr = 0x1000000; /* where there is room for them */
    plan->os = 0;
    plan->tile_rows = 4;
    plan->tile_cols = 11;
    plan->tiles_y = plan->tiles_x = 3;
    plan->ifmap_banks = 2;
    plan->window_slots = 2;
    plan->window_beats = 256;
    plan->chunk_words = plan->chunk_tail = 27;
    plan->chunks = 1;
    plan->weight_slots = 4;
    plan->resident = 1;
}

struct damage {
    const char *what;
    uint32_t error;
    uint32_t index; /* of the descriptor */
    struct {
        uint32_t word, lsb, bits, value;
    } set[6];
    enum { REPAIRED, KEEP_SUM, ONE_WINDOW } how; /* the sum repaired; or not; in a list with one window slot */
};

#define MAGIC WS_ARRAY_ERR_MAGIC, 0
#define ALIGN WS_ARRAY_ERR_ALIGN, 0
#define SIZE WS_ARRAY_ERR_SIZE, 0
#define ORDER(index) WS_ARRAY_ERR_ORDER, (index)

/* Of make_pinned_job(). */
static const struct damage damages[] = {
    {"magic", MAGIC, {{FIELD(FLAGS_MAGIC), WS_ARRAY_DESC_MAGIC ^ 1}}, REPAIRED},
    {"magic, highest bit", MAGIC, {{FIELD(FLAGS_MAGIC), WS_ARRAY_DESC_MAGIC ^ 0x8000}}, REPAIRED},
    {"first reserved flag", MAGIC, {{FIELD(FLAGS_ZERO), 1}}, REPAIRED},
    {"last reserved flag", MAGIC, {{FIELD(FLAGS_ZERO), 0x80}}, REPAIRED},
    {"the sum", WS_ARRAY_ERR_SUM, 0, {{FIELD(SUM), 0x12345678}}, KEEP_SUM},
    {"one bit of a step", WS_ARRAY_ERR_SUM, 0, {{FIELD(KX_STEP), 0x40000000}}, KEEP_SUM},
    {"ifmap not aligned", ALIGN, {{FIELD(IFMAP), 0x100008}}, REPAIRED},
    {"weights not aligned", ALIGN, {{FIELD(WEIGHTS), 0x100004}}, REPAIRED},
    {"ofmap not aligned", ALIGN, {{FIELD(OFMAP), 0x100001}}, REPAIRED},
    {"table not aligned", ALIGN, {{FIELD(TABLE_ADDR), 0x100002}}, REPAIRED},
    {"rows not aligned", ALIGN, {{FIELD(IN_PITCH), 808}}, REPAIRED},
    {"pixels not aligned", ALIGN, {{FIELD(O_PITCH), 40}}, REPAIRED},
    {"no beats in a row of the window", SIZE, {{FIELD(SEG_BEATS), 0}}, REPAIRED},
    {"no rows in the window", SIZE, {{FIELD(WINDOW_ROWS), 0}}, REPAIRED},
    {"no pixels in a row", SIZE, {{FIELD(OW), 0}, {FIELD(PIXELS), 0}, {FIELD(OUT_COLS), 0}}, REPAIRED},
    {"no rows", SIZE, {{FIELD(CONV_ROWS), 0}, {FIELD(PIXELS), 0}, {FIELD(OUT_ROWS), 0}}, REPAIRED},
    {"no rows as written", SIZE, {{FIELD(OUT_ROWS), 0}}, REPAIRED},
    {"no rows as written, pooled", SIZE, {{FIELD(OUT_ROWS), 0}, {FIELD(POOL), 1}}, REPAIRED},
    {"no columns as written", SIZE, {{FIELD(OUT_COLS), 0}}, REPAIRED},
    {"no columns as written, pooled", SIZE, {{FIELD(OUT_COLS), 0}, {FIELD(POOL), 1}}, REPAIRED},
    {"no runs in a kernel row", SIZE, {{FIELD(RUNS_X), 0}}, REPAIRED},
    {"no kernel rows", SIZE, {{FIELD(RUNS_Y), 0}}, REPAIRED},
    {"no words in a run", SIZE, {{FIELD(RUN_WORDS), 0}}, REPAIRED},
    {"no filter tiles", SIZE, {{FIELD(N_TILES), 0}}, REPAIRED},
    {"no filter tiles in a group", SIZE, {{FIELD(GROUP_TILES), 0}}, REPAIRED},
    {"no filters in a tile", SIZE, {{FIELD(N_VALID), 0}, {FIELD(N_TAIL), 0}}, REPAIRED},
    {"no filters in the last tile", SIZE, {{FIELD(N_TAIL), 0}}, REPAIRED},
    {"one filter more than columns", SIZE, {{FIELD(N_VALID), 9}}, REPAIRED},
    {"more filters in the last tile than in the others", SIZE, {{FIELD(N_VALID), 2}, {FIELD(N_TAIL), 3}}, REPAIRED},
    {"no banks for windows",
     SIZE,
     {{FIELD(IFMAP_BANKS), 0}, {FIELD(WINDOW_BEATS), 0}, {FIELD(WEIGHT_SLOTS), 1}},
     REPAIRED},
    {"no banks for weights", SIZE, {{FIELD(IFMAP_BANKS), 4}}, REPAIRED},
    {"more banks than there are", SIZE, {{FIELD(IFMAP_BANKS), 5}}, REPAIRED},
    {"a window larger than its slot",
     SIZE,
     {{FIELD(SEG_BEATS), 1}, {FIELD(WINDOW_ROWS), 3}, {FIELD(WINDOW_BEATS), 2}},
     REPAIRED},
    {"no window slots", SIZE, {{FIELD(WINDOW_SLOTS), 0}}, REPAIRED},
    {"windows one beat larger than a bank",
     SIZE,
     {{FIELD(IFMAP_BANKS), 1},
      {FIELD(WINDOW_SLOTS), 1},
      {FIELD(WINDOW_BEATS), 257},
      {FIELD(WEIGHT_SLOTS), 1},
      {FIELD(RESIDENT), 0}},
     REPAIRED},
    {"two windows larger than three banks",
     SIZE,
     {{FIELD(IFMAP_BANKS), 3},
      {FIELD(WINDOW_SLOTS), 2},
      {FIELD(WINDOW_BEATS), 385},
      {FIELD(WEIGHT_SLOTS), 1},
      {FIELD(RESIDENT), 0}},
     REPAIRED},
    {"no weight slots", SIZE, {{FIELD(WEIGHT_SLOTS), 0}, {FIELD(RESIDENT), 0}}, REPAIRED},
    {"weights larger than three banks",
     SIZE,
     {{FIELD(IFMAP_BANKS), 1}, {FIELD(WINDOW_SLOTS), 1}, {FIELD(WEIGHT_SLOTS), 8}},
     REPAIRED},
    {"weights larger than one bank",
     SIZE,
     {{FIELD(IFMAP_BANKS), 3}, {FIELD(WINDOW_SLOTS), 1}, {FIELD(WEIGHT_SLOTS), 3}, {FIELD(RESIDENT), 0}},
     REPAIRED},
    {"no chunks", SIZE, {{FIELD(CHUNKS), 0}}, REPAIRED},
    {"no words in a chunk", SIZE, {{FIELD(CHUNK_WORDS), 0}}, REPAIRED},
    {"no words in the last chunk", SIZE, {{FIELD(CHUNK_TAIL), 0}}, REPAIRED},
    {"more words in the last chunk than in the others",
     SIZE,
     {{FIELD(CHUNKS), 1}, {FIELD(CHUNK_WORDS), 26}, {FIELD(CHUNK_TAIL), 27}},
     REPAIRED},
    {"a word too few in the chunks",
     SIZE,
     {{FIELD(CHUNKS), 1}, {FIELD(CHUNK_WORDS), 27}, {FIELD(CHUNK_TAIL), 26}},
     REPAIRED},
    {"a word too many in the chunks",
     SIZE,
     {{FIELD(CHUNKS), 2}, {FIELD(CHUNK_WORDS), 14}, {FIELD(CHUNK_TAIL), 14}, {FIELD(RESIDENT), 0}},
     REPAIRED},
    {"output stationary in two chunks",
     SIZE,
     {{FIELD(CHUNKS), 2}, {FIELD(CHUNK_WORDS), 14}, {FIELD(CHUNK_TAIL), 13}, {FIELD(RESIDENT), 0}, {FIELD(OS), 1}},
     REPAIRED},
    {"pixels that are not rows by columns", SIZE, {{FIELD(PIXELS), 32}}, REPAIRED},
    {"one pixel more than an accumulator half",
     SIZE,
     {{FIELD(OW), 65}, {FIELD(CONV_ROWS), 1}, {FIELD(PIXELS), 65}, {FIELD(OUT_COLS), 65}, {FIELD(OUT_ROWS), 1}},
     REPAIRED},
    {"resident, one filter tile more than slots",
     SIZE,
     {{FIELD(RESIDENT), 1}, {FIELD(N_TILES), 5}, {FIELD(WEIGHT_SLOTS), 4}},
     REPAIRED},
    {"raw and pooled", SIZE, {{FIELD(POOL), 1}, {FIELD(RAW), 1}}, REPAIRED},
    {"a window of the pooling without rows", SIZE, {{FIELD(POOL), 1}, {FIELD(POOL_KH), 0}}, REPAIRED},
    {"a window of the pooling without columns", SIZE, {{FIELD(POOL), 1}, {FIELD(POOL_KW), 0}}, REPAIRED},
    {"a vertical stride of 0", SIZE, {{FIELD(POOL), 1}, {FIELD(POOL_SH), 0}}, REPAIRED},
    {"a horizontal stride of 0", SIZE, {{FIELD(POOL), 1}, {FIELD(POOL_SW), 0}}, REPAIRED},
    {"more rows as written than windows can reach",
     SIZE,
     {{FIELD(POOL), 1}, {FIELD(CONV_ROWS), 1}, {FIELD(OW), 33}, {FIELD(PIXELS), 33}, {FIELD(OUT_ROWS), 3}},
     REPAIRED},
    {"more columns as written than windows can reach",
     SIZE,
     {{FIELD(POOL), 1}, {FIELD(CONV_ROWS), 1}, {FIELD(OW), 33}, {FIELD(PIXELS), 33}, {FIELD(OUT_COLS), 35}},
     REPAIRED},
    {"not pooled, a kernel of two rows", SIZE, {{FIELD(POOL_KH), 2}}, REPAIRED},
    {"not pooled, a kernel of two columns", SIZE, {{FIELD(POOL_KW), 2}}, REPAIRED},
    {"not pooled, a vertical stride", SIZE, {{FIELD(POOL_SH), 2}}, REPAIRED},
    {"not pooled, a horizontal stride", SIZE, {{FIELD(POOL_SW), 2}}, REPAIRED},
    {"not pooled, a first row above", SIZE, {{FIELD(POOL_Y), 0xffff}}, REPAIRED},
    {"not pooled, a first column to the right", SIZE, {{FIELD(POOL_X), 1}}, REPAIRED},
    {"not pooled, other rows as written",
     SIZE,
     {{FIELD(OUT_ROWS), 2}, {FIELD(CONV_ROWS), 1}, {FIELD(PIXELS), 11}},
     REPAIRED},
    {"not pooled, other columns as written", SIZE, {{FIELD(OUT_COLS), 12}}, REPAIRED},
    {"a list that does not begin", ORDER(0), {{FIELD(FIRST), 0}}, REPAIRED},
    {"another dataflow in mid list", ORDER(1), {{FIELD(OS), 1}}, REPAIRED},
    {"weights that are no longer resident", ORDER(1), {{FIELD(RESIDENT), 0}}, REPAIRED},
    {"another zero point in mid list", ORDER(1), {{FIELD(IN_ZP), 77}}, REPAIRED},
    {"other banks in mid list", ORDER(1), {{FIELD(IFMAP_BANKS), 1}}, ONE_WINDOW},
    {"fewer window slots in mid list", ORDER(1), {{FIELD(WINDOW_SLOTS), 1}}, REPAIRED},
    {"other window slots in mid list", ORDER(1), {{FIELD(WINDOW_BEATS), 255}}, ONE_WINDOW},
    {"other chunks in mid list", ORDER(1), {{FIELD(CHUNK_WORDS), 28}}, REPAIRED},
};

/* Each of them: its error code, the interrupt and, where nothing sound came before it, no write. */
static void run_damaged(struct bt_hal *hal)
{
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        const struct damage *damage = &damages[i];
        struct job job;
        struct bt_reason why = {0};
        struct bt_sim_stats stats;
        uint32_t desc[WS_ARRAY_DESC_WORDS];
        make_pinned_job(&job, i);
        job.plan.window_slots = damage->how == ONE_WINDOW ? 1 : job.plan.window_slots;
        lay_out(&job, hal);
        const uint64_t addr = job.plan.desc_addr + (uint64_t)damage->index * sizeof(desc);
        bt_hal_mem_read(hal, addr, desc, sizeof(desc));
        assert_int_equal(legality(desc, &job.plan.hw), WS_ARRAY_ERR_NONE);
        const uint32_t sum = desc[WS_ARRAY_SUM_WORD];
        for (size_t s = 0; s < sizeof(damage->set) / sizeof(damage->set[0]) && damage->set[s].bits != 0; s++) {
            set_field(desc, damage->set[s].word, damage->set[s].lsb, damage->set[s].bits, damage->set[s].value);
        }
        if (damage->how == KEEP_SUM) {
            desc[WS_ARRAY_SUM_WORD] = damage->set[0].word == WS_ARRAY_SUM_WORD ? damage->set[0].value : sum;
        }
        bt_hal_mem_write(hal, addr, desc, sizeof(desc));
        if (damage->index == 0) {
            bt_hal_clear_windows(hal); /* whatever it writes is a violation */
        }
        bt_hal_sim_arm(hal);
        ws_array_driver.start(&job.plan, hal);
        const enum bt_event event = bt_hal_run(hal, 100000);
        const enum bt_status status = ws_array_driver.service(&job.plan, hal, event, &why);
        if (status != BT_EDEVICE || why.got != damage->error) {
            fail_msg("%s: event %d, status %d, error code %lld, expected %u", damage->what, (int)event, (int)status,
                     (long long)why.got, damage->error);
        }
        bt_hal_sim_stats(hal, &stats);
        assert_true(damage->index != 0 || stats.write_bytes == 0);
        assert_null(bt_hal_sim_failed(hal));
        free_job(&job);
    }
}

/* Rings of more windows than the planner asks for. */
static void test_more_windows(void **state)
{
    (void)state;
    need_cores();
    const struct bt_config config = config_of(TINY, WS);
    struct bt_hal *hal = open_core(TINY, &config.mem);
    for (int32_t slots = 3; slots <= 9; slots += 2) {
        struct job job;
        must_make_job(&job, config, layer_of(bt_conv2d_1x1(54, 10, 8, 16)), (uint64_t)slots);
        job.plan.tile_rows = 3;
        job.plan.tile_cols = 10;
        job.plan.tiles_y = 18;
        job.plan.tiles_x = 1;
        job.plan.desc_addr = 0x1000000;
        job.plan.ifmap_banks = 1;
        job.plan.window_beats = 15;
        job.plan.window_slots = slots;
        check_rtl(&job, hal);
        free_job(&job);
    }
    bt_hal_sim_close(hal);
}

/* Wherever in a list a descriptor is refused, and whatever is still under way then: the run ends. */
static void test_refused_anywhere(void **state)
{
    (void)state;
    need_cores();
    static const struct bt_memory memories[] = {
        {.latency_cycles = 1, .bytes_per_cycle = 16, .outstanding = 64},
        {.latency_cycles = 32, .bytes_per_cycle = 16, .outstanding = 32},
        {.latency_cycles = 3, .bytes_per_cycle = 2, .outstanding = 4},
    };
    for (size_t m = 0; m < sizeof(memories) / sizeof(memories[0]); m++) {
        struct bt_memory mem = memories[m];
        mem.dram_bytes = (uint64_t)64 << 20;
        struct bt_hal *hal = open_core(TINY, &mem);
        for (uint32_t index = 0; index < 2 * 9; index++) {
            struct job job;
            struct bt_reason why = {0};
            uint32_t desc[WS_ARRAY_DESC_WORDS];
            if (index < 9) {
                make_pinned_job(&job, index);
            } else { /* little to compute, so that write-back lags behind: nine tiles of six rows */
                must_make_job(&job, config_of(TINY, WS), layer_of(bt_conv2d_1x1(54, 10, 8, 16)), index);
                job.plan.tile_rows = 6;
                job.plan.tile_cols = 10;
                job.plan.tiles_y = 9;
                job.plan.tiles_x = 1;
                job.plan.desc_addr = 0x1000000;
                job.plan.window_beats = 30;
            }
            lay_out(&job, hal);
            const uint64_t addr = job.plan.desc_addr + (uint64_t)(index % 9) * sizeof(desc);
            bt_hal_mem_read(hal, addr, desc, sizeof(desc));
            set_field(desc, FIELD(FLAGS_MAGIC), 0x1234);
            bt_hal_mem_write(hal, addr, desc, sizeof(desc));
            bt_hal_sim_arm(hal);
            ws_array_driver.start(&job.plan, hal);
            const enum bt_event event = bt_hal_run(hal, 1000000);
            const enum bt_status status = ws_array_driver.service(&job.plan, hal, event, &why);
            if (status != BT_EDEVICE || why.got != WS_ARRAY_ERR_MAGIC) {
                fail_msg("memory %zu, descriptor %u: event %d, status %d, error code %lld", m, index, (int)event,
                         (int)status, (long long)why.got);
            }
            assert_null(bt_hal_sim_failed(hal));
            free_job(&job);
        }
        bt_hal_sim_close(hal);
    }
}

static void test_damages_are_damages(void **state)
{
    (void)state;
    const struct bt_config config = config_of(TINY, WS);
    struct bt_hal *hal = open_plain(&config);
    run_damaged(hal);
    bt_hal_sim_close(hal);
}

static void test_illegal_descriptors(void **state)
{
    (void)state;
    need_cores();
    const struct bt_config config = config_of(TINY, WS);
    struct bt_hal *hal = open_core(TINY, &config.mem);
    run_damaged(hal);
    /* And the core still works, without a reset. */
    struct job job;
    make_pinned_job(&job, 99);
    check_rtl(&job, hal);
    free_job(&job);
    bt_hal_sim_close(hal);
}

/* Operands beyond the DRAM, from the first or in mid run: the core ends with its code, and the next layer needs no reset. */
static void test_memory_errors(void **state)
{
    (void)state;
    enum { BEYOND, TILES_FROM_END, ROWS_FROM_END };
    static const struct {
        const char *what;
        uint32_t index; /* of the descriptor; 0xffff: the last one */
        uint32_t word, lsb, bits;
        uint32_t kind, value;
    } cases[] = {
        {"ifmap", 0, FIELD(IFMAP), BEYOND, 0x90000000},
        {"weights", 0, FIELD(WEIGHTS), BEYOND, 0x90000000},
        {"table", 0, FIELD(TABLE_ADDR), BEYOND, 0x90000000},
        {"weights of the second filter tile", 0, FIELD(WEIGHTS), TILES_FROM_END, 1},
        {"weights of the third filter tile", 0, FIELD(WEIGHTS), TILES_FROM_END, 2},
        {"a row of the first window", 0, FIELD(IFMAP), ROWS_FROM_END, 1},
        {"a row of the second window", 1, FIELD(IFMAP), ROWS_FROM_END, 1},
        {"parameters of the second tile", 1, FIELD(WEIGHTS), TILES_FROM_END, 1},
        {"ifmap of the last tile", 0xffff, FIELD(IFMAP), BEYOND, 0x90000000},
        {"magic of the last tile", 0xffff, FIELD(FLAGS_MAGIC), BEYOND, 0},
        {"size of the last tile", 0xffff, FIELD(N_TAIL), BEYOND, 0},
    };
    static const uint32_t latencies[] = {2, 9, 32, 200};
    need_cores();
    for (size_t l = 0; l < sizeof(latencies) / sizeof(latencies[0]) * (DATAFLOWS - 1); l++) {
        struct job job;
        struct bt_config config = config_of(TINY, l % 2 == 0 ? WS : OS);
        struct bt_conv2d conv = two_images();
        conv.table = true;
        config.mem.latency_cycles = latencies[l / 2];
        must_make_job(&job, config, layer_of(conv), 1);
        struct bt_hal *hal = open_core(TINY, &config.mem);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct bt_reason why = {0};
            uint32_t desc[WS_ARRAY_DESC_WORDS];
            const uint32_t tiles = (uint32_t)(conv.n * job.plan.tiles_y * job.plan.tiles_x);
            const uint32_t index = cases[i].index == 0xffff ? tiles - 1 : cases[i].index;
            const uint64_t addr = job.plan.desc_addr + (uint64_t)index * sizeof(desc);
            const uint32_t step =
                cases[i].kind == ROWS_FROM_END ? job.plan.in_row_bytes : (uint32_t)job.plan.filter_beats * 16;
            uint32_t error = WS_ARRAY_ERR_READ;
            assert_true(tiles > 1 && job.plan.map.n_tiles > 2);
            if (cases[i].word == WS_ARRAY_FLAGS_MAGIC_WORD) {
                error = WS_ARRAY_ERR_MAGIC;
            } else if (cases[i].word == WS_ARRAY_N_TAIL_WORD) {
                error = WS_ARRAY_ERR_SIZE;
            }
            lay_out(&job, hal);
            bt_hal_mem_read(hal, addr, desc, sizeof(desc));
            set_field(desc, cases[i].word, cases[i].lsb, cases[i].bits,
                      cases[i].kind == BEYOND ? cases[i].value : (64U << 20) - cases[i].value * step);
            bt_hal_mem_write(hal, addr, desc, sizeof(desc));
            bt_hal_sim_arm(hal);
            ws_array_driver.start(&job.plan, hal);
            const enum bt_event event = bt_hal_run(hal, 3000000);
            const enum bt_status status = ws_array_driver.service(&job.plan, hal, event, &why);
            if (status != BT_EDEVICE || why.got != error) {
                fail_msg("%s: event %d, status %d, error code %lld, expected %u", cases[i].what, (int)event,
                         (int)status, (long long)why.got, error);
            }
            check_rtl(&job, hal);
        }
        /* The list itself is not there. */
        struct bt_reason why = {0};
        lay_out(&job, hal);
        bt_hal_sim_arm(hal);
        bt_hal_reg_write(hal, WS_ARRAY_REG_DESC_ADDR, 0x90000000);
        ws_array_driver.start(&job.plan, hal);
        const enum bt_event event = bt_hal_run(hal, 3000000);
        const enum bt_status status = ws_array_driver.service(&job.plan, hal, event, &why);
        if (status != BT_EDEVICE || why.got != WS_ARRAY_ERR_READ) {
            fail_msg("no list: event %d, status %d, error code %lld", (int)event, (int)status, (long long)why.got);
        }
        check_rtl(&job, hal);
        bt_hal_sim_close(hal);
        free_job(&job);
    }
}

/* Results beyond the DRAM are a violation for the HAL, so this one drives the core's C ABI, on the HAL's store. */
static void test_write_error(void **state)
{
    (void)state;
    need_cores();
    struct job job;
    struct bt_config config = config_of(TINY, WS);
    config.mem.dram_bytes = UINT64_C(1) << 20;
    must_make_job(&job, config, layer_of(two_images()), 1);
    const uint64_t tiles = (uint64_t)job.plan.conv.n * (uint64_t)job.plan.tiles_y * (uint64_t)job.plan.tiles_x;
    uint8_t *dram = calloc(1, config.mem.dram_bytes);
    struct bt_hal *hal = NULL;
    assert_non_null(dram);
    assert_true(tiles > 1);
    assert_int_equal(bt_hal_sim_open(core_path(TINY), &config.mem, dram, NULL, &hal, NULL), BT_OK);
    void *library = dlopen(core_path(TINY), RTLD_NOW | RTLD_LOCAL);
    assert_non_null(library);
    const struct bt_sim_api *(*entry)(void) = NULL;
    *(void **)&entry = dlsym(library, BT_SIM_SYMBOL);
    assert_non_null(entry);
    const struct bt_sim_api *api = entry();
    struct bt_sim *sim = api->open(&config, dram, NULL);
    assert_non_null(sim);
    lay_out(&job, hal);
    api->allow_write(sim, job.plan.out_addr, 2 * job.plan.out_image_bytes);
    for (int bad = 2; bad >= 0; bad--) { /* the last tile's results, the first one's, none */
        uint32_t desc[WS_ARRAY_DESC_WORDS], status = 0;
        ws_array_driver.program(&job.plan, hal);
        if (bad != 0) {
            const uint64_t addr = job.plan.desc_addr + (bad == 2 ? tiles - 1 : 0) * sizeof(desc);
            bt_hal_mem_read(hal, addr, desc, sizeof(desc));
            set_field(desc, FIELD(OFMAP), 0x80000000);
            bt_hal_mem_write(hal, addr, desc, sizeof(desc));
        }
        assert_true(api->reg_write(sim, WS_ARRAY_REG_DESC_ADDR, (uint32_t)job.plan.desc_addr));
        assert_true(api->reg_write(sim, WS_ARRAY_REG_CTRL, 1));
        for (int i = 0; i < 1000 && (status & 2) == 0; i++) {
            api->advance(sim, 1000);
            assert_true(api->reg_read(sim, WS_ARRAY_REG_STATUS, &status));
        }
        assert_int_equal(status, 2 | (bad != 0 ? WS_ARRAY_ERR_WRITE : WS_ARRAY_ERR_NONE) << 8);
        assert_true(api->reg_write(sim, WS_ARRAY_REG_IRQ_ACK, 1));
    }
    ws_array_driver.unpack(&job.plan, hal, job.got);
    assert_memory_equal(job.got, job.expected, job.out_bytes);
    api->close(sim);
    (void)dlclose(library);
    bt_hal_sim_close(hal);
    free(dram);
    free_job(&job);
}

static uint32_t log2_of(int64_t value)
{
    uint32_t bits = 0;
    while (value > 1) {
        value /= 2;
        bits++;
    }
    return bits;
}

/* What the registers read, which bits count, and what an address without a register answers. */
static void test_registers(void **state)
{
    (void)state;
    need_cores();
    for (size_t core = 0; core < CORES; core++) {
        struct job job;
        struct bt_reason why = {0};
        struct bt_counters counters = {0};
        must_make_job(&job, config_of(core, ANY), layer_of(two_images()), 1);
        struct bt_hal *hal = open_core(core, &job.config.mem);
        assert_int_equal(bt_hal_reg_read(hal, WS_ARRAY_REG_ID), WS_ARRAY_ID_VALUE);
        assert_int_equal(bt_hal_reg_read(hal, WS_ARRAY_REG_VERSION), WS_ARRAY_VERSION_VALUE);
        assert_int_equal(bt_hal_reg_read(hal, WS_ARRAY_REG_GEOMETRY), (uint32_t)cores[core].dim |
                                                                          log2_of(cores[core].spad_bytes) << 8 |
                                                                          log2_of(cores[core].acc_bytes) << 16);
        assert_int_equal(bt_hal_reg_read(hal, WS_ARRAY_REG_STATUS), 0);
        bt_hal_reg_write(hal, WS_ARRAY_REG_DESC_ADDR, 0x9234567f);
        assert_int_equal(bt_hal_reg_read(hal, WS_ARRAY_REG_DESC_ADDR), 0x92345670);
        bt_hal_reg_write(hal, WS_ARRAY_REG_IRQ_ENABLE, 0xfffffffe);
        assert_int_equal(bt_hal_reg_read(hal, WS_ARRAY_REG_IRQ_ENABLE), 0);
        bt_hal_reg_write(hal, WS_ARRAY_REG_IRQ_ENABLE, 1);
        assert_int_equal(bt_hal_reg_read(hal, WS_ARRAY_REG_IRQ_ENABLE), 1);

        lay_out(&job, hal);
        bt_hal_reg_write(hal, WS_ARRAY_REG_IRQ_ENABLE, 0);
        bt_hal_reg_write(hal, WS_ARRAY_REG_CTRL, 0xfffffffe); /* not the start bit */
        bt_hal_sim_advance(hal, 100);
        assert_int_equal(bt_hal_reg_read(hal, WS_ARRAY_REG_STATUS), 0);
        bt_hal_sim_arm(hal);
        ws_array_driver.start(&job.plan, hal);
        for (int i = 0; i < 15; i++) { /* starts while busy, from the fetch on */
            bt_hal_reg_write(hal, WS_ARRAY_REG_CTRL, 1);
            bt_hal_sim_advance(hal, (uint64_t)i * 20);
        }
        assert_int_equal(bt_hal_reg_read(hal, WS_ARRAY_REG_STATUS), 1);
        assert_int_equal(bt_hal_run(hal, 1000000), BT_EVENT_BUDGET);
        assert_int_equal(bt_hal_reg_read(hal, WS_ARRAY_REG_STATUS), 2);
        bt_hal_reg_write(hal, WS_ARRAY_REG_IRQ_ACK, 0xfffffffe);
        assert_int_equal(bt_hal_reg_read(hal, WS_ARRAY_REG_STATUS), 2);
        bt_hal_reg_write(hal, WS_ARRAY_REG_IRQ_ENABLE, 1);
        assert_int_equal(ws_array_driver.service(&job.plan, hal, bt_hal_run(hal, 10), &why), BT_OK);
        assert_int_equal(bt_hal_run(hal, 100), BT_EVENT_BUDGET);
        ws_array_driver.unpack(&job.plan, hal, job.got);
        ws_array_driver.finish(&job.plan, hal, &counters);
        assert_memory_equal(job.got, job.expected, job.out_bytes);
        compare_terms(&job, &counters);

        static const uint32_t unknown[] = {WS_ARRAY_REG_PRELOADS + 4, 0x100, 0xffc};
        for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
            assert_null(bt_hal_sim_failed(hal));
            (void)bt_hal_reg_read(hal, unknown[i]);
            assert_non_null(bt_hal_sim_failed(hal));
            bt_hal_sim_reset(hal);
            bt_hal_reg_write(hal, unknown[i], 1);
            assert_non_null(bt_hal_sim_failed(hal));
            bt_hal_sim_reset(hal);
        }
        bt_hal_reg_write(hal, WS_ARRAY_REG_ID, 1); /* read only */
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
    need_cores();
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
    for (size_t core = 0; core < CORES; core++) {
        const struct bt_config config = config_of(core, ANY);
        struct bt_hal *hal = open_core(core, &config.mem);
        for (size_t i = 0; i < 6; i++) {
            struct job job;
            struct bt_conv2d conv = bt_conv2d_1x1(2, 2, CHANNELS, FILTERS);
            conv.in_zp = -3;
            conv.out_zp = zero_points[i % 3];
            conv.rounding = i < 3 ? BT_ROUND_DOUBLE : BT_ROUND_SINGLE;
            must_make_job(&job, config_of(core, (int64_t)(i % DATAFLOWS)), layer_of(conv), i);
            job.tensors.view.weights = weights;
            job.tensors.view.bias = bias;
            job.tensors.view.mult = mult;
            job.tensors.view.shift = shift;
            expect(&job.layer, &job.tensors.view, job.expected);
            check_model(&job);
            check_rtl(&job, hal);
            free_job(&job);
        }
        bt_hal_sim_close(hal);
    }
}

/* Layers that are long in one thing: writes not yet answered, descriptors, filter tiles, words, an ifmap beyond 1 MiB. */
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
        {"hundreds of tiles", 2, 128, 64, 8, 8, 1, 32},
        {"more filter tiles than anything has slots", 1, 3, 3, 8, 1000, 1, 32},
        {"more words than the scratchpad holds", 1, 3, 3, 5000, 12, 1, 32},
        {"fully connected", 1, 1, 1, 3000, 100, 1, 32},
        {"ifmap beyond 1 MiB", 1, 300, 64, 64, 3, 8, 32},
    };
    need_cores();
    for (size_t core = 0; core < CORES; core++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            print_message("%s\n", cases[i].what);
            struct job job;
            struct bt_conv2d conv = bt_conv2d_1x1(cases[i].h, cases[i].w, cases[i].c_in, cases[i].c_out);
            struct bt_config config = config_of(core, ANY);
            conv.n = cases[i].n;
            conv.stride_h = conv.stride_w = cases[i].stride;
            conv.in_zp = -3;
            config.mem.latency_cycles = cases[i].latency;
            must_make_job(&job, config, layer_of(conv), i);
            struct bt_hal *hal = open_core(core, &config.mem);
            check_model(&job);
            check_rtl(&job, hal);
            bt_hal_sim_close(hal);
            free_job(&job);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_and_layout),
        cmocka_unit_test(test_pooling_laid_out),
        cmocka_unit_test(test_given_layouts),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_configurations),
        cmocka_unit_test(test_locate),
        cmocka_unit_test(test_damages_are_damages),
        cmocka_unit_test(test_invariants),
        cmocka_unit_test(test_random_layers),
        cmocka_unit_test(test_every_memory),
        cmocka_unit_test(test_random_stalls),
        cmocka_unit_test(test_pooling),
        cmocka_unit_test(test_dataflows_in_turn),
        cmocka_unit_test(test_two_layers),
        cmocka_unit_test(test_illegal_descriptors),
        cmocka_unit_test(test_refused_anywhere),
        cmocka_unit_test(test_more_windows),
        cmocka_unit_test(test_memory_errors),
        cmocka_unit_test(test_write_error),
        cmocka_unit_test(test_registers),
        cmocka_unit_test(test_requantisation_extremes),
        cmocka_unit_test(test_long_layers),
    };
    return cmocka_run_group_tests_name("ws_array", tests, NULL, NULL);
}
