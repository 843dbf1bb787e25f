#include "reference/ops/conv2d_s8_fast.h"

#include <stdlib.h>
#include <string.h>

#include <dnnl.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "reference/common/bt_conv2d.h"
#include "reference/ops/conv2d_s8.h"
#include "reference/ops/requantise_rows.h"

/* Of OpenMP's runtime, on which oneDNN runs; its header comes with GCC alone. */
void omp_set_num_threads(int count);

/* Inputs, patches and sums of a block: what the second-level cache has room for besides weights. */
#define BLOCK_BYTES (INT64_C(1) << 17)
#define ALIGNMENT 64
/* Filters per group from which on a matrix product pays. */
#define FEWEST_FILTERS 8

enum method { PLAIN, PRIMITIVE, GEMM, DEPTHWISE };

/* oneDNN's convolution of a block of some height. */
struct primitive {
    dnnl_primitive_t run;
    dnnl_memory_t src, dst;
};

struct ref_conv2d_fast {
    struct bt_conv2d conv;
    enum ref_isa isa;
    enum method method;
    int32_t oh, ow, depth, filters;      /* depth and filters per group */
    int32_t block_rows;                  /* of output; the last block of an image may have fewer */
    int32_t wide;                        /* pixels of an input row with its padding, as far as a window reaches */
    uint8_t *rows;                       /* the block's input: [(block_rows - 1) * stride + taps][wide][c_in] */
    int32_t *sums;                       /* [pixels of the block][c_out], of a matrix product those of one group */
    int32_t *corrections;                /* [c_out]: bias - (in_zp + 128) * sum of the filter, modulo 2^32 */
    struct ref_requantiser *requantiser; /* NULL when raw */
    /* oneDNN's convolution */
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_memory_t weights;
    struct primitive whole, rest; /* blocks of block_rows, and the last block if it has fewer */
    /* matrix products: 1, or 2 when the weights are split */
    int passes;
    int8_t *halves[2]; /* OHWI */
    int32_t *more_sums;
    uint8_t *patches; /* [pixels of the block][taps * depth] */
    /* depthwise */
    int32_t tap_count;
    int32_t *taps;        /* [tap_count][c_in] */
    int64_t *tap_offsets; /* [tap_count] elements from the first tap of a window */
    /* plain loops: everything, copied */
    struct bt_layer_data plain;
    int8_t *plain_weights, *plain_table;
    int32_t *plain_channels;
};

/* These add products of uint8 and int8 in 32 bits; all others may saturate 16 bits in between. */
static bool sums_in_32_bits(void)
{
    switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_avx512_core_vnni:
    case dnnl_cpu_isa_avx512_core_bf16:
    case dnnl_cpu_isa_avx512_core_amx:
    case dnnl_cpu_isa_avx2_vnni:
        return true;
    default:
        return false;
    }
}

static enum bt_status status_of(dnnl_status_t status)
{
    return status == dnnl_success ? BT_OK : status == dnnl_out_of_memory ? BT_ENOMEM : BT_EUNSUPPORTED;
}

