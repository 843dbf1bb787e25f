/* From a card to a network that runs, and to the pictures it runs on. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/data.h"
#include "harness/model.h"
#include "reference/graph/graph_equalise.h"
#include "reference/graph/graph_exact.h"
#include "reference/graph/graph_seeded.h"

#define DATA_WORD "${data}"
/* Bytes of pictures to calibrate with. */
#define CALIBRATION_MOST ((size_t)1 << 30)

/* Are there the files of "kind:PATH" or "kind:PATH#FIRST-LAST"? */
static bool has_files(const char *spec)
{
    char path[2 * BT_MODEL_PATH];
    bt_dataset_path(spec, path, sizeof(path));
    return access(path, F_OK) == 0;
}

/* The specification of a set with the data folder in place of ${data}. */
static enum bt_status expand(const char *spec, const char *data_dir, char *text, size_t text_bytes,
                             struct bt_error *err)
{
    const char *word = strstr(spec, DATA_WORD);
    if (word == NULL) {
        (void)snprintf(text, text_bytes, "%s", spec);
        return BT_OK;
    }
    if (data_dir == NULL || access(data_dir, F_OK) != 0) {
        return bt_fail(err, BT_EUNSUPPORTED, "%.200s: no data folder", spec);
    }
    const int length =
        snprintf(text, text_bytes, "%.*s%s%s", (int)(word - spec), spec, data_dir, word + strlen(DATA_WORD));
    if (length < 0 || (size_t)length >= text_bytes) {
        return bt_fail(err, BT_EINPUT, "%.200s: path too long: expected a shorter one", spec);
    }
    return has_files(text) ? BT_OK : bt_fail(err, BT_EUNSUPPORTED, "%.200s: the data folder has none", spec);
}

/* A set in the size of the network's input. A data folder that lacks it is no fault of the user. */
static enum bt_status open_set(const char *spec, enum bt_split split, const char *data_dir, int32_t h, int32_t w,
                               int32_t c, struct bt_dataset *dataset, struct bt_error *err)
{
    char text[2 * BT_MODEL_PATH];
    enum bt_status status = expand(spec, data_dir, text, sizeof(text), err);
    if (status == BT_OK) {
        status = bt_dataset_open(text, split, h, w, dataset, err);
    }
    if (status != BT_OK) {
        return status;
    }
    if (dataset->h != h || dataset->w != w || dataset->c != c) {
        status = bt_fail(err, BT_EINPUT, "%.200s: pictures of %dx%dx%d: expected %dx%dx%d, the network's input", text,
                         dataset->h, dataset->w, dataset->c, h, w, c);
        bt_dataset_close(dataset);
    }
    return status;
}

static float real_of(const struct bt_model_card *card, const uint8_t *pixels, size_t i, int32_t c)
{
    const size_t channel = i % (size_t)c;
    const size_t from = card->bgr && c == 3 ? i - channel + (2 - channel) : i;
    return ((float)pixels[from] - card->mean[channel < 3 ? channel : 0]) / card->std[channel < 3 ? channel : 0];
}

/* What a pixel can become is known beforehand. */
static void state_input_range(const struct bt_model_card *card, struct bt_float_node *input)
{
    for (int32_t channel = 0; channel < input->c; channel++) {
        const int32_t at = channel < 3 ? channel : 0;
        const double low = ((double)0 - (double)card->mean[at]) / (double)card->std[at];
        const double high = (255 - (double)card->mean[at]) / (double)card->std[at];
        input->low = low < input->low ? low : input->low;
        input->high = high > input->high ? high : input->high;
    }
}

