#include <inttypes.h>
#include <string.h>

#include "reference/graph/import_onnx.h"

/* Windows along one direction; ceil_mode is more padding behind. */
struct span {
    int64_t extent, kernel, stride, before, after;
};

/* A window that begins behind the image and its padding in front is left out, as PyTorch has it and opset 22 says. */
static void round_up(struct span *span)
{
    const int64_t padded = span->extent + span->before + span->after;
    if (padded < span->kernel) {
        return; /* refused later */
    }
    int64_t windows = (padded - span->kernel + span->stride - 1) / span->stride + 1;
    if ((windows - 1) * span->stride >= span->extent + span->before) {
        windows--;
    }
    const int64_t after = (windows - 1) * span->stride + span->kernel - span->extent - span->before;
    span->after = after > 0 ? after : 0;
}

/* Codes and shape of what a pool puts out. */
static enum bt_status finish_pool(struct onnx_import *im, const struct onnx_value *x, uint32_t index)
{
    struct bt_reason why = {0};
    struct onnx_layer *layer = &im->layers[index];
    layer->u.pool.act_min = INT8_MIN;
    layer->u.pool.act_max = INT8_MAX;
    if (ref_pool2d_check(&layer->u.pool, INT8_MIN, INT8_MAX, &why) != BT_OK) {
        return onnx_refuse(im, "%s: got %" PRId64 ", limit %" PRId64, why.what != NULL ? why.what : "pooling", why.got,
                           why.limit);
    }
    const enum bt_status status =
        onnx_set_shape(im, index, ref_pool2d_oh(&layer->u.pool), ref_pool2d_ow(&layer->u.pool), layer->c);
    onnx_put_image(im, 0, x, index);
    return status;
}

/* Are the values known to be 0 at least, so that zeros around them are no candidate for a maximum? */
static bool never_negative(const struct onnx_import *im, const struct onnx_value *x)
{
    const struct onnx_layer *layer = &im->layers[x->layer];
    return layer->act == BT_ACT_RELU || layer->act == BT_ACT_RELU6 || layer->act == BT_ACT_SIGMOID ||
           (im->int8 && layer->has_format && layer->format.zp == INT8_MIN);
}

static enum bt_status add_pool(struct onnx_import *im, struct onnx_value *x, bool average)
{
    uint32_t index = 0;
    struct onnx_window window = {{0}, {0}, {0}, {0}};
    enum bt_status status = onnx_need_image(im, x);
    if (status == BT_OK) {
        status = onnx_read_window(im, &im->layers[x->layer], &window);
    }
    if (status != BT_OK) {
        return status;
    }
    if (window.dilation[0] != 1 || window.dilation[1] != 1) {
        return onnx_refuse(im, "dilations %" PRId64 ", %" PRId64 ": expected 1, 1", window.dilation[0],
                           window.dilation[1]);
    }
    const bool own = window.pad[0] + window.pad[1] + window.pad[2] + window.pad[3] > 0;
    const bool zeros = x->pad[0] + x->pad[1] + x->pad[2] + x->pad[3] > 0;
    if (zeros && (own || (!average && !never_negative(im, x)))) {
        return onnx_refuse(im,
                           "input '%.47s' is padded with zeros: expected no other padding here, and to take a maximum "
                           "of values that are never negative",
                           x->name);
    }
    bool counted = average && (zeros || (own && onnx_attribute_int(im, "count_include_pad", 0) != 0));
    for (size_t i = 0; zeros && i < 4; i++) {
        window.pad[i] = x->pad[i];
    }
    status = onnx_add_layer(im, average ? BT_OP_AVGPOOL : BT_OP_MAXPOOL, onnx_node_name(im->node), "", x->layer,
                            !average, &index);
    if (status != BT_OK) {
        return status;
    }
    struct onnx_layer *layer = &im->layers[index];
    struct span spans[2] = {
        {layer->h, window.kernel[0], window.stride[0], window.pad[0], window.pad[2]},
        {layer->w, window.kernel[1], window.stride[1], window.pad[1], window.pad[3]},
    };
    for (size_t i = 0; i < 2 && onnx_attribute_int(im, "ceil_mode", 0) != 0; i++) {
        round_up(&spans[i]);
        if (counted && spans[i].after > window.pad[i + 2]) {
            return onnx_refuse(im,
                               "ceil_mode adds a window that is cut off, whose padding counts: expected extents that "
                               "are met, or count_include_pad 0");
        }
    }
    layer->u.pool = (struct ref_pool2d){
        .n = 1,
        .h = layer->h,
        .w = layer->w,
        .c = layer->c,
        .kh = (int32_t)spans[0].kernel,
        .kw = (int32_t)spans[1].kernel,
        .stride_h = (int32_t)spans[0].stride,
        .stride_w = (int32_t)spans[1].stride,
        .pad_top = (int32_t)spans[0].before,
        .pad_bottom = (int32_t)spans[0].after,
        .pad_left = (int32_t)spans[1].before,
        .pad_right = (int32_t)spans[1].after,
    };
    if (counted) {
        status = onnx_average_by_conv(im, index);
        onnx_put_image(im, 0, x, index);
        return status;
    }
    return finish_pool(im, x, index);
}

