#include "harness/record_json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/accuracy.h"
#include "harness/compare.h"
#include "harness/suite.h"

/* json_object_set_new() takes NULL and then fails; one failed member makes the object incomplete, so it is noted. */
void bt_json_set(json_t *object, const char *key, json_t *value, bool *ok)
{
    *ok = json_object_set_new(object, key, value) == 0 && *ok;
}

/* A name that was cut may end within a character; then only its ASCII survives. */
json_t *bt_json_text(const char *text)
{
    json_t *value = json_string(text);
    if (value != NULL) {
        return value;
    }
    char ascii[1024];
    (void)snprintf(ascii, sizeof(ascii), "%s", text);
    for (char *c = ascii; *c != '\0'; c++) {
        *c = (unsigned char)*c > 0x7e ? '?' : *c;
    }
    return json_string(ascii);
}

json_t *bt_json_count(uint64_t value)
{
    return json_integer((json_int_t)value);
}

json_t *bt_json_count_or_null(uint64_t value)
{
    return value == 0 ? json_null() : bt_json_count(value);
}

static json_t *soc(const struct bt_soc_result *result, bool *ok)
{
    json_t *object = json_object();
    bt_json_set(object, "soc_cycles", bt_json_count(result->soc_cycles), ok);
    bt_json_set(object, "instructions", bt_json_count(result->instructions), ok);
    bt_json_set(object, "cpu_cycles", bt_json_count(result->cpu_cycles), ok);
    bt_json_set(object, "wait_cycles", bt_json_count(result->wait_cycles), ok);
    bt_json_set(object, "accel_cycles", bt_json_count(result->accel_cycles), ok);
    bt_json_set(object, "overlap_cycles", bt_json_count(result->overlap_cycles), ok);
    bt_json_set(object, "accel_bytes", bt_json_count(result->accel_bytes), ok);
    bt_json_set(object, "copied_bytes", bt_json_count(result->copied_bytes), ok);
    bt_json_set(object, "interrupts", bt_json_count(result->interrupts), ok);
    bt_json_set(object, "whole_cycles", bt_json_count_or_null(result->whole_cycles), ok);
    bt_json_set(object, "next_cycles", bt_json_count_or_null(result->next_cycles), ok);
    bt_json_set(object, "host_seconds", json_real(result->host_seconds), ok);
    return object;
}

static json_t *engines(const struct bt_record *record, bool *ok)
{
    json_t *object = json_object();
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
        const struct bt_engine_result *result = &record->engine[e];
        json_t *one = json_object();
        bt_json_set(one, "verdict", bt_json_text(bt_verdict_name(result->verdict)), ok);
        bt_json_set(one, "ran", json_boolean(result->ran), ok);
        bt_json_set(one, "seconds", json_real(result->seconds), ok);
        if (result->hash != 0) {
            char hash[17];
            (void)snprintf(hash, sizeof(hash), "%016" PRIx64, result->hash);
            bt_json_set(one, "hash", bt_json_text(hash), ok);
        }
        if (result->soc.instructions != 0) {
            bt_json_set(one, "soc", soc(&result->soc, ok), ok);
        }
        bt_json_set(object, bt_engine_name(e), one, ok);
    }
    return object;
}

/* Every predicted term beside the counter of its name, then the counters that nobody predicted. */
static json_t *terms(const struct bt_record *record, bool *ok)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < record->predicted.count; i++) {
        json_t *one = json_object();
        bt_json_set(one, "predicted", bt_json_count(record->predicted.item[i].value), ok);
        bt_json_set(object, record->predicted.item[i].name, one, ok);
    }
    for (uint32_t i = 0; i < record->measured.count; i++) {
        const char *name = record->measured.item[i].name;
        json_t *one = json_object_get(object, name);
        if (one == NULL) {
            one = json_object();
            bt_json_set(object, name, one, ok);
        }
        bt_json_set(one, "measured", bt_json_count(record->measured.item[i].value), ok);
    }
    return object;
}

static json_t *mismatch(const struct bt_record *record, bool *ok)
{
    const struct bt_mismatch *m = &record->mismatch;
    if (m->differing == 0) {
        return json_null();
    }
    json_t *object = json_object();
    bt_json_set(object, "engine", bt_json_text(bt_engine_name(record->mismatch_engine)), ok);
    bt_json_set(object, "differing", bt_json_count(m->differing), ok);
    bt_json_set(object, "total", bt_json_count(m->total), ok);
    bt_json_set(object, "n", json_integer(m->n), ok);
    bt_json_set(object, "y", json_integer(m->y), ok);
    bt_json_set(object, "x", json_integer(m->x), ok);
    bt_json_set(object, "c", json_integer(m->c), ok);
    bt_json_set(object, "expected", json_integer(m->expected), ok);
    bt_json_set(object, "got", json_integer(m->got), ok);
    bt_json_set(object, "where", bt_json_text(m->where), ok);
    return object;
}

