#include "reference/ops/table_s8_fast.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#ifdef REF_HAS_X86
/* Two instructions look into 128 bytes each by the low seven bits; the sign says which of them is meant. */
static REF_TARGET_AVX512_VBMI void table_vbmi(const int8_t *table, int64_t elems, const int8_t *in, int8_t *out)
{
    const __m512i negative0 = _mm512_loadu_si512(table); /* results of -128 and up */
    const __m512i negative1 = _mm512_loadu_si512(table + 64);
    const __m512i positive0 = _mm512_loadu_si512(table + 128); /* of 0 and up */
    const __m512i positive1 = _mm512_loadu_si512(table + 192);
    for (int64_t i = 0; i < elems; i += 64) {
        const __mmask64 lanes = elems - i < 64 ? (UINT64_C(1) << (elems - i)) - 1 : UINT64_MAX;
        const __m512i x = _mm512_maskz_loadu_epi8(lanes, in + i);
        const __m512i low = _mm512_permutex2var_epi8(negative0, x, negative1);
        const __m512i high = _mm512_permutex2var_epi8(positive0, x, positive1);
        _mm512_mask_storeu_epi8(out + i, lanes, _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), high, low));
    }
}
#endif

void ref_table_s8(const int8_t table[256], enum ref_isa isa, int64_t elems, const int8_t *in, int8_t *out)
{
#ifdef REF_HAS_X86
    if (isa == REF_ISA_AVX512_VBMI) {
        table_vbmi(table, elems, in, out);
        return;
    }
#endif
    (void)isa;
    for (int64_t i = 0; i < elems; i++) {
        out[i] = table[in[i] + 128];
    }
}
