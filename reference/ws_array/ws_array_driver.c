#include "reference/common/bt_conv2d.h"
#include "reference/ws_array/ws_array_plan.h"

/* Freestanding: this file is also compiled for RV32. */

static int32_t div_up(int32_t a, int32_t b)
{
    return (a + b - 1) / b;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static uint64_t align_up(uint64_t value, uint64_t to)
{
    return (value + to - 1) / to * to;
}

static enum bt_status refuse(struct bt_reason *why, enum bt_status status, const char *what, int64_t got, int64_t limit)
{
    if (why != NULL) {
        why->what = what;
        why->got = got;
        why->limit = limit;
    }
    return status;
}

struct ws_array_hw ws_array_hw(const struct bt_config *config)
{
    struct ws_array_hw hw = {
        .dim = (int32_t)bt_config_get(config, "DIM", 16),
        .spad_bytes = (int32_t)bt_config_get(config, "SPAD_BYTES", 262144),
        .acc_bytes = (int32_t)bt_config_get(config, "ACC_BYTES", 65536),
    };
    hw.bank_beats = hw.spad_bytes / WS_ARRAY_SPAD_BANKS / 16;
    hw.half_rows = hw.acc_bytes / (4 * hw.dim) / 2;
    hw.word_beats = hw.dim * hw.dim / 16;
    return hw;
}

/* ---- tiles of the ofmap ---- */

/* The largest tile of a mapping, or the smaller ones at the edges: what lies under it. */
struct shape {
    int64_t outputs, pixels; /* as written; of the convolution */
    int64_t window_rows, seg_beats;
};

/* Rows or columns of the convolution under so many of the ofmap as written, before the edges take something away. */
static int64_t under_pool(int32_t count, int32_t kernel, int32_t stride, int32_t limit)
{
    return min64((int64_t)(count - 1) * stride + kernel, limit);
}

static struct shape shape_of(const struct ws_array_plan *plan, int32_t rows, int32_t cols)
{
    const struct bt_conv2d *conv = &plan->conv;
    const int64_t conv_rows = under_pool(rows, plan->pool.kh, plan->pool.stride_h, plan->oh);
    const int64_t conv_cols = under_pool(cols, plan->pool.kw, plan->pool.stride_w, plan->ow);
    const int64_t row_bytes = (int64_t)conv->w * plan->in_pitch;
    const int64_t in_rows = (conv_rows - 1) * conv->stride_h + (int64_t)(conv->kh - 1) * conv->dil_h + 1;
    const int64_t in_cols = (conv_cols - 1) * conv->stride_w + (int64_t)(conv->kw - 1) * conv->dil_w + 1;
    int64_t bytes = 0;

    if (cols == plan->pw) { /* begins with the row */
        bytes = max64(1, in_cols - conv->pad_left) * plan->in_pitch;
    } else { /* or anywhere in a beat, unless pixels are whole beats */
        bytes = in_cols * plan->in_pitch + (plan->in_pitch % 16 == 0 ? 0 : 15);
    }
    return (struct shape){.outputs = (int64_t)rows * cols,
                          .pixels = conv_rows * conv_cols,
                          .window_rows = min64(in_rows, conv->h),
                          .seg_beats = (min64(bytes, row_bytes) + 15) / 16};
}

static bool shape_fits(const struct ws_array_plan *plan, const struct shape *shape, int32_t banks, int32_t slots)
{
    return shape->pixels <= plan->hw.half_rows && shape->window_rows <= 0xffff && shape->seg_beats <= 0xffff &&
           shape->window_rows * shape->seg_beats * slots <= (int64_t)banks * plan->hw.bank_beats;
}

static bool tile_fits(const struct ws_array_plan *plan, int32_t rows, int32_t cols, int32_t banks, int32_t slots)
{
    const struct shape shape = shape_of(plan, rows, cols);
    return shape_fits(plan, &shape, banks, slots);
}

/* The most columns of a tile of so many rows; 0 where not even one fits. */
static int32_t most_cols(const struct ws_array_plan *plan, int32_t rows, int32_t banks, int32_t slots)
{
    int32_t low = 0;
    int32_t high = plan->pw - 1;
    if (tile_fits(plan, rows, plan->pw, banks, slots)) {
        return plan->pw;
    }
    while (low < high) {
        const int32_t middle = high - (high - low) / 2;
        if (tile_fits(plan, rows, middle, banks, slots)) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

/* Ifmap rows or columns under pixels [from, to) of the convolution, cut to the ifmap; at least one of them. */
static void under_kernel(int32_t from, int32_t to, int32_t stride, int32_t pad, int32_t reach, int32_t limit,
                         int32_t *first, int32_t *end)
{
    *first = (int32_t)min64(max64((int64_t)from * stride - pad, 0), limit - 1);
    *end = (int32_t)max64(min64((int64_t)(to - 1) * stride - pad + reach, limit), *first + 1);
}

void ws_array_tile(const struct ws_array_plan *plan, int32_t ty, int32_t tx, struct ws_array_tile *tile)
{
    const struct bt_conv2d *conv = &plan->conv;
    const struct bt_maxpool *pool = &plan->pool;
    const int32_t pitch = (int32_t)plan->in_pitch;
    int32_t in_end = 0, col = 0, col_end = 0;

    tile->oy0 = ty * plan->tile_rows;
    tile->oy1 = (int32_t)min64(tile->oy0 + plan->tile_rows, plan->ph);
    tile->ox0 = tx * plan->tile_cols;
    tile->ox1 = (int32_t)min64(tile->ox0 + plan->tile_cols, plan->pw);

    const int32_t top = tile->oy0 * pool->stride_h - pool->pad_top;
    const int32_t left = tile->ox0 * pool->stride_w - pool->pad_left;
    tile->cy0 = top > 0 ? top : 0;
    tile->cx0 = left > 0 ? left : 0;
    tile->cy1 = (int32_t)min64((tile->oy1 - 1) * pool->stride_h - pool->pad_top + pool->kh, plan->oh);
    tile->cx1 = (int32_t)min64((tile->ox1 - 1) * pool->stride_w - pool->pad_left + pool->kw, plan->ow);
    tile->pool_y = top - tile->cy0;
    tile->pool_x = left - tile->cx0;

    under_kernel(tile->cy0, tile->cy1, conv->stride_h, conv->pad_top, (conv->kh - 1) * conv->dil_h + 1, conv->h,
                 &tile->iy0, &in_end);
    under_kernel(tile->cx0, tile->cx1, conv->stride_w, conv->pad_left, (conv->kw - 1) * conv->dil_w + 1, conv->w, &col,
                 &col_end);
    tile->window_rows = in_end - tile->iy0;
    tile->seg_from = col * pitch / 16 * 16;
    tile->seg_beats = div_up(col_end * pitch - tile->seg_from, 16);
    tile->x_start = (tile->cx0 * conv->stride_w - conv->pad_left) * pitch - tile->seg_from;
    tile->y_start = (tile->cy0 * conv->stride_h - conv->pad_top - tile->iy0) * tile->seg_beats * 16;
    tile->x_end = conv->w * pitch - tile->seg_from;
}

/* ---- the planner ---- */

/* 16-byte beats of one pixel of a filter tile in the ofmap. */
static int32_t pixel_beats(const struct ws_array_plan *plan)
{
    return div_up(plan->map.n_step * (plan->conv.raw ? 4 : 1), 16);
}

struct bus {
    int64_t latency, beat, outstanding;
};

/* Cycles until `rows` times `beats` are read, beside the latency: as the bus delivers them, or as bursts are answered. */
static int64_t stream(const struct bus *bus, int64_t beats, int64_t rows)
{
    const int64_t bursts = rows * ((beats + 15) / 16);
    const int64_t answer = bus->latency + (min64(beats, 16) - 1) * bus->beat + 1;
    return max64(rows * beats * bus->beat, bursts * answer / bus->outstanding);
}

/*
 * Cycles of a mapping, coarsely: a tile takes the longest of what is computed, loaded and written back for it; ahead of the
 * first comes what it waits for, behind the last its write-back. The loader reads one thing after the other, each with
 * the memory's latency.
 */
static int64_t estimate(const struct ws_array_plan *plan, const struct bt_memory *mem)
{
    const struct bus bus = {.latency = mem->latency_cycles + 4,
                            .beat = mem->bytes_per_cycle == 0 ? 1 : div_up(16, (int32_t)mem->bytes_per_cycle),
                            .outstanding = mem->outstanding == 0 ? 1 : mem->outstanding};
    const int64_t tiles = (int64_t)plan->conv.n * plan->tiles_y * plan->tiles_x;
    const int64_t filters = plan->map.n_tiles;
    const int64_t dim = plan->hw.dim;
    const int64_t per_output = max64(pixel_beats(plan) * bus.beat, plan->pool.kh * plan->pool.kw);
    const int64_t params = filters * (bus.latency + stream(&bus, dim, 1));
    const int64_t all = filters * (plan->chunks * bus.latency + stream(&bus, plan->filter_beats, 1));
    const int64_t operands = plan->resident ? params : all;
    const int64_t chunk = bus.latency + stream(&bus, dim + (int64_t)plan->chunk_words * plan->hw.word_beats, 1);
    const bool waits = tiles > 1 && plan->window_slots == 1;
    const bool starves = tiles * filters * plan->chunks > 1 && plan->weight_slots == 1;
    const int32_t tail_rows = plan->ph - (plan->tiles_y - 1) * plan->tile_rows;
    const int32_t tail_cols = plan->pw - (plan->tiles_x - 1) * plan->tile_cols;
    int64_t cost = bus.latency;

    for (int32_t kind = 0; kind < 4; kind++) {
        const bool last_row = kind >= 2;
        const bool last_col = kind % 2 == 1;
        const int64_t count =
            (int64_t)plan->conv.n * (last_row ? 1 : plan->tiles_y - 1) * (last_col ? 1 : plan->tiles_x - 1);
        if (count == 0) {
            continue;
        }
        const struct shape shape =
            shape_of(plan, last_row ? tail_rows : plan->tile_rows, last_col ? tail_cols : plan->tile_cols);
        const int64_t pass = plan->os ? (shape.pixels + dim - 1) / dim * dim : max64(shape.pixels, dim);
        const int64_t window = 2 * bus.latency + stream(&bus, shape.seg_beats, shape.window_rows); /* and descriptor */
        const int64_t loaded = window + operands;
        int64_t busy = filters * plan->words * pass;
        busy += waits ? window + chunk : 0;
        busy += starves ? operands : 0;
        const int64_t paced = max64(max64(busy, loaded), filters * shape.outputs * per_output);
        cost += count * paced;
        if (cost == bus.latency + count * paced) { /* the first tile */
            cost += window + chunk;
            cost += plan->resident ? max64(window + all - paced, 0) : 0;
        }
        if (last_row && last_col) {
            cost += shape.outputs * per_output;
        }
    }
    return cost;
}

/* How the weights of a filter tile are cut to the banks that are left for them: as few chunks as fit, or finer. */
static bool choose_chunks(struct ws_array_plan *plan, int32_t finer)
{
    const int32_t capacity = (WS_ARRAY_SPAD_BANKS - plan->ifmap_banks) * plan->hw.bank_beats / plan->hw.word_beats;
    const int64_t tiles = (int64_t)plan->conv.n * plan->tiles_y * plan->tiles_x;
    const bool only = tiles * plan->map.n_tiles == 1;
    int32_t most = only && plan->words <= capacity ? capacity : capacity / 2;

    if (plan->os) {
        if (plan->words > capacity) {
            return false;
        }
        most = capacity;
    }
    most = (int32_t)min64(max64(most, min64(capacity, 1)), 0xffff);
    if (most == 0) {
        return false;
    }
    const int32_t chunks = (int32_t)min64((int64_t)div_up(plan->words, most) * finer, plan->words);
    plan->chunk_words = div_up(plan->words, chunks);
    plan->chunks = div_up(plan->words, plan->chunk_words);
    plan->chunk_tail = plan->words - (plan->chunks - 1) * plan->chunk_words;
    plan->weight_slots = (int32_t)min64(capacity / plan->chunk_words, WS_ARRAY_MAX_SLOTS);
    plan->resident = tiles > 1 && (int64_t)plan->map.n_tiles * plan->chunks <= plan->weight_slots;
    return plan->chunks <= 0xffff;
}

/*
 * The search in two steps: every tiling and some cuts of its weights by their estimate, then the best few by the cycle model.
 * A chunk less to wait for at the beginning is worth a transfer more, where the bus has time. In a long list the ends, which
 * the estimate knows least of, matter least; and the model's work is the list's length.
 */
enum { FINALISTS = 3, FINEST = 8, SHORT = 256 };

struct search {
    const struct bt_memory *mem;
    int32_t dataflow; /* 0: whichever is faster; 1: weight stationary; 2: output stationary */
    int32_t count;
    struct {
        int64_t cost;
        struct ws_array_plan plan;
    } best[FINALISTS]; /* by cost; of equals the first stays in front */
};

static void keep(struct search *search, const struct ws_array_plan *plan, int64_t cost)
{
    int32_t at = search->count;
    while (at > 0 && cost < search->best[at - 1].cost) {
        at--;
    }
    if (at == FINALISTS) {
        return;
    }
    search->count += search->count < FINALISTS;
    for (int32_t i = search->count - 1; i > at; i--) {
        search->best[i] = search->best[i - 1];
    }
    search->best[at].cost = cost;
    search->best[at].plan = *plan;
}

static void decide(const struct search *search, struct ws_array_plan *plan)
{
    struct ws_array_terms terms;
    int64_t least = INT64_MAX;
    int64_t steps = 0; /* of the cycle model */

    for (int32_t i = 0; i < search->count; i++) {
        const struct ws_array_plan *tried = &search->best[i].plan;
        const int64_t tiles = (int64_t)tried->conv.n * tried->tiles_y * tried->tiles_x;
        steps += tiles * tried->map.n_tiles * tried->chunks;
    }
    *plan = search->best[0].plan;
    for (int32_t i = 0; i < search->count && steps <= SHORT; i++) {
        if (ws_array_time(&search->best[i].plan, search->mem, &terms) && terms.cycles < least) {
            least = terms.cycles;
            *plan = search->best[i].plan;
        }
    }
}

/* Looks at one tiling. */
static void consider(struct search *search, const struct ws_array_plan *base, int32_t rows, int32_t cols, int32_t banks,
                     int32_t slots)
{
    const struct shape shape = shape_of(base, rows, cols);
    struct ws_array_plan plan = *base;

    plan.tile_rows = rows;
    plan.tile_cols = cols;
    plan.tiles_y = div_up(plan.ph, rows);
    plan.tiles_x = div_up(plan.pw, cols);
    plan.ifmap_banks = banks;
    plan.window_slots = slots;
    plan.window_beats = (int32_t)(shape.window_rows * shape.seg_beats);
    for (plan.os = search->dataflow == 2; plan.os <= (search->dataflow != 1); plan.os++) {
        int32_t chunks = 0;
        /* Output stationary: whole filter tiles only. */
        for (int32_t finer = 1; finer <= (plan.os ? 1 : FINEST); finer *= 2) {
            if (!choose_chunks(&plan, finer) || plan.chunks == chunks) {
                break;
            }
            chunks = plan.chunks;
            /* Each doubling of the tiles must gain a thousandth: a descriptor is work for who writes it. */
            const int64_t cost = estimate(&plan, search->mem);
            int64_t bias = 0;
            for (int64_t tiles = (int64_t)plan.tiles_y * plan.tiles_x; tiles > 1; tiles /= 2) {
                bias += cost / 1024;
            }
            keep(search, &plan, cost + bias);
        }
    }
}

/* Equal pieces, as few as there are of `most`. */
static int32_t balanced(int32_t whole, int32_t most)
{
    return div_up(whole, div_up(whole, most));
}

/*
 * Tiles of every height, roughly, as wide as fits. More banks or a slot less are worth a look only where they make them
 * wider: else they leave less room for weights, and nothing to load ahead.
 */
static void consider_tiles(struct search *search, const struct ws_array_plan *plan)
{
    for (int32_t rows = plan->ph; rows > 0; rows -= rows < 8 ? 1 : rows / 4) {
        rows = balanced(plan->ph, rows);
        int32_t widest = 0;
        for (int32_t banks = 1; banks < WS_ARRAY_SPAD_BANKS; banks++) {
            for (int32_t slots = rows == plan->ph && plan->conv.n == 1 ? 1 : 2; slots > 0; slots--) {
                const int32_t most = most_cols(plan, rows, banks, slots);
                const int32_t cols = most > 0 ? balanced(plan->pw, most) : 0;
                if (cols > widest) {
                    consider(search, plan, rows, cols, banks, slots);
                    widest = cols;
                }
            }
        }
    }
}

static enum bt_status choose_mapping(const struct bt_config *config, struct ws_array_plan *plan, struct bt_reason *why)
{
    const struct ws_array_hw *hw = &plan->hw;
    struct search search;
    search.mem = &config->mem;
    search.dataflow = (int32_t)bt_config_get(config, "DATAFLOW", 0);
    search.count = 0;

    consider_tiles(&search, plan);
    if (search.count > 0) {
        decide(&search, plan);
        return BT_OK;
    }
    const struct shape least = shape_of(plan, 1, 1);
    const int64_t window = least.window_rows * least.seg_beats;
    const int64_t region = (int64_t)(WS_ARRAY_SPAD_BANKS - 1) * hw->bank_beats;
    if (least.pixels > hw->half_rows) {
        return refuse(why, BT_EUNSUPPORTED, "pixels under one pooled pixel, for an accumulator half", least.pixels,
                      hw->half_rows);
    }
    if (window > region) {
        return refuse(why, BT_EUNSUPPORTED, "bytes of ifmap under one ofmap pixel, for the scratchpad", window * 16,
                      region * 16);
    }
    /* What is left for weights where the smallest window takes its banks. */
    const int64_t left =
        ((int64_t)WS_ARRAY_SPAD_BANKS - (window + hw->bank_beats - 1) / hw->bank_beats) * hw->bank_beats;
    if (search.dataflow == 2) {
        return refuse(why, BT_EUNSUPPORTED, "bytes of a filter tile, output stationary, for the scratchpad",
                      (int64_t)plan->words * hw->word_beats * 16, left * 16);
    }
    return refuse(why, BT_EUNSUPPORTED, "words of a filter tile", plan->words, 0xffff * (left / hw->word_beats / 2));
}

/* Everything that follows from shapes, configuration and input layout; in_pitch 0: the driver lays the ifmap out. */
static enum bt_status map_layer(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                                uint32_t in_pitch, struct ws_array_plan *plan, struct bt_reason *why)
{
    if (count != 1 || layers[0].op != BT_OP_CONV2D) {
        return refuse(why, BT_EUNSUPPORTED, "layers in one plan, convolutions only", count, 1);
    }
    if (layers[0].dtype != BT_S8) {
        return refuse(why, BT_EUNSUPPORTED, "number format of the activations, int8 only", layers[0].dtype, BT_S8);
    }
    const struct bt_conv2d *conv = &layers[0].u.conv;
    const struct bt_maxpool *pool = &layers[0].pool;
    const enum bt_status status = bt_layer_check(&layers[0], why);
    if (status != BT_OK) {
        return status;
    }
    if (pool->kh != 0 && (pool->stride_h > 0xff || pool->stride_w > 0xff)) {
        return refuse(why, BT_EUNSUPPORTED, "stride of the pooling",
                      pool->stride_h > pool->stride_w ? pool->stride_h : pool->stride_w, 0xff);
    }
    *plan = (struct ws_array_plan){.hw = ws_array_hw(config), .conv = *conv};
    plan->pooled = pool->kh != 0;
    plan->pool = plan->pooled ? *pool : (struct bt_maxpool){.kh = 1, .kw = 1, .stride_h = 1, .stride_w = 1};
    plan->oh = bt_conv2d_oh(conv);
    plan->ow = bt_conv2d_ow(conv);
    plan->ph = bt_layer_oh(&layers[0]);
    plan->pw = bt_layer_ow(&layers[0]);
    plan->in_pitch = in_pitch != 0 ? in_pitch : (uint32_t)conv->c_in;
    plan->out_pitch = (uint32_t)align_up((uint64_t)conv->c_out * (conv->raw ? 4 : 1), 16);
    if (plan->in_pitch < (uint32_t)conv->c_in) {
        return refuse(why, BT_EUNSUPPORTED, "bytes per ifmap pixel", plan->in_pitch, conv->c_in);
    }
    /* Ifmap rows begin at multiples of 16 bytes. */
    const uint64_t row_bytes = (uint64_t)conv->w * plan->in_pitch;
    if (in_pitch != 0 && row_bytes % 16 != 0) {
        return refuse(why, BT_EUNSUPPORTED, "bytes of an ifmap row beyond a multiple of 16", (int64_t)(row_bytes % 16),
                      0);
    }
    plan->in_image_bytes = (uint64_t)conv->h * align_up(row_bytes, 16);
    plan->out_image_bytes = (uint64_t)plan->ph * (uint64_t)plan->pw * plan->out_pitch;
    if (plan->in_image_bytes > INT32_MAX) {
        return refuse(why, BT_EUNSUPPORTED, "bytes of one ifmap image", (int64_t)plan->in_image_bytes, INT32_MAX);
    }
    if (plan->out_image_bytes > INT32_MAX) {
        return refuse(why, BT_EUNSUPPORTED, "bytes of one ofmap image", (int64_t)plan->out_image_bytes, INT32_MAX);
    }
    plan->in_row_bytes = (uint32_t)align_up(row_bytes, 16);
    /* Hardware keeps byte positions, padding and unused rows included, in 32 signed bits. */
    const int64_t reach_rows = (int64_t)conv->h + conv->pad_top + conv->pad_bottom +
                               (int64_t)(plan->hw.dim + 1) * conv->stride_h + (int64_t)conv->kh * conv->dil_h;
    const int64_t reach_columns =
        (int64_t)conv->w + conv->pad_left + conv->pad_right + (int64_t)conv->stride_w + (int64_t)conv->kw * conv->dil_w;
    const int64_t reach = 2 * (reach_rows * plan->in_row_bytes + reach_columns * plan->in_pitch);
    if (reach > INT32_MAX) {
        return refuse(why, BT_EUNSUPPORTED, "bytes that the kernel's positions span", reach, INT32_MAX);
    }
    plan->map = bt_filter_map(conv, (int32_t)plan->in_pitch, plan->hw.dim, plan->hw.dim, plan->hw.dim);
    plan->words = plan->map.steps / plan->hw.dim;
    if (plan->map.n_tiles > 0xffff || plan->map.run_words > 0xffff) {
        return refuse(why, BT_EUNSUPPORTED, "filter tiles", plan->map.n_tiles, 0xffff);
    }
    const int64_t filter_bytes = ((int64_t)plan->words * plan->hw.word_beats + plan->hw.dim) * 16;
    if (filter_bytes > INT32_MAX) {
        return refuse(why, BT_EUNSUPPORTED, "bytes of one filter tile", filter_bytes, INT32_MAX);
    }
    plan->filter_beats = (int32_t)(filter_bytes / 16);
    return choose_mapping(config, plan, why);
}

static enum bt_status supports(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                               struct bt_reason *why)
{
    struct ws_array_plan plan;
    return map_layer(config, layers, count, 0, &plan, why);
}

static uint64_t take(uint64_t *brk, uint64_t bytes, uint64_t align)
{
    const uint64_t addr = align_up(*brk, align);
    *brk = addr + bytes;
    return addr;
}

static enum bt_status make_plan(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                                const struct bt_blob *aux, struct bt_io *io, void *plan_out, struct bt_reason *why)
{
    (void)aux;
    struct ws_array_plan *plan = plan_out;
    const uint32_t given = io->in_addr == BT_ANYWHERE ? 0 : io->in_pitch;
    const enum bt_status status = map_layer(config, layers, count, given, plan, why);
    if (status != BT_OK) {
        return status;
    }
    const uint64_t batch = (uint64_t)plan->conv.n;
    const uint64_t tiles = batch * (uint64_t)plan->tiles_y * (uint64_t)plan->tiles_x;
    uint64_t brk = io->brk;
    plan->desc_addr = take(&brk, tiles * 4 * WS_ARRAY_DESC_WORDS, 256);
    plan->table_addr = take(&brk, 256, 256);
    plan->weights_addr = take(&brk, (uint64_t)plan->map.n_tiles * (uint64_t)plan->filter_beats * 16, 256);
    plan->in_addr = io->in_addr;
    if (io->in_addr == BT_ANYWHERE) {
        plan->in_addr = take(&brk, batch * plan->in_image_bytes, 256);
    }
    plan->out_addr = io->out_addr;
    if (io->out_addr == BT_ANYWHERE) {
        plan->out_addr = take(&brk, batch * plan->out_image_bytes, 256);
    }
    const uint64_t limit = config->mem.dram_bytes < UINT32_MAX ? config->mem.dram_bytes : UINT32_MAX;
    if (brk > limit) {
        return refuse(why, BT_ENOMEM, "bytes of DRAM", (int64_t)brk, (int64_t)limit);
    }
    if (plan->in_addr % 16 != 0 || plan->out_addr % 16 != 0) {
        return refuse(why, BT_EUNSUPPORTED, "alignment of a tensor in bytes",
                      (int64_t)((plan->in_addr | plan->out_addr) % 16), 16);
    }
    io->brk = brk;
    io->in_addr = plan->in_addr;
    io->in_pitch = plan->in_pitch;
    io->out_addr = plan->out_addr;
    io->out_pitch = plan->out_pitch;
    return BT_OK;
}

/* ---- what is written to memory ---- */

static enum bt_status pack(const void *plan_in, const struct bt_layer_data *data, const struct bt_blob *aux,
                           struct bt_hal *hal, struct bt_reason *why)
{
    (void)aux;
    (void)why;
    enum { BUFFER_BYTES = 4096 };
    const struct ws_array_plan *plan = plan_in;
    int8_t buffer[BUFFER_BYTES];
    uint64_t addr = plan->weights_addr;

    for (int32_t tile = 0; tile < plan->map.n_tiles; tile++) {
        int32_t count = 0;
        const int32_t first = bt_filter_map_tile(&plan->map, tile, &count);
        for (int32_t c = 0; c < plan->hw.dim; c++) {
            uint32_t record[4] = {0, 0, 0, 0};
            if (c < count) {
                record[0] = data->bias != NULL ? (uint32_t)data->bias[first + c] : 0;
                if (!plan->conv.raw) {
                    record[1] = (uint32_t)data->mult[first + c];
                    record[2] = (uint32_t)data->shift[first + c] & 0x3f;
                }
            }
            bt_hal_mem_write(hal, addr, record, sizeof(record));
            addr += sizeof(record);
        }
        int32_t fill = 0;
        for (int32_t step = 0; step < plan->map.steps; step++) {
            bt_filter_map_row(&plan->map, &plan->conv, data->weights, tile, step, buffer + fill);
            fill += plan->hw.dim;
            if (fill + plan->hw.dim > BUFFER_BYTES || step == plan->map.steps - 1) {
                bt_hal_mem_write(hal, addr, buffer, (size_t)fill);
                addr += (uint64_t)fill;
                fill = 0;
            }
        }
    }
    if (plan->conv.table) {
        bt_hal_mem_write(hal, plan->table_addr, data->table, 256);
    }
    return BT_OK;
}

static void load(const void *plan_in, const void *ifmap, struct bt_hal *hal)
{
    const struct ws_array_plan *plan = plan_in;
    const struct bt_conv2d *conv = &plan->conv;
    const size_t rows = (size_t)conv->n * (size_t)conv->h;
    const size_t pixel_bytes = (size_t)conv->c_in;
    const size_t row_bytes = (size_t)conv->w * pixel_bytes;
    const uint8_t *from = ifmap;

    if (plan->in_pitch == pixel_bytes && plan->in_row_bytes == row_bytes) {
        bt_hal_mem_write(hal, plan->in_addr, from, rows * row_bytes);
        return;
    }
    for (size_t y = 0; y < rows; y++) {
        const uint64_t row = plan->in_addr + (uint64_t)y * plan->in_row_bytes;
        if (plan->in_pitch == pixel_bytes) {
            bt_hal_mem_write(hal, row, from, row_bytes);
        } else {
            for (size_t x = 0; x < (size_t)conv->w; x++) {
                bt_hal_mem_write(hal, row + (uint64_t)x * plan->in_pitch, from + x * pixel_bytes, pixel_bytes);
            }
        }
        from += row_bytes;
    }
}

/* What all descriptors of a plan have in common. */
static void describe_layer(const struct ws_array_plan *plan, uint32_t *desc)
{
    const struct bt_conv2d *conv = &plan->conv;
    const int32_t pitch = (int32_t)plan->in_pitch;

    WS_ARRAY_SET(desc, FLAGS_MAGIC, WS_ARRAY_DESC_MAGIC);
    WS_ARRAY_SET(desc, RAW, conv->raw);
    WS_ARRAY_SET(desc, TABLE, conv->table);
    WS_ARRAY_SET(desc, SINGLE, conv->rounding == BT_ROUND_SINGLE);
    WS_ARRAY_SET(desc, RESIDENT, plan->resident);
    WS_ARRAY_SET(desc, OS, plan->os);
    WS_ARRAY_SET(desc, POOL, plan->pooled);
    WS_ARRAY_SET(desc, WEIGHTS, plan->weights_addr);
    WS_ARRAY_SET(desc, TABLE_ADDR, plan->table_addr);
    WS_ARRAY_SET(desc, IN_PITCH, plan->in_row_bytes);
    WS_ARRAY_SET(desc, X_STEP, conv->stride_w * pitch);
    WS_ARRAY_SET(desc, KX_STEP, conv->dil_w * pitch);
    WS_ARRAY_SET(desc, RUNS_X, plan->map.runs_x);
    WS_ARRAY_SET(desc, RUNS_Y, conv->kh);
    WS_ARRAY_SET(desc, RUN_WORDS, plan->map.run_words);
    WS_ARRAY_SET(desc, RUN_BYTES, plan->map.run_bytes);
    WS_ARRAY_SET(desc, GROUP_STEP, plan->map.group_channels);
    WS_ARRAY_SET(desc, N_TILES, plan->map.n_tiles);
    WS_ARRAY_SET(desc, GROUP_TILES, plan->map.group_tiles);
    WS_ARRAY_SET(desc, N_VALID, plan->map.n_step);
    WS_ARRAY_SET(desc, N_TAIL, plan->map.n_tail);
    WS_ARRAY_SET(desc, IFMAP_BANKS, plan->ifmap_banks);
    WS_ARRAY_SET(desc, WINDOW_SLOTS, plan->window_slots);
    WS_ARRAY_SET(desc, CHUNKS, plan->chunks);
    WS_ARRAY_SET(desc, CHUNK_WORDS, plan->chunk_words);
    WS_ARRAY_SET(desc, CHUNK_TAIL, plan->chunk_tail);
    WS_ARRAY_SET(desc, WINDOW_BEATS, plan->window_beats);
    WS_ARRAY_SET(desc, WEIGHT_SLOTS, plan->weight_slots);
    WS_ARRAY_SET(desc, O_PITCH, plan->out_pitch);
    WS_ARRAY_SET(desc, O_ROW, (uint32_t)plan->pw * plan->out_pitch);
    WS_ARRAY_SET(desc, O_STEP, plan->map.n_step * (conv->raw ? 4 : 1));
    WS_ARRAY_SET(desc, POOL_KH, plan->pool.kh);
    WS_ARRAY_SET(desc, POOL_KW, plan->pool.kw);
    WS_ARRAY_SET(desc, POOL_SH, plan->pool.stride_h);
    WS_ARRAY_SET(desc, POOL_SW, plan->pool.stride_w);
    WS_ARRAY_SET(desc, IN_ZP, (uint8_t)conv->in_zp);
    WS_ARRAY_SET(desc, OUT_ZP, (uint8_t)conv->out_zp);
    WS_ARRAY_SET(desc, ACT_MIN, (uint8_t)conv->act_min);
    WS_ARRAY_SET(desc, ACT_MAX, (uint8_t)conv->act_max);
}

static void describe_tile(const struct ws_array_plan *plan, int32_t image, const struct ws_array_tile *tile,
                          uint32_t *desc)
{
    const struct bt_conv2d *conv = &plan->conv;
    const int32_t seg_bytes = tile->seg_beats * 16;
    const uint64_t from = (uint64_t)tile->iy0 * plan->in_row_bytes + (uint64_t)tile->seg_from;
    const uint64_t to = ((uint64_t)tile->oy0 * (uint64_t)plan->pw + (uint64_t)tile->ox0) * plan->out_pitch;
    const int32_t conv_rows = tile->cy1 - tile->cy0;
    const int32_t conv_cols = tile->cx1 - tile->cx0;

    WS_ARRAY_SET(desc, IFMAP, plan->in_addr + (uint64_t)image * plan->in_image_bytes + from);
    WS_ARRAY_SET(desc, OFMAP, plan->out_addr + (uint64_t)image * plan->out_image_bytes + to);
    WS_ARRAY_SET(desc, SEG_BEATS, tile->seg_beats);
    WS_ARRAY_SET(desc, WINDOW_ROWS, tile->window_rows);
    WS_ARRAY_SET(desc, X_START, tile->x_start);
    WS_ARRAY_SET(desc, Y_START, tile->y_start);
    WS_ARRAY_SET(desc, Y_STEP, conv->stride_h * seg_bytes);
    WS_ARRAY_SET(desc, KY_STEP, conv->dil_h * seg_bytes);
    WS_ARRAY_SET(desc, X_END, tile->x_end);
    WS_ARRAY_SET(desc, OW, conv_cols);
    WS_ARRAY_SET(desc, CONV_ROWS, conv_rows);
    WS_ARRAY_SET(desc, PIXELS, conv_rows * conv_cols);
    WS_ARRAY_SET(desc, OUT_ROWS, tile->oy1 - tile->oy0);
    WS_ARRAY_SET(desc, OUT_COLS, tile->ox1 - tile->ox0);
    WS_ARRAY_SET(desc, POOL_Y, (uint16_t)tile->pool_y);
    WS_ARRAY_SET(desc, POOL_X, (uint16_t)tile->pool_x);
}

static void program(const void *plan_in, struct bt_hal *hal)
{
    const struct ws_array_plan *plan = plan_in;
    uint64_t addr = plan->desc_addr;
    uint32_t common[WS_ARRAY_DESC_WORDS] = {0};

    bt_hal_clear_windows(hal);
    bt_hal_allow_write(hal, plan->out_addr, (uint64_t)plan->conv.n * plan->out_image_bytes);

    describe_layer(plan, common);
    for (int32_t image = 0; image < plan->conv.n; image++) {
        for (int32_t ty = 0; ty < plan->tiles_y; ty++) {
            for (int32_t tx = 0; tx < plan->tiles_x; tx++) {
                struct ws_array_tile tile;
                uint32_t desc[WS_ARRAY_DESC_WORDS];
                uint32_t sum = 0;
                for (int32_t w = 0; w < WS_ARRAY_DESC_WORDS; w++) {
                    desc[w] = common[w];
                }
                ws_array_tile(plan, ty, tx, &tile);
                describe_tile(plan, image, &tile, desc);
                WS_ARRAY_SET(desc, FIRST, addr == plan->desc_addr);
                WS_ARRAY_SET(desc, LAST,
                             image == plan->conv.n - 1 && ty == plan->tiles_y - 1 && tx == plan->tiles_x - 1);
                for (int32_t w = 0; w < WS_ARRAY_DESC_WORDS; w++) {
                    sum ^= desc[w];
                }
                WS_ARRAY_SET(desc, SUM, sum);
                bt_hal_mem_write(hal, addr, desc, sizeof(desc));
                addr += sizeof(desc);
            }
        }
    }
    bt_hal_reg_write(hal, WS_ARRAY_REG_DESC_ADDR, (uint32_t)plan->desc_addr);
    bt_hal_reg_write(hal, WS_ARRAY_REG_IRQ_ENABLE, 1);
}

/* ---- running ---- */

static void start(void *plan, struct bt_hal *hal)
{
    (void)plan;
    bt_hal_reg_write(hal, WS_ARRAY_REG_CTRL, 1);
}

static enum bt_status service(void *plan, struct bt_hal *hal, enum bt_event event, struct bt_reason *why)
{
    (void)plan;
    if (event != BT_EVENT_IRQ) {
        return BT_ETIMEOUT;
    }
    const uint32_t status = bt_hal_reg_read(hal, WS_ARRAY_REG_STATUS);
    bt_hal_reg_write(hal, WS_ARRAY_REG_IRQ_ACK, 1);
    const uint32_t error = (status >> 8) & 0xff;
    if (error != WS_ARRAY_ERR_NONE) {
        return refuse(why, BT_EDEVICE, "error code of the array", error, WS_ARRAY_ERR_NONE);
    }
    if ((status & 2) == 0) {
        return refuse(why, BT_EDEVICE, "interrupt without done in STATUS", status, 2);
    }
    const uint32_t after = bt_hal_reg_read(hal, WS_ARRAY_REG_STATUS);
    if (after != 0) {
        return refuse(why, BT_EDEVICE, "STATUS: busy or done still there after the acknowledge", after, 0);
    }
    return BT_OK;
}

static void unpack(const void *plan_in, struct bt_hal *hal, void *ofmap)
{
    const struct ws_array_plan *plan = plan_in;
    const size_t pixels = (size_t)plan->conv.n * (size_t)plan->ph * (size_t)plan->pw;
    const size_t bytes = (size_t)plan->conv.c_out * (plan->conv.raw ? 4 : 1);
    uint8_t *to = ofmap;

    if (plan->out_pitch == bytes) {
        bt_hal_mem_read(hal, plan->out_addr, to, pixels * bytes);
        return;
    }
    for (size_t p = 0; p < pixels; p++) {
        bt_hal_mem_read(hal, plan->out_addr + p * plan->out_pitch, to + p * bytes, bytes);
    }
}

static void finish(void *plan, struct bt_hal *hal, struct bt_counters *counters)
{
    (void)plan;
    static const struct {
        const char *name;
        uint32_t offset;
    } regs[] = {
        {"cycles", WS_ARRAY_REG_CYCLES},
        {"control", WS_ARRAY_REG_CONTROL},
        {"fill", WS_ARRAY_REG_FILL},
        {"compute", WS_ARRAY_REG_COMPUTE},
        {"load_stall", WS_ARRAY_REG_LOAD_STALL},
        {"store_stall", WS_ARRAY_REG_STORE_STALL},
        {"drain", WS_ARRAY_REG_DRAIN},
        {"tiles", WS_ARRAY_REG_TILES},
        {"read_beats", WS_ARRAY_REG_READ_BEATS},
        {"write_beats", WS_ARRAY_REG_WRITE_BEATS},
        {"acc_reads", WS_ARRAY_REG_ACC_READS},
        {"preloads", WS_ARRAY_REG_PRELOADS},
    };
    for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
        bt_counters_add(counters, regs[i].name, bt_hal_reg_read(hal, regs[i].offset));
    }
    const uint64_t low = bt_hal_reg_read(hal, WS_ARRAY_REG_MACS_LO);
    bt_counters_add(counters, "macs_issued", low | (uint64_t)bt_hal_reg_read(hal, WS_ARRAY_REG_MACS_HI) << 32);
}

const struct bt_driver ws_array_driver = {
    .plan_bytes = sizeof(struct ws_array_plan),
    .max_layers = 1,
    .supports = supports,
    .plan = make_plan,
    .pack = pack,
    .load = load,
    .program = program,
    .start = start,
    .service = service,
    .unpack = unpack,
    .finish = finish,
};
