#include "reference/graph/graph_calibrate.h"

#include <math.h>
#include <stdlib.h>

#include "reference/graph/graph_exact.h"
#include "reference/graph/graph_quantise.h"
#include "reference/ops/exact_math.h"

#define BINS 2048
#define LEVELS 256
/* Each end is drawn in by this share of the range at a time, at most this often. */
#define STEPS 128
#define MOST_STEPS 124
#define PASSES 2
/* What a bin that is empty once quantised counts for, of all that there is: its divergence must be finite. */
#define EMPTY_SHARE 1e-6
#define NO_NOISE_DB 200

const char *bt_calibration_name(enum bt_calibration_method method)
{
    static const char *const names[BT_CALIBRATE_COUNT] = {"min_max", "mse", "kl"};
    return names[method];
}

/* How often values of each part of [low, high] were seen. */
struct histogram {
    double low, high;
    double counts[BINS]; /* whole numbers, exact up to 2^53 */
};

/* All that calibrating one graph needs. */
struct calibration {
    struct bt_float_graph *graph;
    struct histogram *before, *after; /* one per node; NULL in the first run */
    bool keep_means;
    bool invalid; /* a value that is no number */
};

static void widen(const float *values, size_t count, double *low, double *high, bool *invalid)
{
    for (size_t i = 0; i < count; i++) {
        *low = values[i] < *low ? values[i] : *low;
        *high = values[i] > *high ? values[i] : *high;
        *invalid = *invalid || !(fabsf(values[i]) <= 1e30f);
    }
}

static void count_values(const float *values, size_t count, struct histogram *histogram)
{
    const double width = (histogram->high - histogram->low) / BINS;
    if (!(width > 0)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const double bin = (values[i] - histogram->low) / width;
        if (values[i] != 0) {
            histogram->counts[bin < 0 ? 0 : bin >= BINS ? BINS - 1 : (int)bin]++;
        }
    }
}

static void see_range(void *context, uint32_t node, bool before, const float *values, size_t count)
{
    struct calibration *calibration = context;
    struct bt_float_node *at = &calibration->graph->nodes[node];
    widen(values, count, before ? &at->pre_low : &at->low, before ? &at->pre_high : &at->high, &calibration->invalid);
    for (size_t i = 0; calibration->keep_means && !before && i < count; i++) {
        at->mean[i % (size_t)at->c] += values[i];
    }
}

static void see_values(void *context, uint32_t node, bool before, const float *values, size_t count)
{
    struct calibration *calibration = context;
    count_values(values, count, before ? &calibration->before[node] : &calibration->after[node]);
}

/* ---- the best range of one histogram ---- */

/* The format of a range: which real value each of the 256 levels stands for. */
struct format {
    double scale;
    int32_t zp;
};

static int32_t level_of(const struct format *format, double value)
{
    const double q = floor(value / format->scale + 0.5) + format->zp;
    return q < INT8_MIN ? INT8_MIN : q > INT8_MAX ? INT8_MAX : (int32_t)q;
}

static double middle(const struct histogram *histogram, int bin)
{
    return histogram->low + (bin + 0.5) * ((histogram->high - histogram->low) / BINS);
}

static double square_error(const struct histogram *histogram, const struct format *format)
{
    double sum = 0;
    for (int bin = 0; bin < BINS; bin++) {
        const double value = middle(histogram, bin);
        const double error = value - format->scale * (level_of(format, value) - format->zp);
        sum += histogram->counts[bin] * (error * error);
    }
    return sum;
}

/*
 * Divergence of the histogram, what lies outside added to its outermost bins within the range, from the same
 * histogram once quantised: each level's values spread evenly over those of its bins that hold any.
 */
