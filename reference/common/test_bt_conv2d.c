/* Geometry of a convolution: extents by hand, every refusal with its numbers, the accumulator bound to the unit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "reference/common/bt_conv2d.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* 1 x 5 x 7 x 4 -> 6 channels, 3 x 2 kernel, two groups. */
static struct bt_conv2d good(void)
{
    return (struct bt_conv2d){
        .n = 1,
        .h = 5,
        .w = 7,
        .c_in = 4,
        .c_out = 6,
        .kh = 3,
        .kw = 2,
        .stride_h = 1,
        .stride_w = 1,
        .dil_h = 1,
        .dil_w = 1,
        .groups = 2,
        .act_min = -128,
        .act_max = 127,
    };
}

static void test_extents(void **state)
{
    (void)state;
    static const struct {
        int32_t in, kernel, stride, dilation, before, after, out;
    } cases[] = {
        {224, 7, 2, 1, 3, 3, 112}, {224, 7, 2, 1, 2, 3, 112}, {5, 3, 1, 1, 0, 0, 3}, {5, 3, 1, 1, 1, 1, 5},
        {5, 3, 2, 1, 0, 0, 2},     {6, 3, 2, 1, 0, 0, 2},     {6, 3, 2, 1, 0, 1, 3}, {1, 1, 1, 1, 0, 0, 1},
        {1, 1, 7, 1, 0, 0, 1},     {7, 3, 1, 2, 0, 0, 3},     {7, 3, 1, 3, 0, 0, 1}, {7, 3, 2, 2, 2, 2, 4},
        {1, 64, 1, 1, 31, 32, 1},  {3, 1, 5, 1, 4, 4, 3},     {2, 2, 3, 4, 5, 0, 1}, {65536, 1, 1, 1, 0, 0, 65536},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bt_conv2d conv = good();
        conv.h = cases[i].in;
        conv.kh = cases[i].kernel;
        conv.stride_h = cases[i].stride;
        conv.dil_h = cases[i].dilation;
        conv.pad_top = cases[i].before;
        conv.pad_bottom = cases[i].after;
        assert_int_equal(bt_conv2d_check(&conv, NULL), BT_OK);
        assert_int_equal(bt_conv2d_oh(&conv), cases[i].out);
        assert_int_equal(bt_conv2d_ow(&conv), 6);

        conv = good();
        conv.w = cases[i].in;
        conv.kw = cases[i].kernel;
        conv.stride_w = cases[i].stride;
        conv.dil_w = cases[i].dilation;
        conv.pad_left = cases[i].before;
        conv.pad_right = cases[i].after;
        assert_int_equal(bt_conv2d_check(&conv, NULL), BT_OK);
        assert_int_equal(bt_conv2d_ow(&conv), cases[i].out);
        assert_int_equal(bt_conv2d_oh(&conv), 3);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    struct bt_conv2d conv = good();
    conv.n = 2;
    assert_int_equal(bt_conv2d_ifmap_elems(&conv), 2 * 5 * 7 * 4);
    assert_int_equal(bt_conv2d_weight_elems(&conv), 6 * 3 * 2 * 2);
    assert_int_equal(bt_conv2d_ofmap_elems(&conv), 2 * 3 * 6 * 6);
    assert_int_equal(bt_conv2d_macs(&conv), 2 * 3 * 6 * 6 * 3 * 2 * 2);
    conv.groups = 1;
    assert_int_equal(bt_conv2d_macs(&conv), 2 * 3 * 6 * 6 * 3 * 2 * 4);
}

static void test_refusals(void **state)
{
    (void)state;
#define FIELD(member, value, got, limit, what)                                                                         \
    {                                                                                                                  \
        offsetof(struct bt_conv2d, member), value, got, limit, what                                                    \
    }
    static const struct {
        size_t field;
        int32_t value;
        int64_t got, limit;
        const char *what;
    } cases[] = {
        FIELD(n, 0, 0, 1, "batch below 1"),
        FIELD(n, 65537, 65537, 65536, "batch above 65536"),
        FIELD(h, 0, 0, 1, "input height below 1"),
        FIELD(h, -5, -5, 1, "input height below 1"),
        FIELD(w, 65537, 65537, 65536, "input width above 65536"),
        FIELD(c_in, 0, 0, 1, "input channels below 1"),
        FIELD(c_out, INT32_MAX, INT32_MAX, 65536, "output channels above 65536"),
        FIELD(kh, 0, 0, 1, "kernel height below 1"),
        FIELD(kh, 65, 65, 64, "kernel height above 64"),
        FIELD(kw, 65, 65, 64, "kernel width above 64"),
        FIELD(stride_h, 0, 0, 1, "vertical stride below 1"),
        FIELD(stride_w, -1, -1, 1, "horizontal stride below 1"),
        FIELD(dil_h, 0, 0, 1, "vertical dilation below 1"),
        FIELD(dil_w, INT32_MAX, INT32_MAX, 65536, "horizontal dilation above 65536"),
        FIELD(pad_top, -1, -1, 0, "top padding below 0"),
        FIELD(pad_bottom, -1, -1, 0, "bottom padding below 0"),
        FIELD(pad_left, -1, -1, 0, "left padding below 0"),
        FIELD(pad_right, INT32_MAX, INT32_MAX, 65536, "right padding above 65536"),
        FIELD(groups, 0, 0, 1, "groups below 1"),
        FIELD(groups, 3, 3, 4, "groups do not divide the input channels"),
        FIELD(groups, 4, 4, 6, "groups do not divide the output channels"),
        FIELD(in_zp, -129, -129, -128, "input zero point below -128"),
        FIELD(in_zp, 128, 128, 127, "input zero point above 127"),
        FIELD(out_zp, 128, 128, 127, "output zero point above 127"),
        FIELD(act_min, -129, -129, -128, "lower clamp below -128"),
        FIELD(act_max, 128, 128, 127, "upper clamp above 127"),
        FIELD(act_max, -1, 0, -1, "lower clamp above the upper clamp"), /* act_min is raised to 0 below */
        FIELD(rounding, 2, 2, 1, "rounding above 1"),
        FIELD(h, 2, 3, 2, "kernel higher than the padded input"),
        FIELD(dil_h, 3, 7, 5, "kernel higher than the padded input"),
        FIELD(dil_w, 7, 8, 7, "kernel wider than the padded input"),
        FIELD(pad_top, 65536, 65539, 65536, "output height above the largest extent"),
        FIELD(pad_right, 65536, 65542, 65536, "output width above the largest extent"),
    };
#undef FIELD
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bt_conv2d conv = good();
        struct bt_reason why = {0};
        assert_int_equal(bt_conv2d_check(&conv, &why), BT_OK);
        assert_null(why.what);
        if (cases[i].field == offsetof(struct bt_conv2d, act_max) && cases[i].value == -1) {
            conv.act_min = 0;
        }
        *(int32_t *)((char *)&conv + cases[i].field) = cases[i].value;
        assert_int_equal(bt_conv2d_check(&conv, &why), BT_EINVAL);
        assert_string_equal(why.what, cases[i].what);
        assert_int_equal(why.got, cases[i].got);
        assert_int_equal(why.limit, cases[i].limit);
        assert_int_equal(bt_conv2d_check(&conv, NULL), BT_EINVAL);
    }
}

