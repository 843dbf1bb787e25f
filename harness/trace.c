#include "harness/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "harness/hal_sim.h"

#define PATH_BYTES 4096
#define LONGEST_WORD 1024
#define MAX_ARGUMENTS 4
/* Between two looks at whether the core has broken a rule meanwhile. */
#define SLICE_CYCLES 65536
#define CHUNK_BYTES 4096

enum op {
    MEM_LOAD,
    MEM_FILL,
    ALLOW_WRITE,
    REG_WRITE,
    REG_READ_EQUAL,
    POLL_REG_EQUAL,
    PIN_SET,
    WAIT_IRQ,
    WAIT_CYCLES,
    CHECK_CRC,
    CHECK_MEM,
    OP_COUNT
};

enum kind { NONE, ADDR, BYTES, BYTE, WORD, LONG, MASK, VALUE, CYCLES, DATA };

/* One line per statement: its arguments by kind, and whether it can fail a run. */
static const struct {
    const char *name;
    bool checks;
    enum kind arguments[MAX_ARGUMENTS];
    const char *usage;
} ops[OP_COUNT] = {
    [MEM_LOAD] = {"mem_load", false, {ADDR, DATA}, "ADDR FILE or ADDR BYTES in hex"},
    [MEM_FILL] = {"mem_fill", false, {ADDR, BYTES, BYTE}, "ADDR BYTES VALUE"},
    [ALLOW_WRITE] = {"allow_write", false, {ADDR, BYTES}, "ADDR BYTES"},
    [REG_WRITE] = {"reg_write", false, {WORD, WORD}, "OFFSET VALUE"},
    [REG_READ_EQUAL] = {"reg_read_equal", true, {WORD, MASK, VALUE}, "OFFSET MASK VALUE"},
    [POLL_REG_EQUAL] = {"poll_reg_equal", true, {WORD, MASK, VALUE, CYCLES}, "OFFSET MASK VALUE MAX_CYCLES"},
    [PIN_SET] = {"pin_set", false, {WORD, LONG}, "PIN VALUE"},
    [WAIT_IRQ] = {"wait_irq", true, {CYCLES}, "MAX_CYCLES"},
    [WAIT_CYCLES] = {"wait_cycles", false, {CYCLES}, "CYCLES"},
    [CHECK_CRC] = {"check_crc", true, {ADDR, BYTES, WORD}, "ADDR BYTES CRC32"},
    [CHECK_MEM] = {"check_mem", true, {ADDR, DATA}, "ADDR FILE or ADDR BYTES in hex"},
};

static const struct {
    const char *what;
    uint64_t min, max;
} limits[] = {
    [ADDR] = {"address", 0, UINT64_MAX},       [BYTES] = {"number of bytes", 1, UINT64_MAX},
    [BYTE] = {"byte", 0, UINT8_MAX},           [WORD] = {"32-bit number", 0, UINT32_MAX},
    [LONG] = {"64-bit number", 0, UINT64_MAX}, [MASK] = {"mask", 1, UINT32_MAX},
    [VALUE] = {"value", 0, UINT32_MAX},        [CYCLES] = {"number of cycles", 1, BT_TRACE_MAX_CYCLES},
};

struct statement {
    enum op op;
    unsigned line;
    uint64_t argument[MAX_ARGUMENTS];
    uint8_t *data; /* of mem_load and check_mem */
    size_t bytes;
};

struct bt_trace {
    char *path;
    uint32_t count, capacity;
    struct statement *statements;
};

/* ---- reading ---- */

struct reader {
    const char *path;
    unsigned line;
    const char *at, *end; /* rest of the line */
    uint64_t dram_bytes;
    struct bt_error *err;
};

__attribute__((format(printf, 2, 3))) static enum bt_status refuse(const struct reader *reader, const char *format, ...)
{
    struct bt_error text;
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text.text, sizeof(text.text), format, arguments);
    va_end(arguments);
    return bt_fail(reader->err, BT_EINPUT, "%.300s:%u: %s", reader->path, reader->line, length < 0 ? "" : text.text);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of the line; "" at its end. @return false when it is too long. */
