/*
 * A quantised graph for any network of suites/networks, with seeded weights: integers and exactly rounded doubles only,
 * so that the same seed gives the same bytes on any machine.
 */
#ifndef BT_GRAPH_SEEDED_H
#define BT_GRAPH_SEEDED_H

#include "harness/error.h"
#include "harness/network.h"
#include "harness/prune.h"
#include "reference/graph/bt_graph.h"

/**
 * @brief  Weights as bt_data_make() gives them, uniform over [-127, 127], each node with its own. Bias, multipliers and
 *         the scales of every other operator follow the values that bt_graph_seeded_input() of the same seed gives rise
 *         to, node after node, as a batch normalisation would: outputs spread over int8 and few of them meet its ends.
 *
 *         Nodes keep the names and the order of the network. A fully connected layer is a 1x1 convolution. An activation
 *         that is no clamp, behind anything but a convolution, becomes a BT_OP_TABLE node "<name>.act" of its own.
 * @param[in]  pruning  Of every convolution's weights.
 * @param[out] graph  Checked; release with bt_graph_free().
 * @return BT_OK; BT_EINVAL (a scale that cannot be expressed; err names the node); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_graph_seeded(const struct bt_network *network, uint64_t seed,
                                             const struct bt_pruning *pruning, struct bt_graph **graph,
                                             struct bt_error *err);

/** An input for any graph: seeded bytes, uniform over int8. @param[out] input  bt_graph_bytes() of node 0. */
void bt_graph_seeded_input(const struct bt_graph *graph, uint64_t seed, int8_t *input);

#endif
