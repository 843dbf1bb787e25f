/* From a suite, or from filters over the networks, to the list of jobs. */
#ifndef BT_JOB_H
#define BT_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/error.h"
#include "harness/suite.h"
#include "harness/variant.h"

/** One layer, or one chain, on one variant and configuration with one kind of data. Runs in a process of its own. */
struct bt_job {
    const struct bt_variant *variant;
    const struct bt_variant_configs *configs; /**< gates and exemptions */
    struct bt_config config;                  /**< a copy, with the job's own stalls */
    const char *chain;                        /**< name, or NULL for a single layer */
    const struct bt_network *network;         /**< the chain is this whole network; else NULL */
    uint32_t count;
    const struct bt_suite_layer *layers;
    enum bt_pattern pattern;
    struct bt_pruning pruning;
    struct bt_pictures pictures; /**< of a whole network */
    uint64_t seed;
    unsigned engines; /**< bit (1u << enum bt_engine) */
    uint64_t macs;
    uint32_t index; /**< in the whole selection, whatever was dropped of it */
};

/** What to select. Texts are comma-separated globs; NULL selects everything. */
struct bt_selection {
    const char *suites_dir; /**< holds networks/ and variants/ */
    const char *suite;      /**< file, or NULL for the layers of the networks themselves */
    const char *network, *layer, *variant, *config;
    const char *engine, *pattern; /**< NULL: what the suite says, else all engines and uniform data */
    bool chained;                 /**< whole networks; without a suite */
    const char *model;            /**< a model file or a card to run in place of networks/ and models/, or NULL */
    const char *dataset;          /**< its pictures, where it is a model file; or NULL */
    struct bt_pictures pictures;  /**< of whole networks; without a suite */
    bool has_stalls, has_seed;
    /* Without a suite: of all layers, int8 and dense where nothing is said. Of a suite: only the runs that are so. */
    bool has_dtype, has_sparsity, has_structure;
    enum bt_dtype dtype;
    struct bt_pruning pruning;
    uint32_t stall_percent;
    uint64_t seed;
};

struct bt_plan {
    uint32_t count;
    struct bt_job *jobs; /**< in the order of the suite or of the networks' layers */
    uint32_t records;    /**< layers over all jobs */
    uint32_t whole;      /**< jobs before some were dropped */
    uint64_t digest;     /**< of all these: what they run, on what, with which data and engines */
    uint64_t seed;
    const char *name; /**< of the suite, or "run" */
    /* owners of what the jobs point into */
    struct bt_suite *suite;
    uint32_t configs_count;
    struct bt_variant_configs **configs;
    uint32_t network_count;
    struct bt_network **networks;
    struct bt_suite_layer *layers;
    uint32_t chain_count;
    struct bt_suite_chain *chains;
};

/**
 * @brief  Makes the list of jobs.
 * @param[out] plan  Release with bt_plan_free().
 * @return BT_OK; BT_EINPUT (bad file, unknown name, nothing selected); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_plan_make(const struct bt_selection *selection, struct bt_plan *plan,
                                          struct bt_error *err);
/** Drops the jobs of all shards but one. */
void bt_plan_keep(struct bt_plan *plan, const uint32_t *shard_of, uint32_t shard);
void bt_plan_free(struct bt_plan *plan);

/**
 * Loads all networks whose name matches (comma-separated globs): first the tables of networks/, then the models of models/, each
 * in the order of their names. NULL stands for all tables and no model.
 */
BT_MUST_CHECK enum bt_status bt_networks_load(const char *suites_dir, const char *names, struct bt_network ***networks,
                                              uint32_t *count, struct bt_error *err);

/** Does the text match one of the comma-separated globs? NULL matches everything. */
bool bt_glob(const char *globs, const char *text);

/** The name a layer has in records and filters: "<chain>/<layer>" within a chain. */
void bt_job_layer_name(const struct bt_job *job, uint32_t index, char *text, size_t text_bytes);

#endif
