/* Other programs, called with a bound on their time and on what they say. */
#ifndef BT_COMMAND_H
#define BT_COMMAND_H

#include <stddef.h>

#include "harness/error.h"

/**
 * @brief  Runs a program found on PATH, with nothing to read and in a process group of its own, which a Ctrl-C does not reach.
 * @param[in]  argv     Ends with NULL.
 * @param[in]  seconds  Wall clock; when it goes by the whole group is killed.
 * @param[out] text     What it wrote to its standard output.
 * @return BT_OK when its exit status is 0; BT_EIO with the program's name and the last line of its standard error, or with what
 *         became of it: not there, killed, no end in time, more output than fits.
 */
BT_MUST_CHECK enum bt_status bt_command(const char *const *argv, double seconds, char *text, size_t text_bytes,
                                        struct bt_error *err);

#endif
