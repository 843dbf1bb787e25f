/* A program and its accelerators. A case that works exits with 0; times are checked in harness/soc/test_soc.c. */
#include "harness/tests/soc/cases.inc"

.macro enable lines
    li t0, INTERRUPT
    li t1, \lines
    sw t1, SOC_INTERRUPT_ENABLE(t0)
    li t1, MIE_MEIE
    csrw mie, t1
.endm

.macro start accel, cycles
    li t0, \accel
    li t1, \cycles
    sw t1, ACCEL_CYCLES(t0)
    li t1, 1
    sw t1, ACCEL_START(t0)
.endm

.macro arm
    li t0, PROBE
    sw x0, SOC_PROBE_ACCEL(t0)
    sw x0, SOC_PROBE_ARM(t0)
.endm

.macro mark value
    li t0, PROBE
    li t1, \value
    sw t1, SOC_PROBE_MARK(t0)
.endm

.macro work turns /* 2 instructions each */
    li a1, \turns
3:  addi a1, a1, -1
    bnez a1, 3b
.endm

    begin

/* 100000 cycles beside 40000 instructions, which are as many cycles at 40 MIPS and 100 MHz */
accel_overlap:
    enable 1
    arm
    mark 7
    start ACCEL0, 200000
    work 20000
    wfi
    mark 0x80000007
    li t0, ACCEL0
    sw x0, ACCEL_ACK(t0)
    li t0, INTERRUPT
    lw a0, SOC_INTERRUPT_PENDING(t0)
    exit_reg a0

/* two beside each other, the second shorter */
accel_two:
    enable 3
    start ACCEL0, 50000
    start ACCEL1, 20000
    wfi
    li t0, INTERRUPT
    lw a0, SOC_INTERRUPT_PENDING(t0)
    li a1, 2
    bne a0, a1, failed_1
    li t0, ACCEL1
    sw x0, ACCEL_ACK(t0)
    wfi
    li t0, INTERRUPT
    lw a0, SOC_INTERRUPT_PENDING(t0)
    li a1, 1
    bne a0, a1, failed_2
    exit_with 0

/* started again while it runs, which this one ignores */
accel_twice:
    enable 1
    start ACCEL0, 30000
    start ACCEL0, 30000
    wfi
    exit_with 0

/* without interrupts */
accel_poll:
    start ACCEL0, 5000
3:  lw a0, ACCEL_STATUS(t0)
    andi a0, a0, 2
    beqz a0, 3b
    exit_with 0

/* one after the other, with a handler */
accel_handler:
    la t0, handler
    csrw mtvec, t0
    enable 1
    li a4, 0
    csrsi mstatus, MSTATUS_MIE
    arm
    start ACCEL0, 10000
4:  wfi
    li t1, 1
    bltu a4, t1, 4b
    arm
    start ACCEL0, 20000
4:  wfi
    li t1, 2
    bltu a4, t1, 4b
    bne a4, t1, failed_1
    exit_with 0
    .balign 4
handler:
    addi a4, a4, 1
    csrr a5, mcause
    li a6, 0x8000000b
    bne a5, a6, failed_2
    li t2, ACCEL0
    sw x0, ACCEL_ACK(t2)
    mret

/* an interrupt while the CPU is busy: seen at the end of a quantum */
accel_quantum:
    la t0, quantum_handler
    csrw mtvec, t0
    enable 1
    csrsi mstatus, MSTATUS_MIE
    start ACCEL0, 1000
4:  j 4b
    .balign 4
quantum_handler:
    exit_with 0

/* done long ago: its time jumps, its cycles do not go by */
accel_idle:
    start ACCEL0, 100
    work 1000000
    lw a0, ACCEL_STATUS(t0)
    exit_with 0

/* a result is in the DRAM that both see */
accel_memory:
    enable 1
    li t2, 0x80000000
    sw x0, 0(t2)
    start ACCEL0, 3000
    wfi
    lw a0, 0(t2)
    exit_reg a0

/* accesses one behind the other: each waits for the one before */
accel_bus:
    li t0, ACCEL0
    .rept 100
    lw a0, ACCEL_STATUS(t0)
    .endr
    exit_with 0

/* a rule is broken by the very last access */
accel_last:
    li t0, ACCEL0
    li t1, 3
    sw t1, ACCEL_START(t0)
    exit_with 0

/* what a run before left: nothing in ram, but in DRAM */
accel_ram:
    la t0, stack_bottom
    lw a0, 0(t0)
    li t1, 1
    sw t1, 0(t0)
    exit_reg a0
accel_dram:
    li t0, 0x80000100
    lw a0, 0(t0)
    addi t1, a0, 1
    sw t1, 0(t0)
    exit_reg a0

/* a line that is high but not enabled neither ends a wfi nor interrupts; nor one that mie does not let through */
accel_masked:
    la t0, masked_handler
    csrw mtvec, t0
    li a4, 0
    enable 2
    start ACCEL0, 1000
    start ACCEL1, 60000
    csrsi mstatus, MSTATUS_MIE
    work 10000 /* several looks at the lines */
    bnez a4, failed_1
    li t0, INTERRUPT
    lw a0, SOC_INTERRUPT_PENDING(t0)
    li a1, 1
    bne a0, a1, failed_2
4:  wfi
    beqz a4, 4b
    li a1, 2 /* the second's, and that only when it was done */
    bne a4, a1, failed_3
    li t0, ACCEL1
    sw x0, ACCEL_ACK(t0)
    csrw mie, x0
    li t0, INTERRUPT
    li t1, 1
    sw t1, SOC_INTERRUPT_ENABLE(t0)
    work 10000
    li a1, 2
    bne a4, a1, failed_3
    li t1, MIE_MEIE
    csrw mie, t1
    work 10000
    li a1, 3
    bne a4, a1, failed_3
    exit_with 0
    .balign 4
masked_handler: /* adds up what is pending and enabled, and enables none */
    li t2, INTERRUPT
    lw a5, SOC_INTERRUPT_PENDING(t2)
    lw a6, SOC_INTERRUPT_ENABLE(t2)
    and a6, a5, a6
    add a4, a4, a6
    sw x0, SOC_INTERRUPT_ENABLE(t2)
    mret

failed_1:
    exit_with 1
failed_2:
    exit_with 2
failed_3:
    exit_with 3

    .balign 4
cases:
    .word accel_overlap, accel_two, accel_twice, accel_poll, accel_handler, accel_quantum, accel_idle, accel_memory
    .word accel_bus, accel_last, accel_ram, accel_dram, accel_masked
