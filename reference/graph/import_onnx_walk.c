#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "reference/graph/import_onnx.h"

/* Since 6 batch normalisation, dropout and clip mean what they do now; 25 is the newest of the vectors tested with. */
#define OPSET_LEAST 6
#define OPSET_MOST 25
#define INPUTS_MOST 1024
/* A node becomes two layers at most, and a change of scale behind each. */
#define LAYERS_PER_NODE 4

/* ---- names ---- */

struct onnx_names {
    uint32_t *slots; /* value + 1, or 0 */
    size_t mask;     /* number of slots less 1, a power of two */
    struct taken {
        char name[BT_MAX_NAME + 1];
        uint32_t next; /* number that makes it unique; 0: an empty slot */
    } * taken;
    size_t taken_slots;
};

static enum bt_status names_new(struct onnx_import *im, size_t most)
{
    size_t slots = 16;
    while (slots < 2 * most) {
        slots *= 2;
    }
    im->names = onnx_take(im, 1, sizeof(*im->names));
    im->values = onnx_take(im, most > 0 ? most : 1, sizeof(*im->values));
    if (im->names == NULL || im->values == NULL) {
        return onnx_no_memory(im);
    }
    const size_t layers = LAYERS_PER_NODE * im->model->graph->n_node + im->model->graph->n_output + 1;
    im->layer_room = layers < BT_MAX_NODES ? (uint32_t)layers : BT_MAX_NODES;
    im->names->slots = onnx_take(im, slots, sizeof(*im->names->slots));
    im->names->mask = slots - 1;
    im->names->taken_slots = 2 * (size_t)im->layer_room;
    im->names->taken = onnx_take(im, im->names->taken_slots, sizeof(*im->names->taken));
    return im->names->slots != NULL && im->names->taken != NULL ? BT_OK : onnx_no_memory(im);
}

/* The slot of a name, or the empty one where it belongs. */
static uint32_t *slot_of(const struct onnx_import *im, const char *name)
{
    const struct onnx_names *names = im->names;
    size_t i = (size_t)XXH3_64bits(name, strlen(name)) & names->mask;
    while (names->slots[i] != 0 && strcmp(im->values[names->slots[i] - 1].name, name) != 0) {
        i = (i + 1) & names->mask;
    }
    return &names->slots[i];
}

static struct onnx_value *find(const struct onnx_import *im, const char *name)
{
    const uint32_t slot = *slot_of(im, name);
    return slot != 0 ? &im->values[slot - 1] : NULL;
}

/* NULL: there is one of that name. */
static struct onnx_value *define(struct onnx_import *im, const char *name)
{
    uint32_t *slot = slot_of(im, name);
    if (*slot != 0) {
        return NULL;
    }
    struct onnx_value *value = &im->values[im->value_count++];
    *slot = im->value_count;
    value->name = name;
    value->producer = -1;
    value->reader = -1;
    return value;
}

struct onnx_value *onnx_input(const struct onnx_import *im, size_t index)
{
    return index < im->node->n_input && im->node->input[index][0] != '\0' ? find(im, im->node->input[index]) : NULL;
}

struct onnx_value *onnx_output(const struct onnx_import *im, size_t index)
{
    return index < im->node->n_output && im->node->output[index][0] != '\0' ? find(im, im->node->output[index]) : NULL;
}

enum bt_status onnx_optional_input(struct onnx_import *im, size_t index, const char *what,
                                   const struct onnx_const **constant)
{
    const struct onnx_value *value = onnx_input(im, index);
    *constant = NULL;
    if (value == NULL) {
        return BT_OK;
    }
    if (value->kind != ONNX_CONST) {
        return onnx_refuse(im, "%s '%.47s' is computed: expected a constant", what, value->name);
    }
    *constant = &value->constant;
    return BT_OK;
}

enum bt_status onnx_const_input(struct onnx_import *im, size_t index, const char *what,
                                const struct onnx_const **constant)
{
    const enum bt_status status = onnx_optional_input(im, index, what, constant);
    return status == BT_OK && *constant == NULL ? onnx_refuse(im, "%s missing: expected a constant", what) : status;
}

