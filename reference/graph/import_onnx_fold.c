#include <inttypes.h>
#include <string.h>

#include "reference/graph/graph_exact.h"
#include "reference/graph/import_onnx.h"

/* ---- new constants ---- */

void onnx_put_const(struct onnx_import *im, size_t output, const struct onnx_const *constant)
{
    struct onnx_value *to = onnx_output(im, output);
    if (to != NULL) {
        to->kind = ONNX_CONST;
        to->constant = *constant;
    }
}

enum bt_status onnx_ints_new(struct onnx_import *im, int64_t count, int64_t **ints, struct onnx_const *constant)
{
    if (count < 0 || count > ONNX_INTS_MOST) {
        return onnx_refuse(im, "%" PRId64 " integers computed: expected at most %d", count, ONNX_INTS_MOST);
    }
    *ints = onnx_take(im, count > 0 ? (size_t)count : 1, sizeof(**ints));
    *constant = (struct onnx_const){
        .type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64,
        .rank = 1,
        .dims = {count},
        .elems = count,
        .ints64 = *ints,
    };
    return *ints != NULL ? BT_OK : onnx_no_memory(im);
}

static enum bt_status reals_new(struct onnx_import *im, int64_t count, float **reals, struct onnx_const *constant)
{
    *reals = onnx_take(im, count > 0 ? (size_t)count : 1, sizeof(**reals));
    *constant = (struct onnx_const){
        .type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
        .rank = 1,
        .dims = {count},
        .elems = count,
        .floats = *reals,
    };
    return *reals != NULL ? BT_OK : onnx_no_memory(im);
}

static bool is_real(const struct onnx_const *constant)
{
    return constant->type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT ||
           constant->type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE || constant->quantised;
}

enum bt_status onnx_constant(struct onnx_import *im)
{
    struct onnx_const made = {0};
    const Onnx__AttributeProto *value = onnx_attribute(im, "value");
    const Onnx__AttributeProto *ints = onnx_attribute(im, "value_ints");
    const Onnx__AttributeProto *whole = onnx_attribute(im, "value_int");
    const Onnx__AttributeProto *reals = onnx_attribute(im, "value_floats");
    const Onnx__AttributeProto *real = onnx_attribute(im, "value_float");
    enum bt_status status = BT_OK;
    if (value != NULL && value->t != NULL) {
        status = onnx_read_tensor(im, "value", value->t, &made);
    } else if (ints != NULL) {
        made = (struct onnx_const){.rank = 1, .dims = {(int64_t)ints->n_ints}, .elems = (int64_t)ints->n_ints};
        made.type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
        made.ints64 = ints->ints;
    } else if (reals != NULL) {
        made = (struct onnx_const){.rank = 1, .dims = {(int64_t)reals->n_floats}, .elems = (int64_t)reals->n_floats};
        made.type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
        made.floats = reals->floats;
    } else if (whole != NULL) {
        made = (struct onnx_const){.type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64, .elems = 1, .ints64 = &whole->i};
    } else if (real != NULL) {
        made = (struct onnx_const){.type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, .elems = 1, .floats = &real->f};
    } else {
        return onnx_refuse(im, "value: expected a tensor, or numbers");
    }
    if (made.elems > ONNX_ELEMS_MOST) {
        return onnx_refuse(im, "%" PRId64 " elements: expected at most %d", made.elems, ONNX_ELEMS_MOST);
    }
    onnx_put_const(im, 0, &made);
    return status;
}

enum bt_status onnx_constant_of_shape(struct onnx_import *im)
{
    const struct onnx_const *shape = NULL;
    struct onnx_const filler = {0};
    struct onnx_const made = {0};
    const Onnx__AttributeProto *value = onnx_attribute(im, "value");
    enum bt_status status = onnx_const_input(im, 0, "shape", &shape);
    if (status == BT_OK && value != NULL && value->t != NULL) {
        status = onnx_read_tensor(im, "value", value->t, &filler);
    }
    if (status != BT_OK) {
        return status;
    }
    int64_t *ints = NULL;
    if (shape->elems != 1 || filler.elems > 1 || (filler.elems == 1 && is_real(&filler))) {
        return onnx_refuse(im, "expected a list of integers");
    }
    status = onnx_ints_new(im, onnx_int(shape, 0), &ints, &made);
    for (int64_t i = 0; status == BT_OK && i < made.elems; i++) {
        ints[i] = filler.elems == 1 ? onnx_int(&filler, 0) : 0;
    }
    onnx_put_const(im, 0, &made);
    return status;
}

