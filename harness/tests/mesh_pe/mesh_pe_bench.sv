// ROWS x COLS processing elements with nothing around them. Operands come from shift registers; one row of sums is read each
// cycle and folded into `digest_o`, so that every accumulator is read and nothing can be optimised away.
module mesh_pe_bench #(
  parameter int unsigned ROWS = 16,
  parameter int unsigned COLS = 16
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  output logic [31:0] digest_o,
  output logic        done_o
);
  localparam int unsigned ReductionBits = 8;
  localparam int unsigned RowBits = 6;

  logic [31:0]                   lfsr_q, digest_q, folded;
  logic [8*ROWS-1:0]             act_q;
  logic [8*COLS-1:0]             wgt_q;
  logic [ReductionBits-1:0]      step_q;
  logic [RowBits-1:0]            row_q;
  logic [8*ROWS*(COLS+1)-1:0]    act;
  logic [8*(ROWS+1)*COLS-1:0]    wgt;
  logic [ROWS*(COLS+1)-1:0]      first;
  logic [32*ROWS*COLS-1:0]       sums;
  logic [32*COLS-1:0]            read; // one row

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      lfsr_q   <= 32'h1;
      act_q    <= '0;
      wgt_q    <= '0;
      step_q   <= '0;
      row_q    <= '0;
      digest_q <= '0;
    end else begin
      lfsr_q   <= {lfsr_q[30:0], lfsr_q[31] ^ lfsr_q[21] ^ lfsr_q[1] ^ lfsr_q[0]};
      act_q    <= (8*ROWS)'({act_q, lfsr_q[7:0]});
      wgt_q    <= (8*COLS)'({wgt_q, lfsr_q[15:8]});
      step_q   <= step_q + ReductionBits'(1);
      row_q    <= row_q == RowBits'(ROWS - 1) ? '0 : row_q + RowBits'(1);
      digest_q <= {digest_q[30:0], digest_q[31]} ^ folded;
    end
  end

  for (genvar r = 0; r < ROWS; r++) begin : g_row
    assign act[8*(r*(COLS+1)) +: 8] = act_q[8*r +: 8];
    assign first[r*(COLS+1)]        = step_q == '0;
    for (genvar c = 0; c < COLS; c++) begin : g_col
      mesh_pe_cell u_cell (
        .clk_i, .rst_ni,
        .first_i(first[r*(COLS+1) + c]),
        .act_i(act[8*(r*(COLS+1) + c) +: 8]),
        .wgt_i(wgt[8*(r*COLS + c) +: 8]),
        .first_o(first[r*(COLS+1) + c + 1]),
        .act_o(act[8*(r*(COLS+1) + c + 1) +: 8]),
        .wgt_o(wgt[8*((r+1)*COLS + c) +: 8]),
        .sum_o(sums[32*(r*COLS + c) +: 32])
      );
    end
  end
  // What leaves the mesh at its right and lower edges.
  logic [ROWS-1:0] unused_right;
  logic            unused_bottom;
  for (genvar r = 0; r < ROWS; r++) begin : g_edge
    assign unused_right[r] = ^{act[8*(r*(COLS+1) + COLS) +: 8], first[r*(COLS+1) + COLS]};
  end
  assign unused_bottom = ^wgt[8*ROWS*COLS +: 8*COLS];

  for (genvar c = 0; c < COLS; c++) begin : g_top
    assign wgt[8*c +: 8] = wgt_q[8*c +: 8];
  end

  always_comb begin
    read = '0;
    for (int unsigned r = 0; r < ROWS; r++) begin
      if (row_q == RowBits'(r)) read = sums[32*r*COLS +: 32*COLS];
    end
    folded = '0;
    for (int unsigned c = 0; c < COLS; c++) folded = folded ^ read[32*c +: 32];
  end

  assign digest_o = digest_q;
  assign done_o   = 1'b0;
endmodule
