#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference/common/bt_conv2d.h"
#include "reference/graph/graph_calibrate.h"
#include "reference/graph/graph_data_files.h"
#include "reference/graph/graph_exact.h"

#define WEIGHTS "lenet/changwoolee_lenet5/"
#define IMAGES "lenet/mnist/t10k-images-idx3-ubyte.gz"
#define LABELS "lenet/mnist/t10k-labels-idx1-ubyte.gz"
#define RELU_WEIGHTS "lenet/lenet5_relu_maxpool_trained_here/"
#define RELU_SOURCE "lenet5_relu_maxpool_trained_here: trained, quantised here (min-max on MNIST t10k 100..163)"
#define SOURCE "changwoolee/lenet5_hls: trained, quantised here (min-max on MNIST t10k 100..163)"

#define MNIST_COUNT 10000u
#define MNIST_EXTENT 28
#define MNIST_PIXELS ((size_t)MNIST_EXTENT * MNIST_EXTENT)
#define IMAGES_HEADER 16
#define LABELS_HEADER 8
#define CLASSES 10

#define INPUT_EXTENT 32
#define INPUT_BYTES ((size_t)INPUT_EXTENT * INPUT_EXTENT)
#define BORDER ((INPUT_EXTENT - MNIST_EXTENT) / 2)
#define SAMPLES 100
#define CALIBRATION 64 /* the images behind the samples */

