// Properties of what the DaDianNao family shares, as bt_properties.sv explains. Together they say that no half of a memory is
// written while it is read: items and windows are loaded into free halves only (brick_load_items, brick_load_windows), passes
// begin when theirs are complete and their half of the ofmap memory is free (brick_walk_operands, brick_walk_room), and are
// over when nothing of them is under way (brick_walk_flight); each module may assume what its neighbour shows.

`ifdef PROVE_bt_requant_s16
  //@ file rtl/common/bt_requant_s16.sv
  //@ steps 3
  // Other words for ref_requantise_s64(): the multiplier's high half and the bit below it, saturated; the quotient and the bit
  // below it; saturation by looking at the bits above.
  logic               f_valid1_q, f_valid2_q, f_valid3_q;
  logic signed [47:0] f_acc_q;
  logic signed [63:0] f_prod2_q;
  logic [5:0]         f_shift_q;
  logic signed [31:0] f_scaled3_q;
  logic [15:0]        f_min_q, f_max_q;
  logic               f_past = 1'b0;
  always_ff @(posedge clk_i) begin
    f_past      <= 1'b1;
    f_valid1_q  <= valid_i;
    f_valid2_q  <= valid2_i;
    f_valid3_q  <= valid3_i;
    f_acc_q     <= {{16{bias_i[31]}}, bias_i} + sum_i;
    f_prod2_q   <= prod2_q;
    f_shift_q   <= shift_i;
    f_scaled3_q <= scaled3_q;
    f_min_q     <= min_i;
    f_max_q     <= max_i;
  end
  logic [15:0] f_reduced;
  assign f_reduced = (mult_i[30:16] == 15'h7fff) ? 16'h7fff : {1'b0, mult_i[30:16]} + {15'd0, mult_i[15]};

  logic signed [63:0] f_down, f_once;
  logic signed [31:0] f_fits;
  logic [5:0]         f_total;
  assign f_total = 6'd15 - f_shift_q;
  assign f_down  = f_prod2_q >>> f_total;
  assign f_once  = f_down + {63'd0, f_prod2_q[f_total - 6'd1]};
  assign f_fits  = (f_once[63:31] == {33{f_once[31]}}) ? f_once[31:0] : {f_once[63], {31{~f_once[63]}}};
  logic signed [31:0] f_low, f_high;
  assign f_low  = {{16{f_min_q[15]}}, f_min_q};
  assign f_high = {{16{f_max_q[15]}}, f_max_q};

  always_comb begin
    assume (!mult_i[31]);
    assume ($signed(shift_i) >= -6'sd31 && $signed(shift_i) <= 6'sd7);
    assume ($signed(min_i) <= $signed(max_i));
    // A sum of 48 bits times one of 15.
    assume (prod2_q[63:62] == 2'b00 || prod2_q[63:62] == 2'b11);
  end
  always_comb begin
    brick_requant_scale: assert (scale(48'sd1, mult_i) == {48'd0, f_reduced} && scale(-48'sd1, mult_i) == -{48'd0, f_reduced});
    if (f_past && f_valid1_q) brick_requant_bias: assert (acc1_q == f_acc_q);
    if (f_past && f_valid2_q) brick_requant_round: assert (scaled3_q == f_fits);
    if (f_past && f_valid3_q) begin
      brick_requant_clamp: assert ($signed(out_q) == ((f_scaled3_q < f_low) ? f_low : (f_scaled3_q > f_high) ? f_high : f_scaled3_q));
    end
  end
`endif

