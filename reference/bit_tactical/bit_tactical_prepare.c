#include <stdlib.h>
#include <string.h>

#include "reference/bit_tactical/bit_tactical_plan.h"
#include "reference/bit_tactical/bit_tactical_schedule.h"
#include "reference/common/bt_brick_host.h"

/* ---- filter shuffling ---- */

struct filter {
    int32_t channel, weights; /* weights that are not zero */
};

static int by_weights(const void *a_in, const void *b_in)
{
    const struct filter *a = a_in;
    const struct filter *b = b_in;
    if (a->weights != b->weights) {
        return a->weights < b->weights ? 1 : -1;
    }
    return a->channel < b->channel ? -1 : 1;
}

static int32_t count_weights(const struct bt_brick_plan *plan, const void *weights, int32_t channel)
{
    const struct bt_conv2d *conv = &plan->conv;
    const int64_t elems = (int64_t)conv->kh * conv->kw * (conv->c_in / conv->groups);
    int32_t count = 0;
    for (int64_t i = channel * elems; i < (channel + 1) * elems; i++) {
        count += (plan->hw.bits == 16 ? ((const int16_t *)weights)[i] : ((const int8_t *)weights)[i]) != 0;
    }
    return count;
}

/*
 * Filters with about as many weights share a warp, since its slowest tile sets the pace (paper: section IV-A). A slot keeps the
 * channels that are its own modulo slots, so that results need no network on their way to the ofmap memory. Where groups see
 * different channels, filters stay where they are.
 */
static enum bt_status shuffle(const struct bt_brick_plan *plan, const void *weights, int32_t *channels)
{
    const int32_t slots = plan->hw.slots;
    struct filter *filters = malloc((size_t)plan->warps * sizeof(*filters));
    if (filters == NULL) {
        return BT_ENOMEM;
    }
    for (int32_t slot = 0; slot < slots; slot++) {
        int32_t count = 0;
        for (int32_t channel = slot; channel < plan->conv.c_out; channel += slots) {
            filters[count++] = (struct filter){channel, count_weights(plan, weights, channel)};
        }
        qsort(filters, (size_t)count, sizeof(*filters), by_weights);
        for (int32_t warp = 0; warp < plan->warps; warp++) {
            channels[warp * slots + slot] = warp < count ? filters[warp].channel : -1;
        }
    }
    free(filters);
    return BT_OK;
}

/* ---- schedules ---- */

struct context {
    struct bit_tactical_connect connect;
    enum bit_tactical_scheduler scheduler;
    uint32_t *nonzero, *scratch; /* [rows][filters] */
    int32_t *base[BT_BRICK_MAX_TILES];
    uint8_t *select[BT_BRICK_MAX_TILES]; /* [rows][filters][lanes] */
};

static enum bt_status schedule_warp(void *context_in, const struct bt_brick_plan *plan,
                                    const struct bt_layer_data *data, int32_t warp, const int32_t *channels,
                                    struct bt_brick_schedule *schedule)
{
    struct context *context = context_in;
    const struct bt_brick_hw *hw = &plan->hw;
    *schedule = (struct bt_brick_schedule){0};
    for (int32_t t = 0; t < hw->tiles; t++) {
        const int32_t brick = bt_brick_tile_brick(plan, warp, t);
        uint32_t *mask = context->nonzero;
        for (int32_t row = 0; row < plan->rows; row++) {
            for (int32_t f = 0; f < hw->filters; f++, mask++) {
                *mask = 0;
                for (int32_t lane = 0; lane < hw->lanes; lane++) {
                    const int32_t channel = channels[t * hw->filters + f];
                    *mask |= (uint32_t)(bt_brick_weight(plan, data->weights, channel, brick, row, lane) != 0) << lane;
                }
            }
        }
        const struct bit_tactical_tile tile = {.rows = plan->rows, .filters = hw->filters, .nonzero = context->nonzero};
        const int32_t steps = bit_tactical_schedule(&context->connect, context->scheduler, &tile, context->scratch,
                                                    context->base[t], context->select[t]);
        schedule->tile_steps[t] = steps;
        schedule->base[t] = context->base[t];
        schedule->select[t] = context->select[t];
        if (steps > schedule->steps) {
            schedule->steps = steps;
        }
    }
    return BT_OK;
}

static enum bt_status make_schedule(const struct bt_config *config, const struct bt_brick_plan *plan,
                                    const struct bt_brick_connect *connect, const struct bt_layer_data *data,
                                    const int32_t *channels, struct bt_blob *aux)
{
    const size_t filter_rows = (size_t)plan->rows * (size_t)plan->hw.filters;
    const size_t tile_lanes = filter_rows * (size_t)plan->hw.lanes;
    struct context context = {
        .connect = {.lanes = plan->hw.lanes, .lookahead = connect->lookahead, .inputs = connect->inputs},
        .scheduler = bt_config_get(config, "SCHEDULER", 0) % 2 == 0 ? BIT_TACTICAL_HEURISTIC : BIT_TACTICAL_GREEDY,
    };
    for (int32_t i = 0; i < connect->inputs; i++) {
        context.connect.input[i].ahead = connect->ahead[i];
        context.connect.input[i].aside = connect->aside[i];
    }
    const size_t tiles = (size_t)plan->hw.tiles;
    const size_t words = 2 * filter_rows + tiles * (size_t)plan->rows;
    uint32_t *block = malloc(words * sizeof(*block) + tiles * tile_lanes);
    if (block == NULL) {
        return BT_ENOMEM;
    }
    context.nonzero = block;
    context.scratch = block + filter_rows;
    for (size_t t = 0; t < tiles; t++) {
        context.base[t] = (int32_t *)(block + 2 * filter_rows) + t * (size_t)plan->rows;
        context.select[t] = (uint8_t *)(block + words) + t * tile_lanes;
    }
    const enum bt_status status = bt_brick_prepare(plan, connect, data, channels, schedule_warp, &context, true, aux);
    free(block);
    return status;
}

/* ---- the best of what there is ---- */

static void keep_faster(const struct bt_config *config, const struct bt_layer *layer, struct bt_blob *best,
                        struct bt_blob *other)
{
    if (bt_brick_best_cycles(config, layer, other) < bt_brick_best_cycles(config, layer, best)) {
        const struct bt_blob slower = *best;
        *best = *other;
        *other = slower;
    }
    free(other->data);
    *other = (struct bt_blob){0};
}

enum bt_status bit_tactical_prepare(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                                    const struct bt_layer_data *data, struct bt_blob *aux, struct bt_reason *why)
{
    const struct bt_brick_connect connect = bit_tactical_connect_of(config);
    struct bt_brick_plan plan;
    struct bt_blob best = {0};
    struct bt_blob other = {0};
    int32_t *channels = NULL;
    int32_t *rows = NULL;
    enum bt_status status = bt_brick_map(config, layers, count, 0, &plan, why);
    if (status != BT_OK) {
        return status;
    }
    const bool always = bt_config_get(config, "SCHEDULER", 0) >= 2;
    channels = bt_brick_in_order(&plan);
    rows = malloc((size_t)plan.rows * sizeof(*rows));
    status = channels != NULL && rows != NULL ? bt_brick_prepare_raw(&plan, data, &best) : BT_ENOMEM;
    if (status == BT_OK && !always) {
        status = bt_brick_prepare(&plan, &connect, data, channels, bt_brick_dense, rows, false, &other);
        if (status == BT_OK) {
            keep_faster(config, layers, &best, &other);
        }
    }
    if (status == BT_OK) {
        if (bt_config_get(config, "SHUFFLE", 1) != 0 && plan.conv.groups == 1) {
            status = shuffle(&plan, data->weights, channels);
        }
    }
    if (status == BT_OK) {
        status = make_schedule(config, &plan, &connect, data, channels, &other);
    }
    if (status == BT_OK) { /* each schedule is proved before it is used */
        status = bt_brick_accept(config, layers, count, &connect, data, &other, why);
    }
    if (status == BT_OK && always) {
        *aux = other;
        other = (struct bt_blob){0};
    } else if (status == BT_OK) {
        keep_faster(config, layers, &best, &other);
        *aux = best;
        best = (struct bt_blob){0};
    }
    free(best.data);
    free(other.data);
    free(rows);
    free(channels);
    return status;
}
