#include "reference/ops/quantise_multiplier.h"

#include <math.h>
#include <stddef.h>

enum bt_status ref_quantise_multiplier(double real, int32_t *mult, int32_t *shift)
{
    if (mult == NULL || shift == NULL || !(real >= 0) || real >= (double)(1 << 30)) {
        return BT_EINVAL;
    }
    int exponent = 0;
    const double fraction = frexp(real, &exponent); /* [1/2, 1), or 0 */
    int64_t q = (int64_t)round(ldexp(fraction, 31));
    if (q == INT64_C(1) << 31) {
        q /= 2;
        exponent++;
    }
    if (exponent < -31) {
        q = 0;
        exponent = 0;
    }
    if (exponent > 30) {
        return BT_EINVAL;
    }
    *mult = (int32_t)q;
    *shift = exponent;
    return BT_OK;
}
