#include "harness/suite.h"

#include <assert.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/conv_yaml.h"
#include "harness/layer_pool.h"
#include "harness/model.h"
#include "harness/yaml_load.h"
#include "reference/common/bt_conv2d.h"

#define NAME_BYTES 255
#define MAX_SHAPES 1024
#define MAX_CHAINS 256
#define MAX_CHAIN_LAYERS 64
#define MAX_RUNS 64
#define MAX_NAMES 1024 /* in one list */
#define MAX_STALL 90   /* percent; at 100 nothing would ever move */

/* ---- the file as written ---- */

enum selection { SELECT_ALL, SELECT_DISTINCT, SELECT_CHAINED };

struct shape_yaml {
    char *name;
    int32_t h, w, c_in;
    struct bt_conv_yaml conv;
    struct bt_pool_yaml pool;
    int act;
    bool raw;
    int rounding;
};

struct chain_yaml {
    char *name;
    char **layers; /* <network or shapes>/<layer> */
    uint32_t layers_count;
};

struct wanted_yaml {
    char *name;
    char **configs;
    uint32_t configs_count;
};

struct run_yaml {
    char **networks, **shapes, **without, **chains;
    uint32_t networks_count, shapes_count, without_count, chains_count;
    int layers;
    int dtype, structure;
    uint32_t sparsity;
    uint32_t images;
    uint32_t *accuracy_images, model_images;
    double *max_accuracy_drop;
    struct wanted_yaml *variants;
    uint32_t variants_count;
    int *patterns;
    uint32_t patterns_count;
    uint32_t *stalls;
    uint32_t stalls_count;
};

struct suite_yaml {
    char *name, *summary;
    uint64_t seed;
    int *engines;
    uint32_t engines_count;
    struct shape_yaml *shapes;
    uint32_t shapes_count;
    struct chain_yaml *chains;
    uint32_t chains_count;
    struct run_yaml *runs;
    uint32_t runs_count;
};

static const cyaml_strval_t engine_words[BT_ENGINE_COUNT] = {
    {"ref", BT_ENGINE_REF},       {"model", BT_ENGINE_MODEL},   {"rtl", BT_ENGINE_RTL},
    {"cycles", BT_ENGINE_CYCLES}, {"iss:sw", BT_ENGINE_ISS_SW}, {"iss:accel", BT_ENGINE_ISS_ACCEL}};
static const cyaml_strval_t pattern_words[BT_PATTERN_COUNT] = {{"uniform", BT_PATTERN_UNIFORM},
                                                               {"min", BT_PATTERN_MIN},
                                                               {"ties", BT_PATTERN_TIES},
                                                               {"extreme_zp", BT_PATTERN_EXTREME_ZP}};
static const cyaml_strval_t rounding_words[] = {{"double", BT_ROUND_DOUBLE}, {"single", BT_ROUND_SINGLE}};
static const cyaml_strval_t dtype_words[] = {{"int8", BT_S8}, {"int16", BT_S16}};
static const cyaml_strval_t structure_words[BT_STRUCTURE_COUNT] = {
    {"random", BT_STRUCTURE_RANDOM}, {"filter", BT_STRUCTURE_FILTER}, {"channel", BT_STRUCTURE_CHANNEL}};
static const cyaml_strval_t selection_words[] = {
    {"all", SELECT_ALL}, {"distinct", SELECT_DISTINCT}, {"chained", SELECT_CHAINED}};

static const cyaml_schema_value_t name_schema = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, NAME_BYTES)};
static const cyaml_schema_value_t engine_schema = {
    CYAML_VALUE_ENUM(CYAML_FLAG_STRICT, int, engine_words, BT_ENGINE_COUNT)};
static const cyaml_schema_value_t pattern_schema = {
    CYAML_VALUE_ENUM(CYAML_FLAG_STRICT, int, pattern_words, BT_PATTERN_COUNT)};
static const cyaml_schema_value_t stall_schema = {CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint32_t)};

static const cyaml_schema_field_t shape_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct shape_yaml, name, 0, NAME_BYTES),
    CYAML_FIELD_INT("h", CYAML_FLAG_DEFAULT, struct shape_yaml, h),
    CYAML_FIELD_INT("w", CYAML_FLAG_DEFAULT, struct shape_yaml, w),
    CYAML_FIELD_INT("c_in", CYAML_FLAG_DEFAULT, struct shape_yaml, c_in),
    BT_CONV_YAML_FIELDS(struct shape_yaml, conv),
    BT_POOL_YAML_FIELDS(struct shape_yaml, pool),
    CYAML_FIELD_ENUM("act", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct shape_yaml, act, bt_conv_yaml_acts,
                     BT_ACT_COUNT),
    CYAML_FIELD_BOOL("raw", CYAML_FLAG_OPTIONAL, struct shape_yaml, raw),
    CYAML_FIELD_ENUM("rounding", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct shape_yaml, rounding, rounding_words,
                     2),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t shape_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct shape_yaml, shape_fields)};

static const cyaml_schema_field_t chain_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct chain_yaml, name, 0, NAME_BYTES),
    CYAML_FIELD_SEQUENCE("layers", CYAML_FLAG_POINTER, struct chain_yaml, layers, &name_schema, 2, MAX_CHAIN_LAYERS),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t chain_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct chain_yaml, chain_fields)};

