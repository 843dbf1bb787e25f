/* Rows of sums in vectors against one sum after the other, on every instruction set of this machine; and tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reference/ops/requantise.h"
#include "reference/ops/requantise_rows.h"
#include "reference/ops/table_s8_fast.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MOST_CHANNELS 200
#define MOST_PIXELS 70
#define CASES 1500

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
    return (int32_t)(min + (int64_t)(next_random(state) % (uint64_t)((int64_t)max - min + 1)));
}

/* ---- a layer and its sums ---- */

struct rows {
    struct bt_conv2d conv;
    int64_t pixels;
    int32_t first, count;
    int32_t add[MOST_CHANNELS], mult[MOST_CHANNELS], shift[MOST_CHANNELS];
    int8_t table[256];
    int32_t sums[MOST_PIXELS * MOST_CHANNELS];
};

/* From where rounding decides to where everything saturates. */
static int32_t any_sum(uint64_t *state, int32_t mult, int32_t shift)
{
    static const int32_t ends[] = {INT32_MIN, INT32_MIN + 1, -1, 0, 1, INT32_MAX - 1, INT32_MAX};
    const int32_t kind = between(state, 0, 9);
    if (kind == 0) {
        return ends[between(state, 0, (int32_t)COUNT(ends) - 1)];
    }
    if (kind == 1) {
        return between(state, INT32_MIN, INT32_MAX);
    }
    /* Near the sum whose quotient is a small number and a half. */
    const double scale =
        mult / 2147483648.0 * (shift >= 0 ? (double)(1 << shift) : 1.0 / (double)(INT64_C(1) << -shift));
    const double wanted = scale > 0 ? (between(state, -300, 300) + 0.5) / scale : 0;
    return wanted > 2147483640.0 || wanted < -2147483640.0 ? between(state, INT32_MIN, INT32_MAX)
                                                           : (int32_t)wanted + between(state, -3, 3);
}

static int32_t any_mult(uint64_t *state)
{
    static const int32_t ends[] = {0, 1, 1 << 30, (1 << 30) + 1, INT32_MAX - 1, INT32_MAX};
    return between(state, 0, 3) != 0 ? between(state, 1 << 30, INT32_MAX)
                                     : ends[between(state, 0, (int32_t)COUNT(ends) - 1)];
}

static void make_rows(uint64_t *state, struct rows *rows)
{
    static const int32_t channels[] = {1, 6, 8, 10, 15, 16, 17, 24, 32, 33, 48, 64, 65, 80, 96, 128, 129, 192};
    /* Layers as they are, any shift, and the ends of the range. */
    static const int32_t shifts[][2] = {{-12, -5}, {-31, 30}, {-1, 1}, {-31, -27}, {-20, 0}};
    const int32_t *range = shifts[between(state, 0, (int32_t)COUNT(shifts) - 1)];
    const bool whole = between(state, 0, 2) != 0;
    rows->conv = (struct bt_conv2d){
        .c_out = channels[between(state, 0, (int32_t)COUNT(channels) - 1)],
        .out_zp = between(state, -128, 127),
        .act_min = between(state, 0, 1) == 0 ? -128 : between(state, -128, 0),
        .act_max = between(state, 0, 1) == 0 ? 127 : between(state, 0, 127),
        .rounding = between(state, 0, 1) == 0 ? BT_ROUND_DOUBLE : BT_ROUND_SINGLE,
        .table = between(state, 0, 2) == 0,
    };
    rows->pixels = between(state, 1, between(state, 0, 3) == 0 ? MOST_PIXELS : 5);
    rows->count = whole ? rows->conv.c_out : between(state, 1, rows->conv.c_out);
    rows->first = whole ? 0 : between(state, 0, rows->conv.c_out - rows->count);
    for (int32_t c = 0; c < rows->conv.c_out; c++) {
        rows->add[c] =
            between(state, 0, 3) == 0 ? between(state, INT32_MIN, INT32_MAX) : between(state, -100000, 100000);
        rows->mult[c] = any_mult(state);
        rows->shift[c] = between(state, range[0], range[1]);
    }
    for (int i = 0; i < 256; i++) {
        rows->table[i] = (int8_t)between(state, -128, 127);
    }
    for (int64_t i = 0; i < rows->pixels * rows->count; i++) {
        const int32_t c = rows->first + (int32_t)(i % rows->count);
        const uint32_t sum = (uint32_t)any_sum(state, rows->mult[c], rows->shift[c]);
        rows->sums[i] = (int32_t)(sum - (uint32_t)rows->add[c]);
    }
}

