/* Generated sets: the same bytes everywhere, balanced, disjoint, boxes where the objects are. Files: read right, or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <jpeglib.h>

#include "harness/dataset/dataset_draw.h"
#include "harness/dataset/dataset_kinds.h"

enum { PICTURES = 100, BYTES = BT_SCENES_EXTENT * BT_SCENES_EXTENT * 3 };

struct shown {
    uint8_t pixels[BYTES];
    int32_t label;
    struct bt_box boxes[BT_DATASET_BOXES];
    uint32_t box_count;
};

static size_t bytes_of(const struct bt_dataset *set)
{
    return (size_t)set->h * (size_t)set->w * (size_t)set->c;
}

static void open_set(const char *spec, enum bt_split split, int32_t h, int32_t w, struct bt_dataset *set)
{
    struct bt_error err = {""};
    if (bt_dataset_open(spec, split, h, w, set, &err) != BT_OK) {
        fail_msg("%s: %s", spec, err.text);
    }
}

static void show(const struct bt_dataset *set, uint32_t index, struct shown *shown)
{
    struct bt_error err = {""};
    shown->label = -1;
    shown->box_count = 0;
    assert_true(bytes_of(set) <= sizeof(shown->pixels));
    if (bt_dataset_get(set, index, shown->pixels, &shown->label, shown->boxes, &shown->box_count, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
}

/* ---- generated sets ---- */

static const struct {
    const char *name;
    uint64_t hash[BT_SPLIT_COUNT]; /* XXH3-64 over pictures and what is in them */
} golden[] = {
    {"digits", {UINT64_C(0x2bc5262a80c1805a), UINT64_C(0xfb6e929e02c72139), UINT64_C(0x2a667b649d7f8ba7)}},
    {"shapes", {UINT64_C(0x4c4de52796f46253), UINT64_C(0x7d4980a50b041a09), UINT64_C(0x35121656f207b563)}},
    {"scenes", {UINT64_C(0x7417cd39d965ac49), UINT64_C(0x048a28e82493f532), UINT64_C(0xde2b829e936bb8f0)}},
};
#define SETS (sizeof(golden) / sizeof(golden[0]))

static void hash_u32(XXH3_state_t *state, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    assert_int_equal(XXH3_64bits_update(state, bytes, sizeof(bytes)), XXH_OK);
}

static uint64_t hash_of(const char *name, enum bt_split split)
{
    static struct shown shown;
    struct bt_dataset set;
    XXH3_state_t *state = XXH3_createState();
    assert_non_null(state);
    assert_int_equal(XXH3_64bits_reset(state), XXH_OK);
    open_set(name, split, 0, 0, &set);
    for (uint32_t i = 0; i < PICTURES; i++) {
        show(&set, i, &shown);
        assert_int_equal(XXH3_64bits_update(state, shown.pixels, bytes_of(&set)), XXH_OK);
        hash_u32(state, (uint32_t)shown.label);
        for (uint32_t j = 0; j < shown.box_count; j++) {
            const struct bt_box *box = &shown.boxes[j];
            hash_u32(state, (uint32_t)box->x0);
            hash_u32(state, (uint32_t)box->y0);
            hash_u32(state, (uint32_t)box->x1);
            hash_u32(state, (uint32_t)box->y1);
            hash_u32(state, (uint32_t)box->label);
        }
    }
    bt_dataset_close(&set);
    const uint64_t hash = XXH3_64bits_digest(state);
    (void)XXH3_freeState(state);
    return hash;
}

static void test_same_bytes_everywhere(void **state)
{
    bool same = true;
    (void)state;
    for (size_t i = 0; i < SETS; i++) {
        for (int split = 0; split < BT_SPLIT_COUNT; split++) {
            const uint64_t hash = hash_of(golden[i].name, (enum bt_split)split);
            if (hash != golden[i].hash[split]) {
                print_error("%s, %s: got UINT64_C(0x%016llx)\n", golden[i].name, bt_split_name((enum bt_split)split),
                            (unsigned long long)hash);
                same = false;
            }
        }
    }
    assert_true(same);
}

