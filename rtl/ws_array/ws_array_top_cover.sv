// Situations that the tests must have brought about; `make coverage` counts them. Neither the design nor its proofs nor its
// synthesis read this file. Nothing is reached in reset: each point asks for work under way.
module ws_array_top_cover (
  input logic clk_i
);
  default clocking @(posedge clk_i);
  endclocking

  // ---- who waits for whom ----
  load_stall:          cover property (ws_array_top.load_stall);
  store_stall:         cover property (ws_array_top.store_stall);
  store_queue_full:    cover property (ws_array_top.u_store.running_q & (ws_array_top.u_store.room_q == '0));
  read_address_waits:  cover property (ws_array_top.m_axi_arvalid & ~ws_array_top.m_axi_arready);
  write_address_waits: cover property (ws_array_top.m_axi_awvalid & ~ws_array_top.m_axi_awready);
  write_data_waits:    cover property (ws_array_top.m_axi_wvalid & ~ws_array_top.m_axi_wready);

  // ---- both halves of a buffer in use ----
  windows_two:     cover property (ws_array_top.computing & (ws_array_top.u_load.windows_held_q >= 8'd2));
  weights_two:     cover property (ws_array_top.computing & (ws_array_top.u_load.chunks_held_q >= 16'd2));
  parameters_full: cover property (ws_array_top.computing &
                                   (ws_array_top.u_load.params_held_q == 3'(ws_array_regs_pkg::PARAM_SLOTS)));
  accumulator_both: cover property (ws_array_top.computing & (ws_array_top.u_exec.halves_q == '0));
  compute_and_store: cover property (ws_array_top.computing & ws_array_top.u_store.running_q);
  pass_after_pass: cover property (ws_array_top.u_exec.go & ws_array_top.u_exec.pass_end);
  weights_kept:    cover property (ws_array_top.u_load.item_go & ws_array_top.u_load.kept);

  // ---- dataflow, edges of the layer ----
  output_stationary:   cover property (ws_array_top.computing & ws_array_top.u_exec.os);
  weight_stationary:   cover property (ws_array_top.computing & ~ws_array_top.u_exec.os);
  accumulate:          cover property (ws_array_top.acc_valid & ws_array_top.acc_add);
  short_pass_padded:   cover property (ws_array_top.computing & ~ws_array_top.u_exec.os &
                                       (32'(ws_array_top.u_exec.pixels) < ws_array_top.DIM));
  padding_above_below: cover property (ws_array_top.computing & ~ws_array_top.u_exec.inside_y);
  padding_left:        cover property (ws_array_top.computing & ws_array_top.u_exec.inside_y & (ws_array_top.u_exec.lo != '0));
  fewer_filters:       cover property (ws_array_top.u_store.begin_o & (ws_array_top.u_store.n_q == ws_array_top.u_store.n_tiles - 16'd1) &
                                       (32'(ws_array_top.u_store.n_tail) < ws_array_top.DIM));
  pooling_at_edge:     cover property (ws_array_top.u_store.step & ~ws_array_top.u_store.is_real);
  raw_sums:            cover property (ws_array_top.u_store.begin_o & ws_array_top.u_store.raw);
  activation_table:    cover property (ws_array_top.to_table);

  // ---- errors ----
  error_magic: cover property (ws_array_top.rejected & (ws_array_top.load_error == 8'(ws_array_regs_pkg::ERR_MAGIC)));
  error_sum:   cover property (ws_array_top.rejected & (ws_array_top.load_error == 8'(ws_array_regs_pkg::ERR_SUM)));
  error_align: cover property (ws_array_top.rejected & (ws_array_top.load_error == 8'(ws_array_regs_pkg::ERR_ALIGN)));
  error_size:  cover property (ws_array_top.rejected & (ws_array_top.load_error == 8'(ws_array_regs_pkg::ERR_SIZE)));
  error_order: cover property (ws_array_top.rejected & (ws_array_top.load_error == 8'(ws_array_regs_pkg::ERR_ORDER)));
  error_read:  cover property (ws_array_top.rejected & (ws_array_top.load_error == 8'(ws_array_regs_pkg::ERR_READ)));
  error_write: cover property (ws_array_top.complete & ws_array_top.store_error);
endmodule

bind ws_array_top ws_array_top_cover u_cover (.clk_i);
