// Situations that the tests must have brought about; `make coverage` counts them. Neither the design nor its proofs nor its
// synthesis read this file. Nothing is reached in reset: each point asks for work under way.
module os_array_top_cover (
  input logic clk_i
);
  default clocking @(posedge clk_i);
  endclocking

  // ---- who waits for whom ----
  load_stall:      cover property (os_array_top.load_stall);
  store_stall:     cover property (os_array_top.store_stall);
  result_slots_full: cover property (os_array_top.busy & (os_array_top.u_feed.slots_q == '0));
  read_address_waits:  cover property (os_array_top.m_axi_arvalid & ~os_array_top.m_axi_arready);
  write_address_waits: cover property (os_array_top.m_axi_awvalid & ~os_array_top.m_axi_awready);
  write_data_waits:    cover property (os_array_top.m_axi_wvalid & ~os_array_top.m_axi_wready);

  // ---- both halves of a buffer in use ----
  windows_both:    cover property (os_array_top.computing & (os_array_top.u_load.windows_held_q == 2'd2));
  weights_both:    cover property (os_array_top.computing & (os_array_top.u_load.tiles_held_q == 2'd2));
  tile_after_tile: cover property (os_array_top.u_feed.go & os_array_top.u_feed.tile_end);
  weights_kept:    cover property (os_array_top.u_load.block_end & os_array_top.u_load.tile_skip);

  // ---- edges of the layer ----
  padding_above_below: cover property (os_array_top.computing & ~os_array_top.u_feed.inside_y);
  padding_left:        cover property (os_array_top.computing & os_array_top.u_feed.inside_y & (os_array_top.u_feed.lo != '0));
  padding_right:       cover property (os_array_top.computing & os_array_top.u_feed.inside_y &
                                       (os_array_top.u_feed.right < os_array_top.u_feed.rest_q));
  window_all_padding:  cover property (os_array_top.u_load.window_go & os_array_top.u_load.window_empty);
  fewer_pixels:        cover property (os_array_top.u_store.take & (32'(os_array_top.u_store.rows) < os_array_top.ROWS));
  fewer_filters:       cover property (os_array_top.u_store.take & (32'(os_array_top.u_store.valid_cols) < os_array_top.COLS));
  raw_sums:            cover property (os_array_top.u_store.take & os_array_top.u_store.raw);
  activation_table:    cover property (os_array_top.to_table);
  next_descriptor:     cover property (os_array_top.next);

  // ---- errors ----
  error_magic: cover property (os_array_top.rejected & (os_array_top.load_error == 8'(os_array_regs_pkg::ERR_MAGIC)));
  error_sum:   cover property (os_array_top.rejected & (os_array_top.load_error == 8'(os_array_regs_pkg::ERR_SUM)));
  error_align: cover property (os_array_top.rejected & (os_array_top.load_error == 8'(os_array_regs_pkg::ERR_ALIGN)));
  error_size:  cover property (os_array_top.rejected & (os_array_top.load_error == 8'(os_array_regs_pkg::ERR_SIZE)));
  error_read:  cover property (os_array_top.rejected & (os_array_top.load_error == 8'(os_array_regs_pkg::ERR_READ)));
  error_write: cover property (os_array_top.complete & os_array_top.store_error);
endmodule

bind os_array_top os_array_top_cover u_cover (.clk_i);
