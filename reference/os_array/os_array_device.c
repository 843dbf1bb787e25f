#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "harness/sim.h"
#include "reference/os_array/os_array_plan.h"

/*
 * The room in C behind its registers: what rtl/os_array does under harness/sim, to a driver or to firmware. It knows
 * nothing of a plan: descriptors, weights and ifmap come from DRAM, and buffers keep what was in them, as in the RTL.
 *
 * Time. A register access takes two cycles, a write takes effect at the end of the first. A descriptor is read from DRAM in
 * the cycle in which its fetch begins; its operands are read, and its results written, all at once in the cycle in which
 * the RTL would have everything written and answered. In between, registers read what the RTL's would, while the DRAM and
 * the traffic in struct bt_sim_stats lag behind. So a descriptor whose operands lie where it writes, and memory that
 * somebody changes under a running descriptor, may give other bytes than the RTL; times never depend on bytes.
 * The memory never stalls at random: stall_percent is ignored.
 */

enum { RESET_CYCLES = 4, ADDR_BITS = 12, MAX_COLS = 64, MAX_LANE_STEPS = 1 << 24, FIRST_LOOK_CYCLES = 1 << 18 };

static const int64_t FAR = OS_ARRAY_FAR;

struct window {
    uint64_t lo, hi;
};

/* Of a column, as the weight tile's records hold them. */
struct param {
    uint32_t bias;
    int32_t mult;
    uint32_t shift; /* six bits, two's complement */
};

/* Where the store engine stands: block, filter tile, pixel tile. */
struct place {
    int32_t block, n, tile;
    uint32_t block_addr, n_addr, addr;
    int64_t beat; /* beats so far */
};

struct bt_sim {
    struct bt_memory mem;
    struct os_array_hw hw;
    uint8_t *dram;
    bool own_dram;
    struct window *windows; /* sorted, none touches another */
    size_t window_count;

    /* outside: the bus's view */
    uint64_t edge; /* next rising edge */
    struct bt_sim_stats stats;
    char error[256];
    bool armed, started, done_now;
    uint64_t start_edge;

    /* registers */
    bool irq_enable, done;
    uint8_t code;
    uint32_t desc_addr;
    uint64_t done_edge; /* from which on `done` was set */

    /* the run: descriptors that are done ... */
    bool working;
    int64_t run_start;           /* cycle that accepted the start */
    int64_t last_busy;           /* after the run: its last cycle */
    struct os_array_terms terms; /* of the descriptors before this one */

    /* ... and the one at hand */
    uint32_t desc[OS_ARRAY_DESC_WORDS];
    uint8_t refused; /* why, or ERR_NONE */
    struct os_array_work work;
    int64_t start, horizon;       /* it was followed up to `horizon` */
    int64_t end, failed;          /* as in struct os_array_watch; end is FAR where it lies beyond the horizon */
    int64_t fed;                  /* pixel tiles within the horizon */
    int64_t violation;            /* cycle of the first write outside, FAR where there is none */
    int64_t stored;               /* beats that are in the DRAM */
    int64_t counted, counted_ars; /* read beats and bursts that are in `stats` */
    bool write_error;
    struct place place; /* of the walk that looks for violations */

    /* what the RTL keeps in RAM */
    uint8_t *ibuf[2];
    int16_t *wbuf[2]; /* [column][step] */
    int64_t wbuf_steps;
    struct param *params[2];
    uint8_t table[256];

    /* scratch */
    uint8_t *tile;  /* a weight tile as it lies in DRAM */
    int16_t *lanes; /* value minus zero point: [pixel][step] */
    int64_t lane_steps;
};

/* ---- violations and windows: harness/sim/bfm.h ---- */

__attribute__((format(printf, 3, 4))) static void violation(struct bt_sim *s, const char *port, const char *format, ...)
{
    if (s->stats.violations++ != 0) {
        return;
    }
    char text[200];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    (void)snprintf(s->error, sizeof(s->error), "cycle %llu, %s: %s", (unsigned long long)s->edge, port, text);
}

static const struct window *window_at(const struct bt_sim *s, uint64_t addr, uint64_t bytes)
{
    for (size_t i = 0; i < s->window_count; i++) {
        if (addr >= s->windows[i].lo && addr + bytes <= s->windows[i].hi) {
            return &s->windows[i];
        }
    }
    return NULL;
}

static bool inside(const struct bt_sim *s, uint64_t addr, uint64_t bytes)
{
    return addr <= s->mem.dram_bytes && bytes <= s->mem.dram_bytes - addr;
}

/* A part of one beat, contiguous. The memory answers with an error where the beat lies outside of it. */
static void store(struct bt_sim *s, uint64_t addr, const uint8_t *bytes, uint32_t count)
{
    const unsigned long long beat = addr / 16 * 16;
    if (!inside(s, beat, 16)) {
        s->write_error = true;
        violation(s, "m_axi_", "write to 0x%llx, outside the DRAM", beat);
        return;
    }
    if (window_at(s, addr, count) != NULL) {
        memcpy(s->dram + addr, bytes, count);
        s->stats.write_bytes += count;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const unsigned long long at = addr + i;
        s->stats.write_bytes++;
        if (window_at(s, at, 1) == NULL) {
            violation(s, "m_axi_", "write to 0x%llx, outside the allowed windows", at);
            return;
        }
        s->dram[at] = bytes[i];
    }
}

/* What a read of whole beats brings: bursts end at 256-byte lines, and one that leaves the DRAM brings zeros. */
static void fetch(const struct bt_sim *s, uint32_t addr, int64_t beats, uint8_t *to)
{
    while (beats > 0) {
        const int64_t line = 16 - (addr / 16 % 16);
        const int64_t size = beats < line ? beats : line;
        if (inside(s, addr, (uint64_t)size * 16)) {
            memcpy(to, s->dram + addr, (size_t)size * 16);
        } else {
            memset(to, 0, (size_t)size * 16);
        }
        to += size * 16;
        addr += (uint32_t)size * 16;
        beats -= size;
    }
}

