/*
 * YAML files against a libcyaml schema, with the line of everything.
 *
 * libcyaml 1.3.1 reads 1.5 as the integer 1, 5x as 5, maybe as true, keeps the last of two equal keys and an empty file
 * as NULL, and forgets lines once it has loaded. So a file is first parsed into a tree by libyaml, the tree is checked
 * against the same schema strictly and with a line for each complaint, and only then does libcyaml fill the structs.
 */
#ifndef BT_YAML_LOAD_H
#define BT_YAML_LOAD_H

#include <cyaml/cyaml.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/error.h"
#include "reference/common/bt_status.h"

/** Largest file that is read, bytes. */
#define BT_YAML_MAX_BYTES (4u << 20)

struct bt_yaml; /* opaque: the text and its tree */

/** A node of the tree; 0 is none, BT_YAML_ROOT the whole document. */
typedef int bt_yaml_node;
#define BT_YAML_ROOT 1

/**
 * @brief  Reads a file and parses it; exactly one document without aliases.
 * @return BT_OK; BT_EINPUT (unreadable, too large, malformed); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_yaml_open(const char *path, struct bt_yaml **yaml, struct bt_error *err);
/** The same for text in memory; path only names it in messages. */
BT_MUST_CHECK enum bt_status bt_yaml_parse(const char *path, const void *text, size_t bytes, struct bt_yaml **yaml,
                                           struct bt_error *err);
void bt_yaml_close(struct bt_yaml *yaml);

/**
 * @brief  Checks the tree against the schema and loads it.
 * @param[in]  schema  A CYAML_FLAG_POINTER mapping.
 * @param[out] value   Release with bt_yaml_release() and the same schema.
 * @return BT_OK; BT_EINPUT; BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_yaml_load(const struct bt_yaml *yaml, const cyaml_schema_value_t *schema, void **value,
                                          struct bt_error *err);
void bt_yaml_release(const cyaml_schema_value_t *schema, void *value);

/** Value of a key of a mapping, or 0; item of a sequence, or 0. */
bt_yaml_node bt_yaml_get(const struct bt_yaml *yaml, bt_yaml_node mapping, const char *key);
bt_yaml_node bt_yaml_item(const struct bt_yaml *yaml, bt_yaml_node sequence, uint32_t index);
/** Value of the key, or the mapping itself: the best line for a complaint about that key. */
bt_yaml_node bt_yaml_near(const struct bt_yaml *yaml, bt_yaml_node mapping, const char *key);

/** Line of a node, from 1. */
unsigned bt_yaml_line(const struct bt_yaml *yaml, bt_yaml_node node);
const char *bt_yaml_path(const struct bt_yaml *yaml);

/** Writes "path:line: ..." and returns BT_EINPUT. */
__attribute__((format(printf, 4, 5))) enum bt_status bt_yaml_fail(const struct bt_yaml *yaml, bt_yaml_node node,
                                                                  struct bt_error *err, const char *fmt, ...);

/**
 * The value of `key` must be the file's own name without folder and ending; a `suffix` (or NULL) may follow it there. No
 * complaint where the key is absent.
 */
BT_MUST_CHECK enum bt_status bt_yaml_check_stem(const struct bt_yaml *yaml, const char *key, const char *suffix,
                                                struct bt_error *err);

/** Names become parts of file names and of keys: 1 to `longest` of A-Z a-z 0-9 _ . -, not led by . or -. */
BT_MUST_CHECK enum bt_status bt_yaml_check_name(const struct bt_yaml *yaml, bt_yaml_node node, const char *name,
                                                size_t longest, struct bt_error *err);

#endif
