/* What is said of the tree that a run took place in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/environment.h"

static char folder[] = P_tmpdir "/bt_test_environment_XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    static const char *const others[] = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}; /* of a hook that runs this */
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        (void)unsetenv(others[i]);
    }
    return mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return chdir("/") | system(command);
}

static bool is_dirty(const char *dir)
{
    struct bt_environment environment;
    bt_environment_read(dir, &environment);
    assert_int_equal(strlen(environment.commit), 40);
    return environment.dirty;
}

static void shell(const char *command)
{
    if (system(command) != 0) {
        fail_msg("%s", command);
    }
}

static void test_no_tree(void **state)
{
    (void)state;
    struct bt_environment environment;
    bt_environment_read(".", &environment);
    assert_string_equal(environment.commit, "");
    assert_false(environment.dirty);
    bt_environment_read("not_there", &environment);
    assert_string_equal(environment.commit, "");
    assert_true(environment.cores >= 1);
}

static void test_changes(void **state)
{
    (void)state;
    shell("git init -q . && mkdir suites reports suites/reports && touch a.c suites/s.yaml reports/summary.md "
          "suites/reports/r && git add . && git -c user.name=n -c user.email=e commit -q -m m");
    assert_false(is_dirty("suites"));
    shell("echo 1 >reports/summary.md; echo 1 >new");
    assert_false(is_dirty("suites"));
    assert_false(is_dirty("."));
    shell("echo 1 >a.c"); /* beside the folder that was named */
    assert_true(is_dirty("suites"));
    assert_true(is_dirty("."));
    shell("git checkout -q a.c && echo 1 >suites/reports/r"); /* no other folder of that name */
    assert_true(is_dirty("suites"));
    shell("git checkout -q . && git rm -q a.c");
    assert_true(is_dirty("suites"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_tree),
        cmocka_unit_test(test_changes),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
