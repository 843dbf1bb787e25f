#include <assert.h>
#include <stdbool.h>

#include "reference/common/bt_axi_time.h"
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
    BEAT_TO_NEXT = 2,   /* os_array_load: last beat -> next decision, and operands visible to the walker */
    FEED_LEAD = 7,      /* os_array_feed/mesh/post: last cycle fed -> first row of group 0 can be read back */
    RELEASE_LEAD = 7,   /* os_array_feed: last cycle fed -> weight half free, beside rows and column groups */
    TAKE_TO_BUS = 2,    /* os_array_store: row taken -> beat on the bus */
    ANSWER_TO_IDLE = 1, /* os_array_store: last answer -> idle */
    MAX_SLOTS = 64,
};

/* Never. Small enough to be added to. */
static const int64_t FAR = OS_ARRAY_FAR;

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
    const struct os_array_work *work;
    struct bt_axi_memory mem;
    struct moments now;
    struct os_array_terms terms;
    bool begun; /* a tile of this descriptor has been fed */
    int64_t accepted;
    /* what only an observer asks for; a prediction sees all cycles and no errors */
    struct os_array_watch *watch;
    int64_t until;    /* cycles before this one count */
    int64_t abort;    /* cycle from which no tile begins, since the memory failed */
    int64_t last_fed; /* as now.fed, but of a tile that was fed */
    bool frozen;      /* no further tile begins before `until` or `abort` */
    bool cut;         /* because of `until`: the end is not known */
    bool over;        /* the loader does nothing more */
    bool failed;
};

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Cycles from + 1 to `to` that count. */
static int64_t span(const struct machine *m, int64_t from, int64_t to)
{
    return max64(0, min64(to, m->until - 1) - from);
}

/* Beats and bursts of a transfer, as in bt_axi_read_end(), that come in cycles which count. */
static void count_reads(struct machine *m, int64_t start, int64_t before, uint32_t addr, int64_t beats)
{
    const int64_t n = m->mem.outstanding;
    int64_t ends[BT_AXI_MAX_OUTSTANDING] = {0};
    int64_t accepted = start + BT_AXI_START_TO_ADDRESS - 1;
    int64_t last = before;
    for (int64_t i = 0; beats > 0; i++) {
        const int64_t size = min64(beats, 16 - (addr / 16 % 16));
        accepted = max64(accepted + 1, i >= n ? ends[i % n] + 1 : 0);
        if (accepted >= m->until) {
            return;
        }
        const int64_t begin = max64(accepted + m->mem.latency, last + m->mem.beat);
        last = begin + (size - 1) * m->mem.beat;
        ends[i % n] = last;
        m->terms.read_bursts++;
        if (begin < m->until) {
            m->terms.read_beats += min64(size, (m->until - 1 - begin) / m->mem.beat + 1);
        }
        addr += (uint32_t)size * 16;
        beats -= size;
    }
}

bool os_array_readable(uint32_t addr, int64_t beats, uint64_t dram_bytes)
{
    while (beats > 0) { /* a burst is answered with one voice */
        const int64_t size = min64(beats, 16 - (addr / 16 % 16));
        if (addr + (uint64_t)size * 16 > dram_bytes) {
            return false;
        }
        addr += (uint32_t)size * 16;
        beats -= size;
    }
    return true;
}

/* The loader reads `beats` beats from `addr`, beginning in cycle `go`, and then decides what comes next. */
static void read_beats(struct machine *m, int64_t go, uint32_t addr, int64_t beats)
{
    if (go >= m->until) {
        m->over = true;
        return;
    }
    if (beats == 0) { /* no beat will be the last one */
        m->over = m->failed = true;
        m->now.loader = FAR;
        return;
    }
    const int64_t before = m->now.read;
    const struct bt_axi_transfer transfer = {.addr = addr, .beats = beats, .rows = 1};
    m->now.read = bt_axi_read_end(&m->mem, go, before, &transfer);
    m->now.loader = m->now.read + BEAT_TO_NEXT;
    if (m->watch == NULL) {
        m->terms.read_beats += beats;
        return;
    }
    count_reads(m, go, before, addr, beats);
    if ((uint64_t)addr + (uint64_t)beats * 16 > m->watch->dram_bytes &&
        !os_array_readable(addr, beats, m->watch->dram_bytes)) {
        m->over = m->failed = true;
        m->abort = m->now.loader;
    }
}

