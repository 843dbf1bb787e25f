// One-lane matrix-vector unit: y[r] = bias[r] + sum over c of w[r][c] * x[c]; int8 operands, int32 sums.
//
// The second core of the contract, unlike the array on purpose: APB registers, a TCDM port for reads, a 32-bit AXI4 port
// for writes, completion by an event pulse (or by polling STATUS). It overlaps nothing, so that its cycles are easily
// stated (gemv_variant.c): one read at a time, then one product per cycle, then one write per row.
//
// Registers: 0x00 CTRL (bit 0 starts), 0x04 STATUS (0 busy, 1 done, 2 error), 0x08 ROWS, 0x0c COLS, 0x10 W_ADDR,
// 0x14 X_ADDR, 0x18 B_ADDR, 0x1c Y_ADDR, 0x20 CYCLES (start to done), 0x24 MACS. Rows of w are padded to whole words.
module gemv #(
  parameter int unsigned MaxCols = 256
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  // APB
  input  logic [11:0] s_apb_paddr,
  input  logic        s_apb_psel,
  input  logic        s_apb_penable,
  input  logic        s_apb_pwrite,
  input  logic [31:0] s_apb_pwdata,
  output logic [31:0] s_apb_prdata,
  output logic        s_apb_pready,
  output logic        s_apb_pslverr,
  // TCDM, reads only
  output logic        tcdm_req,
  output logic [31:0] tcdm_add,
  output logic        tcdm_wen,
  input  logic        tcdm_gnt,
  input  logic        tcdm_r_valid,
  input  logic [31:0] tcdm_r_data,
  // AXI4, writes only, one beat per burst
  output logic [31:0] m_axi_awaddr,
  output logic        m_axi_awvalid,
  input  logic        m_axi_awready,
  output logic [31:0] m_axi_wdata,
  output logic [3:0]  m_axi_wstrb,
  output logic        m_axi_wlast,
  output logic        m_axi_wvalid,
  input  logic        m_axi_wready,
  input  logic        m_axi_bvalid,
  output logic        m_axi_bready,
`ifdef GEMV_BROKEN
  input  logic [2:0]  bug_i,  // which planted fault: see gemv_broken.yaml
`endif
  output logic        done_o
);
  localparam int unsigned ColBits   = $clog2(MaxCols + 1);
  localparam int unsigned Words     = (MaxCols + 3) / 4;
  localparam int unsigned IndexBits = Words > 1 ? $clog2(Words) : 1;

  typedef enum logic [3:0] {
    Idle, XReq, XWait, BReq, BWait, WReq, WWait, Mac, YPut, YWait, Done
  } state_e;

