/* Workers that crash, hang, lie or say too little cost their own task and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/pool.h"

enum behaviour {
    GOOD,
    CRASH,
    STATUS,
    HANG,
    CLOSES_AND_HANGS,
    SHORT,
    NO_BYTES,
    GARBAGE,
    DAMAGED,
    LARGE,
    CHATTY,
    ORPHAN,
    DAEMON,
    DAEMON_DIES,
    DAEMON_WRITES
};

#define LARGE_BYTES 3000000
#define MOST 64

struct bench {
    enum behaviour behaviour[MOST];
    struct bt_pool_task tasks[MOST];
    uint32_t count;
    /* what came back */
    unsigned calls[MOST];
    char failure[MOST][200];
    size_t length[MOST];
    uint32_t first; /* task that ended first */
    uint32_t ended;
    uint32_t last_finished;
    bool intact;
};

/* A process outside of the worker's group and session that keeps its end of the pipe, as daemon(3) would leave one. */
static void leave_daemon(bool writes, int fd)
{
    if (fork() != 0) {
        return;
    }
    (void)setsid();
    if (fork() != 0) {
        _exit(0);
    }
    (void)alarm(30);
    while (writes && write(fd, "noise", 5) > 0) {
    }
    (void)pause();
    _exit(0);
}

/* The end of the pipe is the only one this process may write to; workers find it for the lies that need it. */
static int result_fd(void)
{
    for (int fd = 3; fd < 64; fd++) {
        const int flags = fcntl(fd, F_GETFL);
        if (flags >= 0 && (flags & O_ACCMODE) == O_WRONLY) {
            return fd;
        }
    }
    return -1;
}

static enum bt_status work(void *context, uint32_t task, void **bytes, size_t *length)
{
    const struct bench *bench = context;
    const int fd = result_fd();
    *length = 8;
    switch (bench->behaviour[task]) {
    case CRASH:
        (void)raise(SIGSEGV);
        break;
    case STATUS:
        return BT_ENOMEM;
    case HANG:
        (void)pause();
        break;
    case CLOSES_AND_HANGS:
        (void)close(fd);
        (void)pause();
        break;
    case SHORT:
        if (write(fd, "bttask01\0\1\0\0\0\0\0\0sumsumsuabc", 27) != 27) {
            _exit(9);
        }
        _exit(0);
    case NO_BYTES:
        _exit(0);
    case GARBAGE:
        if (write(fd, "this is no header at all, but long", 34) != 34) {
            _exit(9);
        }
        _exit(0);
    case DAMAGED:
        if (write(fd, "bttask01\3\0\0\0\0\0\0\0sumsumsuabc", 27) != 27) {
            _exit(9);
        }
        _exit(0);
    case LARGE:
        *length = LARGE_BYTES;
        break;
    case CHATTY:
        (void)printf("noise on stdout\n");
        break;
    case ORPHAN:
        if (fork() == 0) { /* holds the pipe open */
            (void)pause();
            _exit(0);
        }
        break;
    case DAEMON:
        leave_daemon(false, fd);
        break;
    case DAEMON_DIES:
        leave_daemon(false, fd);
        _exit(0);
    case DAEMON_WRITES:
        leave_daemon(true, fd);
        (void)usleep(50000);
        _exit(0);
    default:
        break;
    }
    unsigned char *made = malloc(*length);
    if (made == NULL) {
        return BT_ENOMEM;
    }
    memset(made, (int)task, *length);
    *bytes = made;
    return BT_OK;
}

static void done(void *context, uint32_t task, const void *bytes, size_t length, const char *failure)
{
    struct bench *bench = context;
    if (bench->ended++ == 0) {
        bench->first = task;
    }
    bench->calls[task]++;
    bench->length[task] = length;
    (void)snprintf(bench->failure[task], sizeof(bench->failure[task]), "%s", failure != NULL ? failure : "");
    for (size_t i = 0; failure == NULL && i < length; i++) {
        bench->intact = bench->intact && ((const unsigned char *)bytes)[i] == (unsigned char)task;
    }
}

static void tick(void *context, uint32_t running, uint32_t finished)
{
    struct bench *bench = context;
    assert_true(running + finished <= bench->count);
    assert_true(finished >= bench->last_finished);
    bench->last_finished = finished;
}

static void set_up(struct bench *bench, const enum behaviour *behaviour, uint32_t count)
{
    memset(bench, 0, sizeof(*bench));
    bench->count = count;
    bench->intact = true;
    for (uint32_t i = 0; i < count; i++) {
        bench->behaviour[i] = behaviour[i];
        bench->tasks[i] = (struct bt_pool_task){.weight = 1, .timeout_seconds = 0.4};
    }
}

static unsigned open_files(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    assert_int_equal(closedir(dir), 0);
    return count;
}

