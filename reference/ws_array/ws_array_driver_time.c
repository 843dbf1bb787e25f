#include "reference/common/bt_axi_time.h"
#include "reference/ws_array/ws_array_plan.h"

/*
 * Cycles of one plan, from shapes, configuration and memory parameters. Time is counted in clock cycles from the one in
 * which the start is accepted (cycle 0). Loader, array and write-back are three servers with buffers between them, so every
 * moment is a maximum of earlier moments plus constants of the pipeline. One step of the recurrence is a chunk of weights
 * (loaded, worked on) or a filter tile (written back): passes within a chunk follow each other without a gap, rows within a
 * write-back soon keep a constant distance, which is then added at once.
 *
 * Part of the driver, whose planner chooses by it; freestanding.
 */

enum {
    /* Pipeline constants of the RTL; beside each what happens in between. */
    START_TO_FETCH = 2, /* ws_array_top, ws_array_load: start accepted -> descriptor asked for */
    BEAT_TO_NEXT = 2,   /* ws_array_load: last beat -> next decision, and operands visible to the array */
    CHECK_TO_NEXT = 1,  /* ws_array_load: descriptor checked -> next decision; likewise from the barrier */
    HAND_TO_FETCH = 1,  /* ws_array_load: descriptor handed over -> next one asked for */
    FREE_TO_SEEN = 1,   /* a slot, a half or a descriptor is given up -> seen by who waits for it */
    TAKE_TO_PASS = 1,   /* ws_array_exec: descriptor taken -> first pass may be decided */
    PASS_TO_TILE =
        5, /* ws_array_exec: last cycle of a filter tile -> write-back sees it, beside DIM and column groups */
    LAST_READ_TO_BEGIN = 7, /* ws_array_store: last place of a filter tile -> the pipeline behind it is empty */
    BEGIN_TO_READ = 1,      /* ws_array_store: filter tile begun -> first place */
    READ_TO_QUEUE = 7,      /* ws_array_store: last place of a window -> its row can be taken from the queue */
    ANSWER_TO_DONE = 2,     /* last answer -> nothing open -> done and interrupt */
    QUEUE_ROWS = 16,
    MAX_SLOTS = WS_ARRAY_MAX_SLOTS,
    PARAM_SLOTS = WS_ARRAY_PARAM_SLOTS,
};

static const int64_t LONG_AGO = INT64_MIN / 4;

struct machine {
    const struct ws_array_plan *plan;
    struct bt_axi_memory mem;
    struct ws_array_terms *terms;
    /* loader */
    int64_t loader; /* cycle in which it decides what comes next */
    int64_t read;   /* of the last beat read */
    int64_t window_free[MAX_SLOTS], chunk_free[MAX_SLOTS], param_free[PARAM_SLOTS]; /* by slot: given up */
    int32_t window_slot, chunk_slot, param_slot;
    /* array */
    int64_t taken;    /* the descriptor */
    int64_t fed;      /* last cycle of the last pass */
    int64_t operands; /* cycle from which the window is there, and the descriptor */
    int64_t half_free[2];
    int32_t half;
    bool begun;
    int64_t accepted;
    /* write-back */
    int64_t store_taken;           /* the descriptor */
    int64_t last_read;             /* last place of the last filter tile */
    int64_t row_taken[QUEUE_ROWS]; /* from the queue, of the last sixteen rows */
    int32_t row;                   /* oldest of them */
    int64_t take;                  /* cycle in which the next beat can be taken from the queue */
    int64_t bus;                   /* cycle in which the last beat was accepted */
};

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void read_beats(struct machine *m, int64_t go, uint64_t addr, int64_t beats, int64_t rows, uint32_t pitch)
{
    const struct bt_axi_transfer transfer = {.addr = (uint32_t)addr, .pitch = pitch, .beats = beats, .rows = rows};
    m->read = bt_axi_read_end(&m->mem, go, m->read, &transfer);
    m->loader = m->read + BEAT_TO_NEXT;
    m->terms->read_beats += beats * rows;
}

