/* A graph prepared for many pictures: the outputs of bt_graph_run() bit by bit, in a fraction of its time. */
#ifndef BT_GRAPH_RUNNER_H
#define BT_GRAPH_RUNNER_H

#include "reference/graph/bt_graph.h"

/** One thread at a time, and no other is started. */
struct bt_graph_runner;

/**
 * @brief  Checks the graph, prepares each convolution, and makes tables of what has one or two int8 inputs.
 * @param[in]  graph   Outlives the runner. Weights that are changed afterwards, by pruning for instance, are not seen.
 * @param[out] runner  Release with bt_graph_runner_free().
 * @return As bt_graph_check(); err names the node.
 */
BT_MUST_CHECK enum bt_status bt_graph_runner_new(const struct bt_graph *graph, struct bt_graph_runner **runner,
                                                 struct bt_error *err);

/** NULL is allowed. */
void bt_graph_runner_free(struct bt_graph_runner *runner);

/** bt_graph_run() of the runner's graph. @return BT_OK; BT_EINVAL (null); as the operators do; err names the node. */
BT_MUST_CHECK enum bt_status bt_graph_runner_run(struct bt_graph_runner *runner, const int8_t *input,
                                                 int8_t *const *outputs, struct bt_error *err);

#endif
