#include "harness/firmware/fw_conv2d_s8.h"

#include <stddef.h>
#include <string.h>

#include "reference/common/bt_conv2d.h"
#include "reference/ops/requantise.h"

/*
 * Three ways, chosen by shape:
 *
 *  packed  The usual one. 3 pixels by 4 filters at a time. Two filters share a multiplication: their weights lie in one
 *          word, w0 + w1 * 2^16. Two products of int8 and [-127, 127] stay within 16 bits, so after every second step s of the
 *          sum, round(s / 2^16) is what w1 adds. What w0 adds need not be taken out each time: with T the sum of all s and
 *          H the sum of all rounded halves, both modulo 2^32, T - H * 2^16 is it. 7 instructions for 4 MACs.
 *  plane   One channel per filter: the channel is copied out with its padding, then 4 pixels of a row at a time.
 *  direct  Few pixels (fully connected), where packing the weights would cost more than it saves: 8 filters at a time.
 *
 * Sums are modulo 2^32, which is exact where the accumulator bound holds.
 */
enum {
    PIXELS = 3,
    FILTERS = 4,
    STEPS = 4, /* unrolled; a filter is padded to a multiple of it */
    DIRECT_FILTERS = 8,
    DIRECT_STEPS = 8,
    PLANE_PIXELS = 4,
    FEWEST_PACKED_PIXELS = 6,
    FEWEST_PACKED_FILTERS = 8, /* of a group of one channel */
};
#define LARGEST_PLANE_BYTES (UINT64_C(4) << 20)
#define LARGEST_PACKED_BYTES (UINT64_C(64) << 20)
#define INLINE static inline __attribute__((always_inline))
/* Each hot loop keeps the registers for itself. */
#define KERNEL static __attribute__((noinline))
/*
 * `next` is used only after `done` was computed. Left to itself the compiler interleaves independent sums until it runs out of
 * registers.
 */
#define FIRST(done, next) __asm__("" : "+r"(done), "+r"(next))
#define UNROLL _Pragma("GCC unroll 8")

/* What follows from the geometry. Everything of a layer that fits a DRAM of 32 bits does, too. */
struct shape {
    int32_t oh, ow, depth;
    int32_t filters; /* of a group */
    uint64_t steps;  /* kh * kw * depth */
    uint64_t padded_steps;
    uint64_t pixels; /* of all images */
    /* of a plane, elements */
    uint64_t rows, cols;
};

enum way { PACKED, PLANE, DIRECT };

static uint64_t round_up(uint64_t value, uint64_t to)
{
    return (value + to - 1) / to * to;
}

static struct shape shape_of(const struct bt_conv2d *conv)
{
    struct shape shape = {
        .oh = bt_conv2d_oh(conv),
        .ow = bt_conv2d_ow(conv),
        .depth = conv->c_in / conv->groups,
        .filters = conv->c_out / conv->groups,
    };
    shape.steps = (uint64_t)conv->kh * (uint64_t)conv->kw * (uint64_t)shape.depth;
    shape.padded_steps = round_up(shape.steps, STEPS);
    shape.pixels = (uint64_t)conv->n * (uint64_t)shape.oh * (uint64_t)shape.ow;
    const uint64_t last_col = (round_up((uint64_t)shape.ow, PLANE_PIXELS) - 1) * (uint64_t)conv->stride_w;
    shape.rows =
        (uint64_t)(shape.oh - 1) * (uint64_t)conv->stride_h + (uint64_t)(conv->kh - 1) * (uint64_t)conv->dil_h + 1;
    shape.cols = last_col + (uint64_t)(conv->kw - 1) * (uint64_t)conv->dil_w + 1;
    return shape;
}

/* ---- scratch memory: weights, then one sum per filter, then what is gathered ---- */

static uint64_t plane_bytes(const struct shape *shape)
{
    return round_up(shape->rows * shape->cols * sizeof(int16_t), 16);
}

/* Sums of one row of the ofmap. */
static uint64_t row_bytes(const struct shape *shape)
{
    return round_up((uint64_t)shape->ow, PLANE_PIXELS) * sizeof(uint32_t);
}

