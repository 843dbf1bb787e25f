/*
 * The firmware's step executor and kernels, natively: random layers against the reference operators, programs that must be
 * refused, and the steps of an accelerator over a fake core.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/firmware/fw_conv2d_s8.h"
#include "harness/firmware/fw_random.h"
#include "harness/firmware/fw_steps.h"
#include "harness/firmware/soc_regs.h"
#include "harness/test_fake.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static _Alignas(16) uint8_t dram[FW_RANDOM_DRAM_BYTES];
static _Alignas(16) uint8_t before[FW_RANDOM_DRAM_BYTES];
static _Alignas(16) uint8_t expected[FW_RANDOM_DRAM_BYTES];

static const struct fw_machine software = {.dram = dram, .dram_bytes = sizeof(dram)};

static struct bt_program *program_of(const struct fw_random_case *made)
{
    return (struct bt_program *)(void *)(dram + made->program);
}

static struct bt_step *step_of(const struct fw_random_case *made)
{
    return (struct bt_step *)(void *)(dram + program_of(made)->steps);
}

/* ---- random layers ---- */

/* What may differ afterwards: the result, the scratch memory, the program's own head. */
static void hide(uint32_t at, uint32_t bytes)
{
    memcpy(before + at, dram + at, bytes);
}

static void test_random_layers(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < FW_RANDOM_CASES; i++) {
        struct fw_random_case made;
        fw_random_build(i, dram, &made);
        memcpy(before, dram, sizeof(dram));
        assert_int_equal(fw_random_expect(before, &made, expected), BT_OK);
        const uint32_t code = fw_run(&software, program_of(&made));
        if (code != BT_FW_EXIT_OK || memcmp(dram + made.out, expected, made.out_bytes) != 0) {
            fail_msg("random layer %u, kind %u: exit %u, status %u, %s", i, made.kind, code, program_of(&made)->status,
                     program_of(&made)->why);
        }
        assert_int_equal(program_of(&made)->status, BT_OK);
        hide(made.out, made.out_bytes);
        hide(program_of(&made)->scratch, program_of(&made)->scratch_bytes);
        hide(made.program, sizeof(struct bt_program));
        if (memcmp(dram, before, sizeof(dram)) != 0) {
            fail_msg("random layer %u, kind %u: writes beside its result", i, made.kind);
        }
    }
}

/* A copy with nothing behind it, so that the address sanitizer sees a read too far. */
static void *alone(const void *data, size_t bytes)
{
    if (data == NULL) {
        return NULL;
    }
    void *copy = malloc(bytes);
    assert_non_null(copy);
    memcpy(copy, data, bytes);
    return copy;
}

static void test_random_layers_read_nothing_else(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < FW_RANDOM_CASES; i++) {
        struct fw_random_case made;
        fw_random_build(i, dram, &made);
        if (made.kind != BT_STEP_CONV2D) {
            continue;
        }
        const struct bt_step *step = step_of(&made);
        const struct bt_conv2d *conv = (const struct bt_conv2d *)(const void *)(dram + step->params);
        const size_t channels = (size_t)conv->c_out * sizeof(int32_t);
        void *ifmap = alone(dram + step->in[0], (size_t)bt_conv2d_ifmap_elems(conv));
        void *weights = alone(dram + step->weights, (size_t)bt_conv2d_weight_elems(conv));
        void *bias = alone(step->bias != 0 ? dram + step->bias : NULL, channels);
        void *mult = alone(step->mult != 0 ? dram + step->mult : NULL, channels);
        void *shift = alone(step->shift != 0 ? dram + step->shift : NULL, channels);
        void *table = alone(step->table != 0 ? dram + step->table : NULL, 256);
        void *scratch = alone(dram, (size_t)fw_conv2d_s8_scratch_bytes(conv));
        void *ofmap = alone(dram, made.out_bytes);
        const struct bt_layer_data data = {
            .ifmap = ifmap, .weights = weights, .bias = bias, .mult = mult, .shift = shift, .table = table};
        fw_conv2d_s8(conv, &data, scratch, ofmap);
        assert_int_equal(fw_random_expect(dram, &made, expected), BT_OK);
        assert_memory_equal(ofmap, expected, made.out_bytes);
        void *const all[] = {ifmap, weights, bias, mult, shift, table, scratch, ofmap};
        for (size_t a = 0; a < COUNT(all); a++) {
            free(all[a]);
        }
    }
}

