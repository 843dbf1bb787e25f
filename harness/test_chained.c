/*
 * Firmware engines on real parts: os_array's C model behind its registers, its firmware, the ISS. What goes wrong with the
 * accelerator must be said by the engine that sees it. Uses build/firmware/os_array.elf, build/firmware/pooled.elf and
 * build/rtl/os_array-4x4.so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/chained.h"
#include "harness/engine.h"
#include "harness/layer_pool.h"
#include "harness/sim.h"
#include "harness/tests/pooled/pooled.h"
#include "harness/timeline.h"
#include "reference/common/bt_conv2d.h"

enum { MAX_RECORDS = 64 };

/* ---- a device with faults ---- */

enum fault { GOOD, FLIP, LATE, NEVER, ERROR, IGNORED, VIOLATION, SILENT };

static const struct bt_sim_api *sound; /* the variant's own device */
static enum fault fault;
static uint64_t window; /* where the ofmap lies */
static bool flipped;
static uint64_t window_bytes;
static unsigned clears, runs; /* since make() */
static unsigned sound_runs;   /* FLIP leaves so many alone */

static struct bt_sim *broken_open(const struct bt_config *config, uint8_t *dram, const char *wave)
{
    return sound->open(config, dram, wave);
}

static bool broken_write(struct bt_sim *sim, uint32_t offset, uint32_t value)
{
    const bool desc = offset == 0x018; /* DESC_ADDR */
    const bool start = offset == 0x008;
    if (fault == SILENT && start) {
        return true; /* never started */
    }
    return sound->reg_write(sim, offset, (fault == ERROR || fault == IGNORED) && desc ? value + 64 : value);
}

/* Firmware that ignores the error sees STATUS without its code. */
static bool broken_read(struct bt_sim *sim, uint32_t offset, uint32_t *value)
{
    const bool ok = sound->reg_read(sim, offset, value);
    if (fault == IGNORED && offset == 0x00c) { /* STATUS */
        *value &= 0xff;
    }
    return ok;
}

static void broken_window(struct bt_sim *sim, uint64_t addr, uint64_t bytes)
{
    window = addr;
    window_bytes = bytes;
    flipped = runs++ < sound_runs;
    sound->allow_write(sim, fault == VIOLATION ? addr + 64 : addr, bytes);
}

static void broken_clear(struct bt_sim *sim)
{
    clears++;
    sound->clear_windows(sim);
}

static enum bt_event broken_run(struct bt_sim *sim, uint64_t max_cycles)
{
    if (fault == NEVER) {
        return BT_EVENT_BUDGET;
    }
    const enum bt_event event = sound->run(sim, max_cycles);
    if (fault == FLIP && event == BT_EVENT_IRQ && !flipped) {
        sound->dram(sim)[window] ^= 0x10;
        flipped = true;
    }
    return event;
}

static void broken_stats(const struct bt_sim *sim, struct bt_sim_stats *stats)
{
    sound->stats(sim, stats);
    stats->start_to_done += fault == LATE && stats->start_to_done != 0 ? 1 : 0;
    if (fault == NEVER) {
        stats->done = false;
        stats->running = true;
    }
}

static struct bt_sim_api broken_api;
static struct bt_variant broken;

/* ---- a job ---- */

struct bench {
    struct bt_soc_map map;
    struct bt_engine_options options;
    struct bt_plan plan;
    struct bt_record records[MAX_RECORDS];
};

static struct bench bench;

static const char *suites = "suites";

