#include "reference/common/bt_filter_map.h"

static int32_t div_up(int32_t a, int32_t b)
{
    return (a + b - 1) / b;
}

/*
 * Steps are powers of two up to 16, or multiples of 16, and divide what a hardware group holds when there are several: so a
 * tile's channels lie within a beat, or fill beats, at any tile's offset.
 */
static int32_t filters_per_tile(int32_t cols, int32_t group_filters, int32_t hw_groups)
{
    for (int32_t step = hw_groups > 1 && group_filters < cols ? group_filters : cols; step > 1; step--) {
        const int aligned = step % 16 == 0 || (step < 16 && (step & (step - 1)) == 0);
        if (aligned && (hw_groups == 1 || group_filters % step == 0)) {
            return step;
        }
    }
    return 1;
}

/* How many groups to pack into one hardware group: the choice with the fewest words per pixel, over all filter tiles. */
static void choose_groups(struct bt_filter_map *map, const struct bt_conv2d *conv)
{
    const int32_t channels = conv->c_in / conv->groups;
    const int32_t filters = conv->c_out / conv->groups;
    int64_t best = INT64_MAX;

    for (int32_t pack = 1; pack <= conv->groups; pack++) {
        if (pack > map->cols) {
            pack = conv->groups; /* all groups as one, and nothing in between */
        }
        const int32_t hw_groups = div_up(conv->groups, pack);
        const int32_t step = filters_per_tile(map->cols, pack * filters, hw_groups);
        const int32_t tiles = div_up(pack * filters, step);
        if (conv->groups % pack != 0 && (tiles != 1 || hw_groups == 1)) {
            continue; /* a last, smaller group is possible only where a group is one tile */
        }
        const int64_t cost = (int64_t)hw_groups * tiles * div_up(pack * channels, map->word_bytes);
        if (cost < best) {
            best = cost;
            map->pack = pack;
            map->hw_groups = hw_groups;
            map->n_step = step;
            map->group_tiles = tiles;
        }
    }
    map->group_channels = map->pack * channels;
    map->group_filters = map->pack * filters;
    map->n_tiles = map->hw_groups * map->group_tiles;
    map->n_tail = conv->c_out - (map->hw_groups - 1) * map->group_filters - (map->group_tiles - 1) * map->n_step;
}

static void choose_runs(struct bt_filter_map *map, const struct bt_conv2d *conv)
{
    const int32_t merged_bytes = (conv->kw - 1) * map->in_pitch + conv->c_in;

    map->merged = map->hw_groups == 1 && conv->dil_w == 1 &&
                  div_up(merged_bytes, map->word_bytes) <= conv->kw * div_up(map->group_channels, map->word_bytes);
    map->runs_x = map->merged ? 1 : conv->kw;
    map->run_bytes = map->merged ? merged_bytes : map->group_channels;
    map->run_words = div_up(map->run_bytes, map->word_bytes);
    map->steps = conv->kh * map->runs_x * map->run_words * map->word_bytes;
}

struct bt_filter_map bt_filter_map(const struct bt_conv2d *conv, int32_t in_pitch, int32_t cols, int32_t word_bytes,
                                   int32_t row_bytes)
{
    struct bt_filter_map map = {.in_pitch = in_pitch, .cols = cols, .word_bytes = word_bytes, .row_bytes = row_bytes};
    choose_groups(&map, conv);
    choose_runs(&map, conv);
    return map;
}

int32_t bt_filter_map_tile(const struct bt_filter_map *map, int32_t tile, int32_t *count)
{
    *count = tile == map->n_tiles - 1 ? map->n_tail : map->n_step;
    return tile / map->group_tiles * map->group_filters + tile % map->group_tiles * map->n_step;
}

int32_t bt_filter_map_find(const struct bt_filter_map *map, int32_t filter, int32_t *column)
{
    const int32_t in_group = filter % map->group_filters;
    *column = in_group % map->n_step;
    return filter / map->group_filters * map->group_tiles + in_group / map->n_step;
}

void bt_filter_map_row(const struct bt_filter_map *map, const struct bt_conv2d *conv, const int8_t *weights,
                       int32_t tile, int32_t step, int8_t *row)
{
    const int32_t channels = conv->c_in / conv->groups;
    const int32_t filters = conv->c_out / conv->groups;
    const int32_t run_steps = map->run_words * map->word_bytes;
    const int32_t run = step / run_steps;
    const int32_t byte = step % run_steps;
    const int32_t ky = run / map->runs_x;
    int32_t kx = run % map->runs_x;
    int32_t channel = byte; /* of the ifmap */
    int32_t count = 0;
    const int32_t first = bt_filter_map_tile(map, tile, &count);

    if (map->merged) {
        kx = byte / map->in_pitch;
        channel = byte % map->in_pitch;
    } else {
        channel += tile / map->group_tiles * map->group_channels;
    }
    const int used = byte < map->run_bytes && channel < conv->c_in && kx < conv->kw;
    for (int32_t c = used && map->pack == 1 ? count : 0; c < map->row_bytes; c++) {
        row[c] = 0;
    }
    if (!used) {
        return;
    }
    if (map->pack == 1) {
        /* All filters of the tile see the same channels: one stride, which is what a small CPU wants to be told. */
        const int32_t inner = map->merged ? channel : byte;
        const int64_t stride = (int64_t)conv->kh * conv->kw * channels;
        const int8_t *from = weights + first * stride + ((int64_t)ky * conv->kw + kx) * channels + inner;
        for (int32_t c = 0; c < count; c++) {
            row[c] = *from;
            from += stride;
        }
        return;
    }
    for (int32_t c = 0; c < count; c++) {
        const int32_t filter = first + c;
        const int32_t inner = channel - filter / filters * channels;
        if (inner >= 0 && inner < channels) {
            row[c] = weights[(((int64_t)filter * conv->kh + ky) * conv->kw + kx) * channels + inner];
        }
    }
}
