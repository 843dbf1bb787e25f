/* Pools: by hand, ties included, and what they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reference/ops/avgpool_s16.h"
#include "reference/ops/avgpool_s8.h"
#include "reference/ops/maxpool_s16.h"
#include "reference/ops/maxpool_s8.h"
#include "reference/ops/pool2d_s8_fast.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct ref_pool2d whole(int32_t h, int32_t w)
{
    return (struct ref_pool2d){
        .n = 1,
        .h = h,
        .w = w,
        .c = 1,
        .kh = h,
        .kw = w,
        .stride_h = 1,
        .stride_w = 1,
        .act_min = -128,
        .act_max = 127,
    };
}

static void test_average_ties(void **state)
{
    (void)state;
    static const struct {
        int8_t in[4];
        int32_t elems;
        int8_t expected;
    } cases[] = {
        {{1, 2}, 2, 2},
        {{-1, -2}, 2, -2},
        {{0, 1}, 2, 1},
        {{0, -1}, 2, -1},
        {{1, 1, 2}, 3, 1},
        {{1, 2, 2}, 3, 2},
        {{-1, -1, -2}, 3, -1},
        {{-1, -2, -2}, 3, -2},
        {{0, 0, 0, 2}, 4, 1},
        {{0, 0, 0, -2}, 4, -1},
        {{0, 0, 0, 1}, 4, 0},
        {{127, 127, 127, 127}, 4, 127},
        {{-128, -128, -128, -128}, 4, -128},
        {{5}, 1, 5},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct ref_pool2d pool = whole(1, cases[i].elems);
        int8_t out = 99;
        assert_int_equal(ref_avgpool_s8(&pool, cases[i].in, &out), BT_OK);
        assert_int_equal(out, cases[i].expected);
        int16_t wide[4];
        int16_t wide_out = 99;
        for (int k = 0; k < 4; k++) {
            wide[k] = cases[i].in[k];
        }
        assert_int_equal(ref_avgpool_s16(&pool, wide, &wide_out), BT_OK);
        assert_int_equal(wide_out, cases[i].expected);
    }
}

/* 3 x 3 windows with stride 2 over 4 x 4, padded by one: corners see four elements, edges six. */
static void test_padding_is_empty(void **state)
{
    (void)state;
    const int8_t ifmap[] = {-1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12, -13, -14, -15, -16};
    struct ref_pool2d pool = whole(4, 4);
    pool.kh = pool.kw = 3;
    pool.stride_h = pool.stride_w = 2;
    pool.pad_top = pool.pad_left = 1;
    assert_int_equal(ref_pool2d_oh(&pool), 2);
    int8_t out[4];
    assert_int_equal(ref_maxpool_s8(&pool, ifmap, out), BT_OK);
    const int8_t max[] = {-1, -2, -5, -6};
    assert_memory_equal(out, max, sizeof(max));
    assert_int_equal(ref_avgpool_s8(&pool, ifmap, out), BT_OK);
    const int8_t average[] = {-4, -5, -10, -11}; /* -14/4 = -3.5; -30/6; -57/6 = -9.5; -99/9 */
    assert_memory_equal(out, average, sizeof(average));

    pool.act_min = -9;
    pool.act_max = -5;
    assert_int_equal(ref_maxpool_s8(&pool, ifmap, out), BT_OK);
    const int8_t clamped_max[] = {-5, -5, -5, -6};
    assert_memory_equal(out, clamped_max, sizeof(clamped_max));
    assert_int_equal(ref_avgpool_s8(&pool, ifmap, out), BT_OK);
    const int8_t clamped_average[] = {-5, -5, -9, -9};
    assert_memory_equal(out, clamped_average, sizeof(clamped_average));
}

/* Batches and channels keep apart; strides differ in the two directions. */
static void test_layout(void **state)
{
    (void)state;
    int16_t ifmap[2 * 3 * 4 * 2];
    for (int i = 0; i < (int)COUNT(ifmap); i++) {
        ifmap[i] = (int16_t)(i % 2 == 0 ? i * 100 : -i * 100);
    }
    struct ref_pool2d pool = whole(3, 4);
    pool.n = 2;
    pool.c = 2;
    pool.kh = pool.kw = 2;
    pool.stride_w = 2;
    pool.act_min = -32768;
    pool.act_max = 32767;
    assert_int_equal(ref_pool2d_oh(&pool), 2);
    assert_int_equal(ref_pool2d_ow(&pool), 2);
    int16_t out[16];
    assert_int_equal(ref_maxpool_s16(&pool, ifmap, out), BT_OK);
    const int16_t expected[] = {1000, -100,  1400, -500,  1800, -900,  2200, -1300,
                                3400, -2500, 3800, -2900, 4200, -3300, 4600, -3700};
    assert_memory_equal(out, expected, sizeof(expected));
}

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static int32_t between(uint64_t *state, int32_t min, int32_t max)
{
    return min + (int32_t)(next_random(state) % ((uint64_t)max - min + 1));
}

#define POOLS 400

