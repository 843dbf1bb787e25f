#include "harness/difference.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "harness/record_json.h"

/* ---- which record of one side belongs to which of the other ---- */

struct key {
    uint64_t hash;
    const struct bt_record *record;
};

static void id_of(const struct bt_record *record, char *id)
{
    bt_record_id(record, id, BT_ID_BYTES);
}

static int compare_ids(const struct key *x, const struct key *y)
{
    char id_x[BT_ID_BYTES];
    char id_y[BT_ID_BYTES];
    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }
    id_of(x->record, id_x);
    id_of(y->record, id_y);
    return strcmp(id_x, id_y);
}

static int compare_keys(const void *left, const void *right)
{
    const struct key *x = left;
    const struct key *y = right;
    const int order = x->hash != y->hash ? (x->hash < y->hash ? -1 : 1) : compare_ids(x, y);
    return order != 0 ? order : (x->record > y->record) - (x->record < y->record);
}

/* Sorted by what only has to be the same on both sides: the hash of the id is compared faster than the id. */
static struct key *sorted_keys(const struct bt_results *results)
{
    struct key *keys = calloc(results->count + (size_t)1, sizeof(*keys));
    for (uint32_t i = 0; keys != NULL && i < results->count; i++) {
        char id[BT_ID_BYTES];
        id_of(&results->records[i], id);
        keys[i] = (struct key){XXH3_64bits(id, strlen(id)), &results->records[i]};
    }
    if (keys != NULL) {
        qsort(keys, results->count, sizeof(*keys), compare_keys);
    }
    return keys;
}

/* ---- what changed between two records ---- */

bool bt_verdict_worse(enum bt_verdict than, enum bt_verdict verdict)
{
    static const int rank[BT_VERDICT_COUNT] = {[BT_PASS] = 0, [BT_XFAIL] = 1, [BT_SKIP] = 2, [BT_FAIL] = 3};
    return rank[verdict] > rank[than];
}

static double percent(uint64_t a, uint64_t b)
{
    return a != 0 && b != 0 ? 100.0 * ((double)b - (double)a) / (double)a : 0.0;
}

/* Value of a counter; `hint` is where it would be if both sides name the same counters in the same order. */
static const uint64_t *counter(const struct bt_counters *counters, const char *name, uint32_t hint)
{
    if (hint < counters->count && strcmp(counters->item[hint].name, name) == 0) {
        return &counters->item[hint].value;
    }
    for (uint32_t i = 0; i < counters->count; i++) {
        if (strcmp(counters->item[i].name, name) == 0) {
            return &counters->item[i].value;
        }
    }
    return NULL;
}

static uint64_t distance(const struct bt_term *term)
{
    return term->a > term->b ? term->a - term->b : term->b - term->a;
}

static int compare_terms(const void *left, const void *right)
{
    const struct bt_term *x = left;
    const struct bt_term *y = right;
    if (distance(x) != distance(y)) {
        return distance(x) > distance(y) ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

/* Engines that simulate a system. */
static const char *const systems[BT_ENGINE_COUNT] = {
    [BT_ENGINE_ISS_SW] = "iss:sw system cycles",
    [BT_ENGINE_ISS_ACCEL] = "iss:accel system cycles",
};

/* Term i of a, below term_count(). A side that measured nothing, or not this one, says nothing about it: false. */
static bool term_of(const struct bt_record *a, const struct bt_record *b, uint32_t i, struct bt_term *term)
{
    if (i < a->measured.count) {
        const char *name = a->measured.item[i].name;
        const uint64_t *other = counter(&b->measured, name, i);
        *term = (struct bt_term){name, a->measured.item[i].value, other != NULL ? *other : 0};
        return other != NULL;
    }
    const uint32_t engine = i - a->measured.count;
    *term = (struct bt_term){systems[engine], a->engine[engine].soc.soc_cycles, b->engine[engine].soc.soc_cycles};
    return term->name != NULL && term->a != 0 && term->b != 0;
}

static uint32_t term_count(const struct bt_record *a)
{
    return a->measured.count + BT_ENGINE_COUNT;
}

uint32_t bt_difference_terms(const struct bt_record *a, const struct bt_record *b, struct bt_term *terms)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < term_count(a); i++) {
        struct bt_term term;
        if (term_of(a, b, i, &term) && term.a != term.b) {
            terms[count++] = term;
        }
    }
    if (count > 1) {
        qsort(terms, count, sizeof(*terms), compare_terms);
    }
    return count;
}

