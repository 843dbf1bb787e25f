/* A whole network as firmware: the program, its run, each tensor compared, and what each layer took. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/chained.h"
#include "harness/compare.h"
#include "harness/firmware/soc_regs.h"
#include "harness/iss.h"
#include "harness/lower.h"
#include "harness/progress.h"
#include "harness/timeline.h"
#include "reference/common/bt_conv2d.h"

#define PATH_BYTES 4096

struct bt_chained_iss {
    enum bt_engine engine;
    struct bt_iss *iss;
    uint64_t constants_end; /* DRAM below is kept from picture to picture */
    uint64_t constants_need;
    uint32_t *dense; /* offset of each node's dense output, 0 where there is none */
    struct bt_lowered *constants;
    struct bt_lowered_plan *plans;
};

static bool with_accel(const struct bt_chained_iss *iss)
{
    return iss->engine == BT_ENGINE_ISS_ACCEL;
}

static bool planned(const struct bt_chained *chained, const struct bt_chained_iss *iss, uint32_t index)
{
    return with_accel(iss) && chained->nodes[index].on_accel;
}

static uint64_t work_of(const struct bt_chained *chained)
{
    uint64_t work = 0;
    for (uint32_t i = 0; i < chained->graph->count; i++) {
        const struct bt_graph_node *node = &chained->graph->nodes[i];
        /* Windows of the other operators are small, or as large as what they read. */
        work += node->op == BT_OP_CONV2D ? bt_iss_layer_work(&chained->nodes[i].step.layer)
                                         : 16 * (uint64_t)bt_graph_bytes(node);
    }
    return work;
}

/* ---- building ---- */

/* Offset of a node's dense output; 0 where the accelerator keeps it to itself. */
static uint32_t dense_of(const struct bt_chained *chained, uint32_t index)
{
    const uint32_t runner = bt_chained_runner(chained, index);
    const struct bt_chained_node *node = &chained->nodes[runner];
    const bool left = bt_chained_output(chained, runner) == index; /* not what is pooled before it is written */
    return left && (!node->on_accel || node->unpacked) ? node->dense : 0;
}

static void put_constants(const struct bt_chained *chained, struct bt_chained_iss *iss, struct bt_program_image *image)
{
    for (uint32_t i = 0; i < chained->graph->count; i++) {
        const struct bt_graph_node *node = &chained->graph->nodes[i];
        const struct bt_engine_step *step = &chained->nodes[i].step;
        if (!with_accel(iss)) {
            iss->dense[i] = bt_program_reserve(image, bt_graph_bytes(node));
        } else {
            iss->dense[i] = dense_of(chained, i);
        }
        if (node->op == BT_OP_CONV2D) {
            iss->constants[i] = bt_lower_constants(image, &step->layer, &step->tensors.view);
        }
        if (planned(chained, iss, i)) {
            iss->plans[i] = bt_lower_plan(image, chained->job->variant->driver, step->plan, bt_step_given(&step->aux));
        }
    }
}

