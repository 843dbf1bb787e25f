// Properties of the room's modules, as rtl/common/bt_properties.sv explains. Together they say that the result buffer
// is never overrun: the feeder takes a slot only when one is free (feed_credits), the store gives back only slots that it
// was given (store_slots), so that each may assume what the other shows.

`ifdef PROVE_os_array_feed
  //@ file build/gen/os_array/os_array_regs_pkg.sv rtl/os_array/os_array_feed.sv
  //@ blackbox rtl/common/bt_ram.sv rtl/os_array/os_array_weights.sv
  //@ set Rows 4 ColGroups 1 Vec 16 WeightRow 4 IbufBytes 1024 WbufK 64 SlotBits 2
  //@ cut mem_v2 shiftx
  //@ steps 6
  localparam int unsigned Slots = 2 ** SlotBits;
  logic              f_reset_q = 1'b1;
  logic [SlotBits:0] f_taken_q;        // slots whose tile is under way
  always_comb begin
    assume (rst_ni == !f_reset_q);
    if (slot_free_i) assume (f_taken_q != '0);
    if (start_i) assume (finished_o);
  end
  always_ff @(posedge clk_i) begin
    f_reset_q <= 1'b0;
    f_taken_q <= f_reset_q ? '0 : f_taken_q + {{SlotBits{1'b0}}, go} - {{SlotBits{1'b0}}, slot_free_i};
  end
  always_comb if (!f_reset_q) begin
    feed_credits: assert ({1'b0, slots_q} + {1'b0, f_taken_q} == (SlotBits + 2)'(Slots));
    feed_take: assert (!go || slots_q != '0);
    feed_finished: assert (!finished_o || (f_taken_q == '0 && !computing_o));
    // Every cycle counts for one term.
    feed_one_term: assert ({2'd0, filling_o} + {2'd0, computing_o} + {2'd0, load_stall_o} + {2'd0, store_stall_o} <= 3'd1);
    // Not before the operands are there, and never in the middle of a tile.
    feed_operands: assert (!go || (windows_i >= need_windows_q && tiles_i >= need_tiles_q));
    feed_whole_tiles: assert (!go || !busy_q || tile_end);
    feed_aborts: assert (!go || !abort_i);
  end
`endif