/* Pictures to calibrate with; uniform pixels where there are none. */
static enum bt_status calibration_inputs(const struct bt_model_card *card, const char *data_dir, uint64_t seed,
                                         const struct bt_float_node *input, float **inputs, uint32_t *count,
                                         struct bt_error *err)
{
    const char *spec = card->calibration_dataset[0] != '\0' ? card->calibration_dataset : card->dataset;
    const size_t elems = bt_float_elems(input);
    struct bt_dataset dataset = {0};
    enum bt_status status = BT_OK;
    uint32_t wanted = card->calibration_images;
    if (spec[0] != '\0') {
        status = open_set(spec, BT_SPLIT_CALIBRATION, data_dir, input->h, input->w, input->c, &dataset, err);
        if (status != BT_OK) {
            return status;
        }
        wanted = dataset.count < wanted ? dataset.count : wanted;
    }
    if (wanted * elems > CALIBRATION_MOST / sizeof(float)) {
        status = bt_fail(err, BT_EINPUT, "%s: %u pictures to calibrate with: expected at most %zu of this size",
                         card->name, wanted, CALIBRATION_MOST / sizeof(float) / elems);
        if (spec[0] != '\0') {
            bt_dataset_close(&dataset);
        }
        return status;
    }
    uint8_t *pixels = malloc(elems);
    float *made = malloc(wanted * elems * sizeof(*made));
    if (pixels == NULL || made == NULL) {
        status = bt_fail(err, BT_ENOMEM, "%s: no memory to calibrate", card->name);
    }
    for (uint32_t k = 0; status == BT_OK && pixels != NULL && made != NULL && k < wanted; k++) {
        if (spec[0] != '\0') {
            status = bt_dataset_get(&dataset, k, pixels, NULL, NULL, NULL, err);
        } else {
            bt_data_fill(seed + k, false, (int8_t *)pixels, elems);
        }
        for (size_t i = 0; status == BT_OK && i < elems; i++) {
            made[k * elems + i] = real_of(card, pixels, i, input->c);
        }
    }
    if (spec[0] != '\0') {
        bt_dataset_close(&dataset);
    }
    free(pixels);
    if (status != BT_OK) {
        free(made);
        return status;
    }
    *inputs = made;
    *count = wanted;
    return BT_OK;
}

static enum bt_status quantise(const struct bt_model_card *card, const char *data_dir, uint64_t seed,
                               struct bt_trained *trained, struct bt_error *err)
{
    struct bt_float_node *input = &trained->real->nodes[0];
    float *inputs = NULL;
    uint32_t count = 0;
    state_input_range(card, input);
    enum bt_status status = calibration_inputs(card, data_dir, seed, input, &inputs, &count, err);
    if (status == BT_OK && card->equalise) {
        status = bt_float_equalise(trained->real, inputs, count, err);
    }
    if (status == BT_OK) {
        status = bt_float_calibrate(trained->real, &card->calibration, inputs, count, err);
    }
    if (status == BT_OK) {
        status = bt_float_quantise(trained->real, &trained->graph, err);
    }
    free(inputs);
    return status;
}

/* A network of the data folder brings its own pictures, used where the card names no set. */
static enum bt_status open_data(const struct bt_model_card *card, const char *data_dir, uint64_t seed,
                                struct bt_trained *trained, struct bt_error *err)
{
    if (data_dir == NULL) {
        return bt_fail(err, BT_EUNSUPPORTED, "%s: no data folder", card->name);
    }
    enum bt_status status = bt_graph_load_float(card->data_network, data_dir, &trained->real, err);
    if (status != BT_OK) {
        return status;
    }
    if (card->own_format || card->dataset[0] == '\0') {
        status = bt_graph_load_real(card->data_network, data_dir, &trained->graph, &trained->samples, err);
    }
    if (status == BT_OK && !card->own_format) {
        bt_graph_free(trained->graph);
        trained->graph = NULL;
        status = quantise(card, data_dir, seed, trained, err);
    }
    return status;
}

static enum bt_status open_file(const struct bt_model_card *card, const char *data_dir, uint64_t seed,
                                struct bt_trained *trained, struct bt_error *err)
{
    struct bt_model model = {0};
    const enum bt_status status = bt_import_file(card->file, &model, err);
    if (status != BT_OK) {
        return status;
    }
    trained->real = model.real;
    trained->graph = model.quantised;
    if (card->own_format && model.quantised == NULL) {
        return bt_fail(err, BT_EINPUT,
                       "%s: a float model has no format of its own: expected a calibration other than "
                       "'own' in %s.yaml",
                       card->file, card->name);
    }
    return model.quantised != NULL ? BT_OK : quantise(card, data_dir, seed, trained, err);
}

/* The result that says the class, before a softmax, which only makes small scores equal. */
uint32_t bt_trained_scores(const struct bt_graph *graph)
{
    const uint32_t last = graph->count - 1;
    return graph->nodes[last].op == BT_OP_SOFTMAX ? graph->nodes[last].inputs[0] : last;
}

