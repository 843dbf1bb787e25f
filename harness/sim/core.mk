# Compiles one Verilated core; called by the rules of sim.mk, because only now it is known which files there are.
# Variables: DIR, OUT, CXX, CXXFLAGS, OPT, COMPILER (file, newer than what an earlier compiler made), RUNTIME, LIBS.

include $(DIR)/obj/Vcore_classes.mk

FAST := $(VM_CLASSES_FAST) $(VM_SUPPORT_FAST)
# Run once, when the model is made: the compiler's time is worth more there.
SLOW := $(VM_CLASSES_SLOW) $(VM_SUPPORT_SLOW)
INC  := -I. -I$(DIR) -I$(DIR)/obj

$(OUT): $(FAST:%=$(DIR)/obj/%.o) $(SLOW:%=$(DIR)/obj/%.o) $(DIR)/obj/sim.o $(DIR)/obj/edge.o $(RUNTIME)
	@echo "LD $@"
	@$(CXX) -shared -pthread $^ $(LIBS) -o $@.new
	@mv $@.new $@

$(FAST:%=$(DIR)/obj/%.o): %.o: %.cpp $(COMPILER)
	@echo "CXX $<"
	@$(CXX) $(CXXFLAGS) $(OPT) $(INC) -MMD -c $< -o $@

$(SLOW:%=$(DIR)/obj/%.o): %.o: %.cpp $(COMPILER)
	@echo "CXX $<"
	@$(CXX) $(CXXFLAGS) -O0 $(INC) -MMD -c $< -o $@

$(DIR)/obj/sim.o: harness/sim/sim.cpp $(COMPILER)
	@echo "CXX $< ($(notdir $(DIR)))"
	@$(CXX) $(CXXFLAGS) -Wall -Wextra $(OPT) $(INC) -MMD -c $< -o $@

# The model says what it waits for: may edge.cpp take it that this is rising edges of the clocks and resets, nothing else?
PINS   = $(shell sed -n 's/^    t->\([A-Za-z0-9_]*\) = $1.*/\1/p' $(DIR)/bt_glue.h)
$(DIR)/bt_edges.h: $(FAST:%=$(DIR)/obj/%.cpp) $(DIR)/bt_glue.h
	@cat $(FAST:%=$(DIR)/obj/%.cpp) $(SLOW:%=$(DIR)/obj/%.cpp) | awk -v clocks='$(call PINS,level)' -v resets='$(call PINS,active)' '\
	    BEGIN { n = split(clocks, c); m = split(resets, r); for (i = 1; i <= n; i++) { known["posedge " c[i]] = 1; \
	        for (j = 1; j <= m; j++) known["posedge " c[i] " or negedge " r[j]] = known["posedge " c[i] " or posedge " r[j]] = 1 } } \
	    /region trigger index/ { sub(/.*is active: /, ""); sub(/\\n"\);$$/, ""); if (/^Internal .(ico|stl). trigger - first iteration$$/) next; \
	        gsub(/^@\(|\)$$/, ""); if ($$0 in known) found = 1; else other = 1 } \
	    /^void Vcore___024root___eval_act.*\{$$/, /^\}/ { if (/Triggered/) other = 1 } \
	    END { print "#define BT_ONE_EDGE " (found && !other ? 1 : 0) }' >$@.new
	@if cmp -s $@.new $@; then rm $@.new; touch $@; else mv $@.new $@; fi

$(DIR)/obj/edge.o: harness/sim/edge.cpp $(DIR)/bt_edges.h $(COMPILER)
	@echo "CXX $< ($(notdir $(DIR)))"
	@$(CXX) $(CXXFLAGS) -Wall -Wextra $(OPT) $(INC) -MMD -c $< -o $@

# What Verilator read is the caller's business.
-include $(filter-out %__ver.d,$(wildcard $(DIR)/obj/*.d))
