// Ifmap memory of the DaDianNao family: two halves of bricks. One beat is written per cycle; every tile reads the bricks of its
// window, each at an address of its own, and what lies in the padding reads as the zero point. Bricks that are asked for in one
// cycle come in the next.
module bt_brick_am #(
  parameter int unsigned Bits = 16,
  parameter int unsigned Lanes = 16,
  parameter int unsigned BrickBits = 16,
  parameter int unsigned Reads = 4,
  localparam int unsigned Width = Lanes * Bits,
  localparam int unsigned Beats = Width / 128,
  localparam int unsigned BeatBits = BrickBits + $clog2(Beats)
) (
  input  logic                       clk_i,
  input  logic                       we_i,
  input  logic [BeatBits-1:0]        beat_i,
  input  logic [127:0]               data_i,
  input  logic [7:0]                 zp_i,
  input  logic                       read_i,
  input  logic [BrickBits*Reads-1:0] brick_i,
  input  logic [Reads-1:0]           inside_i,
  output logic [Width*Reads-1:0]     data_o
);
  logic [Width-1:0] mem [1 << BrickBits];
  logic [Width-1:0] outside;
  logic [Width*Reads-1:0] data_q;

  always_ff @(posedge clk_i) begin
    if (we_i) begin
      if (Beats == 1) mem[beat_i[BeatBits-1 -: BrickBits]] <= Width'(data_i);
      else mem[beat_i[BeatBits-1 -: BrickBits]][128*(32'(beat_i) % Beats) +: 128] <= data_i;
    end
  end

  assign outside = {Lanes{Bits'($signed(zp_i))}};
  for (genvar r = 0; r < Reads; r++) begin : g_read
    always_ff @(posedge clk_i) begin
      if (read_i) data_q[Width*r +: Width] <= inside_i[r] ? mem[brick_i[BrickBits*r +: BrickBits]] : outside;
    end
  end
  assign data_o = data_q;
endmodule
