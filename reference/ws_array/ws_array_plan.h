/* What the room's files share: the plan of one layer, and the sizes that follow from the parameters. Freestanding. */
#ifndef WS_ARRAY_PLAN_H
#define WS_ARRAY_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/variant.h"
#include "reference/common/bt_filter_map.h"
#include "reference/ws_array/ws_array_regs.h"

/** Hardware parameters and what follows from them, as in rtl/ws_array/ws_array_top.sv. */
struct ws_array_hw {
    int32_t dim;        /**< 8, 16, 32 or 64 rows and columns */
    int32_t spad_bytes; /**< scratchpad; four banks */
    int32_t acc_bytes;  /**< accumulator; two halves */
    int32_t bank_beats; /**< 16-byte beats of a scratchpad bank */
    int32_t half_rows;  /**< rows of DIM int32 sums in an accumulator half */
    int32_t word_beats; /**< beats of the weights of one word: DIM rows of DIM bytes */
};

/** Slots that the cycle model keeps track of: the planner asks for no more windows or chunks of weights at once. */
#define WS_ARRAY_MAX_SLOTS 64

struct ws_array_hw ws_array_hw(const struct bt_config *config);

/**
 * The mapping of one layer. Rows of the array hold bytes of the reduction, columns hold filters. The reduction of a pixel is
 * runs of contiguous ifmap bytes, each cut into words of DIM bytes; the ofmap as written (pooled where the layer pools) is
 * cut into tiles of whole pixels, one descriptor each. Plain data, no pointers.
 */
struct ws_array_plan {
    struct ws_array_hw hw;
    struct bt_conv2d conv;
    struct bt_maxpool pool;       /**< kernel and stride 1, no pads, where the layer does not pool */
    int32_t pooled;               /**< 1: the layer pools */
    int32_t oh, ow;               /**< of the convolution */
    int32_t ph, pw;               /**< as written */
    uint32_t in_pitch, out_pitch; /**< bytes per pixel */
    uint32_t in_row_bytes;        /**< from one ifmap row to the next, a multiple of 16 */
    uint64_t in_addr, out_addr, weights_addr, table_addr, desc_addr;
    uint64_t in_image_bytes, out_image_bytes; /**< one image of the batch */
    struct bt_filter_map map;                 /**< columns: filters; words of DIM bytes, rows of DIM weights */
    int32_t words;                            /**< of the whole reduction, kh * runs_x * run_words: map.steps / dim */
    int32_t filter_beats; /**< beats of a filter tile in DRAM: DIM parameter records, then words * word_beats */
    /* mapping onto time and buffers: what the planner chose */
    int32_t os;                   /**< 1: output stationary */
    int32_t tile_rows, tile_cols; /**< output pixels (as written) of a tile; smaller at the lower and right edge */
    int32_t tiles_y, tiles_x;     /**< row by row, left to right */
    int32_t ifmap_banks, window_slots, window_beats;
    int32_t chunk_words, chunks, chunk_tail, weight_slots, resident;
};

/** One tile of the ofmap: what its descriptor says. Rows and columns are half-open ranges. */
struct ws_array_tile {
    int32_t oy0, oy1, ox0, ox1;      /**< output pixels as written */
    int32_t cy0, cy1, cx0, cx1;      /**< pixels of the convolution's ofmap under them, within [0, oh) x [0, ow) */
    int32_t iy0, window_rows;        /**< ifmap rows loaded; at least one, even where all is padding */
    int32_t seg_from, seg_beats;     /**< bytes from the row's beginning, a multiple of 16; at least one beat */
    int32_t x_start, y_start, x_end; /**< as the descriptor fields */
    int32_t pool_y, pool_x;
};

void ws_array_tile(const struct ws_array_plan *plan, int32_t ty, int32_t tx, struct ws_array_tile *tile);

extern const struct bt_driver ws_array_driver;

enum bt_status ws_array_model(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                              const struct bt_layer_data *data, const struct bt_blob *aux, void *ofmap,
                              struct bt_blob *profile);
enum bt_status ws_array_cycles(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                               const struct bt_blob *aux, const struct bt_blob *profile,
                               struct bt_counters *prediction);
uint64_t ws_array_roofline(const struct bt_config *config, const struct bt_layer *layers, uint32_t count);

/** Clock cycles of one plan by term, and what else the RTL counts. */
struct ws_array_terms {
    int64_t
        cycles; /**< from the edge that accepts the start to the edge at which the interrupt rises: the sum of six terms */
    int64_t control, fill, compute, load_stall, store_stall, drain;
    int64_t tiles, read_beats, write_beats, acc_reads, preloads;
};

/**
 * @brief  The exact prediction (ws_array_driver_time.c), also what the planner minimises. Freestanding like the driver.
 * @return false where the memory is beyond what the model knows; terms are then 0.
 */
bool ws_array_time(const struct ws_array_plan *plan, const struct bt_memory *mem, struct ws_array_terms *terms);

#endif
