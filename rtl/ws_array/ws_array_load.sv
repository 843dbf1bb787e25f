// Everything that is read from DRAM, in order: descriptor, activation table, the ifmap window of the tile, and for each of
// its filter tiles the parameter records and the weights, in chunks. Windows, chunks and parameters have slots that are
// filled in turn; the loader runs ahead of the array until they are all in use. The next descriptor is fetched when the
// array has taken this one.
module ws_array_load #(
  parameter int unsigned Dim = 16,
  parameter int unsigned SpadBytes = 262144,
  parameter int unsigned AccRowBits = 9,
  localparam int unsigned BeatBits = ws_array_pkg::beat_bits(SpadBytes)
) (
  input  logic          clk_i,
  input  logic          rst_ni,
  input  logic          start_i,          // of a list
  input  logic [31:0]   desc_addr_i,      // constant during the list
  output logic          accepted_o,       // one cycle: a descriptor is legal
  output logic          rejected_o,       // one cycle: it is not, or the memory failed; error_o says why
  output logic [7:0]    error_o,
  output logic          idle_o,
  input  logic          drained_i,        // everything taken so far has been written and answered
  // to the array
  output logic          offer_o,
  output logic [1023:0] desc_o,
  input  logic          take_i,
  output logic [23:0]   windows_o,        // loaded since the start of the list
  output logic [23:0]   items_o,          // chunks; of a kept descriptor, sets of parameters
  input  logic          window_free_i,
  input  logic          chunk_free_i,
  input  logic          param_free_i,
  // writes into scratchpad, parameters and table
  output logic          beat_o,
  output logic [127:0]  data_o,
  output logic          to_spad_o,
  output logic [BeatBits-1:0] spad_beat_o,
  output logic          to_param_o,
  output logic [1:0]    param_slot_o,
  output logic [5:0]    param_col_o,
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
  localparam int unsigned WordBeatBits = 2 * $clog2(Dim) - 4;    // beats of one word's weights
  localparam int unsigned BankBeatBits = BeatBits - 2;

  typedef enum logic [3:0] {
    StIdle, StFetch, StDesc, StCheck, StBarrier, StTable, StWindow, StWindowWait, StItem, StItemWait, StHand
  } state_e;

  state_e        state_q, state_d;
  logic [1023:0] desc_q;
  logic [31:0]   sum_q;                   // XOR of the words so far
  logic [31:0]   fetch_q;                 // address of the descriptor
  logic [23:0]   beat_q;                  // beats of the running transfer that have arrived
  logic          taken_q;                 // the array has this descriptor
  logic          any_q, prev_os_q, prev_resident_q;   // of the list: a descriptor before, and what it said
  logic [7:0]    prev_zp_q, prev_banks_q;
  logic [71:0]   prev_rings_q, rings;     // slots and their sizes
  logic          dma_start, dma_done, dma_error, beat;
  logic [31:0]   dma_addr;
  logic [23:0]   dma_beats;
  logic [15:0]   dma_rows;
  logic [127:0]  data;
  logic [7:0]    error;

  // ---- descriptor ----
  logic [31:0] window_beats;
  logic [15:0] seg_beats, window_rows, n_tiles, chunks, chunk_words, chunk_tail, weight_slots;
  logic [7:0]  window_slots, ifmap_banks;
  logic        resident, first, last, has_table, os, raw, pool;
  assign window_beats = desc_q[ws_array_regs_pkg::WINDOW_BEATS_LSB +: 32];
  assign seg_beats    = desc_q[ws_array_regs_pkg::SEG_BEATS_LSB +: 16];
  assign window_rows  = desc_q[ws_array_regs_pkg::WINDOW_ROWS_LSB +: 16];
  assign n_tiles      = desc_q[ws_array_regs_pkg::N_TILES_LSB +: 16];
  assign chunks       = desc_q[ws_array_regs_pkg::CHUNKS_LSB +: 16];
  assign chunk_words  = desc_q[ws_array_regs_pkg::CHUNK_WORDS_LSB +: 16];
  assign chunk_tail   = desc_q[ws_array_regs_pkg::CHUNK_TAIL_LSB +: 16];
  assign weight_slots = desc_q[ws_array_regs_pkg::WEIGHT_SLOTS_LSB +: 16];
  assign window_slots = desc_q[ws_array_regs_pkg::WINDOW_SLOTS_LSB +: 8];
  assign ifmap_banks  = desc_q[ws_array_regs_pkg::IFMAP_BANKS_LSB +: 8];
  assign resident     = desc_q[ws_array_regs_pkg::RESIDENT_LSB];
  assign first        = desc_q[ws_array_regs_pkg::FIRST_LSB];
  assign last         = desc_q[ws_array_regs_pkg::LAST_LSB];
  assign has_table    = desc_q[ws_array_regs_pkg::TABLE_LSB];
  assign os           = desc_q[ws_array_regs_pkg::OS_LSB];
  assign raw          = desc_q[ws_array_regs_pkg::RAW_LSB];
  assign pool         = desc_q[ws_array_regs_pkg::POOL_LSB];
  assign rings        = {window_slots, window_beats, weight_slots, chunk_words};

  logic [15:0] ow, conv_rows, out_rows, out_cols, pixels, runs_x, runs_y, run_words;
  logic [7:0]  n_valid, n_tail, kh, kw, sh, sw;
  assign ow        = desc_q[ws_array_regs_pkg::OW_LSB +: 16];
  assign conv_rows = desc_q[ws_array_regs_pkg::CONV_ROWS_LSB +: 16];
  assign out_rows  = desc_q[ws_array_regs_pkg::OUT_ROWS_LSB +: 16];
  assign out_cols  = desc_q[ws_array_regs_pkg::OUT_COLS_LSB +: 16];
  assign pixels    = desc_q[ws_array_regs_pkg::PIXELS_LSB +: 16];
  assign runs_x    = desc_q[ws_array_regs_pkg::RUNS_X_LSB +: 16];
  assign runs_y    = desc_q[ws_array_regs_pkg::RUNS_Y_LSB +: 16];
  assign run_words = desc_q[ws_array_regs_pkg::RUN_WORDS_LSB +: 16];
  assign n_valid   = desc_q[ws_array_regs_pkg::N_VALID_LSB +: 8];
  assign n_tail    = desc_q[ws_array_regs_pkg::N_TAIL_LSB +: 8];
  assign kh        = desc_q[ws_array_regs_pkg::POOL_KH_LSB +: 8];
  assign kw        = desc_q[ws_array_regs_pkg::POOL_KW_LSB +: 8];
  assign sh        = desc_q[ws_array_regs_pkg::POOL_SH_LSB +: 8];
  assign sw        = desc_q[ws_array_regs_pkg::POOL_SW_LSB +: 8];

  // Worked out in the one cycle in which it matters; that is for simulation speed and costs an AND.
  logic        bad_magic, bad_align, bad_zero, bad_bank, bad_order;
  logic [47:0] words, window_size, windows_size, weights_size, bank_room;
  always_comb begin
    bad_magic    = 1'b0;
    bad_align    = 1'b0;
    bad_zero     = 1'b0;
    bad_bank     = 1'b0;
    bad_order    = 1'b0;
    words        = '0;
    window_size  = '0;
    windows_size = '0;
    weights_size = '0;
    bank_room    = '0;
    if (state_q == StCheck) begin
      bad_magic = (desc_q[ws_array_regs_pkg::FLAGS_MAGIC_LSB +: 16] != 16'(ws_array_regs_pkg::DESC_MAGIC)) |
                  (desc_q[ws_array_regs_pkg::FLAGS_ZERO_LSB +: 8] != '0);
      bad_align = (desc_q[ws_array_regs_pkg::IFMAP_LSB +: 4] != '0) | (desc_q[ws_array_regs_pkg::WEIGHTS_LSB +: 4] != '0) |
                  (desc_q[ws_array_regs_pkg::OFMAP_LSB +: 4] != '0) | (desc_q[ws_array_regs_pkg::TABLE_ADDR_LSB +: 4] != '0) |
                  (desc_q[ws_array_regs_pkg::IN_PITCH_LSB +: 4] != '0) | (desc_q[ws_array_regs_pkg::O_PITCH_LSB +: 4] != '0);
      bad_zero  = (seg_beats == '0) | (window_rows == '0) | (ow == '0) | (conv_rows == '0) | (out_rows == '0) |
                  (out_cols == '0) | (runs_x == '0) | (runs_y == '0) | (run_words == '0) | (n_tiles == '0) |
                  (desc_q[ws_array_regs_pkg::GROUP_TILES_LSB +: 16] == '0) | (n_valid == '0) | (n_tail == '0) |
                  (window_slots == '0) | (chunks == '0) | (chunk_words == '0) | (chunk_tail == '0) | (weight_slots == '0) |
                  (kh == '0) | (kw == '0) | (sh == '0) | (sw == '0) | (pixels == '0);
      words        = 48'(runs_y) * 48'(runs_x) * 48'(run_words);
      window_size  = 48'(window_rows) * 48'(seg_beats);
      windows_size = 48'(window_slots) * 48'(window_beats);
      weights_size = (48'(weight_slots) * 48'(chunk_words)) << WordBeatBits;
      bank_room    = 48'(ifmap_banks) << BankBeatBits;
      bad_bank  = (n_valid > 8'(Dim)) | (n_tail > n_valid) | (ifmap_banks == '0) | (ifmap_banks > 8'd3) |
                  (window_size > 48'(window_beats)) | (windows_size > bank_room) |
                  (weights_size > (48'(ws_array_regs_pkg::SPAD_BANKS) << BankBeatBits) - bank_room) |
                  (chunk_tail > chunk_words) |
                  ((48'(chunks) - 48'd1) * 48'(chunk_words) + 48'(chunk_tail) != words) | (os & (chunks != 16'd1)) |
                  (48'(conv_rows) * 48'(ow) != 48'(pixels)) | (32'(pixels) > 32'd1 << AccRowBits) |
                  (resident & (48'(n_tiles) * 48'(chunks) > 48'(weight_slots))) | (pool & raw) |
                  (17'(out_rows) > 17'(conv_rows) + 17'(kh)) | (17'(out_cols) > 17'(ow) + 17'(kw)) |
                  (~pool & ({kh, kw, sh, sw} != 32'h01010101)) |
                  (~pool & (desc_q[ws_array_regs_pkg::POOL_Y_LSB +: 32] != '0)) |
                  (~pool & ((out_rows != conv_rows) | (out_cols != ow)));
      bad_order = ~first & (~any_q | (os != prev_os_q) | (resident != prev_resident_q) | (ifmap_banks != prev_banks_q) |
                            (desc_q[ws_array_regs_pkg::IN_ZP_LSB +: 8] != prev_zp_q) | (rings != prev_rings_q));
    end
  end
  always_comb begin
    error = 8'(ws_array_regs_pkg::ERR_NONE);
    if (dma_error) error = 8'(ws_array_regs_pkg::ERR_READ);
    else if (state_q == StCheck) begin
      if (bad_magic) error = 8'(ws_array_regs_pkg::ERR_MAGIC);
      else if (sum_q != '0) error = 8'(ws_array_regs_pkg::ERR_SUM);
      else if (bad_align) error = 8'(ws_array_regs_pkg::ERR_ALIGN);
      else if (bad_zero || bad_bank) error = 8'(ws_array_regs_pkg::ERR_SIZE);
      else if (bad_order) error = 8'(ws_array_regs_pkg::ERR_ORDER);
    end
  end

  // ---- which filter tile, which chunk; slots ----
  logic [15:0]         n_q, chunk_q, slot_q, chunks_held_q;
  logic [31:0]         addr_q;
  logic [7:0]          window_slot_q, windows_held_q;
  logic [BeatBits-1:0] window_base_q, chunk_base_q, weights_from;
  logic [1:0]          param_slot_q;
  logic [2:0]          params_held_q;
  logic [23:0]         windows_q, items_q;
  logic                kept, with_params, window_go, item_go, last_chunk, last_n, window_in, item_in;
  logic [23:0]         chunk_beats, item_beats;

  assign kept         = resident & ~first;
  assign last_chunk   = kept | (chunk_q == chunks - 16'd1);
  assign last_n       = (n_q == n_tiles - 16'd1);
  assign with_params  = (chunk_q == '0);
  assign chunk_beats  = {8'd0, last_chunk ? chunk_tail : chunk_words} << WordBeatBits;
  assign item_beats   = kept ? 24'(Dim) : with_params ? chunk_beats + 24'(Dim) : chunk_beats;
  assign window_go    = (state_q == StWindow) & (windows_held_q < window_slots);
  assign item_go      = (state_q == StItem) & (~with_params | (params_held_q != 3'(ws_array_regs_pkg::PARAM_SLOTS))) &
                        (kept | (chunks_held_q < weight_slots));
  assign window_in    = (state_q == StWindowWait) & dma_done;
  assign item_in      = (state_q == StItemWait) & dma_done;
  assign weights_from = {ifmap_banks[1:0], {BankBeatBits{1'b0}}};

  // ---- transfers ----
  always_comb begin
    dma_start = 1'b0;
    dma_addr  = fetch_q;
    dma_beats = 24'd8;
    dma_rows  = 16'd1;
    unique case (state_q)
      StFetch: dma_start = 1'b1;
      StBarrier: begin
        dma_start = drained_i & has_table;
        dma_addr  = desc_q[ws_array_regs_pkg::TABLE_ADDR_LSB +: 32];
        dma_beats = 24'd16;
      end
      StWindow: begin
        dma_start = window_go;
        dma_addr  = desc_q[ws_array_regs_pkg::IFMAP_LSB +: 32];
        dma_beats = {8'd0, seg_beats};
        dma_rows  = window_rows;
      end
      StItem: begin
        dma_start = item_go;
        dma_addr  = addr_q;
        dma_beats = item_beats;
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
    .rows_i (dma_rows),
    .pitch_i(desc_q[ws_array_regs_pkg::IN_PITCH_LSB +: 32]),
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
      StIdle:       if (start_i) state_d = StFetch;
      StFetch:      state_d = StDesc;
      StDesc:       if (dma_done) state_d = StCheck;
      StCheck:      state_d = (error != '0) ? StIdle : first ? StBarrier : StWindow;
      StBarrier:    if (drained_i) state_d = has_table ? StTable : StWindow;
      StTable:      if (dma_done) state_d = dma_error ? StIdle : StWindow;
      StWindow:     if (window_go) state_d = StWindowWait;
      StWindowWait: if (dma_done) state_d = dma_error ? StIdle : StItem;
      StItem:       if (item_go) state_d = StItemWait;
      StItemWait:   if (dma_done) state_d = dma_error ? StIdle : (last_chunk && last_n) ? StHand : StItem;
      StHand:       if (taken_q) state_d = last ? StIdle : StFetch;
      default:      state_d = StIdle;
    endcase
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q        <= StIdle;
      sum_q          <= '0;
      fetch_q        <= '0;
      beat_q         <= '0;
      taken_q        <= 1'b0;
      any_q          <= 1'b0;
      prev_os_q      <= 1'b0;
      prev_resident_q <= 1'b0;
      prev_zp_q      <= '0;
      prev_banks_q   <= '0;
      prev_rings_q   <= '0;
      n_q            <= '0;
      chunk_q        <= '0;
      slot_q         <= '0;
      chunks_held_q  <= '0;
      addr_q         <= '0;
      window_slot_q  <= '0;
      windows_held_q <= '0;
      window_base_q  <= '0;
      chunk_base_q   <= '0;
      param_slot_q   <= '0;
      params_held_q  <= '0;
      windows_q      <= '0;
      items_q        <= '0;
    end else begin
      state_q <= state_d;
      if (dma_start) beat_q <= '0;
      else if (beat) beat_q <= beat_q + 24'd1;

      if (start_i) begin
        fetch_q        <= desc_addr_i;
        any_q          <= 1'b0;
        param_slot_q   <= '0;
        params_held_q  <= '0;
        windows_q      <= '0;
        items_q        <= '0;
      end else begin
        if (window_in) windows_q <= windows_q + 24'd1;
        if (item_in) items_q <= items_q + 24'd1;
        params_held_q <= params_held_q + {2'd0, item_go & with_params} - {2'd0, param_free_i};
        if (item_in && last_chunk) param_slot_q <= param_slot_q + 2'd1;
      end

      if (state_q == StFetch) begin
        sum_q   <= '0;
        fetch_q <= fetch_q + 32'd128;
      end
      if (state_q == StDesc && beat) begin
        sum_q <= sum_q ^ data[31:0] ^ data[63:32] ^ data[95:64] ^ data[127:96];
      end
      if (state_q == StCheck) begin
        taken_q      <= 1'b0;
        any_q        <= 1'b1;
        prev_os_q    <= os;
        prev_resident_q <= resident;
        prev_zp_q    <= desc_q[ws_array_regs_pkg::IN_ZP_LSB +: 8];
        prev_banks_q <= ifmap_banks;
        prev_rings_q <= rings;
        n_q          <= '0;
        chunk_q      <= '0;
        addr_q       <= desc_q[ws_array_regs_pkg::WEIGHTS_LSB +: 32];
      end else begin
        if (take_i) taken_q <= 1'b1;
        if (item_in) begin
          chunk_q <= last_chunk ? '0 : chunk_q + 16'd1;
          if (last_chunk) n_q <= n_q + 16'd1;
          addr_q <= addr_q + (kept ? kept_step_q : {4'd0, item_beats, 4'd0});
        end
      end

      // The rings begin anew with a layer.
      if (state_q == StBarrier) begin
        window_slot_q  <= '0;
        window_base_q  <= '0;
        windows_held_q <= '0;
        slot_q         <= '0;
        chunk_base_q   <= weights_from;
        chunks_held_q  <= '0;
      end else begin
        windows_held_q <= windows_held_q + {7'd0, window_go} - {7'd0, window_free_i};
        chunks_held_q  <= chunks_held_q + {15'd0, item_go & ~kept} - {15'd0, chunk_free_i};
        if (window_in) begin
          if (window_slot_q == window_slots - 8'd1) begin
            window_slot_q <= '0;
            window_base_q <= '0;
          end else begin
            window_slot_q <= window_slot_q + 8'd1;
            window_base_q <= window_base_q + window_beats[BeatBits-1:0];
          end
        end
        if (item_in && !kept) begin
          if (slot_q == weight_slots - 16'd1) begin
            slot_q       <= '0;
            chunk_base_q <= weights_from;
          end else begin
            slot_q       <= slot_q + 16'd1;
            chunk_base_q <= chunk_base_q + BeatBits'({chunk_words, {WordBeatBits{1'b0}}});
          end
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == StDesc && beat) desc_q[{beat_q[2:0], 7'd0} +: 128] <= data;
  end

  // Resident weights are passed over: from one set of parameters to the next.
  logic [47:0] kept_beats;
  logic [31:0] kept_step_q;
  assign kept_beats = (words << WordBeatBits) + 48'(Dim);
  always_ff @(posedge clk_i) begin
    if (state_q == StCheck) kept_step_q <= {kept_beats[27:0], 4'd0};
  end

  assign desc_o     = desc_q;
  assign offer_o    = (state_q > StCheck) & (state_q != StBarrier) & (state_q != StTable) & ~taken_q;
  assign accepted_o = (state_q == StCheck) & (error == '0);
  assign rejected_o = ((state_q == StCheck) & (error != '0)) | (dma_done & dma_error & (state_q != StDesc));
  assign error_o    = error;
  assign idle_o     = (state_q == StIdle);
  assign windows_o  = windows_q;
  assign items_o    = items_q;

  // ---- where a beat goes ----
  logic                in_params;
  logic [23:0]         weight_beat;
  assign in_params    = with_params & (beat_q < 24'(Dim));
  assign weight_beat  = with_params ? beat_q - 24'(Dim) : beat_q;
  assign beat_o       = beat;
  assign data_o       = data;
  assign to_spad_o    = beat & ((state_q == StWindowWait) | ((state_q == StItemWait) & ~in_params));
  assign spad_beat_o  = (state_q == StWindowWait) ? window_base_q + beat_q[BeatBits-1:0]
                                                  : chunk_base_q + weight_beat[BeatBits-1:0];
  assign to_param_o   = beat & (state_q == StItemWait) & in_params;
  assign param_slot_o = param_slot_q;
  assign param_col_o  = beat_q[5:0];
  assign to_table_o   = beat & (state_q == StTable);
  assign table_word_o = beat_q[3:0];

  logic unused;
  assign unused = ^{window_beats[31:BeatBits], kept_beats[47:28]};
endmodule