/* In any order, and from a set opened again. */
static void test_any_order(void **state)
{
    static struct shown first;
    static struct shown again;
    struct bt_dataset set;
    struct bt_dataset other;
    (void)state;
    for (size_t i = 0; i < SETS; i++) {
        open_set(golden[i].name, BT_SPLIT_TRAIN, 0, 0, &set);
        open_set(golden[i].name, BT_SPLIT_TRAIN, set.h, set.w, &other);
        show(&set, UINT32_MAX, &first);
        for (uint32_t j = 20; j > 0; j--) {
            show(&set, j, &first);
            show(&other, 21 - j, &again);
            show(&other, j, &again);
            assert_memory_equal(first.pixels, again.pixels, bytes_of(&set));
            assert_int_equal(first.label, again.label);
            assert_int_equal(first.box_count, again.box_count);
        }
        bt_dataset_close(&other);
        bt_dataset_close(&set);
    }
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

static void test_no_picture_twice(void **state)
{
    enum { EACH = 200 };
    static struct shown shown;
    static uint64_t hashes[BT_SPLIT_COUNT * EACH];
    struct bt_dataset set;
    (void)state;
    for (size_t i = 0; i < SETS; i++) {
        size_t count = 0;
        for (int split = 0; split < BT_SPLIT_COUNT; split++) {
            open_set(golden[i].name, (enum bt_split)split, 0, 0, &set);
            for (uint32_t j = 0; j < EACH; j++) {
                show(&set, j, &shown);
                hashes[count++] = XXH3_64bits(shown.pixels, bytes_of(&set));
            }
            bt_dataset_close(&set);
        }
        qsort(hashes, count, sizeof(*hashes), by_value);
        for (size_t j = 1; j < count; j++) {
            assert_true(hashes[j] != hashes[j - 1]);
        }
    }
}

static void test_balanced(void **state)
{
    static struct shown shown;
    struct bt_dataset set;
    uint32_t counts[16];
    uint32_t boxes[BT_SCENES_MOST + 1] = {0};
    (void)state;
    for (size_t i = 0; i < SETS; i++) {
        open_set(golden[i].name, BT_SPLIT_TEST, 0, 0, &set);
        assert_int_equal(set.count, set.task == BT_TASK_DETECT ? 200 : 1000);
        memset(counts, 0, sizeof(counts));
        uint32_t total = 0;
        for (uint32_t j = 0; j < set.count; j++) {
            show(&set, j, &shown);
            if (set.task == BT_TASK_CLASSIFY) {
                counts[shown.label]++;
                total++;
                /* Every class once among ten that follow each other. */
                assert_int_equal(counts[shown.label], j / 10 + 1);
            }
            for (uint32_t k = 0; k < shown.box_count; k++) {
                counts[shown.boxes[k].label]++;
                total++;
            }
            boxes[set.task == BT_TASK_DETECT ? shown.box_count : 0]++;
        }
        for (uint32_t j = 0; j < set.class_count; j++) {
            assert_non_null(set.class_names[j]);
            assert_true(counts[j] * set.class_count * 10 > total * 8 && counts[j] * set.class_count * 10 < total * 12);
        }
        bt_dataset_close(&set);
    }
    for (uint32_t i = 1; i <= BT_SCENES_MOST; i++) {
        assert_true(boxes[i] >= 5);
    }
}

/* What the drawing says of each pixel, against the box: none outside, and one at each side where nothing is in front. */
static void check_box(const uint8_t *owner, const struct bt_box *box, uint32_t number, uint32_t count)
{
    int32_t x0 = BT_SCENES_EXTENT;
    int32_t y0 = BT_SCENES_EXTENT;
    int32_t x1 = 0;
    int32_t y1 = 0;
    for (int32_t y = 0; y < BT_SCENES_EXTENT; y++) {
        for (int32_t x = 0; x < BT_SCENES_EXTENT; x++) {
            if (owner[y * BT_SCENES_EXTENT + x] == number + 1) {
                x0 = x < x0 ? x : x0;
                y0 = y < y0 ? y : y0;
                x1 = x >= x1 ? x + 1 : x1;
                y1 = y >= y1 ? y + 1 : y1;
            }
        }
    }
    assert_true(x1 > x0 && y1 > y0);
    assert_true((float)x0 >= box->x0 && (float)y0 >= box->y0 && (float)x1 <= box->x1 && (float)y1 <= box->y1);
    if (number + 1 == count) { /* the nearest: nothing hides it */
        assert_true((float)x0 == box->x0 && (float)y0 == box->y0 && (float)x1 == box->x1 && (float)y1 == box->y1);
    }
}

static void test_boxes_are_tight(void **state)
{
    static struct shown shown;
    static uint8_t owner[BT_SCENES_EXTENT * BT_SCENES_EXTENT];
    (void)state;
    for (uint32_t i = 0; i < 150; i++) {
        const uint32_t count = bt_scenes_draw(BT_SPLIT_TEST, i, shown.pixels, shown.boxes, owner);
        assert_true(count >= 1 && count <= BT_SCENES_MOST);
        for (uint32_t j = 0; j < count; j++) {
            const struct bt_box *box = &shown.boxes[j];
            assert_true(box->x0 >= 0 && box->y0 >= 0 && box->x1 <= BT_SCENES_EXTENT && box->y1 <= BT_SCENES_EXTENT);
            assert_true(box->x1 - box->x0 >= 6 && box->y1 - box->y0 >= 6);
            check_box(owner, box, j, count);
        }
    }
}

/* Two boxes share at most half of the smaller one. */
static void test_overlaps_are_limited(void **state)
{
    static struct shown shown;
    (void)state;
    for (uint32_t i = 0; i < 150; i++) {
        const uint32_t count = bt_scenes_draw(BT_SPLIT_TEST, i, shown.pixels, shown.boxes, NULL);
        for (uint32_t j = 0; j < count; j++) {
            for (uint32_t k = 0; k < j; k++) {
                const struct bt_box *a = &shown.boxes[j];
                const struct bt_box *b = &shown.boxes[k];
                const float w = (a->x1 < b->x1 ? a->x1 : b->x1) - (a->x0 > b->x0 ? a->x0 : b->x0);
                const float h = (a->y1 < b->y1 ? a->y1 : b->y1) - (a->y0 > b->y0 ? a->y0 : b->y0);
                const float area_a = (a->x1 - a->x0) * (a->y1 - a->y0);
                const float area_b = (b->x1 - b->x0) * (b->y1 - b->y0);
                assert_true(w <= 0 || h <= 0 || w * h * 2 <= (area_a < area_b ? area_a : area_b));
            }
        }
    }
}

static void test_root_and_sine(void **state)
{
    (void)state;
    assert_int_equal(bt_root(0), 0);
    assert_int_equal(bt_root(UINT64_MAX), UINT32_MAX);
    for (uint64_t i = 1; i < 70000; i += 7) {
        assert_int_equal(bt_root(i * i), i);
        assert_int_equal(bt_root(i * i - 1), i - 1);
    }
    for (int32_t i = -300; i < 300; i++) {
        const int32_t c = bt_cosine(i);
        const int32_t s = bt_sine(i);
        assert_true(abs(c * c + s * s - (1 << 28)) < 1 << 15);
        assert_int_equal(bt_sine(-i), -s);
        assert_int_equal(bt_cosine(-i), c);
    }
}

/* ---- files ---- */

static char root[] = P_tmpdir "/bt_test_dataset_XXXXXX";

static void write_file(const char *path, const void *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

static void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(root) != NULL && chdir(root) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", root);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1; /* NOLINT(cert-env33-c): a folder of our own */
}

static void fresh(const char *folder)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a folder of our own */
    assert_int_equal(mkdir(folder, 0777), 0);
}

