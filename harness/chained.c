#include "harness/chained.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/accuracy.h"
#include "harness/compare.h"
#include "harness/hal_sim.h"
#include "harness/layer_pool.h"
#include "harness/model.h"
#include "harness/progress.h"
#include "harness/prune.h"
#include "reference/common/bt_conv2d.h"
#include "reference/graph/graph_data.h"
#include "reference/graph/graph_runner.h"
#include "reference/graph/graph_seeded.h"

#define ALIGNMENT 16u

/* Everything one job owns. */
struct network {
    struct bt_chained shared;
    struct bt_graph *graph;         /* its own, or the trained one's */
    struct bt_graph_runner *runner; /* of graph, from its first picture on */
    struct bt_trained trained; /* of a network with a model; else weights of the data folder with samples, or seeded */
    struct bt_trained_input input; /* its present picture */
    struct bt_graph_samples samples;
    int8_t *seeded_input;
    struct bt_error why_seeded; /* what is missing for trained weights; "" where there are some */
    void *got;                  /* scratch for any output */
    struct bt_hal *hal;
    struct bt_chained_iss *sw, *accel;
    uint32_t compared[BT_ENGINE_COUNT];         /* pictures that an engine did without a difference */
    bool left_out[BT_ENGINE_COUNT];             /* of later pictures, once a layer went wrong */
    uint32_t images, pictures, labelled, right; /* pictures: of all engines, and of the model alone */
};

/* ---- where weights and pictures come from ---- */

/* Trained weights; nothing is trained again. */
static void prune(struct bt_graph *graph, const struct bt_pruning *pruning)
{
    for (uint32_t i = 0; i < graph->count; i++) {
        if (graph->nodes[i].op == BT_OP_CONV2D) {
            bt_prune(pruning, &graph->nodes[i].u.conv, BT_S8, graph->nodes[i].weights);
        }
    }
}

/* A model is what it is: nothing is seeded in its place. */
static enum bt_status open_model(struct network *network, struct bt_error *err)
{
    const struct bt_job *job = network->shared.job;
    enum bt_status status =
        bt_trained_open(job->network, network->shared.options->data_dir, job->seed, &network->trained, err);
    if (status == BT_OK && bt_trained_input_new(&network->trained, &network->input) != BT_OK) {
        status = bt_fail(err, BT_ENOMEM, "out of memory");
    }
    if (status == BT_OK) {
        network->graph = network->trained.graph;
        prune(network->graph, &job->pruning);
    }
    return status;
}

static enum bt_status open_graph(struct network *network, struct bt_error *err)
{
    const struct bt_job *job = network->shared.job;
    const char *data_dir = network->shared.options->data_dir;
    enum bt_status status = BT_EUNSUPPORTED;
    if (job->network->card != NULL) {
        return open_model(network, err);
    }
    if (data_dir != NULL) {
        status = bt_graph_load_real(job->network->name, data_dir, &network->graph, &network->samples, err);
    }
    if (status == BT_OK) {
        prune(network->graph, &job->pruning);
    }
    /* Without the folder nothing is wrong, unless it was asked for. */
    if (status == BT_EUNSUPPORTED && !(network->shared.options->data_asked && bt_graph_known(job->network->name))) {
        network->why_seeded = *err;
        err->text[0] = '\0';
        status = bt_graph_seeded(job->network, job->seed, &job->pruning, &network->graph, err);
        if (status != BT_OK) {
            return status;
        }
        network->seeded_input = malloc(bt_graph_bytes(&network->graph->nodes[0]));
        if (network->seeded_input == NULL) {
            return bt_fail(err, BT_ENOMEM, "out of memory");
        }
    }
    return status;
}

/* Trained networks have the pictures that there are; seeded ones as many as are asked for. */
static uint32_t count_pictures(const struct network *network)
{
    const uint32_t given = network->shared.options->images;
    const uint32_t asked = given != 0 ? given : network->shared.job->pictures.images;
    if (network->trained.graph != NULL) {
        const uint32_t wanted = asked != 0 ? asked : BT_PICTURES;
        return wanted < network->trained.count ? wanted : network->trained.count;
    }
    if (network->seeded_input != NULL) {
        return asked != 0 ? asked : 1;
    }
    return asked != 0 && asked < network->samples.count ? asked : network->samples.count;
}

