/* For a step of GitHub Actions: annotations on its output, and its job summary. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/report.h"

/* GitHub shows this many annotations of one kind per step, and drops a longer summary altogether. */
#define MOST_ERRORS 10
#define MOST_SUMMARY_BYTES (UINT64_C(1) << 20)

static const char cut_note[] =
    "\n\nCut here: a job summary has at most 1 MiB. The whole is `summary.md` of the reports.\n";

/* What would end the message, or the value of a property. */
static void escaped(FILE *out, const char *text, bool property)
{
    for (; *text != '\0'; text++) {
        const bool special =
            *text == '%' || *text == '\r' || *text == '\n' || (property && (*text == ':' || *text == ','));
        if (special) {
            (void)fprintf(out, "%%%02X", (unsigned)*text);
        } else {
            (void)fputc(*text, out);
        }
    }
}

static void annotate(FILE *out, const char *title, const char *reason, const char *replay)
{
    (void)fputs("::error title=", out);
    escaped(out, title, true);
    (void)fputs("::", out);
    escaped(out, reason, false);
    if (replay != NULL) {
        escaped(out, "\nreplay: ", false);
        escaped(out, replay, false);
    }
    (void)fputc('\n', out);
}

void bt_report_annotations(const struct bt_report *report, FILE *out)
{
    char title[512];
    uint32_t failures = 0;
    /* A gate is about a whole configuration: these first. */
    for (uint32_t i = 0; i < report->gate_count; i++) {
        const struct bt_gate *gate = &report->gates[i];
        if (gate->verdict == BT_FAIL && failures++ < MOST_ERRORS) {
            (void)snprintf(title, sizeof(title), "cycle gate of %s %s", gate->variant, gate->config);
            annotate(out, title, gate->reason, NULL);
        }
    }
    for (uint32_t i = 0; i < report->record_count; i++) {
        const struct bt_record *record = &report->records[i];
        if (record->verdict == BT_FAIL && failures++ < MOST_ERRORS) {
            (void)snprintf(title, sizeof(title), "%s %s on %s %s", record->network, record->layer, record->variant,
                           record->config);
            annotate(out, title, record->reason, report->replays[i]);
        }
    }
    if (failures > MOST_ERRORS) {
        (void)fprintf(out, "::notice title=bittrue::%u more failures, all of them in summary.md and results.json\n",
                      failures - MOST_ERRORS);
    }
}

static bool write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        const ssize_t written = write(fd, text, length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        text += written;
        length -= (size_t)written;
    }
    return true;
}

/* All of it, or as many lines as there is room for. */
static bool append(int fd, const char *text, size_t length, uint64_t used)
{
    if (used + length <= MOST_SUMMARY_BYTES) {
        return write_all(fd, text, length);
    }
    const size_t note = sizeof(cut_note) - 1;
    if (used + note > MOST_SUMMARY_BYTES) {
        return true; /* earlier summaries of the step have filled it */
    }
    size_t kept = (size_t)(MOST_SUMMARY_BYTES - used - note);
    while (kept > 0 && text[kept - 1] != '\n') {
        kept--;
    }
    return write_all(fd, text, kept) && write_all(fd, cut_note, note);
}

enum bt_status bt_report_step_summary(const struct bt_report *report, const char *path, struct bt_error *err)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    bt_report_summary(report, out);
    const bool made = ferror(out) == 0;
    if (fclose(out) != 0 || !made) {
        free(text);
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    struct stat info;
    enum bt_status status = BT_OK;
    const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666); /* no pipe holds it */
    if (fd < 0 || fstat(fd, &info) != 0) {
        status = bt_fail(err, BT_EIO, "GITHUB_STEP_SUMMARY '%s': %s", path, strerror(errno));
    } else if (!append(fd, text, length, (uint64_t)info.st_size)) {
        status = bt_fail(err, BT_EIO, "GITHUB_STEP_SUMMARY '%s': cannot be written: %s", path, strerror(errno));
        (void)!ftruncate(fd, info.st_size); /* what others wrote stays, half of ours does not */
    }
    if (fd >= 0 && close(fd) != 0 && status == BT_OK) {
        status = bt_fail(err, BT_EIO, "GITHUB_STEP_SUMMARY '%s': cannot be written: %s", path, strerror(errno));
    }
    free(text);
    return status;
}
