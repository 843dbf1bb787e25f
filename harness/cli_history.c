#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness/cli.h"
#include "harness/cli_store.h"
#include "harness/record_json.h"

/* Revision as people say it, with a mark where there were changes. */
static const char *revision(const char *commit, bool dirty, char *text, size_t text_bytes)
{
    (void)snprintf(text, text_bytes, "%.9s%s", commit[0] != '\0' ? commit : "-", dirty ? "+" : "");
    return text;
}

static json_t *run_json(const struct bt_store_summary *run, bool *ok)
{
    json_t *object = json_object();
    bt_json_set(object, "run", json_integer(run->number), ok);
    bt_json_set(object, "suite", bt_json_text(run->suite), ok);
    bt_json_set(object, "command", bt_json_text(run->command), ok);
    bt_json_set(object, "commit", bt_json_text(run->commit), ok);
    bt_json_set(object, "dirty", json_boolean(run->dirty), ok);
    bt_json_set(object, "time", json_integer(run->time), ok);
    bt_json_set(object, "seconds", json_real(run->seconds), ok);
    bt_json_set(object, "passed", json_integer(run->totals.passed), ok);
    bt_json_set(object, "failed", json_integer(run->totals.failed), ok);
    bt_json_set(object, "skipped", json_integer(run->totals.skipped), ok);
    bt_json_set(object, "xfailed", json_integer(run->totals.xfailed), ok);
    bt_json_set(object, "rtl_cycles", bt_json_count(run->rtl_cycles), ok);
    bt_json_set(object, "predicted_cycles", bt_json_count(run->predicted_cycles), ok);
    bt_json_set(object, "macs", bt_json_count(run->macs), ok);
    bt_json_set(object, "rtl_seconds", json_real(run->rtl_seconds), ok);
    return object;
}

static void run_line(const struct bt_store_summary *run)
{
    char text[64];
    char date[32] = "-";
    const time_t time = (time_t)run->time;
    struct tm parts;
    if (run->time != 0 && gmtime_r(&time, &parts) != NULL) {
        (void)strftime(date, sizeof(date), "%Y-%m-%d %H:%M", &parts);
    }
    (void)printf("%5" PRId64 "  %-16s  %-10s  %-12s %6" PRIu32 " %6" PRIu32 " %7" PRIu32 " %6" PRIu32 " %16" PRIu64
                 " %8.1f  %s\n",
                 run->number, date, revision(run->commit, run->dirty, text, sizeof(text)), run->suite,
                 run->totals.passed, run->totals.failed, run->totals.skipped, run->totals.xfailed, run->rtl_cycles,
                 run->seconds, run->command);
}

static int runs(const struct bt_cli *cli, struct bt_store *store, struct bt_error *err)
{
    struct bt_store_summary *list = NULL;
    uint32_t count = 0;
    bool ok = true;
    if (bt_store_runs(store, &list, &count, err) != BT_OK) {
        return BT_EXIT_ERROR;
    }
    if (cli->json) {
        json_t *root = json_object();
        json_t *array = json_array();
        for (uint32_t i = 0; i < count; i++) {
            ok = json_array_append_new(array, run_json(&list[i], &ok)) == 0 && ok;
        }
        bt_json_set(root, "runs", array, &ok);
        ok = ok && json_dumpf(root, stdout, JSON_INDENT(1) | BT_JSON_FORMAT) == 0;
        (void)printf("\n");
        json_decref(root);
    } else {
        (void)printf("%5s  %-16s  %-10s  %-12s %6s %6s %7s %6s %16s %8s  %s\n", "run", "time (UTC)", "revision",
                     "suite", "passed", "failed", "skipped", "xfail", "cycles", "s", "command");
        for (uint32_t i = 0; i < count; i++) {
            run_line(&list[i]);
        }
    }
    free(list);
    if (!ok) {
        (void)bt_fail(err, BT_ENOMEM, "out of memory");
        return BT_EXIT_ERROR;
    }
    return BT_EXIT_PASS;
}

/* One result over the runs: a line where it differs from the one before. */
struct series {
    char id[BT_ID_BYTES];
    struct bt_store_point last;
    bool json, any, ok;
    json_t *array, *points;
};

static bool same(const struct bt_store_point *a, const struct bt_store_point *b)
{
    return a->row == b->row || (a->verdict == b->verdict && a->rtl_cycles == b->rtl_cycles &&
                                a->predicted_cycles == b->predicted_cycles && a->hash == b->hash);
}

static const char *count_or_dash(uint64_t value, char *text, size_t text_bytes)
{
    (void)snprintf(text, text_bytes, value != 0 ? "%" PRIu64 : "-", value);
    return text;
}

static void point_json(struct series *series, const struct bt_store_point *point)
{
    char hash[17];
    json_t *object = json_object();
    (void)snprintf(hash, sizeof(hash), "%016" PRIx64, point->hash);
    bt_json_set(object, "run", json_integer(point->run), &series->ok);
    bt_json_set(object, "commit", bt_json_text(point->commit), &series->ok);
    bt_json_set(object, "dirty", json_boolean(point->dirty), &series->ok);
    bt_json_set(object, "verdict", bt_json_text(bt_verdict_name(point->verdict)), &series->ok);
    bt_json_set(object, "rtl_cycles", bt_json_count_or_null(point->rtl_cycles), &series->ok);
    bt_json_set(object, "predicted_cycles", bt_json_count_or_null(point->predicted_cycles), &series->ok);
    bt_json_set(object, "hash", bt_json_text(hash), &series->ok);
    series->ok = json_array_append_new(series->points, object) == 0 && series->ok;
}