static void make(const char *network, const char *layer, bool chained, const char *engines)
{
    struct bt_error err = {""};
    const struct bt_selection selection = {.suites_dir = suites,
                                           .network = network,
                                           .layer = layer,
                                           .variant = "os_array",
                                           .config = "4x4",
                                           .engine = engines,
                                           .chained = chained};
    memset(&bench, 0, sizeof(bench));
    clears = runs = sound_runs = 0;
    if (bt_soc_map_load("suites/soc.yaml", &bench.map, &err) != BT_OK ||
        bt_plan_make(&selection, &bench.plan, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(bench.plan.count, 1);
    assert_true(bench.plan.records <= MAX_RECORDS);
    bench.options = (struct bt_engine_options){
        .build_dir = "build", .soc = &bench.map, .device = BT_DEVICE_MODEL, .data_dir = "no-such-folder"};
    bench.plan.jobs[0].config.mem.dram_bytes = UINT64_C(64) << 20;
    if (sound == NULL) {
        broken = *bench.plan.jobs[0].variant;
        sound = broken.device;
        broken_api = *sound;
        broken_api.open = broken_open;
        broken_api.reg_write = broken_write;
        broken_api.reg_read = broken_read;
        broken_api.allow_write = broken_window;
        broken_api.clear_windows = broken_clear;
        broken_api.run = broken_run;
        broken_api.stats = broken_stats;
        broken.device = &broken_api;
    }
    bench.plan.jobs[0].variant = &broken;
}

static void run(void)
{
    assert_int_equal(bt_engine_run(&bench.plan.jobs[0], &bench.options, bench.records), BT_OK);
}

static void finish(void)
{
    bt_plan_free(&bench.plan);
    fault = GOOD;
}

static const struct bt_engine_result *result(uint32_t record, enum bt_engine engine)
{
    return &bench.records[record].engine[engine];
}

static void passed(void)
{
    for (uint32_t i = 0; i < bench.plan.records; i++) {
        if (bench.records[i].verdict != BT_PASS) {
            fail_msg("%s: %s", bench.records[i].layer, bench.records[i].reason);
        }
    }
}

/* ---- one layer ---- */

static void test_layer(void **state)
{
    (void)state;
    static const enum bt_wait waits[] = {BT_WAIT_INTERRUPT, BT_WAIT_WFI, BT_WAIT_POLL};
    uint64_t instructions[3] = {0};
    for (size_t i = 0; i < 3; i++) {
        make("lenet5", "c3", false, NULL);
        bench.options.wait = waits[i];
        run();
        passed();
        for (enum bt_engine e = BT_ENGINE_MODEL; e < BT_ENGINE_COUNT; e++) {
            assert_int_equal(result(0, e)->verdict, BT_PASS);
        }
        assert_true(result(0, BT_ENGINE_REF)->hash == result(0, BT_ENGINE_ISS_SW)->hash);
        assert_true(result(0, BT_ENGINE_REF)->hash == result(0, BT_ENGINE_ISS_ACCEL)->hash);
        const struct bt_soc_result *sw = &result(0, BT_ENGINE_ISS_SW)->soc;
        const struct bt_soc_result *accel = &result(0, BT_ENGINE_ISS_ACCEL)->soc;
        assert_true(sw->instructions > bench.records[0].macs);
        assert_int_equal(sw->accel_cycles, 0);
        assert_true(accel->soc_cycles - accel->cpu_cycles - accel->wait_cycles <= 1);
        assert_int_equal(accel->accel_cycles, bench.records[0].rtl_cycles);
        assert_true(accel->overlap_cycles <= accel->accel_cycles);
        assert_true(accel->copied_bytes > 0);
        assert_int_equal(accel->interrupts, waits[i] == BT_WAIT_INTERRUPT ? 1 : 0);
        assert_int_equal(sw->interrupts, 0);
        /* The driver's windows reach the accelerator: the old ones lapse, the ofmap may be written and no more. */
        assert_true(clears > 0);
        assert_int_equal(runs, 1);
        assert_int_equal(window_bytes, 10 * 10 * 16);
        const uint64_t reads = 16 * bt_counters_get(&bench.records[0].measured, "read_beats", 0);
        assert_true(accel->accel_bytes > reads && accel->accel_bytes <= reads + window_bytes);
        instructions[i] = accel->instructions;
        finish();
    }
    assert_true(instructions[2] > instructions[1]); /* polling is work */
}

/* The clock of the CPU is nobody's bits. */
static void test_speed_of_the_cpu(void **state)
{
    (void)state;
    uint64_t cycles[2] = {0};
    for (uint32_t i = 0; i < 2; i++) {
        make("lenet5", "f6", false, "ref,iss:sw");
        bench.options.cpu_mips = i == 0 ? 10 : 1000;
        run();
        passed();
        cycles[i] = result(0, BT_ENGINE_ISS_SW)->soc.soc_cycles;
        finish();
    }
    assert_true(cycles[0] / 100 <= cycles[1] + 1 && cycles[1] <= cycles[0] / 100 + 1);
}

/* What the accelerator does wrong, and the words that must be said. */
static const struct {
    enum fault fault;
    const char *words;
} faults[] = {
    {FLIP, "iss:accel: 1 of 1600 elements differ, first n 0 y 0 x 0 c 0"},
    {LATE, "cycles under the firmware"},
    {NEVER, "iss:accel: step 3 of the firmware"},
    {SILENT, "iss:accel: "},
    {ERROR, "error code of the array"},
    {IGNORED, "iss:accel: 1600 of 1600 elements differ"},
    {VIOLATION, "window"},
};

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        make("lenet5", "c3", false, "ref,rtl,cycles,iss:accel");
        fault = faults[i].fault;
        run();
        const struct bt_record *record = &bench.records[0];
        if (record->verdict != BT_FAIL) {
            fail_msg("fault %d passes", (int)faults[i].fault);
        }
        assert_int_equal(result(0, BT_ENGINE_ISS_ACCEL)->verdict, BT_FAIL);
        assert_int_equal(result(0, BT_ENGINE_RTL)->verdict, BT_PASS); /* it is the core that is sound */
        if (strstr(record->reason, faults[i].words) == NULL) {
            fail_msg("fault %d: \"%s\" lacks \"%s\"", (int)faults[i].fault, record->reason, faults[i].words);
        }
        finish();
    }
}

/* An accelerator that is never done is given up, however the firmware waits. */
static void test_given_up(void **state)
{
    (void)state;
    static const enum bt_wait waits[] = {BT_WAIT_INTERRUPT, BT_WAIT_WFI, BT_WAIT_POLL};
    for (size_t i = 0; i < 3; i++) {
        make("lenet5", "output", false, "ref,cycles,iss:accel");
        bench.options.wait = waits[i];
        fault = NEVER;
        run();
        assert_int_equal(result(0, BT_ENGINE_ISS_ACCEL)->verdict, BT_FAIL);
        assert_non_null(strstr(bench.records[0].reason, "step 3 of the firmware"));
        const uint64_t limit = bt_engine_cycle_limit(bench.records[0].predicted_cycles, 0);
        const uint64_t took = result(0, BT_ENGINE_ISS_ACCEL)->soc.soc_cycles;
        assert_true(took > limit && took < limit + 1000000);
        finish();
    }
}

/* ---- folders of a test ---- */

static char folder[64];

static void make_folder(void)
{
    (void)snprintf(folder, sizeof(folder), "%s", P_tmpdir "/bt_test_chained_XXXXXX");
    assert_non_null(mkdtemp(folder));
}

