// Scratchpad: four banks of 16-byte beats, each interleaved over several RAMs so that DIM bytes can be read from any byte
// address. One port writes, one reads a window of the ifmap from the lower `ifmap_banks_i` banks, one reads rows of weights
// from the others; no bank serves two readers, so nothing ever waits.
module ws_array_spad #(
  parameter int unsigned Dim = 16,
  parameter int unsigned Bytes = 262144,
  localparam int unsigned BeatBits = ws_array_pkg::beat_bits(Bytes),
  localparam int unsigned RowAddrBits = ws_array_pkg::weight_row_bits(Bytes, Dim)
) (
  input  logic                   clk_i,
  input  logic                   we_i,
  input  logic [BeatBits-1:0]    waddr_i,
  input  logic [127:0]           wdata_i,
  input  logic [2:0]             ifmap_banks_i,
  input  logic                   read_ifmap_i,
  input  logic [BeatBits+3:0]    byte_i,
  output logic [8*Dim-1:0]       ifmap_o,        // bytes byte_i ... byte_i + Dim - 1, two cycles later; those of a bank for
                                                 // weights are undefined
  input  logic                   read_weights_i,
  input  logic [RowAddrBits-1:0] row_i,          // in rows of Dim bytes
  output logic [8*Dim-1:0]       weights_o       // one cycle later
);
  localparam int unsigned Lanes = (Dim > 16) ? 2 * Dim / 16 : 2;   // RAMs of a bank
  localparam int unsigned LaneBits = $clog2(Lanes);
  localparam int unsigned Beats = (Dim > 16) ? Dim / 16 : 1;       // of Dim bytes
  localparam int unsigned WindowBits = $clog2(128 * (Beats + 1));
  localparam int unsigned DepthBits = BeatBits - 2 - LaneBits;

  logic [BeatBits-1:0] beat, weight_beat;
  logic [1:0]          weight_bank, weight_bank_q;
  assign beat        = byte_i[BeatBits+3:4];
  assign weight_bank = weight_beat[BeatBits-1 -: 2];
  if (Dim < 16) begin : g_row
    assign weight_beat = row_i[RowAddrBits-1:1];
  end else begin : g_row
    assign weight_beat = BeatBits'(row_i) << $clog2(Beats);
  end

  logic [BeatBits*Lanes-1:0] ifmap_beat;     // the first beat at or after `beat` that lies in each lane
  logic [2*Lanes-1:0]        ifmap_bank, ifmap_bank_q;
  for (genvar l = 0; l < Lanes; l++) begin : g_lane
    logic [BeatBits-1:0] at;
    assign at = beat + BeatBits'(Lanes - 1 - l);
    assign ifmap_beat[BeatBits*l +: BeatBits] = at;
    assign ifmap_bank[2*l +: 2] = at[BeatBits-1 -: 2];
  end

  logic [4*Lanes*128-1:0] banks;
  for (genvar b = 0; b < 4; b++) begin : g_bank
    logic for_ifmap;
    assign for_ifmap = (3'(b) < ifmap_banks_i);
    for (genvar l = 0; l < Lanes; l++) begin : g_ram
      logic read_ifmap, read_weights;
      assign read_ifmap   = read_ifmap_i & for_ifmap & (ifmap_bank[2*l +: 2] == 2'(b));
      assign read_weights = read_weights_i & ~for_ifmap & (weight_bank == 2'(b));
      bt_ram #(
        .Width(128),
        .Depth(2 ** DepthBits)
      ) u_ram (
        .clk_i,
        .we_i   (we_i & (waddr_i[BeatBits-1 -: 2] == 2'(b)) & (waddr_i[LaneBits-1:0] == LaneBits'(l))),
        .waddr_i(waddr_i[LaneBits +: DepthBits]),
        .wdata_i,
        .re_i   (read_ifmap | read_weights),
        .raddr_i(for_ifmap ? ifmap_beat[BeatBits*l + LaneBits +: DepthBits] : weight_beat[LaneBits +: DepthBits]),
        .rdata_o(banks[128*(Lanes*b + l) +: 128])
      );
    end
  end

  // ---- a cycle later: choose the bank of each lane ----
  logic                read_q;
  logic [3:0]          shift_q;
  logic [LaneBits-1:0] lane_q, weight_lane_q;
  always_ff @(posedge clk_i) begin
    read_q        <= read_ifmap_i;
    ifmap_bank_q  <= ifmap_bank;
    shift_q       <= byte_i[3:0];
    lane_q        <= beat[LaneBits-1:0];
    weight_bank_q <= weight_bank;
    weight_lane_q <= weight_beat[LaneBits-1:0];
  end

  logic [128*Lanes-1:0]     chosen;
  logic [128*(Beats+1)-1:0] window;
  logic [8*Dim-1:0]         bytes, bytes_q;
  for (genvar l = 0; l < Lanes; l++) begin : g_choose
    assign chosen[128*l +: 128] = banks[{ifmap_bank_q[2*l +: 2], LaneBits'(l), 7'd0} +: 128];
  end
  for (genvar w = 0; w <= Beats; w++) begin : g_rotate
    logic [LaneBits-1:0] lane;
    assign lane = lane_q + LaneBits'(w);
    assign window[128*w +: 128] = chosen[{lane, 7'd0} +: 128];
  end
  assign bytes = (shift_q == '0) ? window[8*Dim-1:0] : window[WindowBits'({shift_q, 3'd0}) +: 8*Dim];
  always_ff @(posedge clk_i) begin
    if (read_q) bytes_q <= bytes;
  end
  assign ifmap_o = bytes_q;

  if (Dim < 16) begin : g_weights
    logic         odd_q;
    logic [127:0] word;
    always_ff @(posedge clk_i) odd_q <= row_i[0];
    assign word      = banks[{weight_bank_q, weight_lane_q, 7'd0} +: 128];
    assign weights_o = odd_q ? word[127:64] : word[63:0];
  end else begin : g_weights
    for (genvar w = 0; w < Beats; w++) begin : g_word
      assign weights_o[128*w +: 128] = banks[{weight_bank_q, weight_lane_q | LaneBits'(w), 7'd0} +: 128];
    end
  end
endmodule
