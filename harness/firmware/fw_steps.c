#include "harness/firmware/fw_steps.h"

#include <stddef.h>
#include <string.h>

#include "harness/firmware/fw_conv2d_s8.h"
#include "harness/firmware/fw_elementwise_s8.h"
#include "harness/firmware/fw_maxpool_s8.h"
#include "harness/firmware/soc_regs.h"
#include "reference/common/bt_conv2d.h"
#include "reference/ops/activation_table_s8.h"
#include "reference/ops/avgpool_s8.h"
#include "reference/ops/mul_s8.h"
#include "reference/ops/upsample_nearest_s8.h"

enum { ALIGNMENT = 16 };

/* What every step is run with. */
struct context {
    const struct fw_machine *machine;
    const struct bt_program *program;
    const struct bt_step *step;
    struct bt_reason *why;
};

static enum bt_status refuse_as(struct bt_reason *why, enum bt_status status, const char *what, int64_t got,
                                int64_t limit)
{
    *why = (struct bt_reason){.what = what, .got = got, .limit = limit};
    return status;
}

static enum bt_status refuse(struct bt_reason *why, const char *what, int64_t got, int64_t limit)
{
    return refuse_as(why, BT_EINVAL, what, got, limit);
}

/* ---- addresses: offsets into DRAM, of which none is believed ---- */

static enum bt_status locate_in(const struct fw_machine *machine, uint32_t offset, uint64_t bytes, const char *what,
                                void **at, struct bt_reason *why)
{
    if (offset % ALIGNMENT != 0) {
        return refuse(why, what, offset % ALIGNMENT, 0);
    }
    if (offset == 0 || offset > machine->dram_bytes || bytes > machine->dram_bytes - offset) {
        return refuse(why, what, offset, machine->dram_bytes);
    }
    *at = machine->dram + offset;
    return BT_OK;
}

/* The same, but 0 is NULL. */
static enum bt_status locate_if(const struct fw_machine *machine, uint32_t offset, uint64_t bytes, const char *what,
                                void **at, struct bt_reason *why)
{
    if (offset == 0) {
        *at = NULL;
        return BT_OK;
    }
    return locate_in(machine, offset, bytes, what, at, why);
}

static enum bt_status locate_params(const struct context *c, size_t bytes, void **params)
{
    return locate_in(c->machine, c->step->params, bytes, "parameters of a step outside the DRAM, or not aligned",
                     params, c->why);
}

static enum bt_status locate_input(const struct context *c, uint32_t index, uint64_t bytes, void **at)
{
    if (index >= c->step->input_count || index >= BT_STEP_INPUTS) {
        return refuse(c->why, "input of a step missing", c->step->input_count, index + 1);
    }
    return locate_in(c->machine, c->step->in[index], bytes, "input of a step outside the DRAM, or not aligned", at,
                     c->why);
}

static enum bt_status locate_output(const struct context *c, uint64_t bytes, void **at)
{
    return locate_in(c->machine, c->step->out, bytes, "output of a step outside the DRAM, or not aligned", at, c->why);
}

/* One input and the output, which most steps have. */
static enum bt_status locate_io(const struct context *c, uint64_t in_bytes, uint64_t out_bytes, void **in, void **out)
{
    const enum bt_status status = locate_input(c, 0, in_bytes, in);
    return status != BT_OK ? status : locate_output(c, out_bytes, out);
}

static enum bt_status judge(const struct context *c, enum bt_status status)
{
    return status == BT_OK ? BT_OK : refuse_as(c->why, status, "the operator refuses its parameters", 0, 0);
}

/* ---- software kernels ---- */

