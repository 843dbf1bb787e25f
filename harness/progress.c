#include "harness/progress.h"

#include <time.h>
#include <unistd.h>

/* Between two plain lines, and between two states of the line on a terminal. */
#define PLAIN_SECONDS 10.0
#define TERMINAL_SECONDS 0.2

double bt_now_seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void bt_progress_begin(struct bt_progress *progress, FILE *out, uint32_t jobs, uint64_t work)
{
    const double now = bt_now_seconds();
    *progress = (struct bt_progress){
        .out = out,
        .terminal = isatty(fileno(out)) != 0,
        .jobs = jobs,
        .work = work,
        .begin = now,
        .last = now,
    };
}

double bt_progress_left(uint64_t work, uint64_t work_done, double elapsed)
{
    if (work_done == 0 || elapsed <= 0.0) {
        return -1.0;
    }
    return elapsed * (double)(work - work_done) / (double)work_done;
}

void bt_progress_clear(const struct bt_progress *progress)
{
    if (progress->terminal) {
        (void)fputs("\r\033[K", progress->out);
    }
}

void bt_progress_tick(struct bt_progress *progress, uint32_t running, uint32_t finished)
{
    const double now = bt_now_seconds();
    if (now - progress->last < (progress->terminal ? TERMINAL_SECONDS : PLAIN_SECONDS)) {
        return;
    }
    progress->last = now;
    bt_progress_clear(progress);
    const double elapsed = now - progress->begin;
    const double left = bt_progress_left(progress->work, progress->work_done, elapsed);
    (void)fprintf(progress->out, "%u of %u jobs, %u running, %u failed, %.0f s", finished, progress->jobs, running,
                  progress->failed, elapsed);
    if (left >= 0.0) {
        (void)fprintf(progress->out, ", about %.0f s left", left);
    }
    if (!progress->terminal) {
        (void)fputc('\n', progress->out);
    }
    (void)fflush(progress->out);
}
