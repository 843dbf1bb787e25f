/* From a model to the table that plans and reports go by. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/model.h"
#include "harness/model_internal.h"
#include "reference/common/bt_conv2d.h"

/* What a table needs to know of a node of either kind of graph. */
struct view {
    const char *name;
    enum bt_op op;
    enum bt_act act;
    uint32_t input_count;
    const uint32_t *inputs;
    int32_t h, w, c;
    const struct bt_conv2d *conv;  /* of a convolution */
    const struct ref_pool2d *pool; /* of a pooling */
    int32_t amount;                /* upsampling factor, or first channel of a slice */
};

static struct view view_float(const struct bt_float_node *node)
{
    const struct view view = {
        .name = node->name,
        .op = node->op,
        .act = node->act,
        .input_count = node->input_count,
        .inputs = node->inputs,
        .h = node->h,
        .w = node->w,
        .c = node->c,
        .conv = &node->u.conv,
        .pool = &node->u.pool,
        .amount = node->op == BT_OP_UPSAMPLE ? node->u.upsample_scale : node->u.slice_from,
    };
    return view;
}

/* A table says no more than that there is one: which function it holds does not matter to an accelerator. */
static enum bt_act integer_act(const struct bt_graph_node *node)
{
    const bool conv = node->op == BT_OP_CONV2D;
    if ((conv && node->u.conv.table) || node->op == BT_OP_TABLE) {
        return BT_ACT_SILU;
    }
    return conv && node->u.conv.act_min == node->u.conv.out_zp ? BT_ACT_RELU : BT_ACT_NONE;
}

static struct view view_integer(const struct bt_graph_node *node)
{
    const struct view view = {
        .name = node->name,
        .op = node->op,
        .act = integer_act(node),
        .input_count = node->input_count,
        .inputs = node->inputs,
        .h = node->h,
        .w = node->w,
        .c = node->c,
        .conv = &node->u.conv,
        .pool = &node->u.pool,
        .amount = node->op == BT_OP_UPSAMPLE ? node->u.upsample_scale : node->u.slice_from,
    };
    return view;
}

static struct view view_of(const struct bt_model *model, uint32_t index)
{
    return model->real != NULL ? view_float(&model->real->nodes[index]) : view_integer(&model->quantised->nodes[index]);
}

static void take_conv(const struct view *view, const struct bt_node *from, struct bt_node *node)
{
    struct bt_conv2d conv = *view->conv;
    conv.in_zp = 0;
    conv.out_zp = 0;
    conv.rounding = BT_ROUND_DOUBLE;
    conv.raw = false;
    bt_act_apply(view->act, &conv);
    node->conv = conv;
    node->op = conv.h == 1 && conv.w == 1 && from->h * from->w > 1 ? BT_NODE_FC : BT_NODE_CONV;
    node->bias = true;
    node->params = bt_conv2d_weight_elems(&conv) + conv.c_out;
    node->macs = bt_conv2d_macs(&conv);
}

static void take_pool(const struct view *view, struct bt_node *node)
{
    const struct ref_pool2d *pool = view->pool;
    node->op = view->op == BT_OP_MAXPOOL ? BT_NODE_MAXPOOL : BT_NODE_AVGPOOL;
    node->window = (struct bt_window){
        .kh = pool->kh,
        .kw = pool->kw,
        .stride_h = pool->stride_h,
        .stride_w = pool->stride_w,
        .pad_top = pool->pad_top,
        .pad_bottom = pool->pad_bottom,
        .pad_left = pool->pad_left,
        .pad_right = pool->pad_right,
    };
}

static void take_node(const struct view *view, const struct bt_node *nodes, struct bt_node *node)
{
    static const enum bt_node_op ops[BT_OP_COUNT] = {
        [BT_OP_INPUT] = BT_NODE_INPUT,     [BT_OP_ADD] = BT_NODE_ADD,           [BT_OP_MUL] = BT_NODE_MUL,
        [BT_OP_CONCAT] = BT_NODE_CONCAT,   [BT_OP_UPSAMPLE] = BT_NODE_UPSAMPLE, [BT_OP_SLICE] = BT_NODE_SLICE,
        [BT_OP_SOFTMAX] = BT_NODE_SOFTMAX,
    };
    node->act = view->act;
    node->h = view->h;
    node->w = view->w;
    node->c = view->c;
    node->op = ops[view->op];
    node->scale = view->op == BT_OP_UPSAMPLE ? view->amount : 0;
    node->slice_from = view->op == BT_OP_SLICE ? view->amount : 0;
    if (view->op == BT_OP_CONV2D) {
        take_conv(view, &nodes[node->inputs[0]], node);
    } else if (view->op == BT_OP_MAXPOOL || view->op == BT_OP_AVGPOOL) {
        take_pool(view, node);
    }
}

/* "<layer>.act" is no layer of its own in a table: it is its producer's activation. */
static bool is_part(const struct view *view)
{
    return view->op == BT_OP_TABLE;
}

