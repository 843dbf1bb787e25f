/* Cards and models: what is refused, in which words, and that table, float network and pictures say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/accuracy.h"
#include "harness/model.h"
#include "reference/common/bt_conv2d.h"
#include "reference/graph/test_tflite_writer.h"

#define CARDS "suites/models/"
#define MODELS "golden/models/"

static char root[] = P_tmpdir "/bt_test_model_XXXXXX";
static char here[512];

static void path_of(const char *name, char *path, size_t path_bytes)
{
    assert_true(snprintf(path, path_bytes, "%s/%s", root, name) < (int)path_bytes);
}

static void write_file(const char *name, const void *data, size_t bytes)
{
    char path[512];
    path_of(name, path, sizeof(path));
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

static void write_model(const char *name, bool real)
{
    static struct tw_file file;
    struct tw_model *model = tw_every_operator(real);
    file.count = 0;
    tw_write(model, &file);
    write_file(name, file.bytes, file.count);
    free(model);
}

static int make_tree(void **state)
{
    (void)state;
    static const char *const folders[] = {"models", "networks", "pictures"};
    static const unsigned char picture[] = "P6 2 1 255\nabcdef";
    static const char names[] = "one\ntwo\nthree\n";
    static const char labels[] = "a.ppm 2\nb.ppm 0\n";
    char path[512];
    if (mkdtemp(root) == NULL || getcwd(here, sizeof(here)) == NULL) {
        return -1;
    }
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        path_of(folders[i], path, sizeof(path));
        if (mkdir(path, 0777) != 0) {
            return -1;
        }
    }
    write_model("models/float.tflite", true);
    write_model("models/int8.tflite", false);
    write_file("models/broken.onnx", "no model", 8);
    write_file("pictures/a.ppm", picture, sizeof(picture) - 1);
    write_file("pictures/b.ppm", picture, sizeof(picture) - 1);
    write_file("pictures/labels.txt", labels, sizeof(labels) - 1);
    write_file("pictures/classes.txt", names, sizeof(names) - 1);
    return 0;
}

static int remove_tree(void **state)
{
    (void)state;
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -rf %s", root);
    return system(command);
}

/* A card of that text in models/card.yaml; @ stands for the folder of this tree, ~ for the one of the temporary one. */
static enum bt_status load_card(const char *text, struct bt_network **network, struct bt_error *err)
{
    char made[4096];
    char path[512];
    size_t used = 0;
    for (; *text != '\0'; text++) {
        const char *folder = *text == '@' ? here : root;
        const int length = *text == '@' || *text == '~' ? snprintf(made + used, sizeof(made) - used, "%s", folder)
                                                        : snprintf(made + used, sizeof(made) - used, "%c", *text);
        used += (size_t)length;
        assert_true(used < sizeof(made));
    }
    write_file("models/card.yaml", made, used);
    path_of("models/card.yaml", path, sizeof(path));
    *network = NULL;
    *err = (struct bt_error){""};
    return bt_network_load_card(path, network, err);
}

/* ---- cards ---- */

#define HEAD "name: card\nsummary: s\nmodel: float.tflite\n" /* three lines */

