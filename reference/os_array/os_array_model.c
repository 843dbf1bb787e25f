#include <stdlib.h>
#include <string.h>

#include "reference/common/bt_conv2d.h"
#include "reference/ops/requantise.h"
#include "reference/os_array/os_array_plan.h"

/*
 * Bit-true model: the same blocks, tiles, lanes and words as the RTL, from the plan and the tensors. Sums are kept
 * modulo 2^32 as in hardware; the harness has checked that the true ones fit.
 */

struct walk {
    const struct os_array_plan *plan;
    const int8_t *ifmap;   /* of one image, dense */
    int16_t *lanes;        /* [rows][k_cycles], value minus zero point */
    const int8_t *weights; /* of one tile: [k_cycles][weight_row_bytes] */
    int32_t *sums;         /* [rows][weight_row_bytes] */
};

/* Byte `at` of the ifmap as the hardware sees it, pixels in_pitch apart; what pads a pixel meets zero weights. */
static int16_t ifmap_value(const struct walk *walk, int64_t at)
{
    const struct bt_conv2d *conv = &walk->plan->conv;
    const int64_t pixel = at / walk->plan->in_pitch;
    const int64_t channel = at % walk->plan->in_pitch;
    return channel < conv->c_in ? (int16_t)(walk->ifmap[pixel * conv->c_in + channel] - conv->in_zp) : 0;
}

/* What the lane of ofmap pixel (oy, ox) feeds into the mesh over one tile, for hardware group `group`. */
static void fill_lane(const struct walk *walk, int32_t oy, int32_t ox, int32_t group, int16_t *lane)
{
    const struct os_array_plan *plan = walk->plan;
    const struct bt_conv2d *conv = &plan->conv;
    const int64_t pitch = plan->in_pitch;
    const int64_t row_bytes = conv->w * pitch;
    const int32_t run_steps = plan->map.run_words * plan->hw.vec_bytes;

    for (int32_t ky = 0; ky < conv->kh; ky++) {
        const int64_t iy = (int64_t)oy * conv->stride_h - conv->pad_top + (int64_t)ky * conv->dil_h;
        for (int32_t kx = 0; kx < plan->map.runs_x; kx++) {
            /* Horizontal position in bytes: padding is what lies outside of [0, row_bytes). */
            const int64_t x = ((int64_t)ox * conv->stride_w - conv->pad_left + (int64_t)kx * conv->dil_w) * pitch +
                              (plan->map.merged ? 0 : (int64_t)group * plan->map.group_channels);
            const int inside = iy >= 0 && iy < conv->h;
            const int64_t from = x < 0 ? -x : 0;
            int64_t upto = row_bytes - x < plan->map.run_bytes ? row_bytes - x : plan->map.run_bytes;
            if (!inside || upto < from) {
                upto = from;
            }
            memset(lane, 0, (size_t)run_steps * sizeof(*lane));
            if (pitch == conv->c_in) {
                const int8_t *row = walk->ifmap + (inside ? iy : 0) * row_bytes + x;
                for (int64_t i = from; i < upto; i++) {
                    lane[i] = (int16_t)(row[i] - conv->in_zp);
                }
            } else {
                for (int64_t i = from; i < upto; i++) {
                    lane[i] = ifmap_value(walk, iy * row_bytes + x + i);
                }
            }
            lane += run_steps;
        }
    }
}

/* The hot loop, once for wide vectors where the machine has them. */
__attribute__((target_clones("avx512f", "avx2", "default"))) static void
multiply_accumulate(const int16_t *lane, const int8_t *weights, int32_t k_cycles, int32_t columns, int32_t *sums)
{
    if (columns == 16) { /* the usual width, so that the sums stay in registers */
        int32_t acc[16] = {0};
        for (int32_t k = 0; k < k_cycles; k++) {
            for (int32_t c = 0; c < 16; c++) {
                acc[c] += lane[k] * weights[k * 16 + c];
            }
        }
        memcpy(sums, acc, sizeof(acc));
        return;
    }
    memset(sums, 0, (size_t)columns * sizeof(*sums));
    for (int32_t k = 0; k < k_cycles; k++) {
        for (int32_t c = 0; c < columns; c++) {
            sums[c] += lane[k] * weights[k * columns + c];
        }
    }
}

