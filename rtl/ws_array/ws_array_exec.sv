// Walks one tile of the ofmap and feeds the mesh, one pass after another without a gap while operands and an accumulator
// half are there. A pass is one word (DIM bytes) of the reduction: DIM rows of weights are read from the scratchpad in its
// first cycles, and at the same time one vector of DIM ifmap bytes per pixel, straight from the NHWC window: no im2col copy
// exists anywhere. What lies in the padding, or beyond the run, reads as the zero point.
//   Weight stationary (preload, compute, accumulate): a pass takes all pixels of the tile, at least DIM cycles. Each row of
//   weights is in its place one cycle before the first activation meets it, so that the preload hides behind the pass that
//   it belongs to.
//   Output stationary: a pass takes DIM pixels; their vectors are turned into the array through the transposer, each row of
//   the array one pixel; the passes of one group of pixels follow each other, their sums leave once.
//
// A cycle of a pass is stage 0. The scratchpad answers in stage 1 (weights) and 2 (bytes), row 0 of the mesh sees the
// activation in stage 3, and a result of column group 0 is at the accumulator in stage 3 + DIM.
module ws_array_exec #(
  parameter int unsigned Dim = 16,
  parameter int unsigned SpadBytes = 262144,
  parameter int unsigned AccRowBits = 9,
  localparam int unsigned BeatBits = ws_array_pkg::beat_bits(SpadBytes),
  localparam int unsigned RowAddrBits = ws_array_pkg::weight_row_bits(SpadBytes, Dim),
  localparam int unsigned DimBits = $clog2(Dim),
  localparam int unsigned Groups = Dim / 4
) (
  input  logic          clk_i,
  input  logic          rst_ni,
  input  logic          start_i,            // of a list
  input  logic          abort_i,            // begin no further pass
  // from the loader
  input  logic          offer_i,            // a descriptor waits
  input  logic [1023:0] desc_i,
  output logic          take_o,
  input  logic [23:0]   windows_i,          // loaded since the start of the list
  input  logic [23:0]   items_i,            // chunks of weights; with resident ones, sets of parameters
  output logic          window_free_o,
  output logic          chunk_free_o,
  // to the store engine
  output logic          offer_o,
  output logic [1023:0] desc_o,
  input  logic          take_i,
  input  logic          half_free_i,
  output logic          tile_o,             // one cycle: all sums of a filter tile are in the accumulator
  // scratchpad
  output logic [2:0]    ifmap_banks_o,
  output logic          read_ifmap_o,
  output logic [BeatBits+3:0] byte_o,
  input  logic [8*Dim-1:0]    ifmap_i,      // two cycles later
  output logic          read_weights_o,
  output logic [RowAddrBits-1:0] weight_row_o,
  // mesh
  output logic          os_o,
  output logic          mark_o,
  output logic [9*Dim-1:0] act_o /*verilator split_var*/,
  output logic          load_o,             // with the scratchpad's answer
  output logic [DimBits-1:0] load_row_o,
  output logic          read_o,
  output logic [DimBits-1:0] read_row_o,
  // accumulator of group 0; the others follow one cycle each
  output logic          acc_o,
  output logic          acc_half_o,
  output logic [AccRowBits-1:0] acc_row_o,
  output logic          acc_add_o,
  // for the counters, one of them at a time
  output logic          filling_o,
  output logic          computing_o,
  output logic          load_stall_o,
  output logic          store_stall_o,
  output logic          pass_o,             // one cycle: a pass begins
  output logic          idle_o              // nothing taken, nothing under way
);
  // ---- the descriptor at work ----
  logic [1023:0]      desc_q;
  logic signed [31:0] x_start, y_start, x_end;
  logic [31:0]        x_step, y_step, kx_step, ky_step, run_bytes, group_step;
  logic [15:0]        ow, runs_x, runs_y, run_words, n_tiles, group_tiles, pixels, chunk_words, weight_slots;
  logic [7:0]         window_slots;
  logic [31:0]        window_beats;
  logic signed [7:0]  in_zp;
  logic               resident, os;
  assign x_start      = $signed(desc_q[ws_array_regs_pkg::X_START_LSB +: 32]);
  assign y_start      = $signed(desc_q[ws_array_regs_pkg::Y_START_LSB +: 32]);
  assign x_end        = $signed(desc_q[ws_array_regs_pkg::X_END_LSB +: 32]);
  assign x_step       = desc_q[ws_array_regs_pkg::X_STEP_LSB +: 32];
  assign y_step       = desc_q[ws_array_regs_pkg::Y_STEP_LSB +: 32];
  assign kx_step      = desc_q[ws_array_regs_pkg::KX_STEP_LSB +: 32];
  assign ky_step      = desc_q[ws_array_regs_pkg::KY_STEP_LSB +: 32];
  assign run_bytes    = desc_q[ws_array_regs_pkg::RUN_BYTES_LSB +: 32];
  assign group_step   = desc_q[ws_array_regs_pkg::GROUP_STEP_LSB +: 32];
  assign ow           = desc_q[ws_array_regs_pkg::OW_LSB +: 16];
  assign runs_x       = desc_q[ws_array_regs_pkg::RUNS_X_LSB +: 16];
  assign runs_y       = desc_q[ws_array_regs_pkg::RUNS_Y_LSB +: 16];
  assign run_words    = desc_q[ws_array_regs_pkg::RUN_WORDS_LSB +: 16];
  assign n_tiles      = desc_q[ws_array_regs_pkg::N_TILES_LSB +: 16];
  assign group_tiles  = desc_q[ws_array_regs_pkg::GROUP_TILES_LSB +: 16];
  assign pixels       = desc_q[ws_array_regs_pkg::PIXELS_LSB +: 16];
  assign chunk_words  = desc_q[ws_array_regs_pkg::CHUNK_WORDS_LSB +: 16];
  assign weight_slots = desc_q[ws_array_regs_pkg::WEIGHT_SLOTS_LSB +: 16];
  assign window_slots = desc_q[ws_array_regs_pkg::WINDOW_SLOTS_LSB +: 8];
  assign window_beats = desc_q[ws_array_regs_pkg::WINDOW_BEATS_LSB +: 32];
  assign in_zp        = $signed(desc_q[ws_array_regs_pkg::IN_ZP_LSB +: 8]);
  assign resident     = desc_q[ws_array_regs_pkg::RESIDENT_LSB];
  assign os           = desc_q[ws_array_regs_pkg::OS_LSB];

  // ---- the next pass ----
  logic               pending_q, handed_q, begun_q, finished_q, ready_q;
  logic               kept_q;                              // resident weights, loaded for a tile before
  logic signed [31:0] window_end_q;
  logic [15:0]        n_q, in_group_q, word_q, kx_q, ky_q, in_chunk_q, base_q;
  logic signed [31:0] channel_q, xrun_q, xoff_q, yoff_q, rest_q;
  logic [23:0]        need_windows_q, need_items_q;
  logic [1:0]         halves_q;                            // free ones
  logic               half_q;
  logic [7:0]         window_slot_q;
  logic [BeatBits-1:0] window_base_q;
  logic [15:0]        slot_q;
  logic [RowAddrBits-1:0] slot_row_q, wrow_q;
  logic               first_word, last_word, last_run, last_in_run, chunk_end, group_end, tile_begin;
  logic               last_n, operands, go;

  // ---- the running pass ----
  logic               busy_q, pass_end, lane, row;
  logic [15:0]        j_q, length;
  logic signed [31:0] run_x_q, run_y_q, run_rest_q;
  logic [15:0]        run_base_q;
  logic [RowAddrBits-1:0] run_row_q;
  logic [BeatBits-1:0] run_window_q;
  logic               run_add_q, run_emit_q, run_first_q, run_half_q, run_group_end_q, ends_chunk_q, ends_tile_q, ends_desc_q;

  assign first_word  = (word_q == '0) & (kx_q == '0) & (ky_q == '0);
  assign last_in_run = (word_q == run_words - 16'd1);
  assign last_run    = last_in_run & (kx_q == runs_x - 16'd1);
  assign last_word   = last_run & (ky_q == runs_y - 16'd1);
  assign chunk_end   = last_word | (in_chunk_q == chunk_words - 16'd1);
  assign group_end   = last_word & (!os | (17'(base_q) + 17'(Dim) >= {1'b0, pixels}));   // all pixels of the filter tile
  assign tile_begin  = first_word & (base_q == '0);
  assign last_n      = (n_q == n_tiles - 16'd1);

  // What has been waited for once stays: inside of a chunk nothing can be missing.
  assign operands = (windows_i >= need_windows_q) & (items_i >= need_items_q);
  assign go       = pending_q & ~abort_i & operands & (~tile_begin | (halves_q != '0)) & (~busy_q | pass_end);
  assign length   = (os || pixels < 16'(Dim)) ? 16'(Dim) : pixels;
  assign pass_end = busy_q & (j_q == length - 16'd1);
  assign take_o   = offer_i & ~pending_q & ~busy_q & ~handed_q & ~abort_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      pending_q      <= 1'b0;
      handed_q       <= 1'b0;
      begun_q        <= 1'b0;
      finished_q     <= 1'b0;
      ready_q        <= 1'b0;
      kept_q         <= 1'b0;
      window_end_q   <= '0;
      n_q            <= '0;
      in_group_q     <= '0;
      word_q         <= '0;
      kx_q           <= '0;
      ky_q           <= '0;
      in_chunk_q     <= '0;
      base_q         <= '0;
      channel_q      <= '0;
      xrun_q         <= '0;
      xoff_q         <= '0;
      yoff_q         <= '0;
      rest_q         <= '0;
      need_windows_q <= '0;
      need_items_q   <= '0;
      halves_q       <= 2'd2;
      half_q         <= 1'b0;
      window_slot_q  <= '0;
      window_base_q  <= '0;
      slot_q         <= '0;
      slot_row_q     <= '0;
      wrow_q         <= '0;
    end else begin
      ready_q <= operands & pending_q & ~go;
      if (take_i) handed_q <= 1'b0;
      if (pass_end && ends_desc_q && desc_q[ws_array_regs_pkg::LAST_LSB]) finished_q <= 1'b1;
      if (start_i) begin
        begun_q        <= 1'b0;
        finished_q     <= 1'b0;
        handed_q       <= 1'b0;
        pending_q      <= 1'b0;
        need_windows_q <= '0;
        need_items_q   <= '0;
        halves_q       <= 2'd2;
        half_q         <= 1'b0;
      end else begin
        halves_q <= halves_q + {1'b0, half_free_i} - {1'b0, go & tile_begin};
      end

      if (take_o) begin
        pending_q      <= 1'b1;
        handed_q       <= 1'b1;
        kept_q         <= desc_i[ws_array_regs_pkg::RESIDENT_LSB] & ~desc_i[ws_array_regs_pkg::FIRST_LSB];
        window_end_q   <= $signed(32'({desc_i[ws_array_regs_pkg::SEG_BEATS_LSB +: 16], 4'd0}) *
                                  32'(desc_i[ws_array_regs_pkg::WINDOW_ROWS_LSB +: 16]));
        need_windows_q <= need_windows_q + 24'd1;
        need_items_q   <= need_items_q + 24'd1;
        n_q            <= '0;
        in_group_q     <= '0;
        word_q         <= '0;
        kx_q           <= '0;
        ky_q           <= '0;
        in_chunk_q     <= '0;
        base_q         <= '0;
        channel_q      <= '0;
        xrun_q         <= '0;
        xoff_q         <= '0;
        yoff_q         <= '0;
        rest_q         <= $signed(desc_i[ws_array_regs_pkg::RUN_BYTES_LSB +: 32]);
        // The rings of windows and weights begin anew with a layer; resident weights lie in the same slots for every tile.
        if (desc_i[ws_array_regs_pkg::FIRST_LSB]) begin
          window_slot_q <= '0;
          window_base_q <= '0;
        end
        if (desc_i[ws_array_regs_pkg::FIRST_LSB] || desc_i[ws_array_regs_pkg::RESIDENT_LSB]) begin
          slot_q     <= '0;
          slot_row_q <= {desc_i[ws_array_regs_pkg::IFMAP_BANKS_LSB +: 2], {(RowAddrBits - 2){1'b0}}};
          wrow_q     <= {desc_i[ws_array_regs_pkg::IFMAP_BANKS_LSB +: 2], {(RowAddrBits - 2){1'b0}}};
        end
      end else if (abort_i) begin
        pending_q  <= 1'b0;         // what was handed over stays: its complete tiles are still to be written
        finished_q <= 1'b1;
      end else if (go) begin
        begun_q <= 1'b1;
        // Within a filter tile: words in order; output stationary, all of them again for the next pixels.
        wrow_q     <= wrow_q + RowAddrBits'(Dim);
        in_chunk_q <= in_chunk_q + 16'd1;
        if (!last_in_run) begin
          word_q <= word_q + 16'd1;
          xoff_q <= xoff_q + $signed(32'(Dim));
          rest_q <= rest_q - $signed(32'(Dim));
        end else begin
          word_q <= '0;
          rest_q <= $signed(run_bytes);
          if (!last_run) begin
            kx_q   <= kx_q + 16'd1;
            xrun_q <= xrun_q + $signed(kx_step);
            xoff_q <= xrun_q + $signed(kx_step);
          end else begin
            kx_q   <= '0;
            ky_q   <= ky_q + 16'd1;
            xrun_q <= channel_q;
            xoff_q <= channel_q;
            yoff_q <= yoff_q + $signed(ky_step);
          end
        end
        if (chunk_end) begin
          in_chunk_q <= '0;
          if (!last_word) need_items_q <= need_items_q + (kept_q ? 24'd0 : 24'd1);
          if (last_word && !group_end) begin
            wrow_q <= slot_row_q;
          end else if (slot_q == weight_slots - 16'd1) begin
            slot_q     <= '0;
            slot_row_q <= {ifmap_banks_o[1:0], {(RowAddrBits - 2){1'b0}}};
            wrow_q     <= {ifmap_banks_o[1:0], {(RowAddrBits - 2){1'b0}}};
          end else begin
            slot_q     <= slot_q + 16'd1;
            slot_row_q <= slot_row_q + RowAddrBits'({chunk_words, {DimBits{1'b0}}});
            wrow_q     <= slot_row_q + RowAddrBits'({chunk_words, {DimBits{1'b0}}});
          end
        end
        if (last_word) begin
          ky_q   <= '0;
          yoff_q <= '0;
          base_q <= base_q + 16'(Dim);
          if (group_end) begin
            base_q <= '0;
            half_q <= ~half_q;
            n_q    <= n_q + 16'd1;
            need_items_q <= need_items_q + 24'd1;
            if (in_group_q == group_tiles - 16'd1) begin
              in_group_q <= '0;
              channel_q  <= channel_q + $signed(group_step);
              xrun_q     <= channel_q + $signed(group_step);
              xoff_q     <= channel_q + $signed(group_step);
            end else begin
              in_group_q <= in_group_q + 16'd1;
            end
            if (last_n) begin
              pending_q    <= 1'b0;
              need_items_q <= need_items_q;     // the next descriptor asks for its own
              if (window_slot_q == window_slots - 8'd1) begin
                window_slot_q <= '0;
                window_base_q <= '0;
              end else begin
                window_slot_q <= window_slot_q + 8'd1;
                window_base_q <= window_base_q + window_beats[BeatBits-1:0];
              end
            end
          end
        end
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (take_o) desc_q <= desc_i;
  end
  assign desc_o        = desc_q;
  assign offer_o       = handed_q;
  assign ifmap_banks_o = desc_q[ws_array_regs_pkg::IFMAP_BANKS_LSB +: 3];
  assign os_o          = os;

  // ---- pixel of the lane, one after another ----
  logic [15:0]        ox_q, start_ox_q, next_ox;
  logic signed [31:0] x_q, y_q, start_x_q, start_y_q, next_x, next_y;
  always_comb begin
    if (ox_q == ow - 16'd1) begin
      next_ox = '0;
      next_x  = x_start;
      next_y  = y_q + $signed(y_step);
    end else begin
      next_ox = ox_q + 16'd1;
      next_x  = x_q + $signed(x_step);
      next_y  = y_q;
    end
  end
  always_ff @(posedge clk_i) begin
    if (busy_q) begin
      ox_q <= next_ox;
      x_q  <= next_x;
      y_q  <= next_y;
    end
    if (pass_end && run_group_end_q) begin     // the next group of pixels begins behind this one
      start_ox_q <= next_ox;
      start_x_q  <= next_x;
      start_y_q  <= next_y;
    end
    if (go) begin
      if (base_q == '0) begin
        start_ox_q <= '0;
        start_x_q  <= x_start;
        start_y_q  <= y_start;
        ox_q       <= '0;
        x_q        <= x_start;
        y_q        <= y_start;
      end else if (!(pass_end && run_group_end_q)) begin
        ox_q <= start_ox_q;
        x_q  <= start_x_q;
        y_q  <= start_y_q;
      end
    end
  end

  // ---- the pass ----
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      j_q    <= '0;
    end else begin
      if (go) busy_q <= 1'b1;
      else if (pass_end) busy_q <= 1'b0;
      if (go) j_q <= '0;
      else if (busy_q) j_q <= j_q + 16'd1;
    end
  end
  always_ff @(posedge clk_i) begin
    if (go) begin
      run_x_q         <= xoff_q;
      run_y_q         <= yoff_q;
      run_rest_q      <= rest_q;
      run_base_q      <= base_q;
      run_row_q       <= wrow_q;
      run_window_q    <= window_base_q;
      run_add_q       <= ~os & ~first_word;
      run_emit_q      <= ~os | last_word;
      run_first_q     <= first_word;
      run_half_q      <= half_q;
      run_group_end_q <= last_word;
      ends_chunk_q    <= chunk_end & ~(os & ~group_end) & ~resident;
      ends_tile_q     <= group_end;
      ends_desc_q     <= group_end & last_n;
    end else if (busy_q) begin
      run_row_q <= run_row_q + RowAddrBits'(1);
    end
  end
  assign row  = busy_q & (j_q < 16'(Dim));
  assign lane = busy_q & (17'(run_base_q) + 17'(j_q) < {1'b0, pixels});

  // ---- stage 0: address of the lane's bytes, and which of them are real ----
  logic signed [31:0] x, y, left, right, from_x, upto_x, at;
  logic               inside_y;
  logic [DimBits:0]   lo, hi;
  assign x        = x_q + run_x_q;
  assign y        = y_q + run_y_q;
  assign at       = x + y;
  assign inside_y = ~y[31] & (y < window_end_q);
  assign left     = -x;                                      // bytes before the row begins
  assign right    = x_end - x;                               // bytes until it ends
  assign from_x   = left[31] ? 32'sd0 : left;
  assign upto_x   = (right < run_rest_q) ? right : run_rest_q;
  assign lo       = (from_x > $signed(32'(Dim))) ? (DimBits + 1)'(Dim) : from_x[DimBits:0];
  assign hi       = (!inside_y || upto_x[31]) ? '0 : (upto_x > $signed(32'(Dim))) ? (DimBits + 1)'(Dim) : upto_x[DimBits:0];

  assign read_ifmap_o   = lane;
  assign byte_o         = at[BeatBits+3:0] + {run_window_q, 4'd0};
  assign read_weights_o = row;
  assign weight_row_o   = run_row_q;

  // ---- stages 1 and 2: what the scratchpad answers, masked ----
  logic [1:0]           lane_q, whole_q;
  logic [DimBits:0]     lo1_q, hi1_q, lo2_q, hi2_q;
  logic [DimBits-1:0]   lane1_q, lane2_q;
  logic                 row_q;
  logic [8*Dim-1:0]     masked;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      lane_q <= '0;
      row_q  <= 1'b0;
    end else begin
      lane_q <= {lane_q[0], lane};
      row_q  <= row;
    end
  end
  always_ff @(posedge clk_i) begin
    whole_q <= {whole_q[0], (lo == '0) & (hi == (DimBits + 1)'(Dim))};
    lo1_q   <= lo;
    hi1_q   <= hi;
    lo2_q   <= lo1_q;
    hi2_q   <= hi1_q;
    lane1_q <= j_q[DimBits-1:0];
    lane2_q <= lane1_q;
  end
  assign load_o     = row_q;
  assign load_row_o = lane1_q;
  always_comb begin
    masked = ifmap_i;
    if (!whole_q[1]) begin
      for (int unsigned i = 0; i < Dim; i++) begin
        if ((DimBits + 1)'(i) < lo2_q || (DimBits + 1)'(i) >= hi2_q) masked[8*i +: 8] = in_zp;
      end
    end
  end

  // ---- stage 3: skew, or transposer ----
  // Dim vectors are kept. Weight stationary, one is written at `turn_q` each cycle, and row r of the mesh takes byte r of the
  // one r cycles before. Output stationary, row r keeps its own vector and takes one byte of it each cycle, all rows the byte
  // at `turn_q`; a vector is therefore written turned, so that its first byte comes next.
  logic [DimBits-1:0] turn_q, next_turn;
  logic [DimBits+3:0] turn_bits;
  logic [16*Dim-1:0]  twice;
  logic [8*Dim-1:0]   vector;
  logic [DimBits-1:0] vector_at;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) turn_q <= '0;
    else turn_q <= next_turn;
  end
  assign next_turn = turn_q + DimBits'(1);
  assign turn_bits = (DimBits + 4)'(Dim * 8) - {1'b0, next_turn, 3'd0};
  assign twice     = {masked, masked};
  assign vector    = os ? twice[turn_bits +: 8*Dim] : masked;
  assign vector_at   = os ? lane2_q : next_turn;

  for (genvar w = 0; w < Dim / 8; w++) begin : g_word     // eight bytes each, which simulators handle at once
    logic [63:0] vectors_q [Dim];
    always_ff @(posedge clk_i) begin
      if (lane_q[1]) vectors_q[vector_at] <= vector[64*w +: 64];
    end
  end
  for (genvar r = 0; r < Dim; r++) begin : g_row
    for (genvar w = 0; w < Dim / 8; w++) begin : g_pick
      logic [63:0] upto;
      if (w == 0) begin : g_first
        assign upto = g_word[0].vectors_q[r];
      end else begin : g_first
        assign upto = (turn_q[DimBits-1:3] >= (DimBits - 3)'(w)) ? g_word[w].vectors_q[r] : g_pick[w-1].upto;
      end
    end
    logic [DimBits-1:0] earlier;
    logic signed [7:0]  value;
    assign earlier = turn_q - DimBits'(r);
    assign value  = os ? $signed(g_pick[Dim/8-1].upto[{turn_q[2:0], 3'd0} +: 8])
                       : $signed(g_word[r/8].vectors_q[earlier][8*(r%8) +: 8]);
    assign act_o[9*r +: 9] = 9'(value) - 9'(in_zp);
  end

  // ---- markers that run along with the data ----
  logic [2:0] first_q;
  logic [1:0] begin_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      first_q <= '0;
      begin_q <= '0;
    end else begin
      first_q <= {first_q[1:0], busy_q & (j_q == '0) & run_first_q};
      begin_q <= {begin_q[0], busy_q & (j_q == '0)};
    end
  end
  assign mark_o = os ? first_q[2] : begin_q[1];

  // A result of stage 0 is named to the accumulator one cycle before it comes, and to the mesh's reader when it comes.
  localparam int unsigned TagBits = AccRowBits + 4;
  localparam int unsigned Depth = Dim + 2;
  logic [TagBits-1:0]       tag, tag_early;
  logic [TagBits*Depth-1:0] tags_q;
  logic                     read_q;
  logic [DimBits-1:0]       read_row_q;
  assign tag = !busy_q ? '0 : {pass_end & ends_tile_q, lane & run_emit_q, run_half_q, run_add_q,
                               run_base_q[AccRowBits-1:0] + j_q[AccRowBits-1:0]};
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) tags_q <= '0;
    else tags_q <= {tags_q[TagBits*(Depth-1)-1:0], tag};
  end
  assign tag_early  = tags_q[TagBits*(Depth-1) +: TagBits];
  assign acc_o      = tag_early[AccRowBits+2];
  assign acc_half_o = tag_early[AccRowBits+1];
  assign acc_add_o  = tag_early[AccRowBits];
  assign acc_row_o  = tag_early[AccRowBits-1:0];
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) read_q <= 1'b0;
    else read_q <= acc_o;
  end
  always_ff @(posedge clk_i) read_row_q <= acc_row_o[DimBits-1:0];
  assign read_o     = read_q;
  assign read_row_o = read_row_q;

  // The last column group writes Groups - 1 cycles after the first; then the filter tile can be read.
  logic [Groups+1:0] tile_q;
  logic              flushing;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) tile_q <= '0;
    else tile_q <= {tile_q[Groups:0], tag_early[AccRowBits+3]};
  end
  assign tile_o   = tile_q[Groups+1];
  assign flushing = (tile_q != '0) | (tags_q != '0);

  assign window_free_o = pass_end & ends_desc_q;
  assign chunk_free_o  = pass_end & ends_chunk_q;

  assign computing_o   = busy_q;
  assign filling_o     = ~begun_q & ~busy_q;
  assign load_stall_o  = begun_q & ~finished_q & ~busy_q & ~ready_q;
  assign store_stall_o = begun_q & ~finished_q & ~busy_q & ready_q;
  assign pass_o        = go;
  assign idle_o        = ~pending_q & ~busy_q & ~handed_q & ~flushing;    // not even results on their way

  logic unused;
  assign unused = ^{window_beats[31:BeatBits], desc_q, xrun_q};
endmodule