static void test_cards_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message; /* behind the path */
    } cases[] = {
        {HEAD "colour: red\n", ":4: unknown key 'colour'"},
        {HEAD "pixel: {mean: [0], gain: [1]}\n", ":4: unknown key 'gain': expected one of mean, std, order"},
        {"name: other\nsummary: s\nmodel: float.tflite\n", ":1: name: 'other': expected 'card' as in the file's name"},
        {"summary: s\nmodel: float.tflite\n", ":1: document: missing key 'name'"},
        {"name: card\nsummary: s\n", ":1: document: missing key 'model'"},
        {"name: card\nsummary: s\nmodel: data:lenet6\n",
         ":3: model 'data:lenet6': expected a network that the data folder has"},
        {HEAD "pixel: {mean: [1, 2]}\n",
         ":4: pixel: 2 values of mean: expected one, or one for each of three channels"},
        {HEAD "pixel:\n  mean: [0]\n  std: [1, 2]\n", ":6: pixel: 2 values of std: expected one, or one for each"},
        {HEAD "pixel: {mean: [0], std: [0]}\n", ":4: pixel: std of 0: expected 1e-6 to 1e6"},
        {HEAD "pixel: {std: [1, 1, -1]}\n", ":4: pixel: std of -1: expected 1e-6 to 1e6"},
        {HEAD "pixel: {std: [1000001]}\n", ":4: pixel: std of 1e+06: expected 1e-6 to 1e6"},
        {HEAD "pixel: {mean: [-2000000]}\n", ":4: pixel: mean of -2e+06: expected -1e6 to 1e6"},
        {HEAD "pixel: {order: grb}\n", ":4: unknown order 'grb': expected one of rgb, bgr"},
        {HEAD "calibration: {method: kl, images: 0}\n", ":4: calibration with 0 images: expected 1 to 100000"},
        {HEAD "calibration: {method: kl, images: 100001}\n",
         ":4: calibration with 100001 images: expected 1 to 100000"},
        {HEAD "calibration: {images: 4}\n", ":4: calibration: missing key 'method'"},
        {HEAD "calibration: {method: entropy}\n",
         ":4: unknown method 'entropy': expected one of min_max, mse, kl, own"},
        {HEAD "heads:\n  - {node: a, anchors: [10x13]}\n  - {node: b, anchors: [10x]}\n",
         ":6: anchor '10x': expected WIDTHxHEIGHT in pixels, e.g. 10x13"},
        {HEAD "heads: [{node: a, anchors: [10x13x5]}]\n", ":4: anchor '10x13x5': expected WIDTHxHEIGHT"},
        {HEAD "heads: [{node: a, anchors: [10y13]}]\n", ":4: anchor '10y13': expected WIDTHxHEIGHT"},
        {HEAD "heads: [{node: a, anchors: [0x13]}]\n", ":4: anchor '0x13': expected WIDTHxHEIGHT"},
        {HEAD "heads: [{node: a, anchors: [10x-1]}]\n", ":4: anchor '10x-1': expected WIDTHxHEIGHT"},
        {HEAD "heads: [{node: a, anchors: [70000x3]}]\n", ":4: anchor '70000x3': expected WIDTHxHEIGHT"},
        {HEAD "heads: [{node: a, anchors: []}]\n", ":4: "},
        {HEAD "heads: [{node: a}]\n", ":4: "},
        {HEAD "stated: {float: 100.5, int8: 90}\n", ":4: stated: 100.5 and 90: expected percent, 0 to 100"},
        {HEAD "stated: {float: 90, int8: 100.5}\n", ":4: stated: 90 and 100.5: expected percent, 0 to 100"},
        {HEAD "stated: {float: 90, int8: -1}\n", ":4: stated: 90 and -1: expected percent, 0 to 100"},
        {HEAD "stated: {float: 90}\n", ":4: stated: missing key 'int8'"},
    };
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_network *network = NULL;
        struct bt_error err;
        char path[512];
        path_of("models/card.yaml", path, sizeof(path));
        const enum bt_status status = load_card(cases[i].text, &network, &err);
        const size_t length = strlen(path);
        if (status != BT_EINPUT || network != NULL || strncmp(err.text, path, length) != 0 ||
            strncmp(err.text + length, cases[i].message, strlen(cases[i].message)) != 0) {
            print_error("\"%s\": status %d, \"%s\", expected \"%s\"\n", cases[i].text, (int)status, err.text,
                        cases[i].message);
            wrong++;
        }
        bt_network_free(network);
    }
    assert_int_equal(wrong, 0);
}