/* The variant's model may be asked to do more of them than the slower engines. */
static uint32_t count_model_pictures(const struct network *network)
{
    const struct bt_job *job = network->shared.job;
    const uint32_t asked = job->pictures.model_images;
    if (network->trained.graph == NULL || asked == 0 || (job->engines & 1u << BT_ENGINE_MODEL) == 0) {
        return network->images;
    }
    return asked < network->trained.count ? asked : network->trained.count;
}

/* Input and class of a picture, -1 where that is not known; NULL with err. */
static const int8_t *picture(struct network *network, uint32_t index, int32_t *label, struct bt_error *err)
{
    *label = -1;
    if (network->trained.graph != NULL) {
        const enum bt_status status = bt_trained_get(&network->trained, index, &network->input, err);
        *label = network->trained.card->head_count == 0 ? network->input.label : -1;
        return status == BT_OK ? network->input.quantised : NULL;
    }
    if (network->seeded_input != NULL) {
        bt_graph_seeded_input(network->graph, network->shared.job->seed + index, network->seeded_input);
        return network->seeded_input;
    }
    *label = network->samples.labels[index];
    return network->samples.inputs + index * network->samples.bytes;
}

/*
 * The layer of the table that a node was made from: that of its name, else of the longest beginning of it ("<layer>.<part>").
 * @return job->count where there is none.
 */
static uint32_t layer_named(const struct bt_job *job, const char *name)
{
    uint32_t found = job->count;
    size_t longest = 0;
    for (uint32_t i = 0; i < job->count; i++) {
        const size_t length = strlen(job->layers[i].layer);
        const bool begins = strncmp(name, job->layers[i].layer, length) == 0;
        if (begins && (name[length] == '\0' || name[length] == '.') && length > longest) {
            found = i;
            longest = length;
        }
    }
    return found;
}

/* A table by itself has no layer in a network that follows from a model: it is part of what it reads, whatever its name. */
static uint32_t layer_of(const struct bt_chained *chained, uint32_t index)
{
    const struct bt_graph_node *node = &chained->graph->nodes[index];
    if (node->op != BT_OP_TABLE || chained->job->network->card == NULL) {
        return layer_named(chained->job, node->name);
    }
    return node->inputs[0] != 0 ? chained->nodes[node->inputs[0]].step.index : chained->job->count;
}

/* ---- planning ---- */

