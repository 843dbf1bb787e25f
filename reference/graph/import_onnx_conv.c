#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "reference/common/bt_conv2d.h"
#include "reference/graph/graph_exact.h"
#include "reference/graph/import_onnx.h"

/* Weight of each element of an average: large, so that the first of two roundings is a fine one. */
#define AVERAGE_CODE 64
/* Each goes through all weights: a file of many would take long. What comes after gets a layer of its own. */
#define FOLDS_MOST 16

/* ---- geometry ---- */

/* count integers from 0 on, or the defaults that are there. */
static enum bt_status read_ints(struct onnx_import *im, const char *name, size_t count, int64_t least, int64_t *ints)
{
    const Onnx__AttributeProto *attribute = onnx_attribute(im, name);
    if (attribute == NULL || attribute->n_ints == 0) {
        return BT_OK;
    }
    if (attribute->n_ints != count) {
        return onnx_refuse(im, "%s has %zu numbers: expected %zu, for height and width", name, attribute->n_ints,
                           count);
    }
    for (size_t i = 0; i < count; i++) {
        if (attribute->ints[i] < least || attribute->ints[i] > BT_MAX_DIM) {
            return onnx_refuse(im, "%s: %" PRId64 ": expected %" PRId64 " to %d", name, attribute->ints[i], least,
                               BT_MAX_DIM);
        }
        ints[i] = attribute->ints[i];
    }
    return BT_OK;
}

enum bt_status onnx_read_window(struct onnx_import *im, const struct onnx_layer *in, struct onnx_window *window)
{
    const int64_t weights[2] = {window->kernel[0], window->kernel[1]};
    for (size_t i = 0; i < 2; i++) {
        window->stride[i] = 1;
        window->dilation[i] = 1;
        window->pad[i] = 0;
        window->pad[i + 2] = 0;
    }
    enum bt_status status = read_ints(im, "kernel_shape", 2, 1, window->kernel);
    if (status == BT_OK) {
        status = read_ints(im, "strides", 2, 1, window->stride);
    }
    if (status == BT_OK) {
        status = read_ints(im, "dilations", 2, 1, window->dilation);
    }
    if (status == BT_OK) {
        status = read_ints(im, "pads", 4, 0, window->pad);
    }
    if (status != BT_OK) {
        return status;
    }
    if (window->kernel[0] < 1 || (weights[0] > 0 && memcmp(weights, window->kernel, sizeof(weights)) != 0)) {
        return onnx_refuse(im, "kernel_shape: expected %s", weights[0] > 0 ? "the extents of the weights" : "it");
    }
    const bool upper = onnx_attribute_is(im, "auto_pad", "SAME_UPPER", false);
    const bool lower = onnx_attribute_is(im, "auto_pad", "SAME_LOWER", false);
    if (!upper && !lower) {
        const bool valid = onnx_attribute_is(im, "auto_pad", "VALID", false);
        if (!valid && !onnx_attribute_is(im, "auto_pad", "NOTSET", true) &&
            !onnx_attribute_is(im, "auto_pad", "", true)) {
            return onnx_refuse(im, "auto_pad: expected NOTSET, VALID, SAME_UPPER or SAME_LOWER");
        }
        if (valid) {
            memset(window->pad, 0, sizeof(window->pad));
        }
        return BT_OK;
    }
    for (size_t i = 0; i < 2; i++) {
        const int64_t extent = i == 0 ? in->h : in->w;
        const int64_t out = (extent + window->stride[i] - 1) / window->stride[i];
        const int64_t reach = (window->kernel[i] - 1) * window->dilation[i] + 1;
        const int64_t missing = (out - 1) * window->stride[i] + reach - extent;
        const int64_t total = missing > 0 ? missing : 0;
        window->pad[i] = upper ? total / 2 : total - total / 2;
        window->pad[i + 2] = total - window->pad[i];
    }
    return BT_OK;
}

/* Shape of what a convolution puts out, once its geometry is known to be possible. */
static enum bt_status check_conv(struct onnx_import *im, uint32_t layer)
{
    struct bt_reason why = {0};
    const struct bt_conv2d *conv = &im->layers[layer].u.conv;
    if (bt_conv2d_check(conv, &why) != BT_OK) {
        return onnx_refuse(im, "%s: got %" PRId64 ", limit %" PRId64, why.what != NULL ? why.what : "convolution",
                           why.got, why.limit);
    }
    return onnx_set_shape(im, layer, bt_conv2d_oh(conv), bt_conv2d_ow(conv), conv->c_out);
}

