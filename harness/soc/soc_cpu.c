#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "harness/soc/soc_internal.h"

/*
 * Unicorn 2.0.1 knows pc inside a block only where the instruction can trap: an access that its own memory map refuses
 * leaves pc at the block's start. So all 4 GiB are mapped, the holes onto address space without memory, and the core's
 * physical memory protection says what may be done: an access that it refuses is an exception, exact and without effect.
 * Devices are holes; soc_devices.c does the access and the program goes on behind it.
 */

/* Where no program ever gets; uc_emu_start() wants an address to end at. */
#define NOWHERE 0xfffffffcu

#define PMP_R 1u
#define PMP_W 2u
#define PMP_X 4u
#define PMP_TOR (1u << 3)   /* from the entry before to here */
#define PMP_NAPOT (3u << 3) /* with an address of all ones: everything */
#define PMP_LOCK (1u << 7)  /* holds in machine mode, too */
#define CSR_PMPCFG0 0x3a0u
#define CSR_PMPADDR0 0x3b0u
#define INSN_WFI 0x10500073u

#define CAUSE_FETCH 1u
#define CAUSE_EXTERNAL_BIT 0x80000000u
#define MSTATUS_MIE (1u << 3)
#define MSTATUS_MPIE (1u << 7)
#define MSTATUS_MPP (3u << 11)

uint32_t bt_soc_reg(const struct bt_soc *soc, int id)
{
    uint32_t value = 0;
    (void)uc_reg_read(soc->uc, id, &value);
    return value;
}

void bt_soc_set_reg(struct bt_soc *soc, int id, uint32_t value)
{
    (void)uc_reg_write(soc->uc, id, &value);
}

/* ---- accounting: one call per block, before it runs ---- */

void bt_soc_retire(struct bt_soc *soc, uint32_t at, uint32_t count)
{
    soc->retired += count;
    const uint32_t word = (at - soc->map.rom.base) / 4;
    if (soc->profile != NULL && word < soc->map.rom.bytes / 4) {
        soc->profile[word] += count;
    }
}

static void on_block(uc_engine *uc, uint64_t address, uint32_t bytes, void *user)
{
    struct bt_soc *soc = user;
    /*
     * The block before is complete. What stops here has not begun. The core knows compressed instructions, which no
     * program of ours has: rounded up, so that a loop of a single one ends, too.
     */
    bt_soc_retire(soc, soc->block, (soc->block_bytes + 3) / 4);
    if ((address & 3) != 0) {
        soc->source = soc->block + (soc->block_bytes != 0 ? soc->block_bytes - 4 : 0);
    }
    soc->block = (uint32_t)address;
    soc->block_bytes = bytes;
    if (soc->retired >= soc->limit || (address & 3) != 0) {
        soc->at_limit = true;
        soc->block_bytes = 0;
        (void)uc_emu_stop(uc);
    }
}

static void on_exception(uc_engine *uc, uint32_t cause, void *user)
{
    struct bt_soc *soc = user;
    soc->raised = true;
    soc->cause = cause;
    (void)uc_emu_stop(uc);
}

/*
 * The core looks at the protection only when it takes a page into its translation buffer, so that a page of rom that was
 * read can be written: there, Unicorn's own permissions refuse, which does not tell pc. The store is looked for in the
 * block: the first that fits.
 */
static bool on_write_refused(uc_engine *uc, uc_mem_type type, uint64_t address, int bytes, int64_t value, void *user)
{
    struct bt_soc *soc = user;
    (void)uc;
    (void)type;
    soc->refused_addr = (uint32_t)address;
    soc->refused_bytes = (uint32_t)bytes;
    soc->refused_value = (uint32_t)value;
    return false;
}

static uint32_t find_refused(const struct bt_soc *soc)
{
    const uint32_t mask = soc->refused_bytes >= 4 ? UINT32_MAX : (1u << 8 * soc->refused_bytes) - 1;
    for (uint32_t at = soc->block; at - soc->block < soc->block_bytes; at += 4) {
        struct bt_soc_insn insn;
        if (bt_soc_decode(soc, at, &insn) && insn.write && insn.addr == soc->refused_addr &&
            insn.bytes == soc->refused_bytes && ((insn.value ^ soc->refused_value) & mask) == 0) {
            return at;
        }
    }
    return soc->block;
}

