#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "reference/graph/graph_exact.h"
#include "reference/graph/import_onnx.h"

/* ---- activations ---- */

/* Does the operator do the activation itself? */
static bool does(enum bt_op op, enum bt_act act)
{
    return op == BT_OP_CONV2D || ((op == BT_OP_ADD || op == BT_OP_MUL) && !bt_act_is_table(act));
}

static enum bt_status table(struct onnx_import *im, const struct onnx_value *x, enum bt_act act, double slope)
{
    uint32_t index = 0;
    const enum bt_status status =
        onnx_add_layer(im, BT_OP_TABLE, im->layers[x->layer].name, ".act", x->layer, false, &index);
    if (status != BT_OK) {
        return status;
    }
    im->layers[index].act = act;
    im->layers[index].slope = (float)slope;
    onnx_put_like(im, 0, x, index);
    return BT_OK;
}

/* uses: of x that this activation stands for. */
static enum bt_status activate(struct onnx_import *im, const struct onnx_value *x, enum bt_act act, double slope,
                               uint32_t uses)
{
    struct onnx_layer *layer = &im->layers[x->layer];
    const bool clamp = act == BT_ACT_RELU || act == BT_ACT_RELU6;
    const bool again = clamp && (layer->act == BT_ACT_RELU || layer->act == BT_ACT_RELU6); /* the tighter one */
    const bool open = !im->int8 || (!x->codes && !layer->has_format && clamp);
    if (open && x->sole && x->readers == uses && (again || (layer->act == BT_ACT_NONE && does(layer->op, act)))) {
        if (!again || act == BT_ACT_RELU6) {
            layer->act = act;
            layer->slope = (float)slope;
        }
        onnx_put_view(im, 0, x);
        struct onnx_value *out = onnx_output(im, 0);
        if (out != NULL) {
            out->sole = true;
        }
        return BT_OK;
    }
    if (im->int8 && !x->codes && !x->dequantised) {
        return onnx_refuse(im, "input '%.47s' has no scale: expected QuantizeLinear and DequantizeLinear behind '%s'",
                           x->name, layer->name);
    }
    return table(im, x, act, slope);
}

enum bt_status onnx_activate(struct onnx_import *im, const struct onnx_value *x, enum bt_act act, double slope)
{
    if (act == BT_ACT_LEAKY && slope == 0) {
        return activate(im, x, BT_ACT_RELU, 0, 1);
    }
    if (act == BT_ACT_NONE || (act == BT_ACT_LEAKY && slope == 1)) {
        onnx_put_view(im, 0, x);
        return BT_OK;
    }
    if (!(fabs(slope) <= ONNX_FLOAT_MOST)) {
        return onnx_refuse(im, "slope %g: expected a finite number of at most %g in magnitude", slope, ONNX_FLOAT_MOST);
    }
    return activate(im, x, act, slope, 1);
}

/* Relu and clips of an int8 model may stand in front of the first QuantizeLinear, and table activations never. */
static enum bt_status act_on(struct onnx_import *im, enum bt_act act, double slope)
{
    struct onnx_value *x = NULL;
    const enum bt_status status = onnx_data_input(im, 0, false, &x);
    if (status != BT_OK) {
        return status;
    }
    if (im->int8 && x->codes) {
        return onnx_refuse(im, "input '%.47s' is int8: expected DequantizeLinear in front of this node", x->name);
    }
    return onnx_activate(im, x, act, slope);
}

enum bt_status onnx_relu(struct onnx_import *im)
{
    return act_on(im, BT_ACT_RELU, 0);
}

enum bt_status onnx_tanh(struct onnx_import *im)
{
    return act_on(im, BT_ACT_TANH, 0);
}

enum bt_status onnx_hard_swish(struct onnx_import *im)
{
    return act_on(im, BT_ACT_HARD_SWISH, 0);
}

