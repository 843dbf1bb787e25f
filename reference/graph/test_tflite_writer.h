/* Small TFLite models for tests and for the fuzzer: tensors and operators in lists, written as a FlatBuffer front to back. */
#ifndef BT_TEST_TFLITE_WRITER_H
#define BT_TEST_TFLITE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "reference/graph/tflite_schema.h"

#define TW_TENSORS 96
#define TW_OPERATORS 48
#define TW_SCALES 16
#define TW_FIELDS 8
#define TW_ARGUMENTS 20
#define TW_BYTES 65536

struct tw_tensor {
    const char *name;
    int32_t type;
    int32_t rank;
    int32_t dims[5];
    int32_t scale_count, zp_count; /* 0: none */
    float scale[TW_SCALES];
    int64_t zp[TW_SCALES];
    int32_t axis;
    unsigned char data[1024];
    int32_t data_bytes;  /* 0: no buffer */
    int32_t dynamic;     /* dimension that the signature leaves open, or -1 */
    int32_t buffer_plus; /* added to the index of its buffer */
    bool sparse, variable, details, outside;
};

struct tw_field {
    int32_t id, bytes; /* bytes 0: none */
    int64_t value;
};

struct tw_operator {
    int32_t code;
    const char *custom;
    int32_t input_count, output_count;
    int32_t inputs[TW_ARGUMENTS], outputs[TW_ARGUMENTS];
    int32_t options; /* kind */
    struct tw_field fields[TW_FIELDS];
};

struct tw_model {
    const char *identifier;
    int32_t version, subgraphs;
    int32_t tensor_count, operator_count;
    struct tw_tensor tensors[TW_TENSORS];
    struct tw_operator operators[TW_OPERATORS];
    int32_t input_count, output_count;
    int32_t inputs[4], outputs[TW_ARGUMENTS];
    bool real; /* computed tensors are FLOAT32 */
};

/* ---- lists ---- */

static inline struct tw_model *tw_new(bool real)
{
    struct tw_model *model = calloc(1, sizeof(*model));
    if (model == NULL) {
        abort();
    }
    model->identifier = TFL_IDENTIFIER;
    model->version = TFL_VERSION;
    model->subgraphs = 1;
    model->real = real;
    return model;
}

static inline int32_t tw_tensor(struct tw_model *model, const char *name, int32_t type, int32_t rank,
                                const int32_t *dims)
{
    struct tw_tensor *tensor = &model->tensors[model->tensor_count];
    if (model->tensor_count == TW_TENSORS) {
        abort();
    }
    *tensor = (struct tw_tensor){.name = name, .type = type, .rank = rank, .dynamic = -1};
    memcpy(tensor->dims, dims, (size_t)rank * sizeof(int32_t));
    return model->tensor_count++;
}

/* What an operator puts out: [1][h][w][c]. */
static inline int32_t tw_act(struct tw_model *model, const char *name, int32_t h, int32_t w, int32_t c, float scale,
                             int32_t zp)
{
    const int32_t index = tw_tensor(model, name, model->real ? TFL_FLOAT32 : TFL_INT8, 4, (int32_t[]){1, h, w, c});
    struct tw_tensor *tensor = &model->tensors[index];
    if (!model->real) {
        tensor->scale_count = tensor->zp_count = 1;
        tensor->scale[0] = scale;
        tensor->zp[0] = zp;
    }
    return index;
}

/* The same as [1][c]. */
static inline int32_t tw_row(struct tw_model *model, const char *name, int32_t c, float scale, int32_t zp)
{
    const int32_t index = tw_act(model, name, 1, 1, c, scale, zp);
    model->tensors[index].rank = 2;
    model->tensors[index].dims[1] = c;
    return index;
}

static inline int32_t tw_constant(struct tw_model *model, const char *name, int32_t type, int32_t rank,
                                  const int32_t *dims, const void *data, size_t bytes)
{
    const int32_t index = tw_tensor(model, name, type, rank, dims);
    if (bytes > sizeof(model->tensors[index].data)) {
        abort();
    }
    memcpy(model->tensors[index].data, data, bytes);
    model->tensors[index].data_bytes = (int32_t)bytes;
    return index;
}