static const char *in_folder(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void make_file(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* A link to something of the tree that the test runs in. */
static void make_link(const char *name, const char *target)
{
    char here[4096];
    char path[4200];
    assert_non_null(getcwd(here, sizeof(here)));
    (void)snprintf(path, sizeof(path), "%s/%s", here, target);
    assert_int_equal(symlink(path, in_folder(name)), 0);
}

/* What is named, in this order, and the folder itself: nothing else may be in it. */
static void remove_folder(const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(remove(in_folder(names[i])), 0);
    }
    assert_int_equal(rmdir(folder), 0);
}

/* Any other program under the firmware's name: what it says at its end counts. */
static void test_other_program(void **state)
{
    (void)state;
    static const char *const names[] = {"firmware/os_array.elf", "firmware"};
    make_folder();
    assert_int_equal(mkdir(in_folder("firmware"), 0777), 0);
    make_link("firmware/os_array.elf", "build/tests/soc/rv32im_register.elf");
    make("lenet5", "output", false, "ref,iss:sw");
    bench.options.build_dir = folder;
    run();
    assert_int_equal(result(0, BT_ENGINE_ISS_SW)->verdict, BT_FAIL);
    assert_non_null(strstr(bench.records[0].reason, "the firmware ended with code 0, its program unfinished"));
    finish();
    remove_folder(names, 2);
}

static void test_missing_parts(void **state)
{
    (void)state;
    make("lenet5", "output", false, "ref,iss:sw,iss:accel");
    bench.options.build_dir = "no-such-build";
    run();
    assert_int_equal(bench.records[0].verdict, BT_FAIL);
    assert_non_null(strstr(bench.records[0].reason, "no firmware no-such-build/firmware/os_array.elf"));
    finish();

    make("lenet5", "output", false, "ref,iss:accel");
    broken.device = NULL;
    run();
    assert_int_equal(bench.records[0].verdict, BT_SKIP);
    assert_non_null(strstr(bench.records[0].reason, "no C model behind its registers"));
    broken.device = &broken_api;
    finish();

    make("lenet5", "output", false, "ref,iss:sw");
    bench.options.soc = NULL;
    run();
    assert_int_equal(bench.records[0].verdict, BT_SKIP);
    finish();
}

/* ---- whole networks ---- */

static void test_whole(void **state)
{
    (void)state;
    make("lenet5", NULL, true, NULL);
    run();
    passed();
    assert_int_equal(bench.plan.records, 8);
    assert_string_equal(bench.records[0].layer, "chained/c1");
    assert_non_null(strstr(bench.records[7].note, "weights seed 1, since no-such-folder/lenet/"));
    uint64_t accel = 0;
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(result(i, BT_ENGINE_ISS_SW)->verdict, BT_PASS);
        assert_int_equal(result(i, BT_ENGINE_ISS_ACCEL)->verdict, BT_PASS);
        assert_true(result(i, BT_ENGINE_REF)->hash == result(i, BT_ENGINE_ISS_ACCEL)->hash);
        assert_true(result(i, BT_ENGINE_ISS_SW)->soc.instructions > 0);
        accel += result(i, BT_ENGINE_ISS_ACCEL)->soc.accel_cycles;
        /* The RTL's counters say how many beats there were; the last of a row may carry fewer bytes. */
        const uint64_t reads = 16 * bt_counters_get(&bench.records[i].measured, "read_beats", 0);
        const uint64_t writes = 16 * bt_counters_get(&bench.records[i].measured, "write_beats", 0);
        const uint64_t bytes = result(i, BT_ENGINE_ISS_ACCEL)->soc.accel_bytes;
        assert_true(bytes >= reads && bytes <= reads + writes);
    }
    assert_true(result(2, BT_ENGINE_MODEL)->ran);
    assert_true(result(2, BT_ENGINE_ISS_SW)->soc.instructions > bench.records[2].macs); /* c3 */
    assert_true(result(7, BT_ENGINE_ISS_SW)->soc.instructions < 20000);                 /* softmax of ten */
    /* Pools are the CPU's, and so is the time they take. */
    assert_int_equal(result(1, BT_ENGINE_RTL)->verdict, BT_SKIP);
    assert_int_equal(result(1, BT_ENGINE_ISS_ACCEL)->soc.accel_cycles, 0);
    assert_true(accel > 0);
    finish();
}

/* The first wrong tensor is named, with its element. */
static void test_whole_faults(void **state)
{
    (void)state;
    make("lenet5", NULL, true, "ref,iss:accel");
    fault = FLIP;
    run();
    assert_int_equal(bench.records[0].verdict, BT_FAIL);
    assert_non_null(strstr(bench.records[0].reason, "iss:accel: 1 of 4704 elements differ"));
    assert_non_null(strstr(bench.records[0].reason, "(picture 0)"));
    finish();

    make("lenet5", NULL, true, "ref,iss:sw,iss:accel");
    fault = NEVER;
    run();
    assert_int_equal(result(0, BT_ENGINE_ISS_SW)->verdict, BT_PASS);
    assert_int_equal(result(0, BT_ENGINE_ISS_ACCEL)->verdict, BT_FAIL);
    finish();
}

/* Every picture is compared, and each is another one. */
static void test_pictures(void **state)
{
    (void)state;
    uint64_t hash[2] = {0};
    for (uint32_t images = 1; images <= 2; images++) {
        make("lenet5", NULL, true, "ref,iss:accel");
        bench.options.images = images;
        run();
        passed();
        hash[images - 1] = result(7, BT_ENGINE_REF)->hash; /* of the last picture */
        assert_true((result(7, BT_ENGINE_ISS_ACCEL)->soc.next_cycles != 0) == (images == 2));
        finish();
    }
    assert_true(hash[0] != hash[1]);

    /* What was right until another layer went wrong keeps its PASS only if that was the last picture. */
    for (uint32_t images = 2; images <= 3; images++) {
        make("lenet5", NULL, true, "ref,iss:accel");
        bench.options.images = images;
        fault = FLIP;
        sound_runs = 9; /* five layers of one picture, and four of the next: the last goes wrong */
        run();
        assert_int_equal(bench.records[6].verdict, BT_FAIL);
        assert_non_null(strstr(bench.records[6].reason, "(picture 1)"));
        assert_null(strstr(bench.records[6].reason, "its input was wrong"));
        for (uint32_t i = 0; i < 6; i++) {
            const struct bt_record *record = &bench.records[i];
            if (images == 2) {
                assert_int_equal(record->verdict, BT_PASS);
            } else {
                assert_int_equal(record->verdict, BT_SKIP);
                assert_int_equal(result(i, BT_ENGINE_ISS_ACCEL)->verdict, BT_SKIP);
                assert_string_equal(record->reason,
                                    "iss:accel: right until another layer went wrong, then not run any more");
            }
        }
        finish();
    }

    /* Another engine that goes on keeps the record's PASS. */
    make("lenet5", NULL, true, "ref,iss:sw,iss:accel");
    bench.options.images = 3;
    fault = FLIP;
    sound_runs = 5;
    run();
    assert_null(strstr(bench.records[0].reason, "its input was wrong"));
    assert_non_null(strstr(bench.records[1].reason, "; its input was wrong already (picture 1)"));
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_not_equal(result(i, BT_ENGINE_ISS_ACCEL)->verdict, BT_PASS);
        assert_int_equal(result(i, BT_ENGINE_ISS_SW)->verdict, BT_PASS);
        assert_int_equal(bench.records[i].verdict,
                         result(i, BT_ENGINE_ISS_ACCEL)->verdict == BT_FAIL ? BT_FAIL : BT_PASS);
    }
    finish();
}

