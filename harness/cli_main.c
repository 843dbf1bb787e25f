#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/cli.h"
#include "harness/outside.h"
#include "harness/replay.h"
#include "harness/slurm.h"

enum {
    LIST = 1,
    RUN = 2,
    PREDICT = 4,
    REPLAY = 8,
    TRACE = 16,
    IMPORT = 32,
    DATASET = 64,
    HISTORY = 128,
    MERGE = 256,
    COMPARE = 512,
    BASELINE = 1024,
    FILTERS = LIST | RUN | PREDICT | REPLAY,
    WHERE =
        1
        << 16, /* says where to run, to report or how to compare: not for the tasks of a job array, nor for revisions */
};

/* What replay takes, as `id` in results.json has it; the first four are needed. */
#define ID_FORM "NETWORK:LAYER:VARIANT:CONFIG[:PATTERN[:STALLS[:DTYPE[:SPARSITY[:STRUCTURE]]]]]"
enum { ID_LEAST = 4 };
#define DATASET_FORM "digits|shapes|scenes|mnist:FOLDER|cifar10:FILE|images:FOLDER|boxes:FOLDER"

struct command {
    const char *name;
    unsigned mask;
    int (*run)(const struct bt_cli *cli);
    const char *usage;
    const char *about; /* one line, and more of them for --help alone */
    const char *exits;
};

/* Exit statuses of a command that says no others. */
#define USUAL                                                                                                          \
    "Exit status: 0 all passed, 1 a verdict failed or nothing ran, 2 usage, input or output error,\n130 stopped by a " \
    "signal.\n"

