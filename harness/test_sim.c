/*
 * Simulated cores: the bus-functional models against the rules that harness/CONTRACT.md states, one clock edge at a
 * time (the core `probe` is wired to pins, so that this file plays it), and the second core through its driver.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/hal_sim.h"
#include "harness/tests/gemv/gemv.h"
#include "reference/ops/conv2d_s8.h"

#define DRAM_BYTES 65536
#define BEAT 16

static const char *build_folder(void)
{
    const char *folder = getenv("BITTRUE_BUILD");
    return folder != NULL ? folder : "build";
}

static void core_path(char *path, size_t bytes, const char *core)
{
    snprintf(path, bytes, "%s/rtl/%s.so", build_folder(), core);
}

static struct bt_hal *open_core(const char *core, const struct bt_memory *mem)
{
    char path[512];
    struct bt_error err = {""};
    struct bt_hal *hal = NULL;
    core_path(path, sizeof path, core);
    if (access(path, R_OK) != 0) {
        print_message("SKIP: %s is not built (make rtl)\n", path);
        skip();
    }
    if (bt_hal_sim_open(path, mem, NULL, NULL, &hal, &err) != BT_OK)
        fail_msg("%s", err.text);
    return hal;
}

static struct bt_memory memory(uint32_t latency, uint32_t bytes_per_cycle, uint32_t outstanding)
{
    return (struct bt_memory){.latency_cycles = latency,
                              .bytes_per_cycle = bytes_per_cycle,
                              .outstanding = outstanding,
                              .dram_bytes = DRAM_BYTES};
}

static void expect_healthy(const struct bt_hal *hal)
{
    const char *reason = bt_hal_sim_failed(hal);
    if (reason != NULL)
        fail_msg("unexpected: %s", reason);
}

/* Index of the next rising edge. Time stands still after a failure, so that a loop over edges must not go on. */
static uint64_t now(const struct bt_hal *hal)
{
    struct bt_sim_stats stats;
    expect_healthy(hal);
    bt_hal_sim_stats(hal, &stats);
    return stats.cycles;
}

static void expect_failure(struct bt_hal *hal, const char *expected)
{
    assert_int_equal(bt_hal_run(hal, 1), BT_EVENT_FAILED);
    const char *reason = bt_hal_sim_failed(hal);
    assert_non_null(reason);
    if (strstr(reason, expected) == NULL)
        fail_msg("expected a failure with '%s', got '%s'", expected, reason);
}

static uint64_t max2(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint8_t pattern(uint64_t addr)
{
    return (uint8_t)(addr * 37 + (addr >> 8) * 11 + 5);
}

static void fill_store(struct bt_hal *hal, uint64_t bytes)
{
    for (uint64_t at = 0; at < bytes; at++) {
        const uint8_t value = pattern(at);
        bt_hal_mem_write(hal, at, &value, 1);
    }
}

/* ---- probe: pins in the order of harness/tests/probe/probe.yaml ---- */

enum {
    AR,
    ARVALID,
    ARREADY,
    RREADY,
    RVALID,
    R,
    RDATA_LO,
    RDATA_HI,
    AW,
    AWVALID,
    AWREADY,
    WDATA_LO,
    WDATA_HI,
    W,
    WVALID,
    WREADY,
    BREADY,
    BVALID,
    B,
    HANG,
    ERROR,
    IRQ,
    RUDE,
};

static uint64_t request(uint64_t addr, unsigned beats, unsigned id)
{
    return addr | (uint64_t)(beats - 1) << 32 | UINT64_C(4) << 40 | UINT64_C(1) << 43 | (uint64_t)id << 45;
}

static bool is_high(struct bt_hal *hal, unsigned pin)
{
    return bt_hal_pin_get(hal, pin) != 0;
}

#define MAX_BURSTS 24
#define MAX_BEATS (MAX_BURSTS * 16)

/* One row: memory, and how the core behaves. Edges are measured and compared with the recurrence in CONTRACT.md. */
struct traffic {
    uint32_t latency, bytes_per_cycle, outstanding;
    unsigned bursts, first_beats, more_beats; /* burst i has first_beats + (i * more_beats) % 16 beats, at most 16 */
    unsigned gap;                             /* edges the core waits after an address before it shows the next */
    unsigned slow;                            /* 0: always ready; n: ready at every edge whose index n + 1 divides */
    unsigned data_delay;                      /* writes: edges from the start to the first data beat */
    unsigned addr_delay;                      /* writes: edges from the start to the first address */
};

static const struct traffic TRAFFIC[] = {
    {1, 16, 1, 6, 1, 0, 0, 0, 0, 0},    {1, 16, 4, 6, 4, 3, 0, 0, 0, 0},   {5, 16, 1, 6, 4, 0, 0, 0, 0, 0},
    {20, 16, 2, 8, 4, 0, 0, 0, 0, 0},   {20, 16, 8, 16, 8, 5, 0, 0, 0, 0}, {20, 8, 8, 12, 8, 5, 0, 0, 0, 0},
    {3, 4, 4, 12, 16, 0, 0, 0, 0, 0},   {3, 5, 4, 12, 3, 7, 0, 0, 0, 0},   {7, 1, 3, 6, 2, 1, 0, 0, 0, 0},
    {7, 16, 3, 12, 4, 1, 9, 0, 0, 0},   {7, 16, 3, 12, 4, 1, 0, 2, 0, 0},  {7, 8, 3, 12, 4, 1, 3, 3, 0, 0},
    {50, 16, 64, 24, 1, 0, 0, 0, 0, 0}, {0, 16, 2, 6, 4, 0, 0, 0, 0, 0},   {9, 16, 2, 6, 4, 0, 0, 0, 11, 0},
    {9, 16, 2, 6, 4, 0, 0, 0, 0, 13},   {9, 4, 2, 6, 4, 0, 2, 1, 5, 0},    {4, 64, 2, 6, 4, 0, 2, 0, 0, 40},
};

static unsigned beats_of(const struct traffic *t, unsigned burst)
{
    const unsigned beats = t->first_beats + (burst * t->more_beats) % 16;
    return beats > 16 ? 16 : beats;
}

static bool ready_at(const struct traffic *t, uint64_t edge)
{
    return t->slow == 0 || edge % (t->slow + 1) == 0;
}

struct edges {
    uint64_t addr[MAX_BURSTS], beat[MAX_BEATS], answer[MAX_BURSTS];
};

/* Plays a core that reads; checks data, ids, last and response on the way. */
static void play_reads(struct bt_hal *hal, const struct traffic *t, uint64_t begin, struct edges *seen)
{
    unsigned shown = 0, taken = 0, beat = 0, in_burst = 0;
    uint64_t show_from = begin;

    while (taken < t->bursts) {
        const uint64_t edge = now(hal);
        assert_true(edge < begin + 20000);
        const bool show = shown < t->bursts && edge >= show_from;
        bt_hal_pin_set(hal, ARVALID, show);
        bt_hal_pin_set(hal, AR, request((uint64_t)shown * 256, beats_of(t, shown < t->bursts ? shown : 0), shown % 16));
        const bool ready = ready_at(t, edge);
        bt_hal_pin_set(hal, RREADY, ready);
        if (show && is_high(hal, ARREADY)) {
            seen->addr[shown++] = edge;
            show_from = edge + 1 + t->gap;
        }
        if (ready && is_high(hal, RVALID)) {
            const unsigned beats = beats_of(t, taken);
            uint64_t data[2] = {bt_hal_pin_get(hal, RDATA_LO), bt_hal_pin_get(hal, RDATA_HI)};
            for (unsigned i = 0; i < BEAT; i++)
                assert_int_equal(((uint8_t *)data)[i], pattern((uint64_t)taken * 256 + (uint64_t)in_burst * BEAT + i));
            assert_int_equal(bt_hal_pin_get(hal, R), (taken % 16) << 1 | (in_burst + 1 == beats));
            seen->beat[beat++] = edge;
            if (++in_burst == beats) {
                in_burst = 0;
                taken++;
            }
        }
        assert_int_equal(bt_hal_run(hal, 1), BT_EVENT_BUDGET);
    }
    bt_hal_pin_set(hal, ARVALID, 0);
}

/* The recurrence of CONTRACT.md, "Memory". */
static void predict_reads(const struct traffic *t, uint64_t begin, struct edges *want)
{
    const uint64_t latency = max2(t->latency, 1);
    const uint64_t interval = (BEAT + t->bytes_per_cycle - 1) / t->bytes_per_cycle;
    uint64_t last[MAX_BURSTS];
    unsigned beat = 0;

    for (unsigned i = 0; i < t->bursts; i++) {
        want->addr[i] = i == 0 ? begin : want->addr[i - 1] + 1 + t->gap;
        if (i >= t->outstanding)
            want->addr[i] = max2(want->addr[i], last[i - t->outstanding] + 1);
        for (unsigned k = 0; k < beats_of(t, i); k++, beat++) {
            uint64_t edge = beat == 0 ? 0 : want->beat[beat - 1] + interval;
            if (k == 0)
                edge = max2(edge, want->addr[i] + latency);
            while (!ready_at(t, edge))
                edge++;
            want->beat[beat] = edge;
        }
        last[i] = want->beat[beat - 1];
    }
}

static void expect_edges(const char *what, size_t row, const uint64_t *seen, const uint64_t *want, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (seen[i] != want[i])
            fail_msg("row %zu, %s %u: edge %llu, expected %llu", row, what, i, (unsigned long long)seen[i],
                     (unsigned long long)want[i]);
}

static unsigned total_beats(const struct traffic *t)
{
    unsigned total = 0;
    for (unsigned i = 0; i < t->bursts; i++)
        total += beats_of(t, i);
    return total;
}

static void test_reads_follow_the_recurrence(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof TRAFFIC / sizeof TRAFFIC[0]; row++) {
        const struct traffic *t = &TRAFFIC[row];
        const struct bt_memory mem = memory(t->latency, t->bytes_per_cycle, t->outstanding);
        struct bt_hal *hal = open_core("probe-test", &mem);
        struct edges seen = {0};
        struct edges want = {0};
        struct bt_sim_stats stats;

        fill_store(hal, 256 * MAX_BURSTS);
        bt_hal_sim_advance(hal, 3);
        const uint64_t begin = now(hal);
        play_reads(hal, t, begin, &seen);
        predict_reads(t, begin, &want);
        expect_edges("address", row, seen.addr, want.addr, t->bursts);
        expect_edges("beat", row, seen.beat, want.beat, total_beats(t));
        bt_hal_sim_stats(hal, &stats);
        assert_int_equal(stats.read_bytes, total_beats(t) * BEAT);
        assert_int_equal(stats.read_bursts, t->bursts);
        assert_int_equal(stats.write_bytes, 0);
        expect_healthy(hal);
        bt_hal_sim_close(hal);
    }
}

