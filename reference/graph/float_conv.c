#include "reference/graph/float_conv.h"

#include <stdlib.h>
#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "reference/common/bt_conv2d.h"

/* A product is rounded before it is added. GCC does so by itself in standard C. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

/* Filters of a panel, and output pixels of a row that share its reading. */
#define FILTERS 16
#define PIXELS 8

/* What a tap adds to the sums of a panel at some pixels. */
struct tap {
    const float *in; /* the input pixel's channels of the group; those of the next output pixel are `step` further */
    int64_t step;
    int32_t depth;
    const float *weights; /* [depth][FILTERS] */
    float *sums;          /* [pixels][FILTERS] */
};

typedef void tap_function(const struct tap *tap, int32_t pixels);

struct bt_float_conv {
    struct bt_conv2d conv;
    tap_function *add;
    int32_t oh, ow, depth, filters, panels; /* per group */
    float *weights;                         /* [groups][panels][kh * kw * depth][FILTERS], zeros behind the filters */
    float *bias;                            /* [groups][panels][FILTERS]; depthwise, both are [..][c] */
};

/* ---- the kernels ---- */

static void add_base(const struct tap *tap, int32_t pixels)
{
    for (int32_t p = 0; p < pixels; p++) {
        float *restrict sums = tap->sums + (int64_t)p * FILTERS;
        const float *in = tap->in + p * tap->step;
        for (int32_t c = 0; c < tap->depth; c++) {
            const float *restrict weights = tap->weights + (int64_t)c * FILTERS;
            for (int32_t f = 0; f < FILTERS; f++) {
                sums[f] += in[c] * weights[f];
            }
        }
    }
}

#ifdef REF_HAS_X86
/* `pixels` is a constant where this is inlined: all sums stay in registers. */
static inline REF_TARGET_AVX2 __attribute__((always_inline)) void add_some_avx2(const struct tap *tap, int32_t first,
                                                                                const int32_t pixels)
{
    const float *in = tap->in + first * tap->step;
    float *to = tap->sums + (int64_t)first * FILTERS;
    const int64_t step = tap->step;
    __m256 low[PIXELS / 2];
    __m256 high[PIXELS / 2];
    for (int32_t p = 0; p < pixels; p++) {
        low[p] = _mm256_loadu_ps(to + (int64_t)p * FILTERS);
        high[p] = _mm256_loadu_ps(to + (int64_t)p * FILTERS + 8);
    }
    for (int32_t c = 0; c < tap->depth; c++) {
        const __m256 w_low = _mm256_loadu_ps(tap->weights + (int64_t)c * FILTERS);
        const __m256 w_high = _mm256_loadu_ps(tap->weights + (int64_t)c * FILTERS + 8);
        for (int32_t p = 0; p < pixels; p++) {
            const __m256 x = _mm256_broadcast_ss(in + p * step + c);
            low[p] = _mm256_add_ps(low[p], _mm256_mul_ps(x, w_low));
            high[p] = _mm256_add_ps(high[p], _mm256_mul_ps(x, w_high));
        }
    }
    for (int32_t p = 0; p < pixels; p++) {
        _mm256_storeu_ps(to + (int64_t)p * FILTERS, low[p]);
        _mm256_storeu_ps(to + (int64_t)p * FILTERS + 8, high[p]);
    }
}

static REF_TARGET_AVX2 void add_avx2(const struct tap *tap, int32_t pixels)
{
    int32_t first = 0;
    for (; first + 4 <= pixels; first += 4) {
        add_some_avx2(tap, first, 4);
    }
    for (; first < pixels; first++) {
        add_some_avx2(tap, first, 1);
    }
}

static inline REF_TARGET_AVX512 __attribute__((always_inline)) void add_some_avx512(const struct tap *tap,
                                                                                    int32_t first, const int32_t pixels)
{
    const float *in = tap->in + first * tap->step;
    float *to = tap->sums + (int64_t)first * FILTERS;
    const int64_t step = tap->step;
    __m512 sums[PIXELS];
    for (int32_t p = 0; p < pixels; p++) {
        sums[p] = _mm512_loadu_ps(to + (int64_t)p * FILTERS);
    }
    for (int32_t c = 0; c < tap->depth; c++) {
        const __m512 w = _mm512_loadu_ps(tap->weights + (int64_t)c * FILTERS);
        for (int32_t p = 0; p < pixels; p++) {
            sums[p] = _mm512_add_ps(sums[p], _mm512_mul_ps(_mm512_set1_ps(in[p * step + c]), w));
        }
    }
    for (int32_t p = 0; p < pixels; p++) {
        _mm512_storeu_ps(to + (int64_t)p * FILTERS, sums[p]);
    }
}

