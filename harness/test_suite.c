#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "harness/suite.h"
#include "reference/common/bt_conv2d.h"

/* ---- the shipped suites ---- */

static struct bt_suite *load(const char *path)
{
    struct bt_error err = {""};
    struct bt_suite *suite = NULL;
    if (bt_suite_load(path, &suite, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    return suite;
}

static const struct bt_suite_layer *find(const struct bt_suite_run *run, const char *layer)
{
    for (uint32_t i = 0; i < run->layer_count; i++) {
        if (strcmp(run->layers[i].layer, layer) == 0) {
            return &run->layers[i];
        }
    }
    return NULL;
}

static void test_all_and_full(void **state)
{
    (void)state;
    struct bt_suite *full = load("suites/full.yaml");
    struct bt_suite *all = load("suites/all.yaml");
    assert_string_equal(full->name, "full");
    assert_int_equal(full->engines, (1u << BT_ENGINE_COUNT) - 1);
    assert_int_equal(full->network_count, 14);
    assert_int_equal(full->run_count, 3);
    assert_int_equal(all->run_count, 7);

    /* Whole networks: every node but the input, layers or not. */
    const struct bt_suite_run *whole = &all->runs[1];
    assert_int_equal(whole->layer_count, 0);
    assert_int_equal(whole->chain_count, 3);
    assert_string_equal(whole->chains[0].name, BT_CHAINED);
    assert_string_equal(whole->chains[0].network->name, "lenet5");
    assert_int_equal(whole->chains[0].count, whole->chains[0].network->count - 1);
    assert_string_equal(whole->chains[0].layers[1].layer, "s2");
    assert_int_equal(whole->chains[0].layers[1].work.op, BT_OP_AVGPOOL);
    assert_int_equal(full->runs[2].chain_count, full->network_count);

    /* 16-bit fixed point, dense and pruned. */
    assert_int_equal(full->runs[1].dtype, BT_S16);
    assert_int_equal(all->runs[3].dtype, BT_S16);
    assert_int_equal(all->runs[3].pruning.percent, 0);
    assert_int_equal(all->runs[4].dtype, BT_S16);
    assert_int_equal(all->runs[4].pruning.percent, 75);

    const struct bt_suite_run *every = &full->runs[0];
    const struct bt_suite_run *distinct = &all->runs[0];
    assert_int_equal(every->variants[0].config_count, 0); /* all of them */
    assert_int_equal(distinct->variants[0].config_count, 1);
    assert_string_equal(distinct->variants[0].configs[0], "16x16");
    assert_int_equal(every->pattern_count, 1);
    assert_int_equal(every->patterns[0], BT_PATTERN_UNIFORM);
    assert_int_equal(every->stall_count, 1);
    assert_int_equal(every->stall_percents[0], 0);

    /* Each layer of `full` is in `all` exactly once, and `same` says how often. */
    uint32_t layers = 0;
    for (uint32_t i = 0; i < full->network_count; i++) {
        for (uint32_t k = 0; k < full->networks[i]->count; k++) {
            layers += bt_node_is_layer(&full->networks[i]->nodes[k]);
        }
    }
    assert_int_equal(every->layer_count, layers);
    print_message("%u layers, %u distinct\n", layers, distinct->layer_count);
    assert_true(distinct->layer_count < every->layer_count);
    uint32_t same = 0;
    for (uint32_t i = 0; i < distinct->layer_count; i++) {
        uint32_t count = 0;
        for (uint32_t k = 0; k < every->layer_count; k++) {
            count += bt_layer_same(&distinct->layers[i].work, &every->layers[k].work);
        }
        assert_int_equal(count, distinct->layers[i].same);
        same += count;
    }
    assert_int_equal(same, layers);
    bt_suite_free(full);
    bt_suite_free(all);
}

/* What the smoke suite promises to cover. */
static void test_smoke(void **state)
{
    (void)state;
    struct bt_suite *suite = load("suites/smoke.yaml");
    bool pattern[BT_PATTERN_COUNT] = {false};
    bool stride = false;
    bool uneven_pad = false;
    bool dilation = false;
    bool groups = false;
    bool depthwise = false;
    bool one_channel = false;
    bool point = false;
    bool large_kernel = false;
    bool fc = false;
    bool raw = false;
    bool table = false;
    bool single = false;
    bool stalled = false;
    bool pooled = false;
    uint32_t shapes = 0;
    uint32_t links = 0;
    for (uint32_t r = 0; r < suite->run_count; r++) {
        const struct bt_suite_run *run = &suite->runs[r];
        for (uint32_t i = 0; i < run->pattern_count; i++) {
            pattern[run->patterns[i]] = true;
        }
        for (uint32_t i = 0; i < run->stall_count; i++) {
            stalled = stalled || run->stall_percents[i] > 0;
        }
        for (uint32_t i = 0; i < run->chain_count; i++) {
            links = run->chains[i].count > links ? run->chains[i].count : links;
        }
        for (uint32_t i = 0; i < run->layer_count; i++) {
            const struct bt_conv2d *conv = &run->layers[i].work.u.conv;
            struct bt_reason why = {0};
            assert_int_equal(bt_layer_check(&run->layers[i].work, &why), BT_OK);
            /* A variant that refuses pooling would have nothing but SKIPs to say of these. */
            pooled = pooled || run->layers[i].work.pool.kh != 0;
            for (uint32_t v = 0; v < run->variant_count && run->layers[i].work.pool.kh != 0; v++) {
                assert_string_not_equal(run->variants[v].variant, "os_array");
            }
            stride = stride || conv->stride_h != conv->stride_w;
            uneven_pad = uneven_pad || conv->pad_left != conv->pad_right;
            dilation = dilation || conv->dil_w > 1;
            groups = groups || (conv->groups > 1 && conv->groups < conv->c_in);
            depthwise = depthwise || (conv->groups > 1 && conv->groups == conv->c_in);
            one_channel = one_channel || conv->c_in == 1;
            point = point || (conv->kh == 1 && conv->h > 1);
            large_kernel = large_kernel || conv->kh > 7;
            fc = fc || (conv->h == 1 && conv->w == 1 && conv->c_in > 64);
            raw = raw || conv->raw;
            table = table || conv->table;
            single = single || conv->rounding == BT_ROUND_SINGLE;
        }
        shapes = run->layer_count > shapes ? run->layer_count : shapes;
    }
    for (size_t i = 0; i < BT_PATTERN_COUNT; i++) {
        assert_true(pattern[i]);
    }
    assert_true(stride && uneven_pad && dilation && groups && depthwise && one_channel && point);
    assert_true(large_kernel && fc && raw && table && single && stalled);
    assert_true(shapes >= 30);
    assert_true(links >= 2);
    print_message("pooled shapes: %s\n", pooled ? "run" : "not run, no variant pools");
    assert_int_equal(suite->engines, (1u << BT_ENGINE_COUNT) - 1);
    bt_suite_free(suite);
}

/* ---- hardware configurations ---- */

static const struct bt_param_spec params[] = {
    {"ROWS", 1, 64, 16, "rows"},
    {"COLS", 1, 64, 16, "columns"},
    {"DEPTH", 1, 100, 7, NULL},
    {NULL, 0, 0, 0, NULL},
};

/* Each parameter may be 63, but not all at once. */
static enum bt_status check_room(const struct bt_config *config, struct bt_reason *why)
{
    if (bt_config_get(config, "ROWS", 0) == 63 && bt_config_get(config, "COLS", 0) == 63) {
        *why = (struct bt_reason){"COLS, unlike ROWS", 63, 62};
        return BT_EINPUT;
    }
    return BT_OK;
}

static const struct bt_variant room = {.name = "v", .params = params, .check = check_room};

static int64_t value(const struct bt_config *config, const char *key)
{
    for (uint32_t i = 0; i < config->count; i++) {
        if (strcmp(config->param[i].key, key) == 0) {
            return config->param[i].value;
        }
    }
    return -1;
}

static void test_configs(void **state)
{
    (void)state;
    static const char text[] = "variant: v\n"
                               "gate: {max_percent: 0.5, mean_percent: 0.25}\n"
                               "exemptions:\n"
                               "  - {network: n, layer: l, config: b, error_percent: 2.5}\n"
                               "defaults:\n"
                               "  memory: {latency_cycles: 40, dram_mib: 3}\n"
                               "  params: {COLS: 5}\n"
                               "configs:\n"
                               "  - {name: a}\n"
                               "  - name: b\n"
                               "    params: {ROWS: 3, COLS: 6}\n"
                               "    memory: {bytes_per_cycle: 8, outstanding: 2, latency_cycles: 1}\n";
    struct bt_error err = {""};
    struct bt_variant_configs *configs = NULL;
    if (bt_variant_configs_parse("v.yaml", text, strlen(text), &room, &configs, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(configs->variant, "v");
    assert_int_equal(configs->count, 2);
    const struct bt_config *a = bt_variant_configs_find(configs, "a");
    const struct bt_config *b = bt_variant_configs_find(configs, "b");
    assert_null(bt_variant_configs_find(configs, "c"));
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(a->count, 3);
    assert_int_equal(value(a, "ROWS"), 16);
    assert_int_equal(value(a, "COLS"), 5);
    assert_int_equal(value(a, "DEPTH"), 7);
    assert_int_equal(value(b, "ROWS"), 3);
    assert_int_equal(value(b, "COLS"), 6);
    assert_int_equal(a->mem.latency_cycles, 40);
    assert_int_equal(a->mem.bytes_per_cycle, 16);
    assert_int_equal(a->mem.outstanding, 32);
    assert_int_equal(a->mem.stall_percent, 0);
    assert_int_equal(a->mem.dram_bytes, 3 << 20);
    assert_int_equal(b->mem.latency_cycles, 1);
    assert_int_equal(b->mem.bytes_per_cycle, 8);
    assert_int_equal(b->mem.outstanding, 2);
    assert_true(configs->gate_max_percent == 0.5 && configs->gate_mean_percent == 0.25);
    const struct bt_exemption *exemption = bt_exemption_find(configs, "n", "l", "b");
    assert_non_null(exemption);
    assert_true(exemption->error_percent == 2.5);
    assert_null(bt_exemption_find(configs, "n", "l", "a"));
    assert_null(bt_exemption_find(configs, "n", "m", "b"));
    assert_null(bt_exemption_find(configs, "o", "l", "b"));
    bt_variant_configs_free(configs);
}

#define GATE "variant: v\ngate: {max_percent: 1.0, mean_percent: 0.1}\n"
#define CONFIGS GATE "configs:\n  - {name: a, params: {ROWS: 4}}\n"

static const struct {
    const char *text, *message;
} refused_configs[] = {
    {"variant: v\nconfigs: [{name: a}]\n", "v.yaml:1: document: missing key 'gate': expected a value for it"},
    {GATE "configs: []\n", "v.yaml:3: configs: 0 items: expected 1 to 256"},
    {CONFIGS "  - {name: b, params: {ROW: 4}}\n", "v.yaml:5: unknown key 'ROW': expected one of ROWS, COLS, DEPTH"},
    {CONFIGS "  - {name: b,\n     params: {ROWS: 65}}\n", "v.yaml:6: ROWS: 65: expected 1 to 64 (rows)"},
    {CONFIGS "  - {name: b, params: {ROWS: 0}}\n", "v.yaml:5: ROWS: 0: expected 1 to 64 (rows)"},
    {CONFIGS "  - {name: b, params: {DEPTH: 101}}\n", "v.yaml:5: DEPTH: 101: expected 1 to 100 (no description)"},
    {CONFIGS "  - {name: b, params: {ROWS: four}}\n", "v.yaml:5: ROWS: 'four': expected a decimal integer of 64 bits"},
    {CONFIGS "  - {name: b, params: {ROWS: 63, COLS: 63}}\n",
     "v.yaml:5: configuration 'b': COLS, unlike ROWS: got 63, nearest 62"},
    {CONFIGS "  - {name: a}\n", "v.yaml:5: configuration 'a' a second time: expected a unique name"},
    {CONFIGS "  - {name: a/b}\n", "v.yaml:5: name 'a/b': expected 1 to 31 of A-Z a-z 0-9 _ . -, not led by . or -"},
    {CONFIGS "  - {name: b, memory: {latency: 1}}\n",
     "v.yaml:5: unknown key 'latency': expected one of latency_cycles, bytes_per_cycle, outstanding, dram_mib"},
    {CONFIGS "  - {name: b, memory: {bytes_per_cycle: 12}}\n",
     "v.yaml:5: bytes_per_cycle: 12: expected a power of two from 1 to 128"},
    {CONFIGS "  - {name: b, memory: {outstanding: 0}}\n", "v.yaml:5: outstanding: 0: expected 1 to 64"},
    {CONFIGS "  - {name: b, memory: {outstanding: 65}}\n", "v.yaml:5: outstanding: 65: expected 1 to 64"},
    {CONFIGS "  - {name: b, memory: {latency_cycles: 0}}\n", "v.yaml:5: latency_cycles: 0: expected 1 to 1000"},
    {CONFIGS "  - {name: b, memory: {latency_cycles: 1001}}\n", "v.yaml:5: latency_cycles: 1001: expected 1 to 1000"},
    {CONFIGS "defaults:\n  memory: {dram_mib: 4096}\n", "v.yaml:6: dram_mib: 4096: expected 1 to 4095"},
    {CONFIGS "defaults: {params: {COLS: -1}}\n", "v.yaml:5: COLS: -1: expected 1 to 64 (columns)"},
    {CONFIGS "defaults: {name: x}\n", "v.yaml:5: unknown key 'name': expected one of params, memory"},
    {"variant: v\ngate: {max_percent: 1.5, mean_percent: 0.1}\nconfigs: [{name: a}]\n",
     "v.yaml:2: gate: max 1.5, mean 0.1 percent: expected 0 <= mean <= max <= 1"},
    {"variant: v\ngate: {max_percent: 0.1, mean_percent: 0.2}\nconfigs: [{name: a}]\n",
     "v.yaml:2: gate: max 0.1, mean 0.2 percent: expected 0 <= mean <= max <= 1"},
    {CONFIGS "exemptions: [{network: n, layer: l, config: b, error_percent: 2}]\n",
     "v.yaml:5: exemption: unknown configuration 'b': expected one of this file"},
    {CONFIGS "exemptions: [{network: n, layer: l, config: a, error_percent: -2}]\n",
     "v.yaml:5: exemption: error of -2 percent: expected a positive one"},
    {CONFIGS "exemptions:\n  - {network: n, layer: l, config: a, error_percent: 2}\n"
             "  - {network: n, layer: l, config: a, error_percent: 3}\n",
     "v.yaml:7: exemption of n/l on a a second time: expected it once"},
};

static void test_refused_configs(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof(refused_configs) / sizeof(refused_configs[0]); i++) {
        const char *text = refused_configs[i].text;
        struct bt_error err = {""};
        struct bt_variant_configs *configs = NULL;
        const enum bt_status status = bt_variant_configs_parse("v.yaml", text, strlen(text), &room, &configs, &err);
        if (status != BT_EINPUT || strcmp(err.text, refused_configs[i].message) != 0) {
            print_error("case %zu: status %d\n  expected %s\n  got      %s\n", i, (int)status,
                        refused_configs[i].message, err.text);
            wrong++;
        }
        assert_null(configs);
    }
    assert_int_equal(wrong, 0);
}

/* The shipped configurations, with a table of just the parameters they name. */
static void test_os_array(void **state)
{
    (void)state;
    static const struct bt_param_spec os_array[] = {
        {"ROWS", 1, 64, 1, ""},        {"COLS", 1, 64, 1, ""},       {"IBUF_BYTES", 1, 1 << 20, 1, ""},
        {"WBUF_K", 1, 1 << 20, 1, ""}, {"OBUF_TILES", 1, 64, 1, ""}, {NULL, 0, 0, 0, NULL},
    };
    static const struct {
        const char *name;
        int64_t rows, cols;
    } named[] = {{"4x4", 4, 4}, {"3x5", 3, 5}, {"8x8", 8, 8}, {"16x16", 16, 16}, {"32x32", 32, 32}, {"16x64", 16, 64}};
    const struct bt_variant shipped = {.params = os_array};
    struct bt_error err = {""};
    struct bt_variant_configs *configs = NULL;
    if (bt_variant_configs_load("suites/variants/os_array.yaml", &shipped, &configs, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(configs->count, sizeof(named) / sizeof(named[0]));
    for (size_t i = 0; i < configs->count; i++) {
        const struct bt_config *config = bt_variant_configs_find(configs, named[i].name);
        assert_non_null(config);
        assert_int_equal(value(config, "ROWS"), named[i].rows);
        assert_int_equal(value(config, "COLS"), named[i].cols);
        assert_int_equal(config->mem.latency_cycles, 32);
        assert_int_equal(config->mem.bytes_per_cycle, 16);
        assert_int_equal(config->mem.outstanding, 32);
        assert_int_equal(config->mem.dram_bytes, 256 << 20);
    }
    assert_true(configs->gate_max_percent <= 1.0 && configs->gate_mean_percent <= 0.1);
    bt_variant_configs_free(configs);
}

/* ---- a suite of our own, next to the shipped networks ---- */

#define HEAD "name: s\nsummary: a test\nseed: 7\nengines: [ref, cycles]\n"
#define SHAPES                                                                                                         \
    "shapes:\n"                                                                                                        \
    "  - {name: x, h: 5, w: 4, c_in: 3, c_out: 2, kernel: 3, pad: 1, act: tanh}\n"                                     \
    "  - {name: y, h: 5, w: 4, c_in: 2, c_out: 6, kernel: 3, raw: true, rounding: single}\n"                           \
    "  - {name: z, h: 3, w: 2, c_in: 6, c_out: 6}\n"
#define CHAINS "chains:\n  - {name: c, layers: [shapes/x, shapes/y]}\n"
#define VARIANTS "    variants: [{name: v, configs: [a, b]}]\n"

static void test_selection(void **state)
{
    (void)state;
    static const char text[] = HEAD SHAPES CHAINS
        "runs:\n"
        "  - shapes: [z, x]\n    chains: [c]\n    stalls: [0, 90]\n    patterns: [ties, min]\n" VARIANTS
        "  - networks: [squeezenet1_1, lenet5]\n    layers: distinct\n    shapes: [all]\n"
        "    variants: [{name: v, configs: [all]}, {name: w, configs: [q]}]\n";
    struct bt_error err = {""};
    struct bt_suite *suite = NULL;
    if (bt_suite_parse("suites/s.yaml", text, strlen(text), &suite, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(suite->seed, 7);
    assert_int_equal(suite->engines, 1u << BT_ENGINE_REF | 1u << BT_ENGINE_CYCLES);
    assert_int_equal(suite->run_count, 2);
    assert_int_equal(suite->network_count, 2);

    const struct bt_suite_run *first = &suite->runs[0];
    assert_int_equal(first->layer_count, 2);
    assert_string_equal(first->layers[0].layer, "z");
    assert_string_equal(first->layers[1].layer, "x");
    assert_string_equal(first->layers[1].network, BT_SHAPES);
    assert_true(first->layers[1].work.u.conv.table);
    assert_int_equal(first->layers[1].act, BT_ACT_TANH);
    assert_int_equal(first->chain_count, 1);
    assert_string_equal(first->chains[0].name, "c");
    assert_int_equal(first->chains[0].count, 2);
    assert_string_equal(first->chains[0].layers[1].layer, "y");
    assert_true(first->chains[0].layers[1].work.u.conv.raw);
    assert_int_equal(first->chains[0].layers[1].work.u.conv.rounding, BT_ROUND_SINGLE);
    assert_int_equal(first->pattern_count, 2);
    assert_int_equal(first->patterns[0], BT_PATTERN_TIES);
    assert_int_equal(first->patterns[1], BT_PATTERN_MIN);
    assert_int_equal(first->stall_count, 2);
    assert_int_equal(first->stall_percents[1], 90);
    assert_int_equal(first->variant_count, 1);
    assert_int_equal(first->variants[0].config_count, 2);
    assert_string_equal(first->variants[0].configs[1], "b");
    assert_int_equal(first->variants[0].line, 16);

    const struct bt_suite_run *second = &suite->runs[1];
    const struct bt_suite_layer *squeeze = find(second, "fire2.expand1x1");
    assert_non_null(squeeze);
    assert_string_equal(squeeze->network, "squeezenet1_1");
    assert_int_equal(squeeze->same, 2); /* fire3's is alike */
    assert_null(find(second, "fire3.expand1x1"));
    assert_non_null(find(second, "f6"));
    assert_non_null(find(second, "y"));
    assert_null(find(second, "pool1"));
    assert_int_equal(second->variants[0].config_count, 0);
    assert_string_equal(second->variants[1].variant, "w");
    bt_suite_free(suite);
}

/* Formats and pruning of runs: the clamps of int16 layers, what counts as the same, and no other run touched by it. */
static void test_kinds(void **state)
{
    (void)state;
    static const char text[] =
        HEAD "shapes:\n"
             "  - {name: x, h: 5, w: 4, c_in: 3, c_out: 2, act: relu}\n"
             "  - {name: y, h: 5, w: 4, c_in: 2, c_out: 6, act: relu6, rounding: single}\n"
             "  - {name: z, h: 5, w: 4, c_in: 6, c_out: 6}\n"
             "  - {name: t, h: 5, w: 4, c_in: 6, c_out: 6, act: silu}\n"
             "chains:\n  - {name: c, layers: [shapes/x, shapes/y, shapes/z]}\n"
             "runs:\n"
             "  - shapes: [all]\n    chains: [c]\n    dtype: int16\n" VARIANTS
             "  - shapes: [all]\n    chains: [c]\n    sparsity: 60\n" VARIANTS
             "  - shapes: [all]\n    dtype: int8\n    sparsity: 99\n    structure: channel\n" VARIANTS;
    static const int32_t lower[] = {0, 0, INT16_MIN, INT16_MIN};
    struct bt_error err = {""};
    struct bt_suite *suite = NULL;
    if (bt_suite_parse("suites/s.yaml", text, strlen(text), &suite, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    const struct bt_suite_run *wide = &suite->runs[0];
    assert_int_equal(wide->dtype, BT_S16);
    for (uint32_t i = 0; i < 7; i++) {
        const struct bt_suite_layer *layer = i < 4 ? &wide->layers[i] : &wide->chains[0].layers[i - 4];
        assert_int_equal(layer->work.dtype, BT_S16);
        assert_int_equal(layer->work.u.conv.act_min, lower[i < 4 ? i : i - 4]);
        assert_int_equal(layer->work.u.conv.act_max, INT16_MAX);
        assert_int_equal(layer->work.u.conv.rounding, BT_ROUND_DOUBLE);
        assert_int_equal(bt_layer_check(&layer->work, NULL), i == 3 ? BT_EUNSUPPORTED : BT_OK);
    }
    for (uint32_t r = 1; r < 3; r++) {
        assert_int_equal(suite->runs[r].dtype, BT_S8);
        assert_int_equal(suite->runs[r].layers[1].work.dtype, BT_S8);
        assert_int_equal(suite->runs[r].layers[1].work.u.conv.act_max, 96);
        assert_int_equal(suite->runs[r].layers[1].work.u.conv.rounding, BT_ROUND_SINGLE);
    }
    assert_int_equal(suite->runs[1].chains[0].layers[0].work.dtype, BT_S8);
    assert_int_equal(wide->pruning.percent, 0);
    assert_int_equal(suite->runs[1].pruning.percent, 60);
    assert_int_equal(suite->runs[1].pruning.structure, BT_STRUCTURE_RANDOM);
    assert_int_equal(suite->runs[2].pruning.percent, 99);
    assert_int_equal(suite->runs[2].pruning.structure, BT_STRUCTURE_CHANNEL);
    assert_string_equal(bt_dtype_name(BT_S8), "int8");
    assert_string_equal(bt_dtype_name(BT_S16), "int16");
    assert_null(bt_dtype_name(BT_BF16));
    bt_suite_free(suite);
}

#define POOLED                                                                                                         \
    "shapes:\n"                                                                                                        \
    "  - {name: x, h: 6, w: 9, c_in: 3, c_out: 2, kernel: 3, pad: 1, pool: 3x2, pool_stride: 2x3, pool_pad: 1}\n"      \
    "  - {name: y, h: 3, w: 4, c_in: 2, c_out: 6}\n"                                                                   \
    "  - {name: z, h: 8, w: 8, c_in: 6, c_out: 6, act: silu, pool: 2, pool_pads: [0, 1, 1, 0]}\n"

/* Which shapes are selected and what their windows are. */
static void test_pooled(void **state)
{
    (void)state;
    static const struct {
        const char *word, *names;
    } selections[] = {{"[all]", "xyz"},
                      {"[pooled]", "xz"},
                      {"[unpooled]", "y"},
                      {"[y, x]", "yx"},
                      {"[all]\n    without: [y]", "xz"},
                      {"[pooled]\n    without: [z, y]", "x"}};
    struct bt_error err = {""};
    for (size_t i = 0; i < sizeof(selections) / sizeof(selections[0]); i++) {
        char text[1024];
        struct bt_suite *suite = NULL;
        (void)snprintf(text, sizeof(text), HEAD POOLED "runs:\n  - shapes: %s\n" VARIANTS, selections[i].word);
        if (bt_suite_parse("suites/s.yaml", text, strlen(text), &suite, &err) != BT_OK) {
            fail_msg("%s", err.text);
        }
        assert_int_equal(suite->runs[0].layer_count, strlen(selections[i].names));
        for (uint32_t k = 0; k < suite->runs[0].layer_count; k++) {
            assert_int_equal(suite->runs[0].layers[k].layer[0], selections[i].names[k]);
        }
        if (i == 0) {
            const struct bt_maxpool x = {3, 2, 2, 3, 1, 1, 1, 1};
            const struct bt_maxpool z = {2, 2, 1, 1, 0, 1, 1, 0}; /* stride 1 where none is stated */
            assert_memory_equal(&suite->runs[0].layers[0].work.pool, &x, sizeof(x));
            assert_int_equal(suite->runs[0].layers[1].work.pool.kh, 0);
            assert_memory_equal(&suite->runs[0].layers[2].work.pool, &z, sizeof(z));
            assert_int_equal(bt_layer_oh(&suite->runs[0].layers[0].work), 3);
            assert_int_equal(bt_layer_ow(&suite->runs[0].layers[0].work), 4);
        }
        bt_suite_free(suite);
    }
    /* y reads what x leaves after pooling. */
    static const char chained[] =
        HEAD POOLED "chains:\n  - {name: c, layers: [shapes/x, shapes/y]}\nruns:\n  - chains: [c]\n" VARIANTS;
    struct bt_suite *suite = NULL;
    if (bt_suite_parse("suites/s.yaml", chained, strlen(chained), &suite, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    bt_suite_free(suite);
}

/* What makes two layers the same work, and what does not. */
static void test_same(void **state)
{
    (void)state;
    const struct bt_layer base = {.op = BT_OP_CONV2D,
                                  .dtype = BT_S8,
                                  .u.conv = {.n = 1,
                                             .h = 8,
                                             .w = 8,
                                             .c_in = 8,
                                             .c_out = 8,
                                             .kh = 3,
                                             .kw = 3,
                                             .stride_h = 1,
                                             .stride_w = 1,
                                             .dil_h = 1,
                                             .dil_w = 1,
                                             .groups = 1,
                                             .act_min = -128,
                                             .act_max = 127}};
    struct bt_layer other = base;
    other.u.conv.act_min = 0; /* a clamp is data to the hardware */
    assert_true(bt_layer_same(&base, &other));

#define DIFFERS(member, other_value)                                                                                   \
    do {                                                                                                               \
        other = base;                                                                                                  \
        other.u.conv.member = (other_value);                                                                           \
        assert_false(bt_layer_same(&base, &other));                                                                    \
    } while (0)
    DIFFERS(n, 2);
    DIFFERS(h, 9);
    DIFFERS(w, 9);
    DIFFERS(c_in, 9);
    DIFFERS(c_out, 9);
    DIFFERS(kh, 2);
    DIFFERS(kw, 2);
    DIFFERS(stride_h, 2);
    DIFFERS(stride_w, 2);
    DIFFERS(dil_h, 2);
    DIFFERS(dil_w, 2);
    DIFFERS(pad_top, 1);
    DIFFERS(pad_bottom, 1);
    DIFFERS(pad_left, 1);
    DIFFERS(pad_right, 1);
    DIFFERS(groups, 2);
    DIFFERS(rounding, BT_ROUND_SINGLE);
    DIFFERS(table, true);
    DIFFERS(raw, true);
#undef DIFFERS
    other = base;
    other.dtype = BT_S16;
    assert_false(bt_layer_same(&base, &other));
}

/* The same convolution with another pool is other work. */
static void test_same_pool(void **state)
{
    (void)state;
    const struct bt_layer base = {.op = BT_OP_CONV2D, .dtype = BT_S8, .u.conv = bt_conv2d_1x1(8, 8, 8, 8)};
    struct bt_layer pooled = base;
    pooled.pool = (struct bt_maxpool){.kh = 3, .kw = 3, .stride_h = 1, .stride_w = 1};
    struct bt_layer other = pooled;
    assert_true(bt_layer_same(&pooled, &other));
    assert_false(bt_layer_same(&base, &pooled));
#define DIFFERS(member)                                                                                                \
    do {                                                                                                               \
        other = pooled;                                                                                                \
        other.pool.member++;                                                                                           \
        assert_false(bt_layer_same(&pooled, &other));                                                                  \
    } while (0)
    DIFFERS(kh);
    DIFFERS(kw);
    DIFFERS(stride_h);
    DIFFERS(stride_w);
    DIFFERS(pad_top);
    DIFFERS(pad_bottom);
    DIFFERS(pad_left);
    DIFFERS(pad_right);
#undef DIFFERS
}

#define SHAPE(keys)                                                                                                    \
    HEAD "shapes:\n  - {name: x, h: 5, w: 4, c_in: 3, c_out: 2, " keys "}\nruns:\n  - shapes: [x]\n" VARIANTS
#define RUN(text) HEAD SHAPES CHAINS "runs:\n  - shapes: [x]\n" VARIANTS "    " text "\n"

static const struct {
    const char *text, *message;
} refused_suites[] = {
    {HEAD "runs: []\n", "suites/s.yaml:5: runs: 0 items: expected 1 to 64"},
    {HEAD "runs:\n  - patterns: [min]\n" VARIANTS,
     "suites/s.yaml:6: run selects nothing: expected networks, shapes or chains with a conv or fc layer"},
    {HEAD "runs:\n  - shapes: [all]\n" VARIANTS,
     "suites/s.yaml:6: run selects nothing: expected networks, shapes or chains with a conv or fc layer"},
    {HEAD "runs:\n  - shapes: []\n" VARIANTS, "suites/s.yaml:6: shapes: 0 items: expected 1 to 1024"},
    {HEAD SHAPES "runs:\n  - shapes: [x]\n", "suites/s.yaml:10: runs: missing key 'variants': expected a value for it"},
    {HEAD "runs:\n  - networks: [lenet]\n" VARIANTS,
     "suites/s.yaml:6: unknown network 'lenet': expected a file suites/networks/lenet.yaml"},
    {HEAD "runs:\n  - networks: [../networks/lenet5]\n" VARIANTS,
     "suites/s.yaml:6: name '../networks/lenet5': expected 1 to 47 of A-Z a-z 0-9 _ . -, not led by . or -"},
    {HEAD "runs:\n  - networks: [lenet5,\n      lenet5]\n" VARIANTS,
     "suites/s.yaml:7: 'lenet5' a second time: expected it once"},
    {HEAD SHAPES "runs:\n  - shapes: [x, q]\n" VARIANTS,
     "suites/s.yaml:10: unknown shape 'q': expected one of this suite"},
    {HEAD SHAPES "runs:\n  - chains: [q]\n" VARIANTS,
     "suites/s.yaml:10: unknown chain 'q': expected one of this suite"},
    {RUN("stalls: [0, 91]"), "suites/s.yaml:14: stall of 91 percent: expected 0 to 90"},
    {RUN("stalls: [-1]"), "suites/s.yaml:14: stalls: '-1': expected an unsigned decimal integer of 32 bits"},
    {RUN("stalls: [5, 5]"), "suites/s.yaml:14: stall of 5 percent a second time: expected it once"},
    {RUN("patterns: [random]"),
     "suites/s.yaml:14: unknown patterns 'random': expected one of uniform, min, ties, extreme_zp"},
    {RUN("patterns: [min, min]"), "suites/s.yaml:14: pattern 'min' a second time: expected it once"},
    {RUN("layers: some"), "suites/s.yaml:14: unknown layers 'some': expected one of all, distinct, chained"},
    {RUN("config: [a]"),
     "suites/s.yaml:14: unknown key 'config': expected one of networks, layers, shapes, without, chains, "
     "dtype, sparsity, structure, images, accuracy_images, model_images, max_accuracy_drop, variants, patterns, "
     "stalls"},
    {RUN("images: 3"), "suites/s.yaml:14: images without layers: chained: expected both"},
    {RUN("accuracy_images: 0"), "suites/s.yaml:14: accuracy_images without layers: chained: expected both"},
    {RUN("max_accuracy_drop: 1"), "suites/s.yaml:14: max_accuracy_drop without layers: chained: expected both"},
    {HEAD "runs:\n  - networks: [lenet5]\n    layers: chained\n    max_accuracy_drop: 1\n" VARIANTS,
     "suites/s.yaml:8: max_accuracy_drop without accuracy_images: expected both"},
    {HEAD "runs:\n  - networks: [lenet5]\n    layers: chained\n    model_images: 1\n" VARIANTS,
     "suites/s.yaml:8: model_images without accuracy_images: expected both"},
    {HEAD "runs:\n  - networks: [lenet5]\n    layers: chained\n    accuracy_images: 0\n    max_accuracy_drop: "
          "101\n" VARIANTS,
     "suites/s.yaml:9: max_accuracy_drop of 101: expected 0 to 100 points"},
    {HEAD "runs:\n  - networks: [lenet5]\n    layers: chained\n    accuracy_images: 0\n    max_accuracy_drop: "
          "few\n" VARIANTS,
     "suites/s.yaml:9: max_accuracy_drop: 'few': expected a decimal number"},
    {RUN("sparsity: 100"), "suites/s.yaml:14: sparsity of 100 percent: expected 0 to 99"},
    {RUN("sparsity: -1"), "suites/s.yaml:14: sparsity: '-1': expected an unsigned decimal integer of 32 bits"},
    {RUN("structure: filter"), "suites/s.yaml:14: structure filter without sparsity: expected both"},
    {RUN("structure: block"), "suites/s.yaml:14: unknown structure 'block': expected one of random, filter, channel"},
    {RUN("dtype: int4"), "suites/s.yaml:14: unknown dtype 'int4': expected one of int8, int16"},
    {HEAD "runs:\n  - networks: [lenet5]\n    layers: chained\n    dtype: int16\n" VARIANTS,
     "suites/s.yaml:8: dtype int16 with layers: chained: expected int8, whole networks have no other"},
    {"name: s\nsummary: a test\nseed: 7\nengines: [iss]\nruns: [{networks: [lenet5], variants: [{name: v, configs: "
     "[a]}]}]\n",
     "suites/s.yaml:4: unknown engines 'iss': expected one of ref, model, rtl, cycles, iss:sw, iss:accel"},
    {"name: s\nsummary: a test\nseed: 7\nengines: [ref, ref]\nruns: [{networks: [lenet5], variants: [{name: v, "
     "configs: [a]}]}]\n",
     "suites/s.yaml:4: engine 'ref' a second time: expected it once"},
    {"name: s\nsummary: a test\nseed: 18446744073709551616\nengines: [ref]\nruns: [{networks: [lenet5], variants: "
     "[{name: v, configs: [a]}]}]\n",
     "suites/s.yaml:3: seed: '18446744073709551616': expected an unsigned decimal integer of 64 bits"},
    {HEAD "shapes:\n  - {name: x, h: 5, w: 4, c_in: 3, c_out: 2, kernel: 6}\nruns:\n  - shapes: [x]\n" VARIANTS,
     "suites/s.yaml:6: layer 'x': kernel higher than the padded input: got 6, limit 5"},
    {HEAD "shapes:\n  - {name: x, h: 5, w: 4, c_in: 3}\nruns:\n  - shapes: [x]\n" VARIANTS,
     "suites/s.yaml:6: layer 'x': output channels below 1: got 0, limit 1"},
    {HEAD
     "shapes:\n  - {name: x, h: 5, w: 4, c_in: 3, c_out: 1, raw: true, act: relu}\nruns:\n  - shapes: [x]\n" VARIANTS,
     "suites/s.yaml:6: shape 'x': raw and act: expected one of them"},
    {HEAD SHAPES "  - {name: x, h: 5, w: 4, c_in: 3, c_out: 1}\nruns:\n  - shapes: [x]\n" VARIANTS,
     "suites/s.yaml:9: shape 'x' a second time: expected a unique name"},
    {HEAD SHAPES CHAINS "  - {name: c, layers: [shapes/x, shapes/y]}\nruns:\n  - shapes: [x]\n" VARIANTS,
     "suites/s.yaml:11: chain 'c' a second time: expected a unique name"},
    {HEAD SHAPES "chains:\n  - {name: c, layers: [shapes/x]}\nruns:\n  - shapes: [x]\n" VARIANTS,
     "suites/s.yaml:10: layers: 1 items: expected 2 to 64"},
    {HEAD SHAPES "chains:\n  - {name: c, layers: [x, y]}\nruns:\n  - shapes: [x]\n" VARIANTS,
     "suites/s.yaml:10: layer 'x': expected <network>/<layer> or shapes/<shape>"},
    {HEAD SHAPES "chains:\n  - {name: c, layers: [shapes/x, shapes/q]}\nruns:\n  - shapes: [x]\n" VARIANTS,
     "suites/s.yaml:10: unknown shape 'q': expected one of this suite"},
    {HEAD SHAPES "chains:\n  - {name: c, layers: [shapes/x, shapes/z]}\nruns:\n  - shapes: [x]\n" VARIANTS,
     "suites/s.yaml:10: layer 'z' takes 3x2x6: expected the 5x4x2 of 'x'"},
    {HEAD SHAPES
     "chains:\n  - {name: c, layers: [shapes/x, shapes/y,\n      shapes/z]}\nruns:\n  - shapes: [x]\n" VARIANTS,
     "suites/s.yaml:11: layer 'z' follows 'y', whose output is raw: expected int8"},
    {HEAD "chains:\n  - {name: c, layers: [lenet5/c3, lenet5/s4]}\nruns:\n  - chains: [c]\n" VARIANTS,
     "suites/s.yaml:6: unknown layer 's4': expected a conv or fc of lenet5"},
    {HEAD "chains:\n  - {name: c, layers: [lenet5/c3, nothing/s4]}\nruns:\n  - chains: [c]\n" VARIANTS,
     "suites/s.yaml:6: unknown network 'nothing': expected a file suites/networks/nothing.yaml"},
    {SHAPE("pool: 2y2"), "suites/s.yaml:6: pool: '2y2': expected a number, or <vertical>x<horizontal>, from 1"},
    {SHAPE("pool: 0"), "suites/s.yaml:6: pool: '0': expected a number, or <vertical>x<horizontal>, from 1"},
    {SHAPE("pool: 2,\n     pool_stride: 2x"),
     "suites/s.yaml:7: pool_stride: '2x': expected a number, or <vertical>x<horizontal>, from 1"},
    {SHAPE("pool: 2, pool_pad: 1,\n     pool_pads: [1, 1, 1, 1]"),
     "suites/s.yaml:7: pool_pad and pool_pads: expected one of them"},
    {SHAPE("pool: 2, pool_pads: [1, 1, 1]"), "suites/s.yaml:6: pool_pads: 3 items: expected 4"},
    {SHAPE("pool: 2, pool_pad: x"), "suites/s.yaml:6: pool_pad: 'x': expected a decimal integer of 32 bits"},
    {SHAPE("kernel: 1,\n     pool_stride: 2"), "suites/s.yaml:7: layer 'x': pool_stride without pool: expected both"},
    {SHAPE("pool_pad: 0"), "suites/s.yaml:6: layer 'x': pool_pad without pool: expected both"},
    {SHAPE("pool_pads: [0, 0, 0, 0]"), "suites/s.yaml:6: layer 'x': pool_pads without pool: expected both"},
    {SHAPE("kernel: 1,\n     pool: 2, pool_pad: 2"),
     "suites/s.yaml:7: layer 'x': pool's padding not below its kernel: got 2, limit 1"},
    {SHAPE("pool: 2, pool_pad: -1"), "suites/s.yaml:6: layer 'x': pool's top padding below 0: got -1, limit 0"},
    {SHAPE("pool: 65"), "suites/s.yaml:6: layer 'x': pool's kernel height above 64: got 65, limit 64"},
    {SHAPE("pool: 5x5"), "suites/s.yaml:6: layer 'x': pool's kernel wider than the padded ofmap: got 5, limit 4"},
    {SHAPE("pool: 2, raw: true"), "suites/s.yaml:6: layer 'x': max-pooling of raw sums: got 1, limit 0"},
    {SHAPE("pools: 2"),
     "suites/s.yaml:6: unknown key 'pools': expected one of name, h, w, c_in, c_out, kernel, stride, "
     "dilation, pad, pads, groups, pool, pool_stride, pool_pad, pool_pads, act, raw, rounding"},
    {HEAD SHAPES "runs:\n  - shapes: [pooled]\n" VARIANTS,
     "suites/s.yaml:10: run selects nothing: expected networks, shapes or chains with a conv or fc layer"},
    {HEAD SHAPES "runs:\n  - shapes: [all]\n    without: [q]\n" VARIANTS,
     "suites/s.yaml:11: unknown shape 'q': expected one of this suite"},
    {HEAD SHAPES "runs:\n  - shapes: [pooled, x]\n" VARIANTS,
     "suites/s.yaml:10: unknown shape 'pooled': expected one of this suite"},
    {HEAD POOLED "chains:\n  - {name: c, layers: [shapes/x, shapes/z]}\nruns:\n  - chains: [c]\n" VARIANTS,
     "suites/s.yaml:10: layer 'z' takes 8x8x6: expected the 3x4x2 of 'x'"},
    {HEAD SHAPES "runs:\n  - shapes: [x]\n    variants: [{name: v, configs: [a]}, {name: v, configs: [b]}]\n",
     "suites/s.yaml:11: variant 'v' a second time: expected it once"},
    {HEAD SHAPES "runs:\n  - shapes: [x]\n    variants: [{name: v, configs: [a, a]}]\n",
     "suites/s.yaml:11: 'a' a second time: expected it once"},
};

static void test_refused_suites(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof(refused_suites) / sizeof(refused_suites[0]); i++) {
        const char *text = refused_suites[i].text;
        struct bt_error err = {""};
        struct bt_suite *suite = NULL;
        const enum bt_status status = bt_suite_parse("suites/s.yaml", text, strlen(text), &suite, &err);
        if (status != BT_EINPUT || strcmp(err.text, refused_suites[i].message) != 0) {
            print_error("case %zu: status %d\n  expected %s\n  got      %s\n", i, (int)status,
                        refused_suites[i].message, err.text);
            wrong++;
        }
        assert_null(suite);
    }
    assert_int_equal(wrong, 0);
}

static void test_no_networks_folder(void **state)
{
    (void)state;
    static const char text[] = HEAD "runs:\n  - networks: [all]\n" VARIANTS;
    struct bt_error err = {""};
    struct bt_suite *suite = NULL;
    assert_int_equal(bt_suite_parse("nowhere/s.yaml", text, strlen(text), &suite, &err), BT_EINPUT);
    assert_string_equal(err.text, "nowhere/s.yaml:6: networks: none found: expected some in networks/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_and_full),   cmocka_unit_test(test_smoke),
        cmocka_unit_test(test_configs),        cmocka_unit_test(test_refused_configs),
        cmocka_unit_test(test_os_array),       cmocka_unit_test(test_selection),
        cmocka_unit_test(test_kinds),          cmocka_unit_test(test_pooled),
        cmocka_unit_test(test_same),           cmocka_unit_test(test_same_pool),
        cmocka_unit_test(test_refused_suites), cmocka_unit_test(test_no_networks_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