/* Plays a core that writes; every beat has its own data, the strobes of a burst's first beat leave out its first byte. */
static void play_writes(struct bt_hal *hal, const struct traffic *t, uint64_t begin, struct edges *seen)
{
    unsigned shown = 0, burst = 0, in_burst = 0, beat = 0, answered = 0;
    uint64_t show_from = begin + t->addr_delay;

    while (answered < t->bursts) {
        const uint64_t edge = now(hal);
        assert_true(edge < begin + 20000);
        const bool show = shown < t->bursts && edge >= show_from;
        const bool data = burst < t->bursts && edge >= begin + t->data_delay;
        const bool ready = ready_at(t, edge);
        const uint64_t at = (uint64_t)burst * 256 + (uint64_t)in_burst * BEAT;
        uint8_t bytes[BEAT];
        uint64_t halves[2];
        bt_hal_pin_set(hal, AWVALID, show);
        bt_hal_pin_set(hal, AW, request((uint64_t)shown * 256, beats_of(t, shown < t->bursts ? shown : 0), shown % 16));
        for (unsigned i = 0; i < BEAT; i++)
            bytes[i] = pattern(at + i);
        memcpy(halves, bytes, sizeof halves);
        bt_hal_pin_set(hal, WDATA_LO, halves[0]);
        bt_hal_pin_set(hal, WDATA_HI, halves[1]);
        bt_hal_pin_set(hal, W,
                       (in_burst == 0 ? 0xfffe : 0xffff) | (uint64_t)(in_burst + 1 == beats_of(t, burst)) << 16);
        bt_hal_pin_set(hal, WVALID, data);
        bt_hal_pin_set(hal, BREADY, ready);
        if (show && is_high(hal, AWREADY)) {
            seen->addr[shown++] = edge;
            show_from = edge + 1 + t->gap;
        }
        if (data && is_high(hal, WREADY)) {
            seen->beat[beat++] = edge;
            if (++in_burst == beats_of(t, burst)) {
                in_burst = 0;
                burst++;
            }
        }
        if (ready && is_high(hal, BVALID)) {
            assert_int_equal(bt_hal_pin_get(hal, B), answered % 16);
            seen->answer[answered++] = edge;
        }
        assert_int_equal(bt_hal_run(hal, 1), BT_EVENT_BUDGET);
    }
}

static void predict_writes(const struct traffic *t, uint64_t begin, struct edges *want)
{
    const uint64_t latency = max2(t->latency, 1);
    const uint64_t interval = (BEAT + t->bytes_per_cycle - 1) / t->bytes_per_cycle;
    unsigned beat = 0;

    for (unsigned i = 0; i < t->bursts; i++) {
        want->addr[i] = i == 0 ? begin + t->addr_delay : want->addr[i - 1] + 1 + t->gap;
        for (unsigned k = 0; k < beats_of(t, i); k++, beat++)
            want->beat[beat] = beat == 0 ? begin + t->data_delay : want->beat[beat - 1] + interval;
        uint64_t edge = max2(want->addr[i], want->beat[beat - 1]) + latency;
        if (i > 0)
            edge = max2(edge, want->answer[i - 1] + 1);
        while (!ready_at(t, edge))
            edge++;
        want->answer[i] = edge;
    }
}

static void expect_written(struct bt_hal *hal, const struct traffic *t)
{
    for (unsigned i = 0; i < t->bursts; i++) {
        uint8_t bytes[256];
        bt_hal_mem_read(hal, (uint64_t)i * 256, bytes, sizeof bytes);
        for (unsigned k = 0; k < 256; k++) {
            const bool written = k != 0 && k < beats_of(t, i) * BEAT;
            assert_int_equal(bytes[k], written ? pattern((uint64_t)i * 256 + k) : 0);
        }
    }
}

static void test_writes_follow_the_recurrence(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof TRAFFIC / sizeof TRAFFIC[0]; row++) {
        const struct traffic *t = &TRAFFIC[row];
        const struct bt_memory mem = memory(t->latency, t->bytes_per_cycle, t->outstanding);
        struct bt_hal *hal = open_core("probe-test", &mem);
        struct edges seen = {0};
        struct edges want = {0};
        struct bt_sim_stats stats;

        bt_hal_allow_write(hal, 0, 256 * MAX_BURSTS);
        bt_hal_sim_advance(hal, 3);
        const uint64_t begin = now(hal);
        play_writes(hal, t, begin, &seen);
        predict_writes(t, begin, &want);
        expect_edges("address", row, seen.addr, want.addr, t->bursts);
        expect_edges("beat", row, seen.beat, want.beat, total_beats(t));
        expect_edges("answer", row, seen.answer, want.answer, t->bursts);
        expect_written(hal, t);
        bt_hal_sim_stats(hal, &stats);
        assert_int_equal(stats.write_bytes, total_beats(t) * BEAT - t->bursts);
        expect_healthy(hal);
        bt_hal_sim_close(hal);
    }
}

/* Same seed, same edges; another seed, others; never earlier than without stalls; always the same data. */
static void test_stalls_are_seeded(void **state)
{
    static const struct traffic t = {20, 8, 4, 16, 8, 5, 0, 0, 0, 0};
    struct edges seen[3] = {0};
    struct edges writes[3] = {0};
    struct edges want = {0};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct bt_memory mem = memory(t.latency, t.bytes_per_cycle, t.outstanding);
        mem.stall_percent = 30;
        mem.stall_seed = i == 2 ? 99 : 7;
        struct bt_hal *hal = open_core("probe-test", &mem);
        bt_hal_allow_write(hal, 0, 256 * MAX_BURSTS);
        bt_hal_sim_advance(hal, 3);
        play_writes(hal, &t, now(hal), &writes[i]);
        expect_written(hal, &t);
        expect_healthy(hal);
        bt_hal_sim_reset(hal);
        fill_store(hal, 256 * MAX_BURSTS);
        bt_hal_sim_advance(hal, 3);
        play_reads(hal, &t, now(hal), &seen[i]);
        expect_healthy(hal);
        bt_hal_sim_close(hal);
    }
    assert_memory_equal(&seen[0], &seen[1], sizeof seen[0]);
    assert_memory_equal(&writes[0], &writes[1], sizeof writes[0]);
    assert_memory_not_equal(&seen[0], &seen[2], sizeof seen[0]);
    assert_memory_not_equal(&writes[0], &writes[2], sizeof writes[0]);
    predict_reads(&t, 3, &want);
    for (unsigned i = 0; i < total_beats(&t); i++)
        assert_true(seen[0].beat[i] >= want.beat[i]);
    assert_true(seen[0].beat[total_beats(&t) - 1] > want.beat[total_beats(&t) - 1]);
}

/* ---- protocol rules, each broken once ---- */

static void show_ar(struct bt_hal *hal, uint64_t ar)
{
    bt_hal_pin_set(hal, AR, ar);
    bt_hal_pin_set(hal, ARVALID, 1);
    bt_hal_sim_advance(hal, 1);
}

