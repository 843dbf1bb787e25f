/* Areas of the configurations, as synthesis measured them: area.json. */
#ifndef BT_AREA_H
#define BT_AREA_H

#include <stdint.h>

#include "harness/error.h"

struct bt_area {
    char variant[48], config[48];
    double um2;
    uint64_t cells; /**< standard cells, of whatever library was used */
};

struct bt_areas {
    uint32_t count;
    struct bt_area *item;
};

/**
 * @brief  Reads `{"areas": [{"variant", "config", "um2", "cells"}, ...]}`.
 * @param[out] areas  Release with bt_areas_free(). None where there is no such file: areas are optional.
 * @return BT_OK; BT_EINPUT (err begins with the file); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_areas_read(const char *path, struct bt_areas *areas, struct bt_error *err);
void bt_areas_free(struct bt_areas *areas);

/** That configuration's, or NULL. */
const struct bt_area *bt_area_find(const struct bt_areas *areas, const char *variant, const char *config);

#endif