static inline int32_t tw_ints(struct tw_model *model, const char *name, int32_t count, const int32_t *values)
{
    return tw_constant(model, name, TFL_INT32, 1, &count, values, (size_t)count * sizeof(int32_t));
}

/* int8 weights with a scale for each extent of the axis, all different; in a float model the same numbers as FLOAT32. */
static inline int32_t tw_weights(struct tw_model *model, const char *name, int32_t rank, const int32_t *dims,
                                 int32_t axis, const int8_t *values)
{
    float real[256];
    size_t elems = 1;
    for (int32_t i = 0; i < rank; i++) {
        elems *= (size_t)dims[i];
    }
    for (size_t i = 0; model->real && i < elems; i++) {
        real[i] = (float)values[i] / 64;
    }
    const int32_t index = model->real ? tw_constant(model, name, TFL_FLOAT32, rank, dims, real, elems * sizeof(float))
                                      : tw_constant(model, name, TFL_INT8, rank, dims, values, elems);
    struct tw_tensor *tensor = &model->tensors[index];
    tensor->axis = axis;
    tensor->scale_count = tensor->zp_count = model->real ? 0 : dims[axis];
    for (int32_t i = 0; i < tensor->scale_count; i++) {
        tensor->scale[i] = 0.01f * (float)(i + 1);
    }
    return index;
}

static inline int32_t tw_bias(struct tw_model *model, const char *name, int32_t count, const int32_t *values)
{
    const int32_t index = tw_ints(model, name, count, values);
    for (int32_t i = 0; model->real && i < count; i++) {
        const float real = (float)values[i];
        memcpy(model->tensors[index].data + (size_t)i * sizeof(float), &real, sizeof(real));
    }
    model->tensors[index].type = model->real ? TFL_FLOAT32 : TFL_INT32;
    return index;
}

static inline struct tw_operator *tw_op(struct tw_model *model, int32_t code, int32_t options, int32_t input_count,
                                        const int32_t *inputs, int32_t out)
{
    struct tw_operator *op = &model->operators[model->operator_count++];
    if (model->operator_count > TW_OPERATORS || input_count > TW_ARGUMENTS) {
        abort();
    }
    *op = (struct tw_operator){
        .code = code, .options = options, .input_count = input_count, .output_count = 1, .outputs = {out}};
    memcpy(op->inputs, inputs, (size_t)input_count * sizeof(int32_t));
    return op;
}

static inline void tw_set(struct tw_operator *op, int32_t id, int32_t bytes, int64_t value)
{
    int32_t at = 0;
    while (at < TW_FIELDS - 1 && op->fields[at].bytes != 0 && op->fields[at].id != id) {
        at++;
    }
    op->fields[at] = (struct tw_field){id, bytes, value};
}

static inline void tw_set_float(struct tw_operator *op, int32_t id, float value)
{
    int32_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    tw_set(op, id, sizeof(bits), bits);
}

/* ---- the file ---- */

struct tw_file {
    unsigned char bytes[TW_BYTES];
    size_t count;
};

static inline void tw_put_at(struct tw_file *file, size_t at, uint64_t value, size_t bytes)
{
    if (at + bytes > TW_BYTES) {
        abort();
    }
    for (size_t i = 0; i < bytes; i++) {
        file->bytes[at + i] = (unsigned char)(value >> (8 * i));
    }
}

static inline void tw_put(struct tw_file *file, int64_t value, size_t bytes)
{
    tw_put_at(file, file->count, (uint64_t)value, bytes);
    file->count += bytes;
}