static void fill_read_slots(struct bt_hal *hal)
{
    show_ar(hal, request(0, 16, 0));
    show_ar(hal, request(256, 16, 0));
    show_ar(hal, request(512, 16, 0)); /* two are outstanding: this one is not accepted */
}

static void bad_ar_dropped(struct bt_hal *hal)
{
    fill_read_slots(hal);
    bt_hal_pin_set(hal, ARVALID, 0);
}

static void bad_ar_changed(struct bt_hal *hal)
{
    fill_read_slots(hal);
    bt_hal_pin_set(hal, AR, request(512, 8, 0));
}

static void bad_ar_boundary(struct bt_hal *hal)
{
    show_ar(hal, request(4096 - 32, 3, 0));
}

static void bad_ar_unaligned(struct bt_hal *hal)
{
    show_ar(hal, request(8, 1, 0));
}

static void bad_ar_wrap(struct bt_hal *hal)
{
    show_ar(hal, request(0, 2, 0) ^ UINT64_C(3) << 43);
}

static void bad_ar_narrow(struct bt_hal *hal)
{
    show_ar(hal, request(0, 2, 0) ^ UINT64_C(1) << 40);
}

static void show_aw(struct bt_hal *hal, uint64_t aw)
{
    bt_hal_pin_set(hal, AW, aw);
    bt_hal_pin_set(hal, AWVALID, 1);
    bt_hal_sim_advance(hal, 1);
    bt_hal_pin_set(hal, AWVALID, 0);
}

static void show_w(struct bt_hal *hal, uint64_t strb, bool last)
{
    bt_hal_pin_set(hal, W, strb | (uint64_t)last << 16);
    bt_hal_pin_set(hal, WVALID, 1);
    bt_hal_sim_advance(hal, 1);
    bt_hal_pin_set(hal, WVALID, 0);
}

/* Two edges per beat: the beat shown right after another one is not taken. */
static void hold_w(struct bt_hal *hal)
{
    show_aw(hal, request(0, 3, 0));
    show_w(hal, 0xffff, false);
    bt_hal_pin_set(hal, WVALID, 1);
    bt_hal_sim_advance(hal, 1);
}

static void bad_aw_boundary(struct bt_hal *hal)
{
    show_aw(hal, request(4096 - 16, 2, 0));
}

static void bad_w_early_last(struct bt_hal *hal)
{
    show_aw(hal, request(0, 3, 0));
    show_w(hal, 0xffff, false);
    bt_hal_sim_advance(hal, 1);
    show_w(hal, 0xffff, true);
}

static void bad_w_missing_last(struct bt_hal *hal)
{
    show_aw(hal, request(0, 1, 0));
    show_w(hal, 0xffff, false);
}

static void bad_w_dropped(struct bt_hal *hal)
{
    hold_w(hal);
    bt_hal_pin_set(hal, WVALID, 0);
}

static void bad_w_changed(struct bt_hal *hal)
{
    hold_w(hal);
    bt_hal_pin_set(hal, WDATA_HI, 1);
}

static void bad_window(struct bt_hal *hal)
{
    show_aw(hal, request(0x8000, 1, 0));
    show_w(hal, 0xffff, true);
}

static void bad_window_by_one_byte(struct bt_hal *hal)
{
    show_aw(hal, request(0x4000, 1, 0));
    show_w(hal, 0x0002, true);
}

/* The window ends within a whole beat; the beat before it was fine. */
static void bad_window_within_a_beat(struct bt_hal *hal)
{
    show_aw(hal, request(0x3ff0, 1, 0));
    show_w(hal, 0xffff, true);
    bt_hal_sim_advance(hal, 1);
    expect_healthy(hal);
    show_aw(hal, request(0x4000, 1, 0));
    show_w(hal, 0xffff, true);
}

static void bad_window_after_clear(struct bt_hal *hal)
{
    show_aw(hal, request(0, 1, 0));
    show_w(hal, 0xffff, true);
    bt_hal_sim_advance(hal, 1);
    expect_healthy(hal);
    bt_hal_clear_windows(hal);
    show_aw(hal, request(0, 1, 0));
    show_w(hal, 0xffff, true);
}

static void bad_window_after_reset(struct bt_hal *hal)
{
    bt_hal_sim_reset(hal);
    bt_hal_sim_advance(hal, 3);
    show_aw(hal, request(0, 1, 0));
    show_w(hal, 0xffff, true);
}

static void bad_write_beyond(struct bt_hal *hal)
{
    show_aw(hal, request(DRAM_BYTES, 1, 0));
    show_w(hal, 0xffff, true);
}

static void bad_pin(struct bt_hal *hal)
{
    bt_hal_pin_set(hal, ARREADY, 1);
}

static void bad_hang(struct bt_hal *hal)
{
    bt_hal_pin_set(hal, HANG, 1);
    bt_hal_reg_write(hal, 0x10, 1);
}

static void bad_hang_read(struct bt_hal *hal)
{
    bt_hal_pin_set(hal, HANG, 1);
    assert_int_equal(bt_hal_reg_read(hal, 0x10), 0);
}

static void bad_answer(struct bt_hal *hal)
{
    bt_hal_pin_set(hal, ERROR, 1);
    bt_hal_reg_write(hal, 0x10, 1);
}

static void bad_offset(struct bt_hal *hal)
{
    bt_hal_reg_write(hal, 0x1000, 1);
}

static void bad_driver_write(struct bt_hal *hal)
{
    bt_hal_mem_write(hal, DRAM_BYTES - 1, "ab", 2);
}

static void bad_driver_read(struct bt_hal *hal)
{
    uint8_t byte = 1;
    bt_hal_mem_read(hal, UINT64_MAX, &byte, 1);
    assert_int_equal(byte, 0);
}

static void bad_driver_fill(struct bt_hal *hal)
{
    bt_hal_mem_fill(hal, 0, 0, DRAM_BYTES + 1);
}

static void bad_driver_window(struct bt_hal *hal)
{
    bt_hal_allow_write(hal, DRAM_BYTES, 16);
}

static const struct {
    void (*play)(struct bt_hal *hal);
    const char *expected;
} RULES[] = {
    {bad_ar_dropped, "arvalid dropped before arready"},
    {bad_ar_changed, "ar payload changed before arready"},
    {bad_ar_boundary, "crosses a 4 KiB boundary"},
    {bad_ar_unaligned, "expected a multiple of 16"},
    {bad_ar_wrap, "burst type 2"},
    {bad_ar_narrow, "ar size 5, expected 4"},
    {bad_aw_boundary, "aw burst of 2 beats at 0xff0 crosses"},
    {bad_w_early_last, "wlast with 1 beats to come"},
    {bad_w_missing_last, "wlast missing"},
    {bad_w_dropped, "wvalid dropped before wready"},
    {bad_w_changed, "w payload changed before wready"},
    {bad_window, "write to 0x8000, outside the allowed windows"},
    {bad_window_by_one_byte, "write to 0x4001, outside the allowed windows"},
    {bad_window_within_a_beat, "write to 0x4001, outside the allowed windows"},
    {bad_window_after_clear, "write to 0x0, outside the allowed windows"},
    {bad_window_after_reset, "write to 0x0, outside the allowed windows"},
    {bad_write_beyond, "outside the DRAM"},
    {bad_pin, "pin 2 is not an input"},
    {bad_hang, "write of register 0x10 not answered"},
    {bad_hang_read, "read of register 0x10 not answered"},
    {bad_answer, "write of register 0x10: error response"},
    {bad_offset, "beyond the bus's 12 address bits"},
    {bad_driver_write, "driver writes: 2 bytes at 0xffff"},
    {bad_driver_read, "driver reads: 1 bytes"},
    {bad_driver_fill, "driver fills: 65537 bytes"},
    {bad_driver_window, "driver allows writes: 16 bytes at 0x10000"},
};

static void test_broken_rules_are_violations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof RULES / sizeof RULES[0]; i++) {
        /* Slow enough that valid has to wait for ready: latency 50, two edges per beat, two bursts. */
        const struct bt_memory mem = memory(50, 8, 2);
        struct bt_hal *hal = open_core("probe-test", &mem);
        uint8_t byte = 1;
        bt_hal_allow_write(hal, 0, 0x4001);
        bt_hal_sim_advance(hal, 3);
        expect_healthy(hal);
        RULES[i].play(hal);
        expect_failure(hal, RULES[i].expected);
        /* The job is over: nothing has an effect any more, until a reset. */
        assert_int_equal(bt_hal_reg_read(hal, 0), 0);
        bt_hal_mem_read(hal, 0, &byte, 1);
        assert_int_equal(byte, 0);
        bt_hal_sim_reset(hal);
        expect_healthy(hal);
        bt_hal_sim_close(hal);
    }
}