static uint32_t take(uint64_t *brk, uint64_t bytes)
{
    const uint64_t addr = (*brk + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    *brk = addr + bytes;
    return addr < UINT32_MAX ? (uint32_t)addr : UINT32_MAX; /* more DRAM than that, the end of planning refuses */
}

/* A node that is no convolution is compared like the output of one. */
static struct bt_conv2d output_shape(const struct bt_graph_node *node)
{
    return node->op == BT_OP_CONV2D ? node->u.conv : bt_conv2d_1x1(node->h, node->w, node->c, node->c);
}

uint32_t bt_chained_output(const struct bt_chained *chained, uint32_t index)
{
    const uint32_t pool = chained->nodes[index].pooled_as;
    return pool != 0 ? pool : index;
}

uint32_t bt_chained_runner(const struct bt_chained *chained, uint32_t index)
{
    const uint32_t conv = chained->nodes[index].pooled_by;
    return conv != 0 ? conv : index;
}

struct bt_engine_step bt_chained_plain(const struct bt_chained *chained, uint32_t index)
{
    struct bt_engine_step step = chained->nodes[index].step;
    step.layer.pool = (struct bt_maxpool){0};
    step.expected = chained->expected[index];
    return step;
}

static bool same_pixels(const struct bt_graph_node *input, const struct bt_conv2d *conv)
{
    return input->h == conv->h && input->w == conv->w && input->c == conv->c_in;
}

/* Asks the driver for a plan that reads the input where it is, else for one with an input of its own. */
static enum bt_status plan_node(struct bt_chained *chained, uint32_t index, struct bt_reason *why)
{
    struct bt_chained_node *node = &chained->nodes[index];
    struct bt_engine_step *step = &node->step;
    const struct bt_driver *driver = chained->job->variant->driver;
    const uint32_t from = chained->graph->nodes[index].inputs[0];
    const struct bt_chained_node *producer = &chained->nodes[bt_chained_runner(chained, from)];
    const struct bt_io anywhere = {.brk = chained->brk, .in_addr = BT_ANYWHERE, .out_addr = BT_ANYWHERE};
    struct bt_io here = anywhere;

    if (!producer->on_accel) {
        here.in_addr = producer->dense;
        here.in_pitch = (uint32_t)step->layer.u.conv.c_in;
    } else if (same_pixels(&chained->graph->nodes[from], &step->layer.u.conv)) {
        here.in_addr = producer->step.io.out_addr;
        here.in_pitch = producer->step.io.out_pitch;
        node->direct = true;
    }
    step->io = here;
    enum bt_status status =
        driver->plan(&chained->job->config, &step->layer, 1, bt_step_given(&step->aux), &step->io, step->plan, why);
    if (status == BT_EUNSUPPORTED && here.in_addr != BT_ANYWHERE) {
        node->direct = false;
        here.in_addr = BT_ANYWHERE;
        step->io = anywhere;
        *why = (struct bt_reason){0};
        status =
            driver->plan(&chained->job->config, &step->layer, 1, bt_step_given(&step->aux), &step->io, step->plan, why);
    }
    node->loaded = here.in_addr == BT_ANYWHERE;
    if (status == BT_OK) {
        chained->brk = step->io.brk;
        node->on_accel = true;
    }
    return status;
}

/* The node's layer as it stands, with or without pooling. Nothing is kept unless it is BT_OK. */
static enum bt_status plan_layer(struct bt_chained *chained, uint32_t index, struct bt_reason *why)
{
    const struct bt_variant *variant = chained->job->variant;
    struct bt_chained_node *node = &chained->nodes[index];
    struct bt_engine_step *step = &node->step;
    enum bt_status status = variant->driver->supports(&chained->job->config, &step->layer, 1, why);
    if (status == BT_OK) {
        step->plan = aligned_alloc(16, ((size_t)variant->driver->plan_bytes + 31) / 16 * 16);
        status = step->plan == NULL ? BT_ENOMEM : BT_OK;
    }
    struct bt_error err = {""};
    if (status == BT_OK) {
        status = bt_step_prepare(step, why, &err);
    }
    if (status == BT_OK) {
        status = plan_node(chained, index, why);
    }
    if (status != BT_OK) {
        free(step->plan);
        free(step->aux.data);
        step->plan = NULL;
        step->aux = (struct bt_blob){0};
        node->direct = false;
        node->loaded = false;
    }
    return status;
}

/* The max-pooling that reads a convolution and is all that does; 0 where there is none. */
static uint32_t only_pool(const struct bt_graph *graph, uint32_t index)
{
    uint32_t found = 0;
    for (uint32_t i = index + 1; i < graph->count; i++) {
        for (uint32_t k = 0; k < graph->nodes[i].input_count; k++) {
            if (graph->nodes[i].inputs[k] != index) {
                continue;
            }
            if (found != 0 || graph->nodes[i].op != BT_OP_MAXPOOL) {
                return 0;
            }
            found = i;
        }
    }
    return found;
}

/* Where each of the two is to be looked for. */
static void note_fused(struct bt_chained *chained, uint32_t index, uint32_t pool)
{
    struct bt_record *record = chained->nodes[index].step.record;
    struct bt_record *pooled = chained->nodes[pool].step.record;
    char text[BT_REASON_BYTES];
    (void)snprintf(record->note, sizeof(record->note),
                   "max-pooled on write-back as %s: ofmaps of model, rtl and iss:accel are those of %s",
                   chained->graph->nodes[pool].name, chained->graph->nodes[pool].name);
    (void)snprintf(text, sizeof(text), "on write-back of %s, compared there", chained->graph->nodes[index].name);
    for (enum bt_engine e = BT_ENGINE_MODEL; e < BT_ENGINE_COUNT && pooled != record; e++) {
        if (bt_step_selected(&chained->nodes[pool].step, e) && e != BT_ENGINE_ISS_SW) {
            bt_record_set(pooled, e, BT_SKIP, text);
        }
    }
}

/* A convolution with its max-pooling in one run. @return BT_EUNSUPPORTED where there is no such pooling, too. */
static enum bt_status plan_fused(struct bt_chained *chained, uint32_t index)
{
    struct bt_engine_step *step = &chained->nodes[index].step;
    const struct bt_layer plain = step->layer;
    const uint32_t pool = only_pool(chained->graph, index);
    struct bt_reason why = {0};
    if (pool == 0 || !bt_layer_fuse(&plain, &chained->graph->nodes[pool].u.pool, &step->layer)) {
        return BT_EUNSUPPORTED;
    }
    if (plan_layer(chained, index, &why) != BT_OK) {
        step->layer = plain; /* the two one after the other may be possible; what stands in their way is said then */
        return BT_EUNSUPPORTED;
    }
    step->expected = chained->expected[pool];
    chained->nodes[index].pooled_as = pool;
    chained->nodes[pool].pooled_by = index;
    note_fused(chained, index, pool);
    return BT_OK;
}

static bool try_accel(struct bt_chained *chained, uint32_t index)
{
    struct bt_engine_step *step = &chained->nodes[index].step;
    struct bt_reason why = {0};
    enum bt_status status = plan_fused(chained, index);
    if (status == BT_EUNSUPPORTED) {
        status = plan_layer(chained, index, &why);
    }
    if (status != BT_OK && status != BT_EUNSUPPORTED) {
        for (enum bt_engine e = BT_ENGINE_MODEL; e < BT_ENGINE_COUNT; e++) {
            if (bt_step_selected(step, e) && e != BT_ENGINE_ISS_SW) {
                bt_step_refuse(step, e, BT_FAIL, "plan", &why);
            }
        }
        return false;
    }
    if (status == BT_EUNSUPPORTED) {
        bt_step_refuse(step, BT_ENGINE_RTL, BT_SKIP, "on the CPU", &why);
    }
    return true;
}

/* Who reads what an accelerator node leaves as a dense tensor? */
static bool wanted_dense(const struct bt_chained *chained, uint32_t index)
{
    const uint32_t output = bt_chained_output(chained, index);
    for (uint32_t i = output + 1; i < chained->graph->count; i++) {
        const struct bt_graph_node *reader = &chained->graph->nodes[i];
        for (uint32_t k = 0; k < reader->input_count; k++) {
            if (reader->inputs[k] == output && !(chained->nodes[i].on_accel && chained->nodes[i].direct)) {
                return true;
            }
        }
    }
    return output + 1 == chained->graph->count;
}

static bool wants_accel(const struct bt_job *job)
{
    return (job->engines & ~(1u << BT_ENGINE_REF | 1u << BT_ENGINE_ISS_SW)) != 0;
}

/* Geometry, tensors and record of every node. */
static bool make_steps(struct network *network, struct bt_record *records, struct bt_error *err)
{
    struct bt_chained *chained = &network->shared;
    const struct bt_graph *graph = network->graph;
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct bt_graph_node *from = &graph->nodes[i];
        struct bt_engine_step *step = &chained->nodes[i].step;
        *step = (struct bt_engine_step){.job = chained->job, .options = chained->options};
        step->layer = (struct bt_layer){.op = from->op, .dtype = BT_S8, .u.conv = output_shape(from)};
        step->tensors.view = (struct bt_layer_data){.weights = from->weights,
                                                    .bias = from->bias,
                                                    .mult = from->mult,
                                                    .shift = from->shift,
                                                    .table = from->table};
        chained->expected[i] = calloc(1, bt_graph_bytes(from));
        step->expected = chained->expected[i];
        if (step->expected == NULL) {
            (void)bt_fail(err, BT_ENOMEM, "no memory on the host for the tensors");
            return false;
        }
        if (i > 0) {
            step->index = layer_of(chained, i);
            step->record = step->index < chained->job->count ? &records[step->index] : NULL;
            if (step->record == NULL) {
                (void)bt_fail(err, BT_EINVAL, "node %s of the graph is no layer of the table %s", from->name,
                              chained->job->network->name);
                return false;
            }
        }
    }
    return true;
}

