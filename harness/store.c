#include "harness/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>
#include <zlib.h>

#include "harness/job.h"
#include "harness/pages.h"
#include "harness/record_json.h"

#define PATH_BYTES 4096
/* Of the tables below; another one is set aside. */
#define SCHEMA 1
#define APPLICATION 0x62747275 /* "btru" */
/* How long one process waits for another's transaction, which are short. */
#define BUSY_MS 60000
#define TERMS_BYTES 4096
#define MOST_RECORD_BYTES (1u << 20)

static const char tables[] =
    "CREATE TABLE result(row INTEGER PRIMARY KEY, key BLOB, part INTEGER NOT NULL, network TEXT NOT NULL,"
    " layer TEXT NOT NULL, variant TEXT NOT NULL, config TEXT NOT NULL, pattern TEXT NOT NULL, stalls INTEGER NOT NULL,"
    " dtype TEXT NOT NULL, sparsity INTEGER NOT NULL, structure TEXT NOT NULL, verdict INTEGER NOT NULL,"
    " hashes BLOB NOT NULL, macs INTEGER NOT NULL, rtl_cycles INTEGER NOT NULL, predicted_cycles INTEGER NOT NULL,"
    " rtl_seconds REAL NOT NULL, terms TEXT NOT NULL, record BLOB NOT NULL, sum INTEGER NOT NULL,"
    " seed INTEGER NOT NULL, UNIQUE(key, part));"
    "CREATE TABLE run(number INTEGER PRIMARY KEY AUTOINCREMENT, suite TEXT NOT NULL, command TEXT NOT NULL,"
    " revision TEXT NOT NULL, dirty INTEGER NOT NULL, time INTEGER NOT NULL, seconds REAL NOT NULL,"
    " passed INTEGER NOT NULL, failed INTEGER NOT NULL, skipped INTEGER NOT NULL, xfailed INTEGER NOT NULL,"
    " rtl_cycles INTEGER NOT NULL, predicted_cycles INTEGER NOT NULL, macs INTEGER NOT NULL, rtl_seconds REAL NOT NULL,"
    " results INTEGER NOT NULL, members INTEGER NOT NULL, sum INTEGER NOT NULL);"
    "CREATE TABLE member(run INTEGER NOT NULL, place INTEGER NOT NULL, row INTEGER NOT NULL,"
    " PRIMARY KEY(run, place)) WITHOUT ROWID;";

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    GET,
    FREE_KEY,
    PUT,
    LAST_RUN,
    MEMBERS,
    ADD_RUN,
    ADD_MEMBER,
    RUN,
    LOAD,
    STATEMENTS
};

#define RESULT_COLUMNS                                                                                                 \
    "key, part, network, layer, variant, config, pattern, stalls, dtype, sparsity, structure, verdict, hashes, macs,"  \
    " rtl_cycles, predicted_cycles, rtl_seconds, terms, record, sum, seed"
#define RUN_COLUMNS                                                                                                    \
    "suite, command, revision, dirty, time, seconds, passed, failed, skipped, xfailed, rtl_cycles, predicted_cycles,"  \
    " macs, rtl_seconds, results, members, sum"

static const char *const texts[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [GET] = "SELECT row, " RESULT_COLUMNS " FROM result WHERE key = ?1 ORDER BY part",
    [FREE_KEY] = "UPDATE result SET key = NULL, sum = ?2 WHERE row = ?1",
    [PUT] = "INSERT INTO result(" RESULT_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
            " ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
    [LAST_RUN] =
        "SELECT number, " RUN_COLUMNS " FROM run WHERE suite = ?1 AND command = ?2 ORDER BY number DESC LIMIT 1",
    [MEMBERS] = "SELECT row FROM member WHERE run = ?1 ORDER BY place",
    [ADD_RUN] = "INSERT INTO run(" RUN_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
                " ?15, ?16, ?17)",
    [ADD_MEMBER] = "INSERT INTO member(run, place, row) VALUES(?1, ?2, ?3)",
    [RUN] = "SELECT number, " RUN_COLUMNS " FROM run WHERE number = ?1",
    [LOAD] = "SELECT result.row, " RESULT_COLUMNS " FROM member JOIN result ON result.row = member.row"
             " WHERE member.run = ?1 ORDER BY member.place",
};

struct bt_store {
    char path[PATH_BYTES];
    enum bt_store_use use;
    sqlite3 *db;
    sqlite3_stmt *statement[STATEMENTS];
    struct stat file; /* as it was opened */
    bool doubtful;    /* a row was not what was stored */
};

/* What is wrong with a file that cannot be trusted. */
struct doubt {
    bool damaged;
    char why[200];
};

/* ---- one row of `result`, in and out ---- */

struct row {
    int64_t number;
    const void *key; /* 16 bytes, or NULL */
    int64_t part;
    struct bt_record *record; /* as far as columns say */
    unsigned char hashes[9 * BT_ENGINE_COUNT];
    char terms[TERMS_BYTES];
    const void *blob;
    size_t blob_bytes;
};

static void add(XXH3_state_t *state, const void *bytes, size_t count)
{
    const uint64_t length = count;
    (void)XXH3_64bits_update(state, &length, sizeof(length));
    (void)XXH3_64bits_update(state, bytes, count);
}

static void add_text(XXH3_state_t *state, const char *text)
{
    add(state, text, strlen(text));
}

