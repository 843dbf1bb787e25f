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
 * x lies within [-mult, mult], so x + half stays in 32 bits where mult + half does. Channels for which that is no way
 * (left shifts; multipliers next to 2^31; e = 0 in single rounding) are worked out again one by one.
 */

/* Columns that the widest vectors take at once. */
#define WIDE 64
/* Pixels that are taken as one at most, to make rows of a multiple of WIDE. */
#define MOST_COPIES 64
#define MOST_PERIOD 8192

/* Of each constant, its row in the one array that holds them all. */
enum constant { ADD, MULT, HALF, SIGN, RIGHT, CONSTANTS };

struct ref_requantiser {
    struct bt_conv2d conv;
    enum ref_isa isa;
    int32_t nudge;
    int32_t copies; /* of the constants, one behind the other: for as many pixels at once */
    int32_t *constants[CONSTANTS];
    int32_t *shift;
    int32_t *alone; /* channels that are worked out one by one, ascending */
    int32_t alone_count;
    int8_t table[256];
    int32_t values[]; /* what the pointers point into */
};

static void prepare_channel(struct ref_requantiser *r, int32_t c, int32_t add, int32_t mult, int32_t shift)
{
    const int32_t half = shift < 0 ? 1 << (-shift - 1) : 0;
    const bool vector = shift <= (r->conv.rounding == BT_ROUND_SINGLE ? -1 : 0) && (int64_t)mult + half <= INT32_MAX;
    r->shift[c] = shift;
    if (!vector) {
        r->alone[r->alone_count++] = c;
    }
    for (int32_t i = c; i < r->copies * r->conv.c_out; i += r->conv.c_out) {
        r->constants[ADD][i] = add;
        r->constants[MULT][i] = mult;
        r->constants[HALF][i] = vector ? half : 0;
        r->constants[SIGN][i] = vector && r->conv.rounding == BT_ROUND_DOUBLE && shift < 0 ? -1 : 0;
        r->constants[RIGHT][i] = vector ? -shift : 0;
    }
}

/* So many pixels make a row that the widest vectors fill; 1 where that would be long. */
static int32_t choose_copies(int32_t c_out)
{
    int32_t copies = 1;
    while (copies * c_out % WIDE != 0) {
        copies *= 2;
    }
    return copies <= MOST_COPIES && copies * c_out <= MOST_PERIOD ? copies : 1;
}

enum bt_status ref_requantiser_new(const struct bt_conv2d *conv, const int32_t *add, const int32_t *mult,
                                   const int32_t *shift, const int8_t *table, enum ref_isa isa,
                                   struct ref_requantiser **made)
{
    if (conv == NULL || mult == NULL || shift == NULL || made == NULL || conv->c_out < 1 ||
        (conv->table && table == NULL) || !ref_isa_available(isa)) {
        return BT_EINVAL;
    }
    const int32_t copies = choose_copies(conv->c_out);
    const size_t channels = (size_t)conv->c_out;
    const size_t period = channels * (size_t)copies;
    for (size_t c = 0; c < channels; c++) {
        if (mult[c] < 0 || shift[c] < -31 || shift[c] > 30) {
            return BT_EINVAL;
        }
    }
    struct ref_requantiser *r = calloc(1, sizeof(*r) + (CONSTANTS * period + 2 * channels) * sizeof(int32_t));
    if (r == NULL) {
        return BT_ENOMEM;
    }
    r->conv = *conv;
    r->isa = isa;
    r->nudge = conv->rounding == BT_ROUND_DOUBLE ? 1 << 30 : 0;
    r->copies = copies;
    for (size_t k = 0; k < CONSTANTS; k++) {
        r->constants[k] = r->values + k * period;
    }
    r->shift = r->values + CONSTANTS * period;
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
    int64_t out_pitch;
    int8_t *out;
};

