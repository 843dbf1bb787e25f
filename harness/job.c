#include "harness/job.h"

#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "harness/model.h"
#include "reference/common/bt_conv2d.h"

#define PATH_BYTES 4096

bool bt_glob(const char *globs, const char *text)
{
    if (globs == NULL) {
        return true;
    }
    char one[256];
    while (*globs != '\0') {
        const size_t length = strcspn(globs, ",");
        if (length > 0 && length < sizeof(one)) {
            memcpy(one, globs, length);
            one[length] = '\0';
            if (fnmatch(one, text, 0) == 0) {
                return true;
            }
        }
        globs += length;
        globs += *globs == ',' ? 1 : 0;
    }
    return false;
}

void bt_job_layer_name(const struct bt_job *job, uint32_t index, char *text, size_t text_bytes)
{
    const char *chain = job->chain != NULL ? job->chain : "";
    (void)snprintf(text, text_bytes, "%s%s%s", chain, job->chain != NULL ? "/" : "", job->layers[index].layer);
}

/* ---- networks ---- */

/* "dir/name.yaml" without dir and ending. */
static void stem(const char *path, char *name, size_t name_bytes)
{
    const char *slash = strrchr(path, '/');
    (void)snprintf(name, name_bytes, "%s", slash != NULL ? slash + 1 : path);
    char *dot = strrchr(name, '.');
    if (dot != NULL) {
        *dot = '\0';
    }
}

/* Networks of one folder that match, behind those that are there already. */
static enum bt_status load_folder(const char *suites_dir, const char *folder, const char *names,
                                  enum bt_status (*load)(const char *path, struct bt_network **network,
                                                         struct bt_error *err),
                                  struct bt_network ***networks, uint32_t *count, struct bt_error *err)
{
    char pattern[PATH_BYTES];
    glob_t files = {0};
    enum bt_status status = BT_OK;
    (void)snprintf(pattern, sizeof(pattern), "%s/%s/*.yaml", suites_dir, folder);
    if (glob(pattern, 0, NULL, &files) != 0) {
        return BT_OK;
    }
    struct bt_network **grown = realloc(*networks, (*count + files.gl_pathc) * sizeof(struct bt_network *));
    if (grown == NULL) {
        globfree(&files);
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    *networks = grown;
    for (size_t i = 0; status == BT_OK && i < files.gl_pathc; i++) {
        char name[256];
        stem(files.gl_pathv[i], name, sizeof(name));
        if (bt_glob(names, name)) {
            status = load(files.gl_pathv[i], &grown[*count], err);
            *count += status == BT_OK ? 1 : 0;
        }
    }
    globfree(&files);
    return status;
}

enum bt_status bt_networks_load(const char *suites_dir, const char *names, struct bt_network ***networks,
                                uint32_t *count, struct bt_error *err)
{
    struct bt_network **loaded = NULL;
    uint32_t used = 0;
    enum bt_status status = load_folder(suites_dir, "networks", names, bt_network_load, &loaded, &used, err);
    if (status == BT_OK && names != NULL) {
        status = load_folder(suites_dir, "models", names, bt_network_load_card, &loaded, &used, err);
    }
    if (status == BT_OK && used == 0) {
        status =
            bt_fail(err, BT_EINPUT, "no network matches '%s' in %s/networks", names != NULL ? names : "*", suites_dir);
    }
    if (status == BT_OK) {
        *networks = loaded;
        *count = used;
        return BT_OK;
    }
    for (uint32_t i = 0; i < used; i++) {
        bt_network_free(loaded[i]);
    }
    free(loaded);
    return status;
}

/* ---- the plan ---- */

/* What the selection says, parsed once. */
struct choice {
    const struct bt_selection *selection;
    unsigned engines; /* 0: the suite decides */
    bool has_pattern;
    enum bt_pattern pattern;
    uint64_t seed;
    uint32_t capacity; /* of plan->jobs */
};

static enum bt_status parse_engines(const char *text, unsigned *engines, struct bt_error *err)
{
    *engines = 0;
    for (const char *at = text; at != NULL && *at != '\0'; at += *at == ',' ? 1 : 0) {
        char item[64];
        unsigned found = 0;
        const size_t length = strcspn(at, ",");
        (void)snprintf(item, sizeof(item), "%.*s", (int)length, at);
        for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
            found |= bt_glob(item, bt_engine_name(e)) ? 1u << e : 0u;
        }
        if (found == 0) {
            return bt_fail(err, BT_EINPUT,
                           "no engine matches '%s' of '%s': expected ref, model, rtl, cycles, iss:sw, iss:accel", item,
                           text);
        }
        *engines |= found;
        at += length;
    }
    return BT_OK;
}

