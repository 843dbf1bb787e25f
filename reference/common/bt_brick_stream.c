#include <stddef.h>
#include <string.h>

#include "reference/common/bt_brick.h"

/* The weight stream of the DaDianNao family, written and read. Freestanding: this file is also compiled for RV32. */

int32_t bt_brick_items_of(const struct bt_brick_plan *plan, int32_t steps)
{
    return steps <= plan->hw.weight_rows ? 1 : (steps + plan->hw.weight_rows - 1) / plan->hw.weight_rows;
}

/* ---- raw ---- */

struct bt_brick_item bt_brick_item(const struct bt_brick_plan *plan, const struct bt_blob *aux, int32_t item)
{
    if (plan->packed) {
        const struct bt_brick_aux *made = aux->data;
        return ((const struct bt_brick_item *)(const void *)((const uint8_t *)made + made->items_at))[item];
    }
    const int32_t chunk = item % plan->chunks;
    const int32_t first = chunk * plan->hw.weight_rows;
    const int32_t steps = plan->rows - first < plan->hw.weight_rows ? plan->rows - first : plan->hw.weight_rows;
    return (struct bt_brick_item){.beats =
                                      (uint32_t)(1 + (chunk == 0 ? plan->hw.slots : 0) + steps * plan->hw.row_beats),
                                  .steps = (uint32_t)steps};
}

void bt_brick_head(const struct bt_brick_plan *plan, const struct bt_blob *aux, int32_t item, uint32_t beat[4])
{
    const int32_t next = item + 1 < plan->items ? item + 1 : 0;
    memset(beat, 0, 16);
    BT_BRICK_SET(beat, HEAD_NEXT, bt_brick_item(plan, aux, next).beats);
    BT_BRICK_SET(beat, HEAD_STEPS, bt_brick_item(plan, aux, item).steps);
    BT_BRICK_SET(beat, HEAD_FIRST, item % plan->chunks == 0);
    BT_BRICK_SET(beat, HEAD_END, item % plan->chunks == plan->chunks - 1);
    BT_BRICK_SET(beat, HEAD_BASE, item % plan->chunks * plan->hw.weight_rows);
}

/* Operands enter with their zero point, in the padding too: what it adds to the sum is taken off here, modulo 2^32. */
static uint32_t folded_bias(const struct bt_brick_plan *plan, const struct bt_layer_data *data, int32_t channel)
{
    const struct bt_conv2d *conv = &plan->conv;
    const int64_t elems = (int64_t)conv->kh * conv->kw * (conv->c_in / conv->groups);
    uint32_t sum = 0;
    for (int64_t i = 0; conv->in_zp != 0 && i < elems; i++) {
        sum += (uint32_t)((const int8_t *)data->weights)[channel * elems + i];
    }
    return (data->bias != NULL ? (uint32_t)data->bias[channel] : 0) - (uint32_t)conv->in_zp * sum;
}

void bt_brick_record(const struct bt_brick_plan *plan, const struct bt_layer_data *data, int32_t warp, int32_t slot,
                     int32_t channel, uint32_t beat[4])
{
    memset(beat, 0, 16);
    BT_BRICK_SET(beat, RECORD_BRICK, bt_brick_tile_brick(plan, warp, slot / plan->hw.filters));
    if (channel < 0) {
        return;
    }
    BT_BRICK_SET(beat, RECORD_BIAS, folded_bias(plan, data, channel));
    BT_BRICK_SET(beat, RECORD_MULT, data->mult[channel]);
    BT_BRICK_SET(beat, RECORD_SHIFT, (uint32_t)data->shift[channel] & 0x3f);
    BT_BRICK_SET(beat, RECORD_CHANNEL, channel);
    BT_BRICK_SET(beat, RECORD_USED, 1);
}

