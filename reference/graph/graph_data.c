#include "reference/graph/graph_data.h"

#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "reference/graph/graph_calibrate.h"
#include "reference/graph/graph_data_files.h"

#define PATH_BYTES 4096
#define FILE_MOST (256u << 20) /* larger than anything in the folder */

#define PHOTO_FILE "squeezenet/rgb_u8_5x224x224x3.bin"
/* The same five, then photographs of COCO. */
#define IMAGE_FILE "yolo/inputs_raw/rgb_u8_16x320x320x3.bin"
#define IMAGES 16
#define IMAGE_BYTES ((size_t)BT_DATA_IMAGE_EXTENT * BT_DATA_IMAGE_EXTENT * 3)
#define CALIBRATION 4

const char *const bt_data_photo_names[BT_DATA_PHOTOS] = {"dog", "eagle", "giraffe", "horses", "person"};

/* ---- files ---- */

static enum bt_status read_all(const char *path, unsigned char **data, size_t *bytes, struct bt_error *err)
{
    size_t room = 1u << 16;
    size_t have = 0;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return bt_fail(err, BT_EINPUT, "%s: unreadable: expected a file, plain or gzip", path);
    }
    enum bt_status status = BT_OK;
    unsigned char *all = malloc(room + 1);
    while (all != NULL) {
        have += fread(all + have, 1, room - have, file);
        if (ferror(file) != 0 || room > FILE_MOST) {
            status = bt_fail(err, BT_EINPUT, "%s: unreadable: expected a file, plain or gzip", path);
            goto cleanup;
        }
        if (have < room) {
            all[have] = '\0';
            *data = all;
            *bytes = have;
            all = NULL;
            goto cleanup;
        }
        room *= 2;
        unsigned char *larger = realloc(all, room + 1);
        if (larger == NULL) {
            free(all);
        }
        all = larger;
    }
    status = bt_fail(err, BT_ENOMEM, "%s: no memory for it", path);

cleanup:
    free(all);
    (void)fclose(file);
    return status;
}

/* zlib's gzread() passes over what follows the stream, and over the end of one cut short: neither is the file meant. */
static enum bt_status gunzip(const char *path, unsigned char **data, size_t *bytes, struct bt_error *err)
{
    z_stream stream = {.next_in = *data, .avail_in = (uInt)*bytes}; /* at most FILE_MOST */
    size_t room = 1u << 16;
    unsigned char *all = NULL;
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) {
        return bt_fail(err, BT_ENOMEM, "%s: no memory for it", path);
    }
    enum bt_status status = BT_OK;
    int result = Z_OK;
    while (result == Z_OK && room <= FILE_MOST) {
        room *= 2;
        unsigned char *larger = realloc(all, room + 1);
        if (larger == NULL) {
            status = bt_fail(err, BT_ENOMEM, "%s: no memory for it", path);
            goto cleanup;
        }
        all = larger;
        stream.next_out = all + stream.total_out;
        stream.avail_out = (uInt)(room - stream.total_out);
        result = inflate(&stream, Z_NO_FLUSH);
        if (result == Z_OK && stream.avail_out != 0) {
            break; /* the input is used up */
        }
    }
    if (result != Z_STREAM_END || all == NULL) {
        status = bt_fail(err, BT_EINPUT, "%s: broken or cut short: expected a whole gzip file", path);
        goto cleanup;
    }
    if (stream.avail_in != 0) {
        status = bt_fail(err, BT_EINPUT, "%s: %u bytes behind the compressed data: expected none", path,
                         (unsigned)stream.avail_in);
        goto cleanup;
    }
    all[stream.total_out] = '\0';
    free(*data);
    *data = all;
    *bytes = stream.total_out;
    all = NULL;

cleanup:
    free(all);
    (void)inflateEnd(&stream);
    return status;
}

enum bt_status bt_data_file(const char *dir, const char *name, size_t expected, unsigned char **data, size_t *bytes,
                            struct bt_error *err)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (access(path, F_OK) != 0) {
        return bt_fail(err, BT_EUNSUPPORTED, "%s: missing", path);
    }
    unsigned char *all = NULL;
    size_t have = 0;
    enum bt_status status = read_all(path, &all, &have, err);
    if (status != BT_OK || all == NULL) {
        return status;
    }
    if (have >= 2 && all[0] == 0x1f && all[1] == 0x8b) {
        status = gunzip(path, &all, &have, err);
    }
    if (status == BT_OK && expected != 0 && have != expected) {
        status = bt_fail(err, BT_EINPUT, "%s: %zu bytes: expected %zu", path, have, expected);
    }
    if (status != BT_OK) {
        free(all);
        return status;
    }
    *data = all;
    if (bytes != NULL) {
        *bytes = have;
    }
    return BT_OK;
}

