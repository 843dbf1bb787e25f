/* What a run may take from its store, and what it may leave there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/cli_store.h"
#include "harness/test_file.h"

static char folder[] = P_tmpdir "/bt_test_cli_store_XXXXXX";
static const char core[] = "b/rtl/nobody-8x8.so";

static int make_tree(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL || chdir(folder) != 0 || mkdir("b", 0777) != 0 || mkdir("b/rtl", 0777) != 0) {
        return -1;
    }
    test_file(core, "a");
    return setenv("BITTRUE_STORE", "", 1);
}

static int remove_tree(void **state)
{
    (void)state;
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return chdir("/") | system(command);
}

static const struct bt_variant nobody = {.name = "nobody"};
static const struct bt_engine_options options = {.build_dir = "b"};

/* One job of two layers, on one run's view of the store. */
struct bench {
    struct bt_suite_layer layers[2];
    struct bt_job job;
    struct bt_plan plan;
    struct bt_cli_store store;
    struct bt_record records[2];
};

static void set_up(struct bench *bench)
{
    static struct bt_cli cli;
    struct bt_error err = {""};
    memset(bench, 0, sizeof(*bench));
    (void)snprintf(cli.build_dir, sizeof(cli.build_dir), "b");
    (void)snprintf(cli.suites_dir, sizeof(cli.suites_dir), "s");
    for (int i = 0; i < 2; i++) {
        bench->layers[i] = (struct bt_suite_layer){.network = "net", .layer = i == 0 ? "a" : "b", .same = 1};
        bt_record_init(&bench->records[i]);
        bench->records[i].rtl_cycles = 7;
        bench->records[i].engine[BT_ENGINE_RTL] = (struct bt_engine_result){.ran = true, .hash = 7};
        bt_record_set(&bench->records[i], BT_ENGINE_RTL, BT_PASS, NULL);
    }
    bench->job = (struct bt_job){
        .variant = &nobody, .config = {.name = "8x8"}, .count = 2, .layers = bench->layers, .chain = "c"};
    bench->plan = (struct bt_plan){.count = 1, .records = 2, .jobs = &bench->job};
    assert_int_equal(bt_cli_store_open(&cli, &bench->plan, &options, &bench->store, &err), BT_OK);
}

/* Would another run be answered? */
static bool answered(void)
{
    struct bench bench;
    struct bt_record found[2];
    set_up(&bench);
    const bool yes = bt_cli_store_answers(&bench.store, 0, 0, found);
    bt_cli_store_close(&bench.store);
    return yes;
}

static void test_kept(void **state)
{
    (void)state;
    struct bench bench;
    struct bt_record found[2];
    set_up(&bench);
    assert_false(bt_cli_store_answers(&bench.store, 0, 0, found));
    bt_cli_store_keep(&bench.store, 0, 0, bench.records);
    assert_true(answered());
    /* it ran again, by force, and failed: then it is run again */
    bench.store.force = true;
    assert_false(bt_cli_store_answers(&bench.store, 0, 0, found));
    bt_record_set(&bench.records[1], BT_ENGINE_RTL, BT_FAIL, "bits");
    bt_cli_store_keep(&bench.store, 0, 0, bench.records);
    assert_false(answered());
    bt_cli_store_close(&bench.store);
}

/* The core is replaced while the job runs, and is as before when somebody asks again. */
static void test_changed_meanwhile(void **state)
{
    (void)state;
    for (int changes = 0; changes < 2; changes++) {
        struct bench bench;
        struct bt_record found[2];
        test_file(core, changes != 0 ? "x" : "y"); /* nothing is stored of it */
        set_up(&bench);
        assert_false(bt_cli_store_answers(&bench.store, 0, 0, found));
        assert_int_equal(rename(core, "kept"), 0);
        test_file(core, "z");
        if (changes == 0) { /* back before the job has ended */
            assert_int_equal(rename("kept", core), 0);
        }
        bt_cli_store_keep(&bench.store, 0, 0, bench.records);
        assert_true(bench.store.rows[0] != 0); /* the run has its results, whatever they are of */
        bt_cli_store_close(&bench.store);
        if (changes != 0) {
            assert_int_equal(rename("kept", core), 0);
        }
        assert_false(answered());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_changed_meanwhile),
    };
    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
