#include "pooled.h"

#include <stdlib.h>

#include "harness/layer_pool.h"
#include "reference/common/bt_conv2d.h"
#include "reference/ops/maxpool_s8.h"

static const struct bt_variant *array(void)
{
    return bt_variant_find("os_array");
}

static enum bt_status model(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                            const struct bt_layer_data *data, const struct bt_blob *aux, void *ofmap,
                            struct bt_blob *profile)
{
    const struct pooled_plan *p = plan;
    struct bt_layer inner = layers[0];
    if (!bt_layer_pools(&layers[0])) {
        return array()->model(config, p->inner, layers, data, aux, ofmap, profile);
    }
    const struct ref_pool2d pool = bt_layer_pool2d(&layers[0]);
    inner.pool = (struct bt_maxpool){0};
    int8_t *unpooled = malloc((size_t)bt_conv2d_ofmap_elems(&inner.u.conv));
    if (unpooled == NULL) {
        return BT_ENOMEM;
    }
    enum bt_status status = array()->model(config, p->inner, &inner, data, aux, unpooled, profile);
    if (status == BT_OK) {
        status = ref_maxpool_s8(&pool, unpooled, ofmap);
    }
    free(unpooled);
    return status;
}

static enum bt_status cycles(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                             const struct bt_blob *aux, const struct bt_blob *profile, struct bt_counters *prediction)
{
    return array()->cycles(config, ((const struct pooled_plan *)plan)->inner, layers, aux, profile, prediction);
}

static uint64_t multipliers(const struct bt_config *config)
{
    return array()->multipliers(config);
}

const struct bt_variant pooled_variant = {
    .name = "pooled",
    .summary = "os_array with max-pooling by its driver",
    .driver = &pooled_driver,
    .model = model,
    .cycles = cycles,
    .multipliers = multipliers,
};
