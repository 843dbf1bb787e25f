/* Text traces: read, refused line by line, run on the one-lane matrix-vector core, failing where they should. */
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

#include "harness/hal_sim.h"
#include "harness/trace.h"

#define GOOD "harness/tests/gemv/gemv.trace"
#define DRAM_BYTES 65536

static struct bt_hal *open_core(const char *core, uint32_t stall_percent)
{
    const struct bt_memory mem = {.latency_cycles = 3,
                                  .bytes_per_cycle = 4,
                                  .outstanding = 1,
                                  .stall_percent = stall_percent,
                                  .stall_seed = 9,
                                  .dram_bytes = DRAM_BYTES};
    char path[256];
    struct bt_hal *hal = NULL;
    struct bt_error err = {""};
    const char *folder = getenv("BITTRUE_BUILD");
    (void)snprintf(path, sizeof(path), "%s/rtl/%s.so", folder != NULL ? folder : "build", core);
    if (bt_hal_sim_open(path, &mem, NULL, NULL, &hal, &err) != BT_OK) {
        fail_msg("%s", err.text);
    }
    return hal;
}

static enum bt_status parse(const char *text, struct bt_trace **trace, struct bt_error *err)
{
    *err = (struct bt_error){""};
    return bt_trace_parse("t.trace", text, strlen(text), DRAM_BYTES, trace, err);
}

/* ---- good ones ---- */

static void test_good(void **state)
{
    static const struct {
        const char *core;
        uint32_t stall_percent;
    } cases[] = {{"gemv-test", 0}, {"gemv-test", 60}, {"gemv_poll-test", 0}, {"gemv_broken-test", 0}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_trace *trace = NULL;
        struct bt_error err = {""};
        struct bt_hal *hal = open_core(cases[i].core, cases[i].stall_percent);
        assert_int_equal(bt_trace_load(GOOD, DRAM_BYTES, &trace, &err), BT_OK);
        assert_int_equal(bt_trace_statements(trace), 24);
        assert_int_equal(bt_trace_checks(trace), 9);
        assert_int_equal(bt_trace_max_cycles(trace), 1300);
        if (bt_trace_run(trace, hal, &err) != BT_OK) {
            fail_msg("%s: %s", cases[i].core, err.text);
        }
        bt_trace_free(trace);
        bt_hal_sim_close(hal);
    }
}

static void test_format(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t statements, checks;
    } cases[] = {
        {"wait_irq 1", 1, 1},
        {"\n\n# nothing\n  \t\r\nwait_irq 1 # one\r\n", 1, 1},
        {"#\nwait_irq 1#close\nwait_cycles 5", 2, 1},
        {"check_mem 0xFFFF 0A", 1, 1},
        {"check_mem 65532 0a0B 0c 0d\n", 1, 1},
        {"check_crc 0 65536 0xffffffff", 1, 1},
        {"reg_read_equal 0xffffffff 0xffffffff 4294967295", 1, 1},
        {"pin_set 0 18446744073709551615\npoll_reg_equal 0 1 0 1000000000", 2, 1},
        {"mem_fill 0 65536 255\nallow_write 0 65536\nwait_irq 1000000000", 3, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_trace *trace = NULL;
        struct bt_error err;
        if (parse(cases[i].text, &trace, &err) != BT_OK) {
            fail_msg("case %zu: %s", i, err.text);
        }
        assert_int_equal(bt_trace_statements(trace), cases[i].statements);
        assert_int_equal(bt_trace_checks(trace), cases[i].checks);
        bt_trace_free(trace);
    }
}

/* ---- bad lines ---- */

