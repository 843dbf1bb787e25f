/* A run through sbatch, squeue and scancel that are scripts of this test: what they are told, and whatever they may answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/stat.h>

#include "harness/slurm.h"
#include "harness/test_called.h"
#include "harness/test_fake.h"
#include "harness/test_file.h"
#include "harness/test_tree.h"

#define TASKS 5

static char folder[256];
static char old_path[4096];

static const char *get(const char *name)
{
    static char text[8192];
    FILE *file = fopen(name, "r");
    const size_t length = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;
    text[length] = '\0';
    if (file != NULL) {
        assert_int_equal(fclose(file), 0);
    }
    return text;
}

static void program(const char *name, const char *body)
{
    char text[2048];
    (void)snprintf(text, sizeof(text), "#!/bin/sh\necho \"%s $*\" >>calls\n%s\n", name, body);
    test_file(name, text);
    assert_int_equal(chmod(name, 0755), 0);
}

/* Job 101 and so on; the queue says queue.1, queue.2 and so on, and then the last again; nothing more once it is cancelled. */
#define SBATCH "n=$(grep -c ^sbatch calls); echo $((100 + n))"
#define SQUEUE                                                                                                         \
    "[ ! -e cancelled ] || exit 0\n"                                                                                   \
    "n=$(grep -c ^squeue calls); while [ ! -e queue.$n ] && [ $n != 0 ]; do n=$((n - 1)); done; cat queue.$n "         \
    "2>/dev/null; :"
#define SCANCEL "touch cancelled"

static int enter(void **state)
{
    char path[4400];
    (void)state;
    (void)snprintf(old_path, sizeof(old_path), "%s", getenv("PATH"));
    (void)snprintf(folder, sizeof(folder), "%s", P_tmpdir "/bt_test_slurm_XXXXXX");
    if (test_tree_enter(folder) != 0) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s:%s", folder, old_path);
    test_file("calls", "");
    program("sbatch", SBATCH);
    program("squeue", SQUEUE);
    program("scancel", SCANCEL);
    return setenv("PATH", path, 1);
}

static int leave(void **state)
{
    (void)state;
    return setenv("PATH", old_path, 1) == 0 && test_tree_leave(folder) == 0 ? 0 : -1;
}

static int block_signals(void **state)
{
    sigset_t set;
    (void)state;
    bt_slurm_stops(&set);
    return sigprocmask(SIG_BLOCK, &set, NULL);
}

/* ---- the other side of bt_slurm_run() ---- */

struct side {
    uint32_t lossy[TASKS]; /* so many attempts of the task leave nothing */
    uint32_t refused;      /* task that ran something else, from 1; 0: none */
    uint32_t asked, ticks, finished;
};

static enum bt_status complete(void *context, uint32_t task, uint32_t attempt, bool *done, struct bt_error *error)
{
    struct side *side = context;
    side->asked++;
    *done = attempt >= side->lossy[task];
    return *done && side->refused == task + 1 ? bt_fail(error, BT_EINPUT, "task %u ran something else", task + 1)
                                              : BT_OK;
}

static void tick(void *context, uint32_t running, uint32_t finished)
{
    struct side *side = context;
    (void)running;
    side->ticks++;
    side->finished = finished;
}

static const char *const no_options[] = {NULL};

static struct bt_slurm slurm_of(struct side *side)
{
    return (struct bt_slurm){
        .name = "bittrue-x",
        .script = "task.sh",
        .folder = "/here",
        .log = "%a.log",
        .options = no_options,
        .tasks = TASKS,
        .seconds = 60,
        .poll_seconds = 0.001,
        .call_seconds = 30,
        .silence_seconds = 0,
        .context = side,
        .complete = complete,
        .tick = tick,
    };
}

static struct bt_slurm_task tasks[BT_SLURM_MOST_TASKS];
static int interrupted;
static struct bt_error said;

static void lacks(const char *text, const char *words)
{
    if (strstr(text, words) != NULL) {
        fail_msg("has \"%s\":\n%s", words, text);
    }
}

