#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "harness/difference.h"
#include "harness/markdown.h"

/* ---- tables, aligned for a terminal or as Markdown ---- */

enum { MOST_COLUMNS = 15, MOST_TERMS = 3, MOST_TERMS_OF_CONFIG = 5 };
#define LEAST_SECONDS 1.0

struct page {
    FILE *out;
    bool markdown;
    /* the table that is being filled */
    uint32_t columns, count, room;
    char **cells;
    bool failed; /* memory ran out: the table is left out */
};

static void put_plain(FILE *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        (void)fputc((unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c, out);
    }
}

static void put(const struct page *page, const char *text)
{
    (page->markdown ? bt_markdown_text : put_plain)(page->out, text);
}

__attribute__((format(printf, 2, 3))) static void cell(struct page *page, const char *fmt, ...)
{
    va_list args;
    char text[1024];
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (page->count == page->room) {
        const uint32_t room = page->room * 2 + 64;
        char **cells = realloc(page->cells, room * sizeof(*cells));
        if (cells == NULL) {
            page->failed = true;
            return;
        }
        page->cells = cells;
        page->room = room;
    }
    page->cells[page->count] = strdup(text);
    page->failed = page->failed || page->cells[page->count] == NULL;
    page->count += page->cells[page->count] != NULL ? 1 : 0;
}

/* The first row. A heading of the form ">text" is of a column of numbers. */
static void begin(struct page *page, const char *const *headings)
{
    page->columns = 0;
    for (; headings[page->columns] != NULL; page->columns++) {
        cell(page, "%s", headings[page->columns]);
    }
}

static bool is_number(const struct page *page, uint32_t column)
{
    return page->cells[column][0] == '>';
}

static const char *shown(const struct page *page, uint32_t index)
{
    return page->cells[index] + (index < page->columns && is_number(page, index) ? 1 : 0);
}

static void end_markdown(const struct page *page)
{
    for (uint32_t i = 0; i < page->count; i++) {
        (void)fputs(i % page->columns == 0 ? "| " : " ", page->out);
        bt_markdown_text(page->out, shown(page, i));
        (void)fputs(i % page->columns == page->columns - 1 ? " |\n" : " |", page->out);
        if (i == page->columns - 1) {
            for (uint32_t k = 0; k < page->columns; k++) {
                (void)fprintf(page->out, "|%s", is_number(page, k) ? "--:" : "---");
            }
            (void)fputs("|\n", page->out);
        }
    }
}

static void end_plain(const struct page *page)
{
    int widths[MOST_COLUMNS] = {0};
    for (uint32_t i = 0; i < page->count; i++) {
        const int width = (int)strlen(shown(page, i));
        int *widest = &widths[i % page->columns];
        *widest = width > *widest ? width : *widest;
    }
    for (uint32_t i = 0; i < page->count; i++) {
        const uint32_t column = i % page->columns;
        const bool last = column == page->columns - 1;
        const int pad = widths[column] - (int)strlen(shown(page, i));
        (void)fprintf(page->out, "%*s", is_number(page, column) ? pad : 0, "");
        put_plain(page->out, shown(page, i));
        (void)fprintf(page->out, "%*s", last || is_number(page, column) ? 0 : pad, "");
        (void)fputs(last ? "\n" : "  ", page->out);
    }
}

static void end(struct page *page)
{
    if (!page->failed && page->columns != 0) {
        (page->markdown ? end_markdown : end_plain)(page);
    }
    for (uint32_t i = 0; i < page->count; i++) {
        free(page->cells[i]);
    }
    free(page->cells);
    *page = (struct page){.out = page->out, .markdown = page->markdown};
}

static void heading(const struct page *page, const char *text)
{
    (void)fprintf(page->out, "\n%s%s\n\n", page->markdown ? "### " : "", text);
}

static void cell_percent(struct page *page, double a, double b)
{
    if (a > 0.0 && b > 0.0) {
        cell(page, a == b ? "0" : "%+.3f", 100.0 * (b - a) / a);
    } else {
        cell(page, "-");
    }
}

static void cell_count(struct page *page, uint64_t value)
{
    if (value != 0) {
        cell(page, "%" PRIu64, value);
    } else {
        cell(page, "-");
    }
}

