/* Interrupts and time. A case that works exits with 0. */
#include "harness/tests/soc/cases.inc"

    begin

/* the timer interrupts a loop; the handler sees cause and place, and time that is not much later */
trap_timer:
    la t0, timer_handler
    csrw mtvec, t0
    li t0, TIMER
    li t1, 1000
    sw t1, SOC_TIMER_COMPARE_LO(t0)
    sw x0, SOC_TIMER_COMPARE_HI(t0)
    li t1, MIE_MTIE
    csrw mie, t1
    csrsi mstatus, MSTATUS_MIE
trap_timer_loop:
    addi a1, a1, 1
    j trap_timer_loop
    .balign 4
timer_handler:
    csrr a2, mcause
    li a3, 0x80000007
    bne a2, a3, failed_1
    csrr a2, mepc
    la a3, trap_timer_loop
    sub a2, a2, a3
    sltiu a2, a2, 8
    beqz a2, failed_2
    csrr a2, mstatus
    andi a2, a2, MSTATUS_MIE
    bnez a2, failed_3
    lw a2, SOC_TIMER_NOW_LO(t0)
    li a3, 1000
    bltu a2, a3, failed_4
    li a3, 1060
    bgtu a2, a3, failed_5
    exit_with 0

/* wfi goes on with interrupts off, and time has jumped to the timer's */
trap_wake:
    li t0, TIMER
    li t1, 1000000
    sw t1, SOC_TIMER_COMPARE_LO(t0)
    sw x0, SOC_TIMER_COMPARE_HI(t0)
    li t1, MIE_MTIE
    csrw mie, t1
    wfi
    lw a2, SOC_TIMER_NOW_LO(t0)
    li a3, 1000000
    bltu a2, a3, failed_1
    li a3, 1000010
    bgtu a2, a3, failed_2
    lw a2, SOC_TIMER_NOW_HI(t0)
    bnez a2, failed_3
    /* it is still pending: wfi does not wait */
    wfi
    lw a2, SOC_TIMER_NOW_LO(t0)
    li a3, 1000100
    bgtu a2, a3, failed_4
    /* once they are on, the handler is entered, and behind it the program goes on */
    la t2, wake_handler
    csrw mtvec, t2
    li a4, 0
    csrsi mstatus, MSTATUS_MIE
3:  beqz a4, 3b
    exit_with 0
    .balign 4
wake_handler:
    addi a4, a4, 1
    li t1, -1
    sw t1, SOC_TIMER_COMPARE_LO(t0)
    sw t1, SOC_TIMER_COMPARE_HI(t0)
    mret

/* vectored: causes go to places of their own, exceptions to the base */
trap_vectored:
    la t0, vectors + 1
    csrw mtvec, t0
    li a4, 0
    ecall
    li t1, 1
    bne a4, t1, failed_1
    li t0, TIMER
    sw x0, SOC_TIMER_COMPARE_LO(t0)
    sw x0, SOC_TIMER_COMPARE_HI(t0)
    li t1, MIE_MTIE
    csrw mie, t1
    csrsi mstatus, MSTATUS_MIE
    wfi
    li t1, 101
    bne a4, t1, failed_2
    exit_with 0
    .balign 256
vectors:
    j vector_exception
    .rept 6
    j failed_3
    .endr
    j vector_timer
vector_exception:
    csrr t2, mepc
    addi t2, t2, 4
    csrw mepc, t2
    addi a4, a4, 1
    mret
vector_timer:
    csrw mie, x0
    addi a4, a4, 100
    mret

/* the timer's registers */
trap_timer_registers:
    li t0, TIMER
    lw a1, SOC_TIMER_COMPARE_LO(t0)
    lw a2, SOC_TIMER_COMPARE_HI(t0)
    and a1, a1, a2
    addi a1, a1, 1
    bnez a1, failed_1
    li a1, 0x12345678
    sw a1, SOC_TIMER_COMPARE_HI(t0)
    lw a2, SOC_TIMER_COMPARE_HI(t0)
    bne a1, a2, failed_2
    lw a2, SOC_TIMER_COMPARE_LO(t0)
    addi a2, a2, 1
    bnez a2, failed_3
    exit_with 0

/* from just below 7 * 2^32 to above it, between the low word and the high one */
trap_timer_latch:
    li t0, TIMER
    lw a1, SOC_TIMER_NOW_HI(t0)
    bnez a1, failed_1
    li t1, 0xffffffe0
    sw t1, SOC_TIMER_COMPARE_LO(t0)
    li t2, 6
    sw t2, SOC_TIMER_COMPARE_HI(t0)
    li t3, MIE_MTIE
    csrw mie, t3
    wfi
    lw a1, SOC_TIMER_NOW_LO(t0)
    bltu a1, t1, failed_2
    li a1, 50
3:  addi a1, a1, -1
    bnez a1, 3b
    lw a1, SOC_TIMER_NOW_HI(t0)
    bne a1, t2, failed_3
    lw a1, SOC_TIMER_NOW_LO(t0)
    bgeu a1, t1, failed_4
    addi t2, t2, 1
    lw a1, SOC_TIMER_NOW_HI(t0)
    bne a1, t2, failed_5
    exit_with 0

failed_1:
    exit_with 1
failed_2:
    exit_with 2
failed_3:
    exit_with 3
failed_4:
    exit_with 4
failed_5:
    exit_with 5

    .balign 4
cases:
    .word trap_timer, trap_wake, trap_vectored, trap_timer_registers, trap_timer_latch
