#include "reference/ops/conv2d_s16.h"

#include <stddef.h>

#include "reference/common/bt_conv2d.h"
#include "reference/ops/requantise.h"

/* Products of one 16-bit value with the halves of another that 32 bits hold for certain: 2^15 * 255 * 256 < 2^31. */
#define BLOCK 256

static enum bt_status refuse(struct bt_reason *why, enum bt_status status, const char *what, int64_t got, int64_t limit)
{
    if (why != NULL) {
        *why = (struct bt_reason){what, got, limit};
    }
    return status;
}

static enum bt_status check_channels(const struct bt_conv2d *conv, const struct ref_conv2d_s16_data *data,
                                     struct bt_reason *why)
{
    const int64_t bias_limit = INT64_C(1) << 46;
    for (int32_t oc = 0; oc < conv->c_out; oc++) {
        if (data->mult[oc] < 0) {
            return refuse(why, BT_EINVAL, "multiplier below 0", data->mult[oc], 0);
        }
        if (data->shift[oc] < -31 || data->shift[oc] > 7) {
            return refuse(why, BT_EINVAL, "int16 shift outside -31 to 7", data->shift[oc],
                          data->shift[oc] < 0 ? -31 : 7);
        }
        if (data->bias != NULL && (data->bias[oc] <= -bias_limit || data->bias[oc] >= bias_limit)) {
            return refuse(why, BT_EINVAL, "bias beyond 46 bits", data->bias[oc], bias_limit);
        }
    }
    return BT_OK;
}

/* Every filter's sum|w| * 2^15 + |bias| within the 48 bits that ref_requantise_s64() takes. */
static enum bt_status check_sums(const struct bt_conv2d *conv, const struct ref_conv2d_s16_data *data,
                                 struct bt_reason *why)
{
    const int64_t filter_elems = bt_conv2d_weight_elems(conv) / conv->c_out;
    const int64_t limit = (INT64_C(1) << 47) - 1;
    for (int32_t oc = 0; oc < conv->c_out; oc++) {
        const int16_t *filter = data->weights + oc * filter_elems;
        int64_t magnitude = 0;
        for (int64_t i = 0; i < filter_elems; i++) {
            magnitude += filter[i] < 0 ? -filter[i] : filter[i];
        }
        int64_t bound = magnitude * (INT64_C(1) << 15);
        if (data->bias != NULL) {
            bound += data->bias[oc] < 0 ? -data->bias[oc] : data->bias[oc];
        }
        if (bound > limit) {
            return refuse(why, BT_EOVERFLOW, "accumulator bound of a filter above 48 bits", bound, limit);
        }
    }
    return BT_OK;
}

enum bt_status ref_conv2d_s16_check(const struct bt_conv2d *conv, const struct ref_conv2d_s16_data *data,
                                    struct bt_reason *why)
{
    if (conv == NULL || data == NULL) {
        return refuse(why, BT_EINVAL, "geometry or tensors missing", 0, 1);
    }
    enum bt_status status = bt_conv2d_check_s16(conv, why);
    if (status == BT_OK &&
        (data->ifmap == NULL || data->weights == NULL || data->mult == NULL || data->shift == NULL)) {
        status = refuse(why, BT_EINVAL, "ifmap, weights, mult or shift missing", 0, 1);
    }
    if (status == BT_OK) {
        status = check_channels(conv, data, why);
    }
    return status == BT_OK ? check_sums(conv, data, why) : status;
}

/*
 * Exact: each weight is 256 * high + low, and both halves' products are summed in 32 bits, a block at a time. So written,
 * the compiler finds the instruction that multiplies 16 by 16 bits and adds pairs.
 */
static int64_t dot(const int16_t *x, const int16_t *w, int64_t count)
{
    int64_t sum = 0;
    for (int64_t begin = 0; begin < count; begin += BLOCK) {
        const int64_t left = count - begin;
        const int32_t length = left < BLOCK ? (int32_t)left : BLOCK;
        int32_t low = 0;
        int32_t high = 0;
        for (int32_t i = 0; i < length; i++) {
            const int16_t w_low = (int16_t)(w[begin + i] & 0xff);
            const int16_t w_high = (int16_t)(w[begin + i] >> 8);
            low += x[begin + i] * w_low;
            high += x[begin + i] * w_high;
        }
        sum += low + (int64_t)high * 256;
    }
    return sum;
}

/* One output element before requantisation; taps outside the ifmap add nothing. */
static int64_t window_sum(const struct bt_conv2d *conv, const int16_t *image, const int16_t *filter, int32_t origin_y,
                          int32_t origin_x, int32_t first_channel)
{
    const int32_t depth = conv->c_in / conv->groups;
    /* Neighbouring taps are neighbours in memory where they read all channels. */
    const int32_t run = conv->groups == 1 && conv->dil_w == 1 ? conv->kw : 1;
    int64_t sum = 0;
    for (int32_t ky = 0; ky < conv->kh; ky++) {
        const int64_t y = origin_y + (int64_t)ky * conv->dil_h;
        if (y < 0 || y >= conv->h) {
            continue;
        }
        for (int32_t kx = 0; kx < conv->kw; kx += run) {
            const int64_t x = origin_x + (int64_t)kx * conv->dil_w;
            const int64_t from = x < 0 ? -x : 0; /* taps of the run that lie in the padding on the left */
            const int64_t end = conv->w - x < run ? conv->w - x : run;
            if (from < end) {
                const int16_t *pixel = image + (y * conv->w + x + from) * conv->c_in + first_channel;
                const int16_t *tap = filter + ((int64_t)ky * conv->kw + kx + from) * depth;
                sum += dot(pixel, tap, (end - from) * depth);
            }
        }
    }
    return sum;
}

enum bt_status ref_conv2d_s16(const struct bt_conv2d *conv, const struct ref_conv2d_s16_data *data,
                              enum ref_s16_kind kind, int16_t *ofmap)
{
    const enum bt_status status = ref_conv2d_s16_check(conv, data, NULL);
    if (status != BT_OK || ofmap == NULL) {
        return status != BT_OK ? status : BT_EINVAL;
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
