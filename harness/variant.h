/*
 * The contract between the harness and an accelerator variant. Nothing in the harness knows what a variant looks
 * like inside; whatever it needs is asked here. One `struct bt_variant` per room, named in harness/variants.def.
 *
 * The driver half (struct bt_driver) is freestanding C over harness/hal.h, so that the same source runs on a RISC-V.
 */
#ifndef BT_VARIANT_H
#define BT_VARIANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/hal.h"
#include "reference/common/bt_layer.h"
#include "reference/common/bt_status.h"

struct bt_sim_api; /* harness/sim.h */

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

/** One parameter a room accepts; the table ends with key == NULL (and may hold nothing else). Others are refused. */
struct bt_param_spec {
    const char *key;
    int64_t min, max, fallback;
    const char *doc;
};

/* ---- numbers that engines hand back; compared by name, so a predictor's term meets the RTL's counter ---- */

#define BT_MAX_COUNTERS 64
#define BT_COUNTER_NAME_BYTES 24
struct bt_counters {
    uint32_t count;
    struct {
        char name[BT_COUNTER_NAME_BYTES];
        uint64_t value;
    } item[BT_MAX_COUNTERS];
};

/** Appends one counter; a full table or a name too long is a programmer error (asserted). */
void bt_counters_add(struct bt_counters *counters, const char *name, uint64_t value);
/** Value of counter `name`, or `fallback`. */
uint64_t bt_counters_get(const struct bt_counters *counters, const char *name, uint64_t fallback);

/** Bytes whose meaning only the room knows: an offline schedule, a sparsity profile. Owned by the caller. */
struct bt_blob {
    void *data;
    size_t bytes;
};

/**
 * Where a plan's tensors lie. Activations are [n][h][w][pitch] with `pitch` bytes per pixel, channels first, the rest
 * of a pixel without meaning. BT_ANYWHERE lets plan() choose; what it chose is written back. In a chain the next
 * layer gets the previous out_addr and out_pitch as its input, and load() is left out.
 */
#define BT_ANYWHERE UINT64_MAX
struct bt_io {
    uint64_t brk; /**< in: first free DRAM byte; out: after everything this plan owns */
    uint64_t in_addr, out_addr;
    uint32_t in_pitch, out_pitch; /**< bytes per pixel; in: 0 where plan() chooses */
};

/*
 * ---- driver: freestanding, no allocation; its plan lives in memory the caller provides ----
 * A plan is plain data of fixed-width integers without pointers: supports() and plan() may run on the host and the
 * plan's bytes be handed to the firmware, which runs the rest. Every callback must be set.
 */
struct bt_driver {
    uint32_t plan_bytes; /**< size of the room's plan structure, maximum alignment 16 */
    uint32_t max_layers; /**< layers in one plan: 1 for layer-wise cores, more for pipelines */

    /**
     * Can this configuration run these layers? No effect. BT_EUNSUPPORTED with the reason is a SKIP. A core refuses
     * the number formats that it does not compute (layer.dtype) and, where it does not pool, a layer with layer.pool.kh != 0.
     */
    enum bt_status (*supports)(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                               struct bt_reason *why);

    /**
     * Decides tiling and DRAM layout; deterministic. BT_ENOMEM when the tensors do not fit
     * config->mem.dram_bytes; BT_EUNSUPPORTED when a given input layout is not one the core can read.
     * @param[in]     aux What prepare() made of the weights, or NULL.
     * @param[in,out] io  See struct bt_io.
     */
    enum bt_status (*plan)(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                           const struct bt_blob *aux, struct bt_io *io, void *plan, struct bt_reason *why);

    /** Writes weights and parameters in the layout the core wants. `data` has one entry per layer. */
    enum bt_status (*pack)(const void *plan, const struct bt_layer_data *data, const struct bt_blob *aux,
                           struct bt_hal *hal, struct bt_reason *why);
    /** Writes the ifmap of the first layer, dense NHWC, into io.in_addr with io.in_pitch. */
    void (*load)(const void *plan, const void *ifmap, struct bt_hal *hal);
    /** Writes descriptors or schedules and sets up registers; declares the writable windows (the old ones lapse). */
    void (*program)(const void *plan, struct bt_hal *hal);
    /** Starts the core: the measured interval begins at the clock edge that accepts this. */
    void (*start)(void *plan, struct bt_hal *hal);
    /**
     * Called after each bt_hal_run() event; may start the core again for the next step of the plan. BT_OK: finished
     * and the data has landed. BT_ETIMEOUT: not yet, run on. BT_EDEVICE: the core reported an error (why->got is
     * its code).
     */
    enum bt_status (*service)(void *plan, struct bt_hal *hal, enum bt_event event, struct bt_reason *why);
    /** Reads the ofmap back, dense: int8, int16 as the layer says, or int32 when raw; the pooled one where the layer pools. */
    void (*unpack)(const void *plan, struct bt_hal *hal, void *ofmap);
    /** Reads the core's counters and leaves it ready for the next plan without a reset. */
    void (*finish)(void *plan, struct bt_hal *hal, struct bt_counters *counters);
};

