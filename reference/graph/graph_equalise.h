/* Moves scale between neighbouring convolutions, so that the channels of a tensor share one format well. */
#ifndef BT_GRAPH_EQUALISE_H
#define BT_GRAPH_EQUALISE_H

#include <stdint.h>

#include "harness/error.h"
#include "reference/graph/graph_float.h"

/**
 * @brief  For each convolution that one other convolution alone reads, its activation none, relu or leaky relu: each output
 *         channel is divided by a power of two, and the reader's weights of that channel are multiplied by it. The network
 *         computes the same, to the last bit unless a value is subnormal; its per-tensor formats lose less.
 *         The power is nearest to sqrt(x / w), x the largest magnitude of the channel over the inputs, w that of the reader's
 *         weights; nearest to x where the reader is depthwise, whose weights have a scale for each channel anyway.
 * @param[in,out] graph   Not calibrated: ranges of the nodes that change are not moved with them.
 * @param[in]     inputs  count times [h][w][c] of node 0.
 * @return As bt_float_run().
 * @source Nagel et al., Data-free quantization through weight equalization and bias correction, ICCV 2019, section 4.1; with
 *         activations for the first layer's weights as Xiao et al., SmoothQuant, ICML 2023, equation 4, alpha 0.5.
 */
BT_MUST_CHECK enum bt_status bt_float_equalise(struct bt_float_graph *graph, const float *inputs, uint32_t count,
                                               struct bt_error *err);

#endif