/* The comparison above sees everything it should: every kind, and of convolutions every corner. */
static void test_random_layers_reach_everything(void **state)
{
    (void)state;
    enum {
        DEPTHWISE,
        GROUPS,
        DILATION,
        STRIDE,
        ASYMMETRIC,
        RAW,
        TABLE,
        SINGLE,
        SATURATED,
        BELOW_RANGE,
        DENSE,
        CORNERS
    };
    uint32_t kinds[BT_STEP_KIND_COUNT] = {0};
    uint32_t corners[CORNERS] = {0};
    uint32_t different = 0;
    for (uint32_t i = 0; i < FW_RANDOM_CASES; i++) {
        struct fw_random_case made;
        fw_random_build(i, dram, &made);
        kinds[made.kind]++;
        assert_int_equal(fw_random_expect(dram, &made, expected), BT_OK);
        different += memcmp(expected, expected + 1, made.out_bytes - 1) != 0;
        if (made.kind != BT_STEP_CONV2D) {
            continue;
        }
        const struct bt_conv2d *conv = (const struct bt_conv2d *)(const void *)(dram + step_of(&made)->params);
        const int8_t *w = (const int8_t *)(dram + step_of(&made)->weights);
        corners[DEPTHWISE] += conv->groups > 1 && conv->groups == conv->c_in;
        corners[GROUPS] += conv->groups > 1 && conv->groups != conv->c_in;
        corners[DILATION] += conv->dil_h > 1 || conv->dil_w > 1;
        corners[STRIDE] += conv->stride_h != conv->stride_w;
        corners[ASYMMETRIC] += conv->pad_top != conv->pad_bottom && conv->pad_left != conv->pad_right;
        corners[RAW] += conv->raw;
        corners[TABLE] += conv->table;
        corners[SINGLE] += conv->rounding == BT_ROUND_SINGLE;
        corners[SATURATED] += !conv->raw && memchr(expected, (uint8_t)conv->act_max, made.out_bytes) != NULL;
        corners[BELOW_RANGE] += memchr(w, 0x80, (size_t)bt_conv2d_weight_elems(conv)) != NULL;
        corners[DENSE] += conv->h == 1 && conv->w == 1 && conv->kh == 1;
    }
    for (uint32_t kind = BT_STEP_CONV2D; kind <= BT_STEP_TABLE; kind++) {
        assert_in_range(kinds[kind], 40, FW_RANDOM_CASES);
    }
    for (size_t i = 0; i < CORNERS; i++) {
        if (corners[i] < 10) {
            fail_msg("corner %zu of convolutions is met %u times", i, corners[i]);
        }
    }
    assert_in_range(different, FW_RANDOM_CASES * 3 / 4, FW_RANDOM_CASES);
}

/* Sums at both ends of what a word of two packed weights can carry, and of the accumulator. */
static void test_extreme_sums(void **state)
{
    (void)state;
    static const int8_t ends[] = {-128, -127, 127};
    enum { STEPS = 67, FILTERS = 5, PIXELS = 7 };
    const struct bt_conv2d conv = {.n = 1,
                                   .h = 1,
                                   .w = PIXELS,
                                   .c_in = STEPS,
                                   .c_out = FILTERS,
                                   .kh = 1,
                                   .kw = 1,
                                   .stride_h = 1,
                                   .stride_w = 1,
                                   .dil_h = 1,
                                   .dil_w = 1,
                                   .groups = 1,
                                   .in_zp = 127,
                                   .act_min = -128,
                                   .act_max = 127,
                                   .raw = true};
    int8_t ifmap[PIXELS * STEPS];
    int8_t weights[FILTERS * STEPS];
    int32_t bias[FILTERS];
    int32_t got[PIXELS * FILTERS];
    int32_t want[PIXELS * FILTERS];
    const struct bt_layer_data data = {.ifmap = ifmap, .weights = weights, .bias = bias};
    for (size_t first = 0; first < COUNT(ends); first++) {
        for (size_t second = 0; second < COUNT(ends); second++) {
            for (size_t i = 0; i < COUNT(ifmap); i++) {
                ifmap[i] = i % 2 == 0 ? -128 : ends[first];
            }
            for (size_t i = 0; i < COUNT(weights); i++) {
                weights[i] = ends[i / STEPS % 2 == 0 ? first : second];
            }
            for (int32_t f = 0; f < FILTERS; f++) {
                bias[f] = (f % 2 == 0 ? 1 : -1) * (INT32_MAX - STEPS * 128 * 255);
            }
            assert_true(fw_conv2d_s8_scratch_bytes(&conv) <= sizeof(dram));
            fw_conv2d_s8(&conv, &data, dram, got);
            assert_int_equal(ref_conv2d_s8(&conv, &data, want), BT_OK);
            assert_memory_equal(got, want, sizeof(want));
        }
    }
}