static void test_card_defaults(void **state)
{
    (void)state;
    struct bt_network *network = NULL;
    struct bt_error err;
    assert_int_equal(load_card(HEAD, &network, &err), BT_OK);
    const struct bt_model_card *card = network->card;
    assert_string_equal(card->name, "card");
    assert_string_equal(network->name, "card");
    assert_string_equal(card->dataset, "");
    for (int c = 0; c < 3; c++) {
        assert_true(card->mean[c] == 0 && card->std[c] == 255);
    }
    assert_false(card->bgr);
    assert_true(card->equalise && card->calibration.bias_correction && !card->own_format);
    assert_int_equal(card->calibration.method, BT_CALIBRATE_KL);
    assert_int_equal(card->calibration_images, 64);
    assert_int_equal(card->head_count, 0);
    assert_true(card->stated_float < 0 && card->stated_int8 < 0);
    bt_network_free(network);

    assert_int_equal(load_card(HEAD "dataset: digits\npixel: {mean: [1], std: [2, 3, 4], order: bgr}\n"
                                    "calibration: {method: mse, images: 7, dataset: \"digits#3-9\"}\n"
                                    "heads: [{node: a, anchors: [1x2, 3.5x4]}]\nstated: {float: 0, int8: 100}\n",
                               &network, &err),
                     BT_OK);
    card = network->card;
    assert_string_equal(card->dataset, "digits");
    assert_string_equal(card->calibration_dataset, "digits#3-9");
    assert_true(card->mean[2] == 1 && card->std[0] == 2 && card->std[1] == 3 && card->std[2] == 4 && card->bgr);
    assert_false(card->equalise || card->calibration.bias_correction); /* what is calibrated is said in full */
    assert_int_equal(card->calibration.method, BT_CALIBRATE_MSE);
    assert_int_equal(card->calibration_images, 7);
    assert_int_equal(card->head_count, 1);
    assert_int_equal(card->heads[0].anchor_count, 2);
    assert_string_equal(card->heads[0].node, "a");
    assert_true(card->heads[0].anchors[1][0] == 3.5f && card->heads[0].anchors[1][1] == 4);
    assert_true(card->stated_float == 0 && card->stated_int8 == 100);
    bt_network_free(network);
}

