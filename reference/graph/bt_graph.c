#include "reference/graph/bt_graph.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reference/common/bt_conv2d.h"
#include "reference/ops/activation_table_s8.h"
#include "reference/ops/add_s8.h"
#include "reference/ops/avgpool_s8.h"
#include "reference/ops/concat_s8.h"
#include "reference/ops/conv2d_s8.h"
#include "reference/ops/conv2d_s8_fast.h"
#include "reference/ops/maxpool_s8.h"
#include "reference/ops/mul_s8.h"
#include "reference/ops/upsample_nearest_s8.h"

/* Below this the plain loops are as quick as setting up the fast path. */
#define FAST_FROM_MACS 1000000
#define MAX_ADD_LEFT_SHIFT 22

void bt_graph_free(struct bt_graph *graph)
{
    if (graph == NULL) {
        return;
    }
    for (uint32_t i = 0; graph->nodes != NULL && i < graph->count; i++) {
        free(graph->nodes[i].weights);
        free(graph->nodes[i].bias);
        free(graph->nodes[i].mult);
        free(graph->nodes[i].shift);
        free(graph->nodes[i].table);
    }
    free(graph->nodes);
    free(graph);
}

size_t bt_graph_bytes(const struct bt_graph_node *node)
{
    return (size_t)node->h * (size_t)node->w * (size_t)node->c;
}

enum bt_status bt_graph_outputs_new(const struct bt_graph *graph, int8_t ***outputs)
{
    int8_t **list = calloc(graph->count, sizeof(*list));
    if (list == NULL) {
        return BT_ENOMEM;
    }
    for (uint32_t i = 0; i < graph->count; i++) {
        list[i] = calloc(bt_graph_bytes(&graph->nodes[i]), 1);
        if (list[i] == NULL) {
            bt_graph_outputs_free(graph, list);
            return BT_ENOMEM;
        }
    }
    *outputs = list;
    return BT_OK;
}

void bt_graph_outputs_free(const struct bt_graph *graph, int8_t **outputs)
{
    if (outputs == NULL) {
        return;
    }
    for (uint32_t i = 0; i < graph->count; i++) {
        free(outputs[i]);
    }
    free(outputs);
}

/* ---- checks ---- */

/* One node under examination. */
struct look {
    const struct bt_graph *graph;
    const struct bt_graph_node *node;
    const struct bt_graph_node *in[BT_GRAPH_INPUTS];
    struct bt_error *err;
};

static enum bt_status refuse(const struct look *look, enum bt_status status, const char *what, int64_t got,
                             int64_t limit)
{
    return bt_fail(look->err, status, "%.47s: node %u '%.47s': %s: got %" PRId64 ", expected %" PRId64,
                   look->graph->name, (unsigned)(look->node - look->graph->nodes), look->node->name, what, got, limit);
}

static enum bt_status refuse_why(const struct look *look, enum bt_status status, const struct bt_reason *why)
{
    return bt_fail(look->err, status, "%.47s: node %u '%.47s': %s: got %" PRId64 ", limit %" PRId64, look->graph->name,
                   (unsigned)(look->node - look->graph->nodes), look->node->name,
                   why->what != NULL ? why->what : "refused", why->got, why->limit);
}

static enum bt_status equal(const struct look *look, const char *what, int64_t got, int64_t expected)
{
    return got == expected ? BT_OK : refuse(look, BT_EINVAL, what, got, expected);
}

static enum bt_status shape_is(const struct look *look, int64_t h, int64_t w, int64_t c)
{
    enum bt_status status = equal(look, "output height", look->node->h, h);
    if (status == BT_OK) {
        status = equal(look, "output width", look->node->w, w);
    }
    return status == BT_OK ? equal(look, "output channels", look->node->c, c) : status;
}

/* The node leaves values as they are: format and zero point of its input. */
static enum bt_status same_zp(const struct look *look)
{
    return equal(look, "zero point, against that of the input", look->node->zp, look->in[0]->zp);
}

