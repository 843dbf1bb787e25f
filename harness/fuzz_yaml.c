/* Any bytes as a network, as hardware configurations, as a suite and as a memory map: accepted, or refused with one line. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/soc/soc_map.h"
#include "harness/suite.h"

/* The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* NOLINT(readability-identifier-naming) */

static const struct bt_param_spec params[] = {
    {"ROWS", 1, 64, 16, "rows"},
    {"COLS", 1, 64, 16, "columns"},
    {"IBUF_BYTES", 1024, 1 << 20, 65536, NULL},
    {NULL, 0, 0, 0, NULL},
};
static const struct bt_variant variant = {.name = "fuzz", .params = params};

/* A refusal says where, in one line; an acceptance says nothing. */
static void check(enum bt_status status, const struct bt_error *err, const void *made)
{
    const bool good = status == BT_OK ? made != NULL : made == NULL && strncmp(err->text, "suites/", 7) == 0;
    if (!good || (status != BT_OK && status != BT_EINPUT) || strchr(err->text, '\n') != NULL) {
        abort();
    }
}

/* The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) /* NOLINT(readability-identifier-naming) */
{
    struct bt_network *network = NULL;
    struct bt_error err = {""};
    enum bt_status status = bt_network_parse("suites/fuzz.yaml", data, size, &network, &err);
    check(status, &err, network);
    if (network != NULL && (network->params < network->bn_stats || network->macs < 0 || network->count < 2)) {
        abort();
    }
    bt_network_free(network);

    struct bt_variant_configs *configs = NULL;
    status = bt_variant_configs_parse("suites/fuzz.yaml", data, size, &variant, &configs, &err);
    check(status, &err, configs);
    bt_variant_configs_free(configs);

    /* Beside the shipped networks, so that naming one loads it. */
    struct bt_suite *suite = NULL;
    status = bt_suite_parse("suites/fuzz.yaml", data, size, &suite, &err);
    check(status, &err, suite);
    bt_suite_free(suite);

    struct bt_soc_map map;
    status = bt_soc_map_parse("suites/fuzz.yaml", data, size, &map, &err);
    check(status, &err, status == BT_OK ? &map : NULL);
    return 0;
}
