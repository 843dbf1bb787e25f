/*
 * The one-lane matrix-vector unit: second core of the contract. Only the harness's own tests use it, and it is the example
 * of a core that lives elsewhere: `make core DIR=harness/tests/gemv`, then `build/bittrue run --core harness/tests/gemv`.
 */
#ifndef GEMV_H
#define GEMV_H

#include "harness/variant.h"

/** MaxCols of the RTL where the configuration does not say otherwise. */
#define GEMV_MAX_COLS 256

struct gemv_plan {
    uint32_t rows, cols;
    uint32_t row_bytes; /**< of the weights, whole words */
    int32_t in_zp;
    uint64_t w_addr, x_addr, b_addr, y_addr;
};

extern const struct bt_driver gemv_driver;
extern const struct bt_variant gemv_variant;

/** What the shared object exports. */
const struct bt_variant *bt_variant_entry(void);

#endif
