#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference/graph/import_onnx.h"

/* A model's own nesting is 5: model, graph, node, attribute, tensor. Generated code parses recursively, without a bound. */
#define DEPTH_MOST 16
#define HEADER_BYTES 32 /* in front of each block, keeps it aligned */

/* ---- memory ---- */

struct onnx_block {
    struct onnx_block *next; /* of blocks that live as long as the import */
    size_t bytes;
};
_Static_assert(sizeof(struct onnx_block) <= HEADER_BYTES, "a block begins with its header");

static bool reserve(struct onnx_memory *memory, size_t bytes)
{
    if (bytes > memory->most || memory->used > memory->most - bytes) {
        memory->exceeded = true;
        return false;
    }
    memory->used += bytes;
    return true;
}

/* For protobuf-c, which releases what it took. */
static void *proto_alloc(void *data, size_t bytes)
{
    struct onnx_memory *memory = data;
    if (bytes > SIZE_MAX - HEADER_BYTES || !reserve(memory, bytes + HEADER_BYTES)) {
        memory->exceeded = true;
        return NULL;
    }
    struct onnx_block *block = malloc(bytes + HEADER_BYTES);
    if (block == NULL) {
        memory->used -= bytes + HEADER_BYTES;
        return NULL;
    }
    block->next = NULL;
    block->bytes = bytes;
    return (unsigned char *)block + HEADER_BYTES;
}

static void proto_free(void *data, void *pointer)
{
    struct onnx_memory *memory = data;
    if (pointer != NULL) {
        struct onnx_block *block = (struct onnx_block *)((unsigned char *)pointer - HEADER_BYTES);
        memory->used -= block->bytes + HEADER_BYTES;
        free(block);
    }
}

void *onnx_take(struct onnx_import *im, size_t count, size_t size)
{
    if (count > im->memory.most / size) {
        im->memory.exceeded = true;
        return NULL;
    }
    unsigned char *pointer = proto_alloc(&im->memory, count * size);
    if (pointer == NULL) {
        return NULL;
    }
    struct onnx_block *block = (struct onnx_block *)(pointer - HEADER_BYTES);
    block->next = im->memory.blocks;
    im->memory.blocks = block;
    return memset(pointer, 0, count * size);
}

void *onnx_take_for_graph(struct onnx_import *im, size_t count, size_t size)
{
    if (count > im->memory.most / size || !reserve(&im->memory, count * size)) {
        im->memory.exceeded = true;
        return NULL;
    }
    return calloc(count, size);
}

bool onnx_say_no_memory(struct onnx_import *im)
{
    if (im->memory.exceeded) {
        onnx_say(im, "more memory than importing may take: expected at most %zu MiB", im->memory.most >> 20);
    } else {
        (void)bt_fail(im->err, BT_ENOMEM, "%.47s: no memory for the model", im->name);
    }
    return im->memory.exceeded;
}

void onnx_close(struct onnx_import *im)
{
    ProtobufCAllocator allocator = {.alloc = proto_alloc, .free = proto_free, .allocator_data = &im->memory};
    if (im->model != NULL) {
        onnx__model_proto__free_unpacked(im->model, &allocator);
    }
    while (im->memory.blocks != NULL) {
        struct onnx_block *next = im->memory.blocks->next;
        free(im->memory.blocks);
        im->memory.blocks = next;
    }
}

/* ---- messages ---- */

const char *onnx_node_name(const Onnx__NodeProto *node)
{
    if (node->name != NULL && node->name[0] != '\0') {
        return node->name;
    }
    return node->n_output > 0 && node->output[0][0] != '\0' ? node->output[0] : "unnamed";
}

void onnx_say(struct onnx_import *im, const char *format, ...)
{
    char what[384];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    if (im->node == NULL) {
        (void)bt_fail(im->err, BT_EINPUT, "%.47s: %s", im->name, what);
        return;
    }
    (void)bt_fail(im->err, BT_EINPUT, "%.47s: node '%.47s' (%.40s): %s", im->name, onnx_node_name(im->node),
                  im->node->op_type != NULL ? im->node->op_type : "", what);
}

/* ---- wire format: looked over before the generated code reads it, which trusts nesting and repetition ---- */

struct wire {
    const unsigned char *at, *end;
};

static bool read_varint(struct wire *wire, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && wire->at < wire->end; shift += 7) {
        const unsigned char byte = *wire->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            return true;
        }
    }
    return false;
}

static bool skip(struct wire *wire, uint64_t bytes)
{
    if (bytes > (uint64_t)(wire->end - wire->at)) {
        return false;
    }
    wire->at += bytes;
    return true;
}

/*
 * Every field complete; messages within messages up to DEPTH_MOST; none twice that can be there only once, which the
 * generated code would merge, all anew each time.
 */
