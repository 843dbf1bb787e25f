/* One line for the user: what, where, what was expected. */
#ifndef BT_ERROR_H
#define BT_ERROR_H

#include "reference/common/bt_status.h"

struct bt_error {
    char text[512]; /**< one line without a newline; "" when nothing went wrong */
};

/**
 * @brief  Fills err with one formatted line (control characters become '?', what does not fit is cut).
 * @param[out] err  May be NULL.
 * @return status, so that a caller can write `return bt_fail(err, BT_EINPUT, ...)`.
 */
__attribute__((format(printf, 3, 4))) enum bt_status bt_fail(struct bt_error *err, enum bt_status status,
                                                             const char *fmt, ...);

#endif
