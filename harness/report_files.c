#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/report.h"

#define PATH_BYTES 4096
#define FILE_COUNT 5

enum { JSON, CSV, JUNIT, SUMMARY, BADGE };
static const char *const names[FILE_COUNT] = {
    [JSON] = "results.json",  [CSV] = "results.csv", [JUNIT] = "junit.xml",
    [SUMMARY] = "summary.md", [BADGE] = "badge.svg",
};

/* mkdir -p */
static bool make_folder(const char *dir)
{
    char path[PATH_BYTES];
    const int length = snprintf(path, sizeof(path), "%s", dir);
    if (length <= 0 || (size_t)length >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (char *c = path + 1; *c != '\0'; c++) {
        if (*c == '/') {
            *c = '\0';
            (void)mkdir(path, 0777); /* the last one decides */
            *c = '/';
        }
    }
    struct stat info;
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode))) {
        return true;
    }
    return false;
}

static bool write_one(const struct bt_report *report, int which, FILE *out)
{
    switch (which) {
    case JSON:
        return bt_report_json(report, out);
    case CSV:
        bt_report_csv(report, out);
        return true;
    case JUNIT:
        bt_report_junit(report, out);
        return true;
    case SUMMARY:
        bt_report_summary(report, out);
        return true;
    default:
        bt_report_badge(report, out);
        return true;
    }
}

/* Everything up to the point where only the name is wrong. */
static bool write_temporary(const struct bt_report *report, int which, const char *path)
{
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        return false;
    }
    bool ok = write_one(report, which, out);
    ok = ok && fflush(out) == 0 && ferror(out) == 0 && fsync(fileno(out)) == 0;
    const int error = errno;
    if (fclose(out) != 0) {
        return false;
    }
    errno = error;
    return ok;
}

enum bt_status bt_report_files(const struct bt_report *report, const char *dir, struct bt_error *err)
{
    enum bt_status status = BT_OK;
    char temporary[FILE_COUNT][PATH_BYTES];
    char path[PATH_BYTES];
    int written = 0;

    /* A Ctrl-C waits until the files are all there or all gone. */
    sigset_t blocked;
    sigset_t mask;
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGINT);
    (void)sigaddset(&blocked, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &blocked, &mask);

    if (!make_folder(dir)) {
        status = bt_fail(err, BT_EIO, "%s: cannot make the folder: %s", dir, strerror(errno));
        goto cleanup;
    }
    for (int i = 0; i < FILE_COUNT; i++) {
        const int length = snprintf(temporary[i], sizeof(temporary[i]), "%s/.%s.%ld", dir, names[i], (long)getpid());
        if (length < 0 || (size_t)length >= sizeof(temporary[i])) {
            status = bt_fail(err, BT_EIO, "%s: path too long", dir);
            goto cleanup;
        }
        written = i + 1;
        if (!write_temporary(report, i, temporary[i])) {
            status = bt_fail(err, BT_EIO, "%s/%s: cannot be written: %s; no report was changed", dir, names[i],
                             strerror(errno));
            goto cleanup;
        }
    }
    for (int i = 0; i < FILE_COUNT; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        if (rename(temporary[i], path) != 0) {
            status = bt_fail(err, BT_EIO, "%s: cannot be replaced: %s", path, strerror(errno));
            goto cleanup;
        }
    }
    written = 0;

cleanup:
    for (int i = 0; i < written; i++) {
        (void)unlink(temporary[i]);
    }
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    return status;
}