/* Without random stalls the accelerator takes the same cycles under the firmware as without it. */
static void test_whole_late(void **state)
{
    (void)state;
    make("lenet5", NULL, true, "ref,rtl,iss:accel");
    fault = LATE;
    run();
    assert_int_equal(result(0, BT_ENGINE_ISS_ACCEL)->verdict, BT_FAIL);
    assert_non_null(strstr(bench.records[0].reason, "cycles under the firmware"));
    finish();
}

static enum bt_status wrong_model(const struct bt_config *config, const void *plan, const struct bt_layer *layers,
                                  const struct bt_layer_data *data, const struct bt_blob *aux, void *ofmap,
                                  struct bt_blob *profile)
{
    (void)config;
    (void)plan;
    (void)layers;
    (void)data;
    (void)aux;
    (void)profile;
    *(int8_t *)ofmap = 1;
    return BT_OK;
}

static void test_whole_model(void **state)
{
    (void)state;
    make("lenet5", NULL, true, "ref,model");
    broken.model = wrong_model;
    run();
    broken.model = bt_variant_find("os_array")->model;
    assert_int_equal(result(0, BT_ENGINE_MODEL)->verdict, BT_FAIL);
    finish();
}

/* A network with every operator, branches that can wait, and one layer that reads two. */
static const char zoo[] = "name: zoo\nsource: here\nlicence: none needed\ninput: {h: 12, w: 10, c: 5}\nlayers:\n"
                          "  - {name: a, op: conv, c_out: 16, kernel: 3, pad: 1, act: relu}\n"
                          "  - {name: b, op: conv, c_out: 16, kernel: 3, pad: 1, act: silu, in: [a]}\n"
                          "  - {name: c, op: maxpool, kernel: 3, stride: 1, pad: 1, in: [a]}\n"
                          "  - {name: d, op: add, in: [c, b], act: silu}\n"
                          "  - {name: e, op: slice, from: 3, c_out: 9, in: [d]}\n"
                          "  - {name: f, op: concat, in: [e, a, b]}\n"
                          "  - {name: g, op: conv, c_out: 7, kernel: 1, in: [f], act: leaky}\n"
                          "  - {name: h, op: avgpool, kernel: 2, stride: 2, in: [g]}\n"
                          "  - {name: i, op: upsample, scale: 2, in: [h]}\n"
                          "  - {name: j, op: mul, in: [g, i]}\n"
                          "  - {name: k, op: conv, c_out: 8, kernel: 3, stride: 2, groups: 1, in: [j], act: tanh}\n"
                          "  - {name: l, op: global_avgpool, in: [k]}\n"
                          "  - {name: m, op: fc, c_out: 11, in: [l]}\n"
                          "  - {name: n, op: softmax, in: [m]}\n";

static void test_zoo(void **state)
{
    (void)state;
    static const char *const names[] = {"variants", "networks/zoo.yaml", "networks"};
    make_folder();
    assert_int_equal(mkdir(in_folder("networks"), 0777), 0);
    make_file("networks/zoo.yaml", zoo);
    make_link("variants", "suites/variants");
    suites = folder;
    make("zoo", NULL, true, NULL);
    bench.options.images = 2;
    run();
    passed();
    for (uint32_t i = 0; i < bench.plan.records; i++) {
        assert_int_equal(result(i, BT_ENGINE_ISS_SW)->verdict, BT_PASS);
        assert_int_equal(result(i, BT_ENGINE_ISS_ACCEL)->verdict, BT_PASS);
    }
    finish();
    suites = "suites";
    remove_folder(names, 3);
}

/* ---- pooling on write-back ---- */

static struct bt_variant pooling;

static const char *const pooled_names[] = {
    "firmware/pooled.elf", "rtl/pooled-4x4.so", "networks/net.yaml", "firmware", "rtl", "networks", "variants"};

/* A system whose accelerator pools: os_array's core and device below the test's own room. */
static void make_pooling(const char *network)
{
    make_folder();
    assert_int_equal(mkdir(in_folder("networks"), 0777), 0);
    assert_int_equal(mkdir(in_folder("firmware"), 0777), 0);
    assert_int_equal(mkdir(in_folder("rtl"), 0777), 0);
    make_file("networks/net.yaml", network);
    make_link("variants", "suites/variants");
    make_link("firmware/pooled.elf", "build/firmware/pooled.elf");
    make_link("rtl/pooled-4x4.so", "build/rtl/os_array-4x4.so");
    suites = folder;
}

static void finish_pooling(void)
{
    remove_folder(pooled_names, sizeof(pooled_names) / sizeof(pooled_names[0]));
    suites = "suites";
    pooled_fault = POOLED_GOOD;
}