/* awready falls only by a stall: the core must hold its address through it. */
static void test_write_address_is_held(void **state)
{
    struct bt_memory mem = memory(1, 16, 1);

    (void)state;
    mem.stall_percent = 90;
    for (unsigned change = 0; change < 2; change++) {
        struct bt_hal *hal = open_core("probe-test", &mem);
        bt_hal_sim_advance(hal, 3);
        while (is_high(hal, AWREADY)) {
            (void)now(hal);
            bt_hal_sim_advance(hal, 1);
        }
        show_aw(hal, request(0, 1, 0));
        if (change != 0) {
            bt_hal_pin_set(hal, AWVALID, 1);
            bt_hal_pin_set(hal, AW, request(16, 1, 0));
        }
        expect_failure(hal, change != 0 ? "aw payload changed before awready" : "awvalid dropped before awready");
        bt_hal_sim_close(hal);
    }
}

static void test_reset(void **state)
{
    const struct bt_memory mem = memory(1, 16, 1);
    struct bt_hal *hal = open_core("probe-test", &mem);

    (void)state;
    bt_hal_reg_write(hal, 0x10, 1);
    bt_hal_pin_set(hal, IRQ, 1);
    bt_hal_mem_fill(hal, 0, 0x77, 1);
    bt_hal_sim_reset(hal);
    assert_int_equal(now(hal), 0);
    assert_int_equal(bt_hal_reg_read(hal, 0x10), 0);
    assert_int_equal(bt_hal_run(hal, 3), BT_EVENT_BUDGET); /* input pins went back, too */
    uint8_t byte = 0;
    bt_hal_mem_read(hal, 0, &byte, 1);
    assert_int_equal(byte, 0x77); /* the store did not */

    bt_hal_pin_set(hal, RUDE, 1);
    bt_hal_sim_advance(hal, 1);
    bt_hal_sim_reset(hal);
    expect_failure(hal, "arvalid is high in reset");
    bt_hal_sim_close(hal);
}

/* Nothing that a violation stopped reached the store. */
static void test_stray_writes_do_not_land(void **state)
{
    const struct bt_memory mem = memory(1, 16, 1);
    struct bt_hal *hal = open_core("probe-test", &mem);
    uint8_t bytes[32];

    (void)state;
    bt_hal_allow_write(hal, 0x100, 16);
    bt_hal_allow_write(hal, 0x110, 16); /* touches the first: one window */
    bt_hal_sim_advance(hal, 3);
    bt_hal_pin_set(hal, WDATA_LO, UINT64_MAX);
    bt_hal_pin_set(hal, WDATA_HI, UINT64_MAX);
    show_aw(hal, request(0x100, 3, 0));
    show_w(hal, 0xffff, false);
    show_w(hal, 0xffff, false);
    expect_healthy(hal);
    show_w(hal, 0xffff, true);
    expect_failure(hal, "write to 0x120");
    bt_hal_sim_reset(hal);
    bt_hal_mem_read(hal, 0x110, bytes, sizeof bytes);
    assert_int_equal(bytes[15], 0xff);
    assert_int_equal(bytes[16], 0);
    bt_hal_sim_close(hal);
}

/* Reads beyond the DRAM are answered, with DECERR and zeros: the core has to cope. */
static void test_reads_beyond_get_decerr(void **state)
{
    const struct bt_memory mem = memory(4, 16, 2);
    struct bt_hal *hal = open_core("probe-test", &mem);

    (void)state;
    fill_store(hal, DRAM_BYTES);
    bt_hal_sim_advance(hal, 3);
    show_ar(hal, request(DRAM_BYTES, 1, 3));
    bt_hal_pin_set(hal, ARVALID, 0);
    bt_hal_sim_advance(hal, 3);
    assert_true(is_high(hal, RVALID));
    assert_int_equal(bt_hal_pin_get(hal, R), 3 << 5 | 3 << 1 | 1);
    assert_int_equal(bt_hal_pin_get(hal, RDATA_LO), 0);
    expect_healthy(hal);
    bt_hal_sim_close(hal);
}

/* ---- control, start and done ---- */

static void test_registers_and_interval(void **state)
{
    const struct bt_memory mem = memory(4, 16, 2);
    struct bt_hal *hal = open_core("probe-test", &mem);
    struct bt_sim_stats stats;

    (void)state;
    bt_hal_reg_write(hal, 0x10, 0x12345678);
    assert_int_equal(bt_hal_reg_read(hal, 0x10), 0x12345678);

    bt_hal_reg_write(hal, 0x8, 2); /* not in the mask */
    bt_hal_pin_set(hal, IRQ, 1);
    assert_int_equal(bt_hal_run(hal, 10), BT_EVENT_IRQ);
    bt_hal_sim_stats(hal, &stats);
    assert_int_equal(stats.start_to_done, 0);
    bt_hal_pin_set(hal, IRQ, 0);
    assert_int_equal(bt_hal_run(hal, 10), BT_EVENT_BUDGET);

    /* The probe takes the data one edge after the address and answers at the edge after that: the start was two edges
       before now. The interrupt is sampled high five edges from now. */
    bt_hal_reg_write(hal, 0x8, 1);
    const uint64_t start = now(hal) - 2;
    bt_hal_sim_advance(hal, 5);
    const uint64_t done = now(hal);
    bt_hal_pin_set(hal, IRQ, 1);
    assert_int_equal(bt_hal_run(hal, 10), BT_EVENT_IRQ);
    assert_int_equal(now(hal), done + 1);
    bt_hal_sim_stats(hal, &stats);
    assert_int_equal(stats.start_to_done, done - start);
    assert_int_equal(stats.start_to_done, 7);

    /* A second start within the interval does not begin another; the last rise of done ends it. */
    bt_hal_pin_set(hal, IRQ, 0);
    bt_hal_reg_write(hal, 0x8, 1);
    const uint64_t again = now(hal);
    bt_hal_pin_set(hal, IRQ, 1);
    assert_int_equal(bt_hal_run(hal, 10), BT_EVENT_IRQ);
    bt_hal_sim_stats(hal, &stats);
    assert_int_equal(stats.start_to_done, again - start);

    /* After arm() the next start begins a new one; done that never falls does not rise. */
    bt_hal_sim_arm(hal);
    bt_hal_reg_write(hal, 0x8, 1);
    assert_int_equal(bt_hal_run(hal, 10), BT_EVENT_IRQ);
    bt_hal_sim_stats(hal, &stats);
    assert_int_equal(stats.start_to_done, 0);
    expect_healthy(hal);
    bt_hal_sim_close(hal);
}

/* ---- the other ports: pins in the order of harness/tests/probe/ports.yaml ---- */

enum {
    REQ,
    ADD,
    WEN,
    DATA,
    BE,
    GNT,
    R_VALID,
    R_DATA,
    TREADY,
    TVALID,
    TDATA,
    TLAST,
    OUT_TVALID,
    OUT_TDATA,
    OUT_TREADY,
    WANT,
    RAW_GNT,
    RAW,
    GO,
    COPY,
    BUSY,
};

static const struct {
    uint32_t latency, bytes_per_cycle, outstanding;
    unsigned gap;
} TCDM[] = {{1, 4, 1, 0}, {1, 4, 4, 0}, {6, 4, 2, 0}, {6, 4, 16, 0}, {6, 2, 16, 0}, {3, 1, 2, 5}, {9, 1, 4, 0}};

static void test_tcdm_follows_the_recurrence(void **state)
{
    enum { WORDS = 20 };
    (void)state;
    for (size_t row = 0; row < sizeof TCDM / sizeof TCDM[0]; row++) {
        const struct bt_memory mem = memory(TCDM[row].latency, TCDM[row].bytes_per_cycle, TCDM[row].outstanding);
        const uint64_t interval = 4 / TCDM[row].bytes_per_cycle;
        struct bt_hal *hal = open_core("ports-test", &mem);
        uint64_t granted[WORDS], answered[WORDS], want_g[WORDS] = {0}, want_r[WORDS] = {0};
        unsigned asked = 0, got = 0;

        fill_store(hal, 8192);
        bt_hal_sim_advance(hal, 5);
        const uint64_t begin = now(hal);
        uint64_t show_from = begin;
        while (got < WORDS) {
            const uint64_t edge = now(hal);
            assert_true(edge < begin + 2000);
            const bool show = asked < WORDS && edge >= show_from;
            bt_hal_pin_set(hal, REQ, show);
            bt_hal_pin_set(hal, ADD, (uint64_t)asked * 4);
            if (show && is_high(hal, GNT)) {
                granted[asked++] = edge;
                show_from = edge + 1 + TCDM[row].gap;
            }
            if (is_high(hal, R_VALID)) {
                const uint32_t data = (uint32_t)bt_hal_pin_get(hal, R_DATA);
                for (unsigned i = 0; i < 4; i++)
                    assert_int_equal((uint8_t)(data >> (8 * i)), pattern(0x1000 + got * 4 + i));
                answered[got++] = edge;
            }
            assert_int_equal(bt_hal_run(hal, 1), BT_EVENT_BUDGET);
        }
        for (unsigned i = 0; i < WORDS; i++) {
            want_g[i] = i == 0 ? begin : want_g[i - 1] + max2(interval, 1 + TCDM[row].gap);
            if (i >= TCDM[row].outstanding)
                want_g[i] = max2(want_g[i], want_r[i - TCDM[row].outstanding] + 1);
            want_r[i] = want_g[i] + TCDM[row].latency;
            if (i > 0)
                want_r[i] = max2(want_r[i], want_r[i - 1] + interval);
        }
        expect_edges("grant", row, granted, want_g, WORDS);
        expect_edges("response", row, answered, want_r, WORDS);
        expect_healthy(hal);
        bt_hal_sim_close(hal);
    }
}