enum bt_status onnx_shape(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    struct onnx_const made = {0};
    int64_t *ints = NULL;
    enum bt_status status = onnx_data_input(im, 0, false, &x);
    if (status != BT_OK) {
        return status;
    }
    const int64_t stated_start = onnx_attribute_int(im, "start", 0);
    const int64_t stated_end = onnx_attribute_int(im, "end", x->rank);
    int64_t start = stated_start < 0 ? stated_start + x->rank : stated_start;
    int64_t end = stated_end < 0 ? stated_end + x->rank : stated_end;
    start = start < 0 ? 0 : start > x->rank ? x->rank : start;
    end = end < start ? start : end > x->rank ? x->rank : end;
    status = onnx_ints_new(im, end - start, &ints, &made);
    for (int64_t i = start; status == BT_OK && i < end; i++) {
        ints[i - start] = x->dims[i];
    }
    onnx_put_const(im, 0, &made);
    return status;
}

/* ---- dimensions ---- */

static int64_t elems_of(const struct onnx_dims *dims)
{
    int64_t elems = 1;
    for (int32_t i = 0; i < dims->rank; i++) {
        elems *= dims->dims[i]; /* at most ONNX_ELEMS_MOST: a tensor's */
    }
    return elems;
}

static enum bt_status reshaped(struct onnx_import *im, const struct onnx_dims *from, struct onnx_dims *to)
{
    const struct onnx_const *shape = NULL;
    const Onnx__AttributeProto *attribute = onnx_attribute(im, "shape");
    const enum bt_status status = onnx_optional_input(im, 1, "shape", &shape);
    if (status != BT_OK) {
        return status;
    }
    const int64_t count = shape != NULL ? shape->elems : attribute != NULL ? (int64_t)attribute->n_ints : -1;
    if (count < 0 || count > ONNX_RANK_MOST) {
        return onnx_refuse(im, "shape of %" PRId64 " dimensions: expected at most %d", count, ONNX_RANK_MOST);
    }
    const int64_t elems = elems_of(from);
    int32_t open = -1;
    int64_t product = 1;
    to->rank = (int32_t)count;
    for (int32_t i = 0; i < to->rank; i++) {
        int64_t dim = shape != NULL ? onnx_int(shape, i) : attribute->ints[i];
        if (dim == 0 && onnx_attribute_int(im, "allowzero", 0) == 0 && i < from->rank) {
            dim = from->dims[i];
        }
        if (i == 0 && im->batch > 1 && dim == im->batch) {
            dim = 1;
        }
        if (dim == -1 && open < 0) {
            open = i;
            dim = 1;
        }
        if (dim < 1 || dim > elems || product * dim > elems) {
            return onnx_refuse(
                im, "dimension %" PRId32 " of the shape is %" PRId64 ": expected those of %" PRId64 " elements", i, dim,
                elems);
        }
        to->dims[i] = dim;
        product *= dim;
    }
    if (open >= 0 && elems % product == 0) {
        to->dims[open] = elems / product;
        product = elems;
    }
    return product == elems ? BT_OK
                            : onnx_refuse(im, "a shape of %" PRId64 " elements: expected %" PRId64, product, elems);
}

/* axes as attribute or as input 1. */
static enum bt_status read_axes(struct onnx_import *im, int32_t rank, bool axes[ONNX_RANK_MOST], int32_t *count)
{
    const struct onnx_const *given = NULL;
    const Onnx__AttributeProto *attribute = onnx_attribute(im, "axes");
    const enum bt_status status = onnx_optional_input(im, 1, "axes", &given);
    if (status != BT_OK) {
        return status;
    }
    const int64_t stated = given != NULL ? given->elems : attribute != NULL ? (int64_t)attribute->n_ints : 0;
    if (stated > ONNX_RANK_MOST) {
        return onnx_refuse(im, "%" PRId64 " axes: expected at most %d", stated, ONNX_RANK_MOST);
    }
    *count = (int32_t)stated;
    for (int32_t i = 0; i < *count; i++) {
        const int32_t axis = onnx_axis(given != NULL ? onnx_int(given, i) : attribute->ints[i], rank);
        if (axis < 0 || axis >= ONNX_RANK_MOST || axes[axis]) {
            return onnx_refuse(im, "axes: expected each once, of %" PRId32 " dimensions", rank);
        }
        axes[axis] = true;
    }
    return BT_OK;
}

