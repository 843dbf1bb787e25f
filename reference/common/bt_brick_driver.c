#include <stddef.h>
#include <string.h>

#include "reference/common/bt_brick.h"

static enum bt_status refuse(struct bt_reason *why, enum bt_status status, const char *what, int64_t got, int64_t limit)
{
    if (why != NULL) {
        *why = (struct bt_reason){what, got, limit};
    }
    return status;
}

static uint64_t align_up(uint64_t value, uint64_t align)
{
    return (value + align - 1) / align * align;
}

enum bt_status bt_brick_supports(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                                 struct bt_reason *why)
{
    struct bt_brick_plan plan;
    const enum bt_status status = bt_brick_map(config, layers, count, 0, &plan, why);
    return status != BT_OK ? status : bt_brick_bands(&plan, &config->mem, NULL, why);
}

static uint64_t take(uint64_t *brk, uint64_t bytes, uint64_t align)
{
    const uint64_t addr = align_up(*brk, align);
    *brk = addr + bytes;
    return addr;
}

enum bt_status bt_brick_make_plan(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                                  const struct bt_blob *aux, struct bt_io *io, void *plan_out, struct bt_reason *why)
{
    struct bt_brick_plan *plan = plan_out;
    const uint32_t given = io->in_addr == BT_ANYWHERE ? 0 : io->in_pitch;
    enum bt_status status = bt_brick_map(config, layers, count, given, plan, why);
    if (status == BT_OK) {
        status = bt_brick_bands(plan, &config->mem, aux, why);
    }
    if (status != BT_OK) {
        return status;
    }
    const uint64_t batch = (uint64_t)plan->conv.n;
    uint64_t brk = io->brk;
    plan->desc_addr = take(&brk, batch * 4 * BT_BRICK_DESC_WORDS, 256);
    plan->table_addr = take(&brk, 256, 256);
    plan->rows_addr = take(&brk, align_up((uint64_t)plan->rows * 8, 16), 256);
    plan->weights_addr = take(&brk, plan->image_beats * 16, 256);
    plan->in_addr = io->in_addr;
    if (io->in_addr == BT_ANYWHERE) {
        plan->in_addr = take(&brk, batch * plan->in_image_bytes, 256);
    }
    plan->out_addr = io->out_addr;
    if (io->out_addr == BT_ANYWHERE) {
        plan->out_addr = take(&brk, batch * plan->out_image_bytes, 256);
    }
    const uint64_t limit = config->mem.dram_bytes < UINT32_MAX ? config->mem.dram_bytes : UINT32_MAX;
    if (brk > limit) {
        return refuse(why, BT_ENOMEM, "bytes of DRAM", (int64_t)brk, (int64_t)limit);
    }
    if (plan->in_addr % 16 != 0 || plan->out_addr % 16 != 0) {
        return refuse(why, BT_EUNSUPPORTED, "alignment of a tensor in bytes",
                      (int64_t)((plan->in_addr | plan->out_addr) % 16), 16);
    }
    io->brk = brk;
    io->in_addr = plan->in_addr;
    io->in_pitch = plan->in_pitch;
    io->out_addr = plan->out_addr;
    io->out_pitch = plan->out_pitch;
    return BT_OK;
}

static void pack_rows(const struct bt_brick_plan *plan, struct bt_hal *hal)
{
    const struct bt_conv2d *conv = &plan->conv;
    for (int32_t row = 0; row < plan->rows; row++) {
        const int32_t y = row / plan->row_bricks / conv->kw * conv->dil_h;
        const int32_t x = row / plan->row_bricks % conv->kw * conv->dil_w;
        uint32_t entry[2] = {0, 0};
        BT_BRICK_SET(entry, ENTRY_BRICK, (y * conv->w + x) * plan->pixel_bricks + row % plan->row_bricks);
        BT_BRICK_SET(entry, ENTRY_Y, y);
        BT_BRICK_SET(entry, ENTRY_X, x);
        bt_hal_mem_write(hal, plan->rows_addr + (uint64_t)row * 8, entry, sizeof(entry));
    }
    if (plan->rows % 2 != 0) {
        bt_hal_mem_fill(hal, plan->rows_addr + (uint64_t)plan->rows * 8, 0, 8);
    }
}

