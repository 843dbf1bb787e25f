// One column of 48-bit sums to int16, ref_requantise_s64() of reference/ops/requantise.h: the multiplier reduced to 16 bits,
// one rounding, ties upwards, saturation; in the same four stages as bt_requant: bias, product, shift, clamp. Nothing stalls.
module bt_requant_s16 (
  input  logic               clk_i,
  input  logic               valid_i,
  input  logic [47:0]        sum_i,
  input  logic [31:0]        bias_i,
  input  logic               valid1_i,   // valid_i one, two, three edges later
  input  logic               valid2_i,
  input  logic               valid3_i,
  input  logic [31:0]        mult_i,     // Q31, in [0, 2^31-1]
  input  logic [5:0]         shift_i,    // [-31, 7], positive is left
  input  logic [15:0]        min_i,
  input  logic [15:0]        max_i,
  output logic [15:0]        out_o
);
  logic signed [47:0] acc1_q;
  logic signed [63:0] prod2_q;
  logic signed [31:0] scaled3_q;
  logic [15:0]        out_q;

  // Each stage is a function, called only when the stage holds a sum: simulators then do no work for empty ones.
  function automatic logic signed [63:0] scale(input logic signed [47:0] acc, input logic [31:0] mult);
    logic [31:0] nudged;
    logic [14:0] reduced;
    nudged  = mult + 32'd32768;
    reduced = (mult < 32'h7fff0000) ? nudged[30:16] : 15'h7fff;
    scale   = 64'(acc) * $signed({49'd0, reduced});
  endfunction

  function automatic logic signed [31:0] round(input logic signed [63:0] prod, input logic [5:0] shift);
    logic [5:0]         total;
    logic signed [63:0] once;
    total = 6'd15 - shift;
    once  = (prod + (64'sd1 <<< (total - 6'd1))) >>> total;
    round = (once > 64'sh7fffffff) ? 32'sh7fffffff : (once < -64'sh80000000) ? 32'sh80000000 : once[31:0];
  endfunction

  function automatic logic [15:0] clamp(input logic signed [31:0] x, input logic [15:0] least, input logic [15:0] most);
    if (x < 32'($signed(least))) clamp = least;
    else if (x > 32'($signed(most))) clamp = most;
    else clamp = x[15:0];
  endfunction

  assign out_o = out_q;

  always_ff @(posedge clk_i) begin
    if (valid_i) acc1_q <= $signed(sum_i) + 48'($signed(bias_i));
    if (valid1_i) prod2_q <= scale(acc1_q, mult_i);
    if (valid2_i) scaled3_q <= round(prod2_q, shift_i);
    if (valid3_i) out_q <= clamp(scaled3_q, min_i, max_i);
  end
endmodule