enum bt_soc_stop bt_soc_cpu_run(struct bt_soc *soc)
{
    soc->at_limit = soc->raised = false;
    soc->block_bytes = 0;
    soc->block = soc->pc;
    const uc_err error = uc_emu_start(soc->uc, soc->pc, NOWHERE, 0, 0);
    uint32_t at = bt_soc_reg(soc, UC_RISCV_REG_PC);
    enum bt_soc_stop stop = BT_SOC_STOP_LIMIT;
    if (soc->raised) {
        at -= 4; /* Unicorn steps over what its hook for exceptions has seen */
        stop = BT_SOC_STOP_EXCEPTION;
    } else if (error == UC_ERR_INSN_INVALID) {
        soc->cause = 3; /* ebreak only */
        stop = BT_SOC_STOP_EXCEPTION;
    } else if (error == UC_ERR_WRITE_PROT) {
        at = find_refused(soc);
        soc->cause = 7;
        stop = BT_SOC_STOP_EXCEPTION;
    } else if (error == UC_ERR_FETCH_PROT || (error == UC_ERR_OK && !soc->at_limit && at == NOWHERE)) {
        /* Unicorn takes a jump to NOWHERE for the end that it was given. */
        soc->cause = CAUSE_FETCH;
        soc->raised = true;
        stop = BT_SOC_STOP_EXCEPTION;
    } else if (error != UC_ERR_OK) {
        (void)bt_fail(&soc->trouble_text, BT_EIO, "Unicorn at pc 0x%08" PRIx32 ": %s", at, uc_strerror(error));
        stop = BT_SOC_STOP_EMULATOR;
    } else if (!soc->at_limit) {
        stop = BT_SOC_STOP_WFI;
    }
    if (soc->raised) {
        soc->source = soc->block + (soc->block_bytes != 0 ? soc->block_bytes - 4 : 0);
    }
    /* The last block may have been left in its middle, or through its end by a jump to where nothing can be fetched. */
    if (at - soc->block < soc->block_bytes && !(soc->raised && soc->cause == CAUSE_FETCH)) {
        bt_soc_retire(soc, soc->block, (at - soc->block) / 4);
    } else {
        bt_soc_retire(soc, soc->block, soc->block_bytes / 4);
    }
    soc->block_bytes = 0;
    soc->pc = at;
    return stop;
}

/* ---- traps ---- */

void bt_soc_trap(struct bt_soc *soc, uint32_t cause)
{
    const uint32_t mstatus = bt_soc_reg(soc, UC_RISCV_REG_MSTATUS);
    const uint32_t mtvec = bt_soc_reg(soc, UC_RISCV_REG_MTVEC);
    bt_soc_set_reg(soc, UC_RISCV_REG_MEPC, soc->pc);
    bt_soc_set_reg(soc, UC_RISCV_REG_MCAUSE, cause);
    bt_soc_set_reg(soc, UC_RISCV_REG_MSTATUS,
                   (mstatus & ~(MSTATUS_MIE | MSTATUS_MPIE)) | MSTATUS_MPP |
                       ((mstatus & MSTATUS_MIE) != 0 ? MSTATUS_MPIE : 0));
    const bool vectored = (mtvec & 1) != 0 && (cause & CAUSE_EXTERNAL_BIT) != 0;
    soc->pc = (mtvec & ~3u) + (vectored ? 4 * (cause & 0xff) : 0);
}

/* ---- Unicorn ---- */

static enum bt_status unicorn_failed(uc_err error, const char *what, struct bt_error *err)
{
    return bt_fail(err, BT_EIO, "Unicorn cannot %s: %s", what, uc_strerror(error));
}

/* The protection can be set by instructions only; they lie in a page that is a hole afterwards. */
static uc_err protect(struct bt_soc *soc)
{
    const struct bt_soc_map *map = &soc->map;
    const uint64_t ram_end = (uint64_t)map->ram.base + map->ram.bytes;
    const uint64_t stack = ram_end - map->stack_bytes;
    const struct {
        uint64_t end;
        uint8_t rights;
    } entries[] = {
        {map->rom.base, 0},
        {(uint64_t)map->rom.base + map->rom.bytes, PMP_LOCK | PMP_TOR | PMP_R | PMP_X},
        {map->ram.base, 0},
        {stack - BT_SOC_PAGE, PMP_LOCK | PMP_TOR | PMP_R | PMP_W},
        {stack, PMP_LOCK | PMP_TOR},
        {ram_end, PMP_LOCK | PMP_TOR | PMP_R | PMP_W},
        {map->dram.base, 0},
        {(uint64_t)map->dram.base + soc->options.dram_bytes, PMP_LOCK | PMP_TOR | PMP_R | PMP_W},
        {UINT64_MAX, PMP_LOCK | PMP_NAPOT},
    };
    enum { COUNT = sizeof(entries) / sizeof(entries[0]), CONFIGS = (COUNT + 3) / 4 };
    uint32_t code[COUNT + CONFIGS + 1];
    uint32_t config[CONFIGS] = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        bt_soc_set_reg(soc, UC_RISCV_REG_X1 + (int)count, (uint32_t)(entries[i].end >> 2));
        config[i / 4] |= (uint32_t)entries[i].rights << 8 * (i % 4);
        code[count] = (CSR_PMPADDR0 + i) << 20 | (count + 1) << 15 | 1u << 12 | 0x73; /* csrw pmpaddr, x */
        count++;
    }
    /* The last configuration holds the prohibition of all else; the code's own page must outlive the others. */
    for (uint32_t i = 0; i < CONFIGS; i++) {
        bt_soc_set_reg(soc, UC_RISCV_REG_X1 + (int)count, config[i]);
        code[count] = (CSR_PMPCFG0 + i) << 20 | (count + 1) << 15 | 1u << 12 | 0x73;
        count++;
    }
    code[count] = INSN_WFI;

    const uint32_t page = map->console;
    uc_err error = uc_mem_map(soc->uc, page, BT_SOC_PAGE, UC_PROT_ALL);
    if (error == UC_ERR_OK) {
        error = uc_mem_write(soc->uc, page, code, sizeof(code));
    }
    if (error == UC_ERR_OK) {
        error = uc_emu_start(soc->uc, page, NOWHERE, 0, 0);
    }
    const uc_err unmapped = uc_mem_unmap(soc->uc, page, BT_SOC_PAGE);
    for (uint32_t i = 0; i < count; i++) {
        bt_soc_set_reg(soc, UC_RISCV_REG_X1 + (int)i, 0);
    }
    return error != UC_ERR_OK ? error : unmapped;
}

