/*
 * What ncnn's published table for SqueezeNet 1.1 can give, whoever applies it: parts of the float network are rounded to int8, and
 * the five best classes compared with those of the float network. `squeezenet1_1_table` names the same five on four of five
 * photographs, and so does ncnn's own arithmetic: two of them have a fifth and a sixth class closer than a step of the scores.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "reference/common/bt_conv2d.h"
#include "reference/graph/graph_data_files.h"
#include "reference/graph/graph_float.h"

#define TABLE "squeezenet/ncnn_v1.1/squeezenet_v1.1.int8_calibration.table"
#define CLASSES 1000
#define TOP 5
#define MOST_NODES 40

static const char *data_dir(void)
{
    const char *dir = getenv("BITTRUE_DATA");
    return dir != NULL ? dir : "../shared/data";
}

enum weights {
    WEIGHTS_FLOAT,
    WEIGHTS_PER_FILTER, /* as bt_float_quantise() */
    WEIGHTS_PER_LAYER,  /* the table's scales, NAME_param_0 */
};

enum activations {
    ACTIVATIONS_FLOAT,
    ACTIVATIONS_OURS, /* the formats of the int8 network, but for the scores, which stay float */
    ACTIVATIONS_NCNN, /* what convolutions read: the table's scale, symmetric; all else float */
};

/* One tensor's format: levels from least to most, less is clipped. */
struct format {
    double scale; /* 0: stays float */
    double least, most;
};

struct rounding {
    const struct bt_float_graph *graph;
    float **outputs;
    struct format formats[MOST_NODES];
};

/* A runner reads a tensor after it was seen: to round it here is to compute with rounded values. */
static void round_tensor(void *context, uint32_t node, bool before, const float *values, size_t count)
{
    static const double mean_rgb[] = {123, 117, 104};
    const struct rounding *rounding = context;
    const struct format *format = &rounding->formats[node];
    float *out = rounding->outputs[node];
    (void)values;
    for (size_t i = 0; !before && format->scale > 0 && i < count; i++) {
        const double zero = node == 0 ? mean_rgb[i % 3] : 0; /* ncnn takes the mean colour off beforehand */
        const double q = round((out[i] - zero) / format->scale);
        out[i] = (float)(fmin(fmax(q, format->least), format->most) * format->scale + zero);
    }
}

/* Levels per unit, of a blob or of weights. The table's names have a slash where ours have a dot. */
static double table_scale(const char *table, const char *name)
{
    char key[64];
    (void)snprintf(key, sizeof(key), "%s ", name);
    for (char *c = strchr(key, '.'); c != NULL; c = strchr(c, '.')) {
        *c = '/';
    }
    const char *line = strstr(table, key);
    while (line != NULL && line != table && line[-1] != '\n') {
        line = strstr(line + 1, key);
    }
    if (line == NULL) {
        fail_msg("%s: no scale of %s", TABLE, name);
    }
    return line != NULL ? strtod(line + strlen(key), NULL) : 0;
}

static void round_weights(struct bt_float_graph *graph, enum weights weights, const char *table)
{
    for (uint32_t i = 1; weights != WEIGHTS_FLOAT && i < graph->count; i++) {
        struct bt_float_node *node = &graph->nodes[i];
        const int64_t elems = node->op == BT_OP_CONV2D ? bt_conv2d_weight_elems(&node->u.conv) / node->c : 0;
        char name[64];
        (void)snprintf(name, sizeof(name), "%s_param_0", node->name);
        for (int32_t oc = 0; elems > 0 && oc < node->c; oc++) {
            float *filter = node->weights + oc * elems;
            double largest = 0;
            for (int64_t k = 0; k < elems; k++) {
                largest = fmax(largest, fabs((double)filter[k]));
            }
            const double scale = weights == WEIGHTS_PER_LAYER ? 1 / table_scale(table, name) : largest / 127;
            for (int64_t k = 0; scale > 0 && k < elems; k++) {
                filter[k] = (float)(fmin(fmax(round(filter[k] / scale), -127), 127) * scale);
            }
        }
    }
}

static void set_formats(struct rounding *rounding, enum activations activations, const struct bt_graph *quantised,
                        const char *table)
{
    const struct bt_float_graph *graph = rounding->graph;
    for (uint32_t i = 1; i < graph->count; i++) {
        const struct bt_graph_node *ours = &quantised->nodes[i];
        const uint32_t in = graph->nodes[i].inputs[0];
        if (activations == ACTIVATIONS_OURS && i < graph->count - 2) {
            rounding->formats[i] = (struct format){ours->scale, -128 - ours->zp, 127 - ours->zp};
        }
        if (activations == ACTIVATIONS_NCNN && graph->nodes[i].op == BT_OP_CONV2D) {
            const char *blob = in == 0 ? "data" : graph->nodes[in].name;
            rounding->formats[in] = (struct format){1 / table_scale(table, blob), -127, 127};
        }
    }
}

