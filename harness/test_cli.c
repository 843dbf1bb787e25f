/* The whole program, in a process of its own, on a room whose configurations each go wrong in another way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "harness/cli.h"
#include "harness/results.h"
#include "harness/test_called.h"
#include "harness/test_fake.h"
#include "harness/test_file.h"
#include "harness/test_tree.h"

static char root[] = P_tmpdir "/bt_test_cli_XXXXXX";

static const struct {
    const char *path, *text;
} files[] = {
    {"suites/good.yaml", "name: good\nsummary: passes\nseed: 5\nengines: [ref, model, rtl, cycles]\n"
                         "shapes:\n  - {name: a, h: 4, w: 4, c_in: 3, c_out: 5}\n"
                         "  - {name: b, h: 4, w: 4, c_in: 5, c_out: 6, kernel: 3}\n"
                         "chains:\n  - {name: ab, layers: [shapes/a, shapes/b]}\n"
                         "runs:\n"
                         "  - shapes: [all]\n    chains: [all]\n    patterns: [uniform, min, ties, extreme_zp]\n"
                         "    stalls: [0, 30]\n"
                         "    variants:\n      - {name: fake, configs: [good]}\n"},
    {"suites/mixed.yaml", "name: mixed\nsummary: one fault each\nseed: 5\nengines: [ref, model, rtl, cycles]\n"
                          "runs:\n  - networks: [tiny]\n    variants:\n"
                          "      - {name: fake, configs: [good, flip, crash, late]}\n"},
    {"suites/formats.yaml", "name: formats\nsummary: int8 and int16\nseed: 5\nengines: [ref, model, rtl, cycles]\n"
                            "runs:\n  - networks: [tiny]\n    variants:\n"
                            "      - {name: fake, configs: [good, flip]}\n"
                            "  - networks: [tiny]\n    dtype: int16\n    variants:\n"
                            "      - {name: fake, configs: [good, flip]}\n"
                            "  - networks: [tiny]\n    sparsity: 50\n    structure: filter\n    variants:\n"
                            "      - {name: fake, configs: [good, flip]}\n"},
    {"suites/nobody.yaml", "name: nobody\nsummary: unknown variant\nseed: 5\nengines: [ref]\n"
                           "runs:\n  - networks: [tiny]\n    variants:\n      - {name: stranger, configs: [x]}\n"},
};

static int make_tree(void **state)
{
    (void)state;
    if (test_tree_enter(root) != 0) {
        return -1;
    }
    test_tree_fill();
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        test_file(files[i].path, files[i].text);
    }
    return 0;
}

static int remove_tree(void **state)
{
    (void)state;
    return test_tree_leave(root);
}

static void test_usage(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int status;
        const char *words; /* on stderr for errors, else on stdout */
    } cases[] = {
        {"", 2, "bittrue run"},
        {"--help", 0, "bittrue replay"},
        {"fly", 2, "no command 'fly'"},
        {"run --help", 0, "--shard I/N"},
        {"list --help", 0, "--layers"},
        {"predict --help", 0, "--network GLOBS"},
        {"replay --help", 0, "--wave FILE"},
        {"merge --help", 0, "--out DIR"},
        {"list --shard 1/2", 2, "list: unknown option '--shard'"},
        {"dataset --help", 0, "--sheet FILE"},
        {"dataset --help", 0, "mnist:FOLDER"},
        {"dataset", 2, "dataset: expected a data set"},
        {"dataset letters", 2, "data set 'letters': expected digits, shapes"},
        {"dataset digits shapes", 2, "dataset: unexpected argument 'shapes'"},
        {"dataset digits --split dev", 2, "--split 'dev': expected test, calibration or train"},
        {"dataset digits --count 0", 2, "--count '0': expected a whole number, 1 to 1000000"},
        {"dataset digits --size 28", 2, "--size '28': expected HxW, 1 to 8192 each"},
        {"dataset digits --size 0x28", 2, "--size '0x28': expected HxW"},
        {"dataset digits --size 28x28", 2, "28x28 asked for: expected 32x32"},
        {"dataset digits --out no/such/place", 2, "no/such/place: cannot be written"},
        {"dataset digits --sheet no/such/place", 2, "no/such/place: cannot be written"},
        {"dataset boxes:suites", 2, "suites: no pictures"},
        {"dataset digits --network x", 2, "dataset: unknown option '--network'"},
        {"compare --help", 0, "--out FILE"},
        {"compare --help", 0, "Exit status: 0 nothing got worse, 1 bits differ"},
        {"baseline --help", 0, "Exit status: 0 as recorded"},
        {"compare", 2, "compare: expected two sides, got 0"},
        {"compare suites", 2, "compare: expected two sides, got 1"},
        {"compare a b c", 2, "compare: unexpected argument 'c'"},
        {"compare suites suites", 2, "suites/results.json: No such file"},
        {"compare suites/good.yaml suites", 2, "suites/good.yaml:1: no results of bittrue"},
        {"compare 12 suites", 2, "compare: run 12: there is no results store none"},
        {"compare suites suites --network x", 2, "options of 'run' are for git revisions"},
        {"compare suites suites --wave x", 2, "compare: unknown option '--wave'"},
        {"baseline --help", 0, "1 not, or nothing is recorded"},
        {"baseline", 2, "baseline '': expected check or accept"},
        {"baseline update x", 2, "baseline 'update': expected check or accept"},
        {"baseline check", 2, "baseline check: expected results.json of one or several runs"},
        {"baseline accept x", 2, "baseline accept: expected --reason TEXT"},
        {"baseline accept x --reason=", 2, "baseline: --reason '': expected a value"},
        {"run --engine=", 2, "run: --engine '': expected a value"},
        {"compare suites suites --out=", 2, "compare: --out '': expected a value"},
        {"compare suites suites --out no/such/place", 2, "no/such/place: cannot be written"},
        {"baseline check x --reason y", 2, "expected no --reason, it is for accept"},
        {"baseline check x --tolerance 1", 2, "expected no --tolerance, it is for accept"},
        {"baseline accept x --tolerance -1", 2, "--tolerance '-1': expected percent, 0 to 100"},
        {"baseline check nowhere.json", 2, "nowhere.json: No such file"},
        {"compare suites nowhere", 2,
         "suites/../ci/run-revision: No such file or directory; revisions are compared within"},
        {"run --what", 2, "run: unknown option '--what'"},
        {"run --device fpga", 2, "--device 'fpga': expected rtl or model"},
        {"run --wait forever", 2, "--wait 'forever': expected interrupt, wfi or poll"},
        {"run --ref slow", 2, "--ref 'slow': expected fast or plain"},
        {"run --cpu-mips 0", 2, "--cpu-mips '0': expected a whole number, 1 to 10000"},
        {"run --images 0", 2, "--images '0': expected a whole number, 1 to 1000000"},
        {"run --soc nowhere.yaml", 2, "nowhere.yaml"},
        {"run --chained --suite suites/good.yaml", 2, "--chained and --suite exclude each other"},
        {"run --timeline no/such/place", 2, "--timeline is for whole networks"},
        {"run --prepared a --save-prepared b", 2, "--prepared and --save-prepared exclude each other"},
        {"run --save-prepared suites/good.yaml/x", 2, "--save-prepared 'suites/good.yaml/x'"},
        {"replay --chained", 2, "unknown option '--chained'"},
        {"run --seed", 2, "run: option '--seed' needs a value"},
        {"run here", 2, "run: unexpected argument 'here'"},
        {"run --executor cloud", 2, "--executor 'cloud': expected local or slurm"},
        {"run --executor slurm --tasks 0", 2, "--tasks '0': expected a whole number, 1 to 1000"},
        {"run --executor slurm --shard 1/2", 2, "run: --executor slurm makes shards of its own: expected no --shard"},
        {"run --executor slurm -j 2", 2, "runs one job at a time: expected --tasks, no --jobs"},
        {"run --executor slurm --spool no/such/place", 2, "spool folder 'no/such/place': No such file"},
        {"run --executor slurm --spool suites/good.yaml", 2, "spool folder "},
        {"run --tasks 2", 2, "run: --tasks is of --executor slurm: expected both"},
        {"run --spool .", 2, "run: --spool is of --executor slurm: expected both"},
        {"run --executor local --slurm-options x", 2, "run: --slurm-options is of --executor slurm: expected both"},
        {"run --shard 3/2", 2, "--shard '3/2': expected I/N"},
        {"run --shard 0/2", 2, "--shard '0/2': expected I/N"},
        {"run --durations x.json", 2, "--durations without --shard"},
        {"run --shard 1/2 --durations x.json", 2, "x.json: No such file or directory"},
        {"run --shard 1/2 --durations suites/good.yaml", 2, "suites/good.yaml:1: no results of bittrue"},
        {"run --shard 1", 2, "--shard '1': expected I/N"},
        {"run --stalls 96", 2, "'96': expected a whole number, 0 to 95"},
        {"run --seed -1", 2, "--seed '-1': expected a whole number"},
        {"run --seed 1x", 2, "'1x': expected a whole number"},
        {"run -j 0", 2, "'0': expected a whole number, 1 to 1024"},
        {"run --ref slow", 2, "--ref 'slow': expected fast or plain"},
        {"run --pattern stripes", 2, "no pattern 'stripes'"},
        {"run --engine magic", 2, "no engine matches 'magic'"},
        {"run --variant none", 2, "no variant matches 'none'"},
        {"run --network none", 2, "no network matches 'none'"},
        {"run --layer none", 2, "nothing selected: network *, layer none"},
        {"run --config none", 2, "nothing selected"},
        {"run --config good,none", 2, "configuration 'none' of 'good,none' selects nothing"},
        {"run --layer conv1,conv9,fc", 2, "layer 'conv9' of 'conv1,conv9,fc' selects nothing"},
        {"run --network tiny,huge", 2, "network 'huge' of 'tiny,huge' selects nothing"},
        {"run --variant strange,fake", 2, "variant 'strange' of 'strange,fake' selects nothing"},
        {"run --suite suites/good.yaml --network tiny", 2, "nothing selected"},
        {"run --suite absent.yaml", 2, "absent.yaml"},
        {"run --suite nobody", 2, "suites/nobody.yaml:8: no variant 'stranger'"},
        {"run --suite good --layer a --pattern uniform --stalls 0 --shard 2/2", 2, "shard 2/2 is empty"},
        {"replay --network tiny", 2, "replay runs one job, the selection has 27"},
        {"replay tiny:conv1:fake", 2, "expected NETWORK:LAYER:VARIANT:CONFIG"},
        {"run --dtype int4", 2, "--dtype 'int4': expected int8 or int16"},
        {"run --sparsity 100", 2, "--sparsity '100': expected a whole number, 0 to 99"},
        {"run --structure block", 2, "--structure 'block': expected random, filter or channel"},
        {"run --structure filter", 2, "structure filter without sparsity: expected both"},
        {"predict --structure channel --sparsity 0", 2, "structure channel without sparsity: expected both"},
        {"run --suite good --sparsity 50", 2, "nothing selected"},
        {"run --suite good --structure filter", 2, "nothing selected"},
        {"run --dtype int16 --chained", 2, "--chained --dtype int16: expected int8"},
        {"run --suite good --dtype int16", 2, "nothing selected"},
        {"replay tiny:conv1:fake:good:uniform:0:int4", 2, "expected NETWORK:LAYER:VARIANT:CONFIG"},
        {"replay tiny:conv1:fake:good:uniform:0:int8:100", 2, "expected NETWORK:LAYER:VARIANT:CONFIG"},
        {"replay tiny:conv1:fake:good:uniform:99", 2, "expected NETWORK:LAYER:VARIANT:CONFIG"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const int status = call(cases[i].line);
        if (status != cases[i].status) {
            fail_msg("'%s': status %d\n%s%s", cases[i].line, status, out, err);
        }
        holds(status == 0 ? out : err, cases[i].words);
        if (status == 2 && i > 0) {
            assert_int_equal(lines(err), 1);
        }
    }
}

