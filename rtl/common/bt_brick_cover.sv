// Situations that the tests of each room of the family must have brought about; `make coverage` counts them for the room
// whose core was run. Neither the design nor its proofs nor its synthesis read this file. Nothing is reached in reset: each
// point asks for work under way.
module bt_brick_cover (
  input logic clk_i
);
  default clocking @(posedge clk_i);
  endclocking

  // ---- who waits for whom ----
  load_stall:          cover property (bt_brick.busy & bt_brick.load_stall);
  store_stall:         cover property (bt_brick.busy & bt_brick.store_stall);
  read_address_waits:  cover property (bt_brick.m_axi_arvalid & ~bt_brick.m_axi_arready);
  write_address_waits: cover property (bt_brick.m_axi_awvalid & ~bt_brick.m_axi_awready);
  write_data_waits:    cover property (bt_brick.m_axi_wvalid & ~bt_brick.m_axi_wready);

  // ---- both halves of a memory in use ----
  weights_both:      cover property (bt_brick.computing & (bt_brick.items - bt_brick.items_done == 32'd2));
  ifmap_both:        cover property (bt_brick.computing & (32'(bt_brick.windows) > 32'(bt_brick.bands_done) + 32'd1));
  compute_and_store: cover property (bt_brick.computing & bt_brick.u_store.running_q);

  // ---- edges of the layer, kinds of weights ----
  padding:          cover property (bt_brick.valid1 & ~&bt_brick.inside1);
  shorter_band:     cover property (bt_brick.computing & bt_brick.u_walk.last_band &
                                    (bt_brick.u_walk.tail_rows < bt_brick.u_walk.band_rows));
  partial_sums:     cover property (bt_brick.valid3 & bt_brick.last3 & ~bt_brick.end3);
  step_of_rows:     cover property (bt_brick.raw);
  step_of_entries:  cover property (bt_brick.step_begin & bt_brick.step_packed);
  next_descriptor:  cover property (bt_brick.complete & ~bt_brick.last & ~bt_brick.store_error);
  activation_table: cover property (bt_brick.to_table);

  // ---- errors ----
  abort_in_run: cover property (bt_brick.u_walk.abort_i);
  error_magic:  cover property (bt_brick.rejected & (bt_brick.load_error == 8'(bt_brick_regs_pkg::ERR_MAGIC)));
  error_sum:    cover property (bt_brick.rejected & (bt_brick.load_error == 8'(bt_brick_regs_pkg::ERR_SUM)));
  error_align:  cover property (bt_brick.rejected & (bt_brick.load_error == 8'(bt_brick_regs_pkg::ERR_ALIGN)));
  error_size:   cover property (bt_brick.rejected & (bt_brick.load_error == 8'(bt_brick_regs_pkg::ERR_SIZE)));
  error_image:  cover property (bt_brick.rejected & (bt_brick.load_error == 8'(bt_brick_regs_pkg::ERR_IMAGE)));
  error_read:   cover property (bt_brick.rejected & (bt_brick.load_error == 8'(bt_brick_regs_pkg::ERR_READ)));
  error_write:  cover property (bt_brick.complete & bt_brick.store_error);
endmodule

bind bt_brick bt_brick_cover u_cover (.clk_i);
