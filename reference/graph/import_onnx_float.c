#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "reference/common/bt_conv2d.h"
#include "reference/graph/import_onnx.h"

static enum bt_status check_floats(struct onnx_import *im, const struct onnx_layer *layer, const char *what,
                                   const float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (!(fabs((double)values[i]) <= ONNX_FLOAT_MOST)) {
            return onnx_refuse(im, "node '%s': %s %" PRId64 " is %g: expected finite values of at most %g in magnitude",
                               layer->name, what, i, (double)values[i], ONNX_FLOAT_MOST);
        }
    }
    return BT_OK;
}

enum bt_status onnx_make_float(struct onnx_import *im, struct bt_float_graph **graph)
{
    struct bt_float_graph *made = bt_float_graph_new(im->name, "ONNX, float", im->layer_count);
    if (made == NULL) {
        return bt_fail(im->err, BT_ENOMEM, "%.47s: no memory for the graph", im->name);
    }
    enum bt_status status = BT_OK;
    for (uint32_t i = 0; status == BT_OK && i < im->layer_count; i++) {
        struct onnx_layer *layer = &im->layers[i];
        struct bt_float_node *node = bt_float_graph_add(made, layer->op, layer->name, layer->inputs[0]);
        node->act = layer->act;
        node->slope = layer->slope;
        node->input_count = layer->input_count;
        memcpy(node->inputs, layer->inputs, sizeof(node->inputs));
        node->h = layer->h;
        node->w = layer->w;
        node->c = layer->c;
        switch (layer->op) {
        case BT_OP_CONV2D:
            node->u.conv = layer->u.conv;
            status = check_floats(im, layer, "weight", layer->weights, bt_conv2d_weight_elems(&layer->u.conv));
            if (status == BT_OK) {
                status = check_floats(im, layer, "bias", layer->bias, layer->c);
            }
            node->weights = layer->weights;
            node->bias = layer->bias;
            layer->weights = NULL;
            layer->bias = NULL;
            break;
        case BT_OP_MAXPOOL:
        case BT_OP_AVGPOOL:
            node->u.pool = layer->u.pool;
            break;
        case BT_OP_UPSAMPLE:
            node->u.upsample_scale = layer->u.upsample_scale;
            break;
        case BT_OP_SLICE:
            node->u.slice_from = layer->u.slice_from;
            break;
        default:
            break;
        }
    }
    if (status == BT_OK) {
        *graph = made;
    } else {
        bt_float_graph_free(made);
    }
    return status;
}
