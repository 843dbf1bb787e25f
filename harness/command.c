#include "harness/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/progress.h"

#define LOOK_MILLISECONDS 10

/* One end of a pipe, and what came out of it. */
struct stream {
    int fd; /* -1 after its end */
    char *text;
    size_t bytes, used;
    bool cut;
};

static void take(struct stream *stream)
{
    char piece[4096];
    const ssize_t got = read(stream->fd, piece, sizeof(piece));
    if (got < 0 && errno == EINTR) {
        return;
    }
    if (got <= 0) {
        (void)close(stream->fd);
        stream->fd = -1;
        return;
    }
    const size_t room = stream->bytes - 1 - stream->used;
    const size_t kept = (size_t)got < room ? (size_t)got : room;
    memcpy(stream->text + stream->used, piece, kept);
    stream->used += kept;
    stream->text[stream->used] = '\0';
    stream->cut = stream->cut || kept < (size_t)got;
}

/* Reads until both have ended, or time is up. */
static void take_all(struct stream streams[2], double deadline)
{
    while (streams[0].fd >= 0 || streams[1].fd >= 0) {
        const double left = deadline - bt_now_seconds();
        struct pollfd fds[2] = {{.fd = streams[0].fd, .events = POLLIN}, {.fd = streams[1].fd, .events = POLLIN}};
        if (left <= 0) {
            break;
        }
        if (poll(fds, 2, (int)(left * 1000) + 1) <= 0) {
            continue;
        }
        for (int i = 0; i < 2; i++) {
            if (fds[i].revents != 0) {
                take(&streams[i]);
            }
        }
    }
}

/* The end of it and of what it started. @return false when time was up before. */
static bool wait_for(pid_t pid, double deadline, int *status)
{
    const struct timespec nap = {.tv_nsec = LOOK_MILLISECONDS * 1000000L};
    bool ended = false;
    for (;;) {
        siginfo_t info = {.si_pid = 0};
        (void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
        ended = info.si_pid == pid;
        if (ended || bt_now_seconds() >= deadline) {
            break;
        }
        (void)nanosleep(&nap, NULL);
    }
    /* Before it is waited for: until then nobody else can have this number. */
    (void)kill(-pid, SIGKILL);
    (void)waitpid(pid, status, 0);
    return ended;
}

/* @return 0, or what is wrong as errno has it. */
static int spawn(const char *const *argv, const int out[2], const int complaints[2], pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, complaints[1], STDERR_FILENO);
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    const int error = posix_spawnp(pid, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* The last line that says something. */
static const char *last_line(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '\n') {
        text[--length] = '\0';
    }
    const char *newline = strrchr(text, '\n');
    return newline != NULL ? newline + 1 : text;
}

enum bt_status bt_command(const char *const *argv, double seconds, char *text, size_t text_bytes, struct bt_error *err)
{
    const double deadline = bt_now_seconds() + seconds;
    char said[4096] = "";
    int out[2];
    int complaints[2];
    int status = 0;
    pid_t pid = 0;
    text[0] = '\0';
    if (pipe2(out, O_CLOEXEC) != 0) {
        return bt_fail(err, BT_EIO, "%s: no pipe: %s", argv[0], strerror(errno));
    }
    if (pipe2(complaints, O_CLOEXEC) != 0) {
        (void)close(out[0]);
        (void)close(out[1]);
        return bt_fail(err, BT_EIO, "%s: no pipe: %s", argv[0], strerror(errno));
    }
    const int error = spawn(argv, out, complaints, &pid);
    (void)close(out[1]);
    (void)close(complaints[1]);
    struct stream streams[2] = {{.fd = out[0], .text = text, .bytes = text_bytes},
                                {.fd = complaints[0], .text = said, .bytes = sizeof(said)}};
    if (error != 0) {
        (void)close(out[0]);
        (void)close(complaints[0]);
        return bt_fail(err, BT_EIO, "%s: %s", argv[0], error == ENOENT ? "not found on PATH" : strerror(error));
    }
    take_all(streams, deadline);
    const bool ended = wait_for(pid, deadline, &status);
    for (int i = 0; i < 2; i++) { /* not before: it would end of a closed pipe */
        if (streams[i].fd >= 0) {
            (void)close(streams[i].fd);
        }
    }
    if (!ended) {
        return bt_fail(err, BT_EIO, "%s: no end after %g s", argv[0], seconds);
    }
    const char *line = last_line(said);
    if (WIFSIGNALED(status)) {
        return bt_fail(err, BT_EIO, "%s: killed by signal %d", argv[0], WTERMSIG(status));
    }
    if (WEXITSTATUS(status) != 0) {
        return line[0] != '\0' ? bt_fail(err, BT_EIO, "%s: %s", argv[0], line)
                               : bt_fail(err, BT_EIO, "%s: exit status %d", argv[0], WEXITSTATUS(status));
    }
    if (streams[0].cut) {
        return bt_fail(err, BT_EIO, "%s: printed more than %zu bytes", argv[0], text_bytes - 1);
    }
    return BT_OK;
}
