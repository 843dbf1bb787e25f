#include "reference/graph/graph_equalise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reference/common/bt_conv2d.h"
#include "reference/graph/graph_exact.h"

/* No scale is moved by more than 2 to this power: what is left is a dead channel's. */
#define MOST_POWER 12

struct look {
    const struct bt_float_graph *graph;
    float **reach;    /* by node, per channel: largest magnitude seen; NULL where nothing is moved */
    uint32_t *reader; /* by node: the convolution that alone reads it, or 0 */
};

static void see(void *context, uint32_t node, bool before, const float *values, size_t count)
{
    const struct look *look = context;
    float *reach = look->reach[node];
    const size_t channels = (size_t)look->graph->nodes[node].c;
    for (size_t i = 0; reach != NULL && !before && i < count; i++) {
        const float magnitude = fabsf(values[i]);
        reach[i % channels] = magnitude > reach[i % channels] ? magnitude : reach[i % channels];
    }
}

static bool homogeneous(enum bt_act act)
{
    return act == BT_ACT_NONE || act == BT_ACT_RELU || act == BT_ACT_LEAKY;
}

/* The reader must see channels as channels: not flattened. */
static void find_readers(struct look *look)
{
    const struct bt_float_graph *graph = look->graph;
    for (uint32_t i = 1; i < graph->count; i++) {
        uint32_t readers = 0;
        uint32_t found = 0;
        for (uint32_t r = i + 1; r < graph->count; r++) {
            for (uint32_t k = 0; k < graph->nodes[r].input_count; k++) {
                readers += graph->nodes[r].inputs[k] == i ? 1 : 0;
                found = graph->nodes[r].inputs[k] == i ? r : found;
            }
        }
        const struct bt_float_node *node = &graph->nodes[i];
        const struct bt_float_node *reader = &graph->nodes[found];
        if (readers == 1 && node->op == BT_OP_CONV2D && homogeneous(node->act) && reader->op == BT_OP_CONV2D &&
            reader->u.conv.c_in == node->c) {
            look->reader[i] = found;
        }
    }
}

/* The weights that one input channel meets: groups of taps, one per filter of its group. */
struct column {
    float *weights;
    int64_t filters, filter_elems, taps, depth;
};

static struct column column_of(const struct bt_float_node *reader, int32_t channel)
{
    const struct bt_conv2d *conv = &reader->u.conv;
    const int64_t depth = conv->c_in / conv->groups;
    const int64_t filters = conv->c_out / conv->groups;
    const int64_t taps = (int64_t)conv->kh * conv->kw;
    return (struct column){
        .weights = reader->weights + channel / depth * filters * taps * depth + channel % depth,
        .filters = filters,
        .filter_elems = taps * depth,
        .taps = taps,
        .depth = depth,
    };
}

static float column_reach(const struct column *column)
{
    float most = 0;
    for (int64_t f = 0; f < column->filters; f++) {
        for (int64_t t = 0; t < column->taps; t++) {
            const float magnitude = fabsf(column->weights[f * column->filter_elems + t * column->depth]);
            most = magnitude > most ? magnitude : most;
        }
    }
    return most;
}

static void scale_column(const struct column *column, float factor)
{
    for (int64_t f = 0; f < column->filters; f++) {
        for (int64_t t = 0; t < column->taps; t++) {
            column->weights[f * column->filter_elems + t * column->depth] *= factor;
        }
    }
}

static void scale_filter(struct bt_float_node *node, int32_t channel, float factor)
{
    const int64_t elems = bt_conv2d_weight_elems(&node->u.conv) / node->c;
    for (int64_t i = 0; i < elems; i++) {
        node->weights[channel * elems + i] *= factor;
    }
    node->bias[channel] *= factor;
}

/* Nearest power of two to x, by its exponent. */
static int power_of(double x)
{
    int exponent = 0;
    const double part = frexp(x, &exponent); /* [1/2, 1) */
    return part < 0x1.6a09e667f3bcdp-1 ? exponent - 1 : exponent;
}

static void move_scales(const struct look *look, uint32_t index, int *powers)
{
    struct bt_float_node *node = &look->graph->nodes[index];
    struct bt_float_node *reader = &look->graph->nodes[look->reader[index]];
    const bool depthwise = reader->u.conv.groups == reader->u.conv.c_in;
    int highest = -MOST_POWER;
    int lowest = MOST_POWER;
    for (int32_t c = 0; c < node->c; c++) {
        const struct column column = column_of(reader, c);
        const double x = look->reach[index][c];
        const double w = column_reach(&column);
        powers[c] = MOST_POWER + 1; /* nothing to go by */
        if (x > 0 && w > 0) {
            const int power = power_of(depthwise ? x : sqrt(x / w));
            powers[c] = power > MOST_POWER ? MOST_POWER : power < -MOST_POWER ? -MOST_POWER : power;
            highest = powers[c] > highest ? powers[c] : highest;
            lowest = powers[c] < lowest ? powers[c] : lowest;
        }
    }
    for (int32_t c = 0; c < node->c && lowest <= highest; c++) {
        /* A channel that was never seen must not be the widest when it is. */
        const int power = powers[c] > MOST_POWER ? highest : powers[c];
        const struct column column = column_of(reader, c);
        scale_filter(node, c, (float)ldexp(1, -power));
        scale_column(&column, (float)ldexp(1, power));
    }
}

enum bt_status bt_float_equalise(struct bt_float_graph *graph, const float *inputs, uint32_t count,
                                 struct bt_error *err)
{
    struct look look = {.graph = graph};
    const struct bt_float_observer observer = {see, &look};
    struct bt_float_runner *runner = NULL;
    float **outputs = NULL;
    int *powers = NULL;
    int32_t most = 1;
    enum bt_status status = bt_float_outputs_new(graph, &outputs);
    look.reach = calloc(graph->count, sizeof(*look.reach));
    look.reader = calloc(graph->count, sizeof(*look.reader));
    status = look.reach == NULL || look.reader == NULL ? BT_ENOMEM : status;
    if (status == BT_OK) {
        find_readers(&look);
    }
    for (uint32_t i = 0; status == BT_OK && i < graph->count; i++) {
        most = graph->nodes[i].c > most ? graph->nodes[i].c : most;
        look.reach[i] = look.reader[i] != 0 ? calloc((size_t)graph->nodes[i].c, sizeof(float)) : NULL;
        status = look.reader[i] != 0 && look.reach[i] == NULL ? BT_ENOMEM : BT_OK;
    }
    powers = calloc((size_t)most, sizeof(*powers));
    if (status != BT_OK || powers == NULL) {
        status = bt_fail(err, BT_ENOMEM, "%.47s: no memory to equalise", graph->name);
    }
    if (status == BT_OK) {
        status = bt_float_runner_new(graph, &runner, err);
    }
    for (uint32_t k = 0; status == BT_OK && k < count; k++) {
        status = bt_float_runner_run(runner, &observer, inputs + k * bt_float_elems(&graph->nodes[0]), outputs, err);
    }
    bt_float_runner_free(runner);
    /* From the end: what a reader's channels become does not change what its own readers saw. */
    for (uint32_t i = graph->count; status == BT_OK && look.reader != NULL && powers != NULL && i > 1; i--) {
        if (look.reader[i - 1] != 0) {
            move_scales(&look, i - 1, powers);
        }
    }
    for (uint32_t i = 0; look.reach != NULL && i < graph->count; i++) {
        free(look.reach[i]);
    }
    bt_float_outputs_free(graph, outputs);
    free(look.reach);
    free(look.reader);
    free(powers);
    return status;
}