static void test_tcdm_writes(void **state)
{
    const struct bt_memory mem = memory(2, 4, 2);
    struct bt_hal *hal = open_core("ports-test", &mem);
    uint32_t word = 0;

    (void)state;
    bt_hal_allow_write(hal, 0x1000, 8);
    bt_hal_sim_advance(hal, 3);
    bt_hal_pin_set(hal, REQ, 1);
    bt_hal_pin_set(hal, WEN, 0);
    bt_hal_pin_set(hal, ADD, 4);
    bt_hal_pin_set(hal, DATA, 0xaabbccdd);
    bt_hal_pin_set(hal, BE, 0x5);
    bt_hal_sim_advance(hal, 1);
    expect_healthy(hal);
    bt_hal_mem_read(hal, 0x1004, &word, 4);
    assert_int_equal(word, 0x00bb00dd);
    bt_hal_pin_set(hal, ADD, 8);
    bt_hal_sim_advance(hal, 1);
    expect_failure(hal, "tcdm_: write to 0x1008, outside the allowed windows");
    bt_hal_sim_close(hal);
}

static void bad_tcdm_dropped(struct bt_hal *hal)
{
    bt_hal_pin_set(hal, REQ, 1);
    bt_hal_sim_advance(hal, 2); /* one outstanding: the second is not granted */
    bt_hal_pin_set(hal, REQ, 0);
}

static void bad_tcdm_changed(struct bt_hal *hal)
{
    bt_hal_pin_set(hal, REQ, 1);
    bt_hal_sim_advance(hal, 2);
    bt_hal_pin_set(hal, ADD, 4);
}

static void bad_tcdm_unaligned(struct bt_hal *hal)
{
    bt_hal_pin_set(hal, ADD, 2);
    bt_hal_pin_set(hal, REQ, 1);
}

static void bad_tcdm_beyond(struct bt_hal *hal)
{
    bt_hal_pin_set(hal, ADD, DRAM_BYTES);
    bt_hal_pin_set(hal, REQ, 1);
}

static void stream_out(struct bt_hal *hal, uint64_t expected)
{
    const uint64_t header[2] = {0, expected};
    bt_hal_mem_write(hal, 0x3000, header, sizeof header);
    bt_hal_allow_write(hal, 0x3010, 64);
    bt_hal_pin_set(hal, OUT_TVALID, 1);
}

static void bad_stream_dropped(struct bt_hal *hal)
{
    stream_out(hal, 0);
    bt_hal_sim_advance(hal, 2); /* two edges per beat: the second is not taken */
    bt_hal_pin_set(hal, OUT_TVALID, 0);
}

static void bad_stream_changed(struct bt_hal *hal)
{
    stream_out(hal, 0);
    bt_hal_sim_advance(hal, 2);
    bt_hal_pin_set(hal, OUT_TDATA, 1);
}

static void bad_stream_excess(struct bt_hal *hal)
{
    stream_out(hal, 8);
    bt_hal_sim_advance(hal, 4);
}

static void bad_stream_header(struct bt_hal *hal)
{
    const uint64_t header[2] = {12, 0};
    bt_hal_mem_write(hal, 0x2000, header, sizeof header);
}

static void bad_no_bus(struct bt_hal *hal)
{
    bt_hal_reg_write(hal, 0, 1);
}

static const struct {
    void (*play)(struct bt_hal *hal);
    const char *expected;
} PORT_RULES[] = {
    {bad_tcdm_dropped, "req dropped before gnt"},
    {bad_tcdm_changed, "request changed before gnt"},
    {bad_tcdm_unaligned, "address 0x1002, expected a multiple of 4"},
    {bad_tcdm_beyond, "outside the DRAM"},
    {bad_stream_dropped, "tvalid dropped before tready"},
    {bad_stream_changed, "payload changed before tready"},
    {bad_stream_excess, "more than the expected 8 bytes"},
    {bad_stream_header, "not whole beats"},
    {bad_no_bus, "write of register 0x0: error response"},
};

static void test_broken_port_rules_are_violations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof PORT_RULES / sizeof PORT_RULES[0]; i++) {
        const struct bt_memory mem = memory(20, 4, 1);
        struct bt_hal *hal = open_core("ports-test", &mem);
        bt_hal_sim_advance(hal, 3);
        PORT_RULES[i].play(hal);
        expect_failure(hal, PORT_RULES[i].expected);
        bt_hal_sim_close(hal);
    }
}

static void test_streams(void **state)
{
    enum { BEATS = 6 };
    const struct bt_memory mem = memory(5, 4, 1); /* two edges per beat */
    struct bt_hal *hal = open_core("ports-test", &mem);
    uint64_t header[2] = {BEATS * 8, 16};
    struct bt_sim_stats stats;

    (void)state;
    fill_store(hal, 0x2400);
    bt_hal_mem_write(hal, 0x2000, header, sizeof header);
    bt_hal_sim_advance(hal, 10);
    assert_false(is_high(hal, TVALID)); /* not started yet */
    bt_hal_pin_set(hal, GO, 1);
    bt_hal_pin_set(hal, TREADY, 1);
    const uint64_t start = now(hal);
    for (unsigned beat = 0; beat < BEATS;) {
        const uint64_t edge = now(hal);
        assert_true(edge < start + 100);
        if (is_high(hal, TVALID)) {
            uint64_t data = bt_hal_pin_get(hal, TDATA);
            for (unsigned i = 0; i < 8; i++)
                assert_int_equal(((uint8_t *)&data)[i], pattern(0x2010 + beat * 8 + i));
            assert_int_equal(bt_hal_pin_get(hal, TLAST), beat % 2);
            assert_int_equal(edge, start + 5 + (uint64_t)beat * 2);
            beat++;
        }
        bt_hal_sim_advance(hal, 1);
        bt_hal_pin_set(hal, GO, 0);
    }
    bt_hal_sim_advance(hal, 10);
    assert_false(is_high(hal, TVALID));
    bt_hal_mem_read(hal, 0x2000, header, sizeof header);
    assert_int_equal(header[0], 0);

    /* Out: what arrived is counted; the expected number ends the run. */
    header[0] = 0;
    header[1] = 24;
    bt_hal_mem_write(hal, 0x3000, header, sizeof header);
    bt_hal_allow_write(hal, 0x3010, 24);
    bt_hal_pin_set(hal, OUT_TDATA, UINT64_C(0x1122334455667788));
    bt_hal_pin_set(hal, OUT_TVALID, 1);
    const uint64_t begin = now(hal);
    assert_int_equal(bt_hal_run(hal, 100), BT_EVENT_DONE);
    assert_int_equal(now(hal), begin + 5);
    bt_hal_pin_set(hal, OUT_TVALID, 0);
    bt_hal_mem_read(hal, 0x3000, header, sizeof header);
    assert_int_equal(header[0], 24);
    bt_hal_mem_read(hal, 0x3020, header, sizeof header);
    assert_true(header[0] == UINT64_C(0x1122334455667788));
    assert_int_equal(header[1], 0);
    bt_hal_sim_stats(hal, &stats);
    assert_int_equal(stats.start_to_done, begin + 4 - start);
    assert_int_equal(stats.read_bytes, BEATS * 8);
    assert_int_equal(stats.write_bytes, 24);
    bt_hal_sim_close(hal);
}

static void test_raw_pull(void **state)
{
    const struct bt_memory mem = memory(5, 1, 1); /* two edges per word */
    struct bt_hal *hal = open_core("ports-test", &mem);

    (void)state;
    for (uint64_t at = 0x4000; at < 0x4100; at++) {
        const uint8_t value = pattern(at);
        bt_hal_mem_write(hal, at, &value, 1);
    }
    for (unsigned round = 0; round < 2; round++) {
        bt_hal_sim_advance(hal, 3);
        bt_hal_pin_set(hal, GO, 1);
        const uint64_t start = now(hal);
        bt_hal_sim_advance(hal, 1);
        bt_hal_pin_set(hal, GO, 0);
        for (unsigned word = 0; word < 5;) {
            const uint64_t edge = now(hal);
            assert_true(edge < start + 100);
            bt_hal_pin_set(hal, WANT, 1);
            if (is_high(hal, RAW_GNT)) {
                const uint64_t data = bt_hal_pin_get(hal, RAW);
                assert_int_equal(data & 0xff, pattern(0x4000 + word * 2));
                assert_int_equal(data >> 8, pattern(0x4001 + word * 2));
                assert_int_equal(edge, start + 5 + (uint64_t)word * 2);
                word++;
            }
            bt_hal_sim_advance(hal, 1);
        }
        bt_hal_pin_set(hal, WANT, 0);
    }
    expect_healthy(hal);
    bt_hal_sim_close(hal);
}

