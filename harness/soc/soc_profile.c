/* Instructions by function: a count per block of rom while the program runs, added up by symbol when it has ended. */
#include <stdlib.h>
#include <string.h>

#include "harness/soc/soc_internal.h"

static int by_instructions(const void *left, const void *right)
{
    const struct bt_soc_function *a = left;
    const struct bt_soc_function *b = right;
    if (a->instructions != b->instructions) {
        return a->instructions > b->instructions ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

enum bt_status bt_soc_profile_open(struct bt_soc *soc)
{
    soc->profile = calloc(soc->map.rom.bytes / 4, sizeof(*soc->profile));
    soc->functions = calloc((size_t)soc->program.symbol_count + 1, sizeof(*soc->functions));
    return soc->profile == NULL || soc->functions == NULL ? BT_ENOMEM : BT_OK;
}

void bt_soc_profile_close(struct bt_soc *soc)
{
    free(soc->profile);
    free(soc->functions);
}

void bt_soc_profile_reset(struct bt_soc *soc)
{
    if (soc->profile != NULL) {
        memset(soc->profile, 0, soc->map.rom.bytes / 4 * sizeof(*soc->profile));
    }
}

void bt_soc_profile_sum(struct bt_soc *soc)
{
    const struct bt_soc_program *program = &soc->program;
    uint32_t symbol = 0;
    soc->function_count = 0;
    if (soc->profile == NULL) {
        return;
    }
    for (uint32_t word = 0; word < soc->map.rom.bytes / 4; word++) {
        const uint32_t address = soc->map.rom.base + 4 * word;
        while (symbol + 1 < program->symbol_count && program->symbols[symbol + 1].value <= address) {
            symbol++;
        }
        if (soc->profile[word] == 0) {
            continue;
        }
        const bool known = symbol < program->symbol_count && program->symbols[symbol].value <= address;
        const char *name = known ? program->symbols[symbol].name : "?";
        struct bt_soc_function *last = soc->function_count > 0 ? &soc->functions[soc->function_count - 1] : NULL;
        if (last == NULL || strcmp(last->name, name) != 0) {
            last = &soc->functions[soc->function_count++];
            *last = (struct bt_soc_function){.name = name};
        }
        last->instructions += soc->profile[word];
    }
    qsort(soc->functions, soc->function_count, sizeof(*soc->functions), by_instructions);
}
