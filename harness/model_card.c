/* suites/models/<name>.yaml */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/model.h"
#include "harness/model_internal.h"
#include "harness/yaml_load.h"

#define DATA_PREFIX "data:"
#define TEXT_BYTES 199
#define MOST_IMAGES 100000
#define DEFAULT_IMAGES 64

enum { CALIBRATE_OWN = BT_CALIBRATE_COUNT };

struct pixel_yaml {
    float *mean, *std;
    uint32_t mean_count, std_count;
    int order;
};

struct calibration_yaml {
    int method;
    uint32_t images;
    bool bias_correction, equalise;
    char *dataset;
};

struct head_yaml {
    char *node;
    char **anchors;
    uint32_t anchors_count;
};

struct stated_yaml {
    double real, integer;
};

struct card_yaml {
    char *name, *summary, *model, *dataset;
    struct pixel_yaml *pixel;
    struct calibration_yaml *calibration;
    struct head_yaml *heads;
    uint32_t heads_count;
    struct stated_yaml *stated;
};

static const cyaml_strval_t order_words[] = {{"rgb", 0}, {"bgr", 1}};
static const cyaml_strval_t method_words[] = {
    {"min_max", BT_CALIBRATE_MIN_MAX}, {"mse", BT_CALIBRATE_MSE}, {"kl", BT_CALIBRATE_KL}, {"own", CALIBRATE_OWN}};

static const cyaml_schema_value_t real_schema = {CYAML_VALUE_FLOAT(CYAML_FLAG_DEFAULT, float)};
static const cyaml_schema_value_t anchor_schema = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 3, 32)};

static const cyaml_schema_field_t pixel_fields[] = {
    CYAML_FIELD_SEQUENCE("mean", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct pixel_yaml, mean, &real_schema, 1, 3),
    CYAML_FIELD_SEQUENCE("std", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct pixel_yaml, std, &real_schema, 1, 3),
    CYAML_FIELD_ENUM("order", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct pixel_yaml, order, order_words, 2),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t calibration_fields[] = {
    CYAML_FIELD_ENUM("method", CYAML_FLAG_STRICT, struct calibration_yaml, method, method_words,
                     sizeof(method_words) / sizeof(method_words[0])),
    CYAML_FIELD_UINT("images", CYAML_FLAG_OPTIONAL, struct calibration_yaml, images),
    CYAML_FIELD_BOOL("equalise", CYAML_FLAG_OPTIONAL, struct calibration_yaml, equalise),
    CYAML_FIELD_BOOL("bias_correction", CYAML_FLAG_OPTIONAL, struct calibration_yaml, bias_correction),
    CYAML_FIELD_STRING_PTR("dataset", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct calibration_yaml, dataset, 1,
                           BT_MODEL_PATH - 1),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t head_fields[] = {
    CYAML_FIELD_STRING_PTR("node", CYAML_FLAG_POINTER, struct head_yaml, node, 1, BT_MAX_NAME),
    CYAML_FIELD_SEQUENCE("anchors", CYAML_FLAG_POINTER, struct head_yaml, anchors, &anchor_schema, 1, BT_MOST_ANCHORS),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t head_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct head_yaml, head_fields)};
static const cyaml_schema_field_t stated_fields[] = {
    CYAML_FIELD_FLOAT("float", CYAML_FLAG_DEFAULT, struct stated_yaml, real),
    CYAML_FIELD_FLOAT("int8", CYAML_FLAG_DEFAULT, struct stated_yaml, integer),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t card_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct card_yaml, name, 0, TEXT_BYTES),
    CYAML_FIELD_STRING_PTR("summary", CYAML_FLAG_POINTER, struct card_yaml, summary, 1, TEXT_BYTES),
    CYAML_FIELD_STRING_PTR("model", CYAML_FLAG_POINTER, struct card_yaml, model, 1, BT_MODEL_PATH - 1),
    CYAML_FIELD_STRING_PTR("dataset", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct card_yaml, dataset, 1,
                           BT_MODEL_PATH - 1),
    CYAML_FIELD_MAPPING_PTR("pixel", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct card_yaml, pixel, pixel_fields),
    CYAML_FIELD_MAPPING_PTR("calibration", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct card_yaml, calibration,
                            calibration_fields),
    CYAML_FIELD_SEQUENCE("heads", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct card_yaml, heads, &head_schema, 1,
                         BT_MOST_HEADS),
    CYAML_FIELD_MAPPING_PTR("stated", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct card_yaml, stated,
                            stated_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t card_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct card_yaml, card_fields)};

