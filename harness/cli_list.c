#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness/cli.h"
#include "harness/network.h"
#include "harness/suite.h"

static void print_shape(const struct bt_node *node)
{
    char shape[32];
    (void)snprintf(shape, sizeof(shape), "%dx%dx%d", node->h, node->w, node->c);
    (void)printf(" %-13s", shape);
}

static void print_geometry(const struct bt_node *node)
{
    if (!bt_node_is_layer(node)) {
        return;
    }
    const struct bt_conv2d *conv = &node->conv;
    (void)printf("  %dx%d", conv->kh, conv->kw);
    if (conv->stride_h != 1 || conv->stride_w != 1) {
        (void)printf(" stride %dx%d", conv->stride_h, conv->stride_w);
    }
    if (conv->dil_h != 1 || conv->dil_w != 1) {
        (void)printf(" dilation %dx%d", conv->dil_h, conv->dil_w);
    }
    if (conv->groups != 1) {
        (void)printf(" groups %d", conv->groups);
    }
    if (node->act != BT_ACT_NONE) {
        (void)printf(" %s", bt_act_name(node->act));
    }
}

static void print_layers(const struct bt_network *network)
{
    (void)printf("\n%s\n  %-28s %-15s %-13s %12s %14s\n", network->name, "layer", "operator", "output", "parameters",
                 "MACs");
    for (uint32_t i = 0; i < network->count; i++) {
        const struct bt_node *node = &network->nodes[i];
        (void)printf("  %-28s %-15s", node->name, bt_node_op_name(node->op));
        print_shape(node);
        (void)printf(" %12" PRId64 " %14" PRId64, node->params, node->macs);
        print_geometry(node);
        (void)printf("\n");
    }
    (void)printf("  %-28s %-15s %-13s %12" PRId64 " %14" PRId64 "\n", "total", "", "", network->params, network->macs);
}

static void print_networks(struct bt_network *const *networks, uint32_t count, bool layers)
{
    (void)printf("%-20s %6s %12s %14s\n", "network", "layers", "parameters", "MACs");
    for (uint32_t i = 0; i < count; i++) {
        uint32_t work = 0;
        for (uint32_t j = 0; j < networks[i]->count; j++) {
            work += bt_node_is_layer(&networks[i]->nodes[j]) ? 1 : 0;
        }
        (void)printf("%-20s %6u %12" PRId64 " %14" PRId64 "\n", networks[i]->name, work, networks[i]->params,
                     networks[i]->macs);
    }
    for (uint32_t i = 0; layers && i < count; i++) {
        print_layers(networks[i]);
    }
}

static enum bt_status print_variants(const struct bt_cli *cli, struct bt_error *err)
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
        (void)printf("\n%s: %s\n", variant->name, variant->summary);
        for (uint32_t c = 0; c < configs->count; c++) {
            const struct bt_config *config = &configs->configs[c];
            (void)printf("  %-12s", config->name);
            for (uint32_t p = 0; p < config->count; p++) {
                (void)printf(" %s %" PRId64, config->param[p].key, config->param[p].value);
            }
            (void)printf("; memory: latency %u, %u bytes per cycle, %u outstanding\n", config->mem.latency_cycles,
                         config->mem.bytes_per_cycle, config->mem.outstanding);
        }
        bt_variant_configs_free(configs);
    }
    return BT_OK;
}

int bt_cli_list(const struct bt_cli *cli)
{
    struct bt_error err = {""};
    struct bt_network **networks = NULL;
    uint32_t count = 0;
    enum bt_status status = bt_networks_load(cli->suites_dir, cli->selection.network, &networks, &count, &err);
    if (status == BT_OK) {
        print_networks(networks, count, cli->layers || cli->selection.network != NULL);
        for (uint32_t i = 0; i < count; i++) {
            bt_network_free(networks[i]);
        }
        free(networks);
        status = print_variants(cli, &err);
    }
    if (status != BT_OK) {
        bt_cli_complain(&err);
        return bt_cli_finish(BT_EXIT_ERROR);
    }
    return bt_cli_finish(BT_EXIT_PASS);
}