`ifdef PROVE_bt_brick_store
  //@ file build/gen/bt_brick/bt_brick_regs_pkg.sv rtl/common/bt_brick_store.sv
  //@ set Columns 16 Bits 16 WordBits 4
  //@ steps 14
  logic        f_reset_q = 1'b1;
  logic [15:0] f_answers_q;                      // addresses taken and not yet answered
  logic        f_aw_q, f_w_q, f_move_q, f_bad_q, f_run_q;
  logic [31:0] f_awaddr_q, f_end_q, f_aw_end_q, f_w_end_q, f_w_at_q, f_desc_q[5];
  logic [7:0]  f_awlen_q;
  logic [144:0] f_beat_q;
  logic [15:0] f_part_q;                         // beat of the pixel that was moved
  logic [31:0] f_ofmap;
  assign f_ofmap = desc_i[bt_brick_regs_pkg::OFMAP_LSB +: 32];
  always_comb begin
    assume (rst_ni == !f_reset_q);
    if (start_i) assume (idle_o);
    if (band_i) assume (!start_i && complete_q < bands && 16'(complete_q - band_q) < 16'd2);
    // Nothing is answered that was not asked for.
    if (m_axi_bvalid) assume (f_answers_q != '0);
    assume (f_answers_q < 16'd1000);
    // A legal descriptor, which stays while it runs; small numbers, for the solver's sake.
    assume (f_ofmap[3:0] == '0);
    assume (bands != '0 && bands < 16'd8 && ow != '0 && ow < 16'd8 && tail_rows != '0 && tail_rows < 16'd4);
    assume (pixels != '0 && pixels < 32'd32 && 16'(tail_rows[2:0] * ow[2:0]) <= pixels[15:0]);
    assume (out_beats != '0 && out_beats < 16'd8 && out_bytes != '0 && out_bytes <= {12'd0, out_beats, 4'd0});
    if (!start_i && f_run_q) assume (f_ofmap == f_desc_q[0] && pixels == f_desc_q[1] && out_bytes == f_desc_q[2] &&
                                     {bands, out_beats} == f_desc_q[3] && {tail_rows, ow} == f_desc_q[4]);
  end
  always_ff @(posedge clk_i) begin
    f_reset_q  <= 1'b0;
    f_run_q    <= ~f_reset_q;
    f_aw_q     <= ~f_reset_q & m_axi_awvalid & ~m_axi_awready;
    f_w_q      <= ~f_reset_q & m_axi_wvalid & ~m_axi_wready;
    f_bad_q    <= ~f_reset_q & m_axi_bvalid & (m_axi_bresp != 2'b00) & ~start_i;
    f_move_q   <= ~f_reset_q & move;
    f_awaddr_q <= m_axi_awaddr;
    f_awlen_q  <= m_axi_awlen;
    f_beat_q   <= {m_axi_wlast, m_axi_wstrb, m_axi_wdata};
    f_part_q   <= beat_q;
    f_desc_q[0] <= f_ofmap;
    f_desc_q[1] <= pixels;
    f_desc_q[2] <= out_bytes;
    f_desc_q[3] <= {bands, out_beats};
    f_desc_q[4] <= {tail_rows, ow};
    if (f_reset_q) begin
      f_answers_q <= '0;
      f_end_q     <= '0;
    end else begin
      f_answers_q <= f_answers_q + {15'd0, m_axi_awvalid & m_axi_awready} - {15'd0, m_axi_bvalid};
      if (start_i) f_end_q <= f_ofmap;
      else if (begin_band) f_end_q <= addr_q + 32'(9'(f_pixels) * 9'(out_beats)) * 32'd16;
      if (aw_go) f_aw_end_q <= f_end_q;
      if (move) begin
        f_w_end_q <= f_end_q;
        f_w_at_q  <= addr_q;
      end
    end
  end
  logic [8:0]  f_pixels;                         // of the band
  logic [31:0] f_to_come;                        // beats of it that have not left the memory
  logic [15:0] f_strobes;
  assign f_pixels  = (band_q == bands - 16'd1) ? 9'(tail_rows) * 9'(ow) : 9'(pixels);
  assign f_to_come = running_q ? 32'(9'(pixel_q) * 9'(out_beats)) - {16'd0, beat_q} : 32'd0;
  for (genvar k = 0; k < 16; k++) begin : g_strobe
    assign f_strobes[k] = {12'd0, f_part_q, 4'd0} + 32'(k) < out_bytes;
  end
  always_comb if (!f_reset_q) begin
    // AXI: what was offered stays until it is taken.
    if (f_aw_q) begin
      brick_store_address_held: assert (m_axi_awvalid);
      brick_store_address_stable: assert (m_axi_awaddr == f_awaddr_q && m_axi_awlen == f_awlen_q);
    end
    if (f_w_q) begin
      brick_store_data_held: assert (m_axi_wvalid);
      brick_store_data_stable: assert ({m_axi_wlast, m_axi_wstrb, m_axi_wdata} == f_beat_q);
    end
    // A burst stays in its line of 256 bytes, and ends with it or with the band; so does the data's last beat.
    if (m_axi_awvalid) begin
      brick_store_line: assert (m_axi_awsize == 3'd4 && m_axi_awburst == 2'b01 && m_axi_awaddr[3:0] == '0 &&
                                {5'd0, m_axi_awaddr[7:4]} + {1'b0, m_axi_awlen} < 9'd16);
      brick_store_burst: assert (aw_next_q == m_axi_awaddr + {20'd0, m_axi_awlen, 4'd0} + 32'd16 &&
                                 (aw_next_q[7:4] == '0 || aw_next_q == f_aw_end_q));
    end
    if (m_axi_wvalid) begin
      brick_store_wlast: assert (m_axi_wlast == (f_w_at_q[7:4] == 4'hf || f_w_at_q + 32'd16 == f_w_end_q));
    end
    // Every beat of a band, each at its place: addresses and data go over the same stretch, and neither over its end.
    brick_store_count: assert (f_end_q == addr_q + 32'(f_to_come[11:0]) * 32'd16 && left_q[47:12] == '0 &&
                               f_end_q == aw_next_q + 32'(left_q[11:0]) * 32'd16 && f_to_come < 32'd256 && left_q < 48'd256);
    // Where it is: in which band, at which pixel, before which bytes of it.
    brick_store_places: assert ((!running_q || (pixel_q != '0 && pixel_q <= 32'(f_pixels) && beat_q < out_beats)) &&
                                (start_i || (complete_q <= bands && 16'(complete_q - band_q) <= 16'd2 && (!running_q || complete_q != band_q) &&
                               band_q <= complete_q && (!read_o || band_q < bands))) &&
                                (!running_q || rest_q == (({12'd0, beat_q, 4'd0} < out_bytes) ? out_bytes - {12'd0, beat_q, 4'd0} : '0)) &&
                                (addr_q[3:0] == '0 && aw_next_q[3:0] == '0));
    if (f_move_q) brick_store_strobes: assert (m_axi_wstrb == f_strobes);
    brick_store_idle: assert (open_q == f_answers_q + {15'd0, m_axi_awvalid} &&
                              (!idle_o || (!m_axi_awvalid && !m_axi_wvalid && f_answers_q == '0 && addr_q == aw_next_q)));
    if (f_bad_q) brick_store_error: assert (error_o);
  end
`endif

