/* The whole program on models: import, runs with their accuracy, what is refused, and replays that run as printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/stat.h>

#include "harness/test_called.h"
#include "harness/test_fake.h"
#include "harness/test_file.h"
#include "harness/test_tree.h"
#include "reference/graph/test_tflite_writer.h"

static char root[] = P_tmpdir "/bt_test_models_XXXXXX";

/* LeNet-5, its ranges from a few pictures. */
#define CARD(name, rest)                                                                                               \
    "name: " name "\nsummary: s\nmodel: ../../lenet.onnx\ndataset: \"digits#0-19\"\n"                                  \
    "calibration: {method: min_max, images: 2}\n" rest

static const struct {
    const char *path, *text;
} files[] = {
    {"suites/models/quick.yaml", CARD("quick", "")},
    {"suites/models/wrong.yaml", CARD("wrong", "stated: {float: 12.5, int8: 95}\n")},
    {"broken.yaml", "name: broken\nsummary: s\nmodel: lenet.onnx\ncolour: red\n"},
    {"suites/pruned.yaml", "name: pruned\nsummary: s\nseed: 5\nengines: [ref, model, cycles]\n"
                           "runs:\n  - networks: [quick, tiny]\n    layers: chained\n    images: 1\n"
                           "    sparsity: 95\n    accuracy_images: 10\n    model_images: 2\n"
                           "    max_accuracy_drop: 0.5\n"
                           "    variants:\n      - {name: fake, configs: [good]}\n"},
};

static int write_bytes(const char *path, const void *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    return file == NULL || fwrite(data, 1, bytes, file) != bytes || fclose(file) != 0 ? -1 : 0;
}

/* Names that begin with another one's, as exporters that number them make. */
static int write_tflite(const char *path, bool real, bool numbered)
{
    static struct tw_file file;
    struct tw_model *model = tw_every_operator(real);
    for (int32_t i = 0; i < model->tensor_count && numbered; i++) {
        struct tw_tensor *tensor = &model->tensors[i];
        tensor->name = strcmp(tensor->name, "dw") == 0 ? "conv.1" : tensor->name;
        tensor->name = strcmp(tensor->name, "cat") == 0 ? "conv.1.2" : tensor->name;
    }
    file.count = 0;
    tw_write(model, &file);
    free(model);
    return write_bytes(path, file.bytes, file.count);
}

static int make_tree(void **state)
{
    (void)state;
    static unsigned char lenet[1 << 19];
    FILE *file = fopen("golden/models/lenet5_digits.onnx", "rb");
    const size_t bytes = file != NULL ? fread(lenet, 1, sizeof(lenet), file) : 0;
    if (bytes == 0 || fclose(file) != 0 || test_tree_enter(root) != 0) {
        return -1;
    }
    test_tree_fill();
    int failed = mkdir("suites/models", 0777);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        test_file(files[i].path, files[i].text);
    }
    failed |= write_bytes("lenet.onnx", lenet, bytes);
    failed |= write_bytes("cut.onnx", lenet, bytes / 2);
    failed |= mkfifo("pipe", 0666);
    failed |= write_tflite("int8.tflite", false, false);
    failed |= write_tflite("numbered.tflite", false, true);
    failed |= write_tflite("float.tflite", true, false);
    return failed | unsetenv("BITTRUE_DATA");
}

static int remove_tree(void **state)
{
    (void)state;
    return test_tree_leave(root);
}

/* ---- import ---- */