/* Every node and its place. @return false when a record says why it cannot go on. */
static bool plan_all(struct network *network, struct bt_record *records, struct bt_error *err)
{
    struct bt_chained *chained = &network->shared;
    const struct bt_graph *graph = network->graph;
    size_t largest = 1;

    if (!make_steps(network, records, err)) {
        return false;
    }
    chained->brk = BT_DRAM_BASE;
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct bt_graph_node *from = &graph->nodes[i];
        struct bt_chained_node *node = &chained->nodes[i];
        struct bt_engine_step *step = &node->step;
        largest = bt_graph_bytes(from) > largest ? bt_graph_bytes(from) : largest;
        if (i > 0 && from->op == BT_OP_CONV2D) {
            step->record->macs = bt_layer_macs(&step->layer); /* trained weights may need more than the table says */
            if (wants_accel(chained->job) && !try_accel(chained, i)) {
                return false;
            }
        }
        if (!node->on_accel && node->pooled_by == 0) {
            node->dense = take(&chained->brk, bt_graph_bytes(from));
        }
    }
    for (uint32_t i = 1; i < graph->count; i++) {
        struct bt_chained_node *node = &chained->nodes[i];
        node->unpacked = node->on_accel && wanted_dense(chained, i);
        if (node->unpacked) {
            node->dense = take(&chained->brk, bt_graph_bytes(&graph->nodes[bt_chained_output(chained, i)]));
        }
    }
    network->got = malloc(largest);
    for (uint32_t i = 0; i < graph->count; i++) {
        chained->nodes[i].step.got = network->got;
    }
    if (network->got == NULL) {
        (void)bt_fail(err, BT_ENOMEM, "no memory on the host for the tensors");
    }
    return network->got != NULL;
}

