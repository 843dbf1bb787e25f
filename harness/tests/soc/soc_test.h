/* What the assembly programs of the tests share. Addresses as in suites/soc.yaml; the test checks that they are. */
#ifndef SOC_TEST_H
#define SOC_TEST_H

#include "harness/firmware/soc_regs.h"

#define CONSOLE 0x20000000
#define TIMER 0x20001000
#define INTERRUPT 0x20002000
#define EXIT 0x20003000
#define PROBE 0x20004000
#define ACCEL0 0xA0000000
#define ACCEL1 0xA0001000

/* Of the test's accelerator (harness/soc/test_soc.c). */
#define ACCEL_START 0x00
#define ACCEL_CYCLES 0x04
#define ACCEL_ACK 0x08
#define ACCEL_STATUS 0x0c

#define MIE_MTIE 0x80
#define MIE_MEIE 0x800
#define MSTATUS_MIE 8

#ifdef __ASSEMBLER__
.macro exit_with code li t6, \code exit_reg
                                 t6.endm

                                     .macro exit_reg reg li t5,
    EXIT sw \reg, SOC_EXIT_CODE(t5) 1 : j 1b.endm
#endif

#endif
