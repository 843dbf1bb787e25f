#include "harness/network.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/conv_yaml.h"
#include "harness/yaml_load.h"
#include "reference/common/bt_conv2d.h"

/* ---- what each operator is called, takes and needs ---- */

enum key {
    KEY_IN,
    KEY_C_OUT,
    KEY_KERNEL,
    KEY_STRIDE,
    KEY_DILATION,
    KEY_PAD,
    KEY_PADS,
    KEY_GROUPS,
    KEY_ACT,
    KEY_BIAS,
    KEY_BN,
    KEY_SCALE,
    KEY_FROM,
    KEY_COUNT,
};

static const char *const key_names[KEY_COUNT] = {
    "in", "c_out", "kernel", "stride", "dilation", "pad", "pads", "groups", "act", "bias", "bn", "scale", "from",
};

#define KEY(name) (1u << KEY_##name)
#define POOL_KEYS (KEY(STRIDE) | KEY(PAD) | KEY(PADS))
#define CONV_KEYS (KEY(STRIDE) | KEY(DILATION) | KEY(PAD) | KEY(PADS) | KEY(GROUPS) | KEY(ACT) | KEY(BIAS) | KEY(BN))

struct op_spec {
    const char *name;
    unsigned required, optional; /* keys; `in` is always allowed */
    uint32_t min_inputs, max_inputs;
};

static const struct op_spec ops[BT_NODE_OP_COUNT] = {
    [BT_NODE_INPUT] = {"input", 0, 0, 0, 0},
    [BT_NODE_CONV] = {"conv", KEY(C_OUT) | KEY(KERNEL), CONV_KEYS, 1, 1},
    [BT_NODE_FC] = {"fc", KEY(C_OUT), KEY(ACT) | KEY(BIAS) | KEY(BN), 1, 1},
    [BT_NODE_MAXPOOL] = {"maxpool", KEY(KERNEL), POOL_KEYS, 1, 1},
    [BT_NODE_AVGPOOL] = {"avgpool", KEY(KERNEL), POOL_KEYS, 1, 1},
    [BT_NODE_GLOBAL_AVGPOOL] = {"global_avgpool", 0, 0, 1, 1},
    [BT_NODE_ADD] = {"add", KEY(IN), KEY(ACT), 2, 2},
    [BT_NODE_MUL] = {"mul", KEY(IN), KEY(ACT), 2, 2},
    [BT_NODE_CONCAT] = {"concat", KEY(IN), 0, 2, BT_MAX_INPUTS},
    [BT_NODE_UPSAMPLE] = {"upsample", KEY(SCALE), 0, 1, 1},
    [BT_NODE_SLICE] = {"slice", KEY(FROM) | KEY(C_OUT), 0, 1, 1},
    [BT_NODE_SOFTMAX] = {"softmax", 0, 0, 1, 1},
};

const char *bt_node_op_name(enum bt_node_op op)
{
    assert((unsigned)op < BT_NODE_OP_COUNT);
    return ops[op].name;
}

const char *bt_act_name(enum bt_act act)
{
    assert((unsigned)act < BT_ACT_COUNT);
    return bt_conv_yaml_acts[act].str;
}

bool bt_act_is_table(enum bt_act act)
{
    return act > BT_ACT_RELU6;
}

void bt_act_apply(enum bt_act act, struct bt_conv2d *conv)
{
    conv->act_min = act == BT_ACT_RELU || act == BT_ACT_RELU6 ? 0 : -128;
    conv->act_max = act == BT_ACT_RELU6 ? 6 * 16 : 127;
    conv->table = bt_act_is_table(act);
}

/* ---- the file as written ---- */

struct layer_yaml {
    char *name;
    int op;
    char **in;
    uint32_t in_count;
    struct bt_conv_yaml conv;
    int act;
    bool bias, bn;
    int32_t scale, from;
};

struct input_yaml {
    int32_t h, w, c;
};

struct published_yaml {
    int64_t params, macs, stored, folded;
    double macs_percent;
    char *source;
};

