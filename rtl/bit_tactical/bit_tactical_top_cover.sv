// Situations that the tests must have brought about, besides those of rtl/common/bt_brick_cover.sv, which says the rest.
module bit_tactical_top_cover (
  input logic clk_i
);
  default clocking @(posedge clk_i);
  endclocking

  // ---- the front end ----
  lookahead:      cover property (bit_tactical_top.u_brick.ahead != '0);
  lookaside:      cover property (bit_tactical_top.u_brick.aside != '0);
  lanes_all_full: cover property (bit_tactical_top.u_brick.computing &
                                  (32'(bit_tactical_top.u_brick.effectual) == bit_tactical_top.u_brick.Multipliers));
  step_without_weights: cover property (bit_tactical_top.u_brick.computing & (bit_tactical_top.u_brick.effectual == '0));
endmodule

bind bit_tactical_top bit_tactical_top_cover u_cover (.clk_i);
