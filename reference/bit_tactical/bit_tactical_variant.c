#include "reference/bit_tactical/bit_tactical_plan.h"
#include "reference/bit_tactical/bit_tactical_schedule.h"
#include "reference/common/bt_brick_host.h"

#define AHEAD_DOC "rows ahead of this input of a lane's multiplexer, 0: there is none from here on"
#define ASIDE_DOC "lanes beside, modulo LANES"
#define INPUT(i, ahead, aside)                                                                                         \
    {"AHEAD_" #i, 0, 4, ahead, AHEAD_DOC},                                                                             \
    {                                                                                                                  \
        "ASIDE_" #i, -31, 31, aside, ASIDE_DOC                                                                         \
    }

/* T<2,5> where a configuration says nothing else. */
static const struct bt_param_spec params[] = {
    BT_BRICK_PARAMS,
    {"LOOKAHEAD", 0, 4, 2, "rows beyond its own that a tile sees"},
    INPUT(1, 1, 0),
    INPUT(2, 2, 0),
    INPUT(3, 1, -1),
    INPUT(4, 1, 1),
    INPUT(5, 2, -2),
    INPUT(6, 2, 2),
    INPUT(7, 1, -3),
    INPUT(8, 0, 0),
    INPUT(9, 0, 0),
    INPUT(10, 0, 0),
    {"SCHEDULER", 0, 3, 0,
     "0: the paper's Algorithm 2, 1: greedy, lookaside first; 2, 3: the same, also where other weights are read "
     "faster"},
    {"SHUFFLE", 0, 1, 1, "1: filters with about as many weights share a warp"},
    {NULL, 0, 0, 0, NULL},
};

static enum bt_status check(const struct bt_config *config, struct bt_reason *why)
{
    const enum bt_status status = bt_brick_check(config, why);
    if (status != BT_OK) {
        return status;
    }
    const struct bt_brick_connect connect = bit_tactical_connect_of(config);
    struct bit_tactical_connect checked = {
        .lanes = (int32_t)bt_config_get(config, "LANES", 16), .lookahead = connect.lookahead, .inputs = connect.inputs};
    for (int32_t i = 0; i < connect.inputs; i++) {
        checked.input[i].ahead = connect.ahead[i];
        checked.input[i].aside = connect.aside[i];
    }
    return bit_tactical_connect_check(&checked, why) == BT_OK ? BT_OK : BT_EINPUT;
}

static enum bt_status accept(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                             const struct bt_layer_data *data, const struct bt_blob *aux, struct bt_reason *why)
{
    const struct bt_brick_connect connect = bit_tactical_connect_of(config);
    return bt_brick_accept(config, layers, count, &connect, data, aux, why);
}

const struct bt_variant bit_tactical_variant = {
    .name = "bit_tactical",
    .summary = "DaDianNao++ tiles that skip zero weights by lookahead and lookaside, scheduled offline",
    .params = params,
    .driver = &bit_tactical_driver,
    .check = check,
    .prepare = bit_tactical_prepare,
    .accept = accept,
    .model = bit_tactical_model,
    .cycles = bit_tactical_cycles,
    .roofline = bt_brick_roofline,
    .multipliers = bt_brick_multipliers,
    .skips_zero_weights = true,
    .device = NULL,
    .locate = bt_brick_locate,
    .describe = bt_brick_describe,
};