/* Opening, or else getting the second picture, says this. */
static void refused(const char *spec, int32_t h, int32_t w, const char *text)
{
    static struct shown shown;
    struct bt_dataset set;
    struct bt_error err = {""};
    enum bt_status status = bt_dataset_open(spec, BT_SPLIT_TEST, h, w, &set, &err);
    if (status == BT_OK) {
        assert_true(bytes_of(&set) <= sizeof(shown.pixels));
        status = bt_dataset_get(&set, 1, shown.pixels, &shown.label, shown.boxes, &shown.box_count, &err);
        bt_dataset_close(&set);
    }
    assert_int_equal(status, BT_EINPUT);
    if (strstr(err.text, text) == NULL || strchr(err.text, '\n') != NULL) {
        fail_msg("%s: '%s': expected '%s'", spec, err.text, text);
    }
}

static void test_specs(void **state)
{
    (void)state;
    refused("", 0, 0, "data set '': expected digits, shapes");
    refused("digit", 0, 0, "expected digits");
    refused("digits:x", 0, 0, "expected digits");
    refused("mnist", 0, 0, "mnist:FOLDER");
    refused("mnist:", 0, 0, "mnist:FOLDER");
    refused("digits", 28, 28, "digits: 28x28 asked for: expected 32x32");
    refused("scenes", 0, 64, "expected 96x96");
    refused("images:x", 9000, 9000, "expected at most 8192 rows and columns");
    refused("images:nowhere", 0, 0, "nowhere/labels.txt: missing");
    refused("boxes:nowhere", 0, 0, "nowhere: unreadable");
    refused("mnist:nowhere", 0, 0, "nowhere/t10k-images-idx3-ubyte.gz: missing");
    refused("cifar10:nowhere", 0, 0, "./nowhere: missing");
}

/* ---- MNIST and CIFAR-10 ---- */

static size_t idx_header(uint8_t *to, uint32_t magic, uint32_t dims, const uint32_t *extents)
{
    for (uint32_t i = 0; i <= dims; i++) {
        const uint32_t value = i == 0 ? magic : extents[i - 1];
        for (uint32_t j = 0; j < 4; j++) {
            to[4 * i + j] = (uint8_t)(value >> (24 - 8 * j));
        }
    }
    return 4 * ((size_t)dims + 1);
}

/* Pictures of 2x3 whose bytes count up, labels 7, 8, 9, ... */
static void write_mnist(const char *part, uint32_t pictures, uint32_t labels)
{
    uint8_t data[256];
    char path[64];
    const uint32_t extents[3] = {pictures, 2, 3};
    size_t bytes = idx_header(data, 0x803, 3, extents);
    for (uint32_t i = 0; i < pictures * 6; i++) {
        data[bytes++] = (uint8_t)(i + 1);
    }
    (void)snprintf(path, sizeof(path), "m/%s-images-idx3-ubyte", part);
    write_file(path, data, bytes);
    bytes = idx_header(data, 0x801, 1, &labels);
    for (uint32_t i = 0; i < labels; i++) {
        data[bytes++] = (uint8_t)(7 + i);
    }
    (void)snprintf(path, sizeof(path), "m/%s-labels-idx1-ubyte", part);
    write_file(path, data, bytes);
}

static void test_mnist(void **state)
{
    static struct shown shown;
    struct bt_dataset set;
    const uint8_t padded[4 * 5] = {0, 0, 0, 0, 0, 0, 7, 8, 9, 0, 0, 10, 11, 12, 0, 0, 0, 0, 0, 0};
    (void)state;
    fresh("m");
    write_mnist("train", 2, 2);
    open_set("mnist:m", BT_SPLIT_TEST, 0, 0, &set);
    assert_true(set.count == 2 && set.h == 2 && set.w == 3 && set.c == 1 && set.class_count == 10);
    assert_string_equal(set.source, "m, train");
    bt_dataset_close(&set);
    write_mnist("t10k", 3, 3);
    open_set("mnist:m", BT_SPLIT_TEST, 4, 5, &set);
    assert_string_equal(set.source, "m, t10k");
    assert_true(set.count == 3 && set.h == 4 && set.w == 5);
    show(&set, 1, &shown);
    assert_memory_equal(shown.pixels, padded, sizeof(padded));
    assert_int_equal(shown.label, 8);
    bt_dataset_close(&set);
    refused("mnist:m", 1, 5, "m: 1x5 asked for: expected 2x3 or more");

    write_mnist("t10k", 3, 2);
    refused("mnist:m", 0, 0, "m: 2 labels for 3 pictures of t10k: expected as many");
    write_mnist("t10k", 4, 4);
    refused("mnist:m", 0, 0, "label 10 of picture 3: expected 0 to 9");
    write_mnist("t10k", 3, 3);
    assert_int_equal(truncate("m/t10k-images-idx3-ubyte", 33), 0);
    refused("mnist:m", 0, 0, "m/t10k-images-idx3-ubyte: 17 bytes behind its header: expected 18 for 3 of 2x3");
    assert_int_equal(truncate("m/t10k-images-idx3-ubyte", 15), 0);
    refused("mnist:m", 0, 0, "expected the magic number 0x00000803");
    write_mnist("t10k", 3, 3);
    assert_int_equal(rename("m/t10k-labels-idx1-ubyte", "m/t10k-images-idx3-ubyte"), 0);
    refused("mnist:m", 0, 0, "expected the magic number 0x00000803");
    write_mnist("t10k", 0, 0);
    refused("mnist:m", 0, 0, "0 pictures of 2x3: expected some");
    write_mnist("t10k", 3, 3);
    write_text("m/t10k-labels-idx1-ubyte", "\x1f\x8b not gzip");
    refused("mnist:m", 0, 0, "expected a whole gzip file");
}