/* A table behind its vtable; places gets where each field is, so that a reference can be set later. */
static inline size_t tw_table(struct tw_file *file, const struct tw_field *fields, int32_t count, size_t *places)
{
    int32_t entries = 0;
    int32_t table_bytes = 4;
    for (int32_t i = 0; i < count; i++) {
        entries = fields[i].id >= entries ? fields[i].id + 1 : entries;
    }
    const size_t vtable = file->count;
    for (int32_t i = 0; i < entries + 2; i++) {
        tw_put(file, 0, 2);
    }
    const size_t table = file->count;
    tw_put(file, (int64_t)(table - vtable), 4);
    for (int32_t i = 0; i < count; i++) {
        tw_put_at(file, vtable + 4 + 2 * (size_t)fields[i].id, file->count - table, 2);
        if (places != NULL) {
            places[i] = file->count;
        }
        tw_put(file, fields[i].value, (size_t)fields[i].bytes);
        table_bytes += fields[i].bytes;
    }
    tw_put_at(file, vtable, 4 + 2 * (uint64_t)entries, 2);
    tw_put_at(file, vtable + 2, (uint64_t)table_bytes, 2);
    return table;
}

/* What comes next is what that place refers to; behind a table's vtable its position is only known afterwards. */
static inline void tw_refer(struct tw_file *file, size_t place, size_t to)
{
    tw_put_at(file, place, to - place, 4);
}

static inline void tw_vector(struct tw_file *file, size_t place, int32_t count, size_t bytes, const void *values)
{
    tw_refer(file, place, file->count);
    tw_put(file, count, 4);
    for (int32_t i = 0; i < count; i++) {
        int64_t value = 0; /* little-endian hosts only, as everywhere in the tests */
        memcpy(&value, (const unsigned char *)values + (size_t)i * bytes, bytes);
        tw_put(file, value, bytes);
    }
}

static inline void tw_string(struct tw_file *file, size_t place, const char *text)
{
    tw_vector(file, place, (int32_t)strlen(text), 1, text);
    tw_put(file, 0, 1);
}

/* A vector of tables that follow; returns the place of the first reference. */
static inline size_t tw_references(struct tw_file *file, size_t place, int32_t count)
{
    tw_refer(file, place, file->count);
    tw_put(file, count, 4);
    const size_t first = file->count;
    for (int32_t i = 0; i < count; i++) {
        tw_put(file, 0, 4);
    }
    return first;
}

static inline void tw_write_tensor(struct tw_file *file, const struct tw_tensor *tensor, int32_t index, size_t place)
{
    struct tw_field fields[8] = {
        {TFL_TENSOR_SHAPE, 4, 0},
        {TFL_TENSOR_TYPE, 1, tensor->type},
        {TFL_TENSOR_BUFFER, 4, tensor->data_bytes > 0 ? index + 1 + tensor->buffer_plus : tensor->buffer_plus},
        {TFL_TENSOR_NAME, 4, 0},
        {TFL_TENSOR_IS_VARIABLE, 1, tensor->variable},
    };
    size_t places[8];
    int32_t count = 5;
    const int32_t quant = tensor->scale_count > 0 || tensor->details ? count : -1;
    if (quant >= 0) {
        fields[count++] = (struct tw_field){TFL_TENSOR_QUANTIZATION, 4, 0};
    }
    const int32_t sparse = tensor->sparse ? count : -1;
    if (sparse >= 0) {
        fields[count++] = (struct tw_field){TFL_TENSOR_SPARSITY, 4, 0};
    }
    const int32_t signature = tensor->dynamic >= 0 ? count : -1;
    if (signature >= 0) {
        fields[count++] = (struct tw_field){TFL_TENSOR_SHAPE_SIGNATURE, 4, 0};
    }
    tw_refer(file, place, tw_table(file, fields, count, places));
    tw_vector(file, places[0], tensor->rank, 4, tensor->dims);
    tw_string(file, places[3], tensor->name);
    if (quant >= 0) {
        const struct tw_field quantization[] = {
            {TFL_QUANT_SCALE, 4, 0},
            {TFL_QUANT_ZERO_POINT, 4, 0},
            {TFL_QUANT_DETAILS_TYPE, 1, tensor->details},
            {TFL_QUANT_DIMENSION, 4, tensor->axis},
        };
        size_t inner[4];
        tw_refer(file, places[quant], tw_table(file, quantization, 4, inner));
        tw_vector(file, inner[0], tensor->scale_count, 4, tensor->scale);
        tw_vector(file, inner[1], tensor->zp_count, 8, tensor->zp);
    }
    if (sparse >= 0) {
        tw_refer(file, places[sparse], tw_table(file, NULL, 0, NULL));
    }
    if (signature >= 0) {
        int32_t dims[5];
        memcpy(dims, tensor->dims, sizeof(dims));
        dims[tensor->dynamic] = -1;
        tw_vector(file, places[signature], tensor->rank, 4, dims);
    }
}

