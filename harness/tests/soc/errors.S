/* What a program can do wrong, one case each; the texts that are expected are in harness/soc/test_soc.c. */
#include "harness/tests/soc/cases.inc"

    begin

case_write_rom:
    li t0, INTERRUPT
    li t1, 1
    sw t1, SOC_INTERRUPT_ENABLE(t0)
    la t0, case_write_rom
    sw t1, 0(t0)
    j failed

case_read_unmapped:
    li t0, 0x1000
    lhu a0, 6(t0)
    j failed

case_jump_unmapped:
    li t0, 0x4000
    jr t0
    j failed

case_jump_ram:
    li t0, 0x10000000
    jalr t0
    j failed

/* the page was accessed before, as data */
case_jump_data:
    li t0, 0x80000000
    sw x0, 0(t0)
    lw t1, 0(t0)
    jalr t0
    j failed

case_jump_misaligned:
    la t0, failed + 2
    jr t0
    j failed

case_illegal:
    nop
    .word 0
    j failed

case_float:
    .word 0x00007053 /* fadd.s */
    j failed

case_ecall:
    ecall
    j failed

case_ebreak:
    nop
    ebreak
    j failed

case_stack:
    la sp, stack_top
recurse:
    addi sp, sp, -16
    sw ra, 12(sp)
    jal ra, recurse

case_unknown_register:
    li t0, CONSOLE
    lw a0, 8(t0)
    j failed

case_read_only:
    li t0, TIMER
    sw x0, SOC_TIMER_NOW_LO(t0)
    j failed

case_byte:
    li t0, CONSOLE
    sb x0, 0(t0)
    j failed

case_misaligned:
    li t0, TIMER
    lw a0, 2(t0)
    j failed

case_spin:
    j case_spin

case_nothing_comes:
    wfi
    j failed

/* the line is enabled, but the accelerator was never started */
case_not_started:
    li t0, INTERRUPT
    li t1, 1
    sw t1, SOC_INTERRUPT_ENABLE(t0)
    li t1, MIE_MEIE
    csrw mie, t1
    wfi
    j failed

/* the accelerator runs, but its line is not enabled */
case_not_enabled:
    li t0, ACCEL0
    li t1, 1000
    sw t1, ACCEL_CYCLES(t0)
    sw t1, ACCEL_START(t0)
    li t1, MIE_MEIE
    csrw mie, t1
    wfi
    j failed

case_too_late:
    li t0, TIMER
    li t1, 0x7fffffff
    sw t1, SOC_TIMER_COMPARE_HI(t0)
    li t1, MIE_MTIE
    csrw mie, t1
    wfi
    j failed

/* an accelerator that is never done */
case_endless:
    li t0, ACCEL0
    li t1, 1
    sw x0, ACCEL_CYCLES(t0)
    sw t1, ACCEL_START(t0)
    li t0, INTERRUPT
    sw t1, SOC_INTERRUPT_ENABLE(t0)
    li t1, MIE_MEIE
    csrw mie, t1
    wfi
    j failed

case_violation:
    li t0, ACCEL1
    li t1, 500
    sw t1, ACCEL_CYCLES(t0)
    li t1, 2
    sw t1, ACCEL_START(t0)
3:  lw t1, ACCEL_STATUS(t0)
    j 3b

case_bad_register:
    li t0, ACCEL0
    lw t1, 0x40(t0)
    j failed

case_no_accel:
    li t0, 0xA0002000
    lw t1, 0(t0)
    j failed

case_beyond_dram:
    li t0, 0x80100000
    lbu t1, -1(t0)
    lbu t1, 0(t0)
    j failed

case_probe_accel:
    li t0, PROBE
    li t1, 9
    sw t1, SOC_PROBE_ACCEL(t0)
    sw t1, SOC_PROBE_ARM(t0)
    j failed

case_window:
    li t0, PROBE
    sw x0, SOC_PROBE_ACCEL(t0)
    li t1, 0x7fffffff
    sw t1, SOC_PROBE_WINDOW_ADDR(t0)
    sw t1, SOC_PROBE_WINDOW_BYTES(t0)
    sw t1, SOC_PROBE_WINDOW_ADD(t0)
    j failed

case_no_handler:
    jal ra, timer_now
    csrsi mstatus, MSTATUS_MIE
    wfi
    j failed

case_handler_nowhere:
    jal ra, timer_now
    li t1, 0x4000
    csrw mtvec, t1
    csrsi mstatus, MSTATUS_MIE
    wfi
    j failed

case_handler_traps:
    la t1, handler
    csrw mtvec, t1
handler:
    ecall
    .balign 4

case_atomic:
    li t0, TIMER
    .word 0x0062a32f /* amoadd.w t1, t1, (t0) */
    j failed

/* where the emulator would end by itself */
case_jump_end:
    jal ra, timer_now
    li t0, 0xfffffffc
    jr t0
    j failed

/* the core knows compressed instructions: one that jumps to itself is a block of half an instruction */
case_compressed:
    .word 0x0001a001 /* c.j 0; c.nop */
    j failed

timer_now:
    li t0, TIMER
    sw x0, SOC_TIMER_COMPARE_LO(t0)
    sw x0, SOC_TIMER_COMPARE_HI(t0)
    li t1, MIE_MTIE
    csrw mie, t1
    ret

    .balign 4
failed:
    exit_with 99

cases:
    .word case_write_rom, case_read_unmapped, case_jump_unmapped, case_jump_ram, case_jump_data, case_jump_misaligned
    .word case_illegal, case_float, case_ecall, case_ebreak, case_stack
    .word case_unknown_register, case_read_only, case_byte, case_misaligned, case_spin
    .word case_nothing_comes, case_not_started, case_not_enabled, case_too_late, case_endless
    .word case_violation, case_bad_register, case_no_accel, case_beyond_dram, case_probe_accel
    .word case_window, case_no_handler, case_handler_nowhere, case_handler_traps, case_atomic
    .word case_jump_end, case_compressed
