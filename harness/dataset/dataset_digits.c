#include <stddef.h>

#include "harness/dataset/dataset_draw.h"
#include "harness/dataset/dataset_kinds.h"

#define EXTENT BT_DIGITS_EXTENT

enum { CLASSES = 10 };
static const char *const names[CLASSES] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
static const struct bt_generated digits = {
    .name = "digits",
    .task = BT_TASK_CLASSIFY,
    .count = 1000,
    .extent = EXTENT,
    .c = 1,
    .class_names = names,
    .class_count = CLASSES,
};

/*
 * How each digit is written, one or two ways: points in a box 100 wide and 140 high, one letter and one or two points each.
 *   M x,y      lift the pen and go there      L x,y      a straight line
 *   Q x,y x,y  a parabola (quadratic Bezier curve) by way of the first point to the second
 */
static const char *const ways[CLASSES][2] = {
    {"M50,0 Q95,0 95,70 Q95,140 50,140 Q5,140 5,70 Q5,0 50,0",
     "M60,0 Q90,10 85,75 Q80,140 45,140 Q10,135 15,65 Q20,0 60,0"},
    {"M50,0 L50,140", "M25,30 L55,0 L55,140"},
    {"M10,35 Q15,0 50,0 Q92,0 90,38 Q88,65 50,95 L8,140 L95,140",
     "M12,30 Q25,0 55,0 Q90,5 85,45 Q75,85 35,125 Q15,145 12,125 Q15,105 50,130 Q75,145 95,125"},
    {"M12,20 Q25,0 50,0 Q88,0 86,35 Q84,64 42,66 Q92,66 92,104 Q92,140 48,140 Q20,140 8,118",
     "M10,0 L88,0 L45,55 Q92,55 92,98 Q90,140 48,140 Q20,140 8,120"},
    {"M70,140 L70,0 L8,95 L96,95", "M15,0 L10,75 L92,75 M72,20 L70,140"},
    {"M88,0 L22,0 L15,62 Q30,48 52,48 Q92,50 92,94 Q90,140 46,140 Q20,140 8,120",
     "M20,0 L16,60 Q90,45 92,92 Q92,140 46,140 Q22,140 6,125 M20,0 L85,2"},
    {"M78,4 Q15,30 10,98 Q12,140 50,140 Q92,138 92,98 Q90,62 52,62 Q18,64 10,98",
     "M60,0 Q20,50 14,95 Q10,140 50,140 Q88,138 86,100 Q80,70 48,75 Q20,80 14,100"},
    {"M8,0 L94,0 L42,140", "M8,4 L92,0 Q60,50 48,140 M28,70 L78,66"},
    {"M50,66 Q12,62 14,32 Q16,0 50,0 Q86,0 86,32 Q86,62 50,66 Q6,70 6,104 Q8,140 50,140 Q94,140 94,104 Q92,70 50,66",
     "M82,15 Q50,-10 25,10 Q5,40 50,66 Q100,95 80,125 Q50,155 20,125 Q5,95 50,66 Q95,40 82,15"},
    {"M90,42 Q86,78 48,78 Q10,76 10,38 Q12,0 50,0 Q88,0 90,42 Q90,100 62,140",
     "M84,35 Q75,70 45,70 Q12,68 14,34 Q20,0 52,0 Q84,2 84,35 L80,140"},
};

struct point {
    int32_t x, y;
};

enum { STROKES = 80, CURVE = 6 /* straight strokes for one parabola */ };

struct figure {
    struct bt_stroke strokes[STROKES];
    uint32_t count;
};

/* How one picture's pen turns a point of the box into one of the picture. */
struct hand {
    int32_t xx, xy, yx, yy; /* 1/256 pixel per 1/16 box unit, times 4096 */
    int32_t x, y;           /* the middle of the box */
    int32_t wave_x, wave_y, phase_x, phase_y, turns_x, turns_y;
    int32_t jitter;
};

static int32_t whole(const char **text)
{
    const int32_t sign = **text == '-' ? -1 : 1;
    int32_t value = 0;
    *text += **text == '-' || **text == ',' ? 1 : 0;
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        value = value * 10 + (**text - '0');
    }
    return sign * value;
}

static struct point read_point(const char **text, const struct hand *hand, struct bt_random *random)
{
    struct point point;
    point.x = whole(text) * 16 + bt_random_in(random, -hand->jitter, hand->jitter);
    (*text)++; /* the comma */
    point.y = whole(text) * 16 + bt_random_in(random, -hand->jitter, hand->jitter);
    *text += **text == ' ' ? 1 : 0;
    return point;
}

static struct point place(const struct hand *hand, struct point p)
{
    p.x -= 50 * 16;
    p.y -= 70 * 16;
    const int32_t bent_x = p.x + (hand->wave_x * bt_sine(p.y * hand->turns_x / 64 + hand->phase_x) >> 14);
    const int32_t bent_y = p.y + (hand->wave_y * bt_sine(p.x * hand->turns_y / 64 + hand->phase_y) >> 14);
    return (struct point){hand->x + ((hand->xx * bent_x + hand->xy * bent_y) >> 12),
                          hand->y + ((hand->yx * bent_x + hand->yy * bent_y) >> 12)};
}