static void *allocate(int64_t bytes)
{
    return aligned_alloc(ALIGNMENT, ((size_t)bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
}

/* ---- geometry ---- */

static int32_t input_rows(const struct bt_conv2d *conv, int32_t output_rows)
{
    return (output_rows - 1) * conv->stride_h + (conv->kh - 1) * conv->dil_h + 1;
}

static int64_t taps_depth(const struct ref_conv2d_fast *fast)
{
    return (int64_t)fast->conv.kh * fast->conv.kw * fast->depth;
}

/* A patch is the input as it is. */
static bool patches_are_rows(const struct bt_conv2d *conv)
{
    return conv->kh == 1 && conv->kw == 1 && conv->stride_h == 1 && conv->stride_w == 1 && conv->groups == 1;
}

/* As few blocks as fit, all but the last of one height. */
static void choose_blocks(struct ref_conv2d_fast *fast)
{
    const struct bt_conv2d *conv = &fast->conv;
    const int64_t patch = fast->method == GEMM && !patches_are_rows(conv) ? taps_depth(fast) : 0;
    const int64_t row =
        (int64_t)conv->stride_h * fast->wide * conv->c_in + fast->ow * (conv->c_out * (int64_t)sizeof(int32_t) + patch);
    const int64_t fitting = BLOCK_BYTES / row < 1 ? 1 : BLOCK_BYTES / row;
    const int64_t blocks = (fast->oh + fitting - 1) / fitting;
    fast->block_rows = (int32_t)((fast->oh + blocks - 1) / blocks);
}

/* ---- preparation ---- */

static enum bt_status make_corrections(struct ref_conv2d_fast *fast, const struct bt_layer_data *data)
{
    const int8_t *weights = data->weights;
    const int64_t filter = taps_depth(fast);
    fast->corrections = calloc((size_t)fast->conv.c_out, sizeof(int32_t));
    if (fast->corrections == NULL) {
        return BT_ENOMEM;
    }
    for (int32_t oc = 0; oc < fast->conv.c_out; oc++) {
        int64_t sum = 0;
        for (int64_t i = 0; i < filter; i++) {
            sum += weights[oc * filter + i];
        }
        const int64_t bias = data->bias != NULL ? data->bias[oc] : 0;
        fast->corrections[oc] = (int32_t)(uint32_t)(bias - (fast->conv.in_zp + 128) * sum);
    }
    return BT_OK;
}

/* A kernel whose sums stay integers, or BT_EUNSUPPORTED. */
static enum bt_status find_kernel(const struct ref_conv2d_fast *fast, const dnnl_convolution_desc_t *wanted,
                                  dnnl_primitive_desc_t *found)
{
    dnnl_primitive_desc_iterator_t all = NULL;
    enum bt_status status = status_of(dnnl_primitive_desc_iterator_create(&all, wanted, NULL, fast->engine, NULL));
    while (status == BT_OK) {
        const char *name = "";
        dnnl_primitive_desc_t one = dnnl_primitive_desc_iterator_fetch(all);
        if (one != NULL && dnnl_primitive_desc_query(one, dnnl_query_impl_info_str, 0, (void *)&name) == dnnl_success &&
            strncmp(name, "brgconv", strlen("brgconv")) == 0) {
            *found = one;
            break;
        }
        (void)dnnl_primitive_desc_destroy(one);
        status = dnnl_primitive_desc_iterator_next(all) == dnnl_success ? BT_OK : BT_EUNSUPPORTED;
    }
    (void)dnnl_primitive_desc_iterator_destroy(all);
    return status;
}

/* The filters in the order that the kernel wants; the same for blocks of every height, or BT_EUNSUPPORTED. */
static enum bt_status order_weights(struct ref_conv2d_fast *fast, const dnnl_memory_desc_t *plain,
                                    const dnnl_memory_desc_t *wanted, const int8_t *weights)
{
    const dnnl_memory_desc_t *have = NULL;
    dnnl_memory_t from = NULL;
    dnnl_primitive_desc_t desc = NULL;
    dnnl_primitive_t reorder = NULL;
    if (fast->weights != NULL) {
        const dnnl_status_t status = dnnl_memory_get_memory_desc(fast->weights, &have);
        return status != dnnl_success                 ? status_of(status)
               : dnnl_memory_desc_equal(have, wanted) ? BT_OK
                                                      : BT_EUNSUPPORTED;
    }
    dnnl_status_t status = dnnl_memory_create(&fast->weights, wanted, fast->engine, DNNL_MEMORY_ALLOCATE);
    if (status == dnnl_success) {
        status = dnnl_memory_create(&from, plain, fast->engine, (void *)weights);
    }
    if (status == dnnl_success) {
        status = dnnl_reorder_primitive_desc_create(&desc, plain, fast->engine, wanted, fast->engine, NULL);
    }
    if (status == dnnl_success) {
        status = dnnl_primitive_create(&reorder, desc);
    }
    if (status == dnnl_success) {
        const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, fast->weights}};
        status = dnnl_primitive_execute(reorder, fast->stream, 2, args);
    }
    if (status == dnnl_success) {
        status = dnnl_stream_wait(fast->stream);
    }
    (void)dnnl_primitive_destroy(reorder);
    (void)dnnl_primitive_desc_destroy(desc);
    (void)dnnl_memory_destroy(from);
    return status_of(status);
}

