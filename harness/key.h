/* Keys of content: everything that decides a result, one item after the other, hashed (XXH3, 128 bits). */
#ifndef BT_KEY_H
#define BT_KEY_H

#include <stdint.h>

#include "harness/error.h"

struct bt_key {
    unsigned char bytes[16];
};

/** Takes items; each has a name, so that no two lists of items are the same bytes. */
struct bt_keymaker;

/** @return NULL when memory runs out. */
struct bt_keymaker *bt_keymaker_new(void);
void bt_keymaker_free(struct bt_keymaker *maker);
/** Begins another key; what is known of files stays known. */
void bt_keymaker_reset(struct bt_keymaker *maker);

/** From here on each known file is looked at again before it is taken as known; otherwise it is that only when it is first named. */
void bt_keymaker_look_again(struct bt_keymaker *maker);
/** The first file or folder that was found to be not any more what it had been when it was read, or NULL. */
const char *bt_keymaker_changed(const struct bt_keymaker *maker);

void bt_key_text(struct bt_keymaker *maker, const char *name, const char *text);
void bt_key_number(struct bt_keymaker *maker, const char *name, int64_t value);
void bt_key_real(struct bt_keymaker *maker, const char *name, double value);
/** What this process has loaded beside itself: names with versions, sizes and times of the shared libraries. */
void bt_key_libraries(struct bt_keymaker *maker);
/**
 * The content of a file, or of all files below a folder with their names; what is not there is an item, too. Read once per keymaker,
 * and again when a further look shows other names, sizes, times or inodes.
 * @return BT_OK; BT_EIO where something is there that cannot be read; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_key_file(struct bt_keymaker *maker, const char *name, const char *path);

struct bt_key bt_key_of(const struct bt_keymaker *maker);

#endif
