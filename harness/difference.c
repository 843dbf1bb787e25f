#include "harness/difference.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- which outcome of one side belongs to which of the other ---- */

struct place {
    uint64_t id_hash; /* of the outcome; here it is compared faster */
    const struct bt_outcome *outcome;
};

static int compare_ids(const struct place *x, const struct place *y)
{
    return x->id_hash != y->id_hash ? (x->id_hash < y->id_hash ? -1 : 1) : strcmp(x->outcome->id, y->outcome->id);
}

static int compare_places(const void *left, const void *right)
{
    const struct place *x = left;
    const struct place *y = right;
    const int order = compare_ids(x, y);
    return order != 0 ? order : (x->outcome > y->outcome) - (x->outcome < y->outcome);
}

/* By id; those with one id as they came. */
static struct place *sorted(const struct bt_outcomes *outcomes)
{
    struct place *places = calloc(outcomes->count + (size_t)1, sizeof(*places));
    for (uint32_t i = 0; places != NULL && i < outcomes->count; i++) {
        places[i] = (struct place){outcomes->items[i].id_hash, &outcomes->items[i]};
    }
    if (places != NULL) {
        qsort(places, outcomes->count, sizeof(*places), compare_places);
    }
    return places;
}

/* ---- what changed between two outcomes ---- */

bool bt_verdict_worse(enum bt_verdict than, enum bt_verdict verdict)
{
    static const int rank[BT_VERDICT_COUNT] = {[BT_PASS] = 0, [BT_XFAIL] = 1, [BT_SKIP] = 2, [BT_FAIL] = 3};
    return rank[verdict] > rank[than];
}

static double percent(uint64_t a, uint64_t b)
{
    return a != 0 && b != 0 ? 100.0 * ((double)b - (double)a) / (double)a : 0.0;
}

/* The value of a term; `hint` is where it would be if both sides name the same terms in the same order. */
static const uint64_t *value_of(const struct bt_outcome *outcome, const char *name, uint32_t hint)
{
    if (hint < outcome->term_count && strcmp(outcome->terms[hint].name, name) == 0) {
        return &outcome->terms[hint].value;
    }
    for (uint32_t i = 0; i < outcome->term_count; i++) {
        if (strcmp(outcome->terms[i].name, name) == 0) {
            return &outcome->terms[i].value;
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

/* Term i of a. A side that measured nothing, or not this one, says nothing about it: false. */
static bool term_of(const struct bt_outcome *a, const struct bt_outcome *b, uint32_t i, struct bt_term *term)
{
    const uint64_t *other = value_of(b, a->terms[i].name, i);
    *term = (struct bt_term){a->terms[i].name, a->terms[i].value, other != NULL ? *other : 0};
    return other != NULL;
}

uint32_t bt_difference_terms(const struct bt_outcome *a, const struct bt_outcome *b, struct bt_term *terms)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < a->term_count; i++) {
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

static struct bt_changed change_of(const struct bt_outcome *a, const struct bt_outcome *b)
{
    struct bt_term terms[BT_OUTCOME_TERMS];
    struct bt_changed change = {.a = a, .b = b};
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
        change.bits |= a->hash[e] != 0 && b->hash[e] != 0 && a->hash[e] != b->hash[e] ? 1u << e : 0;
        change.lost |= a->hash[e] != 0 && b->hash[e] == 0 ? 1u << e : 0;
    }
    change.lost |= a->ran & ~b->ran;
    change.lost |= a->rtl_cycles != 0 && b->rtl_cycles == 0 ? 1u << BT_ENGINE_RTL : 0;
    change.lost |= a->predicted_cycles != 0 && b->predicted_cycles == 0 ? 1u << BT_ENGINE_CYCLES : 0;
    change.verdict = bt_verdict_worse(a->verdict, b->verdict) - bt_verdict_worse(b->verdict, a->verdict);
    change.fixed = change.verdict < 0 ? change.bits & a->failed : 0;
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

static struct bt_difference_sum *sum_of(struct bt_difference *difference, const struct bt_outcome *outcome)
{
    for (uint32_t i = 0; i < difference->sum_count; i++) {
        struct bt_difference_sum *sum = &difference->sums[i];
        if (strcmp(sum->config, outcome->config) == 0 && strcmp(sum->variant, outcome->variant) == 0) {
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
        .variant = outcome->variant,
        .config = outcome->config,
        .area_a = bt_area_find(&difference->a->areas, outcome->variant, outcome->config),
        .area_b = bt_area_find(&difference->b->areas, outcome->variant, outcome->config),
    };
    return &more[difference->sum_count++];
}

static void add_terms(struct bt_difference_sum *sum, const struct bt_outcome *a, const struct bt_outcome *b)
{
    for (uint32_t i = 0; i < a->term_count; i++) {
        struct bt_term term;
        if (!term_of(a, b, i, &term)) {
            continue;
        }
        uint32_t at = i < sum->term_count && strcmp(sum->terms[i].name, term.name) == 0 ? i : 0;
        while (at < sum->term_count && strcmp(sum->terms[at].name, term.name) != 0) {
            at++;
        }
        if (at == BT_OUTCOME_TERMS) {
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
    const struct bt_outcome *a = change->a;
    const struct bt_outcome *b = change->b;
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
    difference->bits += change->bits != change->fixed ? 1 : 0;
    difference->fixed += change->bits != 0 && change->bits == change->fixed ? 1 : 0;
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
    if (change->bits != change->fixed) {
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

/* The two sorted lists are walked together. */
static enum bt_status match(const struct place *all_a, const struct place *all_b, struct bt_difference *difference,
                            struct bt_error *err)
{
    const uint32_t count_a = difference->a->outcomes.count;
    const uint32_t count_b = difference->b->outcomes.count;
    for (uint32_t i = 0, j = 0; i < count_a || j < count_b;) {
        struct bt_changed *change = &difference->changed[difference->count];
        const int order = i == count_a ? 1 : j == count_b ? -1 : compare_ids(&all_a[i], &all_b[j]);
        if (order < 0) {
            *change = (struct bt_changed){.a = all_a[i++].outcome};
            difference->only_a++;
            difference->count += difference->partial ? 0 : 1;
            continue;
        }
        if (order > 0) {
            *change = (struct bt_changed){.b = all_b[j++].outcome};
            difference->only_b++;
            difference->count += difference->partial ? 0 : 1;
            continue;
        }
        const struct bt_outcome *a = all_a[i++].outcome;
        const struct bt_outcome *b = all_b[j++].outcome;
        if (a->seed != b->seed) {
            return bt_fail(err, BT_EINPUT,
                           "%.300s: seed %" PRIu64 " in %.60s, %" PRIu64 " in %.60s: expected the same data", a->id,
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
    struct place *all_a = sorted(&a->outcomes);
    struct place *all_b = sorted(&b->outcomes);
    enum bt_status status = BT_ENOMEM;
    difference->changed = calloc((size_t)a->outcomes.count + b->outcomes.count + 1,
                                 sizeof(*difference->changed)); /* the last is scratch */
    if (all_a == NULL || all_b == NULL || difference->changed == NULL) {
        (void)bt_fail(err, status, "out of memory");
        goto cleanup;
    }
    status = match(all_a, all_b, difference, err);
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
    free(all_a);
    free(all_b);
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
