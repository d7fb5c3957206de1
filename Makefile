# dlp-sensor: see README.md. `make help` lists the targets.
#
#   make CC=clang BUILD=build/clang                     another compiler, its own directory
#   make SAN=address,undefined BUILD=build/asan         under sanitizers
#   make WERROR=1                                       warnings are errors, as in `make test`
BUILD      ?= build
PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR    ?=
CC         := $(if $(filter default,$(origin CC)),gcc,$(CC))
PYTHON     ?= /usr/bin/python3

# Debian 12 packages: to build, to run the demo, to run the tests.
BUILD_DEPS := gcc libc6-dev libpcap-dev libndpi-dev libhtp-dev libyara-dev libhiredis-dev libevent-dev \
              libhyperscan-dev libyaml-dev libssl-dev zlib1g-dev libzstd-dev libbrotli-dev libnghttp2-dev
DEMO_DEPS  := redis-server
# What tests/live/protocols.py sends files by.
PEER_DEPS  := libnginx-mod-http-dav-ext cadaver nghttp2-client nghttp2-server nghttp2-proxy python3-grpcio \
              python3-websockets swaks python3-aiosmtpd exim4-daemon-light dovecot-imapd dovecot-pop3d vsftpd samba \
              smbclient msmtp s-nail mutt isync fetchmail rsync openssh-client rsh-client tftpd-hpa tftp-hpa \
              mosquitto mosquitto-clients dcmtk \
              nfs-ganesha nfs-ganesha-vfs rpcbind libnfs-utils nfs-common kmod user-mode-linux
TEST_DEPS  := $(DEMO_DEPS) clang libclang-rt-14-dev libcmocka-dev python3 python3-scapy python3-yaml curl nginx \
              netcat-openbsd openssl libjpeg-turbo-progs ethtool iproute2 tcpdump gzip zstd cppcheck git valgrind \
              python3-cryptography tshark gnutls-bin ngtcp2-client ngtcp2-server openvpn openssh-server $(PEER_DEPS)

# The folders, in dependency order: a folder may use those before it (`make lint` holds the order).
FOLDERS  := util capture packet flow stream app object facts match alert output ops cli

WARN     := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
# gcc 12 sees conversions in the code its own sanitizers add.
ifneq ($(SAN),)
WARN     := $(filter-out -Wconversion,$(WARN))
endif
HARDEN   := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fPIE
OPT      ?= -O2
CFLAGS   ?= $(OPT) -g
CPPFLAGS += -D_GNU_SOURCE -Iinclude -Isensor
SAN      ?=
WERROR   ?=
ALL_CFLAGS = -std=gnu11 $(WARN) $(if $(WERROR),-Werror) \
             $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined,$(HARDEN)) $(CFLAGS)
LDFLAGS  += -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN))
LIBS     := -lpcap -lndpi -lhtp -lyara -lhiredis -levent -levent_pthreads -levent_openssl -lhs -lyaml -lcrypto -lssl \
            -lz -lzstd -lbrotlidec -lnghttp2 -lm -lpthread

SRC      := $(foreach d,$(FOLDERS),$(wildcard sensor/$(d)/*.c))
TOP      := $(wildcard sensor/*.c)
OBJ      := $(SRC:%.c=$(BUILD)/%.o)
TOP_OBJ  := $(TOP:%.c=$(BUILD)/%.o)
LIB      := $(foreach d,$(FOLDERS),$(if $(wildcard sensor/$(d)/*.c),$(BUILD)/$(d).a))
UNIT     := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*/*_test.c))
FUZZ     := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*_fuzz.c))

.PHONY: all help deps demo-deps test-deps demo unit unit-programs test test-long bench accuracy fuzz fuzz-programs lint install clean FORCE
.DELETE_ON_ERROR:

all: $(BUILD)/dlp-sensor

$(BUILD)/dlp-sensor: $(TOP_OBJ) $(LIB)
	$(CC) $(LDFLAGS) -o $@ $(TOP_OBJ) -Wl,--start-group $(LIB) -Wl,--end-group $(LIBS)

$(BUILD)/%.o: %.c $(BUILD)/.flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Other flags than last time, and what stands in $(BUILD) is built again.
$(BUILD)/.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CPPFLAGS) $(ALL_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CPPFLAGS) $(ALL_CFLAGS)' > $@

