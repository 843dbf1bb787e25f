#include "reference/ops/pool2d_s8_fast.h"

#include <stddef.h>
#include <string.h>

#include "reference/ops/avgpool_s8.h"

/* Channels whose sums are kept at once. */
#define CHUNK 64
/* Sums of as many int8 stay far inside int32, and quotients of such integers are truncated from doubles exactly. */
#define MOST_ELEMS (1 << 23)

#define INLINE static inline __attribute__((always_inline))

struct task {
    const struct ref_pool2d *pool;
    const int8_t *ifmap;
    int8_t *ofmap;
};

/* One output pixel. */
typedef void pixel_function(const struct ref_pool2d *pool, const int8_t *image, const struct ref_window *window,
                            int8_t *out);

INLINE void max_pixel(const struct ref_pool2d *pool, const int8_t *restrict image, const struct ref_window *window,
                      int8_t *restrict out)
{
    const int32_t channels = pool->c;
    const int8_t low = (int8_t)pool->act_min;
    const int8_t high = (int8_t)pool->act_max;
    memset(out, pool->act_min, (size_t)channels);
    for (int64_t y = window->y0; y < window->y1; y++) {
        for (int64_t x = window->x0; x < window->x1; x++) {
            const int8_t *restrict in = image + (y * pool->w + x) * channels;
            for (int32_t c = 0; c < channels; c++) {
                out[c] = in[c] > out[c] ? in[c] : out[c];
            }
        }
    }
    for (int32_t c = 0; (low > INT8_MIN || high < INT8_MAX) && c < channels; c++) {
        out[c] = out[c] > high ? high : out[c];
    }
}

/* CHUNK channels, or fewer. */
INLINE void average_chunk(const struct ref_pool2d *pool, const int8_t *restrict image, const struct ref_window *window,
                          int32_t count, int8_t *restrict out)
{
    const int32_t elems = (window->y1 - window->y0) * (window->x1 - window->x0);
    const int32_t half = elems / 2;
    int32_t sums[CHUNK] = {0};
    for (int64_t y = window->y0; y < window->y1; y++) {
        for (int64_t x = window->x0; x < window->x1; x++) {
            const int8_t *restrict in = image + (y * pool->w + x) * pool->c;
            for (int32_t c = 0; c < count; c++) {
                sums[c] += in[c];
            }
        }
    }
    for (int32_t c = 0; c < count; c++) {
        const int32_t rounded = sums[c] + (sums[c] > 0 ? half : -half);
        int32_t average = (int32_t)((double)rounded / elems);
        average = average < pool->act_min ? pool->act_min : average;
        average = average > pool->act_max ? pool->act_max : average;
        out[c] = (int8_t)average;
    }
}

INLINE void average_pixel(const struct ref_pool2d *pool, const int8_t *image, const struct ref_window *window,
                          int8_t *out)
{
    for (int32_t c = 0; c < pool->c; c += CHUNK) {
        average_chunk(pool, image + c, window, pool->c - c < CHUNK ? pool->c - c : CHUNK, out + c);
    }
}

INLINE void all_pixels(const struct task *task, pixel_function *function)
{
    const struct ref_pool2d pool = *task->pool;
    const int32_t oh = ref_pool2d_oh(&pool);
    const int32_t ow = ref_pool2d_ow(&pool);
    int8_t *out = task->ofmap;
    for (int64_t n = 0; n < pool.n; n++) {
        const int8_t *image = task->ifmap + n * pool.h * pool.w * pool.c;
        for (int32_t oy = 0; oy < oh; oy++) {
            for (int32_t ox = 0; ox < ow; ox++, out += pool.c) {
                const struct ref_window window = ref_pool2d_window(&pool, oy, ox);
                function(&pool, image, &window, out);
            }
        }
    }
}

typedef void task_function(const struct task *task);

#define COMPILED(name, attributes, function)                                                                           \
    static attributes void name(const struct task *task)                                                               \
    {                                                                                                                  \
        all_pixels(task, function);                                                                                    \
    }

#ifdef REF_HAS_X86
#define FOR_EACH_ISA(name, function)                                                                                   \
    COMPILED(name##_base, , function)                                                                                  \
    COMPILED(name##_avx2, REF_TARGET_AVX2, function)                                                                   \
    COMPILED(name##_avx512, REF_TARGET_AVX512, function)                                                               \
    static task_function *const name[REF_ISA_COUNT] = {name##_base, name##_avx2, name##_avx512, name##_avx512};
#else
#define FOR_EACH_ISA(name, function)                                                                                   \
    COMPILED(name##_base, , function)                                                                                  \
    static task_function *const name[REF_ISA_COUNT] = {name##_base};
#endif

FOR_EACH_ISA(max_tasks, max_pixel)
FOR_EACH_ISA(average_tasks, average_pixel)

static bool valid(const struct ref_pool2d *pool, enum ref_isa isa, const int8_t *ifmap, const int8_t *ofmap)
{
    return pool != NULL && ifmap != NULL && ofmap != NULL && ref_isa_available(isa) &&
           ref_pool2d_check(pool, INT8_MIN, INT8_MAX, NULL) == BT_OK;
}

enum bt_status ref_maxpool_s8_fast(const struct ref_pool2d *pool, enum ref_isa isa, const int8_t *ifmap, int8_t *ofmap)
{
    if (!valid(pool, isa, ifmap, ofmap)) {
        return BT_EINVAL;
    }
    max_tasks[isa](&(struct task){pool, ifmap, ofmap});
    return BT_OK;
}

enum bt_status ref_avgpool_s8_fast(const struct ref_pool2d *pool, enum ref_isa isa, const int8_t *ifmap, int8_t *ofmap)
{
    if (!valid(pool, isa, ifmap, ofmap)) {
        return BT_EINVAL;
    }
    if ((int64_t)pool->kh * pool->kw > MOST_ELEMS) {
        return ref_avgpool_s8(pool, ifmap, ofmap);
    }
    average_tasks[isa](&(struct task){pool, ifmap, ofmap});
    return BT_OK;
}