static void pack_raw(const struct bt_brick_plan *plan, const struct bt_layer_data *data, struct bt_hal *hal)
{
    uint8_t step[BT_BRICK_MAX_SLOTS * 32];
    uint64_t addr = plan->weights_addr;
    for (int32_t item = 0; item < plan->items; item++) {
        const int32_t warp = item / plan->chunks;
        const int32_t first = item % plan->chunks * plan->hw.weight_rows;
        uint32_t beat[4];
        bt_brick_head(plan, NULL, item, beat);
        bt_hal_mem_write(hal, addr, beat, sizeof(beat));
        addr += sizeof(beat);
        for (int32_t slot = 0; first == 0 && slot < plan->hw.slots; slot++) {
            bt_brick_record(plan, data, warp, slot, bt_brick_channel(plan, warp, slot), beat);
            bt_hal_mem_write(hal, addr, beat, sizeof(beat));
            addr += sizeof(beat);
        }
        for (int32_t row = first; row < plan->rows && row < first + plan->hw.weight_rows; row++) {
            const size_t bytes = (size_t)plan->hw.row_beats * 16;
            bt_brick_raw_step(plan, data->weights, warp, row, step);
            bt_hal_mem_write(hal, addr, step, bytes);
            addr += bytes;
        }
    }
}

enum bt_status bt_brick_pack(const void *plan_in, const struct bt_layer_data *data, const struct bt_blob *aux,
                             const struct bt_brick_connect *connect, struct bt_hal *hal, struct bt_reason *why)
{
    const struct bt_brick_plan *plan = plan_in;
    if (plan->packed) {
        const struct bt_brick_aux *made = aux != NULL ? aux->data : NULL;
        if (made == NULL || aux->bytes < sizeof(*made) || made->magic != BT_BRICK_AUX_MAGIC ||
            made->items != (uint32_t)plan->items || made->image_beats != plan->image_beats) {
            return refuse(why, BT_EINPUT, "prepared weights, which are not this plan's", 0, 0);
        }
        const uint8_t *image = (const uint8_t *)made + made->image_at;
        const enum bt_status status = bt_brick_verify(plan, connect, data->weights, image, why);
        if (status != BT_OK) {
            return status;
        }
        bt_hal_mem_write(hal, plan->weights_addr, image, (size_t)plan->image_beats * 16);
    } else {
        pack_raw(plan, data, hal);
    }
    pack_rows(plan, hal);
    if (plan->conv.table) {
        bt_hal_mem_write(hal, plan->table_addr, data->table, 256);
    }
    return BT_OK;
}

void bt_brick_load(const void *plan_in, const void *ifmap, struct bt_hal *hal)
{
    const struct bt_brick_plan *plan = plan_in;
    const size_t pixels = (size_t)plan->conv.n * (size_t)plan->conv.h * (size_t)plan->conv.w;
    const size_t bytes = (size_t)plan->conv.c_in * (size_t)plan->hw.elem_bytes;
    const uint8_t *from = ifmap;

    if (plan->in_pitch == bytes) {
        bt_hal_mem_write(hal, plan->in_addr, from, pixels * bytes);
        return;
    }
    for (size_t p = 0; p < pixels; p++) {
        bt_hal_mem_write(hal, plan->in_addr + p * plan->in_pitch, from + p * bytes, bytes);
    }
}

