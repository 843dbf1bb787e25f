/*
 * A job array of Slurm, from its submission to the end of its last task. Tasks that are lost (node down, killed, out of memory) are
 * submitted again, as another array. Slurm is not asked to do that: its own requeue counts no attempts, waits for minutes, and
 * lets two attempts write to one place.
 */
#ifndef BT_SLURM_H
#define BT_SLURM_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "harness/error.h"

/** How often a task is submitted before it is given up. */
#define BT_SLURM_ATTEMPTS 3
/** Slurm's own limit, unless its configuration says otherwise (MaxArraySize). */
#define BT_SLURM_MOST_TASKS 1000

struct bt_slurm {
    const char *name; /**< of the jobs; by it they are asked for and cancelled, so no others may have it */
    const char *
        script; /**< gets the attempt as its argument, 1 for the first, and the task as SLURM_ARRAY_TASK_ID, 1 for the first */
    const char *folder;         /**< where it starts */
    const char *log;            /**< file for its output, %a standing for the task; attempts follow each other */
    const char *const *options; /**< more arguments of sbatch; ends with NULL */
    uint32_t tasks;             /**< 1 to BT_SLURM_MOST_TASKS */
    double seconds;             /**< bound of it all, with the waiting for nodes */
    double poll_seconds;        /**< between two looks at the queue */
    double call_seconds;        /**< bound of one call of sbatch, squeue or scancel */
    double silence_seconds;     /**< without an answer from Slurm, until the run is given up */
    void *context;
    /**
     * Has this attempt of a task (from 0) left its result? Asked once, after Slurm says that the attempt has ended: what is not
     * there then has been lost. Anything but BT_OK, with one line, is no loss that another attempt could mend: it ends the run.
     */
    enum bt_status (*complete)(void *context, uint32_t task, uint32_t attempt, bool *done, struct bt_error *err);
    /** After each look at the queue. */
    void (*tick)(void *context, uint32_t running, uint32_t finished);
};

/** What became of a task. */
struct bt_slurm_task {
    uint32_t job;      /**< of the latest attempt */
    uint32_t attempts; /**< that were submitted; all but the latest are lost */
    bool waits;        /**< is in the queue, or runs */
    bool done;         /**< the latest left its result; if neither, it is lost, too */
};

/** What stops a run: SIGINT, SIGTERM, and SIGHUP unless it is ignored (nohup). */
void bt_slurm_stops(sigset_t *set);

/**
 * @brief  Runs all tasks. The signals of bt_slurm_stops() must be blocked: it waits for them. None of its jobs is left in the queue
 *         when it returns, unless err says so.
 * @param[out] tasks        slurm->tasks of them: done; or lost BT_SLURM_ATTEMPTS times; or, when time was up, waiting.
 * @param[out] interrupted  The signal that ended it early, or 0.
 * @return BT_OK, also when interrupted, when tasks are lost, when time is up; BT_EIO with one line where Slurm refuses the
 *         job, cannot be reached, or answers what is no answer; what complete() ended it with.
 */
BT_MUST_CHECK enum bt_status bt_slurm_run(const struct bt_slurm *slurm, struct bt_slurm_task *tasks, int *interrupted,
                                          struct bt_error *err);

#endif
