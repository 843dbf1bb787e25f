/* The results store: what goes in comes out, and only that, whoever writes, dies or damages the file meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/store.h"

static char folder[] = P_tmpdir "/bt_test_store_XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof(command), "chmod -R u+w %s; rm -rf %s", folder, folder);
    return chdir("/") | system(command);
}

static struct bt_key key_of(unsigned n)
{
    struct bt_key key = {{0}};
    key.bytes[0] = (unsigned char)n;
    key.bytes[9] = (unsigned char)(n >> 8);
    return key;
}

/* Everything of it follows from n and `round`. */
static struct bt_record record_of(unsigned n, unsigned part, unsigned round)
{
    struct bt_record record;
    bt_record_init(&record);
    (void)snprintf(record.network, sizeof(record.network), "net%u", n % 3);
    (void)snprintf(record.layer, sizeof(record.layer), "layer<%u>", n);
    (void)snprintf(record.variant, sizeof(record.variant), "var%u", n % 2);
    (void)snprintf(record.config, sizeof(record.config), "8x8");
    (void)snprintf(record.pattern, sizeof(record.pattern), "uniform");
    (void)snprintf(record.dtype, sizeof(record.dtype), "int8");
    (void)snprintf(record.structure, sizeof(record.structure), "random");
    (void)snprintf(record.mapping, sizeof(record.mapping), "part %u, round %u", part, round);
    record.same = part + 1;
    record.macs = 1000 + n;
    record.seed = 77 + n;
    record.rtl_cycles = 100 + n + round;
    record.predicted_cycles = 100 + n;
    record.rtl_seconds = 0.1;
    record.engine[BT_ENGINE_REF] = (struct bt_engine_result){.ran = true, .hash = 0xfedcba9876543210u + n};
    record.engine[BT_ENGINE_CYCLES].ran = true;
    record.engine[BT_ENGINE_ISS_ACCEL].soc =
        (struct bt_soc_result){.instructions = 1, .soc_cycles = 0x123456789abcdefu + n};
    record.engine[BT_ENGINE_RTL] = (struct bt_engine_result){.ran = true, .hash = 0xfedcba9876543210u + n};
    bt_counters_add(&record.predicted, "cycles", 100 + n);
    bt_counters_add(&record.measured, "cycles", 100 + n + round);
    bt_counters_add(&record.measured, "drain", round);
    bt_record_set(&record, BT_ENGINE_RTL, BT_PASS, NULL);
    return record;
}

