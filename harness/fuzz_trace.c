/* Any bytes as a trace: accepted, or refused with one line that says where. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/trace.h"

/* The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* NOLINT(readability-identifier-naming) */

/* The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) /* NOLINT(readability-identifier-naming) */
{
    struct bt_trace *trace = NULL;
    struct bt_error err = {""};
    /* A small DRAM, so that no file of this machine that the input may name is read at length. */
    const enum bt_status status = bt_trace_parse("nowhere/fuzz.trace", data, size, 1 << 16, &trace, &err);
    const bool refused = status == BT_EINPUT && trace == NULL && strncmp(err.text, "nowhere/fuzz.trace:", 19) == 0 &&
                         strchr(err.text, '\n') == NULL;
    const bool accepted = status == BT_OK && trace != NULL && bt_trace_checks(trace) > 0 &&
                          bt_trace_checks(trace) <= bt_trace_statements(trace);
    if (!refused && !accepted) {
        abort();
    }
    bt_trace_free(trace);
    return 0;
}
