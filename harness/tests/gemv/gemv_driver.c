#include "gemv.h"

enum {
    REG_CTRL = 0x00,
    REG_STATUS = 0x04,
    REG_ROWS = 0x08,
    REG_COLS = 0x0c,
    REG_W_ADDR = 0x10,
    REG_X_ADDR = 0x14,
    REG_B_ADDR = 0x18,
    REG_Y_ADDR = 0x1c,
    REG_CYCLES = 0x20,
    REG_MACS = 0x24,
};

enum { STATUS_DONE = 2, STATUS_ERROR = 4 };

static enum bt_status no(struct bt_reason *why, const char *what, int64_t got, int64_t limit)
{
    if (why != NULL)
        *why = (struct bt_reason){what, got, limit};
    return BT_EUNSUPPORTED;
}

static enum bt_status gemv_supports(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                                    struct bt_reason *why)
{
    const struct bt_conv2d *conv = &layers[0].u.conv;
    const int64_t max_cols = bt_config_get(config, "MaxCols", GEMV_MAX_COLS);

    if (count != 1)
        return no(why, "layers in one plan", count, 1);
    if (layers[0].op != BT_OP_CONV2D)
        return no(why, "operator, only convolution", layers[0].op, BT_OP_CONV2D);
    if (layers[0].dtype != BT_S8)
        return no(why, "data type, only int8", layers[0].dtype, BT_S8);
    if (layers[0].pool.kh != 0)
        return no(why, "max-pooling on write-back, rows of its kernel", layers[0].pool.kh, 0);
    if (!conv->raw)
        return no(why, "requantised output, only int32 sums", 0, 1);
    if (conv->n != 1 || conv->h != 1 || conv->w != 1)
        return no(why, "pixels of the ifmap", (int64_t)conv->n * conv->h * conv->w, 1);
    if (conv->kh != 1 || conv->kw != 1)
        return no(why, "kernel elements", (int64_t)conv->kh * conv->kw, 1);
    if (conv->pad_top != 0 || conv->pad_bottom != 0 || conv->pad_left != 0 || conv->pad_right != 0)
        return no(why, "padding", 1, 0);
    if (conv->groups != 1)
        return no(why, "groups", conv->groups, 1);
    if (conv->c_in > max_cols)
        return no(why, "input channels", conv->c_in, max_cols);
    return BT_OK;
}

static uint64_t place(uint64_t *brk, uint64_t bytes)
{
    const uint64_t at = (*brk + 15) & ~UINT64_C(15);
    *brk = at + bytes;
    return at;
}

static enum bt_status gemv_plan(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                                const struct bt_blob *aux, struct bt_io *io, void *plan, struct bt_reason *why)
{
    const struct bt_conv2d *conv = &layers[0].u.conv;
    struct gemv_plan *p = plan;
    struct bt_io next = *io;

    (void)aux;
    (void)count;
    if (io->in_addr != BT_ANYWHERE && io->in_addr % 4 != 0)
        return no(why, "alignment of the input", (int64_t)(io->in_addr % 4), 0);
    if (io->out_addr != BT_ANYWHERE && io->out_addr % 4 != 0)
        return no(why, "alignment of the output", (int64_t)(io->out_addr % 4), 0);
    const uint32_t rows = (uint32_t)conv->c_out;
    const uint32_t cols = (uint32_t)conv->c_in;
    const uint32_t row_bytes = (cols + 3) / 4 * 4;
    const uint64_t w_addr = place(&next.brk, (uint64_t)rows * row_bytes);
    const uint64_t b_addr = place(&next.brk, (uint64_t)rows * 4);
    if (next.in_addr == BT_ANYWHERE)
        next.in_addr = place(&next.brk, row_bytes);
    if (next.out_addr == BT_ANYWHERE)
        next.out_addr = place(&next.brk, (uint64_t)rows * 4);
    next.in_pitch = io->in_pitch != 0 ? io->in_pitch : row_bytes;
    next.out_pitch = io->out_pitch != 0 ? io->out_pitch : rows * 4;
    if (next.brk > config->mem.dram_bytes) {
        if (why != NULL)
            *why = (struct bt_reason){"bytes of DRAM", (int64_t)next.brk, (int64_t)config->mem.dram_bytes};
        return BT_ENOMEM;
    }
    *p = (struct gemv_plan){rows, cols, row_bytes, conv->in_zp, w_addr, next.in_addr, b_addr, next.out_addr};
    *io = next;
    return BT_OK;
}

