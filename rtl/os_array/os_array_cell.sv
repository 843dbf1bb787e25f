// One row by four columns of the array. The activation passes to the right, the four weights pass down; the four sums
// stay (output stationary, dissertation section 2.5.4 and Figure 2.23). `first_i` begins a new sum; a zero activation
// leaves the sums as they are.
module os_array_cell (
  input  logic               clk_i,
  input  logic               first_i,
  input  logic signed [8:0]  act_i,     // ifmap value minus zero point, [-255, 255]
  input  logic [31:0]        wgt_i,     // four int8
  output logic signed [8:0]  act_o,
  output logic [31:0]        wgt_o,
  output logic [127:0]       sum_o      // four int32
);
  logic signed [31:0] sum0_q, sum1_q, sum2_q, sum3_q;
  logic signed [8:0]  act_q;
  logic [31:0]        wgt_q;
  logic signed [31:0] keep, act;

  // Said so that simulators evaluate it without a branch: a mask, not a choice; signs extended by flipping and subtracting
  // them, which C compilers know as such.
  function automatic logic signed [31:0] extend(input logic [7:0] weight);
    extend = $signed(({24'd0, weight} ^ 32'h80) - 32'h80);
  endfunction
  assign keep = {32{~first_i}};
  assign act  = $signed(({23'd0, act_i} ^ 32'h100) - 32'h100);

  always_ff @(posedge clk_i) begin
    act_q  <= act_i;
    wgt_q  <= wgt_i;
    sum0_q <= (sum0_q & keep) + act * extend(wgt_i[7:0]);
    sum1_q <= (sum1_q & keep) + act * extend(wgt_i[15:8]);
    sum2_q <= (sum2_q & keep) + act * extend(wgt_i[23:16]);
    sum3_q <= (sum3_q & keep) + act * extend(wgt_i[31:24]);
  end

  assign act_o = act_q;
  assign wgt_o = wgt_q;
  assign sum_o = {sum3_q, sum2_q, sum1_q, sum0_q};
endmodule