static struct bt_store *opened(const char *path)
{
    struct bt_store *store = NULL;
    struct bt_error err = {""};
    if (bt_store_open(path, BT_STORE_OWN, &store, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(err.text, "");
    return store;
}

static void put(struct bt_store *store, unsigned n, unsigned parts, unsigned round)
{
    struct bt_record records[8];
    int64_t rows[8];
    struct bt_error err = {""};
    const struct bt_key key = key_of(n);
    for (unsigned p = 0; p < parts; p++) {
        records[p] = record_of(n, p, round);
    }
    if (bt_store_put(store, &key, true, parts, records, rows, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
}

/* Is n there, as round stored it? */
static bool there(struct bt_store *store, unsigned n, unsigned parts, unsigned round)
{
    struct bt_record found[8];
    int64_t rows[8];
    struct bt_error err = {""};
    const struct bt_key key = key_of(n);
    const enum bt_status status = bt_store_get(store, &key, parts, found, rows, &err);
    if (status == BT_EUNSUPPORTED && err.text[0] == '\0') {
        return false;
    }
    assert_int_equal(status, BT_OK);
    for (unsigned p = 0; p < parts; p++) {
        const struct bt_record expected = record_of(n, p, round);
        assert_memory_equal(&found[p], &expected, sizeof(expected));
        assert_true(rows[p] > 0);
    }
    return true;
}

static void test_put_and_get(void **state)
{
    (void)state;
    struct bt_store *store = opened("a.db");
    assert_false(there(store, 1, 3, 0));
    put(store, 1, 3, 0);
    put(store, 2, 1, 0);
    assert_true(there(store, 1, 3, 0));
    assert_true(there(store, 2, 1, 0));
    assert_false(there(store, 3, 1, 0));
    /* another number of layers is not what was asked for */
    struct bt_record few[8];
    int64_t rows[8];
    struct bt_error err;
    const struct bt_key key = key_of(1);
    assert_int_equal(bt_store_get(store, &key, 4, few, rows, &err), BT_EUNSUPPORTED);
    bt_store_close(store);
    store = opened("a.db");
    assert_true(there(store, 1, 3, 0));
    put(store, 1, 3, 5); /* forced */
    assert_true(there(store, 1, 3, 5));
    bt_store_close(store);
}

/* What failed is kept for the run and never answers; nor does what passed under that key before. */
static void test_failures_answer_nothing(void **state)
{
    (void)state;
    struct bt_store *store = opened("fail.db");
    struct bt_record records[2] = {record_of(4, 0, 0), record_of(4, 1, 0)};
    int64_t rows[2] = {0, 0};
    struct bt_error err = {""};
    const struct bt_key key = key_of(4);
    bt_record_set(&records[1], BT_ENGINE_MODEL, BT_FAIL, "other bits");
    assert_int_equal(bt_store_put(store, &key, true, 2, records, rows, &err), BT_OK);
    assert_true(rows[0] > 0 && rows[1] > 0);
    assert_false(there(store, 4, 2, 0));
    /* a PASS that was stored before does not come back once the job has failed */
    const int64_t failed_row = rows[1];
    put(store, 4, 2, 0);
    assert_true(there(store, 4, 2, 0));
    assert_int_equal(bt_store_put(store, &key, true, 2, records, rows, &err), BT_OK);
    assert_false(there(store, 4, 2, 0));
    assert_true(rows[1] != failed_row);
    put(store, 4, 2, 1); /* mended */
    assert_true(there(store, 4, 2, 1));
    assert_int_equal(bt_store_put(store, NULL, true, 1, records, rows, &err), BT_OK); /* without a key: of no effect */
    assert_true(there(store, 4, 2, 1));
    assert_int_equal(bt_store_put(store, &key, true, 2, records, rows, &err), BT_OK);
    assert_false(there(store, 4, 2, 0));
    bt_store_close(store);
}

static struct bt_report report_of(struct bt_record *records, uint32_t count, const char *commit, int64_t time)
{
    struct bt_report report = {
        .run = {.suite = "s", .command = "bittrue run"}, .records = records, .record_count = count};
    (void)snprintf(report.run.environment.commit, sizeof(report.run.environment.commit), "%s", commit);
    report.run.environment.time = time;
    return report;
}

struct seen {
    unsigned count;
    char ids[16][200];
    struct bt_store_point points[16];
};

static void note(void *context, const char *id, const struct bt_store_point *point)
{
    struct seen *seen = context;
    if (seen->count < 16) {
        (void)snprintf(seen->ids[seen->count], sizeof(seen->ids[0]), "%s", id);
        seen->points[seen->count] = *point;
    }
    seen->count++;
}

/* The results of a stored run: two at most. */
struct taken {
    struct bt_run run;
    uint32_t count;
    struct bt_record records[2];
};

static bool take(void *context, const struct bt_record *record)
{
    struct taken *taken = context;
    if (taken->count == 2) {
        return false;
    }
    taken->records[taken->count++] = *record;
    return true;
}

/* Runs are in the order in which they ended, whatever the clock says; what a run had stays, whatever is stored later. */
static void test_runs(void **state)
{
    (void)state;
    struct bt_store *store = opened("runs.db");
    struct bt_record records[2] = {record_of(1, 0, 0), record_of(2, 0, 0)};
    int64_t rows[2] = {0, 0};
    int64_t numbers[4];
    struct bt_error err = {""};
    const struct bt_key keys[2] = {key_of(1), key_of(2)};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bt_store_put(store, &keys[i], true, 1, &records[i], &rows[i], &err), BT_OK);
    }
    struct bt_report report = report_of(records, 2, "aaa", 2000);
    assert_int_equal(bt_store_add_run(store, &report, rows, &numbers[0], &err), BT_OK);
    assert_int_equal(bt_store_add_run(store, &report, rows, &numbers[1], &err), BT_OK); /* nothing new */
    assert_int_equal(numbers[0], numbers[1]);
    struct bt_record slower = record_of(1, 0, 7);
    assert_int_equal(bt_store_put(store, &keys[0], true, 1, &slower, &rows[0], &err), BT_OK);
    records[0] = slower;
    rows[1] = 0; /* never stored: now it is */
    report = report_of(records, 2, "bbb", 1000);
    report.run.environment.dirty = true;
    assert_int_equal(bt_store_add_run(store, &report, rows, &numbers[2], &err), BT_OK);
    assert_true(rows[1] > 0);
    assert_true(numbers[2] > numbers[0]);

    struct bt_store_summary *runs = NULL;
    uint32_t count = 0;
    assert_int_equal(bt_store_runs(store, &runs, &count, &err), BT_OK);
    assert_int_equal(count, 2);
    assert_int_equal(runs[0].number, numbers[0]);
    assert_string_equal(runs[1].commit, "bbb");
    assert_int_equal(runs[0].time, 2000);
    assert_int_equal(runs[1].time, 1000);
    assert_true(!runs[0].dirty && runs[1].dirty);
    assert_int_equal(runs[0].totals.passed, 2);
    assert_int_equal(runs[0].rtl_cycles, 101 + 102);
    assert_int_equal(runs[1].rtl_cycles, 108 + 102);
    assert_int_equal(runs[1].macs, 1001 + 1002);
    free(runs);

    struct seen seen = {0};
    assert_int_equal(bt_store_history(store, NULL, "layer<1>,none", "var*", NULL, note, &seen, &err), BT_OK);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.ids[0], "net1:layer<1>:var1:8x8:uniform:0:int8:0:random");
    assert_int_equal(seen.points[0].rtl_cycles, 101);
    assert_int_equal(seen.points[1].rtl_cycles, 108);
    assert_true(seen.points[0].run < seen.points[1].run);
    assert_true(seen.points[0].hash == 0xfedcba9876543211u);
    assert_string_equal(seen.points[1].commit, "bbb");

    /* of what failed, the bits that were wrong */
    records[0] = record_of(1, 0, 7);
    records[0].engine[BT_ENGINE_RTL].hash = 0x55;
    bt_record_set(&records[0], BT_ENGINE_RTL, BT_FAIL, "other bits");
    rows[0] = 0;
    report = report_of(records, 1, "ccc", 3000);
    assert_int_equal(bt_store_add_run(store, &report, rows, &numbers[3], &err), BT_OK);
    seen.count = 0;
    assert_int_equal(bt_store_history(store, NULL, "layer<1>", NULL, NULL, note, &seen, &err), BT_OK);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.points[2].verdict, BT_FAIL);
    assert_true(seen.points[2].hash == 0x55);
    struct taken failed = {.count = 0};
    assert_int_equal(bt_store_run(store, numbers[3], &failed.run, take, &failed, &err), BT_OK);
    assert_string_equal(failed.records[0].reason, "rtl: other bits");