/* ---- weights: [c_out][kh][kw][c_in/groups] from any order ---- */

struct strides {
    int64_t oc, ky, kx, ci; /* elements of the file's tensor */
    int32_t kw, depth;
};

static int64_t source(const struct strides *strides, int64_t oc, int64_t element)
{
    const int64_t ci = element % strides->depth;
    const int64_t kx = element / strides->depth % strides->kw;
    const int64_t ky = element / strides->depth / strides->kw;
    return oc * strides->oc + ky * strides->ky + kx * strides->kx + ci * strides->ci;
}

static enum bt_status read_reals(struct onnx_import *im, struct onnx_layer *layer, const struct onnx_const *weights,
                                 const struct strides *strides, double alpha)
{
    const int64_t filters = layer->u.conv.c_out;
    const int64_t filter = bt_conv2d_weight_elems(&layer->u.conv) / filters;
    layer->weights = onnx_take_for_graph(im, (size_t)(filters * filter), sizeof(float));
    layer->bias = onnx_take_for_graph(im, (size_t)filters, sizeof(float));
    if (layer->weights == NULL || layer->bias == NULL) {
        return onnx_no_memory(im);
    }
    for (int64_t oc = 0; oc < filters; oc++) {
        for (int64_t i = 0; i < filter; i++) {
            layer->weights[oc * filter + i] = (float)(alpha * onnx_real(weights, source(strides, oc, i)));
        }
    }
    return BT_OK;
}

static enum bt_status read_codes(struct onnx_import *im, struct onnx_layer *layer, const struct onnx_const *weights,
                                 const struct strides *strides, int32_t channel_axis)
{
    const int64_t filters = layer->u.conv.c_out;
    const int64_t filter = bt_conv2d_weight_elems(&layer->u.conv) / filters;
    if (!weights->quantised || (weights->type != ONNX__TENSOR_PROTO__DATA_TYPE__INT8 &&
                                weights->type != ONNX__TENSOR_PROTO__DATA_TYPE__UINT8)) {
        return onnx_refuse(im, "weights are not quantised: expected DequantizeLinear of int8 or uint8 ones");
    }
    const int64_t scales = weights->scale->elems;
    const int64_t zps = weights->zp != NULL ? weights->zp->elems : 0;
    if ((scales != 1 && (scales != filters || weights->axis != channel_axis)) ||
        (zps != 0 && zps != 1 && zps != scales)) {
        return onnx_refuse(im,
                           "weights have %" PRId64 " scales along axis %" PRId32
                           ": expected one, or one to each of %" PRId64 " filters along axis %" PRId32,
                           scales, weights->axis, filters, channel_axis);
    }
    const int32_t middle = weights->type == ONNX__TENSOR_PROTO__DATA_TYPE__UINT8 ? 128 : 0;
    for (int64_t i = 0; i < (zps > 0 ? zps : middle != 0 ? 1 : 0); i++) {
        const int64_t zp = zps > 0 ? onnx_int(weights->zp, i) : 0;
        if (zp != middle) {
            return onnx_refuse(im, "zero point %" PRId64 " of %s weights: expected %" PRId32 ", symmetric ones", zp,
                               middle == 0 ? "int8" : "uint8", middle);
        }
    }
    layer->codes = onnx_take_for_graph(im, (size_t)(filters * filter), 1);
    layer->code_bias = onnx_take_for_graph(im, (size_t)filters, sizeof(int32_t));
    layer->code_scales = onnx_take(im, (size_t)filters, sizeof(double));
    if (layer->codes == NULL || layer->code_bias == NULL || layer->code_scales == NULL) {
        return onnx_no_memory(im);
    }
    for (int64_t oc = 0; oc < filters; oc++) {
        const enum bt_status status = onnx_scale_at(im, weights->scale, scales == 1 ? 0 : oc, &layer->code_scales[oc]);
        if (status != BT_OK) {
            return status;
        }
        for (int64_t i = 0; i < filter; i++) {
            const int64_t code = onnx_int(weights, source(strides, oc, i)) - middle;
            if (code < -127) {
                return onnx_refuse(im, "weight %" PRId64 " of filter %" PRId64 " is -128: expected -127 to 127", i, oc);
            }
            layer->codes[oc * filter + i] = (int8_t)code;
        }
    }
    return BT_OK;
}

