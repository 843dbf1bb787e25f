/*
 * What to run, and on which hardware: suites/<name>.yaml and suites/variants/<variant>.yaml.
 *
 * The jobs of a suite are: for each run, for each layer (and each chain), for each variant, for each of its
 * configurations, for each pattern, for each stall percentage.
 *
 * A shape may pool its results: `pool: 3x3`, `pool_stride` (1 where absent, as a network's maxpool), `pool_pad` or
 * `pool_pads: [top, bottom, left, right]` (0). `shapes: [all]` selects all shapes, `[pooled]` those that pool, `[unpooled]`
 * the others; `without: [names]` leaves out what the run's variants do not do.
 *
 * A run may choose the number format of its layers: `dtype: int8` (the default) or `int16`, 16-bit fixed point as BT_S16 says.
 * As int16 a clamp at zero (relu, relu6) stays and every other one opens to the whole range; layers with an activation table,
 * raw sums or pooling are a SKIP, and whole networks (`layers: chained`) are refused.
 *
 * A run may prune the weights of its layers and of its whole networks: `sparsity: P`, percent of them that are zero, 0 to 99 (0
 * where absent), and `structure: random`, `filter` or `channel` (random where absent), as harness/prune.h says.
 *
 * A network is a table in networks/ or a model in models/ (harness/model.h). A run of whole networks (`layers: chained`) may say on
 * how many pictures: `images: N`. Of models it may ask for their accuracy: `accuracy_images: N` pictures (0: all there are) in
 * float and int8, `model_images: N` of these on the variant's model too, and `max_accuracy_drop: P`, the points of percent
 * that int8 may lose against float in top-1 or mAP@0.5.
 */
#ifndef BT_SUITE_H
#define BT_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/error.h"
#include "harness/network.h"
#include "harness/prune.h"
#include "harness/record.h"
#include "harness/variant.h"

/* ---- hardware configurations of one variant ---- */

/** A layer known to be outside the gate, with its error today; the error may only shrink. */
struct bt_exemption {
    char *network, *layer, *config;
    double error_percent;
};

struct bt_variant_configs {
    char *variant;
    uint32_t count;
    struct bt_config *configs; /**< every parameter of the room's table is present, in its order */
    double gate_max_percent;   /**< of the exact predictor, on any layer */
    double gate_mean_percent;  /**< over all layers of a configuration */
    uint32_t exemption_count;
    struct bt_exemption *exemptions;
};

/**
 * @brief  Loads named configurations from <variant>.yaml or <variant>_configs.yaml; unknown parameters, values out of
 *         range, memories that cannot be and what the room's check() refuses are refused.
 * @param[in]  variant  The room: its parameter table, which must outlive the result, whose keys point into it; and check().
 * @param[out] configs  Release with bt_variant_configs_free().
 * @return BT_OK; BT_EINPUT; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_variant_configs_load(const char *path, const struct bt_variant *variant,
                                                     struct bt_variant_configs **configs, struct bt_error *err);
/** The same for text in memory; path only names it in messages. */
BT_MUST_CHECK enum bt_status bt_variant_configs_parse(const char *path, const void *text, size_t bytes,
                                                      const struct bt_variant *variant,
                                                      struct bt_variant_configs **configs, struct bt_error *err);
void bt_variant_configs_free(struct bt_variant_configs *configs);
const struct bt_config *bt_variant_configs_find(const struct bt_variant_configs *configs, const char *name);
/** The exemption of that layer on that configuration, or NULL. */
const struct bt_exemption *bt_exemption_find(const struct bt_variant_configs *configs, const char *network,
                                             const char *layer, const char *config);

/* ---- suites ---- */

/** Network name of the layers that the suite itself defines. */
#define BT_SHAPES "shapes"

/** The kinds of data a job can run on. */
enum bt_pattern {
    BT_PATTERN_UNIFORM,    /**< the whole int8 or int16 range */
    BT_PATTERN_MIN,        /**< all -128; int16: all -32768, weights too */
    BT_PATTERN_TIES,       /**< requantisation lands on halves */
    BT_PATTERN_EXTREME_ZP, /**< zero points at -128 and 127; int16: activations at -32768 and 32767 */
    BT_PATTERN_COUNT,
};
const char *bt_pattern_name(enum bt_pattern pattern);

