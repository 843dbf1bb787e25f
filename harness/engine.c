#include "harness/engine.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "harness/chained.h"
#include "harness/compare.h"
#include "harness/conv_s16.h"
#include "harness/data.h"
#include "harness/engine_step.h"
#include "harness/error.h"
#include "harness/hal_sim.h"
#include "harness/iss.h"
#include "harness/layer_pool.h"
#include "harness/prepared.h"
#include "harness/progress.h"
#include "harness/spot_check.h"
#include "reference/common/bt_conv2d.h"
#include "reference/ops/conv2d_s8.h"
#include "reference/ops/conv2d_s8_fast.h"
#include "reference/ops/maxpool_s8.h"

#define PATH_BYTES 4096
/* Cycles between two looks at a core that only polls. */
#define SLICE_CYCLES 65536
/* While a replay searches for the moment of an element, between two looks at the ofmap. */
#define PROBE_CYCLES 512
/* Below this the plain loops are as quick as setting up the fast path. */
#define FAST_FROM_MACS 1000000

/* What the simulation itself takes, whoever else is on the machine. */
static double cpu_seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

uint64_t bt_engine_cycle_limit(uint64_t predicted_cycles, uint32_t stall_percent)
{
    const uint64_t limit = 4 * predicted_cycles + 100000;
    /* Each transfer waits 1 / (1 - p) cycles on average; bursts and their answers wait one after the other. */
    return stall_percent == 0 ? limit : 4 * limit * 100 / (100 - stall_percent);
}

void bt_engine_core_path(const struct bt_engine_options *options, const struct bt_job *job, bool trace, char *path,
                         size_t path_bytes)
{
    (void)snprintf(path, path_bytes, "%s/rtl/%s-%s%s.so", options->build_dir, job->variant->name, job->config.name,
                   trace ? "-trace" : "");
}

static void copy(char *to, size_t to_bytes, const char *from)
{
    (void)snprintf(to, to_bytes, "%s", from);
}

void bt_engine_label(const struct bt_job *job, uint32_t index, struct bt_record *record)
{
    const struct bt_suite_layer *layer = &job->layers[index];
    bt_record_init(record);
    copy(record->network, sizeof(record->network), layer->network);
    bt_job_layer_name(job, index, record->layer, sizeof(record->layer));
    copy(record->variant, sizeof(record->variant), job->variant->name);
    copy(record->config, sizeof(record->config), job->config.name);
    copy(record->pattern, sizeof(record->pattern), bt_pattern_name(job->pattern));
    copy(record->dtype, sizeof(record->dtype), bt_dtype_name(layer->work.dtype));
    copy(record->structure, sizeof(record->structure), bt_structure_name(job->pruning.structure));
    record->sparsity = job->pruning.percent;
    record->stall_percent = job->config.mem.stall_percent;
    record->seed = job->seed;
    record->same = layer->same;
    record->macs = bt_layer_macs(&layer->work);
    record->whole = job->network != NULL;
    record->multipliers = job->variant->multipliers != NULL ? job->variant->multipliers(&job->config) : 0;
}

/* ---- one layer on its way through the engines ---- */

/* What was not made is handed on as NULL. */
const struct bt_blob *bt_step_given(const struct bt_blob *blob)
{
    return blob->data != NULL ? blob : NULL;
}

bool bt_step_selected(const struct bt_engine_step *step, enum bt_engine engine)
{
    return (step->job->engines & (1u << engine)) != 0;
}

/* The verdict of one engine, "reason: got, limit" where a function refused with numbers. */
void bt_step_refuse(struct bt_engine_step *step, enum bt_engine engine, enum bt_verdict verdict, const char *what,
                    const struct bt_reason *why)
{
    char text[BT_REASON_BYTES];
    if (why->what != NULL) {
        (void)snprintf(text, sizeof(text), "%s: %s: got %" PRId64 ", limit %" PRId64, what, why->what, why->got,
                       why->limit);
    } else {
        (void)snprintf(text, sizeof(text), "%s", what);
    }
    bt_record_set(step->record, engine, verdict, text);
}

/* The same verdict for every engine from the first on that was asked for: what comes before them all has failed. */
static void refuse_all(struct bt_engine_step *step, enum bt_verdict verdict, const char *what,
                       const struct bt_reason *why)
{
    for (enum bt_engine e = BT_ENGINE_MODEL; e < BT_ENGINE_COUNT; e++) {
        if (bt_step_selected(step, e)) {
            bt_step_refuse(step, e, verdict, what, why);
        }
    }
}