static uint32_t big_endian(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* ---- images ---- */

/* IDX: 0, 0, type 8 (uint8), number of dimensions; the dimensions. */
static enum bt_status check_headers(const unsigned char *images, const unsigned char *labels, struct bt_error *err)
{
    const struct {
        const char *file, *what;
        const unsigned char *at;
        uint32_t expected;
    } words[] = {
        {IMAGES, "magic number", images, 0x803},    {IMAGES, "images", images + 4, MNIST_COUNT},
        {IMAGES, "rows", images + 8, MNIST_EXTENT}, {IMAGES, "columns", images + 12, MNIST_EXTENT},
        {LABELS, "magic number", labels, 0x801},    {LABELS, "labels", labels + 4, MNIST_COUNT},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (big_endian(words[i].at) != words[i].expected) {
            return bt_fail(err, BT_EINPUT, "%s: header: %s: %u: expected %u", words[i].file, words[i].what,
                           (unsigned)big_endian(words[i].at), (unsigned)words[i].expected);
        }
    }
    for (uint32_t i = 0; i < MNIST_COUNT; i++) {
        if (labels[LABELS_HEADER + i] >= CLASSES) {
            return bt_fail(err, BT_EINPUT, "%s: label %u: %u: expected a digit", LABELS, (unsigned)i,
                           (unsigned)labels[LABELS_HEADER + i]);
        }
    }
    return BT_OK;
}

static enum bt_status fill(const unsigned char *images, const unsigned char *labels, uint32_t first,
                           struct bt_graph_samples *samples)
{
    enum bt_status status = BT_OK;
    memset(samples->inputs, -128, samples->count * samples->bytes); /* black, the padding included */
    for (uint32_t i = 0; status == BT_OK && i < samples->count; i++) {
        const unsigned char *image = images + IMAGES_HEADER + (first + i) * MNIST_PIXELS;
        int8_t *input = samples->inputs + i * samples->bytes;
        for (int32_t y = 0; y < MNIST_EXTENT; y++) {
            for (int32_t x = 0; x < MNIST_EXTENT; x++) {
                input[(y + BORDER) * INPUT_EXTENT + x + BORDER] = (int8_t)(image[y * MNIST_EXTENT + x] - 128);
            }
        }
        char title[32];
        (void)snprintf(title, sizeof(title), "t10k %u", (unsigned)(first + i));
        status = bt_data_name(&samples->titles[i], title);
        samples->labels[i] = labels[LABELS_HEADER + first + i];
    }
    for (uint32_t i = 0; status == BT_OK && i < samples->class_count; i++) {
        const char digit[2] = {(char)('0' + i), '\0'};
        status = bt_data_name(&samples->class_names[i], digit);
    }
    return status;
}

enum bt_status bt_graph_load_mnist(const char *data_dir, uint32_t first, uint32_t count,
                                   struct bt_graph_samples *samples, struct bt_error *err)
{
    if (count < 1 || first >= MNIST_COUNT || count > MNIST_COUNT - first) {
        return bt_fail(err, BT_EINVAL, "MNIST images %u to %u: expected some within 0 to %u", (unsigned)first,
                       (unsigned)(first + count), MNIST_COUNT);
    }
    unsigned char *images = NULL;
    unsigned char *labels = NULL;
    struct bt_graph_samples made = {0};
    enum bt_status status =
        bt_data_file(data_dir, IMAGES, IMAGES_HEADER + MNIST_COUNT * MNIST_PIXELS, &images, NULL, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    status = bt_data_file(data_dir, LABELS, LABELS_HEADER + MNIST_COUNT, &labels, NULL, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    status = check_headers(images, labels, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    status = bt_data_samples_new(count, INPUT_BYTES, CLASSES, &made);
    if (status == BT_OK) {
        status = fill(images, labels, first, &made);
    }
    if (status != BT_OK) {
        status = bt_fail(err, status, "%s: no memory for %u images", IMAGES, (unsigned)count);
        goto cleanup;
    }
    (void)snprintf(made.source, sizeof(made.source), "MNIST t10k %u..%u, padded to 32x32", (unsigned)first,
                   (unsigned)(first + count - 1));
    *samples = made;
    made = (struct bt_graph_samples){0};

cleanup:
    bt_graph_samples_free(&made);
    free(images);
    free(labels);
    return status;
}

/* ---- network ---- */

enum form { CONV, POOL, MAXPOOL, FC, FC_ROWS };

struct layer {
    const char *name;
    enum form form;
    const char *weights, *bias;
    int32_t kernel, c_in, c_out;
    enum bt_act act;
};

/* The published network ends in a tanh, too; without it the order of the classes is the same. */
static const struct layer tanh_layers[] = {
    {"c1", CONV, WEIGHTS "Wconv1.f32.bin", WEIGHTS "bconv1.f32.bin", 5, 1, 6, BT_ACT_TANH},
    {"s2", POOL, WEIGHTS "Wpool1.f32.bin", WEIGHTS "bpool1.f32.bin", 2, 6, 6, BT_ACT_TANH},
    {"c3", CONV, WEIGHTS "Wconv3.f32.bin", WEIGHTS "bconv3.f32.bin", 5, 6, 16, BT_ACT_TANH},
    {"s4", POOL, WEIGHTS "Wpool2.f32.bin", WEIGHTS "bpool2.f32.bin", 2, 16, 16, BT_ACT_TANH},
    {"c5", CONV, WEIGHTS "Wconv5.f32.bin", WEIGHTS "bconv5.f32.bin", 5, 16, 120, BT_ACT_TANH},
    {"f6", FC, WEIGHTS "Wfc1.f32.bin", WEIGHTS "bfc1.f32.bin", 1, 120, 84, BT_ACT_TANH},
    {"output", FC, WEIGHTS "Wfc2.f32.bin", WEIGHTS "bfc2.f32.bin", 1, 84, 10, BT_ACT_NONE},
};

static const struct layer relu_layers[] = {
    {"c1", CONV, RELU_WEIGHTS "conv1_weight.f32.bin", RELU_WEIGHTS "conv1_bias.f32.bin", 5, 1, 6, BT_ACT_RELU},
    {"s2", MAXPOOL, NULL, NULL, 2, 6, 6, BT_ACT_NONE},
    {"c3", CONV, RELU_WEIGHTS "conv2_weight.f32.bin", RELU_WEIGHTS "conv2_bias.f32.bin", 5, 6, 16, BT_ACT_RELU},
    {"s4", MAXPOOL, NULL, NULL, 2, 16, 16, BT_ACT_NONE},
    {"c5", CONV, RELU_WEIGHTS "conv3_weight.f32.bin", RELU_WEIGHTS "conv3_bias.f32.bin", 5, 16, 120, BT_ACT_RELU},
    {"f6", FC_ROWS, RELU_WEIGHTS "fc1_weight.f32.bin", RELU_WEIGHTS "fc1_bias.f32.bin", 1, 120, 84, BT_ACT_RELU},
    {"output", FC_ROWS, RELU_WEIGHTS "fc2_weight.f32.bin", RELU_WEIGHTS "fc2_bias.f32.bin", 1, 84, 10, BT_ACT_NONE},
};

#define LAYERS (sizeof(tanh_layers) / sizeof(tanh_layers[0]))
_Static_assert(sizeof(relu_layers) == sizeof(tanh_layers), "both networks have the same layers");

/* From the file's layout to [c_out][kh][kw][c_in/groups]. */
static void arrange(const struct layer *layer, const float *file, float *weights)
{
    const int32_t area = layer->kernel * layer->kernel;
    switch (layer->form) {
    case CONV:
        bt_data_oihw_to_ohwi(file, layer->c_out, layer->c_in, layer->kernel, layer->kernel, weights);
        break;
    case POOL: /* coefficient times mean of the window */
        for (int32_t i = 0; i < layer->c_out * area; i++) {
            weights[i] = file[i / area] / (float)area;
        }
        break;
    case FC_ROWS: /* [out][in] */
        memcpy(weights, file, (size_t)layer->c_out * (size_t)layer->c_in * sizeof(float));
        break;
    case MAXPOOL:
        break;
    case FC: /* [in][out] */
        for (int32_t o = 0; o < layer->c_out; o++) {
            for (int32_t i = 0; i < layer->c_in; i++) {
                weights[o * layer->c_in + i] = file[i * layer->c_out + o];
            }
        }
        break;
    }
}

static void add_maxpool(const struct layer *layer, struct bt_float_graph *graph)
{
    struct bt_float_node *node = bt_float_graph_add(graph, BT_OP_MAXPOOL, layer->name, graph->count - 1);
    node->u.pool = (struct ref_pool2d){.n = 1,
                                       .h = node->h,
                                       .w = node->w,
                                       .c = node->c,
                                       .kh = layer->kernel,
                                       .kw = layer->kernel,
                                       .stride_h = layer->kernel,
                                       .stride_w = layer->kernel};
    const int32_t oh = ref_pool2d_oh(&node->u.pool);
    const int32_t ow = ref_pool2d_ow(&node->u.pool);
    node->h = oh;
    node->w = ow;
}

static enum bt_status add_layer(const char *data_dir, const struct layer *layer, struct bt_float_graph *graph,
                                struct bt_error *err)
{
    if (layer->form == MAXPOOL) {
        add_maxpool(layer, graph);
        return BT_OK;
    }
    struct bt_float_node *node = bt_float_graph_add(graph, BT_OP_CONV2D, layer->name, graph->count - 1);
    const int32_t stride = layer->form == POOL ? 2 : 1;
    node->act = layer->act;
    node->u.conv = (struct bt_conv2d){
        .n = 1,
        .h = node->h,
        .w = node->w,
        .c_in = layer->c_in,
        .c_out = layer->c_out,
        .kh = layer->kernel,
        .kw = layer->kernel,
        .stride_h = stride,
        .stride_w = stride,
        .dil_h = 1,
        .dil_w = 1,
        .groups = layer->form == POOL ? layer->c_in : 1,
    };
    node->h = bt_conv2d_oh(&node->u.conv);
    node->w = bt_conv2d_ow(&node->u.conv);
    node->c = layer->c_out;
    const size_t elems = (size_t)bt_conv2d_weight_elems(&node->u.conv);
    float *file = NULL;
    enum bt_status status =
        bt_data_floats(data_dir, layer->weights, layer->form == POOL ? (size_t)layer->c_out : elems, &file, err);
    if (status != BT_OK) {
        return status;
    }
    node->weights = malloc(elems * sizeof(float));
    if (node->weights == NULL) {
        free(file);
        return bt_fail(err, BT_ENOMEM, "%s: no memory for it", layer->weights);
    }
    arrange(layer, file, node->weights);
    free(file);
    return bt_data_floats(data_dir, layer->bias, (size_t)layer->c_out, &node->bias, err);
}

/* The network was trained on 2 p - 1 of the pixel p in [0, 1], and on -1 around the image: 0 as a pixel. */
static void take_pixels(struct bt_float_node *c1)
{
    const int64_t elems = bt_conv2d_weight_elems(&c1->u.conv) / c1->u.conv.c_out;
    for (int32_t oc = 0; oc < c1->u.conv.c_out; oc++) {
        float sum = 0;
        for (int64_t i = 0; i < elems; i++) {
            sum += c1->weights[oc * elems + i];
            c1->weights[oc * elems + i] *= 2;
        }
        c1->bias[oc] -= sum;
    }
}

static enum bt_status load_float(const char *data_dir, const char *name, const char *source, const struct layer *layers,
                                 struct bt_float_graph **graph, struct bt_error *err)
{
    struct bt_float_graph *made = bt_float_graph_new(name, source, LAYERS + 2);
    if (made == NULL) {
        return bt_fail(err, BT_ENOMEM, "%s: no memory for the float graph", name);
    }
    struct bt_float_node *input = bt_float_graph_add(made, BT_OP_INPUT, "input", 0);
    input->h = INPUT_EXTENT;
    input->w = INPUT_EXTENT;
    input->c = 1;
    input->high = 1;
    for (size_t i = 0; i < LAYERS; i++) {
        const enum bt_status status = add_layer(data_dir, &layers[i], made, err);
        if (status != BT_OK) {
            bt_float_graph_free(made);
            return status;
        }
    }
    (void)bt_float_graph_add(made, BT_OP_SOFTMAX, "prob", made->count - 1);
    *graph = made;
    return BT_OK;
}

enum bt_status bt_data_lenet5_float(const char *data_dir, struct bt_float_graph **graph, struct bt_error *err)
{
    const enum bt_status status = load_float(data_dir, "lenet5", SOURCE, tanh_layers, graph, err);
    if (status == BT_OK) {
        take_pixels(&(*graph)->nodes[1]);
    }
    return status;
}

enum bt_status bt_data_lenet5_relu_float(const char *data_dir, struct bt_float_graph **graph, struct bt_error *err)
{
    return load_float(data_dir, "lenet5_relu", RELU_SOURCE, relu_layers, graph, err);
}

/* Calibrates and quantises; takes `real`. */
static enum bt_status load(const char *data_dir, struct bt_float_graph *real, struct bt_graph **graph,
                           struct bt_graph_samples *samples, struct bt_error *err)
{
    struct bt_graph_samples calibration = {0};
    float *inputs = NULL;
    struct bt_graph *made = NULL;
    enum bt_status status = bt_graph_load_mnist(data_dir, SAMPLES, CALIBRATION, &calibration, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    inputs = malloc(CALIBRATION * INPUT_BYTES * sizeof(float));
    if (inputs == NULL || calibration.inputs == NULL) {
        status = bt_fail(err, BT_ENOMEM, "%.47s: no memory to calibrate", real->name);
        goto cleanup;
    }
    for (size_t i = 0; i < CALIBRATION * INPUT_BYTES; i++) {
        inputs[i] = (float)(calibration.inputs[i] + 128) / 255;
    }
    status =
        bt_float_calibrate(real, &(struct bt_calibration){.method = BT_CALIBRATE_MIN_MAX}, inputs, CALIBRATION, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    status = bt_float_quantise(real, &made, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    status = bt_graph_load_mnist(data_dir, 0, SAMPLES, samples, err);
    if (status == BT_OK) {
        *graph = made;
        made = NULL;
    }

cleanup:
    bt_graph_free(made);
    free(inputs);
    bt_graph_samples_free(&calibration);
    bt_float_graph_free(real);
    return status;
}

enum bt_status bt_data_lenet5(const char *data_dir, struct bt_graph **graph, struct bt_graph_samples *samples,
                              struct bt_error *err)
{
    struct bt_float_graph *real = NULL;
    const enum bt_status status = bt_data_lenet5_float(data_dir, &real, err);
    return status == BT_OK ? load(data_dir, real, graph, samples, err) : status;
}

enum bt_status bt_data_lenet5_relu(const char *data_dir, struct bt_graph **graph, struct bt_graph_samples *samples,
                                   struct bt_error *err)
{
    struct bt_float_graph *real = NULL;
    const enum bt_status status = bt_data_lenet5_relu_float(data_dir, &real, err);
    return status == BT_OK ? load(data_dir, real, graph, samples, err) : status;
}