/* ---- engines without firmware ---- */

static bool failed(const struct bt_record *record, enum bt_engine engine)
{
    return record->engine[engine].verdict == BT_FAIL;
}

static bool any_failed(const struct network *network, enum bt_engine engine, const struct bt_record *records)
{
    for (uint32_t i = 0; i < network->shared.job->count; i++) {
        if (failed(&records[i], engine)) {
            return true;
        }
    }
    return false;
}

static bool any_ran(const struct network *network, enum bt_engine engine, const struct bt_record *records)
{
    for (uint32_t i = 0; i < network->shared.job->count; i++) {
        if (records[i].engine[engine].ran) {
            return true;
        }
    }
    return false;
}

static void run_ref(const struct network *network)
{
    const struct bt_chained *chained = &network->shared;
    for (uint32_t i = 1; i < network->graph->count; i++) {
        struct bt_engine_step step = bt_chained_plain(chained, i);
        bt_step_ran(&step, BT_ENGINE_REF, bt_now_seconds(), step.expected);
        step.record->engine[BT_ENGINE_REF].verdict = BT_PASS;
    }
}

static void predict(const struct network *network)
{
    for (uint32_t i = 1; i < network->graph->count; i++) {
        struct bt_chained_node *node = &network->shared.nodes[i];
        char reason[BT_REASON_BYTES];
        if (!node->on_accel) {
            continue;
        }
        const enum bt_verdict verdict = bt_step_predict(&node->step, reason, sizeof(reason));
        if (bt_step_selected(&node->step, BT_ENGINE_CYCLES) && verdict != BT_PASS) {
            bt_record_set(node->step.record, BT_ENGINE_CYCLES, verdict, reason);
        }
    }
}

/* Every accelerator node by the bit-true model, on the reference's inputs. */
static void run_model(const struct network *network)
{
    for (uint32_t i = 1; i < network->graph->count; i++) {
        struct bt_chained_node *node = &network->shared.nodes[i];
        if (node->on_accel && !failed(node->step.record, BT_ENGINE_MODEL)) {
            free(node->step.profile.data);
            node->step.profile = (struct bt_blob){0};
            node->step.tensors.view.ifmap = network->shared.expected[network->graph->nodes[i].inputs[0]];
            bt_step_run_model(&node->step);
        }
    }
}

/* Every accelerator node on the simulated core, driven natively; the host carries over what the CPU would compute. */
static void run_rtl(struct network *network)
{
    const struct bt_chained *chained = &network->shared;
    struct bt_error err = {""};
    if (network->hal == NULL && bt_step_open_core(chained->job, chained->options, NULL, &network->hal, &err) != BT_OK) {
        for (uint32_t i = 1; i < network->graph->count; i++) {
            bt_record_set(chained->nodes[i].step.record, BT_ENGINE_RTL, BT_FAIL, err.text);
        }
        return;
    }
    for (uint32_t i = 1; i < network->graph->count; i++) {
        struct bt_chained_node *node = &chained->nodes[i];
        struct bt_record *record = node->step.record;
        if (!node->on_accel) {
            continue;
        }
        node->step.tensors.view.ifmap = chained->expected[network->graph->nodes[i].inputs[0]];
        node->step.chained = node->direct;
        record->measured = (struct bt_counters){0};
        bt_step_run_rtl(&node->step, network->hal);
        if (bt_step_selected(&node->step, BT_ENGINE_CYCLES) && record->predicted_cycles != 0) {
            bt_step_judge_cycles(&node->step);
        }
        if (failed(record, BT_ENGINE_RTL)) {
            return; /* the next one would read its output */
        }
    }
}