/* What quantising did to the layer's tensor; null where it was not measured. */
static json_t *quantisation(const struct bt_record *record, bool *ok)
{
    const struct bt_layer_quantisation *q = &record->quantisation;
    if (!q->measured) {
        return json_null();
    }
    json_t *object = json_object();
    bt_json_set(object, "low", json_real(q->low), ok);
    bt_json_set(object, "high", json_real(q->high), ok);
    bt_json_set(object, "scale", json_real(q->scale), ok);
    bt_json_set(object, "zero_point", json_integer(q->zp), ok);
    bt_json_set(object, "clipped", json_real(q->clipped), ok);
    bt_json_set(object, "sqnr_db", json_real(q->sqnr), ok);
    return object;
}

static json_t *share(uint32_t right, uint32_t count, bool *ok)
{
    double low = 0;
    double high = 0;
    json_t *object = json_object();
    bt_wilson(right, count, &low, &high);
    bt_json_set(object, "right", json_integer(right), ok);
    bt_json_set(object, "percent", count > 0 ? json_real(100.0 * right / count) : json_null(), ok);
    bt_json_set(object, "low", json_real(low), ok);
    bt_json_set(object, "high", json_real(high), ok);
    return object;
}

static json_t *classes(uint32_t top1, uint32_t top5, uint32_t count, bool *ok)
{
    json_t *object = json_object();
    bt_json_set(object, "top1", share(top1, count, ok), ok);
    bt_json_set(object, "top5", share(top5, count, ok), ok);
    return object;
}

static json_t *boxes(double at_50, double at_50_95, bool *ok)
{
    json_t *object = json_object();
    bt_json_set(object, "map_50", json_real(at_50), ok);
    bt_json_set(object, "map_50_95", json_real(at_50_95), ok);
    return object;
}

/* Of a whole network; null elsewhere. */
static json_t *accuracy(const struct bt_record *record, bool *ok)
{
    const struct bt_accuracy *a = &record->accuracy;
    if (!a->measured) {
        return json_null();
    }
    json_t *object = json_object();
    const bool known = a->labelled != 0;
    bt_json_set(object, "images", json_integer(a->images), ok);
    bt_json_set(object, "labelled", json_integer(a->labelled), ok);
    json_t *compared = json_object();
    for (enum bt_engine e = BT_ENGINE_MODEL; e < BT_ENGINE_COUNT; e++) {
        if (e != BT_ENGINE_CYCLES) {
            bt_json_set(compared, bt_engine_name(e), json_integer(a->compared[e]), ok);
        }
    }
    bt_json_set(object, "compared", compared, ok);
    if (a->detects) {
        bt_json_set(object, "boxes", json_integer(a->boxes), ok);
        bt_json_set(object, "float", a->has_float ? boxes(a->float_map50, a->float_map, ok) : json_null(), ok);
        bt_json_set(object, "int8", boxes(a->int8_map50, a->int8_map, ok), ok);
    } else {
        bt_json_set(object, "float",
                    a->has_float && known ? classes(a->float_top1, a->float_top5, a->labelled, ok) : json_null(), ok);
        bt_json_set(object, "int8", known ? classes(a->int8_top1, a->int8_top5, a->labelled, ok) : json_null(), ok);
        bt_json_set(object, "agree_top1", a->has_float ? json_integer(a->agree_top1) : json_null(), ok);
        bt_json_set(object, "agree_top5", a->has_float ? json_integer(a->agree_top5) : json_null(), ok);
    }
    bt_json_set(object, "drop_points", a->has_float && known ? json_real(a->drop) : json_null(), ok);
    bt_json_set(object, "max_drop_points", a->max_drop >= 0 ? json_real(a->max_drop) : json_null(), ok);
    bt_json_set(object, "float_seconds", json_real(a->float_seconds), ok);
    bt_json_set(object, "int8_seconds", json_real(a->int8_seconds), ok);
    return object;
}

void bt_record_id(const struct bt_record *record, char *id, size_t id_bytes)
{
    (void)snprintf(id, id_bytes, "%s:%s:%s:%s:%s:%" PRIu32 ":%s:%" PRIu32 ":%s", record->network, record->layer,
                   record->variant, record->config, record->pattern, record->stall_percent, record->dtype,
                   record->sparsity, record->structure);
}

