/*
 * Bus-functional models around a Verilated core. Included by sim.cpp alone, after the model's header.
 *
 * Every model has two halves. sample(edge) looks at the core's outputs as they stand before rising edge `edge`, finds
 * the handshakes of that edge and decides the model's own outputs; drive() puts those on the core's inputs after the
 * edge. So every input of the core behaves like the output of a register, and nothing is combinational in between.
 *
 * A template parameter P is a struct written by bittrue-glue: one accessor per signal, with `data_bits`, `base` etc.
 */
#ifndef BT_SIM_BFM_H
#define BT_SIM_BFM_H

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "harness/sim.h"

/* A signal and its pin on the core; a signal the core does not have, which reads as `value`. */
#define BT_PIN(signal, pin)                                                                                            \
    static auto &signal(Vcore *t)                                                                                      \
    {                                                                                                                  \
        return t->pin;                                                                                                 \
    }
#define BT_ABSENT(signal, value)                                                                                       \
    static uint64_t &signal(Vcore *)                                                                                   \
    {                                                                                                                  \
        static uint64_t absent;                                                                                        \
        return absent = value;                                                                                         \
    }

/* What the models share: the store, its parameters, the writable windows, what was counted and what went wrong. */
struct bt_world {
    struct window {
        uint64_t lo, hi;
    };

    uint8_t *dram = nullptr;
    uint64_t dram_bytes = 0;
    struct bt_memory mem = {};
    uint64_t edge = 0; /* index of the next rising edge */
    struct bt_sim_stats stats = {};
    char error[256] = "";
    std::vector<window> windows;
    window hot = {0, 0}; /* the window that the last write fell into */

    __attribute__((cold, noinline, format(printf, 3, 4))) void violation(const char *port, const char *format, ...)
    {
        if (stats.violations++ != 0)
            return;
        char text[200];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        snprintf(error, sizeof error, "cycle %llu, %s: %s", (unsigned long long)edge, port, text);
    }

    bool may_write(uint64_t addr, uint64_t bytes)
    {
        if (__builtin_expect(addr >= hot.lo && addr + bytes <= hot.hi, 1))
            return true;
        for (const window &w : windows) {
            if (addr >= w.lo && addr + bytes <= w.hi) {
                hot = w;
                return true;
            }
        }
        return false;
    }

    /* Stores the strobed bytes of one beat. A byte outside the windows or the DRAM is a violation and is not stored. */
    void store(const char *port, uint64_t addr, const void *data, uint32_t bytes, uint64_t strb, uint64_t full)
    {
        if (__builtin_expect(strb == full && may_write(addr, bytes), 1)) {
            memcpy(dram + addr, data, bytes);
            stats.write_bytes += bytes;
            return;
        }
        for (uint32_t i = 0; i < bytes; i++) {
            if (((strb >> i) & 1) == 0)
                continue;
            stats.write_bytes++;
            if (may_write(addr + i, 1)) {
                dram[addr + i] = static_cast<const uint8_t *>(data)[i];
            } else {
                violation(port, "write to 0x%llx, outside the allowed windows", (unsigned long long)(addr + i));
                return;
            }
        }
    }

    bool inside(uint64_t addr, uint64_t bytes) const
    {
        return addr <= dram_bytes && bytes <= dram_bytes - addr;
    }
};

/* Seeded stalls of one channel (splitmix64, 7 fractional bits of bias are far below one percent). */
struct bt_stall {
    uint64_t state = 0;
    uint64_t threshold = 0; /* of 2^32 */

    void init(const struct bt_memory &mem, unsigned channel)
    {
        state = mem.stall_seed * 0x9e3779b97f4a7c15u + (channel + 1) * 0xd1b54a32d192ed03u;
        threshold = (uint64_t(mem.stall_percent) << 32) / 100;
    }

