#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "harness/baseline.h"
#include "harness/cli.h"
#include "harness/replace.h"
#include "harness/suite.h"

#define PATH_BYTES 2048
#define REASONS "REASONS.md"

/* Everything that a check or an acceptance looks at. */
struct session {
    const struct bt_cli *cli;
    char dir[PATH_BYTES]; /* of the baselines */
    struct bt_baselines old, now;
    uint32_t count;
    struct bt_results *results;
    uint32_t failed; /* results and cycle gates */
};

static void close_session(struct session *session)
{
    for (uint32_t i = 0; i < session->count; i++) {
        bt_results_free(&session->results[i]);
    }
    free(session->results);
    bt_baselines_free(&session->old);
    bt_baselines_free(&session->now);
}

/* ---- what there is ---- */

/* One file; gates of its configurations are verdicts, too. */
static enum bt_status read_results(struct session *session, const char *path, struct bt_error *err)
{
    struct bt_results *results = &session->results[session->count];
    const struct bt_run *first = &session->results[0].run;
    struct bt_gate *gates = NULL;
    uint32_t gate_count = 0;
    enum bt_status status = bt_results_read(path, results, err);
    if (status != BT_OK) {
        return status;
    }
    session->count++;
    if (results->run.shards != 1 && !session->cli->partial) {
        return bt_fail(err, BT_EINPUT, "%s: is shard %" PRIu32 " of %" PRIu32 ": expected the whole, or --partial",
                       path, results->run.shard + 1, results->run.shards);
    }
    if (strcmp(results->run.environment.commit, first->environment.commit) != 0) {
        return bt_fail(err, BT_EINPUT, "%s: is of commit %.12s, %s of %.12s: expected one", path,
                       results->run.environment.commit, session->cli->arguments[1], first->environment.commit);
    }
    status =
        bt_report_gates(results->limits, results->limit_count, results->records, results->count, &gates, &gate_count);
    if (status != BT_OK) {
        return bt_fail(err, status, "out of memory");
    }
    const struct bt_report report = bt_results_report(results, gates, gate_count);
    session->failed += bt_report_totals(&report).failed;
    free(gates);
    return BT_OK;
}

static enum bt_status read_exemptions(const struct bt_cli *cli, struct bt_baseline *baseline, struct bt_error *err)
{
    char path[PATH_BYTES];
    struct bt_variant_configs *configs = NULL;
    const struct bt_variant *variant = bt_variant_find(baseline->variant);
    if (variant == NULL) {
        return bt_fail(err, BT_EINPUT, "baseline: no variant '%s' in this program", baseline->variant);
    }
    bt_variant_configs_path(variant, cli->suites_dir, path, sizeof(path));
    const enum bt_status status = bt_variant_configs_load(path, variant, &configs, err);
    if (status != BT_OK) {
        return status;
    }
    baseline->exemptions = calloc(configs->exemption_count + (size_t)1, sizeof(*baseline->exemptions));
    for (uint32_t i = 0; baseline->exemptions != NULL && i < configs->exemption_count; i++) {
        const struct bt_exemption *from = &configs->exemptions[i];
        struct bt_baseline_exemption *to = &baseline->exemptions[baseline->exemption_count++];
        (void)snprintf(to->network, sizeof(to->network), "%s", from->network);
        (void)snprintf(to->layer, sizeof(to->layer), "%s", from->layer);
        (void)snprintf(to->config, sizeof(to->config), "%s", from->config);
        to->error_percent = from->error_percent;
    }
    bt_variant_configs_free(configs);
    return baseline->exemptions != NULL ? BT_OK : bt_fail(err, BT_ENOMEM, "out of memory");
}

