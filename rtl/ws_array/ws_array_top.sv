// Gemmini-class systolic array: DIM x DIM int8 multipliers, weight or output stationary, between a scratchpad and an
// accumulator, behind AXI4-Lite and one 128-bit AXI4 manager (dissertation section 4.4.3). Registers and descriptor:
// reference/ws_array/ws_array_regs.def. Rows hold the reduction (or, output stationary, ofmap pixels), columns hold filters.
module ws_array_top #(
  parameter int unsigned DIM = 16,               // 8, 16, 32 or 64
  parameter int unsigned SPAD_BYTES = 262144,    // scratchpad, four banks; a power of two
  parameter int unsigned ACC_BYTES = 65536       // accumulator, two halves; a power of two
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
  localparam int unsigned Groups = DIM / 4;
  localparam int unsigned DimBits = $clog2(DIM);
  localparam int unsigned BeatBits = ws_array_pkg::beat_bits(SPAD_BYTES);
  localparam int unsigned RowAddrBits = ws_array_pkg::weight_row_bits(SPAD_BYTES, DIM);
  localparam int unsigned AccRowBits = ws_array_pkg::acc_row_bits(ACC_BYTES, DIM);

  // ---- control ----
  typedef enum logic [1:0] { StIdle, StFetch, StRun, StDone } state_e;
  state_e        state_q, state_d;
  logic          irq_enable_q, done_q, failed_q;
  logic [7:0]    error_q;
  logic [31:0]   desc_addr_q, list_q;
  logic          write, start, start_q, accepted, rejected, complete;
  logic [11:0]   waddr, raddr;
  logic [31:0]   wdata, rdata;
  logic          wknown, rknown;
  logic [7:0]    load_error;
  logic          load_idle, exec_idle, store_idle, store_error;
  logic          filling, computing, load_stall, store_stall, pass;

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

  assign wknown = (waddr == ws_array_regs_pkg::REG_CTRL) | (waddr == ws_array_regs_pkg::REG_IRQ_ENABLE) | (waddr == ws_array_regs_pkg::REG_IRQ_ACK) | (waddr == ws_array_regs_pkg::REG_DESC_ADDR);
  assign start  = write & (waddr == ws_array_regs_pkg::REG_CTRL) & wdata[0] & (state_q == StIdle);

  assign complete = (state_q == StRun) & load_idle & exec_idle & store_idle;

  always_comb begin
    state_d = state_q;
    unique case (state_q)
      StIdle:  if (start) state_d = StFetch;
      StFetch: if (accepted) state_d = StRun;
               else if (rejected) state_d = StDone;
      StRun:   if (complete) state_d = StDone;
      StDone:  state_d = StIdle;
      default: state_d = StIdle;
    endcase
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q      <= StIdle;
      start_q      <= 1'b0;
      irq_enable_q <= 1'b0;
      done_q       <= 1'b0;
      failed_q     <= 1'b0;
      error_q      <= '0;
      desc_addr_q  <= '0;
      list_q       <= '0;
    end else begin
      state_q <= state_d;
      start_q <= start;
      if (write && waddr == ws_array_regs_pkg::REG_IRQ_ENABLE) irq_enable_q <= wdata[0];
      if (write && waddr == ws_array_regs_pkg::REG_DESC_ADDR) desc_addr_q <= {wdata[31:4], 4'd0};
      if (start) begin
        list_q   <= desc_addr_q;
        failed_q <= 1'b0;
        error_q  <= '0;
      end else if (rejected) begin
        failed_q <= 1'b1;
        error_q  <= load_error;
      end else if (complete && store_error && !failed_q) begin
        error_q  <= 8'(ws_array_regs_pkg::ERR_WRITE);
      end
      if (state_d == StDone) done_q <= 1'b1;
      else if (write && waddr == ws_array_regs_pkg::REG_IRQ_ACK && wdata[0]) done_q <= 1'b0;
    end
  end
  assign irq_o = done_q & irq_enable_q;

  // ---- counters: every busy cycle belongs to exactly one of the six terms ----
  logic [31:0] cycles_q, control_q, fill_q, compute_q, load_stall_q, store_stall_q, drain_q;
  logic [31:0] tiles_q, read_beats_q, write_beats_q, acc_reads_q, preloads_q;
  logic [63:0] macs_q;
  logic        busy, read_beat, write_beat, tile_stored, acc_read;
  assign busy = (state_q != StIdle);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      cycles_q      <= '0;
      control_q     <= '0;
      fill_q        <= '0;
      compute_q     <= '0;
      load_stall_q  <= '0;
      store_stall_q <= '0;
      drain_q       <= '0;
      tiles_q       <= '0;
      macs_q        <= '0;
      read_beats_q  <= '0;
      write_beats_q <= '0;
      acc_reads_q   <= '0;
      preloads_q    <= '0;
    end else if (start) begin
      cycles_q      <= '0;
      control_q     <= '0;
      fill_q        <= '0;
      compute_q     <= '0;
      load_stall_q  <= '0;
      store_stall_q <= '0;
      drain_q       <= '0;
      tiles_q       <= '0;
      macs_q        <= '0;
      read_beats_q  <= '0;
      write_beats_q <= '0;
      acc_reads_q   <= '0;
      preloads_q    <= '0;
    end else if (busy) begin
      cycles_q <= cycles_q + 32'd1;
      if (state_q == StFetch) control_q <= control_q + 32'd1;
      else if (filling) fill_q <= fill_q + 32'd1;
      else if (computing) compute_q <= compute_q + 32'd1;
      else if (load_stall) load_stall_q <= load_stall_q + 32'd1;
      else if (store_stall) store_stall_q <= store_stall_q + 32'd1;
      else drain_q <= drain_q + 32'd1;
      if (computing) macs_q <= macs_q + 64'(DIM * DIM);
      if (tile_stored) tiles_q <= tiles_q + 32'd1;
      if (read_beat) read_beats_q <= read_beats_q + 32'd1;
      if (write_beat) write_beats_q <= write_beats_q + 32'd1;
      if (acc_read) acc_reads_q <= acc_reads_q + 32'd1;
      if (pass) preloads_q <= preloads_q + 32'd1;
    end
  end

  always_comb begin
    rknown = 1'b1;
    rdata  = '0;
    if (s_axil_arvalid) begin
      unique case (raddr)
        ws_array_regs_pkg::REG_ID:          rdata = ws_array_regs_pkg::ID_VALUE;
        ws_array_regs_pkg::REG_VERSION:     rdata = ws_array_regs_pkg::VERSION_VALUE;
        ws_array_regs_pkg::REG_STATUS:      rdata = {16'd0, error_q, 6'd0, done_q, busy};
        ws_array_regs_pkg::REG_IRQ_ENABLE:  rdata = {31'd0, irq_enable_q};
        ws_array_regs_pkg::REG_DESC_ADDR:   rdata = desc_addr_q;
        ws_array_regs_pkg::REG_GEOMETRY:    rdata = {8'd0, 8'($clog2(ACC_BYTES)), 8'($clog2(SPAD_BYTES)), 8'(DIM)};
        ws_array_regs_pkg::REG_CYCLES:      rdata = cycles_q;
        ws_array_regs_pkg::REG_CONTROL:     rdata = control_q;
        ws_array_regs_pkg::REG_FILL:        rdata = fill_q;
        ws_array_regs_pkg::REG_COMPUTE:     rdata = compute_q;
        ws_array_regs_pkg::REG_LOAD_STALL:  rdata = load_stall_q;
        ws_array_regs_pkg::REG_STORE_STALL: rdata = store_stall_q;
        ws_array_regs_pkg::REG_DRAIN:       rdata = drain_q;
        ws_array_regs_pkg::REG_TILES:       rdata = tiles_q;
        ws_array_regs_pkg::REG_MACS_LO:     rdata = macs_q[31:0];
        ws_array_regs_pkg::REG_MACS_HI:     rdata = macs_q[63:32];
        ws_array_regs_pkg::REG_READ_BEATS:  rdata = read_beats_q;
        ws_array_regs_pkg::REG_WRITE_BEATS: rdata = write_beats_q;
        ws_array_regs_pkg::REG_ACC_READS:   rdata = acc_reads_q;
        ws_array_regs_pkg::REG_PRELOADS:    rdata = preloads_q;
        default: begin
          rdata  = '0;
          rknown = 1'b0;
        end
      endcase
    end
  end

  // ---- load ----
  logic [1023:0] load_desc, exec_desc, store_desc;
  logic          load_offer, exec_take, exec_offer, store_take;
  logic [23:0]   windows, items;
  logic          window_free, chunk_free, param_free, half_free;
  logic          to_spad, to_param, to_table;
  logic [127:0]  data;
  logic [BeatBits-1:0] spad_beat;
  logic [1:0]    param_slot;
  logic [5:0]    param_col;
  logic [3:0]    table_word;

  ws_array_load #(
    .Dim(DIM), .SpadBytes(SPAD_BYTES), .AccRowBits(AccRowBits)
  ) u_load (
    .clk_i, .rst_ni,
    .start_i(start_q), .desc_addr_i(list_q),
    .accepted_o(accepted), .rejected_o(rejected), .error_o(load_error), .idle_o(load_idle),
    .drained_i(exec_idle & store_idle),
    .offer_o(load_offer), .desc_o(load_desc), .take_i(exec_take),
    .windows_o(windows), .items_o(items),
    .window_free_i(window_free), .chunk_free_i(chunk_free), .param_free_i(param_free),
    .beat_o(read_beat), .data_o(data),
    .to_spad_o(to_spad), .spad_beat_o(spad_beat),
    .to_param_o(to_param), .param_slot_o(param_slot), .param_col_o(param_col),
    .to_table_o(to_table), .table_word_o(table_word),
    .m_axi_araddr, .m_axi_arlen, .m_axi_arsize, .m_axi_arburst, .m_axi_arvalid, .m_axi_arready,
    .m_axi_rdata, .m_axi_rresp, .m_axi_rlast, .m_axi_rvalid, .m_axi_rready
  );

  // ---- scratchpad, array ----
  logic [2:0]             ifmap_banks;
  logic                   read_ifmap, read_weights;
  logic [BeatBits+3:0]    ifmap_byte;
  logic [RowAddrBits-1:0] weight_row;
  logic [8*DIM-1:0]       ifmap_bytes, weight_bytes;
  logic                   os, mark, load_row_valid, read_row_valid;
  logic [9*DIM-1:0]       act /*verilator split_var*/;
  logic [DimBits-1:0]     load_row, read_row;
  logic                   acc_valid, acc_half, acc_add, tile_complete;
  logic [AccRowBits-1:0]  acc_row;
  logic [128*Groups-1:0]  sums;

  ws_array_spad #(
    .Dim(DIM), .Bytes(SPAD_BYTES)
  ) u_spad (
    .clk_i,
    .we_i(to_spad), .waddr_i(spad_beat), .wdata_i(data),
    .ifmap_banks_i(ifmap_banks),
    .read_ifmap_i(read_ifmap), .byte_i(ifmap_byte), .ifmap_o(ifmap_bytes),
    .read_weights_i(read_weights), .row_i(weight_row), .weights_o(weight_bytes)
  );

  ws_array_exec #(
    .Dim(DIM), .SpadBytes(SPAD_BYTES), .AccRowBits(AccRowBits)
  ) u_exec (
    .clk_i, .rst_ni,
    .start_i(start_q), .abort_i(failed_q),
    .offer_i(load_offer), .desc_i(load_desc), .take_o(exec_take),
    .windows_i(windows), .items_i(items), .window_free_o(window_free), .chunk_free_o(chunk_free),
    .offer_o(exec_offer), .desc_o(exec_desc), .take_i(store_take), .half_free_i(half_free), .tile_o(tile_complete),
    .ifmap_banks_o(ifmap_banks), .read_ifmap_o(read_ifmap), .byte_o(ifmap_byte), .ifmap_i(ifmap_bytes),
    .read_weights_o(read_weights), .weight_row_o(weight_row),
    .os_o(os), .mark_o(mark), .act_o(act), .load_o(load_row_valid), .load_row_o(load_row),
    .read_o(read_row_valid), .read_row_o(read_row),
    .acc_o(acc_valid), .acc_half_o(acc_half), .acc_row_o(acc_row), .acc_add_o(acc_add),
    .filling_o(filling), .computing_o(computing), .load_stall_o(load_stall), .store_stall_o(store_stall),
    .pass_o(pass), .idle_o(exec_idle)
  );

  ws_array_mesh #(.Dim(DIM)) u_mesh (
    .clk_i, .rst_ni,
    .os_i(os), .mark_i(mark), .act_i(act),
    .load_i(load_row_valid), .load_row_i(load_row), .row_wgt_i(weight_bytes),
    .read_i(read_row_valid), .read_row_i(read_row), .sums_o(sums)
  );

  // ---- accumulator and results, one column group after another ----
  logic                   begin_tile, read_acc, read_half, candidate, first_place;
  logic [1:0]             begin_slot;
  logic [AccRowBits-1:0]  read_acc_row;
  logic [3:0]             row_valid;
  logic [128*Groups-1:0]  best;

  for (genvar g = 0; g < Groups; g++) begin : g_group
    logic                  valid, half, add;
    logic [AccRowBits-1:0] row;
    logic [127:0]          row_sums;
    if (g == 0) begin : g_skew
      assign valid = acc_valid;
      assign half  = acc_half;
      assign add   = acc_add;
      assign row   = acc_row;
    end else begin : g_skew
      logic                  valid_q, half_q, add_q;
      logic [AccRowBits-1:0] row_q;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) valid_q <= 1'b0;
        else valid_q <= g_group[g-1].valid;
      end
      always_ff @(posedge clk_i) begin
        half_q <= g_group[g-1].half;
        add_q  <= g_group[g-1].add;
        row_q  <= g_group[g-1].row;
      end
      assign valid = valid_q;
      assign half  = half_q;
      assign add   = add_q;
      assign row   = row_q;
    end
    ws_array_acc #(.RowBits(AccRowBits)) u_acc (
      .clk_i,
      .early_i(valid), .half_i(half), .row_i(row), .add_i(add), .sums_i(sums[128*g +: 128]),
      .read_i(read_acc), .read_half_i(read_half), .read_row_i(read_acc_row), .read_o(row_sums)
    );
    ws_array_post #(.Group(g)) u_post (
      .clk_i,
      .raw_i(store_desc[ws_array_regs_pkg::RAW_LSB]), .single_i(store_desc[ws_array_regs_pkg::SINGLE_LSB]),
      .has_table_i(store_desc[ws_array_regs_pkg::TABLE_LSB] & ~store_desc[ws_array_regs_pkg::RAW_LSB]),
      .zp_i(store_desc[ws_array_regs_pkg::OUT_ZP_LSB +: 8]), .min_i(store_desc[ws_array_regs_pkg::ACT_MIN_LSB +: 8]),
      .max_i(store_desc[ws_array_regs_pkg::ACT_MAX_LSB +: 8]),
      .param_we_i(to_param), .param_slot_i(param_slot), .param_col_i(param_col), .param_i(data),
      .table_we_i(to_table), .table_word_i(table_word), .table_i(data),
      .begin_i(begin_tile), .begin_slot_i(begin_slot),
      .valid_i(row_valid), .sums_i(row_sums), .candidate_i(candidate), .first_i(first_place),
      .best_o(best[128*g +: 128])
    );
  end

  ws_array_store #(
    .Dim(DIM), .AccRowBits(AccRowBits)
  ) u_store (
    .clk_i, .rst_ni,
    .start_i(start_q), .abort_i(failed_q & exec_idle),
    .offer_i(exec_offer), .desc_i(exec_desc), .take_o(store_take),
    .tile_i(tile_complete), .half_free_o(half_free), .param_free_o(param_free),
    .desc_o(store_desc), .begin_o(begin_tile), .begin_slot_o(begin_slot),
    .read_o(read_acc), .read_half_o(read_half), .read_row_o(read_acc_row),
    .valid_o(row_valid), .candidate_o(candidate), .first_o(first_place), .best_i(best),
    .idle_o(store_idle), .error_o(store_error), .beat_o(write_beat), .tile_done_o(tile_stored),
    .m_axi_awaddr, .m_axi_awlen, .m_axi_awsize, .m_axi_awburst, .m_axi_awvalid, .m_axi_awready,
    .m_axi_wdata, .m_axi_wstrb, .m_axi_wlast, .m_axi_wvalid, .m_axi_wready,
    .m_axi_bresp, .m_axi_bvalid, .m_axi_bready
  );
  assign acc_read = read_acc;
endmodule
