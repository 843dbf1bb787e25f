#include "reference/common/bt_conv2d.h"

#include <stddef.h>

#define TO_TEXT(x) #x
#define TEXT(x) TO_TEXT(x)

static int32_t out_extent(int32_t in, int32_t pad_before, int32_t pad_after, int32_t kernel, int32_t dilation,
                          int32_t stride)
{
    return (in + pad_before + pad_after - ((kernel - 1) * dilation + 1)) / stride + 1;
}

struct bt_conv2d bt_conv2d_1x1(int32_t h, int32_t w, int32_t c_in, int32_t c_out)
{
    return (struct bt_conv2d){
        .n = 1,
        .h = h,
        .w = w,
        .c_in = c_in,
        .c_out = c_out,
        .kh = 1,
        .kw = 1,
        .stride_h = 1,
        .stride_w = 1,
        .dil_h = 1,
        .dil_w = 1,
        .groups = 1,
        .act_min = INT8_MIN,
        .act_max = INT8_MAX,
    };
}

int32_t bt_conv2d_oh(const struct bt_conv2d *conv)
{
    return out_extent(conv->h, conv->pad_top, conv->pad_bottom, conv->kh, conv->dil_h, conv->stride_h);
}

int32_t bt_conv2d_ow(const struct bt_conv2d *conv)
{
    return out_extent(conv->w, conv->pad_left, conv->pad_right, conv->kw, conv->dil_w, conv->stride_w);
}

int64_t bt_conv2d_ifmap_elems(const struct bt_conv2d *conv)
{
    return (int64_t)conv->n * conv->h * conv->w * conv->c_in;
}

int64_t bt_conv2d_weight_elems(const struct bt_conv2d *conv)
{
    return (int64_t)conv->c_out * conv->kh * conv->kw * (conv->c_in / conv->groups);
}

int64_t bt_conv2d_ofmap_elems(const struct bt_conv2d *conv)
{
    return (int64_t)conv->n * bt_conv2d_oh(conv) * bt_conv2d_ow(conv) * conv->c_out;
}

int64_t bt_conv2d_macs(const struct bt_conv2d *conv)
{
    return bt_conv2d_ofmap_elems(conv) * conv->kh * conv->kw * (conv->c_in / conv->groups);
}

/* Rows (columns) of an extent that some window reads: what lies between windows, or behind the last, is in none. */
static int32_t covered(int32_t extent, int32_t pad, int32_t kernel, int32_t stride, int32_t windows)
{
    int32_t count = 0;
    int32_t upto = 0; /* all before has been looked at */
    for (int32_t i = 0; i < windows; i++) {
        int32_t from = i * stride - pad;
        int32_t end = from + kernel;
        from = from > upto ? from : upto;
        end = end < extent ? end : extent;
        if (end > from) {
            count += end - from;
            upto = end;
        }
    }
    return count;
}

uint64_t bt_layer_macs(const struct bt_layer *layer)
{
    const struct bt_maxpool *pool = &layer->pool;
    if (layer->op != BT_OP_CONV2D) {
        return 0;
    }
    const uint64_t macs = (uint64_t)bt_conv2d_macs(&layer->u.conv);
    if (pool->kh == 0) {
        return macs;
    }
    const int32_t oh = bt_conv2d_oh(&layer->u.conv);
    const int32_t ow = bt_conv2d_ow(&layer->u.conv);
    const int32_t rows = covered(oh, pool->pad_top, pool->kh, pool->stride_h, bt_layer_oh(layer));
    const int32_t cols = covered(ow, pool->pad_left, pool->kw, pool->stride_w, bt_layer_ow(layer));
    return macs / ((uint64_t)oh * (uint64_t)ow) * (uint64_t)rows * (uint64_t)cols;
}

int32_t bt_layer_oh(const struct bt_layer *layer)
{
    const struct bt_maxpool *pool = &layer->pool;
    const int32_t oh = bt_conv2d_oh(&layer->u.conv);
    return pool->kh == 0 ? oh : out_extent(oh, pool->pad_top, pool->pad_bottom, pool->kh, 1, pool->stride_h);
}