static void run_iss(struct network *network, enum bt_engine engine, bool first)
{
    struct bt_chained_iss **iss = engine == BT_ENGINE_ISS_SW ? &network->sw : &network->accel;
    struct bt_error err = {""};
    if (*iss == NULL) {
        const enum bt_status status = bt_chained_iss_open(&network->shared, engine, iss, &err);
        if (status != BT_OK) {
            const enum bt_verdict verdict = status == BT_EUNSUPPORTED ? BT_SKIP : BT_FAIL;
            for (uint32_t i = 1; i < network->graph->count; i++) {
                bt_record_set(network->shared.nodes[i].step.record, engine, verdict, err.text);
            }
            return;
        }
    }
    bt_chained_iss_run(&network->shared, *iss, first);
}

/* ---- pictures ---- */

static uint32_t top1(const int8_t *scores, size_t count)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++) {
        best = scores[i] > scores[best] ? i : best;
    }
    return best;
}

/* A failure says in which picture it came up. */
static void name_picture(const struct bt_job *job, struct bt_record *records, const uint8_t *failed_before,
                         uint32_t image)
{
    for (uint32_t i = 0; i < job->count; i++) {
        const size_t used = strlen(records[i].reason);
        if (records[i].verdict == BT_FAIL && failed_before[i] == 0) {
            (void)snprintf(records[i].reason + used, sizeof(records[i].reason) - used, " (picture %u)", image);
        }
    }
}

/* The runner against what bt_graph_run() left in expected. */
static bool prepare_runner(struct network *network, const int8_t *input, struct bt_error *err)
{
    const struct bt_graph *graph = network->graph;
    int8_t **fast = NULL;
    enum bt_status status = bt_graph_outputs_new(graph, &fast);
    if (status != BT_OK) {
        (void)bt_fail(err, status, "out of memory");
    } else {
        status = bt_graph_runner_new(graph, &network->runner, err);
    }
    if (status == BT_OK) {
        status = bt_graph_runner_run(network->runner, input, fast, err);
    }
    for (uint32_t i = 1; status == BT_OK && i < graph->count; i++) {
        if (memcmp(fast[i], network->shared.expected[i], bt_graph_bytes(&graph->nodes[i])) != 0) {
            status = bt_fail(err, BT_EINVAL, "%.47s: node %u '%.47s': the fast path differs from the operators",
                             graph->name, (unsigned)i, graph->nodes[i].name);
        }
    }
    bt_graph_outputs_free(graph, fast);
    return status == BT_OK;
}

/* What every engine is held to: the first picture by the operators, the others by the runner, once it gave the same. */
static bool expect_picture(struct network *network, const int8_t *input, struct bt_error *err)
{
    int8_t *const *expected = network->shared.expected;
    if (network->runner != NULL) {
        return bt_graph_runner_run(network->runner, input, expected, err) == BT_OK;
    }
    return bt_graph_run(network->graph, input, expected, err) == BT_OK &&
           (network->pictures == 1 || prepare_runner(network, input, err));
}

/* On all engines, or on the variant's model alone. */
static bool run_picture(struct network *network, struct bt_record *records, uint32_t image, bool model_alone,
                        struct bt_error *err)
{
    struct bt_chained *chained = &network->shared;
    const uint32_t last = network->graph->count - 1;
    int32_t label = -1;
    const int8_t *input = picture(network, image, &label, err);
    if (input == NULL || !expect_picture(network, input, err)) {
        return false;
    }
    run_ref(network);
    for (enum bt_engine e = BT_ENGINE_MODEL; e < BT_ENGINE_COUNT; e++) {
        if (!bt_step_selected(&chained->nodes[last].step, e) || (model_alone && e != BT_ENGINE_MODEL)) {
            continue;
        }
        if (any_failed(network, e, records)) {
            network->left_out[e] = true;
            continue;
        }
        if (e == BT_ENGINE_MODEL && chained->job->variant->model != NULL) {
            run_model(network);
        } else if (e == BT_ENGINE_RTL) {
            run_rtl(network);
        } else if (e == BT_ENGINE_ISS_SW || e == BT_ENGINE_ISS_ACCEL) {
            run_iss(network, e, image == 0);
        }
        network->compared[e] += any_ran(network, e, records) && !any_failed(network, e, records) ? 1 : 0;
    }
    if (label >= 0 && !model_alone) {
        const uint32_t scores = bt_trained_scores(network->graph);
        const uint32_t got = top1(chained->expected[scores], bt_graph_bytes(&network->graph->nodes[scores]));
        network->labelled++;
        network->right += (int32_t)got == label ? 1 : 0;
    }
    return true;
}

