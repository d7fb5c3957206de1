# dlp-sensor: see README.md. `make help` lists the targets.
BUILD   ?= build
PREFIX  ?= /usr/local
CC      ?= gcc
# The folders, in dependency order: a folder may use those before it (`make lint` holds the order).
FOLDERS  := util capture packet flow stream app object facts match alert output ops cli

WARN     := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
HARDEN   := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fPIE
OPT      ?= -O2
CFLAGS   ?= $(OPT) -g
CPPFLAGS += -D_GNU_SOURCE -Iinclude -Isensor
SAN      ?=
ALL_CFLAGS = -std=gnu11 $(WARN) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined,$(HARDEN)) $(CFLAGS)
LDFLAGS  += -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN))
LIBS     := -lpcap -lndpi -lhtp -lyara -lhiredis -levent -levent_pthreads -lhs -lyaml -lcrypto -lssl -lz -lzstd -lm -lpthread

SRC      := $(foreach d,$(FOLDERS),$(wildcard sensor/$(d)/*.c))
TOP      := $(wildcard sensor/*.c)
OBJ      := $(SRC:%.c=$(BUILD)/%.o)
TOP_OBJ  := $(TOP:%.c=$(BUILD)/%.o)
LIB      := $(foreach d,$(FOLDERS),$(if $(wildcard sensor/$(d)/*.c),$(BUILD)/$(d).a))
UNIT     := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*/*_test.c))

.PHONY: all clean unit
all: $(BUILD)/dlp-sensor

$(BUILD)/dlp-sensor: $(TOP_OBJ) $(LIB)
	$(CC) $(LDFLAGS) -o $@ $(TOP_OBJ) -Wl,--start-group $(LIB) -Wl,--end-group $(LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

define archive
$(BUILD)/$(1).a: $(patsubst %.c,$(BUILD)/%.o,$(wildcard sensor/$(1)/*.c))
	@mkdir -p $$(@D)
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach d,$(FOLDERS),$(eval $(call archive,$(d))))

# A unit test of folder X links the archives of X and the folders before it:
# upto(X) is that list.
upto = $(if $(1),$(if $(filter $(2),$(firstword $(1))),$(2),$(firstword $(1)) $(call upto,$(wordlist 2,99,$(1)),$(2))))
define unit_rule
$(BUILD)/unit/$(1): $(BUILD)/tests/unit/$(1).o $(foreach d,$(call upto,$(FOLDERS),$(firstword $(subst /, ,$(1)))),$(if $(wildcard sensor/$(d)/*.c),$(BUILD)/$(d).a))
	@mkdir -p $$(@D)
	$$(CC) $$(LDFLAGS) -o $$@ $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(LIBS) -lcmocka
endef
$(foreach t,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*/*_test.c)),$(eval $(call unit_rule,$(t))))

# `make unit`, or `make unit-packet` for one folder's.
unit: $(UNIT)
	@set -e; for t in $(UNIT); do echo "== $$t"; $$t; done
unit-%:
	@$(MAKE) --no-print-directory $(filter $(BUILD)/unit/$*/%,$(UNIT))
	@set -e; for t in $(filter $(BUILD)/unit/$*/%,$(UNIT)); do echo "== $$t"; $$t; done

clean:
	rm -rf $(BUILD)

-include $(OBJ:.o=.d) $(TOP_OBJ:.o=.d)
