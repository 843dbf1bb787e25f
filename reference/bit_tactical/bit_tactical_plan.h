/* What the room's files share. Freestanding. */
#ifndef BIT_TACTICAL_PLAN_H
#define BIT_TACTICAL_PLAN_H

#include "reference/common/bt_brick.h"

/** The family's plan, and where a weight's operand may come from. Plain data, no pointers. */
struct bit_tactical_plan {
    struct bt_brick_plan brick;
    struct bt_brick_connect connect;
};

/** LOOKAHEAD, and of AHEAD_i, ASIDE_i those before the first that looks no row ahead. */
struct bt_brick_connect bit_tactical_connect_of(const struct bt_config *config);

extern const struct bt_driver bit_tactical_driver;

enum bt_status bit_tactical_model(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                                  const struct bt_layer_data *data, const struct bt_blob *aux, void *ofmap,
                                  struct bt_blob *profile);
enum bt_status bit_tactical_cycles(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                                   const struct bt_blob *aux, const struct bt_blob *profile,
                                   struct bt_counters *prediction);

/**
 * @brief  The offline work: shuffles filters, schedules every warp, and keeps of the raw stream, the packed dense one and the
 *         schedule what takes the fewest cycles; so it is never slower than the dense baseline.
 */
enum bt_status bit_tactical_prepare(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                                    const struct bt_layer_data *data, struct bt_blob *aux, struct bt_reason *why);

#endif
