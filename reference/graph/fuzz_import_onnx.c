/*
 * Models put wrong, field by field, and any bytes: accepted, or refused with one line. What is accepted and small is run.
 * The mutator knows valid models to begin with, changes one of their messages at a time, and packs them again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "reference/graph/import_onnx.h"
#include "reference/graph/test_onnx_maker.h"

#define MEMORY_MOST (64u << 20) /* lower than in earnest, so that reaching it takes no time */
#define RUN_MOST (1 << 16)      /* elements, multiply-accumulates */

/* The names are libFuzzer's. */
/* NOLINTBEGIN(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
/* NOLINTEND(readability-identifier-naming) */

/* ---- valid models ---- */

static float values[1024];

static void constants(struct maker *m)
{
    static const int64_t flat[] = {0, -1};
    for (size_t i = 0; i < 1024; i++) {
        values[i] = (float)(i % 17) / 16 - 0.5f;
    }
    reals(m, "w3", 4, (const int64_t[]){4, 2, 3, 3}, values);
    reals(m, "w1", 4, (const int64_t[]){4, 4, 1, 1}, values + 5);
    reals(m, "fc", 2, (const int64_t[]){3, 16}, values + 9);
    reals(m, "c4", 1, (const int64_t[]){4}, values + 9);
    reals(m, "scales", 1, (const int64_t[]){4}, (const float[]){1, 1, 2, 2});
    real(m, "zero", 0);
    real(m, "six", 6);
    real(m, "step", 0.05);
    code(m, "z8", INT8, 3);
    code(m, "u8", UINT8, 128);
    ints(m, "flat", 2, flat);
    ints(m, "axis", 1, (const int64_t[]){1});
    ints(m, "two", 1, (const int64_t[]){2});
}

static const unsigned char *float_model(size_t *bytes)
{
    struct maker *m = maker(13);
    input(m, "x", FLOAT, 4, (const int64_t[]){1, 2, 6, 6});
    constants(m);
    Onnx__NodeProto *conv = node(m, "Conv", "x w3", "a");
    set_ints(conv, "pads", 4, (const int64_t[]){1, 1, 1, 1});
    set_ints(conv, "strides", 2, (const int64_t[]){2, 1});
    (void)node(m, "BatchNormalization", "a c4 c4 c4 c4", "b");
    (void)node(m, "Sigmoid", "b", "s");
    (void)node(m, "Mul", "b s", "c");
    Onnx__NodeProto *pool = node(m, "AveragePool", "c", "d");
    set_ints(pool, "kernel_shape", 2, (const int64_t[]){3, 3});
    set_ints(pool, "pads", 4, (const int64_t[]){1, 1, 1, 1});
    set_int(pool, "count_include_pad", 1);
    (void)node(m, "Add", "c d", "e");
    set_int(node(m, "Split", "e", "f g"), "axis", 1);
    (void)node(m, "Slice", "g axis two axis", "h");
    set_int(node(m, "Concat", "h f h", "i"), "axis", 1);
    (void)node(m, "Clip", "i zero six", "j");
    set_ints(node(m, "MaxPool", "j", "k"), "kernel_shape", 2, (const int64_t[]){2, 2});
    Onnx__NodeProto *resize = node(m, "Resize", "k - scales", "l");
    set_text(resize, "nearest_mode", "floor");
    set_text(resize, "coordinate_transformation_mode", "asymmetric");
    (void)node(m, "GlobalAveragePool", "l", "n");
    (void)node(m, "Reshape", "n flat", "o");
    (void)node(m, "Softmax", "o", "p");
    output(m, "p");
    return pack(m, bytes);
}

