#include "reference/ops/requantise_rows.h"

#include <stdlib.h>
#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "reference/ops/requantise.h"
#include "reference/ops/table_s8_fast.h"

/*
 * Both roundings as one formula in 32 bits, with e = -shift the right shift of a channel:
 *     x = (sum * mult + nudge) >> 31             the only product of 64 bits
 *     q = (x + half + (x < 0 ? sign : 0)) >> e
 * double: nudge = 2^30 makes x the doubling high multiplication; half = 2^(e-1), and sign = -1 sends ties away from zero.
 *         Where e = 0 nothing is divided: half = sign = 0.
 * single: nudge = 0 and sign = 0, since ((sum * mult >> 31) + 2^(e-1)) >> e = (sum * mult + 2^(30+e)) >> (31+e).
 * x + half stays within 32 bits because x is first cut to 2^31 - 1 - half, which for e <= MOST_RIGHT is beyond any clamp.
 * Channels for which that is no way (left shifts; the largest right shifts; e = 0 in single rounding) are worked out
 * again one by one.
 */
#define MOST_RIGHT 20

/* Of each constant, its row in the one array that holds them all. */
enum constant { ADD, MULT, HALF, MOST, SIGN, RIGHT, CONSTANTS };

struct ref_requantiser {
    struct bt_conv2d conv;
    enum ref_isa isa;
    int32_t nudge;
    int32_t low, high; /* the clamp, before out_zp is added */
    int32_t *constants[CONSTANTS];
    int32_t *shift;
    int32_t *alone; /* channels that are worked out one by one, ascending */
    int32_t alone_count;
    int8_t table[256];
    int32_t values[]; /* what the pointers point into */
};

static bool goes_in_vectors(enum bt_rounding rounding, int32_t shift)
{
    return shift <= (rounding == BT_ROUND_SINGLE ? -1 : 0) && shift >= -MOST_RIGHT;
}

static void prepare_channel(struct ref_requantiser *r, int32_t c, int32_t add, int32_t mult, int32_t shift)
{
    const bool vector = goes_in_vectors(r->conv.rounding, shift);
    const int32_t right = vector ? -shift : 0;
    const int32_t half = right > 0 ? 1 << (right - 1) : 0;
    r->constants[ADD][c] = add;
    r->constants[MULT][c] = mult;
    r->constants[HALF][c] = half;
    r->constants[MOST][c] = INT32_MAX - half;
    r->constants[SIGN][c] = r->conv.rounding == BT_ROUND_DOUBLE && right > 0 ? -1 : 0;
    r->constants[RIGHT][c] = right;
    r->shift[c] = shift;
    if (!vector) {
        r->alone[r->alone_count++] = c;
    }
}

enum bt_status ref_requantiser_new(const struct bt_conv2d *conv, const int32_t *add, const int32_t *mult,
                                   const int32_t *shift, const int8_t *table, enum ref_isa isa,
                                   struct ref_requantiser **made)
{
    if (conv == NULL || mult == NULL || shift == NULL || made == NULL || conv->c_out < 1 ||
        (conv->table && table == NULL) || !ref_isa_available(isa)) {
        return BT_EINVAL;
    }
    const size_t channels = (size_t)conv->c_out;
    for (size_t c = 0; c < channels; c++) {
        if (mult[c] < 0 || shift[c] < -31 || shift[c] > 30) {
            return BT_EINVAL;
        }
    }
    struct ref_requantiser *r = calloc(1, sizeof(*r) + (CONSTANTS + 2) * channels * sizeof(int32_t));
    if (r == NULL) {
        return BT_ENOMEM;
    }
    r->conv = *conv;
    r->isa = isa;
    r->nudge = conv->rounding == BT_ROUND_DOUBLE ? 1 << 30 : 0;
    r->low = conv->act_min - conv->out_zp;
    r->high = conv->act_max - conv->out_zp;
    for (size_t k = 0; k < CONSTANTS; k++) {
        r->constants[k] = r->values + k * channels;
    }
    r->shift = r->values + CONSTANTS * channels;
    r->alone = r->shift + channels;
    if (conv->table) {
        memcpy(r->table, table, sizeof(r->table));
    }
    for (int32_t c = 0; c < conv->c_out; c++) {
        prepare_channel(r, c, add != NULL ? add[c] : 0, mult[c], shift[c]);
    }
    *made = r;
    return BT_OK;
}

