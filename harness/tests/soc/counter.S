/* Refused when it is loaded: the counter would tell the host's time. */
#include "harness/tests/soc/soc_test.inc"

    .globl _start
_start:
    rdcycle a0
    exit_reg a0
