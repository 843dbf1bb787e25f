/* The engines iss:sw and iss:accel: one layer as a program of the firmware. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness/compare.h"
#include "harness/engine_step.h"
#include "harness/iss.h"
#include "harness/layer_pool.h"
#include "harness/lower.h"
#include "harness/progress.h"
#include "reference/common/bt_conv2d.h"

static uint64_t work_of(const struct bt_job *job)
{
    uint64_t work = 0;
    for (uint32_t i = 0; i < job->count; i++) {
        work += bt_iss_layer_work(&job->layers[i].work);
    }
    return work;
}

/* From the ifmap to the ofmap, both dense; what pooling reads is a tensor of its own. @return offset of the ofmap. */
static uint32_t lower_sw(const struct bt_engine_step *step, struct bt_program_image *image)
{
    const struct bt_conv2d *conv = &step->layer.u.conv;
    const struct bt_lowered constants = bt_lower_constants(image, &step->layer, &step->tensors.view);
    const uint32_t in = bt_program_put(image, step->tensors.view.ifmap, (uint64_t)bt_conv2d_ifmap_elems(conv));
    const uint32_t out = bt_program_reserve(image, bt_ofmap_bytes(&step->layer));
    if (!bt_layer_pools(&step->layer)) {
        bt_lower_conv(image, step->index, conv, &constants, in, out);
        return out;
    }
    const struct ref_pool2d pool = bt_layer_pool2d(&step->layer);
    const uint64_t bytes = (uint64_t)bt_conv2d_ofmap_elems(conv);
    const uint32_t unpooled = bt_program_reserve(image, bytes);
    if (unpooled != 0) {
        memset(image->dram + unpooled, BT_POISON, bytes);
    }
    bt_lower_conv(image, step->index, conv, &constants, in, unpooled);
    bt_lower_maxpool(image, step->index, &pool, unpooled, out);
    return out;
}

static uint32_t lower_accel(const struct bt_engine_step *step, struct bt_program_image *image)
{
    const struct bt_conv2d *conv = &step->layer.u.conv;
    const struct bt_lowered constants = bt_lower_constants(image, &step->layer, &step->tensors.view);
    const struct bt_lowered_plan plan =
        bt_lower_plan(image, step->job->variant->driver, step->plan, bt_step_given(&step->aux));
    const uint32_t out = bt_program_reserve(image, bt_ofmap_bytes(&step->layer));
    bt_lower_pack(image, step->index, &plan, &constants);
    if (!step->chained) {
        const uint64_t bytes = (uint64_t)bt_conv2d_ifmap_elems(conv) * bt_layer_elem_bytes(&step->layer);
        const uint32_t in = bt_program_put(image, step->tensors.view.ifmap, bytes);
        bt_lower_load(image, step->index, &plan, in);
    }
    bt_lower_start(image, step->index, &plan);
    bt_lower_wait(image, step->index, &plan);
    bt_lower_unpack(image, step->index, &plan, out);
    return out;
}

/* The ofmap where the core puts it, so that what it does not write is seen. */
static void poison(const struct bt_engine_step *step, uint8_t *dram)
{
    const uint64_t pixels = (uint64_t)(bt_layer_ofmap_elems(&step->layer) / step->layer.u.conv.c_out);
    memset(dram + step->io.out_addr, BT_POISON, pixels * step->io.out_pitch);
}

/* One run of the accelerator, from start to done as it was measured; the CPU waits for nothing else. */
static void take_span(struct bt_soc_result *soc, const struct bt_soc_report *report)
{
    if (report->span_count == 1) {
        soc->accel_cycles = report->spans[0].to - report->spans[0].from;
        soc->overlap_cycles = soc->accel_cycles > soc->wait_cycles ? soc->accel_cycles - soc->wait_cycles : 0;
    }
}

/* The firmware must not have changed what the accelerator took: without random stalls its cycles are the same. */
static void judge_time(struct bt_engine_step *step, const struct bt_soc_report *report)
{
    const struct bt_record *record = step->record;
    const uint64_t cycles = report->span_count == 1 ? report->spans[0].start_to_done : 0;
    char text[BT_REASON_BYTES];
    if (report->span_count != 1) {
        (void)snprintf(text, sizeof(text), "the accelerator ran %u times, expected once", report->span_count);
        bt_record_set(step->record, BT_ENGINE_ISS_ACCEL, BT_FAIL, text);
    } else if (record->stall_percent == 0 && record->rtl_cycles != 0 && cycles != record->rtl_cycles) {
        (void)snprintf(text, sizeof(text),
                       "start to done took %" PRIu64 " cycles under the firmware, %" PRIu64 " without it", cycles,
                       record->rtl_cycles);
        bt_record_set(step->record, BT_ENGINE_ISS_ACCEL, BT_FAIL, text);
    }
}

void bt_step_run_iss(struct bt_engine_step *step, enum bt_engine engine, struct bt_iss **iss)
{
    const bool accel = engine == BT_ENGINE_ISS_ACCEL;
    const size_t ofmap_bytes = bt_ofmap_bytes(&step->layer);
    struct bt_engine_result *result = &step->record->engine[engine];
    struct bt_program_image image = {0};
    struct bt_soc_report report = {0};
    struct bt_error err = {""};
    enum bt_status status = BT_OK;

    if (!accel && step->layer.dtype != BT_S8) {
        bt_record_set(step->record, engine, BT_SKIP, "no 16-bit kernels in the firmware");
        return;
    }
    if (*iss == NULL) {
        status = bt_iss_open(step->job, step->options, accel, work_of(step->job), iss, &err);
        if (status != BT_OK) {
            bt_record_set(step->record, engine, status == BT_EUNSUPPORTED ? BT_SKIP : BT_FAIL, err.text);
            return;
        }
    }
    const double begin = bt_now_seconds();
    uint8_t *dram = bt_iss_dram(*iss);
    /* The plan owns everything below io.brk; only with the accelerator. */
    bt_program_begin(&image, dram, step->job->config.mem.dram_bytes, accel ? step->io.brk : BT_DRAM_BASE);
    const uint32_t out = accel ? lower_accel(step, &image) : lower_sw(step, &image);
    if (out != 0) {
        memset(dram + out, BT_POISON, ofmap_bytes);
    }
    if (accel) {
        poison(step, dram);
    }
    status = bt_iss_run(*iss, &image, accel ? bt_step_cycle_limit(step) : 1, &result->soc, &report, &err);
    result->ran = status == BT_OK || status == BT_EDEVICE;
    if (status != BT_OK) {
        bt_record_set(step->record, engine, BT_FAIL, err.text);
        if (accel) {
            bt_hal_sim_reset(bt_iss_accel(*iss)); /* what follows in the chain gets a verdict of its own */
        }
    } else {
        memcpy(step->got, dram + out, ofmap_bytes);
        bt_step_ran(step, engine, begin, step->got);
        bt_step_judge_ofmap(step, engine);
        if (accel) {
            take_span(&result->soc, &report);
            judge_time(step, &report);
        }
    }
    bt_program_free(&image);
}
