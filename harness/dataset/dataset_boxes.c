#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/dataset/dataset_kinds.h"

struct one {
    struct bt_box *boxes; /* fractions */
    uint32_t count;
};

struct folder {
    struct bt_pictures pictures;
    struct one *each;
};

enum { LARGEST_LABEL = 999999 };
static const char classes_file[] = "classes.txt";

/* A decimal fraction, 0 to 1. Neither "nan" nor "0x1p-1", which strtod() would take. */
static bool fraction(const char *word, double *value)
{
    char *end = NULL;
    if (word == NULL || word[0] == '\0' || strspn(word, "0123456789.eE+-") != strlen(word)) {
        return false;
    }
    *value = strtod(word, &end);
    return *end == '\0' && *value >= 0 && *value <= 1;
}

/* 0 to 1: what YOLO's tools round may stick out of the picture by a little. */
static float inside(double value)
{
    return (float)(value < 0 ? 0 : value > 1 ? 1 : value);
}

static bool parse_line(char *line, struct bt_box *box)
{
    static const char blanks[] = " \t";
    double number[4];
    char *rest = NULL;
    char *end = NULL;
    const char *word = strtok_r(line, blanks, &rest);
    if (word == NULL || word[0] < '0' || word[0] > '9') {
        return false;
    }
    errno = 0;
    const unsigned long label = strtoul(word, &end, 10);
    if (*end != '\0' || errno != 0 || label > LARGEST_LABEL) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        if (!fraction(strtok_r(NULL, blanks, &rest), &number[i])) {
            return false;
        }
    }
    if (strtok_r(NULL, blanks, &rest) != NULL) {
        return false;
    }
    *box = (struct bt_box){inside(number[0] - number[2] / 2), inside(number[1] - number[3] / 2),
                           inside(number[0] + number[2] / 2), inside(number[1] + number[3] / 2), (int32_t)label};
    return box->x1 > box->x0 && box->y1 > box->y0;
}

enum bt_status bt_boxes_parse(const char *path, const char *text, size_t bytes, uint32_t classes, struct bt_box *boxes,
                              uint32_t *count, struct bt_error *err)
{
    struct bt_lines lines = {text, text + bytes, 0};
    char line[256];
    uint32_t found = 0;
    while (bt_next_line(&lines, line, sizeof(line))) {
        char copy[sizeof(line)];
        struct bt_box box;
        memcpy(copy, line, sizeof(copy));
        if (!parse_line(copy, &box)) {
            return bt_fail(err, BT_EINPUT, "%s:%u: '%.60s': expected \"class x y w h\", fractions of the picture", path,
                           (unsigned)lines.number, line);
        }
        if (classes > 0 && (uint32_t)box.label >= classes) {
            return bt_fail(err, BT_EINPUT, "%s:%u: class %d: expected 0 to %u", path, (unsigned)lines.number,
                           (int)box.label, (unsigned)classes - 1);
        }
        if (found == BT_DATASET_BOXES) {
            return bt_fail(err, BT_EINPUT, "%s:%u: another box: expected at most %d", path, (unsigned)lines.number,
                           BT_DATASET_BOXES);
        }
        boxes[found++] = box;
    }
    *count = found;
    return BT_OK;
}

static void release(struct bt_dataset *dataset)
{
    struct folder *folder = dataset->own;
    if (folder == NULL) {
        return;
    }
    for (uint32_t i = 0; folder->each != NULL && i < folder->pictures.count; i++) {
        free(folder->each[i].boxes);
    }
    bt_pictures_free(&folder->pictures);
    free(folder->each);
    free(folder);
}

static enum bt_status get(const struct bt_dataset *dataset, uint32_t index, uint8_t *pixels, struct bt_truth *truth,
                          struct bt_error *err)
{
    const struct folder *folder = dataset->own;
    const struct one *one = &folder->each[index];
    for (uint32_t i = 0; i < one->count; i++) {
        const struct bt_box *box = &one->boxes[i];
        truth->boxes[i] = (struct bt_box){box->x0 * (float)dataset->w, box->y0 * (float)dataset->h,
                                          box->x1 * (float)dataset->w, box->y1 * (float)dataset->h, box->label};
    }
    truth->box_count = one->count;
    return bt_pictures_get(&folder->pictures, dataset, index, pixels, err);
}

/* ---- the folder ---- */

static const char *ending(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL ? dot : "";
}