static enum bt_status locate_constants(const struct context *c, uint64_t weight_bytes, uint64_t channel_bytes,
                                       uint64_t table_bytes, struct bt_layer_data *data)
{
    static const char what[] = "constants of a convolution outside the DRAM, or not aligned";
    const struct bt_step *step = c->step;
    const struct {
        uint32_t offset;
        uint64_t bytes;
    } wanted[] = {
        {step->weights, weight_bytes}, {step->bias, channel_bytes}, {step->mult, channel_bytes},
        {step->shift, channel_bytes},  {step->table, table_bytes},
    };
    void *at[sizeof(wanted) / sizeof(wanted[0])];
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        const enum bt_status status = locate_if(c->machine, wanted[i].offset, wanted[i].bytes, what, &at[i], c->why);
        if (status != BT_OK) {
            return status;
        }
    }
    data->weights = at[0];
    data->bias = at[1];
    data->mult = at[2];
    data->shift = at[3];
    data->table = at[4];
    return BT_OK;
}

static enum bt_status run_conv2d(const struct context *c)
{
    void *params = NULL;
    void *in = NULL;
    void *out = NULL;
    struct bt_layer_data data = {0};
    enum bt_status status = locate_params(c, sizeof(struct bt_conv2d), &params);
    if (status != BT_OK) {
        return status;
    }
    const struct bt_conv2d *conv = params;
    status = bt_conv2d_check(conv, c->why);
    if (status != BT_OK) {
        return status;
    }
    const uint64_t out_bytes = (uint64_t)bt_conv2d_ofmap_elems(conv) * (conv->raw ? sizeof(int32_t) : 1);
    status = locate_io(c, (uint64_t)bt_conv2d_ifmap_elems(conv), out_bytes, &in, &out);
    if (status != BT_OK) {
        return status;
    }
    data.ifmap = in;
    const uint64_t channel_bytes = (uint64_t)conv->c_out * sizeof(int32_t);
    status = locate_constants(c, (uint64_t)bt_conv2d_weight_elems(conv), channel_bytes, 256, &data);
    if (status != BT_OK) {
        return status;
    }
    if (data.weights == NULL || (!conv->raw && (data.mult == NULL || data.shift == NULL)) ||
        (conv->table && data.table == NULL)) {
        return refuse(c->why, "constants of a convolution missing", 0, 0);
    }
    const uint64_t scratch_bytes = fw_conv2d_s8_scratch_bytes(conv);
    if (scratch_bytes > c->program->scratch_bytes) {
        return refuse(c->why, "scratch memory too small for a convolution", c->program->scratch_bytes,
                      (int64_t)scratch_bytes);
    }
    fw_conv2d_s8(conv, &data, c->machine->dram + c->program->scratch, out);
    return BT_OK;
}

static enum bt_status run_pool(const struct context *c,
                               enum bt_status (*kernel)(const struct ref_pool2d *, const int8_t *, int8_t *))
{
    void *params = NULL;
    void *in = NULL;
    void *out = NULL;
    enum bt_status status = locate_params(c, sizeof(struct ref_pool2d), &params);
    if (status != BT_OK) {
        return status;
    }
    const struct ref_pool2d *pool = params;
    status = ref_pool2d_check(pool, INT8_MIN, INT8_MAX, c->why);
    if (status != BT_OK) {
        return status;
    }
    const uint64_t row = (uint64_t)pool->n * (uint64_t)pool->c;
    status = locate_io(c, row * (uint64_t)pool->h * (uint64_t)pool->w,
                       row * (uint64_t)ref_pool2d_oh(pool) * (uint64_t)ref_pool2d_ow(pool), &in, &out);
    return status != BT_OK ? status : judge(c, kernel(pool, in, out));
}

/* A negative count is as good as a far too large one. */
static enum bt_status locate_pair(const struct context *c, int64_t elems, void **in1, void **in2, void **out)
{
    const enum bt_status status = locate_io(c, (uint64_t)elems, (uint64_t)elems, in1, out);
    return status != BT_OK ? status : locate_input(c, 1, (uint64_t)elems, in2);
}

static enum bt_status run_add(const struct context *c)
{
    void *params = NULL;
    void *in1 = NULL;
    void *in2 = NULL;
    void *out = NULL;
    enum bt_status status = locate_params(c, sizeof(struct ref_add), &params);
    if (status != BT_OK) {
        return status;
    }
    const struct ref_add *add = params;
    status = locate_pair(c, add->elems, &in1, &in2, &out);
    return status != BT_OK ? status : judge(c, fw_add_s8(add, in1, in2, out));
}

