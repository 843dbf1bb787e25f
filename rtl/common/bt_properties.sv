// Properties of the common modules, in the language of Yosys: ci/prove puts the part named after a module in front of
// that module's `endmodule`, so that it can speak of its registers, and proves every assertion by induction. What is
// assumed is what the module's header asks of its neighbours. Simulation and synthesis never read this file.
//
// For each assertion a room has a fault that refutes it (ci/check-faults).

`ifdef PROVE_bt_requant
  //@ file rtl/common/bt_requant.sv
  //@ cut mul
  //@ steps 3
  // Other words for what reference/ops/requantise.c does: saturation by comparing before the shift, gemmlowp's nudge
  // with C's division towards zero, rounding of magnitudes.
  function automatic logic signed [63:0] toward_zero_31(input logic signed [63:0] x);
    toward_zero_31 = x[63] ? -(-x >>> 31) : x >>> 31;
  endfunction
  function automatic logic [32:0] magnitude(input logic signed [31:0] x);
    magnitude = x[31] ? 33'd0 - {1'b1, x} : {1'b0, x};
  endfunction

  logic               f_valid2_q, f_valid3_q, f_single_q, f_raw_q;
  logic [5:0]         f_shift2_q;
  logic signed [31:0] f_acc_q, f_shifted;
  logic signed [32:0] f_shifted_q;
  logic signed [63:0] f_prod2_q;
  logic [7:0]         f_zp_q, f_min_q, f_max_q;
  logic               f_past = 1'b0;
  assign f_shifted = round_right(high3_q, right3_q);
  always_ff @(posedge clk_i) begin
    f_past     <= 1'b1;
    f_valid2_q <= valid2_i;
    f_valid3_q <= valid3_i;
    f_single_q <= single_i;
    f_raw_q    <= raw_i;
    f_shift2_q <= shift2_i;
    f_acc_q    <= acc3_q;
    f_shifted_q <= 33'(f_shifted);
    f_prod2_q  <= prod2_q;
    f_zp_q     <= zp_i;
    f_min_q    <= min_i;
    f_max_q    <= max_i;
  end

  // Stage one: the shifted sum, saturated, as it enters the multiplier.
  logic signed [31:0] f_most, f_least, f_scaled;
  logic [4:0]         f_left;
  assign f_left   = (single_i || shift1_i[5]) ? 5'd0 : shift1_i[4:0];
  assign f_most   = 32'sh7fffffff >>> f_left;
  assign f_least  = 32'sh80000000 >>> f_left;
  assign f_scaled = (acc1_q > f_most) ? 32'sh7fffffff : (acc1_q < f_least) ? 32'sh80000000 : acc1_q <<< f_left;

  // Stage two: high half of the doubled product; or all of the shift at once.
  logic signed [63:0] f_doubled, f_down, f_once;
  logic signed [31:0] f_fits;
  logic [5:0]         f_total;
  assign f_doubled = toward_zero_31(f_prod2_q + (f_prod2_q[63] ? 64'sd1 - 64'sd1073741824 : 64'sd1073741824));
  assign f_total   = 6'd31 - f_shift2_q;
  assign f_down    = f_prod2_q >>> f_total;
  assign f_once    = f_down + {63'd0, f_prod2_q[f_total - 6'd1]};
  assign f_fits    = (f_once[63:31] == {33{f_once[31]}}) ? f_once[31:0] : {f_once[63], {31{~f_once[63]}}};

  // Stage three: half away from zero, one shift at a time; then zero point and clamp.
  logic [31:0] f_rounds;
  for (genvar k = 0; k < 32; k++) begin : g_right
    logic [32:0] f_rounded;
    assign f_rounded = (magnitude(high3_q) + 33'((64'd1 << k) >> 1)) >> k;
    assign f_rounds[k] = right3_q != 5'(k) || 33'(f_shifted) == (high3_q[31] ? 33'd0 - f_rounded : f_rounded);
  end
  logic signed [32:0] f_moved, f_low, f_high;
  assign f_moved = f_shifted_q + $signed({{25{f_zp_q[7]}}, f_zp_q});
  assign f_low   = $signed({{25{f_min_q[7]}}, f_min_q});
  assign f_high  = $signed({{25{f_max_q[7]}}, f_max_q});

  always_comb begin
    assume (!mult_i[31]);
    assume (shift1_i != 6'h20 && shift1_i != 6'h1f && shift2_i != 6'h20 && shift2_i != 6'h1f);   // [-31, 30]
    assume ($signed(min_i) <= $signed(max_i));
  end
  always_comb begin
    if (valid1_i) requant_saturates: assert (scale(acc1_q, single_i, shift1_i) == f_scaled);
    if (valid3_i) requant_rounds: assert (&f_rounds);
  end
  always_comb begin
    // An int32 times a multiplier in [0, 2^31 - 1]; at 2^62 the nudge would overflow.
    assume (prod2_q <= 64'sh3fffffff00000001 && prod2_q >= -64'sh3fffffff80000000);
    if (f_past && f_valid2_q) begin
      if (!f_single_q) requant_nudge: assert (64'(high3_q) == f_doubled);
      if (f_single_q) requant_single: assert (high3_q == f_fits);
      requant_right: assert (right3_q == ((!f_single_q && f_shift2_q[5]) ? 5'd0 - f_shift2_q[4:0] : 5'd0));
    end
    if (f_past && f_valid3_q) begin
      if (f_raw_q) requant_raw: assert (out_q == f_acc_q);
      else requant_out: assert (33'(out_q) == ((f_moved < f_low) ? f_low : (f_moved > f_high) ? f_high : f_moved));
    end
  end
`endif

