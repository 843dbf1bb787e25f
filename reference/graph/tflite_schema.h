/*
 * TFLite's schema, as far as the importer reads it: places of fields in their tables (a union takes two), and enumerators.
 * @source tensorflow/lite/schema/schema.fbs, version 3; the names are the schema's. Nobody but the importer and its tests
 *         includes this.
 */
#ifndef BT_TFLITE_SCHEMA_H
#define BT_TFLITE_SCHEMA_H

#define TFL_IDENTIFIER "TFL3"
#define TFL_VERSION 3

enum tfl_field {
    /* table Model */
    TFL_MODEL_VERSION = 0,   /**< version */
    TFL_MODEL_CODES = 1,     /**< operator_codes */
    TFL_MODEL_SUBGRAPHS = 2, /**< subgraphs */
    TFL_MODEL_BUFFERS = 4,   /**< buffers */
    /* table OperatorCode */
    TFL_CODE_DEPRECATED = 0, /**< deprecated_builtin_code */
    TFL_CODE_CUSTOM = 1,     /**< custom_code */
    TFL_CODE_BUILTIN = 3,    /**< builtin_code */
    /* table SubGraph */
    TFL_SUBGRAPH_TENSORS = 0,   /**< tensors */
    TFL_SUBGRAPH_INPUTS = 1,    /**< inputs */
    TFL_SUBGRAPH_OUTPUTS = 2,   /**< outputs */
    TFL_SUBGRAPH_OPERATORS = 3, /**< operators */
    /* table Tensor */
    TFL_TENSOR_SHAPE = 0,           /**< shape */
    TFL_TENSOR_TYPE = 1,            /**< type */
    TFL_TENSOR_BUFFER = 2,          /**< buffer */
    TFL_TENSOR_NAME = 3,            /**< name */
    TFL_TENSOR_QUANTIZATION = 4,    /**< quantization */
    TFL_TENSOR_IS_VARIABLE = 5,     /**< is_variable */
    TFL_TENSOR_SPARSITY = 6,        /**< sparsity */
    TFL_TENSOR_SHAPE_SIGNATURE = 7, /**< shape_signature */
    /* table QuantizationParameters */
    TFL_QUANT_SCALE = 2,        /**< scale */
    TFL_QUANT_ZERO_POINT = 3,   /**< zero_point */
    TFL_QUANT_DETAILS_TYPE = 4, /**< details_type */
    TFL_QUANT_DIMENSION = 6,    /**< quantized_dimension */
    /* table Buffer */
    TFL_BUFFER_DATA = 0,   /**< data */
    TFL_BUFFER_OFFSET = 1, /**< offset */
    /* table Operator */
    TFL_OPERATOR_OPCODE_INDEX = 0, /**< opcode_index */
    TFL_OPERATOR_INPUTS = 1,       /**< inputs */
    TFL_OPERATOR_OUTPUTS = 2,      /**< outputs */
    TFL_OPERATOR_OPTIONS_TYPE = 3, /**< builtin_options_type */
    TFL_OPERATOR_OPTIONS = 4,      /**< builtin_options */
    /* table Conv2DOptions */
    TFL_CONV_PADDING = 0,    /**< padding */
    TFL_CONV_STRIDE_W = 1,   /**< stride_w */
    TFL_CONV_STRIDE_H = 2,   /**< stride_h */
    TFL_CONV_ACTIVATION = 3, /**< fused_activation_function */
    TFL_CONV_DILATION_W = 4, /**< dilation_w_factor */
    TFL_CONV_DILATION_H = 5, /**< dilation_h_factor */
    /* table DepthwiseConv2DOptions */
    TFL_DEPTHWISE_PADDING = 0,    /**< padding */
    TFL_DEPTHWISE_STRIDE_W = 1,   /**< stride_w */
    TFL_DEPTHWISE_STRIDE_H = 2,   /**< stride_h */
    TFL_DEPTHWISE_ACTIVATION = 4, /**< fused_activation_function */
    TFL_DEPTHWISE_DILATION_W = 5, /**< dilation_w_factor */
    TFL_DEPTHWISE_DILATION_H = 6, /**< dilation_h_factor */
    /* table Pool2DOptions */
    TFL_POOL_PADDING = 0,       /**< padding */
    TFL_POOL_STRIDE_W = 1,      /**< stride_w */
    TFL_POOL_STRIDE_H = 2,      /**< stride_h */
    TFL_POOL_FILTER_WIDTH = 3,  /**< filter_width */
    TFL_POOL_FILTER_HEIGHT = 4, /**< filter_height */
    TFL_POOL_ACTIVATION = 5,    /**< fused_activation_function */
    /* table FullyConnectedOptions */
    TFL_FC_ACTIVATION = 0,     /**< fused_activation_function */
    TFL_FC_WEIGHTS_FORMAT = 1, /**< weights_format */
    TFL_FC_KEEP_NUM_DIMS = 2,  /**< keep_num_dims */
    /* table SoftmaxOptions */
    TFL_SOFTMAX_BETA = 0, /**< beta */
    /* table ConcatenationOptions */
    TFL_CONCAT_AXIS = 0,       /**< axis */
    TFL_CONCAT_ACTIVATION = 1, /**< fused_activation_function */
    /* table AddOptions */
    TFL_ADD_ACTIVATION = 0, /**< fused_activation_function */
    /* table MulOptions */
    TFL_MUL_ACTIVATION = 0, /**< fused_activation_function */
    /* table ResizeNearestNeighborOptions */
    TFL_RESIZE_ALIGN_CORNERS = 0,      /**< align_corners */
    TFL_RESIZE_HALF_PIXEL_CENTERS = 1, /**< half_pixel_centers */
    /* table StridedSliceOptions */
    TFL_STRIDED_SLICE_BEGIN_MASK = 0,       /**< begin_mask */
    TFL_STRIDED_SLICE_END_MASK = 1,         /**< end_mask */
    TFL_STRIDED_SLICE_ELLIPSIS_MASK = 2,    /**< ellipsis_mask */
    TFL_STRIDED_SLICE_NEW_AXIS_MASK = 3,    /**< new_axis_mask */
    TFL_STRIDED_SLICE_SHRINK_AXIS_MASK = 4, /**< shrink_axis_mask */
    TFL_STRIDED_SLICE_OFFSET = 5,           /**< offset */
    /* table LeakyReluOptions */
    TFL_LEAKY_RELU_ALPHA = 0, /**< alpha */
};

