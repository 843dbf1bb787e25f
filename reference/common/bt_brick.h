/*
 * The DaDianNao family (dadiannao, bit_tactical): how a convolution lies on tiles of adder trees, its weight stream, its
 * driver, its bit-true model and its time. A brick is LANES values of consecutive channels of one pixel; a row of a filter
 * is the weights that meet one brick; a warp is the filters that the slots (TILES x FILTERS) work on at once. RTL:
 * rtl/common/bt_brick.sv. Freestanding, except bt_brick_host.c.
 */
#ifndef BT_BRICK_H
#define BT_BRICK_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/variant.h"
#include "reference/common/bt_brick_regs.h"

#define BT_BRICK_MAX_TILES 4
#define BT_BRICK_MAX_SLOTS 64
#define BT_BRICK_MAX_LANES 32
#define BT_BRICK_MAX_CHANNELS 65536
#define BT_BRICK_MAX_INPUTS 10

/** Hardware parameters, and what follows from them as in bt_brick.sv. */
struct bt_brick_hw {
    int32_t tiles, filters, lanes, bits;
    int32_t ifmap_bytes, ofmap_bytes; /**< of one half */
    int32_t weight_rows;              /**< steps in one half of the weight memory */
    int32_t band_pixels, table_rows;
    int32_t slots;
    int32_t elem_bytes, brick_bytes;
    int32_t word_bytes; /**< of the ofmap memory: a column per slot, at least 16 bytes */
    int32_t row_beats;  /**< 16-byte beats of one raw step */
    int32_t entries;    /**< of one beat of a packed step */
};

struct bt_brick_hw bt_brick_hw(const struct bt_config *config);

/** Parameters that all rooms of the family have, for their tables; BT_BRICK_PARAMS(bits) with the default of BITS. */
#define BT_BRICK_PARAMS                                                                                                \
    {"TILES", 1, 4, 4, "tiles: 1, 2 or 4"}, {"FILTERS", 1, 16, 16, "filters of a tile at once, a power of two"},       \
        {"LANES", 8, 32, 16, "multipliers of a filter; LANES * BITS is 128 or 256"},                                   \
        {"BITS", 8, 16, 16, "bits of an operand, 8 or 16"},                                                            \
        {"IFMAP_BYTES", 4096, 1 << 24, 1 << 21, "ifmap memory, both halves, a power of two"},                          \
        {"OFMAP_BYTES", 4096, 1 << 24, 1 << 21, "ofmap memory, both halves, a power of two"},                          \
        {"WEIGHT_ROWS", 4, 1024, 64, "steps in one half of the weight memory, a power of two"},                        \
        {"BAND_PIXELS", 16, 4096, 1024, "partial sums of a filter, a power of two"},                                   \
    {                                                                                                                  \
        "TABLE_ROWS", 16, 16384, 2048, "bricks of a filter, a power of two"                                            \
    }

/** Refuses parameters that contradict each other: BT_EINPUT. */
BT_MUST_CHECK enum bt_status bt_brick_check(const struct bt_config *config, struct bt_reason *why);

/** Multipliers: slots * lanes. */
uint64_t bt_brick_multipliers(const struct bt_config *config);

/**
 * Where a weight with select s finds its operand, seen from its lane: 0 there, i + 1 ahead[i] rows further and aside[i] lanes
 * beside, modulo lanes. The dense baseline has no inputs.
 */
struct bt_brick_connect {
    int32_t lookahead, inputs;
    int8_t ahead[BT_BRICK_MAX_INPUTS], aside[BT_BRICK_MAX_INPUTS];
};

/**
 * Offline weights, what prepare() leaves: this header, an item's facts for each item, the channel of each slot of each warp
 * (-1: none), and at image_at the weight stream itself. Without it the stream is raw, made by pack().
 */
#define BT_BRICK_AUX_MAGIC 0x314b5242u /* "BRK1" */
struct bt_brick_item {
    uint32_t beats, steps;
};
/** Weights that are not zero, and of these those promoted within their lane, from another one. */
struct bt_brick_worth {
    uint64_t effectual, ahead, aside;
};
struct bt_brick_aux {
    uint32_t magic, bytes;
    uint32_t items, warps, slots;
    uint32_t packed;                          /**< 0: the raw stream pays more; the rest is empty */
    uint32_t scheduled;                       /**< steps were merged, for describe() */
    uint32_t items_at, channels_at, image_at; /**< bytes from the beginning, multiples of 16 */
    uint32_t image_beats;
    uint32_t rows, steps; /**< of all warps: rows, steps that are left of them */
    struct bt_brick_worth worth;
};

