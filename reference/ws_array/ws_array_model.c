#include <stdlib.h>
#include <string.h>

#include "reference/ops/requantise.h"
#include "reference/ws_array/ws_array_plan.h"

/*
 * Bit-true model: the tiles, windows, words and passes of the RTL, from the plan and the tensors. A tile sees of the ifmap
 * what its window holds, at the positions that its descriptor gives. Sums are kept modulo 2^32 as in hardware; the harness
 * has checked that the true ones fit.
 */

struct walk {
    const struct ws_array_plan *plan;
    const struct bt_layer_data *data;
    struct ws_array_tile tile;
    int32_t conv_cols, pixels; /* of the tile */
    int8_t *window;            /* [window_rows][seg_beats * 16] */
    int16_t *lanes;            /* [words][pixels][dim], value minus zero point */
    const int8_t *weights;     /* of one filter tile: [words * dim][dim] */
    uint32_t *sums;            /* an accumulator half: [pixels][dim] */
    int8_t *results;           /* of one pixel under the pooling: [dim] */
};

/* The ifmap as it lies in DRAM: pixels in_pitch apart, rows in_row_bytes; what lies between them has no meaning. */
static void load_window(const struct walk *walk, const int8_t *ifmap)
{
    const struct bt_conv2d *conv = &walk->plan->conv;
    const struct ws_array_tile *tile = &walk->tile;
    const int32_t pitch = (int32_t)walk->plan->in_pitch;
    const int32_t seg_bytes = tile->seg_beats * 16;
    const int32_t row_bytes = conv->w * pitch;

    for (int32_t r = 0; r < tile->window_rows; r++) {
        int8_t *to = walk->window + (int64_t)r * seg_bytes;
        const int8_t *row = ifmap + (int64_t)(tile->iy0 + r) * conv->w * conv->c_in;
        const int32_t left = row_bytes - tile->seg_from;
        const int32_t bytes = left < seg_bytes ? left : seg_bytes;
        memset(to, 0, (size_t)seg_bytes);
        if (pitch == conv->c_in) {
            memcpy(to, row + tile->seg_from, (size_t)bytes);
            continue;
        }
        for (int32_t i = 0; i < bytes; i++) {
            const int32_t at = tile->seg_from + i;
            to[i] = (int8_t)(at % pitch < conv->c_in ? row[at / pitch * conv->c_in + at % pitch] : 0);
        }
    }
}

/* One word of a pixel: bytes [from, upto) of it are ifmap, and lie at `at` and on in the window; the others are padding. */
static void fill_word(const struct walk *walk, int64_t at, int32_t from, int32_t upto, int16_t *lane)
{
    const int32_t dim = walk->plan->hw.dim;
    const int32_t zero = walk->plan->conv.in_zp;
    if (from == 0 && upto == dim) {
        for (int32_t b = 0; b < dim; b++) {
            lane[b] = (int16_t)(walk->window[at + b] - zero);
        }
        return;
    }
    memset(lane, 0, (size_t)dim * sizeof(*lane));
    for (int32_t b = from; b < upto; b++) {
        lane[b] = (int16_t)(walk->window[at + b] - zero);
    }
}

static int32_t clamp(int64_t value, int32_t low, int32_t high)
{
    return value < low ? low : value > high ? high : (int32_t)value;
}

/* What the pixels of the tile feed into the mesh for hardware group `group`. */
static void fill_lanes(const struct walk *walk, int32_t group)
{
    const struct ws_array_plan *plan = walk->plan;
    const struct bt_conv2d *conv = &plan->conv;
    const struct ws_array_tile *tile = &walk->tile;
    const int32_t dim = plan->hw.dim;
    const int32_t seg_bytes = tile->seg_beats * 16;
    const int64_t window_bytes = (int64_t)tile->window_rows * seg_bytes;
    int16_t *word_lanes = walk->lanes;

    for (int32_t ky = 0; ky < conv->kh; ky++) {
        for (int32_t kx = 0; kx < plan->map.runs_x; kx++) {
            for (int32_t w = 0; w < plan->map.run_words; w++) {
                int16_t *lane = word_lanes;
                for (int32_t p = 0; p < walk->pixels; p++) {
                    const int64_t y = tile->y_start + (int64_t)(p / walk->conv_cols) * conv->stride_h * seg_bytes +
                                      (int64_t)ky * conv->dil_h * seg_bytes;
                    const int64_t x = tile->x_start +
                                      ((int64_t)(p % walk->conv_cols) * conv->stride_w + (int64_t)kx * conv->dil_w) *
                                          (int64_t)plan->in_pitch +
                                      (int64_t)w * dim + (int64_t)group * plan->map.group_channels;
                    const bool inside = y >= 0 && y < window_bytes;
                    int32_t upto = clamp(plan->map.run_bytes - (int64_t)w * dim, 0, dim);
                    upto = inside ? clamp(tile->x_end - x, 0, upto) : 0;
                    /* Beyond the window's last byte lies another one: only bytes that meet zero weights. */
                    upto = inside ? clamp(window_bytes - y - x, 0, upto) : 0;
                    const int32_t from = clamp(-x, 0, upto);
                    fill_word(walk, y + x, from, upto, lane);
                    lane += dim;
                }
                word_lanes += (int64_t)walk->pixels * dim;
            }
        }
    }
}

