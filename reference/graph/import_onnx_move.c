#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "reference/graph/graph_exact.h"
#include "reference/graph/import_onnx.h"

/* ---- channels: concatenation and slices ---- */

static enum bt_status concat(struct onnx_import *im, struct onnx_value *const *parts, size_t count, bool keep)
{
    uint32_t index = 0;
    int64_t channels = 0;
    const struct onnx_value *first = parts[0];
    const int32_t axis = onnx_axis(onnx_attribute_int(im, "axis", 1), first->rank);
    for (size_t i = 0; i < count; i++) {
        const struct onnx_value *part = parts[i];
        bool good = axis >= 0 && part->rank == first->rank && part->order == first->order &&
                    onnx_channel_axis(im, part) == axis && im->layers[part->layer].h == im->layers[first->layer].h &&
                    im->layers[part->layer].w == im->layers[first->layer].w;
        for (int32_t k = 0; good && k < part->rank; k++) {
            good = k == axis || part->dims[k] == first->dims[k];
        }
        if (!good) {
            return onnx_refuse(im,
                               "axis %" PRId64 ", input %zu: expected images of one size, joined along the channels",
                               onnx_attribute_int(im, "axis", 1), i);
        }
        channels += im->layers[part->layer].c;
    }
    enum bt_status status = onnx_add_layer(im, BT_OP_CONCAT, onnx_node_name(im->node), "", first->layer, keep, &index);
    if (status == BT_OK) {
        status = onnx_set_shape(im, index, im->layers[index].h, im->layers[index].w, channels);
    }
    if (status != BT_OK) {
        return status;
    }
    im->layers[index].input_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        im->layers[index].inputs[i] = parts[i]->layer;
    }
    struct onnx_value *out = onnx_output(im, 0);
    onnx_put_like(im, 0, first, index);
    if (out != NULL) {
        out->dims[axis] = channels;
    }
    return BT_OK;
}

enum bt_status onnx_concat(struct onnx_import *im)
{
    struct onnx_value *parts[BT_GRAPH_INPUTS] = {NULL};
    const size_t count = im->node->n_input;
    if (count > BT_GRAPH_INPUTS) {
        return onnx_refuse(im, "%zu inputs: expected at most %d", count, BT_GRAPH_INPUTS);
    }
    for (size_t i = 0; i < count; i++) {
        const enum bt_status status = onnx_moved_input(im, i, false, &parts[i]);
        if (status != BT_OK) {
            return status;
        }
        const struct onnx_format *format = &im->layers[parts[i]->layer].format;
        const struct onnx_format *other = &im->layers[parts[0]->layer].format;
        if (parts[i]->codes != parts[0]->codes ||
            (parts[i]->codes && (parts[i]->is_unsigned != parts[0]->is_unsigned || format->scale != other->scale ||
                                 format->zp != other->zp))) {
            return onnx_refuse(im, "input %zu is int8 in another format than input 0: expected one format", i);
        }
    }
    if (count == 1 || parts[0] == NULL) {
        onnx_put_view(im, 0, parts[0]);
        return BT_OK;
    }
    return concat(im, parts, count, parts[0]->codes);
}

enum bt_status onnx_qlinear_concat(struct onnx_import *im)
{
    struct onnx_value *parts[BT_GRAPH_INPUTS] = {NULL};
    const size_t count = (im->node->n_input - 2) / 3;
    if (count < 1 || count > BT_GRAPH_INPUTS || im->node->n_input != 2 + 3 * count) {
        return onnx_refuse(im, "%zu inputs: expected scale, zero point and at most %d tensors with theirs",
                           im->node->n_input, BT_GRAPH_INPUTS);
    }
    for (size_t i = 0; i < count; i++) {
        const enum bt_status status = onnx_codes_input(im, 2 + 3 * i, &parts[i]);
        if (status != BT_OK) {
            return status;
        }
    }
    const enum bt_status status = concat(im, parts, count, false);
    return status == BT_OK ? onnx_put_codes(im, 0, 1) : status;
}