/* The slot of a layer's name, or the empty one where it belongs. */
static struct taken *taken_of(struct onnx_names *names, const char *name)
{
    size_t i = (size_t)XXH3_64bits(name, strlen(name)) % names->taken_slots;
    while (names->taken[i].next != 0 && strcmp(names->taken[i].name, name) != 0) {
        i = (i + 1) % names->taken_slots;
    }
    return &names->taken[i];
}

void onnx_unique_name(struct onnx_import *im, const char *base, const char *suffix, char name[BT_MAX_NAME + 1])
{
    char number[16] = "";
    base += base[0] == '/' && base[1] != '\0' ? 1 : 0; /* PyTorch's names are paths from the root */
    struct taken *first = NULL;                        /* without a number: it knows how far they have come */
    for (;;) { /* ends: the numbers of one name rise, and there are more slots than names */
        const size_t room = BT_MAX_NAME - strlen(suffix) - strlen(number);
        size_t length = 0;
        for (; length < room && base[length] != '\0'; length++) {
            const unsigned char c = (unsigned char)base[length];
            name[length] = (char)((c < 0x80 && isalnum(c) != 0) || strchr("_.-", c) != NULL ? c : '_');
        }
        (void)snprintf(name + length, BT_MAX_NAME + 1 - length, "%s%s", suffix, number);
        struct taken *slot = taken_of(im->names, name);
        if (slot->next == 0) {
            memcpy(slot->name, name, BT_MAX_NAME + 1);
            slot->next = 2;
            return;
        }
        first = first == NULL ? slot : first;
        (void)snprintf(number, sizeof(number), "_%" PRIu32, first->next++);
    }
}

/* ---- which nodes matter, and in which order ---- */

static enum bt_status check_model(struct onnx_import *im)
{
    const Onnx__ModelProto *model = im->model;
    if (model->graph == NULL) {
        return onnx_refuse(im, "no ONNX model: expected a graph in it");
    }
    if (model->n_functions > 0) {
        return onnx_refuse(im, "functions of its own: expected a model without");
    }
    if (model->graph->n_sparse_initializer > 0) {
        return onnx_refuse(im, "sparse initializers: expected dense ones");
    }
    if (model->graph->n_node > ONNX_NODES_MOST) {
        return onnx_refuse(im, "%zu nodes: expected at most %d", model->graph->n_node, ONNX_NODES_MOST);
    }
    im->opset = 0;
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *set = model->opset_import[i];
        if (set->domain == NULL || set->domain[0] == '\0' || strcmp(set->domain, "ai.onnx") == 0) {
            im->opset = set->version;
        }
    }
    if (im->opset < OPSET_LEAST || im->opset > OPSET_MOST) {
        return onnx_refuse(im, "operator set %" PRId64 ": expected %d to %d", im->opset, OPSET_LEAST, OPSET_MOST);
    }
    return BT_OK;
}

/* Initializers, inputs, and what the nodes put out. */
static enum bt_status define_values(struct onnx_import *im, struct onnx_value **input)
{
    const Onnx__GraphProto *graph = im->model->graph;
    size_t most = graph->n_initializer + graph->n_input;
    for (size_t i = 0; i < graph->n_node; i++) {
        most += graph->node[i]->n_output;
    }
    enum bt_status status = names_new(im, most);
    for (size_t i = 0; status == BT_OK && i < graph->n_initializer; i++) {
        const char *name = graph->initializer[i]->name != NULL ? graph->initializer[i]->name : "";
        struct onnx_value *value = define(im, name);
        if (value == NULL) {
            return onnx_refuse(im, "initializer '%.47s' twice: expected it once", name);
        }
        value->kind = ONNX_TENSOR;
        value->tensor = graph->initializer[i];
    }
    for (size_t i = 0; status == BT_OK && i < graph->n_input; i++) {
        const char *name = graph->input[i]->name != NULL ? graph->input[i]->name : "";
        struct onnx_value *value = define(im, name);
        if (value != NULL && *input != NULL) {
            return onnx_refuse(im, "inputs '%.47s' and '%.47s': expected one, and initializers for the others",
                               (*input)->name, name);
        }
        if (value != NULL) {
            value->kind = ONNX_LAYER;
            *input = value;
        }
    }
    if (status == BT_OK && *input == NULL) {
        return onnx_refuse(im, "no input: expected one");
    }
    for (size_t i = 0; status == BT_OK && i < graph->n_node; i++) {
        im->node = graph->node[i];
        for (size_t k = 0; k < im->node->n_output; k++) {
            struct onnx_value *value = im->node->output[k][0] != '\0' ? define(im, im->node->output[k]) : NULL;
            if (value == NULL && im->node->output[k][0] != '\0') {
                return onnx_refuse(im, "output '%.47s' is there already: expected a name of its own",
                                   im->node->output[k]);
            }
            if (value != NULL) {
                value->producer = (int32_t)i;
            }
        }
    }
    im->node = NULL;
    return status;
}

