#include "harness/detect.h"

#include <stdlib.h>
#include <string.h>

#include "reference/ops/exact_math.h"

/* e^x of a size beyond this is a box larger than any picture. */
#define MOST_SIZE 16
#define THRESHOLDS 10
#define RECALLS 101

void bt_detections_free(struct bt_detections *detections)
{
    free(detections->picture);
    free(detections->list);
    *detections = (struct bt_detections){0};
}

enum bt_status bt_detections_add(struct bt_detections *detections, uint32_t picture,
                                 const struct bt_detection *detection)
{
    if (detections->count == detections->capacity) {
        const uint32_t capacity = detections->capacity * 2 + 64;
        uint32_t *pictures = realloc(detections->picture, capacity * sizeof(*pictures));
        if (pictures != NULL) {
            detections->picture = pictures;
        }
        struct bt_detection *list = realloc(detections->list, capacity * sizeof(*list));
        if (list != NULL) {
            detections->list = list;
        }
        if (pictures == NULL || list == NULL) {
            return BT_ENOMEM;
        }
        detections->capacity = capacity;
    }
    detections->picture[detections->count] = picture;
    detections->list[detections->count++] = *detection;
    return BT_OK;
}

static double area(double x0, double y0, double x1, double y1)
{
    return x1 > x0 && y1 > y0 ? (x1 - x0) * (y1 - y0) : 0;
}

/* Intersection over union. */
static double overlap(const struct bt_box *a, const struct bt_box *b)
{
    const double both = area(a->x0 > b->x0 ? a->x0 : b->x0, a->y0 > b->y0 ? a->y0 : b->y0,
                             a->x1 < b->x1 ? a->x1 : b->x1, a->y1 < b->y1 ? a->y1 : b->y1);
    const double either = area(a->x0, a->y0, a->x1, a->y1) + area(b->x0, b->y0, b->x1, b->y1) - both;
    return either > 0 ? both / either : 0;
}

/* ---- from results to boxes ---- */

/* Falling score; of equal ones the earlier place, so that the order is one. */
struct ranked {
    float score;
    uint32_t place;
};

static int by_score(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    if (x->score != y->score) {
        return x->score < y->score ? 1 : -1;
    }
    return x->place > y->place ? 1 : x->place < y->place ? -1 : 0;
}

static struct ranked *rank(const struct bt_detections *detections)
{
    struct ranked *order = malloc((detections->count + (size_t)1) * sizeof(*order));
    for (uint32_t i = 0; order != NULL && i < detections->count; i++) {
        order[i] = (struct ranked){detections->list[i].score, i};
    }
    if (order != NULL) {
        qsort(order, detections->count, sizeof(*order), by_score);
    }
    return order;
}

struct cell {
    int32_t x, y, w, h; /* of the grid */
    int32_t width, height;
    int32_t classes;
};

static enum bt_status decode_cell(const struct cell *cell, const float anchor[2], const float *values,
                                  struct bt_detections *found)
{
    const double objectness = ref_sigmoid(values[4]);
    if (objectness < (double)BT_DETECT_SCORE) {
        return BT_OK;
    }
    const double cx = (cell->x + ref_sigmoid(values[0])) * cell->width / cell->w;
    const double cy = (cell->y + ref_sigmoid(values[1])) * cell->height / cell->h;
    const double w = (double)anchor[0] * ref_exp(values[2] > MOST_SIZE ? MOST_SIZE : values[2]);
    const double h = (double)anchor[1] * ref_exp(values[3] > MOST_SIZE ? MOST_SIZE : values[3]);
    for (int32_t k = 0; k < cell->classes; k++) {
        const struct bt_detection detection = {
            .box = {(float)(cx - w / 2), (float)(cy - h / 2), (float)(cx + w / 2), (float)(cy + h / 2), k},
            .score = (float)(objectness * ref_sigmoid(values[BT_HEAD_FIELDS + k])),
        };
        if (detection.score >= BT_DETECT_SCORE) {
            const enum bt_status status = bt_detections_add(found, 0, &detection);
            if (status != BT_OK) {
                return status;
            }
        }
    }
    return BT_OK;
}

