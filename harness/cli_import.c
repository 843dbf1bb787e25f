#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli.h"
#include "harness/layer_pool.h"
#include "harness/model.h"
#include "harness/suite.h"

#define MOST_COLUMNS 32

/* A variant and the configuration that is asked whether it does a layer. */
struct column {
    const struct bt_variant *variant;
    struct bt_variant_configs *configs;
    const struct bt_config *config;
};

/* Of every variant that was selected the configurations selected, or its last one, which is its largest. */
static enum bt_status open_columns(const struct bt_cli *cli, struct column *columns, uint32_t *count,
                                   struct bt_error *err)
{
    const struct bt_variant *variant = NULL;
    for (size_t i = 0; (variant = bt_variant_at(i)) != NULL; i++) {
        struct bt_variant_configs *configs = NULL;
        char path[2048];
        if (!bt_glob(cli->selection.variant, variant->name)) {
            continue;
        }
        bt_variant_configs_path(variant, cli->suites_dir, path, sizeof(path));
        const enum bt_status status = bt_variant_configs_load(path, variant, &configs, err);
        if (status != BT_OK) {
            return status;
        }
        uint32_t taken = 0;
        for (uint32_t c = 0; c < configs->count && *count < MOST_COLUMNS; c++) {
            const bool wanted = cli->selection.config != NULL ? bt_glob(cli->selection.config, configs->configs[c].name)
                                                              : c + 1 == configs->count;
            if (wanted) {
                /* The first column of a variant owns its configurations. */
                columns[(*count)++] = (struct column){variant, taken == 0 ? configs : NULL, &configs->configs[c]};
                taken++;
            }
        }
        if (taken == 0) {
            bt_variant_configs_free(configs);
        }
    }
    if (*count == 0) {
        return bt_fail(err, BT_EINPUT, "import: no variant and configuration selected; 'bittrue list' shows all");
    }
    return BT_OK;
}

static uint32_t readers_of(const struct bt_network *network, uint32_t index)
{
    uint32_t readers = 0;
    for (uint32_t i = index + 1; i < network->count; i++) {
        for (uint32_t k = 0; k < network->nodes[i].input_count; k++) {
            readers += network->nodes[i].inputs[k] == index ? 1 : 0;
        }
    }
    return readers;
}

/* Is the max-pooling done by the accelerator as it writes back the layer that it alone reads? */
static bool on_write_back(const struct bt_network *network, const struct bt_node *node, const struct column *column)
{
    const struct bt_node *from = &network->nodes[node->inputs[0]];
    if (node->op != BT_NODE_MAXPOOL || !bt_node_is_layer(from) || readers_of(network, node->inputs[0]) != 1) {
        return false;
    }
    const struct ref_pool2d pool = bt_window_pool2d(&node->window, from->h, from->w, from->c);
    const struct bt_layer plain = bt_node_layer(from);
    struct bt_layer fused;
    struct bt_reason why = {0};
    return bt_layer_fuse(&plain, &pool, &fused) &&
           column->variant->driver->supports(column->config, &fused, 1, &why) == BT_OK;
}

static void print_node(const struct bt_network *network, const struct bt_node *node, const struct column *columns,
                       uint32_t count, uint32_t *on_accel)
{
    char shape[48];
    char what[48];
    (void)snprintf(shape, sizeof(shape), "%dx%dx%d", node->h, node->w, node->c);
    (void)snprintf(what, sizeof(what), "%s%s%s", bt_node_op_name(node->op), node->act != BT_ACT_NONE ? " " : "",
                   node->act != BT_ACT_NONE ? bt_act_name(node->act) : "");
    (void)printf("  %-32s %-22s %-13s %12" PRId64 " %14" PRId64, node->name, what, shape, node->params, node->macs);
    for (uint32_t i = 0; i < count; i++) {
        struct bt_reason why = {0};
        char text[160] = "";
        if (bt_node_is_layer(node)) {
            const struct bt_layer layer = bt_node_layer(node);
            const bool does = columns[i].variant->driver->supports(columns[i].config, &layer, 1, &why) == BT_OK;
            on_accel[i] += does ? 1 : 0;
            if (does) {
                (void)snprintf(text, sizeof(text), "yes");
            } else {
                (void)snprintf(text, sizeof(text), "CPU: %.60s (%" PRId64 ", limit %" PRId64 ")",
                               why.what != NULL ? why.what : "refused", why.got, why.limit);
            }
        } else {
            (void)snprintf(text, sizeof(text), "%s",
                           node->op == BT_NODE_INPUT                   ? ""
                           : on_write_back(network, node, &columns[i]) ? "on write-back"
                                                                       : "CPU");
        }
        (void)printf("  %-*s", i + 1 < count ? 22 : 0, text);
    }
    (void)printf("\n");
}

static void print_network(const struct bt_network *network, const char *format, const struct column *columns,
                          uint32_t count)
{
    uint32_t on_accel[MOST_COLUMNS] = {0};
    uint32_t layers = 0;
    (void)printf("%s: %s, %u nodes, %" PRId64 " parameters, %" PRId64 " MACs\n\n", network->name, format,
                 network->count, network->params, network->macs);
    (void)printf("  %-32s %-22s %-13s %12s %14s", "node", "operator", "output", "parameters", "MACs");
    for (uint32_t i = 0; i < count; i++) {
        char title[112];
        (void)snprintf(title, sizeof(title), "%s %s", columns[i].variant->name, columns[i].config->name);
        (void)printf("  %-*s", i + 1 < count ? 22 : 0, title);
    }
    (void)printf("\n");
    for (uint32_t i = 0; i < network->count; i++) {
        print_node(network, &network->nodes[i], columns, count, on_accel);
        layers += bt_node_is_layer(&network->nodes[i]) ? 1 : 0;
    }
    (void)printf("\n");
    for (uint32_t i = 0; i < count; i++) {
        (void)printf("%s %s: %u of %u layers on the accelerator, the other operators as the column says\n",
                     columns[i].variant->name, columns[i].config->name, on_accel[i], layers);
    }
}

static enum bt_status load(const char *path, struct bt_network **network, char *format, size_t format_bytes,
                           struct bt_error *err)
{
    struct bt_model model = {0};
    const size_t length = strlen(path);
    if (length > 5 && strcmp(path + length - 5, ".yaml") == 0) {
        (void)snprintf(format, format_bytes, "card");
        return bt_network_load_card(path, network, err);
    }
    enum bt_status status = bt_import_file(path, &model, err);
    if (status == BT_OK) {
        (void)snprintf(format, format_bytes, "%s", model.format);
        status = bt_network_load_model(path, NULL, network, err);
    }
    bt_model_free(&model);
    return status;
}

int bt_cli_import(const struct bt_cli *cli)
{
    struct bt_error err = {""};
    struct bt_network *network = NULL;
    struct column columns[MOST_COLUMNS] = {{0}};
    uint32_t count = 0;
    char format[32] = "";
    enum bt_status status = cli->selection.model != NULL
                                ? load(cli->selection.model, &network, format, sizeof(format), &err)
                                : bt_fail(&err, BT_EINPUT, "import: expected a model file; see bittrue import --help");
    if (status == BT_OK) {
        status = open_columns(cli, columns, &count, &err);
    }
    if (status == BT_OK && network != NULL) {
        print_network(network, format, columns, count);
    } else {
        bt_cli_complain(&err);
    }
    for (uint32_t i = 0; i < count; i++) {
        bt_variant_configs_free(columns[i].configs);
    }
    bt_network_free(network);
    return bt_cli_finish(status == BT_OK ? BT_EXIT_PASS : BT_EXIT_ERROR);
}