static const unsigned char *plumbing_model(size_t *bytes)
{
    struct maker *m = maker(11);
    input(m, "x", FLOAT, 4, (const int64_t[]){3, 2, 2, 4});
    constants(m);
    (void)node(m, "Shape", "x", "s");
    (void)node(m, "Gather", "s axis", "g");
    set_int(node(m, "Concat", "g flat", "t"), "axis", 0);
    (void)node(m, "Slice", "t axis two", "u");
    set_int(node(m, "Cast", "u", "v"), "to", INT64);
    set_ints(node(m, "Transpose", "x", "y"), "perm", 4, (const int64_t[]){0, 2, 3, 1});
    set_ints(node(m, "Unsqueeze", "y", "a"), "axes", 1, (const int64_t[]){0});
    set_ints(node(m, "Squeeze", "a", "b"), "axes", 1, (const int64_t[]){0});
    (void)node(m, "Reshape", "b flat", "c");
    set_int(node(m, "Gemm", "c fc", "d"), "transB", 1);
    (void)node(m, "Tanh", "d", "e");
    set_int(node(m, "Flatten", "x", "f"), "axis", 1);
    (void)node(m, "LeakyRelu", "f", "h");
    output(m, "h");
    output(m, "e");
    return pack(m, bytes);
}

static const unsigned char *int8_model(size_t *bytes)
{
    static int32_t weights[256];
    struct maker *m = maker(13);
    for (int32_t i = 0; i < 256; i++) {
        weights[i] = i % 255 - 127;
    }
    input(m, "x", FLOAT, 4, (const int64_t[]){1, 4, 4, 4});
    constants(m);
    codes(m, "wq", INT8, 4, (const int64_t[]){4, 4, 1, 1}, weights);
    codes(m, "w8", INT8, 2, (const int64_t[]){4, 3}, weights);
    code(m, "z0", INT8, 0);
    (void)node(m, "QuantizeLinear", "x step z8", "a");
    (void)node(m, "DequantizeLinear", "a step z8", "b");
    (void)node(m, "DequantizeLinear", "wq step z0", "w");
    (void)node(m, "Conv", "b w c4", "c");
    (void)node(m, "Relu", "c", "d");
    (void)node(m, "QuantizeLinear", "d step u8", "e");
    (void)node(m, "DequantizeLinear", "e step u8", "f");
    (void)node(m, "Add", "f b", "g");
    (void)node(m, "QuantizeLinear", "g step u8", "h");
    (void)microsoft(m, "QLinearSigmoid", "h step u8 step z8", "i");
    (void)microsoft(m, "QLinearAdd", "i step z8 h step u8 step u8", "j");
    set_int(microsoft(m, "QLinearConcat", "step u8 j step u8 i step z8", "k"), "axis", 1);
    (void)microsoft(m, "QLinearGlobalAveragePool", "j step u8 six u8", "l");
    (void)node(m, "Flatten", "l", "n");
    (void)node(m, "QLinearMatMul", "n six u8 w8 step z0 step z8", "o");
    (void)node(m, "DequantizeLinear", "o step z8", "p");
    output(m, "k");
    output(m, "p");
    return pack(m, bytes);
}

/* ---- mutation ---- */

static uint32_t random_state;

static uint32_t any(size_t count)
{
    random_state = random_state * 1664525u + 1013904223u;
    return count > 0 ? (uint32_t)((random_state >> 8) % count) : 0;
}

static int64_t any_number(int64_t was)
{
    static const int64_t numbers[] = {
        0,  1,   -1,    2,     3,     4,       6,         7,         63,        64,
        65, 255, 65535, 65536, 65537, 1 << 30, INT32_MAX, INT64_MAX, INT64_MIN, INT64_MAX / 2};
    const uint32_t which = any(sizeof(numbers) / sizeof(numbers[0]) + 3);
    return which < sizeof(numbers) / sizeof(numbers[0]) ? numbers[which]
                                                        : (int64_t)((uint64_t)was + (which % 2 == 0 ? 1u : UINT64_MAX));
}

static char *any_name(const Onnx__GraphProto *graph)
{
    const Onnx__NodeProto *from = graph->node[any(graph->n_node)];
    char *name = from->n_output > 0 ? from->output[any(from->n_output)] : NULL;
    if (any(3) == 0 && graph->n_initializer > 0) {
        name = graph->initializer[any(graph->n_initializer)]->name;
    }
    return name != NULL ? name : text("");
}