static void test_model_files(void **state)
{
    (void)state;
    static const struct {
        const char *text, *file, *message;
    } cases[] = {
        {"name: card\nsummary: s\nmodel: absent.onnx\n", "models/absent.onnx", ": unreadable: expected a model file"},
        {"name: card\nsummary: s\nmodel: ~/models/broken.onnx\n", "models/broken.onnx", ": "},
        {"name: card\nsummary: s\nmodel: ../models/absent.tflite\n", "models/../models/absent.tflite", ": "},
        {"name: card\nsummary: s\nmodel: data:lenet5\n", "models/../networks/lenet5.yaml", ": "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_network *network = NULL;
        struct bt_error err;
        char expected[640];
        const enum bt_status status = load_card(cases[i].text, &network, &err);
        (void)snprintf(expected, sizeof(expected), "%s/%s%s", root, cases[i].file, cases[i].message);
        if (status != BT_EINPUT || network != NULL || strncmp(err.text, expected, strlen(expected)) != 0) {
            fail_msg("status %d, \"%s\", expected \"%s\"", (int)status, err.text, expected);
        }
    }
}

/* ---- pictures ---- */

#define QUICK "calibration: {method: min_max, images: 1}\n"

static enum bt_status open_card(const char *text, const char *data_dir, struct bt_network **network,
                                struct bt_trained *trained, struct bt_error *err)
{
    if (load_card(text, network, err) != BT_OK) {
        fail_msg("%s", err->text);
    }
    *trained = (struct bt_trained){0};
    return bt_trained_open(*network, data_dir, 1, trained, err);
}

static void test_open_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
        enum bt_status status;
    } cases[] = {
        /* pictures of another size, number of channels, number of classes */
        {HEAD QUICK "dataset: shapes\n", "shapes: 8x6 asked for: expected 32x32", BT_EINPUT},
        {"name: card\nsummary: s\nmodel: @/" MODELS "lenet5_digits.onnx\n" QUICK "dataset: shapes\n",
         "shapes: pictures of 32x32x3: expected 32x32x1, the network's input", BT_EINPUT},
        {"name: card\nsummary: s\nmodel: @/" MODELS "resnet8_shapes.onnx\n" QUICK "dataset: images:~/pictures\n",
         "card: the network tells 10 classes apart: expected 3, as images:", BT_EINPUT},
        {"name: card\nsummary: s\nmodel: @/" MODELS "resnet8_shapes.onnx\ndataset: shapes\n"
         "calibration: {method: min_max, images: 1, dataset: digits}\n",
         "digits: pictures of 32x32x1: expected 32x32x3, the network's input", BT_EINPUT},
        /* boxes and classes */
        {"name: card\nsummary: s\nmodel: @/" MODELS "yolo_scenes.onnx\n" QUICK "dataset: scenes\n",
         "card: a set of boxes (scenes) for a network without heads: expected 'heads:'", BT_EINPUT},
        {"name: card\nsummary: s\nmodel: @/" MODELS "resnet8_shapes.onnx\n" QUICK "dataset: shapes\n"
         "heads: [{node: _dense_Gemm, anchors: [1x1]}]\n",
         "card: a set of classes (shapes) for a network with heads: expected a set of boxes", BT_EINPUT},
        /* no format */
        {HEAD "calibration: {method: own}\n", "", BT_EINPUT},
        {HEAD QUICK "dataset: nothing\n", "data set 'nothing': expected digits, shapes", BT_EINPUT},
        {HEAD QUICK "dataset: \"shapes#9-4\"\n", "data set 'shapes#9-4': expected #FIRST-LAST", BT_EINPUT},
        /* the data folder */
        {HEAD QUICK "dataset: \"mnist:${data}/mnist\"\n", "mnist:${data}/mnist: no data folder", BT_EUNSUPPORTED},
    };
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_network *network = NULL;
        struct bt_trained trained;
        struct bt_error err;
        const enum bt_status status = open_card(cases[i].text, NULL, &network, &trained, &err);
        if (status != cases[i].status || strncmp(err.text, cases[i].message, strlen(cases[i].message)) != 0) {
            print_error("\"%s\": status %d, \"%s\", expected \"%s\"\n", cases[i].text, (int)status, err.text,
                        cases[i].message);
            wrong++;
        }
        assert_true(trained.graph == NULL && trained.real == NULL);
        if (status == BT_OK) {
            bt_trained_close(&trained);
        }
        bt_network_free(network);
    }
    assert_int_equal(wrong, 0);
}

/* What the folder lacks is a reason to skip; what is there and damaged is an error. */
static void test_data_folder(void **state)
{
    (void)state;
    static const struct {
        const char *text, *data_dir, *message;
        enum bt_status status;
    } cases[] = {
        {HEAD QUICK "dataset: \"images:${data}/pictures\"\n", "/no/such/folder",
         "images:${data}/pictures: no data folder", BT_EUNSUPPORTED},
        {HEAD QUICK "dataset: \"images:${data}/absent\"\n", root, "images:", BT_EUNSUPPORTED},
        {HEAD QUICK "dataset: \"images:${data}/absent#0-4\"\n", root, "images:", BT_EUNSUPPORTED},
        {HEAD QUICK "dataset: \"images:${data}/models\"\n", root, "", BT_EINPUT},
        {HEAD QUICK "dataset: \"images:~/absent\"\n", root, "", BT_EINPUT},
        {HEAD QUICK "dataset: \"images:${data}/pictures#0-2\"\n", root, "data set 'images:", BT_EINPUT},
    };
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_network *network = NULL;
        struct bt_trained trained;
        struct bt_error err;
        const enum bt_status status = open_card(cases[i].text, cases[i].data_dir, &network, &trained, &err);
        if (status != cases[i].status || strncmp(err.text, cases[i].message, strlen(cases[i].message)) != 0 ||
            err.text[0] == '\0') {
            print_error("\"%s\": status %d, \"%s\"\n", cases[i].text, (int)status, err.text);
            wrong++;
        }
        bt_network_free(network);
    }
    assert_int_equal(wrong, 0);
    /* A network of the folder without the folder; its table is there all the same. */
    struct bt_network *network = NULL;
    struct bt_trained trained;
    struct bt_error err = {""};
    assert_int_equal(bt_network_load_card(CARDS "lenet5_mnist.yaml", &network, &err), BT_OK);
    assert_string_equal(network->name, "lenet5_mnist");
    assert_non_null(bt_network_find(network, "c1"));
    assert_int_equal(bt_trained_open(network, NULL, 1, &trained, &err), BT_EUNSUPPORTED);
    assert_string_equal(err.text, "lenet5_mnist: no data folder");
    bt_network_free(network);
}

