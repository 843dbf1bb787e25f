#ifndef REF_UPSAMPLE_NEAREST_S8_H
#define REF_UPSAMPLE_NEAREST_S8_H

#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

/** Nearest-neighbour upsampling by whole factors: each element becomes factor_h x factor_w of them. */
struct ref_upsample {
    int32_t n, h, w, c;         /**< [1, BT_MAX_DIM] */
    int32_t factor_h, factor_w; /**< [1, BT_MAX_DIM]; the output extents are within BT_MAX_DIM too */
};

/**
 * @brief  ofmap[n][y][x][c] = ifmap[n][y / factor_h][x / factor_w][c]; scale and zero point stay.
 * @param[in]  ifmap  [n][h][w][c] int8.
 * @param[out] ofmap  [n][h * factor_h][w * factor_w][c] int8; must not alias ifmap.
 * @return BT_OK; BT_EINVAL (null or out of range). On error nothing is written.
 * @source ONNX Resize, mode nearest, asymmetric, floor; TFLite RESIZE_NEAREST_NEIGHBOR without half-pixel centres.
 */
BT_MUST_CHECK enum bt_status ref_upsample_nearest_s8(const struct ref_upsample *upsample, const int8_t *ifmap,
                                                     int8_t *ofmap);

#endif
