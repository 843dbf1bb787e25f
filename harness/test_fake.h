/*
 * A room without hardware, for the tests of the harness: a "core" that is the reference operator behind a register and
 * a counter, and goes wrong on request (parameter FAULT). It replaces bt_variants, the HAL and its simulated core in
 * the one test program that includes it.
 */
#ifndef BT_TEST_FAKE_H
#define BT_TEST_FAKE_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/conv_s16.h"
#include "harness/hal_sim.h"
#include "harness/layer_pool.h"
#include "harness/variant.h"
#include "reference/common/bt_conv2d.h"
#include "reference/ops/conv2d_s8.h"
#include "reference/ops/maxpool_s8.h"

enum fake_fault {
    FAKE_GOOD,
    FAKE_FLIP,    /* one bit of the ofmap */
    FAKE_PERMUTE, /* two pixels change places */
    FAKE_HANG,    /* never done; cycles go by */
    FAKE_STUCK,   /* the simulator itself never returns */
    FAKE_CRASH,
    FAKE_DEVICE,      /* error code 7 */
    FAKE_VIOLATION,   /* a write outside the windows */
    FAKE_ONE_CYCLE,   /* one cycle more than predicted */
    FAKE_COUNTER,     /* the cycles register is off by one */
    FAKE_TERM,        /* a term's counter is off by one */
    FAKE_IMPOSSIBLE,  /* fewer cycles than MACs / multipliers, as predicted */
    FAKE_MODEL,       /* the model is wrong, the core is right */
    FAKE_UNSUPPORTED, /* refuses every layer */
    FAKE_NOTHING,     /* says done, writes nothing */
    FAKE_MEASURES_NOTHING,
    FAKE_NO_POOL,     /* refuses layers that pool */
    FAKE_FORGETS,     /* accepts them, and puts out what was not pooled */
    FAKE_POOL_SHORT,  /* the last pooled pixel is not written */
    FAKE_POOL_WINDOW, /* windows one column to the left of theirs */
};

enum { FAKE_MULTIPLIERS = 4, FAKE_OVERHEAD = 10, FAKE_REG_START = 8 };

struct fake_plan {
    struct bt_layer layer; /* as it is computed */
    struct bt_io io;
    int64_t fault;
    int32_t started;
};

/* ---- the core, and the HAL over it ---- */
/* NOLINTBEGIN(readability-non-const-parameter): the signatures are those of harness/hal_sim.h */

struct bt_hal {
    uint8_t *dram;
    uint64_t dram_bytes;
    uint64_t cycles, start_cycle, start_to_done, remaining;
    bool busy, irq, failed;
    const struct fake_plan *plan;
    struct bt_layer_data data; /* what pack() was given */
};

static inline uint64_t fake_cycles(const struct bt_conv2d *conv)
{
    return ((uint64_t)bt_conv2d_macs(conv) + FAKE_MULTIPLIERS - 1) / FAKE_MULTIPLIERS + FAKE_OVERHEAD;
}

enum bt_status bt_hal_sim_open(const char *so_path, const struct bt_memory *mem, uint8_t *dram, const char *wave,
                               struct bt_hal **hal, struct bt_error *err)
{
    (void)so_path;
    (void)dram;
    (void)err;
    struct bt_hal *made = calloc(1, sizeof(*made));
    made->dram = calloc(1, mem->dram_bytes);
    made->dram_bytes = mem->dram_bytes;
    *hal = made;
    if (wave != NULL) {
        FILE *file = fopen(wave, "w");
        if (file != NULL) {
            (void)fclose(file);
        }
    }
    return BT_OK;
}

enum bt_status bt_hal_sim_open_device(const struct bt_sim_api *api, const struct bt_config *config, uint8_t *dram,
                                      struct bt_hal **hal, struct bt_error *err)
{
    (void)api;
    return bt_hal_sim_open(NULL, &config->mem, dram, NULL, hal, err);
}

void bt_hal_sim_close(struct bt_hal *hal)
{
    if (hal != NULL) {
        free(hal->dram);
        free(hal);
    }
}

void bt_hal_sim_reset(struct bt_hal *hal)
{
    hal->busy = hal->irq = hal->failed = false;
}

void bt_hal_sim_arm(struct bt_hal *hal)
{
    hal->start_to_done = 0;
}

void bt_hal_sim_advance(struct bt_hal *hal, uint64_t cycles)
{
    hal->cycles += cycles;
}

void bt_hal_sim_wave_window(struct bt_hal *hal, uint64_t from_cycle, uint64_t to_cycle)
{
    (void)hal;
    (void)from_cycle;
    (void)to_cycle;
}

