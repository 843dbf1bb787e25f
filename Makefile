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
CPPFLAGS   := -D_GNU_SOURCE -I.
CFLAGS     := -std=c11 -Wall -Wextra -Wpedantic -Werror -g
OPT        := -O2
# The reference operators are the longest part of a verification run.
OPT_REF    := -O3
SANITIZE   := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDLIBS     := -lcyaml -lyaml -ljansson -ldnnl -lxxhash -ldl -lpthread -lm

MAKEFLAGS  += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

# ---- sources ------------------------------------------------------------------------------------------------------

C_ALL      := $(sort $(wildcard harness/*.c reference/*.c reference/*/*.c))
TEST_SRC   := $(foreach f,$(C_ALL),$(if $(filter test_%,$(notdir $f)),$f))
FUZZ_SRC   := $(foreach f,$(C_ALL),$(if $(filter fuzz_%,$(notdir $f)),$f))
LIB_SRC    := $(filter-out harness/main.c $(TEST_SRC) $(FUZZ_SRC),$(C_ALL))
TESTS      := $(notdir $(TEST_SRC:.c=))
VARIANTS   := $(shell sed -n 's/^VARIANT(\([a-z0-9_]*\)).*/\1/p' harness/variants.def)

ifneq ($(words $(TESTS)),$(words $(sort $(TESTS))))
$(error two unit tests share a file name; each must be unique: $(TESTS))
endif

# ---- bootstrap ----------------------------------------------------------------------------------------------------

.PHONY: bootstrap
bootstrap:
	@ci/bootstrap core

# ---- library, programs, unit tests; one flavour plain and one under sanitizers ---------------------------------------

# $1: folder, $2: extra compile and link flags
define flavour
$1/obj/%.o: %.c | bootstrap
	@mkdir -p $$(@D)
	@echo "CC $$<$(if $2, (sanitized))"
	@$$(CC) $$(CPPFLAGS) $$(CFLAGS) $$(if $$(filter reference/%,$$<),$$(OPT_REF),$$(OPT)) $2 -MMD -MP -c $$< -o $$@

$1/libbittrue.a: $(LIB_SRC:%.c=$1/obj/%.o)
	@echo "AR $$@"
	@rm -f $$@
	@$$(AR) rcs $$@ $$^

$1/bittrue: $1/obj/harness/main.o $1/libbittrue.a
	@echo "LD $$@"
	@$$(CC) $2 -rdynamic $$^ $$(LDLIBS) -o $$@

$1/bittrue-glue: $1/obj/harness/sim/glue.o $1/libbittrue.a
	@echo "LD $$@"
	@$$(CC) $2 $$^ $$(LDLIBS) -o $$@

$(foreach t,$(TEST_SRC),$1/test/$(notdir $(t:.c=)): $1/obj/$(t:.c=.o) $1/libbittrue.a
)
$(TESTS:%=$1/test/%):
	@mkdir -p $$(@D)
	@echo "LD $$@"
	@$$(CC) $2 -rdynamic $$^ -lcmocka $$(LDLIBS) -o $$@
endef
$(eval $(call flavour,$(BUILD),))
$(eval $(call flavour,$(BUILD)/san,$(SANITIZE)))

-include $(wildcard $(BUILD)/obj/*/*.d $(BUILD)/obj/*/*/*.d $(BUILD)/san/obj/*/*.d $(BUILD)/san/obj/*/*/*.d)

all: $(if $(wildcard harness/main.c),$(BUILD)/bittrue) ## build the program
.PHONY: all