/* Where the usual way would take more memory than it is worth: the slow one does it. */
static void test_memory_limits(void **state)
{
    (void)state;
    enum { APART = 2000 };
    const struct bt_conv2d wide = {.n = 1,
                                   .h = 1,
                                   .w = 2,
                                   .c_in = 3,
                                   .c_out = 3,
                                   .kh = 2,
                                   .kw = 2,
                                   .stride_h = 1,
                                   .stride_w = 1,
                                   .dil_h = APART,
                                   .dil_w = APART,
                                   .pad_top = APART,
                                   .pad_left = APART,
                                   .groups = 3,
                                   .act_min = -128,
                                   .act_max = 127,
                                   .raw = true};
    static const int8_t ifmap[] = {1, -2, 3, -4, 5, -6};
    static const int8_t weights[] = {7, 8, 9, 10, -11, 12, -13, 14, 15, 16, 17, -18};
    const struct bt_layer_data data = {.ifmap = ifmap, .weights = weights};
    int32_t got[6] = {0};
    int32_t want[6];
    assert_in_range(fw_conv2d_s8_scratch_bytes(&wide), 1, sizeof(dram));
    fw_conv2d_s8(&wide, &data, dram, got);
    assert_int_equal(ref_conv2d_s8(&wide, &data, want), BT_OK);
    assert_memory_equal(got, want, sizeof(want));

    struct bt_conv2d large = {.n = 1, .h = 14, .w = 14, .c_in = 2048, .c_out = 1024, .kh = 3, .kw = 3};
    large.stride_h = large.stride_w = large.dil_h = large.dil_w = large.groups = 1;
    assert_in_range(fw_conv2d_s8_scratch_bytes(&large), 2 * 2048 * 1024 * 9, 3 * 2048 * 1024 * 9);
    large.c_in = 4096;
    assert_in_range(fw_conv2d_s8_scratch_bytes(&large), 1, 1 << 20);
}

/* ---- refusals ---- */

enum { AT_PROGRAM, AT_STEP, AT_PARAMS };

/* One word of a sound program is replaced. */
struct refusal {
    uint32_t index; /* random layer: its kind is index % 20, see fw_random.c */
    int where;
    size_t offset;
    uint32_t value;
    uint32_t code;
    enum bt_status status;
    const char *why;
};

#define IN_PROGRAM(member, value, why)                                                                                 \
    {                                                                                                                  \
        0, AT_PROGRAM, offsetof(struct bt_program, member), (value), BT_FW_EXIT_BAD_PROGRAM, BT_EINVAL, (why)          \
    }
#define IN_STEP(index, member, value, why)                                                                             \
    {                                                                                                                  \
        (index), AT_STEP, offsetof(struct bt_step, member), (value), BT_FW_EXIT_STEP_FAILED, BT_EINVAL, (why)          \
    }
#define IN_PARAMS(index, type, member, value, why)                                                                     \
    {                                                                                                                  \
        (index), AT_PARAMS, offsetof(type, member), (uint32_t)(value), BT_FW_EXIT_STEP_FAILED, BT_EINVAL, (why)        \
    }

enum { CONV = 0, MAXPOOL = 1, ADD = 5, MUL = 7, CONCAT = 9, UPSAMPLE = 11, SLICE = 13, SOFTMAX = 16, TABLE = 18 };

