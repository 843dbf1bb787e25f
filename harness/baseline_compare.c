#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/baseline.h"
#include "harness/difference.h"

/* ---- what a run would be as baselines ---- */

struct bt_baseline *bt_baseline_find(const struct bt_baselines *baselines, const char *variant)
{
    for (uint32_t i = 0; i < baselines->count; i++) {
        if (strcmp(baselines->item[i].variant, variant) == 0) {
            return &baselines->item[i];
        }
    }
    return NULL;
}

/* That variant's, made on first sight with room for all results. */
static struct bt_baseline *baseline_of(struct bt_baselines *baselines, const char *variant, uint64_t room)
{
    struct bt_baseline *baseline = bt_baseline_find(baselines, variant);
    if (baseline != NULL) {
        return baseline;
    }
    struct bt_baseline *more = realloc(baselines->item, (baselines->count + (size_t)1) * sizeof(*more));
    if (more == NULL) {
        return NULL;
    }
    baselines->item = more;
    baseline = &more[baselines->count];
    *baseline = (struct bt_baseline){.entries = calloc(room + 1, sizeof(*baseline->entries))};
    (void)snprintf(baseline->variant, sizeof(baseline->variant), "%s", variant);
    if (baseline->entries == NULL) {
        return NULL;
    }
    baselines->count++;
    return baseline;
}

static struct bt_baseline_entry entry_of(const struct bt_record *record)
{
    struct bt_baseline_entry entry = {
        .verdict = record->verdict,
        .rtl_cycles = record->rtl_cycles,
        .predicted_cycles = record->predicted_cycles,
    };
    bt_record_id(record, entry.id, sizeof(entry.id));
    entry.engines = bt_record_engines(record);
    /* Engines that differ from ref made the record a FAIL. */
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT && entry.hash == 0; e++) {
        entry.hash = record->engine[e].ran ? record->engine[e].hash : 0;
    }
    return entry;
}

static int compare_entries(const void *left, const void *right)
{
    return strcmp(((const struct bt_baseline_entry *)left)->id, ((const struct bt_baseline_entry *)right)->id);
}

static int compare_baselines(const void *left, const void *right)
{
    return strcmp(((const struct bt_baseline *)left)->variant, ((const struct bt_baseline *)right)->variant);
}

static int compare_areas(const void *left, const void *right)
{
    return strcmp(((const struct bt_area *)left)->config, ((const struct bt_area *)right)->config);
}

static void sort(struct bt_baselines *baselines)
{
    for (uint32_t i = 0; i < baselines->count; i++) {
        struct bt_baseline *baseline = &baselines->item[i];
        qsort(baseline->entries, baseline->count, sizeof(*baseline->entries), compare_entries);
        if (baseline->area_count != 0) {
            qsort(baseline->areas, baseline->area_count, sizeof(*baseline->areas), compare_areas);
        }
    }
    if (baselines->count != 0) {
        qsort(baselines->item, baselines->count, sizeof(*baselines->item), compare_baselines);
    }
}

/* Two suites may run the same layer on the same data: once is enough, where it came out the same, with the
 * engines of both. */
static enum bt_status drop_doubles(struct bt_baseline *baseline, struct bt_error *err)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < baseline->count; i++) {
        const struct bt_baseline_entry *entry = &baseline->entries[i];
        struct bt_baseline_entry *last = kept > 0 ? &baseline->entries[kept - 1] : NULL;
        if (last == NULL || strcmp(last->id, entry->id) != 0) {
            baseline->entries[kept++] = *entry;
        } else if (last->verdict != entry->verdict || last->hash != entry->hash ||
                   last->rtl_cycles != entry->rtl_cycles || last->predicted_cycles != entry->predicted_cycles) {
            return bt_fail(err, BT_EINPUT, "%s: is there twice, and not the same: expected runs of one revision",
                           entry->id);
        } else {
            last->engines |= entry->engines;
        }
    }
    baseline->count = kept;
    return BT_OK;
}

static bool take_areas(const struct bt_areas *areas, struct bt_baseline *baseline)
{
    baseline->areas = calloc(areas->count + (size_t)1, sizeof(*baseline->areas));
    for (uint32_t i = 0; baseline->areas != NULL && i < areas->count; i++) {
        if (strcmp(areas->item[i].variant, baseline->variant) == 0) {
            baseline->areas[baseline->area_count++] = areas->item[i];
        }
    }
    return baseline->areas != NULL;
}

