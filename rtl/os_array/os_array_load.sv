// Everything that is read from DRAM, in order: descriptor, activation table, and per block of ofmap rows the ifmap window
// and then each filter tile's weights with its parameter records. Two halves of either buffer: the next window or tile is
// loaded while the array works on the last.
module os_array_load #(
  parameter int unsigned Rows = 16,
  parameter int unsigned Cols = 16,
  parameter int unsigned Vec = 16,
  parameter int unsigned WeightRow = 16,
  parameter int unsigned IbufBytes = 65536,
  parameter int unsigned WbufK = 4608,
  localparam int unsigned IbufAddrBits = $clog2(IbufBytes / 16)
) (
  input  logic          clk_i,
  input  logic          rst_ni,
  input  logic          start_i,        // fetch the descriptor at desc_addr_i
  input  logic [31:0]   desc_addr_i,
  output logic [1023:0] desc_o,
  output logic          accepted_o,     // one cycle: the descriptor is legal, work begins
  output logic          rejected_o,     // one cycle: it is not, or the memory failed; error_o says why
  output logic [7:0]    error_o,
  // progress, counted from the descriptor's start
  output logic [23:0]   windows_o,      // ifmap windows in the buffer so far
  output logic [23:0]   tiles_o,        // weight tiles in the buffer so far
  input  logic          window_free_i,  // one cycle: the oldest window is no longer needed
  input  logic          tile_free_i,
  // writes into the buffers
  output logic          beat_o,
  output logic [127:0]  data_o,
  output logic          to_ibuf_o,
  output logic          ibuf_half_o,
  output logic [IbufAddrBits-1:0] ibuf_word_o,
  output logic          to_wbuf_o,
  output logic          to_param_o,
  output logic          wbuf_half_o,
  output logic          tile_begin_o,   // one cycle before the first beat of a weight tile can arrive
  output logic [7:0]    param_col_o,
  output logic          to_table_o,
  output logic [3:0]    table_word_o,
  // AXI4 read channels
  output logic [31:0]   m_axi_araddr,
  output logic [7:0]    m_axi_arlen,
  output logic [2:0]    m_axi_arsize,
  output logic [1:0]    m_axi_arburst,
  output logic          m_axi_arvalid,
  input  logic          m_axi_arready,
  input  logic [127:0]  m_axi_rdata,
  input  logic [1:0]    m_axi_rresp,
  input  logic          m_axi_rlast,
  input  logic          m_axi_rvalid,
  output logic          m_axi_rready
);
  typedef enum logic [3:0] {
    StIdle, StDesc, StCheck, StTable, StWindow, StWindowWait, StTile, StTileWait
  } state_e;

  state_e        state_q, state_d;
  logic [1023:0] desc_q;
  logic [31:0]   sum_q;              // XOR of the words so far
  logic [23:0]   beat_q;             // beats of the running transfer that have arrived
  logic          dma_start, dma_done, dma_error, beat;
  logic [31:0]   dma_addr;
  logic [23:0]   dma_beats;
  logic [127:0]  data;
  logic [7:0]    error;

  // ---- descriptor ----
  logic [31:0] ifmap, weights, image_bytes, window_bytes, y_block, weight_beats, k_cycles;
  logic [15:0] blocks, n_tiles;
  logic        resident, has_table;
  assign ifmap        = desc_q[os_array_regs_pkg::IFMAP_LSB +: 32];
  assign weights      = desc_q[os_array_regs_pkg::WEIGHTS_LSB +: 32];
  assign image_bytes  = desc_q[os_array_regs_pkg::IMAGE_BYTES_LSB +: 32];
  assign window_bytes = desc_q[os_array_regs_pkg::WINDOW_BYTES_LSB +: 32];
  assign y_block      = desc_q[os_array_regs_pkg::Y_BLOCK_LSB +: 32];
  assign weight_beats = desc_q[os_array_regs_pkg::WEIGHT_BEATS_LSB +: 32];
  assign k_cycles     = desc_q[os_array_regs_pkg::K_CYCLES_LSB +: 32];
  assign blocks       = desc_q[os_array_regs_pkg::BLOCKS_LSB +: 16];
  assign n_tiles      = desc_q[os_array_regs_pkg::N_TILES_LSB +: 16];
  assign resident     = desc_q[os_array_regs_pkg::RESIDENT_LSB];
  assign has_table    = desc_q[os_array_regs_pkg::TABLE_LSB];

  logic bad_magic, bad_align, bad_size;
  logic [42:0] reserved;
  assign reserved  = {desc_q[32*30 +: 32], desc_q[os_array_regs_pkg::FLAGS_ZERO_LSB +: 11]};
  // Worked out in the one cycle in which it matters; that is for simulation speed and costs an AND.
  always_comb begin
    bad_magic = 1'b0;
    bad_align = 1'b0;
    bad_size  = 1'b0;
    if (state_q == StCheck) begin
      bad_magic = (desc_q[os_array_regs_pkg::FLAGS_MAGIC_LSB +: 16] != 16'(os_array_regs_pkg::DESC_MAGIC)) | (reserved != '0);
      bad_align = (ifmap[3:0] != '0) | (weights[3:0] != '0) | (desc_q[os_array_regs_pkg::OFMAP_LSB +: 4] != '0) |
                       (desc_q[os_array_regs_pkg::TABLE_ADDR_LSB +: 4] != '0) | (desc_q[os_array_regs_pkg::O_PITCH_LSB +: 4] != '0);
      bad_size  =
        (desc_q[os_array_regs_pkg::OW_LSB +: 16] == '0) | (desc_q[os_array_regs_pkg::RUNS_X_LSB +: 16] == '0) | (desc_q[os_array_regs_pkg::RUNS_Y_LSB +: 16] == '0) |
        (desc_q[os_array_regs_pkg::RUN_WORDS_LSB +: 16] == '0) | (n_tiles == '0) | (blocks == '0) |
        (desc_q[os_array_regs_pkg::GROUP_TILES_LSB +: 16] == '0) | (desc_q[os_array_regs_pkg::TILES_LSB +: 16] == '0) | (desc_q[os_array_regs_pkg::TILES_TAIL_LSB +: 16] == '0) |
        (desc_q[os_array_regs_pkg::N_VALID_LSB +: 8] == '0) | (desc_q[os_array_regs_pkg::N_VALID_LSB +: 8] > 8'(Cols)) |
        (desc_q[os_array_regs_pkg::N_TAIL_LSB +: 8] == '0) | (desc_q[os_array_regs_pkg::N_TAIL_LSB +: 8] > desc_q[os_array_regs_pkg::N_VALID_LSB +: 8]) |
        (desc_q[os_array_regs_pkg::ROWS_LAST_LSB +: 8] == '0) | (desc_q[os_array_regs_pkg::ROWS_LAST_LSB +: 8] > 8'(Rows)) |
        (desc_q[os_array_regs_pkg::ROWS_TAIL_LSB +: 8] == '0) | (desc_q[os_array_regs_pkg::ROWS_TAIL_LSB +: 8] > 8'(Rows)) |
        (k_cycles == '0) | (k_cycles > WbufK) | ((k_cycles & (Vec - 1)) != '0) |
        (weight_beats != k_cycles / 16 * WeightRow + Cols) |
        (window_bytes == '0) | (window_bytes > IbufBytes) | (resident & (n_tiles > 16'd2));
    end
  end
  always_comb begin
    error = 8'(os_array_regs_pkg::ERR_NONE);
    if (dma_error) error = 8'(os_array_regs_pkg::ERR_READ);
    else if (state_q == StCheck) begin
      if (bad_magic) error = 8'(os_array_regs_pkg::ERR_MAGIC);
      else if (sum_q != '0) error = 8'(os_array_regs_pkg::ERR_SUM);
      else if (bad_align) error = 8'(os_array_regs_pkg::ERR_ALIGN);
      else if (bad_size) error = 8'(os_array_regs_pkg::ERR_SIZE);
    end
  end

  // ---- which window, which tile ----
  logic [15:0]        block_q, tile_q;
  logic signed [31:0] y_q;                    // first row of the block, in bytes from the ifmap's first
  logic [31:0]        tile_addr_q;
  logic [23:0]        windows_q, tiles_q;     // loaded
  logic [1:0]         windows_held_q, tiles_held_q;   // loaded or being loaded, not yet freed
  logic signed [31:0] y_end;
  logic [31:0]        from, upto;
  logic [23:0]        window_beats;
  logic               last_tile, last_block, window_go, tile_go, tile_skip, window_empty;

  assign y_end        = y_q + $signed(window_bytes);
  assign from         = y_q[31] ? '0 : y_q;
  assign upto         = y_end[31] ? '0 : (y_end > $signed(image_bytes)) ? image_bytes : y_end;
  assign window_empty = (upto <= from);
  assign window_beats = 24'((upto + 32'd15) >> 4) - from[27:4];
  assign last_tile    = (tile_q == n_tiles - 16'd1);
  assign last_block   = (block_q == blocks - 16'd1);
  assign window_go    = (state_q == StWindow) & (windows_held_q != 2'd2);
  assign tile_skip    = resident & (block_q != '0);
  assign tile_go      = (state_q == StTile) & ~tile_skip & (tiles_held_q != 2'd2);

  // ---- transfers ----
  always_comb begin
    dma_start = 1'b0;
    dma_addr  = desc_addr_i;
    dma_beats = 24'd8;
    unique case (state_q)
      StIdle: dma_start = start_i;
      StCheck: begin
        dma_start = (error == '0) & has_table;
        dma_addr  = desc_q[os_array_regs_pkg::TABLE_ADDR_LSB +: 32];
        dma_beats = 24'd16;
      end
      StWindow: begin
        dma_start = window_go & ~window_empty;
        dma_addr  = ifmap + {from[31:4], 4'd0};
        dma_beats = window_beats;
      end
      StTile: begin
        dma_start = tile_go;
        dma_addr  = tile_addr_q;
        dma_beats = weight_beats[23:0];
      end
      default: dma_start = 1'b0;
    endcase
  end

  bt_axi_read u_read (
    .clk_i,
    .rst_ni,
    .start_i(dma_start),
    .addr_i (dma_addr),
    .beats_i(dma_beats),
    .rows_i (16'd1),
    .pitch_i('0),
    .beat_o (beat),
    .data_o (data),
    .done_o (dma_done),
    .error_o(dma_error),
    .m_axi_araddr,
    .m_axi_arlen,
    .m_axi_arsize,
    .m_axi_arburst,
    .m_axi_arvalid,
    .m_axi_arready,
    .m_axi_rdata,
    .m_axi_rresp,
    .m_axi_rlast,
    .m_axi_rvalid,
    .m_axi_rready
  );

  // ---- sequence ----
  always_comb begin
    state_d = state_q;
    unique case (state_q)
      StIdle:       if (start_i) state_d = StDesc;
      StDesc:       if (dma_done) state_d = StCheck;
      StCheck:      state_d = (error != '0) ? StIdle : has_table ? StTable : StWindow;
      StTable:      if (dma_done) state_d = dma_error ? StIdle : StWindow;
      StWindow:     if (window_go) state_d = window_empty ? StTile : StWindowWait;
      StWindowWait: if (dma_done) state_d = dma_error ? StIdle : StTile;
      StTile:       if (tile_skip) state_d = last_block ? StIdle : StWindow;
                    else if (tile_go) state_d = StTileWait;
      StTileWait:   if (dma_done) state_d = dma_error ? StIdle : !last_tile ? StTile : last_block ? StIdle : StWindow;
      default:      state_d = StIdle;
    endcase
  end

  logic window_in, tile_in, block_end;
  assign window_in = (window_go & window_empty) | ((state_q == StWindowWait) & dma_done);
  assign tile_in   = (state_q == StTileWait) & dma_done;
  assign block_end = (tile_in & last_tile) | ((state_q == StTile) & tile_skip);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q        <= StIdle;
      desc_q         <= '0;
      sum_q          <= '0;
      beat_q         <= '0;
      block_q        <= '0;
      tile_q         <= '0;
      y_q            <= '0;
      tile_addr_q    <= '0;
      windows_q      <= '0;
      tiles_q        <= '0;
      windows_held_q <= '0;
      tiles_held_q   <= '0;
    end else begin
      state_q <= state_d;
      if (dma_start) beat_q <= '0;
      else if (beat) beat_q <= beat_q + 24'd1;

      if (state_q == StIdle) begin
        if (start_i) sum_q <= '0;
      end
      if (state_q == StDesc && beat) begin
        desc_q[{beat_q[2:0], 7'd0} +: 128] <= data;
        sum_q <= sum_q ^ data[31:0] ^ data[63:32] ^ data[95:64] ^ data[127:96];
      end
      if (state_q == StCheck) begin
        block_q        <= '0;
        tile_q         <= '0;
        y_q            <= $signed(desc_q[os_array_regs_pkg::Y_START_LSB +: 32]);
        tile_addr_q    <= weights;
        windows_q      <= '0;
        tiles_q        <= '0;
        windows_held_q <= '0;
        tiles_held_q   <= '0;
      end else begin
        if (window_in) windows_q <= windows_q + 24'd1;
        windows_held_q <= windows_held_q + {1'b0, window_go} - {1'b0, window_free_i};
        tiles_held_q   <= tiles_held_q + {1'b0, tile_go} - {1'b0, tile_free_i & ~resident};
        if (tile_in) begin
          tiles_q     <= tiles_q + 24'd1;
          tile_q      <= tile_q + 16'd1;
          tile_addr_q <= tile_addr_q + {weight_beats[27:0], 4'd0};
        end
        if (block_end) begin
          block_q     <= block_q + 16'd1;
          y_q         <= y_q + $signed(y_block);
          tile_q      <= '0;
          tile_addr_q <= weights;
        end
      end
    end
  end

  assign desc_o     = desc_q;
  assign accepted_o = (state_q == StCheck) & (error == '0);
  assign rejected_o = ((state_q == StCheck) & (error != '0)) | (dma_done & dma_error & (state_q != StDesc));
  assign error_o    = error;
  assign windows_o  = windows_q;
  assign tiles_o    = tiles_q;

  // ---- where a beat goes ----
  logic [23:0] weight_only;
  assign weight_only  = weight_beats[23:0] - 24'(Cols);
  assign beat_o       = beat;
  assign data_o       = data;
  assign to_ibuf_o    = beat & (state_q == StWindowWait);
  assign ibuf_half_o  = block_q[0];
  assign ibuf_word_o  = from[4 +: IbufAddrBits] + beat_q[IbufAddrBits-1:0];
  assign to_wbuf_o    = beat & (state_q == StTileWait) & (beat_q < weight_only);
  assign to_param_o   = beat & (state_q == StTileWait) & (beat_q >= weight_only);
  assign wbuf_half_o  = tiles_q[0];
  assign tile_begin_o = tile_go;
  assign param_col_o  = beat_q[7:0] - weight_only[7:0];
  assign to_table_o   = beat & (state_q == StTable);
  assign table_word_o = beat_q[3:0];
endmodule