int32_t bt_data_s32(const unsigned char *at)
{
    uint32_t word = 0;
    memcpy(&word, at, sizeof(word));
    return (int32_t)le32toh(word);
}

float bt_data_f32(const unsigned char *at)
{
    const int32_t word = bt_data_s32(at);
    float value = 0;
    memcpy(&value, &word, sizeof(value));
    return value;
}

enum bt_status bt_data_check_float(const char *what, size_t index, float value, struct bt_error *err)
{
    if (fabsf(value) <= BT_DATA_FLOAT_MOST) { /* not so for NaN */
        return BT_OK;
    }
    return bt_fail(err, BT_EINPUT, "%s: value %zu is %g: expected finite values of at most %g in magnitude", what,
                   index, (double)value, (double)BT_DATA_FLOAT_MOST);
}

enum bt_status bt_data_floats(const char *dir, const char *name, size_t count, float **values, struct bt_error *err)
{
    unsigned char *raw = NULL;
    if (count < 1 || count > FILE_MOST / sizeof(float)) {
        return bt_fail(err, BT_EINPUT, "%s: %zu values: expected some, and fewer", name, count);
    }
    enum bt_status status = bt_data_file(dir, name, count * sizeof(float), &raw, NULL, err);
    if (status != BT_OK || raw == NULL) {
        return status;
    }
    float *made = calloc(count, sizeof(float));
    for (size_t i = 0; status == BT_OK && made != NULL && i < count; i++) {
        made[i] = bt_data_f32(raw + i * sizeof(float));
        status = bt_data_check_float(name, i, made[i], err);
    }
    free(raw);
    if (made == NULL) {
        return bt_fail(err, BT_ENOMEM, "%s: no memory for it", name);
    }
    if (status != BT_OK) {
        free(made);
        return status;
    }
    *values = made;
    return BT_OK;
}

void bt_data_oihw_to_ohwi(const float *oihw, int32_t c_out, int32_t c_in, int32_t kh, int32_t kw, float *ohwi)
{
    for (int32_t o = 0; o < c_out; o++) {
        for (int32_t i = 0; i < kh * kw; i++) {
            for (int32_t c = 0; c < c_in; c++) {
                *ohwi++ = oihw[((int64_t)o * c_in + c) * kh * kw + i];
            }
        }
    }
}

enum bt_status bt_data_photos(const char *data_dir, unsigned char **rgb, struct bt_error *err)
{
    const size_t bytes = (size_t)BT_DATA_PHOTOS * BT_DATA_PHOTO_EXTENT * BT_DATA_PHOTO_EXTENT * 3;
    return bt_data_file(data_dir, PHOTO_FILE, bytes, rgb, NULL, err);
}

/* ---- samples ---- */

void bt_graph_samples_free(struct bt_graph_samples *samples)
{
    for (uint32_t i = 0; samples->titles != NULL && i < samples->count; i++) {
        free(samples->titles[i]);
    }
    for (uint32_t i = 0; samples->class_names != NULL && i < samples->class_count; i++) {
        free(samples->class_names[i]);
    }
    free(samples->inputs);
    free(samples->labels);
    free(samples->titles);
    free(samples->class_names);
    *samples = (struct bt_graph_samples){0};
}

enum bt_status bt_data_samples_new(uint32_t count, size_t bytes, uint32_t class_count, struct bt_graph_samples *samples)
{
    *samples = (struct bt_graph_samples){.count = count, .bytes = bytes, .class_count = class_count};
    samples->inputs = calloc(count, bytes);
    samples->labels = calloc(count, sizeof(*samples->labels));
    samples->titles = calloc(count, sizeof(*samples->titles));
    samples->class_names = class_count > 0 ? calloc(class_count, sizeof(*samples->class_names)) : NULL;
    if (samples->inputs == NULL || samples->labels == NULL || samples->titles == NULL ||
        (class_count > 0 && samples->class_names == NULL)) {
        bt_graph_samples_free(samples);
        return BT_ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        samples->labels[i] = -1;
    }
    return BT_OK;
}

enum bt_status bt_data_name(char **to, const char *text)
{
    *to = strdup(text);
    return *to != NULL ? BT_OK : BT_ENOMEM;
}