void bt_model_card_default(struct bt_model_card *card)
{
    *card = (struct bt_model_card){
        .mean = {0, 0, 0},
        .std = {255, 255, 255},
        .calibration = {.method = BT_CALIBRATE_KL, .bias_correction = true},
        .equalise = true,
        .calibration_images = DEFAULT_IMAGES,
        .stated_float = -1,
        .stated_int8 = -1,
    };
}

/* One value stands for all channels. */
static enum bt_status take_channels(const struct bt_yaml *yaml, const char *key, const float *values, uint32_t count,
                                    float channels[3], struct bt_error *err)
{
    const bt_yaml_node at = bt_yaml_near(yaml, bt_yaml_get(yaml, BT_YAML_ROOT, "pixel"), key);
    if (count == 2) {
        return bt_yaml_fail(yaml, at, err, "pixel: %u values of %s: expected one, or one for each of three channels",
                            count, key);
    }
    for (uint32_t i = 0; count > 0 && i < 3; i++) {
        channels[i] = values[count == 1 ? 0 : i];
        const bool is_std = strcmp(key, "std") == 0;
        if (!(channels[i] <= 1e6f) || !(channels[i] >= (is_std ? 1e-6f : -1e6f))) {
            return bt_yaml_fail(yaml, at, err, "pixel: %s of %g: expected %s to 1e6", key, (double)channels[i],
                                is_std ? "1e-6" : "-1e6");
        }
    }
    return BT_OK;
}

static enum bt_status take_anchors(const struct bt_yaml *yaml, const struct card_yaml *raw, uint32_t index,
                                   struct bt_head *head, struct bt_error *err)
{
    const bt_yaml_node at = bt_yaml_item(yaml, bt_yaml_get(yaml, BT_YAML_ROOT, "heads"), index);
    const struct head_yaml *from = &raw->heads[index];
    (void)snprintf(head->node, sizeof(head->node), "%s", from->node);
    head->anchor_count = from->anchors_count;
    for (uint32_t i = 0; i < from->anchors_count; i++) {
        char *end = NULL;
        head->anchors[i][0] = strtof(from->anchors[i], &end);
        const bool two = *end == 'x';
        head->anchors[i][1] = two ? strtof(end + 1, &end) : 0;
        for (int k = 0; k < 2; k++) {
            if (!two || *end != '\0' || !(head->anchors[i][k] > 0) || !(head->anchors[i][k] <= 65536)) {
                return bt_yaml_fail(yaml, at, err, "anchor '%s': expected WIDTHxHEIGHT in pixels, e.g. 10x13",
                                    from->anchors[i]);
            }
        }
    }
    return BT_OK;
}

/* "dir of the card/model", or data:NAME. */
static enum bt_status take_model(const struct bt_yaml *yaml, const char *model, struct bt_model_card *card,
                                 struct bt_error *err)
{
    const bt_yaml_node at = bt_yaml_near(yaml, BT_YAML_ROOT, "model");
    if (strncmp(model, DATA_PREFIX, strlen(DATA_PREFIX)) == 0) {
        const char *name = model + strlen(DATA_PREFIX);
        (void)snprintf(card->data_network, sizeof(card->data_network), "%s", name);
        if (!bt_graph_known(name)) {
            return bt_yaml_fail(yaml, at, err, "model '%.60s': expected a network that the data folder has", model);
        }
        return BT_OK;
    }
    const char *path = bt_yaml_path(yaml);
    const char *slash = model[0] == '/' ? NULL : strrchr(path, '/');
    const int folder = slash == NULL ? 0 : (int)(slash - path) + 1;
    const int length = snprintf(card->file, sizeof(card->file), "%.*s%s", folder, path, model);
    if (length < 0 || (size_t)length >= sizeof(card->file)) {
        return bt_yaml_fail(yaml, at, err, "model: path too long: expected a shorter one");
    }
    return BT_OK;
}

/* A set with its path from the card's folder; generated sets, absolute paths and those of the data folder as they are. */
static enum bt_status take_set(const struct bt_yaml *yaml, const char *key, const char *spec, char *set,
                               size_t set_bytes, struct bt_error *err)
{
    const char *colon = strchr(spec, ':');
    const char *path = bt_yaml_path(yaml);
    const char *slash = strrchr(path, '/');
    const bool relative = colon != NULL && colon[1] != '/' && colon[1] != '$' && colon[1] != '\0' && slash != NULL;
    const int kind = colon != NULL ? (int)(colon - spec) + 1 : 0;
    const int length = relative
                           ? snprintf(set, set_bytes, "%.*s%.*s/%s", kind, spec, (int)(slash - path), path, colon + 1)
                           : snprintf(set, set_bytes, "%s", spec);
    if (length < 0 || (size_t)length >= set_bytes) {
        return bt_yaml_fail(yaml, bt_yaml_near(yaml, BT_YAML_ROOT, key), err,
                            "dataset: path too long: expected a shorter one");
    }
    return BT_OK;
}

