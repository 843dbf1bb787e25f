#include "harness/key.h"

#include <errno.h>
#include <fts.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

/* A file or folder that was read already, and what it looked like before that. */
struct known {
    char *path;
    struct bt_key key, look;
    uint32_t looked; /* after how many calls of bt_keymaker_look_again() */
};

struct bt_keymaker {
    XXH3_state_t *state, *file;
    struct known *known;
    uint32_t count, capacity, first_changed, looks;
    bool changed;
    bool has_libraries;
    struct bt_key libraries;
};

struct bt_keymaker *bt_keymaker_new(void)
{
    struct bt_keymaker *maker = calloc(1, sizeof(*maker));
    if (maker == NULL) {
        return NULL;
    }
    maker->state = XXH3_createState();
    maker->file = XXH3_createState();
    if (maker->state == NULL || maker->file == NULL) {
        bt_keymaker_free(maker);
        return NULL;
    }
    bt_keymaker_reset(maker);
    return maker;
}

void bt_keymaker_free(struct bt_keymaker *maker)
{
    if (maker == NULL) {
        return;
    }
    for (uint32_t i = 0; i < maker->count; i++) {
        free(maker->known[i].path);
    }
    free(maker->known);
    (void)XXH3_freeState(maker->state);
    (void)XXH3_freeState(maker->file);
    free(maker);
}

void bt_keymaker_reset(struct bt_keymaker *maker)
{
    (void)XXH3_128bits_reset(maker->state);
}

void bt_keymaker_look_again(struct bt_keymaker *maker)
{
    maker->looks++;
}

const char *bt_keymaker_changed(const struct bt_keymaker *maker)
{
    return maker->changed ? maker->known[maker->first_changed].path : NULL;
}

static struct bt_key digest_of(const XXH3_state_t *state)
{
    struct bt_key key;
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
    memcpy(key.bytes, canonical.digest, sizeof(key.bytes));
    return key;
}

/* Name and value, each with its length in front. */
static void item(XXH3_state_t *state, const char *name, const void *value, uint64_t bytes)
{
    const uint64_t name_bytes = strlen(name);
    (void)XXH3_128bits_update(state, &name_bytes, sizeof(name_bytes));
    (void)XXH3_128bits_update(state, name, name_bytes);
    (void)XXH3_128bits_update(state, &bytes, sizeof(bytes));
    (void)XXH3_128bits_update(state, value, bytes);
}

void bt_key_text(struct bt_keymaker *maker, const char *name, const char *text)
{
    item(maker->state, name, text, strlen(text));
}

void bt_key_number(struct bt_keymaker *maker, const char *name, int64_t value)
{
    item(maker->state, name, &value, sizeof(value));
}

void bt_key_real(struct bt_keymaker *maker, const char *name, double value)
{
    item(maker->state, name, &value, sizeof(value));
}

/* One regular file: its name, its bytes, and their number behind them. */
static bool read_file(XXH3_state_t *state, const char *path, const char *name)
{
    static unsigned char block[1 << 18];
    uint64_t bytes = 0;
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return false;
    }
    item(state, "file", name, strlen(name));
    for (size_t got; (got = fread(block, 1, sizeof(block), file)) != 0; bytes += got) {
        (void)XXH3_128bits_update(state, block, got);
    }
    const bool ok = ferror(file) == 0;
    (void)fclose(file);
    item(state, "bytes", &bytes, sizeof(bytes));
    return ok;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* What changes when a file is written to or replaced, without a look into it. */
static void item_stat(XXH3_state_t *state, const char *name, const struct stat *info)
{
    const int64_t numbers[] = {(int64_t)info->st_dev,          (int64_t)info->st_ino,
                               (int64_t)info->st_size,         (int64_t)info->st_mtim.tv_sec,
                               (int64_t)info->st_mtim.tv_nsec, (int64_t)info->st_ctim.tv_sec,
                               (int64_t)info->st_ctim.tv_nsec};
    item(state, name, numbers, sizeof(numbers));
}