    bool operator()()
    {
        if (__builtin_expect(threshold == 0, 1))
            return false;
        uint64_t z = (state += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return ((z ^ (z >> 31)) >> 32) < threshold;
    }
};

/* A ring of fixed capacity (a power of two); the caller keeps it from overflowing. */
template <class T, uint32_t N> struct bt_ring {
    T item[N];
    uint32_t head = 0, tail = 0;

    uint32_t count() const
    {
        return tail - head;
    }
    T &front()
    {
        return item[head & (N - 1)];
    }
    T &push()
    {
        return item[tail++ & (N - 1)];
    }
    void pop()
    {
        head++;
    }
    void clear()
    {
        head = tail = 0;
    }
};

static const uint32_t BT_MAX_OUTSTANDING = 64; /* read bursts per port */
static const uint32_t BT_MAX_WRITES = 1024;    /* write bursts per port not yet answered */
static const uint32_t BT_EARLY_BEATS = 512;    /* write beats accepted before their address */

static inline uint32_t bt_beat_interval(const struct bt_memory &mem, uint32_t beat_bytes)
{
    return mem.bytes_per_cycle == 0 ? 1 : (beat_bytes + mem.bytes_per_cycle - 1) / mem.bytes_per_cycle;
}

/* ---- AXI4 subordinate on the store; read and write channels are independent ---- */

template <class P> struct bt_axi4_port {
    static constexpr uint32_t BEAT = P::data_bits / 8;
    static constexpr uint64_t FULL = BEAT == 64 ? ~uint64_t(0) : (uint64_t(1) << (BEAT & 63)) - 1;
    static constexpr uint32_t SIZE = __builtin_ctz(BEAT);

    struct request {
        uint64_t addr, rest;
        bool operator==(const request &o) const
        {
            return addr == o.addr && rest == o.rest;
        }
    };
    struct read_burst {
        uint64_t addr, first_edge;
        uint32_t left, id;
        bool ok;
    };
    struct write_burst {
        uint64_t addr;
        uint32_t left, id;
        bool ok;
    };
    struct response {
        uint64_t edge;
        uint32_t id;
        bool ok;
    };
    struct beat {
        uint8_t data[BEAT];
        uint64_t strb;
        bool last;
    };

    bt_world *world;
    uint64_t latency;
    uint32_t interval, outstanding;

    bt_ring<read_burst, BT_MAX_OUTSTANDING> reads;
    uint64_t next_r_edge;
    const uint8_t *r_src;
    bool arready, rvalid, rlast, rnew, rok, ar_held;
    uint32_t rid;
    request ar_saved;
    bt_stall ar_stall, r_stall;

    bt_ring<write_burst, BT_MAX_WRITES> writes; /* accepted, data not complete */
    bt_ring<response, BT_MAX_WRITES> answers;   /* complete, B not yet taken */
    bt_ring<beat, BT_EARLY_BEATS> early;
    uint64_t next_w_edge;
    bool awready, wready, bvalid, bok, aw_held, w_held;
    uint32_t bid;
    request aw_saved;
    beat w_saved;
    bt_stall aw_stall, w_stall, b_stall;

    void init(bt_world *w, unsigned index)
    {
        world = w;
        latency = w->mem.latency_cycles < 1 ? 1 : w->mem.latency_cycles;
        interval = bt_beat_interval(w->mem, BEAT);
        outstanding = w->mem.outstanding;
        ar_stall.init(w->mem, index * 8 + 0);
        r_stall.init(w->mem, index * 8 + 1);
        aw_stall.init(w->mem, index * 8 + 2);
        w_stall.init(w->mem, index * 8 + 3);
        b_stall.init(w->mem, index * 8 + 4);
        reset();
    }

    void reset()
    {
        reads.clear();
        writes.clear();
        answers.clear();
        early.clear();
        next_r_edge = next_w_edge = 0;
        r_src = nullptr;
        arready = rvalid = rlast = rnew = rok = ar_held = false;
        awready = wready = bvalid = bok = aw_held = w_held = false;
        rid = bid = 0;
    }

    void check_reset(Vcore *t)
    {
        if constexpr (P::reads) {
            if (P::arvalid(t))
                world->violation(P::name, "arvalid is high in reset");
        }
        if constexpr (P::writes) {
            if (P::awvalid(t))
                world->violation(P::name, "awvalid is high in reset");
            if (P::wvalid(t))
                world->violation(P::name, "wvalid is high in reset");
        }
    }

    /* Bus rules of an address, and whether the burst lies in the store. */
    bool accept(uint64_t addr, uint32_t beats, uint32_t size, uint32_t burst, const char *channel)
    {
        const uint64_t bytes = uint64_t(beats) * BEAT;
        if (burst != 1)
            world->violation(P::name, "%s burst type %u, expected INCR (1)", channel, burst);
        if (size != SIZE)
            world->violation(P::name, "%s size %u, expected %u (full width)", channel, size, SIZE);
        if (addr % BEAT != 0)
            world->violation(P::name, "%s address 0x%llx, expected a multiple of %u", channel, (unsigned long long)addr,
                             BEAT);
        if ((addr & 4095) + bytes > 4096)
            world->violation(P::name, "%s burst of %u beats at 0x%llx crosses a 4 KiB boundary", channel, beats,
                             (unsigned long long)addr);
        return world->inside(addr, bytes);
    }

    static request ar_request(Vcore *t)
    {
        return {uint64_t(P::araddr(t)), uint64_t(P::arlen(t)) | uint64_t(P::arsize(t)) << 8 |
                                            uint64_t(P::arburst(t)) << 16 | uint64_t(P::arid(t)) << 32};
    }

    void sample_read(Vcore *t, uint64_t edge)
    {
        if (rvalid && P::rready(t)) {
            world->stats.read_bytes += BEAT;
            rvalid = false;
            next_r_edge = edge + interval;
            if (--reads.front().left == 0)
                reads.pop();
        }
        if (P::arvalid(t)) {
            if (__builtin_expect(ar_held, 0) && !(ar_request(t) == ar_saved))
                world->violation(P::name, "ar payload changed before arready");
            ar_held = !arready;
            if (arready) {
                const uint64_t addr = uint64_t(P::araddr(t)) + P::base;
                const uint32_t beats = uint32_t(P::arlen(t)) + 1;
                read_burst &b = reads.push();
                b.addr = addr;
                b.first_edge = edge + latency;
                b.left = beats;
                b.id = P::arid(t);
                b.ok = accept(addr, beats, P::arsize(t), P::arburst(t), "ar");
                world->stats.read_bursts++;
            } else {
                ar_saved = ar_request(t);
            }
        } else if (ar_held) {
            world->violation(P::name, "arvalid dropped before arready");
            ar_held = false;
        }
        rnew = false;
        if (!rvalid && reads.count() != 0) {
            read_burst &b = reads.front();
            if (b.first_edge <= edge + 1 && next_r_edge <= edge + 1 && !r_stall()) {
                rvalid = rnew = true;
                rlast = b.left == 1;
                rok = b.ok;
                rid = b.id;
                r_src = world->dram + b.addr;
                b.addr += BEAT;
            }
        }
        arready = reads.count() < outstanding && !ar_stall();
    }

    /* One beat meets its address. */
    void write_beat(uint64_t edge, const void *data, uint64_t strb, bool last)
    {
        write_burst &b = writes.front();
        if (b.ok || strb != 0) {
            if (b.ok) {
                world->store(P::name, b.addr, data, BEAT, strb, FULL);
            } else {
                world->violation(P::name, "write to 0x%llx, outside the DRAM", (unsigned long long)b.addr);
            }
        }
        b.addr += BEAT;
        if (P::has_wlast && last != (b.left == 1))
            world->violation(P::name, last ? "wlast with %u beats to come" : "wlast missing (%u beats to come)",
                             b.left - 1);
        if (--b.left == 0) {
            response &r = answers.push();
            r.edge = edge + latency;
            r.id = b.id;
            r.ok = b.ok;
            writes.pop();
        }
    }

    static request aw_request(Vcore *t)
    {
        return {uint64_t(P::awaddr(t)), uint64_t(P::awlen(t)) | uint64_t(P::awsize(t)) << 8 |
                                            uint64_t(P::awburst(t)) << 16 | uint64_t(P::awid(t)) << 32};
    }

    void sample_write(Vcore *t, uint64_t edge)
    {
        if (bvalid && P::bready(t)) {
            bvalid = false;
            answers.pop();
        }
        if (P::awvalid(t)) {
            if (__builtin_expect(aw_held, 0) && !(aw_request(t) == aw_saved))
                world->violation(P::name, "aw payload changed before awready");
            aw_held = !awready;
            if (awready) {
                const uint64_t addr = uint64_t(P::awaddr(t)) + P::base;
                const uint32_t beats = uint32_t(P::awlen(t)) + 1;
                write_burst &b = writes.push();
                b.addr = addr;
                b.left = beats;
                b.id = P::awid(t);
                b.ok = accept(addr, beats, P::awsize(t), P::awburst(t), "aw");
                while (writes.count() != 0 && early.count() != 0) {
                    const beat &e = early.front();
                    write_beat(edge, e.data, e.strb, e.last);
                    early.pop();
                }
            } else {
                aw_saved = aw_request(t);
            }
        } else if (aw_held) {
            world->violation(P::name, "awvalid dropped before awready");
            aw_held = false;
        }
        if (P::wvalid(t)) {
            const uint64_t strb = uint64_t(P::wstrb(t)) & FULL;
            const bool last = P::wlast(t);
            if (w_held &&
                (strb != w_saved.strb || last != w_saved.last || memcmp(w_saved.data, &P::wdata(t), BEAT) != 0))
                world->violation(P::name, "w payload changed before wready");
            w_held = !wready;
            if (wready) {
                next_w_edge = edge + interval;
                if (__builtin_expect(writes.count() != 0, 1)) {
                    write_beat(edge, &P::wdata(t), strb, last);
                } else {
                    beat &e = early.push();
                    memcpy(e.data, &P::wdata(t), BEAT);
                    e.strb = strb;
                    e.last = last;
                }
            } else {
                memcpy(w_saved.data, &P::wdata(t), BEAT);
                w_saved.strb = strb;
                w_saved.last = last;
            }
        } else if (w_held) {
            world->violation(P::name, "wvalid dropped before wready");
            w_held = false;
        }
        wready = next_w_edge <= edge + 1 && early.count() < BT_EARLY_BEATS && !w_stall();
        awready = writes.count() + answers.count() < BT_MAX_WRITES && !aw_stall();
        if (!bvalid && answers.count() != 0) {
            const response &r = answers.front();
            if (r.edge <= edge + 1 && !b_stall()) {
                bvalid = true;
                bid = r.id;
                bok = r.ok;
            }
        }
    }

    void sample(Vcore *t, uint64_t edge)
    {
        if constexpr (P::reads)
            sample_read(t, edge);
        if constexpr (P::writes)
            sample_write(t, edge);
    }

    void drive(Vcore *t)
    {
        if constexpr (P::reads) {
            P::arready(t) = arready;
            P::rvalid(t) = rvalid;
            if (rnew) {
                rnew = false;
                P::rlast(t) = rlast;
                P::rid(t) = rid;
                P::rresp(t) = rok ? 0 : 3;
                if (__builtin_expect(rok, 1)) {
                    memcpy(&P::rdata(t), r_src, BEAT);
                } else {
                    memset(&P::rdata(t), 0, BEAT);
                }
            }
        }
        if constexpr (P::writes) {
            P::awready(t) = awready;
            P::wready(t) = wready;
            P::bvalid(t) = bvalid;
            P::bid(t) = bid;
            P::bresp(t) = bok ? 0 : 3;
        }
    }

    void kick(uint64_t, bool)
    {
    }
};

/* ---- TCDM: request/grant, responses in order after the latency, no back-pressure on them ---- */

template <class P> struct bt_tcdm_port {
    static constexpr uint32_t BEAT = P::data_bits / 8;

    struct request {
        uint64_t addr, be;
        bool wen;
        uint8_t data[BEAT];
    };
    struct read {
        uint64_t addr, first_edge;
    };

    bt_world *world;
    uint64_t latency;
    uint32_t interval, outstanding;
    bt_ring<read, BT_MAX_OUTSTANDING> reads;
    uint64_t next_gnt_edge, next_r_edge;
    const uint8_t *r_src;
    bool gnt, r_valid, held;
    request saved;
    bt_stall gnt_stall, r_stall;

    void init(bt_world *w, unsigned index)
    {
        world = w;
        latency = w->mem.latency_cycles < 1 ? 1 : w->mem.latency_cycles;
        interval = bt_beat_interval(w->mem, BEAT);
        outstanding = w->mem.outstanding;
        gnt_stall.init(w->mem, index * 8 + 0);
        r_stall.init(w->mem, index * 8 + 1);
        reset();
    }

    void reset()
    {
        reads.clear();
        next_gnt_edge = next_r_edge = 0;
        r_src = nullptr;
        gnt = r_valid = held = false;
    }

    void check_reset(Vcore *t)
    {
        if (P::req(t))
            world->violation(P::name, "req is high in reset");
    }

    void kick(uint64_t, bool)
    {
    }

    void check_held(Vcore *t)
    {
        bool same = uint64_t(P::add(t)) == saved.addr && bool(P::wen(t)) == saved.wen;
        if constexpr (P::writes) {
            if (!P::wen(t))
                same = same && uint64_t(P::be(t)) == saved.be && memcmp(saved.data, &P::data(t), BEAT) == 0;
        }
        if (!same)
            world->violation(P::name, "request changed before gnt");
    }

    void accept(Vcore *t, uint64_t edge)
    {
        const uint64_t addr = uint64_t(P::add(t)) + P::base;
        const bool is_read = P::wen(t);
        next_gnt_edge = edge + interval;
        if (addr % BEAT != 0) {
            world->violation(P::name, "address 0x%llx, expected a multiple of %u", (unsigned long long)addr, BEAT);
        } else if (is_read ? !P::reads : !P::writes) {
            world->violation(P::name, "%s on a port without that access", is_read ? "read" : "write");
        } else if (!world->inside(addr, BEAT)) {
            world->violation(P::name, "access to 0x%llx, outside the DRAM", (unsigned long long)addr);
        } else if (is_read) {
            read &r = reads.push();
            r.addr = addr;
            r.first_edge = edge + latency;
            world->stats.read_bursts++;
        } else {
            if constexpr (P::writes)
                world->store(P::name, addr, &P::data(t), BEAT, uint64_t(P::be(t)) & P::FULL, P::FULL);
        }
    }

    void sample(Vcore *t, uint64_t edge)
    {
        if (r_valid) {
            r_valid = false;
            world->stats.read_bytes += BEAT;
            next_r_edge = edge + interval;
            reads.pop();
        }
        if (P::req(t)) {
            if (__builtin_expect(held, 0))
                check_held(t);
            held = !gnt;
            if (gnt) {
                accept(t, edge);
            } else {
                saved.addr = P::add(t);
                saved.wen = P::wen(t);
                saved.be = P::be(t);
                if constexpr (P::writes)
                    memcpy(saved.data, &P::data(t), BEAT);
            }
        } else if (held) {
            world->violation(P::name, "req dropped before gnt");
            held = false;
        }
        if (reads.count() != 0) {
            const read &r = reads.front();
            if (r.first_edge <= edge + 1 && next_r_edge <= edge + 1 && !r_stall()) {
                r_valid = true;
                r_src = world->dram + r.addr;
            }
        }
        gnt = next_gnt_edge <= edge + 1 && reads.count() < outstanding && !gnt_stall();
    }

    void drive(Vcore *t)
    {
        P::gnt(t) = gnt;
        if constexpr (P::reads) {
            P::r_valid(t) = r_valid;
            if (r_valid)
                memcpy(&P::r_data(t), r_src, BEAT);
        }
    }
};

/*
 * ---- AXI-Stream into the core ----
 * The store at `base` holds a header of two 64-bit words: bytes to send, and bytes per packet (0: one packet); the data
 * follow. The header is taken, and its first word zeroed, at a start or a run(), once the stream before it is through.
 */
static const uint64_t BT_STREAM_HEADER_BYTES = 16;

template <class P> struct bt_stream_source {
    static constexpr uint32_t BEAT = P::data_bits / 8;

    bt_world *world;
    uint64_t latency;
    uint32_t interval;
    uint64_t at, left, packet, sent, next_edge;
    bool tvalid, tnew;
    bt_stall stall;

    void init(bt_world *w, unsigned index)
    {
        world = w;
        latency = w->mem.latency_cycles < 1 ? 1 : w->mem.latency_cycles;
        interval = bt_beat_interval(w->mem, BEAT);
        stall.init(w->mem, index * 8);
        reset();
    }

    void reset()
    {
        at = left = packet = sent = next_edge = 0;
        tvalid = tnew = false;
    }

    void check_reset(Vcore *)
    {
    }

    void kick(uint64_t edge, bool)
    {
        uint64_t header[2];
        if (left != 0)
            return;
        if (!world->inside(P::base, sizeof header)) {
            world->violation(P::name, "base 0x%llx is outside the DRAM", (unsigned long long)P::base);
            return;
        }
        memcpy(header, world->dram + P::base, sizeof header);
        if (header[0] == 0)
            return;
        if (header[0] % BEAT != 0 || header[1] % BEAT != 0 || !world->inside(P::base + sizeof header, header[0])) {
            world->violation(P::name, "stream of %llu bytes in packets of %llu: not whole beats, or beyond the DRAM",
                             (unsigned long long)header[0], (unsigned long long)header[1]);
            return;
        }
        memset(world->dram + P::base, 0, sizeof header[0]);
        at = P::base + sizeof header;
        left = header[0];
        packet = header[1];
        sent = 0;
        next_edge = edge + latency;
        world->stats.read_bursts++;
    }

    void sample(Vcore *t, uint64_t edge)
    {
        if (tvalid && P::tready(t)) {
            tvalid = false;
            at += BEAT;
            left -= BEAT;
            sent += BEAT;
            next_edge = edge + interval;
            world->stats.read_bytes += BEAT;
        }
        if (!tvalid && left != 0 && next_edge <= edge + 1 && !stall())
            tvalid = tnew = true;
    }

    void drive(Vcore *t)
    {
        P::tvalid(t) = tvalid;
        if (tnew) {
            tnew = false;
            memcpy(&P::tdata(t), world->dram + at, BEAT);
            P::tlast(t) = left == BEAT || (packet != 0 && (sent + BEAT) % packet == 0);
        }
    }
};

/*
 * ---- AXI-Stream out of the core ----
 * The store at `base` holds a header of two 64-bit words: bytes received so far, kept by the model and zeroed by the
 * driver before each run, and bytes expected (0: unknown); the data follow.
 */
template <class P> struct bt_stream_sink {
    static constexpr uint32_t BEAT = P::data_bits / 8;

    bt_world *world;
    uint32_t interval;
    uint64_t next_edge;
    bool tready, held, complete;
    uint8_t saved[BEAT];
    bool saved_last;
    bt_stall stall;

    void init(bt_world *w, unsigned index)
    {
        world = w;
        interval = bt_beat_interval(w->mem, BEAT);
        stall.init(w->mem, index * 8);
        reset();
    }

    void reset()
    {
        next_edge = 0;
        tready = held = complete = saved_last = false;
    }

    void check_reset(Vcore *t)
    {
        if (P::tvalid(t))
            world->violation(P::name, "tvalid is high in reset");
    }

    void kick(uint64_t, bool)
    {
    }

    /* True once for each time the expected bytes are complete. */
    bool finished()
    {
        const bool now = complete;
        complete = false;
        return now;
    }

    void accept(Vcore *t)
    {
        uint64_t header[2];
        if (!world->inside(P::base, sizeof header)) {
            world->violation(P::name, "base 0x%llx is outside the DRAM", (unsigned long long)P::base);
            return;
        }
        memcpy(header, world->dram + P::base, sizeof header);
        if (header[1] != 0 && header[0] >= header[1]) {
            world->violation(P::name, "more than the expected %llu bytes", (unsigned long long)header[1]);
            return;
        }
        world->store(P::name, P::base + sizeof header + header[0], &P::tdata(t), BEAT, P::FULL, P::FULL);
        header[0] += BEAT;
        memcpy(world->dram + P::base, header, sizeof header[0]);
        complete = header[1] != 0 && header[0] >= header[1];
    }

    void sample(Vcore *t, uint64_t edge)
    {
        if (P::tvalid(t)) {
            const bool last = P::tlast(t);
            if (held && (last != saved_last || memcmp(saved, &P::tdata(t), BEAT) != 0))
                world->violation(P::name, "payload changed before tready");
            held = !tready;
            if (tready) {
                accept(t);
                next_edge = edge + interval;
            } else {
                memcpy(saved, &P::tdata(t), BEAT);
                saved_last = last;
            }
        } else if (held) {
            world->violation(P::name, "tvalid dropped before tready");
            held = false;
        }
        tready = next_edge <= edge + 1 && !stall();
    }

    void drive(Vcore *t)
    {
        P::tready(t) = tready;
    }
};

/*
 * ---- Raw pull ----
 * While gnt is high, rdata is the n-th word of the window at `base`; an edge with req and gnt high takes it. n is 0 at
 * each start. A core without gnt takes a word whenever it raises req, and memory timing does not apply to it.
 */
template <class P> struct bt_raw_port {
    static constexpr uint32_t BEAT = P::data_bits / 8;

    bt_world *world;
    uint64_t latency;
    uint32_t interval;
    uint64_t at, next_edge;
    bool gnt, gnew;
    bt_stall stall;

    void init(bt_world *w, unsigned index)
    {
        world = w;
        latency = w->mem.latency_cycles < 1 ? 1 : w->mem.latency_cycles;
        interval = bt_beat_interval(w->mem, BEAT);
        stall.init(w->mem, index * 8);
        reset();
    }

    void reset()
    {
        at = P::base;
        next_edge = 0;
        gnt = gnew = false;
    }

    void check_reset(Vcore *)
    {
    }

    void kick(uint64_t edge, bool start)
    {
        if (!start)
            return;
        at = P::base;
        next_edge = edge + (P::has_gnt ? latency : 1);
        gnt = false;
    }

    void sample(Vcore *t, uint64_t edge)
    {
        if (gnt && P::req(t)) {
            if (!world->inside(at, BEAT))
                world->violation(P::name, "pulled a word at 0x%llx, outside the DRAM", (unsigned long long)at);
            gnt = false;
            at += BEAT;
            next_edge = edge + (P::has_gnt ? interval : 1);
            world->stats.read_bytes += BEAT;
        }
        if (!gnt && next_edge <= edge + 1 && !(P::has_gnt && stall()))
            gnt = gnew = true;
    }

    void drive(Vcore *t)
    {
        P::gnt(t) = gnt;
        if (!gnew)
            return;
        gnew = false;
        if (world->inside(at, BEAT)) {
            memcpy(&P::rdata(t), world->dram + at, BEAT);
        } else {
            memset(&P::rdata(t), 0, BEAT); /* looked ahead past the end */
        }
    }
};

/* ---- control masters: one transfer at a time ---- */

struct bt_transfer {
    bool busy = false, write = false, failed = false;
    uint32_t offset = 0, value = 0;
    uint64_t accepted_edge = 0; /* writes: the edge at which the core had taken address and data */
    bool accepted = false;
    uint64_t done_edge = 0;
};

template <class P> struct bt_axil_master {
    bt_transfer x;
    bool awvalid = false, wvalid = false, arvalid = false;

    void reset(Vcore *t)
    {
        x = bt_transfer();
        awvalid = wvalid = arvalid = false;
        drive(t);
    }

    void begin(Vcore *t, bool write, uint32_t offset, uint32_t value)
    {
        x = bt_transfer();
        x.busy = true;
        x.write = write;
        x.offset = offset;
        x.value = value;
        awvalid = wvalid = write;
        arvalid = !write;
        drive(t);
    }

    void sample(Vcore *t, uint64_t edge)
    {
        if (x.write) {
            if (awvalid && P::awready(t))
                awvalid = false;
            if (wvalid && P::wready(t))
                wvalid = false;
            if (!awvalid && !wvalid && !x.accepted) {
                x.accepted = true;
                x.accepted_edge = edge;
            }
            if (x.accepted && P::bvalid(t)) {
                x.failed = P::bresp(t) != 0;
                x.busy = false;
                x.done_edge = edge;
            }
        } else {
            if (arvalid && P::arready(t))
                arvalid = false;
            if (!arvalid && P::rvalid(t)) {
                x.failed = P::rresp(t) != 0;
                x.value = P::rdata(t);
                x.busy = false;
                x.done_edge = edge;
            }
        }
    }

    void drive(Vcore *t)
    {
        P::awaddr(t) = x.offset;
        P::awvalid(t) = awvalid;
        P::wdata(t) = x.value;
        P::wstrb(t) = 0xf;
        P::wvalid(t) = wvalid;
        P::bready(t) = x.busy && x.write;
        P::araddr(t) = x.offset;
        P::arvalid(t) = arvalid;
        P::rready(t) = x.busy && !x.write;
    }
};

template <class P> struct bt_apb_master {
    bt_transfer x;
    bool penable = false;

    void reset(Vcore *t)
    {
        x = bt_transfer();
        penable = false;
        drive(t);
    }

    void begin(Vcore *t, bool write, uint32_t offset, uint32_t value)
    {
        x = bt_transfer();
        x.busy = true;
        x.write = write;
        x.offset = offset;
        x.value = value;
        penable = false; /* the next edge ends the setup phase */
        drive(t);
    }

    void sample(Vcore *t, uint64_t edge)
    {
        if (!penable) {
            penable = true;
        } else if (P::pready(t)) {
            x.failed = P::pslverr(t) != 0;
            if (!x.write)
                x.value = P::prdata(t);
            x.accepted = x.write;
            x.accepted_edge = x.done_edge = edge;
            x.busy = false;
            penable = false;
        }
    }

    void drive(Vcore *t)
    {
        P::psel(t) = x.busy;
        P::penable(t) = penable;
        P::pwrite(t) = x.write;
        P::paddr(t) = x.offset;
        P::pwdata(t) = x.value;
        P::pstrb(t) = x.write ? 0xf : 0;
    }
};

/* A core without a register bus. */
struct bt_no_master {
    bt_transfer x;
    void reset(Vcore *)
    {
    }
    void begin(Vcore *, bool, uint32_t, uint32_t)
    {
        x.failed = true;
    }
    void sample(Vcore *, uint64_t)
    {
    }
    void drive(Vcore *)
    {
    }
};

#endif
