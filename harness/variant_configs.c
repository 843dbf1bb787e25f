#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/suite.h"
#include "harness/yaml_load.h"

#define NAME_BYTES 255
#define MAX_CONFIG_NAME 31 /* what a record holds */
#define MAX_CONFIGS 256
#define MAX_EXEMPTIONS 4096

/* ---- the file as written; every value is a pointer where absence means something ---- */

struct memory_yaml {
    int64_t *latency_cycles, *bytes_per_cycle, *outstanding, *dram_mib;
};

struct params_yaml {
    int64_t *value[BT_MAX_PARAMS]; /* in the order of the room's table */
};

struct config_yaml {
    char *name;
    struct params_yaml *params;
    struct memory_yaml *memory;
};

struct gate_yaml {
    double max_percent, mean_percent;
};

struct exemption_yaml {
    char *network, *layer, *config;
    double error_percent;
};

struct variant_yaml {
    char *variant;
    struct gate_yaml gate;
    struct exemption_yaml *exemptions;
    uint32_t exemptions_count;
    struct config_yaml *defaults; /* its name stays NULL */
    struct config_yaml *configs;
    uint32_t configs_count;
};

static const cyaml_schema_field_t memory_fields[] = {
    CYAML_FIELD_INT_PTR("latency_cycles", CYAML_FLAG_OPTIONAL, struct memory_yaml, latency_cycles),
    CYAML_FIELD_INT_PTR("bytes_per_cycle", CYAML_FLAG_OPTIONAL, struct memory_yaml, bytes_per_cycle),
    CYAML_FIELD_INT_PTR("outstanding", CYAML_FLAG_OPTIONAL, struct memory_yaml, outstanding),
    CYAML_FIELD_INT_PTR("dram_mib", CYAML_FLAG_OPTIONAL, struct memory_yaml, dram_mib),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t gate_fields[] = {
    CYAML_FIELD_FLOAT("max_percent", CYAML_FLAG_DEFAULT, struct gate_yaml, max_percent),
    CYAML_FIELD_FLOAT("mean_percent", CYAML_FLAG_DEFAULT, struct gate_yaml, mean_percent),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t exemption_fields[] = {
    CYAML_FIELD_STRING_PTR("network", CYAML_FLAG_POINTER, struct exemption_yaml, network, 0, NAME_BYTES),
    CYAML_FIELD_STRING_PTR("layer", CYAML_FLAG_POINTER, struct exemption_yaml, layer, 0, NAME_BYTES),
    CYAML_FIELD_STRING_PTR("config", CYAML_FLAG_POINTER, struct exemption_yaml, config, 0, NAME_BYTES),
    CYAML_FIELD_FLOAT("error_percent", CYAML_FLAG_DEFAULT, struct exemption_yaml, error_percent),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t exemption_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct exemption_yaml, exemption_fields)};

/*
 * The schema of one room: its parameter table decides which keys `params` has. The parts point at each other, so a
 * schema is built in place and not copied.
 */
struct schema {
    cyaml_schema_field_t params[BT_MAX_PARAMS + 1];
    cyaml_schema_field_t config[4];
    cyaml_schema_field_t defaults[3];
    cyaml_schema_value_t config_value;
    cyaml_schema_field_t variant[6];
    cyaml_schema_value_t top;
};

static void build_schema(const struct bt_param_spec *params, struct schema *schema)
{
    const cyaml_schema_field_t end = CYAML_FIELD_END;
    size_t count = 0;
    for (; params[count].key != NULL; count++) {
        assert(count < BT_MAX_PARAMS);
        schema->params[count] = (cyaml_schema_field_t){
            .key = params[count].key,
            .data_offset = (uint32_t)(offsetof(struct params_yaml, value) + count * sizeof(int64_t *)),
            .value = {CYAML_VALUE_INT(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, int64_t)},
        };
    }
    schema->params[count] = end;

    const cyaml_schema_field_t name =
        CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct config_yaml, name, 0, NAME_BYTES);
    const cyaml_schema_field_t values = CYAML_FIELD_MAPPING_PTR("params", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                                                                struct config_yaml, params, schema->params);
    const cyaml_schema_field_t memory = CYAML_FIELD_MAPPING_PTR("memory", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                                                                struct config_yaml, memory, memory_fields);
    schema->config[0] = name;
    schema->config[1] = schema->defaults[0] = values;
    schema->config[2] = schema->defaults[1] = memory;
    schema->config[3] = schema->defaults[2] = end;
    schema->config_value =
        (cyaml_schema_value_t){CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_yaml, schema->config)};

    const cyaml_schema_field_t variant[] = {
        CYAML_FIELD_STRING_PTR("variant", CYAML_FLAG_POINTER, struct variant_yaml, variant, 0, NAME_BYTES),
        CYAML_FIELD_MAPPING("gate", CYAML_FLAG_DEFAULT, struct variant_yaml, gate, gate_fields),
        CYAML_FIELD_SEQUENCE("exemptions", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct variant_yaml, exemptions,
                             &exemption_schema, 0, MAX_EXEMPTIONS),
        CYAML_FIELD_MAPPING_PTR("defaults", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct variant_yaml, defaults,
                                schema->defaults),
        CYAML_FIELD_SEQUENCE("configs", CYAML_FLAG_POINTER, struct variant_yaml, configs, &schema->config_value, 1,
                             MAX_CONFIGS),
        CYAML_FIELD_END,
    };
    memcpy(schema->variant, variant, sizeof(variant));
    schema->top = (cyaml_schema_value_t){CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct variant_yaml, schema->variant)};
}

