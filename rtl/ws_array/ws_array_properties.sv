// Properties of the room's modules, as rtl/common/bt_properties.sv explains. Together they say that an accumulator half is
// added to or written back, never both: the array begins a filter tile only with a free half (exec_halves) and adds to none
// that is complete (exec_acc_half), the store engine reads and gives back only complete ones (store_halves), so that each
// may assume what the other shows. The same of windows, chunks and parameters between loader and array.

`ifdef PROVE_ws_array_load
  //@ file build/gen/ws_array/ws_array_regs_pkg.sv rtl/ws_array/ws_array_pkg.sv rtl/ws_array/ws_array_load.sv
  //@ blackbox rtl/common/bt_axi_read.sv
  //@ set Dim 8 SpadBytes 4096 AccRowBits 6
  //@ cut mul shift
  //@ steps 20
  logic        f_reset_q = 1'b1;
  logic [7:0]  f_windows_q, f_window_slots_q;     // under way or in use, and slots, of the running layer
  logic [15:0] f_chunks_q, f_weight_slots_q;
  logic [2:0]  f_params_q;
  logic        f_offer_q, f_stop_q, f_barrier;
  assign f_barrier = (state_q == StBarrier);
  always_comb begin
    assume (rst_ni == !f_reset_q);
    if (start_i) assume (idle_o);
    // The reader is done once for every transfer, in the cycle after its last beat.
    if (dma_done) assume (!beat && (state_q == StDesc || state_q == StTable || window_wait || item_wait));
    // Nothing is given back that was not loaded (exec_window_back, exec_chunk_back), and nothing is left when drained.
    if (window_free_i) assume (f_windows_q != '0);
    if (chunk_free_i) assume (f_chunks_q != '0);
    if (param_free_i) assume (f_params_q != '0 && !start_i);
    if (drained_i) assume (f_windows_q == '0 && !window_free_i && !chunk_free_i);
    if (take_i) assume (offer_o);
    // All descriptors of a layer name the same slots.
    if (state_q == StCheck && !first) assume (window_slots == f_window_slots_q && weight_slots == f_weight_slots_q);
  end
  logic window_wait, item_wait;
  assign window_wait = (state_q == StWindowWait);
  assign item_wait   = (state_q == StItemWait);
  always_ff @(posedge clk_i) begin
    f_reset_q <= 1'b0;
    f_stop_q  <= ~f_reset_q & rejected_o;
    if (f_reset_q) begin
      f_windows_q      <= '0;
      f_chunks_q       <= '0;
      f_params_q       <= '0;
      f_offer_q        <= 1'b0;
      f_window_slots_q <= '0;
      f_weight_slots_q <= '0;
    end else begin
      f_windows_q <= f_windows_q + {7'd0, window_go} - {7'd0, window_free_i};
      f_chunks_q  <= (f_barrier && drained_i) ? '0 : f_chunks_q + {15'd0, item_go & ~kept} - {15'd0, chunk_free_i};
      f_params_q  <= start_i ? '0 : f_params_q + {2'd0, item_go & with_params} - {2'd0, param_free_i};
      f_offer_q   <= accepted_o | (f_offer_q & ~take_i & ~start_i);
      if (f_barrier && drained_i) begin
        f_window_slots_q <= window_slots;
        f_weight_slots_q <= weight_slots;
      end
    end
  end
  logic f_loading;                                // of this descriptor, behind its barrier
  assign f_loading = (state_q > StBarrier);
  always_comb if (!f_reset_q) begin
    // A slot that is in use is not loaded.
    load_windows: assert (f_barrier || (windows_held_q == f_windows_q && windows_held_q <= f_window_slots_q));
    load_chunks: assert (f_barrier || (chunks_held_q == f_chunks_q && chunks_held_q <= f_weight_slots_q));
    load_params: assert (params_held_q == f_params_q && params_held_q <= 3'(ws_array_regs_pkg::PARAM_SLOTS));
    load_slots: assert (f_barrier || f_window_slots_q == '0 ||
                        (window_slot_q < f_window_slots_q && slot_q < f_weight_slots_q));
    load_layer: assert ((state_q < StBarrier || (window_slots != '0 && weight_slots != '0)) &&
                        (!f_loading || (window_slots == f_window_slots_q && weight_slots == f_weight_slots_q)));
    // Either accepted or refused, and what is refused loads nothing.
    load_verdict: assert (!accepted_o || !rejected_o);
    load_refused: assert (!rejected_o || (!dma_start && !to_spad_o && !to_param_o && !to_table_o));
    load_stops: assert (!f_stop_q || idle_o);
    load_checked: assert (!accepted_o || (sum_q == '0 && !bad_magic && !bad_align && !bad_zero && !bad_bank && !bad_order &&
                                          !dma_error));
    // Offered when accepted, and once.
    load_offers: assert (!offer_o || f_offer_q);
    load_taken: assert (idle_o || f_offer_q == ((state_q > StCheck) & ~taken_q));
    load_one_target: assert ({1'b0, to_spad_o} + {1'b0, to_param_o} + {1'b0, to_table_o} <= 2'd1);
  end
`endif

