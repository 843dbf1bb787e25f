/*
 * bench-int8: the fast path of int8 inference against oneDNN's own int8 convolution, layer by layer in one run, on one
 * thread; and 10,000 pictures through LeNet-5. For `make bench`, from the top of the tree.
 *
 * Ours is all that inference does for a layer: padding, sums, bias, requantisation to int8 with the roundings of TFLite.
 * oneDNN's is its uint8 x int8 -> uint8 convolution with a bias and one scale per channel, as benchdnn runs it: weights
 * reordered beforehand, source zero point 0, binary32 scales. Both by turns, the best of ROUNDS each; a layer's data
 * stays in the caches.
 */
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <dnnl.h>

#include "harness/network.h"
#include "reference/common/bt_conv2d.h"
#include "reference/graph/graph_runner.h"
#include "reference/graph/graph_seeded.h"
#include "reference/ops/conv2d_s8_fast.h"

enum { ROUNDS = 15, PICTURES = 10000, THREADS = 2, SEED = 1 };

/* A round repeats short layers until it is long enough to be timed. */
#define ROUND_SECONDS 200e-6

static double now_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static _Noreturn void give_up(const char *what)
{
    (void)fprintf(stderr, "bench-int8: %s\n", what);
    exit(1);
}

static void expect(enum bt_status status, const char *what)
{
    if (status != BT_OK) {
        give_up(what);
    }
}

static void expect_dnnl(dnnl_status_t status)
{
    if (status != dnnl_success) {
        give_up("oneDNN failed");
    }
}

static struct bt_graph *seeded_graph(const char *name)
{
    char path[64];
    struct bt_error err = {""};
    struct bt_network *network = NULL;
    struct bt_graph *graph = NULL;
    const struct bt_pruning dense = {0};
    (void)snprintf(path, sizeof(path), "suites/networks/%s.yaml", name);
    expect(bt_network_load(path, &network, &err), err.text);
    expect(bt_graph_seeded(network, SEED, &dense, &graph, &err), err.text);
    bt_network_free(network);
    return graph;
}

/* ---- one layer, both ways ---- */

struct layer {
    const struct bt_graph_node *node;
    const int8_t *ifmap;
    int8_t *ofmap;
    struct ref_conv2d_fast *ours;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t theirs;
    dnnl_memory_t src, weights, bias, dst;
};

static void copy_in(dnnl_memory_t memory, const void *from, size_t bytes, uint8_t flip)
{
    uint8_t *to = NULL;
    expect_dnnl(dnnl_memory_get_data_handle(memory, (void **)&to));
    for (size_t i = 0; i < bytes; i++) {
        to[i] = ((const uint8_t *)from)[i] ^ flip;
    }
}

static void reorder_weights(struct layer *layer, const dnnl_memory_desc_t *plain, const dnnl_memory_desc_t *wanted)
{
    dnnl_memory_t from = NULL;
    dnnl_primitive_desc_t desc = NULL;
    dnnl_primitive_t reorder = NULL;
    expect_dnnl(dnnl_memory_create(&from, plain, layer->engine, layer->node->weights));
    expect_dnnl(dnnl_memory_create(&layer->weights, wanted, layer->engine, DNNL_MEMORY_ALLOCATE));
    expect_dnnl(dnnl_reorder_primitive_desc_create(&desc, plain, layer->engine, wanted, layer->engine, NULL));
    expect_dnnl(dnnl_primitive_create(&reorder, desc));
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, layer->weights}};
    expect_dnnl(dnnl_primitive_execute(reorder, layer->stream, 2, args));
    expect_dnnl(dnnl_stream_wait(layer->stream));
    (void)dnnl_primitive_destroy(reorder);
    (void)dnnl_primitive_desc_destroy(desc);
    (void)dnnl_memory_destroy(from);
}

static dnnl_primitive_attr_t channel_scales(const struct bt_graph_node *node)
{
    dnnl_primitive_attr_t attr = NULL;
    float *scales = calloc((size_t)node->u.conv.c_out, sizeof(float));
    if (scales == NULL) {
        give_up("out of memory");
    }
    for (int32_t c = 0; c < node->u.conv.c_out; c++) {
        scales[c] = (float)ldexp(node->mult[c], node->shift[c] - 31);
    }
    expect_dnnl(dnnl_primitive_attr_create(&attr));
    expect_dnnl(dnnl_primitive_attr_set_output_scales(attr, node->u.conv.c_out, 1 << 1, scales));
    free(scales);
    return attr;
}