/* ---- from the file to the configurations ---- */

struct context {
    const struct bt_yaml *yaml;
    const struct bt_variant *variant;
    const struct bt_param_spec *params; /* the variant's */
    const struct variant_yaml *raw;
    struct bt_error *err;
};

static enum bt_status out_of_memory(const struct context *context)
{
    return bt_fail(context->err, BT_ENOMEM, "%s: out of memory", bt_yaml_path(context->yaml));
}

/* Refuses parameters outside their table's range; `at` is the mapping that holds `params`. */
static enum bt_status check_params(const struct context *context, bt_yaml_node at, const struct params_yaml *params)
{
    const bt_yaml_node mapping = bt_yaml_get(context->yaml, at, "params");
    for (size_t i = 0; params != NULL && context->params[i].key != NULL; i++) {
        const struct bt_param_spec *spec = &context->params[i];
        const int64_t *value = params->value[i];
        if (value != NULL && (*value < spec->min || *value > spec->max)) {
            return bt_yaml_fail(context->yaml, bt_yaml_get(context->yaml, mapping, spec->key), context->err,
                                "%s: %" PRId64 ": expected %" PRId64 " to %" PRId64 " (%s)", spec->key, *value,
                                spec->min, spec->max, spec->doc != NULL ? spec->doc : "no description");
        }
    }
    return BT_OK;
}

static enum bt_status check_memory(const struct context *context, bt_yaml_node at, const struct memory_yaml *memory)
{
    if (memory == NULL) {
        return BT_OK;
    }
    const struct {
        const char *key;
        const int64_t *value;
        int64_t min, max;
        bool power; /* of two: beats are wider or narrower by whole halvings */
    } fields[] = {
        {"latency_cycles", memory->latency_cycles, 1, 1000, false}, /* the memory keeps 1024 unanswered writes */
        {"bytes_per_cycle", memory->bytes_per_cycle, 1, 128, true},
        {"outstanding", memory->outstanding, 1, 64, false}, /* what bt_hal_sim_open() takes */
        {"dram_mib", memory->dram_mib, 1, 4095, false},     /* addresses have 32 bits */
    };
    const bt_yaml_node mapping = bt_yaml_get(context->yaml, at, "memory");
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const int64_t *value = fields[i].value;
        if (value != NULL &&
            (*value < fields[i].min || *value > fields[i].max || (fields[i].power && (*value & (*value - 1)) != 0))) {
            return bt_yaml_fail(context->yaml, bt_yaml_get(context->yaml, mapping, fields[i].key), context->err,
                                "%s: %" PRId64 ": expected %s%" PRId64 " to %" PRId64, fields[i].key, *value,
                                fields[i].power ? "a power of two from " : "", fields[i].min, fields[i].max);
        }
    }
    return BT_OK;
}

static enum bt_status check_config(const struct context *context, bt_yaml_node at, const struct config_yaml *config)
{
    const enum bt_status status = check_params(context, at, config->params);
    return status != BT_OK ? status : check_memory(context, at, config->memory);
}

static void apply_memory(const struct memory_yaml *from, struct bt_memory *memory)
{
    if (from == NULL) {
        return;
    }
    if (from->latency_cycles != NULL) {
        memory->latency_cycles = (uint32_t)*from->latency_cycles;
    }
    if (from->bytes_per_cycle != NULL) {
        memory->bytes_per_cycle = (uint32_t)*from->bytes_per_cycle;
    }
    if (from->outstanding != NULL) {
        memory->outstanding = (uint32_t)*from->outstanding;
    }
    if (from->dram_mib != NULL) {
        memory->dram_bytes = (uint64_t)*from->dram_mib << 20;
    }
}

