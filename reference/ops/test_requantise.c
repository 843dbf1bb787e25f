/* Rounding, tie by tie: against hand-computed values, against gemmlowp's own wording, and against wide integers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "reference/ops/quantise_multiplier.h"
#include "reference/ops/requantise.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const int32_t edges[] = {
    INT32_MIN,
    INT32_MIN + 1,
    INT32_MIN + 2,
    -(1 << 30) - 1,
    -(1 << 30),
    -(1 << 30) + 1,
    -65537,
    -65536,
    -65535,
    -1000,
    -256,
    -129,
    -128,
    -127,
    -7,
    -6,
    -5,
    -4,
    -3,
    -2,
    -1,
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    126,
    127,
    128,
    255,
    256,
    1000,
    32767,
    32768,
    65535,
    65536,
    (1 << 30) - 1,
    1 << 30,
    (1 << 30) + 1,
    INT32_MAX - 2,
    INT32_MAX - 1,
    INT32_MAX,
};

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* ---- gemmlowp, word for word ---- */

static int32_t gemmlowp_high_mul(int32_t a, int32_t b)
{
    if (a == INT32_MIN && b == INT32_MIN) {
        return INT32_MAX;
    }
    const int64_t ab = (int64_t)a * b;
    const int32_t nudge = ab >= 0 ? (1 << 30) : (1 - (1 << 30));
    return (int32_t)((ab + nudge) / (INT64_C(1) << 31));
}

static int32_t gemmlowp_divide_by_pot(int32_t x, int exponent)
{
    const int32_t mask = (int32_t)((INT64_C(1) << exponent) - 1);
    const int32_t remainder = x & mask;
    const int32_t threshold = (mask >> 1) + ((x < 0) & 1);
    return (x >> exponent) + ((remainder > threshold) & 1);
}

/* ---- the tests ---- */