static void open_theirs(struct layer *layer)
{
    const struct bt_conv2d *conv = &layer->node->u.conv;
    const dnnl_dims_t src_dims = {1, conv->c_in, conv->h, conv->w};
    const dnnl_dims_t weight_dims = {conv->c_out, conv->c_in, conv->kh, conv->kw};
    const dnnl_dims_t bias_dims = {conv->c_out};
    const dnnl_dims_t dst_dims = {1, conv->c_out, bt_conv2d_oh(conv), bt_conv2d_ow(conv)};
    const dnnl_dims_t strides = {conv->stride_h, conv->stride_w};
    const dnnl_dims_t before = {conv->pad_top, conv->pad_left};
    /* Of the padding behind only what a window reaches, or oneDNN takes the shape to be another. */
    const dnnl_dims_t after = {(dst_dims[2] - 1) * conv->stride_h + conv->kh - conv->h - conv->pad_top,
                               (dst_dims[3] - 1) * conv->stride_w + conv->kw - conv->w - conv->pad_left};
    dnnl_memory_desc_t src;
    dnnl_memory_desc_t any;
    dnnl_memory_desc_t plain;
    dnnl_memory_desc_t bias;
    dnnl_memory_desc_t dst;
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_t kernel = NULL;
    const dnnl_primitive_attr_t attr = channel_scales(layer->node);
    expect_dnnl(dnnl_engine_create(&layer->engine, dnnl_cpu, 0));
    expect_dnnl(dnnl_stream_create(&layer->stream, layer->engine, dnnl_stream_default_flags));
    expect_dnnl(dnnl_memory_desc_init_by_tag(&src, 4, src_dims, dnnl_u8, dnnl_nhwc));
    expect_dnnl(dnnl_memory_desc_init_by_tag(&any, 4, weight_dims, dnnl_s8, dnnl_format_tag_any));
    expect_dnnl(dnnl_memory_desc_init_by_tag(&plain, 4, weight_dims, dnnl_s8, dnnl_ohwi));
    expect_dnnl(dnnl_memory_desc_init_by_tag(&bias, 1, bias_dims, dnnl_s32, dnnl_x));
    expect_dnnl(dnnl_memory_desc_init_by_tag(&dst, 4, dst_dims, dnnl_u8, dnnl_nhwc));
    expect_dnnl(dnnl_convolution_forward_desc_init(&desc, dnnl_forward_inference, dnnl_convolution_direct, &src, &any,
                                                   &bias, &dst, strides, before, after));
    expect_dnnl(dnnl_primitive_desc_create(&kernel, &desc, attr, layer->engine, NULL));
    expect_dnnl(dnnl_primitive_create(&layer->theirs, kernel));
    reorder_weights(layer, &plain, dnnl_primitive_desc_query_md(kernel, dnnl_query_weights_md, 0));
    expect_dnnl(dnnl_memory_create(&layer->src, &src, layer->engine, DNNL_MEMORY_ALLOCATE));
    expect_dnnl(dnnl_memory_create(&layer->bias, &bias, layer->engine, DNNL_MEMORY_ALLOCATE));
    expect_dnnl(dnnl_memory_create(&layer->dst, &dst, layer->engine, DNNL_MEMORY_ALLOCATE));
    copy_in(layer->src, layer->ifmap, (size_t)bt_conv2d_ifmap_elems(conv), 0x80);
    copy_in(layer->bias, layer->node->bias, (size_t)conv->c_out * sizeof(int32_t), 0);
    (void)dnnl_primitive_desc_destroy(kernel);
    (void)dnnl_primitive_attr_destroy(attr);
}

static void close_layer(struct layer *layer)
{
    ref_conv2d_fast_free(layer->ours);
    (void)dnnl_primitive_destroy(layer->theirs);
    (void)dnnl_memory_destroy(layer->src);
    (void)dnnl_memory_destroy(layer->weights);
    (void)dnnl_memory_destroy(layer->bias);
    (void)dnnl_memory_destroy(layer->dst);
    (void)dnnl_stream_destroy(layer->stream);
    (void)dnnl_engine_destroy(layer->engine);
}

static void run_ours(struct layer *layer)
{
    expect(ref_conv2d_fast_run(layer->ours, layer->ifmap, layer->ofmap), "our convolution failed");
}

static void run_theirs(struct layer *layer)
{
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, layer->src},
                                    {DNNL_ARG_WEIGHTS, layer->weights},
                                    {DNNL_ARG_BIAS, layer->bias},
                                    {DNNL_ARG_DST, layer->dst}};
    expect_dnnl(dnnl_primitive_execute(layer->theirs, layer->stream, 4, args));
    expect_dnnl(dnnl_stream_wait(layer->stream));
}

static double round_of(struct layer *layer, void (*run)(struct layer *layer))
{
    const double begin = now_seconds();
    double end = begin;
    int runs = 0;
    while (end - begin < ROUND_SECONDS) {
        run(layer);
        runs++;
        end = now_seconds();
    }
    return (end - begin) / runs;
}

static void time_layer(struct layer *layer, double *ours, double *theirs)
{
    const struct bt_graph_node *node = layer->node;
    const struct bt_layer_data data = {
        .weights = node->weights, .bias = node->bias, .mult = node->mult, .shift = node->shift, .table = node->table};
    expect(ref_conv2d_fast_new(&node->u.conv, &data, ref_isa_best(), &layer->ours), "our convolution failed");
    open_theirs(layer);
    run_ours(layer);
    run_theirs(layer);
    *ours = HUGE_VAL;
    *theirs = HUGE_VAL;
    for (int i = 0; i < ROUNDS; i++) {
        *ours = fmin(*ours, round_of(layer, run_ours));
        *theirs = fmin(*theirs, round_of(layer, run_theirs));
    }
    close_layer(layer);
}