static enum bt_status add_global(struct onnx_import *im, struct onnx_value *x, bool average)
{
    uint32_t index = 0;
    const enum bt_status status = onnx_add_layer(im, average ? BT_OP_AVGPOOL : BT_OP_MAXPOOL, onnx_node_name(im->node),
                                                 "", x->layer, !average, &index);
    if (status != BT_OK) {
        return status;
    }
    struct onnx_layer *layer = &im->layers[index];
    layer->u.pool = (struct ref_pool2d){
        .n = 1,
        .h = layer->h,
        .w = layer->w,
        .c = layer->c,
        .kh = layer->h,
        .kw = layer->w,
        .stride_h = 1,
        .stride_w = 1,
    };
    return finish_pool(im, x, index);
}

enum bt_status onnx_max_pool(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    const enum bt_status status = onnx_moved_input(im, 0, true, &x);
    return status == BT_OK ? add_pool(im, x, false) : status;
}

enum bt_status onnx_average_pool(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    const enum bt_status status = onnx_real_input(im, 0, true, &x);
    return status == BT_OK ? add_pool(im, x, true) : status;
}

enum bt_status onnx_global_max_pool(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    enum bt_status status = onnx_moved_input(im, 0, false, &x);
    if (status == BT_OK) {
        status = onnx_need_image(im, x);
    }
    return status == BT_OK ? add_global(im, x, false) : status;
}

enum bt_status onnx_global_average_pool(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    enum bt_status status = onnx_real_input(im, 0, false, &x);
    if (status == BT_OK) {
        status = onnx_need_image(im, x);
    }
    return status == BT_OK ? add_global(im, x, true) : status;
}

/* Over all of height and width, and nothing else. */
enum bt_status onnx_reduce_mean(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    const struct onnx_const *given = NULL;
    const Onnx__AttributeProto *attribute = onnx_attribute(im, "axes");
    enum bt_status status = onnx_real_input(im, 0, false, &x);
    if (status == BT_OK) {
        status = onnx_optional_input(im, 1, "axes", &given);
    }
    if (status != BT_OK) {
        return status;
    }
    bool reduced[ONNX_RANK_MOST] = {false};
    const int32_t channels = onnx_channel_axis(im, x);
    const int64_t count = given != NULL ? given->elems : attribute != NULL ? (int64_t)attribute->n_ints : 0;
    bool good = channels >= 1 && count > 0 && count <= ONNX_RANK_MOST;
    for (int64_t i = 0; good && i < count; i++) {
        const int32_t axis = onnx_axis(given != NULL ? onnx_int(given, i) : attribute->ints[i], x->rank);
        good = axis >= 1 && axis != channels;
        if (good) {
            reduced[axis] = true;
        }
    }
    for (int32_t i = 0; i < x->rank; i++) {
        good = good && (reduced[i] || i == channels || x->dims[i] == 1);
    }
    if (!good) {
        return onnx_refuse(im, "axes: expected those of height and width, both");
    }
    const struct onnx_value from = *x;
    status = add_global(im, x, true);
    struct onnx_value *out = onnx_output(im, 0);
    if (out == NULL) {
        return status;
    }
    const bool keep = onnx_attribute_int(im, "keepdims", 1) != 0;
    out->rank = 0;
    for (int32_t i = 0; i < from.rank; i++) {
        if (!reduced[i] || keep) {
            out->dims[out->rank++] = reduced[i] ? 1 : from.dims[i];
        }
    }
    return status;
}

enum bt_status onnx_qlinear_average_pool(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    enum bt_status status = onnx_codes_input(im, 0, &x);
    if (status == BT_OK && onnx_attribute_int(im, "channels_last", 0) != 0) {
        return onnx_refuse(im, "channels_last: expected 0");
    }
    if (status == BT_OK) {
        status = add_pool(im, x, true);
    }
    return status == BT_OK ? onnx_put_codes(im, 3, 4) : status;
}

enum bt_status onnx_qlinear_global_average_pool(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    enum bt_status status = onnx_codes_input(im, 0, &x);
    if (status == BT_OK && onnx_attribute_int(im, "channels_last", 0) != 0) {
        return onnx_refuse(im, "channels_last: expected 0");
    }
    if (status == BT_OK) {
        status = onnx_need_image(im, x);
    }
    if (status == BT_OK) {
        status = add_global(im, x, true);
    }
    return status == BT_OK ? onnx_put_codes(im, 3, 4) : status;
}