enum bt_status onnx_leaky_relu(struct onnx_import *im)
{
    return act_on(im, BT_ACT_LEAKY, onnx_attribute_real(im, "alpha", 0.01));
}

enum bt_status onnx_prelu(struct onnx_import *im)
{
    const struct onnx_const *slopes = NULL;
    const enum bt_status status = onnx_const_input(im, 1, "slope", &slopes);
    if (status != BT_OK) {
        return status;
    }
    for (int64_t i = 0; i < slopes->elems; i++) {
        if (onnx_real(slopes, i) != onnx_real(slopes, 0)) {
            return onnx_refuse(im, "slopes that differ: expected a single one");
        }
    }
    if (slopes->elems < 1 || slopes->quantised) {
        return onnx_refuse(im, "slope missing or quantised: expected a real one");
    }
    return act_on(im, BT_ACT_LEAKY, onnx_real(slopes, 0));
}

enum bt_status onnx_clip(struct onnx_import *im)
{
    const struct onnx_const *low = NULL;
    const struct onnx_const *high = NULL;
    enum bt_status status = onnx_optional_input(im, 1, "lower end", &low);
    if (status == BT_OK) {
        status = onnx_optional_input(im, 2, "upper end", &high);
    }
    if (status != BT_OK) {
        return status;
    }
    if ((low != NULL && (low->elems != 1 || low->quantised)) ||
        (high != NULL && (high->elems != 1 || high->quantised))) {
        return onnx_refuse(im, "ends of several elements, or quantised: expected one real number each");
    }
    const double from = low != NULL ? onnx_real(low, 0) : onnx_attribute_real(im, "min", -HUGE_VAL);
    const double to = high != NULL ? onnx_real(high, 0) : onnx_attribute_real(im, "max", HUGE_VAL);
    const bool upper_open = to >= 3e38;
    if (from <= -3e38 && upper_open) {
        return act_on(im, BT_ACT_NONE, 0);
    }
    const struct onnx_value *x = onnx_input(im, 0);
    const bool positive = x != NULL && x->kind == ONNX_LAYER && from <= 0 && onnx_may_change(x) &&
                          im->layers[x->layer].act == BT_ACT_RELU;
    if ((from != 0 && !positive) || (to != 6 && !upper_open)) {
        return onnx_refuse(im, "from %g to %g: expected from 0 to 6, or from 0 on", from, to);
    }
    return act_on(im, upper_open ? BT_ACT_RELU : BT_ACT_RELU6, 0);
}

/* Is the node's output multiplied with its input and not used otherwise? */
static bool is_gate(const struct onnx_import *im)
{
    const struct onnx_value *x = onnx_input(im, 0);
    const struct onnx_value *out = onnx_output(im, 0);
    if (x == NULL || out == NULL || out->readers != 1 || out->reader < 0) {
        return false;
    }
    const Onnx__NodeProto *reader = im->model->graph->node[out->reader];
    return reader->op_type != NULL && strcmp(reader->op_type, "Mul") == 0 && reader->n_input == 2 &&
           ((strcmp(reader->input[0], x->name) == 0 && strcmp(reader->input[1], out->name) == 0) ||
            (strcmp(reader->input[1], x->name) == 0 && strcmp(reader->input[0], out->name) == 0));
}

static enum bt_status put_gate(struct onnx_import *im, enum bt_act product)
{
    struct onnx_value *x = NULL;
    const enum bt_status status = onnx_data_input(im, 0, false, &x);
    if (status == BT_OK) {
        onnx_put_view(im, 0, x);
        onnx_output(im, 0)->gate = product;
    }
    return status;
}

enum bt_status onnx_sigmoid(struct onnx_import *im)
{
    return !im->int8 && is_gate(im) ? put_gate(im, BT_ACT_SILU) : act_on(im, BT_ACT_SIGMOID, 0);
}