static void add_number(XXH3_state_t *state, int64_t number)
{
    add(state, &number, sizeof(number));
}

static void add_real(XXH3_state_t *state, double real)
{
    add(state, &real, sizeof(real));
}

static int64_t row_sum(const struct row *row)
{
    XXH3_state_t *state = XXH3_createState(); /* NULL is caught by the sum that it then does not have */
    const struct bt_record *r = row->record;
    if (state == NULL) {
        return 0;
    }
    (void)XXH3_64bits_reset(state);
    add(state, row->key, row->key != NULL ? sizeof(struct bt_key) : 0);
    add_number(state, row->part);
    add_text(state, r->network);
    add_text(state, r->layer);
    add_text(state, r->variant);
    add_text(state, r->config);
    add_text(state, r->pattern);
    add_number(state, (int64_t)r->seed);
    add_number(state, r->stall_percent);
    add_text(state, r->dtype);
    add_number(state, r->sparsity);
    add_text(state, r->structure);
    add_number(state, (int64_t)r->verdict);
    add(state, row->hashes, sizeof(row->hashes));
    add_number(state, (int64_t)r->macs);
    add_number(state, (int64_t)r->rtl_cycles);
    add_number(state, (int64_t)r->predicted_cycles);
    add_real(state, r->rtl_seconds);
    add_text(state, row->terms);
    add(state, row->blob, row->blob_bytes);
    const XXH64_hash_t sum = XXH3_64bits_digest(state);
    (void)XXH3_freeState(state);
    return (int64_t)sum;
}

/* Per engine: ran or not and its verdict, and the hash. */
static void pack_hashes(const struct bt_record *record, unsigned char *bytes)
{
    for (int e = 0; e < BT_ENGINE_COUNT; e++) {
        const struct bt_engine_result *engine = &record->engine[e];
        bytes[9 * e] = (unsigned char)((engine->ran ? 16 : 0) | (int)engine->verdict);
        for (int b = 0; b < 8; b++) {
            bytes[9 * e + 1 + b] = (unsigned char)(engine->hash >> (8 * b));
        }
    }
}

static bool unpack_hashes(const unsigned char *bytes, struct bt_record *record)
{
    for (int e = 0; e < BT_ENGINE_COUNT; e++) {
        struct bt_engine_result *engine = &record->engine[e];
        if ((bytes[9 * e] & 15) >= BT_VERDICT_COUNT) {
            return false;
        }
        engine->ran = (bytes[9 * e] & 16) != 0;
        engine->verdict = (enum bt_verdict)(bytes[9 * e] & 15);
        for (int b = 0; b < 8; b++) {
            engine->hash |= (uint64_t)bytes[9 * e + 1 + b] << (8 * b);
        }
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
        const size_t length = strcspn(text, "=");
        if (length >= sizeof(name) || text[length] != '=' || counters->count == BT_MAX_COUNTERS) {
            return false;
        }
        (void)snprintf(name, sizeof(name), "%.*s", (int)length, text);
        const uint64_t value = strtoull(text + length + 1, &end, 10);
        if (*end != ' ') {
            return false;
        }
        bt_counters_add(counters, name, value);
        text = end + 1;
    }
    return true;
}

/* A column's text, into a member; false where it does not fit. */
static bool take_text(sqlite3_stmt *statement, int column, char *text, size_t text_bytes)
{
    const unsigned char *value = sqlite3_column_text(statement, column);
    if (value == NULL || strlen((const char *)value) >= text_bytes) {
        return false;
    }
    (void)snprintf(text, text_bytes, "%s", (const char *)value);
    return true;
}

/* The row that a statement is at, as far as columns go; its checksum holds. The statement keeps key and blob. */
static bool take_row(sqlite3_stmt *statement, struct row *row)
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
    const void *hashes = sqlite3_column_blob(statement, 13);
    if (!take_text(statement, 3, record->network, sizeof(record->network)) ||
        !take_text(statement, 4, record->layer, sizeof(record->layer)) ||
        !take_text(statement, 5, record->variant, sizeof(record->variant)) ||
        !take_text(statement, 6, record->config, sizeof(record->config)) ||
        !take_text(statement, 7, record->pattern, sizeof(record->pattern)) ||
        !take_text(statement, 9, record->dtype, sizeof(record->dtype)) ||
        !take_text(statement, 11, record->structure, sizeof(record->structure)) ||
        !take_text(statement, 18, row->terms, sizeof(row->terms)) || verdict < 0 || verdict >= BT_VERDICT_COUNT ||
        hashes == NULL || sqlite3_column_bytes(statement, 13) != (int)sizeof(row->hashes)) {
        return false;
    }
    memcpy(row->hashes, hashes, sizeof(row->hashes));
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
    return row->blob != NULL && row_sum(row) == sqlite3_column_int64(statement, 20) &&
           unpack_hashes(row->hashes, record) && unpack_terms(row->terms, &record->measured);
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

static bool unpack_record(const unsigned char *blob, size_t bytes, struct bt_record *record)
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

/* ---- the file ---- */

static void finalise(struct bt_store *store)
{
    for (int i = 0; i < STATEMENTS; i++) {
        (void)sqlite3_finalize(store->statement[i]);
        store->statement[i] = NULL;
    }
    (void)sqlite3_close(store->db);
    store->db = NULL;
}