`ifdef PROVE_bt_axi_read
  //@ file rtl/common/bt_axi_read.sv
  //@ steps 6
  logic        f_reset_q = 1'b1;
  // What was begun, and how far the bus is, counted in rows and beats of a row: asked for, received.
  logic [31:0] f_row_addr_q, f_pitch_q;
  logic [23:0] f_beats_q, f_asked_q, f_got_q;
  logic [15:0] f_rows_q, f_asked_rows_q, f_got_rows_q;
  logic [24:0] f_asked_next;
  logic        f_stalled_q, f_bad_q, f_asking, f_waiting, f_ask;
  logic [31:0] f_araddr_q;
  logic [7:0]  f_arlen_q;
  assign f_asking     = (f_asked_rows_q != f_rows_q);
  assign f_waiting    = (f_got_rows_q != f_rows_q);
  assign f_ask        = m_axi_arvalid & m_axi_arready;
  assign f_asked_next = {1'b0, f_asked_q} + {17'd0, m_axi_arlen} + 25'd1;
  always_comb assume (rst_ni == !f_reset_q);
  always_comb begin
    if (start_i) assume (!f_asking && !f_waiting);
    if (start_i) assume (addr_i[3:0] == '0 && pitch_i[3:0] == '0 && beats_i != '0 && rows_i != '0);
    // Nothing comes that was not asked for.
    if (m_axi_rvalid) assume (f_got_rows_q < f_asked_rows_q || (f_got_rows_q == f_asked_rows_q && f_got_q < f_asked_q));
  end
  always_ff @(posedge clk_i) begin
    f_reset_q   <= 1'b0;
    f_stalled_q <= ~f_reset_q & m_axi_arvalid & ~m_axi_arready;
    f_bad_q     <= ~f_reset_q & m_axi_rvalid & (m_axi_rresp != 2'b00);
    f_araddr_q  <= m_axi_araddr;
    f_arlen_q   <= m_axi_arlen;
    if (f_reset_q || start_i) begin
      f_row_addr_q   <= addr_i;
      f_pitch_q      <= pitch_i;
      f_beats_q      <= beats_i;
      f_rows_q       <= f_reset_q ? '0 : rows_i;
      f_asked_q      <= '0;
      f_got_q        <= '0;
      f_asked_rows_q <= '0;
      f_got_rows_q   <= '0;
    end else begin
      if (f_ask && f_asked_next == {1'b0, f_beats_q}) begin
        f_asked_q      <= '0;
        f_asked_rows_q <= f_asked_rows_q + 16'd1;
        f_row_addr_q   <= f_row_addr_q + f_pitch_q;
      end else if (f_ask) begin
        f_asked_q <= f_asked_next[23:0];
      end
      if (m_axi_rvalid && f_got_q == f_beats_q - 24'd1) begin
        f_got_q      <= '0;
        f_got_rows_q <= f_got_rows_q + 16'd1;
      end else if (m_axi_rvalid) begin
        f_got_q <= f_got_q + 24'd1;
      end
    end
  end
  always_comb if (!f_reset_q) begin
    if (f_stalled_q) begin
      axi_read_held: assert (m_axi_arvalid);
      axi_read_stable: assert (m_axi_araddr == f_araddr_q && m_axi_arlen == f_arlen_q);
    end
    if (m_axi_arvalid) begin
      axi_read_aligned: assert (m_axi_araddr[3:0] == '0 && m_axi_arsize == 3'd4 && m_axi_arburst == 2'b01);
      axi_read_4k: assert ({1'b0, m_axi_araddr[11:0]} + {1'b0, {m_axi_arlen, 4'd0}} + 13'd16 <= 13'd4096);
      axi_read_row_end: assert (f_asked_next <= {1'b0, f_beats_q});
      axi_read_address: assert (m_axi_araddr == f_row_addr_q + {4'd0, f_asked_q, 4'd0});
    end
    // What is asked for is what is waited for, rows times beats: not one more, and not one less.
    axi_read_count: assert (m_axi_arvalid == f_asking && (f_waiting || !f_asking) &&
                            ask_q == (f_asking ? f_beats_q - f_asked_q : 24'd0) &&
                            wait_q == (f_waiting ? f_beats_q - f_got_q : 24'd0));
    axi_read_rows: assert (ask_rows_q == (f_asking ? f_rows_q - f_asked_rows_q - 16'd1 : 16'd0) &&
                           wait_rows_q == (f_waiting ? f_rows_q - f_got_rows_q - 16'd1 : 16'd0));
    axi_read_done: assert (!done_q || (!f_waiting && !f_asking));
    axi_read_start: assert (addr_q[3:0] == '0 && row_addr_q[3:0] == '0 && pitch_q[3:0] == '0);
    if (f_bad_q) axi_read_error: assert (error_o);
    // Where the row that is asked for begins, and that a position in it is one.
    axi_read_kept: assert (!f_waiting || (beats_q == f_beats_q && beats_q != '0 && pitch_q == f_pitch_q &&
                                          (!f_asking || row_addr_q == f_row_addr_q)));
    axi_read_position: assert (f_asked_rows_q <= f_rows_q && f_got_rows_q <= f_asked_rows_q &&
                               (f_got_rows_q < f_asked_rows_q || f_got_q <= f_asked_q) &&
                               (f_asking ? f_asked_q < f_beats_q : f_asked_q == '0) &&
                               (f_waiting ? f_got_q < f_beats_q : f_got_q == '0));
  end
`endif

