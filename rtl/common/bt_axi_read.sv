// AXI4 read manager for one linear transfer at a time: INCR bursts of up to 16 beats of 16 bytes that never cross a
// 256-byte line. The receiver always has room, so rready is constant. A transfer begun at edge t drives the first address
// from t on; `done_o` is high in the cycle after the last beat.
module bt_axi_read (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         start_i,      // begins a transfer of `beats_i` >= 1 beats; only when idle
  input  logic [31:0]  addr_i,       // multiple of 16
  input  logic [23:0]  beats_i,
  output logic         beat_o,       // a beat arrived in this cycle
  output logic [127:0] data_o,
  output logic         done_o,
  output logic         error_o,      // sticky until the next start: a response was not OKAY
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
  output logic         m_axi_rready
);
  logic [31:0] addr_q;
  logic [23:0] ask_q, wait_q;   // beats not yet asked for; beats not yet received
  logic        done_q, error_q;
  logic [4:0]  line_beats, burst_beats;
  logic        unused_last;

  assign line_beats  = 5'd16 - {1'b0, addr_q[7:4]};
  assign burst_beats = (ask_q < {19'd0, line_beats}) ? ask_q[4:0] : line_beats;

  assign m_axi_araddr  = addr_q;
  assign m_axi_arlen   = {3'd0, burst_beats} - 8'd1;
  assign m_axi_arsize  = 3'd4;
  assign m_axi_arburst = 2'b01;
  assign m_axi_arvalid = (ask_q != '0);
  assign m_axi_rready  = 1'b1;
  assign beat_o        = m_axi_rvalid;
  assign data_o        = m_axi_rdata;
  assign done_o        = done_q;
  assign error_o       = error_q;
  assign unused_last   = m_axi_rlast;  // beats are counted

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      addr_q  <= '0;
      ask_q   <= '0;
      wait_q  <= '0;
      done_q  <= 1'b0;
      error_q <= 1'b0;
    end else begin
      done_q <= 1'b0;
      if (start_i) begin
        addr_q  <= addr_i;
        ask_q   <= beats_i;
        wait_q  <= beats_i;
        error_q <= 1'b0;
      end else begin
        if (m_axi_arvalid && m_axi_arready) begin
          addr_q <= addr_q + {23'd0, burst_beats, 4'd0};
          ask_q  <= ask_q - {19'd0, burst_beats};
        end
        if (m_axi_rvalid) begin
          wait_q <= wait_q - 24'd1;
          done_q <= (wait_q == 24'd1);
          if (m_axi_rresp != 2'b00) error_q <= 1'b1;
        end
      end
    end
  end
endmodule
