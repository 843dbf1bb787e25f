#include "harness/accuracy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reference/graph/graph_runner.h"

#define TOP 5
/* Quantile of the normal distribution for 95 %. */
#define Z95 1.959963984540054
/* A card states percentages with two digits. */
#define STATED_STEP 0.005001

/* All that one measurement owns. */
struct measurement {
    const struct bt_trained *trained;
    const struct bt_graph *graph;
    struct bt_accuracy *accuracy;
    float **real; /* outputs of the float network; NULL without one */
    int8_t **quantised;
    struct bt_graph_runner *runner;
    struct bt_float_runner *real_runner; /* NULL without a float network */
    float *dequantised; /* room for the results of a detector, one head behind the other; or for the scores */
    uint32_t heads[BT_MOST_HEADS];
    struct bt_detections truth, found_real, found_quantised;
    struct bt_error *err;
};

static double cpu_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- classes ---- */

/* The best classes, best first; of equal scores the lower one. */
static uint32_t best_of(const float *scores, uint32_t count, uint32_t best[TOP])
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = used;
        while (at > 0 && scores[i] > scores[best[at - 1]]) {
            at--;
        }
        if (at == TOP) {
            continue;
        }
        used += used < TOP ? 1 : 0;
        memmove(best + at + 1, best + at, (used - 1 - at) * sizeof(*best));
        best[at] = i;
    }
    return used;
}

static bool among(const uint32_t *best, uint32_t count, uint32_t class)
{
    for (uint32_t i = 0; i < count; i++) {
        if (best[i] == class) {
            return true;
        }
    }
    return false;
}

static enum bt_status rank_classes(const struct measurement *measurement, uint32_t picture, int32_t label)
{
    const uint32_t node = bt_trained_scores(measurement->graph);
    const size_t count = bt_graph_bytes(&measurement->graph->nodes[node]);
    if (label >= 0 && (size_t)label >= count) {
        return bt_fail(measurement->err, BT_EINPUT,
                       "%.60s: picture %u: class %d: expected 0 to %zu, as the network has",
                       measurement->trained->source, picture, label, count - 1);
    }
    struct bt_accuracy *accuracy = measurement->accuracy;
    uint32_t integer[TOP] = {0};
    uint32_t real[TOP] = {0};
    /* Scores of one format: their order is that of the integers. */
    for (size_t i = 0; i < count; i++) {
        measurement->dequantised[i] = measurement->quantised[node][i];
    }
    const uint32_t ranked = best_of(measurement->dequantised, (uint32_t)count, integer);
    if (label >= 0) {
        accuracy->labelled++;
        accuracy->int8_top1 += integer[0] == (uint32_t)label ? 1 : 0;
        accuracy->int8_top5 += among(integer, ranked, (uint32_t)label) ? 1 : 0;
    }
    if (measurement->real == NULL) {
        return BT_OK;
    }
    (void)best_of(measurement->real[node], (uint32_t)count, real);
    if (label >= 0) {
        accuracy->float_top1 += real[0] == (uint32_t)label ? 1 : 0;
        accuracy->float_top5 += among(real, ranked, (uint32_t)label) ? 1 : 0;
    }
    bool same = true;
    for (uint32_t i = 0; i < ranked; i++) {
        same = same && among(integer, ranked, real[i]);
    }
    accuracy->agree_top1 += real[0] == integer[0] ? 1 : 0;
    accuracy->agree_top5 += same ? 1 : 0;
    return BT_OK;
}

/* ---- boxes ---- */

static enum bt_status find_heads(struct measurement *measurement)
{
    const struct bt_model_card *card = measurement->trained->card;
    for (uint32_t k = 0; k < card->head_count; k++) {
        uint32_t i = 1;
        while (i < measurement->graph->count && strcmp(measurement->graph->nodes[i].name, card->heads[k].node) != 0) {
            i++;
        }
        if (i == measurement->graph->count) {
            return bt_fail(measurement->err, BT_EINVAL, "%s: head '%s': expected a node of the network", card->name,
                           card->heads[k].node);
        }
        measurement->heads[k] = i;
    }
    return BT_OK;
}

