/* The key of a job: another for every single thing that its results follow from, the same where nothing of it changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/build_info.h"
#include "harness/job_key.h"
#include "harness/model.h"
#include "harness/test_file.h"

/* In place of the library's own: what the program would say of itself if it had been built from something else. */
static char verilator[] = "Verilator 5";
static char compiler[] = "12 -O2";
static char common[] = "00";
static char room[] = "11";
static char other_room[] = "22";
static const struct bt_room_digest rooms[] = {{"os_array", room}, {"ws_array", other_room}, {NULL, NULL}};
const struct bt_build_info bt_build_info = {
    .verilator = verilator, .compiler = compiler, .common = common, .rooms = rooms};

static char folder[] = P_tmpdir "/bt_test_job_key_XXXXXX";

static int make_tree(void **state)
{
    (void)state;
    static const char *const dirs[] = {"s", "s/variants", "b", "b/rtl", "b/firmware", "d", "d/in", "p#1"};
    if (mkdtemp(folder) == NULL || chdir(folder) != 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        if (mkdir(dirs[i], 0777) != 0) {
            return -1;
        }
    }
    test_file("s/variants/os_array.yaml", "a");
    test_file("b/rtl/os_array-8x8.so", "a");
    test_file("b/firmware/os_array.elf", "a");
    test_file("soc.yaml", "a");
    test_file("net.yaml", "a");
    test_file("net.onnx", "a");
    test_file("d/in/weights", "a");
    test_file("p#1/picture", "a");
    return 0;
}

static int remove_tree(void **state)
{
    (void)state;
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return chdir("/") | system(command);
}

/* Everything a key is made of, with pointers into itself. */
struct bench {
    struct bt_job job;
    struct bt_engine_options options;
    struct bt_suite_layer layers[3]; /* the job has two */
    struct bt_network network;
    struct bt_model_card card;
    struct bt_soc_map soc;
};

static const struct bt_variant os_array = {.name = "os_array"};
static const struct bt_variant ws_array = {.name = "ws_array"};
static const struct bt_variant nobody = {.name = "nobody"};

static void set_up(struct bench *bench)
{
    memset(bench, 0, sizeof(*bench));
    for (int i = 0; i < 3; i++) {
        bench->layers[i] = (struct bt_suite_layer){.network = "net", .layer = "l", .same = 1};
        bench->layers[i].work.u.conv = (struct bt_conv2d){.n = 1, .h = 8, .w = 8, .c_in = 3, .c_out = 4, .groups = 1};
    }
    (void)snprintf(bench->soc.path, sizeof(bench->soc.path), "soc.yaml");
    (void)snprintf(bench->card.file, sizeof(bench->card.file), "net.onnx");
    (void)snprintf(bench->card.dataset, sizeof(bench->card.dataset), "images:p#1#0-9");
    (void)snprintf(bench->card.calibration_dataset, sizeof(bench->card.calibration_dataset), "digits");
    bench->network = (struct bt_network){.path = (char *)(uintptr_t) "net.yaml", .card = &bench->card};
    bench->job = (struct bt_job){
        .variant = &os_array,
        .config = {.name = "8x8"},
        .count = 2,
        .layers = bench->layers,
        .chain = "chained",
        .network = &bench->network,
        .engines = BT_ENGINES_ALL,
        .seed = 1,
    };
    bench->options = (struct bt_engine_options){.build_dir = "b", .data_dir = "d", .soc = &bench->soc};
}

static struct bt_key key_of(const struct bench *bench)
{
    struct bt_keymaker *maker = bt_keymaker_new();
    struct bt_key key = {{0}};
    assert_non_null(maker);
    assert_int_equal(bt_job_key(&bench->job, &bench->options, "s", maker, &key), BT_OK);
    bt_keymaker_free(maker);
    return key;
}

enum { MOST = 200 };
struct keys {
    unsigned count;
    struct bt_key key[MOST];
    char what[MOST][64];
};

static void distinct(struct keys *keys, const char *what, struct bt_key key)
{
    for (unsigned i = 0; i < keys->count; i++) {
        if (memcmp(&keys->key[i], &key, sizeof(key)) == 0) {
            fail_msg("the same key: %s, and %s", keys->what[i], what);
        }
    }
    assert_true(keys->count < MOST);
    keys->key[keys->count] = key;
    (void)snprintf(keys->what[keys->count++], sizeof(keys->what[0]), "%s", what);
}

/* Numbers: each gets another lowest bit. */
#define MEMBER(member)                                                                                                 \
    {                                                                                                                  \
#member, offsetof(struct bench, member)                                                                        \
    }
