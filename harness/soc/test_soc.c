#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/soc/soc.h"

#define ELF(name) "build/tests/soc/" name ".elf"
#define DRAM_BYTES (1u << 20)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- an accelerator: a counter that is done after as many cycles as it was told ---- */

enum { REG_START = 0x00, REG_CYCLES = 0x04, REG_ACK = 0x08, REG_STATUS = 0x0c, ACCESS_CYCLES = 3, RESULT = 0x600d };

struct bt_sim {
    struct bt_sim_stats stats;
    uint8_t *dram;
    uint32_t length;
    uint64_t left; /* cycles to go; 0 while running: for ever */
    uint64_t started;
    uint64_t clocked; /* cycles that it was really clocked, since it was opened */
    bool armed, counts, fails;
    char error[64];
};

static uint64_t clocked[2];
static unsigned opened;

static void fake_step(struct bt_sim *sim)
{
    sim->stats.cycles++;
    sim->clocked++;
    if (!sim->stats.running) {
        return;
    }
    sim->stats.read_bytes += sim->counts ? 2 : 0;
    if (sim->left > 0 && --sim->left == 0) {
        sim->stats.running = false;
        sim->stats.done = true;
        sim->stats.write_bytes += sim->counts ? 4 : 0;
        sim->stats.start_to_done = sim->counts ? sim->stats.cycles - sim->started : 0;
        memcpy(sim->dram, &(uint32_t){RESULT}, 4);
        if (sim->fails) {
            (void)snprintf(sim->error, sizeof(sim->error), "cycle %llu, write outside the windows",
                           (unsigned long long)sim->stats.cycles);
        }
    }
}

static void fake_advance(struct bt_sim *sim, uint64_t cycles)
{
    for (uint64_t i = 0; i < cycles; i++) {
        fake_step(sim);
    }
}

static struct bt_sim *fake_open(const struct bt_config *config, uint8_t *dram, const char *wave)
{
    (void)config;
    (void)wave;
    struct bt_sim *sim = calloc(1, sizeof(*sim));
    if (sim != NULL) {
        sim->dram = dram;
    }
    return sim;
}

static void fake_close(struct bt_sim *sim)
{
    clocked[opened++ % 2] = sim->clocked;
    free(sim);
}

static void fake_reset(struct bt_sim *sim)
{
    sim->stats = (struct bt_sim_stats){0};
    sim->error[0] = '\0';
}

static bool fake_write(struct bt_sim *sim, uint32_t offset, uint32_t value)
{
    fake_advance(sim, ACCESS_CYCLES);
    if (offset == REG_CYCLES) {
        sim->length = value;
    } else if (offset == REG_ACK) {
        sim->stats.done = false;
    } else if (offset == REG_START && !sim->stats.running) {
        sim->stats.running = true;
        sim->left = sim->length;
        sim->started = sim->stats.cycles;
        sim->fails = value == 2;
        sim->counts = sim->counts || sim->armed;
        sim->armed = false;
        if (value == 3) {
            (void)snprintf(sim->error, sizeof(sim->error), "a rule is broken");
        }
    }
    return offset <= REG_ACK;
}

static bool fake_read(struct bt_sim *sim, uint32_t offset, uint32_t *value)
{
    fake_advance(sim, ACCESS_CYCLES);
    *value = (sim->stats.running ? 1 : 0) | (sim->stats.done ? 2 : 0);
    return offset == REG_STATUS;
}

static uint8_t *fake_dram(struct bt_sim *sim)
{
    return sim->dram;
}

static void fake_allow(struct bt_sim *sim, uint64_t addr, uint64_t bytes)
{
    (void)sim;
    (void)addr;
    (void)bytes;
}

static void fake_clear(struct bt_sim *sim)
{
    (void)sim;
}

static void fake_arm(struct bt_sim *sim)
{
    sim->stats.read_bytes = sim->stats.write_bytes = sim->stats.start_to_done = 0;
    sim->armed = true;
    sim->counts = false;
}

static enum bt_event fake_run(struct bt_sim *sim, uint64_t max_cycles)
{
    for (uint64_t i = 0; i < max_cycles; i++) {
        fake_step(sim);
        if (sim->error[0] != '\0') {
            return BT_EVENT_FAILED;
        }
        if (sim->stats.done) {
            return BT_EVENT_IRQ;
        }
    }
    return BT_EVENT_BUDGET;
}

static void fake_stats(const struct bt_sim *sim, struct bt_sim_stats *stats)
{
    *stats = sim->stats;
}

static const char *fake_error(const struct bt_sim *sim)
{
    return sim->error;
}

