#include <stddef.h>

#include "harness/dataset/dataset_draw.h"
#include "harness/dataset/dataset_kinds.h"

#define EXTENT BT_SHAPES_EXTENT

/* In the order of enum bt_shape_kind. */
static const char *const names[BT_SHAPE_COUNT] = {
    "disc", "square", "triangle", "pentagon", "cross", "ring", "star", "stripes", "checker", "dots",
};
static const struct bt_generated shapes = {
    .name = "shapes",
    .task = BT_TASK_CLASSIFY,
    .count = 1000,
    .extent = EXTENT,
    .c = 3,
    .class_names = names,
    .class_count = BT_SHAPE_COUNT,
};

static int32_t from_centre(struct bt_random *random, int32_t reach)
{
    return EXTENT * 128 + bt_random_in(random, -reach, reach);
}

static struct bt_shape random_shape(struct bt_random *random, enum bt_shape_kind kind, struct bt_colour ground)
{
    struct bt_shape shape = {.kind = kind};
    shape.x = from_centre(random, 5 * 256);
    shape.y = from_centre(random, 5 * 256);
    shape.radius = bt_random_in(random, 7 * 256, 13 * 256);
    shape.aspect = bt_random_in(random, 205, 312);
    shape.angle = bt_random_in(random, 0, 255);
    shape.shade = bt_random_in(random, -40, 40);
    shape.ink = bt_random_contrast(random, ground, 110);
    shape.ink2 = bt_random_contrast(random, shape.ink, 150);
    shape.period = 4096 * bt_random_in(random, 60, 90) / 100;
    shape.phase_u = bt_random_in(random, 0, 4095);
    shape.phase_v = bt_random_in(random, 0, 4095);
    shape.round = bt_random_in(random, 0, 1) == 1;
    return shape;
}

static void clutter(struct bt_canvas *canvas, struct bt_random *random)
{
    const int32_t count = bt_random_in(random, 0, 3);
    for (int32_t i = 0; i < count; i++) {
        const struct bt_stroke stroke = {
            bt_random_in(random, 0, EXTENT * 256), bt_random_in(random, 0, EXTENT * 256),
            bt_random_in(random, 0, EXTENT * 256), bt_random_in(random, 0, EXTENT * 256),
            bt_random_in(random, 64, 220),
        };
        bt_draw_strokes(canvas, &stroke, 1, bt_random_colour(random));
    }
}

static void draw(enum bt_split split, uint32_t index, int32_t label, uint8_t *pixels)
{
    struct bt_random random = bt_random_of(shapes.name, split, index);
    struct bt_canvas canvas = bt_canvas_of(pixels, EXTENT, 3);
    const struct bt_colour ground = bt_random_colour(&random);
    bt_draw_blotches(&canvas, &random, ground, bt_random_in(&random, 10, 70));
    clutter(&canvas, &random);
    const struct bt_shape shape = random_shape(&random, (enum bt_shape_kind)label, ground);
    bt_draw_shape(&canvas, &shape, NULL, NULL, 0);
    clutter(&canvas, &random);
    bt_draw_noise(&canvas, &random, bt_random_in(&random, 4, 44));
}

static enum bt_status get(const struct bt_dataset *dataset, uint32_t index, uint8_t *pixels, struct bt_truth *truth,
                          struct bt_error *err)
{
    (void)err;
    truth->label = bt_random_label(shapes.name, dataset->split, index, shapes.class_count);
    draw(dataset->split, index, truth->label, pixels);
    return BT_OK;
}

enum bt_status bt_dataset_shapes(struct bt_dataset *dataset)
{
    dataset->get = get;
    return bt_dataset_generated(&shapes, dataset);
}