static const struct {
    const char *name;
    size_t at;
} members[] = {
    MEMBER(layers[1].work.u.conv.n),
    MEMBER(layers[1].work.u.conv.h),
    MEMBER(layers[1].work.u.conv.w),
    MEMBER(layers[1].work.u.conv.c_in),
    MEMBER(layers[1].work.u.conv.c_out),
    MEMBER(layers[1].work.u.conv.kh),
    MEMBER(layers[1].work.u.conv.kw),
    MEMBER(layers[1].work.u.conv.stride_h),
    MEMBER(layers[1].work.u.conv.stride_w),
    MEMBER(layers[1].work.u.conv.dil_h),
    MEMBER(layers[1].work.u.conv.dil_w),
    MEMBER(layers[1].work.u.conv.pad_top),
    MEMBER(layers[1].work.u.conv.pad_bottom),
    MEMBER(layers[1].work.u.conv.pad_left),
    MEMBER(layers[1].work.u.conv.pad_right),
    MEMBER(layers[1].work.u.conv.groups),
    MEMBER(layers[1].work.u.conv.in_zp),
    MEMBER(layers[1].work.u.conv.out_zp),
    MEMBER(layers[1].work.u.conv.act_min),
    MEMBER(layers[1].work.u.conv.act_max),
    MEMBER(layers[1].work.u.conv.rounding),
    MEMBER(layers[1].work.u.conv.table),
    MEMBER(layers[1].work.u.conv.raw),
    MEMBER(layers[0].work.pool.kh),
    MEMBER(layers[0].work.pool.kw),
    MEMBER(layers[0].work.pool.stride_h),
    MEMBER(layers[0].work.pool.stride_w),
    MEMBER(layers[0].work.pool.pad_top),
    MEMBER(layers[0].work.pool.pad_bottom),
    MEMBER(layers[0].work.pool.pad_left),
    MEMBER(layers[0].work.pool.pad_right),
    MEMBER(layers[0].work.op),
    MEMBER(layers[0].work.dtype),
    MEMBER(layers[0].act),
    MEMBER(layers[0].same),
    MEMBER(job.count),
    MEMBER(job.config.mem.stall_percent),
    MEMBER(job.config.mem.stall_seed),
    MEMBER(job.pattern),
    MEMBER(job.seed),
    MEMBER(job.pruning.percent),
    MEMBER(job.pruning.structure),
    MEMBER(job.engines),
    MEMBER(job.pictures.images),
    MEMBER(job.pictures.accuracy),
    MEMBER(job.pictures.accuracy_images),
    MEMBER(job.pictures.model_images),
    MEMBER(job.pictures.max_drop),
    MEMBER(options.ref),
    MEMBER(options.cpu_mips),
    MEMBER(options.device),
    MEMBER(options.wait),
    MEMBER(options.images),
    MEMBER(options.data_asked),
    MEMBER(card.dataset),
    MEMBER(card.calibration_dataset),
};
#undef MEMBER

static void change_members(struct bench *bench, struct keys *keys)
{
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        set_up(bench);
        ((unsigned char *)bench)[members[i].at] ^= 1;
        distinct(keys, members[i].name, key_of(bench));
    }
}

static void change_pointers(struct bench *bench, struct keys *keys)
{
    for (int i = 0; i < 9; i++) {
        static const char *const names[] = {"variant", "other variant", "config", "chain",    "network",
                                            "card",    "layer's net",   "layer",  "no system"};
        set_up(bench);
        bench->job.variant = i == 0 ? &nobody : i == 1 ? &ws_array : &os_array;
        bench->job.config.name = i == 2 ? "16x16" : "8x8";
        bench->job.chain = i == 3 ? "other" : "chained";
        bench->job.network = i == 4 ? NULL : &bench->network;
        bench->network.card = i == 5 ? NULL : &bench->card;
        bench->layers[0].network = i == 6 ? "other" : "net";
        bench->layers[0].layer = i == 7 ? "other" : "l";
        bench->options.soc = i == 8 ? NULL : &bench->soc;
        distinct(keys, names[i], key_of(bench));
    }
}

static void change_program(struct bench *bench, struct keys *keys)
{
    char *const texts[] = {compiler, common, room};
    static const char *const names[] = {"compiler", "common sources", "the room's sources"};
    set_up(bench);
    const struct bt_key usual = key_of(bench);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        texts[i][0] ^= 1;
        distinct(keys, names[i], key_of(bench));
        texts[i][0] ^= 1;
    }
    other_room[0] ^= 1;
    const struct bt_key still = key_of(bench);
    assert_memory_equal(&still, &usual, sizeof(usual));
    other_room[0] ^= 1;
}