static enum bt_status make_primitive(struct ref_conv2d_fast *fast, int32_t rows, const int8_t *weights,
                                     struct primitive *made)
{
    const struct bt_conv2d *conv = &fast->conv;
    const bool grouped = conv->groups > 1;
    const int weight_dims = grouped ? 5 : 4;
    const dnnl_dims_t src_dims = {1, conv->c_in, input_rows(conv, rows), fast->wide};
    const dnnl_dims_t dst_dims = {1, conv->c_out, rows, fast->ow};
    const dnnl_dims_t dense_dims = {conv->c_out, conv->c_in, conv->kh, conv->kw};
    const dnnl_dims_t group_dims = {conv->groups, fast->filters, fast->depth, conv->kh, conv->kw};
    const dnnl_dims_t strides = {conv->stride_h, conv->stride_w};
    const dnnl_dims_t dilates = {conv->dil_h - 1, conv->dil_w - 1};
    const dnnl_dims_t none = {0, 0};
    dnnl_memory_desc_t src;
    dnnl_memory_desc_t dst;
    dnnl_memory_desc_t plain;
    dnnl_memory_desc_t any;
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_t kernel = NULL;
    const dnnl_dim_t *dims = grouped ? group_dims : dense_dims;
    if (dnnl_memory_desc_init_by_tag(&src, 4, src_dims, dnnl_u8, dnnl_nhwc) != dnnl_success ||
        dnnl_memory_desc_init_by_tag(&dst, 4, dst_dims, dnnl_s32, dnnl_nhwc) != dnnl_success ||
        dnnl_memory_desc_init_by_tag(&plain, weight_dims, dims, dnnl_s8, grouped ? dnnl_gohwi : dnnl_ohwi) !=
            dnnl_success ||
        dnnl_memory_desc_init_by_tag(&any, weight_dims, dims, dnnl_s8, dnnl_format_tag_any) != dnnl_success ||
        dnnl_dilated_convolution_forward_desc_init(&desc, dnnl_forward_inference, dnnl_convolution_direct, &src, &any,
                                                   NULL, &dst, strides, dilates, none, none) != dnnl_success) {
        return BT_EUNSUPPORTED;
    }
    enum bt_status status = find_kernel(fast, &desc, &kernel);
    if (status == BT_OK) {
        status = order_weights(fast, &plain, dnnl_primitive_desc_query_md(kernel, dnnl_query_weights_md, 0), weights);
    }
    if (status == BT_OK) {
        status = status_of(dnnl_primitive_create(&made->run, kernel));
    }
    if (status == BT_OK) {
        status = status_of(dnnl_memory_create(&made->src, &src, fast->engine, fast->rows));
    }
    if (status == BT_OK) {
        status = status_of(dnnl_memory_create(&made->dst, &dst, fast->engine, fast->sums));
    }
    (void)dnnl_primitive_desc_destroy(kernel);
    return status;
}

static void free_primitive(struct primitive *primitive)
{
    (void)dnnl_primitive_destroy(primitive->run);
    (void)dnnl_memory_destroy(primitive->src);
    (void)dnnl_memory_destroy(primitive->dst);
    *primitive = (struct primitive){0};
}

static void free_primitives(struct ref_conv2d_fast *fast)
{
    free_primitive(&fast->whole);
    free_primitive(&fast->rest);
    (void)dnnl_memory_destroy(fast->weights);
    (void)dnnl_stream_destroy(fast->stream);
    (void)dnnl_engine_destroy(fast->engine);
    fast->weights = NULL;
    fast->stream = NULL;
    fast->engine = NULL;
}

/* Rows of input and sums of a block: of all channels, or for a matrix product of one group. */
static enum bt_status make_block(struct ref_conv2d_fast *fast, int32_t channels)
{
    const struct bt_conv2d *conv = &fast->conv;
    choose_blocks(fast);
    fast->rows = allocate((int64_t)input_rows(conv, fast->block_rows) * fast->wide * conv->c_in);
    fast->sums = allocate((int64_t)fast->block_rows * fast->ow * channels * (int64_t)sizeof(int32_t));
    return fast->rows != NULL && fast->sums != NULL ? BT_OK : BT_ENOMEM;
}