void bt_step_ran(struct bt_engine_step *step, enum bt_engine engine, double begin, const void *ofmap)
{
    struct bt_engine_result *result = &step->record->engine[engine];
    result->ran = true;
    result->seconds = bt_now_seconds() - begin;
    result->hash = ofmap != NULL ? XXH3_64bits(ofmap, bt_ofmap_bytes(&step->layer)) : 0;
}

static void differs(struct bt_engine_step *step, enum bt_engine engine, const struct bt_mismatch *mismatch)
{
    char text[BT_REASON_BYTES];
    (void)snprintf(text, sizeof(text),
                   "%" PRIu64 " of %" PRIu64 " %selements differ, first n %d y %d x %d c %d: expected %" PRId64
                   ", got %" PRId64 "%s%s%s",
                   mismatch->differing, mismatch->total, bt_layer_pools(&step->layer) ? "pooled " : "", mismatch->n,
                   mismatch->y, mismatch->x, mismatch->c, mismatch->expected, mismatch->got,
                   mismatch->where[0] != '\0' ? " in " : "", mismatch->where,
                   (step->misled & 1u << engine) != 0 ? "; its input was wrong already" : "");
    if (step->record->mismatch.differing == 0) {
        step->record->mismatch = *mismatch;
        step->record->mismatch_engine = engine;
    }
    bt_record_set(step->record, engine, BT_FAIL, text);
}

/* ---- ref ---- */

/* The fast path where it can do the convolution, with some of its bits worked out again; else the plain loops. */
static enum bt_status convolve(const struct bt_engine_step *step, void *ofmap, struct bt_mismatch *mismatch)
{
    const struct bt_conv2d *conv = &step->layer.u.conv;
    *mismatch = (struct bt_mismatch){0};
    if (step->options->ref == BT_REF_FAST && bt_conv2d_macs(conv) > FAST_FROM_MACS) {
        const enum bt_status status = ref_conv2d_s8_fast(conv, &step->tensors.view, ofmap);
        if (status == BT_OK) {
            const uint64_t choice = XXH3_64bits(step->tensors.view.bias, (size_t)conv->c_out * sizeof(int32_t));
            return bt_spot_check(conv, &step->tensors.view, ofmap, choice, mismatch);
        }
        if (status != BT_EUNSUPPORTED && status != BT_ENOMEM) {
            return status;
        }
    }
    return ref_conv2d_s8(conv, &step->tensors.view, ofmap);
}

/* step->expected: the convolution and, where the layer pools, the maximum over its windows. */
static enum bt_status reference_s8(const struct bt_engine_step *step, struct bt_mismatch *mismatch,
                                   struct bt_reason *why)
{
    enum bt_status status = ref_conv2d_s8_check(&step->layer.u.conv, &step->tensors.view, why);
    if (status != BT_OK || !bt_layer_pools(&step->layer)) {
        return status != BT_OK ? status : convolve(step, step->expected, mismatch);
    }
    const struct ref_pool2d pool = bt_layer_pool2d(&step->layer);
    const int64_t bytes = bt_conv2d_ofmap_elems(&step->layer.u.conv);
    int8_t *unpooled = malloc((size_t)bytes);
    if (unpooled == NULL) {
        *why = (struct bt_reason){"bytes on the host for the ofmap before pooling", bytes, 0};
        return BT_ENOMEM;
    }
    status = convolve(step, unpooled, mismatch);
    if (status == BT_OK) {
        status = ref_maxpool_s8(&pool, unpooled, step->expected);
    }
    free(unpooled);
    return status;
}

static bool run_ref(struct bt_engine_step *step)
{
    struct bt_reason why = {0};
    struct bt_mismatch mismatch = {0};
    const double begin = bt_now_seconds();
    const enum bt_status status = step->layer.dtype == BT_S16
                                      ? bt_conv_s16(&step->layer.u.conv, &step->tensors.view, step->expected, &why)
                                      : reference_s8(step, &mismatch, &why);
    if (status != BT_OK) {
        bt_step_refuse(step, BT_ENGINE_REF, BT_FAIL, "refused", &why);
        return false;
    }
    bt_step_ran(step, BT_ENGINE_REF, begin, step->expected);
    if (mismatch.differing != 0) {
        (void)snprintf(mismatch.where, sizeof(mismatch.where), "the fast path, against the plain loops%s",
                       bt_layer_pools(&step->layer) ? ", before pooling" : "");
        differs(step, BT_ENGINE_REF, &mismatch);
        return false;
    }
    step->record->engine[BT_ENGINE_REF].verdict = BT_PASS; /* proves nothing about the variant: the others decide */
    return true;
}

/* ---- comparison of an ofmap with ref's ---- */

