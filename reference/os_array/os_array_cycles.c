#include <stdbool.h>

#include "reference/common/bt_conv2d.h"
#include "reference/os_array/os_array_plan.h"

/*
 * Cycles of one plan, from shapes, configuration and memory parameters. Time is counted in clock cycles from the one in
 * which the start is accepted (cycle 0). Loader, array and store engine are three servers with buffers between them, so
 * every moment is a maximum of earlier moments plus constants of the pipeline. Such a recurrence, once all its moments
 * have moved by the same amount over one repetition, moves by that amount for ever: `repeat` then adds what is left at
 * once. The work is therefore bounded by the number of classes of tiles, filter tiles and blocks, not by their count.
 */

enum {
    /* Pipeline constants of the RTL; beside each what happens in between. */
    START_TO_FETCH = 1, /* os_array_top: start accepted -> loader sees its start */
    DMA_TO_ADDRESS = 1, /* bt_axi_read: start -> first arvalid */
    BEAT_TO_NEXT = 2,   /* os_array_load: last beat -> next decision, and operands visible to the walker */
    FEED_LEAD = 7,      /* os_array_feed/mesh/post: last cycle fed -> first row of group 0 can be read back */
    RELEASE_LEAD = 7,   /* os_array_feed: last cycle fed -> weight half free, beside rows and column groups */
    TAKE_TO_BUS = 2,    /* os_array_store: row taken -> beat on the bus */
    ANSWER_TO_IDLE = 1, /* os_array_store: last answer -> idle */
    MAX_SLOTS = 64,
    MAX_OUTSTANDING = 64,
};

struct memory {
    int64_t latency, beat, outstanding;
};

struct terms {
    int64_t control, fill, compute, load_stall, store_stall, drain, tiles, read_beats, write_beats;
};

/* All moments that later ones depend on. */
struct moments {
    int64_t loader;         /* cycle in which the loader decides what comes next */
    int64_t read;           /* cycle of the last beat read */
    int64_t window_free[2]; /* cycle from which the half may be loaded again, oldest first */
    int64_t tile_free[2];
    int64_t window_ready; /* operands of the current block, of the current filter tile */
    int64_t tile_ready;
    int64_t fed;                  /* last cycle of the last tile fed */
    int64_t slot_free[MAX_SLOTS]; /* cycle from which a result slot is free, oldest first */
    int64_t take;                 /* cycle in which the store engine can take the next beat */
    int64_t bus;                  /* cycle in which its last beat was accepted */
};

struct machine {
    const struct os_array_plan *plan;
    struct memory mem;
    struct moments now;
    struct terms terms;
    bool begun; /* a tile of this descriptor has been fed */
    int64_t accepted;
    uint64_t ifmap; /* address of the image of this descriptor */
};

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Are enough bursts under way to hide the latency, however a transfer is cut? */
static bool streams(const struct memory *mem)
{
    return mem->latency + 1 <= (16 * (mem->outstanding - 1) + 1) * mem->beat;
}

/*
 * Cycle of the last beat of a transfer of `beats` from `addr`, started in cycle `start`, when the beat before it came in
 * cycle `before`: bursts end at 256-byte lines; burst i is accepted after i-1, and after i-N has left; its first beat comes
 * `latency` later, a beat's interval after the last beat of i-1 at the earliest (harness/CONTRACT.md, Memory).
 */
static int64_t read_end(const struct memory *mem, int64_t start, int64_t before, uint64_t addr, int64_t beats)
{
    const int64_t line = 16;
    const int64_t first = min64(beats, line - (int64_t)(addr / 16 % 16));
    const int64_t address = start + DMA_TO_ADDRESS;

    if (streams(mem)) {
        return max64(address + mem->latency, before + mem->beat) + (beats - 1) * mem->beat;
    }
    int64_t ends[MAX_OUTSTANDING] = {0}; /* of the last N bursts, by index modulo N */
    int64_t accepted = address - 1;
    int64_t last = before;
    int64_t left = beats;
    int64_t same = 0; /* bursts in a row for which end[i] - end[i-N] is what it was for i-1 */
    int64_t period = -1;
    for (int64_t i = 0; left > 0; i++) {
        const int64_t n = mem->outstanding;
        const int64_t size = i == 0 ? first : min64(left, line);
        if (same > n && left > n * line && period >= 0) {
            const int64_t rounds = left / (n * line) - 1;
            if (rounds > 0) {
                for (int64_t j = 0; j < n; j++) {
                    ends[j] += rounds * period;
                }
                accepted += rounds * period;
                last += rounds * period;
                left -= rounds * n * line;
            }
            same = INT64_MIN / 2;
            i--;
            continue;
        }
        accepted = max64(accepted + 1, i >= n ? ends[i % n] + 1 : 0);
        const int64_t begin = max64(accepted + mem->latency, last + mem->beat);
        last = begin + (size - 1) * mem->beat;
        if (i >= n) {
            same = last - ends[i % n] == period ? same + 1 : 0;
            period = last - ends[i % n];
        }
        ends[i % n] = last;
        left -= size;
    }
    return last;
}

