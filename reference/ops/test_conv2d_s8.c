/*
 * The convolution: by hand, against a second implementation written the other way round, its refusals; and the fast
 * path against the plain loops, on every instruction set that oneDNN and the code beside it can be held to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <dnnl.h>

#include "reference/common/bt_conv2d.h"
#include "reference/ops/conv2d_s8.h"
#include "reference/ops/conv2d_s8_fast.h"
#include "reference/ops/depthwise_conv2d_s8.h"
#include "reference/ops/fully_connected_s8.h"
#include "reference/ops/requantise.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define LAYERS 400

/* ---- seeded layers ----------------------------------------------------------------------------------------------- */

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static int32_t between(uint64_t *state, int32_t min, int32_t max)
{
    return min + (int32_t)(next_random(state) % ((uint64_t)max - min + 1));
}

struct random_layer {
    struct bt_conv2d conv;
    struct bt_layer_data data;
    int8_t *ifmap, *weights;
    int32_t *bias, *mult, *shift;
    int8_t table[256];
};

static void *checked_malloc(int64_t bytes)
{
    void *memory = malloc((size_t)bytes);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

/* The whole range, or one extreme against another, which is what saturating intermediates would not survive. */
static void fill(uint64_t *state, int8_t *x, int64_t elems, int8_t low, int8_t high)
{
    const int32_t pattern = between(state, 0, 3);
    for (int64_t i = 0; i < elems; i++) {
        x[i] = (int8_t)(pattern == 0   ? low
                        : pattern == 1 ? high
                        : pattern == 2 ? (between(state, 0, 1) == 0 ? low : high)
                                       : between(state, low, high));
    }
}

static bool make_layer(uint64_t *state, struct random_layer *layer)
{
    struct bt_conv2d *conv = &layer->conv;
    const int32_t kind = between(state, 0, 4); /* depthwise, grouped, fully connected, else dense */
    const int32_t groups = kind == 0 ? between(state, 1, 24) : kind == 1 ? between(state, 2, 4) : 1;
    const int32_t depth = kind == 0 ? 1 : kind == 2 ? between(state, 1, 700) : between(state, 1, 40);
    *conv = (struct bt_conv2d){
        .n = between(state, 1, 2),
        .h = kind == 2 ? 1 : between(state, 1, 11),
        .w = kind == 2 ? 1 : between(state, 1, 11),
        .c_in = groups * depth,
        .c_out = groups * between(state, 1, kind == 0 ? 3 : 20),
        .kh = kind == 2 ? 1 : between(state, 1, 5),
        .kw = kind == 2 ? 1 : between(state, 1, 5),
        .stride_h = between(state, 1, 3),
        .stride_w = between(state, 1, 3),
        .dil_h = between(state, 1, 3),
        .dil_w = between(state, 1, 3),
        .groups = groups,
        .in_zp = between(state, 0, 2) == 0   ? -128
                 : between(state, 0, 1) == 0 ? 127
                                             : between(state, -128, 127),
        .out_zp = between(state, -128, 127),
        .act_min = between(state, -128, 0),
        .act_max = between(state, 1, 127),
        .rounding = between(state, 0, 1) == 0 ? BT_ROUND_DOUBLE : BT_ROUND_SINGLE,
        .raw = between(state, 0, 3) == 0,
    };
    conv->pad_top = between(state, 0, conv->kh);
    conv->pad_bottom = between(state, 0, conv->kh);
    conv->pad_left = between(state, 0, 2 * conv->kw); /* windows that lie in the padding altogether */
    conv->pad_right = between(state, 0, conv->kw);
    conv->table = !conv->raw && between(state, 0, 2) == 0;
    if (bt_conv2d_check(conv, NULL) != BT_OK) {
        return false;
    }
    layer->ifmap = checked_malloc(bt_conv2d_ifmap_elems(conv));
    layer->weights = checked_malloc(bt_conv2d_weight_elems(conv));
    layer->bias = checked_malloc(conv->c_out * (int64_t)sizeof(int32_t));
    layer->mult = checked_malloc(conv->c_out * (int64_t)sizeof(int32_t));
    layer->shift = checked_malloc(conv->c_out * (int64_t)sizeof(int32_t));
    fill(state, layer->ifmap, bt_conv2d_ifmap_elems(conv), -128, 127);
    fill(state, layer->weights, bt_conv2d_weight_elems(conv), -127, 127);
    for (int32_t oc = 0; oc < conv->c_out; oc++) {
        layer->bias[oc] = between(state, -1000000, 1000000);
        layer->mult[oc] = between(state, 1 << 30, INT32_MAX);
        layer->shift[oc] = between(state, -20, -4);
    }
    for (int i = 0; i < 256; i++) {
        layer->table[i] = (int8_t)between(state, -128, 127);
    }
    layer->data = (struct bt_layer_data){
        .ifmap = layer->ifmap,
        .weights = layer->weights,
        .bias = between(state, 0, 4) == 0 ? NULL : layer->bias,
        .mult = conv->raw ? NULL : layer->mult,
        .shift = conv->raw ? NULL : layer->shift,
        .table = conv->table ? layer->table : NULL,
    };
    return true;
}

static void free_layer(struct random_layer *layer)
{
    free(layer->ifmap);
    free(layer->weights);
    free(layer->bias);
    free(layer->mult);
    free(layer->shift);
}

static int64_t ofmap_bytes(const struct bt_conv2d *conv)
{
    return bt_conv2d_ofmap_elems(conv) * (conv->raw ? (int64_t)sizeof(int32_t) : 1);
}

/* ---- a second implementation: scatters each input over the outputs it reaches, padding elements as well -------------- */

static void scatter(const struct random_layer *layer, int64_t *sums)
{
    const struct bt_conv2d *c = &layer->conv;
    const int32_t oh = bt_conv2d_oh(c);
    const int32_t ow = bt_conv2d_ow(c);
    const int32_t depth = c->c_in / c->groups;
    const int32_t per_group = c->c_out / c->groups;
    for (int64_t i = 0; i < bt_conv2d_ofmap_elems(c); i++) {
        sums[i] = layer->data.bias != NULL ? layer->bias[i % c->c_out] : 0;
    }
    for (int32_t n = 0; n < c->n; n++) {
        for (int32_t y = -c->pad_top; y < c->h + c->pad_bottom; y++) {
            for (int32_t x = -c->pad_left; x < c->w + c->pad_right; x++) {
                const bool inside = y >= 0 && y < c->h && x >= 0 && x < c->w;
                for (int32_t ic = 0; ic < c->c_in; ic++) {
                    const int32_t value =
                        (inside ? layer->ifmap[((n * c->h + y) * c->w + x) * c->c_in + ic] : c->in_zp) - c->in_zp;
                    for (int32_t tap = 0; tap < c->kh * c->kw; tap++) {
                        const int32_t sy = y + c->pad_top - tap / c->kw * c->dil_h;
                        const int32_t sx = x + c->pad_left - tap % c->kw * c->dil_w;
                        if (sy < 0 || sx < 0 || sy % c->stride_h != 0 || sx % c->stride_w != 0 ||
                            sy / c->stride_h >= oh || sx / c->stride_w >= ow) {
                            continue;
                        }
                        const int64_t pixel = ((int64_t)n * oh + sy / c->stride_h) * ow + sx / c->stride_w;
                        for (int32_t f = 0; f < per_group; f++) {
                            const int32_t oc = ic / depth * per_group + f;
                            sums[pixel * c->c_out + oc] +=
                                value * layer->weights[(oc * c->kh * c->kw + tap) * depth + ic % depth];
                        }
                    }
                }
            }
        }
    }
}

static void test_equals_scatter(void **state)
{
    (void)state;
    uint64_t seed = 7;
    int made = 0;
    while (made < LAYERS) {
        struct random_layer layer = {0};
        if (!make_layer(&seed, &layer)) {
            continue;
        }
        made++;
        const int64_t elems = bt_conv2d_ofmap_elems(&layer.conv);
        int64_t *sums = checked_malloc(elems * (int64_t)sizeof(int64_t));
        void *ofmap = checked_malloc(ofmap_bytes(&layer.conv));
        scatter(&layer, sums);
        assert_int_equal(ref_conv2d_s8(&layer.conv, &layer.data, ofmap), BT_OK);
        for (int64_t i = 0; i < elems; i++) {
            const int64_t oc = i % layer.conv.c_out;
            if (layer.conv.raw) {
                assert_int_equal(((int32_t *)ofmap)[i], sums[i]);
            } else {
                assert_int_equal(((int8_t *)ofmap)[i], ref_conv2d_finish(&layer.conv, (int32_t)sums[i], layer.mult[oc],
                                                                         layer.shift[oc], layer.data.table));
            }
        }
        free(sums);
        free(ofmap);
        free_layer(&layer);
    }
}

/* ---- by hand ------------------------------------------------------------------------------------------------------------ */

static void test_by_hand(void **state)
{
    (void)state;
    /* 1 x 2 x 3 x 1, zero point 1; one 2 x 2 kernel; padding of one column on the left only. */
    const int8_t ifmap[] = {2, 3, 4, 5, 6, 7}; /* less 1: 1 2 3 / 4 5 6 */
    const int8_t weights[] = {1, -2, 3, 4};
    const int32_t bias[] = {10};
    const int32_t mult[] = {1 << 30};
    const int32_t shift[] = {0};
    struct bt_conv2d conv = {
        .n = 1,
        .h = 2,
        .w = 3,
        .c_in = 1,
        .c_out = 1,
        .kh = 2,
        .kw = 2,
        .stride_h = 1,
        .stride_w = 1,
        .dil_h = 1,
        .dil_w = 1,
        .pad_left = 1,
        .groups = 1,
        .in_zp = 1,
        .out_zp = -3,
        .act_min = -128,
        .act_max = 19,
        .raw = true,
    };
    struct bt_layer_data data = {.ifmap = ifmap, .weights = weights, .bias = bias, .mult = mult, .shift = shift};
    int32_t sums[3];
    int8_t out[3];
    assert_int_equal(ref_conv2d_s8(&conv, &data, sums), BT_OK);
    assert_int_equal(sums[0], 10 - 2 + 16);          /* the left column is padding */
    assert_int_equal(sums[1], 10 + 1 - 4 + 12 + 20); /* 39 */
    assert_int_equal(sums[2], 10 + 2 - 6 + 15 + 24); /* 45 */
    conv.raw = false;
    assert_int_equal(ref_conv2d_s8(&conv, &data, out), BT_OK);
    assert_int_equal(out[0], 9);  /* 12 - 3 */
    assert_int_equal(out[1], 17); /* 19.5 upwards, less 3 */
    assert_int_equal(out[2], 19); /* 22.5 upwards, less 3 is 20: clamped */
    data.bias = NULL;
    assert_int_equal(ref_conv2d_s8(&conv, &data, out), BT_OK);
    assert_int_equal(out[0], 4); /* 7 - 3 */
}

static void test_depthwise_and_fully_connected(void **state)
{
    (void)state;
    /* Two input channels, multiplier 2, 1 x 2 kernel: out[oc] = sum over kx of in[kx][oc / 2] * hwo[kx][oc]. */
    const int8_t ifmap[] = {1, 2, 3, 4};
    const int8_t hwo[] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct bt_conv2d conv = {
        .n = 1,
        .h = 1,
        .w = 2,
        .c_in = 2,
        .c_out = 4,
        .kh = 1,
        .kw = 2,
        .stride_h = 1,
        .stride_w = 1,
        .dil_h = 1,
        .dil_w = 1,
        .groups = 2,
        .raw = true,
    };
    struct bt_layer_data data = {.ifmap = ifmap, .weights = hwo};
    int32_t sums[4];
    int8_t ohwi[8];
    assert_int_equal(ref_depthwise_conv2d_s8(&conv, &data, sums), BT_OK);
    const int32_t expected[] = {1 + 15, 2 + 18, 6 + 28, 8 + 32};
    assert_memory_equal(sums, expected, sizeof(expected));
    ref_depthwise_weights_ohwi(&conv, hwo, ohwi);
    const int8_t reordered[] = {1, 5, 2, 6, 3, 7, 4, 8};
    assert_memory_equal(ohwi, reordered, sizeof(reordered));
    conv.groups = 1;
    assert_int_equal(ref_depthwise_conv2d_s8(&conv, &data, sums), BT_EINVAL);

    const struct ref_fully_connected fc = {.batches = 2, .in_features = 2, .out_features = 3, .in_zp = -1, .raw = true};
    const int8_t matrix[] = {1, 0, 0, 1, 2, -3};
    data.weights = matrix;
    int32_t products[6];
    assert_int_equal(ref_fully_connected_s8(&fc, &data, products), BT_OK);
    const int32_t expected_products[] = {2, 3, 4 - 9, 4, 5, 8 - 15};
    assert_memory_equal(products, expected_products, sizeof(expected_products));
    assert_int_equal(ref_fully_connected_s8(NULL, &data, products), BT_EINVAL);
}

/* ---- refusals: the status, the numbers, and nothing written ----------------------------------------------------------- */

typedef enum bt_status conv_function(const struct bt_conv2d *conv, const struct bt_layer_data *data, void *ofmap);

static void test_refusals(void **state)
{
    (void)state;
    conv_function *const functions[] = {ref_conv2d_s8, ref_conv2d_s8_fast};
    static int8_t big[66052]; /* 255 * 127 * 66052 is 2139094020; with a bias of 8389628 it is 2^31 */
    const int8_t ifmap[] = {1};
    int32_t bias[] = {0};
    int32_t mult[] = {1 << 30};
    int32_t shift[] = {0};
    const struct bt_conv2d good = {
        .n = 1,
        .h = 1,
        .w = 1,
        .c_in = 1,
        .c_out = 1,
        .kh = 1,
        .kw = 1,
        .stride_h = 1,
        .stride_w = 1,
        .dil_h = 1,
        .dil_w = 1,
        .groups = 1,
        .act_max = 127,
    };
    const struct bt_layer_data data = {.ifmap = ifmap, .weights = ifmap, .bias = bias, .mult = mult, .shift = shift};
    for (size_t f = 0; f < COUNT(functions); f++) {
        int8_t out = 99;
        struct bt_conv2d conv = good;
        struct bt_layer_data missing = data;
        assert_int_equal(functions[f](NULL, &data, &out), BT_EINVAL);
        assert_int_equal(functions[f](&conv, NULL, &out), BT_EINVAL);
        assert_int_equal(functions[f](&conv, &data, NULL), BT_EINVAL);
        missing.ifmap = NULL;
        assert_int_equal(functions[f](&conv, &missing, &out), BT_EINVAL);
        missing = data;
        missing.mult = NULL;
        assert_int_equal(functions[f](&conv, &missing, &out), BT_EINVAL);
        conv.table = true;
        assert_int_equal(functions[f](&conv, &data, &out), BT_EINVAL);
        conv = good;
        conv.kh = 2;
        assert_int_equal(functions[f](&conv, &data, &out), BT_EINVAL);
        mult[0] = -1;
        assert_int_equal(functions[f](&good, &data, &out), BT_EINVAL);
        mult[0] = 1 << 30;
        shift[0] = 31;
        assert_int_equal(functions[f](&good, &data, &out), BT_EINVAL);
        shift[0] = -32;
        assert_int_equal(functions[f](&good, &data, &out), BT_EINVAL);
        shift[0] = 0;
        bias[0] = INT32_MIN;
        assert_int_equal(functions[f](&good, &data, &out), BT_EOVERFLOW);
        bias[0] = 0;
        assert_int_equal(out, 99);
        assert_int_equal(functions[f](&good, &data, &out), BT_OK);
        assert_int_equal(out, 1); /* 0.5 upwards */
    }

    /* The numbers of an overflow, and the largest sum that is not one, reached by real data on both paths. */
    struct bt_conv2d conv = good;
    conv.h = 2;
    conv.w = 1;
    conv.c_in = 33026;
    conv.kh = 2;
    conv.in_zp = 127;
    conv.raw = true;
    int8_t *lowest = checked_malloc((int64_t)sizeof(big));
    memset(big, -127, sizeof(big));
    memset(lowest, -128, sizeof(big));
    bias[0] = INT32_MAX - 2139094020;
    const struct bt_layer_data full = {.ifmap = lowest, .weights = big, .bias = bias};
    struct bt_reason why = {0};
    int32_t sum = 0;
    for (size_t f = 0; f < COUNT(functions); f++) {
        assert_int_equal(functions[f](&conv, &full, &sum), BT_OK);
        assert_int_equal(sum, INT32_MAX);
    }
    bias[0]++;
    assert_int_equal(ref_conv2d_s8_check(&conv, &full, &why), BT_EOVERFLOW);
    assert_int_equal(why.got, INT64_C(2147483648));
    assert_int_equal(why.limit, INT32_MAX);
    assert_int_equal(ref_conv2d_s8(&conv, &full, &sum), BT_EOVERFLOW);
    free(lowest);
}

/* ---- oneDNN ------------------------------------------------------------------------------------------------------------- */

/* The prepared convolution, run twice, and the constants it was made of gone before that. */
static bool run_prepared(struct random_layer *layer, enum ref_isa isa, void *ofmap)
{
    struct ref_conv2d_fast *fast = NULL;
    struct bt_layer_data constants = layer->data;
    constants.ifmap = NULL;
    if (ref_conv2d_fast_new(&layer->conv, &constants, isa, &fast) != BT_OK) {
        return false;
    }
    memset(layer->weights, 55, (size_t)bt_conv2d_weight_elems(&layer->conv));
    memset(layer->bias, 55, (size_t)layer->conv.c_out * sizeof(int32_t));
    memset(layer->mult, 55, (size_t)layer->conv.c_out * sizeof(int32_t));
    memset(layer->shift, 55, (size_t)layer->conv.c_out * sizeof(int32_t));
    memset(layer->table, 55, sizeof(layer->table));
    int8_t *other = checked_malloc(bt_conv2d_ifmap_elems(&layer->conv));
    memset(other, 99, (size_t)bt_conv2d_ifmap_elems(&layer->conv));
    const bool ran =
        ref_conv2d_fast_run(fast, other, ofmap) == BT_OK && ref_conv2d_fast_run(fast, layer->ifmap, ofmap) == BT_OK;
    free(other);
    ref_conv2d_fast_free(fast);
    return ran;
}

/* Layers on which the two paths differ; -1 when one of them failed. */
static int differing_layers(uint64_t seed, int layers, enum ref_isa isa)
{
    int differing = 0;
    while (layers > 0) {
        struct random_layer layer = {0};
        if (!make_layer(&seed, &layer)) {
            continue;
        }
        layers--;
        const int64_t bytes = ofmap_bytes(&layer.conv);
        void *plain = checked_malloc(bytes);
        void *once = checked_malloc(bytes);
        void *fast = checked_malloc(bytes);
        const bool ran = ref_conv2d_s8(&layer.conv, &layer.data, plain) == BT_OK &&
                         ref_conv2d_s8_fast(&layer.conv, &layer.data, once) == BT_OK && run_prepared(&layer, isa, fast);
        const bool equal = ran && memcmp(plain, fast, (size_t)bytes) == 0 && memcmp(plain, once, (size_t)bytes) == 0;
        free(plain);
        free(once);
        free(fast);
        free_layer(&layer);
        if (!ran) {
            return -1;
        }
        differing += equal ? 0 : 1;
    }
    return differing;
}

/* oneDNN settles on an instruction set once per process, so each is tried in a child. */
static void test_onednn_on_every_isa(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned isa; /* what oneDNN may then use at most */
    } isas[] = {
        {"SSE41", dnnl_cpu_isa_sse41},
        {"AVX", dnnl_cpu_isa_avx},
        {"AVX2", dnnl_cpu_isa_avx2},
        {"AVX512_CORE", dnnl_cpu_isa_avx512_core},
        {"AVX512_CORE_VNNI", dnnl_cpu_isa_avx512_core_vnni},
        {"AVX2_VNNI", dnnl_cpu_isa_avx2_vnni},
    };
    for (size_t i = 0; i < COUNT(isas); i++) {
        (void)fflush(NULL);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            const bool held = setenv("ONEDNN_MAX_CPU_ISA", isas[i].name, 1) == 0 &&
                              ((unsigned)dnnl_get_effective_cpu_isa() & ~isas[i].isa) == 0;
            _exit(!held ? 2 : differing_layers(11 + i, LAYERS / 4, ref_isa_best()) != 0 ? 1 : 0);
        }
        int result = -1;
        assert_int_equal(waitpid(child, &result, 0), child);
        if (!WIFEXITED(result) || WEXITSTATUS(result) != 0) {
            print_error("conv2d_s8_fast: ONEDNN_MAX_CPU_ISA=%s: wait status %#x\n", isas[i].name, (unsigned)result);
        }
        assert_int_equal(result, 0);
    }
}

