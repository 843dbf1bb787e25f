#include "harness/hal_sim.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bt_hal {
    void *library;
    const struct bt_sim_api *api;
    struct bt_sim *sim;
    uint8_t *dram;
    uint64_t dram_bytes;
    bool failed;
    struct bt_error reason;
};

/* ---- life ---- */

static enum bt_status check_memory(const struct bt_memory *mem, struct bt_error *err)
{
    if (mem->outstanding < 1 || mem->outstanding > 64)
        return bt_fail(err, BT_EINVAL, "memory: outstanding is %u, expected 1 to 64", mem->outstanding);
    if (mem->stall_percent > 95)
        return bt_fail(err, BT_EINVAL, "memory: stall_percent is %u, expected at most 95", mem->stall_percent);
    if (mem->dram_bytes == 0)
        return bt_fail(err, BT_EINVAL, "memory: dram_bytes is 0");
    return BT_OK;
}

enum bt_status bt_hal_sim_open_device(const struct bt_sim_api *api, const struct bt_config *config, uint8_t *dram,
                                      struct bt_hal **hal, struct bt_error *err)
{
    const enum bt_status status = check_memory(&config->mem, err);
    if (status != BT_OK)
        return status;
    struct bt_hal *h = calloc(1, sizeof *h);
    if (h == NULL)
        return bt_fail(err, BT_ENOMEM, "%s: out of memory", api->top);
    h->api = api;
    h->sim = api->open(config, dram, NULL);
    if (h->sim == NULL) {
        free(h);
        return bt_fail(err, BT_ENOMEM, "%s: out of memory", api->top);
    }
    h->dram = api->dram(h->sim);
    h->dram_bytes = config->mem.dram_bytes;
    *hal = h;
    return BT_OK;
}

enum bt_status bt_hal_sim_open(const char *so_path, const struct bt_memory *mem, uint8_t *dram, const char *wave,
                               struct bt_hal **hal, struct bt_error *err)
{
    char path[4096];
    const struct bt_sim_api *(*entry)(void) = NULL;
    enum bt_status status = check_memory(mem, err);
    if (status != BT_OK)
        return status;
    status = BT_EIO;
    /* A name without a slash would be looked for in the system's library folders. */
    const int len = snprintf(path, sizeof path, "%s%s", strchr(so_path, '/') != NULL ? "" : "./", so_path);
    if (len < 0 || (size_t)len >= sizeof path)
        return bt_fail(err, BT_EINVAL, "%.100s...: path too long", so_path);

    struct bt_hal *h = calloc(1, sizeof *h);
    if (h == NULL)
        return bt_fail(err, BT_ENOMEM, "%s: out of memory", so_path);
    h->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (h->library == NULL) {
        bt_fail(err, status, "cannot load the simulated core: %s", dlerror());
        goto cleanup;
    }
    void *symbol = dlsym(h->library, BT_SIM_SYMBOL);
    if (symbol == NULL) {
        bt_fail(err, status, "%s: not a simulated core, symbol %s is missing", so_path, BT_SIM_SYMBOL);
        goto cleanup;
    }
    memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from an object pointer to a function pointer */
    h->api = entry();
    if (h->api->abi != BT_SIM_ABI) {
        bt_fail(err, status, "%s: built for interface %u, expected %u; build it again", so_path, h->api->abi,
                BT_SIM_ABI);
        goto cleanup;
    }
    const struct bt_config config = {.mem = *mem}; /* the parameters are compiled in */
    h->sim = h->api->open(&config, dram, wave);
    if (h->sim == NULL) {
        status = wave != NULL ? BT_EIO : BT_ENOMEM;
        bt_fail(err, status, wave != NULL ? "%s: cannot write a waveform (is it a -trace build?)" : "%s: out of memory",
                so_path);
        goto cleanup;
    }
    h->dram = h->api->dram(h->sim);
    h->dram_bytes = mem->dram_bytes;
    *hal = h;
    return BT_OK;

cleanup:
    bt_hal_sim_close(h);
    return status;
}

void bt_hal_sim_close(struct bt_hal *hal)
{
    if (hal == NULL)
        return;
    if (hal->sim != NULL)
        hal->api->close(hal->sim);
    if (hal->library != NULL)
        dlclose(hal->library);
    free(hal);
}

void bt_hal_sim_reset(struct bt_hal *hal)
{
    hal->api->reset(hal->sim);
    hal->failed = false;
    hal->reason.text[0] = '\0';
}

void bt_hal_sim_arm(struct bt_hal *hal)
{
    hal->api->arm(hal->sim);
}

