#include "reference/dadiannao/dadiannao_plan.h"

const struct bt_brick_connect dadiannao_connect = {.lookahead = 0, .inputs = 0};

const struct bt_driver dadiannao_driver = {
    .plan_bytes = sizeof(struct bt_brick_plan),
    .max_layers = 1,
    .supports = bt_brick_supports,
    .plan = bt_brick_make_plan,
    .pack = bt_brick_pack,
    .load = bt_brick_load,
    .program = bt_brick_program,
    .start = bt_brick_start,
    .service = bt_brick_service,
    .unpack = bt_brick_unpack,
    .finish = bt_brick_finish,
};