/* ---- array ---- */

/* The next passes begin when the last ones have ended, operands are there from `operands` on, and `half` is free. */
static int64_t begin_passes(struct machine *m, int64_t operands, int64_t half)
{
    const int64_t go = max64(max64(m->fed, operands), half);
    if (!m->begun) {
        m->begun = true;
        m->terms->fill = go - m->accepted;
        return go;
    }
    const int64_t loaded = max64(operands, m->fed);
    m->terms->load_stall += min64(loaded, go) - m->fed;
    m->terms->store_stall += go - min64(loaded, go);
    return go;
}

static void run_passes(struct machine *m, int64_t go, int64_t passes, int64_t length)
{
    m->fed = go + passes * length;
    m->terms->compute += passes * length;
    m->terms->preloads += passes;
}

/* ---- write-back ---- */

struct rows {
    int64_t count;  /* output pixels of the tile */
    int64_t places; /* of a window */
    int64_t beats;  /* of a row */
};

/* One row: its window is walked, it passes the queue, its beats go out. @return the cycle of its window's first place. */
static int64_t store_row(struct machine *m, const struct rows *rows, int64_t earliest)
{
    const int64_t interval = m->mem.beat;
    const int64_t begin = max64(earliest, m->row_taken[m->row] + FREE_TO_SEEN);
    const int64_t last = begin + rows->places - 1;
    int64_t taken = 0;

    m->take = max64(m->take, last + READ_TO_QUEUE);
    for (int64_t beat = 0; beat < rows->beats; beat++) {
        taken = m->take;
        const int64_t moved = max64(m->take + 1, m->bus); /* into the bus register */
        m->bus = max64(moved + 1, m->bus + interval);     /* on the bus */
        m->take = moved;
    }
    m->row_taken[m->row] = taken;
    m->row = (m->row + 1) % QUEUE_ROWS;
    m->last_read = last;
    return begin;
}

/* Would rows that follow each other without a gap from `first` on find room in the queue, taken as it is being emptied now? */
static bool room_for_all(const struct machine *m, int64_t first, int64_t places)
{
    for (int32_t r = 0; r < QUEUE_ROWS; r++) {
        if (m->row_taken[(m->row + r) % QUEUE_ROWS] + FREE_TO_SEEN > first + r * places) {
            return false;
        }
    }
    return true;
}

/* All `count` rows that are left do what the last one did, `step` cycles later each. */
static void skip_rows(struct machine *m, int64_t count, int64_t step)
{
    const int64_t taken = m->row_taken[(m->row + QUEUE_ROWS - 1) % QUEUE_ROWS];
    for (int64_t i = max64(1, count - QUEUE_ROWS + 1); i <= count; i++) {
        m->row_taken[m->row] = taken + i * step;
        m->row = (m->row + 1) % QUEUE_ROWS;
    }
    m->last_read += count * step;
    m->take += count * step;
    m->bus += count * step;
}

static void store_tile(struct machine *m, int64_t complete, const struct rows *rows)
{
    const int64_t begin = max64(max64(m->store_taken + FREE_TO_SEEN, complete), m->last_read + LAST_READ_TO_BEGIN);
    m->param_free[m->param_slot] = begin;
    m->param_slot = (m->param_slot + 1) % PARAM_SLOTS;

    int64_t before = 0; /* first place, last take and last beat of the row before, and how far they moved last */
    int64_t taken = 0;
    int64_t bus = 0;
    int64_t step = -1;
    int32_t same = 0;
    for (int64_t i = 0; i < rows->count; i++) {
        const int64_t first = store_row(m, rows, i == 0 ? begin + BEGIN_TO_READ : m->last_read + 1);
        const int64_t last_taken = m->row_taken[(m->row + QUEUE_ROWS - 1) % QUEUE_ROWS];
        const bool alike = i > 0 && first - before == step && last_taken - taken == step && m->bus - bus == step;
        same = alike ? same + 1 : 0;
        step = first - before;
        before = first;
        taken = last_taken;
        bus = m->bus;
        /*
         * Without a gap, and the bus keeps up with it: so it goes on, since a row leaves the queue before fifteen more come.
         * Otherwise, once the whole queue has moved by the same for each row, it does for ever.
         */
        const bool flows = same > 0 && step == rows->places && step >= rows->beats * m->mem.beat &&
                           room_for_all(m, m->last_read + 1, rows->places);
        if (flows || same > QUEUE_ROWS) {
            skip_rows(m, rows->count - 1 - i, step);
            break;
        }
    }
    m->half_free[m->half] = m->last_read;
    m->half ^= 1;
    m->terms->tiles++;
    m->terms->write_beats += rows->count * rows->beats;
}