    struct taken taken = {.count = 0};
    assert_int_equal(bt_store_run(store, numbers[2], &taken.run, take, &taken, &err), BT_OK);
    assert_string_equal(taken.run.environment.commit, "bbb");
    assert_true(taken.run.environment.dirty);
    assert_string_equal(taken.records[0].reason, "");
    assert_int_equal(taken.count, 2);
    assert_string_equal(taken.records[0].layer, "layer<1>");
    assert_int_equal(taken.records[0].rtl_cycles, 108);
    assert_int_equal(taken.records[0].seed, 78);
    assert_int_equal(bt_counters_get(&taken.records[0].measured, "drain", 0), 7);
    assert_int_equal(taken.records[0].engine[BT_ENGINE_RTL].verdict, BT_PASS);
    assert_true(taken.records[1].engine[BT_ENGINE_REF].hash == 0xfedcba9876543212u);
    assert_true(taken.records[1].engine[BT_ENGINE_ISS_ACCEL].soc.soc_cycles == 0x123456789abcdf1u);
    taken.count = 0;
    assert_int_equal(bt_store_run(store, numbers[0], &taken.run, take, &taken, &err), BT_OK);
    assert_int_equal(taken.records[0].rtl_cycles, 101);
    assert_int_equal(bt_store_run(store, numbers[0], &taken.run, take, &taken, &err), BT_ENOMEM); /* no room for more */
    taken.count = 0;
    assert_int_equal(bt_store_run(store, numbers[0], &taken.run, take, &taken, &err), BT_OK); /* it begins anew */
    assert_int_equal(taken.count, 2);
    assert_int_equal(bt_store_run(store, 99, &taken.run, take, &taken, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, "no run 99"));
    bt_store_close(store);
}

