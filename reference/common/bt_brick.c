#include "reference/common/bt_brick.h"

#include <stddef.h>

#include "reference/common/bt_conv2d.h"

static int32_t div_up(int32_t a, int32_t b)
{
    return (a + b - 1) / b;
}

static uint32_t align_up(uint32_t value, uint32_t align)
{
    return (value + align - 1) / align * align;
}

static enum bt_status refuse(struct bt_reason *why, enum bt_status status, const char *what, int64_t got, int64_t limit)
{
    if (why != NULL) {
        *why = (struct bt_reason){what, got, limit};
    }
    return status;
}

/* ---- hardware ---- */

struct bt_brick_hw bt_brick_hw(const struct bt_config *config)
{
    struct bt_brick_hw hw = {
        .tiles = (int32_t)bt_config_get(config, "TILES", 4),
        .filters = (int32_t)bt_config_get(config, "FILTERS", 16),
        .lanes = (int32_t)bt_config_get(config, "LANES", 16),
        .bits = (int32_t)bt_config_get(config, "BITS", 16),
        .ifmap_bytes = (int32_t)bt_config_get(config, "IFMAP_BYTES", 1 << 21) / 2,
        .ofmap_bytes = (int32_t)bt_config_get(config, "OFMAP_BYTES", 1 << 21) / 2,
        .weight_rows = (int32_t)bt_config_get(config, "WEIGHT_ROWS", 64),
        .band_pixels = (int32_t)bt_config_get(config, "BAND_PIXELS", 1024),
        .table_rows = (int32_t)bt_config_get(config, "TABLE_ROWS", 2048),
    };
    hw.slots = hw.tiles * hw.filters;
    hw.elem_bytes = hw.bits / 8;
    hw.brick_bytes = hw.lanes * hw.elem_bytes;
    hw.word_bytes = hw.slots * hw.elem_bytes > 16 ? hw.slots * hw.elem_bytes : 16;
    hw.row_beats = hw.slots * hw.brick_bytes / 16;
    hw.entries = hw.bits == 16 ? 5 : 8;
    return hw;
}

static int64_t power_of_two(int64_t value)
{
    int64_t power = 1;
    while (power <= value / 2) {
        power *= 2;
    }
    return power;
}

enum bt_status bt_brick_check(const struct bt_config *config, struct bt_reason *why)
{
    static const struct {
        const char *key, *what;
        int64_t fallback;
    } powers[] = {
        {"TILES", "TILES, a power of two", 4},
        {"FILTERS", "FILTERS, a power of two", 16},
        {"LANES", "LANES, a power of two", 16},
        {"BITS", "BITS, 8 or 16", 16},
        {"IFMAP_BYTES", "IFMAP_BYTES, a power of two", 1 << 21},
        {"OFMAP_BYTES", "OFMAP_BYTES, a power of two", 1 << 21},
        {"WEIGHT_ROWS", "WEIGHT_ROWS, a power of two", 64},
        {"BAND_PIXELS", "BAND_PIXELS, a power of two", 1024},
        {"TABLE_ROWS", "TABLE_ROWS, a power of two", 2048},
    };
    for (size_t i = 0; i < sizeof(powers) / sizeof(powers[0]); i++) {
        const int64_t value = bt_config_get(config, powers[i].key, powers[i].fallback);
        if ((value & (value - 1)) != 0) {
            return refuse(why, BT_EINPUT, powers[i].what, value, power_of_two(value));
        }
    }
    const struct bt_brick_hw hw = bt_brick_hw(config);
    if (hw.brick_bytes != 16 && hw.brick_bytes != 32) {
        return refuse(why, BT_EINPUT, "bytes of a brick, LANES * BITS / 8, 16 or 32", hw.brick_bytes,
                      hw.brick_bytes < 16 ? 16 : 32);
    }
    return BT_OK;
}