static void cell_real(struct page *page, bool known, int decimals, double value)
{
    if (known) {
        cell(page, "%.*f", decimals, value);
    } else {
        cell(page, "-");
    }
}

/* ---- what is said ---- */

static void side(const struct page *page, const char *letter, const struct bt_difference_side *side)
{
    const struct bt_run *run = &side->run;
    char text[256];
    (void)fprintf(page->out, page->markdown ? "- %s: " : "%s: ", letter);
    put(page, side->name);
    (void)snprintf(text, sizeof(text), ": suite %s, %" PRIu32 " results%s%.12s%s", run->suite, side->outcomes.count,
                   run->environment.commit[0] != '\0' ? ", commit " : "", run->environment.commit,
                   run->environment.dirty ? " with changes" : "");
    put(page, text);
    (void)fputc('\n', page->out);
}

static const char *are(uint32_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

static void summary(const struct page *page, const struct bt_difference *d)
{
    char text[512];
    const char *strong = page->markdown ? "**" : "";
    if (bt_difference_is_worse(d)) {
        const uint32_t lost = d->partial ? 0 : d->only_a + d->lost;
        const int used =
            snprintf(text, sizeof(text), "%sther bits in %" PRIu32 " of %" PRIu32 " results, %" PRIu32 " %s worse",
                     d->worse + lost != 0 ? "Worse: o" : "O", d->bits, d->both, d->worse,
                     are(d->worse, "verdict is", "verdicts are"));
        (void)snprintf(text + used, sizeof(text) - (size_t)used, lost != 0 ? ", %" PRIu32 " did not run in B." : ".",
                       lost);
    } else {
        const uint32_t same = d->both - d->fixed;
        const int used = snprintf(text, sizeof(text), "Nothing got worse: %" PRIu32 " %s the same bits", same,
                                  are(same, "result has", "results have"));
        (void)snprintf(text + used, sizeof(text) - (size_t)used,
                       d->fixed != 0 ? ", %" PRIu32 " others where A was wrong." : ".", d->fixed);
    }
    (void)fprintf(page->out, "%s%s%s Cycles: %" PRIu32 " %s slower, %" PRIu32 " faster.", strong, text, strong,
                  d->slower, are(d->slower, "result is", "results are"), d->faster);
    if (d->terms != 0) {
        (void)fprintf(page->out, " Counters: %" PRIu32 " %s others.", d->terms,
                      are(d->terms, "result has", "results have"));
    }
    if (d->better != 0) {
        (void)fprintf(page->out, " %" PRIu32 " %s better.", d->better, are(d->better, "verdict is", "verdicts are"));
    }
    if (d->only_a + d->only_b != 0) {
        (void)fprintf(page->out, " Not compared: %" PRIu32 " only in A, %" PRIu32 " only in B.", d->only_a, d->only_b);
        if (!d->partial && strcmp(d->a->run.suite, d->b->run.suite) != 0) {
            (void)fputs(" The suites differ; with --partial what is not in both is no loss.", page->out);
        }
    }
    (void)fputs(page->markdown ? "\n\n" : "\n", page->out);
}

static void configurations(struct page *page, const struct bt_difference *d)
{
    static const char *const headings[] = {
        "variant",      "config",    ">results",  ">other bits", ">worse", ">cycles A", ">cycles B", ">%",
        ">predicted %", ">GMAC/s A", ">GMAC/s B", ">B / A",      ">um2 A", ">um2 B",    ">%",        NULL};
    const char *used[MOST_COLUMNS + 1];
    bool areas = false;
    for (uint32_t i = 0; i < d->sum_count; i++) {
        areas = areas || d->sums[i].area_a != NULL || d->sums[i].area_b != NULL;
    }
    memcpy(used, headings, sizeof(used));
    used[areas ? MOST_COLUMNS : MOST_COLUMNS - 3] = NULL;
    heading(page, "Configurations");
    begin(page, used);
    for (uint32_t i = 0; i < d->sum_count; i++) {
        const struct bt_difference_sum *sum = &d->sums[i];
        /* of less the ratio is noise */
        const bool timed = sum->seconds_a >= LEAST_SECONDS && sum->seconds_b >= LEAST_SECONDS;
        cell(page, "%s", sum->variant);
        cell(page, "%s", sum->config);
        cell(page, "%" PRIu32, sum->results);
        cell(page, "%" PRIu32, sum->bits);
        cell(page, "%" PRIu32, sum->worse);
        cell_count(page, sum->cycles_a);
        cell_count(page, sum->cycles_b);
        cell_percent(page, (double)sum->cycles_a, (double)sum->cycles_b);
        cell_percent(page, (double)sum->predicted_a, (double)sum->predicted_b);
        cell_real(page, timed, 3, timed ? 1e-9 * sum->macs / sum->seconds_a : 0.0);
        cell_real(page, timed, 3, timed ? 1e-9 * sum->macs / sum->seconds_b : 0.0);
        cell_real(page, timed, 2, timed ? sum->seconds_a / sum->seconds_b : 0.0);
        if (areas) {
            const double a = sum->area_a != NULL ? sum->area_a->um2 : 0.0;
            const double b = sum->area_b != NULL ? sum->area_b->um2 : 0.0;
            cell_real(page, a > 0.0, 0, a);
            cell_real(page, b > 0.0, 0, b);
            cell_percent(page, a, b);
        }
    }
    end(page);
}

static void terms(struct page *page, const struct bt_difference *d)
{
    static const char *const headings[] = {"variant", "config", "term", ">A", ">B", ">B - A", ">%", NULL};
    bool any = false;
    for (uint32_t i = 0; i < d->sum_count; i++) {
        const struct bt_difference_sum *sum = &d->sums[i];
        for (uint32_t k = 0; k < sum->term_count && k < MOST_TERMS_OF_CONFIG; k++) {
            const struct bt_term *term = &sum->terms[k];
            if (term->a == term->b) {
                continue;
            }
            if (!any) {
                heading(page, "Terms and counters that changed most, over all results");
                begin(page, headings);
                any = true;
            }
            cell(page, "%s", sum->variant);
            cell(page, "%s", sum->config);
            cell(page, "%s", term->name);
            cell(page, "%" PRIu64, term->a);
            cell(page, "%" PRIu64, term->b);
            cell(page, "%+" PRId64, (int64_t)(term->b - term->a));
            cell_percent(page, (double)term->a, (double)term->b);
        }
    }
    if (any) {
        end(page);
    }
}

/* "bits (rtl, iss:accel)" */
static void add_engines(char *text, size_t bytes, const char *what, uint32_t engines)
{
    const char *before = "";
    for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
        if ((engines & 1u << e) != 0) {
            const size_t used = strlen(text);
            const char *comma = used != 0 ? ", " : "";
            (void)snprintf(text + used, bytes - used, "%s%s%s", comma, *before == '\0' ? what : "", bt_engine_name(e));
            before = what;
        }
    }
    if (engines != 0) {
        const size_t used = strlen(text);
        (void)snprintf(text + used, bytes - used, ")");
    }
}