/** A layer on the hardware. Plain data, no pointers. */
struct bt_brick_plan {
    struct bt_brick_hw hw;
    struct bt_conv2d conv;
    int32_t oh, ow;
    uint32_t in_pitch, out_pitch; /**< bytes per pixel */
    uint64_t in_addr, out_addr, desc_addr, table_addr, rows_addr, weights_addr;
    uint64_t in_image_bytes, out_image_bytes;
    /* reduction: row r is kernel position r / row_bricks, brick r % row_bricks behind the tile's first */
    int32_t pixel_bricks; /**< of the ifmap */
    int32_t row_bricks;   /**< that a tile's filters see of one pixel, at most */
    int32_t rows;
    /* filters */
    int32_t warps, chunks; /**< chunks: items of a warp in the raw stream */
    int32_t packed, scheduled;
    int32_t items;
    uint32_t first_beats;
    uint64_t image_beats;
    /* bands of ofmap rows */
    int32_t band_rows, bands, tail_rows, span, span_tail, piece_rows, words;
};

/** The channel of a slot of a warp in the raw stream, -1 where there is none. */
int32_t bt_brick_channel(const struct bt_brick_plan *plan, int32_t warp, int32_t slot);

/** First brick of a pixel that a tile's filters see in the raw order; filters are never shuffled where groups differ in it. */
int32_t bt_brick_tile_brick(const struct bt_brick_plan *plan, int32_t warp, int32_t tile);

/** Weight of channel `channel` (-1: 0) in row `row`, lane `lane`, of a tile whose first brick is `tile_brick`. */
int32_t bt_brick_weight(const struct bt_brick_plan *plan, const void *weights, int32_t channel, int32_t tile_brick,
                        int32_t row, int32_t lane);

/**
 * @brief  Everything that follows from shape and configuration but bands and addresses: what prepare() needs.
 * @param[in] in_pitch  Bytes per ifmap pixel, 0: the densest the hardware reads.
 * @return BT_OK; BT_EUNSUPPORTED with the numbers; BT_EINVAL.
 */
BT_MUST_CHECK enum bt_status bt_brick_map(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                                          uint32_t in_pitch, struct bt_brick_plan *plan, struct bt_reason *why);

/**
 * @brief  Chooses the bands: of a few heights, the one that the time model finds fastest.
 * @param[in] aux  Or NULL: raw weights.
 */
BT_MUST_CHECK enum bt_status bt_brick_bands(struct bt_brick_plan *plan, const struct bt_memory *mem,
                                            const struct bt_blob *aux, struct bt_reason *why);

/* ---- weight stream (bt_brick_stream.c) ---- */

/** Beats and steps of item `item`. */
struct bt_brick_item bt_brick_item(const struct bt_brick_plan *plan, const struct bt_blob *aux, int32_t item);

/** The head of an item: 4 words. */
void bt_brick_head(const struct bt_brick_plan *plan, const struct bt_blob *aux, int32_t item, uint32_t beat[4]);

/** The record of a slot: 4 words. */
void bt_brick_record(const struct bt_brick_plan *plan, const struct bt_layer_data *data, int32_t warp, int32_t slot,
                     int32_t channel, uint32_t beat[4]);

/** One raw step: row_beats * 16 bytes. */
void bt_brick_raw_step(const struct bt_brick_plan *plan, const void *weights, int32_t warp, int32_t row,
                       uint8_t *bytes);

/** Schedule of one warp: step s of tile t begins with row base[t][s] and takes, per filter and lane, the weight that select says. */
#define BT_BRICK_NO_WEIGHT 0xff
struct bt_brick_schedule {
    int32_t steps;                          /**< of the tile that takes most */
    int32_t tile_steps[BT_BRICK_MAX_TILES]; /**< the others are idle in the end */
    const int32_t *base[BT_BRICK_MAX_TILES];
    const uint8_t
        *select[BT_BRICK_MAX_TILES]; /**< [steps][filters][lanes]; BT_BRICK_NO_WEIGHT, or which input; NULL: all 0 */
};