enum bt_status bt_chained_iss_open(const struct bt_chained *chained, enum bt_engine engine,
                                   struct bt_chained_iss **opened, struct bt_error *err)
{
    enum bt_status status = BT_ENOMEM;
    const uint32_t count = chained->graph->count;
    struct bt_program_image image = {0};
    struct bt_chained_iss *iss = calloc(1, sizeof(*iss));
    if (iss == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    iss->engine = engine;
    iss->dense = calloc(count, sizeof(*iss->dense));
    iss->constants = calloc(count, sizeof(*iss->constants));
    iss->plans = calloc(count, sizeof(*iss->plans));
    if (iss->dense == NULL || iss->constants == NULL || iss->plans == NULL) {
        (void)bt_fail(err, BT_ENOMEM, "out of memory");
        goto cleanup;
    }
    status = bt_iss_open(chained->job, chained->options, with_accel(iss), work_of(chained), &iss->iss, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    bt_program_begin(&image, bt_iss_dram(iss->iss), chained->job->config.mem.dram_bytes,
                     with_accel(iss) ? chained->brk : BT_DRAM_BASE);
    put_constants(chained, iss, &image);
    iss->constants_end = image.brk;
    iss->constants_need = image.need;
    *opened = iss;
    iss = NULL;

cleanup:
    bt_chained_iss_close(iss);
    return status;
}

void bt_chained_iss_close(struct bt_chained_iss *iss)
{
    if (iss == NULL) {
        return;
    }
    bt_iss_close(iss->iss);
    free(iss->dense);
    free(iss->constants);
    free(iss->plans);
    free(iss);
}

/* ---- scheduling ---- */

/* What of the network has been put into the program. */
struct schedule {
    const struct bt_chained *chained;
    const struct bt_chained_iss *iss;
    struct bt_program_image *image;
    bool *emitted, *packed;
    bool pack; /* the weights are packed, too */
};

static void emit_pack(struct schedule *schedule, uint32_t index)
{
    if (schedule->pack && !schedule->packed[index]) {
        bt_lower_pack(schedule->image, index, &schedule->iss->plans[index], &schedule->iss->constants[index]);
        schedule->packed[index] = true;
    }
}

static void emit_cpu(struct schedule *schedule, uint32_t index)
{
    const struct bt_graph_node *node = &schedule->chained->graph->nodes[index];
    if (node->op == BT_OP_CONV2D) {
        bt_lower_conv(schedule->image, index, &node->u.conv, &schedule->iss->constants[index],
                      schedule->iss->dense[node->inputs[0]], schedule->iss->dense[index]);
    } else {
        bt_lower_node(schedule->image, schedule->chained->graph, index, schedule->iss->dense);
    }
    schedule->emitted[index] = true;
}

static bool ready(const struct schedule *schedule, uint32_t index)
{
    const struct bt_graph_node *node = &schedule->chained->graph->nodes[index];
    for (uint32_t k = 0; k < node->input_count; k++) {
        if (!schedule->emitted[node->inputs[k]]) {
            return false;
        }
    }
    return true;
}

/* While the accelerator works: the next weights, and layers of the CPU that need nothing of it. */
static void emit_meanwhile(struct schedule *schedule, uint32_t index)
{
    const uint32_t count = schedule->chained->graph->count;
    for (uint32_t i = index + 1; i < count; i++) {
        if (planned(schedule->chained, schedule->iss, i)) {
            emit_pack(schedule, i);
            break;
        }
    }
    for (uint32_t i = index + 1; i < count; i++) {
        if (!schedule->emitted[i] && !planned(schedule->chained, schedule->iss, i) && ready(schedule, i)) {
            emit_cpu(schedule, i);
        }
    }
}

static void emit_accel(struct schedule *schedule, uint32_t index)
{
    const struct bt_chained_node *node = &schedule->chained->nodes[index];
    const struct bt_lowered_plan *plan = &schedule->iss->plans[index];
    emit_pack(schedule, index);
    if (node->loaded) {
        const uint32_t from = schedule->chained->graph->nodes[index].inputs[0];
        bt_lower_load(schedule->image, index, plan, schedule->iss->dense[from]);
    }
    bt_lower_start(schedule->image, index, plan);
    emit_meanwhile(schedule, index);
    bt_lower_wait(schedule->image, index, plan);
    if (node->unpacked) {
        bt_lower_unpack(schedule->image, index, plan,
                        schedule->iss->dense[bt_chained_output(schedule->chained, index)]);
    }
    schedule->emitted[index] = true;
    schedule->emitted[bt_chained_output(schedule->chained, index)] = true;
}

/* @return false when the host has no memory. */
static bool emit_all(const struct bt_chained *chained, const struct bt_chained_iss *iss, bool pack,
                     struct bt_program_image *image)
{
    const uint32_t count = chained->graph->count;
    struct schedule schedule = {.chained = chained, .iss = iss, .image = image, .pack = pack};
    schedule.emitted = calloc(count, sizeof(bool));
    schedule.packed = calloc(count, sizeof(bool));
    const bool ok = schedule.emitted != NULL && schedule.packed != NULL;
    if (ok) {
        schedule.emitted[0] = true;
        for (uint32_t i = 1; i < count; i++) {
            if (!schedule.emitted[i] && planned(chained, iss, i)) {
                emit_accel(&schedule, i);
            } else if (!schedule.emitted[i]) {
                emit_cpu(&schedule, i);
            }
        }
    }
    free(schedule.emitted);
    free(schedule.packed);
    return ok;
}

/* ---- what came out ---- */

/* A node's tensor, dense, where the engine left it; `runner` is the node that made it. */
static void gather(const struct bt_chained *chained, const struct bt_chained_iss *iss, uint32_t index, uint32_t runner,
                   int8_t *to)
{
    const struct bt_graph_node *node = &chained->graph->nodes[index];
    const uint8_t *dram = bt_iss_dram(iss->iss);
    if (iss->dense[index] != 0) {
        memcpy(to, dram + iss->dense[index], bt_graph_bytes(node));
        return;
    }
    const struct bt_io *io = &chained->nodes[runner].step.io;
    const size_t pixels = (size_t)node->h * (size_t)node->w;
    for (size_t p = 0; p < pixels; p++) {
        memcpy(to + p * (size_t)node->c, dram + io->out_addr + p * io->out_pitch, (size_t)node->c);
    }
}

static void poison(const struct bt_chained *chained, const struct bt_chained_iss *iss)
{
    uint8_t *dram = bt_iss_dram(iss->iss);
    for (uint32_t i = 1; i < chained->graph->count; i++) {
        const struct bt_graph_node *node = &chained->graph->nodes[i];
        const struct bt_io *io = &chained->nodes[i].step.io;
        if (iss->dense[i] != 0) {
            memset(dram + iss->dense[i], BT_POISON, bt_graph_bytes(node));
        }
        if (planned(chained, iss, i)) {
            const struct bt_graph_node *left = &chained->graph->nodes[bt_chained_output(chained, i)];
            memset(dram + io->out_addr, BT_POISON, (size_t)left->h * (size_t)left->w * io->out_pitch);
        }
    }
}

static bool input_is_wrong(const struct bt_chained *chained, const struct bt_chained_iss *iss, uint32_t index)
{
    const struct bt_graph_node *node = &chained->graph->nodes[index];
    for (uint32_t k = 0; k < node->input_count; k++) {
        const struct bt_record *record = chained->nodes[node->inputs[k]].step.record;
        if (record != NULL && record->engine[iss->engine].verdict == BT_FAIL) {
            return true;
        }
    }
    return false;
}

/*
 * The verdict of every node; a wrong tensor is said where it first went wrong, and those that follow from it as well. What the
 * accelerator pools on write-back is judged as the convolution's.
 */
static void judge(const struct bt_chained *chained, const struct bt_chained_iss *iss, double begin)
{
    for (uint32_t i = 1; i < chained->graph->count; i++) {
        const bool accel = planned(chained, iss, i);
        struct bt_engine_step step = accel ? chained->nodes[i].step : bt_chained_plain(chained, i);
        const double seconds = step.record->engine[iss->engine].seconds;
        if (with_accel(iss) && chained->nodes[i].pooled_by != 0) {
            continue;
        }
        step.misled = input_is_wrong(chained, iss, i) ? 1u << iss->engine : 0;
        gather(chained, iss, accel ? bt_chained_output(chained, i) : i, i, step.got);
        bt_step_ran(&step, iss->engine, begin, step.got);
        step.record->engine[iss->engine].seconds = seconds;
        bt_step_judge_ofmap(&step, iss->engine);
    }
}

/* Times of the nodes, from the marks at the ends of their steps. */
static void take_times(const struct bt_chained *chained, const struct bt_chained_iss *iss,
                       const struct bt_program_image *image, const struct bt_soc_report *report)
{
    const struct bt_soc_mark *from = NULL;
    for (uint32_t m = 0; m < report->mark_count; m++) {
        const struct bt_soc_mark *mark = &report->marks[m];
        const uint32_t index = mark->value & ~SOC_MARK_END;
        if ((mark->value & SOC_MARK_END) == 0) {
            from = mark;
        } else if (from != NULL && from->value == index && index < image->count) {
            struct bt_record *record = chained->nodes[image->steps[index].node].step.record;
            struct bt_soc_result *soc = &record->engine[iss->engine].soc;
            const uint64_t wait = mark->wait_cycles - from->wait_cycles;
            soc->soc_cycles += mark->cycle - from->cycle;
            soc->wait_cycles += wait;
            soc->cpu_cycles += mark->cycle - from->cycle - wait;
            soc->instructions += mark->instructions - from->instructions;
        }
    }
}

/* The CPU waits for a layer's run in that layer's own steps and nowhere else. */
static void take_overlap(struct bt_soc_result *soc)
{
    soc->overlap_cycles = soc->accel_cycles > soc->wait_cycles ? soc->accel_cycles - soc->wait_cycles : 0;
}

/* The accelerator's own time: the same as without firmware, and where nobody else measured it, the measurement. */
static void take_cycles(const struct bt_chained *chained, const struct bt_chained_iss *iss,
                        const struct bt_program_image *image, const struct bt_soc_report *report)
{
    uint32_t span = 0;
    for (uint32_t s = 0; s < image->count; s++) {
        if (image->steps[s].kind != BT_STEP_ACCEL_WAIT || span >= report->span_count) {
            continue;
        }
        struct bt_engine_step *step = &chained->nodes[image->steps[s].node].step;
        struct bt_record *record = step->record;
        const struct bt_soc_span *run = &report->spans[span++];
        const uint64_t cycles = run->start_to_done;
        record->engine[iss->engine].soc.accel_cycles = run->to - run->from;
        record->engine[iss->engine].soc.accel_bytes = run->bytes;
        take_overlap(&record->engine[iss->engine].soc);
        char text[BT_REASON_BYTES];
        if (record->stall_percent != 0) {
            continue; /* they fall elsewhere when the firmware touches the core at other times */
        }
        if (bt_step_selected(step, BT_ENGINE_RTL) && record->rtl_cycles != cycles) {
            (void)snprintf(text, sizeof(text),
                           "start to done took %" PRIu64 " cycles under the firmware, %" PRIu64 " without it", cycles,
                           record->rtl_cycles);
            bt_record_set(record, iss->engine, BT_FAIL, text);
        } else if (!bt_step_selected(step, BT_ENGINE_RTL) && chained->options->device == BT_DEVICE_RTL) {
            record->rtl_cycles = cycles;
            record->utilisation = bt_record_utilisation(record);
            memcpy(&record->measured, bt_iss_dram(iss->iss) + image->steps[s].counters, sizeof(record->measured));
            if (bt_step_selected(step, BT_ENGINE_CYCLES) && record->predicted_cycles != 0) {
                bt_step_judge_cycles(step);
            }
        }
    }
}

static void write_timeline(const struct bt_chained *chained, const struct bt_chained_iss *iss,
                           const struct bt_program_image *image, const struct bt_soc_report *report)
{
    const struct bt_engine_options *options = chained->options;
    struct bt_error err = {""};
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s-%s-%s-%s.trace.json", options->timeline, chained->job->network->name,
                   chained->job->variant->name, chained->job->config.name, with_accel(iss) ? "accel" : "sw");
    const struct bt_timeline timeline = {
        .graph = chained->graph,
        .steps = image->steps,
        .step_count = image->count,
        .report = report,
        .clock_mhz = options->soc->clock_mhz,
        .accel = with_accel(iss) ? chained->job->variant->name : NULL,
    };
    if (bt_timeline_write(&timeline, path, &err) != BT_OK) {
        bt_record_set(chained->nodes[chained->graph->count - 1].step.record, iss->engine, BT_FAIL, err.text);
    }
}

/* What belongs to no layer stands at the last one. */
static void take_whole(const struct bt_chained *chained, struct bt_chained_iss *iss, bool first,
                       const struct bt_soc_result *result)
{
    struct bt_record *record = chained->nodes[chained->graph->count - 1].step.record;
    struct bt_soc_result *soc = &record->engine[iss->engine].soc;
    if (first) {
        soc->copied_bytes = result->copied_bytes;
        soc->interrupts = result->interrupts;
        soc->whole_cycles = result->soc_cycles;
        soc->host_seconds = result->host_seconds;
    } else if (soc->next_cycles == 0) {
        soc->next_cycles = result->soc_cycles;
    }
}

/* ---- a picture ---- */

static uint64_t wait_limit(const struct bt_chained *chained)
{
    uint64_t limit = 0;
    for (uint32_t i = 1; i < chained->graph->count; i++) {
        const struct bt_chained_node *node = &chained->nodes[i];
        const uint64_t one = node->on_accel ? bt_step_cycle_limit(&node->step) : 0;
        limit = one > limit ? one : limit;
    }
    return limit + 1;
}

static void fail_nodes(const struct bt_chained *chained, const struct bt_chained_iss *iss, const char *text)
{
    for (uint32_t i = 1; i < chained->graph->count; i++) {
        bt_record_set(chained->nodes[i].step.record, iss->engine, BT_FAIL, text);
    }
}

void bt_chained_iss_run(const struct bt_chained *chained, struct bt_chained_iss *iss, bool first)
{
    uint8_t *dram = bt_iss_dram(iss->iss);
    struct bt_program_image image;
    struct bt_soc_result result;
    struct bt_soc_report report;
    struct bt_error err = {""};
    const double begin = bt_now_seconds();

    bt_program_begin(&image, dram, chained->job->config.mem.dram_bytes, iss->constants_end);
    image.need = iss->constants_need; /* what found no room is counted again at the end */
    if (!emit_all(chained, iss, first, &image)) {
        fail_nodes(chained, iss, "out of memory");
        goto cleanup;
    }
    if (iss->constants_need <= image.dram_bytes) {
        poison(chained, iss);
        memcpy(dram + iss->dense[0], chained->expected[0], bt_graph_bytes(&chained->graph->nodes[0]));
    }
    if (bt_iss_run(iss->iss, &image, wait_limit(chained), &result, &report, &err) != BT_OK) {
        fail_nodes(chained, iss, err.text);
        goto cleanup;
    }
    chained->nodes[chained->graph->count - 1].step.record->engine[iss->engine].seconds += bt_now_seconds() - begin;
    judge(chained, iss, begin);
    take_whole(chained, iss, first, &result);
    if (first) {
        take_times(chained, iss, &image, &report);
        if (with_accel(iss)) {
            take_cycles(chained, iss, &image, &report);
        }
        if (chained->options->timeline != NULL) {
            write_timeline(chained, iss, &image, &report);
        }
    }

cleanup:
    bt_program_free(&image);
}
