/* RV32I: branches both ways, jal, jalr. */
#include "harness/tests/soc/rv32im.inc"

    begin

    branch beq, 1, 0x00000000, 0x00000000
    branch beq, 0, 0x00000001, 0x00000002
    branch beq, 0, 0x00000002, 0x00000001
    branch beq, 0, 0xffffffff, 0x00000001
    branch beq, 0, 0x00000001, 0xffffffff
    branch beq, 0, 0x80000000, 0x7fffffff
    branch beq, 0, 0x7fffffff, 0x80000000
    branch beq, 1, 0xffffffff, 0xffffffff

    branch bne, 0, 0x00000000, 0x00000000
    branch bne, 1, 0x00000001, 0x00000002
    branch bne, 1, 0x00000002, 0x00000001
    branch bne, 1, 0xffffffff, 0x00000001
    branch bne, 1, 0x00000001, 0xffffffff
    branch bne, 1, 0x80000000, 0x7fffffff
    branch bne, 1, 0x7fffffff, 0x80000000
    branch bne, 0, 0xffffffff, 0xffffffff

    branch blt, 0, 0x00000000, 0x00000000
    branch blt, 1, 0x00000001, 0x00000002
    branch blt, 0, 0x00000002, 0x00000001
    branch blt, 1, 0xffffffff, 0x00000001
    branch blt, 0, 0x00000001, 0xffffffff
    branch blt, 1, 0x80000000, 0x7fffffff
    branch blt, 0, 0x7fffffff, 0x80000000
    branch blt, 0, 0xffffffff, 0xffffffff

    branch bge, 1, 0x00000000, 0x00000000
    branch bge, 0, 0x00000001, 0x00000002
    branch bge, 1, 0x00000002, 0x00000001
    branch bge, 0, 0xffffffff, 0x00000001
    branch bge, 1, 0x00000001, 0xffffffff
    branch bge, 0, 0x80000000, 0x7fffffff
    branch bge, 1, 0x7fffffff, 0x80000000
    branch bge, 1, 0xffffffff, 0xffffffff

    branch bltu, 0, 0x00000000, 0x00000000
    branch bltu, 1, 0x00000001, 0x00000002
    branch bltu, 0, 0x00000002, 0x00000001
    branch bltu, 0, 0xffffffff, 0x00000001
    branch bltu, 1, 0x00000001, 0xffffffff
    branch bltu, 0, 0x80000000, 0x7fffffff
    branch bltu, 1, 0x7fffffff, 0x80000000
    branch bltu, 0, 0xffffffff, 0xffffffff

    branch bgeu, 1, 0x00000000, 0x00000000
    branch bgeu, 0, 0x00000001, 0x00000002
    branch bgeu, 1, 0x00000002, 0x00000001
    branch bgeu, 1, 0xffffffff, 0x00000001
    branch bgeu, 0, 0x00000001, 0xffffffff
    branch bgeu, 1, 0x80000000, 0x7fffffff
    branch bgeu, 0, 0x7fffffff, 0x80000000
    branch bgeu, 1, 0xffffffff, 0xffffffff

    /* backwards, three times */
    li a0, 0
    li a1, 3
3:  addi a0, a0, 5
    addi a1, a1, -1
    bnez a1, 3b
    expect 15

    /* jal: where it goes, and the address behind it */
    li a0, 1
    jal ra, 4f
3:  li a0, 2
4:  expect 1
    la a1, 3b
    sub a0, ra, a1
    expect 0
    jal x0, 5f
    j failed
5:  mv a0, x0
    expect 0

    /* jalr: base and offset, bit 0 is dropped, rd may be the base */
    la a1, 6f - 8
    jalr a1, 8(a1)
3:  j failed
6:  la a0, 3b
    sub a0, a1, a0
    expect 0
    la a1, 6f + 1
    jalr x0, 0(a1)
    j failed
6:  mv a0, x0
    expect 0
    la a1, 6f + 2047
    jalr ra, -2047(a1)
    j failed
6:  li a0, 9
    expect 9

    finish
