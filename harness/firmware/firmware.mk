# Firmware for the simulated system: build/firmware/<variant>.elf, from the same sources as the host's library.
#   $(eval $(call bt_firmware,os_array))
#   $(eval $(call bt_firmware,name,sources of a driver that is no room's))
# The memory map is suites/soc.yaml's: build/bittrue-map prints the linker's options (--defsym=ROM_BASE=0x... and so on).

FW_CROSS   := riscv64-unknown-elf-
FW_CC      := $(FW_CROSS)gcc
FW_MAP     := suites/soc.yaml
# Without a libc; the compiler's library is there for 64-bit divisions.
FW_CFLAGS  := -std=c11 -O2 -g -mabi=ilp32 -ffreestanding -fno-common -ffunction-sections -fdata-sections \
              -Wall -Wextra -Wpedantic -Werror -I. -isystem harness/firmware/rv32/include
FW_LDFLAGS := -march=rv32im -mabi=ilp32 -nostdlib -nostartfiles -Wl,--gc-sections -Wl,--fatal-warnings
FW_ARCH    := -march=rv32im
# GCC's name for the base ISA that has CSRs; its libraries are found under rv32im alone.
FW_ARCH_CSR := -march=rv32im_zicsr

# Every driver source of a room is compiled in: <v>_driver.c and what stands beside it as <v>_driver_*.c. It may use all of
# reference/common; what it does not use is not linked.
FW_SRC     := harness/firmware/fw_conv2d_s8.c harness/firmware/fw_elementwise_s8.c harness/firmware/fw_maxpool_s8.c harness/firmware/fw_steps.c harness/firmware/rv32/crt0.S \
              harness/firmware/rv32/hal_rv32.c harness/firmware/rv32/libc.c harness/firmware/rv32/main.c \
              $(filter-out reference/common/test_% reference/common/%_host.c,$(wildcard reference/common/*.c)) \
              $(addprefix reference/ops/,activation_table_s8.c add_s8.c avgpool_s8.c concat_s8.c elementwise.c \
              fixed_point.c mul_s8.c pool2d.c quantise_multiplier.c requantise.c softmax_s8.c \
              upsample_nearest_s8.c)

FW_OBJ     := $(BUILD)/firmware/obj
FW_EXTRA   :=
# A copy loop must not become a call of the copy function.
$(FW_OBJ)/harness/firmware/rv32/libc.o: FW_EXTRA := -fno-builtin -fno-tree-loop-distribute-patterns
# The hot loop is written in the order that leaves all sums in registers.
$(FW_OBJ)/harness/firmware/fw_conv2d_s8.o: FW_EXTRA := -fno-schedule-insns -fno-tree-reassoc -fno-tree-ter
$(FW_OBJ)/harness/firmware/rv32/hal_rv32.o $(FW_OBJ)/harness/firmware/rv32/crt0.o: FW_ARCH := $(FW_ARCH_CSR)

FW_FLAGS   := $(BUILD)/firmware/flags
$(eval $(call bt_stamp,$(FW_FLAGS),$(FW_CC) $(FW_ARCH) $(FW_CFLAGS) $(FW_LDFLAGS)))

$(FW_OBJ)/%.o: %.c harness/firmware/firmware.mk $(FW_FLAGS) | bootstrap
	@mkdir -p $(@D)
	@echo "CC $< (rv32im)"
	@$(FW_CC) $(FW_ARCH) $(FW_CFLAGS) $(FW_EXTRA) -MMD -MP -c $< -o $@

$(FW_OBJ)/%.o: %.S harness/firmware/firmware.mk $(FW_FLAGS) | bootstrap
	@mkdir -p $(@D)
	@echo "AS $< (rv32im)"
	@$(FW_CC) $(FW_ARCH) -mabi=ilp32 -I. -MMD -MP -c $< -o $@

$(BUILD)/firmware/map.args: $(FW_MAP) $(BUILD)/bittrue-map
	@mkdir -p $(@D)
	@$(BUILD)/bittrue-map $(FW_MAP) >$@.new
	@mv $@.new $@

# What must not be in an image: floating point in software, a heap, anything of a C library but the six of rv32/libc.c.
FW_FORBIDDEN := ^(__.*[sdt]f[0-9]?|__(fix|float|ext|trunc).*[sdt]f.*|malloc|calloc|realloc|free|_?sbrk|printf|_start_c|abort|frexp|ldexp|round|floor|fmin)$$

# The driver's own main.o, since it names the driver; all else is shared.
define bt_firmware
FW_OBJ_$1 := $(patsubst %,$(FW_OBJ)/%.o,$(basename $(filter-out %/main.c,$(FW_SRC)) $(or $2,$(sort $(wildcard reference/$1/$1_driver.c reference/$1/$1_driver_*.c))))) \
             $(FW_OBJ)/$1/main.o

$(FW_OBJ)/$1/main.o: harness/firmware/rv32/main.c harness/firmware/firmware.mk $(FW_FLAGS) | bootstrap
	@mkdir -p $$(@D)
	@echo "CC $$< (rv32im, $1)"
	@$(FW_CC) $(FW_ARCH) $(FW_CFLAGS) -DBT_FW_DRIVER=$1_driver -MMD -MP -c $$< -o $$@

$(BUILD)/firmware/$1.elf: $$(FW_OBJ_$1) harness/firmware/rv32/link.ld $(BUILD)/firmware/map.args
	@echo "LD $$@"
	@$(FW_CC) $(FW_LDFLAGS) -Wl,@$(BUILD)/firmware/map.args -T harness/firmware/rv32/link.ld $$(FW_OBJ_$1) -lgcc -o $$@
	@$(FW_CROSS)nm $$@ | awk '{ print $$$$NF }' | grep -E '$(subst $$,$$$$,$(FW_FORBIDDEN))' | \
		{ ! sed 's,^,$$@: must not contain ,' | grep . ; } || { rm -f $$@; exit 1; }
endef

# A room of the harness's own tests, as firmware and linked into the test that plugs it in.
BT_POOLED  := harness/tests/pooled/pooled_driver harness/tests/pooled/pooled
$(eval $(call bt_firmware,pooled,harness/tests/pooled/pooled_driver.c reference/os_array/os_array_driver.c))
$(foreach b,$(BUILD) $(BUILD)/san $(BUILD)/cov,$(eval $b/test/test_chained: $(BT_POOLED:%=$b/obj/%.o)))
unit-test_chained coverage: | $(BUILD)/firmware/pooled.elf

-include $(wildcard $(FW_OBJ)/*/*.d $(FW_OBJ)/*/*/*.d $(FW_OBJ)/*/*/*/*.d)
