#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/dataset/dataset_kinds.h"

/* ---- one picture ---- */

enum bt_status bt_picture_new(const char *path, uint64_t h, uint64_t w, int32_t c, int32_t most,
                              struct bt_picture *picture, struct bt_error *err)
{
    if (h < 1 || w < 1 || h > (uint64_t)most || w > (uint64_t)most) {
        return bt_fail(err, BT_EINPUT, "%s: a picture of %llux%llu: expected 1 to %d rows and columns", path,
                       (unsigned long long)h, (unsigned long long)w, (int)most);
    }
    struct bt_picture made = {.h = (int32_t)h, .w = (int32_t)w, .c = c};
    made.pixels = malloc((size_t)(h * w) * (size_t)c);
    if (made.pixels == NULL) {
        return bt_fail(err, BT_ENOMEM, "%s: no memory for it", path);
    }
    *picture = made;
    return BT_OK;
}

enum bt_status bt_picture_parse(const char *path, const unsigned char *data, size_t bytes, int32_t most,
                                struct bt_picture *picture, struct bt_error *err)
{
    if (bytes >= 2 && data[0] == 0xff && data[1] == 0xd8) {
        return bt_picture_jpeg(path, data, bytes, most, picture, err);
    }
    if (bytes >= 4 && memcmp(data, "\x89PNG", 4) == 0) {
        return bt_picture_png(path, data, bytes, most, picture, err);
    }
    if (bytes >= 2 && data[0] == 'P' && (data[1] == '5' || data[1] == '6')) {
        return bt_picture_pnm(path, data, bytes, most, picture, err);
    }
    return bt_fail(err, BT_EINPUT, "%s: no picture: expected JPEG, PNG or binary PGM or PPM", path);
}

/* A number of a PNM header: blanks and comments before it are passed over. @return false: there is none. */
static bool pnm_number(const unsigned char **at, const unsigned char *end, uint32_t *value)
{
    const unsigned char *p = *at;
    while (p < end && (strchr(" \t\r\n", *p) != NULL || *p == '#')) {
        if (*p == '\0') {
            return false; /* strchr() finds the end of its string as well */
        }
        if (*p == '#') {
            while (p < end && *p != '\n') {
                p++;
            }
        } else {
            p++;
        }
    }
    if (p == end || *p < '0' || *p > '9') {
        return false;
    }
    uint32_t number = 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        number = number < 100000000 ? number * 10 + (uint32_t)(*p - '0') : number;
    }
    *value = number;
    *at = p;
    return true;
}

enum bt_status bt_picture_pnm(const char *path, const unsigned char *data, size_t bytes, int32_t most,
                              struct bt_picture *picture, struct bt_error *err)
{
    const unsigned char *at = data + 2;
    const unsigned char *end = data + bytes;
    const int32_t c = data[1] == '6' ? 3 : 1;
    uint32_t w = 0;
    uint32_t h = 0;
    uint32_t deepest = 0;
    if (!pnm_number(&at, end, &w) || !pnm_number(&at, end, &h) || !pnm_number(&at, end, &deepest) || at == end ||
        strchr(" \t\r\n", *at) == NULL || *at == '\0') {
        return bt_fail(err, BT_EINPUT, "%s: damaged PNM: expected width, height and 255 in its header", path);
    }
    at++;
    if (deepest != 255) {
        return bt_fail(err, BT_EINPUT, "%s: PNM with values up to %u: expected 255", path, (unsigned)deepest);
    }
    struct bt_picture made = {0};
    const enum bt_status status = bt_picture_new(path, h, w, c, most, &made, err);
    if (status != BT_OK || made.pixels == NULL) {
        return status;
    }
    const size_t expected = (size_t)h * w * (size_t)c;
    if ((size_t)(end - at) != expected) {
        free(made.pixels);
        return bt_fail(err, BT_EINPUT, "%s: %zu bytes behind the PNM header: expected %zu for %ux%u", path,
                       (size_t)(end - at), expected, (unsigned)h, (unsigned)w);
    }
    memcpy(made.pixels, at, expected);
    *picture = made;
    return BT_OK;
}

/* ---- resizing ---- */

enum { ONE = 2048 };

struct between {
    int32_t low, high; /* rows or columns of the source */
    int32_t weight;    /* of high, of ONE */
};

/* Where the centre of `to` lies among the centres of the source: (to + 1/2) * from_extent / to_extent - 1/2. */
static struct between between_of(int32_t to, int32_t from_extent, int32_t to_extent)
{
    const int64_t halves = (2 * (int64_t)to + 1) * from_extent - to_extent; /* over 2 * to_extent */
    const int64_t unit = 2 * (int64_t)to_extent;
    if (halves <= 0) {
        return (struct between){0, 0, 0};
    }
    const int32_t low = (int32_t)(halves / unit);
    if (low >= from_extent - 1) {
        return (struct between){from_extent - 1, from_extent - 1, 0};
    }
    return (struct between){low, low + 1, (int32_t)((halves % unit * ONE + unit / 2) / unit)};
}

