/*
 * How a convolution's filters and its reduction lie on an array whose columns hold filters: what rooms with such an array
 * share. Freestanding.
 */
#ifndef BT_FILTER_MAP_H
#define BT_FILTER_MAP_H

#include <stdint.h>

#include "reference/common/bt_layer.h"

/**
 * The reduction of an ofmap pixel is runs of contiguous ifmap bytes, each cut into words; a step is one byte. Filters are
 * cut into tiles of at most one per column. Groups narrower than the array are packed: `pack` of them form one group of
 * the hardware whose filters see all their channels, with zero weights for those of their neighbours. Plain data.
 */
struct bt_filter_map {
    /* what it was made for */
    int32_t in_pitch;   /**< bytes from one ifmap pixel to the next */
    int32_t cols;       /**< of the array */
    int32_t word_bytes; /**< the reduction is taken in words of that many bytes */
    int32_t row_bytes;  /**< of one step's weights, at least cols */
    /* reduction */
    int32_t merged; /**< 1: one run covers a whole kernel row; 0: one run per kernel position */
    int32_t runs_x, run_bytes, run_words;
    int32_t steps; /**< of the whole reduction, kh * runs_x * run_words * word_bytes */
    /* filters */
    int32_t pack, hw_groups; /**< groups per hardware group; hardware groups */
    int32_t group_channels;  /**< channels of a hardware group */
    int32_t group_filters;   /**< filters of a hardware group */
    int32_t n_step;          /**< filters of a tile; the last one holds n_tail */
    int32_t group_tiles, n_tiles, n_tail;
};

/**
 * @brief  Maps a convolution: the packing with the fewest words per pixel, and the fewer words of merged and separate runs.
 *         A tile's int8 or int32 results of one pixel never straddle a 16-byte beat unless they fill whole beats.
 * @pre    bt_conv2d_check() passed; in_pitch >= c_in; all else positive; kw * in_pitch fits 32 bits.
 */
struct bt_filter_map bt_filter_map(const struct bt_conv2d *conv, int32_t in_pitch, int32_t cols, int32_t word_bytes,
                                   int32_t row_bytes);

/** First filter of filter tile `tile`, and how many it holds. */
int32_t bt_filter_map_tile(const struct bt_filter_map *map, int32_t tile, int32_t *count);

/** Filter tile that holds filter `filter`, and its column there. */
int32_t bt_filter_map_find(const struct bt_filter_map *map, int32_t filter, int32_t *column);

/**
 * @brief  Weights of one step of a filter tile, in the order of the columns, zero where nothing is.
 * @param[in]  weights  [c_out][kh][kw][c_in/groups].
 * @param[in]  step     [0, steps).
 * @param[out] row      row_bytes bytes.
 */
void bt_filter_map_row(const struct bt_filter_map *map, const struct bt_conv2d *conv, const int8_t *weights,
                       int32_t tile, int32_t step, int8_t *row);

#endif