static bool readable(const struct bt_sim *s, uint32_t addr, int64_t beats)
{
    return (uint64_t)addr + (uint64_t)beats * 16 <= s->mem.dram_bytes ||
           os_array_readable(addr, beats, s->mem.dram_bytes);
}

/* ---- descriptor: rtl/os_array/os_array_load.sv ---- */

#define GET(field) OS_ARRAY_GET(s->desc, field)

static int8_t byte_field(uint32_t value)
{
    return (int8_t)(uint8_t)value;
}

static bool bad_size(const struct bt_sim *s)
{
    const uint32_t k_cycles = GET(K_CYCLES);
    const uint32_t cols = (uint32_t)s->hw.cols;
    const uint32_t rows = (uint32_t)s->hw.rows;
    return GET(OW) == 0 || GET(RUNS_X) == 0 || GET(RUNS_Y) == 0 || GET(RUN_WORDS) == 0 || GET(N_TILES) == 0 ||
           GET(BLOCKS) == 0 || GET(GROUP_TILES) == 0 || GET(TILES) == 0 || GET(TILES_TAIL) == 0 || GET(N_VALID) == 0 ||
           GET(N_VALID) > cols || GET(N_TAIL) == 0 || GET(N_TAIL) > GET(N_VALID) || GET(ROWS_LAST) == 0 ||
           GET(ROWS_LAST) > rows || GET(ROWS_TAIL) == 0 || GET(ROWS_TAIL) > rows || k_cycles == 0 ||
           k_cycles > (uint32_t)s->hw.wbuf_k || k_cycles % (uint32_t)s->hw.vec_bytes != 0 ||
           GET(WEIGHT_BEATS) != k_cycles / 16 * (uint32_t)s->hw.weight_row_bytes + cols || GET(WINDOW_BYTES) == 0 ||
           GET(WINDOW_BYTES) > (uint32_t)s->hw.ibuf_bytes || (GET(RESIDENT) != 0 && GET(N_TILES) > 2);
}

static uint8_t check_descriptor(const struct bt_sim *s)
{
    uint32_t sum = 0;
    for (int32_t i = 0; i < OS_ARRAY_DESC_WORDS; i++) {
        sum ^= s->desc[i];
    }
    if (!readable(s, s->work.desc_addr, 8)) {
        return OS_ARRAY_ERR_READ;
    }
    if (GET(FLAGS_MAGIC) != OS_ARRAY_DESC_MAGIC || GET(FLAGS_ZERO) != 0 || s->desc[OS_ARRAY_SUM_WORD - 1] != 0) {
        return OS_ARRAY_ERR_MAGIC;
    }
    if (sum != 0) {
        return OS_ARRAY_ERR_SUM;
    }
    if ((GET(IFMAP) | GET(WEIGHTS) | GET(OFMAP) | GET(TABLE_ADDR) | GET(O_PITCH)) % 16 != 0) {
        return OS_ARRAY_ERR_ALIGN;
    }
    return bad_size(s) ? OS_ARRAY_ERR_SIZE : OS_ARRAY_ERR_NONE;
}

static int32_t row_bytes_of(const struct bt_sim *s, bool last)
{
    return (int32_t)((last ? GET(N_TAIL) : GET(N_VALID)) * (GET(RAW) != 0 ? 4 : 1));
}

/* What was foreseen is void. */
static void look_again(struct bt_sim *s)
{
    s->horizon = s->start;
    s->end = s->failed = s->violation = FAR;
}

/* The fetch begins: the descriptor is read, and its time starts. */
static void begin_descriptor(struct bt_sim *s, uint32_t addr, int64_t start)
{
    uint8_t bytes[4 * OS_ARRAY_DESC_WORDS];
    fetch(s, addr, 8, bytes);
    memcpy(s->desc, bytes, sizeof(s->desc));
    s->work = (struct os_array_work){
        .hw = s->hw,
        .desc_addr = addr,
        .table_addr = GET(TABLE_ADDR),
        .ifmap_addr = GET(IFMAP),
        .weights_addr = GET(WEIGHTS),
        .table = GET(TABLE) != 0,
        .resident = GET(RESIDENT) != 0,
        .steps = (int64_t)GET(RUNS_Y) * GET(RUNS_X) * GET(RUN_WORDS) * s->hw.vec_bytes,
        .weight_beats = (int32_t)GET(WEIGHT_BEATS),
        .n_tiles = (int32_t)GET(N_TILES),
        .beats = (row_bytes_of(s, false) + 15) / 16,
        .beats_tail = (row_bytes_of(s, true) + 15) / 16,
        .blocks = (int32_t)GET(BLOCKS),
        .tiles = (int32_t)GET(TILES),
        .tiles_tail = (int32_t)GET(TILES_TAIL),
        .rows_last = (int32_t)GET(ROWS_LAST),
        .rows_tail = (int32_t)GET(ROWS_TAIL),
        .y_start = GET(Y_START),
        .y_block = GET(Y_BLOCK),
        .window_bytes = GET(WINDOW_BYTES),
        .image_bytes = GET(IMAGE_BYTES),
    };
    s->refused = check_descriptor(s);
    s->work.illegal = s->refused != OS_ARRAY_ERR_NONE;
    s->start = start;
    look_again(s);
    s->stored = s->counted = s->counted_ars = 0;
    s->write_error = false;
}

/* ---- the way out: rtl/os_array/os_array_store.sv ---- */

