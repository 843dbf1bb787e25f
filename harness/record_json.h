/* One record as JSON, as results.json and the results store hold it, and back. reports/README.md says what the members are. */
#ifndef BT_RECORD_JSON_H
#define BT_RECORD_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "harness/error.h"
#include "harness/record.h"

/** Of the format below and of results.json; another one is refused. */
#define BT_RESULTS_SCHEMA 2

/** Written with this, doubles are the same when they are read back. */
#define BT_JSON_FORMAT JSON_REAL_PRECISION(17)

#define BT_ID_BYTES 320
/** "network:layer:variant:config:pattern:stalls:dtype:sparsity:structure". */
void bt_record_id(const struct bt_record *record, char *id, size_t id_bytes);

/** @param[in,out] ok  Becomes false when memory runs out. */
json_t *bt_record_to_json(const struct bt_record *record, bool *ok);

/**
 * @brief  The record that bt_record_to_json() wrote: every member as it was, but for the order of `measured`.
 *         Its members must fit together: the verdict is that of the engines, no mismatch and no other hash beside a PASS; id, cycle
 *         error and utilisation are those of the members they are made of; what ran, what it left (hash, cycles) and whether it
 *         was held against the gate are what a run can give.
 * @param[out] err  Names the member that is missing or not what was expected.
 * @return BT_OK; BT_EINPUT.
 */
BT_MUST_CHECK enum bt_status bt_record_from_json(const json_t *object, struct bt_record *record, struct bt_error *err);

/* ---- what all writers and readers of such files share ---- */

/** Sets a member; value is given away. NULL, or a failure, makes *ok false. */
void bt_json_set(json_t *object, const char *key, json_t *value, bool *ok);
/** A text; one that was cut within a character keeps its ASCII alone. */
json_t *bt_json_text(const char *text);
json_t *bt_json_count(uint64_t value);
/** 0 is: not measured, none. */
json_t *bt_json_count_or_null(uint64_t value);

/**
 * @brief  Reads a file of JSON; a key that is there twice is refused.
 * @param[in]  what  Names its content in messages: "results".
 * @param[out] root  Release with json_decref().
 * @return BT_OK; BT_EINPUT (err begins with the file).
 */
BT_MUST_CHECK enum bt_status bt_json_load(const char *path, const char *what, uint64_t most_bytes, json_t **root,
                                          struct bt_error *err);

/** A reader: the first member that is not as expected is noted, and everything after it reads as 0. */
struct bt_json_reader {
    const json_t *object; /**< members are read of this */
    struct bt_error *err;
    bool failed;
};
/** A text that must fit, without control characters. */
void bt_json_read_text(struct bt_json_reader *reader, const char *key, char *text, size_t text_bytes);
/** A whole number of at most `most`; null reads as 0. */
uint64_t bt_json_read_count(struct bt_json_reader *reader, const char *key, uint64_t most);
/** A finite number; null reads as 0. */
double bt_json_read_real(struct bt_json_reader *reader, const char *key);
/** The same, 0 or more. */
double bt_json_read_non_negative(struct bt_json_reader *reader, const char *key);
bool bt_json_read_bool(struct bt_json_reader *reader, const char *key);
/** One of the verdicts. */
enum bt_verdict bt_json_read_verdict(struct bt_json_reader *reader, const char *key);
/** A member that is an object, to be read with a reader of its own; NULL where it is null. */
const json_t *bt_json_read_object(struct bt_json_reader *reader, const char *key);
/** Notes that a member is not as expected. */
void bt_json_expected(struct bt_json_reader *reader, const char *key, const char *expected);

#endif