enum bt_status bt_baselines_make(const struct bt_results *results, uint32_t count, const struct bt_areas *areas,
                                 struct bt_baselines *baselines, struct bt_error *err)
{
    uint64_t room = 0;
    enum bt_status status = BT_OK;
    *baselines = (struct bt_baselines){.count = 0};
    for (uint32_t i = 0; i < count; i++) {
        room += results[i].count;
        if (results[i].run.seed != results[0].run.seed) {
            return bt_fail(err, BT_EINPUT, "a run of seed %" PRIu64 " and one of %" PRIu64 ": expected the same data",
                           results[0].run.seed, results[i].run.seed);
        }
        if (results[i].run.data != results[0].run.data) {
            return bt_fail(err, BT_EINPUT, "a run with a data folder and one without: expected the same data");
        }
    }
    for (uint32_t i = 0; i < count && status == BT_OK; i++) {
        for (uint32_t k = 0; k < results[i].count && status == BT_OK; k++) {
            const struct bt_record *record = &results[i].records[k];
            struct bt_baseline *baseline = baseline_of(baselines, record->variant, room);
            if (baseline == NULL) {
                status = bt_fail(err, BT_ENOMEM, "out of memory");
            } else {
                baseline->entries[baseline->count++] = entry_of(record);
            }
        }
    }
    for (uint32_t i = 0; i < baselines->count && status == BT_OK; i++) {
        baselines->item[i].data = results[0].run.data;
        baselines->item[i].seed = results[0].run.seed;
        if (!take_areas(areas, &baselines->item[i])) {
            status = bt_fail(err, BT_ENOMEM, "out of memory");
        }
    }
    sort(baselines);
    for (uint32_t i = 0; i < baselines->count && status == BT_OK; i++) {
        status = drop_doubles(&baselines->item[i], err);
    }
    if (status != BT_OK) {
        bt_baselines_free(baselines);
    }
    return status;
}

static int compare_to_id(const void *id, const void *entry)
{
    return strcmp(id, ((const struct bt_baseline_entry *)entry)->id);
}

static const struct bt_baseline_entry *find_entry(const struct bt_baseline *baseline, const char *id)
{
    return baseline != NULL && baseline->count != 0
               ? bsearch(id, baseline->entries, baseline->count, sizeof(*baseline->entries), compare_to_id)
               : NULL;
}

static const struct bt_area *find_area(const struct bt_baseline *baseline, const char *config)
{
    const struct bt_areas areas = {baseline->area_count, baseline->areas};
    return bt_area_find(&areas, baseline->variant, config);
}

static const struct bt_baseline_exemption *find_exemption(const struct bt_baseline *baseline,
                                                          const struct bt_baseline_exemption *like)
{
    for (uint32_t i = 0; i < baseline->exemption_count; i++) {
        const struct bt_baseline_exemption *exemption = &baseline->exemptions[i];
        if (strcmp(exemption->network, like->network) == 0 && strcmp(exemption->layer, like->layer) == 0 &&
            strcmp(exemption->config, like->config) == 0) {
            return exemption;
        }
    }
    return NULL;
}

/* Those of `old` that `baseline` lacks come behind its own. */
static bool keep_entries(struct bt_baseline *baseline, const struct bt_baseline *old)
{
    const uint32_t own = baseline->count;
    struct bt_baseline_entry *entries =
        realloc(baseline->entries, ((size_t)own + old->count + 1) * sizeof(*baseline->entries));
    if (entries == NULL) {
        return false;
    }
    baseline->entries = entries;
    for (uint32_t i = 0; i < old->count; i++) {
        const struct bt_baseline mine = {.count = own, .entries = entries};
        if (find_entry(&mine, old->entries[i].id) == NULL) {
            entries[baseline->count++] = old->entries[i];
        }
    }
    return true;
}

static bool keep_areas(struct bt_baseline *baseline, const struct bt_baseline *old)
{
    struct bt_area *areas =
        realloc(baseline->areas, ((size_t)baseline->area_count + old->area_count + 1) * sizeof(*baseline->areas));
    if (areas == NULL) {
        return false;
    }
    baseline->areas = areas;
    for (uint32_t i = 0; i < old->area_count; i++) {
        if (find_area(baseline, old->areas[i].config) == NULL) {
            areas[baseline->area_count++] = old->areas[i];
        }
    }
    return true;
}