static enum bt_status squeezed(struct onnx_import *im, const struct onnx_dims *from, struct onnx_dims *to)
{
    bool axes[ONNX_RANK_MOST] = {false};
    int32_t count = 0;
    const enum bt_status status = read_axes(im, from->rank, axes, &count);
    if (status != BT_OK) {
        return status;
    }
    for (int32_t i = 0; i < from->rank; i++) {
        const bool gone = count == 0 ? from->dims[i] == 1 : axes[i];
        if (gone && from->dims[i] != 1) {
            return onnx_refuse(im, "dimension %" PRId32 " is %" PRId64 ": expected 1", i, from->dims[i]);
        }
        if (!gone) {
            to->dims[to->rank++] = from->dims[i];
        }
    }
    return BT_OK;
}

static enum bt_status unsqueezed(struct onnx_import *im, const struct onnx_dims *from, struct onnx_dims *to)
{
    bool axes[ONNX_RANK_MOST] = {false};
    int32_t count = 0;
    /* Axes are those of the result, whose rank is not known before they are counted. */
    const Onnx__AttributeProto *attribute = onnx_attribute(im, "axes");
    const struct onnx_value *given = onnx_input(im, 1);
    const int64_t stated = given != NULL && given->kind == ONNX_CONST ? given->constant.elems
                           : attribute != NULL                        ? (int64_t)attribute->n_ints
                                                                      : 0;
    if (stated < 1 || from->rank + stated > ONNX_RANK_MOST) {
        return onnx_refuse(im, "%" PRId64 " axes: expected at least one, and at most %d dimensions", stated,
                           ONNX_RANK_MOST);
    }
    const enum bt_status status = read_axes(im, from->rank + (int32_t)stated, axes, &count);
    if (status != BT_OK) {
        return status;
    }
    int32_t at = 0;
    to->rank = from->rank + count;
    for (int32_t i = 0; i < to->rank; i++) {
        to->dims[i] = axes[i] ? 1 : from->dims[at++];
    }
    return BT_OK;
}

static enum bt_status flattened(struct onnx_import *im, const struct onnx_dims *from, struct onnx_dims *to)
{
    const int64_t stated = onnx_attribute_int(im, "axis", 1);
    const int64_t axis = stated < 0 ? stated + from->rank : stated;
    if (axis < 0 || axis > from->rank) {
        return onnx_refuse(im, "axis %" PRId64 ": expected one of %" PRId32 " dimensions", stated, from->rank);
    }
    to->rank = 2;
    to->dims[0] = 1;
    to->dims[1] = 1;
    for (int32_t i = 0; i < from->rank; i++) {
        to->dims[i < axis ? 0 : 1] *= from->dims[i];
    }
    return BT_OK;
}

enum bt_status onnx_new_dims(struct onnx_import *im, const struct onnx_dims *from, struct onnx_dims *to)
{
    *to = (struct onnx_dims){0};
    if (strcmp(im->node->op_type, "Reshape") == 0) {
        return reshaped(im, from, to);
    }
    if (strcmp(im->node->op_type, "Squeeze") == 0) {
        return squeezed(im, from, to);
    }
    return strcmp(im->node->op_type, "Unsqueeze") == 0 ? unsqueezed(im, from, to) : flattened(im, from, to);
}

enum bt_status onnx_permutation(struct onnx_import *im, int32_t rank, int32_t *perm)
{
    const Onnx__AttributeProto *attribute = onnx_attribute(im, "perm");
    bool seen[ONNX_RANK_MOST] = {false};
    for (int32_t i = 0; i < rank; i++) {
        perm[i] = rank - 1 - i;
    }
    if (attribute == NULL) {
        return BT_OK;
    }
    bool good = attribute->n_ints == (size_t)rank;
    for (int32_t i = 0; good && i < rank; i++) {
        perm[i] = attribute->ints[i] >= 0 ? onnx_axis(attribute->ints[i], rank) : -1;
        good = perm[i] >= 0 && !seen[perm[i]];
        if (good) {
            seen[perm[i]] = true;
        }
    }
    return good ? BT_OK : onnx_refuse(im, "perm: expected each of %" PRId32 " dimensions once", rank);
}

