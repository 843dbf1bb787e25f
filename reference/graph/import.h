/*
 * Networks from model files. A float model becomes a float graph, to be quantised here; an int8 model (QDQ, QOperator,
 * TFLite) becomes a quantised graph with its own parameters. Batch 1; what the file holds as NCHW becomes NHWC.
 *
 * Node 0 is the model's one input. Nodes have the names of the file's nodes (or of their outputs, where nodes have none), a
 * leading '/' dropped, every byte outside [A-Za-z0-9_.-] as '_', made unique and cut to 47 bytes. Behind a name: ".act" is an activation that its
 * operator does not do itself, ".scale" a change of scale that it does not do, ".spread" a 1x1 image repeated over a larger
 * one, ".out" a copy of what is a result and read by others, too. Results are the nodes that nobody reads, in the order of
 * the file's outputs; reshaped or transposed by the file, they still have the node's own [h][w][c].
 *
 * ONNX, operator sets 6 to 25, inputs [n][c], [n][c][l], [n][c][h][w], or [n][h][w][c] where the file transposes first; n,
 * whatever it is, counts as 1.
 *   layers       Conv (2-D), Gemm and MatMul by a constant; BatchNormalization, and Add, Sub, Mul, Div by one number or one to
 *                each channel, are folded into the convolution before, else a depthwise 1x1 convolution
 *   pooling      MaxPool, AveragePool (counted padding: a depthwise convolution), global ones, ReduceMean over height and width
 *   activations  Relu, Clip from 0 (to 6), LeakyRelu, PRelu of one slope, Sigmoid, Tanh, HardSwish; x Sigmoid(x) and x
 *                HardSigmoid(x), of the slope 1/6, as one
 *   of two       Add, Sum, Mul of one shape; Mul and Add of a 1x1 image with a square one; Concat, Split, Slice of channels
 *   others       Softmax over channels, Resize and Upsample (nearest, whole factor), Pad with zeros in front of a convolution or
 *                pooling; Identity, Dropout; Flatten, Reshape, Squeeze, Unsqueeze, Transpose in front of a fully connected layer,
 *                between [n][c][h][w] and [n][h][w][c], and to results; what is computed from constants and shapes
 * int8 models: these between DequantizeLinear and QuantizeLinear (activations int8 or uint8 with one scale, weights symmetric,
 * one scale or one to each filter), QLinearConv, QLinearMatMul, and of onnxruntime QGemm and QLinear Add, Mul, Concat,
 * AveragePool, GlobalAveragePool, Sigmoid, LeakyRelu, Softmax. uint8 activations become int8, shifted by 128. ONNX rounds a
 * real quotient half to even; the graph has a Q31 multiplier and a shift for each scale and rounds twice, as TFLite does, so
 * that values may differ by one step from onnxruntime's, which then propagate. Tables round ties away from zero.
 */
#ifndef BT_IMPORT_H
#define BT_IMPORT_H

#include <stddef.h>

#include "harness/error.h"
#include "reference/graph/bt_graph.h"
#include "reference/graph/graph_float.h"

/** Largest model file, and most bytes that importing one may hold at once beside it. */
#define BT_IMPORT_FILE_MOST (256u << 20)
#define BT_IMPORT_MEMORY_MOST (1024u << 20)

struct bt_model {
    char format[32];             /**< for people: "ONNX float", "ONNX QDQ", "ONNX QOperator", "TFLite int8" */
    struct bt_float_graph *real; /**< a float model, not calibrated; else NULL */
    struct bt_graph *quantised;  /**< an int8 model, checked; else NULL */
};

/** What it points to; not the struct. */
void bt_model_free(struct bt_model *model);

/**
 * @brief  A model in memory.
 * @param[in]  name   Of the graph; the file's name without folder and ending.
 * @param[out] model  Release with bt_model_free().
 * @return BT_OK; BT_EINPUT (damaged, or something that cannot be represented; err names the node and what was expected);
 *         BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_import_onnx(const char *name, const unsigned char *data, size_t bytes,
                                            struct bt_model *model, struct bt_error *err);
BT_MUST_CHECK enum bt_status bt_import_tflite(const char *name, const unsigned char *data, size_t bytes,
                                              struct bt_model *model, struct bt_error *err);

/** @brief  A model file of either format, told apart by its content. @return As above; err begins with the path. */
BT_MUST_CHECK enum bt_status bt_import_file(const char *path, struct bt_model *model, struct bt_error *err);

#endif