static size_t file_bytes(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? (size_t)info.st_size : 0;
}

static void copy(const char *from, const char *to)
{
    char command[200];
    (void)snprintf(command, sizeof(command), "rm -f %s %s-wal %s-shm %s.damaged-*; cp %s %s", to, to, to, to, from, to);
    assert_int_equal(system(command), 0);
}

static void overwrite(const char *path, size_t at, const unsigned char *bytes, size_t count)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

/* Reads all that should be there. @return Whether every answer was an answer; a wrong one fails the test. */
static bool read_all(const char *path, unsigned count)
{
    struct bt_store *store = NULL;
    struct bt_error err = {""};
    bool sound = true;
    if (bt_store_open(path, BT_STORE_OWN, &store, &err) != BT_OK) {
        return false;
    }
    sound = err.text[0] == '\0';
    for (unsigned n = 0; n < count && sound; n++) {
        struct bt_record found[2];
        int64_t rows[2];
        const struct bt_key key = key_of(n);
        sound = bt_store_get(store, &key, 2, found, rows, &err) == BT_OK;
        for (unsigned p = 0; p < 2 && sound; p++) {
            const struct bt_record expected = record_of(n, p, 0);
            assert_memory_equal(&found[p], &expected, sizeof(expected));
        }
    }
    /* and it can be written to, whatever was found */
    if (!sound) {
        put(store, 1, 2, 0);
        assert_true(there(store, 1, 2, 0));
    }
    bt_store_close(store);
    return sound;
}

enum { KEYS = 40 };

static void test_damage(void **state)
{
    (void)state;
    struct bt_store *store = opened("sound.db");
    for (unsigned n = 0; n < KEYS; n++) {
        put(store, n, 2, 0);
    }
    bt_store_close(store);
    assert_true(read_all("sound.db", KEYS));
    const size_t bytes = file_bytes("sound.db");
    assert_true(bytes > 20000);
    unsigned noticed = 0;
    unsigned tried = 0;
    for (size_t at = 0; at < bytes; at += 601, tried++) {
        static const unsigned char wrong[] = {0xa5, 0x5a, 0xff, 0x00, 0x77};
        copy("sound.db", "hurt.db");
        overwrite("hurt.db", at, wrong, sizeof(wrong));
        noticed += read_all("hurt.db", KEYS) ? 0 : 1;
    }
    /* what is not noticed is in unused space, or gave the right answers all the same */
    assert_true(noticed > tried / 2);
    /* cut anywhere, or something else altogether */
    for (size_t length = 0; length < bytes; length += bytes / 20) {
        copy("sound.db", "cut.db");
        assert_int_equal(truncate("cut.db", (off_t)length), 0);
        const bool sound = read_all("cut.db", KEYS);
        assert_false(sound);
        assert_int_equal(access("cut.db.damaged-1", F_OK), length != 0 ? 0 : -1); /* an empty file is a new store */
    }
    FILE *file = fopen("else.db", "w");
    assert_non_null(file);
    assert_true(
        fputs("this is a text and no database, and it is longer than a header of SQLite, which has 100 bytes.....\n",
              file) >= 0);
    assert_int_equal(fclose(file), 0);
    struct bt_error err = {""};
    assert_int_equal(bt_store_open("else.db", BT_STORE_OWN, &store, &err), BT_OK);
    assert_string_equal(err.text,
                        "else.db: file is not a database; set aside as else.db.damaged-1, results begin anew");
    bt_store_close(store);
    assert_true(file_bytes("else.db.damaged-1") > 90);
}

static void edit(const char *path, const char *text)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    char *message = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s: %s", text, message);
    }
    (void)sqlite3_close(db);
}

static void first_line(const char *command, char *text, size_t text_bytes)
{
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(text, (int)text_bytes, pipe));
    (void)pclose(pipe);
}

