#include "reference/dadiannao/dadiannao_plan.h"

const struct bt_brick_connect dadiannao_connect = {.lookahead = 0, .inputs = 0};

static enum bt_status pack(const void *plan, const struct bt_layer_data *data, const struct bt_blob *aux,
                           struct bt_hal *hal, struct bt_reason *why)
{
    return bt_brick_pack(plan, data, aux, &dadiannao_connect, hal, why);
}

const struct bt_driver dadiannao_driver = {
    .plan_bytes = sizeof(struct bt_brick_plan),
    .max_layers = 1,
    .supports = bt_brick_supports,
    .plan = bt_brick_make_plan,
    .pack = pack,
    .load = bt_brick_load,
    .program = bt_brick_program,
    .start = bt_brick_start,
    .service = bt_brick_service,
    .unpack = bt_brick_unpack,
    .finish = bt_brick_finish,
};