void bt_brick_program(const void *plan_in, struct bt_hal *hal)
{
    const struct bt_brick_plan *plan = plan_in;
    const struct bt_conv2d *conv = &plan->conv;
    const int32_t row_bricks = conv->w * plan->pixel_bricks;

    bt_hal_clear_windows(hal);
    bt_hal_allow_write(hal, plan->out_addr, (uint64_t)conv->n * plan->out_image_bytes);
    for (int32_t image = 0; image < conv->n; image++) {
        uint32_t desc[BT_BRICK_DESC_WORDS] = {0};
        BT_BRICK_SET(desc, FLAGS_MAGIC, BT_BRICK_DESC_MAGIC);
        BT_BRICK_SET(desc, LAST, image == conv->n - 1);
        BT_BRICK_SET(desc, TABLE, conv->table);
        BT_BRICK_SET(desc, SINGLE, plan->hw.bits == 8 && conv->rounding == BT_ROUND_SINGLE);
        BT_BRICK_SET(desc, IFMAP, plan->in_addr + (uint64_t)image * plan->in_image_bytes);
        BT_BRICK_SET(desc, WEIGHTS, plan->weights_addr);
        BT_BRICK_SET(desc, OFMAP, plan->out_addr + (uint64_t)image * plan->out_image_bytes);
        BT_BRICK_SET(desc, TABLE_ADDR, plan->table_addr);
        BT_BRICK_SET(desc, ROWS_ADDR, plan->rows_addr);
        BT_BRICK_SET(desc, ROW_BEATS, row_bricks * (plan->hw.brick_bytes / 16));
        BT_BRICK_SET(desc, H, conv->h);
        BT_BRICK_SET(desc, W, conv->w);
        BT_BRICK_SET(desc, PIXEL_BRICKS, plan->pixel_bricks);
        BT_BRICK_SET(desc, STRIDE_H, conv->stride_h);
        BT_BRICK_SET(desc, STRIDE_W, conv->stride_w);
        BT_BRICK_SET(desc, PAD_TOP, conv->pad_top);
        BT_BRICK_SET(desc, PAD_LEFT, conv->pad_left);
        BT_BRICK_SET(desc, OW, plan->ow);
        BT_BRICK_SET(desc, BANDS, plan->bands);
        BT_BRICK_SET(desc, BAND_ROWS, plan->band_rows);
        BT_BRICK_SET(desc, TAIL_ROWS, plan->tail_rows);
        BT_BRICK_SET(desc, SPAN, plan->span);
        BT_BRICK_SET(desc, SPAN_TAIL, plan->span_tail);
        BT_BRICK_SET(desc, PIECE_ROWS, plan->piece_rows);
        BT_BRICK_SET(desc, ROWS, plan->rows);
        BT_BRICK_SET(desc, PIXELS, plan->band_rows * plan->ow);
        BT_BRICK_SET(desc, ITEMS, plan->items);
        BT_BRICK_SET(desc, FIRST_BEATS, plan->first_beats);
        BT_BRICK_SET(desc, WORDS, plan->words);
        BT_BRICK_SET(desc, OUT_BEATS, plan->out_pitch / 16);
        BT_BRICK_SET(desc, OUT_BYTES, conv->c_out * plan->hw.elem_bytes);
        BT_BRICK_SET(desc, ROW_BRICKS, row_bricks);
        BT_BRICK_SET(desc, X_START, -conv->pad_left * plan->pixel_bricks);
        BT_BRICK_SET(desc, X_STEP, conv->stride_w * plan->pixel_bricks);
        BT_BRICK_SET(desc, Y_STEP, conv->stride_h * row_bricks);
        BT_BRICK_SET(desc, ACT_MIN, (uint16_t)conv->act_min);
        BT_BRICK_SET(desc, ACT_MAX, (uint16_t)conv->act_max);
        BT_BRICK_SET(desc, IN_ZP, (uint8_t)conv->in_zp);
        BT_BRICK_SET(desc, OUT_ZP, (uint8_t)conv->out_zp);
        uint32_t sum = 0;
        for (int32_t w = 0; w < BT_BRICK_DESC_WORDS; w++) {
            sum ^= desc[w];
        }
        BT_BRICK_SET(desc, SUM, sum);
        bt_hal_mem_write(hal, plan->desc_addr + (uint64_t)image * sizeof(desc), desc, sizeof(desc));
    }
    bt_hal_reg_write(hal, BT_BRICK_REG_DESC_ADDR, (uint32_t)plan->desc_addr);
    bt_hal_reg_write(hal, BT_BRICK_REG_IRQ_ENABLE, 1);
}

