#include "harness/firmware/rv32/hal_rv32.h"

#include <string.h>

#include "harness/firmware/soc_regs.h"

struct bt_hal {
    const struct bt_program *program;
    uint8_t *dram;
    uint64_t copied;
    struct bt_reason failed; /* what is NULL while all is well */
    volatile uint32_t woken; /* WOKEN_*, by the trap handler */
};

enum { WOKEN_NOT, WOKEN_IRQ, WOKEN_TIMER };

#define MSTATUS_MIE 8u
#define MIE_TIMER (1u << 7)
#define MIE_EXTERNAL (1u << 11)
#define MCAUSE_TIMER 0x80000007u
#define MCAUSE_EXTERNAL 0x8000000bu

#define CSR_SET(csr, bits) __asm__ volatile("csrs " #csr ", %0" ::"r"(bits) : "memory")
#define CSR_CLEAR(csr, bits) __asm__ volatile("csrc " #csr ", %0" ::"r"(bits) : "memory")
#define CSR_WRITE(csr, value) __asm__ volatile("csrw " #csr ", %0" ::"r"(value) : "memory")
#define CSR_READ(csr, to) __asm__ volatile("csrr %0, " #csr : "=r"(to))

/* The trap handler and a failed assertion have no other way to it. */
static struct bt_hal the_hal;

uint32_t fw_wait(volatile uint32_t *word);
extern const char fw_wait_end[];
void fw_trap(void);
_Noreturn void fw_assert_failed(const char *file, unsigned line, const char *expression);

/* Fences: what the CPU wrote to memory is there before a device is told, and what a device wrote is read after it said so. */
static void device_write(uint32_t base, uint32_t offset, uint32_t value)
{
    __asm__ volatile("fence iorw, iorw" ::: "memory");
    *(volatile uint32_t *)(uintptr_t)(base + offset) = value;
}

static uint32_t device_read(uint32_t base, uint32_t offset)
{
    const uint32_t value = *(const volatile uint32_t *)(uintptr_t)(base + offset);
    __asm__ volatile("fence iorw, iorw" ::: "memory");
    return value;
}

struct bt_hal *fw_hal_open(const struct bt_program *program)
{
    the_hal = (struct bt_hal){.program = program, .dram = (uint8_t *)(uintptr_t)program->dram_base};
    return &the_hal;
}

/* ---- what the firmware needs beside harness/hal.h ---- */

void fw_hal_mark(struct bt_hal *hal, uint32_t value)
{
    device_write(hal->program->probe, SOC_PROBE_MARK, value);
}

void fw_hal_arm(struct bt_hal *hal)
{
    device_write(hal->program->probe, SOC_PROBE_ACCEL, hal->program->accel_line);
    device_write(hal->program->probe, SOC_PROBE_ARM, 1);
}

uint64_t fw_hal_now(struct bt_hal *hal)
{
    const uint32_t low = device_read(hal->program->timer, SOC_TIMER_NOW_LO);
    return low | (uint64_t)device_read(hal->program->timer, SOC_TIMER_NOW_HI) << 32;
}

bool fw_hal_failed(struct bt_hal *hal, struct bt_reason *why)
{
    if (hal->failed.what == NULL) {
        return false;
    }
    *why = hal->failed;
    return true;
}

uint64_t fw_hal_copied(struct bt_hal *hal)
{
    return hal->copied;
}

void fw_hal_print(const char *text)
{
    if (the_hal.program == NULL) {
        return;
    }
    for (; *text != '\0'; text++) {
        device_write(the_hal.program->console, SOC_CONSOLE_TX, (uint8_t)*text);
    }
}

void fw_exit(uint32_t code, const struct bt_program *program)
{
    const struct bt_program *with = the_hal.program != NULL ? the_hal.program : program;
    CSR_WRITE(mie, 0u);
    if (with != NULL && with->exit_ != 0) {
        device_write(with->exit_, SOC_EXIT_CODE, code);
    }
    for (;;) {
        __asm__ volatile("wfi");
    }
}

