/* Registers and descriptor of os_array for C, from os_array_regs.def. Freestanding. */
#ifndef OS_ARRAY_REGS_H
#define OS_ARRAY_REGS_H

#include <stdint.h>

enum {
#define BT_CONST(name, value) OS_ARRAY_##name = (value),
#define BT_REG(name, index, access) OS_ARRAY_REG_##name = 4 * (index),
#define BT_FIELD(name, word, lsb, bits)                                                                                \
    OS_ARRAY_##name##_WORD = (word), OS_ARRAY_##name##_LSB = (lsb), OS_ARRAY_##name##_BITS = (bits),
#include "reference/os_array/os_array_regs.def"
#undef BT_CONST
#undef BT_REG
#undef BT_FIELD
};

/** Sets one descriptor field; `value` beyond the field's bits is a programmer error. */
#define OS_ARRAY_SET(words, field, value)                                                                              \
    ((words)[OS_ARRAY_##field##_WORD] |= (uint32_t)(value) << OS_ARRAY_##field##_LSB)

/** Reads one descriptor field, zero-extended. */
#define OS_ARRAY_GET(words, field)                                                                                     \
    (((words)[OS_ARRAY_##field##_WORD] >> OS_ARRAY_##field##_LSB) & (0xffffffffu >> (32 - OS_ARRAY_##field##_BITS)))

#endif