/* Are its cycles those of the predictions? Where what was measured did not change, and they did. */
static bool is_of_prediction(const struct bt_changed *change)
{
    return change->a != NULL && change->b != NULL && change->cycles != 0.0 &&
           (change->a->rtl_cycles == 0 || change->b->rtl_cycles == 0 || change->a->rtl_cycles == change->b->rtl_cycles);
}

/* "bits (rtl, iss:accel), PASS to FAIL" */
static void cell_change(struct page *page, const struct bt_difference *d, const struct bt_changed *change)
{
    char text[256] = "";
    if (change->a == NULL || change->b == NULL) {
        cell(page, "only in %s", change->a != NULL ? "A" : "B");
        return;
    }
    add_engines(text, sizeof(text), "bits (", change->bits);
    add_engines(text, sizeof(text), "did not run (", d->partial ? 0 : change->lost);
    const size_t used = strlen(text);
    if (change->verdict != 0) {
        (void)snprintf(text + used, sizeof(text) - used, "%s%s to %s", used != 0 ? ", " : "",
                       bt_verdict_name(change->a->verdict), bt_verdict_name(change->b->verdict));
    } else if (used != 0) {
        /* said */
    } else {
        (void)snprintf(text, sizeof(text), "%s",
                       change->cycles == 0.0      ? "counters"
                       : is_of_prediction(change) ? "prediction"
                                                  : "cycles");
    }
    cell(page, "%s", text);
}