static void test_raw_with_table(void **state)
{
    (void)state;
    struct bt_reason why = {0};
    struct bt_conv2d conv = good();
    conv.raw = true;
    assert_int_equal(bt_conv2d_check(&conv, &why), BT_OK);
    conv.table = true;
    assert_int_equal(bt_conv2d_check(&conv, &why), BT_EINVAL);
    assert_string_equal(why.what, "activation table on raw sums");
    conv.raw = false;
    assert_int_equal(bt_conv2d_check(&conv, &why), BT_OK);
}

/* What int16 layers have and have not: the limits of the clamps, zero points, what makes a layer a SKIP. */
static void test_int16(void **state)
{
    (void)state;
    static const struct {
        int field; /* of the switch below */
        int32_t value;
        enum bt_status status;
        const char *what;
    } cases[] = {
        {0, 0, BT_OK, NULL},
        {1, 1, BT_EINVAL, "int16 input zero point above 0"},
        {2, -1, BT_EINVAL, "int16 output zero point below 0"},
        {3, -32769, BT_EINVAL, "lower clamp below -32768"},
        {4, 32768, BT_EINVAL, "upper clamp above 32767"},
        {4, -32769, BT_EINVAL, "upper clamp below -32768"},
        {5, 65, BT_EINVAL, "kernel height above 64"},
        {6, 1, BT_EUNSUPPORTED, "an activation table, raw sums or pooling in int16"},
        {7, 1, BT_EUNSUPPORTED, "an activation table, raw sums or pooling in int16"},
        {8, 2, BT_EUNSUPPORTED, "an activation table, raw sums or pooling in int16"},
        {9, BT_BF16, BT_EUNSUPPORTED, "number format, int8 and int16 only"},
        {10, 7, BT_OK, NULL}, /* rounding is ignored */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bt_layer layer = {.op = BT_OP_CONV2D, .dtype = BT_S16, .u.conv = good()};
        struct bt_conv2d *conv = &layer.u.conv;
        struct bt_reason why = {0};
        const int field = cases[i].field;
        conv->in_zp = field == 1 ? cases[i].value : 0;
        conv->out_zp = field == 2 ? cases[i].value : 0;
        conv->act_min = field == 3 ? cases[i].value : INT16_MIN;
        conv->act_max = field == 4 ? cases[i].value : INT16_MAX;
        conv->kh = field == 5 ? cases[i].value : conv->kh;
        conv->table = field == 6;
        conv->raw = field == 7;
        layer.pool.kh = field == 8 ? cases[i].value : 0;
        layer.dtype = field == 9 ? (enum bt_dtype)cases[i].value : BT_S16;
        conv->rounding = field == 10 ? (enum bt_rounding)cases[i].value : BT_ROUND_DOUBLE;
        assert_int_equal(bt_layer_check(&layer, &why), cases[i].status);
        assert_true((why.what == NULL) == (cases[i].what == NULL));
        assert_true(why.what == NULL || strcmp(why.what, cases[i].what) == 0);
    }
    struct bt_layer layer = {.op = BT_OP_CONV2D, .dtype = BT_S16};
    assert_int_equal(bt_layer_elem_bytes(&layer), 2);
    assert_int_equal(bt_layer_ofmap_elem_bytes(&layer), 2);
    layer.dtype = BT_S8;
    assert_int_equal(bt_layer_elem_bytes(&layer), 1);
    assert_int_equal(bt_layer_ofmap_elem_bytes(&layer), 1);
    layer.u.conv.raw = true;
    assert_int_equal(bt_layer_ofmap_elem_bytes(&layer), 4);
}

