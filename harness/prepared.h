/* What prepare() makes of a layer's weights (a schedule, a codebook), kept in files and taken from them. */
#ifndef BT_PREPARED_H
#define BT_PREPARED_H

#include <stddef.h>

#include "harness/error.h"
#include "harness/variant.h"

/** "<dir>/<network>-<layer>-<variant>-<config>.prepared"; a '/' in a name becomes '-'. */
void bt_prepared_path(const char *dir, const char *network, const char *layer, const char *variant, const char *config,
                      char *path, size_t path_bytes);

/** Writes a blob: complete, or not there. @return BT_OK; BT_EIO. */
BT_MUST_CHECK enum bt_status bt_prepared_write(const char *path, const char *variant, const struct bt_blob *blob,
                                               struct bt_error *err);

/**
 * @brief  Reads a blob.
 * @param[out] blob  Freed by the caller.
 * @return BT_OK; BT_EINPUT (not there, cut off, damaged, another variant's); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_prepared_read(const char *path, const char *variant, struct bt_blob *blob,
                                              struct bt_error *err);

#endif