static double divergence(const struct histogram *histogram, const struct format *format)
{
    const double least = format->scale * (INT8_MIN - 0.5 - format->zp);
    const double most = format->scale * (INT8_MAX + 0.5 - format->zp);
    double mass[LEVELS] = {0};
    double filled[LEVELS] = {0};
    double total = 0;
    double inside = 0;
    double below = 0;
    double above = 0;
    int first = BINS;
    int last = -1;
    for (int bin = 0; bin < BINS; bin++) {
        const double value = middle(histogram, bin);
        const double count = histogram->counts[bin];
        total += count;
        if (value < least) {
            below += count;
        } else if (value > most) {
            above += count;
        } else {
            const int level = level_of(format, value) - INT8_MIN;
            first = bin < first ? bin : first;
            last = bin;
            mass[level] += count;
            filled[level] += count > 0 ? 1 : 0;
            inside += count;
        }
    }
    if (!(inside > 0)) {
        return HUGE_VAL;
    }
    double sum = 0;
    for (int bin = first; bin <= last; bin++) {
        const int level = level_of(format, middle(histogram, bin)) - INT8_MIN;
        const double own = histogram->counts[bin] + (bin == first ? below : 0) + (bin == last ? above : 0);
        const double quantised = histogram->counts[bin] > 0 ? mass[level] / filled[level] / inside : EMPTY_SHARE;
        sum += own > 0 ? own / total * ref_log2(own / total / quantised) : 0;
    }
    return sum;
}

static double cost(const struct histogram *histogram, enum bt_calibration_method method, double low, double high)
{
    struct format format;
    bt_graph_range(low, high, &format.scale, &format.zp);
    return method == BT_CALIBRATE_MSE ? square_error(histogram, &format) : divergence(histogram, &format);
}

/* Each end in turn; of equal costs the wider range. */
static void draw_in(const struct histogram *histogram, enum bt_calibration_method method, double *low, double *high)
{
    if (!(histogram->high > histogram->low)) {
        return;
    }
    double best = cost(histogram, method, *low, *high);
    for (int pass = 0; pass < PASSES; pass++) {
        for (int end = 0; end < 2; end++) {
            const double whole = end == 0 ? histogram->high : histogram->low;
            for (int step = 1; step <= MOST_STEPS && whole != 0; step++) {
                const double drawn = whole * (STEPS - step) / STEPS;
                const double other = cost(histogram, method, end == 0 ? *low : drawn, end == 0 ? drawn : *high);
                if (other < best) {
                    best = other;
                    *(end == 0 ? high : low) = drawn;
                }
            }
        }
    }
}

/* ---- the graph ---- */

static enum bt_status run_all(struct calibration *calibration, const struct bt_float_observer *observer,
                              const float *inputs, uint32_t count, float *const *outputs, struct bt_error *err)
{
    const size_t elems = bt_float_elems(&calibration->graph->nodes[0]);
    struct bt_float_runner *runner = NULL;
    enum bt_status status = bt_float_runner_new(calibration->graph, &runner, err);
    for (uint32_t i = 0; status == BT_OK && i < count; i++) {
        status = bt_float_runner_run(runner, observer, inputs + i * elems, outputs, err);
    }
    bt_float_runner_free(runner);
    if (status == BT_OK && calibration->invalid) {
        return bt_fail(err, BT_EINVAL, "%.47s: a value that is no number, or above 1e30: cannot be quantised",
                       calibration->graph->name);
    }
    return status;
}

static enum bt_status make_means(struct bt_float_graph *graph)
{
    for (uint32_t i = 0; i < graph->count; i++) {
        free(graph->nodes[i].mean);
        graph->nodes[i].mean = calloc((size_t)graph->nodes[i].c, sizeof(double));
        if (graph->nodes[i].mean == NULL) {
            return BT_ENOMEM;
        }
    }
    return BT_OK;
}

static void finish_means(struct bt_float_graph *graph, uint32_t count)
{
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct bt_float_node *node = &graph->nodes[i];
        for (int32_t c = 0; c < node->c; c++) {
            node->mean[c] /= (double)count * node->h * node->w;
        }
    }
}