static struct ref_requantiser *requantiser_of(const struct rows *rows, enum ref_isa isa)
{
    struct ref_requantiser *made = NULL;
    assert_int_equal(ref_requantiser_new(&rows->conv, rows->add, rows->mult, rows->shift, rows->table, isa, &made),
                     BT_OK);
    return made;
}

/* Outputs that differ from ref_conv2d_finish(), and bytes outside them that were touched; `channels` counts by channel. */
static int differing(const struct rows *rows, const struct ref_requantiser *requantiser, int channels[MOST_CHANNELS])
{
    static int8_t out[MOST_PIXELS * MOST_CHANNELS + 64];
    int found = 0;
    memset(out, 77, sizeof(out));
    ref_requantise_rows(requantiser, rows->sums, rows->pixels, rows->first, rows->count, out + rows->first);
    for (int64_t i = 0; i < (int64_t)sizeof(out); i++) {
        const int32_t c = (int32_t)(i % rows->conv.c_out);
        const int64_t p = i / rows->conv.c_out;
        const bool inside = p < rows->pixels && c >= rows->first && c < rows->first + rows->count;
        int8_t expected = 77;
        if (inside) {
            const uint32_t sum = (uint32_t)rows->sums[p * rows->count + c - rows->first] + (uint32_t)rows->add[c];
            expected = ref_conv2d_finish(&rows->conv, (int32_t)sum, rows->mult[c], rows->shift[c],
                                         rows->conv.table ? rows->table : NULL);
        }
        if (out[i] != expected) {
            found++;
            channels[c]++;
        }
    }
    return found;
}

static void test_equals_finish(void **state)
{
    (void)state;
    for (enum ref_isa isa = REF_ISA_BASE; isa < REF_ISA_COUNT; isa++) {
        uint64_t seed = 5;
        if (!ref_isa_available(isa)) {
            print_message("requantise_rows: this machine does not have instruction set %d\n", (int)isa);
            continue;
        }
        for (int i = 0; i < CASES; i++) {
            static struct rows rows;
            int channels[MOST_CHANNELS] = {0};
            make_rows(&seed, &rows);
            struct ref_requantiser *requantiser = requantiser_of(&rows, isa);
            const int found = differing(&rows, requantiser, channels);
            ref_requantiser_free(requantiser);
            if (found != 0) {
                fail_msg("instruction set %d, case %d: %d outputs differ", (int)isa, i, found);
            }
        }
    }
}

/* ---- planted: one lane that is a little wrong, and the other way of rounding ---- */

/* A layer whose every channel sees ties and the values next to them. */
static void make_planted(struct rows *rows, int32_t c_out, enum bt_rounding rounding)
{
    uint64_t seed = 9;
    rows->conv =
        (struct bt_conv2d){.c_out = c_out, .out_zp = -7, .act_min = -128, .act_max = 127, .rounding = rounding};
    rows->pixels = MOST_PIXELS;
    rows->first = 0;
    rows->count = c_out;
    for (int32_t c = 0; c < c_out; c++) {
        rows->add[c] = between(&seed, -1000, 1000);
        rows->mult[c] = 1 << 30;
        rows->shift[c] = -between(&seed, 1, 8);
    }
    for (int32_t i = 0; i < MOST_PIXELS * c_out; i++) {
        const int32_t c = i % c_out;
        const int32_t p = i / c_out;
        /* One below a tie, on it, one above, of both signs: mult is a half. */
        rows->sums[i] = (2 * (p / 3 - MOST_PIXELS / 6) + 1) * (1 << -rows->shift[c]) + p % 3 - 1 - rows->add[c];
    }
}

static void test_one_wrong_lane_is_caught(void **state)
{
    (void)state;
    static const int32_t widths[] = {6, 16, 24, 64, 192};
    for (enum ref_isa isa = REF_ISA_BASE; isa < REF_ISA_COUNT; isa++) {
        for (size_t w = 0; ref_isa_available(isa) && w < COUNT(widths); w++) {
            for (int32_t lane = 0; lane < widths[w]; lane++) {
                static struct rows rows;
                int channels[MOST_CHANNELS] = {0};
                make_planted(&rows, widths[w], BT_ROUND_DOUBLE);
                rows.add[lane]++; /* the smallest fault there is: a sum that is one off */
                struct ref_requantiser *planted = requantiser_of(&rows, isa);
                rows.add[lane]--;
                const int found = differing(&rows, planted, channels);
                ref_requantiser_free(planted);
                assert_true(found > 0);
                assert_int_equal(channels[lane], found);
            }
        }
    }
}