static void succeeds(const struct bt_slurm *slurm)
{
    said.text[0] = '\0';
    if (bt_slurm_run(slurm, tasks, &interrupted, &said) != BT_OK) {
        fail_msg("%s", said.text);
    }
}

/* With this in its line, and all of its jobs cancelled. */
static void fails(const struct bt_slurm *slurm, enum bt_status status, const char *words)
{
    assert_int_equal(bt_slurm_run(slurm, tasks, &interrupted, &said), status);
    holds(said.text, words);
    holds(get("calls"), "scancel --me --name bittrue-x\n");
}

/* ---- tests ---- */

static void test_all_done(void **state)
{
    (void)state;
    struct side side = {.asked = 0};
    struct bt_slurm slurm = slurm_of(&side);
    static const char *const options[] = {"--mem=2G", "--partition=long", NULL};
    slurm.options = options;
    program("sbatch", "echo '101;cluster'");
    test_file("queue.1", "101 1 RUNNING\n101 2 RUNNING\n101 3 PENDING\n101 4 PENDING\n101 5 COMPLETING\n");
    test_file("queue.2", "101 1 COMPLETED\n101 2 FAILED\n101 3 RUNNING\n101 4 PENDING\n101 5 CONFIGURING\n");
    test_file("queue.3", "101 1 COMPLETED\n"); /* Slurm forgets */
    succeeds(&slurm);
    for (uint32_t i = 0; i < TASKS; i++) {
        assert_true(tasks[i].done);
        assert_int_equal(tasks[i].attempts, 1);
    }
    assert_int_equal(side.asked, TASKS);
    assert_int_equal(side.ticks, 3);
    assert_int_equal(side.finished, TASKS);
    holds(get("calls"), "sbatch --parsable --no-requeue --open-mode=append --array 1-5 --job-name bittrue-x --chdir "
                        "/here --output %a.log "
                        "--mem=2G --partition=long task.sh 1\n");
    holds(get("calls"), "squeue --noheader --array --states all --name bittrue-x --format %F %K %T\n");
    lacks(get("calls"), "scancel");
}

static void test_lost_tasks_run_again(void **state)
{
    (void)state;
    struct side side = {.lossy = {1, 1, 0, 2, 0}};
    const struct bt_slurm slurm = slurm_of(&side);
    /* The end of an attempt says nothing about the next; 3 and 5 go on. */
    test_file("queue.1", "101 1 NODE_FAIL\n101 2 OUT_OF_MEMORY\n101 3 RUNNING\n101 4 CANCELLED\n101 5 PENDING\n");
    test_file("queue.2",
              "101 1 NODE_FAIL\n102 1 RUNNING\n101 3 RUNNING\n102 2 RUNNING\n101 4 CANCELLED\n102 4 TIMEOUT\n101 "
              "5 PENDING\n");
    test_file("queue.3", "103 4 RUNNING\n102 1 COMPLETED\n102 2 PREEMPTED\n");
    test_file("queue.4", "");
    succeeds(&slurm);
    for (uint32_t i = 0; i < TASKS; i++) {
        assert_true(tasks[i].done);
        assert_int_equal(tasks[i].attempts, side.lossy[i] + 1);
    }
    assert_int_equal(side.asked, 5 + 3 + 1);
    holds(get("calls"), "--array 1-2,4 ");
    holds(get("calls"), "task.sh 2\n");
    holds(get("calls"), "--array 4 ");
    holds(get("calls"), "task.sh 3\n");
    lacks(get("calls"), "scancel");
}

/* Two that are lost at once, one of them for the second time, are two arrays. */
static void test_attempts_do_not_mix(void **state)
{
    (void)state;
    struct side side = {.lossy = {2, 0, 1, 0, 0}};
    const struct bt_slurm slurm = slurm_of(&side);
    test_file("queue.1", "101 2 RUNNING\n101 3 RUNNING\n101 4 RUNNING\n101 5 RUNNING\n");
    test_file("queue.2", "");
    succeeds(&slurm);
    assert_int_equal(tasks[0].attempts, 3);
    assert_int_equal(tasks[2].attempts, 2);
    assert_int_not_equal(tasks[0].job, tasks[2].job);
    assert_true(tasks[0].done && tasks[2].done);
}

