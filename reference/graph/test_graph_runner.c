/* The runner against bt_graph_run(), every tensor of whole networks, bit by bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/network.h"
#include "reference/common/bt_conv2d.h"
#include "reference/graph/graph_runner.h"
#include "reference/graph/graph_seeded.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PICTURES 3

static const struct bt_pruning dense;

static struct bt_graph *seeded(const char *name)
{
    char path[64];
    struct bt_error err = {""};
    struct bt_network *network = NULL;
    struct bt_graph *graph = NULL;
    (void)snprintf(path, sizeof(path), "suites/networks/%s.yaml", name);
    if (bt_network_load(path, &network, &err) != BT_OK || bt_graph_seeded(network, 1, &dense, &graph, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    bt_network_free(network);
    return graph;
}

static struct bt_graph_runner *runner_of(const struct bt_graph *graph)
{
    struct bt_error err = {""};
    struct bt_graph_runner *runner = NULL;
    if (bt_graph_runner_new(graph, &runner, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    return runner;
}

/* Nodes whose outputs differ over some pictures; the first of them in *first. */
static uint32_t differing(const struct bt_graph *graph, struct bt_graph_runner *runner, uint32_t *first)
{
    struct bt_error err = {""};
    int8_t **plain = NULL;
    int8_t **fast = NULL;
    uint32_t found = 0;
    int8_t *input = malloc(bt_graph_bytes(&graph->nodes[0]));
    assert_non_null(input);
    assert_int_equal(bt_graph_outputs_new(graph, &plain), BT_OK);
    assert_int_equal(bt_graph_outputs_new(graph, &fast), BT_OK);
    for (uint64_t picture = 1; picture <= PICTURES; picture++) {
        bt_graph_seeded_input(graph, picture, input);
        if (bt_graph_run(graph, input, plain, &err) != BT_OK ||
            bt_graph_runner_run(runner, input, fast, &err) != BT_OK) {
            fail_msg("%s", err.text);
        }
        for (uint32_t i = 0; i < graph->count; i++) {
            if (memcmp(plain[i], fast[i], bt_graph_bytes(&graph->nodes[i])) != 0) {
                *first = found == 0 ? i : *first;
                found++;
            }
        }
    }
    free(input);
    bt_graph_outputs_free(graph, plain);
    bt_graph_outputs_free(graph, fast);
    return found;
}

/* Between them all operators: fire modules, residuals, depthwise layers, heads with upsampling and concatenation. */
static void test_networks(void **state)
{
    (void)state;
    static const char *const names[] = {"lenet5", "resnet8", "squeezenet1_1", "mobilenet_v1", "yolo_fastest_1_1"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct bt_graph *graph = seeded(names[i]);
        struct bt_graph_runner *runner = runner_of(graph);
        uint32_t first = 0;
        if (differing(graph, runner, &first) != 0) {
            fail_msg("%s: node %s differs", names[i], graph->nodes[first].name);
        }
        bt_graph_runner_free(runner);
        bt_graph_free(graph);
    }
}

/* The runner keeps what it was made of: a change afterwards shows from that node on, and a runner made anew agrees. */
static void test_prepared_once(void **state)
{
    (void)state;
    struct bt_graph *graph = seeded("lenet5");
    struct bt_graph_runner *runner = runner_of(graph);
    uint32_t first = 0;
    assert_int_equal(differing(graph, runner, &first), 0);
    struct bt_graph_node *conv = &graph->nodes[3];
    assert_int_equal(conv->op, BT_OP_CONV2D);
    const size_t weights = (size_t)bt_conv2d_weight_elems(&conv->u.conv);
    memset(conv->weights, 0, weights / 2); /* pruned */
    assert_true(differing(graph, runner, &first) > 0);
    assert_int_equal(first, 3);
    bt_graph_runner_free(runner);
    runner = runner_of(graph);
    assert_int_equal(differing(graph, runner, &first), 0);
    bt_graph_runner_free(runner);
    bt_graph_free(graph);
}

static void test_refused(void **state)
{
    (void)state;
    struct bt_error err = {""};
    struct bt_graph_runner *runner = NULL;
    struct bt_graph *graph = seeded("lenet5");
    assert_int_equal(bt_graph_runner_new(NULL, &runner, &err), BT_EINVAL);
    graph->nodes[1].mult[2] = -1;
    err.text[0] = '\0';
    assert_int_equal(bt_graph_runner_new(graph, &runner, &err), BT_EINVAL);
    assert_non_null(strstr(err.text, "'c1'"));
    assert_null(runner);
    graph->nodes[1].mult[2] = 1 << 30;
    runner = runner_of(graph);
    int8_t some = 0;
    int8_t *none[1] = {NULL};
    assert_int_equal(bt_graph_runner_run(NULL, &some, none, &err), BT_EINVAL);
    assert_int_equal(bt_graph_runner_run(runner, NULL, none, &err), BT_EINVAL);
    assert_int_equal(bt_graph_runner_run(runner, &some, NULL, &err), BT_EINVAL);
    bt_graph_runner_free(runner);
    bt_graph_runner_free(NULL);
    bt_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_prepared_once),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("graph_runner", tests, NULL, NULL);
}