static void line(struct figure *figure, const struct hand *hand, struct point from, struct point to)
{
    const struct point a = place(hand, from);
    const struct point b = place(hand, to);
    if (figure->count < STROKES) {
        figure->strokes[figure->count++] = (struct bt_stroke){.x0 = a.x, .y0 = a.y, .x1 = b.x, .y1 = b.y};
    }
}

static void trace(struct figure *figure, const struct hand *hand, struct bt_random *random, const char *text)
{
    struct point pen = {0, 0};
    while (*text != '\0') {
        const char letter = *text++;
        const struct point next = read_point(&text, hand, random);
        if (letter == 'M') {
            pen = next;
            continue;
        }
        /* A straight line bends with the wave as well: several strokes. */
        const struct point last = letter == 'Q' ? read_point(&text, hand, random) : next;
        const struct point by = letter == 'Q' ? next : (struct point){(pen.x + last.x) / 2, (pen.y + last.y) / 2};
        struct point from = pen;
        for (int32_t i = 1; i <= CURVE; i++) {
            const int32_t a = (CURVE - i) * (CURVE - i);
            const int32_t b = 2 * i * (CURVE - i);
            const int32_t c = i * i;
            const struct point to = {(a * pen.x + b * by.x + c * last.x) / (CURVE * CURVE),
                                     (a * pen.y + b * by.y + c * last.y) / (CURVE * CURVE)};
            line(figure, hand, from, to);
            from = to;
        }
        pen = last;
    }
}

static struct hand random_hand(struct bt_random *random)
{
    struct hand hand = {0};
    const int32_t angle = bt_random_in(random, -16, 16);
    const int32_t width = bt_random_in(random, 10 * 256, 19 * 256);  /* of 100 units */
    const int32_t height = bt_random_in(random, 17 * 256, 25 * 256); /* of 140 units */
    const int32_t slant = bt_random_in(random, -70, 70);             /* 256: 45 degrees */
    const int32_t sx = width * 4096 / 1600;
    const int32_t sy = height * 4096 / 2240;
    const int32_t c = bt_cosine(angle);
    const int32_t s = bt_sine(angle);
    const int32_t slanted = sy * slant / 256;
    hand.xx = (c / 4 * sx) >> 12;
    hand.yx = (s / 4 * sx) >> 12;
    hand.xy = (c / 4 * slanted - s / 4 * sy) >> 12;
    hand.yy = (s / 4 * slanted + c / 4 * sy) >> 12;
    hand.x = EXTENT * 128 + bt_random_in(random, -1000, 1000);
    hand.y = EXTENT * 128 + bt_random_in(random, -1000, 1000);
    hand.wave_x = bt_random_in(random, 0, 190);
    hand.wave_y = bt_random_in(random, 0, 190);
    hand.phase_x = bt_random_in(random, 0, 255);
    hand.phase_y = bt_random_in(random, 0, 255);
    hand.turns_x = bt_random_in(random, 4, 10);
    hand.turns_y = bt_random_in(random, 4, 10);
    hand.jitter = bt_random_in(random, 0, 130);
    return hand;
}

static struct bt_colour grey(int32_t value)
{
    return (struct bt_colour){{value, value, value}};
}

static void clutter(struct bt_canvas *canvas, struct bt_random *random, int32_t most)
{
    const int32_t count = bt_random_in(random, 0, most);
    for (int32_t i = 0; i < count; i++) {
        struct bt_stroke stroke = {.x0 = bt_random_in(random, 0, EXTENT * 256),
                                   .y0 = bt_random_in(random, 0, EXTENT * 256),
                                   .half_width = bt_random_in(random, 60, 250)};
        stroke.x1 = stroke.x0 + bt_random_in(random, -10 * 256, 10 * 256);
        stroke.y1 = stroke.y0 + bt_random_in(random, -10 * 256, 10 * 256);
        bt_draw_strokes(canvas, &stroke, 1, grey(bt_random_in(random, 30, 190)));
    }
}

static void draw(enum bt_split split, uint32_t index, int32_t label, uint8_t *pixels)
{
    struct bt_random random = bt_random_of(digits.name, split, index);
    struct bt_canvas canvas = bt_canvas_of(pixels, EXTENT, 1);
    struct figure figure = {.count = 0};
    const int32_t ground = bt_random_in(&random, 0, 90);
    bt_draw_blotches(&canvas, &random, grey(ground), bt_random_in(&random, 0, 50));
    clutter(&canvas, &random, 4);
    const struct hand hand = random_hand(&random);
    trace(&figure, &hand, &random, ways[label][bt_random_in(&random, 0, 1)]);
    const int32_t half_width = bt_random_in(&random, 150, 420);
    for (uint32_t i = 0; i < figure.count; i++) {
        figure.strokes[i].half_width = half_width;
    }
    bt_draw_strokes(&canvas, figure.strokes, figure.count, grey(bt_random_in(&random, ground + 70, 255)));
    clutter(&canvas, &random, 3);
    bt_draw_noise(&canvas, &random, bt_random_in(&random, 4, 80));
}

static enum bt_status get(const struct bt_dataset *dataset, uint32_t index, uint8_t *pixels, struct bt_truth *truth,
                          struct bt_error *err)
{
    (void)err;
    truth->label = bt_random_label(digits.name, dataset->split, index, CLASSES);
    draw(dataset->split, index, truth->label, pixels);
    return BT_OK;
}

enum bt_status bt_dataset_digits(struct bt_dataset *dataset)
{
    dataset->get = get;
    return bt_dataset_generated(&digits, dataset);
}
