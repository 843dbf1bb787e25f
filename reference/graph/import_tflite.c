#include "reference/graph/import_tflite.h"

#include <float.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference/graph/tflite_schema.h"

#define MOST_ELEMS (INT64_C(1) << 28)
/* What the import may hold: enough for per-channel parameters and float copies of all that is in a file. */
#define ROOM_FIXED (UINT64_C(8) << 20)
#define ROOM_TIMES 64

/* ---- messages, memory ---- */

void bt_tfl_complain(const struct bt_tfl_import *import, const char *fmt, ...)
{
    char text[384];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)bt_fail(import->err, BT_EINPUT, "%.47s: %s%s", import->name, import->where, text);
}

enum bt_status bt_tfl_take(struct bt_tfl_import *import, uint64_t count, size_t bytes, void **memory)
{
    *memory = NULL;
    if (count > import->room / bytes) {
        return bt_tfl_refuse(import, "its graph takes more memory than a file of %zu bytes may cost: expected less",
                             import->file.bytes);
    }
    import->room -= count * bytes;
    *memory = calloc(count > 0 ? (size_t)count : 1, bytes);
    if (*memory == NULL) {
        (void)bt_fail(import->err, BT_ENOMEM, "%.47s: no memory for the model", import->name);
        return BT_ENOMEM;
    }
    return BT_OK;
}

enum bt_status bt_tfl_damaged(const struct bt_tfl_import *import)
{
    return bt_tfl_refuse(import, "byte %zu: %s: expected a whole TFLite file", import->file.damage_at,
                         import->file.damage);
}

/* The first `bytes` of a text with what no name may have as '_'. */
void bt_tfl_sanitise(const unsigned char *from, size_t bytes, char *to, size_t room)
{
    size_t at = 0;
    for (; at < bytes && at + 1 < room; at++) {
        const unsigned char c = from[at];
        const bool good = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
                          c == '.' || c == '-';
        to[at] = good ? (char)c : '_';
    }
    to[at] = '\0';
}

static const char *type_name(int32_t type)
{
    static const char *const names[] = {TFL_TYPE_NAMES};
    return type >= 0 && (size_t)type < sizeof(names) / sizeof(names[0]) ? names[type] : "of an unknown type";
}

/* ---- tensors ---- */

/* The bytes that a tensor refers to; none where its value is computed. */
static enum bt_status look_buffer(struct bt_tfl_import *import, const struct bt_fb_table *table,
                                  struct bt_tfl_tensor *tensor)
{
    const int64_t index = bt_fb_integer(&import->file, table, TFL_TENSOR_BUFFER, 4, 0) & UINT32_MAX;
    if (index == 0) {
        return BT_OK;
    }
    if (index >= import->buffers.count) {
        return bt_tfl_refuse(import, "tensor '%s': buffer %lld: expected one of %u", tensor->name, (long long)index,
                             import->buffers.count);
    }
    const struct bt_fb_table buffer = bt_fb_table_element(&import->file, &import->buffers, (uint32_t)index);
    const struct bt_fb_vector data = bt_fb_vector(&import->file, &buffer, TFL_BUFFER_DATA, 1);
    const int64_t outside = bt_fb_integer(&import->file, &buffer, TFL_BUFFER_OFFSET, 8, 0);
    if (outside > 1 || outside < 0) {
        return bt_tfl_refuse(import, "tensor '%s': data outside the FlatBuffer: expected a vector", tensor->name);
    }
    if (data.count == 0) {
        return BT_OK;
    }
    const int64_t elem = tensor->type == TFL_INT8 ? 1 : 4;
    if (tensor->type != TFL_INT8 && tensor->type != TFL_INT32 && tensor->type != TFL_FLOAT32) {
        return bt_tfl_refuse(import, "tensor '%s': constant %s: expected INT8, INT32 or FLOAT32", tensor->name,
                             type_name(tensor->type));
    }
    const int64_t bytes = tensor->elems * elem;
    if (data.count != bytes) {
        return bt_tfl_refuse(import, "tensor '%s': buffer of %u bytes: expected %lld", tensor->name, data.count,
                             (long long)bytes);
    }
    tensor->data = import->file.data + data.at;
    return BT_OK;
}

