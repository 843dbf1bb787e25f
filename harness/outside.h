/*
 * A core that lives elsewhere: a folder with <name>.yaml (core description), <name>.c and <name>_*.c (its room, see
 * harness/variant.h) and <name>_configs.yaml. `make core DIR=...` builds it, this loads what was built.
 */
#ifndef BT_OUTSIDE_H
#define BT_OUTSIDE_H

#include "harness/error.h"
#include "harness/variant.h"

/**
 * @brief  Loads a room and adds it to the variants for the rest of this run.
 * @param[in]  dir        The core's folder.
 * @param[in]  build_dir  Holds outside/<name>.so, and outside/<name>.from with the folder it was built from.
 * @param[out] variant    Belongs to the shared object, which stays loaded.
 * @return BT_OK; BT_EINPUT with one line: no such folder, not built, built from another folder, not a variant, another
 *         ABI, incomplete, a name that is taken.
 */
BT_MUST_CHECK enum bt_status bt_outside_load(const char *dir, const char *build_dir, const struct bt_variant **variant,
                                             struct bt_error *err);

#endif