/* Words of one pixel against their weights, added to the sums: the hot loop for one width of the array. */
__attribute__((always_inline)) static inline void multiply(const int16_t *lane, int64_t lane_stride,
                                                           const int8_t *weights, int32_t words, const int32_t dim,
                                                           uint32_t *sums)
{
    uint32_t acc[64];
    for (int32_t c = 0; c < dim; c++) {
        acc[c] = sums[c];
    }
    for (int32_t w = 0; w < words; w++) {
        for (int32_t k = 0; k < dim; k++) {
            for (int32_t c = 0; c < dim; c++) {
                acc[c] += (uint32_t)(lane[k] * weights[k * dim + c]);
            }
        }
        lane += lane_stride;
        weights += dim * dim;
    }
    for (int32_t c = 0; c < dim; c++) {
        sums[c] = acc[c];
    }
}

/* So many pixels against so many words, once for wide vectors where the machine has them. */
__attribute__((target_clones("avx512f", "avx2", "default"))) static void
accumulate_pass(const int16_t *lanes, int64_t lane_stride, const int8_t *weights, int32_t words, int32_t dim,
                int32_t pixels, uint32_t *sums)
{
    for (int32_t p = 0; p < pixels; p++) {
        switch (dim) { /* so that the sums stay in registers */
        case 8:
            multiply(lanes, lane_stride, weights, words, 8, sums);
            break;
        case 16:
            multiply(lanes, lane_stride, weights, words, 16, sums);
            break;
        case 32:
            multiply(lanes, lane_stride, weights, words, 32, sums);
            break;
        default:
            multiply(lanes, lane_stride, weights, words, 64, sums);
            break;
        }
        lanes += dim;
        sums += dim;
    }
}

/* All passes of the tile against one filter tile. */
static void accumulate(const struct walk *walk)
{
    const struct ws_array_plan *plan = walk->plan;
    const int32_t dim = plan->hw.dim;
    const int64_t word_lanes = (int64_t)walk->pixels * dim;

    memset(walk->sums, 0, (size_t)word_lanes * sizeof(*walk->sums));
    if (plan->os) {
        accumulate_pass(walk->lanes, word_lanes, walk->weights, plan->words, dim, walk->pixels, walk->sums);
        return;
    }
    for (int32_t word = 0; word < plan->words; word++) {
        accumulate_pass(walk->lanes + word * word_lanes, word_lanes, walk->weights + (int64_t)word * dim * dim, 1, dim,
                        walk->pixels, walk->sums);
    }
}

/* One pixel of the convolution on its way out: bias, then requantisation, clamp and table. */
static void finish_pixel(const struct walk *walk, int32_t pixel, int32_t first, int32_t count, int8_t *results)
{
    const struct bt_conv2d *conv = &walk->plan->conv;
    const struct bt_layer_data *data = walk->data;
    const uint32_t *sums = walk->sums + (int64_t)pixel * walk->plan->hw.dim;

    for (int32_t c = 0; c < count; c++) {
        const uint32_t bias = data->bias != NULL ? (uint32_t)data->bias[first + c] : 0;
        results[c] = ref_conv2d_finish(conv, (int32_t)(sums[c] + bias), data->mult[first + c], data->shift[first + c],
                                       conv->table ? data->table : NULL);
    }
}

/* Pooled: the largest of the window's candidates within the tile. */
static void write_pixel(const struct walk *walk, int32_t oy, int32_t ox, int32_t first, int32_t count, int8_t *to)
{
    const struct bt_maxpool *pool = &walk->plan->pool;
    const struct ws_array_tile *tile = &walk->tile;
    bool any = false;

    for (int32_t wy = 0; wy < pool->kh; wy++) {
        const int32_t row = tile->pool_y + oy * pool->stride_h + wy;
        for (int32_t wx = 0; wx < pool->kw; wx++) {
            const int32_t col = tile->pool_x + ox * pool->stride_w + wx;
            if (row < 0 || row >= tile->cy1 - tile->cy0 || col < 0 || col >= walk->conv_cols) {
                continue;
            }
            finish_pixel(walk, row * walk->conv_cols + col, first, count, walk->results);
            for (int32_t c = 0; c < count; c++) {
                to[c] = !any || walk->results[c] > to[c] ? walk->results[c] : to[c];
            }
            any = true;
        }
    }
}