/* Words of packed weights of one group. */
static uint64_t packed_words(const struct shape *shape)
{
    return round_up((uint64_t)shape->filters, FILTERS) / 2 * shape->padded_steps;
}

static uint64_t packed_bytes(const struct bt_conv2d *conv, const struct shape *shape)
{
    return ((uint64_t)conv->groups * packed_words(shape) + (uint64_t)conv->c_out) * sizeof(uint32_t) +
           PIXELS * shape->padded_steps;
}

static uint64_t direct_bytes(const struct shape *shape)
{
    return shape->padded_steps * (sizeof(int16_t) + 1);
}

static enum way way_of(const struct bt_conv2d *conv, const struct shape *shape)
{
    if (shape->depth == 1 && shape->filters < FEWEST_PACKED_FILTERS && plane_bytes(shape) <= LARGEST_PLANE_BYTES) {
        return PLANE;
    }
    const bool packed = shape->pixels >= FEWEST_PACKED_PIXELS && packed_bytes(conv, shape) <= LARGEST_PACKED_BYTES;
    return packed ? PACKED : DIRECT;
}

uint64_t fw_conv2d_s8_scratch_bytes(const struct bt_conv2d *conv)
{
    const struct shape shape = shape_of(conv);
    switch (way_of(conv, &shape)) {
    case PACKED:
        return round_up(packed_bytes(conv, &shape), 16);
    case PLANE:
        return plane_bytes(&shape) + row_bytes(&shape);
    default:
        return round_up(direct_bytes(&shape), 16);
    }
}

/* ---- from sums to elements ---- */

/* Where the sums of a layer go. */
struct finish {
    const struct bt_conv2d *conv;
    const int32_t *mult, *shift;
    const int8_t *table;
    void *ofmap;
};

/* Sums of some neighbouring channels of some neighbouring pixels: sums[pixel * step + channel]. */
struct block {
    const uint32_t *sums;
    size_t step;
    int32_t pixels, channels;
    const uint32_t *start; /* what is added to all of a channel, or NULL */
    int32_t channel;       /* the first */
    size_t at;             /* of the first in the ofmap */
};

/* What the usual scale of a channel needs, small enough for registers. */
struct scale {
    int32_t mult, exponent;
    int32_t low, high, out_zp; /* clamp before the zero point is added, so that nothing overflows */
};

INLINE int32_t clamp_to(const struct scale *scale, int32_t q)
{
    return (q < scale->low ? scale->low : q > scale->high ? scale->high : q) + scale->out_zp;
}

/* ref_conv2d_finish() without a table for two roundings and a right shift of 0 to 31. */
INLINE int32_t scale_double(const struct scale *scale, int32_t acc)
{
    /* mult is not negative, so that the one overflow of the doubling multiplication is out of reach */
    const int32_t high = (int32_t)(((int64_t)acc * scale->mult + (INT64_C(1) << 30)) >> 31);
    const int32_t mask = (int32_t)((UINT32_C(1) << scale->exponent) - 1);
    const int32_t threshold = (mask >> 1) - (high >> 31);
    return clamp_to(scale, (high >> scale->exponent) + ((high & mask) > threshold ? 1 : 0));
}

/* The same for one rounding and a right shift of 1 to 31: only the upper half of the product matters. */
INLINE int32_t scale_single(const struct scale *scale, int32_t acc)
{
    const int64_t nudge = INT64_C(1) << (30 + scale->exponent);
    const int32_t high = (int32_t)(((int64_t)acc * scale->mult + nudge) >> 32);
    return clamp_to(scale, high >> (scale->exponent - 1));
}

static void put_raw(const struct finish *finish, const struct block *block)
{
    const size_t pixel = (size_t)finish->conv->c_out;
    for (int32_t c = 0; c < block->channels; c++) {
        uint32_t *out = (uint32_t *)finish->ofmap + block->at + c;
        const uint32_t *sum = block->sums + c;
        const uint32_t start = block->start != NULL ? block->start[c] : 0;
        for (int32_t left = block->pixels; left != 0; left--, sum += block->step, out += pixel) {
            *out = *sum + start;
        }
    }
}

