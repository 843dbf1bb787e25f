#include <assert.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/soc/soc_internal.h"

#define MAX_SEGMENTS 64u
#define MAX_ELF_BYTES ((int64_t)256 << 20)

/* Flags of e_flags that name what this core has not: compressed instructions, a float ABI, sixteen registers. */
#define UNKNOWN_FLAGS (EF_RISCV_RVC | EF_RISCV_FLOAT_ABI | EF_RISCV_RVE)

struct loader {
    struct bt_soc *soc;
    const char *path;
    int fd;
    Elf *elf;
    uint64_t file_bytes;
    struct bt_error *err;
};

uint8_t *bt_soc_memory(const struct bt_soc *soc, uint32_t addr, uint64_t bytes)
{
    const struct bt_soc_map *map = &soc->map;
    const struct {
        uint32_t base;
        uint64_t bytes;
        uint8_t *store;
    } memories[] = {
        {map->rom.base, map->rom.bytes, soc->rom},
        {map->ram.base, map->ram.bytes, soc->ram},
        {map->dram.base, soc->options.dram_bytes, soc->options.dram},
    };
    for (size_t i = 0; i < sizeof(memories) / sizeof(memories[0]); i++) {
        const uint64_t offset = (uint64_t)addr - memories[i].base;
        if (addr >= memories[i].base && offset <= memories[i].bytes && bytes <= memories[i].bytes - offset) {
            return memories[i].store + offset;
        }
    }
    return NULL;
}

/* Neither the stack nor the page below it may hold what the loader brings. */
static bool in_stack(const struct bt_soc *soc, uint32_t addr, uint64_t bytes)
{
    const struct bt_soc_range *ram = &soc->map.ram;
    const uint64_t end = (uint64_t)ram->base + ram->bytes;
    return addr < end && addr + bytes > end - soc->map.stack_bytes - BT_SOC_PAGE;
}

static enum bt_status out_of_memory(const struct loader *loader)
{
    return bt_fail(loader->err, BT_ENOMEM, "%s: out of memory", loader->path);
}

static enum bt_status refuse(const struct loader *loader, const char *what)
{
    return bt_fail(loader->err, BT_EINPUT, "%s: %s: expected a 32-bit little-endian RISC-V executable (RV32IM, ilp32)",
                   loader->path, what);
}

static enum bt_status check_header(const struct loader *loader)
{
    GElf_Ehdr header;
    if (loader->elf == NULL || elf_kind(loader->elf) != ELF_K_ELF) {
        return refuse(loader, "not an ELF file");
    }
    if (gelf_getehdr(loader->elf, &header) == NULL) {
        return refuse(loader, "its header is cut off");
    }
    if (header.e_machine != EM_RISCV) {
        return refuse(loader, "for another machine");
    }
    if (header.e_ident[EI_CLASS] != ELFCLASS32) {
        return refuse(loader, "64-bit");
    }
    if (header.e_ident[EI_DATA] != ELFDATA2LSB) {
        return refuse(loader, "big-endian");
    }
    if (header.e_type != ET_EXEC) {
        return refuse(loader, "not linked to fixed addresses");
    }
    if ((header.e_flags & UNKNOWN_FLAGS) != 0) {
        return refuse(loader, (header.e_flags & EF_RISCV_RVC) != 0 ? "has compressed instructions"
                                                                   : "for another ABI (float or RVE)");
    }
    const struct bt_soc_map *map = &loader->soc->map;
    if (header.e_entry % 4 != 0 || header.e_entry < map->rom.base || header.e_entry - map->rom.base >= map->rom.bytes) {
        return bt_fail(loader->err, BT_EINPUT, "%s: entry point 0x%08" PRIx64 ": expected an instruction in rom",
                       loader->path, (uint64_t)header.e_entry);
    }
    loader->soc->program.entry = (uint32_t)header.e_entry;
    return BT_OK;
}

static enum bt_status check_place(const struct loader *loader, uint64_t addr, uint64_t bytes)
{
    if (addr > UINT32_MAX || bt_soc_memory(loader->soc, (uint32_t)addr, bytes) == NULL) {
        return bt_fail(loader->err, BT_EINPUT,
                       "%s: segment of %" PRIu64 " bytes at 0x%08" PRIx64 ": expected it inside rom, ram or dram of %s",
                       loader->path, bytes, addr, loader->soc->map.path);
    }
    if (in_stack(loader->soc, (uint32_t)addr, bytes)) {
        return bt_fail(loader->err, BT_EINPUT,
                       "%s: segment of %" PRIu64 " bytes at 0x%08" PRIx64
                       " reaches into the stack: expected it to end a page before the last %" PRIu32 " bytes of ram",
                       loader->path, bytes, addr, loader->soc->map.stack_bytes);
    }
    return BT_OK;
}