void bt_hal_sim_stats(const struct bt_hal *hal, struct bt_sim_stats *stats)
{
    *stats = (struct bt_sim_stats){.cycles = hal->cycles, .start_to_done = hal->start_to_done};
}

const char *bt_hal_sim_failed(const struct bt_hal *hal)
{
    return hal->failed ? "cycle 12, m_axi_: write to 0xdead, outside the allowed windows" : NULL;
}

void bt_hal_mem_write(struct bt_hal *hal, uint64_t addr, const void *src, size_t bytes)
{
    memcpy(hal->dram + addr, src, bytes);
}

void bt_hal_mem_read(struct bt_hal *hal, uint64_t addr, void *dst, size_t bytes)
{
    memcpy(dst, hal->dram + addr, bytes);
}

void bt_hal_mem_fill(struct bt_hal *hal, uint64_t addr, uint8_t value, size_t bytes)
{
    memset(hal->dram + addr, value, bytes);
}

uint32_t bt_hal_reg_read(struct bt_hal *hal, uint32_t offset)
{
    (void)offset;
    return hal->irq ? 2 : hal->busy ? 1 : 0;
}

void bt_hal_pin_set(struct bt_hal *hal, unsigned pin, uint64_t value)
{
    (void)hal;
    (void)pin;
    (void)value;
}

uint64_t bt_hal_pin_get(struct bt_hal *hal, unsigned pin)
{
    (void)hal;
    (void)pin;
    return 0;
}

void bt_hal_allow_write(struct bt_hal *hal, uint64_t addr, uint64_t bytes)
{
    (void)hal;
    (void)addr;
    (void)bytes;
}

void bt_hal_clear_windows(struct bt_hal *hal)
{
    (void)hal;
}

static inline size_t fake_ofmap_bytes(const struct bt_layer *layer)
{
    return (size_t)bt_layer_ofmap_elems(layer) * bt_layer_ofmap_elem_bytes(layer);
}

static inline size_t fake_ifmap_bytes(const struct bt_layer *layer)
{
    return (size_t)bt_conv2d_ifmap_elems(&layer->u.conv) * bt_layer_elem_bytes(layer);
}

static inline enum bt_status fake_conv(const struct bt_layer *layer, const struct bt_layer_data *data, void *ofmap)
{
    struct bt_reason why = {0};
    return layer->dtype == BT_S16 ? bt_conv_s16(&layer->u.conv, data, ofmap, &why)
                                  : ref_conv2d_s8(&layer->u.conv, data, ofmap);
}

static inline void fake_pool(const struct fake_plan *plan, const struct bt_layer_data *data, uint8_t *ofmap)
{
    struct ref_pool2d pool = bt_layer_pool2d(&plan->layer);
    int8_t *unpooled = malloc((size_t)bt_conv2d_ofmap_elems(&plan->layer.u.conv));
    int8_t *pooled = malloc(fake_ofmap_bytes(&plan->layer));
    if (plan->fault == FAKE_POOL_WINDOW) {
        pool.pad_left++;
        pool.pad_right--;
    }
    if (unpooled == NULL || pooled == NULL || ref_conv2d_s8(&plan->layer.u.conv, data, unpooled) != BT_OK ||
        ref_maxpool_s8(&pool, unpooled, pooled) != BT_OK) {
        abort();
    }
    const size_t missing = plan->fault == FAKE_POOL_SHORT ? (size_t)pool.c : 0;
    memcpy(ofmap, pooled, fake_ofmap_bytes(&plan->layer) - missing);
    free(unpooled);
    free(pooled);
}

static inline void fake_compute(struct bt_hal *hal)
{
    const struct fake_plan *plan = hal->plan;
    struct bt_layer_data data = hal->data;
    data.ifmap = hal->dram + plan->io.in_addr;
    uint8_t *ofmap = hal->dram + plan->io.out_addr;
    const size_t pixel = (size_t)plan->layer.u.conv.c_out * bt_layer_ofmap_elem_bytes(&plan->layer);
    const size_t bytes = fake_ofmap_bytes(&plan->layer);
    if (plan->fault == FAKE_NOTHING) {
        return;
    }
    if (bt_layer_pools(&plan->layer)) {
        fake_pool(plan, &data, ofmap);
    } else if (fake_conv(&plan->layer, &data, ofmap) != BT_OK) {
        abort();
    }
    if (plan->fault == FAKE_FLIP) {
        ofmap[bytes / 2] ^= 1;
    }
    if (plan->fault == FAKE_PERMUTE) {
        for (size_t i = 0; i < pixel; i++) {
            const uint8_t kept = ofmap[i];
            ofmap[i] = ofmap[pixel + i];
            ofmap[pixel + i] = kept;
        }
    }
}