static enum bt_status run_mul(const struct context *c)
{
    void *params = NULL;
    void *in1 = NULL;
    void *in2 = NULL;
    void *out = NULL;
    enum bt_status status = locate_params(c, sizeof(struct ref_mul), &params);
    if (status != BT_OK) {
        return status;
    }
    const struct ref_mul *mul = params;
    status = locate_pair(c, mul->elems, &in1, &in2, &out);
    return status != BT_OK ? status : judge(c, ref_mul_s8(mul, in1, in2, out));
}

/* pixels * channels, as far as it is within the DRAM; else more than any DRAM has. */
static uint64_t area(int64_t pixels, int64_t channels)
{
    const bool sane = pixels >= 1 && pixels <= UINT32_MAX && channels >= 1 && channels <= UINT32_MAX;
    return sane ? (uint64_t)pixels * (uint64_t)channels : UINT64_MAX;
}

static enum bt_status run_concat(const struct context *c)
{
    struct ref_concat_input inputs[BT_STEP_INPUTS];
    void *params = NULL;
    void *out = NULL;
    enum bt_status status = locate_params(c, sizeof(struct bt_step_concat), &params);
    if (status != BT_OK) {
        return status;
    }
    const struct bt_step_concat *concat = params;
    if (concat->count < 1 || concat->count > BT_STEP_INPUTS) {
        return refuse(c->why, "inputs of a concatenation", concat->count, BT_STEP_INPUTS);
    }
    int64_t channels = 0;
    for (int32_t i = 0; i < concat->count; i++) {
        void *in = NULL;
        status = locate_input(c, (uint32_t)i, area(concat->pixels, concat->in[i].c), &in);
        if (status != BT_OK) {
            return status;
        }
        inputs[i] = (struct ref_concat_input){.data = in,
                                              .c = concat->in[i].c,
                                              .zp = concat->in[i].zp,
                                              .mult = concat->in[i].mult,
                                              .shift = concat->in[i].shift};
        channels += concat->in[i].c;
    }
    status = locate_output(c, area(concat->pixels, channels), &out);
    if (status != BT_OK) {
        return status;
    }
    const struct ref_concat all = {
        .pixels = concat->pixels, .count = concat->count, .out_zp = concat->out_zp, .rounding = concat->rounding};
    return judge(c, fw_concat_s8(&all, inputs, out));
}

static enum bt_status run_upsample(const struct context *c)
{
    void *params = NULL;
    void *in = NULL;
    void *out = NULL;
    enum bt_status status = locate_params(c, sizeof(struct bt_step_upsample), &params);
    if (status != BT_OK) {
        return status;
    }
    const struct bt_step_upsample *up = params;
    const int32_t extents[] = {up->h, up->w, up->c, up->scale};
    for (size_t i = 0; i < sizeof(extents) / sizeof(extents[0]); i++) {
        if (extents[i] < 1 || extents[i] > BT_MAX_DIM) {
            return refuse(c->why, "extent of an upsampling out of range", extents[i], BT_MAX_DIM);
        }
    }
    const uint64_t in_bytes = (uint64_t)up->h * (uint64_t)up->w * (uint64_t)up->c;
    const uint64_t copies = (uint64_t)up->scale * (uint64_t)up->scale;
    status = locate_io(c, in_bytes, in_bytes > UINT32_MAX ? UINT64_MAX : in_bytes * copies, &in, &out);
    const struct ref_upsample square = {
        .n = 1, .h = up->h, .w = up->w, .c = up->c, .factor_h = up->scale, .factor_w = up->scale};
    return status != BT_OK ? status : judge(c, ref_upsample_nearest_s8(&square, in, out));
}