/* AXI4 of 32, 64, 256 and 512 bits with every optional signal omitted; several ports, a second clock and reset. */
static void test_other_widths(void **state)
{
    static const unsigned widths[] = {32, 64, 256, 512};
    const struct bt_memory mem = memory(5, 8, 1);
    struct bt_hal *hal = open_core("ports-test", &mem);
    struct bt_sim_stats stats;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        for (uint64_t at = 0x5000 + widths[i] * 16; at < 0x5000 + widths[i] * 17; at++) {
            const uint8_t value = pattern(at);
            bt_hal_mem_write(hal, at, &value, 1);
        }
        bt_hal_mem_fill(hal, 0x5000 + widths[i] * 16 + widths[i] / 8, 0, widths[i] / 4);
        bt_hal_allow_write(hal, 0x5000 + widths[i] * 16 + widths[i] / 8, widths[i] / 8);
    }
    bt_hal_sim_advance(hal, 3);
    assert_int_equal(bt_hal_pin_get(hal, BUSY), 0);
    bt_hal_pin_set(hal, COPY, 1);
    bt_hal_sim_advance(hal, 1);
    assert_int_equal(bt_hal_pin_get(hal, BUSY), 0xf);
    for (unsigned i = 0; i < 13; i++) {
        assert_int_equal(bt_hal_pin_get(hal, BUSY), i < 12 ? 0xf : 0); /* 1 + 5 to read, 1 + 5 to write */
        bt_hal_sim_advance(hal, 1);
    }
    expect_healthy(hal);
    for (size_t i = 0; i < 4; i++) {
        uint8_t bytes[2 * 64];
        const uint64_t base = 0x5000 + widths[i] * 16;
        bt_hal_mem_read(hal, base + widths[i] / 8, bytes, widths[i] / 4);
        for (unsigned k = 0; k < widths[i] / 4; k++)
            assert_int_equal(bytes[k], k < widths[i] / 8 ? pattern(base + k) : 0);
    }
    bt_hal_sim_stats(hal, &stats);
    assert_int_equal(stats.read_bytes, (32 + 64 + 256 + 512) / 8);
    assert_int_equal(stats.write_bytes, (32 + 64 + 256 + 512) / 8);
    assert_int_equal(stats.read_bursts, 4);
    bt_hal_sim_close(hal);
}

/* ---- opening ---- */

static void test_open_refuses(void **state)
{
    const struct bt_memory good = memory(1, 16, 1);
    struct bt_memory bad = good;
    struct bt_error err;
    struct bt_hal *hal = NULL;
    char path[512];

    (void)state;
    assert_int_equal(bt_hal_sim_open("no-such-core.so", &good, NULL, NULL, &hal, &err), BT_EIO);
    assert_non_null(strstr(err.text, "./no-such-core.so"));
    assert_int_equal(bt_hal_sim_open("/lib/x86_64-linux-gnu/libz.so.1", &good, NULL, NULL, &hal, &err), BT_EIO);
    core_path(path, sizeof path, "probe-test");
    bad.outstanding = 0;
    assert_int_equal(bt_hal_sim_open(path, &bad, NULL, NULL, &hal, &err), BT_EINVAL);
    bad = good;
    bad.stall_percent = 100;
    assert_int_equal(bt_hal_sim_open(path, &bad, NULL, NULL, &hal, &err), BT_EINVAL);
    bad = good;
    bad.dram_bytes = 0;
    assert_int_equal(bt_hal_sim_open(path, &bad, NULL, NULL, &hal, &err), BT_EINVAL);
    bt_hal_sim_close(open_core("probe-test", &good));
    assert_int_equal(bt_hal_sim_open(path, &good, NULL, "wave.fst", &hal, &err), BT_EIO);
    assert_non_null(strstr(err.text, "-trace build"));
    assert_null(hal);
}

static void test_shared_store(void **state)
{
    static uint8_t store[DRAM_BYTES];
    const struct bt_memory mem = memory(1, 16, 1);
    struct bt_hal *hal[2] = {NULL, NULL};
    char path[512];
    uint8_t byte = 0;

    (void)state;
    bt_hal_sim_close(open_core("probe-test", &mem)); /* skips where there is none */
    core_path(path, sizeof path, "probe-test");
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(bt_hal_sim_open(path, &mem, store, NULL, &hal[i], NULL), BT_OK);
    bt_hal_mem_fill(hal[0], 100, 0x5a, 1);
    bt_hal_mem_read(hal[1], 100, &byte, 1);
    assert_int_equal(byte, 0x5a);
    bt_hal_sim_close(hal[0]);
    bt_hal_sim_close(hal[1]);
    assert_int_equal(store[100], 0x5a);
}

static long wave_bytes(uint64_t from, uint64_t to)
{
    const struct bt_memory mem = memory(4, 16, 2);
    struct bt_error err = {""};
    struct bt_hal *hal = NULL;
    char path[512], wave[512];
    struct stat info;

    core_path(path, sizeof path, "probe-test-trace");
    if (access(path, R_OK) != 0) {
        print_message("SKIP: %s is not built\n", path);
        skip();
    }
    snprintf(wave, sizeof wave, "%s/test_sim_%ld.fst", build_folder(), (long)getpid());
    if (bt_hal_sim_open(path, &mem, NULL, wave, &hal, &err) != BT_OK)
        fail_msg("%s", err.text);
    bt_hal_sim_wave_window(hal, from, to);
    for (unsigned i = 0; i < 500; i++) {
        bt_hal_reg_write(hal, 0x10, i * 2654435761U);
        assert_int_equal(bt_hal_reg_read(hal, 0x10), i * 2654435761U);
    }
    bt_hal_sim_close(hal);
    assert_int_equal(stat(wave, &info), 0);
    assert_int_equal(remove(wave), 0);
    return (long)info.st_size;
}

static void test_waves(void **state)
{
    (void)state;
    const long whole = wave_bytes(0, UINT64_MAX);
    const long part = wave_bytes(100, 120);
    const long none = wave_bytes(UINT64_MAX, UINT64_MAX);
    assert_true(none > 0);
    assert_true(part > none);
    assert_true(whole > 2 * part);
}

/* ---- the second core ---- */

static uint64_t random_state;