static const struct refusal refusals[] = {
    IN_PROGRAM(dram_bytes, FW_RANDOM_DRAM_BYTES + 16, "bytes of DRAM"),
    IN_PROGRAM(wait, BT_WAIT_COUNT, "way of waiting"),
    IN_PROGRAM(wait_cycles, 0, "wait without a bound"),
    IN_PROGRAM(steps, FW_RANDOM_DRAM_BYTES - 16, "list of steps"),
    IN_PROGRAM(steps, FW_RANDOM_DRAM_BYTES + 16, "list of steps"),
    IN_PROGRAM(steps, 0, "list of steps"),
    IN_PROGRAM(steps, 24, "list of steps"),
    IN_PROGRAM(step_count, UINT32_MAX, "list of steps"),
    IN_PROGRAM(step_count, FW_RANDOM_DRAM_BYTES, "list of steps"),
    IN_PROGRAM(scratch, FW_RANDOM_DRAM_BYTES - 16, "scratch memory outside"),
    IN_PROGRAM(scratch, 0, "scratch memory outside"),
    IN_PROGRAM(scratch_bytes, FW_RANDOM_DRAM_BYTES, "scratch memory outside"),
    {CONV, AT_PROGRAM, offsetof(struct bt_program, scratch_bytes), 16, BT_FW_EXIT_STEP_FAILED, BT_EINVAL,
     "scratch memory too small"},
    IN_STEP(CONV, kind, BT_STEP_NONE, "kind of a step unknown"),
    IN_STEP(CONV, kind, BT_STEP_KIND_COUNT, "kind of a step unknown"),
    IN_STEP(CONV, kind, UINT32_MAX, "kind of a step unknown"),
    IN_STEP(CONV, input_count, 0, "input of a step missing"),
    IN_STEP(CONV, input_count, BT_STEP_INPUTS + 1, "inputs of a step"),
    IN_STEP(CONV, params, FW_RANDOM_DRAM_BYTES - 16, "parameters of a step"),
    IN_STEP(CONV, params, 0, "parameters of a step"),
    IN_STEP(CONV, params, 68, "parameters of a step"),
    IN_STEP(CONV, in[0], FW_RANDOM_DRAM_BYTES, "input of a step outside"),
    IN_STEP(CONV, in[0], 72, "input of a step outside"),
    IN_STEP(CONV, in[0], 0, "input of a step outside"),
    IN_STEP(CONV, in[0], UINT32_MAX - 15, "input of a step outside"),
    IN_STEP(CONV, out, FW_RANDOM_DRAM_BYTES, "output of a step outside"),
    IN_STEP(CONV, out, 0, "output of a step outside"),
    IN_STEP(CONV, weights, FW_RANDOM_DRAM_BYTES, "constants of a convolution outside"),
    IN_STEP(CONV, weights, 0, "constants of a convolution missing"),
    IN_STEP(CONV, mult, 0, "constants of a convolution missing"),
    IN_STEP(CONV, shift, 0, "constants of a convolution missing"),
    IN_STEP(CONV, bias, FW_RANDOM_DRAM_BYTES, "constants of a convolution outside"),
    IN_PARAMS(CONV, struct bt_conv2d, stride_h, 0, "vertical stride"),
    IN_PARAMS(CONV, struct bt_conv2d, h, 60000, "input of a step outside"),
    IN_PARAMS(CONV, struct bt_conv2d, c_out, 60000, "output of a step outside"),
    IN_STEP(MAXPOOL, in[0], FW_RANDOM_DRAM_BYTES, "input of a step outside"),
    IN_STEP(MAXPOOL, out, FW_RANDOM_DRAM_BYTES, "output of a step outside"),
    IN_PARAMS(MAXPOOL, struct ref_pool2d, kh, 0, "pooling extent"),
    IN_PARAMS(MAXPOOL, struct ref_pool2d, c, 65536, "input of a step outside"),
    IN_STEP(ADD, input_count, 1, "input of a step missing"),
    IN_STEP(ADD, in[1], FW_RANDOM_DRAM_BYTES, "input of a step outside"),
    IN_PARAMS(ADD, struct ref_add, elems, 0, "operator refuses"),
    IN_PARAMS(ADD, struct ref_add, elems, FW_RANDOM_DRAM_BYTES, "input of a step outside"),
    IN_PARAMS(ADD, struct ref_add, out_mult, -1, "operator refuses"),
    IN_PARAMS(MUL, struct ref_mul, shift, 31, "operator refuses"),
    IN_STEP(MUL, in[1], 0, "input of a step outside"),
    IN_PARAMS(CONCAT, struct bt_step_concat, count, BT_STEP_INPUTS + 1, "inputs of a concatenation"),
    IN_PARAMS(CONCAT, struct bt_step_concat, count, 0, "inputs of a concatenation"),
    IN_PARAMS(CONCAT, struct bt_step_concat, pixels, FW_RANDOM_DRAM_BYTES, "input of a step outside"),
    IN_PARAMS(CONCAT, struct bt_step_concat, in[0].c, -1, "input of a step outside"),
    IN_PARAMS(CONCAT, struct bt_step_concat, in[0].zp, 128, "operator refuses"),
    IN_STEP(CONCAT, input_count, 0, "input of a step missing"),
    IN_STEP(CONCAT, out, FW_RANDOM_DRAM_BYTES, "output of a step outside"),
    IN_PARAMS(UPSAMPLE, struct bt_step_upsample, scale, 0, "extent of an upsampling"),
    IN_PARAMS(UPSAMPLE, struct bt_step_upsample, scale, 65536, "output of a step outside"),
    IN_PARAMS(UPSAMPLE, struct bt_step_upsample, h, 65536, "input of a step outside"),
    IN_PARAMS(SLICE, struct bt_step_slice, from, 40, "channels of a slice"),
    IN_PARAMS(SLICE, struct bt_step_slice, from, -1, "channels of a slice"),
    IN_PARAMS(SLICE, struct bt_step_slice, c, 0, "channels of a slice"),
    IN_PARAMS(SLICE, struct bt_step_slice, c, INT32_MAX, "channels of a slice"),
    IN_PARAMS(SLICE, struct bt_step_slice, pixels, FW_RANDOM_DRAM_BYTES, "input of a step outside"),
    IN_PARAMS(SOFTMAX, struct ref_softmax_s8, row_size, 4096, "operator refuses"),
    IN_PARAMS(SOFTMAX, struct ref_softmax_s8, rows, 0, "input of a step outside"),
    IN_PARAMS(SOFTMAX, struct ref_softmax_s8, row_size, -5, "input of a step outside"),
    IN_STEP(TABLE, table, FW_RANDOM_DRAM_BYTES - 128, "table of a step outside"),
    IN_STEP(TABLE, table, 0, "table of a step outside"),
    IN_PARAMS(TABLE, struct bt_step_table, elems, 0, "operator refuses"),
    {TABLE, AT_STEP, offsetof(struct bt_step, kind), BT_STEP_ACCEL_WAIT, BT_FW_EXIT_STEP_FAILED, BT_EUNSUPPORTED,
     "without a driver"},
};

