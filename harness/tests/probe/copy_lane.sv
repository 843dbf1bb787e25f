// Copies one beat from address 0 to address Bytes of its port at each rise of go_i; busy_o until the write is answered.
module copy_lane #(
  parameter int unsigned Bits = 64
) (
  input  logic            clk_i,
  input  logic            rst_i,
  input  logic            go_i,
  output logic            busy_o,
  output logic [31:0]     araddr_o,
  output logic            arvalid_o,
  input  logic            arready_i,
  input  logic [Bits-1:0] rdata_i,
  input  logic            rvalid_i,
  output logic [31:0]     awaddr_o,
  output logic            awvalid_o,
  input  logic            awready_i,
  output logic [Bits-1:0] wdata_o,
  output logic            wvalid_o,
  input  logic            wready_i,
  input  logic            bvalid_i
);
  logic            go_q, ar_q, r_q, aw_q, w_q, b_q;
  logic [Bits-1:0] data_q;

  assign busy_o    = ar_q || r_q || aw_q || w_q || b_q;
  assign araddr_o  = 32'd0;
  assign arvalid_o = ar_q;
  assign awaddr_o  = 32'(Bits / 8);
  assign awvalid_o = aw_q;
  assign wdata_o   = data_q;
  assign wvalid_o  = w_q;

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      {go_q, ar_q, r_q, aw_q, w_q, b_q} <= '0;
      data_q <= '0;
    end else begin
      go_q <= go_i;
      if (go_i && !go_q) {ar_q, r_q} <= 2'b11;
      if (ar_q && arready_i) ar_q <= 1'b0;
      if (r_q && rvalid_i) begin
        r_q    <= 1'b0;
        data_q <= rdata_i;
        {aw_q, w_q, b_q} <= 3'b111;
      end
      if (aw_q && awready_i) aw_q <= 1'b0;
      if (w_q && wready_i) w_q <= 1'b0;
      if (b_q && bvalid_i) b_q <= 1'b0;
    end
  end
endmodule
