/*
 * Seeded tensors. Every byte follows from (seed, network, geometry, tensor) alone: integers only, so that the same seed
 * gives the same bytes on any machine.
 */
#ifndef BT_DATA_H
#define BT_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/prune.h"
#include "harness/suite.h"
#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

/** What the bytes of a layer follow from, besides its geometry. */
struct bt_data_key {
    uint64_t seed;
    const char *network;
    enum bt_pattern pattern;
    enum bt_dtype dtype; /**< BT_S8 or BT_S16 */
    struct bt_pruning pruning;
};

/** The tensors of one layer and the block that holds them. */
struct bt_tensors {
    struct bt_layer_data view;
    void *block;
};

/**
 * @brief  Gives a layer its zero points, before planning: seeded ones where it states none (both 0), then those that
 *         the pattern demands. Clamps that depend on out_zp move with it. An int16 layer has none and stays as it is.
 */
void bt_data_adapt(const struct bt_data_key *key, enum bt_act act, struct bt_conv2d *conv);

/** Zero point of what the layer puts out: out_zp, or that of the activation table behind it. */
int32_t bt_data_out_zp(enum bt_act act, const struct bt_conv2d *conv);

/**
 * @brief  Makes the tensors of a layer.
 * @param[in]  conv     After bt_data_adapt(); bt_layer_check() passed.
 * @param[in]  act      Decides the table when conv->table is set.
 * @param[in]  ifmap    An ifmap that already exists (the ofmap of the layer before), or NULL for a seeded one. It is
 *                      referenced, not copied, and the multipliers follow its actual spread.
 * @param[out] tensors  Released with bt_data_free().
 *                      Pruned weights are dense ones with some of them zero; multipliers follow what is left of each filter.
 * @return BT_OK; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_data_make(const struct bt_data_key *key, enum bt_act act, const struct bt_conv2d *conv,
                                          const void *ifmap, struct bt_tensors *tensors);

void bt_data_free(struct bt_tensors *tensors);

/** Fills with seeded bytes, uniform over [-128, 127]; symmetric turns -128 into -127 (weights). */
void bt_data_fill(uint64_t state_seed, bool symmetric, int8_t *bytes, size_t count);

/** floor(sqrt(x)) in integers. */
uint64_t bt_isqrt(uint64_t x);

#endif
