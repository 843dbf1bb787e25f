#include "reference/common/bt_axi_time.h"

/* Freestanding: this file is also compiled for RV32. */

enum {
    LINE = 16, /* beats of 256 bytes */
};

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool bt_axi_memory(const struct bt_memory *mem, struct bt_axi_memory *axi)
{
    const uint32_t bytes = mem->bytes_per_cycle;
    *axi = (struct bt_axi_memory){.latency = max64(1, mem->latency_cycles),
                                  .beat = bytes == 0 ? 1 : (16 + (int64_t)bytes - 1) / bytes,
                                  .outstanding = mem->outstanding};
    return mem->outstanding >= 1 && mem->outstanding <= BT_AXI_MAX_OUTSTANDING;
}

/* Burst i may wait for i-N; meanwhile at least so many beats of the bursts between the two are delivered. */
static bool hidden(const struct bt_axi_memory *mem, int64_t beats)
{
    return mem->latency + 1 <= (beats + 1) * mem->beat;
}

bool bt_axi_streams(const struct bt_axi_memory *mem)
{
    return hidden(mem, LINE * (mem->outstanding - 1)); /* all of them full */
}

/* Of several rows: whole rows, or one beat each. */
static bool streams(const struct bt_axi_memory *mem, const struct bt_axi_transfer *transfer)
{
    const int64_t between = mem->outstanding - 1;
    const int64_t bursts = (transfer->beats + LINE - 2) / LINE + 1; /* of a row, at most */
    return transfer->rows == 1 ? bt_axi_streams(mem)
                               : hidden(mem, max64(between, (between / bursts - 1) * transfer->beats));
}

/* The bursts so far. */
struct walk {
    int64_t ends[BT_AXI_MAX_OUTSTANDING]; /* of the last N bursts, by index modulo N */
    int64_t index, accepted, last;
};

static void burst(const struct bt_axi_memory *mem, struct walk *walk, int64_t size)
{
    const int64_t n = mem->outstanding;
    walk->accepted = max64(walk->accepted + 1, walk->index >= n ? walk->ends[walk->index % n] + 1 : 0);
    walk->last = max64(walk->accepted + mem->latency, walk->last + mem->beat) + (size - 1) * mem->beat;
    walk->ends[walk->index % n] = walk->last;
    walk->index++;
}

/* The full bursts of one row: once N + 1 of them in a row have come a period after the one N before, so do all. */
static void full_bursts(const struct bt_axi_memory *mem, struct walk *walk, int64_t count)
{
    const int64_t n = mem->outstanding;
    int64_t same = 0;
    int64_t period = -1;
    while (count > 0) {
        const int64_t old = walk->index >= n ? walk->ends[walk->index % n] : INT64_MIN / 2;
        burst(mem, walk, LINE);
        count--;
        same = walk->last - old == period ? same + 1 : 0;
        period = walk->last - old;
        if (same > n && count > n) {
            const int64_t rounds = count / n;
            for (int64_t j = 0; j < n; j++) {
                walk->ends[j] += rounds * period;
            }
            walk->accepted += rounds * period;
            walk->last += rounds * period;
            walk->index += rounds * n;
            count -= rounds * n;
            same = INT64_MIN / 2;
        }
    }
}

int64_t bt_axi_read_end(const struct bt_axi_memory *mem, int64_t start, int64_t before,
                        const struct bt_axi_transfer *transfer)
{
    const int64_t address = start + BT_AXI_START_TO_ADDRESS;
    if (streams(mem, transfer)) {
        return max64(address + mem->latency, before + mem->beat) + (transfer->rows * transfer->beats - 1) * mem->beat;
    }
    struct walk walk = {.accepted = address - 1, .last = before};
    uint32_t addr = transfer->addr;
    for (int64_t row = 0; row < transfer->rows; row++, addr += transfer->pitch) {
        const int64_t first = min64(transfer->beats, LINE - (int64_t)(addr / 16 % LINE));
        const int64_t rest = transfer->beats - first;
        burst(mem, &walk, first);
        full_bursts(mem, &walk, rest / LINE);
        if (rest % LINE != 0) {
            burst(mem, &walk, rest % LINE);
        }
    }
    return walk.last;
}