static void test_high_mul_by_hand(void **state)
{
    (void)state;
    static const struct {
        int32_t a, b, expected;
    } cases[] = {
        {INT32_MIN, INT32_MIN, INT32_MAX}, /* the one overflow */
        {INT32_MIN, INT32_MAX, -INT32_MAX},
        {INT32_MAX, INT32_MAX, INT32_MAX - 1},
        {INT32_MIN, 1 << 30, -(1 << 30)},
        {1, 1 << 30, 1},  /* 0.5 ties upwards */
        {-1, 1 << 30, 0}, /* -0.5 ties upwards */
        {3, 1 << 30, 2},  /* 1.5 */
        {-3, 1 << 30, -1},
        {1, (1 << 30) - 1, 0},
        {-1, (1 << 30) + 1, -1},
        {5, 0, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(ref_saturating_rounding_doubling_high_mul(cases[i].a, cases[i].b), cases[i].expected);
    }
}

static void test_divide_by_hand(void **state)
{
    (void)state;
    static const struct {
        int32_t x, exponent, expected;
    } cases[] = {
        {5, 0, 5},
        {-5, 0, -5},
        {1, 1, 1},
        {-1, 1, -1},
        {3, 1, 2},
        {-3, 1, -2},
        {2, 2, 1},
        {-2, 2, -1},
        {1, 2, 0},
        {-1, 2, 0},
        {6, 2, 2},
        {-6, 2, -2},
        {5, 2, 1},
        {-5, 2, -1},
        {7, 2, 2},
        {-7, 2, -2},
        {INT32_MAX, 31, 1},
        {INT32_MIN, 31, -1},
        {1 << 30, 31, 1},
        {(1 << 30) - 1, 31, 0},
        {-(1 << 30), 31, -1},
        {-(1 << 30) + 1, 31, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(ref_rounding_divide_by_pot(cases[i].x, cases[i].exponent), cases[i].expected);
    }
}

static void test_equals_gemmlowp(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (size_t i = 0; i < COUNT(edges); i++) {
        for (size_t k = 0; k < COUNT(edges); k++) {
            assert_int_equal(ref_saturating_rounding_doubling_high_mul(edges[i], edges[k]),
                             gemmlowp_high_mul(edges[i], edges[k]));
        }
        for (int exponent = 0; exponent <= 31; exponent++) {
            assert_int_equal(ref_rounding_divide_by_pot(edges[i], exponent),
                             gemmlowp_divide_by_pot(edges[i], exponent));
        }
    }
    for (int i = 0; i < 200000; i++) {
        const int32_t a = (int32_t)(next_random(&seed) >> 32) >> (i % 32);
        const int32_t b = (int32_t)(next_random(&seed) >> 32) >> (i / 32 % 32);
        assert_int_equal(ref_saturating_rounding_doubling_high_mul(a, b), gemmlowp_high_mul(a, b));
        assert_int_equal(ref_rounding_divide_by_pot(a, i % 32), gemmlowp_divide_by_pot(a, i % 32));
    }
}

static void test_requantise_by_hand(void **state)
{
    (void)state;
    static const struct {
        int32_t acc, mult, shift, twice, once;
    } cases[] = {
        {100, 1 << 30, 0, 50, 50},
        {101, 1 << 30, 0, 51, 51},    /* 50.5: upwards */
        {-101, 1 << 30, 0, -50, -50}, /* -50.5: upwards by the multiplication */
        {101, 1 << 30, 1, 101, 101},  /* exactly one */
        {-128, 1 << 30, 1, -128, -128},
        {10, 1 << 30, -1, 3, 3},    /* 2.5: 5, then away from zero */
        {-10, 1 << 30, -1, -3, -2}, /* -2.5: away from zero; once: upwards */
        {-9, 1 << 30, -1, -2, -2},  /* -2.25 */
        {9, 1 << 30, -1, 3, 2},     /* 2.25: 4.5 is 5, 2.5 is 3; once: 2 */
        {5, 0, 3, 0, 0},
        {INT32_MAX, INT32_MAX, 0, INT32_MAX - 1, INT32_MAX - 1},
        {INT32_MIN, INT32_MAX, 0, -INT32_MAX, -INT32_MAX},
        {INT32_MIN, INT32_MAX, -31, -1, -1},
        {INT32_MAX, INT32_MAX, -31, 1, 1},
        {1 << 30, 1 << 30, -31, 0, 0}, /* 0.25: 2^29, then to nearest */
        {2, 1 << 30, 30, 1 << 30, 1 << 30},
        {4, 1 << 30, 30, 1 << 30, INT32_MAX}, /* the left shift saturates; once: the result does */
        {-4, 1 << 30, 30, -(1 << 30), INT32_MIN},
        {-5, INT32_MAX, 30, -INT32_MAX, INT32_MIN},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(ref_requantise(cases[i].acc, cases[i].mult, cases[i].shift, BT_ROUND_DOUBLE), cases[i].twice);
        assert_int_equal(ref_requantise(cases[i].acc, cases[i].mult, cases[i].shift, BT_ROUND_SINGLE), cases[i].once);
    }
}

/* floor(p / 2^s + 1/2) by quotient and remainder, so that nothing is shared with the code under test. */
static int64_t nearest_upwards(int64_t p, int s)
{
    const int64_t divisor = INT64_C(1) << s;
    const int64_t remainder = (p % divisor + divisor) % divisor;
    return (p - remainder) / divisor + (remainder >= divisor / 2 ? 1 : 0);
}

static int64_t saturated(int64_t x)
{
    return x > INT32_MAX ? INT32_MAX : x < INT32_MIN ? INT32_MIN : x;
}

static void check_requantise(int32_t acc, int32_t mult, int32_t shift)
{
    const int64_t once = saturated(nearest_upwards((int64_t)acc * mult, 31 - shift));
    assert_int_equal(ref_requantise(acc, mult, shift, BT_ROUND_SINGLE), once);

    const int64_t shifted = saturated(acc * (INT64_C(1) << (shift > 0 ? shift : 0)));
    const int32_t twice = gemmlowp_divide_by_pot(gemmlowp_high_mul((int32_t)shifted, mult), shift > 0 ? 0 : -shift);
    assert_int_equal(ref_requantise(acc, mult, shift, BT_ROUND_DOUBLE), twice);
}

static void test_requantise_over_the_range(void **state)
{
    (void)state;
    static const int32_t mults[] = {0, 1, (1 << 30) - 1, 1 << 30, (1 << 30) + 1, 1518500250, INT32_MAX - 1, INT32_MAX};
    uint64_t seed = 2;
    for (size_t i = 0; i < COUNT(edges); i++) {
        for (size_t k = 0; k < COUNT(mults); k++) {
            for (int32_t shift = -31; shift <= 30; shift++) {
                check_requantise(edges[i], mults[k], shift);
            }
        }
    }
    for (int i = 0; i < 500000; i++) {
        const int32_t acc = (int32_t)(next_random(&seed) >> 32) >> (i % 31);
        const int32_t mult = (int32_t)(next_random(&seed) >> 33);
        check_requantise(acc, mult, (int32_t)(next_random(&seed) % 62) - 31);
    }
}

static void test_requantise_s64(void **state)
{
    (void)state;
    static const struct {
        int64_t acc;
        int32_t mult, shift, expected;
    } cases[] = {
        {100, 1 << 30, 0, 50},
        {101, 1 << 30, 0, 51},
        {-101, 1 << 30, 0, -50},
        {3, INT32_MAX, 0, 3},                      /* reduced to 32767: 2.9999 */
        {65536, INT32_MAX, 0, 65534},              /* 65536 * 32767 / 32768 */
        {100000, (1 << 30) + (1 << 15), 0, 50003}, /* a tie of the reduction goes up: 16385 */
        {100000, (1 << 30) + (1 << 15) - 1, 0, 50000},
        {INT64_C(1) << 46, 1 << 30, 0, INT32_MAX},
        {-(INT64_C(1) << 47), INT32_MAX, 7, INT32_MIN},
        {-(INT64_C(1) << 47), INT32_MAX, -31, -65534}, /* -2^47 * 32767 / 2^46 */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(ref_requantise_s64(cases[i].acc, cases[i].mult, cases[i].shift), cases[i].expected);
    }
}

static void test_finish(void **state)
{
    (void)state;
    int8_t negated[256];
    for (int q = -128; q <= 127; q++) {
        negated[q + 128] = (int8_t)(q == -128 ? 127 : -q);
    }
    struct bt_conv2d conv = {.out_zp = 10, .act_min = -20, .act_max = 100};
    assert_int_equal(ref_conv2d_finish(&conv, 50, 1 << 30, 1, NULL), 60);
    assert_int_equal(ref_conv2d_finish(&conv, 91, 1 << 30, 1, NULL), 100);
    assert_int_equal(ref_conv2d_finish(&conv, -31, 1 << 30, 1, NULL), -20);
    assert_int_equal(ref_conv2d_finish(&conv, INT32_MAX, INT32_MAX, 30, NULL), 100);
    assert_int_equal(ref_conv2d_finish(&conv, INT32_MIN, INT32_MAX, 30, NULL), -20);
    assert_int_equal(ref_conv2d_finish(&conv, 50, 1 << 30, 1, negated), -60); /* the table follows the clamp */
    conv.act_min = -128;
    conv.out_zp = -128;
    assert_int_equal(ref_conv2d_finish(&conv, 0, 1 << 30, 1, negated), 127);
    assert_int_equal(ref_offset_clamp(INT32_MIN, -128, -128, 127), -128);
    assert_int_equal(ref_offset_clamp(INT32_MAX, 127, -128, 127), 127);
}

static void test_quantise_multiplier(void **state)
{
    (void)state;
    static const struct {
        double real;
        int32_t mult, shift;
    } cases[] = {
        {0, 0, 0},
        {0.25, 1 << 30, -1},
        {0.5, 1 << 30, 0},
        {1, 1 << 30, 1},
        {0.75, 3 << 29, 0},
        {3, 3 << 29, 2},
        {1 - 0x1p-33, 1 << 30, 1}, /* the mantissa rounds up to 2^31 */
        {0x1p-32, 1 << 30, -31},
        {0x1p-33, 0, 0}, /* too small */
        {0x1p29, 1 << 30, 30},
    };
    int32_t mult = 7;
    int32_t shift = 7;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(ref_quantise_multiplier(cases[i].real, &mult, &shift), BT_OK);
        assert_int_equal(mult, cases[i].mult);
        assert_int_equal(shift, cases[i].shift);
    }
    const double refused[] = {-1, 0x1p30, 0x1p30 - 0x1p-10, strtod("nan", NULL), strtod("inf", NULL)};
    mult = 7;
    for (size_t i = 0; i < COUNT(refused); i++) {
        assert_int_equal(ref_quantise_multiplier(refused[i], &mult, &shift), BT_EINVAL);
        assert_int_equal(mult, 7);
    }
}

/* Planted faults: the usual slips in this arithmetic must each differ from the truth somewhere in the edge table. */
static int32_t truncating(int32_t acc, int32_t mult, int32_t shift)
{
    return (int32_t)(((int64_t)acc * mult) >> (31 - shift));
}

static int32_t ties_to_even(int32_t acc, int32_t mult, int32_t shift)
{
    const int64_t product = (int64_t)acc * mult;
    const int64_t half = INT64_C(1) << (30 - shift);
    const int64_t up = (product + half) >> (31 - shift);
    return (int32_t)((product & (2 * half - 1)) == half && (up & 1) != 0 ? up - 1 : up);
}

static int32_t second_rounding_upwards(int32_t acc, int32_t mult, int32_t shift)
{
    const int32_t high = gemmlowp_high_mul(acc, mult);
    return shift == 0 ? high : (int32_t)(((int64_t)high + (INT64_C(1) << (-shift - 1))) >> -shift);
}

static void test_slips_are_caught(void **state)
{
    (void)state;
    int32_t (*const slips[])(int32_t, int32_t, int32_t) = {truncating, ties_to_even, second_rounding_upwards};
    for (size_t slip = 0; slip < COUNT(slips); slip++) {
        int twice = 0;
        int once = 0;
        for (size_t i = 0; i < COUNT(edges); i++) {
            for (int32_t shift = -3; shift <= 0; shift++) {
                const int32_t wrong = slips[slip](edges[i], 1 << 30, shift);
                twice += wrong != ref_requantise(edges[i], 1 << 30, shift, BT_ROUND_DOUBLE);
                once += wrong != ref_requantise(edges[i], 1 << 30, shift, BT_ROUND_SINGLE);
            }
        }
        assert_true(twice > 0);
        assert_true(once > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_high_mul_by_hand),
        cmocka_unit_test(test_divide_by_hand),
        cmocka_unit_test(test_equals_gemmlowp),
        cmocka_unit_test(test_requantise_by_hand),
        cmocka_unit_test(test_requantise_over_the_range),
        cmocka_unit_test(test_requantise_s64),
        cmocka_unit_test(test_finish),
        cmocka_unit_test(test_quantise_multiplier),
        cmocka_unit_test(test_slips_are_caught),
    };
    return cmocka_run_group_tests_name("requantise", tests, NULL, NULL);
}