static void place_begin(const struct bt_sim *s, struct place *p)
{
    *p = (struct place){.block_addr = GET(OFMAP), .n_addr = GET(OFMAP), .addr = GET(OFMAP)};
}

/* Rows of the pixel tile at hand. */
static int32_t place_rows(const struct bt_sim *s, const struct place *p)
{
    const struct os_array_work *w = &s->work;
    const bool tail = p->block == w->blocks - 1;
    const bool last = p->tile == (tail ? w->tiles_tail : w->tiles) - 1;
    return !last ? s->hw.rows : tail ? w->rows_tail : w->rows_last;
}

static void place_next(const struct bt_sim *s, struct place *p, int32_t rows, int64_t beats)
{
    const struct os_array_work *w = &s->work;
    p->beat += beats;
    p->addr += (uint32_t)rows * GET(O_PITCH);
    if (++p->tile < (p->block == w->blocks - 1 ? w->tiles_tail : w->tiles)) {
        return;
    }
    p->tile = 0;
    p->n_addr += GET(O_STEP);
    if (++p->n == w->n_tiles) {
        p->n = 0;
        p->block++;
        p->block_addr += GET(O_BLOCK);
        p->n_addr = p->block_addr;
    }
    p->addr = p->n_addr;
}

/* Bytes of beat `beat` of a row of `row_bytes` at `addr`: what straddles the beat is cut off. */
static uint32_t beat_bytes(uint32_t addr, int32_t row_bytes, int32_t beat)
{
    const uint32_t left = (uint32_t)row_bytes - 16 * (uint32_t)beat;
    const uint32_t room = 16 - addr % 16;
    return left < room ? left : room;
}

static void watch_begin(void *context)
{
    struct bt_sim *s = context;
    place_begin(s, &s->place);
    s->violation = FAR;
    s->fed = 0;
}

/* A pixel tile leaves: is there a byte that it may not write, and when? */
static void watch_stored(void *context, const struct os_array_stored *stored)
{
    struct bt_sim *s = context;
    struct place *p = &s->place;
    const int32_t rows = place_rows(s, p);
    const int32_t row_bytes = row_bytes_of(s, p->n == s->work.n_tiles - 1);
    const int32_t beats = (row_bytes + 15) / 16;
    const uint64_t reach = (uint64_t)(rows - 1) * GET(O_PITCH) + (uint64_t)row_bytes;

    s->fed++;
    /* After the first one the job is over, and what else may be wrong comes out when the bytes are stored. */
    if (s->stats.violations == 0 && s->violation == FAR &&
        (p->addr + reach > UINT32_MAX || window_at(s, p->addr, reach) == NULL)) {
        for (int32_t i = 0; i < rows * beats && s->violation == FAR; i++) {
            const uint32_t addr = p->addr + (uint32_t)(i / beats) * GET(O_PITCH) + (uint32_t)(i % beats) * 16;
            if (p->beat + i >= s->stored && (!inside(s, addr / 16 * 16, 16) ||
                                             window_at(s, addr, beat_bytes(addr, row_bytes, i % beats)) == NULL)) {
                s->violation = os_array_beat_cycle(stored, i);
            }
        }
    }
    place_next(s, p, rows, (int64_t)rows * beats);
}

static struct os_array_watch follow(struct bt_sim *s, int64_t until, bool stores)
{
    struct os_array_watch watch = {.until = until, .dram_bytes = s->mem.dram_bytes, .context = s};
    if (stores) {
        watch.restart = watch_begin;
        watch.stored = watch_stored;
        watch_begin(s);
    }
    os_array_walk(&s->work, &s->mem, s->start, &watch);
    return watch;
}

/* Looks ahead until the next event is known, or that there is none up to `cycle`. */
static int64_t next_event(struct bt_sim *s, int64_t cycle)
{
    while (s->end == FAR && s->violation == FAR && s->horizon <= cycle) {
        const int64_t looked = s->horizon - s->start;
        s->horizon = looked > FAR / 4 ? FAR : s->start + (looked == 0 ? FIRST_LOOK_CYCLES : 2 * looked);
        const struct os_array_watch watch = follow(s, s->horizon, true);
        s->end = watch.end;
        s->failed = watch.failed;
        if (s->violation != FAR && s->violation < (int64_t)s->edge) {
            s->violation = (int64_t)s->edge;
        }
    }
    return s->violation < s->end ? s->violation : s->end;
}

/* ---- operands: rtl/os_array/os_array_load.sv, os_array_feed.sv ---- */

static bool load_window(struct bt_sim *s, int32_t block)
{
    uint8_t *const buffer = s->ibuf[block & 1];
    const uint32_t mask = (uint32_t)s->hw.ibuf_bytes - 1;
    uint32_t from = 0;
    int64_t beats = 0;
    if (!os_array_window(&s->work, block, &from, &beats)) {
        return true;
    }
    const uint32_t addr = s->work.ifmap_addr + from / 16 * 16;
    const bool ok = beats != 0 && readable(s, addr, beats);
    uint32_t at = from / 16 * 16;
    for (int64_t done = 0; done < beats;) { /* bursts as fetch() cuts them, or to the end of the buffer */
        const uint32_t source = addr + (uint32_t)done * 16;
        int64_t size = 16 - (source / 16 % 16);
        size = size < beats - done ? size : beats - done;
        uint8_t burst[256];
        fetch(s, source, size, burst);
        for (int64_t i = 0; i < size; i++) {
            memcpy(buffer + (at & mask), burst + i * 16, 16);
            at += 16;
        }
        done += size;
    }
    return ok;
}