static enum bt_status check_classes(const struct bt_model_card *card, const struct bt_dataset *dataset, size_t scores,
                                    struct bt_error *err)
{
    if (dataset->task == BT_TASK_DETECT && card->head_count == 0) {
        return bt_fail(err, BT_EINPUT, "%s: a set of boxes (%.60s) for a network without heads: expected 'heads:'",
                       card->name, card->dataset);
    }
    if (dataset->task == BT_TASK_CLASSIFY && card->head_count != 0) {
        return bt_fail(err, BT_EINPUT, "%s: a set of classes (%.60s) for a network with heads: expected a set of boxes",
                       card->name, card->dataset);
    }
    if (card->head_count != 0) {
        return BT_OK; /* the heads are checked where they are decoded */
    }
    if (dataset->class_count != 0 && dataset->class_count != scores) {
        return bt_fail(err, BT_EINPUT, "%s: the network tells %zu classes apart: expected %u, as %.60s has", card->name,
                       scores, dataset->class_count, card->dataset);
    }
    return BT_OK;
}

static enum bt_status open_pictures(const struct bt_model_card *card, const char *data_dir, uint64_t seed,
                                    struct bt_trained *trained, struct bt_error *err)
{
    const struct bt_graph_node *input = &trained->graph->nodes[0];
    if (card->dataset[0] != '\0') {
        const enum bt_status status =
            open_set(card->dataset, BT_SPLIT_TEST, data_dir, input->h, input->w, input->c, &trained->dataset, err);
        if (status != BT_OK) {
            return status;
        }
        trained->has_dataset = true;
        trained->count = trained->dataset.count;
        trained->class_count = trained->dataset.class_count;
        (void)snprintf(trained->source, sizeof(trained->source), "%s", trained->dataset.source);
        return check_classes(card, &trained->dataset,
                             bt_graph_bytes(&trained->graph->nodes[bt_trained_scores(trained->graph)]), err);
    }
    if (trained->samples.count == 0) {
        const size_t bytes = bt_graph_bytes(input);
        trained->samples = (struct bt_graph_samples){.count = 1, .bytes = bytes};
        trained->samples.inputs = malloc(bytes);
        trained->samples.labels = malloc(sizeof(*trained->samples.labels));
        if (trained->samples.inputs == NULL || trained->samples.labels == NULL) {
            return bt_fail(err, BT_ENOMEM, "%s: out of memory", card->name);
        }
        bt_graph_seeded_input(trained->graph, seed, trained->samples.inputs);
        trained->samples.labels[0] = -1;
        (void)snprintf(trained->samples.source, sizeof(trained->samples.source), "uniform bytes of seed %llu",
                       (unsigned long long)seed);
    }
    trained->count = trained->samples.count;
    trained->class_count = trained->samples.class_count;
    (void)snprintf(trained->source, sizeof(trained->source), "%s", trained->samples.source);
    return BT_OK;
}

/* As the table knows it. */
static size_t table_scores(const struct bt_network *network)
{
    const struct bt_node *last = &network->nodes[network->count - 1];
    const struct bt_node *scores = last->op == BT_NODE_SOFTMAX ? &network->nodes[last->inputs[0]] : last;
    return (size_t)scores->h * (size_t)scores->w * (size_t)scores->c;
}

static enum bt_status check_heads(const struct bt_network *network, struct bt_error *err)
{
    const struct bt_model_card *card = network->card;
    for (uint32_t i = 0; i < card->head_count; i++) {
        const struct bt_head *head = &card->heads[i];
        const struct bt_node *node = bt_network_find(network, head->node);
        if (node == NULL) {
            return bt_fail(err, BT_EINPUT, "%s: head '%s': expected a node of the network", card->name, head->node);
        }
        struct bt_error why = {""};
        if (bt_head_check(head, node->c, &why) != BT_OK) {
            return bt_fail(err, BT_EINPUT, "%s: %.200s", card->name, why.text);
        }
    }
    return BT_OK;
}