# One archive a folder; the folder itself is named so that a removed file leaves the archive.
define archive
$(BUILD)/$(1).a: $(patsubst %.c,$(BUILD)/%.o,$(wildcard sensor/$(1)/*.c)) sensor/$(1)
	@mkdir -p $$(@D)
	@rm -f $$@
	ar rcs $$@ $$(filter %.o,$$^)
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

# `make unit`, or `make unit-packet` for one folder's; `make unit-programs` builds them only.
unit: $(UNIT)
	@set -e; for t in $(UNIT); do echo "== $$t"; $$t; done
unit-programs: $(UNIT)
unit-%:
	@$(MAKE) --no-print-directory $(filter $(BUILD)/unit/$*/%,$(UNIT))
	@set -e; for t in $(filter $(BUILD)/unit/$*/%,$(UNIT)); do echo "== $$t"; $$t; done

# Fuzz targets link everything below the wiring; tests/fuzz/run.sh says with which compiler and sanitizers.
fuzz-programs: $(FUZZ)
$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $< -Wl,--start-group $(LIB) -Wl,--end-group $(LIBS) -lcmocka

$(BUILD)/bench/scan: $(BUILD)/tests/bench/scan.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(LIB) -Wl,--end-group $(LIBS)

deps: ## install what the build needs (Debian 12, as root)
	@sh tests/tools/need.sh $(BUILD_DEPS)
demo-deps: deps
	@sh tests/tools/need.sh $(DEMO_DEPS)
test-deps: deps
	@sh tests/tools/need.sh $(TEST_DEPS)

# The sub-makes look at the sources afresh, after the packages came.
demo: demo-deps ## build, replay pcaps/ into a private Redis, show the alerts
	@echo "Building dlp-sensor ..."
	@$(MAKE) --no-print-directory -s all
	@sh tests/tools/demo.sh $(BUILD)/dlp-sensor
test: test-deps ## everything, in its short form: about ten minutes
	@$(PYTHON) tests/run.py
test-long: test-deps ## the same at full length: hours
	@$(PYTHON) tests/run.py --long
bench: test-deps all $(BUILD)/bench/scan ## speed beside tcpdump, tcpflow and tshark on generated captures
	@$(PYTHON) tests/bench/run.py --sensor $(BUILD)/dlp-sensor
	@$(PYTHON) tests/bench/scan.py $(BUILD)/bench/scan
accuracy: test-deps all $(BUILD)/accuracy/scan ## what the recognisers find and what they do not: a table
	@$(PYTHON) tests/accuracy/run.py --build $(BUILD)
$(BUILD)/accuracy/scan: $(BUILD)/tests/accuracy/scan.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(LIB) -Wl,--end-group $(LIBS)
$(BUILD)/app/talk: $(BUILD)/tests/app/talk.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(LIB) -Wl,--end-group $(LIBS)
fuzz: test-deps ## every fuzz target, FUZZ_SECONDS (60) each
	@sh tests/fuzz/run.sh $(or $(FUZZ_SECONDS),60)
lint: ## the house rules: include order, banned functions, sizes
	@sh tests/tools/lint.sh

# The manual's lists of options and settings are the program's own words.
MANUAL = -v program=$(BUILD)/dlp-sensor -v version=$$(sed -n 's/.*DLP_VERSION "\(.*\)"/\1/p' include/version.h) \
         -f sensor/ops/manual.awk
install: all ## program, rules, sample configuration, unit, man pages
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/share/dlp-sensor $(DESTDIR)$(SYSCONFDIR)/dlp-sensor \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/share/man/man8 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 755 $(BUILD)/dlp-sensor $(DESTDIR)$(PREFIX)/sbin/dlp-sensor
	cd rules && find . -type f \
	    -exec install -D -m 644 {} $(abspath $(DESTDIR)$(PREFIX))/share/dlp-sensor/rules/{} \;
	test -e $(DESTDIR)$(SYSCONFDIR)/dlp-sensor/sensor.yaml || \
	    install -m 644 sensor/ops/sensor.yaml $(DESTDIR)$(SYSCONFDIR)/dlp-sensor/sensor.yaml
	sed 's|@SBINDIR@|$(PREFIX)/sbin|; s|@SYSCONFDIR@|$(SYSCONFDIR)|' sensor/ops/dlp-sensor.service \
	    > $(DESTDIR)$(PREFIX)/lib/systemd/system/dlp-sensor.service
	awk $(MANUAL) sensor/ops/dlp-sensor.8 > $(DESTDIR)$(PREFIX)/share/man/man8/dlp-sensor.8
	awk $(MANUAL) sensor/ops/dlp-sensor.yaml.5 > $(DESTDIR)$(PREFIX)/share/man/man5/dlp-sensor.yaml.5

clean: ## remove $(BUILD)
	rm -rf $(BUILD)

help: ## this list
	@echo "make            build $(BUILD)/dlp-sensor"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
	    while IFS='|' read -r target what; do printf 'make %-10s %s\n' "$$target" "$$what"; done
	@echo "make unit-X     the unit tests of folder X: $(FOLDERS)"

-include $(OBJ:.o=.d) $(TOP_OBJ:.o=.d) $(UNIT:$(BUILD)/%=$(BUILD)/tests/%.d) $(FUZZ:$(BUILD)/%=$(BUILD)/tests/%.d)