static bool load_weights(struct bt_sim *s, int64_t tile, int half)
{
    const int32_t cols = s->hw.cols;
    const int32_t pitch = s->hw.weight_row_bytes;
    const int32_t steps = (int32_t)GET(K_CYCLES);
    const uint32_t addr = s->work.weights_addr + (uint32_t)tile * (uint32_t)s->work.weight_beats * 16;
    fetch(s, addr, s->work.weight_beats, s->tile);

    enum { BLOCK = 64 }; /* steps at a time, so that the rows stay near */
    for (int32_t k0 = 0; k0 < steps; k0 += BLOCK) {
        const int32_t upto = steps - k0 < BLOCK ? steps - k0 : BLOCK;
        for (int32_t c = 0; c < cols; c++) {
            const int8_t *from = (const int8_t *)s->tile + (int64_t)k0 * pitch + c;
            int16_t *to = s->wbuf[half] + c * s->wbuf_steps + k0;
            for (int32_t k = 0; k < upto; k++) {
                to[k] = from[(int64_t)k * pitch];
            }
        }
    }
    const uint8_t *record = s->tile + (int64_t)steps * pitch;
    for (int32_t c = 0; c < cols; c++) {
        uint32_t words[4];
        memcpy(words, record + (int64_t)c * 16, sizeof(words));
        s->params[half][c] = (struct param){.bias = words[0], .mult = (int32_t)words[1], .shift = words[2] & 0x3f};
    }
    return readable(s, addr, s->work.weight_beats);
}

static int32_t as_signed(uint32_t x)
{
    return (int32_t)x;
}

/* One word of a lane: bytes in the padding, or beyond the run, read as the zero point, and so add nothing. */
static void fill_word(const struct bt_sim *s, int half, uint32_t x, uint32_t y, uint32_t rest, int16_t *lane)
{
    const int32_t vec = s->hw.vec_bytes;
    const int16_t zp = byte_field(GET(IN_ZP));
    const uint32_t mask = (uint32_t)s->hw.ibuf_bytes - 1;
    const int32_t left = as_signed(0 - x);
    const int32_t right = as_signed(GET(ROW_BYTES) - x);
    const int32_t upto = right < as_signed(rest) ? right : as_signed(rest);
    const bool row = as_signed(y) >= 0 && as_signed(y) < as_signed(GET(IMAGE_BYTES));
    const int32_t lo = left < 0 ? 0 : left > vec ? vec : left;
    const int32_t hi = !row || upto < 0 ? 0 : upto > vec ? vec : upto;
    const uint32_t at = (x + y) & mask;
    const uint8_t *buffer = s->ibuf[half];

    if (lo == 0 && hi == 16 && vec == 16 && at + 16 <= mask + 1) {
        for (int32_t i = 0; i < 16; i++) {
            lane[i] = (int16_t)((int8_t)buffer[at + (uint32_t)i] - zp);
        }
        return;
    }
    memset(lane, 0, (size_t)vec * sizeof(*lane));
    for (int32_t i = lo; i < hi; i++) {
        lane[i] = (int16_t)((int8_t)buffer[(at + (uint32_t)i) & mask] - zp);
    }
}

/* Steps first .. first + count - 1 of one pixel's lane; both are multiples of a word. */
static void fill_lane(const struct bt_sim *s, int half, uint32_t x, uint32_t y, uint32_t channel, int64_t first,
                      int64_t count, int16_t *lane)
{
    const int64_t vec = s->hw.vec_bytes;
    const int64_t words = GET(RUN_WORDS);
    const int64_t runs = GET(RUNS_X);
    int64_t word = first / vec % words;
    int64_t kx = first / vec / words % runs;
    int64_t ky = first / vec / words / runs;
    for (int64_t k = 0; k < count; k += vec) {
        const uint32_t offset = (uint32_t)word * (uint32_t)vec;
        fill_word(s, half, x + channel + (uint32_t)kx * GET(KX_STEP) + offset, y + (uint32_t)ky * GET(KY_STEP),
                  GET(RUN_BYTES) - offset, lane + k);
        if (++word == words) {
            word = 0;
            if (++kx == runs) {
                kx = 0;
                ky++;
            }
        }
    }
}

/* The hot loop, once for wide vectors where the machine has them. At most 65536 steps, so that no sum overflows. */
__attribute__((target_clones("arch=skylake-avx512", "avx2", "default"))) static void
accumulate_lane(const int16_t *lane, const int16_t *weights, int64_t stride, int64_t steps, int32_t columns,
                uint32_t *sums)
{
    int32_t c = 0;
    for (; c + 4 <= columns; c += 4) {
        const int16_t *w0 = weights + c * stride;
        const int16_t *w1 = w0 + stride;
        const int16_t *w2 = w1 + stride;
        const int16_t *w3 = w2 + stride;
        int32_t s0 = 0;
        int32_t s1 = 0;
        int32_t s2 = 0;
        int32_t s3 = 0;
        for (int64_t k = 0; k < steps; k++) {
            s0 += lane[k] * w0[k];
            s1 += lane[k] * w1[k];
            s2 += lane[k] * w2[k];
            s3 += lane[k] * w3[k];
        }
        sums[c] += (uint32_t)s0;
        sums[c + 1] += (uint32_t)s1;
        sums[c + 2] += (uint32_t)s2;
        sums[c + 3] += (uint32_t)s3;
    }
    for (; c < columns; c++) {
        const int16_t *w = weights + c * stride;
        int32_t sum = 0;
        for (int64_t k = 0; k < steps; k++) {
            sum += lane[k] * w[k];
        }
        sums[c] += (uint32_t)sum;
    }
}

/* ---- results: rtl/common/bt_requant.sv, rtl/os_array/os_array_post.sv ---- */

static int32_t saturate(int64_t x)
{
    return x > INT32_MAX ? INT32_MAX : x < INT32_MIN ? INT32_MIN : (int32_t)x;
}

/* What the descriptor says of it. */
struct finish {
    bool single;
    int8_t zp, low, top;
};