static enum bt_status check_conv(const struct look *look)
{
    const struct bt_graph_node *node = look->node;
    const struct bt_conv2d *conv = &node->u.conv;
    const int8_t ifmap = 0; /* the check only asks whether there is one */
    const struct bt_layer_data data = {
        .ifmap = &ifmap,
        .weights = node->weights,
        .bias = node->bias,
        .mult = node->mult,
        .shift = node->shift,
        .table = node->table,
    };
    struct bt_reason why = {0};
    if (conv->raw) {
        return refuse(look, BT_EINVAL, "raw sums between nodes", 1, 0);
    }
    enum bt_status status = ref_conv2d_s8_check(conv, &data, &why);
    if (status != BT_OK) {
        return refuse_why(look, status, &why);
    }
    const int64_t weights = bt_conv2d_weight_elems(conv);
    for (int64_t i = 0; i < weights; i++) {
        if (node->weights[i] == INT8_MIN) {
            return refuse(look, BT_EINVAL, "weight below -127, at index", i, -1);
        }
    }
    const bool flattened = conv->h == 1 && conv->w == 1 && (size_t)conv->c_in == bt_graph_bytes(look->in[0]);
    if (!flattened) {
        status = equal(look, "input height", conv->h, look->in[0]->h);
        if (status == BT_OK) {
            status = equal(look, "input width", conv->w, look->in[0]->w);
        }
        if (status == BT_OK) {
            status = equal(look, "input channels", conv->c_in, look->in[0]->c);
        }
    }
    if (status == BT_OK) {
        status = equal(look, "batch", conv->n, 1);
    }
    if (status == BT_OK) {
        status = equal(look, "zero point of the input", conv->in_zp, look->in[0]->zp);
    }
    if (status == BT_OK && !conv->table) {
        status = equal(look, "zero point, against that of the convolution", node->zp, conv->out_zp);
    }
    return status == BT_OK ? shape_is(look, bt_conv2d_oh(conv), bt_conv2d_ow(conv), conv->c_out) : status;
}

static enum bt_status check_pool(const struct look *look)
{
    const struct ref_pool2d *pool = &look->node->u.pool;
    const struct bt_graph_node *in = look->in[0];
    struct bt_reason why = {0};
    enum bt_status status = ref_pool2d_check(pool, INT8_MIN, INT8_MAX, &why);
    if (status != BT_OK) {
        return refuse_why(look, status, &why);
    }
    if (pool->n != 1 || pool->h != in->h || pool->w != in->w || pool->c != in->c) {
        return refuse(look, BT_EINVAL, "elements of the pool's input", (int64_t)pool->n * pool->h * pool->w * pool->c,
                      (int64_t)bt_graph_bytes(in));
    }
    status = same_zp(look);
    return status == BT_OK ? shape_is(look, ref_pool2d_oh(pool), ref_pool2d_ow(pool), pool->c) : status;
}

/* add and mul: all three tensors alike. */
static enum bt_status check_elementwise(const struct look *look, bool valid, int64_t elems, const int32_t in_zp[2],
                                        int32_t out_zp)
{
    if (!valid) {
        return refuse(look, BT_EINVAL, "valid parameters of the operator", 0, 1);
    }
    enum bt_status status = equal(look, "elements", elems, (int64_t)bt_graph_bytes(look->node));
    for (uint32_t i = 0; status == BT_OK && i < 2; i++) {
        status = shape_is(look, look->in[i]->h, look->in[i]->w, look->in[i]->c);
        if (status == BT_OK) {
            status = equal(look, "zero point of an input", in_zp[i], look->in[i]->zp);
        }
    }
    return status == BT_OK ? equal(look, "zero point, against that of the operator", look->node->zp, out_zp) : status;
}