/* What a reader wants to know of the network, at its last layer. */
static void take_note(const struct network *network, struct bt_record *record)
{
    const uint32_t last = network->graph->count - 1;
    const struct bt_graph_node *node = &network->graph->nodes[last];
    char labels[64] = "";
    char class[80] = "";
    if (network->labelled != 0) {
        (void)snprintf(labels, sizeof(labels), ", %u of %u as labelled", network->right, network->labelled);
    }
    if (node->h == 1 && node->w == 1) { /* a classifier */
        const uint32_t scores = bt_trained_scores(network->graph);
        const uint32_t best = top1(network->shared.expected[scores], bt_graph_bytes(&network->graph->nodes[scores]));
        const struct bt_trained *trained = &network->trained;
        const uint32_t names = trained->has_dataset ? trained->class_count : network->samples.class_count;
        char *const *name = trained->has_dataset ? trained->dataset.class_names : network->samples.class_names;
        const bool named = name != NULL && best < names;
        (void)snprintf(class, sizeof(class), "; the last one's class is %u%s%.40s%s", best, named ? " (" : "",
                       named ? name[best] : "", named ? ")" : "");
    }
    const char *source = network->trained.graph != NULL ? network->trained.source : network->samples.source;
    const bool real = source[0] != '\0';
    (void)snprintf(record->note, sizeof(record->note), "weights %.95s%s%.150s; %u picture%s%s%.120s%s%s",
                   network->graph->source, network->why_seeded.text[0] != '\0' ? ", since " : "",
                   network->why_seeded.text, network->images, network->images > 1 ? "s" : "", real ? ": " : "", source,
                   labels, class);
}

/* A layer that was right before another one went wrong was not compared on all pictures. */
static void withdraw(const struct network *network, struct bt_record *records)
{
    for (enum bt_engine e = BT_ENGINE_MODEL; e < BT_ENGINE_COUNT; e++) {
        for (uint32_t i = 0; i < network->shared.job->count && network->left_out[e]; i++) {
            if (records[i].engine[e].verdict == BT_PASS) {
                bt_record_withdraw(&records[i], e, "right until another layer went wrong, then not run any more");
            }
        }
    }
}

/* Layers that only the accelerator's engines could have run, and did not, say where they ran. */
static void finish_records(const struct bt_job *job, struct bt_record *records)
{
    for (uint32_t i = 0; i < job->count; i++) {
        if (records[i].verdict == BT_SKIP && records[i].reason[0] == '\0') {
            (void)snprintf(records[i].reason, sizeof(records[i].reason), "runs on the CPU: nothing to compare with");
        }
    }
}

static void conclude_all(const struct bt_job *job, struct bt_record *records, enum bt_verdict verdict, const char *text)
{
    for (uint32_t i = 0; i < job->count; i++) {
        if (records[i].verdict != BT_FAIL) {
            bt_record_set(&records[i], BT_ENGINE_REF, verdict, text);
        }
    }
}

static void fail_all(const struct bt_job *job, struct bt_record *records, const char *text)
{
    conclude_all(job, records, BT_FAIL, text);
}

/* ---- accuracy ---- */

static bool wants_accuracy(const struct bt_job *job)
{
    return strcmp(job->layers[job->count - 1].layer, BT_ACCURACY) == 0;
}

/* The layer whose record says it all about the network. */
static uint32_t last_layer(const struct bt_job *job)
{
    return job->count - (wants_accuracy(job) ? 2 : 1);
}

static void take_quantisation(const struct network *network, const struct bt_quantisation_error *errors)
{
    for (uint32_t i = 1; i < network->graph->count; i++) {
        const struct bt_graph_node *node = &network->graph->nodes[i];
        network->shared.nodes[i].step.record->quantisation = (struct bt_layer_quantisation){
            .measured = errors[i].elems != 0,
            .low = errors[i].low,
            .high = errors[i].high,
            .scale = node->scale,
            .zp = node->zp,
            .clipped = errors[i].elems != 0 ? (double)errors[i].clipped / (double)errors[i].elems : 0,
            .sqnr = bt_quantisation_sqnr(&errors[i]),
        };
    }
}

