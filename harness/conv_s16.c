#include "harness/conv_s16.h"

#include <stdlib.h>

#include "reference/ops/conv2d_s16.h"

enum bt_status bt_conv_s16(const struct bt_conv2d *conv, const struct bt_layer_data *data, int16_t *ofmap,
                           struct bt_reason *why)
{
    int64_t *bias = NULL;
    if (data->bias != NULL) {
        bias = malloc((size_t)conv->c_out * sizeof(*bias));
        if (bias == NULL) {
            *why = (struct bt_reason){"biases on the host", conv->c_out, 0};
            return BT_ENOMEM;
        }
        for (int32_t oc = 0; oc < conv->c_out; oc++) {
            bias[oc] = data->bias[oc];
        }
    }
    const struct ref_conv2d_s16_data wide = {
        .ifmap = data->ifmap, .weights = data->weights, .bias = bias, .mult = data->mult, .shift = data->shift};
    enum bt_status status = ref_conv2d_s16_check(conv, &wide, why);
    if (status == BT_OK) {
        status = ref_conv2d_s16(conv, &wide, REF_S16_BIAS_S64, ofmap);
    }
    free(bias);
    return status;
}