static const struct command commands[] = {
    {"list", LIST, bt_cli_list, "list [options]",
     "Networks with parameters and multiply-accumulates, variants with their configurations.", USUAL},
    {"run", RUN, bt_cli_run, "run [options]",
     "Runs all engines on the selected layers and compares them bit by bit, cycles with their prediction.", USUAL},
    {"predict", PREDICT, bt_cli_predict, "predict [options]",
     "Predicted cycles, terms and roofline of the selected layers, without simulation.", USUAL},
    {"merge", MERGE, bt_cli_merge, "merge RESULTS.json... [options]",
     "Puts the results of all shards of one run together, into the reports of the whole run.", USUAL},
    {"replay", REPLAY, bt_cli_replay, "replay [" ID_FORM "] [options]",
     "Runs one layer again, says everything about it, and records a waveform around the first wrong element.", USUAL},
    {"import", IMPORT, bt_cli_import, "import FILE [options]",
     "Reads a model file: its graph, and which layers each variant does.", USUAL},
    {"trace", TRACE, bt_cli_trace, "trace [CORE.so] FILE [options]",
     "Runs a text trace (register writes, waits, checks) on one core.", USUAL},
    {"dataset", DATASET, bt_cli_dataset, "dataset " DATASET_FORM " [options]",
     "Says what is in a set of pictures, or writes it for training scripts, or as one picture for people.", USUAL},
    {"history", HISTORY, bt_cli_history, "history [options]",
     "Stored runs; with --network, --layer, --variant or --config the cycles of these results over the runs.\n"
     "A result has a line where it differs from the run before. + behind a revision: the tree had changes, or a core "
     "was\n"
     "older than its RTL. The hash is of the first engine that failed, or else of the reference.",
     USUAL},
    {"compare", COMPARE, bt_cli_compare, "compare A B [options]",
     "What changed from A to B: bits, verdicts, cycles and their terms, area, speed of the simulation.\n"
     "A side is a results.json or its folder, the number of a stored run, or a git revision; . is this tree as it is. "
     "A\n"
     "revision is built in a worktree and runs with the options of 'run' given here; its reports stay in out/compare "
     "in\n"
     "the build folder. Areas are those of area.json beside the results.",
     "Exit status: 0 nothing got worse, 1 bits differ that were not wrong in A, a verdict got worse (PASS, XFAIL, "
     "SKIP,\n"
     "FAIL is from good to bad) or something of A did not run in B, 2 usage, input or output error, 130 stopped by a "
     "signal.\n"},
    {"baseline", BASELINE, bt_cli_baseline, "baseline check|accept RESULTS.json... [options]",
     "Holds runs against the recorded baselines in golden/baselines, or records them with a reason.\n"
     "check fails on other bits, a worse verdict, more cycles than recorded and the tolerance allows, a larger "
     "exemption, "
     "a\n"
     "result that is recorded and did not run, and one that ran and is not recorded. accept refuses runs in which "
     "anything\n"
     "failed.",
     "Exit status: 0 as recorded or better, 1 not, or nothing is recorded, 2 usage, input or output error (a baseline\n"
     "edited by hand is one), 130 stopped by a signal.\n"},
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

struct option_spec {
    int key;
    const char *name;
    const char *argument; /* NULL: a flag */
    unsigned commands;
    const char *help;
};

static const struct option_spec specs[] = {
    {'s', "suite", "FILE", COMPARE | RUN | PREDICT | REPLAY, "what to run; without it, the layers of the networks"},
    {'n', "network", "GLOBS", COMPARE | FILTERS | HISTORY, "only these networks, e.g. 'resnet*,lenet5'"},
    {'l', "layer", "GLOBS", COMPARE | RUN | PREDICT | REPLAY | HISTORY, "only these layers"},
    {'C', "core", "DIR", FILTERS | TRACE | IMPORT, "also the core in this folder, built by 'make core DIR=...'"},
    {'v', "variant", "GLOBS", COMPARE | FILTERS | TRACE | IMPORT | HISTORY, "only these variants"},
    {'c', "config", "GLOBS", COMPARE | RUN | PREDICT | REPLAY | TRACE | IMPORT | HISTORY, "only these configurations"},
    {'e', "engine", "GLOBS", COMPARE | RUN | REPLAY, "only these engines: ref, model, rtl, cycles, iss:sw, iss:accel"},
    {'p', "pattern", "NAME", COMPARE | RUN | REPLAY, "data: uniform, min, ties, extreme_zp"},
    {'D', "dtype", "NAME", COMPARE | RUN | PREDICT | REPLAY,
     "number format of the layers: int8 (default), int16; of a suite: only its runs of this one"},
    {'z', "sparsity", "PERCENT", COMPARE | RUN | PREDICT | REPLAY,
     "weights that are pruned, 0 (default) to 99; of a suite: only its runs of this sparsity"},
    {'u', "structure", "NAME", COMPARE | RUN | PREDICT | REPLAY,
     "what is pruned together: random (default), filter or channel"},
    {'S', "stalls", "PERCENT", COMPARE | RUN | REPLAY | TRACE, "random stalls of the memory, 0 to 95"},
    {'r', "seed", "N", COMPARE | RUN | REPLAY | TRACE, "seed of all data and stalls"},
    {'R', "ref", "PATH", RUN | REPLAY, "reference: fast (oneDNN, spot-checked; default) or plain (loops)"},
    {'M', "soc", "FILE", RUN | REPLAY, "memory map of the simulated system; default: soc.yaml of the suites"},
    {'m', "cpu-mips", "N", RUN | REPLAY, "speed of the RV32 CPU, million instructions per second; default: the map's"},
    {'d', "device", "NAME", RUN | REPLAY, "behind the registers for iss:accel: rtl (default) or model"},
    {'W', "wait", "HOW", RUN | REPLAY, "the firmware waits by interrupt (default), wfi or poll"},
    {'k', "chained", NULL, COMPARE | RUN, "whole networks, each layer reading what the one before wrote"},
    {'I', "model", "FILE", RUN | PREDICT | REPLAY | IMPORT,
     "a network of your own: ONNX, TFLite, or YAML as in suites/models"},
    {'G', "dataset", "SET", RUN | REPLAY,
     "its pictures: digits, shapes, scenes, mnist:DIR, cifar10:FILE, images:DIR, boxes:DIR"},
    {'i', "images", "N", COMPARE | RUN, "pictures per whole network; default: all of a few, 20 of many"},
    {'Q', "accuracy", "N", RUN,
     "also the accuracy over N pictures (0: all), in float and int8, of networks with a model"},
    {'B', "model-images", "N", RUN, "pictures that the variant's model runs on for it; default: as --images"},
    {'X', "max-accuracy-drop", "POINTS", RUN, "FAIL where int8 is further below float, in percent of top-1 or mAP@0.5"},
    {'T', "timeline", "DIR", RUN, "who is busy when in a whole network, as Chrome trace JSON (Perfetto opens it)"},
    {'P', "prepared", "DIR", RUN, "weights prepared offline (schedules), in place of the variant's own"},
    {'E', "save-prepared", "DIR", RUN, "writes those that the variant prepares, a file per layer"},
    {'V', "executor", "HOW", RUN | WHERE, "local (default), or slurm: as a job array on a cluster"},
    {'a', "tasks", "N", RUN | WHERE, "of the job array; default: of a minute each"},
    {'K', "spool", "DIR", RUN | WHERE,
     "what its tasks leave, in a folder that all nodes see; default: slurm/ in the build folder"},
    {'g', "slurm-options", "WORDS", RUN | WHERE, "more options of sbatch, e.g. '--partition=long --mem=2G'"},
    {'j', "jobs", "N", COMPARE | RUN | WHERE, "worker processes; default: one per CPU"},
    {'x', "shard", "I/N", RUN | PREDICT | WHERE,
     "the I-th of N parts of the selection, 1 <= I <= N, of about equal work"},
    {'y', "durations", "FILE", RUN | PREDICT,
     "results.json of an earlier run, to balance the shards by; the same for all"},
    {'t', "timeout", "SECONDS", RUN | REPLAY | TRACE, "wall clock per job; default: from its expected cycles"},
    {'o', "out", "DIR", RUN | MERGE | WHERE, "where the reports go; default: out/ in the build folder"},
    {'w', "wave", "FILE", REPLAY | TRACE, "write a waveform (FST); needs the core's -trace build"},
    {'L', "layers", NULL, LIST, "every layer of the networks"},
    {'A', "split", "NAME", DATASET, "of a generated set: test (default), calibration or train"},
    {'i', "count", "N", DATASET, "pictures; default: all of files, 1000 generated ones, 200 of scenes"},
    {'Z', "size", "HxW", DATASET, "pictures of folders resized, MNIST's padded; default: as they are"},
    {'o', "out", "FILE", DATASET, "write pictures with labels or boxes; golden/train/data.py reads the format"},
    {'H', "sheet", "FILE", DATASET, "write the first 100 as one picture (PPM), boxes outlined"},
    {'o', "out", "FILE", COMPARE | WHERE, "write it as Markdown, for a pull request"},
    {'F', "store", "FILE", RUN | HISTORY | COMPARE | WHERE,
     "the results store; default: results.db in the build folder; none: without"},
    {'f', "force", NULL, RUN | WHERE, "runs also what is stored and unchanged"},
    {'J', "json", NULL, HISTORY, "for programs"},
    {'Y', "reason", "TEXT", BASELINE, "accept: why; it is added to REASONS.md beside the baselines"},
    {'N', "partial", NULL, BASELINE | COMPARE | WHERE,
     "the runs are a part of the suites: what is not in both is no loss"},
    {'O', "tolerance", "PERCENT", BASELINE,
     "accept: cycles may grow by so much from now on; default: as before, at first 0"},
    {'h', "help", NULL, BASELINE | COMPARE | FILTERS | TRACE | IMPORT | DATASET | HISTORY | MERGE, "this text"},
};
#define SPEC_COUNT (sizeof(specs) / sizeof(specs[0]))

void bt_cli_complain(const struct bt_error *err)
{
    (void)fprintf(stderr, "bittrue: %s\n", err->text);
}

int bt_cli_finish(int status)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0) {
        return status;
    }
    (void)fprintf(stderr, "bittrue: standard output cannot be written: %s\n", strerror(errno));
    return BT_EXIT_ERROR;
}