static void test_cifar10(void **state)
{
    enum { RECORD = 3073 };
    static uint8_t data[2 * RECORD];
    static struct shown shown;
    struct bt_dataset set;
    (void)state;
    data[0] = 1;
    data[RECORD] = 9;
    data[RECORD + 1 + 5] = 10;
    data[RECORD + 1 + 1024 + 5] = 20;
    data[RECORD + 1 + 2048 + 5] = 30;
    write_file("batch.bin", data, sizeof(data));
    open_set("cifar10:batch.bin", BT_SPLIT_TEST, 32, 32, &set);
    assert_true(set.count == 2 && set.h == 32 && set.w == 32 && set.c == 3);
    show(&set, 1, &shown);
    assert_int_equal(shown.label, 9);
    assert_string_equal(set.class_names[9], "truck");
    assert_true(shown.pixels[15] == 10 && shown.pixels[16] == 20 && shown.pixels[17] == 30 && shown.pixels[18] == 0);
    bt_dataset_close(&set);
    refused("cifar10:batch.bin", 28, 28, "28x28 asked for: expected 32x32");
    data[RECORD] = 10;
    write_file("batch.bin", data, sizeof(data));
    refused("cifar10:batch.bin", 0, 0, "batch.bin: label 10 of picture 1: expected 0 to 9");
    assert_int_equal(truncate("batch.bin", 2 * RECORD - 1), 0);
    refused("cifar10:batch.bin", 0, 0, "6145 bytes: expected a multiple of 3073");
    assert_int_equal(truncate("batch.bin", 0), 0);
    refused("cifar10:batch.bin", 0, 0, "0 bytes: expected a multiple");
}

/* ---- pictures ---- */

/* Smooth, so that JPEG keeps it. */
static uint8_t pixel_at(int32_t y, int32_t x, int32_t c)
{
    return (uint8_t)(40 + 3 * y + 2 * x + 20 * c);
}

static void write_pnm(const char *path, int32_t h, int32_t w, int32_t c)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fprintf(file, "P%d # grey or colour\n%d\t%d\n255\n", c == 3 ? 6 : 5, w, h) > 0);
    for (int32_t i = 0; i < h * w * c; i++) {
        assert_true(fputc(pixel_at(i / c / w, i / c % w, i % c), file) != EOF);
    }
    assert_int_equal(fclose(file), 0);
}

