/*
 * FlatBuffers, read and verified at once: every offset, vtable, vector and string is held against the buffer before it is
 * followed, and every number is put together from its bytes, so that nothing depends on alignment or byte order. There is no
 * recursion: who knows the schema asks for one field after the other. Our own, since flatcc is no package of Debian and
 * Google's library is C++, which a C11 library cannot take in.
 *
 * Damage is kept in the buffer, not returned: what is read from a damaged place is absent (0, no elements), and who reads asks
 * bt_flatbuffer_damaged() before relying on it.
 *
 * @source FlatBuffers, "FlatBuffer Internals": little endian; a table begins with the distance back to its vtable, which has
 *         its own bytes, the table's, and the place of each field, 0 where a field has its default.
 */
#ifndef BT_FLATBUFFER_H
#define BT_FLATBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bt_flatbuffer {
    const unsigned char *data;
    size_t bytes;
    const char *damage; /**< the first; NULL: none */
    size_t damage_at;   /**< byte of it */
};

struct bt_fb_table {
    size_t at; /**< 0: absent, and so are all its fields */
    size_t vtable;
    uint16_t vtable_bytes, table_bytes;
};

/** Numbers, bytes or references to tables, all within the buffer. */
struct bt_fb_vector {
    size_t at; /**< of the first element; 0: absent */
    uint32_t count;
    uint32_t elem_bytes;
};

/** @param[in] identifier  Four bytes that the file must have at 4. @return The root table; absent where damaged. */
struct bt_fb_table bt_flatbuffer_open(struct bt_flatbuffer *buffer, const unsigned char *data, size_t bytes,
                                      const char *identifier);

bool bt_flatbuffer_damaged(const struct bt_flatbuffer *buffer);

/* Fields of a table, by the position in its schema. */
int64_t bt_fb_integer(struct bt_flatbuffer *buffer, const struct bt_fb_table *table, uint32_t field, uint32_t bytes,
                      int64_t otherwise); /**< signed, of 1, 2, 4 or 8 bytes */
float bt_fb_float(struct bt_flatbuffer *buffer, const struct bt_fb_table *table, uint32_t field, float otherwise);
struct bt_fb_table bt_fb_table(struct bt_flatbuffer *buffer, const struct bt_fb_table *table, uint32_t field);
struct bt_fb_vector bt_fb_vector(struct bt_flatbuffer *buffer, const struct bt_fb_table *table, uint32_t field,
                                 uint32_t elem_bytes);
/** A vector of bytes with a '\0' behind them. */
struct bt_fb_vector bt_fb_string(struct bt_flatbuffer *buffer, const struct bt_fb_table *table, uint32_t field);

/* Elements. @pre index < vector->count, and elements of that size. */
int64_t bt_fb_element(const struct bt_flatbuffer *buffer, const struct bt_fb_vector *vector, uint32_t index);
float bt_fb_float_element(const struct bt_flatbuffer *buffer, const struct bt_fb_vector *vector, uint32_t index);
/** A vector of tables has elements of 4 bytes. */
struct bt_fb_table bt_fb_table_element(struct bt_flatbuffer *buffer, const struct bt_fb_vector *vector, uint32_t index);

/** Little-endian binary32. */
float bt_fb_float_at(const unsigned char *at);
int32_t bt_fb_s32_at(const unsigned char *at);

#endif
