#include "harness/store_internal.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "harness/record_json.h"

#define MOST_RECORD_BYTES (1u << 20)

static void add(XXH3_state_t *state, const void *bytes, size_t count)
{
    const uint64_t length = count;
    (void)XXH3_64bits_update(state, &length, sizeof(length));
    (void)XXH3_64bits_update(state, bytes, count);
}

void bt_store_sum_text(XXH3_state_t *state, const char *text)
{
    add(state, text, strlen(text));
}

void bt_store_sum_number(XXH3_state_t *state, int64_t number)
{
    add(state, &number, sizeof(number));
}

void bt_store_sum_real(XXH3_state_t *state, double real)
{
    add(state, &real, sizeof(real));
}

int64_t bt_store_row_sum(const struct bt_store_row *row)
{
    XXH3_state_t *state = XXH3_createState(); /* NULL is caught by the sum that it then does not have */
    const struct bt_record *r = row->record;
    if (state == NULL) {
        return 0;
    }
    (void)XXH3_64bits_reset(state);
    bt_store_sum_number(state, row->number);
    add(state, row->key, row->key != NULL ? sizeof(struct bt_key) : 0);
    bt_store_sum_number(state, row->part);
    bt_store_sum_text(state, r->network);
    bt_store_sum_text(state, r->layer);
    bt_store_sum_text(state, r->variant);
    bt_store_sum_text(state, r->config);
    bt_store_sum_text(state, r->pattern);
    bt_store_sum_number(state, (int64_t)r->seed);
    bt_store_sum_number(state, r->stall_percent);
    bt_store_sum_text(state, r->dtype);
    bt_store_sum_number(state, r->sparsity);
    bt_store_sum_text(state, r->structure);
    bt_store_sum_number(state, (int64_t)r->verdict);
    bt_store_sum_text(state, r->reason);
    add(state, row->engines, sizeof(row->engines));
    bt_store_sum_number(state, (int64_t)r->macs);
    bt_store_sum_number(state, (int64_t)r->rtl_cycles);
    bt_store_sum_number(state, (int64_t)r->predicted_cycles);
    bt_store_sum_real(state, r->rtl_seconds);
    bt_store_sum_text(state, row->terms);
    add(state, row->blob, row->blob_bytes);
    const XXH64_hash_t sum = XXH3_64bits_digest(state);
    (void)XXH3_freeState(state);
    return (int64_t)sum;
}

static void pack_number(uint64_t number, unsigned char *bytes)
{
    for (int b = 0; b < 8; b++) {
        bytes[b] = (unsigned char)(number >> (8 * b));
    }
}

static uint64_t unpack_number(const unsigned char *bytes)
{
    uint64_t number = 0;
    for (int b = 0; b < 8; b++) {
        number |= (uint64_t)bytes[b] << (8 * b);
    }
    return number;
}

static void pack_engines(const struct bt_record *record, unsigned char *bytes)
{
    for (int e = 0; e < BT_ENGINE_COUNT; e++, bytes += BT_STORE_ENGINE_BYTES) {
        const struct bt_engine_result *engine = &record->engine[e];
        bytes[0] = (unsigned char)((engine->ran ? 16 : 0) | (int)engine->verdict);
        pack_number(engine->hash, bytes + 1);
        pack_number(engine->soc.soc_cycles, bytes + 9);
    }
}

static bool unpack_engines(const unsigned char *bytes, struct bt_record *record)
{
    for (int e = 0; e < BT_ENGINE_COUNT; e++, bytes += BT_STORE_ENGINE_BYTES) {
        struct bt_engine_result *engine = &record->engine[e];
        if ((bytes[0] & 15) >= BT_VERDICT_COUNT) {
            return false;
        }
        engine->ran = (bytes[0] & 16) != 0;
        engine->verdict = (enum bt_verdict)(bytes[0] & 15);
        engine->hash = unpack_number(bytes + 1);
        engine->soc.soc_cycles = unpack_number(bytes + 9);
    }
    return true;
}