static void usage(FILE *out)
{
    (void)fprintf(out, "bittrue: verifies and measures CNN accelerators, layer by layer, bit by bit.\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const char *about = commands[i].about;
        (void)fprintf(out, "  bittrue %-8s %.*s\n", commands[i].name, (int)strcspn(about, "\n"), about);
    }
    (void)fprintf(out, "\n'bittrue COMMAND --help' lists its options.\n%s", USUAL);
}

static int help(const struct command *command)
{
    (void)printf("usage: bittrue %s\n%s\n\n", command->usage, command->about);
    for (size_t i = 0; i < SPEC_COUNT; i++) {
        if ((specs[i].commands & command->mask) == 0) {
            continue;
        }
        char left[64];
        (void)snprintf(left, sizeof(left), "--%s%s%s", specs[i].name, specs[i].argument != NULL ? " " : "",
                       specs[i].argument != NULL ? specs[i].argument : "");
        (void)printf("  %-20s %s\n", left, specs[i].help);
    }
    (void)printf("\nEnvironment: BITTRUE_BUILD (build folder), BITTRUE_SUITES (folder of suites), "
                 "BITTRUE_DATA (trained\nnetworks and pictures), BITTRUE_STORE (results store, or none).\n%s",
                 command->exits);
    return bt_cli_finish(BT_EXIT_PASS);
}

/* ---- folders ---- */

