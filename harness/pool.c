#include "harness/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#define TICK_SECONDS 0.25
#define READ_CHUNK 65536
/* Looks at what a dead worker left behind; each look may find the children of those that the last one ended. */
#define STRAY_ROUNDS 100

/* What precedes a task's bytes in the pipe. Both ends are the same program, so the layout needs no care. */
struct frame {
    char magic[8];
    uint64_t length;
    uint64_t checksum; /* XXH3-64 of the bytes */
};
static const char frame_magic[8] = {'b', 't', 't', 'a', 's', 'k', '0', '1'};

struct worker {
    pid_t pid; /* 0: free */
    int fd;    /* -1 after the end of its output */
    uint32_t task;
    double deadline;
    bool timed_out;
    bool read_failed; /* no memory for what it sent */
    unsigned char *bytes;
    size_t length, capacity;
};

static volatile sig_atomic_t interrupted_by;

/* What stops a run: Ctrl-C, kill, the end of the terminal. */
enum { STOPS = 3 };
static const int stops[STOPS] = {SIGINT, SIGTERM, SIGHUP};

static void note_signal(int number)
{
    interrupted_by = number;
}

/* SIGCHLD only has to wake ppoll(). */
static void wake_up(int number)
{
    (void)number;
}

static double now_seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool write_all(int fd, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    while (length > 0) {
        const ssize_t n = write(fd, at, length);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return false;
        }
        at += n;
        length -= (size_t)n;
    }
    return true;
}

/* The worker's whole life. Its exit status is 0 only after everything was written. */
static int worker_main(const struct bt_pool *pool, uint32_t task, int fd)
{
    void *bytes = NULL;
    size_t length = 0;
    if (pool->work(pool->context, task, &bytes, &length) != BT_OK) {
        return 3;
    }
    struct frame frame = {.length = length, .checksum = XXH3_64bits(bytes, length)};
    memcpy(frame.magic, frame_magic, sizeof(frame_magic));
    const bool sent = write_all(fd, &frame, sizeof(frame)) && write_all(fd, bytes, length);
    free(bytes);
    return sent ? 0 : 4;
}

static void become_worker(pid_t parent, const sigset_t *mask)
{
    (void)setpgid(0, 0);
    /* A handler of the parent (a test framework's, say) would catch a crash and go on living here. */
    for (int number = 1; number < NSIG; number++) {
        (void)signal(number, SIG_DFL);
    }
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
    /* A parent that is killed outright takes its workers along. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* What leaves the process group stays below the worker while it lives, and is the parent's to end after that. */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (getppid() != parent) {
        _exit(5);
    }
    const struct rlimit no_core = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &no_core);
    /* What a simulated core prints must not land in the middle of the table on stdout. */
    (void)dup2(STDERR_FILENO, STDOUT_FILENO);
}

static enum bt_status start_worker(const struct bt_pool *pool, struct worker *workers, struct worker *slot,
                                   uint32_t task, const sigset_t *mask)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return BT_EIO;
    }
    /* Whoever holds the other end open must not be able to stop this process. The worker's end still waits. */
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    (void)fflush(NULL);
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid < 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        return BT_EIO;
    }
    if (pid == 0) {
        (void)close(ends[0]);
        for (unsigned i = 0; i < pool->workers; i++) {
            if (workers[i].pid != 0 && workers[i].fd >= 0) {
                (void)close(workers[i].fd);
            }
        }
        become_worker(parent, mask);
        const int status = worker_main(pool, task, ends[1]);
        (void)fflush(NULL);
        _exit(status);
    }
    (void)setpgid(pid, pid); /* both sides call it, so that neither can be too late */
    (void)close(ends[1]);
    *slot = (struct worker){
        .pid = pid,
        .fd = ends[0],
        .task = task,
        .deadline = now_seconds() + pool->tasks[task].timeout_seconds,
    };
    return BT_OK;
}

static void kill_worker(const struct worker *worker)
{
    (void)kill(-worker->pid, SIGKILL);
    (void)kill(worker->pid, SIGKILL);
}

static void close_worker_fd(struct worker *worker)
{
    if (worker->fd >= 0) {
        (void)close(worker->fd);
        worker->fd = -1;
    }
}

/* Takes what is there. @return false when there was nothing, or nothing will follow. */
static bool read_worker(struct worker *worker)
{
    if (worker->capacity - worker->length < READ_CHUNK) {
        const size_t capacity = worker->capacity * 2 + READ_CHUNK;
        unsigned char *grown = realloc(worker->bytes, capacity);
        if (grown == NULL) {
            worker->read_failed = true;
            kill_worker(worker);
            close_worker_fd(worker);
            return false;
        }
        worker->bytes = grown;
        worker->capacity = capacity;
    }
    const ssize_t n = read(worker->fd, worker->bytes + worker->length, worker->capacity - worker->length);
    if (n > 0) {
        worker->length += (size_t)n;
        return true;
    }
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        return errno == EINTR;
    }
    close_worker_fd(worker);
    return false;
}

