/* Prepared weights from a file: a sound blob with patches {offset, value}; what is accepted must then plan, pack and compute. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/data.h"
#include "reference/bit_tactical/bit_tactical_plan.h"
#include "reference/common/bt_conv2d.h"

extern const struct bt_variant bit_tactical_variant;
/* The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size); /* NOLINT(readability-identifier-naming) */

static const struct bt_config config = {
    .name = "fuzz",
    .mem = {.latency_cycles = 32, .bytes_per_cycle = 16, .outstanding = 32, .dram_bytes = 1 << 26},
    .count = 13,
    .param = {{"TILES", 2},
              {"FILTERS", 4},
              {"LANES", 8},
              {"WEIGHT_ROWS", 16},
              {"BAND_PIXELS", 64},
              {"LOOKAHEAD", 2},
              {"AHEAD_1", 1},
              {"AHEAD_2", 2},
              {"AHEAD_3", 1},
              {"ASIDE_3", -1},
              {"AHEAD_4", 1},
              {"ASIDE_4", 1},
              {"TABLE_ROWS", 512}},
};

/* The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) /* NOLINT(readability-identifier-naming) */
{
    static struct bt_layer layer;
    static struct bt_tensors tensors;
    static struct bt_blob sound;
    struct bt_reason why = {0};
    if (sound.data == NULL) {
        struct bt_conv2d conv = bt_conv2d_1x1(5, 6, 20, 11);
        const struct bt_data_key key = {.seed = 1, .network = "fuzz", .dtype = BT_S16, .pruning = {.percent = 70}};
        conv.kh = conv.kw = 3;
        conv.act_min = INT16_MIN;
        conv.act_max = INT16_MAX;
        layer = (struct bt_layer){.op = BT_OP_CONV2D, .dtype = BT_S16, .u.conv = conv};
        if (bt_data_make(&key, BT_ACT_NONE, &conv, NULL, &tensors) != BT_OK ||
            bit_tactical_prepare(&config, &layer, 1, &tensors.view, &sound, &why) != BT_OK) {
            abort();
        }
    }
    struct bt_blob blob = {malloc(sound.bytes), sound.bytes};
    if (blob.data == NULL) {
        abort();
    }
    memcpy(blob.data, sound.data, sound.bytes);
    for (size_t i = 0; i + 3 <= size; i += 3) {
        ((uint8_t *)blob.data)[(size_t)(bytes[i] | bytes[i + 1] << 8) % blob.bytes] = bytes[i + 2];
    }
    if (bit_tactical_variant.accept(&config, &layer, 1, &tensors.view, &blob, &why) == BT_OK) {
        struct bit_tactical_plan plan;
        struct bt_io io = {.in_addr = BT_ANYWHERE, .out_addr = BT_ANYWHERE};
        int16_t ofmap[3 * 4 * 11];
        struct bt_blob profile = {0};
        if (bit_tactical_driver.plan(&config, &layer, 1, &blob, &io, &plan, &why) != BT_OK ||
            bit_tactical_model(&config, &plan, &layer, &tensors.view, &blob, ofmap, &profile) != BT_OK) {
            abort();
        }
    }
    free(blob.data);
    return 0;
}