static int run(struct bench *bench, unsigned workers)
{
    const struct bt_pool pool = {
        .workers = workers,
        .count = bench->count,
        .tasks = bench->tasks,
        .context = bench,
        .work = work,
        .done = done,
        .tick = tick,
    };
    int interrupted = -1;
    const unsigned before = open_files();
    assert_int_equal(bt_pool_run(&pool, &interrupted), BT_OK);
    assert_int_equal(open_files(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left behind */
    assert_int_equal(errno, ECHILD);
    return interrupted;
}

static void test_outcomes(void **state)
{
    (void)state;
    static const struct {
        enum behaviour behaviour;
        const char *words;
    } cases[] = {
        {GOOD, ""},
        {CRASH, "crash: worker ended by signal 11 (Segmentation fault)"},
        {STATUS, "crash: worker ended with status 3"},
        {HANG, "timeout: killed after 0 s"},
        {CLOSES_AND_HANGS, "timeout: killed after 0 s"},
        {SHORT, "short result: 3 of "},
        {NO_BYTES, "short result: 0 bytes"},
        {GARBAGE, "damaged result: not a result header"},
        {DAMAGED, "damaged result: checksum differs"},
        {LARGE, ""},
        {CHATTY, ""},
        {ORPHAN, ""},
        {DAEMON, ""},
        {DAEMON_DIES, "short result: 0 bytes"},
        {DAEMON_WRITES, "damaged result: not a result header"},
    };
    enum { COUNT = sizeof(cases) / sizeof(cases[0]) };
    const unsigned workers[] = {1, 3, 20};
    for (size_t w = 0; w < 3; w++) {
        struct bench bench;
        enum behaviour behaviour[COUNT];
        for (uint32_t i = 0; i < COUNT; i++) {
            behaviour[i] = cases[i].behaviour;
        }
        set_up(&bench, behaviour, COUNT);
        const time_t begin = time(NULL);
        assert_int_equal(run(&bench, workers[w]), 0);
        assert_true(time(NULL) - begin < 20); /* nobody was waited for */
        for (uint32_t i = 0; i < COUNT; i++) {
            assert_int_equal(bench.calls[i], 1);
            if (strstr(bench.failure[i], cases[i].words) == NULL ||
                (cases[i].words[0] == '\0') != (bench.failure[i][0] == '\0')) {
                fail_msg("task %u: \"%s\" instead of \"%s\"", i, bench.failure[i], cases[i].words);
            }
        }
        assert_true(bench.intact);
        assert_int_equal(bench.length[9], LARGE_BYTES);
        assert_int_equal(bench.last_finished, COUNT);
    }
}

static void test_largest_first(void **state)
{
    (void)state;
    static const enum behaviour good[5] = {GOOD, GOOD, GOOD, GOOD, GOOD};
    struct bench bench;
    set_up(&bench, good, 5);
    bench.tasks[3].weight = 7;
    assert_int_equal(run(&bench, 1), 0);
    assert_int_equal(bench.first, 3);
    set_up(&bench, good, 5);
    assert_int_equal(run(&bench, 1), 0);
    assert_int_equal(bench.first, 0);
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, NULL, 0);
    assert_int_equal(run(&bench, 2), 0);
}

/* A signal ends the run: all workers are gone, whoever was done stays done. */
static void test_signals(void **state)
{
    (void)state;
    const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    static const enum behaviour behaviour[4] = {GOOD, HANG, HANG, HANG};
    for (size_t i = 0; i < 3; i++) {
        struct bench bench;
        set_up(&bench, behaviour, 4);
        for (int t = 0; t < 4; t++) {
            bench.tasks[t].timeout_seconds = 100;
        }
        const pid_t self = getpid();
        const pid_t killer = fork();
        if (killer == 0) {
            (void)usleep(200000);
            (void)kill(self, signals[i]);
            _exit(0);
        }
        const struct bt_pool pool = {
            .workers = 3, .count = 4, .tasks = bench.tasks, .context = &bench, .work = work, .done = done};
        int interrupted = 0;
        assert_int_equal(bt_pool_run(&pool, &interrupted), BT_OK);
        assert_int_equal(interrupted, signals[i]);
        assert_int_equal(bench.ended, 1);
        assert_int_equal(waitpid(killer, NULL, 0), killer);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    }
}

/* nohup: the end of the terminal is none of the run. */
static void test_nohup(void **state)
{
    (void)state;
    struct bench bench;
    static const enum behaviour behaviour[1] = {GOOD};
    set_up(&bench, behaviour, 1);
    assert_true(signal(SIGHUP, SIG_IGN) != SIG_ERR);
    const struct bt_pool pool = {
        .workers = 1, .count = 1, .tasks = bench.tasks, .context = &bench, .work = work, .done = done};
    int interrupted = 1;
    const pid_t self = getpid();
    const pid_t killer = fork();
    if (killer == 0) {
        for (int i = 0; i < 20; i++) {
            (void)kill(self, SIGHUP);
            (void)usleep(1000);
        }
        _exit(0);
    }
    assert_int_equal(bt_pool_run(&pool, &interrupted), BT_OK);
    assert_int_equal(interrupted, 0);
    assert_int_equal(bench.ended, 1);
    assert_int_equal(waitpid(killer, NULL, 0), killer);
    assert_true(signal(SIGHUP, SIG_DFL) == SIG_IGN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nohup),         cmocka_unit_test(test_outcomes), cmocka_unit_test(test_largest_first),
        cmocka_unit_test(test_nothing_to_do), cmocka_unit_test(test_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
