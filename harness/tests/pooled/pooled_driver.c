#include "pooled.h"

#include <stddef.h>

#include "harness/hal.h"
#include "reference/common/bt_conv2d.h"

enum { CHANNELS = 64 }; /* taken at once */

extern const struct bt_driver os_array_driver;

enum pooled_fault pooled_fault = POOLED_GOOD;

static enum bt_status refuse(struct bt_reason *why, enum bt_status status, const char *what, int64_t got, int64_t limit)
{
    if (why != NULL) {
        *why = (struct bt_reason){what, got, limit};
    }
    return status;
}

static struct bt_layer without_pool(const struct bt_layer *layer)
{
    struct bt_layer made = *layer;
    made.pool = (struct bt_maxpool){0};
    return made;
}

static enum bt_status supports(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                               struct bt_reason *why)
{
    const struct bt_layer inner = without_pool(&layers[0]);
    if (layers[0].pool.kh != 0 && pooled_fault == POOLED_REFUSES) {
        return refuse(why, BT_EUNSUPPORTED, "max-pooling on write-back", layers[0].pool.kh, 0);
    }
    return os_array_driver.supports(config, &inner, count, why);
}

static enum bt_status make_plan(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                                const struct bt_blob *aux, struct bt_io *io, void *plan, struct bt_reason *why)
{
    struct pooled_plan *made = plan;
    const struct bt_layer inner = without_pool(&layers[0]);
    struct bt_io inner_io = *io;
    if (os_array_driver.plan_bytes > POOLED_INNER_BYTES) {
        return refuse(why, BT_EINVAL, "bytes of the array's plan", os_array_driver.plan_bytes, POOLED_INNER_BYTES);
    }
    if (layers[0].pool.kh != 0 && pooled_fault == POOLED_REFUSES_PLAN) {
        return refuse(why, BT_EUNSUPPORTED, "plans with pooling", 1, 0);
    }
    *made = (struct pooled_plan){
        .pool = layers[0].pool,
        .n = inner.u.conv.n,
        .h = bt_conv2d_oh(&inner.u.conv),
        .w = bt_conv2d_ow(&inner.u.conv),
        .oh = bt_layer_oh(&layers[0]),
        .ow = bt_layer_ow(&layers[0]),
        .c_out = inner.u.conv.c_out,
        .fault = (int32_t)pooled_fault,
    };
    const enum bt_status status = os_array_driver.plan(config, &inner, count, aux, &inner_io, made->inner, why);
    if (status != BT_OK) {
        return status;
    }
    made->from_addr = inner_io.out_addr;
    made->from_pitch = inner_io.out_pitch;
    if (made->pool.kh != 0) {
        made->to_pitch = ((uint32_t)made->c_out + 15) / 16 * 16;
        made->to_addr = (inner_io.brk + 255) / 256 * 256;
        inner_io.out_addr = made->to_addr;
        inner_io.out_pitch = made->to_pitch;
        inner_io.brk =
            made->to_addr + (uint64_t)bt_layer_ofmap_elems(&layers[0]) / (uint64_t)made->c_out * made->to_pitch;
        if (inner_io.brk > config->mem.dram_bytes) {
            return refuse(why, BT_ENOMEM, "bytes of DRAM", (int64_t)inner_io.brk, (int64_t)config->mem.dram_bytes);
        }
    }
    *io = inner_io;
    return BT_OK;
}

static enum bt_status pack(const void *plan, const struct bt_layer_data *data, const struct bt_blob *aux,
                           struct bt_hal *hal, struct bt_reason *why)
{
    return os_array_driver.pack(((const struct pooled_plan *)plan)->inner, data, aux, hal, why);
}

static void load(const void *plan, const void *ifmap, struct bt_hal *hal)
{
    os_array_driver.load(((const struct pooled_plan *)plan)->inner, ifmap, hal);
}

static void program(const void *plan, struct bt_hal *hal)
{
    os_array_driver.program(((const struct pooled_plan *)plan)->inner, hal);
}