static void test_other_rounding_is_caught(void **state)
{
    (void)state;
    for (enum ref_isa isa = REF_ISA_BASE; isa < REF_ISA_COUNT; isa++) {
        for (int rounding = 0; ref_isa_available(isa) && rounding < 2; rounding++) {
            static struct rows rows;
            int channels[MOST_CHANNELS] = {0};
            make_planted(&rows, 64, rounding == 0 ? BT_ROUND_SINGLE : BT_ROUND_DOUBLE);
            struct ref_requantiser *planted = requantiser_of(&rows, isa);
            rows.conv.rounding = rounding == 0 ? BT_ROUND_DOUBLE : BT_ROUND_SINGLE;
            assert_true(differing(&rows, planted, channels) > 0);
            ref_requantiser_free(planted);
        }
    }
}

/* ---- tables, refusals ---- */

static void test_table(void **state)
{
    (void)state;
    uint64_t seed = 3;
    int8_t table[256];
    int8_t in[300];
    for (enum ref_isa isa = REF_ISA_BASE; isa < REF_ISA_COUNT; isa++) {
        for (int64_t elems = 0; ref_isa_available(isa) && elems <= 260; elems++) {
            int8_t out[300];
            for (int i = 0; i < 256; i++) {
                table[i] = (int8_t)between(&seed, -128, 127);
            }
            for (int i = 0; i < 300; i++) {
                in[i] = (int8_t)(elems >= 256 ? i : between(&seed, -128, 127));
            }
            memcpy(out, in, sizeof(out));
            ref_table_s8(table, isa, elems, elems % 2 == 0 ? in : out, out);
            for (int64_t i = 0; i < 300; i++) {
                assert_int_equal(out[i], i < elems ? table[in[i] + 128] : in[i]);
            }
        }
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static struct rows rows;
    make_planted(&rows, 16, BT_ROUND_DOUBLE);
    struct ref_requantiser *made = NULL;
    const enum ref_isa isa = REF_ISA_BASE;
    assert_int_equal(ref_requantiser_new(NULL, NULL, rows.mult, rows.shift, NULL, isa, &made), BT_EINVAL);
    assert_int_equal(ref_requantiser_new(&rows.conv, NULL, NULL, rows.shift, NULL, isa, &made), BT_EINVAL);
    assert_int_equal(ref_requantiser_new(&rows.conv, NULL, rows.mult, NULL, NULL, isa, &made), BT_EINVAL);
    assert_int_equal(ref_requantiser_new(&rows.conv, NULL, rows.mult, rows.shift, NULL, isa, NULL), BT_EINVAL);
    assert_int_equal(ref_requantiser_new(&rows.conv, NULL, rows.mult, rows.shift, NULL, REF_ISA_COUNT, &made),
                     BT_EINVAL);
    rows.conv.table = true;
    assert_int_equal(ref_requantiser_new(&rows.conv, NULL, rows.mult, rows.shift, NULL, isa, &made), BT_EINVAL);
    rows.conv.table = false;
    rows.mult[3] = -1;
    assert_int_equal(ref_requantiser_new(&rows.conv, NULL, rows.mult, rows.shift, NULL, isa, &made), BT_EINVAL);
    rows.mult[3] = 1;
    rows.shift[15] = 31;
    assert_int_equal(ref_requantiser_new(&rows.conv, NULL, rows.mult, rows.shift, NULL, isa, &made), BT_EINVAL);
    rows.shift[15] = -32;
    assert_int_equal(ref_requantiser_new(&rows.conv, NULL, rows.mult, rows.shift, NULL, isa, &made), BT_EINVAL);
    assert_null(made);
    ref_requantiser_free(NULL);
    assert_true(ref_isa_available(REF_ISA_BASE));
    assert_true(ref_isa_available(ref_isa_best()));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_finish),
        cmocka_unit_test(test_one_wrong_lane_is_caught),
        cmocka_unit_test(test_other_rounding_is_caught),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("requantise_rows", tests, NULL, NULL);
}