/* Channels [from, from + count) as one of the node's outputs. */
static enum bt_status put_slice(struct onnx_import *im, size_t output, const struct onnx_value *x, int64_t from,
                                int64_t count)
{
    uint32_t index = 0;
    struct onnx_value *out = onnx_output(im, output);
    if (out == NULL || out->readers == 0) {
        return BT_OK;
    }
    const char *base = im->node->n_output > 1 ? out->name : onnx_node_name(im->node);
    enum bt_status status = onnx_add_layer(im, BT_OP_SLICE, base, "", x->layer, true, &index);
    if (status == BT_OK) {
        im->layers[index].u.slice_from = (int32_t)from;
        status = onnx_set_shape(im, index, im->layers[index].h, im->layers[index].w, count);
    }
    if (status == BT_OK) {
        const int32_t axis = onnx_channel_axis(im, x);
        onnx_put_like(im, output, x, index);
        out->dims[axis] = count;
    }
    return status;
}

enum bt_status onnx_split(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    const struct onnx_const *sizes = NULL;
    const Onnx__AttributeProto *attribute = onnx_attribute(im, "split");
    enum bt_status status = onnx_moved_input(im, 0, false, &x);
    if (status == BT_OK) {
        status = onnx_optional_input(im, 1, "split", &sizes);
    }
    if (status != BT_OK) {
        return status;
    }
    const int64_t outputs = (int64_t)im->node->n_output;
    const int32_t axis = onnx_axis(onnx_attribute_int(im, "axis", 0), x->rank);
    const int64_t channels = im->layers[x->layer].c;
    const int64_t stated = sizes != NULL ? sizes->elems : attribute != NULL ? (int64_t)attribute->n_ints : 0;
    if (axis < 0 || axis != onnx_channel_axis(im, x) || (stated != 0 && stated != outputs) || outputs > channels) {
        return onnx_refuse(im,
                           "axis %" PRId64 ", %" PRId64 " parts for %" PRId64
                           " outputs: expected the channels, and a part for each",
                           onnx_attribute_int(im, "axis", 0), stated, outputs);
    }
    int64_t from = 0;
    for (int64_t i = 0; status == BT_OK && i < outputs; i++) {
        const int64_t equal = (channels + outputs - 1) / outputs;
        const int64_t rest = channels - from < equal ? channels - from : equal;
        const int64_t count = stated == 0 ? rest : sizes != NULL ? onnx_int(sizes, i) : attribute->ints[i];
        if (count < 1 || count > channels - from || (i + 1 == outputs && count != channels - from)) {
            return onnx_refuse(im,
                               "part %" PRId64 " of %" PRId64 " channels from channel %" PRId64
                               " on: expected parts that make up %" PRId64,
                               i, count, from, channels);
        }
        status = put_slice(im, (size_t)i, x, from, count);
        from += count;
    }
    return status;
}

enum bt_status onnx_slice(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    struct onnx_dims from = {0};
    struct onnx_cut cuts[ONNX_RANK_MOST] = {{0}};
    enum bt_status status = onnx_moved_input(im, 0, false, &x);
    if (status != BT_OK) {
        return status;
    }
    from.rank = x->rank;
    memcpy(from.dims, x->dims, sizeof(from.dims));
    status = onnx_cuts(im, &from, cuts);
    const int32_t channels = onnx_channel_axis(im, x);
    bool whole = true;
    for (int32_t i = 0; status == BT_OK && i < x->rank; i++) {
        if ((cuts[i].count != x->dims[i] && i != channels) || cuts[i].step != 1) {
            return onnx_refuse(im, "cuts dimension %" PRId32 ": expected a range of the channels, dimension %" PRId32,
                               i, channels);
        }
        whole = whole && cuts[i].count == x->dims[i];
    }
    if (status != BT_OK) {
        return status;
    }
    if (whole) {
        onnx_put_view(im, 0, x);
        return BT_OK;
    }
    return put_slice(im, 0, x, cuts[channels].start, cuts[channels].count);
}

/* ---- nearest neighbours ---- */

