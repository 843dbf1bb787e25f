/* The command that runs a result again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "harness/model.h"
#include "harness/replay.h"
#include "harness/report.h"

static const struct bt_soc_map soc_map = {.cpu_mips = 40, .clock_mhz = 100, .path = "soc.yaml"};

static struct bt_record of_layer(const char *layer)
{
    struct bt_record record;
    bt_record_init(&record);
    (void)snprintf(record.network, sizeof(record.network), "net");
    (void)snprintf(record.layer, sizeof(record.layer), "%s", layer);
    (void)snprintf(record.variant, sizeof(record.variant), "var");
    (void)snprintf(record.config, sizeof(record.config), "8x8");
    (void)snprintf(record.pattern, sizeof(record.pattern), "uniform");
    (void)snprintf(record.dtype, sizeof(record.dtype), "int8");
    (void)snprintf(record.structure, sizeof(record.structure), "random");
    record.whole = strncmp(layer, BT_CHAINED "/", strlen(BT_CHAINED "/")) == 0;
    record.seed = 3;
    return record;
}

static void test_replay(void **state)
{
    (void)state;
    static const struct bt_engine_options usual = {.soc = &soc_map};
    static const struct bt_engine_options all = {
        .soc = &soc_map, .own_soc = true, .cpu_mips = 80, .device = BT_DEVICE_MODEL, .wait = BT_WAIT_POLL, .images = 5};
    static const struct bt_engine_options none = {.own_soc = true, .wait = BT_WAIT_WFI, .images = 5};
#define ONE                                                                                                            \
    "bt replay --network 'net' --layer 'b' --variant var --config 8x8 --pattern uniform --stalls 0 --seed 3 "          \
    "--dtype int8 --sparsity 0"
#define WHOLE "bt run --chained --network 'net' --variant var --config 8x8 --seed 3 --sparsity 0"
    static const struct {
        const char *layer;
        const struct bt_engine_options *options;
        const char *suite, *text;
    } cases[] = {
        {"b", NULL, NULL, ONE},
        {"b", &usual, NULL, ONE},
        {"b", &all, NULL, ONE " --soc 'soc.yaml' --cpu-mips 80 --device model --wait poll"},
        {"b", &none, NULL, ONE " --wait wfi"},
        {"b", &usual, "a.yaml",
         "bt replay --suite a.yaml --network 'net' --layer 'b' --variant var --config 8x8 --pattern uniform --stalls 0 "
         "--seed 3 --dtype int8 --sparsity 0"},
        {"chained/b", NULL, NULL, WHOLE},
        {"chained/b", &usual, NULL, WHOLE},
        {"chained/b", &all, NULL, WHOLE " --soc 'soc.yaml' --cpu-mips 80 --device model --wait poll --images 5"},
        {"chained/b", &none, "a.yaml", WHOLE " --wait wfi --images 5"},
    };
#undef ONE
#undef WHOLE
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[BT_REPLAY_BYTES];
        const struct bt_replay replay = {.program = "bt", .options = cases[i].options, .suite = cases[i].suite};
        static const struct bt_job job = {.pictures = {.max_drop = -1}};
        const struct bt_record result = of_layer(cases[i].layer);
        bt_replay_command(&replay, &job, &result, text, sizeof(text));
        assert_string_equal(text, cases[i].text);
    }
}

/* Layers by themselves come first: those of a whole network may have inherited the failure. */
/* The command has what the job had: pictures, accuracy, what may be lost, and whose model it was. */
static void test_replay_of_models(void **state)
{
    (void)state;
    static const struct bt_engine_options five = {.images = 5};
    static struct bt_model_card card;
    static const struct {
        const char *model, *dataset;
        struct bt_pictures pictures;
        const struct bt_engine_options *options;
        bool table;
        const char *text; /* behind "bt run --chained ", the middle left out */
        const char *end;
    } cases[] = {
        {NULL, NULL, {.accuracy = true, .max_drop = -1}, NULL, false, "--network 'net'", " --accuracy 0"},
        {NULL,
         NULL,
         {.accuracy = true, .accuracy_images = 200, .model_images = 50, .images = 3, .max_drop = 0.5},
         NULL,
         false,
         "--network 'net'",
         " --images 3 --accuracy 200 --model-images 50 --max-accuracy-drop 0.5"},
        {NULL,
         NULL,
         {.accuracy = true, .images = 3, .max_drop = 0},
         &five,
         false,
         "--network 'net'",
         " --images 5 --accuracy 0 --max-accuracy-drop 0"},
        /* A table has no accuracy, and the command that asks for it would be refused. */
        {NULL, NULL, {.accuracy = true, .images = 3, .max_drop = 0.5}, NULL, true, "--network 'net'", " --images 3"},
        {NULL, NULL, {.images = 3, .max_drop = -1}, NULL, false, "--network 'net'", " --images 3"},
        {"a b/x.onnx", NULL, {.max_drop = -1}, NULL, false, "--model 'a b/x.onnx'", ""},
        {"x.onnx",
         "digits#0-9",
         {.accuracy = true, .max_drop = -1},
         NULL,
         false,
         "--model 'x.onnx' --dataset 'digits#0-9'",
         " --accuracy 0"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[BT_REPLAY_BYTES];
        char expected[BT_REPLAY_BYTES];
        struct bt_network network = {.name = (char *)(uintptr_t) "net", .card = cases[i].table ? NULL : &card};
        const struct bt_job job = {.network = &network, .pictures = cases[i].pictures};
        const struct bt_replay replay = {
            .program = "bt", .options = cases[i].options, .model = cases[i].model, .dataset = cases[i].dataset};
        const struct bt_record result = of_layer("chained/accuracy");
        bt_replay_command(&replay, &job, &result, text, sizeof(text));
        (void)snprintf(expected, sizeof(expected),
                       "bt run --chained %s --variant var --config 8x8 --seed 3 --sparsity 0%s", cases[i].text,
                       cases[i].end);
        assert_string_equal(text, expected);
    }
}

/* What tells a layer from others of its name. */
static void test_replay_of_kinds(void **state)
{
    (void)state;
    static const struct bt_job job = {.pictures = {.max_drop = -1}};
    static const struct bt_replay replay = {.program = "bt"};
    char text[BT_REPLAY_BYTES];
    struct bt_record result = of_layer("b");
    (void)snprintf(result.dtype, sizeof(result.dtype), "int16");
    (void)snprintf(result.structure, sizeof(result.structure), "filter");
    result.sparsity = 50;
    bt_replay_command(&replay, &job, &result, text, sizeof(text));
    assert_string_equal(text, "bt replay --network 'net' --layer 'b' --variant var --config 8x8 --pattern uniform "
                              "--stalls 0 --seed 3 --dtype int16 --sparsity 50 --structure filter");
}

static void test_shell_word(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } cases[] = {
        {"a-b_c/d.e:f=1,2@3%+", "a-b_c/d.e:f=1,2@3%+"},
        {"", "''"},
        {"a b", "'a b'"},
        {"x'y", "'x'\\''y'"},
        {"*", "'*'"},
        {"$(rm)", "'$(rm)'"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char word[64];
        bt_shell_word(cases[i].text, word, sizeof(word));
        assert_string_equal(word, cases[i].word);
    }
    char small[16];
    bt_shell_word("aaaaaaaa'aaaaaaaaaaaaa'aa", small, sizeof(small));
    assert_true(strlen(small) < sizeof(small));
    assert_int_equal(small[strlen(small) - 1], '\'');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_replay_of_models),
        cmocka_unit_test(test_replay_of_kinds),
        cmocka_unit_test(test_shell_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
