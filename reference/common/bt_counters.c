#include <assert.h>
#include <string.h>

#include "harness/variant.h"

void bt_counters_add(struct bt_counters *counters, const char *name, uint64_t value)
{
    assert(counters->count < BT_MAX_COUNTERS);
    const size_t bytes = strlen(name) + 1;
    assert(bytes <= BT_COUNTER_NAME_BYTES);
    memcpy(counters->item[counters->count].name, name, bytes);
    counters->item[counters->count].value = value;
    counters->count++;
}

uint64_t bt_counters_get(const struct bt_counters *counters, const char *name, uint64_t fallback)
{
    for (uint32_t i = 0; i < counters->count; i++) {
        if (strcmp(counters->item[i].name, name) == 0) {
            return counters->item[i].value;
        }
    }
    return fallback;
}
