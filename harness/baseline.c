#include "harness/baseline.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

/* Files beyond this are refused unread. */
#define MOST_BYTES (UINT64_C(256) << 20)
/* Names of all engines. */
#define ENGINES_BYTES 64
#define LINE_FORMAT (JSON_COMPACT | BT_JSON_FORMAT)

void bt_baseline_free(struct bt_baseline *baseline)
{
    free(baseline->exemptions);
    free(baseline->areas);
    free(baseline->entries);
    *baseline = (struct bt_baseline){.count = 0};
}

void bt_baselines_free(struct bt_baselines *baselines)
{
    for (uint32_t i = 0; baselines->item != NULL && i < baselines->count; i++) {
        bt_baseline_free(&baselines->item[i]);
    }
    free(baselines->item);
    *baselines = (struct bt_baselines){.count = 0};
}

/* ---- writing ---- */

static void append(json_t *array, json_t *value, bool *ok)
{
    *ok = json_array_append_new(array, value) == 0 && *ok;
}

/* One array in a line of its own. */
static bool put_line(json_t *line, bool last, FILE *out)
{
    const bool ok = line != NULL && json_dumpf(line, out, LINE_FORMAT) == 0;
    json_decref(line);
    (void)fputs(last ? "\n" : ",\n", out);
    return ok;
}

static bool put_exemption(const struct bt_baseline_exemption *exemption, bool last, FILE *out)
{
    bool ok = true;
    json_t *line = json_array();
    append(line, bt_json_text(exemption->network), &ok);
    append(line, bt_json_text(exemption->layer), &ok);
    append(line, bt_json_text(exemption->config), &ok);
    append(line, json_real(exemption->error_percent), &ok);
    return put_line(line, last, out) && ok;
}

static bool put_area(const struct bt_area *area, bool last, FILE *out)
{
    bool ok = true;
    json_t *line = json_array();
    append(line, bt_json_text(area->config), &ok);
    append(line, json_real(area->um2), &ok);
    append(line, bt_json_count(area->cells), &ok);
    return put_line(line, last, out) && ok;
}

static bool put_entry(const struct bt_baseline_entry *entry, bool last, FILE *out)
{
    char hash[17];
    char engines[ENGINES_BYTES] = "";
    size_t used = 0;
    bool ok = true;
    json_t *line = json_array();
    (void)snprintf(hash, sizeof(hash), "%016" PRIx64, entry->hash);
    append(line, bt_json_text(entry->id), &ok);
    append(line, bt_json_text(bt_verdict_name(entry->verdict)), &ok);
    append(line, entry->hash != 0 ? bt_json_text(hash) : json_null(), &ok);
    append(line, bt_json_count_or_null(entry->rtl_cycles), &ok);
    append(line, bt_json_count_or_null(entry->predicted_cycles), &ok);
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
        if ((entry->engines & 1u << e) != 0) {
            used += (size_t)snprintf(engines + used, sizeof(engines) - used, "%s%s", used == 0 ? "" : " ",
                                     bt_engine_name(e));
        }
    }
    append(line, bt_json_text(engines), &ok);
    return put_line(line, last, out) && ok;
}

/* Everything that the checksum is of. */
static bool put_content(const struct bt_baseline *baseline, FILE *out)
{
    bool ok = true;
    (void)fprintf(out, "\"schema\": %d,\n\"variant\": ", BT_BASELINE_SCHEMA);
    json_t *variant = bt_json_text(baseline->variant);
    ok = variant != NULL && json_dumpf(variant, out, JSON_ENCODE_ANY) == 0;
    json_decref(variant);
    (void)fprintf(out, ",\n\"tolerance_percent\": %.17g,\n\"seed\": %" PRIu64 ",\n\"data\": %s,\n\"exemptions\": [\n",
                  baseline->tolerance_percent, baseline->seed, baseline->data ? "true" : "false");
    for (uint32_t i = 0; i < baseline->exemption_count; i++) {
        ok = put_exemption(&baseline->exemptions[i], i + 1 == baseline->exemption_count, out) && ok;
    }
    (void)fputs("],\n\"areas\": [\n", out);
    for (uint32_t i = 0; i < baseline->area_count; i++) {
        ok = put_area(&baseline->areas[i], i + 1 == baseline->area_count, out) && ok;
    }
    (void)fputs("],\n\"results\": [\n", out);
    for (uint32_t i = 0; i < baseline->count; i++) {
        ok = put_entry(&baseline->entries[i], i + 1 == baseline->count, out) && ok;
    }
    (void)fputs("]\n}\n", out);
    return ok;
}

/* The content as text, freed by the caller; NULL when memory runs out. */
static char *content_of(const struct bt_baseline *baseline, size_t *bytes)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, bytes);
    if (out == NULL) {
        return NULL;
    }
    const bool ok = put_content(baseline, out);
    if (fclose(out) != 0 || !ok) {
        free(text);
        return NULL;
    }
    return text;
}

