// One row by four columns of the array. The activation passes to the right. Weight stationary: the four weights stay until
// `mark_i` takes in the next ones, and the sums pass down (dissertation section 4.4.3, Figure 4.12). Output stationary: the
// weights pass down and the sums stay; `mark_i` begins new ones.
module ws_array_pe (
  input  logic               clk_i,
  input  logic               os_i,
  input  logic               mark_i,
  input  logic signed [8:0]  act_i,     // ifmap value minus zero point, [-255, 255]
  input  logic [31:0]        wgt_i,     // four int8: from above, output stationary
  input  logic [31:0]        next_i,    // the preloaded ones, weight stationary
  input  logic [127:0]       sum_i,     // four int32 from above
  output logic signed [8:0]  act_o,
  output logic [31:0]        wgt_o,
  output logic [127:0]       sum_o
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
  assign keep = {32{~mark_i}};
  assign act  = $signed(({23'd0, act_i} ^ 32'h100) - 32'h100);

  // The dataflow changes rarely and for all at once: one branch for the whole array. Weights by themselves, so that a
  // simulator can take the old ones for all sums before it moves them.
  always_ff @(posedge clk_i) begin
    act_q <= act_i;
    if (os_i) begin
      sum0_q <= (sum0_q & keep) + act * extend(wgt_q[7:0]);
      sum1_q <= (sum1_q & keep) + act * extend(wgt_q[15:8]);
      sum2_q <= (sum2_q & keep) + act * extend(wgt_q[23:16]);
      sum3_q <= (sum3_q & keep) + act * extend(wgt_q[31:24]);
    end else begin
      sum0_q <= $signed(sum_i[31:0]) + act * extend(wgt_q[7:0]);
      sum1_q <= $signed(sum_i[63:32]) + act * extend(wgt_q[15:8]);
      sum2_q <= $signed(sum_i[95:64]) + act * extend(wgt_q[23:16]);
      sum3_q <= $signed(sum_i[127:96]) + act * extend(wgt_q[31:24]);
    end
  end
  always_ff @(posedge clk_i) begin
    if (os_i) wgt_q <= wgt_i;
    else if (mark_i) wgt_q <= next_i;
  end

  assign act_o = act_q;
  assign wgt_o = wgt_q;
  assign sum_o = {sum3_q, sum2_q, sum1_q, sum0_q};
endmodule