/* What was never a store is not touched; nor is anything by who only reads. */
static void test_uses(void **state)
{
    (void)state;
    static const struct {
        const char *text; /* NULL: a database of SQLite's, of somebody else */
        enum bt_store_use use;
        const char *words;
    } cases[] = {
        {"notes that somebody keeps here, and wants to find again; they are longer than the header of a database. . . "
         ".",
         BT_STORE_WRITE, "notes: no results store: expected one, or no file"},
        {"notes that somebody keeps here, and wants to find again; they are longer than the header of a database. . . "
         ".",
         BT_STORE_READ, "notes: no results store: expected one"},
        {NULL, BT_STORE_WRITE, "notes: no results store: expected one, or no file"},
        {NULL, BT_STORE_READ, "notes: no results store: expected one"},
        {"", BT_STORE_READ, "notes: empty: expected a sound results store"},
    };
    struct bt_store *store = NULL;
    struct bt_error err;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char before[64] = "";
        char after[64] = "";
        assert_int_equal(system("rm -f notes*"), 0);
        if (cases[i].text != NULL) {
            FILE *file = fopen("notes", "w");
            assert_non_null(file);
            assert_true(fputs(cases[i].text, file) >= 0);
            assert_int_equal(fclose(file), 0);
        } else {
            edit("notes", "CREATE TABLE mine(x); PRAGMA user_version = 7; INSERT INTO mine VALUES(5)");
        }
        first_line("cksum <notes", before, sizeof(before));
        assert_int_equal(bt_store_open("notes", cases[i].use, &store, &err), BT_EIO);
        if (strstr(err.text, cases[i].words) == NULL) {
            fail_msg("lacks %s: %s", cases[i].words, err.text);
        }
        first_line("cksum <notes", after, sizeof(after));
        assert_string_equal(after, before);
        first_line("ls notes* | tr '\n' ' '", after, sizeof(after));
        assert_string_equal(after, "notes ");
    }
    assert_int_equal(bt_store_open("not_there.db", BT_STORE_READ, &store, &err), BT_EIO);
    assert_int_equal(access("not_there.db", F_OK), -1);
    /* a damaged store that was named may be set aside, but not by who reads */
    store = opened("named.db");
    for (unsigned n = 0; n < 3; n++) {
        put(store, n, 2, 0);
    }
    bt_store_close(store);
    edit("named.db", "UPDATE result SET macs = 1");
    struct bt_record found[2];
    int64_t rows[2];
    const struct bt_key key = key_of(1);
    assert_int_equal(bt_store_open("named.db", BT_STORE_READ, &store, &err), BT_OK);
    assert_int_equal(bt_store_get(store, &key, 2, found, rows, &err), BT_EIO);
    assert_int_equal(access("named.db.damaged-1", F_OK), -1);
    bt_store_close(store);
    assert_int_equal(bt_store_open("named.db", BT_STORE_WRITE, &store, &err), BT_OK);
    assert_int_equal(bt_store_get(store, &key, 2, found, rows, &err), BT_EUNSUPPORTED);
    assert_int_equal(access("named.db.damaged-1", F_OK), 0);
    bt_store_close(store);
}

/* A run whose list is another one than was stored. */
static void test_edited_runs(void **state)
{
    (void)state;
    static const char *const edits[] = {
        "UPDATE member SET row = 1",
        "UPDATE member SET place = 7 - place",
        "DELETE FROM member WHERE place = 1",
        "INSERT INTO member VALUES(1, 2, 1)",
        "UPDATE run SET members = members + 1",
        "UPDATE run SET results = 1",
        "UPDATE run SET passed = 5",
        "DELETE FROM result WHERE row = 2",
        "UPDATE result SET row = -row; UPDATE result SET row = row + 3", /* 1 and 2 change places */
    };
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        struct bt_record records[2] = {record_of(1, 0, 0), record_of(2, 0, 0)};
        int64_t rows[2] = {0, 0};
        int64_t number = 0;
        struct bt_error err = {""};
        struct taken taken = {.count = 0};
        assert_int_equal(system("rm -f list.db*"), 0);
        struct bt_store *store = opened("list.db");
        const struct bt_report report = report_of(records, 2, "aaa", 1);
        assert_int_equal(bt_store_add_run(store, &report, rows, &number, &err), BT_OK);
        assert_int_equal(bt_store_run(store, 1, &taken.run, take, &taken, &err), BT_OK);
        bt_store_close(store);
        edit("list.db", edits[i]);
        assert_int_equal(bt_store_open("list.db", BT_STORE_READ, &store, &err), BT_OK);
        taken.count = 0;
        if (bt_store_run(store, 1, &taken.run, take, &taken, &err) != BT_EIO) {
            fail_msg("not noticed: %s", edits[i]);
        }
        bt_store_close(store);
        struct seen seen = {0};
        assert_int_equal(bt_store_open("list.db", BT_STORE_READ, &store, &err), BT_OK);
        if (bt_store_history(store, NULL, NULL, NULL, NULL, note, &seen, &err) != BT_EIO) {
            fail_msg("not noticed by history: %s", edits[i]);
        }
        bt_store_close(store);
    }
}

