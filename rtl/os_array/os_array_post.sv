// Behind one column group: bias, requantisation, activation table and result buffer of its four columns. A row that
// arrives at edge t is in the buffer five edges later.
module os_array_post #(
  parameter int unsigned Group = 0,           // its first column is 4 * Group
  parameter int unsigned SlotBits = 2,        // result buffer: 2^SlotBits tiles ...
  parameter int unsigned RowBits = 4          // ... of 2^RowBits rows
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  // configuration, constant while rows are under way
  input  logic               raw_i,
  input  logic               single_i,
  input  logic               has_table_i,
  input  logic [7:0]         zp_i,
  input  logic [7:0]         min_i,
  input  logic [7:0]         max_i,
  // rows of sums
  input  logic               valid_i,
  input  logic [RowBits-1:0] row_i,
  input  logic [SlotBits-1:0] slot_i,
  input  logic               half_i,          // which of the two parameter sets
  input  logic [127:0]       sums_i,
  // parameter records {pad, shift, mult, bias} of 16 bytes, one column at a time
  input  logic               param_we_i,
  input  logic               param_half_i,
  input  logic [7:0]         param_col_i,     // of all columns
  input  logic [127:0]       param_i,
  input  logic               table_we_i,
  input  logic [3:0]         table_word_i,
  input  logic [127:0]       table_i,
  // reading a row
  input  logic               read_i,
  input  logic [SlotBits+RowBits-1:0] read_addr_i,
  output logic [127:0]       read_o,
  output logic               first_o          // row 0 of a tile is in the buffer from the next cycle on
);
  localparam int unsigned Latency = 4;

  logic [Latency-1:0]  valid_q;
  logic [1:0]          half_q;
  logic [Latency*RowBits-1:0]  row_q;
  logic [Latency*SlotBits-1:0] slot_q;
  logic [RowBits-1:0]  row_out;
  logic [SlotBits-1:0] slot_out;
  logic [127:0]        table_q [16];
  logic [127:0]        stored;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[Latency-2:0], valid_i};
  end
  always_ff @(posedge clk_i) begin
    half_q <= {half_q[0], half_i};
    row_q  <= {row_q[(Latency-1)*RowBits-1:0], row_i};
    slot_q <= {slot_q[(Latency-1)*SlotBits-1:0], slot_i};
    if (table_we_i) table_q[table_word_i] <= table_i;
  end

  assign row_out  = row_q[(Latency-1)*RowBits +: RowBits];
  assign slot_out = slot_q[(Latency-1)*SlotBits +: SlotBits];

  for (genvar c = 0; c < 4; c++) begin : g_col
    logic [63:0]        bias_q, mult_q;    // one set for each half
    logic [11:0]        shift_q;
    logic [31:0]        out;
    logic [127:0]       word;
    logic [7:0]         index;

    always_ff @(posedge clk_i) begin
      if (param_we_i) begin
        if (param_col_i == 8'(4 * Group + c) && !param_half_i) begin
          bias_q[31:0] <= param_i[31:0];
          mult_q[31:0] <= param_i[63:32];
          shift_q[5:0] <= param_i[69:64];
        end
        if (param_col_i == 8'(4 * Group + c) && param_half_i) begin
          bias_q[63:32] <= param_i[31:0];
          mult_q[63:32] <= param_i[63:32];
          shift_q[11:6] <= param_i[69:64];
        end
      end
    end

    bt_requant u_requant (
      .clk_i,
      .valid_i,
      .sum_i    (sums_i[32*c +: 32]),
      .bias_i   (half_i ? bias_q[63:32] : bias_q[31:0]),
      .valid1_i (valid_q[0]),
      .valid2_i (valid_q[1]),
      .valid3_i (valid_q[2]),
      .mult_i   (half_q[0] ? mult_q[63:32] : mult_q[31:0]),
      .shift1_i (half_q[0] ? shift_q[11:6] : shift_q[5:0]),
      .shift2_i (half_q[1] ? shift_q[11:6] : shift_q[5:0]),
      .single_i,
      .raw_i,
      .zp_i,
      .min_i,
      .max_i,
      .out_o    (out)
    );

    // The table's index is the value plus 128: the sign bit turns over.
    assign index = {~out[7], out[6:0]};
    assign word  = table_q[index[7:4]];
    assign stored[32*c +: 32] = (has_table_i && !raw_i) ? {24'd0, word[{index[3:0], 3'd0} +: 8]} : out;
  end

  bt_ram #(
    .Width(128),
    .Depth(2 ** (SlotBits + RowBits))
  ) u_results (
    .clk_i,
    .we_i   (valid_q[Latency-1]),
    .waddr_i({slot_out, row_out}),
    .wdata_i(stored),
    .re_i   (read_i),
    .raddr_i(read_addr_i),
    .rdata_o(read_o)
  );

  assign first_o = valid_q[Latency-1] & (row_out == '0);
endmodule
