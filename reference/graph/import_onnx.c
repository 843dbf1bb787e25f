#include <stdio.h>
#include <stdlib.h>

#include "reference/graph/import_onnx.h"

enum bt_status onnx_import(size_t memory_most, const char *name, const unsigned char *data, size_t bytes,
                           struct bt_model *model, struct bt_error *err)
{
    struct onnx_import im = {.name = name, .err = err, .memory.most = memory_most};
    struct bt_model made = {{0}, NULL, NULL};
    enum bt_status status = onnx_parse(&im, data, bytes);
    if (status == BT_OK) {
        status = onnx_walk(&im);
    }
    if (status == BT_OK) {
        status = im.int8 ? onnx_make_int8(&im, &made.quantised) : onnx_make_float(&im, &made.real);
    }
    for (uint32_t i = 0; im.layers != NULL && i < im.layer_count; i++) {
        free(im.layers[i].weights);
        free(im.layers[i].bias);
        free(im.layers[i].codes);
        free(im.layers[i].code_bias);
    }
    if (status == BT_OK) {
        (void)snprintf(made.format, sizeof(made.format), "ONNX %s",
                       !im.int8           ? "float"
                       : im.has_qoperator ? "QOperator"
                       : im.has_qdq       ? "QDQ"
                                          : "int8");
        *model = made;
    }
    onnx_close(&im);
    return status;
}

enum bt_status bt_import_onnx(const char *name, const unsigned char *data, size_t bytes, struct bt_model *model,
                              struct bt_error *err)
{
    return onnx_import(BT_IMPORT_MEMORY_MOST, name, data, bytes, model, err);
}
