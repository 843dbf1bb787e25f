/*
 * Operators prepare their parameters in floating point, on the host. The sources are the same here, so that the functions are
 * declared; nothing that the firmware keeps calls them, which harness/firmware/firmware.mk checks.
 */
#ifndef FW_MATH_H
#define FW_MATH_H

#define NAN __builtin_nan("")
#define isnan(x) __builtin_isnan(x)
#define isfinite(x) __builtin_isfinite(x)

double floor(double x);
double fmin(double x, double y);
double frexp(double x, int *exponent);
double ldexp(double x, int exponent);
double round(double x);

#endif