static const cyaml_schema_field_t wanted_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct wanted_yaml, name, 0, NAME_BYTES),
    CYAML_FIELD_SEQUENCE("configs", CYAML_FLAG_POINTER, struct wanted_yaml, configs, &name_schema, 1, MAX_NAMES),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t wanted_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct wanted_yaml, wanted_fields)};

static const cyaml_schema_field_t run_fields[] = {
    CYAML_FIELD_SEQUENCE("networks", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct run_yaml, networks, &name_schema,
                         1, MAX_NAMES),
    CYAML_FIELD_ENUM("layers", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct run_yaml, layers, selection_words, 3),
    CYAML_FIELD_SEQUENCE("shapes", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct run_yaml, shapes, &name_schema, 1,
                         MAX_NAMES),
    CYAML_FIELD_SEQUENCE("without", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct run_yaml, without, &name_schema, 1,
                         MAX_NAMES),
    CYAML_FIELD_SEQUENCE("chains", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct run_yaml, chains, &name_schema, 1,
                         MAX_NAMES),
    CYAML_FIELD_ENUM("dtype", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct run_yaml, dtype, dtype_words, 2),
    CYAML_FIELD_UINT("sparsity", CYAML_FLAG_OPTIONAL, struct run_yaml, sparsity),
    CYAML_FIELD_ENUM("structure", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct run_yaml, structure, structure_words,
                     BT_STRUCTURE_COUNT),
    CYAML_FIELD_UINT("images", CYAML_FLAG_OPTIONAL, struct run_yaml, images),
    CYAML_FIELD_UINT_PTR("accuracy_images", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct run_yaml, accuracy_images),
    CYAML_FIELD_UINT("model_images", CYAML_FLAG_OPTIONAL, struct run_yaml, model_images),
    CYAML_FIELD_FLOAT_PTR("max_accuracy_drop", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct run_yaml,
                          max_accuracy_drop),
    CYAML_FIELD_SEQUENCE("variants", CYAML_FLAG_POINTER, struct run_yaml, variants, &wanted_schema, 1, MAX_NAMES),
    CYAML_FIELD_SEQUENCE("patterns", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct run_yaml, patterns,
                         &pattern_schema, 1, BT_PATTERN_COUNT),
    CYAML_FIELD_SEQUENCE("stalls", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct run_yaml, stalls, &stall_schema, 1,
                         MAX_STALL + 1),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t run_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct run_yaml, run_fields)};

static const cyaml_schema_field_t suite_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct suite_yaml, name, 0, NAME_BYTES),
    CYAML_FIELD_STRING_PTR("summary", CYAML_FLAG_POINTER, struct suite_yaml, summary, 1, NAME_BYTES),
    CYAML_FIELD_UINT("seed", CYAML_FLAG_DEFAULT, struct suite_yaml, seed),
    CYAML_FIELD_SEQUENCE("engines", CYAML_FLAG_POINTER, struct suite_yaml, engines, &engine_schema, 1, BT_ENGINE_COUNT),
    CYAML_FIELD_SEQUENCE("shapes", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct suite_yaml, shapes, &shape_schema,
                         1, MAX_SHAPES),
    CYAML_FIELD_SEQUENCE("chains", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct suite_yaml, chains, &chain_schema,
                         1, MAX_CHAINS),
    CYAML_FIELD_SEQUENCE("runs", CYAML_FLAG_POINTER, struct suite_yaml, runs, &run_schema, 1, MAX_RUNS),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t suite_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct suite_yaml, suite_fields)};

const char *bt_pattern_name(enum bt_pattern pattern)
{
    assert((unsigned)pattern < BT_PATTERN_COUNT);
    return pattern_words[pattern].str;
}

const char *bt_dtype_name(unsigned dtype)
{
    return dtype < sizeof(dtype_words) / sizeof(dtype_words[0]) ? dtype_words[dtype].str : NULL;
}

void bt_suite_layer_format(struct bt_suite_layer *layer, enum bt_dtype dtype)
{
    struct bt_conv2d *conv = &layer->work.u.conv;
    layer->work.dtype = dtype;
    if (dtype == BT_S16) {
        conv->act_min = conv->act_min == INT8_MIN ? INT16_MIN : 0;
        conv->act_max = INT16_MAX;
        conv->rounding = BT_ROUND_DOUBLE; /* ignored: layers that differ in it alone are the same */
    }
}

static bool same_pool(const struct bt_maxpool *a, const struct bt_maxpool *b)
{
    return a->kh == b->kh && a->kw == b->kw && a->stride_h == b->stride_h && a->stride_w == b->stride_w &&
           a->pad_top == b->pad_top && a->pad_bottom == b->pad_bottom && a->pad_left == b->pad_left &&
           a->pad_right == b->pad_right;
}

bool bt_layer_same(const struct bt_layer *a, const struct bt_layer *b)
{
    const struct bt_conv2d *x = &a->u.conv;
    const struct bt_conv2d *y = &b->u.conv;
    return a->op == b->op && a->dtype == b->dtype && x->n == y->n && x->h == y->h && x->w == y->w &&
           x->c_in == y->c_in && x->c_out == y->c_out && x->kh == y->kh && x->kw == y->kw &&
           x->stride_h == y->stride_h && x->stride_w == y->stride_w && x->dil_h == y->dil_h && x->dil_w == y->dil_w &&
           x->pad_top == y->pad_top && x->pad_bottom == y->pad_bottom && x->pad_left == y->pad_left &&
           x->pad_right == y->pad_right && x->groups == y->groups && x->rounding == y->rounding &&
           x->table == y->table && x->raw == y->raw && same_pool(&a->pool, &b->pool);
}