static void test_pass(void **state)
{
    (void)state;
    assert_int_equal(call("run --suite suites/good.yaml -j 2 --out o/good"), 0);
    holds(out, "good: 33 passed, 0 failed, 0 skipped, 0 known errors");
    holds(out, "reports in o/good");
    json_t *json = results("o/good/results.json");
    const json_t *list = json_object_get(json, "results");
    assert_int_equal(json_array_size(list), 32); /* 2 shapes and a chain of 2, 4 patterns, 2 stalls */
    const json_t *first = json_array_get(list, 0);
    assert_string_equal(json_string_value(json_object_get(first, "network")), "shapes");
    assert_string_equal(json_string_value(json_object_get(first, "layer")), "a");
    assert_string_equal(json_string_value(json_object_get(first, "variant")), "fake");
    assert_string_equal(json_string_value(json_object_get(first, "config")), "good");
    assert_string_equal(json_string_value(json_object_get(first, "verdict")), "PASS");
    assert_int_equal(json_integer_value(json_object_get(first, "macs")), 240);
    assert_int_equal(json_integer_value(json_object_get(first, "rtl_cycles")), 70);
    assert_int_equal(json_integer_value(json_object_get(first, "predicted_cycles")), 70);
    assert_int_equal(json_integer_value(json_object_get(first, "roofline_cycles")), 61);
    assert_int_equal(json_integer_value(json_object_get(first, "error_cycles")), 0);
    assert_true(json_is_real(json_object_get(first, "error_percent")));
    assert_true(json_is_real(json_object_get(first, "utilisation")));
    assert_true(json_is_real(json_object_get(first, "rtl_seconds")));
    const json_t *engines = json_object_get(first, "engines");
    assert_string_equal(json_string_value(json_object_get(json_object_get(engines, "rtl"), "verdict")), "PASS");
    const json_t *term = json_object_get(json_object_get(first, "terms"), "overhead");
    assert_int_equal(json_integer_value(json_object_get(term, "predicted")), 10);
    assert_int_equal(json_integer_value(json_object_get(term, "measured")), 10);
    assert_int_equal(json_array_size(json_object_get(json, "gates")), 1);
    json_decref(json);
}

/* The same layer in two number formats, or pruned, is two jobs, and each one's replay is its own. */
static void test_kinds(void **state)
{
    (void)state;
    assert_int_equal(call("run --network tiny --config good --dtype int16 --out o/wide"), 0);
    json_t *json = results("o/wide/results.json");
    const json_t *first = json_array_get(json_object_get(json, "results"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "dtype")), "int16");
    assert_string_equal(json_string_value(json_object_get(first, "id")),
                        "tiny:conv1:fake:good:uniform:0:int16:0:random");
    json_decref(json);
    assert_int_equal(call("run --suite formats --config flip --out o/formats"), 1);
    holds(out, "--suite suites/formats.yaml --network 'tiny' --layer 'conv1' --variant fake --config flip --pattern "
               "uniform --stalls 0 --seed 5 --dtype int8 --sparsity 0\n");
    holds(out, "--seed 5 --dtype int16 --sparsity 0\n");
    holds(out, "--seed 5 --dtype int8 --sparsity 50 --structure filter\n");
    assert_int_equal(call("replay --suite formats --layer conv1 --config good"), 2);
    assert_int_equal(call("replay --suite formats --layer conv1 --config good --dtype int16"), 0);
    holds(out, "data      int16, pattern uniform, seed 5");
    assert_int_equal(call("replay --suite formats --layer conv1 --config good --sparsity 50"), 0);
    holds(out, "data      int8, 50 % zero (filter), pattern uniform, seed 5");
    assert_int_equal(call("run --network tiny --config good --sparsity 40 --structure channel --out o/wide"), 0);
    json = results("o/wide/results.json");
    first = json_array_get(json_object_get(json, "results"), 0);
    assert_int_equal(json_integer_value(json_object_get(first, "sparsity")), 40);
    assert_string_equal(json_string_value(json_object_get(first, "structure")), "channel");
    assert_string_equal(json_string_value(json_object_get(first, "id")),
                        "tiny:conv1:fake:good:uniform:0:int8:40:channel");
    json_decref(json);
    assert_int_equal(call("replay tiny:conv1:fake:good:uniform:0:int8:40:channel"), 0);
    holds(out, "data      int8, 40 % zero (channel), pattern uniform, seed 1");
    assert_int_equal(call("replay tiny:conv1:fake:good:uniform:0:int16"), 0);
    holds(out, "data      int16, pattern uniform, seed 1");
    assert_int_equal(call("predict --suite formats --config good"), 0);
    holds(out, "fake good tiny\n");
    holds(out, "fake good tiny, int16\n");
}

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        const char *config, *words;
    } cases[] = {
        {"flip", "rtl: 1 of 120 elements differ, first n 0 y 3 x 0 c 0: expected "},
        {"permute", "elements differ, first n 0 y 0 x 0 c "},
        {"hang", "rtl: timeout: not done after "},
        {"stuck", "timeout: killed after 1 s"},
        {"crash", "crash: worker ended by signal 9 (Killed)"},
        {"late", "cycles: cycles predicted 820, measured 821, error -1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char line[256];
        (void)snprintf(line, sizeof(line), "run --layer conv1 --config %s --timeout 1 --out o/fault", cases[i].config);
        assert_int_equal(call(line), 1);
        holds(out, cases[i].words);
        (void)snprintf(line, sizeof(line),
                       "replay: bittrue replay --network 'tiny' --layer 'conv1' --variant fake --config %s --pattern "
                       "uniform --stalls 0 --seed 1 --dtype int8 --sparsity 0\n",
                       cases[i].config);
        holds(out, line);
    }
}

