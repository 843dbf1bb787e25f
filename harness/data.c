#include "harness/data.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "reference/common/bt_conv2d.h"
#include "reference/ops/activation_table_s8.h"

/* What follows from a layer's number format. */
struct format {
    size_t bytes;
    /* Standard deviation that outputs should have, in output steps: wide enough to exercise every bit of the result,
     * narrow enough that nearly all of it lies between the clamps. */
    uint64_t output_sigma;
    int32_t min, max;                         /* of an element */
    int32_t weight_min;                       /* the upper end is max */
    uint64_t input_variance, weight_variance; /* of uniform ones, to their ends */
    int32_t max_shift;                        /* of the requantiser */
};

static const struct format formats[] = {
    [BT_S8] = {1, 40, INT8_MIN, INT8_MAX, -INT8_MAX, 5461, 5397, 30},
    [BT_S16] = {2, 12000, INT16_MIN, INT16_MAX, INT16_MIN, 357913941, 357913941, 7},
};

#define ALIGN 64

uint64_t bt_isqrt(uint64_t x)
{
    uint64_t root = 0;
    for (uint64_t bit = UINT64_C(1) << 31; bit != 0; bit >>= 1) {
        if ((root + bit) * (root + bit) <= x) {
            root += bit;
        }
    }
    return root;
}

/* ---- generator: xoshiro256++ (Blackman, Vigna 2019), state from splitmix64 ---- */

struct generator {
    uint64_t s[4];
};

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static struct generator generator_seed(uint64_t seed)
{
    struct generator g;
    for (int i = 0; i < 4; i++) {
        g.s[i] = splitmix64(&seed);
    }
    return g;
}

