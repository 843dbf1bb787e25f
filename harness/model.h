/*
 * Networks that are more than a table: a model file (ONNX, TFLite) or a network of the data folder, with what is needed to
 * measure its accuracy. suites/models/<name>.yaml says it all:
 *
 *   name: resnet8_shapes
 *   summary: ...                    # one line for people
 *   model: ../../golden/models/resnet8_shapes.onnx   # from the file's folder; or data:NAME, as bt_graph_load_real() knows it
 *   dataset: shapes                 # as bt_dataset_open(), a path from the file's folder; ${data} is the data folder;
 *                                   # without it, of data:NAME its pictures
 *   pixel: {mean: [0], std: [255]}  # the network's input is (pixel - mean) / std, one value or one per channel; order: bgr
 *   calibration: {method: mse, images: 64, equalise: true, bias_correction: true, dataset: ...}
 *                                   # min_max, mse, kl; own: what the model brings; its own set's pictures where none is named
 *   heads: [{node: head, anchors: [10x13, 16x30]}]   # detection as in YOLOv3: what each result's channels are
 *   stated: {float: 96.2, int8: 96.0}   # percent, top-1 or mAP@0.5, over all pictures of the set: a test holds them
 */
#ifndef BT_MODEL_H
#define BT_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/dataset/dataset.h"
#include "harness/detect.h"
#include "harness/error.h"
#include "harness/network.h"
#include "reference/graph/graph_calibrate.h"
#include "reference/graph/graph_data.h"
#include "reference/graph/import.h"

#define BT_MODEL_PATH 1024

struct bt_model_card {
    char name[BT_MAX_NAME + 1];
    char summary[200];                  /**< for people */
    char file[BT_MODEL_PATH];           /**< of the model; "" for a network of the data folder */
    char data_network[BT_MAX_NAME + 1]; /**< its name there, or "" */
    char dataset[BT_MODEL_PATH];        /**< with ${data} as written, or "" */
    float mean[3], std[3];              /**< of the pixels of each channel, in the order of the network's input */
    bool bgr;                           /**< the network wants blue first */
    bool equalise;                      /**< scales are moved between layers first, as graph_equalise.h says */
    bool own_format;                    /**< nothing is calibrated: the int8 model, or the ranges that come with it */
    struct bt_calibration calibration;
    uint32_t calibration_images;
    char calibration_dataset[BT_MODEL_PATH]; /**< "" for the pictures of `dataset` */
    uint32_t head_count;                     /**< 0 for a classifier */
    struct bt_head heads[BT_MOST_HEADS];
    double stated_float, stated_int8; /**< percent; negative where nothing is stated */
};

/**
 * @brief  A network from suites/models/<name>.yaml: the table that follows from the model, or for data:NAME that of
 *         networks/NAME.yaml beside it; network->card is set.
 * @return BT_OK; BT_EINPUT (err begins with the file); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_network_load_card(const char *path, struct bt_network **network, struct bt_error *err);

/**
 * @brief  The same from a model file alone: its name, pixels from 0 to 1, equalised, ranges by KL, biases corrected.
 * @param[in] dataset  As in a card, or NULL.
 */
BT_MUST_CHECK enum bt_status bt_network_load_model(const char *path, const char *dataset, struct bt_network **network,
                                                   struct bt_error *err);

/** A model that can run: in float, in integers, and the pictures to run it on. */
struct bt_trained {
    const struct bt_model_card *card;
    struct bt_float_graph *real; /**< NULL where the model came as integers */
    struct bt_graph *graph;
    uint32_t count;       /**< pictures */
    uint32_t class_count; /**< 0 where it is not known */
    bool has_dataset;     /**< else samples, whose classes may be unknown */
    struct bt_dataset dataset;
    struct bt_graph_samples samples;
    char source[160]; /**< of the pictures, for people */
};

/**
 * @brief  Loads, calibrates and quantises a network that has a model, and opens its pictures.
 * @param[in]  data_dir  The data folder, or NULL.
 * @param[in]  seed      Of the inputs where there are no pictures at all: one, uniform.
 * @param[out] trained   Release with bt_trained_close().
 * @return BT_OK; BT_EUNSUPPORTED (data:NAME or ${data} without the folder, or without that in it; err says what is missing);
 *         BT_EINPUT; BT_EINVAL,
 *         BT_EOVERFLOW (it cannot be quantised); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_trained_open(const struct bt_network *network, const char *data_dir, uint64_t seed,
                                             struct bt_trained *trained, struct bt_error *err);
void bt_trained_close(struct bt_trained *trained);

/**
 * @brief  Whether what a card names is there and fits the network, before anything runs: sets of pictures (size, classes), heads
 *         and their anchors, the kind of calibration. Not whether each picture can be read.
 * @return BT_OK, also where the data folder is missing; BT_EINPUT; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_model_check(const struct bt_network *network, const char *data_dir,
                                            struct bt_error *err);

/** Index of the node whose output ranks the classes: the last one, or what its softmax reads. */
uint32_t bt_trained_scores(const struct bt_graph *graph);

/** One picture as both networks take it, and what is in it. */
struct bt_trained_input {
    uint8_t *pixels;   /**< of a set, before anything is done to them */
    int8_t *quantised; /**< bt_graph_bytes() of node 0 */
    float *real;       /**< as many */
    int32_t label;     /**< -1 where it is not known */
    uint32_t box_count;
    struct bt_box boxes[BT_DATASET_BOXES];
};

/** Room for one. @return BT_OK; BT_ENOMEM. */
BT_MUST_CHECK enum bt_status bt_trained_input_new(const struct bt_trained *trained, struct bt_trained_input *input);
void bt_trained_input_free(struct bt_trained_input *input);

/** @return As bt_dataset_get(). */
BT_MUST_CHECK enum bt_status bt_trained_get(const struct bt_trained *trained, uint32_t index,
                                            struct bt_trained_input *input, struct bt_error *err);

#endif