/* One channel whose scale is not the usual one. */
static void put_unusual(const struct finish *finish, const struct block *block, int32_t c, uint32_t start)
{
    const struct bt_conv2d *conv = finish->conv;
    const int32_t mult = finish->mult[block->channel + c];
    const int32_t shift = finish->shift[block->channel + c];
    int8_t *out = (int8_t *)finish->ofmap + block->at + c;
    const uint32_t *sum = block->sums + c;
    for (int32_t left = block->pixels; left != 0; left--, sum += block->step, out += conv->c_out) {
        *out = ref_conv2d_finish(conv, (int32_t)(*sum + start), mult, shift, finish->table);
    }
}

/* One channel; `single` and `table` are constants or not there, so that the loop asks for neither. */
INLINE void put_channel(const struct block *block, int32_t c, uint32_t start, struct scale scale, bool single,
                        const int8_t *table, int8_t *out, size_t pixel)
{
    const size_t step = block->step;
    const uint32_t *sum = block->sums + c;
    for (int32_t left = block->pixels; left != 0; left--, sum += step, out += pixel) {
        const int32_t acc = (int32_t)(*sum + start);
        int32_t q = single ? scale_single(&scale, acc) : scale_double(&scale, acc);
        if (table != NULL) {
            q = table[q + 128];
        }
        *out = (int8_t)q;
    }
}

KERNEL void put_s8(const struct finish *finish, const struct block *block)
{
    const struct bt_conv2d *conv = finish->conv;
    const size_t pixel = (size_t)conv->c_out;
    const int8_t *const table = finish->table;
    const bool single = conv->rounding != BT_ROUND_DOUBLE;
    const int32_t *mult = finish->mult + block->channel;
    const int32_t *shift = finish->shift + block->channel;
    int8_t *const out = (int8_t *)finish->ofmap + block->at;
    struct scale scale = {
        .low = conv->act_min - conv->out_zp, .high = conv->act_max - conv->out_zp, .out_zp = conv->out_zp};
    for (int32_t c = 0; c < block->channels; c++) {
        const uint32_t start = block->start != NULL ? block->start[c] : 0;
        scale.mult = mult[c];
        scale.exponent = -shift[c];
        if (scale.exponent < 0 || (scale.exponent == 0 && single)) {
            put_unusual(finish, block, c, start);
        } else if (table != NULL) {
            put_channel(block, c, start, scale, single, table, out + c, pixel);
        } else if (single) {
            put_channel(block, c, start, scale, true, NULL, out + c, pixel);
        } else {
            put_channel(block, c, start, scale, false, NULL, out + c, pixel);
        }
    }
}

static void put(const struct finish *finish, const struct block *block)
{
    if (finish->conv->raw) {
        put_raw(finish, block);
    } else {
        put_s8(finish, block);
    }
}

/* ---- im2col of one pixel ---- */

struct pixel {
    const int8_t *image;
    int32_t oy, ox;
};

INLINE void next_pixel(const struct bt_conv2d *conv, const struct shape *shape, struct pixel *pixel)
{
    if (++pixel->ox < shape->ow) {
        return;
    }
    pixel->ox = 0;
    if (++pixel->oy < shape->oh) {
        return;
    }
    pixel->oy = 0;
    pixel->image += (size_t)conv->h * (size_t)conv->w * (size_t)conv->c_in;
}

/* One kernel row of a layer whose taps lie side by side. @param row  NULL in the padding. */
static int8_t *gather_run(const struct bt_conv2d *conv, const int8_t *row, int32_t left, int8_t *to)
{
    const int32_t right = left + conv->kw;
    const int32_t from = left < 0 ? (right < 0 ? right : 0) : left;
    const int32_t until = right > conv->w ? conv->w : right;
    const size_t pixel_bytes = (size_t)conv->c_in;
    const size_t before = (size_t)(from - left) * pixel_bytes;
    const size_t inside = until > from ? (size_t)(until - from) * pixel_bytes : 0;
    const size_t all = (size_t)conv->kw * pixel_bytes;
    if (before != 0) {
        memset(to, conv->in_zp, before);
    }
    if (inside != 0) {
        memcpy(to + before, row + (size_t)from * pixel_bytes, inside);
    }
    if (before + inside != all) {
        memset(to + before + inside, conv->in_zp, all - before - inside);
    }
    return to + all;
}

