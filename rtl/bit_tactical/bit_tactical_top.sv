// Bit-Tactical's weight-skipping front end on the tiles of DaDianNao++ (paper: 003, sections III and IV): each weight says which
// value of a window of LOOKAHEAD + 1 bricks it meets, so that the multipliers of zero weights take others' (T<2,5> as it stands).
module bit_tactical_top #(
  parameter int unsigned TILES = 4,               // 1, 2 or 4
  parameter int unsigned FILTERS = 16,            // of a tile; a power of two
  parameter int unsigned LANES = 16,              // multipliers of a filter: a brick of 16 or 32 bytes
  parameter int unsigned BITS = 16,               // of an operand: 8 or 16
  parameter int unsigned IFMAP_BYTES = 2097152,   // two halves each; powers of two
  parameter int unsigned OFMAP_BYTES = 2097152,
  parameter int unsigned WEIGHT_ROWS = 64,        // of a half of the weight memory
  parameter int unsigned BAND_PIXELS = 1024,      // partial sums of a filter
  parameter int unsigned TABLE_ROWS = 2048,       // bricks of a filter
  parameter int unsigned LOOKAHEAD = 2,
  parameter int AHEAD_1 = 1,                      // input 1: rows further (0: there is no such input) ...
  parameter int ASIDE_1 = 0,                      // ... and lanes beside
  parameter int AHEAD_2 = 2,
  parameter int ASIDE_2 = 0,
  parameter int AHEAD_3 = 1,
  parameter int ASIDE_3 = -1,
  parameter int AHEAD_4 = 1,
  parameter int ASIDE_4 = 1,
  parameter int AHEAD_5 = 2,
  parameter int ASIDE_5 = -2,
  parameter int AHEAD_6 = 2,
  parameter int ASIDE_6 = 2,
  parameter int AHEAD_7 = 1,
  parameter int ASIDE_7 = -3,
  parameter int AHEAD_8 = 0,
  parameter int ASIDE_8 = 0,
  parameter int AHEAD_9 = 0,
  parameter int ASIDE_9 = 0,
  parameter int AHEAD_10 = 0,
  parameter int ASIDE_10 = 0
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic [11:0]  s_axil_awaddr,
  input  logic         s_axil_awvalid,
  output logic         s_axil_awready,
  input  logic [31:0]  s_axil_wdata,
  input  logic [3:0]   s_axil_wstrb,
  input  logic         s_axil_wvalid,
  output logic         s_axil_wready,
  output logic [1:0]   s_axil_bresp,
  output logic         s_axil_bvalid,
  input  logic         s_axil_bready,
  input  logic [11:0]  s_axil_araddr,
  input  logic         s_axil_arvalid,
  output logic         s_axil_arready,
  output logic [31:0]  s_axil_rdata,
  output logic [1:0]   s_axil_rresp,
  output logic         s_axil_rvalid,
  input  logic         s_axil_rready,
  output logic [31:0]  m_axi_awaddr,
  output logic [7:0]   m_axi_awlen,
  output logic [2:0]   m_axi_awsize,
  output logic [1:0]   m_axi_awburst,
  output logic         m_axi_awvalid,
  input  logic         m_axi_awready,
  output logic [127:0] m_axi_wdata,
  output logic [15:0]  m_axi_wstrb,
  output logic         m_axi_wlast,
  output logic         m_axi_wvalid,
  input  logic         m_axi_wready,
  input  logic [1:0]   m_axi_bresp,
  input  logic         m_axi_bvalid,
  output logic         m_axi_bready,
  output logic [31:0]  m_axi_araddr,
  output logic [7:0]   m_axi_arlen,
  output logic [2:0]   m_axi_arsize,
  output logic [1:0]   m_axi_arburst,
  output logic         m_axi_arvalid,
  input  logic         m_axi_arready,
  input  logic [127:0] m_axi_rdata,
  input  logic [1:0]   m_axi_rresp,
  input  logic         m_axi_rlast,
  input  logic         m_axi_rvalid,
  output logic         m_axi_rready,
  output logic         irq_o
);
  localparam logic [79:0] Ahead = bit_tactical_pkg::list(AHEAD_1, AHEAD_2, AHEAD_3, AHEAD_4, AHEAD_5, AHEAD_6, AHEAD_7, AHEAD_8,
                                                         AHEAD_9, AHEAD_10);
  localparam logic [79:0] Aside = bit_tactical_pkg::list(ASIDE_1, ASIDE_2, ASIDE_3, ASIDE_4, ASIDE_5, ASIDE_6, ASIDE_7, ASIDE_8,
                                                         ASIDE_9, ASIDE_10);
  bt_brick #(
    .Id(bit_tactical_regs_pkg::ID_VALUE), .Version(bit_tactical_regs_pkg::VERSION_VALUE),
    .Tiles(TILES), .Filters(FILTERS), .Lanes(LANES), .Bits(BITS), .IfmapBytes(IFMAP_BYTES), .OfmapBytes(OFMAP_BYTES),
    .WeightRows(WEIGHT_ROWS), .BandPixels(BAND_PIXELS), .TableRows(TABLE_ROWS),
    .Lookahead(LOOKAHEAD), .Inputs(bit_tactical_pkg::inputs(Ahead)), .Ahead(Ahead), .Aside(Aside),
    .Straight(bit_tactical_pkg::straight(Ahead, Aside))
  ) u_brick (
    .clk_i, .rst_ni, .s_axil_awaddr, .s_axil_awvalid, .s_axil_awready, .s_axil_wdata, .s_axil_wstrb, .s_axil_wvalid,
    .s_axil_wready, .s_axil_bresp, .s_axil_bvalid, .s_axil_bready, .s_axil_araddr, .s_axil_arvalid, .s_axil_arready,
    .s_axil_rdata, .s_axil_rresp, .s_axil_rvalid, .s_axil_rready, .m_axi_awaddr, .m_axi_awlen, .m_axi_awsize,
    .m_axi_awburst, .m_axi_awvalid, .m_axi_awready, .m_axi_wdata, .m_axi_wstrb, .m_axi_wlast, .m_axi_wvalid,
    .m_axi_wready, .m_axi_bresp, .m_axi_bvalid, .m_axi_bready, .m_axi_araddr, .m_axi_arlen, .m_axi_arsize,
    .m_axi_arburst, .m_axi_arvalid, .m_axi_arready, .m_axi_rdata, .m_axi_rresp, .m_axi_rlast, .m_axi_rvalid,
    .m_axi_rready, .irq_o
  );
endmodule