static enum bt_status take_calibration(const struct bt_yaml *yaml, const struct card_yaml *raw,
                                       struct bt_model_card *card, struct bt_error *err)
{
    const struct calibration_yaml *from = raw->calibration;
    const bt_yaml_node at = bt_yaml_near(yaml, BT_YAML_ROOT, "calibration");
    if (from == NULL) {
        return BT_OK;
    }
    card->own_format = from->method == CALIBRATE_OWN;
    if (!card->own_format) {
        card->calibration.method = (enum bt_calibration_method)from->method;
    }
    card->calibration.bias_correction = from->bias_correction;
    card->equalise = from->equalise;
    const bool stated = bt_yaml_get(yaml, bt_yaml_get(yaml, BT_YAML_ROOT, "calibration"), "images") != 0;
    card->calibration_images = stated ? from->images : DEFAULT_IMAGES;
    if (stated && (from->images == 0 || from->images > MOST_IMAGES)) {
        return bt_yaml_fail(yaml, at, err, "calibration with %u images: expected 1 to %d", from->images, MOST_IMAGES);
    }
    return from->dataset == NULL ? BT_OK
                                 : take_set(yaml, "calibration", from->dataset, card->calibration_dataset,
                                            sizeof(card->calibration_dataset), err);
}

static enum bt_status take_stated(const struct bt_yaml *yaml, const struct stated_yaml *from,
                                  struct bt_model_card *card, struct bt_error *err)
{
    if (from == NULL) {
        return BT_OK;
    }
    if (!(from->real >= 0 && from->real <= 100 && from->integer >= 0 && from->integer <= 100)) {
        return bt_yaml_fail(yaml, bt_yaml_near(yaml, BT_YAML_ROOT, "stated"), err,
                            "stated: %g and %g: expected percent, 0 to 100", from->real, from->integer);
    }
    card->stated_float = from->real;
    card->stated_int8 = from->integer;
    return BT_OK;
}

static enum bt_status take_card(const struct bt_yaml *yaml, const struct card_yaml *raw, struct bt_model_card *card,
                                struct bt_error *err)
{
    bt_model_card_default(card);
    enum bt_status status =
        bt_yaml_check_name(yaml, bt_yaml_near(yaml, BT_YAML_ROOT, "name"), raw->name, BT_MAX_NAME, err);
    if (status != BT_OK) {
        return status;
    }
    (void)snprintf(card->name, sizeof(card->name), "%s", raw->name);
    (void)snprintf(card->summary, sizeof(card->summary), "%s", raw->summary);
    status = take_model(yaml, raw->model, card, err);
    if (status == BT_OK && raw->dataset != NULL) {
        status = take_set(yaml, "dataset", raw->dataset, card->dataset, sizeof(card->dataset), err);
    }
    if (status == BT_OK && raw->pixel != NULL) {
        card->bgr = raw->pixel->order != 0;
        status = take_channels(yaml, "mean", raw->pixel->mean, raw->pixel->mean_count, card->mean, err);
    }
    if (status == BT_OK && raw->pixel != NULL) {
        status = take_channels(yaml, "std", raw->pixel->std, raw->pixel->std_count, card->std, err);
    }
    if (status == BT_OK) {
        status = take_calibration(yaml, raw, card, err);
    }
    for (uint32_t i = 0; status == BT_OK && i < raw->heads_count; i++) {
        status = take_anchors(yaml, raw, i, &card->heads[i], err);
        card->head_count++;
    }
    return status == BT_OK ? take_stated(yaml, raw->stated, card, err) : status;
}

enum bt_status bt_model_card_load(const char *path, struct bt_model_card *card, struct bt_error *err)
{
    struct bt_yaml *yaml = NULL;
    void *loaded = NULL;
    enum bt_status status = bt_yaml_open(path, &yaml, err);
    if (status != BT_OK) {
        return status;
    }
    status = bt_yaml_check_stem(yaml, "name", NULL, err);
    if (status == BT_OK) {
        status = bt_yaml_load(yaml, &card_schema, &loaded, err);
    }
    if (status == BT_OK) {
        status = take_card(yaml, loaded, card, err);
    }
    bt_yaml_release(&card_schema, loaded);
    bt_yaml_close(yaml);
    return status;
}