static enum bt_status look_shape(struct bt_tfl_import *import, const struct bt_fb_table *table,
                                 struct bt_tfl_tensor *tensor)
{
    const struct bt_fb_vector shape = bt_fb_vector(&import->file, table, TFL_TENSOR_SHAPE, 4);
    const struct bt_fb_vector signature = bt_fb_vector(&import->file, table, TFL_TENSOR_SHAPE_SIGNATURE, 4);
    if (shape.count > BT_TFL_RANK) {
        return bt_tfl_refuse(import, "tensor '%s': %u dimensions: expected at most %d", tensor->name, shape.count,
                             BT_TFL_RANK);
    }
    tensor->rank = shape.count;
    tensor->elems = 1;
    for (uint32_t i = 0; i < shape.count; i++) {
        const int64_t extent = bt_fb_element(&import->file, &shape, i);
        if (extent < 1 || extent > BT_MAX_DIM) {
            return bt_tfl_refuse(import, "tensor '%s': dimension %u is %lld: expected 1 to %d", tensor->name, i,
                                 (long long)extent, BT_MAX_DIM);
        }
        tensor->dims[i] = (int32_t)extent;
        tensor->elems *= extent; /* 2^28 times 2^16 at most */
        if (tensor->elems > MOST_ELEMS) {
            return bt_tfl_refuse(import, "tensor '%s': more than %lld elements: expected a smaller one", tensor->name,
                                 (long long)MOST_ELEMS);
        }
    }
    if (signature.count > BT_TFL_RANK) {
        return bt_tfl_refuse(import, "tensor '%s': signature of %u dimensions: expected at most %d", tensor->name,
                             signature.count, BT_TFL_RANK);
    }
    for (uint32_t i = 1; i < signature.count; i++) { /* the first is the batch */
        if (bt_fb_element(&import->file, &signature, i) < 0) {
            return bt_tfl_refuse(import, "tensor '%s': dimension %u is dynamic: expected a fixed shape", tensor->name,
                                 i);
        }
    }
    return BT_OK;
}

/* A tensor of the subgraph, read when it is first asked for: what no operator uses need not be understood. */
enum bt_status bt_tfl_get_tensor(struct bt_tfl_import *import, int64_t index, struct bt_tfl_tensor **found)
{
    if (index < 0 || index >= import->tensor_tables.count) {
        return bt_tfl_refuse(import, "tensor %lld: expected one of %u", (long long)index, import->tensor_tables.count);
    }
    struct bt_tfl_tensor *tensor = &import->tensors[index];
    *found = tensor;
    if (tensor->looked) {
        return BT_OK;
    }
    struct bt_flatbuffer *file = &import->file;
    const struct bt_fb_table table = bt_fb_table_element(file, &import->tensor_tables, (uint32_t)index);
    const struct bt_fb_vector name = bt_fb_string(file, &table, TFL_TENSOR_NAME);
    bt_tfl_sanitise(file->data + name.at, name.count, tensor->name, sizeof(tensor->name));
    if (name.count == 0) {
        (void)snprintf(tensor->name, sizeof(tensor->name), "tensor_%u", (unsigned)index);
    }
    tensor->type = (int32_t)bt_fb_integer(file, &table, TFL_TENSOR_TYPE, 1, TFL_FLOAT32);
    enum bt_status status = look_shape(import, &table, tensor);
    if (status == BT_OK) {
        status = look_buffer(import, &table, tensor);
    }
    if (status != BT_OK) {
        return status;
    }
    const struct bt_fb_table sparsity = bt_fb_table(file, &table, TFL_TENSOR_SPARSITY);
    const struct bt_fb_table quantization = bt_fb_table(file, &table, TFL_TENSOR_QUANTIZATION);
    tensor->scales = bt_fb_vector(file, &quantization, TFL_QUANT_SCALE, 4);
    tensor->zps = bt_fb_vector(file, &quantization, TFL_QUANT_ZERO_POINT, 8);
    tensor->axis = bt_fb_integer(file, &quantization, TFL_QUANT_DIMENSION, 4, 0);
    const bool other = bt_fb_integer(file, &quantization, TFL_QUANT_DETAILS_TYPE, 1, 0) != 0;
    const bool variable = bt_fb_integer(file, &table, TFL_TENSOR_IS_VARIABLE, 1, 0) != 0;
    if (bt_flatbuffer_damaged(file)) {
        return bt_tfl_damaged(import);
    }
    if (sparsity.at != 0 || other || variable) {
        return bt_tfl_refuse(import, "tensor '%s' is %s: expected a plain one", tensor->name,
                             sparsity.at != 0 ? "sparse"
                             : variable       ? "a variable"
                                              : "quantised by a method of its own");
    }
    tensor->looked = true;
    return BT_OK;
}

