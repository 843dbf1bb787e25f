# Cores that live elsewhere (harness/CONTRACT.md): `make core DIR=folder` builds
#
#   build/outside/<name>.so          the room, from <name>.c and <name>_*.c
#   build/rtl/<name>-<config>.so     the simulated core of each configuration
#
# and build/outside/<name>.mk, through which make knows these cores from then on, -trace builds included.

# As bittrue-cores calls it, $1: core, $2: configuration, $3: core description, $4: NAME=VALUE of its parameters. Unlike
# `core` it adds to no list: what lives elsewhere is nobody's prerequisite here.
define outside_core
OUTSIDE_CORES += $1-$2
$(call bt_core,$1,$2,$3,$4,)
$(foreach f,-trace -cov,$(BUILD)/rtl/$1-$2$f/obj/Vcore.mk) $(BUILD)/rtl/$1-$2/obj/Vcore.mk: | bootstrap
endef

ifeq ($(filter core,$(MAKECMDGOALS)),)
include $(wildcard $(BUILD)/outside/*.mk)
else

ifneq ($(words $(DIR)),1)
$(error make core DIR=folder: expected one folder, without spaces in its name)
endif
OUTSIDE_DIR := $(realpath $(DIR))
OUTSIDE     := $(patsubst %_configs.yaml,%,$(notdir $(wildcard $(OUTSIDE_DIR)/*_configs.yaml)))
ifneq ($(words $(OUTSIDE)),1)
$(error $(DIR): expected one <name>_configs.yaml$(if $(OUTSIDE), and found $(OUTSIDE:%=%_configs.yaml)))
endif
$(foreach f,$(OUTSIDE).yaml $(OUTSIDE).c,$(if $(wildcard $(OUTSIDE_DIR)/$f),,$(error $(DIR): $f is missing)))
ifneq ($(filter $(OUTSIDE),$(VARIANTS)),)
$(error $(DIR): there is a variant '$(OUTSIDE)' already; a core from elsewhere needs another name)
endif
OUTSIDE_SRC := $(sort $(wildcard $(OUTSIDE_DIR)/$(OUTSIDE).c $(OUTSIDE_DIR)/$(OUTSIDE)_*.c))

# The folder, so that another one with a core of the same name makes everything again.
$(eval $(call bt_stamp,$(BUILD)/outside/$(OUTSIDE).from,$(OUTSIDE_DIR)))

# Somebody else's warnings are shown and are not errors. The room's own functions win over the program's of the same name.
$(BUILD)/outside/$(OUTSIDE).so: $(OUTSIDE_SRC) $(wildcard $(OUTSIDE_DIR)/*.h harness/*.h reference/common/*.h) \
    $(BUILD)/outside/$(OUTSIDE).from | bootstrap
	@echo "CC $(OUTSIDE).so"
	@$(CC) $(CPPFLAGS) $(filter-out -Werror,$(CFLAGS)) $(OPT) -fPIC -shared -Wl,-Bsymbolic $(OUTSIDE_SRC) -o $@

$(BUILD)/outside/$(OUTSIDE).mk: $(BUILD)/outside/$(OUTSIDE).so $(OUTSIDE_DIR)/$(OUTSIDE).yaml \
    $(OUTSIDE_DIR)/$(OUTSIDE)_configs.yaml $(BUILD)/bittrue-cores
	@$(BUILD)/bittrue-cores --core $(BUILD) $(OUTSIDE_DIR) >$@.new || { rm -f $@ $@.new; exit 2; }
	@mv $@.new $@
include $(BUILD)/outside/$(OUTSIDE).mk

core: $(BUILD)/outside/$(OUTSIDE).so $(OUTSIDE_CORES:%=$(BUILD)/rtl/%.so) | $(PROGRAM)
endif