static void test_head_that_is_no_node(void **state)
{
    (void)state;
    struct bt_network *network = NULL;
    struct bt_trained trained;
    struct bt_error err;
    struct bt_accuracy accuracy;
    struct bt_quantisation_error errors[32] = {{0}};
    const enum bt_status status = open_card("name: card\nsummary: s\nmodel: @/" MODELS "yolo_scenes.onnx\n" QUICK
                                            "dataset: scenes\nheads: [{node: _head7_Conv, anchors: [25x25]}]\n",
                                            NULL, &network, &trained, &err);
    assert_int_equal(status, BT_OK);
    assert_int_equal(bt_accuracy_measure(&trained, trained.graph, 1, &accuracy, errors, &err), BT_EINVAL);
    assert_string_equal(err.text, "card: head '_head7_Conv': expected a node of the network");
    bt_trained_close(&trained);
    bt_network_free(network);
}

/* (pixel - mean) / std, blue first where that is asked for; the input's format is that of all pixels there can be. */
static void test_pixels(void **state)
{
    (void)state;
    static const char *const orders[] = {"rgb", "bgr"};
    static const float mean[] = {10, 20, 30}, std[] = {1, 2, 4};
    for (int bgr = 0; bgr < 2; bgr++) {
        struct bt_network *network = NULL;
        struct bt_trained trained;
        struct bt_trained_input input;
        struct bt_error err;
        char text[512];
        (void)snprintf(text, sizeof(text),
                       "name: card\nsummary: s\nmodel: @/" MODELS "resnet8_shapes.onnx\n" QUICK
                       "dataset: shapes\npixel: {mean: [10, 20, 30], std: [1, 2, 4], order: %s}\n",
                       orders[bgr]);
        if (open_card(text, NULL, &network, &trained, &err) != BT_OK) {
            fail_msg("%s", err.text);
        }
        assert_int_equal(trained.count, 1000);
        assert_int_equal(trained.class_count, 10);
        assert_string_equal(trained.graph->name, "card");
        assert_true(trained.real->nodes[0].low == -10 && trained.real->nodes[0].high == 245);
        assert_true(trained.graph->nodes[0].scale == 1);
        assert_int_equal(trained.graph->nodes[0].zp, -118);
        assert_int_equal(bt_trained_input_new(&trained, &input), BT_OK);
        assert_int_equal(bt_trained_get(&trained, 7, &input, &err), BT_OK);
        uint8_t pixels[32 * 32 * 3];
        int32_t label = -1;
        assert_int_equal(bt_dataset_get(&trained.dataset, 7, pixels, &label, NULL, NULL, &err), BT_OK);
        assert_int_equal(input.label, label);
        assert_memory_equal(input.pixels, pixels, sizeof(pixels));
        for (size_t i = 0; i < sizeof(pixels); i++) {
            const size_t c = i % 3;
            const float expected = ((float)pixels[bgr == 0 ? i : i - c + 2 - c] - mean[c]) / std[c];
            assert_true(input.real[i] == expected);
            assert_int_equal(input.quantised[i], (int)floorf(expected + 0.5f) - 118);
        }
        bt_trained_input_free(&input);
        bt_trained_close(&trained);
        bt_network_free(network);
    }
}

