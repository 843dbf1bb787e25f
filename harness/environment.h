/* Where a run took place: machine, tools, revision. Nothing of it decides a verdict. */
#ifndef BT_ENVIRONMENT_H
#define BT_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

struct bt_environment {
    char cpu[128], os[128];            /**< as /proc/cpuinfo and /etc/os-release name them; "" where they do not */
    uint32_t cores;                    /**< that this process may use */
    char verilator[64], compiler[256]; /**< that the program was built with */
    char commit[48];                   /**< of the tree that holds `dir`, or "" */
    bool dirty;                        /**< with changes that are not committed, other than in its reports/ */
    int64_t time;                      /**< of the clock, seconds since 1970 */
};

/** @param[in] dir  A folder of the source tree. */
void bt_environment_read(const char *dir, struct bt_environment *environment);

#endif