/* The window of one pixel in the order of a filter, padding written out. */
static void gather(const struct bt_conv2d *conv, const struct shape *shape, const struct pixel *pixel, int32_t group,
                   int8_t *to)
{
    const bool runs = conv->dil_w == 1 && conv->groups == 1;
    const size_t depth = (size_t)shape->depth;
    const int32_t left = pixel->ox * conv->stride_w - conv->pad_left;
    int32_t y = pixel->oy * conv->stride_h - conv->pad_top;
    for (int32_t ky = 0; ky < conv->kh; ky++, y += conv->dil_h) {
        if (y < 0 || y >= conv->h) {
            const size_t bytes = (size_t)conv->kw * depth;
            memset(to, conv->in_zp, bytes);
            to += bytes;
            continue;
        }
        const int8_t *row = pixel->image + (size_t)y * (size_t)conv->w * (size_t)conv->c_in;
        if (runs) {
            to = gather_run(conv, row, left, to);
            continue;
        }
        row += (size_t)group * depth;
        int32_t x = left;
        for (int32_t kx = 0; kx < conv->kw; kx++, x += conv->dil_w, to += depth) {
            if (x < 0 || x >= conv->w) {
                memset(to, conv->in_zp, depth);
            } else {
                memcpy(to, row + (size_t)x * (size_t)conv->c_in, depth);
            }
        }
    }
}

/* ---- packed ---- */

/*
 * FILTERS filters, [step][pair of filters], and what their sums start with: bias - in_zp * sum of weights, since pixels
 * stay as they are. false where a weight is below -127, whose products could leave 16 bits.
 */
static bool pack_block(const struct bt_conv2d *conv, const struct shape *shape, const int8_t *weights, int32_t count,
                       const int32_t *bias, uint32_t *packed, uint32_t *start)
{
    const size_t steps = (size_t)shape->steps;
    const size_t padded = (size_t)shape->padded_steps;
    memset(packed, 0, padded * (FILTERS / 2) * sizeof(*packed));
    for (int32_t f = 0; f < count; f++) {
        const int8_t *from = weights + (size_t)f * steps;
        const int8_t *end = from + steps;
        const int high = (f & 1) * 16;
        uint32_t *to = packed + f / 2;
        int32_t sum = 0;
        int32_t least = 0;
        for (; from != end; from++, to += FILTERS / 2) {
            const int32_t w = *from;
            sum += w;
            least = w < least ? w : least;
            *to += (uint32_t)w << high;
        }
        if (least < -INT8_MAX) {
            return false;
        }
        start[f] = (bias != NULL ? (uint32_t)bias[f] : 0) - (uint32_t)conv->in_zp * (uint32_t)sum;
    }
    return true;
}

/* A function of its own also in a profile. */
__attribute__((noinline)) static bool pack_weights(const struct bt_conv2d *conv, const struct shape *shape,
                                                   const struct bt_layer_data *data, uint32_t *packed, uint32_t *start)
{
    const int8_t *weights = data->weights;
    const int32_t *bias = data->bias;
    for (int32_t group = 0; group < conv->groups; group++) {
        for (int32_t f = 0; f < shape->filters; f += FILTERS) {
            const int32_t count = shape->filters - f < FILTERS ? shape->filters - f : FILTERS;
            if (!pack_block(conv, shape, weights, count, bias, packed, start)) {
                return false;
            }
            packed += (size_t)shape->padded_steps * (FILTERS / 2);
            weights += (size_t)count * (size_t)shape->steps;
            start += count;
            bias = bias != NULL ? bias + count : NULL;
        }
    }
    return true;
}

