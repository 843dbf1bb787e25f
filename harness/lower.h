/* From layers and graphs to steps of the firmware: which constants lie where, which steps in which order. */
#ifndef BT_LOWER_H
#define BT_LOWER_H

#include "harness/program.h"
#include "reference/common/bt_layer.h"
#include "reference/graph/bt_graph.h"
#include "reference/ops/pool2d.h"

/** Constants of a convolution in DRAM; offsets, 0 for none. */
struct bt_lowered {
    uint32_t weights, bias, mult, shift, table;
};

/** Puts the constants of a convolution into DRAM. */
struct bt_lowered bt_lower_constants(struct bt_program_image *image, const struct bt_layer *layer,
                                     const struct bt_layer_data *data);

/** The convolution by the CPU, from dense tensor `in` to dense tensor `out`. */
void bt_lower_conv(struct bt_program_image *image, uint32_t node, const struct bt_conv2d *conv,
                   const struct bt_lowered *constants, uint32_t in, uint32_t out);

/** Max-pooling by the CPU, from dense tensor `in` to dense tensor `out`. */
void bt_lower_maxpool(struct bt_program_image *image, uint32_t node, const struct ref_pool2d *pool, uint32_t in,
                      uint32_t out);

/** A plan in DRAM with what its steps need. */
struct bt_lowered_plan {
    uint32_t plan, aux, aux_bytes, counters;
};
struct bt_lowered_plan bt_lower_plan(struct bt_program_image *image, const struct bt_driver *driver, const void *plan,
                                     const struct bt_blob *aux);

/* The steps of a planned layer. */
void bt_lower_pack(struct bt_program_image *image, uint32_t node, const struct bt_lowered_plan *plan,
                   const struct bt_lowered *constants);
void bt_lower_load(struct bt_program_image *image, uint32_t node, const struct bt_lowered_plan *plan, uint32_t in);
void bt_lower_start(struct bt_program_image *image, uint32_t node, const struct bt_lowered_plan *plan);
void bt_lower_wait(struct bt_program_image *image, uint32_t node, const struct bt_lowered_plan *plan);
void bt_lower_unpack(struct bt_program_image *image, uint32_t node, const struct bt_lowered_plan *plan, uint32_t out);

/** Any other node of a graph by the CPU. @pre not a convolution, not the input. tensors: dense, by node. */
void bt_lower_node(struct bt_program_image *image, const struct bt_graph *graph, uint32_t index,
                   const uint32_t *tensors);

#endif
