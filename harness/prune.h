/* Pruned weights: the smallest become zero, one by one or in whole units. */
#ifndef BT_PRUNE_H
#define BT_PRUNE_H

#include <stdint.h>

#include "reference/common/bt_layer.h"

/** What becomes zero together. */
enum bt_structure {
    BT_STRUCTURE_RANDOM,  /**< single weights, wherever the smallest are */
    BT_STRUCTURE_FILTER,  /**< all weights of a filter, [kh][kw][c_in/groups] */
    BT_STRUCTURE_CHANNEL, /**< the kernel [kh][kw] of one filter and one input channel */
    BT_STRUCTURE_COUNT,
};

/** How much of a layer's weights is zero; all zero for dense weights. */
struct bt_pruning {
    uint32_t percent; /**< [0, BT_MOST_SPARSITY] */
    enum bt_structure structure;
};
#define BT_MOST_SPARSITY 99

/** "random", "filter", "channel"; NULL beyond the last. */
const char *bt_structure_name(unsigned structure);

/** Units that become zero: percent of all, rounded to the nearest (halves up); of filters and kernels at least one stays. */
int64_t bt_prune_count(const struct bt_pruning *pruning, const struct bt_conv2d *conv);

/**
 * @brief  Sets bt_prune_count() units to zero: those whose weights have the smallest sum of magnitudes; of equal ones those
 *         that come first in memory (a kernel: by filter, then by channel). Weights that are zero already count as small.
 * @param[in]     dtype    BT_S8 or BT_S16.
 * @param[in,out] weights  [c_out][kh][kw][c_in/groups].
 * @source Han et al., Learning both Weights and Connections, NIPS 2015; filters: Li et al., Pruning Filters, ICLR 2017.
 */
void bt_prune(const struct bt_pruning *pruning, const struct bt_conv2d *conv, enum bt_dtype dtype, void *weights);

#endif
