/* Boxes from a detector's results, and mean average precision as COCO's evaluation defines it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/detect.h"

static void assert_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance)) {
        fail_msg("got %.17g, expected %.17g", got, expected);
    }
}

struct row {
    uint32_t picture;
    float box[4];
    int32_t label;
    int32_t score; /* thousandths */
};

static void add_all(const struct row *rows, size_t count, struct bt_detections *to)
{
    for (size_t i = 0; i < count; i++) {
        const struct bt_detection detection = {
            .box = {rows[i].box[0], rows[i].box[1], rows[i].box[2], rows[i].box[3], rows[i].label},
            .score = (float)rows[i].score / 1000,
        };
        assert_int_equal(bt_detections_add(to, rows[i].picture, &detection), BT_OK);
    }
}

static struct bt_map map_of(const struct row *truth, size_t boxes, const struct row *found, size_t detections)
{
    struct bt_detections a = {0};
    struct bt_detections b = {0};
    struct bt_map map;
    add_all(truth, boxes, &a);
    add_all(found, detections, &b);
    assert_int_equal(bt_mean_average_precision(&a, &b, &map), BT_OK);
    bt_detections_free(&a);
    bt_detections_free(&b);
    return map;
}

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* Worked out by hand: what one box and one detection give. */
static void test_single(void **state)
{
    (void)state;
    static const struct {
        struct row found;
        double at_50, at_50_95;
    } cases[] = {
        {{0, {0, 0, 10, 10}, 0, 900}, 1, 1},     /* the box itself */
        {{0, {0, 0, 10, 5}, 0, 900}, 1, 0.1},    /* overlap 0.5: counts at 0.50 alone */
        {{0, {0, 0, 10, 7.5f}, 0, 900}, 1, 0.6}, /* 0.75: six thresholds */
        {{0, {0, 0, 10, 4.99f}, 0, 900}, 0, 0},  /* just below 0.5 */
        {{1, {0, 0, 10, 10}, 0, 900}, 0, 0},     /* another picture */
        {{0, {0, 0, 10, 10}, 1, 900}, 0, 0},     /* another class */
        {{0, {20, 20, 30, 30}, 0, 900}, 0, 0},   /* elsewhere */
        {{0, {5, 5, 5, 5}, 0, 900}, 0, 0},       /* empty */
    };
    const struct row truth = {0, {0, 0, 10, 10}, 0, 0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct bt_map map = map_of(&truth, 1, &cases[i].found, 1);
        assert_near(map.at_50, cases[i].at_50, 1e-12);
        assert_near(map.at_50_95, cases[i].at_50_95, 1e-12);
        assert_int_equal(map.classes, 1);
    }
    const struct bt_map nothing = map_of(&truth, 1, NULL, 0);
    assert_near(nothing.at_50, 0, 0);
    const struct bt_map no_truth = map_of(NULL, 0, &truth, 1);
    assert_int_equal(no_truth.classes, 0);
}

/* By hand: a false detection above a right one costs half, below it nothing; a second hit of one box is false. */
static void test_order(void **state)
{
    (void)state;
    const struct row truth[] = {{0, {0, 0, 10, 10}, 0, 0}};
    const struct row above[] = {{0, {50, 50, 60, 60}, 0, 900}, {0, {0, 0, 10, 10}, 0, 800}};
    const struct row below[] = {{0, {50, 50, 60, 60}, 0, 700}, {0, {0, 0, 10, 10}, 0, 800}};
    const struct row twice[] = {{0, {0, 0, 10, 10}, 0, 900}, {0, {0, 0, 10, 10}, 0, 800}};
    assert_near(map_of(truth, 1, above, 2).at_50, 0.5, 1e-12);
    assert_near(map_of(truth, 1, below, 2).at_50, 1, 1e-12);
    assert_near(map_of(truth, 1, twice, 2).at_50, 1, 1e-12);
}

/* The first n of 100 boxes found: as many of the 101 recalls count. Multiples of 0.01 are rounded as numpy.linspace rounds. */
static void test_recalls(void **state)
{
    (void)state;
    static const struct {
        size_t found;
        double recalls;
    } cases[] = {{7, 8}, {14, 15}, {29, 30}, {35, 35}, {50, 51}, {100, 101}};
    struct row truth[100];
    struct row found[100];
    for (uint32_t i = 0; i < 100; i++) {
        truth[i] = (struct row){i, {0, 0, 10, 10}, 0, 0};
        found[i] = (struct row){i, {0, 0, 10, 10}, 0, 999 - (int32_t)i};
    }
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_near(101 * map_of(truth, 100, found, cases[i].found).at_50, cases[i].recalls, 1e-9);
    }
}

