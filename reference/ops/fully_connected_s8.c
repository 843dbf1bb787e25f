#include "reference/ops/fully_connected_s8.h"

#include <stddef.h>

#include "reference/common/bt_conv2d.h"
#include "reference/ops/conv2d_s8.h"

struct bt_conv2d ref_fully_connected_conv(const struct ref_fully_connected *fc)
{
    struct bt_conv2d conv = bt_conv2d_1x1(1, 1, fc->in_features, fc->out_features);
    conv.n = fc->batches;
    conv.in_zp = fc->in_zp;
    conv.out_zp = fc->out_zp;
    conv.act_min = fc->act_min;
    conv.act_max = fc->act_max;
    conv.rounding = fc->rounding;
    conv.table = fc->table;
    conv.raw = fc->raw;
    return conv;
}

enum bt_status ref_fully_connected_s8(const struct ref_fully_connected *fc, const struct bt_layer_data *data,
                                      void *ofmap)
{
    if (fc == NULL) {
        return BT_EINVAL;
    }
    const struct bt_conv2d conv = ref_fully_connected_conv(fc);
    return ref_conv2d_s8(&conv, data, ofmap);
}
