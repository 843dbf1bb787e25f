/* Files that are replaced whole or not at all: written under a temporary name beside them, then renamed. */
#ifndef BT_REPLACE_H
#define BT_REPLACE_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "harness/error.h"

#define BT_REPLACE_BYTES 4096

struct bt_replace {
    char path[BT_REPLACE_BYTES], temporary[BT_REPLACE_BYTES];
    FILE *out; /**< to be written to; NULL when closed */
    bool left; /**< there is a temporary file */
};

/** @return BT_OK; BT_EIO with one line: no folder, not writable, or what is there is no file. */
BT_MUST_CHECK enum bt_status bt_replace_open(const char *path, struct bt_replace *replace, struct bt_error *err);
/** Every byte is on its way. @return BT_OK; BT_EIO with one line: the disk is full. */
BT_MUST_CHECK enum bt_status bt_replace_close(struct bt_replace *replace, struct bt_error *err);
/** After bt_replace_close(): under its own name. @return BT_OK; BT_EIO with one line. */
BT_MUST_CHECK enum bt_status bt_replace_commit(struct bt_replace *replace, struct bt_error *err);
/** Removes the temporary file, if one is left; nothing else, so that every way out may call it. */
void bt_replace_discard(struct bt_replace *replace);

/** Several files are replaced all or none: Ctrl-C, SIGTERM and SIGHUP wait from here on until bt_replace_end(). @param[out] mask  For that. */
void bt_replace_begin(sigset_t *mask);
void bt_replace_end(const sigset_t *mask);

#endif