/* ---- networks ---- */

static void bench_layers(const char *name, bool each)
{
    struct bt_error err = {""};
    struct bt_graph *graph = seeded_graph(name);
    struct bt_graph_runner *runner = NULL;
    int8_t **outputs = NULL;
    double ours = 0;
    double theirs = 0;
    double macs = 0;
    int8_t *input = malloc(bt_graph_bytes(&graph->nodes[0]));
    expect(input != NULL ? BT_OK : BT_ENOMEM, "out of memory");
    expect(bt_graph_runner_new(graph, &runner, &err), err.text);
    expect(bt_graph_outputs_new(graph, &outputs), "out of memory");
    bt_graph_seeded_input(graph, SEED, input);
    expect(bt_graph_runner_run(runner, input, outputs, &err), err.text);
    for (uint32_t i = 1; i < graph->count; i++) {
        const struct bt_graph_node *node = &graph->nodes[i];
        struct layer layer = {.node = node, .ifmap = outputs[node->inputs[0]], .ofmap = outputs[i]};
        double a = 0;
        double b = 0;
        if (node->op != BT_OP_CONV2D) {
            continue;
        }
        time_layer(&layer, &a, &b);
        if (each) {
            (void)printf("  %-22s %8.1f us, oneDNN %8.1f us, %.2f\n", node->name, 1e6 * a, 1e6 * b, b / a);
        }
        ours += a;
        theirs += b;
        macs += (double)bt_conv2d_macs(&node->u.conv);
    }
    double whole = HUGE_VAL;
    for (int i = 0; i < ROUNDS; i++) {
        const double begin = now_seconds();
        expect(bt_graph_runner_run(runner, input, outputs, &err), err.text);
        whole = fmin(whole, now_seconds() - begin);
    }
    (void)printf("%s, convolutions: %.3f ms (%.1f GMAC/s), oneDNN %.3f ms (%.1f GMAC/s), ratio %.2f; whole picture "
                 "%.3f ms\n",
                 name, 1e3 * ours, macs / ours / 1e9, 1e3 * theirs, macs / theirs / 1e9, theirs / ours, 1e3 * whole);
    free(input);
    bt_graph_outputs_free(graph, outputs);
    bt_graph_runner_free(runner);
    bt_graph_free(graph);
}

/* One thread's share of the pictures, each with a seed of its own. */
struct share {
    const struct bt_graph *graph;
    uint32_t first, count;
};

static void *run_share(void *context)
{
    const struct share *share = context;
    struct bt_error err = {""};
    struct bt_graph_runner *runner = NULL;
    int8_t **outputs = NULL;
    int8_t *input = malloc(bt_graph_bytes(&share->graph->nodes[0]));
    expect(input != NULL ? BT_OK : BT_ENOMEM, "out of memory");
    expect(bt_graph_runner_new(share->graph, &runner, &err), err.text);
    expect(bt_graph_outputs_new(share->graph, &outputs), "out of memory");
    for (uint32_t i = 0; i < share->count; i++) {
        bt_graph_seeded_input(share->graph, share->first + i, input);
        expect(bt_graph_runner_run(runner, input, outputs, &err), err.text);
    }
    free(input);
    bt_graph_outputs_free(share->graph, outputs);
    bt_graph_runner_free(runner);
    return NULL;
}

/* Preparation included. */
static void bench_pictures(const struct bt_graph *graph, uint32_t threads)
{
    pthread_t thread[THREADS];
    struct share shares[THREADS];
    const double begin = now_seconds();
    for (uint32_t i = 0; i < threads; i++) {
        shares[i] = (struct share){graph, i * (PICTURES / threads), PICTURES / threads};
        expect(pthread_create(&thread[i], NULL, run_share, &shares[i]) == 0 ? BT_OK : BT_EIO, "no thread");
    }
    for (uint32_t i = 0; i < threads; i++) {
        (void)pthread_join(thread[i], NULL);
    }
    (void)printf("%s, %d pictures of %dx%d on %u thread%s: %.3f s\n", graph->name, PICTURES, (int)graph->nodes[0].h,
                 (int)graph->nodes[0].w, threads, threads > 1 ? "s" : "", now_seconds() - begin);
}

int main(int argc, char **argv)
{
    const bool each = argc == 2 && strcmp(argv[1], "--layers") == 0;
    if (argc > 1 && !each) {
        (void)fprintf(stderr, "usage: bench-int8 [--layers]\n");
        return 2;
    }
    bench_layers("squeezenet1_1", each);
    bench_layers("resnet50", each);
    struct bt_graph *lenet = seeded_graph("lenet5");
    for (uint32_t threads = 1; threads <= THREADS; threads++) {
        bench_pictures(lenet, threads);
    }
    bt_graph_free(lenet);
    return 0;
}
