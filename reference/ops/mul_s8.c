#include "reference/ops/mul_s8.h"

#include <stddef.h>

enum bt_status ref_mul_s8(const struct ref_mul *mul, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    if (in1 == NULL || in2 == NULL || out == NULL || !ref_mul_valid(mul, INT8_MIN, INT8_MAX)) {
        return BT_EINVAL;
    }
    for (int64_t i = 0; i < mul->elems; i++) {
        out[i] = (int8_t)ref_mul_element(mul, in1[i], in2[i]);
    }
    return BT_OK;
}