void bt_brick_raw_step(const struct bt_brick_plan *plan, const void *weights, int32_t warp, int32_t row, uint8_t *bytes)
{
    for (int32_t slot = 0; slot < plan->hw.slots; slot++) {
        const int32_t channel = bt_brick_channel(plan, warp, slot);
        const int32_t brick = bt_brick_tile_brick(plan, warp, slot / plan->hw.filters);
        for (int32_t lane = 0; lane < plan->hw.lanes; lane++) {
            const int32_t weight = bt_brick_weight(plan, weights, channel, brick, row, lane);
            *bytes++ = (uint8_t)weight;
            if (plan->hw.bits == 16) {
                *bytes++ = (uint8_t)(weight >> 8);
            }
        }
    }
}

/* ---- packed ---- */

/* Entries into beats, or only counted. */
struct writer {
    uint8_t *image; /* or NULL */
    uint64_t beats;
    int32_t bits, per_beat;
    int32_t filled; /* entries of the beat at work */
    struct bt_brick_worth *worth;
};

static uint8_t *beat_at(struct writer *w)
{
    return w->image + w->beats * 16;
}

static void put_beat(struct writer *w, const uint32_t beat[4])
{
    if (w->image != NULL) {
        memcpy(beat_at(w), beat, 16);
    }
    w->beats++;
}

static void put_entry(struct writer *w, int32_t skip, int32_t select, int32_t weight)
{
    if (w->image != NULL) {
        uint8_t *beat = beat_at(w);
        if (w->filled == 0) {
            memset(beat, 0, 16);
        }
        uint8_t *entry = beat + (size_t)w->filled * (size_t)(w->bits + 8) / 8;
        *entry++ = (uint8_t)weight;
        if (w->bits == 16) {
            *entry++ = (uint8_t)(weight >> 8);
        }
        *entry = (uint8_t)(select | skip << 4);
    }
    if (++w->filled == w->per_beat) {
        w->filled = 0;
        w->beats++;
    }
}

static void end_entries(struct writer *w)
{
    if (w->filled != 0) {
        w->filled = 0;
        w->beats++;
    }
}

/* Entries of one step; skips are of four bits, and further ones go over an entry of weight 0. @return how many. */
static int32_t put_step(const struct bt_brick_plan *plan, const struct bt_brick_connect *connect,
                        const struct bt_brick_schedule *schedule, const struct bt_layer_data *data, int32_t warp,
                        const int32_t *channels, int32_t step, struct writer *w)
{
    const struct bt_brick_hw *hw = &plan->hw;
    int32_t count = 0;
    int32_t skip = 0;
    for (int32_t slot = 0; slot < hw->slots; slot++) {
        const int32_t tile = slot / hw->filters;
        const int32_t brick = bt_brick_tile_brick(plan, warp, tile);
        if (step >= schedule->tile_steps[tile] || channels[slot] < 0) {
            skip += hw->lanes;
            continue;
        }
        const int64_t at = ((int64_t)step * hw->filters + slot % hw->filters) * hw->lanes;
        for (int32_t lane = 0; lane < hw->lanes; lane++) {
            const uint8_t select = schedule->select[tile] != NULL ? schedule->select[tile][at + lane] : 0;
            int32_t weight = 0;
            if (select != BT_BRICK_NO_WEIGHT) {
                const int32_t ahead = select > 0 ? connect->ahead[select - 1] : 0;
                const int32_t aside = select > 0 ? connect->aside[select - 1] : 0;
                weight = bt_brick_weight(plan, data->weights, channels[slot], brick, schedule->base[tile][step] + ahead,
                                         (lane + aside + hw->lanes) % hw->lanes);
            }
            if (weight == 0) {
                skip++;
                continue;
            }
            for (; skip > 15; skip -= 16) {
                put_entry(w, 15, 0, 0);
                count++;
            }
            put_entry(w, skip, select, weight);
            w->worth->effectual++;
            w->worth->ahead += select > 0 && connect->aside[select - 1] == 0;
            w->worth->aside += select > 0 && connect->aside[select - 1] != 0;
            count++;
            skip = 0;
        }
    }
    end_entries(w);
    return count;
}

