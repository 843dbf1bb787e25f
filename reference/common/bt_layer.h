/* A layer as every engine sees it: geometry and number formats, no data. Freestanding: no libc. */
#ifndef BT_LAYER_H
#define BT_LAYER_H

#include <stdbool.h>
#include <stdint.h>

/** Largest kernel extent in either direction, in elements. */
#define BT_MAX_KERNEL 64
/** Largest extent of any tensor dimension, in elements. */
#define BT_MAX_DIM 65536

/** Number format of a layer: of its activations, and what follows from that for all else. */
enum bt_dtype {
    BT_S8, /**< TFLite int8, see struct bt_conv2d */
    /**
     * 16-bit fixed point: ifmap, weights (any value) and ofmap are int16 in the layouts of struct bt_conv2d; zero points are 0,
     * and padding is 0. bias is int32, shift in [-31, 7]. A sum, bias included, has at most 48 bits; it is requantised by
     * ref_requantise_s64() (multiplier of 16 bits, one rounding) and saturated to [act_min, act_max] within int16. There is
     * no table, no raw output and no pooling; rounding is ignored.
     */
    BT_S16,
    BT_S32,
    BT_BF16,
};

/** Requantisation: TFLite double rounding (gemmlowp), or the single rounding of TFLITE_SINGLE_ROUNDING. */
enum bt_rounding { BT_ROUND_DOUBLE, BT_ROUND_SINGLE };

enum bt_op {
    BT_OP_CONV2D, /**< any groups; depthwise is groups == c_in; fully connected is 1x1 on a 1x1 ifmap */
    BT_OP_MAXPOOL,
    BT_OP_AVGPOOL,
    BT_OP_ADD,
    BT_OP_MUL,
    BT_OP_CONCAT,
    BT_OP_UPSAMPLE, /**< nearest neighbour */
    BT_OP_SOFTMAX,
    BT_OP_SLICE, /**< a range of the channels */
    BT_OP_TABLE, /**< an activation by itself: out = table[in + 128] */
    BT_OP_INPUT, /**< node 0 of a graph */
    BT_OP_COUNT,
};

/**
 * 2-D convolution, int8 in the TFLite int8 specification; what differs for int16 stands at BT_S16. Extents in elements.
 * ifmap   [n][h][w][c_in] int8, zero point in_zp; padding is in_zp
 * weights [c_out][kh][kw][c_in/groups] int8 in [-127, 127], zero point 0
 * bias    [c_out] int32; mult [c_out] Q31 in [0, 2^31-1]; shift [c_out] in [-31, 30], positive is left
 * ofmap   [n][oh][ow][c_out] int8, or int32 sums (with bias) when raw is set
 */
struct bt_conv2d {
    int32_t n, h, w, c_in;
    int32_t c_out, kh, kw;
    int32_t stride_h, stride_w;
    int32_t dil_h, dil_w;
    int32_t pad_top, pad_bottom, pad_left, pad_right;
    int32_t groups;
    int32_t in_zp, out_zp;    /**< [-128, 127] */
    int32_t act_min, act_max; /**< clamp of the requantised value, within [-128, 127]; int16: within int16 */
    enum bt_rounding rounding;
    bool table; /**< a 256-entry int8 table follows the clamp: out = table[q + 128] */
    bool raw;   /**< output the int32 sums; no requantisation, clamp or table */
};

/**
 * Max-pooling of a layer's int8 results on their way to memory, after requantisation, clamp and table (Gemmini's mvout).
 * Extents in elements of the convolution's ofmap [n][oh][ow][c_out]; padding is no candidate for the maximum.
 * Never together with raw sums.
 */
struct bt_maxpool {
    int32_t kh, kw; /**< kh == 0: the layer has no pooling; else [1, BT_MAX_KERNEL] */
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_bottom, pad_left, pad_right; /**< each below the kernel's extent */
};

/**
 * One unit of work for an accelerator: a convolution, perhaps with max-pooling fused to it. A variant that does not pool
 * refuses the pooled layer (supports()), and who asked may run the two one after the other.
 * ofmap [n][bt_layer_oh][bt_layer_ow][c_out].
 */
struct bt_layer {
    enum bt_op op;
    enum bt_dtype dtype;
    union {
        struct bt_conv2d conv; /**< BT_OP_CONV2D */
    } u;
    struct bt_maxpool pool;
};

/** The tensors of one layer; which members are set follows from the layer. Shapes as in struct bt_conv2d. */
struct bt_layer_data {
    const void *ifmap;
    const void *weights;
    const int32_t *bias;
    const int32_t *mult;
    const int32_t *shift;
    const int8_t *table; /**< 256 entries, or NULL */
};

#endif