/* steps: of the sums, input scale times weight scale each. */
static enum bt_status add_code_bias(struct onnx_import *im, struct onnx_layer *layer, int32_t oc, double steps)
{
    const double sum = layer->code_bias[oc] + nearbyint(steps);
    if (!(sum >= INT32_MIN && sum <= INT32_MAX)) {
        return onnx_refuse(im, "bias of filter %" PRId32 " is %g steps of its sums: expected an int32", oc, sum);
    }
    layer->code_bias[oc] = (int32_t)sum;
    return BT_OK;
}

static enum bt_status read_bias(struct onnx_import *im, struct onnx_layer *layer, const struct onnx_const *bias,
                                double beta)
{
    const int32_t filters = layer->u.conv.c_out;
    if (bias == NULL) {
        return BT_OK;
    }
    if (bias->elems != filters && bias->elems != 1) {
        return onnx_refuse(im, "bias of %" PRId64 " elements: expected %" PRId32, bias->elems, filters);
    }
    for (int32_t oc = 0; oc < filters; oc++) {
        const int64_t at = bias->elems == 1 ? 0 : oc;
        if (!im->int8) {
            layer->bias[oc] = (float)(beta * onnx_real(bias, at));
            continue;
        }
        const double step = im->layers[layer->inputs[0]].format.scale * layer->code_scales[oc];
        double steps = onnx_real(bias, at) / step;
        if (bias->quantised) {
            double scale = 0;
            const enum bt_status status = onnx_scale_at(im, bias->scale, bias->scale->elems == 1 ? 0 : oc, &scale);
            if (status != BT_OK) {
                return status;
            }
            const int64_t zp = bias->zp == NULL ? 0 : onnx_int(bias->zp, bias->zp->elems == 1 ? 0 : oc);
            /* The file's product of the scales is a rounded one: an int32 is meant as it is. */
            const double ratio = scale / step;
            steps = (onnx_real(bias, at) - (double)zp) * (fabs(ratio - 1) < 1e-5 ? 1 : ratio);
        }
        const enum bt_status status = add_code_bias(im, layer, oc, steps);
        if (status != BT_OK) {
            return status;
        }
    }
    return BT_OK;
}

static enum bt_status check_scales(struct onnx_import *im, const struct onnx_const *constant, int64_t most)
{
    if (constant == NULL || !constant->quantised) {
        return BT_OK;
    }
    const int64_t scales = constant->scale->elems;
    const int64_t zps = constant->zp != NULL ? constant->zp->elems : 0;
    return (scales == 1 || scales == most) && (zps <= 1 || zps == scales)
               ? BT_OK
               : onnx_refuse(im, "%" PRId64 " scales, %" PRId64 " zero points: expected one, or %" PRId64, scales, zps,
                             most);
}

/* ---- convolutions ---- */

