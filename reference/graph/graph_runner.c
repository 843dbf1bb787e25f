#include "reference/graph/graph_runner.h"

#include <stdlib.h>
#include <string.h>

#include "reference/ops/add_s8.h"
#include "reference/ops/concat_s8.h"
#include "reference/ops/conv2d_s8_fast.h"
#include "reference/ops/mul_s8.h"
#include "reference/ops/pool2d_s8_fast.h"
#include "reference/ops/table_s8_fast.h"

#define VALUES 256
#define PAIRS (VALUES * VALUES)

/* What was prepared for a node. Without anything it runs by its reference operator. */
struct prepared {
    struct ref_conv2d_fast *conv;
    /*
     * The operator's results for all of its inputs, from the operator itself: concat [input_count][VALUES], add and mul
     * [VALUES][VALUES], each at q + 128.
     */
    int8_t *results;
    bool copies[BT_GRAPH_INPUTS]; /* concat: this input goes through unchanged */
};

struct bt_graph_runner {
    const struct bt_graph *graph;
    struct prepared *nodes;
    enum ref_isa isa;
};

/* ---- preparation ---- */

static enum bt_status prepare_conv(struct bt_graph_runner *runner, const struct bt_graph_node *node,
                                   struct prepared *prepared)
{
    const struct bt_layer_data data = {
        .weights = node->weights,
        .bias = node->bias,
        .mult = node->mult,
        .shift = node->shift,
        .table = node->table,
    };
    const enum bt_status status = ref_conv2d_fast_new(&node->u.conv, &data, runner->isa, &prepared->conv);
    return status == BT_EUNSUPPORTED ? BT_OK : status; /* then by the plain loops */
}

static enum bt_status tabulate_concat(const struct bt_graph_node *node, struct prepared *prepared)
{
    int8_t all[VALUES];
    const struct ref_concat one = {
        .pixels = VALUES,
        .count = 1,
        .out_zp = node->zp,
        .rounding = node->u.concat.rounding,
    };
    for (int32_t q = 0; q < VALUES; q++) {
        all[q] = (int8_t)(q - 128);
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        int8_t *results = prepared->results + (size_t)i * VALUES;
        const struct ref_concat_input input = {
            .data = all,
            .c = 1,
            .zp = node->u.concat.in[i].zp,
            .mult = node->u.concat.in[i].mult,
            .shift = node->u.concat.in[i].shift,
        };
        const enum bt_status status = ref_concat_s8(&one, &input, results);
        if (status != BT_OK) {
            return status;
        }
        prepared->copies[i] = memcmp(results, all, VALUES) == 0;
    }
    return BT_OK;
}

static enum bt_status tabulate_pairs(const struct bt_graph_node *node, struct prepared *prepared)
{
    int8_t *in = malloc(2 * (size_t)PAIRS);
    if (in == NULL) {
        return BT_ENOMEM;
    }
    for (int32_t i = 0; i < PAIRS; i++) {
        in[i] = (int8_t)(i / VALUES - 128);
        in[PAIRS + i] = (int8_t)(i % VALUES - 128);
    }
    struct ref_add add = node->u.add;
    struct ref_mul mul = node->u.mul;
    enum bt_status status = BT_OK;
    if (node->op == BT_OP_ADD) {
        add.elems = PAIRS;
        status = ref_add_s8(&add, in, in + PAIRS, prepared->results);
    } else {
        mul.elems = PAIRS;
        status = ref_mul_s8(&mul, in, in + PAIRS, prepared->results);
    }
    free(in);
    return status;
}

static enum bt_status prepare_node(struct bt_graph_runner *runner, uint32_t index)
{
    const struct bt_graph_node *node = &runner->graph->nodes[index];
    struct prepared *prepared = &runner->nodes[index];
    const bool pairs = node->op == BT_OP_ADD || node->op == BT_OP_MUL;
    if (node->op == BT_OP_CONV2D) {
        return prepare_conv(runner, node, prepared);
    }
    if (node->op != BT_OP_CONCAT && !pairs) {
        return BT_OK;
    }
    prepared->results = malloc(pairs ? PAIRS : (size_t)node->input_count * VALUES);
    if (prepared->results == NULL) {
        return BT_ENOMEM;
    }
    return pairs ? tabulate_pairs(node, prepared) : tabulate_concat(node, prepared);
}

