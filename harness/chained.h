/* Whole networks: every engine from the picture to the class, each intermediate tensor compared with the reference. */
#ifndef BT_CHAINED_H
#define BT_CHAINED_H

#include "harness/engine.h"
#include "harness/engine_step.h"
#include "reference/graph/bt_graph.h"

/**
 * @brief  Runs a job that is a whole network. Trained weights where options->data_dir has them, seeded ones elsewhere.
 *         Convolutions that the configuration supports run on the accelerator, everything else on the CPU. Where the
 *         configuration supports a convolution with the max-pooling that alone reads it, one run of the accelerator does both:
 *         what model, rtl, cycles and iss:accel found, on the pooled tensor, is in the convolution's record, with a note.
 * @param[out] records  One per layer of the job, over all pictures; times and cycles are those of the first.
 * @return BT_OK; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_chained_run(const struct bt_job *job, const struct bt_engine_options *options,
                                            struct bt_record *records);

/* ---- what chained.c and chained_iss.c share ---- */

/** One node of the graph on one configuration. */
struct bt_chained_node {
    struct bt_engine_step
        step; /**< what the accelerator does; of nodes that are no convolution the output's geometry alone */
    bool on_accel;
    uint32_t pooled_as; /**< on_accel: node of the max-pooling that is done on write-back; 0: none */
    uint32_t pooled_by; /**< of such a max-pooling: node of the convolution; 0: it is a node like others */
    bool direct;        /**< reads its input where an accelerator node left it */
    bool unpacked;      /**< on_accel: somebody wants the output dense */
    uint32_t dense;     /**< offset of the dense output; of CPU nodes and of unpacked ones */
    bool loaded;        /**< on_accel and not direct: the input must be copied to the plan's place */
};

struct bt_chained {
    const struct bt_job *job;
    const struct bt_engine_options *options;
    const struct bt_graph *graph;
    struct bt_chained_node *nodes;
    int8_t **expected; /**< by node, of the present picture */
    uint64_t brk;      /**< first byte of DRAM after plans and tensors */
};

/** Node whose tensor the run of an accelerator node leaves: itself, or the max-pooling on write-back. */
uint32_t bt_chained_output(const struct bt_chained *chained, uint32_t index);

/** Node whose run leaves a node's tensor: the convolution of a max-pooling on write-back, else itself. */
uint32_t bt_chained_runner(const struct bt_chained *chained, uint32_t index);

/** The node as its operator alone, as reference and CPU compute it: a convolution without the pooling on write-back. */
struct bt_engine_step bt_chained_plain(const struct bt_chained *chained, uint32_t index);

/** A network as firmware: programs and the system they run on. */
struct bt_chained_iss;

BT_MUST_CHECK enum bt_status bt_chained_iss_open(const struct bt_chained *chained, enum bt_engine engine,
                                                 struct bt_chained_iss **iss, struct bt_error *err);
void bt_chained_iss_close(struct bt_chained_iss *iss);

/**
 * @brief  Runs the present picture and gives the verdicts of the engine to every node's record.
 * @param[in] first  The weights are packed too, and times are recorded.
 */
void bt_chained_iss_run(const struct bt_chained *chained, struct bt_chained_iss *iss, bool first);

#endif
