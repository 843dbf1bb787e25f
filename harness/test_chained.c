/*
 * Firmware engines on real parts: os_array's C model behind its registers, its firmware, the ISS. What goes wrong with the
 * accelerator must be said by the engine that sees it. Uses build/firmware/os_array.elf and build/rtl/os_array-4x4.so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/chained.h"
#include "harness/engine.h"
#include "harness/sim.h"
#include "harness/timeline.h"

enum { MAX_RECORDS = 64 };

/* ---- a device with faults ---- */

enum fault { GOOD, FLIP, LATE, NEVER, ERROR, VIOLATION, SILENT };

static const struct bt_sim_api *sound; /* the variant's own device */
static enum fault fault;
static uint64_t window; /* where the ofmap lies */
static bool flipped;

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
    return sound->reg_write(sim, offset, fault == ERROR && desc ? value + 64 : value);
}

static void broken_window(struct bt_sim *sim, uint64_t addr, uint64_t bytes)
{
    window = addr;
    flipped = false;
    sound->allow_write(sim, fault == VIOLATION ? addr + 64 : addr, bytes);
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

static void make(const char *network, const char *layer, bool chained, const char *engines)
{
    struct bt_error err = {""};
    const struct bt_selection selection = {.suites_dir = "suites",
                                           .network = network,
                                           .layer = layer,
                                           .variant = "os_array",
                                           .config = "4x4",
                                           .engine = engines,
                                           .chained = chained};
    memset(&bench, 0, sizeof(bench));
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
        broken_api.allow_write = broken_window;
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
    }
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
        cmocka_unit_test(test_faults),         cmocka_unit_test(test_missing_parts),
        cmocka_unit_test(test_whole),          cmocka_unit_test(test_whole_faults),
        cmocka_unit_test(test_dram_too_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