struct network_yaml {
    char *name, *source, *licence;
    struct published_yaml *published;
    struct input_yaml input;
    struct layer_yaml *layers;
    uint32_t layers_count;
};

/* Every operator a file may name: all but the input. */
static const cyaml_strval_t op_words[] = {
    {"conv", BT_NODE_CONV},         {"fc", BT_NODE_FC},
    {"maxpool", BT_NODE_MAXPOOL},   {"avgpool", BT_NODE_AVGPOOL},
    {"add", BT_NODE_ADD},           {"mul", BT_NODE_MUL},
    {"concat", BT_NODE_CONCAT},     {"global_avgpool", BT_NODE_GLOBAL_AVGPOOL},
    {"upsample", BT_NODE_UPSAMPLE}, {"slice", BT_NODE_SLICE},
    {"softmax", BT_NODE_SOFTMAX},
};
_Static_assert(sizeof(op_words) / sizeof(op_words[0]) == BT_NODE_OP_COUNT - 1, "every operator but the input");

#define NAME_BYTES 255 /* a longer name is refused by bt_yaml_check_name(), which says what a name is */
#define TEXT_BYTES 400

static const cyaml_schema_value_t in_schema = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, NAME_BYTES)};

static const cyaml_schema_field_t layer_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct layer_yaml, name, 0, NAME_BYTES),
    CYAML_FIELD_ENUM("op", CYAML_FLAG_STRICT, struct layer_yaml, op, op_words, BT_NODE_OP_COUNT - 1),
    CYAML_FIELD_SEQUENCE("in", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct layer_yaml, in, &in_schema, 1,
                         BT_MAX_INPUTS),
    BT_CONV_YAML_FIELDS(struct layer_yaml, conv),
    CYAML_FIELD_ENUM("act", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct layer_yaml, act, bt_conv_yaml_acts,
                     BT_ACT_COUNT),
    CYAML_FIELD_BOOL("bias", CYAML_FLAG_OPTIONAL, struct layer_yaml, bias),
    CYAML_FIELD_BOOL("bn", CYAML_FLAG_OPTIONAL, struct layer_yaml, bn),
    CYAML_FIELD_INT("scale", CYAML_FLAG_OPTIONAL, struct layer_yaml, scale),
    CYAML_FIELD_INT("from", CYAML_FLAG_OPTIONAL, struct layer_yaml, from),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t layer_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct layer_yaml, layer_fields)};

static const cyaml_schema_field_t input_fields[] = {
    CYAML_FIELD_INT("h", CYAML_FLAG_DEFAULT, struct input_yaml, h),
    CYAML_FIELD_INT("w", CYAML_FLAG_DEFAULT, struct input_yaml, w),
    CYAML_FIELD_INT("c", CYAML_FLAG_DEFAULT, struct input_yaml, c),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t published_fields[] = {
    CYAML_FIELD_INT("params", CYAML_FLAG_OPTIONAL, struct published_yaml, params),
    CYAML_FIELD_INT("macs", CYAML_FLAG_OPTIONAL, struct published_yaml, macs),
    CYAML_FIELD_INT("stored", CYAML_FLAG_OPTIONAL, struct published_yaml, stored),
    CYAML_FIELD_INT("folded", CYAML_FLAG_OPTIONAL, struct published_yaml, folded),
    CYAML_FIELD_FLOAT("macs_percent", CYAML_FLAG_OPTIONAL, struct published_yaml, macs_percent),
    CYAML_FIELD_STRING_PTR("source", CYAML_FLAG_POINTER, struct published_yaml, source, 1, TEXT_BYTES),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t network_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct network_yaml, name, 0, NAME_BYTES),
    CYAML_FIELD_STRING_PTR("source", CYAML_FLAG_POINTER, struct network_yaml, source, 1, TEXT_BYTES),
    CYAML_FIELD_STRING_PTR("licence", CYAML_FLAG_POINTER, struct network_yaml, licence, 1, TEXT_BYTES),
    CYAML_FIELD_MAPPING_PTR("published", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct network_yaml, published,
                            published_fields),
    CYAML_FIELD_MAPPING("input", CYAML_FLAG_DEFAULT, struct network_yaml, input, input_fields),
    CYAML_FIELD_SEQUENCE("layers", CYAML_FLAG_POINTER, struct network_yaml, layers, &layer_schema, 1, BT_MAX_NODES - 1),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t network_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct network_yaml, network_fields)};