/* The first random layer of the kind that suits every line of the table. */
static void build_for_refusal(uint32_t index, struct fw_random_case *made)
{
    bool suits = false;
    for (; !suits; index += 20) {
        fw_random_build(index, dram, made);
        const struct bt_step *step = step_of(made);
        const struct bt_conv2d *conv = (const struct bt_conv2d *)(const void *)(dram + step->params);
        suits = made->kind != BT_STEP_CONV2D || (step->mult != 0 && step->bias != 0 && conv->groups == 1 &&
                                                 conv->kh == 1 && conv->kw == 1 && conv->w > 2 && conv->c_in > 4);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        const struct refusal *r = &refusals[i];
        struct fw_random_case made;
        build_for_refusal(r->index, &made);
        struct bt_program *program = program_of(&made);
        uint8_t *at[] = {(uint8_t *)program, (uint8_t *)step_of(&made), dram + step_of(&made)->params};
        memcpy(at[r->where] + r->offset, &r->value, sizeof(r->value));
        memcpy(before, dram, sizeof(dram));

        const uint32_t code = fw_run(&software, program);
        if (code != r->code || program->status != r->status || strstr(program->why, r->why) == NULL) {
            fail_msg("refusal %zu: exit %u, status %u, '%s', expected exit %u, status %u, '%s'", i, code,
                     program->status, program->why, r->code, r->status, r->why);
        }
        assert_int_equal(program->failed, 0);
        hide(made.program, sizeof(struct bt_program));
        assert_memory_equal(dram, before, sizeof(dram));
    }
}

