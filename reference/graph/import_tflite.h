/*
 * What the three parts of the TFLite importer share; nobody else includes this. import_tflite.c reads the file,
 * import_tflite_ops.c turns its operators into a list of nodes, checked for shapes, and import_tflite_build.c makes of them
 * a quantised or a float graph.
 */
#ifndef BT_IMPORT_TFLITE_H
#define BT_IMPORT_TFLITE_H

#include "harness/network.h"
#include "reference/graph/flatbuffer.h"
#include "reference/graph/import.h"

#define BT_TFL_RANK 4
#define BT_TFL_NONE UINT32_MAX
#define BT_TFL_ARGUMENTS 64 /* most inputs or outputs of one operator */
#define BT_TFL_SCALE_MOST 1e6f

struct bt_tfl_tensor {
    bool looked; /* everything below is set */
    char name[48];
    int32_t type;
    uint32_t rank;
    int32_t dims[BT_TFL_RANK];
    int64_t elems;
    const unsigned char *data; /* constants: elems of its type; else NULL */
    struct bt_fb_vector scales, zps;
    int64_t axis; /* that the scales belong to */
    /* while operators are read */
    int32_t node;                                     /* that puts it out, or -1 */
    int32_t pad_top, pad_bottom, pad_left, pad_right; /* PAD that its readers are to do */
    uint32_t readers;                                 /* operators' inputs and the graph's outputs */
};

/* What a BT_OP_TABLE node does. */
enum bt_tfl_table {
    BT_TFL_RELU,
    BT_TFL_RELU6,
    BT_TFL_LEAKY_RELU,
    BT_TFL_LOGISTIC,
    BT_TFL_TANH,
    BT_TFL_HARD_SWISH,
    BT_TFL_REQUANTISE,
};

struct bt_tfl_node {
    char name[48];
    enum bt_op op;
    enum bt_act act; /* of int8 models none, relu or relu6 */
    uint32_t input_count;
    uint32_t inputs[BT_GRAPH_INPUTS]; /* earlier nodes */
    int32_t h, w, c;
    double scale; /* int8 models: a binary32 */
    int32_t zp;
    union {
        struct bt_conv2d conv; /* geometry */
        struct ref_pool2d pool;
        int32_t upsample_scale;
        int32_t slice_from;
        float beta; /* softmax */
        struct {
            enum bt_tfl_table function;
            float alpha;
        } table;
    } u;
    bool depthwise;         /* conv: weights are [1][kh][kw][c_out] */
    bool mean;              /* conv: sums of what each channel has, weights are 1 */
    uint32_t weights, bias; /* conv: tensors, or BT_TFL_NONE */
    uint32_t tensor;        /* that it puts out */
    bool live;              /* something that is put out needs it */
};

struct bt_tfl_import {
    const char *name;
    struct bt_flatbuffer file;
    struct bt_fb_vector codes, buffers, tensor_tables, inputs, outputs, operators;
    bool quantised;
    struct bt_tfl_tensor *tensors;
    struct bt_tfl_node *nodes;
    uint32_t count, capacity;
    uint32_t input; /* tensor */
    bool input_formatted;
    uint32_t numbered; /* names that got a number so far */
    uint64_t room;     /* bytes that may still be allocated */
    char where[128];   /* operator, for messages */
    struct bt_error *err;
};

/* One operator under way. */
struct bt_tfl_call {
    const char *kind;
    struct bt_fb_vector inputs, outputs;
    struct bt_fb_table options;
};

/** One line with the model's name and the operator under way in front. */
__attribute__((format(printf, 2, 3))) void bt_tfl_complain(const struct bt_tfl_import *import, const char *fmt, ...);

/* An expression, so that analyzers see that it is never BT_OK. */
#define bt_tfl_refuse(...) (bt_tfl_complain(__VA_ARGS__), BT_EINPUT)

/** Zeroed memory within what the file may cost. @return BT_OK; BT_EINPUT (too much of it); BT_ENOMEM. */
BT_MUST_CHECK enum bt_status bt_tfl_take(struct bt_tfl_import *import, uint64_t count, size_t bytes, void **memory);

/** Where the file is damaged. @return BT_EINPUT. */
enum bt_status bt_tfl_damaged(const struct bt_tfl_import *import);

/** A text with what no name may have as '_', cut to room - 1 bytes. */
void bt_tfl_sanitise(const unsigned char *from, size_t bytes, char *to, size_t room);

/** A tensor of the subgraph, read when it is first asked for: what no operator uses need not be understood. */
BT_MUST_CHECK enum bt_status bt_tfl_get_tensor(struct bt_tfl_import *import, int64_t index,
                                               struct bt_tfl_tensor **found);

/* Of a tensor that was got: its type; its shape [1][h][w][c], [1][w][c], [1][c] or [c]; scales in range; as int8 that is
 * computed one scale and zero point. */
BT_MUST_CHECK enum bt_status bt_tfl_check_type(const struct bt_tfl_import *import, const struct bt_tfl_tensor *tensor,
                                               int32_t type);
BT_MUST_CHECK enum bt_status bt_tfl_shape_of(const struct bt_tfl_import *import, const struct bt_tfl_tensor *tensor,
                                             int32_t *h, int32_t *w, int32_t *c);
BT_MUST_CHECK enum bt_status bt_tfl_check_scales(const struct bt_tfl_import *import,
                                                 const struct bt_tfl_tensor *tensor);
BT_MUST_CHECK enum bt_status bt_tfl_format_of(const struct bt_tfl_import *import, const struct bt_tfl_tensor *tensor,
                                              double *scale, int32_t *zp);
bool bt_tfl_is_padded(const struct bt_tfl_tensor *tensor);

/** Names a node: the base, cut so that the ending fits, with a number where another node has the name. */
void bt_tfl_give_name(struct bt_tfl_import *import, struct bt_tfl_node *node, const char *base, const char *ending);

/** Inputs, outputs and options of an operator. */
BT_MUST_CHECK enum bt_status bt_tfl_open_call(struct bt_tfl_import *import, uint32_t index, struct bt_fb_table *table,
                                              struct bt_tfl_call *call);

/** The operator's nodes behind those that are there, or another name for what one puts out. */
BT_MUST_CHECK enum bt_status bt_tfl_add_operator(struct bt_tfl_import *import, uint32_t index);

/** Scale of a constant's channel, or its only one. @pre They were checked when the operator was read. */
float bt_tfl_scale(const struct bt_tfl_import *import, const struct bt_tfl_tensor *tensor, uint32_t channel);

/** Graphs of the nodes; both checked as far as they have a check. */
BT_MUST_CHECK enum bt_status bt_tfl_build_s8(struct bt_tfl_import *import, struct bt_graph **graph);
BT_MUST_CHECK enum bt_status bt_tfl_build_float(struct bt_tfl_import *import, struct bt_float_graph **graph);

#endif