float bt_tfl_scale(const struct bt_tfl_import *import, const struct bt_tfl_tensor *tensor, uint32_t channel)
{
    return bt_fb_float_element(&import->file, &tensor->scales, tensor->scales.count > 1 ? channel : 0);
}

enum bt_status bt_tfl_check_scales(const struct bt_tfl_import *import, const struct bt_tfl_tensor *tensor)
{
    for (uint32_t i = 0; i < tensor->scales.count; i++) {
        const float scale = bt_tfl_scale(import, tensor, i);
        if (!(scale >= FLT_MIN && scale <= BT_TFL_SCALE_MOST)) {
            return bt_tfl_refuse(import, "tensor '%s': scale %g: expected above 0, at most %g", tensor->name,
                                 (double)scale, (double)BT_TFL_SCALE_MOST);
        }
    }
    return BT_OK;
}

/* [1][h][w][c], [1][w][c], [1][c] or [c]. */
enum bt_status bt_tfl_shape_of(const struct bt_tfl_import *import, const struct bt_tfl_tensor *tensor, int32_t *h,
                               int32_t *w, int32_t *c)
{
    const uint32_t rank = tensor->rank;
    if (rank == 0) {
        return bt_tfl_refuse(import, "tensor '%s' is a scalar: expected [1][h][w][c] or [1][c]", tensor->name);
    }
    if (rank > 1 && tensor->dims[0] != 1) {
        return bt_tfl_refuse(import, "tensor '%s': batch of %d: expected 1", tensor->name, (int)tensor->dims[0]);
    }
    *h = rank == 4 ? tensor->dims[1] : 1;
    *w = rank >= 3 ? tensor->dims[rank - 2] : 1;
    *c = tensor->dims[rank - 1];
    return BT_OK;
}

/* One scale and zero point of a computed int8 tensor. */
enum bt_status bt_tfl_format_of(const struct bt_tfl_import *import, const struct bt_tfl_tensor *tensor, double *scale,
                                int32_t *zp)
{
    if (tensor->scales.count != 1 || tensor->zps.count > 1) {
        return bt_tfl_refuse(import, "tensor '%s': %u scales, %u zero points: expected one of each", tensor->name,
                             tensor->scales.count, tensor->zps.count);
    }
    const int64_t zero = tensor->zps.count == 0 ? 0 : bt_fb_element(&import->file, &tensor->zps, 0);
    if (zero < INT8_MIN || zero > INT8_MAX) {
        return bt_tfl_refuse(import, "tensor '%s': zero point %lld: expected -128 to 127", tensor->name,
                             (long long)zero);
    }
    *scale = (double)bt_tfl_scale(import, tensor, 0);
    *zp = (int32_t)zero;
    return bt_tfl_check_scales(import, tensor);
}

enum bt_status bt_tfl_check_type(const struct bt_tfl_import *import, const struct bt_tfl_tensor *tensor, int32_t type)
{
    return tensor->type == type ? BT_OK
                                : bt_tfl_refuse(import, "tensor '%s' is %s: expected %s", tensor->name,
                                                type_name(tensor->type), type_name(type));
}

bool bt_tfl_is_padded(const struct bt_tfl_tensor *tensor)
{
    return (tensor->pad_top | tensor->pad_bottom | tensor->pad_left | tensor->pad_right) != 0;
}

/* ---- names ---- */

