/* What the files of the ONNX import share. Nobody else includes this. */
#ifndef BT_IMPORT_ONNX_H
#define BT_IMPORT_ONNX_H

#include <onnx/onnx.pb-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/error.h"
#include "harness/network.h"
#include "reference/graph/bt_graph.h"
#include "reference/graph/graph_float.h"
#include "reference/graph/import.h"

#define ONNX_RANK_MOST 8
#define ONNX_NODES_MOST 65536
/** Most elements of a tensor between nodes, and of an integer tensor that is computed while importing. */
#define ONNX_ELEMS_MOST (1 << 30)
#define ONNX_INTS_MOST 1024
/** As of the data folder's files: no trained weight comes near this. */
#define ONNX_FLOAT_MOST 1e6

/** bt_import_onnx() with another limit than BT_IMPORT_MEMORY_MOST, for its test. */
BT_MUST_CHECK enum bt_status onnx_import(size_t memory_most, const char *name, const unsigned char *data, size_t bytes,
                                         struct bt_model *model, struct bt_error *err);

/* ---- memory: counted, and refused beyond a limit -------------------------------------------------- */

struct onnx_block;
struct onnx_memory {
    size_t used, most; /**< bytes */
    bool exceeded;     /**< something was refused for the limit, not for want of memory */
    struct onnx_block *blocks;
};

/* ---- constants ----------------------------------------------------------------------------------------------------- */

/** A tensor of the file, or computed from such. Elements by onnx_real() and onnx_int() only. */
struct onnx_const {
    int32_t type; /**< ONNX__TENSOR_PROTO__DATA_TYPE__... */
    int32_t rank;
    int64_t dims[ONNX_RANK_MOST];
    int64_t elems;            /**< 0 is possible */
    const unsigned char *raw; /**< little-endian; or one of the next four */
    const float *floats;
    const double *doubles;
    const int32_t *ints32;
    const int64_t *ints64;
    /* integers behind DequantizeLinear: real = scale * (q - zp); zp NULL is 0 */
    bool quantised;
    int32_t axis; /**< of several scales; of one, any */
    const struct onnx_const *scale, *zp;
};

double onnx_real(const struct onnx_const *constant, int64_t index);
int64_t onnx_int(const struct onnx_const *constant, int64_t index);

/* ---- what becomes of the nodes ---------------------------------------------------------------------------------- */

/** Scale and zero point of int8 values; uint8 ones are shifted by 128. */
struct onnx_format {
    double scale;
    int32_t zp;
};

/** A node of the graph to be made, float or int8. */
struct onnx_layer {
    char name[BT_MAX_NAME + 1];
    enum bt_op op;
    enum bt_act act;
    float slope; /**< of BT_ACT_LEAKY */
    uint32_t input_count;
    uint32_t inputs[BT_GRAPH_INPUTS];
    int32_t h, w, c;
    union {
        struct bt_conv2d conv;
        struct ref_pool2d pool;
        int32_t upsample_scale;
        int32_t slice_from;
    } u;
    float *weights, *bias; /**< float model: as struct bt_float_node, which takes them over */
    int8_t *codes;         /**< int8 model: as struct bt_graph_node, which takes them over */
    int32_t *code_bias;
    double *code_scales; /**< [c_out], of the codes */
    bool has_format;     /**< int8 model: of the output; set by the QuantizeLinear behind it at the latest */
    struct onnx_format format;
    uint32_t readers; /**< layers */
    uint32_t folds;   /**< scalings that its weights have taken up */
    bool result;      /**< itself, or by a copy of it */
};

/** How the elements of a tensor of the file lie, seen from the layer's [h][w][c]. */
enum onnx_order {
    ONNX_CHW,  /**< channel by channel, whatever the dimensions say */
    ONNX_HWC,  /**< as in the layer */
    ONNX_LOST, /**< in any other way: only element-wise operators and results can use it */
};

