#include "harness/job_key.h"

#include <stdio.h>
#include <string.h>

#include "harness/build_info.h"
#include "harness/dataset/dataset.h"
#include "harness/model.h"
#include "harness/record_json.h"

#define PATH_BYTES 4096

static void geometry(struct bt_keymaker *maker, const struct bt_suite_layer *layer)
{
    const struct bt_conv2d *c = &layer->work.u.conv;
    const struct bt_maxpool *p = &layer->work.pool;
    const int32_t numbers[] = {(int32_t)layer->work.op,
                               (int32_t)layer->work.dtype,
                               (int32_t)layer->act,
                               c->n,
                               c->h,
                               c->w,
                               c->c_in,
                               c->c_out,
                               c->kh,
                               c->kw,
                               c->stride_h,
                               c->stride_w,
                               c->dil_h,
                               c->dil_w,
                               c->pad_top,
                               c->pad_bottom,
                               c->pad_left,
                               c->pad_right,
                               c->groups,
                               c->in_zp,
                               c->out_zp,
                               c->act_min,
                               c->act_max,
                               (int32_t)c->rounding,
                               c->table,
                               c->raw,
                               p->kh,
                               p->kw,
                               p->stride_h,
                               p->stride_w,
                               p->pad_top,
                               p->pad_bottom,
                               p->pad_left,
                               p->pad_right,
                               (int32_t)layer->same};
    bt_key_text(maker, "network", layer->network);
    bt_key_text(maker, "layer", layer->layer);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        bt_key_number(maker, "geometry", numbers[i]);
    }
}

/* The C of the room: linked in and known by its digest, a shared object from elsewhere, or else the program itself. */
static enum bt_status room(struct bt_keymaker *maker, const struct bt_job *job, const struct bt_engine_options *options)
{
    char path[PATH_BYTES];
    for (const struct bt_room_digest *at = bt_build_info.rooms; at->room != NULL; at++) {
        if (strcmp(at->room, job->variant->name) == 0) {
            bt_key_text(maker, "room", at->digest);
            return BT_OK;
        }
    }
    const bool outside = bt_variant_folder(job->variant) != NULL;
    (void)snprintf(path, sizeof(path), "%s/outside/%s.so", options->build_dir, job->variant->name);
    return bt_key_file(maker, "room", outside ? path : "/proc/self/exe");
}

static enum bt_status files(struct bt_keymaker *maker, const struct bt_job *job,
                            const struct bt_engine_options *options, const char *suites_dir)
{
    const bool firmware = (job->engines & (1u << BT_ENGINE_ISS_SW | 1u << BT_ENGINE_ISS_ACCEL)) != 0;
    char path[PATH_BYTES];
    enum bt_status status = room(maker, job, options);
    if (status == BT_OK) {
        bt_variant_configs_path(job->variant, suites_dir, path, sizeof(path));
        status = bt_key_file(maker, "configurations", path);
    }
    if (status == BT_OK) {
        bt_engine_core_path(options, job, false, path, sizeof(path));
        status = bt_key_file(maker, "core", path);
    }
    if (status == BT_OK && firmware) {
        (void)snprintf(path, sizeof(path), "%s/firmware/%s.elf", options->build_dir, job->variant->name);
        status = bt_key_file(maker, "firmware", path);
    }
    if (status == BT_OK && firmware && options->soc != NULL) {
        status = bt_key_file(maker, "soc", options->soc->path);
    }
    return status;
}

/* A set "kind:PATH#FIRST-LAST", whose pictures are files. */
static enum bt_status dataset(struct bt_keymaker *maker, const char *set)
{
    char path[BT_MODEL_PATH];
    bt_key_text(maker, "dataset", set);
    bt_dataset_path(set, path, sizeof(path));
    const bool elsewhere = path[0] == '\0' || strncmp(path, "${data}", 7) == 0; /* drawn, or within the data folder */
    return elsewhere ? BT_OK : bt_key_file(maker, "pictures", path);
}

/* What a whole network is made of and runs on. */
static enum bt_status whole(struct bt_keymaker *maker, const struct bt_job *job,
                            const struct bt_engine_options *options)
{
    const struct bt_model_card *card = job->network->card;
    bt_key_number(maker, "images", job->pictures.images);
    bt_key_number(maker, "accuracy", job->pictures.accuracy);
    bt_key_number(maker, "accuracy_images", job->pictures.accuracy_images);
    bt_key_number(maker, "model_images", job->pictures.model_images);
    bt_key_real(maker, "max_drop", job->pictures.max_drop);
    bt_key_number(maker, "images asked", options->images);
    bt_key_number(maker, "data asked", options->data_asked);
    enum bt_status status = bt_key_file(maker, "network file", job->network->path);
    if (status == BT_OK && options->data_dir != NULL) {
        status = bt_key_file(maker, "data", options->data_dir);
    }
    if (status == BT_OK && card != NULL && card->file[0] != '\0') {
        status = bt_key_file(maker, "model", card->file);
    }
    if (status == BT_OK && card != NULL) {
        status = dataset(maker, card->dataset);
    }
    return status == BT_OK && card != NULL ? dataset(maker, card->calibration_dataset) : status;
}

enum bt_status bt_job_key(const struct bt_job *job, const struct bt_engine_options *options, const char *suites_dir,
                          struct bt_keymaker *maker, struct bt_key *key)
{
    if (options->wave != NULL || options->timeline != NULL || options->probe != NULL || options->prepared != NULL ||
        options->save_prepared != NULL) {
        return BT_EUNSUPPORTED;
    }
    bt_keymaker_reset(maker);
    bt_key_number(maker, "schema", BT_RESULTS_SCHEMA);
    bt_key_text(maker, "engines", bt_build_info.common);
    bt_key_text(maker, "compiler", bt_build_info.compiler);
    bt_key_libraries(maker);
    bt_key_text(maker, "variant", job->variant->name);
    bt_key_text(maker, "config", job->config.name);
    bt_key_number(maker, "stall percent", job->config.mem.stall_percent);
    bt_key_number(maker, "stall seed", (int64_t)job->config.mem.stall_seed);
    bt_key_number(maker, "pattern", (int64_t)job->pattern);
    bt_key_number(maker, "seed", (int64_t)job->seed);
    bt_key_number(maker, "sparsity", job->pruning.percent);
    bt_key_number(maker, "structure", (int64_t)job->pruning.structure);
    bt_key_number(maker, "which engines", job->engines);
    bt_key_number(maker, "ref", (int64_t)options->ref);
    bt_key_number(maker, "mips", options->cpu_mips);
    bt_key_number(maker, "device", (int64_t)options->device);
    bt_key_number(maker, "wait", (int64_t)options->wait);
    bt_key_text(maker, "chain", job->chain != NULL ? job->chain : "");
    bt_key_number(maker, "layers", job->count);
    for (uint32_t i = 0; i < job->count; i++) {
        geometry(maker, &job->layers[i]);
    }
    enum bt_status status = files(maker, job, options, suites_dir);
    if (status == BT_OK && job->network != NULL) {
        status = whole(maker, job, options);
    }
    *key = bt_key_of(maker);
    return status;
}
