// Behind the sums of the DaDianNao family: bias, requantisation, activation table, ofmap memory. A slot (a filter of a tile) has
// two sets of parameters and computes one channel of a warp; it writes the column that its channel belongs to, so that results
// leave in the order of the channels whatever order the filters were given in. Sums that come with `valid_i` are in the ofmap
// memory five edges later.
module bt_brick_post #(
  parameter int unsigned Slots = 64,
  parameter int unsigned Bits = 16,
  parameter int unsigned WordBits = 14,
  localparam int unsigned SlotBits = (Slots > 1) ? $clog2(Slots) : 1,
  localparam int unsigned AccBits = (Bits == 16) ? 48 : 32,
  localparam int unsigned Columns = (Slots > 128 / Bits) ? Slots : 128 / Bits,
  localparam int unsigned Width = Columns * Bits
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic [1023:0]          desc_i,
  // parameters
  input  logic                   to_record_i,
  input  logic                   record_set_i,
  input  logic [SlotBits-1:0]    record_slot_i,
  input  logic                   to_table_i,
  input  logic [3:0]             table_beat_i,
  input  logic [127:0]           data_i,
  // results
  input  logic                   begin_i,        // a pass begins
  input  logic                   half_i,
  input  logic                   set_i,
  input  logic                   valid_i,
  input  logic [AccBits*Slots-1:0] sums_i,
  // ofmap memory
  input  logic                   read_i,
  input  logic [WordBits:0]      read_word_i,
  output logic [Width-1:0]       word_o
);
  logic [3:0]          valid_q;
  logic [WordBits-1:0] word_q;      // first word of the pixel whose results are there
  logic [15:0]         words;
  assign words = desc_i[bt_brick_regs_pkg::WORDS_LSB +: 16];
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= '0;
      word_q  <= '0;
    end else begin
      valid_q <= {valid_q[2:0], valid_i};
      if (begin_i) word_q <= '0;
      else if (valid_q[3]) word_q <= word_q + WordBits'(words);
    end
  end

  logic [Bits*Slots-1:0]     values;
  logic [Slots-1:0]          used;
  logic [16*Slots-1:0]       channels;
  logic [127:0]              table_q [16];
  always_ff @(posedge clk_i) begin
    if (to_table_i) table_q[table_beat_i] <= data_i;
  end

  for (genvar s = 0; s < Slots; s++) begin : g_slot
    logic [86:0] record, record0_q, record1_q, used_q;
    logic [31:0] bias, mult;
    logic [5:0]  shift;
    assign record = {data_i[bt_brick_regs_pkg::RECORD_USED_LSB], data_i[bt_brick_regs_pkg::RECORD_CHANNEL_LSB +: 16],
                     data_i[bt_brick_regs_pkg::RECORD_SHIFT_LSB +: 6], data_i[bt_brick_regs_pkg::RECORD_MULT_LSB +: 32],
                     data_i[bt_brick_regs_pkg::RECORD_BIAS_LSB +: 32]};
    always_ff @(posedge clk_i) begin
      if (to_record_i && record_slot_i == SlotBits'(s)) begin
        if (record_set_i) record1_q <= record;
        else record0_q <= record;
      end
    end
    // Those that the pass uses, from its begin on.
    always_ff @(posedge clk_i) begin
      if (begin_i) used_q <= set_i ? record1_q : record0_q;
    end
    assign {used[s], channels[16*s +: 16], shift, mult, bias} = used_q;

    if (Bits == 16) begin : g_requant
      bt_requant_s16 u_requant (
        .clk_i,
        .valid_i (valid_i),
        .sum_i   (sums_i[AccBits*s +: AccBits]),
        .bias_i  (bias),
        .valid1_i(valid_q[0]),
        .valid2_i(valid_q[1]),
        .valid3_i(valid_q[2]),
        .mult_i  (mult),
        .shift_i (shift),
        .min_i   (desc_i[bt_brick_regs_pkg::ACT_MIN_LSB +: 16]),
        .max_i   (desc_i[bt_brick_regs_pkg::ACT_MAX_LSB +: 16]),
        .out_o   (values[Bits*s +: Bits])
      );
    end else begin : g_requant
      logic [31:0]  out;
      logic [7:0]   index, value;
      logic [127:0] chosen;
      bt_requant u_requant (
        .clk_i,
        .valid_i (valid_i),
        .sum_i   (sums_i[AccBits*s +: AccBits]),
        .bias_i  (bias),
        .valid1_i(valid_q[0]),
        .valid2_i(valid_q[1]),
        .valid3_i(valid_q[2]),
        .mult_i  (mult),
        .shift1_i(shift),
        .shift2_i(shift),
        .single_i(desc_i[bt_brick_regs_pkg::SINGLE_LSB]),
        .raw_i   (1'b0),
        .zp_i    (desc_i[bt_brick_regs_pkg::OUT_ZP_LSB +: 8]),
        .min_i   (desc_i[bt_brick_regs_pkg::ACT_MIN_LSB +: 8]),
        .max_i   (desc_i[bt_brick_regs_pkg::ACT_MAX_LSB +: 8]),
        .out_o   (out)
      );
      // The table's index is the value plus 128: the sign bit turns over.
      always_comb begin
        index  = {~out[7], out[6:0]};
        chosen = '0;
        value  = out[7:0];
        if (valid_q[3] && desc_i[bt_brick_regs_pkg::TABLE_LSB]) begin
          chosen = table_q[index[7:4]];
          value  = chosen[{index[3:0], 3'd0} +: 8];
        end
      end
      assign values[Bits*s +: Bits] = value;
      logic unused;
      assign unused = ^out[31:8];
    end
  end

  // ---- ofmap memory: a bank per column ----
  for (genvar c = 0; c < Columns; c++) begin : g_column
    logic [Bits-1:0] mem [2 << WordBits];
    logic [15:0]     channel;
    logic            here;
    assign channel = channels[16*(c % Slots) +: 16];
    assign here    = valid_q[3] & used[c % Slots] & (32'(channel) % Columns == c);
    always_ff @(posedge clk_i) begin
      if (here) mem[{half_i, word_q + WordBits'(32'(channel) / Columns)}] <= values[Bits*(c % Slots) +: Bits];
    end
    assign word_o[Bits*c +: Bits] = read_i ? mem[read_word_i] : '0;
  end
endmodule
