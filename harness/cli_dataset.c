#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli.h"
#include "harness/dataset/dataset.h"

/* Everything that is known about one picture, and room for the next. */
struct picture {
    uint8_t *pixels;
    int32_t label;
    struct bt_box boxes[BT_DATASET_BOXES];
    uint32_t box_count;
};

static size_t picture_bytes(const struct bt_dataset *set)
{
    return (size_t)set->h * (size_t)set->w * (size_t)set->c;
}

static enum bt_status get(const struct bt_dataset *set, uint32_t index, struct picture *picture, struct bt_error *err)
{
    picture->label = -1;
    picture->box_count = 0;
    return bt_dataset_get(set, index, picture->pixels, &picture->label, picture->boxes, &picture->box_count, err);
}

/* ---- summary ---- */

static void print_counts(const struct bt_dataset *set, const uint64_t *counts)
{
    for (uint32_t i = 0; i < set->class_count; i++) {
        (void)printf("  %-20s %8" PRIu64 "\n", set->class_names != NULL ? set->class_names[i] : "?", counts[i]);
    }
}

static enum bt_status summary(const struct bt_dataset *set, uint32_t count, struct picture *picture,
                              struct bt_error *err)
{
    uint64_t boxes = 0;
    uint64_t *counts = calloc(set->class_count + 1, sizeof(*counts));
    enum bt_status status = counts != NULL ? BT_OK : bt_fail(err, BT_ENOMEM, "%s: no memory to count", set->name);
    for (uint32_t i = 0; status == BT_OK && counts != NULL && i < count; i++) {
        status = get(set, i, picture, err);
        if (status == BT_OK && set->task == BT_TASK_CLASSIFY && set->class_count > 0) {
            counts[picture->label]++;
        }
        for (uint32_t j = 0; status == BT_OK && j < picture->box_count && set->class_count > 0; j++) {
            counts[picture->boxes[j].label]++;
        }
        boxes += picture->box_count;
    }
    if (status == BT_OK && counts != NULL) {
        (void)printf("%s (%s): %" PRIu32 " pictures of %dx%dx%d, %" PRIu32 " classes", set->name, set->source, count,
                     (int)set->h, (int)set->w, (int)set->c, set->class_count);
        if (set->task == BT_TASK_DETECT) {
            (void)printf(", %" PRIu64 " boxes", boxes);
        }
        (void)printf("\n");
        print_counts(set, counts);
    }
    free(counts);
    return status;
}

/* ---- raw file ---- */

static void put_u32(FILE *file, uint32_t value)
{
    value = htole32(value);
    (void)fwrite(&value, sizeof(value), 1, file);
}

static void put_f32(FILE *file, float value)
{
    uint32_t word = 0;
    memcpy(&word, &value, sizeof(word));
    put_u32(file, word);
}

static void put_header(FILE *file, const struct bt_dataset *set, uint32_t count)
{
    uint32_t bytes = 0;
    for (uint32_t i = 0; set->class_names != NULL && i < set->class_count; i++) {
        bytes += (uint32_t)strlen(set->class_names[i]) + 1;
    }
    (void)fwrite("BTDATA1\n", 8, 1, file);
    put_u32(file, set->task == BT_TASK_DETECT ? 1 : 0);
    put_u32(file, count);
    put_u32(file, (uint32_t)set->h);
    put_u32(file, (uint32_t)set->w);
    put_u32(file, (uint32_t)set->c);
    put_u32(file, set->class_count);
    put_u32(file, bytes);
    for (uint32_t i = 0; bytes > 0 && i < set->class_count; i++) {
        (void)fprintf(file, "%s\n", set->class_names[i]);
    }
}

static void put_truth(FILE *file, const struct bt_dataset *set, const struct picture *picture)
{
    if (set->task == BT_TASK_CLASSIFY) {
        put_u32(file, (uint32_t)picture->label);
        return;
    }
    put_u32(file, picture->box_count);
    for (uint32_t i = 0; i < picture->box_count; i++) {
        put_f32(file, picture->boxes[i].x0);
        put_f32(file, picture->boxes[i].y0);
        put_f32(file, picture->boxes[i].x1);
        put_f32(file, picture->boxes[i].y1);
        put_u32(file, (uint32_t)picture->boxes[i].label);
    }
}

static enum bt_status write_raw(const struct bt_dataset *set, uint32_t count, const char *path, struct picture *picture,
                                struct bt_error *err)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        return bt_fail(err, BT_EIO, "%s: cannot be written: %s", path, strerror(errno));
    }
    enum bt_status status = BT_OK;
    put_header(file, set, count);
    for (uint32_t i = 0; status == BT_OK && i < count; i++) {
        status = get(set, i, picture, err);
        if (status == BT_OK) {
            (void)fwrite(picture->pixels, 1, picture_bytes(set), file);
            put_truth(file, set, picture);
        }
    }
    const int bad = ferror(file);
    if ((fclose(file) != 0 || bad != 0) && status == BT_OK) {
        status = bt_fail(err, BT_EIO, "%s: cannot be written: %s", path, strerror(errno));
    }
    return status;
}

/* ---- contact sheet ---- */

