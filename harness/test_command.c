/* Programs that are called: what they say, how they end, and that they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/command.h"

/* Long for what ends at once on the slowest machine, short for what never does. */
#define LONG 60
#define SHORT 0.5

static char text[256];
static struct bt_error err;

static enum bt_status shell(const char *line, double seconds)
{
    const char *const argv[] = {"sh", "-c", line, NULL};
    err.text[0] = '\0';
    return bt_command(argv, seconds, text, sizeof(text), &err);
}

static void test_output(void **state)
{
    (void)state;
    const struct {
        const char *line, *text;
    } table[] = {
        {":", ""},
        {"echo a; echo b", "a\nb\n"},
        {"echo no >&2; echo yes", "yes\n"},
        {"cat", ""},                                     /* nothing to read */
        {"head -c 300000 /dev/zero >&2; printf x", "x"}, /* more than a pipe holds */
        {"exec 1>&- 2>&-; sleep 0.1", ""},               /* its end is not that of its output */
        {"grep SigBlk /proc/self/status | tr -d '[:space:]'", "SigBlk:0000000000000000"}, /* whatever we block */
        {"printf %255s", NULL},                                                           /* just fits */
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (shell(table[i].line, LONG) != BT_OK) {
            fail_msg("%s: %s", table[i].line, err.text);
        }
        if (table[i].text != NULL) {
            assert_string_equal(text, table[i].text);
        }
    }
}

static void test_failures(void **state)
{
    (void)state;
    const struct {
        const char *line;
        double seconds;
        const char *error;
    } table[] = {
        {"exit 3", LONG, "sh: exit status 3"},
        {"echo first >&2; echo last >&2; echo >&2; exit 1", LONG, "sh: last"},
        {"kill -KILL $$", LONG, "sh: killed by signal 9"},
        {"printf %256s", LONG, "sh: printed more than 255 bytes"},
        {"printf %256s; exit 1", LONG, "sh: exit status 1"},
        {"sleep 1000", SHORT, "sh: no end after 0.5 s"},
        {"trap '' TERM INT HUP; while :; do sleep 1000; done", SHORT, "sh: no end after 0.5 s"},
        {"exec 1>&- 2>&-; sleep 1000", SHORT, "sh: no end after 0.5 s"},
        {"yes", SHORT, "sh: no end after 0.5 s"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_int_equal(shell(table[i].line, table[i].seconds), BT_EIO);
        assert_string_equal(err.text, table[i].error);
    }
    const char *const nobody[] = {"bittrue-nobody", NULL};
    assert_int_equal(bt_command(nobody, LONG, text, sizeof(text), &err), BT_EIO);
    assert_string_equal(err.text, "bittrue-nobody: not found on PATH");
}

static bool alive(int pid)
{
    char path[64];
    char line[256] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    const bool read = fgets(line, sizeof(line), file) != NULL;
    (void)fclose(file);
    return read && strstr(line, ") Z") == NULL; /* where nobody waits for it */
}

/* What it leaves behind holds its output open: that does not hold us for longer than we wait, and is ended. */
static void test_heir(void **state)
{
    (void)state;
    const struct timespec nap = {.tv_nsec = 10000000};
    assert_int_equal(shell("sleep 1000 & echo $!", SHORT), BT_OK);
    const int pid = (int)strtol(text, NULL, 10);
    assert_true(pid > 0);
    for (int i = 0; i < 1000 && alive(pid); i++) {
        (void)nanosleep(&nap, NULL);
    }
    assert_false(alive(pid));
}

/* A Ctrl-C, blocked here or not, is not theirs. */
static int block_signals(void **state)
{
    sigset_t set;
    (void)state;
    (void)sigfillset(&set);
    return sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_heir),
    };
    return cmocka_run_group_tests_name("command", tests, block_signals, NULL);
}