/* Numbers that the operator has as attribute (old) or input. */
static enum bt_status read_numbers(struct onnx_import *im, size_t input, const char *name, int64_t otherwise,
                                   int64_t count, int64_t *numbers, int64_t *stated)
{
    const struct onnx_const *given = NULL;
    const Onnx__AttributeProto *attribute = onnx_attribute(im, name);
    const enum bt_status status = onnx_optional_input(im, input, name, &given);
    if (status != BT_OK) {
        return status;
    }
    *stated = given != NULL ? given->elems : attribute != NULL ? (int64_t)attribute->n_ints : 0;
    if (*stated > ONNX_RANK_MOST || (*stated != 0 && count >= 0 && *stated != count)) {
        return onnx_refuse(im, "%s: %" PRId64 " numbers: expected one to each axis", name, *stated);
    }
    for (int64_t i = 0; i < ONNX_RANK_MOST; i++) {
        numbers[i] = i >= *stated    ? (otherwise >= 0 ? otherwise : i)
                     : given != NULL ? onnx_int(given, i)
                                     : attribute->ints[i];
    }
    return BT_OK;
}

/* What a slice takes of one dimension. */
static enum bt_status cut(struct onnx_import *im, int64_t extent, int64_t first, int64_t end, struct onnx_cut *cut)
{
    const int64_t behind = cut->step > 0 ? extent : extent - 1; /* furthest place for each end */
    const int64_t before = cut->step > 0 ? 0 : -1;
    int64_t low = first < 0 ? first + extent : first;
    int64_t high = end < 0 ? end + extent : end;
    low = low < 0 ? 0 : low > behind ? behind : low;
    high = high < before ? before : high > behind ? behind : high;
    const int64_t way = cut->step > 0 ? high - low : low - high;
    const int64_t pace = cut->step > 0 ? cut->step : -cut->step;
    if (way <= 0) {
        return onnx_refuse(im, "from %" PRId64 " to %" PRId64 ": expected elements in between", first, end);
    }
    cut->start = low;
    cut->count = (way + pace - 1) / pace;
    return BT_OK;
}

enum bt_status onnx_cuts(struct onnx_import *im, const struct onnx_dims *from, struct onnx_cut *cuts)
{
    int64_t first[ONNX_RANK_MOST] = {0};
    int64_t end[ONNX_RANK_MOST] = {0};
    int64_t axes[ONNX_RANK_MOST] = {0};
    int64_t steps[ONNX_RANK_MOST] = {0};
    int64_t count = 0;
    int64_t stated = 0;
    enum bt_status status = read_numbers(im, 1, "starts", 0, -1, first, &count);
    if (status == BT_OK) {
        status = read_numbers(im, 2, "ends", 0, count, end, &stated);
    }
    if (status == BT_OK && (count < 1 || stated != count || count > from->rank)) {
        return onnx_refuse(im, "%" PRId64 " starts and %" PRId64 " ends: expected one to each axis", count, stated);
    }
    if (status == BT_OK) {
        status = read_numbers(im, 3, "axes", -1, count, axes, &stated);
    }
    if (status == BT_OK) {
        status = read_numbers(im, 4, "steps", 1, count, steps, &stated);
    }
    for (int32_t i = 0; i < from->rank; i++) {
        cuts[i] = (struct onnx_cut){.start = 0, .count = from->dims[i], .step = 1};
    }
    for (int64_t i = 0; status == BT_OK && i < count; i++) {
        const int32_t axis = onnx_axis(axes[i], from->rank);
        if (axis < 0 || steps[i] == 0 || steps[i] > ONNX_ELEMS_MOST || steps[i] < -ONNX_ELEMS_MOST) {
            return onnx_refuse(im,
                               "axis %" PRId64 ", step %" PRId64 ": expected one of %" PRId32
                               " dimensions, and a step that is not 0",
                               axes[i], steps[i], from->rank);
        }
        cuts[axis].step = steps[i];
        status = cut(im, from->dims[axis], first[i], end[i], &cuts[axis]);
    }
    return status;
}

/* ---- operators on constants ---- */