/* Columns [from, count), the formula as it stands. */
static void columns_base(const struct block *b, int32_t from)
{
    const struct ref_requantiser *r = b->r;
    const int32_t low = r->conv.act_min - r->conv.out_zp;
    const int32_t high = r->conv.act_max - r->conv.out_zp;
    for (int64_t p = 0; p < b->pixels; p++) {
        for (int32_t i = from; i < b->count; i++) {
            const int32_t c = b->first + i;
            const int32_t sum = (int32_t)((uint32_t)b->sums[p * b->count + i] + (uint32_t)r->constants[ADD][c]);
            int32_t x = (int32_t)(((int64_t)sum * r->constants[MULT][c] + r->nudge) >> 31);
            x = (x + r->constants[HALF][c] + (x < 0 ? r->constants[SIGN][c] : 0)) >> r->constants[RIGHT][c];
            x = x < low ? low : x > high ? high : x;
            b->out[p * b->out_pitch + i] = (int8_t)(x + r->conv.out_zp);
        }
    }
}

#ifdef REF_HAS_X86
/* What a vector of channels needs; the odd ones' multipliers where the instruction looks for them. */
struct channels8 {
    __m256i add, mult, mult_odd, half, sign, right;
};

static REF_TARGET_AVX2 __m256i load8(const struct block *b, enum constant constant, int32_t from)
{
    return _mm256_loadu_si256((const __m256i *)(b->r->constants[constant] + b->first + from));
}

/* The formula up to the clamp. */
static inline REF_TARGET_AVX2 __m256i scale8(const struct channels8 *k, const int32_t *sums, __m256i nudge)
{
    const __m256i sum = _mm256_add_epi32(_mm256_loadu_si256((const __m256i *)sums), k->add);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(sum, k->mult), nudge);
    const __m256i odd = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(sum, 32), k->mult_odd), nudge);
    const __m256i x = _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_add_epi64(odd, odd), 0xAA);
    const __m256i away = _mm256_and_si256(_mm256_srai_epi32(x, 31), k->sign);
    return _mm256_srav_epi32(_mm256_add_epi32(_mm256_add_epi32(x, k->half), away), k->right);
}

static REF_TARGET_AVX2 void columns_avx2(const struct block *b, int32_t from)
{
    const __m256i mult = load8(b, MULT, from);
    const struct channels8 k = {
        .add = load8(b, ADD, from),
        .mult = mult,
        .mult_odd = _mm256_srli_epi64(mult, 32),
        .half = load8(b, HALF, from),
        .sign = load8(b, SIGN, from),
        .right = load8(b, RIGHT, from),
    };
    const struct bt_conv2d *conv = &b->r->conv;
    const __m256i nudge = _mm256_set1_epi64x(b->r->nudge);
    const __m256i low = _mm256_set1_epi32(conv->act_min - conv->out_zp);
    const __m256i high = _mm256_set1_epi32(conv->act_max - conv->out_zp);
    const __m256i zp = _mm256_set1_epi32(conv->out_zp);
    /* The low byte of each value to the low four bytes of its half, then both side by side. */
    const __m256i low_bytes = _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12,
                                               -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m256i side_by_side = _mm256_setr_epi32(0, 4, 0, 0, 0, 0, 0, 0);
    const int32_t *sums = b->sums + from;
    int8_t *out = b->out + from;
    /* Not read through b again: out might alias it, says the language. */
    const int64_t pixels = b->pixels;
    const int64_t sums_pitch = b->count;
    const int64_t out_pitch = b->out_pitch;
    for (int64_t p = 0; p < pixels; p++, sums += sums_pitch, out += out_pitch) {
        __m256i x = scale8(&k, sums, nudge);
        x = _mm256_add_epi32(_mm256_min_epi32(_mm256_max_epi32(x, low), high), zp);
        x = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(x, low_bytes), side_by_side);
        _mm_storel_epi64((__m128i *)out, _mm256_castsi256_si128(x));
    }
}

/* half, by 2^31, is part of the nudge of the even and of the odd channels. */
struct channels16 {
    __m512i add, mult, mult_odd, nudge, nudge_odd, sign, right;
};