`ifdef PROVE_bt_brick_walk
  //@ file build/gen/bt_brick/bt_brick_regs_pkg.sv rtl/common/bt_brick_walk.sv
  //@ set Tiles 1 Window 1 BrickBits 4 StepBits 1 PixelBits 3 TableBits 2 CountBits 2
  //@ cut mul
  //@ steps 26
  logic        f_reset_q = 1'b1;
  logic [7:0]  f_way_q;                          // steps under way: bit i was issued i + 1 cycles ago
  logic [31:0] f_pass_q;
  logic        f_live_q, f_started_q, f_abort_q;
  logic [15:0] f_bands_q, f_band_rows_q, f_tail_rows_q, f_ow_q;
  logic [31:0] f_items_q;
  always_comb begin
    assume (rst_ni == !f_reset_q);
    // A descriptor is accepted when nothing runs, and fetched for longer than a step is under way.
    if (start_i) assume (idle_o && f_way_q == '0 && !abort_i);
    // The loader is ahead by two items at most, and does not touch an item that is there (brick_load_items).
    assume (f_started_q || items_i - pass_q <= 32'd2);
    if (head_i && items_i != pass_q) assume (item_half_i != half);
    if (head_i) assume (items_i - pass_q < 32'd2);
    if (items_i != pass_q) assume (steps != '0 && steps <= (StepBits + 1)'(2));
    if (state_q == StRun || state_q == StTurn) assume (items_i != pass_q);
    // Bands leave the ofmap memory that are in it, and come back when they are written (brick_store_bands).
    assume (bands_stored_i <= band_q);
    // A legal descriptor, which stays while it runs.
    assume (bands != '0 && items != '0 && ow != '0 && band_rows != '0 && tail_rows != '0 && tail_rows <= band_rows);
    if (!start_i && f_live_q) assume (bands == f_bands_q && items == f_items_q && ow == f_ow_q && band_rows == f_band_rows_q &&
                                      tail_rows == f_tail_rows_q);
  end
  always_ff @(posedge clk_i) begin
    f_reset_q     <= 1'b0;
    f_live_q      <= ~f_reset_q;
    f_started_q   <= f_reset_q;
    f_abort_q     <= ~f_reset_q & abort_i;
    f_way_q       <= f_reset_q ? '0 : {f_way_q[6:0], computing_o};
    f_pass_q      <= pass_q;
    f_bands_q     <= bands;
    f_items_q     <= items;
    f_ow_q        <= ow;
    f_band_rows_q <= band_rows;
    f_tail_rows_q <= tail_rows;
  end
  logic [15:0] f_ahead;                          // bands between write-back and passes
  assign f_ahead = bands_done_o - bands_stored_i;
  always_comb if (!f_reset_q) begin
    // A pass begins with an item and the window of its band, and where its results have room.
    if (out_begin_o) begin
      brick_walk_operands: assert (items_i - items_done_o != '0 && items_i - items_done_o <= 32'd2 && windows_i > bands_done_o);
      brick_walk_room: assert (f_ahead < 16'd2);
    end
    // It waits for nothing else.
    brick_walk_waits: assert (state_q != StWait || out_begin_o || items_i == items_done_o || windows_i <= bands_done_o ||
                              f_ahead >= 16'd2);
    // It is over when its last step has come through, in that cycle; until then nothing that steps under way need changes.
    brick_walk_flight: assert ((state_q != StTurn || (!flight_q[3] && 8'(f_way_q << flight_q[2:0]) == 8'h80)) &&
                               (state_q != StWait || f_way_q == '0) &&
                               (!pass_o || f_way_q == 8'h80));
    brick_walk_overtaken: assert (f_way_q == '0 || pass_q == f_pass_q);
    // Steps, pixels, items, bands that there are.
    brick_walk_steps: assert (state_q != StRun || step_q < steps);
    brick_walk_pixels: assert (state_q != StRun || (ox_q < ow && oy_q < (last_band ? tail_rows : band_rows)));
    brick_walk_bands: assert (state_q == StIdle || (band_q < bands && item_q < items));
    brick_walk_band: assert (!band_o || (pass_o && item_q == items - 32'd1 && !idle_o));
    // Control looks at the write-back in the cycle of the abort: nothing may come behind.
    brick_walk_abort: assert (!abort_i || (!band_o && !pass_o));
    brick_walk_aborted: assert (!f_abort_q || idle_o);
    // Each cycle has a name.
    brick_walk_terms: assert (idle_o || filling_o || computing_o || turning_o || load_stall_o || store_stall_o);
  end
`endif