static char *any_type(void)
{
    static const char *const types[] = {
        "Add",
        "AveragePool",
        "BatchNormalization",
        "Cast",
        "Clip",
        "Concat",
        "ConstantOfShape",
        "Conv",
        "DequantizeLinear",
        "Div",
        "Dropout",
        "Flatten",
        "Gather",
        "Gemm",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "HardSigmoid",
        "HardSwish",
        "Identity",
        "LeakyRelu",
        "MatMul",
        "MaxPool",
        "Mul",
        "PRelu",
        "Pad",
        "QGemm",
        "QLinearAdd",
        "QLinearAveragePool",
        "QLinearConv",
        "QLinearLeakyRelu",
        "QLinearMul",
        "QLinearSoftmax",
        "QuantizeLinear",
        "ReduceMean",
        "Relu",
        "Reshape",
        "Resize",
        "Shape",
        "Sigmoid",
        "Slice",
        "Softmax",
        "Split",
        "Squeeze",
        "Sub",
        "Tanh",
        "Transpose",
        "Unsqueeze",
        "Upsample",
    };
    return text(types[any(sizeof(types) / sizeof(types[0]))]);
}

static void change_tensor(Onnx__TensorProto *tensor)
{
    if (any(3) == 0 && tensor->n_dims > 0) {
        int64_t *dim = &tensor->dims[any(tensor->n_dims)];
        *dim = any_number(*dim);
    } else if (any(4) == 0) {
        tensor->data_type = (int32_t)any(12);
    } else if (tensor->n_int64_data > 0) {
        int64_t *value = &tensor->int64_data[any(tensor->n_int64_data)];
        *value = any_number(*value);
    } else if (tensor->n_int32_data > 0) {
        tensor->int32_data[any(tensor->n_int32_data)] = (int32_t)any(256) - 128;
    } else if (tensor->n_float_data > 0) {
        tensor->float_data[any(tensor->n_float_data)] = (float)any_number(1) / 8;
    } else if (tensor->raw_data.len > 0) {
        tensor->raw_data.data[any(tensor->raw_data.len)] ^= (uint8_t)(1u << any(8));
    }
}

static void change_attribute(Onnx__NodeProto *node)
{
    static const char *const names[] = {"axis", "axes", "perm", "pads", "group", "keepdims", "ceil_mode", "mode"};
    if (node->n_attribute == 0) {
        return;
    }
    Onnx__AttributeProto *attribute = node->attribute[any(node->n_attribute)];
    if (any(6) == 0) {
        attribute->name = text(names[any(sizeof(names) / sizeof(names[0]))]);
    } else if (attribute->n_ints > 0) {
        int64_t *value = &attribute->ints[any(attribute->n_ints)];
        *value = any_number(*value);
        attribute->n_ints -= any(8) == 0 ? 1 : 0;
    } else if (attribute->has_f) {
        attribute->f = (float)any_number(1) / 6;
    } else {
        attribute->has_i = 1;
        attribute->i = any_number(attribute->i);
    }
}

/* Changed in place where that can be: memory that the message owned, and no longer has, goes with release_all(). */
static void change(Onnx__ModelProto *model)
{
    Onnx__GraphProto *graph = model->graph;
    if (graph == NULL || graph->n_node == 0) {
        return;
    }
    Onnx__NodeProto *node = graph->node[any(graph->n_node)];
    switch (any(9)) {
    case 0:
        node->op_type = any_type();
        break;
    case 1:
    case 2:
        if (node->n_input > 0) {
            node->input[any(node->n_input)] = any(8) == 0 ? text("") : any_name(graph);
        }
        break;
    case 3:
    case 4:
        change_attribute(node);
        break;
    case 5:
        if (graph->n_initializer > 0) {
            change_tensor(graph->initializer[any(graph->n_initializer)]);
        }
        break;
    case 6:
        if (graph->n_input > 0 && graph->input[0]->type != NULL && graph->input[0]->type->tensor_type != NULL &&
            graph->input[0]->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE &&
            graph->input[0]->type->tensor_type->shape != NULL && graph->input[0]->type->tensor_type->shape->n_dim > 0) {
            Onnx__TensorShapeProto *shape = graph->input[0]->type->tensor_type->shape;
            Onnx__TensorShapeProto__Dimension *dim = shape->dim[any(shape->n_dim)];
            if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE) {
                dim->dim_value = any_number(dim->dim_value);
            }
        }
        break;
    case 7:
        if (model->n_opset_import > 0) {
            model->opset_import[0]->version = 6 + any(20);
        }
        node->n_input -= node->n_input > 0 && any(4) == 0 ? 1 : 0;
        break;
    default:
        if (graph->n_output > 0) {
            graph->output[any(graph->n_output)]->name = any_name(graph);
        }
        break;
    }
}