/* As the four stages do it, whatever the record holds. */
static int8_t requantise(struct finish f, int32_t acc, const struct param *p)
{
    const bool to_right = (p->shift & 0x20) != 0;
    const uint32_t left_bits = f.single || to_right ? 0 : p->shift & 31;
    const uint32_t right_bits = f.single || !to_right ? 0 : (0 - p->shift) & 31;
    const int64_t prod = (int64_t)saturate((int64_t)acc * (INT64_C(1) << left_bits)) * p->mult;
    int32_t high = 0;
    if (f.single) {
        const uint32_t total = (31 - p->shift) & 63;
        const uint64_t half = UINT64_C(1) << ((total - 1) & 63);
        high = saturate((int64_t)((uint64_t)prod + half) >> total);
    } else {
        high = (int32_t)(uint32_t)(((uint64_t)prod + (UINT64_C(1) << 30)) >> 31);
    }
    const uint32_t mask = (UINT32_C(1) << right_bits) - 1;
    const uint32_t rest = (uint32_t)high & mask;
    const uint32_t half = (mask >> 1) + (high < 0 ? 1 : 0);
    const int32_t shifted = (int32_t)((uint32_t)(high >> right_bits) + (rest > half ? 1 : 0));
    const int64_t biased = (int64_t)shifted + f.zp;
    return biased < f.low ? f.low : biased > f.top ? f.top : (int8_t)(uint8_t)biased;
}

/* One pixel of a filter tile leaves as beats; those in [from, to) are stored. */
static void store_pixel(struct bt_sim *s, const uint32_t *sums, int half, int32_t columns, uint32_t addr,
                        int64_t first_beat, int64_t from, int64_t to)
{
    const bool raw = GET(RAW) != 0;
    const bool table = GET(TABLE) != 0;
    const struct finish f = {.single = GET(SINGLE) != 0,
                             .zp = byte_field(GET(OUT_ZP)),
                             .low = byte_field(GET(ACT_MIN)),
                             .top = byte_field(GET(ACT_MAX))};
    const struct param *params = s->params[half];
    uint8_t row[4 * MAX_COLS] = {0};
    for (int32_t c = 0; c < columns; c++) {
        const uint32_t acc = sums[c] + params[c].bias;
        if (raw) {
            memcpy(row + (size_t)c * 4, &acc, sizeof(acc));
            continue;
        }
        const int8_t out = requantise(f, as_signed(acc), &params[c]);
        row[c] = table ? s->table[(uint8_t)out ^ 0x80] : (uint8_t)out;
    }
    const int32_t row_bytes = columns * (raw ? 4 : 1);
    for (int32_t beat = 0; 16 * beat < row_bytes; beat++) {
        if (first_beat + beat >= from && first_beat + beat < to) {
            const uint32_t at = addr + 16 * (uint32_t)beat;
            store(s, at, row + (size_t)beat * 16, beat_bytes(at, row_bytes, beat));
        }
    }
}

/* ---- a whole descriptor ---- */

struct compute {
    int32_t half_i, half_w;
    uint32_t block_y, channel;
    bool keep, kept; /* lanes of the block fit; and are those of this channel already */
};

static void compute_tile(struct bt_sim *s, const struct compute *c, const struct place *p, int32_t rows, int64_t from,
                         int64_t to)
{
    const int64_t steps = s->work.steps;
    const int64_t chunk = steps < s->wbuf_steps ? steps : s->wbuf_steps;
    const int32_t columns = (int32_t)(p->n == s->work.n_tiles - 1 ? GET(N_TAIL) : GET(N_VALID));
    const int32_t beats = (columns * (GET(RAW) != 0 ? 4 : 1) + 15) / 16;
    const int64_t first_pixel = (int64_t)p->tile * s->hw.rows;

    for (int32_t r = 0; r < rows; r++) {
        const int64_t pixel = first_pixel + r;
        const uint32_t x = GET(X_START) + (uint32_t)(pixel % GET(OW)) * GET(X_STEP);
        const uint32_t y = c->block_y + (uint32_t)(pixel / GET(OW)) * GET(Y_STEP);
        int16_t *lane = s->lanes + (c->keep ? pixel * steps : 0);
        uint32_t sums[MAX_COLS] = {0};
        for (int64_t k = 0; k < steps; k += chunk) { /* the weight buffer wraps */
            const int64_t count = steps - k < chunk ? steps - k : chunk;
            if (!c->kept) {
                fill_lane(s, c->half_i, x, y, c->channel, k, count, lane);
            }
            accumulate_lane(lane, s->wbuf[c->half_w], s->wbuf_steps, count, columns, sums);
        }
        store_pixel(s, sums, c->half_w, columns, p->addr + (uint32_t)r * GET(O_PITCH), p->beat + (int64_t)r * beats,
                    from, to);
    }
}

/* Makes room for the lanes of a block; where memory is short, they are filled again and again. */
static bool room_for(struct bt_sim *s, int64_t steps)
{
    if (steps > s->lane_steps) {
        int16_t *more = realloc(s->lanes, (size_t)steps * sizeof(*more));
        if (more == NULL) {
            return false;
        }
        s->lanes = more;
        s->lane_steps = steps;
    }
    return true;
}