static const struct bt_sim_api fake_api = {
    .abi = BT_SIM_ABI,
    .top = "counter",
    .open = fake_open,
    .close = fake_close,
    .reset = fake_reset,
    .reg_write = fake_write,
    .reg_read = fake_read,
    .dram = fake_dram,
    .allow_write = fake_allow,
    .clear_windows = fake_clear,
    .arm = fake_arm,
    .run = fake_run,
    .advance = fake_advance,
    .stats = fake_stats,
    .error = fake_error,
};

/* ---- a system with two of them ---- */

struct system {
    struct bt_soc_map map;
    uint8_t *dram;
    struct bt_hal *accel[BT_SOC_ACCELS];
    struct bt_soc *soc;
};

static struct bt_soc_options options_of(const struct system *sys, const char *elf)
{
    return (struct bt_soc_options){
        .map = &sys->map,
        .elf = elf,
        .dram = sys->dram,
        .dram_bytes = DRAM_BYTES,
        .max_instructions = 3000000,
        .max_cycles = 20000000,
        .max_seconds = 60,
        .accel = sys->accel,
    };
}

static void make_system(struct system *sys)
{
    const struct bt_config config = {
        .mem = {.latency_cycles = 1, .bytes_per_cycle = 4, .outstanding = 1, .dram_bytes = DRAM_BYTES}};
    struct bt_error err = {""};
    *sys = (struct system){.dram = aligned_alloc(4096, DRAM_BYTES)};
    assert_non_null(sys->dram);
    memset(sys->dram, 0, DRAM_BYTES);
    if (bt_soc_map_load("suites/soc.yaml", &sys->map, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bt_hal_sim_open_device(&fake_api, &config, sys->dram, &sys->accel[i], &err), BT_OK);
    }
}

