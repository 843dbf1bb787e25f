/*
 * The result of one layer on one variant and configuration, from all engines. Written once by the worker; plain bytes
 * without pointers, so that it goes through a pipe as it is.
 */
#ifndef BT_RECORD_H
#define BT_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/variant.h"

enum bt_verdict { BT_PASS, BT_FAIL, BT_SKIP, BT_XFAIL, BT_VERDICT_COUNT };

enum bt_engine {
    BT_ENGINE_REF,
    BT_ENGINE_MODEL,
    BT_ENGINE_RTL,
    BT_ENGINE_CYCLES,
    BT_ENGINE_ISS_SW,    /**< RV32 firmware on the ISS, the CPU alone */
    BT_ENGINE_ISS_ACCEL, /**< the driver on the ISS, the accelerator behind its registers */
    BT_ENGINE_COUNT,
};
#define BT_ENGINES_ALL ((1u << BT_ENGINE_COUNT) - 1u)

/** What one program took on the simulated system; cycles of the accelerator clock. All 0 for engines without one. */
struct bt_soc_result {
    uint64_t soc_cycles;     /**< first instruction to exit: cpu_cycles + wait_cycles */
    uint64_t instructions;   /**< retired */
    uint64_t cpu_cycles;     /**< the time of these at the stated MIPS */
    uint64_t wait_cycles;    /**< of the CPU in wfi */
    uint64_t accel_cycles;   /**< with the accelerator running */
    uint64_t overlap_cycles; /**< of these, with the CPU at work */
    uint64_t accel_bytes;    /**< over the accelerator's memory ports, both directions */
    uint64_t copied_bytes;   /**< moved by the driver on the CPU; of a whole network at its last layer */
    uint64_t interrupts;     /**< taken by the CPU; of a whole network at its last layer */
    uint64_t whole_cycles;   /**< of a whole network at its last layer: soc_cycles of all of it */
    uint64_t next_cycles;    /**< the same of the second picture, whose weights are packed already; 0 without one */
    double host_seconds;     /**< CPU time that simulating it took; of a whole network at its last layer */
};

struct bt_engine_result {
    enum bt_verdict
        verdict; /**< against ref for model and rtl; against the gate for cycles; SKIP where it did not run */
    bool ran;
    double seconds;
    uint64_t hash; /**< XXH3-64 of the ofmap; 0 where there is none */
    struct bt_soc_result soc;
};

/** First differing element of an ofmap, in its own coordinates. */
struct bt_mismatch {
    uint64_t differing, total;
    int32_t n, y, x, c;
    int64_t expected, got;
    char where[96]; /**< tile and unit, from the variant */
};

/** What quantising did to the tensor of one layer, over all pictures whose accuracy was measured. */
struct bt_layer_quantisation {
    bool measured;
    double low, high; /**< of the real values, 0 included */
    double scale;     /**< of one step; zp: the step that is 0 */
    int32_t zp;
    double clipped; /**< share of the real values that the format does not reach, 0 to 1 */
    double sqnr;    /**< signal to quantisation noise, dB */
};

/** Accuracy of a whole network, in float and in integers. Counts are pictures. */
struct bt_accuracy {
    bool measured, detects, has_float;
    uint32_t images; /**< pictures that float and int8 ran on */
    uint32_t compared
        [BT_ENGINE_COUNT]; /**< of these, those on which an engine gave the bits of int8 in every tensor it computes */
    uint32_t labelled;     /**< pictures whose class, or boxes, are known */
    /* a classifier; of those labelled */
    uint32_t float_top1, float_top5, int8_top1, int8_top5;
    uint32_t agree_top1, agree_top5; /**< of all: the same best class; the same five, in any order */
    /* a detector */
    uint32_t boxes;
    double float_map50, float_map, int8_map50, int8_map; /**< mean average precision, 0 to 1 */
    double drop;                        /**< points of percent that int8 is below float: top-1 or mAP@0.5 */
    double max_drop;                    /**< what the suite allows; negative: it does not say */
    double float_seconds, int8_seconds; /**< CPU time of all pictures */
};