/* "name=value " of every measured counter. */
static void pack_terms(const struct bt_counters *counters, char *text, size_t text_bytes)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < counters->count; i++) {
        used += (size_t)snprintf(text + used, text_bytes - used, "%s=%" PRIu64 " ", counters->item[i].name,
                                 counters->item[i].value);
    }
}

static bool unpack_terms(const char *text, struct bt_counters *counters)
{
    while (*text != '\0') {
        char name[BT_COUNTER_NAME_BYTES];
        char *end = NULL;
        size_t length = 0;
        while (length < sizeof(name) && text[length] != '=' && text[length] != '\0') {
            name[length] = text[length];
            length++;
        }
        if (length == sizeof(name) || text[length] != '=' || counters->count == BT_MAX_COUNTERS) {
            return false;
        }
        name[length] = '\0';
        const uint64_t value = strtoull(text + length + 1, &end, 10);
        if (*end != ' ') {
            return false;
        }
        bt_counters_add(counters, name, value);
        text = end + 1;
    }
    return true;
}

bool bt_store_take_text(sqlite3_stmt *statement, int column, char *text, size_t text_bytes)
{
    const unsigned char *value = sqlite3_column_text(statement, column);
    const size_t bytes = value != NULL ? strlen((const char *)value) + 1 : 0;
    if (bytes == 0 || bytes > text_bytes) {
        return false;
    }
    memcpy(text, value, bytes);
    return true;
}

bool bt_store_take_row(sqlite3_stmt *statement, struct bt_store_row *row)
{
    struct bt_record *record = row->record;
    bt_record_init(record);
    row->number = sqlite3_column_int64(statement, 0);
    row->key = sqlite3_column_blob(statement, 1);
    if (row->key != NULL && sqlite3_column_bytes(statement, 1) != (int)sizeof(struct bt_key)) {
        return false;
    }
    row->part = sqlite3_column_int64(statement, 2);
    const int64_t verdict = sqlite3_column_int64(statement, 12);
    const void *engines = sqlite3_column_blob(statement, 13);
    if (!bt_store_take_text(statement, 3, record->network, sizeof(record->network)) ||
        !bt_store_take_text(statement, 4, record->layer, sizeof(record->layer)) ||
        !bt_store_take_text(statement, 5, record->variant, sizeof(record->variant)) ||
        !bt_store_take_text(statement, 6, record->config, sizeof(record->config)) ||
        !bt_store_take_text(statement, 7, record->pattern, sizeof(record->pattern)) ||
        !bt_store_take_text(statement, 9, record->dtype, sizeof(record->dtype)) ||
        !bt_store_take_text(statement, 11, record->structure, sizeof(record->structure)) ||
        !bt_store_take_text(statement, 18, row->terms, sizeof(row->terms)) ||
        !bt_store_take_text(statement, 22, record->reason, sizeof(record->reason)) || verdict < 0 ||
        verdict >= BT_VERDICT_COUNT || engines == NULL ||
        sqlite3_column_bytes(statement, 13) != (int)sizeof(row->engines)) {
        return false;
    }
    memcpy(row->engines, engines, sizeof(row->engines));
    record->seed = (uint64_t)sqlite3_column_int64(statement, 21);
    record->stall_percent = (uint32_t)sqlite3_column_int64(statement, 8);
    record->sparsity = (uint32_t)sqlite3_column_int64(statement, 10);
    record->verdict = (enum bt_verdict)verdict;
    record->macs = (uint64_t)sqlite3_column_int64(statement, 14);
    record->rtl_cycles = (uint64_t)sqlite3_column_int64(statement, 15);
    record->predicted_cycles = (uint64_t)sqlite3_column_int64(statement, 16);
    record->rtl_seconds = sqlite3_column_double(statement, 17);
    row->blob = sqlite3_column_blob(statement, 19);
    row->blob_bytes = (size_t)sqlite3_column_bytes(statement, 19);
    return row->blob != NULL && bt_store_row_sum(row) == sqlite3_column_int64(statement, 20) &&
           unpack_engines(row->engines, record) && unpack_terms(row->terms, &record->measured);
}

