/*
 * Vectors made by others (CMSIS-NN, ONNX, TFLite Micro) through the reference operators, bit by bit. The table below names
 * each case of the data folder with what runs it, or with the reason why nothing does; a case that only one of the
 * two knows is a failure.
 */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "reference/common/bt_conv2d.h"
#include "reference/ops/add_s16.h"
#include "reference/ops/add_s8.h"
#include "reference/ops/avgpool_s16.h"
#include "reference/ops/avgpool_s8.h"
#include "reference/ops/concat_s8.h"
#include "reference/ops/conv2d_s16.h"
#include "reference/ops/conv2d_s8.h"
#include "reference/ops/conv2d_s8_fast.h"
#include "reference/ops/depthwise_conv2d_s8.h"
#include "reference/ops/fully_connected_s8.h"
#include "reference/ops/maxpool_s16.h"
#include "reference/ops/maxpool_s8.h"
#include "reference/ops/mul_s16.h"
#include "reference/ops/softmax_s16.h"
#include "reference/ops/softmax_s8.h"
#include "reference/ops/upsample_nearest_s8.h"

/* ---- one case: its folder, its JSON, what it allocated, its first complaint ------------------------------------- */

#define MAX_BLOCKS 128
#define COPY_MULT (1 << 30) /* with a shift of 1: exactly one */

struct test_case {
    char folder[512];
    json_t *json;
    void *block[MAX_BLOCKS];
    int blocks;
    int64_t compared;    /* elements */
    bool plant;          /* planted fault: flip a bit of the first expected element */
    char complaint[256]; /* "" while nothing is wrong */
};

__attribute__((format(printf, 2, 3))) static void complain(struct test_case *tc, const char *format, ...)
{
    if (tc->complaint[0] == '\0') {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(tc->complaint, sizeof(tc->complaint), format, args);
        va_end(args);
    }
}

/* Zeroed memory that lives as long as the case; never NULL, so that operators need no check in between. */
static void *take(struct test_case *tc, int64_t elems, size_t elem_bytes)
{
    void *memory = tc->blocks < MAX_BLOCKS ? calloc((size_t)(elems > 0 ? elems : 1), elem_bytes) : NULL;
    if (memory == NULL) {
        print_error("vectors: out of memory\n");
        abort();
    }
    tc->block[tc->blocks++] = memory;
    return memory;
}

static void expect_ok(struct test_case *tc, enum bt_status status, const char *what)
{
    if (status != BT_OK) {
        complain(tc, "%s: status %d", what, (int)status);
    }
}

static void compare(struct test_case *tc, const int64_t *expected, const int64_t *got, int64_t count)
{
    int64_t differing = 0;
    int64_t first = 0;
    for (int64_t i = 0; i < count; i++) {
        const int64_t flip = tc->plant && i == 0 ? 1 : 0;
        if ((expected[i] ^ flip) != got[i]) {
            first = differing == 0 ? i : first;
            differing++;
        }
    }
    tc->compared += count;
    if (differing > 0) {
        complain(tc, "element %lld: expected %lld, got %lld; %lld of %lld differ", (long long)first,
                 (long long)expected[first], (long long)got[first], (long long)differing, (long long)count);
    }
}

/* ---- tensors from files ------------------------------------------------------------------------------------------ */

struct tensor {
    int64_t elems; /* 0: absent */
    int64_t dims[4];
    int rank;
    const char *dtype;
    void *raw;
    double *value; /* every dtype here fits exactly */
};

static size_t dtype_bytes(const char *dtype)
{
    static const struct {
        const char *name;
        size_t bytes;
    } table[] = {{"int8", 1},  {"uint8", 1}, {"int16", 2},   {"uint16", 2},
                 {"int32", 4}, {"int64", 8}, {"float32", 4}, {NULL, 0}};
    size_t i = 0;
    while (table[i].name != NULL && strcmp(table[i].name, dtype) != 0) {
        i++;
    }
    return table[i].bytes;
}

/* Element i of a raw little-endian array. */
static double element(const struct tensor *t, int64_t i)
{
    if (strcmp(t->dtype, "int8") == 0) {
        return ((const int8_t *)t->raw)[i];
    }
    if (strcmp(t->dtype, "uint8") == 0) {
        return ((const uint8_t *)t->raw)[i];
    }
    if (strcmp(t->dtype, "int16") == 0) {
        return ((const int16_t *)t->raw)[i];
    }
    if (strcmp(t->dtype, "uint16") == 0) {
        return ((const uint16_t *)t->raw)[i];
    }
    if (strcmp(t->dtype, "int32") == 0) {
        return ((const int32_t *)t->raw)[i];
    }
    if (strcmp(t->dtype, "int64") == 0) {
        return (double)((const int64_t *)t->raw)[i];
    }
    return ((const float *)t->raw)[i];
}

/* On failure the tensor holds `elems` zeros and the case has a complaint. */
static struct tensor read_tensor(struct test_case *tc, const char *file, const char *dtype, int64_t elems)
{
    const size_t bytes = dtype_bytes(dtype);
    struct tensor t = {.elems = elems, .dims = {elems, 1, 1, 1}, .rank = 1, .dtype = dtype};
    t.raw = take(tc, elems, 8);
    t.value = take(tc, elems, sizeof(double));
    char path[1024];
    (void)snprintf(path, sizeof(path), "%s/%s", tc->folder, file);
    FILE *stream = bytes == 0 ? NULL : fopen(path, "rb");
    if (stream == NULL) {
        complain(tc, "%s: cannot be read as %s", path, dtype);
        return t;
    }
    if (fread(t.raw, bytes, (size_t)elems, stream) != (size_t)elems || fgetc(stream) != EOF) {
        complain(tc, "%s: not %lld elements of %s", path, (long long)elems, dtype);
    }
    (void)fclose(stream);
    for (int64_t i = 0; i < elems; i++) {
        t.value[i] = element(&t, i);
    }
    return t;
}

static void *raw_as(struct test_case *tc, const struct tensor *t, const char *dtype, int64_t elems)
{
    if (t->elems != elems || strcmp(t->dtype, dtype) != 0) {
        complain(tc, "an array has %lld elements of %s, expected %lld of %s", (long long)t->elems,
                 t->dtype == NULL ? "nothing" : t->dtype, (long long)elems, dtype);
        return take(tc, elems, 8);
    }
    return t->raw;
}

static int64_t *widen(struct test_case *tc, const struct tensor *t)
{
    int64_t *wide = take(tc, t->elems, sizeof(int64_t));
    for (int64_t i = 0; i < t->elems; i++) {
        wide[i] = (int64_t)t->value[i];
    }
    return wide;
}

static int64_t *widen_s8(struct test_case *tc, const int8_t *x, int64_t elems)
{
    int64_t *wide = take(tc, elems, sizeof(int64_t));
    for (int64_t i = 0; i < elems; i++) {
        wide[i] = x[i];
    }
    return wide;
}

static int64_t *widen_s16(struct test_case *tc, const int16_t *x, int64_t elems)
{
    int64_t *wide = take(tc, elems, sizeof(int64_t));
    for (int64_t i = 0; i < elems; i++) {
        wide[i] = x[i];
    }
    return wide;
}

static void compare_s8(struct test_case *tc, const struct tensor *expected, const int8_t *got, int64_t elems)
{
    if (expected->elems != elems) {
        complain(tc, "output has %lld elements, expected %lld", (long long)elems, (long long)expected->elems);
        return;
    }
    compare(tc, widen(tc, expected), widen_s8(tc, got, elems), elems);
}

static void compare_s16(struct test_case *tc, const struct tensor *expected, const int16_t *got, int64_t elems)
{
    if (expected->elems != elems) {
        complain(tc, "output has %lld elements, expected %lld", (long long)elems, (long long)expected->elems);
        return;
    }
    compare(tc, widen(tc, expected), widen_s16(tc, got, elems), elems);
}

/* Padding behind the last element, given what the output's extent says. */
static int32_t pad_after(int64_t in, int64_t out, int64_t reach, int64_t stride, int64_t pad_before)
{
    const int64_t pad = (out - 1) * stride + reach - in - pad_before;
    return pad > 0 ? (int32_t)pad : 0;
}

/* The plain loops, and the fast path, which must agree wherever a vector comes along. */
static void run_conv_s8(struct test_case *tc, const struct bt_conv2d *conv, const struct bt_layer_data *data,
                        void *ofmap)
{
    struct bt_reason why = {0};
    const enum bt_status checked = ref_conv2d_s8_check(conv, data, &why);
    if (checked != BT_OK) {
        complain(tc, "refused: %s: got %lld, limit %lld", why.what, (long long)why.got, (long long)why.limit);
        return;
    }
    expect_ok(tc, ref_conv2d_s8(conv, data, ofmap), "conv2d_s8");
    const size_t bytes = (size_t)bt_conv2d_ofmap_elems(conv) * (conv->raw ? sizeof(int32_t) : 1);
    void *fast = take(tc, (int64_t)bytes, 1);
    expect_ok(tc, ref_conv2d_s8_fast(conv, data, fast), "conv2d_s8_fast");
    if (memcmp(fast, ofmap, bytes) != 0) {
        complain(tc, "conv2d_s8_fast differs from conv2d_s8");
    }
}

/* ---- CMSIS-NN ------------------------------------------------------------------------------------------------------ */