static enum bt_status decode(struct measurement *measurement, uint32_t picture, bool real, struct bt_detections *found)
{
    const struct bt_model_card *card = measurement->trained->card;
    const struct bt_graph_node *input = &measurement->graph->nodes[0];
    const float *scores[BT_MOST_HEADS] = {NULL};
    int32_t shape[BT_MOST_HEADS][3];
    float *at = measurement->dequantised;
    for (uint32_t k = 0; k < card->head_count; k++) {
        const struct bt_graph_node *head = &measurement->graph->nodes[measurement->heads[k]];
        shape[k][0] = head->h;
        shape[k][1] = head->w;
        shape[k][2] = head->c;
        scores[k] = real ? measurement->real[measurement->heads[k]] : at;
        if (!real) {
            bt_graph_dequantise(head, measurement->quantised[measurement->heads[k]], at);
            at += bt_graph_bytes(head);
        }
    }
    return bt_detect(card->heads, card->head_count, scores, shape, input->w, input->h, picture, found,
                     measurement->err);
}

static enum bt_status find_boxes(struct measurement *measurement, uint32_t picture,
                                 const struct bt_trained_input *input)
{
    enum bt_status status = BT_OK;
    const struct bt_head *head = &measurement->trained->card->heads[0];
    const int32_t channels = measurement->graph->nodes[measurement->heads[0]].c;
    const int32_t classes = channels / (int32_t)head->anchor_count - BT_HEAD_FIELDS;
    for (uint32_t i = 0; status == BT_OK && i < input->box_count; i++) {
        if (input->boxes[i].label >= classes) {
            return bt_fail(measurement->err, BT_EINPUT,
                           "%.60s: picture %u: box of class %d: expected 0 to %d, as the heads have",
                           measurement->trained->source, picture, input->boxes[i].label, classes - 1);
        }
        const struct bt_detection box = {.box = input->boxes[i], .score = 1};
        status = bt_detections_add(&measurement->truth, picture, &box);
    }
    measurement->accuracy->boxes += input->box_count;
    measurement->accuracy->labelled++;
    if (status == BT_OK) {
        status = decode(measurement, picture, false, &measurement->found_quantised);
    }
    if (status == BT_OK && measurement->real != NULL) {
        status = decode(measurement, picture, true, &measurement->found_real);
    }
    return status;
}

static enum bt_status average_boxes(struct measurement *measurement)
{
    struct bt_map real = {0};
    struct bt_map integer = {0};
    enum bt_status status = bt_mean_average_precision(&measurement->truth, &measurement->found_quantised, &integer);
    if (status == BT_OK && measurement->real != NULL) {
        status = bt_mean_average_precision(&measurement->truth, &measurement->found_real, &real);
    }
    measurement->accuracy->int8_map50 = integer.at_50;
    measurement->accuracy->int8_map = integer.at_50_95;
    measurement->accuracy->float_map50 = real.at_50;
    measurement->accuracy->float_map = real.at_50_95;
    return status;
}

/* ---- pictures ---- */

static enum bt_status run_picture(struct measurement *measurement, uint32_t picture, struct bt_trained_input *input,
                                  struct bt_quantisation_error *errors)
{
    const struct bt_trained *trained = measurement->trained;
    enum bt_status status = bt_trained_get(trained, picture, input, measurement->err);
    if (status != BT_OK) {
        return status;
    }
    const double begin = cpu_seconds();
    status = bt_graph_runner_run(measurement->runner, input->quantised, measurement->quantised, measurement->err);
    const double between = cpu_seconds();
    measurement->accuracy->int8_seconds += between - begin;
    if (status == BT_OK && measurement->real != NULL) {
        status = bt_float_runner_run(measurement->real_runner, NULL, input->real, measurement->real, measurement->err);
        measurement->accuracy->float_seconds += cpu_seconds() - between;
        bt_quantisation_error_add(trained->real, measurement->real, measurement->graph, measurement->quantised, errors);
    }
    if (status != BT_OK) {
        return status;
    }
    if (trained->card->head_count != 0) {
        return find_boxes(measurement, picture, input);
    }
    return rank_classes(measurement, picture, input->label);
}