static inline uint64_t rotate_left(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

static inline uint64_t generator_next(struct generator *g)
{
    const uint64_t result = rotate_left(g->s[0] + g->s[3], 23) + g->s[0];
    const uint64_t t = g->s[1] << 17;
    g->s[2] ^= g->s[0];
    g->s[3] ^= g->s[1];
    g->s[1] ^= g->s[2];
    g->s[0] ^= g->s[3];
    g->s[2] ^= t;
    g->s[3] = rotate_left(g->s[3], 45);
    return result;
}

/* Uniform over [0, below), below < 2^32; the bias of at most 2^-32 is of no consequence here. */
static uint64_t generator_below(struct generator *g, uint64_t below)
{
    return ((generator_next(g) >> 32) * below) >> 32;
}

/* Uniform over [-limit, limit]. */
static int64_t generator_around(struct generator *g, uint64_t limit)
{
    return (int64_t)generator_below(g, 2 * limit + 1) - (int64_t)limit;
}

/* -128 becomes -127 in each byte of the word, exactly: the bytes that equal 0x80 get their lowest bit set. */
static inline uint64_t without_min(uint64_t word)
{
    const uint64_t low7 = UINT64_C(0x7f7f7f7f7f7f7f7f);
    const uint64_t zero_where_min = word ^ UINT64_C(0x8080808080808080);
    const uint64_t is_min = ~(((zero_where_min & low7) + low7) | zero_where_min | low7);
    return word | (is_min >> 7);
}

void bt_data_fill(uint64_t state_seed, bool symmetric, int8_t *bytes, size_t count)
{
    struct generator g = generator_seed(state_seed);
    for (size_t i = 0; i < count; i += 8) {
        const uint64_t word = generator_next(&g);
        const uint64_t stored = htole64(symmetric ? without_min(word) : word);
        memcpy(bytes + i, &stored, count - i < 8 ? count - i : 8);
    }
}

/* ---- keys ---- */

/* Zero points and clamps stay out of the key, so that patterns differ in what they mean to and in nothing else. */
static uint64_t tensor_key(const struct bt_data_key *key, const struct bt_conv2d *conv, const char *tensor)
{
    const int32_t geometry[] = {
        conv->n,          conv->h,        conv->w,         conv->c_in,   conv->c_out, conv->kh,
        conv->kw,         conv->stride_h, conv->stride_w,  conv->dil_h,  conv->dil_w, conv->pad_top,
        conv->pad_bottom, conv->pad_left, conv->pad_right, conv->groups,
    };
    unsigned char bytes[sizeof(geometry) + 8];
    size_t at = 0;
    for (size_t i = 0; i < sizeof(geometry) / sizeof(geometry[0]); i++) {
        const uint32_t word = (uint32_t)geometry[i];
        for (int shift = 0; shift < 32; shift += 8) {
            bytes[at++] = (unsigned char)(word >> shift);
        }
    }
    for (int shift = 0; shift < 64; shift += 8) {
        bytes[at++] = (unsigned char)(key->seed >> shift);
    }
    uint64_t hash = XXH3_64bits(bytes, at);
    hash = XXH3_64bits_withSeed(key->network, strlen(key->network), hash);
    return XXH3_64bits_withSeed(tensor, strlen(tensor), hash);
}

/* ---- elements ---- */

static void put(const struct format *format, void *tensor, int64_t index, int64_t value)
{
    if (format->bytes == sizeof(int16_t)) {
        ((int16_t *)tensor)[index] = (int16_t)value;
    } else {
        ((int8_t *)tensor)[index] = (int8_t)value;
    }
}

static int32_t get(const struct format *format, const void *tensor, int64_t index)
{
    return format->bytes == sizeof(int16_t) ? ((const int16_t *)tensor)[index] : ((const int8_t *)tensor)[index];
}

static void fill(const struct format *format, void *tensor, int64_t elems, int32_t value)
{
    for (int64_t i = 0; i < elems; i++) {
        put(format, tensor, i, value);
    }
}

/* ---- activations ---- */

/* Scales are powers of two and exact in binary. They put the sums' spread over the bend of each function. */
struct table_kind {
    enum ref_activation function;
    double in_scale, out_scale;
    int32_t out_zp;
};

static const struct table_kind table_kinds[BT_ACT_COUNT] = {
    [BT_ACT_SILU] = {REF_ACTIVATION_SILU, 1.0 / 16, 1.0 / 32, -119},
    [BT_ACT_LEAKY] = {REF_ACTIVATION_LEAKY_RELU, 1.0 / 16, 1.0 / 32, -102},
    [BT_ACT_SIGMOID] = {REF_ACTIVATION_SIGMOID, 1.0 / 16, 1.0 / 256, -128},
    [BT_ACT_TANH] = {REF_ACTIVATION_TANH, 1.0 / 32, 1.0 / 128, 0},
    [BT_ACT_HARD_SWISH] = {REF_ACTIVATION_HARD_SWISH, 1.0 / 16, 1.0 / 32, -116},
};
#define LEAKY_SLOPE 0.1 /* Darknet's */

static void make_table(enum bt_act act, const struct bt_conv2d *conv, int8_t table[256])
{
    const struct table_kind *kind = &table_kinds[act];
    if (!bt_act_is_table(act)) {
        /* A table without a named function (shapes of a suite): every value once, so that any mix-up shows. */
        for (int32_t q = -128; q < 128; q++) {
            table[q + 128] = (int8_t)(uint8_t)((q + 128) * 167 + 13);
        }
        return;
    }
    const struct ref_activation_scales scales = {
        .in_scale = kind->in_scale,
        .out_scale = kind->out_scale,
        .in_zp = conv->out_zp,
        .out_zp = kind->out_zp,
    };
    const enum bt_status status = ref_activation_table_s8(kind->function, &scales, LEAKY_SLOPE, table);
    assert(status == BT_OK);
    (void)status;
}

int32_t bt_data_out_zp(enum bt_act act, const struct bt_conv2d *conv)
{
    return conv->table && bt_act_is_table(act) ? table_kinds[act].out_zp : conv->out_zp;
}

/* ---- patterns ---- */

/* Clamps that stand at the zero point (ReLU), or at a distance from it (ReLU6), move with it. */
static void move_out_zp(struct bt_conv2d *conv, int32_t out_zp)
{
    const bool relu = conv->act_min == conv->out_zp;
    const int32_t reach = conv->act_max - conv->out_zp;
    if (conv->act_max < 127) {
        conv->act_max = out_zp + reach < 127 ? out_zp + reach : 127;
    }
    if (relu) {
        conv->act_min = out_zp;
    }
    conv->out_zp = out_zp;
    if (conv->act_max < conv->act_min) {
        conv->act_max = conv->act_min;
    }
}

/* As quantisers leave them: zero points near the middle, and near the lower end behind a ReLU. */
static void seed_format(const struct bt_data_key *key, enum bt_act act, struct bt_conv2d *conv)
{
    struct generator g = generator_seed(tensor_key(key, conv, "format"));
    const int32_t near_middle = (int32_t)generator_around(&g, 8);
    const int32_t near_end = -128 + (int32_t)generator_below(&g, 33);
    conv->in_zp = (int32_t)generator_around(&g, 16);
    move_out_zp(conv, act == BT_ACT_RELU || act == BT_ACT_RELU6 ? near_end : near_middle);
}

void bt_data_adapt(const struct bt_data_key *key, enum bt_act act, struct bt_conv2d *conv)
{
    if (key->dtype == BT_S16) {
        return; /* no zero points */
    }
    if (conv->in_zp == 0 && conv->out_zp == 0) {
        seed_format(key, act, conv);
    }
    switch (key->pattern) {
    case BT_PATTERN_MIN:
        conv->in_zp = 127;
        break;
    case BT_PATTERN_TIES:
        conv->in_zp = 0;
        move_out_zp(conv, 0);
        break;
    case BT_PATTERN_EXTREME_ZP: {
        const uint64_t choice = tensor_key(key, conv, "zero points");
        conv->in_zp = (choice & 1) != 0 ? 127 : -128;
        /* With a lower clamp at the zero point, 127 would leave a single output value. */
        const bool clamped_below = conv->act_min == conv->out_zp;
        move_out_zp(conv, (choice & 2) != 0 && !clamped_below ? 127 : -128);
        break;
    }
    default:
        break;
    }
}

/* num / den as mult * 2^(shift - 31) with mult in [2^30, 2^31), rounded down; both are kept within their range. */
static void quantise_ratio(const struct format *format, uint64_t num, uint64_t den, int32_t *mult, int32_t *shift)
{
    int32_t s = 0;
    while (num >= den && s < format->max_shift) {
        den *= 2;
        s++;
    }
    num = num < den ? num : den - 1;
    while (num * 2 < den && s > -31) {
        num *= 2;
        s--;
    }
    uint32_t m = 0;
    uint64_t rest = num;
    for (int bit = 0; bit < 31; bit++) { /* long division: num << 31 would leave 64 bits */
        rest *= 2;
        m *= 2;
        if (rest >= den) {
            rest -= den;
            m++;
        }
    }
    *mult = (int32_t)m;
    *shift = s;
}

/* Mean square of ifmap - in_zp, exactly for an ifmap that exists, else of a uniform one. */
static uint64_t mean_square(const struct format *format, const struct bt_conv2d *conv, const void *ifmap)
{
    const int64_t zp = conv->in_zp;
    if (ifmap == NULL) {
        return format->input_variance + (uint64_t)((2 * zp + 1) * (2 * zp + 1)) / 4;
    }
    const int64_t elems = bt_conv2d_ifmap_elems(conv);
    int64_t sum = 0;
    for (int64_t i = 0; i < elems; i++) {
        const int64_t x = get(format, ifmap, i) - zp;
        sum += x * x;
    }
    const uint64_t mean = (uint64_t)(sum / elems);
    return mean > 0 ? mean : 1;
}

/* Standard deviation of sums of products; the product of both squares fits 64 bits as int8 only. */
static uint64_t sum_sigma(uint64_t weight_energy, uint64_t input_square)
{
    uint64_t variance = 0;
    if (__builtin_mul_overflow(weight_energy, input_square, &variance)) {
        return bt_isqrt(weight_energy) * bt_isqrt(input_square);
    }
    return bt_isqrt(variance);
}

/* A bias within `limit` or what 32 bits hold. */
static int64_t seeded_bias(struct generator *g, uint64_t limit)
{
    return generator_around(g, limit < INT32_MAX ? limit : INT32_MAX);
}

/* Sum of the squares of some weights. */
static uint64_t energy_of(const struct format *format, const void *weights, int64_t begin, int64_t elems)
{
    uint64_t energy = 0;
    for (int64_t i = begin; i < begin + elems; i++) {
        const int64_t w = get(format, weights, i);
        energy += (uint64_t)(w * w);
    }
    return energy;
}

/* Standard deviation of a filter's sums, from its own weights where some are pruned; one without any takes a dense one's. */
static uint64_t filter_sigma(const struct bt_data_key *key, uint64_t k, const void *weights, int32_t oc,
                             uint64_t square)
{
    const struct format *format = &formats[key->dtype];
    const uint64_t energy = key->pruning.percent == 0
                                ? k * format->weight_variance
                                : energy_of(format, weights, (int64_t)oc * (int64_t)k, (int64_t)k);
    return sum_sigma(energy > 0 ? energy : k * format->weight_variance, square);
}

/* Bias and requantisation of one channel after the other, from the spread that sums will have. */
static void make_channels(const struct bt_data_key *key, const struct bt_conv2d *conv, uint64_t k, const void *weights,
                          uint64_t square, int32_t *bias, int32_t *mult, int32_t *shift)
{
    const struct format *format = &formats[key->dtype];
    struct generator g = generator_seed(tensor_key(key, conv, "channels"));
    for (int32_t oc = 0; oc < conv->c_out; oc++) {
        const uint64_t sigma = filter_sigma(key, k, weights, oc, square);
        /* With the zero point at an end of its range the sums are moved, so that outputs still lie between the clamps. */
        const int64_t centre = -(int64_t)conv->out_zp * (int64_t)sigma / (int64_t)format->output_sigma;
        const int64_t offset = key->pattern == BT_PATTERN_EXTREME_ZP ? centre : 0;
        const uint64_t jitter = 192 + generator_below(&g, 129); /* 0.75 to 1.25 in 1/256 */
        bias[oc] = (int32_t)(seeded_bias(&g, sigma / 2) + offset);
        quantise_ratio(format, format->output_sigma * jitter, sigma * 256, &mult[oc], &shift[oc]);
    }
}

/* All sums are near k times the product of the lower ends or more; half of the channels are scaled to stay below the clamp, half above. */
static void make_min(const struct bt_data_key *key, const struct bt_conv2d *conv, uint64_t k, void *ifmap,
                     void *weights, int32_t *bias, int32_t *mult, int32_t *shift)
{
    const struct format *format = &formats[key->dtype];
    struct generator g = generator_seed(tensor_key(key, conv, "min"));
    const int32_t distance = conv->in_zp - format->min;
    const uint64_t per_weight = k * (uint64_t)-format->weight_min;
    const uint64_t largest = per_weight * (uint64_t)(distance > 0 ? distance : 1);
    if (ifmap != NULL) {
        fill(format, ifmap, bt_conv2d_ifmap_elems(conv), format->min);
    }
    fill(format, weights, bt_conv2d_weight_elems(conv), format->weight_min);
    bt_prune(&key->pruning, conv, key->dtype, weights);
    for (int32_t oc = 0; oc < conv->c_out; oc++) {
        const int64_t reach = format->max - conv->out_zp;
        bias[oc] = (int32_t)seeded_bias(&g, per_weight);
        quantise_ratio(format, (uint64_t)(reach > 0 ? reach : 1) * (128 + generator_below(&g, 257)), largest * 256,
                       &mult[oc], &shift[oc]);
    }
}

/* Largest power of two with value << result <= limit. */
static int headroom(uint64_t value, uint64_t limit)
{
    int bits = 0;
    while ((value << (bits + 1)) <= limit) {
        bits++;
    }
    return bits;
}

/*
 * Inputs, weights and bias are multiples of powers of two, so that every sum is k * 2^t with small k; it is then
 * divided by 2^(t+1): each odd k is a tie. The amplitudes put the outputs' spread near what it should be.
 */
static void make_ties(const struct bt_data_key *key, const struct bt_conv2d *conv, uint64_t k, const void *given,
                      void *ifmap, void *weights, int32_t *bias, int32_t *mult, int32_t *shift)
{
    const struct format *format = &formats[key->dtype];
    struct generator g = generator_seed(tensor_key(key, conv, "ties"));
    const uint64_t product = 6 * format->output_sigma / bt_isqrt(k); /* amplitude of weights times that of inputs */
    uint64_t w_max = bt_isqrt(product);
    w_max = w_max > 0 ? w_max : 1;
    uint64_t x_max = product / w_max;
    x_max = x_max > 0 ? x_max : 1;
    const int w_bits = headroom(w_max, (uint64_t)format->max);
    int x_bits = 0; /* of a given int8 ifmap, whose range is small; int16 would saturate throughout */
    if (ifmap != NULL) {
        x_bits = headroom(x_max, (uint64_t)format->max);
    } else if (key->dtype == BT_S16) {
        x_bits = headroom(x_max, bt_isqrt(3 * mean_square(format, conv, given))); /* amplitude of a uniform one */
    }
    const int total = w_bits + x_bits;

    if (ifmap != NULL) {
        const int64_t elems = bt_conv2d_ifmap_elems(conv);
        for (int64_t i = 0; i < elems; i++) {
            put(format, ifmap, i, generator_around(&g, x_max) * (1 << x_bits) + conv->in_zp);
        }
    }
    const int64_t elems = bt_conv2d_weight_elems(conv);
    for (int64_t i = 0; i < elems; i++) {
        put(format, weights, i, generator_around(&g, w_max) * (1 << w_bits));
    }
    bt_prune(&key->pruning, conv, key->dtype, weights);
    for (int32_t oc = 0; oc < conv->c_out; oc++) {
        const uint64_t most = (uint64_t)INT32_MAX >> total;
        bias[oc] = (int32_t)(generator_around(&g, format->output_sigma < most ? format->output_sigma : most) *
                             ((int64_t)1 << total));
        mult[oc] = 1 << 30;
        shift[oc] = -total;
    }
}

/* Uniform to the ends, and what requantises it; as int16 extreme_zp, which has no zero points, the ifmap is all ends. */
static void make_spread(const struct bt_data_key *key, const struct bt_conv2d *conv, uint64_t k, const void *given,
                        void *own_ifmap, void *weights, int32_t *bias, int32_t *mult, int32_t *shift)
{
    const struct format *format = &formats[key->dtype];
    const bool ends = key->dtype == BT_S16 && key->pattern == BT_PATTERN_EXTREME_ZP;
    if (own_ifmap != NULL) {
        const int64_t elems = bt_conv2d_ifmap_elems(conv);
        bt_data_fill(tensor_key(key, conv, "ifmap"), false, own_ifmap, (size_t)elems * format->bytes);
        for (int64_t i = 0; ends && i < elems; i++) {
            put(format, own_ifmap, i, get(format, own_ifmap, i) < 0 ? format->min : format->max);
        }
    }
    bt_data_fill(tensor_key(key, conv, "weights"), format->weight_min != format->min, weights,
                 (size_t)bt_conv2d_weight_elems(conv) * format->bytes);
    const uint64_t square = mean_square(format, conv, ends && given == NULL ? own_ifmap : given);
    bt_prune(&key->pruning, conv, key->dtype, weights);
    make_channels(key, conv, k, weights, square, bias, mult, shift);
}

static size_t padded(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

enum bt_status bt_data_make(const struct bt_data_key *key, enum bt_act act, const struct bt_conv2d *conv,
                            const void *ifmap, struct bt_tensors *tensors)
{
    const struct format *format = &formats[key->dtype];
    const size_t ifmap_bytes = ifmap == NULL ? padded((size_t)bt_conv2d_ifmap_elems(conv) * format->bytes) : 0;
    const size_t weight_bytes = padded((size_t)bt_conv2d_weight_elems(conv) * format->bytes);
    const size_t channel_bytes = padded((size_t)conv->c_out * sizeof(int32_t));
    const size_t table_bytes = 256;

    unsigned char *block = aligned_alloc(ALIGN, ifmap_bytes + weight_bytes + 3 * channel_bytes + table_bytes);
    if (block == NULL) {
        return BT_ENOMEM;
    }
    void *own_ifmap = ifmap == NULL ? block : NULL;
    void *weights = block + ifmap_bytes;
    int32_t *bias = (int32_t *)(void *)(block + ifmap_bytes + weight_bytes);
    int32_t *mult = bias + channel_bytes / sizeof(int32_t);
    int32_t *shift = mult + channel_bytes / sizeof(int32_t);
    int8_t *own_table = (int8_t *)(shift + channel_bytes / sizeof(int32_t));

    const uint64_t k = (uint64_t)conv->kh * (uint64_t)conv->kw * (uint64_t)(conv->c_in / conv->groups);
    switch (key->pattern) {
    case BT_PATTERN_MIN:
        make_min(key, conv, k, own_ifmap, weights, bias, mult, shift);
        break;
    case BT_PATTERN_TIES:
        make_ties(key, conv, k, ifmap, own_ifmap, weights, bias, mult, shift);
        break;
    default:
        make_spread(key, conv, k, ifmap, own_ifmap, weights, bias, mult, shift);
        break;
    }
    if (conv->table) {
        make_table(act, conv, own_table);
    }
    *tensors = (struct bt_tensors){
        .view =
            {
                .ifmap = ifmap == NULL ? own_ifmap : ifmap,
                .weights = weights,
                .bias = bias,
                .mult = mult,
                .shift = shift,
                .table = conv->table ? own_table : NULL,
            },
        .block = block,
    };
    return BT_OK;
}

void bt_data_free(struct bt_tensors *tensors)
{
    free(tensors->block);
    *tensors = (struct bt_tensors){0};
}