/* The loader reads `beats` beats from `addr`, beginning in cycle `go`, and then decides what comes next. */
static void read_beats(struct machine *m, int64_t go, uint64_t addr, int64_t beats)
{
    m->now.read = read_end(&m->mem, go, m->now.read, addr, beats);
    m->now.loader = m->now.read + BEAT_TO_NEXT;
    m->terms.read_beats += beats;
}

/* The store engine writes `beats` beats of one tile, the first not before `from`; returns the cycle of the last take. */
static int64_t store_tile(struct machine *m, int64_t from, int64_t beats)
{
    const int64_t interval = m->mem.beat;
    int64_t take = max64(from, m->now.take);
    int64_t bus = m->now.bus;
    int64_t last_take = take;

    for (int64_t i = 0; i < beats; i++) {
        const int64_t moved = max64(take + 1, bus);                /* into the bus register */
        const int64_t accepted = max64(moved + 1, bus + interval); /* on the bus */
        last_take = take;
        if (i == 4 && beats > 5) { /* two registers deep: from here on one beat every max(1, interval) cycles */
            const int64_t skip = (beats - 5) * interval;
            take = moved + skip;
            bus = accepted + skip;
            last_take += skip;
            break;
        }
        take = moved;
        bus = accepted;
    }
    m->now.take = take;
    m->now.bus = bus;
    m->terms.write_beats += beats;
    return last_take;
}

static void feed_tile(struct machine *m, int64_t rows, int64_t beats_per_row)
{
    const struct os_array_plan *plan = m->plan;
    const int64_t slots = plan->hw.obuf_tiles;
    struct moments *now = &m->now;
    const int64_t operands = max64(now->window_ready, now->tile_ready);
    const int64_t go = max64(max64(now->fed, operands), now->slot_free[0]);

    if (!m->begun) {
        m->terms.fill += go - m->accepted;
        m->begun = true;
    } else {
        const int64_t load = max64(0, operands - now->fed);
        m->terms.load_stall += load;
        m->terms.store_stall += go - now->fed - load;
    }
    now->fed = go + plan->k_cycles;
    m->terms.compute += plan->k_cycles;
    m->terms.tiles++;

    const int64_t first_row = now->fed + FEED_LEAD + plan->hw.col_groups;
    const int64_t last_take = store_tile(m, first_row, rows * beats_per_row);
    for (int64_t s = 0; s + 1 < slots; s++) {
        now->slot_free[s] = now->slot_free[s + 1];
    }
    now->slot_free[slots - 1] = last_take + 1;
}

static void load_weights(struct machine *m, int64_t tile)
{
    const struct os_array_plan *plan = m->plan;
    const uint64_t addr = plan->weights_addr + (uint64_t)tile * (uint64_t)plan->weight_beats * 16;
    const int64_t go = plan->resident ? m->now.loader : max64(m->now.loader, m->now.tile_free[0]);
    read_beats(m, go, addr, plan->weight_beats);
    m->now.tile_ready = m->now.loader;
}

/* ---- repetition ---- */

enum { MOMENTS = sizeof(struct moments) / sizeof(int64_t) };