void bt_brick_start(void *plan, struct bt_hal *hal)
{
    (void)plan;
    bt_hal_reg_write(hal, BT_BRICK_REG_CTRL, 1);
}

enum bt_status bt_brick_service(void *plan, struct bt_hal *hal, enum bt_event event, struct bt_reason *why)
{
    (void)plan;
    if (event != BT_EVENT_IRQ) {
        return BT_ETIMEOUT;
    }
    const uint32_t status = bt_hal_reg_read(hal, BT_BRICK_REG_STATUS);
    bt_hal_reg_write(hal, BT_BRICK_REG_IRQ_ACK, 1);
    const uint32_t error = (status >> 8) & 0xff;
    if (error != BT_BRICK_ERR_NONE) {
        return refuse(why, BT_EDEVICE, "error code of the accelerator", error, BT_BRICK_ERR_NONE);
    }
    if ((status & 2) == 0) {
        return refuse(why, BT_EDEVICE, "interrupt without done in STATUS", status, 2);
    }
    const uint32_t after = bt_hal_reg_read(hal, BT_BRICK_REG_STATUS);
    if (after != 0) {
        return refuse(why, BT_EDEVICE, "STATUS: busy or done still there after the acknowledge", after, 0);
    }
    return BT_OK;
}

void bt_brick_unpack(const void *plan_in, struct bt_hal *hal, void *ofmap)
{
    const struct bt_brick_plan *plan = plan_in;
    const size_t pixels = (size_t)plan->conv.n * (size_t)plan->oh * (size_t)plan->ow;
    const size_t bytes = (size_t)plan->conv.c_out * (size_t)plan->hw.elem_bytes;
    uint8_t *to = ofmap;

    if (plan->out_pitch == bytes) {
        bt_hal_mem_read(hal, plan->out_addr, to, pixels * bytes);
        return;
    }
    for (size_t p = 0; p < pixels; p++) {
        bt_hal_mem_read(hal, plan->out_addr + p * plan->out_pitch, to + p * bytes, bytes);
    }
}

void bt_brick_finish(void *plan, struct bt_hal *hal, struct bt_counters *counters)
{
    (void)plan;
    static const struct {
        const char *name;
        uint32_t offset;
        bool wide;
    } regs[] = {
        {"cycles", BT_BRICK_REG_CYCLES, false},
        {"control", BT_BRICK_REG_CONTROL, false},
        {"fill", BT_BRICK_REG_FILL, false},
        {"compute", BT_BRICK_REG_COMPUTE, false},
        {"turn", BT_BRICK_REG_TURN, false},
        {"load_stall", BT_BRICK_REG_LOAD_STALL, false},
        {"store_stall", BT_BRICK_REG_STORE_STALL, false},
        {"drain", BT_BRICK_REG_DRAIN, false},
        {"passes", BT_BRICK_REG_PASSES, false},
        {"macs_issued", BT_BRICK_REG_MACS_LO, true},
        {"macs_effectual", BT_BRICK_REG_EFFECTUAL_LO, true},
        {"macs_ahead", BT_BRICK_REG_AHEAD_LO, true},
        {"macs_aside", BT_BRICK_REG_ASIDE_LO, true},
        {"read_beats", BT_BRICK_REG_READ_BEATS, false},
        {"write_beats", BT_BRICK_REG_WRITE_BEATS, false},
    };
    for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
        uint64_t value = bt_hal_reg_read(hal, regs[i].offset);
        if (regs[i].wide) {
            value |= (uint64_t)bt_hal_reg_read(hal, regs[i].offset + 4) << 32;
        }
        bt_counters_add(counters, regs[i].name, value);
    }
}