static enum bt_status open_measurement(struct measurement *measurement)
{
    const struct bt_graph *graph = measurement->graph;
    size_t scores = bt_graph_bytes(&graph->nodes[bt_trained_scores(graph)]);
    enum bt_status status = find_heads(measurement);
    for (uint32_t k = 0; status == BT_OK && k < measurement->trained->card->head_count; k++) {
        scores += bt_graph_bytes(&graph->nodes[measurement->heads[k]]);
    }
    if (status != BT_OK) {
        return status;
    }
    measurement->dequantised = malloc(scores * sizeof(float));
    status = bt_graph_outputs_new(graph, &measurement->quantised);
    if (status == BT_OK) {
        status = bt_graph_runner_new(graph, &measurement->runner, measurement->err);
    }
    if (status == BT_OK && measurement->trained->real != NULL) {
        status = bt_float_outputs_new(measurement->trained->real, &measurement->real);
        if (status == BT_OK) {
            status = bt_float_runner_new(measurement->trained->real, &measurement->real_runner, measurement->err);
        }
    }
    return measurement->dequantised != NULL ? status : BT_ENOMEM;
}

enum bt_status bt_accuracy_measure(const struct bt_trained *trained, const struct bt_graph *graph, uint32_t images,
                                   struct bt_accuracy *accuracy, struct bt_quantisation_error *errors,
                                   struct bt_error *err)
{
    struct measurement measurement = {.trained = trained, .graph = graph, .accuracy = accuracy, .err = err};
    struct bt_trained_input input = {0};
    *accuracy = (struct bt_accuracy){
        .measured = true,
        .detects = trained->card->head_count != 0,
        .has_float = trained->real != NULL,
        .images = images != 0 && images < trained->count ? images : trained->count,
        .max_drop = -1,
    };
    enum bt_status status = open_measurement(&measurement);
    if (status == BT_OK) {
        status = bt_trained_input_new(trained, &input);
    }
    for (uint32_t k = 0; status == BT_OK && k < accuracy->images; k++) {
        status = run_picture(&measurement, k, &input, errors);
    }
    if (status == BT_OK && accuracy->detects) {
        status = average_boxes(&measurement);
    }
    accuracy->drop = bt_accuracy_float(accuracy) - bt_accuracy_int8(accuracy);
    bt_trained_input_free(&input);
    bt_graph_runner_free(measurement.runner);
    bt_float_runner_free(measurement.real_runner);
    bt_graph_outputs_free(graph, measurement.quantised);
    if (trained->real != NULL) {
        bt_float_outputs_free(trained->real, measurement.real);
    }
    free(measurement.dequantised);
    bt_detections_free(&measurement.truth);
    bt_detections_free(&measurement.found_real);
    bt_detections_free(&measurement.found_quantised);
    return status == BT_ENOMEM ? bt_fail(err, status, "%.47s: no memory to measure its accuracy", graph->name) : status;
}

/* ---- what it means ---- */

static double percent_of(uint32_t right, uint32_t count)
{
    return count > 0 ? 100.0 * right / count : 0;
}

double bt_accuracy_float(const struct bt_accuracy *accuracy)
{
    return accuracy->detects ? 100 * accuracy->float_map50 : percent_of(accuracy->float_top1, accuracy->labelled);
}

double bt_accuracy_int8(const struct bt_accuracy *accuracy)
{
    return accuracy->detects ? 100 * accuracy->int8_map50 : percent_of(accuracy->int8_top1, accuracy->labelled);
}

void bt_wilson(uint32_t right, uint32_t count, double *low_percent, double *high_percent)
{
    if (count == 0) {
        *low_percent = 0;
        *high_percent = 100;
        return;
    }
    const double n = count;
    const double share = right / n;
    const double z2 = Z95 * Z95;
    const double middle = share + z2 / (2 * n);
    const double spread = Z95 * sqrt(share * (1 - share) / n + z2 / (4 * n * n));
    /* Exact at both ends, where rounding would leave a trace. */
    *low_percent = right == 0 ? 0 : 100 * (middle - spread) / (1 + z2 / n);
    *high_percent = right == count ? 100 : 100 * (middle + spread) / (1 + z2 / n);
}