/* ---- one layer ---- */

/* Everything that a layer's functions need to read and to complain. */
struct context {
    const struct bt_yaml *yaml;
    struct bt_network *network; /* nodes before this one are complete */
    const struct layer_yaml *layer;
    bt_yaml_node at; /* the layer's mapping */
    struct bt_error *err;
};

static enum bt_status check_keys(const struct context *context, const struct op_spec *spec)
{
    for (unsigned key = 0; key < KEY_COUNT; key++) {
        const bt_yaml_node value = bt_yaml_get(context->yaml, context->at, key_names[key]);
        const bool allowed = ((spec->required | spec->optional | KEY(IN)) & 1u << key) != 0;
        if (value != 0 && !allowed) {
            return bt_yaml_fail(context->yaml, value, context->err,
                                "layer '%s': %s does not take '%s': expected no such key", context->layer->name,
                                spec->name, key_names[key]);
        }
        if (value == 0 && (spec->required & 1u << key) != 0) {
            return bt_yaml_fail(context->yaml, context->at, context->err,
                                "layer '%s': missing key '%s': expected it for %s", context->layer->name,
                                key_names[key], spec->name);
        }
    }
    return BT_OK;
}

static enum bt_status resolve_inputs(const struct context *context, const struct op_spec *spec, struct bt_node *node)
{
    const struct layer_yaml *layer = context->layer;
    if (layer->in == NULL) {
        node->input_count = 1;
        node->inputs[0] = context->network->count - 1;
        return BT_OK;
    }
    const bt_yaml_node in = bt_yaml_get(context->yaml, context->at, "in");
    if (layer->in_count < spec->min_inputs || layer->in_count > spec->max_inputs) {
        return bt_yaml_fail(context->yaml, in, context->err, "layer '%s': %u inputs: expected %s%u for %s", layer->name,
                            layer->in_count, spec->max_inputs > spec->min_inputs ? "at least " : "", spec->min_inputs,
                            spec->name);
    }
    for (uint32_t i = 0; i < layer->in_count; i++) {
        const struct bt_node *from = bt_network_find(context->network, layer->in[i]);
        if (from == NULL) {
            return bt_yaml_fail(context->yaml, bt_yaml_item(context->yaml, in, i), context->err,
                                "layer '%s': unknown input '%.60s': expected 'input' or an earlier layer", layer->name,
                                layer->in[i]);
        }
        node->inputs[i] = (uint32_t)(from - context->network->nodes);
    }
    node->input_count = layer->in_count;
    return BT_OK;
}

static const struct bt_node *input_of(const struct context *context, const struct bt_node *node, uint32_t index)
{
    return &context->network->nodes[node->inputs[index]];
}

static void set_shape(struct bt_node *node, int32_t h, int32_t w, int32_t c)
{
    node->h = h;
    node->w = w;
    node->c = c;
}