void fw_assert_failed(const char *file, unsigned line, const char *expression)
{
    char digits[11];
    size_t at = sizeof(digits) - 1;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + line % 10);
        line /= 10;
    } while (line != 0);
    fw_hal_print(file);
    fw_hal_print(":");
    fw_hal_print(digits + at);
    fw_hal_print(": assertion failed: ");
    fw_hal_print(expression);
    fw_hal_print("\n");
    fw_exit(BT_FW_EXIT_ASSERT, NULL);
}

/* ---- failures: the first one is kept ---- */

static void fail(struct bt_hal *hal, const char *what, int64_t got, int64_t limit)
{
    if (hal->failed.what == NULL) {
        hal->failed = (struct bt_reason){.what = what, .got = got, .limit = limit};
    }
}

/* ---- harness/hal.h ---- */

void bt_hal_reg_write(struct bt_hal *hal, uint32_t offset, uint32_t value)
{
    if (hal->failed.what == NULL) {
        device_write(hal->program->accel_base, offset, value);
    }
}

uint32_t bt_hal_reg_read(struct bt_hal *hal, uint32_t offset)
{
    return hal->failed.what == NULL ? device_read(hal->program->accel_base, offset) : 0;
}

void bt_hal_pin_set(struct bt_hal *hal, unsigned pin, uint64_t value)
{
    (void)value;
    fail(hal, "the driver sets a bare pin, which the system has not got", pin, 0);
}

uint64_t bt_hal_pin_get(struct bt_hal *hal, unsigned pin)
{
    fail(hal, "the driver reads a bare pin, which the system has not got", pin, 0);
    return 0;
}

static bool in_store(struct bt_hal *hal, const char *what, uint64_t addr, uint64_t bytes)
{
    const uint32_t limit = hal->program->dram_bytes;
    if (hal->failed.what != NULL || bytes == 0) {
        return false;
    }
    if (addr > limit || bytes > limit - addr) {
        fail(hal, what, (int64_t)addr, limit);
        return false;
    }
    return true;
}

void bt_hal_mem_write(struct bt_hal *hal, uint64_t addr, const void *src, size_t bytes)
{
    if (in_store(hal, "driver writes beyond the DRAM", addr, bytes)) {
        memcpy(hal->dram + (size_t)addr, src, bytes);
        hal->copied += bytes;
    }
}

void bt_hal_mem_read(struct bt_hal *hal, uint64_t addr, void *dst, size_t bytes)
{
    if (in_store(hal, "driver reads beyond the DRAM", addr, bytes)) {
        memcpy(dst, hal->dram + (size_t)addr, bytes);
        hal->copied += bytes;
    }
}

void bt_hal_mem_fill(struct bt_hal *hal, uint64_t addr, uint8_t value, size_t bytes)
{
    if (in_store(hal, "driver fills beyond the DRAM", addr, bytes)) {
        memset(hal->dram + (size_t)addr, value, bytes);
        hal->copied += bytes;
    }
}

void bt_hal_allow_write(struct bt_hal *hal, uint64_t addr, uint64_t bytes)
{
    const uint32_t probe = hal->program->probe;
    if (in_store(hal, "driver allows writes beyond the DRAM", addr, bytes)) {
        device_write(probe, SOC_PROBE_ACCEL, hal->program->accel_line);
        device_write(probe, SOC_PROBE_WINDOW_ADDR, (uint32_t)addr);
        device_write(probe, SOC_PROBE_WINDOW_BYTES, (uint32_t)bytes);
        device_write(probe, SOC_PROBE_WINDOW_ADD, 1);
    }
}

void bt_hal_clear_windows(struct bt_hal *hal)
{
    device_write(hal->program->probe, SOC_PROBE_ACCEL, hal->program->accel_line);
    device_write(hal->program->probe, SOC_PROBE_WINDOW_CLEAR, 1);
}

/* ---- waiting ---- */