static enum bt_status run_slice(const struct context *c)
{
    void *params = NULL;
    void *in = NULL;
    void *out = NULL;
    enum bt_status status = locate_params(c, sizeof(struct bt_step_slice), &params);
    if (status != BT_OK) {
        return status;
    }
    const struct bt_step_slice *slice = params;
    if (slice->from < 0 || slice->c < 1 || slice->c_in > BT_MAX_DIM || slice->c > slice->c_in - slice->from) {
        return refuse(c->why, "channels of a slice beyond those of its input", (int64_t)slice->from + slice->c,
                      slice->c_in);
    }
    status = locate_io(c, area(slice->pixels, slice->c_in), area(slice->pixels, slice->c), &in, &out);
    if (status != BT_OK) {
        return status;
    }
    const int8_t *from = (const int8_t *)in + slice->from;
    int8_t *to = out;
    for (uint32_t pixel = 0; pixel < (uint32_t)slice->pixels; pixel++) {
        memcpy(to, from, (size_t)slice->c);
        from += slice->c_in;
        to += slice->c;
    }
    return BT_OK;
}

static enum bt_status run_softmax(const struct context *c)
{
    void *params = NULL;
    void *in = NULL;
    void *out = NULL;
    enum bt_status status = locate_params(c, sizeof(struct ref_softmax_s8), &params);
    if (status != BT_OK) {
        return status;
    }
    const struct ref_softmax_s8 *softmax = params;
    const uint64_t bytes = area(softmax->rows, softmax->row_size);
    status = locate_io(c, bytes, bytes, &in, &out);
    return status != BT_OK ? status : judge(c, ref_softmax_s8(softmax, in, out));
}

static enum bt_status run_table(const struct context *c)
{
    void *params = NULL;
    void *in = NULL;
    void *out = NULL;
    void *table = NULL;
    enum bt_status status = locate_params(c, sizeof(struct bt_step_table), &params);
    if (status != BT_OK) {
        return status;
    }
    const struct bt_step_table *elementwise = params;
    status = locate_io(c, (uint64_t)elementwise->elems, (uint64_t)elementwise->elems, &in, &out);
    if (status != BT_OK) {
        return status;
    }
    status =
        locate_in(c->machine, c->step->table, 256, "table of a step outside the DRAM, or not aligned", &table, c->why);
    return status != BT_OK ? status : judge(c, ref_activation_s8(table, elementwise->elems, in, out));
}

/* ---- the variant's driver ---- */

/* A driver says nothing of what it reads; the HAL does. */
static enum bt_status check_hal(const struct context *c)
{
    return c->machine->failed(c->machine->hal, c->why) ? BT_EDEVICE : BT_OK;
}

static enum bt_status run_pack(const struct context *c, const void *plan)
{
    const struct bt_step *step = c->step;
    struct bt_layer_data data = {0};
    struct bt_blob aux = {.bytes = step->aux_bytes};
    /* How many there are is inside the plan, which only the room can read. */
    enum bt_status status = locate_constants(c, 1, sizeof(int32_t), 256, &data);
    if (status != BT_OK) {
        return status;
    }
    status = locate_if(c->machine, step->aux, step->aux_bytes, "aux of a step outside the DRAM, or not aligned",
                       &aux.data, c->why);
    if (status != BT_OK) {
        return status;
    }
    status = c->machine->driver->pack(plan, &data, aux.data != NULL ? &aux : NULL, c->machine->hal, c->why);
    return status != BT_OK ? status : check_hal(c);
}

static enum bt_status run_load(const struct context *c, const void *plan)
{
    void *in = NULL;
    const enum bt_status status = locate_input(c, 0, 1, &in);
    if (status != BT_OK) {
        return status;
    }
    c->machine->driver->load(plan, in, c->machine->hal);
    return check_hal(c);
}

static enum bt_status run_start(const struct context *c, void *plan)
{
    const struct fw_machine *machine = c->machine;
    machine->driver->program(plan, machine->hal);
    const enum bt_status status = check_hal(c);
    if (status != BT_OK) {
        return status;
    }
    if (machine->arm != NULL) {
        machine->arm(machine->hal);
    }
    machine->driver->start(plan, machine->hal);
    return check_hal(c);
}