enum bt_status bt_baselines_keep(struct bt_baselines *baselines, const struct bt_baselines *old, bool partial,
                                 struct bt_error *err)
{
    for (uint32_t i = 0; i < old->count; i++) {
        const struct bt_baseline *from = &old->item[i];
        const bool known = bt_baseline_find(baselines, from->variant) != NULL;
        if (!known && !partial) {
            continue;
        }
        struct bt_baseline *baseline = baseline_of(baselines, from->variant, from->count);
        if (baseline == NULL || !keep_areas(baseline, from) || (partial && !keep_entries(baseline, from))) {
            return bt_fail(err, BT_ENOMEM, "out of memory");
        }
        baseline->data = known ? baseline->data : from->data;
        baseline->seed = from->seed;
    }
    sort(baselines);
    return BT_OK;
}

enum bt_status bt_baselines_same_data(const struct bt_baselines *old, const struct bt_baselines *now,
                                      struct bt_error *err)
{
    for (uint32_t i = 0; i < now->count; i++) {
        const struct bt_baseline *recorded = bt_baseline_find(old, now->item[i].variant);
        if (recorded != NULL && recorded->seed != now->item[i].seed) {
            return bt_fail(err, BT_EINPUT, "baseline: a run of seed %" PRIu64 ": %s is recorded with seed %" PRIu64,
                           now->item[i].seed, recorded->variant, recorded->seed);
        }
    }
    return BT_OK;
}

/* ---- comparison ---- */

struct comparison {
    struct bt_findings findings;
    bool partial;
    FILE *out;
};

static bool fails(enum bt_finding finding, bool partial)
{
    const bool one_sided = finding == BT_FOUND_LOST || finding == BT_FOUND_NEW;
    return finding < BT_FOUND_TOLERATED && !(partial && one_sided);
}

__attribute__((format(printf, 4, 5))) static void found(struct comparison *comparison, enum bt_finding finding,
                                                        const char *what, const char *fmt, ...)
{
    if (comparison->partial && finding == BT_FOUND_LOST) {
        return; /* what was not asked for is not lost */
    }
    if (++comparison->findings.count[finding] > BT_FINDING_LINES || comparison->out == NULL) {
        return;
    }
    char text[160];
    struct bt_error line; /* one line, whatever a name holds */
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)bt_fail(&line, BT_OK, "%s %s: %s", fails(finding, comparison->partial) ? "FAIL" : "note", what, text);
    (void)fprintf(comparison->out, "%s\n", line.text);
}

/* Its bits, and what depends on them, are those of the data folder's weights and pictures where there is one. */
static bool is_whole(const struct bt_baseline_entry *entry)
{
    return strstr(entry->id, ":chained/") != NULL;
}

static void compare_cycles(struct comparison *comparison, const struct bt_baseline_entry *old,
                           const struct bt_baseline_entry *now, double tolerance_percent)
{
    if (old->rtl_cycles == 0 || now->rtl_cycles == 0) {
        if (old->rtl_cycles != now->rtl_cycles) {
            found(comparison, now->rtl_cycles == 0 ? BT_FOUND_LOST : BT_FOUND_NEW, now->id, "%s",
                  now->rtl_cycles == 0 ? "its cycles are not measured any more" : "its cycles have no baseline");
        }
    } else if (now->rtl_cycles > old->rtl_cycles) {
        const bool beyond =
            100.0 * (double)(now->rtl_cycles - old->rtl_cycles) > tolerance_percent * (double)old->rtl_cycles;
        found(comparison, beyond ? BT_FOUND_SLOWER : BT_FOUND_TOLERATED, now->id,
              "%" PRIu64 " cycles, recorded %" PRIu64 ", allowed %g %% more", now->rtl_cycles, old->rtl_cycles,
              tolerance_percent);
    } else if (now->rtl_cycles < old->rtl_cycles) {
        found(comparison, BT_FOUND_FASTER, now->id, "%" PRIu64 " cycles, recorded %" PRIu64, now->rtl_cycles,
              old->rtl_cycles);
    }
    if (old->predicted_cycles != now->predicted_cycles) {
        found(comparison, BT_FOUND_PREDICTION, now->id, "predicted %" PRIu64 " cycles, recorded %" PRIu64,
              now->predicted_cycles, old->predicted_cycles);
    }
}