/*
 * ---- the room ----
 * Besides name, summary, params and driver everything may be NULL: an engine is then a SKIP, a column is left out.
 *
 * A core from elsewhere brings its room as a shared object (`make core DIR=...`, harness/CONTRACT.md) that exports
 *
 *   const struct bt_variant *bt_variant_entry(void);
 */
#define BT_VARIANT_ABI 4u
#define BT_VARIANT_SYMBOL "bt_variant_entry"

struct bt_variant {
    uint32_t abi; /**< BT_VARIANT_ABI; looked at in shared objects only, what is compiled in cannot differ */
    const char *name;
    const char *summary; /**< one line for `bittrue list` */
    const struct bt_param_spec *params;
    const struct bt_driver *driver;

    /**
     * Refuses a configuration whose parameters contradict each other: BT_EINPUT; why->limit is the nearest that would do. NULL:
     * every combination is fine.
     */
    enum bt_status (*check)(const struct bt_config *config, struct bt_reason *why);

    /**
     * Offline work that needs the weights (a schedule, a codebook). Host only. Allocates aux->data with malloc; the
     * caller frees it. NULL: the room has none.
     */
    enum bt_status (*prepare)(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                              const struct bt_layer_data *data, struct bt_blob *aux, struct bt_reason *why);

    /**
     * Is a blob from a file what prepare() could have made for these weights? It may hold anything: all of it is checked, and
     * afterwards it is as good as prepare()'s. BT_EINPUT with what is wrong. NULL: the room takes none.
     */
    enum bt_status (*accept)(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                             const struct bt_layer_data *data, const struct bt_blob *aux, struct bt_reason *why);

    /**
     * Bit-true model: same tiling, order and widths as the RTL, from the same plan and the tensors alone. NULL: this
     * engine is a SKIP for the room.
     * @param[out] ofmap   As unpack() delivers it.
     * @param[out] profile What the data did, for data-dependent cycle models; malloc'ed, freed by the caller; may
     *                     stay {NULL, 0}.
     */
    enum bt_status (*model)(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                            const struct bt_layer_data *data, const struct bt_blob *aux, void *ofmap,
                            struct bt_blob *profile);

    /**
     * Closed form: from the clock edge that accepts the start to the edge at which the interrupt rises, CPU left
     * out. First item is "cycles"; every further item is a term that the RTL's counter of that name equals. NULL: a
     * SKIP. BT_EUNSUPPORTED where a data-dependent room was given neither aux nor profile.
     */
    enum bt_status (*cycles)(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                             const struct bt_blob *aux, const struct bt_blob *profile, struct bt_counters *prediction);

    /** Dissertation equations 4.1-4.4 as printed; cycles. NULL: a SKIP. */
    uint64_t (*roofline)(const struct bt_config *config, const struct bt_layer *layers, uint32_t count);

    /** Multipliers of the configuration (for utilisation and the lower bound cycles >= MACs / multipliers). Or NULL. */
    uint64_t (*multipliers)(const struct bt_config *config);
    /** Multiplications with zero weights may be left out: the lower bound then counts the others, and utilisation may pass 1. */
    bool skips_zero_weights;

    /**
     * The core in C behind its own registers, in place of the RTL: same registers, same bits, same cycles (harness/sim.h).
     * It reads descriptors and operands from DRAM as the RTL does and knows nothing of a plan. NULL: it cannot be asked for.
     */
    const struct bt_sim_api *device;

    /** Which tile and unit produced ofmap element `elem`, as text for a mismatch message. NULL: it is not said. */
    void (*locate)(const void *plan, uint64_t elem, char *text, size_t text_bytes);

    /** How the plan maps the layer (dataflow, tiles, buffers), as one line for reports. NULL: it is not said. */
    void (*describe)(const void *plan, char *text, size_t text_bytes);
};

/* ---- all rooms: those of harness/variants.def in their order, then those that this run added ---- */

/** The room at an index, NULL beyond the last. */
const struct bt_variant *bt_variant_at(size_t index);
const struct bt_variant *bt_variant_find(const char *name);

/**
 * @brief  Adds a room for the rest of this run.
 * @param[in] variant  Must live as long as the process.
 * @param[in] folder   Where its description and configurations are; copied.
 * @return BT_OK; BT_EINPUT when the name is taken; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_variant_add(const struct bt_variant *variant, const char *folder);

/** Folder of a room that was added, NULL for one of harness/variants.def. */
const char *bt_variant_folder(const struct bt_variant *variant);

/** File of a room's named configurations: variants/<v>.yaml in suites_dir or, of an added one, <v>_configs.yaml. */
void bt_variant_configs_path(const struct bt_variant *variant, const char *suites_dir, char *path, size_t path_bytes);

/** The compiled-in ones, ended by NULL: for bt_variant_at(), and for tests to put their own in. */
extern const struct bt_variant *const bt_variants[];

#endif
