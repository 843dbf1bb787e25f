#include "harness/slurm.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/command.h"
#include "harness/progress.h"

/* A line of squeue: two numbers and a state. */
#define LINE_BYTES 64
/* "1000," */
#define ITEM_BYTES 6
/* How long cancelled tasks may take to end: Slurm's KillWait, 30 s unless configured, and some. */
#define CANCEL_SECONDS 90
#define MOST_ARGUMENTS 64

/* ---- submission ---- */

static bool must_be_submitted(const struct bt_slurm_task *task, uint32_t attempt)
{
    return !task->waits && !task->done && task->attempts == attempt;
}

/* Those that must be, as --array has them: "1-4,7"; "" for none. */
static void list_tasks(const struct bt_slurm *slurm, const struct bt_slurm_task *tasks, uint32_t attempt, char *text,
                       size_t text_bytes)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < slurm->tasks; i++) {
        const uint32_t first = i;
        while (i < slurm->tasks && must_be_submitted(&tasks[i], attempt)) {
            i++;
        }
        if (i == first) {
            continue;
        }
        used += (size_t)snprintf(text + used, text_bytes - used, "%s%" PRIu32, used != 0 ? "," : "", first + 1);
        if (i > first + 1) {
            used += (size_t)snprintf(text + used, text_bytes - used, "-%" PRIu32, i);
        }
    }
}

/* What --parsable prints: the number of the job, and of several clusters the name. */
static bool parse_job(const char *answer, uint32_t *job)
{
    char *end = NULL;
    errno = 0;
    const unsigned long number = strtoul(answer, &end, 10);
    if (!isdigit((unsigned char)answer[0]) || (*end != '\n' && *end != ';' && *end != '\0') || errno != 0 ||
        number == 0 || number > UINT32_MAX) {
        return false;
    }
    *job = (uint32_t)number;
    return true;
}

static enum bt_status submit_attempt(const struct bt_slurm *slurm, struct bt_slurm_task *tasks, uint32_t attempt,
                                     struct bt_error *err)
{
    char array[BT_SLURM_MOST_TASKS * ITEM_BYTES];
    char number[16];
    char answer[256];
    const char *argv[MOST_ARGUMENTS] = {"sbatch",  "--parsable",  "--no-requeue", "--open-mode=append",
                                        "--array", array,         "--job-name",   slurm->name,
                                        "--chdir", slurm->folder, "--output",     slurm->log};
    size_t count = 12;
    uint32_t job = 0;
    list_tasks(slurm, tasks, attempt, array, sizeof(array));
    if (array[0] == '\0') {
        return BT_OK;
    }
    for (const char *const *option = slurm->options; *option != NULL; option++) {
        if (count + 3 >= MOST_ARGUMENTS) {
            return bt_fail(err, BT_EINPUT, "sbatch: expected at most %zu options", (size_t)(option - slurm->options));
        }
        argv[count++] = *option;
    }
    (void)snprintf(number, sizeof(number), "%" PRIu32, attempt + 1);
    argv[count++] = slurm->script;
    argv[count] = number;
    const enum bt_status status = bt_command(argv, slurm->call_seconds, answer, sizeof(answer), err);
    if (status != BT_OK) {
        return status;
    }
    if (!parse_job(answer, &job)) {
        return bt_fail(err, BT_EIO, "sbatch: expected the number of a job, got '%.*s'", (int)strcspn(answer, "\n"),
                       answer);
    }
    for (uint32_t i = 0; i < slurm->tasks; i++) {
        if (must_be_submitted(&tasks[i], attempt)) {
            tasks[i] = (struct bt_slurm_task){.job = job, .attempts = attempt + 1, .waits = true};
        }
    }
    return BT_OK;
}

/* The script is told the attempt, so that those of different attempts are arrays of their own. */
static enum bt_status submit(const struct bt_slurm *slurm, struct bt_slurm_task *tasks, struct bt_error *err)
{
    enum bt_status status = BT_OK;
    /* From the last: what is submitted here must not be met again as the next attempt. */
    for (uint32_t attempt = BT_SLURM_ATTEMPTS; status == BT_OK && attempt-- > 0;) {
        status = submit_attempt(slurm, tasks, attempt, err);
    }
    return status;
}

/* ---- the queue ---- */

enum phase { ENDED, WAITING, RUNNING };

