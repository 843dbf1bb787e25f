/* Programs whose instructions were counted by hand; the counts are in harness/soc/test_soc.c. */
#include "harness/tests/soc/cases.inc"

    begin /* 6 */

count_exit: /* 3 */
    exit_with 0

count_loop: /* 1 + 1000 * 2 + 3 */
    li a1, 1000
3:  addi a1, a1, -1
    bnez a1, 3b
    exit_with 0

count_straight: /* 3000 + 3: several blocks of the translator, several pages */
    .rept 3000
    addi a1, a1, 1
    .endr
    exit_with 0

count_calls: /* 1 + 10 * (1 + 2 + 1 + 1) + 3 */
    li a1, 10
3:  jal ra, callee
    addi a1, a1, -1
    bnez a1, 3b
    exit_with 0
callee:
    addi a2, a2, 1
    ret

count_fault: /* 3, and the fourth is the one that fails, in the middle of its block */
    nop
    nop
    nop
    lw a1, 0(x0)
    nop
    nop
    exit_with 0

count_devices: /* 1 + 5 * 3 + 3: accesses end blocks, and the next begins behind them */
    li t0, CONSOLE
    .rept 5
    addi a1, a1, 1
    sw a1, 0(t0)
    addi a1, a1, 1
    .endr
    exit_with 0

count_traps: /* 3 + 1 + 2 * (1 + 4) + 3: an ecall that traps counts */
    la t0, handler
    csrw mtvec, t0
    nop
    ecall
    ecall
    exit_with 0
    .balign 4
handler:
    csrr t1, mepc
    addi t1, t1, 4
    csrw mepc, t1
    mret

count_wfi: /* 3 + 2 + 2 + 1 + 1 + 1 + 3 */
    li t0, TIMER
    li t1, 77
    nop
    sw t1, SOC_TIMER_COMPARE_LO(t0)
    sw x0, SOC_TIMER_COMPARE_HI(t0)
    li t1, MIE_MTIE
    csrw mie, t1
    nop
    wfi
    nop
    exit_with 0

    .balign 4
cases:
    .word count_exit, count_loop, count_straight, count_calls, count_fault, count_devices, count_traps, count_wfi
