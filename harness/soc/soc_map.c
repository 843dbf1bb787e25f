#include "harness/soc/soc_map.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/firmware/soc_regs.h"
#include "harness/yaml_load.h"

#define PAGE 4096

/* Addresses and sizes are text here, since people write them in hexadecimal. */
struct range_yaml {
    char *base, *bytes;
};

struct map_yaml {
    int64_t cpu_mips, clock_mhz, quantum_instructions;
    char *stack_bytes;
    struct range_yaml rom, ram, dram;
    char *console, *timer, *interrupt, *exit_, *probe;
    struct range_yaml *accelerators;
    uint32_t accelerators_count;
};

#define ADDRESS_FIELD(key, type, member) CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 0, 31)

static const cyaml_schema_field_t range_fields[] = {
    ADDRESS_FIELD("base", struct range_yaml, base),
    ADDRESS_FIELD("bytes", struct range_yaml, bytes),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t range_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct range_yaml, range_fields)};

static const cyaml_schema_field_t map_fields[] = {
    CYAML_FIELD_INT("cpu_mips", CYAML_FLAG_DEFAULT, struct map_yaml, cpu_mips),
    CYAML_FIELD_INT("clock_mhz", CYAML_FLAG_DEFAULT, struct map_yaml, clock_mhz),
    CYAML_FIELD_INT("quantum_instructions", CYAML_FLAG_DEFAULT, struct map_yaml, quantum_instructions),
    CYAML_FIELD_MAPPING("rom", CYAML_FLAG_DEFAULT, struct map_yaml, rom, range_fields),
    CYAML_FIELD_MAPPING("ram", CYAML_FLAG_DEFAULT, struct map_yaml, ram, range_fields),
    ADDRESS_FIELD("stack_bytes", struct map_yaml, stack_bytes),
    CYAML_FIELD_MAPPING("dram", CYAML_FLAG_DEFAULT, struct map_yaml, dram, range_fields),
    ADDRESS_FIELD("console", struct map_yaml, console),
    ADDRESS_FIELD("timer", struct map_yaml, timer),
    ADDRESS_FIELD("interrupt", struct map_yaml, interrupt),
    ADDRESS_FIELD("exit", struct map_yaml, exit_),
    ADDRESS_FIELD("probe", struct map_yaml, probe),
    CYAML_FIELD_SEQUENCE("accelerators", CYAML_FLAG_POINTER, struct map_yaml, accelerators, &range_schema, 0,
                         BT_SOC_ACCELS),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t map_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct map_yaml, map_fields)};

struct context {
    const struct bt_yaml *yaml;
    const struct map_yaml *raw;
    struct bt_error *err;
};

static bt_yaml_node node_of(const struct context *context, const char *key)
{
    return bt_yaml_get(context->yaml, BT_YAML_ROOT, key);
}

/* A whole number of pages, in hexadecimal with 0x or in decimal. */
static enum bt_status read_pages(const struct context *context, bt_yaml_node node, const char *what, const char *text,
                                 uint32_t *value)
{
    const bool hex = strncmp(text, "0x", 2) == 0;
    const char *digits = hex ? text + 2 : text;
    const size_t length = strlen(digits);
    const bool number =
        length > 0 && length <= 10 && strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789") == length;
    const uint64_t read = number ? strtoull(digits, NULL, hex ? 16 : 10) : 0;
    if (!number || read % PAGE != 0 || read > UINT32_MAX) {
        return bt_yaml_fail(context->yaml, node, context->err,
                            "%s: '%.31s': expected a multiple of 4096 below 2^32, as 0x... or in decimal", what, text);
    }
    *value = (uint32_t)read;
    return BT_OK;
}

static enum bt_status check_numbers(const struct context *context)
{
    const struct map_yaml *raw = context->raw;
    const struct {
        const char *key;
        int64_t value, max;
    } fields[] = {
        {"cpu_mips", raw->cpu_mips, 10000},
        {"clock_mhz", raw->clock_mhz, 10000},
        {"quantum_instructions", raw->quantum_instructions, 10000000},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (fields[i].value < 1 || fields[i].value > fields[i].max) {
            return bt_yaml_fail(context->yaml, node_of(context, fields[i].key), context->err,
                                "%s: %" PRId64 ": expected 1 to %" PRId64, fields[i].key, fields[i].value,
                                fields[i].max);
        }
    }
    return BT_OK;
}

/* ---- ranges: all of them in one list, for the overlaps ---- */

enum { MEMORIES = 3, DEVICES = 5, MAX_RANGES = MEMORIES + DEVICES + BT_SOC_ACCELS };

struct named_range {
    char name[24];
    bt_yaml_node node;
    struct bt_soc_range range;
};

struct ranges {
    size_t count;
    struct named_range list[MAX_RANGES];
};

static enum bt_status add_range(const struct context *context, struct ranges *ranges, const char *name,
                                bt_yaml_node node, const struct range_yaml *raw)
{
    char what[40];
    struct named_range *made = &ranges->list[ranges->count++];
    made->node = node;
    made->range.bytes = SOC_DEVICE_BYTES;
    (void)snprintf(made->name, sizeof(made->name), "%s", name);
    (void)snprintf(what, sizeof(what), "%s: base", name);
    enum bt_status status = read_pages(context, node, what, raw->base, &made->range.base);
    if (status == BT_OK && raw->bytes != NULL) {
        (void)snprintf(what, sizeof(what), "%s: bytes", name);
        status = read_pages(context, node, what, raw->bytes, &made->range.bytes);
    }
    /* The last page is left alone: an emulator needs an address that means nowhere. */
    const uint64_t end = (uint64_t)made->range.base + made->range.bytes;
    if (status == BT_OK && (made->range.bytes == 0 || end > ((uint64_t)1 << 32) - PAGE)) {
        status = bt_yaml_fail(context->yaml, node, context->err,
                              "%s: 0x%" PRIx32 " bytes at 0x%08" PRIx32 ": expected at least a page, below 0xfffff000",
                              name, made->range.bytes, made->range.base);
    }
    return status;
}