static enum bt_status fold_dims(struct onnx_import *im, const struct onnx_const *x)
{
    struct onnx_dims from = {.rank = x->rank};
    struct onnx_dims to = {0};
    memcpy(from.dims, x->dims, sizeof(from.dims));
    if (x->elems < 1 || (x->quantised && x->scale->elems != 1)) {
        return onnx_refuse(im, "of a constant without elements, or with several scales: expected it as it is");
    }
    const enum bt_status status = onnx_new_dims(im, &from, &to);
    if (status == BT_OK) {
        struct onnx_const made = *x;
        made.rank = to.rank;
        memcpy(made.dims, to.dims, sizeof(made.dims));
        onnx_put_const(im, 0, &made);
    }
    return status;
}

/* Elements of x from `first` on, by one stride for each dimension of `to`. Codes and whole numbers keep their type. */
static enum bt_status put_strided(struct onnx_import *im, const struct onnx_const *x, const struct onnx_dims *to,
                                  int64_t first, const int64_t *strides, int32_t axis)
{
    const bool real = is_real(x) && !x->quantised;
    const bool wide = x->type == ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
    const int64_t count = elems_of(to);
    float *reals = real ? onnx_take(im, (size_t)count, sizeof(*reals)) : NULL;
    int64_t *ints64 = !real && wide ? onnx_take(im, (size_t)count, sizeof(*ints64)) : NULL;
    int32_t *ints = !real && !wide ? onnx_take(im, (size_t)count, sizeof(*ints)) : NULL;
    if (reals == NULL && ints64 == NULL && ints == NULL) {
        return onnx_no_memory(im);
    }
    int64_t at[ONNX_RANK_MOST] = {0};
    int64_t from = first;
    for (int64_t i = 0; i < count; i++) {
        if (real) {
            reals[i] = (float)onnx_real(x, from);
        } else if (wide) {
            ints64[i] = onnx_int(x, from);
        } else {
            ints[i] = (int32_t)onnx_int(x, from);
        }
        for (int32_t k = to->rank - 1; k >= 0; k--) {
            from += strides[k];
            if (++at[k] < to->dims[k]) {
                break;
            }
            from -= strides[k] * to->dims[k];
            at[k] = 0;
        }
    }
    struct onnx_const made = *x;
    made.raw = NULL;
    made.doubles = NULL;
    made.floats = reals;
    made.ints32 = ints;
    made.ints64 = ints64;
    made.type = real ? ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT : x->type;
    made.rank = to->rank;
    made.elems = count;
    made.axis = axis;
    memcpy(made.dims, to->dims, sizeof(made.dims));
    onnx_put_const(im, 0, &made);
    return BT_OK;
}

/* Elements from one index of a dimension to the next. */
static int64_t stride_of(const struct onnx_const *x, int32_t dim)
{
    int64_t stride = 1;
    for (int32_t i = dim + 1; i < x->rank; i++) {
        stride *= x->dims[i];
    }
    return stride;
}

static enum bt_status fold_transpose(struct onnx_import *im, const struct onnx_const *x)
{
    int32_t perm[ONNX_RANK_MOST] = {0};
    int64_t strides[ONNX_RANK_MOST] = {0};
    struct onnx_dims to = {.rank = x->rank};
    int32_t axis = x->axis;
    const enum bt_status status = onnx_permutation(im, x->rank, perm);
    if (status != BT_OK || x->elems < 1) {
        return status == BT_OK ? onnx_refuse(im, "of a constant without elements: expected some") : status;
    }
    for (int32_t i = 0; i < x->rank; i++) {
        strides[i] = stride_of(x, perm[i]);
        to.dims[i] = x->dims[perm[i]];
        axis = perm[i] == x->axis ? i : axis;
    }
    return put_strided(im, x, &to, 0, strides, axis);
}

static enum bt_status fold_slice(struct onnx_import *im, const struct onnx_const *x)
{
    struct onnx_dims from = {.rank = x->rank};
    struct onnx_cut cuts[ONNX_RANK_MOST] = {{0}};
    int64_t strides[ONNX_RANK_MOST] = {0};
    int64_t first = 0;
    memcpy(from.dims, x->dims, sizeof(from.dims));
    if (x->quantised || x->elems < 1) {
        return onnx_refuse(im, "of a constant that is quantised or without elements: expected numbers");
    }
    const enum bt_status status = onnx_cuts(im, &from, cuts);
    for (int32_t i = 0; status == BT_OK && i < x->rank; i++) {
        strides[i] = stride_of(x, i) * cuts[i].step;
        first += stride_of(x, i) * cuts[i].start;
        from.dims[i] = cuts[i].count;
    }
    return status == BT_OK ? put_strided(im, x, &from, first, strides, 0) : status;
}

