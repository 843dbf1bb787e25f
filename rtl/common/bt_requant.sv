// One column of int32 sums to int8, TFLite double or single rounding (reference/ops/requantise.h), in four stages:
// bias, product, high part, shift + zero point + clamp. Nothing stalls: a sum that enters with `valid_i` leaves four
// edges later. In raw mode the biased sum itself leaves.
module bt_requant (
  input  logic               clk_i,
  input  logic               valid_i,
  input  logic [31:0]        sum_i,
  input  logic [31:0]        bias_i,
  input  logic               valid1_i,   // valid_i one, two, three edges later: the stages share them with their
  input  logic               valid2_i,   // neighbours
  input  logic               valid3_i,
  input  logic [31:0]        mult_i,     // Q31, in [0, 2^31-1]; of the sum in stage one
  input  logic [5:0]         shift1_i,   // [-31, 30], positive is left; of the sum in stage one
  input  logic [5:0]         shift2_i,   // the same of the product in stage two
  input  logic               single_i,
  input  logic               raw_i,
  input  logic [7:0]         zp_i,
  input  logic [7:0]         min_i,
  input  logic [7:0]         max_i,
  output logic [31:0]        out_o
);
  logic signed [31:0] acc1_q, acc2_q, acc3_q, high3_q, out_q;
  logic signed [63:0] prod2_q;
  logic [4:0]         right3_q;

  // Each stage is a function, called only when the stage holds a sum: simulators then do no work for empty ones.
  function automatic logic signed [31:0] saturate(input logic signed [63:0] x);
    saturate = (x > 64'sh7fffffff) ? 32'sh7fffffff : (x < -64'sh80000000) ? 32'sh80000000 : x[31:0];
  endfunction

  // Stage one. Single rounding shifts once, after the product.
  function automatic logic signed [31:0] scale(input logic signed [31:0] acc, input logic single, input logic [5:0] shift);
    logic [4:0]         bits;
    logic signed [63:0] left;
    bits  = (single || shift[5]) ? 5'd0 : shift[4:0];
    left  = 64'(acc) <<< bits;
    scale = saturate(left);
  endfunction

  // Stage two. Double: round half up to the high part, which is gemmlowp's nudge and truncation.
  function automatic logic signed [31:0] high_double(input logic signed [63:0] prod);
    logic signed [63:0] nudged;
    nudged      = prod + 64'sd1073741824;
    high_double = nudged[62:31];
  endfunction
  function automatic logic signed [31:0] high_single(input logic signed [63:0] prod, input logic [5:0] shift);
    logic [5:0]         total;
    logic signed [63:0] once;
    total       = 6'd31 - shift;
    once        = (prod + (64'sd1 <<< (total - 6'd1))) >>> total;
    high_single = saturate(once);
  endfunction
  function automatic logic [4:0] right_bits(input logic single, input logic [5:0] shift);
    right_bits = (single || !shift[5]) ? 5'd0 : 5'd0 - shift[4:0];
  endfunction

  // Stage three. Round half away from zero; zero point and clamp.
  function automatic logic signed [31:0] round_right(input logic signed [31:0] high, input logic [4:0] right);
    logic [31:0] mask, rest, half;
    mask        = (32'd1 << right) - 32'd1;
    rest        = high & mask;
    half        = (mask >> 1) + {31'd0, high[31]};
    round_right = (high >>> right) + ((rest > half) ? 32'sd1 : 32'sd0);
  endfunction
  function automatic logic signed [31:0] finish(input logic signed [31:0] shifted, input logic [7:0] zp,
                                                input logic [7:0] least, input logic [7:0] most);
    logic signed [32:0] biased;
    biased = 33'(shifted) + 33'($signed(zp));
    if (biased < 33'($signed(least))) finish = 32'($signed(least));
    else if (biased > 33'($signed(most))) finish = 32'($signed(most));
    else finish = biased[31:0];
  endfunction

  assign out_o = out_q;

  always_ff @(posedge clk_i) begin
    if (valid_i) acc1_q <= $signed(sum_i + bias_i);
    if (valid1_i) begin
      acc2_q  <= acc1_q;
      prod2_q <= 64'(scale(acc1_q, single_i, shift1_i)) * 64'($signed(mult_i));
    end
    if (valid2_i) begin
      acc3_q   <= acc2_q;
      high3_q  <= single_i ? high_single(prod2_q, shift2_i) : high_double(prod2_q);
      right3_q <= right_bits(single_i, shift2_i);
    end
    if (valid3_i) out_q <= raw_i ? acc3_q : finish(round_right(high3_q, right3_q), zp_i, min_i, max_i);
  end
endmodule
