#include "harness/store_internal.h"

#include <stdlib.h>
#include <string.h>

enum bt_status bt_store_get(struct bt_store *store, const struct bt_key *key, uint32_t count, struct bt_record *records,
                            int64_t *rows, struct bt_error *err)
{
    if (!bt_store_usable(store, err)) {
        return BT_EIO;
    }
    sqlite3_stmt *get = store->statement[BT_SQL_GET];
    struct bt_record *found = calloc(count, sizeof(*found));
    int64_t *numbers = calloc(count, sizeof(*numbers));
    uint32_t at = 0;
    bool readable = true;
    int code = SQLITE_DONE;
    enum bt_status status = BT_ENOMEM;
    if (found == NULL || numbers == NULL) {
        goto cleanup;
    }
    (void)sqlite3_bind_blob(get, 1, key->bytes, sizeof(key->bytes), SQLITE_STATIC);
    while ((code = sqlite3_step(get)) == SQLITE_ROW) {
        struct bt_record columns = {.macs = 0};
        struct bt_store_row row = {.record = &columns};
        if (!bt_store_take_row(get, &row) || row.part != at || at == count) {
            store->doubtful = true;
            break;
        }
        /* what was stored and is refused today is no answer, and no damage */
        readable = readable && bt_store_unpack_record(row.blob, row.blob_bytes, &found[at]);
        numbers[at++] = row.number;
    }
    if (code != SQLITE_DONE) {
        status = bt_store_fail(store, err);
        goto cleanup;
    }
    (void)sqlite3_reset(get);
    status = at == count && readable ? BT_OK : BT_EUNSUPPORTED;
    if (status == BT_OK) {
        memcpy(records, found, count * sizeof(*found));
        memcpy(rows, numbers, count * sizeof(*numbers));
    }

cleanup:
    free(found);
    free(numbers);
    return status;
}

/* Rows of that key stay, for the runs that have them, but answer for it no more. */
static bool free_key(struct bt_store *store, const struct bt_key *key)
{
    sqlite3_stmt *get = store->statement[BT_SQL_GET];
    int64_t rows[2][64];
    for (bool more = true; more;) { /* a few at a time: what is read must not change meanwhile */
        int used = 0;
        (void)sqlite3_bind_blob(get, 1, key->bytes, sizeof(key->bytes), SQLITE_STATIC);
        int code = SQLITE_DONE;
        while (used < 64 && (code = sqlite3_step(get)) == SQLITE_ROW) {
            struct bt_record columns;
            struct bt_store_row row = {.record = &columns};
            if (!bt_store_take_row(get, &row)) {
                store->doubtful = true;
                break;
            }
            row.key = NULL;
            rows[0][used] = row.number;
            rows[1][used++] = bt_store_row_sum(&row);
        }
        (void)sqlite3_reset(get);
        if (store->doubtful || (code != SQLITE_DONE && code != SQLITE_ROW)) {
            return false;
        }
        for (int i = 0; i < used; i++) {
            (void)sqlite3_bind_int64(store->statement[BT_SQL_FREE_KEY], 1, rows[0][i]);
            (void)sqlite3_bind_int64(store->statement[BT_SQL_FREE_KEY], 2, rows[1][i]);
            if (!bt_store_step(store, BT_SQL_FREE_KEY)) {
                return false;
            }
        }
        more = used == 64;
    }
    return true;
}

static enum bt_status put(struct bt_store *store, const struct bt_key *key, bool sound, uint32_t count,
                          const struct bt_record *records, int64_t *rows, struct bt_error *err)
{
    bool answers = key != NULL && sound;
    for (uint32_t i = 0; i < count; i++) {
        answers = answers && records[i].verdict != BT_FAIL;
    }
    bool ok = bt_store_step(store, BT_SQL_BEGIN) && (key == NULL || free_key(store, key));
    for (uint32_t i = 0; i < count && ok; i++) {
        ok = bt_store_put_row(store, answers ? key : NULL, i, &records[i], &rows[i]);
    }
    ok = ok && bt_store_step(store, BT_SQL_COMMIT);
    return ok ? BT_OK : bt_store_fail(store, err);
}

enum bt_status bt_store_put(struct bt_store *store, const struct bt_key *key, bool sound, uint32_t count,
                            const struct bt_record *records, int64_t *rows, struct bt_error *err)
{
    if (!bt_store_usable(store, err)) {
        return BT_EIO;
    }
    const enum bt_status status = put(store, key, sound, count, records, rows, err);
    struct bt_error again = {""};
    /* into the one that was begun in its place */
    return status != BT_EUNSUPPORTED                                       ? status
           : put(store, key, sound, count, records, rows, &again) == BT_OK ? BT_OK
                                                                           : bt_fail(err, BT_EIO, "%s", again.text);
}
