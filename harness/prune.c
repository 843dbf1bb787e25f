#include "harness/prune.h"

#include <stddef.h>

#include "reference/common/bt_conv2d.h"

/* A layer's weights as units, each `elems` weights that lie `step` apart. */
struct units {
    int64_t count;
    int64_t elems, step;
    int64_t per_filter, filter_elems; /* unit u begins at u / per_filter * filter_elems + u % per_filter */
};

static const char *const names[BT_STRUCTURE_COUNT] = {
    [BT_STRUCTURE_RANDOM] = "random",
    [BT_STRUCTURE_FILTER] = "filter",
    [BT_STRUCTURE_CHANNEL] = "channel",
};

const char *bt_structure_name(unsigned structure)
{
    return structure < BT_STRUCTURE_COUNT ? names[structure] : NULL;
}

static struct units units_of(enum bt_structure structure, const struct bt_conv2d *conv)
{
    const int64_t weights = bt_conv2d_weight_elems(conv);
    const int64_t filter = weights / conv->c_out;
    const int64_t depth = conv->c_in / conv->groups;
    switch (structure) {
    case BT_STRUCTURE_FILTER:
        return (struct units){conv->c_out, filter, 1, 1, filter};
    case BT_STRUCTURE_CHANNEL:
        return (struct units){conv->c_out * depth, filter / depth, depth, depth, filter};
    default:
        return (struct units){weights, 1, 1, filter, filter};
    }
}

static int64_t begin_of(const struct units *units, int64_t unit)
{
    return unit / units->per_filter * units->filter_elems + unit % units->per_filter;
}

/* Sum of the magnitudes of a unit's weights. */
static int64_t norm_of(const struct units *units, enum bt_dtype dtype, const void *weights, int64_t unit)
{
    const int64_t begin = begin_of(units, unit);
    const int64_t end = begin + units->elems * units->step;
    int64_t norm = 0;
    for (int64_t i = begin; i < end; i += units->step) {
        const int32_t w = dtype == BT_S16 ? ((const int16_t *)weights)[i] : ((const int8_t *)weights)[i];
        norm += w < 0 ? -w : w;
    }
    return norm;
}

static int64_t count_upto(const struct units *units, enum bt_dtype dtype, const void *weights, int64_t norm)
{
    int64_t count = 0;
    if (units->elems == 1 && dtype == BT_S16) { /* plain: norm_of() takes longer than the prediction */
        const int16_t *w = weights;
        for (int64_t i = 0; i < units->count; i++) {
            count += (w[i] < 0 ? -w[i] : w[i]) <= norm;
        }
        return count;
    }
    for (int64_t u = 0; u < units->count; u++) {
        count += norm_of(units, dtype, weights, u) <= norm;
    }
    return count;
}

static void clear(const struct units *units, enum bt_dtype dtype, void *weights, int64_t unit)
{
    const int64_t begin = begin_of(units, unit);
    const int64_t end = begin + units->elems * units->step;
    for (int64_t i = begin; i < end; i += units->step) {
        if (dtype == BT_S16) {
            ((int16_t *)weights)[i] = 0;
        } else {
            ((int8_t *)weights)[i] = 0;
        }
    }
}

static int64_t wanted_of(const struct bt_pruning *pruning, const struct units *units)
{
    const int64_t rounded = (units->count * pruning->percent + 50) / 100;
    const int64_t most = pruning->structure == BT_STRUCTURE_RANDOM ? units->count : units->count - 1;
    return rounded < most ? rounded : most;
}

int64_t bt_prune_count(const struct bt_pruning *pruning, const struct bt_conv2d *conv)
{
    const struct units units = units_of(pruning->structure, conv);
    return wanted_of(pruning, &units);
}

void bt_prune(const struct bt_pruning *pruning, const struct bt_conv2d *conv, enum bt_dtype dtype, void *weights)
{
    const struct units units = units_of(pruning->structure, conv);
    const int64_t wanted = wanted_of(pruning, &units);
    /* The smallest norm that `wanted` units do not exceed, by bisection: needs no memory of its own. */
    int64_t low = 0;
    int64_t high = units.elems * -INT16_MIN;
    if (wanted == 0) {
        return;
    }
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (count_upto(&units, dtype, weights, middle) >= wanted) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    int64_t equal = wanted - count_upto(&units, dtype, weights, low - 1); /* of that norm itself, the first ones */
    for (int64_t u = 0; u < units.count; u++) {
        const int64_t norm = norm_of(&units, dtype, weights, u);
        if (norm < low || (norm == low && equal > 0)) {
            equal -= norm == low;
            clear(&units, dtype, weights, u);
        }
    }
}