static void test_others_survive(void **state)
{
    (void)state;
    assert_int_equal(call("run --suite mixed --out o/mixed"), 1);
    /* good: 3 and its gate; flip: its gate; late: no prediction holds and its gate fails. */
    holds(out, "mixed: 5 passed, 10 failed");
    slurp("o/mixed/junit.xml", out);
    holds(out, "<testsuite name=\"mixed\" tests=\"12\" failures=\"9\" errors=\"0\" skipped=\"0\"");
    holds(out, "<testsuite name=\"cycle gates\" tests=\"3\" failures=\"1\"");
    assert_int_equal(system("python3 -c 'import xml.dom.minidom as m; m.parse(\"o/mixed/junit.xml\")' 2>/dev/null || "
                            "! command -v python3 >/dev/null"),
                     0);
    slurp("o/mixed/results.csv", out);
    assert_int_equal(lines(out), 13);
    slurp("o/mixed/summary.md", out);
    holds(out, "| fake | good | 3 | 3 | 0.0000 |");
    holds(out, "| tiny | fake | good | 3 |");
}

static void test_nothing_ran(void **state)
{
    (void)state;
    assert_int_equal(call("run --config refuses --out o/none"), 1);
    holds(out, "3 skipped");
    holds(out, "FAIL: nothing ran");
}

/* ---- a core that is older than its RTL ---- */

