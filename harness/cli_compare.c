#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/cli.h"
#include "harness/cli_store.h"
#include "harness/difference.h"
#include "harness/replace.h"
#include "harness/results.h"

#define PATH_BYTES 4096

/* ---- a revision: ci/run-revision builds and runs it ---- */

static volatile sig_atomic_t stopped;
static volatile sig_atomic_t child;

/* The script removes its worktree before it ends; so it is told, and waited for. */
static void pass_on(int signal_number)
{
    stopped = signal_number;
    if (child > 0) {
        (void)kill(child, SIGTERM);
    }
}

/* Its exit status; 2 where it could not be started or was killed. */
static int call_script(const struct bt_cli *cli, const char *const *arguments, int count)
{
    char script[PATH_BYTES];
    char *argv[160] = {script};
    struct sigaction old[3];
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    const struct sigaction action = {.sa_handler = pass_on};
    pid_t pid = 0;
    int status = 0;
    (void)snprintf(script, sizeof(script), "%s/../ci/run-revision", cli->suites_dir);
    for (int i = 0; i < count && i < 150; i++) {
        argv[i + 1] = (char *)(uintptr_t)arguments[i];
    }
    for (int i = 0; i < 3; i++) {
        (void)sigaction(signals[i], &action, &old[i]);
    }
    const int error = posix_spawn(&pid, script, NULL, NULL, argv, environ);
    if (error == 0) {
        child = pid;
        if (stopped != 0) {
            pass_on(stopped);
        }
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
        child = 0;
    } else {
        (void)fprintf(stderr, "bittrue: %s: %s; revisions are compared within their repository\n", script,
                      strerror(error));
    }
    for (int i = 0; i < 3; i++) {
        (void)sigaction(signals[i], &old[i], NULL);
    }
    if (stopped != 0) {
        return BT_EXIT_INTERRUPTED;
    }
    return error == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : BT_EXIT_ERROR;
}

/* Runs it; its reports go to `dir`. */
static int run_revision(const struct bt_cli *cli, const char *revision, const char *letter, char *dir, size_t dir_bytes)
{
    char build[PATH_BYTES];
    char data[PATH_BYTES];
    const char *arguments[160] = {revision, dir, build, realpath(cli->data_dir, data) != NULL ? data : ""};
    int count = 4;
    if (realpath(cli->build_dir, build) == NULL) {
        (void)fprintf(stderr, "bittrue: %s: %s\n", cli->build_dir, strerror(errno));
        return BT_EXIT_ERROR;
    }
    (void)snprintf(dir, dir_bytes, "%.4000s/out/compare/%s", build, letter);
    char names[BT_CLI_OPTIONS][40];
    char jobs[16];
    for (unsigned i = 0; i < cli->what_count; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "--%s", cli->what[i].name);
        arguments[count++] = names[i];
        if (cli->what[i].value != NULL) {
            arguments[count++] = cli->what[i].value;
        }
    }
    if (cli->jobs_asked) {
        (void)snprintf(jobs, sizeof(jobs), "%u", cli->workers);
        arguments[count++] = "--jobs";
        arguments[count++] = jobs;
    }
    return call_script(cli, arguments, count);
}

/* ---- the sides ---- */

static bool is_number(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static bool is_revision(const char *text)
{
    return strcmp(text, ".") == 0 || (access(text, F_OK) != 0 && !is_number(text));
}

static bool take(void *side, const struct bt_record *record)
{
    return bt_outcomes_add(&((struct bt_difference_side *)side)->outcomes, record);
}

/* A results.json or the folder of one, with the areas beside it. */
static enum bt_status read_side(const char *path, struct bt_difference_side *side, struct bt_error *err)
{
    char file[PATH_BYTES];
    char copy[PATH_BYTES];
    char areas[PATH_BYTES + 16];
    struct stat info;
    const bool folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    if (snprintf(file, sizeof(file), "%s%s", path, folder ? "/results.json" : "") >= (int)sizeof(file)) {
        return bt_fail(err, BT_EINPUT, "%.200s...: path too long", path);
    }
    memcpy(copy, file, sizeof(copy));
    (void)snprintf(areas, sizeof(areas), "%s/area.json", dirname(copy));
    struct bt_results results;
    enum bt_status status = bt_results_read(file, &results, err);
    if (status != BT_OK) {
        return status;
    }
    side->run = results.run;
    for (uint32_t i = 0; i < results.count && status == BT_OK; i++) {
        status = take(side, &results.records[i]) ? BT_OK : bt_fail(err, BT_ENOMEM, "out of memory");
    }
    bt_results_free(&results);
    return status == BT_OK ? bt_areas_read(areas, &side->areas, err) : status;
}

/* A run of the results store. */
static enum bt_status read_run(const struct bt_cli *cli, const char *number, struct bt_difference_side *side,
                               struct bt_error *err)
{
    char path[2048];
    struct bt_store *store = NULL;
    if (bt_cli_store_path(cli, path, sizeof(path)) == NULL || access(path, F_OK) != 0) {
        return bt_fail(err, BT_EINPUT, "compare: run %s: there is no results store %s", number, path);
    }
    errno = 0;
    const long long run = strtoll(number, NULL, 10);
    if (errno != 0) {
        return bt_fail(err, BT_EINPUT, "%s: no run %s; 'bittrue history' lists them", path, number);
    }
    enum bt_status status = bt_store_open(path, BT_STORE_READ, &store, err);
    if (status == BT_OK) {
        status = bt_store_run(store, run, &side->run, take, side, err);
    }
    bt_store_close(store);
    return status;
}

/* The exit status: BT_EXIT_PASS when the side is open; for the others one line was said. */
static int open_side(const struct bt_cli *cli, const char *text, const char *letter, struct bt_difference_side *side)
{
    struct bt_error err = {""};
    char dir[PATH_BYTES];
    const char *path = text;
    side->name = text;
    if (is_revision(text)) {
        const int status = run_revision(cli, text, letter, dir, sizeof(dir));
        if (status != BT_EXIT_PASS) {
            return status;
        }
        path = dir;
    }
    const bool stored = path == text && access(text, F_OK) != 0;
    if ((stored ? read_run(cli, text, side, &err) : read_side(path, side, &err)) != BT_OK) {
        bt_cli_complain(&err);
        return BT_EXIT_ERROR;
    }
    return BT_EXIT_PASS;
}

static void close_side(struct bt_difference_side *side)
{
    bt_outcomes_free(&side->outcomes);
    bt_areas_free(&side->areas);
}

/* ---- the command ---- */

/* Revisions are built and run in folders of this tree's build: one comparison of them at a time. The lock ends with the program. */
static enum bt_status lock_build(const struct bt_cli *cli, struct bt_error *err)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/compare.lock", cli->build_dir);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        return BT_OK;
    }
    const int error = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    return error == EWOULDBLOCK
               ? bt_fail(err, BT_EIO, "%s: another compare of revisions is running: expected one at a time", path)
               : bt_fail(err, BT_EIO, "%s: cannot be locked: %s", path, strerror(error));
}

