#include "reference/graph/import.h"

void bt_model_free(struct bt_model *model)
{
    bt_float_graph_free(model->real);
    bt_graph_free(model->quantised);
    *model = (struct bt_model){0};
}
