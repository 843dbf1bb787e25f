// Write-back of the DaDianNao family: when a band is complete, its half of the ofmap memory goes to DRAM, one stretch of beats,
// in bursts of up to 16 that never cross a 256-byte line. The next band is computed meanwhile.
module bt_brick_store #(
  parameter int unsigned Columns = 64,     // of a word of the ofmap memory
  parameter int unsigned Bits = 16,
  parameter int unsigned WordBits = 14,
  localparam int unsigned Width = Columns * Bits,
  localparam int unsigned Beats = Width / 128,
  localparam int unsigned BeatBits = (Beats > 1) ? $clog2(Beats) : 1
) (
  input  logic          clk_i,
  input  logic          rst_ni,
  input  logic          start_i,           // a descriptor begins
  input  logic [1023:0] desc_i,
  input  logic          band_i,            // one cycle: a band is complete
  output logic [15:0]   bands_o,           // bands that have left the ofmap memory
  output logic          read_o,
  output logic [WordBits:0] word_o,
  input  logic [Width-1:0]  word_i,        // in the same cycle
  output logic          idle_o,            // everything written and answered
  output logic          error_o,           // sticky until the next start
  output logic          beat_o,
  output logic [31:0]   m_axi_awaddr,
  output logic [7:0]    m_axi_awlen,
  output logic [2:0]    m_axi_awsize,
  output logic [1:0]    m_axi_awburst,
  output logic          m_axi_awvalid,
  input  logic          m_axi_awready,
  output logic [127:0]  m_axi_wdata,
  output logic [15:0]   m_axi_wstrb,
  output logic          m_axi_wlast,
  output logic          m_axi_wvalid,
  input  logic          m_axi_wready,
  input  logic [1:0]    m_axi_bresp,
  input  logic          m_axi_bvalid,
  output logic          m_axi_bready
);
  logic [31:0] pixels, out_bytes;
  logic [15:0] bands, words, out_beats, tail_rows, ow;
  assign pixels    = desc_i[bt_brick_regs_pkg::PIXELS_LSB +: 32];
  assign out_bytes = desc_i[bt_brick_regs_pkg::OUT_BYTES_LSB +: 32];
  assign bands     = desc_i[bt_brick_regs_pkg::BANDS_LSB +: 16];
  assign words     = desc_i[bt_brick_regs_pkg::WORDS_LSB +: 16];
  assign out_beats = desc_i[bt_brick_regs_pkg::OUT_BEATS_LSB +: 16];
  assign tail_rows = desc_i[bt_brick_regs_pkg::TAIL_ROWS_LSB +: 16];
  assign ow        = desc_i[bt_brick_regs_pkg::OW_LSB +: 16];

  // ---- bands: how many are complete, which one is being written ----
  logic [15:0]        complete_q, band_q;
  logic [31:0]        addr_q;                        // where the next beat goes
  logic               running_q, begin_band, last_band, end_band;
  logic [31:0]        pixel_q, band_pixels;          // still to come, of the band
  logic [15:0]        beat_q;                        // of the pixel
  logic [WordBits-1:0] pixel_word_q;                 // first word of the pixel
  logic [31:0]        rest_q;                        // bytes of channels that are left of the pixel
  logic               move, pixel_end;
  logic [WordBits-1:0] word;
  logic [BeatBits-1:0] part;

  assign last_band   = (band_q == bands - 16'd1);
  assign begin_band  = ~running_q & (complete_q != band_q) & (left_q == '0);
  assign band_pixels = last_band ? 32'(tail_rows) * 32'(ow) : pixels;
  assign pixel_end   = (beat_q == out_beats - 16'd1);
  assign end_band    = move & pixel_end & (pixel_q == 32'd1);
  assign word        = pixel_word_q + WordBits'(32'(beat_q) / Beats);
  assign part        = BeatBits'(32'(beat_q) % Beats);
  assign read_o      = move;
  assign word_o      = {band_q[0], word};
  assign bands_o     = band_q;

  // ---- a beat and the burst that it belongs to ----
  logic         w_q, last_q, aw_q, error_q, line_end, burst_end;
  logic [127:0] wdata_q;
  logic [15:0]  wstrb_q;
  logic [31:0]  awaddr_q;
  logic [7:0]   awlen_q;
  logic [47:0]  left_q;                              // beats of the band that no burst covers yet
  logic [31:0]  aw_next_q;
  logic [4:0]   line_beats, burst_beats;
  logic [15:0]  open_q;
  logic         aw_go;
  assign move        = running_q & (~w_q | m_axi_wready);
  assign line_end    = (addr_q[7:4] == 4'hf);
  assign burst_end   = line_end | end_band;
  assign line_beats  = 5'd16 - {1'b0, aw_next_q[7:4]};
  assign burst_beats = (left_q < 48'(line_beats)) ? left_q[4:0] : line_beats;
  assign aw_go       = (left_q != '0) & (~aw_q | m_axi_awready);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      complete_q   <= '0;
      band_q       <= '0;
      addr_q       <= '0;
      running_q    <= 1'b0;
      pixel_q      <= '0;
      beat_q       <= '0;
      pixel_word_q <= '0;
      rest_q       <= '0;
      w_q          <= 1'b0;
      last_q       <= 1'b0;
      aw_q         <= 1'b0;
      awaddr_q     <= '0;
      awlen_q      <= '0;
      left_q       <= '0;
      aw_next_q    <= '0;
      open_q       <= '0;
      error_q      <= 1'b0;
    end else begin
      if (start_i) begin
        complete_q <= '0;
        band_q     <= '0;
        addr_q     <= desc_i[bt_brick_regs_pkg::OFMAP_LSB +: 32];
        aw_next_q  <= desc_i[bt_brick_regs_pkg::OFMAP_LSB +: 32];
      end else begin
        if (band_i) complete_q <= complete_q + 16'd1;
        if (end_band) band_q <= band_q + 16'd1;
        if (move) addr_q <= addr_q + 32'd16;
        if (aw_go) aw_next_q <= aw_next_q + {23'd0, burst_beats, 4'd0};
      end
      if (begin_band) begin
        running_q    <= 1'b1;
        pixel_q      <= band_pixels;
        beat_q       <= '0;
        pixel_word_q <= '0;
        rest_q       <= out_bytes;
        left_q       <= 48'(band_pixels) * 48'(out_beats);
      end else begin
        if (aw_go) left_q <= left_q - 48'(burst_beats);
        if (move) begin
          beat_q <= beat_q + 16'd1;
          rest_q <= (rest_q > 32'd16) ? rest_q - 32'd16 : '0;
          if (pixel_end) begin
            beat_q       <= '0;
            rest_q       <= out_bytes;
            pixel_q      <= pixel_q - 32'd1;
            pixel_word_q <= pixel_word_q + WordBits'(words);
          end
          if (end_band) running_q <= 1'b0;
        end
      end
      if (move) w_q <= 1'b1;
      else if (m_axi_wready) w_q <= 1'b0;
      if (move) last_q <= burst_end;
      if (aw_go) begin
        aw_q     <= 1'b1;
        awaddr_q <= aw_next_q;
        awlen_q  <= {3'd0, burst_beats} - 8'd1;
      end else if (m_axi_awready) begin
        aw_q <= 1'b0;
      end
      open_q <= open_q + {15'd0, aw_go} - {15'd0, m_axi_bvalid};
      if (start_i) error_q <= 1'b0;
      else if (m_axi_bvalid && m_axi_bresp != 2'b00) error_q <= 1'b1;
    end
  end
  always_ff @(posedge clk_i) begin
    if (move) begin
      wdata_q <= word_i[128*32'(part) +: 128];
      wstrb_q <= (rest_q >= 32'd16) ? 16'hffff : 16'((32'd1 << rest_q[4:0]) - 32'd1);
    end
  end

  assign m_axi_awaddr  = awaddr_q;
  assign m_axi_awlen   = awlen_q;
  assign m_axi_awsize  = 3'd4;
  assign m_axi_awburst = 2'b01;
  assign m_axi_awvalid = aw_q;
  assign m_axi_wdata   = wdata_q;
  assign m_axi_wstrb   = wstrb_q;
  assign m_axi_wlast   = last_q;
  assign m_axi_wvalid  = w_q;
  assign m_axi_bready  = 1'b1;
  assign beat_o        = w_q & m_axi_wready;
  assign error_o       = error_q;
  assign idle_o        = ~running_q & (complete_q == band_q) & ~w_q & (left_q == '0) & (open_q == '0) & ~aw_q;
endmodule
