// Properties of the front end, as rtl/common/bt_properties.sv explains: which value each select takes, in a small tile with the
// inputs (1,0) (2,0) (1,-1) (2,2), and what the connectivity's parameters become. The rest of the accelerator:
// rtl/common/bt_brick_properties.sv.

`ifdef PROVE_bt_brick_tile
  //@ file rtl/common/bt_brick_tile.sv
  //@ set Filters 2 Lanes 8 Bits 8 Window 3 Inputs 4 Ahead 80'h02010201 Aside 80'h02ff0000 StepBits 1 PixelBits 1 PosBits 4 Entries 8
  //@ cut mul
  //@ steps 2
  logic [7:0] f_own, f_ahead, f_aside;           // lanes at which these selects take what they should
  for (genvar l = 0; l < 8; l++) begin : g_f_lane
    logic [7:0] f_first, f_next, f_last, f_left, f_right;
    assign f_first = bricks2_i[8*l +: 8];                     // of the same lane, in the three bricks of the window
    assign f_next  = bricks2_i[64 + 8*l +: 8];
    assign f_last  = bricks2_i[128 + 8*l +: 8];
    assign f_left  = bricks2_i[64 + 8*((l + 7) % 8) +: 8];    // of the lane before, of the second behind
    assign f_right = bricks2_i[128 + 8*((l + 2) % 8) +: 8];
    // Selects that are no input take the lane's own value.
    assign f_own[l]   = g_sparse.choice[8*l] == f_first && g_sparse.choice[8*l+5] == f_first &&
                        g_sparse.choice[8*l+6] == f_first && g_sparse.choice[8*l+7] == f_first;
    assign f_ahead[l] = g_sparse.choice[8*l+1] == f_next && g_sparse.choice[8*l+2] == f_last;
    assign f_aside[l] = g_sparse.choice[8*l+3] == f_left && g_sparse.choice[8*l+4] == f_right;
  end
  always_comb begin
    brick_tile_own: assert (&f_own);
    brick_tile_ahead: assert (&f_ahead);
    brick_tile_aside: assert (&f_aside);
  end
`endif

`ifdef PROVE_bit_tactical_top
  //@ file build/gen/bit_tactical/bit_tactical_regs_pkg.sv build/gen/bt_brick/bt_brick_regs_pkg.sv rtl/bit_tactical/bit_tactical_pkg.sv rtl/bit_tactical/bit_tactical_top.sv
  //@ blackbox rtl/common/bt_brick.sv
  //@ steps 2
  // The trident T<2,5>, the default: two straight inputs, five from beside, three without.
  always_comb begin
    tactical_ahead: assert (Ahead == {8'd0, 8'd0, 8'd0, 8'd1, 8'd2, 8'd2, 8'd1, 8'd1, 8'd2, 8'd1});
    tactical_aside: assert (Aside == {8'd0, 8'd0, 8'd0, 8'hfd, 8'd2, 8'hfe, 8'd1, 8'hff, 8'd0, 8'd0});
    tactical_inputs: assert (bit_tactical_pkg::inputs(Ahead) == 32'd7);
    tactical_straight: assert (bit_tactical_pkg::straight(Ahead, Aside) == 16'b110);
  end
`endif