enum { SHEET_COLUMNS = 10, SHEET_MOST = 100, GAP = 2 };

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void outline(uint8_t *rgb, const struct bt_dataset *set, const struct bt_box *box)
{
    static const uint8_t red[3] = {255, 0, 0};
    const int32_t x0 = (int32_t)box->x0;
    const int32_t y0 = (int32_t)box->y0;
    const int32_t x1 = (int32_t)box->x1 - 1;
    const int32_t y1 = (int32_t)box->y1 - 1;
    for (int32_t y = y0; y <= y1; y++) {
        for (int32_t x = x0; x <= x1; x++) {
            const bool edge = y == y0 || y == y1 || x == x0 || x == x1;
            if (edge && x >= 0 && y >= 0 && x < set->w && y < set->h) {
                memcpy(rgb + ((size_t)y * (size_t)set->w + (size_t)x) * 3, red, sizeof(red));
            }
        }
    }
}

static enum bt_status draw_sheet(const struct bt_dataset *set, uint32_t count, uint8_t *sheet, size_t width,
                                 struct picture *picture, struct bt_error *err)
{
    const size_t elems = (size_t)set->h * (size_t)set->w;
    uint8_t *rgb = malloc(elems * 3 + 1);
    enum bt_status status = rgb != NULL ? BT_OK : bt_fail(err, BT_ENOMEM, "%s: no memory for a sheet", set->name);
    for (uint32_t i = 0; status == BT_OK && rgb != NULL && i < count; i++) {
        status = get(set, i, picture, err);
        for (size_t j = 0; status == BT_OK && j < elems * 3; j++) {
            rgb[j] = picture->pixels[set->c == 3 ? j : j / 3];
        }
        for (uint32_t j = 0; status == BT_OK && j < picture->box_count; j++) {
            outline(rgb, set, &picture->boxes[j]);
        }
        const size_t left = (i % SHEET_COLUMNS) * ((size_t)set->w + GAP);
        const size_t top = i / SHEET_COLUMNS * ((size_t)set->h + GAP);
        for (size_t y = 0; status == BT_OK && y < (size_t)set->h; y++) {
            memcpy(sheet + ((top + y) * width + left) * 3, rgb + y * (size_t)set->w * 3, (size_t)set->w * 3);
        }
    }
    free(rgb);
    return status;
}

static enum bt_status write_sheet(const struct bt_dataset *set, uint32_t count, const char *path,
                                  struct picture *picture, struct bt_error *err)
{
    const uint32_t shown = least(count, SHEET_MOST);
    const size_t rows = ((size_t)shown + SHEET_COLUMNS - 1) / SHEET_COLUMNS;
    const size_t columns = least(shown, SHEET_COLUMNS);
    const size_t width = columns * ((size_t)set->w + GAP);
    const size_t height = rows * ((size_t)set->h + GAP);
    uint8_t *sheet = calloc(width * height + 1, 3);
    FILE *file = NULL;
    enum bt_status status = sheet != NULL ? draw_sheet(set, shown, sheet, width, picture, err)
                                          : bt_fail(err, BT_ENOMEM, "%s: no memory for a sheet", set->name);
    if (status == BT_OK && (file = fopen(path, "wb")) == NULL) {
        status = bt_fail(err, BT_EIO, "%s: cannot be written: %s", path, strerror(errno));
    }
    if (file != NULL) {
        (void)fprintf(file, "P6\n%zu %zu\n255\n", width, height);
        (void)fwrite(sheet, 3, width * height, file);
        const int bad = ferror(file);
        if (fclose(file) != 0 || bad != 0) {
            status = bt_fail(err, BT_EIO, "%s: cannot be written: %s", path, strerror(errno));
        }
    }
    free(sheet);
    return status;
}

static enum bt_status present(const struct bt_cli *cli, const struct bt_dataset *set, struct bt_error *err)
{
    if (cli->images > set->count && set->own != NULL) {
        return bt_fail(err, BT_EINPUT, "%s: --count %" PRIu32 ": expected at most %" PRIu32 ", all there are",
                       set->name, cli->images, set->count);
    }
    const uint32_t count = cli->images != 0 ? cli->images : set->count;
    struct picture picture = {.pixels = malloc(picture_bytes(set) + 1)};
    if (picture.pixels == NULL) {
        return bt_fail(err, BT_ENOMEM, "%s: no memory for a picture", set->name);
    }
    enum bt_status status = BT_OK;
    if (cli->out[0] != '\0') {
        status = write_raw(set, count, cli->out, &picture, err);
    }
    if (status == BT_OK && cli->sheet != NULL) {
        status = write_sheet(set, count, cli->sheet, &picture, err);
    }
    if (status == BT_OK && cli->out[0] == '\0' && cli->sheet == NULL) {
        status = summary(set, count, &picture, err);
    }
    free(picture.pixels);
    return status;
}

int bt_cli_dataset(const struct bt_cli *cli)
{
    struct bt_dataset set;
    struct bt_error err = {""};
    enum bt_status status = BT_EINPUT;
    if (cli->argument_count != 1) {
        (void)bt_fail(&err, status, "dataset: expected a data set; see bittrue dataset --help");
    } else {
        status = bt_dataset_open(cli->arguments[0], cli->split, cli->height, cli->width, &set, &err);
        if (status == BT_OK) {
            status = present(cli, &set, &err);
            bt_dataset_close(&set);
        }
    }
    if (status != BT_OK) {
        bt_cli_complain(&err);
        return BT_EXIT_ERROR;
    }
    return bt_cli_finish(BT_EXIT_PASS);
}