/* Any state that is not known to be an end is taken for life: a task that waits too long meets the bound, one that is taken for lost
 * too early runs twice. */
static enum phase phase_of(const char *state)
{
    static const char *const ends[] = {"BOOT_FAIL", "CANCELLED",     "COMPLETED", "DEADLINE", "FAILED",
                                       "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED",  "TIMEOUT"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (strcmp(state, ends[i]) == 0) {
            return ENDED;
        }
    }
    return strcmp(state, "RUNNING") == 0 ? RUNNING : WAITING;
}

/* What else is in the queue under the name. */
struct queue {
    uint32_t alive;  /* jobs */
    uint32_t orphan; /* one of these that is no task's: its sbatch failed after all was queued; or 0 */
};

/* Phases of the tasks' latest attempts, and the queue. What Slurm has forgotten has ended. */
static enum bt_status look(const struct bt_slurm *slurm, const struct bt_slurm_task *tasks, enum phase *phases,
                           struct queue *queue, struct bt_error *err)
{
    const char *const argv[] = {"squeue", "--noheader", "--array",  "--states", "all",
                                "--name", slurm->name,  "--format", "%F %K %T", NULL};
    const size_t bytes = (size_t)slurm->tasks * BT_SLURM_ATTEMPTS * LINE_BYTES;
    char *answer = malloc(bytes);
    if (answer == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    *queue = (struct queue){0};
    memset(phases, 0, slurm->tasks * sizeof(*phases));
    enum bt_status status = bt_command(argv, slurm->call_seconds, answer, bytes, err);
    char *rest = answer;
    for (char *line = strsep(&rest, "\n"); status == BT_OK && line != NULL; line = strsep(&rest, "\n")) {
        uint32_t job = 0;
        uint32_t task = 0;
        char state[24];
        int end = 0;
        if (line[0] == '\0') {
            continue;
        }
        if (sscanf(line, "%" SCNu32 " %" SCNu32 " %23[A-Z_]%n", &job, &task, state, &end) != 3 || line[end] != '\0' ||
            task < 1 || task > slurm->tasks) {
            status = bt_fail(err, BT_EIO, "squeue: expected 'JOB TASK STATE', got '%.100s'", line);
            continue;
        }
        const enum phase phase = phase_of(state);
        queue->alive += phase != ENDED ? 1 : 0;
        if (tasks[task - 1].job == job) {
            phases[task - 1] = phase;
        } else if (phase != ENDED) {
            queue->orphan = job;
        }
    }
    free(answer);
    return status;
}

/* ---- the run ---- */

void bt_slurm_stops(sigset_t *set)
{
    struct sigaction hangup;
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGTERM);
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) {
        (void)sigaddset(set, SIGHUP);
    }
}

/* @return the signal that came, or 0 after that time. */
static int nap(double seconds)
{
    const double until = bt_now_seconds() + seconds;
    sigset_t set;
    bt_slurm_stops(&set);
    for (;;) {
        const double left = until - bt_now_seconds();
        const double wait = left > 0 ? left : 0;
        const struct timespec time = {.tv_sec = (time_t)wait, .tv_nsec = (long)((wait - (double)(time_t)wait) * 1e9)};
        const int number = sigtimedwait(&set, NULL, &time);
        if (number > 0) {
            return number;
        }
        if (errno == EAGAIN) {
            return 0;
        }
    }
}

/* By the name: also the array whose number could not be read. Returns when the last task has ended. */
static enum bt_status cancel(const struct bt_slurm *slurm, const struct bt_slurm_task *tasks, enum phase *phases,
                             struct bt_error *err)
{
    const char *const argv[] = {"scancel", "--me", "--name", slurm->name, NULL};
    const double until = bt_now_seconds() + CANCEL_SECONDS;
    struct bt_error why = {""};
    char answer[256];
    enum bt_status status = bt_command(argv, slurm->call_seconds, answer, sizeof(answer), &why);
    for (struct queue queue = {.alive = 1}; status == BT_OK && queue.alive != 0;) {
        status = look(slurm, tasks, phases, &queue, &why);
        if (status == BT_OK && queue.alive != 0 && bt_now_seconds() >= until) {
            status = bt_fail(&why, BT_EIO, "still there after %d s", CANCEL_SECONDS);
        }
        if (status == BT_OK && queue.alive != 0) {
            (void)nap(slurm->poll_seconds);
        }
    }
    if (status != BT_OK) {
        return bt_fail(err, status, "jobs may be left in the queue, try 'scancel --me --name %s': %s", slurm->name,
                       why.text);
    }
    return BT_OK;
}

