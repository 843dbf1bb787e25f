/*
 * Pictures with what is in them: generated here from a seed, or read from files of the user. Pictures are uint8, height by width
 * by channels (1 or 3, RGB); nothing is normalised.
 *
 * Generated sets are drawn by integers alone: each picture follows from the set's name, the split and the index. Among ten
 * digits or shapes that follow each other from a multiple of ten on, every class occurs once. Networks that were trained on them:
 * golden/models.
 *   digits  32x32x1: 0 to 9 written in strokes, in several ways, bent and slanted, among lines and noise
 *   shapes  32x32x3: disc, square, triangle, pentagon, cross, ring, star, and patches of stripes, checker and dots
 *   scenes  96x96x3: 1 to 6 discs, squares, triangles and stars; a box is the extent of the pixels that its object covers by
 *           half or more, those included that another object hides
 */
#ifndef BT_DATASET_H
#define BT_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "harness/error.h"
#include "reference/common/bt_status.h"

enum bt_task {
    BT_TASK_CLASSIFY, /**< one class per picture */
    BT_TASK_DETECT,   /**< boxes with classes */
};

/** Disjoint parts of a generated set. Sets from files are all test, and give their first pictures for calibration. */
enum bt_split { BT_SPLIT_TEST, BT_SPLIT_CALIBRATION, BT_SPLIT_TRAIN, BT_SPLIT_COUNT };

/** "test", "calibration" or "train". */
const char *bt_split_name(enum bt_split split);

/** A box in a picture, pixels of that picture, x1 and y1 just outside. */
struct bt_box {
    float x0, y0, x1, y1;
    int32_t label;
};

#define BT_DATASET_BOXES 128   /**< most boxes in one picture */
#define BT_DATASET_EXTENT 8192 /**< most rows or columns of a picture */

/** What is in a picture: a class, or boxes. */
struct bt_truth {
    int32_t label;
    uint32_t box_count;
    struct bt_box boxes[BT_DATASET_BOXES];
};

struct bt_dataset {
    char name[48];
    char source[160]; /**< for people: "generated, seed 1", the folder */
    enum bt_task task;
    enum bt_split split;
    uint32_t first;       /**< picture of the set that is picture 0 here */
    uint32_t count;       /**< pictures; a generated set has as many as anybody asks for, this many by default */
    int32_t h, w, c;      /**< of every picture, after any resizing that was asked for */
    uint32_t class_count; /**< 0 where it is not known */
    char **class_names;   /**< class_count, or NULL */
    void *own;            /**< of the kind of set; NULL of a generated one */
    enum bt_status (*get)(const struct bt_dataset *dataset, uint32_t index, uint8_t *pixels, struct bt_truth *truth,
                          struct bt_error *err);
    void (*close)(struct bt_dataset *dataset);
};

/**
 * @brief  Opens a set.
 * @param[in]  spec   "digits" (32x32x1, ten classes), "shapes" (32x32x3, ten classes), "scenes" (objects with boxes):
 *                    generated. "mnist:FOLDER" (t10k or train IDX files, gzip or not), "cifar10:FILE" (binary version),
 *                    "images:FOLDER" (labels.txt: "file class" per line), "boxes:FOLDER" (pictures in the order of their
 *                    names, one text file for each: "class x y w h" per line, centre and size as fractions, as YOLO's
 *                    tools write COCO). Classes are numbers from 0; their names, one a line, in classes.txt of the folder
 *                    or, for boxes, coco.names beside the folder. JPEG, PNG, binary PGM and PPM; colour where the first
 *                    picture of a folder is, of boxes always. A range behind any of them, "#FIRST-LAST", takes these pictures
 *                    of the set alone.
 * @param[in]  split  Of the generated sets.
 * @param[in]  h, w   At most BT_DATASET_EXTENT: what pictures are resized to (bilinear, not letterboxed) or padded to (MNIST,
 *                    with 0); 0: as they are, and all alike. Generated sets and CIFAR-10 refuse any size but their own.
 * @param[out] dataset  Release with bt_dataset_close().
 * @return BT_OK; BT_EINPUT (unknown kind, missing or damaged file, wrong size, label without class); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_dataset_open(const char *spec, enum bt_split split, int32_t h, int32_t w,
                                             struct bt_dataset *dataset, struct bt_error *err);
void bt_dataset_close(struct bt_dataset *dataset);
/** PATH of "kind:PATH" or "kind:PATH#FIRST-LAST"; "" of a generated set. The range begins at the last '#'. */
void bt_dataset_path(const char *spec, char *path, size_t path_bytes);

/**
 * @brief  One picture; the same bytes whenever and wherever it is asked for, but for JPEG, which is what libjpeg makes of it.
 * @param[in]  index   Below count; of generated sets any.
 * @param[out] pixels  h * w * c.
 * @param[out] label   Class of the picture, BT_TASK_CLASSIFY; else untouched. May be NULL.
 * @param[out] boxes   Room for BT_DATASET_BOXES; BT_TASK_DETECT. May be NULL, with box_count.
 * @return BT_OK; BT_EINPUT (a damaged picture); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_dataset_get(const struct bt_dataset *dataset, uint32_t index, uint8_t *pixels,
                                            int32_t *label, struct bt_box *boxes, uint32_t *box_count,
                                            struct bt_error *err);

#endif
