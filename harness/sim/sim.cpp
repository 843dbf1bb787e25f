// A simulated core behind the C ABI of harness/sim.h: the Verilated design, its bus-functional models, the DRAM and the
// loop over clock cycles. bt_glue.h is written by bittrue-glue from the core's description; it includes bfm.h, binds
// the pins and names the types ctl_bus and mem_ports.

#include <cstdlib>
#include <new>
#include <sys/mman.h>

#include "Vcore.h"
#include "verilated.h"
#if VM_COVERAGE
#include "verilated_cov.h"
#include <cstdio>
#include <unistd.h>
#endif
#if VM_TRACE
#include "verilated_fst_c.h"
#endif

#include "bt_glue.h"
#include "harness/sim/edge.h"

static const uint64_t BUS_TIMEOUT_CYCLES = 10000; /* one control transfer */

struct bt_sim {
    VerilatedContext context;
    Vcore *top = nullptr;
    bt_world world;
    ctl_bus ctl;
    mem_ports mem;
    bool own_dram = false;
    bool armed = true;    // the next start begins the measured interval
    bool started = false; // it has begun
    uint64_t start_edge = 0;
    bool done_before = false; // level of done at the previous edge
    bool done_now = false;
    bool event = false; // an event that run() has not reported yet
    bool start_pin_before = false;
#if VM_TRACE
    VerilatedFstC *wave = nullptr;
    uint64_t wave_from = 0, wave_to = ~uint64_t(0);
#endif
};

#if VM_TRACE
static bool tracing(const bt_sim *s)
{
    return s->wave != nullptr && s->world.stats.cycles >= s->wave_from && s->world.stats.cycles <= s->wave_to;
}
#endif

// Traces need what Vcore::eval() does besides: bookkeeping of 5 ns per call that a build without them does not.
static inline void settle(Vcore *t)
{
#if VM_TRACE
    t->eval();
#else
    bt_low(t);
#endif
}

static inline void rise(Vcore *t)
{
#if VM_TRACE
    t->eval();
#else
    bt_edge(t);
#endif
}

static void on_start(bt_sim *s, uint64_t edge)
{
    s->mem.kick(edge, true);
    s->world.stats.running = true;
    if (!s->armed)
        return;
    s->armed = false;
    s->started = true;
    s->start_edge = edge;
}

// The last rise counts: a core may ask for service several times before it is through.
static void on_done(bt_sim *s, uint64_t edge)
{
    if (s->started)
        s->world.stats.start_to_done = edge - s->start_edge;
    s->world.stats.running = false;
    s->event = true;
}

static void sim_arm(bt_sim *s)
{
    const bt_sim_stats before = s->world.stats;
    s->world.stats = {};
    s->world.stats.cycles = before.cycles;
    s->world.stats.violations = before.violations;
    s->world.stats.running = before.running;
    s->armed = true;
    s->started = false;
}

// One clock cycle: settle, look, rising edge, drive.
static inline __attribute__((always_inline)) void step(bt_sim *s)
{
    Vcore *const t = s->top;
    const uint64_t edge = s->world.edge;

    bt_clock(t, 0);
    settle(t);
#if VM_TRACE
    if (tracing(s))
        s->wave->dump(edge * 10);
#endif

    if (BT_START_KIND == BT_START_PIN) {
        const bool now = bt_start_pin(t);
        if (now && !s->start_pin_before)
            on_start(s, edge);
        s->start_pin_before = now;
    }
    const bool ctl_busy = s->ctl.x.busy;
    if (ctl_busy) {
        const bool accepted = s->ctl.x.accepted;
        s->ctl.sample(t, edge);
        if (BT_START_KIND == BT_START_REG && s->ctl.x.accepted && !accepted && s->ctl.x.offset == BT_START_OFFSET &&
            (s->ctl.x.value & BT_START_MASK) != 0) {
            on_start(s, edge);
        }
    }
    s->mem.sample(t, edge);
    if (BT_DONE_KIND == BT_DONE_IRQ || BT_DONE_KIND == BT_DONE_PULSE) {
        s->done_now = bt_done_pin(t);
        if (__builtin_expect(s->done_now && !s->done_before, 0))
            on_done(s, edge);
        s->done_before = s->done_now;
    } else if (BT_DONE_KIND == BT_DONE_COUNT) {
        if (s->mem.finished())
            on_done(s, edge);
    }

    bt_clock(t, 1);
    rise(t);
    if (ctl_busy)
        s->ctl.drive(t);
    s->mem.drive(t);
#if VM_TRACE
    if (s->wave != nullptr) {
        settle(t); // so that the wave shows inputs changing at the edge
        if (tracing(s))
            s->wave->dump(edge * 10 + 5);
    }
#endif
    s->world.edge = edge + 1;
    s->world.stats.cycles++;
}

