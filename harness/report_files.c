#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/replace.h"
#include "harness/report.h"

#define PATH_BYTES BT_REPLACE_BYTES
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
static enum bt_status write_temporary(const struct bt_report *report, int which, const char *dir,
                                      struct bt_replace *file, struct bt_error *err)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, names[which]);
    const enum bt_status status = bt_replace_open(path, file, err);
    if (status != BT_OK) {
        return status;
    }
    if (!write_one(report, which, file->out) && ferror(file->out) == 0) {
        return bt_fail(err, BT_EIO, "%s: out of memory; nothing was changed", path);
    }
    return bt_replace_close(file, err);
}

enum bt_status bt_report_files(const struct bt_report *report, const char *dir, struct bt_error *err)
{
    enum bt_status status = BT_OK;
    struct bt_replace files[FILE_COUNT] = {{.out = NULL}};
    sigset_t mask;

    bt_replace_begin(&mask);
    if (!make_folder(dir)) {
        status = bt_fail(err, BT_EIO, "%s: cannot make the folder: %s", dir, strerror(errno));
        goto cleanup;
    }
    for (int i = 0; i < FILE_COUNT && status == BT_OK; i++) {
        status = write_temporary(report, i, dir, &files[i], err);
    }
    for (int i = 0; i < FILE_COUNT && status == BT_OK; i++) {
        status = bt_replace_commit(&files[i], err);
    }

cleanup:
    for (int i = 0; i < FILE_COUNT; i++) {
        bt_replace_discard(&files[i]);
    }
    bt_replace_end(&mask);
    return status;
}