/* Extents that are each allowed and whose product is not: it must be refused, not wrap around. */
static void test_products_beyond_64_bits(void **state)
{
    (void)state;
    struct bt_reason why = {0};
    struct bt_conv2d conv = good();
    conv.groups = 1;
    conv.n = 65536;
    conv.h = 65536;
    conv.w = 65536;
    conv.c_in = 65536;
    assert_int_equal(bt_conv2d_check(&conv, &why), BT_EINVAL);
    assert_non_null(why.what);
    conv = good();
    conv.groups = 1;
    conv.h = 65536;
    conv.w = 65536;
    conv.c_in = 65536;
    conv.c_out = 65536;
    assert_int_equal(bt_conv2d_check(&conv, &why), BT_EINVAL);
}

static void test_accumulator_bound(void **state)
{
    (void)state;
    /* 1040 weights of 127 and one of 8 are 132088; times 255 (in_zp 127) is 33682440. */
    enum { ELEMS = 1041 };
    static int8_t weights[2 * ELEMS];
    struct bt_conv2d conv = good();
    conv.groups = 1;
    conv.h = conv.w = conv.kh = conv.kw = 1;
    conv.c_in = ELEMS;
    conv.c_out = 2;
    for (int i = 0; i < ELEMS; i++) {
        weights[ELEMS + i] = i % 2 == 0 ? 127 : -127; /* magnitudes count, signs do not */
    }
    weights[ELEMS + ELEMS - 1] = 8;

    static const struct {
        int32_t in_zp;
        int64_t product; /* 132088 * max|x - in_zp| */
    } cases[] = {{127, 33682440}, {-128, 33682440}, {0, 16907264}, {-1, 16907264}, {1, 17039352}, {-2, 17039352}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bt_reason why = {0};
        int32_t bias[2] = {INT32_MAX, (int32_t)(INT32_MAX - cases[i].product)};
        conv.in_zp = cases[i].in_zp;
        assert_int_equal(bt_conv2d_check(&conv, NULL), BT_OK);
        assert_int_equal(bt_conv2d_check_acc(&conv, weights, bias, &why), BT_OK);
        assert_int_equal(bt_conv2d_check_acc(&conv, weights, NULL, &why), BT_OK);
        bias[1]++;
        assert_int_equal(bt_conv2d_check_acc(&conv, weights, bias, &why), BT_EOVERFLOW);
        assert_int_equal(why.got, INT64_C(2147483648));
        assert_int_equal(why.limit, INT32_MAX);
        bias[1] = -bias[1];
        assert_int_equal(bt_conv2d_check_acc(&conv, weights, bias, NULL), BT_EOVERFLOW);
        bias[1] = INT32_MIN;
        assert_int_equal(bt_conv2d_check_acc(&conv, weights, bias, &why), BT_EOVERFLOW);
        assert_int_equal(why.got, INT64_C(2147483648) + cases[i].product);
    }
}