enum bt_status bt_model_check(const struct bt_network *network, const char *data_dir, struct bt_error *err)
{
    const struct bt_model_card *card = network->card;
    const struct bt_node *input = &network->nodes[0];
    const char *const sets[] = {card->dataset, card->calibration_dataset};
    enum bt_status status = check_heads(network, err);
    for (size_t i = 0; status == BT_OK && i < 2; i++) {
        struct bt_dataset dataset;
        struct bt_error missing = {""};
        if (sets[i][0] == '\0') {
            continue;
        }
        status = open_set(sets[i], i == 0 ? BT_SPLIT_TEST : BT_SPLIT_CALIBRATION, data_dir, input->h, input->w,
                          input->c, &dataset, &missing);
        if (status == BT_EUNSUPPORTED) {
            status = BT_OK; /* said where it is skipped */
            continue;
        }
        if (status != BT_OK) {
            *err = missing;
            return status;
        }
        status = i == 0 ? check_classes(card, &dataset, table_scores(network), err) : BT_OK;
        bt_dataset_close(&dataset);
    }
    if (status == BT_OK && card->own_format && card->file[0] != '\0') {
        struct bt_model model = {0};
        status = bt_import_file(card->file, &model, err);
        if (status == BT_OK && model.quantised == NULL) {
            status = bt_fail(err, BT_EINPUT,
                             "%s: a float model has no format of its own: expected a calibration other than 'own' in "
                             "%s.yaml",
                             card->file, card->name);
        }
        bt_model_free(&model);
    }
    return status;
}

enum bt_status bt_trained_open(const struct bt_network *network, const char *data_dir, uint64_t seed,
                               struct bt_trained *trained, struct bt_error *err)
{
    const struct bt_model_card *card = network->card;
    struct bt_trained made = {.card = card};
    enum bt_status status = card->data_network[0] != '\0' ? open_data(card, data_dir, seed, &made, err)
                                                          : open_file(card, data_dir, seed, &made, err);
    if (status == BT_OK && made.graph != NULL) {
        (void)snprintf(made.graph->name, sizeof(made.graph->name), "%s", card->name);
        status = open_pictures(card, data_dir, seed, &made, err);
    }
    if (status != BT_OK) {
        bt_trained_close(&made);
        return status;
    }
    *trained = made;
    return BT_OK;
}

void bt_trained_close(struct bt_trained *trained)
{
    bt_float_graph_free(trained->real);
    bt_graph_free(trained->graph);
    if (trained->has_dataset) {
        bt_dataset_close(&trained->dataset);
    }
    bt_graph_samples_free(&trained->samples);
    *trained = (struct bt_trained){0};
}

/* ---- one picture ---- */

enum bt_status bt_trained_input_new(const struct bt_trained *trained, struct bt_trained_input *input)
{
    const size_t elems = bt_graph_bytes(&trained->graph->nodes[0]);
    input->pixels = malloc(elems);
    input->quantised = malloc(elems);
    input->real = malloc(elems * sizeof(*input->real));
    if (input->pixels == NULL || input->quantised == NULL || input->real == NULL) {
        bt_trained_input_free(input);
        return BT_ENOMEM;
    }
    return BT_OK;
}

void bt_trained_input_free(struct bt_trained_input *input)
{
    free(input->pixels);
    free(input->quantised);
    free(input->real);
    input->pixels = NULL;
    input->quantised = NULL;
    input->real = NULL;
}

enum bt_status bt_trained_get(const struct bt_trained *trained, uint32_t index, struct bt_trained_input *input,
                              struct bt_error *err)
{
    const struct bt_graph_node *node = &trained->graph->nodes[0];
    const size_t elems = bt_graph_bytes(node);
    input->label = -1;
    input->box_count = 0;
    if (!trained->has_dataset) {
        memcpy(input->quantised, trained->samples.inputs + index * trained->samples.bytes, elems);
        bt_graph_dequantise(node, input->quantised, input->real);
        input->label = trained->samples.labels[index];
        return BT_OK;
    }
    const bool boxes = trained->dataset.task == BT_TASK_DETECT;
    const enum bt_status status = bt_dataset_get(&trained->dataset, index, input->pixels, &input->label,
                                                 boxes ? input->boxes : NULL, boxes ? &input->box_count : NULL, err);
    for (size_t i = 0; status == BT_OK && i < elems; i++) {
        input->real[i] = real_of(trained->card, input->pixels, i, node->c);
        const double q = floor((double)input->real[i] / node->scale + 0.5) + node->zp;
        input->quantised[i] = (int8_t)(q < INT8_MIN ? INT8_MIN : q > INT8_MAX ? INT8_MAX : q);
    }
    return status;
}