/* ---- one descriptor ---- */

static int64_t fetch(struct machine *m, int64_t go, uint64_t addr)
{
    read_beats(m, go, addr, WS_ARRAY_DESC_WORDS / 4, 1, 0);
    return m->loader; /* it is checked in that cycle */
}

static void load_window(struct machine *m, const struct ws_array_tile *tile, uint64_t image)
{
    const struct ws_array_plan *plan = m->plan;
    const int64_t go = max64(m->loader, m->window_free[m->window_slot] + FREE_TO_SEEN);
    const uint64_t addr = plan->in_addr + image * plan->in_image_bytes + (uint64_t)tile->iy0 * plan->in_row_bytes +
                          (uint64_t)tile->seg_from;
    read_beats(m, go, addr, tile->seg_beats, tile->window_rows, plan->in_row_bytes);
    m->operands = max64(m->operands, m->loader);
}

/* Accumulator rows that a window's walk over one direction finds inside of the tile. */
static int64_t places_inside(int32_t first, int32_t count, int32_t kernel, int32_t stride, int32_t extent)
{
    int64_t places = 0;
    for (int32_t i = 0; i < count; i++) {
        const int32_t from = first + i * stride;
        places += min64(from + kernel, extent) - max64(from, 0);
    }
    return places;
}

static int64_t run_tile(struct machine *m, const struct ws_array_tile *tile, bool kept)
{
    const struct ws_array_plan *plan = m->plan;
    const struct bt_conv2d *conv = &plan->conv;
    const int64_t dim = plan->hw.dim;
    const int64_t pixels = (int64_t)(tile->cy1 - tile->cy0) * (tile->cx1 - tile->cx0);
    const int64_t length = plan->os || pixels < dim ? dim : pixels;
    const int64_t groups = plan->os ? (pixels + dim - 1) / dim : 1;
    const int64_t out_rows = tile->oy1 - tile->oy0;
    const int64_t out_cols = tile->ox1 - tile->ox0;
    const int64_t reads =
        places_inside(tile->pool_y, (int32_t)out_rows, plan->pool.kh, plan->pool.stride_h, tile->cy1 - tile->cy0) *
        places_inside(tile->pool_x, (int32_t)out_cols, plan->pool.kw, plan->pool.stride_w, tile->cx1 - tile->cx0);
    uint64_t addr = plan->weights_addr;

    for (int32_t n = 0; n < plan->map.n_tiles; n++) {
        const int32_t filters = n == plan->map.n_tiles - 1 ? plan->map.n_tail : plan->map.n_step;
        const struct rows rows = {.count = out_rows * out_cols,
                                  .places = (int64_t)plan->pool.kh * plan->pool.kw,
                                  .beats = ((int64_t)filters * (conv->raw ? 4 : 1) + 15) / 16};
        for (int32_t chunk = 0; chunk < plan->chunks; chunk++) {
            const int64_t words = chunk == plan->chunks - 1 ? plan->chunk_tail : plan->chunk_words;
            if (!kept || chunk == 0) {
                const int64_t beats = (kept ? 0 : words * plan->hw.word_beats) + (chunk == 0 ? dim : 0);
                int64_t go = m->loader;
                if (chunk == 0) {
                    go = max64(go, m->param_free[m->param_slot] + FREE_TO_SEEN);
                }
                if (!plan->resident) {
                    go = max64(go, m->chunk_free[m->chunk_slot] + FREE_TO_SEEN);
                }
                read_beats(m, go, addr, beats, 1, 0);
                addr += (uint64_t)beats * 16;
                m->operands = max64(m->operands, m->loader);
            }
            const int64_t half = chunk == 0 ? m->half_free[m->half] + FREE_TO_SEEN : LONG_AGO;
            run_passes(m, begin_passes(m, m->operands, half), words * groups, length);
            m->chunk_free[m->chunk_slot] = m->fed;
            m->chunk_slot = (m->chunk_slot + 1) % plan->weight_slots;
        }
        if (kept) {
            addr += (uint64_t)plan->words * (uint64_t)plan->hw.word_beats * 16;
        }
        store_tile(m, m->fed + dim + dim / 4 + PASS_TO_TILE, &rows);
        m->terms->acc_reads += reads;
    }
    return m->fed;
}