static void test_bad_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "t.trace:1: the trace checks nothing"},
        {"# only\nreg_write 0 1\n", "t.trace:2: the trace checks nothing"},
        {"wait_irq 1\nfly 1", "t.trace:2: no statement 'fly'"},
        {"WAIT_IRQ 1", "no statement 'WAIT_IRQ'"},
        {"\x1b[31m", "no statement '?[31m'"},
        {"wait_irq", "t.trace:1: wait_irq: expected MAX_CYCLES"},
        {"wait_irq 0", "'0': expected a number of cycles, 1 to 1000000000, decimal or 0x..."},
        {"wait_irq 1000000001", "'1000000001': expected a number of cycles"},
        {"wait_irq 1 2", "'2': nothing more expected, wait_irq takes MAX_CYCLES"},
        {"wait_cycles -1", "'-1': expected a number of cycles"},
        {"wait_cycles 1x", "'1x': expected"},
        {"wait_cycles 0x", "'0x': expected"},
        {"wait_cycles ff", "'ff': expected"},
        {"reg_write 0", "reg_write: expected OFFSET VALUE"},
        {"reg_write 0 0x100000000", "'0x100000000': expected a 32-bit number, 0 to 4294967295"},
        {"reg_write 4294967296 0", "'4294967296': expected a 32-bit number"},
        {"pin_set 0 18446744073709551616", "expected a 64-bit number"},
        {"pin_set 0 0x10000000000000000", "expected a 64-bit number"},
        {"reg_read_equal 0 0 0", "'0': expected a mask, 1 to 4294967295"},
        {"reg_read_equal 0 1 2", "value 0x2 has bits outside mask 0x1"},
        {"poll_reg_equal 0 1 1", "poll_reg_equal: expected OFFSET MASK VALUE MAX_CYCLES"},
        {"poll_reg_equal 0 1 1 0", "'0': expected a number of cycles"},
        {"mem_fill 0 0 0", "'0': expected a number of bytes, 1 to"},
        {"mem_fill 0 1 256", "'256': expected a byte, 0 to 255"},
        {"mem_fill 1 65536 0", "65536 bytes at 0x1: beyond the DRAM of 65536 bytes"},
        {"allow_write 0xffffffffffffffff 2", "2 bytes at 0xffffffffffffffff: beyond the DRAM"},
        {"allow_write 2 0xffffffffffffffff", "beyond the DRAM"},
        {"check_crc 65536 1 0", "1 bytes at 0x10000: beyond the DRAM"},
        {"check_crc 0 1 0x1ffffffff", "expected a 32-bit number"},
        {"check_mem 0xffff 0102", "2 bytes at 0xffff: beyond the DRAM"},
        {"check_mem 0", "check_mem: expected ADDR FILE or ADDR BYTES in hex"},
        {"check_mem 0 012", "'012': expected pairs of hex digits"},
        {"check_mem 0 01 2", "'2': expected pairs of hex digits"},
        {"check_mem 0 01 data.bin", "'data.bin': expected pairs of hex digits"},
        {"mem_load 0 nothing.bin", "'nothing.bin': No such file or directory; bytes in hex are pairs of digits"},
        {"mem_load 0 /dev/zero", "'/dev/zero': expected a file with bytes in it"},
        {"mem_load 0 .", "'.': expected a file with bytes in it"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_trace *trace = NULL;
        struct bt_error err;
        assert_int_equal(parse(cases[i].text, &trace, &err), BT_EINPUT);
        assert_null(trace);
        if (strncmp(err.text, "t.trace:", 8) != 0 || strstr(err.text, cases[i].message) == NULL) {
            fail_msg("%s\nsays \"%s\", expected \"%s\"", cases[i].text, err.text, cases[i].message);
        }
    }
}

static void test_bad_text(void **state)
{
    (void)state;
    struct bt_trace *trace = NULL;
    struct bt_error err = {""};
    char longest[3000];
    assert_int_equal(bt_trace_parse("t", "wait_irq\0 1", 11, DRAM_BYTES, &trace, &err), BT_EINPUT);
    assert_string_equal(err.text, "t:1: a zero byte: expected text");
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(bt_trace_parse("t", longest, sizeof(longest), DRAM_BYTES, &trace, &err), BT_EINPUT);
    static const char check[] = "check_mem 0";
    memcpy(longest, check, sizeof(check));
    longest[sizeof(check) - 1] = ' ';
    assert_int_equal(bt_trace_parse("t", longest, sizeof(longest), DRAM_BYTES, &trace, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, "break hex digits into several"));
    assert_int_equal(bt_trace_load("no/such.trace", DRAM_BYTES, &trace, &err), BT_EINPUT);
    assert_string_equal(err.text, "no/such.trace: No such file or directory");
    assert_int_equal(bt_trace_load("harness", DRAM_BYTES, &trace, &err), BT_EINPUT);
    assert_string_equal(err.text, "harness: expected a file");
    assert_null(trace);
}

