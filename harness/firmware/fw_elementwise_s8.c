#include "harness/firmware/fw_elementwise_s8.h"

#include <string.h>

#include "reference/ops/add_s8.h"
#include "reference/ops/requantise.h"

/* Below so many elements a table costs more than it saves. */
#define WORTH_A_TABLE 1024
#define ADD_MAX_LEFT_SHIFT 22

/* ---- sum ---- */

static void scale_input(const struct ref_add *add, int32_t zp, int32_t mult, int32_t shift, int32_t *table)
{
    for (int32_t x = INT8_MIN; x <= INT8_MAX; x++) {
        table[x - INT8_MIN] = ref_requantise((x - zp) * (1 << add->left_shift), mult, shift, add->rounding);
    }
}

/* ref_requantise() with two roundings and no left shift. */
static inline int32_t scale_down(int32_t acc, int32_t mult, int32_t right)
{
    const int32_t high = (int32_t)(((int64_t)acc * mult + (1 << 30)) >> 31);
    const int32_t mask = (int32_t)((UINT32_C(1) << right) - 1);
    const int32_t rest = high & mask;
    const int32_t threshold = (mask >> 1) + (high < 0 ? 1 : 0);
    return (high >> right) + (rest > threshold ? 1 : 0);
}

enum bt_status fw_add_s8(const struct ref_add *add, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    if (in1 == NULL || in2 == NULL || out == NULL || !ref_add_valid(add, INT8_MIN, INT8_MAX, ADD_MAX_LEFT_SHIFT)) {
        return BT_EINVAL;
    }
    if (add->elems < WORTH_A_TABLE || add->rounding != BT_ROUND_DOUBLE || add->out_shift > 0) {
        return ref_add_s8(add, in1, in2, out);
    }
    int32_t table1[256];
    int32_t table2[256];
    scale_input(add, add->in1_zp, add->in1_mult, add->in1_shift, table1);
    scale_input(add, add->in2_zp, add->in2_mult, add->in2_shift, table2);
    const int32_t *const from1 = table1 - INT8_MIN;
    const int32_t *const from2 = table2 - INT8_MIN;
    const int32_t mult = add->out_mult;
    const int32_t right = -add->out_shift;
    const int32_t zp = add->out_zp;
    const int32_t min = add->act_min;
    const int32_t max = add->act_max;
    for (const int8_t *end = in1 + add->elems; in1 < end; in1++, in2++, out++) {
        /* 2 * 255 * 2^22 is below 2^31; no multiplier is above 1. */
        int32_t value = scale_down(from1[*in1] + from2[*in2], mult, right);
        /* Far enough from the ends of 32 bits: the clamp below sees what the saturating sum would give. */
        value = value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value;
        value += zp;
        value = value < min ? min : value;
        *out = (int8_t)(value > max ? max : value);
    }
    return BT_OK;
}

/* ---- concatenation ---- */

static bool is_copy(const struct ref_concat *concat, const struct ref_concat_input *input)
{
    return input->mult == 1 << 30 && input->shift == 1 && input->zp == concat->out_zp;
}

/* One input into its channels of every pixel. */
static void place(const struct ref_concat *concat, const struct ref_concat_input *input, int32_t pitch, int8_t *out)
{
    int8_t table[256];
    const int8_t *from = input->data;
    const int32_t pixels = (int32_t)concat->pixels;
    if (is_copy(concat, input)) {
        for (int32_t pixel = 0; pixel < pixels; pixel++, from += input->c, out += pitch) {
            memcpy(out, from, (size_t)input->c);
        }
        return;
    }
    for (int32_t x = INT8_MIN; x <= INT8_MAX; x++) {
        const int32_t scaled = ref_requantise(x - input->zp, input->mult, input->shift, concat->rounding);
        table[x - INT8_MIN] = (int8_t)ref_offset_clamp(scaled, concat->out_zp, INT8_MIN, INT8_MAX);
    }
    for (int32_t pixel = 0; pixel < pixels; pixel++, out += pitch) {
        int8_t *to = out;
        for (const int8_t *end = from + input->c; from < end; from++, to++) {
            *to = table[*from - INT8_MIN];
        }
    }
}

enum bt_status fw_concat_s8(const struct ref_concat *concat, const struct ref_concat_input *inputs, int8_t *out)
{
    int64_t pitch = 0;
    if (out == NULL || !ref_concat_valid(concat, inputs)) {
        return BT_EINVAL;
    }
    for (int32_t i = 0; i < concat->count; i++) {
        pitch += inputs[i].c;
    }
    if (pitch < 1 || concat->pixels > INT32_MAX / pitch || concat->pixels * pitch < WORTH_A_TABLE) {
        return ref_concat_s8(concat, inputs, out);
    }
    for (int32_t i = 0; i < concat->count; i++) {
        place(concat, &inputs[i], (int32_t)pitch, out);
        out += inputs[i].c;
    }
    return BT_OK;
}
