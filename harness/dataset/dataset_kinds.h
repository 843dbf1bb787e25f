/* The kinds of sets, one file each, and what they share. Nobody but harness/dataset and its tests includes this. */
#ifndef BT_DATASET_KINDS_H
#define BT_DATASET_KINDS_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/dataset/dataset.h"

/* Each fills a set that is all 0 but for `split`; on an error the caller closes it. */
BT_MUST_CHECK enum bt_status bt_dataset_digits(struct bt_dataset *dataset);
BT_MUST_CHECK enum bt_status bt_dataset_shapes(struct bt_dataset *dataset);
BT_MUST_CHECK enum bt_status bt_dataset_scenes(struct bt_dataset *dataset);
/* h, w as of bt_dataset_open(); path is what stands behind the colon. */
BT_MUST_CHECK enum bt_status bt_dataset_mnist(const char *path, int32_t h, int32_t w, struct bt_dataset *dataset,
                                              struct bt_error *err);
BT_MUST_CHECK enum bt_status bt_dataset_cifar10(const char *path, int32_t h, int32_t w, struct bt_dataset *dataset,
                                                struct bt_error *err);
BT_MUST_CHECK enum bt_status bt_dataset_images(const char *path, int32_t h, int32_t w, struct bt_dataset *dataset,
                                               struct bt_error *err);
BT_MUST_CHECK enum bt_status bt_dataset_boxes(const char *path, int32_t h, int32_t w, struct bt_dataset *dataset,
                                              struct bt_error *err);

/* ---- generated sets ---- */

#define BT_DIGITS_EXTENT 32
#define BT_SHAPES_EXTENT 32
#define BT_SCENES_EXTENT 96
#define BT_SCENES_MOST 6 /**< objects */

/**
 * @brief  One scene.
 * @param[out] pixels  96 * 96 * 3.
 * @param[out] owner   96 * 96: 1 + the box whose object covers half of the pixel or more, the nearest to the eye; 0:
 *                     none. May be NULL.
 * @return Number of boxes.
 */
uint32_t bt_scenes_draw(enum bt_split split, uint32_t index, uint8_t *pixels, struct bt_box *boxes, uint8_t *owner);

/** Names, sizes and count of a generated set. */
struct bt_generated {
    const char *name;
    enum bt_task task;
    uint32_t count;
    int32_t extent, c;
    const char *const *class_names;
    uint32_t class_count;
};
BT_MUST_CHECK enum bt_status bt_dataset_generated(const struct bt_generated *generated, struct bt_dataset *dataset);

/** Copies of the names. @return BT_OK; BT_ENOMEM, with some of them held. */
BT_MUST_CHECK enum bt_status bt_dataset_name_classes(const char *const *names, uint32_t count,
                                                     struct bt_dataset *dataset);

/* ---- files ---- */

/**
 * @brief  A whole file, gunzipped if it is compressed.
 * @param[out] data  With a '\0' behind the last byte; release with free().
 * @return BT_OK; BT_EINPUT (missing, unreadable); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_dataset_file(const char *folder, const char *name, unsigned char **data, size_t *bytes,
                                             struct bt_error *err);
bool bt_dataset_has_file(const char *folder, const char *name);

/** A text, line by line. */
struct bt_lines {
    const char *at, *end;
    uint32_t number; /**< of the line that was read, from 1 */
};

/**
 * Copies the next line that is not blank, without blanks at its end; one that does not fit, or has a '\0' in it, is cut.
 * @return false at the end.
 */
bool bt_next_line(struct bt_lines *lines, char *line, size_t room);

/** Names, one a line, of a file that may be missing: no names. */
BT_MUST_CHECK enum bt_status bt_dataset_read_classes(const char *folder, const char *name, struct bt_dataset *dataset,
                                                     struct bt_error *err);

/* ---- MNIST and CIFAR-10 ---- */

/** An IDX file of bytes, in place. */
struct bt_idx {
    const unsigned char *values;
    uint32_t count;
    uint32_t h, w; /**< 1 each of labels */
};

/**
 * @param[in]  path  For messages.
 * @param[in]  dims  Of the array: 1 (labels) or 3 (pictures).
 * @return BT_OK; BT_EINPUT (magic number, extents, size).
 */
BT_MUST_CHECK enum bt_status bt_idx_parse(const char *path, const unsigned char *data, size_t bytes, uint32_t dims,
                                          struct bt_idx *idx, struct bt_error *err);

