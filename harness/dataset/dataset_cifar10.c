#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/dataset/dataset_kinds.h"

enum { CLASSES = 10, PLANE = BT_CIFAR10_EXTENT * BT_CIFAR10_EXTENT, RECORD = 1 + 3 * PLANE };
static const char *const names[CLASSES] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                           "dog",      "frog",       "horse", "ship", "truck"};

enum bt_status bt_cifar10_parse(const char *path, const unsigned char *data, size_t bytes, uint32_t *count,
                                struct bt_error *err)
{
    if (bytes == 0 || bytes % RECORD != 0) {
        return bt_fail(err, BT_EINPUT, "%s: %zu bytes: expected a multiple of %d, a label and 3 x 32 x 32 each", path,
                       bytes, RECORD);
    }
    for (size_t i = 0; i < bytes / RECORD; i++) {
        if (data[i * RECORD] >= CLASSES) {
            return bt_fail(err, BT_EINPUT, "%s: label %u of picture %zu: expected 0 to %d", path, data[i * RECORD], i,
                           CLASSES - 1);
        }
    }
    *count = (uint32_t)(bytes / RECORD);
    return BT_OK;
}

static void release(struct bt_dataset *dataset)
{
    free(dataset->own);
}

static enum bt_status get(const struct bt_dataset *dataset, uint32_t index, uint8_t *pixels, struct bt_truth *truth,
                          struct bt_error *err)
{
    const unsigned char *record = (const unsigned char *)dataset->own + (size_t)index * RECORD;
    (void)err;
    for (size_t i = 0; i < (size_t)3 * PLANE; i++) {
        pixels[i] = record[1 + i % 3 * PLANE + i / 3];
    }
    truth->label = record[0];
    return BT_OK;
}

enum bt_status bt_dataset_cifar10(const char *path, int32_t h, int32_t w, struct bt_dataset *dataset,
                                  struct bt_error *err)
{
    char folder[4096];
    unsigned char *data = NULL;
    size_t bytes = 0;
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    (void)snprintf(folder, sizeof(folder), "%.*s", slash != NULL ? (int)(slash - path) : 1, slash != NULL ? path : ".");
    const enum bt_status status = bt_dataset_file(folder, name, &data, &bytes, err);
    if (status != BT_OK) {
        return status;
    }
    dataset->own = data;
    dataset->close = release;
    dataset->get = get;
    dataset->task = BT_TASK_CLASSIFY;
    dataset->h = dataset->w = BT_CIFAR10_EXTENT;
    dataset->c = 3;
    if ((h != 0 && h != dataset->h) || (w != 0 && w != dataset->w)) {
        return bt_fail(err, BT_EINPUT, "%s: %dx%d asked for: expected 32x32, the size of these pictures", path, (int)h,
                       (int)w);
    }
    (void)snprintf(dataset->name, sizeof(dataset->name), "cifar10");
    (void)snprintf(dataset->source, sizeof(dataset->source), "%.120s", path);
    const enum bt_status parsed = bt_cifar10_parse(path, data, bytes, &dataset->count, err);
    return parsed == BT_OK ? bt_dataset_name_classes(names, CLASSES, dataset) : parsed;
}
