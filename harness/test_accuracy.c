/* Accuracy: counts of hand-made networks, published intervals, verdicts; and that the weights of the tree do what is stated. */
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

#include "harness/accuracy.h"

#define CARDS "suites/models/"
#define MODELS "golden/models/"

/* ---- intervals ---- */

static void test_wilson(void **state)
{
    (void)state;
    /* R. G. Newcombe, Statistics in Medicine 17, 1998, table I, method 3; all or nothing of ten by the closed form. */
    static const struct {
        uint32_t right, count;
        double low, high;
    } cases[] = {
        {81, 263, 25.53, 36.62}, {15, 148, 6.24, 16.05}, {0, 20, 0, 16.11}, {1, 29, 0.61, 17.18},
        {0, 10, 0, 27.75},       {10, 10, 72.25, 100},   {0, 0, 0, 100},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double low = -1;
        double high = -1;
        bt_wilson(cases[i].right, cases[i].count, &low, &high);
        if (!(fabs(low - cases[i].low) <= 0.005 && fabs(high - cases[i].high) <= 0.005)) {
            fail_msg("%u of %u: %.4f to %.4f", cases[i].right, cases[i].count, low, high);
        }
    }
    double low = 0;
    double high = 0;
    for (uint32_t count = 1; count <= 1000; count++) { /* no trace of rounding at the ends */
        bt_wilson(0, count, &low, &high);
        assert_true(low == 0 && high > 0 && high < 100);
        bt_wilson(count, count, &low, &high);
        assert_true(high == 100 && low > 0 && low < 100);
    }
}

/* ---- ranking ---- */

enum { MOST_CLASSES = 8, MOST_PICTURES = 8 };

/* A network that puts its input out: what are pictures are scores. In float it adds a bias of its own. */
struct bench {
    struct bt_model_card card;
    struct bt_graph graph;
    struct bt_graph_node nodes[3];
    int8_t table[256];
    struct bt_float_graph *real;
    int8_t inputs[MOST_PICTURES * MOST_CLASSES];
    int32_t labels[MOST_PICTURES];
    struct bt_trained trained;
    struct bt_accuracy accuracy;
    struct bt_quantisation_error errors[3];
};

static void set_up(struct bench *bench, int32_t classes, uint32_t pictures, const int8_t (*scores)[MOST_CLASSES],
                   const int32_t *labels)
{
    memset(bench, 0, sizeof(*bench));
    for (int i = 0; i < 256; i++) {
        bench->table[i] = (int8_t)(i - 128);
    }
    for (int i = 0; i < 2; i++) {
        bench->nodes[i] = (struct bt_graph_node){.op = i == 0 ? BT_OP_INPUT : BT_OP_TABLE,
                                                 .name = "scores",
                                                 .input_count = i == 0 ? 0 : 1,
                                                 .h = 1,
                                                 .w = 1,
                                                 .c = classes,
                                                 .scale = 0.5,
                                                 .zp = 0,
                                                 .table = i == 0 ? NULL : bench->table};
    }
    bench->graph = (struct bt_graph){.name = "by_hand", .count = 2, .nodes = bench->nodes};
    for (uint32_t i = 0; i < pictures; i++) {
        memcpy(bench->inputs + i * (size_t)classes, scores[i], (size_t)classes);
        bench->labels[i] = labels[i];
    }
    bench->trained = (struct bt_trained){
        .card = &bench->card,
        .graph = &bench->graph,
        .count = pictures,
        .samples = {.count = pictures, .bytes = (size_t)classes, .inputs = bench->inputs, .labels = bench->labels},
    };
}

