/* Every weight of a convolution meets the ifmap byte it belongs to, once, and nothing else is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reference/common/bt_conv2d.h"
#include "reference/common/bt_filter_map.h"

static uint64_t rng_state = 0xa4093822299f31d0;

static int32_t between(int32_t low, int32_t high)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return low + (int32_t)((rng_state >> 33) % (uint64_t)(high - low + 1));
}

/* Where step `step` of a filter tile reads the ifmap: kernel position and channel; false: nothing of this layer. */
static bool operand(const struct bt_filter_map *map, const struct bt_conv2d *conv, int32_t tile, int32_t step,
                    int32_t *ky, int32_t *kx, int32_t *channel)
{
    const int32_t word = step / map->word_bytes;
    const int32_t byte = word % map->run_words * map->word_bytes + step % map->word_bytes; /* of its run */
    const int32_t run = word / map->run_words;
    const int32_t group = tile / map->group_tiles;
    *ky = run / map->runs_x;
    if (byte >= map->run_bytes) {
        return false;
    }
    if (map->merged) {
        *kx = byte / map->in_pitch;
        *channel = byte % map->in_pitch;
    } else {
        *kx = run % map->runs_x;
        *channel = group * map->group_channels + byte;
    }
    return *channel < conv->c_in;
}

static void check_rows(const struct bt_filter_map *map, const struct bt_conv2d *conv)
{
    const int32_t channels = conv->c_in / conv->groups;
    const int32_t filters = conv->c_out / conv->groups;
    const int64_t elems = bt_conv2d_weight_elems(conv);
    int8_t *weights = malloc((size_t)elems);
    int8_t *row = malloc((size_t)map->row_bytes);
    int64_t found = 0;
    assert_non_null(weights);
    assert_non_null(row);
    for (int64_t i = 0; i < elems; i++) { /* none is zero */
        weights[i] = (int8_t)(1 + i % 127);
    }
    for (int32_t tile = 0; tile < map->n_tiles; tile++) {
        int32_t count = 0;
        const int32_t first = bt_filter_map_tile(map, tile, &count);
        assert_in_range(count, 1, map->cols);
        for (int32_t step = 0; step < map->steps; step++) {
            int32_t ky = 0, kx = 0, channel = 0;
            const bool used = operand(map, conv, tile, step, &ky, &kx, &channel);
            memset(row, 0x55, (size_t)map->row_bytes);
            bt_filter_map_row(map, conv, weights, tile, step, row);
            for (int32_t c = 0; c < map->row_bytes; c++) {
                const int32_t filter = first + c;
                const int32_t inner = channel - filter / filters * channels;
                if (!used || c >= count || inner < 0 || inner >= channels) {
                    assert_int_equal(row[c], 0);
                    continue;
                }
                assert_int_equal(row[c],
                                 weights[(((int64_t)filter * conv->kh + ky) * conv->kw + kx) * channels + inner]);
                found++;
            }
        }
    }
    assert_int_equal(found, elems);
    free(weights);
    free(row);
}

static void test_every_weight_once(void **state)
{
    (void)state;
    int packed = 0, merged = 0, ragged = 0;
    for (int i = 0; i < 600; i++) {
        const int32_t groups = i % 3 == 0 ? 1 : between(1, 40);
        struct bt_conv2d conv =
            bt_conv2d_1x1(9, 9, groups * between(1, i % 3 == 0 ? 90 : 12), groups * between(1, i % 3 == 0 ? 70 : 9));
        conv.groups = groups;
        conv.kh = between(1, 3);
        conv.kw = between(1, 5);
        conv.dil_w = between(1, 2);
        const int32_t cols = 1 << between(0, 6);
        const struct bt_filter_map map =
            bt_filter_map(&conv, conv.c_in + (i % 2) * between(0, 16), cols, 1 << between(3, 6), cols + between(0, 4));
        assert_int_equal(map.steps, conv.kh * map.runs_x * map.run_words * map.word_bytes);
        assert_true(!map.merged ||
                    (conv.dil_w == 1 && map.hw_groups == 1)); /* else the bytes do not follow each other */
        check_rows(&map, &conv);
        packed += map.pack > 1;
        merged += map.merged;
        ragged += map.n_tail != map.n_step;
    }
    assert_true(packed > 100 && merged > 50 && ragged > 100);
}

/* A tile's int8 or int32 results of one pixel lie within a beat or fill beats; each filter is found where it is. */
static void test_tiles(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        const int32_t groups = between(1, 70);
        struct bt_conv2d conv = bt_conv2d_1x1(4, 4, groups * between(1, 5), groups * between(1, 40));
        conv.groups = groups;
        const int32_t cols = between(1, 64);
        const struct bt_filter_map map = bt_filter_map(&conv, conv.c_in, cols, 16, 64);
        int32_t next = 0;
        for (int32_t tile = 0; tile < map.n_tiles; tile++) {
            int32_t count = 0;
            const int32_t first = bt_filter_map_tile(&map, tile, &count);
            assert_int_equal(first, next); /* without a gap */
            next = first + count;
            for (int32_t size = 1; size <= 4; size += 3) {
                const int32_t begin = first * size;
                assert_true(begin % 16 == 0 || begin / 16 == (next * size - 1) / 16);
            }
            for (int32_t c = 0; c < count; c++) {
                int32_t column = -1;
                assert_int_equal(bt_filter_map_find(&map, first + c, &column), tile);
                assert_int_equal(column, c);
            }
        }
        assert_int_equal(next, conv.c_out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_weight_once),
        cmocka_unit_test(test_tiles),
    };
    return cmocka_run_group_tests_name("bt_filter_map", tests, NULL, NULL);
}
