// One processing element of an output-stationary mesh: int8 times int8 into 32 bits, operands handed on a cycle later.
module mesh_pe_cell (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        first_i,
  input  logic [7:0]  act_i,
  input  logic [7:0]  wgt_i,
  output logic        first_o,
  output logic [7:0]  act_o,
  output logic [7:0]  wgt_o,
  output logic [31:0] sum_o
);
  logic               first_q;
  logic signed [7:0]  act_q, wgt_q;
  logic signed [31:0] sum_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      first_q <= 1'b0;
      act_q   <= '0;
      wgt_q   <= '0;
      sum_q   <= '0;
    end else begin
      first_q <= first_i;
      act_q   <= act_i;
      wgt_q   <= wgt_i;
      sum_q   <= (first_q ? 32'sd0 : sum_q) + 32'(act_q) * 32'(wgt_q);
    end
  end

  assign first_o = first_q;
  assign act_o   = act_q;
  assign wgt_o   = wgt_q;
  assign sum_o   = sum_q;
endmodule
