// The two halves of a clock cycle, for cores in which nothing happens but at a rising edge of their clocks. Vcore::eval()
// finds that out again in each half, works out twice what follows from the inputs, and looks for events once more at the
// end: a sixteenth of the time at 16x16. core.mk reads in the model what the core waits for and writes it to bt_edges.h.
//
// A file of its own, because nothing else may depend on the model's inner layout: ci/check-faults puts another model behind
// a sim.o that exists.

#include "Vcore.h"
#include "Vcore___024root.h"

#include "bt_edges.h"
#include "harness/sim/edge.h"

void Vcore___024root___eval(Vcore___024root *);
void Vcore___024root___eval_ico(Vcore___024root *);
void Vcore___024root___eval_nba(Vcore___024root *);

#if BT_ONE_EDGE
// A core of which nothing depends on an input but at the edge has neither this function nor its trigger.
template <class Root> static auto inputs(Root *root, int) -> decltype(void(root->__VicoTriggered))
{
    root->__VicoTriggered.at(0) = true;
    Vcore___024root___eval_ico(root);
}

template <class Root> static void inputs(Root *, long)
{
}

template <std::size_t N> static void all(VlTriggerVec<N> &triggers)
{
    for (std::size_t i = 0; i < N; i++)
        triggers.at(i) = true;
}

void bt_low(Vcore *t)
{
    inputs(t->rootp, 0);
}

void bt_edge(Vcore *t)
{
    all(t->rootp->__VnbaTriggered);
    Vcore___024root___eval_nba(t->rootp);
}
#else
void bt_low(Vcore *t)
{
    Vcore___024root___eval(t->rootp);
}

void bt_edge(Vcore *t)
{
    Vcore___024root___eval(t->rootp);
}
#endif
