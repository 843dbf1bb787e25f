/*
 * Registers of the simulated system's own devices, as harness/soc models them and the firmware uses them. Byte offsets from
 * the device's base, which the memory map (suites/soc.yaml) gives; 32-bit accesses only, anything else ends the job.
 */
#ifndef BT_SOC_REGS_H
#define BT_SOC_REGS_H

/** Every device takes this many bytes of the map. */
#define SOC_DEVICE_BYTES 0x1000u

/* console: a byte written appears in the job's log */
#define SOC_CONSOLE_TX 0x00u

/* timer: counts cycles of the accelerator clock; its line (machine timer interrupt) is high while now >= compare */
#define SOC_TIMER_NOW_LO 0x00u /* read-only; reading LO latches HI */
#define SOC_TIMER_NOW_HI 0x04u
#define SOC_TIMER_COMPARE_LO 0x08u /* all ones after reset */
#define SOC_TIMER_COMPARE_HI 0x0cu

/* interrupt: line i is accelerator i's; the machine external interrupt is high while (pending & enable) != 0 */
#define SOC_INTERRUPT_PENDING 0x00u /* read-only, levels */
#define SOC_INTERRUPT_ENABLE 0x04u  /* 0 after reset */

/* exit: a word written ends the program with that code */
#define SOC_EXIT_CODE 0x00u

/* probe: what only a simulation has. A mark is a line in the timeline; windows are where an accelerator may write. */
#define SOC_PROBE_MARK 0x00u /* see SOC_MARK_* */
#define SOC_PROBE_ACCEL 0x04u
#define SOC_PROBE_WINDOW_ADDR 0x08u /* in the accelerator's view of memory */
#define SOC_PROBE_WINDOW_BYTES 0x0cu
#define SOC_PROBE_WINDOW_ADD 0x10u   /* any value: declares [ADDR, ADDR + BYTES) writable by accelerator ACCEL */
#define SOC_PROBE_WINDOW_CLEAR 0x14u /* any value: withdraws all windows of accelerator ACCEL */
#define SOC_PROBE_ARM 0x18u          /* any value: the next start of accelerator ACCEL begins a measured interval */

/** A mark is the index of a step of the program, with bit 31 set where the step ends. */
#define SOC_MARK_END 0x80000000u

#endif