bool bt_baseline_write(const struct bt_baseline *baseline, FILE *out)
{
    size_t bytes = 0;
    char *content = content_of(baseline, &bytes);
    if (content == NULL) {
        return false;
    }
    (void)fprintf(out, "{\n\"checksum\": \"%016" PRIx64 "\",\n%s", (uint64_t)XXH3_64bits(content, bytes), content);
    free(content);
    return true;
}

/* ---- reading ---- */

/* A line as an object, so that the reader of objects reads it. NULL: it has not that many values, or memory ran out. */
static json_t *named(const json_t *line, const char *const *names, size_t count)
{
    json_t *object = json_object();
    bool ok = object != NULL && json_array_size(line) == count;
    for (size_t i = 0; ok && i < count; i++) {
        ok = json_object_set(object, names[i], json_array_get(line, i)) == 0;
    }
    if (!ok) {
        json_decref(object);
    }
    return ok ? object : NULL;
}

static void read_exemption(struct bt_json_reader *reader, void *made)
{
    struct bt_baseline_exemption *exemption = made;
    bt_json_read_text(reader, "network", exemption->network, sizeof(exemption->network));
    bt_json_read_text(reader, "layer", exemption->layer, sizeof(exemption->layer));
    bt_json_read_text(reader, "config", exemption->config, sizeof(exemption->config));
    exemption->error_percent = bt_json_read_real(reader, "error_percent");
}

static void read_area(struct bt_json_reader *reader, void *made)
{
    struct bt_area *area = made;
    bt_json_read_text(reader, "config", area->config, sizeof(area->config));
    area->um2 = bt_json_read_non_negative(reader, "um2");
    area->cells = bt_json_read_count(reader, "cells", INT64_MAX);
}

/* "ref rtl" */
static uint32_t read_engines(struct bt_json_reader *reader)
{
    char text[ENGINES_BYTES];
    char *rest = NULL;
    uint32_t engines = 0;
    bt_json_read_text(reader, "engines", text, sizeof(text));
    for (const char *name = strtok_r(text, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest)) {
        enum bt_engine engine = BT_ENGINE_REF;
        if (!bt_engine_parse(name, &engine)) {
            bt_json_expected(reader, "engines", "names of engines");
            break;
        }
        engines |= 1u << engine;
    }
    return engines;
}

static void read_entry(struct bt_json_reader *reader, void *made)
{
    struct bt_baseline_entry *entry = made;
    const json_t *hash = json_object_get(reader->object, "hash");
    bt_json_read_text(reader, "id", entry->id, sizeof(entry->id));
    entry->verdict = bt_json_read_verdict(reader, "verdict");
    if (entry->verdict == BT_FAIL) {
        bt_json_expected(reader, "verdict", "PASS, SKIP or XFAIL");
    }
    if (!json_is_null(hash)) {
        char text[17];
        bt_json_read_text(reader, "hash", text, sizeof(text));
        if (strlen(text) != 16 || text[strspn(text, "0123456789abcdef")] != '\0') {
            bt_json_expected(reader, "hash", "16 hexadecimal digits");
        }
        entry->hash = strtoull(text, NULL, 16);
    }
    entry->rtl_cycles = bt_json_read_count(reader, "rtl_cycles", INT64_MAX);
    entry->predicted_cycles = bt_json_read_count(reader, "predicted_cycles", INT64_MAX);
    entry->engines = read_engines(reader);
}

static const struct list {
    const char *key;
    const char *names[6];
    size_t columns, bytes;
    void (*read)(struct bt_json_reader *reader, void *made);
} lists[] = {
    {"exemptions",
     {"network", "layer", "config", "error_percent"},
     4,
     sizeof(struct bt_baseline_exemption),
     read_exemption},
    {"areas", {"config", "um2", "cells"}, 3, sizeof(struct bt_area), read_area},
    {"results",
     {"id", "verdict", "hash", "rtl_cycles", "predicted_cycles", "engines"},
     6,
     sizeof(struct bt_baseline_entry),
     read_entry},
};

static enum bt_status read_list(const json_t *root, const struct list *list, void **made, uint32_t *made_count,
                                struct bt_error *err)
{
    const json_t *lines = json_object_get(root, list->key);
    const size_t count = json_array_size(lines);
    if (!json_is_array(lines) || count > UINT32_MAX) {
        return bt_fail(err, BT_EINPUT, "'%s': expected an array", list->key);
    }
    *made = calloc(count + 1, list->bytes);
    if (*made == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        struct bt_error why = {""};
        json_t *object = named(json_array_get(lines, i), list->names, list->columns);
        struct bt_json_reader reader = {.object = object, .err = &why};
        if (object == NULL) {
            return bt_fail(err, BT_EINPUT, "%s %zu: expected an array of %zu values", list->key, i, list->columns);
        }
        list->read(&reader, (char *)*made + i * list->bytes);
        json_decref(object);
        if (reader.failed) {
            return bt_fail(err, BT_EINPUT, "%s %zu: %s", list->key, i, why.text);
        }
    }
    *made_count = (uint32_t)count;
    return BT_OK;
}

