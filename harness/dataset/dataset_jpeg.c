#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "harness/dataset/dataset_kinds.h"

struct decoder {
    struct jpeg_error_mgr manager; /* first: libjpeg hands back its address */
    jmp_buf out;
    char text[JMSG_LENGTH_MAX]; /* what went wrong, or the first warning */
    struct jpeg_decompress_struct jpeg;
    struct bt_picture picture;
    enum bt_status status;
};

static void stop(j_common_ptr jpeg)
{
    struct decoder *decoder = (struct decoder *)jpeg->err;
    jpeg->err->format_message(jpeg, decoder->text);
    longjmp(decoder->out, 1);
}

/* Below 0: something is damaged that libjpeg would make up for. */
static void hear(j_common_ptr jpeg, int level)
{
    struct decoder *decoder = (struct decoder *)jpeg->err;
    if (level < 0 && jpeg->err->num_warnings++ == 0) {
        jpeg->err->format_message(jpeg, decoder->text);
    }
}

static void decode(struct decoder *decoder, const char *path, const unsigned char *data, size_t bytes, int32_t most,
                   struct bt_error *err)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg_mem_src(jpeg, data, bytes);
    (void)jpeg_read_header(jpeg, TRUE);
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->out_color_space = jpeg->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
    decoder->status = bt_picture_new(path, jpeg->image_height, jpeg->image_width,
                                     jpeg->out_color_space == JCS_RGB ? 3 : 1, most, &decoder->picture, err);
    if (decoder->status != BT_OK) {
        return;
    }
    (void)jpeg_start_decompress(jpeg);
    const size_t row = (size_t)decoder->picture.w * (size_t)decoder->picture.c;
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW line = decoder->picture.pixels + jpeg->output_scanline * row;
        (void)jpeg_read_scanlines(jpeg, &line, 1);
    }
    (void)jpeg_finish_decompress(jpeg);
}

enum bt_status bt_picture_jpeg(const char *path, const unsigned char *data, size_t bytes, int32_t most,
                               struct bt_picture *picture, struct bt_error *err)
{
    struct decoder *decoder = calloc(1, sizeof(*decoder));
    if (decoder == NULL) {
        return bt_fail(err, BT_ENOMEM, "%s: no memory for it", path);
    }
    decoder->jpeg.err = jpeg_std_error(&decoder->manager);
    decoder->manager.error_exit = stop;
    decoder->manager.emit_message = hear;
    if (setjmp(decoder->out) == 0) {
        decode(decoder, path, data, bytes, most, err);
    } else {
        decoder->status = BT_EINPUT;
    }
    jpeg_destroy_decompress(&decoder->jpeg);
    if (decoder->text[0] != '\0') {
        decoder->status = bt_fail(err, BT_EINPUT, "%s: damaged JPEG: %s", path, decoder->text);
    }
    const enum bt_status status = decoder->status;
    if (status == BT_OK) {
        *picture = decoder->picture;
    } else {
        free(decoder->picture.pixels);
    }
    free(decoder);
    return status;
}
