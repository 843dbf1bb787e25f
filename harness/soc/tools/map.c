/* Prints the memory map as --defsym of the linker, so that the firmware's addresses come from suites/soc.yaml. */
#include <inttypes.h>
#include <stdio.h>

#include "harness/soc/soc_map.h"

int main(int argc, char **argv)
{
    struct bt_soc_map map;
    struct bt_error err;
    if (argc != 2) {
        (void)fprintf(stderr, "usage: bittrue-map MAP.yaml\n");
        return 2;
    }
    if (bt_soc_map_load(argv[1], &map, &err) != BT_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    const struct {
        const char *name;
        uint32_t value;
    } symbols[] = {
        {"ROM_BASE", map.rom.base},   {"ROM_BYTES", map.rom.bytes},     {"RAM_BASE", map.ram.base},
        {"RAM_BYTES", map.ram.bytes}, {"STACK_BYTES", map.stack_bytes},
    };
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        (void)printf("%s--defsym=%s=0x%08" PRIx32, i == 0 ? "" : " ", symbols[i].name, symbols[i].value);
    }
    return printf("\n") < 0 || fflush(stdout) != 0 ? 1 : 0;
}
