// A core without a mind of its own: its memory ports are wired to bare pins, so that a test in C plays the core, one
// clock edge at a time. The control port has one register, which can be told to hang or to answer with an error.
module probe (
  input  logic         clk_i,
  input  logic         rst_ni,
  // control
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
  // AXI4, 128 bits
  output logic [3:0]   m_axi_arid,
  output logic [31:0]  m_axi_araddr,
  output logic [7:0]   m_axi_arlen,
  output logic [2:0]   m_axi_arsize,
  output logic [1:0]   m_axi_arburst,
  output logic         m_axi_arvalid,
  input  logic         m_axi_arready,
  input  logic [3:0]   m_axi_rid,
  input  logic [127:0] m_axi_rdata,
  input  logic [1:0]   m_axi_rresp,
  input  logic         m_axi_rlast,
  input  logic         m_axi_rvalid,
  output logic         m_axi_rready,
  output logic [3:0]   m_axi_awid,
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
  input  logic [3:0]   m_axi_bid,
  input  logic [1:0]   m_axi_bresp,
  input  logic         m_axi_bvalid,
  output logic         m_axi_bready,
  // pins: what the test drives and sees
  input  logic [63:0]  ar_i,       // {id, burst, size, len, addr} from bit 0: addr 32, len 8, size 3, burst 2, id 4
  input  logic         arvalid_i,
  output logic         arready_o,
  input  logic         rready_i,
  output logic         rvalid_o,
  output logic [6:0]   r_o,        // {resp, id, last}
  output logic [63:0]  rdata_lo_o,
  output logic [63:0]  rdata_hi_o,
  input  logic [63:0]  aw_i,
  input  logic         awvalid_i,
  output logic         awready_o,
  input  logic [63:0]  wdata_lo_i,
  input  logic [63:0]  wdata_hi_i,
  input  logic [16:0]  w_i,        // {last, strb}
  input  logic         wvalid_i,
  output logic         wready_o,
  input  logic         bready_i,
  output logic         bvalid_o,
  output logic [5:0]   b_o,        // {resp, id}
  input  logic         hang_i,
  input  logic         error_i,
  input  logic         irq_i,
  output logic         irq_o,
  input  logic         rude_i      // remembered for good: arvalid is high in each reset from then on
);
  logic rude_q;
  assign {m_axi_arid, m_axi_arburst, m_axi_arsize, m_axi_arlen, m_axi_araddr} = ar_i[48:0];
  assign m_axi_arvalid = arvalid_i || (rude_q && !rst_ni);
  assign arready_o     = m_axi_arready;
  assign m_axi_rready  = rready_i;
  assign rvalid_o      = m_axi_rvalid;
  assign r_o           = {m_axi_rresp, m_axi_rid, m_axi_rlast};
  assign {rdata_hi_o, rdata_lo_o} = m_axi_rdata;
  assign {m_axi_awid, m_axi_awburst, m_axi_awsize, m_axi_awlen, m_axi_awaddr} = aw_i[48:0];
  assign m_axi_awvalid = awvalid_i;
  assign awready_o     = m_axi_awready;
  assign m_axi_wdata   = {wdata_hi_i, wdata_lo_i};
  assign {m_axi_wlast, m_axi_wstrb} = w_i;
  assign m_axi_wvalid  = wvalid_i;
  assign wready_o      = m_axi_wready;
  assign m_axi_bready  = bready_i;
  assign bvalid_o      = m_axi_bvalid;
  assign b_o           = {m_axi_bresp, m_axi_bid};
  assign irq_o         = irq_i;

  always_ff @(posedge clk_i) rude_q <= rude_q || rude_i;

  logic [31:0] reg_q;
  logic        b_q, r_q;

  // Address before data, so that the two are accepted at different edges.
  logic aw_q;
  assign s_axil_awready = !aw_q && !b_q && !hang_i;
  assign s_axil_wready  = aw_q;
  assign s_axil_arready = !r_q && !hang_i;
  assign s_axil_bvalid  = b_q;
  assign s_axil_rvalid  = r_q;
  assign s_axil_bresp   = {error_i, 1'b0};
  assign s_axil_rresp   = {error_i, 1'b0};
  assign s_axil_rdata   = reg_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      reg_q <= '0;
      aw_q  <= 1'b0;
      b_q   <= 1'b0;
      r_q   <= 1'b0;
    end else begin
      if (s_axil_awvalid && s_axil_awready) aw_q <= 1'b1;
      if (s_axil_wvalid && s_axil_wready) begin
        aw_q  <= 1'b0;
        b_q   <= 1'b1;
        reg_q <= s_axil_wdata;
      end
      if (b_q && s_axil_bready) b_q <= 1'b0;
      if (s_axil_arvalid && s_axil_arready) r_q <= 1'b1;
      if (r_q && s_axil_rready) r_q <= 1'b0;
    end
  end

  logic unused;
  assign unused = ^{s_axil_awaddr, s_axil_araddr, s_axil_wstrb, ar_i[63:49], aw_i[63:49]};
endmodule