/* Depth first from the outputs, without recursion. */
struct visit {
    uint32_t node;
    size_t at; /* next input */
};
enum { NEW, OPEN, DONE };

static enum bt_status visit(struct onnx_import *im, uint32_t root, unsigned char *states, struct visit *stack,
                            uint32_t *order, uint32_t *count)
{
    const Onnx__GraphProto *graph = im->model->graph;
    size_t depth = 0;
    if (states[root] != NEW) {
        return BT_OK;
    }
    states[root] = OPEN;
    stack[depth++] = (struct visit){.node = root};
    while (depth > 0) {
        struct visit *top = &stack[depth - 1];
        im->node = graph->node[top->node];
        if (top->at == im->node->n_input) {
            states[top->node] = DONE;
            order[(*count)++] = top->node;
            depth--;
            continue;
        }
        const size_t at = top->at++;
        const struct onnx_value *value = onnx_input(im, at);
        if (value == NULL && im->node->input[at][0] != '\0') {
            return onnx_refuse(im, "input '%.47s': expected an initializer, or the output of a node",
                               im->node->input[at]);
        }
        if (value != NULL && value->producer >= 0) {
            if (states[value->producer] == OPEN) {
                return onnx_refuse(im, "input '%.47s' depends on this node itself: expected no cycle", value->name);
            }
            if (states[value->producer] == NEW) {
                states[value->producer] = OPEN;
                stack[depth++] = (struct visit){.node = (uint32_t)value->producer};
            }
        }
    }
    im->node = NULL;
    return BT_OK;
}

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Nodes that the outputs depend on: in the order of the file where that will do. */
static enum bt_status sort_nodes(struct onnx_import *im, uint32_t **order, uint32_t *count)
{
    const Onnx__GraphProto *graph = im->model->graph;
    const size_t nodes = graph->n_node + 1;
    unsigned char *states = onnx_take(im, nodes, 1);
    struct visit *stack = onnx_take(im, nodes, sizeof(*stack));
    uint32_t *needed = onnx_take(im, nodes, sizeof(*needed));
    *order = onnx_take(im, nodes, sizeof(**order));
    if (states == NULL || stack == NULL || needed == NULL || *order == NULL) {
        return onnx_no_memory(im);
    }
    uint32_t needed_count = 0;
    for (size_t i = 0; i < graph->n_output; i++) {
        const char *name = graph->output[i]->name != NULL ? graph->output[i]->name : "";
        struct onnx_value *value = find(im, name);
        if (value == NULL) {
            return onnx_refuse(im, "output '%.47s': expected one that a node puts out", name);
        }
        value->readers++;
        if (value->producer >= 0) {
            const enum bt_status status = visit(im, (uint32_t)value->producer, states, stack, needed, &needed_count);
            if (status != BT_OK) {
                return status;
            }
        }
    }
    if (graph->n_output == 0) {
        return onnx_refuse(im, "no output: expected one at least");
    }
    qsort(needed, needed_count, sizeof(*needed), by_number);
    memset(states, NEW, nodes);
    for (uint32_t i = 0; i < needed_count; i++) {
        const enum bt_status status = visit(im, needed[i], states, stack, *order, count);
        if (status != BT_OK) {
            return status;
        }
    }
    return BT_OK;
}

