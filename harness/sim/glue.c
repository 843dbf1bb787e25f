/*
 * bittrue-glue: reads a core description (harness/CONTRACT.md), checks it, and prints what the build needs: the C++
 * header that binds the core's pins to the bus-functional models, or the arguments for Verilator; or nothing (--check,
 * which also wants every file to be there).
 *
 * libyaml's document tree is used directly, because every node keeps its line: each refusal can name file and line.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#define MAX_NAMES 256
#define MAX_PORTS 16
#define NAME_BYTES 128

struct glue {
    const char *path;
    yaml_document_t doc;
    bool check_files; /* sources may be generated later than the arguments are asked for */
    bool failed;
};

/* ---- reading, with refusals ---- */

static void refuse(struct glue *g, const yaml_node_t *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Only the first refusal is printed: the ones after it are often its consequences. */
static void refuse(struct glue *g, const yaml_node_t *node, const char *format, ...)
{
    if (g->failed)
        return;
    g->failed = true;
    fprintf(stderr, "%s:%zu: ", g->path, node != NULL ? node->start_mark.line + 1 : (size_t)1);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

static const char *text_of(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

static yaml_node_t *find(struct glue *g, const yaml_node_t *map, const char *key)
{
    if (map == NULL || map->type != YAML_MAPPING_NODE)
        return NULL;
    for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
        const yaml_node_t *k = yaml_document_get_node(&g->doc, p->key);
        if (k->type == YAML_SCALAR_NODE && strcmp(text_of(k), key) == 0)
            return yaml_document_get_node(&g->doc, p->value);
    }
    return NULL;
}

/* Refuses a key that is not in the space-separated list, and a key given twice. */
static void check_keys(struct glue *g, const yaml_node_t *map, const char *what, const char *allowed)
{
    if (map == NULL)
        return;
    if (map->type != YAML_MAPPING_NODE) {
        refuse(g, map, "%s: expected a mapping with the keys %s", what, allowed);
        return;
    }
    for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
        const yaml_node_t *k = yaml_document_get_node(&g->doc, p->key);
        if (k->type != YAML_SCALAR_NODE) {
            refuse(g, k, "%s: a key must be a plain name", what);
            return;
        }
        const char *key = text_of(k);
        bool known = false;
        for (const char *at = allowed; *at != '\0';) {
            const size_t len = strcspn(at, " ");
            known = known || (len == strlen(key) && strncmp(at, key, len) == 0);
            at += len + strspn(at + len, " ");
        }
        if (!known) {
            refuse(g, k, "%s: unknown key '%s', expected one of: %s", what, key, allowed);
            return;
        }
        for (const yaml_node_pair_t *o = map->data.mapping.pairs.start; o < p; o++) {
            const yaml_node_t *other = yaml_document_get_node(&g->doc, o->key);
            if (strcmp(text_of(other), key) == 0) {
                refuse(g, k, "%s: key '%s' is given twice", what, key);
                return;
            }
        }
    }
}

static const char *scalar(struct glue *g, const yaml_node_t *node, const char *what)
{
    if (node->type != YAML_SCALAR_NODE || *text_of(node) == '\0') {
        refuse(g, node, "%s: expected a value", what);
        return "";
    }
    return text_of(node);
}

static bool is_identifier(const char *text)
{
    if (!isalpha((unsigned char)*text) && *text != '_')
        return false;
    for (; *text != '\0'; text++)
        if (!isalnum((unsigned char)*text) && *text != '_')
            return false;
    return true;
}

/* A Verilog identifier. Verilator turns '__' into an escape, so that a pin of that kind could not be bound. */
static const char *identifier(struct glue *g, const yaml_node_t *node, const char *what)
{
    const char *text = scalar(g, node, what);
    if (g->failed)
        return "";
    if (!is_identifier(text) || strstr(text, "__") != NULL || strlen(text) >= NAME_BYTES / 2) {
        refuse(g, node, "%s: '%s' is not a plain identifier (letters, digits, single underscores)", what, text);
        return "";
    }
    return text;
}

static const char *get_identifier(struct glue *g, const yaml_node_t *map, const char *key, const char *what)
{
    const yaml_node_t *node = find(g, map, key);
    if (node == NULL) {
        refuse(g, map, "%s: key '%s' is missing", what, key);
        return "";
    }
    return identifier(g, node, key);
}

static uint64_t get_number(struct glue *g, const yaml_node_t *map, const char *key, uint64_t min, uint64_t max,
                           uint64_t fallback)
{
    const yaml_node_t *node = find(g, map, key);
    if (node == NULL)
        return fallback;
    const char *text = scalar(g, node, key);
    char *end = NULL;
    errno = 0;
    const uint64_t value = strtoull(text, &end, 0);
    if (g->failed)
        return fallback;
    if (!isdigit((unsigned char)*text) || *end != '\0' || errno != 0 || value < min || value > max) {
        refuse(g, node, "%s: got '%s', expected a number from %" PRIu64 " to %" PRIu64, key, text, min, max);
        return fallback;
    }
    return value;
}

/* Index of the value within the space-separated list. */
static unsigned get_choice(struct glue *g, const yaml_node_t *map, const char *key, const char *choices,
                           const char *what)
{
    const yaml_node_t *node = find(g, map, key);
    if (node == NULL) {
        refuse(g, map, "%s: key '%s' is missing, expected one of: %s", what, key, choices);
        return 0;
    }
    const char *text = scalar(g, node, key);
    unsigned index = 0;
    for (const char *at = choices; *at != '\0'; index++) {
        const size_t len = strcspn(at, " ");
        if (len == strlen(text) && strncmp(at, text, len) == 0)
            return index;
        at += len + strspn(at + len, " ");
    }
    refuse(g, node, "%s: got '%s', expected one of: %s", key, text, choices);
    return 0;
}

struct names {
    unsigned count;
    const char *item[MAX_NAMES];
    const yaml_node_t *node[MAX_NAMES];
};

static struct names get_names(struct glue *g, const yaml_node_t *map, const char *key)
{
    struct names names = {0};
    const yaml_node_t *list = find(g, map, key);
    if (list == NULL)
        return names;
    if (list->type != YAML_SEQUENCE_NODE) {
        refuse(g, list, "%s: expected a list", key);
        return names;
    }
    for (const yaml_node_item_t *i = list->data.sequence.items.start; i < list->data.sequence.items.top; i++) {
        const yaml_node_t *node = yaml_document_get_node(&g->doc, *i);
        if (names.count == MAX_NAMES) {
            refuse(g, node, "%s: more than %d entries", key, MAX_NAMES);
            return names;
        }
        names.node[names.count] = node;
        names.item[names.count++] = node->type == YAML_SCALAR_NODE ? scalar(g, node, key) : "";
    }
    return names;
}

/* As get_names(), of plain values only: no lists within lists, and nothing that a shell or make would take apart. */
static struct names get_words(struct glue *g, const yaml_node_t *map, const char *key)
{
    const struct names names = get_names(g, map, key);
    for (unsigned i = 0; i < names.count; i++) {
        const char *text = names.item[i];
        if (*text == '\0' ||
            strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./=,") != strlen(text))
            refuse(g, names.node[i], "%s: '%s' must be a word of letters, digits and _-+./=,", key, text);
    }
    return names;
}

/* ---- buses ---- */

/* One signal of a bus. What stands in for it when the core does not have it; NULL: the core must have it. */
struct signal {
    const char *name;
    const char *absent;
};

static const struct signal AXI_LITE[] = {
    {"awaddr", NULL},  {"awvalid", NULL}, {"awready", NULL}, {"wdata", NULL},  {"wstrb", "0"},   {"wvalid", NULL},
    {"wready", NULL},  {"bresp", "0"},    {"bvalid", NULL},  {"bready", "0"},  {"araddr", NULL}, {"arvalid", NULL},
    {"arready", NULL}, {"rdata", NULL},   {"rresp", "0"},    {"rvalid", NULL}, {"rready", "0"},  {NULL, NULL},
};
static const struct signal APB[] = {
    {"paddr", NULL},  {"psel", NULL},  {"penable", NULL}, {"pwrite", NULL}, {"pwdata", NULL},
    {"prdata", NULL}, {"pready", "1"}, {"pslverr", "0"},  {"pstrb", "0"},   {NULL, NULL},
};
static const struct signal AXI4_READ[] = {
    {"araddr", NULL}, {"arlen", "0"}, {"arsize", "SIZE"}, {"arburst", "1"}, {"arvalid", NULL}, {"arready", NULL},
    {"rdata", NULL},  {"rresp", "0"}, {"rlast", "0"},     {"rvalid", NULL}, {"rready", "1"},   {NULL, NULL},
};
static const struct signal AXI4_READ_ID[] = {{"arid", "0"}, {"rid", "0"}, {NULL, NULL}};
static const struct signal AXI4_WRITE[] = {
    {"awaddr", NULL},  {"awlen", "0"},  {"awsize", "SIZE"}, {"awburst", "1"}, {"awvalid", NULL},
    {"awready", NULL}, {"wdata", NULL}, {"wstrb", "FULL"},  {"wlast", "0"},   {"wvalid", NULL},
    {"wready", NULL},  {"bresp", "0"},  {"bvalid", NULL},   {"bready", "1"},  {NULL, NULL},
};
static const struct signal AXI4_WRITE_ID[] = {{"awid", "0"}, {"bid", "0"}, {NULL, NULL}};
static const struct signal TCDM[] = {
    {"req", NULL}, {"add", NULL},    {"wen", "DIR"},  {"data", "0"}, {"be", "FULL"},
    {"gnt", NULL}, {"r_valid", "0"}, {"r_data", "0"}, {NULL, NULL},
};
static const struct signal STREAM[] = {
    {"tdata", NULL}, {"tvalid", NULL}, {"tready", NULL}, {"tlast", "0"}, {NULL, NULL},
};
static const struct signal RAW[] = {{"req", NULL}, {"gnt", "0"}, {"rdata", NULL}, {NULL, NULL}};

/* How one bus of this core names its signals. */
struct bus {
    const yaml_node_t *node;
    const char *prefix;
    struct names omit;
    const yaml_node_t *rename;
    unsigned omits_used;
};

static bool omitted(struct bus *bus, const char *signal)
{
    for (unsigned i = 0; i < bus->omit.count; i++) {
        if (strcmp(bus->omit.item[i], signal) == 0) {
            bus->omits_used++;
            return true;
        }
    }
    return false;
}

static void put_signals(struct glue *g, FILE *out, struct bus *bus, const struct signal *signals, bool present)
{
    for (const struct signal *s = signals; s->name != NULL; s++) {
        if (!present || omitted(bus, s->name)) {
            if (present && s->absent == NULL) {
                refuse(g, bus->node, "omit: signal '%s' of '%s' cannot be left out", s->name, bus->prefix);
                return;
            }
            fprintf(out, "    BT_ABSENT(%s, %s)\n", s->name, s->absent != NULL ? s->absent : "0");
            continue;
        }
        char pin[NAME_BYTES * 2];
        snprintf(pin, sizeof pin, "%s%s", bus->prefix, s->name);
        const yaml_node_t *renamed = find(g, bus->rename, s->name);
        if (renamed != NULL)
            snprintf(pin, sizeof pin, "%s", identifier(g, renamed, "rename"));
        fprintf(out, "    BT_PIN(%s, %s)\n", s->name, pin);
    }
}

/* The keys `rename` may have: every signal of the bus. */
static void check_rename(struct glue *g, const struct bus *bus, const struct signal *const *groups)
{
    char allowed[1024] = "";
    for (; *groups != NULL; groups++)
        for (const struct signal *s = *groups; s->name != NULL; s++) {
            const size_t used = strlen(allowed);
            snprintf(allowed + used, sizeof allowed - used, "%s%s", used != 0 ? " " : "", s->name);
        }
    check_keys(g, bus->rename, "rename", allowed);
    for (unsigned i = 0; i < bus->omit.count; i++) {
        bool known = false;
        const size_t len = strlen(bus->omit.item[i]);
        for (const char *at = allowed; *at != '\0';) {
            const size_t word = strcspn(at, " ");
            known = known || (word == len && strncmp(at, bus->omit.item[i], len) == 0);
            at += word + strspn(at + word, " ");
        }
        if (!known)
            refuse(g, bus->omit.node[i], "omit: unknown signal '%s', expected one of: %s", bus->omit.item[i], allowed);
    }
}

static struct bus get_bus(struct glue *g, const yaml_node_t *map, const char *what)
{
    struct bus bus = {.node = map, .prefix = "", .omit = get_words(g, map, "omit"), .rename = find(g, map, "rename")};
    if (find(g, map, "prefix") != NULL)
        bus.prefix = get_identifier(g, map, "prefix", what);
    return bus;
}

/* ---- the header ---- */

enum control_kind { CONTROL_AXI_LITE, CONTROL_APB, CONTROL_NONE };
enum memory_kind { MEMORY_AXI4, MEMORY_TCDM, MEMORY_AXI_STREAM, MEMORY_RAW };
enum access_kind { ACCESS_R, ACCESS_W, ACCESS_RW };

static enum control_kind put_control(struct glue *g, FILE *out, const yaml_node_t *root)
{
    const yaml_node_t *map = find(g, root, "control");
    if (map == NULL) {
        refuse(g, root, "key 'control' is missing (bus: none for a core without registers)");
        return CONTROL_NONE;
    }
    check_keys(g, map, "control", "bus prefix addr_bits omit rename");
    const enum control_kind kind = get_choice(g, map, "bus", "axi_lite apb none", "control");
    struct bus bus = get_bus(g, map, "control");
    const uint64_t bits = get_number(g, map, "addr_bits", 1, 32, 32);
    fprintf(out, "#define BT_CTL_ADDR_BITS %" PRIu64 "u\n", bits);
    if (kind == CONTROL_NONE) {
        fprintf(out, "typedef bt_no_master ctl_bus;\n");
        return kind;
    }
    const struct signal *signals = kind == CONTROL_AXI_LITE ? AXI_LITE : APB;
    check_rename(g, &bus, (const struct signal *const[]){signals, NULL});
    fprintf(out, "struct ctl_pins {\n");
    /* Few APB cores have pstrb: it is bound only where `rename` names it. */
    if (kind == CONTROL_APB && find(g, bus.rename, "pstrb") == NULL && bus.omit.count < MAX_NAMES)
        bus.omit.item[bus.omit.count++] = "pstrb";
    put_signals(g, out, &bus, signals, true);
    fprintf(out, "};\ntypedef %s<ctl_pins> ctl_bus;\n", kind == CONTROL_AXI_LITE ? "bt_axil_master" : "bt_apb_master");
    return kind;
}

/* Returns the type of the model. */
static const char *put_port(struct glue *g, FILE *out, const yaml_node_t *map, unsigned index)
{
    check_keys(g, map, "memory port", "bus prefix access data_bits addr_bits id_bits base omit rename");
    const enum memory_kind kind = get_choice(g, map, "bus", "axi4 tcdm axi_stream raw", "memory port");
    const enum access_kind access = get_choice(g, map, "access", "r w rw", "memory port");
    const uint64_t bits = get_number(g, map, "data_bits", 8, 512, 0);
    if (bits == 0)
        refuse(g, map, "memory port: key 'data_bits' is missing");
    if ((bits & (bits - 1)) != 0)
        refuse(g, find(g, map, "data_bits"), "data_bits: got %" PRIu64 ", expected a power of two from 8 to 512", bits);
    if (kind == MEMORY_AXI4 && bits < 32)
        refuse(g, find(g, map, "data_bits"), "data_bits: got %" PRIu64 ", expected 32 to 512 for axi4", bits);
    (void)get_number(g, map, "addr_bits", 1, 64, 32);
    const bool ids = get_number(g, map, "id_bits", 0, 32, 0) != 0;
    if (ids && kind != MEMORY_AXI4)
        refuse(g, find(g, map, "id_bits"), "id_bits: only axi4 has ids");
    struct bus bus = get_bus(g, map, "memory port");
    if (kind == MEMORY_AXI_STREAM && access == ACCESS_RW)
        refuse(g, find(g, map, "access"), "access: a stream goes one way, expected r (into the core) or w (out of it)");
    if (kind == MEMORY_RAW && access != ACCESS_R)
        refuse(g, find(g, map, "access"), "access: raw pull only reads, expected r");
    const bool reads = access != ACCESS_W;
    const bool writes = access != ACCESS_R;
    const bool wlast = writes && !omitted(&bus, "wlast");

    fprintf(out, "struct mem%u_pins {\n", index);
    fprintf(out, "    static constexpr const char *name = \"%s\";\n", *bus.prefix != '\0' ? bus.prefix : "memory port");
    fprintf(out, "    static constexpr uint32_t data_bits = %" PRIu64 ";\n", bits);
    fprintf(out, "    static constexpr uint64_t base = %" PRIu64 "u;\n", get_number(g, map, "base", 0, UINT64_MAX, 0));
    fprintf(out, "    static constexpr bool reads = %s, writes = %s, has_wlast = %s, has_gnt = %s;\n",
            reads ? "true" : "false", writes ? "true" : "false", wlast ? "true" : "false",
            kind == MEMORY_RAW && !omitted(&bus, "gnt") ? "true" : "false");
    fprintf(out, "    static constexpr uint64_t SIZE = %d, FULL = %s, DIR = %d;\n",
            bits == 0 ? 0 : __builtin_ctzll(bits / 8),
            "data_bits == 512 ? ~uint64_t(0) : (uint64_t(1) << (data_bits / 8 % 64)) - 1", reads ? 1 : 0);
    switch (kind) {
    case MEMORY_AXI4:
        check_rename(g, &bus, (const struct signal *const[]){AXI4_READ, AXI4_WRITE, AXI4_READ_ID, AXI4_WRITE_ID, NULL});
        put_signals(g, out, &bus, AXI4_READ, reads);
        put_signals(g, out, &bus, AXI4_READ_ID, reads && ids);
        put_signals(g, out, &bus, AXI4_WRITE, writes);
        put_signals(g, out, &bus, AXI4_WRITE_ID, writes && ids);
        fprintf(out, "};\n");
        return "bt_axi4_port";
    case MEMORY_TCDM:
        check_rename(g, &bus, (const struct signal *const[]){TCDM, NULL});
        if (access == ACCESS_RW && omitted(&bus, "wen"))
            refuse(g, map, "omit: wen cannot be left out of a port that reads and writes");
        if (reads && (omitted(&bus, "r_data") || omitted(&bus, "r_valid")))
            refuse(g, map, "omit: r_valid and r_data cannot be left out of a port that reads");
        if (writes && omitted(&bus, "data"))
            refuse(g, map, "omit: data cannot be left out of a port that writes");
        put_signals(g, out, &bus, TCDM, true);
        fprintf(out, "};\n");
        return "bt_tcdm_port";
    case MEMORY_AXI_STREAM:
        check_rename(g, &bus, (const struct signal *const[]){STREAM, NULL});
        put_signals(g, out, &bus, STREAM, true);
        fprintf(out, "};\n");
        return reads ? "bt_stream_source" : "bt_stream_sink";
    case MEMORY_RAW:
        check_rename(g, &bus, (const struct signal *const[]){RAW, NULL});
        put_signals(g, out, &bus, RAW, true);
        fprintf(out, "};\n");
        return "bt_raw_port";
    }
    return "";
}

/* `counted`: prefix of the stream whose end is the end of the run, or NULL. */
static void put_memory(struct glue *g, FILE *out, const yaml_node_t *root, const yaml_node_t *counted)
{
    static const char *const each[][2] = {
        {"init([[maybe_unused]] bt_world *w)", "init(w, %u)"},
        {"reset()", "reset()"},
        {"check_reset([[maybe_unused]] Vcore *t)", "check_reset(t)"},
        {"kick([[maybe_unused]] uint64_t edge, [[maybe_unused]] bool start)", "kick(edge, start)"},
        {"sample([[maybe_unused]] Vcore *t, [[maybe_unused]] uint64_t edge)", "sample(t, edge)"},
        {"drive([[maybe_unused]] Vcore *t)", "drive(t)"},
    };
    const struct names ports = get_names(g, root, "memory");
    const char *types[MAX_PORTS];
    int sink = -1;
    if (ports.count > MAX_PORTS)
        refuse(g, find(g, root, "memory"), "memory: %u ports, expected at most %d", ports.count, MAX_PORTS);
    if (g->failed)
        return;
    for (unsigned i = 0; i < ports.count; i++) {
        types[i] = put_port(g, out, ports.node[i], i);
        const yaml_node_t *prefix = find(g, ports.node[i], "prefix");
        if (counted != NULL && prefix != NULL && strcmp(types[i], "bt_stream_sink") == 0 &&
            strcmp(text_of(prefix), scalar(g, counted, "count")) == 0)
            sink = (int)i;
    }
    if (counted != NULL && sink < 0)
        refuse(g, counted, "count: '%s' is not the prefix of an axi_stream port with access w", text_of(counted));
    if (g->failed)
        return;

    fprintf(out, "struct mem_ports {\n");
    for (unsigned i = 0; i < ports.count; i++)
        fprintf(out, "    %s<mem%u_pins> p%u;\n", types[i], i, i);
    for (size_t e = 0; e < sizeof each / sizeof each[0]; e++) {
        fprintf(out, "    void %s\n    {\n", each[e][0]);
        for (unsigned i = 0; i < ports.count; i++) {
            if (e == 0) {
                fprintf(out, "        p%u.init(w, %u);\n", i, i);
            } else {
                fprintf(out, "        p%u.%s;\n", i, each[e][1]);
            }
        }
        fprintf(out, "    }\n");
    }
    if (sink >= 0) {
        fprintf(out, "    bool finished() { return p%d.finished(); }\n", sink);
    } else {
        fprintf(out, "    bool finished() { return false; }\n");
    }
    fprintf(out, "};\n");
}

static void put_clock_and_reset(struct glue *g, FILE *out, const yaml_node_t *root)
{
    const struct names more = get_words(g, root, "more_clocks");
    fprintf(out, "static inline void bt_clock(Vcore *t, uint8_t level)\n{\n    t->%s = level;\n",
            get_identifier(g, root, "clock", "core"));
    for (unsigned i = 0; i < more.count; i++)
        fprintf(out, "    t->%s = level;\n", identifier(g, more.node[i], "more_clocks"));
    fprintf(out, "}\n");

    const yaml_node_t *one = find(g, root, "reset");
    if (one == NULL) {
        refuse(g, root, "key 'reset' is missing");
        return;
    }
    const struct names all =
        one->type == YAML_SEQUENCE_NODE ? get_names(g, root, "reset") : (struct names){1, {""}, {one}};
    uint64_t cycles = 1;
    fprintf(out, "static inline void bt_reset(Vcore *t, bool active)\n{\n");
    for (unsigned i = 0; i < all.count; i++) {
        check_keys(g, all.node[i], "reset", "pin active cycles");
        const char *pin = get_identifier(g, all.node[i], "pin", "reset");
        const bool low = get_choice(g, all.node[i], "active", "high low", "reset") == 1;
        const uint64_t n = get_number(g, all.node[i], "cycles", 1, 100000, 4);
        cycles = n > cycles ? n : cycles;
        fprintf(out, "    t->%s = active ? %d : %d;\n", pin, low ? 0 : 1, low ? 1 : 0);
    }
    fprintf(out, "}\n#define BT_RESET_CYCLES %" PRIu64 "u\n", cycles);
}

static void put_pins(struct glue *g, FILE *out, const yaml_node_t *root)
{
    static const char ALLOWED[] = "name dir bits value";
    const struct names pins = get_names(g, root, "pins");
    bool input[MAX_NAMES];
    uint64_t bits[MAX_NAMES];
    const char *name[MAX_NAMES];

    fprintf(out, "static inline void bt_pins_reset([[maybe_unused]] Vcore *t)\n{\n");
    for (unsigned i = 0; i < pins.count; i++) {
        check_keys(g, pins.node[i], "pin", ALLOWED);
        name[i] = get_identifier(g, pins.node[i], "name", "pin");
        input[i] = get_choice(g, pins.node[i], "dir", "in out", "pin") == 0;
        bits[i] = get_number(g, pins.node[i], "bits", 1, 64, 1);
        if (input[i]) {
            fprintf(
                out, "    t->%s = %" PRIu64 "u;\n", name[i],
                get_number(g, pins.node[i], "value", 0, bits[i] == 64 ? UINT64_MAX : (UINT64_C(1) << bits[i]) - 1, 0));
        } else if (find(g, pins.node[i], "value") != NULL) {
            refuse(g, find(g, pins.node[i], "value"), "value: pin '%s' is an output", name[i]);
        }
        if (g->failed)
            return;
    }
    fprintf(out, "}\nstatic inline bool bt_pin_set([[maybe_unused]] Vcore *t, unsigned pin, "
                 "[[maybe_unused]] uint64_t value)\n{\n    switch (pin) {\n");
    for (unsigned i = 0; i < pins.count; i++)
        if (input[i])
            fprintf(out, "    case %u: t->%s = value & (~uint64_t(0) >> %" PRIu64 "); return true;\n", i, name[i],
                    64 - bits[i]);
    fprintf(out, "    default: return false;\n    }\n}\n"
                 "static inline bool bt_pin_get([[maybe_unused]] Vcore *t, unsigned pin, "
                 "[[maybe_unused]] uint64_t *value)\n{\n    switch (pin) {\n");
    for (unsigned i = 0; i < pins.count; i++)
        fprintf(out, "    case %u: *value = t->%s; return true;\n", i, name[i]);
    fprintf(out, "    default: return false;\n    }\n}\n");
}

static void put_start(struct glue *g, FILE *out, const yaml_node_t *root, enum control_kind control)
{
    const yaml_node_t *map = find(g, root, "start");
    fprintf(out, "enum { BT_START_REG, BT_START_PIN };\n");
    if (map == NULL) {
        refuse(g, root, "key 'start' is missing, expected {reg: OFFSET, mask: BITS} or {pin: NAME}");
        return;
    }
    check_keys(g, map, "start", "reg mask pin");
    if (find(g, map, "pin") != NULL) {
        if (find(g, map, "reg") != NULL || find(g, map, "mask") != NULL)
            refuse(g, map, "start: either reg and mask, or pin");
        fprintf(out,
                "#define BT_START_KIND BT_START_PIN\n#define BT_START_OFFSET 0u\n#define BT_START_MASK 0u\n"
                "static inline bool bt_start_pin(Vcore *t) { return t->%s != 0; }\n",
                get_identifier(g, map, "pin", "start"));
        return;
    }
    if (find(g, map, "reg") == NULL)
        refuse(g, map, "start: key 'reg' or 'pin' is missing");
    if (control == CONTROL_NONE)
        refuse(g, map, "start: a register, but control.bus is none");
    fprintf(out,
            "#define BT_START_KIND BT_START_REG\n#define BT_START_OFFSET %" PRIu64 "u\n#define BT_START_MASK %" PRIu64
            "u\n"
            "static inline bool bt_start_pin(Vcore *) { return false; }\n",
            get_number(g, map, "reg", 0, UINT32_MAX, 0), get_number(g, map, "mask", 1, UINT32_MAX, UINT32_MAX));
}

/* Returns the node with the counted stream's prefix, if that is how the core ends. */
static const yaml_node_t *put_done(struct glue *g, FILE *out, const yaml_node_t *root, enum control_kind control)
{
    static const char *const kinds[] = {"irq", "pulse", "poll", "count"};
    static const char *const symbols[] = {"BT_DONE_IRQ", "BT_DONE_PULSE", "BT_DONE_POLL", "BT_DONE_COUNT"};
    const yaml_node_t *map = find(g, root, "done");
    const yaml_node_t *node = NULL;
    unsigned kind = 0;
    unsigned given = 0;

    if (map == NULL) {
        refuse(g, root, "key 'done' is missing, expected one of irq, pulse, poll, count");
        return NULL;
    }
    check_keys(g, map, "done", "irq pulse poll count");
    for (unsigned i = 0; i < 4; i++) {
        if (find(g, map, kinds[i]) == NULL)
            continue;
        node = find(g, map, kinds[i]);
        kind = i;
        given++;
    }
    if (given != 1) {
        refuse(g, map, "done: expected exactly one of irq, pulse, poll, count");
        return NULL;
    }
    fprintf(out, "enum { BT_DONE_IRQ, BT_DONE_PULSE, BT_DONE_POLL, BT_DONE_COUNT };\n#define BT_DONE_KIND %s\n",
            symbols[kind]);
    uint64_t reg = 0;
    uint64_t mask = 0;
    uint64_t value = 0;
    if (kind == 2) {
        check_keys(g, node, "poll", "reg mask value");
        reg = get_number(g, node, "reg", 0, UINT32_MAX, 0);
        mask = get_number(g, node, "mask", 1, UINT32_MAX, UINT32_MAX);
        value = get_number(g, node, "value", 0, UINT32_MAX, mask);
        if (find(g, node, "reg") == NULL)
            refuse(g, node, "poll: key 'reg' is missing");
        if ((value & mask) != value)
            refuse(g, node, "poll: value has bits outside the mask and would never be read");
        if (control == CONTROL_NONE)
            refuse(g, node, "poll: a register, but control.bus is none");
    }
    fprintf(out,
            "#define BT_POLL_OFFSET %" PRIu64 "u\n#define BT_POLL_MASK %" PRIu64 "u\n#define BT_POLL_VALUE %" PRIu64
            "u\n",
            reg, mask, value);
    if (kind < 2) {
        fprintf(out, "static inline bool bt_done_pin(Vcore *t) { return t->%s != 0; }\n",
                identifier(g, node, kinds[kind]));
    } else {
        fprintf(out, "static inline bool bt_done_pin(Vcore *) { return false; }\n");
    }
    return kind == 3 ? node : NULL;
}

static void put_header(struct glue *g, FILE *out, const yaml_node_t *root)
{
    fprintf(out,
            "/* Written by bittrue-glue from the core's description; do not edit. */\n"
            "#include \"harness/sim/bfm.h\"\n"
            "#define BT_TOP_NAME \"%s\"\n",
            get_identifier(g, root, "top", "core"));
    put_clock_and_reset(g, out, root);
    const enum control_kind control = put_control(g, out, root);
    put_pins(g, out, root);
    put_start(g, out, root, control);
    const yaml_node_t *counted = put_done(g, out, root, control);
    put_memory(g, out, root, counted);
}

/* ---- arguments for Verilator ---- */

/* Paths in the description are relative to its own folder. */
static void put_paths(struct glue *g, FILE *out, const yaml_node_t *root, const char *key, const char *before,
                      bool must)
{
    const char *slash = strrchr(g->path, '/');
    const int folder = slash != NULL ? (int)(slash - g->path) + 1 : 0;
    const struct names paths = get_words(g, root, key);
    if (must && paths.count == 0)
        refuse(g, root, "key '%s' is missing or empty", key);
    for (unsigned i = 0; i < paths.count; i++) {
        char path[4096];
        const int len =
            snprintf(path, sizeof path, "%.*s%s", paths.item[i][0] == '/' ? 0 : folder, g->path, paths.item[i]);
        if (len < 0 || (size_t)len >= sizeof path) {
            refuse(g, paths.node[i], "%s: path too long", key);
            return;
        }
        if (g->check_files && access(path, R_OK) != 0) {
            refuse(g, paths.node[i], "%s: '%s': %s", key, path, strerror(errno));
            return;
        }
        fprintf(out, "%s%s\n", before, path);
    }
}

/* `given` are NAME=VALUE; each must be a parameter the description lists, and an integer. */
static void put_verilator_args(struct glue *g, FILE *out, const yaml_node_t *root, int count, char **given)
{
    const struct names parameters = get_words(g, root, "parameters");
    for (unsigned i = 0; i < parameters.count; i++)
        (void)identifier(g, parameters.node[i], "parameters");
    fprintf(out, "--top-module %s\n", get_identifier(g, root, "top", "core"));
    for (int i = 0; i < count; i++) {
        const char *equals = strchr(given[i], '=');
        const size_t len = equals != NULL ? (size_t)(equals - given[i]) : strlen(given[i]);
        bool known = false;
        for (unsigned p = 0; p < parameters.count; p++)
            known = known || (strlen(parameters.item[p]) == len && strncmp(parameters.item[p], given[i], len) == 0);
        char *end = NULL;
        if (equals != NULL)
            (void)strtoll(equals + 1, &end, 0);
        if (!known || equals == NULL || end == equals + 1 || *end != '\0') {
            const yaml_node_t *list = find(g, root, "parameters");
            refuse(g, list != NULL ? list : root, "got '%s', expected NAME=INTEGER with a name from 'parameters'",
                   given[i]);
            return;
        }
        fprintf(out, "-G%s\n", given[i]);
    }
    const struct names defines = get_words(g, root, "defines");
    for (unsigned i = 0; i < defines.count; i++)
        fprintf(out, "-D%s\n", defines.item[i]);
    put_paths(g, out, root, "include", "-I", false);
    put_paths(g, out, root, "waivers", "", false);
    put_paths(g, out, root, "sources", "", true);
}

/* ---- main ---- */

static bool load(struct glue *g)
{
    yaml_parser_t parser;
    FILE *file = fopen(g->path, "rb");
    bool ok = false;
    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", g->path, strerror(errno));
        return false;
    }
    if (yaml_parser_initialize(&parser) == 0) {
        fclose(file);
        fprintf(stderr, "%s: out of memory\n", g->path);
        return false;
    }
    yaml_parser_set_input_file(&parser, file);
    if (yaml_parser_load(&parser, &g->doc) == 0) {
        fprintf(stderr, "%s:%zu: %s\n", g->path, parser.problem_mark.line + 1,
                parser.problem != NULL ? parser.problem : "cannot be read");
    } else {
        ok = true;
    }
    yaml_parser_delete(&parser);
    fclose(file);
    return ok;
}

int main(int argc, char **argv)
{
    struct glue g = {0};
    char *text = NULL;
    size_t text_bytes = 0;
    FILE *out = NULL;
    int status = 2;

    const bool check = argc == 3 && strcmp(argv[1], "--check") == 0;
    const bool header = argc == 3 && strcmp(argv[1], "--header") == 0;
    const bool args = argc >= 3 && strcmp(argv[1], "--verilator-args") == 0;
    if (!check && !header && !args) {
        fprintf(stderr, "usage: bittrue-glue --header CORE.yaml\n"
                        "       bittrue-glue --verilator-args CORE.yaml [NAME=VALUE ...]\n"
                        "       bittrue-glue --check CORE.yaml\n");
        return 2;
    }
    g.check_files = check;
    g.path = argv[2];
    if (!load(&g))
        return 2;
    /* Both outputs are produced each time, so that either call checks the whole description; one is printed. */
    out = open_memstream(&text, &text_bytes);
    if (out == NULL) {
        fprintf(stderr, "%s: out of memory\n", g.path);
        goto cleanup;
    }
    const yaml_node_t *root = yaml_document_get_root_node(&g.doc);
    if (root == NULL) {
        refuse(&g, NULL, "empty file, expected a core description");
        goto cleanup;
    }
    check_keys(&g, root, "core",
               "top sources include defines waivers parameters clock more_clocks reset control pins memory start done");
    if (!g.failed)
        put_header(&g, out, root);
    const long split = ftell(out);
    if (!g.failed)
        put_verilator_args(&g, out, root, args ? argc - 3 : 0, argv + 3);
    if (fclose(out) != 0 || g.failed) {
        out = NULL;
        goto cleanup;
    }
    out = NULL;
    const size_t from = args ? (size_t)split : 0;
    const size_t bytes = args ? text_bytes - (size_t)split : header ? (size_t)split : 0;
    if (fwrite(text + from, 1, bytes, stdout) == bytes && fflush(stdout) == 0) {
        status = 0;
    } else {
        fprintf(stderr, "bittrue-glue: standard output: %s\n", strerror(errno));
    }

cleanup:
    if (out != NULL)
        fclose(out);
    free(text);
    yaml_document_delete(&g.doc);
    return status;
}
