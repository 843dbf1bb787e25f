#include "reference/ops/upsample_nearest_s8.h"

#include <stddef.h>

static bool extent_valid(int64_t extent)
{
    return extent >= 1 && extent <= BT_MAX_DIM;
}

enum bt_status ref_upsample_nearest_s8(const struct ref_upsample *upsample, const int8_t *ifmap, int8_t *ofmap)
{
    if (upsample == NULL || ifmap == NULL || ofmap == NULL || !extent_valid(upsample->n) ||
        !extent_valid(upsample->h) || !extent_valid(upsample->w) || !extent_valid(upsample->c) ||
        !extent_valid(upsample->factor_h) || !extent_valid(upsample->factor_w) ||
        !extent_valid((int64_t)upsample->h * upsample->factor_h) ||
        !extent_valid((int64_t)upsample->w * upsample->factor_w)) {
        return BT_EINVAL;
    }
    const int64_t oh = (int64_t)upsample->h * upsample->factor_h;
    const int64_t ow = (int64_t)upsample->w * upsample->factor_w;
    for (int64_t n = 0; n < upsample->n; n++) {
        for (int64_t y = 0; y < oh; y++) {
            for (int64_t x = 0; x < ow; x++) {
                const int64_t row = n * upsample->h + y / upsample->factor_h;
                const int8_t *pixel = ifmap + (row * upsample->w + x / upsample->factor_w) * upsample->c;
                for (int32_t c = 0; c < upsample->c; c++) {
                    *ofmap++ = pixel[c];
                }
            }
        }
    }
    return BT_OK;
}
