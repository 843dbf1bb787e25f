/*
 * Worker processes. Each task runs in a process of its own, so that a crash, a hang or a corrupted heap costs one task
 * and nothing else. What a task has to say comes back as bytes with a length and a checksum.
 */
#ifndef BT_POOL_H
#define BT_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference/common/bt_status.h"

struct bt_pool_task {
    uint64_t weight;        /**< expected work in any unit; the largest starts first, ties by index */
    double timeout_seconds; /**< wall clock; the worker is killed when it goes by */
};

struct bt_pool {
    unsigned workers; /**< processes at a time, at least 1 */
    uint32_t count;
    const struct bt_pool_task *tasks;
    void *context;

    /**
     * Runs in the worker. *bytes is malloc'd and belongs to the process, which ends right after.
     * Anything but BT_OK is reported as a failure of the task.
     */
    enum bt_status (*work)(void *context, uint32_t task, void **bytes, size_t *length);

    /**
     * Runs in the parent as tasks end, in any order, once per task unless interrupted.
     * Either failure is NULL and bytes are what work() returned, or failure says in one line what became of the worker.
     */
    void (*done)(void *context, uint32_t task, const void *bytes, size_t length, const char *failure);

    /** Runs in the parent about four times a second and after each done(); may be NULL. */
    void (*tick)(void *context, uint32_t running, uint32_t finished);
};

/**
 * @brief  Runs all tasks.
 * @param[out] interrupted  The signal (SIGINT or SIGTERM) that ended the run early, or 0. All workers are gone either way.
 * @return BT_OK also when interrupted; BT_ENOMEM; BT_EIO when no process or pipe can be had.
 */
BT_MUST_CHECK enum bt_status bt_pool_run(const struct bt_pool *pool, int *interrupted);

#endif
