#include "harness/layer_pool.h"

#include <stddef.h>

#include "reference/common/bt_conv2d.h"

bool bt_layer_pools(const struct bt_layer *layer)
{
    return layer->pool.kh != 0;
}

struct ref_pool2d bt_window_pool2d(const struct bt_window *window, int32_t h, int32_t w, int32_t c)
{
    return (struct ref_pool2d){
        .n = 1,
        .h = h,
        .w = w,
        .c = c,
        .kh = window->kh,
        .kw = window->kw,
        .stride_h = window->stride_h,
        .stride_w = window->stride_w,
        .pad_top = window->pad_top,
        .pad_bottom = window->pad_bottom,
        .pad_left = window->pad_left,
        .pad_right = window->pad_right,
        .act_min = INT8_MIN,
        .act_max = INT8_MAX,
    };
}

struct ref_pool2d bt_layer_pool2d(const struct bt_layer *layer)
{
    const struct bt_maxpool *pool = &layer->pool;
    return (struct ref_pool2d){
        .n = layer->u.conv.n,
        .h = bt_conv2d_oh(&layer->u.conv),
        .w = bt_conv2d_ow(&layer->u.conv),
        .c = layer->u.conv.c_out,
        .kh = pool->kh,
        .kw = pool->kw,
        .stride_h = pool->stride_h,
        .stride_w = pool->stride_w,
        .pad_top = pool->pad_top,
        .pad_bottom = pool->pad_bottom,
        .pad_left = pool->pad_left,
        .pad_right = pool->pad_right,
        .act_min = INT8_MIN,
        .act_max = INT8_MAX,
    };
}

bool bt_layer_fuse(const struct bt_layer *layer, const struct ref_pool2d *pool, struct bt_layer *fused)
{
    const struct bt_conv2d *conv = &layer->u.conv;
    struct bt_layer made = *layer;
    if (layer->op != BT_OP_CONV2D || bt_layer_pools(layer) || pool->act_min != INT8_MIN || pool->act_max != INT8_MAX ||
        pool->n != conv->n || pool->h != bt_conv2d_oh(conv) || pool->w != bt_conv2d_ow(conv) ||
        pool->c != conv->c_out) {
        return false;
    }
    made.pool = (struct bt_maxpool){
        .kh = pool->kh,
        .kw = pool->kw,
        .stride_h = pool->stride_h,
        .stride_w = pool->stride_w,
        .pad_top = pool->pad_top,
        .pad_bottom = pool->pad_bottom,
        .pad_left = pool->pad_left,
        .pad_right = pool->pad_right,
    };
    if (bt_layer_check(&made, NULL) != BT_OK) {
        return false;
    }
    *fused = made;
    return true;
}
