// Descriptor and operands of the DaDianNao family: fetches and checks one descriptor, loads the row table (and the activation
// table), then for each band of the ofmap all items of the weight stream; after each item a piece of the next band's ifmap
// rows. Unpacks the weight stream on its way into the weight memory (reference/common/bt_brick_regs.def): the receiver always
// has room, so the bus never waits.
module bt_brick_load #(
  parameter int unsigned Tiles = 4,
  parameter int unsigned Filters = 16,     // of a tile
  parameter int unsigned Lanes = 16,       // multipliers of a filter
  parameter int unsigned Bits = 16,        // of an operand
  parameter int unsigned StepBits = 6,     // of a weight memory half's steps
  parameter int unsigned BeatBits = 17,    // of the ifmap memory's beats, both halves
  parameter int unsigned PixelBits = 10,   // of a band's pixels
  parameter int unsigned WordBits = 14,    // of an ofmap memory half's words
  parameter int unsigned TableBits = 11,   // of the row table
  parameter logic [15:0] Straight = 16'd0, // bit s: select s promotes within the lane
  localparam int unsigned Slots = Tiles * Filters,
  localparam int unsigned SlotBits = (Slots > 1) ? $clog2(Slots) : 1,
  localparam int unsigned PosBits = $clog2(Slots * Lanes),
  localparam int unsigned Entries = (Bits == 16) ? 5 : 8,
  localparam int unsigned EntryBits = Bits + 8,
  localparam int unsigned RowBeats = Slots * Lanes * Bits / 128,
  localparam int unsigned RowBeatBits = (RowBeats > 1) ? $clog2(RowBeats) : 1,
  localparam int unsigned CountBits = $clog2(Slots * Lanes + 1)
) (
  input  logic          clk_i,
  input  logic          rst_ni,
  input  logic          start_i,          // one descriptor at desc_addr_i
  input  logic [31:0]   desc_addr_i,
  output logic          accepted_o,       // one cycle: checked and legal
  output logic          rejected_o,       // one cycle: see error_o; the loader is idle again
  output logic [7:0]    error_o,
  output logic          idle_o,
  output logic [1023:0] desc_o,
  // progress, against that of the array
  input  logic [31:0]   items_done_i,
  input  logic [15:0]   bands_done_i,
  output logic [31:0]   items_o,          // items, bands' windows that are in place
  output logic [15:0]   windows_o,
  // bus beats
  output logic          beat_o,
  output logic [127:0]  data_o,
  // row table and activation table
  output logic          to_rows_o,
  output logic [TableBits-2:0] rows_beat_o,
  output logic          to_table_o,
  output logic [3:0]    table_beat_o,
  // ifmap memory: first row that each half holds, and the beats
  output logic [33:0]   window_row_o,
  output logic          to_ifmap_o,
  output logic [BeatBits-1:0] ifmap_beat_o,
  // items: what the array must know of each half of the weight memory
  output logic          head_o,
  output logic          item_half_o,
  output logic          item_set_o,       // which of the two sets of records it uses
  output logic          to_record_o,
  output logic [SlotBits-1:0] record_slot_o,
  // one step's weights
  output logic [StepBits:0] step_o,       // half, step
  output logic          begin_o,          // the step begins: rows and selects anew, weights 0 if packed
  output logic          packed_o,
  output logic [16*Tiles-1:0] base_o,     // first row of the window in each tile
  output logic          raw_o,            // a beat of raw weights
  output logic [RowBeatBits-1:0] raw_beat_o,
  output logic [Entries-1:0] entry_o,     // entries of a packed beat
  output logic [PosBits*Entries-1:0] entry_pos_o,
  output logic          end_o,            // the step is complete, with so many ...
  output logic [CountBits-1:0] effectual_o, // ... weights that are not zero, promoted in their lane, from beside
  output logic [CountBits-1:0] ahead_o,
  output logic [CountBits-1:0] aside_o,
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
  localparam int unsigned BrickBeats = Lanes * Bits / 128;
  localparam int unsigned BrickBeatBits = $clog2(BrickBeats);
  localparam int unsigned HalfBricks = (1 << (BeatBits - 1)) / BrickBeats;
  localparam int unsigned RowByteBits = $clog2((Slots * Bits > 128) ? Slots * Bits / 8 : 16); // of an ofmap memory word

  typedef enum logic [3:0] {
    StIdle, StFetch, StDesc, StCheck, StTable, StTableWait, StRows, StRowsWait, StSetup, StWindow, StWindowWait, StItem,
    StItemWait
  } state_e;
  state_e        state_q, state_d;
  logic [1023:0] desc_q;
  logic [31:0]   sum_q;
  logic          beat, dma_start, dma_done, dma_error;
  logic [127:0]  data;
  logic [31:0]   dma_addr;
  logic [23:0]   dma_beats;
  logic [23:0]   beat_q;
  // of the weight stream, unpacked below
  typedef enum logic [1:0] { PhHead, PhRecords, PhRow, PhEntries } phase_e;
  phase_e              phase_q;
  logic [95:0]         head_q;
  logic [SlotBits-1:0] slot_q;
  logic [15:0]         step_q, count_q;       // steps complete; entries of this one still to come
  logic [RowBeatBits-1:0] raw_beat_q;
  logic [PosBits-1:0]  pos_q;
  logic [CountBits-1:0] effectual_q, ahead_q, aside_q;
  logic                item_beat, head, head_end, packed_item, row_end, more, item_bad, over_q;
  logic [15:0]         count, steps;
  logic [31:0]         next_beats;
  logic [PosBits-1:0]  next_pos;
  logic [3:0]          select;

  assign desc_o = desc_q;
  assign beat_o = beat;
  assign data_o = data;

  // ---- the descriptor ----
  logic [31:0] row_beats, pixels, items, first_beats, out_bytes, row_bricks;
  logic [15:0] h, w, pixel_bricks, pad_top, ow, bands, band_rows, tail_rows, span, span_tail, piece_rows, rows, words, out_beats;
  logic [7:0]  stride_h, stride_w;
  logic        has_table;
  assign row_beats    = desc_q[bt_brick_regs_pkg::ROW_BEATS_LSB +: 32];
  assign pixels       = desc_q[bt_brick_regs_pkg::PIXELS_LSB +: 32];
  assign items        = desc_q[bt_brick_regs_pkg::ITEMS_LSB +: 32];
  assign first_beats  = desc_q[bt_brick_regs_pkg::FIRST_BEATS_LSB +: 32];
  assign out_bytes    = desc_q[bt_brick_regs_pkg::OUT_BYTES_LSB +: 32];
  assign row_bricks   = desc_q[bt_brick_regs_pkg::ROW_BRICKS_LSB +: 32];
  assign h            = desc_q[bt_brick_regs_pkg::H_LSB +: 16];
  assign w            = desc_q[bt_brick_regs_pkg::W_LSB +: 16];
  assign pixel_bricks = desc_q[bt_brick_regs_pkg::PIXEL_BRICKS_LSB +: 16];
  assign stride_h     = desc_q[bt_brick_regs_pkg::STRIDE_H_LSB +: 8];
  assign stride_w     = desc_q[bt_brick_regs_pkg::STRIDE_W_LSB +: 8];
  assign pad_top      = desc_q[bt_brick_regs_pkg::PAD_TOP_LSB +: 16];
  assign ow           = desc_q[bt_brick_regs_pkg::OW_LSB +: 16];
  assign bands        = desc_q[bt_brick_regs_pkg::BANDS_LSB +: 16];
  assign band_rows    = desc_q[bt_brick_regs_pkg::BAND_ROWS_LSB +: 16];
  assign tail_rows    = desc_q[bt_brick_regs_pkg::TAIL_ROWS_LSB +: 16];
  assign span         = desc_q[bt_brick_regs_pkg::SPAN_LSB +: 16];
  assign span_tail    = desc_q[bt_brick_regs_pkg::SPAN_TAIL_LSB +: 16];
  assign piece_rows   = desc_q[bt_brick_regs_pkg::PIECE_ROWS_LSB +: 16];
  assign rows         = desc_q[bt_brick_regs_pkg::ROWS_LSB +: 16];
  assign words        = desc_q[bt_brick_regs_pkg::WORDS_LSB +: 16];
  assign out_beats    = desc_q[bt_brick_regs_pkg::OUT_BEATS_LSB +: 16];
  assign has_table    = desc_q[bt_brick_regs_pkg::TABLE_LSB];

  // Worked out in the one cycle in which it matters; that is for simulation speed and costs an AND.
  logic        bad_magic, bad_align, bad_zero, bad_size;
  logic [15:0] window_rows;    // of the ifmap, under a band
  logic [7:0] error;
  always_comb begin
    bad_magic = 1'b0;
    bad_align = 1'b0;
    bad_zero  = 1'b0;
    bad_size  = 1'b0;
    window_rows = (span < h) ? span : h;
    if (state_q == StCheck) begin
      bad_magic = (desc_q[bt_brick_regs_pkg::FLAGS_MAGIC_LSB +: 16] != 16'(bt_brick_regs_pkg::DESC_MAGIC)) |
                  (desc_q[bt_brick_regs_pkg::FLAGS_ZERO_LSB +: 13] != '0) |
                  ((Bits == 16) & (desc_q[bt_brick_regs_pkg::TABLE_LSB +: 2] != '0));
      bad_align = (desc_q[bt_brick_regs_pkg::IFMAP_LSB +: 4] != '0) | (desc_q[bt_brick_regs_pkg::WEIGHTS_LSB +: 4] != '0) |
                  (desc_q[bt_brick_regs_pkg::OFMAP_LSB +: 4] != '0) | (desc_q[bt_brick_regs_pkg::TABLE_ADDR_LSB +: 4] != '0) |
                  (desc_q[bt_brick_regs_pkg::ROWS_ADDR_LSB +: 4] != '0);
      bad_zero  = (row_beats == '0) | (h == '0) | (w == '0) | (pixel_bricks == '0) | (stride_h == '0) | (stride_w == '0) |
                  (ow == '0) | (bands == '0) | (band_rows == '0) | (tail_rows == '0) | (span == '0) | (span_tail == '0) |
                  (piece_rows == '0) | (rows == '0) | (items == '0) | (first_beats == '0) | (words == '0) |
                  (out_beats == '0) | (out_bytes == '0);
      bad_size  = (48'(band_rows) * 48'(ow) != 48'(pixels)) | (tail_rows > band_rows) | (span_tail > span) |
                  (pixels > 32'd1 << PixelBits) | (48'(pixels) * 48'(words) > 48'd1 << WordBits) |
                  (48'(w) * 48'(pixel_bricks) != 48'(row_bricks)) |
                  (48'(row_bricks) << BrickBeatBits != 48'(row_beats)) |
                  (48'(window_rows) * 48'(row_bricks) > 48'(HalfBricks)) | (32'(rows) > 32'd1 << TableBits) |
                  (48'(piece_rows) * 48'(items) < 48'(window_rows)) | (first_beats[31:24] != '0) |
                  (out_bytes > {12'd0, out_beats, 4'd0}) | (48'(out_beats) * 48'd16 > 48'(words) << RowByteBits);
    end
  end
  always_comb begin
    error = 8'(bt_brick_regs_pkg::ERR_NONE);
    if (dma_error) error = 8'(bt_brick_regs_pkg::ERR_READ);
    else if (state_q == StCheck) begin
      if (bad_magic) error = 8'(bt_brick_regs_pkg::ERR_MAGIC);
      else if (sum_q != '0) error = 8'(bt_brick_regs_pkg::ERR_SUM);
      else if (bad_align) error = 8'(bt_brick_regs_pkg::ERR_ALIGN);
      else if (bad_zero || bad_size) error = 8'(bt_brick_regs_pkg::ERR_SIZE);
    end else if (state_q == StItemWait && item_bad) error = 8'(bt_brick_regs_pkg::ERR_IMAGE);
  end

  // ---- which band, which item, which rows of the ifmap ----
  logic [15:0]        band_q, windows_q;       // band of the items; windows in place
  logic [15:0]        window_q;                // band of the window that is being loaded
  logic [31:0]        item_q, items_q;         // item of the band; items in place
  logic signed [31:0] top_q;                   // ifmap row, perhaps in the padding, under the window's first ofmap row
  logic [16:0]        left_q, first_q, next_q; // rows of the window not yet loaded; its first one; the next one
  logic [16:0]        window_row0_q, window_row1_q;
  logic [31:0]        item_addr_q, item_beats_q;
  logic [BeatBits-1:0] ifmap_beat_q;
  logic               set_q, first_window;
  logic [15:0]        window_span, piece;
  logic signed [31:0] bottom, low, high;
  logic               window_go, item_go, window_in, item_in, last_item, last_band;
  logic [47:0]        row_offset, piece_beats;

  assign last_item    = (item_q == items - 32'd1);
  assign last_band    = (band_q == bands - 16'd1);
  assign first_window = (windows_q == '0);
  assign window_span  = (window_q == bands - 16'd1) ? span_tail : span;
  assign piece        = first_window ? left_q[15:0] : (left_q > 17'(piece_rows)) ? piece_rows : left_q[15:0];
  assign window_go    = (state_q == StWindow) & ((window_q < 16'd2) | (bands_done_i > window_q - 16'd2));
  assign item_go      = (state_q == StItem) & (items_q - items_done_i < 32'd2);
  assign window_in    = (state_q == StWindowWait) & dma_done;
  assign item_in      = (state_q == StItemWait) & dma_done;

  // Rows of the ifmap under the window's band: at least one, whatever lies in the padding.
  always_comb begin
    bottom      = '0;
    low         = '0;
    high        = '0;
    row_offset  = '0;
    piece_beats = '0;
    if (state_q == StSetup) begin
      bottom = top_q + $signed({16'd0, window_span});
      low    = (top_q < 0) ? 32'sd0 : (top_q >= $signed({16'd0, h})) ? $signed({16'd0, h}) - 32'sd1 : top_q;
      high   = (bottom > $signed({16'd0, h})) ? $signed({16'd0, h}) : (bottom <= low) ? low + 32'sd1 : bottom;
    end
    if (state_q == StWindow) begin
      row_offset  = 48'(next_q) * 48'(row_beats);
      piece_beats = 48'(piece) * 48'(row_beats);
    end
  end

  // ---- transfers ----
  always_comb begin
    dma_start = 1'b0;
    dma_addr  = desc_addr_i;
    dma_beats = 24'd8;
    unique case (state_q)
      StFetch: dma_start = 1'b1;
      StTable: begin
        dma_start = 1'b1;
        dma_addr  = desc_q[bt_brick_regs_pkg::TABLE_ADDR_LSB +: 32];
        dma_beats = 24'd16;
      end
      StRows: begin
        dma_start = 1'b1;
        dma_addr  = desc_q[bt_brick_regs_pkg::ROWS_ADDR_LSB +: 32];
        dma_beats = (24'(rows) + 24'd1) >> 1;
      end
      StWindow: begin
        dma_start = window_go;
        dma_addr  = desc_q[bt_brick_regs_pkg::IFMAP_LSB +: 32] + {row_offset[27:0], 4'd0};
        dma_beats = piece_beats[23:0];
      end
      StItem: begin
        dma_start = item_go;
        dma_addr  = item_addr_q;
        dma_beats = item_beats_q[23:0];
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
    .pitch_i(32'd0),
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
      StCheck:      state_d = (error != '0) ? StIdle : has_table ? StTable : StRows;
      StTable:      state_d = StTableWait;
      StTableWait:  if (dma_done) state_d = dma_error ? StIdle : StRows;
      StRows:       state_d = StRowsWait;
      StRowsWait:   if (dma_done) state_d = dma_error ? StIdle : StSetup;
      StSetup:      state_d = first_window ? StWindow : StItem;
      StWindow:     if (window_go) state_d = StWindowWait;
      StWindowWait: if (dma_done) state_d = dma_error ? StIdle : (item_q != '0) ? StItem : StSetup;
      StItem:       if (item_go) state_d = StItemWait;
      StItemWait:   if (dma_done) begin
        state_d = (error != '0) ? StIdle : (left_q != '0) ? StWindow : !last_item ? StItem : last_band ? StIdle : StSetup;
      end
      default:      state_d = StIdle;
    endcase
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q        <= StIdle;
      sum_q          <= '0;
      beat_q         <= '0;
      band_q         <= '0;
      windows_q      <= '0;
      window_q       <= '0;
      item_q         <= '0;
      items_q        <= '0;
      top_q          <= '0;
      left_q         <= '0;
      next_q         <= '0;
      first_q        <= '0;
      window_row0_q  <= '0;
      window_row1_q  <= '0;
      item_addr_q    <= '0;
      item_beats_q   <= '0;
      ifmap_beat_q   <= '0;
      set_q          <= 1'b0;
    end else begin
      state_q <= state_d;
      if (dma_start) beat_q <= '0;
      else if (beat) beat_q <= beat_q + 24'd1;
      if (state_q == StFetch) sum_q <= '0;
      else if (state_q == StDesc && beat) sum_q <= sum_q ^ data[31:0] ^ data[63:32] ^ data[95:64] ^ data[127:96];

      if (state_q == StCheck) begin
        band_q       <= '0;
        windows_q    <= '0;
        window_q     <= '0;
        item_q       <= '0;
        items_q      <= '0;
        left_q       <= '0;
        top_q        <= -$signed({16'd0, pad_top});
        item_addr_q  <= desc_q[bt_brick_regs_pkg::WEIGHTS_LSB +: 32];
        item_beats_q <= first_beats;
        set_q        <= 1'b0;
      end
      if (state_q == StSetup && window_q < bands) begin
        first_q      <= low[16:0];
        next_q       <= low[16:0];
        left_q       <= 17'(high - low);
        ifmap_beat_q <= {window_q[0], {(BeatBits - 1){1'b0}}};
      end
      if (to_ifmap_o) ifmap_beat_q <= ifmap_beat_q + BeatBits'(1);
      // The half is free only now: until then the passes of the window before look at its first row.
      if (window_go) begin
        if (window_q[0]) window_row1_q <= first_q;
        else window_row0_q <= first_q;
        next_q <= next_q + 17'(piece);
        left_q <= left_q - 17'(piece);
      end
      if (window_in && left_q == '0) begin
        windows_q <= windows_q + 16'd1;
        window_q  <= window_q + 16'd1;
        top_q     <= top_q + $signed({8'd0, 24'(band_rows) * 24'(stride_h)});
      end
      if (item_in) begin
        items_q      <= items_q + 32'd1;
        item_q       <= last_item ? '0 : item_q + 32'd1;
        item_addr_q  <= last_item ? desc_q[bt_brick_regs_pkg::WEIGHTS_LSB +: 32] : item_addr_q + {item_beats_q[27:0], 4'd0};
        item_beats_q <= next_beats;
        if (head_end) set_q <= ~set_q;
        if (last_item && !last_band) band_q <= band_q + 16'd1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == StDesc && beat) desc_q[{beat_q[2:0], 7'd0} +: 128] <= data;
  end

  assign accepted_o = (state_q == StCheck) & (error == '0);
  assign rejected_o = ((state_q == StCheck) & (error != '0)) | item_in & (error != '0) |
                      (dma_done & dma_error & (state_q != StDesc) & (state_q != StItemWait));
  assign error_o    = error;
  assign idle_o     = (state_q == StIdle);
  assign items_o    = items_q;
  assign windows_o  = windows_q;
  assign window_row_o = {window_row1_q, window_row0_q};

  assign to_table_o   = beat & (state_q == StTableWait);
  assign table_beat_o = beat_q[3:0];
  assign to_rows_o    = beat & (state_q == StRowsWait);
  assign rows_beat_o  = beat_q[TableBits-2:0];
  assign to_ifmap_o   = beat & (state_q == StWindowWait);
  assign ifmap_beat_o = ifmap_beat_q;

  // ---- unpacking: head, records, steps ----

  assign item_beat   = beat & (state_q == StItemWait);
  assign head        = item_beat & (phase_q == PhHead);
  assign head_end    = head_q[bt_brick_regs_pkg::HEAD_END_LSB];
  assign packed_item = head_q[bt_brick_regs_pkg::HEAD_PACKED_LSB];
  assign steps       = head_q[bt_brick_regs_pkg::HEAD_STEPS_LSB +: 16];
  assign more        = (step_q < steps) & (step_q < 16'd1 << StepBits);   // else the beat belongs to no step
  assign count       = data[bt_brick_regs_pkg::STEP_COUNT_LSB +: 16];

  always_comb begin
    row_end = 1'b0;
    unique case (phase_q)
      PhRow:     row_end = item_beat & (packed_item ? count == '0 : raw_beat_q == RowBeatBits'(RowBeats - 1));
      PhEntries: row_end = item_beat & (count_q <= 16'(Entries));
      default:   row_end = 1'b0;
    endcase
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      phase_q    <= PhHead;
      head_q     <= '0;
      slot_q     <= '0;
      step_q     <= '0;
      count_q    <= '0;
      raw_beat_q <= '0;
      over_q       <= 1'b0;
    end else if (state_q == StItem) begin
      phase_q    <= PhHead;
      slot_q     <= '0;
      step_q     <= '0;
      raw_beat_q <= '0;
      over_q       <= 1'b0;
    end else if (item_beat) begin
      unique case (phase_q)
        PhHead: begin
          head_q  <= data[95:0];
          phase_q <= data[bt_brick_regs_pkg::HEAD_FIRST_LSB] ? PhRecords : PhRow;
        end
        PhRecords: begin
          slot_q <= slot_q + SlotBits'(1);
          if (slot_q == SlotBits'(Slots - 1)) phase_q <= PhRow;
        end
        PhRow: begin
          if (!more) over_q <= 1'b1;
          if (packed_item) begin
            count_q <= count;
            if (count != '0) phase_q <= PhEntries;
          end else begin
            raw_beat_q <= (raw_beat_q == RowBeatBits'(RowBeats - 1)) ? '0 : raw_beat_q + RowBeatBits'(1);
          end
        end
        default: begin
          count_q <= count_q - 16'(Entries);
          if (count_q <= 16'(Entries)) phase_q <= PhRow;
        end
      endcase
      if (row_end && more) step_q <= step_q + 16'd1;
    end
  end
  // Looked at behind the last beat: all steps are there, the last one complete, and nothing came behind them; and the next
  // item has beats, as many as the reader can count.
  assign next_beats = head_q[bt_brick_regs_pkg::HEAD_NEXT_LSB +: 32];
  assign item_bad = over_q | (phase_q != PhRow) | (raw_beat_q != '0) | (step_q != steps) | (steps == '0) |
                    (next_beats == '0) | (next_beats[31:24] != '0);

  // Entries: each one's lane follows from the skips of those before. Weights are only counted here.
  always_comb begin
    entry_o     = '0;
    entry_pos_o = '0;
    effectual_o = begin_o ? '0 : effectual_q;
    ahead_o     = begin_o ? '0 : ahead_q;
    aside_o     = begin_o ? '0 : aside_q;
    next_pos    = pos_q;
    select      = '0;
    if (item_beat && phase_q == PhEntries) begin
      for (int unsigned e = 0; e < Entries; e++) begin
        if (16'(e) < count_q) begin
          next_pos   = next_pos + PosBits'(data[EntryBits*e + Bits + 4 +: 4]);
          entry_o[e] = more;
          entry_pos_o[PosBits*e +: PosBits] = next_pos;
          next_pos   = next_pos + PosBits'(1);
          select     = data[EntryBits*e + Bits +: 4];
          if (data[EntryBits*e +: Bits] != '0) begin
            effectual_o = effectual_o + CountBits'(1);
            if (select != '0) begin
              if (Straight[select]) ahead_o = ahead_o + CountBits'(1);
              else aside_o = aside_o + CountBits'(1);
            end
          end
        end
      end
    end
    if (raw_o) begin
      for (int unsigned e = 0; e < 128 / Bits; e++) begin
        if (data[Bits*e +: Bits] != '0) effectual_o = effectual_o + CountBits'(1);
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (begin_o) pos_q <= '0;
    else if (item_beat) pos_q <= next_pos;
    if (item_beat) begin
      effectual_q <= effectual_o;
      ahead_q     <= ahead_o;
      aside_q     <= aside_o;
    end
  end

  assign head_o        = head;
  assign item_half_o   = items_q[0];
  assign item_set_o    = set_q;
  assign to_record_o   = item_beat & (phase_q == PhRecords);
  assign record_slot_o = slot_q;
  assign step_o        = {items_q[0], step_q[StepBits-1:0]};
  assign packed_o      = packed_item;
  assign begin_o       = item_beat & (phase_q == PhRow) & more & (packed_item | (raw_beat_q == '0));
  assign raw_o         = item_beat & (phase_q == PhRow) & more & ~packed_item;
  assign raw_beat_o    = raw_beat_q;
  assign end_o         = row_end & more;
  for (genvar t = 0; t < Tiles; t++) begin : g_base
    assign base_o[16*t +: 16] = packed_item ? data[bt_brick_regs_pkg::STEP_ROW_LSB + 16*t +: 16]
                                            : head_q[bt_brick_regs_pkg::HEAD_BASE_LSB +: 16] + step_q;
  end

  logic unused;
  assign unused = ^{row_offset[47:28], piece_beats[47:24], item_beats_q[31:28]};
endmodule