json_t *bt_record_to_json(const struct bt_record *record, bool *ok)
{
    json_t *object = json_object();
    const bool both = record->rtl_cycles != 0 && record->predicted_cycles != 0;
    char id[BT_ID_BYTES];
    bt_record_id(record, id, sizeof(id));

    bt_json_set(object, "id", bt_json_text(id), ok);
    bt_json_set(object, "network", bt_json_text(record->network), ok);
    bt_json_set(object, "layer", bt_json_text(record->layer), ok);
    bt_json_set(object, "variant", bt_json_text(record->variant), ok);
    bt_json_set(object, "config", bt_json_text(record->config), ok);
    bt_json_set(object, "pattern", bt_json_text(record->pattern), ok);
    bt_json_set(object, "stall_percent", json_integer(record->stall_percent), ok);
    bt_json_set(object, "seed", bt_json_count(record->seed), ok);
    bt_json_set(object, "dtype", bt_json_text(record->dtype), ok);
    bt_json_set(object, "sparsity", json_integer(record->sparsity), ok);
    bt_json_set(object, "structure", bt_json_text(record->structure), ok);
    bt_json_set(object, "whole", json_boolean(record->whole), ok);
    bt_json_set(object, "same", json_integer(record->same), ok);
    bt_json_set(object, "macs", bt_json_count(record->macs), ok);
    bt_json_set(object, "verdict", bt_json_text(bt_verdict_name(record->verdict)), ok);
    bt_json_set(object, "reason", bt_json_text(record->reason), ok);
    bt_json_set(object, "note", bt_json_text(record->note), ok);
    bt_json_set(object, "mapping", bt_json_text(record->mapping), ok);
    bt_json_set(object, "engines", engines(record, ok), ok);
    bt_json_set(object, "rtl_cycles", bt_json_count_or_null(record->rtl_cycles), ok);
    bt_json_set(object, "predicted_cycles", bt_json_count_or_null(record->predicted_cycles), ok);
    bt_json_set(object, "roofline_cycles", bt_json_count_or_null(record->roofline_cycles), ok);
    bt_json_set(object, "error_cycles",
                both ? json_integer((json_int_t)(record->predicted_cycles - record->rtl_cycles)) : json_null(), ok);
    bt_json_set(object, "error_percent",
                both ? json_real(bt_error_percent(record->predicted_cycles, record->rtl_cycles)) : json_null(), ok);
    bt_json_set(object, "gated", json_boolean(record->gated), ok);
    bt_json_set(object, "multipliers", bt_json_count_or_null(record->multipliers), ok);
    bt_json_set(object, "utilisation", record->rtl_cycles != 0 ? json_real(record->utilisation) : json_null(), ok);
    bt_json_set(object, "rtl_seconds", record->rtl_seconds > 0.0 ? json_real(record->rtl_seconds) : json_null(), ok);
    bt_json_set(object, "terms", terms(record, ok), ok);
    bt_json_set(object, "quantisation", quantisation(record, ok), ok);
    bt_json_set(object, "accuracy", accuracy(record, ok), ok);
    bt_json_set(object, "mismatch", mismatch(record, ok), ok);
    return object;
}

/* ---- and back ---- */

enum bt_status bt_json_load(const char *path, const char *what, uint64_t most_bytes, json_t **root,
                            struct bt_error *err)
{
    struct stat info;
    json_error_t place;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold it */
    if (fd < 0 || fstat(fd, &info) != 0) {
        const int error = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return bt_fail(err, BT_EINPUT, "%s: %s", path, strerror(error));
    }
    if (!S_ISREG(info.st_mode) || (uint64_t)info.st_size > most_bytes) {
        (void)close(fd);
        return S_ISREG(info.st_mode)
                   ? bt_fail(err, BT_EINPUT, "%s: expected a file of at most %" PRIu64 " bytes", path, most_bytes)
                   : bt_fail(err, BT_EINPUT, "%s: expected a file, is %s", path,
                             S_ISDIR(info.st_mode) ? "a folder" : "no regular file");
    }
    FILE *file = fdopen(fd, "r"); /* json_loadfd() reads a byte at a time */
    if (file == NULL) {
        (void)close(fd);
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    *root = json_loadf(file, JSON_REJECT_DUPLICATES, &place);
    (void)fclose(file);
    return *root != NULL ? BT_OK
                         : bt_fail(err, BT_EINPUT, "%s:%d: no %s of bittrue: %s", path, place.line, what, place.text);
}

void bt_json_expected(struct bt_json_reader *reader, const char *key, const char *expected)
{
    if (!reader->failed) {
        (void)bt_fail(reader->err, BT_EINPUT, "'%s': expected %s", key, expected);
        reader->failed = true;
    }
}

void bt_json_read_text(struct bt_json_reader *reader, const char *key, char *text, size_t text_bytes)
{
    const char *value = json_string_value(json_object_get(reader->object, key));
    text[0] = '\0';
    if (value == NULL || strlen(value) >= text_bytes) {
        char expected[64];
        (void)snprintf(expected, sizeof(expected), "a text of less than %zu bytes", text_bytes);
        bt_json_expected(reader, key, expected);
        return;
    }
    for (const char *c = value; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) { /* a terminal would obey them */
            bt_json_expected(reader, key, "a text without control characters");
            return;
        }
    }
    (void)snprintf(text, text_bytes, "%s", value);
}