`ifdef PROVE_bt_axil_regs
  //@ file rtl/common/bt_axil_regs.sv
  //@ steps 6
  logic        f_reset_q = 1'b1;
  logic [1:0]  f_writes_q, f_reads_q;   // taken and not yet answered
  logic        f_bheld_q, f_rheld_q;
  logic [1:0]  f_bresp_q, f_rresp_q;
  logic [31:0] f_rdata_q;
  always_comb assume (rst_ni == !f_reset_q);
  always_ff @(posedge clk_i) begin
    f_reset_q <= 1'b0;
    f_bheld_q <= ~f_reset_q & s_axil_bvalid & ~s_axil_bready;
    f_rheld_q <= ~f_reset_q & s_axil_rvalid & ~s_axil_rready;
    f_bresp_q <= s_axil_bresp;
    f_rresp_q <= s_axil_rresp;
    f_rdata_q <= s_axil_rdata;
    if (f_reset_q) begin
      f_writes_q <= '0;
      f_reads_q  <= '0;
    end else begin
      f_writes_q <= f_writes_q + {1'b0, s_axil_awvalid & s_axil_awready} - {1'b0, s_axil_bvalid & s_axil_bready};
      f_reads_q  <= f_reads_q + {1'b0, s_axil_arvalid & s_axil_arready} - {1'b0, s_axil_rvalid & s_axil_rready};
    end
  end
  always_comb if (!f_reset_q) begin
    if (f_bheld_q) axil_bheld: assert (s_axil_bvalid && s_axil_bresp == f_bresp_q);
    if (f_rheld_q) axil_rheld: assert (s_axil_rvalid && s_axil_rresp == f_rresp_q && s_axil_rdata == f_rdata_q);
    // One response to each request, none without.
    axil_one_write: assert (f_writes_q == {1'b0, s_axil_bvalid});
    axil_one_read: assert (f_reads_q == {1'b0, s_axil_rvalid});
    axil_together: assert ((s_axil_awvalid & s_axil_awready) == (s_axil_wvalid & s_axil_wready));
    axil_refused: assert (!write_o || (s_axil_awready && wknown_i && s_axil_wstrb == 4'hf));
  end
`endif