static bool is_folder(const char *dir, const char *below)
{
    char path[1200];
    struct stat info;
    (void)snprintf(path, sizeof(path), "%s/%s", dir, below);
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static void program_folder(char *dir, size_t dir_bytes)
{
    char path[1024];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
    path[length > 0 ? length : 0] = '\0';
    (void)snprintf(dir, dir_bytes, "%s", length > 0 ? dirname(path) : ".");
}

/* The folder of the program, or the one above it for a program built in a flavour of its own (build/san). */
static void find_build(struct bt_cli *cli)
{
    const char *given = getenv("BITTRUE_BUILD");
    char here[1024];
    program_folder(here, sizeof(here));
    char above[1100];
    (void)snprintf(above, sizeof(above), "%s/..", here);
    if (given != NULL && given[0] != '\0') {
        (void)snprintf(cli->build_dir, sizeof(cli->build_dir), "%s", given);
    } else if (!is_folder(here, "rtl") && is_folder(above, "rtl")) {
        (void)snprintf(cli->build_dir, sizeof(cli->build_dir), "%.1000s", above);
    } else {
        (void)snprintf(cli->build_dir, sizeof(cli->build_dir), "%s", here);
    }
    /* Messages name files that users type again: from the folder they are in. */
    char cwd[1024];
    if (getcwd(cwd, sizeof(cwd)) != NULL) {
        const size_t length = strlen(cwd);
        if (strncmp(cli->build_dir, cwd, length) == 0 && cli->build_dir[length] == '/') {
            memmove(cli->build_dir, cli->build_dir + length + 1, strlen(cli->build_dir) - length);
        }
    }
}

static void find_suites(struct bt_cli *cli)
{
    const char *given = getenv("BITTRUE_SUITES");
    if (given != NULL && given[0] != '\0') {
        (void)snprintf(cli->suites_dir, sizeof(cli->suites_dir), "%s", given);
        return;
    }
    (void)snprintf(cli->suites_dir, sizeof(cli->suites_dir), "suites");
    char here[1024];
    program_folder(here, sizeof(here));
    const char *const up[] = {"..", "../.."};
    for (size_t i = 0; i < sizeof(up) / sizeof(up[0]) && !is_folder(cli->suites_dir, "variants"); i++) {
        (void)snprintf(cli->suites_dir, sizeof(cli->suites_dir), "%.1000s/%s/suites", here, up[i]);
    }
}

/* A folder that was asked for must be there; the default one may be missing. */
static bool find_data(struct bt_cli *cli)
{
    const char *given = getenv("BITTRUE_DATA");
    struct bt_error err = {""};
    const bool asked = given != NULL && given[0] != '\0';
    cli->data_asked = asked;
    (void)snprintf(cli->data_dir, sizeof(cli->data_dir), "%s", asked ? given : "../shared/data");
    if (asked && !is_folder(cli->data_dir, ".")) {
        (void)bt_fail(&err, BT_EINPUT, "BITTRUE_DATA '%s': expected a folder", given);
        bt_cli_complain(&err);
        return false;
    }
    return true;
}

/* A suite may be named by its file or, for those of the tree, by its name. It brings its own variants if it has any. */
static void find_suite(struct bt_cli *cli)
{
    if (cli->selection.suite == NULL) {
        return;
    }
    (void)snprintf(cli->suite, sizeof(cli->suite), "%s", cli->selection.suite);
    if (strchr(cli->suite, '/') == NULL && access(cli->suite, F_OK) != 0) {
        const size_t length = strlen(cli->suite);
        const bool ending = length > 5 && strcmp(cli->suite + length - 5, ".yaml") == 0;
        (void)snprintf(cli->suite, sizeof(cli->suite), "%.800s/%.200s%s", cli->suites_dir, cli->selection.suite,
                       ending ? "" : ".yaml");
    }
    cli->selection.suite = cli->suite;
    char copy[1024];
    (void)snprintf(copy, sizeof(copy), "%s", cli->suite);
    const char *dir = dirname(copy);
    if (is_folder(dir, "variants")) {
        (void)snprintf(cli->suites_dir, sizeof(cli->suites_dir), "%s", dir);
    }
}

/* ---- arguments ---- */

static bool number(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
    char *end = NULL;
    errno = 0;
    const unsigned long long n = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n < min || n > max) {
        return false;
    }
    *value = n;
    return true;
}

static bool shard(const char *text, struct bt_cli *cli)
{
    char first[32];
    const char *slash = strchr(text, '/');
    uint64_t part = 0;
    uint64_t parts = 0;
    if (slash == NULL || (size_t)(slash - text) >= sizeof(first)) {
        return false;
    }
    memcpy(first, text, (size_t)(slash - text));
    first[slash - text] = '\0';
    if (!number(slash + 1, 1, 1000000, &parts) || !number(first, 1, parts, &part)) {
        return false;
    }
    cli->shard = (uint32_t)part - 1;
    cli->shards = (uint32_t)parts;
    return true;
}

