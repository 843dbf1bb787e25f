/* bench-mesh CORE.so MULTIPLIERS: speed of a bare mesh in GMAC/s of CPU time, best of five. For `make bench`. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "harness/sim.h"

enum { CYCLES = 400000, REPEATS = 5 };

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: bench-mesh CORE.so MULTIPLIERS\n");
        return 2;
    }
    void *lib = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (lib == NULL) {
        (void)fprintf(stderr, "bench-mesh: %s\n", dlerror());
        return 2;
    }
    const struct bt_sim_api *(*entry)(void) = NULL;
    *(void **)&entry = dlsym(lib, BT_SIM_SYMBOL);
    const struct bt_config config = {
        .mem = {.latency_cycles = 1, .bytes_per_cycle = 16, .outstanding = 1, .dram_bytes = 4096}};
    const struct bt_sim_api *api = entry != NULL ? entry() : NULL;
    struct bt_sim *sim = api != NULL && api->abi == BT_SIM_ABI ? api->open(&config, NULL, NULL) : NULL;
    if (sim == NULL) {
        (void)fprintf(stderr, "bench-mesh: %s: not a simulated core of this build\n", argv[1]);
        return 2;
    }
    api->reset(sim);
    const double multipliers = strtod(argv[2], NULL);
    double best = 0;
    for (int i = 0; i < REPEATS; i++) {
        const clock_t start = clock();
        api->advance(sim, CYCLES);
        const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
        const double speed = multipliers * CYCLES / seconds / 1e9;
        best = speed > best ? speed : best;
    }
    (void)printf("%.3f GMAC/s, digest %08x\n", best, (unsigned)api->pin_get(sim, 0));
    api->close(sim);
    return 0;
}