static bool is_damage(int code)
{
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_CONSTRAINT: /* a key that a look at the same transaction did not find */
        return true;
    default:
        return false;
    }
}

/* One number that a pragma or query answers with. */
static int ask(sqlite3 *db, const char *text, int64_t *number)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, text, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
        *number = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
        code = code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
    }
    (void)sqlite3_finalize(statement);
    return code;
}

static int execute(sqlite3 *db, const char *text)
{
    return sqlite3_exec(db, text, NULL, NULL, NULL);
}

/* An empty file gets its tables; whoever was first made them. */
static int make_tables(sqlite3 *db)
{
    char text[100];
    int64_t version = 0;
    int code = execute(db, "BEGIN IMMEDIATE");
    if (code == SQLITE_OK) {
        code = ask(db, "PRAGMA user_version", &version);
    }
    if (code == SQLITE_OK && version == 0) {
        (void)snprintf(text, sizeof(text), "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION, SCHEMA);
        code = execute(db, tables);
        code = code == SQLITE_OK ? execute(db, text) : code;
    }
    if (code == SQLITE_OK) {
        return execute(db, "COMMIT");
    }
    return code; /* closing the file rolls back, and would not say why it failed */
}

/* Is it a store of this version? */
static int look(sqlite3 *db, struct doubt *doubt)
{
    int64_t objects = 0;
    int64_t version = 0;
    int64_t application = 0;
    int code = ask(db, "PRAGMA user_version", &version);
    code = code == SQLITE_OK ? ask(db, "PRAGMA application_id", &application) : code;
    code = code == SQLITE_OK ? ask(db, "SELECT count(*) FROM sqlite_master", &objects) : code;
    if (code == SQLITE_OK && version == 0 && objects == 0) {
        return SQLITE_OK; /* new */
    }
    if (code == SQLITE_OK && (application != APPLICATION || version != SCHEMA)) {
        doubt->damaged = true;
        (void)snprintf(doubt->why, sizeof(doubt->why), "%s, schema %" PRId64 ": expected schema %d",
                       application != APPLICATION ? "no results store" : "a results store", version, SCHEMA);
    }
    return code;
}

static int prepare(struct bt_store *store)
{
    int code = SQLITE_OK;
    for (int i = 0; i < STATEMENTS && code == SQLITE_OK; i++) {
        code = sqlite3_prepare_v3(store->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &store->statement[i], NULL);
    }
    return code;
}

static int open_file(struct bt_store *store, struct doubt *doubt)
{
    int64_t ignored = 0;
    const bool reads = store->use == BT_STORE_READ;
    int code = sqlite3_open_v2(store->path, &store->db, SQLITE_OPEN_READWRITE | (reads ? 0 : SQLITE_OPEN_CREATE), NULL);
    if (code == SQLITE_OK) {
        (void)sqlite3_extended_result_codes(store->db, 1);
        code = sqlite3_busy_timeout(store->db, BUSY_MS);
    }
    code = code == SQLITE_OK ? look(store->db, doubt) : code;
    if (code == SQLITE_OK && !doubt->damaged && !reads) {
        code = ask(store->db, "PRAGMA journal_mode = WAL", &ignored);
        code = code == SQLITE_OK ? execute(store->db, "PRAGMA synchronous = NORMAL") : code;
        code = code == SQLITE_OK ? make_tables(store->db) : code;
    }
    if (code == SQLITE_OK && !doubt->damaged) {
        code = prepare(store);
        (void)stat(store->path, &store->file);
    }
    if (is_damage(code) || (code & 0xff) == SQLITE_ERROR) { /* SQLITE_ERROR: a table or column is not there */
        doubt->damaged = true;
        (void)snprintf(doubt->why, sizeof(doubt->why), "%s", sqlite3_errmsg(store->db));
    }
    return code;
}

/* Was the file ever a results store, as its first bytes say? An empty one may become one. */
static bool was_ours(const char *path)
{
    unsigned char head[72] = {0};
    FILE *file = fopen(path, "rbe");
    const size_t got = file != NULL ? fread(head, 1, sizeof(head), file) : 0;
    if (file != NULL) {
        (void)fclose(file);
    }
    const uint32_t application =
        (uint32_t)head[68] << 24 | (uint32_t)head[69] << 16 | (uint32_t)head[70] << 8 | head[71];
    return got == sizeof(head) && memcmp(head, "SQLite format 3", 16) == 0 && application == APPLICATION;
}

/* Moves the file out of the way, with what SQLite keeps beside it, if it may be moved. */
static enum bt_status set_aside(const struct bt_store *store, const char *why, struct bt_error *err)
{
    const char *path = store->path;
    if (store->use == BT_STORE_READ) {
        return bt_fail(err, BT_EIO, "%s: %s: expected a sound results store", path, why);
    }
    if (store->use == BT_STORE_WRITE && !was_ours(path)) {
        return bt_fail(err, BT_EIO, "%s: %s: expected a results store, or no file", path, why);
    }
    static const char *const beside[] = {"", "-wal", "-shm"};
    char from[PATH_BYTES + 8];
    char to[PATH_BYTES + 40];
    unsigned n = 1;
    do {
        (void)snprintf(to, sizeof(to), "%s.damaged-%u", path, n);
    } while (access(to, F_OK) == 0 && n++ < 10000);
    for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
        (void)snprintf(from, sizeof(from), "%s%s", path, beside[i]);
        (void)snprintf(to, sizeof(to), "%s.damaged-%u%s", path, n, beside[i]);
        if (rename(from, to) != 0 && (i == 0 || errno != ENOENT)) {
            return bt_fail(err, BT_EIO, "%s: %s; it cannot be set aside: %s", path, why, strerror(errno));
        }
    }
    (void)bt_fail(err, BT_OK, "%s: %s; set aside as %s.damaged-%u, results begin anew", path, why, path, n);
    return BT_OK;
}