static enum bt_status add_conv(struct onnx_import *im, struct onnx_value *x, const struct onnx_const *weights,
                               const struct onnx_const *bias)
{
    uint32_t index = 0;
    enum bt_status status = onnx_need_image(im, x);
    if (status != BT_OK) {
        return status;
    }
    if (weights->rank != 4 || weights->elems < 1) {
        return onnx_refuse(im,
                           "weights of %" PRId32 " dimensions, %" PRId64 " elements: expected [c_out][c_in][kh][kw]",
                           weights->rank, weights->elems);
    }
    struct onnx_window window = {.kernel = {weights->dims[2], weights->dims[3]}};
    const int64_t groups = onnx_attribute_int(im, "group", 1);
    status = onnx_read_window(im, &im->layers[x->layer], &window);
    if (status == BT_OK) {
        status = onnx_add_layer(im, BT_OP_CONV2D, onnx_node_name(im->node), "", x->layer, false, &index);
    }
    if (status != BT_OK) {
        return status;
    }
    struct onnx_layer *layer = &im->layers[index];
    for (size_t i = 0; i < 4; i++) {
        window.pad[i] += x->pad[i];
    }
    if (groups < 1 || groups > layer->c || weights->dims[1] != layer->c / groups || weights->dims[0] > BT_MAX_DIM ||
        weights->dims[2] > BT_MAX_KERNEL || weights->dims[3] > BT_MAX_KERNEL) {
        return onnx_refuse(im,
                           "weights [%" PRId64 "][%" PRId64 "][%" PRId64 "][%" PRId64 "], %" PRId64
                           " groups: expected kernels of at most %d and filters for %" PRId32 " channels",
                           weights->dims[0], weights->dims[1], weights->dims[2], weights->dims[3], groups,
                           BT_MAX_KERNEL, layer->c);
    }
    layer->u.conv = bt_conv2d_1x1(layer->h, layer->w, layer->c, (int32_t)weights->dims[0]);
    layer->u.conv.kh = (int32_t)window.kernel[0];
    layer->u.conv.kw = (int32_t)window.kernel[1];
    layer->u.conv.stride_h = (int32_t)window.stride[0];
    layer->u.conv.stride_w = (int32_t)window.stride[1];
    layer->u.conv.dil_h = (int32_t)window.dilation[0];
    layer->u.conv.dil_w = (int32_t)window.dilation[1];
    layer->u.conv.pad_top = (int32_t)window.pad[0];
    layer->u.conv.pad_left = (int32_t)window.pad[1];
    layer->u.conv.pad_bottom = (int32_t)window.pad[2];
    layer->u.conv.pad_right = (int32_t)window.pad[3];
    layer->u.conv.groups = (int32_t)groups;
    status = check_conv(im, index);
    if (status != BT_OK) {
        return status;
    }
    const struct strides strides = {
        .oc = weights->dims[1] * weights->dims[2] * weights->dims[3],
        .ci = weights->dims[2] * weights->dims[3],
        .ky = weights->dims[3],
        .kx = 1,
        .kw = layer->u.conv.kw,
        .depth = (int32_t)weights->dims[1],
    };
    status = im->int8 ? read_codes(im, layer, weights, &strides, 0) : read_reals(im, layer, weights, &strides, 1);
    if (status == BT_OK) {
        status = read_bias(im, layer, bias, 1);
    }
    onnx_put_image(im, 0, x, index);
    return status;
}

enum bt_status onnx_conv(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    const struct onnx_const *weights = NULL;
    const struct onnx_const *bias = NULL;
    enum bt_status status = onnx_real_input(im, 0, true, &x);
    if (status == BT_OK) {
        status = onnx_const_input(im, 1, "weights", &weights);
    }
    if (status == BT_OK) {
        status = onnx_optional_input(im, 2, "bias", &bias);
    }
    if (status == BT_OK) {
        status = check_scales(im, bias, bias != NULL ? bias->elems : 0);
    }
    return status == BT_OK ? add_conv(im, x, weights, bias) : status;
}

/* Weights of a QLinear operator with scale and zero point in the two inputs behind them. */
static enum bt_status quantised_weights(struct onnx_import *im, size_t index, int32_t axis, struct onnx_const *weights)
{
    const struct onnx_const *parts[3];
    for (size_t i = 0; i < 3; i++) {
        const enum bt_status status = onnx_const_input(im, index + i,
                                                       i == 0   ? "weights"
                                                       : i == 1 ? "scale"
                                                                : "zero point",
                                                       &parts[i]);
        if (status != BT_OK) {
            return status;
        }
    }
    *weights = *parts[0];
    weights->quantised = true;
    weights->axis = axis;
    weights->scale = parts[1];
    weights->zp = parts[2];
    return BT_OK;
}

/* int32 of a QLinear operator, whose layer the node at work puts out: steps of the sums. */
static enum bt_status add_steps(struct onnx_import *im, const struct onnx_const *bias)
{
    const struct onnx_value *out = onnx_output(im, 0);
    enum bt_status status = BT_OK;
    if (bias == NULL || out == NULL) {
        return BT_OK;
    }
    struct onnx_layer *layer = &im->layers[out->layer];
    if (bias->elems != layer->c) {
        return onnx_refuse(im, "bias of %" PRId64 " elements: expected %" PRId32, bias->elems, layer->c);
    }
    for (int32_t oc = 0; status == BT_OK && oc < layer->c; oc++) {
        status = add_code_bias(im, layer, oc, onnx_real(bias, oc));
    }
    return status;
}

enum bt_status onnx_qlinear_conv(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    struct onnx_const weights = {0};
    const struct onnx_const *bias = NULL;
    enum bt_status status = onnx_codes_input(im, 0, &x);
    if (status == BT_OK) {
        status = quantised_weights(im, 3, 0, &weights);
    }
    if (status == BT_OK) {
        status = onnx_optional_input(im, 8, "bias", &bias);
    }
    if (status != BT_OK) {
        return status;
    }
    status = add_conv(im, x, &weights, NULL);
    if (status == BT_OK) {
        status = add_steps(im, bias);
    }
    return status == BT_OK ? onnx_put_codes(im, 6, 7) : status;
}