/* Float and int8 on as many pictures as were asked for; the engines were held to int8 bit by bit on theirs. */
static enum bt_status measure_accuracy(const struct network *network, struct bt_record *record, struct bt_error *err)
{
    const struct bt_job *job = network->shared.job;
    struct bt_accuracy *accuracy = &record->accuracy;
    struct bt_quantisation_error *errors = calloc(network->graph->count, sizeof(*errors));
    if (errors == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    const enum bt_status status =
        bt_accuracy_measure(&network->trained, network->graph, job->pictures.accuracy_images, accuracy, errors, err);
    if (status == BT_OK) {
        const bool whole = accuracy->images == network->trained.count && job->pruning.percent == 0;
        char reason[BT_REASON_BYTES] = "";
        take_quantisation(network, errors);
        accuracy->max_drop = job->pictures.max_drop;
        memcpy(accuracy->compared, network->compared, sizeof(accuracy->compared));
        bt_record_set(record, BT_ENGINE_REF,
                      bt_accuracy_judge(accuracy, network->trained.card, whole, reason, sizeof(reason)), reason);
        record->engine[BT_ENGINE_REF].ran = true;
        record->engine[BT_ENGINE_REF].seconds = accuracy->float_seconds + accuracy->int8_seconds;
        bt_accuracy_text(accuracy, record->note, sizeof(record->note));
    }
    free(errors);
    return status;
}

static void close_network(struct network *network)
{
    const uint32_t count = network->graph != NULL ? network->graph->count : 0;
    bt_graph_runner_free(network->runner);
    bt_chained_iss_close(network->sw);
    bt_chained_iss_close(network->accel);
    bt_hal_sim_close(network->hal);
    for (uint32_t i = 0; i < count && network->shared.nodes != NULL; i++) {
        free(network->shared.nodes[i].step.plan);
        free(network->shared.nodes[i].step.aux.data);
        free(network->shared.nodes[i].step.profile.data);
    }
    for (uint32_t i = 0; i < count && network->shared.expected != NULL; i++) {
        free(network->shared.expected[i]);
    }
    free(network->shared.nodes);
    free(network->shared.expected);
    free(network->got);
    free(network->seeded_input);
    bt_graph_samples_free(&network->samples);
    bt_trained_input_free(&network->input);
    if (network->trained.graph != NULL) {
        bt_trained_close(&network->trained);
    } else {
        bt_graph_free(network->graph);
    }
}

enum bt_status bt_chained_run(const struct bt_job *job, const struct bt_engine_options *options,
                              struct bt_record *records)
{
    struct network network = {.shared = {.job = job, .options = options}};
    struct bt_error err = {""};
    uint8_t *failed_before = calloc(job->count, 1);
    enum bt_status status = failed_before != NULL ? BT_OK : BT_ENOMEM;

    for (uint32_t i = 0; i < job->count; i++) {
        bt_engine_label(job, i, &records[i]);
    }
    if (status != BT_OK) {
        goto cleanup;
    }
    const enum bt_status opened = open_graph(&network, &err);
    if (opened != BT_OK) {
        const bool missing = opened == BT_EUNSUPPORTED && !options->data_asked;
        conclude_all(job, records, missing ? BT_SKIP : BT_FAIL, err.text);
        goto cleanup;
    }
    network.shared.graph = network.graph;
    network.shared.nodes = calloc(network.graph->count, sizeof(*network.shared.nodes));
    network.shared.expected = calloc(network.graph->count, sizeof(*network.shared.expected));
    if (network.shared.nodes == NULL || network.shared.expected == NULL) {
        status = BT_ENOMEM;
        goto cleanup;
    }
    if (!plan_all(&network, records, &err)) {
        fail_all(job, records,
                 err.text[0] != '\0' ? err.text : "not run: another layer of the network could not be planned");
        goto cleanup;
    }
    predict(&network);
    network.images = count_pictures(&network);
    const uint32_t model_images = count_model_pictures(&network);
    network.pictures = network.images > model_images ? network.images : model_images;
    for (uint32_t k = 0; k < network.pictures; k++) {
        for (uint32_t i = 0; i < job->count; i++) {
            failed_before[i] = records[i].verdict == BT_FAIL;
        }
        if (!run_picture(&network, records, k, k >= network.images, &err)) {
            fail_all(job, records, err.text);
            goto cleanup;
        }
        name_picture(job, records, failed_before, k);
    }
    withdraw(&network, records);
    take_note(&network, &records[last_layer(job)]);
    if (wants_accuracy(job) && measure_accuracy(&network, &records[job->count - 1], &err) != BT_OK) {
        bt_record_set(&records[job->count - 1], BT_ENGINE_REF, BT_FAIL, err.text);
    }
    finish_records(job, records);

cleanup:
    close_network(&network);
    free(failed_before);
    return status;
}