/* Only one process at a time looks at a file that may have to be moved. @return The lock, or -1 after BUSY_MS. */
static int lock_of(const char *path)
{
    enum { PAUSE_MS = 10 };
    char lock[PATH_BYTES + 8];
    (void)snprintf(lock, sizeof(lock), "%s.lock", path);
    const int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    int left = BUSY_MS / PAUSE_MS;
    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        const struct timespec pause = {0, PAUSE_MS * 1000000};
        if (errno != EWOULDBLOCK || left-- == 0) {
            (void)close(fd);
            return -1;
        }
        (void)nanosleep(&pause, NULL);
    }
    return fd;
}

static enum bt_status reopen(struct bt_store *store, struct bt_error *err)
{
    enum bt_status status = BT_EIO;
    const int lock = store->use != BT_STORE_READ ? lock_of(store->path) : -1;
    if (lock < 0 && store->use != BT_STORE_READ) {
        return bt_fail(err, BT_EIO, "%s: %s", store->path, strerror(errno));
    }
    for (int round = 0; round < 2; round++) {
        struct doubt doubt = {false, ""};
        const int code = open_file(store, &doubt);
        if (code == SQLITE_OK && !doubt.damaged) {
            status = BT_OK;
            break;
        }
        char why[200];
        (void)snprintf(why, sizeof(why), "%s",
                       doubt.damaged       ? doubt.why
                       : store->db != NULL ? sqlite3_errmsg(store->db)
                                           : "out of memory");
        finalise(store);
        if (!doubt.damaged || round > 0) {
            (void)bt_fail(err, BT_EIO, "%s: %s", store->path, why);
            break;
        }
        if (set_aside(store, why, err) != BT_OK) {
            break;
        }
    }
    if (lock >= 0) {
        (void)close(lock);
    }
    return status;
}

