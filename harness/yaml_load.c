#include "harness/yaml_load.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

struct bt_yaml {
    char *path;
    char *text;
    size_t bytes;
    yaml_document_t document;
    bool has_document;
};

/* ---- the tree ---- */

/* libyaml's accessors take a document that they do not change. */
static const yaml_node_t *node_at(const struct bt_yaml *yaml, bt_yaml_node node)
{
    const yaml_document_t *document = &yaml->document;
    if (node < 1 || node > document->nodes.top - document->nodes.start) {
        return NULL;
    }
    return &document->nodes.start[node - 1];
}

static const char *scalar_text(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

static bool scalar_is(const yaml_node_t *node, const char *text)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.length == strlen(text) &&
           memcmp(node->data.scalar.value, text, node->data.scalar.length) == 0;
}

static uint32_t pair_count(const yaml_node_t *mapping)
{
    return (uint32_t)(mapping->data.mapping.pairs.top - mapping->data.mapping.pairs.start);
}

static uint32_t item_count(const yaml_node_t *sequence)
{
    return (uint32_t)(sequence->data.sequence.items.top - sequence->data.sequence.items.start);
}

/* Keys, values and items alike. */
static uint32_t child_count(const yaml_node_t *node)
{
    switch (node->type) {
    case YAML_MAPPING_NODE:
        return 2 * pair_count(node);
    case YAML_SEQUENCE_NODE:
        return item_count(node);
    default:
        return 0;
    }
}

static bt_yaml_node child_at(const yaml_node_t *node, uint32_t index)
{
    if (node->type == YAML_SEQUENCE_NODE) {
        return node->data.sequence.items.start[index];
    }
    const yaml_node_pair_t *pair = &node->data.mapping.pairs.start[index / 2];
    return index % 2 == 0 ? pair->key : pair->value;
}

bt_yaml_node bt_yaml_get(const struct bt_yaml *yaml, bt_yaml_node mapping, const char *key)
{
    const yaml_node_t *node = node_at(yaml, mapping);
    if (node == NULL || node->type != YAML_MAPPING_NODE) {
        return 0;
    }
    for (uint32_t i = 0; i < pair_count(node); i++) {
        const yaml_node_pair_t *pair = &node->data.mapping.pairs.start[i];
        if (scalar_is(node_at(yaml, pair->key), key)) {
            return pair->value;
        }
    }
    return 0;
}

bt_yaml_node bt_yaml_item(const struct bt_yaml *yaml, bt_yaml_node sequence, uint32_t index)
{
    const yaml_node_t *node = node_at(yaml, sequence);
    if (node == NULL || node->type != YAML_SEQUENCE_NODE || index >= item_count(node)) {
        return 0;
    }
    return node->data.sequence.items.start[index];
}

bt_yaml_node bt_yaml_near(const struct bt_yaml *yaml, bt_yaml_node mapping, const char *key)
{
    const bt_yaml_node value = bt_yaml_get(yaml, mapping, key);
    return value != 0 ? value : mapping;
}

unsigned bt_yaml_line(const struct bt_yaml *yaml, bt_yaml_node node)
{
    const yaml_node_t *at = node_at(yaml, node);
    return at == NULL ? 1 : (unsigned)at->start_mark.line + 1;
}

const char *bt_yaml_path(const struct bt_yaml *yaml)
{
    return yaml->path;
}

enum bt_status bt_yaml_fail(const struct bt_yaml *yaml, bt_yaml_node node, struct bt_error *err, const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    const int length = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return bt_fail(err, BT_EINPUT, "%s:%u: %s", yaml->path, bt_yaml_line(yaml, node), length < 0 ? "" : text);
}

/* ---- reading and parsing ---- */

static enum bt_status read_file(const char *path, char **text, size_t *bytes, struct bt_error *err)
{
    enum bt_status status = BT_OK;
    char *buffer = NULL;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return bt_fail(err, BT_EINPUT, "%s: cannot be opened (%s): expected a YAML file", path, strerror(errno));
    }
    struct stat info;
    if (fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode)) {
        status = bt_fail(err, BT_EINPUT, "%s: not a regular file: expected a YAML file", path);
        goto cleanup;
    }
    if (info.st_size > (off_t)BT_YAML_MAX_BYTES) {
        status = bt_fail(err, BT_EINPUT, "%s: %jd bytes: expected at most %u", path, (intmax_t)info.st_size,
                         BT_YAML_MAX_BYTES);
        goto cleanup;
    }
    const size_t size = (size_t)info.st_size;
    buffer = malloc(size + 1);
    if (buffer == NULL) {
        status = bt_fail(err, BT_ENOMEM, "%s: out of memory", path);
        goto cleanup;
    }
    const size_t got = fread(buffer, 1, size, file);
    if (got != size) {
        status = bt_fail(err, BT_EINPUT, "%s: read %zu of %zu bytes: expected all of them", path, got, size);
        goto cleanup;
    }
    *text = buffer;
    *bytes = size;
    buffer = NULL;

