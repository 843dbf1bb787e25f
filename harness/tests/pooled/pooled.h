/*
 * A room for the tests of the harness: os_array with max-pooling on write-back, which its driver does by hand once the array
 * is done. The same source runs natively and as firmware, and goes wrong on request.
 */
#ifndef POOLED_H
#define POOLED_H

#include <stdint.h>

#include "harness/variant.h"

enum pooled_fault {
    POOLED_GOOD,
    POOLED_REFUSES,      /**< supports() says no to layers that pool */
    POOLED_REFUSES_PLAN, /**< plan() does */
    POOLED_ELEMENT,      /**< one bit of the pooled element at y 1, x 2, c 3 */
    POOLED_SHORT,        /**< the last pixel is not written */
    POOLED_FORGETS,      /**< the ofmap is read back as it was before pooling */
};

/** Of the plans made from now on. */
extern enum pooled_fault pooled_fault;

#define POOLED_INNER_BYTES 2048

struct pooled_plan {
    _Alignas(16) uint8_t inner[POOLED_INNER_BYTES]; /**< the array's own plan, of the layer without pooling */
    uint64_t from_addr, to_addr;
    uint32_t from_pitch, to_pitch;
    struct bt_maxpool pool;         /**< kh == 0: everything is the array's */
    int32_t n, h, w, oh, ow, c_out; /**< before and after pooling */
    int32_t fault;
};

extern const struct bt_driver pooled_driver;
extern const struct bt_variant pooled_variant; /* without a device: the test brings one */

#endif
