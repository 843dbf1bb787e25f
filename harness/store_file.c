#include "harness/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/* Of the tables below; another one is set aside. */
#define SCHEMA 3
#define APPLICATION 0x62747275 /* "btru" */
/* How long one process waits for another's transaction, which are short. */
#define BUSY_MS 60000

static const char tables[] =
    "CREATE TABLE result(row INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB, part INTEGER NOT NULL, network TEXT NOT NULL,"
    " layer TEXT NOT NULL, variant TEXT NOT NULL, config TEXT NOT NULL, pattern TEXT NOT NULL, stalls INTEGER NOT NULL,"
    " dtype TEXT NOT NULL, sparsity INTEGER NOT NULL, structure TEXT NOT NULL, verdict INTEGER NOT NULL,"
    " engines BLOB NOT NULL, macs INTEGER NOT NULL, rtl_cycles INTEGER NOT NULL, predicted_cycles INTEGER NOT NULL,"
    " rtl_seconds REAL NOT NULL, terms TEXT NOT NULL, record BLOB NOT NULL, sum INTEGER NOT NULL,"
    " seed INTEGER NOT NULL, reason TEXT NOT NULL, UNIQUE(key, part));"
    "CREATE TABLE run(number INTEGER PRIMARY KEY AUTOINCREMENT, suite TEXT NOT NULL, command TEXT NOT NULL,"
    " revision TEXT NOT NULL, dirty INTEGER NOT NULL, time INTEGER NOT NULL, seconds REAL NOT NULL,"
    " passed INTEGER NOT NULL, failed INTEGER NOT NULL, skipped INTEGER NOT NULL, xfailed INTEGER NOT NULL,"
    " rtl_cycles INTEGER NOT NULL, predicted_cycles INTEGER NOT NULL, macs INTEGER NOT NULL, rtl_seconds REAL NOT NULL,"
    " results INTEGER NOT NULL, members INTEGER NOT NULL, sum INTEGER NOT NULL);"
    "CREATE TABLE member(run INTEGER NOT NULL, place INTEGER NOT NULL, row INTEGER NOT NULL,"
    " PRIMARY KEY(run, place)) WITHOUT ROWID;";

