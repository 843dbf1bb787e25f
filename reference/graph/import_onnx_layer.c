#include <inttypes.h>
#include <string.h>

#include "reference/graph/import_onnx.h"

enum bt_status onnx_add_layer(struct onnx_import *im, enum bt_op op, const char *base, const char *suffix,
                              uint32_t input, bool keep, uint32_t *layer)
{
    if (im->layer_count == im->layer_room) {
        return onnx_refuse(im, "more than %" PRIu32 " nodes of the graph to be made: expected at most that",
                           im->layer_room);
    }
    struct onnx_layer *made = &im->layers[im->layer_count];
    onnx_unique_name(im, base, suffix, made->name);
    made->op = op;
    if (im->layer_count > 0) {
        const struct onnx_layer *from = &im->layers[input];
        made->input_count = 1;
        made->inputs[0] = input;
        made->h = from->h;
        made->w = from->w;
        made->c = from->c;
        made->has_format = keep && from->has_format;
        made->format = from->format;
    }
    *layer = im->layer_count++;
    return BT_OK;
}

enum bt_status onnx_set_shape(struct onnx_import *im, uint32_t layer, int64_t h, int64_t w, int64_t c)
{
    if (h < 1 || w < 1 || c < 1 || h > BT_MAX_DIM || w > BT_MAX_DIM || c > BT_MAX_DIM || h * w > ONNX_ELEMS_MOST ||
        h * w * c > ONNX_ELEMS_MOST) {
        return onnx_refuse(
            im, "%" PRId64 " channels of %" PRId64 "x%" PRId64 ": expected extents from 1 to %d, at most %d elements",
            c, h, w, BT_MAX_DIM, ONNX_ELEMS_MOST);
    }
    im->layers[layer].h = (int32_t)h;
    im->layers[layer].w = (int32_t)w;
    im->layers[layer].c = (int32_t)c;
    return BT_OK;
}

bool onnx_may_change(const struct onnx_value *value)
{
    return value->sole && value->readers == 1;
}

/* Everything but the fields that a table of names needs. */
static void copy_view(struct onnx_value *to, const struct onnx_value *from)
{
    to->kind = ONNX_LAYER;
    to->layer = from->layer;
    to->rank = from->rank;
    memcpy(to->dims, from->dims, sizeof(to->dims));
    to->order = from->order;
    to->codes = from->codes;
    to->is_unsigned = from->is_unsigned;
    to->dequantised = from->dequantised;
    to->gate = from->gate;
    memcpy(to->pad, from->pad, sizeof(to->pad));
}

void onnx_put_view(struct onnx_import *im, size_t output, const struct onnx_value *of)
{
    struct onnx_value *to = onnx_output(im, output);
    if (to != NULL) {
        copy_view(to, of);
        to->sole = onnx_may_change(of);
    }
}

void onnx_put_like(struct onnx_import *im, size_t output, const struct onnx_value *like, uint32_t layer)
{
    struct onnx_value *to = onnx_output(im, output);
    if (to != NULL) {
        copy_view(to, like);
        to->sole = true;
        to->layer = layer;
        to->gate = BT_ACT_NONE;
        memset(to->pad, 0, sizeof(to->pad));
        /* What computes puts out reals without a format, until it gets one. */
        to->codes = like->codes;
        to->dequantised = !like->codes && im->layers[layer].has_format;
    }
}

void onnx_put_image(struct onnx_import *im, size_t output, const struct onnx_value *like, uint32_t layer)
{
    struct onnx_value *to = onnx_output(im, output);
    onnx_put_like(im, output, like, layer);
    if (to != NULL) {
        const struct onnx_layer *from = &im->layers[layer];
        const int64_t dims[ONNX_RANK_MOST] = {1, from->c, from->h, from->w};
        to->rank = 4;
        memcpy(to->dims, dims, sizeof(dims));
        to->order = ONNX_CHW;
    }
}