size_t bt_step_got_bytes(const struct bt_engine_step *step)
{
    struct bt_layer unpooled = step->layer;
    unpooled.pool = (struct bt_maxpool){0};
    const size_t whole = bt_ofmap_bytes(&unpooled);
    const size_t pooled = bt_ofmap_bytes(&step->layer);
    return whole > pooled ? whole : pooled;
}

static void poison_got(struct bt_engine_step *step)
{
    memset(step->got, BT_POISON, bt_step_got_bytes(step));
}

/* Elements beyond the ofmap are another layer's: most likely the one without pooling. */
static bool too_long(struct bt_engine_step *step, enum bt_engine engine)
{
    const uint8_t *got = step->got;
    const size_t wanted = bt_ofmap_bytes(&step->layer);
    size_t end = bt_step_got_bytes(step);
    while (end > wanted && got[end - 1] == BT_POISON) {
        end--;
    }
    if (end > wanted) {
        const struct bt_reason why = {"bytes of the pooled ofmap", (int64_t)end, (int64_t)wanted};
        bt_step_refuse(step, engine, BT_FAIL, "too much was put out", &why);
    }
    return end > wanted;
}

void bt_step_judge_ofmap(struct bt_engine_step *step, enum bt_engine engine)
{
    struct bt_mismatch mismatch;
    if (bt_compare_ofmap(&step->layer, step->expected, step->got, &mismatch)) {
        bt_record_set(step->record, engine, BT_PASS, NULL);
        return;
    }
    /* What the CPU computed has no place in the accelerator. */
    if (engine != BT_ENGINE_ISS_SW && step->plan != NULL && step->job->variant->locate != NULL) {
        step->job->variant->locate(step->plan, bt_mismatch_elem(&step->layer, &mismatch), mismatch.where,
                                   sizeof(mismatch.where));
    }
    differs(step, engine, &mismatch);
}

/* ---- plan, model, cycles ---- */

/* Weights that somebody prepared, in place of prepare()'s: are they this layer's? */
static enum bt_status take_prepared(struct bt_engine_step *step, const char *path, struct bt_reason *why,
                                    struct bt_error *err)
{
    const struct bt_variant *variant = step->job->variant;
    if (variant->accept == NULL) {
        return bt_fail(err, BT_EINPUT, "%s takes no prepared weights", variant->name);
    }
    enum bt_status status = bt_prepared_read(path, variant->name, &step->aux, err);
    if (status == BT_OK) {
        status = variant->accept(&step->job->config, &step->layer, 1, &step->tensors.view, &step->aux, why);
        if (status != BT_OK) {
            (void)bt_fail(err, status, "%s", path);
        }
    }
    return status;
}

enum bt_status bt_step_prepare(struct bt_engine_step *step, struct bt_reason *why, struct bt_error *err)
{
    const struct bt_variant *variant = step->job->variant;
    const struct bt_engine_options *options = step->options;
    char path[PATH_BYTES];
    if (variant->prepare == NULL) {
        return BT_OK;
    }
    if (options != NULL && options->prepared != NULL) {
        bt_prepared_path(options->prepared, step->record->network, step->record->layer, variant->name,
                         step->job->config.name, path, sizeof(path));
        return take_prepared(step, path, why, err);
    }
    enum bt_status status = variant->prepare(&step->job->config, &step->layer, 1, &step->tensors.view, &step->aux, why);
    if (status == BT_OK && options != NULL && options->save_prepared != NULL) {
        bt_prepared_path(options->save_prepared, step->record->network, step->record->layer, variant->name,
                         step->job->config.name, path, sizeof(path));
        status = bt_prepared_write(path, variant->name, &step->aux, err);
    }
    return status;
}

static bool run_plan(struct bt_engine_step *step)
{
    const struct bt_variant *variant = step->job->variant;
    struct bt_reason why = {0};
    enum bt_status status = BT_OK;
    const size_t plan_bytes = variant->driver->plan_bytes;
    step->plan = aligned_alloc(16, (plan_bytes + 31) / 16 * 16);
    if (step->plan == NULL) {
        refuse_all(step, BT_FAIL, "no memory on the host for the plan", &why);
        return false;
    }
    struct bt_error err = {""};
    status = bt_step_prepare(step, &why, &err);
    if (status != BT_OK) {
        refuse_all(step, status == BT_EUNSUPPORTED ? BT_SKIP : BT_FAIL, err.text[0] != '\0' ? err.text : "preparation",
                   &why);
        return false;
    }
    const struct bt_io wanted = step->io;
    status = variant->driver->plan(&step->job->config, &step->layer, 1, bt_step_given(&step->aux), &step->io,
                                   step->plan, &why);
    if (status == BT_EUNSUPPORTED && step->chained) {
        /* The core cannot read what the layer before left; the host carries it over. */
        step->chained = false;
        step->io = (struct bt_io){.brk = wanted.brk, .in_addr = BT_ANYWHERE, .out_addr = BT_ANYWHERE};
        why = (struct bt_reason){0};
        status = variant->driver->plan(&step->job->config, &step->layer, 1, bt_step_given(&step->aux), &step->io,
                                       step->plan, &why);
    }
    if (status != BT_OK) {
        refuse_all(step, status == BT_EUNSUPPORTED ? BT_SKIP : BT_FAIL, "plan", &why);
        return false;
    }
    return true;
}

