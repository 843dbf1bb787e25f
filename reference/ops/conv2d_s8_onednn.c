#include "reference/ops/conv2d_s8_onednn.h"

#include <stdlib.h>
#include <string.h>

#include <dnnl.h>

#include "reference/common/bt_conv2d.h"
#include "reference/ops/conv2d_s8.h"
#include "reference/ops/requantise.h"

/* Patches of one matrix product: large enough for oneDNN's blocking, small enough for the second-level cache. */
#define BLOCK_BYTES (INT64_C(1) << 20)

/* Filters per group from which on a product pays. */
#define FEWEST_FILTERS 8

/* What one call works with; allocated and released in one place. */
struct job {
    const struct bt_conv2d *conv;
    const struct bt_layer_data *data;
    int32_t oh, ow, depth, filters; /* depth and filters per group */
    int64_t taps_depth;             /* elements of one filter and of one patch */
    int64_t block_pixels;
    int passes;           /* 1, or 2 when the weights are split */
    int8_t *halves[2];    /* OHWI; only with two passes */
    int32_t *sums[2];     /* [block_pixels][filters] of each pass */
    uint8_t *patches;     /* [block_pixels][taps_depth] */
    int32_t *corrections; /* [c_out]: bias - (in_zp + 128) * sum of the filter, modulo 2^32 */
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

/* Sums may pass 32 bits on the way and come back: the bound of ref_conv2d_s8() holds for the result. */
static int32_t add_modulo(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static enum bt_status prepare(struct job *job, const struct bt_conv2d *conv, const struct bt_layer_data *data)
{
    const int8_t *weights = data->weights;
    const int64_t weight_elems = bt_conv2d_weight_elems(conv);
    job->conv = conv;
    job->data = data;
    job->oh = bt_conv2d_oh(conv);
    job->ow = bt_conv2d_ow(conv);
    job->depth = conv->c_in / conv->groups;
    job->filters = conv->c_out / conv->groups;
    job->taps_depth = (int64_t)conv->kh * conv->kw * job->depth;
    job->passes = sums_in_32_bits() ? 1 : 2;

    const int64_t pixels = (int64_t)conv->n * job->oh * job->ow;
    const int64_t fitting = BLOCK_BYTES / job->taps_depth;
    job->block_pixels = fitting < 1 ? 1 : fitting < pixels ? fitting : pixels;

    job->patches = malloc((size_t)(job->block_pixels * job->taps_depth));
    job->corrections = calloc((size_t)conv->c_out, sizeof(int32_t));
    if (job->patches == NULL || job->corrections == NULL) {
        return BT_ENOMEM;
    }
    for (int pass = 0; pass < job->passes; pass++) {
        job->sums[pass] = malloc((size_t)(job->block_pixels * job->filters) * sizeof(int32_t));
        job->halves[pass] = job->passes == 2 ? malloc((size_t)weight_elems) : NULL;
        if (job->sums[pass] == NULL || (job->passes == 2 && job->halves[pass] == NULL)) {
            return BT_ENOMEM;
        }
    }
    for (int64_t i = 0; job->passes == 2 && i < weight_elems; i++) {
        job->halves[0][i] = (int8_t)(weights[i] >> 1);
        job->halves[1][i] = (int8_t)(weights[i] - (weights[i] >> 1));
    }
    for (int32_t oc = 0; oc < conv->c_out; oc++) {
        int64_t sum = 0;
        for (int64_t i = 0; i < job->taps_depth; i++) {
            sum += weights[oc * job->taps_depth + i];
        }
        const int64_t bias = data->bias != NULL ? data->bias[oc] : 0;
        job->corrections[oc] = (int32_t)(uint32_t)(bias - (conv->in_zp + 128) * sum);
    }
    return BT_OK;
}

static void release(struct job *job)
{
    free(job->patches);
    free(job->corrections);
    for (int pass = 0; pass < 2; pass++) {
        free(job->sums[pass]);
        free(job->halves[pass]);
    }
}

/* The window of output pixel `pixel` (counted over n, oy, ox) in one group, as uint8. */
static void fill_patch(const struct job *job, int32_t group, int64_t pixel, uint8_t *patch)
{
    const struct bt_conv2d *conv = job->conv;
    const int64_t ox = pixel % job->ow;
    const int64_t oy = pixel / job->ow % job->oh;
    const int64_t n = pixel / job->ow / job->oh;
    const int8_t *image = (const int8_t *)job->data->ifmap + n * conv->h * conv->w * conv->c_in;
    for (int64_t ky = 0; ky < conv->kh; ky++) {
        const int64_t y = oy * conv->stride_h - conv->pad_top + ky * conv->dil_h;
        for (int64_t kx = 0; kx < conv->kw; kx++, patch += job->depth) {
            const int64_t x = ox * conv->stride_w - conv->pad_left + kx * conv->dil_w;
            if (y < 0 || y >= conv->h || x < 0 || x >= conv->w) {
                memset(patch, conv->in_zp + 128, (size_t)job->depth);
                continue;
            }
            const int8_t *tap = image + (y * conv->w + x) * conv->c_in + (int64_t)group * job->depth;
            for (int32_t ic = 0; ic < job->depth; ic++) {
                patch[ic] = (uint8_t)(tap[ic] + 128);
            }
        }
    }
}

/* sums[pass][pixel][filter] of one group for `count` pixels from `first` on. */
static enum bt_status multiply(const struct job *job, int32_t group, int64_t first, int64_t count)
{
    const int32_t no_offset = 0;
    for (int64_t i = 0; i < count; i++) {
        fill_patch(job, group, first + i, job->patches + i * job->taps_depth);
    }
    for (int pass = 0; pass < job->passes; pass++) {
        const int8_t *weights = job->passes == 2 ? job->halves[pass] : job->data->weights;
        const dnnl_status_t status =
            dnnl_gemm_u8s8s32('N', 'T', 'F', count, job->filters, job->taps_depth, 1, job->patches, job->taps_depth, 0,
                              weights + (int64_t)group * job->filters * job->taps_depth, job->taps_depth, 0, 0,
                              job->sums[pass], job->filters, &no_offset);
        if (status != dnnl_success) {
            return status == dnnl_out_of_memory ? BT_ENOMEM : BT_EUNSUPPORTED;
        }
    }
    return BT_OK;
}

static void finish(const struct job *job, int32_t group, int64_t first, int64_t count, void *ofmap)
{
    const struct bt_conv2d *conv = job->conv;
    const int8_t *table = conv->table ? job->data->table : NULL;
    for (int64_t i = 0; i < count; i++) {
        for (int32_t filter = 0; filter < job->filters; filter++) {
            const int64_t oc = (int64_t)group * job->filters + filter;
            const int64_t out = (first + i) * conv->c_out + oc;
            int32_t sum = job->corrections[oc];
            for (int pass = 0; pass < job->passes; pass++) {
                sum = add_modulo(sum, job->sums[pass][i * job->filters + filter]);
            }
            if (conv->raw) {
                ((int32_t *)ofmap)[out] = sum;
            } else {
                ((int8_t *)ofmap)[out] = ref_conv2d_finish(conv, sum, job->data->mult[oc], job->data->shift[oc], table);
            }
        }
    }
}

enum bt_status ref_conv2d_s8_onednn(const struct bt_conv2d *conv, const struct bt_layer_data *data, void *ofmap)
{
    enum bt_status status = ofmap == NULL ? BT_EINVAL : ref_conv2d_s8_check(conv, data, NULL);
    if (status != BT_OK) {
        return status;
    }
    /* A matrix of a few columns per group, as in a depthwise layer, is slower as a product than as plain loops. */
    if (conv->groups > 1 && conv->c_out / conv->groups < FEWEST_FILTERS) {
        return ref_conv2d_s8(conv, data, ofmap);
    }
    struct job job = {0};
    status = prepare(&job, conv, data);
    const int64_t pixels = (int64_t)conv->n * job.oh * job.ow;
    for (int32_t group = 0; status == BT_OK && group < conv->groups; group++) {
        for (int64_t first = 0; status == BT_OK && first < pixels; first += job.block_pixels) {
            const int64_t left = pixels - first;
            const int64_t count = left < job.block_pixels ? left : job.block_pixels;
            status = multiply(&job, group, first, count);
            if (status == BT_OK) {
                finish(&job, group, first, count, ofmap);
            }
        }
    }
    release(&job);
    return status;
}
