#include "reference/common/bt_conv2d.h"
#include "reference/ws_array/ws_array_plan.h"

enum bt_status ws_array_cycles(const struct bt_config *config, const void *plan_in, const struct bt_layer *layers,
                               const struct bt_blob *aux, const struct bt_blob *profile, struct bt_counters *prediction)
{
    (void)layers;
    (void)aux;
    (void)profile;
    const struct ws_array_plan *plan = plan_in;
    struct ws_array_terms terms;
    if (!ws_array_time(plan, &config->mem, &terms)) {
        return BT_EUNSUPPORTED;
    }
    const struct {
        const char *name;
        int64_t value;
    } items[] = {
        {"cycles", terms.cycles},
        {"control", terms.control},
        {"fill", terms.fill},
        {"compute", terms.compute},
        {"load_stall", terms.load_stall},
        {"store_stall", terms.store_stall},
        {"drain", terms.drain},
        {"tiles", terms.tiles},
        {"read_beats", terms.read_beats},
        {"write_beats", terms.write_beats},
        {"acc_reads", terms.acc_reads},
        {"preloads", terms.preloads},
        {"macs_issued", terms.compute * plan->hw.dim * plan->hw.dim},
    };
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        bt_counters_add(prediction, items[i].name, (uint64_t)items[i].value);
    }
    return BT_OK;
}

/*
 * Equations 4.2 to 4.4 with the dissertation's Gemmini scaling (section 4.4.3). Per group the layer is an l x m by m x n
 * product. Equation 4.4 scales m and n each to whole multiples of DIM (eta). Every DIM x DIM piece of weights is preloaded once:
 * its first rows are a compute_preload, whose l is scaled to DIM (delta), all further rows compute_accumulate, whose delta is
 * one. Data: rows of ifmap (im2col), weights and results, each padded to the bus (4.2) with alpha = 1, since the text gives
 * no value for it. Max-pooling enters only through the results that are left to write.
 */
uint64_t ws_array_roofline(const struct bt_config *config, const struct bt_layer *layers, uint32_t count)
{
    const int64_t dim = bt_config_get(config, "DIM", 16);
    const int64_t bus = config->mem.bytes_per_cycle < 16 ? config->mem.bytes_per_cycle : 16; /* the port's width */
    double cycles = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct bt_conv2d *conv = &layers[i].u.conv;
        const int64_t l = (int64_t)conv->n * bt_conv2d_oh(conv) * bt_conv2d_ow(conv);
        const int64_t m = (int64_t)conv->kh * conv->kw * (conv->c_in / conv->groups);
        const int64_t n = conv->c_out / conv->groups;
        const int64_t tiles_m = (m + dim - 1) / dim;
        const int64_t tiles_n = (n + dim - 1) / dim;
        const int64_t preload = dim;
        const int64_t accumulate = l > dim ? l - dim : 0;
        const double macs = (double)(preload + accumulate) * (double)(tiles_m * dim) * (double)(tiles_n * dim);
        const int64_t stored = (int64_t)conv->n * bt_layer_oh(&layers[i]) * bt_layer_ow(&layers[i]);
        const int64_t reduction = (m + bus - 1) / bus; /* N_bw of one row */
        const int64_t result = (n * (conv->raw ? 4 : 1) + bus - 1) / bus;
        const double data = (double)(reduction * (l + n) + result * stored) * (double)bus;
        const double intensity = macs / data;
        const double peak = (double)(dim * dim);
        const double performance = intensity * (double)bus < peak ? intensity * (double)bus : peak;
        cycles += conv->groups * (macs / performance);
    }
    return (uint64_t)(cycles + 0.5);
}
