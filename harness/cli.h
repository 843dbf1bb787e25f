/* The commands of `bittrue`. */
#ifndef BT_CLI_H
#define BT_CLI_H

#include <stdbool.h>

#include "harness/dataset/dataset.h"
#include "harness/engine.h"
#include "harness/error.h"
#include "harness/job.h"

/** Exit status: everything passed; a verdict failed or nothing ran; usage, input or output error; stopped by a signal. */
enum { BT_EXIT_PASS = 0, BT_EXIT_FAIL = 1, BT_EXIT_ERROR = 2, BT_EXIT_INTERRUPTED = 130 };

/** Cores from elsewhere in one run. */
#define BT_CLI_CORES 16

/** Where the jobs of a run are run: in processes of their own here, or as tasks of a job array of Slurm. */
enum bt_executor { BT_EXECUTOR_LOCAL, BT_EXECUTOR_SLURM, BT_EXECUTOR_COUNT };

/** An option as it was given. */
struct bt_cli_option {
    const char *name, *value; /**< value: NULL for a flag */
};
#define BT_CLI_OPTIONS 64

/** What the command line said. */
struct bt_cli {
    const char *program;
    char command[2048]; /**< program and arguments, for people */
    unsigned mask;      /**< of the command */
    struct bt_selection selection;
    char build_dir[1024], suites_dir[1024], suite[1024];
    const char *cores[BT_CLI_CORES]; /**< folders */
    unsigned core_count;
    unsigned workers;
    uint32_t shard,
        shards; /**< 0 <= shard < shards, or shards is 0; the union of all shards is the whole, each job in one */
    const char *durations;  /**< results.json of an earlier run, or NULL */
    double timeout_seconds; /**< per job; 0: from the expected cycles */
    char out[1024];
    enum bt_ref_path ref;
    /* the simulated system */
    char soc_path[1200];   /**< --soc, or the suites' soc.yaml */
    struct bt_soc_map soc; /**< where has_soc */
    bool has_soc, own_soc;
    uint32_t cpu_mips; /**< 0: the map's */
    enum bt_device device;
    enum bt_wait wait;
    char data_dir[1024]; /**< trained weights and pictures */
    bool data_asked;
    uint32_t images; /**< of a whole network or a data set; 0: all that there are */
    const char *timeline;
    const char *prepared, *save_prepared; /**< folders */
    enum bt_executor executor;
    bool jobs_asked;
    uint32_t tasks;                            /**< of Slurm; 0: from their work */
    const char *spool, *slurm_options;         /**< of Slurm; or NULL */
    struct bt_cli_option what[BT_CLI_OPTIONS]; /**< all options but those that say where to run and to report */
    unsigned what_count;
    const char *store; /**< file, or "none"; NULL: see bt_cli_store_path() */
    bool force;        /**< runs what is stored, too */
    bool json;         /**< history */
    bool quiet;        /**< no progress */
    bool layers;       /**< list */
    const char *wave;  /**< replay */
    char id[512];      /**< replay: the selection's texts point in here */
    char **arguments;
    /** trace: [core] file; dataset: which; compare: two sides; merge: files; baseline: action, files */
    int argument_count;
    const char *reason;       /**< baseline */
    double tolerance_percent; /**< below 0: what it was */
    bool partial;
    enum bt_split split;
    int32_t height, width; /**< 0: as they are */
    const char *sheet;
};

/**
 * @brief  Runs the program.
 * @return Its exit status; every error was said in one line on stderr.
 */
int bt_cli_main(int argc, char **argv);

/* One command each; the return value is the exit status. */
int bt_cli_list(const struct bt_cli *cli);
int bt_cli_run(const struct bt_cli *cli);
int bt_cli_predict(const struct bt_cli *cli);
int bt_cli_merge(const struct bt_cli *cli);
int bt_cli_replay(const struct bt_cli *cli);
int bt_cli_import(const struct bt_cli *cli);
int bt_cli_trace(const struct bt_cli *cli);
int bt_cli_dataset(const struct bt_cli *cli);
int bt_cli_compare(const struct bt_cli *cli);
int bt_cli_baseline(const struct bt_cli *cli);
int bt_cli_history(const struct bt_cli *cli);

/**
 * @brief  The jobs of the selection, or the shard of them that was asked for.
 * @return As bt_plan_make(); BT_EINPUT, too, for an empty shard and for durations that are none.
 */
BT_MUST_CHECK enum bt_status bt_cli_plan(const struct bt_cli *cli, struct bt_plan *plan, struct bt_error *err);

/** By job of a whole plan, the shard from 0 that it goes to where there are so many. BT_EINPUT for durations that are none. */
BT_MUST_CHECK enum bt_status bt_cli_shards(const struct bt_cli *cli, const struct bt_plan *plan, uint32_t shards,
                                           uint32_t *shard, struct bt_error *err);

/** What the command line says to the engines; points into cli. */
struct bt_engine_options bt_cli_engine_options(const struct bt_cli *cli);

/** "bittrue: text" on stderr. */
void bt_cli_complain(const struct bt_error *err);

/** Flushes stdout: BT_EXIT_ERROR with one line when not all of it could be written, else `status`. */
int bt_cli_finish(int status);

#endif