void ref_requantiser_free(struct ref_requantiser *requantiser)
{
    free(requantiser);
}

/* ---- some columns of all pixels: the constants of a column's channels stay in registers ---- */

struct block {
    const struct ref_requantiser *r;
    const int32_t *sums;
    int64_t pixels;
    int32_t first, count;
    int8_t *out;
};

/* Columns [from, to), the formula as it stands. */
static void columns_base(const struct block *b, int32_t from, int32_t to)
{
    const struct ref_requantiser *r = b->r;
    for (int64_t p = 0; p < b->pixels; p++) {
        for (int32_t i = from; i < to; i++) {
            const int32_t c = b->first + i;
            const int32_t sum = (int32_t)((uint32_t)b->sums[p * b->count + i] + (uint32_t)r->constants[ADD][c]);
            int32_t x = (int32_t)(((int64_t)sum * r->constants[MULT][c] + r->nudge) >> 31);
            x = x < r->constants[MOST][c] ? x : r->constants[MOST][c];
            x = (x + r->constants[HALF][c] + (x < 0 ? r->constants[SIGN][c] : 0)) >> r->constants[RIGHT][c];
            x = x < r->low ? r->low : x > r->high ? r->high : x;
            b->out[p * r->conv.c_out + i] = (int8_t)(x + r->conv.out_zp);
        }
    }
}

#ifdef REF_HAS_X86
static REF_TARGET_AVX2 __m256i load8(const struct block *b, enum constant constant, int32_t from)
{
    return _mm256_loadu_si256((const __m256i *)(b->r->constants[constant] + b->first + from));
}

static REF_TARGET_AVX2 void columns_avx2(const struct block *b, int32_t from)
{
    const __m256i add = load8(b, ADD, from);
    const __m256i mult = load8(b, MULT, from);
    const __m256i mult_odd = _mm256_srli_epi64(mult, 32);
    const __m256i half = load8(b, HALF, from);
    const __m256i most = load8(b, MOST, from);
    const __m256i sign = load8(b, SIGN, from);
    const __m256i right = load8(b, RIGHT, from);
    const __m256i nudge = _mm256_set1_epi64x(b->r->nudge);
    const __m256i low = _mm256_set1_epi32(b->r->low);
    const __m256i high = _mm256_set1_epi32(b->r->high);
    const __m256i zp = _mm256_set1_epi32(b->r->conv.out_zp);
    /* The low byte of each value to the low four bytes of its half, then both side by side. */
    const __m256i low_bytes = _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12,
                                               -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m256i side_by_side = _mm256_setr_epi32(0, 4, 0, 0, 0, 0, 0, 0);
    const int32_t *sums = b->sums + from;
    int8_t *out = b->out + from;
    /* Not read through b again: out might alias it, says the language. */
    const int64_t pixels = b->pixels;
    const int64_t sums_pitch = b->count;
    const int64_t out_pitch = b->r->conv.c_out;
    for (int64_t p = 0; p < pixels; p++, sums += sums_pitch, out += out_pitch) {
        const __m256i sum = _mm256_add_epi32(_mm256_loadu_si256((const __m256i *)sums), add);
        const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(sum, mult), nudge);
        const __m256i odd = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(sum, 32), mult_odd), nudge);
        __m256i x = _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_add_epi64(odd, odd), 0xAA);
        x = _mm256_min_epi32(x, most);
        const __m256i away = _mm256_and_si256(_mm256_srai_epi32(x, 31), sign);
        x = _mm256_srav_epi32(_mm256_add_epi32(_mm256_add_epi32(x, half), away), right);
        x = _mm256_add_epi32(_mm256_min_epi32(_mm256_max_epi32(x, low), high), zp);
        x = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(x, low_bytes), side_by_side);
        _mm_storel_epi64((__m128i *)out, _mm256_castsi256_si128(x));
    }
}

static REF_TARGET_AVX512 __m512i load16(const struct block *b, enum constant constant, int32_t from, __mmask16 lanes)
{
    return _mm512_maskz_loadu_epi32(lanes, b->r->constants[constant] + b->first + from);
}