static void test_lost_for_good(void **state)
{
    (void)state;
    struct side side = {.lossy = {0, 0, BT_SLURM_ATTEMPTS, 0, 0}};
    const struct bt_slurm slurm = slurm_of(&side);
    succeeds(&slurm);
    for (uint32_t i = 0; i < TASKS; i++) {
        assert_int_equal(tasks[i].done, i != 2);
        assert_false(tasks[i].waits);
    }
    assert_int_equal(tasks[2].attempts, BT_SLURM_ATTEMPTS);
    assert_int_equal(side.finished, TASKS);
    lacks(get("calls"), "task.sh 4\n");
    lacks(get("calls"), "scancel");
}

static void test_time_is_up(void **state)
{
    (void)state;
    struct side side = {.asked = 0};
    struct bt_slurm slurm = slurm_of(&side);
    slurm.seconds = 0.2;
    test_file("queue.1", "101 1 RUNNING\n101 2 COMPLETED\n101 3 PENDING\n101 4 REQUEUE_HOLD\n101 5 SUSPENDED\n");
    succeeds(&slurm);
    for (uint32_t i = 0; i < TASKS; i++) {
        assert_int_equal(tasks[i].done, i == 1);
        assert_int_equal(tasks[i].waits, i != 1);
    }
    holds(get("calls"), "scancel --me --name bittrue-x\nsqueue");
}

static void test_signal(void **state)
{
    (void)state;
    struct side side = {.asked = 0};
    const struct bt_slurm slurm = slurm_of(&side);
    test_file("queue.1", "101 1 RUNNING\n101 2 RUNNING\n101 3 PENDING\n101 4 PENDING\n101 5 PENDING\n");
    assert_int_equal(raise(SIGTERM), 0);
    succeeds(&slurm);
    assert_int_equal(interrupted, SIGTERM);
    assert_int_equal(side.asked, 0);
    holds(get("calls"), "scancel --me --name bittrue-x\nsqueue");
}

/* The end of the session is one, too; unless it is to be survived (nohup). */
static void test_hangup(void **state)
{
    (void)state;
    struct side side = {.asked = 0};
    const struct bt_slurm slurm = slurm_of(&side);
    test_file("queue.1", "101 1 RUNNING\n");
    assert_int_equal(raise(SIGHUP), 0);
    succeeds(&slurm);
    assert_int_equal(interrupted, SIGHUP);
    holds(get("calls"), "scancel --me --name bittrue-x\nsqueue");

    sigset_t set;
    assert_true(signal(SIGHUP, SIG_IGN) == SIG_DFL);
    bt_slurm_stops(&set);
    assert_int_equal(sigismember(&set, SIGHUP), 0);
    assert_int_equal(sigismember(&set, SIGTERM), 1);
    assert_true(signal(SIGHUP, SIG_DFL) == SIG_IGN);
}

/* It returns only when those that it cancelled are gone. */
static void test_cancelled_tasks_take_a_while(void **state)
{
    (void)state;
    struct side side = {.asked = 0};
    const struct bt_slurm slurm = slurm_of(&side);
    program("squeue", "[ -e cancelled ] && [ \"$(grep -c ^squeue calls)\" -ge 4 ] || echo '101 1 COMPLETING'");
    assert_int_equal(raise(SIGINT), 0);
    succeeds(&slurm);
    assert_int_equal(interrupted, SIGINT);
    holds(get("calls"), "squeue --noheader --array --states all --name bittrue-x --format %F %K %T\n"
                        "squeue --noheader --array --states all --name bittrue-x --format %F %K %T\n"
                        "squeue --noheader --array --states all --name bittrue-x --format %F %K %T\n");
}

