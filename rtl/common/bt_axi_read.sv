// AXI4 read manager for one transfer at a time: `rows_i` rows of `beats_i` beats of 16 bytes, `pitch_i` bytes apart. INCR
// bursts of up to 16 beats that never cross a 256-byte line, nor the end of a row. The receiver always has room, so rready
// is constant. A transfer begun at edge t drives the first address from t on; `done_o` is high in the cycle after the last
// beat.
module bt_axi_read (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         start_i,      // begins a transfer; only when idle
  input  logic [31:0]  addr_i,       // multiple of 16
  input  logic [23:0]  beats_i,      // of a row, >= 1
  input  logic [15:0]  rows_i,       // >= 1
  input  logic [31:0]  pitch_i,      // multiple of 16
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
  logic [31:0] addr_q, row_addr_q, next_row;
  logic [23:0] ask_q, wait_q;             // beats of the row not yet asked for; not yet received
  logic [15:0] ask_rows_q, wait_rows_q;   // further rows
  logic [23:0] beats_q;
  logic [31:0] pitch_q;
  logic        done_q, error_q;
  logic [4:0]  line_beats, burst_beats;
  logic        ends_row, unused_last;

  assign line_beats  = 5'd16 - {1'b0, addr_q[7:4]};
  assign ends_row    = (ask_q <= {19'd0, line_beats});
  assign burst_beats = ends_row ? ask_q[4:0] : line_beats;
  assign next_row    = row_addr_q + pitch_q;

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
      addr_q      <= '0;
      row_addr_q  <= '0;
      ask_q       <= '0;
      wait_q      <= '0;
      ask_rows_q  <= '0;
      wait_rows_q <= '0;
      beats_q     <= '0;
      pitch_q     <= '0;
      done_q      <= 1'b0;
      error_q     <= 1'b0;
    end else begin
      done_q <= 1'b0;
      if (start_i) begin
        addr_q      <= addr_i;
        row_addr_q  <= addr_i;
        ask_q       <= beats_i;
        wait_q      <= beats_i;
        beats_q     <= beats_i;
        pitch_q     <= pitch_i;
        ask_rows_q  <= rows_i - 16'd1;
        wait_rows_q <= rows_i - 16'd1;
        error_q     <= 1'b0;
      end else begin
        if (m_axi_arvalid && m_axi_arready) begin
          if (!ends_row) begin
            addr_q <= addr_q + {23'd0, burst_beats, 4'd0};
            ask_q  <= ask_q - {19'd0, burst_beats};
          end else if (ask_rows_q != '0) begin
            addr_q     <= next_row;
            row_addr_q <= next_row;
            ask_q      <= beats_q;
            ask_rows_q <= ask_rows_q - 16'd1;
          end else begin
            ask_q <= '0;
          end
        end
        if (m_axi_rvalid) begin
          if (wait_q != 24'd1) begin
            wait_q <= wait_q - 24'd1;
          end else if (wait_rows_q != '0) begin
            wait_q      <= beats_q;
            wait_rows_q <= wait_rows_q - 16'd1;
          end else begin
            wait_q <= '0;
            done_q <= 1'b1;
          end
          if (m_axi_rresp != 2'b00) error_q <= 1'b1;
        end
      end
    end
  end
endmodule