cleanup:
    free(buffer);
    if (fclose(file) != 0 && status == BT_OK) {
        free(*text);
        *text = NULL;
        status = bt_fail(err, BT_EINPUT, "%s: cannot be read (%s)", path, strerror(errno));
    }
    return status;
}

static enum bt_status parse_fail(const struct bt_yaml *yaml, const yaml_parser_t *parser, struct bt_error *err)
{
    if (parser->error == YAML_MEMORY_ERROR) {
        return bt_fail(err, BT_ENOMEM, "%s: out of memory", yaml->path);
    }
    const char *problem = parser->problem != NULL ? parser->problem : "malformed";
    if (parser->error == YAML_READER_ERROR) {
        /* The reader knows an offset, not a line. */
        size_t line = 1;
        for (size_t i = 0; i < parser->problem_offset && i < yaml->bytes; i++) {
            line += yaml->text[i] == '\n';
        }
        return bt_fail(err, BT_EINPUT, "%s:%zu: %s: expected UTF-8 text in YAML", yaml->path, line, problem);
    }
    return bt_fail(err, BT_EINPUT, "%s:%zu: %s: expected well-formed YAML", yaml->path, parser->problem_mark.line + 1,
                   problem);
}

/* Exactly one document, none of whose nodes is reached twice. */
static enum bt_status parse_document(struct bt_yaml *yaml, struct bt_error *err)
{
    enum bt_status status = BT_OK;
    bool *reached = NULL;
    yaml_parser_t parser;
    yaml_document_t more;

    if (yaml_parser_initialize(&parser) == 0) {
        return bt_fail(err, BT_ENOMEM, "%s: out of memory", yaml->path);
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)yaml->text, yaml->bytes);
    if (yaml_parser_load(&parser, &yaml->document) == 0) {
        status = parse_fail(yaml, &parser, err);
        goto cleanup;
    }
    yaml->has_document = true;
    if (node_at(yaml, BT_YAML_ROOT) == NULL) {
        status = bt_fail(err, BT_EINPUT, "%s:1: empty: expected a mapping", yaml->path);
        goto cleanup;
    }
    if (yaml_parser_load(&parser, &more) == 0) {
        status = parse_fail(yaml, &parser, err);
        goto cleanup;
    }
    const bool only = more.nodes.top == more.nodes.start;
    const size_t line = more.start_mark.line + 1;
    yaml_document_delete(&more);
    if (!only) {
        status = bt_fail(err, BT_EINPUT, "%s:%zu: second document: expected one", yaml->path, line);
        goto cleanup;
    }

    const size_t count = (size_t)(yaml->document.nodes.top - yaml->document.nodes.start);
    reached = calloc(count + 1, sizeof(*reached));
    if (reached == NULL) {
        status = bt_fail(err, BT_ENOMEM, "%s: out of memory", yaml->path);
        goto cleanup;
    }
    for (size_t i = 0; i < count && status == BT_OK; i++) {
        const yaml_node_t *node = &yaml->document.nodes.start[i];
        for (uint32_t k = 0; k < child_count(node); k++) {
            const bt_yaml_node child = child_at(node, k);
            if (reached[child] || child == BT_YAML_ROOT) {
                status = bt_yaml_fail(yaml, child, err, "anchor with an alias: expected every value written out");
                break;
            }
            reached[child] = true;
        }
    }

cleanup:
    free(reached);
    yaml_parser_delete(&parser);
    return status;
}

/* Takes the text, also when it fails. */
static enum bt_status make(const char *path, char *text, size_t bytes, struct bt_yaml **yaml, struct bt_error *err)
{
    struct bt_yaml *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        free(text);
        return bt_fail(err, BT_ENOMEM, "%s: out of memory", path);
    }
    made->text = text;
    made->bytes = bytes;
    made->path = strdup(path);
    const enum bt_status status =
        made->path == NULL ? bt_fail(err, BT_ENOMEM, "%s: out of memory", path) : parse_document(made, err);
    if (status != BT_OK) {
        bt_yaml_close(made);
        return status;
    }
    *yaml = made;
    return BT_OK;
}