void bt_hal_reg_write(struct bt_hal *hal, uint32_t offset, uint32_t value)
{
    (void)value;
    if (offset != FAKE_REG_START) {
        return;
    }
    const struct fake_plan *plan = hal->plan;
    hal->busy = true;
    hal->start_cycle = hal->cycles;
    hal->remaining = fake_cycles(&plan->layer.u.conv) + (plan->fault == FAKE_ONE_CYCLE ? 1 : 0);
    if (plan->fault == FAKE_IMPOSSIBLE) {
        hal->remaining = 3;
    }
    if (plan->fault == FAKE_CRASH) {
        (void)raise(SIGKILL);
    }
    while (plan->fault == FAKE_STUCK) {
        (void)usleep(1000);
    }
}

enum bt_event bt_hal_run(struct bt_hal *hal, uint64_t max_cycles)
{
    if (hal->plan->fault == FAKE_VIOLATION) {
        hal->failed = true;
        return BT_EVENT_FAILED;
    }
    if (hal->plan->fault == FAKE_HANG || max_cycles < hal->remaining) {
        hal->cycles += max_cycles;
        hal->remaining -= hal->plan->fault == FAKE_HANG ? 0 : max_cycles;
        return BT_EVENT_BUDGET;
    }
    hal->cycles += hal->remaining;
    hal->remaining = 0;
    hal->busy = false;
    hal->irq = true;
    hal->start_to_done = hal->plan->fault == FAKE_MEASURES_NOTHING ? 0 : hal->cycles - hal->start_cycle;
    fake_compute(hal);
    return BT_EVENT_IRQ;
}

/* NOLINTEND(readability-non-const-parameter) */
/* ---- the driver ---- */

static const struct bt_param_spec fake_params[] = {
    {"FAULT", 0, 100, 0, "enum fake_fault"},
    {NULL, 0, 0, 0, NULL},
};

static enum bt_status fake_supports(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                                    struct bt_reason *why)
{
    if (count != 1 || bt_config_get(config, "FAULT", 0) == FAKE_UNSUPPORTED) {
        *why = (struct bt_reason){"layers of this kind", 1, 0};
        return BT_EUNSUPPORTED;
    }
    if (layers[0].pool.kh != 0 && bt_config_get(config, "FAULT", 0) == FAKE_NO_POOL) {
        *why = (struct bt_reason){"max-pooling on write-back", layers[0].pool.kh, 0};
        return BT_EUNSUPPORTED;
    }
    return BT_OK;
}

/* The layer that the core knows of. */
static struct bt_layer fake_layer(const struct bt_config *config, const struct bt_layer *layer)
{
    struct bt_layer made = *layer;
    if (bt_config_get(config, "FAULT", 0) == FAKE_FORGETS) {
        made.pool = (struct bt_maxpool){0};
    }
    return made;
}

static enum bt_status fake_plan(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                                const struct bt_blob *aux, struct bt_io *io, void *plan, struct bt_reason *why)
{
    struct fake_plan *made = plan;
    const struct bt_layer layer = fake_layer(config, &layers[0]);
    const struct bt_conv2d *conv = &layer.u.conv;
    (void)count;
    (void)aux;
    if (io->in_addr == BT_ANYWHERE) {
        io->in_addr = io->brk;
        io->in_pitch = (uint32_t)conv->c_in * bt_layer_elem_bytes(&layer);
        io->brk += fake_ifmap_bytes(&layer);
    }
    io->out_addr = io->brk;
    io->out_pitch = (uint32_t)conv->c_out * bt_layer_ofmap_elem_bytes(&layer);
    io->brk += fake_ofmap_bytes(&layer);
    if (io->brk > config->mem.dram_bytes) {
        *why = (struct bt_reason){"DRAM bytes", (int64_t)io->brk, (int64_t)config->mem.dram_bytes};
        return BT_ENOMEM;
    }
    *made = (struct fake_plan){.layer = layer, .io = *io, .fault = bt_config_get(config, "FAULT", 0)};
    return BT_OK;
}

static enum bt_status fake_pack(const void *plan, const struct bt_layer_data *data, const struct bt_blob *aux,
                                struct bt_hal *hal, struct bt_reason *why)
{
    (void)aux;
    (void)why;
    hal->plan = plan;
    hal->data = *data;
    return BT_OK;
}

static void fake_load(const void *plan, const void *ifmap, struct bt_hal *hal)
{
    const struct fake_plan *p = plan;
    bt_hal_mem_write(hal, p->io.in_addr, ifmap, fake_ifmap_bytes(&p->layer));
}

