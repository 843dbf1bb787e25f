#include "reference/ops/add_s16.h"

#include <stddef.h>

enum bt_status ref_add_s16(const struct ref_add *add, const int16_t *in1, const int16_t *in2, int16_t *out)
{
    if (in1 == NULL || in2 == NULL || out == NULL || !ref_add_valid(add, INT16_MIN, INT16_MAX, 15)) {
        return BT_EINVAL;
    }
    for (int64_t i = 0; i < add->elems; i++) {
        out[i] = (int16_t)ref_add_element(add, in1[i], in2[i]);
    }
    return BT_OK;
}
