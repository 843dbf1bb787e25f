#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "reference/graph/graph_exact.h"
#include "reference/graph/import_onnx.h"

/* Beyond these no format is meant. */
#define SCALE_LEAST 1e-12
#define SCALE_MOST 1e12

enum bt_status onnx_scale_at(struct onnx_import *im, const struct onnx_const *constant, int64_t index, double *scale)
{
    *scale = index < constant->elems ? onnx_real(constant, index) : 0;
    if (!(*scale >= SCALE_LEAST) || !(*scale <= SCALE_MOST)) {
        return onnx_refuse(im, "scale %" PRId64 " is %g: expected a finite number above 0", index, *scale);
    }
    return BT_OK;
}

enum bt_status onnx_read_format(struct onnx_import *im, const struct onnx_const *scale, const struct onnx_const *zp,
                                bool is_unsigned, struct onnx_format *format)
{
    if (scale->elems != 1 || (zp != NULL && zp->elems != 1)) {
        return onnx_refuse(im, "%" PRId64 " scales of an activation: expected one", scale->elems);
    }
    const int64_t shift = is_unsigned ? 128 : 0;
    const int64_t zero = (zp != NULL ? onnx_int(zp, 0) : 0) - shift;
    if (zero < INT8_MIN || zero > INT8_MAX) {
        return onnx_refuse(im, "zero point %" PRId64 ": expected one of 8 bits", zero + shift);
    }
    format->zp = (int32_t)zero;
    return onnx_scale_at(im, scale, 0, &format->scale);
}

static bool same_format(const struct onnx_format *a, const struct onnx_format *b)
{
    return a->scale == b->scale && a->zp == b->zp;
}

/* Type of the codes that a zero point stands for; without one uint8, unless the operator says otherwise. */
static enum bt_status code_type(struct onnx_import *im, const struct onnx_const *zp, bool *is_unsigned)
{
    const int64_t otherwise = onnx_attribute_int(im, "output_dtype", ONNX__TENSOR_PROTO__DATA_TYPE__UINT8);
    const int64_t type = zp != NULL ? zp->type : otherwise;
    *is_unsigned = type == ONNX__TENSOR_PROTO__DATA_TYPE__UINT8;
    return *is_unsigned || type == ONNX__TENSOR_PROTO__DATA_TYPE__INT8
               ? BT_OK
               : onnx_refuse(im, "to element type %" PRId64 ": expected int8 or uint8", type);
}

enum bt_status onnx_set_format(struct onnx_import *im, uint32_t *index, const struct onnx_format *format)
{
    const struct onnx_format natural = {.scale = 1.0 / 256, .zp = INT8_MIN};
    struct onnx_layer *layer = &im->layers[*index];
    if (!layer->has_format) {
        layer->has_format = true;
        layer->format = *format;
        if (layer->op == BT_OP_SOFTMAX) {
            layer->format = natural;
        } else if (layer->op == BT_OP_AVGPOOL) {
            const struct onnx_format *in = &im->layers[layer->inputs[0]].format;
            const struct ref_pool2d *pool = &layer->u.pool;
            const bool padded = pool->pad_top + pool->pad_bottom + pool->pad_left + pool->pad_right > 0;
            if (!same_format(in, format) && !padded && pool->kh <= BT_MAX_KERNEL && pool->kw <= BT_MAX_KERNEL) {
                return onnx_average_by_conv(im, *index); /* rounds once */
            }
            layer->format = *in;
        }
    }
    if (same_format(&layer->format, format)) {
        return BT_OK;
    }
    const enum bt_status status = onnx_add_layer(im, BT_OP_TABLE, layer->name, ".scale", *index, false, index);
    if (status == BT_OK) {
        im->layers[*index].has_format = true;
        im->layers[*index].format = *format;
    }
    return status;
}