/* ---- what the steps share ---- */

struct context {
    const struct bt_yaml *yaml;
    const struct suite_yaml *raw;
    struct bt_suite *suite;
    struct bt_suite_layer *shapes; /* one per shape of the file */
    struct bt_suite_chain *chains; /* one per chain of the file; runs get copies */
    struct bt_error *err;
};

static enum bt_status out_of_memory(const struct context *context)
{
    return bt_fail(context->err, BT_ENOMEM, "%s: out of memory", bt_yaml_path(context->yaml));
}

/* Two equal names in a list would run the same thing twice. */
static enum bt_status check_unique(const struct context *context, bt_yaml_node list, char *const *names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(names[i], names[k]) == 0) {
                return bt_yaml_fail(context->yaml, bt_yaml_item(context->yaml, list, i), context->err,
                                    "'%.60s' a second time: expected it once", names[i]);
            }
        }
    }
    return BT_OK;
}

static bool is_word(char *const *names, uint32_t count, const char *word)
{
    return count == 1 && strcmp(names[0], word) == 0;
}

static bool is_among(char *const *names, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* [all] stands for everything there is. */
static bool is_all(char *const *names, uint32_t count)
{
    return is_word(names, count, "all");
}

/* ---- networks ---- */

static const struct bt_network *loaded_network(const struct bt_suite *suite, const char *name)
{
    for (uint32_t i = 0; i < suite->network_count; i++) {
        if (strcmp(suite->networks[i]->name, name) == 0) {
            return suite->networks[i];
        }
    }
    return NULL;
}

/* Path of a file in a folder beside the suite's; false when it does not fit. */
static bool beside(const struct context *context, const char *kind, const char *name, char *path, size_t bytes)
{
    const char *suite = bt_yaml_path(context->yaml);
    const char *slash = strrchr(suite, '/');
    const int folder = slash == NULL ? 0 : (int)(slash - suite) + 1;
    const int length = snprintf(path, bytes, "%.*s%s/%s.yaml", folder, suite, kind, name);
    return length > 0 && (size_t)length < bytes;
}

/* Loads a network once; `at` is where its name stands. */
static enum bt_status need_network(const struct context *context, bt_yaml_node at, const char *name,
                                   const struct bt_network **network)
{
    struct bt_suite *suite = context->suite;
    *network = loaded_network(suite, name);
    if (*network != NULL) {
        return BT_OK;
    }
    char path[4096];
    char model[4096];
    enum bt_status status = bt_yaml_check_name(context->yaml, at, name, BT_MAX_NAME, context->err);
    if (status != BT_OK) {
        return status;
    }
    if (!beside(context, "networks", name, path, sizeof(path)) ||
        !beside(context, "models", name, model, sizeof(model))) {
        return bt_yaml_fail(context->yaml, at, context->err, "network '%s': path too long: expected a shorter one",
                            name);
    }
    const bool table = access(path, R_OK) == 0;
    if (!table && access(model, R_OK) != 0) {
        return bt_yaml_fail(context->yaml, at, context->err, "unknown network '%s': expected a file %.200s", name,
                            path);
    }
    struct bt_network **grown = realloc(suite->networks, (suite->network_count + 1) * sizeof(struct bt_network *));
    if (grown == NULL) {
        return out_of_memory(context);
    }
    suite->networks = grown;
    status = table ? bt_network_load(path, &suite->networks[suite->network_count], context->err)
                   : bt_network_load_card(model, &suite->networks[suite->network_count], context->err);
    if (status != BT_OK) {
        return status;
    }
    *network = suite->networks[suite->network_count++];
    return BT_OK;
}

/* Loads the networks of a run, or every one beside the suite, in the order of the names. */
static enum bt_status need_networks(const struct context *context, bt_yaml_node list, const struct run_yaml *raw,
                                    const struct bt_network ***networks, uint32_t *count)
{
    enum bt_status status = BT_OK;
    glob_t files = {0};
    const struct bt_network **made = NULL;
    const bool all = is_all(raw->networks, raw->networks_count);
    char pattern[4096];
    if (all && (!beside(context, "networks", "*", pattern, sizeof(pattern)) || glob(pattern, 0, NULL, &files) != 0)) {
        status = bt_yaml_fail(context->yaml, list, context->err, "networks: none found: expected some in networks/");
        goto cleanup;
    }
    const size_t wanted = all ? files.gl_pathc : raw->networks_count;
    made = calloc(wanted + 1, sizeof(struct bt_network *));
    if (made == NULL) {
        status = out_of_memory(context);
        goto cleanup;
    }
    for (size_t i = 0; i < wanted && status == BT_OK; i++) {
        char name[NAME_BYTES + 1];
        if (all) {
            const char *slash = strrchr(files.gl_pathv[i], '/');
            const char *base = slash == NULL ? files.gl_pathv[i] : slash + 1;
            (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(base, "."), base);
        } else {
            (void)snprintf(name, sizeof(name), "%s", raw->networks[i]);
        }
        const bt_yaml_node at = all ? list : bt_yaml_item(context->yaml, list, (uint32_t)i);
        status = need_network(context, at, name, &made[i]);
    }
    if (status == BT_OK) {
        *networks = made;
        *count = (uint32_t)wanted;
        made = NULL;
    }

cleanup:
    free(made);
    globfree(&files);
    return status;
}

/* ---- shapes and chains of the file ---- */

static enum bt_status make_shape(const struct context *context, bt_yaml_node at, const struct shape_yaml *raw,
                                 struct bt_suite_layer *shape)
{
    const bt_yaml_node name = bt_yaml_get(context->yaml, at, "name");
    enum bt_status status = bt_yaml_check_name(context->yaml, name, raw->name, BT_MAX_NAME, context->err);
    if (status != BT_OK) {
        return status;
    }
    struct bt_conv2d *conv = &shape->work.u.conv;
    status = bt_conv_yaml_geometry(context->yaml, at, raw->name, &raw->conv, raw->h, raw->w, raw->c_in,
                                   (enum bt_act)raw->act, conv, context->err);
    if (status != BT_OK) {
        return status;
    }
    if (raw->raw && raw->act != BT_ACT_NONE) {
        return bt_yaml_fail(context->yaml, at, context->err, "shape '%s': raw and act: expected one of them",
                            raw->name);
    }
    conv->raw = raw->raw;
    conv->rounding = (enum bt_rounding)raw->rounding;
    shape->network = BT_SHAPES;
    shape->layer = raw->name;
    shape->work.op = BT_OP_CONV2D;
    shape->work.dtype = BT_S8;
    shape->act = (enum bt_act)raw->act;
    shape->same = 1;
    return bt_conv_yaml_pool(context->yaml, at, raw->name, &raw->pool, &shape->work, context->err);
}

static const struct bt_suite_layer *find_shape(const struct context *context, const char *name)
{
    for (uint32_t i = 0; i < context->raw->shapes_count; i++) {
        if (strcmp(context->raw->shapes[i].name, name) == 0) {
            return &context->shapes[i];
        }
    }
    return NULL;
}

static enum bt_status make_shapes(struct context *context)
{
    const bt_yaml_node list = bt_yaml_get(context->yaml, BT_YAML_ROOT, "shapes");
    context->shapes = calloc((size_t)context->raw->shapes_count + 1, sizeof(*context->shapes));
    if (context->shapes == NULL) {
        return out_of_memory(context);
    }
    for (uint32_t i = 0; i < context->raw->shapes_count; i++) {
        const struct shape_yaml *raw = &context->raw->shapes[i];
        const bt_yaml_node at = bt_yaml_item(context->yaml, list, i);
        if (find_shape(context, raw->name) != &context->shapes[i]) {
            return bt_yaml_fail(context->yaml, at, context->err, "shape '%.60s' a second time: expected a unique name",
                                raw->name);
        }
        const enum bt_status status = make_shape(context, at, raw, &context->shapes[i]);
        if (status != BT_OK) {
            return status;
        }
    }
    return BT_OK;
}

static struct bt_suite_layer network_layer(const struct bt_network *network, const struct bt_node *node)
{
    return (struct bt_suite_layer){
        .network = network->name, .layer = node->name, .work = bt_node_layer(node), .act = node->act, .same = 1};
}

/* "<network>/<layer>", or "shapes/<shape>". */
static enum bt_status find_layer(const struct context *context, bt_yaml_node at, const char *reference,
                                 struct bt_suite_layer *layer)
{
    char network_name[NAME_BYTES + 1];
    const char *slash = strchr(reference, '/');
    if (slash == NULL) {
        return bt_yaml_fail(context->yaml, at, context->err,
                            "layer '%.60s': expected <network>/<layer> or " BT_SHAPES "/<shape>", reference);
    }
    (void)snprintf(network_name, sizeof(network_name), "%.*s", (int)(slash - reference), reference);
    const char *name = slash + 1;
    if (strcmp(network_name, BT_SHAPES) == 0) {
        const struct bt_suite_layer *shape = find_shape(context, name);
        if (shape == NULL) {
            return bt_yaml_fail(context->yaml, at, context->err, "unknown shape '%.60s': expected one of this suite",
                                name);
        }
        *layer = *shape;
        return BT_OK;
    }
    const struct bt_network *network = NULL;
    const enum bt_status status = need_network(context, at, network_name, &network);
    if (status != BT_OK) {
        return status;
    }
    const struct bt_node *node = bt_network_find(network, name);
    if (node == NULL || !bt_node_is_layer(node)) {
        return bt_yaml_fail(context->yaml, at, context->err, "unknown layer '%.60s': expected a conv or fc of %s", name,
                            network_name);
    }
    *layer = network_layer(network, node);
    return BT_OK;
}

/* A layer of a chain reads what the one before wrote. */
static enum bt_status check_link(const struct context *context, bt_yaml_node at, const struct bt_suite_layer *from,
                                 const struct bt_suite_layer *to)
{
    const struct bt_conv2d *out = &from->work.u.conv;
    const struct bt_conv2d *in = &to->work.u.conv;
    if (out->raw) {
        return bt_yaml_fail(context->yaml, at, context->err,
                            "layer '%s' follows '%s', whose output is raw: expected int8", to->layer, from->layer);
    }
    const int32_t oh = bt_layer_oh(&from->work);
    const int32_t ow = bt_layer_ow(&from->work);
    if (in->h != oh || in->w != ow || in->c_in != out->c_out) {
        return bt_yaml_fail(context->yaml, at, context->err, "layer '%s' takes %dx%dx%d: expected the %dx%dx%d of '%s'",
                            to->layer, in->h, in->w, in->c_in, oh, ow, out->c_out, from->layer);
    }
    return BT_OK;
}

static enum bt_status make_chain(const struct context *context, bt_yaml_node at, const struct chain_yaml *raw,
                                 struct bt_suite_chain *chain)
{
    const bt_yaml_node list = bt_yaml_get(context->yaml, at, "layers");
    enum bt_status status =
        bt_yaml_check_name(context->yaml, bt_yaml_get(context->yaml, at, "name"), raw->name, BT_MAX_NAME, context->err);
    if (status != BT_OK) {
        return status;
    }
    chain->name = raw->name;
    chain->layers = calloc(raw->layers_count, sizeof(*chain->layers));
    if (chain->layers == NULL) {
        return out_of_memory(context);
    }
    for (uint32_t i = 0; i < raw->layers_count && status == BT_OK; i++) {
        const bt_yaml_node item = bt_yaml_item(context->yaml, list, i);
        status = find_layer(context, item, raw->layers[i], &chain->layers[i]);
        if (status == BT_OK && i > 0) {
            status = check_link(context, item, &chain->layers[i - 1], &chain->layers[i]);
        }
        chain->count = i + 1;
    }
    return status;
}

static const struct bt_suite_chain *find_chain(const struct context *context, const char *name)
{
    for (uint32_t i = 0; i < context->raw->chains_count; i++) {
        if (strcmp(context->raw->chains[i].name, name) == 0) {
            return &context->chains[i];
        }
    }
    return NULL;
}

static enum bt_status make_chains(struct context *context)
{
    const bt_yaml_node list = bt_yaml_get(context->yaml, BT_YAML_ROOT, "chains");
    context->chains = calloc((size_t)context->raw->chains_count + 1, sizeof(*context->chains));
    if (context->chains == NULL) {
        return out_of_memory(context);
    }
    for (uint32_t i = 0; i < context->raw->chains_count; i++) {
        const struct chain_yaml *raw = &context->raw->chains[i];
        const bt_yaml_node at = bt_yaml_item(context->yaml, list, i);
        if (find_chain(context, raw->name) != &context->chains[i]) {
            return bt_yaml_fail(context->yaml, at, context->err, "chain '%.60s' a second time: expected a unique name",
                                raw->name);
        }
        const enum bt_status status = make_chain(context, at, raw, &context->chains[i]);
        if (status != BT_OK) {
            return status;
        }
    }
    return BT_OK;
}

/* ---- runs ---- */

/* Appends, or counts where `distinct` and the same work is already in the run. */
static void add_layer(struct bt_suite_run *run, const struct bt_suite_layer *layer, bool distinct)
{
    struct bt_suite_layer formatted = *layer;
    bt_suite_layer_format(&formatted, run->dtype);
    for (uint32_t i = 0; distinct && i < run->layer_count; i++) {
        if (bt_layer_same(&run->layers[i].work, &formatted.work)) {
            run->layers[i].same++;
            return;
        }
    }
    run->layers[run->layer_count++] = formatted;
}

enum bt_status bt_suite_whole(const struct bt_network *network, bool accuracy, struct bt_suite_chain *chain)
{
    struct bt_suite_layer *layers = calloc(network->count + (size_t)1, sizeof(*layers));
    if (layers == NULL) {
        return BT_ENOMEM;
    }
    for (uint32_t i = 1; i < network->count; i++) {
        const struct bt_node *node = &network->nodes[i];
        layers[i - 1] = (struct bt_suite_layer){
            .network = network->name, .layer = node->name, .work = bt_node_layer(node), .act = node->act, .same = 1};
    }
    layers[network->count - 1] = (struct bt_suite_layer){
        .network = network->name, .layer = BT_ACCURACY, .work = {.op = BT_OP_INPUT, .dtype = BT_S8}, .same = 1};
    *chain = (struct bt_suite_chain){.name = BT_CHAINED,
                                     .network = network,
                                     .count = accuracy ? network->count : network->count - 1,
                                     .layers = layers};
    return BT_OK;
}

static enum bt_status run_whole(const struct context *context, const struct bt_network *const *networks, uint32_t count,
                                struct bt_suite_run *run)
{
    run->chains = calloc((size_t)count + context->raw->chains_count + 1, sizeof(*run->chains));
    if (run->chains == NULL) {
        return out_of_memory(context);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (bt_suite_whole(networks[i], run->pictures.accuracy && networks[i]->card != NULL,
                           &run->chains[run->chain_count]) != BT_OK) {
            return out_of_memory(context);
        }
        run->chain_count++;
    }
    return BT_OK;
}

/* Number format and pruning. */
static enum bt_status run_kind(const struct context *context, bt_yaml_node at, const struct run_yaml *raw,
                               struct bt_suite_run *run)
{
    run->dtype = (enum bt_dtype)raw->dtype;
    run->pruning = (struct bt_pruning){raw->sparsity, (enum bt_structure)raw->structure};
    if (raw->layers == SELECT_CHAINED && run->dtype != BT_S8) {
        return bt_yaml_fail(context->yaml, bt_yaml_get(context->yaml, at, "dtype"), context->err,
                            "dtype %s with layers: chained: expected int8, whole networks have no other",
                            bt_dtype_name(run->dtype));
    }
    if (raw->sparsity > BT_MOST_SPARSITY) {
        return bt_yaml_fail(context->yaml, bt_yaml_get(context->yaml, at, "sparsity"), context->err,
                            "sparsity of %u percent: expected 0 to %d", raw->sparsity, BT_MOST_SPARSITY);
    }
    if (raw->sparsity == 0 && run->pruning.structure != BT_STRUCTURE_RANDOM) {
        return bt_yaml_fail(context->yaml, bt_yaml_get(context->yaml, at, "structure"), context->err,
                            "structure %s without sparsity: expected both", bt_structure_name(run->pruning.structure));
    }
    return BT_OK;
}

/* Pictures of whole networks, and their accuracy. */
static enum bt_status run_pictures(const struct context *context, bt_yaml_node at, const struct run_yaml *raw,
                                   struct bt_suite_run *run)
{
    const bool accuracy = raw->accuracy_images != NULL;
    const char *key = raw->images != 0                 ? "images"
                      : accuracy                       ? "accuracy_images"
                      : raw->model_images != 0         ? "model_images"
                      : raw->max_accuracy_drop != NULL ? "max_accuracy_drop"
                                                       : NULL;
    run->pictures = (struct bt_pictures){
        .images = raw->images,
        .accuracy = accuracy,
        .accuracy_images = accuracy ? *raw->accuracy_images : 0,
        .model_images = raw->model_images,
        .max_drop = raw->max_accuracy_drop != NULL ? *raw->max_accuracy_drop : -1,
    };
    if (key != NULL && raw->layers != SELECT_CHAINED) {
        return bt_yaml_fail(context->yaml, bt_yaml_get(context->yaml, at, key), context->err,
                            "%s without layers: chained: expected both", key);
    }
    if (!accuracy && (raw->model_images != 0 || raw->max_accuracy_drop != NULL)) {
        return bt_yaml_fail(context->yaml, bt_yaml_get(context->yaml, at, key), context->err,
                            "%s without accuracy_images: expected both", key);
    }
    if (raw->max_accuracy_drop != NULL && !(run->pictures.max_drop >= 0 && run->pictures.max_drop <= 100)) {
        return bt_yaml_fail(context->yaml, bt_yaml_get(context->yaml, at, "max_accuracy_drop"), context->err,
                            "max_accuracy_drop of %g: expected 0 to 100 points", run->pictures.max_drop);
    }
    return BT_OK;
}

static enum bt_status run_layers(const struct context *context, bt_yaml_node at, const struct run_yaml *raw,
                                 struct bt_suite_run *run)
{
    const bt_yaml_node networks_list = bt_yaml_get(context->yaml, at, "networks");
    const bt_yaml_node shapes_list = bt_yaml_get(context->yaml, at, "shapes");
    const struct bt_network **networks = NULL;
    uint32_t network_count = 0;
    enum bt_status status = check_unique(context, networks_list, raw->networks, raw->networks_count);
    if (status == BT_OK) {
        status = check_unique(context, shapes_list, raw->shapes, raw->shapes_count);
    }
    if (status == BT_OK && raw->networks != NULL) {
        status = need_networks(context, networks_list, raw, &networks, &network_count);
    }
    if (status != BT_OK) {
        goto cleanup;
    }
    size_t most = context->raw->shapes_count;
    for (uint32_t i = 0; i < network_count; i++) {
        most += networks[i]->count;
    }
    run->layers = calloc(most + 1, sizeof(*run->layers));
    if (run->layers == NULL) {
        status = out_of_memory(context);
        goto cleanup;
    }
    if (raw->layers == SELECT_CHAINED) {
        status = run_whole(context, networks, network_count, run);
        if (status != BT_OK) {
            goto cleanup;
        }
        network_count = 0;
    }
    for (uint32_t i = 0; i < network_count; i++) {
        for (uint32_t k = 0; k < networks[i]->count; k++) {
            const struct bt_node *node = &networks[i]->nodes[k];
            if (bt_node_is_layer(node)) {
                const struct bt_suite_layer layer = network_layer(networks[i], node);
                add_layer(run, &layer, raw->layers == SELECT_DISTINCT);
            }
        }
    }
    /* Not every variant pools: the shapes that do, and those that do not, can be asked for apart. */
    const bool pooled = is_word(raw->shapes, raw->shapes_count, "pooled");
    const bool unpooled = is_word(raw->shapes, raw->shapes_count, "unpooled");
    const bool all = pooled || unpooled || is_all(raw->shapes, raw->shapes_count);
    const uint32_t shapes = all ? context->raw->shapes_count : raw->shapes_count;
    for (uint32_t i = 0; i < raw->without_count; i++) {
        if (find_shape(context, raw->without[i]) == NULL) {
            const bt_yaml_node without = bt_yaml_get(context->yaml, at, "without");
            status = bt_yaml_fail(context->yaml, bt_yaml_item(context->yaml, without, i), context->err,
                                  "unknown shape '%.60s': expected one of this suite", raw->without[i]);
            goto cleanup;
        }
    }
    for (uint32_t i = 0; i < shapes; i++) {
        const struct bt_suite_layer *shape = all ? &context->shapes[i] : find_shape(context, raw->shapes[i]);
        if (shape == NULL) {
            status = bt_yaml_fail(context->yaml, bt_yaml_item(context->yaml, shapes_list, i), context->err,
                                  "unknown shape '%.60s': expected one of this suite", raw->shapes[i]);
            goto cleanup;
        }
        if ((bt_layer_pools(&shape->work) && unpooled) || (!bt_layer_pools(&shape->work) && pooled) ||
            is_among(raw->without, raw->without_count, shape->layer)) {
            continue;
        }
        add_layer(run, shape, false);
    }

cleanup:
    free(networks);
    return status;
}

static enum bt_status run_chains(const struct context *context, bt_yaml_node at, const struct run_yaml *raw,
                                 struct bt_suite_run *run)
{
    const bt_yaml_node list = bt_yaml_get(context->yaml, at, "chains");
    const bool all = is_all(raw->chains, raw->chains_count);
    const uint32_t count = all ? context->raw->chains_count : raw->chains_count;
    enum bt_status status = check_unique(context, list, raw->chains, raw->chains_count);
    if (status != BT_OK) {
        return status;
    }
    /* Whole networks may be there already; room for these was made with them. */
    run->chains = run->chains != NULL ? run->chains : calloc((size_t)count + 1, sizeof(*run->chains));
    if (run->chains == NULL) {
        return out_of_memory(context);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct bt_suite_chain *chain = all ? &context->chains[i] : find_chain(context, raw->chains[i]);
        if (chain == NULL) {
            return bt_yaml_fail(context->yaml, bt_yaml_item(context->yaml, list, i), context->err,
                                "unknown chain '%.60s': expected one of this suite", raw->chains[i]);
        }
        struct bt_suite_chain *made = &run->chains[run->chain_count++];
        made->name = chain->name;
        made->layers = calloc(chain->count, sizeof(*made->layers));
        if (made->layers == NULL) {
            return out_of_memory(context);
        }
        made->count = chain->count;
        memcpy(made->layers, chain->layers, chain->count * sizeof(*made->layers));
        for (uint32_t k = 0; k < made->count; k++) {
            bt_suite_layer_format(&made->layers[k], run->dtype);
        }
    }
    return BT_OK;
}

static enum bt_status run_variants(const struct context *context, bt_yaml_node at, const struct run_yaml *raw,
                                   struct bt_suite_run *run)
{
    const bt_yaml_node list = bt_yaml_get(context->yaml, at, "variants");
    run->variants = calloc(raw->variants_count, sizeof(*run->variants));
    if (run->variants == NULL) {
        return out_of_memory(context);
    }
    for (uint32_t i = 0; i < raw->variants_count; i++) {
        const struct wanted_yaml *wanted = &raw->variants[i];
        const bt_yaml_node item = bt_yaml_item(context->yaml, list, i);
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(raw->variants[k].name, wanted->name) == 0) {
                return bt_yaml_fail(context->yaml, item, context->err,
                                    "variant '%.60s' a second time: expected it once", wanted->name);
            }
        }
        const enum bt_status status =
            check_unique(context, bt_yaml_get(context->yaml, item, "configs"), wanted->configs, wanted->configs_count);
        if (status != BT_OK) {
            return status;
        }
        const bool all = is_all(wanted->configs, wanted->configs_count);
        run->variants[run->variant_count++] = (struct bt_suite_variant){
            .variant = wanted->name,
            .config_count = all ? 0 : wanted->configs_count,
            .configs = all ? NULL : wanted->configs,
            .line = bt_yaml_line(context->yaml, item),
        };
    }
    return BT_OK;
}