/* How the file maps outputs to inputs; old: as Upsample does, and Resize up to opset 10. */
struct mapping {
    bool asymmetric, align, floor, ceil, prefer_ceil;
};

static struct mapping read_mapping(const struct onnx_import *im, bool old)
{
    return (struct mapping){
        .asymmetric = onnx_attribute_is(im, "coordinate_transformation_mode", "asymmetric", old),
        .align = onnx_attribute_is(im, "coordinate_transformation_mode", "align_corners", false),
        .floor = onnx_attribute_is(im, "nearest_mode", "floor", old),
        .ceil = onnx_attribute_is(im, "nearest_mode", "ceil", false),
        .prefer_ceil = onnx_attribute_is(im, "nearest_mode", "round_prefer_ceil", false),
    };
}

/* Element that an output takes, as the specification words it. */
static int64_t nearest(const struct mapping *map, int64_t i, int64_t in, int64_t factor)
{
    const double out = (double)(in * factor);
    double x = map->asymmetric ? (double)i / (double)factor
               : map->align    ? (out > 1 ? (double)i * (double)(in - 1) / (out - 1) : 0)
                               : ((double)i + 0.5) / (double)factor - 0.5;
    x = map->floor ? floor(x) : map->ceil ? ceil(x) : map->prefer_ceil ? floor(x + 0.5) : ceil(x - 0.5);
    return x < 0 ? 0 : x > (double)(in - 1) ? in - 1 : (int64_t)x;
}

/* scales: of the four dimensions, or sizes. */
static enum bt_status upsample(struct onnx_import *im, struct onnx_value *x, bool old, const double *scales)
{
    uint32_t index = 0;
    enum bt_status status = onnx_need_image(im, x);
    if (status != BT_OK) {
        return status;
    }
    if (!onnx_attribute_is(im, "mode", "nearest", true) ||
        onnx_attribute_is(im, "coordinate_transformation_mode", "tf_crop_and_resize", false) ||
        onnx_attribute(im, "axes") != NULL) {
        return onnx_refuse(im, "mode, axes or region: expected mode nearest of the whole image");
    }
    if (scales[0] != 1 || scales[1] != 1 || scales[2] != scales[3] || !(scales[2] >= 1) || scales[2] > BT_MAX_DIM ||
        scales[2] != floor(scales[2])) {
        return onnx_refuse(im, "scales %g, %g, %g, %g: expected 1, 1 and twice the same whole number", scales[0],
                           scales[1], scales[2], scales[3]);
    }
    const int64_t factor = (int64_t)scales[2];
    const struct mapping map = read_mapping(im, old);
    const struct onnx_layer *in = &im->layers[x->layer];
    status =
        factor == 1 ? BT_OK : onnx_add_layer(im, BT_OP_UPSAMPLE, onnx_node_name(im->node), "", x->layer, true, &index);
    if (status != BT_OK || factor == 1) {
        onnx_put_view(im, 0, x);
        return status;
    }
    im->layers[index].u.upsample_scale = (int32_t)factor;
    status = onnx_set_shape(im, index, in->h * factor, in->w * factor, in->c);
    for (int64_t i = 0; status == BT_OK && i < (in->h > in->w ? in->h : in->w) * factor; i++) {
        const bool row = i < in->h * factor && nearest(&map, i, in->h, factor) != i / factor;
        const bool column = i < in->w * factor && nearest(&map, i, in->w, factor) != i / factor;
        if (row || column) {
            return onnx_refuse(im,
                               "output %" PRId64 " is not input %" PRId64
                               ": expected coordinates that repeat each element %" PRId64 " times",
                               i, i / factor, factor);
        }
    }
    onnx_put_image(im, 0, x, index);
    return status;
}

