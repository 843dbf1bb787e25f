// Sizes that follow from the parameters; ws_array_plan.h computes the same in C.
package ws_array_pkg;
  // Address bits of a 16-byte beat of the scratchpad.
  function automatic int unsigned beat_bits(input int unsigned spad_bytes);
    beat_bits = $clog2(spad_bytes / 16);
  endfunction

  // Address bits of a row of dim bytes of the scratchpad.
  function automatic int unsigned weight_row_bits(input int unsigned spad_bytes, input int unsigned dim);
    weight_row_bits = $clog2(spad_bytes / dim);
  endfunction

  // Row bits of one of the accumulator's two halves: rows of dim sums of four bytes.
  function automatic int unsigned acc_row_bits(input int unsigned acc_bytes, input int unsigned dim);
    acc_row_bits = $clog2(acc_bytes / (8 * dim));
  endfunction
endpackage