static enum bt_status parse_pattern(const char *text, struct choice *choice, struct bt_error *err)
{
    if (text == NULL) {
        return BT_OK;
    }
    for (enum bt_pattern p = BT_PATTERN_UNIFORM; p < BT_PATTERN_COUNT; p++) {
        if (strcmp(text, bt_pattern_name(p)) == 0) {
            choice->has_pattern = true;
            choice->pattern = p;
            return BT_OK;
        }
    }
    return bt_fail(err, BT_EINPUT, "no pattern '%s': expected uniform, min, ties, extreme_zp", text);
}

static enum bt_status load_configs(const struct bt_selection *selection, struct bt_plan *plan, struct bt_error *err)
{
    size_t rooms = 0;
    while (bt_variant_at(rooms) != NULL) {
        rooms++;
    }
    plan->configs = calloc(rooms + 1, sizeof(struct bt_variant_configs *));
    if (plan->configs == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < rooms; i++) {
        const struct bt_variant *variant = bt_variant_at(i);
        if (!bt_glob(selection->variant, variant->name)) {
            continue;
        }
        char path[PATH_BYTES];
        bt_variant_configs_path(variant, selection->suites_dir, path, sizeof(path));
        const enum bt_status status = bt_variant_configs_load(path, variant, &plan->configs[plan->configs_count], err);
        if (status != BT_OK) {
            return status;
        }
        plan->configs_count++;
    }
    if (plan->configs_count == 0) {
        return bt_fail(err, BT_EINPUT, "no variant matches '%s'; 'bittrue list' shows all", selection->variant);
    }
    return BT_OK;
}

static const struct bt_variant_configs *configs_of(const struct bt_plan *plan, const char *variant)
{
    for (uint32_t i = 0; i < plan->configs_count; i++) {
        if (strcmp(plan->configs[i]->variant, variant) == 0) {
            return plan->configs[i];
        }
    }
    return NULL;
}

static bool layer_selected(const struct bt_selection *selection, const struct bt_job *job)
{
    for (uint32_t i = 0; i < job->count; i++) {
        char name[256];
        bt_job_layer_name(job, i, name, sizeof(name));
        if (bt_glob(selection->network, job->layers[i].network) && bt_glob(selection->layer, name)) {
            return true;
        }
    }
    return false;
}

/* Narrowing the patterns or stalls of several runs to one may leave the same job twice. */
static bool already_planned(const struct bt_plan *plan, const struct bt_job *job)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct bt_job *other = &plan->jobs[i];
        if (other->variant == job->variant && other->pattern == job->pattern &&
            other->config.mem.stall_percent == job->config.mem.stall_percent &&
            strcmp(other->config.name, job->config.name) == 0 && other->count == job->count &&
            other->layers[0].work.dtype == job->layers[0].work.dtype &&
            other->pruning.percent == job->pruning.percent && other->pruning.structure == job->pruning.structure &&
            (other->chain == NULL) == (job->chain == NULL) &&
            (job->chain == NULL || strcmp(other->chain, job->chain) == 0) &&
            strcmp(other->layers[0].network, job->layers[0].network) == 0 &&
            strcmp(other->layers[0].layer, job->layers[0].layer) == 0) {
            return true;
        }
    }
    return false;
}