enum bt_status bt_yaml_open(const char *path, struct bt_yaml **yaml, struct bt_error *err)
{
    char *text = NULL;
    size_t bytes = 0;
    const enum bt_status status = read_file(path, &text, &bytes, err);
    return status != BT_OK ? status : make(path, text, bytes, yaml, err);
}

enum bt_status bt_yaml_parse(const char *path, const void *text, size_t bytes, struct bt_yaml **yaml,
                             struct bt_error *err)
{
    if (bytes > BT_YAML_MAX_BYTES) {
        return bt_fail(err, BT_EINPUT, "%s: %zu bytes: expected at most %u", path, bytes, BT_YAML_MAX_BYTES);
    }
    char *copy = malloc(bytes + 1);
    if (copy == NULL) {
        return bt_fail(err, BT_ENOMEM, "%s: out of memory", path);
    }
    if (bytes > 0) {
        memcpy(copy, text, bytes);
    }
    return make(path, copy, bytes, yaml, err);
}

void bt_yaml_close(struct bt_yaml *yaml)
{
    if (yaml == NULL) {
        return;
    }
    if (yaml->has_document) {
        yaml_document_delete(&yaml->document);
    }
    free(yaml->text);
    free(yaml->path);
    free(yaml);
}

/* ---- the tree against the schema ---- */

/* Appends to a fixed text; what does not fit is cut. */
__attribute__((format(printf, 3, 4))) static void append(char *text, size_t bytes, const char *fmt, ...)
{
    const size_t at = strlen(text);
    va_list args;
    va_start(args, fmt);
    const int length = vsnprintf(text + at, bytes - at, fmt, args);
    va_end(args);
    if (length < 0) {
        text[at] = '\0';
    }
}

static enum bt_status check_value(const struct bt_yaml *yaml, bt_yaml_node at, const char *what,
                                  const cyaml_schema_value_t *schema, struct bt_error *err);

static const cyaml_schema_field_t *find_field(const cyaml_schema_value_t *schema, const yaml_node_t *key)
{
    for (const cyaml_schema_field_t *field = schema->mapping.fields; field->key != NULL; field++) {
        if (scalar_is(key, field->key)) {
            return field;
        }
    }
    return NULL;
}

static enum bt_status unknown_key(const struct bt_yaml *yaml, bt_yaml_node at, const cyaml_schema_value_t *schema,
                                  struct bt_error *err)
{
    char keys[256] = "";
    for (const cyaml_schema_field_t *field = schema->mapping.fields; field->key != NULL; field++) {
        append(keys, sizeof(keys), "%s%s", keys[0] == '\0' ? "" : ", ", field->key);
    }
    const yaml_node_t *key = node_at(yaml, at);
    return bt_yaml_fail(yaml, at, err, "unknown key '%.60s': expected one of %s",
                        key->type == YAML_SCALAR_NODE ? scalar_text(key) : "(not a word)", keys);
}

static enum bt_status check_mapping(const struct bt_yaml *yaml, bt_yaml_node at, const char *what,
                                    const cyaml_schema_value_t *schema, struct bt_error *err)
{
    const yaml_node_t *node = node_at(yaml, at);
    if (node->type != YAML_MAPPING_NODE) {
        return bt_yaml_fail(yaml, at, err, "%s: expected a mapping (key: value)", what);
    }
    for (uint32_t i = 0; i < pair_count(node); i++) {
        const yaml_node_pair_t *pair = &node->data.mapping.pairs.start[i];
        const cyaml_schema_field_t *field = find_field(schema, node_at(yaml, pair->key));
        if (field == NULL) {
            return unknown_key(yaml, pair->key, schema, err);
        }
        if (bt_yaml_get(yaml, at, field->key) != pair->value) {
            return bt_yaml_fail(yaml, pair->key, err, "key '%s' a second time: expected it once", field->key);
        }
        const enum bt_status status = check_value(yaml, pair->value, field->key, &field->value, err);
        if (status != BT_OK) {
            return status;
        }
    }
    for (const cyaml_schema_field_t *field = schema->mapping.fields; field->key != NULL; field++) {
        if ((field->value.flags & CYAML_FLAG_OPTIONAL) == 0 && bt_yaml_get(yaml, at, field->key) == 0) {
            return bt_yaml_fail(yaml, at, err, "%s: missing key '%s': expected a value for it", what, field->key);
        }
    }
    return BT_OK;
}