static void test_fast_equals_plain(void **state)
{
    (void)state;
    uint64_t seed = 31;
    int made = 0;
    while (made < POOLS) {
        struct ref_pool2d pool = whole(between(&seed, 1, 9), between(&seed, 1, 9));
        pool.n = between(&seed, 1, 2);
        pool.c = between(&seed, 1, 140);
        pool.kh = between(&seed, 1, 9);
        pool.kw = between(&seed, 1, 9);
        pool.stride_h = between(&seed, 1, 3);
        pool.stride_w = between(&seed, 1, 3);
        pool.pad_top = between(&seed, 0, pool.kh / 2);
        pool.pad_bottom = between(&seed, 0, pool.kh / 2);
        pool.pad_left = between(&seed, 0, pool.kw / 2);
        pool.pad_right = between(&seed, 0, pool.kw / 2);
        pool.act_min = between(&seed, 0, 1) == 0 ? -128 : between(&seed, -128, 0);
        pool.act_max = between(&seed, 0, 1) == 0 ? 127 : between(&seed, 0, 127);
        if (ref_pool2d_check(&pool, -128, 127, NULL) != BT_OK) {
            continue;
        }
        made++;
        const size_t in = (size_t)pool.n * (size_t)pool.h * (size_t)pool.w * (size_t)pool.c;
        const size_t out =
            (size_t)pool.n * (size_t)ref_pool2d_oh(&pool) * (size_t)ref_pool2d_ow(&pool) * (size_t)pool.c;
        int8_t *ifmap = malloc(in);
        int8_t *plain = malloc(2 * out);
        int8_t *fast = malloc(out);
        assert_true(ifmap != NULL && plain != NULL && fast != NULL);
        for (size_t i = 0; i < in; i++) {
            ifmap[i] = (int8_t)between(&seed, -128, 127);
        }
        assert_int_equal(ref_maxpool_s8(&pool, ifmap, plain), BT_OK);
        assert_int_equal(ref_avgpool_s8(&pool, ifmap, plain + out), BT_OK);
        for (enum ref_isa isa = REF_ISA_BASE; isa < REF_ISA_COUNT; isa++) {
            if (ref_isa_available(isa)) {
                assert_int_equal(ref_maxpool_s8_fast(&pool, isa, ifmap, fast), BT_OK);
                assert_memory_equal(fast, plain, out);
                assert_int_equal(ref_avgpool_s8_fast(&pool, isa, ifmap, fast), BT_OK);
                assert_memory_equal(fast, plain + out, out);
            }
        }
        free(ifmap);
        free(plain);
        free(fast);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    const int8_t ifmap[16] = {0};
    const struct {
        size_t field;
        int32_t value;
    } cases[] = {
        {offsetof(struct ref_pool2d, n), 0},
        {offsetof(struct ref_pool2d, h), 0},
        {offsetof(struct ref_pool2d, w), 65537},
        {offsetof(struct ref_pool2d, c), -1},
        {offsetof(struct ref_pool2d, kh), 0},
        {offsetof(struct ref_pool2d, kh), 5},
        {offsetof(struct ref_pool2d, kw), 5},
        {offsetof(struct ref_pool2d, stride_h), 0},
        {offsetof(struct ref_pool2d, stride_w), 0},
        {offsetof(struct ref_pool2d, pad_top), -1},
        {offsetof(struct ref_pool2d, pad_right), 65537},
        {offsetof(struct ref_pool2d, pad_top), 4},    /* the first window would lie in the padding */
        {offsetof(struct ref_pool2d, pad_bottom), 4}, /* the last one would */
        {offsetof(struct ref_pool2d, pad_left), 4},
        {offsetof(struct ref_pool2d, pad_right), 4},
        {offsetof(struct ref_pool2d, act_min), -129},
        {offsetof(struct ref_pool2d, act_max), 128},
        {offsetof(struct ref_pool2d, act_max), -129},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ref_pool2d pool = whole(4, 4);
        struct bt_reason why = {0};
        int8_t out = 99;
        *(int32_t *)((char *)&pool + cases[i].field) = cases[i].value;
        assert_int_equal(ref_pool2d_check(&pool, -128, 127, &why), BT_EINVAL);
        assert_non_null(why.what);
        assert_int_equal(ref_maxpool_s8(&pool, ifmap, &out), BT_EINVAL);
        assert_int_equal(ref_avgpool_s8(&pool, ifmap, &out), BT_EINVAL);
        assert_int_equal(ref_maxpool_s8_fast(&pool, REF_ISA_BASE, ifmap, &out), BT_EINVAL);
        assert_int_equal(ref_avgpool_s8_fast(&pool, REF_ISA_BASE, ifmap, &out), BT_EINVAL);
        assert_int_equal(out, 99);
    }
    struct ref_pool2d pool = whole(4, 4);
    int8_t out = 99;
    assert_int_equal(ref_maxpool_s8(NULL, ifmap, &out), BT_EINVAL);
    assert_int_equal(ref_maxpool_s8(&pool, NULL, &out), BT_EINVAL);
    assert_int_equal(ref_maxpool_s8(&pool, ifmap, NULL), BT_EINVAL);
    assert_int_equal(ref_avgpool_s8_fast(&pool, REF_ISA_COUNT, ifmap, &out), BT_EINVAL);
    pool.act_min = -32769;
    int16_t wide = 0;
    assert_int_equal(ref_avgpool_s16(&pool, &wide, &wide), BT_EINVAL);
    assert_int_equal(ref_maxpool_s16(&pool, &wide, &wide), BT_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_average_ties), cmocka_unit_test(test_padding_is_empty),
        cmocka_unit_test(test_layout),       cmocka_unit_test(test_fast_equals_plain),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("pool2d", tests, NULL, NULL);
}