enum bt_status onnx_hard_sigmoid(struct onnx_import *im)
{
    const double alpha = onnx_attribute_real(im, "alpha", 0.2);
    const double beta = onnx_attribute_real(im, "beta", 0.5);
    if (im->int8 || !is_gate(im) || fabs(alpha - 1.0 / 6) > 1e-6 || beta != 0.5) {
        return onnx_refuse(im, "alpha %g, beta %g: expected 1/6 and 0.5, and the product with its input: a hard swish",
                           alpha, beta);
    }
    return put_gate(im, BT_ACT_HARD_SWISH);
}

/* ---- sums and products ---- */

/* A constant as one number for each channel of x, or one for all. */
static enum bt_status per_channel(struct onnx_import *im, const struct onnx_value *x, const struct onnx_const *constant,
                                  double **numbers)
{
    const int32_t channels = im->layers[x->layer].c;
    const int32_t axis = onnx_channel_axis(im, x);
    int32_t first = x->rank - constant->rank; /* dimension of x that the constant's first one meets */
    const Onnx__AttributeProto *given = im->opset < 7 ? onnx_attribute(im, "axis") : NULL;
    if (given != NULL && given->has_i) {
        first = onnx_axis(given->i, x->rank);
    }
    bool good = constant->elems >= 1 && first >= 0 && first + constant->rank <= x->rank && !constant->quantised;
    for (int32_t i = 0; good && constant->elems > 1 && i < constant->rank; i++) {
        good = constant->dims[i] == 1 || (i + first == axis && constant->dims[i] == channels);
    }
    if (!good) {
        return onnx_refuse(im,
                           "a constant of %" PRId32 " dimensions, %" PRId64
                           " elements: expected one number, or one to each of %" PRId32 " channels",
                           constant->rank, constant->elems, channels);
    }
    *numbers = onnx_take(im, (size_t)channels, sizeof(double));
    if (*numbers == NULL) {
        return onnx_no_memory(im);
    }
    for (int32_t c = 0; c < channels; c++) {
        (*numbers)[c] = onnx_real(constant, constant->elems == 1 ? 0 : c);
    }
    return BT_OK;
}

enum arithmetic { SUM, DIFFERENCE, PRODUCT, QUOTIENT };

/* x of the model, the other constant. */
static enum bt_status with_constant(struct onnx_import *im, enum arithmetic what, size_t x_index)
{
    struct onnx_value *x = NULL;
    double *numbers = NULL;
    enum bt_status status = onnx_data_input(im, x_index, false, &x);
    if (status != BT_OK) {
        return status;
    }
    if (x_index == 1 && what == QUOTIENT) {
        return onnx_refuse(im, "a constant divided by a tensor: expected a constant divisor");
    }
    const struct onnx_value *other = onnx_input(im, 1 - x_index);
    if (other == NULL) {
        return onnx_refuse(im, "one input: expected two");
    }
    status = per_channel(im, x, &other->constant, &numbers);
    if (status != BT_OK) {
        return status;
    }
    const int32_t channels = im->layers[x->layer].c;
    double *mult = onnx_take(im, (size_t)channels, sizeof(double));
    double *add = onnx_take(im, (size_t)channels, sizeof(double));
    if (mult == NULL || add == NULL) {
        return onnx_no_memory(im);
    }
    for (int32_t c = 0; c < channels; c++) {
        const bool sum = what == SUM || what == DIFFERENCE;
        const bool turned = what == DIFFERENCE && x_index == 1; /* number - x */
        mult[c] = sum ? (turned ? -1 : 1) : what == QUOTIENT ? 1 / numbers[c] : numbers[c];
        add[c] = !sum ? 0 : what == DIFFERENCE && !turned ? -numbers[c] : numbers[c];
    }
    return onnx_affine(im, x, mult, add);
}