uint64_t bt_json_read_count(struct bt_json_reader *reader, const char *key, uint64_t most)
{
    const json_t *value = json_object_get(reader->object, key);
    const json_int_t count = json_integer_value(value);
    if (json_is_null(value)) {
        return 0;
    }
    if (!json_is_integer(value) || count < 0 || (uint64_t)count > most) {
        char expected[64];
        (void)snprintf(expected, sizeof(expected), "a whole number, 0 to %" PRIu64, most);
        bt_json_expected(reader, key, expected);
        return 0;
    }
    return (uint64_t)count;
}

double bt_json_read_real(struct bt_json_reader *reader, const char *key)
{
    const json_t *value = json_object_get(reader->object, key);
    if (json_is_null(value)) {
        return 0.0;
    }
    if (!json_is_number(value) || !isfinite(json_number_value(value))) {
        bt_json_expected(reader, key, "a number");
        return 0.0;
    }
    return json_number_value(value);
}

double bt_json_read_non_negative(struct bt_json_reader *reader, const char *key)
{
    const double value = bt_json_read_real(reader, key);
    if (value < 0.0) {
        bt_json_expected(reader, key, "0 or more");
    }
    return fabs(value); /* -0.0 is 0 */
}

bool bt_json_read_bool(struct bt_json_reader *reader, const char *key)
{
    const json_t *value = json_object_get(reader->object, key);
    if (!json_is_boolean(value)) {
        bt_json_expected(reader, key, "true or false");
    }
    return json_is_true(value);
}

enum bt_verdict bt_json_read_verdict(struct bt_json_reader *reader, const char *key)
{
    const char *name = json_string_value(json_object_get(reader->object, key));
    for (enum bt_verdict v = BT_PASS; v < BT_VERDICT_COUNT && name != NULL; v++) {
        if (strcmp(name, bt_verdict_name(v)) == 0) {
            return v;
        }
    }
    bt_json_expected(reader, key, "PASS, FAIL, SKIP or XFAIL");
    return BT_FAIL;
}

const json_t *bt_json_read_object(struct bt_json_reader *reader, const char *key)
{
    const json_t *value = json_object_get(reader->object, key);
    if (json_is_null(value)) {
        return NULL;
    }
    if (!json_is_object(value)) {
        bt_json_expected(reader, key, "an object or null");
        return NULL;
    }
    return value;
}

/* A reader of a member's members; false where it is null. */
static bool into(struct bt_json_reader *reader, const char *key, struct bt_json_reader *inner)
{
    *inner = (struct bt_json_reader){.object = bt_json_read_object(reader, key), .err = reader->err};
    return inner->object != NULL;
}

static int64_t read_integer(struct bt_json_reader *reader, const char *key)
{
    const json_t *value = json_object_get(reader->object, key);
    if (!json_is_integer(value)) {
        bt_json_expected(reader, key, "a whole number");
    }
    return json_integer_value(value);
}

static uint32_t read_u32(struct bt_json_reader *reader, const char *key)
{
    return (uint32_t)bt_json_read_count(reader, key, UINT32_MAX);
}

static uint64_t read_u64(struct bt_json_reader *reader, const char *key)
{
    return bt_json_read_count(reader, key, INT64_MAX);
}

static int32_t read_i32(struct bt_json_reader *reader, const char *key)
{
    const int64_t value = read_integer(reader, key);
    if (value < INT32_MIN || value > INT32_MAX) {
        bt_json_expected(reader, key, "a whole number of 32 bits");
        return 0;
    }
    return (int32_t)value;
}

