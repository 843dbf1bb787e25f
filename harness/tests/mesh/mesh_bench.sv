// The bare mesh of os_array with nothing around it: the yardstick for the simulation speed of the complete array. Operands
// come from shift registers, every sum is read once per Reduction cycles and folded into `digest_o`, so that nothing can be
// optimised away.
module mesh_bench #(
  parameter int unsigned ROWS = 16,
  parameter int unsigned COLS = 16
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  output logic [31:0] digest_o,
  output logic        done_o
);
  localparam int unsigned ColGroups = (COLS + 3) / 4;
  localparam int unsigned ReductionBits = 8;

  logic [31:0]               lfsr_q, digest_q, folded;
  logic [9*ROWS-1:0]         act_q;
  logic [32*ColGroups-1:0]   wgt_q;
  logic [ReductionBits-1:0]  step_q;
  logic [ColGroups-1:0]      valid;
  logic [128*ColGroups-1:0]  sums;
  logic [6*ColGroups-1:0]    unused_row;
  logic [ColGroups-1:0]      unused_tag;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      lfsr_q   <= 32'h1;
      act_q    <= '0;
      wgt_q    <= '0;
      step_q   <= '0;
      digest_q <= '0;
    end else begin
      lfsr_q   <= {lfsr_q[30:0], lfsr_q[31] ^ lfsr_q[21] ^ lfsr_q[1] ^ lfsr_q[0]};
      act_q    <= (9*ROWS)'({act_q, lfsr_q[8:0]});
      wgt_q    <= (32*ColGroups)'({wgt_q, lfsr_q});
      step_q   <= step_q + ReductionBits'(1);
      digest_q <= {digest_q[30:0], digest_q[31]} ^ folded;
    end
  end

  always_comb begin
    folded = '0;
    for (int unsigned g = 0; g < ColGroups; g++) begin
      if (valid[g]) folded = folded ^ sums[128*g +: 32] ^ sums[128*g + 32 +: 32] ^ sums[128*g + 64 +: 32] ^ sums[128*g + 96 +: 32];
    end
  end

  os_array_mesh #(
    .Rows(ROWS), .ColGroups(ColGroups), .TagBits(1)
  ) u_mesh (
    .clk_i, .rst_ni,
    .first_i(step_q == '0), .act_i(act_q), .wgt_i(wgt_q),
    .read_i(step_q < ReductionBits'(ROWS)), .row_i(step_q[5:0]), .tag_i(1'b0),
    .valid_o(valid), .row_o(unused_row), .tag_o(unused_tag), .sums_o(sums)
  );

  assign digest_o = digest_q;
  assign done_o   = 1'b0;
endmodule
