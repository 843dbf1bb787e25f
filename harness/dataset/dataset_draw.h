/*
 * Drawing for the generated sets. Everything is integer: a picture has the same bytes on every machine. Coordinates are in
 * 1/256 pixel, the centre of the first pixel at 128; angles in 1/256 turn; sines in 1/16384; colours 0 to 255.
 */
#ifndef BT_DATASET_DRAW_H
#define BT_DATASET_DRAW_H

#include <stdbool.h>
#include <stdint.h>

/** Numbers that follow from a key; SplitMix64 (Steele, Lea, Flood, 2014). */
struct bt_random {
    uint64_t state;
};

/** The numbers of one picture: a hash of the set's name, the split and the index. */
struct bt_random bt_random_of(const char *set, uint32_t split, uint64_t index);

uint64_t bt_random_next(struct bt_random *random);

/** From low to high, both included; high - low < 2^31. */
int32_t bt_random_in(struct bt_random *random, int32_t low, int32_t high);

/** Class of picture `index`: among each `classes` pictures that follow each other from a multiple on, every class once. */
int32_t bt_random_label(const char *set, uint32_t split, uint32_t index, uint32_t classes);

int32_t bt_sine(int32_t angle);
int32_t bt_cosine(int32_t angle);

/** Largest whole number whose square is at most x. */
uint32_t bt_root(uint64_t x);

struct bt_colour {
    int32_t c[3];
};

struct bt_colour bt_random_colour(struct bt_random *random);

/** A random colour at a distance (sum over the channels) of at least `distance` <= 300 from `other`. */
struct bt_colour bt_random_contrast(struct bt_random *random, struct bt_colour other, int32_t distance);

struct bt_canvas {
    uint8_t *pixels; /**< h * w * c */
    int32_t h, w, c; /**< c: 1 or 3 */
};

struct bt_canvas bt_canvas_of(uint8_t *pixels, int32_t extent, int32_t c);

enum bt_shape_kind {
    BT_SHAPE_DISC,
    BT_SHAPE_SQUARE,
    BT_SHAPE_TRIANGLE,
    BT_SHAPE_PENTAGON,
    BT_SHAPE_CROSS,
    BT_SHAPE_RING,
    BT_SHAPE_STAR,
    BT_SHAPE_STRIPES,
    BT_SHAPE_CHECKER,
    BT_SHAPE_DOTS,
    BT_SHAPE_COUNT,
};

struct bt_shape {
    enum bt_shape_kind kind;
    int32_t x, y, radius; /**< of the circle around it */
    int32_t aspect;       /**< width against height, 256: equal */
    int32_t angle;
    int32_t shade;              /**< how much brighter one side is than the other */
    struct bt_colour ink, ink2; /**< ink2: the other colour of stripes, checker and dots */
    int32_t period;             /**< of these, 4096: the radius */
    int32_t phase_u, phase_v;
    bool round; /**< these fill a disc, else a square */
};

/** Pixels from x0 to x1 - 1, y0 to y1 - 1. */
struct bt_extent {
    int32_t x0, y0, x1, y1;
};

/**
 * Draws on three channels, anti-aliased with 16 samples a pixel.
 * @param[out] extent  Of the pixels that the shape covers by half or more; x1 <= x0 where there is none. May be NULL.
 * @param[out] owner   h * w; `mark` where the shape covers half or more. May be NULL.
 */
void bt_draw_shape(struct bt_canvas *canvas, const struct bt_shape *shape, struct bt_extent *extent, uint8_t *owner,
                   uint8_t mark);

/** Fills the canvas with soft blotches of colours `spread` around `base`. */
void bt_draw_blotches(struct bt_canvas *canvas, struct bt_random *random, struct bt_colour base, int32_t spread);

/** Adds bell-shaped noise of `strength` / 2 standard deviation. */
void bt_draw_noise(struct bt_canvas *canvas, struct bt_random *random, int32_t strength);

/** A straight stroke with round ends. */
struct bt_stroke {
    int32_t x0, y0, x1, y1, half_width;
};

/** Draws strokes as one figure: where they overlap nothing adds up. */
void bt_draw_strokes(struct bt_canvas *canvas, const struct bt_stroke *strokes, uint32_t count, struct bt_colour ink);

#endif