static const char *look_over(const ProtobufCMessageDescriptor *type, struct wire wire, unsigned depth)
{
    uint64_t seen = 0; /* fields by their place in the descriptor */
    if (depth > DEPTH_MOST) {
        return "messages nested too deeply: expected a model without graphs inside its nodes";
    }
    while (wire.at < wire.end) {
        uint64_t tag = 0;
        uint64_t length = 0;
        if (!read_varint(&wire, &tag) || tag >> 3 == 0 || tag >> 3 > INT32_MAX) {
            return "cut short or damaged: expected the tag of a field";
        }
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
        const bool skipped = (tag & 7) == PROTOBUF_C_WIRE_TYPE_VARINT  ? read_varint(&wire, &length)
                             : (tag & 7) == PROTOBUF_C_WIRE_TYPE_64BIT ? skip(&wire, 8)
                             : (tag & 7) == PROTOBUF_C_WIRE_TYPE_32BIT ? skip(&wire, 4)
                             : (tag & 7) == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED
                                 ? read_varint(&wire, &length) && skip(&wire, length)
                                 : false;
        if (!skipped) {
            return "cut short or damaged: expected a whole field";
        }
        if (field == NULL || (tag & 7) != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED ||
            field->type != PROTOBUF_C_TYPE_MESSAGE) {
            continue;
        }
        const uint64_t bit = 1ull << ((unsigned)(field - type->fields) & 63);
        if (field->label != PROTOBUF_C_LABEL_REPEATED && (seen & bit) != 0) {
            return "a message twice that can be there only once: expected one graph, one tensor of an attribute";
        }
        seen |= bit;
        const struct wire inner = {wire.at - length, wire.at};
        const char *why = look_over(field->descriptor, inner, depth + 1);
        if (why != NULL) {
            return why;
        }
    }
    return NULL;
}

enum bt_status onnx_parse(struct onnx_import *im, const unsigned char *data, size_t bytes)
{
    ProtobufCAllocator allocator = {.alloc = proto_alloc, .free = proto_free, .allocator_data = &im->memory};
    if (data == NULL || bytes == 0) {
        return onnx_refuse(im, "an empty file: expected an ONNX model");
    }
    if (bytes > BT_IMPORT_FILE_MOST) {
        return onnx_refuse(im, "%zu bytes: expected at most %u", bytes, BT_IMPORT_FILE_MOST);
    }
    const char *why = look_over(&onnx__model_proto__descriptor, (struct wire){data, data + bytes}, 1);
    if (why != NULL) {
        return onnx_refuse(im, "no ONNX model: %s", why);
    }
    im->model = onnx__model_proto__unpack(&allocator, bytes, data);
    if (im->model == NULL) {
        return im->memory.exceeded ? onnx_no_memory(im) : onnx_refuse(im, "no ONNX model: expected its message");
    }
    return BT_OK;
}

/* ---- attributes ---- */

const Onnx__AttributeProto *onnx_attribute(const struct onnx_import *im, const char *name)
{
    for (size_t i = 0; i < im->node->n_attribute; i++) {
        const Onnx__AttributeProto *attribute = im->node->attribute[i];
        if (attribute->name != NULL && strcmp(attribute->name, name) == 0) {
            return attribute;
        }
    }
    return NULL;
}

int64_t onnx_attribute_int(const struct onnx_import *im, const char *name, int64_t otherwise)
{
    const Onnx__AttributeProto *attribute = onnx_attribute(im, name);
    return attribute != NULL && attribute->has_i ? attribute->i : otherwise;
}

double onnx_attribute_real(const struct onnx_import *im, const char *name, double otherwise)
{
    const Onnx__AttributeProto *attribute = onnx_attribute(im, name);
    return attribute != NULL && attribute->has_f ? (double)attribute->f : otherwise;
}

bool onnx_attribute_is(const struct onnx_import *im, const char *name, const char *text, bool otherwise)
{
    const Onnx__AttributeProto *attribute = onnx_attribute(im, name);
    if (attribute == NULL) {
        return otherwise;
    }
    return attribute->has_s && attribute->s.len == strlen(text) &&
           (attribute->s.len == 0 || memcmp(attribute->s.data, text, attribute->s.len) == 0);
}

/* ---- tensors ---- */

static size_t type_bytes(int32_t type)
{
    switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
    case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
        return 1;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
        return 4;
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
        return 8;
    default:
        return 0;
    }
}

static uint64_t little_endian(const unsigned char *at, size_t bytes)
{
    uint64_t word = 0;
    for (size_t i = 0; i < bytes; i++) {
        word |= (uint64_t)at[i] << (8 * i);
    }
    return word;
}