static void write_jpeg(const char *path, int32_t h, int32_t w, int32_t c)
{
    struct jpeg_compress_struct jpeg = {0};
    struct jpeg_error_mgr manager;
    uint8_t row[64 * 3];
    JSAMPROW line = row;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    jpeg.err = jpeg_std_error(&manager);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_height = (JDIMENSION)h;
    jpeg.image_width = (JDIMENSION)w;
    jpeg.input_components = c;
    jpeg.in_color_space = c == 3 ? JCS_RGB : JCS_GRAYSCALE;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 95, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    for (int32_t y = 0; y < h; y++) {
        for (int32_t i = 0; i < w * c; i++) {
            row[i] = pixel_at(y, i / c, i % c);
        }
        (void)jpeg_write_scanlines(&jpeg, &line, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    assert_int_equal(fclose(file), 0);
}

/* type: PNG_COLOR_TYPE_*; 16 bits: the second byte is noise. */
static void write_png(const char *path, int32_t h, int32_t w, int type, int bits)
{
    uint8_t row[64 * 8];
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    const int c = (type & PNG_COLOR_MASK_COLOR) != 0 && type != PNG_COLOR_TYPE_PALETTE ? 3 : 1;
    const int channels = c + ((type & PNG_COLOR_MASK_ALPHA) != 0 ? 1 : 0);
    png_color palette[256];
    png_init_io(png, file);
    png_set_IHDR(png, info, (png_uint_32)w, (png_uint_32)h, bits, type, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    for (int i = 0; i < 256; i++) {
        palette[i] = (png_color){(png_byte)i, (png_byte)(i + 20), (png_byte)(i + 40)};
    }
    if (type == PNG_COLOR_TYPE_PALETTE) {
        png_set_PLTE(png, info, palette, 256);
    }
    png_write_info(png, info);
    for (int32_t y = 0; y < h; y++) {
        uint8_t *at = row;
        for (int32_t i = 0; i < w * channels; i++) {
            const int channel = i % channels;
            *at++ = channel < c ? pixel_at(y, i / channels, channel) : (uint8_t)i;
            if (bits == 16) {
                *at++ = (uint8_t)(17 * i);
            }
        }
        png_write_row(png, row);
    }
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    assert_int_equal(fclose(file), 0);
}

static void check_pixels(const struct bt_dataset *set, uint32_t index, int32_t h, int32_t w, int32_t apart)
{
    static struct shown shown;
    show(set, index, &shown);
    assert_true(set->h == h && set->w == w);
    for (int32_t i = 0; i < h * w * set->c; i++) {
        const int32_t wanted = pixel_at(i / set->c / w, i / set->c % w, i % set->c);
        if (abs(shown.pixels[i] - wanted) > apart) {
            fail_msg("picture %u, byte %d: %d, expected %d", index, i, shown.pixels[i], wanted);
        }
    }
}

static void test_formats(void **state)
{
    struct bt_dataset set;
    (void)state;
    fresh("i");
    write_pnm("i/a.ppm", 12, 20, 3);
    write_png("i/b c.png", 12, 20, PNG_COLOR_TYPE_RGB, 8);
    write_png("i/c.png", 12, 20, PNG_COLOR_TYPE_RGB_ALPHA, 8);
    write_png("i/d.png", 12, 20, PNG_COLOR_TYPE_RGB, 16);
    write_png("i/e.png", 12, 20, PNG_COLOR_TYPE_PALETTE, 8);
    write_jpeg("i/f.jpg", 12, 20, 3);
    write_text("i/labels.txt", "a.ppm 4\r\n\nb c.png \t 0\nc.png 1\nd.png 2\ne.png 3\nf.jpg 0");
    open_set("images:i", BT_SPLIT_TEST, 0, 0, &set);
    assert_true(set.count == 6 && set.c == 3 && set.class_count == 0 && set.class_names == NULL);
    for (uint32_t i = 0; i < set.count; i++) {
        check_pixels(&set, i, 12, 20, i == 5 ? 6 : 0);
    }
    bt_dataset_close(&set);

    write_pnm("i/a.ppm", 12, 20, 1);
    write_png("i/b.png", 12, 20, PNG_COLOR_TYPE_GRAY, 8);
    write_png("i/c.png", 12, 20, PNG_COLOR_TYPE_GRAY_ALPHA, 16);
    write_jpeg("i/f.jpg", 12, 20, 1);
    write_text("i/labels.txt", "a.ppm 1\nb.png 0\nc.png 1\nf.jpg 0\n");
    write_text("i/classes.txt", "house\nred fox\n");
    open_set("images:i", BT_SPLIT_TEST, 12, 20, &set);
    assert_true(set.count == 4 && set.c == 1 && set.class_count == 2);
    assert_string_equal(set.class_names[1], "red fox");
    for (uint32_t i = 0; i < set.count; i++) {
        check_pixels(&set, i, 12, 20, i == 3 ? 6 : 0);
    }
    bt_dataset_close(&set);
}

/* Grey among coloured ones, and the other way round. */
static void test_grey_and_colour(void **state)
{
    static struct shown shown;
    struct bt_dataset set;
    (void)state;
    fresh("i");
    write_pnm("i/a.ppm", 4, 4, 3);
    write_pnm("i/b.ppm", 4, 4, 1);
    write_text("i/labels.txt", "a.ppm 0\nb.ppm 0\n");
    open_set("images:i", BT_SPLIT_TEST, 0, 0, &set);
    show(&set, 1, &shown);
    for (int32_t i = 0; i < 48; i++) {
        assert_int_equal(shown.pixels[i], pixel_at(i / 12, i / 3 % 4, 0));
    }
    bt_dataset_close(&set);
    write_text("i/labels.txt", "b.ppm 0\na.ppm 0\n");
    refused("images:i", 0, 0, "i/a.ppm: colour: expected grey as the first picture");
}

static void test_images_refused(void **state)
{
    static const struct {
        const char *labels, *says;
    } cases[] = {
        {"", "i: no pictures: expected some"},
        {"a.ppm\n", "i/labels.txt:1: 'a.ppm': expected \"file class\""},
        {"a.ppm 0\n\n x\n", "i/labels.txt:3: ' x': expected \"file class\""},
        {"a.ppm 0\n 1\n", "i/labels.txt:2: ' 1': expected \"file class\""},
        {"a.ppm 0\na.ppm -1\n", "i/labels.txt:2: 'a.ppm -1'"},
        {"a.ppm 0x1\n", "i/labels.txt:1: 'a.ppm 0x1'"},
        {"a.ppm 99999999999999999999\n", "the class a number up to 999999"},
        {"a.ppm 1000000\n", "the class a number up to 999999"},
        {"gone.png 0\n", "i/gone.png: missing"},
        {"a.ppm 0\ngone.png 0\n", "i/gone.png: missing"},
        {"a.ppm 0\nsmall.ppm 0\n", "i/small.ppm: 4x5: expected 6x6 as the first picture"},
        {"a.ppm 0\ntext.png 0\n", "i/text.png: no picture: expected JPEG, PNG or binary PGM or PPM"},
        {"a.ppm 0\nempty.png 0\n", "i/empty.png: no picture"},
        {"a.ppm 0\nlarge.ppm 0\n", "i/large.ppm: a picture of 2x9000: expected 1 to 8192 rows and columns"},
        {"a.ppm 0\nnone.ppm 0\n", "i/none.ppm: a picture of 2x0"},
        {"a.ppm 0\nshort.ppm 0\n", "i/short.ppm: 2 bytes behind the PNM header: expected 3 for 1x1"},
        {"a.ppm 0\nlong.ppm 0\n", "i/long.ppm: 4 bytes behind the PNM header: expected 3 for 1x1"},
        {"a.ppm 0\ndeep.ppm 0\n", "i/deep.ppm: PNM with values up to 65535: expected 255"},
        {"a.ppm 0\nhead.ppm 0\n", "i/head.ppm: damaged PNM: expected width, height and 255"},
        {"a.ppm 0\ncut.jpg 0\n", "i/cut.jpg: damaged JPEG: "},
        {"a.ppm 0\nbent.jpg 0\n", "i/bent.jpg: damaged JPEG: "},
        {"a.ppm 0\ncut.png 0\n", "i/cut.png: damaged PNG: cut short"},
        {"a.ppm 0\nbent.png 0\n", "i/bent.png: damaged PNG: "},
    };
    (void)state;
    fresh("i");
    write_pnm("i/a.ppm", 6, 6, 3);
    write_pnm("i/small.ppm", 4, 5, 3);
    write_text("i/text.png", "no picture");
    write_text("i/empty.png", "");
    write_text("i/large.ppm", "P6 9000 2 255\n");
    write_text("i/none.ppm", "P6 0 2 255\n");
    write_text("i/short.ppm", "P6 1 1 255\nab");
    write_text("i/long.ppm", "P6 1 1 255\nabcd");
    write_text("i/deep.ppm", "P6 1 1 65535\nabcdef");
    write_text("i/head.ppm", "P6 1 # to the end");
    write_jpeg("i/cut.jpg", 40, 40, 3);
    assert_int_equal(truncate("i/cut.jpg", 700), 0);
    write_text("i/bent.jpg", "\xff\xd8\xff\xe0 nothing that follows");
    write_png("i/cut.png", 40, 40, PNG_COLOR_TYPE_RGB, 8);
    assert_int_equal(truncate("i/cut.png", 100), 0);
    write_png("i/bent.png", 40, 40, PNG_COLOR_TYPE_RGB, 8);
    FILE *file = fopen("i/bent.png", "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 60, SEEK_SET), 0);
    assert_int_equal(fputs("damage", file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_text("i/labels.txt", cases[i].labels);
        refused("images:i", 0, 0, cases[i].says);
    }
    write_text("i/classes.txt", "only one\n");
    write_text("i/labels.txt", "a.ppm 0\na.ppm 1\n");
    refused("images:i", 0, 0, "i/labels.txt:2: class 1: expected 0 to 0");
}

/* A larger limit than the file's header allows is never asked for: the decoders check before they make room. */
static void test_limits(void **state)
{
    struct bt_picture picture = {0};
    struct bt_error err = {""};
    unsigned char data[4096];
    (void)state;
    write_png("limit", 33, 20, PNG_COLOR_TYPE_RGB, 8);
    for (int i = 0; i < 2; i++) {
        FILE *file = fopen("limit", "rb");
        assert_non_null(file);
        const size_t bytes = fread(data, 1, sizeof(data), file);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(bt_picture_parse("limit", data, bytes, 32, &picture, &err), BT_EINPUT);
        assert_string_equal(err.text, "limit: a picture of 33x20: expected 1 to 32 rows and columns");
        assert_null(picture.pixels);
        write_jpeg("limit", 33, 20, 3);
    }
}

static void test_resize(void **state)
{
    /* cv2.resize(..., interpolation=cv2.INTER_LINEAR) of these: half-pixel centres, edges held. */
    uint8_t two[4] = {0, 100, 200, 255};
    const uint8_t four[16] = {0, 25, 75, 100, 50, 72, 117, 139, 150, 167, 200, 216, 200, 214, 241, 255};
    uint8_t made[64];
    const struct bt_picture small = {.pixels = two, .h = 2, .w = 2, .c = 1};
    (void)state;
    bt_picture_resize(&small, 4, 4, made);
    for (int i = 0; i < 16; i++) {
        assert_true(abs(made[i] - four[i]) <= 1);
    }
    bt_picture_resize(&small, 1, 1, made);
    assert_int_equal(made[0], 139); /* the mean, 138.75 */
    bt_picture_resize(&small, 2, 2, made);
    assert_memory_equal(made, two, 4);
    uint8_t wide[12];
    memset(wide, 77, sizeof(wide));
    const struct bt_picture flat = {.pixels = wide, .h = 2, .w = 2, .c = 3};
    bt_picture_resize(&flat, 3, 7, made);
    for (int i = 0; i < 63; i++) {
        assert_int_equal(made[i], 77);
    }
}

/* ---- boxes ---- */

static void test_boxes(void **state)
{
    static struct shown shown;
    struct bt_dataset set;
    (void)state;
    fresh("b");
    write_pnm("b/1.ppm", 10, 20, 3);
    write_text("b/1.txt", "");
    write_pnm("b/2.pgm", 16, 8, 1);
    write_text("b/2.txt", "1 0.5 0.25 0.5 0.5\r\n0 1 1 0.5 0.5\n");
    write_text("b/classes.txt", "cat\ndog\n");
    open_set("boxes:b", BT_SPLIT_TEST, 40, 80, &set);
    assert_true(set.count == 2 && set.c == 3 && set.task == BT_TASK_DETECT && set.class_count == 2);
    assert_string_equal(set.class_names[1], "dog");
    show(&set, 0, &shown);
    assert_int_equal(shown.box_count, 0);
    show(&set, 1, &shown);
    assert_int_equal(shown.box_count, 2);
    const struct bt_box *box = shown.boxes;
    assert_true(box[0].label == 1 && box[0].x0 == 20 && box[0].x1 == 60 && box[0].y0 == 0 && box[0].y1 == 20);
    assert_true(box[1].label == 0 && box[1].x0 == 60 && box[1].x1 == 80 && box[1].y0 == 30 && box[1].y1 == 40);
    bt_dataset_close(&set);
    refused("boxes:b", 0, 0, "b/2.pgm: 16x8: expected 10x20 as the first picture");
}

static void test_boxes_refused(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"0 0.5 0.5 0.5\n", "b/1.txt:1: '0 0.5 0.5 0.5': expected \"class x y w h\""},
        {"\n0 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.5 0.5 1\n", "b/1.txt:3: "},
        {"x 0.5 0.5 0.5 0.5\n", "b/1.txt:1: "},
        {"-1 0.5 0.5 0.5 0.5\n", "b/1.txt:1: "},
        {"0 nan 0.5 0.5 0.5\n", "b/1.txt:1: "},
        {"0 0x1p-1 0.5 0.5 0.5\n", "b/1.txt:1: "},
        {"0 0.5 1.5 0.5 0.5\n", "b/1.txt:1: "},
        {"0 0.5 0.5 0 0.5\n", "b/1.txt:1: "},
        {"0 0.5 0.5 0.5 -0.5\n", "b/1.txt:1: "},
        {"0 0.5 0.5 . 0.5\n", "b/1.txt:1: "},
        {"2 0.5 0.5 0.5 0.5\n", "b/1.txt:1: class 2: expected 0 to 1"},
    };
    (void)state;
    fresh("b");
    write_pnm("b/1.ppm", 10, 20, 3);
    write_text("b/classes.txt", "cat\ndog\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_text("b/1.txt", cases[i].text);
        refused("boxes:b", 0, 0, cases[i].says);
    }
    char many[(BT_DATASET_BOXES + 1) * 18 + 1] = "";
    for (size_t i = 0; i <= BT_DATASET_BOXES; i++) {
        (void)snprintf(many + 18 * i, 19, "0 0.5 0.5 0.5 0.5\n");
    }
    write_text("b/1.txt", many);
    refused("boxes:b", 0, 0, "b/1.txt:129: another box: expected at most 128");
    many[18 * BT_DATASET_BOXES] = '\0';
    write_text("b/1.txt", many);
    struct bt_dataset set;
    static struct shown shown;
    open_set("boxes:b", BT_SPLIT_TEST, 0, 0, &set);
    show(&set, 0, &shown);
    assert_int_equal(shown.box_count, BT_DATASET_BOXES);
    bt_dataset_close(&set);

    write_text("b/2.txt", "");
    refused("boxes:b", 0, 0, "b/2.txt: alone: expected a picture and a text of the same name");
    assert_int_equal(unlink("b/2.txt"), 0);
    write_pnm("b/0.ppm", 10, 20, 3);
    refused("boxes:b", 0, 0, "b/0.ppm: alone: expected a picture and a text");
    fresh("b");
    refused("boxes:b", 0, 0, "b: no pictures: expected some");
}

/* ---- published sets, where the data folder is ---- */

static char start[1024];

static bool data_path(const char *below, char *path, size_t room)
{
    const char *given = getenv("BITTRUE_DATA");
    const bool own = given == NULL || given[0] == '\0';
    const bool relative = own || given[0] != '/';
    (void)snprintf(path, room, "%s%s%s/%s", relative ? start : "", relative ? "/" : "", own ? "../shared/data" : given,
                   below);
    if (access(path, F_OK) == 0) {
        return true;
    }
    print_message("SKIP: %s is missing\n", path);
    return false;
}

static void test_published_mnist(void **state)
{
    static struct shown shown;
    char path[1400];
    char spec[1500];
    struct bt_dataset set;
    (void)state;
    if (!data_path("lenet/mnist", path, sizeof(path))) {
        skip();
    }
    (void)snprintf(spec, sizeof(spec), "mnist:%s", path);
    open_set(spec, BT_SPLIT_TEST, 32, 32, &set);
    assert_true(set.count == 10000 && set.h == 32 && set.w == 32);
    show(&set, 0, &shown);
    assert_int_equal(shown.label, 7);
    assert_int_equal(shown.pixels[0], 0);
    assert_int_equal(shown.pixels[(7 + 2) * 32 + 6 + 2], 84); /* the first pixel of the first digit that is not 0 */
    bt_dataset_close(&set);
}

static void test_published_coco(void **state)
{
    static uint8_t pixels[320 * 320 * 3];
    char path[1400];
    char spec[1500];
    struct bt_dataset set;
    struct bt_box boxes[BT_DATASET_BOXES];
    uint32_t total = 0;
    (void)state;
    if (!data_path("yolo/coco_val2017_ccby", path, sizeof(path))) {
        skip();
    }
    (void)snprintf(spec, sizeof(spec), "boxes:%s", path);
    open_set(spec, BT_SPLIT_TEST, 320, 320, &set);
    assert_true(set.count == 27 && set.class_count == 80);
    assert_string_equal(set.class_names[0], "person");
    for (uint32_t i = 0; i < set.count; i++) {
        struct bt_error err = {""};
        uint32_t count = 0;
        assert_int_equal(bt_dataset_get(&set, i, pixels, NULL, boxes, &count, &err), BT_OK);
        total += count;
        for (uint32_t j = 0; j < count; j++) {
            assert_true(boxes[j].x0 >= 0 && boxes[j].x1 <= 320 && boxes[j].y0 >= 0 && boxes[j].y1 <= 320);
        }
    }
    assert_int_equal(total, 173);
    bt_dataset_close(&set);
}

/* ---- ranges ---- */

static void test_ranges_refused(void **state)
{
    static const char *const malformed[] = {
        "digits#",      "digits#5",      "digits#5-",    "digits#-5",          "digits#a-b",
        "digits#5-4",   "digits#1-2x",   "digits#1-2-3", "digits# 1-2",        "digits#1- 2",
        "digits#+1-2",  "digits#1-+2",   "digits#1:2",   "digits#0-100000000", "digits#4294967296-4294967297",
        "digits#1 - 2", "digits#0x1-02", "digits#1.5-2", "images:a#b",         "digits#0-99999999999999999999",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        char says[128];
        (void)snprintf(says, sizeof(says), "data set '%s': expected #FIRST-LAST behind it, two numbers of pictures",
                       malformed[i]);
        refused(malformed[i], 0, 0, says);
    }
    /* A range of nothing that is known. */
    refused("#1-2", 0, 0, "expected digits, shapes");
    refused("digit#1-2", 0, 0, "expected digits, shapes");
    refused("digits#1-2#3-4", 0, 0, "expected digits, shapes");
    refused("images:#1-2", 0, 0, "expected digits, shapes");
    refused("images:nowhere#1-2", 0, 0, "nowhere/labels.txt: missing");
}

/* Picture i of "#A-B" is picture A + i of the set, with what is in it. */
static void check_range(const char *spec, uint32_t first, uint32_t last, const char *source)
{
    static struct shown ranged;
    static struct shown whole;
    struct bt_dataset part;
    struct bt_dataset set;
    char text[128];
    (void)snprintf(text, sizeof(text), "%s#%u-%u", spec, first, last);
    for (int split = 0; split < BT_SPLIT_COUNT; split++) {
        open_set(text, (enum bt_split)split, 0, 0, &part);
        open_set(spec, (enum bt_split)split, 0, 0, &set);
        assert_int_equal(part.count, last - first + 1);
        assert_int_equal(part.class_count, set.class_count);
        assert_int_equal(part.h, set.h);
        assert_non_null(strstr(part.source, source));
        for (uint32_t i = 0; i < part.count && i < 4; i++) {
            const uint32_t at = i < 3 ? i : part.count - 1;
            show(&part, at, &ranged);
            show(&set, first + at, &whole);
            assert_memory_equal(ranged.pixels, whole.pixels, bytes_of(&set));
            assert_int_equal(ranged.label, whole.label);
            assert_int_equal(ranged.box_count, whole.box_count);
            assert_memory_equal(ranged.boxes, whole.boxes, whole.box_count * sizeof(whole.boxes[0]));
        }
        bt_dataset_close(&part);
        bt_dataset_close(&set);
    }
}

static void test_ranges(void **state)
{
    (void)state;
    check_range("digits", 0, 0, ", 0 to 0");
    check_range("digits", 13, 29, ", 13 to 29");
    check_range("shapes", 5000, 5003, ", 5000 to 5003"); /* generated sets have no end */
    check_range("scenes", 199, 205, ", 199 to 205");
    check_range("digits", 999998, 999999, ", 999998 to 999999");
    /* Of files there is an end. */
    struct bt_dataset set;
    struct bt_error err = {""};
    uint8_t pixels[8 * 8 * 3];
    fresh("r");
    write_pnm("r/a.ppm", 4, 4, 3);
    write_pnm("r/b.ppm", 4, 4, 1);
    write_text("r/labels.txt", "a.ppm 3\nb.ppm 1\na.ppm 2\n");
    check_range("images:r", 0, 2, ", 0 to 2");
    check_range("images:r", 1, 2, ", 1 to 2");
    check_range("images:r", 2, 2, ", 2 to 2");
    refused("images:r#1-3", 0, 0, "data set 'images:r#1-3': pictures 1 to 3: expected some of 0 to 2");
    refused("images:r#3-3", 0, 0, "data set 'images:r#3-3': pictures 3 to 3: expected some of 0 to 2");
    open_set("images:r#1-1", BT_SPLIT_TEST, 8, 8, &set); /* resized, too */
    assert_int_equal(set.h, 8);
    assert_int_equal(bt_dataset_get(&set, 1, pixels, NULL, NULL, NULL, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, "picture 1: expected 0 to 0"));
    bt_dataset_close(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes_everywhere),
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_no_picture_twice),
        cmocka_unit_test(test_balanced),
        cmocka_unit_test(test_boxes_are_tight),
        cmocka_unit_test(test_overlaps_are_limited),
        cmocka_unit_test(test_root_and_sine),
        cmocka_unit_test(test_specs),
        cmocka_unit_test(test_mnist),
        cmocka_unit_test(test_cifar10),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_grey_and_colour),
        cmocka_unit_test(test_images_refused),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_boxes),
        cmocka_unit_test(test_boxes_refused),
        cmocka_unit_test(test_ranges_refused),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_published_mnist),
        cmocka_unit_test(test_published_coco),
    };
    if (getcwd(start, sizeof(start)) == NULL) {
        return 1;
    }
    return cmocka_run_group_tests_name("dataset", tests, make_folder, remove_folder);
}
