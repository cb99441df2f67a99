# SPDX-License-Identifier: GPL-2.0-or-later
# What probes cost at scale, and how soon what they find is what packets do: see tests/bench/health/.

HEALTH := $(BUILD)/tests/health

$(HEALTH)/share: tests/bench/health/share.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $< -o $@

$(HEALTH)/slotwatch: tests/bench/health/slotwatch.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $< $(shell $(PKG_CONFIG) --libs libbpf) -o $@

HEALTH_BINS := $(HEALTH)/share $(HEALTH)/slotwatch

# tests/e2e/test_bench.py runs them.
e2e-built: $(HEALTH_BINS)

.PHONY: bench-health
#: make bench-health  probes at scale, detection, false alarms; build/bench/health.json (root; PARTS=, DURATION=)
bench-health: deps all $(LAB_OBJS) $(HEALTH_BINS)
	@mkdir -p $(BUILD_ROOT)/bench
	@$(PYTHON) -B tests/bench/health/health.py $(BUILD) $(BUILD_ROOT)/bench/health.json $(PARTS)