/* Expected numbers from a transcription of cocoeval.py's evaluateImg and accumulate into another language. */
static void test_against_cocoeval(void **state)
{
    (void)state;
    static const struct row few_truth[] = {
        {0, {0, 0, 10, 10}, 0, 0}, {0, {20, 20, 40, 40}, 0, 0}, {1, {5, 5, 25, 25}, 0, 0}, {1, {0, 0, 8, 8}, 1, 0}};
    static const struct row few_found[] = {
        {0, {0, 0, 10, 10}, 0, 900}, {0, {21, 21, 41, 41}, 0, 800}, {0, {0, 1, 10, 11}, 0, 700},
        {1, {5, 5, 25, 20}, 0, 600}, {1, {50, 50, 60, 60}, 0, 500}, {1, {0, 0, 8, 6}, 1, 400},
        {0, {0, 0, 8, 8}, 1, 950},   {1, {0, 0, 9, 9}, 2, 300},
    };
    const struct bt_map few = map_of(few_truth, COUNT(few_truth), few_found, COUNT(few_found));
    assert_near(few.at_50, 0.7079207920792079, 1e-12);
    assert_near(few.at_50_95, 0.5084158415841584, 1e-12);
    static const struct row truth[] = {
        {0, {20, 9, 40, 37}, 0, 0},  {0, {15, 5, 40, 26}, 0, 0},  {0, {36, 19, 61, 48}, 0, 0},
        {0, {29, 37, 51, 56}, 1, 0}, {1, {32, 26, 45, 44}, 0, 0}, {1, {4, 53, 14, 69}, 1, 0},
        {1, {31, 3, 45, 20}, 0, 0},  {1, {35, 17, 56, 36}, 2, 0}, {2, {9, 26, 34, 45}, 2, 0},
        {2, {40, 25, 49, 39}, 0, 0}, {2, {1, 4, 15, 31}, 1, 0},   {2, {6, 47, 24, 63}, 1, 0},
        {3, {44, 54, 60, 78}, 1, 0}, {3, {51, 14, 65, 38}, 1, 0}, {3, {30, 12, 48, 26}, 1, 0},
        {3, {5, 51, 25, 73}, 1, 0},  {4, {8, 1, 16, 29}, 0, 0},   {4, {20, 16, 45, 37}, 0, 0},
        {4, {28, 49, 41, 76}, 0, 0}, {4, {50, 49, 61, 74}, 0, 0}, {5, {32, 38, 56, 52}, 2, 0},
        {5, {8, 26, 19, 46}, 1, 0},  {5, {8, 29, 23, 40}, 1, 0},  {5, {5, 46, 24, 54}, 1, 0}};
    static const struct row found[] = {
        {0, {17, 13, 37, 38}, 0, 597}, {0, {24, 8, 36, 34}, 0, 445},  {0, {12, 4, 36, 28}, 0, 51},
        {0, {19, 3, 40, 28}, 0, 148},  {0, {33, 18, 62, 45}, 0, 561}, {0, {32, 18, 64, 52}, 0, 438},
        {0, {28, 35, 50, 53}, 1, 589}, {0, {32, 38, 54, 56}, 0, 624}, {1, {35, 28, 41, 41}, 0, 783},
        {1, {33, 27, 46, 47}, 0, 594}, {1, {1, 49, 14, 72}, 1, 292},  {1, {5, 49, 17, 70}, 1, 173},
        {1, {30, 5, 47, 23}, 0, 83},   {1, {33, 7, 45, 18}, 0, 839},  {1, {37, 16, 54, 33}, 2, 181},
        {1, {34, 13, 59, 34}, 2, 270}, {2, {10, 24, 38, 41}, 2, 468}, {2, {13, 28, 36, 47}, 2, 404},
        {2, {39, 28, 47, 36}, 0, 349}, {2, {37, 21, 47, 43}, 2, 104}, {2, {-1, 4, 16, 32}, 1, 486},
        {2, {4, 7, 18, 34}, 1, 320},   {2, {4, 51, 20, 62}, 1, 974},  {2, {4, 51, 20, 67}, 0, 306},
        {3, {42, 55, 59, 82}, 1, 555}, {3, {45, 53, 59, 77}, 1, 838}, {3, {52, 10, 61, 38}, 1, 484},
        {3, {52, 17, 66, 39}, 1, 226}, {3, {26, 15, 49, 23}, 1, 855}, {3, {32, 11, 51, 24}, 1, 809},
        {3, {2, 49, 23, 71}, 1, 29},   {3, {8, 49, 28, 74}, 1, 160},  {4, {12, -1, 18, 28}, 0, 846},
        {4, {8, 0, 16, 33}, 0, 247},   {4, {16, 17, 48, 41}, 2, 431}, {4, {18, 20, 43, 41}, 0, 523},
        {4, {26, 47, 39, 79}, 0, 634}, {4, {32, 45, 42, 80}, 0, 544}, {4, {49, 48, 61, 70}, 0, 791},
        {4, {53, 53, 57, 71}, 0, 454}, {5, {32, 41, 60, 56}, 2, 827}, {5, {31, 42, 56, 56}, 1, 915},
        {5, {9, 23, 18, 48}, 1, 75},   {5, {8, 23, 17, 47}, 1, 147},  {5, {11, 27, 22, 38}, 1, 724},
        {5, {12, 31, 24, 42}, 1, 201}, {5, {9, 49, 27, 50}, 1, 394},  {5, {5, 50, 21, 51}, 1, 941}};
    const struct bt_map map = map_of(truth, COUNT(truth), found, COUNT(found));
    assert_int_equal(map.classes, 3);
    assert_near(map.at_50, 0.6182186639716596, 1e-9);
    assert_near(map.at_50_95, 0.15839903804621935, 1e-9);
}

