#include "harness/firmware/fw_random.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "harness/firmware/fw_steps.h"
#include "reference/common/bt_conv2d.h"
#include "reference/ops/activation_table_s8.h"
#include "reference/ops/add_s8.h"
#include "reference/ops/avgpool_s8.h"
#include "reference/ops/concat_s8.h"
#include "reference/ops/conv2d_s8.h"
#include "reference/ops/maxpool_s8.h"
#include "reference/ops/mul_s8.h"
#include "reference/ops/upsample_nearest_s8.h"

/* Everything of the one step; `brk` moves on with each thing placed. */
struct maker {
    uint64_t state;
    uint8_t *dram;
    uint32_t brk;
    uint32_t scratch_bytes;
    struct bt_step step;
    uint32_t out_bytes;
};

/* ---- random values ---- */

static uint64_t next(struct maker *m)
{
    /* splitmix64 (Steele, Lea, Flood 2014) */
    m->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = m->state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* [min, max] */
static int32_t between(struct maker *m, int32_t min, int32_t max)
{
    return (int32_t)(min + (int64_t)(next(m) % (uint64_t)((int64_t)max - min + 1)));
}

static bool one_in(struct maker *m, int32_t chances)
{
    return between(m, 1, chances) == 1;
}

/* A third of them at an end. */
static int32_t with_ends(struct maker *m, int32_t min, int32_t max)
{
    switch (between(m, 0, 5)) {
    case 0:
        return min;
    case 1:
        return max;
    default:
        return between(m, min, max);
    }
}

static int32_t zero_point(struct maker *m)
{
    return with_ends(m, -128, 127);
}

static int32_t multiplier(struct maker *m)
{
    switch (between(m, 0, 9)) {
    case 0:
        return 0;
    case 1:
        return INT32_MAX;
    case 2:
        return between(m, 0, INT32_MAX);
    default:
        return between(m, 1 << 30, INT32_MAX);
    }
}

static void clamp(struct maker *m, int32_t *min, int32_t *max)
{
    *min = one_in(m, 3) ? between(m, -128, 127) : -128;
    *max = one_in(m, 3) ? between(m, *min, 127) : 127;
}

static enum bt_rounding rounding(struct maker *m)
{
    return one_in(m, 3) ? BT_ROUND_SINGLE : BT_ROUND_DOUBLE;
}

/* ---- placing ---- */

/* Aligned, and never adjacent to the last: what is written between is found. */
static uint32_t place(struct maker *m, const void *data, size_t bytes)
{
    const uint32_t at = m->brk;
    assert(bytes <= FW_RANDOM_DRAM_BYTES && at + bytes + 32 <= FW_RANDOM_DRAM_BYTES);
    if (data != NULL) {
        memcpy(m->dram + at, data, bytes);
    }
    m->brk = (uint32_t)((at + bytes + 31) / 16 * 16);
    return at;
}

enum style { ANY, ENDS, LOW, HIGH, SMALL, SPARSE, STYLES };

/* int8 in [min, 127]. */
static uint32_t place_s8(struct maker *m, size_t elems, int32_t min)
{
    const uint32_t at = place(m, NULL, elems);
    const int32_t style = one_in(m, 2) ? ANY : between(m, 0, STYLES - 1);
    for (size_t i = 0; i < elems; i++) {
        int32_t value = between(m, min, 127);
        switch (style) {
        case ENDS:
            value = one_in(m, 2) ? min : 127;
            break;
        case LOW:
            value = min;
            break;
        case HIGH:
            value = 127;
            break;
        case SMALL:
            value = between(m, -3, 3);
            break;
        case SPARSE:
            value = one_in(m, 4) ? value : 0;
            break;
        default:
            break;
        }
        m->dram[at + i] = (uint8_t)value;
    }
    return at;
}

static void place_input(struct maker *m, size_t elems)
{
    m->step.in[m->step.input_count++] = place_s8(m, elems, -128);
}

static void place_output(struct maker *m, size_t bytes)
{
    m->step.out = place(m, NULL, bytes);
    m->out_bytes = (uint32_t)bytes;
}

/* ---- convolutions ---- */

static void kernel_and_padding(struct maker *m, struct bt_conv2d *conv, int32_t largest)
{
    conv->kh = between(m, 1, largest);
    conv->kw = between(m, 1, largest);
    conv->dil_h = one_in(m, 4) ? between(m, 2, 3) : 1;
    conv->dil_w = one_in(m, 4) ? between(m, 2, 3) : 1;
    conv->stride_h = one_in(m, 3) ? between(m, 2, 4) : 1;
    conv->stride_w = one_in(m, 3) ? between(m, 2, 4) : 1;
    if (one_in(m, 3)) {
        return;
    }
    /* sometimes so wide that whole windows lie in it */
    const int32_t reach = (largest - 1) * (one_in(m, 8) ? 4 : 1);
    conv->pad_top = between(m, 0, reach);
    conv->pad_bottom = between(m, 0, reach);
    conv->pad_left = between(m, 0, reach);
    conv->pad_right = between(m, 0, reach);
}

static struct bt_conv2d geometry(struct maker *m)
{
    struct bt_conv2d conv = {.n = one_in(m, 10) ? 2 : 1, .groups = 1};
    conv.stride_h = conv.stride_w = conv.dil_h = conv.dil_w = conv.kh = conv.kw = 1;
    switch (between(m, 0, 4)) {
    case 0: /* fully connected */
        conv.h = conv.w = 1;
        conv.c_in = between(m, 1, 600);
        conv.c_out = between(m, 1, 40);
        break;
    case 1: /* pointwise */
        conv.h = between(m, 1, 9);
        conv.w = between(m, 1, 9);
        conv.c_in = one_in(m, 2) ? 4 * between(m, 1, 16) : between(m, 1, 64);
        conv.c_out = between(m, 1, 33);
        conv.stride_h = between(m, 1, 2);
        conv.stride_w = between(m, 1, 2);
        break;
    case 2: /* depthwise, with a multiplier */
        conv.h = between(m, 1, 14);
        conv.w = between(m, 1, 14);
        conv.c_in = conv.groups = between(m, 1, 12);
        conv.c_out = conv.groups * (one_in(m, 2) ? 1 : between(m, 1, 6));
        kernel_and_padding(m, &conv, 5);
        break;
    case 3: /* groups */
        conv.h = between(m, 1, 10);
        conv.w = between(m, 1, 10);
        conv.groups = between(m, 2, 5);
        conv.c_in = conv.groups * between(m, 1, 7);
        conv.c_out = conv.groups * between(m, 1, 7);
        kernel_and_padding(m, &conv, 3);
        break;
    default:
        conv.h = between(m, 1, 12);
        conv.w = between(m, 1, 12);
        conv.c_in = between(m, 1, 20);
        conv.c_out = between(m, 1, 20);
        kernel_and_padding(m, &conv, one_in(m, 4) ? 7 : 3);
        break;
    }
    return conv;
}

/* Shifts that bring the sums of this many products into range, and some that do not. */
static int32_t conv_shift(struct maker *m, int64_t steps)
{
    if (one_in(m, 6)) {
        return with_ends(m, -31, 30);
    }
    int32_t bits = 0;
    for (; steps > 1; steps /= 2) {
        bits++;
    }
    return -between(m, 2, 6 + bits);
}

static void make_conv2d(struct maker *m)
{
    struct bt_conv2d conv;
    do {
        conv = geometry(m);
        conv.in_zp = zero_point(m);
        conv.out_zp = zero_point(m);
        clamp(m, &conv.act_min, &conv.act_max);
        conv.rounding = rounding(m);
        conv.raw = one_in(m, 6);
        conv.table = !conv.raw && one_in(m, 4);
    } while (bt_conv2d_check(&conv, NULL) != BT_OK || bt_conv2d_macs(&conv) > 300000 ||
             bt_conv2d_ofmap_elems(&conv) > 10000);

    const size_t channels = (size_t)conv.c_out;
    const size_t weights = (size_t)bt_conv2d_weight_elems(&conv);
    m->step.params = place(m, &conv, sizeof(conv));
    place_input(m, (size_t)bt_conv2d_ifmap_elems(&conv));
    /* -128 is against the rules of struct bt_conv2d, but nobody refuses it */
    m->step.weights = place_s8(m, weights, one_in(m, 20) ? -128 : -127);
    if (!one_in(m, 8)) {
        m->step.bias = place(m, NULL, channels * sizeof(int32_t));
        int32_t *bias = (int32_t *)(void *)(m->dram + m->step.bias);
        const int32_t largest = one_in(m, 8) ? INT32_MAX : 1 << between(m, 1, 20);
        for (size_t c = 0; c < channels; c++) {
            bias[c] = with_ends(m, -largest, largest);
        }
        const int8_t *w = (const int8_t *)(m->dram + m->step.weights);
        if (bt_conv2d_check_acc(&conv, w, bias, NULL) != BT_OK) {
            /* as near to the bound as the longest filter allows */
            const int64_t room = INT32_MAX - (int64_t)(weights / channels) * 128 * 255;
            for (size_t c = 0; c < channels; c++) {
                bias[c] = (int32_t)(one_in(m, 2) ? room : -room);
            }
        }
    }
    if (!conv.raw) {
        m->step.mult = place(m, NULL, channels * sizeof(int32_t));
        m->step.shift = place(m, NULL, channels * sizeof(int32_t));
        int32_t *mult = (int32_t *)(void *)(m->dram + m->step.mult);
        int32_t *shift = (int32_t *)(void *)(m->dram + m->step.shift);
        for (size_t c = 0; c < channels; c++) {
            mult[c] = multiplier(m);
            shift[c] = conv_shift(m, (int64_t)(weights / channels));
        }
    }
    if (conv.table) {
        m->step.table = place_s8(m, 256, -128);
    }
    m->scratch_bytes = (uint32_t)fw_scratch_bytes(BT_STEP_CONV2D, &conv);
    place_output(m, (size_t)bt_conv2d_ofmap_elems(&conv) * (conv.raw ? sizeof(int32_t) : 1));
}

/* ---- the others ---- */

static void make_pool(struct maker *m)
{
    struct ref_pool2d pool;
    do {
        pool = (struct ref_pool2d){.n = one_in(m, 10) ? 2 : 1,
                                   .h = between(m, 1, 12),
                                   .w = between(m, 1, 12),
                                   .c = between(m, 1, 17),
                                   .stride_h = between(m, 1, 3),
                                   .stride_w = between(m, 1, 3)};
        const bool global = one_in(m, 4);
        pool.kh = global ? pool.h : between(m, 1, 4);
        pool.kw = global ? pool.w : between(m, 1, 4);
        if (!global && one_in(m, 2)) {
            pool.pad_top = between(m, 0, pool.kh - 1);
            pool.pad_bottom = between(m, 0, pool.kh - 1);
            pool.pad_left = between(m, 0, pool.kw - 1);
            pool.pad_right = between(m, 0, pool.kw - 1);
        }
        clamp(m, &pool.act_min, &pool.act_max);
    } while (ref_pool2d_check(&pool, INT8_MIN, INT8_MAX, NULL) != BT_OK);
    const size_t images = (size_t)pool.n * (size_t)pool.c;
    m->step.params = place(m, &pool, sizeof(pool));
    place_input(m, images * (size_t)pool.h * (size_t)pool.w);
    place_output(m, images * (size_t)ref_pool2d_oh(&pool) * (size_t)ref_pool2d_ow(&pool));
}

static void make_add(struct maker *m)
{
    struct ref_add add = {
        .elems = between(m, 1, one_in(m, 2) ? 700 : 4000), /* with a table and without */
        .in1_zp = zero_point(m),
        .in2_zp = zero_point(m),
        .out_zp = zero_point(m),
        .left_shift = one_in(m, 3) ? with_ends(m, 0, 22) : 20,
        .in1_mult = multiplier(m),
        .in2_mult = multiplier(m),
        .in1_shift = one_in(m, 4) ? with_ends(m, -31, 0) : -between(m, 0, 4),
        .in2_shift = one_in(m, 4) ? with_ends(m, -31, 0) : -between(m, 0, 4),
        .out_mult = multiplier(m),
        .out_shift = one_in(m, 4) ? with_ends(m, -31, 30) : -between(m, 16, 22),
        .rounding = rounding(m),
    };
    if (one_in(m, 3)) { /* sums small enough that each rounding shows */
        add.left_shift = between(m, 0, 3);
        add.in1_shift = add.in2_shift = 0;
        add.out_shift = -between(m, 0, 3);
    }
    clamp(m, &add.act_min, &add.act_max);
    m->step.params = place(m, &add, sizeof(add));
    place_input(m, (size_t)add.elems);
    place_input(m, (size_t)add.elems);
    place_output(m, (size_t)add.elems);
}

static void make_mul(struct maker *m)
{
    struct ref_mul mul = {
        .elems = between(m, 1, 700),
        .in1_zp = zero_point(m),
        .in2_zp = zero_point(m),
        .out_zp = zero_point(m),
        .mult = multiplier(m),
        .shift = one_in(m, 4) ? with_ends(m, -31, 30) : -between(m, 2, 10),
        .rounding = rounding(m),
    };
    clamp(m, &mul.act_min, &mul.act_max);
    m->step.params = place(m, &mul, sizeof(mul));
    place_input(m, (size_t)mul.elems);
    place_input(m, (size_t)mul.elems);
    place_output(m, (size_t)mul.elems);
}

static void make_concat(struct maker *m)
{
    struct bt_step_concat concat = {
        .pixels = between(m, 1, one_in(m, 2) ? 12 : 100), /* with tables and without */
        .count = with_ends(m, 1, BT_STEP_INPUTS),
        .out_zp = zero_point(m),
        .rounding = rounding(m),
    };
    size_t channels = 0;
    for (int32_t i = 0; i < concat.count; i++) {
        const bool plain = one_in(m, 3);
        concat.in[i].c = between(m, 1, 20);
        concat.in[i].zp = plain && !one_in(m, 4) ? concat.out_zp : zero_point(m);
        concat.in[i].mult = plain ? 1 << 30 : multiplier(m);
        concat.in[i].shift = plain ? 1 : one_in(m, 6) ? with_ends(m, -31, 30) : between(m, -3, 1);
        channels += (size_t)concat.in[i].c;
        place_input(m, (size_t)concat.pixels * (size_t)concat.in[i].c);
    }
    m->step.params = place(m, &concat, sizeof(concat));
    place_output(m, (size_t)concat.pixels * channels);
}

static void make_upsample(struct maker *m)
{
    const struct bt_step_upsample up = {
        .h = between(m, 1, 9), .w = between(m, 1, 9), .c = between(m, 1, 20), .scale = between(m, 1, 4)};
    const size_t elems = (size_t)up.h * (size_t)up.w * (size_t)up.c;
    m->step.params = place(m, &up, sizeof(up));
    place_input(m, elems);
    place_output(m, elems * (size_t)up.scale * (size_t)up.scale);
}

static void make_slice(struct maker *m)
{
    struct bt_step_slice slice = {.pixels = between(m, 1, 60), .c_in = between(m, 1, 40)};
    slice.from = with_ends(m, 0, slice.c_in - 1);
    slice.c = with_ends(m, 1, slice.c_in - slice.from);
    m->step.params = place(m, &slice, sizeof(slice));
    place_input(m, (size_t)slice.pixels * (size_t)slice.c_in);
    place_output(m, (size_t)slice.pixels * (size_t)slice.c);
}

static void make_softmax(struct maker *m)
{
    const struct ref_softmax_s8 softmax = {
        .rows = between(m, 1, 6),
        .row_size = one_in(m, 10) ? with_ends(m, 1, 4095) : between(m, 1, 120),
        .mult = multiplier(m),
        .shift = one_in(m, 4) ? with_ends(m, 0, 30) : between(m, 18, 26),
        .diff_min = one_in(m, 2) ? -255 : -between(m, 0, 255),
    };
    const size_t elems = (size_t)softmax.rows * (size_t)softmax.row_size;
    m->step.params = place(m, &softmax, sizeof(softmax));
    place_input(m, elems);
    place_output(m, elems);
}

static void make_table(struct maker *m)
{
    const struct bt_step_table table = {.elems = between(m, 1, 900)};
    m->step.params = place(m, &table, sizeof(table));
    m->step.table = place_s8(m, 256, -128);
    place_input(m, (size_t)table.elems);
    place_output(m, (size_t)table.elems);
}

static const struct {
    uint32_t kind;
    void (*make)(struct maker *m);
} makers[] = {
    /* the convolution is what has most to go wrong */
    {BT_STEP_CONV2D, make_conv2d}, {BT_STEP_MAXPOOL, make_pool},    {BT_STEP_CONV2D, make_conv2d},
    {BT_STEP_AVGPOOL, make_pool},  {BT_STEP_CONV2D, make_conv2d},   {BT_STEP_ADD, make_add},
    {BT_STEP_CONV2D, make_conv2d}, {BT_STEP_MUL, make_mul},         {BT_STEP_CONV2D, make_conv2d},
    {BT_STEP_CONCAT, make_concat}, {BT_STEP_CONV2D, make_conv2d},   {BT_STEP_UPSAMPLE, make_upsample},
    {BT_STEP_CONV2D, make_conv2d}, {BT_STEP_SLICE, make_slice},     {BT_STEP_CONV2D, make_conv2d},
    {BT_STEP_CONV2D, make_conv2d}, {BT_STEP_SOFTMAX, make_softmax}, {BT_STEP_CONV2D, make_conv2d},
    {BT_STEP_TABLE, make_table},   {BT_STEP_CONV2D, make_conv2d},
};

void fw_random_build(uint32_t index, uint8_t *dram, struct fw_random_case *made)
{
    const size_t which = index % (sizeof(makers) / sizeof(makers[0]));
    struct maker m = {.state = index, .dram = dram, .step.kind = makers[which].kind, .step.node = index};
    struct bt_program program = {
        .magic = BT_PROGRAM_MAGIC,
        .bytes = sizeof(program),
        .step_count = 1,
        .dram_bytes = FW_RANDOM_DRAM_BYTES,
        .dram_base = 1,
        .wait_cycles = 1,
        .status = UINT32_MAX, /* until it has run */
    };
    for (uint32_t i = 0; i < FW_RANDOM_DRAM_BYTES; i += sizeof(uint64_t)) {
        const uint64_t noise = next(&m);
        memcpy(dram + i, &noise, sizeof(noise));
    }
    m.brk = 64; /* 0 is no address */
    const uint32_t program_at = place(&m, NULL, sizeof(program));
    program.steps = place(&m, NULL, sizeof(m.step));
    makers[which].make(&m);
    memcpy(dram + program.steps, &m.step, sizeof(m.step));
    program.scratch_bytes = m.scratch_bytes;
    program.scratch = place(&m, NULL, m.scratch_bytes);
    memcpy(dram + program_at, &program, sizeof(program));
    *made = (struct fw_random_case){
        .kind = makers[which].kind, .program = program_at, .out = m.step.out, .out_bytes = m.out_bytes};
}

/* ---- the truth ---- */

static const void *at(const uint8_t *dram, uint32_t offset)
{
    return offset != 0 ? dram + offset : NULL;
}

static enum bt_status expect_concat(const uint8_t *dram, const struct bt_step *step, int8_t *out)
{
    const struct bt_step_concat *concat = at(dram, step->params);
    struct ref_concat_input inputs[BT_STEP_INPUTS];
    for (int32_t i = 0; i < concat->count; i++) {
        inputs[i] = (struct ref_concat_input){.data = at(dram, step->in[i]),
                                              .c = concat->in[i].c,
                                              .zp = concat->in[i].zp,
                                              .mult = concat->in[i].mult,
                                              .shift = concat->in[i].shift};
    }
    const struct ref_concat all = {
        .pixels = concat->pixels, .count = concat->count, .out_zp = concat->out_zp, .rounding = concat->rounding};
    return ref_concat_s8(&all, inputs, out);
}

static enum bt_status expect_slice(const struct bt_step_slice *slice, const int8_t *in, int8_t *out)
{
    for (int64_t pixel = 0; pixel < slice->pixels; pixel++) {
        for (int32_t c = 0; c < slice->c; c++) {
            *out++ = in[pixel * slice->c_in + slice->from + c];
        }
    }
    return BT_OK;
}

enum bt_status fw_random_expect(const uint8_t *dram, const struct fw_random_case *made, void *expected)
{
    const struct bt_program *program = at(dram, made->program);
    const struct bt_step *step = at(dram, program->steps);
    const void *params = at(dram, step->params);
    const int8_t *in1 = at(dram, step->in[0]);
    const int8_t *in2 = at(dram, step->in[1]);
    const struct bt_layer_data data = {
        .ifmap = in1,
        .weights = at(dram, step->weights),
        .bias = at(dram, step->bias),
        .mult = at(dram, step->mult),
        .shift = at(dram, step->shift),
        .table = at(dram, step->table),
    };
    switch (made->kind) {
    case BT_STEP_CONV2D:
        return ref_conv2d_s8(params, &data, expected);
    case BT_STEP_MAXPOOL:
        return ref_maxpool_s8(params, in1, expected);
    case BT_STEP_AVGPOOL:
        return ref_avgpool_s8(params, in1, expected);
    case BT_STEP_ADD:
        return ref_add_s8(params, in1, in2, expected);
    case BT_STEP_MUL:
        return ref_mul_s8(params, in1, in2, expected);
    case BT_STEP_CONCAT:
        return expect_concat(dram, step, expected);
    case BT_STEP_UPSAMPLE: {
        const struct bt_step_upsample *up = params;
        const struct ref_upsample square = {
            .n = 1, .h = up->h, .w = up->w, .c = up->c, .factor_h = up->scale, .factor_w = up->scale};
        return ref_upsample_nearest_s8(&square, in1, expected);
    }
    case BT_STEP_SLICE:
        return expect_slice(params, in1, expected);
    case BT_STEP_SOFTMAX:
        return ref_softmax_s8(params, in1, expected);
    default:
        return ref_activation_s8(data.table, ((const struct bt_step_table *)params)->elems, in1, expected);
    }
}