static void store_pixel(const struct walk *walk, const struct bt_layer_data *data, int32_t tile, const int32_t *sums,
                        int64_t pixel, void *ofmap)
{
    const struct os_array_plan *plan = walk->plan;
    const struct bt_conv2d *conv = &plan->conv;
    int32_t count = 0;
    const int32_t first = bt_filter_map_tile(&plan->map, tile, &count);

    for (int32_t c = 0; c < count; c++) {
        const int32_t filter = first + c;
        const int32_t bias = data->bias != NULL ? data->bias[filter] : 0;
        const int32_t acc = (int32_t)((uint32_t)sums[c] + (uint32_t)bias);
        const int64_t at = pixel * conv->c_out + filter;
        if (conv->raw) {
            ((int32_t *)ofmap)[at] = acc;
        } else {
            ((int8_t *)ofmap)[at] =
                ref_conv2d_finish(conv, acc, data->mult[filter], data->shift[filter], conv->table ? data->table : NULL);
        }
    }
}

static void run_tile(struct walk *walk, const struct bt_layer_data *data, int32_t tile, int32_t y0, int32_t first_pixel,
                     int32_t rows, int64_t image_pixel, void *ofmap)
{
    const struct os_array_plan *plan = walk->plan;
    for (int32_t r = 0; r < rows; r++) {
        const int32_t pixel = first_pixel + r;
        multiply_accumulate(walk->lanes + (int64_t)pixel * plan->map.steps, walk->weights, plan->map.steps,
                            plan->hw.weight_row_bytes, walk->sums);
        store_pixel(walk, data, tile, walk->sums, image_pixel + (int64_t)y0 * plan->ow + pixel, ofmap);
    }
}

enum bt_status os_array_model(const struct bt_config *config, const void *plan_in, const struct bt_layer *layers,
                              const struct bt_layer_data *data, const struct bt_blob *aux, void *ofmap,
                              struct bt_blob *profile)
{
    (void)config;
    (void)layers;
    (void)aux;
    const struct os_array_plan *plan = plan_in;
    const struct bt_conv2d *conv = &plan->conv;
    const int64_t block_pixels = (int64_t)plan->block_rows * plan->ow;
    enum bt_status status = BT_ENOMEM;
    int16_t *lanes = calloc((size_t)block_pixels * (size_t)plan->map.steps, sizeof(*lanes));
    int8_t *weights = malloc((size_t)plan->map.steps * (size_t)plan->hw.weight_row_bytes);
    int32_t *sums = malloc((size_t)plan->hw.weight_row_bytes * sizeof(*sums));
    struct walk walk = {.plan = plan, .lanes = lanes, .weights = weights, .sums = sums};

    profile->data = NULL;
    profile->bytes = 0;
    if (lanes == NULL || weights == NULL || sums == NULL) {
        goto cleanup;
    }
    for (int32_t image = 0; image < conv->n; image++) {
        walk.ifmap = (const int8_t *)data->ifmap + (int64_t)image * conv->h * conv->w * conv->c_in;
        for (int32_t block = 0; block < plan->blocks; block++) {
            const int32_t y0 = block * plan->block_rows;
            const int32_t left = plan->oh - y0;
            const int32_t pixels = (left < plan->block_rows ? left : plan->block_rows) * plan->ow;
            for (int32_t tile = 0; tile < plan->map.n_tiles; tile++) {
                if (tile == 0 || (!plan->map.merged && tile % plan->map.group_tiles == 0)) {
                    for (int32_t p = 0; p < pixels; p++) {
                        fill_lane(&walk, y0 + p / plan->ow, p % plan->ow, tile / plan->map.group_tiles,
                                  lanes + (int64_t)p * plan->map.steps);
                    }
                }
                for (int32_t step = 0; step < plan->map.steps; step++) {
                    bt_filter_map_row(&plan->map, conv, data->weights, tile, step,
                                      weights + (int64_t)step * plan->hw.weight_row_bytes);
                }
                for (int32_t first = 0; first < pixels; first += plan->hw.rows) {
                    const int32_t rows = pixels - first < plan->hw.rows ? pixels - first : plan->hw.rows;
                    run_tile(&walk, data, tile, y0, first, rows, (int64_t)image * plan->oh * plan->ow, ofmap);
                }
            }
        }
    }
    status = BT_OK;
cleanup:
    free(lanes);
    free(weights);
    free(sums);
    return status;
}