`ifdef PROVE_ws_array_exec
  //@ file build/gen/ws_array/ws_array_regs_pkg.sv rtl/ws_array/ws_array_pkg.sv rtl/ws_array/ws_array_exec.sv
  //@ set Dim 8 SpadBytes 4096 AccRowBits 4
  //@ cut mul shiftx mem_v2
  //@ steps 26
  logic       f_reset_q = 1'b1;
  logic       f_aborted_q;           // nothing more will be complete until the next list
  logic       f_tile_q;              // a filter tile is begun, and its last pass not ended
  logic [1:0] f_halves_q;            // begun and not given back
  logic [1:0] f_complete_q;          // of them, those that can be read
  logic       f_half_q;              // which half is read next
  logic       f_window_q, f_offer_q;
  logic [24:0] f_chunks_q;           // given back
  logic [4:0] f_ends;                // ends of filter tiles on their way
  logic       f_ends_tile;
  assign f_ends_tile = busy_q & ends_tile_q;
  always_comb begin
    f_ends = '0;
    for (int unsigned i = 0; i < Depth; i++) f_ends = f_ends + {4'd0, tags_q[TagBits*i + TagBits - 1]};
    for (int unsigned i = 0; i < Groups + 2; i++) f_ends = f_ends + {4'd0, tile_q[i]};
  end
  // Which half each result on its way is for: the tiles follow each other, and their halves alternate.
  logic [Depth:0] f_parity;          // of the ends before this one
  logic [Depth-1:0] f_wrong;
  assign f_parity[Depth] = f_half_q ^ f_complete_q[0] ^ (^tile_q);
  for (genvar i = 0; i < Depth; i++) begin : g_tag
    assign f_parity[i] = f_parity[i+1] ^ tags_q[TagBits*i + TagBits - 1];
    assign f_wrong[i]  = tags_q[TagBits*i + TagBits - 2] & (tags_q[TagBits*i + TagBits - 3] != f_parity[i+1]);
  end
  always_comb begin
    assume (rst_ni == !f_reset_q);
    if (start_i) assume (idle_o && !abort_i && !half_free_i);
    if (f_aborted_q && !start_i) assume (abort_i);
    if (start_i) assume (!offer_i);
    // A legal descriptor (load_checked).
    if (offer_i) assume (desc_i[ws_array_regs_pkg::RUNS_X_LSB +: 16] != '0 && desc_i[ws_array_regs_pkg::RUNS_Y_LSB +: 16] != '0 &&
                         desc_i[ws_array_regs_pkg::RUN_WORDS_LSB +: 16] != '0 && desc_i[ws_array_regs_pkg::N_TILES_LSB +: 16] != '0 &&
                         desc_i[ws_array_regs_pkg::PIXELS_LSB +: 16] != '0);
    // Only complete halves are given back (store_halves).
    if (half_free_i) assume (f_complete_q != '0);
    if (take_i) assume (offer_o);
    assume (need_items_q < 24'd1000000);
  end
  always_ff @(posedge clk_i) begin
    f_reset_q   <= 1'b0;
    f_aborted_q <= ~f_reset_q & (abort_i | (f_aborted_q & ~start_i));
    if (f_reset_q || start_i) begin
      f_tile_q     <= 1'b0;
      f_halves_q   <= '0;
      f_complete_q <= '0;
      f_half_q     <= 1'b0;
      f_window_q   <= 1'b0;
      f_chunks_q   <= '0;
      f_offer_q    <= 1'b0;
    end else begin
      f_tile_q     <= (go & tile_begin) | (f_tile_q & ~(pass_end & ends_tile_q));
      f_halves_q   <= f_halves_q + {1'b0, go & tile_begin} - {1'b0, half_free_i};
      f_complete_q <= f_complete_q + {1'b0, tile_o} - {1'b0, half_free_i};
      f_half_q     <= f_half_q ^ half_free_i;
      f_chunks_q   <= f_chunks_q + {24'd0, chunk_free_o};
      f_window_q   <= take_o | (f_window_q & ~window_free_o);
      f_offer_q    <= take_o | (f_offer_q & ~take_i & ~start_i);   // an end before its time does not take it back
    end
  end
  always_comb if (!f_reset_q) begin
    // Halves: those that are free and those that are not, never less than none; begun only with a free one.
    exec_halves: assert ({1'b0, halves_q} + {1'b0, f_halves_q} == 3'd2);
    exec_half_taken: assert (!(go && tile_begin) || halves_q != '0);
    exec_tiles: assert ({3'd0, f_halves_q} == {3'd0, f_complete_q} + f_ends + {4'd0, f_tile_q});
    // Nothing is added to a half that is complete.
    exec_acc_half: assert (f_wrong == '0 && (!busy_q || run_half_q == f_parity[0]));
    exec_next_half: assert (f_aborted_q || half_q == (f_half_q ^ f_halves_q[0] ^ (pending_q & ~tile_begin)));
    // Where the next pass stands in its tile.
    exec_position: assert (!pending_q || (tile_begin == (!f_tile_q || f_ends_tile) && word_q < run_words && kx_q < runs_x &&
                                          ky_q < runs_y));
    exec_tile: assert ((f_tile_q || !busy_q) && (f_aborted_q || pending_q || !f_tile_q || f_ends_tile));
    // Not before the operands are there, and never in the middle of a pass.
    exec_operands: assert (!go || (windows_i >= need_windows_q && items_i >= need_items_q));
    exec_whole_passes: assert (!go || !busy_q || pass_end);
    exec_aborts: assert (!go || !abort_i);
    // A descriptor is taken when the one before is done, handed on once, and its window given back once. No chunk is given
    // back that was not waited for, nor the one of the next pass.
    exec_takes: assert (!take_o || (offer_i && !busy_q && !f_offer_q && (!f_window_q || f_aborted_q)));
    exec_offers: assert (offer_o == f_offer_q);
    exec_window_back: assert (!window_free_o || f_window_q);
    exec_window_kept: assert (f_aborted_q ? !pending_q && (f_window_q || !busy_q || !ends_desc_q)
                                          : {1'b0, f_window_q} == {1'b0, pending_q} + {1'b0, busy_q & ends_desc_q});
    exec_chunk_back: assert (f_chunks_q + {24'd0, busy_q & ends_chunk_q} + {24'd0, pending_q} <= {1'b0, need_items_q} &&
                             f_chunks_q <= {1'b0, need_items_q} && (!kept_q || resident));
    // Every cycle counts for one term; what is left is the drain.
    exec_one_term: assert ({2'd0, filling_o} + {2'd0, computing_o} + {2'd0, load_stall_o} + {2'd0, store_stall_o} +
                           {2'd0, begun_q & finished_q & ~busy_q} == 3'd1);
    exec_idle: assert (!idle_o || (!busy_q && !acc_o && !tile_o && !offer_o));
  end
`endif