enum bt_status bt_data_photo_samples(const char *data_dir, int32_t extent, struct bt_graph_samples *samples,
                                     struct bt_error *err)
{
    const size_t bytes = (size_t)extent * (size_t)extent * 3;
    unsigned char *rgb = NULL;
    enum bt_status status = extent == BT_DATA_IMAGE_EXTENT
                                ? bt_data_file(data_dir, IMAGE_FILE, IMAGES * IMAGE_BYTES, &rgb, NULL, err)
                                : bt_data_photos(data_dir, &rgb, err);
    if (status != BT_OK || rgb == NULL) {
        return status;
    }
    struct bt_graph_samples made = {0};
    status = bt_data_samples_new(BT_DATA_PHOTOS, bytes, 0, &made);
    for (size_t i = 0; status == BT_OK && i < made.count * bytes; i++) {
        made.inputs[i] = (int8_t)(rgb[i] - 128);
    }
    for (uint32_t i = 0; status == BT_OK && i < made.count; i++) {
        status = bt_data_name(&made.titles[i], bt_data_photo_names[i]);
    }
    free(rgb);
    if (status != BT_OK) {
        bt_graph_samples_free(&made);
        return bt_fail(err, status, "no memory for the photographs");
    }
    (void)snprintf(made.source, sizeof(made.source), "photographs of Darknet, %dx%d", (int)extent, (int)extent);
    *samples = made;
    return BT_OK;
}

enum bt_status bt_data_calibrate(const char *data_dir, int32_t extent, float unit, struct bt_float_graph *graph,
                                 struct bt_error *err)
{
    const size_t row = (size_t)extent * 3;
    const size_t elems = (size_t)extent * row;
    const size_t border = (size_t)(BT_DATA_IMAGE_EXTENT - extent) / 2;
    unsigned char *rgb = NULL;
    enum bt_status status = bt_data_file(data_dir, IMAGE_FILE, IMAGES * IMAGE_BYTES, &rgb, NULL, err);
    if (status != BT_OK || rgb == NULL) {
        return status;
    }
    float *inputs = malloc(CALIBRATION * elems * sizeof(float));
    if (inputs == NULL) {
        free(rgb);
        return bt_fail(err, BT_ENOMEM, "%.47s: no memory to calibrate", graph->name);
    }
    for (size_t i = 0; i < CALIBRATION * elems; i++) {
        const size_t y = i % elems / row + border;
        const size_t x = i % row + border * 3;
        const size_t at = (BT_DATA_PHOTOS + i / elems) * IMAGE_BYTES + y * BT_DATA_IMAGE_EXTENT * 3 + x;
        inputs[i] = (float)rgb[at] / unit;
    }
    status =
        bt_float_calibrate(graph, &(struct bt_calibration){.method = BT_CALIBRATE_MIN_MAX}, inputs, CALIBRATION, err);
    free(inputs);
    free(rgb);
    return status;
}

void bt_graph_dequantise(const struct bt_graph_node *node, const int8_t *q, float *real)
{
    const size_t elems = bt_graph_bytes(node);
    for (size_t i = 0; i < elems; i++) {
        real[i] = (float)(node->scale * (q[i] - node->zp));
    }
}

/* ---- the networks ---- */

struct loader {
    const char *name;
    enum bt_status (*quantised)(const char *data_dir, struct bt_graph **graph, struct bt_graph_samples *samples,
                                struct bt_error *err);
    enum bt_status (*real)(const char *data_dir, struct bt_float_graph **graph, struct bt_error *err);
};

static const struct loader loaders[] = {
    {"lenet5", bt_data_lenet5, bt_data_lenet5_float},
    {"lenet5_relu", bt_data_lenet5_relu, bt_data_lenet5_relu_float},
    {"resnet8", bt_data_resnet8, bt_data_resnet8_float},
    {"tiny_darknet", bt_data_tiny_darknet, bt_data_tiny_darknet_float},
    {"squeezenet1_1", bt_data_squeezenet, bt_data_squeezenet_float},
    {"yolo_fastest_1_1", bt_data_yolo_fastest, bt_data_yolo_fastest_float},
};

static const struct loader *find(const char *name)
{
    for (size_t i = 0; i < sizeof(loaders) / sizeof(loaders[0]); i++) {
        if (strcmp(loaders[i].name, name) == 0) {
            return &loaders[i];
        }
    }
    return NULL;
}

bool bt_graph_known(const char *name)
{
    return find(name) != NULL;
}

static enum bt_status refuse_unknown(const char *name, struct bt_error *err)
{
    return bt_fail(err, BT_EUNSUPPORTED,
                   "%.47s: no trained weights are known here: expected lenet5, lenet5_relu, resnet8, tiny_darknet, "
                   "squeezenet1_1 or "
                   "yolo_fastest_1_1",
                   name);
}

enum bt_status bt_graph_load_real(const char *name, const char *data_dir, struct bt_graph **graph,
                                  struct bt_graph_samples *samples, struct bt_error *err)
{
    const struct loader *loader = find(name);
    return loader != NULL ? loader->quantised(data_dir, graph, samples, err) : refuse_unknown(name, err);
}

enum bt_status bt_graph_load_float(const char *name, const char *data_dir, struct bt_float_graph **graph,
                                   struct bt_error *err)
{
    const struct loader *loader = find(name);
    return loader != NULL ? loader->real(data_dir, graph, err) : refuse_unknown(name, err);
}