static void plug_pooling(void)
{
    pooling = pooled_variant;
    pooling.device = &broken_api;
    bench.plan.jobs[0].variant = &pooling;
    bench.options.build_dir = folder;
}

static const struct bt_record *record_of(const char *layer)
{
    for (uint32_t i = 0; i < bench.plan.records; i++) {
        if (strcmp(strrchr(bench.records[i].layer, '/') + 1, layer) == 0) {
            return &bench.records[i];
        }
    }
    fail_msg("no record of %s", layer);
    return NULL;
}

/*
 * One pool for the next convolution, one for the CPU too, one whose input somebody else reads, one of a sum, two of one
 * convolution, one that takes the average, one at the end.
 */
static const char pools[] = "name: net\nsource: here\nlicence: none needed\ninput: {h: 13, w: 11, c: 5}\nlayers:\n"
                            "  - {name: a, op: conv, c_out: 18, kernel: 3, pad: 1, act: relu}\n"
                            "  - {name: pa, op: maxpool, kernel: 3, stride: 2, pad: 1}\n"
                            "  - {name: b, op: conv, c_out: 8, kernel: 1, act: silu}\n"
                            "  - {name: pb, op: maxpool, kernel: 2, stride: 1}\n"
                            "  - {name: c, op: conv, c_out: 8, kernel: 3, pad: 1}\n"
                            "  - {name: pc, op: maxpool, kernel: 3, stride: 1, pad: 1}\n"
                            "  - {name: d, op: add, in: [c, pb]}\n"
                            "  - {name: e, op: add, in: [d, pc]}\n"
                            "  - {name: pe, op: maxpool, kernel: 1x2, stride: 1}\n"
                            "  - {name: g, op: conv, c_out: 6, kernel: 3, pad: 1}\n"
                            "  - {name: pg, op: maxpool, kernel: 3, stride: 1, pad: 1}\n"
                            "  - {name: qg, op: maxpool, kernel: 1, in: [g]}\n"
                            "  - {name: h, op: add, in: [pg, qg]}\n"
                            "  - {name: i, op: conv, c_out: 5, kernel: 1}\n"
                            "  - {name: pi, op: avgpool, kernel: 3, stride: 1, pad: 1}\n"
                            "  - {name: f, op: conv, c_out: 7, kernel: 3, pad: 1}\n"
                            "  - {name: pf, op: maxpool, kernel: 6x4}\n";

static const char *const fused[][2] = {{"a", "pa"}, {"b", "pb"}, {"f", "pf"}};

static void test_fused(void **state)
{
    (void)state;
    uint64_t hashes[MAX_RECORDS] = {0};
    make_pooling(pools);
    make("net", NULL, true, NULL);
    plug_pooling();
    bench.options.images = 2;
    run();
    passed();
    for (uint32_t i = 0; i < bench.plan.records; i++) {
        hashes[i] = result(i, BT_ENGINE_REF)->hash;
    }
    for (size_t i = 0; i < sizeof(fused) / sizeof(fused[0]); i++) {
        const struct bt_record *conv = record_of(fused[i][0]);
        const struct bt_record *pool = record_of(fused[i][1]);
        char words[64];
        (void)snprintf(words, sizeof(words), "max-pooled on write-back as %s:", fused[i][1]);
        assert_non_null(strstr(conv->note, words));
        for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
            assert_int_equal(conv->engine[e].verdict, BT_PASS);
            /* The pool's tensor is compared where it is made, and by itself on the CPU. */
            const bool own = e == BT_ENGINE_REF || e == BT_ENGINE_ISS_SW;
            assert_int_equal(pool->engine[e].verdict, own ? BT_PASS : BT_SKIP);
            assert_true(own || e == BT_ENGINE_CYCLES || conv->engine[e].hash == pool->engine[BT_ENGINE_REF].hash);
            assert_true(!own || conv->engine[e].hash != pool->engine[e].hash);
        }
        assert_true(conv->engine[BT_ENGINE_ISS_SW].hash == conv->engine[BT_ENGINE_REF].hash);
        assert_true(pool->engine[BT_ENGINE_ISS_SW].hash == pool->engine[BT_ENGINE_REF].hash);
        assert_true(conv->rtl_cycles != 0 && conv->rtl_cycles == conv->predicted_cycles);
        assert_true(conv->macs != 0 && pool->macs == 0);
        assert_int_equal(pool->rtl_cycles, 0);
        assert_int_equal(pool->engine[BT_ENGINE_ISS_ACCEL].soc.accel_cycles, 0);
    }
    /* c and g are read by two, e is no convolution: pooled by the CPU. */
    static const char *const alone[] = {"pc", "pe", "pg", "qg", "pi"};
    for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
        assert_int_equal(record_of(alone[i])->engine[BT_ENGINE_ISS_ACCEL].verdict, BT_PASS);
        assert_true(record_of(alone[i])->engine[BT_ENGINE_ISS_ACCEL].soc.instructions > 0);
    }
    assert_string_equal(record_of("c")->note, "");
    assert_string_equal(record_of("g")->note, "");
    assert_string_equal(record_of("i")->note, "");
    finish();

    /* Without the CPU's own run nothing is left to compare a pool with: it says where it is. */
    make("net", NULL, true, "ref,rtl");
    plug_pooling();
    run();
    assert_int_equal(record_of("a")->verdict, BT_PASS);
    assert_int_equal(record_of("pa")->verdict, BT_SKIP);
    assert_string_equal(record_of("pa")->reason, "rtl: on write-back of a, compared there");
    finish();

    /* The CPU alone does one after the other, and each is its own; what ref says of a layer is so everywhere. */
    make("net", NULL, true, "ref,iss:sw");
    plug_pooling();
    bench.options.images = 2;
    run();
    passed();
    assert_string_equal(record_of("a")->note, "");
    for (uint32_t i = 0; i < bench.plan.records; i++) {
        assert_true(hashes[i] == result(i, BT_ENGINE_REF)->hash);
    }
    finish();
    finish_pooling();
}

