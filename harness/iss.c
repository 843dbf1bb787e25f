#include "harness/iss.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/compare.h"
#include "harness/engine_step.h"
#include "harness/layer_pool.h"
#include "reference/common/bt_conv2d.h"

#define PATH_BYTES 4096
/* Watchdogs: far above what the slowest kernel takes, and small enough that a hang ends. */
#define INSTRUCTIONS_PER_WORK 100
#define LEAST_INSTRUCTIONS 100000000
#define WORK_PER_SECOND 1000000
#define LEAST_SECONDS 60

struct bt_iss {
    const struct bt_engine_options *options;
    char elf[PATH_BYTES];
    uint8_t *dram;
    uint64_t dram_bytes;
    uint64_t work;
    struct bt_hal *accel[BT_SOC_ACCELS];
    struct bt_soc *soc;
    struct bt_config config; /* a device keeps a pointer to it */
};

const char *bt_device_name(enum bt_device device)
{
    static const char *const names[BT_DEVICE_COUNT] = {[BT_DEVICE_RTL] = "rtl", [BT_DEVICE_MODEL] = "model"};
    return names[device];
}

const char *bt_wait_name(enum bt_wait wait)
{
    static const char *const names[BT_WAIT_COUNT] = {
        [BT_WAIT_INTERRUPT] = "interrupt", [BT_WAIT_WFI] = "wfi", [BT_WAIT_POLL] = "poll"};
    return names[wait];
}

/* Pages that nobody touches cost nothing, and are zero. */
static uint8_t *take_dram(uint64_t bytes)
{
    void *dram = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return dram != MAP_FAILED ? dram : NULL;
}

static enum bt_status open_accel(struct bt_iss *iss, const struct bt_job *job, struct bt_error *err)
{
    const struct bt_engine_options *options = iss->options;
    if (options->soc->accel_count == 0) {
        return bt_fail(err, BT_EINPUT, "%s: no accelerator in the memory map", options->soc->path);
    }
    if (options->device == BT_DEVICE_RTL) {
        struct bt_engine_options quiet = *options;
        quiet.wave = NULL; /* it is of the core that the harness drives */
        return bt_step_open_core(job, &quiet, iss->dram, &iss->accel[0], err);
    }
    if (job->variant->device == NULL) {
        return bt_fail(err, BT_EUNSUPPORTED, "%s has no C model behind its registers", job->variant->name);
    }
    iss->config = job->config;
    return bt_hal_sim_open_device(job->variant->device, &iss->config, iss->dram, &iss->accel[0], err);
}

