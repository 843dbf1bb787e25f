/* ONNX models put together message by message: for the tests of the import, and for its fuzzer. */
#ifndef BT_TEST_ONNX_MAKER_H
#define BT_TEST_ONNX_MAKER_H

#include <onnx/onnx.pb-c.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
#define UINT8 ONNX__TENSOR_PROTO__DATA_TYPE__UINT8
#define INT8 ONNX__TENSOR_PROTO__DATA_TYPE__INT8
#define INT32 ONNX__TENSOR_PROTO__DATA_TYPE__INT32
#define INT64 ONNX__TENSOR_PROTO__DATA_TYPE__INT64

/* ---- memory of one model ------------------------------------------------------------------------------------------ */

#define MOST_BLOCKS 65536
static void *blocks[MOST_BLOCKS];
static size_t block_count;

static inline void *take(size_t bytes)
{
    void *block = block_count < MOST_BLOCKS ? calloc(1, bytes + 1) : NULL;
    if (block == NULL) {
        abort();
    }
    blocks[block_count++] = block;
    return block;
}

static inline void release_all(void)
{
    while (block_count > 0) {
        free(blocks[--block_count]);
    }
}

static inline char *text(const char *from)
{
    return memcpy(take(strlen(from)), from, strlen(from)); /* the rest is 0 */
}

/* ---- a model in the making --------------------------------------------------------------------------------------- */

#define MOST 64
struct maker {
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto sets[2];
    Onnx__OperatorSetIdProto *set_list[2];
    Onnx__NodeProto *nodes[MOST];
    Onnx__TensorProto *tensors[MOST];
    Onnx__ValueInfoProto *inputs[MOST], *outputs[MOST];
};

static inline struct maker *maker(int64_t opset)
{
    struct maker *made = take(sizeof(*made));
    onnx__model_proto__init(&made->model);
    onnx__graph_proto__init(&made->graph);
    for (size_t i = 0; i < 2; i++) {
        onnx__operator_set_id_proto__init(&made->sets[i]);
        made->set_list[i] = &made->sets[i];
    }
    made->sets[0].has_version = 1;
    made->sets[0].version = opset;
    made->sets[1].domain = text("com.microsoft");
    made->sets[1].has_version = 1;
    made->sets[1].version = 1;
    made->model.graph = &made->graph;
    made->model.n_opset_import = 2;
    made->model.opset_import = made->set_list;
    made->model.has_ir_version = 1;
    made->model.ir_version = 8;
    made->graph.node = made->nodes;
    made->graph.initializer = made->tensors;
    made->graph.input = made->inputs;
    made->graph.output = made->outputs;
    return made;
}