void bt_step_run_model(struct bt_engine_step *step)
{
    const struct bt_variant *variant = step->job->variant;
    if (variant->model == NULL) {
        bt_record_set(step->record, BT_ENGINE_MODEL, BT_SKIP, "the variant has no model");
        return;
    }
    const double begin = bt_now_seconds();
    poison_got(step);
    const enum bt_status status = variant->model(&step->job->config, step->plan, &step->layer, &step->tensors.view,
                                                 bt_step_given(&step->aux), step->got, &step->profile);
    if (status != BT_OK) {
        const struct bt_reason why = {.what = "status", .got = status, .limit = BT_OK};
        bt_step_refuse(step, BT_ENGINE_MODEL, BT_FAIL, "model failed", &why);
        return;
    }
    bt_step_ran(step, BT_ENGINE_MODEL, begin, step->got);
    if (!too_long(step, BT_ENGINE_MODEL)) {
        bt_step_judge_ofmap(step, BT_ENGINE_MODEL);
    }
}

/*
 * Multiplications that no core can do without: all of them, or where it skips zero weights those with others. Counted once, where
 * there are weights.
 */
static uint64_t needed_macs(struct bt_engine_step *step)
{
    const struct bt_conv2d *conv = &step->layer.u.conv;
    const void *weights = step->tensors.view.weights;
    if (!step->job->variant->skips_zero_weights || weights == NULL) {
        return step->record->macs;
    }
    if (step->needed_macs == 0) {
        const int64_t elems = bt_conv2d_weight_elems(conv);
        for (int64_t i = 0; i < elems; i++) {
            const int32_t weight =
                step->layer.dtype == BT_S16 ? ((const int16_t *)weights)[i] : ((const int8_t *)weights)[i];
            step->needed_macs += weight != 0;
        }
        step->needed_macs *= (uint64_t)conv->n * (uint64_t)bt_conv2d_oh(conv) * (uint64_t)bt_conv2d_ow(conv);
    }
    return step->needed_macs;
}

static struct bt_cycle_facts facts_of(struct bt_engine_step *step)
{
    const struct bt_record *record = step->record;
    return (struct bt_cycle_facts){
        .macs = needed_macs(step),
        .multipliers = record->multipliers,
        .start_to_done = record->rtl_cycles,
        .measured = &record->measured,
        .predicted = &record->predicted,
        .gate_percent = step->job->configs != NULL ? step->job->configs->gate_max_percent : 0.0,
        .exemption = step->job->configs != NULL
                         ? bt_exemption_find(step->job->configs, record->network, record->layer, record->config)
                         : NULL,
    };
}

/* What the cycle model says, with the verdict of its invariants: PASS when the prediction makes sense. */
enum bt_verdict bt_step_predict(struct bt_engine_step *step, char *reason, size_t reason_bytes)
{
    const struct bt_variant *variant = step->job->variant;
    struct bt_record *record = step->record;
    if (variant->describe != NULL) {
        variant->describe(step->plan, record->mapping, sizeof(record->mapping));
    }
    if (variant->roofline != NULL) {
        record->roofline_cycles = variant->roofline(&step->job->config, &step->layer, 1);
    }
    if (variant->cycles == NULL) {
        (void)snprintf(reason, reason_bytes, "the variant has no cycle model");
        return BT_SKIP;
    }
    const double begin = bt_now_seconds();
    const enum bt_status status =
        variant->cycles(&step->job->config, step->plan, &step->layer, bt_step_given(&step->aux),
                        bt_step_given(&step->profile), &record->predicted);
    if (status == BT_EUNSUPPORTED) {
        (void)snprintf(reason, reason_bytes, "needs what the model measures of the data");
        return BT_SKIP;
    }
    if (status != BT_OK) {
        (void)snprintf(reason, reason_bytes, "the cycle model failed with status %d", (int)status);
        return BT_FAIL;
    }
    bt_step_ran(step, BT_ENGINE_CYCLES, begin, NULL);
    const struct bt_cycle_facts facts = facts_of(step);
    const enum bt_verdict verdict = bt_check_prediction(&facts, reason, reason_bytes);
    if (verdict == BT_PASS) {
        record->predicted_cycles = record->predicted.item[0].value;
    }
    return verdict;
}