/* What is no program has no place for a reason: it stays as it is. */
static void test_no_program(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        struct fw_random_case made;
        fw_random_build(CONV, dram, &made);
        *(i == 0 ? &program_of(&made)->magic : &program_of(&made)->bytes) ^= 4;
        memcpy(before, dram, sizeof(dram));
        assert_int_equal(fw_run(&software, program_of(&made)), BT_FW_EXIT_BAD_PROGRAM);
        assert_memory_equal(dram, before, sizeof(dram));
    }
}

/* ---- the accelerator's steps, over the fake core of harness/test_fake.h ---- */

static uint32_t marks[32];
static uint32_t mark_count, arm_count;

static void note_mark(struct bt_hal *hal, uint32_t value)
{
    (void)hal;
    assert_in_range(mark_count, 0, COUNT(marks) - 1);
    marks[mark_count++] = value;
}

static void note_arm(struct bt_hal *hal)
{
    assert_false(hal->busy);
    arm_count++;
}

static uint64_t hal_now(struct bt_hal *hal)
{
    return hal->cycles;
}

static bool hal_failed(struct bt_hal *hal, struct bt_reason *why)
{
    if (!hal->failed) {
        return false;
    }
    *why = (struct bt_reason){.what = "a write outside every window", .got = 0xdead, .limit = 0};
    return true;
}

static uint64_t hal_copied(struct bt_hal *hal)
{
    (void)hal;
    return UINT64_C(0x123456789);
}

/* Places something into dram, aligned. */
static uint32_t put_at(uint32_t *brk, const void *data, size_t bytes)
{
    const uint32_t at = *brk;
    memcpy(dram + at, data, bytes);
    *brk = (uint32_t)((at + bytes + 31) / 16 * 16);
    return at;
}

/* A convolution by the fake core, in the five steps of an accelerator. */
struct accel_run {
    struct bt_program *program;
    struct bt_hal *hal;
    uint32_t out, counters;
    uint32_t code;
    const struct fake_plan *plan;
};

static const struct bt_conv2d accel_conv = {.n = 1,
                                            .h = 4,
                                            .w = 5,
                                            .c_in = 3,
                                            .c_out = 4,
                                            .kh = 3,
                                            .kw = 3,
                                            .stride_h = 1,
                                            .stride_w = 1,
                                            .dil_h = 1,
                                            .dil_w = 1,
                                            .groups = 1,
                                            .raw = true};
enum { ACCEL_IN = 4 * 5 * 3, ACCEL_OUT = 2 * 3 * 4 * 4, ACCEL_WEIGHTS = 4 * 27 };

static struct accel_run run_accel(enum fake_fault fault, uint32_t wait_cycles)
{
    static const uint32_t kinds[] = {BT_STEP_ACCEL_PACK, BT_STEP_ACCEL_LOAD, BT_STEP_ACCEL_START, BT_STEP_ACCEL_WAIT,
                                     BT_STEP_ACCEL_UNPACK};
    struct accel_run run = {0};
    struct bt_step steps[COUNT(kinds)] = {{0}};
    int8_t values[ACCEL_WEIGHTS] = {0};
    uint32_t brk = 64;
    for (size_t i = 0; i < COUNT(values); i++) {
        values[i] = (int8_t)(i * 37 % 255 - 127);
    }
    memset(dram, 0xa5, sizeof(dram));
    const struct fake_plan plan = {
        .layer = {.op = BT_OP_CONV2D, .u.conv = accel_conv}, .io = {.in_addr = 4096, .out_addr = 8192}, .fault = fault};
    const uint32_t plan_at = put_at(&brk, &plan, sizeof(plan));
    const uint32_t in = put_at(&brk, values, ACCEL_IN);
    const uint32_t weights = put_at(&brk, values, ACCEL_WEIGHTS);
    run.out = put_at(&brk, values, ACCEL_OUT);
    run.counters = put_at(&brk, dram + 16384, sizeof(struct bt_counters));
    for (size_t i = 0; i < COUNT(kinds); i++) {
        steps[i] = (struct bt_step){.kind = kinds[i],
                                    .plan = plan_at,
                                    .input_count = 1,
                                    .in = {in},
                                    .out = run.out,
                                    .weights = weights,
                                    .counters = run.counters};
    }
    const struct bt_program program = {
        .magic = BT_PROGRAM_MAGIC,
        .bytes = sizeof(program),
        .step_count = COUNT(kinds),
        .steps = put_at(&brk, steps, sizeof(steps)),
        .dram_bytes = sizeof(dram),
        .wait_cycles = wait_cycles,
        .status = UINT32_MAX,
    };
    run.program = (struct bt_program *)(void *)(dram + put_at(&brk, &program, sizeof(program)));
    run.plan = (const struct fake_plan *)(const void *)(dram + plan_at);
    const struct bt_memory memory = {.dram_bytes = 65536};
    assert_int_equal(bt_hal_sim_open("", &memory, NULL, NULL, &run.hal, NULL), BT_OK);
    const struct fw_machine machine = {
        .dram = dram,
        .dram_bytes = sizeof(dram),
        .driver = fake_variant.driver,
        .hal = run.hal,
        .mark = note_mark,
        .arm = note_arm,
        .now = hal_now,
        .failed = hal_failed,
        .copied = hal_copied,
    };
    mark_count = arm_count = 0;
    run.code = fw_run(&machine, run.program);
    return run;
}