enum bt_status bt_graph_runner_new(const struct bt_graph *graph, struct bt_graph_runner **runner, struct bt_error *err)
{
    enum bt_status status = bt_graph_check(graph, err);
    if (status != BT_OK) {
        return status;
    }
    struct bt_graph_runner *made = calloc(1, sizeof(*made));
    if (made != NULL) {
        made->graph = graph;
        made->isa = ref_isa_best();
        made->nodes = calloc(graph->count, sizeof(*made->nodes));
    }
    if (made == NULL || made->nodes == NULL) {
        bt_graph_runner_free(made);
        return bt_fail(err, BT_ENOMEM, "%.47s: no memory to prepare it", graph->name);
    }
    for (uint32_t i = 1; i < graph->count; i++) {
        status = prepare_node(made, i);
        if (status != BT_OK) {
            bt_graph_runner_free(made);
            return bt_fail(err, status, "%.47s: node %u '%.47s': cannot be prepared", graph->name, (unsigned)i,
                           graph->nodes[i].name);
        }
    }
    *runner = made;
    return BT_OK;
}

void bt_graph_runner_free(struct bt_graph_runner *runner)
{
    if (runner == NULL) {
        return;
    }
    for (uint32_t i = 0; runner->nodes != NULL && i < runner->graph->count; i++) {
        ref_conv2d_fast_free(runner->nodes[i].conv);
        free(runner->nodes[i].results);
    }
    free(runner->nodes);
    free(runner);
}

/* ---- execution ---- */

static enum bt_status run_pairs(const struct prepared *prepared, size_t elems, const int8_t *in1, const int8_t *in2,
                                int8_t *restrict out)
{
    const int8_t *results = prepared->results;
    for (size_t i = 0; i < elems; i++) {
        out[i] = results[(in1[i] + 128) * VALUES + in2[i] + 128];
    }
    return BT_OK;
}

static enum bt_status run_concat(const struct bt_graph_runner *runner, const struct bt_graph_node *node,
                                 const struct prepared *prepared, const int8_t *const *in, int8_t *out)
{
    const int64_t pixels = (int64_t)node->h * node->w;
    for (uint32_t k = 0; k < node->input_count; k++) {
        const int8_t *results = prepared->results + (size_t)k * VALUES;
        const int32_t channels = runner->graph->nodes[node->inputs[k]].c;
        for (int64_t p = 0; p < pixels; p++) {
            const int8_t *from = in[k] + p * channels;
            int8_t *to = out + p * node->c;
            if (prepared->copies[k]) {
                memcpy(to, from, (size_t)channels);
                continue;
            }
            ref_table_s8(results, runner->isa, channels, from, to);
        }
        out += channels;
    }
    return BT_OK;
}

static enum bt_status run_node(const struct bt_graph_runner *runner, uint32_t index, const int8_t *const *in,
                               int8_t *out)
{
    const struct bt_graph_node *node = &runner->graph->nodes[index];
    const struct prepared *prepared = &runner->nodes[index];
    if (prepared->conv != NULL) {
        return ref_conv2d_fast_run(prepared->conv, in[0], out);
    }
    switch (node->op) {
    case BT_OP_MAXPOOL:
        return ref_maxpool_s8_fast(&node->u.pool, runner->isa, in[0], out);
    case BT_OP_AVGPOOL:
        return ref_avgpool_s8_fast(&node->u.pool, runner->isa, in[0], out);
    case BT_OP_ADD:
    case BT_OP_MUL:
        return run_pairs(prepared, bt_graph_bytes(node), in[0], in[1], out);
    case BT_OP_CONCAT:
        return run_concat(runner, node, prepared, in, out);
    case BT_OP_TABLE:
        ref_table_s8(node->table, runner->isa, (int64_t)bt_graph_bytes(node), in[0], out);
        return BT_OK;
    default:
        return bt_graph_run_node(runner->graph, index, in, out);
    }
}

enum bt_status bt_graph_runner_run(struct bt_graph_runner *runner, const int8_t *input, int8_t *const *outputs,
                                   struct bt_error *err)
{
    if (runner == NULL || input == NULL || outputs == NULL) {
        return bt_fail(err, BT_EINVAL, "no runner, no input or no outputs: expected all three");
    }
    const struct bt_graph *graph = runner->graph;
    memcpy(outputs[0], input, bt_graph_bytes(&graph->nodes[0]));
    for (uint32_t i = 1; i < graph->count; i++) {
        const struct bt_graph_node *node = &graph->nodes[i];
        const int8_t *in[BT_GRAPH_INPUTS];
        for (uint32_t k = 0; k < BT_GRAPH_INPUTS; k++) {
            in[k] = outputs[k < node->input_count ? node->inputs[k] : 0];
        }
        const enum bt_status status = run_node(runner, i, in, outputs[i]);
        if (status != BT_OK) {
            return bt_fail(err, status, "%.47s: node %u '%.47s': refused when run", graph->name, (unsigned)i,
                           node->name);
        }
    }
    return BT_OK;
}
