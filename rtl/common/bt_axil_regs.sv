// AXI4-Lite subordinate in front of a register file: one access at a time, writes before reads. A write is accepted at the
// edge at which awready and wready are high together; `write_o` is high in that cycle.
module bt_axil_regs #(
  parameter int unsigned AddrBits = 12
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic [AddrBits-1:0] s_axil_awaddr,
  input  logic                s_axil_awvalid,
  output logic                s_axil_awready,
  input  logic [31:0]         s_axil_wdata,
  input  logic [3:0]          s_axil_wstrb,
  input  logic                s_axil_wvalid,
  output logic                s_axil_wready,
  output logic [1:0]          s_axil_bresp,
  output logic                s_axil_bvalid,
  input  logic                s_axil_bready,
  input  logic [AddrBits-1:0] s_axil_araddr,
  input  logic                s_axil_arvalid,
  output logic                s_axil_arready,
  output logic [31:0]         s_axil_rdata,
  output logic [1:0]          s_axil_rresp,
  output logic                s_axil_rvalid,
  input  logic                s_axil_rready,
  // A write with partial strobes or to an unknown register gets SLVERR and no `write_o`.
  output logic                write_o,
  output logic [AddrBits-1:0] waddr_o,
  output logic [31:0]         wdata_o,
  input  logic                wknown_i,
  output logic [AddrBits-1:0] raddr_o,
  input  logic [31:0]         rdata_i,
  input  logic                rknown_i
);
  localparam logic [1:0] Okay = 2'b00;
  localparam logic [1:0] SlvErr = 2'b10;

  logic        take_write, take_read, write_ok;
  logic        bvalid_q, rvalid_q;
  logic [1:0]  bresp_q, rresp_q;
  logic [31:0] rdata_q;

  assign take_write = s_axil_awvalid & s_axil_wvalid & (~bvalid_q | s_axil_bready);
  assign take_read  = s_axil_arvalid & ~take_write & (~rvalid_q | s_axil_rready);
  assign write_ok   = wknown_i & (&s_axil_wstrb);

  assign s_axil_awready = take_write;
  assign s_axil_wready  = take_write;
  assign s_axil_arready = take_read;
  assign s_axil_bvalid  = bvalid_q;
  assign s_axil_bresp   = bresp_q;
  assign s_axil_rvalid  = rvalid_q;
  assign s_axil_rresp   = rresp_q;
  assign s_axil_rdata   = rdata_q;

  assign write_o = take_write & write_ok;
  assign waddr_o = s_axil_awaddr;
  assign wdata_o = s_axil_wdata;
  assign raddr_o = s_axil_araddr;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      bvalid_q <= 1'b0;
      rvalid_q <= 1'b0;
      bresp_q  <= Okay;
      rresp_q  <= Okay;
      rdata_q  <= '0;
    end else begin
      if (take_write) begin
        bvalid_q <= 1'b1;
        bresp_q  <= write_ok ? Okay : SlvErr;
      end else if (s_axil_bready) begin
        bvalid_q <= 1'b0;
      end
      if (take_read) begin
        rvalid_q <= 1'b1;
        rresp_q  <= rknown_i ? Okay : SlvErr;
        rdata_q  <= rdata_i;
      end else if (s_axil_rready) begin
        rvalid_q <= 1'b0;
      end
    end
  end
endmodule
