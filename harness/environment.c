#include "harness/environment.h"

#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/build_info.h"

/* Value of the first line that begins with `key`, whatever is between them, without quotes. */
static void value_of(const char *path, const char *key, char *value, size_t value_bytes)
{
    char line[512];
    FILE *file = fopen(path, "r");
    value[0] = '\0';
    while (file != NULL && value[0] == '\0' && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0) {
            const char *text = line + strlen(key) + strspn(line + strlen(key), " \t:=\"");
            (void)snprintf(value, value_bytes, "%.*s", (int)strcspn(text, "\"\n"), text);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

/* First bytes of what git prints; false where it fails. */
static bool git(const char *dir, char *const arguments[], char *text, size_t text_bytes)
{
    char *argv[12] = {(char *)(uintptr_t) "git", (char *)(uintptr_t) "-C", (char *)(uintptr_t)dir};
    int ends[2];
    pid_t pid = 0;
    size_t used = 0;
    int status = 1;
    text[0] = '\0';
    for (size_t i = 0; arguments[i] != NULL && i + 4 < sizeof(argv) / sizeof(argv[0]); i++) {
        argv[i + 3] = arguments[i];
    }
    if (pipe(ends) != 0) {
        return false;
    }
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    (void)posix_spawn_file_actions_addclose(&actions, ends[0]);
    (void)posix_spawn_file_actions_addclose(&actions, ends[1]);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", 1 /* O_WRONLY */, 0);
    const bool spawned = posix_spawnp(&pid, "git", &actions, NULL, argv, environ) == 0;
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    for (ssize_t got = 1; spawned && got > 0;) {
        char rest[256]; /* read to the end, or git is killed by its pipe */
        got = read(ends[0], rest, sizeof(rest));
        const size_t kept = got > 0 && (size_t)got < text_bytes - 1 - used ? (size_t)got : text_bytes - 1 - used;
        memcpy(text + used, rest, got > 0 ? kept : 0);
        used += got > 0 ? kept : 0;
    }
    text[used] = '\0';
    (void)close(ends[0]);
    return spawned && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void bt_environment_read(const char *dir, struct bt_environment *environment)
{
    static char *const head[] = {(char *)(uintptr_t) "rev-parse", (char *)(uintptr_t) "HEAD", NULL};
    /* what `make report` writes follows from runs: no run follows from it */
    static char *const changes[] = {(char *)(uintptr_t) "status",
                                    (char *)(uintptr_t) "--porcelain",
                                    (char *)(uintptr_t) "--untracked-files=no",
                                    (char *)(uintptr_t) ":/",
                                    (char *)(uintptr_t) ":(top,exclude)reports",
                                    NULL};
    char text[64];
    cpu_set_t cpus;
    *environment = (struct bt_environment){.cores = 1, .time = (int64_t)time(NULL)};
    value_of("/proc/cpuinfo", "model name", environment->cpu, sizeof(environment->cpu));
    value_of("/etc/os-release", "PRETTY_NAME", environment->os, sizeof(environment->os));
    if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0) {
        environment->cores = (uint32_t)CPU_COUNT(&cpus);
    }
    (void)snprintf(environment->verilator, sizeof(environment->verilator), "%s", bt_build_info.verilator);
    (void)snprintf(environment->compiler, sizeof(environment->compiler), "%s", bt_build_info.compiler);
    if (git(dir, head, text, sizeof(text))) {
        (void)snprintf(environment->commit, sizeof(environment->commit), "%.*s", (int)strcspn(text, "\n"), text);
        environment->dirty = git(dir, changes, text, sizeof(text)) && text[0] != '\0';
    }
}