static enum bt_status check_concat(const struct look *look)
{
    const struct bt_graph_node *node = look->node;
    struct ref_concat_input inputs[BT_GRAPH_INPUTS];
    const struct ref_concat concat = {
        .pixels = 1,
        .count = (int32_t)node->input_count,
        .out_zp = node->zp,
        .rounding = node->u.concat.rounding,
    };
    const int8_t in = 0;
    int8_t out[BT_GRAPH_INPUTS];
    int64_t c = 0;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const enum bt_status status = equal(look, "zero point of an input", node->u.concat.in[i].zp, look->in[i]->zp);
        if (status != BT_OK) {
            return status;
        }
        c += look->in[i]->c;
        inputs[i] = (struct ref_concat_input){
            .data = &in,
            .c = 1,
            .zp = node->u.concat.in[i].zp,
            .mult = node->u.concat.in[i].mult,
            .shift = node->u.concat.in[i].shift,
        };
    }
    /* The operator has no check of its own: one pixel of one channel each shows whether it takes the parameters. */
    if (ref_concat_s8(&concat, inputs, out) != BT_OK) {
        return refuse(look, BT_EINVAL, "valid parameters of the operator", 0, 1);
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        const enum bt_status status = shape_is(look, look->in[i]->h, look->in[i]->w, c);
        if (status != BT_OK) {
            return status;
        }
    }
    return BT_OK;
}

static enum bt_status check_softmax(const struct look *look)
{
    const struct bt_graph_node *node = look->node;
    const struct bt_graph_node *in = look->in[0];
    enum bt_status status = shape_is(look, in->h, in->w, in->c);
    if (status == BT_OK) {
        status = equal(look, "rows", node->u.softmax.rows, (int64_t)in->h * in->w);
    }
    if (status == BT_OK) {
        status = equal(look, "elements per row", node->u.softmax.row_size, in->c);
    }
    if (status == BT_OK) {
        status = equal(look, "zero point", node->zp, INT8_MIN);
    }
    if (status != BT_OK) {
        return status;
    }
    /* As for concat: one row of the real size shows whether the operator takes the parameters. */
    struct ref_softmax_s8 one = node->u.softmax;
    one.rows = 1;
    int8_t *row = calloc((size_t)in->c, 1);
    if (row == NULL) {
        return BT_ENOMEM;
    }
    status = ref_softmax_s8(&one, row, row);
    free(row);
    return status == BT_OK ? BT_OK : refuse(look, BT_EINVAL, "valid parameters of the operator", 0, 1);
}

static enum bt_status check_slice(const struct look *look)
{
    const struct bt_graph_node *node = look->node;
    const struct bt_graph_node *in = look->in[0];
    if (node->u.slice_from < 0 || (int64_t)node->u.slice_from + node->c > in->c) {
        return refuse(look, BT_EINVAL, "last channel of the slice above the input's",
                      (int64_t)node->u.slice_from + node->c, in->c);
    }
    const enum bt_status status = same_zp(look);
    return status == BT_OK ? shape_is(look, in->h, in->w, node->c) : status;
}

static enum bt_status check_upsample(const struct look *look)
{
    const struct bt_graph_node *in = look->in[0];
    const int64_t factor = look->node->u.upsample_scale;
    if (factor < 1 || factor > BT_MAX_DIM) {
        return refuse(look, BT_EINVAL, "upsampling factor", factor, 1);
    }
    const enum bt_status status = same_zp(look);
    return status == BT_OK ? shape_is(look, in->h * factor, in->w * factor, in->c) : status;
}

static enum bt_status check_table(const struct look *look)
{
    if (look->node->table == NULL) {
        return refuse(look, BT_EINVAL, "activation table", 0, 1);
    }
    return shape_is(look, look->in[0]->h, look->in[0]->w, look->in[0]->c);
}

static enum bt_status check_op(const struct look *look)
{
    const struct bt_graph_node *node = look->node;
    const struct ref_add *add = &node->u.add;
    const struct ref_mul *mul = &node->u.mul;
    switch (node->op) {
    case BT_OP_CONV2D:
        return check_conv(look);
    case BT_OP_MAXPOOL:
    case BT_OP_AVGPOOL:
        return check_pool(look);
    case BT_OP_ADD:
        return check_elementwise(look, ref_add_valid(add, INT8_MIN, INT8_MAX, MAX_ADD_LEFT_SHIFT), add->elems,
                                 (const int32_t[]){add->in1_zp, add->in2_zp}, add->out_zp);
    case BT_OP_MUL:
        return check_elementwise(look, ref_mul_valid(mul, INT8_MIN, INT8_MAX), mul->elems,
                                 (const int32_t[]){mul->in1_zp, mul->in2_zp}, mul->out_zp);
    case BT_OP_CONCAT:
        return check_concat(look);
    case BT_OP_UPSAMPLE:
        return check_upsample(look);
    case BT_OP_SOFTMAX:
        return check_softmax(look);
    case BT_OP_SLICE:
        return check_slice(look);
    case BT_OP_TABLE:
        return check_table(look);
    default:
        return BT_OK; /* BT_OP_INPUT: nothing more to check */
    }
}