static void read_soc(struct bt_json_reader *reader, struct bt_soc_result *soc)
{
    soc->soc_cycles = read_u64(reader, "soc_cycles");
    soc->instructions = read_u64(reader, "instructions");
    soc->cpu_cycles = read_u64(reader, "cpu_cycles");
    soc->wait_cycles = read_u64(reader, "wait_cycles");
    soc->accel_cycles = read_u64(reader, "accel_cycles");
    soc->overlap_cycles = read_u64(reader, "overlap_cycles");
    soc->accel_bytes = read_u64(reader, "accel_bytes");
    soc->copied_bytes = read_u64(reader, "copied_bytes");
    soc->interrupts = read_u64(reader, "interrupts");
    soc->whole_cycles = read_u64(reader, "whole_cycles");
    soc->next_cycles = read_u64(reader, "next_cycles");
    soc->host_seconds = bt_json_read_non_negative(reader, "host_seconds");
}

static void read_hash(struct bt_json_reader *reader, uint64_t *hash)
{
    const json_t *value = json_object_get(reader->object, "hash");
    const char *text = json_string_value(value);
    if (value == NULL) {
        return;
    }
    if (text == NULL || strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16) {
        bt_json_expected(reader, "hash", "16 hexadecimal digits");
        return;
    }
    (void)sscanf(text, "%16" SCNx64, hash); /* NOLINT(cert-err34-c): the digits were just looked at */
}

static void read_engines(struct bt_json_reader *reader, struct bt_record *record)
{
    struct bt_json_reader all;
    if (!into(reader, "engines", &all)) {
        bt_json_expected(reader, "engines", "an object");
    }
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT && !reader->failed && !all.failed; e++) {
        struct bt_engine_result *result = &record->engine[e];
        struct bt_json_reader one;
        struct bt_json_reader soc;
        if (!into(&all, bt_engine_name(e), &one)) {
            bt_json_expected(&all, bt_engine_name(e), "an object");
            break;
        }
        result->verdict = bt_json_read_verdict(&one, "verdict");
        result->ran = bt_json_read_bool(&one, "ran");
        result->seconds = bt_json_read_non_negative(&one, "seconds");
        read_hash(&one, &result->hash);
        if (json_object_get(one.object, "soc") != NULL && into(&one, "soc", &soc)) {
            read_soc(&soc, &result->soc);
            one.failed = one.failed || soc.failed;
        }
        all.failed = all.failed || one.failed;
    }
    reader->failed = reader->failed || all.failed;
}

static void read_terms(struct bt_json_reader *reader, struct bt_record *record)
{
    struct bt_json_reader all;
    if (!into(reader, "terms", &all)) {
        bt_json_expected(reader, "terms", "an object");
        return;
    }
    for (void *at = json_object_iter((json_t *)(uintptr_t)all.object); at != NULL && !all.failed;
         at = json_object_iter_next((json_t *)(uintptr_t)all.object, at)) {
        const char *name = json_object_iter_key(at);
        struct bt_json_reader one = {.object = json_object_iter_value(at), .err = reader->err};
        static const char *const sides[] = {"predicted", "measured"};
        struct bt_counters *const counters[] = {&record->predicted, &record->measured};
        if (strlen(name) >= BT_COUNTER_NAME_BYTES || !json_is_object(one.object)) {
            bt_json_expected(&all, json_is_object(one.object) ? "terms" : name, "an object of a shorter name");
        }
        for (int i = 0; i < 2 && !all.failed; i++) {
            if (json_object_get(one.object, sides[i]) == NULL) {
                continue;
            }
            if (counters[i]->count == BT_MAX_COUNTERS) {
                bt_json_expected(&all, "terms", "fewer of them");
                break;
            }
            bt_counters_add(counters[i], name, read_u64(&one, sides[i]));
        }
        all.failed = all.failed || one.failed;
    }
    reader->failed = reader->failed || all.failed;
}

static void read_mismatch(struct bt_json_reader *reader, struct bt_record *record)
{
    struct bt_mismatch *m = &record->mismatch;
    struct bt_json_reader inner;
    char engine[16];
    if (!into(reader, "mismatch", &inner)) {
        return;
    }
    bt_json_read_text(&inner, "engine", engine, sizeof(engine));
    if (!inner.failed && !bt_engine_parse(engine, &record->mismatch_engine)) {
        bt_json_expected(&inner, "engine", "an engine");
    }
    m->differing = read_u64(&inner, "differing");
    m->total = read_u64(&inner, "total");
    m->n = read_i32(&inner, "n");
    m->y = read_i32(&inner, "y");
    m->x = read_i32(&inner, "x");
    m->c = read_i32(&inner, "c");
    m->expected = read_integer(&inner, "expected");
    m->got = read_integer(&inner, "got");
    bt_json_read_text(&inner, "where", m->where, sizeof(m->where));
    reader->failed = reader->failed || inner.failed;
}