/** A named tensor of the file. */
struct onnx_value {
    const char *name;
    enum { ONNX_UNKNOWN, ONNX_TENSOR, ONNX_CONST, ONNX_LAYER } kind;
    const Onnx__TensorProto *tensor; /**< ONNX_TENSOR: becomes ONNX_CONST when first read */
    struct onnx_const constant;
    int32_t producer;             /**< node that puts it out, or -1 */
    int32_t reader;               /**< last node that reads it */
    uint32_t readers;             /**< uses by nodes that matter, and as result */
    uint32_t layer;               /**< ONNX_LAYER */
    int32_t rank;                 /**< of the tensor; all of its dimensions are at least 1 */
    int64_t dims[ONNX_RANK_MOST]; /**< the batch counts as 1 */
    enum onnx_order order;
    bool sole;        /**< no other tensor than this one has the layer's values */
    bool codes;       /**< int8 or uint8 values themselves */
    bool is_unsigned; /**< of codes: uint8 in the file */
    bool dequantised; /**< reals behind DequantizeLinear, or moved from there */
    enum bt_act gate; /**< BT_ACT_SILU, BT_ACT_HARD_SWISH: what the product with the layer's values makes of them */
    int32_t pad[4];   /**< zeros around the image that no layer adds yet: top, left, bottom, right */
};

struct onnx_names;
struct onnx_import {
    const char *name; /**< of the graph */
    struct bt_error *err;
    struct onnx_memory memory;
    Onnx__ModelProto *model;
    const Onnx__NodeProto *node; /**< at work; NULL: none */
    int64_t opset;
    int64_t batch; /**< as the file states it; 1 where it states none */
    bool int8;     /**< the model has quantised operators */
    bool has_qdq, has_qoperator;
    struct onnx_value *values;
    uint32_t value_count;
    struct onnx_names *names;
    struct onnx_layer *layers;
    uint32_t layer_count, layer_room;
};

/* ---- import_onnx_proto.c: memory, messages, attributes ------------------------------------------------------------- */

/** Zeroed, and released with all of the import's. NULL: status is set by onnx_no_memory(). */
void *onnx_take(struct onnx_import *im, size_t count, size_t size);
/** Zeroed; released with free() by its new owner, and counted until the import ends. */
void *onnx_take_for_graph(struct onnx_import *im, size_t count, size_t size);
/** BT_EINPUT beyond the limit, else BT_ENOMEM; a macro, so that whoever reads the code sees that it is no BT_OK. */
#define onnx_no_memory(im) (onnx_say_no_memory(im) ? BT_EINPUT : BT_ENOMEM)
bool onnx_say_no_memory(struct onnx_import *im);
BT_MUST_CHECK enum bt_status onnx_parse(struct onnx_import *im, const unsigned char *data, size_t bytes);
/** All but the layers' own. */
void onnx_close(struct onnx_import *im);

/** One line with the model's name and the node at work; BT_EINPUT. */
#define onnx_refuse(im, ...) (onnx_say((im), __VA_ARGS__), BT_EINPUT)
__attribute__((format(printf, 2, 3))) void onnx_say(struct onnx_import *im, const char *format, ...);
/** Name of a node: its own, or that of its first output. */
const char *onnx_node_name(const Onnx__NodeProto *node);

/** Of the node at work; NULL where it has none of that name. */
const Onnx__AttributeProto *onnx_attribute(const struct onnx_import *im, const char *name);
int64_t onnx_attribute_int(const struct onnx_import *im, const char *name, int64_t otherwise);
double onnx_attribute_real(const struct onnx_import *im, const char *name, double otherwise);
/** Is the string attribute this text? Where it is missing: `otherwise`. */
bool onnx_attribute_is(const struct onnx_import *im, const char *name, const char *text, bool otherwise);

/** @param[in] what  For the message. */
BT_MUST_CHECK enum bt_status onnx_read_tensor(struct onnx_import *im, const char *what, const Onnx__TensorProto *tensor,
                                              struct onnx_const *constant);

/* ---- import_onnx_walk.c: names, order of the nodes --------------------------------------------------------------- */

/** Fills layers from the model. */
BT_MUST_CHECK enum bt_status onnx_walk(struct onnx_import *im);

/** Of the node at work; NULL: left out. */
struct onnx_value *onnx_input(const struct onnx_import *im, size_t index);
struct onnx_value *onnx_output(const struct onnx_import *im, size_t index);
BT_MUST_CHECK enum bt_status onnx_const_input(struct onnx_import *im, size_t index, const char *what,
                                              const struct onnx_const **constant);