static void sim_reset(bt_sim *s)
{
    Vcore *const t = s->top;
    s->world.windows.clear();
    s->world.hot = {0, 0};
    s->world.stats = {};
    s->world.error[0] = '\0';
    s->armed = true;
    s->started = s->done_before = s->done_now = s->event = s->start_pin_before = false;
    bt_pins_reset(t);
    s->ctl.reset(t);
    s->mem.reset();
    s->mem.drive(t);
    bt_reset(t, true);
    for (unsigned i = 0; i < BT_RESET_CYCLES; i++) {
        bt_clock(t, 0);
        t->eval();
#if VM_TRACE
        if (tracing(s))
            s->wave->dump(s->world.edge * 10);
#endif
        if (i + 1 == BT_RESET_CYCLES)
            s->mem.check_reset(t);
        bt_clock(t, 1);
        t->eval();
#if VM_TRACE
        if (tracing(s))
            s->wave->dump(s->world.edge * 10 + 5);
#endif
        s->world.edge++;
    }
    bt_reset(t, false);
    t->eval(); // the reset's end is seen now, so that its next beginning is one
}

#if VM_COVERAGE
// What this simulation reached, in a file of its own in the folder $BITTRUE_COVERAGE: other processes run at the same time,
// and one that is killed must leave no half of a file under a name that is read.
static void save_coverage(bt_sim *s)
{
    const char *dir = getenv("BITTRUE_COVERAGE");
    if (dir == nullptr)
        return;
    char path[4096], done[4096];
    snprintf(path, sizeof path, "%s/XXXXXX", dir);
    const int file = mkstemp(path);
    if (file < 0) {
        fprintf(stderr, "coverage: no file can be made in %s\n", dir);
        abort(); // what was reached would count as missed
    }
    close(file);
    s->context.coveragep()->write(path); // ends the process where it fails
    snprintf(done, sizeof done, "%.4000s.dat", path);
    if (rename(path, done) != 0)
        abort();
}
#endif

static void sim_close(bt_sim *s)
{
    if (s == nullptr)
        return;
#if VM_TRACE
    if (s->wave != nullptr)
        s->wave->close();
    delete s->wave;
#endif
#if VM_COVERAGE
    Verilated::threadContextp(&s->context); // where the model's end looks; it would be the one that was opened last
    if (s->top != nullptr)
        save_coverage(s);
#endif
    if (s->top != nullptr)
        s->top->final();
    delete s->top;
    if (s->own_dram)
        munmap(s->world.dram, s->world.dram_bytes);
    delete s;
}