static bool next_word(struct reader *reader, char word[LONGEST_WORD])
{
    size_t length = 0;
    while (reader->at < reader->end && is_space(*reader->at)) {
        reader->at++;
    }
    while (reader->at < reader->end && !is_space(*reader->at) && length < LONGEST_WORD - 1) {
        word[length++] = *reader->at++;
    }
    word[length] = '\0';
    return reader->at == reader->end || is_space(*reader->at);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool number(const char *word, uint64_t *value)
{
    const bool hex = word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
    const char *digits = hex ? word + 2 : word;
    const uint64_t base = hex ? 16 : 10;
    uint64_t n = 0;
    if (*digits == '\0') {
        return false;
    }
    for (; *digits != '\0'; digits++) {
        const int digit = hex_digit(*digits);
        if (digit < 0 || (uint64_t)digit >= base || n > (UINT64_MAX - (uint64_t)digit) / base) {
            return false;
        }
        n = n * base + (uint64_t)digit;
    }
    *value = n;
    return true;
}

static enum bt_status check_range(const struct reader *reader, uint64_t addr, uint64_t bytes)
{
    if (addr > reader->dram_bytes || bytes > reader->dram_bytes - addr) {
        return refuse(reader, "%" PRIu64 " bytes at 0x%" PRIx64 ": beyond the DRAM of %" PRIu64 " bytes", bytes, addr,
                      reader->dram_bytes);
    }
    return BT_OK;
}

/* Files lie beside the trace. Not longer than the DRAM, whatever they are. */
static enum bt_status read_file(const struct reader *reader, const char *name, struct statement *statement)
{
    char path[PATH_BYTES];
    struct stat info;
    const char *slash = name[0] != '/' ? strrchr(reader->path, '/') : NULL;
    const int folder = slash != NULL ? (int)(slash - reader->path) + 1 : 0;
    const int length = snprintf(path, sizeof(path), "%.*s%s", folder, reader->path, name);
    if (length < 0 || (size_t)length >= sizeof(path)) {
        return refuse(reader, "'%.60s...': name too long", name);
    }
    /* Asked before it is opened: opening a pipe would wait for whoever writes to it. */
    if (stat(path, &info) != 0) {
        return refuse(reader, "'%.200s': %s; bytes in hex are pairs of digits", path, strerror(errno));
    }
    if (!S_ISREG(info.st_mode) || info.st_size == 0) {
        return refuse(reader, "'%.200s': expected a file with bytes in it", path);
    }
    const enum bt_status status = check_range(reader, statement->argument[0], (uint64_t)info.st_size);
    if (status != BT_OK) {
        return status;
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return refuse(reader, "'%.200s': %s", path, strerror(errno));
    }
    statement->bytes = (size_t)info.st_size;
    statement->data = malloc(statement->bytes);
    const size_t got = statement->data != NULL ? fread(statement->data, 1, statement->bytes, file) : 0;
    (void)fclose(file);
    if (statement->data == NULL) {
        return bt_fail(reader->err, BT_ENOMEM, "out of memory");
    }
    return got == statement->bytes ? BT_OK : refuse(reader, "'%.200s': cannot be read", path);
}

/* Words of hex digits are bytes, one word of anything else is the name of a file. */
static enum bt_status read_data(struct reader *reader, const char *usage, struct statement *statement)
{
    const size_t most = (size_t)(reader->end - reader->at) / 2 + 1;
    char word[LONGEST_WORD];
    while (next_word(reader, word) && word[0] != '\0') {
        const size_t digits = strspn(word, "0123456789abcdefABCDEF");
        if (word[digits] != '\0' && statement->data == NULL) {
            return read_file(reader, word, statement);
        }
        if (word[digits] != '\0' || digits % 2 != 0) {
            return refuse(reader, "'%.60s': expected pairs of hex digits", word);
        }
        if (statement->data == NULL) {
            statement->data = malloc(most);
        }
        if (statement->data == NULL) {
            return bt_fail(reader->err, BT_ENOMEM, "out of memory");
        }
        for (size_t i = 0; i < digits; i += 2) {
            statement->data[statement->bytes++] = (uint8_t)(hex_digit(word[i]) * 16 + hex_digit(word[i + 1]));
        }
    }
    if (word[0] != '\0') {
        return refuse(reader, "'%.60s...': a word this long; break hex digits into several", word);
    }
    if (statement->data == NULL) {
        return refuse(reader, "%s: expected %s", ops[statement->op].name, usage);
    }
    return check_range(reader, statement->argument[0], statement->bytes);
}

static enum bt_status read_number(struct reader *reader, enum kind kind, const struct statement *statement,
                                  uint64_t *value)
{
    char word[LONGEST_WORD];
    const bool whole = next_word(reader, word);
    if (word[0] == '\0') {
        return refuse(reader, "%s: expected %s", ops[statement->op].name, ops[statement->op].usage);
    }
    if (!whole || !number(word, value) || *value < limits[kind].min || *value > limits[kind].max) {
        return refuse(reader, "'%.40s': expected a %s, %" PRIu64 " to %" PRIu64 ", decimal or 0x...", word,
                      limits[kind].what, limits[kind].min, limits[kind].max);
    }
    return BT_OK;
}

/* What the arguments say together. */
static enum bt_status check_arguments(const struct reader *reader, const struct statement *statement)
{
    const uint64_t *argument = statement->argument;
    const enum kind *kinds = ops[statement->op].arguments;
    if (kinds[1] == BYTES) {
        return check_range(reader, argument[0], argument[1]);
    }
    if (kinds[1] == MASK && (argument[2] & ~argument[1]) != 0) {
        return refuse(reader, "value 0x%" PRIx64 " has bits outside mask 0x%" PRIx64 ": can never be read", argument[2],
                      argument[1]);
    }
    return BT_OK;
}

static enum bt_status read_arguments(struct reader *reader, struct statement *statement)
{
    char word[LONGEST_WORD];
    for (size_t i = 0; i < MAX_ARGUMENTS && ops[statement->op].arguments[i] != NONE; i++) {
        const enum kind kind = ops[statement->op].arguments[i];
        const enum bt_status status = kind == DATA ? read_data(reader, ops[statement->op].usage, statement)
                                                   : read_number(reader, kind, statement, &statement->argument[i]);
        if (status != BT_OK) {
            return status;
        }
    }
    if (!next_word(reader, word) || word[0] != '\0') {
        return refuse(reader, "'%.60s': nothing more expected, %s takes %s", word, ops[statement->op].name,
                      ops[statement->op].usage);
    }
    return check_arguments(reader, statement);
}

static enum bt_status read_line(struct reader *reader, struct bt_trace *trace)
{
    char word[LONGEST_WORD];
    if (memchr(reader->at, '\0', (size_t)(reader->end - reader->at)) != NULL) {
        return refuse(reader, "a zero byte: expected text");
    }
    const char *comment = memchr(reader->at, '#', (size_t)(reader->end - reader->at));
    reader->end = comment != NULL ? comment : reader->end;
    (void)next_word(reader, word);
    if (word[0] == '\0') {
        return BT_OK;
    }
    enum op op = MEM_LOAD;
    while (op < OP_COUNT && strcmp(ops[op].name, word) != 0) {
        op++;
    }
    if (op == OP_COUNT) {
        return refuse(reader, "no statement '%.40s'", word);
    }
    if (trace->count == trace->capacity) {
        const uint32_t capacity = trace->capacity * 2 + 64;
        struct statement *grown = realloc(trace->statements, capacity * sizeof(*grown));
        if (grown == NULL) {
            return bt_fail(reader->err, BT_ENOMEM, "out of memory");
        }
        trace->statements = grown;
        trace->capacity = capacity;
    }
    struct statement *statement = &trace->statements[trace->count++];
    *statement = (struct statement){.op = op, .line = reader->line};
    return read_arguments(reader, statement);
}

enum bt_status bt_trace_parse(const char *path, const void *text, size_t bytes, uint64_t dram_bytes,
                              struct bt_trace **trace, struct bt_error *err)
{
    struct reader reader = {.path = path, .dram_bytes = dram_bytes, .err = err};
    const char *at = text;
    const char *end = at + bytes;
    enum bt_status status = BT_OK;
    struct bt_trace *made = calloc(1, sizeof(*made));
    if (made == NULL || (made->path = strdup(path)) == NULL) {
        status = bt_fail(err, BT_ENOMEM, "out of memory");
        goto cleanup;
    }
    while (at < end && status == BT_OK) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        reader.line++;
        reader.at = at;
        reader.end = newline != NULL ? newline : end;
        at = newline != NULL ? newline + 1 : end;
        status = read_line(&reader, made);
    }
    if (status == BT_OK && bt_trace_checks(made) == 0) {
        reader.line += reader.line == 0 ? 1 : 0;
        status = refuse(&reader, "the trace checks nothing: expected a wait_irq, check_mem or the like");
    }
    if (status == BT_OK) {
        *trace = made;
        made = NULL;
    }

cleanup:
    bt_trace_free(made);
    return status;
}