/* Histograms over the ranges that the first run found, then the best part of each. */
static enum bt_status refine(struct calibration *calibration, enum bt_calibration_method method, const float *inputs,
                             uint32_t count, float *const *outputs, struct bt_error *err)
{
    struct bt_float_graph *graph = calibration->graph;
    const struct bt_float_observer observer = {see_values, calibration};
    enum bt_status status = BT_OK;
    calibration->before = calloc(graph->count, sizeof(*calibration->before));
    calibration->after = calloc(graph->count, sizeof(*calibration->after));
    if (calibration->before == NULL || calibration->after == NULL) {
        status = bt_fail(err, BT_ENOMEM, "%.47s: no memory to calibrate", graph->name);
        goto cleanup;
    }
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct bt_float_node *node = &graph->nodes[i];
        calibration->before[i].low = node->pre_low;
        calibration->before[i].high = node->pre_high;
        calibration->after[i].low = node->low;
        calibration->after[i].high = node->high;
    }
    status = run_all(calibration, &observer, inputs, count, outputs, err);
    for (uint32_t i = 1; status == BT_OK && i < graph->count; i++) {
        struct bt_float_node *node = &graph->nodes[i];
        draw_in(&calibration->after[i], method, &node->low, &node->high);
        if (bt_act_is_table(node->act)) {
            draw_in(&calibration->before[i], method, &node->pre_low, &node->pre_high);
        }
    }

cleanup:
    free(calibration->before);
    free(calibration->after);
    return status;
}

enum bt_status bt_float_calibrate(struct bt_float_graph *graph, const struct bt_calibration *how, const float *inputs,
                                  uint32_t count, struct bt_error *err)
{
    struct calibration calibration = {.graph = graph, .keep_means = how->bias_correction};
    const struct bt_float_observer observer = {see_range, &calibration};
    float **outputs = NULL;
    enum bt_status status = bt_float_outputs_new(graph, &outputs);
    if (status == BT_OK && how->bias_correction) {
        status = make_means(graph);
    }
    if (status != BT_OK) {
        bt_float_outputs_free(graph, outputs);
        return bt_fail(err, status, "%.47s: no memory to calibrate", graph->name);
    }
    status = run_all(&calibration, &observer, inputs, count, outputs, err);
    if (status == BT_OK && how->bias_correction) {
        finish_means(graph, count);
    }
    if (status == BT_OK && how->method != BT_CALIBRATE_MIN_MAX) {
        status = refine(&calibration, how->method, inputs, count, outputs, err);
    }
    bt_float_outputs_free(graph, outputs);
    return status;
}

/* ---- what it costs ---- */

void bt_quantisation_error_add(const struct bt_float_graph *real, float *const *real_outputs,
                               const struct bt_graph *quantised, int8_t *const *outputs,
                               struct bt_quantisation_error *errors)
{
    for (uint32_t i = 0; i < real->count && i < quantised->count; i++) {
        const struct bt_graph_node *node = &quantised->nodes[i];
        const size_t elems = bt_graph_bytes(node);
        const double least = node->scale * (INT8_MIN - 0.5 - node->zp);
        const double most = node->scale * (INT8_MAX + 0.5 - node->zp);
        struct bt_quantisation_error *error = &errors[i];
        error->elems += elems;
        for (size_t k = 0; k < elems; k++) {
            const double value = real_outputs[i][k];
            const double difference = value - node->scale * (outputs[i][k] - node->zp);
            error->low = value < error->low ? value : error->low;
            error->high = value > error->high ? value : error->high;
            error->clipped += value < least || value > most ? 1 : 0;
            error->signal += value * value;
            error->noise += difference * difference;
        }
    }
}

double bt_quantisation_sqnr(const struct bt_quantisation_error *error)
{
    if (!(error->signal > 0)) {
        return 0;
    }
    if (!(error->noise > 0)) {
        return NO_NOISE_DB;
    }
    return 10 * ref_log2(error->signal / error->noise) / 3.321928094887362; /* log2(10) */
}