static inline REF_TARGET_AVX512 struct channels16 load16(const struct block *b, int32_t from, __mmask16 lanes)
{
    int32_t *const *constants = b->r->constants;
    const int32_t c = b->first + from;
    const __m512i mult = _mm512_maskz_loadu_epi32(lanes, constants[MULT] + c);
    const __m512i half = _mm512_maskz_loadu_epi32(lanes, constants[HALF] + c);
    const __m512i half_even = _mm512_srli_epi64(_mm512_slli_epi64(half, 32), 1);
    const __m512i half_odd = _mm512_slli_epi64(_mm512_srli_epi64(half, 32), 31);
    const __m512i nudge = _mm512_set1_epi64(b->r->nudge);
    return (struct channels16){
        .add = _mm512_maskz_loadu_epi32(lanes, constants[ADD] + c),
        .mult = mult,
        .mult_odd = _mm512_srli_epi64(mult, 32),
        .nudge = _mm512_add_epi64(nudge, half_even),
        .nudge_odd = _mm512_add_epi64(nudge, half_odd),
        .sign = _mm512_maskz_loadu_epi32(lanes, constants[SIGN] + c),
        .right = _mm512_maskz_loadu_epi32(lanes, constants[RIGHT] + c),
    };
}

/* Where x rounds to 0 the sign of the sum stands for it: (half - 1) >> e and half >> e are both 0. */
static inline REF_TARGET_AVX512 __m512i scale16(const struct channels16 *k, __m512i sums)
{
    const __m512i sum = _mm512_add_epi32(sums, k->add);
    const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(sum, k->mult), k->nudge);
    const __m512i odd = _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(sum, 32), k->mult_odd), k->nudge_odd);
    const __m512i x = _mm512_mask_mov_epi32(_mm512_srli_epi64(even, 31), 0xAAAA, _mm512_add_epi64(odd, odd));
    return _mm512_srav_epi32(_mm512_mask_add_epi32(x, _mm512_movepi32_mask(sum), x, k->sign), k->right);
}

/* At most 16 columns. */
static REF_TARGET_AVX512 void columns_avx512(const struct block *b, int32_t from, int32_t columns)
{
    const __mmask16 lanes = (__mmask16)((1u << columns) - 1);
    const struct channels16 k = load16(b, from, lanes);
    const struct bt_conv2d *conv = &b->r->conv;
    const __m512i low = _mm512_set1_epi32(conv->act_min - conv->out_zp);
    const __m512i high = _mm512_set1_epi32(conv->act_max - conv->out_zp);
    const __m512i zp = _mm512_set1_epi32(conv->out_zp);
    const int32_t *sums = b->sums + from;
    int8_t *out = b->out + from;
    const int64_t pixels = b->pixels;
    const int64_t sums_pitch = b->count;
    const int64_t out_pitch = b->out_pitch;
    for (int64_t p = 0; p < pixels; p++, sums += sums_pitch, out += out_pitch) {
        __m512i x = scale16(&k, _mm512_maskz_loadu_epi32(lanes, sums));
        x = _mm512_add_epi32(_mm512_min_epi32(_mm512_max_epi32(x, low), high), zp);
        /* Not the instruction that converts into memory, which some machines do byte by byte. */
        _mm_mask_storeu_epi8(out, lanes, _mm512_cvtepi32_epi8(x));
    }
}