static REF_TARGET_AVX512 void add_avx512(const struct tap *tap, int32_t pixels)
{
    int32_t first = 0;
    if (pixels == PIXELS) {
        add_some_avx512(tap, 0, PIXELS);
        return;
    }
    for (; first + 4 <= pixels; first += 4) {
        add_some_avx512(tap, first, 4);
    }
    for (; first < pixels; first++) {
        add_some_avx512(tap, first, 1);
    }
}
#endif

static tap_function *function_of(enum ref_isa isa)
{
#ifdef REF_HAS_X86
    if (isa >= REF_ISA_AVX512) {
        return add_avx512;
    }
    if (isa == REF_ISA_AVX2) {
        return add_avx2;
    }
#endif
    (void)isa;
    return add_base;
}

/* ---- preparation ---- */

static bool is_depthwise(const struct bt_conv2d *conv)
{
    return conv->groups > 1 && conv->groups == conv->c_in && conv->c_out == conv->c_in;
}

static void order_weights(struct bt_float_conv *made, const float *weights, const float *bias)
{
    const int64_t elems = (int64_t)made->conv.kh * made->conv.kw * made->depth;
    for (int32_t oc = 0; oc < made->conv.c_out; oc++) {
        const int32_t f = oc % made->filters;
        const int64_t panel = (int64_t)(oc / made->filters) * made->panels + f / FILTERS;
        made->bias[panel * FILTERS + f % FILTERS] = bias[oc];
        for (int64_t i = 0; i < elems; i++) {
            made->weights[(panel * elems + i) * FILTERS + f % FILTERS] = weights[oc * elems + i];
        }
    }
}

static void order_depthwise(struct bt_float_conv *made, const float *weights, const float *bias)
{
    const int64_t taps = (int64_t)made->conv.kh * made->conv.kw;
    for (int32_t c = 0; c < made->conv.c_in; c++) {
        made->bias[c] = bias[c];
        for (int64_t tap = 0; tap < taps; tap++) {
            made->weights[tap * made->conv.c_in + c] = weights[c * taps + tap];
        }
    }
}

enum bt_status bt_float_conv_new(const struct bt_conv2d *conv, const float *weights, const float *bias,
                                 enum ref_isa isa, struct bt_float_conv **made)
{
    if (!ref_isa_available(isa)) {
        return BT_EINVAL;
    }
    struct bt_float_conv *one = calloc(1, sizeof(*one));
    if (one == NULL) {
        return BT_ENOMEM;
    }
    one->conv = *conv;
    one->add = function_of(isa);
    one->oh = bt_conv2d_oh(conv);
    one->ow = bt_conv2d_ow(conv);
    one->depth = conv->c_in / conv->groups;
    one->filters = conv->c_out / conv->groups;
    one->panels = (one->filters + FILTERS - 1) / FILTERS;
    const size_t channels =
        is_depthwise(conv) ? (size_t)conv->c_in : (size_t)conv->groups * (size_t)one->panels * FILTERS;
    one->weights = calloc(channels * (size_t)conv->kh * (size_t)conv->kw * (size_t)one->depth, sizeof(float));
    one->bias = calloc(channels, sizeof(float));
    if (one->weights == NULL || one->bias == NULL) {
        bt_float_conv_free(one);
        return BT_ENOMEM;
    }
    (is_depthwise(conv) ? order_depthwise : order_weights)(one, weights, bias);
    *made = one;
    return BT_OK;
}

void bt_float_conv_free(struct bt_float_conv *conv)
{
    if (conv == NULL) {
        return;
    }
    free(conv->weights);
    free(conv->bias);
    free(conv);
}

/* ---- execution ---- */

/* Of `count` output pixels from ox on, those whose tap at column kx lies within the input: [*from, *to). */
static void inside(const struct bt_conv2d *conv, int32_t ox, int32_t kx, int32_t count, int32_t *from, int32_t *to)
{
    const int32_t x = ox * conv->stride_w - conv->pad_left + kx * conv->dil_w;
    const int32_t missing = x < 0 ? (-x + conv->stride_w - 1) / conv->stride_w : 0;
    const int32_t room = conv->w - x <= 0 ? 0 : (conv->w - x + conv->stride_w - 1) / conv->stride_w;
    *from = missing < count ? missing : count;
    *to = room < count ? room : count;
}

