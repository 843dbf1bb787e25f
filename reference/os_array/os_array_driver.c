#include "reference/common/bt_conv2d.h"
#include "reference/common/bt_filter_map.h"
#include "reference/os_array/os_array_plan.h"

/* Freestanding: this file is also compiled for RV32. */

static int32_t div_up(int32_t a, int32_t b)
{
    return (a + b - 1) / b;
}

static uint64_t align_up(uint64_t value, uint64_t to)
{
    return (value + to - 1) / to * to;
}

static enum bt_status refuse(struct bt_reason *why, enum bt_status status, const char *what, int64_t got, int64_t limit)
{
    if (why != NULL) {
        why->what = what;
        why->got = got;
        why->limit = limit;
    }
    return status;
}

struct os_array_hw os_array_hw(const struct bt_config *config)
{
    struct os_array_hw hw = {
        .rows = (int32_t)bt_config_get(config, "ROWS", 16),
        .cols = (int32_t)bt_config_get(config, "COLS", 16),
        .ibuf_bytes = (int32_t)bt_config_get(config, "IBUF_BYTES", 65536),
        .wbuf_k = (int32_t)bt_config_get(config, "WBUF_K", 4608),
        .obuf_tiles = (int32_t)bt_config_get(config, "OBUF_TILES", 4),
    };
    hw.vec_bytes = hw.rows <= 16 ? 16 : hw.rows <= 32 ? 32 : 64;
    hw.weight_row_bytes = hw.cols <= 4 ? 4 : hw.cols <= 8 ? 8 : 16 * div_up(hw.cols, 16);
    hw.col_groups = div_up(hw.cols, 4);
    return hw;
}

static int64_t window_rows(const struct bt_conv2d *conv, int32_t block_rows)
{
    return (int64_t)(block_rows - 1) * conv->stride_h + (int64_t)(conv->kh - 1) * conv->dil_h + 1;
}

/*
 * Height of a block of ofmap rows. A block's time is the longest of what the array computes and what is loaded for it;
 * before the first one the array waits for its operands.
 */
static enum bt_status choose_blocks(struct os_array_plan *plan, struct bt_reason *why)
{
    const struct bt_conv2d *conv = &plan->conv;
    const int64_t row_bytes = (int64_t)conv->w * plan->in_pitch;
    const int64_t slack = row_bytes % 16 == 0 ? 0 : 30; /* beats reach beyond the window at both ends */
    const int64_t weight_cycles = plan->resident ? 0 : plan->weight_beats;
    int64_t best = INT64_MAX;

    for (int32_t rows = 1; rows <= plan->oh; rows++) {
        const int64_t bytes = window_rows(conv, rows) * row_bytes;
        if (bytes + slack > plan->hw.ibuf_bytes) {
            break;
        }
        const int32_t full = plan->oh / rows;
        const int32_t tail = plan->oh % rows;
        int64_t cost = bytes / 16 + plan->weight_beats;
        for (int32_t kind = 0; kind < 2; kind++) {
            const int64_t count = kind == 0 ? full : tail > 0 ? 1 : 0;
            const int64_t tiles = div_up((kind == 0 ? rows : tail) * plan->ow, plan->hw.rows);
            const int64_t compute = tiles * plan->map.steps;
            const int64_t paced = plan->map.n_tiles * (compute > weight_cycles ? compute : weight_cycles);
            const int64_t loaded = bytes / 16 + plan->map.n_tiles * weight_cycles;
            cost += count * (paced > loaded ? paced : loaded);
        }
        if (cost < best) {
            best = cost;
            plan->block_rows = rows;
            plan->window_bytes = (int32_t)bytes;
        }
    }
    if (best == INT64_MAX) {
        return refuse(why, BT_EUNSUPPORTED, "bytes of ifmap under one ofmap row, for the ifmap buffer",
                      window_rows(conv, 1) * row_bytes + slack, plan->hw.ibuf_bytes);
    }
    const int32_t tail = plan->oh % plan->block_rows;
    const int32_t pixels = plan->block_rows * plan->ow;
    const int32_t pixels_tail = (tail > 0 ? tail : plan->block_rows) * plan->ow;
    plan->blocks = div_up(plan->oh, plan->block_rows);
    plan->tiles = div_up(pixels, plan->hw.rows);
    plan->rows_last = pixels - (plan->tiles - 1) * plan->hw.rows;
    plan->tiles_tail = div_up(pixels_tail, plan->hw.rows);
    plan->rows_tail = pixels_tail - (plan->tiles_tail - 1) * plan->hw.rows;
    return BT_OK;
}

