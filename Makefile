# Everything this project does is a target here; `make help` lists them. Products go to build/.
# One make, no recursion; sources are found by wildcard, so a new file needs no line here.

# Built-in defaults (cc, g++, ar) are replaced; the environment and the command line still win.
ifeq ($(origin CC),default)
CC         := gcc
endif
ifeq ($(origin CXX),default)
CXX        := g++
endif
ifeq ($(origin AR),default)
AR         := ar
endif

BUILD      := build
CPPFLAGS   := -D_GNU_SOURCE -I. -isystem $(BUILD)/gen
CFLAGS     := -std=c11 -Wall -Wextra -Wpedantic -Werror -g
OPT        := -O2
# The reference operators are the longest part of a verification run.
OPT_REF    := -O3
SANITIZE   := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDLIBS     := -lcyaml -lyaml -ljansson -lsqlite3 -ldnnl -lgomp -lxxhash -lunicorn -lelf -lprotobuf-c -ljpeg -lpng -lz -ldl -lpthread -lm

# As many jobs as there are cores, unless the command line says otherwise.
CPUS       := $(shell nproc)
MAKEFLAGS  += --no-builtin-rules --no-builtin-variables -j$(CPUS)
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

# ---- sources ------------------------------------------------------------------------------------------------------

C_ALL      := $(sort $(wildcard harness/*.c harness/dataset/*.c harness/soc/*.c harness/firmware/*.c harness/*/test_*.c reference/*.c reference/*/*.c))
TEST_SRC   := $(foreach f,$(C_ALL),$(if $(filter test_%,$(notdir $f)),$f))
FUZZ_SRC   := $(foreach f,$(C_ALL),$(if $(filter fuzz_%,$(notdir $f)),$f))
LIB_SRC    := $(filter-out harness/main.c $(TEST_SRC) $(FUZZ_SRC),$(C_ALL))
# Small cores with which the harness tests itself: linked into the tests that name them, never into the library.
SUPPORT_SRC := $(sort $(wildcard harness/tests/*/*.c))
TESTS      := $(notdir $(TEST_SRC:.c=))
CI_TESTS   := $(notdir $(wildcard ci/test_*))
VARIANTS   := $(shell sed -n 's/^VARIANT(\([a-z0-9_]*\)).*/\1/p' harness/variants.def)

ifneq ($(words $(TESTS)),$(words $(sort $(TESTS))))
$(error two unit tests share a file name; each must be unique: $(TESTS))
endif

# ---- bootstrap ----------------------------------------------------------------------------------------------------

.PHONY: bootstrap
bootstrap: ## install the packages that are missing (group core)
	@ci/bootstrap core

include harness/sim/sim.mk

# ---- library, programs, unit tests; plain, under sanitizers, for coverage, for fuzzing --------------------------------

# Messages of ONNX models, from Debian's libonnx-dev. Generated code is compiled as it is.
ONNX_PROTO := $(BUILD)/gen/onnx/onnx.pb-c
$(ONNX_PROTO).c: | bootstrap
	@mkdir -p $(@D)
	@echo "GEN $@"
	@protoc-c --c_out=$(@D) -I/usr/include/onnx onnx.proto
$(ONNX_PROTO).h: $(ONNX_PROTO).c ;

# Digests of the sources, for the keys of stored results.
BUILD_INFO := $(BUILD)/gen/build_info.c
MAKE_INFO  := ci/build-info '$(CC) $(CPPFLAGS) $(CFLAGS) $(OPT) $(OPT_REF)' $(VARIANTS)
DIGESTED   := $(shell ci/build-info --files)
$(BUILD_INFO): $(DIGESTED) $(BUILD)/gen/digested ci/build-info ci/front.txt $(BUILD)/flags | bootstrap
	@mkdir -p $(@D)
	@$(MAKE_INFO) >$@.new
	@cmp -s $@.new $@ && touch $@ && rm $@.new || mv $@.new $@

# A file that is gone is newer than nothing: the list says so.
$(eval $(call bt_stamp,$(BUILD)/gen/digested,$(DIGESTED)))

# $1: folder, $2: extra compile and link flags, $3: what they are for
define flavour
$(call bt_stamp,$1/flags,$(CC) $(CPPFLAGS) $(CFLAGS) $(OPT) $(OPT_REF) $2)

$1/obj/%.o: %.c $1/flags | bootstrap $(ONNX_PROTO).h $(BUILD_INFO)
	@mkdir -p $$(@D)
	@echo "CC $$<$(if $3, ($3))"
	@$$(CC) $$(CPPFLAGS) $$(CFLAGS) $$(if $$(filter reference/%,$$<),$$(OPT_REF),$$(OPT)) $2 -MMD -MP -c $$< -o $$@

$1/obj/onnx.pb-c.o: $(ONNX_PROTO).c
	@mkdir -p $$(@D)
	@echo "CC $$<$(if $3, ($3))"
	@$$(CC) -std=c11 -w -g $$(OPT) $2 -c $$< -o $$@

$1/obj/build_info.o: $(BUILD_INFO)
	@mkdir -p $$(@D)
	@$$(CC) $$(CPPFLAGS) $$(CFLAGS) $2 -c $$< -o $$@

$1/libbittrue.a: $(LIB_SRC:%.c=$1/obj/%.o) $1/obj/onnx.pb-c.o $1/obj/build_info.o
	@echo "AR $$@"
	@rm -f $$@
	@$$(MAKE_INFO) | cmp -s - $(BUILD_INFO) || { rm -f $(BUILD_INFO) $(LIB_SRC:%.c=$1/obj/%.o); \
		echo "sources changed while they were compiled: nobody knows which are in the objects; make again" >&2; exit 1; }
	@$$(AR) rcs $$@ $$^

# All of the library, for rooms that are loaded at run time.
$1/bittrue: $1/obj/harness/main.o $1/libbittrue.a
	@echo "LD $$@"
	@$$(CC) $2 -rdynamic -Wl,--whole-archive $$^ -Wl,--no-whole-archive $$(LDLIBS) -o $$@

# Without the library: a change there must not make every core be built again.
$1/bittrue-glue: $1/obj/harness/sim/glue.o
	@echo "LD $$@"
	@$$(CC) $2 $$^ -lyaml -o $$@

$1/bittrue-cores: $1/obj/harness/sim/cores.o $1/libbittrue.a
	@echo "LD $$@"
	@$$(CC) $2 -rdynamic -Wl,--whole-archive $$^ -Wl,--no-whole-archive $$(LDLIBS) -o $$@

# Where memories and devices are, for the linker of the firmware.
$1/bittrue-map: $1/obj/harness/soc/tools/map.o $1/libbittrue.a
	@echo "LD $$@"
	@$$(CC) $2 -rdynamic -Wl,--whole-archive $$^ -Wl,--no-whole-archive $$(LDLIBS) -o $$@

$(foreach t,$(TEST_SRC),$1/test/$(notdir $(t:.c=)): $1/obj/$(t:.c=.o) $1/libbittrue.a
)
$(TESTS:%=$1/test/%):
	@mkdir -p $$(@D)
	@echo "LD $$@"
	@$$(CC) $2 -rdynamic $$^ -lcmocka $$(LDLIBS) -o $$@

-include $(wildcard $1/obj/*/*.d $1/obj/*/*/*.d $1/obj/*/*/*/*.d)
endef
PROGRAM    := $(BUILD)/bittrue
comma      := ,
$(eval $(call flavour,$(BUILD),))
$(eval $(call flavour,$(BUILD)/san,$(SANITIZE),sanitized))
$(eval $(call flavour,$(BUILD)/cov,--coverage -include harness/coverage.h,coverage))
$(eval $(call flavour,$(BUILD)/fuzz,-fsanitize=fuzzer-no-link$(comma)address$(comma)undefined,fuzz))
$(BUILD)/fuzz/%: CC := clang

.PHONY: all
all: $(PROGRAM) rtl-smoke rtl-all firmware ## build the program, the firmware and the simulated cores that check-all needs

# ---- registers: one table per room; the C header includes it, the SystemVerilog package is made from it ---------------

define regs_pkg
$(BUILD)/gen/$1/$1_regs_pkg.sv: reference/$1/$1_regs.def rtl/common/bt_regs_pkg.sv.in | bootstrap
	@mkdir -p $$(@D)
	@echo "GEN $$@"
	@$$(CC) -E -P -x assembler-with-cpp -I. -DBT_ROOM=$1 -DBT_REGS_DEF='"$$<"' rtl/common/bt_regs_pkg.sv.in -o $$@
REGS_PKG_$1 := $(BUILD)/gen/$1/$1_regs_pkg.sv
endef
$(foreach v,$(VARIANTS),$(if $(wildcard reference/$v/$v_regs.def),$(eval $(call regs_pkg,$v))))

# What the rooms of a family share.
$(BUILD)/gen/bt_brick/bt_brick_regs_pkg.sv: reference/common/bt_brick_regs.def rtl/common/bt_regs_pkg.sv.in | bootstrap
	@mkdir -p $(@D)
	@echo "GEN $@"
	@$(CC) -E -P -x assembler-with-cpp -I. -DBT_ROOM=bt_brick -DBT_REGS_DEF='"$<"' rtl/common/bt_regs_pkg.sv.in -o $@
$(foreach v,$(VARIANTS),$(if $(wildcard rtl/$v/$v.yaml),$(if $(shell grep -l bt_brick rtl/$v/$v.yaml),$(eval REGS_PKG_$v += $(BUILD)/gen/bt_brick/bt_brick_regs_pkg.sv))))

# ---- simulated cores: build/rtl/<variant>-<configuration>.so ----------------------------------------------------------

CORES      :=
# $1: core, $2: configuration, $3: core description, $4: NAME=VALUE of its parameters
define core
CORES      += $1-$2
$(call bt_core,$1,$2,$3,$4,$(REGS_PKG_$1))
$(foreach f,-trace -cov,$(BUILD)/rtl/$1-$2$f/obj/Vcore.mk) $(BUILD)/rtl/$1-$2/obj/Vcore.mk $(BUILD)/lint/$1-$2.args: | bootstrap $(REGS_PKG_$1)

$(BUILD)/lint/$1-$2.args: $3 $(BUILD)/bittrue-glue $(BUILD)/rtl/$1-$2/parameters
	@mkdir -p $$(@D)
	@$(BUILD)/bittrue-glue --verilator-args $3 $4 >$$@
endef

# Which cores there are, say suites/variants/*.yaml and the rooms' parameter tables, and which of them a suite runs on says
# its list of jobs: bittrue-cores reads them, calls `core` for each, and sets SMALL_CORES and SUITE_CORES_<suite>. Left out
# for goals that need no core, since it must be compiled first.
CORE_FREE  := core help clean format coverage-accept bootstrap bootstrap-% check-rooms lint-rooms lint-format baseline predict fuzz golden train chroot $(BUILD)/bittrue-% $(BUILD)/gen/%.sv $(PROGRAM) $(BUILD)/obj/% $(BUILD)/san/% $(BUILD)/test/% \
              $(BUILD)/%.a $(BUILD)/rtl/%-test.so $(BUILD)/rtl/%-test-trace.so firmware $(BUILD)/firmware/% $(BUILD)/tests/%
ROOM_YAML  := $(foreach v,$(VARIANTS),rtl/$v/$v.yaml suites/variants/$v.yaml)
SUITES     := smoke all full accuracy
ifneq ($(or $(filter-out $(CORE_FREE),$(MAKECMDGOALS)),$(if $(MAKECMDGOALS),,all)),)
ifneq ($(filter-out $(wildcard $(ROOM_YAML)),$(ROOM_YAML)),)
$(error $(filter-out $(wildcard $(ROOM_YAML)),$(ROOM_YAML)): missing, for a variant of harness/variants.def)
endif
include $(BUILD)/gen/cores.mk
endif
$(BUILD)/gen/cores.mk: $(BUILD)/bittrue-cores $(ROOM_YAML) $(SUITES:%=suites/%.yaml) $(wildcard suites/networks/*.yaml suites/models/*.yaml)
	@mkdir -p $(@D)
	@$(BUILD)/bittrue-cores $(SUITES:%=suites/%.yaml) >$@.new
	@mv $@.new $@

# Cores of the harness's own tests.
$(foreach y,$(filter-out %_configs.yaml,$(wildcard harness/tests/*/*.yaml)),$(eval $(call core,$(basename $(notdir $y)),test,$y,)))