enum bt_status bt_trace_load(const char *path, uint64_t dram_bytes, struct bt_trace **trace, struct bt_error *err)
{
    enum bt_status status = BT_EINPUT;
    struct stat info;
    char *text = NULL;
    FILE *file = NULL;
    if (stat(path, &info) != 0 || (file = fopen(path, "rb")) == NULL) {
        return bt_fail(err, status, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        (void)bt_fail(err, status, "%s: expected a file", path);
        goto cleanup;
    }
    const size_t bytes = (size_t)info.st_size;
    text = malloc(bytes + 1);
    if (text == NULL) {
        status = bt_fail(err, BT_ENOMEM, "%s: out of memory", path);
        goto cleanup;
    }
    if (fread(text, 1, bytes, file) != bytes) {
        (void)bt_fail(err, status, "%s: cannot be read", path);
        goto cleanup;
    }
    status = bt_trace_parse(path, text, bytes, dram_bytes, trace, err);

cleanup:
    free(text);
    (void)fclose(file);
    return status;
}

void bt_trace_free(struct bt_trace *trace)
{
    if (trace == NULL) {
        return;
    }
    for (uint32_t i = 0; i < trace->count; i++) {
        free(trace->statements[i].data);
    }
    free(trace->statements);
    free(trace->path);
    free(trace);
}

uint32_t bt_trace_statements(const struct bt_trace *trace)
{
    return trace->count;
}

uint32_t bt_trace_checks(const struct bt_trace *trace)
{
    uint32_t checks = 0;
    for (uint32_t i = 0; i < trace->count; i++) {
        checks += ops[trace->statements[i].op].checks ? 1 : 0;
    }
    return checks;
}

uint64_t bt_trace_max_cycles(const struct bt_trace *trace)
{
    uint64_t cycles = 0;
    for (uint32_t i = 0; i < trace->count; i++) {
        for (size_t a = 0; a < MAX_ARGUMENTS; a++) {
            if (ops[trace->statements[i].op].arguments[a] == CYCLES) {
                cycles += trace->statements[i].argument[a];
            }
        }
    }
    return cycles;
}

/* ---- running ---- */

static uint64_t cycles_of(const struct bt_hal *hal)
{
    struct bt_sim_stats stats;
    bt_hal_sim_stats(hal, &stats);
    return stats.cycles;
}

static bool equal_register(const struct statement *s, struct bt_hal *hal, struct bt_error *err)
{
    const uint32_t value = bt_hal_reg_read(hal, (uint32_t)s->argument[0]);
    if ((value & s->argument[1]) == s->argument[2]) {
        return true;
    }
    (void)bt_fail(err, BT_EDEVICE, "register 0x%" PRIx64 ": expected 0x%" PRIx64 " under mask 0x%" PRIx64 ", got 0x%x",
                  s->argument[0], s->argument[2], s->argument[1], value);
    return false;
}

static bool poll_register(const struct statement *s, struct bt_hal *hal, struct bt_error *err)
{
    const uint64_t begin = cycles_of(hal);
    uint64_t gone = 0;
    while (gone < s->argument[3] && bt_hal_sim_failed(hal) == NULL) {
        if (equal_register(s, hal, err)) {
            return true;
        }
        if (cycles_of(hal) - begin == gone) {
            bt_hal_sim_advance(hal, 1); /* whatever the bus is, the wait comes to an end */
        }
        gone = cycles_of(hal) - begin;
    }
    const struct bt_error last = *err;
    (void)bt_fail(err, BT_EDEVICE, "%.400s after %" PRIu64 " cycles", last.text, gone);
    return false;
}

static bool wait_event(uint64_t max_cycles, struct bt_hal *hal, struct bt_error *err)
{
    const enum bt_event event = bt_hal_run(hal, max_cycles);
    if (event != BT_EVENT_BUDGET) {
        return true; /* or failed, which the caller sees */
    }
    (void)bt_fail(err, BT_EDEVICE, "the core did not say that it is done in %" PRIu64 " cycles", max_cycles);
    return false;
}

static void wait_cycles(uint64_t cycles, struct bt_hal *hal)
{
    while (cycles > 0 && bt_hal_sim_failed(hal) == NULL) {
        const uint64_t slice = cycles < SLICE_CYCLES ? cycles : SLICE_CYCLES;
        bt_hal_sim_advance(hal, slice);
        cycles -= slice;
    }
}

static bool equal_crc(const struct statement *s, struct bt_hal *hal, struct bt_error *err)
{
    uint8_t chunk[CHUNK_BYTES];
    uLong crc = crc32(0, NULL, 0);
    for (uint64_t done = 0; done < s->argument[1];) {
        const uint64_t left = s->argument[1] - done;
        const size_t bytes = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
        bt_hal_mem_read(hal, s->argument[0] + done, chunk, bytes);
        crc = crc32(crc, chunk, (uInt)bytes);
        done += bytes;
    }
    if (crc == s->argument[2]) {
        return true;
    }
    (void)bt_fail(err, BT_EDEVICE, "%" PRIu64 " bytes at 0x%" PRIx64 ": expected CRC 0x%08" PRIx64 ", got 0x%08lx",
                  s->argument[1], s->argument[0], s->argument[2], crc);
    return false;
}

static bool equal_memory(const struct statement *s, struct bt_hal *hal, struct bt_error *err)
{
    uint8_t chunk[CHUNK_BYTES] = {0};
    size_t differing = 0;
    size_t first = 0;
    uint8_t got = 0;
    for (size_t i = 0; i < s->bytes; i++) {
        const size_t left = s->bytes - i;
        if (i % sizeof(chunk) == 0) {
            bt_hal_mem_read(hal, s->argument[0] + i, chunk, left < sizeof(chunk) ? left : sizeof(chunk));
        }
        const uint8_t byte = chunk[i % sizeof(chunk)];
        if (byte != s->data[i] && differing++ == 0) {
            first = i;
            got = byte;
        }
    }
    if (differing == 0) {
        return true;
    }
    (void)bt_fail(err, BT_EDEVICE, "%zu of %zu bytes differ, first at 0x%" PRIx64 ": expected 0x%02x, got 0x%02x",
                  differing, s->bytes, s->argument[0] + first, s->data[first], got);
    return false;
}

/* @return false with the reason of a check in err; whether the core broke a rule is asked afterwards. */
static bool run_statement(const struct statement *s, struct bt_hal *hal, struct bt_error *err)
{
    switch (s->op) {
    case MEM_LOAD:
        bt_hal_mem_write(hal, s->argument[0], s->data, s->bytes);
        return true;
    case MEM_FILL:
        bt_hal_mem_fill(hal, s->argument[0], (uint8_t)s->argument[2], (size_t)s->argument[1]);
        return true;
    case ALLOW_WRITE:
        bt_hal_allow_write(hal, s->argument[0], s->argument[1]);
        return true;
    case REG_WRITE:
        bt_hal_reg_write(hal, (uint32_t)s->argument[0], (uint32_t)s->argument[1]);
        return true;
    case REG_READ_EQUAL:
        return equal_register(s, hal, err);
    case POLL_REG_EQUAL:
        return poll_register(s, hal, err);
    case PIN_SET:
        bt_hal_pin_set(hal, (unsigned)s->argument[0], s->argument[1]);
        return true;
    case WAIT_IRQ:
        return wait_event(s->argument[0], hal, err);
    case WAIT_CYCLES:
        wait_cycles(s->argument[0], hal);
        return true;
    case CHECK_CRC:
        return equal_crc(s, hal, err);
    case CHECK_MEM:
    default:
        return equal_memory(s, hal, err);
    }
}

enum bt_status bt_trace_run(const struct bt_trace *trace, struct bt_hal *hal, struct bt_error *err)
{
    bt_hal_sim_arm(hal);
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct statement *s = &trace->statements[i];
        struct bt_error why = {""};
        const bool passed = run_statement(s, hal, &why);
        /* Any call notices what the core broke in the one before; this one, so that it is said of the right line. */
        uint8_t byte = 0;
        bt_hal_mem_read(hal, 0, &byte, 1);
        const char *failed = bt_hal_sim_failed(hal);
        if (!passed || failed != NULL) {
            return bt_fail(err, BT_EDEVICE, "%.300s:%u: %s: %s", trace->path, s->line, ops[s->op].name,
                           failed != NULL ? failed : why.text);
        }
    }
    return BT_OK;
}