/* Can --out be written? */
static enum bt_status try_out(const struct bt_cli *cli, struct bt_error *err)
{
    struct bt_replace file;
    const enum bt_status status = bt_replace_open(cli->out, &file, err);
    bt_replace_discard(&file);
    return status;
}

/* Before minutes are spent on the other side. */
static int check_sides(const struct bt_cli *cli)
{
    struct bt_error err = {""};
    bool revisions = false;
    if (cli->argument_count != 2) {
        (void)bt_fail(&err, BT_EINPUT, "compare: expected two sides, got %d; see bittrue compare --help",
                      cli->argument_count);
        bt_cli_complain(&err);
        return BT_EXIT_ERROR;
    }
    for (int i = 0; i < 2; i++) {
        if (is_revision(cli->arguments[i])) {
            const char *const arguments[] = {cli->arguments[i]};
            const int status = call_script(cli, arguments, 1);
            if (status != BT_EXIT_PASS) {
                return status;
            }
            revisions = true;
        }
    }
    if ((cli->what_count != 0 || cli->jobs_asked) && !revisions) {
        (void)bt_fail(&err, BT_EINPUT,
                      "compare: options of 'run' are for git revisions: expected none, or one of those");
        bt_cli_complain(&err);
        return BT_EXIT_ERROR;
    }
    if ((cli->out[0] != '\0' && try_out(cli, &err) != BT_OK) || (revisions && lock_build(cli, &err) != BT_OK)) {
        bt_cli_complain(&err);
        return BT_EXIT_ERROR;
    }
    return BT_EXIT_PASS;
}

static enum bt_status write_markdown(const char *path, const struct bt_difference *difference, struct bt_error *err)
{
    struct bt_replace file;
    enum bt_status status = bt_replace_open(path, &file, err);
    if (status == BT_OK) {
        bt_difference_markdown(difference, file.out);
        status = bt_replace_close(&file, err);
    }
    if (status == BT_OK) {
        status = bt_replace_commit(&file, err);
    }
    bt_replace_discard(&file);
    return status;
}

static enum bt_status compare(const struct bt_cli *cli, const struct bt_difference_side *sides, bool *worse,
                              struct bt_error *err)
{
    struct bt_difference difference;
    enum bt_status status = bt_difference_make(&sides[0], &sides[1], cli->partial, &difference, err);
    if (status != BT_OK) {
        return status;
    }
    if (difference.both == 0) {
        status = bt_fail(err, BT_EINPUT, "compare: no result of %.100s is in %.100s: expected some of the same layers",
                         sides[0].name, sides[1].name);
    } else {
        bt_difference_table(&difference, stdout);
    }
    if (status == BT_OK && cli->out[0] != '\0') {
        status = write_markdown(cli->out, &difference, err);
    }
    *worse = bt_difference_is_worse(&difference);
    bt_difference_free(&difference);
    return status;
}

int bt_cli_compare(const struct bt_cli *cli)
{
    struct bt_difference_side sides[2] = {{.name = ""}, {.name = ""}};
    struct bt_error err = {""};
    bool worse = false;
    int status = check_sides(cli);
    for (int i = 0; i < 2 && status == BT_EXIT_PASS; i++) {
        status = open_side(cli, cli->arguments[i], i == 0 ? "a" : "b", &sides[i]);
    }
    if (status == BT_EXIT_PASS) {
        if (compare(cli, sides, &worse, &err) != BT_OK) {
            bt_cli_complain(&err);
            status = BT_EXIT_ERROR;
        }
        status = status == BT_EXIT_PASS ? bt_cli_finish(worse ? BT_EXIT_FAIL : BT_EXIT_PASS) : status;
    }
    close_side(&sides[0]);
    close_side(&sides[1]);
    return status;
}
