// Output-stationary systolic array, ROWS x COLS int8 multipliers with int32 sums, behind AXI4-Lite and one 128-bit AXI4
// manager. Registers and descriptor: reference/os_array/os_array_regs.def. Rows hold ofmap pixels, columns hold filters.
module os_array_top #(
  parameter int unsigned ROWS = 16,
  parameter int unsigned COLS = 16,
  parameter int unsigned IBUF_BYTES = 65536,   // ifmap buffer, each of two halves; a power of two
  parameter int unsigned WBUF_K = 4608,        // weight buffer, steps in each of two halves
  parameter int unsigned OBUF_TILES = 4        // result buffer; a power of two
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
  localparam int unsigned Vec = os_array_pkg::vec_bytes(ROWS);
  localparam int unsigned WeightRow = os_array_pkg::weight_row_bytes(COLS);
  localparam int unsigned ColGroups = (COLS + 3) / 4;
  localparam int unsigned SlotBits = $clog2(OBUF_TILES);
  localparam int unsigned RowBits = (ROWS > 1) ? $clog2(ROWS) : 1;
  localparam int unsigned IbufAddrBits = $clog2(IBUF_BYTES / 16);

  // ---- control ----
  typedef enum logic [1:0] { StIdle, StFetch, StRun, StDone } state_e;
  state_e        state_q, state_d;
  logic          fetch, fetch_q, irq_enable_q, done_q, failed_q;
  logic [7:0]    error_q;
  logic [31:0]   desc_addr_q, fetch_addr_q;
  logic [1023:0] desc;
  logic          write, start, accepted, rejected, complete, next;
  logic [11:0]   waddr, raddr;
  logic [31:0]   wdata, rdata;
  logic          wknown, rknown;
  logic [7:0]    load_error;
  logic          feed_finished, store_idle, store_error;
  logic          filling, computing, load_stall, store_stall;

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

  assign wknown = (waddr == os_array_regs_pkg::REG_CTRL) | (waddr == os_array_regs_pkg::REG_IRQ_ENABLE) | (waddr == os_array_regs_pkg::REG_IRQ_ACK) | (waddr == os_array_regs_pkg::REG_DESC_ADDR);
  assign start  = write & (waddr == os_array_regs_pkg::REG_CTRL) & wdata[0] & (state_q == StIdle);

  assign complete = (state_q == StRun) & feed_finished & store_idle;
  assign next     = complete & ~desc[os_array_regs_pkg::LAST_LSB] & ~failed_q & ~store_error;
  assign fetch    = start | next;

  always_comb begin
    state_d = state_q;
    unique case (state_q)
      StIdle:  if (start) state_d = StFetch;
      StFetch: if (accepted) state_d = StRun;
               else if (rejected) state_d = StDone;
      StRun:   if (complete) state_d = next ? StFetch : StDone;
      StDone:  state_d = StIdle;
      default: state_d = StIdle;
    endcase
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q      <= StIdle;
      fetch_q      <= 1'b0;
      irq_enable_q <= 1'b0;
      done_q       <= 1'b0;
      failed_q     <= 1'b0;
      error_q      <= '0;
      desc_addr_q  <= '0;
      fetch_addr_q <= '0;
    end else begin
      state_q <= state_d;
      fetch_q <= fetch;
      if (write && waddr == os_array_regs_pkg::REG_IRQ_ENABLE) irq_enable_q <= wdata[0];
      if (write && waddr == os_array_regs_pkg::REG_DESC_ADDR) desc_addr_q <= {wdata[31:4], 4'd0};
      if (start) begin
        fetch_addr_q <= desc_addr_q;
        failed_q     <= 1'b0;
        error_q      <= '0;
      end else if (next) begin
        fetch_addr_q <= fetch_addr_q + 32'd128;
      end
      if (rejected) begin
        failed_q <= 1'b1;
        error_q  <= load_error;
      end else if (complete && store_error) begin
        error_q  <= 8'(os_array_regs_pkg::ERR_WRITE);
      end
      if (state_d == StDone) done_q <= 1'b1;
      else if (write && waddr == os_array_regs_pkg::REG_IRQ_ACK && wdata[0]) done_q <= 1'b0;
    end
  end
  assign irq_o = done_q & irq_enable_q;

  // ---- counters: every busy cycle belongs to exactly one of the six terms ----
  logic [31:0] cycles_q, control_q, fill_q, compute_q, load_stall_q, store_stall_q, drain_q;
  logic [31:0] tiles_q, read_beats_q, write_beats_q;
  logic [63:0] macs_q;
  logic        busy, read_beat, write_beat, tile_stored;
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
    end else if (busy) begin
      cycles_q <= cycles_q + 32'd1;
      if (state_q == StFetch) control_q <= control_q + 32'd1;
      else if (filling) fill_q <= fill_q + 32'd1;
      else if (computing) compute_q <= compute_q + 32'd1;
      else if (load_stall) load_stall_q <= load_stall_q + 32'd1;
      else if (store_stall) store_stall_q <= store_stall_q + 32'd1;
      else drain_q <= drain_q + 32'd1;
      if (computing) macs_q <= macs_q + 64'(ROWS * COLS);
      if (tile_stored) tiles_q <= tiles_q + 32'd1;
      if (read_beat) read_beats_q <= read_beats_q + 32'd1;
      if (write_beat) write_beats_q <= write_beats_q + 32'd1;
    end
  end

  always_comb begin
    rknown = 1'b1;
    rdata  = '0;
    if (s_axil_arvalid) begin
      unique case (raddr)
        os_array_regs_pkg::REG_ID:          rdata = os_array_regs_pkg::ID_VALUE;
        os_array_regs_pkg::REG_VERSION:     rdata = os_array_regs_pkg::VERSION_VALUE;
        os_array_regs_pkg::REG_STATUS:      rdata = {16'd0, error_q, 6'd0, done_q, busy};
        os_array_regs_pkg::REG_IRQ_ENABLE:  rdata = {31'd0, irq_enable_q};
        os_array_regs_pkg::REG_DESC_ADDR:   rdata = desc_addr_q;
        os_array_regs_pkg::REG_GEOMETRY:    rdata = {16'd0, 8'(COLS), 8'(ROWS)};
        os_array_regs_pkg::REG_CYCLES:      rdata = cycles_q;
        os_array_regs_pkg::REG_CONTROL:     rdata = control_q;
        os_array_regs_pkg::REG_FILL:        rdata = fill_q;
        os_array_regs_pkg::REG_COMPUTE:     rdata = compute_q;
        os_array_regs_pkg::REG_LOAD_STALL:  rdata = load_stall_q;
        os_array_regs_pkg::REG_STORE_STALL: rdata = store_stall_q;
        os_array_regs_pkg::REG_DRAIN:       rdata = drain_q;
        os_array_regs_pkg::REG_TILES:       rdata = tiles_q;
        os_array_regs_pkg::REG_MACS_LO:     rdata = macs_q[31:0];
        os_array_regs_pkg::REG_MACS_HI:     rdata = macs_q[63:32];
        os_array_regs_pkg::REG_READ_BEATS:  rdata = read_beats_q;
        os_array_regs_pkg::REG_WRITE_BEATS: rdata = write_beats_q;
        default: begin
          rdata  = '0;
          rknown = 1'b0;
        end
      endcase
    end
  end

  // ---- load ----
  logic [23:0]  windows, tiles;
  logic         window_free, tile_free, to_ibuf, ibuf_half, to_wbuf, wbuf_half, to_param, tile_begin, to_table;
  logic [127:0] data;
  logic [IbufAddrBits-1:0] ibuf_word;
  logic [7:0]   param_col;
  logic [3:0]   table_word;

  os_array_load #(
    .Rows(ROWS), .Cols(COLS), .Vec(Vec), .WeightRow(WeightRow), .IbufBytes(IBUF_BYTES), .WbufK(WBUF_K)
  ) u_load (
    .clk_i, .rst_ni,
    .start_i(fetch_q), .desc_addr_i(fetch_addr_q), .desc_o(desc),
    .accepted_o(accepted), .rejected_o(rejected), .error_o(load_error),
    .windows_o(windows), .tiles_o(tiles), .window_free_i(window_free), .tile_free_i(tile_free),
    .beat_o(read_beat), .data_o(data),
    .to_ibuf_o(to_ibuf), .ibuf_half_o(ibuf_half), .ibuf_word_o(ibuf_word),
    .to_wbuf_o(to_wbuf), .to_param_o(to_param), .wbuf_half_o(wbuf_half), .tile_begin_o(tile_begin),
    .param_col_o(param_col), .to_table_o(to_table), .table_word_o(table_word),
    .m_axi_araddr, .m_axi_arlen, .m_axi_arsize, .m_axi_arburst, .m_axi_arvalid, .m_axi_arready,
    .m_axi_rdata, .m_axi_rresp, .m_axi_rlast, .m_axi_rvalid, .m_axi_rready
  );

  // ---- feed and mesh ----
  logic                    first, read_row, slot_free;
  logic [9*ROWS-1:0]       act /*verilator split_var*/;
  logic [32*ColGroups-1:0] wgt;
  logic [5:0]              row;
  logic [SlotBits:0]       tag;
  logic [ColGroups-1:0]              out_valid;
  logic [6*ColGroups-1:0]            out_row;
  logic [(SlotBits+1)*ColGroups-1:0] out_tag;
  logic [128*ColGroups-1:0]          out_sums;

  os_array_feed #(
    .Rows(ROWS), .ColGroups(ColGroups), .Vec(Vec), .WeightRow(WeightRow), .IbufBytes(IBUF_BYTES), .WbufK(WBUF_K),
    .SlotBits(SlotBits)
  ) u_feed (
    .clk_i, .rst_ni,
    .desc_i(desc), .start_i(accepted), .abort_i(failed_q),
    .windows_i(windows), .tiles_i(tiles), .window_free_o(window_free), .tile_free_o(tile_free),
    .data_i(data),
    .ibuf_we_i(to_ibuf), .ibuf_half_i(ibuf_half), .ibuf_word_i(ibuf_word),
    .wbuf_we_i(to_wbuf), .wbuf_half_i(wbuf_half), .wbuf_begin_i(tile_begin),
    .slot_free_i(slot_free),
    .first_o(first), .act_o(act), .wgt_o(wgt), .read_o(read_row), .row_o(row), .tag_o(tag),
    .filling_o(filling), .computing_o(computing), .load_stall_o(load_stall), .store_stall_o(store_stall),
    .finished_o(feed_finished)
  );

  os_array_mesh #(
    .Rows(ROWS), .ColGroups(ColGroups), .TagBits(SlotBits + 1)
  ) u_mesh (
    .clk_i, .rst_ni,
    .first_i(first), .act_i(act), .wgt_i(wgt), .read_i(read_row), .row_i(row), .tag_i(tag),
    .valid_o(out_valid), .row_o(out_row), .tag_o(out_tag), .sums_o(out_sums)
  );

  // ---- results ----
  logic                        read_result;
  logic [SlotBits+RowBits-1:0] read_addr;
  logic [128*ColGroups-1:0]    result;
  logic [ColGroups-1:0]        first_row;

  for (genvar g = 0; g < ColGroups; g++) begin : g_post
    os_array_post #(
      .Group(g), .SlotBits(SlotBits), .RowBits(RowBits)
    ) u_post (
      .clk_i, .rst_ni,
      .raw_i(desc[os_array_regs_pkg::RAW_LSB]), .single_i(desc[os_array_regs_pkg::SINGLE_LSB]), .has_table_i(desc[os_array_regs_pkg::TABLE_LSB]),
      .zp_i(desc[os_array_regs_pkg::OUT_ZP_LSB +: 8]), .min_i(desc[os_array_regs_pkg::ACT_MIN_LSB +: 8]), .max_i(desc[os_array_regs_pkg::ACT_MAX_LSB +: 8]),
      .valid_i(out_valid[g]),
      .row_i(out_row[6*g +: RowBits]),
      .slot_i(out_tag[(SlotBits+1)*g +: SlotBits]),
      .half_i(out_tag[(SlotBits+1)*g + SlotBits]),
      .sums_i(out_sums[128*g +: 128]),
      .param_we_i(to_param), .param_half_i(wbuf_half), .param_col_i(param_col),
      .param_i(data),
      .table_we_i(to_table), .table_word_i(table_word), .table_i(data),
      .read_i(read_result), .read_addr_i(read_addr), .read_o(result[128*g +: 128]),
      .first_o(first_row[g])
    );
  end
  assign tile_stored = first_row[ColGroups-1];

  os_array_store #(
    .Rows(ROWS), .ColGroups(ColGroups), .SlotBits(SlotBits), .RowBits(RowBits)
  ) u_store (
    .clk_i, .rst_ni,
    .desc_i(desc), .start_i(accepted), .available_i(tile_stored), .slot_free_o(slot_free),
    .read_o(read_result), .read_addr_o(read_addr), .read_i(result),
    .idle_o(store_idle), .error_o(store_error), .beat_o(write_beat),
    .m_axi_awaddr, .m_axi_awlen, .m_axi_awsize, .m_axi_awburst, .m_axi_awvalid, .m_axi_awready,
    .m_axi_wdata, .m_axi_wstrb, .m_axi_wlast, .m_axi_wvalid, .m_axi_wready,
    .m_axi_bresp, .m_axi_bvalid, .m_axi_bready
  );
endmodule