static inline void tw_write_operator(struct tw_file *file, const struct tw_operator *op, int32_t index, size_t place)
{
    const struct tw_field fields[] = {
        {TFL_OPERATOR_OPCODE_INDEX, 4, index},       {TFL_OPERATOR_INPUTS, 4, 0},  {TFL_OPERATOR_OUTPUTS, 4, 0},
        {TFL_OPERATOR_OPTIONS_TYPE, 1, op->options}, {TFL_OPERATOR_OPTIONS, 4, 0},
    };
    size_t places[5];
    int32_t count = 0;
    tw_refer(file, place, tw_table(file, fields, op->options == TFL_OPTIONS_NONE ? 4 : 5, places));
    tw_vector(file, places[1], op->input_count, 4, op->inputs);
    tw_vector(file, places[2], op->output_count, 4, op->outputs);
    while (count < TW_FIELDS && op->fields[count].bytes != 0) {
        count++;
    }
    if (op->options != TFL_OPTIONS_NONE) {
        tw_refer(file, places[4], tw_table(file, op->fields, count, NULL));
    }
}

static inline void tw_write_subgraph(struct tw_file *file, const struct tw_model *model, size_t place)
{
    const struct tw_field fields[] = {
        {TFL_SUBGRAPH_TENSORS, 4, 0},
        {TFL_SUBGRAPH_INPUTS, 4, 0},
        {TFL_SUBGRAPH_OUTPUTS, 4, 0},
        {TFL_SUBGRAPH_OPERATORS, 4, 0},
    };
    size_t places[4];
    tw_refer(file, place, tw_table(file, fields, 4, places));
    tw_vector(file, places[1], model->input_count, 4, model->inputs);
    tw_vector(file, places[2], model->output_count, 4, model->outputs);
    size_t at = tw_references(file, places[0], model->tensor_count);
    for (int32_t i = 0; i < model->tensor_count; i++, at += 4) {
        tw_write_tensor(file, &model->tensors[i], i, at);
    }
    at = tw_references(file, places[3], model->operator_count);
    for (int32_t i = 0; i < model->operator_count; i++, at += 4) {
        tw_write_operator(file, &model->operators[i], i, at);
    }
}

/* Each operator has a code of its own, each tensor a buffer: 0 is nobody's. */
static inline void tw_write(const struct tw_model *model, struct tw_file *file)
{
    const struct tw_field fields[] = {
        {TFL_MODEL_VERSION, 4, model->version},
        {TFL_MODEL_CODES, 4, 0},
        {TFL_MODEL_SUBGRAPHS, 4, 0},
        {TFL_MODEL_BUFFERS, 4, 0},
    };
    size_t places[4];
    memset(file, 0, sizeof(*file));
    tw_put(file, 0, 4);
    memcpy(file->bytes + 4, model->identifier, 4);
    file->count = 8;
    tw_refer(file, 0, tw_table(file, fields, 4, places));
    size_t at = tw_references(file, places[1], model->operator_count);
    for (int32_t i = 0; i < model->operator_count; i++, at += 4) {
        const struct tw_operator *op = &model->operators[i];
        const struct tw_field code[] = {
            {TFL_CODE_DEPRECATED, 1, op->code < 127 ? op->code : 127},
            {TFL_CODE_BUILTIN, 4, op->code},
            {TFL_CODE_CUSTOM, 4, 0},
        };
        size_t inner[3];
        tw_refer(file, at, tw_table(file, code, op->custom != NULL ? 3 : 2, inner));
        if (op->custom != NULL) {
            tw_string(file, inner[2], op->custom);
        }
    }
    at = tw_references(file, places[2], model->subgraphs);
    for (int32_t i = 0; i < model->subgraphs; i++, at += 4) {
        tw_write_subgraph(file, model, at);
    }
    at = tw_references(file, places[3], model->tensor_count + 1);
    for (int32_t i = -1; i < model->tensor_count; i++, at += 4) {
        const struct tw_tensor *tensor = i < 0 ? NULL : &model->tensors[i];
        const struct tw_field buffer[] = {
            {TFL_BUFFER_OFFSET, 8, tensor != NULL && tensor->outside ? 4096 : 0},
            {TFL_BUFFER_DATA, 4, 0},
        };
        size_t inner[2];
        tw_refer(file, at, tw_table(file, buffer, tensor == NULL || tensor->data_bytes == 0 ? 1 : 2, inner));
        if (tensor != NULL && tensor->data_bytes > 0) {
            tw_vector(file, inner[1], tensor->data_bytes, 1, tensor->data);
        }
    }
}

