#include <stddef.h>
#include <string.h>

#include "harness/dataset/dataset_draw.h"
#include "harness/dataset/dataset_kinds.h"

#define EXTENT BT_SCENES_EXTENT

enum { CLASSES = 4 };
static const char *const names[CLASSES] = {"disc", "square", "triangle", "star"};
static const enum bt_shape_kind kinds[CLASSES] = {BT_SHAPE_DISC, BT_SHAPE_SQUARE, BT_SHAPE_TRIANGLE, BT_SHAPE_STAR};
static const struct bt_generated scenes = {
    .name = "scenes",
    .task = BT_TASK_DETECT,
    .count = 200,
    .extent = EXTENT,
    .c = 3,
    .class_names = names,
    .class_count = CLASSES,
};

static struct bt_shape random_shape(struct bt_random *random, enum bt_shape_kind kind, struct bt_colour ground)
{
    struct bt_shape shape = {.kind = kind};
    shape.radius = bt_random_in(random, 7 * 256, 22 * 256);
    shape.aspect = bt_random_in(random, 205, 312);
    shape.angle = bt_random_in(random, 0, 255);
    shape.shade = bt_random_in(random, -40, 40);
    shape.ink = bt_random_contrast(random, ground, 100);
    /* Inside the picture: the extent of a shape is at most that of its circle, stretched. */
    const int32_t widest = shape.radius * (shape.aspect > 256 ? shape.aspect : 256) / 256;
    shape.x = bt_random_in(random, widest, EXTENT * 256 - widest);
    shape.y = bt_random_in(random, widest, EXTENT * 256 - widest);
    return shape;
}

static int32_t overlap(int32_t a0, int32_t a1, int32_t b0, int32_t b1)
{
    const int32_t low = a0 > b0 ? a0 : b0;
    const int32_t high = a1 < b1 ? a1 : b1;
    return high > low ? high - low : 0;
}

/* Do the circles' squares share more than a sixth of the smaller one? */
static bool crowded(const struct bt_shape *shape, const struct bt_shape *others, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct bt_shape *other = &others[i];
        const int64_t common = (int64_t)overlap(shape->x - shape->radius, shape->x + shape->radius,
                                                other->x - other->radius, other->x + other->radius) *
                               overlap(shape->y - shape->radius, shape->y + shape->radius, other->y - other->radius,
                                       other->y + other->radius);
        const int64_t least = shape->radius < other->radius ? shape->radius : other->radius;
        if (common * 6 > least * least * 4) {
            return true;
        }
    }
    return false;
}

static void clutter(struct bt_canvas *canvas, struct bt_random *random, int32_t most)
{
    const int32_t count = bt_random_in(random, 0, most);
    for (int32_t i = 0; i < count; i++) {
        struct bt_stroke stroke = {.x0 = bt_random_in(random, 0, EXTENT * 256),
                                   .y0 = bt_random_in(random, 0, EXTENT * 256),
                                   .half_width = bt_random_in(random, 100, 400)};
        stroke.x1 = stroke.x0 + bt_random_in(random, -30 * 256, 30 * 256);
        stroke.y1 = stroke.y0 + bt_random_in(random, -30 * 256, 30 * 256);
        bt_draw_strokes(canvas, &stroke, 1, bt_random_colour(random));
    }
}

uint32_t bt_scenes_draw(enum bt_split split, uint32_t index, uint8_t *pixels, struct bt_box *boxes, uint8_t *owner)
{
    enum { TRIES = 12 };
    struct bt_random random = bt_random_of(scenes.name, split, index);
    struct bt_canvas canvas = bt_canvas_of(pixels, EXTENT, 3);
    struct bt_shape placed[BT_SCENES_MOST];
    uint32_t count = 0;
    const struct bt_colour ground = bt_random_colour(&random);
    const int32_t wanted = bt_random_in(&random, 1, BT_SCENES_MOST);
    if (owner != NULL) {
        memset(owner, 0, (size_t)EXTENT * EXTENT);
    }
    bt_draw_blotches(&canvas, &random, ground, bt_random_in(&random, 10, 60));
    clutter(&canvas, &random, 5);
    for (int32_t tries = 0; tries < TRIES && count < (uint32_t)wanted; tries++) {
        const int32_t label = bt_random_in(&random, 0, CLASSES - 1);
        const struct bt_shape shape = random_shape(&random, kinds[label], ground);
        if (crowded(&shape, placed, count)) {
            continue;
        }
        struct bt_extent extent;
        bt_draw_shape(&canvas, &shape, &extent, owner, (uint8_t)(count + 1));
        boxes[count] = (struct bt_box){(float)extent.x0, (float)extent.y0, (float)extent.x1, (float)extent.y1, label};
        placed[count++] = shape;
    }
    clutter(&canvas, &random, 2);
    bt_draw_noise(&canvas, &random, bt_random_in(&random, 4, 40));
    return count;
}

static enum bt_status get(const struct bt_dataset *dataset, uint32_t index, uint8_t *pixels, struct bt_truth *truth,
                          struct bt_error *err)
{
    (void)err;
    truth->box_count = bt_scenes_draw(dataset->split, index, pixels, truth->boxes, NULL);
    return BT_OK;
}

enum bt_status bt_dataset_scenes(struct bt_dataset *dataset)
{
    dataset->get = get;
    return bt_dataset_generated(&scenes, dataset);
}
