#include "harness/lower.h"

#include <assert.h>
#include <string.h>

#include "harness/firmware/fw_conv2d_s8.h"
#include "reference/common/bt_conv2d.h"

struct bt_lowered bt_lower_constants(struct bt_program_image *image, const struct bt_layer *layer,
                                     const struct bt_layer_data *data)
{
    const struct bt_conv2d *conv = &layer->u.conv;
    const uint64_t weight_bytes = (uint64_t)bt_conv2d_weight_elems(conv) * bt_layer_elem_bytes(layer);
    const uint64_t per_channel = (uint64_t)conv->c_out * sizeof(int32_t);
    return (struct bt_lowered){
        .weights = bt_program_put(image, data->weights, weight_bytes),
        .bias = bt_program_put(image, data->bias, per_channel),
        .mult = bt_program_put(image, conv->raw ? NULL : data->mult, per_channel),
        .shift = bt_program_put(image, conv->raw ? NULL : data->shift, per_channel),
        .table = bt_program_put(image, conv->table ? data->table : NULL, 256),
    };
}

static void set_constants(struct bt_step *step, const struct bt_lowered *constants)
{
    step->weights = constants->weights;
    step->bias = constants->bias;
    step->mult = constants->mult;
    step->shift = constants->shift;
    step->table = constants->table;
}

void bt_lower_conv(struct bt_program_image *image, uint32_t node, const struct bt_conv2d *conv,
                   const struct bt_lowered *constants, uint32_t in, uint32_t out)
{
    const uint32_t params = bt_program_put(image, conv, sizeof(*conv));
    const uint64_t scratch = fw_conv2d_s8_scratch_bytes(conv);
    struct bt_step *step = bt_program_step(image, BT_STEP_CONV2D, node);
    step->params = params;
    step->input_count = 1;
    step->in[0] = in;
    step->out = out;
    set_constants(step, constants);
    image->scratch_bytes = scratch > image->scratch_bytes ? scratch : image->scratch_bytes;
}

void bt_lower_maxpool(struct bt_program_image *image, uint32_t node, const struct ref_pool2d *pool, uint32_t in,
                      uint32_t out)
{
    const uint32_t params = bt_program_put(image, pool, sizeof(*pool));
    struct bt_step *step = bt_program_step(image, BT_STEP_MAXPOOL, node);
    step->params = params;
    step->input_count = 1;
    step->in[0] = in;
    step->out = out;
}

struct bt_lowered_plan bt_lower_plan(struct bt_program_image *image, const struct bt_driver *driver, const void *plan,
                                     const struct bt_blob *aux)
{
    return (struct bt_lowered_plan){
        .plan = bt_program_put(image, plan, driver->plan_bytes),
        .aux = aux != NULL ? bt_program_put(image, aux->data, aux->bytes) : 0,
        .aux_bytes = aux != NULL ? (uint32_t)aux->bytes : 0,
        .counters = bt_program_reserve(image, sizeof(struct bt_counters)),
    };
}

static struct bt_step *accel_step(struct bt_program_image *image, enum bt_step_kind kind, uint32_t node,
                                  const struct bt_lowered_plan *plan)
{
    struct bt_step *step = bt_program_step(image, kind, node);
    step->plan = plan->plan;
    return step;
}

void bt_lower_pack(struct bt_program_image *image, uint32_t node, const struct bt_lowered_plan *plan,
                   const struct bt_lowered *constants)
{
    struct bt_step *step = accel_step(image, BT_STEP_ACCEL_PACK, node, plan);
    step->aux = plan->aux;
    step->aux_bytes = plan->aux_bytes;
    set_constants(step, constants);
}

void bt_lower_load(struct bt_program_image *image, uint32_t node, const struct bt_lowered_plan *plan, uint32_t in)
{
    struct bt_step *step = accel_step(image, BT_STEP_ACCEL_LOAD, node, plan);
    step->input_count = 1;
    step->in[0] = in;
}

void bt_lower_start(struct bt_program_image *image, uint32_t node, const struct bt_lowered_plan *plan)
{
    (void)accel_step(image, BT_STEP_ACCEL_START, node, plan);
}

void bt_lower_wait(struct bt_program_image *image, uint32_t node, const struct bt_lowered_plan *plan)
{
    accel_step(image, BT_STEP_ACCEL_WAIT, node, plan)->counters = plan->counters;
}

