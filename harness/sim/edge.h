#ifndef BT_SIM_EDGE_H
#define BT_SIM_EDGE_H

/*
 * One clock cycle of a core whose first Vcore::eval() is past, without traces. The clocks have been set low: bt_low()
 * settles what depends on the inputs. Then high: bt_edge() does what the rising edge does. Vcore::eval() may be called
 * between two cycles, with the clocks high.
 */
class Vcore;
void bt_low(Vcore *t);
void bt_edge(Vcore *t);

#endif
