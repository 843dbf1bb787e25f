#include "reference/ops/conv2d_s16.h"

#include <stddef.h>

#include "reference/common/bt_conv2d.h"
#include "reference/ops/requantise.h"

static bool geometry_valid(const struct bt_conv2d *conv)
{
    struct bt_conv2d geometry = *conv; /* the clamp is the one field whose range depends on the element type */
    geometry.act_min = 0;
    geometry.act_max = 0;
    return bt_conv2d_check(&geometry, NULL) == BT_OK && conv->in_zp == 0 && conv->out_zp == 0 && !conv->table &&
           !conv->raw && conv->act_min >= INT16_MIN && conv->act_min <= conv->act_max && conv->act_max <= INT16_MAX;
}

static bool data_valid(const struct bt_conv2d *conv, const struct ref_conv2d_s16_data *data)
{
    if (data->ifmap == NULL || data->weights == NULL || data->mult == NULL || data->shift == NULL) {
        return false;
    }
    const int64_t bias_limit = INT64_C(1) << 46;
    for (int32_t oc = 0; oc < conv->c_out; oc++) {
        if (data->mult[oc] < 0 || data->shift[oc] < -31 || data->shift[oc] > 7) {
            return false;
        }
        if (data->bias != NULL && (data->bias[oc] <= -bias_limit || data->bias[oc] >= bias_limit)) {
            return false;
        }
    }
    return true;
}

/* Every filter's sum|w| * 2^15 + |bias| within the 48 bits that ref_requantise_s64() takes. */
static bool sums_fit_48_bits(const struct bt_conv2d *conv, const struct ref_conv2d_s16_data *data)
{
    const int64_t filter_elems = bt_conv2d_weight_elems(conv) / conv->c_out;
    for (int32_t oc = 0; oc < conv->c_out; oc++) {
        const int8_t *filter = data->weights + oc * filter_elems;
        int64_t bound = 0;
        for (int64_t i = 0; i < filter_elems; i++) {
            bound += (filter[i] < 0 ? -filter[i] : filter[i]) * (INT64_C(1) << 15);
        }
        if (data->bias != NULL) {
            bound += data->bias[oc] < 0 ? -data->bias[oc] : data->bias[oc];
        }
        if (bound >= INT64_C(1) << 47) {
            return false;
        }
    }
    return true;
}

/* One output element before requantisation; taps outside the ifmap add nothing. */
static int64_t window_sum(const struct bt_conv2d *conv, const int16_t *image, const int8_t *filter, int32_t origin_y,
                          int32_t origin_x, int32_t first_channel)
{
    const int32_t depth = conv->c_in / conv->groups;
    int64_t sum = 0;
    for (int32_t ky = 0; ky < conv->kh; ky++) {
        const int64_t y = origin_y + ky * conv->dil_h;
        for (int32_t kx = 0; kx < conv->kw; kx++) {
            const int64_t x = origin_x + kx * conv->dil_w;
            if (y < 0 || y >= conv->h || x < 0 || x >= conv->w) {
                continue;
            }
            const int16_t *pixel = image + (y * conv->w + x) * conv->c_in + first_channel;
            const int8_t *tap = filter + ((int64_t)ky * conv->kw + kx) * depth;
            for (int32_t ic = 0; ic < depth; ic++) {
                sum += pixel[ic] * tap[ic];
            }
        }
    }
    return sum;
}

enum bt_status ref_conv2d_s16(const struct bt_conv2d *conv, const struct ref_conv2d_s16_data *data,
                              enum ref_s16_kind kind, int16_t *ofmap)
{
    if (conv == NULL || data == NULL || ofmap == NULL || !geometry_valid(conv) || !data_valid(conv, data)) {
        return BT_EINVAL;
    }
    if (!sums_fit_48_bits(conv, data)) {
        return BT_EOVERFLOW;
    }
    const int32_t oh = bt_conv2d_oh(conv);
    const int32_t ow = bt_conv2d_ow(conv);
    const int32_t depth = conv->c_in / conv->groups;
    const int32_t filters_per_group = conv->c_out / conv->groups;
    const int64_t filter_elems = (int64_t)conv->kh * conv->kw * depth;

    for (int64_t n = 0; n < conv->n; n++) {
        const int16_t *image = data->ifmap + n * conv->h * conv->w * conv->c_in;
        for (int32_t oy = 0; oy < oh; oy++) {
            for (int32_t ox = 0; ox < ow; ox++) {
                for (int32_t oc = 0; oc < conv->c_out; oc++) {
                    const int64_t bias = data->bias != NULL ? data->bias[oc] : 0;
                    const int64_t sum =
                        bias + window_sum(conv, image, data->weights + oc * filter_elems,
                                          oy * conv->stride_h - conv->pad_top, ox * conv->stride_w - conv->pad_left,
                                          oc / filters_per_group * depth);
                    if (kind == REF_S16_BIAS_S32 && (sum > INT32_MAX || sum < INT32_MIN)) {
                        return BT_EOVERFLOW;
                    }
                    const int32_t scaled =
                        kind == REF_S16_BIAS_S32
                            ? ref_requantise((int32_t)sum, data->mult[oc], data->shift[oc], BT_ROUND_DOUBLE)
                            : ref_requantise_s64(sum, data->mult[oc], data->shift[oc]);
                    *ofmap++ = (int16_t)ref_offset_clamp(scaled, 0, conv->act_min, conv->act_max);
                }
            }
        }
    }
    return BT_OK;
}