static void test_what_squeue_must_not_say(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "hello\n",       "101 1\n",         "101 N/A RUNNING\n", "101 0 RUNNING\n",    "101 6 RUNNING\n",
        "x 1 RUNNING\n", "101 1 running\n", "101 1 RUNNING x\n", "101 1 RUNNING\nx\n", "101 1-3 PENDING\n"};
    struct side side = {.asked = 0};
    const struct bt_slurm slurm = slurm_of(&side);
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        test_file("calls", "");
        test_file("queue.1", answers[i]);
        (void)unlink("cancelled");
        fails(&slurm, BT_EIO, "no answer from Slurm for 0 s: squeue: expected 'JOB TASK STATE', got '");
        assert_int_equal(side.asked, 0);
    }
}

static void test_squeue_fails_for_a_while(void **state)
{
    (void)state;
    struct side side = {.asked = 0};
    struct bt_slurm slurm = slurm_of(&side);
    slurm.silence_seconds = 60;
    program("squeue", "[ \"$(grep -c ^squeue calls)\" -ge 4 ] || { echo 'slurm_load_jobs error: x' >&2; exit 1; }");
    succeeds(&slurm);
    assert_int_equal(side.asked, TASKS);
    assert_int_equal(side.ticks, 4);
}

static void test_squeue_fails_for_good(void **state)
{
    (void)state;
    struct side side = {.asked = 0};
    const struct bt_slurm slurm = slurm_of(&side);
    program("squeue", "[ ! -e cancelled ] || exit 0; echo 'slurm_load_jobs error: x' >&2; exit 1");
    fails(&slurm, BT_EIO, "no answer from Slurm for 0 s: squeue: slurm_load_jobs error: x");
    assert_int_equal(side.asked, 0);
    program("squeue", "yes '101 1 RUNNING' | head -n 1000");
    (void)unlink("cancelled");
    fails(&slurm, BT_EIO, "squeue: printed more than");
    assert_int_equal(side.asked, 0);
}

static void test_calls_that_hang(void **state)
{
    (void)state;
    struct side side = {.asked = 0};
    struct bt_slurm slurm = slurm_of(&side);
    slurm.call_seconds = 2;
    program("squeue", "[ -e cancelled ] || sleep 1000");
    fails(&slurm, BT_EIO, "squeue: no end after 2 s");
    program("sbatch", "sleep 1000");
    fails(&slurm, BT_EIO, "sbatch: no end after 2 s");
    program("sbatch", SBATCH);
    program("scancel", "sleep 1000");
    test_file("calls", "");
    assert_int_equal(raise(SIGINT), 0);
    fails(&slurm, BT_EIO,
          "jobs may be left in the queue, try 'scancel --me --name bittrue-x': scancel: no end after 2 s");
    assert_int_equal(interrupted, SIGINT);
}

static void test_sbatch_refuses(void **state)
{
    (void)state;
    static const char *const jobs[] = {"hello", "-7", "0", "12x", "99999999999", "''"};
    struct side side = {.asked = 0};
    struct bt_slurm slurm = slurm_of(&side);
    program("sbatch", "echo 'sbatch: a warning' >&2; echo 'sbatch: error: no such partition' >&2; exit 1");
    fails(&slurm, BT_EIO, "sbatch: sbatch: error: no such partition");
    program("sbatch", "exit 3");
    fails(&slurm, BT_EIO, "sbatch: exit status 3");
    program("sbatch", "kill -KILL $$");
    fails(&slurm, BT_EIO, "sbatch: killed by signal 9");
    for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
        char body[64];
        (void)snprintf(body, sizeof(body), "echo %s", jobs[i]);
        program("sbatch", body);
        fails(&slurm, BT_EIO, "sbatch: expected the number of a job, got '");
    }
    const char *many[100];
    for (size_t i = 0; i < 99; i++) {
        many[i] = "--x";
    }
    many[99] = NULL;
    slurm.options = many;
    fails(&slurm, BT_EINPUT, "sbatch: expected at most ");
    assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
    slurm.options = no_options;
    assert_int_equal(bt_slurm_run(&slurm, tasks, &interrupted, &said), BT_EIO);
    assert_string_equal(said.text, "sbatch: not found on PATH");
    assert_int_equal(side.asked, 0);
}