/* Everything that follows from shapes, configuration and input pitch. */
static enum bt_status map_layer(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                                uint32_t in_pitch, struct os_array_plan *plan, struct bt_reason *why)
{
    if (count != 1 || layers[0].op != BT_OP_CONV2D) {
        return refuse(why, BT_EUNSUPPORTED, "layers in one plan, convolutions only", count, 1);
    }
    if (layers[0].dtype != BT_S8) {
        return refuse(why, BT_EUNSUPPORTED, "number format of the activations, int8 only", layers[0].dtype, BT_S8);
    }
    if (layers[0].pool.kh != 0) {
        return refuse(why, BT_EUNSUPPORTED, "max-pooling on write-back, rows of its kernel", layers[0].pool.kh, 0);
    }
    const struct bt_conv2d *conv = &layers[0].u.conv;
    const enum bt_status status = bt_conv2d_check(conv, why);
    if (status != BT_OK) {
        return status;
    }
    *plan = (struct os_array_plan){.hw = os_array_hw(config), .conv = *conv};
    plan->oh = bt_conv2d_oh(conv);
    plan->ow = bt_conv2d_ow(conv);
    plan->in_pitch = in_pitch != 0 ? in_pitch : (uint32_t)conv->c_in;
    plan->out_pitch = (uint32_t)align_up((uint64_t)conv->c_out * (conv->raw ? 4 : 1), 16);
    /* Images of a batch begin at multiples of 16 bytes. */
    if (in_pitch == 0 && conv->n > 1 && (int64_t)conv->h * conv->w * conv->c_in % 16 != 0) {
        plan->in_pitch = (uint32_t)align_up((uint64_t)conv->c_in, 16);
    }
    plan->in_image_bytes = (uint64_t)conv->h * (uint64_t)conv->w * plan->in_pitch;
    plan->out_image_bytes = (uint64_t)plan->oh * (uint64_t)plan->ow * plan->out_pitch;
    if (plan->in_pitch < (uint32_t)conv->c_in || (conv->n > 1 && plan->in_image_bytes % 16 != 0)) {
        return refuse(why, BT_EUNSUPPORTED, "bytes per ifmap pixel", plan->in_pitch, conv->c_in);
    }
    if (plan->in_image_bytes > INT32_MAX) {
        return refuse(why, BT_EUNSUPPORTED, "bytes of one ifmap image", (int64_t)plan->in_image_bytes, INT32_MAX);
    }
    if (plan->out_image_bytes > INT32_MAX) {
        return refuse(why, BT_EUNSUPPORTED, "bytes of one ofmap image", (int64_t)plan->out_image_bytes, INT32_MAX);
    }
    /* Hardware keeps byte positions, padding and unused rows included, in 32 signed bits. */
    const int64_t reach_rows = (int64_t)conv->h + conv->pad_top + conv->pad_bottom +
                               (int64_t)(plan->hw.rows + 1) * conv->stride_h + (int64_t)conv->kh * conv->dil_h;
    const int64_t reach_columns =
        (int64_t)conv->w + conv->pad_left + conv->pad_right + (int64_t)conv->stride_w + (int64_t)conv->kw * conv->dil_w;
    const int64_t reach = 2 * (reach_rows * conv->w + reach_columns) * plan->in_pitch;
    if (reach > INT32_MAX) {
        return refuse(why, BT_EUNSUPPORTED, "bytes that the kernel's positions span", reach, INT32_MAX);
    }
    plan->map =
        bt_filter_map(conv, (int32_t)plan->in_pitch, plan->hw.cols, plan->hw.vec_bytes, plan->hw.weight_row_bytes);
    plan->weight_beats = plan->map.steps / 16 * plan->hw.weight_row_bytes + plan->hw.cols;
    plan->resident = plan->map.n_tiles <= 2;
    if (plan->map.steps > plan->hw.wbuf_k) {
        return refuse(why, BT_EUNSUPPORTED, "steps of one filter, for the weight buffer", plan->map.steps,
                      plan->hw.wbuf_k);
    }
    if (plan->map.n_tiles > 0xffff || plan->map.run_words > 0xffff) {
        return refuse(why, BT_EUNSUPPORTED, "filter tiles", plan->map.n_tiles, 0xffff);
    }
    const enum bt_status blocks = choose_blocks(plan, why);
    if (blocks != BT_OK) {
        return blocks;
    }
    if (plan->tiles > 0xffff) {
        return refuse(why, BT_EUNSUPPORTED, "pixel tiles of one block", plan->tiles, 0xffff);
    }
    return BT_OK;
}