/* Everything below a folder, in the order of names, or how it looks; what is neither file nor folder is left out. */
static bool read_tree(XXH3_state_t *state, const char *path, bool looks)
{
    char *roots[] = {(char *)(uintptr_t)path, NULL};
    FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    bool ok = tree != NULL;
    for (FTSENT *entry; ok && (entry = fts_read(tree)) != NULL;) {
        const char *name = entry->fts_path + strlen(path);
        if (entry->fts_info == FTS_F && looks) {
            item_stat(state, name, entry->fts_statp);
        } else if (entry->fts_info == FTS_F) {
            ok = read_file(state, entry->fts_accpath, name);
        } else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS) {
            errno = entry->fts_errno;
            ok = false;
        }
    }
    const int error = errno;
    if (tree != NULL) {
        (void)fts_close(tree);
    }
    errno = error;
    return ok;
}

/* The content, or the look, of whatever is there. */
static bool read_path(XXH3_state_t *state, const char *path, bool looks)
{
    struct stat info;
    (void)XXH3_128bits_reset(state);
    if (stat(path, &info) != 0) {
        item(state, "none", "", 0);
        return errno == ENOENT || errno == ENOTDIR;
    }
    if (S_ISDIR(info.st_mode)) {
        return read_tree(state, path, looks);
    }
    if (looks) {
        item_stat(state, "", &info);
        return true;
    }
    return S_ISREG(info.st_mode) && read_file(state, path, "");
}

static struct known *find(const struct bt_keymaker *maker, const char *path)
{
    for (uint32_t i = 0; i < maker->count; i++) {
        if (strcmp(maker->known[i].path, path) == 0) {
            return &maker->known[i];
        }
    }
    return NULL;
}

static struct known *remember(struct bt_keymaker *maker, const char *path)
{
    if (maker->count == maker->capacity) {
        const uint32_t capacity = maker->capacity * 2 + 16;
        struct known *grown = realloc(maker->known, capacity * sizeof(*grown));
        if (grown == NULL) {
            return NULL;
        }
        maker->known = grown;
        maker->capacity = capacity;
    }
    struct known *added = &maker->known[maker->count];
    *added = (struct known){.path = strdup(path)};
    maker->count += added->path != NULL ? 1 : 0;
    return added->path != NULL ? added : NULL;
}

enum bt_status bt_key_file(struct bt_keymaker *maker, const char *name, const char *path)
{
    struct known *known = find(maker, path);
    if (known != NULL && known->looked == maker->looks) {
        item(maker->state, name, known->key.bytes, sizeof(known->key.bytes));
        return BT_OK;
    }
    if (!read_path(maker->file, path, true)) {
        return BT_EIO;
    }
    const struct bt_key look =
        digest_of(maker->file); /* before the content: what changes while it is read is noticed */
    if (known == NULL || memcmp(&known->look, &look, sizeof(look)) != 0) {
        if (!read_path(maker->file, path, false)) {
            return BT_EIO;
        }
        if (known != NULL && !maker->changed) {
            maker->changed = true;
            maker->first_changed = (uint32_t)(known - maker->known);
        }
        known = known != NULL ? known : remember(maker, path);
        if (known == NULL) {
            return BT_ENOMEM;
        }
        known->key = digest_of(maker->file);
        known->look = look;
    }
    known->looked = maker->looks;
    item(maker->state, name, known->key.bytes, sizeof(known->key.bytes));
    return BT_OK;
}

static int add_library(struct dl_phdr_info *info, size_t size, void *context)
{
    XXH3_state_t *state = context;
    struct stat file;
    char *path = info->dlpi_name != NULL && info->dlpi_name[0] == '/' ? realpath(info->dlpi_name, NULL) : NULL;
    (void)size;
    if (path != NULL && stat(path, &file) == 0) {
        const int64_t looks[] = {(int64_t)file.st_size, (int64_t)file.st_mtim.tv_sec, (int64_t)file.st_mtim.tv_nsec};
        item(state, strrchr(path, '/'), looks, sizeof(looks));
    }
    free(path);
    return 0;
}

void bt_key_libraries(struct bt_keymaker *maker)
{
    if (!maker->has_libraries) {
        (void)XXH3_128bits_reset(maker->file);
        (void)dl_iterate_phdr(add_library, maker->file);
        maker->libraries = digest_of(maker->file);
        maker->has_libraries = true;
    }
    item(maker->state, "libraries", maker->libraries.bytes, sizeof(maker->libraries.bytes));
}

struct bt_key bt_key_of(const struct bt_keymaker *maker)
{
    return digest_of(maker->state);
}
