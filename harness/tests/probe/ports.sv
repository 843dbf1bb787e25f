// The other kinds of memory port, wired to bare pins, and no register bus: see probe.sv.
// Beside them AXI4 ports of other widths, each with a lane that copies one beat.
module ports (
  input  logic        clk_i,
  input  logic        rst_i,
  input  logic        clk2_i,
  input  logic        rst2_i,
  // TCDM, 32 bits, reads and writes
  output logic        tcdm_req,
  output logic [31:0] tcdm_add,
  output logic        tcdm_wen,
  output logic [31:0] tcdm_data,
  output logic [3:0]  tcdm_be,
  input  logic        tcdm_gnt,
  input  logic        tcdm_r_valid,
  input  logic [31:0] tcdm_r_data,
  // streams, 64 bits
  input  logic [63:0] s_axis_tdata,
  input  logic        s_axis_tvalid,
  output logic        s_axis_tready,
  input  logic        s_axis_tlast,
  output logic [63:0] m_axis_tdata,
  output logic        m_axis_tvalid,
  input  logic        m_axis_tready,
  output logic        m_axis_tlast,
  // raw pull, 16 bits, with names of its own
  output logic        want,
  input  logic        raw_gnt,
  input  logic [15:0] raw_rdata,
  // AXI4 of other widths, as few signals as there can be
  output logic [31:0] m32_araddr,
  output logic        m32_arvalid,
  input  logic        m32_arready,
  input  logic [31:0] m32_rdata,
  input  logic        m32_rvalid,
  output logic [31:0] m32_awaddr,
  output logic        m32_awvalid,
  input  logic        m32_awready,
  output logic [31:0] m32_wdata,
  output logic        m32_wvalid,
  input  logic        m32_wready,
  input  logic        m32_bvalid,
  output logic [31:0] m64_araddr,
  output logic        m64_arvalid,
  input  logic        m64_arready,
  input  logic [63:0] m64_rdata,
  input  logic        m64_rvalid,
  output logic [31:0] m64_awaddr,
  output logic        m64_awvalid,
  input  logic        m64_awready,
  output logic [63:0] m64_wdata,
  output logic        m64_wvalid,
  input  logic        m64_wready,
  input  logic        m64_bvalid,
  output logic [31:0] m256_araddr,
  output logic        m256_arvalid,
  input  logic        m256_arready,
  input  logic [255:0] m256_rdata,
  input  logic        m256_rvalid,
  output logic [31:0] m256_awaddr,
  output logic        m256_awvalid,
  input  logic        m256_awready,
  output logic [255:0] m256_wdata,
  output logic        m256_wvalid,
  input  logic        m256_wready,
  input  logic        m256_bvalid,
  output logic [31:0] m512_araddr,
  output logic        m512_arvalid,
  input  logic        m512_arready,
  input  logic [511:0] m512_rdata,
  input  logic        m512_rvalid,
  output logic [31:0] m512_awaddr,
  output logic        m512_awvalid,
  input  logic        m512_awready,
  output logic [511:0] m512_wdata,
  output logic        m512_wvalid,
  input  logic        m512_wready,
  input  logic        m512_bvalid,
  // pins
  input  logic        req_i,
  input  logic [31:0] add_i,
  input  logic        wen_i,
  input  logic [31:0] data_i,
  input  logic [3:0]  be_i,
  output logic        gnt_o,
  output logic        r_valid_o,
  output logic [31:0] r_data_o,
  input  logic        tready_i,
  output logic        tvalid_o,
  output logic [63:0] tdata_o,
  output logic        tlast_o,
  input  logic        tvalid_i,
  input  logic [63:0] tdata_i,
  output logic        tready_o,
  input  logic        want_i,
  output logic        raw_gnt_o,
  output logic [15:0] raw_o,
  input  logic        go_i,
  input  logic        copy_i,
  output logic [3:0]  busy_o
);
  assign tcdm_req  = req_i;
  assign tcdm_add  = add_i;
  assign tcdm_wen  = wen_i;
  assign tcdm_data = data_i;
  assign tcdm_be   = be_i;
  assign gnt_o     = tcdm_gnt;
  assign r_valid_o = tcdm_r_valid;
  assign r_data_o  = tcdm_r_data;
  assign s_axis_tready = tready_i;
  assign tvalid_o  = s_axis_tvalid;
  assign tdata_o   = s_axis_tdata;
  assign tlast_o   = s_axis_tlast;
  assign m_axis_tvalid = tvalid_i;
  assign m_axis_tdata  = tdata_i;
  assign m_axis_tlast  = 1'b0;
  assign tready_o  = m_axis_tready;
  assign want      = want_i;
  assign raw_gnt_o = raw_gnt;
  assign raw_o     = raw_rdata;

  copy_lane #(.Bits(32)) i_copy32 (
    .clk_i(clk2_i), .rst_i(rst2_i), .go_i(copy_i), .busy_o(busy_o[0]),
    .araddr_o(m32_araddr), .arvalid_o(m32_arvalid), .arready_i(m32_arready), .rdata_i(m32_rdata),
    .rvalid_i(m32_rvalid), .awaddr_o(m32_awaddr), .awvalid_o(m32_awvalid), .awready_i(m32_awready),
    .wdata_o(m32_wdata), .wvalid_o(m32_wvalid), .wready_i(m32_wready), .bvalid_i(m32_bvalid)
  );

  copy_lane #(.Bits(64)) i_copy64 (
    .clk_i(clk2_i), .rst_i(rst2_i), .go_i(copy_i), .busy_o(busy_o[1]),
    .araddr_o(m64_araddr), .arvalid_o(m64_arvalid), .arready_i(m64_arready), .rdata_i(m64_rdata),
    .rvalid_i(m64_rvalid), .awaddr_o(m64_awaddr), .awvalid_o(m64_awvalid), .awready_i(m64_awready),
    .wdata_o(m64_wdata), .wvalid_o(m64_wvalid), .wready_i(m64_wready), .bvalid_i(m64_bvalid)
  );

  copy_lane #(.Bits(256)) i_copy256 (
    .clk_i(clk2_i), .rst_i(rst2_i), .go_i(copy_i), .busy_o(busy_o[2]),
    .araddr_o(m256_araddr), .arvalid_o(m256_arvalid), .arready_i(m256_arready), .rdata_i(m256_rdata),
    .rvalid_i(m256_rvalid), .awaddr_o(m256_awaddr), .awvalid_o(m256_awvalid), .awready_i(m256_awready),
    .wdata_o(m256_wdata), .wvalid_o(m256_wvalid), .wready_i(m256_wready), .bvalid_i(m256_bvalid)
  );

  copy_lane #(.Bits(512)) i_copy512 (
    .clk_i(clk2_i), .rst_i(rst2_i), .go_i(copy_i), .busy_o(busy_o[3]),
    .araddr_o(m512_araddr), .arvalid_o(m512_arvalid), .arready_i(m512_arready), .rdata_i(m512_rdata),
    .rvalid_i(m512_rvalid), .awaddr_o(m512_awaddr), .awvalid_o(m512_awvalid), .awready_i(m512_awready),
    .wdata_o(m512_wdata), .wvalid_o(m512_wvalid), .wready_i(m512_wready), .bvalid_i(m512_bvalid)
  );

  logic unused;
  assign unused = clk_i ^ rst_i ^ go_i;
endmodule