static void start(void *plan, struct bt_hal *hal)
{
    os_array_driver.start(((struct pooled_plan *)plan)->inner, hal);
}

/* One output pixel, `count` channels from `channel` on. */
static void pool_pixel(const struct pooled_plan *p, struct bt_hal *hal, int32_t image, int32_t oy, int32_t ox,
                       int32_t channel, int32_t count)
{
    const uint64_t pixel = ((uint64_t)image * (uint64_t)p->oh + (uint64_t)oy) * (uint64_t)p->ow + (uint64_t)ox;
    int8_t max[CHANNELS];
    int8_t in[CHANNELS];
    for (int32_t c = 0; c < count; c++) {
        max[c] = INT8_MIN;
    }
    for (int32_t ky = 0; ky < p->pool.kh; ky++) {
        for (int32_t kx = 0; kx < p->pool.kw; kx++) {
            const int32_t y = oy * p->pool.stride_h - p->pool.pad_top + ky;
            const int32_t x = ox * p->pool.stride_w - p->pool.pad_left + kx;
            if (y < 0 || y >= p->h || x < 0 || x >= p->w) {
                continue;
            }
            const uint64_t from = ((uint64_t)image * (uint64_t)p->h + (uint64_t)y) * (uint64_t)p->w + (uint64_t)x;
            bt_hal_mem_read(hal, p->from_addr + from * p->from_pitch + (uint64_t)channel, in, (size_t)count);
            for (int32_t c = 0; c < count; c++) {
                max[c] = in[c] > max[c] ? in[c] : max[c];
            }
        }
    }
    if (p->fault == POOLED_ELEMENT && image == 0 && oy == 1 && ox == 2 && channel == 0) {
        max[3] ^= 1;
    }
    bt_hal_mem_write(hal, p->to_addr + pixel * p->to_pitch + (uint64_t)channel, max, (size_t)count);
}

static void pool(const struct pooled_plan *p, struct bt_hal *hal)
{
    const int32_t pixels = p->n * p->oh * p->ow - (p->fault == POOLED_SHORT ? 1 : 0);
    for (int32_t i = 0; i < pixels; i++) {
        for (int32_t channel = 0; channel < p->c_out; channel += CHANNELS) {
            const int32_t left = p->c_out - channel;
            pool_pixel(p, hal, i / p->ow / p->oh, i / p->ow % p->oh, i % p->ow, channel,
                       left < CHANNELS ? left : CHANNELS);
        }
    }
}

static enum bt_status service(void *plan, struct bt_hal *hal, enum bt_event event, struct bt_reason *why)
{
    struct pooled_plan *p = plan;
    const enum bt_status status = os_array_driver.service(p->inner, hal, event, why);
    if (status == BT_OK && p->pool.kh != 0) {
        pool(p, hal);
    }
    return status;
}

static void unpack(const void *plan, struct bt_hal *hal, void *ofmap)
{
    const struct pooled_plan *p = plan;
    int8_t *to = ofmap;
    if (p->pool.kh == 0 || p->fault == POOLED_FORGETS) {
        os_array_driver.unpack(p->inner, hal, ofmap);
        return;
    }
    for (int32_t i = 0; i < p->n * p->oh * p->ow; i++) {
        bt_hal_mem_read(hal, p->to_addr + (uint64_t)i * p->to_pitch, to, (size_t)p->c_out);
        to += p->c_out;
    }
}

static void finish(void *plan, struct bt_hal *hal, struct bt_counters *counters)
{
    os_array_driver.finish(((struct pooled_plan *)plan)->inner, hal, counters);
}

const struct bt_driver pooled_driver = {
    .plan_bytes = sizeof(struct pooled_plan),
    .max_layers = 1,
    .supports = supports,
    .plan = make_plan,
    .pack = pack,
    .load = load,
    .program = program,
    .start = start,
    .service = service,
    .unpack = unpack,
    .finish = finish,
};
