#include "harness/dataset/dataset_draw.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* ---- numbers ---- */

uint64_t bt_random_next(struct bt_random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = random->state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct bt_random bt_random_of(const char *set, uint32_t split, uint64_t index)
{
    unsigned char key[32 + 4 + 8] = {0};
    for (unsigned i = 0; i < 32 && set[i] != '\0'; i++) {
        key[i] = (unsigned char)set[i];
    }
    for (unsigned i = 0; i < 4; i++) {
        key[32 + i] = (unsigned char)(split >> (8 * i));
    }
    for (unsigned i = 0; i < 8; i++) {
        key[36 + i] = (unsigned char)(index >> (8 * i));
    }
    return (struct bt_random){XXH3_64bits(key, sizeof(key))};
}

int32_t bt_random_in(struct bt_random *random, int32_t low, int32_t high)
{
    const uint64_t range = (uint64_t)((int64_t)high - low + 1);
    return (int32_t)(low + (int64_t)(((bt_random_next(random) >> 32) * range) >> 32));
}

int32_t bt_random_label(const char *set, uint32_t split, uint32_t index, uint32_t classes)
{
    int32_t order[16] = {0};
    assert(classes >= 1 && classes <= 16);
    /* Above every index of a picture: numbers of its own. */
    struct bt_random random = bt_random_of(set, split, (UINT64_C(1) << 32) + index / classes);
    for (int32_t i = 0; i < (int32_t)classes; i++) {
        const int32_t j = bt_random_in(&random, 0, i);
        order[i] = order[j];
        order[j] = i;
    }
    return order[index % classes];
}

/* 16384 * sin(2 pi i / 256), to the nearest. */
static const int16_t quarter[65] = {
    0,     402,   804,   1205,  1606,  2006,  2404,  2801,  3196,  3590,  3981,  4370,  4756,
    5139,  5520,  5897,  6270,  6639,  7005,  7366,  7723,  8076,  8423,  8765,  9102,  9434,
    9760,  10080, 10394, 10702, 11003, 11297, 11585, 11866, 12140, 12406, 12665, 12916, 13160,
    13395, 13623, 13842, 14053, 14256, 14449, 14635, 14811, 14978, 15137, 15286, 15426, 15557,
    15679, 15791, 15893, 15986, 16069, 16143, 16207, 16261, 16305, 16340, 16364, 16379, 16384,
};

int32_t bt_sine(int32_t angle)
{
    const int32_t a = angle & 255;
    const int32_t half = a & 127;
    const int32_t value = quarter[half <= 64 ? half : 128 - half];
    return a < 128 ? value : -value;
}

int32_t bt_cosine(int32_t angle)
{
    return bt_sine(angle + 64);
}

uint32_t bt_root(uint64_t x)
{
    uint64_t root = 0;
    for (uint64_t bit = UINT64_C(1) << 31; bit != 0; bit >>= 1) {
        const uint64_t next = root + bit;
        root = next * next <= x ? next : root;
    }
    return (uint32_t)root;
}

static uint8_t clamp(int32_t value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

struct bt_colour bt_random_colour(struct bt_random *random)
{
    struct bt_colour colour;
    for (int i = 0; i < 3; i++) {
        colour.c[i] = bt_random_in(random, 0, 255);
    }
    return colour;
}

struct bt_colour bt_random_contrast(struct bt_random *random, struct bt_colour other, int32_t distance)
{
    struct bt_colour colour;
    int32_t apart = 0;
    assert(distance <= 300); /* every colour has one 384 away */
    do {
        colour = bt_random_colour(random);
        apart = 0;
        for (int i = 0; i < 3; i++) {
            apart += abs(colour.c[i] - other.c[i]);
        }
    } while (apart < distance);
    return colour;
}

struct bt_canvas bt_canvas_of(uint8_t *pixels, int32_t extent, int32_t c)
{
    struct bt_canvas canvas = {.h = extent, .w = extent, .c = c};
    canvas.pixels = pixels;
    return canvas;
}

/* ---- shapes ---- */

/* Outward normals of regular figures, and how far their sides are from the centre, 4096: the radius around them. */
static const int32_t triangle_normals[3][2] = {{4096, 0}, {-2048, 3547}, {-2048, -3547}};
static const int32_t pentagon_normals[5][2] = {{4096, 0}, {1266, 3896}, {-3314, 2408}, {-3314, -2408}, {1266, -3896}};
enum { TRIANGLE_SIDE = 2048, PENTAGON_SIDE = 3314, STAR_SIDE = 1500, STAR_RADIUS = 4855, SQUARE_SIDE = 2896 };

static int sides_within(const int32_t normals[][2], int count, int32_t side, int32_t u, int32_t v)
{
    int within = 0;
    for (int i = 0; i < count; i++) {
        within += (normals[i][0] * u + normals[i][1] * v) >> 12 <= side ? 1 : 0;
    }
    return within;
}

/* 0: outside, 1: ink, 2: the other ink. u, v: 4096 is the radius. */
static int sample(const struct bt_shape *shape, int32_t u, int32_t v)
{
    const int32_t r2 = (u * u + v * v) >> 12;
    const int32_t au = abs(u);
    const int32_t av = abs(v);
    const int32_t most = au > av ? au : av;
    if (r2 > 4096) {
        return 0;
    }
    switch (shape->kind) {
    case BT_SHAPE_DISC:
        return 1;
    case BT_SHAPE_SQUARE:
        return most <= SQUARE_SIDE ? 1 : 0;
    case BT_SHAPE_TRIANGLE:
        return sides_within(triangle_normals, 3, TRIANGLE_SIDE, u, v) == 3 ? 1 : 0;
    case BT_SHAPE_PENTAGON:
        return sides_within(pentagon_normals, 5, PENTAGON_SIDE, u, v) == 5 ? 1 : 0;
    case BT_SHAPE_CROSS:
        return (au <= 1200 || av <= 1200) && most <= 3800 ? 1 : 0;
    case BT_SHAPE_RING:
        return r2 >= 1300 ? 1 : 0; /* inner radius: 0.56 */
    case BT_SHAPE_STAR: /* inside at least four of the five lines that make a pentagram; its tips end on the circle */
        return sides_within(pentagon_normals, 5, STAR_SIDE, u * (STAR_RADIUS / 16) >> 8, v * (STAR_RADIUS / 16) >> 8) >=
                       4
                   ? 1
                   : 0;
    default:
        break;
    }
    if (!shape->round && most > SQUARE_SIDE) {
        return 0;
    }
    const int32_t half = shape->period / 2;
    const int32_t tu = (u + shape->phase_u + (1 << 16)) % shape->period;
    const int32_t tv = (v + shape->phase_v + (1 << 16)) % shape->period;
    if (shape->kind == BT_SHAPE_STRIPES) {
        return tu < half ? 1 : 2;
    }
    if (shape->kind == BT_SHAPE_CHECKER) {
        return (tu < half) == (tv < half) ? 1 : 2;
    }
    const int32_t du = tu - half;
    const int32_t dv = tv - half;
    return du * du + dv * dv <= shape->period * shape->period / 9 ? 1 : 2;
}

struct transform {
    int32_t cu, su, cv, sv; /* u = (cu * x + su * y) >> 14, v likewise; x, y: 1/256 pixel from the centre */
};

static struct transform transform_of(const struct bt_shape *shape)
{
    /* u is 2^12 * x / width, a sine 2^14. What is within twice the radius keeps the products below 2^28. */
    const int32_t height = shape->radius;
    const int32_t width = shape->radius * shape->aspect / 256;
    const int32_t c = bt_cosine(shape->angle);
    const int32_t s = bt_sine(shape->angle);
    return (struct transform){c * 4096 / width, s * 4096 / width, -s * 4096 / height, c * 4096 / height};
}

void bt_draw_shape(struct bt_canvas *canvas, const struct bt_shape *shape, struct bt_extent *extent, uint8_t *owner,
                   uint8_t mark)
{
    const struct transform t = transform_of(shape);
    const int32_t widest = shape->aspect > 256 ? shape->radius * shape->aspect / 256 : shape->radius;
    const int32_t x_first = (shape->x - widest) >> 8 < 0 ? 0 : (shape->x - widest) >> 8;
    const int32_t y_first = (shape->y - widest) >> 8 < 0 ? 0 : (shape->y - widest) >> 8;
    struct bt_extent found = {canvas->w, canvas->h, 0, 0};
    assert(canvas->c == 3 && shape->radius >= 512);
    for (int32_t y = y_first; y < canvas->h && y * 256 <= shape->y + widest; y++) {
        for (int32_t x = x_first; x < canvas->w && x * 256 <= shape->x + widest; x++) {
            /* Of the first of 4x4 samples; the others lie a quarter of a pixel apart. */
            const int32_t dx = x * 256 + 32 - shape->x;
            const int32_t dy = y * 256 + 32 - shape->y;
            if ((dx + 96) * (dx + 96) + (dy + 96) * (dy + 96) > (widest + 256) * (widest + 256)) {
                continue; /* all of it lies outside the circle */
            }
            const int32_t u0 = t.cu * dx + t.su * dy;
            const int32_t v0 = t.cv * dx + t.sv * dy;
            int32_t count[3] = {0};
            for (int32_t i = 0; i < 16; i++) {
                const int32_t right = 64 * (i & 3);
                const int32_t down = 64 * (i >> 2);
                count[sample(shape, (u0 + t.cu * right + t.su * down) >> 14,
                             (v0 + t.cv * right + t.sv * down) >> 14)]++;
            }
            if (count[0] == 16) {
                continue;
            }
            uint8_t *pixel = canvas->pixels + ((size_t)y * (size_t)canvas->w + (size_t)x) * 3;
            const int32_t light = (shape->shade * ((u0 + (t.cu + t.su) * 192) >> 14)) >> 12;
            for (int c = 0; c < 3; c++) {
                pixel[c] = clamp((pixel[c] * count[0] + (shape->ink.c[c] + light) * count[1] +
                                  (shape->ink2.c[c] + light) * count[2] + 8) >>
                                 4);
            }
            if (count[0] > 8) {
                continue;
            }
            found.x0 = x < found.x0 ? x : found.x0;
            found.x1 = x >= found.x1 ? x + 1 : found.x1;
            found.y0 = y < found.y0 ? y : found.y0;
            found.y1 = y + 1;
            if (owner != NULL) {
                owner[(size_t)y * (size_t)canvas->w + (size_t)x] = mark;
            }
        }
    }
    if (extent != NULL) {
        *extent = found;
    }
}

/* ---- backgrounds and noise ---- */

void bt_draw_blotches(struct bt_canvas *canvas, struct bt_random *random, struct bt_colour base, int32_t spread)
{
    enum { MOST = 7 };
    int32_t grid[MOST + 1][MOST + 1][3] = {{{0}}};
    const int32_t cells = bt_random_in(random, 2, MOST - 1);
    for (int32_t y = 0; y <= cells; y++) {
        for (int32_t x = 0; x <= cells; x++) {
            for (int c = 0; c < canvas->c; c++) {
                grid[y][x][c] = base.c[c] + bt_random_in(random, -spread, spread);
            }
        }
    }
    uint8_t *pixel = canvas->pixels;
    for (int32_t y = 0; y < canvas->h; y++) {
        const int32_t gy = y * cells * 256 / canvas->h;
        int32_t row[MOST + 1][3] = {{0}};
        for (int32_t x = 0; x <= cells; x++) {
            for (int c = 0; c < canvas->c; c++) {
                row[x][c] = grid[gy >> 8][x][c] * (256 - (gy & 255)) + grid[(gy >> 8) + 1][x][c] * (gy & 255);
            }
        }
        for (int32_t x = 0; x < canvas->w; x++) {
            const int32_t gx = x * cells * 256 / canvas->w;
            const int32_t *left = row[gx >> 8];
            const int32_t *right = row[(gx >> 8) + 1];
            for (int c = 0; c < canvas->c; c++) {
                *pixel++ = clamp((left[c] * (256 - (gx & 255)) + right[c] * (gx & 255)) >> 16);
            }
        }
    }
}

/* How many ones there are in each 16 bits of a word. */
static uint64_t ones_of(uint64_t x)
{
    x -= (x >> 1) & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333)) + ((x >> 2) & UINT64_C(0x3333333333333333));
    x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (x + (x >> 8)) & UINT64_C(0x001f001f001f001f);
}

