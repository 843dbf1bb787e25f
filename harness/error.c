#include "harness/error.h"

#include <stdarg.h>
#include <stdio.h>

enum bt_status bt_fail(struct bt_error *err, enum bt_status status, const char *fmt, ...)
{
    if (err == NULL) {
        return status;
    }
    va_list args;
    va_start(args, fmt);
    const int length = vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    if (length < 0) {
        err->text[0] = '\0';
    }
    /* A name from a file may hold anything; the report of it stays one line on any terminal. */
    for (char *c = err->text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
    return status;
}