enum bt_status onnx_data_input(struct onnx_import *im, size_t index, bool padded, struct onnx_value **value)
{
    struct onnx_value *found = onnx_input(im, index);
    *value = found;
    if (found == NULL || found->kind != ONNX_LAYER) {
        return onnx_refuse(im, "input %zu is a constant or missing: expected one that depends on the model's input",
                           index);
    }
    if (found->gate != BT_ACT_NONE) {
        return onnx_refuse(im, "input '%.47s' is a gate: expected its product with what it is computed from",
                           found->name);
    }
    if (!padded && found->pad[0] + found->pad[1] + found->pad[2] + found->pad[3] > 0) {
        return onnx_refuse(im, "input '%.47s' is padded: expected a convolution or pooling behind Pad", found->name);
    }
    return BT_OK;
}

enum bt_status onnx_real_input(struct onnx_import *im, size_t index, bool padded, struct onnx_value **value)
{
    const enum bt_status status = onnx_data_input(im, index, padded, value);
    if (status != BT_OK || !im->int8) {
        return status;
    }
    const struct onnx_value *found = *value;
    if (found->codes) {
        return onnx_refuse(im, "input '%.47s' is int8: expected DequantizeLinear in front of this node", found->name);
    }
    if (!found->dequantised) {
        return onnx_refuse(im, "input '%.47s' has no scale: expected QuantizeLinear and DequantizeLinear behind '%s'",
                           found->name, im->layers[found->layer].name);
    }
    return BT_OK;
}

enum bt_status onnx_moved_input(struct onnx_import *im, size_t index, bool padded, struct onnx_value **value)
{
    enum bt_status status = onnx_data_input(im, index, padded, value);
    if (status != BT_OK || !im->int8 || !(*value)->codes) {
        return status == BT_OK ? onnx_real_input(im, index, padded, value) : status;
    }
    struct onnx_layer *layer = &im->layers[(*value)->layer];
    if (!layer->has_format) { /* an integer input whose scale nobody states */
        layer->has_format = true;
        layer->format = (struct onnx_format){.scale = 1, .zp = (*value)->is_unsigned ? INT8_MIN : 0};
    }
    return BT_OK;
}

enum bt_status onnx_need_image(struct onnx_import *im, const struct onnx_value *value)
{
    const struct onnx_layer *layer = &im->layers[value->layer];
    const bool square = layer->c == 1 || (layer->h == 1 && layer->w == 1); /* any order is the same */
    if (value->rank == 3) {
        return onnx_refuse(im, "input '%.47s' has one spatial dimension: expected [n][c][h][w]", value->name);
    }
    if (value->rank != 4 || value->dims[0] != 1 || value->dims[1] != layer->c || value->dims[2] != layer->h ||
        value->dims[3] != layer->w || value->order == ONNX_LOST || (value->order != ONNX_CHW && !square)) {
        return onnx_refuse(im, "input '%.47s' of %" PRId32 " dimensions, reshaped or transposed: expected [n][c][h][w]",
                           value->name, value->rank);
    }
    return BT_OK;
}

int32_t onnx_channel_axis(const struct onnx_import *im, const struct onnx_value *value)
{
    const struct onnx_layer *layer = &im->layers[value->layer];
    if (value->order == ONNX_LOST) {
        return -1;
    }
    if (layer->h == 1 && layer->w == 1) {
        for (int32_t i = 0; i < value->rank; i++) {
            if (value->dims[i] != 1) {
                return value->dims[i] == layer->c ? i : -1;
            }
        }
        return value->rank > 1 ? 1 : value->rank - 1;
    }
    if (value->rank < 2 || value->dims[0] != 1) {
        return -1;
    }
    const int32_t axis = value->order == ONNX_CHW ? 1 : value->rank - 1;
    return value->dims[axis] == layer->c ? axis : -1;
}

int32_t onnx_axis(int64_t axis, int32_t rank)
{
    const int64_t from_front = axis < 0 ? axis + rank : axis;
    return from_front >= 0 && from_front < rank ? (int32_t)from_front : -1;
}