/* The last words of a dead worker: no more than its pipe holds, however much others keep writing into it. */
static void drain_worker(struct worker *worker)
{
    const int holds = worker->fd >= 0 ? fcntl(worker->fd, F_GETPIPE_SZ) : 0;
    const size_t most = worker->length + (holds > 0 ? (size_t)holds : READ_CHUNK);
    while (worker->fd >= 0 && worker->length < most && read_worker(worker)) {
    }
    close_worker_fd(worker);
}

/* One line, or NULL when the bytes behind the frame are whole. */
static const char *judge(const struct worker *worker, int status, double timeout_seconds, char *text, size_t text_bytes)
{
    if (worker->timed_out) {
        (void)snprintf(text, text_bytes, "timeout: killed after %.0f s", timeout_seconds);
        return text;
    }
    if (worker->read_failed) {
        return "no memory for the worker's result";
    }
    if (WIFSIGNALED(status)) {
        const int number = WTERMSIG(status);
        (void)snprintf(text, text_bytes, "crash: worker ended by signal %d (%s)", number, strsignal(number));
        return text;
    }
    if (WEXITSTATUS(status) != 0) {
        (void)snprintf(text, text_bytes, "crash: worker ended with status %d", WEXITSTATUS(status));
        return text;
    }
    struct frame frame;
    if (worker->length < sizeof(frame)) {
        (void)snprintf(text, text_bytes, "short result: %zu bytes of a %zu-byte header", worker->length, sizeof(frame));
        return text;
    }
    memcpy(&frame, worker->bytes, sizeof(frame));
    const size_t length = worker->length - sizeof(frame);
    if (memcmp(frame.magic, frame_magic, sizeof(frame_magic)) != 0) {
        return "damaged result: not a result header";
    }
    if (frame.length != length) {
        (void)snprintf(text, text_bytes, "short result: %zu of %llu bytes", length, (unsigned long long)frame.length);
        return text;
    }
    if (XXH3_64bits(worker->bytes + sizeof(frame), length) != frame.checksum) {
        return "damaged result: checksum differs";
    }
    return NULL;
}

static bool is_worker(const struct worker *workers, unsigned count, pid_t pid)
{
    for (unsigned i = 0; i < count; i++) {
        if (workers[i].pid == pid) {
            return true;
        }
    }
    return false;
}

/*
 * Ends what dead workers left behind in sessions or groups of their own; it has become a child of this process. Other
 * children of this process are in its own group and stay. Where /proc does not tell, nothing is ended.
 */
static void kill_strays(const struct worker *workers, unsigned count)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    bool found = true;
    for (int round = 0; found && round < STRAY_ROUNDS; round++) {
        found = false;
        FILE *file = fopen(path, "re");
        if (file == NULL) {
            return;
        }
        char *text = NULL;
        size_t room = 0;
        if (getline(&text, &room, file) > 0) {
            char *end = text;
            for (pid_t pid; (pid = (pid_t)strtol(end, &end, 10)) > 0;) {
                if (is_worker(workers, count, pid) || getpgid(pid) == getpgrp()) {
                    continue;
                }
                if (kill(pid, SIGKILL) != 0) {
                    continue;
                }
                while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
                }
                found = true;
            }
        }
        free(text);
        (void)fclose(file);
    }
}

/* Reports the worker if it is gone. */
static bool reap_worker(const struct bt_pool *pool, struct worker *workers, struct worker *worker)
{
    int status = 0;
    const pid_t got = waitpid(worker->pid, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR)) {
        return false;
    }
    /* Whatever it may have started goes too. Its own output may still be in the pipe. */
    (void)kill(-worker->pid, SIGKILL);
    kill_strays(workers, pool->workers);
    drain_worker(worker);
    char text[160];
    const char *failure = judge(worker, status, pool->tasks[worker->task].timeout_seconds, text, sizeof(text));
    if (failure != NULL) {
        pool->done(pool->context, worker->task, NULL, 0, failure);
    } else {
        pool->done(pool->context, worker->task, worker->bytes + sizeof(struct frame),
                   worker->length - sizeof(struct frame), NULL);
    }
    free(worker->bytes);
    *worker = (struct worker){.fd = -1};
    return true;
}

static void kill_all(struct worker *workers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (workers[i].pid != 0) {
            kill_worker(&workers[i]);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (workers[i].pid == 0) {
            continue;
        }
        while (waitpid(workers[i].pid, NULL, 0) < 0 && errno == EINTR) {
        }
        close_worker_fd(&workers[i]);
        free(workers[i].bytes);
        workers[i] = (struct worker){.fd = -1};
    }
    kill_strays(workers, count);
}