static void set_time(const char *path, time_t seconds, long nanoseconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds, .tv_nsec = nanoseconds},
                                      {.tv_sec = seconds, .tv_nsec = nanoseconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_stale(void **state)
{
    (void)state;
    static const char core[] = "build/rtl/fake-good.so";
    static const char words[] =
        "bittrue: build/rtl/fake-good.so is older than b.sv and is taken as it was built; for a new "
        "one: make build/rtl/fake-good.so\n";
    static const char last[] = "bittrue: not the RTL as it is now: some cores are older, see above\n";
    assert_int_equal(mkdir("build/rtl/fake-good", 0777) | mkdir("build/rtl/fake-good/obj", 0777), 0);
    test_file("build/rtl/fake-good/obj/Vcore__ver.d", "x y  : gone.sv a.sv b.sv \n\na.sv:\nc.sv:\n");
    test_file("a.sv", "");
    test_file("b.sv", "");
    test_file("c.sv", "");
    set_time(core, 1000, 5);
    set_time("a.sv", 1000, 5);
    set_time("c.sv", 2000, 0); /* is no source of it */
    static const struct {
        time_t seconds;
        long nanoseconds;
        bool older;
    } cases[] = {{999, 9, false}, {1000, 5, false}, {1000, 6, true}, {1001, 0, true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_time("b.sv", cases[i].seconds, cases[i].nanoseconds);
        assert_int_equal(call("run --config good --engine ref,rtl --layer conv1 --out o/stale"), 0);
        assert_int_equal(strncmp(err, words, cases[i].older ? strlen(words) : 0), 0);
        assert_string_equal(err + (cases[i].older ? strlen(words) : 0), cases[i].older ? last : "");
        slurp("o/stale/results.json", out);
        holds(out, cases[i].older ? "\"dirty\":true" : "\"dirty\":false");
        assert_int_equal(call("run --config good --engine ref,model --out o/stale"), 0); /* without it */
        assert_string_equal(err, "");
        assert_int_equal(call("replay --config good --layer conv1"), 0);
        assert_string_equal(err, cases[i].older ? words : "");
    }
    assert_int_equal(system("rm -r build/rtl/fake-good a.sv b.sv c.sv"), 0);
}

/* ---- compare ---- */

/* In a results.json, the first `from` becomes `to`; the same length, so that nothing moves. */
static void edit(const char *path, const char *from, const char *to)
{
    static char text[TEXT_BYTES];
    slurp(path, text);
    char *at = strstr(text, from);
    assert_non_null(at);
    memcpy(at, to, strlen(to));
    test_file(path, text);
}

/* The result of `from` cycles took `cycles`, as predicted, with all that follows from it. */
static void edit_cycles(const char *path, uint64_t from, uint64_t cycles)
{
    struct bt_results file;
    struct bt_error why = {""};
    struct bt_gate *gates = NULL;
    uint32_t gate_count = 0;
    uint32_t at = 0;
    assert_int_equal(bt_results_read(path, &file, &why), BT_OK);
    while (at < file.count && file.records[at].rtl_cycles != from) {
        at++;
    }
    assert_true(at < file.count);
    struct bt_record *record = &file.records[at];
    record->rtl_cycles = cycles;
    record->predicted_cycles = cycles;
    record->predicted.item[0].value = cycles;
    record->utilisation = bt_record_utilisation(record);
    assert_int_equal(bt_report_gates(file.limits, file.limit_count, file.records, file.count, &gates, &gate_count),
                     BT_OK);
    const struct bt_report report = bt_results_report(&file, gates, gate_count);
    FILE *written = fopen(path, "w");
    assert_non_null(written);
    assert_true(bt_report_json(&report, written));
    assert_int_equal(fclose(written), 0);
    free(gates);
    bt_results_free(&file);
}

static void test_compare(void **state)
{
    (void)state;
    assert_int_equal(call("run --config good --seed 3 --out o/left"), 0);
    assert_int_equal(call("run --config good --seed 3 --out o/right"), 0);
    assert_int_equal(call("compare o/left o/right/results.json --out o/same.md"), 0);
    holds(out, "Nothing got worse: 3 results have the same bits. Cycles: 0 results are slower, 0 faster.");
    slurp("o/same.md", out);
    holds(out, "**Nothing got worse: 3 results have the same bits.**");
    /* one cycle more, which decides nothing; then other bits */
    edit_cycles("o/right/results.json", 820, 821);
    test_file("o/left/area.json",
              "{\"areas\": [{\"variant\": \"fake\", \"config\": \"good\", \"um2\": 200, \"cells\": 1}]}");
    test_file("o/right/area.json",
              "{\"areas\": [{\"variant\": \"fake\", \"config\": \"good\", \"um2\": 201, \"cells\": 1}]}");
    assert_int_equal(call("compare o/left o/right"), 0);
    holds(out, "Cycles: 1 result is slower, 0 faster.");
    holds(out, "200    201  +0.500\n");
    json_t *json = results("o/right/results.json");
    const json_t *engines = json_object_get(json_array_get(json_object_get(json, "results"), 0), "engines");
    static const char *const hashed[] = {"ref", "model", "rtl"};
    for (size_t i = 0; i < sizeof(hashed) / sizeof(hashed[0]); i++) {
        json_t *engine = json_object_get(engines, hashed[i]);
        assert_int_equal(json_object_set_new(engine, "hash", json_string("0123456789abcdef")), 0);
    }
    assert_int_equal(json_dump_file(json, "o/right/results.json", 0), 0);
    json_decref(json);
    assert_int_equal(call("compare o/left o/right --out o/worse.md"), 1);
    holds(out, "Other bits in 1 of 3 results, 0 verdicts are worse.");
    holds(out, "bits (ref, model, rtl)");
    slurp("o/worse.md", out);
    holds(out, "| bits (ref, model, rtl) | tiny | conv1 | fake | good | uniform | 820 | 821 | +0.122 |");
    /* a verdict */
    assert_int_equal(call("run --suite mixed --config late --out o/late"), 1);
    assert_int_equal(call("run --suite mixed --config good --out o/good"), 0);
    assert_int_equal(call("compare o/good o/late"), 2);
    holds(err, "compare: no result of o/good is in o/late: expected some of the same layers");
    /* what cannot be compared, or written */
    assert_int_equal(call("run --config good --seed 4 --out o/other"), 0);
    assert_int_equal(call("compare o/left o/other"), 2);
    holds(err, "seed 3 in o/left, 4 in o/other: expected the same data");
    test_file("o/other/area.json", "[]");
    assert_int_equal(call("compare o/other o/other"), 2);
    holds(err, "o/other/area.json: 'areas': expected an array");
    assert_int_equal(lines(err), 1);
    assert_int_equal(call("compare o/left o/left --out o/nowhere/x.md"), 2);
    holds(err, "o/nowhere/x.md: cannot be written: No such file or directory");
    assert_int_equal(call("compare o/left o/left --out o"), 2);
    holds(err, "o: cannot be replaced: expected a file");
    assert_int_equal(finish(start(FULL_STDOUT, "compare o/left o/left")), 2);
}

/* Revisions are run by a script; this one stands in for it: it notes what it was told, and hands over what is there. */
static void test_compare_revisions(void **state)
{
    (void)state;
    assert_int_equal(call("run --config good --seed 3 --out o/left"), 0);
    assert_int_equal(mkdir("ci", 0777), 0);
    test_file("ci/run-revision",
              "#!/bin/sh\necho \"$#:$*\" >>told\n"
              "case $1 in bad) echo 'bad: no' >&2; exit 2;; hang) [ $# = 1 ] || { "
              "trap 'echo removed >>told; exit 130' TERM; echo here >>told; while :; do sleep 0.05; done; } ;; esac\n"
              "[ $# = 1 ] || { mkdir -p $2; cp o/left/results.json $2; }\n");
    assert_int_equal(chmod("ci/run-revision", 0777), 0);
    assert_int_equal(call("compare one --network tiny o/left --config 'good' --out o/x.md"), 0);
    holds(out, "A: one: suite run, 3 results");
    holds(out, "B: o/left: suite run, 3 results");
    slurp("told", out);
    char expected[512];
    char *here = realpath(".", NULL);
    (void)snprintf(expected, sizeof(expected),
                   "1:one\n8:one %s/build/out/compare/a %s/build  --network tiny --config good\n", here, here);
    assert_string_equal(out, expected);
    free(here);
    /* both are looked at before either is run */
    assert_int_equal(unlink("told"), 0);
    assert_int_equal(call("compare . bad"), 2);
    holds(err, "bad: no");
    slurp("told", out);
    assert_string_equal(out, "1:.\n1:bad\n");
    /* stopped: the script is told, and waited for */
    assert_int_equal(unlink("told"), 0);
    const pid_t pid = start(NORMAL, "compare hang o/left");
    struct stat info;
    for (bool ready = false; !ready;) {
        (void)usleep(10000);
        if (stat("told", &info) == 0) {
            slurp("told", out);
            ready = strstr(out, "here\n") != NULL;
        }
    }
    assert_int_equal(call("compare next o/left"), 2);
    assert_string_equal(
        err, "bittrue: build/compare.lock: another compare of revisions is running: expected one at a time\n");
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(finish(pid), 130);
    slurp("told", out);
    holds(out, "removed\n");
    assert_int_equal(system("rm -r ci told"), 0);
}

/* ---- baseline ---- */

static void test_baseline(void **state)
{
    (void)state;
    const char *const file = "golden/baselines/fake.json";
    assert_int_equal(call("run --config good --out o/all"), 0);
    assert_int_equal(call("run --config good --layer conv1,conv2 --out o/part"), 0);
    assert_int_equal(call("run --config good,flip --out o/bad"), 1);
    assert_int_equal(call("run --config good --shard 1/2 --out o/shard"), 0);
    assert_int_equal(call("baseline check o/all/results.json"), 1);
    holds(out, "FAIL baseline: none in suites/../golden/baselines; make baseline REASON='...' records it");
    /* what failed is not accepted; and what is, is held */
    assert_int_equal(call("baseline accept o/bad/results.json --reason x"), 2);
    holds(err, "baseline: 3 results or cycle gates failed: expected none to accept");
    assert_int_equal(access("golden", F_OK), -1);
    assert_int_equal(call("baseline accept o/part/results.json --reason first"), 0);
    holds(out, "accepted in suites/../golden/baselines: 0 results held, 2 without a baseline");
    assert_int_equal(call("baseline check o/part/results.json"), 0);
    holds(out, "PASS baseline: 2 results held\n");
    assert_int_equal(call("baseline accept o/part/results.json --reason again"), 0);
    holds(out, "nothing to accept");
    /* a layer more has no baseline */
    assert_int_equal(call("baseline check o/all/results.json"), 1);
    holds(out, "FAIL tiny:fc:fake:good:uniform:0:int8:0:random: has no baseline");
    assert_int_equal(call("baseline check o/all/results.json --partial"), 0);
    assert_int_equal(call("baseline accept o/all/results.json --reason=one\tmore --tolerance 1.5"), 0);
    assert_int_equal(call("baseline check o/part/results.json"), 1);
    holds(out, "FAIL tiny:fc:fake:good:uniform:0:int8:0:random: is recorded and did not run");
    assert_int_equal(call("baseline check o/part/results.json --partial"), 0);
    assert_int_equal(call("baseline check o/bad/results.json --partial"), 1);
    holds(out, "FAIL 3 results or cycle gates of these runs failed\n");
    assert_int_equal(call("baseline check o/shard/results.json"), 2);
    holds(err, "o/shard/results.json: is shard 1 of 2: expected the whole, or --partial");
    assert_int_equal(call("baseline check o/shard/results.json --partial"), 0);
    assert_int_equal(call("baseline check o/shard/results.json o/part/results.json --partial"), 0);
    /* a part of which nothing is recorded holds nothing */
    assert_int_equal(call("run --suite good --seed 1 --out o/others"), 0);
    assert_int_equal(call("baseline check o/others/results.json --partial"), 1);
    holds(out, "FAIL baseline: 0 results held");
    slurp("golden/baselines/REASONS.md", out);
    assert_int_equal(strncmp(out, "# Why the baselines changed\n", 28), 0);
    holds(out, "\n\nfirst\n\nAgainst the last: 0 results held, 2 without a baseline. Now: fake 2 results.\n\n## ");
    holds(out, "\n\none more\n\nAgainst the last: 2 results held, 1 without a baseline. Now: fake 3 results.\n");
    slurp(file, out);
    holds(out, "\"tolerance_percent\": 1.5,\n");
    /* cycles: within the tolerance, beyond it */
    edit_cycles("o/all/results.json", 820, 825);
    assert_int_equal(call("baseline check o/all/results.json"), 0);
    holds(out, "825 cycles, recorded 820, allowed 1.5 % more");
    edit_cycles("o/all/results.json", 825, 835);
    assert_int_equal(call("baseline check o/all/results.json"), 1);
    holds(out, "FAIL tiny:conv1:fake:good:uniform:0:int8:0:random: 835 cycles, recorded 820, allowed 1.5 % more\n");
    edit("o/all/results.json", "\"schema\": 2", "\"schema\": 9");
    assert_int_equal(call("baseline check o/all/results.json"), 2);
    holds(err, "results of schema 9");
    assert_int_equal(lines(err), 1);
}

/* Nothing is changed by an acceptance that does not go through; edits by hand and exemptions do not go through. */
static void test_baseline_refused(void **state)
{
    (void)state;
    const char *const file = "golden/baselines/fake.json";
    static char before[TEXT_BYTES], after[TEXT_BYTES];
    assert_int_equal(call("run --config good --out o/whole"), 0);
    assert_int_equal(call("baseline accept o/whole/results.json --reason base --partial --tolerance 0"), 0);
    slurp(file, before);
    edit_cycles("o/whole/results.json", 820, 819);
    char long_text[3000]; /* of the files only the last is too large */
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    test_file("golden/baselines/REASONS.md", long_text);
    assert_int_equal(finish(start(SMALL_FILES, "baseline accept o/whole/results.json --reason disk")), 2);
    holds(err, "golden/baselines/REASONS.md: cannot be written: File too large; nothing was changed");
    slurp(file, after);
    assert_string_equal(after, before);
    assert_int_equal(system("test $(ls -A golden/baselines | wc -l) = 2"), 0); /* no temporary file */
    /* an exemption */
    const char *const yaml = "suites/variants/fake.yaml";
    slurp(yaml, after);
    char *text = strdup(after);
    char *at = strstr(after, "exemptions: []\n");
    const size_t head = (size_t)(at - after);
    char *more = malloc(strlen(text) + 200);
    (void)sprintf(more, "%.*sexemptions: [{network: tiny, layer: fc, config: good, error_percent: 2}]\n%s", (int)head,
                  text, text + head + strlen("exemptions: []\n"));
    test_file(yaml, more);
    assert_int_equal(call("baseline check o/whole/results.json"), 1);
    holds(out, "FAIL exemption of tiny fc on fake good: 2 %, recorded 0 %; it may only shrink");
    assert_int_equal(call("baseline accept o/whole/results.json --reason please"), 2);
    holds(err, "baseline: an exemption is new or larger: they may only shrink");
    test_file(yaml, text);
    free(more);
    free(text);
    slurp(file, after);
    assert_string_equal(after, before);
    /* an engine that compares no more */
    assert_int_equal(call("run --config good --engine ref,rtl --out o/few"), 0);
    assert_int_equal(call("baseline check o/few/results.json"), 1);
    holds(out, "model does not run any more");
    /* by hand */
    edit(file, "820,820,", "821,821,");
    assert_int_equal(call("baseline check o/whole/results.json"), 2);
    holds(err, "golden/baselines/fake.json: the checksum is not that of the content: it was edited by hand or merged");
    assert_int_equal(call("baseline accept o/whole/results.json --reason x"), 2);
    edit(file, "821,821,", "820,820,");
    assert_int_equal(call("baseline check o/whole/results.json"), 0);
    holds(out, "819 cycles, recorded 820");
    assert_int_equal(unlink(file), 0);
    assert_int_equal(call("baseline check o/whole/results.json"), 1);
    holds(out, "FAIL baseline: none in suites/../golden/baselines");
    assert_int_equal(system("rm -r golden"), 0);
}

static void test_missing_core(void **state)
{
    (void)state;
    assert_int_equal(rename("build/rtl/fake-good.so", "build/rtl/away"), 0);
    const int status = call("run --config good --layer fc --out o/missing");
    assert_int_equal(rename("build/rtl/away", "build/rtl/fake-good.so"), 0);
    assert_int_equal(status, 1);
    holds(out, "no simulated core build/rtl/fake-good.so; build it with: make build/rtl/fake-good.so");
}

/* A run's results, without times. */
static char *stable_results(const char *path)
{
    json_t *json = results(path);
    json_t *list = json_object_get(json, "results");
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one)
    {
        const char *key;
        json_t *engine;
        json_object_foreach(json_object_get(one, "engines"), key, engine)
        {
            (void)json_object_del(engine, "seconds");
        }
        (void)json_object_del(one, "rtl_seconds");
    }
    char *text = json_dumps(list, JSON_SORT_KEYS);
    json_decref(json);
    return text;
}

static void test_order_and_seed(void **state)
{
    (void)state;
    assert_int_equal(call("run --suite good -j 1 --out o/one"), 0);
    assert_int_equal(call("run --suite good -j 5 --out o/five"), 0);
    assert_int_equal(call("run --suite good --seed 6 --out o/six"), 0);
    char *one = stable_results("o/one/results.json");
    char *five = stable_results("o/five/results.json");
    char *six = stable_results("o/six/results.json");
    assert_string_equal(one, five);
    assert_string_not_equal(one, six);
    free(one);
    free(five);
    free(six);
}

/* A head, without what every run has of its own. */
static char *stable_head(const char *path)
{
    json_t *json = results(path);
    json_t *run = json_object_get(json, "run");
    static const char *const own[] = {"seconds", "command", "time"};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        assert_int_equal(json_object_del(run, own[i]), 0);
    }
    char *head = json_dumps(run, JSON_SORT_KEYS);
    json_decref(json);
    return head;
}