`ifdef PROVE_bt_brick_load
  //@ file build/gen/bt_brick/bt_brick_regs_pkg.sv rtl/common/bt_brick_load.sv
  //@ blackbox rtl/common/bt_axi_read.sv
  //@ set Tiles 1 Filters 2 Lanes 16 Bits 8 StepBits 2 BeatBits 5 PixelBits 4 WordBits 4 TableBits 3
  //@ cut mul shift shl
  //@ steps 24
  logic        f_reset_q = 1'b1;
  logic        f_waiting, f_stop_q, f_fresh_q, f_live_q;
  logic [31:0] f_done_q;                         // items, bands that the array is done with
  logic [15:0] f_bands_done_q;
  logic [15:0] f_steps_q, f_ends_q, f_entries_q; // of the item: steps that its head states, complete; entries to come
  logic        f_headed_q, f_last_end_q, f_packed_q;
  logic [31:0] f_next_q;
  logic [3:0]  f_entries;
  assign f_waiting = (state_q == StDesc) | (state_q == StTableWait) | (state_q == StRowsWait) | (state_q == StWindowWait) |
                     (state_q == StItemWait);
  always_comb begin
    assume (rst_ni == !f_reset_q);
    if (start_i) assume (idle_o);
    // The reader is done once for every transfer, behind its last beat.
    if (dma_done || beat) assume (f_waiting && !(dma_done && beat));
    // The array is done with what is there, one at a time (brick_walk_operands, brick_walk_bands).
    if (f_live_q) begin
      assume (items_done_i == f_done_q || (items_done_i == f_done_q + 32'd1 && f_done_q != items_q && state_q > StCheck));
      assume (bands_done_i == f_bands_done_q ||
              (bands_done_i == f_bands_done_q + 16'd1 && f_bands_done_q < windows_q && state_q > StCheck));
    end else begin
      assume (items_done_i == '0 && bands_done_i == '0);
    end
    // What is cut, as far as the size check bounds it.
    if (state_q == StWindow && piece != '0 && row_beats != '0) assume (piece_beats[23:0] != '0);
  end
  always_comb begin
    f_entries = '0;
    for (int unsigned i = 0; i < Entries; i++) f_entries = f_entries + {3'd0, entry_o[i]};
  end
  always_ff @(posedge clk_i) begin
    f_reset_q      <= 1'b0;
    f_live_q       <= ~f_reset_q & ~accepted_o;
    f_stop_q       <= ~f_reset_q & rejected_o;
    f_done_q       <= (f_reset_q || state_q == StCheck) ? '0 : items_done_i;
    f_bands_done_q <= (f_reset_q || state_q == StCheck) ? '0 : bands_done_i;
    if (f_reset_q || state_q == StItem) begin
      f_headed_q   <= 1'b0;
      f_ends_q     <= '0;
      f_entries_q  <= '0;
      f_last_end_q <= 1'b0;
    end else if (item_beat) begin
      f_headed_q   <= 1'b1;
      f_last_end_q <= end_o;
      if (!f_headed_q) begin
        f_steps_q  <= data[bt_brick_regs_pkg::HEAD_STEPS_LSB +: 16];
        f_packed_q <= data[bt_brick_regs_pkg::HEAD_PACKED_LSB];
        f_next_q   <= data[bt_brick_regs_pkg::HEAD_NEXT_LSB +: 32];
      end
      f_ends_q <= f_ends_q + {15'd0, end_o};
      if (begin_o && f_packed_q) f_entries_q <= data[bt_brick_regs_pkg::STEP_COUNT_LSB +: 16];
      else f_entries_q <= f_entries_q - {12'd0, f_entries};
    end
  end
  always_comb if (!f_reset_q) begin
    // Into a free half only: of the weight memory, of the ifmap memory.
    brick_load_items: assert (state_q <= StCheck || (items_q - items_done_i <= 32'd2 &&
                              (state_q != StItemWait || items_q - items_done_i < 32'd2)));
    brick_load_windows: assert (state_q != StWindowWait || {1'b0, window_q} < {1'b0, bands_done_i} + 17'd2);
    // Either accepted or refused, what is refused loads nothing, and the loader is free again.
    brick_load_verdict: assert (!(accepted_o && rejected_o) && (!rejected_o || (error_o != '0 && !dma_start)));
    brick_load_stops: assert (!f_stop_q || idle_o);
    brick_load_checked: assert (!accepted_o || (sum_q == '0 && !bad_magic && !bad_align && !bad_zero && !bad_size && !dma_error));
    brick_load_read_error: assert (!(dma_done && dma_error && f_waiting && state_q != StDesc) ||
                                   (rejected_o && error_o == 8'(bt_brick_regs_pkg::ERR_READ)));
    brick_load_image_error: assert (!(state_q == StItemWait && dma_done && item_bad) || rejected_o);
    // An item that counts has the steps that its head states, each complete, nothing behind them, and says what comes next.
    brick_load_image: assert (!(state_q == StItemWait && dma_done && !rejected_o) ||
                              (f_headed_q && f_ends_q == f_steps_q && f_steps_q != '0 && f_last_end_q));
    // Weights only into steps of the item, those of a packed step as many as it states.
    brick_load_steps: assert (!(begin_o || raw_o || end_o || entry_o != '0) || (f_headed_q && f_ends_q < f_steps_q &&
                              step_o == {items_q[0], f_ends_q[StepBits-1:0]}));
    brick_load_entries: assert (state_q != StItemWait || !more || (phase_q != PhEntries ? f_entries_q == '0 :
                                (packed_item && count_q == f_entries_q && count_q != '0 && raw_beat_q == '0 &&
                                 f_entries == (!item_beat ? 4'd0 : (count_q > 16'(Entries)) ? 4'(Entries) : count_q[3:0]))));
    // Every transfer has beats, so that every state but those that wait for the array is left.
    brick_load_progress: assert (!dma_start || dma_beats != '0);
    // How far an item is, and that a window has rows.
    brick_load_state: assert ((state_q <= StCheck || window_q == windows_q) &&
                              (state_q != StItemWait || (!f_headed_q && f_ends_q == '0 && step_q == '0) ||
                               (f_headed_q && head_q[bt_brick_regs_pkg::HEAD_STEPS_LSB +: 16] == f_steps_q && step_q == f_ends_q &&
                               f_ends_q <= f_steps_q && f_ends_q <= 16'd4 && packed_item == f_packed_q && next_beats == f_next_q &&
                               (!packed_item || raw_beat_q == '0))) &&
                              (state_q != StItemWait || phase_q != PhRow || over_q || raw_beat_q != '0 || f_last_end_q ||
                               f_ends_q == '0) &&
                              (state_q != StItemWait || more || over_q || (phase_q != PhEntries && raw_beat_q == '0)) &&
                              (state_q != StItemWait || phase_q == PhRow || phase_q == PhEntries ||
                               (f_ends_q == '0 && f_entries_q == '0 && raw_beat_q == '0 && !over_q)) &&
                              (state_q != StItemWait || (f_headed_q == (phase_q != PhHead) && (f_headed_q || raw_beat_q == '0))) &&
                              (state_q <= StCheck || (item_beats_q[23:0] != '0 && piece_rows != '0 && row_beats != '0 && rows != '0 &&
                               h != '0 && bands != '0)) &&
                              (!left_q[16] && (state_q != StWindow || left_q != '0)));
    brick_load_one_target: assert ({1'b0, to_rows_o} + {1'b0, to_table_o} + {1'b0, to_ifmap_o} + {1'b0, head_o | to_record_o} <= 2'd1);
  end
`endif
