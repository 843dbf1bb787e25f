// DaDianNao++: Tiles of Filters by Lanes multipliers and adder trees, channel-first, dense (paper: 003, section III, Table 3).
module dadiannao_top #(
  parameter int unsigned TILES = 4,               // 1, 2 or 4
  parameter int unsigned FILTERS = 16,            // of a tile; a power of two
  parameter int unsigned LANES = 16,              // multipliers of a filter: a brick of 16 or 32 bytes
  parameter int unsigned BITS = 16,               // of an operand: 8 or 16
  parameter int unsigned IFMAP_BYTES = 2097152,   // two halves each; powers of two
  parameter int unsigned OFMAP_BYTES = 2097152,
  parameter int unsigned WEIGHT_ROWS = 64,        // of a half of the weight memory
  parameter int unsigned BAND_PIXELS = 1024,      // partial sums of a filter
  parameter int unsigned TABLE_ROWS = 2048        // bricks of a filter
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
  bt_brick #(
    .Id(dadiannao_regs_pkg::ID_VALUE), .Version(dadiannao_regs_pkg::VERSION_VALUE),
    .Tiles(TILES), .Filters(FILTERS), .Lanes(LANES), .Bits(BITS), .IfmapBytes(IFMAP_BYTES), .OfmapBytes(OFMAP_BYTES),
    .WeightRows(WEIGHT_ROWS), .BandPixels(BAND_PIXELS), .TableRows(TABLE_ROWS), .Lookahead(dadiannao_pkg::Lookahead)
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