static uint32_t line_of(const struct bt_hal *hal)
{
    return UINT32_C(1) << hal->program->accel_line;
}

static bool pending(const struct bt_hal *hal)
{
    return (device_read(hal->program->interrupt, SOC_INTERRUPT_PENDING) & line_of(hal)) != 0;
}

/* HI first goes to its largest value, so that no half-written value is in the past. */
static void set_timer(const struct bt_hal *hal, uint64_t compare)
{
    device_write(hal->program->timer, SOC_TIMER_COMPARE_HI, UINT32_MAX);
    device_write(hal->program->timer, SOC_TIMER_COMPARE_LO, (uint32_t)compare);
    device_write(hal->program->timer, SOC_TIMER_COMPARE_HI, (uint32_t)(compare >> 32));
}

/* Lines are levels: each is masked until the next wait, so that the handler is not entered again at once. */
__attribute__((interrupt("machine"))) void fw_trap(void)
{
    uint32_t cause = 0;
    uint32_t pc = 0;
    CSR_READ(mcause, cause);
    CSR_READ(mepc, pc);
    if (cause == MCAUSE_EXTERNAL) {
        device_write(the_hal.program->interrupt, SOC_INTERRUPT_ENABLE, 0);
        the_hal.woken = WOKEN_IRQ;
    } else if (cause == MCAUSE_TIMER) {
        CSR_CLEAR(mie, MIE_TIMER);
        the_hal.woken = the_hal.woken == WOKEN_NOT ? WOKEN_TIMER : the_hal.woken;
    } else {
        fw_hal_print("trap\n");
        fw_exit(BT_FW_EXIT_TRAP, NULL);
    }
    const uint32_t begin = (uint32_t)(uintptr_t)&fw_wait;
    if (pc - begin < (uint32_t)(uintptr_t)fw_wait_end - begin) {
        CSR_WRITE(mepc, begin);
    }
}

static enum bt_event wait_for_interrupt(struct bt_hal *hal)
{
    CSR_SET(mstatus, MSTATUS_MIE);
    const uint32_t woken = fw_wait(&hal->woken);
    CSR_CLEAR(mstatus, MSTATUS_MIE);
    return woken == WOKEN_IRQ ? BT_EVENT_IRQ : BT_EVENT_BUDGET;
}

static enum bt_event wait_for_line(struct bt_hal *hal, uint64_t deadline, bool sleep)
{
    for (;;) {
        if (pending(hal)) {
            return BT_EVENT_IRQ;
        }
        if (fw_hal_now(hal) >= deadline) {
            return BT_EVENT_BUDGET;
        }
        if (sleep) {
            __asm__ volatile("wfi" ::: "memory");
        }
    }
}

enum bt_event bt_hal_run(struct bt_hal *hal, uint64_t max_cycles)
{
    if (hal->failed.what != NULL) {
        return BT_EVENT_FAILED;
    }
    const uint32_t way = hal->program->wait;
    const uint64_t now = fw_hal_now(hal);
    const uint64_t deadline = max_cycles < UINT64_MAX - now ? now + max_cycles : UINT64_MAX;
    enum bt_event event = BT_EVENT_BUDGET;
    hal->woken = WOKEN_NOT;
    if (way != BT_WAIT_POLL) {
        set_timer(hal, deadline);
        device_write(hal->program->interrupt, SOC_INTERRUPT_ENABLE, line_of(hal));
        CSR_SET(mie, MIE_TIMER | MIE_EXTERNAL);
    }
    if (way == BT_WAIT_INTERRUPT) {
        event = wait_for_interrupt(hal);
    } else {
        event = wait_for_line(hal, deadline, way == BT_WAIT_WFI);
    }
    if (way != BT_WAIT_POLL) {
        CSR_CLEAR(mie, MIE_TIMER | MIE_EXTERNAL);
        device_write(hal->program->interrupt, SOC_INTERRUPT_ENABLE, 0);
        set_timer(hal, UINT64_MAX);
    }
    return event;
}