void bt_step_judge_cycles(struct bt_engine_step *step)
{
    struct bt_record *record = step->record;
    char reason[BT_REASON_BYTES] = "";
    if (record->rtl_cycles == 0) {
        if (!bt_step_selected(step, BT_ENGINE_RTL)) {
            /* The invariants hold; without a measurement that proves nothing about the core. */
            record->engine[BT_ENGINE_CYCLES].verdict = BT_PASS;
        }
        return;
    }
    if (record->stall_percent != 0) {
        return; /* random stalls are in nobody's prediction; the engine stays a SKIP */
    }
    const struct bt_cycle_facts facts = facts_of(step);
    record->gated = true;
    bt_record_set(record, BT_ENGINE_CYCLES, bt_check_cycles(&facts, reason, sizeof(reason)), reason);
}

/* ---- rtl ---- */

static void fail_rtl(struct bt_engine_step *step, const char *text)
{
    bt_record_set(step->record, BT_ENGINE_RTL, BT_FAIL, text);
}

/* Has the element got its value since the last look? */
static void look(struct bt_engine_step *step, struct bt_hal *hal, uint64_t cycle)
{
    const struct bt_engine_options *options = step->options;
    const struct bt_probe *probe = options->probe;
    if (probe == NULL || probe->layer != step->index || *options->probe_to != 0) {
        return;
    }
    step->job->variant->driver->unpack(step->plan, hal, step->got);
    if (bt_ofmap_elem(&step->layer, step->got, probe->elem) == probe->value) {
        *options->probe_to = cycle;
    } else {
        *options->probe_from = cycle;
    }
}

static uint64_t expected_cycles(const struct bt_record *record)
{
    const uint64_t expected = record->predicted_cycles != 0 ? record->predicted_cycles : 16 * record->roofline_cycles;
    return expected != 0 ? expected : 64 * record->macs;
}

uint64_t bt_step_cycle_limit(const struct bt_engine_step *step)
{
    return bt_engine_cycle_limit(expected_cycles(step->record), step->record->stall_percent);
}

/* From start to done. @return true when the driver says that the data has landed. */
static bool run_core(struct bt_engine_step *step, struct bt_hal *hal, struct bt_sim_stats *stats)
{
    const struct bt_driver *driver = step->job->variant->driver;
    const uint64_t limit = bt_step_cycle_limit(step);
    const uint64_t slice = step->options->probe != NULL ? PROBE_CYCLES : SLICE_CYCLES;
    char text[BT_REASON_BYTES];

    bt_hal_sim_arm(hal);
    bt_hal_sim_stats(hal, stats);
    const uint64_t begin = stats->cycles;
    uint64_t spent = 0;
    driver->start(step->plan, hal);
    for (;;) {
        struct bt_reason why = {0};
        const uint64_t left = limit - spent;
        const enum bt_event event = bt_hal_run(hal, left < slice ? left : slice);
        const enum bt_status status =
            event == BT_EVENT_FAILED ? BT_EDEVICE : driver->service(step->plan, hal, event, &why);
        const char *failed = bt_hal_sim_failed(hal);
        bt_hal_sim_stats(hal, stats);
        if (failed != NULL || event == BT_EVENT_FAILED) {
            fail_rtl(step, failed != NULL ? failed : "the simulation failed");
            return false;
        }
        look(step, hal, stats->cycles);
        if (status == BT_OK) {
            return true;
        }
        if (status != BT_ETIMEOUT) {
            (void)snprintf(text, sizeof(text), "the core reported error %" PRId64 "%s%s", why.got,
                           why.what != NULL ? ": " : "", why.what != NULL ? why.what : "");
            fail_rtl(step, text);
            return false;
        }
        /* A core that asks again and again without a cycle going by must come to an end, too. */
        const uint64_t gone = stats->cycles - begin;
        spent = gone > spent ? gone : spent + 1;
        if (spent >= limit) {
            (void)snprintf(text, sizeof(text), "timeout: not done after %" PRIu64 " cycles, expected about %" PRIu64,
                           spent, expected_cycles(step->record));
            fail_rtl(step, text);
            return false;
        }
    }
}

static void poison_ofmap(const struct bt_engine_step *step, struct bt_hal *hal)
{
    const struct bt_probe *probe = step->options->probe;
    const uint64_t pixels = (uint64_t)(bt_layer_ofmap_elems(&step->layer) / step->layer.u.conv.c_out);
    /* The probe waits for its value to appear, so that it must not be there from the beginning. */
    const uint8_t fill = probe != NULL ? (uint8_t) ~(uint64_t)probe->value : BT_POISON;
    bt_hal_mem_fill(hal, step->io.out_addr, fill, pixels * step->io.out_pitch);
}

