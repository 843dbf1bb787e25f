#include "reference/bit_tactical/bit_tactical_plan.h"

struct bt_brick_connect bit_tactical_connect_of(const struct bt_config *config)
{
    static const char *const ahead[BT_BRICK_MAX_INPUTS] = {"AHEAD_1", "AHEAD_2", "AHEAD_3", "AHEAD_4", "AHEAD_5",
                                                           "AHEAD_6", "AHEAD_7", "AHEAD_8", "AHEAD_9", "AHEAD_10"};
    static const char *const aside[BT_BRICK_MAX_INPUTS] = {"ASIDE_1", "ASIDE_2", "ASIDE_3", "ASIDE_4", "ASIDE_5",
                                                           "ASIDE_6", "ASIDE_7", "ASIDE_8", "ASIDE_9", "ASIDE_10"};
    struct bt_brick_connect connect = {.lookahead = (int32_t)bt_config_get(config, "LOOKAHEAD", 0)};
    for (int32_t i = 0; i < BT_BRICK_MAX_INPUTS; i++) {
        connect.ahead[i] = (int8_t)bt_config_get(config, ahead[i], 0);
        connect.aside[i] = (int8_t)bt_config_get(config, aside[i], 0);
        if (connect.ahead[i] != 0 && connect.inputs == i) {
            connect.inputs = i + 1;
        }
    }
    return connect;
}

static enum bt_status make_plan(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                                const struct bt_blob *aux, struct bt_io *io, void *plan_out, struct bt_reason *why)
{
    struct bit_tactical_plan *plan = plan_out;
    plan->connect = bit_tactical_connect_of(config);
    return bt_brick_make_plan(config, layers, count, aux, io, &plan->brick, why);
}

/* The family's callbacks find its plan at the beginning of ours. */
const struct bt_driver bit_tactical_driver = {
    .plan_bytes = sizeof(struct bit_tactical_plan),
    .max_layers = 1,
    .supports = bt_brick_supports,
    .plan = make_plan,
    .pack = bt_brick_pack,
    .load = bt_brick_load,
    .program = bt_brick_program,
    .start = bt_brick_start,
    .service = bt_brick_service,
    .unpack = bt_brick_unpack,
    .finish = bt_brick_finish,
};
