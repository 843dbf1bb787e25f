/*
 * A network in binary32, and its way to int8. Sums have one fixed order and nothing is fused, so that every machine gets
 * the same bits, and from them the same quantised graph. Batch normalisations are folded by whoever loads the weights.
 */
#ifndef BT_GRAPH_FLOAT_H
#define BT_GRAPH_FLOAT_H

#include <stddef.h>
#include <stdint.h>

#include "harness/error.h"
#include "harness/network.h"
#include "reference/graph/bt_graph.h"

struct bt_float_node {
    char name[48];
    enum bt_op op;   /**< BT_OP_INPUT for node 0 alone; BT_OP_TABLE is an activation by itself */
    enum bt_act act; /**< conv, table: any; add, mul: none, relu, relu6; others: none */
    float slope;     /**< of BT_ACT_LEAKY below 0; 0 stands for Darknet's 0.1 */
    uint32_t input_count;
    uint32_t inputs[BT_GRAPH_INPUTS]; /**< indices of earlier nodes */
    int32_t h, w, c;                  /**< shape of the output; a fully connected layer takes its input flattened */
    union {
        struct bt_conv2d conv;  /**< geometry; n == 1; zero points and clamps are not read */
        struct ref_pool2d pool; /**< the clamp is not read */
        int32_t upsample_scale;
        int32_t slice_from;
    } u;
    float *weights, *bias;    /**< conv: [c_out][kh][kw][c_in/groups], [c_out]; owned by the graph */
    double low, high;         /**< range seen so far, 0 included; a loader may state one that is known beforehand */
    double pre_low, pre_high; /**< conv: the same before the activation */
    double
        *mean; /**< [c] mean of each channel, for bias correction, or NULL; owned by the graph; see graph_calibrate.h */
};

struct bt_float_graph {
    char name[48];
    char source[96];
    uint32_t count;
    struct bt_float_node *nodes; /**< topological order */
};

/** An empty graph with room for that many nodes, or NULL (no memory). */
struct bt_float_graph *bt_float_graph_new(const char *name, const char *source, uint32_t capacity);

/** NULL is allowed. */
void bt_float_graph_free(struct bt_float_graph *graph);

/**
 * @brief  The next node, its shape that of its input until the caller sets another.
 * @pre    There is room, and input is an earlier node; ignored for the first, which is the input.
 */
struct bt_float_node *bt_float_graph_add(struct bt_float_graph *graph, enum bt_op op, const char *name, uint32_t input);

/** Elements of a node's output. */
size_t bt_float_elems(const struct bt_float_node *node);

/** A buffer for every node's output; release with bt_float_outputs_free(). @return BT_OK; BT_ENOMEM. */
BT_MUST_CHECK enum bt_status bt_float_outputs_new(const struct bt_float_graph *graph, float ***outputs);
/** NULL is allowed. */
void bt_float_outputs_free(const struct bt_float_graph *graph, float **outputs);

/**
 * @brief  The whole network; every intermediate tensor stays.
 * @param[in]  input    [h][w][c] of node 0.
 * @param[out] outputs  count pointers to bt_float_elems() each.
 * @return BT_OK; BT_EINVAL (a node that cannot be run; err names it); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_float_run(const struct bt_float_graph *graph, const float *input, float *const *outputs,
                                          struct bt_error *err);

/** What looks at every tensor of a run; twice where the node has an activation, the first time before it. */
struct bt_float_observer {
    void (*see)(void *context, uint32_t node, bool before, const float *values, size_t count);
    void *context;
};

/** A graph prepared for many inputs. */
struct bt_float_runner;

/**
 * @param[in]  graph   Outlives the runner; its weights and biases are not read again.
 * @param[out] runner  Release with bt_float_runner_free().
 * @return BT_OK; BT_EINVAL (a convolution that cannot be run; err names it); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_float_runner_new(const struct bt_float_graph *graph, struct bt_float_runner **runner,
                                                 struct bt_error *err);

/** NULL is allowed. */
void bt_float_runner_free(struct bt_float_runner *runner);

/**
 * bt_float_run() of the runner's graph, with a look at every tensor unless observer is NULL. A node without an activation is
 * seen with before set, and not set.
 */
BT_MUST_CHECK enum bt_status bt_float_runner_run(const struct bt_float_runner *runner,
                                                 const struct bt_float_observer *observer, const float *input,
                                                 float *const *outputs, struct bt_error *err);

/**
 * @brief  Post-training quantisation, one node for each: activations asymmetric per tensor from the ranges, weights
 *         symmetric per output channel in [-127, 127], bias int32 in steps of input scale times weight scale. Activations
 *         beyond relu6 become the 256-entry table; tanh and sigmoid are resolved where they are not flat (|x| <= 4, 8).
 *         What only moves or picks values keeps the format of its input; but the mean of a whole plane, where its range is
 *         at most half of the plane's, becomes a depthwise convolution with a format of its own. Where the input's means are
 *         known, the mean error that rounding the weights makes is taken off the bias.
 * @param[out] quantised  Checked; release with bt_graph_free().
 * @return BT_OK; BT_EINVAL, BT_EOVERFLOW (err names the node); BT_ENOMEM.
 * @source TFLite 8-bit quantization specification; tools/optimize/quantization_utils.cc.
 */
BT_MUST_CHECK enum bt_status bt_float_quantise(const struct bt_float_graph *graph, struct bt_graph **quantised,
                                               struct bt_error *err);

#endif