/* One cell, one anchor: the numbers of the formula by hand. */
static void test_decode(void **state)
{
    (void)state;
    const struct bt_head head = {.node = "head", .anchor_count = 2, .anchors = {{16, 8}, {4, 4}}};
    /* Grid of 1x2; anchor 0 of cell (0, 1) has something, everything else nothing. */
    float scores[2][14];
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < 14; k++) {
            scores[i][k] = -20;
        }
    }
    const float something[7] = {0, 0, 0, 0.6931472f, 20, -20, 20}; /* ln 2 */
    memcpy(scores[1], something, sizeof(something));
    const float *const heads[] = {scores[0]};
    int32_t shape[][3] = {{1, 2, 14}};
    struct bt_detections found = {0};
    struct bt_error err = {""};
    assert_int_equal(bt_detect(&head, 1, heads, shape, 64, 32, 3, &found, &err), BT_OK);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.picture[0], 3);
    assert_int_equal(found.list[0].box.label, 1);
    assert_float_equal(found.list[0].score, 1, 1e-6);
    /* centre (1 + 0.5) / 2 * 64 = 48, 16; size 16 x 16 */
    assert_float_equal(found.list[0].box.x0, 40, 1e-4);
    assert_float_equal(found.list[0].box.x1, 56, 1e-4);
    assert_float_equal(found.list[0].box.y0, 8, 1e-4);
    assert_float_equal(found.list[0].box.y1, 24, 1e-4);
    bt_detections_free(&found);
}

/* Of overlapping boxes of one class the better stays; of another class, or apart, both; at most 100. */
static void test_suppression(void **state)
{
    (void)state;
    const struct bt_head head = {.node = "head", .anchor_count = 1, .anchors = {{30, 30}}};
    enum { CELLS = 20 * 20 };
    float *scores = calloc(CELLS, 7 * sizeof(float));
    assert_non_null(scores);
    for (size_t i = 0; i < CELLS; i++) {
        scores[i * 7 + 4] = -20;
    }
    int32_t shape[][3] = {{20, 20, 7}};
    const float *const heads[] = {scores};
    struct bt_detections found = {0};
    struct bt_error err = {""};
    /* Two neighbours of class 0, one of class 1 on top of them, one far away. */
    const size_t at[] = {0, 1, 2, 399};
    for (size_t i = 0; i < 4; i++) {
        scores[at[i] * 7 + 4] = 5 + (float)i;
        scores[at[i] * 7 + 5] = i == 2 ? -20 : 5;
        scores[at[i] * 7 + 6] = i == 2 ? 5 : -20;
    }
    assert_int_equal(bt_detect(&head, 1, heads, shape, 200, 200, 0, &found, &err), BT_OK);
    assert_int_equal(found.count, 3);
    assert_int_equal(found.list[0].box.label, 0); /* the far one has the best score */
    bt_detections_free(&found);
    /* Small boxes everywhere: none covers another. */
    struct bt_head small = head;
    small.anchors[0][0] = small.anchors[0][1] = 2;
    for (size_t i = 0; i < CELLS; i++) {
        scores[i * 7 + 4] = 5;
        scores[i * 7 + 5] = 5;
        scores[i * 7 + 6] = -20;
    }
    assert_int_equal(bt_detect(&small, 1, heads, shape, 200, 200, 0, &found, &err), BT_OK);
    assert_int_equal(found.count, BT_DETECT_MOST);
    bt_detections_free(&found);
    free(scores);
}

static void test_refused(void **state)
{
    (void)state;
    const struct bt_head head = {.node = "out", .anchor_count = 3};
    float scores[32] = {0};
    const float *const heads[] = {scores};
    static const int32_t channels[] = {16, 15, 1}; /* no multiple of three; no class; less than fields */
    for (size_t i = 0; i < COUNT(channels); i++) {
        int32_t shape[][3] = {{1, 1, channels[i]}};
        struct bt_detections found = {0};
        struct bt_error err = {""};
        assert_int_equal(bt_detect(&head, 1, heads, shape, 8, 8, 0, &found, &err), BT_EINVAL);
        assert_non_null(strstr(err.text, "head 'out'"));
        bt_detections_free(&found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single),           cmocka_unit_test(test_order),  cmocka_unit_test(test_recalls),
        cmocka_unit_test(test_against_cocoeval), cmocka_unit_test(test_decode), cmocka_unit_test(test_suppression),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
