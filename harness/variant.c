#include "harness/variant.h"

#include <string.h>

#define VARIANT(v) extern const struct bt_variant v##_variant;
#include "harness/variants.def"
#undef VARIANT

const struct bt_variant *const bt_variants[] = {
#define VARIANT(v) &v##_variant,
#include "harness/variants.def"
#undef VARIANT
    NULL,
};

const struct bt_variant *bt_variant_find(const char *name)
{
    for (size_t i = 0; bt_variants[i] != NULL; i++) {
        if (strcmp(bt_variants[i]->name, name) == 0) {
            return bt_variants[i];
        }
    }
    return NULL;
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