static int64_t number_or(const struct test_case *tc, const char *prefix, const char *key, int64_t fallback)
{
    char name[96];
    (void)snprintf(name, sizeof(name), "%s%s", prefix, key);
    const json_t *value = json_object_get(json_object_get(tc->json, "params"), name);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

static int64_t number(struct test_case *tc, const char *prefix, const char *key)
{
    const int64_t value = number_or(tc, prefix, key, INT64_MIN);
    if (value == INT64_MIN) {
        complain(tc, "params.json: no integer %s%s", prefix, key);
        return 1;
    }
    return value;
}

static int32_t number_s32(struct test_case *tc, const char *prefix, const char *key)
{
    return (int32_t)number(tc, prefix, key);
}

/* Array `name`, through the aliases; absent (elems 0) where it is NULL or not there. */
static struct tensor array_or_none(struct test_case *tc, const char *name)
{
    const json_t *aliases = json_object_get(tc->json, "aliases");
    const json_t *alias = json_object_get(aliases, name);
    for (int hops = 0; hops < 4 && json_is_string(alias); hops++) {
        name = json_string_value(alias);
        alias = json_object_get(aliases, name);
    }
    const json_t *array = json_object_get(json_object_get(tc->json, "arrays"), name);
    const json_t *file = json_object_get(array, "file");
    const json_t *dtype = json_object_get(array, "dtype");
    if (!json_is_string(file) || !json_is_string(dtype)) {
        return (struct tensor){0};
    }
    return read_tensor(tc, json_string_value(file), json_string_value(dtype),
                       json_integer_value(json_object_get(array, "count")));
}

static struct tensor array(struct test_case *tc, const char *name)
{
    struct tensor t = array_or_none(tc, name);
    if (t.elems == 0) {
        complain(tc, "params.json: no array %s", name);
        t = (struct tensor){.dtype = "none"};
    }
    return t;
}

/* int8 weights, or two int4 to a byte, low nibble first. */
static const int8_t *weights_s8(struct test_case *tc, const char *name, int64_t elems)
{
    const struct tensor packed = array(tc, name);
    if (packed.elems != (elems + 1) / 2 || elems < 2) {
        return raw_as(tc, &packed, "int8", elems);
    }
    int8_t *weights = take(tc, elems, 1);
    for (int64_t i = 0; i < elems; i++) {
        const int nibble = ((const uint8_t *)packed.raw)[i / 2] >> (i % 2 * 4) & 0xF;
        weights[i] = (int8_t)(nibble >= 8 ? nibble - 16 : nibble);
    }
    return weights;
}

/* Weights for the operator, which takes 16 bits of them. */
static const int16_t *widen_weights(struct test_case *tc, const int8_t *weights, int64_t elems)
{
    int16_t *wide = take(tc, elems, sizeof(int16_t));
    for (int64_t i = 0; i < elems; i++) {
        wide[i] = weights[i];
    }
    return wide;
}

/* `elems` copies of a per-tensor parameter. */
static const int32_t *repeated(struct test_case *tc, int64_t elems, int32_t value)
{
    int32_t *values = take(tc, elems, sizeof(int32_t));
    for (int64_t i = 0; i < elems; i++) {
        values[i] = value;
    }
    return values;
}

static const int32_t *array_s32(struct test_case *tc, const char *name, int64_t elems)
{
    const struct tensor t = array(tc, name);
    return raw_as(tc, &t, "int32", elems);
}

static const int32_t *bias_s32(struct test_case *tc, const char *name, int64_t elems)
{
    const struct tensor t = array_or_none(tc, name);
    return t.elems == 0 ? NULL : raw_as(tc, &t, "int32", elems);
}

static struct bt_conv2d cmsis_geometry(struct test_case *tc, const char *prefix)
{
    struct bt_conv2d conv = {
        .n = number_s32(tc, prefix, "INPUT_BATCHES"),
        .h = number_s32(tc, prefix, "INPUT_H"),
        .w = number_s32(tc, prefix, "INPUT_W"),
        .c_in = number_s32(tc, prefix, "IN_CH"),
        .c_out = number_s32(tc, prefix, "OUT_CH"),
        .kh = number_s32(tc, prefix, "FILTER_Y"),
        .kw = number_s32(tc, prefix, "FILTER_X"),
        .stride_h = number_s32(tc, prefix, "STRIDE_Y"),
        .stride_w = number_s32(tc, prefix, "STRIDE_X"),
        .dil_h = number_s32(tc, prefix, "DILATION_Y"),
        .dil_w = number_s32(tc, prefix, "DILATION_X"),
        .pad_top = number_s32(tc, prefix, "PAD_Y"),
        .pad_left = number_s32(tc, prefix, "PAD_X"),
        .groups = 1,
        .in_zp = -number_s32(tc, prefix, "INPUT_OFFSET"),
        .out_zp = number_s32(tc, prefix, "OUTPUT_OFFSET"),
        .act_min = number_s32(tc, prefix, "OUT_ACTIVATION_MIN"),
        .act_max = number_s32(tc, prefix, "OUT_ACTIVATION_MAX"),
        .rounding = BT_ROUND_DOUBLE,
    };
    conv.pad_bottom =
        pad_after(conv.h, number(tc, prefix, "OUTPUT_H"), (conv.kh - 1) * conv.dil_h + 1, conv.stride_h, conv.pad_top);
    conv.pad_right =
        pad_after(conv.w, number(tc, prefix, "OUTPUT_W"), (conv.kw - 1) * conv.dil_w + 1, conv.stride_w, conv.pad_left);
    const int64_t filter_channels = number_or(tc, prefix, "FILTER_CH", conv.c_in);
    conv.groups = filter_channels >= 1 ? (int32_t)(conv.c_in / filter_channels) : 1;
    return conv;
}

/* Refuses a geometry before anything is sized by it. */
static bool geometry_ok(struct test_case *tc, const struct bt_conv2d *conv)
{
    struct bt_conv2d geometry = *conv;
    struct bt_reason why = {0};
    geometry.act_min = 0;
    geometry.act_max = 0;
    if (tc->complaint[0] == '\0' && bt_conv2d_check(&geometry, &why) != BT_OK) {
        complain(tc, "geometry refused: %s: got %lld, limit %lld", why.what, (long long)why.got, (long long)why.limit);
    }
    return tc->complaint[0] == '\0';
}

static void cmsis_conv_s8(struct test_case *tc)
{
    const struct bt_conv2d conv = cmsis_geometry(tc, "");
    if (!geometry_ok(tc, &conv)) {
        return;
    }
    const struct tensor input = array(tc, "input");
    const struct tensor output = array(tc, "output_ref");
    const struct bt_layer_data data = {
        .ifmap = raw_as(tc, &input, "int8", bt_conv2d_ifmap_elems(&conv)),
        .weights = weights_s8(tc, "weights", bt_conv2d_weight_elems(&conv)),
        .bias = bias_s32(tc, "biases", conv.c_out),
        .mult = array_s32(tc, "output_mult", conv.c_out),
        .shift = array_s32(tc, "output_shift", conv.c_out),
    };
    int8_t *ofmap = take(tc, bt_conv2d_ofmap_elems(&conv), 1);
    run_conv_s8(tc, &conv, &data, ofmap);
    compare_s8(tc, &output, ofmap, bt_conv2d_ofmap_elems(&conv));
}

static void cmsis_depthwise_s8(struct test_case *tc)
{
    struct bt_conv2d conv = cmsis_geometry(tc, "");
    conv.groups = conv.c_in;
    if (!geometry_ok(tc, &conv)) {
        return;
    }
    const struct tensor input = array(tc, "input");
    const struct tensor output = array(tc, "output_ref");
    const int8_t *hwo = weights_s8(tc, "weights", bt_conv2d_weight_elems(&conv));
    struct bt_layer_data data = {
        .ifmap = raw_as(tc, &input, "int8", bt_conv2d_ifmap_elems(&conv)),
        .weights = hwo,
        .bias = bias_s32(tc, "biases", conv.c_out),
        .mult = array_s32(tc, "output_mult", conv.c_out),
        .shift = array_s32(tc, "output_shift", conv.c_out),
    };
    int8_t *ofmap = take(tc, bt_conv2d_ofmap_elems(&conv), 1);
    expect_ok(tc, ref_depthwise_conv2d_s8(&conv, &data, ofmap), "depthwise_conv2d_s8");
    compare_s8(tc, &output, ofmap, bt_conv2d_ofmap_elems(&conv));

    int8_t *ohwi = take(tc, bt_conv2d_weight_elems(&conv), 1);
    ref_depthwise_weights_ohwi(&conv, hwo, ohwi);
    data.weights = ohwi;
    run_conv_s8(tc, &conv, &data, ofmap);
}

static struct ref_fully_connected cmsis_fully_connected(struct test_case *tc)
{
    return (struct ref_fully_connected){
        .batches = number_s32(tc, "", "INPUT_BATCHES"),
        .in_features = number_s32(tc, "", "ACCUMULATION_DEPTH"),
        .out_features = number_s32(tc, "", "OUT_CH"),
        .in_zp = -number_s32(tc, "", "INPUT_OFFSET"),
        .out_zp = number_s32(tc, "", "OUTPUT_OFFSET"),
        .act_min = number_s32(tc, "", "OUT_ACTIVATION_MIN"),
        .act_max = number_s32(tc, "", "OUT_ACTIVATION_MAX"),
    };
}

/* Multiplier and shift per channel where the case has them, else one for all. */
static const int32_t *per_channel(struct test_case *tc, const char *name, const char *key, int64_t elems)
{
    const struct tensor t = array_or_none(tc, name);
    return t.elems != 0 ? raw_as(tc, &t, "int32", elems) : repeated(tc, elems, number_s32(tc, "", key));
}

static void cmsis_fully_connected_s8(struct test_case *tc)
{
    const struct ref_fully_connected fc = cmsis_fully_connected(tc);
    const struct bt_conv2d conv = ref_fully_connected_conv(&fc);
    if (!geometry_ok(tc, &conv)) {
        return;
    }
    if (number_or(tc, "", "FILTER_OFFSET", 0) != 0) {
        complain(tc, "weights have a zero point");
    }
    const struct tensor input = array(tc, "input");
    const struct tensor output = array(tc, "output_ref");
    const struct bt_layer_data data = {
        .ifmap = raw_as(tc, &input, "int8", bt_conv2d_ifmap_elems(&conv)),
        .weights = weights_s8(tc, "weights", bt_conv2d_weight_elems(&conv)),
        .bias = bias_s32(tc, "biases", conv.c_out),
        .mult = per_channel(tc, "output_mult", "OUTPUT_MULTIPLIER", conv.c_out),
        .shift = per_channel(tc, "output_shift", "OUTPUT_SHIFT", conv.c_out),
    };
    int8_t *ofmap = take(tc, bt_conv2d_ofmap_elems(&conv), 1);
    run_conv_s8(tc, &conv, &data, ofmap);
    expect_ok(tc, ref_fully_connected_s8(&fc, &data, ofmap), "fully_connected_s8");
    compare_s8(tc, &output, ofmap, bt_conv2d_ofmap_elems(&conv));
}

/* conv, depthwise and fully connected with 16-bit activations, once their weights are OHWI. */
static void run_conv_s16(struct test_case *tc, const struct bt_conv2d *conv, const int8_t *weights, const int32_t *mult,
                         const int32_t *shift)
{
    const struct tensor input = array(tc, "input");
    const struct tensor output = array(tc, "output_ref");
    const struct tensor bias = array_or_none(tc, "biases");
    if (bias.elems != 0 && bias.elems != conv->c_out) {
        complain(tc, "%lld biases, expected %d", (long long)bias.elems, conv->c_out);
        return;
    }
    const struct ref_conv2d_s16_data data = {
        .ifmap = raw_as(tc, &input, "int16", bt_conv2d_ifmap_elems(conv)),
        .weights = widen_weights(tc, weights, bt_conv2d_weight_elems(conv)),
        .bias = bias.elems == 0 ? NULL : widen(tc, &bias),
        .mult = mult,
        .shift = shift,
    };
    /* Cases of the kernel with 32-bit biases say so in their name; some of both kinds have no bias array. */
    const enum ref_s16_kind kind = strstr(tc->folder, "xint32") != NULL ? REF_S16_BIAS_S32 : REF_S16_BIAS_S64;
    int16_t *ofmap = take(tc, bt_conv2d_ofmap_elems(conv), sizeof(int16_t));
    expect_ok(tc, ref_conv2d_s16(conv, &data, kind, ofmap), "conv2d_s16");
    compare_s16(tc, &output, ofmap, bt_conv2d_ofmap_elems(conv));
}

static void cmsis_conv_s16(struct test_case *tc)
{
    const struct bt_conv2d conv = cmsis_geometry(tc, "");
    if (geometry_ok(tc, &conv)) {
        run_conv_s16(tc, &conv, weights_s8(tc, "weights", bt_conv2d_weight_elems(&conv)),
                     array_s32(tc, "output_mult", conv.c_out), array_s32(tc, "output_shift", conv.c_out));
    }
}

static void cmsis_depthwise_s16(struct test_case *tc)
{
    struct bt_conv2d conv = cmsis_geometry(tc, "");
    conv.groups = conv.c_in;
    if (geometry_ok(tc, &conv)) {
        int8_t *ohwi = take(tc, bt_conv2d_weight_elems(&conv), 1);
        ref_depthwise_weights_ohwi(&conv, weights_s8(tc, "weights", bt_conv2d_weight_elems(&conv)), ohwi);
        run_conv_s16(tc, &conv, ohwi, array_s32(tc, "output_mult", conv.c_out),
                     array_s32(tc, "output_shift", conv.c_out));
    }
}

static void cmsis_fully_connected_s16(struct test_case *tc)
{
    const struct ref_fully_connected fc = cmsis_fully_connected(tc);
    const struct bt_conv2d conv = ref_fully_connected_conv(&fc);
    if (geometry_ok(tc, &conv)) {
        run_conv_s16(tc, &conv, weights_s8(tc, "weights", bt_conv2d_weight_elems(&conv)),
                     per_channel(tc, "output_mult", "OUTPUT_MULTIPLIER", conv.c_out),
                     per_channel(tc, "output_shift", "OUTPUT_SHIFT", conv.c_out));
    }
}

static struct ref_pool2d cmsis_pool(struct test_case *tc)
{
    struct ref_pool2d pool = {
        .n = number_s32(tc, "", "INPUT_N"),
        .h = number_s32(tc, "", "INPUT_H"),
        .w = number_s32(tc, "", "INPUT_W"),
        .c = number_s32(tc, "", "INPUT_C"),
        .kh = number_s32(tc, "", "FILTER_H"),
        .kw = number_s32(tc, "", "FILTER_W"),
        .stride_h = number_s32(tc, "", "STRIDE_H"),
        .stride_w = number_s32(tc, "", "STRIDE_W"),
        .pad_top = number_s32(tc, "", "PADDING_H"),
        .pad_left = number_s32(tc, "", "PADDING_W"),
        .act_min = number_s32(tc, "", "ACTIVATION_MIN"),
        .act_max = number_s32(tc, "", "ACTIVATION_MAX"),
    };
    pool.pad_bottom = pad_after(pool.h, number(tc, "", "OUTPUT_H"), pool.kh, pool.stride_h, pool.pad_top);
    pool.pad_right = pad_after(pool.w, number(tc, "", "OUTPUT_W"), pool.kw, pool.stride_w, pool.pad_left);
    return pool;
}

static void run_pool(struct test_case *tc, bool maximum, bool wide)
{
    const struct ref_pool2d pool = cmsis_pool(tc);
    const struct tensor input = array(tc, "input_tensor");
    const struct tensor output = array(tc, "output");
    struct bt_reason why = {0};
    if (tc->complaint[0] == '\0' && ref_pool2d_check(&pool, INT16_MIN, INT16_MAX, &why) != BT_OK) {
        complain(tc, "refused: %s: got %lld, limit %lld", why.what, (long long)why.got, (long long)why.limit);
    }
    if (tc->complaint[0] != '\0') {
        return;
    }
    const int64_t in_elems = (int64_t)pool.n * pool.h * pool.w * pool.c;
    const int64_t out_elems = (int64_t)pool.n * ref_pool2d_oh(&pool) * ref_pool2d_ow(&pool) * pool.c;
    if (wide) {
        const int16_t *ifmap = raw_as(tc, &input, "int16", in_elems);
        int16_t *ofmap = take(tc, out_elems, sizeof(int16_t));
        expect_ok(tc, maximum ? ref_maxpool_s16(&pool, ifmap, ofmap) : ref_avgpool_s16(&pool, ifmap, ofmap), "pool");
        compare_s16(tc, &output, ofmap, out_elems);
    } else {
        const int8_t *ifmap = raw_as(tc, &input, "int8", in_elems);
        int8_t *ofmap = take(tc, out_elems, 1);
        expect_ok(tc, maximum ? ref_maxpool_s8(&pool, ifmap, ofmap) : ref_avgpool_s8(&pool, ifmap, ofmap), "pool");
        compare_s8(tc, &output, ofmap, out_elems);
    }
}

static void cmsis_maxpool_s8(struct test_case *tc)
{
    run_pool(tc, true, false);
}

static void cmsis_maxpool_s16(struct test_case *tc)
{
    run_pool(tc, true, true);
}

static void cmsis_avgpool_s8(struct test_case *tc)
{
    run_pool(tc, false, false);
}

static void cmsis_avgpool_s16(struct test_case *tc)
{
    run_pool(tc, false, true);
}

static struct ref_add cmsis_add(struct test_case *tc)
{
    return (struct ref_add){
        .elems = number(tc, "", "DST_SIZE"),
        .in1_zp = -number_s32(tc, "", "INPUT1_OFFSET"),
        .in2_zp = -number_s32(tc, "", "INPUT2_OFFSET"),
        .out_zp = number_s32(tc, "", "OUTPUT_OFFSET"),
        .left_shift = number_s32(tc, "", "LEFT_SHIFT"),
        .in1_mult = number_s32(tc, "", "INPUT1_MULT"),
        .in2_mult = number_s32(tc, "", "INPUT2_MULT"),
        .in1_shift = number_s32(tc, "", "INPUT1_SHIFT"),
        .in2_shift = number_s32(tc, "", "INPUT2_SHIFT"),
        .out_mult = number_s32(tc, "", "OUTPUT_MULT"),
        .out_shift = number_s32(tc, "", "OUTPUT_SHIFT"),
        .act_min = number_s32(tc, "", "OUT_ACTIVATION_MIN"),
        .act_max = number_s32(tc, "", "OUT_ACTIVATION_MAX"),
    };
}

static void cmsis_add_s8(struct test_case *tc)
{
    const struct ref_add add = cmsis_add(tc);
    const struct tensor in1 = array(tc, "input1");
    const struct tensor in2 = array(tc, "input2");
    const struct tensor output = array(tc, "output_ref");
    int8_t *out = take(tc, add.elems, 1);
    expect_ok(tc, ref_add_s8(&add, raw_as(tc, &in1, "int8", add.elems), raw_as(tc, &in2, "int8", add.elems), out),
              "add_s8");
    compare_s8(tc, &output, out, add.elems);
}

static void cmsis_add_s16(struct test_case *tc)
{
    const struct ref_add add = cmsis_add(tc);
    const struct tensor in1 = array(tc, "input1");
    const struct tensor in2 = array(tc, "input2");
    const struct tensor output = array(tc, "output_ref");
    int16_t *out = take(tc, add.elems, sizeof(int16_t));
    expect_ok(tc, ref_add_s16(&add, raw_as(tc, &in1, "int16", add.elems), raw_as(tc, &in2, "int16", add.elems), out),
              "add_s16");
    compare_s16(tc, &output, out, add.elems);
}

static void cmsis_mul_s16(struct test_case *tc)
{
    const struct ref_mul mul = {
        .elems = number(tc, "", "DST_SIZE"),
        .in1_zp = -number_s32(tc, "", "INPUT1_OFFSET"),
        .in2_zp = -number_s32(tc, "", "INPUT2_OFFSET"),
        .out_zp = number_s32(tc, "", "OUTPUT_OFFSET"),
        .mult = number_s32(tc, "", "OUTPUT_MULT"),
        .shift = number_s32(tc, "", "OUTPUT_SHIFT"),
        .act_min = number_s32(tc, "", "OUT_ACTIVATION_MIN"),
        .act_max = number_s32(tc, "", "OUT_ACTIVATION_MAX"),
    };
    const struct tensor in1 = array(tc, "input1");
    const struct tensor in2 = array(tc, "input2");
    const struct tensor output = array(tc, "output_ref");
    int16_t *out = take(tc, mul.elems, sizeof(int16_t));
    expect_ok(tc, ref_mul_s16(&mul, raw_as(tc, &in1, "int16", mul.elems), raw_as(tc, &in2, "int16", mul.elems), out),
              "mul_s16");
    compare_s16(tc, &output, out, mul.elems);
}

static void cmsis_softmax_s16(struct test_case *tc)
{
    const struct ref_softmax_s16 softmax = {
        .rows = number(tc, "", "NUM_ROWS"),
        .row_size = number_s32(tc, "", "ROW_SIZE"),
        .mult = number_s32(tc, "", "INPUT_MULT"),
        .shift = number_s32(tc, "", "INPUT_LEFT_SHIFT"),
    };
    const int64_t elems = softmax.rows * softmax.row_size;
    const struct tensor input = array(tc, "input");
    const struct tensor output = array(tc, "output_ref");
    int16_t *out = take(tc, elems, sizeof(int16_t));
    expect_ok(tc, ref_softmax_s16(&softmax, raw_as(tc, &input, "int16", elems), out), "softmax_s16");
    compare_s16(tc, &output, out, elems);
}

/* ---- CMSIS-NN, whole networks: layer after layer on one activation -------------------------------------------------- */

struct activation {
    const int8_t *data;
    int64_t elems;
};

static bool has_layer(const struct test_case *tc, const char *prefix)
{
    return number_or(tc, prefix, "OUT_CH", 0) > 0;
}

static const int8_t *input_of(struct test_case *tc, const struct activation *x, int64_t elems)
{
    if (x->elems != elems) {
        complain(tc, "a layer reads %lld elements, its predecessor wrote %lld", (long long)elems, (long long)x->elems);
        return take(tc, elems, 1);
    }
    return x->data;
}

static void network_conv(struct test_case *tc, const char *prefix, const char *arrays, bool depthwise,
                         struct activation *x)
{
    char name[96];
    struct bt_conv2d conv = cmsis_geometry(tc, prefix);
    if (depthwise) {
        conv.groups = conv.c_in;
    }
    if (!geometry_ok(tc, &conv)) {
        return;
    }
    struct bt_layer_data data = {.ifmap = input_of(tc, x, bt_conv2d_ifmap_elems(&conv))};
    (void)snprintf(name, sizeof(name), "%s_weights", arrays);
    data.weights = weights_s8(tc, name, bt_conv2d_weight_elems(&conv));
    (void)snprintf(name, sizeof(name), "%s_bias", arrays);
    data.bias = array_s32(tc, name, conv.c_out);
    (void)snprintf(name, sizeof(name), "%s_output_mult", arrays);
    data.mult = array_s32(tc, name, conv.c_out);
    (void)snprintf(name, sizeof(name), "%s_output_shift", arrays);
    data.shift = array_s32(tc, name, conv.c_out);
    int8_t *ofmap = take(tc, bt_conv2d_ofmap_elems(&conv), 1);
    if (depthwise) {
        expect_ok(tc, ref_depthwise_conv2d_s8(&conv, &data, ofmap), prefix);
    } else {
        run_conv_s8(tc, &conv, &data, ofmap);
    }
    *x = (struct activation){ofmap, bt_conv2d_ofmap_elems(&conv)};
}

static void network_avgpool(struct test_case *tc, const char *prefix, struct activation *x)
{
    const struct ref_pool2d pool = {
        .n = number_s32(tc, prefix, "INPUT_BATCHES"),
        .h = number_s32(tc, prefix, "INPUT_H"),
        .w = number_s32(tc, prefix, "INPUT_W"),
        .c = number_s32(tc, prefix, "IN_CH"),
        .kh = number_s32(tc, prefix, "FILTER_H"),
        .kw = number_s32(tc, prefix, "FILTER_W"),
        .stride_h = number_s32(tc, prefix, "STRIDE_H"),
        .stride_w = number_s32(tc, prefix, "STRIDE_W"),
        .act_min = number_s32(tc, prefix, "OUT_ACTIVATION_MIN"),
        .act_max = number_s32(tc, prefix, "OUT_ACTIVATION_MAX"),
    };
    if (ref_pool2d_check(&pool, INT8_MIN, INT8_MAX, NULL) != BT_OK) {
        complain(tc, "%s: refused", prefix);
        return;
    }
    const int64_t out_elems = (int64_t)pool.n * ref_pool2d_oh(&pool) * ref_pool2d_ow(&pool) * pool.c;
    int8_t *ofmap = take(tc, out_elems, 1);
    expect_ok(tc, ref_avgpool_s8(&pool, input_of(tc, x, (int64_t)pool.n * pool.h * pool.w * pool.c), ofmap), prefix);
    *x = (struct activation){ofmap, out_elems};
}

static void network_fully_connected(struct test_case *tc, const char *prefix, const char *arrays, struct activation *x)
{
    char name[96];
    /* These two files give the features of a fully connected layer the other way round: OUT_CH is its input. */
    const struct ref_fully_connected fc = {
        .batches = number_s32(tc, prefix, "INPUT_BATCHES"),
        .in_features = number_s32(tc, prefix, "OUT_CH"),
        .out_features = number_s32(tc, prefix, "IN_CH"),
        .in_zp = -number_s32(tc, prefix, "INPUT_OFFSET"),
        .out_zp = number_s32(tc, prefix, "OUTPUT_OFFSET"),
        .act_min = number_s32(tc, prefix, "OUT_ACTIVATION_MIN"),
        .act_max = number_s32(tc, prefix, "OUT_ACTIVATION_MAX"),
    };
    const int64_t out_elems = (int64_t)fc.batches * fc.out_features;
    struct bt_layer_data data = {.ifmap = input_of(tc, x, (int64_t)fc.batches * fc.in_features)};
    (void)snprintf(name, sizeof(name), "%s_weights", arrays);
    data.weights = weights_s8(tc, name, (int64_t)fc.in_features * fc.out_features);
    (void)snprintf(name, sizeof(name), "%s_bias", arrays);
    data.bias = array_s32(tc, name, fc.out_features);
    data.mult = repeated(tc, fc.out_features, number_s32(tc, prefix, "OUTPUT_MULTIPLIER"));
    data.shift = repeated(tc, fc.out_features, number_s32(tc, prefix, "OUTPUT_SHIFT"));
    int8_t *out = take(tc, out_elems, 1);
    expect_ok(tc, ref_fully_connected_s8(&fc, &data, out), prefix);
    *x = (struct activation){out, out_elems};
}

static void network_softmax(struct test_case *tc, const char *prefix, struct activation *x)
{
    const struct ref_softmax_s8 softmax = {
        .rows = number(tc, prefix, "NUM_ROWS"),
        .row_size = number_s32(tc, prefix, "ROW_SIZE"),
        .mult = number_s32(tc, prefix, "MULT"),
        .shift = number_s32(tc, prefix, "SHIFT"),
        .diff_min = number_s32(tc, prefix, "DIFF_MIN"),
    };
    const int64_t elems = softmax.rows * softmax.row_size;
    int8_t *out = take(tc, elems, 1);
    expect_ok(tc, ref_softmax_s8(&softmax, input_of(tc, x, elems), out), prefix);
    *x = (struct activation){out, elems};
}

static void cmsis_network_s8(struct test_case *tc)
{
    const struct tensor input = array(tc, "input");
    const struct tensor output = array(tc, "output_ref");
    struct activation x = {raw_as(tc, &input, "int8", input.elems), input.elems};
    int layers = 0;
    for (int i = 1; i <= 20 && tc->complaint[0] == '\0'; i++) {
        char prefix[64];
        char arrays[64];
        layers++;
        (void)snprintf(prefix, sizeof(prefix), "CONV_2D_%d_", i);
        (void)snprintf(arrays, sizeof(arrays), "layer_%d_conv_2d", i);
        if (has_layer(tc, prefix)) {
            network_conv(tc, prefix, arrays, false, &x);
            continue;
        }
        (void)snprintf(prefix, sizeof(prefix), "DEPTHWISE_CONV_2D_%d_", i);
        (void)snprintf(arrays, sizeof(arrays), "layer_%d_depthwise_conv_2d", i);
        if (has_layer(tc, prefix)) {
            network_conv(tc, prefix, arrays, true, &x);
            continue;
        }
        (void)snprintf(prefix, sizeof(prefix), "AVERAGE_POOL_2D_%d_", i);
        if (has_layer(tc, prefix)) {
            network_avgpool(tc, prefix, &x);
            continue;
        }
        (void)snprintf(prefix, sizeof(prefix), "FULLY_CONNECTED_%d_", i);
        (void)snprintf(arrays, sizeof(arrays), "layer_%d_fully_connected", i);
        if (has_layer(tc, prefix)) {
            network_fully_connected(tc, prefix, arrays, &x);
            continue;
        }
        (void)snprintf(prefix, sizeof(prefix), "SOFTMAX_%d_", i);
        if (has_layer(tc, prefix)) {
            network_softmax(tc, prefix, &x);
            continue;
        }
        layers--; /* a reshape, which moves nothing, or the end */
    }
    if (layers < 12) {
        complain(tc, "only %d layers found", layers);
    }
    compare_s8(tc, &output, x.data, x.elems);
}

/* ---- TFLite Micro ------------------------------------------------------------------------------------------------------ */

static int32_t item(struct test_case *tc, const char *key, size_t index)
{
    const json_t *value = json_object_get(tc->json, key);
    const json_t *element_json = json_is_array(value) ? json_array_get(value, index) : value;
    if (!json_is_integer(element_json)) {
        complain(tc, "params.json: no integer %s[%zu]", key, index);
        return 1;
    }
    return (int32_t)json_integer_value(element_json);
}

static struct tensor tflm_file(struct test_case *tc, const char *name)
{
    const json_t *entry = json_object_get(json_object_get(tc->json, "files"), name);
    const char *file = json_string_value(json_object_get(entry, "file"));
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (file == NULL || dtype == NULL) {
        complain(tc, "params.json: no file %s", name);
        return (struct tensor){.dtype = "none"};
    }
    return read_tensor(tc, file, dtype, json_integer_value(json_object_get(entry, "count")));
}

static void tflm_conv_s8(struct test_case *tc)
{
    const struct bt_conv2d conv = {
        .n = item(tc, "input_shape", 0),
        .h = item(tc, "input_shape", 1),
        .w = item(tc, "input_shape", 2),
        .c_in = item(tc, "input_shape", 3),
        .c_out = item(tc, "weight_shape_ohwi", 0),
        .kh = item(tc, "weight_shape_ohwi", 1),
        .kw = item(tc, "weight_shape_ohwi", 2),
        .stride_h = item(tc, "stride", 0),
        .stride_w = item(tc, "stride", 1),
        .dil_h = 1,
        .dil_w = 1,
        .pad_top = item(tc, "pad_tblr", 0),
        .pad_bottom = item(tc, "pad_tblr", 1),
        .pad_left = item(tc, "pad_tblr", 2),
        .pad_right = item(tc, "pad_tblr", 3),
        .groups = 1,
        .in_zp = item(tc, "input_zero_point", 0),
        .out_zp = item(tc, "output_zero_point", 0),
        .act_min = item(tc, "act_min", 0),
        .act_max = item(tc, "act_max", 0),
    };
    if (!geometry_ok(tc, &conv)) {
        return;
    }
    int32_t *mult = take(tc, conv.c_out, sizeof(int32_t));
    int32_t *shift = take(tc, conv.c_out, sizeof(int32_t));
    for (int32_t oc = 0; oc < conv.c_out; oc++) {
        mult[oc] = item(tc, "output_mult", (size_t)oc);
        shift[oc] = item(tc, "output_shift", (size_t)oc);
    }
    const struct tensor input = tflm_file(tc, "input");
    const struct tensor weights = tflm_file(tc, "weights");
    const struct tensor bias = tflm_file(tc, "bias");
    const struct tensor golden = tflm_file(tc, "golden");
    const struct bt_layer_data data = {
        .ifmap = raw_as(tc, &input, "int8", bt_conv2d_ifmap_elems(&conv)),
        .weights = raw_as(tc, &weights, "int8", bt_conv2d_weight_elems(&conv)),
        .bias = raw_as(tc, &bias, "int32", conv.c_out),
        .mult = mult,
        .shift = shift,
    };
    int8_t *ofmap = take(tc, bt_conv2d_ofmap_elems(&conv), 1);
    run_conv_s8(tc, &conv, &data, ofmap);
    compare_s8(tc, &golden, ofmap, bt_conv2d_ofmap_elems(&conv));
}

/* ---- ONNX: integer operators, and float operators whose vectors are whole numbers that int8 holds --------------------- */

static struct tensor onnx_tensor(struct test_case *tc, const char *side, size_t index)
{
    const json_t *entry = json_array_get(json_object_get(tc->json, side), index);
    const char *file = json_string_value(json_object_get(entry, "file"));
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    const json_t *shape = json_object_get(entry, "shape");
    if (file == NULL || dtype == NULL || json_array_size(shape) > 4) {
        complain(tc, "test.json: no %s[%zu] of at most four dimensions", side, index);
        return (struct tensor){.dtype = "none", .dims = {1, 1, 1, 1}};
    }
    int64_t elems = 1;
    int64_t dims[4] = {1, 1, 1, 1};
    for (size_t i = 0; i < json_array_size(shape); i++) {
        dims[i] = json_integer_value(json_array_get(shape, i));
        elems *= dims[i];
    }
    struct tensor t = read_tensor(tc, file, dtype, elems);
    memcpy(t.dims, dims, sizeof(dims));
    t.rank = (int)json_array_size(shape);
    return t;
}

static bool onnx_has_input(const struct test_case *tc, size_t index)
{
    return index < json_array_size(json_object_get(tc->json, "inputs"));
}

static const json_t *attribute(const struct test_case *tc, const char *name)
{
    return json_object_get(json_object_get(tc->json, "attributes"), name);
}

static int32_t attribute_item(const struct test_case *tc, const char *name, size_t index, int32_t fallback)
{
    const json_t *value = attribute(tc, name);
    const json_t *one = json_is_array(value) ? json_array_get(value, index) : value;
    return json_is_integer(one) ? (int32_t)json_integer_value(one) : fallback;
}

static int8_t whole_s8(struct test_case *tc, double value)
{
    if (value != floor(value) || value < INT8_MIN || value > INT8_MAX) {
        complain(tc, "%g is not a whole number that int8 holds", value);
        return 0;
    }
    return (int8_t)value;
}

/* uint8 moves down by 128, and its zero point with it. */
static double offset_of(const struct tensor *t)
{
    return strcmp(t->dtype, "uint8") == 0 ? 128 : 0;
}

/* [N][C][H][W] values less `subtract` as [N][H][W][C] int8; weights OIHW to OHWI are the same permutation. */
static int8_t *nhwc_s8(struct test_case *tc, const struct tensor *t, double subtract)
{
    int8_t *out = take(tc, t->elems, 1);
    const int64_t *d = t->dims;
    int64_t i = 0;
    for (int64_t n = 0; n < d[0]; n++) {
        for (int64_t c = 0; c < d[1]; c++) {
            for (int64_t y = 0; y < d[2]; y++) {
                for (int64_t x = 0; x < d[3]; x++) {
                    out[((n * d[2] + y) * d[3] + x) * d[1] + c] = whole_s8(tc, t->value[i++] - subtract);
                }
            }
        }
    }
    return out;
}

/* Expected [N][C][H][W] values in [N][H][W][C] order, moved by `subtract`, rounded half away from zero. */
static int64_t *nhwc_s64(struct test_case *tc, const struct tensor *t, double subtract)
{
    int64_t *out = take(tc, t->elems, sizeof(int64_t));
    const int64_t *d = t->dims;
    int64_t i = 0;
    for (int64_t n = 0; n < d[0]; n++) {
        for (int64_t c = 0; c < d[1]; c++) {
            for (int64_t y = 0; y < d[2]; y++) {
                for (int64_t x = 0; x < d[3]; x++) {
                    out[((n * d[2] + y) * d[3] + x) * d[1] + c] = (int64_t)round(t->value[i++] - subtract);
                }
            }
        }
    }
    return out;
}

static int64_t *widen_s32(struct test_case *tc, const int32_t *x, int64_t elems)
{
    int64_t *wide = take(tc, elems, sizeof(int64_t));
    for (int64_t i = 0; i < elems; i++) {
        wide[i] = x[i];
    }
    return wide;
}

/* Conv on whole numbers, ConvInteger on uint8: both are int32 sums. */
static void onnx_conv(struct test_case *tc)
{
    const bool integer = strcmp(json_string_value(json_object_get(tc->json, "op")), "ConvInteger") == 0;
    const struct tensor x = onnx_tensor(tc, "inputs", 0);
    const struct tensor w = onnx_tensor(tc, "inputs", 1);
    const struct tensor y = onnx_tensor(tc, "outputs", 0);
    double x_zp = 0;
    if (integer && onnx_has_input(tc, 2)) {
        x_zp = onnx_tensor(tc, "inputs", 2).value[0];
    }
    if (integer && onnx_has_input(tc, 3)) { /* weight zero points, one per filter: taken out of the weights */
        const struct tensor w_zp = onnx_tensor(tc, "inputs", 3);
        for (int64_t i = 0; i < w.elems; i++) {
            w.value[i] -= w_zp.value[w_zp.elems == 1 ? 0 : i / (w.elems / w.dims[0])];
        }
    }
    const int32_t groups = attribute_item(tc, "group", 0, 1);
    const struct bt_conv2d conv = {
        .n = (int32_t)x.dims[0],
        .h = (int32_t)x.dims[2],
        .w = (int32_t)x.dims[3],
        .c_in = (int32_t)x.dims[1],
        .c_out = (int32_t)w.dims[0],
        .kh = (int32_t)w.dims[2],
        .kw = (int32_t)w.dims[3],
        .stride_h = attribute_item(tc, "strides", 0, 1),
        .stride_w = attribute_item(tc, "strides", 1, 1),
        .dil_h = attribute_item(tc, "dilations", 0, 1),
        .dil_w = attribute_item(tc, "dilations", 1, 1),
        .pad_top = attribute_item(tc, "pads", 0, 0),
        .pad_left = attribute_item(tc, "pads", 1, 0),
        .pad_bottom = attribute_item(tc, "pads", 2, 0),
        .pad_right = attribute_item(tc, "pads", 3, 0),
        .groups = groups,
        .in_zp = (int32_t)(x_zp - offset_of(&x)),
        .raw = true,
    };
    if (!geometry_ok(tc, &conv)) {
        return;
    }
    if (bt_conv2d_oh(&conv) != y.dims[2] || bt_conv2d_ow(&conv) != y.dims[3] || y.dims[1] != conv.c_out) {
        complain(tc, "output shape differs");
        return;
    }
    const struct bt_layer_data data = {
        .ifmap = nhwc_s8(tc, &x, offset_of(&x)),
        .weights = nhwc_s8(tc, &w, 0),
    };
    int32_t *sums = take(tc, y.elems, sizeof(int32_t));
    run_conv_s8(tc, &conv, &data, sums);
    compare(tc, nhwc_s64(tc, &y, 0), widen_s32(tc, sums, y.elems), y.elems);
}

static void onnx_matmul(struct test_case *tc)
{
    const struct tensor a = onnx_tensor(tc, "inputs", 0);
    const struct tensor b = onnx_tensor(tc, "inputs", 1);
    const struct tensor y = onnx_tensor(tc, "outputs", 0);
    const double a_zp = onnx_tensor(tc, "inputs", 2).value[0];
    const double b_zp = onnx_tensor(tc, "inputs", 3).value[0];
    const int64_t rows = a.dims[0];
    const int64_t depth = a.dims[1];
    const int64_t columns = b.dims[1];
    if (b.dims[0] != depth || y.elems != rows * columns) {
        complain(tc, "shapes do not fit");
        return;
    }
    int8_t *ifmap = take(tc, a.elems, 1);
    int8_t *weights = take(tc, b.elems, 1);
    for (int64_t i = 0; i < a.elems; i++) {
        ifmap[i] = whole_s8(tc, a.value[i] - offset_of(&a));
    }
    for (int64_t i = 0; i < depth; i++) {
        for (int64_t j = 0; j < columns; j++) {
            weights[j * depth + i] = whole_s8(tc, b.value[i * columns + j] - b_zp);
        }
    }
    const struct ref_fully_connected fc = {
        .batches = (int32_t)rows,
        .in_features = (int32_t)depth,
        .out_features = (int32_t)columns,
        .in_zp = (int32_t)(a_zp - offset_of(&a)),
        .raw = true,
    };
    const struct bt_layer_data data = {.ifmap = ifmap, .weights = weights};
    int32_t *sums = take(tc, y.elems, sizeof(int32_t));
    expect_ok(tc, ref_fully_connected_s8(&fc, &data, sums), "fully_connected_s8");
    compare(tc, widen(tc, &y), widen_s32(tc, sums, y.elems), y.elems);
}

static void onnx_pool(struct test_case *tc, bool maximum)
{
    const struct tensor x = onnx_tensor(tc, "inputs", 0);
    const struct tensor y = onnx_tensor(tc, "outputs", 0);
    struct ref_pool2d pool = {
        .n = (int32_t)x.dims[0],
        .h = (int32_t)x.dims[2],
        .w = (int32_t)x.dims[3],
        .c = (int32_t)x.dims[1],
        .kh = attribute_item(tc, "kernel_shape", 0, (int32_t)x.dims[2]), /* none: a global pool */
        .kw = attribute_item(tc, "kernel_shape", 1, (int32_t)x.dims[3]),
        .stride_h = attribute_item(tc, "strides", 0, 1),
        .stride_w = attribute_item(tc, "strides", 1, 1),
        .pad_top = attribute_item(tc, "pads", 0, 0),
        .pad_left = attribute_item(tc, "pads", 1, 0),
        .act_min = INT8_MIN,
        .act_max = INT8_MAX,
    };
    const char *auto_pad = json_string_value(attribute(tc, "auto_pad"));
    if (auto_pad != NULL && strcmp(auto_pad, "SAME_UPPER") == 0) {
        pool.pad_top = pad_after(pool.h, y.dims[2], pool.kh, pool.stride_h, 0) / 2;
        pool.pad_left = pad_after(pool.w, y.dims[3], pool.kw, pool.stride_w, 0) / 2;
    } else if (auto_pad != NULL) {
        complain(tc, "auto_pad %s", auto_pad);
    }
    pool.pad_bottom = pad_after(pool.h, y.dims[2], pool.kh, pool.stride_h, pool.pad_top);
    pool.pad_right = pad_after(pool.w, y.dims[3], pool.kw, pool.stride_w, pool.pad_left);
    if (ref_pool2d_check(&pool, INT8_MIN, INT8_MAX, NULL) != BT_OK || ref_pool2d_oh(&pool) != y.dims[2] ||
        ref_pool2d_ow(&pool) != y.dims[3]) {
        complain(tc, "geometry refused, or the output shape differs");
        return;
    }
    const int8_t *ifmap = nhwc_s8(tc, &x, offset_of(&x));
    int8_t *ofmap = take(tc, y.elems, 1);
    expect_ok(tc, maximum ? ref_maxpool_s8(&pool, ifmap, ofmap) : ref_avgpool_s8(&pool, ifmap, ofmap), "pool");
    compare(tc, nhwc_s64(tc, &y, offset_of(&y)), widen_s8(tc, ofmap, y.elems), y.elems);
}

static void onnx_maxpool(struct test_case *tc)
{
    onnx_pool(tc, true);
}

static void onnx_avgpool(struct test_case *tc)
{
    onnx_pool(tc, false);
}

static void onnx_upsample(struct test_case *tc)
{
    const struct tensor x = onnx_tensor(tc, "inputs", 0);
    const struct tensor scales = onnx_tensor(tc, "inputs", 1);
    const struct tensor y = onnx_tensor(tc, "outputs", 0);
    if (scales.elems != 4) {
        complain(tc, "%lld scales, expected 4", (long long)scales.elems);
        return;
    }
    const struct ref_upsample upsample = {
        .n = (int32_t)x.dims[0],
        .h = (int32_t)x.dims[2],
        .w = (int32_t)x.dims[3],
        .c = (int32_t)x.dims[1],
        .factor_h = whole_s8(tc, scales.value[2]),
        .factor_w = whole_s8(tc, scales.value[3]),
    };
    if (y.elems != x.elems * upsample.factor_h * upsample.factor_w) {
        complain(tc, "output shape differs");
        return;
    }
    int8_t *ofmap = take(tc, y.elems, 1);
    expect_ok(tc, ref_upsample_nearest_s8(&upsample, nhwc_s8(tc, &x, 0), ofmap), "upsample_nearest_s8");
    compare(tc, nhwc_s64(tc, &y, 0), widen_s8(tc, ofmap, y.elems), y.elems);
}

static void onnx_concat(struct test_case *tc)
{
    const int32_t axis = attribute_item(tc, "axis", 0, 0);
    const struct tensor y = onnx_tensor(tc, "outputs", 0);
    struct ref_concat_input inputs[2];
    struct ref_concat concat = {.pixels = 1, .count = 2};
    for (int32_t i = 0; i < axis; i++) {
        concat.pixels *= y.dims[i];
    }
    for (size_t i = 0; i < 2; i++) {
        const struct tensor x = onnx_tensor(tc, "inputs", i);
        int8_t *data = take(tc, x.elems, 1);
        for (int64_t k = 0; k < x.elems; k++) {
            data[k] = whole_s8(tc, x.value[k]);
        }
        inputs[i] = (struct ref_concat_input){
            .data = data, .c = (int32_t)(x.elems / concat.pixels), .mult = COPY_MULT, .shift = 1};
    }
    int8_t *out = take(tc, y.elems, 1);
    if ((inputs[0].c + inputs[1].c) * concat.pixels != y.elems) {
        complain(tc, "output shape differs");
        return;
    }
    expect_ok(tc, ref_concat_s8(&concat, inputs, out), "concat_s8");
    compare_s8(tc, &y, out, y.elems);
}

/* ---- the table ---------------------------------------------------------------------------------------------------------- */

struct vector {
    const char *set, *name;
    void (*run)(struct test_case *tc); /* NULL: skipped */
    const char *reason;                /* why it is skipped */
};

/* Why a case is skipped. */
static const char zero_point_128[] = "output zero point 128: outside int8";
static const char two_activations[] = "product of two activations: not an operator of these networks";
static const char extremum[] = "element-wise extremum: not an operator of these networks";
static const char transposed[] = "transpose convolution: not an operator of these networks";
static const char pad_alone[] = "padding is part of the convolution and pooling operators here";
static const char weight_zero_point[] = "weights with a zero point: weights are symmetric here";
static const char float_operator[] = "float operator on values that int8 does not hold";
static const char wrapping_add[] = "integer addition that wraps around: not the quantised addition";
static const char clamp_alone[] = "clamp alone: every operator here ends in one, none consists of it";
static const char depth_to_space[] = "depth to space: not an operator of these networks";
static const char real_scale[] =
    "real scale rounded half to even: the int8 operators here requantise by Q31 multiplier and shift";
static const char float_conversion[] = "conversion from or to float, half to even: not an operator of an int8 network";
static const char dilated_pool[] = "dilated pooling: not an operator of these networks";
static const char counts_padding[] = "average that counts padding: TFLite averages what lies in the ifmap";

#define RUN(set, name, function)                                                                                       \
    {                                                                                                                  \
#set, #name, function, NULL                                                                                    \
    }
#define SKIP(set, name, reason)                                                                                        \
    {                                                                                                                  \
#set, #name, NULL, reason                                                                                      \
    }

/* clang-format off */
static const struct vector vectors[] = {
    RUN(cmsis_nn, add, cmsis_add_s8),
    RUN(cmsis_nn, add_s16_spill, cmsis_add_s16),
    RUN(cmsis_nn, avgpooling, cmsis_avgpool_s8),
    RUN(cmsis_nn, avgpooling_3, cmsis_avgpool_s8),
    RUN(cmsis_nn, avgpooling_5, cmsis_avgpool_s8),
    RUN(cmsis_nn, avgpooling_int16, cmsis_avgpool_s16),
    RUN(cmsis_nn, avgpooling_int16_1, cmsis_avgpool_s16),
    RUN(cmsis_nn, avgpooling_int16_2, cmsis_avgpool_s16),
    RUN(cmsis_nn, basic, cmsis_conv_s8),
    RUN(cmsis_nn, basic_2_int4, cmsis_conv_s8),
    RUN(cmsis_nn, basic_int4, cmsis_conv_s8),
    SKIP(cmsis_nn, batch_matmul_1_s16, two_activations),
    SKIP(cmsis_nn, batch_matmul_1_s8, two_activations),
    SKIP(cmsis_nn, batch_matmul_2_s16, two_activations),
    SKIP(cmsis_nn, batch_matmul_2_s8, two_activations),
    SKIP(cmsis_nn, batch_matmul_3_s16, two_activations),
    SKIP(cmsis_nn, batch_matmul_3_s8, two_activations),
    SKIP(cmsis_nn, batch_matmul_4_s16, two_activations),
    SKIP(cmsis_nn, batch_matmul_4_s8, two_activations),
    SKIP(cmsis_nn, batch_matmul_5_s16, two_activations),
    SKIP(cmsis_nn, batch_matmul_5_s8, two_activations),
    RUN(cmsis_nn, conv_1_x_n_1, cmsis_conv_s8),
    RUN(cmsis_nn, conv_1_x_n_1_int4, cmsis_conv_s8),
    RUN(cmsis_nn, conv_1_x_n_2_int4, cmsis_conv_s8),
    RUN(cmsis_nn, conv_1_x_n_4, cmsis_conv_s8),
    RUN(cmsis_nn, conv_1_x_n_4_int4, cmsis_conv_s8),
    RUN(cmsis_nn, conv_1_x_n_5_int4, cmsis_conv_s8),
    RUN(cmsis_nn, conv_1_x_n_7, cmsis_conv_s8),
    RUN(cmsis_nn, conv_1_x_n_8, cmsis_conv_s8),
    RUN(cmsis_nn, conv_2, cmsis_conv_s8),
    RUN(cmsis_nn, conv_2x2_dilation, cmsis_conv_s8),
    RUN(cmsis_nn, conv_2x2_dilation_5x5_input, cmsis_conv_s8),
    RUN(cmsis_nn, conv_2x2_dilation_5x5_input_int4, cmsis_conv_s8),
    RUN(cmsis_nn, conv_2x2_dilation_int4, cmsis_conv_s8),
    RUN(cmsis_nn, conv_2x3_dilation, cmsis_conv_s8),
    RUN(cmsis_nn, conv_3, cmsis_conv_s8),
    RUN(cmsis_nn, conv_3x2_dilation, cmsis_conv_s8),
    RUN(cmsis_nn, conv_3x3_dilation_5x5_input, cmsis_conv_s8),
    RUN(cmsis_nn, conv_3x3_dilation_5x5_input_int4, cmsis_conv_s8),
    RUN(cmsis_nn, conv_4, cmsis_conv_s8),
    RUN(cmsis_nn, conv_4_int4, cmsis_conv_s8),
    RUN(cmsis_nn, conv_5_int4, cmsis_conv_s8),
    RUN(cmsis_nn, conv_dilation_golden, cmsis_conv_s8),
    RUN(cmsis_nn, conv_dilation_golden_int4, cmsis_conv_s8),
    RUN(cmsis_nn, conv_out_activation, cmsis_conv_s8),
    RUN(cmsis_nn, conv_out_activation_int4, cmsis_conv_s8),
    RUN(cmsis_nn, depthwise_2, cmsis_depthwise_s8),
    RUN(cmsis_nn, depthwise_eq_in_out_ch, cmsis_depthwise_s8),
    RUN(cmsis_nn, depthwise_int4_1, cmsis_depthwise_s8),
    RUN(cmsis_nn, depthwise_int4_3, cmsis_depthwise_s8),
    RUN(cmsis_nn, depthwise_int4_4, cmsis_depthwise_s8),
    RUN(cmsis_nn, depthwise_int4_generic, cmsis_depthwise_s8),
    RUN(cmsis_nn, depthwise_int4_generic_2, cmsis_depthwise_s8),
    RUN(cmsis_nn, depthwise_int4_generic_3, cmsis_depthwise_s8),
    RUN(cmsis_nn, depthwise_int4_generic_5, cmsis_depthwise_s8),
    RUN(cmsis_nn, depthwise_int4_generic_6, cmsis_depthwise_s8),
    RUN(cmsis_nn, depthwise_kernel_3x3, cmsis_depthwise_s8),
    RUN(cmsis_nn, depthwise_kernel_3x3_null_bias, cmsis_depthwise_s8),
    RUN(cmsis_nn, depthwise_mult_batches, cmsis_depthwise_s8),
    RUN(cmsis_nn, depthwise_out_activation, cmsis_depthwise_s8),
    RUN(cmsis_nn, depthwise_sub_block, cmsis_depthwise_s8),
    RUN(cmsis_nn, depthwise_x_stride, cmsis_depthwise_s8),
    RUN(cmsis_nn, ds_cnn_l, cmsis_network_s8),
    RUN(cmsis_nn, ds_cnn_s, cmsis_network_s8),
    RUN(cmsis_nn, dw_int16xint8, cmsis_depthwise_s16),
    RUN(cmsis_nn, dw_int16xint8_dilation, cmsis_depthwise_s16),
    RUN(cmsis_nn, dw_int16xint8_fast, cmsis_depthwise_s16),
    RUN(cmsis_nn, dw_int16xint8_fast_multiple_batches_uneven_buffers, cmsis_depthwise_s16),
    RUN(cmsis_nn, dw_int16xint8_fast_multiple_batches_uneven_buffers_null_bias, cmsis_depthwise_s16),
    RUN(cmsis_nn, dw_int16xint8_fast_stride, cmsis_depthwise_s16),
    RUN(cmsis_nn, dw_int16xint8_fast_stride_null_bias, cmsis_depthwise_s16),
    RUN(cmsis_nn, dw_int16xint8_fast_test_bias, cmsis_depthwise_s16),
    RUN(cmsis_nn, dw_int16xint8_mult4, cmsis_depthwise_s16),
    RUN(cmsis_nn, fc_int16_slow, cmsis_fully_connected_s16),
    RUN(cmsis_nn, fc_per_ch, cmsis_fully_connected_s8),
    RUN(cmsis_nn, fully_connected_int16, cmsis_fully_connected_s16),
    RUN(cmsis_nn, fully_connected_int4_2, cmsis_fully_connected_s8),
    RUN(cmsis_nn, fully_connected_int4_3, cmsis_fully_connected_s8),
    RUN(cmsis_nn, fully_connected_int4_4, cmsis_fully_connected_s8),
    RUN(cmsis_nn, fully_connected_int4_5, cmsis_fully_connected_s8),
    SKIP(cmsis_nn, fully_connected_int4_6, zero_point_128),
    RUN(cmsis_nn, fully_connected_mve_0, cmsis_fully_connected_s8),
    SKIP(cmsis_nn, fully_connected_w_zp, weight_zero_point),
    RUN(cmsis_nn, grouped_conv, cmsis_conv_s8),
    RUN(cmsis_nn, grouped_conv_1, cmsis_conv_s8),
    RUN(cmsis_nn, grouped_conv_2, cmsis_conv_s8),
    RUN(cmsis_nn, in_ch_one_out_ch_larger_one, cmsis_conv_s8),
    RUN(cmsis_nn, int16xint8_dilation_1, cmsis_conv_s16),
    RUN(cmsis_nn, int16xint8_dilation_2, cmsis_conv_s16),
    RUN(cmsis_nn, int16xint8_dilation_3, cmsis_conv_s16),
    RUN(cmsis_nn, int16xint8_spill, cmsis_conv_s16),
    RUN(cmsis_nn, int16xint8_spill2, cmsis_conv_s16),
    RUN(cmsis_nn, int16xint8xint32_2, cmsis_conv_s16),
    RUN(cmsis_nn, int16xint8xint32_3, cmsis_conv_s16),
    RUN(cmsis_nn, int16xint8xint32_4, cmsis_conv_s16),
    RUN(cmsis_nn, int16xint8xint32_6, cmsis_conv_s16),
    RUN(cmsis_nn, kernel1x1, cmsis_conv_s8),
    RUN(cmsis_nn, kernel1x1_int4_2, cmsis_conv_s8),
    RUN(cmsis_nn, kernel1x1_int4_3, cmsis_conv_s8),
    RUN(cmsis_nn, kernel1x1_stride_x, cmsis_conv_s8),
    RUN(cmsis_nn, kernel1x1_stride_x_int4, cmsis_conv_s8),
    RUN(cmsis_nn, kernel1x1_stride_x_y_1, cmsis_conv_s8),
    RUN(cmsis_nn, kernel1x1_stride_x_y_1_int4, cmsis_conv_s8),
    RUN(cmsis_nn, kernel1x1_stride_x_y_2_int4, cmsis_conv_s8),
    RUN(cmsis_nn, kernel1x1_stride_x_y_int4, cmsis_conv_s8),
    SKIP(cmsis_nn, maximum_broadcast_batch_int8, extremum),
    SKIP(cmsis_nn, maximum_broadcast_ch_int8, extremum),
    SKIP(cmsis_nn, maximum_no_broadcast_int8, extremum),
    SKIP(cmsis_nn, maximum_scalar_1_int8, extremum),
    RUN(cmsis_nn, maxpool_int16, cmsis_maxpool_s16),
    RUN(cmsis_nn, maxpool_int16_2, cmsis_maxpool_s16),
    RUN(cmsis_nn, maxpooling, cmsis_maxpool_s8),
    RUN(cmsis_nn, maxpooling_2, cmsis_maxpool_s8),
    RUN(cmsis_nn, maxpooling_3, cmsis_maxpool_s8),
    RUN(cmsis_nn, maxpooling_5, cmsis_maxpool_s8),
    RUN(cmsis_nn, maxpooling_6, cmsis_maxpool_s8),
    SKIP(cmsis_nn, minimum_broadcast_batch_int8, extremum),
    SKIP(cmsis_nn, minimum_broadcast_ch_int8, extremum),
    SKIP(cmsis_nn, minimum_no_broadcast_int8, extremum),
    SKIP(cmsis_nn, minimum_scalar_1_int8, extremum),
    SKIP(cmsis_nn, minimum_scalar_2_int8, extremum),
    RUN(cmsis_nn, mul_s16, cmsis_mul_s16),
    RUN(cmsis_nn, mul_s16_spill, cmsis_mul_s16),
    SKIP(cmsis_nn, pad_int8_1, pad_alone),
    RUN(cmsis_nn, requantize_s64, cmsis_conv_s16),
    SKIP(cmsis_nn, reverse_transpose_conv_1, transposed),
    SKIP(cmsis_nn, reverse_transpose_conv_4, transposed),
    RUN(cmsis_nn, softmax_s16, cmsis_softmax_s16),
    RUN(cmsis_nn, stride2pad1, cmsis_conv_s8),
    RUN(cmsis_nn, stride2pad1_int4, cmsis_conv_s8),
    SKIP(cmsis_nn, transpose_conv_2, transposed),
    SKIP(cmsis_nn, transpose_conv_4, transposed),
    SKIP(onnx_node, test_add, float_operator),
    SKIP(onnx_node, test_add_bcast, float_operator),
    SKIP(onnx_node, test_add_int8, wrapping_add),
    SKIP(onnx_node, test_add_uint16, wrapping_add),
    SKIP(onnx_node, test_add_uint8, wrapping_add),
    RUN(onnx_node, test_averagepool_2d_ceil, onnx_avgpool),
    SKIP(onnx_node, test_averagepool_2d_ceil_last_window_starts_on_pad, counts_padding),
    SKIP(onnx_node, test_averagepool_2d_default, float_operator),
    SKIP(onnx_node, test_averagepool_2d_dilations, dilated_pool),
    SKIP(onnx_node, test_averagepool_2d_pads_count_include_pad, counts_padding),
    RUN(onnx_node, test_averagepool_2d_precomputed_pads, onnx_avgpool),
    SKIP(onnx_node, test_averagepool_2d_precomputed_pads_count_include_pad, counts_padding),
    RUN(onnx_node, test_averagepool_2d_precomputed_same_upper, onnx_avgpool),
    SKIP(onnx_node, test_averagepool_2d_same_lower, float_operator),
    SKIP(onnx_node, test_averagepool_2d_same_upper, float_operator),
    SKIP(onnx_node, test_averagepool_2d_strides, float_operator),
    RUN(onnx_node, test_basic_conv_with_padding, onnx_conv),
    RUN(onnx_node, test_basic_conv_without_padding, onnx_conv),
    SKIP(onnx_node, test_batchnorm_example, float_operator),
    SKIP(onnx_node, test_clip, float_operator),
    SKIP(onnx_node, test_clip_default_int8_max, clamp_alone),
    SKIP(onnx_node, test_clip_default_int8_min, clamp_alone),
    RUN(onnx_node, test_concat_2d_axis_0, onnx_concat),
    RUN(onnx_node, test_concat_2d_axis_1, onnx_concat),
    RUN(onnx_node, test_concat_3d_axis_0, onnx_concat),
    RUN(onnx_node, test_concat_3d_axis_1, onnx_concat),
    RUN(onnx_node, test_conv_with_strides_and_asymmetric_padding, onnx_conv),
    RUN(onnx_node, test_conv_with_strides_no_padding, onnx_conv),
    RUN(onnx_node, test_conv_with_strides_padding, onnx_conv),
    RUN(onnx_node, test_convinteger_with_padding, onnx_conv),
    RUN(onnx_node, test_convinteger_without_padding, onnx_conv),
    SKIP(onnx_node, test_convtranspose_dilations, transposed),
    SKIP(onnx_node, test_convtranspose_pads, transposed),
    SKIP(onnx_node, test_depthtospace_example, depth_to_space),
    SKIP(onnx_node, test_dequantizelinear_axis, float_conversion),
    SKIP(onnx_node, test_dequantizelinear_int16, float_conversion),
    SKIP(onnx_node, test_dequantizelinear_uint16, float_conversion),
    SKIP(onnx_node, test_dynamicquantizelinear, float_conversion),
    SKIP(onnx_node, test_dynamicquantizelinear_max_adjusted, float_conversion),
    SKIP(onnx_node, test_dynamicquantizelinear_min_adjusted, float_conversion),
    SKIP(onnx_node, test_flatten_axis1, float_operator),
    SKIP(onnx_node, test_gemm_default_no_bias, float_operator),
    SKIP(onnx_node, test_gemm_default_vector_bias, float_operator),
    SKIP(onnx_node, test_gemm_transposeB, float_operator),
    SKIP(onnx_node, test_globalaveragepool, float_operator),
    RUN(onnx_node, test_globalaveragepool_precomputed, onnx_avgpool),
    SKIP(onnx_node, test_globalmaxpool, float_operator),
    RUN(onnx_node, test_globalmaxpool_precomputed, onnx_maxpool),
    SKIP(onnx_node, test_leakyrelu, float_operator),
    SKIP(onnx_node, test_leakyrelu_default, float_operator),
    SKIP(onnx_node, test_lrn, float_operator),
    SKIP(onnx_node, test_lrn_default, float_operator),
    RUN(onnx_node, test_matmulinteger, onnx_matmul),
    RUN(onnx_node, test_maxpool_2d_ceil, onnx_maxpool),
    RUN(onnx_node, test_maxpool_2d_ceil_output_size_reduce_by_one, onnx_maxpool),
    SKIP(onnx_node, test_maxpool_2d_default, float_operator),
    SKIP(onnx_node, test_maxpool_2d_dilations, dilated_pool),
    RUN(onnx_node, test_maxpool_2d_precomputed_same_upper, onnx_maxpool),
    RUN(onnx_node, test_maxpool_2d_precomputed_strides, onnx_maxpool),
    SKIP(onnx_node, test_maxpool_2d_same_lower, float_operator),
    SKIP(onnx_node, test_maxpool_2d_same_upper, float_operator),
    SKIP(onnx_node, test_maxpool_2d_strides, float_operator),
    RUN(onnx_node, test_maxpool_2d_uint8, onnx_maxpool),
    SKIP(onnx_node, test_prelu_broadcast, float_operator),
    SKIP(onnx_node, test_prelu_example, float_operator),
    SKIP(onnx_node, test_qlinearconv, real_scale),
    SKIP(onnx_node, test_qlinearmatmul_2D_int8_float32, real_scale),
    SKIP(onnx_node, test_qlinearmatmul_2D_uint8_float32, real_scale),
    SKIP(onnx_node, test_qlinearmatmul_3D_int8_float32, real_scale),
    SKIP(onnx_node, test_qlinearmatmul_3D_uint8_float32, real_scale),
    SKIP(onnx_node, test_quantizelinear, float_conversion),
    SKIP(onnx_node, test_quantizelinear_int16, float_conversion),
    SKIP(onnx_node, test_relu, float_operator),
    RUN(onnx_node, test_resize_upsample_scales_nearest, onnx_upsample),
    SKIP(onnx_node, test_sigmoid, float_operator),
    SKIP(onnx_node, test_softmax_axis_1, float_operator),
    SKIP(onnx_node, test_softmax_large_number, float_operator),
    SKIP(onnx_node, test_tanh, float_operator),
    SKIP(onnx_pytorch_converted, test_AvgPool2d_stride, float_operator),
    SKIP(onnx_pytorch_converted, test_Conv2d_depthwise, float_operator),
    SKIP(onnx_pytorch_converted, test_Conv2d_depthwise_padded, float_operator),
    SKIP(onnx_pytorch_converted, test_Conv2d_dilated, float_operator),
    SKIP(onnx_pytorch_converted, test_Conv2d_groups, float_operator),
    SKIP(onnx_pytorch_converted, test_Conv2d_groups_thnn, float_operator),
    SKIP(onnx_pytorch_converted, test_Conv2d_no_bias, float_operator),
    SKIP(onnx_pytorch_converted, test_Conv2d_strided, float_operator),
    SKIP(onnx_pytorch_converted, test_LeakyReLU_with_negval, float_operator),
    SKIP(onnx_pytorch_converted, test_Linear, float_operator),
    SKIP(onnx_pytorch_converted, test_Linear_no_bias, float_operator),
    SKIP(onnx_pytorch_converted, test_ReLU, float_operator),
    RUN(tflm, conv_int8_32x32x3_f8x3x3_relu6, tflm_conv_s8),
    RUN(tflm, conv_int8_4x4_same, tflm_conv_s8),
    RUN(tflm, conv_int8_5x5_same, tflm_conv_s8),
};
/* clang-format on */

static const size_t vector_count = sizeof(vectors) / sizeof(vectors[0]);

/* ---- the tests ---------------------------------------------------------------------------------------------------------- */

static const char *vectors_folder(void)
{
    static char path[400];
    const char *data = getenv("BITTRUE_DATA");
    (void)snprintf(path, sizeof(path), "%s/vectors", data != NULL ? data : "../shared/data");
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        print_message("SKIP: no folder %s (set BITTRUE_DATA)\n", path);
        skip();
    }
    return path;
}

