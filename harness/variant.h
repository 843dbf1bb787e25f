/*
 * The contract between the harness and an accelerator variant. Nothing in the harness knows what a variant looks
 * like inside; whatever it needs is asked here. One `struct bt_variant` per room, named in harness/variants.def.
 *
 * The driver half (struct bt_driver) is freestanding C over harness/hal.h, so that the same source runs on a RISC-V.
 */
#ifndef BT_VARIANT_H
#define BT_VARIANT_H

#include <stddef.h>
#include <stdint.h>

#include "harness/hal.h"
#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

/* ---- configuration: what suites/variants/<v>.yaml says, already checked against the room's parameter table ---- */

struct bt_memory {
    uint32_t latency_cycles;  /**< read request accepted to first data beat; last write beat to its response */
    uint32_t bytes_per_cycle; /**< per direction; divides the port's width */
    uint32_t outstanding;     /**< read bursts accepted and not yet finished; writes are posted */
    uint32_t stall_percent;   /**< 0 is deterministic; else the chance per beat and channel of a random stall cycle */
    uint64_t stall_seed;
    uint64_t dram_bytes;
};

#define BT_MAX_PARAMS 32
struct bt_config {
    const char *name;
    struct bt_memory mem;
    uint32_t count;
    struct {
        const char *key; /**< RTL parameter or room-specific option, as in the YAML */
        int64_t value;
    } param[BT_MAX_PARAMS];
};

/** Parameter `key`, or `fallback` where the configuration does not name it. */
int64_t bt_config_get(const struct bt_config *config, const char *key, int64_t fallback);

/** One parameter a room accepts; the table ends with key == NULL. Unknown keys in YAML are refused. */
struct bt_param_spec {
    const char *key;
    int64_t min, max, fallback;
    const char *doc;
};

/* ---- numbers that engines hand back; compared by name, so a predictor's term meets the RTL's counter ---- */

#define BT_MAX_COUNTERS 32
struct bt_counters {
    uint32_t count;
    struct {
        const char *name; /**< static */
        uint64_t value;
    } item[BT_MAX_COUNTERS];
};

/* ---- driver: freestanding, no allocation; its plan lives in memory the caller provides ---- */

struct bt_driver {
    size_t plan_bytes;    /**< size of the room's plan structure, maximum alignment 16 */
    uint32_t max_layers;  /**< layers in one plan: 1 for layer-wise cores, more for pipelines */

    /** Can this configuration run these layers? No effect. BT_EUNSUPPORTED with the reason is a SKIP. */
    enum bt_status (*supports)(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                               struct bt_reason *why);

    /**
     * Decides tiling and DRAM layout for shapes only; deterministic; `*brk` is the first free DRAM byte and is
     * advanced. BT_ENOMEM when the tensors do not fit config->mem.dram_bytes.
     */
    enum bt_status (*plan)(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                           uint64_t *brk, void *plan, struct bt_reason *why);

    /** Writes weights and parameters in the layout the core wants. `data` has one entry per layer. */
    void (*pack)(const void *plan, const struct bt_layer_data *data, struct bt_hal *hal);
    /** Writes the ifmap of the first layer; apart from pack so that a layer can be fed again. */
    void (*load)(const void *plan, const void *ifmap, struct bt_hal *hal);
    /** Writes descriptors or schedules and sets up registers; declares the writable windows. */
    void (*program)(const void *plan, struct bt_hal *hal);
    /** Starts the core: the measured interval begins at the clock edge that accepts this. */
    void (*start)(const void *plan, struct bt_hal *hal);
    /**
     * Called after each bt_hal_run() event. BT_OK: finished and the data has landed. BT_ETIMEOUT: not yet, run
     * on. BT_EDEVICE: the core reported an error (why->got is its code).
     */
    enum bt_status (*service)(const void *plan, struct bt_hal *hal, enum bt_event event, struct bt_reason *why);
    /** Reads the ofmap back into the layer's own layout (int8, or int32 when raw). */
    void (*unpack)(const void *plan, struct bt_hal *hal, void *ofmap);
    /** Reads the core's counters and leaves it ready for the next plan without a reset. */
    void (*finish)(const void *plan, struct bt_hal *hal, struct bt_counters *counters);
};

/* ---- the room ---- */

struct bt_variant {
    const char *name;
    const char *summary;                 /**< one line for `bittrue list` */
    const struct bt_param_spec *params;
    const struct bt_driver *driver;

    /**
     * Bit-true model: same tiling, order and widths as the RTL, from the same plan and the tensors alone.
     * @param[out] ofmap   As unpack() delivers it.
     * @param[out] profile What the data did (for data-dependent cycle models); counters may be left empty.
     */
    enum bt_status (*model)(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                            const struct bt_layer_data *data, void *ofmap, struct bt_counters *profile);

    /**
     * Closed form: from the clock edge that accepts the start to the edge at which the interrupt rises, CPU left
     * out. First item is "cycles"; every further item is a term that the RTL's counter of that name equals.
     */
    enum bt_status (*cycles)(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                             const struct bt_counters *profile, struct bt_counters *prediction);

    /** Dissertation (2024) equations 4.1-4.4 as printed; cycles. */
    uint64_t (*roofline)(const struct bt_config *config, const struct bt_layer *layers);

    /** Multipliers of the configuration (for utilisation and the lower bound cycles >= MACs / multipliers). */
    uint64_t (*multipliers)(const struct bt_config *config);

    /** Which tile and unit produced ofmap element `elem`, as text for a mismatch message. */
    void (*locate)(const void *plan, uint64_t elem, char *text, size_t text_bytes);
};

/** All rooms, in the order of harness/variants.def; ends with NULL. */
extern const struct bt_variant *const bt_variants[];
const struct bt_variant *bt_variant_find(const char *name);

#endif