/** A NULL constant where the input is left out. */
BT_MUST_CHECK enum bt_status onnx_optional_input(struct onnx_import *im, size_t index, const char *what,
                                                 const struct onnx_const **constant);

/** A file's name as the graph has it, unique; suffix "" or ".act" or the like. */
void onnx_unique_name(struct onnx_import *im, const char *base, const char *suffix, char name[BT_MAX_NAME + 1]);

/* ---- import_onnx_layer.c: layers and the values they put out ------------------------------------------------------- */

/** The next layer, with the shape and (int8, where keep is set) the format of its input. */
BT_MUST_CHECK enum bt_status onnx_add_layer(struct onnx_import *im, enum bt_op op, const char *base, const char *suffix,
                                            uint32_t input, bool keep, uint32_t *layer);
BT_MUST_CHECK enum bt_status onnx_set_shape(struct onnx_import *im, uint32_t layer, int64_t h, int64_t w, int64_t c);
/** The node at work puts out that layer: like a value but for the layer, or as [1][c][h][w]. Codes are set by the caller. */
void onnx_put_like(struct onnx_import *im, size_t output, const struct onnx_value *like, uint32_t layer);
void onnx_put_image(struct onnx_import *im, size_t output, const struct onnx_value *like, uint32_t layer);
/** Another view of the same layer: may an operator still change it? */
void onnx_put_view(struct onnx_import *im, size_t output, const struct onnx_value *of);
/** May the node at work, reading this value, change the layer itself? */
bool onnx_may_change(const struct onnx_value *value);

/** Input that is computed, as reals or as codes; no gate, no zeros around it unless padded is set. */
BT_MUST_CHECK enum bt_status onnx_data_input(struct onnx_import *im, size_t index, bool padded,
                                             struct onnx_value **value);
/** The same for an operator that computes: reals, and of an int8 model dequantised ones. */
BT_MUST_CHECK enum bt_status onnx_real_input(struct onnx_import *im, size_t index, bool padded,
                                             struct onnx_value **value);
/** The same for one that moves or picks values, reals or codes. */
BT_MUST_CHECK enum bt_status onnx_moved_input(struct onnx_import *im, size_t index, bool padded,
                                              struct onnx_value **value);
/** [1][c][h][w]: otherwise refused. */
BT_MUST_CHECK enum bt_status onnx_need_image(struct onnx_import *im, const struct onnx_value *value);
/** Index of the dimension that holds the channels, or -1. */
int32_t onnx_channel_axis(const struct onnx_import *im, const struct onnx_value *value);
/** From negative ones, too; -1: out of range. */
int32_t onnx_axis(int64_t axis, int32_t rank);

/* ---- operators: one function each, named in the table of import_onnx_walk.c ---------------------------------------- */

typedef enum bt_status onnx_handler(struct onnx_import *im);
/* import_onnx_conv.c */
onnx_handler onnx_conv, onnx_gemm, onnx_matmul, onnx_batch_norm;
onnx_handler onnx_qlinear_conv, onnx_qlinear_matmul, onnx_qgemm;
/* import_onnx_pool.c */
onnx_handler onnx_max_pool, onnx_average_pool, onnx_global_average_pool, onnx_global_max_pool, onnx_reduce_mean;
onnx_handler onnx_qlinear_average_pool, onnx_qlinear_global_average_pool;
/* import_onnx_elementwise.c */
onnx_handler onnx_relu, onnx_clip, onnx_leaky_relu, onnx_prelu, onnx_sigmoid, onnx_tanh, onnx_hard_sigmoid,
    onnx_hard_swish, onnx_add, onnx_sub, onnx_mul, onnx_div, onnx_softmax;
onnx_handler onnx_qlinear_add, onnx_qlinear_mul, onnx_qlinear_sigmoid, onnx_qlinear_leaky_relu, onnx_qlinear_softmax;
/* import_onnx_move.c */
onnx_handler onnx_concat, onnx_split, onnx_slice, onnx_resize, onnx_upsample, onnx_pad, onnx_qlinear_concat;
onnx_handler onnx_identity, onnx_cast, onnx_flatten, onnx_reshape, onnx_squeeze, onnx_unsqueeze, onnx_transpose;
/* import_onnx_fold.c: of constants */
onnx_handler onnx_constant, onnx_constant_of_shape, onnx_shape, onnx_gather;
/* import_onnx_quant.c */
onnx_handler onnx_quantize, onnx_dequantize;