/* A verdict that fails, a worker that crashes and gates are in it. */
static void test_shards(void **state)
{
    (void)state;
    static const struct {
        const char *suite;
        int status;
        const char *durations;
    } cases[] = {{"good", 0, ""}, {"good", 0, "--durations o/whole/results.json"}, {"mixed", 1, ""}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char line[256];
        size_t total = 0;
        (void)snprintf(line, sizeof(line), "run --suite %s --out o/whole", cases[i].suite);
        assert_int_equal(call(line), cases[i].status);
        for (int shard = 1; shard <= 3; shard++) {
            char path[64];
            (void)snprintf(line, sizeof(line), "run --suite %s --shard %d/3 --out o/s%d %s", cases[i].suite, shard,
                           shard, cases[i].durations);
            assert_in_range(call(line), 0, cases[i].status);
            (void)snprintf(path, sizeof(path), "o/s%d/results.json", shard);
            json_t *json = results(path);
            total += json_array_size(json_object_get(json, "results"));
            json_decref(json);
        }
        assert_int_equal(call("merge o/s3/results.json o/s1/results.json o/s2/results.json --out o/merged"),
                         cases[i].status);
        holds(out, "; reports in o/merged\n");
        char *whole = stable_results("o/whole/results.json");
        char *merged = stable_results("o/merged/results.json");
        assert_string_equal(merged, whole);
        free(whole);
        free(merged);
        whole = stable_head("o/whole/results.json");
        merged = stable_head("o/merged/results.json");
        assert_string_equal(merged, whole);
        free(whole);
        free(merged);
        json_t *json = results("o/merged/results.json");
        assert_int_equal(json_array_size(json_object_get(json, "results")), total);
        json_decref(json);
    }
    /* Durations that are not the same for all give other shards. */
    json_t *json = results("o/whole/results.json");
    size_t index;
    json_t *one;
    json_array_foreach(json_object_get(json, "results"), index, one)
    {
        const char *key;
        json_t *engine;
        json_object_foreach(json_object_get(one, "engines"), key, engine)
        {
            assert_int_equal(json_object_set_new(engine, "seconds", json_real(1.0)), 0); /* all are alike */
        }
    }
    assert_int_equal(json_dump_file(json, "o/alike.json", 0), 0);
    json_decref(json);
    assert_int_equal(call("run --suite mixed --shard 2/3 --out o/s2 --durations o/alike.json"), 1);
    assert_int_equal(call("merge o/s1/results.json o/s2/results.json o/s3/results.json --out o/no"), 2);
    holds(err, "/results.json: job ");
    static const char *const others[] = {"--pattern min", "--ref plain", "--engine model"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        char line[256];
        (void)snprintf(line, sizeof(line), "run --suite mixed --shard 2/3 --out o/s2 %s", others[i]);
        assert_in_range(call(line), 0, 1);
        assert_int_equal(call("merge o/s1/results.json o/s2/results.json o/s3/results.json --out o/no"), 2);
        holds(err, "another selection or other options");
    }
    assert_int_equal(call("run --suite good --shard 2/3 --layer a,b --out o/s2"), 0);
    static const struct {
        const char *line, *words;
    } refused[] = {
        {"merge", "nothing to merge: expected the results.json of every shard"},
        {"merge o/s1/results.json o/s3/results.json --out o/no", "shard 2/3 is missing"},
        {"merge o/s1/results.json o/s2/results.json o/s3/results.json --out o/no", "o/s2/results.json: suite 'good'"},
        {"merge o/s1/results.csv --out o/no", "o/s1/results.csv:1: no results of bittrue"},
        {"merge o/whole/results.json --out /proc/nowhere", "/proc/nowhere: cannot make the folder"},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_int_equal(call(refused[i].line), 2);
        holds(err, refused[i].words);
        assert_int_equal(lines(err), 1);
        assert_int_equal(access("o/no", F_OK), -1);
    }
}

