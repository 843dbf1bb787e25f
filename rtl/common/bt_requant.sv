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
  logic signed [31:0] scaled, shifted;
  logic signed [32:0] biased;
  logic signed [63:0] left, prod2_q, nudged, single;
  logic [4:0]         left_bits, right_bits, right3_q;
  logic [5:0]         total;
  logic [31:0]        mask, rest, half;

  function automatic logic signed [31:0] saturate(input logic signed [63:0] x);
    saturate = (x > 64'sh7fffffff) ? 32'sh7fffffff : (x < -64'sh80000000) ? 32'sh80000000 : x[31:0];
  endfunction

  // Each stage is worked out only when it holds a sum; that is for simulation speed and costs no logic worth naming.
  always_comb begin
    left_bits  = '0;
    left       = '0;
    scaled     = '0;
    nudged     = '0;
    total      = '0;
    single     = '0;
    right_bits = '0;
    mask       = '0;
    rest       = '0;
    half       = '0;
    shifted    = '0;
    biased     = '0;
    // Stage one. Single rounding shifts once, after the product.
    if (valid1_i) begin
      left_bits = (single_i || shift1_i[5]) ? 5'd0 : shift1_i[4:0];
      left      = 64'(acc1_q) <<< left_bits;
      scaled    = saturate(left);
    end
    // Stage two. Double: round half up to the high part, which is gemmlowp's nudge and truncation.
    if (valid2_i) begin
      nudged     = prod2_q + 64'sd1073741824;
      total      = 6'd31 - shift2_i;
      single     = (prod2_q + (64'sd1 <<< (total - 6'd1))) >>> total;
      right_bits = (single_i || !shift2_i[5]) ? 5'd0 : 5'd0 - shift2_i[4:0];
    end
    // Stage three. Round half away from zero.
    if (valid3_i) begin
      mask    = (32'd1 << right3_q) - 32'd1;
      rest    = high3_q & mask;
      half    = (mask >> 1) + {31'd0, high3_q[31]};
      shifted = (high3_q >>> right3_q) + ((rest > half) ? 32'sd1 : 32'sd0);
      biased  = 33'(shifted) + 33'($signed(zp_i));
    end
  end

  assign out_o = out_q;

  always_ff @(posedge clk_i) begin
    if (valid_i) acc1_q <= $signed(sum_i + bias_i);
    if (valid1_i) begin
      acc2_q  <= acc1_q;
      prod2_q <= 64'(scaled) * 64'($signed(mult_i));
    end
    if (valid2_i) begin
      acc3_q   <= acc2_q;
      high3_q  <= single_i ? saturate(single) : nudged[62:31];
      right3_q <= right_bits;
    end
    if (valid3_i) begin
      if (raw_i) out_q <= acc3_q;
      else if (biased < 33'($signed(min_i))) out_q <= 32'($signed(min_i));
      else if (biased > 33'($signed(max_i))) out_q <= 32'($signed(max_i));
      else out_q <= biased[31:0];
    end
  end
endmodule