int32_t bt_layer_ow(const struct bt_layer *layer)
{
    const struct bt_maxpool *pool = &layer->pool;
    const int32_t ow = bt_conv2d_ow(&layer->u.conv);
    return pool->kh == 0 ? ow : out_extent(ow, pool->pad_left, pool->pad_right, pool->kw, 1, pool->stride_w);
}

int64_t bt_layer_ofmap_elems(const struct bt_layer *layer)
{
    return (int64_t)layer->u.conv.n * bt_layer_oh(layer) * bt_layer_ow(layer) * layer->u.conv.c_out;
}

static enum bt_status refuse(struct bt_reason *why, const char *what, int64_t got, int64_t limit)
{
    if (why != NULL) {
        why->what = what;
        why->got = got;
        why->limit = limit;
    }
    return BT_EINVAL;
}

/* One field and the range it must lie in. */
struct range {
    int64_t value, min, max;
    const char *below, *above; /* what is said when it does not */
};

#define FIELD(value, min, max, name)                                                                                   \
    {                                                                                                                  \
        (value), (min), (max), name " below " TEXT(min), name " above " TEXT(max)                                      \
    }

static enum bt_status check_ranges(const struct range *ranges, size_t count, struct bt_reason *why)
{
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].value < ranges[i].min) {
            return refuse(why, ranges[i].below, ranges[i].value, ranges[i].min);
        }
        if (ranges[i].value > ranges[i].max) {
            return refuse(why, ranges[i].above, ranges[i].value, ranges[i].max);
        }
    }
    return BT_OK;
}

/* Product of non-negative factors within int64; the extents' own limits allow more. */
static bool product_fits(const int64_t *factors, size_t count)
{
    int64_t product = 1;
    for (size_t i = 0; i < count; i++) {
        if (__builtin_mul_overflow(product, factors[i], &product)) {
            return false;
        }
    }
    return true;
}

/* All that does not depend on the number format. */
static enum bt_status check_geometry(const struct bt_conv2d *conv, struct bt_reason *why)
{
    const struct range ranges[] = {
        FIELD(conv->n, 1, BT_MAX_DIM, "batch"),
        FIELD(conv->h, 1, BT_MAX_DIM, "input height"),
        FIELD(conv->w, 1, BT_MAX_DIM, "input width"),
        FIELD(conv->c_in, 1, BT_MAX_DIM, "input channels"),
        FIELD(conv->c_out, 1, BT_MAX_DIM, "output channels"),
        FIELD(conv->kh, 1, BT_MAX_KERNEL, "kernel height"),
        FIELD(conv->kw, 1, BT_MAX_KERNEL, "kernel width"),
        FIELD(conv->stride_h, 1, BT_MAX_DIM, "vertical stride"),
        FIELD(conv->stride_w, 1, BT_MAX_DIM, "horizontal stride"),
        FIELD(conv->dil_h, 1, BT_MAX_DIM, "vertical dilation"),
        FIELD(conv->dil_w, 1, BT_MAX_DIM, "horizontal dilation"),
        FIELD(conv->pad_top, 0, BT_MAX_DIM, "top padding"),
        FIELD(conv->pad_bottom, 0, BT_MAX_DIM, "bottom padding"),
        FIELD(conv->pad_left, 0, BT_MAX_DIM, "left padding"),
        FIELD(conv->pad_right, 0, BT_MAX_DIM, "right padding"),
        FIELD(conv->groups, 1, BT_MAX_DIM, "groups"),
    };
    const enum bt_status status = check_ranges(ranges, sizeof(ranges) / sizeof(ranges[0]), why);
    if (status != BT_OK) {
        return status;
    }
    if (conv->c_in % conv->groups != 0) {
        return refuse(why, "groups do not divide the input channels", conv->groups, conv->c_in);
    }
    if (conv->c_out % conv->groups != 0) {
        return refuse(why, "groups do not divide the output channels", conv->groups, conv->c_out);
    }
    if (conv->act_min > conv->act_max) {
        return refuse(why, "lower clamp above the upper clamp", conv->act_min, conv->act_max);
    }

