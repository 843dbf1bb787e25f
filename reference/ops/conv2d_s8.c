#include "reference/ops/conv2d_s8.h"

#include <stddef.h>

#include "reference/common/bt_conv2d.h"
#include "reference/ops/requantise.h"

static enum bt_status refuse(struct bt_reason *why, const char *what, int64_t got, int64_t limit)
{
    if (why != NULL) {
        *why = (struct bt_reason){.what = what, .got = got, .limit = limit};
    }
    return BT_EINVAL;
}

enum bt_status ref_conv2d_s8_check(const struct bt_conv2d *conv, const struct bt_layer_data *data,
                                   struct bt_reason *why)
{
    if (conv == NULL || data == NULL || data->ifmap == NULL || data->weights == NULL) {
        return refuse(why, "ifmap or weights missing", 0, 0);
    }
    const enum bt_status status = bt_conv2d_check(conv, why);
    if (status != BT_OK) {
        return status;
    }
    if (conv->table && data->table == NULL) {
        return refuse(why, "activation table missing", 0, 0);
    }
    if (!conv->raw) {
        if (data->mult == NULL || data->shift == NULL) {
            return refuse(why, "multipliers or shifts missing", 0, 0);
        }
        for (int32_t oc = 0; oc < conv->c_out; oc++) {
            if (data->mult[oc] < 0) {
                return refuse(why, "multiplier below 0", data->mult[oc], 0);
            }
            if (data->shift[oc] < -31) {
                return refuse(why, "shift below -31", data->shift[oc], -31);
            }
            if (data->shift[oc] > 30) {
                return refuse(why, "shift above 30", data->shift[oc], 30);
            }
        }
    }
    return bt_conv2d_check_acc(conv, data->weights, data->bias, why);
}

/* The one hot loop: 16-bit factors, so that GCC turns it into multiply-add-pairs instructions. */
static int32_t dot(const int8_t *x, const int8_t *w, int64_t count, int16_t in_zp)
{
    int32_t sum = 0;
    for (int64_t i = 0; i < count; i++) {
        const int16_t centred = (int16_t)(x[i] - in_zp);
        sum += centred * w[i];
    }
    return sum;
}

/* Taps whose input coordinate origin + tap * dilation lies inside [0, extent): [first, last). */
static int32_t first_tap(int32_t origin, int32_t dilation)
{
    return origin >= 0 ? 0 : (-origin + dilation - 1) / dilation;
}

static int32_t last_tap(int32_t origin, int32_t dilation, int32_t extent, int32_t kernel)
{
    const int32_t room = extent - origin;
    const int32_t last = room <= 0 ? 0 : (room + dilation - 1) / dilation;
    return last < kernel ? last : kernel;
}

/* One output element before requantisation. Padding is in_zp, so taps outside the ifmap add nothing. */
static int32_t window_sum(const struct bt_conv2d *conv, const int8_t *image, const int8_t *filter, int32_t origin_y,
                          int32_t origin_x, int32_t first_channel)
{
    const int32_t depth = conv->c_in / conv->groups;
    const int32_t ky_first = first_tap(origin_y, conv->dil_h);
    const int32_t ky_last = last_tap(origin_y, conv->dil_h, conv->h, conv->kh);
    const int32_t kx_first = first_tap(origin_x, conv->dil_w);
    const int32_t kx_last = last_tap(origin_x, conv->dil_w, conv->w, conv->kw);
    /* Neighbouring taps of a row lie side by side in ifmap and filter alike: one long dot product. */
    const bool row_is_contiguous = conv->dil_w == 1 && conv->groups == 1;
    const int32_t taps_per_dot = row_is_contiguous && kx_last > kx_first ? kx_last - kx_first : 1;

    int32_t sum = 0;
    for (int32_t ky = ky_first; ky < ky_last; ky++) {
        const int64_t y = origin_y + ky * conv->dil_h;
        for (int32_t kx = kx_first; kx < kx_last; kx += taps_per_dot) {
            const int64_t x = origin_x + kx * conv->dil_w;
            sum += dot(image + (y * conv->w + x) * conv->c_in + first_channel,
                       filter + ((int64_t)ky * conv->kw + kx) * depth, (int64_t)taps_per_dot * depth,
                       (int16_t)conv->in_zp);
        }
    }
    return sum;
}

enum bt_status ref_conv2d_s8(const struct bt_conv2d *conv, const struct bt_layer_data *data, void *ofmap)
{
    const enum bt_status status = ofmap == NULL ? BT_EINVAL : ref_conv2d_s8_check(conv, data, NULL);
    if (status != BT_OK) {
        return status;
    }
    const int32_t oh = bt_conv2d_oh(conv);
    const int32_t ow = bt_conv2d_ow(conv);
    const int32_t depth = conv->c_in / conv->groups;
    const int32_t filters_per_group = conv->c_out / conv->groups;
    const int64_t filter_elems = (int64_t)conv->kh * conv->kw * depth;
    const int8_t *weights = data->weights;
    const int8_t *table = conv->table ? data->table : NULL;
    int64_t out = 0;

    for (int32_t n = 0; n < conv->n; n++) {
        const int8_t *image = (const int8_t *)data->ifmap + (int64_t)n * conv->h * conv->w * conv->c_in;
        for (int32_t oy = 0; oy < oh; oy++) {
            for (int32_t ox = 0; ox < ow; ox++) {
                for (int32_t oc = 0; oc < conv->c_out; oc++, out++) {
                    const int32_t bias = data->bias != NULL ? data->bias[oc] : 0;
                    const int32_t sum =
                        bias + window_sum(conv, image, weights + oc * filter_elems, oy * conv->stride_h - conv->pad_top,
                                          ox * conv->stride_w - conv->pad_left, oc / filters_per_group * depth);
                    if (conv->raw) {
                        ((int32_t *)ofmap)[out] = sum;
                    } else {
                        ((int8_t *)ofmap)[out] = ref_conv2d_finish(conv, sum, data->mult[oc], data->shift[oc], table);
                    }
                }
            }
        }
    }
    return BT_OK;
}