/* In this process, where the leak checker looks, and on every instruction set of what is compiled here. */
static void test_fast_here(void **state)
{
    (void)state;
    for (enum ref_isa isa = REF_ISA_BASE; isa < REF_ISA_COUNT; isa++) {
        if (ref_isa_available(isa)) {
            assert_int_equal(differing_layers(17 + isa, LAYERS / 2, isa), 0);
        }
    }
}

static struct bt_conv2d dense(int32_t size, int32_t c_in, int32_t c_out, int32_t kernel)
{
    struct bt_conv2d conv = bt_conv2d_1x1(size, size, c_in, c_out);
    conv.kh = conv.kw = kernel;
    conv.pad_top = conv.pad_bottom = conv.pad_left = conv.pad_right = kernel / 2;
    conv.in_zp = -3;
    return conv;
}

/* Layers of several blocks of rows, the last of them lower; and sums far above 2^24, which binary32 would round. */
static void test_fast_large(void **state)
{
    (void)state;
    struct bt_conv2d depthwise = dense(61, 70, 70, 3);
    struct bt_conv2d strided = dense(57, 24, 72, 3);
    depthwise.groups = 70;
    strided.stride_h = strided.stride_w = 2;
    strided.n = 2;
    const struct bt_conv2d convs[] = {dense(57, 3, 64, 3), dense(41, 16, 200, 1), dense(9, 600, 24, 5), depthwise,
                                      strided};
    uint64_t seed = 23;
    for (size_t i = 0; i < 2 * COUNT(convs); i++) {
        struct random_layer layer = {.conv = convs[i / 2]};
        layer.conv.raw = i % 2 == 0;
        layer.ifmap = checked_malloc(bt_conv2d_ifmap_elems(&layer.conv));
        layer.weights = checked_malloc(bt_conv2d_weight_elems(&layer.conv));
        layer.bias = checked_malloc(layer.conv.c_out * (int64_t)sizeof(int32_t));
        layer.mult = checked_malloc(layer.conv.c_out * (int64_t)sizeof(int32_t));
        layer.shift = checked_malloc(layer.conv.c_out * (int64_t)sizeof(int32_t));
        for (int64_t k = 0; k < bt_conv2d_ifmap_elems(&layer.conv); k++) {
            layer.ifmap[k] = (int8_t)between(&seed, 60, 127);
        }
        for (int64_t k = 0; k < bt_conv2d_weight_elems(&layer.conv); k++) {
            layer.weights[k] = (int8_t)between(&seed, 60, 127);
        }
        for (int32_t c = 0; c < layer.conv.c_out; c++) {
            layer.bias[c] = between(&seed, -1000000, 1000000);
            layer.mult[c] = between(&seed, 1 << 30, INT32_MAX);
            layer.shift[c] = between(&seed, -20, -10);
        }
        layer.data = (struct bt_layer_data){.ifmap = layer.ifmap,
                                            .weights = layer.weights,
                                            .bias = layer.bias,
                                            .mult = layer.mult,
                                            .shift = layer.shift};
        const int64_t bytes = ofmap_bytes(&layer.conv);
        void *plain = checked_malloc(bytes);
        void *fast = checked_malloc(bytes);
        assert_int_equal(ref_conv2d_s8(&layer.conv, &layer.data, plain), BT_OK);
        assert_true(run_prepared(&layer, ref_isa_best(), fast));
        assert_memory_equal(plain, fast, (size_t)bytes);
        free(plain);
        free(fast);
        free_layer(&layer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_equals_scatter),
        cmocka_unit_test(test_depthwise_and_fully_connected),
        /* Children first: OpenMP's threads, once started, do not survive a fork. */
        cmocka_unit_test(test_onednn_on_every_isa),
        cmocka_unit_test(test_fast_here),
        cmocka_unit_test(test_fast_large),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("conv2d_s8", tests, NULL, NULL);
}
