// The other kinds of memory port, wired to bare pins, and no register bus: see probe.sv.
module ports (
  input  logic        clk_i,
  input  logic        rst_i,
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
  input  logic        go_i
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

  // Something must be clocked, or no event would ever reach the design.
  logic unused_q;
  always_ff @(posedge clk_i) unused_q <= rst_i & go_i;
endmodule