static void apply_params(const struct context *context, const struct params_yaml *from, struct bt_config *config)
{
    for (size_t i = 0; from != NULL && context->params[i].key != NULL; i++) {
        if (from->value[i] != NULL) {
            config->param[i].value = *from->value[i];
        }
    }
}

/* The table's fallbacks, then the file's defaults, then the configuration's own. */
static void fill_config(const struct context *context, const struct config_yaml *raw, struct bt_config *config)
{
    config->mem = (struct bt_memory){
        .latency_cycles = 32, .bytes_per_cycle = 16, .outstanding = 32, .dram_bytes = (uint64_t)256 << 20};
    for (size_t i = 0; context->params[i].key != NULL; i++) {
        config->param[i].key = context->params[i].key;
        config->param[i].value = context->params[i].fallback;
        config->count++;
    }
    if (context->raw->defaults != NULL) {
        apply_memory(context->raw->defaults->memory, &config->mem);
        apply_params(context, context->raw->defaults->params, config);
    }
    apply_memory(raw->memory, &config->mem);
    apply_params(context, raw->params, config);
}

static enum bt_status make_configs(const struct context *context, struct bt_variant_configs *configs)
{
    const bt_yaml_node list = bt_yaml_get(context->yaml, BT_YAML_ROOT, "configs");
    configs->configs = calloc(context->raw->configs_count, sizeof(*configs->configs));
    if (configs->configs == NULL) {
        return out_of_memory(context);
    }
    for (uint32_t i = 0; i < context->raw->configs_count; i++) {
        const struct config_yaml *raw = &context->raw->configs[i];
        const bt_yaml_node at = bt_yaml_item(context->yaml, list, i);
        const bt_yaml_node name = bt_yaml_get(context->yaml, at, "name");
        enum bt_status status = bt_yaml_check_name(context->yaml, name, raw->name, MAX_CONFIG_NAME, context->err);
        if (status == BT_OK && bt_variant_configs_find(configs, raw->name) != NULL) {
            status = bt_yaml_fail(context->yaml, name, context->err,
                                  "configuration '%s' a second time: expected a unique name", raw->name);
        }
        if (status == BT_OK) {
            status = check_config(context, at, raw);
        }
        if (status != BT_OK) {
            return status;
        }
        configs->configs[i].name = strdup(raw->name);
        if (configs->configs[i].name == NULL) {
            return out_of_memory(context);
        }
        fill_config(context, raw, &configs->configs[i]);
        configs->count++;
        struct bt_reason why = {0};
        if (context->variant->check != NULL && context->variant->check(&configs->configs[i], &why) != BT_OK) {
            return bt_yaml_fail(context->yaml, at, context->err,
                                "configuration '%s': %s: got %" PRId64 ", nearest %" PRId64, raw->name, why.what,
                                why.got, why.limit);
        }
    }
    return BT_OK;
}

static enum bt_status make_exemptions(const struct context *context, struct bt_variant_configs *configs)
{
    const bt_yaml_node list = bt_yaml_get(context->yaml, BT_YAML_ROOT, "exemptions");
    configs->exemptions = calloc((size_t)context->raw->exemptions_count + 1, sizeof(*configs->exemptions));
    if (configs->exemptions == NULL) {
        return out_of_memory(context);
    }
    for (uint32_t i = 0; i < context->raw->exemptions_count; i++) {
        const struct exemption_yaml *raw = &context->raw->exemptions[i];
        const bt_yaml_node at = bt_yaml_item(context->yaml, list, i);
        if (bt_variant_configs_find(configs, raw->config) == NULL) {
            return bt_yaml_fail(context->yaml, bt_yaml_near(context->yaml, at, "config"), context->err,
                                "exemption: unknown configuration '%.60s': expected one of this file", raw->config);
        }
        if (raw->error_percent <= 0) {
            return bt_yaml_fail(context->yaml, at, context->err,
                                "exemption: error of %g percent: expected a positive one", raw->error_percent);
        }
        if (bt_exemption_find(configs, raw->network, raw->layer, raw->config) != NULL) {
            return bt_yaml_fail(context->yaml, at, context->err,
                                "exemption of %.60s/%.60s on %s a second time: expected it once", raw->network,
                                raw->layer, raw->config);
        }
        struct bt_exemption *made = &configs->exemptions[configs->exemption_count++];
        made->network = strdup(raw->network);
        made->layer = strdup(raw->layer);
        made->config = strdup(raw->config);
        made->error_percent = raw->error_percent;
        if (made->network == NULL || made->layer == NULL || made->config == NULL) {
            return out_of_memory(context);
        }
    }
    return BT_OK;
}