static int by_weight(const void *left, const void *right, void *context)
{
    const struct bt_pool_task *tasks = context;
    const uint32_t a = *(const uint32_t *)left;
    const uint32_t b = *(const uint32_t *)right;
    if (tasks[a].weight != tasks[b].weight) {
        return tasks[a].weight > tasks[b].weight ? -1 : 1;
    }
    return a < b ? -1 : a > b;
}

/* Waits for output, an end, a signal, the next deadline or the next tick, whichever is first. */
static void wait_for_news(struct worker *workers, unsigned count, struct pollfd *fds, const sigset_t *mask)
{
    double until = now_seconds() + TICK_SECONDS;
    for (unsigned i = 0; i < count; i++) {
        fds[i] = (struct pollfd){.fd = workers[i].pid != 0 ? workers[i].fd : -1, .events = POLLIN};
        if (workers[i].pid != 0 && workers[i].deadline < until) {
            until = workers[i].deadline;
        }
    }
    double wait = until - now_seconds();
    wait = wait > 0 ? wait : 0;
    const struct timespec timeout = {.tv_sec = (time_t)wait, .tv_nsec = (long)((wait - (double)(time_t)wait) * 1e9)};
    if (ppoll(fds, count, &timeout, mask) <= 0) {
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        if (fds[i].revents != 0) {
            (void)read_worker(&workers[i]);
        }
    }
}

enum bt_status bt_pool_run(const struct bt_pool *pool, int *interrupted)
{
    enum bt_status status = BT_OK;
    sigset_t blocked;
    sigset_t mask;
    struct sigaction old_stops[STOPS];
    struct sigaction old_child;
    const struct sigaction on_stop = {.sa_handler = note_signal};
    const struct sigaction on_child = {.sa_handler = wake_up};
    struct worker *workers = calloc(pool->workers, sizeof(*workers));
    struct pollfd *fds = calloc(pool->workers, sizeof(*fds));
    uint32_t *order = calloc(pool->count + (size_t)1, sizeof(*order));
    int adopted = 0; /* was this process handed orphans before? */

    (void)prctl(PR_GET_CHILD_SUBREAPER, &adopted);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    /* Signals arrive only inside ppoll(), so none is missed between looking and waiting. */
    (void)sigemptyset(&blocked);
    for (int i = 0; i < STOPS; i++) {
        (void)sigaddset(&blocked, stops[i]);
    }
    (void)sigaddset(&blocked, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &blocked, &mask);
    interrupted_by = 0;
    for (int i = 0; i < STOPS; i++) {
        (void)sigaction(stops[i], NULL, &old_stops[i]);
        if (stops[i] != SIGHUP || old_stops[i].sa_handler != SIG_IGN) { /* nohup */
            (void)sigaction(stops[i], &on_stop, NULL);
        }
    }
    (void)sigaction(SIGCHLD, &on_child, &old_child);

    if (workers == NULL || fds == NULL || order == NULL) {
        status = BT_ENOMEM;
        goto cleanup;
    }
    for (unsigned i = 0; i < pool->workers; i++) {
        workers[i].fd = -1;
    }
    for (uint32_t i = 0; i < pool->count; i++) {
        order[i] = i;
    }
    qsort_r(order, pool->count, sizeof(*order), by_weight, (void *)(uintptr_t)pool->tasks);

    uint32_t next = 0;
    uint32_t finished = 0;
    while (finished < pool->count && interrupted_by == 0) {
        uint32_t running = 0;
        for (unsigned i = 0; i < pool->workers; i++) {
            if (workers[i].pid == 0 && next < pool->count) {
                status = start_worker(pool, workers, &workers[i], order[next], &mask);
                if (status != BT_OK) {
                    goto cleanup;
                }
                next++;
            }
            running += workers[i].pid != 0 ? 1 : 0;
        }
        if (pool->tick != NULL) {
            pool->tick(pool->context, running, finished);
        }
        wait_for_news(workers, pool->workers, fds, &mask);
        for (unsigned i = 0; i < pool->workers; i++) {
            if (workers[i].pid == 0) {
                continue;
            }
            if (!workers[i].timed_out && now_seconds() >= workers[i].deadline) {
                workers[i].timed_out = true;
                kill_worker(&workers[i]);
            }
            finished += reap_worker(pool, workers, &workers[i]) ? 1 : 0;
        }
    }
    if (interrupted_by == 0 && pool->tick != NULL) {
        pool->tick(pool->context, 0, finished);
    }

cleanup:
    if (workers != NULL) {
        kill_all(workers, pool->workers);
    }
    (void)prctl(PR_SET_CHILD_SUBREAPER, adopted);
    *interrupted = (int)interrupted_by;
    for (int i = 0; i < STOPS; i++) {
        (void)sigaction(stops[i], &old_stops[i], NULL);
    }
    (void)sigaction(SIGCHLD, &old_child, NULL);
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    free(order);
    free(fds);
    free(workers);
    return status;
}
