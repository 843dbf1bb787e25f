/* A network as a graph of layers with inferred shapes, loaded from suites/networks/<name>.yaml. */
#ifndef BT_NETWORK_H
#define BT_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/error.h"
#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

/** Most nodes of one network, and most inputs of one node. */
#define BT_MAX_NODES 4096
#define BT_MAX_INPUTS 16
/** Longest name of a network, layer, variant or configuration, in bytes without the terminator. */
#define BT_MAX_NAME 47

enum bt_node_op {
    BT_NODE_INPUT, /**< node 0 of every network, and no other */
    BT_NODE_CONV,  /**< any groups; depthwise is groups == c_in */
    BT_NODE_FC,    /**< flattens its input; a 1x1 convolution on a 1x1 ifmap */
    BT_NODE_MAXPOOL,
    BT_NODE_AVGPOOL,
    BT_NODE_GLOBAL_AVGPOOL,
    BT_NODE_ADD,
    BT_NODE_MUL,
    BT_NODE_CONCAT,   /**< along the channels */
    BT_NODE_UPSAMPLE, /**< nearest neighbour */
    BT_NODE_SLICE,    /**< channels [slice_from, slice_from + c) */
    BT_NODE_SOFTMAX,
    BT_NODE_OP_COUNT,
};

/** What follows a layer's requantisation. Up to relu6 it is a clamp; the others are a 256-entry table. */
enum bt_act {
    BT_ACT_NONE,
    BT_ACT_RELU,
    BT_ACT_RELU6,
    BT_ACT_SILU,
    BT_ACT_LEAKY, /**< negative slope 0.1, as in Darknet */
    BT_ACT_SIGMOID,
    BT_ACT_TANH,
    BT_ACT_HARD_SWISH,
    BT_ACT_COUNT,
};

const char *bt_node_op_name(enum bt_node_op op);
const char *bt_act_name(enum bt_act act);
/** Does the activation need the 256-entry table? */
bool bt_act_is_table(enum bt_act act);

/**
 * Sets clamp and table of a convolution whose output zero point is 0: relu [0, 127], relu6 [0, 96] (a scale of 1/16),
 * everything else the full range.
 */
void bt_act_apply(enum bt_act act, struct bt_conv2d *conv);

/** A pooling window, elements. */
struct bt_window {
    int32_t kh, kw, stride_h, stride_w;
    int32_t pad_top, pad_bottom, pad_left, pad_right;
};

struct bt_node {
    char *name;
    enum bt_node_op op;
    enum bt_act act;
    uint32_t input_count;
    uint32_t inputs[BT_MAX_INPUTS]; /**< indices of earlier nodes */
    int32_t h, w, c;                /**< shape of the output */
    bool bias, bn;                  /**< conv, fc: a bias of its own; followed by a batch normalisation */
    int64_t params;                 /**< weights, biases, and scale and shift of a batch normalisation */
    int64_t bn_stats;               /**< running means and variances: stored, not trained, not in params */
    int64_t macs;                   /**< multiply-accumulates, padding included; conv and fc only */
    unsigned line;                  /**< of the layer in the YAML */
    struct bt_conv2d conv;          /**< conv, fc: see bt_act_apply(); zero points 0, double rounding */
    struct bt_window window;        /**< maxpool, avgpool */
    int32_t scale;                  /**< upsample */
    int32_t slice_from;             /**< slice */
};

/** What others published for the network; a member is 0 where nothing is stated. */
struct bt_published {
    int64_t params, macs;
    int64_t stored;      /**< floats in the published weight file: params + bn_stats */
    int64_t folded;      /**< see struct bt_network */
    double macs_percent; /**< tolerance of macs, whose published figure is rounded; the others are exact */
    char *source;
};

struct bt_model_card;

struct bt_network {
    char *name;
    char *source, *licence;
    uint32_t count;
    struct bt_node *nodes; /**< in topological order; nodes[0] is the input */
    int64_t params, bn_stats, macs;
    int64_t folded; /**< weights and biases once every batch normalisation is folded into its convolution */
    struct bt_published published;
    char *path;                 /**< of the file it came from */
    struct bt_model_card *card; /**< harness/model.h: there is a model of it; NULL for a table */
};

/**
 * @brief  Loads and checks a network: every key known, every input an earlier node, every shape possible.
 * @param[out] network  Release with bt_network_free().
 * @param[out] err      "path:line: what: expected what".
 * @return BT_OK; BT_EINPUT (unreadable, malformed, refused); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_network_load(const char *path, struct bt_network **network, struct bt_error *err);

/** The same for text in memory; path only names it in messages. */
BT_MUST_CHECK enum bt_status bt_network_parse(const char *path, const void *text, size_t bytes,
                                              struct bt_network **network, struct bt_error *err);

/** NULL is allowed. */
void bt_network_free(struct bt_network *network);

/** The node of that name, or NULL. */
const struct bt_node *bt_network_find(const struct bt_network *network, const char *name);

/** Is the node a layer that a variant can be asked to run (conv, fc)? */
bool bt_node_is_layer(const struct bt_node *node);

/** What the node is to an accelerator; of operators that are no layer, op alone. */
struct bt_layer bt_node_layer(const struct bt_node *node);

#endif
