#include "reference/ops/isa.h"

bool ref_isa_available(enum ref_isa isa)
{
#ifdef REF_HAS_X86
    if (isa == REF_ISA_AVX2) {
        return __builtin_cpu_supports("avx2") != 0;
    }
    if (isa == REF_ISA_AVX512 || isa == REF_ISA_AVX512_VBMI) {
        return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
               __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
               (isa == REF_ISA_AVX512 || __builtin_cpu_supports("avx512vbmi") != 0);
    }
#endif
    return isa == REF_ISA_BASE;
}

enum ref_isa ref_isa_best(void)
{
    enum ref_isa best = REF_ISA_BASE;
    for (enum ref_isa isa = REF_ISA_BASE; isa < REF_ISA_COUNT; isa++) {
        best = ref_isa_available(isa) ? isa : best;
    }
    return best;
}