static void write_back(const struct walk *walk, int32_t image, int32_t filter_tile, void *ofmap)
{
    const struct ws_array_plan *plan = walk->plan;
    const struct ws_array_tile *tile = &walk->tile;
    const int64_t c_out = plan->conv.c_out;
    int32_t count = 0;
    const int32_t first = bt_filter_map_tile(&plan->map, filter_tile, &count);

    for (int32_t oy = 0; oy < tile->oy1 - tile->oy0; oy++) {
        for (int32_t ox = 0; ox < tile->ox1 - tile->ox0; ox++) {
            const int64_t pixel = ((int64_t)image * plan->ph + tile->oy0 + oy) * plan->pw + tile->ox0 + ox;
            if (!plan->conv.raw) {
                write_pixel(walk, oy, ox, first, count, (int8_t *)ofmap + pixel * c_out + first);
                continue;
            }
            const uint32_t *sums = walk->sums + (int64_t)(oy * walk->conv_cols + ox) * plan->hw.dim;
            for (int32_t c = 0; c < count; c++) {
                const uint32_t bias = walk->data->bias != NULL ? (uint32_t)walk->data->bias[first + c] : 0;
                ((int32_t *)ofmap)[pixel * c_out + first + c] = (int32_t)(sums[c] + bias);
            }
        }
    }
}

static void run_tile(struct walk *walk, const int8_t *weights, const int8_t *ifmap, int32_t image, void *ofmap)
{
    const struct ws_array_plan *plan = walk->plan;
    const int64_t filter_bytes = (int64_t)plan->map.steps * plan->hw.dim;

    load_window(walk, ifmap);
    for (int32_t n = 0; n < plan->map.n_tiles; n++) {
        if (n == 0 || (plan->map.hw_groups > 1 && n % plan->map.group_tiles == 0)) {
            fill_lanes(walk, n / plan->map.group_tiles);
        }
        walk->weights = weights + n * filter_bytes;
        accumulate(walk);
        write_back(walk, image, n, ofmap);
    }
}

/* Pixels of the convolution under the largest tile. */
static size_t most_pixels(const struct ws_array_plan *plan)
{
    const struct bt_maxpool *pool = &plan->pool;
    const int64_t rows = (int64_t)(plan->tile_rows - 1) * pool->stride_h + pool->kh;
    const int64_t cols = (int64_t)(plan->tile_cols - 1) * pool->stride_w + pool->kw;
    return (size_t)(rows < plan->oh ? rows : plan->oh) * (size_t)(cols < plan->ow ? cols : plan->ow);
}

enum bt_status ws_array_model(const struct bt_config *config, const void *plan_in, const struct bt_layer *layers,
                              const struct bt_layer_data *data, const struct bt_blob *aux, void *ofmap,
                              struct bt_blob *profile)
{
    (void)config;
    (void)layers;
    (void)aux;
    const struct ws_array_plan *plan = plan_in;
    const struct bt_conv2d *conv = &plan->conv;
    const int64_t image_bytes = (int64_t)conv->h * conv->w * conv->c_in;
    const size_t dim = (size_t)plan->hw.dim;
    const size_t rows = (size_t)plan->map.n_tiles * (size_t)plan->map.steps;
    const size_t most = most_pixels(plan);
    enum bt_status status = BT_ENOMEM;
    int8_t *weights = malloc(rows * dim);
    int8_t *window = malloc((size_t)plan->window_beats * 16);
    int16_t *lanes = malloc(most * (size_t)plan->map.steps * sizeof(*lanes));
    uint32_t *sums = malloc(most * dim * sizeof(*sums));
    int8_t *results = malloc(dim);
    struct walk walk = {.plan = plan, .data = data, .window = window, .lanes = lanes, .sums = sums, .results = results};

    profile->data = NULL;
    profile->bytes = 0;
    if (weights == NULL || window == NULL || lanes == NULL || sums == NULL || results == NULL) {
        goto cleanup;
    }
    for (size_t r = 0; r < rows; r++) {
        bt_filter_map_row(&plan->map, conv, data->weights, (int32_t)(r / (size_t)plan->map.steps),
                          (int32_t)(r % (size_t)plan->map.steps), weights + r * dim);
    }
    for (int32_t image = 0; image < conv->n; image++) {
        const int8_t *ifmap = (const int8_t *)data->ifmap + image * image_bytes;
        for (int32_t t = 0; t < plan->tiles_y * plan->tiles_x; t++) {
            ws_array_tile(plan, t / plan->tiles_x, t % plan->tiles_x, &walk.tile);
            walk.conv_cols = walk.tile.cx1 - walk.tile.cx0;
            walk.pixels = (walk.tile.cy1 - walk.tile.cy0) * walk.conv_cols;
            run_tile(&walk, weights, ifmap, image, ofmap);
        }
    }
    status = BT_OK;
cleanup:
    free(weights);
    free(window);
    free(lanes);
    free(sums);
    free(results);
    return status;
}