static void compare_bits(struct comparison *comparison, const struct bt_baseline_entry *old,
                         const struct bt_baseline_entry *now)
{
    if (old->hash == now->hash) {
        return;
    }
    if (now->hash == 0) {
        found(comparison, BT_FOUND_LOST, now->id, "no engine has bits any more");
    } else if (old->hash == 0) {
        found(comparison, BT_FOUND_NEW, now->id, "its bits have no baseline");
    } else {
        found(comparison, BT_FOUND_BITS, now->id, "bits %016" PRIx64 ", recorded %016" PRIx64, now->hash, old->hash);
    }
}

static void compare_verdicts(struct comparison *comparison, enum bt_verdict old, const struct bt_baseline_entry *now)
{
    if (now->verdict == BT_FAIL || bt_verdict_worse(old, now->verdict)) {
        found(comparison, BT_FOUND_WORSE, now->id, "%s, recorded %s", bt_verdict_name(now->verdict),
              bt_verdict_name(old));
    } else if (bt_verdict_worse(now->verdict, old)) {
        found(comparison, BT_FOUND_BETTER, now->id, "%s, recorded %s", bt_verdict_name(now->verdict),
              bt_verdict_name(old));
    }
}

static void compare_engines(struct comparison *comparison, uint32_t old, const struct bt_baseline_entry *now)
{
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
        const uint32_t bit = 1u << e;
        if (((old ^ now->engines) & bit) != 0) {
            found(comparison, (old & bit) != 0 ? BT_FOUND_LOST : BT_FOUND_NEW, now->id, "%s %s", bt_engine_name(e),
                  (old & bit) != 0 ? "does not run any more" : "ran, and has no baseline");
        }
    }
}

static void compare_results(struct comparison *comparison, const struct bt_baseline *old, const struct bt_baseline *now)
{
    const bool same_data = old == NULL || now == NULL || old->data == now->data;
    for (uint32_t i = 0; now != NULL && i < now->count; i++) {
        const struct bt_baseline_entry *entry = &now->entries[i];
        const struct bt_baseline_entry *recorded = find_entry(old, entry->id);
        if (is_whole(entry) && !same_data) {
            comparison->findings.not_held++;
            if (entry->verdict == BT_FAIL) {
                found(comparison, BT_FOUND_WORSE, entry->id, "FAIL");
            }
        } else if (recorded == NULL) {
            found(comparison, BT_FOUND_NEW, entry->id, "has no baseline");
        } else {
            comparison->findings.held++;
            compare_bits(comparison, recorded, entry);
            compare_verdicts(comparison, recorded->verdict, entry);
            compare_cycles(comparison, recorded, entry, old->tolerance_percent);
            compare_engines(comparison, recorded->engines, entry);
        }
    }
    for (uint32_t i = 0; old != NULL && i < old->count; i++) {
        const struct bt_baseline_entry *entry = &old->entries[i];
        if (find_entry(now, entry->id) != NULL) {
            continue;
        }
        if (same_data || !is_whole(entry)) {
            found(comparison, BT_FOUND_LOST, entry->id, "is recorded and did not run");
        } else {
            comparison->findings.not_held++;
        }
    }
}

static void compare_exemptions(struct comparison *comparison, const struct bt_baseline *old,
                               const struct bt_baseline *now)
{
    char what[320];
    for (uint32_t i = 0; i < now->exemption_count; i++) {
        const struct bt_baseline_exemption *exemption = &now->exemptions[i];
        const struct bt_baseline_exemption *recorded = find_exemption(old, exemption);
        const double allowed = recorded != NULL ? recorded->error_percent : 0.0;
        (void)snprintf(what, sizeof(what), "exemption of %s %s on %s %s", exemption->network, exemption->layer,
                       now->variant, exemption->config);
        if (exemption->error_percent != allowed) {
            found(comparison, exemption->error_percent > allowed ? BT_FOUND_EXEMPTION : BT_FOUND_FEWER, what,
                  "%g %%, recorded %g %%; it may only shrink", exemption->error_percent, allowed);
        }
    }
    for (uint32_t i = 0; i < old->exemption_count; i++) {
        const struct bt_baseline_exemption *exemption = &old->exemptions[i];
        if (find_exemption(now, exemption) == NULL) {
            (void)snprintf(what, sizeof(what), "exemption of %s %s on %s %s", exemption->network, exemption->layer,
                           now->variant, exemption->config);
            found(comparison, BT_FOUND_FEWER, what, "is gone, recorded %g %%", exemption->error_percent);
        }
    }
}

