/* The instruction sets that the fast paths are compiled for besides the baseline; the machine decides at run time. */
#ifndef REF_ISA_H
#define REF_ISA_H

#include <stdbool.h>

/* Each can do what the ones before it can. */
enum ref_isa { REF_ISA_BASE, REF_ISA_AVX2, REF_ISA_AVX512, REF_ISA_AVX512_VBMI, REF_ISA_COUNT };

/* A function marked so may be called where ref_isa_available(). No FMA among them: sums in binary32 keep their bits. */
#ifdef __x86_64__
#define REF_HAS_X86
#define REF_TARGET_AVX2 __attribute__((target("avx2")))
#define REF_TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#define REF_TARGET_AVX512_VBMI __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi")))
#endif

/** Can this machine run it? */
bool ref_isa_available(enum ref_isa isa);

/** The best one that this machine can run. */
enum ref_isa ref_isa_best(void);

#endif
