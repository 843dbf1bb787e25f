#include "reference/ops/concat_s8.h"

#include <stddef.h>

#include "reference/ops/requantise.h"

static bool input_valid(const struct ref_concat_input *input)
{
    return input->data != NULL && input->c >= 1 && input->c <= BT_MAX_DIM && input->zp >= -128 && input->zp <= 127 &&
           input->mult >= 0 && input->shift >= -31 && input->shift <= 30;
}

bool ref_concat_valid(const struct ref_concat *concat, const struct ref_concat_input *inputs)
{
    if (concat == NULL || inputs == NULL || concat->pixels < 1 || concat->count < 1 || concat->out_zp < -128 ||
        concat->out_zp > 127 || (concat->rounding != BT_ROUND_DOUBLE && concat->rounding != BT_ROUND_SINGLE)) {
        return false;
    }
    for (int32_t i = 0; i < concat->count; i++) {
        if (!input_valid(&inputs[i])) {
            return false;
        }
    }
    return true;
}

enum bt_status ref_concat_s8(const struct ref_concat *concat, const struct ref_concat_input *inputs, int8_t *out)
{
    if (out == NULL || !ref_concat_valid(concat, inputs)) {
        return BT_EINVAL;
    }
    for (int64_t pixel = 0; pixel < concat->pixels; pixel++) {
        for (int32_t i = 0; i < concat->count; i++) {
            const struct ref_concat_input *input = &inputs[i];
            for (int32_t c = 0; c < input->c; c++) {
                const int32_t x = input->data[pixel * input->c + c] - input->zp;
                const int32_t scaled = ref_requantise(x, input->mult, input->shift, concat->rounding);
                *out++ = (int8_t)ref_offset_clamp(scaled, concat->out_zp, INT8_MIN, INT8_MAX);
            }
        }
    }
    return BT_OK;
}
