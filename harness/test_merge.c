/* Shards become the run they are parts of; what does not fit together is refused, with the file that does not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/merge.h"
#include "harness/record_json.h"

enum { JOBS = 7, SHARDS = 3, LAYERS = 2 };

static char folder[256];
static char paths[SHARDS + 1][300];
static const char *const files[] = {paths[0], paths[1], paths[2], paths[3]};

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "%s", P_tmpdir "/bt_test_merge_XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    for (int i = 0; i <= SHARDS; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/s%d.json", folder, i);
    }
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[300];
    (void)snprintf(command, sizeof(command), "rm -r '%s'", folder);
    return system(command); /* NOLINT(cert-env33-c,concurrency-mt-unsafe): a folder of the test's own */
}

/* What a test changes of a shard before it is written. */
struct shard {
    struct bt_run run;
    struct bt_gate_limit limit;
    uint32_t owner[JOBS]; /* shard of each job */
    const char *name;     /* of the network */
};

static struct shard plain(uint32_t index)
{
    struct shard shard = {
        .run = {.suite = "s",
                .seed = 4,
                .seconds = 1.5 + index,
                .command = "bt run",
                .shard = index,
                .shards = SHARDS,
                .jobs = JOBS,
                .plan = "0123456789abcdef",
                .system = {true, "soc.yaml", 40, 100, "rtl", "poll"},
                .environment = {.cpu = "c", .os = "o", .cores = 2, .commit = "abc", .time = 20 - index}},
        .limit = {"var", 50.0, 25.0},
        .name = "net<\"&'\xc3\xa9",
    };
    (void)snprintf(shard.run.command, sizeof(shard.run.command), "bt run --shard %u/3", index + 1);
    for (uint32_t j = 0; j < JOBS; j++) {
        shard.owner[j] = j * 2 % SHARDS;
    }
    return shard;
}

/* Every job has two layers; each is off by another number of cycles. */
static void record(const struct shard *shard, uint32_t job, uint32_t layer, struct bt_record *record)
{
    bt_record_init(record);
    (void)snprintf(record->network, sizeof(record->network), "%s", shard->name);
    (void)snprintf(record->layer, sizeof(record->layer), "j%u/l%u", job, layer);
    (void)snprintf(record->variant, sizeof(record->variant), "var");
    (void)snprintf(record->config, sizeof(record->config), "%s", job % 2 == 0 ? "4x4" : "8x8");
    (void)snprintf(record->pattern, sizeof(record->pattern), "uniform");
    (void)snprintf(record->dtype, sizeof(record->dtype), "int8");
    (void)snprintf(record->structure, sizeof(record->structure), "random");
    record->same = 1;
    record->seed = shard->run.seed;
    record->rtl_cycles = 100;
    record->predicted_cycles = 100 + job;
    record->roofline_cycles = 90;
    record->gated = true;
    bt_counters_add(&record->predicted, "cycles", 100 + job);
    record->engine[BT_ENGINE_CYCLES] = (struct bt_engine_result){.verdict = BT_PASS, .ran = true};
    record->engine[BT_ENGINE_RTL] = (struct bt_engine_result){.ran = true, .hash = 7};
    bt_record_set(record, BT_ENGINE_RTL, job == 3 && layer == 1 ? BT_FAIL : BT_PASS, "bits");
}

/* All jobs of it, or those that are its own; text of results.json, freed by the caller. */
static char *text_of(const struct shard *shard, bool whole)
{
    static struct bt_record records[JOBS * LAYERS];
    static char replays_text[JOBS * LAYERS][16];
    char *replays[JOBS * LAYERS];
    uint32_t jobs[JOBS * LAYERS];
    struct bt_gate *gates = NULL;
    struct bt_report report = {.run = shard->run, .records = records, .replays = replays, .jobs = jobs};
    for (uint32_t j = 0; j < JOBS; j++) {
        for (uint32_t l = 0; l < LAYERS && (whole || shard->owner[j] == shard->run.shard); l++) {
            const uint32_t at = report.record_count++;
            record(shard, j, l, &records[at]);
            (void)snprintf(replays_text[at], sizeof(replays_text[at]), "replay %u %u", j, l);
            replays[at] = replays_text[at];
            jobs[at] = j;
        }
    }
    assert_int_equal(bt_report_gates(&shard->limit, 1, records, report.record_count, &gates, &report.gate_count),
                     BT_OK);
    report.gates = gates;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    assert_true(bt_report_json(&report, out));
    assert_int_equal(fclose(out), 0);
    free(gates);
    return text;
}

