/* What the files of harness/store.h share. Nobody else includes this. */
#ifndef BT_STORE_INTERNAL_H
#define BT_STORE_INTERNAL_H

#include <sqlite3.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "harness/store.h"

#define BT_STORE_PATH_BYTES 4096
#define BT_STORE_TERMS_BYTES 4096

enum bt_store_statement {
    BT_SQL_BEGIN,
    BT_SQL_COMMIT,
    BT_SQL_ROLLBACK,
    BT_SQL_GET,
    BT_SQL_FREE_KEY,
    BT_SQL_NEXT,
    BT_SQL_PUT,
    BT_SQL_LAST_RUN,
    BT_SQL_MEMBERS,
    BT_SQL_LOST_ROWS,
    BT_SQL_ADD_RUN,
    BT_SQL_ADD_MEMBER,
    BT_SQL_RUN,
    BT_SQL_LOAD,
    BT_SQL_STATEMENTS
};

/* The tables' columns, without the number that is theirs. */
#define BT_STORE_RESULT_COLUMNS                                                                                        \
    "key, part, network, layer, variant, config, pattern, stalls, dtype, sparsity, structure, verdict, engines, macs," \
    " rtl_cycles, predicted_cycles, rtl_seconds, terms, record, sum, seed, reason"
#define BT_STORE_RUN_COLUMNS                                                                                           \
    "suite, command, revision, dirty, time, seconds, passed, failed, skipped, xfailed, rtl_cycles, predicted_cycles,"  \
    " macs, rtl_seconds, results, members, sum"

struct bt_store {
    char path[BT_STORE_PATH_BYTES];
    enum bt_store_use use;
    sqlite3 *db;
    sqlite3_stmt *statement[BT_SQL_STATEMENTS];
    struct stat file; /* as it was opened */
    bool doubtful;    /* a row was not what was stored */
};

/* ---- store_file.c ---- */

/** Ends what failed. A damaged file is set aside and another one begun. @return BT_EUNSUPPORTED then, else BT_EIO. */
enum bt_status bt_store_fail(struct bt_store *store, struct bt_error *err);
/** Runs a statement that answers nothing. */
BT_MUST_CHECK bool bt_store_step(struct bt_store *store, enum bt_store_statement which);
/** The number of the table's next row, within a transaction that writes. */
BT_MUST_CHECK bool bt_store_next(struct bt_store *store, const char *table, int64_t *number);
bool bt_store_usable(const struct bt_store *store, struct bt_error *err);

/* ---- store_row.c ---- */

/** Of one engine: whether it ran and its verdict; the hash; the cycles of its system. */
#define BT_STORE_ENGINE_BYTES 17

/** One row of `result`. */
struct bt_store_row {
    int64_t number;
    const void *key; /* 16 bytes, or NULL */
    int64_t part;
    struct bt_record *record; /* as far as columns say */
    unsigned char engines[BT_STORE_ENGINE_BYTES * BT_ENGINE_COUNT];
    char terms[BT_STORE_TERMS_BYTES];
    const void *blob;
    size_t blob_bytes;
};

/** Items of a checksum. */
void bt_store_sum_text(XXH3_state_t *state, const char *text);
void bt_store_sum_number(XXH3_state_t *state, int64_t number);
void bt_store_sum_real(XXH3_state_t *state, double real);
int64_t bt_store_row_sum(const struct bt_store_row *row);

/** A column's text, into a member; false where it does not fit. */
bool bt_store_take_text(sqlite3_stmt *statement, int column, char *text, size_t text_bytes);
/** The row that a statement is at, as far as columns go; its checksum holds. The statement keeps key and blob. */
bool bt_store_take_row(sqlite3_stmt *statement, struct bt_store_row *row);
/** The whole record of a row that was taken. */
bool bt_store_unpack_record(const unsigned char *blob, size_t bytes, struct bt_record *record);
/** Adds a row; key may be NULL. @param[out] number  Its number. */
BT_MUST_CHECK bool bt_store_put_row(struct bt_store *store, const struct bt_key *key, uint32_t part,
                                    const struct bt_record *record, int64_t *number);

#endif
