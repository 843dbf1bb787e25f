/* Registers, descriptor and weight stream of the DaDianNao family for C, from bt_brick_regs.def. Freestanding. */
#ifndef BT_BRICK_REGS_H
#define BT_BRICK_REGS_H

#include <stdint.h>

enum {
#define BT_CONST(name, value) BT_BRICK_##name = (value),
#define BT_REG(name, index, access) BT_BRICK_REG_##name = 4 * (index),
#define BT_FIELD(name, word, lsb, bits)                                                                                \
    BT_BRICK_##name##_WORD = (word), BT_BRICK_##name##_LSB = (lsb), BT_BRICK_##name##_BITS = (bits),
#include "reference/common/bt_brick_regs.def"
#undef BT_CONST
#undef BT_REG
#undef BT_FIELD
};

/** Sets one field; `value` beyond the field's bits is a programmer error. */
#define BT_BRICK_SET(words, field, value)                                                                              \
    ((words)[BT_BRICK_##field##_WORD] |= (uint32_t)(value) << BT_BRICK_##field##_LSB)

/** Reads one field, zero-extended. */
#define BT_BRICK_GET(words, field)                                                                                     \
    (((words)[BT_BRICK_##field##_WORD] >> BT_BRICK_##field##_LSB) & (0xffffffffu >> (32 - BT_BRICK_##field##_BITS)))

#endif