static enum bt_status supports(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                               struct bt_reason *why)
{
    struct os_array_plan plan;
    return map_layer(config, layers, count, 0, &plan, why);
}

static uint64_t take(uint64_t *brk, uint64_t bytes, uint64_t align)
{
    const uint64_t addr = align_up(*brk, align);
    *brk = addr + bytes;
    return addr;
}

static enum bt_status make_plan(const struct bt_config *config, const struct bt_layer *layers, uint32_t count,
                                const struct bt_blob *aux, struct bt_io *io, void *plan_out, struct bt_reason *why)
{
    (void)aux;
    struct os_array_plan *plan = plan_out;
    const uint32_t given = io->in_addr == BT_ANYWHERE ? 0 : io->in_pitch;
    const enum bt_status status = map_layer(config, layers, count, given, plan, why);
    if (status != BT_OK) {
        return status;
    }
    const uint64_t batch = (uint64_t)plan->conv.n;
    uint64_t brk = io->brk;
    plan->desc_addr = take(&brk, batch * 4 * OS_ARRAY_DESC_WORDS, 256);
    plan->table_addr = take(&brk, 256, 256);
    plan->weights_addr = take(&brk, (uint64_t)plan->map.n_tiles * (uint64_t)plan->weight_beats * 16, 256);
    plan->in_addr = io->in_addr;
    if (io->in_addr == BT_ANYWHERE) {
        plan->in_addr = take(&brk, align_up(batch * plan->in_image_bytes, 16), 256);
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

static enum bt_status pack(const void *plan_in, const struct bt_layer_data *data, const struct bt_blob *aux,
                           struct bt_hal *hal, struct bt_reason *why)
{
    (void)aux;
    (void)why;
    enum { BUFFER_BYTES = 4096 };
    const struct os_array_plan *plan = plan_in;
    int8_t buffer[BUFFER_BYTES];
    uint64_t addr = plan->weights_addr;

    for (int32_t tile = 0; tile < plan->map.n_tiles; tile++) {
        int32_t fill = 0;
        for (int32_t step = 0; step < plan->map.steps; step++) {
            bt_filter_map_row(&plan->map, &plan->conv, data->weights, tile, step, buffer + fill);
            fill += plan->hw.weight_row_bytes;
            if (fill + plan->hw.weight_row_bytes > BUFFER_BYTES || step == plan->map.steps - 1) {
                bt_hal_mem_write(hal, addr, buffer, (size_t)fill);
                addr += (uint64_t)fill;
                fill = 0;
            }
        }
        int32_t count = 0;
        const int32_t first = bt_filter_map_tile(&plan->map, tile, &count);
        for (int32_t c = 0; c < plan->hw.cols; c++) {
            uint32_t record[4] = {0, 0, 0, 0};
            if (c < count) {
                record[0] = data->bias != NULL ? (uint32_t)data->bias[first + c] : 0;
                if (!plan->conv.raw) {
                    record[1] = (uint32_t)data->mult[first + c];
                    record[2] = (uint32_t)data->shift[first + c] & 0x3f;
                }
            }
            bt_hal_mem_write(hal, addr, record, sizeof(record));
            addr += sizeof(record);
        }
    }
    if (plan->conv.table) {
        bt_hal_mem_write(hal, plan->table_addr, data->table, 256);
    }
    return BT_OK;
}

static void load(const void *plan_in, const void *ifmap, struct bt_hal *hal)
{
    const struct os_array_plan *plan = plan_in;
    const struct bt_conv2d *conv = &plan->conv;
    const size_t pixels = (size_t)conv->n * (size_t)conv->h * (size_t)conv->w;
    const uint8_t *from = ifmap;

    if (plan->in_pitch == (uint32_t)conv->c_in) {
        bt_hal_mem_write(hal, plan->in_addr, from, pixels * (size_t)conv->c_in);
        return;
    }
    for (size_t p = 0; p < pixels; p++) {
        bt_hal_mem_write(hal, plan->in_addr + p * plan->in_pitch, from + p * (size_t)conv->c_in, (size_t)conv->c_in);
    }
}

static void program(const void *plan_in, struct bt_hal *hal)
{
    const struct os_array_plan *plan = plan_in;
    const struct bt_conv2d *conv = &plan->conv;
    const int32_t pitch = (int32_t)plan->in_pitch;
    const int32_t row_bytes = conv->w * pitch;
    const uint32_t out_bytes = conv->raw ? 4 : 1;

    bt_hal_clear_windows(hal);
    bt_hal_allow_write(hal, plan->out_addr, (uint64_t)conv->n * plan->out_image_bytes);

    for (int32_t image = 0; image < conv->n; image++) {
        uint32_t desc[OS_ARRAY_DESC_WORDS] = {0};
        OS_ARRAY_SET(desc, FLAGS_MAGIC, OS_ARRAY_DESC_MAGIC);
        OS_ARRAY_SET(desc, LAST, image == conv->n - 1);
        OS_ARRAY_SET(desc, RAW, conv->raw);
        OS_ARRAY_SET(desc, TABLE, conv->table);
        OS_ARRAY_SET(desc, SINGLE, conv->rounding == BT_ROUND_SINGLE);
        OS_ARRAY_SET(desc, RESIDENT, plan->resident);
        OS_ARRAY_SET(desc, IFMAP, plan->in_addr + (uint64_t)image * plan->in_image_bytes);
        OS_ARRAY_SET(desc, WEIGHTS, plan->weights_addr);
        OS_ARRAY_SET(desc, OFMAP, plan->out_addr + (uint64_t)image * plan->out_image_bytes);
        OS_ARRAY_SET(desc, TABLE_ADDR, plan->table_addr);
        OS_ARRAY_SET(desc, ROW_BYTES, row_bytes);
        OS_ARRAY_SET(desc, IMAGE_BYTES, conv->h * row_bytes);
        OS_ARRAY_SET(desc, X_START, -conv->pad_left * pitch);
        OS_ARRAY_SET(desc, Y_START, -conv->pad_top * row_bytes);
        OS_ARRAY_SET(desc, X_STEP, conv->stride_w * pitch);
        OS_ARRAY_SET(desc, Y_STEP, conv->stride_h * row_bytes);
        OS_ARRAY_SET(desc, KX_STEP, conv->dil_w * pitch);
        OS_ARRAY_SET(desc, KY_STEP, conv->dil_h * row_bytes);
        OS_ARRAY_SET(desc, OW, plan->ow);
        OS_ARRAY_SET(desc, RUNS_X, plan->map.runs_x);
        OS_ARRAY_SET(desc, RUNS_Y, conv->kh);
        OS_ARRAY_SET(desc, RUN_WORDS, plan->map.run_words);
        OS_ARRAY_SET(desc, RUN_BYTES, plan->map.run_bytes);
        OS_ARRAY_SET(desc, GROUP_STEP, plan->map.group_channels);
        OS_ARRAY_SET(desc, N_TILES, plan->map.n_tiles);
        OS_ARRAY_SET(desc, GROUP_TILES, plan->map.group_tiles);
        OS_ARRAY_SET(desc, N_VALID, plan->map.n_step);
        OS_ARRAY_SET(desc, N_TAIL, plan->map.n_tail);
        OS_ARRAY_SET(desc, BLOCKS, plan->blocks);
        OS_ARRAY_SET(desc, TILES, plan->tiles);
        OS_ARRAY_SET(desc, TILES_TAIL, plan->tiles_tail);
        OS_ARRAY_SET(desc, ROWS_LAST, plan->rows_last);
        OS_ARRAY_SET(desc, ROWS_TAIL, plan->rows_tail);
        OS_ARRAY_SET(desc, Y_BLOCK, plan->block_rows * conv->stride_h * row_bytes);
        OS_ARRAY_SET(desc, WINDOW_BYTES, plan->window_bytes);
        OS_ARRAY_SET(desc, O_BLOCK, (uint32_t)(plan->block_rows * plan->ow) * plan->out_pitch);
        OS_ARRAY_SET(desc, O_PITCH, plan->out_pitch);
        OS_ARRAY_SET(desc, O_STEP, (uint32_t)plan->map.n_step * out_bytes);
        OS_ARRAY_SET(desc, K_CYCLES, plan->map.steps);
        OS_ARRAY_SET(desc, WEIGHT_BEATS, plan->weight_beats);
        OS_ARRAY_SET(desc, IN_ZP, (uint8_t)conv->in_zp);
        OS_ARRAY_SET(desc, OUT_ZP, (uint8_t)conv->out_zp);
        OS_ARRAY_SET(desc, ACT_MIN, (uint8_t)conv->act_min);
        OS_ARRAY_SET(desc, ACT_MAX, (uint8_t)conv->act_max);
        uint32_t sum = 0;
        for (int32_t w = 0; w < OS_ARRAY_DESC_WORDS; w++) {
            sum ^= desc[w];
        }
        OS_ARRAY_SET(desc, SUM, sum);
        bt_hal_mem_write(hal, plan->desc_addr + (uint64_t)image * sizeof(desc), desc, sizeof(desc));
    }
    bt_hal_reg_write(hal, OS_ARRAY_REG_DESC_ADDR, (uint32_t)plan->desc_addr);
    bt_hal_reg_write(hal, OS_ARRAY_REG_IRQ_ENABLE, 1);
}

static void start(void *plan, struct bt_hal *hal)
{
    (void)plan;
    bt_hal_reg_write(hal, OS_ARRAY_REG_CTRL, 1);
}

static enum bt_status service(void *plan, struct bt_hal *hal, enum bt_event event, struct bt_reason *why)
{
    (void)plan;
    if (event != BT_EVENT_IRQ) {
        return BT_ETIMEOUT;
    }
    const uint32_t status = bt_hal_reg_read(hal, OS_ARRAY_REG_STATUS);
    bt_hal_reg_write(hal, OS_ARRAY_REG_IRQ_ACK, 1);
    const uint32_t error = (status >> 8) & 0xff;
    if (error != OS_ARRAY_ERR_NONE) {
        return refuse(why, BT_EDEVICE, "error code of the array", error, OS_ARRAY_ERR_NONE);
    }
    if ((status & 2) == 0) {
        return refuse(why, BT_EDEVICE, "interrupt without done in STATUS", status, 2);
    }
    const uint32_t after = bt_hal_reg_read(hal, OS_ARRAY_REG_STATUS);
    if (after != 0) {
        return refuse(why, BT_EDEVICE, "STATUS: busy or done still there after the acknowledge", after, 0);
    }
    return BT_OK;
}

static void unpack(const void *plan_in, struct bt_hal *hal, void *ofmap)
{
    const struct os_array_plan *plan = plan_in;
    const size_t pixels = (size_t)plan->conv.n * (size_t)plan->oh * (size_t)plan->ow;
    const size_t bytes = (size_t)plan->conv.c_out * (plan->conv.raw ? 4 : 1);
    uint8_t *to = ofmap;

    if (plan->out_pitch == bytes) {
        bt_hal_mem_read(hal, plan->out_addr, to, pixels * bytes);
        return;
    }
    for (size_t p = 0; p < pixels; p++) {
        bt_hal_mem_read(hal, plan->out_addr + p * plan->out_pitch, to + p * bytes, bytes);
    }
}

static void finish(void *plan, struct bt_hal *hal, struct bt_counters *counters)
{
    (void)plan;
    static const struct {
        const char *name;
        uint32_t offset;
    } regs[] = {
        {"cycles", OS_ARRAY_REG_CYCLES},
        {"control", OS_ARRAY_REG_CONTROL},
        {"fill", OS_ARRAY_REG_FILL},
        {"compute", OS_ARRAY_REG_COMPUTE},
        {"load_stall", OS_ARRAY_REG_LOAD_STALL},
        {"store_stall", OS_ARRAY_REG_STORE_STALL},
        {"drain", OS_ARRAY_REG_DRAIN},
        {"tiles", OS_ARRAY_REG_TILES},
        {"read_beats", OS_ARRAY_REG_READ_BEATS},
        {"write_beats", OS_ARRAY_REG_WRITE_BEATS},
    };
    for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
        bt_counters_add(counters, regs[i].name, bt_hal_reg_read(hal, regs[i].offset));
    }
    const uint64_t low = bt_hal_reg_read(hal, OS_ARRAY_REG_MACS_LO);
    bt_counters_add(counters, "macs_issued", low | (uint64_t)bt_hal_reg_read(hal, OS_ARRAY_REG_MACS_HI) << 32);
}

const struct bt_driver os_array_driver = {
    .plan_bytes = sizeof(struct os_array_plan),
    .max_layers = 1,
    .supports = supports,
    .plan = make_plan,
    .pack = pack,
    .load = load,
    .program = program,
    .start = start,
    .service = service,
    .unpack = unpack,
    .finish = finish,
};