/* Who does not do the two at once does the convolution, and the CPU the rest. */
static void test_refused_fusing(void **state)
{
    (void)state;
    static const enum pooled_fault refusals[] = {POOLED_REFUSES, POOLED_REFUSES_PLAN};
    make_pooling(pools);
    for (size_t i = 0; i < 2; i++) {
        make("net", NULL, true, NULL);
        plug_pooling();
        pooled_fault = refusals[i];
        run();
        passed();
        for (size_t k = 0; k < sizeof(fused) / sizeof(fused[0]); k++) {
            const struct bt_record *conv = record_of(fused[k][0]);
            const struct bt_record *pool = record_of(fused[k][1]);
            assert_true(strstr(conv->note, "pooled") == NULL);
            assert_int_equal(conv->engine[BT_ENGINE_RTL].verdict, BT_PASS);
            assert_true(conv->engine[BT_ENGINE_RTL].hash == conv->engine[BT_ENGINE_REF].hash);
            assert_int_equal(pool->engine[BT_ENGINE_ISS_ACCEL].verdict, BT_PASS);
            assert_true(pool->engine[BT_ENGINE_ISS_ACCEL].hash == pool->engine[BT_ENGINE_REF].hash);
        }
        finish();
    }
    finish_pooling();
}

/* What goes wrong with a fused layer is said at its convolution, in coordinates of the pooled ofmap. */
static const struct {
    enum pooled_fault fault;
    const char *engines, *words;
} fused_faults[] = {
    {POOLED_ELEMENT, "ref,rtl,iss:sw", "rtl: 1 of 756 pooled elements differ, first n 0 y 1 x 2 c 3"},
    {POOLED_ELEMENT, "ref,iss:sw,iss:accel", "iss:accel: 1 of 756 pooled elements differ, first n 0 y 1 x 2 c 3"},
    /* Of 18 channels one is what ofmaps are filled with beforehand. */
    {POOLED_SHORT, "ref,rtl,iss:sw", "rtl: 17 of 756 pooled elements differ, first n 0 y 6 x 5 c 0"},
    {POOLED_SHORT, "ref,iss:sw,iss:accel", "iss:accel: 17 of 756 pooled elements differ, first n 0 y 6 x 5 c 0"},
    {POOLED_FORGETS, "ref,rtl,iss:sw", "rtl: too much was put out: bytes of the pooled ofmap: got 2574, limit 756"},
};

static void test_fused_faults(void **state)
{
    (void)state;
    make_pooling(pools);
    for (size_t i = 0; i < sizeof(fused_faults) / sizeof(fused_faults[0]); i++) {
        make("net", NULL, true, fused_faults[i].engines);
        plug_pooling();
        pooled_fault = fused_faults[i].fault;
        run();
        const struct bt_record *record = record_of("a");
        if (record->verdict != BT_FAIL || strstr(record->reason, fused_faults[i].words) == NULL) {
            fail_msg("fault %d: %s: \"%s\" lacks \"%s\"", (int)fused_faults[i].fault, bt_verdict_name(record->verdict),
                     record->reason, fused_faults[i].words);
        }
        assert_int_equal(record->engine[BT_ENGINE_ISS_SW].verdict, BT_PASS);
        assert_int_equal(record_of("pa")->engine[BT_ENGINE_ISS_SW].verdict, BT_PASS);
        finish();
    }
    /* What is read back is what the CPU reads; a's goes straight to b. */
    make("net", NULL, true, "ref,iss:accel");
    plug_pooling();
    pooled_fault = POOLED_FORGETS;
    run();
    assert_int_equal(record_of("a")->verdict, BT_PASS);
    assert_int_equal(record_of("b")->verdict, BT_FAIL);
    finish();
    finish_pooling();

    /* And the result of the network. */
    make_pooling("name: net\nsource: here\nlicence: none needed\ninput: {h: 8, w: 8, c: 3}\nlayers:\n"
                 "  - {name: a, op: conv, c_out: 4, kernel: 1}\n  - {name: pa, op: maxpool, kernel: 2, stride: 2}\n");
    for (int i = 0; i < 2; i++) {
        make("net", NULL, true, "ref,iss:accel");
        plug_pooling();
        pooled_fault = i == 0 ? POOLED_GOOD : POOLED_FORGETS;
        run();
        assert_int_equal(record_of("a")->verdict, i == 0 ? BT_PASS : BT_FAIL);
        finish();
    }
    finish_pooling();
}

/* One layer by itself, on every engine; the CPU alone has a tensor between the two. */
static const struct {
    enum pooled_fault fault;
    enum bt_verdict rtl, iss_accel;
    const char *words;
} layer_faults[] = {
    {POOLED_GOOD, BT_PASS, BT_PASS, ""},
    {POOLED_ELEMENT, BT_FAIL, BT_FAIL, "rtl: 1 of 480 pooled elements differ, first n 0 y 1 x 2 c 3"},
    {POOLED_SHORT, BT_FAIL, BT_FAIL, "rtl: 16 of 480 pooled elements differ, first n 0 y 5 x 4 c 0"},
    {POOLED_REFUSES, BT_SKIP, BT_SKIP, "not supported: max-pooling on write-back: got 2, limit 0"},
    {POOLED_REFUSES_PLAN, BT_SKIP, BT_SKIP, "plan: plans with pooling: got 1, limit 0"},
};

