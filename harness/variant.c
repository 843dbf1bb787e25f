#include "harness/variant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What this run added; never given back, since jobs point at it until the end. */
#define MAX_ADDED 64
static struct {
    const struct bt_variant *variant;
    char *folder;
} added[MAX_ADDED];
static size_t added_count;

const struct bt_variant *bt_variant_at(size_t index)
{
    size_t compiled = 0;
    while (bt_variants[compiled] != NULL) {
        if (compiled == index) {
            return bt_variants[compiled];
        }
        compiled++;
    }
    return index - compiled < added_count ? added[index - compiled].variant : NULL;
}

const struct bt_variant *bt_variant_find(const char *name)
{
    const struct bt_variant *variant = NULL;
    for (size_t i = 0; (variant = bt_variant_at(i)) != NULL; i++) {
        if (strcmp(variant->name, name) == 0) {
            break;
        }
    }
    return variant;
}

enum bt_status bt_variant_add(const struct bt_variant *variant, const char *folder)
{
    if (bt_variant_find(variant->name) != NULL) {
        return BT_EINPUT;
    }
    char *copy = added_count < MAX_ADDED ? strdup(folder) : NULL;
    if (copy == NULL) {
        return BT_ENOMEM;
    }
    added[added_count].variant = variant;
    added[added_count].folder = copy;
    added_count++;
    return BT_OK;
}

const char *bt_variant_folder(const struct bt_variant *variant)
{
    for (size_t i = 0; i < added_count; i++) {
        if (added[i].variant == variant) {
            return added[i].folder;
        }
    }
    return NULL;
}

void bt_variant_configs_path(const struct bt_variant *variant, const char *suites_dir, char *path, size_t path_bytes)
{
    const char *folder = bt_variant_folder(variant);
    if (folder != NULL) {
        (void)snprintf(path, path_bytes, "%s/%s_configs.yaml", folder, variant->name);
    } else {
        (void)snprintf(path, path_bytes, "%s/variants/%s.yaml", suites_dir, variant->name);
    }
}

int64_t bt_config_get(const struct bt_config *config, const char *key, int64_t fallback)
{
    for (uint32_t i = 0; i < config->count; i++) {
        if (strcmp(config->param[i].key, key) == 0) {
            return config->param[i].value;
        }
    }
    return fallback;
}