static enum bt_status add_job(struct bt_plan *plan, struct choice *choice, const struct bt_job *job,
                              struct bt_error *err)
{
    const bool narrowed = choice->has_pattern || choice->selection->has_stalls;
    if (narrowed && already_planned(plan, job)) {
        return BT_OK;
    }
    if (plan->count == choice->capacity) {
        const uint32_t capacity = choice->capacity * 2 + 64;
        struct bt_job *grown = realloc(plan->jobs, capacity * sizeof(*grown));
        if (grown == NULL) {
            return bt_fail(err, BT_ENOMEM, "out of memory");
        }
        plan->jobs = grown;
        choice->capacity = capacity;
    }
    struct bt_job *added = &plan->jobs[plan->count++];
    *added = *job;
    for (uint32_t i = 0; i < job->count; i++) {
        added->macs += bt_layer_macs(&job->layers[i].work);
    }
    return BT_OK;
}

/* The CPU alone does the same whatever accelerator is beside it: once per layer and pattern. */
static bool drop_repeats(struct bt_job *job, bool repeated)
{
    const unsigned sw = 1u << BT_ENGINE_ISS_SW;
    const unsigned ref = 1u << BT_ENGINE_REF;
    if (!repeated || (job->engines & sw) == 0) {
        return true;
    }
    job->engines &= ~sw;
    return (job->engines & ~ref) != 0;
}

/* One unit of work on one configuration: all patterns and stalls. */
static enum bt_status add_data(struct bt_plan *plan, struct choice *choice, const struct bt_suite_run *run,
                               const struct bt_job *base, bool first_config, struct bt_error *err)
{
    /* The data of a whole network is its pictures. */
    const uint32_t patterns = choice->has_pattern || base->network != NULL ? 1 : run->pattern_count;
    const uint32_t stalls = choice->selection->has_stalls ? 1 : run->stall_count;
    for (uint32_t p = 0; p < patterns; p++) {
        for (uint32_t s = 0; s < stalls; s++) {
            struct bt_job job = *base;
            job.pattern = base->network != NULL ? BT_PATTERN_UNIFORM
                          : choice->has_pattern ? choice->pattern
                                                : run->patterns[p];
            job.config.mem.stall_percent =
                choice->selection->has_stalls ? choice->selection->stall_percent : run->stall_percents[s];
            job.config.mem.stall_seed = job.seed;
            if (!drop_repeats(&job, !first_config || s > 0)) {
                continue;
            }
            const enum bt_status status = add_job(plan, choice, &job, err);
            if (status != BT_OK) {
                return status;
            }
        }
    }
    return BT_OK;
}

static bool config_listed(const struct bt_suite_variant *wanted, const char *config)
{
    for (uint32_t i = 0; i < wanted->config_count; i++) {
        if (strcmp(wanted->configs[i], config) == 0) {
            return true;
        }
    }
    return wanted->config_count == 0;
}

/* One layer or chain on all configurations that the run names for the variant. */
static enum bt_status add_configs(struct bt_plan *plan, struct choice *choice, const struct bt_suite_run *run,
                                  const struct bt_suite_variant *wanted, struct bt_job *base, struct bt_error *err)
{
    const struct bt_variant_configs *configs = configs_of(plan, wanted->variant);
    if (configs == NULL) {
        return BT_OK; /* another variant than the one selected */
    }
    base->variant = bt_variant_find(wanted->variant);
    base->configs = configs;
    bool first = true;
    for (uint32_t i = 0; i < configs->count; i++) {
        if (!config_listed(wanted, configs->configs[i].name) ||
            !bt_glob(choice->selection->config, configs->configs[i].name)) {
            continue;
        }
        base->config = configs->configs[i];
        const enum bt_status status = add_data(plan, choice, run, base, first, err);
        first = false;
        if (status != BT_OK) {
            return status;
        }
    }
    return BT_OK;
}