static void test_pooled_layer(void **state)
{
    (void)state;
    make_pooling(pools);
    suites = "suites";
    for (size_t i = 0; i < sizeof(layer_faults) / sizeof(layer_faults[0]); i++) {
        make("lenet5", "c3", false, NULL); /* ofmap 10x10x16 */
        plug_pooling();
        struct bt_suite_layer layer = bench.plan.jobs[0].layers[0];
        layer.work.pool =
            (struct bt_maxpool){.kh = 2, .kw = 3, .stride_h = 2, .stride_w = 2, .pad_top = 1, .pad_bottom = 1};
        layer.work.pool.pad_right = 1;
        bench.plan.jobs[0].layers = &layer;
        pooled_fault = layer_faults[i].fault;
        run();
        const struct bt_record *record = &bench.records[0];
        assert_int_equal(result(0, BT_ENGINE_RTL)->verdict, layer_faults[i].rtl);
        assert_int_equal(result(0, BT_ENGINE_ISS_ACCEL)->verdict, layer_faults[i].iss_accel);
        if (strstr(record->reason, layer_faults[i].words) == NULL) {
            fail_msg("fault %d: \"%s\" lacks \"%s\"", (int)layer_faults[i].fault, record->reason,
                     layer_faults[i].words);
        }
        if (i == 0) {
            passed();
            assert_int_equal(bt_layer_oh(&layer.work), 6);
            for (enum bt_engine e = BT_ENGINE_MODEL; e < BT_ENGINE_COUNT; e++) {
                assert_int_equal(result(0, e)->verdict, BT_PASS);
                assert_true(e == BT_ENGINE_CYCLES || result(0, e)->hash == result(0, BT_ENGINE_REF)->hash);
            }
            assert_int_equal(record->rtl_cycles, record->predicted_cycles);
        } else if (layer_faults[i].rtl == BT_FAIL) {
            assert_int_equal(result(0, BT_ENGINE_ISS_SW)->verdict, BT_PASS);
        }
        finish();
    }
    finish_pooling();
}

/* A copy of the smoke suite that runs what it has for variants that pool. */
static void make_pooled_suite(void)
{
    static const char tail[] = "\nruns:\n  - shapes: [pooled]\n    chains: [pooled_then_conv]\n"
                               "    patterns: [uniform, min, ties, extreme_zp]\n"
                               "    variants: [{name: os_array, configs: [4x4]}]\n";
    char text[32768];
    FILE *file = fopen("suites/smoke.yaml", "r");
    assert_non_null(file);
    const size_t bytes = fread(text, 1, sizeof(text) - sizeof(tail), file);
    assert_int_equal(fclose(file), 0);
    text[bytes] = '\0';
    char *end = strstr(text, "\nruns:\n");
    assert_non_null(end);
    memcpy(end, tail, sizeof(tail));
    make_file("smoke.yaml", text);
}

