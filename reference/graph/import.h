/*
 * Networks from model files. A float model becomes a float graph, to be quantised here; an int8 model (QDQ, QOperator,
 * TFLite) becomes a quantised graph with its own parameters. Batch 1; what the file holds as NCHW becomes NHWC.
 *
 * Node 0 is the model's one input. Nodes have the names of the file's nodes (or of their outputs, where nodes have none), a leading '/'
 * dropped, every byte outside [A-Za-z0-9_.-] as '_', made unique and cut to 47 bytes; "<name>.act" is an activation that its operator
 * does not do itself. Results are the nodes that nobody reads, in the order of the file's outputs.
 */
#ifndef BT_IMPORT_H
#define BT_IMPORT_H

#include <stddef.h>

#include "harness/error.h"
#include "reference/graph/bt_graph.h"
#include "reference/graph/graph_float.h"

/** Largest model file, and most bytes that importing one may hold at once beside it. */
#define BT_IMPORT_FILE_MOST (256u << 20)
#define BT_IMPORT_MEMORY_MOST (1024u << 20)

struct bt_model {
    char format[32];             /**< for people: "ONNX float", "ONNX QDQ", "ONNX QOperator", "TFLite int8" */
    struct bt_float_graph *real; /**< a float model, not calibrated; else NULL */
    struct bt_graph *quantised;  /**< an int8 model, checked; else NULL */
};

/** What it points to; not the struct. */
void bt_model_free(struct bt_model *model);

/**
 * @brief  A model in memory.
 * @param[in]  name   Of the graph; the file's name without folder and ending.
 * @param[out] model  Release with bt_model_free().
 * @return BT_OK; BT_EINPUT (damaged, or something that cannot be represented; err names the node and what was expected);
 *         BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_import_onnx(const char *name, const unsigned char *data, size_t bytes,
                                            struct bt_model *model, struct bt_error *err);
BT_MUST_CHECK enum bt_status bt_import_tflite(const char *name, const unsigned char *data, size_t bytes,
                                              struct bt_model *model, struct bt_error *err);

/** @brief  A model file of either format, told apart by its content. @return As above; err begins with the path. */
BT_MUST_CHECK enum bt_status bt_import_file(const char *path, struct bt_model *model, struct bt_error *err);

#endif