static void read_quantisation(struct bt_json_reader *reader, struct bt_layer_quantisation *q)
{
    struct bt_json_reader inner;
    if (!into(reader, "quantisation", &inner)) {
        return;
    }
    q->measured = true;
    q->low = bt_json_read_real(&inner, "low");
    q->high = bt_json_read_real(&inner, "high");
    q->scale = bt_json_read_real(&inner, "scale");
    q->zp = read_i32(&inner, "zero_point");
    q->clipped = bt_json_read_real(&inner, "clipped");
    q->sqnr = bt_json_read_real(&inner, "sqnr_db");
    reader->failed = reader->failed || inner.failed;
}

static void read_classes(struct bt_json_reader *reader, const char *key, uint32_t *top1, uint32_t *top5)
{
    struct bt_json_reader side;
    struct bt_json_reader one;
    struct bt_json_reader five;
    if (!into(reader, key, &side)) {
        return;
    }
    if (into(&side, "top1", &one) && into(&side, "top5", &five)) {
        *top1 = read_u32(&one, "right");
        *top5 = read_u32(&five, "right");
        side.failed = side.failed || one.failed || five.failed;
    }
    reader->failed = reader->failed || side.failed;
}

static void read_boxes(struct bt_json_reader *reader, const char *key, double *at_50, double *at_50_95)
{
    struct bt_json_reader side;
    if (!into(reader, key, &side)) {
        return;
    }
    *at_50 = bt_json_read_real(&side, "map_50");
    *at_50_95 = bt_json_read_real(&side, "map_50_95");
    reader->failed = reader->failed || side.failed;
}

static void read_accuracy(struct bt_json_reader *reader, struct bt_accuracy *a)
{
    struct bt_json_reader inner;
    struct bt_json_reader compared;
    if (!into(reader, "accuracy", &inner)) {
        return;
    }
    a->measured = true;
    a->detects = json_object_get(inner.object, "boxes") != NULL;
    a->images = read_u32(&inner, "images");
    a->labelled = read_u32(&inner, "labelled");
    if (into(&inner, "compared", &compared)) {
        for (enum bt_engine e = BT_ENGINE_MODEL; e < BT_ENGINE_COUNT; e++) {
            a->compared[e] = e != BT_ENGINE_CYCLES ? read_u32(&compared, bt_engine_name(e)) : 0;
        }
        inner.failed = inner.failed || compared.failed;
    }
    if (a->detects) {
        a->boxes = read_u32(&inner, "boxes");
        a->has_float = !json_is_null(json_object_get(inner.object, "float"));
        read_boxes(&inner, "float", &a->float_map50, &a->float_map);
        read_boxes(&inner, "int8", &a->int8_map50, &a->int8_map);
    } else {
        a->has_float = !json_is_null(json_object_get(inner.object, "agree_top1"));
        read_classes(&inner, "float", &a->float_top1, &a->float_top5);
        read_classes(&inner, "int8", &a->int8_top1, &a->int8_top5);
        a->agree_top1 = read_u32(&inner, "agree_top1");
        a->agree_top5 = read_u32(&inner, "agree_top5");
    }
    a->drop = bt_json_read_real(&inner, "drop_points");
    a->max_drop = json_is_null(json_object_get(inner.object, "max_drop_points"))
                      ? -1.0
                      : bt_json_read_non_negative(&inner, "max_drop_points");
    a->float_seconds = bt_json_read_non_negative(&inner, "float_seconds");
    a->int8_seconds = bt_json_read_non_negative(&inner, "int8_seconds");
    reader->failed = reader->failed || inner.failed;
}

/* PASS follows from its engines; SKIP, too, where only the reference and the predictor ran and there was nothing to compare. */
static bool verdict_follows(const struct bt_record *record)
{
    const enum bt_verdict strongest = bt_record_strongest(record);
    if (record->verdict != BT_SKIP || strongest != BT_PASS) {
        return record->verdict == strongest;
    }
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
        if (record->engine[e].verdict == BT_PASS && e != BT_ENGINE_REF && e != BT_ENGINE_CYCLES) {
            return false;
        }
    }
    return true;
}

/* ---- what a record says must fit together ---- */

/* A name that was cut within a character makes the whole id ASCII, see bt_json_text(), but not the other names. */
static bool is_id(const char *said, const char *id)
{
    while (*said != '\0' && (*said == *id || (*said == '?' && (unsigned char)*id > 0x7e))) {
        said++;
        id++;
    }
    return *said == *id;
}

static void check_id(struct bt_json_reader *reader, const struct bt_record *record)
{
    const char *said = json_string_value(json_object_get(reader->object, "id"));
    char id[BT_ID_BYTES];
    bt_record_id(record, id, sizeof(id));
    if (said == NULL || !is_id(said, id)) {
        bt_json_expected(reader, "id", id);
    }
}