/** Are they labels below `classes`? @return BT_OK; BT_EINPUT. */
BT_MUST_CHECK enum bt_status bt_idx_check_labels(const char *path, const struct bt_idx *labels, uint32_t classes,
                                                 struct bt_error *err);

#define BT_CIFAR10_EXTENT 32
/** @param[out] count  Pictures in the file. @return BT_OK; BT_EINPUT (size, label). */
BT_MUST_CHECK enum bt_status bt_cifar10_parse(const char *path, const unsigned char *data, size_t bytes,
                                              uint32_t *count, struct bt_error *err);

/* ---- pictures ---- */

struct bt_picture {
    uint8_t *pixels; /**< h * w * c; release with free() */
    int32_t h, w, c; /**< c: 1 or 3 */
};

/**
 * @brief  A JPEG, PNG or binary PNM (P5, P6) in memory. JPEG is decoded by libjpeg with its exact integer DCT: other versions
 *         of the library may give other bytes. Transparency of PNG is left out, 16 bits are cut to 8.
 * @param[in]  path  For messages.
 * @param[in]  most  Rows and columns.
 * @return BT_OK; BT_EINPUT (another format, damaged, cut short, larger than most); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_picture_parse(const char *path, const unsigned char *data, size_t bytes, int32_t most,
                                              struct bt_picture *picture, struct bt_error *err);

/* The formats; arguments as above. */
BT_MUST_CHECK enum bt_status bt_picture_jpeg(const char *path, const unsigned char *data, size_t bytes, int32_t most,
                                             struct bt_picture *picture, struct bt_error *err);
BT_MUST_CHECK enum bt_status bt_picture_png(const char *path, const unsigned char *data, size_t bytes, int32_t most,
                                            struct bt_picture *picture, struct bt_error *err);
BT_MUST_CHECK enum bt_status bt_picture_pnm(const char *path, const unsigned char *data, size_t bytes, int32_t most,
                                            struct bt_picture *picture, struct bt_error *err);

/** Room for a picture of this size. @return BT_OK; BT_EINPUT (no rows or columns, or too many); BT_ENOMEM. */
BT_MUST_CHECK enum bt_status bt_picture_new(const char *path, uint64_t h, uint64_t w, int32_t c, int32_t most,
                                            struct bt_picture *picture, struct bt_error *err);

/**
 * @brief  Bilinear, with half-pixel centres and weights of 1/2048 as OpenCV's INTER_LINEAR. It does not average: reducing
 *         by much leaves pixels out.
 * @param[out] to  h * w * picture->c.
 */
void bt_picture_resize(const struct bt_picture *picture, int32_t h, int32_t w, uint8_t *to);

/** The files of a set, decoded when they are asked for. */
struct bt_pictures {
    char *folder;
    char **files;
    uint32_t count, room;
    bool resized;
};
BT_MUST_CHECK enum bt_status bt_pictures_add(struct bt_pictures *pictures, const char *file);
void bt_pictures_free(struct bt_pictures *pictures);

/**
 * @brief  Size and channels of the set: as asked for, or the first picture's.
 * @param[in] c  0: the first picture's.
 */
BT_MUST_CHECK enum bt_status bt_pictures_measure(struct bt_pictures *pictures, int32_t h, int32_t w, int32_t c,
                                                 struct bt_dataset *dataset, struct bt_error *err);

/** One of them as dataset->h, w, c say: resized, grey spread over three channels. @return BT_OK; BT_EINPUT; BT_ENOMEM. */
BT_MUST_CHECK enum bt_status bt_pictures_get(const struct bt_pictures *pictures, const struct bt_dataset *dataset,
                                             uint32_t index, uint8_t *pixels, struct bt_error *err);

/* ---- text beside pictures ---- */

/**
 * @brief  labels.txt: "file class" per line, the class a number.
 * @param[in]  classes  Labels are below it; 0: not known.
 * @param[out] pictures, labels  Added to; release in any case.
 * @return BT_OK; BT_EINPUT (err names path and line); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_labels_parse(const char *path, const char *text, size_t bytes, uint32_t classes,
                                             struct bt_pictures *pictures, int32_t **labels, struct bt_error *err);

/**
 * @brief  "class x y w h" per line: centre and size as fractions of the picture.
 * @param[out] boxes  Room for BT_DATASET_BOXES; fractions, cut off at the picture's edges.
 * @return BT_OK; BT_EINPUT (err names path and line).
 */
BT_MUST_CHECK enum bt_status bt_boxes_parse(const char *path, const char *text, size_t bytes, uint32_t classes,
                                            struct bt_box *boxes, uint32_t *count, struct bt_error *err);

#endif
