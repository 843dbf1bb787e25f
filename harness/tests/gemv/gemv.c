#include <stdio.h>

#include "gemv.h"

static const struct bt_param_spec PARAMS[] = {
    {"MaxCols", 1, 4096, GEMV_MAX_COLS, "largest number of columns"},
    {"poll", 0, 1, 0, "completion is polled (gemv_poll.yaml) instead of a pulse"},
    {NULL, 0, 0, 0, NULL},
};

static enum bt_status gemv_model(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                                 const struct bt_layer_data *data, const struct bt_blob *aux, void *ofmap,
                                 struct bt_blob *profile)
{
    const struct gemv_plan *p = plan;
    const int8_t *x = data[0].ifmap;
    int32_t *y = ofmap;

    (void)config;
    (void)layers;
    (void)aux;
    (void)profile;
    for (uint32_t r = 0; r < p->rows; r++) {
        const int8_t *row = (const int8_t *)data[0].weights + (size_t)r * p->cols;
        uint32_t acc = data[0].bias != NULL ? (uint32_t)data[0].bias[r] : 0;
        for (uint32_t c = 0; c < p->cols; c++)
            acc -= (uint32_t)(p->in_zp * row[c]);
        for (uint32_t c = 0; c < p->cols; c++)
            acc += (uint32_t)(row[c] * x[c]);
        y[r] = (int32_t)acc;
    }
    return BT_OK;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/*
 * Everything is counted between grants of the read port, with L the latency and I the beat interval of the memory:
 * after a grant the word comes L edges later and the next request can be granted one edge after that, but not within I.
 */
static enum bt_status gemv_cycles(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                                  const struct bt_blob *aux, const struct bt_blob *profile,
                                  struct bt_counters *prediction)
{
    const struct gemv_plan *p = plan;
    const uint64_t latency = max_u64(config->mem.latency_cycles, 1);
    const uint64_t interval = max_u64((4 + config->mem.bytes_per_cycle - 1) / config->mem.bytes_per_cycle, 1);
    const uint64_t words = p->row_bytes / 4;
    const uint64_t last = p->cols - 4 * (words - 1); /* products of a row's last word */
    const uint64_t write = 1 + latency;              /* accepted, answered */

    (void)layers;
    (void)aux;
    (void)profile;
    const uint64_t plain = max_u64(interval, latency + 1);
    const uint64_t product = max_u64(interval, latency + 4 + 1);
    const uint64_t row_to_row = max_u64(interval, latency + last + write + 1);
    uint64_t cycles = 1               /* the first request after the start */
                      + words * plain /* x, up to the grant of the first bias */
                      +
                      p->rows * (plain + (words - 1) * product) /* bias and all words of each row, to its last grant */
                      + (p->rows - 1) * row_to_row              /* from there to the next row's bias */
                      + latency + last + write                  /* end of the last row */
                      + 1;                                      /* done is high before the next edge */
    /* STATUS shows it one edge later, and is read at every second edge after the start. */
    if (bt_config_get(config, "poll", 0) != 0)
        cycles = (cycles + 1 + 1) / 2 * 2;
    bt_counters_add(prediction, "cycles", cycles);
    bt_counters_add(prediction, "macs", (uint64_t)p->rows * p->cols);
    return BT_OK;
}

static uint64_t gemv_multipliers(const struct bt_config *config)
{
    (void)config;
    return 1;
}

static void gemv_locate(const void *plan, uint64_t elem, char *text, size_t text_bytes)
{
    (void)plan;
    snprintf(text, text_bytes, "row %llu", (unsigned long long)elem);
}

const struct bt_variant gemv_variant = {
    .abi = BT_VARIANT_ABI,
    .name = "gemv",
    .summary = "one-lane matrix-vector unit (tests only)",
    .params = PARAMS,
    .driver = &gemv_driver,
    .model = gemv_model,
    .cycles = gemv_cycles,
    .multipliers = gemv_multipliers,
    .locate = gemv_locate,
};

const struct bt_variant *bt_variant_entry(void)
{
    return &gemv_variant;
}
