/* From reset to fw_main(). a0: address of the program, handed on. */
    .section .text.start, "ax"
    .globl _start
_start:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    la sp, fw_stack_top
    la t0, fw_trap
    csrw mtvec, t0
    csrw mie, zero
    csrci mstatus, 8

    la t0, fw_data_load
    la t1, fw_data_start
    la t2, fw_data_end
    bgeu t1, t2, 2f
1:  lw t3, 0(t0)
    sw t3, 0(t1)
    addi t0, t0, 4
    addi t1, t1, 4
    bltu t1, t2, 1b
2:
    la t1, fw_bss_start
    la t2, fw_bss_end
    bgeu t1, t2, 4f
3:  sw zero, 0(t1)
    addi t1, t1, 4
    bltu t1, t2, 3b
4:
    mv s0, a0
    call fw_main
    mv a1, s0
    tail fw_exit

/*
 * enum-like: a0 = fw_wait(address of a word). Sleeps with interrupts on until the word is not 0, which a handler makes it.
 * A handler that interrupts between the test and wfi would let the core sleep through what it came for: fw_trap() sends
 * whatever was interrupted in here back to the test.
 */
    .section .text.fw_wait, "ax"
    .globl fw_wait, fw_wait_end
    .balign 4
fw_wait:
    lw t0, 0(a0)
    bnez t0, fw_wait_end
    wfi
    j fw_wait
fw_wait_end:
    mv a0, t0
    ret
