/* The key of a job: the content of everything that its results follow from. */
#ifndef BT_JOB_KEY_H
#define BT_JOB_KEY_H

#include "harness/engine.h"
#include "harness/job.h"
#include "harness/key.h"

/**
 * @brief  Layers and their data (seed, pattern, pruning; of whole networks model, weights and pictures), the variant's configuration,
 *         the simulated core, the firmware, the C of the room and of the engines with compiler, flags and shared libraries, and what
 *         the engines were told.
 * @param[in] suites_dir  Where the variants' YAML files are.
 * @return BT_OK; BT_EUNSUPPORTED where the job leaves more behind than records, or takes what has no key (a waveform, a timeline,
 *         prepared weights); BT_EIO where something cannot be read; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_job_key(const struct bt_job *job, const struct bt_engine_options *options,
                                        const char *suites_dir, struct bt_keymaker *maker, struct bt_key *key);

#endif