static void test_import(void **state)
{
    (void)state;
    assert_int_equal(call("import lenet.onnx"), 0);
    assert_string_equal(err, "");
    holds(out, "lenet: ONNX float, 9 nodes, 61706 parameters, 416520 MACs\n");
    holds(out,
          "  c1_Conv                          conv tanh              28x28x6                156         117600  yes\n");
    holds(out,
          "  pool_AveragePool                 avgpool                14x14x6                  0              0  CPU\n");
    holds(out, "\nfake good: 5 of 5 layers on the accelerator, the other operators as the column says\n");
    assert_int_equal(call("import lenet.onnx --config refuses,good"), 0);
    holds(out, "  fake refuses            fake good\n");
    holds(out, "  CPU: layers of this kind (1, limit 0)  yes\n");
    holds(out, "\nfake refuses: 0 of 5 layers on the accelerator");
    assert_int_equal(call("import suites/models/quick.yaml"), 0);
    holds(out, "quick: card, 9 nodes, 61706 parameters, 416520 MACs\n");
    assert_int_equal(call("import float.tflite"), 0);
    holds(out, "float: TFLite float, ");
    holds(out, "conv relu6");
    assert_int_equal(call("import int8.tflite"), 0);
    holds(out, "int8: TFLite int8, ");
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line, *words;
    } cases[] = {
        {"import", "import: expected a model file"},
        {"import absent.onnx", "absent.onnx: unreadable: expected a model file"},
        {"import cut.onnx", "cut.onnx: "},
        {"import suites", "suites: no file: expected a model file"},
        {"import pipe", "pipe: no file: expected a model file"},
        {"import broken.yaml", "broken.yaml:4: unknown key 'colour'"},
        {"import lenet.onnx --config none", "import: no variant and configuration selected"},
        {"import lenet.onnx int8.tflite", "import: unexpected argument 'int8.tflite'"},
        {"import lenet.onnx --dataset digits", "import: unknown option '--dataset'"},
        {"run --model absent.onnx", "absent.onnx: unreadable: expected a model file"},
        {"run --model cut.onnx", "cut.onnx: "},
        {"run --model broken.yaml", "broken.yaml:4: unknown key 'colour'"},
        {"run --model lenet.onnx --suite pruned", "run: --model and --suite exclude each other"},
        {"run --model lenet.onnx --network tiny", "run: --model and --network exclude each other"},
        {"replay --model lenet.onnx --network tiny", "nothing selected: network tiny"},
        {"replay --model lenet.onnx --suite pruned", "--model and --suite exclude each other"},
        {"predict --model lenet.onnx --suite pruned", "--model and --suite exclude each other"},
        {"run --dataset digits", "run: --dataset without --model: expected both"},
        {"replay --dataset digits", "--dataset without --model: expected both"},
        {"run --model lenet.onnx --dataset digits", "run: --dataset is for whole networks: expected --chained, too"},
        {"run --chained --model lenet.onnx --dataset images:none", "none/labels.txt: missing"},
        {"run --chained --model lenet.onnx --dataset shapes",
         "shapes: pictures of 32x32x3: expected 32x32x1, the network's input"},
        {"run --chained --model suites/models/quick.yaml --dataset digits",
         "--dataset for suites/models/quick.yaml: expected it in that file"},
        {"run --network quick --accuracy 5", "run: --accuracy is for whole networks: expected --chained, too"},
        {"run --chained --network quick --max-accuracy-drop 1",
         "run: --max-accuracy-drop without --accuracy: expected both"},
        {"run --chained --network quick --model-images 2", "run: --model-images without --accuracy: expected both"},
        {"run --chained --network tiny --accuracy 0",
         "--accuracy: network 'tiny' is a table: expected one of suites/models"},
        {"run --accuracy -1", "--accuracy '-1': expected a whole number, 0 to 1000000"},
        {"run --accuracy 1000001", "--accuracy '1000001': expected a whole number, 0 to 1000000"},
        {"run --model-images 0", "--model-images '0': expected a whole number, 1 to 1000000"},
        {"run --max-accuracy-drop 100.5", "--max-accuracy-drop '100.5': expected percent, 0 to 100"},
        {"run --max-accuracy-drop -1", "--max-accuracy-drop '-1': expected percent, 0 to 100"},
        {"run --max-accuracy-drop nan", "--max-accuracy-drop 'nan': expected percent, 0 to 100"},
        {"run --max-accuracy-drop 1%", "--max-accuracy-drop '1%': expected percent, 0 to 100"},
        {"run --model lenet.onnx --layer none", "nothing selected"},
    };
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const int status = call(cases[i].line);
        if (status != 2 || strstr(err, cases[i].words) == NULL || lines(err) != 1) {
            print_error("'%s': status %d, %s", cases[i].line, status, err);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

/* ---- runs ---- */

/* The record of that layer. */
static const json_t *layer_of(const json_t *json, const char *layer)
{
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(json, "results"), i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "layer")), layer) == 0) {
            return one;
        }
    }
    fail_msg("no record of %s", layer);
    return NULL;
}

static json_int_t number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value)) {
        fail_msg("%s is no whole number", name);
    }
    return json_integer_value(value);
}

