/* RV32I: operations with an immediate, lui, auipc. */
#include "harness/tests/soc/rv32im.inc"

    begin

    ri addi, 0x00000000, 0x00000000, 0
    ri addi, 0x00000800, 0x00000001, 2047
    ri addi, 0x00000000, 0xffffffff, 1
    ri addi, 0x80000000, 0x7fffffff, 1
    ri addi, 0x7fffffff, 0x80000000, -1
    ri addi, 0x7ffff800, 0x80000000, -2048
    ri addi, 0x12345677, 0x12345678, -1
    ri addi, 0xfffff805, 0x00000005, -2048

    ri slti, 0x00000000, 0x00000000, 0
    ri slti, 0x00000001, 0x00000001, 2047
    ri slti, 0x00000001, 0xffffffff, 1
    ri slti, 0x00000000, 0x7fffffff, 1
    ri slti, 0x00000001, 0x80000000, -1
    ri slti, 0x00000001, 0x80000000, -2048
    ri slti, 0x00000000, 0x12345678, -1
    ri slti, 0x00000000, 0x00000005, -2048

    ri sltiu, 0x00000000, 0x00000000, 0
    ri sltiu, 0x00000001, 0x00000001, 2047
    ri sltiu, 0x00000000, 0xffffffff, 1
    ri sltiu, 0x00000000, 0x7fffffff, 1
    ri sltiu, 0x00000001, 0x80000000, -1
    ri sltiu, 0x00000001, 0x80000000, -2048
    ri sltiu, 0x00000001, 0x12345678, -1
    ri sltiu, 0x00000001, 0x00000005, -2048

    ri xori, 0x00000000, 0x00000000, 0
    ri xori, 0x000007fe, 0x00000001, 2047
    ri xori, 0xfffffffe, 0xffffffff, 1
    ri xori, 0x7ffffffe, 0x7fffffff, 1
    ri xori, 0x7fffffff, 0x80000000, -1
    ri xori, 0x7ffff800, 0x80000000, -2048
    ri xori, 0xedcba987, 0x12345678, -1
    ri xori, 0xfffff805, 0x00000005, -2048

    ri ori, 0x00000000, 0x00000000, 0
    ri ori, 0x000007ff, 0x00000001, 2047
    ri ori, 0xffffffff, 0xffffffff, 1
    ri ori, 0x7fffffff, 0x7fffffff, 1
    ri ori, 0xffffffff, 0x80000000, -1
    ri ori, 0xfffff800, 0x80000000, -2048
    ri ori, 0xffffffff, 0x12345678, -1
    ri ori, 0xfffff805, 0x00000005, -2048

    ri andi, 0x00000000, 0x00000000, 0
    ri andi, 0x00000001, 0x00000001, 2047
    ri andi, 0x00000001, 0xffffffff, 1
    ri andi, 0x00000001, 0x7fffffff, 1
    ri andi, 0x80000000, 0x80000000, -1
    ri andi, 0x80000000, 0x80000000, -2048
    ri andi, 0x12345678, 0x12345678, -1
    ri andi, 0x00000000, 0x00000005, -2048

    ri slli, 0x00000001, 0x00000001, 0
    ri slli, 0x80000000, 0x00000001, 31
    ri slli, 0x00000002, 0x80000001, 1
    ri slli, 0x80000000, 0x80000001, 31
    ri slli, 0x00000000, 0x80000000, 4
    ri slli, 0x56df7780, 0xdeadbeef, 7
    ri slli, 0xc0000000, 0x7fffffff, 30

    ri srli, 0x00000001, 0x00000001, 0
    ri srli, 0x00000000, 0x00000001, 31
    ri srli, 0x40000000, 0x80000001, 1
    ri srli, 0x00000001, 0x80000001, 31
    ri srli, 0x08000000, 0x80000000, 4
    ri srli, 0x01bd5b7d, 0xdeadbeef, 7
    ri srli, 0x00000001, 0x7fffffff, 30

    ri srai, 0x00000001, 0x00000001, 0
    ri srai, 0x00000000, 0x00000001, 31
    ri srai, 0xc0000000, 0x80000001, 1
    ri srai, 0xffffffff, 0x80000001, 31
    ri srai, 0xf8000000, 0x80000000, 4
    ri srai, 0xffbd5b7d, 0xdeadbeef, 7
    ri srai, 0x00000001, 0x7fffffff, 30

    lui a0, 0
    expect 0
    lui a0, 0xfffff
    expect 0xfffff000
    lui a0, 0x80000
    expect 0x80000000
    lui x0, 0x12345
    mv a0, x0
    expect 0

    /* pc-relative: the difference of two places is known */
3:  auipc a0, 0
    la a1, 3b
    sub a0, a0, a1
    expect 0
4:  auipc a0, 0xfffff
    la a1, 4b
    sub a0, a0, a1
    expect 0xfffff000
    auipc x0, 1
    mv a0, x0
    expect 0

    finish