/* A number says the same for ever: of a run, and of a result, which the lists of runs name by it. */
static void test_numbers(void **state)
{
    (void)state;
    struct bt_record records[2] = {record_of(1, 0, 0), record_of(2, 0, 0)};
    struct bt_report report = report_of(records, 2, "aaa", 1);
    int64_t rows[2] = {0, 0};
    int64_t number = 0;
    struct bt_error err = {""};
    struct taken taken = {.count = 0};
    struct bt_store *store = opened("numbers.db");
    assert_int_equal(bt_store_add_run(store, &report, rows, &number, &err), BT_OK);
    bt_store_close(store);
    edit("numbers.db", "DELETE FROM result WHERE row = 2");
    store = opened("numbers.db");
    put(store, 7, 1, 0); /* not in the place of the one that is gone */
    assert_int_equal(bt_store_run(store, 1, &taken.run, take, &taken, &err), BT_EIO);
    bt_store_close(store);

    assert_int_equal(system("rm -f numbers.db*"), 0);
    store = opened("numbers.db");
    for (unsigned round = 0; round < 2; round++) {
        records[0] = record_of(1, 0, round);
        rows[0] = 0;
        assert_int_equal(bt_store_add_run(store, &report, rows, &number, &err), BT_OK);
        assert_int_equal(number, round + 1);
    }
    bt_store_close(store);
    static const char *const edits[] = {
        "UPDATE run SET number = -number; UPDATE run SET number = number + 3;"
        "UPDATE member SET run = -run; UPDATE member SET run = run + 3", /* 1 and 2 change places */
        "DELETE FROM run WHERE number = 1; DELETE FROM member WHERE run = 1",
        "DELETE FROM run WHERE number = 2; DELETE FROM member WHERE run = 2",
    };
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        struct bt_store_summary *runs = NULL;
        uint32_t count = 0;
        copy("numbers.db", "edited.db");
        edit("edited.db", edits[i]);
        assert_int_equal(bt_store_open("edited.db", BT_STORE_READ, &store, &err), BT_OK);
        if (bt_store_runs(store, &runs, &count, &err) != BT_EIO) {
            fail_msg("not noticed: %s", edits[i]);
        }
        bt_store_close(store);
    }
}

