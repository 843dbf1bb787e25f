/* The command that runs one result again. */
#ifndef BT_REPLAY_H
#define BT_REPLAY_H

#include <stddef.h>

#include "harness/engine.h"
#include "harness/job.h"
#include "harness/record.h"

/** What all commands of one run have in common. */
struct bt_replay {
    const char *program;                     /**< as it was called */
    const char *suite;                       /**< file, or NULL */
    const char *model, *dataset;             /**< of the user, or NULL */
    const struct bt_engine_options *options; /**< what the engines were told, or NULL */
};

/** The command that runs this record of the job again, verbosely. */
void bt_replay_command(const struct bt_replay *replay, const struct bt_job *job, const struct bt_record *record,
                       char *text, size_t text_bytes);

/** The text as one word of a shell: quoted where it must be. What does not fit is cut; control characters become '?'. */
void bt_shell_word(const char *text, char *word, size_t word_bytes);

#endif