/** The number formats that layers can be asked for, as in YAML: "int8", "int16"; NULL beyond the last. */
const char *bt_dtype_name(unsigned dtype);

/** One layer to run; the strings belong to the suite or to one of its networks. */
struct bt_suite_layer {
    const char *network; /**< BT_SHAPES for a shape of the suite */
    const char *layer;
    struct bt_layer work;
    enum bt_act act;
    uint32_t same; /**< layers of the selection with this geometry, itself included; 1 unless `layers: distinct` */
};

/** What a run of whole networks is asked beyond its layers. */
struct bt_pictures {
    uint32_t images;          /**< on all engines; 0: all of a few, BT_PICTURES of many */
    bool accuracy;            /**< measured, too, of what has a model */
    uint32_t accuracy_images; /**< 0: all there are */
    uint32_t model_images;    /**< on the variant's model; 0: as many as `images` says */
    double max_drop;          /**< points; negative: any */
};
#define BT_PICTURES 20

/**
 * Layers that run one after another on one instance, without a reset between them. Each one's input has the shape of
 * the one before's output.
 */
struct bt_suite_chain {
    const char *name;
    const struct bt_network *network; /**< all of its nodes but the input, conv or not; NULL for a chain of layers */
    uint32_t count;
    struct bt_suite_layer *layers;
};

/** Name of the chain that is a whole network, and of its last record where its accuracy is asked for. */
#define BT_CHAINED "chained"
#define BT_ACCURACY "accuracy"

/** The configurations of one variant, by name; an empty list means all of them. */
struct bt_suite_variant {
    const char *variant;
    uint32_t config_count;
    char *const *configs;
    unsigned line; /**< in the suite's file, for a message about a name that does not exist */
};

struct bt_suite_run {
    enum bt_dtype dtype; /**< of its layers and chains */
    struct bt_pruning pruning;
    struct bt_pictures pictures;
    uint32_t layer_count;
    struct bt_suite_layer *layers;
    uint32_t chain_count;
    struct bt_suite_chain *chains;
    uint32_t variant_count;
    struct bt_suite_variant *variants;
    uint32_t pattern_count;
    enum bt_pattern patterns[BT_PATTERN_COUNT];
    uint32_t stall_count;
    uint32_t *stall_percents;
};

struct bt_suite {
    const char *name, *summary;
    char *path;
    uint64_t seed;
    unsigned engines; /**< bit (1u << enum bt_engine) */
    uint32_t run_count;
    struct bt_suite_run *runs;
    uint32_t network_count;
    struct bt_network **networks; /**< every network that a run or a chain names, once */
    void *parsed;                 /**< owner of the names above */
};

/**
 * @brief  Loads a suite and the networks it names, and selects its layers.
 * @param[in]  path   Networks are looked for in networks/ beside it.
 * @param[out] suite  Release with bt_suite_free().
 * @return BT_OK; BT_EINPUT (also when a run selects nothing); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_suite_load(const char *path, struct bt_suite **suite, struct bt_error *err);
/** The same for text in memory; path names it in messages and says where networks/ is. */
BT_MUST_CHECK enum bt_status bt_suite_parse(const char *path, const void *text, size_t bytes, struct bt_suite **suite,
                                            struct bt_error *err);
void bt_suite_free(struct bt_suite *suite);

/**
 * @brief  A whole network as a chain; with one more record, BT_ACCURACY, where that is asked for.
 * @param[out] chain  Its layers are freed with free().
 * @return BT_OK; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_suite_whole(const struct bt_network *network, bool accuracy,
                                            struct bt_suite_chain *chain);

/** Turns an int8 layer into one of that number format; see above. */
void bt_suite_layer_format(struct bt_suite_layer *layer, enum bt_dtype dtype);

/** Would an accelerator do the same for both? Geometry, pooling, rounding, raw output, and table or no table. */
bool bt_layer_same(const struct bt_layer *a, const struct bt_layer *b);

#endif