static enum bt_status read_at(const struct loader *loader, void *to, uint64_t bytes, uint64_t offset)
{
    if (offset > loader->file_bytes || bytes > loader->file_bytes - offset) {
        return bt_fail(loader->err, BT_EINPUT,
                       "%s: cut off: %" PRIu64 " bytes, expected at least %" PRIu64 " for its segments", loader->path,
                       loader->file_bytes, offset + bytes);
    }
    for (uint64_t done = 0; done < bytes;) {
        const ssize_t got = pread(loader->fd, (uint8_t *)to + done, bytes - done, (off_t)(offset + done));
        if (got <= 0) {
            return bt_fail(loader->err, BT_EIO, "%s: cannot be read", loader->path);
        }
        done += (uint64_t)got;
    }
    return BT_OK;
}

/* What the file has goes to the load address; what it has not (.bss) is zero in RAM anyway. */
static enum bt_status load_segment(const struct loader *loader, const GElf_Phdr *header)
{
    struct bt_soc_program *program = &loader->soc->program;
    if (header->p_type != PT_LOAD || header->p_memsz == 0) {
        return BT_OK;
    }
    enum bt_status status = check_place(loader, header->p_vaddr, header->p_memsz);
    if (status == BT_OK && header->p_filesz != 0) {
        status = check_place(loader, header->p_paddr, header->p_filesz);
    }
    if (status != BT_OK || header->p_filesz == 0) {
        return status;
    }
    if (program->segment_count == MAX_SEGMENTS) {
        return bt_fail(loader->err, BT_EINPUT, "%s: more than %u segments", loader->path, MAX_SEGMENTS);
    }
    struct bt_soc_segment *segment = &program->segments[program->segment_count];
    segment->addr = (uint32_t)header->p_paddr;
    segment->bytes = (uint32_t)header->p_filesz;
    segment->data = malloc(header->p_filesz);
    if (segment->data == NULL) {
        return out_of_memory(loader);
    }
    program->segment_count++;
    return read_at(loader, segment->data, header->p_filesz, header->p_offset);
}

static enum bt_status load_segments(const struct loader *loader)
{
    size_t count = 0;
    if (elf_getphdrnum(loader->elf, &count) != 0 || count == 0) {
        return refuse(loader, "no segments");
    }
    loader->soc->program.segments = calloc(MAX_SEGMENTS, sizeof(*loader->soc->program.segments));
    if (loader->soc->program.segments == NULL) {
        return out_of_memory(loader);
    }
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr header;
        if (gelf_getphdr(loader->elf, (int)i, &header) == NULL) {
            return refuse(loader, "its segment table is cut off");
        }
        const enum bt_status status = load_segment(loader, &header);
        if (status != BT_OK) {
            return status;
        }
    }
    return BT_OK;
}

/* ---- symbols, for messages; a program without them runs as well ---- */

static int by_value(const void *left, const void *right)
{
    const struct bt_soc_symbol *a = left;
    const struct bt_soc_symbol *b = right;
    if (a->value != b->value) {
        return a->value < b->value ? -1 : 1;
    }
    return a->name < b->name ? -1 : a->name > b->name ? 1 : 0;
}

static bool wanted(const GElf_Sym *symbol, const char *name)
{
    const int type = GELF_ST_TYPE(symbol->st_info);
    return symbol->st_shndx != SHN_UNDEF && (type == STT_NOTYPE || type == STT_FUNC || type == STT_OBJECT) &&
           name != NULL && name[0] != '\0' && name[0] != '$';
}

static enum bt_status load_table(const struct loader *loader, Elf_Scn *section, const GElf_Shdr *header)
{
    struct bt_soc_program *program = &loader->soc->program;
    Elf_Data *data = elf_getdata(section, NULL);
    const size_t count = data != NULL && header->sh_entsize != 0 ? header->sh_size / header->sh_entsize : 0;
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        GElf_Sym symbol;
        const char *name = gelf_getsym(data, (int)i, &symbol) != NULL
                               ? elf_strptr(loader->elf, header->sh_link, symbol.st_name)
                               : NULL;
        bytes += name != NULL ? strlen(name) + 1 : 0;
    }
    program->symbols = calloc(count + 1, sizeof(*program->symbols));
    program->strings = malloc(bytes + 1);
    if (program->symbols == NULL || program->strings == NULL) {
        return out_of_memory(loader);
    }
    char *next = program->strings;
    for (size_t i = 0; i < count; i++) {
        GElf_Sym symbol;
        if (gelf_getsym(data, (int)i, &symbol) == NULL) {
            continue;
        }
        const char *name = elf_strptr(loader->elf, header->sh_link, symbol.st_name);
        if (wanted(&symbol, name)) {
            const size_t length = strlen(name) + 1;
            memcpy(next, name, length);
            program->symbols[program->symbol_count++] = (struct bt_soc_symbol){(uint32_t)symbol.st_value, next};
            next += length;
        }
    }
    qsort(program->symbols, program->symbol_count, sizeof(*program->symbols), by_value);
    return BT_OK;
}