static enum bt_status check_sequence(const struct bt_yaml *yaml, bt_yaml_node at, const char *what,
                                     const cyaml_schema_value_t *schema, struct bt_error *err)
{
    const yaml_node_t *node = node_at(yaml, at);
    const uint32_t min = schema->sequence.min;
    const uint32_t max = schema->sequence.max;
    if (node->type != YAML_SEQUENCE_NODE) {
        return bt_yaml_fail(yaml, at, err, "%s: expected a list [...]", what);
    }
    const uint32_t count = item_count(node);
    if (count < min || count > max) {
        return min == max ? bt_yaml_fail(yaml, at, err, "%s: %u items: expected %u", what, count, min)
                          : bt_yaml_fail(yaml, at, err, "%s: %u items: expected %u to %u", what, count, min, max);
    }
    for (uint32_t i = 0; i < count; i++) {
        const enum bt_status status =
            check_value(yaml, node->data.sequence.items.start[i], what, schema->sequence.entry, err);
        if (status != BT_OK) {
            return status;
        }
    }
    return BT_OK;
}

/* Decimal digits with an optional sign, nothing else; within the type. */
static bool integer_fits(const char *text, const cyaml_schema_value_t *schema)
{
    const bool negative = text[0] == '-';
    const char *digits = text + (negative ? 1 : 0);
    if (digits[0] == '\0' || strspn(digits, "0123456789") != strlen(digits) ||
        (digits[0] == '0' && digits[1] != '\0')) {
        return false; /* a leading zero would be octal to libcyaml */
    }
    const unsigned bits = 8 * schema->data_size;
    errno = 0;
    if (schema->type == CYAML_UINT) {
        const unsigned long long value = strtoull(digits, NULL, 10);
        return !negative && errno == 0 && (bits == 64 || value >> bits == 0);
    }
    const long long value = strtoll(text, NULL, 10);
    return errno == 0 && (bits == 64 || (value >= -(1LL << (bits - 1)) && value < 1LL << (bits - 1)));
}

static bool number_is_finite(const char *text)
{
    char *end = NULL;
    if (text[0] == '\0' || strspn(text, "0123456789+-.eE") != strlen(text)) {
        return false;
    }
    const double value = strtod(text, &end);
    return *end == '\0' && isfinite(value);
}

static enum bt_status check_enum(const struct bt_yaml *yaml, bt_yaml_node at, const char *what,
                                 const cyaml_schema_value_t *schema, struct bt_error *err)
{
    const yaml_node_t *node = node_at(yaml, at);
    char words[200] = "";
    for (uint32_t i = 0; i < schema->enumeration.count; i++) {
        if (scalar_is(node, schema->enumeration.strings[i].str)) {
            return BT_OK;
        }
        append(words, sizeof(words), "%s%s", i == 0 ? "" : ", ", schema->enumeration.strings[i].str);
    }
    return bt_yaml_fail(yaml, at, err, "unknown %s '%.60s': expected one of %s", what, scalar_text(node), words);
}

static enum bt_status check_scalar(const struct bt_yaml *yaml, bt_yaml_node at, const char *what,
                                   const cyaml_schema_value_t *schema, struct bt_error *err)
{
    const yaml_node_t *node = node_at(yaml, at);
    if (node->type != YAML_SCALAR_NODE) {
        return bt_yaml_fail(yaml, at, err, "%s: expected a single value", what);
    }
    const char *text = scalar_text(node);
    if (strlen(text) != node->data.scalar.length) {
        return bt_yaml_fail(yaml, at, err, "%s: holds a zero byte: expected text", what);
    }
    switch (schema->type) {
    case CYAML_INT:
    case CYAML_UINT:
        if (!integer_fits(text, schema)) {
            return bt_yaml_fail(yaml, at, err, "%s: '%.60s': expected %s integer of %u bits", what, text,
                                schema->type == CYAML_UINT ? "an unsigned decimal" : "a decimal",
                                8 * schema->data_size);
        }
        return BT_OK;
    case CYAML_BOOL:
        if (!scalar_is(node, "true") && !scalar_is(node, "false")) {
            return bt_yaml_fail(yaml, at, err, "%s: '%.60s': expected true or false", what, text);
        }
        return BT_OK;
    case CYAML_FLOAT:
        if (!number_is_finite(text)) {
            return bt_yaml_fail(yaml, at, err, "%s: '%.60s': expected a decimal number", what, text);
        }
        return BT_OK;
    case CYAML_STRING:
        if (strlen(text) < schema->string.min || strlen(text) > schema->string.max) {
            return bt_yaml_fail(yaml, at, err, "%s: '%.60s' has %zu bytes: expected %u to %u", what, text, strlen(text),
                                schema->string.min, schema->string.max);
        }
        return BT_OK;
    default:
        assert(schema->type == CYAML_ENUM);
        return check_enum(yaml, at, what, schema, err);
    }
}