/* Patterns and stalls; uniform data without stalls where nothing is said. */
static enum bt_status run_data(const struct context *context, bt_yaml_node at, const struct run_yaml *raw,
                               struct bt_suite_run *run)
{
    const bt_yaml_node patterns = bt_yaml_get(context->yaml, at, "patterns");
    const bt_yaml_node stalls = bt_yaml_get(context->yaml, at, "stalls");
    const uint32_t pattern_count = raw->patterns == NULL ? 0 : raw->patterns_count;
    const uint32_t stall_count = raw->stalls == NULL ? 0 : raw->stalls_count;
    run->patterns[0] = BT_PATTERN_UNIFORM;
    run->pattern_count = pattern_count == 0 ? 1 : 0;
    for (uint32_t i = 0; i < pattern_count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (raw->patterns[k] == raw->patterns[i]) {
                return bt_yaml_fail(context->yaml, bt_yaml_item(context->yaml, patterns, i), context->err,
                                    "pattern '%s' a second time: expected it once",
                                    bt_pattern_name((enum bt_pattern)raw->patterns[i]));
            }
        }
        run->patterns[run->pattern_count++] = (enum bt_pattern)raw->patterns[i];
    }
    run->stall_percents = calloc((size_t)stall_count + 1, sizeof(*run->stall_percents));
    if (run->stall_percents == NULL) {
        return out_of_memory(context);
    }
    run->stall_count = stall_count == 0 ? 1 : 0;
    for (uint32_t i = 0; i < stall_count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (raw->stalls[k] == raw->stalls[i]) {
                return bt_yaml_fail(context->yaml, bt_yaml_item(context->yaml, stalls, i), context->err,
                                    "stall of %u percent a second time: expected it once", raw->stalls[i]);
            }
        }
        if (raw->stalls[i] > MAX_STALL) {
            return bt_yaml_fail(context->yaml, bt_yaml_item(context->yaml, stalls, i), context->err,
                                "stall of %u percent: expected 0 to %d", raw->stalls[i], MAX_STALL);
        }
        run->stall_percents[run->stall_count++] = raw->stalls[i];
    }
    return BT_OK;
}

