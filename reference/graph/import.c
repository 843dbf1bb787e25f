#include "reference/graph/import.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAME_BYTES 48

void bt_model_free(struct bt_model *model)
{
    if (model != NULL) {
        bt_float_graph_free(model->real);
        bt_graph_free(model->quantised);
        *model = (struct bt_model){{0}, NULL, NULL};
    }
}

/* The whole file, at most BT_IMPORT_FILE_MOST bytes. */
static enum bt_status read_file(const char *path, unsigned char **data, size_t *bytes, struct bt_error *err)
{
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) { /* a pipe would be waited for */
        return bt_fail(err, BT_EINPUT, "%s: no file: expected a model file", path);
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return bt_fail(err, BT_EINPUT, "%s: unreadable: expected a model file", path);
    }
    enum bt_status status = BT_OK;
    unsigned char *all = NULL;
    size_t room = 1u << 16;
    if (fstat(fileno(file), &info) == 0 && info.st_size > BT_IMPORT_FILE_MOST) { /* not read in vain */
        status = bt_fail(err, BT_EINPUT, "%s: too large: expected at most %u MiB", path, BT_IMPORT_FILE_MOST >> 20);
        goto cleanup;
    }
    size_t have = 0;
    for (;;) {
        unsigned char *larger = realloc(all, room);
        if (larger == NULL) {
            status = bt_fail(err, BT_ENOMEM, "%s: no memory for it", path);
            goto cleanup;
        }
        all = larger;
        have += fread(all + have, 1, room - have, file);
        if (ferror(file) != 0) {
            status = bt_fail(err, BT_EINPUT, "%s: unreadable: expected a model file", path);
            goto cleanup;
        }
        if (have < room) {
            break;
        }
        if (room > BT_IMPORT_FILE_MOST) {
            status = bt_fail(err, BT_EINPUT, "%s: too large: expected at most %u MiB", path, BT_IMPORT_FILE_MOST >> 20);
            goto cleanup;
        }
        room = room < BT_IMPORT_FILE_MOST ? 2 * room : room + 1;
    }
    *data = all;
    *bytes = have;
    all = NULL;

cleanup:
    free(all);
    (void)fclose(file);
    return status;
}

enum bt_status bt_import_file(const char *path, struct bt_model *model, struct bt_error *err)
{
    char name[NAME_BYTES];
    unsigned char *data = NULL;
    size_t bytes = 0;
    enum bt_status status = read_file(path, &data, &bytes, err);
    if (status != BT_OK || data == NULL) {
        return status;
    }
    const char *slash = strrchr(path, '/');
    (void)snprintf(name, sizeof(name), "%.47s", slash != NULL ? slash + 1 : path);
    char *dot = strrchr(name, '.');
    if (dot != NULL && dot != name) {
        *dot = '\0';
    }
    struct bt_error why = {""};
    const bool tflite = bytes >= 8 && memcmp(data + 4, "TFL3", 4) == 0;
    status = tflite ? bt_import_tflite(name, data, bytes, model, &why) : bt_import_onnx(name, data, bytes, model, &why);
    free(data);
    return status == BT_OK ? BT_OK : bt_fail(err, status, "%s: %s", path, why.text);
}