static enum bt_status infer_conv(const struct context *context, struct bt_node *node)
{
    const struct layer_yaml *layer = context->layer;
    const struct bt_node *from = input_of(context, node, 0);
    int32_t h = from->h;
    int32_t w = from->w;
    int32_t c = from->c;
    if (node->op == BT_NODE_FC) {
        const int64_t flat = (int64_t)h * w * c;
        if (flat > BT_MAX_DIM) {
            return bt_yaml_fail(context->yaml, context->at, context->err,
                                "layer '%s': %" PRId64 " inputs: expected at most %d", layer->name, flat, BT_MAX_DIM);
        }
        h = 1;
        w = 1;
        c = (int32_t)flat;
    }
    const enum bt_status status = bt_conv_yaml_geometry(context->yaml, context->at, layer->name, &layer->conv, h, w, c,
                                                        node->act, &node->conv, context->err);
    if (status != BT_OK) {
        return status;
    }
    node->bn = layer->bn;
    /* A convolution before a batch normalisation usually has no bias of its own. */
    node->bias = bt_yaml_get(context->yaml, context->at, "bias") != 0 ? layer->bias : !layer->bn;
    const int64_t c_out = node->conv.c_out;
    node->params = bt_conv2d_weight_elems(&node->conv) + (node->bias ? c_out : 0) + (node->bn ? 2 * c_out : 0);
    node->bn_stats = node->bn ? 2 * c_out : 0;
    node->macs = bt_conv2d_macs(&node->conv);
    set_shape(node, bt_conv2d_oh(&node->conv), bt_conv2d_ow(&node->conv), node->conv.c_out);
    return BT_OK;
}

static enum bt_status infer_pool(const struct context *context, struct bt_node *node)
{
    const struct bt_node *from = input_of(context, node, 0);
    struct bt_window window;
    enum bt_status status =
        bt_conv_yaml_window(context->yaml, context->at, &context->layer->conv, &window, context->err);
    if (status != BT_OK) {
        return status;
    }
    const int32_t pads[4] = {window.pad_top, window.pad_bottom, window.pad_left, window.pad_right};
    for (int i = 0; i < 4; i++) {
        const int32_t kernel = i < 2 ? window.kh : window.kw;
        if (pads[i] < 0 || pads[i] >= kernel) {
            return bt_yaml_fail(context->yaml, context->at, context->err,
                                "layer '%s': padding %d: expected 0 to %d, less than the kernel", context->layer->name,
                                pads[i], kernel - 1);
        }
    }
    /* A pool walks its input as a depthwise convolution does: the same checks hold. */
    const struct bt_conv2d walk = {
        .n = 1,
        .h = from->h,
        .w = from->w,
        .c_in = from->c,
        .c_out = from->c,
        .kh = window.kh,
        .kw = window.kw,
        .stride_h = window.stride_h,
        .stride_w = window.stride_w,
        .dil_h = 1,
        .dil_w = 1,
        .pad_top = window.pad_top,
        .pad_bottom = window.pad_bottom,
        .pad_left = window.pad_left,
        .pad_right = window.pad_right,
        .groups = from->c,
    };
    struct bt_reason why = {0};
    status = bt_conv2d_check(&walk, &why);
    if (status != BT_OK) {
        return bt_yaml_fail(context->yaml, context->at, context->err, "layer '%s': %s: got %" PRId64 ", limit %" PRId64,
                            context->layer->name, why.what, why.got, why.limit);
    }
    node->window = window;
    set_shape(node, bt_conv2d_oh(&walk), bt_conv2d_ow(&walk), from->c);
    return BT_OK;
}

/* add, mul: all inputs alike; concat: alike but for the channels, which add up. */
static enum bt_status infer_merge(const struct context *context, struct bt_node *node)
{
    const struct bt_node *first = input_of(context, node, 0);
    const bool concat = node->op == BT_NODE_CONCAT;
    int64_t channels = first->c;
    for (uint32_t i = 1; i < node->input_count; i++) {
        const struct bt_node *other = input_of(context, node, i);
        if (other->h != first->h || other->w != first->w || (!concat && other->c != first->c)) {
            return bt_yaml_fail(context->yaml, bt_yaml_get(context->yaml, context->at, "in"), context->err,
                                "layer '%s': '%s' is %dx%dx%d and '%s' is %dx%dx%d: expected %s", context->layer->name,
                                first->name, first->h, first->w, first->c, other->name, other->h, other->w, other->c,
                                concat ? "equal height and width" : "equal shapes");
        }
        channels += other->c;
    }
    if (concat && channels > BT_MAX_DIM) {
        return bt_yaml_fail(context->yaml, context->at, context->err,
                            "layer '%s': %" PRId64 " channels: expected at most %d", context->layer->name, channels,
                            BT_MAX_DIM);
    }
    set_shape(node, first->h, first->w, concat ? (int32_t)channels : first->c);
    return BT_OK;
}