struct memory {
    uint64_t base, bytes;
    void *store;
    uint32_t rights;
};

static int by_base(const void *left, const void *right)
{
    const struct memory *a = left;
    const struct memory *b = right;
    return a->base < b->base ? -1 : a->base > b->base ? 1 : 0;
}

/* The three memories in the order of their addresses, and what is between them. */
static uc_err map_all(struct bt_soc *soc)
{
    const struct bt_soc_map *map = &soc->map;
    struct memory memories[] = {
        {map->rom.base, map->rom.bytes, soc->rom, UC_PROT_READ | UC_PROT_EXEC},
        {map->ram.base, map->ram.bytes, soc->ram, UC_PROT_READ | UC_PROT_WRITE},
        {map->dram.base, soc->options.dram_bytes, soc->options.dram, UC_PROT_READ | UC_PROT_WRITE},
        {(uint64_t)1 << 32, 0, NULL, 0},
    };
    qsort(memories, 3, sizeof(memories[0]), by_base);
    uint64_t at = 0;
    for (int i = 0; i < 4; i++) {
        uc_err error = UC_ERR_OK;
        if (memories[i].base > at) {
            error = uc_mem_map_ptr(soc->uc, at, memories[i].base - at, UC_PROT_ALL, (uint8_t *)soc->hole + at);
        }
        if (error == UC_ERR_OK && memories[i].bytes > 0) {
            error = uc_mem_map_ptr(soc->uc, memories[i].base, memories[i].bytes, memories[i].rights, memories[i].store);
        }
        if (error != UC_ERR_OK) {
            return error;
        }
        at = memories[i].base + memories[i].bytes;
    }
    return UC_ERR_OK;
}

/*
 * A program that ended well leaves its instance to the next one, without its registers. Translated code may stay: only rom can
 * be executed, nobody can write it, and every run loads the same.
 */
void bt_soc_cpu_reset(struct bt_soc *soc)
{
    static const int csrs[] = {UC_RISCV_REG_MIE,  UC_RISCV_REG_MTVEC,  UC_RISCV_REG_MSCRATCH,
                               UC_RISCV_REG_MEPC, UC_RISCV_REG_MCAUSE, UC_RISCV_REG_MTVAL};
    for (int i = UC_RISCV_REG_X1; i <= UC_RISCV_REG_X31; i++) {
        bt_soc_set_reg(soc, i, 0);
    }
    for (size_t i = 0; i < sizeof(csrs) / sizeof(csrs[0]); i++) {
        bt_soc_set_reg(soc, csrs[i], 0);
    }
    bt_soc_set_reg(soc, UC_RISCV_REG_MSTATUS, MSTATUS_MPP);
}

enum bt_status bt_soc_cpu_open(struct bt_soc *soc, struct bt_error *err)
{
    uc_hook hook;
    void (*const hooks[])(void) = {(void (*)(void))on_block, (void (*)(void))on_exception,
                                   (void (*)(void))on_write_refused};
    static const int kinds[] = {UC_HOOK_BLOCK, UC_HOOK_INTR, UC_HOOK_MEM_WRITE_PROT};
    void *callback[3];
    memcpy(callback, hooks, sizeof(callback)); /* ISO C has no cast from a function pointer to an object pointer */
    uc_err error = uc_open(UC_ARCH_RISCV, UC_MODE_RISCV32, &soc->uc);
    if (error != UC_ERR_OK) {
        soc->uc = NULL;
        return unicorn_failed(error, "start", err);
    }
    /* Integer only, with memory protection. */
    error = uc_ctl_set_cpu_model(soc->uc, UC_CPU_RISCV32_SIFIVE_E31);
    if (error == UC_ERR_OK) {
        error = protect(soc);
    }
    if (error == UC_ERR_OK) {
        error = map_all(soc);
    }
    for (size_t i = 0; i < 3 && error == UC_ERR_OK; i++) {
        error = uc_hook_add(soc->uc, &hook, kinds[i], callback[i], soc, 1, 0);
    }
    if (error != UC_ERR_OK) {
        bt_soc_cpu_close(soc);
        return unicorn_failed(error, "map the memory", err);
    }
    bt_soc_cpu_reset(soc);
    return BT_OK;
}

void bt_soc_cpu_close(struct bt_soc *soc)
{
    if (soc->uc != NULL) {
        (void)uc_close(soc->uc);
        soc->uc = NULL;
    }
}