static uint32_t random_u32(void)
{
    uint64_t z = (random_state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

static struct bt_layer dense(int32_t rows, int32_t cols, int32_t in_zp)
{
    struct bt_layer layer = {.op = BT_OP_CONV2D, .dtype = BT_S8};
    layer.u.conv = (struct bt_conv2d){
        .n = 1,
        .h = 1,
        .w = 1,
        .c_in = cols,
        .c_out = rows,
        .kh = 1,
        .kw = 1,
        .stride_h = 1,
        .stride_w = 1,
        .dil_h = 1,
        .dil_w = 1,
        .groups = 1,
        .in_zp = in_zp,
        .act_min = -128,
        .act_max = 127,
        .raw = true,
    };
    return layer;
}

#define GEMV_ROWS 32
#define GEMV_COLS 256

struct gemv_job {
    const char *core;
    struct bt_config config;
    int32_t rows, cols, in_zp;
    unsigned bug;
};

/* The harness's own sequence, with the comparison left to the caller. */
static enum bt_status run_gemv(struct bt_hal *hal, const struct gemv_job *job, uint64_t seed, bool *same,
                               uint64_t *measured, uint64_t *predicted)
{
    static int8_t x[GEMV_COLS], w[GEMV_ROWS * GEMV_COLS];
    static int32_t bias[GEMV_ROWS], truth[GEMV_ROWS], model[GEMV_ROWS], rtl[GEMV_ROWS];
    const struct bt_driver *driver = gemv_variant.driver;
    const struct bt_layer layer = dense(job->rows, job->cols, job->in_zp);
    const struct bt_layer_data data = {.ifmap = x, .weights = w, .bias = bias};
    struct bt_io io = {.brk = 64, .in_addr = BT_ANYWHERE, .out_addr = BT_ANYWHERE};
    struct bt_counters counters = {0};
    struct bt_counters prediction = {0};
    struct bt_blob profile = {NULL, 0};
    struct bt_reason why = {0};
    struct gemv_plan plan;
    struct bt_sim_stats stats;
    enum bt_status status = BT_ETIMEOUT;

    random_state = seed;
    for (int32_t i = 0; i < job->cols; i++)
        x[i] = (int8_t)random_u32();
    for (int32_t i = 0; i < job->rows * job->cols; i++) {
        const int8_t value = (int8_t)random_u32();
        w[i] = value == -128 ? -127 : value;
    }
    for (int32_t i = 0; i < job->rows; i++)
        bias[i] = (int32_t)random_u32() >> 8;

    assert_int_equal(driver->plan_bytes, sizeof plan);
    assert_int_equal(ref_conv2d_s8(&layer.u.conv, &data, truth), BT_OK);
    assert_int_equal(driver->supports(&job->config, &layer, 1, &why), BT_OK);
    assert_int_equal(driver->plan(&job->config, &layer, 1, NULL, &io, &plan, &why), BT_OK);
    assert_int_equal(gemv_variant.model(&job->config, &plan, &layer, &data, NULL, model, &profile), BT_OK);
    assert_memory_equal(model, truth, (size_t)job->rows * 4);
    assert_int_equal(gemv_variant.cycles(&job->config, &plan, &layer, NULL, NULL, &prediction), BT_OK);

    if (job->bug != 0)
        bt_hal_pin_set(hal, 0, job->bug);
    bt_hal_mem_fill(hal, plan.y_addr, 0xa5, (size_t)job->rows * 4);
    assert_int_equal(driver->pack(&plan, &data, NULL, hal, &why), BT_OK);
    driver->load(&plan, x, hal);
    driver->program(&plan, hal);
    bt_hal_sim_arm(hal);
    driver->start(&plan, hal);
    for (unsigned i = 0; i < 4 && status == BT_ETIMEOUT; i++) {
        const enum bt_event event = bt_hal_run(hal, 200000);
        if (event == BT_EVENT_FAILED)
            return BT_EIO;
        status = driver->service(&plan, hal, event, &why);
    }
    if (status != BT_OK)
        return status;
    driver->unpack(&plan, hal, rtl);
    bt_hal_sim_stats(hal, &stats);
    driver->finish(&plan, hal, &counters);
    *same = memcmp(rtl, truth, (size_t)job->rows * 4) == 0;
    *measured = stats.start_to_done;
    *predicted = bt_counters_get(&prediction, "cycles", 0);
    assert_int_equal(bt_counters_get(&counters, "macs", 0), bt_counters_get(&prediction, "macs", 1));
    assert_int_equal(stats.write_bytes, job->rows * 4);
    if (bt_config_get(&job->config, "poll", 0) == 0)
        assert_int_equal(bt_counters_get(&counters, "cycles", 0), stats.start_to_done);
    return bt_hal_sim_failed(hal) == NULL ? BT_OK : BT_EIO;
}

static const struct {
    int32_t rows, cols, in_zp;
} SHAPES[] = {
    {1, 1, 0},   {1, 3, -128}, {3, 4, 127},    {2, 5, 1},     {7, 31, -3},
    {32, 32, 0}, {31, 17, 12}, {5, 255, -128}, {4, 256, 127},
};

static const struct {
    uint32_t latency, bytes_per_cycle, stall_percent;
} MEMORIES[] = {{1, 4, 0}, {1, 1, 0}, {20, 4, 0}, {2, 2, 0}, {5, 1, 0}, {0, 16, 0}, {5, 4, 30}, {1, 1, 60}};

static const struct {
    const char *core;
    int64_t poll;
} GEMVS[] = {{"gemv-test", 0}, {"gemv_poll-test", 1}, {"gemv_broken-test", 0}};

static void test_second_core(void **state)
{
    (void)state;
    for (size_t g = 0; g < sizeof GEMVS / sizeof GEMVS[0]; g++) {
        for (size_t m = 0; m < sizeof MEMORIES / sizeof MEMORIES[0]; m++) {
            struct gemv_job job = {.core = GEMVS[g].core};
            job.config = (struct bt_config){.name = "test", .count = 1, .param = {{"poll", GEMVS[g].poll}}};
            job.config.mem = memory(MEMORIES[m].latency, MEMORIES[m].bytes_per_cycle, 1);
            job.config.mem.stall_percent = MEMORIES[m].stall_percent;
            job.config.mem.stall_seed = 5;
            struct bt_hal *hal = open_core(job.core, &job.config.mem);
            /* All shapes one after another on one instance, without a reset. */
            for (size_t s = 0; s < sizeof SHAPES / sizeof SHAPES[0]; s++) {
                bool same = false;
                uint64_t measured = 0;
                uint64_t predicted = 0;
                job.rows = SHAPES[s].rows;
                job.cols = SHAPES[s].cols;
                job.in_zp = SHAPES[s].in_zp;
                if (run_gemv(hal, &job, s + 1, &same, &measured, &predicted) != BT_OK)
                    fail_msg("%s: %s", job.core, bt_hal_sim_failed(hal) != NULL ? bt_hal_sim_failed(hal) : "no end");
                assert_true(same);
                if (MEMORIES[m].stall_percent == 0) {
                    if (measured != predicted)
                        fail_msg("%s, memory %zu, shape %zu: %llu cycles, predicted %llu", job.core, m, s,
                                 (unsigned long long)measured, (unsigned long long)predicted);
                } else {
                    assert_true(measured > predicted);
                }
                assert_true(measured >= (uint64_t)job.rows * (uint64_t)job.cols);
            }
            bt_hal_sim_close(hal);
        }
    }
}

static void test_planted_faults_are_caught(void **state)
{
    static const struct {
        unsigned bug;
        enum bt_status status;
        bool same;
        const char *reason;
    } faults[] = {
        {1, BT_EIO, false, "m_axi_: write to"},
        {2, BT_ETIMEOUT, false, NULL},
        {3, BT_EIO, false, "tcdm_: req dropped before gnt"},
        {4, BT_OK, false, NULL},
        {0, BT_OK, true, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct gemv_job job = {.core = "gemv_broken-test", .rows = 5, .cols = 9, .bug = faults[i].bug};
        job.config = (struct bt_config){.name = "test", .mem = memory(3, 1, 1)};
        job.config.mem.stall_percent = 50;
        struct bt_hal *hal = open_core(job.core, &job.config.mem);
        bool same = false;
        uint64_t measured = 0;
        uint64_t predicted = 0;
        assert_int_equal(run_gemv(hal, &job, 3, &same, &measured, &predicted), faults[i].status);
        assert_int_equal(same, faults[i].same);
        if (faults[i].reason != NULL) {
            assert_non_null(bt_hal_sim_failed(hal));
            assert_non_null(strstr(bt_hal_sim_failed(hal), faults[i].reason));
        }
        bt_hal_sim_close(hal);
    }
}

/* An illegal program: error and event, nothing written; then a legal one on the same instance. */
static void test_second_core_refuses_an_illegal_program(void **state)
{
    struct gemv_job job = {.core = "gemv-test", .rows = 3, .cols = 3};
    const struct gemv_plan illegal = {.rows = 1, .cols = GEMV_COLS + 1, .y_addr = 0x100};
    struct gemv_plan copy = illegal;
    struct bt_sim_stats stats;
    bool same = false;
    uint64_t measured = 0;
    uint64_t predicted = 0;

    (void)state;
    job.config = (struct bt_config){.name = "test", .mem = memory(3, 4, 1)};
    struct bt_hal *hal = open_core(job.core, &job.config.mem);
    gemv_driver.program(&illegal, hal);
    gemv_driver.start(&copy, hal);
    assert_int_equal(bt_hal_run(hal, 100), BT_EVENT_PULSE);
    assert_int_equal(gemv_driver.service(&copy, hal, BT_EVENT_PULSE, NULL), BT_EDEVICE);
    bt_hal_sim_stats(hal, &stats);
    assert_int_equal(stats.write_bytes, 0);
    assert_int_equal(stats.start_to_done, 1);
    assert_int_equal(run_gemv(hal, &job, 1, &same, &measured, &predicted), BT_OK);
    assert_true(same);
    assert_int_equal(measured, predicted);
    bt_hal_sim_close(hal);
}

static void test_second_core_says_no(void **state)
{
    const struct bt_config config = {.name = "test", .mem = memory(1, 4, 1)};
    struct bt_io io = {.brk = 0, .in_addr = BT_ANYWHERE, .out_addr = BT_ANYWHERE};
    struct gemv_plan plan;
    struct bt_reason why = {0};
    struct bt_layer layer;

    (void)state;
    layer = dense(3, GEMV_COLS + 1, 0);
    assert_int_equal(gemv_driver.supports(&config, &layer, 1, &why), BT_EUNSUPPORTED);
    assert_int_equal(why.limit, GEMV_COLS);
    layer = dense(3, 3, 0);
    layer.u.conv.raw = false;
    assert_int_equal(gemv_driver.supports(&config, &layer, 1, &why), BT_EUNSUPPORTED);
    layer = dense(3, 3, 0);
    layer.u.conv.h = 2;
    assert_int_equal(gemv_driver.supports(&config, &layer, 1, &why), BT_EUNSUPPORTED);
    assert_non_null(why.what);
    layer = dense(3, 3, 0);
    layer.pool = (struct bt_maxpool){.kh = 2, .kw = 2, .stride_h = 2, .stride_w = 2};
    assert_int_equal(gemv_driver.supports(&config, &layer, 1, &why), BT_EUNSUPPORTED);
    assert_string_equal(why.what, "max-pooling on write-back, rows of its kernel");
    layer = dense(60000, 4, 0);
    assert_int_equal(gemv_driver.plan(&config, &layer, 1, NULL, &io, &plan, &why), BT_ENOMEM);
    assert_int_equal(why.limit, DRAM_BYTES);
    assert_int_equal(io.brk, 0);
}

/* ---- core descriptions ---- */

#define HEAD "top: t\nsources: [t.sv]\nclock: clk\nreset: {pin: rst, active: low}\n"
#define TAIL "control: {bus: none}\nstart: {pin: go}\ndone: {irq: irq}\n"

static const struct {
    const char *yaml, *expected; /* "" : accepted */
} DESCRIPTIONS[] = {
    {HEAD TAIL, ""},
    {HEAD TAIL "colour: red\n", ":8: core: unknown key 'colour'"},
    {HEAD TAIL "top: u\n", ":8: core: key 'top' is given twice"},
    {"top: t\nsources: [t.sv\n", "did not find expected"},
    {"", "empty file"},
    {"- a\n- b\n", ":1: core: expected a mapping"},
    {"sources: [t.sv]\nclock: clk\nreset: {pin: rst, active: low}\n" TAIL, "key 'top' is missing"},
    {"top: 1t\nsources: [t.sv]\nclock: clk\nreset: {pin: rst, active: low}\n" TAIL,
     ":1: top: '1t' is not a plain identifier"},
    {"top: t\nclock: clk\nreset: {pin: rst, active: low}\n" TAIL, "key 'sources' is missing or empty"},
    {"top: t\nsources: t.sv\nclock: clk\nreset: {pin: rst, active: low}\n" TAIL, ":2: sources: expected a list"},
    {"top: t\nsources: [\"a b.sv\"]\nclock: clk\nreset: {pin: rst, active: low}\n" TAIL,
     ":2: sources: 'a b.sv' must be a word"},
    {"top: t\nsources: [t.sv]\nclock: clk\nreset: {pin: rst, active: sometimes}\n" TAIL, ":4: active: got 'sometimes'"},
    {"top: t\nsources: [t.sv]\nclock: clk\nreset: {pin: rst, active: low, cycles: 0}\n" TAIL, ":4: cycles: got '0'"},
    {HEAD "control: {bus: wishbone}\nstart: {pin: go}\ndone: {irq: irq}\n", ":5: bus: got 'wishbone'"},
    {HEAD "control: {bus: none}\nstart: {reg: 8}\ndone: {irq: irq}\n",
     ":6: start: a register, but control.bus is none"},
    {HEAD "control: {bus: apb}\nstart: {reg: 8, mask: 0}\ndone: {irq: irq}\n", ":6: mask: got '0'"},
    {HEAD "control: {bus: apb}\nstart: {reg: 8, pin: go}\ndone: {irq: irq}\n",
     ":6: start: either reg and mask, or pin"},
    {HEAD "control: {bus: none}\nstart: {pin: go}\ndone: {irq: a, pulse: b}\n", ":7: done: expected exactly one"},
    {HEAD "control: {bus: none}\nstart: {pin: go}\ndone: {count: m_}\n", ":7: count: 'm_' is not the prefix"},
    {HEAD "control: {bus: apb}\nstart: {pin: go}\ndone: {poll: {reg: 4, mask: 1, value: 2}}\n",
     ":7: poll: value has bits outside"},
    {HEAD "control: {bus: apb, omit: [psel]}\nstart: {pin: go}\ndone: {irq: i}\n", ":5: omit: signal 'psel'"},
    {HEAD "control: {bus: apb, omit: [pslver]}\nstart: {pin: go}\ndone: {irq: i}\n",
     ":5: omit: unknown signal 'pslver'"},
    {HEAD "control: {bus: apb, rename: {psell: x}}\nstart: {pin: go}\ndone: {irq: i}\n",
     ":5: rename: unknown key 'psell'"},
    {HEAD TAIL "memory:\n  - {bus: axi4, access: rw, data_bits: 48}\n",
     ":9: data_bits: got 48, expected a power of two"},
    {HEAD TAIL "memory:\n  - {bus: axi4, access: rw, data_bits: 16}\n", ":9: data_bits: got 16, expected 32 to 512"},
    {HEAD TAIL "memory:\n  - {bus: axi4, access: rw}\n", ":9: memory port: key 'data_bits' is missing"},
    {HEAD TAIL "memory:\n  - {bus: axi_stream, access: rw, data_bits: 64}\n", ":9: access: a stream goes one way"},
    {HEAD TAIL "memory:\n  - {bus: axi4, access: r, data_bits: 64, width: 3}\n",
     ":9: memory port: unknown key 'width'"},
    {HEAD TAIL "memory:\n  - {bus: axi4, access: r, data_bits: 64, base: -1}\n", ":9: base: got '-1'"},
    {HEAD TAIL "pins:\n  - {name: a, dir: out, value: 1}\n", ":9: value: pin 'a' is an output"},
    {HEAD TAIL "pins:\n  - {name: a, dir: in, bits: 65}\n", ":9: bits: got '65'"},
    {HEAD TAIL "pins:\n  - {name: a, dir: in, bits: 2, value: 4}\n",
     ":9: value: got '4', expected a number from 0 to 3"},
};

/* Runs bittrue-glue; returns its exit status, and what it wrote to stderr. */
static int run_glue(const char *arguments, char *text, size_t bytes)
{
    char command[1024];
    snprintf(command, sizeof command, "%s/bittrue-glue %s 2>&1 >/dev/null", build_folder(), arguments);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    const size_t got = fread(text, 1, bytes - 1, pipe);
    text[got] = '\0';
    const int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_descriptions(void **state)
{
    char path[512], arguments[600], text[1024];

    (void)state;
    snprintf(path, sizeof path, "%s/bittrue-glue", build_folder());
    if (access(path, X_OK) != 0) {
        print_message("SKIP: %s is not built\n", path);
        skip();
    }
    snprintf(path, sizeof path, "%s/test_sim_%ld.yaml", build_folder(), (long)getpid());
    for (size_t i = 0; i < sizeof DESCRIPTIONS / sizeof DESCRIPTIONS[0]; i++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(DESCRIPTIONS[i].yaml, file) >= 0);
        assert_int_equal(fclose(file), 0);
        snprintf(arguments, sizeof arguments, "--header %s", path);
        const int status = run_glue(arguments, text, sizeof text);
        if (*DESCRIPTIONS[i].expected == '\0') {
            assert_string_equal(text, "");
            assert_int_equal(status, 0);
            continue;
        }
        if (strstr(text, DESCRIPTIONS[i].expected) == NULL)
            fail_msg("row %zu: expected '%s', got '%s'", i, DESCRIPTIONS[i].expected, text);
        assert_int_equal(status, 2);
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
    }
    assert_int_equal(remove(path), 0);

    assert_int_equal(run_glue("--verilator-args harness/tests/gemv/gemv.yaml MaxCols=8", text, sizeof text), 0);
    assert_int_equal(run_glue("--verilator-args harness/tests/gemv/gemv.yaml MaxRows=8", text, sizeof text), 2);
    assert_non_null(strstr(text, "gemv.yaml:7: got 'MaxRows=8'"));
    assert_int_equal(run_glue("--verilator-args harness/tests/gemv/gemv.yaml MaxCols=x", text, sizeof text), 2);
    assert_int_equal(run_glue("--verilator-args no-such.yaml", text, sizeof text), 2);
    assert_non_null(strstr(text, "no-such.yaml: No such file"));
    assert_int_equal(run_glue("--check harness/tests/gemv/gemv.yaml", text, sizeof text), 0);
    assert_int_equal(run_glue("", text, sizeof text), 2);
    assert_non_null(strstr(text, "usage"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_follow_the_recurrence),
        cmocka_unit_test(test_writes_follow_the_recurrence),
        cmocka_unit_test(test_stalls_are_seeded),
        cmocka_unit_test(test_broken_rules_are_violations),
        cmocka_unit_test(test_write_address_is_held),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_stray_writes_do_not_land),
        cmocka_unit_test(test_reads_beyond_get_decerr),
        cmocka_unit_test(test_registers_and_interval),
        cmocka_unit_test(test_tcdm_follows_the_recurrence),
        cmocka_unit_test(test_tcdm_writes),
        cmocka_unit_test(test_broken_port_rules_are_violations),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_raw_pull),
        cmocka_unit_test(test_other_widths),
        cmocka_unit_test(test_open_refuses),
        cmocka_unit_test(test_shared_store),
        cmocka_unit_test(test_waves),
        cmocka_unit_test(test_second_core),
        cmocka_unit_test(test_planted_faults_are_caught),
        cmocka_unit_test(test_second_core_refuses_an_illegal_program),
        cmocka_unit_test(test_second_core_says_no),
        cmocka_unit_test(test_descriptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