static void count_readers(struct onnx_import *im, const uint32_t *order, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        im->node = im->model->graph->node[order[i]];
        const char *type = im->node->op_type != NULL ? im->node->op_type : "";
        const bool qdq = strcmp(type, "QuantizeLinear") == 0 || strcmp(type, "DequantizeLinear") == 0;
        const bool qoperator = strncmp(type, "QLinear", 7) == 0 || strcmp(type, "QGemm") == 0;
        im->has_qdq |= qdq;
        im->has_qoperator |= qoperator;
        const bool reads = strcmp(type, "Shape") != 0; /* not the values */
        for (size_t k = 0; reads && k < im->node->n_input; k++) {
            struct onnx_value *value = onnx_input(im, k);
            if (value != NULL) {
                value->readers++;
                value->reader = (int32_t)order[i];
            }
        }
    }
    im->int8 = im->has_qdq || im->has_qoperator;
    im->node = NULL;
}

/* ---- the input ---- */

static bool moves_channels_first(const struct onnx_import *im)
{
    static const int64_t perm[] = {0, 3, 1, 2};
    const Onnx__AttributeProto *attribute = onnx_attribute(im, "perm");
    return im->node->op_type != NULL && strcmp(im->node->op_type, "Transpose") == 0 && attribute != NULL &&
           attribute->n_ints == 4 && memcmp(attribute->ints, perm, sizeof(perm)) == 0;
}

/* Models from TensorFlow take [n][h][w][c] and transpose first, perhaps behind a change of format. */
static bool is_channels_last(struct onnx_import *im, const struct onnx_value *input)
{
    static const char *const formats[] = {"QuantizeLinear", "DequantizeLinear", "Identity", "Cast"};
    bool last = false;
    for (unsigned step = 0; input != NULL && input->readers == 1 && input->reader >= 0 && step < 4; step++) {
        im->node = im->model->graph->node[input->reader];
        last = moves_channels_first(im);
        input = NULL;
        for (size_t i = 0; !last && i < sizeof(formats) / sizeof(formats[0]); i++) {
            if (im->node->op_type != NULL && strcmp(im->node->op_type, formats[i]) == 0) {
                input = onnx_output(im, 0);
            }
        }
    }
    im->node = NULL;
    return last;
}

static enum bt_status add_input(struct onnx_import *im, const Onnx__ValueInfoProto *info, struct onnx_value *value)
{
    const Onnx__TypeProto__Tensor *type =
        info->type != NULL && info->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ? info->type->tensor_type
                                                                                            : NULL;
    if (type == NULL || type->shape == NULL) {
        return onnx_refuse(im, "input '%.47s' without a shape: expected a tensor of 2 to 4 dimensions", value->name);
    }
    value->codes = type->elem_type == ONNX__TENSOR_PROTO__DATA_TYPE__INT8 ||
                   type->elem_type == ONNX__TENSOR_PROTO__DATA_TYPE__UINT8;
    value->is_unsigned = type->elem_type == ONNX__TENSOR_PROTO__DATA_TYPE__UINT8;
    im->int8 |= value->codes;
    if (!value->codes && type->elem_type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT) {
        return onnx_refuse(im, "input '%.47s' of element type %" PRId32 ": expected float, int8 or uint8", value->name,
                           type->elem_type);
    }
    const size_t rank = type->shape->n_dim;
    if (rank < 2 || rank > 4) {
        return onnx_refuse(im, "input '%.47s' of %zu dimensions: expected [n][c], [n][c][l] or [n][c][h][w]",
                           value->name, rank);
    }
    value->rank = (int32_t)rank;
    value->dims[0] = 1;
    im->batch = 1;
    for (size_t i = 0; i < rank; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = type->shape->dim[i];
        const bool stated = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        if (i == 0) {
            im->batch = stated && dim->dim_value > 0 ? dim->dim_value : 1;
            continue;
        }
        if (!stated || dim->dim_value < 1) {
            return onnx_refuse(im, "input '%.47s': dimension %zu is dynamic or 0: expected a fixed extent", value->name,
                               i);
        }
        value->dims[i] = dim->dim_value;
    }
    const bool last = rank == 4 && is_channels_last(im, value);
    const int64_t h = rank < 4 ? 1 : last ? value->dims[1] : value->dims[2];
    const int64_t w = rank < 3 ? 1 : last ? value->dims[2] : value->dims[rank - 1];
    const int64_t c = last ? value->dims[3] : value->dims[1];
    enum bt_status status = onnx_add_layer(im, BT_OP_INPUT, value->name, "", 0, false, &value->layer);
    if (status == BT_OK) {
        status = onnx_set_shape(im, value->layer, h, w, c);
    }
    value->order = last ? ONNX_HWC : ONNX_CHW;
    value->sole = true;
    value->dequantised = false;
    return status;
}