uint64_t bt_brick_pack_warp(const struct bt_brick_plan *plan, const struct bt_brick_connect *connect,
                            const struct bt_brick_schedule *schedule, const struct bt_layer_data *data, int32_t warp,
                            const int32_t *channels, struct bt_brick_item *items, uint8_t *image,
                            struct bt_brick_worth *worth)
{
    struct writer w = {.image = image, .bits = plan->hw.bits, .per_beat = plan->hw.entries, .worth = worth};
    const int32_t count = bt_brick_items_of(plan, schedule->steps);
    /* A pixel's result needs a step, even one without weights. */
    const int32_t steps = schedule->steps > 0 ? schedule->steps : 1;

    for (int32_t item = 0; item < count; item++) {
        const uint64_t begin = w.beats;
        const int32_t from = item * plan->hw.weight_rows;
        const int32_t upto = steps < from + plan->hw.weight_rows ? steps : from + plan->hw.weight_rows;
        uint32_t head[4] = {0};
        BT_BRICK_SET(head, HEAD_STEPS, upto - from);
        BT_BRICK_SET(head, HEAD_FIRST, item == 0);
        BT_BRICK_SET(head, HEAD_END, item == count - 1);
        BT_BRICK_SET(head, HEAD_PACKED, 1);
        put_beat(&w, head);
        for (int32_t slot = 0; item == 0 && slot < plan->hw.slots; slot++) {
            uint32_t record[4];
            bt_brick_record(plan, data, warp, slot, channels[slot], record);
            put_beat(&w, record);
        }
        for (int32_t step = from; step < upto; step++) {
            uint32_t beat[4] = {0};
            const uint64_t at = w.beats;
            put_beat(&w, beat);
            const int32_t entries = put_step(plan, connect, schedule, data, warp, channels, step, &w);
            BT_BRICK_SET(beat, STEP_COUNT, entries);
            for (int32_t tile = 0; tile < plan->hw.tiles; tile++) {
                const uint32_t base = step < schedule->tile_steps[tile] ? (uint32_t)schedule->base[tile][step] : 0;
                beat[(1 + tile) / 2] |= base << (1 + tile) % 2 * 16;
            }
            if (image != NULL) {
                memcpy(image + at * 16, beat, 16);
            }
        }
        items[item] = (struct bt_brick_item){.beats = (uint32_t)(w.beats - begin), .steps = (uint32_t)(upto - from)};
    }
    return w.beats;
}

/* ---- reading ---- */

struct reader {
    const struct bt_brick_plan *plan;
    const struct bt_brick_connect *connect;
    const struct bt_brick_visitor *visitor;
    struct bt_reason *why;
    int32_t item, warp, warp_step;
    int32_t channels[BT_BRICK_MAX_SLOTS];
    int32_t bricks[BT_BRICK_MAX_TILES];
    int32_t base[BT_BRICK_MAX_TILES];
};

static enum bt_status bad_item(const struct reader *r, const char *what)
{
    if (r->why != NULL) {
        *r->why = (struct bt_reason){what, r->item, r->plan->items};
    }
    return BT_EINPUT;
}

static int32_t weight_at(const struct bt_brick_plan *plan, const uint8_t *bytes)
{
    return plan->hw.bits == 16 ? (int16_t)(uint16_t)(bytes[0] | bytes[1] << 8) : (int8_t)bytes[0];
}