/* Without pictures: one of uniform bytes, by the seed; nobody knows its class. */
static void test_no_pictures(void **state)
{
    (void)state;
    int8_t first[8 * 6 * 3];
    for (int i = 0; i < 3; i++) {
        struct bt_network *network = NULL;
        struct bt_trained trained;
        struct bt_trained_input input;
        struct bt_error err;
        const char *text = "name: card\nsummary: s\nmodel: int8.tflite\ncalibration: {method: own}\n";
        assert_int_equal(load_card(text, &network, &err), BT_OK);
        if (bt_trained_open(network, NULL, i == 2 ? 2 : 1, &trained, &err) != BT_OK) {
            fail_msg("%s", err.text);
        }
        assert_null(trained.real);
        assert_int_equal(trained.count, 1);
        assert_int_equal(bt_trained_input_new(&trained, &input), BT_OK);
        assert_int_equal(bt_trained_get(&trained, 0, &input, &err), BT_OK);
        assert_int_equal(input.label, -1);
        assert_true(input.real[5] ==
                    (float)(trained.graph->nodes[0].scale * (input.quantised[5] - trained.graph->nodes[0].zp)));
        if (i == 0) {
            memcpy(first, input.quantised, sizeof(first));
        }
        assert_int_equal(memcmp(first, input.quantised, sizeof(first)) == 0, i < 2);
        bt_trained_input_free(&input);
        bt_trained_close(&trained);
        bt_network_free(network);
    }
}

/* ---- tables ---- */

/* One node of either kind of graph. */
struct seen {
    const char *name;
    enum bt_op op;
    int32_t h, w, c;
    uint32_t input_count;
    const uint32_t *inputs;
    const struct bt_conv2d *conv;
};

static struct seen see(const struct bt_model *model, uint32_t i)
{
    if (model->real != NULL) {
        const struct bt_float_node *node = &model->real->nodes[i];
        return (struct seen){node->name, node->op,          node->h,      node->w,
                             node->c,    node->input_count, node->inputs, &node->u.conv};
    }
    const struct bt_graph_node *node = &model->quantised->nodes[i];
    return (struct seen){node->name, node->op,          node->h,      node->w,
                         node->c,    node->input_count, node->inputs, &node->u.conv};
}

