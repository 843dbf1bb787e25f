// Write-back: walks the pixels of each filter tile as they are written, and for each the places of its pooling window (one,
// without pooling); reads the accumulator, one row per cycle, and writes the results to DRAM. Each pixel's channels of one
// filter tile are one or more single-beat bursts, because the next pixel's lie a whole pixel pitch away.
//
// Rows on their way to the bus wait in a queue, with room reserved when a window is begun: nothing behind the accumulator
// ever stalls.
module ws_array_store #(
  parameter int unsigned Dim = 16,
  parameter int unsigned AccRowBits = 9,
  localparam int unsigned Groups = Dim / 4
) (
  input  logic          clk_i,
  input  logic          rst_ni,
  input  logic          start_i,         // of a list
  input  logic          abort_i,         // what is not complete will never be
  // from the array
  input  logic          offer_i,
  input  logic [1023:0] desc_i,
  output logic          take_o,
  input  logic          tile_i,          // one cycle: a filter tile is complete
  output logic          half_free_o,
  output logic          param_free_o,
  // accumulator and what follows it
  output logic [1023:0] desc_o,
  output logic          begin_o,
  output logic [1:0]    begin_slot_o,
  output logic          read_o,
  output logic          read_half_o,
  output logic [AccRowBits-1:0] read_row_o,
  output logic [3:0]    valid_o,         // of the row that the accumulator gives now, and of the three before
  output logic          candidate_o,     // four cycles later
  output logic          first_o,
  input  logic [128*Groups-1:0] best_i,  // one more cycle later
  output logic          idle_o,          // everything written and answered
  output logic          error_o,         // sticky until the next start
  output logic          beat_o,
  output logic          tile_done_o,     // one cycle: the last row of a filter tile is read
  output logic [31:0]   m_axi_awaddr,
  output logic [7:0]    m_axi_awlen,
  output logic [2:0]    m_axi_awsize,
  output logic [1:0]    m_axi_awburst,
  output logic          m_axi_awvalid,
  input  logic          m_axi_awready,
  output logic [127:0]  m_axi_wdata,
  output logic [15:0]   m_axi_wstrb,
  output logic          m_axi_wlast,
  output logic          m_axi_wvalid,
  input  logic          m_axi_wready,
  input  logic [1:0]    m_axi_bresp,
  input  logic          m_axi_bvalid,
  output logic          m_axi_bready
);
  localparam int unsigned QueueBits = 4;
  localparam int unsigned Flight = 6;                          // cycles from a read to its row in the queue
  localparam int unsigned Beats = Groups;                      // of a row of raw sums
  localparam int unsigned ByteBeats = (Beats + 3) / 4;         // of a row of int8
  localparam int unsigned BeatBits = $clog2(Beats);

  // ---- the descriptor at work ----
  logic [1023:0]      desc_q;
  logic [31:0]        ofmap, o_pitch, o_row, o_step;
  logic [15:0]        n_tiles, out_rows, out_cols, conv_rows, ow;
  logic [7:0]         n_valid, n_tail, kh, kw, sh, sw;
  logic               raw;
  assign ofmap     = desc_q[ws_array_regs_pkg::OFMAP_LSB +: 32];
  assign o_pitch   = desc_q[ws_array_regs_pkg::O_PITCH_LSB +: 32];
  assign o_row     = desc_q[ws_array_regs_pkg::O_ROW_LSB +: 32];
  assign o_step    = desc_q[ws_array_regs_pkg::O_STEP_LSB +: 32];
  assign n_tiles   = desc_q[ws_array_regs_pkg::N_TILES_LSB +: 16];
  assign out_rows  = desc_q[ws_array_regs_pkg::OUT_ROWS_LSB +: 16];
  assign out_cols  = desc_q[ws_array_regs_pkg::OUT_COLS_LSB +: 16];
  assign conv_rows = desc_q[ws_array_regs_pkg::CONV_ROWS_LSB +: 16];
  assign ow        = desc_q[ws_array_regs_pkg::OW_LSB +: 16];
  assign n_valid   = desc_q[ws_array_regs_pkg::N_VALID_LSB +: 8];
  assign n_tail    = desc_q[ws_array_regs_pkg::N_TAIL_LSB +: 8];
  assign kh        = desc_q[ws_array_regs_pkg::POOL_KH_LSB +: 8];
  assign kw        = desc_q[ws_array_regs_pkg::POOL_KW_LSB +: 8];
  assign sh        = desc_q[ws_array_regs_pkg::POOL_SH_LSB +: 8];
  assign sw        = desc_q[ws_array_regs_pkg::POOL_SW_LSB +: 8];
  assign raw       = desc_q[ws_array_regs_pkg::RAW_LSB];
  assign desc_o    = desc_q;
  always_ff @(posedge clk_i) begin
    if (take_o) desc_q <= desc_i;
  end

  // ---- reading: filter tile, pixel, place in its window ----
  logic                active_q, running_q, half_q;
  logic [1:0]          waiting_q, slot_q;       // filter tiles complete and not read
  logic [15:0]         n_q, oy_q, ox_q;
  logic [7:0]          wy_q, wx_q;
  logic signed [16:0]  top_q, left_q, cy, cx;   // the window's corner, the place, in the tile of the convolution
  logic signed [31:0]  line_q, wline_q, at;     // accumulator rows: of the window's first row, of the place's row
  logic signed [31:0]  row_step_q;              // accumulator rows from one row of windows to the next
  logic [QueueBits:0]  room_q;                  // rows of the queue that are not spoken for
  logic                window_begin, window_end, row_end, walk_end, tile_end, step, is_real, row_taken;
  logic [Flight-1:0]   flight_q;                // a place was visited that many cycles before
  logic [4:0]          real_q, first_q;
  logic [Flight-1:0]   last_q;

  assign window_begin = (wy_q == '0) & (wx_q == '0);
  assign row_end      = (wx_q == kw - 8'd1);
  assign window_end   = row_end & (wy_q == kh - 8'd1);
  assign walk_end     = window_end & (ox_q == out_cols - 16'd1);
  assign tile_end     = walk_end & (oy_q == out_rows - 16'd1);
  assign step         = running_q & (~window_begin | (room_q != '0));
  assign cy           = top_q + $signed({9'd0, wy_q});
  assign cx           = left_q + $signed({9'd0, wx_q});
  assign is_real       = ~cy[16] & ~cx[16] & (cy[15:0] < conv_rows) & (cx[15:0] < ow);
  assign at           = wline_q + 32'(cx);

  assign take_o       = offer_i & ~active_q & room_q[QueueBits];
  assign begin_o      = active_q & ~running_q & (waiting_q != '0) & (flight_q == '0);
  assign begin_slot_o = slot_q;
  assign param_free_o = begin_o;
  assign half_free_o  = step & tile_end;
  assign tile_done_o  = half_free_o;
  assign read_o       = step & is_real;
  assign read_half_o  = half_q;
  assign read_row_o   = at[AccRowBits-1:0];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      active_q   <= 1'b0;
      running_q  <= 1'b0;
      half_q     <= 1'b0;
      waiting_q  <= '0;
      slot_q     <= '0;
      n_q        <= '0;
      oy_q       <= '0;
      ox_q       <= '0;
      wy_q       <= '0;
      wx_q       <= '0;
      top_q      <= '0;
      left_q     <= '0;
      line_q     <= '0;
      wline_q    <= '0;
      row_step_q <= '0;
      room_q     <= {1'b1, {QueueBits{1'b0}}};
      flight_q   <= '0;
      real_q   <= '0;
      first_q    <= '0;
      last_q     <= '0;
    end else begin
      room_q   <= room_q + {{QueueBits{1'b0}}, row_taken} - {{QueueBits{1'b0}}, step & window_begin};
      flight_q <= {flight_q[Flight-2:0], step};
      real_q <= {real_q[3:0], read_o};
      first_q  <= {first_q[3:0], step & window_begin};
      last_q   <= {last_q[Flight-2:0], step & window_end};
      if (start_i) begin
        half_q    <= 1'b0;
        slot_q    <= '0;
        waiting_q <= '0;
      end else begin
        waiting_q <= waiting_q + {1'b0, tile_i} - {1'b0, begin_o};
        if (half_free_o) half_q <= ~half_q;
        if (begin_o) slot_q <= slot_q + 2'd1;
      end
      if (take_o) begin
        active_q   <= 1'b1;
        n_q        <= '0;
        row_step_q <= $signed(32'(desc_i[ws_array_regs_pkg::POOL_SH_LSB +: 8]) * 32'(desc_i[ws_array_regs_pkg::OW_LSB +: 16]));
      end else if (half_free_o && n_q == n_tiles - 16'd1) begin
        active_q <= 1'b0;
      end else if (abort_i && !running_q && waiting_q == '0 && !tile_i) begin
        active_q <= 1'b0;
      end
      if (begin_o) begin
        running_q <= 1'b1;
        oy_q      <= '0;
        ox_q      <= '0;
        wy_q      <= '0;
        wx_q      <= '0;
        top_q     <= 17'($signed(desc_q[ws_array_regs_pkg::POOL_Y_LSB +: 16]));
        left_q    <= 17'($signed(desc_q[ws_array_regs_pkg::POOL_X_LSB +: 16]));
        line_q    <= 32'($signed(desc_q[ws_array_regs_pkg::POOL_Y_LSB +: 16])) * $signed({16'd0, ow});
        wline_q   <= 32'($signed(desc_q[ws_array_regs_pkg::POOL_Y_LSB +: 16])) * $signed({16'd0, ow});
      end else if (step) begin
        wx_q <= wx_q + 8'd1;
        if (row_end) begin
          wx_q    <= '0;
          wy_q    <= wy_q + 8'd1;
          wline_q <= wline_q + $signed({16'd0, ow});
        end
        if (window_end) begin
          wy_q    <= '0;
          wline_q <= line_q;
          ox_q    <= ox_q + 16'd1;
          left_q  <= left_q + $signed({9'd0, sw});
        end
        if (walk_end) begin
          ox_q    <= '0;
          left_q  <= 17'($signed(desc_q[ws_array_regs_pkg::POOL_X_LSB +: 16]));
          oy_q    <= oy_q + 16'd1;
          top_q   <= top_q + $signed({9'd0, sh});
          line_q  <= line_q + row_step_q;
          wline_q <= line_q + row_step_q;
        end
        if (tile_end) begin
          running_q <= 1'b0;
          n_q       <= n_q + 16'd1;
        end
      end
    end
  end
  assign valid_o     = real_q[3:0];
  assign candidate_o = real_q[4];
  assign first_o     = first_q[4];

  // ---- the queue ----
  logic                 row_in;
  logic [QueueBits-1:0] in_q, out_q;
  logic [QueueBits:0]   rows_q;                // in the queue, not wholly taken
  logic                 take, read_row;
  logic [128*Groups-1:0] row;
  assign row_in = last_q[Flight-1];
  bt_ram #(
    .Width(128 * Groups),
    .Depth(2 ** QueueBits)
  ) u_queue (
    .clk_i,
    .we_i   (row_in),
    .waddr_i(in_q),
    .wdata_i(best_i),
    .re_i   (read_row),
    .raddr_i(out_q),
    .rdata_o(row)
  );

  // ---- writing, stage 0: a row is read with its first beat and kept for the others ----
  logic                stage1_q, advance, last_beat, last_n;
  logic [15:0]         wn_q, woy_q, wox_q;
  logic [BeatBits-1:0] beat_q;
  logic [31:0]         n_addr_q, line_addr_q, addr_q;
  logic [7:0]          valid_cols;
  logic [9:0]          row_bytes;
  logic [5:0]          row_beats;
  assign last_n     = (wn_q == n_tiles - 16'd1);
  assign valid_cols = last_n ? n_tail : n_valid;
  assign row_bytes  = raw ? {valid_cols, 2'b00} : {2'b00, valid_cols};
  assign row_beats  = 6'((row_bytes + 10'd15) >> 4);
  assign last_beat  = (6'(beat_q) == row_beats - 6'd1);
  assign take       = (rows_q != '0) & advance;
  assign read_row   = take & (beat_q == '0);
  assign row_taken  = take & last_beat;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      in_q        <= '0;
      out_q       <= '0;
      rows_q      <= '0;
      wn_q        <= '0;
      woy_q       <= '0;
      wox_q       <= '0;
      beat_q      <= '0;
      n_addr_q    <= '0;
      line_addr_q <= '0;
      addr_q      <= '0;
    end else begin
      if (row_in) in_q <= in_q + QueueBits'(1);
      if (row_taken) out_q <= out_q + QueueBits'(1);
      rows_q <= rows_q + {{QueueBits{1'b0}}, row_in} - {{QueueBits{1'b0}}, row_taken};
      if (take_o) begin
        wn_q        <= '0;
        woy_q       <= '0;
        wox_q       <= '0;
        n_addr_q    <= desc_i[ws_array_regs_pkg::OFMAP_LSB +: 32];
        line_addr_q <= desc_i[ws_array_regs_pkg::OFMAP_LSB +: 32];
        addr_q      <= desc_i[ws_array_regs_pkg::OFMAP_LSB +: 32];
      end else if (take) begin
        beat_q <= last_beat ? '0 : beat_q + BeatBits'(1);
        if (last_beat) begin
          wox_q  <= wox_q + 16'd1;
          addr_q <= addr_q + o_pitch;
          if (wox_q == out_cols - 16'd1) begin
            wox_q       <= '0;
            woy_q       <= woy_q + 16'd1;
            line_addr_q <= line_addr_q + o_row;
            addr_q      <= line_addr_q + o_row;
            if (woy_q == out_rows - 16'd1) begin
              woy_q       <= '0;
              wn_q        <= wn_q + 16'd1;
              n_addr_q    <= n_addr_q + o_step;
              line_addr_q <= n_addr_q + o_step;
              addr_q      <= n_addr_q + o_step;
            end
          end
        end
      end
    end
  end

  // ---- stage 1: choose the beat's bytes ----
  logic [31:0]         addr1_q;
  logic [BeatBits-1:0] beat1_q;
  logic [9:0]          bytes1_q, rest;
  logic                raw1_q;
  logic [127:0]        bytes, sums, chosen, data;
  logic [128*ByteBeats-1:0] row8;
  logic [4:0]          left;
  logic [15:0]         strobe;
  logic                load2;

  for (genvar c = 0; c < 16 * ByteBeats; c++) begin : g_int8
    if (c < 4 * Beats) begin : g_col
      assign row8[8*c +: 8] = row[32*c +: 8];
    end else begin : g_col
      assign row8[8*c +: 8] = '0;
    end
  end
  if (ByteBeats > 1) begin : g_bytes
    assign bytes = row8[{beat1_q[$clog2(ByteBeats)-1:0], 7'd0} +: 128];
  end else begin : g_bytes
    assign bytes = row8;
  end
  assign sums = row[{beat1_q, 7'd0} +: 128];

  // A segment shorter than a beat may begin anywhere in it, at a multiple of its own size (the driver sees to that).
  assign rest   = bytes1_q - {{(6 - BeatBits){1'b0}}, beat1_q, 4'd0};
  assign left   = (rest > 10'd16) ? 5'd16 : rest[4:0];
  assign strobe = 16'((32'd1 << left) - 32'd1) << addr1_q[3:0];
  assign chosen = raw1_q ? sums : bytes;
  assign data   = (addr1_q[3:0] == '0) ? chosen : chosen << {addr1_q[3:0], 3'd0};

  // ---- stage 2: the bus ----
  logic         aw_q, w_q, error_q, bus_free;
  logic [31:0]  awaddr_q;
  logic [127:0] wdata_q;
  logic [15:0]  wstrb_q;
  logic [15:0]  open_q;               // writes not yet answered
  assign bus_free = (~aw_q | m_axi_awready) & (~w_q | m_axi_wready);
  assign advance  = ~stage1_q | bus_free;
  assign load2    = stage1_q & bus_free;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      stage1_q <= 1'b0;
      aw_q     <= 1'b0;
      w_q      <= 1'b0;
      open_q   <= '0;
      error_q  <= 1'b0;
    end else begin
      if (advance) stage1_q <= take;
      if (load2) begin
        aw_q <= 1'b1;
        w_q  <= 1'b1;
      end else begin
        if (m_axi_awready) aw_q <= 1'b0;
        if (m_axi_wready) w_q <= 1'b0;
      end
      open_q <= open_q + {15'd0, load2} - {15'd0, m_axi_bvalid};
      if (start_i) error_q <= 1'b0;
      else if (m_axi_bvalid && m_axi_bresp != 2'b00) error_q <= 1'b1;
    end
  end
  always_ff @(posedge clk_i) begin
    if (take) begin
      addr1_q  <= addr_q + {{(28 - BeatBits){1'b0}}, beat_q, 4'd0};
      beat1_q  <= beat_q;
      bytes1_q <= row_bytes;
      raw1_q   <= raw;
    end
    if (load2) begin
      awaddr_q <= {addr1_q[31:4], 4'd0};
      wdata_q  <= data;
      wstrb_q  <= strobe;
    end
  end

  assign m_axi_awaddr  = awaddr_q;
  assign m_axi_awlen   = 8'd0;
  assign m_axi_awsize  = 3'd4;
  assign m_axi_awburst = 2'b01;
  assign m_axi_awvalid = aw_q;
  assign m_axi_wdata   = wdata_q;
  assign m_axi_wstrb   = wstrb_q;
  assign m_axi_wlast   = 1'b1;
  assign m_axi_wvalid  = w_q;
  assign m_axi_bready  = 1'b1;
  assign beat_o        = w_q & m_axi_wready;
  assign error_o       = error_q;
  assign idle_o        = ~active_q & room_q[QueueBits] & ~stage1_q & (open_q == '0) & (waiting_q == '0);

  logic unused;
  assign unused = ^{ofmap, at[31:AccRowBits]};
endmodule