/* The very number, since BT_JSON_FORMAT keeps all of it; null where it is not there. */
static void expect_real(struct bt_json_reader *reader, const char *key, bool there, double expected)
{
    const json_t *value = json_object_get(reader->object, key);
    char text[64] = "null";
    if (there) {
        (void)snprintf(text, sizeof(text), "%.17g", expected);
    }
    if (there ? !json_is_number(value) || json_number_value(value) != expected : !json_is_null(value)) {
        bt_json_expected(reader, key, text);
    }
}

/* Members that the writer makes of others. */
static void check_derived(struct bt_json_reader *reader, const struct bt_record *record)
{
    const json_t *error = json_object_get(reader->object, "error_cycles");
    const int64_t cycles = (int64_t)(record->predicted_cycles - record->rtl_cycles);
    const bool both = record->rtl_cycles != 0 && record->predicted_cycles != 0;
    char text[64] = "null";
    if (both) {
        (void)snprintf(text, sizeof(text), "%" PRId64, cycles);
    }
    if (both ? !json_is_integer(error) || json_integer_value(error) != cycles : !json_is_null(error)) {
        bt_json_expected(reader, "error_cycles", text);
    }
    expect_real(reader, "error_percent", both, bt_error_percent(record->predicted_cycles, record->rtl_cycles));
    expect_real(reader, "utilisation", record->rtl_cycles != 0, bt_record_utilisation(record));
}

static bool predicts(const struct bt_counters *predicted, uint64_t cycles)
{
    for (uint32_t i = 0; i < predicted->count; i++) {
        if (strcmp(predicted->item[i].name, "cycles") == 0) {
            return predicted->item[i].value == cycles;
        }
    }
    return false;
}

/* When cycles are measured, predicted, and held against the gate: see bt_step_predict() and bt_step_judge_cycles(). */
static void check_cycles(struct bt_json_reader *reader, const struct bt_record *record)
{
    const struct bt_engine_result *cycles = &record->engine[BT_ENGINE_CYCLES];
    const bool measured =
        record->engine[BT_ENGINE_RTL].ran || (record->whole && record->engine[BT_ENGINE_ISS_ACCEL].ran);
    if (record->rtl_cycles != 0 && !measured) {
        bt_json_expected(reader, "rtl_cycles", "null where rtl did not run");
    }
    if (record->predicted_cycles != 0 && (!cycles->ran || !predicts(&record->predicted, record->predicted_cycles))) {
        bt_json_expected(reader, "predicted_cycles", "what 'terms' predicts, where cycles ran");
    }
    if (record->gated && (record->rtl_cycles == 0 || !predicts(&record->predicted, record->predicted_cycles))) {
        bt_json_expected(reader, "gated", "false where cycles were not both measured and predicted");
    }
    if (record->gated && record->stall_percent != 0) {
        bt_json_expected(reader, "gated", "false under random stalls");
    }
    /* In a whole network the verdict may have been withdrawn. */
    if (record->gated && !record->whole && cycles->verdict == BT_SKIP) {
        bt_json_expected(reader, "gated", "false beside SKIP of cycles");
    }
    if (!record->gated && record->rtl_cycles != 0 && record->predicted_cycles != 0 && cycles->verdict != BT_SKIP) {
        bt_json_expected(reader, "gated", "true where cycles have a verdict");
    }
}

/* The one record whose reference has no ofmap. */
static bool is_accuracy(const struct bt_record *record)
{
    return record->whole && strcmp(record->layer, BT_CHAINED "/" BT_ACCURACY) == 0;
}

/* An engine that ran has a verdict; but cycles alone have none, accuracy may not say, and a whole network may withdraw it. */
static bool may_skip(const struct bt_record *record, enum bt_engine e)
{
    return e == BT_ENGINE_CYCLES || (e == BT_ENGINE_REF ? is_accuracy(record) : record->whole);
}