/* One beat on its way out of the store engine; `take` and `bus` move on to the next one. */
static void next_beat(int64_t interval, int64_t *take, int64_t *bus)
{
    const int64_t moved = max64(*take + 1, *bus); /* into the bus register */
    *bus = max64(moved + 1, *bus + interval);     /* on the bus */
    *take = moved;
}

int64_t os_array_beat_cycle(const struct os_array_stored *stored, int64_t beat)
{
    int64_t take = stored->take;
    int64_t bus = stored->bus;
    for (int64_t i = 0; i <= beat; i++) {
        next_beat(stored->interval, &take, &bus);
    }
    return bus;
}

/* Beats of a tile that are on the bus in cycles which count. */
static int64_t count_writes(const struct machine *m, struct os_array_stored stored)
{
    int64_t count = 0;
    while (count < stored.beats) {
        next_beat(stored.interval, &stored.take, &stored.bus);
        if (stored.bus >= m->until) {
            break;
        }
        count++;
    }
    return count;
}

/* The store engine writes `beats` beats of one tile, the first not before `from`; returns the cycle of the last take. */
static int64_t store_tile(struct machine *m, int64_t from, int64_t beats)
{
    const int64_t interval = m->mem.beat;
    int64_t take = max64(from, m->now.take);
    int64_t bus = m->now.bus;
    int64_t last_take = take;
    const struct os_array_stored stored = {.take = take, .bus = bus, .interval = interval, .beats = beats};

    for (int64_t i = 0; i < beats; i++) {
        last_take = take;
        next_beat(interval, &take, &bus);
        if (i == 4 && beats > 5) { /* two registers deep: from here on one beat every max(1, interval) cycles */
            const int64_t skip = (beats - 5) * interval;
            take += skip;
            bus += skip;
            last_take += skip;
            break;
        }
    }
    m->now.take = take;
    m->now.bus = bus;
    m->terms.write_beats += bus < m->until ? beats : count_writes(m, stored);
    if (m->watch != NULL && m->watch->stored != NULL) {
        m->watch->stored(m->watch->context, &stored);
    }
    return last_take;
}

/* The array waits in cycles up to `upto` for operands that are there from cycle `operands` on, or for a result slot. */
static void wait_for_tile(struct machine *m, int64_t operands, int64_t upto)
{
    if (!m->begun) {
        m->terms.fill += span(m, m->accepted, upto);
        return;
    }
    const int64_t loaded = min64(max64(operands, m->now.fed), upto);
    m->terms.load_stall += span(m, m->now.fed, loaded);
    m->terms.store_stall += span(m, max64(loaded, m->now.fed), upto);
}

static void feed_tile(struct machine *m, int64_t rows, int64_t beats_per_row)
{
    const struct os_array_work *work = m->work;
    const int64_t slots = work->hw.obuf_tiles;
    struct moments *now = &m->now;
    const int64_t operands = max64(now->window_ready, now->tile_ready);
    const int64_t go = max64(max64(now->fed, operands), now->slot_free[0]);

    if (m->frozen) {
        return;
    }
    wait_for_tile(m, operands, min64(go, m->abort));
    if (go >= m->abort || go >= m->until) {
        m->frozen = true;
        m->cut = go < m->abort;
        now->fed = FAR;
        return;
    }
    m->begun = true;
    now->fed = go + work->steps;
    m->last_fed = now->fed;
    m->terms.compute += span(m, go, now->fed);

    const int64_t first_row = now->fed + FEED_LEAD + work->hw.col_groups;
    m->terms.tiles += first_row <= m->until;
    const int64_t last_take = store_tile(m, first_row, rows * beats_per_row);
    for (int64_t s = 0; s + 1 < slots; s++) {
        now->slot_free[s] = now->slot_free[s + 1];
    }
    now->slot_free[slots - 1] = last_take + 1;
}