/* From the test's memory, so that changes need not care who owns what. */
static void *give(void *data, size_t bytes)
{
    (void)data;
    return bytes <= MEMORY_MOST ? take(bytes) : NULL;
}

static void keep(void *data, void *pointer)
{
    (void)data;
    (void)pointer;
}

/* The name is libFuzzer's. */
/* NOLINTNEXTLINE(readability-identifier-naming) */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    ProtobufCAllocator allocator = {.alloc = give, .free = keep, .allocator_data = NULL};
    random_state = seed;
    if (any(16) == 0) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    size_t bytes = size;
    const unsigned char *from = data;
    if (size < 64 || any(64) == 0) {
        const uint32_t which = any(3);
        from = which == 0 ? float_model(&bytes) : which == 1 ? int8_model(&bytes) : plumbing_model(&bytes);
    }
    Onnx__ModelProto *model = onnx__model_proto__unpack(&allocator, bytes, from);
    for (uint32_t i = any(4) + 1; model != NULL && i > 0; i--) {
        change(model);
    }
    const size_t packed = model != NULL ? onnx__model_proto__get_packed_size(model) : 0;
    if (packed > 0 && packed <= max_size) {
        size = onnx__model_proto__pack(model, data);
    } else if (packed == 0) {
        size = LLVMFuzzerMutate(data, size, max_size);
    }
    release_all();
    return size;
}

/* ---- what must hold ---- */

static void run_float(const struct bt_float_graph *graph)
{
    float **outputs = NULL;
    struct bt_error err = {""};
    int64_t work = 0;
    for (uint32_t i = 0; i < graph->count; i++) {
        work += (int64_t)bt_float_elems(&graph->nodes[i]);
        work += graph->nodes[i].op == BT_OP_CONV2D
                    ? (int64_t)bt_float_elems(&graph->nodes[i]) * graph->nodes[i].u.conv.kh *
                          graph->nodes[i].u.conv.kw * (graph->nodes[i].u.conv.c_in / graph->nodes[i].u.conv.groups)
                    : 0;
        if (work > RUN_MOST) {
            return;
        }
    }
    float *x = take(bt_float_elems(&graph->nodes[0]) * sizeof(float));
    if (bt_float_outputs_new(graph, &outputs) != BT_OK || bt_float_run(graph, x, outputs, &err) != BT_OK) {
        abort();
    }
    bt_float_outputs_free(graph, outputs);
}

static void run_int8(const struct bt_graph *graph)
{
    int8_t **outputs = NULL;
    struct bt_error err = {""};
    int64_t work = 0;
    for (uint32_t i = 0; i < graph->count; i++) {
        work += (int64_t)bt_graph_bytes(&graph->nodes[i]);
        if (work > RUN_MOST / 16) {
            return;
        }
    }
    int8_t *x = take(bt_graph_bytes(&graph->nodes[0]));
    if (bt_graph_outputs_new(graph, &outputs) != BT_OK || bt_graph_run(graph, x, outputs, &err) != BT_OK) {
        abort();
    }
    bt_graph_outputs_free(graph, outputs);
}

/* The name is libFuzzer's. */
/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bt_model model = {{0}, NULL, NULL};
    struct bt_error err = {""};
    const enum bt_status status = onnx_import(MEMORY_MOST, "fuzz", data, size, &model, &err);
    const bool made = (model.real != NULL) != (model.quantised != NULL);
    if (status == BT_OK ? !made
                        : status != BT_EINPUT || model.real != NULL || model.quantised != NULL ||
                              strncmp(err.text, "fuzz: ", 6) != 0 || strchr(err.text, '\n') != NULL) {
        abort();
    }
    if (model.real != NULL) {
        run_float(model.real);
    } else if (model.quantised != NULL) {
        run_int8(model.quantised);
    }
    bt_model_free(&model);
    release_all();
    return 0;
}
