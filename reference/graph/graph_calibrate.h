/*
 * The ranges that a float graph's tensors are quantised with, from what its inputs give rise to. The same on every machine: sums
 * in one order, and no function of the C library.
 */
#ifndef BT_GRAPH_CALIBRATE_H
#define BT_GRAPH_CALIBRATE_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/error.h"
#include "reference/graph/bt_graph.h"
#include "reference/graph/graph_float.h"

enum bt_calibration_method {
    BT_CALIBRATE_MIN_MAX, /**< all that was seen */
    BT_CALIBRATE_MSE,     /**< the range whose 256 steps leave the least mean square error */
    BT_CALIBRATE_KL,      /**< the range that loses least information: Kullback-Leibler divergence of the histograms */
    BT_CALIBRATE_COUNT,
};

/** "min_max", "mse", "kl". */
const char *bt_calibration_name(enum bt_calibration_method method);

struct bt_calibration {
    enum bt_calibration_method method;
    bool bias_correction; /**< keep each channel's mean, from which bt_float_quantise() corrects the biases behind it */
};

/**
 * @brief  Sets every node's ranges. They only widen what is there already: a loader may have stated some.
 *         With MSE and KL a second run makes histograms of 2048 bins, without values that are exactly 0, over the range of
 *         the first; then each end is drawn in by steps of 1/128 of the range where that helps. A node's range before its
 *         activation likewise.
 * @param[in,out] graph
 * @param[in] inputs  count times [h][w][c] of node 0.
 * @return As bt_float_run(); BT_EINVAL where a value is no number.
 * @source Bichler et al., N2D2, as in "Adequate DL": "calculating the most appropriate threshold that minimizes the
 *         difference between the origin distribution and the clipped quantized distribution ... through an error estimator
 *         based on mean square error (MSE) or Kullback-Leibler divergence". KL as S. Migacz, 8-bit inference with TensorRT,
 *         GTC 2017. Bias correction: Nagel et al., Data-free quantization, ICCV 2019, section 4.2, with measured means.
 */
BT_MUST_CHECK enum bt_status bt_float_calibrate(struct bt_float_graph *graph, const struct bt_calibration *how,
                                                const float *inputs, uint32_t count, struct bt_error *err);

/** What quantising did to one node's output, summed over inputs. */
struct bt_quantisation_error {
    uint64_t elems, clipped; /**< clipped: real values more than half a step outside of what the format holds */
    double low, high;        /**< of the real values, 0 included */
    double signal, noise;    /**< sums of squares: of the real values, of their difference to the quantised ones */
};

/**
 * @brief  Adds one input's tensors to each node's error.
 * @param[in] real, quantised  The same network in both; node i of one is node i of the other.
 * @param[in,out] errors  One per node, zeroed before the first input.
 */
void bt_quantisation_error_add(const struct bt_float_graph *real, float *const *real_outputs,
                               const struct bt_graph *quantised, int8_t *const *outputs,
                               struct bt_quantisation_error *errors);

/** Signal to quantisation noise in dB; 0 without a signal, 200 without noise. */
double bt_quantisation_sqnr(const struct bt_quantisation_error *error);

#endif