static enum bt_status infer_upsample(const struct context *context, struct bt_node *node)
{
    const struct bt_node *from = input_of(context, node, 0);
    const int32_t scale = context->layer->scale;
    if (scale < 1 || scale > BT_MAX_DIM || (int64_t)from->h * scale > BT_MAX_DIM ||
        (int64_t)from->w * scale > BT_MAX_DIM) {
        return bt_yaml_fail(context->yaml, bt_yaml_near(context->yaml, context->at, "scale"), context->err,
                            "layer '%s': scale %d of %dx%d: expected from 1, and extents of at most %d",
                            context->layer->name, scale, from->h, from->w, BT_MAX_DIM);
    }
    node->scale = scale;
    set_shape(node, from->h * scale, from->w * scale, from->c);
    return BT_OK;
}

static enum bt_status infer_slice(const struct context *context, struct bt_node *node)
{
    const struct bt_node *from = input_of(context, node, 0);
    const int64_t first = context->layer->from;
    const int64_t channels = context->layer->conv.c_out;
    if (first < 0 || channels < 1 || first + channels > from->c) {
        return bt_yaml_fail(context->yaml, context->at, context->err,
                            "layer '%s': %" PRId64 " channels from %" PRId64 ": expected a part of the %d of '%s'",
                            context->layer->name, channels, first, from->c, from->name);
    }
    node->slice_from = (int32_t)first;
    set_shape(node, from->h, from->w, (int32_t)channels);
    return BT_OK;
}

static enum bt_status infer(const struct context *context, struct bt_node *node)
{
    const struct bt_node *from = input_of(context, node, 0);
    switch (node->op) {
    case BT_NODE_CONV:
    case BT_NODE_FC:
        return infer_conv(context, node);
    case BT_NODE_MAXPOOL:
    case BT_NODE_AVGPOOL:
        return infer_pool(context, node);
    case BT_NODE_ADD:
    case BT_NODE_MUL:
    case BT_NODE_CONCAT:
        return infer_merge(context, node);
    case BT_NODE_UPSAMPLE:
        return infer_upsample(context, node);
    case BT_NODE_SLICE:
        return infer_slice(context, node);
    case BT_NODE_GLOBAL_AVGPOOL:
        set_shape(node, 1, 1, from->c);
        return BT_OK;
    default:
        assert(node->op == BT_NODE_SOFTMAX);
        set_shape(node, from->h, from->w, from->c);
        return BT_OK;
    }
}

/* Fills *node, which becomes the network's next one; its name is set by the caller. */
static enum bt_status make_node(const struct context *context, struct bt_node *node)
{
    const struct layer_yaml *layer = context->layer;
    const struct op_spec *spec = &ops[layer->op];
    const bt_yaml_node name = bt_yaml_near(context->yaml, context->at, "name");
    enum bt_status status = bt_yaml_check_name(context->yaml, name, layer->name, BT_MAX_NAME, context->err);
    if (status != BT_OK) {
        return status;
    }
    const struct bt_node *same = bt_network_find(context->network, layer->name);
    if (same != NULL) {
        return bt_yaml_fail(context->yaml, name, context->err,
                            "layer '%s': name already taken in line %u: expected a unique name", layer->name,
                            same->line);
    }
    node->op = (enum bt_node_op)layer->op;
    node->act = (enum bt_act)layer->act;
    node->line = bt_yaml_line(context->yaml, context->at);
    status = check_keys(context, spec);
    if (status == BT_OK) {
        status = resolve_inputs(context, spec, node);
    }
    return status != BT_OK ? status : infer(context, node);
}

/* ---- the network ---- */