static bool size(const char *text, struct bt_cli *cli)
{
    char first[32];
    const char *by = strchr(text, 'x');
    uint64_t h = 0;
    uint64_t w = 0;
    if (by == NULL || (size_t)(by - text) >= sizeof(first)) {
        return false;
    }
    memcpy(first, text, (size_t)(by - text));
    first[by - text] = '\0';
    if (!number(first, 1, BT_DATASET_EXTENT, &h) || !number(by + 1, 1, BT_DATASET_EXTENT, &w)) {
        return false;
    }
    cli->height = (int32_t)h;
    cli->width = (int32_t)w;
    return true;
}

/* The option of this command: some share a key. */
static const struct option_spec *spec_of(int key, unsigned mask)
{
    static const struct option_spec none = {.name = "?"};
    for (size_t i = 0; i < SPEC_COUNT; i++) {
        if (specs[i].key == key && (specs[i].commands & mask) != 0) {
            return &specs[i];
        }
    }
    return &none;
}

/* For those who run a part of this run. @return false when there are too many. */
static bool keep(struct bt_cli *cli, int key, const char *value)
{
    const struct option_spec *spec = spec_of(key, cli->mask);
    if ((spec->commands & WHERE) != 0) {
        return true;
    }
    if (cli->what_count == BT_CLI_OPTIONS) {
        return false;
    }
    cli->what[cli->what_count++] = (struct bt_cli_option){spec->name, spec->argument != NULL ? value : NULL};
    return true;
}

static const char *expected_number(int key)
{
    switch (key) {
    case 'S':
        return "0 to 95";
    case 'z':
        return "0 to 99";
    case 'j':
        return "1 to 1024";
    case 'm':
        return "1 to 10000";
    case 'Q':
        return "0 to 1000000";
    case 'a':
        return "1 to 1000";
    case 'B':
    case 'i':
    case 't':
        return "1 to 1000000";
    default:
        return "0 to 9223372036854775807";
    }
}

static bool apply_number(struct bt_cli *cli, int key, const char *value)
{
    uint64_t n = 0;
    switch (key) {
    case 'S':
        if (!number(value, 0, 95, &n)) {
            return false;
        }
        cli->selection.has_stalls = true;
        cli->selection.stall_percent = (uint32_t)n;
        return true;
    case 'z':
        if (!number(value, 0, BT_MOST_SPARSITY, &n)) {
            return false;
        }
        cli->selection.has_sparsity = true;
        cli->selection.pruning.percent = (uint32_t)n;
        return true;
    case 'j':
        if (!number(value, 1, 1024, &n)) {
            return false;
        }
        cli->workers = (unsigned)n;
        cli->jobs_asked = true;
        return true;
    case 'a':
        if (!number(value, 1, BT_SLURM_MOST_TASKS, &n)) {
            return false;
        }
        cli->tasks = (uint32_t)n;
        return true;
    case 'i':
        if (!number(value, 1, 1000000, &n)) {
            return false;
        }
        cli->images = (uint32_t)n;
        return true;
    case 'Q':
        if (!number(value, 0, 1000000, &n)) {
            return false;
        }
        cli->selection.pictures.accuracy = true;
        cli->selection.pictures.accuracy_images = (uint32_t)n;
        return true;
    case 'B':
        if (!number(value, 1, 1000000, &n)) {
            return false;
        }
        cli->selection.pictures.model_images = (uint32_t)n;
        return true;
    case 'm':
        if (!number(value, 1, 10000, &n)) {
            return false;
        }
        cli->cpu_mips = (uint32_t)n;
        return true;
    case 't':
        if (!number(value, 1, 1000000, &n)) {
            return false;
        }
        cli->timeout_seconds = (double)n;
        return true;
    default:
        if (!number(value, 0, INT64_MAX, &n)) {
            return false;
        }
        cli->selection.has_seed = true;
        cli->selection.seed = n;
        return true;
    }
}

static const char *ref_name(unsigned ref)
{
    return ref == BT_REF_FAST ? "fast" : "plain";
}

static const char *dtype_name(unsigned dtype)
{
    return bt_dtype_name(dtype);
}

static const char *structure_name(unsigned structure)
{
    return bt_structure_name(structure);
}

static const char *split_name(unsigned split)
{
    return bt_split_name((enum bt_split)split);
}

static const char *device_name(unsigned device)
{
    return bt_device_name((enum bt_device)device);
}