/**
 * @brief  The items of one warp, packed.
 * @param[in]  channels  [slots] of this warp.
 * @param[out] items     [ceil(steps / weight_rows), at least 1] beats and steps of each.
 * @param[out] image     NULL: only counts; who has all items writes into each head how long the next one is.
 * @param[in,out] worth  Added to.
 * @return beats.
 */
uint64_t bt_brick_pack_warp(const struct bt_brick_plan *plan, const struct bt_brick_connect *connect,
                            const struct bt_brick_schedule *schedule, const struct bt_layer_data *data, int32_t warp,
                            const int32_t *channels, struct bt_brick_item *items, uint8_t *image,
                            struct bt_brick_worth *worth);

/** Items of a warp of so many steps. */
int32_t bt_brick_items_of(const struct bt_brick_plan *plan, int32_t steps);

/**
 * What a weight stream says of one weight: its warp, step (of the warp), slot and lane, and the operand that it meets: row, lane.
 */
struct bt_brick_use {
    int32_t warp, step, slot, lane, select;
    int32_t channel, tile_brick, row, row_lane, weight;
};

/**
 * Called by bt_brick_read(): for each warp (or NULL) with the channels of its slots, -1 for none, and their records; and for each
 * weight.
 */
struct bt_brick_visitor {
    void (*warp)(void *context, int32_t warp, const int32_t *channels, const uint8_t *records);
    void (*use)(void *context, const struct bt_brick_use *use);
    void *context;
};

/**
 * @brief  Reads a stream as the hardware does and calls the visitor for each warp and each weight that is not zero.
 * @return BT_OK; BT_EINPUT (an item that does not have what it states, a select or a lane that is none), with the item.
 */
BT_MUST_CHECK enum bt_status bt_brick_read(const struct bt_brick_plan *plan, const struct bt_brick_connect *connect,
                                           const uint8_t *image, const struct bt_brick_visitor *visitor,
                                           struct bt_reason *why);

/**
 * @brief  Does the stream compute the layer: each filter once, with its bias and scale, and with these weights, each once, at a
 *         lane that the connectivity allows?
 * @return BT_OK; BT_EINPUT: why->got is the first wrong lane's number, (warp * slots + slot) * lanes + lane.
 */
BT_MUST_CHECK enum bt_status bt_brick_verify(const struct bt_brick_plan *plan, const struct bt_brick_connect *connect,
                                             const struct bt_layer_data *data, const uint8_t *image,
                                             struct bt_reason *why);

/* ---- driver (bt_brick_driver.c) ---- */

enum bt_status bt_brick_supports(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                                 struct bt_reason *why);
enum bt_status bt_brick_make_plan(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                                  const struct bt_blob *aux, struct bt_io *io, void *plan, struct bt_reason *why);
enum bt_status bt_brick_pack(const void *plan, const struct bt_layer_data *data, const struct bt_blob *aux,
                             struct bt_hal *hal, struct bt_reason *why);
void bt_brick_load(const void *plan, const void *ifmap, struct bt_hal *hal);
void bt_brick_program(const void *plan, struct bt_hal *hal);
void bt_brick_start(void *plan, struct bt_hal *hal);
enum bt_status bt_brick_service(void *plan, struct bt_hal *hal, enum bt_event event, struct bt_reason *why);
void bt_brick_unpack(const void *plan, struct bt_hal *hal, void *ofmap);
void bt_brick_finish(void *plan, struct bt_hal *hal, struct bt_counters *counters);

/* ---- time (bt_brick_time.c) ---- */

struct bt_brick_terms {
    int64_t cycles, control, fill, compute, turn, load_stall, store_stall, drain;
    int64_t passes, read_beats, write_beats;
};

/**
 * @brief  Cycles from the edge that accepts the start to the edge at which the interrupt rises; the CPU is left out.
 * @param[in] aux  Or NULL: raw weights.
 * @return false where the memory is none that the closed form knows (outstanding).
 */
bool bt_brick_time(const struct bt_brick_plan *plan, const struct bt_memory *mem, const struct bt_blob *aux,
                   struct bt_brick_terms *terms);

/* ---- host only: model (bt_brick_host.c, in each room's name), prediction, texts ---- */

enum bt_status bt_brick_cycles(const struct bt_config *config, const void *plan, const struct bt_blob *aux,
                               struct bt_counters *prediction);

#endif