static enum bt_status out_of_memory(const struct bt_yaml *yaml, struct bt_error *err)
{
    return bt_fail(err, BT_ENOMEM, "%s: out of memory", bt_yaml_path(yaml));
}

/* Names, source, and the input as node 0. */
static enum bt_status make_head(const struct bt_yaml *yaml, const struct network_yaml *raw, struct bt_network *network,
                                struct bt_error *err)
{
    const enum bt_status status =
        bt_yaml_check_name(yaml, bt_yaml_near(yaml, BT_YAML_ROOT, "name"), raw->name, BT_MAX_NAME, err);
    if (status != BT_OK) {
        return status;
    }
    const bt_yaml_node input = bt_yaml_get(yaml, BT_YAML_ROOT, "input");
    const int32_t extents[3] = {raw->input.h, raw->input.w, raw->input.c};
    for (int i = 0; i < 3; i++) {
        if (extents[i] < 1 || extents[i] > BT_MAX_DIM) {
            return bt_yaml_fail(yaml, input, err, "input: extent %d: expected 1 to %d", extents[i], BT_MAX_DIM);
        }
    }
    network->path = strdup(bt_yaml_path(yaml));
    network->name = strdup(raw->name);
    network->source = strdup(raw->source);
    network->licence = strdup(raw->licence);
    if (network->path == NULL || network->name == NULL || network->source == NULL || network->licence == NULL) {
        return out_of_memory(yaml, err);
    }
    struct bt_node *node = &network->nodes[0];
    network->count = 1;
    node->name = strdup("input");
    if (node->name == NULL) {
        return out_of_memory(yaml, err);
    }
    node->op = BT_NODE_INPUT;
    node->line = bt_yaml_line(yaml, input);
    set_shape(node, raw->input.h, raw->input.w, raw->input.c);
    return BT_OK;
}

static enum bt_status make_published(const struct bt_yaml *yaml, const struct published_yaml *raw,
                                     struct bt_published *published, struct bt_error *err)
{
    const bt_yaml_node at = bt_yaml_get(yaml, BT_YAML_ROOT, "published");
    if (raw->params < 0 || raw->macs < 0 || raw->stored < 0 || raw->folded < 0 || raw->macs_percent < 0 ||
        raw->macs_percent > 100) {
        return bt_yaml_fail(yaml, at, err, "published: negative or above 100 percent: expected counts and a tolerance");
    }
    published->source = strdup(raw->source);
    if (published->source == NULL) {
        return out_of_memory(yaml, err);
    }
    published->params = raw->params;
    published->macs = raw->macs;
    published->stored = raw->stored;
    published->folded = raw->folded;
    published->macs_percent = raw->macs_percent;
    return BT_OK;
}

/* Scale and shift of a batch normalisation become a scale of the weights and a bias. */
static int64_t folded_params(const struct bt_node *node)
{
    if (!bt_node_is_layer(node)) {
        return 0;
    }
    return bt_conv2d_weight_elems(&node->conv) + (node->bias || node->bn ? node->conv.c_out : 0);
}

static enum bt_status make_nodes(const struct bt_yaml *yaml, const struct network_yaml *raw, struct bt_network *network,
                                 struct bt_error *err)
{
    const bt_yaml_node layers = bt_yaml_get(yaml, BT_YAML_ROOT, "layers");
    for (uint32_t i = 0; i < raw->layers_count; i++) {
        const struct context context = {yaml, network, &raw->layers[i], bt_yaml_item(yaml, layers, i), err};
        struct bt_node *node = &network->nodes[network->count];
        const enum bt_status status = make_node(&context, node);
        if (status != BT_OK) {
            return status;
        }
        node->name = strdup(raw->layers[i].name);
        if (node->name == NULL) {
            return out_of_memory(yaml, err);
        }
        network->count++;
        network->params += node->params; /* at most BT_MAX_NODES times 2^45 */
        network->bn_stats += node->bn_stats;
        network->folded += folded_params(node);
        if (__builtin_add_overflow(network->macs, node->macs, &network->macs)) {
            return bt_yaml_fail(yaml, context.at, err, "layer '%s': MACs of the network: expected at most 2^63 - 1",
                                node->name);
        }
    }
    return BT_OK;
}