static void test_accelerator(void **state)
{
    (void)state;
    struct accel_run run = run_accel(FAKE_GOOD, 100000);
    const struct bt_counters *counters = (const struct bt_counters *)(const void *)(dram + run.counters);
    int32_t want[ACCEL_OUT / 4];
    const struct bt_layer_data data = {.ifmap = run.hal->dram + 4096, .weights = run.hal->data.weights};

    assert_int_equal(run.code, BT_FW_EXIT_OK);
    assert_int_equal(run.program->status, BT_OK);
    assert_string_equal(run.program->why, "");
    assert_int_equal(run.program->failed, run.program->step_count);
    assert_int_equal(run.program->copied_lo, 0x23456789);
    assert_int_equal(run.program->copied_hi, 1);
    assert_int_equal(run.plan->started, 1);
    assert_int_equal(arm_count, 1);
    assert_int_equal(ref_conv2d_s8(&accel_conv, &data, want), BT_OK);
    assert_memory_equal(dram + run.out, want, sizeof(want));
    assert_int_equal(bt_counters_get(counters, "cycles", 0), fake_cycles(&accel_conv));
    assert_int_equal(counters->count, 3);
    assert_int_equal(mark_count, 2 * run.program->step_count);
    for (uint32_t i = 0; i < mark_count; i++) {
        assert_int_equal(marks[i], i / 2 | (i % 2 != 0 ? SOC_MARK_END : 0));
    }
    bt_hal_sim_close(run.hal);
}

static void test_accelerator_failures(void **state)
{
    (void)state;
    static const struct {
        enum fake_fault fault;
        uint32_t wait_cycles;
        enum bt_status status;
        int32_t got, limit;
        const char *why;
    } cases[] = {
        {FAKE_HANG, 1000, BT_ETIMEOUT, 1000, 1000, "not done"},
        {FAKE_GOOD, 30, BT_ETIMEOUT, 30, 30, "not done"},
        {FAKE_DEVICE, 1000, BT_EDEVICE, 7, 0, "descriptor refused"},
        {FAKE_VIOLATION, 1000, BT_EDEVICE, 0xdead, 0, "a write outside every window"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct accel_run run = run_accel(cases[i].fault, cases[i].wait_cycles);
        assert_int_equal(run.code, BT_FW_EXIT_STEP_FAILED);
        assert_int_equal(run.program->status, cases[i].status);
        assert_int_equal(run.program->failed, 3); /* the wait */
        assert_int_equal(run.program->why_got, cases[i].got);
        assert_int_equal(run.program->why_limit, cases[i].limit);
        assert_non_null(strstr(run.program->why, cases[i].why));
        assert_int_equal(marks[mark_count - 1], 3 | SOC_MARK_END);
        bt_hal_sim_close(run.hal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_layers),
        cmocka_unit_test(test_random_layers_read_nothing_else),
        cmocka_unit_test(test_random_layers_reach_everything),
        cmocka_unit_test(test_extreme_sums),
        cmocka_unit_test(test_memory_limits),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_program),
        cmocka_unit_test(test_accelerator),
        cmocka_unit_test(test_accelerator_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
