/* The keys that describe a convolution in YAML, shared by the layers of a network and the shapes of a suite. */
#ifndef BT_CONV_YAML_H
#define BT_CONV_YAML_H

#include <stdint.h>

#include "harness/error.h"
#include "harness/network.h"
#include "harness/yaml_load.h"
#include "reference/common/bt_layer.h"

/** As written; what is absent is 0 or NULL. kernel, stride, dilation: one number, or <vertical>x<horizontal>. */
struct bt_conv_yaml {
    int32_t c_out, groups, pad;
    char *kernel, *stride, *dilation;
    int32_t *pads; /**< top, bottom, left, right; instead of pad */
    uint32_t pads_count;
};

/** As written: max-pooling of what a convolution puts out. */
struct bt_pool_yaml {
    int32_t pad;
    char *kernel, *stride;
    int32_t *pads; /**< top, bottom, left, right; instead of pad */
    uint32_t pads_count;
};

extern const cyaml_schema_value_t bt_conv_yaml_int32;
extern const cyaml_strval_t bt_conv_yaml_acts[BT_ACT_COUNT];

/** Schema fields of `_member`, a struct bt_conv_yaml within `_struct`; all optional. */
#define BT_CONV_YAML_FIELDS(_struct, _member)                                                                          \
    CYAML_FIELD_INT("c_out", CYAML_FLAG_OPTIONAL, _struct, _member.c_out),                                             \
        CYAML_FIELD_STRING_PTR("kernel", CYAML_FLAG_OPTIONAL, _struct, _member.kernel, 1, 16),                         \
        CYAML_FIELD_STRING_PTR("stride", CYAML_FLAG_OPTIONAL, _struct, _member.stride, 1, 16),                         \
        CYAML_FIELD_STRING_PTR("dilation", CYAML_FLAG_OPTIONAL, _struct, _member.dilation, 1, 16),                     \
        CYAML_FIELD_INT("pad", CYAML_FLAG_OPTIONAL, _struct, _member.pad),                                             \
        CYAML_FIELD_SEQUENCE("pads", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, _struct, _member.pads,                  \
                             &bt_conv_yaml_int32, 4, 4),                                                               \
        CYAML_FIELD_INT("groups", CYAML_FLAG_OPTIONAL, _struct, _member.groups)

/** Schema fields of `_member`, a struct bt_pool_yaml within `_struct`; all optional. */
#define BT_POOL_YAML_FIELDS(_struct, _member)                                                                          \
    CYAML_FIELD_STRING_PTR("pool", CYAML_FLAG_OPTIONAL, _struct, _member.kernel, 1, 16),                               \
        CYAML_FIELD_STRING_PTR("pool_stride", CYAML_FLAG_OPTIONAL, _struct, _member.stride, 1, 16),                    \
        CYAML_FIELD_INT("pool_pad", CYAML_FLAG_OPTIONAL, _struct, _member.pad),                                        \
        CYAML_FIELD_SEQUENCE("pool_pads", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, _struct, _member.pads,             \
                             &bt_conv_yaml_int32, 4, 4)

/**
 * @brief  Window of a convolution or a pool: kernel (1 when absent), stride (1), pad or pads (0).
 * @param[in] at  The mapping that holds the keys.
 */
BT_MUST_CHECK enum bt_status bt_conv_yaml_window(const struct bt_yaml *yaml, bt_yaml_node at,
                                                 const struct bt_conv_yaml *raw, struct bt_window *window,
                                                 struct bt_error *err);

/**
 * @brief  Geometry of a convolution on an input of h x w x c_in, batch 1: checked, with its activation applied.
 * @param[in] name  Of the layer, for messages.
 */
BT_MUST_CHECK enum bt_status bt_conv_yaml_geometry(const struct bt_yaml *yaml, bt_yaml_node at, const char *name,
                                                   const struct bt_conv_yaml *raw, int32_t h, int32_t w, int32_t c_in,
                                                   enum bt_act act, struct bt_conv2d *conv, struct bt_error *err);

/**
 * @brief  Pooling of a layer whose convolution is there: stride 1 and no padding where they are absent, as of a network's
 *         maxpool; without `pool` none, and the other keys are refused. The whole layer is checked.
 * @param[in]     name   Of the layer, for messages.
 * @param[in,out] layer  Gets its pool.
 */
BT_MUST_CHECK enum bt_status bt_conv_yaml_pool(const struct bt_yaml *yaml, bt_yaml_node at, const char *name,
                                               const struct bt_pool_yaml *raw, struct bt_layer *layer,
                                               struct bt_error *err);

#endif