`ifdef PROVE_os_array_store
  //@ file build/gen/os_array/os_array_regs_pkg.sv rtl/os_array/os_array_store.sv
  //@ set Rows 4 ColGroups 5 SlotBits 2 RowBits 2
  //@ cut shiftx
  //@ steps 8
  localparam int unsigned Slots = 2 ** SlotBits;
  logic          f_reset_q = 1'b1;
  logic          f_awheld_q, f_wheld_q, f_bad_q;
  logic [31:0]   f_awaddr_q;
  logic [127:0]  f_wdata_q;
  logic [15:0]   f_wstrb_q;
  logic [15:0]   f_aws_q, f_ws_q;      // addresses and data taken, writes not yet answered
  logic [1023:0] f_desc_q;
  always_comb begin
    assume (rst_ni == !f_reset_q);
    // A legal descriptor, which stays while it is at work.
    if (!start_i) assume (desc_i == f_desc_q);
    if (start_i) assume (idle_o && !available_i && beat_q == '0);
    assume (ofmap[3:0] == '0 && o_pitch[3:0] == '0);
    assume (n_tail != '0 && n_tail <= n_valid && n_valid <= 8'(4 * ColGroups));
    assume (rows_last != '0 && rows_last <= 8'(Rows) && rows_tail != '0 && rows_tail <= 8'(Rows));
    // The feeder has a slot for every tile (feed_credits); nothing is answered that was not asked.
    if (available_i) assume (waiting_q != (SlotBits + 1)'(Slots));
    if (m_axi_bvalid) assume (f_aws_q != '0 && f_ws_q != '0);
    assume (open_q < 16'd1000);
  end
  always_ff @(posedge clk_i) begin
    f_reset_q  <= 1'b0;
    f_desc_q   <= desc_i;
    f_awheld_q <= ~f_reset_q & m_axi_awvalid & ~m_axi_awready;
    f_wheld_q  <= ~f_reset_q & m_axi_wvalid & ~m_axi_wready;
    f_bad_q    <= ~f_reset_q & ~start_i & m_axi_bvalid & (m_axi_bresp != 2'b00);
    f_awaddr_q <= m_axi_awaddr;
    f_wdata_q  <= m_axi_wdata;
    f_wstrb_q  <= m_axi_wstrb;
    f_aws_q    <= f_reset_q ? '0 : f_aws_q + {15'd0, m_axi_awvalid & m_axi_awready} - {15'd0, m_axi_bvalid};
    f_ws_q     <= f_reset_q ? '0 : f_ws_q + {15'd0, m_axi_wvalid & m_axi_wready} - {15'd0, m_axi_bvalid};
  end
  always_comb if (!f_reset_q) begin
    if (f_awheld_q) store_awheld: assert (m_axi_awvalid && m_axi_awaddr == f_awaddr_q);
    if (f_wheld_q) store_wheld: assert (m_axi_wvalid && m_axi_wdata == f_wdata_q && m_axi_wstrb == f_wstrb_q);
    // One beat, aligned: no boundary can be crossed.
    if (m_axi_awvalid)
      store_aligned: assert (m_axi_awaddr[3:0] == '0 && m_axi_awlen == '0 && m_axi_awsize == 3'd4 && m_axi_wlast);
    if (m_axi_wvalid) store_strobe: assert (m_axi_wstrb != '0);
    store_beats: assert (10'({beat_q, 4'd0}) < row_bytes && (!stage1_q || 10'({beat1_q, 4'd0}) < bytes1_q));
    store_open: assert ({1'b0, open_q} == {1'b0, f_aws_q} + {16'd0, m_axi_awvalid} &&
                        {1'b0, open_q} == {1'b0, f_ws_q} + {16'd0, m_axi_wvalid});
    store_idle: assert (!idle_o || (!m_axi_awvalid && !m_axi_wvalid && f_aws_q == '0));
    store_slots: assert (waiting_q <= (SlotBits + 1)'(Slots) && (!slot_free_o || waiting_q != '0));
    store_reads: assert (!read_o || waiting_q != '0);
    if (f_bad_q) store_error: assert (error_o);
  end
`endif

`ifdef PROVE_os_array_load
  //@ file build/gen/os_array/os_array_regs_pkg.sv rtl/os_array/os_array_load.sv
  //@ blackbox rtl/common/bt_axi_read.sv
  //@ set Rows 4 Cols 4 Vec 16 WeightRow 4 IbufBytes 1024 WbufK 64
  //@ cut shift
  //@ steps 6
  logic f_reset_q = 1'b1;
  always_comb begin
    assume (rst_ni == !f_reset_q);
    if (window_free_i) assume (windows_held_q != '0);
    if (tile_free_i) assume (resident || tiles_held_q != '0);
    // The reader is done once for every transfer, in the cycle after its last beat.
    if (dma_done) assume (!beat && (state_q == StDesc || state_q == StTable || state_q == StWindowWait || state_q == StTileWait));
  end
  always_ff @(posedge clk_i) f_reset_q <= 1'b0;
  always_comb if (!f_reset_q) begin
    // A half that is in use is not loaded.
    load_windows: assert (windows_held_q <= 2'd2 && (!window_go || windows_held_q != 2'd2));
    load_tiles: assert (tiles_held_q <= 2'd2 && (!tile_go || tiles_held_q != 2'd2));
    // Either accepted or refused, and what is refused loads nothing.
    load_verdict: assert (!accepted_o || !rejected_o);
    load_refused: assert (!rejected_o || (!to_ibuf_o && !dma_start));
    load_checked: assert (!accepted_o || (sum_q == '0 && !bad_magic && !bad_align && !bad_size && !dma_error));
    load_one_target: assert ({2'd0, to_ibuf_o} + {2'd0, to_wbuf_o} + {2'd0, to_param_o} + {2'd0, to_table_o} <= 3'd1);
  end
`endif