int64_t onnx_int(const struct onnx_const *constant, int64_t index)
{
    if (constant->ints64 != NULL) {
        return constant->ints64[index];
    }
    if (constant->ints32 != NULL) {
        return constant->ints32[index];
    }
    if (constant->raw == NULL) {
        const double real = onnx_real(constant, index);
        return real >= -9e18 && real <= 9e18 ? (int64_t)real : INT64_MIN;
    }
    switch (constant->type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
        return (int8_t)constant->raw[index];
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
    case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
        return constant->raw[index];
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
        return (int32_t)(uint32_t)little_endian(constant->raw + 4 * index, 4);
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
        return (int64_t)little_endian(constant->raw + 8 * index, 8);
    default: {
        const double real = onnx_real(constant, index);
        return real >= -9e18 && real <= 9e18 ? (int64_t)real : INT64_MIN;
    }
    }
}

double onnx_real(const struct onnx_const *constant, int64_t index)
{
    if (constant->floats != NULL) {
        return (double)constant->floats[index];
    }
    if (constant->doubles != NULL) {
        return constant->doubles[index];
    }
    if (constant->raw != NULL && constant->type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT) {
        const uint32_t word = (uint32_t)little_endian(constant->raw + 4 * index, 4);
        float real = 0;
        memcpy(&real, &word, sizeof(real));
        return (double)real;
    }
    if (constant->raw != NULL && constant->type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE) {
        const uint64_t word = little_endian(constant->raw + 8 * index, 8);
        double real = 0;
        memcpy(&real, &word, sizeof(real));
        return real;
    }
    return constant->raw != NULL || constant->ints32 != NULL || constant->ints64 != NULL
               ? (double)onnx_int(constant, index)
               : 0;
}

/* Where the elements are, and that there are as many as the dimensions say. */
static bool find_elements(const Onnx__TensorProto *tensor, struct onnx_const *constant)
{
    const size_t elems = (size_t)constant->elems;
    if (tensor->has_raw_data) {
        static const unsigned char none[8];
        constant->raw = tensor->raw_data.len > 0 ? tensor->raw_data.data : none;
        return tensor->raw_data.len == elems * type_bytes(constant->type);
    }
    switch (constant->type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
        constant->floats = tensor->float_data;
        return tensor->n_float_data == elems;
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
        constant->doubles = tensor->double_data;
        return tensor->n_double_data == elems;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
        constant->ints64 = tensor->int64_data;
        return tensor->n_int64_data == elems;
    default:
        constant->ints32 = tensor->int32_data;
        return tensor->n_int32_data == elems;
    }
}

enum bt_status onnx_read_tensor(struct onnx_import *im, const char *what, const Onnx__TensorProto *tensor,
                                struct onnx_const *constant)
{
    *constant = (struct onnx_const){.type = tensor->data_type, .elems = 1};
    if ((tensor->has_data_location && tensor->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL) ||
        tensor->n_external_data > 0) {
        return onnx_refuse(im, "tensor '%.47s': its data are in another file: expected them in the model", what);
    }
    if (type_bytes(tensor->data_type) == 0) {
        return onnx_refuse(im,
                           "tensor '%.47s': element type %" PRId32 ": expected float, double, int8, uint8, int32, "
                           "int64 or bool",
                           what, tensor->data_type);
    }
    if (tensor->n_dims > ONNX_RANK_MOST) {
        return onnx_refuse(im, "tensor '%.47s': %zu dimensions: expected at most %d", what, tensor->n_dims,
                           ONNX_RANK_MOST);
    }
    constant->rank = (int32_t)tensor->n_dims;
    for (size_t i = 0; i < tensor->n_dims; i++) {
        constant->dims[i] = tensor->dims[i];
        if (tensor->dims[i] < 0 || tensor->dims[i] > ONNX_ELEMS_MOST ||
            constant->elems * tensor->dims[i] > ONNX_ELEMS_MOST) {
            return onnx_refuse(im, "tensor '%.47s': dimension %zu is %" PRId64 ": expected at most %d elements", what,
                               i, tensor->dims[i], ONNX_ELEMS_MOST);
        }
        constant->elems *= tensor->dims[i];
    }
    if (!find_elements(tensor, constant)) {
        return onnx_refuse(im, "tensor '%.47s': its data have another length: expected %" PRId64 " elements", what,
                           constant->elems);
    }
    if (constant->type == ONNX__TENSOR_PROTO__DATA_TYPE__INT8 ||
        constant->type == ONNX__TENSOR_PROTO__DATA_TYPE__UINT8) {
        const int32_t least = constant->type == ONNX__TENSOR_PROTO__DATA_TYPE__INT8 ? INT8_MIN : 0;
        for (int64_t i = 0; constant->ints32 != NULL && i < constant->elems; i++) {
            if (constant->ints32[i] < least || constant->ints32[i] > least + 255) {
                return onnx_refuse(im, "tensor '%.47s': element %" PRId64 " is %" PRId32 ": expected 8 bits", what, i,
                                   constant->ints32[i]);
            }
        }
    }
    return BT_OK;
}