uint64_t bt_brick_multipliers(const struct bt_config *config)
{
    const struct bt_brick_hw hw = bt_brick_hw(config);
    return (uint64_t)hw.slots * (uint64_t)hw.lanes;
}

/* ---- filters and their bricks ---- */

int32_t bt_brick_channel(const struct bt_brick_plan *plan, int32_t warp, int32_t slot)
{
    const int32_t channel = warp * plan->hw.slots + slot;
    return channel < plan->conv.c_out ? channel : -1;
}

struct span {
    int32_t first, end; /* bricks of an ifmap pixel */
};

/* What the filters of a tile see of a pixel: the bricks that hold their groups' channels. */
static struct span bricks_of(const struct bt_brick_plan *plan, int32_t warp, int32_t tile)
{
    const struct bt_conv2d *conv = &plan->conv;
    const int32_t channels = conv->c_in / conv->groups;
    const int32_t filters = conv->c_out / conv->groups;
    const int32_t first = warp * plan->hw.slots + tile * plan->hw.filters;
    if (first >= conv->c_out) {
        return (struct span){0, 0};
    }
    const int32_t last = first + plan->hw.filters <= conv->c_out ? first + plan->hw.filters - 1 : conv->c_out - 1;
    return (struct span){.first = first / filters * channels / plan->hw.lanes,
                         .end = div_up((last / filters + 1) * channels, plan->hw.lanes)};
}

int32_t bt_brick_tile_brick(const struct bt_brick_plan *plan, int32_t warp, int32_t tile)
{
    return bricks_of(plan, warp, tile).first;
}

int32_t bt_brick_weight(const struct bt_brick_plan *plan, const void *weights, int32_t channel, int32_t tile_brick,
                        int32_t row, int32_t lane)
{
    const struct bt_conv2d *conv = &plan->conv;
    const int32_t channels = conv->c_in / conv->groups;
    if (channel < 0 || row >= plan->rows) {
        return 0;
    }
    const int32_t at = (tile_brick + row % plan->row_bricks) * plan->hw.lanes + lane -
                       channel / (conv->c_out / conv->groups) * channels;
    if (at < 0 || at >= channels) {
        return 0;
    }
    const int64_t index = ((int64_t)channel * conv->kh * conv->kw + row / plan->row_bricks) * channels + at;
    return plan->hw.bits == 16 ? ((const int16_t *)weights)[index] : ((const int8_t *)weights)[index];
}

/* ---- mapping ---- */

/* What must fit the fields of the descriptor and of the row table (no kernel reaches beyond the padding), and, multiplied, 32 bits. */
static enum bt_status check_fields(const struct bt_brick_plan *plan, struct bt_reason *why)
{
    enum { EXTENT = 32767, STRIDE = 255, CHANNELS = 65535 };
    const struct bt_conv2d *conv = &plan->conv;
    const int64_t padded_h = (int64_t)conv->h + conv->pad_top + conv->pad_bottom;
    const int64_t padded_w = (int64_t)conv->w + conv->pad_left + conv->pad_right;
    const struct {
        const char *what;
        int64_t got, limit;
    } fields[] = {
        {"ifmap rows, padding included", padded_h, EXTENT},
        {"ifmap pixels of a row, padding included", padded_w, EXTENT},
        {"stride down", conv->stride_h, STRIDE},
        {"stride across", conv->stride_w, STRIDE},
        {"filters", conv->c_out, CHANNELS},
        {"bricks of an ifmap pixel", plan->pixel_bricks, CHANNELS},
        {"bricks of the ifmap, padding included", padded_h * padded_w * plan->pixel_bricks, 1 << 25},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (fields[i].got > fields[i].limit) {
            return refuse(why, BT_EUNSUPPORTED, fields[i].what, fields[i].got, fields[i].limit);
        }
    }
    return BT_OK;
}

