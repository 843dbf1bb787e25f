#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "harness/soc/soc_internal.h"

#define WARM_CYCLES 4u      /* that a core which does not run is clocked before an access, so that it settles */
#define SLICE_CYCLES 65536u /* in wfi, between two looks at the host's clock */

#define MIE_TIMER (1u << 7)
#define MIE_EXTERNAL (1u << 11)
#define CAUSE_TIMER 0x80000007u
#define CAUSE_EXTERNAL 0x8000000bu

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

double bt_soc_host_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

uint64_t bt_soc_now(const struct bt_soc *soc)
{
    return soc->retired * soc->map.clock_mhz / soc->map.cpu_mips + soc->bus_cycles + soc->wait_cycles;
}

uint64_t bt_soc_instructions_at(const struct bt_soc *soc, uint64_t cycle)
{
    const uint64_t others = soc->wait_cycles + soc->bus_cycles;
    const uint64_t cycles = cycle > others ? cycle - others : 0;
    if (cycles > UINT64_MAX / soc->map.cpu_mips - soc->map.clock_mhz) {
        return UINT64_MAX;
    }
    return (cycles * soc->map.cpu_mips + soc->map.clock_mhz - 1) / soc->map.clock_mhz;
}

/* Read and written by one accelerator so far. */
static uint64_t bytes_of(const struct bt_soc_accel *accel)
{
    struct bt_sim_stats stats;
    bt_hal_sim_stats(accel->hal, &stats);
    return accel->bytes + stats.read_bytes + stats.write_bytes - accel->bytes_seen;
}

/* ---- spans ---- */

static void open_span(struct bt_soc *soc, uint32_t index, uint64_t from, bool fresh)
{
    if (soc->span_count == soc->span_room) {
        const uint32_t room = soc->span_room == 0 ? 256 : 2 * soc->span_room;
        struct bt_soc_span *spans = room <= BT_SOC_MAX_EVENTS ? realloc(soc->spans, room * sizeof(*spans)) : NULL;
        if (spans == NULL) {
            bt_soc_finish(soc, BT_SOC_FAULT, "too many starts of accelerators: %" PRIu32, soc->span_count);
            return;
        }
        soc->spans = spans;
        soc->span_room = room;
    }
    struct bt_soc_accel *accel = &soc->accel[index];
    accel->fresh = fresh;
    accel->running = true;
    accel->span = soc->span_count;
    soc->spans[soc->span_count++] =
        (struct bt_soc_span){.accel = index, .from = from, .to = from, .bytes = bytes_of(accel)};
}

static void close_span(struct bt_soc *soc, uint32_t index, const struct bt_sim_stats *stats)
{
    struct bt_soc_accel *accel = &soc->accel[index];
    struct bt_soc_span *span = &soc->spans[accel->span];
    accel->running = false;
    span->to = accel->at;
    span->bytes = bytes_of(accel) - span->bytes;
    if (accel->fresh && stats->start_to_done != 0) {
        span->start_to_done = stats->start_to_done; /* the write that started it ended later than it was accepted */
        span->from = span->to - min_u64(span->to, stats->start_to_done);
    } else {
        span->start_to_done = span->to - span->from;
    }
}

void bt_soc_mark(struct bt_soc *soc, uint32_t value)
{
    bt_soc_sync(soc);
    if (soc->mark_count == soc->mark_room) {
        const uint32_t room = soc->mark_room == 0 ? 256 : 2 * soc->mark_room;
        struct bt_soc_mark *marks = room <= BT_SOC_MAX_EVENTS ? realloc(soc->marks, room * sizeof(*marks)) : NULL;
        if (marks == NULL) {
            bt_soc_finish(soc, BT_SOC_FAULT, "too many marks: %" PRIu32, soc->mark_count);
            return;
        }
        soc->marks = marks;
        soc->mark_room = room;
    }
    soc->marks[soc->mark_count++] = (struct bt_soc_mark){
        .value = value,
        .cycle = bt_soc_now(soc),
        .instructions = soc->retired,
        .wait_cycles = soc->wait_cycles,
        .accel_cycles = soc->accel_cycles,
        .overlap_cycles = soc->overlap_cycles,
        .accel_bytes = bt_soc_accel_bytes(soc),
    };
}

/* ---- accelerators ---- */

static void note(struct bt_soc *soc, uint32_t index, uint64_t cycles_before)
{
    struct bt_soc_accel *accel = &soc->accel[index];
    struct bt_sim_stats stats;
    bt_hal_sim_stats(accel->hal, &stats);
    accel->at += stats.cycles - cycles_before;
    const bool finished_at_once = !accel->running && !stats.running && accel->measured == 0 && stats.start_to_done != 0;
    if (!accel->running && stats.running) {
        open_span(soc, index, accel->at, stats.start_to_done == 0);
    } else if (finished_at_once) {
        open_span(soc, index, accel->at - min_u64(accel->at, stats.start_to_done), true);
    }
    if (accel->running && !stats.running) {
        close_span(soc, index, &stats);
    }
    if (stats.done && !accel->done) {
        accel->done_at = accel->at;
    }
    accel->done = stats.done;
    accel->measured = stats.start_to_done;
    bt_hal_sim_advance(accel->hal, 0); /* takes over a violation that the cycles before met */
    const char *failed = bt_hal_sim_failed(accel->hal);
    if (failed != NULL) {
        bt_soc_finish(soc, BT_SOC_FAULT, "accelerator %" PRIu32 ": %.180s", index, failed);
    }
}