/* A bound that itself needs more than 32 bits: 64 x 64 x 1024 weights of 127 are 532676608 before any input. */
static void test_accumulator_bound_beyond_32_bits(void **state)
{
    (void)state;
    struct bt_conv2d conv = good();
    conv.groups = 1;
    conv.h = conv.w = conv.kh = conv.kw = 64;
    conv.c_in = 1024;
    conv.c_out = 1;
    const int64_t elems = bt_conv2d_weight_elems(&conv);
    int8_t *weights = malloc((size_t)elems);
    assert_non_null(weights);
    for (int64_t i = 0; i < elems; i++) {
        weights[i] = -127;
    }
    struct bt_reason why = {0};
    const enum bt_status status = bt_conv2d_check_acc(&conv, weights, NULL, &why);
    free(weights);
    assert_int_equal(status, BT_EOVERFLOW);
    assert_int_equal(why.got, INT64_C(532676608) * 128);
}

/* The ofmap of a layer that pools, and what no layer may pool like. */
static void test_pooled(void **state)
{
    (void)state;
    static const struct {
        struct bt_maxpool pool;
        int32_t oh, ow;
        int32_t needed; /* pixels of the convolution that some window reads */
    } cases[] = {
        {{0}, 12, 9, 12 * 9},
        {{.kh = 2, .kw = 2, .stride_h = 2, .stride_w = 2}, 6, 4, 12 * 8},
        {{.kh = 3, .kw = 3, .stride_h = 2, .stride_w = 2, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1},
         6,
         5,
         12 * 9},
        {{.kh = 12, .kw = 9, .stride_h = 1, .stride_w = 1}, 1, 1, 12 * 9},
        {{.kh = 2, .kw = 1, .stride_h = 3, .stride_w = 5}, 4, 2, 8 * 2},
        {{.kh = 2, .kw = 64, .stride_h = 1, .stride_w = 1, .pad_left = 63, .pad_right = 63, .pad_bottom = 1},
         12,
         72,
         12 * 9},
    };
    struct bt_layer layer = {.op = BT_OP_CONV2D, .u.conv = bt_conv2d_1x1(12, 9, 3, 7)};
    layer.u.conv.n = 2;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        layer.pool = cases[i].pool;
        assert_int_equal(bt_layer_check(&layer, NULL), BT_OK);
        assert_int_equal(bt_layer_oh(&layer), cases[i].oh);
        assert_int_equal(bt_layer_ow(&layer), cases[i].ow);
        assert_int_equal(bt_layer_ofmap_elems(&layer), (int64_t)2 * cases[i].oh * cases[i].ow * 7);
        assert_int_equal(bt_layer_macs(&layer), 2 * cases[i].needed * 3 * 7);
    }
}