static void write_shard(const struct shard *shard, const char *path)
{
    char *text = text_of(shard, false);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    free(text);
}

static char *merged_text(const char *const *list, uint32_t count)
{
    struct bt_results merged;
    struct bt_error err = {""};
    struct bt_gate *gates = NULL;
    uint32_t gate_count = 0;
    char *text = NULL;
    size_t length = 0;
    if (bt_merge(list, count, &merged, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(
        bt_report_gates(merged.limits, merged.limit_count, merged.records, merged.count, &gates, &gate_count), BT_OK);
    const struct bt_report report = bt_results_report(&merged, gates, gate_count);
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    assert_true(bt_report_json(&report, out));
    assert_int_equal(fclose(out), 0);
    free(gates);
    bt_results_free(&merged);
    return text;
}

static void test_whole(void **state)
{
    (void)state;
    struct shard whole = plain(0);
    whole.run.shards = 1;
    whole.run.seconds = 3.5;
    whole.run.environment.time = 18;
    char *expected = text_of(&whole, true);
    for (uint32_t i = 0; i < SHARDS; i++) {
        const struct shard shard = plain(i);
        write_shard(&shard, paths[i]);
    }
    static const uint32_t orders[][SHARDS] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}};
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        const char *const list[] = {paths[orders[i][0]], paths[orders[i][1]], paths[orders[i][2]]};
        char *text = merged_text(list, SHARDS);
        assert_string_equal(text, expected);
        free(text);
    }
    /* what was merged is a run again */
    FILE *file = fopen(paths[3], "w");
    assert_non_null(file);
    assert_true(fputs(expected, file) >= 0);
    assert_int_equal(fclose(file), 0);
    char *again = merged_text(&files[3], 1);
    assert_string_equal(again, expected);
    free(again);
    free(expected);
}

/* Of the machines, what they have in common. */
static void test_machines(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SHARDS; i++) {
        struct shard shard = plain(i);
        (void)snprintf(shard.run.environment.cpu, sizeof(shard.run.environment.cpu), "cpu %u", i % 2);
        shard.run.environment.cores = i == 1 ? 8 : 2;
        shard.run.environment.dirty = true;
        write_shard(&shard, paths[i]);
    }
    struct bt_results merged;
    struct bt_error err = {""};
    assert_int_equal(bt_merge(files, SHARDS, &merged, &err), BT_OK);
    assert_string_equal(merged.run.environment.cpu, "");
    assert_string_equal(merged.run.environment.os, "o");
    assert_int_equal(merged.run.environment.cores, 0);
    assert_true(merged.run.environment.dirty);
    assert_int_equal(merged.run.shards, 1);
    bt_results_free(&merged);
}

static void suite(struct shard *shard)
{
    (void)snprintf(shard->run.suite, sizeof(shard->run.suite), "t");
}
static void seed(struct shard *shard)
{
    shard->run.seed++;
}
static void shards(struct shard *shard)
{
    shard->run.shards++;
}
static void twice(struct shard *shard)
{
    shard->run.shard = 0;
}
static void changes(struct shard *shard)
{
    shard->run.environment.dirty = !shard->run.environment.dirty;
}