static enum bt_status read_lists(const json_t *root, struct bt_baseline *baseline, struct bt_error *err)
{
    void *made[3] = {NULL};
    uint32_t counts[3] = {0};
    enum bt_status status = BT_OK;
    for (size_t i = 0; i < 3 && status == BT_OK; i++) {
        status = read_list(root, &lists[i], &made[i], &counts[i], err);
    }
    baseline->exemptions = made[0];
    baseline->exemption_count = counts[0];
    baseline->areas = made[1];
    baseline->area_count = counts[1];
    baseline->entries = made[2];
    baseline->count = counts[2];
    for (uint32_t i = 1; i < baseline->count && status == BT_OK; i++) {
        if (strcmp(baseline->entries[i - 1].id, baseline->entries[i].id) >= 0) {
            status = bt_fail(err, BT_EINPUT, "results %" PRIu32 ": expected an id after that of the one before", i);
        }
    }
    return status;
}

enum bt_status bt_baseline_from_json(const json_t *root, struct bt_baseline *baseline, struct bt_error *err)
{
    struct bt_json_reader reader = {.object = root, .err = err};
    const json_t *schema = json_object_get(root, "schema");
    *baseline = (struct bt_baseline){.count = 0};
    if (!json_is_integer(schema) || json_integer_value(schema) != BT_BASELINE_SCHEMA) {
        return bt_fail(err, BT_EINPUT, "expected a baseline of schema %d, of this version", BT_BASELINE_SCHEMA);
    }
    bt_json_read_text(&reader, "variant", baseline->variant, sizeof(baseline->variant));
    baseline->tolerance_percent = bt_json_read_non_negative(&reader, "tolerance_percent");
    baseline->seed = bt_json_read_count(&reader, "seed", INT64_MAX);
    baseline->data = bt_json_read_bool(&reader, "data");
    const enum bt_status status = reader.failed ? BT_EINPUT : read_lists(root, baseline, err);
    for (uint32_t i = 0; i < baseline->area_count; i++) {
        (void)snprintf(baseline->areas[i].variant, sizeof(baseline->areas[i].variant), "%s", baseline->variant);
    }
    if (status != BT_OK) {
        bt_baseline_free(baseline);
    }
    return status;
}

/* What the content alone does not say: it is as it was written, and where it belongs. */
static enum bt_status check_file(const json_t *root, const char *name, const struct bt_baseline *baseline,
                                 struct bt_error *err)
{
    const char *said = json_string_value(json_object_get(root, "checksum"));
    const size_t stem = strlen(name) - strlen(".json");
    size_t bytes = 0;
    char found[17];
    char *content = content_of(baseline, &bytes);
    if (content == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    (void)snprintf(found, sizeof(found), "%016" PRIx64, (uint64_t)XXH3_64bits(content, bytes));
    free(content);
    if (said == NULL || strcmp(said, found) != 0) {
        return bt_fail(err, BT_EINPUT,
                       "the checksum is not that of the content: it was edited by hand or merged; baselines change by "
                       "'bittrue baseline accept' alone");
    }
    if (strlen(baseline->variant) != stem || strncmp(baseline->variant, name, stem) != 0) {
        return bt_fail(err, BT_EINPUT, "variant '%s': expected the file's own name", baseline->variant);
    }
    return BT_OK;
}

static enum bt_status read_file(const char *dir, const char *name, struct bt_baseline *baseline, struct bt_error *err)
{
    char path[4096];
    struct bt_error why = {""};
    json_t *root = NULL;
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (bt_json_load(path, "baseline", MOST_BYTES, &root, err) != BT_OK) {
        return BT_EINPUT;
    }
    enum bt_status status = bt_baseline_from_json(root, baseline, &why);
    if (status == BT_OK) {
        status = check_file(root, name, baseline, &why);
        if (status != BT_OK) {
            bt_baseline_free(baseline);
        }
    }
    json_decref(root);
    return status == BT_OK ? BT_OK : bt_fail(err, status, "%s: %s", path, why.text);
}

static int is_file(const struct dirent *entry)
{
    const size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0;
}

enum bt_status bt_baselines_read(const char *dir, struct bt_baselines *baselines, struct bt_error *err)
{
    struct dirent **names = NULL;
    *baselines = (struct bt_baselines){.count = 0};
    const int count = scandir(dir, &names, is_file, alphasort);
    if (count < 0) {
        return errno == ENOENT ? BT_OK : bt_fail(err, BT_EINPUT, "%s: %s", dir, strerror(errno));
    }
    baselines->item = calloc((size_t)count + 1, sizeof(*baselines->item));
    enum bt_status status = baselines->item != NULL ? BT_OK : BT_ENOMEM;
    if (status != BT_OK) {
        (void)bt_fail(err, status, "out of memory");
    }
    for (int i = 0; i < count; i++) {
        if (status == BT_OK) {
            status = read_file(dir, names[i]->d_name, &baselines->item[baselines->count], err);
            baselines->count += status == BT_OK ? 1 : 0;
        }
        free(names[i]);
    }
    free((void *)names);
    if (status != BT_OK) {
        bt_baselines_free(baselines);
    }
    return status;
}
