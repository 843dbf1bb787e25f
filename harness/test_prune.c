/* Pruning: exactly as many zeros as promised, the smallest ones, ties by index, in every structure and number format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "harness/prune.h"
#include "reference/common/bt_conv2d.h"

enum { MOST = 4096 };

static struct bt_conv2d shape(int32_t c_in, int32_t c_out, int32_t kh, int32_t kw, int32_t groups)
{
    struct bt_conv2d conv = bt_conv2d_1x1(8, 8, c_in, c_out);
    conv.kh = kh;
    conv.kw = kw;
    conv.groups = groups;
    return conv;
}

static const struct {
    int32_t c_in, c_out, kh, kw, groups;
} shapes[] = {{1, 1, 1, 1, 1},  {7, 5, 3, 2, 1},  {16, 16, 3, 3, 16},
              {12, 8, 1, 1, 4}, {64, 3, 1, 1, 1}, {3, 20, 5, 5, 1}};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* The unit that a weight belongs to. */
static int64_t unit_of(enum bt_structure structure, const struct bt_conv2d *conv, int64_t weight)
{
    const int64_t depth = conv->c_in / conv->groups;
    const int64_t filter = weight / (conv->kh * conv->kw * depth);
    return structure == BT_STRUCTURE_RANDOM   ? weight
           : structure == BT_STRUCTURE_FILTER ? filter
                                              : filter * depth + weight % depth;
}

struct unit {
    int64_t norm, index;
};

static int by_norm(const void *left, const void *right)
{
    const struct unit *a = left;
    const struct unit *b = right;
    return a->norm != b->norm ? (a->norm > b->norm) - (a->norm < b->norm)
                              : (a->index > b->index) - (a->index < b->index);
}

/* The same by sorting. */
static void prune_by_sorting(const struct bt_pruning *pruning, const struct bt_conv2d *conv, int32_t *weights)
{
    static struct unit units[MOST];
    static bool gone[MOST];
    const int64_t elems = bt_conv2d_weight_elems(conv);
    int64_t count = 0;
    for (int64_t i = 0; i < elems; i++) {
        const int64_t u = unit_of(pruning->structure, conv, i);
        while (count <= u) {
            units[count] = (struct unit){0, count};
            gone[count++] = false;
        }
        units[u].norm += abs(weights[i]);
    }
    qsort(units, (size_t)count, sizeof(units[0]), by_norm);
    int64_t wanted = (count * pruning->percent + 50) / 100;
    wanted -= pruning->structure != BT_STRUCTURE_RANDOM && wanted == count ? 1 : 0;
    assert_int_equal(bt_prune_count(pruning, conv), wanted);
    for (int64_t u = 0; u < wanted; u++) {
        gone[units[u].index] = true;
    }
    for (int64_t i = 0; i < elems; i++) {
        weights[i] = gone[unit_of(pruning->structure, conv, i)] ? 0 : weights[i];
    }
}

static void test_against_sorting(void **state)
{
    (void)state;
    static const uint32_t percents[] = {0, 1, 33, 50, 90, 99};
    static const int32_t ranges[] = {1, 3, 127, 128, 32768}; /* narrow ones have ties */
    uint32_t random = 1;
    for (size_t n = 0; n < SHAPES * 6 * 5 * BT_STRUCTURE_COUNT; n++) {
        const struct bt_conv2d conv = shape(shapes[n % SHAPES].c_in, shapes[n % SHAPES].c_out, shapes[n % SHAPES].kh,
                                            shapes[n % SHAPES].kw, shapes[n % SHAPES].groups);
        const int32_t range = ranges[n / SHAPES % 5];
        const struct bt_pruning pruning = {percents[n / SHAPES / 5 % 6], (enum bt_structure)(n / SHAPES / 30)};
        const int64_t elems = bt_conv2d_weight_elems(&conv);
        static int32_t expected[MOST];
        static int16_t wide[MOST];
        static int8_t narrow[MOST];
        assert_true(elems <= MOST);
        for (int64_t i = 0; i < elems; i++) {
            random = random * 1664525u + 1013904223u;
            expected[i] = (int32_t)(random >> 8) % (2 * range) - range;
            wide[i] = (int16_t)expected[i];
            narrow[i] = (int8_t)expected[i];
        }
        prune_by_sorting(&pruning, &conv, expected);
        bt_prune(&pruning, &conv, BT_S16, wide);
        for (int64_t i = 0; i < elems; i++) {
            assert_int_equal(wide[i], expected[i]);
        }
        if (range <= 128) {
            bt_prune(&pruning, &conv, BT_S8, narrow);
            for (int64_t i = 0; i < elems; i++) {
                assert_int_equal(narrow[i], expected[i]);
            }
        }
    }
}

static void test_by_hand(void **state)
{
    (void)state;
    const struct bt_conv2d conv = shape(2, 3, 1, 2, 1); /* [3][1][2][2] */
    static const struct {
        struct bt_pruning pruning;
        int8_t expected[12];
    } cases[] = {
        {{50, BT_STRUCTURE_RANDOM}, {-9, 0, 0, 8, 0, 0, 7, -6, 0, 0, 9, 7}},
        {{50, BT_STRUCTURE_FILTER}, {0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 9, 7}},     /* sums 20 20 21; 1.5 of 3 is 2 */
        {{20, BT_STRUCTURE_FILTER}, {0, 0, 0, 0, 4, -3, 7, -6, 5, 0, 9, 7}},   /* of equal ones the first */
        {{99, BT_STRUCTURE_FILTER}, {0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 9, 7}},     /* one stays */
        {{33, BT_STRUCTURE_CHANNEL}, {-9, 0, 2, 0, 4, -3, 7, -6, 5, 0, 9, 0}}, /* sums 11 9 11 9 14 7 */
        {{0, BT_STRUCTURE_CHANNEL}, {-9, 1, 2, 8, 4, -3, 7, -6, 5, 0, 9, 7}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int8_t weights[12] = {-9, 1, 2, 8, 4, -3, 7, -6, 5, 0, 9, 7};
        bt_prune(&cases[i].pruning, &conv, BT_S8, weights);
        assert_memory_equal(weights, cases[i].expected, sizeof(weights));
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(bt_structure_name(BT_STRUCTURE_RANDOM), "random");
    assert_string_equal(bt_structure_name(BT_STRUCTURE_FILTER), "filter");
    assert_string_equal(bt_structure_name(BT_STRUCTURE_CHANNEL), "channel");
    assert_null(bt_structure_name(BT_STRUCTURE_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_against_sorting),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("prune", tests, NULL, NULL);
}