static struct bt_changed change_of(const struct bt_record *a, const struct bt_record *b)
{
    struct bt_term terms[BT_DIFFERENCE_TERMS];
    struct bt_changed change = {.a = a, .b = b};
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
        const uint64_t hash_a = a->engine[e].ran ? a->engine[e].hash : 0;
        const uint64_t hash_b = b->engine[e].ran ? b->engine[e].hash : 0;
        change.bits |= hash_a != 0 && hash_b != 0 && hash_a != hash_b ? 1u << e : 0;
        change.lost |= hash_a != 0 && hash_b == 0 ? 1u << e : 0;
    }
    change.verdict = bt_verdict_worse(a->verdict, b->verdict) - bt_verdict_worse(b->verdict, a->verdict);
    change.cycles = percent(a->rtl_cycles, b->rtl_cycles);
    if (change.cycles == 0.0) {
        change.cycles = percent(a->predicted_cycles, b->predicted_cycles);
    }
    change.terms = bt_difference_terms(a, b, terms) != 0 ? distance(&terms[0]) : 0;
    return change;
}

static bool is_change(const struct bt_changed *change, bool partial)
{
    return change->bits != 0 || change->verdict != 0 || (change->lost != 0 && !partial) || change->cycles != 0.0 ||
           change->terms != 0;
}

/* ---- sums ---- */

static struct bt_difference_sum *sum_of(struct bt_difference *difference, const struct bt_record *record)
{
    for (uint32_t i = 0; i < difference->sum_count; i++) {
        struct bt_difference_sum *sum = &difference->sums[i];
        if (strcmp(sum->config, record->config) == 0 && strcmp(sum->variant, record->variant) == 0) {
            return sum;
        }
    }
    struct bt_difference_sum *more =
        realloc(difference->sums, (difference->sum_count + (size_t)1) * sizeof(*difference->sums));
    if (more == NULL) {
        return NULL;
    }
    difference->sums = more;
    more[difference->sum_count] = (struct bt_difference_sum){
        .variant = record->variant,
        .config = record->config,
        .area_a = bt_area_find(&difference->a->areas, record->variant, record->config),
        .area_b = bt_area_find(&difference->b->areas, record->variant, record->config),
    };
    return &more[difference->sum_count++];
}

static void add_terms(struct bt_difference_sum *sum, const struct bt_record *a, const struct bt_record *b)
{
    for (uint32_t i = 0; i < term_count(a); i++) {
        struct bt_term term;
        if (!term_of(a, b, i, &term)) {
            continue;
        }
        uint32_t at = i < sum->term_count && strcmp(sum->terms[i].name, term.name) == 0 ? i : 0;
        while (at < sum->term_count && strcmp(sum->terms[at].name, term.name) != 0) {
            at++;
        }
        if (at == BT_DIFFERENCE_TERMS) {
            continue;
        }
        if (at == sum->term_count) {
            sum->terms[sum->term_count++] = (struct bt_term){.name = term.name};
        }
        sum->terms[at].a += term.a;
        sum->terms[at].b += term.b;
    }
}

static void add_to_sum(struct bt_difference_sum *sum, const struct bt_changed *change)
{
    const struct bt_record *a = change->a;
    const struct bt_record *b = change->b;
    sum->results++;
    sum->bits += change->bits != 0 ? 1 : 0;
    sum->worse += change->verdict > 0 ? 1 : 0;
    if (a->rtl_cycles != 0 && b->rtl_cycles != 0) {
        sum->cycles_a += a->rtl_cycles;
        sum->cycles_b += b->rtl_cycles;
    }
    if (a->predicted_cycles != 0 && b->predicted_cycles != 0) {
        sum->predicted_a += a->predicted_cycles;
        sum->predicted_b += b->predicted_cycles;
    }
    if (a->rtl_seconds > 0.0 && b->rtl_seconds > 0.0) {
        sum->macs += (double)a->macs;
        sum->seconds_a += a->rtl_seconds;
        sum->seconds_b += b->rtl_seconds;
    }
    add_terms(sum, a, b);
}

static void count_change(struct bt_difference *difference, const struct bt_changed *change)
{
    difference->both++;
    difference->bits += change->bits != 0 ? 1 : 0;
    difference->lost += change->lost != 0 ? 1 : 0;
    difference->worse += change->verdict > 0 ? 1 : 0;
    difference->better += change->verdict < 0 ? 1 : 0;
    difference->slower += change->cycles > 0.0 ? 1 : 0;
    difference->faster += change->cycles < 0.0 ? 1 : 0;
    difference->terms += change->terms != 0 ? 1 : 0;
}

/* ---- together ---- */

enum { BITS, WORSE, LOST, BETTER, CYCLES, ONE_SIDE };

static int kind(const struct bt_changed *change)
{
    if (change->a == NULL || change->b == NULL) {
        return ONE_SIDE;
    }
    if (change->bits != 0) {
        return BITS;
    }
    return change->verdict > 0 ? WORSE : change->lost != 0 ? LOST : change->verdict < 0 ? BETTER : CYCLES;
}