enum tfl_tensor_type {
    TFL_FLOAT32 = 0,
    TFL_FLOAT16 = 1,
    TFL_INT32 = 2,
    TFL_UINT8 = 3,
    TFL_INT16 = 7,
    TFL_INT8 = 9,
};

/** enum TensorType, in its order. */
#define TFL_TYPE_NAMES                                                                                                 \
    "FLOAT32", "FLOAT16", "INT32", "UINT8", "INT64", "STRING", "BOOL", "INT16", "COMPLEX64", "INT8", "FLOAT64",        \
        "COMPLEX128", "UINT64", "RESOURCE", "VARIANT", "UINT32", "UINT16", "INT4"

enum tfl_padding { TFL_PADDING_SAME = 0, TFL_PADDING_VALID = 1 };

enum tfl_activation { TFL_ACTIVATION_NONE = 0, TFL_ACTIVATION_RELU = 1, TFL_ACTIVATION_RELU6 = 3 };

/** union BuiltinOptions: which table an operator's options are. */
enum tfl_options {
    TFL_OPTIONS_NONE = 0,
    TFL_OPTIONS_CONV_2D = 1,
    TFL_OPTIONS_DEPTHWISE_CONV_2D = 2,
    TFL_OPTIONS_POOL_2D = 5,
    TFL_OPTIONS_FULLY_CONNECTED = 8,
    TFL_OPTIONS_SOFTMAX = 9,
    TFL_OPTIONS_CONCATENATION = 10,
    TFL_OPTIONS_ADD = 11,
    TFL_OPTIONS_RESHAPE = 17,
    TFL_OPTIONS_MUL = 21,
    TFL_OPTIONS_PAD = 22,
    TFL_OPTIONS_REDUCER = 27,
    TFL_OPTIONS_SQUEEZE = 30,
    TFL_OPTIONS_STRIDED_SLICE = 32,
    TFL_OPTIONS_SPLIT = 35,
    TFL_OPTIONS_DEQUANTIZE = 38,
    TFL_OPTIONS_EXPAND_DIMS = 52,
    TFL_OPTIONS_RESIZE_NEAREST_NEIGHBOR = 74,
    TFL_OPTIONS_LEAKY_RELU = 75,
    TFL_OPTIONS_QUANTIZE = 89,
    TFL_OPTIONS_HARD_SWISH = 91,
};