/* Did every moment that still matters move by the same amount? Slots beyond the configuration's stay zero. */
static bool shifted(const struct moments *before, const struct moments *after, int64_t *by)
{
    const int64_t *a = (const int64_t *)(const void *)before;
    const int64_t *b = (const int64_t *)(const void *)after;
    *by = after->fed - before->fed;
    for (int i = 0; i < MOMENTS; i++) {
        if (b[i] - a[i] != *by && (a[i] != 0 || b[i] != 0)) {
            return false;
        }
    }
    return true;
}

static void skip(struct machine *m, const struct terms *before, int64_t times, int64_t by)
{
    int64_t *now = (int64_t *)(void *)&m->now;
    int64_t *term = (int64_t *)(void *)&m->terms;
    const int64_t *old = (const int64_t *)(const void *)before;
    for (int i = 0; i < MOMENTS; i++) {
        now[i] += now[i] != 0 ? times * by : 0;
    }
    for (size_t i = 0; i < sizeof(struct terms) / sizeof(int64_t); i++) {
        term[i] += times * (term[i] - old[i]);
    }
}

/* Tiles of one filter tile whose rows are all used. Only feeding moves: operands are there. */
static void feed_tiles(struct machine *m, int64_t count, int64_t beats_per_row)
{
    for (int64_t i = 0; i < count; i++) {
        struct moments before = m->now;
        const struct terms terms = m->terms;
        const bool begun = m->begun;
        feed_tile(m, m->plan->hw.rows, beats_per_row);
        /* What the tiles do not touch is left out of the comparison by moving it along. */
        struct moments after = m->now;
        int64_t by = after.fed - before.fed;
        before.loader = after.loader = 0;
        before.read = after.read = 0;
        before.window_ready = after.window_ready = 0;
        before.tile_ready = after.tile_ready = 0;
        before.window_free[0] = before.window_free[1] = before.tile_free[0] = before.tile_free[1] = 0;
        after.window_free[0] = after.window_free[1] = after.tile_free[0] = after.tile_free[1] = 0;
        const bool past = max64(m->now.window_ready, m->now.tile_ready) <= before.fed; /* no wait for operands in it */
        if (begun && past && i + 1 < count && shifted(&before, &after, &by)) {
            const struct moments keep = m->now;
            skip(m, &terms, count - 1 - i, by);
            m->now.loader = keep.loader;
            m->now.read = keep.read;
            m->now.window_ready = keep.window_ready;
            m->now.tile_ready = keep.tile_ready;
            for (int h = 0; h < 2; h++) {
                m->now.window_free[h] = keep.window_free[h];
                m->now.tile_free[h] = keep.tile_free[h];
            }
            return;
        }
    }
}

static void run_filter_tile(struct machine *m, int64_t block, int64_t tile)
{
    const struct os_array_plan *plan = m->plan;
    const bool last_block = block == plan->blocks - 1;
    const int64_t tiles = last_block ? plan->tiles_tail : plan->tiles;
    const int64_t rows_last = last_block ? plan->rows_tail : plan->rows_last;
    const int64_t filters = tile == plan->n_tiles - 1 ? plan->n_tail : plan->n_step;
    const int64_t beats_per_row = (filters * (plan->conv.raw ? 4 : 1) + 15) / 16;

    if (!plan->resident || block == 0) {
        load_weights(m, tile);
    }
    feed_tiles(m, tiles - 1, beats_per_row);
    feed_tile(m, rows_last, beats_per_row);
    if (!plan->resident) {
        m->now.tile_free[0] = m->now.tile_free[1];
        m->now.tile_free[1] = m->now.fed + RELEASE_LEAD + plan->hw.rows + plan->hw.col_groups;
    }
}

static void run_filter_tiles(struct machine *m, int64_t block)
{
    const struct os_array_plan *plan = m->plan;
    /* All but the last filter tile are alike, once the reading time does not depend on where the tile lies. */
    const bool alike =
        plan->weight_beats % 16 == 0 || m->mem.latency + 1 <= (16 * (m->mem.outstanding - 1) + 1) * m->mem.beat;
    for (int64_t tile = 0; tile < plan->n_tiles; tile++) {
        struct moments before = m->now;
        const struct terms terms = m->terms;
        const bool begun = m->begun;
        run_filter_tile(m, block, tile);
        struct moments after = m->now;
        int64_t by = 0;
        before.window_free[0] = before.window_free[1] = before.window_ready = 0;
        after.window_free[0] = after.window_free[1] = after.window_ready = 0;
        const int64_t left = plan->n_tiles - 2 - tile;
        if (alike && begun && left > 0 && !plan->resident && m->now.window_ready <= before.fed &&
            shifted(&before, &after, &by)) {
            const struct moments keep = m->now;
            skip(m, &terms, left, by);
            m->now.window_ready = keep.window_ready;
            m->now.window_free[0] = keep.window_free[0];
            m->now.window_free[1] = keep.window_free[1];
            tile += left;
        }
    }
}

