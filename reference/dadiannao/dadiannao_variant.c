#include <stdlib.h>

#include "reference/common/bt_brick_host.h"
#include "reference/dadiannao/dadiannao_plan.h"

static const struct bt_param_spec params[] = {
    BT_BRICK_PARAMS,
    {"PACKED", 0, 1, 0, "1: weights zero-compressed in DRAM where that takes less time"},
    {NULL, 0, 0, 0, NULL},
};

/* The raw stream needs no preparation; the packed one is taken where it is faster. */
static enum bt_status prepare(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                              const struct bt_layer_data *data, struct bt_blob *aux, struct bt_reason *why)
{
    struct bt_brick_plan plan;
    struct bt_blob raw = {0};
    struct bt_blob packed = {0};
    enum bt_status status = bt_brick_map(config, layers, count, 0, &plan, why);
    if (status == BT_OK) {
        status = bt_brick_prepare_raw(&plan, data, &raw);
    }
    if (status != BT_OK || bt_config_get(config, "PACKED", 0) == 0) {
        *aux = raw;
        return status;
    }
    int32_t *channels = bt_brick_in_order(&plan);
    int32_t *rows = malloc((size_t)plan.rows * sizeof(*rows));
    status = channels == NULL || rows == NULL
                 ? BT_ENOMEM
                 : bt_brick_prepare(&plan, &dadiannao_connect, data, channels, bt_brick_dense, rows, false, &packed);
    if (status == BT_OK && bt_brick_best_cycles(config, layers, &packed) < bt_brick_best_cycles(config, layers, &raw)) {
        *aux = packed;
        packed = raw;
    } else {
        *aux = raw;
    }
    free(packed.data);
    free(rows);
    free(channels);
    return status;
}

static enum bt_status accept(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                             const struct bt_layer_data *data, const struct bt_blob *aux, struct bt_reason *why)
{
    return bt_brick_accept(config, layers, count, &dadiannao_connect, data, aux, why);
}

const struct bt_variant dadiannao_variant = {
    .name = "dadiannao",
    .summary = "DaDianNao++ tiles of adder trees, channel-first, 16-bit fixed point or int8",
    .params = params,
    .driver = &dadiannao_driver,
    .check = bt_brick_check,
    .prepare = prepare,
    .accept = accept,
    .model = dadiannao_model,
    .cycles = dadiannao_cycles,
    .roofline = bt_brick_roofline,
    .multipliers = bt_brick_multipliers,
    .device = NULL,
    .locate = bt_brick_locate,
    .describe = bt_brick_describe,
};
