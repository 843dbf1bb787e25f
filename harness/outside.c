#include "harness/outside.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 4096
#define ENDING "_configs.yaml"

/* The <name> of the folder's one <name>_configs.yaml. */
static enum bt_status find_name(const char *dir, char *name, size_t name_bytes, struct bt_error *err)
{
    unsigned found = 0;
    DIR *folder = opendir(dir);
    if (folder == NULL) {
        return bt_fail(err, BT_EINPUT, "%s: expected the folder of a core: %s", dir, strerror(errno));
    }
    const struct dirent *file = NULL;
    while ((file = readdir(folder)) != NULL) {
        const size_t length = strlen(file->d_name);
        const size_t tail = strlen(ENDING);
        if (length > tail && strcmp(file->d_name + length - tail, ENDING) == 0) {
            (void)snprintf(name, name_bytes, "%.*s", (int)(length - tail), file->d_name);
            found++;
        }
    }
    (void)closedir(folder);
    if (found != 1) {
        return bt_fail(err, BT_EINPUT, "%s: expected one <name>" ENDING ", found %u", dir, found);
    }
    return BT_OK;
}

/* Was the shared object built, and from this folder? Two folders may bring a core of the same name. */
static enum bt_status check_origin(const char *dir, const char *so_path, const char *from_path, struct bt_error *err)
{
    char here[PATH_BYTES];
    char from[PATH_BYTES] = "";
    if (access(so_path, R_OK) != 0) {
        return bt_fail(err, BT_EINPUT, "no driver %s; build it with: make core DIR=%s", so_path, dir);
    }
    FILE *file = fopen(from_path, "r");
    if (file != NULL) {
        const size_t length = fread(from, 1, sizeof(from) - 1, file);
        from[length] = '\0';
        from[strcspn(from, "\n")] = '\0';
        (void)fclose(file);
    }
    char *real = realpath(dir, NULL);
    (void)snprintf(here, sizeof(here), "%s", real != NULL ? real : dir);
    free(real);
    if (strcmp(from, here) != 0) {
        return bt_fail(err, BT_EINPUT, "%s was built from '%.150s'; build this one with: make core DIR=%s", so_path,
                       from, dir);
    }
    return BT_OK;
}

/* What must be there, whatever else a room leaves out. */
static const char *missing(const struct bt_variant *variant)
{
    const struct bt_driver *driver = variant->driver;
    if (variant->name == NULL || variant->summary == NULL || variant->params == NULL || driver == NULL) {
        return "name, summary, params or driver";
    }
    if (driver->supports == NULL || driver->plan == NULL || driver->pack == NULL || driver->load == NULL ||
        driver->program == NULL || driver->start == NULL || driver->service == NULL || driver->unpack == NULL ||
        driver->finish == NULL) {
        return "a callback of the driver";
    }
    return driver->plan_bytes == 0 || driver->max_layers == 0 ? "plan_bytes or max_layers" : NULL;
}

static enum bt_status check_variant(const struct bt_variant *variant, const char *name, const char *so_path,
                                    struct bt_error *err)
{
    if (variant == NULL) {
        return bt_fail(err, BT_EINPUT, "%s: not a variant, %s() gave NULL", so_path, BT_VARIANT_SYMBOL);
    }
    if (variant->abi != BT_VARIANT_ABI) {
        return bt_fail(err, BT_EINPUT, "%s: its room has interface %u, expected %u (.abi = BT_VARIANT_ABI)", so_path,
                       variant->abi, BT_VARIANT_ABI);
    }
    const char *what = missing(variant);
    if (what != NULL) {
        return bt_fail(err, BT_EINPUT, "%s: its room lacks %s", so_path, what);
    }
    if (strcmp(variant->name, name) != 0) {
        return bt_fail(err, BT_EINPUT, "%s: its room is called '%.60s', expected '%s' as in the files' names", so_path,
                       variant->name, name);
    }
    return BT_OK;
}

static enum bt_status load(const char *so_path, const char *name, const struct bt_variant **variant,
                           struct bt_error *err)
{
    const struct bt_variant *(*entry)(void) = NULL;
    void *library = dlopen(so_path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        return bt_fail(err, BT_EINPUT, "cannot load the driver: %s", dlerror());
    }
    enum bt_status status = BT_OK;
    void *symbol = dlsym(library, BT_VARIANT_SYMBOL);
    if (symbol == NULL) {
        status = bt_fail(err, BT_EINPUT, "%s: not a variant, symbol %s is missing", so_path, BT_VARIANT_SYMBOL);
        goto cleanup;
    }
    memcpy(&entry, &symbol, sizeof(entry)); /* ISO C has no cast from an object pointer to a function pointer */
    const struct bt_variant *found = entry();
    status = check_variant(found, name, so_path, err);
    if (status == BT_OK) {
        *variant = found;
        return BT_OK;
    }

cleanup:
    (void)dlclose(library);
    return status;
}

enum bt_status bt_outside_load(const char *dir, const char *build_dir, const struct bt_variant **variant,
                               struct bt_error *err)
{
    char name[256];
    char so_path[PATH_BYTES];
    char from_path[PATH_BYTES];
    enum bt_status status = find_name(dir, name, sizeof(name), err);
    if (status != BT_OK) {
        return status;
    }
    if (bt_variant_find(name) != NULL) {
        return bt_fail(err, BT_EINPUT, "%s: there is a variant '%s' already; a core from elsewhere needs another name",
                       dir, name);
    }
    (void)snprintf(so_path, sizeof(so_path), "%s/outside/%s.so", build_dir, name);
    (void)snprintf(from_path, sizeof(from_path), "%s/outside/%s.from", build_dir, name);
    status = check_origin(dir, so_path, from_path, err);
    if (status == BT_OK) {
        status = load(so_path, name, variant, err);
    }
    if (status == BT_OK && bt_variant_add(*variant, dir) != BT_OK) {
        status = bt_fail(err, BT_EINPUT, "%s: too many cores from elsewhere", dir);
    }
    return status;
}