static enum bt_status make_runs(const struct context *context)
{
    const bt_yaml_node list = bt_yaml_get(context->yaml, BT_YAML_ROOT, "runs");
    struct bt_suite *suite = context->suite;
    suite->runs = calloc(context->raw->runs_count, sizeof(*suite->runs));
    if (suite->runs == NULL) {
        return out_of_memory(context);
    }
    for (uint32_t i = 0; i < context->raw->runs_count; i++) {
        const struct run_yaml *raw = &context->raw->runs[i];
        const bt_yaml_node at = bt_yaml_item(context->yaml, list, i);
        struct bt_suite_run *run = &suite->runs[suite->run_count++];
        enum bt_status status = run_kind(context, at, raw, run);
        if (status == BT_OK) {
            status = run_pictures(context, at, raw, run);
        }
        if (status == BT_OK) {
            status = run_layers(context, at, raw, run);
        }
        if (status == BT_OK) {
            status = run_chains(context, at, raw, run);
        }
        if (status == BT_OK) {
            status = run_variants(context, at, raw, run);
        }
        if (status == BT_OK) {
            status = run_data(context, at, raw, run);
        }
        if (status == BT_OK && run->layer_count == 0 && run->chain_count == 0) {
            status = bt_yaml_fail(context->yaml, at, context->err,
                                  "run selects nothing: expected networks, shapes or chains with a conv or fc layer");
        }
        if (status != BT_OK) {
            return status;
        }
    }
    return BT_OK;
}