    const int32_t padded_h = conv->h + conv->pad_top + conv->pad_bottom;
    const int32_t padded_w = conv->w + conv->pad_left + conv->pad_right;
    const int32_t reach_h = (conv->kh - 1) * conv->dil_h + 1;
    const int32_t reach_w = (conv->kw - 1) * conv->dil_w + 1;
    if (reach_h > padded_h) {
        return refuse(why, "kernel higher than the padded input", reach_h, padded_h);
    }
    if (reach_w > padded_w) {
        return refuse(why, "kernel wider than the padded input", reach_w, padded_w);
    }
    const int32_t oh = bt_conv2d_oh(conv);
    const int32_t ow = bt_conv2d_ow(conv);
    if (oh > BT_MAX_DIM) {
        return refuse(why, "output height above the largest extent", oh, BT_MAX_DIM);
    }
    if (ow > BT_MAX_DIM) {
        return refuse(why, "output width above the largest extent", ow, BT_MAX_DIM);
    }

    const int64_t depth = conv->c_in / conv->groups;
    const int64_t ifmap[] = {conv->n, conv->h, conv->w, conv->c_in, (int64_t)sizeof(int32_t)};
    const int64_t macs[] = {conv->n, oh, ow, conv->c_out, conv->kh, conv->kw, depth, (int64_t)sizeof(int32_t)};
    if (!product_fits(ifmap, sizeof(ifmap) / sizeof(ifmap[0])) || !product_fits(macs, sizeof(macs) / sizeof(macs[0]))) {
        return refuse(why, "layer too large: its bytes or MACs exceed 64 bits", INT64_MAX, INT64_MAX);
    }
    return BT_OK;
}

enum bt_status bt_conv2d_check(const struct bt_conv2d *conv, struct bt_reason *why)
{
    const struct range ranges[] = {
        FIELD(conv->in_zp, -128, 127, "input zero point"), FIELD(conv->out_zp, -128, 127, "output zero point"),
        FIELD(conv->act_min, -128, 127, "lower clamp"),    FIELD(conv->act_max, -128, 127, "upper clamp"),
        FIELD((int64_t)conv->rounding, 0, 1, "rounding"),
    };
    enum bt_status status = check_ranges(ranges, sizeof(ranges) / sizeof(ranges[0]), why);
    if (status == BT_OK && conv->raw && conv->table) {
        status = refuse(why, "activation table on raw sums", 1, 0);
    }
    return status == BT_OK ? check_geometry(conv, why) : status;
}

enum bt_status bt_conv2d_check_s16(const struct bt_conv2d *conv, struct bt_reason *why)
{
    const struct range ranges[] = {
        FIELD(conv->in_zp, 0, 0, "int16 input zero point"),
        FIELD(conv->out_zp, 0, 0, "int16 output zero point"),
        FIELD(conv->act_min, -32768, 32767, "lower clamp"),
        FIELD(conv->act_max, -32768, 32767, "upper clamp"),
        FIELD((int64_t)conv->table, 0, 0, "int16 activation tables"),
        FIELD((int64_t)conv->raw, 0, 0, "int16 raw sums"),
    };
    const enum bt_status status = check_ranges(ranges, sizeof(ranges) / sizeof(ranges[0]), why);
    return status == BT_OK ? check_geometry(conv, why) : status;
}

enum bt_status bt_conv2d_check_acc(const struct bt_conv2d *conv, const int8_t *weights, const int32_t *bias,
                                   struct bt_reason *why)
{
    const int64_t filter_elems = bt_conv2d_weight_elems(conv) / conv->c_out;
    const int64_t low = (int64_t)conv->in_zp + 128;
    const int64_t high = 127 - (int64_t)conv->in_zp;
    const int64_t largest_input = low > high ? low : high;

