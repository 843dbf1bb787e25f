#include "harness/cli_stale.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_BYTES 2048

static bool is_newer(const char *path, const struct stat *core)
{
    struct stat source;
    return stat(path, &source) == 0 &&
           (source.st_mtim.tv_sec > core->st_mtim.tv_sec ||
            (source.st_mtim.tv_sec == core->st_mtim.tv_sec && source.st_mtim.tv_nsec > core->st_mtim.tv_nsec));
}

/* The first line of what Verilator leaves for make, "targets : sources". @return whether one is newer, and which. */
static bool newer_source(FILE *list, const struct stat *core, char *source, size_t source_bytes)
{
    char *line = NULL;
    size_t room = 0;
    char *rest = NULL;
    bool found = false;
    if (getline(&line, &room, list) > 0) {
        char *sources = strstr(line, " : ");
        for (char *word = sources != NULL ? strtok_r(sources + 3, " \n", &rest) : NULL; word != NULL && !found;
             word = strtok_r(NULL, " \n", &rest)) {
            found = is_newer(word, core);
            (void)snprintf(source, source_bytes, "%s", word);
        }
    }
    free(line);
    return found;
}

static bool is_stale(const char *path)
{
    char list_path[PATH_BYTES];
    char source[PATH_BYTES];
    struct stat core;
    (void)snprintf(list_path, sizeof(list_path), "%.*s/obj/Vcore__ver.d", (int)(strlen(path) - strlen(".so")), path);
    FILE *list = stat(path, &core) == 0 ? fopen(list_path, "r") : NULL;
    if (list == NULL) {
        return false;
    }
    const bool stale = newer_source(list, &core, source, sizeof(source));
    if (stale) {
        (void)fprintf(stderr, "bittrue: %s is older than %s and is taken as it was built; for a new one: make %s\n",
                      path, source, path);
    }
    (void)fclose(list);
    return stale;
}

static bool simulates(const struct bt_job *job)
{
    return (job->engines & (1u << BT_ENGINE_RTL | 1u << BT_ENGINE_ISS_ACCEL)) != 0;
}

bool bt_cli_stale(const struct bt_plan *plan, const struct bt_engine_options *options)
{
    bool any = false;
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct bt_job *job = &plan->jobs[i];
        bool done = !simulates(job);
        for (uint32_t k = 0; k < i && !done; k++) {
            const struct bt_job *before = &plan->jobs[k];
            done = simulates(before) && before->variant == job->variant &&
                   strcmp(before->config.name, job->config.name) == 0;
        }
        if (!done) {
            char path[PATH_BYTES];
            bt_engine_core_path(options, job, false, path, sizeof(path));
            any = is_stale(path) || any;
        }
    }
    return any;
}
