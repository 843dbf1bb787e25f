#ifndef REF_FULLY_CONNECTED_S8_H
#define REF_FULLY_CONNECTED_S8_H

#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

/** Shape of a fully connected layer. A tensor of several dimensions is flattened in NHWC order before it. */
struct ref_fully_connected {
    int32_t batches, in_features, out_features; /**< [1, BT_MAX_DIM] */
    int32_t in_zp, out_zp;                      /**< [-128, 127] */
    int32_t act_min, act_max;                   /**< within [-128, 127] */
    enum bt_rounding rounding;
    bool table; /**< as in struct bt_conv2d */
    bool raw;   /**< as in struct bt_conv2d */
};

/** The same layer as accelerators see it: a 1x1 convolution on a 1x1 ifmap. */
struct bt_conv2d ref_fully_connected_conv(const struct ref_fully_connected *fc);

/**
 * @brief  Fully connected layer, int8; the weights are symmetric (zero point 0).
 * @param[in]  data   ifmap [batches][in_features] int8; weights [out_features][in_features] int8 in [-127, 127];
 *                    bias (or NULL), mult, shift [out_features]: a per-tensor scale is repeated by the caller.
 * @param[out] ofmap  [batches][out_features] int8, or int32 when fc->raw; must not alias an input.
 * @return As ref_conv2d_s8().
 * @source TFLite reference/integer_ops/fully_connected.h, FullyConnectedPerChannel.
 */
BT_MUST_CHECK enum bt_status ref_fully_connected_s8(const struct ref_fully_connected *fc,
                                                    const struct bt_layer_data *data, void *ofmap);

#endif
