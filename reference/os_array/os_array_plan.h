/* What the rooms's files share: the plan of one layer, and the sizes that follow from the parameters. Freestanding. */
#ifndef OS_ARRAY_PLAN_H
#define OS_ARRAY_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/variant.h"
#include "reference/common/bt_filter_map.h"
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
 * filters. Plain data, no pointers.
 */
struct os_array_plan {
    struct os_array_hw hw;
    struct bt_conv2d conv;
    int32_t oh, ow;
    uint32_t in_pitch, out_pitch; /**< bytes per pixel */
    uint64_t in_addr, out_addr, weights_addr, table_addr, desc_addr;
    uint64_t in_image_bytes, out_image_bytes; /**< one image of the batch */
    struct bt_filter_map map;                 /**< columns: filters; words: vec_bytes, steps: cycles of a pixel tile */
    int32_t resident;
    /* pixels */
    int32_t block_rows, blocks, tiles, tiles_tail, rows_last, rows_tail;
    int32_t window_bytes;
    int32_t weight_beats; /**< 16-byte beats per filter tile, parameter records included */
};

extern const struct bt_driver os_array_driver;

enum bt_status os_array_model(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                              const struct bt_layer_data *data, const struct bt_blob *aux, void *ofmap,
                              struct bt_blob *profile);
enum bt_status os_array_cycles(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                               const struct bt_blob *aux, const struct bt_blob *profile,
                               struct bt_counters *prediction);
uint64_t os_array_roofline(const struct bt_config *config, const struct bt_layer *layers, uint32_t count);

/*
 * ---- time of one descriptor, for whoever has a plan (os_array_cycles.c) or only the descriptor (os_array_device.c) ----
 * Moments are clock cycles. A cycle that never comes is OS_ARRAY_FAR.
 */
#define OS_ARRAY_FAR (INT64_MAX / 4)

/** What the time of a descriptor follows from. Positions and addresses are modulo 2^32, as in hardware. */
struct os_array_work {
    struct os_array_hw hw;
    uint32_t desc_addr, table_addr, ifmap_addr, weights_addr;
    bool illegal; /**< refused after the fetch */
    bool table, resident;
    int64_t steps; /**< of one pixel tile */
    int32_t weight_beats;
    int32_t n_tiles;
    int32_t beats, beats_tail; /**< 16-byte beats of one pixel of a filter tile, of the last filter tile */
    int32_t blocks, tiles, tiles_tail, rows_last, rows_tail;
    uint32_t y_start, y_block, window_bytes, image_bytes; /**< fields of the descriptor */
};

/** Counted over the cycles of a descriptor. */
struct os_array_terms {
    int64_t control, fill, compute, load_stall, store_stall, drain, tiles, read_beats, write_beats;
    int64_t read_bursts; /**< only by os_array_walk() */
};

/** One pixel tile at the store engine: the moments that the cycles of its beats follow from. */
struct os_array_stored {
    int64_t take, bus, interval, beats;
};

/** What os_array_walk() is asked, and answers. */
struct os_array_watch {
    int64_t until;                  /**< in: count what happens in cycles before this one, and look no further */
    uint64_t dram_bytes;            /**< in: reads beyond are answered with an error */
    void (*restart)(void *context); /**< in, or NULL: what stored() was told is void, it begins again */
    void (*stored)(void *context, const struct os_array_stored *stored); /**< in, or NULL: each pixel tile, in order */
    void *context;
    struct os_array_terms terms; /**< out: of cycles before `until` */
    int64_t end;    /**< out: cycle in which all is written and answered, or refused; FAR: not known or never */
    int64_t failed; /**< out: cycle from which a failed read shows, where the descriptor was accepted; or FAR */
};

/**
 * @brief  Follows one descriptor cycle by cycle, memory errors included.
 * @param[in] start  Cycle in which the start is accepted, or in which the descriptor before was done.
 * @pre    1 <= mem->outstanding <= 64; mem->stall_percent counts as 0.
 */
void os_array_walk(const struct os_array_work *work, const struct bt_memory *mem, int64_t start,
                   struct os_array_watch *watch);

/** Cycle in which beat `beat` of a tile is on the bus. */
int64_t os_array_beat_cycle(const struct os_array_stored *stored, int64_t beat);

/** Does the memory answer every burst of this transfer? */
bool os_array_readable(uint32_t addr, int64_t beats, uint64_t dram_bytes);

/**
 * @brief  What a block reads of the ifmap.
 * @param[out] from   First byte, from the beginning of the ifmap.
 * @param[out] beats  16-byte beats; 0 from a damaged descriptor, and then the loader waits for ever.
 * @return false when the block reads nothing.
 */
bool os_array_window(const struct os_array_work *work, int64_t block, uint32_t *from, int64_t *beats);

/** The room in C behind its registers. */
extern const struct bt_sim_api os_array_device;

#endif
