#include "harness/spot_check.h"

#include <stdlib.h>
#include <string.h>

#include "harness/compare.h"
#include "reference/common/bt_conv2d.h"
#include "reference/ops/conv2d_s8.h"

/* Plain multiply-accumulates that one row may cost: a few milliseconds. */
#define MAX_MACS 2000000

/* One output row, and a range of filters, as a layer of its own. */
struct part {
    struct bt_layer layer; /* never pooled: the convolution alone is what has a fast path */
    struct bt_layer_data data;
    int32_t n, y, first_filter;
};

/* @return false when the row's window lies in the padding altogether. */
static bool cut_row(const struct bt_conv2d *conv, const struct bt_layer_data *data, int32_t n, int32_t y,
                    struct part *part)
{
    const int32_t top = y * conv->stride_h - conv->pad_top;
    const int32_t bottom = top + (conv->kh - 1) * conv->dil_h + 1;
    const int32_t first = top > 0 ? top : 0;
    const int32_t end = bottom < conv->h ? bottom : conv->h;
    if (first >= end) {
        return false;
    }
    *part =
        (struct part){.layer = {.op = BT_OP_CONV2D, .dtype = BT_S8, .u.conv = *conv}, .data = *data, .n = n, .y = y};
    struct bt_conv2d *row = &part->layer.u.conv;
    row->n = 1;
    row->h = end - first;
    row->pad_top = first - top;
    row->pad_bottom = bottom - end;
    const int64_t row_elems = (int64_t)conv->w * conv->c_in;
    part->data.ifmap = (const int8_t *)data->ifmap + ((int64_t)n * conv->h + first) * row_elems;
    return true;
}

static void cut_filters(struct part *part, uint64_t seed)
{
    struct bt_conv2d *conv = &part->layer.u.conv;
    const int64_t macs_per_filter = bt_conv2d_macs(conv) / conv->c_out;
    const int64_t affordable = MAX_MACS / (macs_per_filter > 0 ? macs_per_filter : 1) + 1;
    if (conv->groups != 1 || affordable >= conv->c_out) {
        return; /* groups interleave the ifmap's channels: a range of filters would not be a layer */
    }
    const int32_t count = (int32_t)affordable;
    const int32_t first = (int32_t)(seed % (uint64_t)(conv->c_out - count + 1));
    const int64_t filter_elems = bt_conv2d_weight_elems(conv) / conv->c_out;
    part->first_filter = first;
    part->data.weights = (const int8_t *)part->data.weights + first * filter_elems;
    part->data.bias = part->data.bias != NULL ? part->data.bias + first : NULL;
    part->data.mult = part->data.mult != NULL ? part->data.mult + first : NULL;
    part->data.shift = part->data.shift != NULL ? part->data.shift + first : NULL;
    conv->c_out = count;
}

/* The same filters of the same row, out of the whole ofmap. */
static void gather(const struct bt_conv2d *conv, const struct part *part, const unsigned char *ofmap,
                   unsigned char *row)
{
    const size_t size = conv->raw ? sizeof(int32_t) : sizeof(int8_t);
    const size_t run = (size_t)part->layer.u.conv.c_out * size;
    const int64_t ow = bt_conv2d_ow(conv);
    const int64_t first_pixel = ((int64_t)part->n * bt_conv2d_oh(conv) + part->y) * ow;
    for (int64_t x = 0; x < ow; x++) {
        const size_t at = ((size_t)(first_pixel + x) * (size_t)conv->c_out + (size_t)part->first_filter) * size;
        memcpy(row + (size_t)x * run, ofmap + at, run);
    }
}

static enum bt_status check_part(const struct bt_conv2d *conv, const struct part *part, const void *ofmap,
                                 struct bt_mismatch *mismatch)
{
    const size_t bytes = bt_ofmap_bytes(&part->layer);
    unsigned char *expected = malloc(bytes);
    unsigned char *got = malloc(bytes);
    enum bt_status status = BT_ENOMEM;
    if (expected == NULL || got == NULL) {
        goto cleanup;
    }
    status = ref_conv2d_s8(&part->layer.u.conv, &part->data, expected);
    if (status != BT_OK) {
        goto cleanup;
    }
    gather(conv, part, ofmap, got);
    if (!bt_compare_ofmap(&part->layer, expected, got, mismatch)) {
        mismatch->n = part->n;
        mismatch->y = part->y;
        mismatch->c += part->first_filter;
    }

cleanup:
    free(got);
    free(expected);
    return status;
}

enum bt_status bt_spot_check(const struct bt_conv2d *conv, const struct bt_layer_data *data, const void *ofmap,
                             uint64_t seed, struct bt_mismatch *mismatch)
{
    const int32_t oh = bt_conv2d_oh(conv);
    const int32_t n = (int32_t)(seed / 7 % (uint64_t)conv->n);
    const int32_t rows[] = {(seed & 1) != 0 ? oh - 1 : 0, (int32_t)(seed / 3 % (uint64_t)oh)};
    *mismatch = (struct bt_mismatch){0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && mismatch->differing == 0; i++) {
        struct part part;
        if ((i > 0 && rows[i] == rows[0]) || !cut_row(conv, data, n, rows[i], &part)) {
            continue;
        }
        cut_filters(&part, seed / 11);
        const enum bt_status status = check_part(conv, &part, ofmap, mismatch);
        if (status != BT_OK) {
            return status;
        }
    }
    return BT_OK;
}