enum bt_status bt_brick_map(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                            uint32_t in_pitch, struct bt_brick_plan *plan, struct bt_reason *why)
{
    if (count != 1 || layers[0].op != BT_OP_CONV2D) {
        return refuse(why, BT_EUNSUPPORTED, "layers in one plan, convolutions only", count, 1);
    }
    const struct bt_conv2d *conv = &layers[0].u.conv;
    *plan = (struct bt_brick_plan){.hw = bt_brick_hw(config), .conv = *conv};
    if (layers[0].dtype != (plan->hw.bits == 16 ? BT_S16 : BT_S8)) {
        return refuse(why, BT_EUNSUPPORTED, "bits of an operand, which this configuration does not have",
                      layers[0].dtype == BT_S8 ? 8 : 16, plan->hw.bits);
    }
    if (layers[0].pool.kh != 0) {
        return refuse(why, BT_EUNSUPPORTED, "max-pooling on write-back, rows of its kernel", layers[0].pool.kh, 0);
    }
    const enum bt_status status = bt_layer_check(&layers[0], why);
    if (status != BT_OK) {
        return status;
    }
    if (conv->raw) {
        return refuse(why, BT_EUNSUPPORTED, "raw sums, only requantised results", conv->raw, 0);
    }
    plan->oh = bt_conv2d_oh(conv);
    plan->ow = bt_conv2d_ow(conv);
    const uint32_t brick = (uint32_t)plan->hw.brick_bytes;
    const uint32_t elem = (uint32_t)plan->hw.elem_bytes;
    plan->in_pitch = in_pitch != 0 ? in_pitch : align_up((uint32_t)conv->c_in * elem, brick);
    plan->out_pitch = align_up((uint32_t)conv->c_out * elem, brick);
    if (plan->in_pitch < (uint32_t)conv->c_in * elem || plan->in_pitch % brick != 0) {
        return refuse(why, BT_EUNSUPPORTED, "bytes per ifmap pixel, whole bricks", plan->in_pitch,
                      align_up((uint32_t)conv->c_in * elem, brick));
    }
    plan->in_image_bytes = (uint64_t)conv->h * (uint64_t)conv->w * plan->in_pitch;
    plan->out_image_bytes = (uint64_t)plan->oh * (uint64_t)plan->ow * plan->out_pitch;
    if (plan->in_image_bytes > INT32_MAX || plan->out_image_bytes > INT32_MAX) {
        return refuse(
            why, BT_EUNSUPPORTED, "bytes of one image",
            (int64_t)(plan->in_image_bytes > plan->out_image_bytes ? plan->in_image_bytes : plan->out_image_bytes),
            INT32_MAX);
    }
    plan->pixel_bricks = (int32_t)(plan->in_pitch / brick);
    plan->warps = div_up(conv->c_out, plan->hw.slots);
    const enum bt_status fields = check_fields(plan, why);
    if (fields != BT_OK) {
        return fields;
    }
    plan->row_bricks = 1;
    for (int32_t warp = 0; warp < plan->warps; warp++) {
        for (int32_t tile = 0; tile < plan->hw.tiles; tile++) {
            const struct span span = bricks_of(plan, warp, tile);
            if (span.end - span.first > plan->row_bricks) {
                plan->row_bricks = span.end - span.first;
            }
        }
        if (conv->groups == 1) {
            break; /* all see the same */
        }
    }
    const int64_t rows = (int64_t)conv->kh * conv->kw * plan->row_bricks;
    if (rows > plan->hw.table_rows) {
        return refuse(why, BT_EUNSUPPORTED, "bricks of one filter, for the row table", rows, plan->hw.table_rows);
    }
    plan->rows = (int32_t)rows;
    plan->chunks = div_up(plan->rows, plan->hw.weight_rows);
    return BT_OK;
}

/* ---- bands ---- */

static int32_t span_of(const struct bt_conv2d *conv, int32_t rows)
{
    return (rows - 1) * conv->stride_h + (conv->kh - 1) * conv->dil_h + 1;
}