static const char *executor_name(unsigned executor)
{
    return executor == BT_EXECUTOR_SLURM ? "slurm" : "local";
}

static const char *wait_name(unsigned wait)
{
    return bt_wait_name((enum bt_wait)wait);
}

/* Which of `count` names is it? @return false with one line in err. */
static bool one_of(const char *option, const char *value, const char *(*name)(unsigned), unsigned count,
                   unsigned *index, struct bt_error *err)
{
    char expected[128] = "";
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(value, name(i)) == 0) {
            *index = i;
            return true;
        }
        const size_t used = strlen(expected);
        const char *between = i == 0 ? "" : i + 1 < count ? ", " : " or ";
        (void)snprintf(expected + used, sizeof(expected) - used, "%s%s", between, name(i));
    }
    (void)bt_fail(err, BT_EINPUT, "--%s '%s': expected %s", option, value, expected);
    return false;
}

static bool apply_word(struct bt_cli *cli, int key, const char *value, struct bt_error *err)
{
    unsigned index = 0;
    bool ok = false;
    switch (key) {
    case 'R':
        ok = one_of("ref", value, ref_name, 2, &index, err);
        cli->ref = (enum bt_ref_path)index;
        return ok;
    case 'D':
        ok = one_of("dtype", value, dtype_name, 2, &index, err);
        cli->selection.has_dtype = true;
        cli->selection.dtype = (enum bt_dtype)index;
        return ok;
    case 'u':
        ok = one_of("structure", value, structure_name, BT_STRUCTURE_COUNT, &index, err);
        cli->selection.has_structure = true;
        cli->selection.pruning.structure = (enum bt_structure)index;
        return ok;
    case 'A':
        ok = one_of("split", value, split_name, BT_SPLIT_COUNT, &index, err);
        cli->split = (enum bt_split)index;
        return ok;
    case 'd':
        ok = one_of("device", value, device_name, BT_DEVICE_COUNT, &index, err);
        cli->device = (enum bt_device)index;
        return ok;
    case 'V':
        ok = one_of("executor", value, executor_name, BT_EXECUTOR_COUNT, &index, err);
        cli->executor = (enum bt_executor)index;
        return ok;
    default:
        ok = one_of("wait", value, wait_name, BT_WAIT_COUNT, &index, err);
        cli->wait = (enum bt_wait)index;
        return ok;
    }
}

static bool apply_percent(const char *option, const char *value, double *percent, struct bt_error *err)
{
    char *end = NULL;
    const double number = strtod(value, &end);
    if (end == value || *end != '\0' || !(number >= 0 && number <= 100)) {
        (void)bt_fail(err, BT_EINPUT, "--%s '%s': expected percent, 0 to 100", option, value);
        return false;
    }
    *percent = number;
    return true;
}

/* @return false with one line in err. */
static bool apply(struct bt_cli *cli, int key, const char *value, struct bt_error *err)
{
    switch (key) {
    case 's':
        cli->selection.suite = value;
        return true;
    case 'n':
        cli->selection.network = value;
        return true;
    case 'l':
        cli->selection.layer = value;
        return true;
    case 'C':
        if (cli->core_count == BT_CLI_CORES) {
            (void)bt_fail(err, BT_EINPUT, "--core '%s': expected at most %d cores", value, BT_CLI_CORES);
            return false;
        }
        cli->cores[cli->core_count++] = value;
        return true;
    case 'v':
        cli->selection.variant = value;
        return true;
    case 'c':
        cli->selection.config = value;
        return true;
    case 'e':
        cli->selection.engine = value;
        return true;
    case 'p':
        cli->selection.pattern = value;
        return true;
    case 'o':
        (void)snprintf(cli->out, sizeof(cli->out), "%s", value);
        return true;
    case 'w':
        cli->wave = value;
        return true;
    case 'L':
        cli->layers = true;
        return true;
    case 'F':
        cli->store = value;
        return true;
    case 'f':
        cli->force = true;
        return true;
    case 'J':
        cli->json = true;
        return true;
    case 'k':
        cli->selection.chained = true;
        return true;
    case 'T':
        cli->timeline = value;
        return true;
    case 'K':
        cli->spool = value;
        return true;
    case 'g':
        cli->slurm_options = value;
        return true;
    case 'Y':
        cli->reason = value;
        return true;
    case 'N':
        cli->partial = true;
        return true;
    case 'P':
        cli->prepared = value;
        return true;
    case 'E':
        cli->save_prepared = value;
        return true;
    case 'I':
        cli->selection.model = value;
        return true;
    case 'G':
        cli->selection.dataset = value;
        return true;
    case 'X':
        return apply_percent("max-accuracy-drop", value, &cli->selection.pictures.max_drop, err);
    case 'O':
        return apply_percent("tolerance", value, &cli->tolerance_percent, err);
    case 'M':
        (void)snprintf(cli->soc_path, sizeof(cli->soc_path), "%s", value);
        return true;
    case 'y':
        cli->durations = value;
        return true;
    case 'H':
        cli->sheet = value;
        return true;
    case 'Z':
        if (!size(value, cli)) {
            (void)bt_fail(err, BT_EINPUT, "--size '%s': expected HxW, 1 to %d each", value, BT_DATASET_EXTENT);
            return false;
        }
        return true;
    case 'A':
    case 'R':
    case 'D':
    case 'u':
    case 'd':
    case 'W':
    case 'V':
        return apply_word(cli, key, value, err);
    case 'x':
        if (!shard(value, cli)) {
            (void)bt_fail(err, BT_EINPUT, "--shard '%s': expected I/N with 1 <= I <= N", value);
            return false;
        }
        return true;
    default:
        if (!apply_number(cli, key, value)) {
            (void)bt_fail(err, BT_EINPUT, "--%s '%s': expected a whole number, %s", spec_of(key, cli->mask)->name,
                          value, expected_number(key));
            return false;
        }
        return true;
    }
}

