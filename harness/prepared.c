#include "harness/prepared.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

/* One line, then the bytes: "bittrue-prepared 1 <variant> <bytes> <XXH3 of the bytes, 16 hex digits>". */
#define HEADER_BYTES 256
#define MOST_BYTES (UINT64_C(1) << 32)

void bt_prepared_path(const char *dir, const char *network, const char *layer, const char *variant, const char *config,
                      char *path, size_t path_bytes)
{
    const int written = snprintf(path, path_bytes, "%s/%s-%s-%s-%s.prepared", dir, network, layer, variant, config);
    const size_t end = written < 0 ? 0 : (size_t)written < path_bytes ? (size_t)written : path_bytes - 1;
    for (size_t i = strlen(dir) + 1; i < end; i++) {
        path[i] = (char)(path[i] == '/' ? '-' : path[i]);
    }
}

enum bt_status bt_prepared_write(const char *path, const char *variant, const struct bt_blob *blob,
                                 struct bt_error *err)
{
    char unfinished[4096];
    (void)snprintf(unfinished, sizeof(unfinished), "%s.%ld", path, (long)getpid());
    FILE *file = fopen(unfinished, "wb");
    if (file == NULL) {
        return bt_fail(err, BT_EIO, "%s: %s", unfinished, strerror(errno));
    }
    int bad = fprintf(file, "bittrue-prepared 1 %s %zu %016" PRIx64 "\n", variant, blob->bytes,
                      (uint64_t)XXH3_64bits(blob->data, blob->bytes)) < 0;
    bad |= fwrite(blob->data, 1, blob->bytes, file) != blob->bytes;
    bad |= fclose(file) != 0;
    if (bad || rename(unfinished, path) != 0) {
        (void)bt_fail(err, BT_EIO, "%s: %s", path, strerror(errno));
        (void)remove(unfinished);
        return BT_EIO;
    }
    return BT_OK;
}

/* The line, and then exactly so many bytes with that hash. */
static enum bt_status read_file(FILE *file, const char *path, const char *variant, struct bt_blob *blob,
                                struct bt_error *err)
{
    char line[HEADER_BYTES];
    char name[HEADER_BYTES];
    uint64_t bytes = 0;
    uint64_t hash = 0;
    int end = 0;
    if (fgets(line, sizeof(line), file) == NULL ||
        sscanf(line, "bittrue-prepared 1 %255s %20" SCNu64 " %16" SCNx64 "%n", name, &bytes, &hash, &end) != 3 ||
        line[end] != '\n' || bytes > MOST_BYTES) {
        return bt_fail(err, BT_EINPUT, "%s: expected a file that --save-prepared wrote", path);
    }
    if (strcmp(name, variant) != 0) {
        return bt_fail(err, BT_EINPUT, "%s: prepared for %s, expected %s", path, name, variant);
    }
    blob->data = malloc(bytes > 0 ? bytes : 1);
    if (blob->data == NULL) {
        return bt_fail(err, BT_ENOMEM, "%s: no memory for %" PRIu64 " bytes", path, bytes);
    }
    blob->bytes = fread(blob->data, 1, bytes, file);
    if (blob->bytes != bytes || fgetc(file) != EOF || XXH3_64bits(blob->data, bytes) != hash) {
        return bt_fail(err, BT_EINPUT, "%s: cut off or damaged: expected %" PRIu64 " bytes with the hash %016" PRIx64,
                       path, bytes, hash);
    }
    return BT_OK;
}

enum bt_status bt_prepared_read(const char *path, const char *variant, struct bt_blob *blob, struct bt_error *err)
{
    *blob = (struct bt_blob){0};
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return bt_fail(err, BT_EINPUT, "%s: %s", path, strerror(errno));
    }
    const enum bt_status status = read_file(file, path, variant, blob, err);
    if (status != BT_OK) {
        free(blob->data);
        *blob = (struct bt_blob){0};
    }
    (void)fclose(file);
    return status;
}
