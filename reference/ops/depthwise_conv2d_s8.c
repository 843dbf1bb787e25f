#include "reference/ops/depthwise_conv2d_s8.h"

#include <stdlib.h>

#include "reference/common/bt_conv2d.h"
#include "reference/ops/conv2d_s8.h"

void ref_depthwise_weights_ohwi(const struct bt_conv2d *conv, const int8_t *hwo, int8_t *ohwi)
{
    const int64_t taps = (int64_t)conv->kh * conv->kw;
    for (int64_t tap = 0; tap < taps; tap++) {
        for (int64_t oc = 0; oc < conv->c_out; oc++) {
            ohwi[oc * taps + tap] = hwo[tap * conv->c_out + oc];
        }
    }
}

enum bt_status ref_depthwise_conv2d_s8(const struct bt_conv2d *conv, const struct bt_layer_data *data, void *ofmap)
{
    if (conv == NULL || data == NULL || data->weights == NULL || bt_conv2d_check(conv, NULL) != BT_OK ||
        conv->groups != conv->c_in) {
        return BT_EINVAL;
    }
    int8_t *ohwi = malloc((size_t)bt_conv2d_weight_elems(conv));
    if (ohwi == NULL) {
        return BT_ENOMEM;
    }
    ref_depthwise_weights_ohwi(conv, data->weights, ohwi);
    struct bt_layer_data reordered = *data;
    reordered.weights = ohwi;
    const enum bt_status status = ref_conv2d_s8(conv, &reordered, ofmap);
    free(ohwi);
    return status;
}