/*
 * Unicorn answers reads of the counters with the host's clock, which no run gives twice; the timer device tells the
 * simulated time instead.
 */
static enum bt_status check_code(const struct loader *loader, const GElf_Shdr *header)
{
    const struct bt_soc *soc = loader->soc;
    for (uint32_t i = 0; i < soc->program.segment_count; i++) {
        const struct bt_soc_segment *segment = &soc->program.segments[i];
        if (header->sh_addr < segment->addr || header->sh_addr + header->sh_size > segment->addr + segment->bytes) {
            continue;
        }
        for (uint64_t at = 0; at + 4 <= header->sh_size; at += 4) {
            uint32_t word;
            assert(segment->data != NULL);
            memcpy(&word, segment->data + (header->sh_addr - segment->addr) + at, 4);
            const uint32_t csr = word >> 20;
            const bool counter = ((csr & 0xf60) == 0xb00 || (csr & 0xf60) == 0xc00);
            if ((word & 0x7f) == 0x73 && (word & 0x3000) != 0 && counter) {
                return bt_fail(loader->err, BT_EINPUT,
                               "%s: reads the counter CSR 0x%03" PRIx32 " at 0x%08" PRIx64
                               ": expected the timer device instead, whose time is the simulated one",
                               loader->path, csr, (uint64_t)header->sh_addr + at);
            }
        }
    }
    return BT_OK;
}

static enum bt_status load_sections(const struct loader *loader)
{
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(loader->elf, section)) != NULL) {
        GElf_Shdr header;
        enum bt_status status = BT_OK;
        if (gelf_getshdr(section, &header) == NULL) {
            continue;
        }
        if (header.sh_type == SHT_SYMTAB && loader->soc->program.symbols == NULL) {
            status = load_table(loader, section, &header);
        } else if (header.sh_type == SHT_PROGBITS && (header.sh_flags & SHF_EXECINSTR) != 0) {
            status = check_code(loader, &header);
        }
        if (status != BT_OK) {
            return status;
        }
    }
    return BT_OK;
}

enum bt_status bt_soc_program_load(struct bt_soc *soc, struct bt_error *err)
{
    struct stat info;
    struct loader loader = {.soc = soc, .path = soc->options.elf, .err = err};
    enum bt_status status = BT_OK;
    loader.fd = open(loader.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would wait for who writes it */
    if (loader.fd < 0 || fstat(loader.fd, &info) != 0) {
        status = bt_fail(err, BT_EIO, "%s: cannot be read", loader.path);
        goto cleanup;
    }
    if (!S_ISREG(info.st_mode)) {
        status = refuse(&loader, "not a regular file");
        goto cleanup;
    }
    if (info.st_size > MAX_ELF_BYTES) {
        status = refuse(&loader, "larger than 256 MiB");
        goto cleanup;
    }
    loader.file_bytes = (uint64_t)info.st_size;
    (void)elf_version(EV_CURRENT);
    loader.elf = elf_begin(loader.fd, ELF_C_READ, NULL);
    status = check_header(&loader);
    if (status == BT_OK) {
        status = load_segments(&loader);
    }
    if (status == BT_OK) {
        status = load_sections(&loader);
    }

cleanup:
    (void)elf_end(loader.elf);
    if (loader.fd >= 0) {
        (void)close(loader.fd);
    }
    return status;
}

void bt_soc_program_free(struct bt_soc_program *program)
{
    for (uint32_t i = 0; i < program->segment_count; i++) {
        free(program->segments[i].data);
    }
    free(program->segments);
    free(program->symbols);
    free(program->strings);
}

bool bt_soc_symbol(const struct bt_soc *soc, const char *name, uint32_t *value)
{
    for (uint32_t i = 0; i < soc->program.symbol_count; i++) {
        if (strcmp(soc->program.symbols[i].name, name) == 0) {
            *value = soc->program.symbols[i].value;
            return true;
        }
    }
    return false;
}