void bt_lower_unpack(struct bt_program_image *image, uint32_t node, const struct bt_lowered_plan *plan, uint32_t out)
{
    accel_step(image, BT_STEP_ACCEL_UNPACK, node, plan)->out = out;
}

/* ---- graphs ---- */

static enum bt_step_kind kind_of(enum bt_op op)
{
    static const enum bt_step_kind kinds[BT_OP_COUNT] = {
        [BT_OP_MAXPOOL] = BT_STEP_MAXPOOL, [BT_OP_AVGPOOL] = BT_STEP_AVGPOOL, [BT_OP_ADD] = BT_STEP_ADD,
        [BT_OP_MUL] = BT_STEP_MUL,         [BT_OP_CONCAT] = BT_STEP_CONCAT,   [BT_OP_UPSAMPLE] = BT_STEP_UPSAMPLE,
        [BT_OP_SLICE] = BT_STEP_SLICE,     [BT_OP_SOFTMAX] = BT_STEP_SOFTMAX, [BT_OP_TABLE] = BT_STEP_TABLE,
    };
    assert(kinds[op] != BT_STEP_NONE);
    return kinds[op];
}

static uint32_t concat_params(struct bt_program_image *image, const struct bt_graph *graph,
                              const struct bt_graph_node *node)
{
    struct bt_step_concat params;
    memset(&params, 0, sizeof(params)); /* padding too: DRAM is compared and hashed */
    params.pixels = (int64_t)node->h * node->w;
    params.count = (int32_t)node->input_count;
    params.out_zp = node->zp;
    params.rounding = node->u.concat.rounding;
    for (uint32_t i = 0; i < node->input_count; i++) {
        params.in[i].c = graph->nodes[node->inputs[i]].c;
        params.in[i].zp = node->u.concat.in[i].zp;
        params.in[i].mult = node->u.concat.in[i].mult;
        params.in[i].shift = node->u.concat.in[i].shift;
    }
    return bt_program_put(image, &params, sizeof(params));
}

/* The parameter block of a node, as the step's kind wants it. */
static uint32_t node_params(struct bt_program_image *image, const struct bt_graph *graph,
                            const struct bt_graph_node *node)
{
    const struct bt_graph_node *input = &graph->nodes[node->inputs[0]];
    switch (node->op) {
    case BT_OP_MAXPOOL:
    case BT_OP_AVGPOOL:
        return bt_program_put(image, &node->u.pool, sizeof(node->u.pool));
    case BT_OP_ADD:
        return bt_program_put(image, &node->u.add, sizeof(node->u.add));
    case BT_OP_MUL:
        return bt_program_put(image, &node->u.mul, sizeof(node->u.mul));
    case BT_OP_SOFTMAX:
        return bt_program_put(image, &node->u.softmax, sizeof(node->u.softmax));
    case BT_OP_CONCAT:
        return concat_params(image, graph, node);
    case BT_OP_UPSAMPLE: {
        const struct bt_step_upsample params = {
            .h = input->h, .w = input->w, .c = input->c, .scale = node->u.upsample_scale};
        return bt_program_put(image, &params, sizeof(params));
    }
    case BT_OP_SLICE: {
        const struct bt_step_slice params = {
            .pixels = (int64_t)node->h * node->w, .c_in = input->c, .from = node->u.slice_from, .c = node->c};
        return bt_program_put(image, &params, sizeof(params));
    }
    case BT_OP_TABLE: {
        const struct bt_step_table params = {.elems = (int64_t)bt_graph_bytes(node)};
        return bt_program_put(image, &params, sizeof(params));
    }
    case BT_OP_CONV2D:
    case BT_OP_INPUT:
    case BT_OP_COUNT:
        break;
    }
    assert(!"a node without a parameter block");
    return 0;
}

void bt_lower_node(struct bt_program_image *image, const struct bt_graph *graph, uint32_t index,
                   const uint32_t *tensors)
{
    const struct bt_graph_node *node = &graph->nodes[index];
    const uint32_t params = node_params(image, graph, node);
    const uint32_t table = bt_program_put(image, node->op == BT_OP_TABLE ? node->table : NULL, 256);
    struct bt_step *step = bt_program_step(image, kind_of(node->op), index);
    step->params = params;
    step->table = table;
    step->out = tensors[index];
    step->input_count = node->input_count;
    for (uint32_t i = 0; i < node->input_count; i++) {
        step->in[i] = tensors[node->inputs[i]];
    }
}