void bt_hal_sim_wave_window(struct bt_hal *hal, uint64_t from_cycle, uint64_t to_cycle)
{
    hal->api->wave_window(hal->sim, from_cycle, to_cycle);
}

void bt_hal_sim_stats(const struct bt_hal *hal, struct bt_sim_stats *stats)
{
    hal->api->stats(hal->sim, stats);
}

const char *bt_hal_sim_failed(const struct bt_hal *hal)
{
    return hal->failed ? hal->reason.text : NULL;
}

/* ---- failures: the first one is kept ---- */

static void failed(struct bt_hal *hal, const char *what, uint64_t at, uint64_t bytes)
{
    if (hal->failed)
        return;
    hal->failed = true;
    const char *violation = hal->api->error(hal->sim);
    if (*violation != '\0') {
        bt_fail(&hal->reason, BT_EIO, "%s", violation);
    } else if (bytes != 0) {
        bt_fail(&hal->reason, BT_EIO, "%s: %" PRIu64 " bytes at 0x%" PRIx64 ", but the DRAM has %" PRIu64, what, bytes,
                at, hal->dram_bytes);
    } else {
        bt_fail(&hal->reason, BT_EIO, "%s 0x%" PRIx64 ": error response", what, at);
    }
}

/* Any call may have clocked the core, and thereby met a violation. */
static bool healthy(struct bt_hal *hal)
{
    if (!hal->failed && *hal->api->error(hal->sim) != '\0')
        failed(hal, "", 0, 0);
    return !hal->failed;
}

/* ---- harness/hal.h ---- */

void bt_hal_reg_write(struct bt_hal *hal, uint32_t offset, uint32_t value)
{
    if (healthy(hal) && !hal->api->reg_write(hal->sim, offset, value))
        failed(hal, "write of register", offset, 0);
}

uint32_t bt_hal_reg_read(struct bt_hal *hal, uint32_t offset)
{
    uint32_t value = 0;
    if (healthy(hal) && !hal->api->reg_read(hal->sim, offset, &value))
        failed(hal, "read of register", offset, 0);
    return value;
}

void bt_hal_pin_set(struct bt_hal *hal, unsigned pin, uint64_t value)
{
    if (healthy(hal))
        hal->api->pin_set(hal->sim, pin, value);
}

uint64_t bt_hal_pin_get(struct bt_hal *hal, unsigned pin)
{
    return healthy(hal) ? hal->api->pin_get(hal->sim, pin) : 0;
}

static bool in_store(struct bt_hal *hal, const char *what, uint64_t addr, size_t bytes)
{
    if (!healthy(hal) || bytes == 0)
        return false;
    if (addr > hal->dram_bytes || bytes > hal->dram_bytes - addr) {
        failed(hal, what, addr, bytes);
        return false;
    }
    return true;
}

void bt_hal_mem_write(struct bt_hal *hal, uint64_t addr, const void *src, size_t bytes)
{
    if (in_store(hal, "driver writes", addr, bytes))
        memcpy(hal->dram + addr, src, bytes);
}

void bt_hal_mem_read(struct bt_hal *hal, uint64_t addr, void *dst, size_t bytes)
{
    if (in_store(hal, "driver reads", addr, bytes)) {
        memcpy(dst, hal->dram + addr, bytes);
    } else if (bytes != 0) {
        memset(dst, 0, bytes);
    }
}

void bt_hal_mem_fill(struct bt_hal *hal, uint64_t addr, uint8_t value, size_t bytes)
{
    if (in_store(hal, "driver fills", addr, bytes))
        memset(hal->dram + addr, value, bytes);
}

void bt_hal_allow_write(struct bt_hal *hal, uint64_t addr, uint64_t bytes)
{
    if (in_store(hal, "driver allows writes", addr, bytes))
        hal->api->allow_write(hal->sim, addr, bytes);
}

void bt_hal_clear_windows(struct bt_hal *hal)
{
    if (healthy(hal))
        hal->api->clear_windows(hal->sim);
}

enum bt_event bt_hal_run(struct bt_hal *hal, uint64_t max_cycles)
{
    if (!healthy(hal))
        return BT_EVENT_FAILED;
    const enum bt_event event = hal->api->run(hal->sim, max_cycles);
    if (event == BT_EVENT_FAILED)
        (void)healthy(hal);
    return event;
}

void bt_hal_sim_advance(struct bt_hal *hal, uint64_t cycles)
{
    if (healthy(hal))
        hal->api->advance(hal->sim, cycles);
}