static void free_block(struct ref_conv2d_fast *fast)
{
    free(fast->rows);
    free(fast->sums);
    fast->rows = NULL;
    fast->sums = NULL;
}

static enum bt_status prepare_primitives(struct ref_conv2d_fast *fast, const struct bt_layer_data *data)
{
    fast->method = PRIMITIVE;
    enum bt_status status = make_block(fast, fast->conv.c_out);
    if (status == BT_OK) {
        status = status_of(dnnl_engine_create(&fast->engine, dnnl_cpu, 0));
    }
    if (status == BT_OK) {
        status = status_of(dnnl_stream_create(&fast->stream, fast->engine, dnnl_stream_default_flags));
    }
    if (status == BT_OK) {
        status = make_primitive(fast, fast->block_rows, data->weights, &fast->whole);
    }
    if (status == BT_OK && fast->oh % fast->block_rows != 0) {
        status = make_primitive(fast, fast->oh % fast->block_rows, data->weights, &fast->rest);
    }
    if (status == BT_EUNSUPPORTED) { /* another way will be found */
        free_primitives(fast);
        free_block(fast);
    }
    return status;
}

static enum bt_status prepare_gemm(struct ref_conv2d_fast *fast, const struct bt_layer_data *data)
{
    const int8_t *weights = data->weights;
    const int64_t weight_elems = bt_conv2d_weight_elems(&fast->conv);
    fast->method = GEMM;
    fast->passes = sums_in_32_bits() ? 1 : 2;
    if (make_block(fast, fast->filters) != BT_OK) {
        return BT_ENOMEM;
    }
    const int64_t pixels = (int64_t)fast->block_rows * fast->ow;
    if (!patches_are_rows(&fast->conv)) {
        fast->patches = allocate(pixels * taps_depth(fast));
    }
    fast->more_sums = fast->passes == 2 ? allocate(pixels * fast->filters * (int64_t)sizeof(int32_t)) : NULL;
    if ((fast->patches == NULL && !patches_are_rows(&fast->conv)) || (fast->passes == 2 && fast->more_sums == NULL)) {
        return BT_ENOMEM;
    }
    for (int pass = 0; pass < fast->passes; pass++) {
        fast->halves[pass] = malloc((size_t)weight_elems);
        if (fast->halves[pass] == NULL) {
            return BT_ENOMEM;
        }
        for (int64_t i = 0; i < weight_elems; i++) {
            const int32_t half = weights[i] >> 1;
            fast->halves[pass][i] = (int8_t)(fast->passes == 1 ? weights[i] : pass == 0 ? half : weights[i] - half);
        }
    }
    return BT_OK;
}

static enum bt_status prepare_depthwise(struct ref_conv2d_fast *fast, const struct bt_layer_data *data)
{
    const struct bt_conv2d *conv = &fast->conv;
    const int8_t *weights = data->weights;
    fast->method = DEPTHWISE;
    fast->tap_count = conv->kh * conv->kw;
    fast->taps = calloc((size_t)fast->tap_count * (size_t)conv->c_in, sizeof(int32_t));
    fast->tap_offsets = calloc((size_t)fast->tap_count, sizeof(int64_t));
    if (fast->taps == NULL || fast->tap_offsets == NULL || make_block(fast, conv->c_out) != BT_OK) {
        return BT_ENOMEM;
    }
    for (int64_t tap = 0; tap < fast->tap_count; tap++) {
        const int64_t y = tap / conv->kw * conv->dil_h;
        const int64_t x = tap % conv->kw * conv->dil_w;
        fast->tap_offsets[tap] = (y * fast->wide + x) * conv->c_in;
        for (int64_t c = 0; c < conv->c_in; c++) {
            fast->taps[tap * conv->c_in + c] = weights[c * fast->tap_count + tap];
        }
    }
    return BT_OK;
}

