/* What the rooms's files share: the plan of one layer, and the sizes that follow from the parameters. Freestanding. */
#ifndef OS_ARRAY_PLAN_H
#define OS_ARRAY_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "harness/variant.h"
#include "reference/os_array/os_array_regs.h"

/** Hardware parameters and what follows from them, as in rtl/os_array/os_array_pkg.sv. */
struct os_array_hw {
    int32_t rows, cols;
    int32_t ibuf_bytes; /**< of one half */
    int32_t wbuf_k;     /**< steps in one half */
    int32_t obuf_tiles;
    int32_t vec_bytes;        /**< bytes a lane takes at once, cycles per step */
    int32_t weight_row_bytes; /**< bytes of one step's weights */
    int32_t col_groups;       /**< columns / 4, rounded up */
};

struct os_array_hw os_array_hw(const struct bt_config *config);

/**
 * The mapping of one convolution. Rows of the array hold ofmap pixels, consecutive over whole ofmap rows; columns hold
 * filters. Groups narrower than the array are packed: `pack` of them form one group of the hardware whose filters see
 * all their channels, with zero weights for those of their neighbours. Plain data, no pointers.
 */
struct os_array_plan {
    struct os_array_hw hw;
    struct bt_conv2d conv;
    int32_t oh, ow;
    uint32_t in_pitch, out_pitch; /**< bytes per pixel */
    uint64_t in_addr, out_addr, weights_addr, table_addr, desc_addr;
    uint64_t in_image_bytes, out_image_bytes; /**< one image of the batch */
    /* reduction */
    int32_t merged; /**< 1: one run covers a whole kernel row; 0: one run per kernel position */
    int32_t runs_x, run_bytes, run_words, k_cycles;
    /* filters */
    int32_t pack, hw_groups; /**< groups per hardware group; hardware groups */
    int32_t group_channels;  /**< channels of a hardware group */
    int32_t group_filters;   /**< filters of a hardware group */
    int32_t n_step, group_tiles, n_tiles, n_tail, resident;
    /* pixels */
    int32_t block_rows, blocks, tiles, tiles_tail, rows_last, rows_tail;
    int32_t window_bytes;
    int32_t weight_beats; /**< 16-byte beats per filter tile, parameter records included */
};

/** First filter of filter tile `tile`, and how many it holds. */
int32_t os_array_tile_filter(const struct os_array_plan *plan, int32_t tile, int32_t *count);

/** Weights of one step of a filter tile, plan->hw.weight_row_bytes bytes: columns in order, zero where nothing is. */
void os_array_weight_row(const struct os_array_plan *plan, const int8_t *weights, int32_t tile, int32_t step,
                         int8_t *row);

extern const struct bt_driver os_array_driver;

enum bt_status os_array_model(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                              const struct bt_layer_data *data, const struct bt_blob *aux, void *ofmap,
                              struct bt_blob *profile);
enum bt_status os_array_cycles(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                               const struct bt_blob *aux, const struct bt_blob *profile,
                               struct bt_counters *prediction);
uint64_t os_array_roofline(const struct bt_config *config, const struct bt_layer *layers, uint32_t count);

#endif
