#include "reference/common/bt_axi_time.h"
#include "reference/common/bt_brick.h"

/* Freestanding: this file is also compiled for RV32. */

/*
 * Time is counted in clock cycles from the one in which the start is accepted (cycle 0). Loader, passes and write-back are
 * three servers with two halves of memory between each two, so every moment is a maximum of earlier moments plus constants of
 * the pipeline: the cycles of the states of bt_brick_load.sv, bt_brick_walk.sv, bt_brick_store.sv. None is fitted to a layer.
 */
enum {
    START_TO_FETCH = 2, /* start, or end of the descriptor before, to the fetch's transfer */
    BEAT_TO_STATE = 2,  /* last beat to the next state, and to what it brought being known */
    CHECK_TO_NEXT = 1,  /* descriptor checked to the next transfer */
    SETUP_TO_NEXT = 1,  /* rows of a window worked out to the next state */
    RETIRE_TO_SEEN = 1, /* a pass or a band over to loader, passes or write-back knowing it */
    FLIGHT = 8,         /* last step issued to the end of the pass */
    BAND_TO_MOVE =
        2, /* band over to its first beat leaving the ofmap memory; also from the last beat of the one before */
    ANSWER_TO_DONE = 2, /* last answer to the interrupt */
    ANSWER_TO_NEXT = 1, /* last answer to the end of a descriptor that is not the last one */
};
#define LONG_AGO (INT64_MIN / 4)

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int32_t min32(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

struct machine {
    const struct bt_brick_plan *plan;
    const struct bt_blob *aux;
    struct bt_axi_memory mem;
    struct bt_brick_terms *terms;
    int64_t loader;         /* cycle in which the loader can begin its next transfer */
    int64_t read;           /* of the last beat */
    int64_t retired[2];     /* last pass of each half of the weight memory */
    int64_t over;           /* last pass over */
    int64_t band_over[2];   /* last pass of the last band of each half of the ifmap memory */
    int64_t window[2];      /* the half's window is known to be in place */
    int64_t moved[2];       /* last beat of the band left the half of the ofmap memory */
    int64_t last_move, bus; /* of the write-back: its last beat left, was accepted */
};

static void read_beats(struct machine *m, int64_t go, uint64_t addr, int64_t beats)
{
    const struct bt_axi_transfer transfer = {.addr = (uint32_t)addr, .pitch = 0, .beats = beats, .rows = 1};
    m->read = bt_axi_read_end(&m->mem, go, m->read, &transfer);
    m->loader = m->read + BEAT_TO_STATE;
    m->terms->read_beats += beats;
}

/* ---- windows ---- */

struct window {
    int32_t first, rows; /* of the ifmap */
};

static struct window window_of(const struct bt_brick_plan *plan, int32_t band)
{
    const int32_t top = band * plan->band_rows * plan->conv.stride_h - plan->conv.pad_top;
    const int32_t bottom = top + (band == plan->bands - 1 ? plan->span_tail : plan->span);
    const int32_t first = top < 0 ? 0 : min32(top, plan->conv.h - 1);
    const int32_t end = min32(bottom, plan->conv.h);
    return (struct window){.first = first, .rows = end > first ? end - first : 1};
}

/* Loads rows of the window of `band`: all, or the next piece. @return rows. */
static int32_t load_rows(struct machine *m, uint64_t image, int32_t band, int32_t done, int32_t rows)
{
    const struct bt_brick_plan *plan = m->plan;
    const int64_t row_bytes = (int64_t)plan->conv.w * plan->in_pitch;
    const struct window window = window_of(plan, band);
    const uint64_t addr = plan->in_addr + image * plan->in_image_bytes + (uint64_t)((window.first + done) * row_bytes);
    read_beats(m, max64(m->loader, m->band_over[band % 2] + RETIRE_TO_SEEN), addr, rows * row_bytes / 16);
    if (done + rows == window.rows) {
        m->window[band % 2] = m->loader;
    }
    return rows;
}

/* ---- write-back ---- */

static void store_band(struct machine *m, int32_t band)
{
    const struct bt_brick_plan *plan = m->plan;
    const int64_t rows = band == plan->bands - 1 ? plan->tail_rows : plan->band_rows;
    const int64_t beats = rows * plan->ow * (int64_t)(plan->out_pitch / 16);
    const int64_t move = max64(max64(m->over, m->last_move) + BAND_TO_MOVE, m->bus);
    const int64_t first = max64(move + 1, m->bus + m->mem.beat);

    m->bus = first + (beats - 1) * m->mem.beat;
    m->last_move = beats == 1 ? move : m->bus - m->mem.beat;
    m->moved[band % 2] = m->last_move;
    m->terms->write_beats += beats;
}

/* ---- passes ---- */

/* One item over all pixels of a band, operands known from `operands` on. */
static void run_pass(struct machine *m, int32_t band, int64_t item, int64_t steps, int64_t operands, bool first)
{
    const struct bt_brick_plan *plan = m->plan;
    const int64_t rows = band == plan->bands - 1 ? plan->tail_rows : plan->band_rows;
    const int64_t wait = m->over + RETIRE_TO_SEEN;
    const int64_t ready = max64(wait, operands);
    const int64_t go = max64(ready, m->moved[band % 2] + RETIRE_TO_SEEN);
    const int64_t compute = rows * plan->ow * steps;

    if (first) {
        m->terms->fill = m->terms->fill + go - m->over;
    } else {
        m->terms->load_stall += ready - wait;
        m->terms->store_stall += go - ready;
        m->terms->turn += 1;
    }
    m->terms->compute += compute;
    m->terms->turn += FLIGHT;
    m->terms->passes++;
    m->over = go + compute + FLIGHT;
    m->retired[item % 2] = m->over;
}

/* ---- one descriptor ---- */

static void run_bands(struct machine *m, uint64_t image)
{
    const struct bt_brick_plan *plan = m->plan;
    int64_t index = 0;

    m->loader += SETUP_TO_NEXT;
    (void)load_rows(m, image, 0, 0, window_of(plan, 0).rows);
    for (int32_t band = 0; band < plan->bands; band++) {
        const int32_t next_rows = band + 1 < plan->bands ? window_of(plan, band + 1).rows : 0;
        uint64_t addr = plan->weights_addr;
        int32_t done = 0;
        m->loader += SETUP_TO_NEXT;
        for (int32_t i = 0; i < plan->items; i++, index++) {
            const struct bt_brick_item item = bt_brick_item(plan, m->aux, i);
            read_beats(m, max64(m->loader, m->retired[index % 2] + RETIRE_TO_SEEN), addr, item.beats);
            addr += (uint64_t)item.beats * 16;
            run_pass(m, band, index, item.steps, max64(m->loader, m->window[band % 2]), index == 0);
            if (i == plan->items - 1) {
                m->band_over[band % 2] = m->over;
                store_band(m, band);
            }
            if (done < next_rows) {
                done += load_rows(m, image, band + 1, done, min32(plan->piece_rows, next_rows - done));
            }
        }
    }
}

bool bt_brick_time(const struct bt_brick_plan *plan, const struct bt_memory *mem, const struct bt_blob *aux,
                   struct bt_brick_terms *terms)
{
    struct machine m = {.plan = plan, .aux = aux, .terms = terms, .read = LONG_AGO, .bus = LONG_AGO};
    int64_t start = 0;

    *terms = (struct bt_brick_terms){0};
    if (!bt_axi_memory(mem, &m.mem)) {
        return false;
    }
    for (int32_t image = 0; image < plan->conv.n; image++) {
        read_beats(&m, start + START_TO_FETCH, plan->desc_addr + (uint64_t)image * 4 * BT_BRICK_DESC_WORDS,
                   BT_BRICK_DESC_WORDS / 4);
        const int64_t checked = m.loader;
        terms->control += checked - start;
        m.loader += CHECK_TO_NEXT;
        if (plan->conv.table) {
            read_beats(&m, m.loader, plan->table_addr, 16);
        }
        read_beats(&m, m.loader, plan->rows_addr, (plan->rows + 1) / 2);
        m.over = checked;
        for (int32_t half = 0; half < 2; half++) {
            m.retired[half] = m.band_over[half] = m.moved[half] = LONG_AGO;
        }
        m.last_move = LONG_AGO;
        run_bands(&m, (uint64_t)image);
        const bool last = image == plan->conv.n - 1;
        start = m.bus + m.mem.latency + (last ? ANSWER_TO_DONE : ANSWER_TO_NEXT);
        terms->drain += start - m.over;
    }
    terms->cycles = start;
    return true;
}

enum bt_status bt_brick_cycles(const struct bt_config *config, const void *plan_in, const struct bt_blob *aux,
                               struct bt_counters *prediction)
{
    const struct bt_brick_plan *plan = plan_in;
    struct bt_brick_terms terms;
    if (!bt_brick_time(plan, &config->mem, aux, &terms)) {
        return BT_EUNSUPPORTED;
    }
    const struct {
        const char *name;
        int64_t value;
    } items[] = {
        {"cycles", terms.cycles},
        {"control", terms.control},
        {"fill", terms.fill},
        {"compute", terms.compute},
        {"turn", terms.turn},
        {"load_stall", terms.load_stall},
        {"store_stall", terms.store_stall},
        {"drain", terms.drain},
        {"passes", terms.passes},
        {"macs_issued", terms.compute * plan->hw.slots * plan->hw.lanes},
        {"read_beats", terms.read_beats},
        {"write_beats", terms.write_beats},
    };
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        bt_counters_add(prediction, items[i].name, (uint64_t)items[i].value);
    }
    if (aux != NULL) { /* what the weights are worth is known: each meets every pixel */
        const struct bt_brick_worth *worth = &((const struct bt_brick_aux *)aux->data)->worth;
        const uint64_t pixels = (uint64_t)plan->conv.n * (uint64_t)plan->oh * (uint64_t)plan->ow;
        bt_counters_add(prediction, "macs_effectual", worth->effectual * pixels);
        bt_counters_add(prediction, "macs_ahead", worth->ahead * pixels);
        bt_counters_add(prediction, "macs_aside", worth->aside * pixels);
    }
    return BT_OK;
}
