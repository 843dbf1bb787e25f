// Accumulator of one column group: two halves of 2^RowBits rows of four int32. The array adds to one half (or overwrites it)
// while the other is written back; a row must not be added to again within two cycles, which passes of at least eight
// cycles see to.
module ws_array_acc #(
  parameter int unsigned RowBits = 9
) (
  input  logic               clk_i,
  // accumulate: the row is named one cycle before its sums come
  input  logic               early_i,
  input  logic               half_i,
  input  logic [RowBits-1:0] row_i,
  input  logic               add_i,       // else overwrite
  input  logic [127:0]       sums_i,      // one cycle later
  // write-back: the row's sums one cycle after read_i
  input  logic               read_i,
  input  logic               read_half_i,
  input  logic [RowBits-1:0] read_row_i,
  output logic [127:0]       read_o
);
  logic               write_q, half_q, add_q, read_half_q;
  logic [RowBits-1:0] row_q;
  logic [255:0]       old;
  logic [127:0]       kept, base, total;

  always_ff @(posedge clk_i) begin
    write_q <= early_i;
    half_q  <= half_i;
    add_q   <= add_i;
    row_q   <= row_i;
    if (read_i) read_half_q <= read_half_i;
  end

  assign kept = half_q ? old[255:128] : old[127:0];
  assign base = kept & {128{add_q}};
  for (genvar c = 0; c < 4; c++) begin : g_add
    assign total[32*c +: 32] = base[32*c +: 32] + sums_i[32*c +: 32];
  end

  for (genvar h = 0; h < 2; h++) begin : g_half
    logic accumulate, write_back;
    assign accumulate = early_i & add_i & (half_i == 1'(h));
    assign write_back = read_i & (read_half_i == 1'(h));
    bt_ram #(
      .Width(128),
      .Depth(2 ** RowBits)
    ) u_half (
      .clk_i,
      .we_i   (write_q & (half_q == 1'(h))),
      .waddr_i(row_q),
      .wdata_i(total),
      .re_i   (accumulate | write_back),
      .raddr_i(accumulate ? row_i : read_row_i),
      .rdata_o(old[128*h +: 128])
    );
  end
  assign read_o = read_half_q ? old[255:128] : old[127:0];
endmodule
