/* RV32I: loads and stores of all widths. */
#include "harness/tests/soc/rv32im.inc"

    begin

    la s0, words
    la s1, scratch + 16

    lb a0, 0(s0)
    expect 0xffffff80
    lbu a0, 0(s0)
    expect 0x00000080
    lb a0, 1(s0)
    expect 0x0000007f
    lbu a0, 1(s0)
    expect 0x0000007f
    lb a0, 2(s0)
    expect 0xffffffff
    lbu a0, 2(s0)
    expect 0x000000ff
    lb a0, 3(s0)
    expect 0x00000000
    lbu a0, 3(s0)
    expect 0x00000000
    lb a0, 4(s0)
    expect 0x00000001
    lbu a0, 4(s0)
    expect 0x00000001
    lb a0, 5(s0)
    expect 0xffffff80
    lbu a0, 5(s0)
    expect 0x00000080
    lb a0, 6(s0)
    expect 0xffffffff
    lbu a0, 6(s0)
    expect 0x000000ff
    lb a0, 7(s0)
    expect 0x0000007f
    lbu a0, 7(s0)
    expect 0x0000007f
    lh a0, 0(s0)
    expect 0x00007f80
    lhu a0, 0(s0)
    expect 0x00007f80
    lh a0, 2(s0)
    expect 0x000000ff
    lhu a0, 2(s0)
    expect 0x000000ff
    lh a0, 4(s0)
    expect 0xffff8001
    lhu a0, 4(s0)
    expect 0x00008001
    lh a0, 6(s0)
    expect 0x00007fff
    lhu a0, 6(s0)
    expect 0x00007fff
    lw a0, 0(s0)
    expect 0x00ff7f80
    lw a0, 4(s0)
    expect 0x7fff8001

    /* rd may be the base; x0 takes nothing; offsets reach both ends */
    mv a0, s0
    lw a0, 0(a0)
    expect 0x00ff7f80
    lw x0, 0(s0)
    mv a0, x0
    expect 0
    addi a1, s0, 2044
    addi a1, a1, 4
    lw a0, -2048(a1)
    expect 0x00ff7f80
    addi a1, s0, -2043
    lb a0, 2047(a1)
    expect 0x00000001

    /* a store changes its bytes and no other */
    li a1, 0x55667788
    li a2, 0xa1b2c3d4
    sw a1, 0(s1)
    sw a1, 4(s1)
    sw a1, -4(s1)
    sb a2, 0(s1)
    lw a0, 0(s1)
    expect 0x556677d4
    lw a0, 4(s1)
    expect 0x55667788
    lw a0, -4(s1)
    expect 0x55667788
    li a1, 0x55667788
    li a2, 0xa1b2c3d4
    sw a1, 0(s1)
    sw a1, 4(s1)
    sw a1, -4(s1)
    sb a2, 1(s1)
    lw a0, 0(s1)
    expect 0x5566d488
    lw a0, 4(s1)
    expect 0x55667788
    lw a0, -4(s1)
    expect 0x55667788
    li a1, 0x55667788
    li a2, 0xa1b2c3d4
    sw a1, 0(s1)
    sw a1, 4(s1)
    sw a1, -4(s1)
    sb a2, 2(s1)
    lw a0, 0(s1)
    expect 0x55d47788
    lw a0, 4(s1)
    expect 0x55667788
    lw a0, -4(s1)
    expect 0x55667788
    li a1, 0x55667788
    li a2, 0xa1b2c3d4
    sw a1, 0(s1)
    sw a1, 4(s1)
    sw a1, -4(s1)
    sb a2, 3(s1)
    lw a0, 0(s1)
    expect 0xd4667788
    lw a0, 4(s1)
    expect 0x55667788
    lw a0, -4(s1)
    expect 0x55667788
    li a1, 0x55667788
    li a2, 0xa1b2c3d4
    sw a1, 0(s1)
    sw a1, 4(s1)
    sw a1, -4(s1)
    sh a2, 0(s1)
    lw a0, 0(s1)
    expect 0x5566c3d4
    lw a0, 4(s1)
    expect 0x55667788
    lw a0, -4(s1)
    expect 0x55667788
    li a1, 0x55667788
    li a2, 0xa1b2c3d4
    sw a1, 0(s1)
    sw a1, 4(s1)
    sw a1, -4(s1)
    sh a2, 2(s1)
    lw a0, 0(s1)
    expect 0xc3d47788
    lw a0, 4(s1)
    expect 0x55667788
    lw a0, -4(s1)
    expect 0x55667788
    li a1, 0x55667788
    li a2, 0xa1b2c3d4
    sw a1, 0(s1)
    sw a1, 4(s1)
    sw a1, -4(s1)
    sw a2, 0(s1)
    lw a0, 0(s1)
    expect 0xa1b2c3d4
    lw a0, 4(s1)
    expect 0x55667788
    lw a0, -4(s1)
    expect 0x55667788
    sw x0, 0(s1)
    lw a0, 0(s1)
    expect 0
    addi a1, s1, -2047
    sb a2, 2047(a1)
    lbu a0, 0(s1)
    expect 0xd4
    sw s1, 0(s1)
    lw a0, 0(s1)
    sub a0, a0, s1
    expect 0

    /* the stack, and order */
    addi sp, sp, -16
    li a1, 0x13579bdf
    sw a1, 12(sp)
    fence
    lw a0, 12(sp)
    expect 0x13579bdf
    addi sp, sp, 16

    finish

    .data
    .balign 4
words:
    .byte 0x80, 0x7f, 0xff, 0x00, 0x01, 0x80, 0xff, 0x7f
scratch:
    .zero 64
