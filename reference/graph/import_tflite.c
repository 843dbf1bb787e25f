/* Stands in for the importer of TFLite models, which is made elsewhere. */
#include "reference/graph/import.h"

enum bt_status bt_import_tflite(const char *name, const unsigned char *data, size_t bytes, struct bt_model *model,
                                struct bt_error *err)
{
    (void)data;
    (void)bytes;
    (void)model;
    return bt_fail(err, BT_EINPUT, "%.47s: TFLite: expected an ONNX model", name);
}