static enum bt_status prepare_plain(struct ref_conv2d_fast *fast, const struct bt_layer_data *data)
{
    const size_t channels = (size_t)fast->conv.c_out;
    const size_t weight_bytes = (size_t)bt_conv2d_weight_elems(&fast->conv);
    const int32_t *const constants[] = {data->bias, data->mult, data->shift};
    const int32_t **const copies[] = {&fast->plain.bias, &fast->plain.mult, &fast->plain.shift};
    fast->method = PLAIN;
    fast->plain_weights = malloc(weight_bytes);
    fast->plain_table = malloc(256);
    fast->plain_channels = calloc(3 * channels, sizeof(int32_t));
    if (fast->plain_weights == NULL || fast->plain_table == NULL || fast->plain_channels == NULL) {
        return BT_ENOMEM;
    }
    memcpy(fast->plain_weights, data->weights, weight_bytes);
    fast->plain.weights = fast->plain_weights;
    if (fast->conv.table) {
        memcpy(fast->plain_table, data->table, 256);
        fast->plain.table = fast->plain_table;
    }
    for (size_t i = 0; i < 3; i++) {
        if (constants[i] != NULL && (i == 0 || !fast->conv.raw)) {
            memcpy(fast->plain_channels + i * channels, constants[i], channels * sizeof(int32_t));
            *copies[i] = fast->plain_channels + i * channels;
        }
    }
    return BT_OK;
}

static enum bt_status prepare(struct ref_conv2d_fast *fast, const struct bt_layer_data *data)
{
    const struct bt_conv2d *conv = &fast->conv;
    enum bt_status status = BT_EUNSUPPORTED;
    if (conv->groups > 1 && fast->depth == 1 && fast->filters == 1) {
        return prepare_depthwise(fast, data);
    }
    if (sums_in_32_bits()) {
        status = prepare_primitives(fast, data);
    }
    if (status == BT_EUNSUPPORTED) {
        status =
            conv->groups > 1 && fast->filters < FEWEST_FILTERS ? prepare_plain(fast, data) : prepare_gemm(fast, data);
    }
    return status;
}

enum bt_status ref_conv2d_fast_new(const struct bt_conv2d *conv, const struct bt_layer_data *data, enum ref_isa isa,
                                   struct ref_conv2d_fast **made)
{
    const int8_t some = 0; /* the check only asks whether there is an ifmap */
    if (conv == NULL || data == NULL || made == NULL || !ref_isa_available(isa)) {
        return BT_EINVAL;
    }
    struct bt_layer_data constants = *data;
    constants.ifmap = &some;
    enum bt_status status = ref_conv2d_s8_check(conv, &constants, NULL);
    if (status != BT_OK) {
        return status;
    }
    struct ref_conv2d_fast *fast = calloc(1, sizeof(*fast));
    if (fast == NULL) {
        return BT_ENOMEM;
    }
    omp_set_num_threads(1);
    fast->conv = *conv;
    fast->isa = isa;
    fast->oh = bt_conv2d_oh(conv);
    fast->ow = bt_conv2d_ow(conv);
    fast->depth = conv->c_in / conv->groups;
    fast->filters = conv->c_out / conv->groups;
    fast->wide = (fast->ow - 1) * conv->stride_w + (conv->kw - 1) * conv->dil_w + 1;
    status = make_corrections(fast, data);
    if (status == BT_OK && !conv->raw) {
        status =
            ref_requantiser_new(conv, fast->corrections, data->mult, data->shift, data->table, isa, &fast->requantiser);
    }
    if (status == BT_OK) {
        status = prepare(fast, data);
    }
    if (status != BT_OK) {
        ref_conv2d_fast_free(fast);
        return status;
    }
    *made = fast;
    return BT_OK;
}

void ref_conv2d_fast_free(struct ref_conv2d_fast *fast)
{
    if (fast == NULL) {
        return;
    }
    free_primitives(fast);
    free_block(fast);
    free(fast->corrections);
    ref_requantiser_free(fast->requantiser);
    free(fast->halves[0]);
    free(fast->halves[1]);
    free(fast->more_sums);
    free(fast->patches);
    free(fast->taps);
    free(fast->tap_offsets);
    free(fast->plain_weights);
    free(fast->plain_table);
    free(fast->plain_channels);
    free(fast);
}

/* ---- one block ---- */

/* Some output rows of one image. */
struct block {
    const int8_t *image;
    int32_t first, rows;
    int64_t pixels;
};

static void copy_base(uint8_t *restrict to, const int8_t *restrict from, int64_t bytes)
{
    for (int64_t i = 0; i < bytes; i++) {
        to[i] = (uint8_t)from[i] ^ 0x80;
    }
}

