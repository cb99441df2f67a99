# SPDX-License-Identifier: GPL-2.0-or-later
# Tests. Unit tests: tests/unit/DIR_what_test.c links user/DIR and what that needs, nothing else.
# FL_BUILD tells packet and end-to-end tests whose binaries to use, so `make SAN=1 e2e` works; FL_LAB
# gives the namespaces another prefix than fl-e2e, so that two trees can be tested side by side;
# FL_PATIENCE=5 waits five times longer for everything, on a slow machine.

UNIT_SRCS := $(wildcard tests/unit/*_test.c)
UNIT_BINS := $(UNIT_SRCS:tests/unit/%.c=$(BUILD)/tests/unit/%)
RESULTS := $(BUILD_ROOT)/test-results
SUITE := $(if $(SAN),san-)$(if $(COV),cov-)

define unit_rule
$(BUILD)/tests/unit/$(1): tests/unit/$(1).c $(call libs,$(firstword $(subst _, ,$(1))))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(CPPFLAGS) $$(CFLAGS) $$(LDFLAGS) $$(filter %.c %.a,$$^) \
		$(call pkg_libs,$(firstword $(subst _, ,$(1)))) -lcmocka -lm -o $$@
endef
$(foreach t,$(UNIT_SRCS:tests/unit/%.c=%),$(eval $(call unit_rule,$(t))))

.PHONY: unit e2e e2echeck e2e-built check check-long demo demo-down
#: make unit        the unit tests (SAN=1: under ASan and UBSan)
unit: $(UNIT_BINS)
	@tests/unit.sh $(RESULTS)/$(SUITE)unit $(UNIT_BINS)

# The lab's own BPF programs, see their sources.
LAB_OBJS := $(BUILD)/tests/xdp_pass.bpf.o $(BUILD)/tests/lossy.bpf.o

$(BUILD)/tests/%.bpf.o: tests/lab/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

# What drives user/net alone in tests/e2e/test_net.py.
$(BUILD)/tests/netwatch: tests/e2e/netwatch/netwatch.c $(call libs,net)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(filter %.c %.a,$^) $(call pkg_libs,net) -o $@

# A cluster of Kafka for tests/e2e/test_probes_net.py; its bind() must be seen by the library.
$(BUILD)/tests/kafkamock: tests/e2e/kafkamock/kafkamock.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -rdynamic $< $$($(PKG_CONFIG) --libs rdkafka) -ldl -o $@

# What no table has room for, in tests/e2e/test_transitions.py.
$(BUILD)/tests/forge: tests/e2e/forge/forge.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $< -o $@

# Another time of the day for one process (tests/e2e/test_vrrp.py), and routes that stay (test_anycast.py).
$(BUILD)/tests/clock.so $(BUILD)/tests/stuck.so: $(BUILD)/tests/%.so: tests/lab/%.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS) -O2 -Wall -Wextra -Werror -fPIC -shared $< -o $@

# They wait more than they work: as many labs as this, a file of tests in one of them. The longest files
# come first (conftest.py).
E2E_JOBS := 2

#: make e2e         all end-to-end tests, in namespaces fl-e2e* (root; FL_LAB=: another prefix)
e2e: e2e-built
	@FL_BUILD=$(BUILD) tests/e2e.sh full $(E2E_JOBS) $(RESULTS)/$(SUITE)e2e

# The short form, part of `make check`: without those that are marked `long`.
e2echeck: e2e-built
	@FL_BUILD=$(BUILD) tests/e2e.sh check $(E2E_JOBS) $(RESULTS)/$(SUITE)e2e

e2e-built: all $(LAB_OBJS) $(BUILD)/tests/netwatch $(BUILD)/tests/kafkamock $(BUILD)/tests/forge $(BUILD)/tests/clock.so $(BUILD)/tests/stuck.so

#: make check       install what is missing, build, run every test, one line of sums (root)
check:
	@tests/check.sh

#: make check-long  what check leaves out: all end-to-end tests, all tests in every kernel (root; an hour and more)
check-long:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory e2e
	@$(MAKE) --no-print-directory vmtest

#: make demo        the main job on real traffic; KEEP=1 leaves it up, SCENARIO=incident: a drill (root)
demo: deps
	@$(MAKE) --no-print-directory all $(LAB_OBJS)
	@$(PYTHON) -B tests/demo/demo.py up --build $(BUILD) $(if $(KEEP),--keep) $(if $(SCENARIO),--scenario $(SCENARIO))

#: make demo-down   remove a demo that was left up
demo-down:
	@$(PYTHON) -B tests/demo/demo.py down --build $(BUILD)