/* Its array may be in the queue all the same, and Slurm is not there to cancel it: that is said. */
static void test_sbatch_fails_and_scancel(void **state)
{
    (void)state;
    struct side side = {.asked = 0};
    const struct bt_slurm slurm = slurm_of(&side);
    program("sbatch", "echo 'sbatch: error: Socket timed out' >&2; exit 1");
    program("scancel", "echo 'scancel: error: Socket timed out' >&2; exit 1");
    fails(&slurm, BT_EIO,
          "sbatch: sbatch: error: Socket timed out; jobs may be left in the queue, try 'scancel --me --name "
          "bittrue-x': scancel: scancel: error: Socket timed out");
}

/* So is one that was queued by a later sbatch: cancelled alone, before its tasks are submitted again. */
static void test_orphans(void **state)
{
    (void)state;
    struct side side = {.lossy = {1, 0, 0, 0, 0}};
    struct bt_slurm slurm = slurm_of(&side);
    slurm.silence_seconds = 60;
    program("sbatch", "n=$(grep -c ^sbatch calls); echo $((100 + n)); [ $n != 2 ] || exit 1");
    program("squeue", "case $(grep -c ^sbatch calls) in 1) echo 101 2 RUNNING ;; 2) echo 101 2 RUNNING; "
                      "[ -e cancelled ] || echo 102 1 PENDING ;; esac");
    succeeds(&slurm);
    assert_int_equal(tasks[0].job, 103);
    assert_int_equal(tasks[0].attempts, 2);
    assert_int_equal(tasks[1].attempts, 1);
    const char *const calls = get("calls");
    const char *const orphan = strstr(calls, "scancel 102\n");
    assert_non_null(orphan);
    assert_non_null(strstr(orphan, "sbatch "));                         /* not before */
    assert_non_null(strstr(orphan, "scancel --me --name bittrue-x\n")); /* nor is a late one left at the end */
}

/* A task that ran something else is not tried again; also where it was its last attempt. */
static void test_refused_results(void **state)
{
    (void)state;
    for (uint32_t lost = 0; lost < BT_SLURM_ATTEMPTS; lost++) {
        struct side side = {.lossy = {0, 0, lost, 0, 0}, .refused = 3};
        const struct bt_slurm slurm = slurm_of(&side);
        test_file("calls", "");
        (void)unlink("cancelled");
        fails(&slurm, BT_EINPUT, "task 3 ran something else");
        assert_int_equal(tasks[2].attempts, lost + 1);
        assert_false(tasks[2].waits);
        assert_int_equal(side.asked, lost == 0 ? 3 : TASKS + lost);
    }
}

/* A second sbatch that fails is tried again. */
static void test_sbatch_fails_later(void **state)
{
    (void)state;
    struct side side = {.lossy = {1, 0, 0, 0, 0}};
    struct bt_slurm slurm = slurm_of(&side);
    slurm.silence_seconds = 60;
    program("sbatch", "n=$(grep -c ^sbatch calls); [ $n != 2 ] || exit 1; echo $((100 + n))");
    succeeds(&slurm);
    assert_true(tasks[0].done);
    assert_int_equal(tasks[0].attempts, 2);
    assert_int_equal(tasks[0].job, 103);
}

static enum bt_status loses_odd(void *context, uint32_t task, uint32_t attempt, bool *done, struct bt_error *error)
{
    (void)context;
    (void)error;
    *done = attempt > 0 || task % 2 == 1;
    return BT_OK;
}

/* As many as there can be, every other one lost: the longest list. */
static void test_most_tasks(void **state)
{
    (void)state;
    struct side side = {.asked = 0};
    struct bt_slurm slurm = slurm_of(&side);
    char list[BT_SLURM_MOST_TASKS * 6] = "";
    slurm.tasks = BT_SLURM_MOST_TASKS;
    slurm.complete = loses_odd;
    succeeds(&slurm);
    for (uint32_t i = 0; i < slurm.tasks; i++) {
        assert_true(tasks[i].done);
        if (i % 2 == 0) {
            const size_t used = strlen(list);
            (void)snprintf(list + used, sizeof(list) - used, "%s%u", used != 0 ? "," : "--array ", i + 1);
        }
    }
    holds(get("calls"), "--array 1-1000 ");
    holds(get("calls"), list);
}