/* import_onnx_fold.c: the operator where all inputs are constants; *done false: not one that is computed here. */
BT_MUST_CHECK enum bt_status onnx_fold(struct onnx_import *im, bool *done);
/** Dimensions of a tensor behind Reshape, Flatten, Squeeze, Unsqueeze at work. */
struct onnx_dims {
    int32_t rank;
    int64_t dims[ONNX_RANK_MOST];
};
BT_MUST_CHECK enum bt_status onnx_new_dims(struct onnx_import *im, const struct onnx_dims *from, struct onnx_dims *to);
/** Permutation of the Transpose at work. */
BT_MUST_CHECK enum bt_status onnx_permutation(struct onnx_import *im, int32_t rank, int32_t *perm);
/** What the Slice at work takes of each dimension. */
struct onnx_cut {
    int64_t start, count, step;
};
BT_MUST_CHECK enum bt_status onnx_cuts(struct onnx_import *im, const struct onnx_dims *from, struct onnx_cut *cuts);
/** The node at work puts out a copy of the constant's description (not of its elements). */
void onnx_put_const(struct onnx_import *im, size_t output, const struct onnx_const *constant);
/** A list of integers with as many elements as its dimension says, at most ONNX_INTS_MOST. */
BT_MUST_CHECK enum bt_status onnx_ints_new(struct onnx_import *im, int64_t count, int64_t **ints,
                                           struct onnx_const *constant);

/* import_onnx_conv.c: y = mult[c] x + add[c], folded where it can be, else a layer of its own. */
BT_MUST_CHECK enum bt_status onnx_affine(struct onnx_import *im, const struct onnx_value *x, const double *mult,
                                         const double *add);
/** Turns an average pooling into the depthwise convolution whose weights are all 1 / (kh * kw): padding counts as 0. */
BT_MUST_CHECK enum bt_status onnx_average_by_conv(struct onnx_import *im, uint32_t layer);
/** A window of the node at work: kernel_shape, strides, dilations, pads, auto_pad; kernel 0: the attribute is needed. */
struct onnx_window {
    int64_t kernel[2], stride[2], dilation[2];
    int64_t pad[4]; /* top, left, bottom, right */
};
BT_MUST_CHECK enum bt_status onnx_read_window(struct onnx_import *im, const struct onnx_layer *in,
                                              struct onnx_window *window);
/* import_onnx_elementwise.c */
BT_MUST_CHECK enum bt_status onnx_activate(struct onnx_import *im, const struct onnx_value *x, enum bt_act act,
                                           double slope);

/* import_onnx_quant.c: formats of an int8 model */
BT_MUST_CHECK enum bt_status onnx_read_format(struct onnx_import *im, const struct onnx_const *scale,
                                              const struct onnx_const *zp, bool is_unsigned,
                                              struct onnx_format *format);
/** Gives the layer's output a format; another layer follows where the operator cannot do it itself. */
BT_MUST_CHECK enum bt_status onnx_set_format(struct onnx_import *im, uint32_t *layer, const struct onnx_format *format);
/** An operand of a QLinear operator: codes with scale and zero point in the two inputs behind it. */
BT_MUST_CHECK enum bt_status onnx_codes_input(struct onnx_import *im, size_t index, struct onnx_value **value);
/** Output 0 becomes codes in the format that these two inputs state. */
BT_MUST_CHECK enum bt_status onnx_put_codes(struct onnx_import *im, size_t scale_index, size_t zp_index);
/** Scale of one filter of a quantised constant. */
BT_MUST_CHECK enum bt_status onnx_scale_at(struct onnx_import *im, const struct onnx_const *constant, int64_t index,
                                           double *scale);

/* import_onnx_float.c, import_onnx_int8.c: the graphs */
BT_MUST_CHECK enum bt_status onnx_make_float(struct onnx_import *im, struct bt_float_graph **graph);
BT_MUST_CHECK enum bt_status onnx_make_int8(struct onnx_import *im, struct bt_graph **graph);

#endif