static inline Onnx__ValueInfoProto *info(const char *name, int32_t type, size_t rank, const int64_t *dims)
{
    Onnx__ValueInfoProto *made = take(sizeof(*made));
    onnx__value_info_proto__init(made);
    made->name = text(name);
    made->type = take(sizeof(*made->type));
    onnx__type_proto__init(made->type);
    made->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    made->type->tensor_type = take(sizeof(*made->type->tensor_type));
    onnx__type_proto__tensor__init(made->type->tensor_type);
    made->type->tensor_type->has_elem_type = 1;
    made->type->tensor_type->elem_type = type;
    Onnx__TensorShapeProto *shape = take(sizeof(*shape));
    onnx__tensor_shape_proto__init(shape);
    made->type->tensor_type->shape = shape;
    shape->n_dim = rank;
    shape->dim = take(rank * sizeof(void *));
    for (size_t i = 0; i < rank; i++) {
        shape->dim[i] = take(sizeof(**shape->dim));
        onnx__tensor_shape_proto__dimension__init(shape->dim[i]);
        if (dims[i] == -2) { /* by name */
            shape->dim[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            shape->dim[i]->dim_param = text("some");
        } else {
            shape->dim[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            shape->dim[i]->dim_value = dims[i];
        }
    }
    return made;
}

static inline void input(struct maker *m, const char *name, int32_t type, size_t rank, const int64_t *dims)
{
    m->inputs[m->graph.n_input++] = info(name, type, rank, dims);
}

static inline void image(struct maker *m, int64_t c, int64_t h, int64_t w)
{
    input(m, "x", FLOAT, 4, (const int64_t[]){1, c, h, w});
}

static inline void output(struct maker *m, const char *name)
{
    m->outputs[m->graph.n_output++] = info(name, FLOAT, 0, NULL);
}

static inline size_t split(const char *names, char **list)
{
    size_t count = 0;
    char *rest = NULL;
    char *copy = text(names);
    for (char *name = strtok_r(copy, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest)) {
        list[count++] = strcmp(name, "-") == 0 ? text("") : name;
    }
    return count;
}

/* Names apart by spaces, "-" for one that is left out; the node has the name of its first output. */
static inline Onnx__NodeProto *node(struct maker *m, const char *type, const char *inputs, const char *outputs)
{
    Onnx__NodeProto *made = take(sizeof(*made));
    onnx__node_proto__init(made);
    made->op_type = text(type);
    made->input = take(MOST * sizeof(void *));
    made->output = take(MOST * sizeof(void *));
    made->attribute = take(16 * sizeof(void *));
    made->n_input = split(inputs, made->input);
    made->n_output = split(outputs, made->output);
    m->nodes[m->graph.n_node++] = made;
    return made;
}

static inline Onnx__NodeProto *microsoft(struct maker *m, const char *type, const char *inputs, const char *outputs)
{
    Onnx__NodeProto *made = node(m, type, inputs, outputs);
    made->domain = text("com.microsoft");
    return made;
}

static inline Onnx__AttributeProto *attribute(Onnx__NodeProto *to, const char *name)
{
    Onnx__AttributeProto *made = take(sizeof(*made));
    onnx__attribute_proto__init(made);
    made->name = text(name);
    to->attribute[to->n_attribute++] = made;
    return made;
}

static inline void set_int(Onnx__NodeProto *to, const char *name, int64_t value)
{
    Onnx__AttributeProto *made = attribute(to, name);
    made->has_i = 1;
    made->i = value;
}

static inline void set_real(Onnx__NodeProto *to, const char *name, double value)
{
    Onnx__AttributeProto *made = attribute(to, name);
    made->has_f = 1;
    made->f = (float)value;
}

static inline void set_text(Onnx__NodeProto *to, const char *name, const char *value)
{
    Onnx__AttributeProto *made = attribute(to, name);
    made->has_s = 1;
    made->s.data = (uint8_t *)text(value);
    made->s.len = strlen(value);
}

static inline void set_ints(Onnx__NodeProto *to, const char *name, size_t count, const int64_t *values)
{
    Onnx__AttributeProto *made = attribute(to, name);
    made->n_ints = count;
    made->ints = take(count * sizeof(int64_t));
    memcpy(made->ints, values, count * sizeof(int64_t));
}

static inline Onnx__TensorProto *tensor(struct maker *m, const char *name, int32_t type, size_t rank,
                                        const int64_t *dims)
{
    Onnx__TensorProto *made = take(sizeof(*made));
    onnx__tensor_proto__init(made);
    made->name = text(name);
    made->has_data_type = 1;
    made->data_type = type;
    made->n_dims = rank;
    made->dims = take(rank * sizeof(int64_t));
    if (rank > 0) {
        memcpy(made->dims, dims, rank * sizeof(int64_t));
    }
    if (m != NULL) {
        m->tensors[m->graph.n_initializer++] = made;
    }
    return made;
}

static inline size_t product(size_t rank, const int64_t *dims)
{
    size_t elems = 1;
    for (size_t i = 0; i < rank; i++) {
        elems *= (size_t)dims[i];
    }
    return elems;
}

static inline void raw(Onnx__TensorProto *to, const void *data, size_t bytes)
{
    to->has_raw_data = 1;
    to->raw_data.len = bytes;
    to->raw_data.data = memcpy(take(bytes), data, bytes);
}

/* As raw data, or as typed ones, by turns. */
static inline void reals(struct maker *m, const char *name, size_t rank, const int64_t *dims, const float *values)
{
    Onnx__TensorProto *made = tensor(m, name, FLOAT, rank, dims);
    const size_t elems = product(rank, dims);
    if (m->graph.n_initializer % 2 == 0) {
        raw(made, values, elems * sizeof(float));
    } else {
        made->n_float_data = elems;
        made->float_data = memcpy(take(elems * sizeof(float)), values, elems * sizeof(float));
    }
}

static inline void real(struct maker *m, const char *name, double value)
{
    const float single = (float)value;
    reals(m, name, 0, NULL, &single);
}

static inline void ints(struct maker *m, const char *name, size_t count, const int64_t *values)
{
    const int64_t dims[] = {(int64_t)count};
    raw(tensor(m, name, INT64, 1, dims), values, count * sizeof(int64_t));
}

/* int8, uint8 or int32 from a list of ints. */
static inline void codes(struct maker *m, const char *name, int32_t type, size_t rank, const int64_t *dims,
                         const int32_t *values)
{
    Onnx__TensorProto *made = tensor(m, name, type, rank, dims);
    const size_t elems = product(rank, dims);
    made->n_int32_data = elems;
    made->int32_data = memcpy(take(elems * sizeof(int32_t)), values, elems * sizeof(int32_t));
}

static inline void code(struct maker *m, const char *name, int32_t type, int32_t value)
{
    codes(m, name, type, 0, NULL, &value);
}

static inline unsigned char *pack(const struct maker *m, size_t *bytes)
{
    *bytes = onnx__model_proto__get_packed_size(&m->model);
    unsigned char *data = take(*bytes);
    onnx__model_proto__pack(&m->model, data);
    return data;
}

#endif