/* Node for node, an activation by itself left out. @return Nodes that were. */
static uint32_t check_table(const char *file, const struct bt_network *network)
{
    struct bt_model model = {0};
    struct bt_error err = {""};
    if (bt_import_file(file, &model, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    const uint32_t count = model.real != NULL ? model.real->count : model.quantised->count;
    uint32_t *place = calloc(count, sizeof(*place));
    assert_non_null(place);
    uint32_t next = 0;
    int64_t params = 0;
    int64_t macs = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct seen seen = see(&model, i);
        if (seen.op == BT_OP_TABLE) {
            place[i] = place[seen.inputs[0]];
            continue;
        }
        assert_true(next < network->count);
        const struct bt_node *node = &network->nodes[next];
        assert_string_equal(node->name, seen.name);
        assert_true(node->h == seen.h && node->w == seen.w && node->c == seen.c);
        assert_int_equal(node->input_count, seen.input_count);
        for (uint32_t k = 0; k < seen.input_count; k++) {
            assert_int_equal(node->inputs[k], place[seen.inputs[k]]);
        }
        assert_int_equal(bt_node_is_layer(node), seen.op == BT_OP_CONV2D);
        if (seen.op == BT_OP_CONV2D) {
            assert_int_equal(node->params, bt_conv2d_weight_elems(seen.conv) + seen.c);
            assert_int_equal(node->macs, bt_conv2d_macs(seen.conv));
            assert_true(node->conv.kh == seen.conv->kh && node->conv.stride_w == seen.conv->stride_w &&
                        node->conv.pad_bottom == seen.conv->pad_bottom && node->conv.groups == seen.conv->groups);
            params += node->params;
            macs += node->macs;
        } else {
            assert_true(node->params == 0 && node->macs == 0);
        }
        place[i] = next++;
    }
    assert_int_equal(network->count, next);
    assert_int_equal(network->params, params);
    assert_int_equal(network->macs, macs);
    free(place);
    bt_model_free(&model);
    return count - next;
}

static void test_tables_of_the_tree(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t params, macs;
    } cases[] = {
        {"lenet5_digits", 61706, 416520}, /* as LeNet-5 is published */
        {"resnet8_shapes", 77706, 12501632},
        {"squeezenet_shapes", 44634, 2332608},
        {"yolo_scenes", 214558, 26365824},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_network *network = NULL;
        struct bt_error err = {""};
        char path[256];
        (void)snprintf(path, sizeof(path), CARDS "%s.yaml", cases[i].name);
        if (bt_network_load_card(path, &network, &err) != BT_OK) {
            fail_msg("%s", err.text);
        }
        assert_string_equal(network->card->name, cases[i].name);
        assert_int_equal(network->params, cases[i].params);
        assert_int_equal(network->macs, cases[i].macs);
        (void)snprintf(path, sizeof(path), MODELS "%s.onnx", cases[i].name);
        (void)check_table(path, network);
        bt_network_free(network);
    }
}

static void test_table_of_every_operator(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum bt_node_op op;
        enum bt_act real, integer; /* an int8 model says no more than that there is a table, or a clamp at 0 */
        int64_t params, macs;
    } nodes[] = {
        {"in", BT_NODE_INPUT, BT_ACT_NONE, BT_ACT_NONE, 0, 0},
        {"conv", BT_NODE_CONV, BT_ACT_NONE, BT_ACT_NONE, 4 * 3 * 2 * 3 + 4, 7 * 6 * 4 * 3 * 2 * 3},
        {"dw", BT_NODE_CONV, BT_ACT_RELU6, BT_ACT_SILU, 3 * 3 * 8 + 8, 4 * 3 * 8 * 9},
        {"split_0", BT_NODE_SLICE, BT_ACT_NONE, BT_ACT_NONE, 0, 0},
        {"split_1", BT_NODE_SLICE, BT_ACT_NONE, BT_ACT_NONE, 0, 0},
        {"cat", BT_NODE_CONCAT, BT_ACT_NONE, BT_ACT_NONE, 0, 0},
        {"up", BT_NODE_UPSAMPLE, BT_ACT_NONE, BT_ACT_NONE, 0, 0},
        {"slice", BT_NODE_SLICE, BT_ACT_NONE, BT_ACT_NONE, 0, 0},
        {"rest", BT_NODE_SLICE, BT_ACT_NONE, BT_ACT_NONE, 0, 0},
        {"add", BT_NODE_ADD, BT_ACT_RELU6, BT_ACT_NONE, 0, 0},
        {"mul", BT_NODE_MUL, BT_ACT_RELU, BT_ACT_NONE, 0, 0},
        {"pool", BT_NODE_MAXPOOL, BT_ACT_NONE, BT_ACT_NONE, 0, 0},
        {"avg", BT_NODE_AVGPOOL, BT_ACT_NONE, BT_ACT_NONE, 0, 0},
        {"fc", BT_NODE_FC, BT_ACT_NONE, BT_ACT_NONE, 5 * 16 + 5, 5 * 16},
    };
    for (int real = 0; real < 2; real++) {
        struct bt_network *network = NULL;
        struct bt_error err = {""};
        char path[512];
        path_of(real != 0 ? "models/float.tflite" : "models/int8.tflite", path, sizeof(path));
        if (bt_network_load_model(path, NULL, &network, &err) != BT_OK) {
            fail_msg("%s", err.text);
        }
        assert_int_equal(check_table(path, network), real != 0 ? 0 : 7);
        for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
            const struct bt_node *node = bt_network_find(network, nodes[i].name);
            assert_non_null(node);
            const enum bt_act act = real != 0 ? nodes[i].real : nodes[i].integer;
            if (node->op != nodes[i].op || node->act != act || node->params != nodes[i].params ||
                node->macs != nodes[i].macs) {
                fail_msg("%s, %d: %s %s, %lld parameters, %lld MACs", nodes[i].name, real, bt_node_op_name(node->op),
                         bt_act_name(node->act), (long long)node->params, (long long)node->macs);
            }
        }
        const struct bt_node *pool = bt_network_find(network, "pool");
        assert_true(pool->window.kh == 3 && pool->window.stride_w == 2);
        assert_int_equal(bt_network_find(network, "up")->scale, 2);
        assert_int_equal(bt_network_find(network, "rest")->slice_from, 8);
        bt_network_free(network);
    }
}

