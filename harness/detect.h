/* From the results of a detector to boxes, and from boxes to mean average precision. */
#ifndef BT_DETECT_H
#define BT_DETECT_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/dataset/dataset.h"
#include "harness/error.h"

#define BT_MOST_HEADS 4
#define BT_MOST_ANCHORS 8
/** Of an anchor: x, y, w, h, objectness; classes follow. */
#define BT_HEAD_FIELDS 5

/** A result of the network: for each cell and anchor [x, y, w, h, objectness, classes...], as channels. */
struct bt_head {
    char node[48];
    uint32_t anchor_count;
    float anchors[BT_MOST_ANCHORS][2]; /**< width, height; pixels of the network's input */
};

/** @return BT_OK; BT_EINVAL where a result of so many channels is none of that head: 5 and a class or more for each anchor. */
BT_MUST_CHECK enum bt_status bt_head_check(const struct bt_head *head, int32_t channels, struct bt_error *err);

/** A box with what the detector thinks of it. */
struct bt_detection {
    struct bt_box box;
    float score;
};

/** Growing list of detections or boxes, each with the picture it belongs to. */
struct bt_detections {
    uint32_t count, capacity;
    uint32_t *picture;
    struct bt_detection *list;
};
void bt_detections_free(struct bt_detections *detections);
BT_MUST_CHECK enum bt_status bt_detections_add(struct bt_detections *detections, uint32_t picture,
                                               const struct bt_detection *detection);

/** Detections below this are left out: the average precision of what stays is the same to the third digit. */
#define BT_DETECT_SCORE 0.001f
/** Of two boxes of one class that overlap by more than this (intersection over union), the weaker is dropped. */
#define BT_DETECT_OVERLAP 0.45f
/** Most boxes of one picture that count, as in COCO. */
#define BT_DETECT_MOST 100

/**
 * @brief  Decodes one picture: centre (cell + sigmoid) / grid, size anchor * exp, score objectness * class; non-maximum
 *         suppression per class; the best 100.
 * @param[in] scores   scores[i]: [h][w][c] of heads[i].
 * @param[in] shape    shape[i]: h, w, c; c a multiple of the anchors.
 * @param[in] width, height  Of the network's input, pixels.
 * @return BT_OK; BT_EINVAL (channels that are no multiple of anchors, less than 6 for each); BT_ENOMEM.
 * @source Redmon, Farhadi: YOLOv3, 2018, section 2.1; Darknet's yolo_layer.c.
 */
BT_MUST_CHECK enum bt_status bt_detect(const struct bt_head *heads, uint32_t head_count, const float *const *scores,
                                       int32_t (*shape)[3], int32_t width, int32_t height, uint32_t picture,
                                       struct bt_detections *detections, struct bt_error *err);

/** Mean over the classes that occur, 0 to 1. */
struct bt_map {
    double at_50;     /**< boxes count as found from an intersection over union of 0.5 */
    double at_50_95;  /**< mean over 0.50, 0.55 ... 0.95 */
    uint32_t classes; /**< that occur in `truth`; 0: both are 0 */
};

/**
 * @brief  Mean average precision as COCO's evaluation defines it: detections of a class by falling score, each matched to the
 *         free box of its picture that it overlaps most, precision made monotonous, its mean at the 101 recalls 0, 0.01 ... 1.
 * @return BT_OK; BT_ENOMEM.
 * @source pycocotools/cocoeval.py, evaluateImg and accumulate, area "all", at most 100 detections, no crowds.
 */
BT_MUST_CHECK enum bt_status bt_mean_average_precision(const struct bt_detections *truth,
                                                       const struct bt_detections *detections, struct bt_map *map);

#endif
