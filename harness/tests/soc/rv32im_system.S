/* Zicsr and machine mode: CSR instructions, ecall, ebreak, mret, wfi. */
#include "harness/tests/soc/rv32im.inc"

    begin

    /* each form gives the old value and leaves the new one */
    li a1, 0x0f0f0f0f
    csrrw x0, mscratch, a1
    li a2, 0x12345678
    csrrw a0, mscratch, a2
    expect 0x0f0f0f0f
    csrr a0, mscratch
    expect 0x12345678
    li a2, 0xff
    csrrs a0, mscratch, a2
    expect 0x12345678
    csrr a0, mscratch
    expect 0x123456ff
    li a2, 0xf000000f
    csrrc a0, mscratch, a2
    expect 0x123456ff
    csrr a0, mscratch
    expect 0x023456f0
    csrrwi a0, mscratch, 21
    expect 0x023456f0
    csrr a0, mscratch
    expect 21
    csrrsi a0, mscratch, 10
    expect 21
    csrr a0, mscratch
    expect 31
    csrrci a0, mscratch, 7
    expect 31
    csrr a0, mscratch
    expect 24
    csrrs a0, mscratch, x0
    expect 24
    csrrc a0, mscratch, x0
    expect 24

    csrr a0, mhartid
    expect 0

    /* ecall, the handler, mret: cause, place, and the state of interrupts before and after */
    la a1, handler
    csrw mtvec, a1
    csrsi mstatus, MSTATUS_MIE
    li a3, 0
3:  ecall
    mv a0, a3
    expect 1
    la a1, 3b
    sub a0, a4, a1
    expect 0
    mv a0, a5
    expect 11
    andi a0, a6, MSTATUS_MIE
    expect 0
    csrr a0, mstatus
    andi a0, a0, MSTATUS_MIE
    expect MSTATUS_MIE
4:  ebreak
    mv a0, a5
    expect 3
    la a1, 4b
    sub a0, a4, a1
    expect 0
    mv a0, a3
    expect 2
    csrci mstatus, MSTATUS_MIE
    ecall
    csrr a0, mstatus
    andi a0, a0, MSTATUS_MIE
    expect 0

    /* wfi with what it waits for already there; interrupts are off */
    li a1, TIMER
    sw x0, SOC_TIMER_COMPARE_LO(a1)
    sw x0, SOC_TIMER_COMPARE_HI(a1)
    li a2, MIE_MTIE
    csrw mie, a2
    li a0, 1
    wfi
    addi a0, a0, 1
    expect 2
    mv a0, a3
    expect 3
    j 5f

    .balign 4
handler:
    addi a3, a3, 1
    csrr a4, mepc
    csrr a5, mcause
    csrr a6, mstatus
    addi t0, a4, 4
    csrw mepc, t0
    mret
5:

    finish