static void change_files(struct bench *bench, struct keys *keys)
{
    static const char *const files[] = {"s/variants/os_array.yaml",
                                        "b/rtl/os_array-8x8.so",
                                        "b/firmware/os_array.elf",
                                        "soc.yaml",
                                        "net.yaml",
                                        "net.onnx",
                                        "d/in/weights",
                                        "p#1/picture"};
    set_up(bench);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char what[64];
        test_file(files[i], "b");
        (void)snprintf(what, sizeof(what), "%s changed", files[i]);
        distinct(keys, what, key_of(bench));
        assert_int_equal(unlink(files[i]), 0);
        (void)snprintf(what, sizeof(what), "%s gone", files[i]);
        distinct(keys, what, key_of(bench));
        test_file(files[i], "a");
    }
    test_file("d/in/more", "");
    distinct(keys, "a file more", key_of(bench));
    assert_int_equal(rename("d/in/more", "d/in/other"), 0);
    distinct(keys, "under another name", key_of(bench));
    assert_int_equal(unlink("d/in/other"), 0);
}

static void test_every_change(void **state)
{
    (void)state;
    struct bench *bench = calloc(1, sizeof(*bench));
    struct keys *keys = calloc(1, sizeof(*keys));
    set_up(bench);
    const struct bt_key first = key_of(bench);
    distinct(keys, "the usual", first);
    change_members(bench, keys);
    change_pointers(bench, keys);
    change_program(bench, keys);
    change_files(bench, keys);
    assert_in_range(keys->count, 80, MOST);
    set_up(bench);
    const struct bt_key again = key_of(bench);
    assert_memory_equal(&again, &first, sizeof(first));
    free(keys);
    free(bench);
}

/* What leaves more behind than records, or takes what has no key. */
static void test_no_key(void **state)
{
    (void)state;
    struct bench *bench = calloc(1, sizeof(*bench));
    struct bt_keymaker *maker = bt_keymaker_new();
    static const struct bt_probe probe = {.layer = 0};
    struct bt_key key;
    for (int i = 0; i < 6; i++) {
        set_up(bench);
        bench->options.wave = i == 0 ? "w" : NULL;
        bench->options.timeline = i == 1 ? "t" : NULL;
        bench->options.probe = i == 2 ? &probe : NULL;
        bench->options.prepared = i == 3 ? "p" : NULL;
        bench->options.save_prepared = i == 4 ? "p" : NULL;
        assert_int_equal(bt_job_key(&bench->job, &bench->options, "s", maker, &key), i < 5 ? BT_EUNSUPPORTED : BT_OK);
    }
    /* neither file nor folder */
    bt_keymaker_free(maker);
    maker = bt_keymaker_new();
    assert_int_equal(unlink("net.yaml"), 0);
    assert_int_equal(mkfifo("net.yaml", 0666), 0);
    assert_int_equal(bt_job_key(&bench->job, &bench->options, "s", maker, &key), BT_EIO);
    assert_int_equal(unlink("net.yaml"), 0);
    test_file("net.yaml", "a");
    bt_keymaker_free(maker);
    free(bench);
}

/* One keymaker for a whole run: a file that is written to or replaced meanwhile is read again. */
static void test_changes_meanwhile(void **state)
{
    (void)state;
    struct bench *bench = calloc(1, sizeof(*bench));
    struct bt_keymaker *maker = bt_keymaker_new();
    struct bt_key first;
    struct bt_key now;
    set_up(bench);
    assert_int_equal(bt_job_key(&bench->job, &bench->options, "s", maker, &first), BT_OK);
    test_file("other", "b");
    static const char *const files[] = {"b/rtl/os_array-8x8.so", "d/in/weights"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        assert_int_equal(rename(files[i], "kept"), 0);
        assert_int_equal(rename("other", files[i]), 0);
        bt_keymaker_look_again(maker);
        assert_int_equal(bt_job_key(&bench->job, &bench->options, "s", maker, &now), BT_OK);
        assert_true(memcmp(&now, &first, sizeof(now)) != 0);
        assert_int_equal(rename(files[i], "other"), 0);
        assert_int_equal(rename("kept", files[i]), 0); /* as it was: the content counts */
        bt_keymaker_look_again(maker);
        assert_int_equal(bt_job_key(&bench->job, &bench->options, "s", maker, &now), BT_OK);
        assert_memory_equal(&now, &first, sizeof(now));
    }
    bt_keymaker_free(maker);
    free(bench);
}

/* The same bytes in other items, or cut elsewhere, are another key. */
static void test_items(void **state)
{
    (void)state;
    struct bt_keymaker *maker = bt_keymaker_new();
    static const char *const pairs[][2] = {{"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"", "abc"}};
    struct keys *keys = calloc(1, sizeof(*keys));
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        bt_keymaker_reset(maker);
        bt_key_text(maker, pairs[i][0], pairs[i][1]);
        distinct(keys, pairs[i][0], bt_key_of(maker));
        bt_keymaker_reset(maker);
        bt_key_text(maker, "x", pairs[i][0]);
        bt_key_text(maker, "x", pairs[i][1]);
        distinct(keys, pairs[i][0], bt_key_of(maker));
    }
    bt_keymaker_free(maker);
    free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_change),
        cmocka_unit_test(test_no_key),
        cmocka_unit_test(test_changes_meanwhile),
        cmocka_unit_test(test_items),
    };
    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