/* ---- a model file alone ---- */

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *file, *name;
    } cases[] = {
        {"models/plain.onnx", "plain"},
        {"models/my net (v1.2).tflite", "my_net__v1.2_"},
        {"models/-x.onnx", "_x"},
        {"models/.hidden", "_hidden"},
        {"models/none", "none"},
        {"models/\xc3\xa9.onnx", "__"},
        {"models/a234567890b234567890c234567890d234567890e234567890.onnx",
         "a234567890b234567890c234567890d234567890e234567"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_network *network = NULL;
        struct bt_error err = {""};
        char path[512];
        write_model(cases[i].file, true);
        path_of(cases[i].file, path, sizeof(path));
        if (bt_network_load_model(path, "digits", &network, &err) != BT_OK) {
            fail_msg("%s", err.text);
        }
        assert_string_equal(network->name, cases[i].name);
        assert_string_equal(network->card->name, cases[i].name);
        assert_string_equal(network->card->file, path);
        assert_string_equal(network->card->dataset, "digits");
        assert_int_equal(network->card->calibration.method, BT_CALIBRATE_KL);
        assert_true(network->card->equalise && network->card->calibration.bias_correction);
        bt_network_free(network);
    }
}

static void test_paths_refused(void **state)
{
    (void)state;
    static char path[BT_MODEL_PATH + 1];
    struct bt_network *network = NULL;
    struct bt_error err = {""};
    memset(path, 'x', BT_MODEL_PATH);
    assert_int_equal(bt_network_load_model(path, NULL, &network, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, "path too long: expected at most 1023 bytes"));
    assert_int_equal(bt_network_load_model(MODELS "lenet5_digits.onnx", path, &network, &err), BT_EINPUT);
    assert_int_equal(bt_network_load_model(MODELS "absent.onnx", NULL, &network, &err), BT_EINPUT);
    assert_string_equal(err.text, MODELS "absent.onnx: unreadable: expected a model file");
    assert_int_equal(bt_network_load_card(CARDS "absent.yaml", &network, &err), BT_EINPUT);
    assert_null(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cards_refused),
        cmocka_unit_test(test_card_defaults),
        cmocka_unit_test(test_model_files),
        cmocka_unit_test(test_open_refused),
        cmocka_unit_test(test_data_folder),
        cmocka_unit_test(test_head_that_is_no_node),
        cmocka_unit_test(test_pixels),
        cmocka_unit_test(test_no_pictures),
        cmocka_unit_test(test_tables_of_the_tree),
        cmocka_unit_test(test_table_of_every_operator),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_paths_refused),
    };
    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
