#include "reference/graph/flatbuffer.h"

#include <assert.h>
#include <string.h>

#define OFFSET_BYTES 4
#define VTABLE_HEAD 4 /* its own bytes and the table's */

static uint64_t unsigned_at(const unsigned char *at, uint32_t bytes)
{
    uint64_t value = 0;
    for (uint32_t i = bytes; i > 0; i--) {
        value = value << 8 | at[i - 1];
    }
    return value;
}

static int64_t signed_at(const unsigned char *at, uint32_t bytes)
{
    const uint64_t value = unsigned_at(at, bytes);
    const uint64_t sign = UINT64_C(1) << (8 * bytes - 1);
    return (int64_t)(bytes < 8 && (value & sign) != 0 ? value - (sign << 1) : value);
}

float bt_fb_float_at(const unsigned char *at)
{
    const uint32_t bits = (uint32_t)unsigned_at(at, sizeof(bits));
    float value = 0;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

int32_t bt_fb_s32_at(const unsigned char *at)
{
    return (int32_t)signed_at(at, sizeof(int32_t));
}

static void damage(struct bt_flatbuffer *buffer, const char *what, size_t at)
{
    if (buffer->damage == NULL) {
        buffer->damage = what;
        buffer->damage_at = at;
    }
}

bool bt_flatbuffer_damaged(const struct bt_flatbuffer *buffer)
{
    return buffer->damage != NULL;
}

/* [at, at + count) lies in the buffer. */
static bool within(const struct bt_flatbuffer *buffer, size_t at, uint64_t count)
{
    return at <= buffer->bytes && count <= buffer->bytes - at;
}

/* What the offset at that place refers to; 0 where damaged. */
static size_t follow(struct bt_flatbuffer *buffer, size_t at)
{
    if (!within(buffer, at, OFFSET_BYTES)) {
        damage(buffer, "offset beyond the end", at);
        return 0;
    }
    const uint64_t offset = unsigned_at(buffer->data + at, OFFSET_BYTES);
    if (offset == 0 || offset >= buffer->bytes - at) {
        damage(buffer, "offset that leads out of the file", at);
        return 0;
    }
    return at + (size_t)offset;
}

static struct bt_fb_table table_at(struct bt_flatbuffer *buffer, size_t at)
{
    const struct bt_fb_table absent = {0};
    if (at == 0) {
        return absent;
    }
    if (!within(buffer, at, OFFSET_BYTES)) {
        damage(buffer, "table beyond the end", at);
        return absent;
    }
    const int64_t vtable = (int64_t)at - signed_at(buffer->data + at, OFFSET_BYTES);
    if (vtable < 0 || !within(buffer, (size_t)vtable, VTABLE_HEAD)) {
        damage(buffer, "vtable out of the file", at);
        return absent;
    }
    const struct bt_fb_table table = {
        .at = at,
        .vtable = (size_t)vtable,
        .vtable_bytes = (uint16_t)unsigned_at(buffer->data + vtable, 2),
        .table_bytes = (uint16_t)unsigned_at(buffer->data + vtable + 2, 2),
    };
    if (table.vtable_bytes < VTABLE_HEAD || table.vtable_bytes % 2 != 0 ||
        !within(buffer, table.vtable, table.vtable_bytes) || table.table_bytes < OFFSET_BYTES ||
        !within(buffer, at, table.table_bytes)) {
        damage(buffer, "vtable of impossible sizes", table.vtable);
        return absent;
    }
    return table;
}

/* Place of a field of that size; 0 where it is absent. */
static size_t field_at(struct bt_flatbuffer *buffer, const struct bt_fb_table *table, uint32_t field, uint32_t bytes)
{
    const size_t entry = VTABLE_HEAD + 2 * (size_t)field;
    if (table->at == 0 || entry + 2 > table->vtable_bytes) {
        return 0;
    }
    const size_t place = (size_t)unsigned_at(buffer->data + table->vtable + entry, 2);
    if (place == 0) {
        return 0;
    }
    if (place < OFFSET_BYTES || place + bytes > table->table_bytes) {
        damage(buffer, "field outside its table", table->vtable + entry);
        return 0;
    }
    return table->at + place;
}

struct bt_fb_table bt_flatbuffer_open(struct bt_flatbuffer *buffer, const unsigned char *data, size_t bytes,
                                      const char *identifier)
{
    const struct bt_fb_table absent = {0};
    *buffer = (struct bt_flatbuffer){.data = data, .bytes = data != NULL ? bytes : 0};
    if (data == NULL || bytes < 2 * OFFSET_BYTES) {
        damage(buffer, "file too short", buffer->bytes);
        return absent;
    }
    if (memcmp(data + OFFSET_BYTES, identifier, OFFSET_BYTES) != 0) {
        damage(buffer, "other file identifier", OFFSET_BYTES);
        return absent;
    }
    return table_at(buffer, follow(buffer, 0));
}

int64_t bt_fb_integer(struct bt_flatbuffer *buffer, const struct bt_fb_table *table, uint32_t field, uint32_t bytes,
                      int64_t otherwise)
{
    assert(bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8);
    const size_t at = field_at(buffer, table, field, bytes);
    return at == 0 ? otherwise : signed_at(buffer->data + at, bytes);
}

float bt_fb_float(struct bt_flatbuffer *buffer, const struct bt_fb_table *table, uint32_t field, float otherwise)
{
    const size_t at = field_at(buffer, table, field, sizeof(float));
    return at == 0 ? otherwise : bt_fb_float_at(buffer->data + at);
}

struct bt_fb_table bt_fb_table(struct bt_flatbuffer *buffer, const struct bt_fb_table *table, uint32_t field)
{
    const size_t at = field_at(buffer, table, field, OFFSET_BYTES);
    return table_at(buffer, at == 0 ? 0 : follow(buffer, at));
}

struct bt_fb_vector bt_fb_vector(struct bt_flatbuffer *buffer, const struct bt_fb_table *table, uint32_t field,
                                 uint32_t elem_bytes)
{
    const struct bt_fb_vector absent = {.elem_bytes = elem_bytes};
    const size_t field_place = field_at(buffer, table, field, OFFSET_BYTES);
    const size_t at = field_place == 0 ? 0 : follow(buffer, field_place);
    if (at == 0) {
        return absent;
    }
    if (!within(buffer, at, OFFSET_BYTES)) {
        damage(buffer, "vector beyond the end", at);
        return absent;
    }
    const uint64_t count = unsigned_at(buffer->data + at, OFFSET_BYTES);
    if (!within(buffer, at + OFFSET_BYTES, count * elem_bytes)) { /* 32 bits times a few */
        damage(buffer, "vector longer than the file", at);
        return absent;
    }
    return (struct bt_fb_vector){.at = at + OFFSET_BYTES, .count = (uint32_t)count, .elem_bytes = elem_bytes};
}

struct bt_fb_vector bt_fb_string(struct bt_flatbuffer *buffer, const struct bt_fb_table *table, uint32_t field)
{
    const struct bt_fb_vector absent = {.elem_bytes = 1};
    const struct bt_fb_vector text = bt_fb_vector(buffer, table, field, 1);
    if (text.at != 0 &&
        (!within(buffer, text.at, (uint64_t)text.count + 1) || buffer->data[text.at + text.count] != 0)) {
        damage(buffer, "string without its end", text.at);
        return absent;
    }
    return text;
}

int64_t bt_fb_element(const struct bt_flatbuffer *buffer, const struct bt_fb_vector *vector, uint32_t index)
{
    assert(index < vector->count);
    return signed_at(buffer->data + vector->at + (size_t)index * vector->elem_bytes, vector->elem_bytes);
}

float bt_fb_float_element(const struct bt_flatbuffer *buffer, const struct bt_fb_vector *vector, uint32_t index)
{
    assert(index < vector->count && vector->elem_bytes == sizeof(float));
    return bt_fb_float_at(buffer->data + vector->at + (size_t)index * sizeof(float));
}

struct bt_fb_table bt_fb_table_element(struct bt_flatbuffer *buffer, const struct bt_fb_vector *vector, uint32_t index)
{
    assert(index < vector->count && vector->elem_bytes == OFFSET_BYTES);
    return table_at(buffer, follow(buffer, vector->at + (size_t)index * OFFSET_BYTES));
}
