/* Files of prepared weights: what was written is read, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/prepared.h"

static char folder[] = "build/test-prepared-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder); /* and nothing was left in it */
}

static void test_names(void **state)
{
    (void)state;
    char path[256];
    char small[8];
    bt_prepared_path("a/b", "net", "chained/conv1", "v", "c", path, sizeof(path));
    assert_string_equal(path, "a/b/net-chained-conv1-v-c.prepared");
    bt_prepared_path("a/b", "net", "conv1", "v", "c", small, sizeof(small));
    assert_string_equal(small, "a/b/net");
}

static void test_round_trip(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 16, 4095, 100000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct bt_blob blob = {malloc(sizes[i] + 1), sizes[i]};
        struct bt_blob got;
        struct bt_error err = {""};
        char path[256];
        assert_non_null(blob.data);
        for (size_t b = 0; b < sizes[i]; b++) {
            ((uint8_t *)blob.data)[b] = (uint8_t)(b * 7 + b / 256); /* newlines and zeros included */
        }
        bt_prepared_path(folder, "n", "l", "room", "c", path, sizeof(path));
        assert_int_equal(bt_prepared_write(path, "room", &blob, &err), BT_OK);
        assert_int_equal(bt_prepared_read(path, "room", &got, &err), BT_OK);
        assert_int_equal(got.bytes, sizes[i]);
        assert_memory_equal(got.data, blob.data, sizes[i]);
        free(got.data);
        free(blob.data);
        assert_int_equal(remove(path), 0);
    }
}

static void write_text(const char *path, const char *text, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

/* Every prefix, every byte changed, and what never was such a file. */
static void test_refusals(void **state)
{
    (void)state;
    uint8_t bytes[40];
    struct bt_blob blob = {bytes, sizeof(bytes)};
    struct bt_blob got;
    struct bt_error err = {""};
    char path[256];
    char text[512];
    memset(bytes, 0xa5, sizeof(bytes));
    bt_prepared_path(folder, "n", "l", "room", "c", path, sizeof(path));

    assert_int_equal(bt_prepared_read(path, "room", &got, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, "No such file"));
    assert_int_equal(bt_prepared_write(path, "room", &blob, &err), BT_OK);
    assert_int_equal(bt_prepared_read(path, "other", &got, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, "prepared for room, expected other"));

    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t length = fread(text, 1, sizeof(text) - 1, file);
    assert_int_equal(fclose(file), 0);
    assert_true(length > sizeof(bytes));
    for (size_t i = 0; i < length; i++) {
        write_text(path, text, i);
        assert_int_equal(bt_prepared_read(path, "room", &got, &err), BT_EINPUT);
        assert_null(got.data);
    }
    for (size_t i = 0; i < length; i++) {
        text[i] ^= 1;
        write_text(path, text, length);
        assert_int_equal(bt_prepared_read(path, "room", &got, &err), BT_EINPUT);
        assert_null(got.data);
        text[i] ^= 1;
    }
    text[length] = 'x';
    write_text(path, text, length + 1);
    assert_int_equal(bt_prepared_read(path, "room", &got, &err), BT_EINPUT);
    static const char *const never[] = {"", "\n", "bittrue-prepared 2 room 0 0000000000000000\n",
                                        "bittrue-prepared 1 room 99999999999999999999 0000000000000000\n",
                                        "bittrue-prepared 1 room -1 0000000000000000\n"};
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        write_text(path, never[i], strlen(never[i]));
        assert_int_equal(bt_prepared_read(path, "room", &got, &err), BT_EINPUT);
    }
    assert_int_equal(remove(path), 0);

    /* Where nothing can be written, nothing is left behind. */
    bt_prepared_path("build/no-such-folder", "n", "l", "room", "c", path, sizeof(path));
    assert_int_equal(bt_prepared_write(path, "room", &blob, &err), BT_EIO);
    assert_int_equal(bt_prepared_write("/dev/full/x", "room", &blob, &err), BT_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_round_trip),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
