# Verilated cores as shared objects. Usage, from the main Makefile:
#
#   include harness/sim/sim.mk
#   $(eval $(call bt_core,<core>,<config>,<core description>.yaml,<NAME=VALUE ...>,<generated sources>))
#
# gives build/rtl/<core>-<config>.so; build/rtl/<core>-<config>-trace.so, which can write waveforms; and -cov.so, which leaves
# what a simulation reached in the folder $BITTRUE_COVERAGE and counts the cover properties in <source>_cover.sv, too. The
# parameters must be among those that the description lists. Rebuilt when the description, its sources, a parameter or the models
# around the core change. The product belongs to this machine (-march=native with clang).

BUILD               ?= build
BT_VERILATOR        ?= verilator
# Assertions and unknown values are the linter's and the formal tools' business; speed is this build's. A block that is not
# split stays in one piece in the C++, so that clang makes one vector of a cell's four sums: a fifteenth of the time.
BT_VERILATOR_FLAGS  ?= --cc -O3 -fno-split --x-assign fast --x-initial fast --noassert --output-split 40000 --MP
# clang's code for the 16x16 array is 1.5 times as fast as GCC's. Verilator's state is bytes: vectors no wider than 128
# bits suit it, and BMI's and-not makes clang load a byte as a word right after it was stored, which stalls.
ifeq ($(origin BT_SIM_CXX),undefined)
BT_SIM_CXX          := $(or $(shell command -v clang++),$(CXX))
endif
BT_SIM_OPT          ?= -O3 $(if $(findstring clang,$(notdir $(BT_SIM_CXX))),\
                       -march=native -mprefer-vector-width=128 -mno-bmi -fbracket-depth=4096)
BT_SIM_CXXFLAGS     := -std=gnu++17 -fPIC -fvisibility=hidden -fno-plt -pthread
BT_VERILATOR_ROOT   ?= $(or $(VERILATOR_ROOT),/usr/share/verilator)
BT_SIM_SOURCES      := $(wildcard harness/sim/*.cpp harness/sim/*.h) harness/sim.h harness/variant.h harness/hal.h
BT_SIM_DEFINES      := -DVM_TRACE=0 -DVM_COVERAGE=0 -DVM_SC=0
BT_SIM_DEFINES-trace := -DVM_TRACE=1 -DVM_TRACE_FST=1 -DVM_COVERAGE=0 -DVM_SC=0
BT_SIM_DEFINES-cov  := -DVM_TRACE=0 -DVM_COVERAGE=1 -DVM_SC=0
BT_RUNTIME          := verilated verilated_threads
BT_RUNTIME-trace    := verilated verilated_threads verilated_fst_c
BT_RUNTIME-cov      := verilated verilated_threads verilated_cov

# Not empty where both texts are the same words.
bt_same = $(and $(findstring <$(strip $1)>,<$(strip $2)>),$(findstring <$(strip $2)>,<$(strip $1)>))

# $1: file, $2: words it holds. Written where they are others than those of before: what depends on it is made again.
define bt_stamp
$1: $(if $(call bt_same,$(file <$1),$2),,FORCE)
	@mkdir -p $$(@D)
	@echo '$2' >$$@
endef

# The recipe of `file: file.made`: what depends on the file is made again only where the words differ. Make compares them
# itself; an unchanged run starts no process for it.
bt_renew = $(if $(call bt_same,$(file <$@),$(file <$<)),,@cp $< $@)

$(eval $(call bt_stamp,$(BUILD)/rtl/compiler,$(BT_SIM_CXX) $(BT_SIM_CXXFLAGS) $(BT_SIM_OPT)))

# $1: "", "-trace" or "-cov". Verilator's own runtime, compiled once for all cores.
define bt_runtime
$(BUILD)/rtl/runtime$1/%.o: $(BT_VERILATOR_ROOT)/include/%.cpp $(BUILD)/rtl/compiler
	@mkdir -p $$(@D)
	@echo "CXX $$(notdir $$<)$1"
	@$$(BT_SIM_CXX) $$(BT_SIM_CXXFLAGS) $$(BT_SIM_DEFINES$1) $$(BT_SIM_OPT) -I$(BT_VERILATOR_ROOT)/include \
	    -I$(BT_VERILATOR_ROOT)/include/vltstd -c $$< -o $$@
endef
$(eval $(call bt_runtime,))
$(eval $(call bt_runtime,-trace))
$(eval $(call bt_runtime,-cov))

# $1 core, $2 configuration, $3 description, $4 parameters, $5 prerequisites, $6 "", "-trace" or "-cov", $7 more Verilator flags.
define bt_core_flavour
$(BUILD)/rtl/$1-$2$6/bt_glue.h.made: $3 $(BUILD)/bittrue-glue
	@mkdir -p $$(@D)
	@$(BUILD)/bittrue-glue --header $3 >$$@
$(BUILD)/rtl/$1-$2$6/bt_glue.h: $(BUILD)/rtl/$1-$2$6/bt_glue.h.made
	$$(bt_renew)

$(call bt_stamp,$(BUILD)/rtl/$1-$2$6/parameters,$4 $(BT_VERILATOR_FLAGS) $7)

$(BUILD)/rtl/$1-$2$6/verilator.args.made: $3 $(BUILD)/bittrue-glue $(BUILD)/rtl/$1-$2$6/parameters $(if $(filter -cov,$6),$(wildcard rtl/*/*_cover.sv))
	@$(BUILD)/bittrue-glue --verilator-args $3 $4 >$$@
	$(if $(filter -cov,$6),@for f in $$$$(sed -n 's/\.sv$$$$/_cover.sv/p' $$@); do [ ! -e $$$$f ] || echo $$$$f >>$$@; done)
	@echo "$(BT_VERILATOR_FLAGS) $7" >>$$@