static bool apply_id(struct bt_cli *cli, const char *id, struct bt_error *err)
{
    static const int keys[] = {'n', 'l', 'v', 'c', 'p', 'S', 'D', 'z', 'u'};
    (void)snprintf(cli->id, sizeof(cli->id), "%s", id);
    char *rest = cli->id;
    size_t count = 0;
    bool ok = true;
    for (; ok && rest != NULL; count++) {
        ok = count < sizeof(keys) / sizeof(keys[0]) && apply(cli, keys[count], strsep(&rest, ":"), err);
    }
    if (!ok || count < ID_LEAST) {
        (void)bt_fail(err, BT_EINPUT, "'%s': expected " ID_FORM, id);
        return false;
    }
    return true;
}

static unsigned cpu_count(void)
{
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0) {
        return 1;
    }
    const int count = CPU_COUNT(&cpus);
    return count > 0 ? (unsigned)count : 1;
}

/* @return BT_EXIT_PASS to go on; anything else, with *done set, is the exit status. */
static int parse(const struct command *command, int argc, char **argv, struct bt_cli *cli, bool *done)
{
    struct option options[SPEC_COUNT + 1] = {{0}};
    size_t count = 0;
    for (size_t i = 0; i < SPEC_COUNT; i++) {
        if ((specs[i].commands & command->mask) != 0) {
            options[count++] = (struct option){
                specs[i].name, specs[i].argument != NULL ? required_argument : no_argument, NULL, specs[i].key};
        }
    }
    struct bt_error err = {""};
    *done = true;
    opterr = 0;
    optind = 0;
    int key;
    while ((key = getopt_long(argc, argv, ":j:", options, NULL)) != -1) {
        const bool short_jobs = key == 'j' && (command->mask & (RUN | COMPARE)) == 0;
        if (key == 'h') {
            return help(command);
        }
        if (key == '?' || short_jobs) {
            (void)bt_fail(&err, BT_EINPUT, "%s: unknown option '%s'; see bittrue %s --help", command->name,
                          argv[optind - 1], command->name);
        } else if (key == ':') {
            (void)bt_fail(&err, BT_EINPUT, "%s: option '%s' needs a value; see bittrue %s --help", command->name,
                          argv[optind - 1], command->name);
        } else if (optarg != NULL && optarg[0] == '\0') {
            (void)bt_fail(&err, BT_EINPUT, "%s: --%s '': expected a value", command->name,
                          spec_of(key, command->mask)->name);
        } else if (!keep(cli, key, optarg)) {
            (void)bt_fail(&err, BT_EINPUT, "%s: expected at most %d options", command->name, BT_CLI_OPTIONS);
        } else if (apply(cli, key, optarg, &err)) {
            continue;
        }
        bt_cli_complain(&err);
        return BT_EXIT_ERROR;
    }
    if (command->mask == REPLAY && optind < argc && !apply_id(cli, argv[optind++], &err)) {
        bt_cli_complain(&err);
        return BT_EXIT_ERROR;
    }
    if (command->mask == IMPORT && optind < argc) {
        cli->selection.model = argv[optind++];
    }
    int most = 0; /* arguments beside options */
    switch (command->mask) {
    case TRACE:
    case COMPARE:
        most = 2;
        break;
    case DATASET:
        most = 1;
        break;
    case MERGE:
    case BASELINE:
        most = argc;
        break;
    default:
        break;
    }
    const int given = argc - optind < most ? argc - optind : most;
    cli->arguments = argv + optind;
    cli->argument_count = given;
    optind += given;
    if (optind < argc) {
        (void)bt_fail(&err, BT_EINPUT, "%s: unexpected argument '%s'; see bittrue %s --help", command->name,
                      argv[optind], command->name);
        bt_cli_complain(&err);
        return BT_EXIT_ERROR;
    }
    *done = false;
    return BT_EXIT_PASS;
}

