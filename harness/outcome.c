#include "harness/outcome.h"

#include <inttypes.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xxhash.h>

#include "harness/pages.h"
#include "harness/record_json.h"

/* ---- memory that is released all at once ---- */

/* A huge page each, where there are any: that many small ones would take a fifth of the time of a large comparison. */
#define BLOCK_BYTES ((size_t)2 << 20)

struct bt_outcome_block {
    struct bt_outcome_block *next;
    size_t used;
    alignas(max_align_t) char bytes[BLOCK_BYTES - 2 * sizeof(max_align_t)];
};
_Static_assert(sizeof(struct bt_outcome_block) <= BLOCK_BYTES, "what it holds beside bytes is small");

/* Nothing asked for here is near a block's size: the longest is a table of BT_OUTCOME_TERMS. */
static void *take(struct bt_outcomes *outcomes, size_t bytes, size_t alignment)
{
    struct bt_outcome_block *block = outcomes->blocks;
    size_t at = block != NULL ? (block->used + alignment - 1) / alignment * alignment : 0;
    if (block == NULL || at + bytes > sizeof(block->bytes)) {
        block = aligned_alloc(BLOCK_BYTES, BLOCK_BYTES);
        if (block == NULL) {
            return NULL;
        }
        bt_pages_advise(block, BLOCK_BYTES, MADV_HUGEPAGE);
        block->next = outcomes->blocks;
        outcomes->blocks = block;
        at = 0;
    }
    block->used = at + bytes;
    return block->bytes + at;
}

/* The text; `before`, which may be NULL, where that says the same: results that follow each other have names in common. */
static const char *keep(struct bt_outcomes *outcomes, const char *text, const char *before, bool *ok)
{
    if (before != NULL && strcmp(before, text) == 0) {
        return before;
    }
    const size_t bytes = strlen(text) + 1;
    char *copy = take(outcomes, bytes, 1);
    if (copy != NULL) {
        memcpy(copy, text, bytes);
    }
    *ok = *ok && copy != NULL;
    return copy;
}

/* ---- outcomes ---- */

/* Engines that simulate a system. */
static const char *const systems[BT_ENGINE_COUNT] = {
    [BT_ENGINE_ISS_SW] = "iss:sw system cycles",
    [BT_ENGINE_ISS_ACCEL] = "iss:accel system cycles",
};

static const char *data_of(const struct bt_record *record, char *text, size_t text_bytes)
{
    char stalls[32] = "";
    char kind[BT_KIND_BYTES];
    bt_record_kind(record, " ", kind, sizeof(kind));
    if (record->stall_percent != 0) {
        (void)snprintf(stalls, sizeof(stalls), " stalls %" PRIu32 " %%", record->stall_percent);
    }
    (void)snprintf(text, text_bytes, "%s%s%s", record->pattern, kind, stalls);
    return text;
}

static void keep_terms(struct bt_outcomes *outcomes, const struct bt_record *record, const struct bt_outcome *before,
                       struct bt_outcome *outcome, bool *ok)
{
    const struct bt_counters *counters = &record->measured;
    uint32_t count = counters->count;
    for (int e = 0; e < BT_ENGINE_COUNT; e++) {
        count += systems[e] != NULL && record->engine[e].soc.soc_cycles != 0 ? 1 : 0;
    }
    struct bt_outcome_term *terms =
        take(outcomes, (count + (size_t)1) * sizeof(*terms), alignof(struct bt_outcome_term));
    if (terms == NULL) {
        *ok = false;
        return;
    }
    outcome->terms = terms;
    for (uint32_t i = 0; i < counters->count; i++) {
        const bool had = i < before->term_count;
        terms[i].name = keep(outcomes, counters->item[i].name, had ? before->terms[i].name : NULL, ok);
        terms[i].value = counters->item[i].value;
    }
    outcome->term_count = counters->count;
    for (int e = 0; e < BT_ENGINE_COUNT; e++) {
        if (systems[e] != NULL && record->engine[e].soc.soc_cycles != 0) {
            terms[outcome->term_count++] =
                (struct bt_outcome_term){.name = systems[e], .value = record->engine[e].soc.soc_cycles};
        }
    }
}

bool bt_outcomes_add(struct bt_outcomes *outcomes, const struct bt_record *record)
{
    if (outcomes->count == outcomes->room) {
        const uint32_t room = outcomes->room * 2 + 64;
        struct bt_outcome *more = realloc(outcomes->items, room * sizeof(*more));
        if (more == NULL) {
            return false;
        }
        outcomes->items = more;
        outcomes->room = room;
    }
    char id[BT_ID_BYTES];
    char data[BT_KIND_BYTES + sizeof(record->pattern) + 64];
    static const struct bt_outcome none;
    const struct bt_outcome *before = outcomes->count != 0 ? &outcomes->items[outcomes->count - 1] : &none;
    bool ok = true;
    bt_record_id(record, id, sizeof(id));
    struct bt_outcome outcome = {
        .id_hash = XXH3_64bits(id, strlen(id)),
        .id = keep(outcomes, id, NULL, &ok),
        .network = keep(outcomes, record->network, before->network, &ok),
        .layer = keep(outcomes, record->layer, before->layer, &ok),
        .variant = keep(outcomes, record->variant, before->variant, &ok),
        .config = keep(outcomes, record->config, before->config, &ok),
        .data = keep(outcomes, data_of(record, data, sizeof(data)), before->data, &ok),
        .reason = keep(outcomes, record->reason, before->reason, &ok),
        .seed = record->seed,
        .macs = record->macs,
        .rtl_cycles = record->rtl_cycles,
        .predicted_cycles = record->predicted_cycles,
        .rtl_seconds = record->rtl_seconds,
        .verdict = record->verdict,
        .ran = bt_record_engines(record),
    };
    for (int e = 0; e < BT_ENGINE_COUNT; e++) {
        const struct bt_engine_result *engine = &record->engine[e];
        outcome.hash[e] = engine->ran ? engine->hash : 0;
        outcome.failed |= engine->verdict == BT_FAIL || engine->verdict == BT_XFAIL ? 1u << e : 0;
    }
    keep_terms(outcomes, record, before, &outcome, &ok);
    if (ok) {
        outcomes->items[outcomes->count++] = outcome;
    }
    return ok;
}

void bt_outcomes_free(struct bt_outcomes *outcomes)
{
    while (outcomes->blocks != NULL) {
        struct bt_outcome_block *next = outcomes->blocks->next;
        free(outcomes->blocks);
        outcomes->blocks = next;
    }
    free(outcomes->items);
    *outcomes = (struct bt_outcomes){.count = 0};
}
