/*
 * The reference's bits on the smoke shapes against golden/smoke_hashes.txt: seeded data and operators give the same bytes
 * on any machine, today and tomorrow. `test_golden --update` writes the file; the commit says why it changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/engine.h"
#include "harness/job.h"

#define GOLDEN_FILE "golden/smoke_hashes.txt"
enum { LINE_BYTES = 256, MAX_LINES = 4096 };

static char lines[MAX_LINES][LINE_BYTES];

/* One line per layer and kind of data: name, pattern, XXH3-64 of the ofmap. */
static size_t reference_lines(void)
{
    struct bt_selection selection = {
        .suites_dir = "suites", .suite = "suites/smoke.yaml", .config = "4x4", .engine = "ref", .has_stalls = true};
    const struct bt_engine_options options = {.build_dir = "build", .ref = BT_REF_PLAIN};
    struct bt_plan plan = {0};
    struct bt_error err = {{0}};
    size_t count = 0;

    if (bt_plan_make(&selection, &plan, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    for (uint32_t j = 0; j < plan.count; j++) {
        const struct bt_job *job = &plan.jobs[j];
        struct bt_record *records = calloc(job->count, sizeof(*records));
        assert_non_null(records);
        assert_int_equal(bt_engine_run(job, &options, records), BT_OK);
        for (uint32_t i = 0; i < job->count && count < MAX_LINES; i++) {
            (void)snprintf(lines[count], LINE_BYTES, "%s %s %s %016llx\n", records[i].network, records[i].layer,
                           records[i].pattern, (unsigned long long)records[i].engine[BT_ENGINE_REF].hash);
            bool known = false;
            for (size_t k = 0; k < count; k++) {
                known = known || strcmp(lines[k], lines[count]) == 0;
            }
            count += known ? 0 : 1;
        }
        free(records);
    }
    bt_plan_free(&plan);
    assert_true(count > 0 && count < MAX_LINES);
    return count;
}

static void test_smoke_hashes(void **state)
{
    (void)state;
    const size_t count = reference_lines();
    FILE *file = fopen(GOLDEN_FILE, "r");
    assert_non_null(file);
    char text[LINE_BYTES];
    size_t seen = 0;
    while (fgets(text, sizeof(text), file) != NULL) {
        if (text[0] == '#') {
            continue;
        }
        if (seen < count && strcmp(text, lines[seen]) != 0) {
            (void)fclose(file);
            fail_msg("the reference gives %swhere " GOLDEN_FILE " has %s", lines[seen], text);
        }
        seen++;
    }
    (void)fclose(file);
    assert_int_equal(seen, count);
}

static int update(void)
{
    const size_t count = reference_lines();
    FILE *file = fopen(GOLDEN_FILE, "w");
    if (file == NULL) {
        perror(GOLDEN_FILE);
        return 2;
    }
    (void)fputs("# network layer pattern, XXH3-64 of the reference's ofmap; harness/test_golden.c\n", file);
    for (size_t i = 0; i < count; i++) {
        (void)fputs(lines[i], file);
    }
    return fclose(file) == 0 ? 0 : 2;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--update") == 0) {
        return update();
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_smoke_hashes)};
    return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