/* At most 16 columns. */
static REF_TARGET_AVX512 void columns_avx512(const struct block *b, int32_t from, int32_t columns)
{
    const __mmask16 lanes = (__mmask16)((1u << columns) - 1);
    const __m512i add = load16(b, ADD, from, lanes);
    const __m512i mult = load16(b, MULT, from, lanes);
    const __m512i mult_odd = _mm512_srli_epi64(mult, 32);
    const __m512i half = load16(b, HALF, from, lanes);
    const __m512i most = load16(b, MOST, from, lanes);
    const __m512i sign = load16(b, SIGN, from, lanes);
    const __m512i right = load16(b, RIGHT, from, lanes);
    const __m512i nudge = _mm512_set1_epi64(b->r->nudge);
    const __m512i low = _mm512_set1_epi32(b->r->low);
    const __m512i high = _mm512_set1_epi32(b->r->high);
    const __m512i zp = _mm512_set1_epi32(b->r->conv.out_zp);
    const int32_t *sums = b->sums + from;
    int8_t *out = b->out + from;
    /* Not read through b again: out might alias it, says the language. */
    const int64_t pixels = b->pixels;
    const int64_t sums_pitch = b->count;
    const int64_t out_pitch = b->r->conv.c_out;
    for (int64_t p = 0; p < pixels; p++, sums += sums_pitch, out += out_pitch) {
        const __m512i sum = _mm512_add_epi32(_mm512_maskz_loadu_epi32(lanes, sums), add);
        const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(sum, mult), nudge);
        const __m512i odd = _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(sum, 32), mult_odd), nudge);
        __m512i x = _mm512_mask_mov_epi32(_mm512_srli_epi64(even, 31), 0xAAAA, _mm512_add_epi64(odd, odd));
        x = _mm512_min_epi32(x, most);
        const __mmask16 negative = _mm512_movepi32_mask(x);
        x = _mm512_add_epi32(x, half);
        x = _mm512_srav_epi32(_mm512_mask_add_epi32(x, negative, x, sign), right);
        x = _mm512_add_epi32(_mm512_min_epi32(_mm512_max_epi32(x, low), high), zp);
        /* Not the instruction that converts into memory, which some machines do byte by byte. */
        _mm_mask_storeu_epi8(out, lanes, _mm512_cvtepi32_epi8(x));
    }
}
#endif

static void all_columns(const struct block *b)
{
    int32_t from = 0;
#ifdef REF_HAS_X86
    for (; b->r->isa >= REF_ISA_AVX512 && from < b->count; from += 16) {
        columns_avx512(b, from, b->count - from < 16 ? b->count - from : 16);
    }
    for (; b->r->isa == REF_ISA_AVX2 && from + 8 <= b->count; from += 8) {
        columns_avx2(b, from);
    }
#endif
    if (from < b->count) {
        columns_base(b, from, b->count);
    }
}

/* The channels that the formula does not do. */
static void finish_alone(const struct block *b, int32_t c)
{
    const struct ref_requantiser *r = b->r;
    const int32_t i = c - b->first;
    for (int64_t p = 0; p < b->pixels; p++) {
        const int32_t sum = (int32_t)((uint32_t)b->sums[p * b->count + i] + (uint32_t)r->constants[ADD][c]);
        b->out[p * r->conv.c_out + i] = ref_conv2d_finish(&r->conv, sum, r->constants[MULT][c], r->shift[c], NULL);
    }
}

void ref_requantise_rows(const struct ref_requantiser *requantiser, const int32_t *sums, int64_t pixels, int32_t first,
                         int32_t count, int8_t *out)
{
    const struct block block = {requantiser, sums, pixels, first, count, out};
    all_columns(&block);
    for (int32_t k = 0; k < requantiser->alone_count; k++) {
        const int32_t c = requantiser->alone[k];
        if (c >= first && c < first + count) {
            finish_alone(&block, c);
        }
    }
    const int64_t pitch = requantiser->conv.c_out;
    if (requantiser->conv.table && count == pitch) {
        ref_table_s8(requantiser->table, requantiser->isa, pixels * pitch, out, out);
    } else {
        for (int64_t p = 0; requantiser->conv.table && p < pixels; p++) {
            ref_table_s8(requantiser->table, requantiser->isa, count, out + p * pitch, out + p * pitch);
        }
    }
}
