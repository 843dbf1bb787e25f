#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "harness/dataset/dataset_kinds.h"

struct decoder {
    png_structp png;
    png_infop info;
    const unsigned char *at, *end;
    char text[160];
    struct bt_picture picture;
    png_bytep *rows;
    enum bt_status status;
};

static void stop(png_structp png, png_const_charp text)
{
    struct decoder *decoder = png_get_error_ptr(png);
    (void)snprintf(decoder->text, sizeof(decoder->text), "%s", text);
    png_longjmp(png, 1);
}

/* Of chunks beside the pixels. */
static void ignore(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void take(png_structp png, png_bytep to, size_t bytes)
{
    struct decoder *decoder = png_get_io_ptr(png);
    if (bytes > (size_t)(decoder->end - decoder->at)) {
        png_error(png, "cut short");
    }
    memcpy(to, decoder->at, bytes);
    decoder->at += bytes;
}

static void decode(struct decoder *decoder, const char *path, int32_t most, struct bt_error *err)
{
    png_structp png = decoder->png;
    png_set_read_fn(png, decoder, take);
    png_read_info(png, decoder->info);
    const bool colour = (png_get_color_type(png, decoder->info) & PNG_COLOR_MASK_COLOR) != 0;
    png_set_expand(png);
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    (void)png_set_interlace_handling(png);
    png_read_update_info(png, decoder->info);
    const uint32_t h = png_get_image_height(png, decoder->info);
    decoder->status =
        bt_picture_new(path, h, png_get_image_width(png, decoder->info), colour ? 3 : 1, most, &decoder->picture, err);
    if (decoder->status != BT_OK) {
        return;
    }
    const size_t row = (size_t)decoder->picture.w * (size_t)decoder->picture.c;
    if (png_get_rowbytes(png, decoder->info) != row) {
        png_error(png, "rows of an unknown kind");
    }
    decoder->rows = calloc(h, sizeof(*decoder->rows));
    if (decoder->rows == NULL) {
        decoder->status = bt_fail(err, BT_ENOMEM, "%s: no memory for it", path);
        return;
    }
    for (uint32_t y = 0; y < h; y++) {
        decoder->rows[y] = decoder->picture.pixels + y * row;
    }
    png_read_image(png, decoder->rows);
    png_read_end(png, NULL);
}

enum bt_status bt_picture_png(const char *path, const unsigned char *data, size_t bytes, int32_t most,
                              struct bt_picture *picture, struct bt_error *err)
{
    struct decoder *decoder = calloc(1, sizeof(*decoder));
    if (decoder == NULL) {
        return bt_fail(err, BT_ENOMEM, "%s: no memory for it", path);
    }
    decoder->at = data;
    decoder->end = data + bytes;
    decoder->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, decoder, stop, ignore);
    decoder->info = decoder->png != NULL ? png_create_info_struct(decoder->png) : NULL;
    if (decoder->info == NULL) {
        decoder->status = bt_fail(err, BT_ENOMEM, "%s: no memory for it", path);
    } else if (setjmp(png_jmpbuf(decoder->png)) == 0) {
        decode(decoder, path, most, err);
    } else {
        decoder->status = bt_fail(err, BT_EINPUT, "%s: damaged PNG: %s", path, decoder->text);
    }
    png_destroy_read_struct(&decoder->png, &decoder->info, NULL);
    const enum bt_status status = decoder->status;
    if (status == BT_OK) {
        *picture = decoder->picture;
    } else {
        free(decoder->picture.pixels);
    }
    free(decoder->rows);
    free(decoder);
    return status;
}