/* ---- the nodes ---- */

static const struct {
    const char *type;
    bool microsoft; /* of onnxruntime's own domain */
    uint32_t least, most;
    onnx_handler *handler;
} operators[] = {
    {"Add", false, 2, 2, onnx_add},
    {"AveragePool", false, 1, 1, onnx_average_pool},
    {"BatchNormalization", false, 5, 5, onnx_batch_norm},
    {"Cast", false, 1, 1, onnx_cast},
    {"Clip", false, 1, 3, onnx_clip},
    {"Concat", false, 1, INPUTS_MOST, onnx_concat},
    {"Constant", false, 0, 0, onnx_constant},
    {"ConstantOfShape", false, 1, 1, onnx_constant_of_shape},
    {"Conv", false, 2, 3, onnx_conv},
    {"DequantizeLinear", false, 2, 3, onnx_dequantize},
    {"DequantizeLinear", true, 2, 3, onnx_dequantize},
    {"Div", false, 2, 2, onnx_div},
    {"Dropout", false, 1, 3, onnx_identity},
    {"Flatten", false, 1, 1, onnx_flatten},
    {"Gather", false, 2, 2, onnx_gather},
    {"Gemm", false, 2, 3, onnx_gemm},
    {"GlobalAveragePool", false, 1, 1, onnx_global_average_pool},
    {"GlobalMaxPool", false, 1, 1, onnx_global_max_pool},
    {"HardSigmoid", false, 1, 1, onnx_hard_sigmoid},
    {"HardSwish", false, 1, 1, onnx_hard_swish},
    {"Identity", false, 1, 1, onnx_identity},
    {"LeakyRelu", false, 1, 1, onnx_leaky_relu},
    {"MatMul", false, 2, 2, onnx_matmul},
    {"MaxPool", false, 1, 1, onnx_max_pool},
    {"Mul", false, 2, 2, onnx_mul},
    {"PRelu", false, 2, 2, onnx_prelu},
    {"Pad", false, 1, 4, onnx_pad},
    {"QGemm", true, 8, 9, onnx_qgemm},
    {"QLinearAdd", true, 7, 8, onnx_qlinear_add},
    {"QLinearAveragePool", true, 4, 5, onnx_qlinear_average_pool},
    {"QLinearConcat", true, 5, INPUTS_MOST, onnx_qlinear_concat},
    {"QLinearConv", false, 8, 9, onnx_qlinear_conv},
    {"QLinearGlobalAveragePool", true, 5, 5, onnx_qlinear_global_average_pool},
    {"QLinearLeakyRelu", true, 4, 5, onnx_qlinear_leaky_relu},
    {"QLinearMatMul", false, 8, 8, onnx_qlinear_matmul},
    {"QLinearMul", true, 7, 8, onnx_qlinear_mul},
    {"QLinearSigmoid", true, 4, 5, onnx_qlinear_sigmoid},
    {"QLinearSoftmax", true, 5, 5, onnx_qlinear_softmax},
    {"QuantizeLinear", false, 2, 3, onnx_quantize},
    {"QuantizeLinear", true, 2, 3, onnx_quantize},
    {"ReduceMean", false, 1, 2, onnx_reduce_mean},
    {"Relu", false, 1, 1, onnx_relu},
    {"Reshape", false, 1, 2, onnx_reshape},
    {"Resize", false, 1, 4, onnx_resize},
    {"Shape", false, 1, 1, onnx_shape},
    {"Sigmoid", false, 1, 1, onnx_sigmoid},
    {"Slice", false, 1, 5, onnx_slice},
    {"Softmax", false, 1, 1, onnx_softmax},
    {"Split", false, 1, 2, onnx_split},
    {"Squeeze", false, 1, 2, onnx_squeeze},
    {"Sub", false, 2, 2, onnx_sub},
    {"Sum", false, 2, 2, onnx_add},
    {"Tanh", false, 1, 1, onnx_tanh},
    {"Transpose", false, 1, 1, onnx_transpose},
    {"Unsqueeze", false, 1, 2, onnx_unsqueeze},
    {"Upsample", false, 1, 2, onnx_upsample},
};