/* ---- fully connected layers ---- */

struct product {
    const struct onnx_const *weights; /* [k][n], or [n][k] where transposed */
    const struct onnx_const *bias;    /* or NULL */
    bool transposed;
    double alpha, beta;
};

static enum bt_status add_product(struct onnx_import *im, struct onnx_value *x, const struct product *product)
{
    const struct onnx_const *weights = product->weights;
    uint32_t index = 0;
    if (weights->rank != 2 || weights->elems < 1) {
        return onnx_refuse(im, "weights of %" PRId32 " dimensions, %" PRId64 " elements: expected a matrix",
                           weights->rank, weights->elems);
    }
    const struct onnx_layer *in = &im->layers[x->layer];
    const int64_t depth = (int64_t)in->h * in->w * in->c;
    const int64_t rows = weights->dims[product->transposed ? 1 : 0];
    const int64_t filters = weights->dims[product->transposed ? 0 : 1];
    if (x->order == ONNX_LOST || x->rank < 1 || x->dims[x->rank - 1] != depth || rows != depth || depth > BT_MAX_DIM ||
        filters > BT_MAX_DIM) {
        return onnx_refuse(im,
                           "input '%.47s' of %" PRId64 " elements, rows of %" PRId64 ", by a matrix of %" PRId64
                           " by %" PRId64 ": expected a flattened input, of at most %d",
                           x->name, depth, x->dims[x->rank > 0 ? x->rank - 1 : 0], rows, filters, BT_MAX_DIM);
    }
    const struct strides strides = {
        .oc = product->transposed ? depth : 1,
        .ci = (x->order == ONNX_CHW ? (int64_t)in->h * in->w : 1) * (product->transposed ? 1 : filters),
        .ky = (x->order == ONNX_CHW ? in->w : (int64_t)in->w * in->c) * (product->transposed ? 1 : filters),
        .kx = (x->order == ONNX_CHW ? 1 : in->c) * (product->transposed ? 1 : filters),
        .kw = in->w,
        .depth = in->c,
    };
    enum bt_status status = onnx_add_layer(im, BT_OP_CONV2D, onnx_node_name(im->node), "", x->layer, false, &index);
    if (status != BT_OK) {
        return status;
    }
    struct onnx_layer *layer = &im->layers[index];
    layer->u.conv = bt_conv2d_1x1(1, 1, (int32_t)depth, (int32_t)filters);
    status = check_conv(im, index);
    if (status == BT_OK) {
        status = im->int8 ? read_codes(im, layer, weights, &strides, product->transposed ? 0 : 1)
                          : read_reals(im, layer, weights, &strides, product->alpha);
    }
    if (status == BT_OK) {
        status = read_bias(im, layer, product->bias, product->beta);
    }
    struct onnx_value *out = onnx_output(im, 0);
    onnx_put_like(im, 0, x, index);
    if (out != NULL) {
        out->dims[out->rank - 1] = filters;
        out->order = ONNX_CHW;
    }
    return status;
}

enum bt_status onnx_gemm(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    struct product product = {
        .transposed = onnx_attribute_int(im, "transB", 0) != 0,
        .alpha = onnx_attribute_real(im, "alpha", 1),
        .beta = onnx_attribute_real(im, "beta", 1),
    };
    enum bt_status status = onnx_real_input(im, 0, false, &x);
    if (status == BT_OK) {
        status = onnx_const_input(im, 1, "weights", &product.weights);
    }
    if (status == BT_OK) {
        status = onnx_optional_input(im, 2, "bias", &product.bias);
    }
    if (status == BT_OK) {
        status = check_scales(im, product.bias, product.bias != NULL ? product.bias->elems : 0);
    }
    if (status == BT_OK &&
        (onnx_attribute_int(im, "transA", 0) != 0 || (im->int8 && (product.alpha != 1 || product.beta != 1)))) {
        return onnx_refuse(im, "transA %" PRId64 ", alpha %g, beta %g: expected 0 and, of an int8 model, 1 and 1",
                           onnx_attribute_int(im, "transA", 0), product.alpha, product.beta);
    }
    return status == BT_OK ? add_product(im, x, &product) : status;
}