static uint64_t cycles_of(const struct bt_soc_accel *accel)
{
    struct bt_sim_stats stats;
    bt_hal_sim_stats(accel->hal, &stats);
    return stats.cycles;
}

void bt_soc_accessed(struct bt_soc *soc, uint32_t index, uint64_t cycles_before)
{
    note(soc, index, cycles_before);
}

/* At most to that time: it ends where the core is done, so that this moment is known to the cycle. */
static void run_until(struct bt_soc *soc, uint32_t index, uint64_t time)
{
    struct bt_soc_accel *accel = &soc->accel[index];
    while (!soc->ended && accel->running && accel->at < time) {
        const uint64_t before = cycles_of(accel);
        const uint64_t at = accel->at;
        (void)bt_hal_run(accel->hal, time - at); /* what happened, the statistics say */
        note(soc, index, before);
        if (accel->at == at && accel->running && !soc->ended) {
            bt_hal_sim_advance(accel->hal, 1); /* an event that costs no time must not stop it */
            note(soc, index, before);
        }
    }
}

void bt_soc_catch_up(struct bt_soc *soc, uint32_t index)
{
    struct bt_soc_accel *accel = &soc->accel[index];
    const uint64_t now = bt_soc_now(soc);
    run_until(soc, index, now);
    if (accel->at > now) {
        soc->bus_cycles += accel->at - now; /* the access before is not through yet */
    }
    if (!soc->ended && accel->at < now) {
        const uint64_t before = cycles_of(accel);
        bt_hal_sim_advance(accel->hal, min_u64(now - accel->at, WARM_CYCLES));
        note(soc, index, before);
        accel->at = now;
    }
}

uint64_t bt_soc_accel_bytes(const struct bt_soc *soc)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < BT_SOC_ACCELS; i++) {
        const struct bt_soc_accel *accel = &soc->accel[i];
        if (accel->hal != NULL) {
            total += bytes_of(accel);
        }
    }
    return total;
}

void bt_soc_arm(struct bt_soc *soc, uint32_t index)
{
    struct bt_soc_accel *accel = &soc->accel[index];
    struct bt_sim_stats stats;
    bt_soc_catch_up(soc, index);
    bt_hal_sim_stats(accel->hal, &stats);
    accel->bytes += stats.read_bytes + stats.write_bytes - accel->bytes_seen;
    bt_hal_sim_arm(accel->hal);
    bt_hal_sim_stats(accel->hal, &stats);
    accel->bytes_seen = stats.read_bytes + stats.write_bytes;
    accel->measured = stats.start_to_done;
}

/* ---- the whole ---- */

/* Counts the time up to now in which accelerators ran, each cycle once. */
static void account(struct bt_soc *soc, uint64_t now, bool waiting)
{
    uint64_t at = soc->accounted;
    uint64_t busy = 0;
    while (at < now) {
        uint64_t reach = at;
        uint64_t next = now;
        for (uint32_t i = soc->span_live; i < soc->span_count; i++) {
            const struct bt_soc_span *span = &soc->spans[i];
            const struct bt_soc_accel *accel = &soc->accel[span->accel];
            const uint64_t to = accel->running && accel->span == i ? accel->at : span->to;
            if (span->from > at) {
                next = min_u64(next, span->from);
            } else if (to > reach) {
                reach = to;
            }
        }
        if (reach > at) {
            reach = min_u64(reach, now);
            busy += reach - at;
            at = reach;
        } else {
            at = next;
        }
    }
    while (soc->span_live < soc->span_count) {
        const struct bt_soc_span *span = &soc->spans[soc->span_live];
        const struct bt_soc_accel *accel = &soc->accel[span->accel];
        if ((accel->running && accel->span == soc->span_live) || span->to > now) {
            break;
        }
        soc->span_live++;
    }
    soc->accounted = now;
    soc->accel_cycles += busy;
    soc->overlap_cycles += waiting ? 0 : busy;
}

static void bring_up(struct bt_soc *soc, bool waiting)
{
    const uint64_t now = bt_soc_now(soc);
    for (uint32_t i = 0; i < BT_SOC_ACCELS; i++) {
        run_until(soc, i, now);
    }
    account(soc, now, waiting);
}

void bt_soc_sync(struct bt_soc *soc)
{
    bring_up(soc, false);
}