enum bt_status onnx_codes_input(struct onnx_import *im, size_t index, struct onnx_value **value)
{
    const struct onnx_const *scale = NULL;
    const struct onnx_const *zp = NULL;
    struct onnx_format format = {0};
    enum bt_status status = onnx_data_input(im, index, false, value);
    if (status == BT_OK) {
        status = onnx_const_input(im, index + 1, "scale", &scale);
    }
    if (status == BT_OK) {
        status = onnx_optional_input(im, index + 2, "zero point", &zp);
    }
    if (status != BT_OK) {
        return status;
    }
    if (!(*value)->codes) {
        return onnx_refuse(im, "input '%.47s' is real: expected int8 or uint8, behind QuantizeLinear", (*value)->name);
    }
    status = onnx_read_format(im, scale, zp, (*value)->is_unsigned, &format);
    if (status != BT_OK) {
        return status;
    }
    struct onnx_layer *layer = &im->layers[(*value)->layer];
    if (!layer->has_format) { /* the model's input */
        layer->has_format = true;
        layer->format = format;
    }
    if (!same_format(&layer->format, &format)) {
        return onnx_refuse(im,
                           "input '%.47s' has scale %g and zero point %" PRId32
                           ": expected those it was put out with, %g and %" PRId32,
                           (*value)->name, format.scale, format.zp, layer->format.scale, layer->format.zp);
    }
    return BT_OK;
}

enum bt_status onnx_put_codes(struct onnx_import *im, size_t scale_index, size_t zp_index)
{
    const struct onnx_const *scale = NULL;
    const struct onnx_const *zp = NULL;
    struct onnx_format format = {0};
    bool is_unsigned = false;
    struct onnx_value *out = onnx_output(im, 0);
    enum bt_status status = onnx_const_input(im, scale_index, "scale", &scale);
    if (status == BT_OK) {
        status = onnx_optional_input(im, zp_index, "zero point", &zp);
    }
    if (status == BT_OK) {
        status = code_type(im, zp, &is_unsigned);
    }
    if (status == BT_OK) {
        status = onnx_read_format(im, scale, zp, is_unsigned, &format);
    }
    if (status != BT_OK || out == NULL) {
        return status;
    }
    status = onnx_set_format(im, &out->layer, &format);
    out->codes = true;
    out->dequantised = false;
    out->is_unsigned = is_unsigned;
    return status;
}

/* ---- QuantizeLinear ---- */

/* Real weights, as training with quantisation leaves them. */
static enum bt_status quantize_const(struct onnx_import *im, const struct onnx_const *x, const struct onnx_const *scale,
                                     const struct onnx_const *zp, bool is_unsigned)
{
    const int32_t axis = onnx_axis(onnx_attribute_int(im, "axis", 1), x->rank > 0 ? x->rank : 1);
    const int64_t scales = scale->elems;
    if (x->quantised || scales < 1 || (zp != NULL && zp->elems != scales) ||
        (scales > 1 && (axis < 0 || axis >= x->rank || x->dims[axis] != scales))) {
        return onnx_refuse(im, "%" PRId64 " scales: expected one, or one to each element along the axis", scales);
    }
    int64_t inner = 1;
    for (int32_t i = axis + 1; scales > 1 && i < x->rank; i++) {
        inner *= x->dims[i]; /* a divisor of elems, or that is 0 */
        if (inner == 0 || inner > ONNX_ELEMS_MOST) {
            return onnx_refuse(im, "no elements: expected some");
        }
    }
    int32_t *codes = onnx_take(im, (size_t)x->elems + 1, sizeof(*codes));
    if (codes == NULL) {
        return onnx_no_memory(im);
    }
    const int32_t least = is_unsigned ? 0 : INT8_MIN;
    for (int64_t i = 0; i < x->elems; i++) {
        const int64_t channel = scales > 1 ? i / inner % scales : 0;
        double step = 0;
        const enum bt_status status = onnx_scale_at(im, scale, channel, &step);
        if (status != BT_OK) {
            return status;
        }
        const double zero = zp != NULL ? onnx_real(zp, channel) : 0;
        const double code = nearbyint(onnx_real(x, i) / step) + zero;
        codes[i] = code >= least + 255 ? least + 255 : code > least ? (int32_t)code : least; /* NaN: least */
    }
    struct onnx_const made = {
        .type = is_unsigned ? ONNX__TENSOR_PROTO__DATA_TYPE__UINT8 : ONNX__TENSOR_PROTO__DATA_TYPE__INT8,
        .rank = x->rank,
        .elems = x->elems,
        .ints32 = codes,
    };
    memcpy(made.dims, x->dims, sizeof(made.dims));
    onnx_put_const(im, 0, &made);
    return BT_OK;
}