/* Runs one vector; true when its output equals the expected one. The complaint is copied out. */
static bool vector_passes(const char *folder, const struct vector *vector, bool plant, char *complaint, size_t bytes)
{
    struct test_case tc = {.plant = plant};
    char path[1024];
    json_error_t error;
    (void)snprintf(tc.folder, sizeof(tc.folder), "%s/%s/%s", folder, vector->set, vector->name);
    const bool onnx = strncmp(vector->set, "onnx", 4) == 0;
    (void)snprintf(path, sizeof(path), "%s/%s", tc.folder, onnx ? "test.json" : "params.json");
    tc.json = json_load_file(path, 0, &error);
    if (tc.json == NULL) {
        complain(&tc, "%.200s", error.text);
    } else {
        vector->run(&tc);
    }
    if (tc.complaint[0] == '\0' && tc.compared == 0) {
        complain(&tc, "nothing was compared");
    }
    for (int i = 0; i < tc.blocks; i++) {
        free(tc.block[i]);
    }
    json_decref(tc.json);
    (void)snprintf(complaint, bytes, "%s", tc.complaint);
    return tc.complaint[0] == '\0';
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Cases that only the folder or only the table knows; each is printed unless `quiet`. */
static int strays(const char *folder, const struct vector *table, size_t count, bool quiet)
{
    int found = 0;
    char path[1024];
    DIR *sets = opendir(folder);
    for (struct dirent *set = sets != NULL ? readdir(sets) : NULL; set != NULL; set = readdir(sets)) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, set->d_name);
        DIR *cases = set->d_name[0] == '.' ? NULL : opendir(path);
        for (struct dirent *entry = cases != NULL ? readdir(cases) : NULL; entry != NULL; entry = readdir(cases)) {
            (void)snprintf(path, sizeof(path), "%s/%s/%s", folder, set->d_name, entry->d_name);
            if (entry->d_name[0] == '.' || !is_folder(path)) {
                continue;
            }
            size_t i = 0;
            while (i < count && (strcmp(table[i].set, set->d_name) != 0 || strcmp(table[i].name, entry->d_name) != 0)) {
                i++;
            }
            if (i == count) {
                found++;
                if (!quiet) {
                    print_error("vectors: %s is not named in the table\n", path);
                }
            }
        }
        if (cases != NULL) {
            (void)closedir(cases);
        }
    }
    if (sets != NULL) {
        (void)closedir(sets);
    }
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s/%s", folder, table[i].set, table[i].name);
        if (!is_folder(path)) {
            found++;
            if (!quiet) {
                print_error("vectors: %s is named in the table and missing\n", path);
            }
        }
    }
    return found;
}