/* ---- one model with every operator ---- */

static inline void tw_set_window(struct tw_operator *op, int32_t padding, int32_t stride_h, int32_t stride_w,
                                 int32_t kh, int32_t kw)
{
    tw_set(op, TFL_CONV_PADDING, 1, padding);
    tw_set(op, TFL_CONV_STRIDE_W, 4, stride_w);
    tw_set(op, TFL_CONV_STRIDE_H, 4, stride_h);
    if (kh > 0) { /* a pool's */
        tw_set(op, TFL_POOL_FILTER_WIDTH, 4, kw);
        tw_set(op, TFL_POOL_FILTER_HEIGHT, 4, kh);
    }
}

static inline void tw_fill(int8_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = (int8_t)((int32_t)(i * 37 + 11) % 201 - 100);
    }
}

/*
 * Nodes, int8: in, pad, conv, dw (depth multiplier 2), relu6, split, cat, up, slice, add, mul, pool, avg, mean, fc, prob, and
 * the other activations behind the split's second part, which is the model's second output. Float: without what only int8
 * models can have.
 */
static inline struct tw_model *tw_every_operator(bool real)
{
    static const int32_t bias[] = {100, -200, 300, -400, 0, 50, -60, 70};
    int8_t values[256];
    struct tw_model *m = tw_new(real);
    tw_fill(values, sizeof(values));
    int32_t in = tw_act(m, "in", 8, 6, 3, 0.05f, -3);
    m->inputs[0] = in;
    m->input_count = 1;
    if (!real) { /* the input comes as float */
        m->tensors[in].type = TFL_FLOAT32;
        m->tensors[in].scale_count = 0;
        const int32_t quantised = tw_act(m, "in_int8", 8, 6, 3, 0.05f, -3);
        (void)tw_op(m, TFL_QUANTIZE_OP, TFL_OPTIONS_QUANTIZE, 1, (int32_t[]){in}, quantised);
        in = quantised;
    }

    const int32_t pads = tw_constant(m, "pads", TFL_INT32, 2, (int32_t[]){4, 2}, (int32_t[]){0, 0, 1, 0, 0, 1, 0, 0},
                                     8 * sizeof(int32_t));
    const int32_t padded = tw_act(m, "padded", 9, 7, 3, 0.05f, -3);
    (void)tw_op(m, TFL_PAD_OP, TFL_OPTIONS_PAD, 2, (int32_t[]){in, pads}, padded);

    const int32_t conv_weights = tw_weights(m, "conv/w", 4, (int32_t[]){4, 3, 2, 3}, 0, values);
    const int32_t conv_bias = tw_bias(m, "conv/b", 4, bias);
    const int32_t conv = tw_act(m, "conv", 7, 6, 4, 0.5f, 5);
    struct tw_operator *op =
        tw_op(m, TFL_CONV_2D_OP, TFL_OPTIONS_CONV_2D, 3, (int32_t[]){padded, conv_weights, conv_bias}, conv);
    tw_set_window(op, TFL_PADDING_VALID, 1, 1, 0, 0);

    const int32_t dw_weights = tw_weights(m, "dw/w", 4, (int32_t[]){1, 3, 3, 8}, 3, values);
    const int32_t dw = tw_act(m, "dw", 4, 3, 8, 0.25f, -10);
    op = tw_op(m, TFL_DEPTHWISE_CONV_2D_OP, TFL_OPTIONS_DEPTHWISE_CONV_2D, 2, (int32_t[]){conv, dw_weights}, dw);
    tw_set_window(op, TFL_PADDING_SAME, 2, 2, 0, 0);

    const int32_t relu6 = tw_act(m, "relu6", 4, 3, 8, 0.05f, -128);
    (void)tw_op(m, TFL_RELU6_OP, TFL_OPTIONS_NONE, 1, (int32_t[]){dw}, relu6);

    const int32_t axis = tw_ints(m, "axis", 1, (int32_t[]){3});
    const int32_t first = tw_act(m, "split_0", 4, 3, 4, 0.05f, -128);
    const int32_t second = tw_act(m, "split_1", 4, 3, 4, 0.05f, -128);
    op = tw_op(m, TFL_SPLIT_OP, TFL_OPTIONS_SPLIT, 2, (int32_t[]){axis, relu6}, first);
    op->outputs[op->output_count++] = second;

    const int32_t cat = tw_act(m, "cat", 4, 3, 12, 0.05f, -128);
    op = tw_op(m, TFL_CONCATENATION_OP, TFL_OPTIONS_CONCATENATION, 2, (int32_t[]){relu6, first}, cat);
    tw_set(op, TFL_CONCAT_AXIS, 4, 3);

    const int32_t size = tw_ints(m, "size", 2, (int32_t[]){8, 6});
    const int32_t up = tw_act(m, "up", 8, 6, 12, 0.05f, -128);
    (void)tw_op(m, TFL_RESIZE_NEAREST_NEIGHBOR_OP, TFL_OPTIONS_RESIZE_NEAREST_NEIGHBOR, 2, (int32_t[]){cat, size}, up);

    const int32_t begin = tw_ints(m, "begin", 4, (int32_t[]){0, 0, 0, 2});
    const int32_t end = tw_ints(m, "end", 4, (int32_t[]){0, 0, 0, -6});
    const int32_t strides = tw_ints(m, "strides", 4, (int32_t[]){1, 1, 1, 1});
    const int32_t part = tw_act(m, "slice", 8, 6, 4, 0.05f, -128);
    op = tw_op(m, TFL_STRIDED_SLICE_OP, TFL_OPTIONS_STRIDED_SLICE, 4, (int32_t[]){up, begin, end, strides}, part);
    tw_set(op, TFL_STRIDED_SLICE_END_MASK, 4, 7);

    const int32_t begin2 = tw_ints(m, "begin2", 4, (int32_t[]){0, 0, 0, 8});
    const int32_t rest = tw_act(m, "rest", 8, 6, 4, 0.05f, -128);
    op = tw_op(m, TFL_STRIDED_SLICE_OP, TFL_OPTIONS_STRIDED_SLICE, 4, (int32_t[]){up, begin2, begin2, strides}, rest);
    tw_set(op, TFL_STRIDED_SLICE_BEGIN_MASK, 4, 7);
    tw_set(op, TFL_STRIDED_SLICE_END_MASK, 4, 15);

    const int32_t add = tw_act(m, "add", 8, 6, 4, 0.09f, -100);
    op = tw_op(m, TFL_ADD_OP, TFL_OPTIONS_ADD, 2, (int32_t[]){part, rest}, add);
    tw_set(op, TFL_ADD_ACTIVATION, 1, TFL_ACTIVATION_RELU6);

    const int32_t mul = tw_act(m, "mul", 8, 6, 4, 0.3f, -128);
    op = tw_op(m, TFL_MUL_OP, TFL_OPTIONS_MUL, 2, (int32_t[]){add, rest}, mul);
    tw_set(op, TFL_MUL_ACTIVATION, 1, TFL_ACTIVATION_RELU);

    const int32_t pool = tw_act(m, "pool", 4, 3, 4, 0.3f, -128);
    op = tw_op(m, TFL_MAX_POOL_2D_OP, TFL_OPTIONS_POOL_2D, 1, (int32_t[]){mul}, pool);
    tw_set_window(op, TFL_PADDING_SAME, 2, 2, 3, 3);

    const int32_t avg = tw_act(m, "avg", 2, 2, 4, 0.3f, -128);
    op = tw_op(m, TFL_AVERAGE_POOL_2D_OP, TFL_OPTIONS_POOL_2D, 1, (int32_t[]){pool}, avg);
    tw_set_window(op, TFL_PADDING_VALID, 2, 1, 2, 2);

    const int32_t flat = tw_row(m, "flat", 16, 0.3f, -128);
    (void)tw_op(m, TFL_RESHAPE_OP, TFL_OPTIONS_RESHAPE, 1, (int32_t[]){avg}, flat);

    const int32_t fc_weights = tw_weights(m, "fc/w", 2, (int32_t[]){5, 16}, 0, values);
    const int32_t fc_bias = tw_bias(m, "fc/b", 5, bias);
    const int32_t fc = tw_row(m, "fc", 5, 0.2f, 7);
    m->tensors[fc_weights].scale_count = m->tensors[fc_weights].zp_count = real ? 0 : 1;
    (void)tw_op(m, TFL_FULLY_CONNECTED_OP, TFL_OPTIONS_FULLY_CONNECTED, 3, (int32_t[]){flat, fc_weights, fc_bias}, fc);

    int32_t prob = tw_row(m, "prob", 5, 1.0f / 256, -128);
    op = tw_op(m, TFL_SOFTMAX_OP, TFL_OPTIONS_SOFTMAX, 1, (int32_t[]){fc}, prob);
    tw_set_float(op, TFL_SOFTMAX_BETA, 1);

    const int32_t axes = tw_ints(m, "axes", 2, (int32_t[]){1, -2});
    int32_t last = tw_act(m, "mean", 1, 1, 4, 0.04f, -120);
    (void)tw_op(m, TFL_MEAN_OP, TFL_OPTIONS_REDUCER, 2, (int32_t[]){second, axes}, last);
    if (!real) {
        static const struct {
            int32_t code, options;
            const char *name;
            float scale;
            int32_t zp;
        } tables[] = {
            {TFL_RELU_OP, TFL_OPTIONS_NONE, "relu", 0.04f, -120},
            {TFL_QUANTIZE_OP, TFL_OPTIONS_QUANTIZE, "requantised", 0.08f, -20},
            {TFL_HARD_SWISH_OP, TFL_OPTIONS_HARD_SWISH, "hard_swish", 0.06f, -100},
            {TFL_LEAKY_RELU_OP, TFL_OPTIONS_LEAKY_RELU, "leaky", 0.05f, -90},
            {TFL_TANH_OP, TFL_OPTIONS_NONE, "tanh", 1.0f / 128, 0},
            {TFL_LOGISTIC_OP, TFL_OPTIONS_NONE, "logistic", 1.0f / 256, -128},
        };
        for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
            const int32_t next = tw_act(m, tables[i].name, 1, 1, 4, tables[i].scale, tables[i].zp);
            op = tw_op(m, tables[i].code, tables[i].options, 1, (int32_t[]){last}, next);
            if (tables[i].code == TFL_LEAKY_RELU_OP) {
                tw_set_float(op, TFL_LEAKY_RELU_ALPHA, 0.2f);
            }
            last = next;
        }
        const int32_t row = tw_row(m, "squeezed", 4, 1.0f / 256, -128);
        (void)tw_op(m, TFL_SQUEEZE_OP, TFL_OPTIONS_SQUEEZE, 1, (int32_t[]){last}, row);
        last = tw_row(m, "real", 4, 0, 0);
        m->tensors[last].type = TFL_FLOAT32;
        m->tensors[last].scale_count = 0;
        (void)tw_op(m, TFL_DEQUANTIZE_OP, TFL_OPTIONS_DEQUANTIZE, 1, (int32_t[]){row}, last);
    }
    m->outputs[0] = last; /* before the one that is computed earlier */
    m->outputs[1] = prob;
    m->output_count = 2;
    return m;
}

#endif