static enum bt_status take_nodes(const struct bt_model *model, uint32_t count, struct bt_network *network,
                                 struct bt_error *err)
{
    uint32_t *at = calloc(count, sizeof(*at)); /* node of the model -> node of the table */
    enum bt_status status = at != NULL ? BT_OK : BT_ENOMEM;
    for (uint32_t i = 0; status == BT_OK && i < count; i++) {
        const struct view view = view_of(model, i);
        if (is_part(&view)) {
            at[i] = at[view.inputs[0]];
            network->nodes[at[i]].act = view.act;
            continue;
        }
        struct bt_node *node = &network->nodes[network->count];
        at[i] = network->count;
        node->name = strdup(view.name);
        node->input_count = view.input_count;
        for (uint32_t k = 0; k < view.input_count; k++) {
            node->inputs[k] = at[view.inputs[k]];
        }
        take_node(&view, network->nodes, node);
        status = node->name != NULL ? BT_OK : BT_ENOMEM;
        network->count += node->name != NULL ? 1 : 0;
        network->params += node->params;
        network->folded += node->params;
        if (__builtin_add_overflow(network->macs, node->macs, &network->macs)) {
            status = bt_fail(err, BT_EINPUT, "%s: layer '%s': MACs of the network: expected at most 2^63 - 1",
                             network->path, node->name);
        }
    }
    free(at);
    return status == BT_ENOMEM ? bt_fail(err, status, "%s: out of memory", network->path) : status;
}

static enum bt_status make_network(const char *path, const struct bt_model_card *card, struct bt_network **network,
                                   struct bt_error *err)
{
    struct bt_model model = {0};
    enum bt_status status = bt_import_file(card->file, &model, err);
    if (status != BT_OK) {
        return status;
    }
    const uint32_t count = model.real != NULL ? model.real->count : model.quantised->count;
    struct bt_network *made = calloc(1, sizeof(*made));
    if (made != NULL) {
        made->nodes = calloc(count, sizeof(*made->nodes));
        made->name = strdup(card->name);
        made->path = strdup(path);
        made->source = strdup(card->summary);
        made->licence = strdup("the model's");
        made->card = malloc(sizeof(*made->card));
    }
    if (made == NULL || made->nodes == NULL || made->name == NULL || made->path == NULL || made->source == NULL ||
        made->licence == NULL || made->card == NULL) {
        status = bt_fail(err, BT_ENOMEM, "%s: out of memory", path);
    } else if (count > BT_MAX_NODES) {
        status = bt_fail(err, BT_EINPUT, "%s: %u nodes: expected at most %d", path, count, BT_MAX_NODES);
    } else {
        *made->card = *card;
        status = take_nodes(&model, count, made, err);
    }
    if (status == BT_OK) {
        *network = made;
        made = NULL;
    }
    bt_network_free(made);
    bt_model_free(&model);
    return status;
}

/* networks/NAME.yaml beside the folder of the card. */
static enum bt_status load_table(const char *path, const struct bt_model_card *card, struct bt_network **network,
                                 struct bt_error *err)
{
    char table[2 * BT_MODEL_PATH];
    struct bt_network *made = NULL;
    const char *slash = strrchr(path, '/');
    const int folder = slash == NULL ? 0 : (int)(slash - path) + 1;
    (void)snprintf(table, sizeof(table), "%.*s../networks/%s.yaml", folder, path, card->data_network);
    const enum bt_status status = bt_network_load(table, &made, err);
    if (status != BT_OK) {
        return status;
    }
    char *name = strdup(card->name);
    made->card = malloc(sizeof(*made->card));
    if (name == NULL || made->card == NULL) {
        free(name);
        bt_network_free(made);
        return bt_fail(err, BT_ENOMEM, "%s: out of memory", path);
    }
    *made->card = *card;
    free(made->name);
    made->name = name;
    *network = made;
    return BT_OK;
}

enum bt_status bt_network_load_card(const char *path, struct bt_network **network, struct bt_error *err)
{
    struct bt_model_card card;
    const enum bt_status status = bt_model_card_load(path, &card, err);
    if (status != BT_OK) {
        return status;
    }
    return card.data_network[0] != '\0' ? load_table(path, &card, network, err)
                                        : make_network(path, &card, network, err);
}

/* "dir/name.onnx": what of the name can be part of a file name and a key. */
static void name_from(const char *path, char *name, size_t name_bytes)
{
    const char *slash = strrchr(path, '/');
    (void)snprintf(name, name_bytes, "%s", slash != NULL ? slash + 1 : path);
    char *dot = strrchr(name, '.');
    if (dot != NULL && dot != name) {
        *dot = '\0';
    }
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    for (char *c = name; *c != '\0'; c++) {
        *c = (char)(strchr(allowed, *c) == NULL || (c == name && (*c == '.' || *c == '-')) ? '_' : *c);
    }
}

enum bt_status bt_network_load_model(const char *path, const char *dataset, struct bt_network **network,
                                     struct bt_error *err)
{
    if (strlen(path) >= BT_MODEL_PATH || (dataset != NULL && strlen(dataset) >= BT_MODEL_PATH)) {
        return bt_fail(err, BT_EINPUT, "%.60s...: path too long: expected at most %d bytes", path, BT_MODEL_PATH - 1);
    }
    struct bt_model_card card;
    bt_model_card_default(&card);
    name_from(path, card.name, sizeof(card.name));
    (void)snprintf(card.summary, sizeof(card.summary), "%.199s", path);
    (void)snprintf(card.file, sizeof(card.file), "%s", path);
    (void)snprintf(card.dataset, sizeof(card.dataset), "%s", dataset != NULL ? dataset : "");
    return make_network(path, &card, network, err);
}
