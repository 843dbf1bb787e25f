/*
 * Any bytes as a TFLite model, and as damages of a sound one: imported and sound, or refused with one line. What is imported
 * and small runs.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "reference/graph/import.h"
#include "reference/graph/test_tflite_writer.h"

#define MOST_BYTES 65536
#define MOST_ELEMS 20000
#define MOST_MACS 1000000

/* The names are libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* NOLINT(readability-identifier-naming) */

/* Small enough to be run thousands of times. */
static bool is_small(const struct bt_graph *graph)
{
    size_t elems = 0;
    uint64_t work = 0;
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct bt_graph_node *node = &graph->nodes[i];
        const size_t window =
            node->op == BT_OP_CONV2D
                ? (size_t)node->u.conv.kh * (size_t)node->u.conv.kw * (size_t)(node->u.conv.c_in / node->u.conv.groups)
            : node->op == BT_OP_MAXPOOL || node->op == BT_OP_AVGPOOL ? (size_t)node->u.pool.kh * (size_t)node->u.pool.kw
                                                                     : 1;
        elems += bt_graph_bytes(node);
        work += bt_graph_bytes(node) * window;
    }
    return elems <= MOST_ELEMS && work <= MOST_MACS;
}

static void run(const struct bt_graph *graph)
{
    struct bt_error err = {""};
    int8_t **outputs = NULL;
    int8_t *input = calloc(bt_graph_bytes(&graph->nodes[0]), 1);
    if (input == NULL || bt_graph_outputs_new(graph, &outputs) != BT_OK ||
        bt_graph_run(graph, input, outputs, &err) != BT_OK) {
        abort();
    }
    bt_graph_outputs_free(graph, outputs);
    free(input);
}

static void import(const uint8_t *data, size_t size)
{
    struct bt_model model = {0};
    struct bt_error err = {""};
    const enum bt_status status = bt_import_tflite("fuzz", data, size, &model, &err);
    const bool made = model.real != NULL || model.quantised != NULL;
    if (made != (status == BT_OK) || (status != BT_OK && status != BT_EINPUT) || strchr(err.text, '\n') != NULL ||
        (status != BT_OK && (strncmp(err.text, "fuzz: ", 6) != 0 ||
                             (strstr(err.text, "expected") == NULL && strstr(err.text, "limit") == NULL)))) {
        abort();
    }
    if (model.quantised != NULL && is_small(model.quantised)) {
        run(model.quantised);
    }
    bt_model_free(&model);
}

/* The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) /* NOLINT(readability-identifier-naming) */
{
    static struct tw_file sound[2];
    if (sound[0].count == 0) {
        for (int32_t real = 0; real < 2; real++) {
            struct tw_model *model = tw_every_operator(real == 1);
            tw_write(model, &sound[real]);
            free(model);
        }
    }
    if (size > MOST_BYTES) {
        return 0;
    }
    import(data, size);

    /* Four bytes each: where, and what; the first byte says which model, and whether it is cut. */
    const struct tw_file *whole = &sound[size > 0 ? data[0] % 2 : 0];
    uint8_t *changed = malloc(whole->count);
    if (changed == NULL) {
        abort();
    }
    memcpy(changed, whole->bytes, whole->count);
    for (size_t i = 1; i + 4 <= size && i < 65; i += 4) {
        changed[(data[i] | (size_t)data[i + 1] << 8) % whole->count] = data[i + 2];
        changed[((data[i] | (size_t)data[i + 1] << 8) + 1) % whole->count] ^= data[i + 3];
    }
    import(changed, whole->count);
    free(changed);
    return 0;
}
