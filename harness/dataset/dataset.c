#include "harness/dataset/dataset.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/dataset/dataset_kinds.h"

#define SPEC_BYTES 4096
#define MOST_PICTURES 1000000

struct kind {
    const char *name;
    enum bt_status (*generated)(struct bt_dataset *dataset);
    enum bt_status (*files)(const char *path, int32_t h, int32_t w, struct bt_dataset *dataset, struct bt_error *err);
};

static const struct kind kinds[] = {
    {.name = "digits", .generated = bt_dataset_digits}, {.name = "shapes", .generated = bt_dataset_shapes},
    {.name = "scenes", .generated = bt_dataset_scenes}, {.name = "mnist", .files = bt_dataset_mnist},
    {.name = "cifar10", .files = bt_dataset_cifar10},   {.name = "images", .files = bt_dataset_images},
    {.name = "boxes", .files = bt_dataset_boxes},
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

static enum bt_status open_generated(const struct kind *kind, int32_t h, int32_t w, struct bt_dataset *dataset,
                                     struct bt_error *err)
{
    const enum bt_status status = kind->generated(dataset);
    if (status == BT_OK && ((h != 0 && h != dataset->h) || (w != 0 && w != dataset->w))) {
        return bt_fail(err, BT_EINPUT, "%s: %dx%d asked for: expected %dx%d, the size of these pictures", kind->name,
                       (int)h, (int)w, (int)dataset->h, (int)dataset->w);
    }
    return status == BT_OK ? BT_OK : bt_fail(err, status, "%s: no memory for it", kind->name);
}

void bt_dataset_path(const char *spec, char *path, size_t path_bytes)
{
    const char *colon = strchr(spec, ':');
    (void)snprintf(path, path_bytes, "%s", colon != NULL ? colon + 1 : "");
    char *range = strrchr(path, '#');
    if (range != NULL) {
        *range = '\0';
    }
}

/* "#FIRST-LAST" at the end of a spec, cut off there; both 0 where there is none. @return false where it is malformed. */
static bool take_range(char *spec, uint32_t *first, uint32_t *last)
{
    char *hash = strrchr(spec, '#');
    char *end = NULL;
    *first = *last = 0;
    if (hash == NULL) {
        return true;
    }
    const unsigned long from = strtoul(hash + 1, &end, 10);
    if (hash[1] < '0' || hash[1] > '9' || *end != '-' || end[1] < '0' || end[1] > '9') {
        return false;
    }
    const unsigned long to = strtoul(end + 1, &end, 10);
    *hash = '\0';
    *first = (uint32_t)from;
    *last = (uint32_t)to;
    return *end == '\0' && from <= to && to < MOST_PICTURES;
}

/* The pictures of a range alone. */
static enum bt_status narrow(const char *spec, uint32_t first, uint32_t last, struct bt_dataset *dataset,
                             struct bt_error *err)
{
    if (dataset->own != NULL && last >= dataset->count) {
        return bt_fail(err, BT_EINPUT, "data set '%s': pictures %u to %u: expected some of 0 to %u", spec,
                       (unsigned)first, (unsigned)last, (unsigned)dataset->count - 1);
    }
    const size_t used = strlen(dataset->source);
    dataset->first = first;
    dataset->count = last - first + 1;
    (void)snprintf(dataset->source + used, sizeof(dataset->source) - used, ", %u to %u", (unsigned)first,
                   (unsigned)last);
    return BT_OK;
}

/* The kind that a spec begins with, and what stands behind the colon: NULL of generated sets. */
static const struct kind *kind_of(const char *spec, const char **path)
{
    for (size_t i = 0; i < KINDS; i++) {
        const size_t length = strlen(kinds[i].name);
        if (strncmp(spec, kinds[i].name, length) != 0 || spec[length] != (kinds[i].files != NULL ? ':' : '\0')) {
            continue;
        }
        *path = kinds[i].files != NULL ? spec + length + 1 : NULL;
        return *path == NULL || **path != '\0' ? &kinds[i] : NULL;
    }
    return NULL;
}

enum bt_status bt_dataset_open(const char *spec, enum bt_split split, int32_t h, int32_t w, struct bt_dataset *dataset,
                               struct bt_error *err)
{
    const char *path = NULL;
    char whole[SPEC_BYTES];
    uint32_t first = 0;
    uint32_t last = 0;
    const bool ranged = strchr(spec, '#') != NULL;
    if (strlen(spec) >= sizeof(whole)) {
        return bt_fail(err, BT_EINPUT, "data set '%.60s...': expected at most %d bytes", spec, SPEC_BYTES - 1);
    }
    (void)snprintf(whole, sizeof(whole), "%s", spec);
    if (!take_range(whole, &first, &last)) {
        return bt_fail(err, BT_EINPUT, "data set '%s': expected #FIRST-LAST behind it, two numbers of pictures", spec);
    }
    const struct kind *kind = kind_of(whole, &path);
    if (kind == NULL) {
        return bt_fail(err, BT_EINPUT,
                       "data set '%s': expected digits, shapes, scenes, mnist:FOLDER, cifar10:FILE, images:FOLDER or "
                       "boxes:FOLDER",
                       spec);
    }
    if (h < 0 || w < 0 || h > BT_DATASET_EXTENT || w > BT_DATASET_EXTENT) {
        return bt_fail(err, BT_EINPUT, "data set '%s': pictures of %dx%d: expected at most %d rows and columns", spec,
                       (int)h, (int)w, BT_DATASET_EXTENT);
    }
    struct bt_dataset made = {.split = split};
    enum bt_status status =
        kind->files != NULL ? kind->files(path, h, w, &made, err) : open_generated(kind, h, w, &made, err);
    if (status == BT_OK && ranged) {
        status = narrow(spec, first, last, &made, err);
    }
    if (status != BT_OK) {
        bt_dataset_close(&made);
        return status;
    }
    *dataset = made;
    return BT_OK;
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
    if (dataset->own != NULL && index >= dataset->count) {
        return bt_fail(err, BT_EINPUT, "%s: picture %u: expected 0 to %u", dataset->name, (unsigned)index,
                       (unsigned)dataset->count - 1);
    }
    struct bt_truth truth;
    const enum bt_status status = dataset->get(dataset, dataset->first + index, pixels, &truth, err);
    if (status == BT_OK && dataset->task == BT_TASK_CLASSIFY && label != NULL) {
        *label = truth.label;
    }
    if (status == BT_OK && dataset->task == BT_TASK_DETECT && boxes != NULL && box_count != NULL) {
        memcpy(boxes, truth.boxes, truth.box_count * sizeof(*boxes));
        *box_count = truth.box_count;
    }
    return status;
}
