#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/dataset/dataset_kinds.h"

struct images {
    struct bt_pictures pictures;
    int32_t *labels;
};

enum { LARGEST_LABEL = 999999, NAME_BYTES = 1024 };

/* Splits "file class" in place. @return false: not of that form. */
static bool split_line(char *line, uint32_t *label)
{
    char *blank = strrchr(line, ' ');
    char *tab = strrchr(line, '\t');
    char *last = tab != NULL && (blank == NULL || tab > blank) ? tab : blank;
    char *end = NULL;
    if (last == NULL || last[1] < '0' || last[1] > '9') {
        return false;
    }
    errno = 0;
    const unsigned long value = strtoul(last + 1, &end, 10);
    if (*end != '\0' || errno != 0 || value > LARGEST_LABEL) {
        return false;
    }
    while (last > line && (last[-1] == ' ' || last[-1] == '\t')) {
        last--;
    }
    *last = '\0';
    *label = (uint32_t)value;
    return last > line;
}

enum bt_status bt_labels_parse(const char *path, const char *text, size_t bytes, uint32_t classes,
                               struct bt_pictures *pictures, int32_t **labels, struct bt_error *err)
{
    struct bt_lines lines = {text, text + bytes, 0};
    char line[NAME_BYTES];
    uint32_t room = 0;
    while (bt_next_line(&lines, line, sizeof(line))) {
        uint32_t label = 0;
        char file[NAME_BYTES];
        memcpy(file, line, sizeof(file));
        if (!split_line(file, &label)) {
            return bt_fail(err, BT_EINPUT, "%s:%u: '%.60s': expected \"file class\", the class a number up to %d", path,
                           (unsigned)lines.number, line, LARGEST_LABEL);
        }
        if (classes > 0 && label >= classes) {
            return bt_fail(err, BT_EINPUT, "%s:%u: class %u: expected 0 to %u", path, (unsigned)lines.number,
                           (unsigned)label, (unsigned)classes - 1);
        }
        if (pictures->count == room) {
            room = room > 0 ? room * 2 : 64;
            int32_t *larger = realloc(*labels, room * sizeof(**labels));
            if (larger == NULL) {
                return bt_fail(err, BT_ENOMEM, "%s: no memory for it", path);
            }
            *labels = larger;
        }
        (*labels)[pictures->count] = (int32_t)label;
        if (bt_pictures_add(pictures, file) != BT_OK) {
            return bt_fail(err, BT_ENOMEM, "%s: no memory for it", path);
        }
    }
    return BT_OK;
}

static void release(struct bt_dataset *dataset)
{
    struct images *images = dataset->own;
    if (images != NULL) {
        bt_pictures_free(&images->pictures);
        free(images->labels);
        free(images);
    }
}

static enum bt_status get(const struct bt_dataset *dataset, uint32_t index, uint8_t *pixels, struct bt_truth *truth,
                          struct bt_error *err)
{
    const struct images *images = dataset->own;
    truth->label = images->labels[index];
    return bt_pictures_get(&images->pictures, dataset, index, pixels, err);
}

enum bt_status bt_dataset_images(const char *path, int32_t h, int32_t w, struct bt_dataset *dataset,
                                 struct bt_error *err)
{
    static const char labels[] = "labels.txt";
    char file[4096];
    unsigned char *text = NULL;
    size_t bytes = 0;
    struct images *images = calloc(1, sizeof(*images));
    dataset->own = images;
    dataset->close = release;
    dataset->get = get;
    dataset->task = BT_TASK_CLASSIFY;
    (void)snprintf(file, sizeof(file), "%s/%s", path, labels);
    (void)snprintf(dataset->name, sizeof(dataset->name), "images");
    (void)snprintf(dataset->source, sizeof(dataset->source), "%.120s", path);
    if (images == NULL || (images->pictures.folder = strdup(path)) == NULL) {
        return bt_fail(err, BT_ENOMEM, "%s: no memory for it", path);
    }
    enum bt_status status = bt_dataset_read_classes(path, "classes.txt", dataset, err);
    if (status == BT_OK) {
        status = bt_dataset_file(path, labels, &text, &bytes, err);
    }
    if (status == BT_OK) {
        status = bt_labels_parse(file, (const char *)text, bytes, dataset->class_count, &images->pictures,
                                 &images->labels, err);
    }
    free(text);
    return status == BT_OK ? bt_pictures_measure(&images->pictures, h, w, 0, dataset, err) : status;
}