/* Where there is no synthesis there is no area, and nothing is said. */
static void compare_area(struct comparison *comparison, const struct bt_baseline *old, const struct bt_baseline *now)
{
    for (uint32_t i = 0; i < now->area_count; i++) {
        const struct bt_area *area = &now->areas[i];
        const struct bt_area *recorded = find_area(old, area->config);
        if (recorded == NULL || recorded->um2 != area->um2) {
            char what[128];
            (void)snprintf(what, sizeof(what), "area of %s %s", area->variant, area->config);
            found(comparison, BT_FOUND_AREA, what, "%.0f um2, recorded %.0f", area->um2,
                  recorded != NULL ? recorded->um2 : 0.0);
        }
    }
}

struct bt_findings bt_baselines_compare(const struct bt_baselines *old, const struct bt_baselines *now, bool partial,
                                        FILE *out)
{
    struct comparison comparison = {.partial = partial, .out = out};
    for (uint32_t i = 0; i < now->count; i++) {
        const struct bt_baseline *recorded = bt_baseline_find(old, now->item[i].variant);
        compare_results(&comparison, recorded, &now->item[i]);
        if (recorded != NULL) {
            compare_exemptions(&comparison, recorded, &now->item[i]);
            compare_area(&comparison, recorded, &now->item[i]);
        }
    }
    for (uint32_t i = 0; i < old->count; i++) {
        if (bt_baseline_find(now, old->item[i].variant) == NULL) {
            compare_results(&comparison, &old->item[i], NULL);
        }
    }
    return comparison.findings;
}

bool bt_findings_fail(const struct bt_findings *findings, bool partial)
{
    bool failed = false;
    for (enum bt_finding f = BT_FOUND_BITS; f < BT_FOUND_COUNT; f++) {
        failed = failed || (findings->count[f] != 0 && fails(f, partial));
    }
    return failed;
}

bool bt_findings_any(const struct bt_findings *findings)
{
    bool any = false;
    for (enum bt_finding f = BT_FOUND_BITS; f < BT_FOUND_COUNT; f++) {
        any = any || findings->count[f] != 0;
    }
    return any;
}

void bt_findings_text(const struct bt_findings *findings, char *text, size_t text_bytes)
{
    static const char *const names[BT_FOUND_COUNT] = {
        [BT_FOUND_BITS] = "with other bits",
        [BT_FOUND_WORSE] = "with a worse verdict",
        [BT_FOUND_SLOWER] = "slower",
        [BT_FOUND_LOST] = "lost",
        [BT_FOUND_NEW] = "without a baseline",
        [BT_FOUND_EXEMPTION] = "larger exemptions",
        [BT_FOUND_TOLERATED] = "slower within the tolerance",
        [BT_FOUND_FASTER] = "faster",
        [BT_FOUND_BETTER] = "with a better verdict",
        [BT_FOUND_PREDICTION] = "with another prediction",
        [BT_FOUND_AREA] = "other areas",
        [BT_FOUND_FEWER] = "smaller exemptions",
    };
    (void)snprintf(text, text_bytes, "%" PRIu32 " results held", findings->held);
    for (enum bt_finding f = BT_FOUND_BITS; f < BT_FOUND_COUNT; f++) {
        const size_t used = strlen(text);
        if (findings->count[f] != 0) {
            (void)snprintf(text + used, text_bytes - used, ", %" PRIu32 " %s", findings->count[f], names[f]);
        }
    }
    const size_t used = strlen(text);
    if (findings->not_held != 0) {
        (void)snprintf(text + used, text_bytes - used,
                       "; %" PRIu32 " of whole networks not held, their data is another", findings->not_held);
    }
}
