#include "reference/ops/add_s8.h"

#include <stddef.h>

enum bt_status ref_add_s8(const struct ref_add *add, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    if (in1 == NULL || in2 == NULL || out == NULL || !ref_add_valid(add, INT8_MIN, INT8_MAX, 22)) {
        return BT_EINVAL;
    }
    for (int64_t i = 0; i < add->elems; i++) {
        out[i] = (int8_t)ref_add_element(add, in1[i], in2[i]);
    }
    return BT_OK;
}
