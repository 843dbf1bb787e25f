/*
 * Integer parameters of graph nodes from real scales, as TFLite's converter and kernels prepare them. Operations that
 * IEEE 754 rounds exactly, so that every machine gives the same integers.
 */
#ifndef BT_GRAPH_QUANTISE_H
#define BT_GRAPH_QUANTISE_H

#include "reference/graph/bt_graph.h"

/**
 * @brief  Scale and zero point that put [low, high], widened to hold 0, on [-128, 127]; 0 is met exactly.
 * @param[in]  low, high  Finite. An empty range gets the scale 1.
 * @source TFLite tools/optimize/quantization_utils.cc, GetAsymmetricQuantizationParams.
 */
void bt_graph_range(double low, double high, double *scale, int32_t *zp);

/** Clamp of an output with that scale and zero point: all of int8, from 0 on (relu), or 0 to 6. */
enum bt_graph_clamp { BT_GRAPH_CLAMP_NONE, BT_GRAPH_CLAMP_RELU, BT_GRAPH_CLAMP_RELU6 };
void bt_graph_clamp_range(enum bt_graph_clamp clamp, double scale, int32_t zp, int32_t *act_min, int32_t *act_max);

/*
 * Parameters of a node whose shape, inputs, zp and scale are set, from these and its inputs' (earlier nodes of the same
 * graph). Double rounding. BT_EINVAL where the scales are too far apart to be expressed.
 */

/** @source TFLite kernels/add.cc, Prepare: left shift 20, both inputs relative to twice the larger scale. */
BT_MUST_CHECK enum bt_status bt_graph_quantise_add(const struct bt_graph *graph, struct bt_graph_node *node,
                                                   enum bt_graph_clamp clamp);
/** @source TFLite kernels/mul.cc, Prepare. */
BT_MUST_CHECK enum bt_status bt_graph_quantise_mul(const struct bt_graph *graph, struct bt_graph_node *node,
                                                   enum bt_graph_clamp clamp);
BT_MUST_CHECK enum bt_status bt_graph_quantise_concat(const struct bt_graph *graph, struct bt_graph_node *node);
/** Sets zp and scale of the output, too: -128 and 1/256. @source as ref_softmax_s8_scale(), beta 1. */
BT_MUST_CHECK enum bt_status bt_graph_quantise_softmax(const struct bt_graph *graph, struct bt_graph_node *node);

#endif