/* ---- the suite ---- */

static enum bt_status make_engines(const struct context *context)
{
    const bt_yaml_node list = bt_yaml_get(context->yaml, BT_YAML_ROOT, "engines");
    for (uint32_t i = 0; i < context->raw->engines_count; i++) {
        const unsigned bit = 1u << (unsigned)context->raw->engines[i];
        if ((context->suite->engines & bit) != 0) {
            return bt_yaml_fail(context->yaml, bt_yaml_item(context->yaml, list, i), context->err,
                                "engine '%s' a second time: expected it once",
                                engine_words[context->raw->engines[i]].str);
        }
        context->suite->engines |= bit;
    }
    return BT_OK;
}

static enum bt_status make_all(struct context *context)
{
    struct bt_suite *suite = context->suite;
    enum bt_status status = bt_yaml_check_name(context->yaml, bt_yaml_get(context->yaml, BT_YAML_ROOT, "name"),
                                               context->raw->name, BT_MAX_NAME, context->err);
    if (status != BT_OK) {
        return status;
    }
    suite->name = context->raw->name;
    suite->summary = context->raw->summary;
    suite->seed = context->raw->seed;
    suite->path = strdup(bt_yaml_path(context->yaml));
    if (suite->path == NULL) {
        return out_of_memory(context);
    }
    status = make_engines(context);
    if (status == BT_OK) {
        status = make_shapes(context);
    }
    if (status == BT_OK) {
        status = make_chains(context);
    }
    return status != BT_OK ? status : make_runs(context);
}

