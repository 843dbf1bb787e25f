/* The room against its own claims: see reference/common/test_bt_brick.h. */
#include "reference/common/test_bt_brick.h"

#include "harness/conv_s16.h"
#include "reference/ops/conv2d_s8.h"

enum {
#define BT_CONST(name, value) DADIANNAO_##name = (value),
#include "reference/dadiannao/dadiannao_regs.def"
#undef BT_CONST
};

extern const struct bt_variant dadiannao_variant;
const struct bt_variant *const brick_variant = &dadiannao_variant;
const char *const brick_full_core = "table3";

static void brick_expect(const struct bt_layer *layer, const struct bt_layer_data *data, void *ofmap)
{
    if (layer->dtype == BT_S16) {
        struct bt_reason why = {0};
        assert_int_equal(bt_conv_s16(&layer->u.conv, data, ofmap, &why), BT_OK);
    } else {
        assert_int_equal(ref_conv2d_s8(&layer->u.conv, data, ofmap), BT_OK);
    }
}

static void test_registers(void **state)
{
    (void)state;
    test_registers_of(DADIANNAO_ID_VALUE, DADIANNAO_VERSION_VALUE);
}

/* Zero-compressed weights are taken only where they cost fewer cycles; bits and terms stay what they are. */
static void test_packed(void **state)
{
    (void)state;
    for (size_t core = 0; core < BRICK_CORES; core++) {
        struct bt_config config = brick_config(brick_cores[core]);
        struct bt_hal *hal = open_core(brick_cores[core], &config.mem);
        int packed = 0;
        int raw = 0;
        for (int i = 0; i < 80; i++) {
            struct job dense;
            struct job job;
            const struct bt_layer layer = random_layer(&config);
            const struct bt_pruning pruning = random_pruning();
            set_param(&config, "PACKED", 0);
            if (!make_job(&dense, &config, layer, pruning, (uint64_t)i)) {
                continue;
            }
            assert_false(plan_of(&dense)->packed);
            set_param(&config, "PACKED", 1);
            must_make_job(&job, &config, layer, pruning, (uint64_t)i);
            packed += plan_of(&job)->packed;
            raw += !plan_of(&job)->packed;
            assert_true(predicted_cycles(&job) <= predicted_cycles(&dense));
            assert_int_equal(plan_of(&job)->packed, predicted_cycles(&job) < predicted_cycles(&dense));
            check_model(&job);
            check_rtl(&job, hal);
            free_job(&job);
            free_job(&dense);
        }
        assert_true(packed > 10 && raw > 10);
        bt_hal_sim_close(hal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {BRICK_TESTS, cmocka_unit_test(test_packed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