static enum bt_status use_weight(struct reader *r, int32_t position, int32_t select, int32_t weight)
{
    const struct bt_brick_hw *hw = &r->plan->hw;
    if (select > r->connect->inputs) {
        return bad_item(r, "select beyond the connectivity, in item");
    }
    if (weight == 0) {
        return BT_OK;
    }
    const int32_t slot = position / hw->lanes;
    const int32_t lane = position % hw->lanes;
    const int32_t ahead = select > 0 ? r->connect->ahead[select - 1] : 0;
    const int32_t aside = select > 0 ? r->connect->aside[select - 1] : 0;
    const struct bt_brick_use use = {.warp = r->warp,
                                     .step = r->warp_step,
                                     .slot = slot,
                                     .lane = lane,
                                     .select = select,
                                     .channel = r->channels[slot],
                                     .tile_brick = r->bricks[slot / hw->filters],
                                     .row = r->base[slot / hw->filters] + ahead,
                                     .row_lane = (lane + aside + hw->lanes) % hw->lanes,
                                     .weight = weight};
    if (use.row >= r->plan->rows) {
        return bad_item(r, "row beyond the filter, in item");
    }
    if (use.channel < 0) {
        return bad_item(r, "weight in a slot that has no filter, in item");
    }
    r->visitor->use(r->visitor->context, &use);
    return BT_OK;
}

static enum bt_status read_raw_step(struct reader *r, const uint8_t *bytes)
{
    const struct bt_brick_hw *hw = &r->plan->hw;
    for (int32_t position = 0; position < hw->slots * hw->lanes; position++, bytes += hw->elem_bytes) {
        const enum bt_status status = use_weight(r, position, 0, weight_at(r->plan, bytes));
        if (status != BT_OK) {
            return status;
        }
    }
    return BT_OK;
}

static enum bt_status read_entries(struct reader *r, const uint8_t *beats, int32_t count)
{
    const struct bt_brick_hw *hw = &r->plan->hw;
    int32_t position = 0;
    for (int32_t e = 0; e < count; e++) {
        const uint8_t *entry =
            beats + (size_t)(e / hw->entries) * 16 + (size_t)(e % hw->entries) * (size_t)(hw->bits + 8) / 8;
        const uint8_t where = entry[hw->elem_bytes];
        position += where >> 4;
        if (position >= hw->slots * hw->lanes) {
            return bad_item(r, "lane beyond the last one, in item");
        }
        const enum bt_status status = use_weight(r, position, where & 0xf, weight_at(r->plan, entry));
        if (status != BT_OK) {
            return status;
        }
        position++;
    }
    return BT_OK;
}

/* Heads, records and steps of one item of `beats` beats. */
static enum bt_status read_item(struct reader *r, const uint8_t *at, uint32_t beats, uint32_t *next, bool *end)
{
    const struct bt_brick_plan *plan = r->plan;
    const struct bt_brick_hw *hw = &plan->hw;
    uint32_t head[4];
    uint32_t used = 1;
    memcpy(head, at, sizeof(head));
    const int32_t steps = (int32_t)BT_BRICK_GET(head, HEAD_STEPS);
    const bool packed = BT_BRICK_GET(head, HEAD_PACKED) != 0;
    const bool first = BT_BRICK_GET(head, HEAD_FIRST) != 0;
    *next = BT_BRICK_GET(head, HEAD_NEXT);
    *end = BT_BRICK_GET(head, HEAD_END) != 0;
    if (steps == 0 || steps > hw->weight_rows || first != (r->warp_step == 0)) {
        return bad_item(r, "steps, or first of its warp, in item");
    }
    if (first) {
        if (beats < 1 + (uint32_t)hw->slots) {
            return bad_item(r, "beats for the records, in item");
        }
        for (int32_t slot = 0; slot < hw->slots; slot++, used++) {
            uint32_t record[4];
            memcpy(record, at + (size_t)used * 16, sizeof(record));
            r->channels[slot] =
                BT_BRICK_GET(record, RECORD_USED) != 0 ? (int32_t)BT_BRICK_GET(record, RECORD_CHANNEL) : -1;
            if (r->channels[slot] >= plan->conv.c_out ||
                (r->channels[slot] >= 0 && r->channels[slot] % hw->slots != slot)) {
                return bad_item(r, "channel that the layer or the slot does not have, in item");
            }
            if (slot % hw->filters == 0) {
                r->bricks[slot / hw->filters] = (int32_t)BT_BRICK_GET(record, RECORD_BRICK);
            }
        }
    }
    if (first && r->visitor->warp != NULL) {
        r->visitor->warp(r->visitor->context, r->warp, r->channels, at + 16);
    }
    for (int32_t step = 0; step < steps; step++, r->warp_step++) {
        uint32_t beat[4] = {0};
        int32_t count = 0;
        uint32_t needed = (uint32_t)hw->row_beats;
        if (packed && used < beats) {
            memcpy(beat, at + (size_t)used * 16, sizeof(beat));
            count = (int32_t)BT_BRICK_GET(beat, STEP_COUNT);
            needed = 1 + (uint32_t)((count + hw->entries - 1) / hw->entries);
        }
        if (needed > beats - used) {
            return bad_item(r, "beats for the steps, in item");
        }
        for (int32_t tile = 0; tile < hw->tiles; tile++) {
            r->base[tile] = packed ? (int32_t)(beat[(1 + tile) / 2] >> (1 + tile) % 2 * 16 & 0xffff)
                                   : (int32_t)BT_BRICK_GET(head, HEAD_BASE) + step;
        }
        const uint8_t *bytes = at + (size_t)used * 16;
        const enum bt_status status = packed ? read_entries(r, bytes + 16, count) : read_raw_step(r, bytes);
        if (status != BT_OK) {
            return status;
        }
        used += needed;
    }
    return used == beats ? BT_OK : bad_item(r, "beats behind the steps, in item");
}

enum bt_status bt_brick_read(const struct bt_brick_plan *plan, const struct bt_brick_connect *connect,
                             const uint8_t *image, const struct bt_brick_visitor *visitor, struct bt_reason *why)
{
    struct reader r = {.plan = plan, .connect = connect, .visitor = visitor, .why = why};
    uint64_t at = 0;
    uint32_t beats = plan->first_beats;

    for (r.item = 0; r.item < plan->items; r.item++) {
        uint32_t next = 0;
        bool end = false;
        if (beats == 0 || beats > plan->image_beats - at) {
            return bad_item(&r, "beats, in item");
        }
        const enum bt_status status = read_item(&r, image + at * 16, beats, &next, &end);
        if (status != BT_OK) {
            return status;
        }
        at += beats;
        beats = next;
        if (end) {
            r.warp++;
            r.warp_step = 0;
        }
    }
    if (at != plan->image_beats || r.warp != plan->warps || beats != plan->first_beats) {
        return bad_item(&r, "warps, or beats of the stream, after item");
    }
    return BT_OK;
}

/* ---- verifying ---- */

/* Of the warp that is being read: what its lanes have used, as marks and as many. */
struct verifier {
    const struct bt_brick_plan *plan;
    const struct bt_layer_data *data;
    const void *weights;
    int64_t record;  /* first slot whose record is not its filter's, or whose filter was there before, -1: none */
    int64_t filters; /* so far */
    uint32_t seen[BT_BRICK_MAX_CHANNELS / 32];
    int64_t wrong;    /* first lane with a weight that is not the layer's, -1: none */
    int64_t left_out; /* first lane of which a weight is left out, or there twice, -1: none */
    int32_t warp;
    int32_t channels[BT_BRICK_MAX_SLOTS];
    uint64_t balance[BT_BRICK_MAX_SLOTS];
    uint16_t used[BT_BRICK_MAX_SLOTS][BT_BRICK_MAX_LANES];
};

/* A mark per place of a weight, so that two sums of marks are equal only if the places are (but for one in 2^64). */
static uint64_t mark(int32_t row, int32_t lane)
{
    uint64_t z = ((uint64_t)(uint32_t)row << 8 | (uint64_t)(uint32_t)lane) + UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int64_t lane_number(const struct verifier *v, int32_t slot, int32_t lane)
{
    return ((int64_t)v->warp * v->plan->hw.slots + slot) * v->plan->hw.lanes + lane;
}

/* All weights of the warp's filters that are not zero against those that were used; then the next warp. */
static void end_warp(struct verifier *v)
{
    const struct bt_brick_hw *hw = &v->plan->hw;
    for (int32_t slot = 0; slot < hw->slots; slot++) {
        const int32_t brick = bt_brick_tile_brick(v->plan, v->warp, slot / hw->filters);
        const int32_t channel = v->channels[slot];
        uint64_t expected = 0;
        int32_t first = -1;
        for (int32_t lane = hw->lanes - 1; lane >= 0; lane--) {
            uint16_t count = 0;
            for (int32_t row = 0; channel >= 0 && row < v->plan->rows; row++) {
                if (bt_brick_weight(v->plan, v->weights, channel, brick, row, lane) != 0) {
                    expected += mark(row, lane);
                    count++;
                }
            }
            if (count != v->used[slot][lane]) {
                first = lane;
            }
        }
        if (v->balance[slot] != expected && v->left_out < 0) {
            v->left_out = lane_number(v, slot, first < 0 ? 0 : first);
        }
    }
    memset(v->balance, 0, sizeof(v->balance));
    memset(v->used, 0, sizeof(v->used));
    v->warp++;
}

static void verify_use(void *context, const struct bt_brick_use *use)
{
    struct verifier *v = context;
    if (bt_brick_weight(v->plan, v->weights, use->channel, use->tile_brick, use->row, use->row_lane) != use->weight &&
        v->wrong < 0) {
        v->wrong = lane_number(v, use->slot, use->lane);
    }
    v->balance[use->slot] += mark(use->row, use->row_lane);
    v->used[use->slot][use->row_lane]++;
}

static void verify_warp(void *context, int32_t warp, const int32_t *channels, const uint8_t *records)
{
    struct verifier *v = context;
    if (warp > 0) {
        end_warp(v);
    }
    for (int32_t slot = 0; slot < v->plan->hw.slots; slot++) {
        const int32_t channel = channels[slot];
        uint32_t record[4];
        bt_brick_record(v->plan, v->data, warp, slot, channel, record);
        const bool again = channel >= 0 && (v->seen[channel / 32] >> channel % 32 & 1) != 0;
        if ((again || memcmp(record, records + (size_t)slot * 16, sizeof(record)) != 0) && v->record < 0) {
            v->record = lane_number(v, slot, 0);
        }
        if (channel >= 0) {
            v->seen[channel / 32] |= 1u << channel % 32;
            v->filters++;
        }
    }
    memcpy(v->channels, channels, (size_t)v->plan->hw.slots * sizeof(*channels));
}

enum bt_status bt_brick_verify(const struct bt_brick_plan *plan, const struct bt_brick_connect *connect,
                               const struct bt_layer_data *data, const uint8_t *image, struct bt_reason *why)
{
    struct verifier v = {
        .plan = plan, .data = data, .weights = data->weights, .record = -1, .wrong = -1, .left_out = -1};
    const struct bt_brick_visitor visitor = {.use = verify_use, .warp = verify_warp, .context = &v};
    const enum bt_status status = bt_brick_read(plan, connect, image, &visitor, why);
    if (status != BT_OK) {
        return status;
    }
    end_warp(&v);
    const int64_t lanes = (int64_t)plan->warps * plan->hw.slots * plan->hw.lanes;
    if (v.wrong >= 0) {
        *why = (struct bt_reason){"first lane whose weight is not the layer's", v.wrong, lanes};
        return BT_EINPUT;
    }
    if (v.left_out >= 0) {
        *why = (struct bt_reason){"first lane with a weight that is left out, or there twice", v.left_out, lanes};
        return BT_EINPUT;
    }
    if (v.record >= 0 || v.filters != plan->conv.c_out) {
        *why = (struct bt_reason){"first lane whose filter, bias or scale is not the layer's", v.record, lanes};
        return BT_EINPUT;
    }
    return BT_OK;
}