static void load_window(struct machine *m, int64_t block)
{
    const struct os_array_plan *plan = m->plan;
    const struct bt_conv2d *conv = &plan->conv;
    const int64_t row_bytes = (int64_t)conv->w * plan->in_pitch;
    const int64_t first = ((int64_t)block * plan->block_rows * conv->stride_h - conv->pad_top) * row_bytes;
    const int64_t image = conv->h * row_bytes;
    const int64_t from = max64(0, first);
    const int64_t upto = min64(max64(0, first + plan->window_bytes), image);
    const int64_t go = max64(m->now.loader, m->now.window_free[0]);

    if (upto <= from) {
        m->now.loader = go + 1;
    } else {
        const int64_t beats = (upto + 15) / 16 - from / 16;
        const uint64_t addr = m->ifmap + (uint64_t)from / 16 * 16;
        read_beats(m, go, addr, beats);
    }
    m->now.window_ready = m->now.loader;
}

static void run_block(struct machine *m, int64_t block)
{
    const struct os_array_plan *plan = m->plan;
    load_window(m, block);
    run_filter_tiles(m, block);
    if (plan->resident && block > 0) {
        m->now.loader++; /* one cycle to see that the weights are there */
    }
    m->now.window_free[0] = m->now.window_free[1];
    m->now.window_free[1] = m->now.fed + 1;
}

/* The last block whose window lies within the image, and is read like that of every block from `first` on; or -1. */
static int64_t last_inner_block(const struct machine *m, int64_t *first)
{
    const struct os_array_plan *plan = m->plan;
    const struct bt_conv2d *conv = &plan->conv;
    const int64_t row_bytes = (int64_t)conv->w * plan->in_pitch;
    const int64_t step = (int64_t)plan->block_rows * conv->stride_h;
    const int64_t room = conv->h + conv->pad_top - plan->window_bytes / row_bytes;

    if (step * row_bytes % (streams(&m->mem) ? 16 : 256) != 0 || room < 0) {
        return -1;
    }
    *first = (conv->pad_top + step - 1) / step;
    return min64(room / step, plan->blocks - 2);
}

static void run_blocks(struct machine *m)
{
    const struct os_array_plan *plan = m->plan;
    int64_t first = 0;
    const int64_t last = last_inner_block(m, &first);
    for (int64_t block = 0; block < plan->blocks; block++) {
        struct moments before = m->now;
        const struct terms terms = m->terms;
        run_block(m, block);
        if (block <= first || block >= last) {
            continue;
        }
        struct moments after = m->now;
        int64_t by = 0;
        if (plan->resident) { /* the weights stay */
            before.tile_ready = after.tile_ready = 0;
        }
        if (before.tile_ready <= before.fed && shifted(&before, &after, &by)) {
            const int64_t ready = m->now.tile_ready;
            skip(m, &terms, last - block, by);
            m->now.tile_ready = plan->resident ? ready : m->now.tile_ready;
            block = last;
        }
    }
}

/* One descriptor that the machine begins to fetch one cycle after `start`; returns the cycle in which all is done. */
static int64_t run_descriptor(struct machine *m, int64_t start, uint64_t desc_addr)
{
    const struct os_array_plan *plan = m->plan;
    m->now = (struct moments){.read = start - m->mem.beat};
    m->begun = false;

    read_beats(m, start + START_TO_FETCH, desc_addr, 8);
    m->accepted = m->now.loader;
    m->terms.control += m->accepted - start;
    m->now.loader = m->accepted + 1;
    if (plan->conv.table) {
        read_beats(m, m->accepted, plan->table_addr, 16);
    }
    m->now.fed = m->accepted + 1;
    run_blocks(m);
    const int64_t answered = m->now.bus + m->mem.latency + ANSWER_TO_IDLE;
    m->terms.drain += answered - m->now.fed;
    return answered;
}