#ifdef REF_HAS_X86
static REF_TARGET_AVX512 void copy_avx512(uint8_t *to, const int8_t *from, int64_t bytes)
{
    const __m512i flip = _mm512_set1_epi8((char)0x80);
    for (int64_t i = 0; i < bytes; i += 64) {
        const __mmask64 lanes = bytes - i < 64 ? (UINT64_C(1) << (bytes - i)) - 1 : UINT64_MAX;
        _mm512_mask_storeu_epi8(to + i, lanes, _mm512_xor_si512(_mm512_maskz_loadu_epi8(lanes, from + i), flip));
    }
}
#endif

static void copy_pixels(enum ref_isa isa, uint8_t *to, const int8_t *from, int64_t bytes)
{
#ifdef REF_HAS_X86
    if (isa >= REF_ISA_AVX512) {
        copy_avx512(to, from, bytes);
        return;
    }
#endif
    (void)isa;
    copy_base(to, from, bytes);
}

/* The input rows of the block as uint8, padding included. */
static void fill_rows(const struct ref_conv2d_fast *fast, const struct block *block)
{
    const struct bt_conv2d *conv = &fast->conv;
    const int32_t count = input_rows(conv, block->rows);
    const int64_t pitch = (int64_t)fast->wide * conv->c_in;
    const int64_t left = conv->pad_left < fast->wide ? conv->pad_left : fast->wide;
    const int64_t inside = fast->wide - left < conv->w ? fast->wide - left : conv->w;
    const int64_t right = fast->wide - left - inside;
    const int padding = conv->in_zp + 128;
    for (int32_t i = 0; i < count; i++) {
        uint8_t *row = fast->rows + i * pitch;
        const int64_t y = (int64_t)block->first * conv->stride_h - conv->pad_top + i;
        if (y < 0 || y >= conv->h) {
            memset(row, padding, (size_t)pitch);
            continue;
        }
        memset(row, padding, (size_t)(left * conv->c_in));
        copy_pixels(fast->isa, row + left * conv->c_in, block->image + y * conv->w * conv->c_in, inside * conv->c_in);
        memset(row + (left + inside) * conv->c_in, padding, (size_t)(right * conv->c_in));
    }
}

/* Sums of whole pixels, or of one group's channels, to where they belong. */
static void finish(const struct ref_conv2d_fast *fast, const struct block *block, int32_t first, int32_t count,
                   void *ofmap)
{
    const int32_t c_out = fast->conv.c_out;
    if (!fast->conv.raw) {
        ref_requantise_rows(fast->requantiser, fast->sums, block->pixels, first, count, (int8_t *)ofmap + first);
        return;
    }
    for (int64_t p = 0; p < block->pixels; p++) {
        int32_t *out = (int32_t *)ofmap + p * c_out + first;
        for (int32_t i = 0; i < count; i++) {
            out[i] = (int32_t)((uint32_t)fast->sums[p * count + i] + (uint32_t)fast->corrections[first + i]);
        }
    }
}

static enum bt_status run_primitive(const struct ref_conv2d_fast *fast, const struct block *block, void *ofmap)
{
    const struct primitive *primitive = block->rows == fast->block_rows ? &fast->whole : &fast->rest;
    const dnnl_exec_arg_t args[] = {
        {DNNL_ARG_SRC, primitive->src}, {DNNL_ARG_WEIGHTS, fast->weights}, {DNNL_ARG_DST, primitive->dst}};
    dnnl_status_t status = dnnl_primitive_execute(primitive->run, fast->stream, 3, args);
    if (status == dnnl_success) {
        status = dnnl_stream_wait(fast->stream);
    }
    if (status == dnnl_success) {
        finish(fast, block, 0, fast->conv.c_out, ofmap);
    }
    return status_of(status);
}