.PHONY: rtl $(SUITES:%=rtl-%)
rtl: $(CORES:%=$(BUILD)/rtl/%.so) ## build the simulated cores of all configurations (rtl-SUITE for those of one suite)
$(foreach s,$(SUITES),$(eval rtl-$s: $(SUITE_CORES_$s:%=$(BUILD)/rtl/%.so)))

.PHONY: core
core: ## build a core that lives elsewhere: make core DIR=its folder
include harness/sim/outside.mk

# What unit tests load: of each room the cores that are built in seconds, and the harness's own.
TEST_CORES := $(SMALL_CORES) $(filter %-test,$(CORES))

# ---- firmware: build/firmware/<variant>.elf, and the small programs of the system's own tests ----------------------------

include harness/firmware/firmware.mk
$(foreach v,$(VARIANTS),$(eval $(call bt_firmware,$v)))
FIRMWARE   := $(VARIANTS:%=$(BUILD)/firmware/%.elf)

# Small programs with which the simulated system tests itself.
SOC_TESTS  := $(patsubst harness/tests/soc/%.S,$(BUILD)/tests/soc/%.elf,$(sort $(wildcard harness/tests/soc/*.S)))
$(BUILD)/tests/soc/%.elf: harness/tests/soc/%.S harness/tests/soc/link.ld $(wildcard harness/tests/soc/*.inc) \
		harness/firmware/soc_regs.h $(BUILD)/firmware/map.args
	@mkdir -p $(@D)
	@echo "AS $<"
	@$(FW_CC) $(FW_ARCH_CSR) -mabi=ilp32 -nostdlib -nostartfiles -I. -Wl,@$(BUILD)/firmware/map.args \
		-Wl,--build-id=none -T harness/tests/soc/link.ld $< -o $@

.PHONY: firmware
firmware: $(FIRMWARE) ## build the firmware of all variants

# ---- steps and their records ------------------------------------------------------------------------------------------

# Verdicts of one run are kept apart by its first goal, so that `make test` and `make check-all` can be added up.
RECORDS    := $(BUILD)/records/$(or $(firstword $(filter test lint faults prove check check-all check-full,$(MAKECMDGOALS))),other)
STEP       := ci/step $(RECORDS)

.PHONY: fresh-records
fresh-records:
	@rm -rf $(RECORDS)

# ---- tests --------------------------------------------------------------------------------------------------------------

.PHONY: test unit-steps $(TESTS:%=unit-%) $(CI_TESTS:%=ci-%)
test: unit-steps lint-steps ## unit tests under sanitizers, lint, proofs, room check
	@ci/count $(RECORDS)

unit-steps: $(TESTS:%=unit-%) $(CI_TESTS:%=ci-%)

# Some tests run the program itself or load a simulated core; they find both under build/.
$(TESTS:%=unit-%): unit-%: $(BUILD)/san/test/% | fresh-records $(PROGRAM) $(BUILD)/san/bittrue $(BUILD)/bittrue-glue $(FIRMWARE) $(SOC_TESTS) $(TEST_CORES:%=$(BUILD)/rtl/%.so)
	@CMOCKA_MESSAGE_OUTPUT=xml CMOCKA_XML_FILE=$(abspath $(RECORDS))/$*/%g.xml $(STEP) $* junit=$(RECORDS)/$* -- $<

# What its own make would build otherwise, beside this one.
ci-test_outside: | $(PROGRAM) $(BUILD)/bittrue-cores $(BUILD)/rtl/gemv-test.so
ci-test_junit ci-test_workflows: | $(PROGRAM)
ci-test_firmware ci-test_slurm: | $(PROGRAM) $(FIRMWARE) $(BUILD)/rtl/os_array-4x4.so
ci-test_store: | $(PROGRAM) $(FIRMWARE) $(BUILD)/rtl/os_array-4x4.so $(BUILD)/rtl/ws_array-8x8_tiny.so
$(CI_TESTS:%=ci-%): ci-%: | fresh-records
	@BUILD='$(BUILD)' $(STEP) ci-$* -- ci/$*

# Where its packages are missing, `make test` skips it: one of them starts a daemon of the machine's own.
.PHONY: test-slurm
test-slurm: ci-test_slurm ## run on a Slurm cluster of this machine alone, nodes and tasks lost on purpose
	@ci/count $(RECORDS)
ci-test_slurm: | $(if $(filter test-slurm,$(MAKECMDGOALS)),bootstrap-slurm)

# ---- planted faults ---------------------------------------------------------------------------------------------------

# As sim.mk compiles the sound cores.
FAULT_CXX   = $(or $(BT_SIM_CXX),$(CXX)) $(BT_SIM_CXXFLAGS) $(BT_SIM_DEFINES) $(BT_SIM_OPT) \
              -isystem $(BT_VERILATOR_ROOT)/include -isystem $(BT_VERILATOR_ROOT)/include/vltstd
# FAULT_PART=K/N: of each room the K-th of N parts, and always the entries that plant nothing.
FAULT_PART ?= 1/1
.PHONY: faults fault-steps
faults: fault-steps ## plant faults in the RTL, one at a time: each must be reported (fault-NAME for one)
	@ci/count $(RECORDS)

# $1: room, $2: its table. Names are unique over all rooms. They need what this table names, and what unit tests load. Tables are
# read for these goals alone: it takes a dozen processes.
define room_faults
FAULTS_$1  := $(shell sed -n 's/^fault //p' $2)
.PHONY: $$(FAULTS_$1:%=fault-%)
fault-steps: $$(patsubst %,fault-%,$(shell awk -v part='$(FAULT_PART)' 'BEGIN { split(part, p, "/") } \
	$$1 == "fault" { name = $$2; n++; taken = n % p[2] == p[1] % p[2]; if (taken) print name } \
	$$1 == "expect" && $$2 == "pass" && !taken { print name }' $2))
$$(FAULTS_$1:%=fault-%): fault-%: $(PROGRAM) \
		$(patsubst %,$(BUILD)/test/%,$(sort $(shell sed -n 's/^expect [a-z]* \(test_[a-z0-9_]*\).*/\1/p' $2))) \
		$(patsubst %,$(BUILD)/rtl/%.so,$(sort $(filter $1-%,$(SMALL_CORES)) $(addprefix $1-,$(shell sed -n 's/^config //p' $2)))) | fresh-records
	@BUILD='$(BUILD)' BT_FAULT_CXX='$$(FAULT_CXX)' $(STEP) fault-$$* -- ci/check-faults $$*
endef
$(foreach v,$(if $(filter fault%,$(MAKECMDGOALS)),$(VARIANTS)),$(if $(wildcard rtl/$v/$v_faults.txt),$(eval $(call room_faults,$v,rtl/$v/$v_faults.txt))))

# ---- proofs -----------------------------------------------------------------------------------------------------------

PROVEN     := $(shell sed -n 's/^.ifdef PROVE_//p' rtl/*/*_properties.sv)
.PHONY: prove prove-steps prove-refutable $(PROVEN:%=prove-%)
prove: prove-steps ## prove the properties beside the RTL, each module by induction (prove-MODULE for one)
	@ci/count $(RECORDS)

prove-steps: $(PROVEN:%=prove-%) prove-refutable
$(PROVEN:%=prove-%): prove-%: $(foreach v,$(VARIANTS),$(REGS_PKG_$v)) | fresh-records bootstrap
	@$(STEP) prove-$* -- ci/prove $*

prove-refutable: | fresh-records
	@$(STEP) prove-refutable -- ci/check-faults --assertions

# ---- lint -------------------------------------------------------------------------------------------------------------

C_FORMAT   := $(sort $(wildcard $(foreach d,harness harness/* harness/*/* reference reference/*,$d/*.c $d/*.h $d/*.cpp)))
TIDY_SRC   := $(sort $(C_ALL) $(SUPPORT_SRC) $(wildcard harness/sim/*.c harness/soc/tools/*.c))
TIDY       := $(TIDY_SRC:%.c=$(BUILD)/lint/%.tidy)

.PHONY: lint lint-steps format check-rooms
lint: lint-steps ## clang-format, clang-tidy, cppcheck, Verilator and Yosys over all sources, proofs, room check
	@ci/count $(RECORDS)

lint-steps: lint-format lint-tidy lint-cppcheck lint-rtl prove-steps lint-rooms

.PHONY: lint-format lint-tidy lint-cppcheck lint-rtl lint-rooms
lint-format: | fresh-records bootstrap
	@$(STEP) clang-format -- clang-format --dry-run -Werror $(C_FORMAT)

# CMocka's assertions do not return when they fail, which the path-sensitive analyzer does not know.
TIDY_TESTS := --checks=-clang-analyzer-*
# One stamp per file, renewed when its object is: a file is read again only when it or a header of its changed. A finding
# leaves the log and no stamp, and `true` lets the other files be read: the verdict is lint-tidy's, from the stamps.
$(TIDY): $(BUILD)/lint/%.tidy: $(BUILD)/obj/%.o .clang-tidy | bootstrap
	@mkdir -p $(@D)
	@rm -f $@ # or the verdict of an earlier text would stand
	@echo "TIDY $*.c"
	@clang-tidy --quiet $(if $(filter test_%,$(notdir $*)),$(TIDY_TESTS)) $*.c -- -std=c11 $(CPPFLAGS) >$@.log 2>&1 \
		&& mv $@.log $@ || true # without a stamp lint-tidy fails

# The firmware's own files, as its compiler sees them; stamps and `true` as above.
RV32_TIDY  := $(patsubst %.c,$(BUILD)/lint/%.tidy,$(wildcard harness/firmware/rv32/*.c))
$(RV32_TIDY): $(BUILD)/lint/%.tidy: %.c $(FIRMWARE) .clang-tidy
	@mkdir -p $(@D)
	@rm -f $@ # or the verdict of an earlier text would stand
	@echo "TIDY $< (rv32im)"
	@clang-tidy --quiet $< -- --target=riscv32-unknown-elf -march=rv32im -mabi=ilp32 -std=c11 -ffreestanding -I. \
		-isystem harness/firmware/rv32/include -DBT_FW_DRIVER=any_driver >$@.log 2>&1 \
		&& mv $@.log $@ || true # without a stamp lint-tidy fails

lint-tidy: $(TIDY) $(RV32_TIDY) | fresh-records
	@$(STEP) clang-tidy -- sh -c 'status=0; for f; do [ -e "$$f" ] || { cat "$$f.log"; status=1; }; done; exit $$status' \
		sh $(TIDY) $(RV32_TIDY)

lint-cppcheck: | fresh-records bootstrap
	@mkdir -p $(BUILD)/lint/cppcheck
	@$(STEP) cppcheck -- cppcheck --quiet --std=c11 -D__STRICT_ANSI__ $(CPPFLAGS) --enable=warning,style,performance,portability \
		--inline-suppr --suppressions-list=ci/cppcheck.txt --error-exitcode=1 --cppcheck-build-dir=$(BUILD)/lint/cppcheck $(TIDY_SRC)

.PHONY: $(CORES:%=lint-rtl-%) $(CORES:%=lint-yosys-%)
# Yosys takes half a minute for a large core: it reads the small ones, and those that check-all runs on.
YOSYS_CORES := $(sort $(SMALL_CORES) $(filter-out %-test,$(SUITE_CORES_all)))
lint-rtl: $(CORES:%=lint-rtl-%) $(YOSYS_CORES:%=lint-yosys-%)
$(CORES:%=lint-rtl-%): lint-rtl-%: $(BUILD)/lint/%.args | fresh-records
	@$(STEP) verilator-$* -- verilator --lint-only -Wall -f $<
$(CORES:%=lint-yosys-%): lint-yosys-%: $(BUILD)/lint/%.args | fresh-records
	@$(STEP) yosys-$* -- ci/lint-yosys $<

lint-rooms: | fresh-records
	@$(STEP) check-rooms -- ci/check-rooms

check-rooms: ## rooms and table agree, nothing includes what it must not, no machine paths
	@ci/check-rooms

format: | bootstrap ## rewrite all C sources with clang-format
	@clang-format -i $(C_FORMAT)

# ---- verification -----------------------------------------------------------------------------------------------------

.PHONY: check check-all check-full baseline golden predict report accuracy study-soc study-ch4 study-tactical bench fuzz chroot
# $1: suite. The harness bounds each job itself; a suite has no limit of its own.
bt_suite    = $(STEP) $1 junit=$(BUILD)/out/$1 live -- $(PROGRAM) run --suite suites/$1.yaml --out $(BUILD)/out/$1

check: $(PROGRAM) rtl-smoke firmware | fresh-records ## the smoke suite: every engine on small, odd layers
	@$(call bt_suite,smoke)
	@ci/count $(RECORDS)

# The runs that baselines are of: those of check-all.
BASELINE_OF = $(BUILD)/out/smoke/results.json $(BUILD)/out/all/results.json

check-all: $(PROGRAM) rtl-smoke rtl-all firmware | fresh-records ## the main job: every distinct layer of all networks, bit by bit
	@$(call bt_suite,smoke)
	@$(call bt_suite,all)
	@$(STEP) baseline -- $(PROGRAM) baseline check $(BASELINE_OF)
	@$(STEP) golden -- ci/golden
	@ci/count $(RECORDS)

check-full: $(PROGRAM) rtl-smoke rtl-full firmware | fresh-records ## every layer of every network on every configuration (a quarter of an hour)
	@$(call bt_suite,smoke)
	@$(call bt_suite,full)
	@$(STEP) golden -- ci/golden
	@$(STEP) fuzz -- sh -c 'ci/bootstrap --check fuzz && $(MAKE) fuzz'
	@ci/count $(RECORDS)

baseline: $(PROGRAM) ## after check-all: accept its bits, cycles and areas as the baselines in golden/baselines; REASON='...' is recorded
	$(if $(REASON),,$(error make baseline: expected REASON='why', which is recorded))
	@$(PROGRAM) baseline accept --reason '$(subst ','\'',$(REASON))' $(BASELINE_OF)

predict: $(PROGRAM) ## predicted cycles of every layer, without simulation
	@$(PROGRAM) predict

golden: | fresh-records ## files in golden/ against their hashes
	@$(STEP) golden -- ci/golden
	@ci/count $(RECORDS)

$(BUILD)/bench-mesh: harness/tests/mesh/bench_mesh.c | bootstrap
	@echo "CC $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(OPT) $< -ldl -o $@

$(BUILD)/bench-int8: harness/tests/int8/bench_int8.c $(BUILD)/libbittrue.a
	@echo "CC $<"
	@$(CC) -rdynamic $(CPPFLAGS) $(CFLAGS) $(OPT) $^ $(LDLIBS) -o $@

# A run with failures has its site, too: they are what one wants to see there.
report: $(PROGRAM) rtl-all firmware | bootstrap-study ## run every distinct layer: reports/summary.md and the site, reports/site/index.html
	@status=0; $(PROGRAM) run --suite suites/all.yaml --out $(BUILD)/out/all || status=$$?; [ $$status -le 1 ] || exit $$status; \
		cp $(BUILD)/out/all/summary.md reports/summary.md && echo reports/summary.md && \
		$(PROGRAM) history --json >$(BUILD)/history.json && BUILD='$(BUILD)' python3 reports/site_build.py && exit $$status

accuracy: $(PROGRAM) rtl-accuracy | bootstrap-study ## every trained network on every variant, float beside int8: reports/accuracy.md
	@BUILD='$(BUILD)' python3 reports/accuracy.py

study-soc: $(PROGRAM) firmware $(BUILD)/rtl/os_array-8x8.so $(BUILD)/rtl/os_array-16x16.so $(BUILD)/rtl/os_array-32x32.so | bootstrap-study ## LeNet-5 and Tiny-Darknet over array sizes and bus widths: reports/study-soc.md
	@BUILD='$(BUILD)' python3 reports/study_soc.py

# Which cores of its design space this study simulates follows from its predictions.
define study_core
STUDY_CORES += ws_array-$1
$(call bt_core,ws_array,$1,rtl/ws_array/ws_array.yaml,$2,$(REGS_PKG_ws_array))
$(BUILD)/rtl/ws_array-$1/obj/Vcore.mk: | bootstrap $(REGS_PKG_ws_array)
endef
ifneq ($(filter study-ch4,$(MAKECMDGOALS)),)
include $(BUILD)/gen/study-ch4.mk
endif
$(BUILD)/gen/study-ch4.mk: $(PROGRAM) reports/study_ch4.py suites/studies/dissertation_ch4.yaml suites/studies/variants/ws_array.yaml | bootstrap-study
	@mkdir -p $(@D)
	@BUILD='$(BUILD)' python3 reports/study_ch4.py --cores >$@.new
	@mv $@.new $@

study-ch4: $(PROGRAM) $(STUDY_CORES:%=$(BUILD)/rtl/%.so) | bootstrap-study ## Gemmini-class array: layers, memories, design space of ResNet-34: reports/study-ch4.md
	@BUILD='$(BUILD)' python3 reports/study_ch4.py

# Another scheduler is another weight stream on the same core. Without its cell library that study leaves its areas out.
TACTICAL    := dadiannao-table3 dadiannao-table3_packed dadiannao-table3_int8 \
               bit_tactical-T_2_5 bit_tactical-T_1_6 bit_tactical-T_3_4 bit_tactical-L_2_5 bit_tactical-T_2_5_int8
TACTICAL_SAME := $(BUILD)/rtl/bit_tactical-T_2_5_greedy.so $(BUILD)/rtl/bit_tactical-T_2_5_in_order.so
$(TACTICAL_SAME): $(BUILD)/rtl/bit_tactical-T_2_5.so
	@cp $< $@

study-tactical: $(PROGRAM) $(TACTICAL:%=$(BUILD)/rtl/%.so) $(TACTICAL_SAME) | bootstrap-study ## pruned networks on bit_tactical beside dadiannao, RTL, area: reports/study-tactical.md
	@ci/bootstrap area || true # without it the page's section on area says SKIP
	@BUILD='$(BUILD)' python3 reports/study_tactical.py

bench: $(PROGRAM) $(BUILD)/bench-mesh $(BUILD)/bench-int8 $(BUILD)/test/test_store $(BUILD)/rtl/mesh-test.so $(BUILD)/rtl/mesh_pe-test.so $(BUILD)/rtl/ws_array-32x32.so rtl-smoke rtl-all firmware ## the numbers of the README, measured on this machine
	@ci/bench.sh

# ---- area ---------------------------------------------------------------------------------------------------------------

# One and two minutes. Others take longer, most of it for multipliers of 16 bits: make area AREA_CORES='dadiannao-tiny'
AREA_CORES ?= os_array-4x4 ws_array-8x8_tiny
$(foreach c,$(CORES),$(eval $(BUILD)/area/$c.json: $(BUILD)/lint/$c.args ci/area ci/synthesis.py \
	$(filter-out %_properties.sv %_cover.sv,$(wildcard rtl/common/*.sv rtl/$(firstword $(subst -, ,$c))/*.sv)) \
	$(REGS_PKG_$(firstword $(subst -, ,$c)))))
$(CORES:%=$(BUILD)/area/%.json): $(BUILD)/area/%.json: | bootstrap-area
	@echo "AREA $*"
	@BUILD='$(BUILD)' ci/area $*

.PHONY: area
area: $(AREA_CORES:%=$(BUILD)/area/%.json) ## um2 and cells of two small cores (AREA_CORES= for others): build/area.json
	@BUILD='$(BUILD)' ci/area --join $(AREA_CORES)

# ---- coverage: the unit tests of a build that counts, test_<room> on cores that count --------------------------------

# Of each room the first two cores that are built in seconds count; the others are as they are. Tests find all of them in a
# build folder of their own, under the usual names.
COVERAGE_CORES := $(foreach v,$(VARIANTS),$(wordlist 1,2,$(filter $v-%,$(SMALL_CORES))))
COVERAGE_SO := $(TEST_CORES:%=$(BUILD)/cov/rtl/%.so)
$(foreach c,$(TEST_CORES),$(eval $(BUILD)/cov/rtl/$c.so: $(BUILD)/rtl/$c$(if $(filter $c,$(COVERAGE_CORES)),-cov).so))
$(COVERAGE_SO): | $(BUILD)/cov/firmware
	@mkdir -p $(@D)
	@ln -sf ../../rtl/$(notdir $<) $@
$(BUILD)/cov/firmware: | $(FIRMWARE)
	@mkdir -p $(@D)
	@ln -sfn ../firmware $@

.PHONY: coverage coverage-accept coverage-run coverage-fresh $(TESTS:%=coverage-%)
coverage-fresh:
	@find $(BUILD)/cov -name '*.gcda' -delete
	@rm -rf $(BUILD)/coverage/points
	@mkdir -p $(BUILD)/coverage/points

# A test that lets no file grow hinders libgcov, too, which must not say so among what the test reads.
$(TESTS:%=coverage-%): export GCOV_ERROR_FILE = $(abspath $(BUILD))/cov/errors.log
$(TESTS:%=coverage-%): coverage-%: $(BUILD)/cov/test/% | coverage-fresh $(PROGRAM) $(BUILD)/cov/bittrue $(FIRMWARE) $(SOC_TESTS) \
		$(TEST_CORES:%=$(BUILD)/rtl/%.so) $(COVERAGE_SO)
	@$(if $(filter $*,$(VARIANTS:%=test_%)),BITTRUE_BUILD=$(BUILD)/cov BITTRUE_COVERAGE=$(BUILD)/coverage/points) $< >$(BUILD)/cov/$*.log 2>&1 \
		|| { echo "FAIL $*, see $(BUILD)/cov/$*.log"; exit 1; }

coverage-run: $(TESTS:%=coverage-%)
	@ci/coverage $(BUILD)/cov/obj $(BUILD)/coverage/points $(BUILD)/coverage

coverage: coverage-run ## what the unit tests reach in the C code and the RTL, and whether that fell: build/coverage
	@ci/coverage-ratchet $(BUILD)/coverage/rooms.json golden/coverage.json

# Nobody else's change of golden/ slips in.
coverage-accept: ## keep what the last `make coverage` reached; REASON='why' keeps what fell, too
	@ci/golden
	@ci/coverage-ratchet $(BUILD)/coverage/rooms.json golden/coverage.json --accept $(if $(REASON),'$(subst ','\'',$(REASON))')
	@ci/golden --update

# ---- fuzzing and the bare machine: package groups of their own ----------------------------------------------------------

FUZZ_SECONDS ?= 60
FUZZERS    := $(notdir $(FUZZ_SRC:.c=))
.PHONY: train bootstrap-area bootstrap-fuzz bootstrap-chroot bootstrap-study bootstrap-train bootstrap-slurm
bootstrap-area bootstrap-fuzz bootstrap-chroot bootstrap-study bootstrap-train bootstrap-slurm: bootstrap-%:
	@ci/bootstrap $*

$(FUZZ_SRC:%.c=$(BUILD)/fuzz/obj/%.o) $(LIB_SRC:%.c=$(BUILD)/fuzz/obj/%.o): | bootstrap-fuzz
$(foreach f,$(FUZZ_SRC),$(eval $(BUILD)/fuzz/$(notdir $(f:.c=)): $(BUILD)/fuzz/obj/$(f:.c=.o) $(BUILD)/fuzz/libbittrue.a))
$(FUZZERS:%=$(BUILD)/fuzz/%):
	@echo "LD $@"
	@clang -fsanitize=fuzzer,address,undefined $^ $(LDLIBS) -o $@

fuzz: $(FUZZERS:%=$(BUILD)/fuzz/%) | bootstrap-fuzz ## feed the parsers random input, FUZZ_SECONDS each (60)
	@$(if $(FUZZERS),,echo "no fuzz_*.c yet"; exit 1)
	@for fuzzer in $(FUZZERS); do \
		mkdir -p $(BUILD)/fuzz/corpus/$$fuzzer && echo "FUZZ $$fuzzer, $(FUZZ_SECONDS) s" && \
		$(BUILD)/fuzz/$$fuzzer -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=$(BUILD)/fuzz/ \
			$(BUILD)/fuzz/corpus/$$fuzzer >$(BUILD)/fuzz/$$fuzzer.log 2>&1 || { tail -n 40 $(BUILD)/fuzz/$$fuzzer.log; exit 1; }; \
	done

# Debian's interpreter, for which the packages are, whatever stands before it in PATH. MODELS: some of them.
train: $(PROGRAM) | bootstrap-train ## train the networks in golden/models from scratch (an hour); MODELS=NAME for one
	@BUILD='$(BUILD)' /usr/bin/python3 -W ignore golden/train/train.py $(MODELS)
	@ci/golden --update

chroot: | bootstrap-chroot ## the README's two commands in a bare Debian 12 (needs root)
	@ci/chroot $(BUILD)/chroot

# ---- help -------------------------------------------------------------------------------------------------------------

.PHONY: clean help
clean: ## remove everything that was built
	@rm -rf $(BUILD)

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile
