#include <stdio.h>

#include "reference/ws_array/ws_array_plan.h"

static const struct bt_param_spec params[] = {
    {"DIM", 8, 64, 16, "rows and columns of the array, 8, 16, 32 or 64; bytes of the reduction, filters"},
    {"SPAD_BYTES", 4096, 4 << 20, 262144, "scratchpad of four banks, bytes, a power of two"},
    {"ACC_BYTES", 4096, 2 << 20, 65536, "accumulator of two halves, bytes, a power of two, at most SPAD_BYTES"},
    {"DATAFLOW", 0, 2, 0, "0 whichever is faster for a layer, 1 weight stationary, 2 output stationary"},
    {NULL, 0, 0, 0, NULL},
};

/* The largest power of two that is not above. */
static int64_t power_of_two(int64_t value)
{
    int64_t power = 1;
    while (power <= value / 2) {
        power *= 2;
    }
    return power;
}

static enum bt_status check(const struct bt_config *config, struct bt_reason *why)
{
    const int64_t dim = bt_config_get(config, "DIM", 16);
    const int64_t spad = bt_config_get(config, "SPAD_BYTES", 262144);
    const int64_t acc = bt_config_get(config, "ACC_BYTES", 65536);
    if ((dim & (dim - 1)) != 0) {
        *why = (struct bt_reason){"DIM, a power of two", dim, power_of_two(dim)};
        return BT_EINPUT;
    }
    if ((spad & (spad - 1)) != 0) {
        *why = (struct bt_reason){"SPAD_BYTES, a power of two", spad, power_of_two(spad)};
        return BT_EINPUT;
    }
    if ((acc & (acc - 1)) != 0) {
        *why = (struct bt_reason){"ACC_BYTES, a power of two", acc, power_of_two(acc)};
        return BT_EINPUT;
    }
    if (acc > spad) {
        *why = (struct bt_reason){"ACC_BYTES, at most SPAD_BYTES", acc, spad};
        return BT_EINPUT;
    }
    if (acc < 8 * dim * dim) {
        *why = (struct bt_reason){"ACC_BYTES, at least DIM rows of sums in each half", acc, 8 * dim * dim};
        return BT_EINPUT;
    }
    return BT_OK;
}

static uint64_t multipliers(const struct bt_config *config)
{
    const int64_t dim = bt_config_get(config, "DIM", 16);
    return (uint64_t)(dim * dim);
}

static void locate(const void *plan_in, uint64_t elem, char *text, size_t text_bytes)
{
    const struct ws_array_plan *plan = plan_in;
    const uint64_t channels = (uint64_t)plan->conv.c_out;
    const int32_t pixel = (int32_t)(elem / channels % ((uint64_t)plan->ph * (uint64_t)plan->pw));
    const int32_t oy = pixel / plan->pw;
    const int32_t ox = pixel % plan->pw;
    int32_t column = 0;
    const int32_t filter_tile = bt_filter_map_find(&plan->map, (int32_t)(elem % channels), &column);
    struct ws_array_tile tile;

    ws_array_tile(plan, oy / plan->tile_rows, ox / plan->tile_cols, &tile);
    /* Of a pooled pixel the first candidate's row. */
    int32_t y = tile.pool_y + (oy - tile.oy0) * plan->pool.stride_h;
    int32_t x = tile.pool_x + (ox - tile.ox0) * plan->pool.stride_w;
    y = y > 0 ? y : 0;
    x = x > 0 ? x : 0;
    (void)snprintf(text, text_bytes, "tile (%d, %d), filter tile %d, accumulator row %d, column %d",
                   oy / plan->tile_rows, ox / plan->tile_cols, filter_tile, y * (tile.cx1 - tile.cx0) + x, column);
}

static void describe(const void *plan_in, char *text, size_t text_bytes)
{
    const struct ws_array_plan *plan = plan_in;
    const int32_t tiles = plan->conv.n * plan->tiles_y * plan->tiles_x;
    (void)snprintf(text, text_bytes,
                   "%s stationary, %d tile%s of %dx%d, %d filter tile%s in %d chunk%s%s, %d bank%s for ifmap",
                   plan->os ? "output" : "weight", tiles, tiles > 1 ? "s" : "", plan->tile_rows, plan->tile_cols,
                   plan->map.n_tiles, plan->map.n_tiles > 1 ? "s" : "", plan->chunks, plan->chunks > 1 ? "s" : "",
                   plan->resident ? " loaded once" : "", plan->ifmap_banks, plan->ifmap_banks > 1 ? "s" : "");
}

const struct bt_variant ws_array_variant = {
    .name = "ws_array",
    .summary = "weight-stationary systolic array after Gemmini, int8, int32 sums, max-pooling on write-back",
    .params = params,
    .driver = &ws_array_driver,
    .check = check,
    .prepare = NULL,
    .model = ws_array_model,
    .cycles = ws_array_cycles,
    .roofline = ws_array_roofline,
    .multipliers = multipliers,
    .device = NULL,
    .locate = locate,
    .describe = describe,
};
