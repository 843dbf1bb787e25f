#include "reference/ops/avgpool_s16.h"

#include <stddef.h>

#include "reference/ops/requantise.h"

/* 64 bits: a window may hold 2^32 elements, and then no accumulator bound needs to be stated. */
static int32_t window_average(const struct ref_pool2d *pool, const int16_t *image, const struct ref_window *window,
                              int32_t channel)
{
    int64_t sum = 0;
    for (int64_t y = window->y0; y < window->y1; y++) {
        for (int64_t x = window->x0; x < window->x1; x++) {
            sum += image[(y * pool->w + x) * pool->c + channel];
        }
    }
    const int64_t count = (int64_t)(window->y1 - window->y0) * (window->x1 - window->x0);
    const int64_t half = count / 2;
    return (int32_t)((sum > 0 ? sum + half : sum - half) / count);
}

enum bt_status ref_avgpool_s16(const struct ref_pool2d *pool, const int16_t *ifmap, int16_t *ofmap)
{
    if (pool == NULL || ifmap == NULL || ofmap == NULL || ref_pool2d_check(pool, INT16_MIN, INT16_MAX, NULL) != BT_OK) {
        return BT_EINVAL;
    }
    const int32_t oh = ref_pool2d_oh(pool);
    const int32_t ow = ref_pool2d_ow(pool);
    int64_t out = 0;
    for (int64_t n = 0; n < pool->n; n++) {
        const int16_t *image = ifmap + n * pool->h * pool->w * pool->c;
        for (int32_t oy = 0; oy < oh; oy++) {
            for (int32_t ox = 0; ox < ow; ox++) {
                const struct ref_window window = ref_pool2d_window(pool, oy, ox);
                for (int32_t c = 0; c < pool->c; c++, out++) {
                    const int32_t average = window_average(pool, image, &window, c);
                    ofmap[out] = (int16_t)ref_offset_clamp(average, 0, pool->act_min, pool->act_max);
                }
            }
        }
    }
    return BT_OK;
}