static unsigned entries(const char *command)
{
    char text[32] = "";
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(text, sizeof(text), pipe));
    (void)pclose(pipe);
    return (unsigned)strtoul(text, NULL, 10);
}

/* ---- Slurm, as scripts: tasks run while they are submitted, and are forgotten as they end ---- */

static void program(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(name, 0755), 0);
}

static const char sbatch[] =
    "#!/bin/sh\n"
    "while [ $# -gt 2 ]; do\n"
    "    case $1 in --array) list=$2 ;; --output) log=$2 ;; --chdir) cd \"$2\" ;; esac\n"
    "    shift\n"
    "done\n"
    "echo \"$list attempt $2\" >>submitted\n"
    "for range in $(echo \"$list\" | tr , ' '); do\n"
    "    for task in $(seq \"${range%-*}\" \"${range#*-}\"); do\n"
    "        [ ! -e \"die-$task\" ] || continue\n"
    "        SLURM_ARRAY_TASK_ID=$task sh \"$1\" \"$2\" >>\"$(echo \"$log\" | sed \"s/%a/$task/\")\" 2>&1\n"
    "    done\n"
    "done\n"
    "echo 7\n";

static void test_slurm(void **state)
{
    (void)state;
    char old[4096];
    char path[4200];
    struct stat info;
    (void)snprintf(old, sizeof(old), "%s", getenv("PATH"));
    (void)snprintf(path, sizeof(path), "%s/slurm:%.4000s", root, old);
    assert_int_equal(mkdir("slurm", 0777), 0);
    program("slurm/sbatch", sbatch);
    program("slurm/squeue", "#!/bin/sh\n");
    program("slurm/scancel", "#!/bin/sh\n");
    assert_int_equal(setenv("PATH", path, 1), 0);

    assert_int_equal(call("run --suite mixed --out o/here"), 1);
    char *here = stable_results("o/here/results.json");
    char *here_head = stable_head("o/here/results.json");
    assert_int_equal(call("run --suite mixed --executor slurm --tasks 5 --out o/there"), 1);
    char *there = stable_results("o/there/results.json");
    char *there_head = stable_head("o/there/results.json");
    assert_string_equal(there, here);
    assert_string_equal(there_head, here_head);
    assert_int_equal(stat("build/slurm", &info), -1);
    free(there);
    free(there_head);

    /* Shards by what that took: the tasks must make the same ones. */
    assert_int_equal(call("run --suite mixed --executor slurm --tasks 3 --durations o/here/results.json --out o/there"),
                     1);
    there = stable_results("o/there/results.json");
    assert_string_equal(there, here);
    free(there);
    free(here);
    free(here_head);

    /* Nothing of this task arrives: its layers fail, the others are as they were. */
    program("die-2", "");
    (void)unlink("submitted");
    assert_int_equal(call("run --suite good --executor slurm --tasks 4 --out o/lost --spool ."), 1);
    holds(err, "task 2 lost, attempt 3 of 3: ");
    holds(err, "what the tasks left is kept in ");
    slurp("submitted", out);
    assert_string_equal(out, "1-4 attempt 1\n2 attempt 2\n2 attempt 3\n");
    json_t *json = results("o/lost/results.json");
    json_t *one;
    size_t i;
    size_t lost = 0;
    json_array_foreach(json_object_get(json, "results"), i, one)
    {
        const char *reason = json_string_value(json_object_get(one, "reason"));
        if (strcmp(json_string_value(json_object_get(one, "verdict")), "PASS") != 0) {
            lost++;
            holds(reason, "task lost 3 times: see ");
            holds(reason, "/2.log");
        }
    }
    json_decref(json);
    assert_int_equal(call("run --suite good --shard 2/4 --out o/part"), 0);
    json = results("o/part/results.json");
    assert_int_equal(lost, json_array_size(json_object_get(json, "results")));
    json_decref(json);

    /* Without Slurm. */
    assert_int_equal(setenv("PATH", root, 1), 0);
    assert_int_equal(call("run --suite good --executor slurm --out o/nowhere"), 2);
    assert_string_equal(err, "bittrue: sbatch: not found on PATH\n");
    assert_int_equal(stat("build/slurm", &info), -1);
    assert_int_equal(stat("o/nowhere", &info), -1);
    assert_int_equal(setenv("PATH", old, 1), 0);
}

static void test_full_disk(void **state)
{
    (void)state;
    assert_int_equal(call("run --config good --out o/full"), 0);
    slurp("o/full/results.csv", out);
    char before[TEXT_BYTES];
    memcpy(before, out, sizeof(before));
    const int status = finish(start(SMALL_FILES, "run --config good --seed 9 --out o/full"));
    assert_int_equal(status, 2);
    holds(err, "bittrue: o/full/results.json: cannot be written: File too large; nothing was changed\n");
    assert_int_equal(lines(err), 1);
    slurp("o/full/results.csv", out);
    assert_string_equal(out, before);
    assert_int_equal(entries("ls -A o/full | wc -l"), 5);

    assert_int_equal(call("run --config good --out /proc/nowhere"), 2);
    holds(err, "bittrue: /proc/nowhere: cannot make the folder");

    const pid_t pid = start(FULL_STDOUT, "list");
    int raw = 0;
    assert_int_equal(waitpid(pid, &raw, 0), pid);
    assert_int_equal(WEXITSTATUS(raw), 2);
    slurp("stderr", err);
    holds(err, "standard output cannot be written: No space left on device");
}

/* What a script that calls the program may rely on; 130 is test_interrupt's. */
static void test_exit_status(void **state)
{
    (void)state;
    static const struct {
        const char *what, *line;
        int status;
    } cases[] = {
        {"all passed", "run --config good --out o/e0", BT_EXIT_PASS},
        {"a shard of it", "run --config good --shard 1/2 --out o/e3", BT_EXIT_PASS},
        {"merged", "merge o/e0/results.json --out o/e1", BT_EXIT_PASS},
        {"help", "merge --help", BT_EXIT_PASS},
        {"wrong bits", "run --config flip --out o/e1", BT_EXIT_FAIL},
        {"the same, merged", "merge o/e1/results.json --out o/e2", BT_EXIT_FAIL},
        {"wrong cycles, a gate", "run --config late --out o/e1", BT_EXIT_FAIL},
        {"a crash", "run --config crash --out o/e1", BT_EXIT_FAIL},
        {"nothing ran", "run --config refuses --out o/e1", BT_EXIT_FAIL},
        {"the same, merged", "merge o/e1/results.json --out o/e2", BT_EXIT_FAIL},
        {"no command", "", BT_EXIT_ERROR},
        {"unknown option", "run --what", BT_EXIT_ERROR},
        {"nothing selected", "run --layer none", BT_EXIT_ERROR},
        {"no such file", "run --suite absent.yaml", BT_EXIT_ERROR},
        {"a missing shard", "merge o/e3/results.json", BT_EXIT_ERROR},
        {"no such file to merge", "merge absent.json", BT_EXIT_ERROR},
        {"nowhere to write", "run --config good --out /proc/nowhere", BT_EXIT_ERROR},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const int status = call(cases[i].line);
        if (status != cases[i].status) {
            fail_msg("%s: status %d, expected %d\n%s", cases[i].what, status, cases[i].status, err);
        }
    }
    assert_int_equal(call("run --help"), 0);
    holds(out,
          "Exit status: 0 all passed, 1 a verdict failed or nothing ran, 2 usage, input or output error,\n130 stopped");
}