static void add_float(struct bench *bench, const float *bias)
{
    const int32_t classes = bench->nodes[0].c;
    bench->real = bt_float_graph_new("by_hand", "a test", 2);
    assert_non_null(bench->real);
    struct bt_float_node *input = bt_float_graph_add(bench->real, BT_OP_INPUT, "input", 0);
    input->h = input->w = 1;
    input->c = classes;
    struct bt_float_node *node = bt_float_graph_add(bench->real, BT_OP_CONV2D, "scores", 0);
    node->u.conv = (struct bt_conv2d){.n = 1,
                                      .h = 1,
                                      .w = 1,
                                      .c_in = classes,
                                      .c_out = classes,
                                      .kh = 1,
                                      .kw = 1,
                                      .stride_h = 1,
                                      .stride_w = 1,
                                      .dil_h = 1,
                                      .dil_w = 1,
                                      .groups = classes,
                                      .act_min = -128,
                                      .act_max = 127};
    node->weights = malloc((size_t)classes * sizeof(float));
    node->bias = malloc((size_t)classes * sizeof(float));
    assert_true(node->weights != NULL && node->bias != NULL);
    for (int32_t i = 0; i < classes; i++) {
        node->weights[i] = 1;
        node->bias[i] = bias[i];
    }
    bench->trained.real = bench->real;
}

