// The systolic mesh: Rows x ColGroups cells. Row r of a tile's activations enters r cycles after row 0; the weights of
// all columns of one step enter together and are skewed here, one cycle per column group. A sum is complete one cycle
// after its last product and is read in that very cycle, row by row, behind the wavefront: no result register, no stall.
module os_array_mesh #(
  parameter int unsigned Rows = 16,
  parameter int unsigned ColGroups = 4,
  parameter int unsigned TagBits = 8
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic                     first_i,   // with row 0's first activation of a tile
  input  logic [9*Rows-1:0]        act_i /*verilator split_var*/,
  input  logic [32*ColGroups-1:0]  wgt_i,
  input  logic                     read_i,    // with the row whose sums of column group 0 are complete
  input  logic [5:0]               row_i,
  input  logic [TagBits-1:0]       tag_i,     // travels with the row
  output logic [ColGroups-1:0]          valid_o,
  output logic [6*ColGroups-1:0]        row_o,
  output logic [TagBits*ColGroups-1:0]  tag_o,
  output logic [128*ColGroups-1:0]      sums_o
);
  localparam int unsigned Diagonals = Rows + ColGroups - 1;

  // The start of a tile runs along the diagonals together with the data.
  logic [Diagonals-1:0] first;
  if (Diagonals > 1) begin : g_first
    logic [Diagonals-2:0] first_q;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) first_q <= '0;
      else first_q <= first[Diagonals-2:0];
    end
    assign first = {first_q, first_i};
  end else begin : g_first
    assign first = first_i;
  end

  for (genvar g = 0; g < ColGroups; g++) begin : g_col
    // Skew of the weights and of the read pointer: one cycle per group.
    logic [31:0]        wgt;
    logic               read;
    logic [5:0]         row;
    logic [TagBits-1:0] tag;
    if (g == 0) begin : g_skew
      assign wgt  = wgt_i[31:0];
      assign read = read_i;
      assign row  = row_i;
      assign tag  = tag_i;
    end else begin : g_skew
      logic [31:0]        wgt_q [g];
      logic               read_q;
      logic [5:0]         row_q;
      logic [TagBits-1:0] tag_q;
      for (genvar d = 0; d < g; d++) begin : g_delay
        if (d == 0) begin : g_in
          always_ff @(posedge clk_i) wgt_q[0] <= wgt_i[32*g +: 32];
        end else begin : g_in
          always_ff @(posedge clk_i) wgt_q[d] <= wgt_q[d-1];
        end
      end
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) read_q <= 1'b0;
        else read_q <= g_col[g-1].read;
      end
      always_ff @(posedge clk_i) begin
        row_q <= g_col[g-1].row;
        tag_q <= g_col[g-1].tag;
      end
      assign wgt  = wgt_q[g-1];
      assign read = read_q;
      assign row  = row_q;
      assign tag  = tag_q;
    end

    logic [128*Rows-1:0] sum /*verilator split_var*/;
    for (genvar r = 0; r < Rows; r++) begin : g_row
      logic signed [8:0] act_in, act_out;
      logic [31:0]       wgt_in, wgt_out;
      if (g == 0) begin : g_act
        assign act_in = act_i[9*r +: 9];
      end else begin : g_act
        assign act_in = g_col[g-1].g_row[r].act_out;
      end
      if (r == 0) begin : g_wgt
        assign wgt_in = wgt;
      end else begin : g_wgt
        assign wgt_in = g_row[r-1].wgt_out;
      end
      os_array_cell u_cell (
        .clk_i,
        .first_i(first[r+g]),
        .act_i  (act_in),
        .wgt_i  (wgt_in),
        .act_o  (act_out),
        .wgt_o  (wgt_out),
        .sum_o  (sum[128*r +: 128])
      );
    end

    // Constant selections keep the simulator from gathering all sums into one vector; rows beyond Rows fold away.
    logic [127:0] sums;
    always_comb begin
      sums = '0;
      if (read) begin
        unique case (row)
          6'd0: sums = sum[((0 < Rows) ? 0 : 0) * 128 +: 128];
          6'd1: sums = sum[((1 < Rows) ? 1 : 0) * 128 +: 128];
          6'd2: sums = sum[((2 < Rows) ? 2 : 0) * 128 +: 128];
          6'd3: sums = sum[((3 < Rows) ? 3 : 0) * 128 +: 128];
          6'd4: sums = sum[((4 < Rows) ? 4 : 0) * 128 +: 128];
          6'd5: sums = sum[((5 < Rows) ? 5 : 0) * 128 +: 128];
          6'd6: sums = sum[((6 < Rows) ? 6 : 0) * 128 +: 128];
          6'd7: sums = sum[((7 < Rows) ? 7 : 0) * 128 +: 128];
          6'd8: sums = sum[((8 < Rows) ? 8 : 0) * 128 +: 128];
          6'd9: sums = sum[((9 < Rows) ? 9 : 0) * 128 +: 128];
          6'd10: sums = sum[((10 < Rows) ? 10 : 0) * 128 +: 128];
          6'd11: sums = sum[((11 < Rows) ? 11 : 0) * 128 +: 128];
          6'd12: sums = sum[((12 < Rows) ? 12 : 0) * 128 +: 128];
          6'd13: sums = sum[((13 < Rows) ? 13 : 0) * 128 +: 128];
          6'd14: sums = sum[((14 < Rows) ? 14 : 0) * 128 +: 128];
          6'd15: sums = sum[((15 < Rows) ? 15 : 0) * 128 +: 128];
          6'd16: sums = sum[((16 < Rows) ? 16 : 0) * 128 +: 128];
          6'd17: sums = sum[((17 < Rows) ? 17 : 0) * 128 +: 128];
          6'd18: sums = sum[((18 < Rows) ? 18 : 0) * 128 +: 128];
          6'd19: sums = sum[((19 < Rows) ? 19 : 0) * 128 +: 128];
          6'd20: sums = sum[((20 < Rows) ? 20 : 0) * 128 +: 128];
          6'd21: sums = sum[((21 < Rows) ? 21 : 0) * 128 +: 128];
          6'd22: sums = sum[((22 < Rows) ? 22 : 0) * 128 +: 128];
          6'd23: sums = sum[((23 < Rows) ? 23 : 0) * 128 +: 128];
          6'd24: sums = sum[((24 < Rows) ? 24 : 0) * 128 +: 128];
          6'd25: sums = sum[((25 < Rows) ? 25 : 0) * 128 +: 128];
          6'd26: sums = sum[((26 < Rows) ? 26 : 0) * 128 +: 128];
          6'd27: sums = sum[((27 < Rows) ? 27 : 0) * 128 +: 128];
          6'd28: sums = sum[((28 < Rows) ? 28 : 0) * 128 +: 128];
          6'd29: sums = sum[((29 < Rows) ? 29 : 0) * 128 +: 128];
          6'd30: sums = sum[((30 < Rows) ? 30 : 0) * 128 +: 128];
          6'd31: sums = sum[((31 < Rows) ? 31 : 0) * 128 +: 128];
          6'd32: sums = sum[((32 < Rows) ? 32 : 0) * 128 +: 128];
          6'd33: sums = sum[((33 < Rows) ? 33 : 0) * 128 +: 128];
          6'd34: sums = sum[((34 < Rows) ? 34 : 0) * 128 +: 128];
          6'd35: sums = sum[((35 < Rows) ? 35 : 0) * 128 +: 128];
          6'd36: sums = sum[((36 < Rows) ? 36 : 0) * 128 +: 128];
          6'd37: sums = sum[((37 < Rows) ? 37 : 0) * 128 +: 128];
          6'd38: sums = sum[((38 < Rows) ? 38 : 0) * 128 +: 128];
          6'd39: sums = sum[((39 < Rows) ? 39 : 0) * 128 +: 128];
          6'd40: sums = sum[((40 < Rows) ? 40 : 0) * 128 +: 128];
          6'd41: sums = sum[((41 < Rows) ? 41 : 0) * 128 +: 128];
          6'd42: sums = sum[((42 < Rows) ? 42 : 0) * 128 +: 128];
          6'd43: sums = sum[((43 < Rows) ? 43 : 0) * 128 +: 128];
          6'd44: sums = sum[((44 < Rows) ? 44 : 0) * 128 +: 128];
          6'd45: sums = sum[((45 < Rows) ? 45 : 0) * 128 +: 128];
          6'd46: sums = sum[((46 < Rows) ? 46 : 0) * 128 +: 128];
          6'd47: sums = sum[((47 < Rows) ? 47 : 0) * 128 +: 128];
          6'd48: sums = sum[((48 < Rows) ? 48 : 0) * 128 +: 128];
          6'd49: sums = sum[((49 < Rows) ? 49 : 0) * 128 +: 128];
          6'd50: sums = sum[((50 < Rows) ? 50 : 0) * 128 +: 128];
          6'd51: sums = sum[((51 < Rows) ? 51 : 0) * 128 +: 128];
          6'd52: sums = sum[((52 < Rows) ? 52 : 0) * 128 +: 128];
          6'd53: sums = sum[((53 < Rows) ? 53 : 0) * 128 +: 128];
          6'd54: sums = sum[((54 < Rows) ? 54 : 0) * 128 +: 128];
          6'd55: sums = sum[((55 < Rows) ? 55 : 0) * 128 +: 128];
          6'd56: sums = sum[((56 < Rows) ? 56 : 0) * 128 +: 128];
          6'd57: sums = sum[((57 < Rows) ? 57 : 0) * 128 +: 128];
          6'd58: sums = sum[((58 < Rows) ? 58 : 0) * 128 +: 128];
          6'd59: sums = sum[((59 < Rows) ? 59 : 0) * 128 +: 128];
          6'd60: sums = sum[((60 < Rows) ? 60 : 0) * 128 +: 128];
          6'd61: sums = sum[((61 < Rows) ? 61 : 0) * 128 +: 128];
          6'd62: sums = sum[((62 < Rows) ? 62 : 0) * 128 +: 128];
          6'd63: sums = sum[((63 < Rows) ? 63 : 0) * 128 +: 128];
          default: sums = '0;
        endcase
      end
    end

    assign valid_o[g]                     = read;
    assign row_o[6*g +: 6]                = row;
    assign tag_o[TagBits*g +: TagBits]    = tag;
    assign sums_o[128*g +: 128]           = sums;
  end
endmodule