static void test_github(void **state)
{
    (void)state;
    (void)unlink("step.md");
    assert_int_equal(call("run --config flip --out o/github"), 1);
    assert_null(strstr(out, "::error"));
    assert_int_equal(access("step.md", F_OK), -1);
    assert_int_equal(finish(start(ON_GITHUB, "run --config flip,late --out o/github")), 1);
    holds(out, "\n::error title=cycle gate of fake late::largest cycle error ");
    holds(out, "\n::error title=tiny conv1 on fake flip::rtl: 1 of 120 elements differ");
    holds(out, "%0Areplay: bittrue replay --network 'tiny'");
    assert_int_equal(finish(start(ON_GITHUB, "merge o/github/results.json --out o/merged")), 1);
    holds(out, "\n::error title=tiny conv1 on fake flip::rtl: 1 of 120 elements differ");
    char summary[TEXT_BYTES];
    slurp("o/github/summary.md", summary);
    slurp("step.md", out);
    const size_t length = strlen(summary);
    assert_int_equal(strlen(out), 2 * length); /* of the run and of the merged one: the same but for the time */
    assert_memory_equal(out, summary, length);
    assert_string_equal(out + length, summary);
    assert_int_equal(unlink("step.md"), 0);
    assert_int_equal(mkdir("step.md", 0777), 0);
    assert_int_equal(finish(start(ON_GITHUB, "run --config good --out o/github")), 2);
    holds(err, "bittrue: GITHUB_STEP_SUMMARY 'step.md': Is a directory\n");
    assert_int_equal(lines(err), 1);
    assert_int_equal(rmdir("step.md"), 0);
}

static void pause_ms(long ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

/* Process ids of the children of a process, as the kernel lists them. */
static unsigned children_of(pid_t pid, pid_t *children, unsigned most)
{
    char path[64];
    unsigned count = 0;
    int child = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return 0;
    }
    while (count < most && fscanf(file, "%d", &child) == 1) {
        children[count++] = child;
    }
    assert_int_equal(fclose(file), 0);
    return count;
}

static void test_interrupt(void **state)
{
    (void)state;
    const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < 3; i++) {
        const pid_t pid = start(NORMAL, "run --config stuck -j 3 --out o/interrupted");
        pid_t children[8];
        unsigned count = 0;
        for (int tries = 0; tries < 500 && count < 3; tries++) {
            pause_ms(10);
            count = children_of(pid, children, 8);
        }
        assert_int_equal(count, 3);
        assert_int_equal(kill(pid, signals[i]), 0);
        assert_int_equal(finish(pid), 130);
        holds(err, "bittrue: stopped by signal ");
        for (unsigned c = 0; c < count; c++) {
            assert_int_equal(kill(children[c], 0), -1);
        }
        assert_int_equal(access("o/interrupted", F_OK), -1);
    }
}

static void test_list(void **state)
{
    (void)state;
    assert_int_equal(call("list"), 0);
    holds(out, "tiny                      3         1136           7020");
    holds(out, "fake: the reference operator behind a register");
    assert_int_equal(call("list --layers"), 0);
    holds(out, "conv2");
}

