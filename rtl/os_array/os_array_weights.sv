// Weight buffer: two halves of WbufK steps, one step's weights of all columns read per cycle. Filled in order, a beat of 16
// bytes at a time.
module os_array_weights #(
  parameter int unsigned ColGroups = 4,
  parameter int unsigned WeightRow = 16,    // bytes per step: 4, 8 or a multiple of 16
  parameter int unsigned WbufK = 4608
) (
  input  logic                     clk_i,
  input  logic                     begin_i,      // a new tile follows
  input  logic                     we_i,
  input  logic                     half_i,
  input  logic [127:0]             data_i,
  input  logic                     read_i,
  input  logic                     read_half_i,
  input  logic [$clog2(WbufK)-1:0] k_i,
  output logic [32*ColGroups-1:0]  wgt_o         // two edges after k_i
);
  localparam int unsigned Rams = (WeightRow > 16) ? WeightRow / 16 : 1;
  localparam int unsigned StepsPerBeat = (WeightRow < 16) ? 16 / WeightRow : 1;
  localparam int unsigned StepBits = $clog2(StepsPerBeat);
  localparam int unsigned Words = (WbufK + StepsPerBeat - 1) / StepsPerBeat;
  localparam int unsigned WordBits = $clog2(Words);

  logic [WordBits-1:0] fill_q;
  logic [2:0]          ram_q;
  always_ff @(posedge clk_i) begin
    if (begin_i) begin
      fill_q <= '0;
      ram_q  <= '0;
    end else if (we_i) begin
      if (ram_q == 3'(Rams - 1)) begin
        ram_q  <= '0;
        fill_q <= fill_q + WordBits'(1);
      end else begin
        ram_q <= ram_q + 3'd1;
      end
    end
  end

  logic [128*Rams-1:0]      word;
  logic [8*WeightRow-1:0]   step;
  logic [32*ColGroups-1:0]  wgt_q;
  for (genvar r = 0; r < Rams; r++) begin : g_ram
    bt_ram #(
      .Width(128),
      .Depth(2 ** (WordBits + 1))
    ) u_ram (
      .clk_i,
      .we_i   (we_i & (ram_q == 3'(r))),
      .waddr_i({half_i, fill_q}),
      .wdata_i(data_i),
      .re_i   (read_i),
      .raddr_i({read_half_i, k_i[$clog2(WbufK)-1 -: WordBits]}),
      .rdata_o(word[128*r +: 128])
    );
  end
  if (StepsPerBeat > 1) begin : g_step
    logic [StepBits-1:0] step_q;
    always_ff @(posedge clk_i) step_q <= k_i[StepBits-1:0];
    assign step = word[step_q * (8 * WeightRow) +: 8*WeightRow];
  end else begin : g_step
    assign step = word;
  end
  always_ff @(posedge clk_i) wgt_q <= step[32*ColGroups-1:0];
  assign wgt_o = wgt_q;
endmodule