static enum bt_status fold_concat(struct onnx_import *im)
{
    int64_t count = 0;
    bool real = false;
    for (size_t i = 0; i < im->node->n_input; i++) {
        const struct onnx_value *part = onnx_input(im, i);
        if (part == NULL || part->constant.rank != 1 || part->constant.quantised ||
            part->constant.elems > ONNX_INTS_MOST) {
            return onnx_refuse(im, "input %zu: expected a short list, as the other inputs are constants, too", i);
        }
        count += part->constant.elems;
        real = real || is_real(&part->constant);
    }
    struct onnx_const made = {0};
    int64_t *ints = NULL;
    float *reals = NULL;
    const enum bt_status status =
        real && count <= ONNX_INTS_MOST ? reals_new(im, count, &reals, &made) : onnx_ints_new(im, count, &ints, &made);
    if (status != BT_OK) {
        return status;
    }
    int64_t at = 0;
    for (size_t i = 0; i < im->node->n_input; i++) {
        const struct onnx_const *part = &onnx_input(im, i)->constant;
        for (int64_t k = 0; k < part->elems; k++, at++) {
            if (reals != NULL) {
                reals[at] = (float)onnx_real(part, k);
            } else {
                ints[at] = onnx_int(part, k);
            }
        }
    }
    onnx_put_const(im, 0, &made);
    return BT_OK;
}

enum bt_status onnx_gather(struct onnx_import *im)
{
    const struct onnx_const *x = NULL;
    const struct onnx_const *indices = NULL;
    struct onnx_const made = {0};
    int64_t *ints = NULL;
    enum bt_status status = onnx_const_input(im, 0, "data", &x);
    if (status == BT_OK) {
        status = onnx_const_input(im, 1, "indices", &indices);
    }
    if (status != BT_OK) {
        return status;
    }
    if (x->rank != 1 || is_real(x) || is_real(indices) || indices->rank > 1) {
        return onnx_refuse(im, "expected elements of a list of integers");
    }
    status = onnx_ints_new(im, indices->elems, &ints, &made);
    for (int64_t i = 0; status == BT_OK && i < made.elems; i++) {
        const int64_t stated = onnx_int(indices, i);
        const int64_t index = stated < 0 ? stated + x->elems : stated;
        if (index < 0 || index >= x->elems) {
            return onnx_refuse(im, "index %" PRId64 ": expected one of %" PRId64 " elements", stated, x->elems);
        }
        ints[i] = onnx_int(x, index);
    }
    made.rank = indices->rank;
    onnx_put_const(im, 0, &made);
    return status;
}

static enum bt_status fold_cast(struct onnx_import *im, const struct onnx_const *x)
{
    const int64_t to = onnx_attribute_int(im, "to", 0);
    const bool to_int = to == ONNX__TENSOR_PROTO__DATA_TYPE__INT64 || to == ONNX__TENSOR_PROTO__DATA_TYPE__INT32;
    const bool to_real = to == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT || to == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE;
    struct onnx_const made = {0};
    if (to == x->type || (to_real && is_real(x)) || (to_int && !is_real(x))) {
        onnx_put_const(im, 0, x);
        return BT_OK;
    }
    if (!to_int && !to_real) {
        return onnx_refuse(im, "to element type %" PRId64 ": expected float, double, int32 or int64", to);
    }
    int64_t *ints = NULL;
    float *reals = NULL;
    const enum bt_status status = to_int || x->elems > ONNX_INTS_MOST ? onnx_ints_new(im, x->elems, &ints, &made)
                                                                      : reals_new(im, x->elems, &reals, &made);
    for (int64_t i = 0; status == BT_OK && i < x->elems; i++) {
        if (reals == NULL) {
            ints[i] = onnx_int(x, i);
        } else {
            reals[i] = (float)onnx_real(x, i);
        }
    }
    if (status == BT_OK) {
        made.rank = x->rank;
        memcpy(made.dims, x->dims, sizeof(made.dims));
        onnx_put_const(im, 0, &made);
    }
    return status;
}