static void open_system(struct system *sys, const char *elf)
{
    struct bt_error err = {""};
    make_system(sys);
    const struct bt_soc_options options = options_of(sys, elf);
    if (bt_soc_open(&options, &sys->soc, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
}

static void close_system(struct system *sys)
{
    bt_soc_close(sys->soc);
    for (int i = 0; i < BT_SOC_ACCELS; i++) {
        bt_hal_sim_close(sys->accel[i]);
    }
    free(sys->dram);
}

static struct bt_soc_report run(struct system *sys, uint32_t argument)
{
    struct bt_soc_report report;
    struct bt_error err = {""};
    if (bt_soc_run(sys->soc, argument, &report, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    return report;
}

/* A run of its own, with accelerators as after reset. */
static struct bt_soc_report run_once(const char *elf, uint32_t argument)
{
    struct system sys;
    open_system(&sys, elf);
    struct bt_soc_report report = run(&sys, argument);
    report.marks = NULL;
    report.spans = NULL;
    report.console = NULL;
    close_system(&sys);
    return report;
}

/* ---- every instruction ---- */

/* Each check must hold, and be seen to fail when what it expects is wrong. */
static void test_rv32im(void **state)
{
    (void)state;
    static const char *const programs[] = {
        ELF("rv32im_register"), ELF("rv32im_immediate"), ELF("rv32im_muldiv"),
        ELF("rv32im_jump"),     ELF("rv32im_memory"),    ELF("rv32im_system"),
    };
    for (size_t i = 0; i < COUNT(programs); i++) {
        struct system sys;
        uint32_t count = 0;
        open_system(&sys, programs[i]);
        assert_true(bt_soc_symbol(sys.soc, "check_count", &count));
        assert_in_range(count, 20, 1000);
        for (uint32_t broken = 0; broken <= count; broken++) {
            const struct bt_soc_report report = run(&sys, broken);
            if (report.end != BT_SOC_EXITED || report.exit_code != broken) {
                fail_msg("%s with check %u broken: exit code %u %s", programs[i], broken, report.exit_code,
                         report.why.text);
            }
        }
        close_system(&sys);
    }
}

/* ---- counts ---- */

static void test_counts(void **state)
{
    (void)state;
    static const struct {
        uint32_t instructions;
        enum bt_soc_end end;
    } cases[] = {
        {6 + 3, BT_SOC_EXITED},
        {6 + 1 + 2000 + 3, BT_SOC_EXITED},
        {6 + 3000 + 3, BT_SOC_EXITED},
        {6 + 1 + 10 * 5 + 3, BT_SOC_EXITED},
        {6 + 3, BT_SOC_FAULT},
        {6 + 1 + 15 + 3, BT_SOC_EXITED},
        {6 + 4 + 2 * 5 + 3, BT_SOC_EXITED},
        {6 + 10 + 3, BT_SOC_EXITED},
    };
    static const uint32_t quanta[] = {1, 7, 100, 10000};
    for (size_t q = 0; q < COUNT(quanta); q++) {
        struct system sys;
        open_system(&sys, ELF("counts"));
        bt_soc_close(sys.soc);
        sys.map.quantum_instructions = quanta[q];
        const struct bt_soc_options options = options_of(&sys, ELF("counts"));
        assert_int_equal(bt_soc_open(&options, &sys.soc, NULL), BT_OK);
        for (uint32_t i = 0; i < COUNT(cases); i++) {
            const struct bt_soc_report report = run(&sys, i);
            if (report.end != cases[i].end || report.instructions != cases[i].instructions) {
                fail_msg("case %u, quantum %u: %llu instructions, expected %u %s", i, quanta[q],
                         (unsigned long long)report.instructions, cases[i].instructions, report.why.text);
            }
            assert_int_equal(report.cpu_cycles, (uint64_t)cases[i].instructions * 100 / 40);
            assert_int_equal(report.soc_cycles, report.cpu_cycles + report.wait_cycles);
        }
        close_system(&sys);
    }
}

/* A watchdog stops within a block of its bound, and another speed is another time. */
static void test_bounds(void **state)
{
    (void)state;
    struct system sys;
    struct bt_soc_report report;
    make_system(&sys);
    struct bt_soc_options options = options_of(&sys, ELF("counts"));
    options.max_instructions = 1000;
    options.cpu_mips = 200;
    assert_int_equal(bt_soc_open(&options, &sys.soc, NULL), BT_OK);
    report = run(&sys, 1);
    assert_int_equal(report.end, BT_SOC_WATCHDOG);
    assert_in_range(report.instructions, 1000, 1001);
    assert_int_equal(report.soc_cycles, report.instructions * 100 / 200);
    bt_soc_close(sys.soc);

    options.max_instructions = 1000000;
    options.max_cycles = 300;
    assert_int_equal(bt_soc_open(&options, &sys.soc, NULL), BT_OK);
    report = run(&sys, 1);
    assert_int_equal(report.end, BT_SOC_WATCHDOG);
    assert_non_null(strstr(report.why.text, "simulated cycles, at most 300"));
    assert_in_range(report.soc_cycles, 300, 301);
    close_system(&sys);
}

/* Instructions by function: all of them, each with its own. */
static void test_profile(void **state)
{
    (void)state;
    struct system sys;
    make_system(&sys);
    struct bt_soc_options options = options_of(&sys, ELF("counts"));
    options.profile = true;
    assert_int_equal(bt_soc_open(&options, &sys.soc, NULL), BT_OK);
    for (uint32_t round = 0; round < 2; round++) { /* the second run starts from nothing */
        const struct bt_soc_report report = run(&sys, 0);
        uint64_t sum = 0;
        assert_true(report.function_count >= 2);
        for (uint32_t i = 0; i < report.function_count; i++) {
            sum += report.functions[i].instructions;
            assert_true(i == 0 || report.functions[i].instructions <= report.functions[i - 1].instructions);
        }
        assert_int_equal(sum, report.instructions);
    }
    close_system(&sys);

    make_system(&sys);
    options = options_of(&sys, ELF("counts"));
    assert_int_equal(bt_soc_open(&options, &sys.soc, NULL), BT_OK);
    assert_int_equal(run(&sys, 0).function_count, 0);
    close_system(&sys);
}

static void test_host_seconds(void **state)
{
    (void)state;
    struct system sys;
    make_system(&sys);
    struct bt_soc_options options = options_of(&sys, ELF("errors"));
    options.max_instructions = options.max_cycles = UINT64_MAX / 2;
    options.max_seconds = 0.05;
    assert_int_equal(bt_soc_open(&options, &sys.soc, NULL), BT_OK);
    const struct bt_soc_report report = run(&sys, 15);
    assert_int_equal(report.end, BT_SOC_WATCHDOG);
    assert_non_null(strstr(report.why.text, "watchdog: 0.05 seconds of the host at pc"));
    close_system(&sys);
}

/* ---- errors ---- */

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        enum bt_soc_end end;
    } cases[] = {
        {"illegal write of 4 bytes at 0x00010018 (rom) at pc 0x0001002c <case_write_rom+0x14>; last device accesses: W "
         "interrupt+0x04=0x1",
         BT_SOC_FAULT},
        {"illegal read of 2 bytes at 0x00001006 (unmapped) at pc 0x00010038 <case_read_unmapped+0x4>", BT_SOC_FAULT},
        {"jump to 0x00004000 (unmapped) at pc 0x00010044 <case_jump_unmapped+0x4>", BT_SOC_FAULT},
        {"jump to 0x10000000 (ram) at pc 0x00010050 <case_jump_ram+0x4>", BT_SOC_FAULT},
        {"jump to 0x80000000 (dram) at pc ", BT_SOC_FAULT},
        {"misaligned jump to 0x", BT_SOC_FAULT},
        {"illegal instruction 0x00000000 at pc ", BT_SOC_FAULT},
        {"illegal instruction 0x00007053 at pc ", BT_SOC_FAULT},
        {"ecall without a handler (mtvec is 0) at pc ", BT_SOC_FAULT},
        {"ebreak without a handler (mtvec is 0) at pc ", BT_SOC_FAULT},
        {"stack overflow: write of 4 bytes at 0x100efffc (below the stack) at pc ", BT_SOC_FAULT},
        {"read of an unknown register at 0x20000008 (console+0x08) at pc ", BT_SOC_FAULT},
        {"write of an unknown register at 0x20001000 (timer+0x00) at pc ", BT_SOC_FAULT},
        {"write of 1 byte at 0x20000000 (console+0x00): devices take aligned words only at pc ", BT_SOC_FAULT},
        {"read of 4 bytes at 0x20001002 (timer+0x02): devices take aligned words only at pc ", BT_SOC_FAULT},
        {"watchdog: 3000000 instructions, at most 3000000 at pc 0x", BT_SOC_WATCHDOG},
        {"wfi, but nothing that is enabled can come: mie is 0x0, lines enabled 0x0, none of their accelerators runs at "
         "pc "
         "0x000100ec <case_nothing_comes+0x0>",
         BT_SOC_NEVER_WAKES},
        {"wfi, but nothing that is enabled can come: mie is 0x800, lines enabled 0x1", BT_SOC_NEVER_WAKES},
        {"wfi, but nothing that is enabled can come: mie is 0x800, lines enabled 0x0", BT_SOC_NEVER_WAKES},
        {"watchdog: 20000000 simulated cycles, at most 20000000 at pc ", BT_SOC_WATCHDOG},
        {"watchdog: 20000000 simulated cycles, at most 20000000 at pc ", BT_SOC_WATCHDOG},
        {"accelerator 1: cycle 512, write outside the windows at pc ", BT_SOC_FAULT},
        {"accelerator 0: read of register 0x40: error response at pc ", BT_SOC_FAULT},
        {"illegal read of 4 bytes at 0xa0002000 (accel2+0x00): there is no such accelerator at pc ", BT_SOC_FAULT},
        {"illegal read of 1 byte at 0x80100000 (beyond the end of dram) at pc ", BT_SOC_FAULT},
        {"probe: there is no accelerator 9 at pc ", BT_SOC_FAULT},
        {"accelerator 0: driver allows writes: 2147483647 bytes at 0x7fffffff, but the DRAM has 1048576 at pc ",
         BT_SOC_FAULT},
        {"timer interrupt without a handler (mtvec is 0) at pc ", BT_SOC_FAULT},
        {"jump to 0x00004000 (unmapped) at pc ", BT_SOC_FAULT},
        {"watchdog: 3000000 instructions, at most 3000000 at pc ", BT_SOC_WATCHDOG},
        {"illegal access to memory, by no load or store of RV32I at pc ", BT_SOC_FAULT},
        {"jump to 0xfffffffc (unmapped) at pc ", BT_SOC_FAULT},
        {"watchdog: 3000000 instructions, at most 3000000 at pc ", BT_SOC_WATCHDOG},
    };
    for (uint32_t i = 0; i < COUNT(cases); i++) {
        const struct bt_soc_report report = run_once(ELF("errors"), i);
        if (report.end != cases[i].end || strncmp(report.why.text, cases[i].why, strlen(cases[i].why)) != 0) {
            fail_msg("case %u: end %d, exit code %u: %s", i, report.end, report.exit_code, report.why.text);
        }
    }
}

/* ---- interrupts, accelerators ---- */

static void test_traps(void **state)
{
    (void)state;
    static const uint32_t interrupts[] = {1, 1, 1, 0};
    for (uint32_t i = 0; i < COUNT(interrupts); i++) {
        const struct bt_soc_report report = run_once(ELF("traps"), i);
        if (report.end != BT_SOC_EXITED || report.exit_code != 0) {
            fail_msg("case %u: exit code %u %s", i, report.exit_code, report.why.text);
        }
        assert_int_equal(report.interrupts, interrupts[i]);
    }
}

/* Reading the low word keeps the high one, also when time goes past 2^32 in between. */
static void test_timer_latch(void **state)
{
    (void)state;
    struct system sys;
    make_system(&sys);
    struct bt_soc_options options = options_of(&sys, ELF("traps"));
    options.max_cycles = UINT64_C(1) << 40;
    assert_int_equal(bt_soc_open(&options, &sys.soc, NULL), BT_OK);
    for (uint32_t round = 0; round < 2; round++) { /* the second run has latched nothing yet */
        const struct bt_soc_report report = run(&sys, 4);
        if (report.end != BT_SOC_EXITED || report.exit_code != 0) {
            fail_msg("exit code %u %s", report.exit_code, report.why.text);
        }
        assert_in_range(report.soc_cycles, UINT64_C(7) << 32, (UINT64_C(7) << 32) + 1000);
    }
    close_system(&sys);
}

static void test_overlap(void **state)
{
    (void)state;
    struct system sys;
    open_system(&sys, ELF("accel"));
    const struct bt_soc_report report = run(&sys, 0);
    if (report.end != BT_SOC_EXITED || report.exit_code != 0) {
        fail_msg("exit code %u %s", report.exit_code, report.why.text);
    }
    assert_int_equal(report.span_count, 1);
    const struct bt_soc_span *span = &report.spans[0];
    assert_int_equal(span->accel, 0);
    assert_int_equal(span->start_to_done, 200000);
    assert_int_equal(span->to - span->from, 200000);
    assert_int_equal(report.accel_cycles, 200000);
    /* From the store that starts it to wfi: 40004 instructions at 2.5 cycles, less the 3 that the access took. */
    assert_in_range(report.overlap_cycles, 100006, 100008);
    assert_in_range(report.wait_cycles, 200000 - report.overlap_cycles, 200000 - report.overlap_cycles + 1);
    assert_int_equal(report.soc_cycles, report.cpu_cycles + report.wait_cycles);
    assert_int_equal(report.accel_bytes, 2 * 200000 + 4);

    assert_int_equal(report.mark_count, 2);
    const struct bt_soc_mark *marks = report.marks;
    assert_int_equal(marks[0].value, 7);
    assert_int_equal(marks[1].value, 0x80000007);
    assert_int_equal(marks[0].accel_cycles + marks[0].overlap_cycles + marks[0].wait_cycles + marks[0].accel_bytes, 0);
    assert_int_equal(marks[0].cycle, marks[0].instructions * 100 / 40);
    assert_int_equal(marks[1].accel_cycles, 200000);
    assert_int_equal(marks[1].overlap_cycles, report.overlap_cycles);
    assert_int_equal(marks[1].wait_cycles, report.wait_cycles);
    assert_int_equal(marks[1].accel_bytes, report.accel_bytes);
    assert_in_range(marks[1].cycle, span->to, span->to + 10);
    close_system(&sys);
}

static void test_accelerators(void **state)
{
    (void)state;
    static const struct {
        uint32_t argument, exit_code, spans, interrupts;
        uint64_t busy;  /* cycles with at least one running */
        uint64_t bytes; /* in measured intervals */
    } cases[] = {
        {1, 0, 2, 0, 50000, 0},     {2, 0, 1, 0, 30000, 0},
        {3, 0, 1, 0, 5000, 0},      {4, 0, 2, 2, 30000, 2 * 30000 + 8},
        {5, 0, 1, 1, 1000, 0},      {6, 0, 1, 0, 100, 0},
        {7, RESULT, 1, 0, 3000, 0}, {12, 0, 2, 2, 60015, 0}, /* six instructions between the starts */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct bt_soc_report report = run_once(ELF("accel"), cases[i].argument);
        if (report.end != BT_SOC_EXITED || report.exit_code != cases[i].exit_code) {
            fail_msg("case %u: exit code %u %s", cases[i].argument, report.exit_code, report.why.text);
        }
        assert_int_equal(report.span_count, cases[i].spans);
        assert_int_equal(report.interrupts, cases[i].interrupts);
        assert_int_equal(report.accel_cycles, cases[i].busy);
        assert_int_equal(report.accel_bytes, cases[i].bytes);
        assert_true(report.overlap_cycles <= report.accel_cycles);
        assert_int_equal(report.cpu_cycles, report.instructions * 100 / 40 + report.bus_cycles);
    }
}

/* What the core counted before an interval is not the interval's: neither of the one before, nor of the run before. */
static void test_measured_bytes(void **state)
{
    (void)state;
    struct system sys;
    open_system(&sys, ELF("accel"));
    for (uint32_t round = 0; round < 3; round++) {
        const struct bt_soc_report report = run(&sys, 4);
        assert_int_equal(report.end, BT_SOC_EXITED);
        assert_int_equal(report.exit_code, 0);
        assert_int_equal(report.span_count, 2);
        assert_int_equal(report.spans[0].bytes, 2 * 10000 + 4);
        assert_int_equal(report.spans[1].bytes, 2 * 20000 + 4);
        assert_int_equal(report.accel_bytes, 2 * 30000 + 8);
    }
    close_system(&sys);
}

static void test_idle_is_not_clocked(void **state)
{
    (void)state;
    opened = 0;
    const struct bt_soc_report report = run_once(ELF("accel"), 6);
    assert_true(report.soc_cycles > 5000000);
    /* Its 100, three accesses, and at most 64 before each of them. */
    assert_in_range(clocked[0], 100 + 3 * ACCESS_CYCLES, 100 + 3 * (ACCESS_CYCLES + 64));
    assert_int_equal(clocked[1], 0);
}

/* 100 accesses of 3 cycles by instructions of 2.5. */
static void test_bus(void **state)
{
    (void)state;
    const struct bt_soc_report report = run_once(ELF("accel"), 8);
    assert_int_equal(report.end, BT_SOC_EXITED);
    assert_in_range(report.bus_cycles, 48, 50);
    assert_int_equal(report.cpu_cycles, report.instructions * 100 / 40 + report.bus_cycles);
}

static void test_last_access(void **state)
{
    (void)state;
    const struct bt_soc_report report = run_once(ELF("accel"), 9);
    assert_int_equal(report.end, BT_SOC_FAULT);
    assert_non_null(strstr(report.why.text, "accelerator 0: a rule is broken at pc"));
}

/* ---- runs after each other ---- */

static void check_same(const struct bt_soc_report *a, const struct bt_soc_report *b)
{
    assert_int_equal(a->end, b->end);
    assert_int_equal(a->exit_code, b->exit_code);
    assert_int_equal(a->soc_cycles, b->soc_cycles);
    assert_int_equal(a->instructions, b->instructions);
    assert_int_equal(a->wait_cycles, b->wait_cycles);
    assert_int_equal(a->accel_cycles, b->accel_cycles);
    assert_int_equal(a->overlap_cycles, b->overlap_cycles);
    assert_int_equal(a->accel_bytes, b->accel_bytes);
    assert_int_equal(a->mmio_reads, b->mmio_reads);
    assert_int_equal(a->mmio_writes, b->mmio_writes);
    assert_int_equal(a->interrupts, b->interrupts);
    assert_int_equal(a->span_count, b->span_count);
    assert_int_equal(a->mark_count, b->mark_count);
    assert_string_equal(a->why.text, b->why.text);
}

static void test_deterministic(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 8; i++) {
        const struct bt_soc_report first = run_once(ELF("accel"), i);
        const struct bt_soc_report second = run_once(ELF("accel"), i);
        check_same(&first, &second);
    }
}

/* Nothing of the run before is left in CPU, RAM and devices, whatever way it ended. */
static void test_again(void **state)
{
    (void)state;
    struct system sys;
    open_system(&sys, ELF("traps"));
    const struct bt_soc_report fresh = run(&sys, 3);
    for (uint32_t i = 0; i < 4; i++) {
        (void)run(&sys, i);
        const struct bt_soc_report again = run(&sys, 3);
        check_same(&fresh, &again);
    }
    close_system(&sys);
}

static void test_memories(void **state)
{
    (void)state;
    struct system sys;
    open_system(&sys, ELF("accel"));
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(run(&sys, 10).exit_code, 0);
        assert_int_equal(run(&sys, 11).exit_code, i);
    }
    close_system(&sys);
}