static void point_line(const struct series *series, const struct bt_store_point *point, bool first)
{
    char text[64];
    char cycles[2][24];
    char change[64] = "";
    if (!first && series->last.rtl_cycles != 0 && point->rtl_cycles != 0 &&
        point->rtl_cycles != series->last.rtl_cycles) {
        const double percent = 100.0 * ((double)point->rtl_cycles / (double)series->last.rtl_cycles - 1.0);
        (void)snprintf(change, sizeof(change), "%+" PRId64 " (%+.2f %%)",
                       (int64_t)(point->rtl_cycles - series->last.rtl_cycles), percent);
    }
    char verdict[32] = "";
    if (!first && point->verdict != series->last.verdict) {
        (void)snprintf(verdict, sizeof(verdict), " %s to %s", bt_verdict_name(series->last.verdict),
                       bt_verdict_name(point->verdict));
    }
    (void)printf("%5" PRId64 "  %-10s  %-5s %12s %12s  %016" PRIx64 "  %s%s%s\n", point->run,
                 revision(point->commit, point->dirty, text, sizeof(text)), bt_verdict_name(point->verdict),
                 count_or_dash(point->rtl_cycles, cycles[0], sizeof(cycles[0])),
                 count_or_dash(point->predicted_cycles, cycles[1], sizeof(cycles[1])), point->hash, change, verdict,
                 !first && point->hash != series->last.hash ? " other bits" : "");
}

static void point(void *context, const char *id, const struct bt_store_point *point)
{
    struct series *series = context;
    const bool first = !series->any || strcmp(id, series->id) != 0 || point->seed != series->last.seed;
    if (!first && same(point, &series->last)) {
        return;
    }
    if (first) {
        (void)snprintf(series->id, sizeof(series->id), "%s", id);
        if (series->json) {
            json_t *object = json_object();
            series->points = json_array();
            bt_json_set(object, "id", bt_json_text(id), &series->ok);
            bt_json_set(object, "seed", bt_json_count(point->seed), &series->ok);
            bt_json_set(object, "points", series->points, &series->ok);
            series->ok = json_array_append_new(series->array, object) == 0 && series->ok;
        } else {
            if (!series->any) {
                (void)printf("%5s  %-10s  %-5s %12s %12s  %-16s  %s\n", "run", "revision", "", "cycles", "predicted",
                             "hash", "change");
            }
            (void)printf("%s%s, seed %" PRIu64 "\n", series->any ? "\n" : "", id, point->seed);
        }
    }
    if (series->json) {
        point_json(series, point);
    } else {
        point_line(series, point, first);
    }
    series->any = true;
    series->last = *point;
}

static int results(const struct bt_cli *cli, struct bt_store *store, struct bt_error *err)
{
    const struct bt_selection *s = &cli->selection;
    struct series series = {.json = cli->json, .ok = true, .array = json_array()};
    json_t *root = json_object();
    bt_json_set(root, "results", series.array, &series.ok);
    enum bt_status status = bt_store_history(store, s->network, s->layer, s->variant, s->config, point, &series, err);
    if (status == BT_OK && !series.any) {
        status = bt_fail(err, BT_EINPUT, "no stored result of network %s, layer %s, variant %s, configuration %s",
                         s->network != NULL ? s->network : "*", s->layer != NULL ? s->layer : "*",
                         s->variant != NULL ? s->variant : "*", s->config != NULL ? s->config : "*");
    }
    if (status == BT_OK && cli->json) {
        series.ok = series.ok && json_dumpf(root, stdout, JSON_INDENT(1) | BT_JSON_FORMAT) == 0;
        (void)printf("\n");
    }
    json_decref(root);
    return status == BT_OK && series.ok ? BT_EXIT_PASS : BT_EXIT_ERROR;
}

int bt_cli_history(const struct bt_cli *cli)
{
    const struct bt_selection *s = &cli->selection;
    struct bt_error err = {""};
    struct bt_store *store = NULL;
    char path[2048];
    int status = BT_EXIT_ERROR;
    if (bt_cli_store_path(cli, path, sizeof(path)) == NULL || access(path, F_OK) != 0) {
        (void)bt_fail(&err, BT_EINPUT, "history: no results store%s%s: 'bittrue run' makes one",
                      strcmp(path, "none") != 0 ? " " : "", strcmp(path, "none") != 0 ? path : "");
    } else if (bt_store_open(path, BT_STORE_READ, &store, &err) == BT_OK) {
        const bool all = s->network == NULL && s->layer == NULL && s->variant == NULL && s->config == NULL;
        status = all ? runs(cli, store, &err) : results(cli, store, &err);
    }
    bt_store_close(store);
    if (err.text[0] != '\0') {
        bt_cli_complain(&err);
    }
    return bt_cli_finish(status);
}