static enum bt_status open_session(const struct bt_cli *cli, struct session *session, struct bt_error *err)
{
    char path[PATH_BYTES];
    struct bt_areas areas = {.count = 0};
    (void)snprintf(session->dir, sizeof(session->dir), "%s/../golden/baselines", cli->suites_dir);
    (void)snprintf(path, sizeof(path), "%s/area.json", cli->build_dir);
    session->results = calloc((size_t)cli->argument_count, sizeof(*session->results));
    if (session->results == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    enum bt_status status = bt_baselines_read(session->dir, &session->old, err);
    for (int i = 1; i < cli->argument_count && status == BT_OK; i++) {
        status = read_results(session, cli->arguments[i], err);
    }
    if (status == BT_OK) {
        status = bt_areas_read(path, &areas, err);
    }
    if (status == BT_OK) {
        status = bt_baselines_make(session->results, session->count, &areas, &session->now, err);
    }
    if (status == BT_OK) {
        status = bt_baselines_same_data(&session->old, &session->now, err);
    }
    for (uint32_t i = 0; i < session->now.count && status == BT_OK; i++) {
        status = read_exemptions(cli, &session->now.item[i], err);
    }
    bt_areas_free(&areas);
    return status;
}

/* ---- check ---- */

static int check(const struct session *session)
{
    char text[512];
    const bool partial = session->cli->partial;
    if (session->old.count == 0) {
        (void)printf("FAIL baseline: none in %s; make baseline REASON='...' records it\n", session->dir);
        return bt_cli_finish(BT_EXIT_FAIL);
    }
    const struct bt_findings findings = bt_baselines_compare(&session->old, &session->now, partial, stdout);
    const bool nothing = findings.held + findings.not_held == 0;
    bt_findings_text(&findings, text, sizeof(text));
    if (session->failed != 0) {
        (void)printf("FAIL %" PRIu32 " results or cycle gates of these runs failed\n", session->failed);
    }
    const bool failed = bt_findings_fail(&findings, partial) || session->failed != 0 || nothing;
    (void)printf("%s baseline: %s\n", failed ? "FAIL" : "PASS", text);
    if (bt_findings_any(&findings)) {
        (void)printf("after a change on purpose: make baseline REASON='...'\n");
    }
    return bt_cli_finish(failed ? BT_EXIT_FAIL : BT_EXIT_PASS);
}

/* ---- accept ---- */

static bool is_blank(const char *text)
{
    return text == NULL || text[strspn(text, " \t\r\n")] == '\0';
}

/* Exemptions and data of what is there decide whether it may be replaced. */
static enum bt_status may_replace(const struct session *session, const struct bt_findings *findings,
                                  struct bt_error *err)
{
    if (session->failed != 0) {
        return bt_fail(err, BT_EINPUT, "baseline: %" PRIu32 " results or cycle gates failed: expected none to accept",
                       session->failed);
    }
    if (findings->count[BT_FOUND_EXEMPTION] != 0) {
        return bt_fail(err, BT_EINPUT, "baseline: an exemption is new or larger: they may only shrink");
    }
    for (uint32_t i = 0; i < session->now.count; i++) {
        const struct bt_baseline *now = &session->now.item[i];
        const struct bt_baseline *old = bt_baseline_find(&session->old, now->variant);
        if (old != NULL && old->data != now->data && (old->data || session->cli->partial)) {
            return bt_fail(err, BT_EINPUT,
                           "baseline: whole networks of %s are recorded %s the data folder: expected a run %s it",
                           now->variant, old->data ? "with" : "without", old->data ? "with" : "without");
        }
    }
    return BT_OK;
}

static void copy_reasons(const char *path, FILE *out)
{
    char text[4096];
    struct stat info;
    FILE *file = stat(path, &info) == 0 && S_ISREG(info.st_mode) ? fopen(path, "r") : NULL;
    if (file == NULL) {
        (void)fputs("# Why the baselines changed\n\nWritten by `bittrue baseline accept`, the newest last.\n", out);
        return;
    }
    for (size_t got = 1; got > 0;) {
        got = fread(text, 1, sizeof(text), file);
        (void)fwrite(text, 1, got, out);
    }
    (void)fclose(file);
}

static void put_reason(const struct session *session, const struct bt_findings *findings, FILE *out)
{
    const struct bt_run *run = &session->results[0].run;
    const time_t when = (time_t)run->environment.time;
    struct tm day = {0};
    char date[16] = "";
    char text[512];
    (void)gmtime_r(&when, &day);
    (void)strftime(date, sizeof(date), "%Y-%m-%d", &day);
    bt_findings_text(findings, text, sizeof(text));
    (void)fprintf(out, "\n## %s, on %s%.12s%s\n\n", date, run->environment.commit[0] != '\0' ? "commit " : "no commit",
                  run->environment.commit, run->environment.dirty ? " with changes" : "");
    for (const char *c = session->cli->reason; *c != '\0'; c++) {
        (void)fputc(iscntrl((unsigned char)*c) != 0 ? ' ' : *c, out);
    }
    (void)fprintf(out, "\n\nAgainst the last: %s.", text);
    for (uint32_t i = 0; i < session->now.count; i++) {
        const struct bt_baseline *baseline = &session->now.item[i];
        (void)fprintf(out, "%s %s %" PRIu32 " results", i == 0 ? " Now:" : ",", baseline->variant, baseline->count);
    }
    (void)fputs(".\n", out);
}

/* A file per variant and the reasons, all or none. */
static enum bt_status write_all(const struct session *session, const struct bt_findings *findings, struct bt_error *err)
{
    const struct bt_baselines *now = &session->now;
    char path[PATH_BYTES + 64];
    enum bt_status status = BT_OK;
    struct bt_replace *files = calloc(now->count + (size_t)1, sizeof(*files));
    if (files == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    (void)snprintf(path, sizeof(path), "%s/../golden", session->cli->suites_dir);
    (void)mkdir(path, 0777);
    (void)mkdir(session->dir, 0777); /* writing says what is wrong */
    for (uint32_t i = 0; i < now->count && status == BT_OK; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s.json", session->dir, now->item[i].variant);
        status = bt_replace_open(path, &files[i], err);
        if (status == BT_OK && !bt_baseline_write(&now->item[i], files[i].out)) {
            status = bt_fail(err, BT_ENOMEM, "out of memory");
        }
        status = status == BT_OK ? bt_replace_close(&files[i], err) : status;
    }
    if (status == BT_OK) {
        (void)snprintf(path, sizeof(path), "%s/" REASONS, session->dir);
        status = bt_replace_open(path, &files[now->count], err);
    }
    if (status == BT_OK) {
        copy_reasons(path, files[now->count].out);
        put_reason(session, findings, files[now->count].out);
        status = bt_replace_close(&files[now->count], err);
    }
    for (uint32_t i = 0; i <= now->count && status == BT_OK; i++) {
        status = bt_replace_commit(&files[i], err);
    }
    for (uint32_t i = 0; i < session->old.count && status == BT_OK; i++) {
        if (bt_baseline_find(now, session->old.item[i].variant) == NULL) {
            (void)snprintf(path, sizeof(path), "%s/%s.json", session->dir, session->old.item[i].variant);
            (void)unlink(path);
        }
    }
    for (uint32_t i = 0; i <= now->count; i++) {
        bt_replace_discard(&files[i]);
    }
    free(files);
    return status;
}

static enum bt_status accept(struct session *session, struct bt_error *err)
{
    const struct bt_cli *cli = session->cli;
    char text[512];
    bool other_tolerance = false;
    const struct bt_findings findings = bt_baselines_compare(&session->old, &session->now, cli->partial, NULL);
    enum bt_status status = may_replace(session, &findings, err);
    if (status == BT_OK) {
        status = bt_baselines_keep(&session->now, &session->old, cli->partial, err);
    }
    for (uint32_t i = 0; i < session->now.count && status == BT_OK; i++) {
        struct bt_baseline *now = &session->now.item[i];
        const struct bt_baseline *old = bt_baseline_find(&session->old, now->variant);
        const double recorded = old != NULL ? old->tolerance_percent : 0.0;
        now->tolerance_percent = cli->tolerance_percent >= 0.0 ? cli->tolerance_percent : recorded;
        other_tolerance = other_tolerance || now->tolerance_percent != recorded;
        if (now->exemptions == NULL) { /* kept from the last */
            status = read_exemptions(cli, now, err);
        }
    }
    if (status != BT_OK) {
        return status;
    }
    bt_findings_text(&findings, text, sizeof(text));
    if (!bt_findings_any(&findings) && findings.not_held == 0 && !other_tolerance) {
        (void)printf("nothing to accept: %s\n", text);
        return BT_OK;
    }
    sigset_t mask;
    bt_replace_begin(&mask);
    status = write_all(session, &findings, err);
    bt_replace_end(&mask);
    if (status == BT_OK) {
        (void)printf("accepted in %s: %s\n", session->dir, text);
    }
    return status;
}

/* ---- the command ---- */

static enum bt_status check_arguments(const struct bt_cli *cli, bool *accepts, struct bt_error *err)
{
    const char *action = cli->argument_count > 0 ? cli->arguments[0] : "";
    *accepts = strcmp(action, "accept") == 0;
    if (!*accepts && strcmp(action, "check") != 0) {
        return bt_fail(err, BT_EINPUT, "baseline '%s': expected check or accept", action);
    }
    if (cli->argument_count < 2) {
        return bt_fail(err, BT_EINPUT, "baseline %s: expected results.json of one or several runs", action);
    }
    if (*accepts && is_blank(cli->reason)) {
        return bt_fail(err, BT_EINPUT, "baseline accept: expected --reason TEXT, which is recorded");
    }
    if (!*accepts && (cli->reason != NULL || cli->tolerance_percent >= 0.0)) {
        return bt_fail(err, BT_EINPUT, "baseline check: expected no --%s, it is for accept",
                       cli->reason != NULL ? "reason" : "tolerance");
    }
    return BT_OK;
}

int bt_cli_baseline(const struct bt_cli *cli)
{
    struct bt_error err = {""};
    struct session session = {.cli = cli};
    bool accepts = false;
    int exit_status = BT_EXIT_ERROR;
    enum bt_status status = check_arguments(cli, &accepts, &err);
    if (status == BT_OK) {
        status = open_session(cli, &session, &err);
    }
    if (status == BT_OK && accepts) {
        status = accept(&session, &err);
        exit_status = status == BT_OK ? bt_cli_finish(BT_EXIT_PASS) : BT_EXIT_ERROR;
    } else if (status == BT_OK) {
        exit_status = check(&session);
    }
    if (status != BT_OK) {
        (void)fflush(stdout);
        bt_cli_complain(&err);
    }
    close_session(&session);
    return exit_status;
}