static enum bt_status check_value(const struct bt_yaml *yaml, bt_yaml_node at, const char *what,
                                  const cyaml_schema_value_t *schema, struct bt_error *err)
{
    switch (schema->type) {
    case CYAML_MAPPING:
        return check_mapping(yaml, at, what, schema, err);
    case CYAML_SEQUENCE:
        return check_sequence(yaml, at, what, schema, err);
    default:
        return check_scalar(yaml, at, what, schema, err);
    }
}

/* ---- libcyaml ---- */

/* Its first message and the innermost line of its backtrace. */
struct cyaml_note {
    char text[200];
    unsigned line;
};

static void note_log(cyaml_log_t level, void *context, const char *fmt, va_list args)
{
    struct cyaml_note *note = context;
    char text[200];
    (void)level;
    if (vsnprintf(text, sizeof(text), fmt, args) < 0) {
        return;
    }
    text[strcspn(text, "\n")] = '\0';
    if (note->text[0] == '\0') {
        memcpy(note->text, text, sizeof(text));
    }
    const char *line = strstr(text, "(line: ");
    if (note->line == 0 && line != NULL) {
        note->line = (unsigned)strtoul(line + strlen("(line: "), NULL, 10);
    }
}

static cyaml_config_t quiet_config(struct cyaml_note *note)
{
    return (cyaml_config_t){
        .log_fn = note == NULL ? NULL : note_log,
        .log_ctx = note,
        .log_level = CYAML_LOG_ERROR,
        .mem_fn = cyaml_mem,
        .flags = CYAML_CFG_NO_ALIAS,
    };
}

enum bt_status bt_yaml_load(const struct bt_yaml *yaml, const cyaml_schema_value_t *schema, void **value,
                            struct bt_error *err)
{
    const enum bt_status status = check_value(yaml, BT_YAML_ROOT, "document", schema, err);
    if (status != BT_OK) {
        return status;
    }
    struct cyaml_note note = {"", 0};
    const cyaml_config_t config = quiet_config(&note);
    void *loaded = NULL;
    const cyaml_err_t result =
        cyaml_load_data((const uint8_t *)yaml->text, yaml->bytes, &config, schema, (cyaml_data_t **)&loaded, NULL);
    if (result == CYAML_ERR_OOM) {
        return bt_fail(err, BT_ENOMEM, "%s: out of memory", yaml->path);
    }
    if (result != CYAML_OK || loaded == NULL) {
        return bt_fail(err, BT_EINPUT, "%s:%u: %s (%s): expected what the schema allows", yaml->path,
                       note.line == 0 ? 1 : note.line, cyaml_strerror(result), note.text);
    }
    *value = loaded;
    return BT_OK;
}

void bt_yaml_release(const cyaml_schema_value_t *schema, void *value)
{
    if (value == NULL) {
        return;
    }
    const cyaml_config_t config = quiet_config(NULL);
    const cyaml_err_t result = cyaml_free(&config, schema, value, 0);
    assert(result == CYAML_OK); /* it fails only on a bad schema or configuration */
    (void)result;
}

/* ---- names ---- */

enum bt_status bt_yaml_check_name(const struct bt_yaml *yaml, bt_yaml_node node, const char *name, size_t longest,
                                  struct bt_error *err)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    const size_t length = strlen(name);
    if (length < 1 || length > longest || strspn(name, allowed) != length || name[0] == '.' || name[0] == '-') {
        return bt_yaml_fail(yaml, node, err, "name '%.60s': expected 1 to %zu of A-Z a-z 0-9 _ . -, not led by . or -",
                            name, longest);
    }
    return BT_OK;
}

enum bt_status bt_yaml_check_stem(const struct bt_yaml *yaml, const char *key, const char *suffix, struct bt_error *err)
{
    const bt_yaml_node at = bt_yaml_get(yaml, BT_YAML_ROOT, key);
    const yaml_node_t *node = node_at(yaml, at);
    if (node == NULL || node->type != YAML_SCALAR_NODE) {
        return BT_OK; /* the schema complains */
    }
    const char *slash = strrchr(yaml->path, '/');
    const char *base = slash != NULL ? slash + 1 : yaml->path;
    size_t length = strcspn(base, ".");
    const size_t tail = suffix != NULL ? strlen(suffix) : 0;
    if (tail != 0 && tail < length && strncmp(base + length - tail, suffix, tail) == 0) {
        length -= tail;
    }
    if (strlen(scalar_text(node)) != length || strncmp(scalar_text(node), base, length) != 0) {
        return bt_yaml_fail(yaml, at, err, "%s: '%.60s': expected '%.*s' as in the file's name", key, scalar_text(node),
                            (int)length, base);
    }
    return BT_OK;
}
