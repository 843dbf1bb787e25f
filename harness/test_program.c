/* Programs for the firmware: what lies where, and what does not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/lower.h"
#include "harness/program.h"
#include "reference/common/bt_conv2d.h"

#define DRAM_BYTES 65536

static const struct bt_soc_map map = {
    .dram = {0x80000000u, 0x10000000u},
    .console = 0x20000000u,
    .timer = 0x20001000u,
    .interrupt = 0x20002000u,
    .exit_ = 0x20003000u,
    .probe = 0x20004000u,
    .accel_count = 1,
    .accel = {{0xa0000000u, 4096}},
};

static uint8_t *dram;

static int set_up(void **state)
{
    (void)state;
    dram = calloc(1, DRAM_BYTES);
    return dram == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(dram);
    return 0;
}

static void test_header_and_steps(void **state)
{
    (void)state;
    struct bt_program_image image;
    const struct bt_program_target target = {.map = &map, .wait = BT_WAIT_POLL, .wait_cycles = UINT64_C(1) << 40};
    uint32_t at = 0;
    bt_program_begin(&image, dram, DRAM_BYTES, 4097);
    const uint32_t first = bt_program_put(&image, "abc", 3);
    const uint32_t second = bt_program_put(&image, "defg", 4);
    assert_int_equal(first % 16, 0);
    assert_true(first >= 4097);
    assert_int_equal(second, first + 16);
    assert_memory_equal(dram + first, "abc", 3);
    assert_int_equal(bt_program_put(&image, NULL, 12), 0);
    for (uint32_t i = 0; i < 100; i++) {
        bt_program_step(&image, BT_STEP_SLICE, i)->out = second;
    }
    image.scratch_bytes = 100;
    assert_int_equal(bt_program_end(&image, &target, &at, NULL), BT_OK);
    const struct bt_program *program = bt_program_at(&image, at);
    assert_int_equal(program->magic, BT_PROGRAM_MAGIC);
    assert_int_equal(program->bytes, sizeof(*program));
    assert_int_equal(program->step_count, 100);
    assert_int_equal(program->dram_base, 0x80000000u);
    assert_int_equal(program->accel_base, 0xa0000000u);
    assert_int_equal(program->exit_, 0x20003000u);
    assert_int_equal(program->wait, BT_WAIT_POLL);
    assert_int_equal(program->wait_cycles, UINT32_MAX); /* what does not fit is as long as can be said */
    assert_true(program->scratch != 0 && program->scratch % 16 == 0);
    const struct bt_step *steps = (const struct bt_step *)(const void *)(dram + program->steps);
    assert_int_equal(steps[99].kind, BT_STEP_SLICE);
    assert_int_equal(steps[99].node, 99);
    assert_int_equal(steps[99].out, second);
    bt_program_free(&image);
}

/* What does not fit is counted to the end, so that the message says how much it would have taken. */
static void test_dram_too_small(void **state)
{
    (void)state;
    struct bt_program_image image;
    struct bt_error err = {""};
    const struct bt_program_target target = {.map = &map, .wait_cycles = 1};
    uint32_t at = 7;
    bt_program_begin(&image, dram, DRAM_BYTES, 4096);
    assert_int_not_equal(bt_program_reserve(&image, 60000), 0);
    assert_int_equal(bt_program_reserve(&image, 60000), 0);
    assert_int_equal(bt_program_reserve(&image, UINT64_MAX / 4), 0);
    assert_int_not_equal(bt_program_reserve(&image, 16), 0); /* what fits is still had */
    assert_int_equal(bt_program_end(&image, &target, &at, &err), BT_ENOMEM);
    assert_non_null(strstr(err.text, "DRAM too small"));
    assert_non_null(strstr(err.text, "65536"));
    bt_program_free(&image);

    /* The last byte counts. */
    bt_program_begin(&image, dram, 16 + 48, 16);
    assert_int_not_equal(bt_program_reserve(&image, 48), 0);
    bt_program_free(&image);
    bt_program_begin(&image, dram, 16 + 48, 16);
    assert_int_equal(bt_program_reserve(&image, 49), 0);
    bt_program_free(&image);
}

/* A convolution as the steps of a driver: constants once, in the order in which a driver is called. */
static void test_lowered_layer(void **state)
{
    (void)state;
    struct bt_program_image image;
    const struct bt_conv2d conv = bt_conv2d_1x1(2, 2, 3, 2);
    const int8_t weights[6] = {1, 2, 3, 4, 5, 6};
    const int32_t bias[2] = {7, 8};
    const int32_t mult[2] = {9, 10};
    const int32_t shift[2] = {0, -1};
    const struct bt_layer_data data = {.weights = weights, .bias = bias, .mult = mult, .shift = shift};
    bt_program_begin(&image, dram, DRAM_BYTES, 4096);
    struct bt_layer layer = {.op = BT_OP_CONV2D, .dtype = BT_S8, .u.conv = conv};
    const struct bt_lowered constants = bt_lower_constants(&image, &layer, &data);
    assert_memory_equal(dram + constants.weights, weights, sizeof(weights));
    assert_memory_equal(dram + constants.bias, bias, sizeof(bias));
    assert_memory_equal(dram + constants.mult, mult, sizeof(mult));
    assert_memory_equal(dram + constants.shift, shift, sizeof(shift));
    assert_int_equal(constants.table, 0);
    const uint32_t in = bt_program_reserve(&image, 12);
    const uint32_t out = bt_program_reserve(&image, 8);
    bt_lower_conv(&image, 5, &conv, &constants, in, out);
    const struct bt_lowered_plan plan = {.plan = 4096, .counters = 4112};
    bt_lower_pack(&image, 5, &plan, &constants);
    bt_lower_load(&image, 5, &plan, in);
    bt_lower_start(&image, 5, &plan);
    bt_lower_wait(&image, 5, &plan);
    bt_lower_unpack(&image, 5, &plan, out);
    layer.dtype = BT_S16;
    const int16_t wide[6] = {-32768, 32767, 1, 2, 3, 4};
    const struct bt_layer_data wide_data = {.weights = wide, .bias = bias, .mult = mult, .shift = shift};
    const struct bt_lowered wide_constants = bt_lower_constants(&image, &layer, &wide_data);
    assert_memory_equal(dram + wide_constants.weights, wide, sizeof(wide));
    assert_memory_equal(dram + wide_constants.bias, bias, sizeof(bias));
    static const enum bt_step_kind kinds[] = {BT_STEP_CONV2D,      BT_STEP_ACCEL_PACK, BT_STEP_ACCEL_LOAD,
                                              BT_STEP_ACCEL_START, BT_STEP_ACCEL_WAIT, BT_STEP_ACCEL_UNPACK};
    assert_int_equal(image.count, sizeof(kinds) / sizeof(kinds[0]));
    for (uint32_t i = 0; i < image.count; i++) {
        assert_int_equal(image.steps[i].kind, kinds[i]);
        assert_int_equal(image.steps[i].node, 5);
        assert_int_equal(image.steps[i].plan, i == 0 ? 0 : 4096);
    }
    assert_int_equal(image.steps[0].in[0], in);
    assert_int_equal(image.steps[0].weights, constants.weights);
    assert_int_equal(image.steps[1].bias, constants.bias);
    assert_int_equal(image.steps[4].counters, 4112);
    assert_int_equal(image.steps[5].out, out);
    assert_true(image.scratch_bytes > 0);
    bt_program_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_header_and_steps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dram_too_small, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lowered_layer, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