enum bt_status onnx_matmul(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    struct product product = {.alpha = 1, .beta = 1};
    enum bt_status status = onnx_real_input(im, 0, false, &x);
    if (status == BT_OK) {
        status = onnx_const_input(im, 1, "weights", &product.weights);
    }
    return status == BT_OK ? add_product(im, x, &product) : status;
}

enum bt_status onnx_qlinear_matmul(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    struct onnx_const weights = {0};
    enum bt_status status = onnx_codes_input(im, 0, &x);
    if (status == BT_OK) {
        status = quantised_weights(im, 3, 1, &weights);
    }
    const struct product product = {.weights = &weights, .alpha = 1, .beta = 1};
    if (status == BT_OK) {
        status = add_product(im, x, &product);
    }
    return status == BT_OK ? onnx_put_codes(im, 6, 7) : status;
}

enum bt_status onnx_qgemm(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    struct onnx_const weights = {0};
    const struct onnx_const *bias = NULL;
    const bool transposed = onnx_attribute_int(im, "transB", 0) != 0;
    enum bt_status status = onnx_codes_input(im, 0, &x);
    if (status == BT_OK) {
        status = quantised_weights(im, 3, transposed ? 0 : 1, &weights);
    }
    if (status == BT_OK) {
        status = onnx_optional_input(im, 6, "bias", &bias);
    }
    if (status != BT_OK) {
        return status;
    }
    if (onnx_attribute_int(im, "transA", 0) != 0 || onnx_attribute_real(im, "alpha", 1) != 1) {
        return onnx_refuse(im, "transA or alpha: expected 0 and 1");
    }
    const struct product product = {.weights = &weights, .transposed = transposed, .alpha = 1, .beta = 1};
    status = add_product(im, x, &product);
    if (status == BT_OK) {
        status = add_steps(im, bias);
    }
    return status == BT_OK ? onnx_put_codes(im, 7, 8) : status;
}

/* ---- scaling of channels ---- */

static void fold(struct onnx_layer *layer, const double *mult, const double *add)
{
    const int64_t filter = bt_conv2d_weight_elems(&layer->u.conv) / layer->u.conv.c_out;
    for (int32_t oc = 0; oc < layer->u.conv.c_out; oc++) {
        for (int64_t i = 0; i < filter; i++) {
            layer->weights[oc * filter + i] = (float)((double)layer->weights[oc * filter + i] * mult[oc]);
        }
        layer->bias[oc] = (float)((double)layer->bias[oc] * mult[oc] + add[oc]);
    }
}

static enum bt_status affine_int8(struct onnx_import *im, const struct onnx_value *x, const double *mult,
                                  const double *add)
{
    struct onnx_layer *layer = &im->layers[x->layer];
    bool possible = !x->codes && !x->dequantised && !layer->has_format && onnx_may_change(x) &&
                    layer->op == BT_OP_CONV2D && layer->act == BT_ACT_NONE;
    for (int32_t oc = 0; possible && oc < layer->c; oc++) {
        possible = mult[oc] == 1;
    }
    if (!possible) {
        return onnx_refuse(im,
                           "an int8 model: expected a constant only as bias, directly behind a convolution or product");
    }
    for (int32_t oc = 0; oc < layer->c; oc++) {
        const double step = im->layers[layer->inputs[0]].format.scale * layer->code_scales[oc];
        const enum bt_status status = add_code_bias(im, layer, oc, add[oc] / step);
        if (status != BT_OK) {
            return status;
        }
    }
    onnx_put_view(im, 0, x);
    return BT_OK;
}

enum bt_status onnx_affine(struct onnx_import *im, const struct onnx_value *x, const double *mult, const double *add)
{
    uint32_t index = x->layer;
    if (im->int8) {
        return affine_int8(im, x, mult, add);
    }
    if (onnx_may_change(x) && im->layers[index].op == BT_OP_CONV2D && im->layers[index].act == BT_ACT_NONE &&
        im->layers[index].folds++ < FOLDS_MOST) {
        fold(&im->layers[index], mult, add);
        onnx_put_view(im, 0, x);
        return BT_OK;
    }
    enum bt_status status = onnx_add_layer(im, BT_OP_CONV2D, onnx_node_name(im->node), "", x->layer, false, &index);
    if (status != BT_OK) {
        return status;
    }
    struct onnx_layer *layer = &im->layers[index];
    layer->u.conv = bt_conv2d_1x1(layer->h, layer->w, layer->c, layer->c);
    layer->u.conv.groups = layer->c;
    layer->weights = onnx_take_for_graph(im, (size_t)layer->c, sizeof(float));
    layer->bias = onnx_take_for_graph(im, (size_t)layer->c, sizeof(float));
    if (layer->weights == NULL || layer->bias == NULL) {
        return onnx_no_memory(im);
    }
    for (int32_t c = 0; c < layer->c; c++) {
        layer->weights[c] = (float)mult[c];
        layer->bias[c] = (float)add[c];
    }
    onnx_put_like(im, 0, x, index);
    return BT_OK;
}