enum bt_status onnx_resize(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    const struct onnx_const *scales = NULL;
    const struct onnx_const *sizes = NULL;
    enum bt_status status = onnx_moved_input(im, 0, false, &x);
    if (status == BT_OK) {
        status = onnx_optional_input(im, im->opset < 11 ? 1 : 2, "scales", &scales);
    }
    if (status == BT_OK && im->opset >= 11) {
        status = onnx_optional_input(im, 3, "sizes", &sizes);
    }
    if (status != BT_OK) {
        return status;
    }
    const struct onnx_const *given = scales != NULL && scales->elems > 0 ? scales : sizes;
    if (given == NULL || given->elems != 4 || x->rank != 4) {
        return onnx_refuse(im, "scales or sizes: expected four, for [n][c][h][w]");
    }
    double factors[4];
    for (int32_t i = 0; i < 4; i++) {
        factors[i] = onnx_real(given, i) / (given == sizes ? (double)x->dims[i] : 1);
        if (given == sizes && i == 0 && im->batch > 1 && onnx_int(given, 0) == im->batch) {
            factors[0] = 1;
        }
    }
    return upsample(im, x, im->opset < 11, factors);
}

enum bt_status onnx_upsample(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    const struct onnx_const *scales = NULL;
    const Onnx__AttributeProto *attribute = onnx_attribute(im, "scales");
    enum bt_status status = onnx_moved_input(im, 0, false, &x);
    if (status == BT_OK) {
        status = onnx_optional_input(im, 1, "scales", &scales);
    }
    if (status != BT_OK) {
        return status;
    }
    if ((scales != NULL ? scales->elems : attribute != NULL ? (int64_t)attribute->n_floats : 0) != 4) {
        return onnx_refuse(im, "scales: expected four, for [n][c][h][w]");
    }
    double factors[4];
    for (int32_t i = 0; i < 4; i++) {
        factors[i] = scales != NULL ? onnx_real(scales, i) : (double)attribute->floats[i];
    }
    return upsample(im, x, true, factors);
}

/* ---- zeros around the image, which the next layer adds ---- */

enum bt_status onnx_pad(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    const struct onnx_const *pads = NULL;
    const struct onnx_const *constant = NULL;
    const struct onnx_const *axes = NULL;
    const Onnx__AttributeProto *attribute = onnx_attribute(im, "pads");
    enum bt_status status = onnx_data_input(im, 0, true, &x);
    if (status == BT_OK) {
        status = onnx_need_image(im, x);
    }
    if (status == BT_OK) {
        status = onnx_optional_input(im, 1, "pads", &pads);
    }
    if (status == BT_OK) {
        status = onnx_optional_input(im, 2, "value", &constant);
    }
    if (status == BT_OK) {
        status = onnx_optional_input(im, 3, "axes", &axes);
    }
    if (status != BT_OK) {
        return status;
    }
    const double filler =
        constant != NULL && constant->elems == 1 ? onnx_real(constant, 0) : onnx_attribute_real(im, "value", 0);
    const int64_t count = pads != NULL ? pads->elems : attribute != NULL ? (int64_t)attribute->n_ints : 0;
    if (!onnx_attribute_is(im, "mode", "constant", true) || filler != 0 || x->codes || count != 8 || axes != NULL) {
        return onnx_refuse(im, "mode, value %g or %" PRId64 " pads: expected 8 of them, for [n][c][h][w], and zeros",
                           filler, count);
    }
    int32_t sums[4];
    for (int32_t i = 0; i < 8; i++) {
        const int64_t pad = pads != NULL ? onnx_int(pads, i) : attribute->ints[i];
        const bool spatial = i % 4 >= 2;
        if (pad < 0 || pad > BT_MAX_DIM || (pad != 0 && !spatial)) {
            return onnx_refuse(im, "pad %" PRId64 " at place %" PRId32 ": expected 0 to %d, of height and width only",
                               pad, i, BT_MAX_DIM);
        }
        if (spatial) {
            const int32_t side = i % 4 - 2 + (i >= 4 ? 2 : 0);
            sums[side] = x->pad[side] + (int32_t)pad;
            if (sums[side] > BT_MAX_DIM) {
                return onnx_refuse(im, "pads of %" PRId32 " in all: expected at most %d", sums[side], BT_MAX_DIM);
            }
        }
    }
    onnx_put_view(im, 0, x);
    struct onnx_value *out = onnx_output(im, 0);
    if (out != NULL) {
        memcpy(out->pad, sums, sizeof(out->pad));
    }
    return BT_OK;
}