enum bt_status os_array_cycles(const struct bt_config *config, const void *plan_in, const struct bt_layer *layers,
                               const struct bt_blob *aux, const struct bt_blob *profile, struct bt_counters *prediction)
{
    (void)layers;
    (void)aux;
    (void)profile;
    const struct os_array_plan *plan = plan_in;
    struct machine m = {
        .plan = plan,
        .mem = {.latency = max64(1, config->mem.latency_cycles),
                .beat = (16 + config->mem.bytes_per_cycle - 1) / config->mem.bytes_per_cycle,
                .outstanding = config->mem.outstanding},
    };
    if (m.mem.outstanding < 1 || m.mem.outstanding > MAX_OUTSTANDING || plan->hw.obuf_tiles > MAX_SLOTS) {
        return BT_EUNSUPPORTED;
    }
    int64_t now = 0;
    for (int64_t image = 0; image < plan->conv.n; image++) {
        m.ifmap = plan->in_addr + (uint64_t)image * plan->in_image_bytes;
        now = run_descriptor(&m, now, plan->desc_addr + (uint64_t)image * 4 * OS_ARRAY_DESC_WORDS);
    }
    now++; /* the interrupt rises */
    m.terms.drain++;

    bt_counters_add(prediction, "cycles", (uint64_t)now);
    bt_counters_add(prediction, "control", (uint64_t)m.terms.control);
    bt_counters_add(prediction, "fill", (uint64_t)m.terms.fill);
    bt_counters_add(prediction, "compute", (uint64_t)m.terms.compute);
    bt_counters_add(prediction, "load_stall", (uint64_t)m.terms.load_stall);
    bt_counters_add(prediction, "store_stall", (uint64_t)m.terms.store_stall);
    bt_counters_add(prediction, "drain", (uint64_t)m.terms.drain);
    bt_counters_add(prediction, "tiles", (uint64_t)m.terms.tiles);
    bt_counters_add(prediction, "read_beats", (uint64_t)m.terms.read_beats);
    bt_counters_add(prediction, "write_beats", (uint64_t)m.terms.write_beats);
    bt_counters_add(prediction, "macs_issued", (uint64_t)m.terms.compute * (uint64_t)(plan->hw.rows * plan->hw.cols));
    return BT_OK;
}

/*
 * Equations 4.1 to 4.3. The layer is an l x m by m x n product per group; eta and delta together scale each dimension that
 * lies on the array to whole tiles. Every row of ifmap (im2col), weights and ofmap is padded to the bus (4.2); alpha, the
 * share of idle phases, is not given by the text and is 1.
 */
uint64_t os_array_roofline(const struct bt_config *config, const struct bt_layer *layers, uint32_t count)
{
    const double bus = config->mem.bytes_per_cycle;
    const double rows = (double)bt_config_get(config, "ROWS", 16);
    const double cols = (double)bt_config_get(config, "COLS", 16);
    double cycles = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct bt_conv2d *conv = &layers[i].u.conv;
        const int64_t l = (int64_t)conv->n * bt_conv2d_oh(conv) * bt_conv2d_ow(conv);
        const int64_t m = (int64_t)conv->kh * conv->kw * (conv->c_in / conv->groups);
        const int64_t n = conv->c_out / conv->groups;
        const int64_t tiles_l = (l + (int64_t)rows - 1) / (int64_t)rows;
        const int64_t tiles_n = (n + (int64_t)cols - 1) / (int64_t)cols;
        const double macs = (double)tiles_l * rows * (double)m * (double)tiles_n * cols;
        const int64_t bytes = (int64_t)bus;
        const int64_t reduction = (m + bytes - 1) / bytes; /* N_bw of one row */
        const int64_t result = (n * (conv->raw ? 4 : 1) + bytes - 1) / bytes;
        const double transfers = (double)(reduction * (l + n) + result * l);
        const double data = transfers * bus;
        const double intensity = macs / data;
        const double peak = rows * cols;
        const double performance = intensity * bus < peak ? intensity * bus : peak;
        cycles += conv->groups * (macs / performance);
    }
    return (uint64_t)(cycles + 0.5);
}