/* Reads operands and stores the beats in [from, to). Of the pixel tiles only `fed` are fed, a failed read ends it all. */
static void execute(struct bt_sim *s, int64_t fed, int64_t from, int64_t to)
{
    const struct os_array_work *w = &s->work;
    struct place p;
    struct compute c = {.block_y = w->y_start};
    int64_t loaded = 0;
    place_begin(s, &p);
    if (w->table) {
        fetch(s, w->table_addr, 16, s->table);
        if (!readable(s, w->table_addr, 16)) {
            return;
        }
    }
    for (int32_t block = 0; block < w->blocks; block++, c.block_y += w->y_block) {
        const int32_t tiles = block == w->blocks - 1 ? w->tiles_tail : w->tiles;
        const int64_t pixels = (int64_t)tiles * s->hw.rows;
        int32_t in_group = 0;
        if (!load_window(s, block)) {
            return;
        }
        c.half_i = block & 1;
        c.channel = 0;
        c.kept = false;
        c.keep = w->steps <= s->wbuf_steps && pixels * w->steps <= MAX_LANE_STEPS && room_for(s, pixels * w->steps);
        for (int32_t n = 0; n < w->n_tiles; n++) {
            if (!w->resident || block == 0) {
                if (!load_weights(s, n, (int)(loaded & 1))) {
                    return;
                }
                loaded++;
            }
            c.half_w = w->resident ? n & 1 : (int)((loaded - 1) & 1);
            for (int32_t tile = 0; tile < tiles && fed > 0; tile++, fed--) {
                if (p.beat >= to) {
                    return;
                }
                const int32_t rows = place_rows(s, &p);
                compute_tile(s, &c, &p, rows, from, to);
                place_next(s, &p, rows, (int64_t)rows * (n == w->n_tiles - 1 ? w->beats_tail : w->beats));
            }
            c.kept = c.keep;
            if (++in_group == (int32_t)GET(GROUP_TILES)) {
                in_group = 0;
                c.kept = c.keep && GET(GROUP_STEP) == 0;
                c.channel += GET(GROUP_STEP);
            }
        }
    }
}

static void count_reads(struct bt_sim *s, const struct os_array_terms *terms)
{
    s->stats.read_bytes += 16 * (uint64_t)(terms->read_beats - s->counted);
    s->stats.read_bursts += (uint64_t)(terms->read_bursts - s->counted_ars);
    s->counted = terms->read_beats;
    s->counted_ars = terms->read_bursts;
}

/* Puts into DRAM and statistics what has happened in cycles before `until`. */
static void catch_up(struct bt_sim *s, uint64_t until)
{
    const struct os_array_watch watch = follow(s, (int64_t)until, false);
    if (!s->work.illegal && watch.terms.write_beats > s->stored) {
        execute(s, INT64_MAX, s->stored, watch.terms.write_beats);
        s->stored = watch.terms.write_beats;
    }
    count_reads(s, &watch.terms);
}

static void add_terms(struct os_array_terms *sum, const struct os_array_terms *terms)
{
    int64_t *to = (int64_t *)(void *)sum;
    const int64_t *from = (const int64_t *)(const void *)terms;
    for (size_t i = 0; i < sizeof(*sum) / sizeof(int64_t); i++) {
        to[i] += from[i];
    }
}

/* In cycle s->end everything is written and answered, or the descriptor is refused. */
static void end_descriptor(struct bt_sim *s)
{
    const struct os_array_watch watch = follow(s, FAR, false);
    const int64_t end = s->end;
    if (!s->work.illegal) {
        execute(s, s->fed, s->stored, INT64_MAX);
    }
    count_reads(s, &watch.terms);
    add_terms(&s->terms, &watch.terms);
    if (s->refused != OS_ARRAY_ERR_NONE) {
        s->code = s->refused;
    } else if (s->write_error) {
        s->code = OS_ARRAY_ERR_WRITE;
    } else if (watch.failed != FAR) {
        s->code = OS_ARRAY_ERR_READ;
    } else if (GET(LAST) == 0) {
        begin_descriptor(s, s->work.desc_addr + 4 * OS_ARRAY_DESC_WORDS, end);
        return;
    }
    s->working = false;
    s->last_busy = end + 1;
    s->done = true;
    s->done_edge = (uint64_t)end + 1;
}

/* ---- time ---- */

/* Cycles up to `target`, excluded, or to the end of one in which something happens. */
static void step(struct bt_sim *s, uint64_t target)
{
    const bool level = s->done && s->irq_enable;
    uint64_t stop = target;
    if (level && !s->done_now) {
        if (s->started) {
            s->stats.start_to_done = s->edge - s->start_edge;
        }
        s->stats.running = false;
    }
    s->done_now = level;
    const int64_t event = s->working ? next_event(s, (int64_t)target) : FAR;
    if (event < (int64_t)target) {
        stop = (uint64_t)event + 1;
    }
    s->stats.cycles += stop - s->edge;
    if (s->working && (int64_t)stop == s->violation + 1) {
        s->edge = stop - 1; /* as the violation's text has it */
        catch_up(s, stop);
        const bool both = s->end == s->violation;
        look_again(s);
        if (both) {
            (void)next_event(s, (int64_t)stop);
        }
    }
    s->edge = stop;
    if (s->working && (int64_t)stop == s->end + 1) {
        end_descriptor(s);
    }
}

static void elapse(struct bt_sim *s, uint64_t cycles)
{
    const uint64_t target = s->edge + cycles;
    while (s->edge < target) {
        step(s, target);
    }
}

/* ---- registers: rtl/os_array/os_array_top.sv, rtl/common/bt_axil_regs.sv ---- */

static bool on_bus(struct bt_sim *s, uint32_t offset)
{
    if (offset >> ADDR_BITS != 0) {
        violation(s, "control", "register 0x%x is beyond the bus's %d address bits", offset, ADDR_BITS);
        return false;
    }
    return true;
}

