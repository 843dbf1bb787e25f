/* What the room's files share. Freestanding. */
#ifndef DADIANNAO_PLAN_H
#define DADIANNAO_PLAN_H

#include "reference/common/bt_brick.h"

/** No lane takes another's operand. */
extern const struct bt_brick_connect dadiannao_connect;
extern const struct bt_driver dadiannao_driver;

enum bt_status dadiannao_model(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                               const struct bt_layer_data *data, const struct bt_blob *aux, void *ofmap,
                               struct bt_blob *profile);
enum bt_status dadiannao_cycles(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                                const struct bt_blob *aux, const struct bt_blob *profile,
                                struct bt_counters *prediction);

#endif