`ifndef GEMV_BROKEN
  logic [2:0] bug_i;
  assign bug_i = 3'd0;
`endif

  state_e             state_d, state_q;
  logic [31:0]        rows_q, cols_q, w_addr_q, x_addr_q, b_addr_q, y_addr_q;
  logic [31:0]        cycles_q, macs_q;
  logic               done_q, error_q, counting_q;
  logic [31:0]        row_q, w_at_q, word_q, acc_q;
  logic [IndexBits-1:0] index_q;  // word of the row, or of x
  logic [1:0]         byte_q;
  logic               aw_q, w_q;  // still to be accepted
  logic [31:0]        x_q [Words];

  logic [ColBits-1:0] cols;
  logic               last_word, last_byte, y_done, start, illegal, phase_q;
  assign cols      = cols_q[ColBits-1:0];
  assign last_word = (32'(index_q) << 2) + 32'd4 >= cols_q;
  assign last_byte = byte_q == 2'd3 || (32'(index_q) << 2) + 32'(byte_q) + 32'd1 == 32'(cols);
  assign y_done    = (!aw_q || m_axi_awready) && (!w_q || m_axi_wready);
  assign start     = s_apb_psel && s_apb_penable && s_apb_pwrite && s_apb_paddr == 12'h000 && s_apb_pwdata[0] &&
                     state_q == Idle;
  assign illegal   = rows_q == 32'd0 || cols_q == 32'd0 || cols_q > MaxCols;

  always_comb begin
    state_d = state_q;
    unique case (state_q)
      Idle:    if (start) state_d = illegal ? Done : XReq;
      XReq:    if (tcdm_gnt) state_d = XWait;
      XWait:   if (tcdm_r_valid) state_d = last_word ? BReq : XReq;
      BReq:    if (tcdm_gnt) state_d = BWait;
      BWait:   if (tcdm_r_valid && bug_i != 3'd2) state_d = WReq;
      WReq:    if (tcdm_gnt) state_d = WWait;
      WWait:   if (tcdm_r_valid) state_d = Mac;
      Mac:     if (last_byte) state_d = last_word ? YPut : WReq;
      YPut:    if (y_done) state_d = YWait;
      YWait:   if (m_axi_bvalid) state_d = row_q + 32'd1 == rows_q ? Done : BReq;
      Done:    state_d = Idle;
      default: state_d = Idle;
    endcase
  end

  // Planted fault 3 takes the request away every other cycle, granted or not.
  assign tcdm_req = (state_q == XReq || state_q == BReq || state_q == WReq) && !(bug_i == 3'd3 && phase_q);
  assign tcdm_wen = 1'b1;
  always_comb begin
    unique case (state_q)
      XReq:    tcdm_add = x_addr_q + (32'(index_q) << 2);
      BReq:    tcdm_add = b_addr_q + (row_q << 2);
      default: tcdm_add = w_at_q;
    endcase
  end

  assign m_axi_awaddr  = y_addr_q + (row_q << 2) + (bug_i == 3'd1 ? rows_q << 2 : 32'd0);
  assign m_axi_awvalid = state_q == YPut && aw_q;
  assign m_axi_wdata   = acc_q;
  assign m_axi_wstrb   = 4'hf;
  assign m_axi_wlast   = 1'b1;
  assign m_axi_wvalid  = state_q == YPut && w_q;
  assign m_axi_bready  = 1'b1;
  assign done_o        = state_q == Done;

  logic signed [7:0]  w_byte, x_byte;
  logic        [15:0] w_wide;
  logic signed [15:0] product;
  assign w_byte  = signed'(word_q[8*byte_q+:8]);
  assign x_byte  = signed'(x_q[index_q][8*byte_q+:8]);
  // Planted fault 4 forgets the sign of the weight.
  assign w_wide  = bug_i == 3'd4 ? {8'd0, w_byte} : {{8{w_byte[7]}}, w_byte};
  assign product = signed'(w_wide) * 16'(x_byte);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q    <= Idle;
      done_q     <= 1'b0;
      error_q    <= 1'b0;
      counting_q <= 1'b0;
      cycles_q   <= '0;
      macs_q     <= '0;
      row_q      <= '0;
      w_at_q     <= '0;
      word_q     <= '0;
      acc_q      <= '0;
      index_q    <= '0;
      byte_q     <= '0;
      aw_q       <= 1'b0;
      w_q        <= 1'b0;
      phase_q    <= 1'b0;
    end else begin
      state_q <= state_d;
      phase_q <= !phase_q;
      if (counting_q) cycles_q <= cycles_q + 32'd1;
      unique case (state_q)
        Idle: if (start) begin
          done_q     <= 1'b0;
          error_q    <= illegal;
          counting_q <= 1'b1;
          cycles_q   <= '0;
          macs_q     <= '0;
          row_q      <= '0;
          index_q    <= '0;
          w_at_q     <= w_addr_q;
        end
        XWait: if (tcdm_r_valid) begin
          index_q <= last_word ? '0 : index_q + 1'b1;
        end
        BWait: if (tcdm_r_valid) begin
          acc_q   <= tcdm_r_data;
          index_q <= '0;
        end
        WWait: if (tcdm_r_valid) begin
          word_q <= tcdm_r_data;
          w_at_q <= w_at_q + 32'd4;
          byte_q <= '0;
        end
        Mac: begin
          acc_q  <= acc_q + 32'(product);
          macs_q <= macs_q + 32'd1;
          byte_q <= byte_q + 2'd1;
          if (last_byte) begin
            index_q <= index_q + 1'b1;
            aw_q    <= 1'b1;
            w_q     <= 1'b1;
          end
        end
        YPut: begin
          if (m_axi_awready) aw_q <= 1'b0;
          if (m_axi_wready) w_q <= 1'b0;
        end
        YWait: if (m_axi_bvalid) row_q <= row_q + 32'd1;
        Done: begin
          done_q     <= 1'b1;
          counting_q <= 1'b0;
        end
        default: ;
      endcase
    end
  end

  // x is read before it is written only by an unwritten program, so it needs no reset.
  always_ff @(posedge clk_i) begin
    if (state_q == XWait && tcdm_r_valid) x_q[index_q] <= tcdm_r_data;
  end

  // Registers. Written only while idle.
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rows_q   <= '0;
      cols_q   <= '0;
      w_addr_q <= '0;
      x_addr_q <= '0;
      b_addr_q <= '0;
      y_addr_q <= '0;
    end else if (s_apb_psel && s_apb_penable && s_apb_pwrite && state_q == Idle) begin
      unique case (s_apb_paddr)
        12'h008: rows_q   <= s_apb_pwdata;
        12'h00c: cols_q   <= s_apb_pwdata;
        12'h010: w_addr_q <= s_apb_pwdata;
        12'h014: x_addr_q <= s_apb_pwdata;
        12'h018: b_addr_q <= s_apb_pwdata;
        12'h01c: y_addr_q <= s_apb_pwdata;
        default: ;
      endcase
    end
  end

  always_comb begin
    unique case (s_apb_paddr)
      12'h004: s_apb_prdata = {29'd0, error_q, done_q, state_q != Idle};
      12'h008: s_apb_prdata = rows_q;
      12'h00c: s_apb_prdata = cols_q;
      12'h010: s_apb_prdata = w_addr_q;
      12'h014: s_apb_prdata = x_addr_q;
      12'h018: s_apb_prdata = b_addr_q;
      12'h01c: s_apb_prdata = y_addr_q;
      12'h020: s_apb_prdata = cycles_q;
      12'h024: s_apb_prdata = macs_q;
      default: s_apb_prdata = '0;
    endcase
  end
  assign s_apb_pready  = 1'b1;
  assign s_apb_pslverr = s_apb_psel && s_apb_penable && s_apb_paddr > 12'h024;
endmodule