enum bt_status bt_head_check(const struct bt_head *head, int32_t channels, struct bt_error *err)
{
    const int32_t anchors = (int32_t)head->anchor_count;
    if (anchors < 1 || channels % anchors != 0 || channels / anchors <= BT_HEAD_FIELDS) {
        return bt_fail(err, BT_EINVAL,
                       "head '%.47s': %d channels for %d anchors: expected 5 and a class or more for each", head->node,
                       channels, anchors);
    }
    return BT_OK;
}

static enum bt_status decode_head(const struct bt_head *head, const float *scores, const int32_t shape[3],
                                  int32_t width, int32_t height, struct bt_detections *found, struct bt_error *err)
{
    const int32_t anchors = (int32_t)head->anchor_count;
    const enum bt_status fits = bt_head_check(head, shape[2], err);
    if (fits != BT_OK) {
        return fits;
    }
    const int32_t fields = shape[2] / anchors;
    for (int32_t y = 0; y < shape[0]; y++) {
        for (int32_t x = 0; x < shape[1]; x++) {
            const struct cell cell = {x, y, shape[1], shape[0], width, height, fields - BT_HEAD_FIELDS};
            for (int32_t a = 0; a < anchors; a++) {
                const float *values = scores + ((int64_t)y * shape[1] + x) * shape[2] + (int64_t)a * fields;
                const enum bt_status status = decode_cell(&cell, head->anchors[a], values, found);
                if (status != BT_OK) {
                    return bt_fail(err, status, "out of memory");
                }
            }
        }
    }
    return BT_OK;
}

/* Non-maximum suppression per class, the best that are left. */
static enum bt_status keep_best(const struct bt_detections *found, uint32_t picture, struct bt_detections *detections)
{
    struct ranked *order = rank(found);
    uint32_t kept[BT_DETECT_MOST];
    uint32_t count = 0;
    enum bt_status status = order != NULL ? BT_OK : BT_ENOMEM;
    for (uint32_t i = 0; status == BT_OK && i < found->count && count < BT_DETECT_MOST; i++) {
        const struct bt_detection *next = &found->list[order[i].place];
        bool covered = false;
        for (uint32_t k = 0; k < count && !covered; k++) {
            const struct bt_box *better = &found->list[kept[k]].box;
            covered = better->label == next->box.label && overlap(better, &next->box) > (double)BT_DETECT_OVERLAP;
        }
        if (!covered) {
            kept[count++] = order[i].place;
            status = bt_detections_add(detections, picture, next);
        }
    }
    free(order);
    return status;
}

enum bt_status bt_detect(const struct bt_head *heads, uint32_t head_count, const float *const *scores,
                         int32_t (*shape)[3], int32_t width, int32_t height, uint32_t picture,
                         struct bt_detections *detections, struct bt_error *err)
{
    struct bt_detections found = {0};
    enum bt_status status = BT_OK;
    for (uint32_t i = 0; status == BT_OK && i < head_count; i++) {
        status = decode_head(&heads[i], scores[i], shape[i], width, height, &found, err);
    }
    if (status == BT_OK && keep_best(&found, picture, detections) != BT_OK) {
        status = bt_fail(err, BT_ENOMEM, "out of memory");
    }
    bt_detections_free(&found);
    return status;
}

/* ---- mean average precision ---- */

/* One class: its detections by falling score, and which boxes of the truth are taken already. */
struct evaluation {
    const struct bt_detections *truth, *detections;
    const struct ranked *order; /* of all detections */
    uint8_t *taken;             /* per box of the truth */
    uint8_t *right;             /* per detection of the class, in order */
    double *precision;          /* scratch, as many */
};