void bt_soc_time_reset(struct bt_soc *soc)
{
    soc->retired = soc->limit = soc->sync_at = 0;
    soc->wait_cycles = soc->bus_cycles = soc->accounted = soc->accel_cycles = soc->overlap_cycles = 0;
    soc->span_count = soc->span_live = soc->mark_count = 0;
    for (uint32_t i = 0; i < BT_SOC_ACCELS; i++) {
        struct bt_soc_accel *accel = &soc->accel[i];
        struct bt_hal *hal = soc->options.accel != NULL && i < soc->map.accel_count ? soc->options.accel[i] : NULL;
        *accel = (struct bt_soc_accel){.hal = hal};
        if (hal != NULL) {
            struct bt_sim_stats stats;
            bt_hal_sim_stats(hal, &stats);
            accel->bytes_seen = stats.read_bytes + stats.write_bytes;
            accel->measured = stats.start_to_done;
            accel->done = stats.done;
            if (stats.running) {
                open_span(soc, i, 0, false); /* left over from the run before */
            }
        }
    }
}

/* ---- interrupts and waiting ---- */

uint32_t bt_soc_lines(const struct bt_soc *soc)
{
    const uint64_t now = bt_soc_now(soc);
    uint32_t lines = 0;
    for (uint32_t i = 0; i < BT_SOC_ACCELS; i++) {
        if (soc->accel[i].done && soc->accel[i].done_at <= now) {
            lines |= 1u << i;
        }
    }
    return lines;
}

uint32_t bt_soc_pending(const struct bt_soc *soc, uint32_t mie)
{
    if ((mie & MIE_EXTERNAL) != 0 && (bt_soc_lines(soc) & soc->enable) != 0) {
        return CAUSE_EXTERNAL;
    }
    if ((mie & MIE_TIMER) != 0 && bt_soc_now(soc) >= soc->compare) {
        return CAUSE_TIMER;
    }
    return 0;
}

void bt_soc_watchdog(struct bt_soc *soc)
{
    if (soc->retired >= soc->options.max_instructions) {
        bt_soc_finish(soc, BT_SOC_WATCHDOG, "watchdog: %" PRIu64 " instructions, at most %" PRIu64, soc->retired,
                      soc->options.max_instructions);
    } else if (bt_soc_now(soc) >= soc->options.max_cycles) {
        bt_soc_finish(soc, BT_SOC_WATCHDOG, "watchdog: %" PRIu64 " simulated cycles, at most %" PRIu64, bt_soc_now(soc),
                      soc->options.max_cycles);
    } else if (bt_soc_host_seconds() - soc->started >= soc->options.max_seconds) {
        /* The seconds that went by are not told: a message must not differ from run to run more than it has to. */
        bt_soc_finish(soc, BT_SOC_WATCHDOG, "watchdog: %g seconds of the host", soc->options.max_seconds);
    }
}

/* Until when at the latest; UINT64_MAX when nothing that is enabled can come. */
static uint64_t next_event(const struct bt_soc *soc, uint32_t mie, uint32_t enable, uint32_t *running)
{
    uint64_t event = (mie & MIE_TIMER) != 0 ? soc->compare : UINT64_MAX;
    *running = 0;
    for (uint32_t i = 0; i < BT_SOC_ACCELS; i++) {
        const struct bt_soc_accel *accel = &soc->accel[i];
        if ((enable >> i & 1) != 0 && accel->done) {
            event = min_u64(event, accel->done_at); /* it was ahead of the CPU */
        } else if ((enable >> i & 1) != 0 && accel->running) {
            *running |= 1u << i;
        }
    }
    return event;
}

void bt_soc_wait(struct bt_soc *soc)
{
    const uint32_t mie = bt_soc_reg(soc, UC_RISCV_REG_MIE);
    const uint32_t enable = (mie & MIE_EXTERNAL) != 0 ? soc->enable : 0;
    bt_soc_sync(soc);
    while (!soc->ended && bt_soc_pending(soc, mie) == 0) {
        const uint64_t now = bt_soc_now(soc);
        uint32_t running = 0;
        uint64_t until = next_event(soc, mie, enable, &running);
        if (until == UINT64_MAX && running == 0) {
            bt_soc_finish(soc, BT_SOC_NEVER_WAKES,
                          "wfi, but nothing that is enabled can come: mie is 0x%" PRIx32 ", lines enabled 0x%" PRIx32
                          ", none of their accelerators runs",
                          mie, soc->enable);
            return;
        }
        if (running != 0) {
            until = min_u64(until, now + SLICE_CYCLES);
        }
        until = min_u64(until, soc->options.max_cycles > now ? soc->options.max_cycles : now);
        for (uint32_t i = 0; i < BT_SOC_ACCELS && !soc->ended; i++) {
            if ((running >> i & 1) != 0) {
                run_until(soc, i, until);
                if (soc->accel[i].done && soc->accel[i].done_at > now) {
                    until = min_u64(until, soc->accel[i].done_at);
                }
            }
        }
        soc->wait_cycles += until - now;
        bring_up(soc, true);
        if (bt_soc_pending(soc, mie) == 0) {
            bt_soc_watchdog(soc);
        }
    }
}