/* Sums of PIXELS windows with FILTERS filters: the heart of the software engine. */
KERNEL void multiply_block(const int8_t *const *windows, const uint32_t *packed, size_t steps,
                           uint32_t sums[PIXELS][FILTERS])
{
    uint32_t total[PIXELS][FILTERS / 2] = {{0}};
    uint32_t high[PIXELS][FILTERS / 2] = {{0}};
    const int8_t *x[PIXELS];
    UNROLL for (int p = 0; p < PIXELS; p++)
    {
        x[p] = windows[p];
    }
    const int8_t *const end = x[0] + steps;
    do {
        UNROLL for (int step = 0; step < STEPS; step += 2)
        {
            const uint32_t *const w = packed + step * (FILTERS / 2);
            const uint32_t first[FILTERS / 2] = {w[0], w[1]};
            const uint32_t second[FILTERS / 2] = {w[2], w[3]};
            UNROLL for (int p = 0; p < PIXELS; p++)
            {
                const uint32_t x0 = (uint32_t)x[p][step];
                const uint32_t x1 = (uint32_t)x[p][step + 1];
                UNROLL for (int pair = 0; pair < FILTERS / 2; pair++)
                {
                    const uint32_t s = first[pair] * x0 + second[pair] * x1;
                    total[p][pair] += s;
                    high[p][pair] += (uint32_t)((int32_t)(s + 0x8000) >> 16);
                }
                FIRST(high[p][0], high[p][1]);
                FIRST(high[p][1], x[(p + 1) % PIXELS]);
            }
            FIRST(x[0], packed);
        }
        packed += STEPS * (FILTERS / 2);
        UNROLL for (int p = 0; p < PIXELS; p++)
        {
            x[p] += STEPS;
        }
    } while (x[0] != end);
    UNROLL for (int p = 0; p < PIXELS; p++)
    {
        UNROLL for (int pair = 0; pair < FILTERS / 2; pair++)
        {
            sums[p][2 * pair] = total[p][pair] - (high[p][pair] << 16);
            sums[p][2 * pair + 1] = high[p][pair];
        }
    }
}

/* All filters of a group on PIXELS windows, of which `valid` are wanted. */
static void packed_group(const struct shape *shape, const struct finish *finish, const int8_t *const *windows,
                         int32_t valid, const uint32_t *packed, const uint32_t *start, size_t at, int32_t channel)
{
    uint32_t sums[PIXELS][FILTERS];
    for (int32_t f = 0; f < shape->filters; f += FILTERS) {
        const int32_t count = shape->filters - f < FILTERS ? shape->filters - f : FILTERS;
        multiply_block(windows, packed, (size_t)shape->padded_steps, sums);
        packed += (size_t)shape->padded_steps * (FILTERS / 2);
        const struct block block = {.sums = sums[0],
                                    .step = FILTERS,
                                    .pixels = valid,
                                    .channels = count,
                                    .start = start + f,
                                    .channel = channel + f,
                                    .at = at + (size_t)f};
        put(finish, &block);
    }
}

static void run_packed(const struct bt_conv2d *conv, const struct shape *shape, const struct finish *finish,
                       const int8_t *ifmap, const uint32_t *packed, const uint32_t *start, int8_t *patches)
{
    /* A 1x1 window is already there. */
    const bool in_place = conv->kh == 1 && conv->kw == 1 && conv->groups == 1 && shape->steps == shape->padded_steps &&
                          (conv->pad_top | conv->pad_bottom | conv->pad_left | conv->pad_right) == 0;
    struct pixel pixel = {.image = ifmap};
    size_t at = 0;
    for (uint64_t left = shape->pixels; left != 0;) {
        const int32_t valid = left < PIXELS ? (int32_t)left : PIXELS;
        struct pixel at_pixel[PIXELS];
        const int8_t *windows[PIXELS];
        for (int32_t p = 0; p < PIXELS; p++) {
            at_pixel[p] = pixel;
            if (p < valid) {
                next_pixel(conv, shape, &pixel);
            } else {
                at_pixel[p] = at_pixel[0]; /* computed and left out */
            }
        }
        for (int32_t group = 0; group < conv->groups; group++) {
            for (int32_t p = 0; p < PIXELS; p++) {
                windows[p] = patches + (size_t)p * (size_t)shape->padded_steps;
                if (in_place) {
                    const size_t y = (size_t)at_pixel[p].oy * (size_t)conv->stride_h;
                    const size_t x = (size_t)at_pixel[p].ox * (size_t)conv->stride_w;
                    windows[p] = at_pixel[p].image + (y * (size_t)conv->w + x) * (size_t)conv->c_in;
                } else if (p < valid) {
                    gather(conv, shape, &at_pixel[p], group, patches + p * (size_t)shape->padded_steps);
                }
            }
            const int32_t channel = group * shape->filters;
            packed_group(shape, finish, windows, valid, packed + (size_t)group * (size_t)packed_words(shape),
                         start + channel, at + (size_t)channel, channel);
        }
        at += (size_t)valid * (size_t)conv->c_out;
        left -= (uint64_t)valid;
    }
}