/* Awkward pools with all kinds of data, on every engine. */
static void test_pooled_shapes(void **state)
{
    (void)state;
    struct bt_error err = {""};
    struct bt_plan plan;
    uint32_t layers = 0;
    make_pooling(pools);
    make_pooled_suite();
    make_link("networks/lenet5.yaml", "suites/networks/lenet5.yaml");
    make("net", NULL, true, NULL); /* the options */
    plug_pooling();
    char path[256];
    (void)snprintf(path, sizeof(path), "%s", in_folder("smoke.yaml"));
    const struct bt_selection selection = {.suites_dir = folder, .suite = path, .variant = "os_array"};
    if (bt_plan_make(&selection, &plan, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    for (uint32_t j = 0; j < plan.count; j++) {
        struct bt_record records[4];
        struct bt_job job = plan.jobs[j];
        assert_true(job.count <= sizeof(records) / sizeof(records[0]));
        job.variant = &pooling;
        job.config.mem.dram_bytes = UINT64_C(16) << 20;
        assert_int_equal(bt_engine_run(&job, &bench.options, records), BT_OK);
        for (uint32_t i = 0; i < job.count; i++) {
            for (enum bt_engine e = BT_ENGINE_REF; e < BT_ENGINE_COUNT; e++) {
                if (records[i].engine[e].verdict != BT_PASS) {
                    fail_msg("%s %s, %s: %s", records[i].layer, records[i].pattern, bt_engine_name(e),
                             records[i].reason);
                }
                assert_true(e == BT_ENGINE_CYCLES || records[i].engine[e].hash == records[i].engine[0].hash);
            }
            layers += bt_layer_pools(&job.layers[i].work) ? 1 : 0;
        }
    }
    assert_true(layers >= 4 * 10);
    bt_plan_free(&plan);
    finish();
    assert_int_equal(remove(in_folder("networks/lenet5.yaml")), 0);
    assert_int_equal(remove(path), 0);
    finish_pooling();
}

/* What the contract has no layer for. */
static void test_not_fusible(void **state)
{
    (void)state;
    const struct bt_layer conv = {.op = BT_OP_CONV2D, .dtype = BT_S8, .u.conv = bt_conv2d_1x1(6, 5, 3, 4)};
    const struct ref_pool2d good = {.n = 1,
                                    .h = 6,
                                    .w = 5,
                                    .c = 4,
                                    .kh = 2,
                                    .kw = 3,
                                    .stride_h = 2,
                                    .stride_w = 1,
                                    .pad_top = 1,
                                    .pad_bottom = 0,
                                    .pad_left = 2,
                                    .pad_right = 1,
                                    .act_min = INT8_MIN,
                                    .act_max = INT8_MAX};
    struct bt_layer fused_layer = conv;
    assert_true(bt_layer_fuse(&conv, &good, &fused_layer));
    const struct ref_pool2d back = bt_layer_pool2d(&fused_layer);
    assert_memory_equal(&back, &good, sizeof(back));
    assert_false(bt_layer_fuse(&fused_layer, &good, &fused_layer)); /* once is enough */

    static const struct {
        size_t member;
        int32_t value;
    } broken_pools[] = {
        {offsetof(struct ref_pool2d, n), 2},          {offsetof(struct ref_pool2d, h), 5},
        {offsetof(struct ref_pool2d, w), 6},          {offsetof(struct ref_pool2d, c), 3},
        {offsetof(struct ref_pool2d, act_min), -127}, {offsetof(struct ref_pool2d, act_max), 126},
        {offsetof(struct ref_pool2d, pad_bottom), 2}, {offsetof(struct ref_pool2d, kh), 8},
    };
    for (size_t i = 0; i < sizeof(broken_pools) / sizeof(broken_pools[0]); i++) {
        struct ref_pool2d pool = good;
        memcpy((unsigned char *)&pool + broken_pools[i].member, &broken_pools[i].value, sizeof(int32_t));
        assert_false(bt_layer_fuse(&conv, &pool, &fused_layer));
    }
    struct bt_layer raw = conv;
    raw.u.conv.raw = true;
    assert_false(bt_layer_fuse(&raw, &good, &fused_layer));
    raw = conv;
    raw.op = BT_OP_ADD;
    assert_false(bt_layer_fuse(&raw, &good, &fused_layer));
}

/* ---- timelines ---- */

/* Events of a track follow each other, and the last one ends where the network does. */
static void check_track(const json_t *events, int track, double whole)
{
    double end = 0.0;
    uint32_t count = 0;
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        if (json_integer_value(json_object_get(event, "tid")) != track ||
            strcmp(json_string_value(json_object_get(event, "ph")), "X") != 0) {
            continue;
        }
        const double ts = json_number_value(json_object_get(event, "ts"));
        const double duration = json_number_value(json_object_get(event, "dur"));
        assert_true(ts + 1e-6 >= end && duration > 0.0);
        end = ts + duration;
        count++;
    }
    assert_true(count >= 5);
    assert_true(end <= whole && end > whole / 2);
}

static void test_timeline(void **state)
{
    (void)state;
    static const char *const name = "lenet5-os_array-4x4-accel.trace.json";
    json_error_t error;
    make_folder();
    make("lenet5", NULL, true, "ref,iss:accel");
    bench.options.timeline = folder;
    run();
    passed();
    json_t *root = json_load_file(in_folder(name), 0, &error);
    assert_non_null(root);
    const double whole = (double)result(7, BT_ENGINE_ISS_ACCEL)->soc.whole_cycles / bench.map.clock_mhz;
    check_track(json_object_get(root, "traceEvents"), 1, whole);
    check_track(json_object_get(root, "traceEvents"), 2, whole);
    const json_t *functions = json_object_get(json_object_get(root, "otherData"), "instructions");
    assert_true(json_integer_value(json_object_get(functions, "bt_filter_map_row")) > 0);
    json_decref(root);
    remove_folder(&name, 1);
    finish();

    make("lenet5", NULL, true, "ref,iss:sw");
    bench.options.timeline = "/dev/null";
    run();
    assert_int_equal(bench.records[7].verdict, BT_FAIL);
    assert_non_null(strstr(bench.records[7].reason, "cannot be written"));
    finish();
}

/* ---- data folders ---- */

/* A folder that was asked for and lacks a file is an error; what is in it must be right whoever asked. */
static void test_data(void **state)
{
    (void)state;
    make("lenet5", NULL, true, "ref");
    bench.options.data_asked = true;
    run();
    assert_int_equal(bench.records[0].verdict, BT_FAIL);
    assert_non_null(strstr(bench.records[0].reason, "no-such-folder/lenet/"));
    finish();

    static const char *const names[] = {"lenet/changwoolee_lenet5/Wconv1.f32.bin", "lenet/changwoolee_lenet5", "lenet"};
    make_folder();
    assert_int_equal(mkdir(in_folder(names[2]), 0777), 0);
    assert_int_equal(mkdir(in_folder(names[1]), 0777), 0);
    make_file(names[0], "abc");
    make("lenet5", NULL, true, "ref");
    bench.options.data_dir = folder;
    run();
    assert_int_equal(bench.records[0].verdict, BT_FAIL);
    assert_non_null(strstr(bench.records[0].reason, "Wconv1.f32.bin: 3 bytes"));
    finish();
    remove_folder(names, 3);
}

static void test_dram_too_small(void **state)
{
    (void)state;
    make("lenet5", NULL, true, "ref,iss:sw");
    bench.plan.jobs[0].config.mem.dram_bytes = 65536;
    run();
    assert_int_equal(bench.records[0].verdict, BT_FAIL);
    if (strstr(bench.records[0].reason, "65536") == NULL) {
        fail_msg("\"%s\"", bench.records[0].reason);
    }
    finish();
    make("lenet5", NULL, true, "ref,iss:sw,iss:accel");
    bench.plan.jobs[0].config.mem.dram_bytes = 8192;
    run();
    for (uint32_t i = 0; i < bench.plan.records; i++) {
        assert_int_equal(bench.records[i].verdict, BT_FAIL);
    }
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layer),          cmocka_unit_test(test_speed_of_the_cpu),
        cmocka_unit_test(test_faults),         cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_other_program),  cmocka_unit_test(test_missing_parts),
        cmocka_unit_test(test_whole),          cmocka_unit_test(test_whole_faults),
        cmocka_unit_test(test_pictures),       cmocka_unit_test(test_whole_late),
        cmocka_unit_test(test_whole_model),    cmocka_unit_test(test_zoo),
        cmocka_unit_test(test_fused),          cmocka_unit_test(test_refused_fusing),
        cmocka_unit_test(test_fused_faults),   cmocka_unit_test(test_pooled_layer),
        cmocka_unit_test(test_pooled_shapes),  cmocka_unit_test(test_not_fusible),
        cmocka_unit_test(test_timeline),       cmocka_unit_test(test_data),
        cmocka_unit_test(test_dram_too_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