/* The windows of the block's pixels in one group. */
static void fill_patches(const struct ref_conv2d_fast *fast, const struct block *block, int32_t group)
{
    const struct bt_conv2d *conv = &fast->conv;
    uint8_t *patch = fast->patches;
    for (int32_t oy = 0; oy < block->rows; oy++) {
        for (int32_t ox = 0; ox < fast->ow; ox++) {
            for (int32_t ky = 0; ky < conv->kh; ky++) {
                const int64_t y = (int64_t)oy * conv->stride_h + ky * conv->dil_h;
                for (int32_t kx = 0; kx < conv->kw; kx++, patch += fast->depth) {
                    const int64_t x = (int64_t)ox * conv->stride_w + kx * conv->dil_w;
                    const uint8_t *pixel = fast->rows + (y * fast->wide + x) * conv->c_in;
                    memcpy(patch, pixel + (int64_t)group * fast->depth, (size_t)fast->depth);
                }
            }
        }
    }
}

static enum bt_status multiply(const struct ref_conv2d_fast *fast, int64_t pixels, const int8_t *filters, int32_t *sums)
{
    const int32_t no_offset = 0;
    const int64_t k = taps_depth(fast);
    const uint8_t *patches = fast->patches != NULL ? fast->patches : fast->rows;
    return status_of(dnnl_gemm_u8s8s32('N', 'T', 'F', pixels, fast->filters, k, 1, patches, k, 0, filters, k, 0, 0,
                                       sums, fast->filters, &no_offset));
}

static enum bt_status run_gemm(const struct ref_conv2d_fast *fast, const struct block *block, void *ofmap)
{
    enum bt_status status = BT_OK;
    for (int32_t group = 0; status == BT_OK && group < fast->conv.groups; group++) {
        const int64_t offset = (int64_t)group * fast->filters * taps_depth(fast);
        if (fast->patches != NULL) {
            fill_patches(fast, block, group);
        }
        status = multiply(fast, block->pixels, fast->halves[0] + offset, fast->sums);
        if (status == BT_OK && fast->passes == 2) {
            status = multiply(fast, block->pixels, fast->halves[1] + offset, fast->more_sums);
            /* Sums may pass 32 bits on the way and come back: the bound of ref_conv2d_s8() holds for the result. */
            for (int64_t i = 0; i < block->pixels * fast->filters; i++) {
                fast->sums[i] = (int32_t)((uint32_t)fast->sums[i] + (uint32_t)fast->more_sums[i]);
            }
        }
        if (status == BT_OK) {
            finish(fast, block, group * fast->filters, fast->filters, ofmap);
        }
    }
    return status;
}

/* ---- depthwise: all channels of one pixel ---- */

typedef void depthwise_pixel(const struct ref_conv2d_fast *fast, const uint8_t *window, int32_t *sums);

/* Channels from `from` on, the sums as they stand. */
static void depthwise_rest(const struct ref_conv2d_fast *fast, const uint8_t *window, int32_t from, int32_t *sums)
{
    const int32_t channels = fast->conv.c_in;
    for (int32_t c = from; c < channels; c++) {
        int32_t sum = 0;
        for (int32_t tap = 0; tap < fast->tap_count; tap++) {
            sum += window[fast->tap_offsets[tap] + c] * fast->taps[(int64_t)tap * channels + c];
        }
        sums[c] = sum;
    }
}

static void depthwise_base(const struct ref_conv2d_fast *fast, const uint8_t *window, int32_t *sums)
{
    depthwise_rest(fast, window, 0, sums);
}

#ifdef REF_HAS_X86
static REF_TARGET_AVX2 void depthwise_avx2(const struct ref_conv2d_fast *fast, const uint8_t *window, int32_t *sums)
{
    const int32_t channels = fast->conv.c_in;
    int32_t c = 0;
    for (; c + 8 <= channels; c += 8) {
        __m256i sum = _mm256_setzero_si256();
        for (int32_t tap = 0; tap < fast->tap_count; tap++) {
            const __m128i x = _mm_loadl_epi64((const __m128i *)(window + fast->tap_offsets[tap] + c));
            const __m256i w = _mm256_loadu_si256((const __m256i *)(fast->taps + (int64_t)tap * channels + c));
            sum = _mm256_add_epi32(sum, _mm256_mullo_epi32(_mm256_cvtepu8_epi32(x), w));
        }
        _mm256_storeu_si256((__m256i *)(sums + c), sum);
    }
    depthwise_rest(fast, window, c, sums);
}