static enum bt_status make_gate(const struct context *context, struct bt_variant_configs *configs)
{
    const struct gate_yaml *gate = &context->raw->gate;
    if (gate->max_percent < 0 || gate->mean_percent < 0 || gate->mean_percent > gate->max_percent ||
        gate->max_percent > 1) {
        return bt_yaml_fail(context->yaml, bt_yaml_get(context->yaml, BT_YAML_ROOT, "gate"), context->err,
                            "gate: max %g, mean %g percent: expected 0 <= mean <= max <= 1", gate->max_percent,
                            gate->mean_percent);
    }
    configs->gate_max_percent = gate->max_percent;
    configs->gate_mean_percent = gate->mean_percent;
    return BT_OK;
}

static enum bt_status make_all(const struct context *context, struct bt_variant_configs *configs)
{
    enum bt_status status = bt_yaml_check_name(context->yaml, bt_yaml_get(context->yaml, BT_YAML_ROOT, "variant"),
                                               context->raw->variant, MAX_CONFIG_NAME, context->err);
    if (status != BT_OK) {
        return status;
    }
    configs->variant = strdup(context->raw->variant);
    if (configs->variant == NULL) {
        return out_of_memory(context);
    }
    status = make_gate(context, configs);
    if (status == BT_OK && context->raw->defaults != NULL) {
        status = check_config(context, bt_yaml_get(context->yaml, BT_YAML_ROOT, "defaults"), context->raw->defaults);
    }
    if (status == BT_OK) {
        status = make_configs(context, configs);
    }
    return status != BT_OK ? status : make_exemptions(context, configs);
}

/* Takes the yaml. */
static enum bt_status make_variant(struct bt_yaml *yaml, const struct bt_variant *variant,
                                   struct bt_variant_configs **configs, struct bt_error *err)
{
    struct schema schema;
    void *loaded = NULL;
    struct bt_variant_configs *made = NULL;
    build_schema(variant->params, &schema);
    enum bt_status status = bt_yaml_load(yaml, &schema.top, &loaded, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    made = calloc(1, sizeof(*made));
    const struct context context = {yaml, variant, variant->params, loaded, err};
    status = made == NULL ? out_of_memory(&context) : make_all(&context, made);
    if (status == BT_OK) {
        *configs = made;
        made = NULL;
    }

cleanup:
    bt_variant_configs_free(made);
    bt_yaml_release(&schema.top, loaded);
    bt_yaml_close(yaml);
    return status;
}

enum bt_status bt_variant_configs_load(const char *path, const struct bt_variant *variant,
                                       struct bt_variant_configs **configs, struct bt_error *err)
{
    struct bt_yaml *yaml = NULL;
    enum bt_status status = bt_yaml_open(path, &yaml, err);
    if (status != BT_OK) {
        return status;
    }
    status = bt_yaml_check_stem(yaml, "variant", "_configs", err);
    if (status != BT_OK) {
        bt_yaml_close(yaml);
        return status;
    }
    return make_variant(yaml, variant, configs, err);
}

enum bt_status bt_variant_configs_parse(const char *path, const void *text, size_t bytes,
                                        const struct bt_variant *variant, struct bt_variant_configs **configs,
                                        struct bt_error *err)
{
    struct bt_yaml *yaml = NULL;
    const enum bt_status status = bt_yaml_parse(path, text, bytes, &yaml, err);
    return status != BT_OK ? status : make_variant(yaml, variant, configs, err);
}

void bt_variant_configs_free(struct bt_variant_configs *configs)
{
    if (configs == NULL) {
        return;
    }
    for (uint32_t i = 0; i < configs->count; i++) {
        free((char *)configs->configs[i].name);
    }
    for (uint32_t i = 0; i < configs->exemption_count; i++) {
        free(configs->exemptions[i].network);
        free(configs->exemptions[i].layer);
        free(configs->exemptions[i].config);
    }
    free(configs->configs);
    free(configs->exemptions);
    free(configs->variant);
    free(configs);
}

const struct bt_config *bt_variant_configs_find(const struct bt_variant_configs *configs, const char *name)
{
    for (uint32_t i = 0; i < configs->count; i++) {
        if (strcmp(configs->configs[i].name, name) == 0) {
            return &configs->configs[i];
        }
    }
    return NULL;
}

const struct bt_exemption *bt_exemption_find(const struct bt_variant_configs *configs, const char *network,
                                             const char *layer, const char *config)
{
    for (uint32_t i = 0; i < configs->exemption_count; i++) {
        const struct bt_exemption *exemption = &configs->exemptions[i];
        if (strcmp(exemption->network, network) == 0 && strcmp(exemption->layer, layer) == 0 &&
            strcmp(exemption->config, config) == 0) {
            return exemption;
        }
    }
    return NULL;
}