/* A store that SQLite takes for sound, with something else in it than what was put there. */
static void test_edited(void **state)
{
    (void)state;
    static const char *const edits[] = {
        "UPDATE result SET verdict = 0, record = (SELECT record FROM result WHERE row = 1) WHERE row = 2",
        "UPDATE result SET rtl_cycles = rtl_cycles - 1",
        "UPDATE result SET network = 'other'",
        "UPDATE result SET layer = 'other'",
        "UPDATE result SET variant = 'other'",
        "UPDATE result SET config = 'other'",
        "UPDATE result SET pattern = 'other'",
        "UPDATE result SET dtype = 'other'",
        "UPDATE result SET structure = 'other'",
        "UPDATE result SET stalls = stalls + 1",
        "UPDATE result SET sparsity = sparsity + 1",
        "UPDATE result SET macs = macs + 1",
        "UPDATE result SET predicted_cycles = predicted_cycles + 1",
        "UPDATE result SET rtl_seconds = rtl_seconds + 1",
        "UPDATE result SET terms = ''",
        "UPDATE result SET seed = 5",
        "UPDATE result SET reason = 'none'",
        "UPDATE result SET engines = zeroblob(102)",
        "UPDATE result SET engines = CAST(substr(engines, 1, 9) || zeroblob(93) AS BLOB)", /* the first engine stays */
        "UPDATE result SET engines = zeroblob(5)",
        "UPDATE result SET key = x'00112233445566778899aabbccddeeff' WHERE key = x'01000000000000000000000000000000'",
        "UPDATE result SET part = part + 10",
        "UPDATE result SET sum = sum + 1",
        "DELETE FROM result WHERE part = 0",
        "UPDATE result SET row = row + 100",
        "DROP TABLE member",
        "ALTER TABLE result DROP COLUMN terms",
        "PRAGMA user_version = 7",
        "PRAGMA application_id = 5",
    };
    struct bt_store *store = opened("edit.db");
    for (unsigned n = 0; n < 3; n++) {
        put(store, n, 2, 0);
    }
    bt_store_close(store);
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        copy("edit.db", "edited.db");
        edit("edited.db", edits[i]);
        if (read_all("edited.db", 3)) {
            fail_msg("not noticed: %s", edits[i]);
        }
    }
    struct bt_error err = {""};
    copy("edit.db", "edited.db");
    edit("edited.db", "PRAGMA user_version = 9");
    assert_int_equal(bt_store_open("edited.db", BT_STORE_OWN, &store, &err), BT_OK);
    assert_string_equal(err.text, "edited.db: a results store, schema 9: expected schema 3; set aside as "
                                  "edited.db.damaged-1, results begin anew");
    bt_store_close(store);
}

static void count_rows(const char *path, int64_t *rows, int64_t *keys)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT count(*), count(DISTINCT key || part) FROM result WHERE key NOT NULL",
                                        -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    *rows = sqlite3_column_int64(statement, 0);
    *keys = sqlite3_column_int64(statement, 1);
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(db);
}

/* Stores keys for as long as it lives; a child. */
static void write_forever(const char *path, unsigned first)
{
    struct bt_store *store = NULL;
    struct bt_error err = {""};
    if (bt_store_open(path, BT_STORE_OWN, &store, &err) != BT_OK) {
        _exit(3);
    }
    for (unsigned n = first;; n = (n + 1) % 300) {
        struct bt_record records[3];
        int64_t rows[3];
        const struct bt_key key = key_of(n);
        for (unsigned p = 0; p < 3; p++) {
            records[p] = record_of(n, p, 0);
        }
        if (bt_store_put(store, &key, true, 3, records, rows, &err) != BT_OK) {
            _exit(4);
        }
    }
}

static uint64_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* SIGKILL at 20 moments, another process writing beside: every job is there whole or not at all, none twice. */
static void test_killed(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int round = 0; round < 20; round++) {
        pid_t pids[2];
        for (unsigned i = 0; i < 2; i++) {
            (void)next(&seed);
            pids[i] = fork();
            if (pids[i] == 0) {
                write_forever("killed.db", (unsigned)next(&seed) % 300);
            }
            assert_true(pids[i] > 0);
        }
        const struct timespec pause = {0, (long)(1000000 + next(&seed) % 200000000)};
        (void)nanosleep(&pause, NULL);
        for (unsigned i = 0; i < 2; i++) {
            int status = 0;
            assert_int_equal(kill(pids[i], SIGKILL), 0);
            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            assert_true(WIFSIGNALED(status)); /* and did not end by itself */
        }
        struct bt_store *store = opened("killed.db");
        unsigned present = 0;
        for (unsigned n = 0; n < 300; n++) {
            present += there(store, n, 3, 0) ? 1 : 0;
        }
        bt_store_close(store);
        int64_t rows = 0;
        int64_t keys = 0;
        count_rows("killed.db", &rows, &keys);
        assert_int_equal(rows, keys);
        assert_int_equal(rows, 3 * present);
        assert_true(round < 19 || present > 20);
    }
}

