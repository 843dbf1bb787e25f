#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference/common/bt_conv2d.h"
#include "reference/graph/graph_exact.h"
#include "reference/graph/graph_quantise.h"
#include "reference/graph/import_onnx.h"
#include "reference/ops/activation_table_s8.h"
#include "reference/ops/quantise_multiplier.h"

static enum bt_graph_clamp clamp_of(enum bt_act act)
{
    return act == BT_ACT_RELU ? BT_GRAPH_CLAMP_RELU : act == BT_ACT_RELU6 ? BT_GRAPH_CLAMP_RELU6 : BT_GRAPH_CLAMP_NONE;
}

static enum bt_status make_conv(struct onnx_import *im, struct onnx_layer *layer, const struct bt_graph_node *in,
                                struct bt_graph_node *node)
{
    const size_t channels = (size_t)layer->c;
    node->weights = layer->codes;
    node->bias = layer->code_bias;
    layer->codes = NULL;
    layer->code_bias = NULL;
    node->mult = onnx_take_for_graph(im, channels, sizeof(int32_t));
    node->shift = onnx_take_for_graph(im, channels, sizeof(int32_t));
    if (node->mult == NULL || node->shift == NULL) {
        return onnx_no_memory(im);
    }
    node->u.conv = layer->u.conv;
    node->u.conv.in_zp = in->zp;
    node->u.conv.out_zp = node->zp;
    node->u.conv.rounding = BT_ROUND_DOUBLE;
    bt_graph_clamp_range(clamp_of(layer->act), node->scale, node->zp, &node->u.conv.act_min, &node->u.conv.act_max);
    for (size_t oc = 0; oc < channels; oc++) {
        const double factor = in->scale * layer->code_scales[oc] / node->scale;
        if (ref_quantise_multiplier(factor, &node->mult[oc], &node->shift[oc]) != BT_OK) {
            return onnx_refuse(im, "node '%s': scales of filter %zu make a factor of %g: expected less than 2^30",
                               layer->name, oc, factor);
        }
    }
    return BT_OK;
}

/* Without an activation it only changes the format. */
static enum bt_status make_table(struct onnx_import *im, const struct onnx_layer *layer, const struct bt_graph_node *in,
                                 struct bt_graph_node *node)
{
    enum ref_activation function = REF_ACTIVATION_LEAKY_RELU;
    double slope = layer->act == BT_ACT_LEAKY ? (double)layer->slope : 0;
    switch (layer->act) {
    case BT_ACT_NONE:
        slope = 1;
        break;
    case BT_ACT_SIGMOID:
        function = REF_ACTIVATION_SIGMOID;
        break;
    case BT_ACT_TANH:
        function = REF_ACTIVATION_TANH;
        break;
    case BT_ACT_HARD_SWISH:
        function = REF_ACTIVATION_HARD_SWISH;
        break;
    default:
        break;
    }
    const struct ref_activation_scales scales = {
        .in_scale = in->scale,
        .out_scale = node->scale,
        .in_zp = in->zp,
        .out_zp = node->zp,
    };
    node->table = onnx_take_for_graph(im, 256, 1);
    if (node->table == NULL) {
        return onnx_no_memory(im);
    }
    const enum bt_status status = ref_activation_table_s8(function, &scales, slope, node->table);
    if (status != BT_OK) {
        return onnx_refuse(im, "node '%s': scales or slope: expected ones of which a table can be made", layer->name);
    }
    int32_t low = 0;
    int32_t high = 0;
    bt_graph_clamp_range(clamp_of(layer->act), node->scale, node->zp, &low, &high);
    for (size_t i = 0; i < 256; i++) {
        node->table[i] = (int8_t)(node->table[i] > high ? high : node->table[i]);
    }
    return BT_OK;
}

static enum bt_status make_node(struct onnx_import *im, struct onnx_layer *layer, const struct bt_graph *graph,
                                struct bt_graph_node *node)
{
    const struct bt_graph_node *in = &graph->nodes[layer->inputs[0]];
    enum bt_status status = BT_OK;
    switch (layer->op) {
    case BT_OP_CONV2D:
        return make_conv(im, layer, in, node);
    case BT_OP_TABLE:
        return make_table(im, layer, in, node);
    case BT_OP_MAXPOOL:
    case BT_OP_AVGPOOL:
        node->u.pool = layer->u.pool;
        return BT_OK;
    case BT_OP_UPSAMPLE:
        node->u.upsample_scale = layer->u.upsample_scale;
        return BT_OK;
    case BT_OP_SLICE:
        node->u.slice_from = layer->u.slice_from;
        return BT_OK;
    case BT_OP_ADD:
        status = bt_graph_quantise_add(graph, node, clamp_of(layer->act));
        break;
    case BT_OP_MUL:
        status = bt_graph_quantise_mul(graph, node, clamp_of(layer->act));
        break;
    case BT_OP_CONCAT:
        status = bt_graph_quantise_concat(graph, node);
        break;
    case BT_OP_SOFTMAX:
        status = bt_graph_quantise_softmax(graph, node);
        break;
    default:
        break;
    }
    return status == BT_OK
               ? BT_OK
               : onnx_refuse(im, "node '%s': scales too far apart: expected ones that multipliers can express",
                             layer->name);
}

enum bt_status onnx_make_int8(struct onnx_import *im, struct bt_graph **graph)
{
    enum bt_status status = BT_OK;
    struct bt_graph *made = calloc(1, sizeof(*made));
    if (made != NULL) {
        made->nodes = calloc(im->layer_count, sizeof(*made->nodes));
    }
    if (made == NULL || made->nodes == NULL) {
        status = bt_fail(im->err, BT_ENOMEM, "%.47s: no memory for the graph", im->name);
        goto cleanup;
    }
    (void)snprintf(made->name, sizeof(made->name), "%s", im->name);
    (void)snprintf(made->source, sizeof(made->source), "ONNX, int8 with its own parameters");
    for (uint32_t i = 0; i < im->layer_count; i++) {
        struct onnx_layer *layer = &im->layers[i];
        struct bt_graph_node *node = &made->nodes[made->count++];
        if (!layer->has_format && layer->op != BT_OP_SOFTMAX) {
            status = onnx_refuse(im, "node '%s' has no scale: expected QuantizeLinear behind it", layer->name);
            goto cleanup;
        }
        memcpy(node->name, layer->name, sizeof(node->name));
        node->op = layer->op;
        node->input_count = layer->input_count;
        memcpy(node->inputs, layer->inputs, sizeof(node->inputs));
        node->h = layer->h;
        node->w = layer->w;
        node->c = layer->c;
        node->scale = layer->format.scale;
        node->zp = layer->format.zp;
        status = make_node(im, layer, made, node);
        if (status != BT_OK) {
            goto cleanup;
        }
    }
    struct bt_error why = {""};
    status = bt_graph_check(made, &why);
    if (status == BT_OK) {
        *graph = made;
        made = NULL;
    } else {
        status = bt_fail(im->err, status == BT_ENOMEM ? BT_ENOMEM : BT_EINPUT, "%s", why.text);
    }

cleanup:
    bt_graph_free(made);
    return status;
}
