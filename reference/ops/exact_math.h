/*
 * Transcendental functions that give the same bits on every machine. The C library's differ in their last bits from
 * one version to the next; these use only operations that IEEE 754 defines exactly (+ - * / on binary64, rounding to
 * nearest even, and ldexp, frexp, floor), each rounded on its own. exact_math.c refuses to compile where that does not hold.
 */
#ifndef REF_EXACT_MATH_H
#define REF_EXACT_MATH_H

/** e^x within 2 units in the last place; 0 below -700, the largest finite value's neighbourhood above 700. */
double ref_exp(double x);

/** Base-2 logarithm of x > 0, relative error below 2^-48. */
double ref_log2(double x);

/** 1 / (1 + e^-x) and tanh(x), absolute error below 2^-50. */
double ref_sigmoid(double x);
double ref_tanh(double x);

#endif