void bt_draw_noise(struct bt_canvas *canvas, struct bt_random *random, int32_t strength)
{
    const size_t elems = (size_t)canvas->h * (size_t)canvas->w * (size_t)canvas->c;
    uint64_t ones = 0;
    for (size_t i = 0; i < elems; i++) {
        /* The ones among 16 random bits: their standard deviation is 2. */
        ones = i % 4 == 0 ? ones_of(bt_random_next(random)) : ones >> 16;
        canvas->pixels[i] = clamp(canvas->pixels[i] + ((int32_t)(ones & 31) - 8) * strength / 4);
    }
}

/* ---- strokes ---- */

/* Squared distance of a point from a stroke's middle line. */
static int64_t distance2(const struct bt_stroke *stroke, int32_t x, int32_t y)
{
    const int64_t ex = stroke->x1 - stroke->x0;
    const int64_t ey = stroke->y1 - stroke->y0;
    const int64_t px = x - stroke->x0;
    const int64_t py = y - stroke->y0;
    const int64_t length2 = ex * ex + ey * ey;
    int64_t along = px * ex + py * ey;
    along = along < 0 ? 0 : along > length2 ? length2 : along;
    const int64_t t = length2 > 0 ? along * 1024 / length2 : 0;
    const int64_t dx = px - ex * t / 1024;
    const int64_t dy = py - ey * t / 1024;
    return dx * dx + dy * dy;
}

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t largest(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

void bt_draw_strokes(struct bt_canvas *canvas, const struct bt_stroke *strokes, uint32_t count, struct bt_colour ink)
{
    enum { SIDE = 128 };
    static const int32_t edge = 128; /* half of the ramp from full to none */
    uint16_t cover[SIDE * SIDE];     /* 0 to 256 */
    assert(canvas->h <= SIDE && canvas->w <= SIDE);
    memset(cover, 0, (size_t)canvas->h * (size_t)canvas->w * sizeof(*cover));
    int32_t top = canvas->h;
    int32_t bottom = -1;
    for (uint32_t i = 0; i < count; i++) {
        const struct bt_stroke *stroke = &strokes[i];
        const int32_t reach = stroke->half_width + edge;
        const int32_t x0 = largest(0, (least(stroke->x0, stroke->x1) - reach) >> 8);
        const int32_t x1 = least(canvas->w - 1, (largest(stroke->x0, stroke->x1) + reach) >> 8);
        const int32_t y0 = largest(0, (least(stroke->y0, stroke->y1) - reach) >> 8);
        const int32_t y1 = least(canvas->h - 1, (largest(stroke->y0, stroke->y1) + reach) >> 8);
        top = least(top, y0);
        bottom = largest(bottom, y1);
        for (int32_t y = y0; y <= y1; y++) {
            for (int32_t x = x0; x <= x1; x++) {
                const int64_t d2 = distance2(stroke, x * 256 + 128, y * 256 + 128);
                if (d2 >= (int64_t)reach * reach) {
                    continue;
                }
                const int64_t core = largest(reach - 256, 0);
                const int32_t full = d2 <= core * core ? least(256, reach) : reach - (int32_t)bt_root((uint64_t)d2);
                uint16_t *at = &cover[y * canvas->w + x];
                *at = (uint16_t)largest(*at, full);
            }
        }
    }
    for (int32_t i = top * canvas->w; i < (bottom + 1) * canvas->w; i++) {
        for (int c = 0; c < canvas->c && cover[i] > 0; c++) {
            uint8_t *at = &canvas->pixels[i * canvas->c + c];
            *at = clamp((*at * (256 - cover[i]) + ink.c[c] * cover[i] + 128) >> 8);
        }
    }
}
