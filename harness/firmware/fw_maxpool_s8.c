#include "harness/firmware/fw_maxpool_s8.h"

#include <stddef.h>

/* All channels of one window: `rows` of `cols` pixels each, the first at `from`. */
static void window_max(const struct ref_pool2d *pool, const int8_t *from, int32_t rows, int32_t cols, int8_t *to)
{
    const int32_t channels = pool->c;
    const int32_t row_bytes = pool->w * channels;
    const int32_t span = cols * channels;
    const int32_t min = pool->act_min;
    const int32_t limit = pool->act_max;
    for (const int8_t *end = to + channels; to < end; to++, from++) {
        int32_t max = min; /* the lower clamp, at once */
        const int8_t *row = from;
        for (int32_t y = 0; y < rows; y++) {
            for (const int8_t *x = row; x < row + span; x += channels) {
                max = *x > max ? *x : max;
            }
            row += row_bytes;
        }
        *to = (int8_t)(max < limit ? max : limit);
    }
}

enum bt_status fw_maxpool_s8(const struct ref_pool2d *pool, const int8_t *ifmap, int8_t *ofmap)
{
    if (pool == NULL || ifmap == NULL || ofmap == NULL || ref_pool2d_check(pool, INT8_MIN, INT8_MAX, NULL) != BT_OK) {
        return BT_EINVAL;
    }
    const int32_t oh = ref_pool2d_oh(pool);
    const int32_t ow = ref_pool2d_ow(pool);
    for (int32_t n = 0; n < pool->n; n++) {
        for (int32_t oy = 0; oy < oh; oy++) {
            for (int32_t ox = 0; ox < ow; ox++) {
                const struct ref_window window = ref_pool2d_window(pool, oy, ox);
                window_max(pool, ifmap + (window.y0 * pool->w + window.x0) * pool->c, window.y1 - window.y0,
                           window.x1 - window.x0, ofmap);
                ofmap += pool->c;
            }
        }
        ifmap += pool->h * pool->w * pool->c;
    }
    return BT_OK;
}