/* ---- other views of the same values ---- */

enum bt_status onnx_identity(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    const enum bt_status status = onnx_data_input(im, 0, true, &x);
    if (status == BT_OK) {
        onnx_put_view(im, 0, x);
    }
    return status;
}

enum bt_status onnx_cast(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    const enum bt_status status = onnx_data_input(im, 0, true, &x);
    const int64_t to = onnx_attribute_int(im, "to", 0);
    if (status == BT_OK && (x->codes || to != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)) {
        return onnx_refuse(im, "to element type %" PRId64 ": expected float of float", to);
    }
    if (status == BT_OK) {
        onnx_put_view(im, 0, x);
    }
    return status;
}

static enum bt_status put_reshaped(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    struct onnx_dims from = {0};
    struct onnx_dims to = {0};
    enum bt_status status = onnx_data_input(im, 0, false, &x);
    if (status != BT_OK) {
        return status;
    }
    from.rank = x->rank;
    memcpy(from.dims, x->dims, sizeof(from.dims));
    status = onnx_new_dims(im, &from, &to);
    if (status == BT_OK) {
        onnx_put_view(im, 0, x);
        struct onnx_value *out = onnx_output(im, 0);
        if (out != NULL) {
            out->rank = to.rank;
            memcpy(out->dims, to.dims, sizeof(out->dims));
        }
    }
    return status;
}

enum bt_status onnx_flatten(struct onnx_import *im)
{
    return put_reshaped(im);
}

enum bt_status onnx_reshape(struct onnx_import *im)
{
    return put_reshaped(im);
}

enum bt_status onnx_squeeze(struct onnx_import *im)
{
    return put_reshaped(im);
}

enum bt_status onnx_unsqueeze(struct onnx_import *im)
{
    return put_reshaped(im);
}

/* Dimensions of 1 may move as they like. Of the others the channels may move to the other end. */
enum bt_status onnx_transpose(struct onnx_import *im)
{
    struct onnx_value *x = NULL;
    int32_t perm[ONNX_RANK_MOST] = {0};
    int32_t places[ONNX_RANK_MOST] = {0}; /* of the dimensions that are not 1: their order before, behind */
    int32_t count = 0;
    enum bt_status status = onnx_data_input(im, 0, false, &x);
    if (status == BT_OK) {
        status = onnx_permutation(im, x->rank, perm);
    }
    if (status != BT_OK) {
        return status;
    }
    int32_t rank_of[ONNX_RANK_MOST] = {0}; /* among those */
    for (int32_t i = 0; i < x->rank; i++) {
        rank_of[i] = count;
        count += x->dims[i] != 1 ? 1 : 0;
    }
    int32_t at = 0;
    for (int32_t i = 0; i < x->rank; i++) {
        if (x->dims[perm[i]] != 1) {
            places[at++] = rank_of[perm[i]];
        }
    }
    bool same = true;
    bool to_last = true;
    bool to_first = true;
    for (int32_t i = 0; i < count; i++) {
        same = same && places[i] == i;
        to_last = to_last && places[i] == (i + 1) % count;
        to_first = to_first && places[i] == (i + count - 1) % count;
    }
    const int32_t axis = onnx_channel_axis(im, x);
    enum onnx_order order = x->order;
    if (!same) {
        const bool channels = axis >= 0 && x->dims[axis] != 1;
        order = ONNX_LOST;
        if (channels && to_last && x->order == ONNX_CHW && rank_of[axis] == 0) {
            order = ONNX_HWC;
        } else if (channels && to_first && x->order == ONNX_HWC && rank_of[axis] == count - 1) {
            order = ONNX_CHW;
        }
    }
    onnx_put_view(im, 0, x);
    struct onnx_value *out = onnx_output(im, 0);
    for (int32_t i = 0; out != NULL && i < x->rank; i++) {
        out->dims[i] = x->dims[perm[i]];
    }
    if (out != NULL) {
        out->order = order;
    }
    return BT_OK;
}
