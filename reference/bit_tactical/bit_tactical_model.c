#include "reference/bit_tactical/bit_tactical_plan.h"
#include "reference/common/bt_brick_host.h"
#include "reference/ops/requantise.h"

static int32_t finish(const struct bt_brick_plan *plan, const struct bt_layer_data *data, int64_t sum, int32_t mult,
                      int32_t shift)
{
    if (plan->hw.bits == 8) {
        return ref_conv2d_finish(&plan->conv, (int32_t)sum, mult, shift, data->table);
    }
    return ref_offset_clamp(ref_requantise_s64(sum, mult, shift), 0, plan->conv.act_min, plan->conv.act_max);
}

enum bt_status bit_tactical_model(const struct bt_config *config, const void *plan_in, const struct bt_layer *layers,
                                  const struct bt_layer_data *data, const struct bt_blob *aux, void *ofmap,
                                  struct bt_blob *profile)
{
    (void)config;
    (void)layers;
    (void)profile;
    const struct bit_tactical_plan *plan = plan_in;
    return bt_brick_model(&plan->brick, &plan->connect, data, aux, finish, ofmap);
}
