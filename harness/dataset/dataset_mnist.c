#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/dataset/dataset_kinds.h"

enum { CLASSES = 10 };
static const char *const names[CLASSES] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

struct mnist {
    unsigned char *picture_file, *label_file;
    struct bt_idx pictures, labels;
};

static uint32_t big_endian(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

enum bt_status bt_idx_parse(const char *path, const unsigned char *data, size_t bytes, uint32_t dims,
                            struct bt_idx *idx, struct bt_error *err)
{
    const uint32_t magic = 0x0800 + dims;
    const size_t header = 4 + 4 * (size_t)dims;
    if (bytes < header || big_endian(data) != magic) {
        return bt_fail(err, BT_EINPUT, "%s: no IDX file of %s: expected the magic number 0x%08x", path,
                       dims == 1 ? "labels" : "pictures", (unsigned)magic);
    }
    struct bt_idx made = {.values = data + header, .count = big_endian(data + 4), .h = 1, .w = 1};
    if (dims == 3) {
        made.h = big_endian(data + 8);
        made.w = big_endian(data + 12);
    }
    if (made.count < 1 || made.h < 1 || made.w < 1 || made.h > BT_DATASET_EXTENT || made.w > BT_DATASET_EXTENT) {
        return bt_fail(err, BT_EINPUT, "%s: %u pictures of %ux%u: expected some, of 1 to %d rows and columns", path,
                       (unsigned)made.count, (unsigned)made.h, (unsigned)made.w, BT_DATASET_EXTENT);
    }
    const uint64_t expected = (uint64_t)made.count * made.h * made.w;
    if (bytes - header != expected) {
        return bt_fail(err, BT_EINPUT, "%s: %zu bytes behind its header: expected %llu for %u of %ux%u", path,
                       bytes - header, (unsigned long long)expected, (unsigned)made.count, (unsigned)made.h,
                       (unsigned)made.w);
    }
    *idx = made;
    return BT_OK;
}

enum bt_status bt_idx_check_labels(const char *path, const struct bt_idx *labels, uint32_t classes,
                                   struct bt_error *err)
{
    for (uint32_t i = 0; i < labels->count; i++) {
        if (labels->values[i] >= classes) {
            return bt_fail(err, BT_EINPUT, "%s: label %u of picture %u: expected 0 to %u", path, labels->values[i],
                           (unsigned)i, (unsigned)classes - 1);
        }
    }
    return BT_OK;
}

static void release(struct bt_dataset *dataset)
{
    struct mnist *mnist = dataset->own;
    if (mnist != NULL) {
        free(mnist->picture_file);
        free(mnist->label_file);
        free(mnist);
    }
}

static enum bt_status get(const struct bt_dataset *dataset, uint32_t index, uint8_t *pixels, struct bt_truth *truth,
                          struct bt_error *err)
{
    const struct mnist *mnist = dataset->own;
    const size_t h = mnist->pictures.h;
    const size_t w = mnist->pictures.w;
    const size_t top = ((size_t)dataset->h - h) / 2;
    const size_t left = ((size_t)dataset->w - w) / 2;
    (void)err;
    memset(pixels, 0, (size_t)dataset->h * (size_t)dataset->w);
    for (size_t y = 0; y < h; y++) {
        memcpy(pixels + (top + y) * (size_t)dataset->w + left, mnist->pictures.values + (index * h + y) * w, w);
    }
    truth->label = mnist->labels.values[index];
    return BT_OK;
}

/* "part-images-idx3-ubyte", with ".gz" where that is what there is. */
static void file_name(const char *folder, const char *part, const char *what, char *name, size_t room)
{
    (void)snprintf(name, room, "%s-%s-ubyte", part, what);
    if (!bt_dataset_has_file(folder, name)) {
        (void)snprintf(name, room, "%s-%s-ubyte.gz", part, what);
    }
}

static enum bt_status read_idx(const char *folder, const char *part, uint32_t dims, unsigned char **file,
                               struct bt_idx *idx, struct bt_error *err)
{
    char name[64];
    char path[4096];
    size_t bytes = 0;
    file_name(folder, part, dims == 3 ? "images-idx3" : "labels-idx1", name, sizeof(name));
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    enum bt_status status = bt_dataset_file(folder, name, file, &bytes, err);
    if (status == BT_OK) {
        status = bt_idx_parse(path, *file, bytes, dims, idx, err);
    }
    return status == BT_OK && dims == 1 ? bt_idx_check_labels(path, idx, CLASSES, err) : status;
}

enum bt_status bt_dataset_mnist(const char *path, int32_t h, int32_t w, struct bt_dataset *dataset,
                                struct bt_error *err)
{
    char name[64];
    struct mnist *mnist = calloc(1, sizeof(*mnist));
    if (mnist == NULL) {
        return bt_fail(err, BT_ENOMEM, "%s: no memory for it", path);
    }
    dataset->own = mnist;
    dataset->close = release;
    dataset->get = get;
    file_name(path, "train", "images-idx3", name, sizeof(name));
    const bool train = bt_dataset_has_file(path, name);
    file_name(path, "t10k", "images-idx3", name, sizeof(name));
    const char *part = train && !bt_dataset_has_file(path, name) ? "train" : "t10k";
    enum bt_status status = read_idx(path, part, 3, &mnist->picture_file, &mnist->pictures, err);
    if (status == BT_OK) {
        status = read_idx(path, part, 1, &mnist->label_file, &mnist->labels, err);
    }
    if (status != BT_OK) {
        return status;
    }
    if (mnist->pictures.count != mnist->labels.count) {
        return bt_fail(err, BT_EINPUT, "%s: %u labels for %u pictures of %s: expected as many", path,
                       (unsigned)mnist->labels.count, (unsigned)mnist->pictures.count, part);
    }
    dataset->task = BT_TASK_CLASSIFY;
    dataset->count = mnist->pictures.count;
    dataset->h = h != 0 ? h : (int32_t)mnist->pictures.h;
    dataset->w = w != 0 ? w : (int32_t)mnist->pictures.w;
    dataset->c = 1;
    if (dataset->h < (int32_t)mnist->pictures.h || dataset->w < (int32_t)mnist->pictures.w) {
        return bt_fail(err, BT_EINPUT, "%s: %dx%d asked for: expected %ux%u or more, these pictures are padded", path,
                       (int)h, (int)w, (unsigned)mnist->pictures.h, (unsigned)mnist->pictures.w);
    }
    (void)snprintf(dataset->name, sizeof(dataset->name), "mnist");
    (void)snprintf(dataset->source, sizeof(dataset->source), "%.100s, %s", path, part);
    return bt_dataset_name_classes(names, CLASSES, dataset);
}