static void fake_program(const void *plan, struct bt_hal *hal)
{
    (void)plan;
    (void)hal;
}

static void fake_start(void *plan, struct bt_hal *hal)
{
    ((struct fake_plan *)plan)->started++;
    bt_hal_reg_write(hal, FAKE_REG_START, 1);
}

static enum bt_status fake_service(void *plan, struct bt_hal *hal, enum bt_event event, struct bt_reason *why)
{
    const struct fake_plan *p = plan;
    (void)hal;
    if (p->fault == FAKE_DEVICE) {
        *why = (struct bt_reason){"descriptor refused", 7, 0};
        return BT_EDEVICE;
    }
    return event == BT_EVENT_IRQ ? BT_OK : BT_ETIMEOUT;
}

static void fake_unpack(const void *plan, struct bt_hal *hal, void *ofmap)
{
    const struct fake_plan *p = plan;
    bt_hal_mem_read(hal, p->io.out_addr, ofmap, fake_ofmap_bytes(&p->layer));
}

static void fake_finish(void *plan, struct bt_hal *hal, struct bt_counters *counters)
{
    const struct fake_plan *p = plan;
    const uint64_t cycles = hal->cycles - hal->start_cycle;
    bt_counters_add(counters, "cycles", cycles + (p->fault == FAKE_COUNTER ? 1 : 0));
    bt_counters_add(counters, "overhead", FAKE_OVERHEAD + (p->fault == FAKE_TERM ? 1 : 0));
    bt_counters_add(counters, "beats", 17);
    hal->irq = false;
}

static const struct bt_driver fake_driver = {
    .plan_bytes = sizeof(struct fake_plan),
    .max_layers = 1,
    .supports = fake_supports,
    .plan = fake_plan,
    .pack = fake_pack,
    .load = fake_load,
    .program = fake_program,
    .start = fake_start,
    .service = fake_service,
    .unpack = fake_unpack,
    .finish = fake_finish,
};

/* ---- the room ---- */

static enum bt_status fake_model(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                                 const struct bt_layer_data *data, const struct bt_blob *aux, void *ofmap,
                                 struct bt_blob *profile)
{
    (void)aux;
    (void)profile;
    enum bt_status status = BT_OK;
    if (bt_layer_pools(&layers[0]) && bt_config_get(config, "FAULT", 0) != FAKE_FORGETS) {
        const struct fake_plan sound = {.layer = ((const struct fake_plan *)plan)->layer};
        fake_pool(&sound, data, ofmap);
    } else {
        status = fake_conv(&layers[0], data, ofmap);
    }
    if (bt_config_get(config, "FAULT", 0) == FAKE_MODEL) {
        ((uint8_t *)ofmap)[0] ^= 0x80;
    }
    return status;
}

static enum bt_status fake_predict(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                                   const struct bt_blob *aux, const struct bt_blob *profile,
                                   struct bt_counters *prediction)
{
    (void)plan;
    (void)aux;
    (void)profile;
    const bool impossible = bt_config_get(config, "FAULT", 0) == FAKE_IMPOSSIBLE;
    bt_counters_add(prediction, "cycles", impossible ? 3 : fake_cycles(&layers[0].u.conv));
    bt_counters_add(prediction, "overhead", FAKE_OVERHEAD);
    return BT_OK;
}

static uint64_t fake_roofline(const struct bt_config *config, const struct bt_layer *layers, uint32_t count)
{
    (void)config;
    (void)count;
    return (uint64_t)bt_conv2d_macs(&layers[0].u.conv) / FAKE_MULTIPLIERS + 1;
}

static uint64_t fake_multipliers(const struct bt_config *config)
{
    (void)config;
    return FAKE_MULTIPLIERS;
}

static void fake_locate(const void *plan, uint64_t elem, char *text, size_t text_bytes)
{
    (void)plan;
    (void)snprintf(text, text_bytes, "tile %llu", (unsigned long long)(elem / 16));
}

static void fake_describe(const void *plan, char *text, size_t text_bytes)
{
    (void)plan;
    (void)snprintf(text, text_bytes, "all at once, \"in C\"");
}

static const struct bt_variant fake_variant = {
    .name = "fake",
    .summary = "the reference operator behind a register",
    .params = fake_params,
    .driver = &fake_driver,
    .model = fake_model,
    .cycles = fake_predict,
    .roofline = fake_roofline,
    .multipliers = fake_multipliers,
    .locate = fake_locate,
    .describe = fake_describe,
};

const struct bt_variant *const bt_variants[] = {&fake_variant, NULL};

#endif