static void test_console(void **state)
{
    (void)state;
    struct system sys;
    open_system(&sys, ELF("counts"));
    const struct bt_soc_report report = run(&sys, 5);
    assert_int_equal(strlen(report.console), 5);
    assert_int_equal(report.mmio_writes, 6);
    assert_int_equal(report.mmio_reads, 0);
    close_system(&sys);
}

/* ---- files that are no program ---- */

static void spoil(const char *from, const char *to, long at, const void *bytes, size_t count, long cut)
{
    static char content[1 << 20];
    FILE *file = fopen(from, "rb");
    assert_non_null(file);
    size_t length = fread(content, 1, sizeof(content), file);
    assert_int_equal(fclose(file), 0);
    memcpy(content + at, bytes, count);
    length = cut != 0 ? (size_t)cut : length;
    file = fopen(to, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void test_elf(void **state)
{
    (void)state;
    /* Offsets into the headers of a 32-bit ELF whose program headers follow at 52. */
    static const struct {
        long at;
        const char *bytes;
        size_t count;
        long cut;
        const char *why;
    } cases[] = {
        {0, "nothing", 7, 0, ": not an ELF file: expected a 32-bit"},
        {18, "\x3e\x00", 2, 0, ": for another machine: expected"},
        {4, "\x02", 1, 0, ": 64-bit: expected"},
        {5, "\x02", 1, 0, ": "},
        {16, "\x03\x00", 2, 0, ": not linked to fixed addresses: expected"},
        {36, "\x01\x00\x00\x00", 4, 0, ": has compressed instructions: expected"},
        {36, "\x02\x00\x00\x00", 4, 0, ": for another ABI (float or RVE): expected"},
        {24, "\x00\x00\x00\x20", 4, 0, ": entry point 0x20000000: expected an instruction in rom"},
        {24, "\x02\x00\x01\x00", 4, 0, ": entry point 0x00010002: expected an instruction in rom"},
        {0, "", 0, 30, ": not an ELF file: expected a 32-bit"},
        {0, "", 0, 200, ": cut off: 200 bytes, expected at least"},
    };
    char path[] = "build/test_soc.XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    struct system sys;
    make_system(&sys);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bt_error err = {""};
        spoil(ELF("counts"), path, cases[i].at, cases[i].bytes, cases[i].count, cases[i].cut);
        const struct bt_soc_options options = options_of(&sys, path);
        const enum bt_status status = bt_soc_open(&options, &sys.soc, &err);
        if (status != BT_EINPUT || strncmp(err.text, path, strlen(path)) != 0 ||
            strstr(err.text, cases[i].why) == NULL) {
            fail_msg("case %zu: status %d: %s", i, status, err.text);
        }
    }
    /* The test itself, which is for the host. */
    struct bt_error err = {""};
    struct bt_soc_options options = options_of(&sys, "/proc/self/exe");
    assert_int_equal(bt_soc_open(&options, &sys.soc, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, "for another machine"));
    options.elf = ELF("counter");
    assert_int_equal(bt_soc_open(&options, &sys.soc, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, "reads the counter CSR 0xc00 at 0x00010000"));
    options.elf = ELF("none");
    assert_int_equal(bt_soc_open(&options, &sys.soc, &err), BT_EIO);
    /* A pipe that nobody writes must not make it wait. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    const char *const irregular[] = {path, "build", "/dev/null"};
    for (size_t i = 0; i < COUNT(irregular); i++) {
        options.elf = irregular[i];
        assert_int_equal(bt_soc_open(&options, &sys.soc, &err), BT_EINPUT);
        assert_non_null(strstr(err.text, ": not a regular file: expected a 32-bit"));
    }
    assert_int_equal(unlink(path), 0);
    sys.soc = NULL;
    close_system(&sys);
}

static void test_options(void **state)
{
    (void)state;
    struct system sys;
    struct bt_error err = {""};
    make_system(&sys);
    struct bt_soc_options options = options_of(&sys, ELF("counts"));
    options.dram_bytes = (uint64_t)sys.map.dram.bytes + 4096;
    assert_int_equal(bt_soc_open(&options, &sys.soc, &err), BT_EINPUT);
    assert_non_null(
        strstr(err.text, "DRAM of 536875008 bytes: expected whole pages, at most the 536870912 of suites/"));
    options.dram_bytes = 4097;
    assert_int_equal(bt_soc_open(&options, &sys.soc, &err), BT_EINPUT);
    options.dram_bytes = DRAM_BYTES;
    options.max_seconds = 0;
    assert_int_equal(bt_soc_open(&options, &sys.soc, &err), BT_EINVAL);
    options.max_seconds = 1;
    /* A map whose memories are too small for the program. */
    sys.map.rom.bytes = 4096;
    assert_int_equal(bt_soc_open(&options, &sys.soc, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, "expected it inside rom, ram or dram of suites/soc.yaml"));
    options = options_of(&sys, ELF("rv32im_memory"));
    sys.map.stack_bytes = sys.map.ram.bytes - 4096;
    assert_int_equal(bt_soc_open(&options, &sys.soc, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, "reaches into the stack"));
    sys.soc = NULL;
    close_system(&sys);
}

/* ---- maps ---- */

#define HEAD "cpu_mips: 40\nclock_mhz: 100\nquantum_instructions: 10\n"
#define MEMORY "rom: {base: 0x1000, bytes: 0x1000}\nram: {base: 0x10000, bytes: 0x8000}\nstack_bytes: 0x1000\n"
#define DRAM "dram: {base: 0x80000000, bytes: 0x10000}\n"
#define DEVICES "console: 0x2000\ntimer: 0x3000\ninterrupt: 0x4000\nexit: 0x5000\nprobe: 0x6000\n"

static void test_maps(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {HEAD MEMORY DRAM DEVICES "accelerators: []\n", NULL},
        {HEAD MEMORY DRAM DEVICES "accelerators: [{base: 40960, bytes: 4096}]\n", NULL},
        {HEAD MEMORY DRAM DEVICES, "map.yaml:1: document: missing key 'accelerators'"},
        {HEAD MEMORY DRAM DEVICES "accelerators: []\nuart: 1\n", "map.yaml:14: unknown key 'uart'"},
        {HEAD MEMORY DRAM DEVICES
         "accelerators:\n  - {base: 0xA000, bytes: 0x1000}\n  - {base: 0xA000, bytes: 0x1000}\n",
         "map.yaml:15: accelerator 1 at 0x0000a000 overlaps accelerator 0 at 0x0000a000 (map.yaml:14): expected"},
        {HEAD MEMORY DRAM DEVICES "accelerators:\n  - {base: 0x8000F000, bytes: 0x1000}\n",
         "map.yaml:14: accelerator 0 at 0x8000f000 overlaps dram at 0x80000000 (map.yaml:7): expected"},
        {HEAD MEMORY DRAM DEVICES "accelerators: [{base: 0xA004, bytes: 0x1000}]\n",
         "map.yaml:13: accelerator 0: base: '0xA004': expected a multiple of 4096"},
        {HEAD MEMORY DRAM DEVICES "accelerators: [{base: 0xA000, bytes: 0}]\n",
         "map.yaml:13: accelerator 0: 0x0 bytes at 0x0000a000: expected at least a page"},
        {HEAD MEMORY DRAM DEVICES "accelerators: [{base: 0xfffff000, bytes: 0x1000}]\n",
         "map.yaml:13: accelerator 0: 0x1000 bytes at 0xfffff000: expected at least a page, below 0xfffff000"},
        {HEAD MEMORY DRAM DEVICES "accelerators: [{base: 0x1g000, bytes: 0x1000}]\n",
         "map.yaml:13: accelerator 0: base: '0x1g000': expected a multiple"},
        {"cpu_mips: 0\nclock_mhz: 100\nquantum_instructions: 10\n" MEMORY DRAM DEVICES "accelerators: []\n",
         "map.yaml:1: cpu_mips: 0: expected 1 to 10000"},
        {HEAD
         "rom: {base: 0x1000, bytes: 0x1000}\nram: {base: 0x10000, bytes: 0x8000}\nstack_bytes: 0x7000\n" DRAM DEVICES
         "accelerators: []\n",
         "map.yaml:6: stack_bytes: 0x7000: expected at least a page, and two of ram's 0x8000 bytes left"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bt_soc_map map;
        struct bt_error err = {""};
        const enum bt_status status = bt_soc_map_parse("map.yaml", cases[i].text, strlen(cases[i].text), &map, &err);
        const char *why = cases[i].why;
        if (status != (why == NULL ? BT_OK : BT_EINPUT) || (why != NULL && strncmp(err.text, why, strlen(why)) != 0)) {
            fail_msg("case %zu: status %d: %s", i, status, err.text);
        }
    }
}

static void test_shipped_map(void **state)
{
    (void)state;
    struct system sys;
    make_system(&sys);
    const struct bt_soc_map *map = &sys.map;
    /* The test programs, and documents, name these. */
    assert_int_equal(map->cpu_mips, 40);
    assert_int_equal(map->clock_mhz, 100);
    assert_int_equal(map->rom.base, 0x10000);
    assert_int_equal(map->ram.base, 0x10000000);
    assert_int_equal(map->console, 0x20000000);
    assert_int_equal(map->probe, 0x20004000);
    assert_int_equal(map->accel_count, 4);
    assert_int_equal(map->accel[0].base, 0xA0000000);
    close_system(&sys);
}

int main(void)
{
    (void)alarm(120); /* a program that does not end is a failure, not a wait */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rv32im),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_profile),
        cmocka_unit_test(test_host_seconds),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_traps),
        cmocka_unit_test(test_timer_latch),
        cmocka_unit_test(test_measured_bytes),
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_accelerators),
        cmocka_unit_test(test_idle_is_not_clocked),
        cmocka_unit_test(test_bus),
        cmocka_unit_test(test_last_access),
        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_memories),
        cmocka_unit_test(test_console),
        cmocka_unit_test(test_elf),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_maps),
        cmocka_unit_test(test_shipped_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