$(BUILD)/rtl/$1-$2$6/verilator.args: $(BUILD)/rtl/$1-$2$6/verilator.args.made
	$$(bt_renew)

$(BUILD)/rtl/$1-$2$6/obj/Vcore.mk: $(BUILD)/rtl/$1-$2$6/verilator.args $5
	@mkdir -p $$(@D)
	@echo "VERILATE $1-$2$6"
	@$(BUILD)/bittrue-glue --check $3
	@$(BT_VERILATOR) --prefix Vcore -Mdir $$(@D) -f $$<
	@touch $$@

$(BUILD)/rtl/$1-$2$6.so: $(BUILD)/rtl/$1-$2$6/obj/Vcore.mk $(BUILD)/rtl/$1-$2$6/bt_glue.h $(BT_SIM_SOURCES) \
    harness/sim/core.mk $(BUILD)/rtl/compiler $(BT_RUNTIME$6:%=$(BUILD)/rtl/runtime$6/%.o)
	@$$(MAKE) --no-print-directory -f harness/sim/core.mk DIR=$(BUILD)/rtl/$1-$2$6 OUT=$$@ COMPILER=$(BUILD)/rtl/compiler CXX='$$(BT_SIM_CXX)' \
	    CXXFLAGS='$(BT_SIM_CXXFLAGS) $(BT_SIM_DEFINES$6) -isystem $(BT_VERILATOR_ROOT)/include -isystem $(BT_VERILATOR_ROOT)/include/vltstd' \
	    OPT='$(BT_SIM_OPT)' RUNTIME='$(BT_RUNTIME$6:%=$(BUILD)/rtl/runtime$6/%.o)' LIBS='-Wl,--as-needed -latomic $(if $(filter -trace,$6),-lz)'
	@touch $$@

-include $(BUILD)/rtl/$1-$2$6/obj/Vcore__ver.d
endef

define bt_core
$(call bt_core_flavour,$1,$2,$3,$4,$5,,)
$(call bt_core_flavour,$1,$2,$3,$4,$5,-trace,--trace-fst --trace-structs)
$(call bt_core_flavour,$1,$2,$3,$4,$5,-cov,--assert --coverage-line --coverage-toggle --coverage-user)
endef

.PHONY: FORCE
FORCE:

# The second core's driver belongs to the test that plugs it in; so does one waveform.
BT_GEMV := harness/tests/gemv/gemv_driver harness/tests/gemv/gemv
$(foreach b,$(BUILD) $(BUILD)/san $(BUILD)/cov,$(eval $b/test/test_sim: $(BT_GEMV:%=$b/obj/%.o)))
unit-test_sim coverage-test_sim: | $(BUILD)/rtl/probe-test-trace.so
