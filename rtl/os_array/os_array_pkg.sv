// Sizes that follow from the parameters; os_array_plan.h computes the same in C.
package os_array_pkg;
  // Bytes that one lane takes from the ifmap buffer at once: lanes are served in turn, so at least one cycle per row.
  function automatic int unsigned vec_bytes(input int unsigned rows);
    vec_bytes = (rows <= 16) ? 16 : (rows <= 32) ? 32 : 64;
  endfunction

  // Bytes of one step's weights in DRAM and in the buffer: a power of two up to 16, else whole 16-byte beats.
  function automatic int unsigned weight_row_bytes(input int unsigned cols);
    weight_row_bytes = (cols <= 4) ? 4 : (cols <= 8) ? 8 : 16 * ((cols + 15) / 16);
  endfunction
endpackage
