#include "reference/bit_tactical/bit_tactical_plan.h"

enum bt_status bit_tactical_cycles(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                                   const struct bt_blob *aux, const struct bt_blob *profile,
                                   struct bt_counters *prediction)
{
    (void)layers;
    (void)profile;
    return bt_brick_cycles(config, plan, aux, prediction);
}
