#include "reference/ops/fully_connected_s8.h"

#include <stddef.h>

#include "reference/ops/conv2d_s8.h"

struct bt_conv2d ref_fully_connected_conv(const struct ref_fully_connected *fc)
{
    return (struct bt_conv2d){
        .n = fc->batches,
        .h = 1,
        .w = 1,
        .c_in = fc->in_features,
        .c_out = fc->out_features,
        .kh = 1,
        .kw = 1,
        .stride_h = 1,
        .stride_w = 1,
        .dil_h = 1,
        .dil_w = 1,
        .groups = 1,
        .in_zp = fc->in_zp,
        .out_zp = fc->out_zp,
        .act_min = fc->act_min,
        .act_max = fc->act_max,
        .rounding = fc->rounding,
        .table = fc->table,
        .raw = fc->raw,
    };
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
