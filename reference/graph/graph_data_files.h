/* What the loaders of the data folder share, and harness/dataset. Nobody else includes this. */
#ifndef BT_GRAPH_DATA_FILES_H
#define BT_GRAPH_DATA_FILES_H

#include <stddef.h>

#include "harness/error.h"
#include "reference/graph/graph_data.h"

/**
 * @brief  A whole file, gunzipped if it is compressed.
 * @param[in]  expected  Bytes that it must have, or 0 for any number.
 * @param[out] data      With a '\0' behind the last byte; release with free().
 * @param[out] bytes     May be NULL.
 * @return BT_OK; BT_EUNSUPPORTED (missing); BT_EINPUT (unreadable, wrong size, gzip that is cut short or has bytes behind it);
 *         BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_data_file(const char *dir, const char *name, size_t expected, unsigned char **data,
                                          size_t *bytes, struct bt_error *err);

/** Little-endian binary32 and int32 at a byte address. */
float bt_data_f32(const unsigned char *at);
int32_t bt_data_s32(const unsigned char *at);

/** No trained weight comes near this; what does is not a file of binary32. */
#define BT_DATA_FLOAT_MOST 1e6f

/**
 * @brief  Refuses NaN, infinities and magnitudes above BT_DATA_FLOAT_MOST.
 * @param[in] what, index  The file and the value's place in it, for the message.
 * @return BT_OK; BT_EINPUT.
 */
BT_MUST_CHECK enum bt_status bt_data_check_float(const char *what, size_t index, float value, struct bt_error *err);

/**
 * @brief  A file of exactly count little-endian binary32 values that bt_data_check_float() accepts; release with free().
 * @return As bt_data_file().
 */
BT_MUST_CHECK enum bt_status bt_data_floats(const char *dir, const char *name, size_t count, float **values,
                                            struct bt_error *err);

/** [c_out][c_in][kh][kw] as [c_out][kh][kw][c_in]. */
void bt_data_oihw_to_ohwi(const float *oihw, int32_t c_out, int32_t c_in, int32_t kh, int32_t kw, float *ohwi);

/** Room for samples; labels -1, titles unset. @return BT_OK; BT_ENOMEM. On error nothing is held. */
BT_MUST_CHECK enum bt_status bt_data_samples_new(uint32_t count, size_t bytes, uint32_t class_count,
                                                 struct bt_graph_samples *samples);

/** A copy of the text as title or class name. @return BT_OK; BT_ENOMEM. */
BT_MUST_CHECK enum bt_status bt_data_name(char **to, const char *text);

/** Five photographs of the data folder. */
#define BT_DATA_PHOTOS 5
#define BT_DATA_PHOTO_EXTENT 224
extern const char *const bt_data_photo_names[BT_DATA_PHOTOS];
/** [5][224][224][3] uint8 RGB; release with free(). @return As bt_data_file(). */
BT_MUST_CHECK enum bt_status bt_data_photos(const char *data_dir, unsigned char **rgb, struct bt_error *err);
/** The other size of them. */
#define BT_DATA_IMAGE_EXTENT 320
/**
 * @brief  The photographs as samples, titles set: int8 as pixel - 128.
 * @param[in] extent  BT_DATA_PHOTO_EXTENT or BT_DATA_IMAGE_EXTENT.
 * @return As bt_data_file().
 */
BT_MUST_CHECK enum bt_status bt_data_photo_samples(const char *data_dir, int32_t extent,
                                                   struct bt_graph_samples *samples, struct bt_error *err);
/**
 * @brief  Calibrates (min-max) on four COCO photographs, none of them a sample; of 320x320 the middle.
 * @param[in] extent  Of the graph's input; at most BT_DATA_IMAGE_EXTENT, and even.
 * @param[in] unit    What a pixel is divided by: 255 for inputs from 0 to 1.
 * @return As bt_data_file() and bt_float_calibrate().
 */
BT_MUST_CHECK enum bt_status bt_data_calibrate(const char *data_dir, int32_t extent, float unit,
                                               struct bt_float_graph *graph, struct bt_error *err);

/* One loader per network. */
BT_MUST_CHECK enum bt_status bt_data_lenet5_float(const char *data_dir, struct bt_float_graph **graph,
                                                  struct bt_error *err);
BT_MUST_CHECK enum bt_status bt_data_lenet5(const char *data_dir, struct bt_graph **graph,
                                            struct bt_graph_samples *samples, struct bt_error *err);
BT_MUST_CHECK enum bt_status bt_data_lenet5_relu_float(const char *data_dir, struct bt_float_graph **graph,
                                                       struct bt_error *err);
BT_MUST_CHECK enum bt_status bt_data_lenet5_relu(const char *data_dir, struct bt_graph **graph,
                                                 struct bt_graph_samples *samples, struct bt_error *err);
BT_MUST_CHECK enum bt_status bt_data_resnet8_float(const char *data_dir, struct bt_float_graph **graph,
                                                   struct bt_error *err);
BT_MUST_CHECK enum bt_status bt_data_resnet8(const char *data_dir, struct bt_graph **graph,
                                             struct bt_graph_samples *samples, struct bt_error *err);
BT_MUST_CHECK enum bt_status bt_data_tiny_darknet_float(const char *data_dir, struct bt_float_graph **graph,
                                                        struct bt_error *err);
BT_MUST_CHECK enum bt_status bt_data_tiny_darknet(const char *data_dir, struct bt_graph **graph,
                                                  struct bt_graph_samples *samples, struct bt_error *err);
BT_MUST_CHECK enum bt_status bt_data_yolo_fastest_float(const char *data_dir, struct bt_float_graph **graph,
                                                        struct bt_error *err);
BT_MUST_CHECK enum bt_status bt_data_yolo_fastest(const char *data_dir, struct bt_graph **graph,
                                                  struct bt_graph_samples *samples, struct bt_error *err);
BT_MUST_CHECK enum bt_status bt_data_squeezenet_float(const char *data_dir, struct bt_float_graph **graph,
                                                      struct bt_error *err);
BT_MUST_CHECK enum bt_status bt_data_squeezenet(const char *data_dir, struct bt_graph **graph,
                                                struct bt_graph_samples *samples, struct bt_error *err);

#endif