`ifdef PROVE_ws_array_store
  //@ file build/gen/ws_array/ws_array_regs_pkg.sv rtl/ws_array/ws_array_store.sv
  //@ blackbox rtl/common/bt_ram.sv
  //@ set Dim 8 AccRowBits 4
  //@ cut mul shiftx
  //@ steps 20
  logic          f_reset_q = 1'b1;
  logic          f_awheld_q, f_wheld_q, f_bad_q;
  logic [31:0]   f_awaddr_q;
  logic [127:0]  f_wdata_q;
  logic [15:0]   f_wstrb_q;
  logic [15:0]   f_aws_q, f_ws_q;      // addresses and data taken, writes not yet answered
  logic [1:0]    f_complete_q;         // filter tiles complete, and not given back
  logic          f_half_q, f_given_q;
  logic [QueueBits:0] f_pending;       // windows begun whose row is not in the queue
  logic          f_legal, f_whole;
  always_comb begin
    f_pending = {4'd0, running_q & ~window_begin};
    for (int unsigned i = 0; i < Flight; i++) f_pending = f_pending + {4'd0, last_q[i]};
    f_legal = (n_tail != '0 && n_tail <= n_valid && n_valid <= 8'(Dim) && kh != '0 && kw != '0 && out_rows != '0 &&
               out_cols != '0 && n_tiles != '0);
    f_whole = (last_q == '0) & ~running_q & (rows_q == '0);
  end
  always_comb begin
    assume (rst_ni == !f_reset_q);
    // A legal descriptor (load_checked).
    if (offer_i) assume (desc_i[ws_array_regs_pkg::N_TAIL_LSB +: 8] != '0 &&
                         desc_i[ws_array_regs_pkg::N_TAIL_LSB +: 8] <= desc_i[ws_array_regs_pkg::N_VALID_LSB +: 8] &&
                         desc_i[ws_array_regs_pkg::N_VALID_LSB +: 8] <= 8'(Dim) &&
                         desc_i[ws_array_regs_pkg::POOL_KH_LSB +: 8] != '0 && desc_i[ws_array_regs_pkg::POOL_KW_LSB +: 8] != '0 &&
                         desc_i[ws_array_regs_pkg::OUT_ROWS_LSB +: 16] != '0 &&
                         desc_i[ws_array_regs_pkg::OUT_COLS_LSB +: 16] != '0 && desc_i[ws_array_regs_pkg::N_TILES_LSB +: 16] != '0);
    // A half is complete only once it was given back (exec_halves, exec_tiles); nothing is answered that was not asked.
    if (tile_i) assume (f_complete_q != 2'd2 && !start_i);
    if (start_i) assume (idle_o && f_complete_q == '0);
    if (m_axi_bvalid) assume (f_aws_q != '0 && f_ws_q != '0);
    assume (open_q < 16'd1000);
  end
  always_ff @(posedge clk_i) begin
    f_reset_q  <= 1'b0;
    f_awheld_q <= ~f_reset_q & m_axi_awvalid & ~m_axi_awready;
    f_wheld_q  <= ~f_reset_q & m_axi_wvalid & ~m_axi_wready;
    f_bad_q    <= ~f_reset_q & ~start_i & m_axi_bvalid & (m_axi_bresp != 2'b00);
    f_awaddr_q <= m_axi_awaddr;
    f_wdata_q  <= m_axi_wdata;
    f_wstrb_q  <= m_axi_wstrb;
    f_given_q  <= ~f_reset_q & (f_given_q | (offer_i & take_o));
    f_aws_q    <= f_reset_q ? '0 : f_aws_q + {15'd0, m_axi_awvalid & m_axi_awready} - {15'd0, m_axi_bvalid};
    f_ws_q     <= f_reset_q ? '0 : f_ws_q + {15'd0, m_axi_wvalid & m_axi_wready} - {15'd0, m_axi_bvalid};
    f_complete_q <= f_reset_q ? '0 : f_complete_q + {1'b0, tile_i} - {1'b0, half_free_o};
    f_half_q     <= ~f_reset_q & ~start_i & (f_half_q ^ half_free_o);
  end
  always_comb if (!f_reset_q) begin
    if (f_awheld_q) store_awheld: assert (m_axi_awvalid && m_axi_awaddr == f_awaddr_q);
    if (f_wheld_q) store_wheld: assert (m_axi_wvalid && m_axi_wdata == f_wdata_q && m_axi_wstrb == f_wstrb_q);
    // One beat, aligned: no boundary can be crossed.
    if (m_axi_awvalid)
      store_aligned: assert (m_axi_awaddr[3:0] == '0 && m_axi_awlen == '0 && m_axi_awsize == 3'd4 && m_axi_wlast);
    if (m_axi_wvalid) store_strobe: assert (m_axi_wstrb != '0);
    store_open: assert ({1'b0, open_q} == {1'b0, f_aws_q} + {16'd0, m_axi_awvalid} &&
                        {1'b0, open_q} == {1'b0, f_ws_q} + {16'd0, m_axi_wvalid});
    if (f_bad_q) store_error: assert (error_o);
    // Rows of the queue: free ones, those in it, those on their way to it.
    store_room: assert ({2'd0, room_q} + {2'd0, rows_q} + {2'd0, f_pending} == 7'(2 ** QueueBits));
    store_queue: assert (in_q - out_q == rows_q[QueueBits-1:0] && rows_q <= (QueueBits + 1)'(2 ** QueueBits));
    store_beats: assert ((rows_q == '0 ? beat_q == '0 : 10'({beat_q, 4'd0}) < row_bytes) &&
                         (!stage1_q || 10'({beat1_q, 4'd0}) < bytes1_q));
    // Only complete halves are read, in turn, and given back.
    store_halves: assert ({1'b0, f_complete_q} == {1'b0, waiting_q} + {2'd0, running_q} && f_complete_q != 2'd3 &&
                          half_q == f_half_q);
    store_reads: assert ((!read_o && !half_free_o) || (running_q && f_complete_q != '0));
    store_places: assert (running_q ? wy_q < kh && wx_q < kw && active_q : window_begin);
    // A descriptor is taken when all rows of the one before have left the queue; without one nothing is written.
    store_takes: assert (!take_o || (offer_i && !active_q && f_whole && f_pending == '0));
    store_given: assert (f_given_q ? f_legal : f_whole && !active_q && !stage1_q && !m_axi_awvalid && !m_axi_wvalid);
    store_parameters: assert (!begin_o || (flight_q == '0 && !running_q && waiting_q != '0));
    store_landed: assert ((last_q & ~flight_q) == '0);
    store_idle: assert (!idle_o || (f_whole && !m_axi_awvalid && !m_axi_wvalid && f_aws_q == '0 && waiting_q == '0));
  end
`endif