static enum bt_status check_inputs(struct look *look, uint32_t index)
{
    const struct bt_graph_node *node = look->node;
    uint32_t least = 1;
    uint32_t most = 1;
    if (node->op == BT_OP_INPUT) {
        least = most = 0;
    } else if (node->op == BT_OP_ADD || node->op == BT_OP_MUL) {
        least = most = 2;
    } else if (node->op == BT_OP_CONCAT) {
        most = BT_GRAPH_INPUTS;
    }
    if (node->input_count < least || node->input_count > most) {
        return refuse(look, BT_EINVAL, "inputs", node->input_count, node->input_count < least ? least : most);
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] >= index) {
            return refuse(look, BT_EINVAL, "input that is no earlier node", node->inputs[i], (int64_t)index - 1);
        }
        look->in[i] = &look->graph->nodes[node->inputs[i]];
    }
    return BT_OK;
}

static enum bt_status check_node(const struct bt_graph *graph, uint32_t index, struct bt_error *err)
{
    const struct bt_graph_node *node = &graph->nodes[index];
    struct look look = {.graph = graph, .node = node, .err = err};
    for (uint32_t i = 0; i < BT_GRAPH_INPUTS; i++) {
        look.in[i] = graph->nodes;
    }
    if (memchr(node->name, '\0', sizeof(node->name)) == NULL || node->name[0] == '\0') {
        return refuse(&look, BT_EINVAL, "name of at most 47 bytes", 0, 1);
    }
    if ((unsigned)node->op >= BT_OP_COUNT || (node->op == BT_OP_INPUT) != (index == 0)) {
        return refuse(&look, BT_EINVAL, "operator, BT_OP_INPUT for node 0 alone", (int64_t)node->op, BT_OP_INPUT);
    }
    const int32_t extents[] = {node->h, node->w, node->c};
    for (size_t i = 0; i < sizeof(extents) / sizeof(extents[0]); i++) {
        if (extents[i] < 1 || extents[i] > BT_MAX_DIM) {
            return refuse(&look, BT_EINVAL, "extent of the output", extents[i], extents[i] < 1 ? 1 : BT_MAX_DIM);
        }
    }
    if (node->zp < INT8_MIN || node->zp > INT8_MAX) {
        return refuse(&look, BT_EINVAL, "zero point", node->zp, node->zp < INT8_MIN ? INT8_MIN : INT8_MAX);
    }
    const enum bt_status status = check_inputs(&look, index);
    return status == BT_OK ? check_op(&look) : status;
}

enum bt_status bt_graph_check(const struct bt_graph *graph, struct bt_error *err)
{
    if (graph == NULL || graph->nodes == NULL || graph->count < 1) {
        return bt_fail(err, BT_EINVAL, "graph without nodes: expected at least an input");
    }
    for (uint32_t i = 0; i < graph->count; i++) {
        const enum bt_status status = check_node(graph, i, err);
        if (status != BT_OK) {
            return status;
        }
    }
    return BT_OK;
}

/* ---- execution ---- */

static enum bt_status run_conv(const struct bt_graph_node *node, const int8_t *in, int8_t *out)
{
    const struct bt_layer_data data = {
        .ifmap = in,
        .weights = node->weights,
        .bias = node->bias,
        .mult = node->mult,
        .shift = node->shift,
        .table = node->table,
    };
    if (bt_conv2d_check(&node->u.conv, NULL) == BT_OK && bt_conv2d_macs(&node->u.conv) > FAST_FROM_MACS) {
        const enum bt_status status = ref_conv2d_s8_fast(&node->u.conv, &data, out);
        if (status != BT_EUNSUPPORTED && status != BT_ENOMEM) {
            return status;
        }
    }
    return ref_conv2d_s8(&node->u.conv, &data, out);
}