/* Add, Sub, Mul, Div of short lists, or of a list and a number. */
static enum bt_status fold_arithmetic(struct onnx_import *im, const struct onnx_const *a, const struct onnx_const *b)
{
    const int64_t count = a->elems > b->elems ? a->elems : b->elems;
    const char op = im->node->op_type[0] == 'S' && im->node->op_type[2] == 'b' ? '-'
                    : im->node->op_type[0] == 'M'                              ? '*'
                    : im->node->op_type[0] == 'D'                              ? '/'
                                                                               : '+';
    const bool real = is_real(a) || is_real(b);
    struct onnx_const made = {0};
    int64_t *ints = NULL;
    float *reals = NULL;
    if ((a->elems != count && a->elems != 1) || (b->elems != count && b->elems != 1) || a->quantised || b->quantised ||
        a->elems < 1 || b->elems < 1) {
        return onnx_refuse(im, "constants of %" PRId64 " and %" PRId64 " elements: expected as many, or one", a->elems,
                           b->elems);
    }
    enum bt_status status =
        real && count <= ONNX_INTS_MOST ? reals_new(im, count, &reals, &made) : onnx_ints_new(im, count, &ints, &made);
    for (int64_t i = 0; status == BT_OK && i < count; i++) {
        const int64_t k = a->elems == 1 ? 0 : i;
        const int64_t l = b->elems == 1 ? 0 : i;
        if (reals != NULL) {
            const double x = onnx_real(a, k);
            const double y = onnx_real(b, l);
            reals[i] = (float)(op == '+' ? x + y : op == '-' ? x - y : op == '*' ? x * y : x / y);
            continue;
        }
        const int64_t x = onnx_int(a, k);
        const int64_t y = onnx_int(b, l);
        if (x < -ONNX_ELEMS_MOST || x > ONNX_ELEMS_MOST || y < -ONNX_ELEMS_MOST || y > ONNX_ELEMS_MOST ||
            (op == '/' && y == 0)) {
            return onnx_refuse(im, "%" PRId64 " %c %" PRId64 ": expected numbers of at most %d, no division by 0", x,
                               op, y, ONNX_ELEMS_MOST);
        }
        ints[i] = op == '+' ? x + y : op == '-' ? x - y : op == '*' ? x * y : x / y;
    }
    if (status == BT_OK) {
        const struct onnx_const *shape = a->elems == count && a->rank >= b->rank ? a : b->elems == count ? b : a;
        made.rank = shape->rank;
        memcpy(made.dims, shape->dims, sizeof(made.dims));
        onnx_put_const(im, 0, &made);
    }
    return status;
}

enum bt_status onnx_fold(struct onnx_import *im, bool *done)
{
    static const char *const dims[] = {"Reshape", "Squeeze", "Unsqueeze", "Flatten"};
    const char *type = im->node->op_type;
    const struct onnx_value *first = onnx_input(im, 0);
    const struct onnx_value *second = onnx_input(im, 1);
    *done = false;
    if (first == NULL) {
        return BT_OK;
    }
    const struct onnx_const *x = &first->constant;
    *done = true;
    for (size_t i = 0; i < sizeof(dims) / sizeof(dims[0]); i++) {
        if (strcmp(type, dims[i]) == 0) {
            return fold_dims(im, x);
        }
    }
    if (strcmp(type, "Identity") == 0 || strcmp(type, "Dropout") == 0) {
        onnx_put_const(im, 0, x);
        return BT_OK;
    }
    if (strcmp(type, "Shape") == 0 && im->node->n_attribute == 0) {
        struct onnx_const made = {0};
        int64_t *ints = NULL;
        const enum bt_status status = onnx_ints_new(im, x->rank, &ints, &made);
        if (status == BT_OK) {
            memcpy(ints, x->dims, (size_t)x->rank * sizeof(*ints));
            onnx_put_const(im, 0, &made);
        }
        return status;
    }
    if (strcmp(type, "Cast") == 0) {
        return fold_cast(im, x);
    }
    if (strcmp(type, "Transpose") == 0) {
        return fold_transpose(im, x);
    }
    if (strcmp(type, "Slice") == 0) {
        return fold_slice(im, x);
    }
    if (strcmp(type, "Concat") == 0) {
        return fold_concat(im);
    }
    if (second != NULL && (strcmp(type, "Add") == 0 || strcmp(type, "Sub") == 0 || strcmp(type, "Mul") == 0 ||
                           strcmp(type, "Div") == 0 || strcmp(type, "Sum") == 0)) {
        return fold_arithmetic(im, x, &second->constant);
    }
    *done = false;
    return BT_OK;
}
