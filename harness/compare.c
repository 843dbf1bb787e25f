#include "harness/compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reference/common/bt_conv2d.h"

size_t bt_ofmap_bytes(const struct bt_layer *layer)
{
    return (size_t)bt_layer_ofmap_elems(layer) * bt_layer_ofmap_elem_bytes(layer);
}

int64_t bt_ofmap_elem(const struct bt_layer *layer, const void *ofmap, uint64_t index)
{
    const uint32_t bytes = bt_layer_ofmap_elem_bytes(layer);
    const unsigned char *at = (const unsigned char *)ofmap + index * bytes;
    int32_t word = 0;
    int16_t half = 0;
    switch (bytes) {
    case sizeof(word):
        memcpy(&word, at, sizeof(word));
        return word;
    case sizeof(half):
        memcpy(&half, at, sizeof(half));
        return half;
    default:
        return (int8_t)*at;
    }
}

bool bt_compare_ofmap(const struct bt_layer *layer, const void *expected, const void *got, struct bt_mismatch *mismatch)
{
    *mismatch = (struct bt_mismatch){0};
    if (memcmp(expected, got, bt_ofmap_bytes(layer)) == 0) {
        return true;
    }
    const uint64_t total = (uint64_t)bt_layer_ofmap_elems(layer);
    uint64_t first = total;
    uint64_t differing = 0;
    for (uint64_t i = 0; i < total; i++) {
        if (bt_ofmap_elem(layer, expected, i) != bt_ofmap_elem(layer, got, i)) {
            first = differing == 0 ? i : first;
            differing++;
        }
    }
    const uint64_t c_out = (uint64_t)layer->u.conv.c_out;
    const uint64_t ow = (uint64_t)bt_layer_ow(layer);
    const uint64_t oh = (uint64_t)bt_layer_oh(layer);
    *mismatch = (struct bt_mismatch){
        .differing = differing,
        .total = total,
        .n = (int32_t)(first / (c_out * ow * oh)),
        .y = (int32_t)(first / (c_out * ow) % oh),
        .x = (int32_t)(first / c_out % ow),
        .c = (int32_t)(first % c_out),
        .expected = bt_ofmap_elem(layer, expected, first),
        .got = bt_ofmap_elem(layer, got, first),
    };
    return false;
}

uint64_t bt_mismatch_elem(const struct bt_layer *layer, const struct bt_mismatch *mismatch)
{
    const uint64_t oh = (uint64_t)bt_layer_oh(layer);
    const uint64_t ow = (uint64_t)bt_layer_ow(layer);
    const uint64_t pixel = ((uint64_t)mismatch->n * oh + (uint64_t)mismatch->y) * ow + (uint64_t)mismatch->x;
    return pixel * (uint64_t)layer->u.conv.c_out + (uint64_t)mismatch->c;
}

double bt_error_percent(uint64_t predicted, uint64_t measured)
{
    if (measured == 0) {
        return 0.0;
    }
    return 100.0 * ((double)predicted - (double)measured) / (double)measured;
}

static const uint64_t *find(const struct bt_counters *counters, const char *name)
{
    for (uint32_t i = 0; i < counters->count; i++) {
        if (strcmp(counters->item[i].name, name) == 0) {
            return &counters->item[i].value;
        }
    }
    return NULL;
}