/* 64 columns, which then are packed together: saturated to 16 bits before out_zp is added, to 8 bits after. */
static REF_TARGET_AVX512 void columns_wide(const struct block *b, int32_t from)
{
    const struct channels16 k0 = load16(b, from, 0xFFFF);
    const struct channels16 k1 = load16(b, from + 16, 0xFFFF);
    const struct channels16 k2 = load16(b, from + 32, 0xFFFF);
    const struct channels16 k3 = load16(b, from + 48, 0xFFFF);
    const __m512i low = _mm512_set1_epi8((char)b->r->conv.act_min);
    const __m512i high = _mm512_set1_epi8((char)b->r->conv.act_max);
    const __m512i zp = _mm512_set1_epi16((short)b->r->conv.out_zp);
    /* Packing works within quarters of a vector: four channels of each of the four, quarter by quarter. */
    const __m512i in_order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const int32_t *sums = b->sums + from;
    int8_t *out = b->out + from;
    const int64_t pixels = b->pixels;
    const int64_t sums_pitch = b->count;
    const int64_t out_pitch = b->out_pitch;
    for (int64_t p = 0; p < pixels; p++, sums += sums_pitch, out += out_pitch) {
        const __m512i x0 = scale16(&k0, _mm512_loadu_si512(sums));
        const __m512i x1 = scale16(&k1, _mm512_loadu_si512(sums + 16));
        const __m512i x2 = scale16(&k2, _mm512_loadu_si512(sums + 32));
        const __m512i x3 = scale16(&k3, _mm512_loadu_si512(sums + 48));
        const __m512i x01 = _mm512_adds_epi16(_mm512_packs_epi32(x0, x1), zp);
        const __m512i x23 = _mm512_adds_epi16(_mm512_packs_epi32(x2, x3), zp);
        const __m512i x = _mm512_permutexvar_epi32(in_order, _mm512_packs_epi16(x01, x23));
        _mm512_storeu_si512(out, _mm512_min_epi8(_mm512_max_epi8(x, low), high));
    }
}
#endif

static void all_columns(const struct block *b)
{
    int32_t from = 0;
#ifdef REF_HAS_X86
    for (; b->r->isa >= REF_ISA_AVX512 && from + WIDE <= b->count; from += WIDE) {
        columns_wide(b, from);
    }
    for (; b->r->isa >= REF_ISA_AVX512 && from < b->count; from += 16) {
        columns_avx512(b, from, b->count - from < 16 ? b->count - from : 16);
    }
    for (; b->r->isa == REF_ISA_AVX2 && from + 8 <= b->count; from += 8) {
        columns_avx2(b, from);
    }
#endif
    if (from < b->count) {
        columns_base(b, from);
    }
}

/* Rows of several pixels where that fills the vectors, then what is left. */
static void all_pixels(const struct block *b)
{
    const int64_t copies = b->count == b->out_pitch ? b->r->copies : 1;
    const int64_t rows = b->pixels / copies;
    const int64_t done = rows * copies * b->count;
    struct block several = *b;
    several.pixels = rows;
    several.count = (int32_t)(copies * b->count);
    several.out_pitch = copies * b->out_pitch;
    all_columns(&several);
    if (b->pixels % copies != 0) {
        struct block left = *b;
        left.sums += done;
        left.out += done;
        left.pixels = b->pixels % copies;
        all_columns(&left);
    }
}

/* The channels that the formula does not do. */
static void finish_alone(const struct block *b, int32_t c)
{
    const struct ref_requantiser *r = b->r;
    const int32_t i = c - b->first;
    for (int64_t p = 0; p < b->pixels; p++) {
        const int32_t sum = (int32_t)((uint32_t)b->sums[p * b->count + i] + (uint32_t)r->constants[ADD][c]);
        b->out[p * b->out_pitch + i] = ref_conv2d_finish(&r->conv, sum, r->constants[MULT][c], r->shift[c], NULL);
    }
}

void ref_requantise_rows(const struct ref_requantiser *requantiser, const int32_t *sums, int64_t pixels, int32_t first,
                         int32_t count, int8_t *out)
{
    const int64_t pitch = requantiser->conv.c_out;
    const struct block block = {requantiser, sums, pixels, first, count, pitch, out};
    all_pixels(&block);
    for (int32_t k = 0; k < requantiser->alone_count; k++) {
        const int32_t c = requantiser->alone[k];
        if (c >= first && c < first + count) {
            finish_alone(&block, c);
        }
    }
    if (requantiser->conv.table && count == pitch) {
        ref_table_s8(requantiser->table, requantiser->isa, pixels * pitch, out, out);
    } else {
        for (int64_t p = 0; requantiser->conv.table && p < pixels; p++) {
            ref_table_s8(requantiser->table, requantiser->isa, count, out + p * pitch, out + p * pitch);
        }
    }
}