static bool device_reg_write(struct bt_sim *s, uint32_t offset, uint32_t value)
{
    if (!on_bus(s, offset)) {
        return false;
    }
    const uint64_t edge = s->edge;
    const bool start = offset == OS_ARRAY_REG_CTRL && (value & 1) != 0;
    bool known = true;
    if (start) { /* as the outside sees it: whether the core listens is another matter */
        s->stats.running = true;
        if (s->armed) {
            s->armed = false;
            s->started = true;
            s->start_edge = edge;
        }
    }
    elapse(s, 1);
    switch (offset) {
    case OS_ARRAY_REG_CTRL:
        if (start && !s->working && (int64_t)edge > s->last_busy) {
            s->working = true;
            s->run_start = (int64_t)edge;
            s->code = OS_ARRAY_ERR_NONE;
            s->terms = (struct os_array_terms){0};
            begin_descriptor(s, s->desc_addr, (int64_t)edge);
        }
        break;
    case OS_ARRAY_REG_IRQ_ENABLE:
        s->irq_enable = value & 1;
        break;
    case OS_ARRAY_REG_IRQ_ACK:
        if ((value & 1) != 0 && s->done_edge != edge + 1) { /* what is done in this very cycle stays */
            s->done = false;
        }
        break;
    case OS_ARRAY_REG_DESC_ADDR:
        s->desc_addr = value / 16 * 16;
        break;
    default:
        known = false;
    }
    elapse(s, 1);
    return known;
}

static bool busy(const struct bt_sim *s)
{
    return s->working || (int64_t)s->edge <= s->last_busy;
}

static uint32_t status(struct bt_sim *s)
{
    uint32_t code = s->code;
    if (s->working && !s->work.illegal) {
        (void)next_event(s, (int64_t)s->edge);
        code = s->failed <= (int64_t)s->edge ? OS_ARRAY_ERR_READ : code;
    }
    return code << 8 | (uint32_t)s->done << 1 | (uint32_t)busy(s);
}

/* Busy cycles before this one: the six terms add up to them. */
static uint64_t busy_cycles(const struct bt_sim *s)
{
    const int64_t last = busy(s) ? (int64_t)s->edge - 1 : s->last_busy;
    return (uint64_t)(last - s->run_start);
}

static bool read_counter(struct bt_sim *s, uint32_t offset, uint32_t *value)
{
    struct os_array_terms terms = s->terms;
    if (s->working) {
        const struct os_array_watch watch = follow(s, (int64_t)s->edge, false);
        add_terms(&terms, &watch.terms);
    } else if (s->last_busy >= 0 && (int64_t)s->edge > s->last_busy) {
        terms.drain++; /* in which done rises */
    }
    const uint64_t macs = (uint64_t)terms.compute * (uint64_t)(s->hw.rows * s->hw.cols);
    const struct {
        uint32_t offset;
        uint64_t value;
    } counters[] = {
        {OS_ARRAY_REG_CYCLES, busy_cycles(s)},
        {OS_ARRAY_REG_CONTROL, (uint64_t)terms.control},
        {OS_ARRAY_REG_FILL, (uint64_t)terms.fill},
        {OS_ARRAY_REG_COMPUTE, (uint64_t)terms.compute},
        {OS_ARRAY_REG_LOAD_STALL, (uint64_t)terms.load_stall},
        {OS_ARRAY_REG_STORE_STALL, (uint64_t)terms.store_stall},
        {OS_ARRAY_REG_DRAIN, (uint64_t)terms.drain},
        {OS_ARRAY_REG_TILES, (uint64_t)terms.tiles},
        {OS_ARRAY_REG_MACS_LO, macs},
        {OS_ARRAY_REG_MACS_HI, macs >> 32},
        {OS_ARRAY_REG_READ_BEATS, (uint64_t)terms.read_beats},
        {OS_ARRAY_REG_WRITE_BEATS, (uint64_t)terms.write_beats},
    };
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        if (counters[i].offset == offset) {
            *value = (uint32_t)counters[i].value;
            return true;
        }
    }
    return false;
}

static bool device_reg_read(struct bt_sim *s, uint32_t offset, uint32_t *value)
{
    if (!on_bus(s, offset)) {
        return false;
    }
    uint32_t data = 0;
    bool known = true;
    switch (offset) {
    case OS_ARRAY_REG_ID:
        data = OS_ARRAY_ID_VALUE;
        break;
    case OS_ARRAY_REG_VERSION:
        data = OS_ARRAY_VERSION_VALUE;
        break;
    case OS_ARRAY_REG_STATUS:
        data = status(s);
        break;
    case OS_ARRAY_REG_IRQ_ENABLE:
        data = s->irq_enable;
        break;
    case OS_ARRAY_REG_DESC_ADDR:
        data = s->desc_addr;
        break;
    case OS_ARRAY_REG_GEOMETRY:
        data = (uint32_t)s->hw.rows | (uint32_t)s->hw.cols << 8;
        break;
    default:
        known = read_counter(s, offset, &data);
    }
    elapse(s, 2);
    if (known) {
        *value = data;
    }
    return known;
}

/* ---- harness/sim.h, beside the registers: harness/sim/sim.cpp ---- */

/* The windows change: what was written by now was written under the old ones. */
static void before_windows(struct bt_sim *s)
{
    if (s->working) {
        catch_up(s, s->edge);
        look_again(s);
    }
}

static void device_clear_windows(struct bt_sim *s)
{
    before_windows(s);
    s->window_count = 0;
}

static void device_reset(struct bt_sim *s)
{
    if (s->working) {
        catch_up(s, s->edge);
    }
    s->window_count = 0;
    s->edge += RESET_CYCLES;
    s->stats = (struct bt_sim_stats){0};
    s->error[0] = '\0';
    s->armed = true;
    s->started = s->done_now = false;
    s->irq_enable = s->done = s->working = false;
    s->code = OS_ARRAY_ERR_NONE;
    s->desc_addr = 0;
    s->done_edge = 0;
    s->last_busy = s->run_start = -1;
    s->terms = (struct os_array_terms){0};
}

