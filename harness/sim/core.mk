# Compiles one Verilated core; called by the rules of sim.mk, because only now it is known which files there are.
# Variables: DIR, OUT, CXX, CXXFLAGS, OPT, COMPILER (file, newer than what an earlier compiler made), RUNTIME, LIBS.

include $(DIR)/obj/Vcore_classes.mk

FAST := $(VM_CLASSES_FAST) $(VM_SUPPORT_FAST)
# Run once, when the model is made: the compiler's time is worth more there.
SLOW := $(VM_CLASSES_SLOW) $(VM_SUPPORT_SLOW)
INC  := -I. -I$(DIR) -I$(DIR)/obj

$(OUT): $(FAST:%=$(DIR)/obj/%.o) $(SLOW:%=$(DIR)/obj/%.o) $(DIR)/obj/sim.o $(RUNTIME)
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

# What Verilator read is the caller's business.
-include $(filter-out %__ver.d,$(wildcard $(DIR)/obj/*.d))