    for (int32_t oc = 0; oc < conv->c_out; oc++) {
        const int8_t *filter = weights + oc * filter_elems;
        int64_t magnitude = 0;
        for (int64_t i = 0; i < filter_elems; i++) {
            magnitude += filter[i] < 0 ? -filter[i] : filter[i];
        }
        int64_t bound = magnitude * largest_input;
        if (bias != NULL) {
            bound += bias[oc] < 0 ? -(int64_t)bias[oc] : bias[oc];
        }
        if (bound > INT32_MAX) {
            (void)refuse(why, "accumulator bound of a filter above 32 bits", bound, INT32_MAX);
            return BT_EOVERFLOW;
        }
    }
    return BT_OK;
}

/* The layer's number format, with what it has. */
static enum bt_status check_format(const struct bt_layer *layer, struct bt_reason *why)
{
    const struct bt_conv2d *conv = &layer->u.conv;
    if (layer->dtype == BT_S8) {
        return bt_conv2d_check(conv, why);
    }
    if (layer->dtype != BT_S16) {
        (void)refuse(why, "number format, int8 and int16 only", layer->dtype, BT_S16);
        return BT_EUNSUPPORTED;
    }
    if (conv->table || conv->raw || layer->pool.kh != 0) {
        (void)refuse(why, "an activation table, raw sums or pooling in int16", 1, 0);
        return BT_EUNSUPPORTED;
    }
    return bt_conv2d_check_s16(conv, why);
}

uint32_t bt_layer_elem_bytes(const struct bt_layer *layer)
{
    return layer->dtype == BT_S16 ? sizeof(int16_t) : sizeof(int8_t);
}

uint32_t bt_layer_ofmap_elem_bytes(const struct bt_layer *layer)
{
    return layer->u.conv.raw ? sizeof(int32_t) : bt_layer_elem_bytes(layer);
}

enum bt_status bt_layer_check(const struct bt_layer *layer, struct bt_reason *why)
{
    const enum bt_status status = check_format(layer, why);
    const struct bt_maxpool *pool = &layer->pool;
    if (status != BT_OK || pool->kh == 0) {
        return status;
    }
    if (layer->u.conv.raw) {
        return refuse(why, "max-pooling of raw sums", 1, 0);
    }
    const char *const wide_pad = "pool's padding not below its kernel";
    const struct range ranges[] = {
        FIELD(pool->kh, 1, BT_MAX_KERNEL, "pool's kernel height"),
        FIELD(pool->kw, 1, BT_MAX_KERNEL, "pool's kernel width"),
        FIELD(pool->stride_h, 1, BT_MAX_DIM, "pool's vertical stride"),
        FIELD(pool->stride_w, 1, BT_MAX_DIM, "pool's horizontal stride"),
        {pool->pad_top, 0, pool->kh - 1, "pool's top padding below 0", wide_pad},
        {pool->pad_bottom, 0, pool->kh - 1, "pool's bottom padding below 0", wide_pad},
        {pool->pad_left, 0, pool->kw - 1, "pool's left padding below 0", wide_pad},
        {pool->pad_right, 0, pool->kw - 1, "pool's right padding below 0", wide_pad},
    };
    const enum bt_status in_range = check_ranges(ranges, sizeof(ranges) / sizeof(ranges[0]), why);
    if (in_range != BT_OK) {
        return in_range;
    }
    const int32_t padded_h = bt_conv2d_oh(&layer->u.conv) + pool->pad_top + pool->pad_bottom;
    const int32_t padded_w = bt_conv2d_ow(&layer->u.conv) + pool->pad_left + pool->pad_right;
    if (pool->kh > padded_h) {
        return refuse(why, "pool's kernel higher than the padded ofmap", pool->kh, padded_h);
    }
    if (pool->kw > padded_w) {
        return refuse(why, "pool's kernel wider than the padded ofmap", pool->kw, padded_w);
    }
    if (bt_layer_oh(layer) > BT_MAX_DIM) {
        return refuse(why, "pooled height above the largest extent", bt_layer_oh(layer), BT_MAX_DIM);
    }
    if (bt_layer_ow(layer) > BT_MAX_DIM) {
        return refuse(why, "pooled width above the largest extent", bt_layer_ow(layer), BT_MAX_DIM);
    }
    return BT_OK;
}