/* ---- what a run must notice ---- */

#define LOAD                                                                                                           \
    "mem_load 0x1000 01020300 ff000400\nmem_load 0x1100 05fa0700\nmem_load 0x1200 64000000ffffffff\n"                  \
    "reg_write 8 2\nreg_write 12 3\nreg_write 16 0x1000\nreg_write 20 0x1100\nreg_write 24 0x1200\n"                   \
    "reg_write 28 0x1300\n"
#define START "allow_write 0x1300 8\nreg_write 0 1\n"

static void test_failures(void **state)
{
    (void)state;
    static const struct {
        const char *core, *text;
        const char *where, *message; /* both are said */
    } cases[] = {
        {"gemv-test", LOAD START "wait_irq 1000\ncheck_mem 0x1300 7200000016000000", NULL, NULL},
        {"gemv-test", LOAD START "wait_irq 1000\ncheck_mem 0x1300 7200000016000100",
         "t.trace:13: check_mem: ", "1 of 8 bytes differ, first at 0x1306: expected 0x01, got 0x00"},
        {"gemv-test", LOAD START "wait_irq 1000\ncheck_mem 0x1300 73000000 17",
         "check_mem: ", "2 of 5 bytes differ, first at 0x1300: expected 0x73, got 0x72"},
        {"gemv-test", LOAD START "wait_irq 1000\nmem_fill 0x1307 1 0x80\ncheck_crc 0x1300 8 0xfe2541c7",
         "t.trace:14: check_crc: ", "8 bytes at 0x1300: expected CRC 0xfe2541c7, got 0x"},
        {"gemv-test", "reg_read_equal 4 7 2", "reg_read_equal: ", "register 0x4: expected 0x2 under mask 0x7, got 0x0"},
        {"gemv-test", "poll_reg_equal 4 2 2 100",
         "poll_reg_equal: ", "register 0x4: expected 0x2 under mask 0x2, got 0x0 after 100 cycles"},
        {"gemv-test", "wait_irq 50", "t.trace:1: wait_irq: ", "the core did not say that it is done in 50 cycles"},
        {"gemv-test", LOAD "reg_write 0 1\nwait_irq 1000", "t.trace:11: wait_irq: ", "m_axi_: write to 0x1300"},
        {"gemv-test", LOAD "reg_write 0 1\nwait_cycles 100000\nwait_irq 1",
         "t.trace:11: wait_cycles: ", "m_axi_: write to"},
        {"gemv-test", "reg_write 0x28 1\nwait_irq 1",
         "t.trace:1: reg_write: ", "write of register 0x28: error response"},
        {"gemv-test", "reg_write 0x1000 1\nwait_irq 1", "t.trace:1: reg_write: ", "control: register 0x1000 is beyond"},
        {"gemv-test", "reg_read_equal 0x28 1 0",
         "t.trace:1: reg_read_equal: ", "read of register 0x28: error response"},
        {"gemv-test", "poll_reg_equal 0x28 1 1 1000", "poll_reg_equal: ", "read of register 0x28: error response"},
        {"gemv-test", "pin_set 0 1\nwait_irq 1", "t.trace:1: pin_set: ", "pin 0 is not an input"},
        {"gemv_broken-test", "pin_set 0 1\n" LOAD START "wait_irq 1000", "t.trace:13: wait_irq: ", "m_axi_: write to"},
        {"gemv_broken-test", "pin_set 0 2\n" LOAD START "wait_irq 1000",
         "t.trace:13: wait_irq: ", "the core did not say"},
        {"gemv_broken-test", "pin_set 0 4\n" LOAD START "wait_irq 1000\ncheck_mem 0x1300 7200000016000000",
         "t.trace:14: check_mem: ", "1 of 8 bytes differ, first at 0x1305: expected 0x00, got 0x05"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bt_trace *trace = NULL;
        struct bt_error err;
        struct bt_hal *hal = open_core(cases[i].core, 0);
        if (parse(cases[i].text, &trace, &err) != BT_OK) {
            fail_msg("%s", err.text);
        }
        const enum bt_status status = bt_trace_run(trace, hal, &err);
        assert_int_equal(status, cases[i].message == NULL ? BT_OK : BT_EDEVICE);
        if (cases[i].message != NULL &&
            (strstr(err.text, cases[i].where) == NULL || strstr(err.text, cases[i].message) == NULL)) {
            fail_msg("case %zu says \"%s\", expected \"%s%s\"", i, err.text, cases[i].where, cases[i].message);
        }
        bt_trace_free(trace);
        bt_hal_sim_close(hal);
    }
}

/* ---- data in files ---- */

static void write_file(const char *dir, const char *name, const void *bytes, size_t count)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static void test_files(void **state)
{
    (void)state;
    static uint8_t bytes[DRAM_BYTES];
    static const char text[] = "mem_load 0x10 data.bin\ncheck_mem 0x10 data.bin\ncheck_mem 0x10 0007 ./data.bin\n";
    char dir[] = P_tmpdir "/bt_test_trace_XXXXXX";
    char path[256];
    struct bt_trace *trace = NULL;
    struct bt_error err = {""};
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    write_file(dir, "data.bin", bytes, 10000);
    write_file(dir, "empty.bin", bytes, 0);
    (void)snprintf(path, sizeof(path), "%s/t.trace", dir);

    /* The third line mixes bytes and a file. */
    write_file(dir, "t.trace", text, sizeof(text) - 1);
    assert_int_equal(bt_trace_load(path, DRAM_BYTES, &trace, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, "t.trace:3: './data.bin': expected pairs"));
    write_file(dir, "t.trace", text, strlen("mem_load 0x10 data.bin\ncheck_mem 0x10 data.bin\n"));
    assert_int_equal(bt_trace_load(path, DRAM_BYTES, &trace, &err), BT_OK);
    struct bt_hal *hal = open_core("gemv-test", 0);
    assert_int_equal(bt_trace_run(trace, hal, &err), BT_OK);
    bt_trace_free(trace);
    trace = NULL;

    /* One byte of the memory is another one than the file's. */
    static const char flipped[] = "mem_fill 9999 1 1\ncheck_mem 0x10 data.bin\n";
    write_file(dir, "t.trace", flipped, sizeof(flipped) - 1);
    assert_int_equal(bt_trace_load(path, DRAM_BYTES, &trace, &err), BT_OK);
    assert_int_equal(bt_trace_run(trace, hal, &err), BT_EDEVICE);
    assert_non_null(strstr(err.text, "1 of 10000 bytes differ, first at 0x270f: expected 0xf9, got 0x01"));
    bt_trace_free(trace);
    bt_hal_sim_close(hal);
    trace = NULL;

    write_file(dir, "t.trace", "check_mem 0 empty.bin", 21);
    assert_int_equal(bt_trace_load(path, DRAM_BYTES, &trace, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, "empty.bin': expected a file with bytes in it"));
    write_file(dir, "t.trace", "check_mem 60000 data.bin", 24);
    assert_int_equal(bt_trace_load(path, DRAM_BYTES, &trace, &err), BT_EINPUT);
    assert_non_null(strstr(err.text, "t.trace:1: 10000 bytes at 0xea60: beyond the DRAM"));

    static const char *const names[] = {"data.bin", "empty.bin", "t.trace"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),     cmocka_unit_test(test_format),   cmocka_unit_test(test_bad_lines),
        cmocka_unit_test(test_bad_text), cmocka_unit_test(test_failures), cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