/* A map that was asked for must be there; without any, the engines that need one say so. */
static bool load_soc(struct bt_cli *cli, const struct command *command)
{
    struct bt_error err = {""};
    const bool given = cli->soc_path[0] != '\0';
    cli->own_soc = given;
    if ((command->mask & (RUN | REPLAY)) == 0) {
        return true;
    }
    if (!given) {
        (void)snprintf(cli->soc_path, sizeof(cli->soc_path), "%s/soc.yaml", cli->suites_dir);
        if (access(cli->soc_path, F_OK) != 0) {
            return true;
        }
    }
    if (bt_soc_map_load(cli->soc_path, &cli->soc, &err) != BT_OK) {
        bt_cli_complain(&err);
        return false;
    }
    cli->has_soc = true;
    return true;
}

struct bt_engine_options bt_cli_engine_options(const struct bt_cli *cli)
{
    return (struct bt_engine_options){
        .build_dir = cli->build_dir,
        .ref = cli->ref,
        .soc = cli->has_soc ? &cli->soc : NULL,
        .own_soc = cli->own_soc,
        .cpu_mips = cli->cpu_mips,
        .device = cli->device,
        .wait = cli->wait,
        .data_dir = cli->data_dir,
        .data_asked = cli->data_asked,
        .images = cli->images,
        .timeline = cli->timeline,
        .prepared = cli->prepared,
        .save_prepared = cli->save_prepared,
    };
}

static bool load_cores(const struct bt_cli *cli)
{
    for (unsigned i = 0; i < cli->core_count; i++) {
        const struct bt_variant *variant = NULL;
        struct bt_error err = {""};
        if (bt_outside_load(cli->cores[i], cli->build_dir, &variant, &err) != BT_OK) {
            bt_cli_complain(&err);
            return false;
        }
    }
    return true;
}

/* As a shell takes it back. What does not fit is cut. */
static void join(int argc, char **argv, char *text, size_t text_bytes)
{
    text[0] = '\0';
    for (int i = 0; i < argc; i++) {
        char word[1200];
        const size_t used = strlen(text);
        bt_shell_word(argv[i], word, sizeof(word));
        (void)snprintf(text + used, text_bytes - used, "%s%s", i > 0 ? " " : "", word);
    }
}

int bt_cli_main(int argc, char **argv)
{
    struct bt_cli cli = {.program = argc > 0 ? argv[0] : "bittrue", .workers = cpu_count(), .ref = BT_REF_FAST};
    cli.selection.pictures.max_drop = -1;
    cli.tolerance_percent = -1;
    (void)signal(SIGXFSZ, SIG_IGN); /* a file beyond ulimit -f fails as on a full disk, with a line */
    join(argc, argv, cli.command, sizeof(cli.command));
    if (argc < 2) {
        usage(stderr);
        return BT_EXIT_ERROR;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return bt_cli_finish(BT_EXIT_PASS);
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], commands[i].name) != 0) {
            continue;
        }
        bool done = false;
        cli.mask = commands[i].mask;
        const int status = parse(&commands[i], argc - 1, argv + 1, &cli, &done);
        if (done) {
            return status;
        }
        find_build(&cli);
        find_suites(&cli);
        find_suite(&cli);
        cli.selection.suites_dir = cli.suites_dir;
        return find_data(&cli) && load_cores(&cli) && load_soc(&cli, &commands[i]) ? commands[i].run(&cli)
                                                                                   : BT_EXIT_ERROR;
    }
    struct bt_error err;
    char names[160] = "";
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const size_t used = strlen(names);
        const char *between = i == 0 ? "" : i + 1 < COMMAND_COUNT ? ", " : " or ";
        (void)snprintf(names + used, sizeof(names) - used, "%s%s", between, commands[i].name);
    }
    (void)bt_fail(&err, BT_EINPUT, "no command '%s'; expected %s (see bittrue --help)", argv[1], names);
    bt_cli_complain(&err);
    return BT_EXIT_ERROR;
}
