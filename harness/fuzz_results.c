/* Any bytes as a results.json and as a baseline: refused with one line, or what was read is written and read back the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "harness/baseline.h"
#include "harness/results.h"

/* The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* NOLINT(readability-identifier-naming) */

static void check(enum bt_status status, const struct bt_error *err)
{
    const bool said = err->text[0] != '\0' && strchr(err->text, '\n') == NULL;
    if ((status != BT_OK && status != BT_EINPUT) || said != (status != BT_OK)) {
        abort();
    }
}

static char *written(const struct bt_baseline *baseline, size_t *bytes)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, bytes);
    if (out == NULL || !bt_baseline_write(baseline, out) || fclose(out) != 0) {
        abort();
    }
    return text;
}

static void read_again(const struct bt_baseline *baseline)
{
    struct bt_baseline back;
    struct bt_error err = {""};
    size_t bytes = 0;
    size_t bytes_back = 0;
    char *text = written(baseline, &bytes);
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
    if (root == NULL || bt_baseline_from_json(root, &back, &err) != BT_OK) {
        abort();
    }
    char *text_back = written(&back, &bytes_back);
    if (bytes_back != bytes || memcmp(text_back, text, bytes) != 0) {
        abort();
    }
    free(text_back);
    bt_baseline_free(&back);
    json_decref(root);
    free(text);
}

/* The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) /* NOLINT(readability-identifier-naming) */
{
    json_t *root = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (root == NULL) {
        return 0;
    }
    struct bt_results results;
    struct bt_error err = {""};
    check(bt_results_from_json(root, &results, &err), &err);
    bt_results_free(&results);

    struct bt_baseline baseline;
    err = (struct bt_error){""};
    const enum bt_status status = bt_baseline_from_json(root, &baseline, &err);
    check(status, &err);
    if (status == BT_OK) {
        read_again(&baseline);
        bt_baseline_free(&baseline);
    }
    json_decref(root);
    return 0;
}