static bt_sim *sim_open(const struct bt_config *config, uint8_t *dram, const char *wave)
{
    const struct bt_memory *const mem = &config->mem;
#if !VM_TRACE
    if (wave != nullptr)
        return nullptr;
#endif
    if (mem->outstanding < 1 || mem->outstanding > BT_MAX_OUTSTANDING || mem->dram_bytes == 0 ||
        mem->stall_percent > 95)
        return nullptr;
    bt_sim *s = new (std::nothrow) bt_sim;
    if (s == nullptr)
        return nullptr;
    if (dram == nullptr) {
        // Pages that nobody touches cost nothing, and are zero.
        void *own =
            mmap(nullptr, mem->dram_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (own == MAP_FAILED) {
            delete s;
            return nullptr;
        }
        dram = static_cast<uint8_t *>(own);
        s->own_dram = true;
    }
    s->world.dram = dram;
    s->world.dram_bytes = mem->dram_bytes;
    s->world.mem = *mem;
    s->top = new (std::nothrow) Vcore(&s->context);
    if (s->top == nullptr) {
        sim_close(s);
        return nullptr;
    }
    s->mem.init(&s->world);
#if VM_TRACE
    if (wave != nullptr) {
        s->context.traceEverOn(true);
        s->wave = new VerilatedFstC;
        s->top->trace(s->wave, 99);
        s->wave->open(wave);
        if (!s->wave->isOpen()) {
            sim_close(s);
            return nullptr;
        }
    }
#endif
    sim_reset(s);
    return s;
}

static bool transfer(bt_sim *s, bool write, uint32_t offset, uint32_t value)
{
    if ((uint64_t(offset) >> BT_CTL_ADDR_BITS) != 0) {
        s->world.violation("control", "register 0x%x is beyond the bus's %u address bits", offset, BT_CTL_ADDR_BITS);
        return false;
    }
    s->ctl.begin(s->top, write, offset, value);
    for (uint64_t i = 0; s->ctl.x.busy && i < BUS_TIMEOUT_CYCLES; i++)
        step(s);
    if (s->ctl.x.busy) {
        s->world.violation("control", "%s of register 0x%x not answered in %llu cycles", write ? "write" : "read",
                           offset, (unsigned long long)BUS_TIMEOUT_CYCLES);
        s->ctl.reset(s->top);
        return false;
    }
    return !s->ctl.x.failed;
}

static bool sim_reg_write(bt_sim *s, uint32_t offset, uint32_t value)
{
    return transfer(s, true, offset, value);
}

static bool sim_reg_read(bt_sim *s, uint32_t offset, uint32_t *value)
{
    if (!transfer(s, false, offset, 0))
        return false;
    *value = s->ctl.x.value;
    return true;
}

static void sim_pin_set(bt_sim *s, unsigned pin, uint64_t value)
{
    if (!bt_pin_set(s->top, pin, value))
        s->world.violation("pins", "pin %u is not an input of the core", pin);
}

static uint64_t sim_pin_get(bt_sim *s, unsigned pin)
{
    uint64_t value = 0;
    s->top->eval(); // inputs may have changed since the edge
    if (!bt_pin_get(s->top, pin, &value))
        s->world.violation("pins", "the core has no pin %u", pin);
    return value;
}

static uint8_t *sim_dram(bt_sim *s)
{
    return s->world.dram;
}

static void sim_allow_write(bt_sim *s, uint64_t addr, uint64_t bytes)
{
    if (!s->world.inside(addr, bytes)) {
        s->world.violation("windows", "window of %llu bytes at 0x%llx is outside the DRAM", (unsigned long long)bytes,
                           (unsigned long long)addr);
        return;
    }
    // Kept sorted and merged, so that a beat never straddles two windows that touch.
    bt_world::window w = {addr, addr + bytes};
    std::vector<bt_world::window> merged;
    bool placed = false;
    for (const bt_world::window &o : s->world.windows) {
        if (o.hi < w.lo) {
            merged.push_back(o);
        } else if (o.lo > w.hi) {
            if (!placed)
                merged.push_back(w);
            placed = true;
            merged.push_back(o);
        } else {
            w.lo = o.lo < w.lo ? o.lo : w.lo;
            w.hi = o.hi > w.hi ? o.hi : w.hi;
        }
    }
    if (!placed)
        merged.push_back(w);
    s->world.windows = merged;
}

static void sim_clear_windows(bt_sim *s)
{
    s->world.windows.clear();
    s->world.hot = {0, 0};
}

static enum bt_event sim_run(bt_sim *s, uint64_t max_cycles)
{
    const uint64_t end = s->world.stats.cycles + max_cycles;
    s->mem.kick(s->world.edge - 1, false); // as if at the edge before
    while (s->world.stats.violations == 0) {
        if (BT_DONE_KIND != BT_DONE_IRQ && s->event) {
            s->event = false;
            return BT_DONE_KIND == BT_DONE_PULSE ? BT_EVENT_PULSE : BT_EVENT_DONE;
        }
        if (s->world.stats.cycles >= end)
            return BT_EVENT_BUDGET;
        if (BT_DONE_KIND == BT_DONE_POLL) {
            uint32_t value = 0;
            if (!sim_reg_read(s, BT_POLL_OFFSET, &value)) {
                s->world.violation("control", "read of the polled register 0x%x failed", BT_POLL_OFFSET);
            } else if ((value & BT_POLL_MASK) == BT_POLL_VALUE) {
                on_done(s, s->ctl.x.done_edge);
            }
            continue;
        }
        step(s);
        if (BT_DONE_KIND == BT_DONE_IRQ && s->done_now && s->world.stats.violations == 0)
            return BT_EVENT_IRQ;
    }
    return BT_EVENT_FAILED;
}

static void sim_advance(bt_sim *s, uint64_t cycles)
{
    for (uint64_t i = 0; i < cycles; i++)
        step(s);
}

static void sim_stats(const bt_sim *s, struct bt_sim_stats *stats)
{
    *stats = s->world.stats;
    stats->done = BT_DONE_KIND == BT_DONE_IRQ && s->done_now;
}

static const char *sim_error(const bt_sim *s)
{
    return s->world.error;
}

static void sim_wave_window(bt_sim *s, uint64_t from_cycle, uint64_t to_cycle)
{
#if VM_TRACE
    s->wave_from = from_cycle;
    s->wave_to = to_cycle;
#else
    (void)s;
    (void)from_cycle;
    (void)to_cycle;
#endif
}

extern "C" __attribute__((visibility("default"))) const struct bt_sim_api *bt_sim_entry(void)
{
    static const struct bt_sim_api api = {
        .abi = BT_SIM_ABI,
        .top = BT_TOP_NAME,
        .open = sim_open,
        .close = sim_close,
        .reset = sim_reset,
        .reg_write = sim_reg_write,
        .reg_read = sim_reg_read,
        .pin_set = sim_pin_set,
        .pin_get = sim_pin_get,
        .dram = sim_dram,
        .allow_write = sim_allow_write,
        .clear_windows = sim_clear_windows,
        .arm = sim_arm,
        .run = sim_run,
        .advance = sim_advance,
        .stats = sim_stats,
        .error = sim_error,
        .wave_window = sim_wave_window,
    };
    return &api;
}