static const char *const texts[BT_SQL_STATEMENTS] = {
    [BT_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [BT_SQL_COMMIT] = "COMMIT",
    [BT_SQL_ROLLBACK] = "ROLLBACK",
    [BT_SQL_GET] = "SELECT row, " BT_STORE_RESULT_COLUMNS " FROM result WHERE key = ?1 ORDER BY part",
    [BT_SQL_FREE_KEY] = "UPDATE result SET key = NULL, sum = ?2 WHERE row = ?1",
    /* counts up over whatever was there, so that no other result or run ever gets a number that was known as another's */
    [BT_SQL_NEXT] = "SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = ?1",
    [BT_SQL_PUT] = "INSERT INTO result(" BT_STORE_RESULT_COLUMNS
                   ", row) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
                   " ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)",
    [BT_SQL_LAST_RUN] = "SELECT number, " BT_STORE_RUN_COLUMNS
                        " FROM run WHERE suite = ?1 AND command = ?2 ORDER BY number DESC LIMIT 1",
    [BT_SQL_MEMBERS] = "SELECT row FROM member WHERE run = ?1 ORDER BY place",
    [BT_SQL_LOST_ROWS] = "SELECT count(*) FROM member WHERE row NOT IN (SELECT row FROM result)",
    [BT_SQL_ADD_RUN] =
        "INSERT INTO run(" BT_STORE_RUN_COLUMNS
        ", number) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
    [BT_SQL_ADD_MEMBER] = "INSERT INTO member(run, place, row) VALUES(?1, ?2, ?3)",
    [BT_SQL_RUN] = "SELECT number, " BT_STORE_RUN_COLUMNS " FROM run WHERE number = ?1",
    [BT_SQL_LOAD] = "SELECT result.row, " BT_STORE_RESULT_COLUMNS " FROM member JOIN result ON result.row = member.row"
                    " WHERE member.run = ?1 ORDER BY member.place",
};

/* What is wrong with a file that cannot be trusted. */
struct doubt {
    bool damaged;
    char why[200];
};

static void finalise(struct bt_store *store)
{
    for (int i = 0; i < BT_SQL_STATEMENTS; i++) {
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
static int look(sqlite3 *db, bool reads, struct doubt *doubt)
{
    int64_t objects = 0;
    int64_t version = 0;
    int64_t application = 0;
    int code = ask(db, "PRAGMA user_version", &version);
    code = code == SQLITE_OK ? ask(db, "PRAGMA application_id", &application) : code;
    code = code == SQLITE_OK ? ask(db, "SELECT count(*) FROM sqlite_master", &objects) : code;
    if (code == SQLITE_OK && version == 0 && objects == 0) { /* new */
        doubt->damaged = reads;
        (void)snprintf(doubt->why, sizeof(doubt->why), "empty");
        return SQLITE_OK;
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
    for (int i = 0; i < BT_SQL_STATEMENTS && code == SQLITE_OK; i++) {
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
    code = code == SQLITE_OK ? look(store->db, reads, doubt) : code;
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

/* Was the file ever a results store, as its first bytes say? `begun`: or one that was killed before it had a table. */
static bool was_ours(const char *path, bool begun)
{
    unsigned char head[72] = {0};
    FILE *file = fopen(path, "rbe");
    const size_t got = file != NULL ? fread(head, 1, sizeof(head), file) : 0;
    if (file != NULL) {
        (void)fclose(file);
    }
    const uint32_t application =
        (uint32_t)head[68] << 24 | (uint32_t)head[69] << 16 | (uint32_t)head[70] << 8 | head[71];
    static const unsigned char no_schema[4] = {0}; /* the cookie that counts changes of the tables */
    return got == sizeof(head) && memcmp(head, "SQLite format 3", 16) == 0 &&
           (application == APPLICATION ||
            (begun && application == 0 && memcmp(head + 40, no_schema, sizeof(no_schema)) == 0));
}

/* What is not ours is not even opened: SQLite would leave its traces beside it and in it. An empty file may become ours. */
static enum bt_status refuse_foreign(const struct bt_store *store, struct bt_error *err)
{
    struct stat info;
    if (store->use == BT_STORE_OWN || stat(store->path, &info) != 0 ||
        (S_ISREG(info.st_mode) && (info.st_size == 0 || was_ours(store->path, true)))) {
        return BT_OK;
    }
    return bt_fail(err, BT_EIO, "%s: no results store: expected one%s", store->path,
                   store->use == BT_STORE_WRITE ? ", or no file" : "");
}

/* Moves the file out of the way, with what SQLite keeps beside it, if it may be moved. */
static enum bt_status set_aside(const struct bt_store *store, const char *why, struct bt_error *err)
{
    const char *path = store->path;
    if (store->use == BT_STORE_READ) {
        return bt_fail(err, BT_EIO, "%s: %s: expected a sound results store", path, why);
    }
    if (store->use == BT_STORE_WRITE && !was_ours(path, false)) {
        return bt_fail(err, BT_EIO, "%s: %s: expected a results store, or no file", path, why);
    }
    static const char *const beside[] = {"", "-wal", "-shm"};
    char from[BT_STORE_PATH_BYTES + 8];
    char to[BT_STORE_PATH_BYTES + 40];
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
    char lock[BT_STORE_PATH_BYTES + 8];
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
            const bool closed = store->use == BT_STORE_READ && (code & 0xff) == SQLITE_READONLY;
            (void)bt_fail(err, BT_EIO, "%s: %s%s", store->path, why,
                          closed ? ": expected a folder that one may write to, which SQLite needs; a copy may be read"
                                 : "");
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
    enum bt_status status = refuse_foreign(made, err);
    status = status == BT_OK ? reopen(made, err) : status;
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

enum bt_status bt_store_fail(struct bt_store *store, struct bt_error *err)
{
    static const char not_stored[] = "a row that is not what was stored";
    const int code = sqlite3_errcode(store->db);
    char text[200];
    (void)snprintf(text, sizeof(text), "%s", store->doubtful ? not_stored : sqlite3_errmsg(store->db));
    for (int i = 0; i < BT_SQL_STATEMENTS; i++) {
        (void)sqlite3_reset(store->statement[i]);
    }
    if (!sqlite3_get_autocommit(store->db)) {
        (void)sqlite3_step(store->statement[BT_SQL_ROLLBACK]);
        (void)sqlite3_reset(store->statement[BT_SQL_ROLLBACK]);
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

bool bt_store_step(struct bt_store *store, enum bt_store_statement which)
{
    const int code = sqlite3_step(store->statement[which]);
    (void)sqlite3_reset(store->statement[which]);
    return code == SQLITE_DONE || code == SQLITE_ROW;
}

bool bt_store_next(struct bt_store *store, const char *table, int64_t *number)
{
    sqlite3_stmt *next = store->statement[BT_SQL_NEXT];
    (void)sqlite3_bind_text(next, 1, table, -1, SQLITE_STATIC);
    const bool ok = sqlite3_step(next) == SQLITE_ROW;
    *number = ok ? sqlite3_column_int64(next, 0) : 0;
    (void)sqlite3_reset(next);
    return ok;
}

bool bt_store_usable(const struct bt_store *store, struct bt_error *err)
{
    if (store->db == NULL) {
        (void)bt_fail(err, BT_EIO, "%s: no store", store->path);
    }
    return store->db != NULL;
}