/* ---- direct ---- */

INLINE void multiply_filters(const int16_t *x, const int8_t *weights, size_t steps, int count, uint32_t *sums)
{
    const int8_t *w[DIRECT_FILTERS];
    uint32_t sum[DIRECT_FILTERS];
    const int16_t *const end = x + steps;
    const int16_t *const unrolled_end = x + steps / DIRECT_STEPS * DIRECT_STEPS;
    UNROLL for (int f = 0; f < count; f++)
    {
        w[f] = weights + (size_t)f * steps;
        sum[f] = 0;
    }
    while (x != unrolled_end) {
        UNROLL for (int step = 0; step < DIRECT_STEPS; step++)
        {
            UNROLL for (int f = 0; f < count; f++)
            {
                sum[f] += (uint32_t)(x[step] * w[f][step]);
            }
        }
        UNROLL for (int f = 0; f < count; f++)
        {
            w[f] += DIRECT_STEPS;
        }
        x += DIRECT_STEPS;
    }
    for (; x != end; x++) {
        UNROLL for (int f = 0; f < count; f++)
        {
            sum[f] += (uint32_t)(*x * *w[f]);
            w[f]++;
        }
    }
    UNROLL for (int f = 0; f < count; f++)
    {
        sums[f] = sum[f];
    }
}

KERNEL void multiply_many(const int16_t *x, const int8_t *weights, size_t steps, uint32_t *sums)
{
    multiply_filters(x, weights, steps, DIRECT_FILTERS, sums);
}

KERNEL void multiply_one(const int16_t *x, const int8_t *weights, size_t steps, uint32_t *sums)
{
    multiply_filters(x, weights, steps, 1, sums);
}

static void direct_group(const struct shape *shape, const struct finish *finish, const struct bt_layer_data *data,
                         const int16_t *x, size_t at, int32_t channel)
{
    const size_t steps = (size_t)shape->steps;
    const int8_t *weights = (const int8_t *)data->weights + (size_t)channel * steps;
    uint32_t sums[DIRECT_FILTERS];
    for (int32_t f = 0; f < shape->filters;) {
        int32_t count = DIRECT_FILTERS;
        if (shape->filters - f >= DIRECT_FILTERS) {
            multiply_many(x, weights, steps, sums);
        } else {
            multiply_one(x, weights, steps, sums);
            count = 1;
        }
        const struct block block = {.sums = sums,
                                    .pixels = 1,
                                    .channels = count,
                                    .start = data->bias != NULL ? (const uint32_t *)data->bias + channel + f : NULL,
                                    .channel = channel + f,
                                    .at = at + (size_t)f};
        put(finish, &block);
        weights += (size_t)count * steps;
        f += count;
    }
}

static void run_direct(const struct bt_conv2d *conv, const struct shape *shape, const struct finish *finish,
                       const struct bt_layer_data *data, void *scratch)
{
    int16_t *x = scratch;
    int8_t *window = (int8_t *)(x + shape->padded_steps);
    struct pixel pixel = {.image = data->ifmap};
    size_t at = 0;
    for (uint64_t left = shape->pixels; left != 0; left--) {
        for (int32_t group = 0; group < conv->groups; group++) {
            const int32_t channel = group * shape->filters;
            gather(conv, shape, &pixel, group, window);
            for (size_t i = 0; i < (size_t)shape->steps; i++) {
                x[i] = (int16_t)(window[i] - conv->in_zp);
            }
            direct_group(shape, finish, data, x, at + (size_t)channel, channel);
        }
        at += (size_t)conv->c_out;
        next_pixel(conv, shape, &pixel);
    }
}

/* ---- plane ---- */

/* Geometry of the loops over one plane. */
struct taps {
    int32_t kh, kw;
    size_t row_step; /* from kernel row to kernel row, elements of the plane */
    size_t dilation, stride;
    int32_t blocks; /* of PLANE_PIXELS in a row of the ofmap */
};

