// The mesh: Dim rows by Dim / 4 tiles of four columns, one register between neighbours. Row r sees an activation r cycles
// after row 0 does, column group g all of it g cycles after group 0. What leaves for the accumulator is, weight stationary,
// what the bottom row passes on, and output stationary the row of sums that `row_i` names in the one cycle in which it is
// complete; either way group g gives the four sums of a result g cycles after group 0.
module ws_array_mesh #(
  parameter int unsigned Dim = 16,
  localparam int unsigned Groups = Dim / 4,
  localparam int unsigned RowBits = $clog2(Dim)
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   os_i,       // constant while anything is under way
  input  logic                   mark_i,     // weight stationary: a cycle before row 0's first activation of a pass;
                                             // output stationary: with row 0's first activation of a tile
  input  logic [9*Dim-1:0]       act_i /*verilator split_var*/,
  input  logic                   load_i,     // weight stationary: `row_wgt_i` are the next weights of row `load_row_i`
  input  logic [RowBits-1:0]     load_row_i,
  input  logic [8*Dim-1:0]       row_wgt_i,
  input  logic                   read_i,     // output stationary: the sums of row `read_row_i` are read in this cycle
  input  logic [RowBits-1:0]     read_row_i,
  output logic [128*Groups-1:0]  sums_o
);
  localparam int unsigned Diagonals = Dim + Groups - 1;

  logic [Diagonals-1:0] mark;
  logic [Diagonals-2:0] mark_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) mark_q <= '0;
    else mark_q <= mark[Diagonals-2:0];
  end
  assign mark = {mark_q, mark_i};

  for (genvar g = 0; g < Groups; g++) begin : g_col
    // Skew, one cycle per group: weights and their row, the row that is read.
    logic [31:0]        row_wgt;
    logic               load, read;
    logic [RowBits-1:0] load_row, read_row;
    if (g == 0) begin : g_skew
      assign row_wgt  = row_wgt_i[31:0];
      assign load     = load_i;
      assign load_row = load_row_i;
      assign read     = read_i;
      assign read_row = read_row_i;
    end else begin : g_skew
      logic [31:0]        wgt_q [g];
      logic               load_q, read_q;
      logic [RowBits-1:0] load_row_q, read_row_q;
      for (genvar d = 0; d < g; d++) begin : g_delay
        if (d == 0) begin : g_in
          always_ff @(posedge clk_i) wgt_q[0] <= row_wgt_i[32*g +: 32];
        end else begin : g_in
          always_ff @(posedge clk_i) wgt_q[d] <= wgt_q[d-1];
        end
      end
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          load_q <= 1'b0;
          read_q <= 1'b0;
        end else begin
          load_q <= g_col[g-1].load;
          read_q <= g_col[g-1].read;
        end
      end
      always_ff @(posedge clk_i) begin
        load_row_q <= g_col[g-1].load_row;
        read_row_q <= g_col[g-1].read_row;
      end
      assign row_wgt  = wgt_q[g-1];
      assign load     = load_q;
      assign load_row = load_row_q;
      assign read     = read_q;
      assign read_row = read_row_q;
    end

    // Preloaded weights, a row of them at a time, until the marker takes them in; or on their way down in a row.
    logic [31:0] next_q [Dim];
    logic [31:0] stream_q;
    always_ff @(posedge clk_i) begin
      if (load) next_q[load_row] <= row_wgt;
      stream_q <= row_wgt;
    end

    logic [128*Dim-1:0] sum /*verilator split_var*/;
    for (genvar r = 0; r < Dim; r++) begin : g_row
      logic signed [8:0] act_in, act_out;
      logic [31:0]       wgt_in, wgt_out;
      logic [127:0]      sum_in;
      if (g == 0) begin : g_act
        assign act_in = act_i[9*r +: 9];
      end else begin : g_act
        assign act_in = g_col[g-1].g_row[r].act_out;
      end
      if (r == 0) begin : g_top
        assign wgt_in = stream_q;
        assign sum_in = '0;
      end else begin : g_top
        assign wgt_in = g_row[r-1].wgt_out;
        assign sum_in = sum[128*(r-1) +: 128];
      end
      ws_array_pe u_pe (
        .clk_i,
        .os_i,
        .mark_i(mark[r+g]),
        .act_i (act_in),
        .wgt_i (wgt_in),
        .next_i(next_q[r]),
        .sum_i (sum_in),
        .act_o (act_out),
        .wgt_o (wgt_out),
        .sum_o (sum[128*r +: 128])
      );
    end

    // Constant selections keep the simulator from gathering all sums into one vector; rows beyond Dim fold away.
    logic [127:0] picked;
    always_comb begin
      picked = sum[128*(Dim-1) +: 128];
      if (os_i && read) begin
        unique case (6'(read_row))
          6'd0: picked = sum[(((0 < Dim) ? 0 : 0) * 128) +: 128];
          6'd1: picked = sum[(((1 < Dim) ? 1 : 0) * 128) +: 128];
          6'd2: picked = sum[(((2 < Dim) ? 2 : 0) * 128) +: 128];
          6'd3: picked = sum[(((3 < Dim) ? 3 : 0) * 128) +: 128];
          6'd4: picked = sum[(((4 < Dim) ? 4 : 0) * 128) +: 128];
          6'd5: picked = sum[(((5 < Dim) ? 5 : 0) * 128) +: 128];
          6'd6: picked = sum[(((6 < Dim) ? 6 : 0) * 128) +: 128];
          6'd7: picked = sum[(((7 < Dim) ? 7 : 0) * 128) +: 128];
          6'd8: picked = sum[(((8 < Dim) ? 8 : 0) * 128) +: 128];
          6'd9: picked = sum[(((9 < Dim) ? 9 : 0) * 128) +: 128];
          6'd10: picked = sum[(((10 < Dim) ? 10 : 0) * 128) +: 128];
          6'd11: picked = sum[(((11 < Dim) ? 11 : 0) * 128) +: 128];
          6'd12: picked = sum[(((12 < Dim) ? 12 : 0) * 128) +: 128];
          6'd13: picked = sum[(((13 < Dim) ? 13 : 0) * 128) +: 128];
          6'd14: picked = sum[(((14 < Dim) ? 14 : 0) * 128) +: 128];
          6'd15: picked = sum[(((15 < Dim) ? 15 : 0) * 128) +: 128];
          6'd16: picked = sum[(((16 < Dim) ? 16 : 0) * 128) +: 128];
          6'd17: picked = sum[(((17 < Dim) ? 17 : 0) * 128) +: 128];
          6'd18: picked = sum[(((18 < Dim) ? 18 : 0) * 128) +: 128];
          6'd19: picked = sum[(((19 < Dim) ? 19 : 0) * 128) +: 128];
          6'd20: picked = sum[(((20 < Dim) ? 20 : 0) * 128) +: 128];
          6'd21: picked = sum[(((21 < Dim) ? 21 : 0) * 128) +: 128];
          6'd22: picked = sum[(((22 < Dim) ? 22 : 0) * 128) +: 128];
          6'd23: picked = sum[(((23 < Dim) ? 23 : 0) * 128) +: 128];
          6'd24: picked = sum[(((24 < Dim) ? 24 : 0) * 128) +: 128];
          6'd25: picked = sum[(((25 < Dim) ? 25 : 0) * 128) +: 128];
          6'd26: picked = sum[(((26 < Dim) ? 26 : 0) * 128) +: 128];
          6'd27: picked = sum[(((27 < Dim) ? 27 : 0) * 128) +: 128];
          6'd28: picked = sum[(((28 < Dim) ? 28 : 0) * 128) +: 128];
          6'd29: picked = sum[(((29 < Dim) ? 29 : 0) * 128) +: 128];
          6'd30: picked = sum[(((30 < Dim) ? 30 : 0) * 128) +: 128];
          6'd31: picked = sum[(((31 < Dim) ? 31 : 0) * 128) +: 128];
          6'd32: picked = sum[(((32 < Dim) ? 32 : 0) * 128) +: 128];
          6'd33: picked = sum[(((33 < Dim) ? 33 : 0) * 128) +: 128];
          6'd34: picked = sum[(((34 < Dim) ? 34 : 0) * 128) +: 128];
          6'd35: picked = sum[(((35 < Dim) ? 35 : 0) * 128) +: 128];
          6'd36: picked = sum[(((36 < Dim) ? 36 : 0) * 128) +: 128];
          6'd37: picked = sum[(((37 < Dim) ? 37 : 0) * 128) +: 128];
          6'd38: picked = sum[(((38 < Dim) ? 38 : 0) * 128) +: 128];
          6'd39: picked = sum[(((39 < Dim) ? 39 : 0) * 128) +: 128];
          6'd40: picked = sum[(((40 < Dim) ? 40 : 0) * 128) +: 128];
          6'd41: picked = sum[(((41 < Dim) ? 41 : 0) * 128) +: 128];
          6'd42: picked = sum[(((42 < Dim) ? 42 : 0) * 128) +: 128];
          6'd43: picked = sum[(((43 < Dim) ? 43 : 0) * 128) +: 128];
          6'd44: picked = sum[(((44 < Dim) ? 44 : 0) * 128) +: 128];
          6'd45: picked = sum[(((45 < Dim) ? 45 : 0) * 128) +: 128];
          6'd46: picked = sum[(((46 < Dim) ? 46 : 0) * 128) +: 128];
          6'd47: picked = sum[(((47 < Dim) ? 47 : 0) * 128) +: 128];
          6'd48: picked = sum[(((48 < Dim) ? 48 : 0) * 128) +: 128];
          6'd49: picked = sum[(((49 < Dim) ? 49 : 0) * 128) +: 128];
          6'd50: picked = sum[(((50 < Dim) ? 50 : 0) * 128) +: 128];
          6'd51: picked = sum[(((51 < Dim) ? 51 : 0) * 128) +: 128];
          6'd52: picked = sum[(((52 < Dim) ? 52 : 0) * 128) +: 128];
          6'd53: picked = sum[(((53 < Dim) ? 53 : 0) * 128) +: 128];
          6'd54: picked = sum[(((54 < Dim) ? 54 : 0) * 128) +: 128];
          6'd55: picked = sum[(((55 < Dim) ? 55 : 0) * 128) +: 128];
          6'd56: picked = sum[(((56 < Dim) ? 56 : 0) * 128) +: 128];
          6'd57: picked = sum[(((57 < Dim) ? 57 : 0) * 128) +: 128];
          6'd58: picked = sum[(((58 < Dim) ? 58 : 0) * 128) +: 128];
          6'd59: picked = sum[(((59 < Dim) ? 59 : 0) * 128) +: 128];
          6'd60: picked = sum[(((60 < Dim) ? 60 : 0) * 128) +: 128];
          6'd61: picked = sum[(((61 < Dim) ? 61 : 0) * 128) +: 128];
          6'd62: picked = sum[(((62 < Dim) ? 62 : 0) * 128) +: 128];
          6'd63: picked = sum[(((63 < Dim) ? 63 : 0) * 128) +: 128];
          default: picked = '0;
        endcase
      end
    end
    assign sums_o[128*g +: 128] = picked;
  end
endmodule