static int compare_changes(const void *left, const void *right)
{
    const struct bt_changed *x = left;
    const struct bt_changed *y = right;
    if (kind(x) != kind(y)) {
        return kind(x) < kind(y) ? -1 : 1;
    }
    if (fabs(x->cycles) != fabs(y->cycles)) {
        return fabs(x->cycles) > fabs(y->cycles) ? -1 : 1;
    }
    if (x->terms != y->terms) {
        return x->terms > y->terms ? -1 : 1;
    }
    /* Where nothing else tells them apart, the order of the runs; what a has before what only b has. */
    if ((x->a == NULL) != (y->a == NULL)) {
        return x->a == NULL ? 1 : -1;
    }
    return x->a != NULL ? (x->a > y->a) - (x->a < y->a) : (x->b > y->b) - (x->b < y->b);
}

/* The two lists of keys are walked together. */
static enum bt_status match(const struct key *keys_a, const struct key *keys_b, struct bt_difference *difference,
                            struct bt_error *err)
{
    const uint32_t count_a = difference->a->results.count;
    const uint32_t count_b = difference->b->results.count;
    for (uint32_t i = 0, j = 0; i < count_a || j < count_b;) {
        struct bt_changed *change = &difference->changed[difference->count];
        const int order = i == count_a ? 1 : j == count_b ? -1 : compare_ids(&keys_a[i], &keys_b[j]);
        if (order < 0) {
            *change = (struct bt_changed){.a = keys_a[i++].record};
            difference->only_a++;
            difference->count += difference->partial ? 0 : 1;
            continue;
        }
        if (order > 0) {
            *change = (struct bt_changed){.b = keys_b[j++].record};
            difference->only_b++;
            difference->count += difference->partial ? 0 : 1;
            continue;
        }
        const struct bt_record *a = keys_a[i++].record;
        const struct bt_record *b = keys_b[j++].record;
        if (a->seed != b->seed) {
            char id[BT_ID_BYTES];
            id_of(a, id);
            return bt_fail(err, BT_EINPUT,
                           "%.300s: seed %" PRIu64 " in %.60s, %" PRIu64 " in %.60s: expected the same data", id,
                           a->seed, difference->a->name, b->seed, difference->b->name);
        }
        *change = change_of(a, b);
        struct bt_difference_sum *sum = sum_of(difference, a);
        if (sum == NULL) {
            return bt_fail(err, BT_ENOMEM, "out of memory");
        }
        add_to_sum(sum, change);
        count_change(difference, change);
        difference->count += is_change(change, difference->partial) ? 1 : 0;
    }
    return BT_OK;
}

static int compare_sums(const void *left, const void *right)
{
    const struct bt_difference_sum *x = left;
    const struct bt_difference_sum *y = right;
    const int order = strcmp(x->variant, y->variant);
    return order != 0 ? order : strcmp(x->config, y->config);
}

enum bt_status bt_difference_make(const struct bt_difference_side *a, const struct bt_difference_side *b, bool partial,
                                  struct bt_difference *difference, struct bt_error *err)
{
    *difference = (struct bt_difference){.a = a, .b = b, .partial = partial};
    struct key *keys_a = sorted_keys(&a->results);
    struct key *keys_b = sorted_keys(&b->results);
    enum bt_status status = BT_ENOMEM;
    difference->changed =
        calloc((size_t)a->results.count + b->results.count + 1, sizeof(*difference->changed)); /* the last is scratch */
    if (keys_a == NULL || keys_b == NULL || difference->changed == NULL) {
        (void)bt_fail(err, status, "out of memory");
        goto cleanup;
    }
    status = match(keys_a, keys_b, difference, err);
    if (status == BT_OK) {
        qsort(difference->changed, difference->count, sizeof(*difference->changed), compare_changes);
        if (difference->sum_count > 0) {
            qsort(difference->sums, difference->sum_count, sizeof(*difference->sums), compare_sums);
        }
        for (uint32_t i = 0; i < difference->sum_count; i++) {
            qsort(difference->sums[i].terms, difference->sums[i].term_count, sizeof(struct bt_term), compare_terms);
        }
    }

cleanup:
    free(keys_a);
    free(keys_b);
    if (status != BT_OK) {
        bt_difference_free(difference);
    }
    return status;
}

void bt_difference_free(struct bt_difference *difference)
{
    free(difference->changed);
    free(difference->sums);
    *difference = (struct bt_difference){.count = 0};
}

bool bt_difference_is_worse(const struct bt_difference *difference)
{
    const bool lost = !difference->partial && (difference->only_a != 0 || difference->lost != 0);
    return difference->bits != 0 || difference->worse != 0 || lost;
}
