// Behind the accumulator of one column group: bias, requantisation, activation table, and the maximum over a pooling window,
// of its four columns. A row read at edge t is in `best_o` from edge t + 6 on.
module ws_array_post #(
  parameter int unsigned Group = 0            // its first column is 4 * Group
) (
  input  logic               clk_i,
  // configuration, constant while rows are under way
  input  logic               raw_i,
  input  logic               single_i,
  input  logic               has_table_i,
  input  logic [7:0]         zp_i,
  input  logic [7:0]         min_i,
  input  logic [7:0]         max_i,
  // parameter records {pad, shift, mult, bias} of 16 bytes, one column at a time, in slots
  input  logic               param_we_i,
  input  logic [1:0]         param_slot_i,
  input  logic [5:0]         param_col_i,
  input  logic [127:0]       param_i,
  input  logic               table_we_i,
  input  logic [3:0]         table_word_i,
  input  logic [127:0]       table_i,
  input  logic               begin_i,         // a filter tile follows, whose parameters are in this slot
  input  logic [1:0]         begin_slot_i,
  // rows
  input  logic [3:0]         valid_i,         // of the row whose sums are here, and of those one, two, three cycles before
  input  logic [127:0]       sums_i,
  input  logic               candidate_i,     // four cycles later: a value came out ...
  input  logic               first_i,         // ... or not: the first place of a window
  output logic [127:0]       best_o
);
  logic [127:0] table_q [16];
  always_ff @(posedge clk_i) begin
    if (table_we_i) table_q[table_word_i] <= table_i;
  end

  for (genvar c = 0; c < 4; c++) begin : g_col
    logic [69:0]        params_q [ws_array_regs_pkg::PARAM_SLOTS];
    logic [31:0]        bias_q, mult_q;
    logic [5:0]         shift_q;
    logic [31:0]        out;
    logic [127:0]       word;
    logic [7:0]         index;
    logic signed [31:0] value, best_q;

    always_ff @(posedge clk_i) begin
      if (param_we_i && param_col_i == 6'(4 * Group + c)) params_q[param_slot_i] <= param_i[69:0];
      if (begin_i) {shift_q, mult_q, bias_q} <= params_q[begin_slot_i];
    end

    bt_requant u_requant (
      .clk_i,
      .valid_i  (valid_i[0]),
      .sum_i    (sums_i[32*c +: 32]),
      .bias_i   (bias_q),
      .valid1_i (valid_i[1]),
      .valid2_i (valid_i[2]),
      .valid3_i (valid_i[3]),
      .mult_i   (mult_q),
      .shift1_i (shift_q),
      .shift2_i (shift_q),
      .single_i,
      .raw_i,
      .zp_i,
      .min_i,
      .max_i,
      .out_o    (out)
    );

    // The table's index is the value plus 128: the sign bit turns over.
    always_comb begin
      index = {~out[7], out[6:0]};
      word  = '0;
      value = $signed(out);
      if (candidate_i && has_table_i) begin
        word  = table_q[index[7:4]];
        value = 32'($signed(word[{index[3:0], 3'd0} +: 8]));
      end
    end
    always_ff @(posedge clk_i) begin
      if (candidate_i) begin
        if (first_i || value > best_q) best_q <= value;
      end else if (first_i) begin
        best_q <= -32'sd128;
      end
    end
    assign best_o[32*c +: 32] = best_q;
  end

  logic unused;
  assign unused = ^param_i[127:70];
endmodule
