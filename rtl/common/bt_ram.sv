// Simple dual-port RAM: one write port, one read port with registered output. A word written at an edge is read from the
// next edge on; reading and writing one address at the same edge gives the old word. No reset: contents are data.
module bt_ram #(
  parameter int unsigned Width = 128,
  parameter int unsigned Depth = 16,
  localparam int unsigned AddrBits = (Depth > 1) ? $clog2(Depth) : 1
) (
  input  logic                clk_i,
  input  logic                we_i,
  input  logic [AddrBits-1:0] waddr_i,
  input  logic [Width-1:0]    wdata_i,
  input  logic                re_i,
  input  logic [AddrBits-1:0] raddr_i,
  output logic [Width-1:0]    rdata_o
);
  logic [Width-1:0] mem [Depth];

  always_ff @(posedge clk_i) begin
    if (we_i) mem[waddr_i] <= wdata_i;
    if (re_i) rdata_o <= mem[raddr_i];
  end
endmodule