/* 0 where the number of multipliers is not known. */
static uint64_t lower_bound(const struct bt_cycle_facts *facts)
{
    return facts->multipliers == 0 ? 0 : (facts->macs + facts->multipliers - 1) / facts->multipliers;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

enum bt_verdict bt_check_measurement(const struct bt_cycle_facts *facts, char *reason, size_t reason_bytes)
{
    reason[0] = '\0';
    if (facts->start_to_done == 0) {
        (void)snprintf(reason, reason_bytes, "no cycles were measured between start and done");
        return BT_FAIL;
    }
    const uint64_t *reported = find(facts->measured, "cycles");
    if (reported != NULL && *reported != facts->start_to_done) {
        (void)snprintf(reason, reason_bytes,
                       "the core's cycles counter says %" PRIu64 ", counted outside it were %" PRIu64, *reported,
                       facts->start_to_done);
        return BT_FAIL;
    }
    if (facts->start_to_done < lower_bound(facts)) {
        (void)snprintf(reason, reason_bytes,
                       "%" PRIu64 " cycles measured, but %" PRIu64 " MACs on %" PRIu64
                       " multipliers need at least %" PRIu64,
                       facts->start_to_done, facts->macs, facts->multipliers, lower_bound(facts));
        return BT_FAIL;
    }
    return BT_PASS;
}

enum bt_verdict bt_check_prediction(const struct bt_cycle_facts *facts, char *reason, size_t reason_bytes)
{
    const struct bt_counters *predicted = facts->predicted;
    reason[0] = '\0';
    if (predicted->count == 0 || strcmp(predicted->item[0].name, "cycles") != 0) {
        (void)snprintf(reason, reason_bytes, "the prediction does not begin with cycles");
        return BT_FAIL;
    }
    for (uint32_t i = 0; i < predicted->count; i++) {
        if (predicted->item[i].value > INT64_MAX) { /* an unsigned subtraction that went below zero */
            (void)snprintf(reason, reason_bytes, "predicted %s is negative: %" PRId64, predicted->item[i].name,
                           (int64_t)predicted->item[i].value);
            return BT_FAIL;
        }
    }
    if (predicted->item[0].value < lower_bound(facts)) {
        (void)snprintf(reason, reason_bytes,
                       "%" PRIu64 " cycles predicted, but %" PRIu64 " MACs on %" PRIu64
                       " multipliers need at least %" PRIu64,
                       predicted->item[0].value, facts->macs, facts->multipliers, lower_bound(facts));
        return BT_FAIL;
    }
    return BT_PASS;
}

/* The first term that is not what the RTL counted; NULL when all are. */
static const char *check_terms(const struct bt_cycle_facts *facts, double allowed, char *reason, size_t reason_bytes)
{
    for (uint32_t i = 1; i < facts->predicted->count; i++) {
        const char *name = facts->predicted->item[i].name;
        const uint64_t expected = facts->predicted->item[i].value;
        const uint64_t *counter = find(facts->measured, name);
        if (counter == NULL) {
            (void)snprintf(reason, reason_bytes, "term %s is predicted, but the core has no counter of that name",
                           name);
            return name;
        }
        if ((double)distance(expected, *counter) > allowed) {
            (void)snprintf(reason, reason_bytes, "term %s: predicted %" PRIu64 ", counted %" PRIu64, name, expected,
                           *counter);
            return name;
        }
    }
    return NULL;
}

enum bt_verdict bt_check_cycles(const struct bt_cycle_facts *facts, char *reason, size_t reason_bytes)
{
    const uint64_t predicted = facts->predicted->item[0].value;
    const uint64_t measured = facts->start_to_done;
    const double percent = fabs(bt_error_percent(predicted, measured));
    const double allowed = facts->gate_percent * (double)measured / 100.0;
    const bool inside = (double)distance(predicted, measured) <= allowed;
    reason[0] = '\0';

    if (facts->exemption != NULL && inside) {
        (void)snprintf(reason, reason_bytes,
                       "exempted from the cycle gate, but inside it: %.3f %%; remove the exemption", percent);
        return BT_FAIL;
    }
    if (facts->exemption != NULL && percent <= facts->exemption->error_percent) {
        (void)snprintf(reason, reason_bytes,
                       "cycles predicted %" PRIu64 ", measured %" PRIu64
                       ", error %.3f %%; known, exempted up to %.3f %%",
                       predicted, measured, percent, facts->exemption->error_percent);
        return BT_XFAIL;
    }
    if (!inside) {
        const double limit = facts->exemption != NULL ? facts->exemption->error_percent : facts->gate_percent;
        (void)snprintf(reason, reason_bytes,
                       "cycles predicted %" PRIu64 ", measured %" PRIu64 ", error %+" PRId64
                       " (%.3f %%), allowed %.3f %%",
                       predicted, measured, (int64_t)(predicted - measured), percent, limit);
        return BT_FAIL;
    }
    return check_terms(facts, allowed, reason, reason_bytes) != NULL ? BT_FAIL : BT_PASS;
}
