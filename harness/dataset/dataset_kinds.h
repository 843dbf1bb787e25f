/* The kinds of sets, one file each, and what they share. Nobody but harness/dataset and its tests includes this. */
#ifndef BT_DATASET_KINDS_H
#define BT_DATASET_KINDS_H

#include "harness/dataset/dataset.h"

/* Each fills a set that is all 0 but for `split`; on an error the caller closes it. */
BT_MUST_CHECK enum bt_status bt_dataset_digits(struct bt_dataset *dataset);
BT_MUST_CHECK enum bt_status bt_dataset_shapes(struct bt_dataset *dataset);
BT_MUST_CHECK enum bt_status bt_dataset_scenes(struct bt_dataset *dataset);

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

#endif
