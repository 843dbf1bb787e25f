#include "reference/graph/graph_quantise.h"

#include <math.h>

#include "reference/graph/graph_exact.h"
#include "reference/ops/quantise_multiplier.h"

#define ADD_LEFT_SHIFT 20

void bt_graph_range(double low, double high, double *scale, int32_t *zp)
{
    const double from = low < 0 ? low : 0;
    const double to = high > 0 ? high : 0;
    if (!(to - from > 0)) {
        *scale = 1;
        *zp = 0;
        return;
    }
    *scale = (to - from) / 255;
    const double zero = round(-128 - from / *scale);
    *zp = (int32_t)(zero < -128 ? -128 : zero > 127 ? 127 : zero);
}

void bt_graph_clamp_range(enum bt_graph_clamp clamp, double scale, int32_t zp, int32_t *act_min, int32_t *act_max)
{
    const double six = round(6 / scale) + zp;
    *act_min = clamp == BT_GRAPH_CLAMP_NONE ? -128 : zp;
    *act_max = clamp == BT_GRAPH_CLAMP_RELU6 && six < 127 ? (int32_t)six : 127;
}

enum bt_status bt_graph_quantise_add(const struct bt_graph *graph, struct bt_graph_node *node,
                                     enum bt_graph_clamp clamp)
{
    const struct bt_graph_node *in1 = &graph->nodes[node->inputs[0]];
    const struct bt_graph_node *in2 = &graph->nodes[node->inputs[1]];
    const double twice_max = 2 * (in1->scale > in2->scale ? in1->scale : in2->scale);
    struct ref_add add = {
        .elems = (int64_t)bt_graph_bytes(node),
        .in1_zp = in1->zp,
        .in2_zp = in2->zp,
        .out_zp = node->zp,
        .left_shift = ADD_LEFT_SHIFT,
        .rounding = BT_ROUND_DOUBLE,
    };
    if (ref_quantise_multiplier(in1->scale / twice_max, &add.in1_mult, &add.in1_shift) != BT_OK ||
        ref_quantise_multiplier(in2->scale / twice_max, &add.in2_mult, &add.in2_shift) != BT_OK ||
        ref_quantise_multiplier(twice_max / ((1 << ADD_LEFT_SHIFT) * node->scale), &add.out_mult, &add.out_shift) !=
            BT_OK) {
        return BT_EINVAL;
    }
    bt_graph_clamp_range(clamp, node->scale, node->zp, &add.act_min, &add.act_max);
    node->u.add = add;
    return BT_OK;
}

enum bt_status bt_graph_quantise_mul(const struct bt_graph *graph, struct bt_graph_node *node,
                                     enum bt_graph_clamp clamp)
{
    const struct bt_graph_node *in1 = &graph->nodes[node->inputs[0]];
    const struct bt_graph_node *in2 = &graph->nodes[node->inputs[1]];
    struct ref_mul mul = {
        .elems = (int64_t)bt_graph_bytes(node),
        .in1_zp = in1->zp,
        .in2_zp = in2->zp,
        .out_zp = node->zp,
        .rounding = BT_ROUND_DOUBLE,
    };
    if (ref_quantise_multiplier(in1->scale * in2->scale / node->scale, &mul.mult, &mul.shift) != BT_OK) {
        return BT_EINVAL;
    }
    bt_graph_clamp_range(clamp, node->scale, node->zp, &mul.act_min, &mul.act_max);
    node->u.mul = mul;
    return BT_OK;
}

enum bt_status bt_graph_quantise_concat(const struct bt_graph *graph, struct bt_graph_node *node)
{
    node->u.concat.rounding = BT_ROUND_DOUBLE;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct bt_graph_node *in = &graph->nodes[node->inputs[i]];
        int32_t mult = 0;
        int32_t shift = 0;
        if (ref_quantise_multiplier(in->scale / node->scale, &mult, &shift) != BT_OK) {
            return BT_EINVAL;
        }
        node->u.concat.in[i].zp = in->zp;
        node->u.concat.in[i].mult = mult;
        node->u.concat.in[i].shift = shift;
    }
    return BT_OK;
}

enum bt_status bt_graph_quantise_softmax(const struct bt_graph *graph, struct bt_graph_node *node)
{
    const struct bt_graph_node *in = &graph->nodes[node->inputs[0]];
    struct ref_softmax_s8 softmax = {.rows = (int64_t)in->h * in->w, .row_size = in->c};
    const enum bt_status status = ref_softmax_s8_scale(in->scale, 1, &softmax);
    if (status != BT_OK) {
        return status;
    }
    node->u.softmax = softmax;
    node->zp = -128;
    node->scale = 1.0 / 256;
    return BT_OK;
}