/* ---- the command: tasks run while they are submitted, after an edit and before another ---- */

#define COMMAND_SBATCH                                                                                                 \
    "while [ $# -gt 2 ]; do\n"                                                                                         \
    "    case $1 in --array) list=$2 ;; --chdir) cd \"$2\" ;; esac\n"                                                  \
    "    shift\n"                                                                                                      \
    "done\n"                                                                                                           \
    "echo \"$list $2\" >>submitted\n"                                                                                  \
    ". ./before\n"                                                                                                     \
    "for task in 1 2; do SLURM_ARRAY_TASK_ID=$task sh \"$1\" \"$2\" >>log 2>&1; done\n"                                \
    "spool=$(dirname \"$1\")\n"                                                                                        \
    ". ./after\n"                                                                                                      \
    "echo 7"

static void make_suites(void)
{
    test_tree_fill();
    test_file("suites/small.yaml", "name: small\nsummary: two tasks\nseed: 5\nengines: [ref, model]\n"
                                   "runs:\n  - networks: [tiny]\n    variants:\n"
                                   "      - {name: fake, configs: [good]}\n");
}

#define RUN_SMALL "run --suite small --executor slurm --tasks 2 --out out"
#define GIT "git -c user.name=t -c user.email=t "

/* Leaves out the lines that say how far a run has come: whether there are any is a matter of time. */
static void drop_progress(char *text)
{
    char *to = text;
    for (const char *line = text; *line != '\0';) {
        const char *end = strchr(line, '\n');
        const size_t length = end != NULL ? (size_t)(end - line) + 1 : strlen(line);
        unsigned done = 0;
        unsigned all = 0;
        if (sscanf(line, "%u of %u jobs, ", &done, &all) != 2) {
            memmove(to, line, length);
            to += length;
        }
        line += length;
    }
    *to = '\0';
}

static void test_tasks_of_another_plan(void **state)
{
    (void)state;
    static const struct {
        const char *at_first, *before, *after;
        int status;
        const char *words; /* on stderr; NULL: nothing there */
    } cases[] = {
        {":", ":", ":", 0, NULL},
        {":", "sed -i 's/c_out: 7/c_out: 8/' suites/networks/tiny.yaml", ":", 2, " ran another plan, "},
        {":", "sed -i 's/seed: 5/seed: 6/' suites/small.yaml", ":", 2, " ran another plan, "},
        /* the same names and numbers */
        {":", "sed -i 's/relu/silu/' suites/networks/tiny.yaml", ":", 2,
         "suites, networks or variants were changed while the tasks ran, the first job is tiny conv1: expected those "
         "of "
         "when the run began"},
        {":", ":", "echo x >>suites/small.yaml", 2, "changed while the tasks ran: suites/small.yaml:"},
        {"git init -q; " GIT "commit -q --allow-empty -m a", GIT "commit -q --allow-empty -m b", ":", 2,
         "task 1 ran commit "},
        {"git init -q; " GIT "commit -q --allow-empty -m a", "rm -rf .git", ":", 0, NULL}, /* a node without git */
        {":", ":", "cp \"$spool/1.1/results.json\" \"$spool/2.1/\"", 2,
         "task 2 ran shard 1/2 of 2 results: expected 2/2 of 1"},
        {":", ":", "sed -i 's/conv[12]/other/g' \"$spool/2.1/results.json\"", 2, "task 2 ran tiny:other:fake:good:"},
        {":", ":", "sed -i 's/\"macs\": *[0-9]*/\"macs\": 77/' \"$spool/1.1/results.json\"", 2,
         " of 77 MACs: expected "},
    };
    enum { COUNT = sizeof(cases) / sizeof(cases[0]) };
    pid_t pids[COUNT];
    char name[300];
    program("sbatch", COMMAND_SBATCH);
    program("squeue", ":");
    program("scancel", ":");
    for (int i = 0; i < COUNT; i++) { /* all at once: each takes as long as between two looks at the queue */
        (void)snprintf(name, sizeof(name), "%s/%d", folder, i);
        assert_int_equal(mkdir(name, 0777) | chdir(name), 0);
        make_suites();
        test_file("before", cases[i].before);
        test_file("after", cases[i].after);
        assert_int_equal(system(cases[i].at_first), 0);
        pids[i] = start(NORMAL, RUN_SMALL);
    }
    for (int i = 0; i < COUNT; i++) {
        struct stat info;
        (void)snprintf(name, sizeof(name), "%s/%d", folder, i);
        assert_int_equal(chdir(name), 0);
        const int status = finish(pids[i]);
        drop_progress(err);
        if (status != cases[i].status) {
            fail_msg("%s, %s: status %d, expected %d: %s%s", cases[i].before, cases[i].after, status, cases[i].status,
                     err, get("log"));
        }
        assert_string_equal(get("submitted"), "1-2 1\n");
        assert_int_equal(stat("out/results.json", &info), status == 0 ? 0 : -1);
        if (cases[i].words == NULL) {
            assert_string_equal(err, "");
            continue;
        }
        holds(err, cases[i].words);
        holds(err, "\nbittrue: ");
        holds(err, "what the tasks left is kept in ");
        assert_int_equal(lines(err), 2);
    }
    assert_int_equal(chdir(folder), 0);
}