/* Takes the yaml. */
static enum bt_status make_network(struct bt_yaml *yaml, struct bt_network **network, struct bt_error *err)
{
    void *loaded = NULL;
    struct bt_network *made = NULL;
    enum bt_status status = bt_yaml_load(yaml, &network_schema, &loaded, err);
    if (status != BT_OK) {
        goto cleanup;
    }
    const struct network_yaml *raw = loaded;
    made = calloc(1, sizeof(*made));
    if (made == NULL) {
        status = out_of_memory(yaml, err);
        goto cleanup;
    }
    made->nodes = calloc((size_t)raw->layers_count + 1, sizeof(*made->nodes));
    if (made->nodes == NULL) {
        status = out_of_memory(yaml, err);
        goto cleanup;
    }
    status = make_head(yaml, raw, made, err);
    if (status == BT_OK && raw->published != NULL) {
        status = make_published(yaml, raw->published, &made->published, err);
    }
    if (status == BT_OK) {
        status = make_nodes(yaml, raw, made, err);
    }
    if (status == BT_OK) {
        *network = made;
        made = NULL;
    }

cleanup:
    bt_network_free(made);
    bt_yaml_release(&network_schema, loaded);
    bt_yaml_close(yaml);
    return status;
}

enum bt_status bt_network_load(const char *path, struct bt_network **network, struct bt_error *err)
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
    return make_network(yaml, network, err);
}

enum bt_status bt_network_parse(const char *path, const void *text, size_t bytes, struct bt_network **network,
                                struct bt_error *err)
{
    struct bt_yaml *yaml = NULL;
    const enum bt_status status = bt_yaml_parse(path, text, bytes, &yaml, err);
    return status != BT_OK ? status : make_network(yaml, network, err);
}

void bt_network_free(struct bt_network *network)
{
    if (network == NULL) {
        return;
    }
    for (uint32_t i = 0; i < network->count; i++) {
        free(network->nodes[i].name);
    }
    free(network->nodes);
    free(network->name);
    free(network->source);
    free(network->licence);
    free(network->published.source);
    free(network->path);
    free(network->card);
    free(network);
}

const struct bt_node *bt_network_find(const struct bt_network *network, const char *name)
{
    for (uint32_t i = 0; i < network->count; i++) {
        if (strcmp(network->nodes[i].name, name) == 0) {
            return &network->nodes[i];
        }
    }
    return NULL;
}

bool bt_node_is_layer(const struct bt_node *node)
{
    return node->op == BT_NODE_CONV || node->op == BT_NODE_FC;
}

struct bt_layer bt_node_layer(const struct bt_node *node)
{
    static const enum bt_op layer_ops[BT_NODE_OP_COUNT] = {
        [BT_NODE_INPUT] = BT_OP_INPUT,     [BT_NODE_CONV] = BT_OP_CONV2D,
        [BT_NODE_FC] = BT_OP_CONV2D,       [BT_NODE_MAXPOOL] = BT_OP_MAXPOOL,
        [BT_NODE_AVGPOOL] = BT_OP_AVGPOOL, [BT_NODE_GLOBAL_AVGPOOL] = BT_OP_AVGPOOL,
        [BT_NODE_ADD] = BT_OP_ADD,         [BT_NODE_MUL] = BT_OP_MUL,
        [BT_NODE_CONCAT] = BT_OP_CONCAT,   [BT_NODE_UPSAMPLE] = BT_OP_UPSAMPLE,
        [BT_NODE_SLICE] = BT_OP_SLICE,     [BT_NODE_SOFTMAX] = BT_OP_SOFTMAX,
    };
    struct bt_layer layer = {.op = layer_ops[node->op], .dtype = BT_S8};
    if (bt_node_is_layer(node)) {
        layer.u.conv = node->conv;
    }
    return layer;
}
