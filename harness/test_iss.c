/*
 * The firmware on the ISS against the same sources compiled natively and against the reference operators: a thousand random
 * layers, the same bytes three times. Uses build/firmware/os_array.elf.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/firmware/fw_random.h"
#include "harness/firmware/fw_steps.h"
#include "harness/soc/soc.h"

#define ELF "build/firmware/os_array.elf"
#define MAP "suites/soc.yaml"

struct bench {
    struct bt_soc_map map;
    struct bt_soc *soc;
    uint8_t *dram, *native;
    void *expected;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct bt_error err = {""};
    struct bt_soc_options options = {.elf = ELF,
                                     .dram_bytes = FW_RANDOM_DRAM_BYTES,
                                     .max_instructions = 1000000000,
                                     .max_cycles = UINT64_C(1) << 40,
                                     .max_seconds = 60};
    if (bench == NULL || access(ELF, R_OK) != 0 || bt_soc_map_load(MAP, &bench->map, &err) != BT_OK) {
        print_message("%s\n", err.text[0] != '\0' ? err.text : "no " ELF "; make " ELF);
        free(bench);
        return -1;
    }
    /* Unicorn maps whole pages of it. */
    bench->dram = aligned_alloc(4096, FW_RANDOM_DRAM_BYTES);
    bench->native = aligned_alloc(4096, FW_RANDOM_DRAM_BYTES);
    bench->expected = malloc(FW_RANDOM_DRAM_BYTES);
    bench->map.accel_count = 0;
    options.map = &bench->map;
    options.dram = bench->dram;
    *state = bench;
    if (bt_soc_open(&options, &bench->soc, &err) != BT_OK) {
        print_message("%s\n", err.text);
        return -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    bt_soc_close(bench->soc);
    free(bench->dram);
    free(bench->native);
    free(bench->expected);
    free(bench);
    return 0;
}

/* The program with the addresses of this system. */
static void place(const struct bench *bench, const struct fw_random_case *made)
{
    struct bt_program *program = (struct bt_program *)(void *)(bench->dram + made->program);
    program->dram_base = bench->map.dram.base;
    program->console = bench->map.console;
    program->timer = bench->map.timer;
    program->interrupt = bench->map.interrupt;
    program->exit_ = bench->map.exit_;
    program->probe = bench->map.probe;
}

static void test_random_layers(void **state)
{
    const struct bench *bench = *state;
    uint64_t instructions = 0;
    for (uint32_t index = 0; index < FW_RANDOM_CASES; index++) {
        struct fw_random_case made;
        struct bt_soc_report report;
        struct bt_error err = {""};
        fw_random_build(index, bench->native, &made);
        assert_int_equal(fw_random_expect(bench->native, &made, bench->expected), BT_OK);
        memcpy(bench->dram, bench->native, FW_RANDOM_DRAM_BYTES);
        const struct fw_machine machine = {.dram = bench->native, .dram_bytes = FW_RANDOM_DRAM_BYTES};
        assert_int_equal(fw_run(&machine, (struct bt_program *)(void *)(bench->native + made.program)), BT_FW_EXIT_OK);
        place(bench, &made);
        assert_int_equal(bt_soc_run(bench->soc, bench->map.dram.base + made.program, &report, &err), BT_OK);
        if (report.end != BT_SOC_EXITED || report.exit_code != BT_FW_EXIT_OK) {
            fail_msg("case %u, kind %u: end %d, code %u: %s", index, made.kind, (int)report.end, report.exit_code,
                     report.why.text);
        }
        if (memcmp(bench->dram + made.out, bench->native + made.out, made.out_bytes) != 0) {
            fail_msg("case %u, kind %u: the ISS and the native code differ", index, made.kind);
        }
        if (memcmp(bench->dram + made.out, bench->expected, made.out_bytes) != 0) {
            fail_msg("case %u, kind %u: the ISS and the reference differ", index, made.kind);
        }
        instructions += report.instructions;
    }
    assert_true(instructions > UINT64_C(1000) * FW_RANDOM_CASES); /* it was no empty program */
}

/* A program that cannot be read is refused by the firmware itself. */
static void test_bad_program(void **state)
{
    const struct bench *bench = *state;
    struct fw_random_case made;
    struct bt_soc_report report;
    fw_random_build(1, bench->dram, &made);
    place(bench, &made);
    struct bt_program *program = (struct bt_program *)(void *)(bench->dram + made.program);
    program->magic ^= 1;
    assert_int_equal(bt_soc_run(bench->soc, bench->map.dram.base + made.program, &report, NULL), BT_OK);
    assert_int_equal(report.end, BT_SOC_EXITED);
    assert_int_equal(report.exit_code, BT_FW_EXIT_BAD_PROGRAM);
    program->magic ^= 1;
    struct bt_step *step = (struct bt_step *)(void *)(bench->dram + program->steps);
    step->kind = BT_STEP_ACCEL_START; /* there is no plan */
    assert_int_equal(bt_soc_run(bench->soc, bench->map.dram.base + made.program, &report, NULL), BT_OK);
    assert_int_equal(report.exit_code, BT_FW_EXIT_STEP_FAILED);
    assert_int_not_equal(program->status, BT_OK);
    assert_int_equal(program->failed, 0);
    assert_true(program->why[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_layers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_program, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