static void device_close(struct bt_sim *s)
{
    if (s == NULL) {
        return;
    }
    if (s->own_dram) {
        (void)munmap(s->dram, s->mem.dram_bytes);
    }
    for (int half = 0; half < 2; half++) {
        free(s->ibuf[half]);
        free(s->wbuf[half]);
        free(s->params[half]);
    }
    free(s->tile);
    free(s->lanes);
    free(s->windows);
    free(s);
}

static bool allocate(struct bt_sim *s, uint8_t *dram)
{
    const struct os_array_hw *hw = &s->hw;
    s->dram = dram;
    if (dram == NULL) { /* pages that nobody touches cost nothing, and are zero */
        void *own =
            mmap(NULL, s->mem.dram_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (own == MAP_FAILED) {
            return false;
        }
        s->dram = own;
        s->own_dram = true;
    }
    s->wbuf_steps = 1;
    while (s->wbuf_steps < hw->wbuf_k) {
        s->wbuf_steps *= 2;
    }
    bool ok = true;
    for (int half = 0; half < 2; half++) {
        s->ibuf[half] = calloc(1, (size_t)hw->ibuf_bytes);
        s->wbuf[half] = calloc((size_t)hw->cols * (size_t)s->wbuf_steps, sizeof(*s->wbuf[half]));
        s->params[half] = calloc((size_t)hw->cols, sizeof(*s->params[half]));
        ok = ok && s->ibuf[half] != NULL && s->wbuf[half] != NULL && s->params[half] != NULL;
    }
    s->tile = malloc((size_t)hw->wbuf_k * (size_t)hw->weight_row_bytes + (size_t)hw->cols * 16);
    return ok && s->tile != NULL && room_for(s, s->wbuf_steps);
}

static struct bt_sim *device_open(const struct bt_config *config, uint8_t *dram, const char *wave)
{
    const struct bt_memory *mem = &config->mem;
    if (wave != NULL || mem->outstanding < 1 || mem->outstanding > 64 || mem->dram_bytes == 0) {
        return NULL;
    }
    struct bt_sim *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    s->mem = *mem;
    s->hw = os_array_hw(config);
    if (!allocate(s, dram)) {
        device_close(s);
        return NULL;
    }
    device_reset(s);
    return s;
}

static void device_pin_set(struct bt_sim *s, unsigned pin, uint64_t value)
{
    (void)value;
    violation(s, "pins", "pin %u is not an input of the core", pin);
}

static uint64_t device_pin_get(struct bt_sim *s, unsigned pin)
{
    violation(s, "pins", "the core has no pin %u", pin);
    return 0;
}

static uint8_t *device_dram(struct bt_sim *s)
{
    return s->dram;
}

static void device_allow_write(struct bt_sim *s, uint64_t addr, uint64_t bytes)
{
    if (!inside(s, addr, bytes)) {
        violation(s, "windows", "window of %llu bytes at 0x%llx is outside the DRAM", (unsigned long long)bytes,
                  (unsigned long long)addr);
        return;
    }
    before_windows(s);
    struct window w = {addr, addr + bytes};
    struct window *merged = malloc((s->window_count + 1) * sizeof(*merged));
    assert(merged != NULL);
    size_t count = 0;
    size_t i = 0;
    for (; i < s->window_count && s->windows[i].hi < w.lo; i++) {
        merged[count++] = s->windows[i];
    }
    for (; i < s->window_count && s->windows[i].lo <= w.hi; i++) {
        w.lo = s->windows[i].lo < w.lo ? s->windows[i].lo : w.lo;
        w.hi = s->windows[i].hi > w.hi ? s->windows[i].hi : w.hi;
    }
    merged[count++] = w;
    for (; i < s->window_count; i++) {
        merged[count++] = s->windows[i];
    }
    free(s->windows);
    s->windows = merged;
    s->window_count = count;
}

static void device_arm(struct bt_sim *s)
{
    if (s->working) { /* what was written by now does not belong to the new interval */
        catch_up(s, s->edge);
    }
    s->stats = (struct bt_sim_stats){
        .cycles = s->stats.cycles, .violations = s->stats.violations, .running = s->stats.running};
    s->armed = true;
    s->started = false;
}

static enum bt_event device_run(struct bt_sim *s, uint64_t max_cycles)
{
    const uint64_t end = s->stats.cycles + max_cycles;
    while (s->stats.violations == 0) {
        if (s->stats.cycles >= end) {
            return BT_EVENT_BUDGET;
        }
        const uint64_t left = end - s->stats.cycles;
        const bool level = s->done && s->irq_enable;
        step(s, level ? s->edge + 1 : left < (uint64_t)FAR - s->edge ? s->edge + left : (uint64_t)FAR);
        if (s->done_now && s->stats.violations == 0) {
            return BT_EVENT_IRQ;
        }
    }
    return BT_EVENT_FAILED;
}

static void device_stats(const struct bt_sim *s, struct bt_sim_stats *stats)
{
    *stats = s->stats;
    stats->done = s->done_now;
}

static const char *device_error(const struct bt_sim *s)
{
    return s->error;
}

static void device_wave_window(struct bt_sim *s, uint64_t from_cycle, uint64_t to_cycle)
{
    (void)s;
    (void)from_cycle;
    (void)to_cycle;
}

const struct bt_sim_api os_array_device = {
    .abi = BT_SIM_ABI,
    .top = "os_array_top",
    .open = device_open,
    .close = device_close,
    .reset = device_reset,
    .reg_write = device_reg_write,
    .reg_read = device_reg_read,
    .pin_set = device_pin_set,
    .pin_get = device_pin_get,
    .dram = device_dram,
    .allow_write = device_allow_write,
    .clear_windows = device_clear_windows,
    .arm = device_arm,
    .run = device_run,
    .advance = elapse,
    .stats = device_stats,
    .error = device_error,
    .wave_window = device_wave_window,
};