/* Two processes that find the damage at once: both go on with one store. */
static void test_damage_by_two(void **state)
{
    (void)state;
    struct bt_store *one = opened("both.db");
    for (unsigned n = 0; n < KEYS; n++) {
        put(one, n, 2, 0);
    }
    bt_store_close(one);
    one = opened("both.db");
    struct bt_store *two = opened("both.db");
    edit("both.db", "UPDATE result SET macs = 1");
    struct bt_record found[2];
    int64_t rows[2];
    struct bt_error err = {""};
    const struct bt_key key = key_of(1);
    assert_int_equal(bt_store_get(one, &key, 2, found, rows, &err), BT_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "set aside as both.db.damaged-1"));
    put(one, 7, 2, 0);
    assert_int_equal(bt_store_get(two, &key, 2, found, rows, &err), BT_EUNSUPPORTED); /* of the old file */
    assert_null(strstr(err.text, "set aside"));
    assert_true(there(two, 7, 2, 0)); /* of the new one, which is left where it is */
    assert_int_equal(access("both.db.damaged-2", F_OK), -1);
    bt_store_close(one);
    bt_store_close(two);
}

static void test_full_disk(void **state)
{
    (void)state;
    struct bt_store *store = opened("full.db");
    put(store, 1, 2, 0);
    bt_store_close(store);
    const pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit limit = {300000, 300000};
        struct bt_error err = {""};
        (void)signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || bt_store_open("full.db", BT_STORE_OWN, &store, &err) != BT_OK) {
            _exit(3);
        }
        for (unsigned n = 0; n < 5000; n++) {
            struct bt_record record = record_of(n, 0, 1);
            int64_t row = 0;
            const struct bt_key key = key_of(1000 + n);
            if (bt_store_put(store, &key, true, 1, &record, &row, &err) != BT_OK) {
                _exit(strstr(err.text, "full.db: ") == err.text && strstr(err.text, "set aside") == NULL ? 0 : 4);
            }
        }
        _exit(5);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 0);
    store = opened("full.db");
    assert_true(there(store, 1, 2, 0));
    put(store, 2, 2, 0);
    bt_store_close(store);
}

static void test_read_only(void **state)
{
    (void)state;
    struct bt_store *store = NULL;
    struct bt_error err = {""};
    assert_int_equal(bt_store_open("/proc/none.db", BT_STORE_OWN, &store, &err), BT_EIO);
    assert_non_null(strstr(err.text, "/proc/none.db: "));
    if (geteuid() == 0) {
        print_message("SKIP test_read_only: root may write everywhere, /proc excepted\n");
        return;
    }
    assert_int_equal(mkdir("closed", 0555), 0);
    assert_int_equal(bt_store_open("closed/a.db", BT_STORE_OWN, &store, &err), BT_EIO);
}

/* For make bench: two runs of `count` results each, every one of its own with the counters of a core, in a new store. */
static int fill(const char *path, unsigned count)
{
    struct bt_store *store = NULL;
    struct bt_error err = {""};
    struct bt_record *records = calloc(count, sizeof(*records));
    int64_t *rows = calloc(count, sizeof(*rows));
    int64_t number = 0;
    bool ok = records != NULL && rows != NULL && bt_store_open(path, BT_STORE_OWN, &store, &err) == BT_OK;
    for (unsigned round = 0; round < 2 && ok; round++) {
        for (unsigned n = 0; n < count; n++) {
            static const char *const more[] = {"fill", "steady", "row_stalls", "read_beats", "write_beats", "tiles"};
            records[n] = record_of(n, 0, round + n % 7);
            for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
                bt_counters_add(&records[n].measured, more[i], 1000000u * n + i);
            }
            rows[n] = 0;
        }
        const struct bt_report report = report_of(records, count, round == 0 ? "aaa" : "bbb", 0);
        ok = bt_store_add_run(store, &report, rows, &number, &err) == BT_OK;
    }
    bt_store_close(store);
    free(rows);
    free(records);
    (void)printf("%s\n", ok ? "filled" : err.text);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        return fill(argv[1], (unsigned)strtoul(argv[2], NULL, 10));
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_and_get),   cmocka_unit_test(test_failures_answer_nothing),
        cmocka_unit_test(test_runs),          cmocka_unit_test(test_damage),
        cmocka_unit_test(test_edited),        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_damage_by_two), cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_read_only),     cmocka_unit_test(test_uses),
        cmocka_unit_test(test_edited_runs),   cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