/* COCO's matching: the free box that it overlaps most, from the threshold on; of equal ones the later. */
static bool match(const struct evaluation *evaluation, uint32_t detection, double threshold)
{
    const struct bt_box *box = &evaluation->detections->list[detection].box;
    double best = threshold;
    uint32_t found = UINT32_MAX;
    for (uint32_t i = 0; i < evaluation->truth->count; i++) {
        const struct bt_box *other = &evaluation->truth->list[i].box;
        if (evaluation->truth->picture[i] != evaluation->detections->picture[detection] || other->label != box->label ||
            evaluation->taken[i] != 0) {
            continue;
        }
        const double shared = overlap(box, other);
        if (shared >= best) {
            best = shared;
            found = i;
        }
    }
    if (found != UINT32_MAX) {
        evaluation->taken[found] = 1;
    }
    return found != UINT32_MAX;
}

/*
 * Precision at the recalls 0, 0.01 ... 1, each the best that is reached there or beyond. The recalls are multiples of 0.01 in
 * binary64, as numpy.linspace makes them: 35 of 100 boxes are a recall just below the 36th of them.
 */
static double average_precision(const uint8_t *right, uint32_t count, uint32_t boxes, double *precision)
{
    double sum = 0;
    uint32_t hits = 0;
    for (uint32_t i = 0; i < count; i++) {
        hits += right[i];
        precision[i] = (double)hits / (i + 1);
    }
    for (uint32_t i = count; i > 1; i--) {
        precision[i - 2] = precision[i - 1] > precision[i - 2] ? precision[i - 1] : precision[i - 2];
    }
    hits = 0;
    uint32_t recall = 0;
    for (uint32_t i = 0; i < count; i++) {
        hits += right[i];
        while (recall < RECALLS && (double)hits / boxes >= (recall == RECALLS - 1 ? 1 : recall * 0.01)) {
            sum += precision[i];
            recall++;
        }
    }
    return sum / RECALLS;
}

static double evaluate(const struct evaluation *evaluation, int32_t label, double threshold, uint32_t boxes)
{
    uint32_t count = 0;
    memset(evaluation->taken, 0, evaluation->truth->count);
    for (uint32_t i = 0; i < evaluation->detections->count; i++) {
        const uint32_t detection = evaluation->order[i].place;
        if (evaluation->detections->list[detection].box.label == label) {
            evaluation->right[count++] = match(evaluation, detection, threshold) ? 1 : 0;
        }
    }
    return average_precision(evaluation->right, count, boxes, evaluation->precision);
}

enum bt_status bt_mean_average_precision(const struct bt_detections *truth, const struct bt_detections *detections,
                                         struct bt_map *map)
{
    struct ranked *order = rank(detections);
    uint8_t *taken = calloc(truth->count + (size_t)1, 1);
    uint8_t *right = calloc(detections->count + (size_t)1, 1);
    double *precision = calloc(detections->count + (size_t)1, sizeof(*precision));
    const struct evaluation evaluation = {truth, detections, order, taken, right, precision};
    enum bt_status status = order != NULL && taken != NULL && right != NULL && precision != NULL ? BT_OK : BT_ENOMEM;
    int32_t most = -1;
    *map = (struct bt_map){0};
    for (uint32_t i = 0; i < truth->count; i++) {
        most = truth->list[i].box.label > most ? truth->list[i].box.label : most;
    }
    for (int32_t label = 0; status == BT_OK && label <= most; label++) {
        uint32_t boxes = 0;
        for (uint32_t i = 0; i < truth->count; i++) {
            boxes += truth->list[i].box.label == label ? 1 : 0;
        }
        for (int t = 0; t < THRESHOLDS && boxes > 0; t++) {
            const double average = evaluate(&evaluation, label, 0.5 + 0.05 * t, boxes);
            map->at_50 += t == 0 ? average : 0;
            map->at_50_95 += average / THRESHOLDS;
        }
        map->classes += boxes > 0 ? 1 : 0;
    }
    if (map->classes > 0) {
        map->at_50 /= map->classes;
        map->at_50_95 /= map->classes;
    }
    free(order);
    free(taken);
    free(right);
    free(precision);
    return status;
}
