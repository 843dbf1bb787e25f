#include "harness/replace.h"

#include <errno.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum bt_status bt_replace_open(const char *path, struct bt_replace *replace, struct bt_error *err)
{
    char copies[2][BT_REPLACE_BYTES];
    struct stat info;
    *replace = (struct bt_replace){.out = NULL};
    const int length = snprintf(replace->path, sizeof(replace->path), "%s", path);
    (void)snprintf(copies[0], sizeof(copies[0]), "%s", path);
    (void)snprintf(copies[1], sizeof(copies[1]), "%s", path);
    const int used = snprintf(replace->temporary, sizeof(replace->temporary), "%s/.%s.%ld", dirname(copies[0]),
                              basename(copies[1]), (long)getpid());
    if (length >= BT_REPLACE_BYTES || used >= BT_REPLACE_BYTES) {
        return bt_fail(err, BT_EIO, "%s: path too long", path);
    }
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        return bt_fail(err, BT_EIO, "%s: cannot be replaced: expected a file", path);
    }
    replace->out = fopen(replace->temporary, "w");
    if (replace->out == NULL) {
        return bt_fail(err, BT_EIO, "%s: cannot be written: %s", path, strerror(errno));
    }
    replace->left = true;
    return BT_OK;
}

enum bt_status bt_replace_close(struct bt_replace *replace, struct bt_error *err)
{
    FILE *out = replace->out;
    const bool ok = fflush(out) == 0 && ferror(out) == 0 && fsync(fileno(out)) == 0;
    const int error = errno;
    replace->out = NULL;
    if (fclose(out) != 0 || !ok) {
        return bt_fail(err, BT_EIO, "%s: cannot be written: %s; nothing was changed", replace->path,
                       strerror(ok ? errno : error));
    }
    return BT_OK;
}

enum bt_status bt_replace_commit(struct bt_replace *replace, struct bt_error *err)
{
    if (rename(replace->temporary, replace->path) != 0) {
        return bt_fail(err, BT_EIO, "%s: cannot be replaced: %s", replace->path, strerror(errno));
    }
    replace->left = false;
    return BT_OK;
}

void bt_replace_discard(struct bt_replace *replace)
{
    if (replace->out != NULL) {
        (void)fclose(replace->out);
        replace->out = NULL;
    }
    if (replace->left) {
        (void)unlink(replace->temporary);
        replace->left = false;
    }
}

void bt_replace_begin(sigset_t *mask)
{
    sigset_t blocked;
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGINT);
    (void)sigaddset(&blocked, SIGTERM);
    (void)sigaddset(&blocked, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &blocked, mask);
}

void bt_replace_end(const sigset_t *mask)
{
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
}