void bt_step_run_rtl(struct bt_engine_step *step, struct bt_hal *hal)
{
    const struct bt_driver *driver = step->job->variant->driver;
    struct bt_record *record = step->record;
    struct bt_reason why = {0};
    struct bt_sim_stats stats = {0};
    const double begin = bt_now_seconds();

    poison_ofmap(step, hal);
    const enum bt_status status = driver->pack(step->plan, &step->tensors.view, bt_step_given(&step->aux), hal, &why);
    if (status != BT_OK) {
        bt_step_refuse(step, BT_ENGINE_RTL, status == BT_EUNSUPPORTED ? BT_SKIP : BT_FAIL, "packing", &why);
        return;
    }
    if (!step->chained) {
        driver->load(step->plan, step->tensors.view.ifmap, hal);
    }
    driver->program(step->plan, hal);
    const double start = cpu_seconds();
    const bool done = run_core(step, hal, &stats);
    record->rtl_seconds = cpu_seconds() - start;
    record->engine[BT_ENGINE_RTL].ran = true;
    if (!done) {
        bt_hal_sim_reset(hal); /* what follows in the chain gets a verdict of its own */
        return;
    }
    poison_got(step);
    driver->unpack(step->plan, hal, step->got);
    driver->finish(step->plan, hal, &record->measured);
    if (bt_hal_sim_failed(hal) != NULL) {
        fail_rtl(step, bt_hal_sim_failed(hal));
        bt_hal_sim_reset(hal);
        return;
    }
    bt_step_ran(step, BT_ENGINE_RTL, begin, step->got);
    record->rtl_cycles = stats.start_to_done;
    record->utilisation = bt_record_utilisation(record);
    if (!too_long(step, BT_ENGINE_RTL)) {
        bt_step_judge_ofmap(step, BT_ENGINE_RTL);
    }
    char reason[BT_REASON_BYTES];
    const struct bt_cycle_facts facts = facts_of(step);
    if (bt_check_measurement(&facts, reason, sizeof(reason)) != BT_PASS) {
        fail_rtl(step, reason);
    }
}

/* The core of the job, opened at its first use and kept for the whole chain. */
enum bt_status bt_step_open_core(const struct bt_job *job, const struct bt_engine_options *options, uint8_t *dram,
                                 struct bt_hal **hal, struct bt_error *err)
{
    char path[PATH_BYTES];
    bt_engine_core_path(options, job, options->wave != NULL, path, sizeof(path));
    if (access(path, R_OK) != 0) {
        return bt_fail(err, BT_EIO, "no simulated core %s; build it with: make %s", path, path);
    }
    const enum bt_status status = bt_hal_sim_open(path, &job->config.mem, dram, options->wave, hal, err);
    if (status == BT_OK && options->wave != NULL) {
        bt_hal_sim_wave_window(*hal, options->wave_from, options->wave_to);
    }
    return status;
}

/* ---- a layer, a job ---- */

/* Does the ofmap of the layer before fit as this one's ifmap? */
static bool feeds(const struct bt_engine_step *before, const struct bt_layer *layer)
{
    const struct bt_conv2d *conv = &layer->u.conv;
    if (before == NULL || before->expected == NULL || before->layer.u.conv.raw) {
        return false;
    }
    const struct bt_layer *last = &before->layer;
    return last->u.conv.n == conv->n && bt_layer_oh(last) == conv->h && bt_layer_ow(last) == conv->w &&
           last->u.conv.c_out == conv->c_in && last->dtype == layer->dtype;
}

static struct bt_data_key data_key(const struct bt_engine_step *step)
{
    const struct bt_job *job = step->job;
    return (struct bt_data_key){
        .seed = job->seed,
        .network = job->layers[step->index].network,
        .pattern = job->pattern,
        .dtype = job->layers[step->index].work.dtype,
        .pruning = job->pruning,
    };
}

/* The layer with the zero points and clamps of its data, before there is any. */
static void shape(struct bt_engine_step *step, const struct bt_engine_step *before)
{
    const struct bt_job *job = step->job;
    const struct bt_suite_layer *layer = &job->layers[step->index];
    const struct bt_data_key key = data_key(step);
    struct bt_conv2d *conv = &step->layer.u.conv;

    step->layer = layer->work;
    bt_data_adapt(&key, layer->act, conv);
    step->chained = feeds(before, &step->layer);
    if (step->chained && step->layer.dtype == BT_S8) {
        conv->in_zp = bt_data_out_zp(job->layers[before->index].act, &before->layer.u.conv);
    }
}

