/* Calls the whole program in a process of its own, and keeps what it says. */
#ifndef BT_TEST_CALLED_H
#define BT_TEST_CALLED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/cli.h"

#define TEXT_BYTES 65536
static char out[TEXT_BYTES], err[TEXT_BYTES]; /* what the program said */

static inline void slurp(const char *path, char *text)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    const size_t n = fread(text, 1, TEXT_BYTES - 1, file);
    text[n] = '\0';
    assert_int_equal(fclose(file), 0);
}

/* How the child's world differs from ours. */
enum world { NORMAL, FULL_STDOUT, SMALL_FILES, ON_GITHUB };

/* Words apart by blanks; quotes, which a command to be typed again has, are taken off. */
static inline pid_t start(enum world world, const char *line)
{
    (void)fflush(NULL);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid != 0) {
        return pid;
    }
    char copy[1024];
    char *argv[48] = {"bittrue"};
    int argc = 1;
    (void)snprintf(copy, sizeof(copy), "%s", line);
    for (char *from = copy, *to = copy; (*to = *from) != '\0'; from++) {
        to += *from == '\'' ? 0 : 1;
    }
    for (char *word = strtok(copy, " "); word != NULL && argc < 47; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    if (world == ON_GITHUB) {
        (void)setenv("GITHUB_ACTIONS", "true", 1);
        (void)setenv("GITHUB_STEP_SUMMARY", "step.md", 1);
    } else { /* these tests may themselves be such a step */
        (void)unsetenv("GITHUB_ACTIONS");
        (void)unsetenv("GITHUB_STEP_SUMMARY");
    }
    const int out_fd = open(world == FULL_STDOUT ? "/dev/full" : "stdout", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    const int err_fd = open("stderr", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (dup2(out_fd, STDOUT_FILENO) < 0 || dup2(err_fd, STDERR_FILENO) < 0) {
        _exit(99);
    }
    if (world == SMALL_FILES) {
        const struct rlimit limit = {2000, 2000};
        (void)signal(SIGXFSZ, SIG_IGN);
        (void)setrlimit(RLIMIT_FSIZE, &limit);
    }
    const int status = bt_cli_main(argc, argv);
    (void)fflush(NULL);
    _exit(status);
}

static inline int finish(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    slurp("stdout", out);
    slurp("stderr", err);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static inline int call(const char *line)
{
    return finish(start(NORMAL, line));
}

static inline void holds(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        fail_msg("lacks \"%s\":\n%s", words, text);
    }
}

static inline unsigned lines(const char *text)
{
    unsigned count = 0;
    for (; *text != '\0'; text++) {
        count += *text == '\n' ? 1 : 0;
    }
    return count;
}

static inline json_t *results(const char *path)
{
    json_error_t error;
    json_t *json = json_load_file(path, 0, &error);
    if (json == NULL) {
        fail_msg("%s:%d: %s", path, error.line, error.text);
    }
    return json;
}

#endif