static REF_TARGET_AVX512 void depthwise_avx512(const struct ref_conv2d_fast *fast, const uint8_t *window, int32_t *sums)
{
    const int32_t channels = fast->conv.c_in;
    for (int32_t c = 0; c < channels; c += 16) {
        const __mmask16 lanes = (__mmask16)(channels - c < 16 ? (1 << (channels - c)) - 1 : 0xFFFF);
        __m512i sum = _mm512_setzero_si512();
        for (int32_t tap = 0; tap < fast->tap_count; tap++) {
            const __m128i x = _mm_maskz_loadu_epi8(lanes, window + fast->tap_offsets[tap] + c);
            const __m512i w = _mm512_maskz_loadu_epi32(lanes, fast->taps + (int64_t)tap * channels + c);
            sum = _mm512_add_epi32(sum, _mm512_mullo_epi32(_mm512_cvtepu8_epi32(x), w));
        }
        _mm512_mask_storeu_epi32(sums + c, lanes, sum);
    }
}
#endif

static void run_depthwise(const struct ref_conv2d_fast *fast, const struct block *block, void *ofmap)
{
    const struct bt_conv2d *conv = &fast->conv;
    depthwise_pixel *pixel = depthwise_base;
#ifdef REF_HAS_X86
    pixel = fast->isa >= REF_ISA_AVX512 ? depthwise_avx512 : fast->isa == REF_ISA_AVX2 ? depthwise_avx2 : pixel;
#endif
    int32_t *sums = fast->sums;
    for (int64_t oy = 0; oy < block->rows; oy++) {
        for (int64_t ox = 0; ox < fast->ow; ox++, sums += conv->c_in) {
            pixel(fast, fast->rows + (oy * conv->stride_h * fast->wide + ox * conv->stride_w) * conv->c_in, sums);
        }
    }
    finish(fast, block, 0, conv->c_out, ofmap);
}

/* ---- all blocks ---- */

static enum bt_status run_block(const struct ref_conv2d_fast *fast, const struct block *block, void *ofmap)
{
    fill_rows(fast, block);
    switch (fast->method) {
    case PRIMITIVE:
        return run_primitive(fast, block, ofmap);
    case GEMM:
        return run_gemm(fast, block, ofmap);
    default:
        run_depthwise(fast, block, ofmap);
        return BT_OK;
    }
}

enum bt_status ref_conv2d_fast_run(struct ref_conv2d_fast *fast, const int8_t *ifmap, void *ofmap)
{
    if (fast == NULL || ifmap == NULL || ofmap == NULL) {
        return BT_EINVAL;
    }
    const struct bt_conv2d *conv = &fast->conv;
    if (fast->method == PLAIN) {
        struct bt_layer_data data = fast->plain;
        data.ifmap = ifmap;
        return ref_conv2d_s8(conv, &data, ofmap);
    }
    omp_set_num_threads(1); /* of this thread, which may not be the one that prepared */
    const int64_t out_bytes = conv->raw ? (int64_t)sizeof(int32_t) : 1;
    uint8_t *out = ofmap;
    for (int32_t n = 0; n < conv->n; n++) {
        struct block block = {.image = ifmap + (int64_t)n * conv->h * conv->w * conv->c_in};
        for (; block.first < fast->oh; block.first += block.rows) {
            const int32_t left = fast->oh - block.first;
            block.rows = left < fast->block_rows ? left : fast->block_rows;
            block.pixels = (int64_t)block.rows * fast->ow;
            const enum bt_status status = run_block(fast, &block, out);
            if (status != BT_OK) {
                return status;
            }
            out += block.pixels * conv->c_out * out_bytes;
        }
    }
    return BT_OK;
}

enum bt_status ref_conv2d_s8_fast(const struct bt_conv2d *conv, const struct bt_layer_data *data, void *ofmap)
{
    struct ref_conv2d_fast *fast = NULL;
    enum bt_status status = data == NULL || data->ifmap == NULL || ofmap == NULL
                                ? BT_EINVAL
                                : ref_conv2d_fast_new(conv, data, ref_isa_best(), &fast);
    if (status == BT_OK) {
        status = ref_conv2d_fast_run(fast, data->ifmap, ofmap);
    }
    ref_conv2d_fast_free(fast);
    return status;
}