#define BT_REASON_BYTES 256
#define BT_NOTE_BYTES 512
#define BT_MAPPING_BYTES 128
#define BT_KIND_BYTES 64
struct bt_record {
    /* what: keys, copied from the job */
    char network[48];
    char layer[104]; /**< "<chain>/<layer>" within a chain */
    bool whole;      /**< a layer of a whole network */
    char variant[48], config[48], pattern[24];
    char dtype[8];     /**< number format of the layer: "int8", "int16" */
    char structure[8]; /**< of its pruned weights: "random", "filter", "channel" */
    uint32_t sparsity; /**< percent of them */
    uint32_t stall_percent;
    uint64_t seed;
    uint64_t macs;
    uint32_t same; /**< layers of the selection that this one stands for */
    /* verdict of the job: FAIL if any engine failed; SKIP only with a reason */
    enum bt_verdict verdict;
    char reason[BT_REASON_BYTES];
    /**
     * Of a whole network: at its last layer weights, pictures, classes; at a convolution with pooling on write-back, whose
     * ofmap was compared. Else "".
     */
    char note[BT_NOTE_BYTES];
    char mapping[BT_MAPPING_BYTES]; /**< how the accelerator does the layer; "" where the variant does not say */
    struct bt_engine_result engine[BT_ENGINE_COUNT];
    struct bt_mismatch mismatch; /**< of the first engine that differed; differing == 0: none */
    enum bt_engine mismatch_engine;
    bool gated; /**< cycles were held against the gate: rtl and prediction ran, without random stalls */
    uint64_t rtl_cycles, predicted_cycles, roofline_cycles;
    uint64_t multipliers;
    double utilisation;                     /**< macs / multipliers / rtl_cycles */
    double rtl_seconds;                     /**< CPU time of the simulated core, start to done */
    struct bt_counters measured, predicted; /**< terms by name */
    struct bt_layer_quantisation quantisation;
    struct bt_accuracy accuracy; /**< at the record BT_ACCURACY of a whole network */
};

const char *bt_verdict_name(enum bt_verdict verdict);
const char *bt_engine_name(enum bt_engine engine);
/** @return false when there is no such engine. */
bool bt_engine_parse(const char *name, enum bt_engine *engine);

/**
 * What tells the record from others of its layer where it is not the usual (int8, dense): "int16", "50 % zero (filter)". With
 * `before` in front of each; "" for the usual.
 */
void bt_record_kind(const struct bt_record *record, const char *before, char *text, size_t text_bytes);

/** Are both of one kind, as bt_record_kind() says it? */
bool bt_record_same_kind(const struct bt_record *a, const struct bt_record *b);

/** Empty: every engine and the record itself SKIP. */
void bt_record_init(struct bt_record *record);

/**
 * 1 << engine for those that ran and said something: the reference, which is what others are held to, and whoever has a verdict. The
 * cycle model computes its prediction in any case; it says something where that was asked for and can be held against anything.
 */
uint32_t bt_record_engines(const struct bt_record *record);

/** What its member `utilisation` is; 0 where cycles or multipliers are not known. */
double bt_record_utilisation(const struct bt_record *record);

/** The verdict that counts most of its engines'. */
enum bt_verdict bt_record_strongest(const struct bt_record *record);

/**
 * @brief  Sets what an engine found; it may find several things, as of several pictures. Engine and record take the verdict that
 *         counts most, SKIP < PASS < XFAIL < FAIL, and the record the reason of the first that had it.
 * @param[in] reason  One line; not read for BT_PASS.
 */
void bt_record_set(struct bt_record *record, enum bt_engine engine, enum bt_verdict verdict, const char *reason);

/**
 * @brief  Takes a PASS back: the engine did not do all of it after all. So does the record, unless another engine that is held
 *         to the reference keeps its PASS.
 */
void bt_record_withdraw(struct bt_record *record, enum bt_engine engine, const char *reason);

#endif