/* The sums of one panel at some pixels of a row. */
static void run_pixels(const struct bt_float_conv *one, const float *in, int32_t group, int64_t panel, int32_t oy,
                       int32_t ox, int32_t count, float *sums)
{
    const struct bt_conv2d *conv = &one->conv;
    const float *weights = one->weights + panel * conv->kh * conv->kw * one->depth * FILTERS;
    for (int32_t p = 0; p < count; p++) {
        memcpy(sums + (int64_t)p * FILTERS, one->bias + panel * FILTERS, FILTERS * sizeof(float));
    }
    for (int32_t ky = 0; ky < conv->kh; ky++) {
        const int64_t y = (int64_t)oy * conv->stride_h - conv->pad_top + ky * conv->dil_h;
        for (int32_t kx = 0; y >= 0 && y < conv->h && kx < conv->kw; kx++) {
            int32_t from = 0;
            int32_t to = 0;
            inside(conv, ox, kx, count, &from, &to);
            if (from >= to) {
                continue;
            }
            const int64_t x = (int64_t)(ox + from) * conv->stride_w - conv->pad_left + kx * conv->dil_w;
            const struct tap tap = {
                .in = in + (y * conv->w + x) * conv->c_in + (int64_t)group * one->depth,
                .step = (int64_t)conv->stride_w * conv->c_in,
                .depth = one->depth,
                .weights = weights + ((int64_t)ky * conv->kw + kx) * one->depth * FILTERS,
                .sums = sums + (int64_t)from * FILTERS,
            };
            one->add(&tap, to - from);
        }
    }
}

/* One panel at all pixels, so that it stays in the cache. */
static void run_panel(const struct bt_float_conv *one, const float *in, int32_t group, int32_t index, float *out)
{
    const int32_t first = index * FILTERS;
    const int32_t filters = one->filters - first < FILTERS ? one->filters - first : FILTERS;
    float sums[PIXELS * FILTERS];
    for (int32_t oy = 0; oy < one->oh; oy++) {
        for (int32_t ox = 0; ox < one->ow; ox += PIXELS) {
            const int32_t count = one->ow - ox < PIXELS ? one->ow - ox : PIXELS;
            float *to = out + ((int64_t)oy * one->ow + ox) * one->conv.c_out + (int64_t)group * one->filters + first;
            run_pixels(one, in, group, (int64_t)group * one->panels + index, oy, ox, count, sums);
            for (int32_t p = 0; p < count; p++) {
                memcpy(to + (int64_t)p * one->conv.c_out, sums + (int64_t)p * FILTERS, (size_t)filters * sizeof(float));
            }
        }
    }
}

static void add_products(float *restrict sums, const float *restrict in, const float *restrict weights,
                         int32_t channels)
{
    for (int32_t c = 0; c < channels; c++) {
        sums[c] += in[c] * weights[c];
    }
}

static void run_depthwise(const struct bt_float_conv *one, const float *in, float *out)
{
    const struct bt_conv2d *conv = &one->conv;
    for (int32_t oy = 0; oy < one->oh; oy++) {
        for (int32_t ox = 0; ox < one->ow; ox++, out += conv->c_out) {
            memcpy(out, one->bias, (size_t)conv->c_out * sizeof(float));
            for (int64_t ky = 0; ky < conv->kh; ky++) {
                const int64_t y = (int64_t)oy * conv->stride_h - conv->pad_top + ky * conv->dil_h;
                for (int64_t kx = 0; y >= 0 && y < conv->h && kx < conv->kw; kx++) {
                    const int64_t x = (int64_t)ox * conv->stride_w - conv->pad_left + kx * conv->dil_w;
                    if (x >= 0 && x < conv->w) {
                        add_products(out, in + (y * conv->w + x) * conv->c_in,
                                     one->weights + (ky * conv->kw + kx) * conv->c_in, conv->c_in);
                    }
                }
            }
        }
    }
}

void bt_float_conv_run(const struct bt_float_conv *conv, const float *in, float *out)
{
    if (is_depthwise(&conv->conv)) {
        run_depthwise(conv, in, out);
        return;
    }
    for (int32_t group = 0; group < conv->conv.groups; group++) {
        for (int32_t panel = 0; panel < conv->panels; panel++) {
            run_panel(conv, in, group, panel, out);
        }
    }
}
