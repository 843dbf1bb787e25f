// The connectivity, from one parameter per number to what the tiles take: input i + 1 in byte i.
package bit_tactical_pkg;
  function automatic logic [79:0] list(input int a1, input int a2, input int a3, input int a4, input int a5, input int a6,
                                       input int a7, input int a8, input int a9, input int a10);
    list = {8'(a10), 8'(a9), 8'(a8), 8'(a7), 8'(a6), 8'(a5), 8'(a4), 8'(a3), 8'(a2), 8'(a1)};
  endfunction

  // Inputs there are: the first that looks no row ahead is none.
  function automatic int unsigned inputs(input logic [79:0] ahead);
    inputs = 0;
    for (int unsigned i = 0; i < 10; i++) begin
      if (inputs == i && ahead[8*i +: 8] != 8'd0) inputs = i + 1;
    end
  endfunction

  // Bit s: select s takes a weight of its own lane, from a later row.
  function automatic logic [15:0] straight(input logic [79:0] ahead, input logic [79:0] aside);
    straight = '0;
    for (int unsigned i = 0; i < 10; i++) begin
      straight[i + 1] = (ahead[8*i +: 8] != 8'd0) & (aside[8*i +: 8] == 8'd0);
    end
  endfunction
endpackage