enum bt_status bt_iss_open(const struct bt_job *job, const struct bt_engine_options *options, bool accel, uint64_t work,
                           struct bt_iss **opened, struct bt_error *err)
{
    enum bt_status status = BT_OK;
    if (options->soc == NULL) {
        return bt_fail(err, BT_EUNSUPPORTED, "no memory map of a system was given");
    }
    struct bt_iss *iss = calloc(1, sizeof(*iss));
    if (iss == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    iss->options = options;
    iss->work = work;
    (void)snprintf(iss->elf, sizeof(iss->elf), "%s/firmware/%s.elf", options->build_dir, job->variant->name);
    if (bt_variant_folder(job->variant) != NULL) {
        status = bt_fail(err, BT_EUNSUPPORTED, "no firmware for a core from elsewhere");
        goto cleanup;
    }
    if (access(iss->elf, R_OK) != 0) {
        status = bt_fail(err, BT_EIO, "no firmware %s; build it with: make %s", iss->elf, iss->elf);
        goto cleanup;
    }
    iss->dram_bytes = job->config.mem.dram_bytes;
    iss->dram = take_dram(iss->dram_bytes);
    if (iss->dram == NULL) {
        status = bt_fail(err, BT_ENOMEM, "out of memory");
        goto cleanup;
    }
    status = accel ? open_accel(iss, job, err) : BT_OK;
    if (status != BT_OK) {
        goto cleanup;
    }
    *opened = iss;
    iss = NULL;

cleanup:
    bt_iss_close(iss);
    return status;
}

void bt_iss_close(struct bt_iss *iss)
{
    if (iss == NULL) {
        return;
    }
    bt_soc_close(iss->soc);
    for (uint32_t i = 0; i < BT_SOC_ACCELS; i++) {
        bt_hal_sim_close(iss->accel[i]);
    }
    if (iss->dram != NULL) {
        (void)munmap(iss->dram, iss->dram_bytes);
    }
    free(iss);
}

uint64_t bt_iss_layer_work(const struct bt_layer *layer)
{
    const struct bt_conv2d *conv = &layer->u.conv;
    const uint64_t window = (uint64_t)layer->pool.kh * (uint64_t)layer->pool.kw;
    /* Packing touches every weight in whole rows of the array. */
    const uint64_t elem_bytes = bt_layer_elem_bytes(layer);
    return (uint64_t)bt_conv2d_macs(conv) + (uint64_t)bt_conv2d_ifmap_elems(conv) * elem_bytes +
           (uint64_t)bt_conv2d_ofmap_elems(conv) * bt_layer_ofmap_elem_bytes(layer) +
           (1 + window) * (bt_layer_pools(layer) ? bt_ofmap_bytes(layer) : 0) +
           64 * (uint64_t)bt_conv2d_weight_elems(conv) * elem_bytes;
}

uint8_t *bt_iss_dram(struct bt_iss *iss)
{
    return iss->dram;
}

struct bt_hal *bt_iss_accel(struct bt_iss *iss)
{
    return iss->accel[0];
}

/* ---- running a program ---- */

static void take_result(const struct bt_soc_report *report, const struct bt_program *program,
                        struct bt_soc_result *result)
{
    *result = (struct bt_soc_result){
        .soc_cycles = report->soc_cycles,
        .instructions = report->instructions,
        .cpu_cycles = report->cpu_cycles,
        .wait_cycles = report->wait_cycles,
        .accel_cycles = report->accel_cycles,
        .overlap_cycles = report->overlap_cycles,
        .accel_bytes = report->accel_bytes,
        .interrupts = report->interrupts,
        .host_seconds = report->seconds,
        .copied_bytes = program->copied_lo | (uint64_t)program->copied_hi << 32,
    };
}

static enum bt_status verdict_of(const struct bt_soc_report *report, const struct bt_program *program,
                                 struct bt_error *err)
{
    if (report->end != BT_SOC_EXITED) {
        return bt_fail(err, BT_EDEVICE, "%s", report->why.text);
    }
    if (report->exit_code == BT_FW_EXIT_STEP_FAILED) {
        return bt_fail(err, BT_EDEVICE, "step %u of the firmware: %.*s: got %d, limit %d (status %u)", program->failed,
                       (int)strnlen(program->why, sizeof(program->why)), program->why, program->why_got,
                       program->why_limit, program->status);
    }
    if (report->exit_code != BT_FW_EXIT_OK || program->status != BT_OK) {
        return bt_fail(err, BT_EDEVICE, "the firmware ended with code %u%s", report->exit_code,
                       program->status == BT_PROGRAM_UNFINISHED ? ", its program unfinished" : "");
    }
    return BT_OK;
}

enum bt_status bt_iss_run(struct bt_iss *iss, struct bt_program_image *image, uint64_t wait_cycles,
                          struct bt_soc_result *result, struct bt_soc_report *details, struct bt_error *err)
{
    const struct bt_soc_map *map = iss->options->soc;
    const uint32_t mips = iss->options->cpu_mips != 0 ? iss->options->cpu_mips : map->cpu_mips;
    const struct bt_program_target target = {.map = map, .wait = iss->options->wait, .wait_cycles = wait_cycles};
    struct bt_soc_report report;
    uint32_t program = 0;

    enum bt_status status = bt_program_end(image, &target, &program, err);
    if (status != BT_OK) {
        return status;
    }
    if (iss->soc == NULL) {
        const uint64_t instructions = LEAST_INSTRUCTIONS + INSTRUCTIONS_PER_WORK * iss->work;
        const struct bt_soc_options options = {
            .map = map,
            .cpu_mips = mips,
            .elf = iss->elf,
            .dram = iss->dram,
            .dram_bytes = iss->dram_bytes,
            .max_instructions = instructions,
            /* The CPU's own time, and an accelerator that does a hundredth of the work per cycle. */
            .max_cycles = (instructions / mips + 1) * map->clock_mhz + instructions,
            .max_seconds = (double)LEAST_SECONDS + (double)iss->work / WORK_PER_SECOND,
            .profile = iss->options->timeline != NULL,
            .accel = iss->accel,
        };
        status = bt_soc_open(&options, &iss->soc, err);
        if (status != BT_OK) {
            return status;
        }
    }
    status = bt_soc_run(iss->soc, map->dram.base + program, &report, err);
    if (status != BT_OK) {
        return status;
    }
    take_result(&report, bt_program_at(image, program), result);
    if (details != NULL) {
        *details = report;
    }
    return verdict_of(&report, bt_program_at(image, program), err);
}