static bool name_taken(const struct bt_tfl_import *import, const char *name)
{
    for (uint32_t i = 0; i < import->count; i++) {
        if (strcmp(import->nodes[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The base, cut so that the ending fits, with a number where another node has the name: numbers are never tried twice. */
void bt_tfl_give_name(struct bt_tfl_import *import, struct bt_tfl_node *node, const char *base, const char *ending)
{
    char tail[32];
    char name[sizeof(node->name)];
    (void)snprintf(tail, sizeof(tail), "%s", ending);
    for (;;) {
        const int most = (int)(sizeof(name) - 1 - strlen(tail));
        (void)snprintf(name, sizeof(name), "%.*s%s", most, base, tail);
        if (!name_taken(import, name)) {
            break;
        }
        (void)snprintf(tail, sizeof(tail), "_%u%s", ++import->numbered, ending);
    }
    memcpy(node->name, name, sizeof(name));
}

/* ---- the subgraph ---- */

enum bt_status bt_tfl_open_call(struct bt_tfl_import *import, uint32_t index, struct bt_fb_table *table,
                                struct bt_tfl_call *call)
{
    *table = bt_fb_table_element(&import->file, &import->operators, index);
    call->inputs = bt_fb_vector(&import->file, table, TFL_OPERATOR_INPUTS, 4);
    call->outputs = bt_fb_vector(&import->file, table, TFL_OPERATOR_OUTPUTS, 4);
    call->options = bt_fb_table(&import->file, table, TFL_OPERATOR_OPTIONS);
    if (bt_flatbuffer_damaged(&import->file)) {
        return bt_tfl_damaged(import);
    }
    if (call->inputs.count > BT_TFL_ARGUMENTS || call->outputs.count > BT_TFL_ARGUMENTS) {
        return bt_tfl_refuse(import, "operator %u: %u inputs, %u outputs: expected at most %d of each", index,
                             call->inputs.count, call->outputs.count, BT_TFL_ARGUMENTS);
    }
    return BT_OK;
}

static void count_readers(struct bt_tfl_import *import, const struct bt_fb_vector *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const int64_t index = bt_fb_element(&import->file, list, i);
        if (index >= 0 && index < import->tensor_tables.count) {
            import->tensors[index].readers++;
        }
    }
}

/* Who reads what, whether anything puts out int8, and how many nodes there can be. */
static enum bt_status survey(struct bt_tfl_import *import)
{
    uint64_t outputs = 1;
    struct bt_fb_table table = {0};
    struct bt_tfl_call call = {0};
    count_readers(import, &import->outputs);
    for (uint32_t i = 0; i < import->operators.count; i++) {
        enum bt_status status = bt_tfl_open_call(import, i, &table, &call);
        if (status != BT_OK) {
            return status;
        }
        outputs += call.outputs.count;
        count_readers(import, &call.inputs);
        for (uint32_t k = 0; k < call.outputs.count; k++) {
            const int64_t index = bt_fb_element(&import->file, &call.outputs, k);
            if (index >= 0 && index < import->tensor_tables.count) {
                const struct bt_fb_table tensor =
                    bt_fb_table_element(&import->file, &import->tensor_tables, (uint32_t)index);
                import->quantised |= bt_fb_integer(&import->file, &tensor, TFL_TENSOR_TYPE, 1, 0) == TFL_INT8;
            }
        }
    }
    if (outputs > BT_MAX_NODES) {
        return bt_tfl_refuse(import, "%llu nodes: expected at most %d", (unsigned long long)outputs, BT_MAX_NODES);
    }
    import->capacity = (uint32_t)outputs;
    void *memory = NULL;
    const enum bt_status status = bt_tfl_take(import, import->capacity, sizeof(*import->nodes), &memory);
    import->nodes = memory;
    return status;
}

static enum bt_status add_input(struct bt_tfl_import *import)
{
    struct bt_tfl_tensor *tensor = NULL;
    enum bt_status status = bt_tfl_get_tensor(import, bt_fb_element(&import->file, &import->inputs, 0), &tensor);
    if (status != BT_OK) {
        return status;
    }
    struct bt_tfl_node *node = &import->nodes[0];
    import->input = (uint32_t)(tensor - import->tensors);
    node->op = BT_OP_INPUT;
    if (tensor->data != NULL) {
        return bt_tfl_refuse(import, "input '%s' is a constant: expected one without data", tensor->name);
    }
    if (tensor->type != TFL_FLOAT32) {
        status = bt_tfl_check_type(import, tensor, import->quantised ? TFL_INT8 : TFL_FLOAT32);
    }
    if (status == BT_OK) {
        status = bt_tfl_shape_of(import, tensor, &node->h, &node->w, &node->c);
    }
    if (status == BT_OK && tensor->type == TFL_INT8) {
        status = bt_tfl_format_of(import, tensor, &node->scale, &node->zp);
    }
    if (status == BT_OK) {
        import->input_formatted = tensor->type == TFL_INT8;
        bt_tfl_give_name(import, node, tensor->name, "");
        tensor->node = 0;
        import->count = 1;
    }
    return status;
}

/* Marks what the outputs need, and puts the nodes that are put out behind all others, in the file's order. */
static enum bt_status order_nodes(struct bt_tfl_import *import, uint32_t *places)
{
    const uint32_t count = import->count;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < import->outputs.count; i++) {
        struct bt_tfl_tensor *tensor = NULL;
        const enum bt_status status =
            bt_tfl_get_tensor(import, bt_fb_element(&import->file, &import->outputs, i), &tensor);
        if (status != BT_OK) {
            return status;
        }
        if (tensor->node < 1 || bt_tfl_is_padded(tensor) || import->nodes[tensor->node].live) {
            return bt_tfl_refuse(import, "output '%s' %s: expected the result of an operator", tensor->name,
                                 tensor->node == 0          ? "is the input"
                                 : tensor->node < 0         ? "is computed by no operator"
                                 : bt_tfl_is_padded(tensor) ? "is put out by PAD"
                                                            : "is another output, too");
        }
        import->nodes[tensor->node].live = true;
        places[tensor->node] = UINT32_MAX; /* taken, for now */
    }
    import->nodes[0].live = true;
    for (uint32_t i = count; i > 0; i--) {
        const struct bt_tfl_node *node = &import->nodes[i - 1];
        for (uint32_t k = 0; node->live && k < node->input_count; k++) {
            import->nodes[node->inputs[k]].live = true;
            if (places[node->inputs[k]] == UINT32_MAX) {
                return bt_tfl_refuse(import, "output '%s' is read by '%s': expected outputs that nothing reads",
                                     import->nodes[node->inputs[k]].name, node->name);
            }
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (import->nodes[i].live && places[i] != UINT32_MAX) {
            places[i] = kept++;
        }
    }
    for (uint32_t i = 0; i < import->outputs.count; i++) {
        places[import->tensors[bt_fb_element(&import->file, &import->outputs, i)].node] = kept++;
    }
    struct bt_tfl_node *sorted = NULL;
    void *memory = NULL;
    const enum bt_status status = bt_tfl_take(import, kept, sizeof(*sorted), &memory);
    if (status != BT_OK) {
        return status;
    }
    sorted = memory;
    for (uint32_t i = 0; i < count; i++) {
        struct bt_tfl_node *node = &import->nodes[i];
        for (uint32_t k = 0; node->live && k < node->input_count; k++) {
            node->inputs[k] = places[node->inputs[k]];
        }
        if (node->live) {
            sorted[places[i]] = *node;
        }
    }
    free(import->nodes);
    import->nodes = sorted;
    import->count = kept;
    return BT_OK;
}

static enum bt_status sort_nodes(struct bt_tfl_import *import)
{
    void *places = NULL;
    enum bt_status status = bt_tfl_take(import, import->count, sizeof(uint32_t), &places);
    if (status == BT_OK) {
        status = order_nodes(import, places);
    }
    free(places);
    return status;
}

/* The lists of the file's one subgraph. */
static enum bt_status open_model(struct bt_tfl_import *import, const unsigned char *data, size_t bytes)
{
    struct bt_flatbuffer *file = &import->file;
    const struct bt_fb_table root = bt_flatbuffer_open(file, data, bytes, TFL_IDENTIFIER);
    const int64_t version = bt_fb_integer(file, &root, TFL_MODEL_VERSION, 4, 0);
    const struct bt_fb_vector subgraphs = bt_fb_vector(file, &root, TFL_MODEL_SUBGRAPHS, 4);
    import->codes = bt_fb_vector(file, &root, TFL_MODEL_CODES, 4);
    import->buffers = bt_fb_vector(file, &root, TFL_MODEL_BUFFERS, 4);
    if (bt_flatbuffer_damaged(file)) {
        return bt_tfl_damaged(import);
    }
    if (version != TFL_VERSION) {
        return bt_tfl_refuse(import, "schema version %lld: expected %d", (long long)version, TFL_VERSION);
    }
    if (subgraphs.count != 1) {
        return bt_tfl_refuse(import, "%u subgraphs: expected one", subgraphs.count);
    }
    const struct bt_fb_table subgraph = bt_fb_table_element(file, &subgraphs, 0);
    import->tensor_tables = bt_fb_vector(file, &subgraph, TFL_SUBGRAPH_TENSORS, 4);
    import->inputs = bt_fb_vector(file, &subgraph, TFL_SUBGRAPH_INPUTS, 4);
    import->outputs = bt_fb_vector(file, &subgraph, TFL_SUBGRAPH_OUTPUTS, 4);
    import->operators = bt_fb_vector(file, &subgraph, TFL_SUBGRAPH_OPERATORS, 4);
    if (bt_flatbuffer_damaged(file)) {
        return bt_tfl_damaged(import);
    }
    if (import->inputs.count != 1 || import->outputs.count < 1 || import->outputs.count > BT_MAX_NODES) {
        return bt_tfl_refuse(import, "%u inputs, %u outputs: expected one, and at least one", import->inputs.count,
                             import->outputs.count);
    }
    if (import->operators.count < 1 || import->operators.count > BT_MAX_NODES) {
        return bt_tfl_refuse(import, "%u operators: expected 1 to %d", import->operators.count, BT_MAX_NODES);
    }
    void *memory = NULL;
    const enum bt_status status = bt_tfl_take(import, import->tensor_tables.count, sizeof(*import->tensors), &memory);
    import->tensors = memory;
    for (uint32_t i = 0; status == BT_OK && i < import->tensor_tables.count; i++) {
        import->tensors[i].node = -1;
    }
    return status;
}

static enum bt_status read_nodes(struct bt_tfl_import *import)
{
    enum bt_status status = survey(import);
    if (status == BT_OK) {
        status = add_input(import);
    }
    for (uint32_t i = 0; status == BT_OK && i < import->operators.count; i++) {
        status = bt_tfl_add_operator(import, i);
        if (status == BT_OK) {
            import->where[0] = '\0';
        }
    }
    if (status == BT_OK) {
        status = sort_nodes(import);
    }
    if (bt_flatbuffer_damaged(&import->file)) {
        status = bt_tfl_damaged(import);
    }
    if (status == BT_OK && import->quantised && !import->input_formatted) {
        status = bt_tfl_refuse(import, "input '%s' of an int8 model is FLOAT32: expected that QUANTIZE reads it",
                               import->nodes[0].name);
    }
    return status;
}

enum bt_status bt_import_tflite(const char *name, const unsigned char *data, size_t bytes, struct bt_model *model,
                                struct bt_error *err)
{
    const uint64_t room = ROOM_FIXED + (uint64_t)bytes * ROOM_TIMES;
    struct bt_tfl_import import = {
        .name = name,
        .room = room < BT_IMPORT_MEMORY_MOST ? room : BT_IMPORT_MEMORY_MOST,
        .err = err,
    };
    struct bt_model made = {0};
    if (bytes > BT_IMPORT_FILE_MOST) {
        return bt_tfl_refuse(&import, "%zu bytes: expected at most %u", bytes, BT_IMPORT_FILE_MOST);
    }
    enum bt_status status = open_model(&import, data, bytes);
    if (status == BT_OK) {
        status = read_nodes(&import);
    }
    if (status == BT_OK) {
        (void)snprintf(made.format, sizeof(made.format), "TFLite %s", import.quantised ? "int8" : "float");
        status = import.quantised ? bt_tfl_build_s8(&import, &made.quantised) : bt_tfl_build_float(&import, &made.real);
    }
    if (status == BT_OK) {
        *model = made;
    }
    free(import.tensors);
    free(import.nodes);
    return status;
}