/* One row of sums of one filter. */
INLINE void multiply_any(const int16_t *plane, const int8_t *weights, const struct taps *taps, size_t stride,
                         uint32_t *sums)
{
    for (int32_t block = taps->blocks; block != 0; block--, plane += PLANE_PIXELS * stride, sums += PLANE_PIXELS) {
        const int16_t *row = plane;
        const int8_t *w = weights;
        uint32_t sum[PLANE_PIXELS] = {0};
        for (int32_t ky = taps->kh; ky != 0; ky--, row += taps->row_step) {
            const int16_t *x = row;
            for (int32_t kx = taps->kw; kx != 0; kx--, x += taps->dilation) {
                const int32_t weight = *w++;
                UNROLL for (int p = 0; p < PLANE_PIXELS; p++)
                {
                    sum[p] += (uint32_t)(x[(size_t)p * stride] * weight);
                }
            }
        }
        UNROLL for (int p = 0; p < PLANE_PIXELS; p++)
        {
            sums[p] = sum[p];
        }
    }
}

/* The same for 3x3 without dilation: the weights stay where they are. */
INLINE void multiply_3x3(const int16_t *plane, const int8_t *weights, const struct taps *taps, size_t stride,
                         uint32_t *sums)
{
    enum { KERNEL_SIDE = 3 };
    int32_t w[KERNEL_SIDE * KERNEL_SIDE];
    UNROLL for (int i = 0; i < KERNEL_SIDE * KERNEL_SIDE; i++)
    {
        w[i] = weights[i];
    }
    for (int32_t block = taps->blocks; block != 0; block--, plane += PLANE_PIXELS * stride, sums += PLANE_PIXELS) {
        const int16_t *x = plane;
        uint32_t sum[PLANE_PIXELS] = {0};
        UNROLL for (int ky = 0; ky < KERNEL_SIDE; ky++)
        {
            UNROLL for (size_t i = 0; i < (PLANE_PIXELS - 1) * stride + KERNEL_SIDE; i++)
            {
                const int32_t value = x[i];
                UNROLL for (size_t p = 0; p < PLANE_PIXELS; p++)
                {
                    if (i >= p * stride && i < p * stride + KERNEL_SIDE) {
                        sum[p] += (uint32_t)(value * w[(size_t)(ky * KERNEL_SIDE) + i - p * stride]);
                    }
                }
            }
            x += taps->row_step;
        }
        UNROLL for (int p = 0; p < PLANE_PIXELS; p++)
        {
            sums[p] = sum[p];
        }
    }
}

/* The usual strides are known to the compiler. */
KERNEL void multiply_3x3_by_1(const int16_t *plane, const int8_t *w, const struct taps *taps, uint32_t *sums)
{
    multiply_3x3(plane, w, taps, 1, sums);
}

KERNEL void multiply_3x3_by_2(const int16_t *plane, const int8_t *w, const struct taps *taps, uint32_t *sums)
{
    multiply_3x3(plane, w, taps, 2, sums);
}

KERNEL void multiply_any_by_1(const int16_t *plane, const int8_t *w, const struct taps *taps, uint32_t *sums)
{
    multiply_any(plane, w, taps, 1, sums);
}

KERNEL void multiply_any_by_any(const int16_t *plane, const int8_t *w, const struct taps *taps, uint32_t *sums)
{
    multiply_any(plane, w, taps, taps->stride, sums);
}

static void multiply_row(const int16_t *plane, const int8_t *w, const struct taps *taps, uint32_t *sums)
{
    const bool usual = taps->kh == 3 && taps->kw == 3 && taps->dilation == 1;
    if (usual && taps->stride == 1) {
        multiply_3x3_by_1(plane, w, taps, sums);
    } else if (usual && taps->stride == 2) {
        multiply_3x3_by_2(plane, w, taps, sums);
    } else if (taps->stride == 1) {
        multiply_any_by_1(plane, w, taps, sums);
    } else {
        multiply_any_by_any(plane, w, taps, sums);
    }
}

