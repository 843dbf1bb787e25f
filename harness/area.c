#include "harness/area.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/record_json.h"

#define MOST_BYTES (UINT64_C(64) << 20)

static enum bt_status read_list(const json_t *list, struct bt_areas *areas, struct bt_error *err)
{
    const size_t count = json_array_size(list);
    if (!json_is_array(list) || count > UINT32_MAX) {
        return bt_fail(err, BT_EINPUT, "'areas': expected an array");
    }
    areas->item = calloc(count + 1, sizeof(*areas->item));
    if (areas->item == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        struct bt_area *area = &areas->item[areas->count];
        struct bt_json_reader reader = {.object = json_array_get(list, i), .err = err};
        bt_json_read_text(&reader, "variant", area->variant, sizeof(area->variant));
        bt_json_read_text(&reader, "config", area->config, sizeof(area->config));
        area->um2 = bt_json_read_non_negative(&reader, "um2");
        area->cells = bt_json_read_count(&reader, "cells", INT64_MAX);
        if (reader.failed) {
            return BT_EINPUT;
        }
        if (bt_area_find(areas, area->variant, area->config) != NULL) {
            return bt_fail(err, BT_EINPUT, "area of %s %s a second time: expected it once", area->variant,
                           area->config);
        }
        areas->count++;
    }
    return BT_OK;
}

enum bt_status bt_areas_read(const char *path, struct bt_areas *areas, struct bt_error *err)
{
    struct bt_error why = {""};
    json_t *root = NULL;
    *areas = (struct bt_areas){.count = 0};
    if (access(path, F_OK) != 0) {
        return BT_OK;
    }
    if (bt_json_load(path, "areas", MOST_BYTES, &root, err) != BT_OK) {
        return BT_EINPUT;
    }
    const enum bt_status status = read_list(json_object_get(root, "areas"), areas, &why);
    json_decref(root);
    if (status != BT_OK) {
        bt_areas_free(areas);
        return bt_fail(err, status, "%s: %s", path, why.text);
    }
    return BT_OK;
}

void bt_areas_free(struct bt_areas *areas)
{
    free(areas->item);
    *areas = (struct bt_areas){.count = 0};
}

const struct bt_area *bt_area_find(const struct bt_areas *areas, const char *variant, const char *config)
{
    for (uint32_t i = 0; i < areas->count; i++) {
        if (strcmp(areas->item[i].variant, variant) == 0 && strcmp(areas->item[i].config, config) == 0) {
            return &areas->item[i];
        }
    }
    return NULL;
}
