#include "reference/ops/softmax_s16.h"

#include <math.h>
#include <stddef.h>

#include "reference/ops/exact_math.h"
#include "reference/ops/fixed_point.h"
#include "reference/ops/requantise.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

#define INTERVALS 512

static double one_over_one_plus(double x)
{
    return 1 / (1 + x);
}

static int16_t to_q15(double value)
{
    return (int16_t)(value < INT16_MIN ? INT16_MIN : value > INT16_MAX ? INT16_MAX : value);
}

/* Samples of f, each moved by half of the error that linear interpolation makes in the middle of its interval. */
static void fill_table(double (*f)(double), double from, double to, int16_t table[INTERVALS + 1])
{
    const double step = (to - from) / INTERVALS;
    for (int i = 0; i < INTERVALS; i++) {
        const double sample = round(f(from + i * step) * 32768);
        const double interpolated = round((f(from + (i + 1) * step) * 32768 + sample) / 2);
        const double middle = round(f(from + i * step + step / 2) * 32768);
        table[i] = to_q15(sample - round((interpolated - middle) / 2));
    }
    table[INTERVALS] = to_q15(round(f(to) * 32768));
}

static int32_t look_up(const int16_t table[INTERVALS + 1], int32_t x)
{
    const int32_t index = INTERVALS / 2 + (x >> 7);
    const int32_t slope = table[index + 1] - table[index];
    return table[index] + ((slope * (x & 0x7F) + 64) >> 7);
}

struct tables {
    int16_t exp[INTERVALS + 1];
    int16_t reciprocal[INTERVALS + 1];
};

static void softmax_row(const struct ref_softmax_s16 *softmax, const struct tables *tables, const int16_t *in,
                        int16_t *out)
{
    int32_t max = INT16_MIN;
    for (int32_t i = 0; i < softmax->row_size; i++) {
        max = in[i] > max ? in[i] : max;
    }
    int32_t sum = 0;
    for (int32_t i = 0; i < softmax->row_size; i++) {
        /* [-65535, 0] stands for [-10, 0]; the table is addressed symmetrically. */
        const int32_t scaled = ref_requantise(in[i] - max, softmax->mult, softmax->shift, BT_ROUND_DOUBLE);
        out[i] = (int16_t)look_up(tables->exp, ref_offset_clamp(scaled, INT16_MAX, INT16_MIN, INT16_MAX));
        sum += out[i];
    }
    /* sum / 2^15 = 2^k * (1 + fraction), and [0, 1] of the fraction addresses the table symmetrically. */
    const int32_t headroom = ref_count_leading_zeros((uint32_t)sum);
    const int64_t normalised = (((int64_t)sum << (headroom - 1)) + (1 << 13)) >> 14;
    const int32_t fraction = ref_offset_clamp((int32_t)normalised, -((1 << 15) + (1 << 16)), INT16_MIN, INT16_MAX);
    const int32_t reciprocal = look_up(tables->reciprocal, fraction);

    const int32_t right_shift = 31 - headroom;
    for (int32_t i = 0; i < softmax->row_size; i++) {
        const int64_t share = ((int64_t)out[i] * reciprocal + (INT64_C(1) << (right_shift - 1))) >> right_shift;
        out[i] = (int16_t)ref_offset_clamp((int32_t)share, 0, 0, INT16_MAX);
    }
}

enum bt_status ref_softmax_s16(const struct ref_softmax_s16 *softmax, const int16_t *in, int16_t *out)
{
    if (softmax == NULL || in == NULL || out == NULL || softmax->rows < 1 || softmax->row_size < 1 ||
        softmax->row_size > 65536 || softmax->mult < 0 || softmax->shift < -31 || softmax->shift > 14) {
        return BT_EINVAL;
    }
    struct tables tables;
    fill_table(ref_exp, -10, 0, tables.exp);
    fill_table(one_over_one_plus, 0, 1, tables.reciprocal);
    for (int64_t row = 0; row < softmax->rows; row++) {
        softmax_row(softmax, &tables, in + row * softmax->row_size, out + row * softmax->row_size);
    }
    return BT_OK;
}