static enum bt_status wait_until_done(const struct context *c, void *plan)
{
    const struct fw_machine *machine = c->machine;
    const uint64_t begin = machine->now(machine->hal);
    const uint64_t limit = c->program->wait_cycles;
    uint64_t spent = 0;

    while (spent < limit) {
        const enum bt_event event = bt_hal_run(machine->hal, limit - spent);
        enum bt_status status = check_hal(c);
        if (status != BT_OK) {
            return status;
        }
        if (event == BT_EVENT_FAILED) {
            return refuse_as(c->why, BT_EDEVICE, "the accelerator failed", event, 0);
        }
        status = machine->driver->service(plan, machine->hal, event, c->why);
        if (status != BT_ETIMEOUT) {
            return status != BT_OK ? status : check_hal(c);
        }
        /* A core that asks again and again without a cycle going by must come to an end, too. */
        const uint64_t gone = machine->now(machine->hal) - begin;
        spent = gone > spent ? gone : spent + 1;
    }
    return refuse_as(c->why, BT_ETIMEOUT, "the accelerator is not done after its bound of cycles", (int64_t)spent,
                     (int64_t)limit);
}

static enum bt_status run_wait(const struct context *c, void *plan)
{
    void *at = NULL;
    enum bt_status status = locate_in(c->machine, c->step->counters, sizeof(struct bt_counters),
                                      "counters of a step outside the DRAM, or not aligned", &at, c->why);
    if (status != BT_OK) {
        return status;
    }
    status = wait_until_done(c, plan);
    if (status != BT_OK) {
        return status;
    }
    struct bt_counters *counters = at;
    memset(counters, 0, sizeof(*counters));
    c->machine->driver->finish(plan, c->machine->hal, counters);
    return check_hal(c);
}

static enum bt_status run_unpack(const struct context *c, const void *plan)
{
    void *out = NULL;
    const enum bt_status status = locate_output(c, 1, &out);
    if (status != BT_OK) {
        return status;
    }
    c->machine->driver->unpack(plan, c->machine->hal, out);
    return check_hal(c);
}

static enum bt_status run_accel(const struct context *c)
{
    void *plan = NULL;
    if (c->machine->driver == NULL) {
        return refuse_as(c->why, BT_EUNSUPPORTED, "step of an accelerator without a driver", c->step->kind, 0);
    }
    const enum bt_status status = locate_in(c->machine, c->step->plan, c->machine->driver->plan_bytes,
                                            "plan of a step outside the DRAM, or not aligned", &plan, c->why);
    if (status != BT_OK) {
        return status;
    }
    switch (c->step->kind) {
    case BT_STEP_ACCEL_PACK:
        return run_pack(c, plan);
    case BT_STEP_ACCEL_LOAD:
        return run_load(c, plan);
    case BT_STEP_ACCEL_START:
        return run_start(c, plan);
    case BT_STEP_ACCEL_WAIT:
        return run_wait(c, plan);
    default:
        return run_unpack(c, plan);
    }
}

/* ---- programs ---- */

uint64_t fw_scratch_bytes(uint32_t kind, const void *params)
{
    return kind == BT_STEP_CONV2D ? fw_conv2d_s8_scratch_bytes(params) : 0;
}

enum bt_status fw_run_step(const struct fw_machine *machine, const struct bt_program *program,
                           const struct bt_step *step, struct bt_reason *why)
{
    const struct context c = {.machine = machine, .program = program, .step = step, .why = why};
    if (step->input_count > BT_STEP_INPUTS) {
        return refuse(why, "inputs of a step", step->input_count, BT_STEP_INPUTS);
    }
    switch (step->kind) {
    case BT_STEP_CONV2D:
        return run_conv2d(&c);
    case BT_STEP_MAXPOOL:
        return run_pool(&c, fw_maxpool_s8);
    case BT_STEP_AVGPOOL:
        return run_pool(&c, ref_avgpool_s8);
    case BT_STEP_ADD:
        return run_add(&c);
    case BT_STEP_MUL:
        return run_mul(&c);
    case BT_STEP_CONCAT:
        return run_concat(&c);
    case BT_STEP_UPSAMPLE:
        return run_upsample(&c);
    case BT_STEP_SLICE:
        return run_slice(&c);
    case BT_STEP_SOFTMAX:
        return run_softmax(&c);
    case BT_STEP_TABLE:
        return run_table(&c);
    case BT_STEP_ACCEL_PACK:
    case BT_STEP_ACCEL_LOAD:
    case BT_STEP_ACCEL_START:
    case BT_STEP_ACCEL_WAIT:
    case BT_STEP_ACCEL_UNPACK:
        return run_accel(&c);
    default:
        return refuse(why, "kind of a step unknown", step->kind, BT_STEP_KIND_COUNT - 1);
    }
}