static enum bt_status make_tensors(struct bt_engine_step *step, const void *ifmap)
{
    const struct bt_data_key key = data_key(step);
    const struct bt_conv2d *conv = &step->layer.u.conv;
    const enum bt_status status = bt_data_make(&key, step->job->layers[step->index].act, conv, ifmap, &step->tensors);
    if (status != BT_OK) {
        return status;
    }
    step->expected = malloc(bt_ofmap_bytes(&step->layer));
    step->got = malloc(bt_step_got_bytes(step));
    return step->expected == NULL || step->got == NULL ? BT_ENOMEM : BT_OK;
}

static void free_step(struct bt_engine_step *step)
{
    bt_data_free(&step->tensors);
    free(step->aux.data);
    free(step->profile.data);
    free(step->plan);
    free(step->got);
    free(step->expected);
    memset(step, 0, sizeof(*step));
}

/* Engines whose core reads what the layer before left in its memory. */
static const enum bt_engine cores[] = {BT_ENGINE_RTL, BT_ENGINE_ISS_ACCEL};

/* Is the ofmap in the memory of every core that the job runs? */
static bool left_ofmap(const struct bt_engine_step *before)
{
    bool any = false;
    for (size_t i = 0; i < sizeof(cores) / sizeof(cores[0]); i++) {
        const enum bt_verdict verdict = before->record->engine[cores[i]].verdict;
        if (bt_step_selected(before, cores[i]) && verdict != BT_SKIP) {
            if (before->record->engine[cores[i]].hash == 0) {
                return false;
            }
            any = true;
        }
    }
    return any;
}

/* The next layer of a chain reads the core's own output where that is what memory holds; else it is loaded. */
static void place(struct bt_engine_step *step, const struct bt_engine_step *before)
{
    step->io = (struct bt_io){.brk = BT_DRAM_BASE, .in_addr = BT_ANYWHERE, .out_addr = BT_ANYWHERE};
    if (before == NULL) {
        return;
    }
    if (before->io.brk != 0) {
        step->io.brk = before->io.brk;
    }
    step->chained = step->chained && left_ofmap(before);
    if (step->chained) {
        step->io.in_addr = before->io.out_addr;
        step->io.in_pitch = before->io.out_pitch;
        for (size_t i = 0; i < sizeof(cores) / sizeof(cores[0]); i++) {
            const bool wrong = before->record->engine[cores[i]].verdict == BT_FAIL;
            step->misled |= wrong ? 1u << cores[i] : 0;
        }
    }
}

/* Is the layer one that this configuration can be asked to run? Needs no data. */
static bool accepted(struct bt_engine_step *step)
{
    const struct bt_variant *variant = step->job->variant;
    struct bt_reason why = {0};
    enum bt_status status = bt_layer_check(&step->layer, &why);
    if (status != BT_OK) {
        refuse_all(step, status == BT_EUNSUPPORTED ? BT_SKIP : BT_FAIL, "layer refused", &why);
        return false;
    }
    status = variant->driver->supports(&step->job->config, &step->layer, 1, &why);
    if (status != BT_OK) {
        refuse_all(step, status == BT_EUNSUPPORTED ? BT_SKIP : BT_FAIL, "not supported", &why);
        return false;
    }
    return true;
}

/* Did anybody ask for more than the reference? */
static bool wants_plan(const struct bt_engine_step *step)
{
    return (step->job->engines & ~(1u << BT_ENGINE_REF)) != 0;
}

/*
 * Everything up to the plan and the reference's ofmap. What needs no data comes first: a layer that is not supported or
 * does not fit must not cost its data.
 */
static bool ready(struct bt_engine_step *step, const struct bt_engine_step *before)
{
    shape(step, before);
    const void *ifmap = step->chained ? before->expected : NULL;
    if (!accepted(step)) {
        return false;
    }
    place(step, before);
    const bool plan_first = step->job->variant->prepare == NULL;
    if (plan_first && wants_plan(step) && !run_plan(step)) {
        return false;
    }
    if (make_tensors(step, ifmap) != BT_OK) {
        char text[BT_REASON_BYTES];
        (void)snprintf(text, sizeof(text), "no memory on the host for the tensors; the ofmap alone has %zu bytes",
                       bt_ofmap_bytes(&step->layer));
        bt_record_set(step->record, BT_ENGINE_REF, BT_FAIL, text);
        free(step->expected); /* or the next layer would read it */
        step->expected = NULL;
        return false;
    }
    return run_ref(step) && wants_plan(step) && (plan_first || run_plan(step));
}

/* What a job opens at its first use and keeps for the whole chain. */
struct instances {
    struct bt_hal *hal;
    struct bt_iss *sw, *accel;
};

