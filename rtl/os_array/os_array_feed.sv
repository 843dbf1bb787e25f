// Walks the convolution and feeds the mesh: one step of Vec cycles serves each row's lane once with Vec contiguous ifmap
// bytes, straight from the NHWC window in the buffer, so no im2col copy exists anywhere. The reduction of a tile is
// RUNS_Y x RUNS_X runs of contiguous bytes, each cut into words of Vec bytes; what lies in the padding, or beyond the
// run, reads as the zero point. Tiles follow each other without a gap while operands and result slots are there.
//
// A cycle in which a lane is served is stage 0. The buffers answer in stage 1, lane and weight registers show their first
// byte in stage 2, and the sums of a tile whose last cycle was t are read from t + 3 on.
module os_array_feed #(
  parameter int unsigned Rows = 16,
  parameter int unsigned ColGroups = 4,
  parameter int unsigned Vec = 16,
  parameter int unsigned WeightRow = 16,
  parameter int unsigned IbufBytes = 65536,
  parameter int unsigned WbufK = 4608,
  parameter int unsigned SlotBits = 2,
  localparam int unsigned IbufAddrBits = $clog2(IbufBytes / 16)
) (
  input  logic          clk_i,
  input  logic          rst_ni,
  input  logic [1023:0] desc_i,
  input  logic          start_i,
  input  logic          abort_i,                // begin no further tile
  // operands
  input  logic [23:0]   windows_i,
  input  logic [23:0]   tiles_i,
  output logic          window_free_o,
  output logic          tile_free_o,
  input  logic [127:0]  data_i,
  input  logic          ibuf_we_i,
  input  logic          ibuf_half_i,
  input  logic [IbufAddrBits-1:0] ibuf_word_i,
  input  logic          wbuf_we_i,
  input  logic          wbuf_half_i,
  input  logic          wbuf_begin_i,
  // result slots
  input  logic          slot_free_i,
  // mesh
  output logic                    first_o,
  output logic [9*Rows-1:0]       act_o /*verilator split_var*/,
  output logic [32*ColGroups-1:0] wgt_o,
  output logic                    read_o,
  output logic [5:0]              row_o,
  output logic [SlotBits:0]       tag_o,        // {weight half, result slot}
  // for the counters, one of them at a time
  output logic          filling_o,
  output logic          computing_o,
  output logic          load_stall_o,
  output logic          store_stall_o,
  output logic          finished_o              // every tile has been fed and its slot given back
);
  localparam int unsigned VecBits = $clog2(Vec);
  localparam int unsigned Banks = 2 * Vec / 16;
  localparam int unsigned BankBits = $clog2(Banks);
  localparam int unsigned BankDepthBits = IbufAddrBits - BankBits + 1;   // both halves

  logic signed [31:0] x_start, y_start, image_bytes, row_bytes;
  logic [31:0]        x_step, y_step, kx_step, ky_step, run_bytes, group_step, y_block;
  logic [15:0]        ow, runs_x, runs_y, run_words, n_tiles, group_tiles, blocks, tiles, tiles_tail;
  logic signed [7:0]  in_zp;
  logic               resident;
  assign x_start     = $signed(desc_i[os_array_regs_pkg::X_START_LSB +: 32]);
  assign y_start     = $signed(desc_i[os_array_regs_pkg::Y_START_LSB +: 32]);
  assign image_bytes = $signed(desc_i[os_array_regs_pkg::IMAGE_BYTES_LSB +: 32]);
  assign row_bytes   = $signed(desc_i[os_array_regs_pkg::ROW_BYTES_LSB +: 32]);
  assign x_step      = desc_i[os_array_regs_pkg::X_STEP_LSB +: 32];
  assign y_step      = desc_i[os_array_regs_pkg::Y_STEP_LSB +: 32];
  assign kx_step     = desc_i[os_array_regs_pkg::KX_STEP_LSB +: 32];
  assign ky_step     = desc_i[os_array_regs_pkg::KY_STEP_LSB +: 32];
  assign run_bytes   = desc_i[os_array_regs_pkg::RUN_BYTES_LSB +: 32];
  assign group_step  = desc_i[os_array_regs_pkg::GROUP_STEP_LSB +: 32];
  assign y_block     = desc_i[os_array_regs_pkg::Y_BLOCK_LSB +: 32];
  assign ow          = desc_i[os_array_regs_pkg::OW_LSB +: 16];
  assign runs_x      = desc_i[os_array_regs_pkg::RUNS_X_LSB +: 16];
  assign runs_y      = desc_i[os_array_regs_pkg::RUNS_Y_LSB +: 16];
  assign run_words   = desc_i[os_array_regs_pkg::RUN_WORDS_LSB +: 16];
  assign n_tiles     = desc_i[os_array_regs_pkg::N_TILES_LSB +: 16];
  assign group_tiles = desc_i[os_array_regs_pkg::GROUP_TILES_LSB +: 16];
  assign blocks      = desc_i[os_array_regs_pkg::BLOCKS_LSB +: 16];
  assign tiles       = desc_i[os_array_regs_pkg::TILES_LSB +: 16];
  assign tiles_tail  = desc_i[os_array_regs_pkg::TILES_TAIL_LSB +: 16];
  assign in_zp       = $signed(desc_i[os_array_regs_pkg::IN_ZP_LSB +: 8]);
  assign resident    = desc_i[os_array_regs_pkg::RESIDENT_LSB];

  // ---- the next tile: block, filter tile, pixel tile ----
  logic               pending_q, begun_q, ready_q;
  logic [15:0]        tile_q, n_q, in_group_q, block_q;
  logic [23:0]        need_windows_q, need_tiles_q;      // loads that must be complete
  logic signed [31:0] block_y_q, channel_q;
  logic [SlotBits:0]  slots_q;                           // free result slots
  logic [SlotBits-1:0] slot_q;
  logic               operands, go, last_of_n, last_of_block, last_of_all;

  // ---- the running tile ----
  logic               busy_q, tile_end, first_step, step_end;
  logic [VecBits-1:0] lane_q;
  logic [15:0]        word_q, kx_q, ky_q;
  logic signed [31:0] xrun_q, xoff_q, yoff_q, rest_q, chan_q;
  logic               half_w_q, half_i_q, ends_n_q, ends_block_q, is_first_q;
  logic [SlotBits-1:0] tag_slot_q;
  logic [31:0]        k_q;

  assign operands      = (windows_i >= need_windows_q) & (tiles_i >= need_tiles_q);
  assign last_of_n     = (tile_q == ((block_q == blocks - 16'd1) ? tiles_tail : tiles) - 16'd1);
  assign last_of_block = last_of_n & (n_q == n_tiles - 16'd1);
  assign last_of_all   = last_of_block & (block_q == blocks - 16'd1);
  assign go            = pending_q & ~abort_i & operands & (slots_q != '0) & (~busy_q | tile_end);

  assign step_end   = busy_q & (lane_q == VecBits'(Vec - 1));
  assign tile_end   = step_end & (word_q == run_words - 16'd1) & (kx_q == runs_x - 16'd1) & (ky_q == runs_y - 16'd1);
  assign first_step = (word_q == '0) & (kx_q == '0) & (ky_q == '0);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      pending_q      <= 1'b0;
      begun_q        <= 1'b0;
      ready_q        <= 1'b0;
      tile_q         <= '0;
      n_q            <= '0;
      in_group_q     <= '0;
      block_q        <= '0;
      need_windows_q <= '0;
      need_tiles_q   <= '0;
      block_y_q      <= '0;
      channel_q      <= '0;
      slots_q        <= {1'b1, {SlotBits{1'b0}}};
      slot_q         <= '0;
    end else begin
      ready_q <= operands & pending_q & ~go;
      slots_q <= slots_q + {{SlotBits{1'b0}}, slot_free_i} - {{SlotBits{1'b0}}, go};
      if (start_i) begin
        pending_q      <= 1'b1;
        begun_q        <= 1'b0;
        tile_q         <= '0;
        n_q            <= '0;
        in_group_q     <= '0;
        block_q        <= '0;
        need_windows_q <= 24'd1;
        need_tiles_q   <= 24'd1;
        block_y_q      <= y_start;
        channel_q      <= '0;
      end else if (abort_i) begin
        pending_q <= 1'b0;
      end else if (go) begin
        begun_q <= 1'b1;
        slot_q  <= slot_q + SlotBits'(1);
        if (!last_of_n) begin
          tile_q <= tile_q + 16'd1;
        end else begin
          tile_q <= '0;
          if (!last_of_block) begin
            n_q <= n_q + 16'd1;
            // Resident tiles are loaded in the first block only.
            if (!resident || block_q == '0) need_tiles_q <= need_tiles_q + 24'd1;
            if (in_group_q == group_tiles - 16'd1) begin
              in_group_q <= '0;
              channel_q  <= channel_q + $signed(group_step);
            end else begin
              in_group_q <= in_group_q + 16'd1;
            end
          end else begin
            pending_q      <= ~last_of_all;
            n_q            <= '0;
            in_group_q     <= '0;
            channel_q      <= '0;
            block_q        <= block_q + 16'd1;
            block_y_q      <= block_y_q + $signed(y_block);
            need_windows_q <= need_windows_q + 24'd1;
            if (!resident) need_tiles_q <= need_tiles_q + 24'd1;
          end
        end
      end
    end
  end

  // ---- pixel of each lane: generated in the tile's first step, kept for the others ----
  logic [15:0]        ox_q;
  logic signed [31:0] gen_x_q, gen_y_q;
  logic signed [31:0] lane_x_q [Vec];
  logic signed [31:0] lane_y_q [Vec];
  logic signed [31:0] x, y;

  always_ff @(posedge clk_i) begin
    if (go && tile_q == '0) begin
      ox_q    <= '0;
      gen_x_q <= x_start;
      gen_y_q <= block_y_q;
    end else if (busy_q && first_step && {1'b0, lane_q} < (VecBits + 1)'(Rows)) begin
      if (ox_q == ow - 16'd1) begin
        ox_q    <= '0;
        gen_x_q <= x_start;
        gen_y_q <= gen_y_q + $signed(y_step);
      end else begin
        ox_q    <= ox_q + 16'd1;
        gen_x_q <= gen_x_q + $signed(x_step);
      end
    end
    if (busy_q && first_step) begin
      lane_x_q[lane_q] <= gen_x_q;
      lane_y_q[lane_q] <= gen_y_q;
    end
  end

  // ---- the walk over kernel rows, runs and words ----
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      lane_q <= '0;
    end else begin
      if (go) busy_q <= 1'b1;
      else if (tile_end) busy_q <= 1'b0;
      if (busy_q) lane_q <= lane_q + VecBits'(1);
    end
  end
  always_ff @(posedge clk_i) begin
    if (go) begin
      word_q       <= '0;
      kx_q         <= '0;
      ky_q         <= '0;
      xrun_q       <= channel_q;
      xoff_q       <= channel_q;
      yoff_q       <= '0;
      chan_q       <= channel_q;
      rest_q       <= $signed(run_bytes);
      half_w_q     <= resident ? n_q[0] : ~need_tiles_q[0];
      half_i_q     <= block_q[0];
      ends_n_q     <= last_of_n;
      ends_block_q <= last_of_block;
      is_first_q   <= 1'b1;
      tag_slot_q   <= slot_q;
      k_q          <= '0;
    end else if (busy_q) begin
      is_first_q <= 1'b0;
      k_q        <= k_q + 32'd1;
      if (step_end) begin
        if (word_q != run_words - 16'd1) begin
          word_q <= word_q + 16'd1;
          xoff_q <= xoff_q + $signed(32'(Vec));
          rest_q <= rest_q - $signed(32'(Vec));
        end else begin
          word_q <= '0;
          rest_q <= $signed(run_bytes);
          if (kx_q != runs_x - 16'd1) begin
            kx_q   <= kx_q + 16'd1;
            xrun_q <= xrun_q + $signed(kx_step);
            xoff_q <= xrun_q + $signed(kx_step);
          end else begin
            kx_q   <= '0;
            ky_q   <= ky_q + 16'd1;
            xrun_q <= chan_q;
            xoff_q <= chan_q;
            yoff_q <= yoff_q + $signed(ky_step);
          end
        end
      end
    end
  end

  // ---- stage 0: address of the lane's word, and which of its bytes are real ----
  logic signed [31:0] left, right, from_x, upto_x, at;
  logic               inside_y;
  logic [VecBits:0]   lo, hi;
  assign x        = (first_step ? gen_x_q : lane_x_q[lane_q]) + xoff_q;
  assign y        = (first_step ? gen_y_q : lane_y_q[lane_q]) + yoff_q;
  assign at       = x + y;
  assign inside_y = ~y[31] & (y < image_bytes);
  assign left     = -x;                                        // bytes before the row begins
  assign right    = row_bytes - x;                             // bytes until it ends
  assign from_x   = left[31] ? 32'sd0 : left;
  assign upto_x   = (right < rest_q) ? right : rest_q;
  assign lo       = (from_x > $signed(32'(Vec))) ? (VecBits + 1)'(Vec) : from_x[VecBits:0];
  assign hi       = (!inside_y || upto_x[31]) ? '0 : (upto_x > $signed(32'(Vec))) ? (VecBits + 1)'(Vec) : upto_x[VecBits:0];

  logic [Banks*128-1:0] bank_data;
  logic [IbufAddrBits-1:0] word_at;
  assign word_at = at[4 +: IbufAddrBits];
  for (genvar b = 0; b < Banks; b++) begin : g_bank
    logic [IbufAddrBits-1:0] word;   // the first word at or after word_at that lies in this bank
    assign word = word_at + IbufAddrBits'(Banks - 1 - b);
    bt_ram #(
      .Width(128),
      .Depth(2 ** BankDepthBits)
    ) u_bank (
      .clk_i,
      .we_i   (ibuf_we_i & (ibuf_word_i[BankBits-1:0] == BankBits'(b))),
      .waddr_i({ibuf_half_i, ibuf_word_i[IbufAddrBits-1:BankBits]}),
      .wdata_i(data_i),
      .re_i   (busy_q),
      .raddr_i({half_i_q, word[IbufAddrBits-1:BankBits]}),
      .rdata_o(bank_data[128*b +: 128])
    );
  end

  // ---- stage 1: rotate, mask, into the lane ----
  logic                busy1_q, whole1_q;
  logic [VecBits-1:0]  lane1_q;
  logic [VecBits:0]    lo1_q, hi1_q;
  logic [3:0]          shift1_q;
  logic [BankBits-1:0] bank1_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) busy1_q <= 1'b0;
    else busy1_q <= busy_q;
  end
  always_ff @(posedge clk_i) begin
    lane1_q  <= lane_q;
    lo1_q    <= lo;
    hi1_q    <= hi;
    whole1_q <= (lo == '0) & (hi == (VecBits + 1)'(Vec));
    shift1_q <= at[3:0];
    bank1_q  <= word_at[BankBits-1:0];
  end

  logic [Vec*8+127:0] window;
  logic [VecBits+3:0] shift_bits;
  logic [Vec*8-1:0]   rotated, masked;
  assign shift_bits = (VecBits + 4)'({shift1_q, 3'd0});
  for (genvar w = 0; w <= Vec / 16; w++) begin : g_rotate
    logic [BankBits-1:0] bank;
    assign bank = bank1_q + BankBits'(w);
    assign window[128*w +: 128] = bank_data[{bank, 7'd0} +: 128];
  end
  always_comb begin
    rotated = (shift1_q == '0) ? window[Vec*8-1:0] : window[shift_bits +: Vec*8];
    masked  = rotated;
    if (!whole1_q) begin
      for (int unsigned i = 0; i < Vec; i++) begin
        if ((VecBits + 1)'(i) < lo1_q || (VecBits + 1)'(i) >= hi1_q) masked[8*i +: 8] = in_zp;
      end
    end
  end

  // ---- stage 2: a lane keeps its word; all lanes show the byte at turn_q, one further each cycle ----
  // A word is therefore written turned, so that its first byte is shown next. What a lane shows after its last byte meets
  // sums that have been read already.
  logic [VecBits-1:0] turn_q, next_turn;
  logic [VecBits+3:0] turn_bits;
  logic [2*Vec*8-1:0] twice;
  logic [Vec*8-1:0]   turned;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) turn_q <= '0;
    else turn_q <= next_turn;
  end
  assign next_turn = turn_q + VecBits'(1);
  assign turn_bits = (VecBits + 4)'(Vec * 8) - {1'b0, next_turn, 3'd0};
  assign twice     = {masked, masked};
  assign turned    = twice[turn_bits +: Vec*8];

  for (genvar w = 0; w < Vec / 8; w++) begin : g_word     // eight bytes each, which simulators handle at once
    logic [63:0] lanes_q [Vec];
    always_ff @(posedge clk_i) begin
      if (busy1_q) lanes_q[lane1_q] <= turned[64*w +: 64];
    end
  end
  for (genvar r = 0; r < Rows; r++) begin : g_lane
    for (genvar w = 0; w < Vec / 8; w++) begin : g_pick
      logic [63:0] upto;
      if (w == 0) begin : g_first
        assign upto = g_word[0].lanes_q[r];
      end else begin : g_first
        assign upto = (turn_q[VecBits-1:3] >= (VecBits - 3)'(w)) ? g_word[w].lanes_q[r] : g_pick[w-1].upto;
      end
    end
    assign act_o[9*r +: 9] = 9'($signed(g_pick[Vec/8-1].upto[{turn_q[2:0], 3'd0} +: 8])) - 9'(in_zp);
  end

  // ---- weights: one row of all columns per cycle ----
  os_array_weights #(
    .ColGroups(ColGroups),
    .WeightRow(WeightRow),
    .WbufK    (WbufK)
  ) u_weights (
    .clk_i,
    .begin_i(wbuf_begin_i),
    .we_i   (wbuf_we_i),
    .half_i (wbuf_half_i),
    .data_i,
    .read_i (busy_q),
    .read_half_i(half_w_q),
    .k_i    (k_q[$clog2(WbufK)-1:0]),
    .wgt_o
  );

  // ---- markers that run along with the data ----
  logic [1:0]         first_q;
  logic [1:0]         end_q;
  logic [SlotBits:0]  tag0_q, tag1_q, tag_q;
  logic [5:0]         row_q;
  logic               reading_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      first_q   <= '0;
      end_q     <= '0;
      reading_q <= 1'b0;
      row_q     <= '0;
    end else begin
      first_q <= {first_q[0], busy_q & is_first_q};
      end_q   <= {end_q[0], tile_end};
      if (end_q[1]) begin
        reading_q <= 1'b1;
        row_q     <= '0;
      end else if (reading_q) begin
        reading_q <= (row_q != 6'(Rows - 1));
        row_q     <= row_q + 6'd1;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    tag0_q <= {half_w_q, tag_slot_q};
    tag1_q <= tag0_q;
    if (end_q[1]) tag_q <= tag1_q;
  end
  assign first_o = first_q[1];
  assign read_o  = reading_q;
  assign row_o   = row_q;
  assign tag_o   = tag_q;

  // Weights' parameters are in use until the tile's last row has been requantised.
  localparam int unsigned Release = 3 + Rows + ColGroups + 3;
  logic [Release-1:0] release_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) release_q <= '0;
    else if (start_i) release_q <= '0;   // of the descriptor before: its results are out
    else release_q <= {release_q[Release-2:0], tile_end & ends_n_q};
  end
  assign tile_free_o   = release_q[Release-1];
  assign window_free_o = tile_end & ends_block_q;

  assign computing_o   = busy_q;
  assign filling_o     = pending_q & ~begun_q & ~busy_q;
  assign load_stall_o  = pending_q & begun_q & ~busy_q & ~ready_q;
  assign store_stall_o = pending_q & begun_q & ~busy_q & ready_q;
  assign finished_o    = ~pending_q & ~busy_q & slots_q[SlotBits];
endmodule