static const struct bt_accuracy *measure(struct bench *bench, uint32_t images)
{
    struct bt_error err = {""};
    if (bt_accuracy_measure(&bench->trained, &bench->graph, images, &bench->accuracy, bench->errors, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    bt_float_graph_free(bench->real);
    bench->real = NULL;
    return &bench->accuracy;
}

/* Of equal scores the lower class is first. */
static void test_ranking(void **state)
{
    (void)state;
    static const int8_t scores[][MOST_CLASSES] = {
        {5, 5, 1, 0, -1, -2, -3},             /* 0: best */
        {5, 5, 1, 0, -1, -2, -3},             /* 1: second by its number */
        {7, 7, 7, 7, 7, 7, 7},                /* 4: the last of five */
        {7, 7, 7, 7, 7, 7, 7},                /* 5: beyond */
        {-128, -127, -126, -125, -124, 0, 1}, /* 2: the fifth from above */
        {-128, -127, -126, -125, -124, 0, 1}, /* 1: the sixth */
        {0, 0, 0, 0, 0, 0, 127},              /* nobody knows */
        {127, -128, 0, 0, 0, 0, 127},         /* 6: second to 0 */
    };
    static const int32_t labels[] = {0, 1, 4, 5, 2, 1, -1, 6};
    struct bench bench;
    set_up(&bench, 7, 8, scores, labels);
    const struct bt_accuracy *accuracy = measure(&bench, 0);
    assert_int_equal(accuracy->images, 8);
    assert_int_equal(accuracy->labelled, 7);
    assert_int_equal(accuracy->int8_top1, 1);
    assert_int_equal(accuracy->int8_top5, 5);
    assert_true(accuracy->measured && !accuracy->has_float && !accuracy->detects);
    assert_true(fabs(bt_accuracy_int8(accuracy) - 100.0 / 7) < 1e-12);
    assert_int_equal(bench.errors[1].elems, 0);
    /* The first pictures alone; no more than there are. */
    set_up(&bench, 7, 8, scores, labels);
    accuracy = measure(&bench, 2);
    assert_true(accuracy->images == 2 && accuracy->labelled == 2 && accuracy->int8_top1 == 1);
    set_up(&bench, 7, 8, scores, labels);
    assert_int_equal(measure(&bench, 9)->images, 8);
    /* Fewer classes than five: all of them are among the best. */
    set_up(&bench, 3, 4, scores, (const int32_t[]){2, 2, 2, 2});
    accuracy = measure(&bench, 0);
    assert_true(accuracy->int8_top1 == 0 && accuracy->int8_top5 == 4);
}

static void test_agreement(void **state)
{
    (void)state;
    static const int8_t scores[][MOST_CLASSES] = {
        {10, 9, 8, 7, 6, 5},  /* float: 2 first, the same five */
        {4, 3, 30, 1, 0, -1}, /* 2 in both */
        {9, 8, 7, 6, 4, 5},   /* float has 5 among its five, as int8 has */
        {10, 9, 1, 8, 7, 6},  /* float has 2 in place of 5 */
    };
    static const int32_t labels[] = {2, 2, 0, -1};
    static const float bias[] = {0, 0, 3, 0, 0, 0}; /* six steps */
    struct bench bench;
    set_up(&bench, 6, 4, scores, labels);
    add_float(&bench, bias);
    const struct bt_accuracy *accuracy = measure(&bench, 0);
    assert_true(accuracy->has_float);
    assert_int_equal(accuracy->labelled, 3);
    assert_int_equal(accuracy->int8_top1, 2);
    assert_int_equal(accuracy->float_top1, 2);
    assert_int_equal(accuracy->int8_top5, 3);
    assert_int_equal(accuracy->float_top5, 3);
    assert_int_equal(accuracy->agree_top1, 2);
    assert_int_equal(accuracy->agree_top5, 3);
    assert_true(accuracy->drop == 0);
    /* What float and int8 differ by: three, four times, on a signal that has it. */
    assert_int_equal(bench.errors[1].elems, 24);
    assert_true(bench.errors[1].noise == 4 * 9);
    /* A drop is float less int8. */
    set_up(&bench, 6, 4, scores, (const int32_t[]){2, 2, 2, 2});
    add_float(&bench, bias);
    accuracy = measure(&bench, 0);
    assert_true(accuracy->float_top1 == 3 && accuracy->int8_top1 == 1 && accuracy->drop == 50);
}

/* A softmax makes small scores equal: classes are ranked before it. */
static void test_before_softmax(void **state)
{
    (void)state;
    static const int8_t scores[][MOST_CLASSES] = {{-100, -99, 100, -98, -97, -96, -95}};
    struct bench bench;
    set_up(&bench, 7, 1, scores, (const int32_t[]){1});
    assert_int_equal(bt_trained_scores(&bench.graph), 1);
    bench.nodes[2] = bench.nodes[1];
    bench.nodes[2].op = BT_OP_SOFTMAX;
    bench.nodes[2].table = NULL;
    bench.nodes[2].inputs[0] = 1;
    bench.nodes[2].zp = -128;
    bench.nodes[2].scale = 1.0 / 256;
    bench.nodes[2].u.softmax = (struct ref_softmax_s8){.rows = 1, .row_size = 7};
    assert_int_equal(ref_softmax_s8_scale(0.5, 1, &bench.nodes[2].u.softmax), BT_OK);
    bench.graph.count = 3;
    assert_int_equal(bt_trained_scores(&bench.graph), 1);
    const struct bt_accuracy *accuracy = measure(&bench, 0);
    assert_true(accuracy->int8_top5 == 0); /* behind the softmax it would be: all but one are 0 */
}

/* ---- verdicts and words ---- */

static void test_judge(void **state)
{
    (void)state;
    static const struct bt_accuracy classes = {
        .has_float = true, .labelled = 200, .float_top1 = 195, .int8_top1 = 192, .drop = 1.5, .max_drop = -1};
    static const struct bt_accuracy boxes = {.has_float = true,
                                             .detects = true,
                                             .labelled = 10,
                                             .float_map50 = 0.5,
                                             .int8_map50 = 0.4375,
                                             .drop = 6.25,
                                             .max_drop = -1};
    static const struct {
        const struct bt_accuracy *accuracy;
        double max_drop, stated_float, stated_int8;
        bool whole;
        bool no_float, no_labels;
        const char *reason; /* "": PASS */
    } cases[] = {
        {&classes, -1, -1, -1, true, false, false, ""},
        {&classes, 1.5, -1, -1, true, false, false, ""}, /* exactly what is allowed */
        {&classes, 1.4999, -1, -1, true, false, false,
         "top-1 of int8 is 96.00 %, 1.50 points below float: at most 1.50 allowed"},
        {&classes, 0, -1, -1, false, false, false,
         "top-1 of int8 is 96.00 %, 1.50 points below float: at most 0.00 allowed"},
        {&classes, 0, -1, -1, false, true, false, /* nothing to be below of: never a PASS */
         "no float network: nothing to hold against the 0.00 points allowed"},
        {&classes, 0, -1, -1, false, false, true, "no labels: nothing to hold against the 0.00 points allowed"},
        {&classes, -1, -1, -1, false, false, true, ""}, /* float and int8 agree or do not: that was measured */
        {&classes, -1, -1, -1, false, true, true, "neither labels nor a float network: nothing was measured"},
        {&classes, -1, 90, 90, true, false, true, "hand.yaml states an accuracy: the pictures have no labels"},
        {&classes, -1, 97.5, 96, true, false, false, ""},
        {&classes, -1, 97.505, 95.995, true, false, false, ""}, /* to a hundredth */
        {&classes, -1, 97.51, 96, true, false, false,
         "top-1 is 97.50 % in float, 96.00 % in int8: hand.yaml states 97.51 and 96.00"},
        {&classes, -1, 97.5, 95.99, true, false, false,
         "top-1 is 97.50 % in float, 96.00 % in int8: hand.yaml states 97.50 and 95.99"},
        {&classes, -1, 97.5, 96.01, true, false, false,
         "top-1 is 97.50 % in float, 96.00 % in int8: hand.yaml states 97.50 and 96.01"},
        {&classes, -1, 90, 90, false, false, false, ""}, /* some pictures say nothing of all */
        {&classes, -1, 90, 96, true, true, false, ""},   /* there is no float to differ */
        {&classes, -1, 90, 95, true, true, false,
         "top-1 is 97.50 % in float, 96.00 % in int8: hand.yaml states 90.00 and 95.00"},
        {&boxes, 6.25, 50, 43.75, true, false, false, ""},
        {&boxes, 6, -1, -1, true, false, false,
         "mAP@0.5 of int8 is 43.75 %, 6.25 points below float: at most 6.00 allowed"},
        {&boxes, -1, 50, 43.7, true, false, false,
         "mAP@0.5 is 50.00 % in float, 43.75 % in int8: hand.yaml states 50.00 and 43.70"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct bt_model_card card = {
            .name = "hand", .stated_float = cases[i].stated_float, .stated_int8 = cases[i].stated_int8};
        struct bt_accuracy accuracy = *cases[i].accuracy;
        char reason[BT_REASON_BYTES] = "";
        accuracy.max_drop = cases[i].max_drop;
        accuracy.has_float = !cases[i].no_float;
        accuracy.labelled = cases[i].no_labels ? 0 : accuracy.labelled;
        const enum bt_verdict verdict = bt_accuracy_judge(&accuracy, &card, cases[i].whole, reason, sizeof(reason));
        const bool skipped = strncmp(cases[i].reason, "no ", 3) == 0 || strncmp(cases[i].reason, "neither ", 8) == 0;
        const enum bt_verdict expected = cases[i].reason[0] == '\0' ? BT_PASS : skipped ? BT_SKIP : BT_FAIL;
        if (verdict != expected || strcmp(reason, cases[i].reason) != 0) {
            fail_msg("case %zu: %s \"%s\"", i, bt_verdict_name(verdict), reason);
        }
    }
}

static void test_text(void **state)
{
    (void)state;
    static const struct bt_accuracy classes = {.has_float = true,
                                               .images = 263,
                                               .labelled = 263,
                                               .float_top1 = 263,
                                               .int8_top1 = 81,
                                               .float_top5 = 263,
                                               .int8_top5 = 100,
                                               .drop = 69.2,
                                               .agree_top1 = 80,
                                               .agree_top5 = 3};
    static const struct bt_accuracy boxes = {.has_float = true,
                                             .detects = true,
                                             .images = 2,
                                             .labelled = 2,
                                             .boxes = 7,
                                             .float_map50 = 0.5,
                                             .float_map = 0.25,
                                             .int8_map50 = 0.4375,
                                             .int8_map = 0.125,
                                             .drop = 6.25};
    struct bt_accuracy other = classes;
    char text[BT_NOTE_BYTES];
    bt_accuracy_text(&classes, text, sizeof(text));
    assert_string_equal(text, "top-1: float 100.00 % (98.56 to 100.00), int8 30.80 % (25.53 to 36.62), drop 69.20; "
                              "top-5: float 100.00 %, int8 38.02 %; 263 pictures: same class on 80, same five on 3");
    bt_accuracy_text(&boxes, text, sizeof(text));
    assert_string_equal(text,
                        "mAP@0.5: float 50.00 % (mAP 25.00 %), int8 43.75 % (mAP 12.50 %), drop 6.25; 2 pictures: "
                        "7 boxes");
    other.labelled = 0;
    bt_accuracy_text(&other, text, sizeof(text));
    assert_string_equal(text, "no labels; 263 pictures: same class on 80, same five on 3");
}

/* ---- the networks of the tree ---- */

/* As committed: counts of the first pictures. All of them are held to `stated` by a run of the suite. */
static const struct {
    const char *name;
    uint32_t images; /* all of LeNet-5's: what its card states is held here, too */
    uint32_t float_top1, int8_top1, agree_top1, agree_top5;
    uint32_t boxes;
    double float_map50, int8_map50;
    double scores_db; /* signal to noise of what ranks the classes; of a detector, of its last head */
} measured[] = {
    {"lenet5_digits", 1000, 956, 957, 999, 972, 0, 0, 0, 37.324},
    {"resnet8_shapes", 100, 97, 98, 99, 94, 0, 0, 0, 35.745},
    {"squeezenet_shapes", 200, 187, 187, 200, 186, 0, 0, 0, 31.204},
    {"yolo_scenes", 24, 0, 0, 0, 0, 77, 0.989939001, 0.989143986, 28.338},
};

static void test_networks_of_the_tree(void **state)
{
    (void)state;
    bool same = true;
    for (size_t i = 0; i < sizeof(measured) / sizeof(measured[0]); i++) {
        struct bt_network *network = NULL;
        struct bt_trained trained;
        struct bt_error err = {""};
        struct bt_accuracy accuracy;
        struct bt_quantisation_error errors[64] = {{0}};
        char path[256];
        (void)snprintf(path, sizeof(path), CARDS "%s.yaml", measured[i].name);
        if (bt_network_load_card(path, &network, &err) != BT_OK) {
            fail_msg("%s", err.text);
        }
        if (bt_trained_open(network, NULL, 1, &trained, &err) != BT_OK) {
            fail_msg("%s", err.text);
        }
        assert_true(trained.graph->count <= sizeof(errors) / sizeof(errors[0]));
        if (bt_accuracy_measure(&trained, trained.graph, measured[i].images, &accuracy, errors, &err) != BT_OK) {
            fail_msg("%s", err.text);
        }
        const double sqnr = bt_quantisation_sqnr(&errors[bt_trained_scores(trained.graph)]);
        print_message("  %s: {%u, %u, %u, %u, %u, %u, %.9f, %.9f}; scores %.3f dB; %.2f s, %.2f s\n", measured[i].name,
                      accuracy.images, accuracy.float_top1, accuracy.int8_top1, accuracy.agree_top1,
                      accuracy.agree_top5, accuracy.boxes, accuracy.float_map50, accuracy.int8_map50, sqnr,
                      accuracy.float_seconds, accuracy.int8_seconds);
        same = same && accuracy.images == measured[i].images && accuracy.labelled == measured[i].images &&
               accuracy.float_top1 == measured[i].float_top1 && accuracy.int8_top1 == measured[i].int8_top1 &&
               accuracy.agree_top1 == measured[i].agree_top1 && accuracy.agree_top5 == measured[i].agree_top5 &&
               accuracy.boxes == measured[i].boxes && fabs(accuracy.float_map50 - measured[i].float_map50) < 1e-8 &&
               fabs(accuracy.int8_map50 - measured[i].int8_map50) < 1e-8 && fabs(sqnr - measured[i].scores_db) < 0.005;
        const bool whole = accuracy.images == trained.count;
        char reason[BT_REASON_BYTES] = "";
        assert_int_equal(whole, i == 0);
        accuracy.max_drop = -1;
        if (bt_accuracy_judge(&accuracy, trained.card, whole, reason, sizeof(reason)) != BT_PASS) {
            fail_msg("%s", reason);
        }
        bt_trained_close(&trained);
        bt_network_free(network);
    }
    assert_true(same);
}

/* ---- what is stated twice ---- */

/* Cell `index` (0: the first) of a row "| a | b |", without blanks around it. */
static void cell_of(const char *row, int index, char *cell, size_t cell_bytes)
{
    for (; index >= 0; index--) {
        row = strchr(row, '|');
        assert_non_null(row);
        row++;
    }
    row += strspn(row, " ");
    size_t length = strcspn(row, "|");
    while (length > 0 && row[length - 1] == ' ') {
        length--;
    }
    assert_true(length < cell_bytes);
    memcpy(cell, row, length);
    cell[length] = '\0';
}

/* "12,501,632" */
static int64_t whole_of(const char *text)
{
    int64_t number = 0;
    assert_true(*text >= '0' && *text <= '9');
    for (; (*text >= '0' && *text <= '9') || *text == ','; text++) {
        number = *text == ',' ? number : 10 * number + (*text - '0');
    }
    return number;
}

/*
 * "95.60 % of 1,000", or "mAP@0.5 0.9733 of 200": as the card states it, over as many pictures as the set has. The average
 * precision in the tree's README is the area under all points of the envelope, the card's the mean at 101 of them.
 */
static void check_stated(const char *name, const char *cell, const struct bt_model_card *card)
{
    static const char map[] = "mAP@0.5 ";
    const bool boxes = strncmp(cell, map, strlen(map)) == 0;
    char *end = NULL;
    const double value = strtod(boxes ? cell + strlen(map) : cell, &end) * (boxes ? 100 : 1);
    const char *of = strstr(end, "of ");
    assert_non_null(of);
    struct bt_dataset set;
    struct bt_error err = {""};
    assert_int_equal(bt_dataset_open(card->dataset, BT_SPLIT_TEST, 0, 0, &set, &err), BT_OK);
    assert_int_equal(whole_of(of + 3), set.count);
    bt_dataset_close(&set);
    assert_int_equal(boxes, card->head_count != 0);
    if (!(fabs(value - card->stated_float) <= (boxes ? 0.5 : 1e-9))) {
        fail_msg("%s: '%s', the card states %.2f", name, cell, card->stated_float);
    }
}

enum { NAME, SET, PARAMETERS, MACS, BYTES, FLOAT };

static void check_row(const char *row, const char *name)
{
    char cell[128];
    char path[256];
    struct stat info;
    struct bt_network *network = NULL;
    struct bt_error err = {""};
    (void)snprintf(path, sizeof(path), CARDS "%s.yaml", name);
    if (bt_network_load_card(path, &network, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(network->card->stated_float > 0 && network->card->stated_int8 > 0);
    cell_of(row, SET, cell, sizeof(cell));
    assert_int_equal(strncmp(cell, network->card->dataset, strlen(network->card->dataset)), 0);
    cell_of(row, MACS, cell, sizeof(cell));
    assert_int_equal(whole_of(cell), network->macs);
    cell_of(row, PARAMETERS, cell, sizeof(cell));
    if (strchr(cell, '@') == NULL) { /* statistics of batch normalisations are folded here */
        assert_true(whole_of(cell) >= network->params);
    }
    cell_of(row, BYTES, cell, sizeof(cell));
    if (strchr(cell, '@') == NULL) {
        (void)snprintf(path, sizeof(path), MODELS "%s.onnx", name);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(whole_of(cell), info.st_size);
    }
    cell_of(row, FLOAT, cell, sizeof(cell));
    if (strncmp(cell, "@", 1) != 0) {
        check_stated(name, cell, network->card);
    }
    bt_network_free(network);
}

static void test_readme_and_cards(void **state)
{
    (void)state;
    char line[1024];
    unsigned rows[sizeof(measured) / sizeof(measured[0])] = {0};
    FILE *file = fopen(MODELS "README.md", "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        for (size_t i = 0; i < sizeof(measured) / sizeof(measured[0]); i++) {
            char first[64];
            (void)snprintf(first, sizeof(first), "| `%s` |", measured[i].name);
            if (strncmp(line, first, strlen(first)) == 0) {
                check_row(line, measured[i].name);
                rows[i]++;
            }
        }
    }
    assert_int_equal(fclose(file), 0);
    for (size_t i = 0; i < sizeof(measured) / sizeof(measured[0]); i++) {
        assert_int_equal(rows[i], 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wilson),
        cmocka_unit_test(test_ranking),
        cmocka_unit_test(test_agreement),
        cmocka_unit_test(test_before_softmax),
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_networks_of_the_tree),
        cmocka_unit_test(test_readme_and_cards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