static void run_engines(struct bt_engine_step *step, const struct bt_engine_step *before, struct instances *open)
{
    char reason[BT_REASON_BYTES];
    if (!ready(step, before)) {
        return;
    }
    if (bt_step_selected(step, BT_ENGINE_MODEL)) {
        bt_step_run_model(step);
    }
    const enum bt_verdict predicted = bt_step_predict(step, reason, sizeof(reason));
    if (bt_step_selected(step, BT_ENGINE_CYCLES) && predicted != BT_PASS) {
        bt_record_set(step->record, BT_ENGINE_CYCLES, predicted, reason);
    }
    if (bt_step_selected(step, BT_ENGINE_RTL)) {
        struct bt_error err = {""};
        if (open->hal == NULL && bt_step_open_core(step->job, step->options, NULL, &open->hal, &err) != BT_OK) {
            fail_rtl(step, err.text);
        } else {
            bt_step_run_rtl(step, open->hal);
        }
    }
    if (bt_step_selected(step, BT_ENGINE_ISS_SW)) {
        bt_step_run_iss(step, BT_ENGINE_ISS_SW, &open->sw);
    }
    if (bt_step_selected(step, BT_ENGINE_ISS_ACCEL)) {
        bt_step_run_iss(step, BT_ENGINE_ISS_ACCEL, &open->accel);
    }
    if (bt_step_selected(step, BT_ENGINE_CYCLES) && predicted == BT_PASS) {
        bt_step_judge_cycles(step);
    }
}

enum bt_status bt_engine_run(const struct bt_job *job, const struct bt_engine_options *options,
                             struct bt_record *records)
{
    if (job->network != NULL) {
        return bt_chained_run(job, options, records);
    }
    struct instances open = {0};
    struct bt_engine_step steps[2] = {{0}, {0}}; /* this layer and the one before */

    for (uint32_t i = 0; i < job->count; i++) {
        bt_engine_label(job, i, &records[i]);
    }
    for (uint32_t i = 0; i < job->count; i++) {
        struct bt_engine_step *step = &steps[i % 2];
        const struct bt_engine_step *before = i > 0 ? &steps[(i + 1) % 2] : NULL;
        free_step(step);
        step->job = job;
        step->options = options;
        step->index = i;
        step->record = &records[i];
        run_engines(step, before, &open);
        if (records[i].verdict == BT_SKIP && records[i].reason[0] == '\0') {
            copy(records[i].reason, sizeof(records[i].reason), "nothing to compare with");
        }
    }
    free_step(&steps[0]);
    free_step(&steps[1]);
    bt_hal_sim_close(open.hal);
    bt_iss_close(open.sw);
    bt_iss_close(open.accel);
    return BT_OK;
}

/* The weights that offline work needs; a room without any must not wait for them. */
static enum bt_status prepare_seeded(struct bt_engine_step *step, struct bt_reason *why)
{
    const struct bt_suite_layer *layer = &step->job->layers[step->index];
    const struct bt_data_key key = data_key(step);
    if (step->job->variant->prepare == NULL) {
        return BT_OK;
    }
    shape(step, NULL);
    if (bt_data_make(&key, layer->act, &step->layer.u.conv, NULL, &step->tensors) != BT_OK) {
        *why =
            (struct bt_reason){"no memory on the host for the tensors", bt_conv2d_weight_elems(&step->layer.u.conv), 0};
        return BT_ENOMEM;
    }
    struct bt_error err = {""};
    return bt_step_prepare(step, why, &err);
}

void bt_engine_predict(const struct bt_job *job, void *plan, struct bt_record *record)
{
    char reason[BT_REASON_BYTES];
    struct bt_engine_step step = {.job = job, .record = record, .layer = job->layers[0].work, .plan = plan};
    struct bt_reason why = {0};
    const char *what = "preparation";

    bt_engine_label(job, 0, record);
    if (!accepted(&step)) {
        return;
    }
    place(&step, NULL);
    enum bt_status status = prepare_seeded(&step, &why);
    if (status == BT_OK) {
        what = "plan";
        status = job->variant->driver->plan(&job->config, &step.layer, 1, bt_step_given(&step.aux), &step.io, step.plan,
                                            &why);
    }
    if (status != BT_OK) {
        bt_step_refuse(&step, BT_ENGINE_CYCLES, status == BT_EUNSUPPORTED ? BT_SKIP : BT_FAIL, what, &why);
    } else {
        const enum bt_verdict verdict = bt_step_predict(&step, reason, sizeof(reason));
        bt_record_set(record, BT_ENGINE_CYCLES, verdict, reason);
    }
    step.plan = NULL; /* the caller's */
    free_step(&step);
}