enum bt_status bt_store_open(const char *path, enum bt_store_use use, struct bt_store **store, struct bt_error *err)
{
    struct bt_store *made = calloc(1, sizeof(*made));
    if (err != NULL) {
        err->text[0] = '\0';
    }
    if (made == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    made->use = use;
    (void)snprintf(made->path, sizeof(made->path), "%s", path);
    const enum bt_status status = reopen(made, err);
    if (status != BT_OK) {
        bt_store_close(made);
        return status;
    }
    *store = made;
    return BT_OK;
}

void bt_store_close(struct bt_store *store)
{
    if (store != NULL) {
        finalise(store);
        free(store);
    }
}

/* Is the file still where it was opened? Another process may have set it aside. */
static bool in_place(const struct bt_store *store)
{
    struct stat now;
    return stat(store->path, &now) == 0 && now.st_dev == store->file.st_dev && now.st_ino == store->file.st_ino;
}

/* Ends what failed. A damaged file is set aside and another one begun. @return BT_EUNSUPPORTED then, else BT_EIO. */
static enum bt_status fail(struct bt_store *store, struct bt_error *err)
{
    static const char not_stored[] = "a row that is not what was stored";
    const int code = sqlite3_errcode(store->db);
    char text[200];
    (void)snprintf(text, sizeof(text), "%s", store->doubtful ? not_stored : sqlite3_errmsg(store->db));
    for (int i = 0; i < STATEMENTS; i++) {
        (void)sqlite3_reset(store->statement[i]);
    }
    if (!sqlite3_get_autocommit(store->db)) {
        (void)sqlite3_step(store->statement[ROLLBACK]);
        (void)sqlite3_reset(store->statement[ROLLBACK]);
    }
    if (!store->doubtful && !is_damage(code)) {
        return bt_fail(err, BT_EIO, "%s: %s", store->path, text);
    }
    finalise(store);
    store->doubtful = false;
    const int lock = store->use != BT_STORE_READ ? lock_of(store->path) : -1;
    enum bt_status status = store->use == BT_STORE_READ ? set_aside(store, text, err) : BT_EIO;
    if (lock >= 0) {
        status = in_place(store) ? set_aside(store, text, err) : bt_fail(err, BT_OK, "%s: %s", store->path, text);
        (void)close(lock);
    }
    struct bt_error ignored = {""};
    if (status == BT_OK && reopen(store, &ignored) != BT_OK) {
        return bt_fail(err, BT_EIO, "%s", ignored.text);
    }
    return status == BT_OK ? BT_EUNSUPPORTED : status;
}

static bool step(struct bt_store *store, enum statement which)
{
    const int code = sqlite3_step(store->statement[which]);
    (void)sqlite3_reset(store->statement[which]);
    return code == SQLITE_DONE || code == SQLITE_ROW;
}

static bool usable(const struct bt_store *store, struct bt_error *err)
{
    if (store->db == NULL) {
        (void)bt_fail(err, BT_EIO, "%s: no store", store->path);
    }
    return store->db != NULL;
}

/* ---- results ---- */

enum bt_status bt_store_get(struct bt_store *store, const struct bt_key *key, uint32_t count, struct bt_record *records,
                            int64_t *rows, struct bt_error *err)
{
    if (!usable(store, err)) {
        return BT_EIO;
    }
    sqlite3_stmt *get = store->statement[GET];
    struct bt_record *found = calloc(count, sizeof(*found));
    int64_t *numbers = calloc(count, sizeof(*numbers));
    uint32_t at = 0;
    int code = SQLITE_DONE;
    enum bt_status status = BT_ENOMEM;
    if (found == NULL || numbers == NULL) {
        goto cleanup;
    }
    (void)sqlite3_bind_blob(get, 1, key->bytes, sizeof(key->bytes), SQLITE_STATIC);
    while ((code = sqlite3_step(get)) == SQLITE_ROW) {
        struct bt_record columns = {.macs = 0};
        struct row row = {.record = &columns};
        if (!take_row(get, &row) || row.part != at || at == count ||
            !unpack_record(row.blob, row.blob_bytes, &found[at]) || columns.verdict != found[at].verdict) {
            store->doubtful = true;
            break;
        }
        numbers[at++] = row.number;
    }
    if (code != SQLITE_DONE) {
        status = fail(store, err);
        goto cleanup;
    }
    (void)sqlite3_reset(get);
    status = at == count ? BT_OK : BT_EUNSUPPORTED;
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
    sqlite3_stmt *get = store->statement[GET];
    int64_t rows[2][64];
    for (bool more = true; more;) { /* a few at a time: what is read must not change meanwhile */
        int used = 0;
        (void)sqlite3_bind_blob(get, 1, key->bytes, sizeof(key->bytes), SQLITE_STATIC);
        int code = SQLITE_DONE;
        while (used < 64 && (code = sqlite3_step(get)) == SQLITE_ROW) {
            struct bt_record columns;
            struct row row = {.record = &columns};
            if (!take_row(get, &row)) {
                store->doubtful = true;
                break;
            }
            row.key = NULL;
            rows[0][used] = row.number;
            rows[1][used++] = row_sum(&row);
        }
        (void)sqlite3_reset(get);
        if (store->doubtful || (code != SQLITE_DONE && code != SQLITE_ROW)) {
            return false;
        }
        for (int i = 0; i < used; i++) {
            (void)sqlite3_bind_int64(store->statement[FREE_KEY], 1, rows[0][i]);
            (void)sqlite3_bind_int64(store->statement[FREE_KEY], 2, rows[1][i]);
            if (!step(store, FREE_KEY)) {
                return false;
            }
        }
        more = used == 64;
    }
    return true;
}

static bool put_row(struct bt_store *store, const struct bt_key *key, uint32_t part, const struct bt_record *record,
                    int64_t *number)
{
    sqlite3_stmt *put = store->statement[PUT];
    struct row row = {
        .key = key != NULL ? key->bytes : NULL, .part = part, .record = (struct bt_record *)(uintptr_t)record};
    unsigned char *blob = pack_record(record, &row.blob_bytes);
    if (blob == NULL) {
        return false;
    }
    row.blob = blob;
    pack_hashes(record, row.hashes);
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
    (void)sqlite3_bind_blob(put, 13, row.hashes, sizeof(row.hashes), SQLITE_STATIC);
    (void)sqlite3_bind_int64(put, 14, (int64_t)record->macs);
    (void)sqlite3_bind_int64(put, 15, (int64_t)record->rtl_cycles);
    (void)sqlite3_bind_int64(put, 16, (int64_t)record->predicted_cycles);
    (void)sqlite3_bind_double(put, 17, record->rtl_seconds);
    (void)sqlite3_bind_text(put, 18, row.terms, -1, SQLITE_STATIC);
    (void)sqlite3_bind_blob(put, 19, row.blob, (int)row.blob_bytes, SQLITE_STATIC);
    (void)sqlite3_bind_int64(put, 20, row_sum(&row));
    (void)sqlite3_bind_int64(put, 21, (int64_t)record->seed);
    const bool ok = step(store, PUT);
    (void)sqlite3_clear_bindings(put); /* they point to what is gone now */
    free(blob);
    *number = sqlite3_last_insert_rowid(store->db);
    return ok;
}

static enum bt_status put(struct bt_store *store, const struct bt_key *key, uint32_t count,
                          const struct bt_record *records, int64_t *rows, struct bt_error *err)
{
    bool answers = key != NULL;
    for (uint32_t i = 0; i < count; i++) {
        answers = answers && records[i].verdict != BT_FAIL;
    }
    bool ok = step(store, BEGIN) && (key == NULL || free_key(store, key));
    for (uint32_t i = 0; i < count && ok; i++) {
        ok = put_row(store, answers ? key : NULL, i, &records[i], &rows[i]);
    }
    ok = ok && step(store, COMMIT);
    return ok ? BT_OK : fail(store, err);
}

enum bt_status bt_store_put(struct bt_store *store, const struct bt_key *key, uint32_t count,
                            const struct bt_record *records, int64_t *rows, struct bt_error *err)
{
    if (!usable(store, err)) {
        return BT_EIO;
    }
    const enum bt_status status = put(store, key, count, records, rows, err);
    struct bt_error again = {""};
    /* into the one that was begun in its place */
    return status != BT_EUNSUPPORTED                                ? status
           : put(store, key, count, records, rows, &again) == BT_OK ? BT_OK
                                                                    : bt_fail(err, BT_EIO, "%s", again.text);
}

/* ---- runs ---- */

/* fail() for what cannot be done in another store. */
static enum bt_status lost(struct bt_store *store, struct bt_error *err)
{
    (void)fail(store, err);
    return BT_EIO;
}

/* Columns of `run`, behind its number. */
struct run_row {
    struct bt_store_summary summary;
    char command[sizeof(((struct bt_run *)NULL)->command)];
    int64_t results, members; /* how many, and the digest of their rows */
};

static int64_t rows_sum(const int64_t *rows, int64_t count)
{
    return (int64_t)XXH3_64bits(rows, (size_t)count * sizeof(*rows));
}

static int64_t run_sum(const struct run_row *row)
{
    const struct bt_store_summary *s = &row->summary;
    XXH3_state_t *state = XXH3_createState();
    if (state == NULL) {
        return 0;
    }
    (void)XXH3_64bits_reset(state);
    add_text(state, s->suite);
    add_text(state, row->command);
    add_text(state, s->commit);
    add_number(state, s->dirty);
    add_number(state, s->time);
    add_real(state, s->seconds);
    add_number(state, s->totals.passed);
    add_number(state, s->totals.failed);
    add_number(state, s->totals.skipped);
    add_number(state, s->totals.xfailed);
    add_number(state, (int64_t)s->rtl_cycles);
    add_number(state, (int64_t)s->predicted_cycles);
    add_number(state, (int64_t)s->macs);
    add_real(state, s->rtl_seconds);
    add_number(state, row->results);
    add_number(state, row->members);
    const XXH64_hash_t sum = XXH3_64bits_digest(state);
    (void)XXH3_freeState(state);
    return (int64_t)sum;
}

static bool take_run(sqlite3_stmt *statement, struct run_row *row)
{
    struct bt_store_summary *s = &row->summary;
    *row = (struct run_row){.results = sqlite3_column_int64(statement, 15),
                            .members = sqlite3_column_int64(statement, 16)};
    s->number = sqlite3_column_int64(statement, 0);
    if (!take_text(statement, 1, s->suite, sizeof(s->suite)) ||
        !take_text(statement, 2, row->command, sizeof(row->command)) ||
        !take_text(statement, 3, s->commit, sizeof(s->commit))) {
        return false;
    }
    s->dirty = sqlite3_column_int64(statement, 4) != 0;
    s->time = sqlite3_column_int64(statement, 5);
    s->seconds = sqlite3_column_double(statement, 6);
    s->totals = (struct bt_totals){
        .passed = (uint32_t)sqlite3_column_int64(statement, 7),
        .failed = (uint32_t)sqlite3_column_int64(statement, 8),
        .skipped = (uint32_t)sqlite3_column_int64(statement, 9),
        .xfailed = (uint32_t)sqlite3_column_int64(statement, 10),
    };
    s->rtl_cycles = (uint64_t)sqlite3_column_int64(statement, 11);
    s->predicted_cycles = (uint64_t)sqlite3_column_int64(statement, 12);
    s->macs = (uint64_t)sqlite3_column_int64(statement, 13);
    s->rtl_seconds = sqlite3_column_double(statement, 14);
    return row->results >= 0 && row->results <= UINT32_MAX && run_sum(row) == sqlite3_column_int64(statement, 17);
}

static struct run_row run_of(const struct bt_report *report)
{
    const struct bt_run *run = &report->run;
    struct run_row row = {.results = report->record_count};
    struct bt_store_summary *s = &row.summary;
    (void)snprintf(s->suite, sizeof(s->suite), "%s", run->suite);
    (void)snprintf(row.command, sizeof(row.command), "%s", run->command);
    (void)snprintf(s->commit, sizeof(s->commit), "%s", run->environment.commit);
    s->dirty = run->environment.dirty;
    s->time = run->environment.time;
    s->seconds = run->seconds;
    s->totals = bt_report_totals(report);
    for (uint32_t i = 0; i < report->record_count; i++) {
        const struct bt_record *record = &report->records[i];
        if (record->rtl_cycles != 0) {
            s->rtl_cycles += record->rtl_cycles;
            s->predicted_cycles += record->predicted_cycles;
            s->macs += record->macs;
            s->rtl_seconds += record->rtl_seconds;
        }
    }
    return row;
}

/* Is the run's list the one that was stored? */
static bool members_hold(struct bt_store *store, const struct run_row *run)
{
    sqlite3_stmt *members = store->statement[MEMBERS];
    int64_t *rows = calloc((size_t)run->results + 1, sizeof(*rows));
    int64_t at = 0;
    int code = SQLITE_DONE;
    (void)sqlite3_bind_int64(members, 1, run->summary.number);
    while (rows != NULL && (code = sqlite3_step(members)) == SQLITE_ROW && at < run->results) {
        rows[at++] = sqlite3_column_int64(members, 0);
    }
    (void)sqlite3_reset(members);
    store->doubtful = rows != NULL && (code == SQLITE_ROW || at != run->results || rows_sum(rows, at) != run->members);
    const bool ok = rows != NULL && code == SQLITE_DONE && !store->doubtful;
    free(rows);
    return ok;
}

/* Has the last run of that suite and command the same results, at the same revision? 0: no, or there is none. */
static bool same_as_last(struct bt_store *store, const struct run_row *row, int64_t *number)
{
    sqlite3_stmt *last = store->statement[LAST_RUN];
    struct run_row before;
    *number = 0;
    (void)sqlite3_bind_text(last, 1, row->summary.suite, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(last, 2, row->command, -1, SQLITE_STATIC);
    const int code = sqlite3_step(last);
    store->doubtful = code == SQLITE_ROW && !take_run(last, &before);
    (void)sqlite3_reset(last);
    if (code != SQLITE_ROW || store->doubtful) {
        return code == SQLITE_DONE;
    }
    if (before.results == row->results && before.members == row->members &&
        strcmp(before.summary.commit, row->summary.commit) == 0 && before.summary.dirty == row->summary.dirty) {
        *number = before.summary.number;
        return members_hold(store, &before);
    }
    return true;
}

static bool add_run(struct bt_store *store, const struct run_row *row, const int64_t *rows, int64_t *number)
{
    const struct bt_store_summary *s = &row->summary;
    sqlite3_stmt *run = store->statement[ADD_RUN];
    sqlite3_stmt *member = store->statement[ADD_MEMBER];
    (void)sqlite3_bind_text(run, 1, s->suite, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(run, 2, row->command, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(run, 3, s->commit, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(run, 4, s->dirty);
    (void)sqlite3_bind_int64(run, 5, s->time);
    (void)sqlite3_bind_double(run, 6, s->seconds);
    (void)sqlite3_bind_int64(run, 7, s->totals.passed);
    (void)sqlite3_bind_int64(run, 8, s->totals.failed);
    (void)sqlite3_bind_int64(run, 9, s->totals.skipped);
    (void)sqlite3_bind_int64(run, 10, s->totals.xfailed);
    (void)sqlite3_bind_int64(run, 11, (int64_t)s->rtl_cycles);
    (void)sqlite3_bind_int64(run, 12, (int64_t)s->predicted_cycles);
    (void)sqlite3_bind_int64(run, 13, (int64_t)s->macs);
    (void)sqlite3_bind_double(run, 14, s->rtl_seconds);
    (void)sqlite3_bind_int64(run, 15, row->results);
    (void)sqlite3_bind_int64(run, 16, row->members);
    (void)sqlite3_bind_int64(run, 17, run_sum(row));
    bool ok = step(store, ADD_RUN);
    (void)sqlite3_clear_bindings(run);
    *number = sqlite3_last_insert_rowid(store->db);
    for (int64_t i = 0; i < row->results && ok; i++) {
        (void)sqlite3_bind_int64(member, 1, *number);
        (void)sqlite3_bind_int64(member, 2, i);
        (void)sqlite3_bind_int64(member, 3, rows[i]);
        ok = step(store, ADD_MEMBER);
    }
    return ok;
}

enum bt_status bt_store_add_run(struct bt_store *store, const struct bt_report *report, int64_t *rows, int64_t *number,
                                struct bt_error *err)
{
    if (!usable(store, err)) {
        return BT_EIO;
    }
    struct run_row row = run_of(report);
    bool ok = step(store, BEGIN);
    for (uint32_t i = 0; i < report->record_count && ok; i++) {
        ok = rows[i] != 0 || put_row(store, NULL, 0, &report->records[i], &rows[i]);
    }
    row.members = rows_sum(rows, row.results);
    ok = ok && same_as_last(store, &row, number);
    ok = ok && (*number != 0 || add_run(store, &row, rows, number));
    ok = ok && step(store, COMMIT);
    return ok ? BT_OK : lost(store, err);
}

enum bt_status bt_store_run(struct bt_store *store, int64_t number, struct bt_results *results, struct bt_error *err)
{
    struct run_row run;
    int code = SQLITE_DONE;
    *results = (struct bt_results){.count = 0};
    if (!usable(store, err)) {
        return BT_EIO;
    }
    sqlite3_stmt *one = store->statement[RUN];
    sqlite3_stmt *load = store->statement[LOAD];
    (void)sqlite3_bind_int64(one, 1, number);
    code = sqlite3_step(one);
    store->doubtful = code == SQLITE_ROW && !take_run(one, &run);
    if (code == SQLITE_ROW || code == SQLITE_DONE) {
        (void)sqlite3_reset(one);
    }
    if (code == SQLITE_DONE) {
        return bt_fail(err, BT_EINPUT, "%s: no run %" PRId64 "; 'bittrue history' lists them", store->path, number);
    }
    if (code != SQLITE_ROW || store->doubtful || !members_hold(store, &run)) {
        return lost(store, err);
    }
    (void)snprintf(results->run.suite, sizeof(results->run.suite), "%s", run.summary.suite);
    (void)snprintf(results->run.command, sizeof(results->run.command), "%s", run.command);
    (void)snprintf(results->run.environment.commit, sizeof(results->run.environment.commit), "%s", run.summary.commit);
    results->run.environment.dirty = run.summary.dirty;
    results->run.environment.time = run.summary.time;
    results->run.seconds = run.summary.seconds;
    results->run.shards = 1;
    results->records = calloc((size_t)run.results + 1, sizeof(*results->records));
    /* half a gigabyte of records in small pages takes longer to map than to read */
    bt_pages_advise(results->records, (size_t)run.results * sizeof(*results->records), MADV_HUGEPAGE);
    results->replays = calloc((size_t)run.results + 1, sizeof(char *));
    results->limits = calloc(1, sizeof(*results->limits));
    bool ok = results->records != NULL && results->replays != NULL && results->limits != NULL;
    (void)sqlite3_bind_int64(load, 1, number);
    while (ok && !store->doubtful && (code = sqlite3_step(load)) == SQLITE_ROW) {
        struct row row = {.record = &results->records[results->count]};
        store->doubtful = results->count == run.results || !take_row(load, &row);
        results->replays[results->count] = store->doubtful ? NULL : strdup("");
        ok = store->doubtful || results->replays[results->count] != NULL;
        results->count += ok && !store->doubtful ? 1 : 0;
    }
    store->doubtful = store->doubtful || (ok && code == SQLITE_DONE && results->count != run.results);
    if (ok && !store->doubtful && code == SQLITE_DONE) {
        (void)sqlite3_reset(load);
        return BT_OK;
    }
    bt_results_free(results);
    if (!ok) {
        (void)sqlite3_reset(load);
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    return lost(store, err);
}

enum bt_status bt_store_runs(struct bt_store *store, struct bt_store_summary **runs, uint32_t *count,
                             struct bt_error *err)
{
    struct bt_store_summary *made = NULL;
    sqlite3_stmt *all = NULL;
    uint32_t used = 0;
    uint32_t capacity = 0;
    if (!usable(store, err)) {
        return BT_EIO;
    }
    int code = sqlite3_prepare_v2(store->db, "SELECT number, " RUN_COLUMNS " FROM run ORDER BY number", -1, &all, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(all)) == SQLITE_ROW) {
        struct run_row row;
        store->doubtful = !take_run(all, &row) || !members_hold(store, &row);
        if (used == capacity) {
            capacity = capacity * 2 + 64;
            struct bt_store_summary *grown = realloc(made, capacity * sizeof(*grown));
            if (grown == NULL) {
                free(made);
                (void)sqlite3_finalize(all);
                return bt_fail(err, BT_ENOMEM, "out of memory");
            }
            made = grown;
        }
        made[used++] = row.summary;
        code = store->doubtful ? SQLITE_CORRUPT : SQLITE_OK;
    }
    (void)sqlite3_finalize(all);
    if (code != SQLITE_DONE) {
        free(made);
        return lost(store, err);
    }
    *runs = made;
    *count = used;
    return BT_OK;
}

/* SQL function: does the text match the globs? NULL matches everything. */
static void selected(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    const char *globs = (const char *)sqlite3_value_text(values[0]);
    const char *text = (const char *)sqlite3_value_text(values[1]);
    sqlite3_result_int(context, text != NULL && bt_glob(globs, text) ? 1 : 0);
}

enum bt_status bt_store_history(struct bt_store *store, const char *network, const char *layer, const char *variant,
                                const char *config,
                                void (*point)(void *context, const char *id, const struct bt_store_point *point),
                                void *context, struct bt_error *err)
{
    static const char text[] =
        "SELECT result.row, " RESULT_COLUMNS ", member.run, revision, dirty FROM result"
        " JOIN member ON member.row = result.row JOIN (SELECT number, revision, dirty FROM run) ON number = member.run"
        " WHERE selected(?1, network) AND selected(?2, layer) AND selected(?3, variant) AND selected(?4, config)"
        " ORDER BY network, layer, variant, config, pattern, stalls, dtype, sparsity, structure, number";
    const char *const globs[] = {network, layer, variant, config};
    sqlite3_stmt *all = NULL;
    struct bt_store_summary *runs = NULL;
    uint32_t run_count = 0;
    const enum bt_status status = bt_store_runs(store, &runs, &run_count, err); /* and that their lists are sound */
    free(runs);
    if (status != BT_OK) {
        return status;
    }
    int code = sqlite3_create_function(store->db, "selected", 2, SQLITE_UTF8, NULL, selected, NULL, NULL);
    code = code == SQLITE_OK ? sqlite3_prepare_v2(store->db, text, -1, &all, NULL) : code;
    for (int i = 0; i < 4 && code == SQLITE_OK; i++) {
        code = sqlite3_bind_text(all, i + 1, globs[i], -1, SQLITE_STATIC);
    }
    while (code == SQLITE_OK && (code = sqlite3_step(all)) == SQLITE_ROW) {
        struct bt_record record = {.macs = 0};
        struct row row = {.record = &record};
        char id[BT_ID_BYTES];
        struct bt_store_point one = {.run = sqlite3_column_int64(all, 22), .dirty = sqlite3_column_int64(all, 24) != 0};
        store->doubtful = !take_row(all, &row) || !take_text(all, 23, one.commit, sizeof(one.commit));
        code = store->doubtful ? SQLITE_CORRUPT : SQLITE_OK;
        if (store->doubtful) {
            break;
        }
        one.row = row.number;
        one.verdict = record.verdict;
        one.rtl_cycles = record.rtl_cycles;
        one.predicted_cycles = record.predicted_cycles;
        one.hash = record.engine[BT_ENGINE_REF].hash;
        bt_record_id(&record, id, sizeof(id));
        point(context, id, &one);
    }
    (void)sqlite3_finalize(all);
    return code == SQLITE_DONE ? BT_OK : lost(store, err);
}