static void test_refused_pools(void **state)
{
    (void)state;
    static const struct {
        struct bt_maxpool pool;
        const char *what;
        int64_t got, limit;
    } cases[] = {
        {{65, 1, 1, 1, 0, 0, 0, 0}, "pool's kernel height above 64", 65, BT_MAX_KERNEL},
        {{-1, 1, 1, 1, 0, 0, 0, 0}, "pool's kernel height below 1", -1, 1},
        {{1, 0, 1, 1, 0, 0, 0, 0}, "pool's kernel width below 1", 0, 1},
        {{1, 1, 0, 1, 0, 0, 0, 0}, "pool's vertical stride below 1", 0, 1},
        {{1, 1, 1, 65537, 0, 0, 0, 0}, "pool's horizontal stride above 65536", 65537, BT_MAX_DIM},
        {{2, 1, 1, 1, -1, 0, 0, 0}, "pool's top padding below 0", -1, 0},
        {{2, 1, 1, 1, 2, 0, 0, 0}, "pool's padding not below its kernel", 2, 1},
        {{2, 1, 1, 1, 0, 2, 0, 0}, "pool's padding not below its kernel", 2, 1},
        {{2, 1, 1, 1, 0, 0, 1, 0}, "pool's padding not below its kernel", 1, 0},
        {{2, 1, 1, 1, 0, 0, 0, 1}, "pool's padding not below its kernel", 1, 0},
        {{14, 1, 1, 1, 1, 0, 0, 0}, "pool's kernel higher than the padded ofmap", 14, 13},
        {{1, 11, 1, 1, 0, 0, 0, 1}, "pool's kernel wider than the padded ofmap", 11, 10},
    };
    struct bt_layer layer = {.op = BT_OP_CONV2D, .u.conv = bt_conv2d_1x1(12, 9, 3, 7)};
    struct bt_reason why = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        layer.pool = cases[i].pool;
        assert_int_equal(bt_layer_check(&layer, &why), BT_EINVAL);
        assert_string_equal(why.what, cases[i].what);
        assert_int_equal(why.got, cases[i].got);
        assert_int_equal(why.limit, cases[i].limit);
    }
    layer.pool = (struct bt_maxpool){1, 1, 1, 1, 0, 0, 0, 0};
    layer.u.conv.raw = true;
    assert_int_equal(bt_layer_check(&layer, &why), BT_EINVAL);
    assert_string_equal(why.what, "max-pooling of raw sums");
    layer.u.conv = bt_conv2d_1x1(BT_MAX_DIM, 1, 1, 1);
    layer.pool = (struct bt_maxpool){2, 1, 1, 1, 1, 1, 0, 0};
    assert_int_equal(bt_layer_check(&layer, &why), BT_EINVAL);
    assert_string_equal(why.what, "pooled height above the largest extent");
    layer.u.conv = bt_conv2d_1x1(1, BT_MAX_DIM, 1, 1);
    layer.pool = (struct bt_maxpool){1, 2, 1, 1, 0, 0, 1, 1};
    assert_int_equal(bt_layer_check(&layer, &why), BT_EINVAL);
    assert_string_equal(why.what, "pooled width above the largest extent");
    layer.u.conv.kh = 0;
    assert_int_equal(bt_layer_check(&layer, &why), BT_EINVAL);
    assert_int_equal(why.got, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_extents),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_raw_with_table),
        cmocka_unit_test(test_int16),
        cmocka_unit_test(test_products_beyond_64_bits),
        cmocka_unit_test(test_accumulator_bound),
        cmocka_unit_test(test_accumulator_bound_beyond_32_bits),
        cmocka_unit_test(test_pooled),
        cmocka_unit_test(test_refused_pools),
    };
    return cmocka_run_group_tests_name("bt_conv2d", tests, NULL, NULL);
}
