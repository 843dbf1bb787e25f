// The DaDianNao family's accelerator: control, loader, passes, tiles, write-back, behind AXI4-Lite and one 128-bit AXI4 manager.
// Rooms instantiate it with what is theirs: the number that identifies them, and how a weight finds its operand. Registers,
// descriptor, weight stream: reference/common/bt_brick_regs.def.
module bt_brick #(
  parameter logic [31:0] Id = 32'd0,
  parameter logic [31:0] Version = 32'd1,
  parameter int unsigned Tiles = 4,
  parameter int unsigned Filters = 16,       // of a tile
  parameter int unsigned Lanes = 16,         // multipliers of a filter
  parameter int unsigned Bits = 16,          // of an operand, 8 or 16
  parameter int unsigned IfmapBytes = 2097152,  // ifmap memory, both halves
  parameter int unsigned OfmapBytes = 2097152,  // ofmap memory, both halves
  parameter int unsigned WeightRows = 64,    // steps in one half of the weight memory
  parameter int unsigned BandPixels = 1024,  // partial sums of each filter
  parameter int unsigned TableRows = 2048,   // of a filter
  parameter int unsigned Lookahead = 0,
  parameter int unsigned Inputs = 0,         // of a lane's multiplexer, besides its own value
  parameter logic [79:0] Ahead = '0,
  parameter logic [79:0] Aside = '0,
  parameter logic [15:0] Straight = '0       // bit s: select s stays in its lane
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic [11:0]  s_axil_awaddr,
  input  logic         s_axil_awvalid,
  output logic         s_axil_awready,
  input  logic [31:0]  s_axil_wdata,
  input  logic [3:0]   s_axil_wstrb,
  input  logic         s_axil_wvalid,
  output logic         s_axil_wready,
  output logic [1:0]   s_axil_bresp,
  output logic         s_axil_bvalid,
  input  logic         s_axil_bready,
  input  logic [11:0]  s_axil_araddr,
  input  logic         s_axil_arvalid,
  output logic         s_axil_arready,
  output logic [31:0]  s_axil_rdata,
  output logic [1:0]   s_axil_rresp,
  output logic         s_axil_rvalid,
  input  logic         s_axil_rready,
  output logic [31:0]  m_axi_awaddr,
  output logic [7:0]   m_axi_awlen,
  output logic [2:0]   m_axi_awsize,
  output logic [1:0]   m_axi_awburst,
  output logic         m_axi_awvalid,
  input  logic         m_axi_awready,
  output logic [127:0] m_axi_wdata,
  output logic [15:0]  m_axi_wstrb,
  output logic         m_axi_wlast,
  output logic         m_axi_wvalid,
  input  logic         m_axi_wready,
  input  logic [1:0]   m_axi_bresp,
  input  logic         m_axi_bvalid,
  output logic         m_axi_bready,
  output logic [31:0]  m_axi_araddr,
  output logic [7:0]   m_axi_arlen,
  output logic [2:0]   m_axi_arsize,
  output logic [1:0]   m_axi_arburst,
  output logic         m_axi_arvalid,
  input  logic         m_axi_arready,
  input  logic [127:0] m_axi_rdata,
  input  logic [1:0]   m_axi_rresp,
  input  logic         m_axi_rlast,
  input  logic         m_axi_rvalid,
  output logic         m_axi_rready,
  output logic         irq_o
);
  localparam int unsigned Slots = Tiles * Filters;
  localparam int unsigned SlotBits = (Slots > 1) ? $clog2(Slots) : 1;
  localparam int unsigned Window = Lookahead + 1;
  localparam int unsigned StepBits = $clog2(WeightRows);
  localparam int unsigned BeatBits = $clog2(IfmapBytes / 16);
  localparam int unsigned BrickBits = $clog2(IfmapBytes * 8 / (Lanes * Bits));
  localparam int unsigned PixelBits = $clog2(BandPixels);
  localparam int unsigned TableBits = $clog2(TableRows);
  localparam int unsigned Columns = (Slots > 128 / Bits) ? Slots : 128 / Bits;
  localparam int unsigned WordBits = $clog2(OfmapBytes * 4 / (Columns * Bits));
  localparam int unsigned PosBits = $clog2(Slots * Lanes);
  localparam int unsigned Entries = (Bits == 16) ? 5 : 8;
  localparam int unsigned RawBeats = Slots * Lanes * Bits / 128;
  localparam int unsigned RawBeatBits = (RawBeats > 1) ? $clog2(RawBeats) : 1;
  localparam int unsigned CountBits = $clog2(Slots * Lanes + 1);
  localparam int unsigned AccBits = (Bits == 16) ? 48 : 32;
  localparam int unsigned Multipliers = Slots * Lanes;

  // ---- control ----
  typedef enum logic [2:0] { StIdle, StFetch, StRun, StAbort, StDone } state_e;
  state_e        state_q, state_d;
  logic          irq_enable_q, done_q;
  logic [7:0]    error_q;
  logic [31:0]   desc_addr_q, fetch_q;
  logic          write, start, fetch_start_q, accepted, rejected, complete, last;
  logic [11:0]   waddr, raddr;
  logic [31:0]   wdata, rdata;
  logic          wknown, rknown;
  logic [7:0]    load_error;
  logic          load_idle, walk_idle, store_idle, store_error;
  logic [1023:0] desc;

  bt_axil_regs #(.AddrBits(12)) u_regs (
    .clk_i, .rst_ni,
    .s_axil_awaddr, .s_axil_awvalid, .s_axil_awready,
    .s_axil_wdata, .s_axil_wstrb, .s_axil_wvalid, .s_axil_wready,
    .s_axil_bresp, .s_axil_bvalid, .s_axil_bready,
    .s_axil_araddr, .s_axil_arvalid, .s_axil_arready,
    .s_axil_rdata, .s_axil_rresp, .s_axil_rvalid, .s_axil_rready,
    .write_o(write), .waddr_o(waddr), .wdata_o(wdata), .wknown_i(wknown),
    .raddr_o(raddr), .rdata_i(rdata), .rknown_i(rknown)
  );

  assign wknown = (waddr == bt_brick_regs_pkg::REG_CTRL) | (waddr == bt_brick_regs_pkg::REG_IRQ_ENABLE) |
                  (waddr == bt_brick_regs_pkg::REG_IRQ_ACK) | (waddr == bt_brick_regs_pkg::REG_DESC_ADDR);
  assign start    = write & (waddr == bt_brick_regs_pkg::REG_CTRL) & wdata[0] & (state_q == StIdle);
  assign last     = desc[bt_brick_regs_pkg::LAST_LSB];
  assign complete = (state_q == StRun) & load_idle & walk_idle & store_idle;

  always_comb begin
    state_d = state_q;
    unique case (state_q)
      StIdle:  if (start) state_d = StFetch;
      StFetch: if (accepted) state_d = StRun;
               else if (rejected) state_d = StDone;
      StRun:   if (rejected) state_d = StAbort;
               else if (complete) state_d = (last || store_error) ? StDone : StFetch;
      StAbort: if (store_idle) state_d = StDone;
      default: state_d = StIdle;
    endcase
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q       <= StIdle;
      fetch_start_q <= 1'b0;
      irq_enable_q  <= 1'b0;
      done_q        <= 1'b0;
      error_q       <= '0;
      desc_addr_q   <= '0;
      fetch_q       <= '0;
    end else begin
      state_q       <= state_d;
      fetch_start_q <= (state_q != StFetch) & (state_d == StFetch);
      if (write && waddr == bt_brick_regs_pkg::REG_IRQ_ENABLE) irq_enable_q <= wdata[0];
      if (write && waddr == bt_brick_regs_pkg::REG_DESC_ADDR) desc_addr_q <= {wdata[31:4], 4'd0};
      if (start) begin
        fetch_q <= desc_addr_q;
        error_q <= '0;
      end else begin
        if (accepted) fetch_q <= fetch_q + 32'd128;
        if (rejected) error_q <= load_error;
        else if (complete && store_error) error_q <= 8'(bt_brick_regs_pkg::ERR_WRITE);
      end
      if (state_d == StDone) done_q <= 1'b1;
      else if (write && waddr == bt_brick_regs_pkg::REG_IRQ_ACK && wdata[0]) done_q <= 1'b0;
    end
  end
  assign irq_o = done_q & irq_enable_q;

  // ---- counters: every busy cycle belongs to exactly one of the seven terms ----
  logic [31:0] cycles_q, control_q, fill_q, compute_q, turn_q, load_stall_q, store_stall_q, drain_q;
  logic [31:0] passes_q, read_beats_q, write_beats_q;
  logic [63:0] macs_q, effectual_q, ahead_q, aside_q;
  logic        busy, read_beat, write_beat, filling, computing, turning, load_stall, store_stall, pass;
  logic [CountBits-1:0] effectual, ahead, aside;
  assign busy = (state_q != StIdle);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      cycles_q      <= '0;
      control_q     <= '0;
      fill_q        <= '0;
      compute_q     <= '0;
      turn_q        <= '0;
      load_stall_q  <= '0;
      store_stall_q <= '0;
      drain_q       <= '0;
      passes_q      <= '0;
      macs_q        <= '0;
      effectual_q   <= '0;
      ahead_q       <= '0;
      aside_q       <= '0;
      read_beats_q  <= '0;
      write_beats_q <= '0;
    end else if (start) begin
      cycles_q      <= '0;
      control_q     <= '0;
      fill_q        <= '0;
      compute_q     <= '0;
      turn_q        <= '0;
      load_stall_q  <= '0;
      store_stall_q <= '0;
      drain_q       <= '0;
      passes_q      <= '0;
      macs_q        <= '0;
      effectual_q   <= '0;
      ahead_q       <= '0;
      aside_q       <= '0;
      read_beats_q  <= '0;
      write_beats_q <= '0;
    end else if (busy) begin
      cycles_q <= cycles_q + 32'd1;
      if (state_q == StFetch) control_q <= control_q + 32'd1;
      else if (filling) fill_q <= fill_q + 32'd1;
      else if (computing) compute_q <= compute_q + 32'd1;
      else if (turning) turn_q <= turn_q + 32'd1;
      else if (load_stall) load_stall_q <= load_stall_q + 32'd1;
      else if (store_stall) store_stall_q <= store_stall_q + 32'd1;
      else drain_q <= drain_q + 32'd1;
      if (computing) begin
        macs_q      <= macs_q + 64'(Multipliers);
        effectual_q <= effectual_q + 64'(effectual);
        ahead_q     <= ahead_q + 64'(ahead);
        aside_q     <= aside_q + 64'(aside);
      end
      if (pass) passes_q <= passes_q + 32'd1;
      if (read_beat) read_beats_q <= read_beats_q + 32'd1;
      if (write_beat) write_beats_q <= write_beats_q + 32'd1;
    end
  end

  always_comb begin
    rknown = 1'b1;
    rdata  = '0;
    if (s_axil_arvalid) begin
      unique case (raddr)
        bt_brick_regs_pkg::REG_ID:           rdata = Id;
        bt_brick_regs_pkg::REG_VERSION:      rdata = Version;
        bt_brick_regs_pkg::REG_STATUS:       rdata = {16'd0, error_q, 6'd0, done_q, busy};
        bt_brick_regs_pkg::REG_IRQ_ENABLE:   rdata = {31'd0, irq_enable_q};
        bt_brick_regs_pkg::REG_DESC_ADDR:    rdata = desc_addr_q;
        bt_brick_regs_pkg::REG_GEOMETRY:     rdata = {8'(Bits), 8'(Lanes), 8'(Filters), 8'(Tiles)};
        bt_brick_regs_pkg::REG_CYCLES:       rdata = cycles_q;
        bt_brick_regs_pkg::REG_CONTROL:      rdata = control_q;
        bt_brick_regs_pkg::REG_FILL:         rdata = fill_q;
        bt_brick_regs_pkg::REG_COMPUTE:      rdata = compute_q;
        bt_brick_regs_pkg::REG_TURN:         rdata = turn_q;
        bt_brick_regs_pkg::REG_LOAD_STALL:   rdata = load_stall_q;
        bt_brick_regs_pkg::REG_STORE_STALL:  rdata = store_stall_q;
        bt_brick_regs_pkg::REG_DRAIN:        rdata = drain_q;
        bt_brick_regs_pkg::REG_PASSES:       rdata = passes_q;
        bt_brick_regs_pkg::REG_MACS_LO:      rdata = macs_q[31:0];
        bt_brick_regs_pkg::REG_MACS_HI:      rdata = macs_q[63:32];
        bt_brick_regs_pkg::REG_EFFECTUAL_LO: rdata = effectual_q[31:0];
        bt_brick_regs_pkg::REG_EFFECTUAL_HI: rdata = effectual_q[63:32];
        bt_brick_regs_pkg::REG_AHEAD_LO:     rdata = ahead_q[31:0];
        bt_brick_regs_pkg::REG_AHEAD_HI:     rdata = ahead_q[63:32];
        bt_brick_regs_pkg::REG_ASIDE_LO:     rdata = aside_q[31:0];
        bt_brick_regs_pkg::REG_ASIDE_HI:     rdata = aside_q[63:32];
        bt_brick_regs_pkg::REG_READ_BEATS:   rdata = read_beats_q;
        bt_brick_regs_pkg::REG_WRITE_BEATS:  rdata = write_beats_q;
        default: begin
          rdata  = '0;
          rknown = 1'b0;
        end
      endcase
    end
  end

  // ---- load ----
  logic [31:0]         items, items_done;
  logic [15:0]         windows, bands_done, bands_stored;
  logic [127:0]        data;
  logic                to_rows, to_table, to_ifmap, head, item_half, item_set, to_record;
  logic [TableBits-2:0] rows_beat;
  logic [3:0]          table_beat;
  logic [33:0]         window_row;
  logic [BeatBits-1:0] ifmap_beat;
  logic [SlotBits-1:0] record_slot;
  logic [StepBits:0]   step;
  logic                step_begin, step_packed, raw, step_end;
  logic [16*Tiles-1:0] base;
  logic [RawBeatBits-1:0] raw_beat;
  logic [PosBits-1:0]  raw_lane;
  logic [Entries-1:0]  entry;
  logic [PosBits*Entries-1:0] entry_pos;
  logic [CountBits-1:0] step_effectual, step_ahead, step_aside;

  bt_brick_load #(
    .Tiles(Tiles), .Filters(Filters), .Lanes(Lanes), .Bits(Bits), .StepBits(StepBits), .BeatBits(BeatBits),
    .PixelBits(PixelBits), .WordBits(WordBits), .TableBits(TableBits), .Straight(Straight)
  ) u_load (
    .clk_i, .rst_ni,
    .start_i(fetch_start_q), .desc_addr_i(fetch_q),
    .accepted_o(accepted), .rejected_o(rejected), .error_o(load_error), .idle_o(load_idle), .desc_o(desc),
    .items_done_i(items_done), .bands_done_i(bands_done), .items_o(items), .windows_o(windows),
    .beat_o(read_beat), .data_o(data),
    .to_rows_o(to_rows), .rows_beat_o(rows_beat), .to_table_o(to_table), .table_beat_o(table_beat),
    .window_row_o(window_row), .to_ifmap_o(to_ifmap), .ifmap_beat_o(ifmap_beat),
    .head_o(head), .item_half_o(item_half), .item_set_o(item_set), .to_record_o(to_record), .record_slot_o(record_slot),
    .step_o(step), .begin_o(step_begin), .packed_o(step_packed), .base_o(base), .raw_o(raw), .raw_beat_o(raw_beat),
    .entry_o(entry), .entry_pos_o(entry_pos),
    .end_o(step_end), .effectual_o(step_effectual), .ahead_o(step_ahead), .aside_o(step_aside),
    .m_axi_araddr, .m_axi_arlen, .m_axi_arsize, .m_axi_arburst, .m_axi_arvalid, .m_axi_arready,
    .m_axi_rdata, .m_axi_rresp, .m_axi_rlast, .m_axi_rvalid, .m_axi_rready
  );
  assign raw_lane = PosBits'(32'(raw_beat) * (128 / Bits));

  // Bricks from a pixel's first to each tile's first: with the records, which are in two sets.
  logic [16*Tiles-1:0] tile_brick;
  logic                set;
  for (genvar t = 0; t < Tiles; t++) begin : g_brick
    logic [15:0] brick0_q, brick1_q;
    always_ff @(posedge clk_i) begin
      if (to_record && record_slot == SlotBits'(Filters * t)) begin
        if (item_set) brick1_q <= data[bt_brick_regs_pkg::RECORD_BRICK_LSB +: 16];
        else brick0_q <= data[bt_brick_regs_pkg::RECORD_BRICK_LSB +: 16];
      end
    end
    assign tile_brick[16*t +: 16] = set ? brick1_q : brick0_q;
  end

  // ---- passes ----
  logic                                band, out_half, out_begin;
  logic                                valid1, valid2, valid3, valid4_q, first3, last3, fresh3, end3;
  logic [BrickBits*Tiles*Window-1:0]   brick1;
  logic [Tiles*Window-1:0]             inside1;
  logic [StepBits:0]                   step2;
  logic [PixelBits-1:0]                pixel3;
  bt_brick_walk #(
    .Tiles(Tiles), .Window(Window), .BrickBits(BrickBits), .StepBits(StepBits), .PixelBits(PixelBits), .TableBits(TableBits),
    .CountBits(CountBits)
  ) u_walk (
    .clk_i, .rst_ni,
    .start_i(accepted), .abort_i(state_q == StAbort), .desc_i(desc),
    .items_i(items), .windows_i(windows), .items_done_o(items_done), .bands_done_o(bands_done), .window_row_i(window_row),
    .data_i(data), .to_rows_i(to_rows), .rows_beat_i(rows_beat), .head_i(head), .item_half_i(item_half), .item_set_i(item_set),
    .step_i(step), .begin_i(step_begin), .base_i(base), .end_i(step_end),
    .effectual_i(step_effectual), .ahead_i(step_ahead), .aside_i(step_aside),
    .tile_brick_i(tile_brick), .set_o(set),
    .bands_stored_i(bands_stored), .band_o(band), .out_half_o(out_half), .out_begin_o(out_begin),
    .valid1_o(valid1), .brick1_o(brick1), .inside1_o(inside1),
    .valid2_o(valid2), .step2_o(step2),
    .valid3_o(valid3), .first3_o(first3), .last3_o(last3), .fresh3_o(fresh3), .end3_o(end3), .pixel3_o(pixel3),
    .filling_o(filling), .computing_o(computing), .turning_o(turning), .load_stall_o(load_stall), .store_stall_o(store_stall),
    .pass_o(pass), .effectual_o(effectual), .ahead_o(ahead), .aside_o(aside), .idle_o(walk_idle)
  );

  // ---- ifmap memory and tiles ----
  logic [Lanes*Bits*Tiles*Window-1:0] bricks2;
  logic [AccBits*Slots-1:0]           sums;
  bt_brick_am #(
    .Bits(Bits), .Lanes(Lanes), .BrickBits(BrickBits), .Reads(Tiles * Window)
  ) u_am (
    .clk_i,
    .we_i(to_ifmap), .beat_i(ifmap_beat), .data_i(data),
    .zp_i((Bits == 8) ? desc[bt_brick_regs_pkg::IN_ZP_LSB +: 8] : 8'd0),
    .read_i(valid1), .brick_i(brick1), .inside_i(inside1), .data_o(bricks2)
  );
  for (genvar t = 0; t < Tiles; t++) begin : g_tile
    bt_brick_tile #(
      .Filters(Filters), .Lanes(Lanes), .Bits(Bits), .Window(Window), .Inputs(Inputs), .Ahead(Ahead), .Aside(Aside),
      .StepBits(StepBits), .PixelBits(PixelBits), .PosBits(PosBits), .Entries(Entries)
    ) u_tile (
      .clk_i, .index_i(2'(t)),
      .step_i(step), .begin_i(step_begin), .packed_i(step_packed), .raw_i(raw), .raw_lane_i(raw_lane),
      .entry_i(entry), .entry_pos_i(entry_pos), .data_i(data),
      .valid2_i(valid2), .step2_i(step2), .bricks2_i(bricks2[Lanes*Bits*Window*t +: Lanes*Bits*Window]),
      .valid3_i(valid3), .first3_i(first3), .last3_i(last3), .fresh3_i(fresh3), .end3_i(end3), .pixel3_i(pixel3),
      .sums_o(sums[AccBits*Filters*t +: AccBits*Filters])
    );
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid4_q <= 1'b0;
    else valid4_q <= valid3 & last3 & end3;
  end

  // ---- write-back ----
  logic                    read_out;
  logic [WordBits:0]       out_word;
  logic [Columns*Bits-1:0] out;
  bt_brick_post #(
    .Slots(Slots), .Bits(Bits), .WordBits(WordBits)
  ) u_post (
    .clk_i, .rst_ni, .desc_i(desc),
    .to_record_i(to_record), .record_set_i(item_set), .record_slot_i(record_slot),
    .to_table_i(to_table), .table_beat_i(table_beat), .data_i(data),
    .begin_i(out_begin), .half_i(out_half), .set_i(set), .valid_i(valid4_q), .sums_i(sums),
    .read_i(read_out), .read_word_i(out_word), .word_o(out)
  );
  bt_brick_store #(
    .Columns(Columns), .Bits(Bits), .WordBits(WordBits)
  ) u_store (
    .clk_i, .rst_ni,
    .start_i(accepted), .desc_i(desc), .band_i(band), .bands_o(bands_stored),
    .read_o(read_out), .word_o(out_word), .word_i(out),
    .idle_o(store_idle), .error_o(store_error), .beat_o(write_beat),
    .m_axi_awaddr, .m_axi_awlen, .m_axi_awsize, .m_axi_awburst, .m_axi_awvalid, .m_axi_awready,
    .m_axi_wdata, .m_axi_wstrb, .m_axi_wlast, .m_axi_wvalid, .m_axi_wready,
    .m_axi_bresp, .m_axi_bvalid, .m_axi_bready
  );
endmodule