/* Takes the yaml. */
static enum bt_status make_suite(struct bt_yaml *yaml, struct bt_suite **suite, struct bt_error *err)
{
    void *loaded = NULL;
    struct bt_suite *made = NULL;
    struct context context = {.yaml = yaml, .err = err};
    enum bt_status status = bt_yaml_load(yaml, &suite_schema, &loaded, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    made = calloc(1, sizeof(*made));
    if (made == NULL) {
        bt_yaml_release(&suite_schema, loaded);
        status = out_of_memory(&context);
        goto cleanup;
    }
    made->parsed = loaded;
    context.raw = loaded;
    context.suite = made;
    status = make_all(&context);
    if (status == BT_OK) {
        *suite = made;
        made = NULL;
    }

cleanup:
    free(context.shapes);
    for (uint32_t i = 0; context.chains != NULL && i < context.raw->chains_count; i++) {
        free(context.chains[i].layers);
    }
    free(context.chains);
    bt_suite_free(made);
    bt_yaml_close(yaml);
    return status;
}

enum bt_status bt_suite_load(const char *path, struct bt_suite **suite, struct bt_error *err)
{
    struct bt_yaml *yaml = NULL;
    enum bt_status status = bt_yaml_open(path, &yaml, err);
    if (status != BT_OK) {
        return status;
    }
    status = bt_yaml_check_stem(yaml, "name", NULL, err);
    if (status != BT_OK) {
        bt_yaml_close(yaml);
        return status;
    }
    return make_suite(yaml, suite, err);
}

enum bt_status bt_suite_parse(const char *path, const void *text, size_t bytes, struct bt_suite **suite,
                              struct bt_error *err)
{
    struct bt_yaml *yaml = NULL;
    const enum bt_status status = bt_yaml_parse(path, text, bytes, &yaml, err);
    return status != BT_OK ? status : make_suite(yaml, suite, err);
}

void bt_suite_free(struct bt_suite *suite)
{
    if (suite == NULL) {
        return;
    }
    for (uint32_t i = 0; i < suite->run_count; i++) {
        struct bt_suite_run *run = &suite->runs[i];
        for (uint32_t k = 0; k < run->chain_count; k++) {
            free(run->chains[k].layers);
        }
        free(run->chains);
        free(run->layers);
        free(run->variants);
        free(run->stall_percents);
    }
    free(suite->runs);
    for (uint32_t i = 0; i < suite->network_count; i++) {
        bt_network_free(suite->networks[i]);
    }
    free(suite->networks);
    free(suite->path);
    bt_yaml_release(&suite_schema, suite->parsed);
    free(suite);
}
