#include "reference/ops/maxpool_s8.h"

#include <stddef.h>

#include "reference/ops/requantise.h"

static int32_t window_max(const struct ref_pool2d *pool, const int8_t *image, const struct ref_window *window,
                          int32_t channel)
{
    int32_t max = INT8_MIN;
    for (int64_t y = window->y0; y < window->y1; y++) {
        for (int64_t x = window->x0; x < window->x1; x++) {
            const int8_t value = image[(y * pool->w + x) * pool->c + channel];
            max = value > max ? value : max;
        }
    }
    return max;
}

enum bt_status ref_maxpool_s8(const struct ref_pool2d *pool, const int8_t *ifmap, int8_t *ofmap)
{
    if (pool == NULL || ifmap == NULL || ofmap == NULL || ref_pool2d_check(pool, INT8_MIN, INT8_MAX, NULL) != BT_OK) {
        return BT_EINVAL;
    }
    const int32_t oh = ref_pool2d_oh(pool);
    const int32_t ow = ref_pool2d_ow(pool);
    int64_t out = 0;
    for (int64_t n = 0; n < pool->n; n++) {
        const int8_t *image = ifmap + n * pool->h * pool->w * pool->c;
        for (int32_t oy = 0; oy < oh; oy++) {
            for (int32_t ox = 0; ox < ow; ox++) {
                const struct ref_window window = ref_pool2d_window(pool, oy, ox);
                for (int32_t c = 0; c < pool->c; c++, out++) {
                    const int32_t max = window_max(pool, image, &window, c);
                    ofmap[out] = (int8_t)ref_offset_clamp(max, 0, pool->act_min, pool->act_max);
                }
            }
        }
    }
    return BT_OK;
}