static void commit(struct shard *shard)
{
    shard->run.environment.commit[0] = '\0';
}
static void jobs(struct shard *shard)
{
    shard->run.jobs++;
}
static void selection(struct shard *shard)
{
    shard->run.plan[0] = 'f';
}
static void mips(struct shard *shard)
{
    shard->run.system.cpu_mips++;
}
static void device(struct shard *shard)
{
    shard->run.system.device[0] = '\0';
}
static void gate(struct shard *shard)
{
    shard->limit.mean_percent++;
}
static void overlap(struct shard *shard)
{
    shard->owner[3] = shard->run.shard; /* the first shard has it */
}
static void hole(struct shard *shard)
{
    shard->owner[2] = SHARDS; /* its own */
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        void (*change)(struct shard *shard); /* of the second of three files */
        const char *expected;
    } cases[] = {
        {suite, "s1.json: suite 't', not 's' as in "},
        {seed, "s1.json: seed 5, not 4 as in "},
        {shards, "s1.json: one of 4 shards, not of 3 as in "},
        {twice, "s1.json: shard 1/3, as "},
        {changes, "s1.json: a tree with changes, not without as in "},
        {commit, "s1.json: commit none, not abc as in "},
        {jobs, "s1.json: a run of 8 jobs, not of 7 as in "},
        {selection,
         "s1.json: another selection or other options: 'bt run --shard 2/3', not 'bt run --shard 1/3' as in "},
        {mips, "s1.json: another simulated system: soc.yaml, 41 MIPS, 100 MHz, device rtl as in "},
        {device, "s1.json: another simulated system: soc.yaml, 40 MIPS, 100 MHz, device none as in "},
        {gate, "s1.json: gate of var at 50 % and 26 %, elsewhere at 50 % and 25 %"},
        {overlap, "s1.json: job 3 is in "},
        {hole, "s0.json: job 2 of 7 is in no shard"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_results merged;
        struct bt_error err = {""};
        for (uint32_t k = 0; k < SHARDS; k++) {
            struct shard shard = plain(k);
            if (k == 1) {
                cases[i].change(&shard);
            }
            write_shard(&shard, paths[k]);
        }
        if (bt_merge(files, SHARDS, &merged, &err) != BT_EINPUT || strstr(err.text, cases[i].expected) == NULL) {
            fail_msg("expected '%s': %s", cases[i].expected, err.text);
        }
        assert_null(merged.records);
    }
}

static void test_missing(void **state)
{
    (void)state;
    struct bt_results merged;
    struct bt_error err = {""};
    for (uint32_t i = 0; i < SHARDS; i++) {
        const struct shard shard = plain(i);
        write_shard(&shard, paths[i]);
    }
    assert_int_equal(bt_merge(files, 0, &merged, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, "nothing to merge"));
    assert_int_equal(bt_merge(files, 2, &merged, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, "shard 3/3 is missing"));
    assert_int_equal(bt_merge(&files[1], 2, &merged, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, "shard 1/3 is missing"));
    static const char *const same[] = {paths[0], paths[1], paths[0]};
    assert_int_equal(bt_merge(same, 3, &merged, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, "shard 1/3, as "));
    static const char *const absent[] = {paths[0], "/nowhere/x.json", paths[2]};
    assert_int_equal(bt_merge(absent, 3, &merged, &err), BT_EINPUT);
    assert_string_equal(err.text, "/nowhere/x.json: No such file or directory");
}

/* Numbers that a file states must not decide what is allocated. */
static void test_boasts(void **state)
{
    (void)state;
    struct bt_results merged;
    struct bt_error err = {""};
    struct shard shard = plain(0);
    shard.run.jobs = UINT32_MAX;
    shard.run.shards = 1;
    write_shard(&shard, paths[0]);
    assert_int_equal(bt_merge(files, 1, &merged, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, "a run of 4294967295 jobs: expected at least as many results"));
    shard.run.shards = UINT32_MAX;
    write_shard(&shard, paths[0]);
    assert_int_equal(bt_merge(files, 1, &merged, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, "shard 2/4294967295 is missing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),   cmocka_unit_test(test_machines), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_missing), cmocka_unit_test(test_boasts),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