static uint32_t word(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void test_dataset(void **state)
{
    (void)state;
    static unsigned char raw[1 << 16];
    assert_int_equal(call("dataset shapes --count 20"), 0);
    holds(out, "shapes (generated, test split): 20 pictures of 32x32x3, 10 classes\n");
    holds(out, "star                        2\n");
    assert_int_equal(call("dataset scenes --split train --count 2 --out raw --sheet sheet.ppm"), 0);
    assert_string_equal(out, "");
    FILE *file = fopen("raw", "rb");
    assert_non_null(file);
    const size_t bytes = fread(raw, 1, sizeof(raw), file);
    assert_int_equal(fclose(file), 0);
    assert_memory_equal(raw, "BTDATA1\n", 8);
    const uint32_t header[] = {1, 2, 96, 96, 3, 4, 26};
    for (size_t i = 0; i < sizeof(header) / sizeof(header[0]); i++) {
        assert_int_equal(word(raw + 8 + 4 * i), header[i]);
    }
    assert_memory_equal(raw + 36, "disc\nsquare\ntriangle\nstar\n", 26);
    size_t at = 36 + 26;
    for (int i = 0; i < 2; i++) {
        at += (size_t)96 * 96 * 3;
        const uint32_t boxes = word(raw + at);
        assert_true(boxes >= 1 && boxes <= 6 && word(raw + at + 4 + 16) < 4);
        at += 4 + 20 * (size_t)boxes;
    }
    assert_int_equal(at, bytes);
    file = fopen("sheet.ppm", "rb");
    assert_non_null(file);
    char first[16] = "";
    assert_non_null(fgets(first, sizeof(first), file));
    assert_non_null(fgets(first, sizeof(first), file));
    assert_string_equal(first, "196 98\n");
    assert_int_equal(fclose(file), 0);
}

static void test_predict(void **state)
{
    (void)state;
    assert_int_equal(call("predict --config good"), 0);
    holds(out, "conv1");
    holds(out, "        820");
    holds(out, "3 layers predicted in ");
    assert_int_equal(call("predict --suite good"), 0);
    assert_int_equal(call("predict --config refuses"), 1);
    holds(out, "0 layers predicted in ");
    holds(out, "FAIL: nothing could be predicted");
    assert_int_equal(call("predict --config good,refuses"), 0);
}

static void test_replay(void **state)
{
    (void)state;
    assert_int_equal(call("replay tiny:conv1:fake:good"), 0);
    holds(out, "PASS");
    assert_int_equal(call("replay tiny:conv1:fake:flip:uniform:0"), 1);
    holds(out, "rtl: 1 of 120 elements differ, first n 0 y 3 x 0 c 0: expected ");
    holds(out, " in tile 3\n  replay: bittrue replay ");
    assert_string_equal(err, "");
    holds(out, "for a waveform of this design: make build/rtl/fake-flip-trace.so");
    FILE *file = fopen("build/rtl/fake-flip-trace.so", "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(call("replay tiny:conv1:fake:flip --wave w.fst"), 1);
    holds(out, "waveform  w.fst, cycles 12 to 1320"); /* written between cycles 512 and 820 */
    assert_int_equal(access("w.fst", F_OK), 0);
    assert_int_equal(
        call("replay --suite good --network shapes --layer ab/b --variant fake --config good --pattern ties "
             "--stalls 30"),
        0);
    holds(out, "ab/a");
    holds(out, "ab/b");
}

/* The results alone, times included. */
static char *all_results(const char *path)
{
    json_t *json = results(path);
    char *text = json_dumps(json_object_get(json, "results"), JSON_SORT_KEYS);
    json_decref(json);
    return text;
}

static void append(const char *path, const char *text)
{
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* What is unchanged is not run again; what changed is, and what failed. */
static void test_store(void **state)
{
    (void)state;
    static const struct {
        const char *file, *text; /* appended before the run */
        const char *line;
        int status;
        const char *words; /* on stdout; NULL: every job ran */
    } cases[] = {
        {NULL, NULL, "run --suite mixed --store s.db --out o/a", 1, NULL},
        {NULL, NULL, "run --suite mixed --store s.db --out o/b", 1, "; 3 of 12 jobs are unchanged"},
        {NULL, NULL, "run --suite mixed --config good --store s.db --out o/c", 0, "; 3 of 3 jobs are unchanged"},
        {NULL, NULL, "run --suite mixed --config good --store s.db --out o/c --force", 0, NULL},
        {NULL, NULL, "run --suite mixed --config good --store s.db --out o/c --seed 6", 0, NULL},
        {NULL, NULL, "run --suite mixed --config good --store s.db --out o/c --ref plain", 0, NULL},
        {NULL, NULL, "run --suite mixed --config good --store s.db --out o/c --engine ref,rtl", 0, NULL},
        {NULL, NULL, "run --suite mixed --config good --store s.db --out o/c", 0, "; 3 of 3 jobs are unchanged"},
        /* the same jobs, chosen otherwise */
        {NULL, NULL, "run --network tiny --config good --seed 5 --engine ref,model,rtl,cycles --store s.db --out o/c",
         0, "; 3 of 3 jobs are unchanged"},
        {"build/rtl/fake-flip.so", "x", "run --suite mixed --config good --store s.db --out o/c", 0,
         "; 3 of 3 jobs are unchanged"},
        {"build/rtl/fake-good.so", "x", "run --suite mixed --config good --store s.db --out o/c", 0, NULL},
        {"suites/variants/fake.yaml", "# x\n", "run --suite mixed --config good --store s.db --out o/c", 0, NULL},
        {"suites/networks/tiny.yaml", "# x\n", "run --suite mixed --config good --store s.db --out o/c", 0,
         "; 3 of 3 jobs are unchanged"}, /* the layers are the same */
        {"suites/networks/tiny.yaml", "# x\n", "run --chained --network tiny --config good --store s.db --out o/c", 0,
         NULL},
        {NULL, NULL, "run --chained --network tiny --config good --store s.db --out o/c", 0,
         "; 1 of 1 jobs are unchanged"},
        {"suites/networks/tiny.yaml", "# x\n", "run --chained --network tiny --config good --store s.db --out o/c", 0,
         NULL},
        {NULL, NULL, "run --suite mixed --config good --store none --out o/c", 0, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (cases[i].file != NULL) {
            append(cases[i].file, cases[i].text);
        }
        if (call(cases[i].line) != cases[i].status) {
            fail_msg("case %zu, %s: not status %d\n%s%s", i, cases[i].line, cases[i].status, out, err);
        }
        if (cases[i].words != NULL && strstr(out, cases[i].words) == NULL) {
            fail_msg("case %zu, %s: lacks %s\n%s", i, cases[i].line, cases[i].words, out);
        }
        if (cases[i].words == NULL && strstr(out, "unchanged") != NULL) {
            fail_msg("case %zu, %s: not everything ran\n%s", i, cases[i].line, out);
        }
    }
    char *first = all_results("o/a/results.json");
    char *second = all_results("o/b/results.json");
    json_t *a = json_loads(first, 0, NULL);
    json_t *b = json_loads(second, 0, NULL);
    unsigned same = 0;
    for (size_t i = 0; i < json_array_size(a); i++) {
        const json_t *config = json_object_get(json_array_get(a, i), "config");
        const bool good = strcmp(json_string_value(config), "good") == 0;
        same += good && json_equal(json_array_get(a, i), json_array_get(b, i)) != 0 ? 1 : 0;
    }
    assert_int_equal(same, 3); /* to the last digit of their times */
    json_decref(a);
    json_decref(b);
    free(first);
    free(second);
}

static void test_store_refused(void **state)
{
    (void)state;
    assert_int_equal(call("run --config good --store t.db --out o/t"), 0);
    holds(out, "\nstored as run 1\n");
    assert_int_equal(truncate("t.db", 5000), 0);
    assert_int_equal(call("run --config good --store t.db --out o/t"), 0);
    holds(err, "bittrue: results store: t.db: ");
    holds(err, "; set aside as t.db.damaged-1, results begin anew\n");
    assert_null(strstr(out, "unchanged"));
    assert_int_equal(call("run --config good --store t.db --out o/t"), 0);
    holds(out, "3 of 3 jobs are unchanged");
    assert_string_equal(err, "");

    assert_int_equal(call("run --config good --store /proc/t.db --out o/t2"), 2); /* asked for */
    holds(err, "bittrue: /proc/t.db: ");
    assert_int_equal(lines(err), 1);
    assert_int_equal(access("o/t2", F_OK), -1);
    assert_int_equal(setenv("BITTRUE_STORE", "/proc/t.db", 1), 0);
    assert_int_equal(call("run --config good --out o/t2"), 0);
    holds(err, "bittrue: results store: /proc/t.db: ");
    assert_int_equal(access("o/t2/results.json", F_OK), 0);
    assert_int_equal(setenv("BITTRUE_STORE", "none", 1), 0);
}

/* What has nothing to be compared with is a SKIP, stored and read back like every other. */
static void test_nothing_to_compare(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        (void)call("run --config good --engine ref,cycles --store few.db --out o/few");
        assert_null(strstr(err, "set aside"));
        assert_null(strstr(out, "set aside"));
    }
    assert_int_equal(call("compare o/few o/few"), 0);
    assert_int_equal(call("history --store few.db"), 0);
    assert_int_equal(lines(out), 2);
}

static void test_history(void **state)
{
    (void)state;
    static const struct {
        const char *line, *words;
    } cases[] = {
        {"history", "bittrue: history: no results store: 'bittrue run' makes one\n"},
        {"history --store none.db", "bittrue: history: no results store none.db: 'bittrue run' makes one\n"},
        {"history --store h.db --layer none",
         "no stored result of network *, layer none, variant *, configuration *\n"},
        {"history --store h.db more", "unexpected argument 'more'"},
    };
    assert_int_equal(call("run --config good,late --engine ref,rtl,cycles --store h.db --out o/h"), 1);
    assert_int_equal(call("run --config good --engine ref,rtl --force --store h.db --out o/h"), 0);
    assert_int_equal(call("history --store h.db"), 0);
    holds(out, "\n    1  ");
    holds(out, "\n    2  ");
    assert_int_equal(call("history --store h.db --layer conv1 --json"), 0);
    json_t *json = json_loads(out, 0, NULL);
    assert_non_null(json);
    const json_t *list = json_object_get(json, "results");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "id")),
                        "tiny:conv1:fake:good:uniform:0:int8:0:random");
    /* the second run has the same cycles: one point, of the first */
    assert_int_equal(json_array_size(json_object_get(json_array_get(list, 0), "points")), 1);
    json_decref(json);
    assert_int_equal(call("history --store h.db --json"), 0);
    json = json_loads(out, 0, NULL);
    assert_non_null(json);
    assert_int_equal(json_array_size(json_object_get(json, "runs")), 2);
    json_decref(json);
    if (call("compare 1 2 --store h.db --partial") != 0) {
        fail_msg("%s%s", out, err);
    }
    assert_int_equal(call("compare 1 2 --store h.db"),
                     1); /* half of it did not run, and of the rest no prediction was judged */
    holds(out, ", 6 did not run in B.");
    holds(out, "did not run (cycles)  tiny     conv1  fake     good");
    holds(out, "A: 1: suite run, 6 results");
    if (call("compare 2 o/h --store h.db") != 0) { /* a stored run and a folder */
        fail_msg("%s%s", out, err);
    }
    assert_int_equal(call("compare 1 7 --store h.db"), 2);
    holds(err, "bittrue: h.db: no run 7; 'bittrue history' lists them\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(call(cases[i].line), 2);
        holds(err, cases[i].words);
        assert_int_equal(lines(err), 1);
    }
}

/* With arguments it is the program: a task of test_slurm(). */
int main(int argc, char **argv)
{
    if (argc > 1) {
        return bt_cli_main(argc, argv);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_pass),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_others_survive),
        cmocka_unit_test(test_nothing_ran),
        cmocka_unit_test(test_missing_core),
        cmocka_unit_test(test_order_and_seed),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_dataset),
        cmocka_unit_test(test_predict),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_store),
        cmocka_unit_test(test_store_refused),
        cmocka_unit_test(test_nothing_to_compare),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_slurm),
        cmocka_unit_test(test_exit_status),
        cmocka_unit_test(test_github),
        cmocka_unit_test(test_baseline),
        cmocka_unit_test(test_baseline_refused),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_compare_revisions),
    };
    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