/** enum BuiltinOperator, in its order, of what is a name to people; the importer reads those of its own table. */
enum tfl_operator {
    TFL_ADD_OP = 0,
    TFL_AVERAGE_POOL_2D_OP = 1,
    TFL_CONCATENATION_OP = 2,
    TFL_CONV_2D_OP = 3,
    TFL_DEPTHWISE_CONV_2D_OP = 4,
    TFL_DEQUANTIZE_OP = 6,
    TFL_FULLY_CONNECTED_OP = 9,
    TFL_LOGISTIC_OP = 14,
    TFL_MAX_POOL_2D_OP = 17,
    TFL_MUL_OP = 18,
    TFL_RELU_OP = 19,
    TFL_RELU6_OP = 21,
    TFL_RESHAPE_OP = 22,
    TFL_SOFTMAX_OP = 25,
    TFL_TANH_OP = 28,
    TFL_CUSTOM_OP = 32,
    TFL_PAD_OP = 34,
    TFL_MEAN_OP = 40,
    TFL_SQUEEZE_OP = 43,
    TFL_STRIDED_SLICE_OP = 45,
    TFL_SPLIT_OP = 49,
    TFL_EXPAND_DIMS_OP = 70,
    TFL_RESIZE_NEAREST_NEIGHBOR_OP = 97,
    TFL_LEAKY_RELU_OP = 98,
    TFL_QUANTIZE_OP = 114,
    TFL_HARD_SWISH_OP = 117,
};

/** Names of enum BuiltinOperator up to BATCH_MATMUL (126), in its order. */
#define TFL_OPERATOR_NAMES                                                                                             \
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE", "DEQUANTIZE",         \
        "EMBEDDING_LOOKUP", "FLOOR", "FULLY_CONNECTED", "HASHTABLE_LOOKUP", "L2_NORMALIZATION", "L2_POOL_2D",          \
        "LOCAL_RESPONSE_NORMALIZATION", "LOGISTIC", "LSH_PROJECTION", "LSTM", "MAX_POOL_2D", "MUL", "RELU",            \
        "RELU_N1_TO_1", "RELU6", "RESHAPE", "RESIZE_BILINEAR", "RNN", "SOFTMAX", "SPACE_TO_DEPTH", "SVDF", "TANH",     \
        "CONCAT_EMBEDDINGS", "SKIP_GRAM", "CALL", "CUSTOM", "EMBEDDING_LOOKUP_SPARSE", "PAD",                          \
        "UNIDIRECTIONAL_SEQUENCE_RNN", "GATHER", "BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND", "TRANSPOSE", "MEAN", "SUB", \
        "DIV", "SQUEEZE", "UNIDIRECTIONAL_SEQUENCE_LSTM", "STRIDED_SLICE", "BIDIRECTIONAL_SEQUENCE_RNN", "EXP",        \
        "TOPK_V2", "SPLIT", "LOG_SOFTMAX", "DELEGATE", "BIDIRECTIONAL_SEQUENCE_LSTM", "CAST", "PRELU", "MAXIMUM",      \
        "ARG_MAX", "MINIMUM", "LESS", "NEG", "PADV2", "GREATER", "GREATER_EQUAL", "LESS_EQUAL", "SELECT", "SLICE",     \
        "SIN", "TRANSPOSE_CONV", "SPARSE_TO_DENSE", "TILE", "EXPAND_DIMS", "EQUAL", "NOT_EQUAL", "LOG", "SUM", "SQRT", \
        "RSQRT", "SHAPE", "POW", "ARG_MIN", "FAKE_QUANT", "REDUCE_PROD", "REDUCE_MAX", "PACK", "LOGICAL_OR",           \
        "ONE_HOT", "LOGICAL_AND", "LOGICAL_NOT", "UNPACK", "REDUCE_MIN", "FLOOR_DIV", "REDUCE_ANY", "SQUARE",          \
        "ZEROS_LIKE", "FILL", "FLOOR_MOD", "RANGE", "RESIZE_NEAREST_NEIGHBOR", "LEAKY_RELU", "SQUARED_DIFFERENCE",     \
        "MIRROR_PAD", "ABS", "SPLIT_V", "UNIQUE", "CEIL", "REVERSE_V2", "ADD_N", "GATHER_ND", "COS", "WHERE", "RANK",  \
        "ELU", "REVERSE_SEQUENCE", "MATRIX_DIAG", "QUANTIZE", "MATRIX_SET_DIAG", "ROUND", "HARD_SWISH", "IF", "WHILE", \
        "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5", "SCATTER_ND", "SELECT_V2", "DENSIFY", "SEGMENT_SUM",       \
        "BATCH_MATMUL"

#endif
