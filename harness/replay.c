#include "harness/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness/outside.h"
#include "harness/record.h"

void bt_shell_word(const char *text, char *word, size_t word_bytes)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
    size_t used = 0;
    if (text[0] != '\0' && text[strspn(text, plain)] == '\0') {
        (void)snprintf(word, word_bytes, "%s", text);
        return;
    }
    word[used++] = '\'';
    for (; *text != '\0' && used + 6 < word_bytes; text++) {
        const char *as = *text == '\'' ? "'\\''" : NULL;
        if (as == NULL) {
            word[used++] = (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text;
        } else {
            memcpy(word + used, as, strlen(as));
            used += strlen(as);
        }
    }
    word[used++] = '\'';
    word[used] = '\0';
}

/* Its pictures, and its accuracy. */
static void replay_pictures(const struct bt_replay *replay, const struct bt_job *job, char *text, size_t text_bytes)
{
    const struct bt_pictures *pictures = &job->pictures;
    const uint32_t asked = replay->options != NULL ? replay->options->images : 0;
    const uint32_t images = asked != 0 ? asked : pictures->images;
    char one[64];
    text[0] = '\0';
    if (images != 0) {
        (void)snprintf(text, text_bytes, " --images %" PRIu32, images);
    }
    if (!pictures->accuracy || job->network->card == NULL) {
        return;
    }
    (void)snprintf(one, sizeof(one), " --accuracy %" PRIu32, pictures->accuracy_images);
    (void)strncat(text, one, text_bytes - strlen(text) - 1);
    if (pictures->model_images != 0) {
        (void)snprintf(one, sizeof(one), " --model-images %" PRIu32, pictures->model_images);
        (void)strncat(text, one, text_bytes - strlen(text) - 1);
    }
    if (pictures->max_drop >= 0) {
        (void)snprintf(one, sizeof(one), " --max-accuracy-drop %g", pictures->max_drop);
        (void)strncat(text, one, text_bytes - strlen(text) - 1);
    }
}

/* Where the network is from: a file of the user's, or its name. */
static void replay_network(const struct bt_replay *replay, const struct bt_record *record, char *text,
                           size_t text_bytes)
{
    if (replay->model == NULL) {
        (void)snprintf(text, text_bytes, "--network '%s'", record->network);
        return;
    }
    (void)snprintf(text, text_bytes, "--model '%.300s'%s%.200s%s", replay->model,
                   replay->dataset != NULL ? " --dataset '" : "", replay->dataset != NULL ? replay->dataset : "",
                   replay->dataset != NULL ? "'" : "");
}

/* What the engines were told, where it is not the usual. */
static void replay_options(const struct bt_engine_options *options, char *text, size_t text_bytes)
{
    char soc[300] = "";
    char mips[32] = "";
    text[0] = '\0';
    if (options == NULL) {
        return;
    }
    if (options->soc != NULL && options->own_soc) {
        (void)snprintf(soc, sizeof(soc), " --soc '%s'", options->soc->path);
    }
    if (options->cpu_mips != 0) {
        (void)snprintf(mips, sizeof(mips), " --cpu-mips %" PRIu32, options->cpu_mips);
    }
    const bool device = options->device != BT_DEVICE_RTL;
    const bool wait = options->wait != BT_WAIT_INTERRUPT;
    (void)snprintf(text, text_bytes, "%s%s%s%s%s%s", soc, mips, device ? " --device " : "",
                   device ? bt_device_name(options->device) : "", wait ? " --wait " : "",
                   wait ? bt_wait_name(options->wait) : "");
}

void bt_replay_command(const struct bt_replay *replay, const struct bt_job *job, const struct bt_record *record,
                       char *text, size_t text_bytes)
{
    char extra[400];
    char pictures[160];
    char network[600];
    char pruned[64];
    const struct bt_variant *variant = bt_variant_find(record->variant);
    (void)snprintf(pruned, sizeof(pruned), " --sparsity %" PRIu32 "%s%s", record->sparsity,
                   record->sparsity != 0 ? " --structure " : "", record->sparsity != 0 ? record->structure : "");
    replay_options(replay->options, extra, sizeof(extra));
    replay_network(replay, record, network, sizeof(network));
    if (record->whole) {
        replay_pictures(replay, job, pictures, sizeof(pictures));
        char stalls[32] = "";
        if (record->stall_percent != 0) {
            (void)snprintf(stalls, sizeof(stalls), " --stalls %" PRIu32, record->stall_percent);
        }
        (void)snprintf(text, text_bytes, "%s run --chained %s --variant %s --config %s --seed %" PRIu64 "%s%s%s%s",
                       replay->program, network, record->variant, record->config, record->seed, pruned, stalls, extra,
                       pictures);
        return;
    }
    const char *folder = variant != NULL ? bt_variant_folder(variant) : NULL;
    (void)snprintf(text, text_bytes,
                   "%s replay%s%s%s%s%s %s --layer '%s' --variant %s --config %s --pattern %s --stalls %u "
                   "--seed %" PRIu64 " --dtype %s%s%s",
                   replay->program, replay->suite != NULL ? " --suite " : "",
                   replay->suite != NULL ? replay->suite : "", folder != NULL ? " --core '" : "",
                   folder != NULL ? folder : "", folder != NULL ? "'" : "", network, record->layer, record->variant,
                   record->config, record->pattern, record->stall_percent, record->seed, record->dtype, pruned, extra);
}
