/* A folder in which the whole program runs: a network, and the room of test_fake.h with a configuration per fault. */
#ifndef BT_TEST_TREE_H
#define BT_TEST_TREE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/test_fake.h"
#include "harness/test_file.h"

/** Makes and enters a folder of its own, from a pattern of mkdtemp(). Each run runs: what the store answers has tests of its own. */
static inline int test_tree_enter(char *root)
{
    return mkdtemp(root) != NULL && chdir(root) == 0 && setenv("BITTRUE_BUILD", "build", 1) == 0 &&
                   setenv("BITTRUE_SUITES", "suites", 1) == 0 && setenv("BITTRUE_STORE", "none", 1) == 0
               ? 0
               : -1;
}

static inline int test_tree_leave(const char *root)
{
    char command[300];
    (void)snprintf(command, sizeof(command), "rm -r '%s'", root);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

/** suites/ and build/ of the folder the test is in. */
static inline void test_tree_fill(void)
{
    static const char *const folders[] = {"suites", "suites/networks", "suites/variants", "build", "build/rtl"};
    static const struct {
        const char *name;
        enum fake_fault fault;
    } configs[] = {
        {"flip", FAKE_FLIP},   {"permute", FAKE_PERMUTE},     {"hang", FAKE_HANG},
        {"stuck", FAKE_STUCK}, {"crash", FAKE_CRASH},         {"late", FAKE_ONE_CYCLE},
        {"lies", FAKE_MODEL},  {"refuses", FAKE_UNSUPPORTED}, {"good", FAKE_GOOD},
    };
    char text[1024] = "variant: fake\n"
                      "gate: {max_percent: 0.0, mean_percent: 0.0}\n"
                      "exemptions: []\n"
                      "defaults:\n"
                      "  memory: {latency_cycles: 1, bytes_per_cycle: 16, outstanding: 1, dram_mib: 8}\n"
                      "  params: {FAULT: 0}\n"
                      "configs:\n";
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        assert_int_equal(mkdir(folders[i], 0777), 0);
    }
    for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
        char path[64];
        const size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "  - {name: %s, params: {FAULT: %d}}\n", configs[i].name,
                       (int)configs[i].fault);
        (void)snprintf(path, sizeof(path), "build/rtl/fake-%s.so", configs[i].name);
        test_file(path, "");
    }
    test_file("suites/variants/fake.yaml", text);
    test_file("suites/networks/tiny.yaml", "name: tiny\nsource: here\nlicence: none needed\n"
                                           "input: {h: 6, w: 5, c: 3}\n"
                                           "layers:\n"
                                           "  - {name: conv1, op: conv, c_out: 4, kernel: 3, pad: 1, act: relu}\n"
                                           "  - {name: conv2, op: conv, c_out: 7, kernel: 3, act: silu}\n"
                                           "  - {name: fc, op: fc, c_out: 9}\n");
}

#endif