static int32_t window_rows(const struct bt_conv2d *conv, int32_t rows)
{
    const int32_t span = span_of(conv, rows);
    return span < conv->h ? span : conv->h;
}

static void set_bands(struct bt_brick_plan *plan, int32_t band_rows)
{
    plan->band_rows = band_rows;
    plan->bands = div_up(plan->oh, band_rows);
    plan->tail_rows = plan->oh - (plan->bands - 1) * band_rows;
    plan->span = span_of(&plan->conv, band_rows);
    plan->span_tail = span_of(&plan->conv, plan->tail_rows);
    plan->piece_rows = div_up(window_rows(&plan->conv, band_rows), plan->items);
}

/* Whether so many ofmap rows fit; else what does not. */
static bool band_fits(const struct bt_brick_plan *plan, int32_t rows, struct bt_reason *why)
{
    const struct bt_conv2d *conv = &plan->conv;
    const int64_t pixels = (int64_t)rows * plan->ow;
    const int64_t ofmap = pixels * plan->words * plan->hw.word_bytes;
    const int64_t ifmap = (int64_t)window_rows(conv, rows) * conv->w * plan->in_pitch;
    if (pixels > plan->hw.band_pixels) {
        *why = (struct bt_reason){"pixels of a band's ofmap rows, for the partial sums", pixels, plan->hw.band_pixels};
    } else if (ofmap > plan->hw.ofmap_bytes) {
        *why = (struct bt_reason){"bytes of a band's ofmap rows, for half of the ofmap memory", ofmap,
                                  plan->hw.ofmap_bytes};
    } else if (ifmap > plan->hw.ifmap_bytes) {
        *why = (struct bt_reason){"bytes of ifmap under a band, for half of the ifmap memory", ifmap,
                                  plan->hw.ifmap_bytes};
    } else {
        return true;
    }
    return false;
}

enum bt_status bt_brick_bands(struct bt_brick_plan *plan, const struct bt_memory *mem, const struct bt_blob *aux,
                              struct bt_reason *why)
{
    const struct bt_brick_aux *made = aux != NULL ? aux->data : NULL;
    plan->packed = made != NULL && made->packed != 0;
    plan->scheduled = plan->packed && made->scheduled != 0;
    plan->items = plan->packed ? (int32_t)made->items : plan->warps * plan->chunks;
    if (plan->items < 1) {
        return refuse(why, BT_EINVAL, "items of the weight stream", plan->items, 1);
    }
    plan->words = div_up((int32_t)plan->out_pitch, plan->hw.word_bytes);
    plan->image_beats = 0;
    for (int32_t i = 0; i < plan->items; i++) {
        plan->image_beats += bt_brick_item(plan, aux, i).beats;
    }
    plan->first_beats = bt_brick_item(plan, aux, 0).beats;

    struct bt_reason reason = {0};
    if (!band_fits(plan, 1, &reason)) {
        return refuse(why, BT_EUNSUPPORTED, reason.what, reason.got, reason.limit);
    }
    int32_t most = 1; /* ofmap rows that fit: the first that does not is between */
    for (int32_t step = plan->oh; step > 0; step /= 2) {
        while (most + step <= plan->oh && band_fits(plan, most + step, &reason)) {
            most += step;
        }
    }
    /* Higher bands read weights less often, lower ones begin sooner: the time model says which. */
    int64_t best = INT64_MAX;
    int32_t best_rows = most;
    int32_t tried = 0;
    for (int32_t bands = div_up(plan->oh, most); bands <= plan->oh && tried < 6; bands = bands * 3 / 2 + 1, tried++) {
        struct bt_brick_terms terms;
        set_bands(plan, div_up(plan->oh, bands));
        if (!bt_brick_time(plan, mem, aux, &terms)) {
            break; /* no prediction, then: the highest */
        }
        if (terms.cycles < best) {
            best = terms.cycles;
            best_rows = plan->band_rows;
        }
    }
    set_bands(plan, best_rows);
    return BT_OK;
}