static void test_layers(void **state)
{
    (void)state;
    assert_int_equal(call("run --model lenet.onnx --config good --engine ref,model,cycles --out o/layers"), 0);
    holds(out, ": 5 passed, 0 failed, 0 skipped");
    assert_int_equal(call("run --model suites/models/quick.yaml --config good --engine ref,model --out o/layers"), 0);
    holds(out, ": 5 passed, 0 failed, 0 skipped");
    assert_int_equal(call("run --network quick,tiny --config good --engine ref,model --out o/layers"), 0);
    holds(out, ": 8 passed, 0 failed, 0 skipped");
    assert_int_equal(call("predict --model lenet.onnx --config good"), 0);
    holds(out, "5 layers predicted in ");
    assert_int_equal(call("replay lenet:c3_Conv:fake:good --model lenet.onnx --engine ref,model"), 0);
    assert_int_equal(call("run --model lenet.onnx --layer c3_Conv --config lies --engine ref,model --out o/lies"), 1);
}

static void test_accuracy(void **state)
{
    (void)state;
    assert_int_equal(call("run --chained --model lenet.onnx --dataset digits --config good --images 1 --accuracy 20 "
                          "--model-images 2 --max-accuracy-drop 5 --engine ref,model,cycles --out o/accuracy"),
                     0);
    holds(out, "; 20 pictures: same class on ");
    json_t *json = results("o/accuracy/results.json");
    const json_t *record = layer_of(json, "chained/accuracy");
    const json_t *accuracy = json_object_get(record, "accuracy");
    assert_string_equal(json_string_value(json_object_get(record, "verdict")), "PASS");
    assert_int_equal(number(accuracy, "images"), 20);
    assert_int_equal(number(accuracy, "labelled"), 20);
    const json_t *compared = json_object_get(accuracy, "compared");
    assert_int_equal(number(compared, "model"), 2);
    assert_int_equal(number(compared, "rtl"), 0); /* neither rtl nor the ISS was asked for */
    assert_int_equal(number(compared, "iss:accel"), 0);
    assert_true(json_real_value(json_object_get(accuracy, "max_drop_points")) == 5);
    assert_true(number(accuracy, "agree_top1") >= 19);
    assert_true(json_is_null(json_object_get(layer_of(json, "chained/c3_Conv"), "accuracy")));
    const json_t *quantisation = json_object_get(layer_of(json, "chained/c3_Conv"), "quantisation");
    assert_true(json_real_value(json_object_get(quantisation, "sqnr_db")) > 20);
    json_decref(json);
    slurp("o/accuracy/summary.md", out);
    holds(out, "## Accuracy");
    holds(out, "| lenet | fake | good | 20 |");
    /* What was wrong in the first picture was compared on none. */
    assert_int_equal(call("run --chained --model lenet.onnx --dataset digits --config lies --images 3 --accuracy 5 "
                          "--engine ref,model --out o/lied"),
                     1);
    json = results("o/lied/results.json");
    accuracy = json_object_get(layer_of(json, "chained/accuracy"), "accuracy");
    assert_int_equal(number(accuracy, "images"), 5);
    assert_int_equal(number(json_object_get(accuracy, "compared"), "model"), 0);
    json_decref(json);
}

/* The command behind the first "replay: bittrue ". */
static void replayed(const char *text, char *line, size_t line_bytes)
{
    static const char lead[] = "replay: bittrue ";
    const char *at = strstr(text, lead);
    assert_non_null(at);
    at += strlen(lead);
    const size_t length = strcspn(at, "\n");
    assert_true(length < line_bytes);
    memcpy(line, at, length);
    line[length] = '\0';
}