void bt_picture_resize(const struct bt_picture *picture, int32_t h, int32_t w, uint8_t *to)
{
    const size_t row = (size_t)picture->w * (size_t)picture->c;
    for (int32_t y = 0; y < h; y++) {
        const struct between v = between_of(y, picture->h, h);
        const uint8_t *above = picture->pixels + (size_t)v.low * row;
        const uint8_t *below = picture->pixels + (size_t)v.high * row;
        for (int32_t x = 0; x < w; x++) {
            const struct between u = between_of(x, picture->w, w);
            for (int32_t c = 0; c < picture->c; c++) {
                const size_t left = (size_t)u.low * (size_t)picture->c + (size_t)c;
                const size_t right = (size_t)u.high * (size_t)picture->c + (size_t)c;
                const int32_t top = above[left] * (ONE - u.weight) + above[right] * u.weight;
                const int32_t bottom = below[left] * (ONE - u.weight) + below[right] * u.weight;
                /* At most 255 * 2^22: within 32 bits. */
                *to++ = (uint8_t)((top * (ONE - v.weight) + bottom * v.weight + ONE * ONE / 2) / (ONE * ONE));
            }
        }
    }
}

/* ---- many of them ---- */

enum bt_status bt_pictures_add(struct bt_pictures *pictures, const char *file)
{
    if (pictures->count == pictures->room) {
        const uint32_t room = pictures->room > 0 ? pictures->room * 2 : 64;
        char **files = realloc(pictures->files, room * sizeof(*files));
        if (files == NULL) {
            return BT_ENOMEM;
        }
        pictures->files = files;
        pictures->room = room;
    }
    char *copy = strdup(file);
    if (copy == NULL) {
        return BT_ENOMEM;
    }
    pictures->files[pictures->count++] = copy;
    return BT_OK;
}

void bt_pictures_free(struct bt_pictures *pictures)
{
    for (uint32_t i = 0; i < pictures->count; i++) {
        free(pictures->files[i]);
    }
    free(pictures->files);
    free(pictures->folder);
    *pictures = (struct bt_pictures){0};
}

static enum bt_status decode(const struct bt_pictures *pictures, uint32_t index, char *path, size_t room,
                             struct bt_picture *picture, struct bt_error *err)
{
    unsigned char *data = NULL;
    size_t bytes = 0;
    (void)snprintf(path, room, "%s/%s", pictures->folder, pictures->files[index]);
    enum bt_status status = bt_dataset_file(pictures->folder, pictures->files[index], &data, &bytes, err);
    if (status == BT_OK) {
        status = bt_picture_parse(path, data, bytes, BT_DATASET_EXTENT, picture, err);
    }
    free(data);
    return status;
}

enum bt_status bt_pictures_measure(struct bt_pictures *pictures, int32_t h, int32_t w, int32_t c,
                                   struct bt_dataset *dataset, struct bt_error *err)
{
    char path[4096];
    struct bt_picture first = {0};
    if (pictures->count == 0) {
        return bt_fail(err, BT_EINPUT, "%s: no pictures: expected some", pictures->folder);
    }
    const enum bt_status status = decode(pictures, 0, path, sizeof(path), &first, err);
    free(first.pixels);
    if (status != BT_OK) {
        return status;
    }
    pictures->resized = h != 0 || w != 0;
    dataset->h = h != 0 ? h : first.h;
    dataset->w = w != 0 ? w : first.w;
    dataset->c = c != 0 ? c : first.c;
    dataset->count = pictures->count;
    return BT_OK;
}

enum bt_status bt_pictures_get(const struct bt_pictures *pictures, const struct bt_dataset *dataset, uint32_t index,
                               uint8_t *pixels, struct bt_error *err)
{
    char path[4096];
    struct bt_picture picture = {0};
    enum bt_status status = decode(pictures, index, path, sizeof(path), &picture, err);
    if (status != BT_OK) {
        return status;
    }
    if (!pictures->resized && (picture.h != dataset->h || picture.w != dataset->w)) {
        status = bt_fail(err, BT_EINPUT, "%s: %dx%d: expected %dx%d as the first picture, or a size for all", path,
                         (int)picture.h, (int)picture.w, (int)dataset->h, (int)dataset->w);
    } else if (picture.c > dataset->c) {
        status = bt_fail(err, BT_EINPUT, "%s: colour: expected grey as the first picture", path);
    } else {
        bt_picture_resize(&picture, dataset->h, dataset->w, pixels);
        for (size_t i = (size_t)dataset->h * (size_t)dataset->w; picture.c < dataset->c && i > 0; i--) {
            memset(pixels + (i - 1) * 3, pixels[i - 1], 3);
        }
    }
    free(picture.pixels);
    return status;
}