static void check_engine(struct bt_json_reader *reader, const struct bt_record *record, enum bt_engine e)
{
    const struct bt_engine_result *engine = &record->engine[e];
    const bool has_ofmap = e != BT_ENGINE_CYCLES && !(e == BT_ENGINE_REF && is_accuracy(record));
    char expected[80];
    const char *what = NULL;
    const char *key = "verdict";
    if (!engine->ran && (engine->verdict == BT_PASS || engine->hash != 0)) {
        key = "ran";
        what = engine->verdict == BT_PASS ? "true beside PASS" : "true beside a hash";
    } else if (engine->ran && engine->verdict == BT_SKIP && !may_skip(record, e)) {
        what = "another one than SKIP, since it ran";
    } else if (engine->verdict == BT_XFAIL && e != BT_ENGINE_CYCLES) {
        what = "another one than XFAIL, which is of cycles alone";
    } else if (!has_ofmap && engine->hash != 0) {
        key = "hash";
        what = "none, since it has no ofmap";
    } else if (has_ofmap && engine->verdict == BT_PASS && engine->hash == 0) {
        key = "hash";
        what = "one beside PASS";
    } else if (e == BT_ENGINE_RTL && engine->verdict == BT_PASS && record->rtl_cycles == 0) {
        key = "rtl_cycles";
        what = "a number beside PASS";
    }
    if (what != NULL) {
        (void)snprintf(expected, sizeof(expected), "%s (%s)", what, bt_engine_name(e));
        bt_json_expected(reader, key, expected);
    }
}

/* Hashes of layers of whole networks are those of several pictures, or of the pooled ofmap, and differ by engine. */
static void check_bits(struct bt_json_reader *reader, const struct bt_record *record)
{
    uint64_t bits = 0;
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT && !record->whole; e++) {
        const struct bt_engine_result *engine = &record->engine[e];
        if (engine->verdict == BT_PASS && engine->hash != 0) {
            bits = bits != 0 ? bits : engine->hash;
            if (engine->hash != bits) {
                bt_json_expected(reader, "hash", "the same of every engine that says PASS");
            }
        }
    }
}

/* Only a job whose worker failed is a FAIL without an engine's. */
static void check_record(struct bt_json_reader *reader, const struct bt_record *record)
{
    if (record->verdict != BT_FAIL && !verdict_follows(record)) {
        bt_json_expected(reader, "verdict", bt_verdict_name(bt_record_strongest(record)));
    }
    if (record->verdict != BT_FAIL && record->mismatch.differing != 0) {
        bt_json_expected(reader, "mismatch", "null beside that verdict");
    }
    if (record->whole && strncmp(record->layer, BT_CHAINED "/", strlen(BT_CHAINED "/")) != 0) {
        bt_json_expected(reader, "whole", "false: its layer is not 'chained/'");
    }
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
        check_engine(reader, record, e);
    }
    check_bits(reader, record);
    check_cycles(reader, record);
    check_derived(reader, record);
    check_id(reader, record);
}

enum bt_status bt_record_from_json(const json_t *object, struct bt_record *record, struct bt_error *err)
{
    struct bt_json_reader reader = {.object = object, .err = err};
    bt_record_init(record);
    bt_json_read_text(&reader, "network", record->network, sizeof(record->network));
    bt_json_read_text(&reader, "layer", record->layer, sizeof(record->layer));
    bt_json_read_text(&reader, "variant", record->variant, sizeof(record->variant));
    bt_json_read_text(&reader, "config", record->config, sizeof(record->config));
    bt_json_read_text(&reader, "pattern", record->pattern, sizeof(record->pattern));
    record->stall_percent = read_u32(&reader, "stall_percent");
    record->seed = read_u64(&reader, "seed");
    bt_json_read_text(&reader, "dtype", record->dtype, sizeof(record->dtype));
    record->sparsity = read_u32(&reader, "sparsity");
    bt_json_read_text(&reader, "structure", record->structure, sizeof(record->structure));
    record->whole = bt_json_read_bool(&reader, "whole");
    record->same = read_u32(&reader, "same");
    record->macs = read_u64(&reader, "macs");
    record->verdict = bt_json_read_verdict(&reader, "verdict");
    bt_json_read_text(&reader, "reason", record->reason, sizeof(record->reason));
    bt_json_read_text(&reader, "note", record->note, sizeof(record->note));
    bt_json_read_text(&reader, "mapping", record->mapping, sizeof(record->mapping));
    read_engines(&reader, record);
    record->rtl_cycles = read_u64(&reader, "rtl_cycles");
    record->predicted_cycles = read_u64(&reader, "predicted_cycles");
    record->roofline_cycles = read_u64(&reader, "roofline_cycles");
    record->gated = bt_json_read_bool(&reader, "gated");
    record->multipliers = read_u64(&reader, "multipliers");
    record->utilisation = bt_json_read_non_negative(&reader, "utilisation");
    record->rtl_seconds = bt_json_read_non_negative(&reader, "rtl_seconds");
    read_terms(&reader, record);
    read_quantisation(&reader, &record->quantisation);
    read_accuracy(&reader, &record->accuracy);
    read_mismatch(&reader, record);
    if (!reader.failed) {
        check_record(&reader, record);
    }
    return reader.failed ? BT_EINPUT : BT_OK;
}
