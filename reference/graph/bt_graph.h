/*
 * A quantised network: a graph of integer operators with all their parameters and constants, ready to run. Batch 1, NHWC
 * int8. The same structures that the reference operators take, so that a run is one call per node.
 */
#ifndef BT_GRAPH_H
#define BT_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "harness/error.h"
#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"
#include "reference/ops/elementwise.h"
#include "reference/ops/pool2d.h"
#include "reference/ops/softmax_s8.h"

#define BT_GRAPH_INPUTS 16

struct bt_graph_node {
    char name[48];
    enum bt_op op; /**< BT_OP_INPUT for node 0 alone */
    uint32_t input_count;
    uint32_t inputs[BT_GRAPH_INPUTS]; /**< indices of earlier nodes */
    int32_t h, w, c;                  /**< shape of the output; a fully connected layer takes its input flattened */
    int32_t zp;                       /**< of the output */
    double scale; /**< real value of one step of the output; for people, no engine computes with it */
    union {
        struct bt_conv2d conv; /**< n == 1 */
        struct ref_pool2d pool;
        struct ref_add add;
        struct ref_mul mul;
        struct ref_softmax_s8 softmax;
        struct {
            enum bt_rounding rounding;
            struct {
                int32_t zp, mult, shift; /**< as struct ref_concat_input; c is the input's */
            } in[BT_GRAPH_INPUTS];
        } concat;
        int32_t upsample_scale;
        int32_t slice_from; /**< channels [from, from + c) */
    } u;
    /* constants, NULL where the operator has none; owned by the graph */
    int8_t *weights; /**< as struct bt_conv2d */
    int32_t *bias, *mult, *shift;
    int8_t *table; /**< conv with u.conv.table, and BT_OP_TABLE */
};

struct bt_graph {
    char name[48];
    char source[96]; /**< where the weights are from: "seed 1", "lenet/...: trained, quantised here (min-max)" */
    uint32_t count;
    struct bt_graph_node *nodes; /**< topological order; the last is the result */
};

/** NULL is allowed. */
void bt_graph_free(struct bt_graph *graph);

/** Bytes of a node's output. */
size_t bt_graph_bytes(const struct bt_graph_node *node);

/**
 * @brief  A buffer for every node's output, each with its own end, so that a sanitizer sees who writes past it.
 * @param[out] outputs  graph->count pointers to bt_graph_bytes() each, zeroed; release with bt_graph_outputs_free().
 * @return BT_OK; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_graph_outputs_new(const struct bt_graph *graph, int8_t ***outputs);

/** NULL is allowed. */
void bt_graph_outputs_free(const struct bt_graph *graph, int8_t **outputs);

/**
 * @brief  Checks everything: shapes and zero points against each other, parameters by each operator's own check,
 *         weights within [-127, 127], accumulator bounds. A convolution may leave bias NULL (all 0) and may not be raw.
 * @return BT_OK; BT_EINVAL or BT_EOVERFLOW, err names the node; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_graph_check(const struct bt_graph *graph, struct bt_error *err);

/**
 * @brief  One node by the reference operators; convolutions of more than a million MACs by their fast path, which gives
 *         the same bits.
 * @pre    bt_graph_check() passed.
 * @param[in]  in   in[i]: output of inputs[i].
 * @param[out] out  bt_graph_bytes() of the node.
 * @return As the operator does; BT_EINVAL for node 0, which is given and not computed. out is written on BT_OK.
 */
BT_MUST_CHECK enum bt_status bt_graph_run_node(const struct bt_graph *graph, uint32_t index, const int8_t *const *in,
                                               int8_t *out);

/**
 * @brief  The whole network; every intermediate tensor stays.
 * @param[in]  input    [h][w][c] of node 0.
 * @param[out] outputs  count pointers to bt_graph_bytes() each; outputs[0] gets a copy of the input.
 * @return As bt_graph_check() and the operators do; err names the node.
 */
BT_MUST_CHECK enum bt_status bt_graph_run(const struct bt_graph *graph, const int8_t *input, int8_t *const *outputs,
                                          struct bt_error *err);

#endif
