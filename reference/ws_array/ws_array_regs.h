/* Registers and descriptor of ws_array for C, from ws_array_regs.def. Freestanding. */
#ifndef WS_ARRAY_REGS_H
#define WS_ARRAY_REGS_H

#include <stdint.h>

enum {
#define BT_CONST(name, value) WS_ARRAY_##name = (value),
#define BT_REG(name, index, access) WS_ARRAY_REG_##name = 4 * (index),
#define BT_FIELD(name, word, lsb, bits)                                                                                \
    WS_ARRAY_##name##_WORD = (word), WS_ARRAY_##name##_LSB = (lsb), WS_ARRAY_##name##_BITS = (bits),
#include "reference/ws_array/ws_array_regs.def"
#undef BT_CONST
#undef BT_REG
#undef BT_FIELD
};

/** Sets one descriptor field; `value` beyond the field's bits is a programmer error. */
#define WS_ARRAY_SET(words, field, value)                                                                              \
    ((words)[WS_ARRAY_##field##_WORD] |= (uint32_t)(value) << WS_ARRAY_##field##_LSB)

/** Reads one descriptor field, zero-extended. */
#define WS_ARRAY_GET(words, field)                                                                                     \
    (((words)[WS_ARRAY_##field##_WORD] >> WS_ARRAY_##field##_LSB) & (0xffffffffu >> (32 - WS_ARRAY_##field##_BITS)))

#endif