static void test_table_and_folder_agree(void **state)
{
    (void)state;
    assert_int_equal(strays(vectors_folder(), vectors, vector_count, false), 0);
    for (size_t i = 0; i < vector_count; i++) {
        assert_true((vectors[i].run == NULL) == (vectors[i].reason != NULL));
        for (size_t k = i + 1; k < vector_count; k++) {
            assert_false(strcmp(vectors[i].set, vectors[k].set) == 0 && strcmp(vectors[i].name, vectors[k].name) == 0);
        }
    }
}

static void test_all_vectors(void **state)
{
    (void)state;
    const char *folder = vectors_folder();
    int passed = 0;
    int failed = 0;
    int skipped = 0;
    for (size_t i = 0; i < vector_count; i++) {
        char complaint[256];
        if (vectors[i].run == NULL) {
            skipped++;
        } else if (vector_passes(folder, &vectors[i], false, complaint, sizeof(complaint))) {
            passed++;
        } else {
            failed++;
            print_error("vectors: %s/%s: %s\n", vectors[i].set, vectors[i].name, complaint);
        }
    }
    print_message("vectors: %d passed, %d skipped\n", passed, skipped);
    assert_int_equal(failed, 0);
    assert_true(passed > 0);
}

/* Planted fault: with one bit of what is expected flipped, every case must fail, and because of that element. */
static void test_flipped_bit_is_caught(void **state)
{
    (void)state;
    const char *folder = vectors_folder();
    for (size_t i = 0; i < vector_count; i++) {
        char complaint[256];
        if (vectors[i].run != NULL) {
            assert_false(vector_passes(folder, &vectors[i], true, complaint, sizeof(complaint)));
            assert_ptr_equal(strstr(complaint, "element 0: "), complaint);
        }
    }
}