static bool same_shape(const struct onnx_import *im, const struct onnx_value *a, const struct onnx_value *b)
{
    const struct onnx_layer *x = &im->layers[a->layer];
    const struct onnx_layer *y = &im->layers[b->layer];
    const bool any_order = x->c == 1 || (x->h == 1 && x->w == 1);
    return a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof(a->dims[0])) == 0 && x->h == y->h &&
           x->w == y->w && x->c == y->c && a->order != ONNX_LOST && b->order != ONNX_LOST &&
           (a->order == b->order || any_order);
}

/* [1][c][1][1] beside [1][c][h][h]: repeated, as upsampling by h. */
static enum bt_status spread(struct onnx_import *im, const struct onnx_value *wide, struct onnx_value *narrow)
{
    const struct onnx_layer *to = &im->layers[wide->layer];
    const struct onnx_layer *from = &im->layers[narrow->layer];
    uint32_t index = 0;
    if (wide->rank != 4 || narrow->rank != 4 || wide->order != ONNX_CHW || wide->dims[1] != to->c ||
        wide->dims[2] != to->h || narrow->dims[1] != from->c || from->c != to->c || from->h != 1 || from->w != 1 ||
        to->h != to->w) {
        return onnx_refuse(im, "inputs of different shapes: expected the same, or 1x1 beside a square image");
    }
    const int32_t extent = to->h;
    enum bt_status status =
        onnx_add_layer(im, BT_OP_UPSAMPLE, onnx_node_name(im->node), ".spread", narrow->layer, true, &index);
    if (status == BT_OK) {
        im->layers[index].u.upsample_scale = extent;
        status = onnx_set_shape(im, index, extent, extent, im->layers[index].c);
    }
    narrow->layer = index;
    memcpy(narrow->dims, wide->dims, sizeof(narrow->dims));
    narrow->order = ONNX_CHW;
    return status;
}

/* Both are computed. */
static enum bt_status add_pair(struct onnx_import *im, enum bt_op op, const struct onnx_value *first,
                               const struct onnx_value *second)
{
    struct onnx_value a = *first;
    struct onnx_value b = *second;
    uint32_t index = 0;
    enum bt_status status = BT_OK;
    if (!same_shape(im, &a, &b)) {
        const bool first_is_wide = im->layers[a.layer].h * im->layers[a.layer].w > 1;
        status = first_is_wide ? spread(im, &a, &b) : spread(im, &b, &a);
    }
    if (status == BT_OK) {
        status = onnx_add_layer(im, op, onnx_node_name(im->node), "", a.layer, false, &index);
    }
    if (status == BT_OK) {
        im->layers[index].input_count = 2;
        im->layers[index].inputs[1] = b.layer;
        onnx_put_like(im, 0, &a, index);
    }
    return status;
}

static enum bt_status combine(struct onnx_import *im, enum arithmetic what)
{
    struct onnx_value *a = onnx_input(im, 0);
    struct onnx_value *b = onnx_input(im, 1);
    if (a != NULL && b != NULL && (a->kind == ONNX_CONST || b->kind == ONNX_CONST)) {
        return with_constant(im, what, a->kind == ONNX_CONST ? 1 : 0);
    }
    if (what == PRODUCT && a != NULL && b != NULL && a->kind == ONNX_LAYER && b->kind == ONNX_LAYER &&
        (a->gate != BT_ACT_NONE) != (b->gate != BT_ACT_NONE)) {
        const struct onnx_value *x = a->gate != BT_ACT_NONE ? b : a;
        return activate(im, x, a->gate != BT_ACT_NONE ? a->gate : b->gate, 0, 2);
    }
    if (what == DIFFERENCE || what == QUOTIENT) {
        return onnx_refuse(im, "of two computed tensors: expected a constant");
    }
    enum bt_status status = onnx_real_input(im, 0, false, &a);
    if (status == BT_OK) {
        status = onnx_real_input(im, 1, false, &b);
    }
    return status == BT_OK ? add_pair(im, what == SUM ? BT_OP_ADD : BT_OP_MUL, a, b) : status;
}

