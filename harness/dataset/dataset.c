#include "harness/dataset/dataset.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/dataset/dataset_kinds.h"

struct kind {
    const char *name;
    enum bt_status (*generated)(struct bt_dataset *dataset);
};

static const struct kind kinds[] = {
    {.name = "digits", .generated = bt_dataset_digits},
    {.name = "shapes", .generated = bt_dataset_shapes},
    {.name = "scenes", .generated = bt_dataset_scenes},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *bt_split_name(enum bt_split split)
{
    static const char *const names[] = {"test", "calibration", "train"};
    return names[split];
}

enum bt_status bt_dataset_name_classes(const char *const *names, uint32_t count, struct bt_dataset *dataset)
{
    dataset->class_count = count;
    dataset->class_names = calloc(count, sizeof(*dataset->class_names));
    for (uint32_t i = 0; dataset->class_names != NULL && i < count; i++) {
        dataset->class_names[i] = strdup(names[i]);
        if (dataset->class_names[i] == NULL) {
            return BT_ENOMEM;
        }
    }
    return dataset->class_names != NULL ? BT_OK : BT_ENOMEM;
}

enum bt_status bt_dataset_generated(const struct bt_generated *generated, struct bt_dataset *dataset)
{
    dataset->task = generated->task;
    dataset->count = generated->count;
    dataset->h = dataset->w = generated->extent;
    dataset->c = generated->c;
    (void)snprintf(dataset->name, sizeof(dataset->name), "%s", generated->name);
    (void)snprintf(dataset->source, sizeof(dataset->source), "generated, %s split", bt_split_name(dataset->split));
    return bt_dataset_name_classes(generated->class_names, generated->class_count, dataset);
}

static enum bt_status open_kind(const struct kind *kind, int32_t h, int32_t w, struct bt_dataset *dataset,
                                struct bt_error *err)
{
    const enum bt_status status = kind->generated(dataset);
    if (status == BT_OK && ((h != 0 && h != dataset->h) || (w != 0 && w != dataset->w))) {
        return bt_fail(err, BT_EINPUT, "%s: %dx%d asked for: expected %dx%d, the size of these pictures", kind->name,
                       (int)h, (int)w, (int)dataset->h, (int)dataset->w);
    }
    return status == BT_OK ? BT_OK : bt_fail(err, status, "%s: no memory for it", kind->name);
}

enum bt_status bt_dataset_open(const char *spec, enum bt_split split, int32_t h, int32_t w, struct bt_dataset *dataset,
                               struct bt_error *err)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(spec, kinds[i].name) != 0) {
            continue;
        }
        struct bt_dataset made = {.split = split};
        const enum bt_status status = open_kind(&kinds[i], h, w, &made, err);
        if (status != BT_OK) {
            bt_dataset_close(&made);
            return status;
        }
        *dataset = made;
        return BT_OK;
    }
    return bt_fail(err, BT_EINPUT,
                   "data set '%s': expected digits, shapes, scenes, mnist:FOLDER, cifar10:FILE, images:FOLDER or "
                   "boxes:FOLDER",
                   spec);
}

void bt_dataset_close(struct bt_dataset *dataset)
{
    if (dataset->close != NULL) {
        dataset->close(dataset);
    }
    for (uint32_t i = 0; dataset->class_names != NULL && i < dataset->class_count; i++) {
        free(dataset->class_names[i]);
    }
    free(dataset->class_names);
    *dataset = (struct bt_dataset){0};
}

enum bt_status bt_dataset_get(const struct bt_dataset *dataset, uint32_t index, uint8_t *pixels, int32_t *label,
                              struct bt_box *boxes, uint32_t *box_count, struct bt_error *err)
{
    return dataset->get(dataset, index, pixels, label, boxes, box_count, err);
}
