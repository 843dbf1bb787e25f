# Verilated cores as shared objects. Usage, from the main Makefile:
#
#   include harness/sim/sim.mk
#   $(eval $(call bt_core,<core>,<config>,<core description>.yaml,<NAME=VALUE ...>))
#
# gives build/rtl/<core>-<config>.so, and build/rtl/<core>-<config>-trace.so, which can write waveforms. The parameters
# must be among those that the description lists. Rebuilt when the description, its sources, a parameter or the models
# around the core change. The product belongs to this machine (-march=native).

BUILD               ?= build
BT_VERILATOR        ?= verilator
# Assertions and unknown values are the linter's and the formal tools' business; speed is this build's.
BT_VERILATOR_FLAGS  ?= --cc -O3 --x-assign fast --x-initial fast --noassert --output-split 20000
BT_SIM_OPT          ?= -O3 -march=native
BT_SIM_CXXFLAGS     := -std=gnu++17 -fPIC -fvisibility=hidden -fno-plt -pthread
BT_VERILATOR_ROOT   ?= $(or $(VERILATOR_ROOT),/usr/share/verilator)
BT_SIM_SOURCES      := harness/sim/sim.cpp $(wildcard harness/sim/*.h) harness/sim.h harness/variant.h harness/hal.h
BT_SIM_DEFINES      := -DVM_TRACE=0 -DVM_COVERAGE=0 -DVM_SC=0
BT_SIM_DEFINES-trace := -DVM_TRACE=1 -DVM_TRACE_FST=1 -DVM_COVERAGE=0 -DVM_SC=0
BT_RUNTIME          := verilated verilated_threads
BT_RUNTIME-trace    := verilated verilated_threads verilated_fst_c

# $1: "" or "-trace". Verilator's own runtime, compiled once for all cores.
define bt_runtime
$(BUILD)/rtl/runtime$1/%.o: $(BT_VERILATOR_ROOT)/include/%.cpp
	@mkdir -p $$(@D)
	@echo "CXX $$(notdir $$<)$1"
	@$$(CXX) $$(BT_SIM_CXXFLAGS) $$(BT_SIM_DEFINES$1) $$(BT_SIM_OPT) -I$(BT_VERILATOR_ROOT)/include \
	    -I$(BT_VERILATOR_ROOT)/include/vltstd -c $$< -o $$@
endef
$(eval $(call bt_runtime,))
$(eval $(call bt_runtime,-trace))

# $1 core, $2 configuration, $3 description, $4 parameters, $5 "" or "-trace", $6 further Verilator flags.
define bt_core_flavour
$(BUILD)/rtl/$1-$2$5/parameters: FORCE
	@mkdir -p $$(@D)
	@echo '$4 $(BT_VERILATOR_FLAGS) $6' | cmp -s - $$@ || echo '$4 $(BT_VERILATOR_FLAGS) $6' >$$@

$(BUILD)/rtl/$1-$2$5/bt_glue.h: $3 $(BUILD)/bittrue-glue
	@mkdir -p $$(@D)
	@$(BUILD)/bittrue-glue --header $3 >$$@.new
	@mv $$@.new $$@

$(BUILD)/rtl/$1-$2$5/obj/Vcore.mk: $3 $(BUILD)/rtl/$1-$2$5/parameters $(BUILD)/bittrue-glue
	@mkdir -p $$(@D)
	@echo "VERILATE $1-$2$5"
	@$(BUILD)/bittrue-glue --verilator-args $3 $4 >$(BUILD)/rtl/$1-$2$5/verilator.args
	@$(BT_VERILATOR) $(BT_VERILATOR_FLAGS) $6 --prefix Vcore -Mdir $$(@D) -f $(BUILD)/rtl/$1-$2$5/verilator.args
	@touch $$@

$(BUILD)/rtl/$1-$2$5.so: $(BUILD)/rtl/$1-$2$5/obj/Vcore.mk $(BUILD)/rtl/$1-$2$5/bt_glue.h $(BT_SIM_SOURCES) \
    harness/sim/core.mk $(BT_RUNTIME$5:%=$(BUILD)/rtl/runtime$5/%.o)
	@$$(MAKE) --no-print-directory -f harness/sim/core.mk DIR=$(BUILD)/rtl/$1-$2$5 OUT=$$@ CXX='$$(CXX)' \
	    CXXFLAGS='$(BT_SIM_CXXFLAGS) $(BT_SIM_DEFINES$5) -isystem $(BT_VERILATOR_ROOT)/include -isystem $(BT_VERILATOR_ROOT)/include/vltstd' \
	    OPT='$(BT_SIM_OPT)' RUNTIME='$(BT_RUNTIME$5:%=$(BUILD)/rtl/runtime$5/%.o)' LIBS='$(if $5,-lz)'

-include $(BUILD)/rtl/$1-$2$5/obj/Vcore__ver.d
endef

define bt_core
$(call bt_core_flavour,$1,$2,$3,$4,,)
$(call bt_core_flavour,$1,$2,$3,$4,-trace,--trace-fst --trace-structs)
endef

.PHONY: FORCE
FORCE:
