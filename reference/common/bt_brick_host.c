#include "reference/common/bt_brick_host.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference/common/bt_conv2d.h"

/* ---- packed weights ---- */

enum bt_status bt_brick_dense(void *context, const struct bt_brick_plan *plan, const struct bt_layer_data *data,
                              int32_t warp, const int32_t *channels, struct bt_brick_schedule *schedule)
{
    (void)data;
    (void)warp;
    (void)channels;
    int32_t *rows = context;
    for (int32_t row = 0; row < plan->rows; row++) {
        rows[row] = row;
    }
    *schedule = (struct bt_brick_schedule){.steps = plan->rows};
    for (int32_t tile = 0; tile < plan->hw.tiles; tile++) {
        schedule->tile_steps[tile] = plan->rows;
        schedule->base[tile] = rows;
    }
    return BT_OK;
}

int32_t *bt_brick_in_order(const struct bt_brick_plan *plan)
{
    int32_t *channels = malloc((size_t)plan->warps * (size_t)plan->hw.slots * sizeof(*channels));
    for (int32_t i = 0; channels != NULL && i < plan->warps * plan->hw.slots; i++) {
        channels[i] = bt_brick_channel(plan, i / plan->hw.slots, i % plan->hw.slots);
    }
    return channels;
}

enum bt_status bt_brick_prepare_raw(const struct bt_brick_plan *plan, const struct bt_layer_data *data,
                                    struct bt_blob *aux)
{
    const int64_t weights = bt_conv2d_weight_elems(&plan->conv);
    struct bt_brick_aux *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return BT_ENOMEM;
    }
    made->magic = BT_BRICK_AUX_MAGIC;
    made->bytes = sizeof(*made);
    for (int64_t i = 0; i < weights; i++) {
        made->worth.effectual +=
            (plan->hw.bits == 16 ? ((const int16_t *)data->weights)[i] : ((const int8_t *)data->weights)[i]) != 0;
    }
    *aux = (struct bt_blob){made, sizeof(*made)};
    return BT_OK;
}

/* A growing block of memory. */
struct pile {
    uint8_t *data;
    size_t used, room;
};

/* Room for so many bytes more. @return where they go, NULL: there is no memory. */
static uint8_t *grow(struct pile *pile, size_t bytes)
{
    if (pile->used + bytes > pile->room) {
        const size_t room = 2 * (pile->used + bytes);
        uint8_t *data = realloc(pile->data, room);
        if (data == NULL) {
            return NULL;
        }
        pile->data = data;
        pile->room = room;
    }
    return pile->data + pile->used;
}

static enum bt_status pack_warp(const struct bt_brick_plan *plan, const struct bt_brick_connect *connect,
                                const struct bt_brick_schedule *schedule, const struct bt_layer_data *data,
                                int32_t warp, const int32_t *channels, struct pile *items, struct pile *image,
                                struct bt_brick_worth *worth)
{
    const size_t item_bytes = (size_t)bt_brick_items_of(plan, schedule->steps) * sizeof(struct bt_brick_item);
    struct bt_brick_worth unused = {0};
    struct bt_brick_item *made = (struct bt_brick_item *)(void *)grow(items, item_bytes);
    if (made == NULL) {
        return BT_ENOMEM;
    }
    const size_t bytes = bt_brick_pack_warp(plan, connect, schedule, data, warp, channels, made, NULL, &unused) * 16;
    uint8_t *stream = grow(image, bytes);
    if (stream == NULL) {
        return BT_ENOMEM;
    }
    (void)bt_brick_pack_warp(plan, connect, schedule, data, warp, channels, made, stream, worth);
    items->used += item_bytes;
    image->used += bytes;
    return BT_OK;
}

/* Each head says how long the next item is. */
static void link_items(const struct pile *items, struct pile *image)
{
    const struct bt_brick_item *item = (const struct bt_brick_item *)(const void *)items->data;
    const size_t count = items->used / sizeof(*item);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t next = item[(i + 1) % count].beats;
        memcpy(image->data + at, &next, sizeof(next));
        at += (size_t)item[i].beats * 16;
    }
}

static size_t align_16(size_t bytes)
{
    return (bytes + 15) / 16 * 16;
}

enum bt_status bt_brick_prepare(const struct bt_brick_plan *plan, const struct bt_brick_connect *connect,
                                const struct bt_layer_data *data, const int32_t *channels, bt_brick_scheduler scheduler,
                                void *context, bool scheduled, struct bt_blob *aux)
{
    struct pile items = {0};
    struct pile image = {0};
    struct bt_brick_aux header = {.magic = BT_BRICK_AUX_MAGIC,
                                  .warps = (uint32_t)plan->warps,
                                  .slots = (uint32_t)plan->hw.slots,
                                  .packed = 1,
                                  .scheduled = scheduled};
    enum bt_status status = BT_OK;
    uint8_t *bytes = NULL;

    for (int32_t warp = 0; warp < plan->warps && status == BT_OK; warp++) {
        const int32_t *slots = channels + (size_t)warp * (size_t)plan->hw.slots;
        struct bt_brick_schedule schedule = {0};
        status = scheduler(context, plan, data, warp, slots, &schedule);
        if (status == BT_OK) {
            status = pack_warp(plan, connect, &schedule, data, warp, slots, &items, &image, &header.worth);
            header.rows += (uint32_t)plan->rows;
            header.steps += (uint32_t)(schedule.steps > 0 ? schedule.steps : 1);
        }
    }
    if (status != BT_OK) {
        goto cleanup;
    }
    assert(items.data != NULL && image.data != NULL); /* there is a warp, and each has an item */
    link_items(&items, &image);
    const size_t channel_bytes = (size_t)plan->warps * (size_t)plan->hw.slots * sizeof(*channels);
    header.items = (uint32_t)(items.used / sizeof(struct bt_brick_item));
    header.items_at = (uint32_t)align_16(sizeof(header));
    header.channels_at = (uint32_t)align_16(header.items_at + items.used);
    header.image_at = (uint32_t)align_16(header.channels_at + channel_bytes);
    header.image_beats = (uint32_t)(image.used / 16);
    const size_t total = header.image_at + image.used;
    if (total > INT32_MAX) {
        status = BT_ENOMEM;
        goto cleanup;
    }
    header.bytes = (uint32_t)total;
    bytes = calloc(1, total);
    if (bytes == NULL) {
        status = BT_ENOMEM;
        goto cleanup;
    }
    memcpy(bytes, &header, sizeof(header));
    memcpy(bytes + header.items_at, items.data, items.used);
    memcpy(bytes + header.channels_at, channels, channel_bytes);
    memcpy(bytes + header.image_at, image.data, image.used);
    *aux = (struct bt_blob){bytes, total};

cleanup:
    free(items.data);
    free(image.data);
    return status;
}

/* Do the tables lie in the blob, and do the items' facts agree with the heads in the stream? */
static const char *shape_fault(const struct bt_brick_plan *plan, const struct bt_blob *aux)
{
    struct bt_brick_aux made;
    if (aux->bytes < sizeof(made)) {
        return "bytes of the header";
    }
    memcpy(&made, aux->data, sizeof(made));
    if (made.magic != BT_BRICK_AUX_MAGIC || made.bytes != aux->bytes) {
        return "magic, or bytes in all";
    }
    if (made.packed == 0) {
        return aux->bytes == sizeof(made) ? NULL : "bytes behind the header of raw weights";
    }
    const uint64_t bytes = aux->bytes;
    const uint64_t channel_bytes = (uint64_t)plan->warps * (uint64_t)plan->hw.slots * sizeof(int32_t);
    if (made.warps != (uint32_t)plan->warps || made.slots != (uint32_t)plan->hw.slots || made.items < made.warps) {
        return "warps, slots or items";
    }
    if (made.items_at % 16 != 0 || made.channels_at % 16 != 0 || made.image_at % 16 != 0 ||
        made.items_at < sizeof(made) || made.items_at + (uint64_t)made.items * sizeof(struct bt_brick_item) > bytes ||
        made.channels_at + channel_bytes > bytes || made.image_at + (uint64_t)made.image_beats * 16 > bytes) {
        return "tables that lie beyond the bytes";
    }
    const uint8_t *from = aux->data;
    uint64_t at = 0;
    for (uint32_t i = 0; i < made.items; i++) {
        struct bt_brick_item item;
        struct bt_brick_item next;
        uint32_t head[4];
        memcpy(&item, from + made.items_at + i * sizeof(item), sizeof(item));
        memcpy(&next, from + made.items_at + (i + 1) % made.items * sizeof(next), sizeof(next));
        if (item.beats == 0 || item.beats > made.image_beats - at) {
            return "beats of the items";
        }
        memcpy(head, from + made.image_at + at * 16, sizeof(head));
        if (BT_BRICK_GET(head, HEAD_STEPS) != item.steps || BT_BRICK_GET(head, HEAD_NEXT) != next.beats) {
            return "steps and beats of an item, in its head";
        }
        at += item.beats;
    }
    return at == made.image_beats ? NULL : "beats of the stream";
}

static void count_worth(void *context, const struct bt_brick_use *use)
{
    struct bt_brick_worth *worth = context;
    worth->effectual++;
    worth->ahead += use->select != 0 && use->lane == use->row_lane;
    worth->aside += use->select != 0 && use->lane != use->row_lane;
}

enum bt_status bt_brick_accept(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                               const struct bt_brick_connect *connect, const struct bt_layer_data *data,
                               const struct bt_blob *aux, struct bt_reason *why)
{
    struct bt_brick_plan plan;
    enum bt_status status = bt_brick_map(config, layers, count, 0, &plan, why);
    if (status != BT_OK) {
        return status;
    }
    const char *fault = shape_fault(&plan, aux);
    if (fault != NULL) {
        *why = (struct bt_reason){fault, (int64_t)aux->bytes, (int64_t)aux->bytes};
        return BT_EINPUT;
    }
    const struct bt_brick_aux *made = aux->data;
    struct bt_blob raw = {0};
    struct bt_brick_worth worth = {0};
    if (made->packed == 0) {
        status = bt_brick_prepare_raw(&plan, data, &raw);
        if (status == BT_OK) {
            worth = ((const struct bt_brick_aux *)raw.data)->worth;
        }
        free(raw.data);
    } else {
        status = bt_brick_bands(&plan, &config->mem, aux, why);
        const uint8_t *image = (const uint8_t *)aux->data + made->image_at;
        if (status == BT_OK) {
            status = bt_brick_verify(&plan, connect, data, image, why);
        }
        if (status == BT_OK) {
            const struct bt_brick_visitor visitor = {.use = count_worth, .context = &worth};
            status = bt_brick_read(&plan, connect, image, &visitor, why);
        }
    }
    if (status == BT_OK && memcmp(&worth, &made->worth, sizeof(worth)) != 0) {
        *why = (struct bt_reason){"weights, or promoted ones, as the header counts them",
                                  (int64_t)made->worth.effectual, (int64_t)worth.effectual};
        status = BT_EINPUT;
    }
    return status;
}

uint64_t bt_brick_best_cycles(const struct bt_config *config, const struct bt_layer *layer, const struct bt_blob *aux)
{
    struct bt_brick_plan plan;
    struct bt_brick_terms terms;
    struct bt_reason why = {0};
    if (bt_brick_map(config, layer, 1, 0, &plan, &why) != BT_OK ||
        bt_brick_bands(&plan, &config->mem, aux, &why) != BT_OK || !bt_brick_time(&plan, &config->mem, aux, &terms)) {
        return UINT64_MAX;
    }
    return (uint64_t)terms.cycles;
}

/* ---- model ---- */

struct model {
    const struct bt_brick_plan *plan;
    int32_t plane_w;
    int64_t plane;  /* elements of one channel, padding included */
    int16_t *ifmap; /* [c_in][h + pads][w + pads]: what lies in the padding is the zero point */
    int64_t *sums;  /* [c_out][oh][ow] */
};

/* The hot loop, once for wide vectors where the machine has them. */
__attribute__((target_clones("avx512f", "avx2", "default"))) static void
accumulate_plane(const int16_t *restrict in, int32_t stride, int32_t weight, int32_t count, int64_t *restrict sums)
{
    if (stride == 1) {
        for (int32_t i = 0; i < count; i++) {
            sums[i] += in[i] * weight;
        }
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        sums[i] += in[i * stride] * weight;
    }
}

static void model_use(void *context, const struct bt_brick_use *use)
{
    const struct model *m = context;
    const struct bt_brick_plan *plan = m->plan;
    const struct bt_conv2d *conv = &plan->conv;
    const int32_t channel = (use->tile_brick + use->row % plan->row_bricks) * plan->hw.lanes + use->row_lane;
    const int32_t position = use->row / plan->row_bricks;
    if (channel >= conv->c_in) {
        return; /* nobody knows what lies there; no stream that was verified does this */
    }
    const int16_t *in = m->ifmap + channel * m->plane + (int64_t)(position / conv->kw * conv->dil_h) * m->plane_w +
                        position % conv->kw * conv->dil_w;
    int64_t *sums = m->sums + (int64_t)use->channel * plan->oh * plan->ow;
    if (conv->stride_w == 1 && plan->ow == m->plane_w && conv->stride_h == 1) {
        accumulate_plane(in, 1, use->weight, plan->oh * plan->ow, sums);
        return;
    }
    for (int32_t y = 0; y < plan->oh; y++) {
        accumulate_plane(in + (int64_t)y * conv->stride_h * m->plane_w, conv->stride_w, use->weight, plan->ow,
                         sums + (int64_t)y * plan->ow);
    }
}

static void fill_planes(const struct model *m, const void *ifmap, int32_t image)
{
    const struct bt_conv2d *conv = &m->plan->conv;
    const int64_t from = (int64_t)image * conv->h * conv->w * conv->c_in;
    for (int64_t i = 0; i < m->plane * conv->c_in; i++) {
        m->ifmap[i] = (int16_t)conv->in_zp;
    }
    for (int32_t y = 0; y < conv->h; y++) {
        for (int32_t x = 0; x < conv->w; x++) {
            const int64_t pixel = from + ((int64_t)y * conv->w + x) * conv->c_in;
            int16_t *to = m->ifmap + (int64_t)(y + conv->pad_top) * m->plane_w + x + conv->pad_left;
            for (int32_t c = 0; c < conv->c_in; c++) {
                to[c * m->plane] =
                    m->plan->hw.bits == 16 ? ((const int16_t *)ifmap)[pixel + c] : ((const int8_t *)ifmap)[pixel + c];
            }
        }
    }
}

/* Sums of 32 or 48 bits, as wide as they are in hardware. */
static int64_t wrap(const struct bt_brick_plan *plan, int64_t sum)
{
    const int drop = plan->hw.bits == 16 ? 16 : 32;
    return (int64_t)((uint64_t)sum << drop) >> drop;
}

static void finish_channel(const struct model *m, const struct bt_layer_data *data, int32_t channel,
                           bt_brick_finisher finish, uint8_t *ofmap)
{
    const struct bt_brick_plan *plan = m->plan;
    const int64_t pixels = (int64_t)plan->oh * plan->ow;
    const int64_t *sums = m->sums + channel * pixels;
    uint32_t record[4];
    bt_brick_record(plan, data, 0, 0, channel, record);
    const int32_t bias = (int32_t)BT_BRICK_GET(record, RECORD_BIAS);
    for (int64_t p = 0; p < pixels; p++) {
        const int32_t value = finish(plan, data, wrap(plan, sums[p] + bias), data->mult[channel], data->shift[channel]);
        const int64_t at = p * plan->conv.c_out + channel;
        if (plan->hw.bits == 16) {
            ((int16_t *)(void *)ofmap)[at] = (int16_t)value;
        } else {
            ((int8_t *)ofmap)[at] = (int8_t)value;
        }
    }
}

/* The raw stream as pack() writes it, for a model that has no memory to read it from. */
static uint8_t *raw_image(const struct bt_brick_plan *plan, const struct bt_layer_data *data)
{
    uint8_t *image = malloc(plan->image_beats * 16);
    uint8_t *at = image;
    for (int32_t item = 0; image != NULL && item < plan->items; item++) {
        const int32_t warp = item / plan->chunks;
        const int32_t first = item % plan->chunks * plan->hw.weight_rows;
        uint32_t beat[4];
        bt_brick_head(plan, NULL, item, beat);
        memcpy(at, beat, 16);
        at += 16;
        for (int32_t slot = 0; first == 0 && slot < plan->hw.slots; slot++, at += 16) {
            bt_brick_record(plan, data, warp, slot, bt_brick_channel(plan, warp, slot), beat);
            memcpy(at, beat, 16);
        }
        for (int32_t row = first; row < plan->rows && row < first + plan->hw.weight_rows; row++) {
            bt_brick_raw_step(plan, data->weights, warp, row, at);
            at += (size_t)plan->hw.row_beats * 16;
        }
    }
    return image;
}

enum bt_status bt_brick_model(const void *plan_in, const struct bt_brick_connect *connect,
                              const struct bt_layer_data *data, const struct bt_blob *aux, bt_brick_finisher finish,
                              void *ofmap)
{
    const struct bt_brick_plan *plan = plan_in;
    const struct bt_conv2d *conv = &plan->conv;
    const size_t sum_elems = (size_t)conv->c_out * (size_t)plan->oh * (size_t)plan->ow;
    struct model m = {.plan = plan, .plane_w = conv->w + conv->pad_left + conv->pad_right};
    const struct bt_brick_visitor visitor = {.use = model_use, .context = &m};
    struct bt_reason why = {0};
    enum bt_status status = BT_OK;
    m.plane = (int64_t)(conv->h + conv->pad_top + conv->pad_bottom) * m.plane_w;
    m.ifmap = malloc((size_t)(m.plane * conv->c_in) * sizeof(*m.ifmap));
    m.sums = malloc(sum_elems * sizeof(*m.sums));
    uint8_t *raw = plan->packed ? NULL : raw_image(plan, data);
    const uint8_t *image =
        plan->packed ? (const uint8_t *)aux->data + ((const struct bt_brick_aux *)aux->data)->image_at : raw;
    if (m.ifmap == NULL || m.sums == NULL || image == NULL) {
        status = BT_ENOMEM;
    }
    for (int32_t n = 0; n < conv->n && status == BT_OK; n++) {
        fill_planes(&m, data->ifmap, n);
        memset(m.sums, 0, sum_elems * sizeof(*m.sums));
        status = bt_brick_read(plan, connect, image, &visitor, &why);
        for (int32_t c = 0; c < conv->c_out && status == BT_OK; c++) {
            finish_channel(&m, data, c, finish, (uint8_t *)ofmap + (size_t)n * sum_elems * (size_t)plan->hw.elem_bytes);
        }
    }
    free(raw);
    free(m.sums);
    free(m.ifmap);
    return status;
}

/* ---- texts ---- */

void bt_brick_locate(const void *plan_in, uint64_t elem, char *text, size_t text_bytes)
{
    const struct bt_brick_plan *plan = plan_in;
    const uint64_t channels = (uint64_t)plan->conv.c_out;
    const int32_t channel = (int32_t)(elem % channels);
    const int64_t pixel = (int64_t)(elem / channels % ((uint64_t)plan->oh * (uint64_t)plan->ow));
    const int64_t band = pixel / plan->ow / plan->band_rows;
    const int32_t slot = channel % plan->hw.slots;
    (void)snprintf(text, text_bytes, "band %lld, pixel %lld of it, tile %d, filter %d%s", (long long)band,
                   (long long)(pixel - band * plan->band_rows * plan->ow), slot / plan->hw.filters,
                   slot % plan->hw.filters, plan->packed ? "" : ", warp as channel / slots");
}

void bt_brick_describe(const void *plan_in, char *text, size_t text_bytes)
{
    const struct bt_brick_plan *plan = plan_in;
    (void)snprintf(text, text_bytes, "%d band%s of %d ofmap rows, %d warp%s, %d item%s, %s weights", plan->bands,
                   plan->bands > 1 ? "s" : "", plan->band_rows, plan->warps, plan->warps > 1 ? "s" : "", plan->items,
                   plan->items > 1 ? "s" : "",
                   plan->scheduled ? "scheduled"
                   : plan->packed  ? "packed"
                                   : "raw");
}

uint64_t bt_brick_roofline(const struct bt_config *config, const struct bt_layer *layers, uint32_t count)
{
    const struct bt_brick_hw hw = bt_brick_hw(config);
    const int64_t bus = config->mem.bytes_per_cycle < 16 ? config->mem.bytes_per_cycle : 16; /* the port's width */
    double cycles = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct bt_conv2d *conv = &layers[i].u.conv;
        const int64_t l = (int64_t)conv->n * bt_conv2d_oh(conv) * bt_conv2d_ow(conv);
        const int64_t m = (int64_t)conv->kh * conv->kw * (conv->c_in / conv->groups);
        const int64_t n = conv->c_out / conv->groups;
        const int64_t tiles_m = (m + hw.lanes - 1) / hw.lanes;
        const int64_t tiles_n = (n + hw.slots - 1) / hw.slots;
        const double macs = (double)l * (double)(tiles_m * hw.lanes) * (double)(tiles_n * hw.slots);
        const int64_t reduction = (m * hw.elem_bytes + bus - 1) / bus; /* N_bw of one row */
        const int64_t result = (n * hw.elem_bytes + bus - 1) / bus;
        const double data = (double)(reduction * (l + n) + result * l) * (double)bus;
        const double intensity = macs / data;
        const double peak = (double)(hw.slots * hw.lanes);
        const double performance = intensity * (double)bus < peak ? intensity * (double)bus : peak;
        cycles += conv->groups * (macs / performance);
    }
    return (uint64_t)(cycles + 0.5);
}
