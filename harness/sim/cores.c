/*
 * bittrue-cores [SUITE...]: prints, for make, every core there is to simulate: one call per variant and configuration, with
 * the configuration's values of those parameters which the core's description lists. Then the cores that are small enough
 * for unit tests, and those that the jobs of each suite run on.
 *
 *   $(eval $(call core,os_array,16x16,rtl/os_array/os_array.yaml,Rows=16 Cols=16))
 *   SMALL_CORES += os_array-4x4
 *   SUITE_CORES_smoke += os_array-4x4
 *
 * `bittrue-cores --core BUILD FOLDER` prints the one core that lives in that folder, with calls of outside_core.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "harness/error.h"
#include "harness/job.h"
#include "harness/outside.h"
#include "harness/suite.h"
#include "harness/variant.h"

/* Multipliers of a core that is built in seconds. */
#define SMALL 64

static enum bt_status read_core(const char *path, yaml_document_t *doc, struct bt_error *err)
{
    yaml_parser_t parser;
    enum bt_status status = BT_OK;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return bt_fail(err, BT_EINPUT, "%s: %s", path, strerror(errno));
    if (yaml_parser_initialize(&parser) == 0) {
        fclose(file);
        return bt_fail(err, BT_ENOMEM, "%s: out of memory", path);
    }
    yaml_parser_set_input_file(&parser, file);
    if (yaml_parser_load(&parser, doc) == 0)
        status = bt_fail(err, BT_EINPUT, "%s:%zu: %s", path, parser.problem_mark.line + 1,
                         parser.problem != NULL ? parser.problem : "cannot be read");
    yaml_parser_delete(&parser);
    fclose(file);
    return status;
}

/* bittrue-glue checks the description; here a core without the list simply has no parameters. */
static bool is_parameter(yaml_document_t *doc, const char *name)
{
    const yaml_node_t *root = yaml_document_get_root_node(doc);
    if (root == NULL || root->type != YAML_MAPPING_NODE)
        return false;
    for (const yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++) {
        const yaml_node_t *key = yaml_document_get_node(doc, p->key);
        const yaml_node_t *list = yaml_document_get_node(doc, p->value);
        if (key->type != YAML_SCALAR_NODE || strcmp((const char *)key->data.scalar.value, "parameters") != 0 ||
            list->type != YAML_SEQUENCE_NODE)
            continue;
        for (const yaml_node_item_t *i = list->data.sequence.items.start; i < list->data.sequence.items.top; i++) {
            const yaml_node_t *item = yaml_document_get_node(doc, *i);
            if (item->type == YAML_SCALAR_NODE && strcmp((const char *)item->data.scalar.value, name) == 0)
                return true;
        }
    }
    return false;
}

static enum bt_status print_variant(const struct bt_variant *variant, struct bt_error *err)
{
    const char *folder = bt_variant_folder(variant);
    char path[4096];
    struct bt_variant_configs *configs = NULL;
    yaml_document_t doc;
    enum bt_status status;

    bt_variant_configs_path(variant, "suites", path, sizeof(path));
    status = bt_variant_configs_load(path, variant, &configs, err);
    if (status != BT_OK)
        return status;
    if (folder != NULL) {
        (void)snprintf(path, sizeof(path), "%s/%s.yaml", folder, variant->name);
    } else {
        (void)snprintf(path, sizeof(path), "rtl/%s/%s.yaml", variant->name, variant->name);
    }
    status = read_core(path, &doc, err);
    if (status != BT_OK)
        goto cleanup;
    for (uint32_t i = 0; i < configs->count; i++) {
        const struct bt_config *config = &configs->configs[i];
        printf("$(eval $(call %s,%s,%s,%s,", folder != NULL ? "outside_core" : "core", variant->name, config->name,
               path);
        for (uint32_t k = 0; k < config->count; k++) {
            if (is_parameter(&doc, config->param[k].key))
                printf("%s=%" PRId64 " ", config->param[k].key, config->param[k].value);
        }
        printf("))\n");
        if (folder == NULL && variant->multipliers != NULL && variant->multipliers(config) <= SMALL)
            printf("SMALL_CORES += %s-%s\n", variant->name, config->name);
    }
    yaml_document_delete(&doc);

cleanup:
    bt_variant_configs_free(configs);
    return status;
}

/* Has an earlier job the same core? A suite has few cores, and their jobs stand together or not far apart. */
static bool is_repeated(const struct bt_plan *plan, uint32_t job)
{
    for (uint32_t i = job; i-- > 0;) {
        if (plan->jobs[i].variant == plan->jobs[job].variant &&
            strcmp(plan->jobs[i].config.name, plan->jobs[job].config.name) == 0)
            return true;
    }
    return false;
}

static enum bt_status print_suite(const char *path, struct bt_error *err)
{
    const struct bt_selection selection = {.suites_dir = "suites", .suite = path};
    struct bt_plan plan;
    const enum bt_status status = bt_plan_make(&selection, &plan, err);
    if (status != BT_OK)
        return status;
    for (uint32_t i = 0; i < plan.count; i++) {
        if (!is_repeated(&plan, i))
            printf("SUITE_CORES_%s += %s-%s\n", plan.name, plan.jobs[i].variant->name, plan.jobs[i].config.name);
    }
    bt_plan_free(&plan);
    return BT_OK;
}

static enum bt_status print_all(int suites, char *const *suite, struct bt_error *err)
{
    const struct bt_variant *variant = NULL;
    enum bt_status status = BT_OK;
    for (size_t i = 0; status == BT_OK && (variant = bt_variant_at(i)) != NULL; i++)
        status = print_variant(variant, err);
    for (int i = 0; status == BT_OK && i < suites; i++)
        status = print_suite(suite[i], err);
    return status;
}

static enum bt_status print_outside(const char *build, const char *folder, struct bt_error *err)
{
    const struct bt_variant *variant = NULL;
    const enum bt_status status = bt_outside_load(folder, build, &variant, err);
    return status == BT_OK ? print_variant(variant, err) : status;
}

int main(int argc, char **argv)
{
    struct bt_error err = {.text = ""};
    const bool outside = argc == 4 && strcmp(argv[1], "--core") == 0;
    const enum bt_status status = outside ? print_outside(argv[2], argv[3], &err) : print_all(argc - 1, argv + 1, &err);
    if (status != BT_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "bittrue-cores: standard output: %s\n", strerror(errno));
        return 2;
    }
    return 0;
}
