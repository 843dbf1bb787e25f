/* For sources whose floating-point results end up in quantised graphs: refuses what would make them differ between
 * machines, as reference/ops/exact_math.c does. */
#ifndef BT_GRAPH_EXACT_H
#define BT_GRAPH_EXACT_H

#include <float.h>

#if FLT_EVAL_METHOD != 0
#error "binary32 and binary64 must be evaluated as such: wider intermediates change the quantised graphs"
#endif
#ifdef __FAST_MATH__
#error "-ffast-math changes the quantised graphs"
#endif
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#elif !defined(__STRICT_ANSI__)
#error "compile with -std=c11: GNU modes fuse multiplications with additions, which changes the quantised graphs"
#endif

#endif
