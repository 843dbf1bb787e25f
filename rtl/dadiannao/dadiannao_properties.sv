// Properties of the accelerator's control, as rtl/common/bt_properties.sv explains; those of its parts, which the family shares,
// are in rtl/common/bt_brick_properties.sv.

`ifdef PROVE_bt_brick
  //@ file build/gen/bt_brick/bt_brick_regs_pkg.sv rtl/common/bt_brick.sv
  //@ blackbox rtl/common/bt_axil_regs.sv rtl/common/bt_brick_load.sv rtl/common/bt_brick_walk.sv rtl/common/bt_brick_am.sv rtl/common/bt_brick_tile.sv rtl/common/bt_brick_post.sv rtl/common/bt_brick_store.sv
  //@ set Tiles 1 Filters 4 Lanes 16 Bits 8 IfmapBytes 4096 OfmapBytes 4096 WeightRows 4 BandPixels 16 TableRows 16
  //@ steps 10
  logic        f_reset_q = 1'b1;
  logic        f_enable_q, f_done_q, f_ends;
  logic [7:0]  f_error_q;
  logic [31:0] f_desc_q;
  always_comb begin
    assume (rst_ni == !f_reset_q);
    // The loader is idle with its verdict on a descriptor, and only then (brick_load_verdict, brick_load_stops).
    if (accepted) assume (state_q == StFetch && !rejected);
    if (rejected) assume ((state_q == StFetch || state_q == StRun) && load_error != '0 && !load_idle);
  end
  always_ff @(posedge clk_i) begin
    f_reset_q <= 1'b0;
    if (f_reset_q) begin
      f_enable_q <= 1'b0;
      f_done_q   <= 1'b0;
      f_error_q  <= '0;
      f_desc_q   <= '0;
    end else begin
      if (write && waddr == 12'h010) f_enable_q <= wdata[0];
      // Done when the last descriptor is written and answered, or a bad one is left with nothing under way.
      f_done_q <= f_ends | (f_done_q & ~(write && waddr == 12'h014 && wdata[0]));
      if (start) f_error_q <= '0;
      else if (rejected) f_error_q <= load_error;
      else if (complete && store_error) f_error_q <= 8'd6;
      if (start) f_desc_q <= desc_addr_q;
      else if (accepted) f_desc_q <= f_desc_q + 32'd128;
    end
  end
  assign f_ends = (state_q == StFetch & rejected) | (state_q == StAbort & store_idle) |
                  (state_q == StRun & ~rejected & load_idle & walk_idle & store_idle & (desc[0] | store_error));
  // Of the seven terms one is counted in each busy cycle.
  logic [223:0] f_term, f_term_q;
  logic [31:0]  f_cycles_q;
  logic [2:0]   f_terms;
  logic [6:0]   f_same, f_more;
  logic         f_counts_q, f_other_q;
  assign f_term = {control_q, fill_q, compute_q, turn_q, load_stall_q, store_stall_q, drain_q};
  for (genvar i = 0; i < 7; i++) begin : g_term
    assign f_same[i] = f_term[32*i +: 32] == f_term_q[32*i +: 32];
    assign f_more[i] = f_same[i] | (f_term[32*i +: 32] == f_term_q[32*i +: 32] + 32'd1);
  end
  always_comb begin
    f_terms = '0;
    for (int unsigned i = 0; i < 7; i++) f_terms = f_terms + {2'd0, ~f_same[i]};
  end
  always_ff @(posedge clk_i) begin
    f_term_q   <= f_term;
    f_cycles_q <= cycles_q;
    f_counts_q <= ~f_reset_q & busy;
    f_other_q  <= f_reset_q | start;
  end
  always_comb if (!f_reset_q) begin
    brick_irq: assert (irq_o == (f_done_q & f_enable_q) && irq_enable_q == f_enable_q && done_q == f_done_q);
    brick_error: assert (error_q == f_error_q);
    brick_fetch: assert (fetch_q == f_desc_q && (!fetch_start_q || state_q == StFetch));
    if (f_counts_q) brick_terms: assert (cycles_q == f_cycles_q + 32'd1 && f_terms == 3'd1 && f_more == 7'h7f);
    brick_counts: assert (f_counts_q || f_other_q || (f_terms == 3'd0 && cycles_q == f_cycles_q));
  end
`endif