/* Best first; of equal scores the lower class. */
static void best_of(const float *scores, uint32_t best[TOP + 1])
{
    for (uint32_t rank = 0; rank <= TOP; rank++) {
        bool any = false;
        for (uint32_t i = 0; i < CLASSES; i++) {
            bool used = false;
            for (uint32_t k = 0; k < rank; k++) {
                used = used || best[k] == i;
            }
            if (!used && (!any || scores[i] > scores[best[rank]])) {
                best[rank] = i;
                any = true;
            }
        }
    }
}

static bool same_five(const uint32_t *a, const uint32_t *b)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < TOP * TOP; i++) {
        found += a[i / TOP] == b[i % TOP] ? 1 : 0;
    }
    return found == TOP;
}

static struct bt_float_graph *load_float(void)
{
    struct bt_float_graph *graph = NULL;
    struct bt_error err = {""};
    if (bt_graph_load_float("squeezenet1_1", data_dir(), &graph, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    assert_in_range(graph->count, 3, MOST_NODES);
    return graph;
}

/* The best six of each photograph and their scores. */
struct ranking {
    uint32_t best[BT_DATA_PHOTOS][TOP + 1];
    double gap[BT_DATA_PHOTOS]; /* from the fifth to the sixth */
};

static void rank_rounded(enum weights weights, enum activations activations, const struct bt_graph *quantised,
                         const struct bt_graph_samples *samples, const char *table, struct ranking *ranking)
{
    struct bt_float_graph *graph = load_float();
    struct rounding rounding = {.graph = graph};
    const struct bt_float_observer observer = {round_tensor, &rounding};
    struct bt_float_runner *runner = NULL;
    struct bt_error err = {""};
    float *input = malloc(samples->bytes * sizeof(*input));
    assert_non_null(input);
    assert_int_equal(bt_float_outputs_new(graph, &rounding.outputs), BT_OK);
    round_weights(graph, weights, table);
    set_formats(&rounding, activations, quantised, table);
    assert_int_equal(bt_float_runner_new(graph, &runner, &err), BT_OK);
    for (uint32_t p = 0; p < BT_DATA_PHOTOS; p++) {
        for (size_t i = 0; i < samples->bytes; i++) {
            input[i] = (float)(samples->inputs[p * samples->bytes + i] + 128);
        }
        assert_int_equal(bt_float_runner_run(runner, &observer, input, rounding.outputs, &err), BT_OK);
        const float *scores = rounding.outputs[graph->count - 2];
        best_of(scores, ranking->best[p]);
        ranking->gap[p] = (double)scores[ranking->best[p][TOP - 1]] - (double)scores[ranking->best[p][TOP]];
    }
    bt_float_runner_free(runner);
    bt_float_outputs_free(graph, rounding.outputs);
    bt_float_graph_free(graph);
    free(input);
}

static void test_the_same_five(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        enum weights weights;
        enum activations activations;
        bool same[BT_DATA_PHOTOS]; /* dog, eagle, giraffe, horses, person */
    } cases[] = {
        {"weights per filter alone", WEIGHTS_PER_FILTER, ACTIVATIONS_FLOAT, {true, true, true, true, false}},
        {"activations alone", WEIGHTS_FLOAT, ACTIVATIONS_OURS, {false, true, true, true, false}},
        {"ncnn, weights per layer", WEIGHTS_PER_LAYER, ACTIVATIONS_NCNN, {false, true, true, true, true}},
        {"ncnn, weights per filter", WEIGHTS_PER_FILTER, ACTIVATIONS_NCNN, {true, true, true, true, false}},
    };
    struct bt_graph *quantised = NULL;
    struct bt_graph_samples samples = {0};
    struct bt_error err = {""};
    unsigned char *table = NULL;
    const enum bt_status status = bt_graph_load_real("squeezenet1_1", data_dir(), &quantised, &samples, &err);
    if (status == BT_EUNSUPPORTED) {
        print_message("SKIP: %s\n", err.text);
        skip();
    }
    if (status != BT_OK || bt_data_file(data_dir(), TABLE, 0, &table, NULL, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(samples.count, BT_DATA_PHOTOS);
    struct ranking real = {0};
    rank_rounded(WEIGHTS_FLOAT, ACTIVATIONS_FLOAT, quantised, &samples, (const char *)table, &real);
    const double step = quantised->nodes[quantised->count - 2].scale;
    for (uint32_t p = 0; p < BT_DATA_PHOTOS; p++) {
        print_message("  %-8s fifth above sixth by %.3f; a step of the scores is %.3f\n", samples.titles[p],
                      real.gap[p], step);
        assert_true((real.gap[p] < step) == (p == 0 || p == 4));
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ranking rounded = {0};
        uint32_t same = 0;
        rank_rounded(cases[i].weights, cases[i].activations, quantised, &samples, (const char *)table, &rounded);
        for (uint32_t p = 0; p < BT_DATA_PHOTOS; p++) {
            same += same_five(real.best[p], rounded.best[p]) ? 1 : 0;
        }
        print_message("  %-26s same five on %u\n", cases[i].what, same);
        for (uint32_t p = 0; p < BT_DATA_PHOTOS; p++) {
            assert_int_equal(same_five(real.best[p], rounded.best[p]), cases[i].same[p]);
        }
    }
    bt_graph_free(quantised);
    bt_graph_samples_free(&samples);
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_same_five)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
