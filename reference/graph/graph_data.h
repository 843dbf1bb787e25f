/*
 * Trained networks and their inputs from the data folder, which is no part of the tree: whoever asks for what is not
 * there gets BT_EUNSUPPORTED and the name of the missing file, and falls back to seeded weights or skips.
 */
#ifndef BT_GRAPH_DATA_H
#define BT_GRAPH_DATA_H

#include <stdbool.h>

#include "harness/error.h"
#include "reference/graph/bt_graph.h"
#include "reference/graph/graph_float.h"

/** Inputs of a graph in its own format, and what is known about them. */
struct bt_graph_samples {
    uint32_t count;
    size_t bytes;         /**< of one input */
    int8_t *inputs;       /**< count times bytes */
    int32_t *labels;      /**< count; -1 where the class is not known */
    char **titles;        /**< count short names for people: "dog", "t10k 17" */
    uint32_t class_count; /**< 0 where the names are not known */
    char **class_names;   /**< class_count */
    char source[160];
};

void bt_graph_samples_free(struct bt_graph_samples *samples);

/**
 * Whether bt_graph_load_real() can load a network of this name, given its files: lenet5, lenet5_relu, resnet8, tiny_darknet,
 * squeezenet1_1, yolo_fastest_1_1.
 */
bool bt_graph_known(const char *name);

/**
 * @brief  A trained network, quantised, with inputs.
 *         lenet5        LeNet-5 with tanh; float weights, quantised here; 100 MNIST images. Its subsampling layers have
 *                       trained coefficients: s2 and s4 are depthwise convolutions, unlike the table's. The 2x - 1 of
 *                       its training is folded into c1: the input is the pixel, 0 to 1.
 *         lenet5_relu   the same with ReLU and max-pooling, trained on t10k 0 to 7999; 100 MNIST images of these.
 *         resnet8       MLPerf Tiny, int8 of TFLite with its own parameters; 5 photographs at 32x32, since there are no
 *                       CIFAR-10 images: what it says of them is no measure of its accuracy.
 *         tiny_darknet  Darknet's float weights, quantised here; 5 photographs. Classes are in Darknet's order of ImageNet,
 *                       for which the data folder has no names.
 *         squeezenet1_1 ncnn's binary16 weights, quantised here; 5 photographs, ImageNet's names. 224x224, and conv10
 *                       without padding, as in the table and the authors' model; ncnn's file pads it by one. The mean
 *                       colour and the order BGR of its training are folded into conv1: the input is the pixel, 0 to
 *                       255, RGB. Ranges are those of ncnn's calibration table where it quantises, at the inputs of
 *                       convolutions; conv10 is calibrated here.
 *         yolo_fastest_1_1  Darknet's float weights, quantised here; 5 photographs resized to 320x320, not letterboxed,
 *                       the pixel 0 to 1. Its results are the two heads, 120_conv and 129_conv: boxes are not decoded.
 *         Nodes have the names of the tables in suites/networks.
 * @param[in]  data_dir  The data folder.
 * @param[out] graph     Checked; release with bt_graph_free().
 * @param[out] samples   Release with bt_graph_samples_free().
 * @return BT_OK; BT_EUNSUPPORTED (no such network here, or a file is missing; err says which); BT_EINPUT (a file is not
 *         what it should be); BT_EINVAL, BT_EOVERFLOW; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_graph_load_real(const char *name, const char *data_dir, struct bt_graph **graph,
                                                struct bt_graph_samples *samples, struct bt_error *err);

/**
 * @brief  The same network in float, not calibrated: resnet8 with the dequantised weights of its int8 file, the others
 *         as published. Its input is scale * (q - zp) of the quantised graph's.
 * @return As bt_graph_load_real().
 */
BT_MUST_CHECK enum bt_status bt_graph_load_float(const char *name, const char *data_dir, struct bt_float_graph **graph,
                                                 struct bt_error *err);

/**
 * @brief  MNIST test images for lenet5: 28x28 padded with 0 to 32x32, int8 as pixel - 128 (scale 1/255).
 * @param[in] first, count  Within the 10000 images.
 * @return As bt_graph_load_real().
 */
BT_MUST_CHECK enum bt_status bt_graph_load_mnist(const char *data_dir, uint32_t first, uint32_t count,
                                                 struct bt_graph_samples *samples, struct bt_error *err);

/** Real values of a quantised input: scale * (q - zp). @param[out] real  bt_graph_bytes() of the node. */
void bt_graph_dequantise(const struct bt_graph_node *node, const int8_t *q, float *real);

#endif