/* The ifmap's part of the plane; the rest stays 0. */
static void copy_channel(const struct bt_conv2d *conv, const struct shape *shape, const int8_t *channel, int16_t *plane)
{
    const int64_t pad_top = conv->pad_top;
    const int64_t pad_left = conv->pad_left;
    const int64_t rows = (int64_t)shape->rows - pad_top < conv->h ? (int64_t)shape->rows - pad_top : conv->h;
    const int64_t cols = (int64_t)shape->cols - pad_left < conv->w ? (int64_t)shape->cols - pad_left : conv->w;
    const size_t c_in = (size_t)conv->c_in;
    const int32_t in_zp = conv->in_zp;
    for (int32_t y = 0; y < (int32_t)rows; y++) {
        const int8_t *from = channel + (size_t)y * (size_t)conv->w * c_in;
        int16_t *to = plane + (size_t)(y + conv->pad_top) * (size_t)shape->cols + (size_t)conv->pad_left;
        for (int32_t x = 0; x < (int32_t)cols; x++, from += c_in) {
            *to++ = (int16_t)(*from - in_zp);
        }
    }
}

static void plane_filter(const struct shape *shape, const struct finish *finish, const int16_t *plane, const int8_t *w,
                         struct block block, uint32_t *sums)
{
    const struct bt_conv2d *conv = finish->conv;
    const size_t cols = (size_t)shape->cols;
    const struct taps taps = {
        .kh = conv->kh,
        .kw = conv->kw,
        .row_step = cols * (size_t)conv->dil_h,
        .dilation = (size_t)conv->dil_w,
        .stride = (size_t)conv->stride_w,
        .blocks = (shape->ow + PLANE_PIXELS - 1) / PLANE_PIXELS,
    };
    for (int32_t oy = 0; oy < shape->oh; oy++) {
        multiply_row(plane + (size_t)oy * (size_t)conv->stride_h * cols, w, &taps, sums);
        put(finish, &block);
        block.at += (size_t)shape->ow * (size_t)conv->c_out;
    }
}

static void run_plane(const struct bt_conv2d *conv, const struct shape *shape, const struct finish *finish,
                      const struct bt_layer_data *data, int16_t *plane)
{
    uint32_t *sums = (uint32_t *)(void *)((uint8_t *)plane + plane_bytes(shape));
    const size_t in_elems = (size_t)conv->h * (size_t)conv->w * (size_t)conv->c_in;
    const size_t out_elems = (size_t)shape->oh * (size_t)shape->ow * (size_t)conv->c_out;
    memset(plane, 0, (size_t)plane_bytes(shape));
    for (int32_t n = 0; n < conv->n; n++) {
        const int8_t *image = (const int8_t *)data->ifmap + (size_t)n * in_elems;
        for (int32_t channel = 0; channel < conv->c_out; channel++) {
            if (channel % shape->filters == 0) {
                copy_channel(conv, shape, image + channel / shape->filters, plane);
            }
            const struct block block = {.sums = sums,
                                        .step = 1,
                                        .pixels = shape->ow,
                                        .channels = 1,
                                        .start = data->bias != NULL ? (const uint32_t *)data->bias + channel : NULL,
                                        .channel = channel,
                                        .at = (size_t)n * out_elems + (size_t)channel};
            plane_filter(shape, finish, plane, (const int8_t *)data->weights + (size_t)channel * (size_t)shape->steps,
                         block, sums);
        }
    }
}

void fw_conv2d_s8(const struct bt_conv2d *conv, const struct bt_layer_data *data, void *scratch, void *ofmap)
{
    const struct shape shape = shape_of(conv);
    const struct finish finish = {
        .conv = conv,
        .mult = data->mult,
        .shift = data->shift,
        .table = conv->table ? data->table : NULL,
        .ofmap = ofmap,
    };
    const enum way way = way_of(conv, &shape);
    if (way == PLANE) {
        run_plane(conv, &shape, &finish, data, scratch);
        return;
    }
    if (way == PACKED) {
        uint32_t *packed = scratch;
        uint32_t *start = packed + (size_t)conv->groups * (size_t)packed_words(&shape);
        if (pack_weights(conv, &shape, data, packed, start)) {
            run_packed(conv, &shape, &finish, data->ifmap, packed, start, (int8_t *)(start + conv->c_out));
            return;
        }
    }
    run_direct(conv, &shape, &finish, data, scratch);
}
