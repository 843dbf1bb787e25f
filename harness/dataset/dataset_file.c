#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/dataset/dataset_kinds.h"
#include "reference/graph/graph_data_files.h"

bool bt_dataset_has_file(const char *folder, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

enum bt_status bt_dataset_file(const char *folder, const char *name, unsigned char **data, size_t *bytes,
                               struct bt_error *err)
{
    const enum bt_status status = bt_data_file(folder, name, 0, data, bytes, err);
    /* Missing is no reason to do without here: it was asked for. */
    return status == BT_EUNSUPPORTED ? BT_EINPUT : status;
}

bool bt_next_line(struct bt_lines *lines, char *line, size_t room)
{
    while (lines->at < lines->end) {
        const char *newline = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
        const char *stop = newline != NULL ? newline : lines->end;
        size_t length = (size_t)(stop - lines->at);
        length = length < room ? length : room - 1;
        memcpy(line, lines->at, length);
        line[length] = '\0';
        length = strlen(line);
        while (length > 0 && strchr(" \t\r", line[length - 1]) != NULL) {
            line[--length] = '\0';
        }
        lines->at = newline != NULL ? newline + 1 : lines->end;
        lines->number++;
        if (length > 0) {
            return true;
        }
    }
    return false;
}

enum bt_status bt_dataset_read_classes(const char *folder, const char *name, struct bt_dataset *dataset,
                                       struct bt_error *err)
{
    enum { MOST = 100000 };
    unsigned char *text = NULL;
    size_t bytes = 0;
    char line[256];
    enum bt_status status = BT_OK;
    if (!bt_dataset_has_file(folder, name)) {
        return BT_OK;
    }
    status = bt_dataset_file(folder, name, &text, &bytes, err);
    if (status != BT_OK || text == NULL) {
        return status;
    }
    struct bt_lines lines = {(const char *)text, (const char *)text + bytes, 0};
    uint32_t count = 0;
    while (bt_next_line(&lines, line, sizeof(line))) {
        count++;
    }
    if (count > MOST) {
        free(text);
        return bt_fail(err, BT_EINPUT, "%s/%s: %u classes: expected at most %d", folder, name, count, MOST);
    }
    dataset->class_names = count > 0 ? calloc(count, sizeof(*dataset->class_names)) : NULL;
    lines = (struct bt_lines){(const char *)text, (const char *)text + bytes, 0};
    while (dataset->class_names != NULL && dataset->class_count < count && bt_next_line(&lines, line, sizeof(line)) &&
           (dataset->class_names[dataset->class_count] = strdup(line)) != NULL) {
        dataset->class_count++;
    }
    free(text);
    return dataset->class_count == count ? BT_OK : bt_fail(err, BT_ENOMEM, "%s/%s: no memory for it", folder, name);
}
