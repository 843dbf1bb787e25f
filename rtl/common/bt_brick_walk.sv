// Passes of the DaDianNao family: a pass is one item of the weight stream over all pixels of a band, one step per cycle. For
// each step every tile has the rows of its window looked up in the row table: where their bricks lie in the ifmap memory, and
// whether that is padding. What follows has a fixed latency and never waits:
//   0 a step is issued, its rows are looked up   1 addresses   2 bricks   3 products and their sums   4 accumulation
// A pass is over when its last result is in the ofmap memory; only then the next one begins.
module bt_brick_walk #(
  parameter int unsigned Tiles = 4,
  parameter int unsigned Window = 1,       // rows that a tile sees at once: lookahead + 1
  parameter int unsigned BrickBits = 16,   // of the ifmap memory's bricks, both halves
  parameter int unsigned StepBits = 6,
  parameter int unsigned PixelBits = 10,
  parameter int unsigned TableBits = 11,
  parameter int unsigned CountBits = 11
) (
  input  logic          clk_i,
  input  logic          rst_ni,
  input  logic          start_i,           // the descriptor is accepted
  input  logic          abort_i,
  input  logic [1023:0] desc_i,
  // loader
  input  logic [31:0]   items_i,
  input  logic [15:0]   windows_i,
  output logic [31:0]   items_done_o,
  output logic [15:0]   bands_done_o,
  input  logic [33:0]   window_row_i,
  input  logic [127:0]  data_i,
  input  logic          to_rows_i,
  input  logic [TableBits-2:0] rows_beat_i,
  input  logic          head_i,
  input  logic          item_half_i,
  input  logic          item_set_i,
  input  logic [StepBits:0] step_i,
  input  logic          begin_i,
  input  logic [16*Tiles-1:0] base_i,
  input  logic          end_i,
  input  logic [CountBits-1:0] effectual_i,
  input  logic [CountBits-1:0] ahead_i,
  input  logic [CountBits-1:0] aside_i,
  // first bricks of the tiles, of the records in use
  input  logic [16*Tiles-1:0] tile_brick_i,
  output logic          set_o,             // records in use
  // write-back
  input  logic [15:0]   bands_stored_i,
  output logic          band_o,            // one cycle: a band is complete
  output logic          out_half_o,
  output logic          out_begin_o,       // one cycle: a pass begins
  // to the tiles
  output logic          valid1_o,
  output logic [BrickBits*Tiles*Window-1:0] brick1_o,
  output logic [Tiles*Window-1:0] inside1_o,
  output logic          valid2_o,
  output logic [StepBits:0] step2_o,
  output logic          valid3_o,
  output logic          first3_o,          // step of a pixel
  output logic          last3_o,
  output logic          fresh3_o,          // the pass begins the sums, ends them
  output logic          end3_o,
  output logic [PixelBits-1:0] pixel3_o,
  // counters
  output logic          filling_o,
  output logic          computing_o,
  output logic          turning_o,
  output logic          load_stall_o,
  output logic          store_stall_o,
  output logic          pass_o,
  output logic [CountBits-1:0] effectual_o,
  output logic [CountBits-1:0] ahead_o,
  output logic [CountBits-1:0] aside_o,
  output logic          idle_o
);
  localparam int unsigned Flight = 8;      // cycles from the last step until its results are in the ofmap memory

  typedef enum logic [1:0] { StIdle, StWait, StRun, StTurn } state_e;
  state_e state_q, state_d;

  logic [15:0] h, w, pad_top, pad_left, ow, bands, band_rows, tail_rows;
  logic [7:0]  stride_h, stride_w;
  logic [31:0] items, row_bricks, x_start, x_step, y_step;
  assign h          = desc_i[bt_brick_regs_pkg::H_LSB +: 16];
  assign w          = desc_i[bt_brick_regs_pkg::W_LSB +: 16];
  assign pad_top    = desc_i[bt_brick_regs_pkg::PAD_TOP_LSB +: 16];
  assign pad_left   = desc_i[bt_brick_regs_pkg::PAD_LEFT_LSB +: 16];
  assign ow         = desc_i[bt_brick_regs_pkg::OW_LSB +: 16];
  assign bands      = desc_i[bt_brick_regs_pkg::BANDS_LSB +: 16];
  assign band_rows  = desc_i[bt_brick_regs_pkg::BAND_ROWS_LSB +: 16];
  assign tail_rows  = desc_i[bt_brick_regs_pkg::TAIL_ROWS_LSB +: 16];
  assign stride_h   = desc_i[bt_brick_regs_pkg::STRIDE_H_LSB +: 8];
  assign stride_w   = desc_i[bt_brick_regs_pkg::STRIDE_W_LSB +: 8];
  assign items      = desc_i[bt_brick_regs_pkg::ITEMS_LSB +: 32];
  assign row_bricks = desc_i[bt_brick_regs_pkg::ROW_BRICKS_LSB +: 32];
  assign x_start    = desc_i[bt_brick_regs_pkg::X_START_LSB +: 32];
  assign x_step     = desc_i[bt_brick_regs_pkg::X_STEP_LSB +: 32];
  assign y_step     = desc_i[bt_brick_regs_pkg::Y_STEP_LSB +: 32];

  // ---- what the loader leaves: of each half its steps and kind, of each step its rows and what it is worth ----
  logic [StepBits:0] steps0_q, steps1_q;
  logic [1:0]        first_q, end_q, sets_q;
  logic [16*Tiles-1:0]    base_mem [2 << StepBits];
  logic [3*CountBits-1:0] worth_mem [2 << StepBits];
  logic [63:0]            even_mem [1 << (TableBits - 1)];
  logic [63:0]            odd_mem [1 << (TableBits - 1)];
  always_ff @(posedge clk_i) begin
    if (head_i) begin
      if (item_half_i) steps1_q <= data_i[bt_brick_regs_pkg::HEAD_STEPS_LSB +: StepBits + 1];
      else steps0_q <= data_i[bt_brick_regs_pkg::HEAD_STEPS_LSB +: StepBits + 1];
      first_q[item_half_i] <= data_i[bt_brick_regs_pkg::HEAD_FIRST_LSB];
      end_q[item_half_i]   <= data_i[bt_brick_regs_pkg::HEAD_END_LSB];
      sets_q[item_half_i]  <= item_set_i;
    end
    if (begin_i) base_mem[step_i] <= base_i;
    if (end_i) worth_mem[step_i] <= {aside_i, ahead_i, effectual_i};
    if (to_rows_i) begin
      even_mem[rows_beat_i] <= data_i[63:0];
      odd_mem[rows_beat_i]  <= data_i[127:64];
    end
  end

  // ---- passes, pixels, steps ----
  logic [31:0]        pass_q, item_q;       // passes done; item of the band
  logic [15:0]        band_q, ox_q, oy_q;
  logic [PixelBits-1:0] pixel_q;
  logic [StepBits:0]  step_q, steps;
  logic signed [31:0] top_q, y_q;           // ifmap row under the band's first row, under this one
  logic signed [31:0] x_q;
  logic [31:0]        line_q, at_q, line_first;   // brick of the window's corner, of the row's first window
  logic [3:0]         flight_q;
  logic               half, any_q, operands, room, go, issue, last_step, row_last, pixel_last, retire, last_item, last_band;
  logic [15:0]        rows;
  logic signed [31:0] above;

  assign half       = pass_q[0];
  assign steps      = half ? steps1_q : steps0_q;
  assign rows       = last_band ? tail_rows : band_rows;
  assign last_band  = (band_q == bands - 16'd1);
  assign last_item  = (item_q == items - 32'd1);
  assign operands   = (items_i != pass_q) & (windows_i > band_q);
  assign room       = (17'(band_q) < 17'(bands_stored_i) + 17'd2);
  assign go         = (state_q == StWait) & operands & room;
  assign issue      = (state_q == StRun);
  assign last_step  = (step_q == steps - (StepBits + 1)'(1));
  assign row_last   = (ox_q == ow - 16'd1);
  assign pixel_last = row_last & (oy_q == rows - 16'd1);
  assign retire     = (state_q == StTurn) & (flight_q == '0) & ~abort_i;
  // The half's first row is the first one that is not in the padding: the corner may lie above it.
  assign above      = top_q - $signed({15'd0, band_q[0] ? window_row_i[33:17] : window_row_i[16:0]});
  assign line_first = x_start + $unsigned(above) * row_bricks;

  always_comb begin
    state_d = state_q;
    unique case (state_q)
      StIdle:  if (start_i) state_d = StWait;
      StWait:  if (go) state_d = StRun;
      StRun:   if (last_step && pixel_last) state_d = StTurn;
      StTurn:  if (retire) state_d = (last_item && last_band) ? StIdle : StWait;
      default: state_d = StIdle;
    endcase
    if (abort_i) state_d = StIdle;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q  <= StIdle;
      any_q    <= 1'b0;
      pass_q   <= '0;
      item_q   <= '0;
      band_q   <= '0;
      ox_q     <= '0;
      oy_q     <= '0;
      pixel_q  <= '0;
      step_q   <= '0;
      top_q    <= '0;
      y_q      <= '0;
      x_q      <= '0;
      line_q   <= '0;
      at_q     <= '0;
      flight_q <= '0;
    end else begin
      state_q <= state_d;
      if (start_i) begin
        any_q  <= 1'b0;
        pass_q <= '0;
        item_q <= '0;
        band_q <= '0;
        top_q  <= -$signed({16'd0, pad_top});
      end
      if (go) begin
        any_q   <= 1'b1;
        ox_q    <= '0;
        oy_q    <= '0;
        pixel_q <= '0;
        step_q  <= '0;
        y_q     <= top_q;
        x_q     <= -$signed({16'd0, pad_left});
        line_q  <= line_first;
        at_q    <= line_first;
      end
      if (issue) begin
        step_q <= last_step ? '0 : step_q + (StepBits + 1)'(1);
        if (last_step) begin
          pixel_q <= pixel_q + PixelBits'(1);
          ox_q    <= row_last ? '0 : ox_q + 16'd1;
          x_q     <= row_last ? -$signed({16'd0, pad_left}) : x_q + $signed({24'd0, stride_w});
          at_q    <= row_last ? line_q + y_step : at_q + x_step;
          if (row_last) begin
            oy_q   <= oy_q + 16'd1;
            y_q    <= y_q + $signed({24'd0, stride_h});
            line_q <= line_q + y_step;
          end
        end
        flight_q <= 4'(Flight - 1);
      end else if (state_q == StTurn) begin
        flight_q <= flight_q - 4'd1;
      end
      if (retire) begin
        pass_q <= pass_q + 32'd1;
        item_q <= last_item ? '0 : item_q + 32'd1;
        if (last_item) begin
          band_q <= band_q + 16'd1;
          top_q  <= top_q + $signed({8'd0, 24'(band_rows) * 24'(stride_h)});
        end
      end
    end
  end

  // ---- the rows of a step, then where their bricks are ----
  logic               valid1_q, valid2_q, valid3_q;
  logic [StepBits:0]  step0, step1_q, step2_q;
  logic               first1_q, last1_q, first2_q, last2_q, first3_q, last3_q;
  logic [PixelBits-1:0] pixel1_q, pixel2_q, pixel3_q;
  logic [16*Tiles-1:0] base0;
  logic [3*CountBits-1:0] worth0;
  logic [BrickBits*Tiles*Window-1:0] brick1_q;
  logic [Tiles*Window-1:0] inside1_q;
  assign step0  = {half, step_q[StepBits-1:0]};
  assign base0  = base_mem[step0];
  assign worth0 = issue ? worth_mem[step0] : '0;
  assign {aside_o, ahead_o, effectual_o} = worth0;

  for (genvar t = 0; t < Tiles; t++) begin : g_tile
    for (genvar r = 0; r < Window; r++) begin : g_row
      logic [TableBits-1:0] index;
      logic [63:0]          entry;
      logic [31:0]          brick;
      logic signed [31:0]   y, x;
      assign index = TableBits'(base0[16*t +: 16]) + TableBits'(r);
      assign entry = index[0] ? odd_mem[index[TableBits-1:1]] : even_mem[index[TableBits-1:1]];
      assign brick = at_q + entry[bt_brick_regs_pkg::ENTRY_BRICK_LSB +: 32] + {16'd0, tile_brick_i[16*t +: 16]};
      assign y     = y_q + $signed({16'd0, entry[bt_brick_regs_pkg::ENTRY_Y_LSB +: 16]});
      assign x     = x_q + $signed({16'd0, entry[bt_brick_regs_pkg::ENTRY_X_LSB +: 16]});
      always_ff @(posedge clk_i) begin
        if (issue) begin
          brick1_q[BrickBits*(Window*t + r) +: BrickBits] <= {band_q[0], brick[BrickBits-2:0]};
          inside1_q[Window*t + r] <= (y >= 0) & (y < $signed({16'd0, h})) & (x >= 0) & (x < $signed({16'd0, w}));
        end
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid1_q <= 1'b0;
      valid2_q <= 1'b0;
      valid3_q <= 1'b0;
    end else begin
      valid1_q <= issue;
      valid2_q <= valid1_q;
      valid3_q <= valid2_q;
    end
  end
  always_ff @(posedge clk_i) begin
    step1_q  <= step0;
    step2_q  <= step1_q;
    first1_q <= (step_q == '0);
    first2_q <= first1_q;
    first3_q <= first2_q;
    last1_q  <= last_step;
    last2_q  <= last1_q;
    last3_q  <= last2_q;
    pixel1_q <= pixel_q;
    pixel2_q <= pixel1_q;
    pixel3_q <= pixel2_q;
  end

  assign valid1_o      = valid1_q;
  assign brick1_o      = brick1_q;
  assign inside1_o     = inside1_q;
  assign valid2_o      = valid2_q;
  assign step2_o       = step2_q;
  assign valid3_o      = valid3_q;
  assign first3_o      = first3_q;
  assign last3_o       = last3_q;
  assign pixel3_o      = pixel3_q;
  assign fresh3_o      = first_q[half];    // constant while steps of the pass are under way
  assign end3_o        = end_q[half];
  assign set_o         = sets_q[half];
  assign out_half_o    = band_q[0];
  assign out_begin_o   = go;
  assign band_o        = retire & last_item;
  assign items_done_o  = pass_q;
  assign bands_done_o  = band_q;
  assign idle_o        = (state_q == StIdle);
  assign filling_o     = (state_q == StWait) & ~any_q;
  assign computing_o   = issue;
  assign turning_o     = (state_q == StTurn) | go;
  assign load_stall_o  = (state_q == StWait) & ~operands;
  assign store_stall_o = (state_q == StWait) & operands & ~room;
  assign pass_o        = retire;
endmodule