/* Planted faults: a folder that the table does not name, a named case without a folder. */
static void test_strays_are_caught(void **state)
{
    (void)state;
    static const struct vector table[] = {RUN(tflm, known, tflm_conv_s8)};
    const char *temporary = getenv("TMPDIR");
    char folder[256];
    char set[300];
    char known[320];
    char unknown[320];
    (void)snprintf(folder, sizeof(folder), "%s/bittrue_vectors_XXXXXX", temporary != NULL ? temporary : P_tmpdir);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(set, sizeof(set), "%s/tflm", folder);
    (void)snprintf(known, sizeof(known), "%s/known", set);
    (void)snprintf(unknown, sizeof(unknown), "%s/unknown", set);
    assert_int_equal(mkdir(set, 0700), 0);
    const int missing = strays(folder, table, 1, true);
    const bool made_known = mkdir(known, 0700) == 0;
    const int agreeing = strays(folder, table, 1, true);
    const bool made_unknown = mkdir(unknown, 0700) == 0;
    const int unnamed = strays(folder, table, 1, true);
    char complaint[256];
    const bool empty_passes = vector_passes(folder, &table[0], false, complaint, sizeof(complaint));
    assert_int_equal(rmdir(unknown) + rmdir(known) + rmdir(set) + rmdir(folder), 0);
    assert_true(made_known && made_unknown);
    assert_int_equal(missing, 1);
    assert_int_equal(agreeing, 0);
    assert_int_equal(unnamed, 1);
    assert_false(empty_passes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_and_folder_agree),
        cmocka_unit_test(test_all_vectors),
        cmocka_unit_test(test_flipped_bit_is_caught),
        cmocka_unit_test(test_strays_are_caught),
    };
    return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