/* The session of a run ends: its array and its folder go, too. */
static void test_command_hangup(void **state)
{
    (void)state;
    sigset_t none;
    sigset_t blocked;
    struct stat info;
    make_suites();
    program("sbatch", "echo 7");
    program("squeue", "[ -e cancelled ] || { kill -HUP $PPID; echo 7 1 RUNNING; }");
    (void)sigemptyset(&none);
    assert_int_equal(sigprocmask(SIG_SETMASK, &none, &blocked), 0);
    const int status = call(RUN_SMALL);
    assert_int_equal(sigprocmask(SIG_SETMASK, &blocked, NULL), 0);
    assert_int_equal(status, BT_EXIT_INTERRUPTED);
    holds(err, "stopped by signal 1 (Hangup); nothing was reported");
    holds(get("calls"), "scancel --me --name bittrue-");
    assert_int_equal(stat("build/slurm", &info), -1);
}

/* With arguments it is the program: a task of test_tasks_of_another_plan(). */
int main(int argc, char **argv)
{
    if (argc > 1) {
        return bt_cli_main(argc, argv);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_done, enter, leave),
        cmocka_unit_test_setup_teardown(test_lost_tasks_run_again, enter, leave),
        cmocka_unit_test_setup_teardown(test_attempts_do_not_mix, enter, leave),
        cmocka_unit_test_setup_teardown(test_lost_for_good, enter, leave),
        cmocka_unit_test_setup_teardown(test_time_is_up, enter, leave),
        cmocka_unit_test_setup_teardown(test_signal, enter, leave),
        cmocka_unit_test_setup_teardown(test_hangup, enter, leave),
        cmocka_unit_test_setup_teardown(test_cancelled_tasks_take_a_while, enter, leave),
        cmocka_unit_test_setup_teardown(test_what_squeue_must_not_say, enter, leave),
        cmocka_unit_test_setup_teardown(test_squeue_fails_for_a_while, enter, leave),
        cmocka_unit_test_setup_teardown(test_squeue_fails_for_good, enter, leave),
        cmocka_unit_test_setup_teardown(test_calls_that_hang, enter, leave),
        cmocka_unit_test_setup_teardown(test_sbatch_refuses, enter, leave),
        cmocka_unit_test_setup_teardown(test_sbatch_fails_later, enter, leave),
        cmocka_unit_test_setup_teardown(test_sbatch_fails_and_scancel, enter, leave),
        cmocka_unit_test_setup_teardown(test_orphans, enter, leave),
        cmocka_unit_test_setup_teardown(test_refused_results, enter, leave),
        cmocka_unit_test_setup_teardown(test_most_tasks, enter, leave),
        cmocka_unit_test_setup_teardown(test_tasks_of_another_plan, enter, leave),
        cmocka_unit_test_setup_teardown(test_command_hangup, enter, leave),
    };
    return cmocka_run_group_tests_name("slurm", tests, block_signals, NULL);
}