/* The core multiplies plain int8: sum w*(x - zp) + bias = sum w*x + (bias - zp * sum w), modulo 2^32. */
static enum bt_status gemv_pack(const void *plan, const struct bt_layer_data *data, const struct bt_blob *aux,
                                struct bt_hal *hal, struct bt_reason *why)
{
    const struct gemv_plan *p = plan;
    const int8_t *weights = data[0].weights;

    (void)aux;
    (void)why;
    bt_hal_mem_fill(hal, p->w_addr, 0, (size_t)p->rows * p->row_bytes);
    for (uint32_t r = 0; r < p->rows; r++) {
        const int8_t *row = weights + (size_t)r * p->cols;
        uint32_t bias = data[0].bias != NULL ? (uint32_t)data[0].bias[r] : 0;
        for (uint32_t c = 0; c < p->cols; c++)
            bias -= (uint32_t)(p->in_zp * row[c]);
        bt_hal_mem_write(hal, p->w_addr + (uint64_t)r * p->row_bytes, row, p->cols);
        bt_hal_mem_write(hal, p->b_addr + (uint64_t)r * 4, &bias, 4);
    }
    return BT_OK;
}

static void gemv_load(const void *plan, const void *ifmap, struct bt_hal *hal)
{
    const struct gemv_plan *p = plan;
    bt_hal_mem_write(hal, p->x_addr, ifmap, p->cols);
}

static void gemv_program(const void *plan, struct bt_hal *hal)
{
    const struct gemv_plan *p = plan;
    bt_hal_clear_windows(hal);
    bt_hal_allow_write(hal, p->y_addr, (uint64_t)p->rows * 4);
    bt_hal_reg_write(hal, REG_ROWS, p->rows);
    bt_hal_reg_write(hal, REG_COLS, p->cols);
    bt_hal_reg_write(hal, REG_W_ADDR, (uint32_t)p->w_addr);
    bt_hal_reg_write(hal, REG_X_ADDR, (uint32_t)p->x_addr);
    bt_hal_reg_write(hal, REG_B_ADDR, (uint32_t)p->b_addr);
    bt_hal_reg_write(hal, REG_Y_ADDR, (uint32_t)p->y_addr);
}

static void gemv_start(void *plan, struct bt_hal *hal)
{
    (void)plan;
    bt_hal_reg_write(hal, REG_CTRL, 1);
}

static enum bt_status gemv_service(void *plan, struct bt_hal *hal, enum bt_event event, struct bt_reason *why)
{
    (void)plan;
    (void)event;
    const uint32_t status = bt_hal_reg_read(hal, REG_STATUS);
    if ((status & STATUS_DONE) == 0)
        return BT_ETIMEOUT;
    if ((status & STATUS_ERROR) != 0) {
        if (why != NULL)
            *why = (struct bt_reason){"status of the core", status, STATUS_DONE};
        return BT_EDEVICE;
    }
    return BT_OK;
}

static void gemv_unpack(const void *plan, struct bt_hal *hal, void *ofmap)
{
    const struct gemv_plan *p = plan;
    bt_hal_mem_read(hal, p->y_addr, ofmap, (size_t)p->rows * 4);
}

static void gemv_finish(void *plan, struct bt_hal *hal, struct bt_counters *counters)
{
    (void)plan;
    bt_counters_add(counters, "cycles", bt_hal_reg_read(hal, REG_CYCLES));
    bt_counters_add(counters, "macs", bt_hal_reg_read(hal, REG_MACS));
}

const struct bt_driver gemv_driver = {
    .plan_bytes = sizeof(struct gemv_plan),
    .max_layers = 1,
    .supports = gemv_supports,
    .plan = gemv_plan,
    .pack = gemv_pack,
    .load = gemv_load,
    .program = gemv_program,
    .start = gemv_start,
    .service = gemv_service,
    .unpack = gemv_unpack,
    .finish = gemv_finish,
};
