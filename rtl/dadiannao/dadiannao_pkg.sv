// Sizes of the dense baseline that nobody may choose: its tiles see one brick at a time.
package dadiannao_pkg;
  localparam int unsigned Lookahead = 0;
endpackage