enum bt_status onnx_batch_norm(struct onnx_import *im)
{
    static const char *const names[] = {"scale", "bias", "mean", "variance"};
    struct onnx_value *x = NULL;
    const struct onnx_const *parts[4];
    enum bt_status status = onnx_real_input(im, 0, false, &x);
    if (status != BT_OK) {
        return status;
    }
    const int32_t channels = im->layers[x->layer].c;
    for (size_t i = 0; i < 4; i++) {
        status = onnx_const_input(im, i + 1, names[i], &parts[i]);
        if (status != BT_OK) {
            return status;
        }
        if (parts[i]->elems != channels) {
            return onnx_refuse(im, "%s of %" PRId64 " elements: expected %" PRId32, names[i], parts[i]->elems,
                               channels);
        }
    }
    if (onnx_channel_axis(im, x) != 1 || onnx_attribute_int(im, "training_mode", 0) != 0) {
        return onnx_refuse(im, "in training mode, or behind a change of shape: expected [n][c][h][w], for inference");
    }
    const double epsilon = onnx_attribute_real(im, "epsilon", 1e-5);
    double *mult = onnx_take(im, (size_t)channels, sizeof(double));
    double *add = onnx_take(im, (size_t)channels, sizeof(double));
    if (mult == NULL || add == NULL) {
        return onnx_no_memory(im);
    }
    for (int32_t c = 0; c < channels; c++) {
        mult[c] = onnx_real(parts[0], c) / sqrt(onnx_real(parts[3], c) + epsilon);
        add[c] = onnx_real(parts[1], c) - onnx_real(parts[2], c) * mult[c];
    }
    return onnx_affine(im, x, mult, add);
}

/* ---- averages ---- */

enum bt_status onnx_average_by_conv(struct onnx_import *im, uint32_t index)
{
    struct onnx_layer *layer = &im->layers[index];
    const struct ref_pool2d pool = layer->u.pool;
    struct bt_conv2d conv = bt_conv2d_1x1(pool.h, pool.w, pool.c, pool.c);
    conv.kh = pool.kh;
    conv.kw = pool.kw;
    conv.stride_h = pool.stride_h;
    conv.stride_w = pool.stride_w;
    conv.pad_top = pool.pad_top;
    conv.pad_left = pool.pad_left;
    conv.pad_bottom = pool.pad_bottom;
    conv.pad_right = pool.pad_right;
    conv.groups = pool.c;
    layer->op = BT_OP_CONV2D;
    layer->u.conv = conv;
    const enum bt_status status = check_conv(im, index);
    if (status != BT_OK) {
        return status;
    }
    const size_t elems = (size_t)bt_conv2d_weight_elems(&conv);
    const double share = 1.0 / ((double)conv.kh * conv.kw);
    if (im->int8) {
        layer->codes = onnx_take_for_graph(im, elems, 1);
        layer->code_bias = onnx_take_for_graph(im, (size_t)pool.c, sizeof(int32_t));
        layer->code_scales = onnx_take(im, (size_t)pool.c, sizeof(double));
    } else {
        layer->weights = onnx_take_for_graph(im, elems, sizeof(float));
        layer->bias = onnx_take_for_graph(im, (size_t)pool.c, sizeof(float));
    }
    if (im->int8 ? layer->codes == NULL || layer->code_bias == NULL || layer->code_scales == NULL
                 : layer->weights == NULL || layer->bias == NULL) {
        return onnx_no_memory(im);
    }
    for (size_t i = 0; i < elems; i++) {
        if (im->int8) {
            layer->codes[i] = AVERAGE_CODE;
        } else {
            layer->weights[i] = (float)share;
        }
    }
    for (int32_t c = 0; im->int8 && c < pool.c; c++) {
        layer->code_scales[c] = share / AVERAGE_CODE;
    }
    return BT_OK;
}