/* The record itself, compressed JSON behind its length. @return NULL when memory runs out. */
static unsigned char *pack_record(const struct bt_record *record, size_t *bytes)
{
    bool ok = true;
    json_t *object = bt_record_to_json(record, &ok);
    char *text = ok ? json_dumps(object, JSON_COMPACT | BT_JSON_FORMAT) : NULL;
    json_decref(object);
    unsigned char *blob = NULL;
    if (text != NULL) {
        const uLong length = (uLong)strlen(text);
        uLongf packed = compressBound(length);
        blob = malloc(packed + 4);
        if (blob != NULL && compress2(blob + 4, &packed, (const unsigned char *)text, length, 1) == Z_OK) {
            for (int b = 0; b < 4; b++) {
                blob[b] = (unsigned char)(length >> (8 * b));
            }
            *bytes = packed + 4;
        } else {
            free(blob);
            blob = NULL;
        }
    }
    free(text);
    return blob;
}

bool bt_store_unpack_record(const unsigned char *blob, size_t bytes, struct bt_record *record)
{
    if (bytes < 4) {
        return false;
    }
    uLongf length = blob[0] | (uLongf)blob[1] << 8 | (uLongf)blob[2] << 16 | (uLongf)blob[3] << 24;
    if (length > MOST_RECORD_BYTES) {
        return false;
    }
    char *text = malloc(length + 1);
    bool ok = text != NULL && uncompress((unsigned char *)text, &length, blob + 4, (uLong)(bytes - 4)) == Z_OK;
    json_t *object = ok ? json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL) : NULL;
    ok = object != NULL && bt_record_from_json(object, record, NULL) == BT_OK;
    json_decref(object);
    free(text);
    return ok;
}

bool bt_store_put_row(struct bt_store *store, const struct bt_key *key, uint32_t part, const struct bt_record *record,
                      int64_t *number)
{
    sqlite3_stmt *put = store->statement[BT_SQL_PUT];
    struct bt_store_row row = {
        .key = key != NULL ? key->bytes : NULL, .part = part, .record = (struct bt_record *)(uintptr_t)record};
    unsigned char *blob = bt_store_next(store, "result", &row.number) ? pack_record(record, &row.blob_bytes) : NULL;
    if (blob == NULL) {
        return false;
    }
    row.blob = blob;
    pack_engines(record, row.engines);
    pack_terms(&record->measured, row.terms, sizeof(row.terms));
    (void)sqlite3_bind_blob(put, 1, row.key, key != NULL ? (int)sizeof(*key) : 0, SQLITE_STATIC);
    (void)sqlite3_bind_int64(put, 2, part);
    (void)sqlite3_bind_text(put, 3, record->network, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(put, 4, record->layer, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(put, 5, record->variant, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(put, 6, record->config, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(put, 7, record->pattern, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(put, 8, record->stall_percent);
    (void)sqlite3_bind_text(put, 9, record->dtype, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(put, 10, record->sparsity);
    (void)sqlite3_bind_text(put, 11, record->structure, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(put, 12, (int64_t)record->verdict);
    (void)sqlite3_bind_blob(put, 13, row.engines, sizeof(row.engines), SQLITE_STATIC);
    (void)sqlite3_bind_int64(put, 14, (int64_t)record->macs);
    (void)sqlite3_bind_int64(put, 15, (int64_t)record->rtl_cycles);
    (void)sqlite3_bind_int64(put, 16, (int64_t)record->predicted_cycles);
    (void)sqlite3_bind_double(put, 17, record->rtl_seconds);
    (void)sqlite3_bind_text(put, 18, row.terms, -1, SQLITE_STATIC);
    (void)sqlite3_bind_blob(put, 19, row.blob, (int)row.blob_bytes, SQLITE_STATIC);
    (void)sqlite3_bind_int64(put, 20, bt_store_row_sum(&row));
    (void)sqlite3_bind_int64(put, 21, (int64_t)record->seed);
    (void)sqlite3_bind_text(put, 22, record->reason, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(put, 23, row.number);
    const bool ok = bt_store_step(store, BT_SQL_PUT);
    (void)sqlite3_clear_bindings(put); /* they point to what is gone now */
    free(blob);
    *number = row.number;
    return ok;
}