/* Each fails, says why, and fails for the same reason when its replay is typed as it was printed. */
static void test_failures_and_replays(void **state)
{
    (void)state;
    static const struct {
        const char *line, *words, *replay;
    } cases[] = {
        {"run --chained --model suites/models/quick.yaml --config good --images 1 --accuracy 0 --sparsity 95 "
         "--max-accuracy-drop 0.5 --engine ref,model,cycles",
         "points below float: at most 0.50 allowed",
         "run --chained --model 'suites/models/quick.yaml' --variant fake --config good --seed 1 --sparsity 95 "
         "--structure random --images 1 --accuracy 0 --max-accuracy-drop 0.5"},
        {"run --chained --network wrong --config good --images 1 --accuracy 0 --engine ref",
         "% in int8: wrong.yaml states 12.50 and 95.00",
         "run --chained --network 'wrong' --variant fake --config good --seed 1 --sparsity 0 --images 1 --accuracy 0"},
        {"run --suite pruned", "points below float: at most 0.50 allowed",
         "run --chained --network 'quick' --variant fake --config good --seed 5 --sparsity 95 --structure random "
         "--images 1 --accuracy 10 --model-images 2 --max-accuracy-drop 0.5"},
        {"run --chained --model lenet.onnx --dataset digits#3-4 --config lies --images 1 --engine ref,model",
         "model: 1 of 4704 elements differ",
         "run --chained --model 'lenet.onnx' --dataset 'digits#3-4' --variant fake --config lies --seed 1 "
         "--sparsity 0 --images 1"},
        {"run --model lenet.onnx --layer c3_Conv --config lies --engine ref,model", "model: 1 of 1600 elements differ",
         "replay --model 'lenet.onnx' --layer 'c3_Conv' --variant fake --config lies --pattern uniform --stalls 0 "
         "--seed 1 --dtype int8 --sparsity 0"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char line[1024];
        char reason[512];
        (void)snprintf(line, sizeof(line), "%s --out o/fails", cases[i].line);
        const int status = call(line);
        if (status != 1) {
            fail_msg("'%s': status %d\n%s%s", line, status, out, err);
        }
        holds(out, cases[i].words);
        const char *end = strstr(out, cases[i].words) + strlen(cases[i].words);
        const char *begin = end;
        while (begin > out && begin[-1] != '\n') {
            begin--;
        }
        assert_true((size_t)(end - begin) < sizeof(reason));
        memcpy(reason, begin, (size_t)(end - begin));
        reason[end - begin] = '\0';
        replayed(begin, line, sizeof(line));
        assert_string_equal(line, cases[i].replay);
        const size_t used = strlen(line);
        (void)snprintf(line + used, sizeof(line) - used, "%s", strncmp(line, "run", 3) == 0 ? " --out o/again" : "");
        if (call(line) != 1) {
            fail_msg("'%s':\n%s%s", line, out, err);
        }
        holds(out, reason);
    }
}

/* Both numbers, and the report says it, too. */
static void test_drop(void **state)
{
    (void)state;
    assert_int_equal(call("run --chained --network quick --config good --images 1 --accuracy 0 --sparsity 95 "
                          "--max-accuracy-drop 0.5 --engine ref --out o/drop"),
                     1);
    json_t *json = results("o/drop/results.json");
    const json_t *record = layer_of(json, "chained/accuracy");
    const json_t *accuracy = json_object_get(record, "accuracy");
    const double real =
        json_real_value(json_object_get(json_object_get(json_object_get(accuracy, "float"), "top1"), "percent"));
    const double integer =
        json_real_value(json_object_get(json_object_get(json_object_get(accuracy, "int8"), "top1"), "percent"));
    char words[200];
    assert_string_equal(json_string_value(json_object_get(record, "verdict")), "FAIL");
    (void)snprintf(words, sizeof(words),
                   "FAIL quick chained/accuracy on fake good\n  ref: top-1 of "
                   "int8 is %.2f %%, %.2f points below float: at most 0.50 allowed\n",
                   integer, real - integer);
    holds(out, words);
    assert_true(real >= 90 && integer <= 50);
    json_decref(json);
    slurp("o/drop/junit.xml", out);
    holds(
        out,
        "<testcase classname=\"fake.good.quick\" name=\"chained/accuracy [uniform, stalls 0 %, 95 % zero (random)]\"");
    holds(out, "<failure message=\"ref: top-1 of int8 is ");
}

/* Activations by themselves belong to the layer before them; a name may begin with another's. */
static void test_records_of_nodes(void **state)
{
    (void)state;
    static const char *const models[] = {"int8", "numbered", "float"};
    static const char *const second[] = {"chained/dw", "chained/conv.1", "chained/dw"};
    for (size_t i = 0; i < 3; i++) {
        char line[256];
        (void)snprintf(line, sizeof(line),
                       "run --chained --model %s.tflite --config good --engine ref,model,cycles --out o/nodes",
                       models[i]);
        const int status = call(line);
        if (status != 0) {
            fail_msg("%s: status %d\n%s%s", models[i], status, out, err);
        }
        json_t *json = results("o/nodes/results.json");
        const json_t *list = json_object_get(json, "results");
        for (size_t k = 0; k < json_array_size(list); k++) {
            const json_t *engines = json_object_get(json_array_get(list, k), "engines");
            assert_string_equal(json_string_value(json_object_get(json_object_get(engines, "ref"), "verdict")), "PASS");
        }
        assert_int_equal(number(layer_of(json, "chained/conv"), "macs"), 7 * 6 * 4 * 3 * 2 * 3);
        assert_int_equal(number(layer_of(json, second[i]), "macs"), 4 * 3 * 8 * 9);
        assert_int_equal(number(layer_of(json, second[i]), "predicted_cycles"), 4 * 3 * 8 * 9 / 4 + 10);
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_import),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_accuracy),
        cmocka_unit_test(test_failures_and_replays),
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_records_of_nodes),
    };
    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
