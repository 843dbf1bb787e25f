#include "harness/variant.h"

#define VARIANT(v) extern const struct bt_variant v##_variant;
#include "harness/variants.def"
#undef VARIANT

const struct bt_variant *const bt_variants[] = {
#define VARIANT(v) &v##_variant,
#include "harness/variants.def"
#undef VARIANT
    NULL,
};