static enum bt_status add_variants(struct bt_plan *plan, struct choice *choice, const struct bt_suite_run *run,
                                   struct bt_job *base, struct bt_error *err)
{
    if (!layer_selected(choice->selection, base)) {
        return BT_OK;
    }
    for (uint32_t v = 0; v < run->variant_count; v++) {
        const enum bt_status status = add_configs(plan, choice, run, &run->variants[v], base, err);
        if (status != BT_OK) {
            return status;
        }
    }
    return BT_OK;
}

static enum bt_status add_run(struct bt_plan *plan, struct choice *choice, const struct bt_suite_run *run,
                              unsigned engines, struct bt_error *err)
{
    struct bt_job base = {.engines = engines, .seed = choice->seed, .pruning = run->pruning, .pictures = run->pictures};
    for (uint32_t i = 0; i < run->layer_count; i++) {
        base.chain = NULL;
        base.network = NULL;
        base.count = 1;
        base.layers = &run->layers[i];
        const enum bt_status status = add_variants(plan, choice, run, &base, err);
        if (status != BT_OK) {
            return status;
        }
    }
    for (uint32_t i = 0; i < run->chain_count; i++) {
        base.chain = run->chains[i].name;
        base.network = run->chains[i].network;
        base.count = run->chains[i].count;
        base.layers = run->chains[i].layers;
        const enum bt_status status = add_variants(plan, choice, run, &base, err);
        if (status != BT_OK) {
            return status;
        }
    }
    return BT_OK;
}

/* The variants and configurations that a suite names must exist, whatever the filters leave of them. */
static enum bt_status check_names(const struct bt_plan *plan, const struct bt_suite *suite, struct bt_error *err)
{
    for (uint32_t r = 0; r < suite->run_count; r++) {
        const struct bt_suite_run *run = &suite->runs[r];
        for (uint32_t v = 0; v < run->variant_count; v++) {
            const struct bt_suite_variant *wanted = &run->variants[v];
            if (bt_variant_find(wanted->variant) == NULL) {
                return bt_fail(err, BT_EINPUT, "%s:%u: no variant '%s'; 'bittrue list' shows all", suite->path,
                               wanted->line, wanted->variant);
            }
            const struct bt_variant_configs *configs = configs_of(plan, wanted->variant);
            for (uint32_t c = 0; configs != NULL && c < wanted->config_count; c++) {
                if (bt_variant_configs_find(configs, wanted->configs[c]) == NULL) {
                    return bt_fail(err, BT_EINPUT, "%s:%u: variant %s has no configuration '%s'", suite->path,
                                   wanted->line, wanted->variant, wanted->configs[c]);
                }
            }
        }
    }
    return BT_OK;
}

/* Whose data is of the kind that was asked for, if any was. */
static bool run_selected(const struct bt_selection *selection, const struct bt_suite_run *run)
{
    return (!selection->has_dtype || run->dtype == selection->dtype) &&
           (!selection->has_sparsity || run->pruning.percent == selection->pruning.percent) &&
           (!selection->has_structure || run->pruning.structure == selection->pruning.structure);
}

static enum bt_status plan_suite(struct bt_plan *plan, struct choice *choice, struct bt_error *err)
{
    const struct bt_selection *selection = choice->selection;
    enum bt_status status = bt_suite_load(selection->suite, &plan->suite, err);
    if (status != BT_OK) {
        return status;
    }
    const struct bt_suite *suite = plan->suite;
    status = check_names(plan, suite, err);
    if (status != BT_OK) {
        return status;
    }
    if (!selection->has_seed) {
        choice->seed = suite->seed;
    }
    plan->name = suite->name;
    const unsigned engines = choice->engines != 0 ? choice->engines : suite->engines;
    for (uint32_t r = 0; r < suite->run_count; r++) {
        if (!run_selected(selection, &suite->runs[r])) {
            continue;
        }
        status = add_run(plan, choice, &suite->runs[r], engines, err);
        if (status != BT_OK) {
            return status;
        }
    }
    return BT_OK;
}