static enum bt_status run_concat(const struct bt_graph *graph, const struct bt_graph_node *node,
                                 const int8_t *const *in, int8_t *out)
{
    struct ref_concat_input inputs[BT_GRAPH_INPUTS];
    const struct ref_concat concat = {
        .pixels = (int64_t)node->h * node->w,
        .count = (int32_t)node->input_count,
        .out_zp = node->zp,
        .rounding = node->u.concat.rounding,
    };
    for (uint32_t i = 0; i < node->input_count; i++) {
        inputs[i] = (struct ref_concat_input){
            .data = in[i],
            .c = graph->nodes[node->inputs[i]].c,
            .zp = node->u.concat.in[i].zp,
            .mult = node->u.concat.in[i].mult,
            .shift = node->u.concat.in[i].shift,
        };
    }
    return ref_concat_s8(&concat, inputs, out);
}

static enum bt_status run_slice(const struct bt_graph_node *node, int32_t c_in, const int8_t *in, int8_t *out)
{
    const int64_t pixels = (int64_t)node->h * node->w;
    for (int64_t i = 0; i < pixels; i++) {
        memcpy(out + i * node->c, in + i * c_in + node->u.slice_from, (size_t)node->c);
    }
    return BT_OK;
}

enum bt_status bt_graph_run_node(const struct bt_graph *graph, uint32_t index, const int8_t *const *in, int8_t *out)
{
    if (graph == NULL || index >= graph->count || in == NULL || out == NULL) {
        return BT_EINVAL;
    }
    const struct bt_graph_node *node = &graph->nodes[index];
    const struct bt_graph_node *from = &graph->nodes[node->inputs[0]];
    switch (node->op) {
    case BT_OP_CONV2D:
        return run_conv(node, in[0], out);
    case BT_OP_MAXPOOL:
        return ref_maxpool_s8(&node->u.pool, in[0], out);
    case BT_OP_AVGPOOL:
        return ref_avgpool_s8(&node->u.pool, in[0], out);
    case BT_OP_ADD:
        return ref_add_s8(&node->u.add, in[0], in[1], out);
    case BT_OP_MUL:
        return ref_mul_s8(&node->u.mul, in[0], in[1], out);
    case BT_OP_CONCAT:
        return run_concat(graph, node, in, out);
    case BT_OP_UPSAMPLE: {
        const struct ref_upsample upsample = {
            .n = 1,
            .h = from->h,
            .w = from->w,
            .c = from->c,
            .factor_h = node->u.upsample_scale,
            .factor_w = node->u.upsample_scale,
        };
        return ref_upsample_nearest_s8(&upsample, in[0], out);
    }
    case BT_OP_SOFTMAX:
        return ref_softmax_s8(&node->u.softmax, in[0], out);
    case BT_OP_SLICE:
        return run_slice(node, from->c, in[0], out);
    case BT_OP_TABLE:
        return ref_activation_s8(node->table, (int64_t)bt_graph_bytes(node), in[0], out);
    default:
        return BT_EINVAL; /* an input is given, not computed */
    }
}

enum bt_status bt_graph_run(const struct bt_graph *graph, const int8_t *input, int8_t *const *outputs,
                            struct bt_error *err)
{
    if (graph == NULL || input == NULL || outputs == NULL) {
        return bt_fail(err, BT_EINVAL, "no graph, no input or no outputs: expected all three");
    }
    enum bt_status status = bt_graph_check(graph, err);
    if (status != BT_OK) {
        return status;
    }
    memcpy(outputs[0], input, bt_graph_bytes(&graph->nodes[0]));
    for (uint32_t i = 1; i < graph->count; i++) {
        const struct bt_graph_node *node = &graph->nodes[i];
        const int8_t *in[BT_GRAPH_INPUTS];
        for (uint32_t k = 0; k < BT_GRAPH_INPUTS; k++) {
            in[k] = outputs[k < node->input_count ? node->inputs[k] : 0];
        }
        status = bt_graph_run_node(graph, i, in, outputs[i]);
        if (status != BT_OK) {
            return bt_fail(err, status, "%.47s: node %u '%.47s': refused when run", graph->name, (unsigned)i,
                           node->name);
        }
    }
    return BT_OK;
}