static enum bt_status take_node(struct onnx_import *im)
{
    const Onnx__NodeProto *node = im->node;
    const char *type = node->op_type != NULL ? node->op_type : "";
    const char *domain = node->domain != NULL ? node->domain : "";
    const bool standard = domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0;
    const bool microsoft = strcmp(domain, "com.microsoft") == 0;
    size_t op = 0;
    const size_t ops = sizeof(operators) / sizeof(operators[0]);
    while (op < ops && (strcmp(operators[op].type, type) != 0 || !(operators[op].microsoft ? microsoft : standard))) {
        op++;
    }
    if (op == ops) {
        return onnx_refuse(im, "operator of domain '%.40s': expected one of those that an import knows",
                           standard ? "ai.onnx" : domain);
    }
    if (node->n_input < operators[op].least || node->n_input > operators[op].most || node->n_output < 1) {
        return onnx_refuse(im, "%zu inputs, %zu outputs: expected %u to %u inputs and an output", node->n_input,
                           node->n_output, (unsigned)operators[op].least, (unsigned)operators[op].most);
    }
    bool all_const = node->n_input > 0;
    for (size_t i = 0; i < node->n_input; i++) {
        struct onnx_value *value = onnx_input(im, i);
        if (value == NULL) {
            continue;
        }
        if (value->kind == ONNX_TENSOR) {
            const enum bt_status status = onnx_read_tensor(im, value->name, value->tensor, &value->constant);
            if (status != BT_OK) {
                return status;
            }
            value->kind = ONNX_CONST;
        }
        all_const = all_const && value->kind == ONNX_CONST;
    }
    bool done = false;
    enum bt_status status = all_const ? onnx_fold(im, &done) : BT_OK;
    if (status == BT_OK && !done) {
        status = operators[op].handler(im);
    }
    for (size_t i = 0; status == BT_OK && i < node->n_output; i++) {
        const struct onnx_value *value = onnx_output(im, i);
        if (value != NULL && value->readers > 0 && value->kind == ONNX_UNKNOWN) {
            return onnx_refuse(im, "output %zu is used: expected no use of it", i);
        }
    }
    return status;
}

/* ---- results: to the end, in the order of the file ---- */

static void count_layer_readers(struct onnx_import *im)
{
    for (uint32_t i = 0; i < im->layer_count; i++) {
        im->layers[i].readers = 0;
    }
    for (uint32_t i = 0; i < im->layer_count; i++) {
        for (uint32_t k = 0; k < im->layers[i].input_count; k++) {
            im->layers[im->layers[i].inputs[k]].readers++;
        }
    }
}