/* An array whose sbatch failed, as of a socket timeout: its tasks are submitted again, and must not run twice. */
static enum bt_status cancel_orphan(const struct bt_slurm *slurm, uint32_t job, struct bt_error *err)
{
    char number[16];
    char answer[256];
    const char *const argv[] = {"scancel", number, NULL};
    (void)snprintf(number, sizeof(number), "%" PRIu32, job);
    return bt_command(argv, slurm->call_seconds, answer, sizeof(answer), err);
}

/* Where there is none, it has queued nothing. */
static bool has_sbatch(const struct bt_slurm *slurm)
{
    const char *const argv[] = {"/bin/sh", "-c", "command -v sbatch", NULL};
    char answer[4096];
    return bt_command(argv, slurm->call_seconds, answer, sizeof(answer), NULL) == BT_OK;
}

/* Takes the results of those that have ended. @param[out] finished  How many tasks are done or given up. */
static enum bt_status settle(const struct bt_slurm *slurm, struct bt_slurm_task *tasks, const enum phase *phases,
                             uint32_t *running, uint32_t *finished, struct bt_error *err)
{
    *running = 0;
    *finished = 0;
    for (uint32_t i = 0; i < slurm->tasks; i++) {
        if (tasks[i].waits && phases[i] == ENDED) {
            tasks[i].waits = false;
            const enum bt_status status =
                slurm->complete(slurm->context, i, tasks[i].attempts - 1, &tasks[i].done, err);
            if (status != BT_OK) {
                return status;
            }
        }
        *running += phases[i] == RUNNING ? 1 : 0;
        *finished += tasks[i].done || (!tasks[i].waits && tasks[i].attempts == BT_SLURM_ATTEMPTS) ? 1 : 0;
    }
    return BT_OK;
}

enum bt_status bt_slurm_run(const struct bt_slurm *slurm, struct bt_slurm_task *tasks, int *interrupted,
                            struct bt_error *err)
{
    const double begin = bt_now_seconds();
    double heard = begin; /* when Slurm last answered */
    uint32_t finished = 0;
    uint32_t running = 0;
    struct queue queue = {0};
    enum phase *phases = calloc(slurm->tasks, sizeof(*phases));
    *interrupted = 0;
    memset(tasks, 0, slurm->tasks * sizeof(*tasks));
    if (phases == NULL) {
        return bt_fail(err, BT_ENOMEM, "out of memory");
    }
    enum bt_status status = submit(slurm, tasks, err);
    const bool refused = status != BT_OK;
    bool doubtful = refused; /* an sbatch failed: it may have queued its array all the same */
    while (status == BT_OK && finished < slurm->tasks && bt_now_seconds() - begin < slurm->seconds) {
        struct bt_error why = {""};
        *interrupted = nap(slurm->poll_seconds);
        if (*interrupted != 0) {
            break;
        }
        enum bt_status answered = look(slurm, tasks, phases, &queue, &why);
        if (answered == BT_OK) {
            status = settle(slurm, tasks, phases, &running, &finished, err);
            if (status != BT_OK) {
                break;
            }
            if (queue.orphan != 0) {
                answered = cancel_orphan(slurm, queue.orphan, &why);
            } else {
                answered = submit(slurm, tasks, &why);
                doubtful = doubtful || answered != BT_OK;
            }
        }
        if (answered == BT_OK) {
            heard = bt_now_seconds();
        } else if (bt_now_seconds() - heard >= slurm->silence_seconds) {
            status = bt_fail(err, answered, "no answer from Slurm for %g s: %s", slurm->silence_seconds, why.text);
        }
        slurm->tick(slurm->context, running, finished);
    }
    if (finished < slurm->tasks || doubtful) {
        struct bt_error why = {""};
        const enum bt_status cancelled = cancel(slurm, tasks, phases, &why);
        if (cancelled != BT_OK && status == BT_OK) {
            status = bt_fail(err, cancelled, "%s", why.text);
        } else if (cancelled != BT_OK && (!refused || has_sbatch(slurm))) {
            const struct bt_error first = *err;
            status = bt_fail(err, status, "%s; %s", first.text, why.text);
        }
    }
    free(phases);
    return status;
}
