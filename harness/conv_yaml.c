#include "harness/conv_yaml.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reference/common/bt_conv2d.h"

const cyaml_schema_value_t bt_conv_yaml_int32 = {CYAML_VALUE_INT(CYAML_FLAG_DEFAULT, int32_t)};

const cyaml_strval_t bt_conv_yaml_acts[BT_ACT_COUNT] = {
    {"none", BT_ACT_NONE},   {"relu", BT_ACT_RELU},       {"relu6", BT_ACT_RELU6}, {"silu", BT_ACT_SILU},
    {"leaky", BT_ACT_LEAKY}, {"sigmoid", BT_ACT_SIGMOID}, {"tanh", BT_ACT_TANH},   {"hard_swish", BT_ACT_HARD_SWISH},
};

/* One to five digits; advances *text past them. */
static bool take_number(const char **text, int32_t *value)
{
    const size_t digits = strspn(*text, "0123456789");
    if (digits < 1 || digits > 5) {
        return false;
    }
    *value = (int32_t)strtol(*text, NULL, 10);
    *text += digits;
    return true;
}

/* "3" is 3x3, "1x7" is one high and seven wide. */
static enum bt_status read_extent(const struct bt_yaml *yaml, bt_yaml_node at, const char *key, const char *text,
                                  int32_t *vertical, int32_t *horizontal, struct bt_error *err)
{
    *vertical = 1;
    *horizontal = 1;
    if (text == NULL) {
        return BT_OK;
    }
    const char *rest = text;
    bool good = take_number(&rest, vertical);
    *horizontal = *vertical;
    if (good && *rest == 'x') {
        rest++;
        good = take_number(&rest, horizontal);
    }
    if (!good || *rest != '\0' || *vertical < 1 || *horizontal < 1) {
        return bt_yaml_fail(yaml, bt_yaml_near(yaml, at, key), err,
                            "%s: '%.60s': expected a number, or <vertical>x<horizontal>, from 1", key, text);
    }
    return BT_OK;
}

/* What the keys of a window are called. */
struct window_keys {
    const char *kernel, *stride, *pad, *pads;
};

static const struct window_keys own_keys = {"kernel", "stride", "pad", "pads"};
static const struct window_keys pool_keys = {"pool", "pool_stride", "pool_pad", "pool_pads"};

static enum bt_status read_window(const struct bt_yaml *yaml, bt_yaml_node at, const struct window_keys *keys,
                                  const struct bt_pool_yaml *raw, struct bt_window *window, struct bt_error *err)
{
    struct bt_window made = {.pad_top = raw->pad, .pad_bottom = raw->pad, .pad_left = raw->pad, .pad_right = raw->pad};
    enum bt_status status = read_extent(yaml, at, keys->kernel, raw->kernel, &made.kh, &made.kw, err);
    if (status == BT_OK) {
        status = read_extent(yaml, at, keys->stride, raw->stride, &made.stride_h, &made.stride_w, err);
    }
    if (status != BT_OK) {
        return status;
    }
    if (raw->pads != NULL) {
        if (bt_yaml_get(yaml, at, keys->pad) != 0) {
            return bt_yaml_fail(yaml, bt_yaml_near(yaml, at, keys->pads), err, "%s and %s: expected one of them",
                                keys->pad, keys->pads);
        }
        made.pad_top = raw->pads[0];
        made.pad_bottom = raw->pads[1];
        made.pad_left = raw->pads[2];
        made.pad_right = raw->pads[3];
    }
    *window = made;
    return BT_OK;
}

enum bt_status bt_conv_yaml_window(const struct bt_yaml *yaml, bt_yaml_node at, const struct bt_conv_yaml *raw,
                                   struct bt_window *window, struct bt_error *err)
{
    const struct bt_pool_yaml as_pool = {.pad = raw->pad,
                                         .kernel = raw->kernel,
                                         .stride = raw->stride,
                                         .pads = raw->pads,
                                         .pads_count = raw->pads_count};
    return read_window(yaml, at, &own_keys, &as_pool, window, err);
}

enum bt_status bt_conv_yaml_pool(const struct bt_yaml *yaml, bt_yaml_node at, const char *name,
                                 const struct bt_pool_yaml *raw, struct bt_layer *layer, struct bt_error *err)
{
    const char *const others[] = {pool_keys.stride, pool_keys.pad, pool_keys.pads};
    struct bt_window window;
    struct bt_reason why = {0};
    if (raw->kernel == NULL) {
        for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
            if (bt_yaml_get(yaml, at, others[i]) != 0) {
                return bt_yaml_fail(yaml, bt_yaml_near(yaml, at, others[i]), err,
                                    "layer '%s': %s without pool: expected both", name, others[i]);
            }
        }
        return BT_OK;
    }
    const enum bt_status status = read_window(yaml, at, &pool_keys, raw, &window, err);
    if (status != BT_OK) {
        return status;
    }
    layer->pool = (struct bt_maxpool){
        .kh = window.kh,
        .kw = window.kw,
        .stride_h = window.stride_h,
        .stride_w = window.stride_w,
        .pad_top = window.pad_top,
        .pad_bottom = window.pad_bottom,
        .pad_left = window.pad_left,
        .pad_right = window.pad_right,
    };
    if (bt_layer_check(layer, &why) != BT_OK) {
        return bt_yaml_fail(yaml, bt_yaml_near(yaml, at, pool_keys.kernel), err,
                            "layer '%s': %s: got %" PRId64 ", limit %" PRId64, name, why.what, why.got, why.limit);
    }
    return BT_OK;
}

enum bt_status bt_conv_yaml_geometry(const struct bt_yaml *yaml, bt_yaml_node at, const char *name,
                                     const struct bt_conv_yaml *raw, int32_t h, int32_t w, int32_t c_in,
                                     enum bt_act act, struct bt_conv2d *conv, struct bt_error *err)
{
    struct bt_window window;
    int32_t dil_h = 1;
    int32_t dil_w = 1;
    enum bt_status status = bt_conv_yaml_window(yaml, at, raw, &window, err);
    if (status == BT_OK) {
        status = read_extent(yaml, at, "dilation", raw->dilation, &dil_h, &dil_w, err);
    }
    if (status != BT_OK) {
        return status;
    }
    struct bt_conv2d made = {
        .n = 1,
        .h = h,
        .w = w,
        .c_in = c_in,
        .c_out = raw->c_out,
        .kh = window.kh,
        .kw = window.kw,
        .stride_h = window.stride_h,
        .stride_w = window.stride_w,
        .dil_h = dil_h,
        .dil_w = dil_w,
        .pad_top = window.pad_top,
        .pad_bottom = window.pad_bottom,
        .pad_left = window.pad_left,
        .pad_right = window.pad_right,
        .groups = bt_yaml_get(yaml, at, "groups") != 0 ? raw->groups : 1,
        .rounding = BT_ROUND_DOUBLE,
    };
    bt_act_apply(act, &made);
    struct bt_reason why = {0};
    if (bt_conv2d_check(&made, &why) != BT_OK) {
        return bt_yaml_fail(yaml, at, err, "layer '%s': %s: got %" PRId64 ", limit %" PRId64, name, why.what, why.got,
                            why.limit);
    }
    *conv = made;
    return BT_OK;
}