static bool is_picture(const struct dirent *entry)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".ppm", ".pgm"};
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (strcmp(ending(entry->d_name), endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int wanted(const struct dirent *entry)
{
    const bool text = strcmp(ending(entry->d_name), ".txt") == 0 && strcmp(entry->d_name, classes_file) != 0;
    return text || is_picture(entry) ? 1 : 0;
}

/* In bytes, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool same_stem(const char *a, const char *b)
{
    const size_t length = (size_t)(ending(a) - a);
    return length == (size_t)(ending(b) - b) && strncmp(a, b, length) == 0;
}

/* Adds the picture beside a text, or refuses one without the other. entries: sorted, so both are neighbours. */
static enum bt_status pair(struct folder *folder, struct dirent *const *entries, int count, int *at, const char **text,
                           struct bt_error *err)
{
    const char *first = entries[*at]->d_name;
    const bool both = *at + 1 < count && same_stem(first, entries[*at + 1]->d_name) &&
                      is_picture(entries[*at]) != is_picture(entries[*at + 1]);
    if (!both) {
        return bt_fail(err, BT_EINPUT,
                       "%s/%s: alone: expected a picture and a text of the same name, empty for no boxes",
                       folder->pictures.folder, first);
    }
    const char *second = entries[*at + 1]->d_name;
    *text = is_picture(entries[*at]) ? second : first;
    *at += 2;
    return bt_pictures_add(&folder->pictures, *text == second ? first : second);
}

static enum bt_status read_text(struct folder *folder, const char *name, uint32_t classes, struct one *one,
                                struct bt_error *err)
{
    char path[4096];
    unsigned char *text = NULL;
    size_t bytes = 0;
    struct bt_box boxes[BT_DATASET_BOXES];
    uint32_t count = 0;
    (void)snprintf(path, sizeof(path), "%s/%s", folder->pictures.folder, name);
    enum bt_status status = bt_dataset_file(folder->pictures.folder, name, &text, &bytes, err);
    if (status == BT_OK) {
        status = bt_boxes_parse(path, (const char *)text, bytes, classes, boxes, &count, err);
    }
    free(text);
    if (status != BT_OK || count == 0) {
        return status;
    }
    one->boxes = malloc(count * sizeof(*boxes));
    if (one->boxes == NULL) {
        return bt_fail(err, BT_ENOMEM, "%s: no memory for it", path);
    }
    memcpy(one->boxes, boxes, count * sizeof(*boxes));
    one->count = count;
    return BT_OK;
}

static enum bt_status read_folder(struct folder *folder, uint32_t classes, struct bt_error *err)
{
    struct dirent **entries = NULL;
    const int count = scandir(folder->pictures.folder, &entries, wanted, by_name);
    if (count < 0) {
        return bt_fail(err, BT_EINPUT, "%s: unreadable: expected a folder of pictures and texts",
                       folder->pictures.folder);
    }
    enum bt_status status = BT_OK;
    folder->each = calloc((size_t)count + 1, sizeof(*folder->each));
    if (folder->each == NULL) {
        status = bt_fail(err, BT_ENOMEM, "%s: no memory for it", folder->pictures.folder);
    }
    for (int at = 0; status == BT_OK && folder->each != NULL && at < count;) {
        const char *text = NULL;
        status = pair(folder, entries, count, &at, &text, err);
        if (status == BT_OK) {
            status = read_text(folder, text, classes, &folder->each[folder->pictures.count - 1], err);
        }
    }
    for (int i = 0; i < count; i++) {
        free(entries[i]);
    }
    free(entries);
    return status;
}

enum bt_status bt_dataset_boxes(const char *path, int32_t h, int32_t w, struct bt_dataset *dataset,
                                struct bt_error *err)
{
    struct folder *folder = calloc(1, sizeof(*folder));
    dataset->own = folder;
    dataset->close = release;
    dataset->get = get;
    dataset->task = BT_TASK_DETECT;
    (void)snprintf(dataset->name, sizeof(dataset->name), "boxes");
    (void)snprintf(dataset->source, sizeof(dataset->source), "%.120s", path);
    if (folder == NULL || (folder->pictures.folder = strdup(path)) == NULL) {
        return bt_fail(err, BT_ENOMEM, "%s: no memory for it", path);
    }
    enum bt_status status = bt_dataset_read_classes(path, classes_file, dataset, err);
    if (status == BT_OK && dataset->class_count == 0) {
        status = bt_dataset_read_classes(path, "../coco.names", dataset, err);
    }
    if (status == BT_OK) {
        status = read_folder(folder, dataset->class_count, err);
    }
    return status == BT_OK ? bt_pictures_measure(&folder->pictures, h, w, 3, dataset, err) : status;
}
