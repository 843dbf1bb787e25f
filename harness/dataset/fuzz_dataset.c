/* Any bytes as a picture, as a text of labels or boxes, as an IDX and as a CIFAR-10 file: accepted, or refused with one line. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/dataset/dataset_kinds.h"

static const char path[] = "fuzz";
enum { EXTENT = 64, CLASSES = 10 };

/* The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* NOLINT(readability-identifier-naming) */

static void check(enum bt_status status, const struct bt_error *err)
{
    const bool said = strncmp(err->text, path, sizeof(path) - 1) == 0 && strchr(err->text, '\n') == NULL;
    if ((status != BT_OK && status != BT_EINPUT) || (status == BT_EINPUT && !said)) {
        abort();
    }
}

static void pictures(const uint8_t *data, size_t size)
{
    struct bt_error err = {""};
    struct bt_picture picture = {0};
    uint8_t small[7 * 5 * 3];
    const enum bt_status status = bt_picture_parse(path, data, size, EXTENT, &picture, &err);
    check(status, &err);
    if ((status == BT_OK) != (picture.pixels != NULL)) {
        abort();
    }
    if (status == BT_OK) {
        bt_picture_resize(&picture, 7, 5, small);
        free(picture.pixels);
    }
}

static void texts(const char *text, size_t size)
{
    struct bt_error err = {""};
    struct bt_pictures list = {0};
    int32_t *labels = NULL;
    struct bt_box boxes[BT_DATASET_BOXES];
    uint32_t count = 0;
    check(bt_labels_parse(path, text, size, CLASSES, &list, &labels, &err), &err);
    for (uint32_t i = 0; i < list.count; i++) {
        if (labels[i] < 0 || labels[i] >= CLASSES || list.files[i][0] == '\0') {
            abort();
        }
    }
    bt_pictures_free(&list);
    free(labels);
    check(bt_boxes_parse(path, text, size, CLASSES, boxes, &count, &err), &err);
    for (uint32_t i = 0; i < count; i++) {
        const struct bt_box *box = &boxes[i];
        if (!(box->x0 >= 0 && box->x0 < box->x1 && box->x1 <= 1 && box->y0 >= 0 && box->y0 < box->y1 && box->y1 <= 1)) {
            abort();
        }
    }
}

/* The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) /* NOLINT(readability-identifier-naming) */
{
    struct bt_error err = {""};
    struct bt_idx idx = {0};
    uint32_t count = 0;
    pictures(data, size);
    texts((const char *)data, size);
    enum bt_status status = bt_idx_parse(path, data, size, 3, &idx, &err);
    check(status, &err);
    if (status == BT_OK && idx.values + (size_t)idx.count * idx.h * idx.w != data + size) {
        abort();
    }
    status = bt_idx_parse(path, data, size, 1, &idx, &err);
    check(status, &err);
    if (status == BT_OK) {
        check(bt_idx_check_labels(path, &idx, CLASSES, &err), &err);
    }
    check(bt_cifar10_parse(path, data, size, &count, &err), &err);
    return 0;
}