/* The network of --model, by itself. */
static enum bt_status load_model(const struct bt_selection *selection, struct bt_plan *plan, struct bt_error *err)
{
    const char *path = selection->model;
    const size_t length = strlen(path);
    plan->networks = calloc(1, sizeof(struct bt_network *));
    if (plan->networks == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    enum bt_status status = BT_OK;
    if (length > 5 && strcmp(path + length - 5, ".yaml") == 0) {
        status = selection->dataset != NULL
                     ? bt_fail(err, BT_EINPUT, "--dataset for %.200s: expected it in that file", path)
                     : bt_network_load_card(path, &plan->networks[0], err);
    } else {
        status = bt_network_load_model(path, selection->dataset, &plan->networks[0], err);
    }
    plan->network_count = status == BT_OK ? 1 : 0;
    return status;
}

/* A table has nothing whose accuracy could be measured. */
static enum bt_status check_accuracy(const struct bt_selection *selection, const struct bt_plan *plan,
                                     struct bt_error *err)
{
    for (uint32_t i = 0; selection->pictures.accuracy && i < plan->network_count; i++) {
        if (plan->networks[i]->card == NULL) {
            return bt_fail(err, BT_EINPUT, "--accuracy: network '%s' is a table: expected one of %s/models",
                           plan->networks[i]->name, selection->suites_dir);
        }
    }
    return BT_OK;
}

/* Without a suite: one run over the layers of the networks, all variants, uniform data, no stalls. */
static enum bt_status plan_networks(struct bt_plan *plan, struct choice *choice, struct bt_error *err)
{
    const struct bt_pruning *pruning = &choice->selection->pruning;
    if (pruning->percent == 0 && pruning->structure != BT_STRUCTURE_RANDOM) {
        return bt_fail(err, BT_EINPUT, "structure %s without sparsity: expected both",
                       bt_structure_name(pruning->structure));
    }
    enum bt_status status = choice->selection->model != NULL
                                ? load_model(choice->selection, plan, err)
                                : bt_networks_load(choice->selection->suites_dir, choice->selection->network,
                                                   &plan->networks, &plan->network_count, err);
    if (status == BT_OK) {
        status = check_accuracy(choice->selection, plan, err);
    }
    if (status != BT_OK) {
        return status;
    }
    uint32_t layers = 0;
    for (uint32_t i = 0; i < plan->network_count; i++) {
        layers += plan->networks[i]->count;
    }
    struct bt_suite_variant *variants = calloc(plan->configs_count + (size_t)1, sizeof(*variants));
    plan->layers = calloc(layers + (size_t)1, sizeof(*plan->layers));
    plan->chains = calloc(plan->network_count + (size_t)1, sizeof(*plan->chains));
    if (plan->layers == NULL || plan->chains == NULL || variants == NULL) {
        status = bt_fail(err, BT_ENOMEM, "out of memory");
        goto cleanup;
    }
    uint32_t no_stalls = 0;
    struct bt_suite_run run = {
        .dtype = choice->selection->dtype,
        .pruning = choice->selection->pruning,
        .pictures = choice->selection->pictures,
        .layers = plan->layers,
        .variant_count = plan->configs_count,
        .variants = variants,
        .pattern_count = 1,
        .patterns = {BT_PATTERN_UNIFORM},
        .stall_count = 1,
        .stall_percents = &no_stalls,
    };
    for (uint32_t i = 0; i < plan->configs_count; i++) {
        variants[i].variant = plan->configs[i]->variant;
    }
    for (uint32_t i = 0; i < plan->network_count && choice->selection->chained; i++) {
        status =
            bt_suite_whole(plan->networks[i], choice->selection->pictures.accuracy, &plan->chains[plan->chain_count]);
        if (status != BT_OK) {
            (void)bt_fail(err, status, "out of memory");
            goto cleanup;
        }
        plan->chain_count++;
    }
    run.chains = plan->chains;
    run.chain_count = plan->chain_count;
    for (uint32_t i = 0; i < plan->network_count && !choice->selection->chained; i++) {
        for (uint32_t j = 0; j < plan->networks[i]->count; j++) {
            const struct bt_node *node = &plan->networks[i]->nodes[j];
            if (bt_node_is_layer(node)) {
                struct bt_suite_layer *layer = &plan->layers[run.layer_count++];
                *layer = (struct bt_suite_layer){
                    .network = plan->networks[i]->name,
                    .layer = node->name,
                    .work = bt_node_layer(node),
                    .act = node->act,
                    .same = 1,
                };
                bt_suite_layer_format(layer, run.dtype);
            }
        }
    }
    status = add_run(plan, choice, &run, choice->engines != 0 ? choice->engines : BT_ENGINES_ALL, err);

cleanup:
    free(variants);
    return status;
}

enum filter { FILTER_NETWORK, FILTER_LAYER, FILTER_VARIANT, FILTER_CONFIG, FILTER_COUNT };

static bool job_matches(const struct bt_job *job, enum filter filter, const char *item)
{
    if (filter == FILTER_VARIANT || filter == FILTER_CONFIG) {
        return bt_glob(item, filter == FILTER_VARIANT ? job->variant->name : job->config.name);
    }
    for (uint32_t i = 0; i < job->count; i++) {
        char name[256];
        bt_job_layer_name(job, i, name, sizeof(name));
        if (bt_glob(item, filter == FILTER_NETWORK ? job->layers[i].network : name)) {
            return true;
        }
    }
    return false;
}

/* An item of a list that selects nothing is a slip of the pen, even where the others select something. */
static enum bt_status check_filter(const struct bt_plan *plan, enum filter filter, const char *list,
                                   struct bt_error *err)
{
    static const char *const names[FILTER_COUNT] = {"network", "layer", "variant", "configuration"};
    for (const char *at = list; at != NULL && *at != '\0'; at += *at == ',' ? 1 : 0) {
        char item[256];
        const size_t length = strcspn(at, ",");
        (void)snprintf(item, sizeof(item), "%.*s", (int)length, at);
        bool found = length == 0;
        for (uint32_t i = 0; !found && i < plan->count; i++) {
            found = job_matches(&plan->jobs[i], filter, item);
        }
        if (!found) {
            return bt_fail(err, BT_EINPUT, "%s '%s' of '%s' selects nothing", names[filter], item, list);
        }
        at += length;
    }
    return BT_OK;
}

static enum bt_status check_filters(const struct bt_plan *plan, const struct bt_selection *selection,
                                    struct bt_error *err)
{
    const char *const lists[FILTER_COUNT] = {
        [FILTER_NETWORK] = selection->network,
        [FILTER_LAYER] = selection->layer,
        [FILTER_VARIANT] = selection->variant,
        [FILTER_CONFIG] = selection->config,
    };
    enum bt_status status = BT_OK;
    for (enum filter f = FILTER_NETWORK; f < FILTER_COUNT && plan->count != 0 && status == BT_OK; f++) {
        status = check_filter(plan, f, lists[f], err);
    }
    return status;
}

/* Names and numbers of a job as text, so that no padding or address enters the digest. */
static uint64_t digest_job(const struct bt_job *job, uint64_t digest)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL) {
        return 0;
    }
    (void)fprintf(out, "%s %s %s %s %u %u %u %" PRIu64 " %u %" PRIu64, job->variant->name, job->config.name,
                  job->chain != NULL ? job->chain : "", bt_pattern_name(job->pattern), job->config.mem.stall_percent,
                  job->pruning.percent, job->pruning.structure, job->seed, job->engines, job->macs);
    for (uint32_t i = 0; i < job->config.count; i++) {
        (void)fprintf(out, " %s=%" PRId64, job->config.param[i].key, job->config.param[i].value);
    }
    for (uint32_t i = 0; i < job->count; i++) {
        (void)fprintf(out, " %s/%s:%s", job->layers[i].network, job->layers[i].layer,
                      bt_dtype_name(job->layers[i].work.dtype));
    }
    const struct bt_pictures *pictures = &job->pictures;
    (void)fprintf(out, " %u %d %u %u %g\n", pictures->images, pictures->accuracy, pictures->accuracy_images,
                  pictures->model_images, pictures->max_drop);
    const bool ok = fclose(out) == 0;
    const uint64_t made = ok ? XXH3_64bits_withSeed(text, length, digest) : 0;
    free(text);
    return made;
}

