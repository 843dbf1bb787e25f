#include "harness/timeline.h"

#include <errno.h>
#include <jansson.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/firmware/soc_regs.h"

const char *bt_timeline_category(uint32_t step_kind)
{
    static const char *const names[BT_STEP_KIND_COUNT] = {
        [BT_STEP_NONE] = "none",           [BT_STEP_CONV2D] = "conv2d",     [BT_STEP_MAXPOOL] = "maxpool",
        [BT_STEP_AVGPOOL] = "avgpool",     [BT_STEP_ADD] = "add",           [BT_STEP_MUL] = "mul",
        [BT_STEP_CONCAT] = "concat",       [BT_STEP_UPSAMPLE] = "upsample", [BT_STEP_SLICE] = "slice",
        [BT_STEP_SOFTMAX] = "softmax",     [BT_STEP_TABLE] = "table",       [BT_STEP_ACCEL_PACK] = "pack",
        [BT_STEP_ACCEL_LOAD] = "load",     [BT_STEP_ACCEL_START] = "start", [BT_STEP_ACCEL_WAIT] = "wait",
        [BT_STEP_ACCEL_UNPACK] = "unpack",
    };
    return step_kind < BT_STEP_KIND_COUNT ? names[step_kind] : "none";
}

/* json_*_set_new() takes NULL and fails; what failed is noted once, at the end. */
static void set(json_t *object, const char *key, json_t *value, bool *ok)
{
    *ok = json_object_set_new(object, key, value) == 0 && *ok;
}

static json_t *event(const char *phase, const char *name, int thread, bool *ok)
{
    json_t *object = json_object();
    set(object, "ph", json_string(phase), ok);
    set(object, "name", json_string(name), ok);
    set(object, "pid", json_integer(1), ok);
    set(object, "tid", json_integer(thread), ok);
    return object;
}

static void name_thread(json_t *events, int thread, const char *name, bool *ok)
{
    json_t *object = event("M", "thread_name", thread, ok);
    set(object, "args", json_pack("{s:s}", "name", name), ok);
    *ok = json_array_append_new(events, object) == 0 && *ok;
}

/* A span of time on one of the two tracks. */
static void complete(json_t *events, json_t *object, const struct bt_timeline *timeline, const char *category,
                     uint64_t from, uint64_t to, json_t *args, bool *ok)
{
    set(object, "cat", json_string(category), ok);
    set(object, "ts", json_real((double)from / timeline->clock_mhz), ok);
    set(object, "dur", json_real((double)(to - from) / timeline->clock_mhz), ok);
    set(object, "args", args, ok);
    *ok = json_array_append_new(events, object) == 0 && *ok;
}

static void cpu_events(json_t *events, const struct bt_timeline *timeline, bool *ok)
{
    const struct bt_soc_mark *from = NULL;
    for (uint32_t m = 0; m < timeline->report->mark_count; m++) {
        const struct bt_soc_mark *mark = &timeline->report->marks[m];
        const uint32_t index = mark->value & ~SOC_MARK_END;
        if ((mark->value & SOC_MARK_END) == 0) {
            from = mark;
        } else if (from != NULL && from->value == index && index < timeline->step_count) {
            const struct bt_step *step = &timeline->steps[index];
            const char *layer = step->node < timeline->graph->count ? timeline->graph->nodes[step->node].name : "?";
            const char *category = bt_timeline_category(step->kind);
            char name[80];
            (void)snprintf(name, sizeof(name), "%.47s %s", layer, category);
            json_t *args = json_pack("{s:s, s:I, s:I}", "layer", layer, "instructions",
                                     (json_int_t)(mark->instructions - from->instructions), "wait_cycles",
                                     (json_int_t)(mark->wait_cycles - from->wait_cycles));
            complete(events, event("X", name, 1, ok), timeline, category, from->cycle, mark->cycle, args, ok);
        }
    }
}

/* The n-th run of the accelerator belongs to the n-th start of the program. */
static void accel_events(json_t *events, const struct bt_timeline *timeline, bool *ok)
{
    uint32_t span = 0;
    for (uint32_t s = 0; s < timeline->step_count && span < timeline->report->span_count; s++) {
        if (timeline->steps[s].kind != BT_STEP_ACCEL_START) {
            continue;
        }
        const struct bt_soc_span *run = &timeline->report->spans[span++];
        const uint32_t node = timeline->steps[s].node;
        const char *layer = node < timeline->graph->count ? timeline->graph->nodes[node].name : "?";
        json_t *args = json_pack("{s:s, s:I}", "layer", layer, "start_to_done", (json_int_t)run->start_to_done);
        complete(events, event("X", layer, 2, ok), timeline, "accelerator", run->from, run->to, args, ok);
    }
}

/* Instructions by function, most first. */
static json_t *profile(const struct bt_soc_report *report, bool *ok)
{
    json_t *object = json_object();
    json_t *functions = json_object();
    for (uint32_t i = 0; i < report->function_count; i++) {
        set(functions, report->functions[i].name, json_integer((json_int_t)report->functions[i].instructions), ok);
    }
    set(object, "instructions", functions, ok);
    return object;
}

enum bt_status bt_timeline_write(const struct bt_timeline *timeline, const char *path, struct bt_error *err)
{
    bool ok = true;
    json_t *root = json_object();
    json_t *events = json_array();
    name_thread(events, 1, "CPU", &ok);
    if (timeline->accel != NULL) {
        name_thread(events, 2, timeline->accel, &ok);
    }
    cpu_events(events, timeline, &ok);
    accel_events(events, timeline, &ok);
    set(root, "traceEvents", events, &ok);
    set(root, "displayTimeUnit", json_string("ms"), &ok);
    set(root, "otherData", profile(timeline->report, &ok), &ok);
    if (!ok) {
        json_decref(root);
        return bt_fail(err, BT_ENOMEM, "%s: out of memory", path);
    }
    char folder[4096];
    (void)snprintf(folder, sizeof(folder), "%s", path);
    (void)mkdir(dirname(folder), 0777); /* writing says what is wrong */
    char temporary[4096 + 16];
    (void)snprintf(temporary, sizeof(temporary), "%s.%ld", path, (long)getpid());
    errno = 0;
    const bool failed =
        json_dump_file(root, temporary, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) != 0 || rename(temporary, path) != 0;
    json_decref(root);
    if (failed) {
        (void)unlink(temporary);
        return bt_fail(err, BT_EIO, "%s: cannot be written: %s", path, strerror(errno));
    }
    return BT_OK;
}
