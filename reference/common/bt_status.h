/* Status codes, shared by every floor of the house. Freestanding: no libc. */
#ifndef BT_STATUS_H
#define BT_STATUS_H

#include <stdint.h>

#define BT_MUST_CHECK __attribute__((warn_unused_result))

/** What a function that can fail returns. On anything but BT_OK nothing was written to out-parameters. */
enum bt_status {
    BT_OK = 0,
    BT_EINVAL,       /**< argument out of range or shapes that do not fit each other */
    BT_EOVERFLOW,    /**< the accumulator bound does not hold */
    BT_EUNSUPPORTED, /**< well-formed, but this engine or variant cannot do it: a SKIP, never a PASS */
    BT_ENOMEM,       /**< host memory, or DRAM of the simulated system, exhausted */
    BT_EIO,          /**< a file or a device of the host failed */
    BT_EINPUT,       /**< bad user input; the message says what, where, what was expected */
    BT_EDEVICE,      /**< the accelerator reported an error code */
    BT_ETIMEOUT,     /**< a wait reached its bound */
};

/** Why something was refused, without formatting: "what: got `got`, limit `limit`". */
struct bt_reason {
    const char *what; /**< static string; NULL when nothing was refused */
    int64_t got;
    int64_t limit;
};

#endif