static enum bt_status number_jobs(const struct bt_selection *selection, struct bt_plan *plan, struct bt_error *err)
{
    plan->whole = plan->count;
    for (uint32_t i = 0; i < plan->count; i++) {
        plan->jobs[i].index = i;
        plan->digest = digest_job(&plan->jobs[i], plan->digest);
        plan->records += plan->jobs[i].count;
    }
    if (plan->count == 0) {
        return bt_fail(
            err, BT_EINPUT,
            "nothing selected: network %s, layer %s, variant %s, configuration %s%s%s; 'bittrue list' shows what there "
            "is",
            selection->network != NULL ? selection->network : "*", selection->layer != NULL ? selection->layer : "*",
            selection->variant != NULL ? selection->variant : "*", selection->config != NULL ? selection->config : "*",
            selection->suite != NULL ? ", suite " : "", selection->suite != NULL ? selection->suite : "");
    }
    return BT_OK;
}

enum bt_status bt_plan_make(const struct bt_selection *selection, struct bt_plan *plan, struct bt_error *err)
{
    struct bt_plan made = {.name = "run"};
    struct choice choice = {.selection = selection, .seed = selection->has_seed ? selection->seed : 1};
    if (selection->model != NULL && selection->suite != NULL) {
        return bt_fail(err, BT_EINPUT, "--model and --suite exclude each other");
    }
    if (selection->dataset != NULL && selection->model == NULL) {
        return bt_fail(err, BT_EINPUT, "--dataset without --model: expected both");
    }
    enum bt_status status = parse_engines(selection->engine, &choice.engines, err);
    if (status == BT_OK) {
        status = parse_pattern(selection->pattern, &choice, err);
    }
    if (status == BT_OK) {
        status = load_configs(selection, &made, err);
    }
    if (status == BT_OK) {
        status = selection->suite != NULL ? plan_suite(&made, &choice, err) : plan_networks(&made, &choice, err);
    }
    if (status == BT_OK) {
        status = check_filters(&made, selection, err);
    }
    if (status == BT_OK) {
        status = number_jobs(selection, &made, err);
    }
    if (status != BT_OK) {
        bt_plan_free(&made);
        return status;
    }
    made.seed = choice.seed;
    *plan = made;
    return BT_OK;
}

void bt_plan_keep(struct bt_plan *plan, const uint32_t *shard_of, uint32_t shard)
{
    uint32_t kept = 0;
    plan->records = 0;
    for (uint32_t i = 0; i < plan->count; i++) {
        if (shard_of[i] == shard) {
            plan->jobs[kept++] = plan->jobs[i];
            plan->records += plan->jobs[i].count;
        }
    }
    plan->count = kept;
}

void bt_plan_free(struct bt_plan *plan)
{
    for (uint32_t i = 0; i < plan->network_count; i++) {
        bt_network_free(plan->networks[i]);
    }
    for (uint32_t i = 0; i < plan->configs_count; i++) {
        bt_variant_configs_free(plan->configs[i]);
    }
    if (plan->suite != NULL) {
        bt_suite_free(plan->suite);
    }
    free(plan->networks);
    free(plan->configs);
    for (uint32_t i = 0; i < plan->chain_count; i++) {
        free(plan->chains[i].layers);
    }
    free(plan->chains);
    free(plan->layers);
    free(plan->jobs);
    *plan = (struct bt_plan){0};
}