enum bt_status onnx_quantize(struct onnx_import *im)
{
    struct onnx_value *x = onnx_input(im, 0);
    const struct onnx_const *scale = NULL;
    const struct onnx_const *zp = NULL;
    struct onnx_format format = {0};
    bool is_unsigned = false;
    enum bt_status status = onnx_const_input(im, 1, "scale", &scale);
    if (status == BT_OK) {
        status = onnx_optional_input(im, 2, "zero point", &zp);
    }
    if (status == BT_OK) {
        status = code_type(im, zp, &is_unsigned);
    }
    if (status != BT_OK) {
        return status;
    }
    if (x != NULL && x->kind == ONNX_CONST) {
        return quantize_const(im, &x->constant, scale, zp, is_unsigned);
    }
    status = onnx_data_input(im, 0, true, &x);
    if (status == BT_OK) {
        status = onnx_read_format(im, scale, zp, is_unsigned, &format);
    }
    if (status != BT_OK) {
        return status;
    }
    const struct onnx_layer *layer = &im->layers[x->layer];
    if (x->codes || (layer->has_format && !x->dequantised && !same_format(&layer->format, &format))) {
        return onnx_refuse(im, "input '%.47s' is quantised already, or in another way elsewhere: expected one format",
                           x->name);
    }
    uint32_t index = x->layer;
    status = onnx_set_format(im, &index, &format);
    onnx_put_view(im, 0, x);
    struct onnx_value *out = onnx_output(im, 0);
    if (out != NULL) {
        out->sole = out->sole || index != x->layer;
        out->layer = index;
        out->codes = true;
        out->dequantised = false;
        out->is_unsigned = is_unsigned;
    }
    return status;
}

/* ---- DequantizeLinear ---- */

enum bt_status onnx_dequantize(struct onnx_import *im)
{
    struct onnx_value *x = onnx_input(im, 0);
    const struct onnx_const *scale = NULL;
    const struct onnx_const *zp = NULL;
    struct onnx_format format = {0};
    enum bt_status status = onnx_const_input(im, 1, "scale", &scale);
    if (status == BT_OK) {
        status = onnx_optional_input(im, 2, "zero point", &zp);
    }
    if (status == BT_OK && onnx_attribute_int(im, "block_size", 0) != 0) {
        status = onnx_refuse(im, "block_size: expected one scale, or one to each channel");
    }
    if (status != BT_OK) {
        return status;
    }
    if (x != NULL && x->kind == ONNX_CONST) {
        const int32_t type = x->constant.type;
        if (x->constant.quantised ||
            (type != ONNX__TENSOR_PROTO__DATA_TYPE__INT8 && type != ONNX__TENSOR_PROTO__DATA_TYPE__UINT8 &&
             type != ONNX__TENSOR_PROTO__DATA_TYPE__INT32)) {
            return onnx_refuse(im, "a constant of element type %" PRId32 ": expected int8, uint8 or int32", type);
        }
        struct onnx_const made = x->constant;
        const int32_t axis = onnx_axis(onnx_attribute_int(im, "axis", 1), made.rank);
        made.quantised = true;
        made.axis = scale->elems > 1 && made.rank == 1 ? 0 : axis;
        made.scale = scale;
        made.zp = zp;
        onnx_put_const(im, 0, &made);
        return BT_OK;
    }
    status = onnx_data_input(im, 0, true, &x);
    if (status != BT_OK) {
        return status;
    }
    if (!x->codes) {
        return onnx_refuse(im, "input '%.47s' is real: expected int8 or uint8, behind QuantizeLinear", x->name);
    }
    status = onnx_read_format(im, scale, zp, x->is_unsigned, &format);
    struct onnx_layer *layer = &im->layers[x->layer];
    if (status == BT_OK && !layer->has_format) { /* the model's input */
        layer->has_format = true;
        layer->format = format;
    }
    if (status == BT_OK && !same_format(&layer->format, &format)) {
        return onnx_refuse(im,
                           "input '%.47s' has scale %g and zero point %" PRId32
                           ": expected those it was put out with, %g and %" PRId32,
                           x->name, format.scale, format.zp, layer->format.scale, layer->format.zp);
    }
    onnx_put_view(im, 0, x);
    struct onnx_value *out = onnx_output(im, 0);
    if (out != NULL) {
        out->codes = false;
        out->dequantised = true;
    }
    return status;
}