/* Results, each a layer that nobody reads. */
static enum bt_status find_results(struct onnx_import *im, uint32_t *results, uint32_t *count)
{
    const Onnx__GraphProto *graph = im->model->graph;
    count_layer_readers(im);
    for (size_t i = 0; i < graph->n_output; i++) {
        const struct onnx_value *value = find(im, graph->output[i]->name != NULL ? graph->output[i]->name : "");
        if (value == NULL || value->kind != ONNX_LAYER) {
            return onnx_refuse(im, "output '%.47s' is a constant: expected one that depends on the input",
                               value != NULL ? value->name : "");
        }
        if (value->gate != BT_ACT_NONE || value->pad[0] + value->pad[1] + value->pad[2] + value->pad[3] > 0) {
            return onnx_refuse(im, "output '%.47s': expected no padding or gate as a result", value->name);
        }
        uint32_t layer = value->layer;
        if (im->layers[layer].result) {
            continue;
        }
        im->layers[layer].result = true;
        if (layer == 0 || im->layers[layer].readers > 0) {
            const enum bt_status status =
                onnx_add_layer(im, BT_OP_SLICE, im->layers[layer].name, ".out", layer, true, &layer);
            if (status != BT_OK) {
                return status;
            }
        }
        results[(*count)++] = layer;
    }
    return BT_OK;
}

static enum bt_status order_layers(struct onnx_import *im, const uint32_t *results, uint32_t count)
{
    uint32_t *place = onnx_take(im, im->layer_count, sizeof(*place)); /* new index + 1; 0: nobody needs it */
    struct onnx_layer *sorted = onnx_take(im, im->layer_count, sizeof(*sorted));
    bool *live = onnx_take(im, im->layer_count, sizeof(*live));
    if (place == NULL || sorted == NULL || live == NULL) {
        return onnx_no_memory(im);
    }
    live[0] = true;
    for (uint32_t i = 0; i < count; i++) {
        live[results[i]] = true;
        place[results[i]] = im->layer_count; /* at the end, set below */
    }
    for (uint32_t i = im->layer_count; i-- > 0;) {
        for (uint32_t k = 0; live[i] && k < im->layers[i].input_count; k++) {
            live[im->layers[i].inputs[k]] = true;
        }
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < im->layer_count; i++) {
        if (live[i] && place[i] == 0) {
            place[i] = ++at;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        place[results[i]] = ++at;
    }
    for (uint32_t i = 0; i < im->layer_count; i++) {
        struct onnx_layer *layer = &im->layers[i];
        if (live[i]) {
            for (uint32_t k = 0; k < layer->input_count; k++) {
                layer->inputs[k] = place[layer->inputs[k]] - 1;
            }
            sorted[place[i] - 1] = *layer;
        } else {
            free(layer->weights);
            free(layer->bias);
            free(layer->codes);
            free(layer->code_bias);
        }
    }
    im->layers = sorted;
    im->layer_count = at;
    count_layer_readers(im);
    return BT_OK;
}

enum bt_status onnx_walk(struct onnx_import *im)
{
    struct onnx_value *input = NULL;
    uint32_t *order = NULL;
    uint32_t count = 0;
    enum bt_status status = check_model(im);
    if (status == BT_OK) {
        status = define_values(im, &input);
    }
    if (status == BT_OK) {
        status = sort_nodes(im, &order, &count);
    }
    im->layers = status == BT_OK ? onnx_take(im, im->layer_room, sizeof(*im->layers)) : NULL;
    uint32_t *results = im->layers != NULL ? onnx_take(im, im->layer_room, sizeof(*results)) : NULL;
    if (status != BT_OK || results == NULL || input == NULL) {
        return status != BT_OK ? status : onnx_no_memory(im);
    }
    count_readers(im, order, count);
    for (size_t i = 0; i < im->model->graph->n_input; i++) {
        const Onnx__ValueInfoProto *info = im->model->graph->input[i];
        if (info->name != NULL ? strcmp(info->name, input->name) == 0 : input->name[0] == '\0') {
            status = add_input(im, info, input);
            break;
        }
    }
    for (uint32_t i = 0; status == BT_OK && i < count; i++) {
        im->node = im->model->graph->node[order[i]];
        status = take_node(im);
    }
    if (status != BT_OK) {
        return status;
    }
    im->node = NULL;
    uint32_t result_count = 0;
    status = find_results(im, results, &result_count);
    return status == BT_OK ? order_layers(im, results, result_count) : status;
}