static enum bt_status list_ranges(const struct context *context, struct ranges *ranges)
{
    const struct map_yaml *raw = context->raw;
    const struct {
        const char *name;
        struct range_yaml range;
    } fixed[MEMORIES + DEVICES] = {
        {"rom", raw->rom},
        {"ram", raw->ram},
        {"dram", raw->dram},
        {"console", {raw->console, NULL}},
        {"timer", {raw->timer, NULL}},
        {"interrupt", {raw->interrupt, NULL}},
        {"exit", {raw->exit_, NULL}},
        {"probe", {raw->probe, NULL}},
    };
    const bt_yaml_node accels = node_of(context, "accelerators");
    enum bt_status status = BT_OK;
    ranges->count = 0;
    for (size_t i = 0; i < MEMORIES + DEVICES && status == BT_OK; i++) {
        status = add_range(context, ranges, fixed[i].name, node_of(context, fixed[i].name), &fixed[i].range);
    }
    for (uint32_t i = 0; i < raw->accelerators_count && status == BT_OK; i++) {
        char name[24];
        (void)snprintf(name, sizeof(name), "accelerator %" PRIu32, i);
        status = add_range(context, ranges, name, bt_yaml_item(context->yaml, accels, i), &raw->accelerators[i]);
    }
    return status;
}

static bool overlap(const struct bt_soc_range *a, const struct bt_soc_range *b)
{
    return a->base < (uint64_t)b->base + b->bytes && b->base < (uint64_t)a->base + a->bytes;
}

static enum bt_status check_overlaps(const struct context *context, const struct ranges *ranges)
{
    for (size_t i = 0; i < ranges->count; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct named_range *a = &ranges->list[j];
            const struct named_range *b = &ranges->list[i];
            if (overlap(&a->range, &b->range)) {
                return bt_yaml_fail(context->yaml, b->node, context->err,
                                    "%s at 0x%08" PRIx32 " overlaps %s at 0x%08" PRIx32
                                    " (%s:%u): expected ranges of their own",
                                    b->name, b->range.base, a->name, a->range.base, bt_yaml_path(context->yaml),
                                    bt_yaml_line(context->yaml, a->node));
            }
        }
    }
    return BT_OK;
}

static enum bt_status fill(const struct context *context, struct bt_soc_map *map)
{
    const struct map_yaml *raw = context->raw;
    struct ranges ranges;
    uint32_t stack = 0;
    enum bt_status status = check_numbers(context);
    if (status == BT_OK) {
        status = list_ranges(context, &ranges);
    }
    if (status == BT_OK) {
        status = check_overlaps(context, &ranges);
    }
    if (status == BT_OK) {
        status = read_pages(context, node_of(context, "stack_bytes"), "stack_bytes", raw->stack_bytes, &stack);
    }
    if (status != BT_OK) {
        return status;
    }
    const struct named_range *list = ranges.list;
    /* Data and the page that catches an overflow need their room. */
    if (stack == 0 || (uint64_t)stack + (uint64_t)2 * PAGE > list[1].range.bytes) {
        return bt_yaml_fail(context->yaml, node_of(context, "stack_bytes"), context->err,
                            "stack_bytes: 0x%" PRIx32 ": expected at least a page, and two of ram's 0x%" PRIx32
                            " bytes left",
                            stack, list[1].range.bytes);
    }
    *map = (struct bt_soc_map){
        .cpu_mips = (uint32_t)raw->cpu_mips,
        .clock_mhz = (uint32_t)raw->clock_mhz,
        .quantum_instructions = (uint32_t)raw->quantum_instructions,
        .rom = list[0].range,
        .ram = list[1].range,
        .stack_bytes = stack,
        .dram = list[2].range,
        .console = list[3].range.base,
        .timer = list[4].range.base,
        .interrupt = list[5].range.base,
        .exit_ = list[6].range.base,
        .probe = list[7].range.base,
        .accel_count = raw->accelerators_count,
    };
    for (uint32_t i = 0; i < raw->accelerators_count; i++) {
        map->accel[i] = list[MEMORIES + DEVICES + i].range;
    }
    (void)snprintf(map->path, sizeof(map->path), "%s", bt_yaml_path(context->yaml));
    return BT_OK;
}

/* Takes the yaml. */
static enum bt_status make_map(struct bt_yaml *yaml, struct bt_soc_map *map, struct bt_error *err)
{
    void *loaded = NULL;
    enum bt_status status = bt_yaml_load(yaml, &map_schema, &loaded, err);
    if (status == BT_OK) {
        const struct context context = {yaml, loaded, err};
        status = fill(&context, map);
        bt_yaml_release(&map_schema, loaded);
    }
    bt_yaml_close(yaml);
    return status;
}

enum bt_status bt_soc_map_load(const char *path, struct bt_soc_map *map, struct bt_error *err)
{
    struct bt_yaml *yaml = NULL;
    const enum bt_status status = bt_yaml_open(path, &yaml, err);
    return status != BT_OK ? status : make_map(yaml, map, err);
}

enum bt_status bt_soc_map_parse(const char *path, const void *text, size_t bytes, struct bt_soc_map *map,
                                struct bt_error *err)
{
    struct bt_yaml *yaml = NULL;
    const enum bt_status status = bt_yaml_parse(path, text, bytes, &yaml, err);
    return status != BT_OK ? status : make_map(yaml, map, err);
}
