#include <stdio.h>

#include "reference/os_array/os_array_plan.h"

static const struct bt_param_spec params[] = {
    {"ROWS", 1, 64, 16, "rows of the array; ofmap pixels"},
    {"COLS", 1, 64, 16, "columns of the array; filters"},
    {"IBUF_BYTES", 4096, 1 << 20, 65536, "ifmap buffer, bytes in each of two halves, a power of two"},
    {"WBUF_K", 64, 1 << 16, 4608, "weight buffer, steps of every column in each of two halves, a multiple of 64"},
    {"OBUF_TILES", 2, 16, 4, "result buffer in tiles, a power of two"},
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
    const int64_t ibuf = bt_config_get(config, "IBUF_BYTES", 65536);
    const int64_t slots = bt_config_get(config, "OBUF_TILES", 4);
    const int64_t steps = bt_config_get(config, "WBUF_K", 4608);
    if ((ibuf & (ibuf - 1)) != 0) {
        *why = (struct bt_reason){"IBUF_BYTES, a power of two", ibuf, power_of_two(ibuf)};
        return BT_EINPUT;
    }
    if ((slots & (slots - 1)) != 0) {
        *why = (struct bt_reason){"OBUF_TILES, a power of two", slots, power_of_two(slots)};
        return BT_EINPUT;
    }
    if (steps % 64 != 0) {
        *why = (struct bt_reason){"WBUF_K, a multiple of 64", steps, steps - steps % 64};
        return BT_EINPUT;
    }
    return BT_OK;
}

static uint64_t multipliers(const struct bt_config *config)
{
    return (uint64_t)(bt_config_get(config, "ROWS", 16) * bt_config_get(config, "COLS", 16));
}

static void locate(const void *plan_in, uint64_t elem, char *text, size_t text_bytes)
{
    const struct os_array_plan *plan = plan_in;
    const uint64_t channels = (uint64_t)plan->conv.c_out;
    const int32_t filter = (int32_t)(elem % channels);
    const int64_t pixel = (int64_t)(elem / channels % ((uint64_t)plan->oh * (uint64_t)plan->ow));
    const int64_t block = pixel / plan->ow / plan->block_rows;
    const int64_t in_block = pixel - block * plan->block_rows * plan->ow;
    int32_t column = 0;
    const int32_t tile = bt_filter_map_find(&plan->map, filter, &column);
    (void)snprintf(text, text_bytes, "block %lld, filter tile %d, pixel tile %lld, row %lld, column %d",
                   (long long)block, tile, (long long)(in_block / plan->hw.rows), (long long)(in_block % plan->hw.rows),
                   column);
}

static void describe(const void *plan_in, char *text, size_t text_bytes)
{
    const struct os_array_plan *plan = plan_in;
    (void)snprintf(text, text_bytes, "%d block%s of %d ofmap rows, %d filter tile%s%s", plan->blocks,
                   plan->blocks > 1 ? "s" : "", plan->block_rows, plan->map.n_tiles, plan->map.n_tiles > 1 ? "s" : "",
                   plan->resident ? ", weights loaded once" : "");
}

const struct bt_variant os_array_variant = {
    .name = "os_array",
    .summary = "output-stationary systolic array, int8, int32 sums",
    .params = params,
    .driver = &os_array_driver,
    .check = check,
    .prepare = NULL,
    .model = os_array_model,
    .cycles = os_array_cycles,
    .roofline = os_array_roofline,
    .multipliers = multipliers,
    .device = &os_array_device,
    .locate = locate,
    .describe = describe,
};