static void run_descriptor(struct machine *m, const struct ws_array_tile *tile, uint64_t index, uint64_t image)
{
    const struct ws_array_plan *plan = m->plan;
    const bool first = index == 0;
    const int64_t checked = fetch(m, m->loader, plan->desc_addr + index * 4 * WS_ARRAY_DESC_WORDS);
    m->loader = checked + CHECK_TO_NEXT;
    if (first) {
        m->terms->control = checked;
        m->accepted = checked;
        if (plan->conv.table) { /* in the barrier */
            read_beats(m, m->loader, plan->table_addr, 16, 1, 0);
        } else {
            m->loader += CHECK_TO_NEXT;
        }
    }
    /* The array takes the descriptor when it has ended the one before and write-back has taken that. */
    m->taken = max64(m->loader, max64(m->fed, m->store_taken) + FREE_TO_SEEN);
    m->operands = m->taken + TAKE_TO_PASS;
    const int64_t before = m->row_taken[(m->row + QUEUE_ROWS - 1) % QUEUE_ROWS];
    m->store_taken = max64(m->taken + FREE_TO_SEEN, max64(m->last_read, before) + FREE_TO_SEEN);
    if (plan->resident) {
        m->chunk_slot = 0;
    }
    load_window(m, tile, image);
    m->window_free[m->window_slot] = run_tile(m, tile, plan->resident && !first);
    m->window_slot = (m->window_slot + 1) % plan->window_slots;
    m->loader = max64(m->loader, m->taken + FREE_TO_SEEN) + HAND_TO_FETCH;
}

bool ws_array_time(const struct ws_array_plan *plan, const struct bt_memory *mem, struct ws_array_terms *terms)
{
    struct machine m = {.plan = plan, .terms = terms, .loader = START_TO_FETCH, .read = LONG_AGO, .fed = LONG_AGO};
    *terms = (struct ws_array_terms){0};
    if (!bt_axi_memory(mem, &m.mem)) {
        return false;
    }
    for (int32_t i = 0; i < MAX_SLOTS; i++) {
        m.window_free[i] = m.chunk_free[i] = LONG_AGO;
    }
    for (int32_t i = 0; i < PARAM_SLOTS; i++) {
        m.param_free[i] = LONG_AGO;
    }
    for (int32_t i = 0; i < QUEUE_ROWS; i++) {
        m.row_taken[i] = LONG_AGO;
    }
    m.half_free[0] = m.half_free[1] = m.store_taken = m.last_read = m.take = m.bus = LONG_AGO;

    uint64_t index = 0;
    for (int32_t image = 0; image < plan->conv.n; image++) {
        for (int32_t ty = 0; ty < plan->tiles_y; ty++) {
            for (int32_t tx = 0; tx < plan->tiles_x; tx++) {
                struct ws_array_tile tile;
                ws_array_tile(plan, ty, tx, &tile);
                run_descriptor(&m, &tile, index, (uint64_t)image);
                index++;
            }
        }
    }
    const int64_t done = m.bus + m.mem.latency + ANSWER_TO_DONE;
    terms->drain = done - m.fed;
    terms->cycles = done;
    return true;
}
