/* Shards: every job in one of them, the same every time, and none much longer than it must be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "harness/engine.h"
#include "harness/shard.h"

enum { MOST = 1000 };

static void test_table(void **state)
{
    (void)state;
    static const struct {
        uint32_t count, shards;
        uint64_t work[8];
        uint32_t expected[8];
    } cases[] = {
        {1, 1, {5}, {0}},
        {4, 2, {7, 5, 4, 4}, {0, 1, 1, 0}}, /* 11 and 9 */
        {5, 2, {1, 1, 1, 1, 4}, {1, 1, 1, 1, 0}},
        {4, 2, {3, 3, 3, 3}, {0, 1, 0, 1}},
        {4, 4, {0, 0, 0, 0}, {0, 1, 2, 3}}, /* what took no time is not nothing */
        {2, 5, {1, 2}, {1, 0}},             /* more shards than jobs */
        {6, 3, {8, 7, 6, 5, 4, 3}, {0, 1, 2, 2, 1, 0}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t shard[8];
        assert_int_equal(bt_shard_assign(cases[i].work, cases[i].count, cases[i].shards, shard), BT_OK);
        for (uint32_t j = 0; j < cases[i].count; j++) {
            if (shard[j] != cases[i].expected[j]) {
                fail_msg("case %zu, job %u: shard %u", i, j, shard[j]);
            }
        }
    }
}

/* None is longer than the mean by more than one job. */
static void test_bound(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (uint32_t round = 0; round < 200; round++) {
        uint64_t work[MOST];
        uint32_t shard[MOST];
        uint64_t load[16] = {0};
        uint64_t total = 0;
        uint64_t longest = 0;
        const uint32_t count = 1 + round * 5;
        const uint32_t shards = 1 + round % 16;
        for (uint32_t i = 0; i < count; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            work[i] = 1 + (seed >> 40) % (round % 7 == 0 ? 5 : 100000);
            total += work[i];
            longest = work[i] > longest ? work[i] : longest;
        }
        assert_int_equal(bt_shard_assign(work, count, shards, shard), BT_OK);
        uint64_t most = 0;
        for (uint32_t i = 0; i < count; i++) {
            assert_in_range(shard[i], 0, shards - 1);
            load[shard[i]] += work[i];
        }
        for (uint32_t s = 0; s < shards; s++) {
            most = load[s] > most ? load[s] : most;
            assert_true(load[s] != 0 || count < shards);
        }
        assert_true(most <= (total + shards - 1) / shards + longest);
    }
}

/* ---- recorded durations ---- */

static const struct bt_variant fake = {.name = "fake"};
static const char *const names[] = {"a", "b<&\"", "c", "d"};

static void record(const struct bt_job *job, uint32_t layer, double seconds, struct bt_record *record)
{
    bt_engine_label(job, layer, record);
    record->engine[BT_ENGINE_REF].seconds = seconds / 4;
    record->engine[BT_ENGINE_RTL].seconds = seconds * 3 / 4;
}

static void test_recorded(void **state)
{
    (void)state;
    struct bt_suite_layer layers[4];
    struct bt_job jobs[3];
    struct bt_record records[3];
    memset(layers, 0, sizeof(layers));
    memset(jobs, 0, sizeof(jobs));
    for (int i = 0; i < 4; i++) {
        layers[i].network = "net";
        layers[i].layer = names[i];
        layers[i].work.u.conv = (struct bt_conv2d){.h = 1,
                                                   .w = 1,
                                                   .c_in = 1,
                                                   .c_out = 1,
                                                   .kh = 1,
                                                   .kw = 1,
                                                   .stride_h = 1,
                                                   .stride_w = 1,
                                                   .dil_h = 1,
                                                   .dil_w = 1,
                                                   .groups = 1};
    }
    for (int i = 0; i < 3; i++) {
        jobs[i] = (struct bt_job){.variant = &fake, .config = {.name = "8x8"}, .count = 1, .layers = &layers[i]};
    }
    jobs[2].count = 2; /* layers c and d */
    const struct bt_plan plan = {.count = 3, .jobs = jobs};
    record(&jobs[2], 0, 0.5, &records[0]);
    record(&jobs[1], 0, 2.0, &records[1]);
    record(&jobs[0], 0, 4.0, &records[2]);
    struct bt_results earlier = {.count = 3, .records = records};

    /* d is not in it: 300 of the 200 that took 6 seconds */
    uint64_t work[] = {50, 150, 300};
    assert_int_equal(bt_shard_recorded(&plan, &earlier, work), BT_OK);
    assert_int_equal(work[0], 4000000);
    assert_int_equal(work[1], 2000000);
    assert_int_equal(work[2], 9000000);

    /* in it, too */
    record(&jobs[2], 1, 0.25, &records[2]);
    uint64_t other[] = {50, 150, 300};
    assert_int_equal(bt_shard_recorded(&plan, &earlier, other), BT_OK);
    assert_int_equal(other[0], 305556); /* 50 of the 450 that took 2.75 s */
    assert_int_equal(other[2], 750000);

    /* nothing known, and no sense at all */
    earlier.count = 0;
    uint64_t same[] = {50, 150, 300};
    assert_int_equal(bt_shard_recorded(&plan, &earlier, same), BT_OK);
    assert_int_equal(same[0], 50);
    earlier.count = 3;
    record(&jobs[0], 0, 1e300, &records[0]);
    record(&jobs[1], 0, -5.0, &records[1]);
    uint64_t wild[] = {50, 150, 300};
    assert_int_equal(bt_shard_recorded(&plan, &earlier, wild), BT_OK);
    assert_int_equal(wild[0], UINT64_C(365) * 86400 * 1000000);
    assert_true(wild[2] <= UINT64_C(365) * 86400 * 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