static void load_weights(struct machine *m, int64_t tile)
{
    const struct os_array_work *work = m->work;
    const uint32_t addr = work->weights_addr + (uint32_t)tile * (uint32_t)work->weight_beats * 16;
    const int64_t go = work->resident ? m->now.loader : max64(m->now.loader, m->now.tile_free[0]);
    read_beats(m, go, addr, work->weight_beats);
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

static void skip(struct machine *m, const struct os_array_terms *before, int64_t times, int64_t by)
{
    int64_t *now = (int64_t *)(void *)&m->now;
    int64_t *term = (int64_t *)(void *)&m->terms;
    const int64_t *old = (const int64_t *)(const void *)before;
    for (int i = 0; i < MOMENTS; i++) {
        now[i] += now[i] != 0 ? times * by : 0;
    }
    for (size_t i = 0; i < sizeof(struct os_array_terms) / sizeof(int64_t); i++) {
        term[i] += times * (term[i] - old[i]);
    }
}

/* Tiles of one filter tile whose rows are all used. Only feeding moves: operands are there. */
static void feed_tiles(struct machine *m, int64_t count, int64_t beats_per_row)
{
    for (int64_t i = 0; i < count && !m->frozen; i++) {
        struct moments before = m->now;
        const struct os_array_terms terms = m->terms;
        const bool begun = m->begun;
        feed_tile(m, m->work->hw.rows, beats_per_row);
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
        if (m->watch == NULL && begun && past && i + 1 < count && shifted(&before, &after, &by)) {
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
    const struct os_array_work *work = m->work;
    const bool last_block = block == work->blocks - 1;
    const int64_t tiles = last_block ? work->tiles_tail : work->tiles;
    const int64_t rows_last = last_block ? work->rows_tail : work->rows_last;
    const int64_t beats_per_row = tile == work->n_tiles - 1 ? work->beats_tail : work->beats;

    if (!work->resident || block == 0) {
        load_weights(m, tile);
    }
    if (m->over) {
        return;
    }
    feed_tiles(m, tiles - 1, beats_per_row);
    feed_tile(m, rows_last, beats_per_row);
    if (!work->resident) {
        m->now.tile_free[0] = m->now.tile_free[1];
        m->now.tile_free[1] = m->now.fed + RELEASE_LEAD + work->hw.rows + work->hw.col_groups;
    }
}

static void run_filter_tiles(struct machine *m, int64_t block)
{
    const struct os_array_work *work = m->work;
    /* All but the last filter tile are alike, once the reading time does not depend on where the tile lies. */
    const bool alike =
        work->weight_beats % 16 == 0 || m->mem.latency + 1 <= (16 * (m->mem.outstanding - 1) + 1) * m->mem.beat;
    for (int64_t tile = 0; tile < work->n_tiles && !m->over; tile++) {
        struct moments before = m->now;
        const struct os_array_terms terms = m->terms;
        const bool begun = m->begun;
        run_filter_tile(m, block, tile);
        struct moments after = m->now;
        int64_t by = 0;
        before.window_free[0] = before.window_free[1] = before.window_ready = 0;
        after.window_free[0] = after.window_free[1] = after.window_ready = 0;
        const int64_t left = work->n_tiles - 2 - tile;
        if (m->watch == NULL && alike && begun && left > 0 && !work->resident && m->now.window_ready <= before.fed &&
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

bool os_array_window(const struct os_array_work *work, int64_t block, uint32_t *from, int64_t *beats)
{
    /* In 32 bits, as the loader does it. */
    const uint32_t first = work->y_start + (uint32_t)block * work->y_block;
    const uint32_t end = first + work->window_bytes;
    uint32_t upto = end;
    *from = first >> 31 != 0 ? 0 : first; /* below zero */
    if (end >> 31 != 0) {
        upto = 0;
    } else if ((int32_t)end > (int32_t)work->image_bytes) {
        upto = work->image_bytes;
    }
    *beats = (((upto + 15) >> 4) - (*from >> 4)) & 0xffffff;
    return upto > *from;
}

static void load_window(struct machine *m, int64_t block)
{
    const int64_t go = max64(m->now.loader, m->now.window_free[0]);
    uint32_t from = 0;
    int64_t beats = 0;

    if (os_array_window(m->work, block, &from, &beats)) {
        read_beats(m, go, m->work->ifmap_addr + from / 16 * 16, beats);
    } else {
        m->now.loader = go + 1;
        m->over = go >= m->until;
    }
    m->now.window_ready = m->now.loader;
}

static void run_block(struct machine *m, int64_t block)
{
    load_window(m, block);
    if (m->over) {
        return;
    }
    run_filter_tiles(m, block);
    if (m->work->resident && block > 0) {
        m->now.loader++; /* one cycle to see that the weights are there */
    }
    m->now.window_free[0] = m->now.window_free[1];
    m->now.window_free[1] = m->now.fed + 1;
}

/* The last block whose window lies within the image, and is read like that of every block from `first` on; or -1. */
static int64_t last_inner_block(const struct machine *m, int64_t *first)
{
    const struct os_array_work *work = m->work;
    const int64_t before = -(int64_t)(int32_t)work->y_start;
    const int64_t step = work->y_block;
    const int64_t room = (int64_t)work->image_bytes + before - work->window_bytes;

    if (step % (bt_axi_streams(&m->mem) ? 16 : 256) != 0 || room < 0) {
        return -1;
    }
    *first = (before + step - 1) / step;
    return min64(room / step, work->blocks - 2);
}

static void run_blocks(struct machine *m)
{
    const struct os_array_work *work = m->work;
    int64_t first = 0;
    const int64_t last = m->watch == NULL ? last_inner_block(m, &first) : -1;
    for (int64_t block = 0; block < work->blocks && !m->over; block++) {
        struct moments before = m->now;
        const struct os_array_terms terms = m->terms;
        run_block(m, block);
        if (block <= first || block >= last) {
            continue;
        }
        struct moments after = m->now;
        int64_t by = 0;
        if (work->resident) { /* the weights stay */
            before.tile_ready = after.tile_ready = 0;
        }
        if (before.tile_ready <= before.fed && shifted(&before, &after, &by)) {
            const int64_t ready = m->now.tile_ready;
            skip(m, &terms, last - block, by);
            m->now.tile_ready = work->resident ? ready : m->now.tile_ready;
            block = last;
        }
    }
}

/* After the last tile: the cycle in which everything is written and answered, FAR where that cannot be seen. */
static int64_t drain(struct machine *m)
{
    const int64_t answered = m->begun ? m->now.bus + m->mem.latency + ANSWER_TO_IDLE : 0;

    if (m->over && !m->frozen) { /* a tile waits for what does not come before `until` or `abort` */
        wait_for_tile(m, FAR, m->abort);
        m->cut = !m->failed;
    }
    if (m->cut || (m->failed && m->abort >= FAR)) {
        return FAR;
    }
    /* The walker gives up in the cycle in which it sees the failure. */
    const int64_t last = m->failed ? max64(m->last_fed, m->abort) : m->last_fed;
    const int64_t end = m->failed ? max64(last + 1, answered) : answered;
    m->terms.drain += span(m, last, end);
    return end;
}

/* One descriptor that the machine begins to fetch one cycle after `start`; returns the cycle in which all is done. */
static int64_t run_descriptor(struct machine *m, int64_t start)
{
    const struct os_array_work *work = m->work;
    m->now = (struct moments){.read = start - m->mem.beat};
    m->begun = m->frozen = m->cut = m->over = m->failed = false;
    m->last_fed = 0;

    read_beats(m, start + START_TO_FETCH, work->desc_addr, 8);
    m->accepted = m->over && !m->failed ? FAR : m->now.loader;
    m->terms.control += span(m, start, m->accepted);
    if (m->over || work->illegal) {
        return m->accepted;
    }
    m->now.loader = m->accepted + 1;
    if (work->table) {
        read_beats(m, m->accepted, work->table_addr, 16);
    }
    m->now.fed = m->accepted + 1;
    run_blocks(m);
    return drain(m);
}

void os_array_walk(const struct os_array_work *work, const struct bt_memory *mem, int64_t start,
                   struct os_array_watch *watch)
{
    struct machine m = {.work = work, .watch = watch, .until = watch->until, .abort = FAR};
    const bool known = bt_axi_memory(mem, &m.mem);
    assert(known && work->hw.obuf_tiles <= MAX_SLOTS);
    (void)known;
    watch->end = run_descriptor(&m, start);
    watch->failed = FAR;
    if (m.failed && m.accepted != watch->end) {
        /* Again, now that it is known when tiles cease to begin: those fed ahead of the transfer did not know. */
        watch->failed = m.abort;
        m.terms = (struct os_array_terms){0};
        if (watch->restart != NULL) {
            watch->restart(watch->context);
        }
        watch->end = run_descriptor(&m, start);
    }
    watch->terms = m.terms;
}

static int32_t beats_of(const struct os_array_plan *plan, int32_t filters)
{
    return (filters * (plan->conv.raw ? 4 : 1) + 15) / 16;
}

static struct os_array_work work_of(const struct os_array_plan *plan)
{
    const struct bt_conv2d *conv = &plan->conv;
    const int32_t row_bytes = conv->w * (int32_t)plan->in_pitch;
    return (struct os_array_work){.hw = plan->hw,
                                  .desc_addr = (uint32_t)plan->desc_addr,
                                  .table_addr = (uint32_t)plan->table_addr,
                                  .ifmap_addr = (uint32_t)plan->in_addr,
                                  .weights_addr = (uint32_t)plan->weights_addr,
                                  .table = conv->table,
                                  .resident = plan->resident,
                                  .steps = plan->map.steps,
                                  .weight_beats = plan->weight_beats,
                                  .n_tiles = plan->map.n_tiles,
                                  .beats = beats_of(plan, plan->map.n_step),
                                  .beats_tail = beats_of(plan, plan->map.n_tail),
                                  .blocks = plan->blocks,
                                  .tiles = plan->tiles,
                                  .tiles_tail = plan->tiles_tail,
                                  .rows_last = plan->rows_last,
                                  .rows_tail = plan->rows_tail,
                                  .y_start = (uint32_t)(-conv->pad_top * row_bytes),
                                  .y_block = (uint32_t)(plan->block_rows * conv->stride_h * row_bytes),
                                  .window_bytes = (uint32_t)plan->window_bytes,
                                  .image_bytes = (uint32_t)(conv->h * row_bytes)};
}

enum bt_status os_array_cycles(const struct bt_config *config, const void *plan_in, const struct bt_layer *layers,
                               const struct bt_blob *aux, const struct bt_blob *profile, struct bt_counters *prediction)
{
    (void)layers;
    (void)aux;
    (void)profile;
    const struct os_array_plan *plan = plan_in;
    struct os_array_work work = work_of(plan);
    struct machine m = {.work = &work, .until = FAR, .abort = FAR};
    if (!bt_axi_memory(&config->mem, &m.mem) || plan->hw.obuf_tiles > MAX_SLOTS) {
        return BT_EUNSUPPORTED;
    }
    int64_t now = 0;
    for (int64_t image = 0; image < plan->conv.n; image++) {
        now = run_descriptor(&m, now);
        work.ifmap_addr += (uint32_t)plan->in_image_bytes;
        work.desc_addr += 4 * OS_ARRAY_DESC_WORDS;
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
    const double bus = config->mem.bytes_per_cycle < 16 ? config->mem.bytes_per_cycle : 16; /* the port's width */
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
