#include "harness/cli_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/job_key.h"

static bool from_environment(void)
{
    const char *given = getenv("BITTRUE_STORE");
    return given != NULL && given[0] != '\0';
}

const char *bt_cli_store_path(const struct bt_cli *cli, char *path, size_t path_bytes)
{
    const char *given = cli->store != NULL ? cli->store : from_environment() ? getenv("BITTRUE_STORE") : NULL;
    if (given == NULL) {
        (void)snprintf(path, path_bytes, "%s/results.db", cli->build_dir);
        return path;
    }
    (void)snprintf(path, path_bytes, "%s", given);
    return strcmp(given, "none") == 0 ? NULL : path;
}

/* Says what went wrong: goes on without a store, or with the one that was begun in place of a damaged one. */
static void say(struct bt_cli_store *store, enum bt_status status, const struct bt_error *why)
{
    (void)fprintf(stderr, "bittrue: results store: %s\n", why->text);
    memset(store->rows, 0, store->plan->records * sizeof(*store->rows));
    if (status == BT_EIO || status == BT_ENOMEM) {
        bt_store_close(store->store);
        store->store = NULL;
    }
}

enum bt_status bt_cli_store_open(const struct bt_cli *cli, const struct bt_plan *plan,
                                 const struct bt_engine_options *options, struct bt_cli_store *store,
                                 struct bt_error *err)
{
    char path[2048];
    *store =
        (struct bt_cli_store){.plan = plan, .options = options, .suites_dir = cli->suites_dir, .force = cli->force};
    if (bt_cli_store_path(cli, path, sizeof(path)) == NULL) {
        return BT_OK;
    }
    const bool own = cli->store == NULL && !from_environment();
    const enum bt_status status = bt_store_open(path, own ? BT_STORE_OWN : BT_STORE_WRITE, &store->store, err);
    if (status != BT_OK && cli->store != NULL) {
        return status;
    }
    if (err->text[0] != '\0') {
        (void)fprintf(stderr, "bittrue: results store: %s\n", err->text);
        err->text[0] = '\0';
    }
    if (status != BT_OK) {
        return BT_OK;
    }
    store->maker = bt_keymaker_new();
    store->keys = calloc(plan->count + (size_t)1, sizeof(*store->keys));
    store->keyed = calloc(plan->count + (size_t)1, sizeof(*store->keyed));
    store->rows = calloc(plan->records + (size_t)1, sizeof(*store->rows));
    if (store->maker == NULL || store->keys == NULL || store->keyed == NULL || store->rows == NULL) {
        bt_cli_store_close(store);
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    return BT_OK;
}

void bt_cli_store_close(struct bt_cli_store *store)
{
    bt_store_close(store->store);
    bt_keymaker_free(store->maker);
    free(store->keys);
    free(store->keyed);
    free(store->rows);
    *store = (struct bt_cli_store){.store = NULL};
}

bool bt_cli_store_answers(struct bt_cli_store *store, uint32_t index, uint32_t first, struct bt_record *records)
{
    struct bt_error err = {""};
    if (store->store == NULL) {
        return false;
    }
    const struct bt_job *job = &store->plan->jobs[index];
    store->keyed[index] =
        bt_job_key(job, store->options, store->suites_dir, store->maker, &store->keys[index]) == BT_OK;
    if (!store->keyed[index] || store->force) {
        return false;
    }
    int64_t *rows = &store->rows[first];
    const enum bt_status status = bt_store_get(store->store, &store->keys[index], job->count, records, rows, &err);
    if (err.text[0] != '\0') {
        say(store, status, &err);
    }
    store->answered += status == BT_OK ? 1 : 0;
    return status == BT_OK;
}

void bt_cli_store_keep(struct bt_cli_store *store, uint32_t index, uint32_t first, const struct bt_record *records)
{
    struct bt_error err = {""};
    if (store->store == NULL) {
        return;
    }
    const uint32_t count = store->plan->jobs[index].count;
    /* a file that results follow from and that changed since the run began, even if it is as before by now: of which are they? */
    struct bt_key now;
    bt_keymaker_look_again(store->maker);
    const bool same =
        store->keyed[index] &&
        bt_job_key(&store->plan->jobs[index], store->options, store->suites_dir, store->maker, &now) == BT_OK &&
        bt_keymaker_changed(store->maker) == NULL;
    const struct bt_key *key = store->keyed[index] ? &store->keys[index] : NULL;
    store->unkept += key != NULL && !same ? 1 : 0;
    int64_t *rows = calloc((size_t)count + 1, sizeof(*rows));
    const enum bt_status status = rows != NULL ? bt_store_put(store->store, key, same, count, records, rows, &err)
                                               : bt_fail(&err, BT_ENOMEM, "out of memory");
    if (err.text[0] != '\0') {
        say(store, status, &err);
    }
    if (rows != NULL && status == BT_OK) {
        memcpy(&store->rows[first], rows, count * sizeof(*rows));
    }
    free(rows);
}

int64_t bt_cli_store_finish(struct bt_cli_store *store, const struct bt_report *report)
{
    struct bt_error err = {""};
    int64_t number = 0;
    if (store->store != NULL && bt_store_add_run(store->store, report, store->rows, &number, &err) != BT_OK) {
        say(store, BT_EIO, &err);
        return 0;
    }
    return number;
}