static void cell_terms(struct page *page, const struct bt_changed *change)
{
    struct bt_term terms[BT_OUTCOME_TERMS];
    char text[256] = "";
    uint32_t count = change->a != NULL && change->b != NULL ? bt_difference_terms(change->a, change->b, terms) : 0;
    for (uint32_t i = 0; i < count && i < MOST_TERMS; i++) {
        const size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "%s%s %+" PRId64, i > 0 ? ", " : "", terms[i].name,
                       (int64_t)(terms[i].b - terms[i].a));
    }
    cell(page, "%s", text);
}

static void changed(struct page *page, const struct bt_difference *d)
{
    static const char *const headings[] = {"change",    "network",   "layer", "variant", "config", "data",
                                           ">cycles A", ">cycles B", ">%",    "terms",   NULL};
    if (d->count == 0) {
        return;
    }
    heading(page, "Results that changed");
    begin(page, headings);
    for (uint32_t i = 0; i < d->count && i < BT_DIFFERENCE_ROWS; i++) {
        const struct bt_changed *change = &d->changed[i];
        const struct bt_outcome *outcome = change->b != NULL ? change->b : change->a;
        assert(outcome != NULL); /* one side has it */
        const bool predicted = is_of_prediction(change);
        const uint64_t a = change->a == NULL ? 0 : predicted ? change->a->predicted_cycles : change->a->rtl_cycles;
        const uint64_t b = change->b == NULL ? 0 : predicted ? change->b->predicted_cycles : change->b->rtl_cycles;
        cell_change(page, d, change);
        cell(page, "%s", outcome->network);
        cell(page, "%s", outcome->layer);
        cell(page, "%s", outcome->variant);
        cell(page, "%s", outcome->config);
        cell(page, "%s", outcome->data);
        cell_count(page, a);
        cell_count(page, b);
        cell_percent(page, (double)a, (double)b);
        cell_terms(page, change);
    }
    end(page);
    if (d->count > BT_DIFFERENCE_ROWS) {
        (void)fprintf(page->out, "\n%" PRIu32 " more are left out here.\n", d->count - BT_DIFFERENCE_ROWS);
    }
}

static void reasons(const struct page *page, const struct bt_difference *d)
{
    bool any = false;
    for (uint32_t i = 0; i < d->count && i < BT_DIFFERENCE_ROWS; i++) {
        const struct bt_changed *change = &d->changed[i];
        if (change->verdict <= 0 || change->a == NULL || change->b == NULL || change->b->reason[0] == '\0') {
            continue;
        }
        if (!any) {
            heading(page, "Why verdicts got worse");
            any = true;
        }
        (void)fputs(page->markdown ? "- " : "", page->out);
        put(page, change->b->network);
        (void)fputc(' ', page->out);
        put(page, change->b->layer);
        (void)fputs(" on ", page->out);
        put(page, change->b->variant);
        (void)fputc(' ', page->out);
        put(page, change->b->config);
        (void)fputs(", ", page->out);
        put(page, change->b->data);
        (void)fputs(": ", page->out);
        put(page, change->b->reason);
        (void)fputc('\n', page->out);
    }
}

static void report(struct page *page, const struct bt_difference *d)
{
    if (page->markdown) {
        (void)fputs("## bittrue compare\n\n", page->out);
    }
    summary(page, d);
    side(page, "A", d->a);
    side(page, "B", d->b);
    configurations(page, d);
    terms(page, d);
    changed(page, d);
    reasons(page, d);
}

void bt_difference_table(const struct bt_difference *difference, FILE *out)
{
    struct page page = {.out = out};
    report(&page, difference);
}

void bt_difference_markdown(const struct bt_difference *difference, FILE *out)
{
    struct page page = {.out = out, .markdown = true};
    report(&page, difference);
}