enum bt_status onnx_add(struct onnx_import *im)
{
    return combine(im, SUM);
}

enum bt_status onnx_sub(struct onnx_import *im)
{
    return combine(im, DIFFERENCE);
}

enum bt_status onnx_mul(struct onnx_import *im)
{
    return combine(im, PRODUCT);
}

enum bt_status onnx_div(struct onnx_import *im)
{
    return combine(im, QUOTIENT);
}

/* ---- softmax ---- */

static enum bt_status add_softmax(struct onnx_import *im, const struct onnx_value *x, int64_t otherwise)
{
    uint32_t index = 0;
    const struct onnx_layer *layer = &im->layers[x->layer];
    const int32_t axis = onnx_axis(onnx_attribute_int(im, "axis", otherwise), x->rank);
    const int32_t channels = onnx_channel_axis(im, x);
    /* Up to opset 12 over all dimensions from the axis on. */
    const bool one_axis = im->opset >= 13 || (layer->h == 1 && layer->w == 1);
    if (axis < 0 || axis != channels || (!one_axis && axis != x->rank - 1)) {
        return onnx_refuse(im, "axis %" PRId32 ": expected that of the channels, %" PRId32, axis, channels);
    }
    const enum bt_status status =
        onnx_add_layer(im, BT_OP_SOFTMAX, onnx_node_name(im->node), "", x->layer, false, &index);
    if (status == BT_OK) {
        onnx_put_like(im, 0, x, index);
    }
    return status;
}

enum bt_status onnx_softmax(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    const enum bt_status status = onnx_real_input(im, 0, false, &x);
    return status == BT_OK ? add_softmax(im, x, im->opset >= 13 ? -1 : 1) : status;
}

/* ---- onnxruntime's int8 operators ---- */

static enum bt_status qlinear_pair(struct onnx_import *im, enum bt_op op)
{
    struct onnx_value *a = NULL;
    struct onnx_value *b = NULL;
    enum bt_status status = onnx_codes_input(im, 0, &a);
    if (status == BT_OK) {
        status = onnx_codes_input(im, 3, &b);
    }
    if (status == BT_OK) {
        status = add_pair(im, op, a, b);
    }
    return status == BT_OK ? onnx_put_codes(im, 6, 7) : status;
}

enum bt_status onnx_qlinear_add(struct onnx_import *im)
{
    return qlinear_pair(im, BT_OP_ADD);
}

enum bt_status onnx_qlinear_mul(struct onnx_import *im)
{
    return qlinear_pair(im, BT_OP_MUL);
}

enum bt_status onnx_qlinear_sigmoid(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    enum bt_status status = onnx_codes_input(im, 0, &x);
    if (status == BT_OK) {
        status = table(im, x, BT_ACT_SIGMOID, 0);
    }
    return status == BT_OK ? onnx_put_codes(im, 3, 4) : status;
}

enum bt_status onnx_qlinear_leaky_relu(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    const double slope = onnx_attribute_real(im, "alpha", 0.01);
    enum bt_status status = onnx_codes_input(im, 0, &x);
    if (status == BT_OK && (!(fabs(slope) <= ONNX_FLOAT_MOST) || slope == 0)) {
        return onnx_refuse(im, "slope %g: expected a finite number, not 0, of at most %g", slope, ONNX_FLOAT_MOST);
    }
    if (status == BT_OK) {
        status = table(im, x, BT_ACT_LEAKY, slope);
    }
    return status == BT_OK ? onnx_put_codes(im, 3, 4) : status;
}

enum bt_status onnx_qlinear_softmax(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    enum bt_status status = onnx_codes_input(im, 0, &x);
    if (status == BT_OK) {
        status = add_softmax(im, x, onnx_attribute_int(im, "opset", 13) >= 13 ? -1 : 1);
    }
    return status == BT_OK ? onnx_put_codes(im, 3, 4) : status;
}