enum bt_status fw_check_program(const struct fw_machine *machine, const struct bt_program *program,
                                struct bt_reason *why)
{
    if (program->magic != BT_PROGRAM_MAGIC) {
        return refuse(why, "magic of the program", program->magic, BT_PROGRAM_MAGIC);
    }
    if (program->bytes != sizeof(struct bt_program)) {
        return refuse(why, "bytes of the program's head", program->bytes, sizeof(struct bt_program));
    }
    if (program->dram_bytes > machine->dram_bytes) {
        return refuse(why, "bytes of DRAM", program->dram_bytes, machine->dram_bytes);
    }
    if (program->wait >= BT_WAIT_COUNT) {
        return refuse(why, "way of waiting unknown", program->wait, BT_WAIT_COUNT - 1);
    }
    if (program->wait_cycles == 0) {
        return refuse(why, "wait without a bound: cycles", 0, 1);
    }
    void *at = NULL;
    if (program->step_count != 0) {
        const enum bt_status status =
            locate_in(machine, program->steps, (uint64_t)program->step_count * sizeof(struct bt_step),
                      "list of steps outside the DRAM, or not aligned", &at, why);
        if (status != BT_OK) {
            return status;
        }
    }
    if (program->scratch_bytes == 0) {
        return BT_OK;
    }
    return locate_in(machine, program->scratch, program->scratch_bytes,
                     "scratch memory outside the DRAM, or not aligned", &at, why);
}

static int32_t saturate(int64_t value)
{
    return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : (int32_t)value;
}

static void report(struct bt_program *program, enum bt_status status, uint32_t failed, const struct bt_reason *why)
{
    program->status = status;
    program->failed = failed;
    program->why_got = saturate(why->got);
    program->why_limit = saturate(why->limit);
    const char *what = why->what != NULL ? why->what : "";
    size_t i = 0;
    for (; i + 1 < sizeof(program->why) && what[i] != '\0'; i++) {
        program->why[i] = what[i];
    }
    program->why[i] = '\0';
}

uint32_t fw_run(const struct fw_machine *machine, struct bt_program *program)
{
    struct bt_reason why = {0};
    enum bt_status status = fw_check_program(machine, program, &why);
    uint32_t index = 0;
    if (status != BT_OK) {
        /* Of another layout there is no place that could be written. */
        if (program->magic == BT_PROGRAM_MAGIC && program->bytes == sizeof(*program)) {
            report(program, status, 0, &why);
        }
        return BT_FW_EXIT_BAD_PROGRAM;
    }
    const struct bt_step *steps = (const struct bt_step *)(const void *)(machine->dram + program->steps);
    for (; index < program->step_count && status == BT_OK; index++) {
        if (machine->mark != NULL) {
            machine->mark(machine->hal, index);
        }
        status = fw_run_step(machine, program, &steps[index], &why);
        if (machine->mark != NULL) {
            machine->mark(machine->hal, index | SOC_MARK_END);
        }
    }
    if (status == BT_OK) {
        why = (struct bt_reason){0};
    }
    report(program, status, status == BT_OK ? index : index - 1, &why);
    const uint64_t copied = machine->copied != NULL ? machine->copied(machine->hal) : 0;
    program->copied_lo = (uint32_t)copied;
    program->copied_hi = (uint32_t)(copied >> 32);
    return status == BT_OK ? BT_FW_EXIT_OK : BT_FW_EXIT_STEP_FAILED;
}