enum bt_verdict bt_accuracy_judge(const struct bt_accuracy *accuracy, const struct bt_model_card *card, bool whole,
                                  char *reason, size_t reason_bytes)
{
    const char *what = accuracy->detects ? "mAP@0.5" : "top-1";
    const double real = bt_accuracy_float(accuracy);
    const double integer = bt_accuracy_int8(accuracy);
    const bool known = accuracy->labelled != 0;
    if (whole && card->stated_float >= 0 && !known) {
        (void)snprintf(reason, reason_bytes, "%s.yaml states an accuracy: the pictures have no labels", card->name);
        return BT_FAIL;
    }
    if (accuracy->max_drop >= 0 && !(known && accuracy->has_float)) {
        (void)snprintf(reason, reason_bytes, "no %s: nothing to hold against the %.2f points allowed",
                       known ? "float network" : "labels", accuracy->max_drop);
        return BT_SKIP;
    }
    if (!known && !accuracy->has_float) {
        (void)snprintf(reason, reason_bytes, "neither labels nor a float network: nothing was measured");
        return BT_SKIP;
    }
    if (accuracy->max_drop >= 0 && accuracy->drop > accuracy->max_drop) {
        (void)snprintf(reason, reason_bytes, "%s of int8 is %.2f %%, %.2f points below float: at most %.2f allowed",
                       what, integer, accuracy->drop, accuracy->max_drop);
        return BT_FAIL;
    }
    if (whole && card->stated_float >= 0 &&
        ((accuracy->has_float && fabs(real - card->stated_float) > STATED_STEP) ||
         fabs(integer - card->stated_int8) > STATED_STEP)) {
        (void)snprintf(reason, reason_bytes, "%s is %.2f %% in float, %.2f %% in int8: %s.yaml states %.2f and %.2f",
                       what, real, integer, card->name, card->stated_float, card->stated_int8);
        return BT_FAIL;
    }
    return BT_PASS;
}

static int with_interval(char *text, size_t bytes, const char *name, uint32_t right, uint32_t count)
{
    double low = 0;
    double high = 0;
    bt_wilson(right, count, &low, &high);
    return snprintf(text, bytes, "%s %.2f %% (%.2f to %.2f)", name, percent_of(right, count), low, high);
}

void bt_accuracy_text(const struct bt_accuracy *accuracy, char *text, size_t text_bytes)
{
    char real[96] = "";
    char integer[96] = "";
    char agree[96] = "";
    if (accuracy->detects) {
        (void)snprintf(real, sizeof(real), "float %.2f %% (mAP %.2f %%)", 100 * accuracy->float_map50,
                       100 * accuracy->float_map);
        (void)snprintf(integer, sizeof(integer), "int8 %.2f %% (mAP %.2f %%)", 100 * accuracy->int8_map50,
                       100 * accuracy->int8_map);
        (void)snprintf(agree, sizeof(agree), "%u boxes", accuracy->boxes);
    } else {
        (void)with_interval(real, sizeof(real), "float", accuracy->float_top1, accuracy->labelled);
        (void)with_interval(integer, sizeof(integer), "int8", accuracy->int8_top1, accuracy->labelled);
        (void)snprintf(agree, sizeof(agree), "same class on %u, same five on %u", accuracy->agree_top1,
                       accuracy->agree_top5);
    }
    if (!accuracy->has_float) {
        (void)snprintf(real, sizeof(real), "no float network");
        (void)snprintf(agree, sizeof(agree), "%u of them with a class", accuracy->labelled);
    }
    if (accuracy->labelled == 0) {
        (void)snprintf(text, text_bytes, "no labels; %u pictures: %s", accuracy->images, agree);
        return;
    }
    char drop[32] = "";
    char top5[64] = "";
    if (accuracy->has_float) {
        (void)snprintf(drop, sizeof(drop), ", drop %.2f", accuracy->drop);
    }
    if (!accuracy->detects) {
        char before[32] = "";
        if (accuracy->has_float) {
            (void)snprintf(before, sizeof(before), "float %.2f %%, ",
                           percent_of(accuracy->float_top5, accuracy->labelled));
        }
        (void)snprintf(top5, sizeof(top5), "; top-5: %sint8 %.2f %%", before,
                       percent_of(accuracy->int8_top5, accuracy->labelled));
    }
    (void)snprintf(text, text_bytes, "%s: %s, %s%s%s; %u picture%s: %s", accuracy->detects ? "mAP@0.5" : "top-1", real,
                   integer, drop, top5, accuracy->images, accuracy->images == 1 ? "" : "s", agree);
}
