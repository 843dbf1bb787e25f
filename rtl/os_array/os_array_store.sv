// Writes the result buffer to DRAM, pixel by pixel in the order of the tiles: every pixel's channels of one filter tile
// are one or more single-beat bursts, because the next pixel's lie a whole pixel pitch away. A slot is given back when
// its last row has been taken.
module os_array_store #(
  parameter int unsigned Rows = 16,
  parameter int unsigned ColGroups = 4,
  parameter int unsigned SlotBits = 2,
  parameter int unsigned RowBits = 4
) (
  input  logic          clk_i,
  input  logic          rst_ni,
  input  logic [1023:0] desc_i,
  input  logic          start_i,
  input  logic          available_i,     // one cycle: a tile's rows begin to arrive, one per cycle
  output logic          slot_free_o,
  output logic          read_o,
  output logic [SlotBits+RowBits-1:0] read_addr_o,
  input  logic [128*ColGroups-1:0]    read_i,
  output logic          idle_o,          // everything written and answered
  output logic          error_o,         // sticky until the next start
  output logic          beat_o,
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
  localparam int unsigned Beats = ColGroups;                   // of a row of raw sums
  localparam int unsigned ByteBeats = (Beats + 3) / 4;         // of a row of int8
  localparam int unsigned BeatBits = (Beats > 1) ? $clog2(Beats) : 1;

  logic [31:0] ofmap, o_block, o_pitch, o_step;
  logic [15:0] n_tiles, blocks, tiles, tiles_tail;
  logic [7:0]  n_valid, n_tail, rows_last, rows_tail;
  logic        raw;
  assign ofmap      = desc_i[os_array_regs_pkg::OFMAP_LSB +: 32];
  assign o_block    = desc_i[os_array_regs_pkg::O_BLOCK_LSB +: 32];
  assign o_pitch    = desc_i[os_array_regs_pkg::O_PITCH_LSB +: 32];
  assign o_step     = desc_i[os_array_regs_pkg::O_STEP_LSB +: 32];
  assign n_tiles    = desc_i[os_array_regs_pkg::N_TILES_LSB +: 16];
  assign blocks     = desc_i[os_array_regs_pkg::BLOCKS_LSB +: 16];
  assign tiles      = desc_i[os_array_regs_pkg::TILES_LSB +: 16];
  assign tiles_tail = desc_i[os_array_regs_pkg::TILES_TAIL_LSB +: 16];
  assign n_valid    = desc_i[os_array_regs_pkg::N_VALID_LSB +: 8];
  assign n_tail     = desc_i[os_array_regs_pkg::N_TAIL_LSB +: 8];
  assign rows_last  = desc_i[os_array_regs_pkg::ROWS_LAST_LSB +: 8];
  assign rows_tail  = desc_i[os_array_regs_pkg::ROWS_TAIL_LSB +: 8];
  assign raw        = desc_i[os_array_regs_pkg::RAW_LSB];

  // ---- the walk: block, filter tile, pixel tile, row, beat ----
  logic [SlotBits:0]   waiting_q;           // tiles available and not finished
  logic [15:0]         block_q, n_q, tile_q;
  logic [7:0]          row_q;
  logic [BeatBits-1:0] beat_q;
  logic [SlotBits-1:0] slot_q;
  logic [31:0]         block_addr_q, n_addr_q, addr_q;
  logic                tail_block, last_tile, last_n, last_row, last_beat, take, advance;
  logic [7:0]          valid_cols, rows;
  logic [9:0]          row_bytes;
  logic [5:0]          row_beats;

  assign tail_block = (block_q == blocks - 16'd1);
  assign last_n     = (n_q == n_tiles - 16'd1);
  assign last_tile  = (tile_q == (tail_block ? tiles_tail : tiles) - 16'd1);
  assign rows       = !last_tile ? 8'(Rows) : tail_block ? rows_tail : rows_last;
  assign valid_cols = last_n ? n_tail : n_valid;
  assign row_bytes  = raw ? {valid_cols, 2'b00} : {2'b00, valid_cols};
  assign row_beats  = 6'((row_bytes + 10'd15) >> 4);
  assign last_beat  = (6'(beat_q) == row_beats - 6'd1);

  assign last_row   = (row_q == rows - 8'd1);

  // ---- stage 0: a row is read with its first beat and kept for the others ----
  logic stage1_q;
  assign take        = (waiting_q != '0) & advance;
  assign read_o      = take & (beat_q == '0);
  assign read_addr_o = {slot_q, row_q[RowBits-1:0]};
  assign slot_free_o = take & last_beat & last_row;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      waiting_q    <= '0;
      block_q      <= '0;
      n_q          <= '0;
      tile_q       <= '0;
      row_q        <= '0;
      beat_q       <= '0;
      slot_q       <= '0;
      block_addr_q <= '0;
      n_addr_q     <= '0;
      addr_q       <= '0;
    end else begin
      waiting_q <= waiting_q + {{SlotBits{1'b0}}, available_i} - {{SlotBits{1'b0}}, slot_free_o};
      if (start_i) begin
        block_q      <= '0;
        n_q          <= '0;
        tile_q       <= '0;
        block_addr_q <= ofmap;
        n_addr_q     <= ofmap;
        addr_q       <= ofmap;
      end else if (take) begin
        beat_q <= last_beat ? '0 : beat_q + BeatBits'(1);
        if (last_beat) begin
          addr_q <= addr_q + o_pitch;
          row_q  <= row_q + 8'd1;
          if (last_row) begin
            row_q  <= '0;
            slot_q <= slot_q + SlotBits'(1);
            tile_q <= tile_q + 16'd1;
            if (last_tile) begin
              tile_q <= '0;
              n_q    <= n_q + 16'd1;
              n_addr_q <= n_addr_q + o_step;
              addr_q   <= n_addr_q + o_step;
              if (last_n) begin
                n_q          <= '0;
                block_q      <= block_q + 16'd1;
                block_addr_q <= block_addr_q + o_block;
                n_addr_q     <= block_addr_q + o_block;
                addr_q       <= block_addr_q + o_block;
              end
            end
          end
        end
      end
    end
  end

  // ---- stage 1: choose the beat's bytes ----
  logic [31:0]         addr1_q;
  logic [BeatBits-1:0] beat1_q;
  logic [9:0]          bytes1_q;
  logic                raw1_q;
  logic [127:0]        bytes, sums, chosen, data;
  logic [128*ByteBeats-1:0] row_bytes8;
  logic [9:0]          rest;
  logic [4:0]          left;
  logic [15:0]         strobe;
  logic                load2;

  for (genvar c = 0; c < 16 * ByteBeats; c++) begin : g_int8
    if (c < 4 * Beats) begin : g_col
      assign row_bytes8[8*c +: 8] = read_i[32*c +: 8];
    end else begin : g_col
      assign row_bytes8[8*c +: 8] = '0;
    end
  end
  if (ByteBeats > 1) begin : g_bytes
    assign bytes = row_bytes8[{beat1_q[$clog2(ByteBeats)-1:0], 7'd0} +: 128];
  end else begin : g_bytes
    assign bytes = row_bytes8;
  end
  if (Beats > 1) begin : g_sums
    assign sums = read_i[{beat1_q, 7'd0} +: 128];
  end else begin : g_sums
    assign sums = read_i;
  end

  // A segment shorter than a beat may begin anywhere in it, at a multiple of its own size (the driver sees to that).
  assign rest   = bytes1_q - {{(6 - BeatBits){1'b0}}, beat1_q, 4'd0};
  assign left   = (rest > 10'd16) ? 5'd16 : rest[4:0];
  assign strobe = 16'((32'd1 << left) - 32'd1) << addr1_q[3:0];
  assign chosen = raw1_q ? sums : bytes;
  assign data   = (addr1_q[3:0] == '0) ? chosen : chosen << {addr1_q[3:0], 3'd0};

  // ---- stage 2: the bus ----
  logic         aw_q, w_q;
  logic [31:0]  awaddr_q;
  logic [127:0] wdata_q;
  logic [15:0]  wstrb_q;
  logic [15:0]  open_q;               // writes not yet answered
  logic         error_q, bus_free;

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
  assign idle_o        = (waiting_q == '0) & ~stage1_q & (open_q == '0);
endmodule
