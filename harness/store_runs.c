#include "harness/store_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/job.h"
#include "harness/record_json.h"

/* bt_store_fail() for what cannot be done in another store. */
static enum bt_status lost(struct bt_store *store, struct bt_error *err)
{
    (void)bt_store_fail(store, err);
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
    bt_store_sum_number(state, s->number);
    bt_store_sum_text(state, s->suite);
    bt_store_sum_text(state, row->command);
    bt_store_sum_text(state, s->commit);
    bt_store_sum_number(state, s->dirty);
    bt_store_sum_number(state, s->time);
    bt_store_sum_real(state, s->seconds);
    bt_store_sum_number(state, s->totals.passed);
    bt_store_sum_number(state, s->totals.failed);
    bt_store_sum_number(state, s->totals.skipped);
    bt_store_sum_number(state, s->totals.xfailed);
    bt_store_sum_number(state, (int64_t)s->rtl_cycles);
    bt_store_sum_number(state, (int64_t)s->predicted_cycles);
    bt_store_sum_number(state, (int64_t)s->macs);
    bt_store_sum_real(state, s->rtl_seconds);
    bt_store_sum_number(state, row->results);
    bt_store_sum_number(state, row->members);
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
    if (!bt_store_take_text(statement, 1, s->suite, sizeof(s->suite)) ||
        !bt_store_take_text(statement, 2, row->command, sizeof(row->command)) ||
        !bt_store_take_text(statement, 3, s->commit, sizeof(s->commit))) {
        return false;
    }
    (void)snprintf(s->command, sizeof(s->command), "%.511s", row->command);
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
    sqlite3_stmt *members = store->statement[BT_SQL_MEMBERS];
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
    sqlite3_stmt *last = store->statement[BT_SQL_LAST_RUN];
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

static bool add_run(struct bt_store *store, struct run_row *row, const int64_t *rows)
{
    struct bt_store_summary *s = &row->summary;
    sqlite3_stmt *run = store->statement[BT_SQL_ADD_RUN];
    sqlite3_stmt *member = store->statement[BT_SQL_ADD_MEMBER];
    if (!bt_store_next(store, "run", &s->number)) {
        return false;
    }
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
    (void)sqlite3_bind_int64(run, 18, s->number);
    bool ok = bt_store_step(store, BT_SQL_ADD_RUN);
    (void)sqlite3_clear_bindings(run);
    for (int64_t i = 0; i < row->results && ok; i++) {
        (void)sqlite3_bind_int64(member, 1, s->number);
        (void)sqlite3_bind_int64(member, 2, i);
        (void)sqlite3_bind_int64(member, 3, rows[i]);
        ok = bt_store_step(store, BT_SQL_ADD_MEMBER);
    }
    return ok;
}

enum bt_status bt_store_add_run(struct bt_store *store, const struct bt_report *report, int64_t *rows, int64_t *number,
                                struct bt_error *err)
{
    if (!bt_store_usable(store, err)) {
        return BT_EIO;
    }
    struct run_row row = run_of(report);
    bool ok = bt_store_step(store, BT_SQL_BEGIN);
    for (uint32_t i = 0; i < report->record_count && ok; i++) {
        ok = rows[i] != 0 || bt_store_put_row(store, NULL, 0, &report->records[i], &rows[i]);
    }
    row.members = rows_sum(rows, row.results);
    ok = ok && same_as_last(store, &row, number);
    if (ok && *number == 0) {
        ok = add_run(store, &row, rows);
        *number = row.summary.number;
    }
    ok = ok && bt_store_step(store, BT_SQL_COMMIT);
    return ok ? BT_OK : lost(store, err);
}

enum bt_status bt_store_run(struct bt_store *store, int64_t number, struct bt_run *run,
                            bool (*take)(void *context, const struct bt_record *record), void *context,
                            struct bt_error *err)
{
    struct run_row row;
    if (!bt_store_usable(store, err)) {
        return BT_EIO;
    }
    sqlite3_stmt *one = store->statement[BT_SQL_RUN];
    sqlite3_stmt *load = store->statement[BT_SQL_LOAD];
    (void)sqlite3_bind_int64(one, 1, number);
    int code = sqlite3_step(one);
    store->doubtful = code == SQLITE_ROW && !take_run(one, &row);
    if (code == SQLITE_ROW || code == SQLITE_DONE) {
        (void)sqlite3_reset(one);
    }
    if (code == SQLITE_DONE) {
        return bt_fail(err, BT_EINPUT, "%s: no run %" PRId64 "; 'bittrue history' lists them", store->path, number);
    }
    if (code != SQLITE_ROW || store->doubtful || !members_hold(store, &row)) {
        return lost(store, err);
    }
    *run = (struct bt_run){
        .environment = {.dirty = row.summary.dirty, .time = row.summary.time},
        .seconds = row.summary.seconds,
        .shards = 1,
    };
    (void)snprintf(run->suite, sizeof(run->suite), "%s", row.summary.suite);
    (void)snprintf(run->command, sizeof(run->command), "%s", row.command);
    (void)snprintf(run->environment.commit, sizeof(run->environment.commit), "%s", row.summary.commit);
    int64_t count = 0;
    bool ok = true;
    (void)sqlite3_bind_int64(load, 1, number);
    while (ok && !store->doubtful && (code = sqlite3_step(load)) == SQLITE_ROW) {
        struct bt_record record;
        struct bt_store_row result = {.record = &record};
        store->doubtful = count == row.results || !bt_store_take_row(load, &result);
        ok = store->doubtful || take(context, &record);
        count++;
    }
    if (!ok) {
        (void)sqlite3_reset(load);
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    store->doubtful = store->doubtful || (code == SQLITE_DONE && count != row.results);
    if (store->doubtful || code != SQLITE_DONE) {
        return lost(store, err);
    }
    (void)sqlite3_reset(load);
    return BT_OK;
}

/* Is every row that a list names there? */
static bool rows_are_there(struct bt_store *store)
{
    sqlite3_stmt *lost_rows = store->statement[BT_SQL_LOST_ROWS];
    const int code = sqlite3_step(lost_rows);
    store->doubtful = code == SQLITE_ROW && sqlite3_column_int64(lost_rows, 0) != 0;
    if (code == SQLITE_ROW) {
        (void)sqlite3_reset(lost_rows);
    }
    return code == SQLITE_ROW && !store->doubtful;
}

enum bt_status bt_store_runs(struct bt_store *store, struct bt_store_summary **runs, uint32_t *count,
                             struct bt_error *err)
{
    static const char text[] = "SELECT number, " BT_STORE_RUN_COLUMNS
                               ", (SELECT seq FROM sqlite_sequence WHERE name = 'run') FROM run ORDER BY number";
    struct bt_store_summary *made = NULL;
    sqlite3_stmt *all = NULL;
    uint32_t used = 0;
    uint32_t capacity = 0;
    int64_t last = 0; /* number that was ever given */
    if (!bt_store_usable(store, err)) {
        return BT_EIO;
    }
    int code = sqlite3_prepare_v2(store->db, text, -1, &all, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(all)) == SQLITE_ROW) {
        struct run_row row;
        last = sqlite3_column_int64(all, 18);
        store->doubtful = !take_run(all, &row) || row.summary.number != used + INT64_C(1) || !members_hold(store, &row);
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
    store->doubtful = store->doubtful || (code == SQLITE_DONE && last != used);
    if (code != SQLITE_DONE || store->doubtful || !rows_are_there(store)) {
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

static uint64_t bits_of(const struct bt_record *record)
{
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
        if (record->engine[e].verdict == BT_FAIL && record->engine[e].hash != 0) {
            return record->engine[e].hash;
        }
    }
    return record->engine[BT_ENGINE_REF].hash;
}

enum bt_status bt_store_history(struct bt_store *store, const char *network, const char *layer, const char *variant,
                                const char *config,
                                void (*point)(void *context, const char *id, const struct bt_store_point *point),
                                void *context, struct bt_error *err)
{
    static const char text[] =
        "SELECT result.row, " BT_STORE_RESULT_COLUMNS ", member.run, revision, dirty FROM result"
        " JOIN member ON member.row = result.row JOIN (SELECT number, revision, dirty FROM run) ON number = member.run"
        " WHERE selected(?1, network) AND selected(?2, layer) AND selected(?3, variant) AND selected(?4, config)"
        " ORDER BY network, layer, variant, config, pattern, stalls, dtype, sparsity, structure, seed, number";
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
        struct bt_store_row row = {.record = &record};
        char id[BT_ID_BYTES];
        struct bt_store_point one = {.run = sqlite3_column_int64(all, 23), .dirty = sqlite3_column_int64(all, 25) != 0};
        store->doubtful = !bt_store_take_row(all, &row) || !bt_store_take_text(all, 24, one.commit, sizeof(one.commit));
        code = store->doubtful ? SQLITE_CORRUPT : SQLITE_OK;
        if (store->doubtful) {
            break;
        }
        one.row = row.number;
        one.seed = record.seed;
        one.verdict = record.verdict;
        one.rtl_cycles = record.rtl_cycles;
        one.predicted_cycles = record.predicted_cycles;
        one.hash = bits_of(&record);
        bt_record_id(&record, id, sizeof(id));
        point(context, id, &one);
    }
    (void)sqlite3_finalize(all);
    return code == SQLITE_DONE ? BT_OK : lost(store, err);
}
