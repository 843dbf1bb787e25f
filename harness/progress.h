/* How far a run has got: one line that is rewritten on a terminal, plain lines now and then elsewhere. */
#ifndef BT_PROGRESS_H
#define BT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct bt_progress {
    FILE *out;
    bool terminal;
    uint32_t jobs, failed;
    uint64_t work, work_done; /**< in the units of the jobs' weights */
    double begin, last;       /**< seconds of the monotonic clock */
};

double bt_now_seconds(void);

void bt_progress_begin(struct bt_progress *progress, FILE *out, uint32_t jobs, uint64_t work);
/** Says where the run stands, if it is time to. */
void bt_progress_tick(struct bt_progress *progress, uint32_t running, uint32_t finished);
/** Clears the line, so that something else can be printed. */
void bt_progress_clear(const struct bt_progress *progress);

/** Seconds that are left, from the work done so far; negative while that says nothing. */
double bt_progress_left(uint64_t work, uint64_t work_done, double elapsed);

#endif
