// A tile of the DaDianNao family: Filters processing elements of Lanes multipliers and an adder tree each, their weight memory
// in two halves, and their partial sums (paper: 003, Figure 6). All filters see the same window of Window bricks. Without
// Inputs a lane multiplies with its own value of the one brick. Else each weight says which value of the window it meets: its
// lane's of the first brick (select 0), or that of input i, Ahead rows further and Aside lanes beside, modulo Lanes.
module bt_brick_tile #(
  parameter int unsigned Filters = 16,
  parameter int unsigned Lanes = 16,
  parameter int unsigned Bits = 16,
  parameter int unsigned Window = 1,
  parameter int unsigned Inputs = 0,
  parameter logic [79:0] Ahead = '0,       // of input i + 1 in byte i
  parameter logic [79:0] Aside = '0,       // two's complement
  parameter int unsigned StepBits = 6,
  parameter int unsigned PixelBits = 10,
  parameter int unsigned PosBits = 8,      // of a lane among those of all tiles
  parameter int unsigned Entries = 5,
  localparam int unsigned EntryBits = Bits + 8,
  localparam int unsigned RowWidth = Filters * Lanes * Bits,
  localparam int unsigned SelBits = (Inputs > 7) ? 4 : (Inputs > 3) ? 3 : (Inputs > 1) ? 2 : 1,
  localparam int unsigned SelWidth = 4 * Filters * Lanes,
  localparam int unsigned AccBits = (Bits == 16) ? 48 : 32,
  localparam int unsigned SumBits = 2 * Bits + $clog2(Lanes)
) (
  input  logic                      clk_i,
  input  logic [1:0]                index_i,         // the tile's number: a constant
  // weights of a step
  input  logic [StepBits:0]         step_i,
  input  logic                      begin_i,
  input  logic                      packed_i,
  input  logic                      raw_i,
  input  logic [PosBits-1:0]        raw_lane_i,      // first lane of the beat
  input  logic [Entries-1:0]        entry_i,
  input  logic [PosBits*Entries-1:0] entry_pos_i,
  input  logic [127:0]              data_i,
  // the pass
  input  logic                      valid2_i,
  input  logic [StepBits:0]         step2_i,
  input  logic [Lanes*Bits*Window-1:0] bricks2_i,
  input  logic                      valid3_i,
  input  logic                      first3_i,
  input  logic                      last3_i,
  input  logic                      fresh3_i,
  input  logic                      end3_i,
  input  logic [PixelBits-1:0]      pixel3_i,
  output logic [AccBits*Filters-1:0] sums_o          // in the cycle behind the last step of a pixel
);
  localparam int unsigned TileLanes = Filters * Lanes;

  // ---- weight memory: lanes are banks, each with a write enable of its own ----
  logic [RowWidth-1:0] weights [2 << StepBits];
  logic [RowWidth-1:0] row2;
  logic [31:0]         raw_at;
  logic                raw_here;
  assign raw_at   = 32'(raw_lane_i) - TileLanes * 32'(index_i);
  assign raw_here = raw_i & (raw_at < TileLanes);
  always_ff @(posedge clk_i) begin
    if (begin_i && packed_i) weights[step_i] <= '0;
    if (raw_here) weights[step_i][Bits*raw_at +: 128] <= data_i;
    for (int unsigned e = 0; e < Entries; e++) begin
      if (entry_i[e] && 32'(entry_pos_i[PosBits*e +: PosBits]) / TileLanes == 32'(index_i)) begin
        weights[step_i][Bits*(32'(entry_pos_i[PosBits*e +: PosBits]) % TileLanes) +: Bits] <= data_i[EntryBits*e +: Bits];
      end
    end
  end
  assign row2 = weights[step2_i];

  // ---- products and adder trees ----
  logic signed [SumBits-1:0] dot_q [Filters];
  if (Inputs == 0) begin : g_dense
    always_ff @(posedge clk_i) begin
      if (valid2_i) begin
        for (int unsigned f = 0; f < Filters; f++) begin
          logic signed [SumBits-1:0] sum;
          sum = '0;
          for (int unsigned l = 0; l < Lanes; l++) begin
            sum = sum + SumBits'($signed(row2[Bits*(Lanes*f + l) +: Bits]) * $signed({{Bits{bricks2_i[Bits*l + Bits - 1]}}, bricks2_i[Bits*l +: Bits]}));
          end
          dot_q[f] <= sum;
        end
      end
    end
  end else begin : g_sparse
    // Selects are kept with the weights, each in four bits.
    logic [SelWidth-1:0] selects [2 << StepBits];
    logic [SelWidth-1:0] selects2;
    always_ff @(posedge clk_i) begin
      if (begin_i) selects[step_i] <= '0;
      for (int unsigned e = 0; e < Entries; e++) begin
        if (entry_i[e] && 32'(entry_pos_i[PosBits*e +: PosBits]) / TileLanes == 32'(index_i)) begin
          selects[step_i][4*(32'(entry_pos_i[PosBits*e +: PosBits]) % TileLanes) +: 4] <= data_i[EntryBits*e + Bits +: 4];
        end
      end
    end
    assign selects2 = selects[step2_i];

    // What each lane can choose from: the same for all filters of the tile. Yosys evaluates no function of these constants.
    logic [Bits-1:0] choice [Lanes << SelBits];
    for (genvar l = 0; l < Lanes; l++) begin : g_lane
      for (genvar s = 0; s < 1 << SelBits; s++) begin : g_select
        localparam logic [7:0] Rows = (s != 0 && s <= Inputs) ? 8'(Ahead >> (8 * (s - 1))) : 8'd0;
        localparam logic [7:0] Beside = (s != 0 && s <= Inputs) ? 8'(Aside >> (8 * (s - 1))) : 8'd0;
        localparam int unsigned From = 32'(Rows) * Lanes + (l + 32'(Beside)) % Lanes;
        assign choice[(l << SelBits) + s] = bricks2_i[Bits*From +: Bits];
      end
    end
    always_ff @(posedge clk_i) begin
      if (valid2_i) begin
        for (int unsigned f = 0; f < Filters; f++) begin
          logic signed [SumBits-1:0] sum;
          sum = '0;
          for (int unsigned l = 0; l < Lanes; l++) begin
            sum = sum + SumBits'($signed(row2[Bits*(Lanes*f + l) +: Bits]) * (2 * Bits)'($signed(choice[{$clog2(Lanes)'(l), selects2[4*(Lanes*f + l) +: SelBits]}])));
          end
          dot_q[f] <= sum;
        end
      end
    end
  end

  // ---- sums ----
  for (genvar f = 0; f < Filters; f++) begin : g_filter
    logic [AccBits-1:0] partial [1 << PixelBits];
    logic [AccBits-1:0] acc_q;
    // Called only where there is a step: simulators then do no work for others.
    function automatic logic [AccBits-1:0] add(input logic [AccBits-1:0] carried, input logic signed [SumBits-1:0] dot);
      add = carried + AccBits'(dot);
    endfunction
    always_ff @(posedge clk_i) begin
      if (valid3_i) begin
        acc_q <= add(!first3_i ? acc_q : fresh3_i ? '0 : partial[pixel3_i], dot_q[f]);
        if (last3_i && !end3_i) partial[pixel3_i] <= add(!first3_i ? acc_q : fresh3_i ? '0 : partial[pixel3_i], dot_q[f]);
      end
    end
    assign sums_o[AccBits*f +: AccBits] = acc_q;
  end
endmodule
