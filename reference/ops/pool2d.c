#include "reference/ops/pool2d.h"

#include <stddef.h>

int32_t ref_pool2d_oh(const struct ref_pool2d *pool)
{
    return (pool->h + pool->pad_top + pool->pad_bottom - pool->kh) / pool->stride_h + 1;
}

int32_t ref_pool2d_ow(const struct ref_pool2d *pool)
{
    return (pool->w + pool->pad_left + pool->pad_right - pool->kw) / pool->stride_w + 1;
}

struct ref_window ref_pool2d_window(const struct ref_pool2d *pool, int32_t oy, int32_t ox)
{
    const int32_t top = oy * pool->stride_h - pool->pad_top;
    const int32_t left = ox * pool->stride_w - pool->pad_left;
    return (struct ref_window){
        .y0 = top > 0 ? top : 0,
        .y1 = top + pool->kh < pool->h ? top + pool->kh : pool->h,
        .x0 = left > 0 ? left : 0,
        .x1 = left + pool->kw < pool->w ? left + pool->kw : pool->w,
    };
}

static enum bt_status refuse(struct bt_reason *why, const char *what, int64_t got, int64_t limit)
{
    if (why != NULL) {
        *why = (struct bt_reason){.what = what, .got = got, .limit = limit};
    }
    return BT_EINVAL;
}

enum bt_status ref_pool2d_check(const struct ref_pool2d *pool, int32_t min, int32_t max, struct bt_reason *why)
{
    const int32_t at_least_one[] = {pool->n,  pool->h,  pool->w,        pool->c,
                                    pool->kh, pool->kw, pool->stride_h, pool->stride_w};
    const int32_t at_least_zero[] = {pool->pad_top, pool->pad_bottom, pool->pad_left, pool->pad_right};

    for (size_t i = 0; i < sizeof(at_least_one) / sizeof(at_least_one[0]); i++) {
        if (at_least_one[i] < 1 || at_least_one[i] > BT_MAX_DIM) {
            return refuse(why, "pooling extent out of range", at_least_one[i], BT_MAX_DIM);
        }
    }
    for (size_t i = 0; i < sizeof(at_least_zero) / sizeof(at_least_zero[0]); i++) {
        if (at_least_zero[i] < 0 || at_least_zero[i] > BT_MAX_DIM) {
            return refuse(why, "pooling padding out of range", at_least_zero[i], BT_MAX_DIM);
        }
    }
    if (pool->kh > pool->h + pool->pad_top + pool->pad_bottom) {
        return refuse(why, "pooling window higher than the padded input", pool->kh,
                      pool->h + pool->pad_top + pool->pad_bottom);
    }
    if (pool->kw > pool->w + pool->pad_left + pool->pad_right) {
        return refuse(why, "pooling window wider than the padded input", pool->kw,
                      pool->w + pool->pad_left + pool->pad_right);
    }
    /* Windows move by a constant step, so only the first and the last can miss the ifmap. */
    const struct ref_window first = ref_pool2d_window(pool, 0, 0);
    const struct ref_window last = ref_pool2d_window(pool, ref_pool2d_oh(pool) - 1, ref_pool2d_ow(pool) - 1);
    if (first.y1 <= first.y0 || first.x1 <= first.x0 || last.y1 <= last.y0 || last.x1 <= last.x0) {
        return refuse(why, "pooling window inside the padding: elements", 0, 1);
    }
    if (pool->act_min < min || pool->act_max > max || pool->act_min > pool->act_max) {
        return refuse(why, "pooling clamp out of range or empty", pool->act_min, pool->act_max);
    }
    return BT_OK;
}
